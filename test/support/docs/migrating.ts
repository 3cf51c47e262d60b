import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_SECRET, type PageTest } from '../docs-page.ts'

const sign = (secondsAgo: number): string =>
  signInstance(
    { instanceId: 'site-1', uid: 'me', signDate: new Date(Date.now() - secondsAgo * 1000).toISOString() },
    APP_SECRET,
  )

export default {
  implicitAny: true,
  claims: {
    'replace a middleware: the owner of a known site and of a new one come in, and nobody else': async (page) => {
      const server = await page.start('own.mjs')
      const owner = { instanceId: 'site-1', uid: 'me', permissions: 'OWNER', appDefId: APP_ID }
      const ask = async (instance: string): Promise<[number, string]> => {
        const response = await server.ask(`/portal?instance=${instance}`)
        const body = await response.text()
        return [response.status, response.ok ? body : (JSON.parse(body) as { code: string }).code]
      }
      const of = (payload: object, secret = APP_SECRET): string => signInstance({ ...owner, ...payload }, secret)
      expect(await ask(of({}))).to.deep.equal([200, 'Hello client-1'])
      expect(await ask(of({ instanceId: 'site-2' }))).to.deep.equal([200, 'Welcome! Let us set up your site.'])
      expect(await ask(of({ uid: undefined, aid: 'a', permissions: undefined }))).to.deep.equal([
        403,
        'insufficient_scope',
      ])
      expect(await ask(of({}, 'another-secret'))).to.deep.equal([401, 'signature_invalid'])
      expect(await ask(of({ appDefId: 'another-app' }))).to.deep.equal([401, 'claim_invalid'])
      expect(await ask(of({ signDate: '2020-01-01T00:00:00.000Z' }))).to.deep.equal([401, 'token_expired'])
    },
    'accept an instance for a minute': async (page) => {
      const server = await page.start('server.cjs')
      expect(await (await server.ask(`/?instance=${sign(0)}`)).json()).to.deep.equal({ user: { id: 'me' } })
      expect((await server.ask(`/?instance=${sign(100)}`)).status).to.equal(401)
    },
    'apply a rule of the app': async (page) => {
      const server = await page.start('server.cjs')
      const now = await server.ask(`/this-year?instance=${sign(0)}`)
      expect(await now.json()).to.deep.equal({ user: { id: 'me' } })
      expect((await server.ask(`/this-year?instance=${sign(366 * 86_400)}`)).status).to.equal(401)
    },
  },
} satisfies PageTest
