import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

const sign = (secondsAgo: number): string =>
  signInstance(
    { instanceId: 'site-1', uid: 'me', signDate: new Date(Date.now() - secondsAgo * 1000).toISOString() },
    APP_SECRET,
  )

export default {
  claims: {
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
