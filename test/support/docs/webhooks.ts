import { expect } from 'chai'
import { generateAppKeys, signDigest, signServicePlugin, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, type Page, type PageTest, type Running } from '../docs-page.ts'
import { REDIS } from '../programs.ts'
import { redisServer } from '../redis.ts'

const { privateKey } = APP_KEYS
const hasRedis = REDIS.path !== undefined

const start = (page: Page): Promise<Running> => page.start('server.mjs')

const post = (server: Running, path: string, body: string, headers: Record<string, string> = {}) =>
  server.ask(path, { method: 'POST', headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body })

// What the program cannot be asked from outside.
const SEEN = `
const updated = (entityEventSequence, name) =>
  ({ eventType: 'u', instanceId: 'site-1', data: { entityId: 'ann', entityEventSequence, updatedEvent: { currentEntity: { name } } } })
const deleted = { eventType: 'd', instanceId: 'site-1', data: { entityId: 'ann', entityEventSequence: '11', triggeredByAnonymizeRequest: true } }
const update = handlers.get('wix.contacts.v4.contact_updated')
update(updated('9', 'Ann'))
update(updated('10', 'Anna'))
update(updated('9', 'Ann'))
console.log(contacts.get('site-1 ann').contact.name)
notes.set('site-1 ann', 'likes tea')
handlers.get('wix.contacts.v4.contact_deleted')(deleted)
update(updated('10', 'Anna'))
console.log(contacts.get('site-1 ann').contact, notes.size)
process.exit()
`

export default {
  compiledOnly: hasRedis ? {} : { 'once.mjs': 'needs a Redis server', 'once-ioredis.mjs': 'needs a Redis server' },
  claims: {
    'sends a webhook that the server takes, and a repeat of it': async (page) => {
      const server = await page.startShell('node server.mjs')
      page.hosts['http://localhost:3000'] = server.url
      expect(await page.shell('# in a second terminal')).to.equal('text/plain 200\napplication/json 200\n')
      await server.printed(/^installed on site-1\n$/)
      expect(
        (await post(server, '/webhooks', signWebhook({ instanceId: 'a', eventType: 'b' }, privateKey))).status,
      ).to.equal(401, 'it is of another key')
    },
    'says what a parser in front does with it': async (page) => {
      const code = page.files.get('server.mjs') ?? ''
      await page.write('parsed.mjs', code.replace('= express()', '= express()\napp.use(express.json())'))
      const server = await page.startWritten('parsed.mjs', 'server.mjs')
      const body = signWebhook({ instanceId: 'site-1', eventType: 'b' }, privateKey)
      const json = { 'content-type': 'application/json' }
      expect((await post(server, '/webhooks', body)).status).to.equal(200)
      const refused = await post(server, '/webhooks', body, json)
      expect([refused.status, await refused.text()].join()).to.match(/^400,.* is not valid JSON/s)
      const refund = { ...json, digest: signDigest('{}', privateKey) }
      expect((await post(server, '/payments/refund', '{}', refund)).status).to.equal(500)
    },
    'answers 200 to a genuine event of any type and of any site': async (page) => {
      const server = await start(page)
      for (const eventType of ['AppInstalled', 'AppRemoved', 'wix.ecom.v1.order_created']) {
        const body = signWebhook({ instanceId: 'unknown', eventType, data: {} }, privateKey)
        expect((await post(server, '/webhooks', body)).status).to.equal(200)
      }
    },
    'lets the newest state of an entity win, and erases what was asked for': async (page) => {
      await page.write('seen.mjs', `${page.files.get('server.mjs')}${SEEN}`)
      expect(await page.execute('seen.mjs', 'server.mjs', { PORT: '0' })).to.equal('Anna\nundefined 0\n')
    },
    'adds a fee to a cart, and takes nothing else': async (page) => {
      const server = await start(page)
      const path = '/plugins/fees/v1/calculate-additional-fees'
      const call = (request: object) =>
        signServicePlugin({ appId: APP_ID, request, metadata: { instanceId: 'site-1', currency: 'EUR' } }, privateKey)
      expect(await (await post(server, path, call({ lineItems: [{}] }))).json()).to.deep.equal({
        additionalFees: [{ code: 'wrapping', name: 'Gift wrapping', price: '1.50', taxDetails: { taxable: true } }],
        currency: 'EUR',
      })
      expect((await post(server, path, call({}))).status).to.equal(400)
    },
    'runs a tool for the site that calls, and takes no other input': async (page) => {
      const server = await start(page)
      const call = (request: object, instanceId = 'site-1') =>
        post(
          server,
          '/plugins/tools/v1/run-tool',
          signServicePlugin({ appId: APP_ID, request, metadata: { instanceId } }, privateKey),
        )
      const genuine = { methodName: 'trackParcel', payload: { number: 'RB1' } }
      expect(await (await call(genuine)).json()).to.deep.equal({ response: { status: 'in transit' } })
      expect(await (await call(genuine, 'site-2')).json()).to.deep.equal({ response: { status: 'unknown' } })
      for (const odd of [
        {},
        { ...genuine, methodName: 'constructor' },
        { ...genuine, payload: null },
        { ...genuine, payload: 'RB1' },
        { ...genuine, payload: { number: ['RB1'] } },
        { ...genuine, payload: { number: 'RB1 OR 1=1' } },
      ]) {
        expect((await call(odd)).status).to.equal(400)
      }
    },
    'takes webhooks of many apps, each with its own key': async (page) => {
      const server = await start(page)
      const body = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled', data: {} }, privateKey)
      const other = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, generateAppKeys().privateKey)
      expect((await post(server, '/apps/blog/webhooks', body)).status).to.equal(200)
      expect((await post(server, '/apps/blog/webhooks', other)).status).to.equal(401)
      expect((await post(server, '/apps/shop/webhooks', body)).status).to.equal(401)
    },
    'refunds once, and takes nothing but a refund': async (page) => {
      const server = await start(page)
      const refund = async (body: string, digest = signDigest(body, privateKey)) =>
        post(server, '/payments/refund', body, { 'content-type': 'application/json', digest })
      const body = JSON.stringify({ wixRefundId: 'refund-of-ann' })
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await (await refund(body)).json()).to.deep.equal({ pluginRefundId: 'refund-1' })
      }
      expect((await refund('{}')).status).to.equal(400)
      expect((await refund('{}', signDigest(body, privateKey))).status).to.equal(401)
    },
    ...(hasRedis && {
      'shares what was handled in Redis': async (page: Page) => {
        const redis = await redisServer()
        try {
          for (const name of ['once.mjs', 'once-ioredis.mjs']) {
            await page.write('shared.mjs', `import { once } from './${name}'\nconsole.log(typeof once)\nprocess.exit()`)
            expect(await page.execute('shared.mjs', name, { REDIS_URL: redis.url })).to.equal('function\n')
          }
        } finally {
          await redis.kill()
        }
      },
    }),
    'is verified without Passport': async (page) => {
      const body = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, privateKey)
      await page.write(
        'job.mjs',
        `import { eventOf } from './queue.mjs'\nconsole.log((await eventOf('${body}')).eventType)`,
      )
      expect(await page.execute('job.mjs', 'queue.mjs')).to.equal('AppInstalled\n')
    },
  },
} satisfies PageTest
