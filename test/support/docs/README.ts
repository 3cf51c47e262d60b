import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { signDigest, signInstance, signServicePlugin, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const MARK = '// The blocks below go here\n'

/** The lines that the page puts into `.env`. */
const SECRET = 'WIX_APP_SECRET=my-secret'
const DEBUG = 'NODE_DEBUG=passport-wix-app'

/** With each block where the page says that it goes: above the error handler. */
const start = async (page: Page): Promise<Running> => {
  const [first = '', ...more] = page.blocks.map(({ code }) => code).filter((code) => code.startsWith('// server.mjs'))
  const parts = first.split(MARK)
  expect(parts).to.have.lengthOf(2)
  await page.write('server.mjs', parts.join(more.join('')))
  await page.write('.env', `${SECRET}\n`)
  return page.startShell('node --env-file=.env server.mjs')
}
const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
const post = (server: Running, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  server.ask(path, { method: 'POST', headers: { 'content-type': 'text/plain', ...headers }, body })

export default {
  notRun: {
    'npm install passport-wix-app': 'test/package.test.ts installs the package',
    'npm start': 'test/example-app has the tests of the example app',
  },
  claims: {
    'name the lines of `.env`': async () => {
      const text = await readFile(join(import.meta.dirname, '../../../README.md'), 'utf8')
      for (const line of [SECRET, DEBUG]) expect(text).to.include(`the line \`${line}\``)
    },
    'sign in the owner, and refuse a forged instance': async (page) => {
      const server = await start(page)
      const { search } = new URL((await page.shell('node sign.mjs')).trim())
      expect(await (await server.ask(`/dashboard${search}`)).text()).to.match(
        /^{"user":{"id":"me","site":{"instanceId":"site-1","since":".*"}},"subjectType":"USER"}$/,
      )
      const forged = await server.ask('/dashboard?instance=forged')
      expect(forged.status).to.equal(401)
      expect(await forged.json()).to.include({ code: 'token_malformed' })
    },
    'keep anonymous visitors out of the dashboard': async (page) => {
      const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
      const response = await (await start(page)).ask(`/dashboard?instance=${visitor}`)
      expect(response.status).to.equal(403)
      expect(await response.json()).to.deep.equal({
        code: 'insufficient_scope',
        message: 'This Wix identity may not do this',
      })
      expect((await start(page)).output).to.not.include('at ')
    },
    'log an error of the app with its cause, and in production not show it to the caller': async (page) => {
      await start(page)
      const code = await readFile(join(page.folder, 'server.mjs'), 'utf8')
      const database =
        "{ has() { throw Object.assign(new Error('The database is gone', { cause: 'its disk' }), { code: 'EIO' }) } }"
      await page.write('broken.mjs', code.replace('const sites = new Map()', `const sites = ${database}`))
      const server = await page.startWritten('broken.mjs', 'server.mjs', { NODE_ENV: 'production' })
      const response = await server.ask(`/dashboard?instance=${owner}`)
      expect(response.status).to.equal(500)
      expect(await response.text()).to.not.include('The database is gone')
      await server.printed(/^Error: The database is gone\n {4}at [^]*its disk/m)
    },
    'say at start-up that the secret is missing': async (page) => {
      const failed = await page.run('server.mjs', { WIX_APP_SECRET: undefined }).catch((error: unknown) => error)
      expect(failed)
        .to.have.property('stderr')
        .that.matches(/TypeError: WixAppStrategy.*`secret`.*undefined/)
    },
    'tell in the log why a request is refused': async (page) => {
      await page.write('.env', `${SECRET}\n${DEBUG}\n`)
      // By another part of the command: this is another process.
      const server = await page.startShell('.env server.mjs')
      const signDate = new Date(Date.now() - 26 * 3600_000).toISOString()
      const old = signInstance({ instanceId: 'site-1', signDate }, APP_SECRET)
      const response = await server.ask(`/dashboard?instance=${old}`)
      expect([response.status, await response.json()]).to.deep.equal([
        401,
        { code: 'token_expired', message: 'This Wix credential has expired: reload the page to get a new one' },
      ])
      const { code = '' } = page.blocks.find(({ language }) => language === 'log') ?? {}
      // The process is another one each time.
      const line = code.trimEnd().replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
      await server.printed(new RegExp(line.replace('4711', '\\d+')))
    },
    'sign in with an access token, and answer an outage with 503': async (page) => {
      const server = await start(page)
      const token = (): string => page.wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', subjectId: 'me' })
      const me = await server.ask('/api/me', { headers: { authorization: token() } })
      expect(await me.json()).to.deep.equal({ user: { id: 'me' } })
      const foreign = page.wix.accessToken({ instanceId: 'site-1', clientId: 'another-app' })
      const refused = await server.ask('/api/me', { headers: { authorization: foreign } })
      expect(refused.status).to.equal(401)
      expect(refused.headers.get('www-authenticate')).to.match(/^Bearer realm="Wix", error="invalid_token"/)
      page.wix.fault('token-info', { status: 429, headers: { 'Retry-After': '7' } })
      const outage = await server.ask('/api/me', { headers: { authorization: token() } })
      expect([outage.status, outage.headers.get('retry-after')]).to.deep.equal([503, '7'])
      // From the error handler: the route is above it.
      expect(await outage.json()).to.deep.equal({ code: 'unavailable', message: 'Service Unavailable' })
      await server.printed(/WixUnavailableError: Token Info is unavailable: status 429/)
    },
    'trade an instance for a session token, which opens the API beside the access tokens': async (page) => {
      const server = await start(page)
      const session = await server.ask('/session', { method: 'POST', headers: { authorization: owner } })
      expect(session.headers.get('cache-control')).to.equal('no-store')
      const { token } = (await session.json()) as { token: string }
      const orders = await server.ask('/api/orders', { headers: { authorization: `Bearer ${token}` } })
      expect(await orders.json()).to.have.nested.include({ 'user.instanceId': 'site-1', 'user.subjectId': 'me' })
      expect((await server.ask('/api/orders')).status).to.equal(401)
      const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
      const trade = await server.ask('/session', { method: 'POST', headers: { authorization: visitor } })
      const ofVisitor = (await trade.json()) as { token: string }
      const denied = await server.ask('/api/orders', { headers: { authorization: `Bearer ${ofVisitor.token}` } })
      expect(denied.status).to.equal(403)
      expect(await denied.json()).to.include({ code: 'insufficient_scope' })
    },
    'handle a webhook, a service plugin call and a Digest header': async (page) => {
      const server = await start(page)
      const removed = signWebhook({ instanceId: 'site-1', eventType: 'AppRemoved' }, APP_KEYS.privateKey)
      expect((await post(server, '/webhooks', removed)).status).to.equal(200)
      expect((await post(server, '/webhooks', 'forged')).status).to.equal(401)
      const call = signServicePlugin(
        { appId: APP_ID, metadata: { instanceId: 'site-1', currency: 'EUR' } },
        APP_KEYS.privateKey,
      )
      const fees = await post(server, '/plugins/fees/v1/calculate-additional-fees', call)
      expect(await fees.json()).to.deep.equal({ additionalFees: [], currency: 'EUR' })
      const body = '{"amount":5}'
      const refund = await post(server, '/payments/refund', body, { digest: signDigest(body, APP_KEYS.privateKey) })
      expect(await refund.json()).to.deep.equal({ received: { amount: 5 } })
    },
  },
} satisfies PageTest
