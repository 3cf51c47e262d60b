import { expect } from 'chai'
import { signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, type Page, type PageTest, type Running } from '../docs-page.ts'

const { privateKey } = APP_KEYS

const start = (page: Page): Promise<Running> => page.start('server.mjs')

const post = (server: Running, path: string, body: string, headers: Record<string, string> = {}) =>
  server.ask(path, { method: 'POST', headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body })

// What the program cannot be asked from outside.
const SEEN = `
const updated = (entityEventSequence, name) =>
  ({ eventType: 'u', instanceId: 'site-1', data: { entityId: 'ann', entityEventSequence, updatedEvent: { currentEntity: { name } } } })
const deleted = { eventType: 'd', instanceId: 'site-1', data: { entityId: 'ann', entityEventSequence: '11', triggeredByAnonymizeRequest: true } }
const update = handlers.get('wix.contacts.v4.contact_updated')
const contact = () => JSON.parse(db.prepare('SELECT contact FROM contacts').get().contact)
update(updated('9', 'Ann'))
update(updated('10', 'Anna'))
update(updated('9', 'Ann'))
console.log(contact().name)
db.exec("INSERT INTO notes VALUES ('site-1', 'ann', 'likes tea'), ('site-1', 'bob', 'likes milk')")
handlers.get('wix.contacts.v4.contact_deleted')(deleted)
update(updated('10', 'Anna'))
console.log(contact(), db.prepare('SELECT contact FROM notes').raw().all())
process.exit()
`

export default {
  implicitAny: true,
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
      expect(await page.execute('seen.mjs', 'server.mjs', { PORT: '0' })).to.equal("Anna\nnull [ [ 'bob' ] ]\n")
    },
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
