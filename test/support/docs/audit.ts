import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { Page, PageTest, Running } from '../docs-page.ts'
import { expired, firstRows, hangUp, listenTo, owner, rowsOf, visitor } from '../notes-server.ts'

const start = (page: Page): Promise<Running> => listenTo(page, '--import ./audit.mjs')

export default {
  implicitAny: true,
  notRun: { 'npm install': 'this repository has the package' },
  claims: {
    'print each event': async (page) => {
      const server = await listenTo(page, '--import ./print.mjs')
      expect((await server.ask(`/notes/7?instance=${owner}`)).status).to.equal(200)
      await server.printed(/^wix-access-token fail 401 credentials_missing undefined$/m)
      await server.printed(/^wix-app success 200 null site-1$/m)
      expect((await server.ask(`/notes/8?instance=${visitor}`)).status).to.equal(403)
      await server.printed(/^requireIdentity fail 403 insufficient_scope site-1$/m)
      expect((await server.ask(`/notes/9?instance=${expired}`)).status).to.equal(401)
      await server.printed(/^wix-app fail 401 token_expired site-2$/m)
    },
    'keep an audit log, without what a later strategy found and without the query': async (page) => {
      const server = await start(page)
      for (const [note, instance] of Object.entries({ 7: owner, 8: visitor, 9: expired }))
        await server.ask(`/notes/${note}?instance=${instance}`)
      await firstRows(page, 'audit.db', 'audit.mjs', "SELECT * FROM audit WHERE path = '/notes/9'")
      const rows = await rowsOf(page, 'audit.db', 'audit.mjs', 'SELECT * FROM audit ORDER BY rowid')
      const shown = rows.map(({ strategy, outcome, code, hint, subjectId, path }) => {
        return [strategy, outcome, code, /ago/.test(String(hint)) ? 'age' : hint, subjectId, path]
      })
      expect(shown).to.deep.equal([
        ['wix-app', 'success', null, null, 'me', '/notes/7'],
        ['wix-app', 'success', null, null, 'passer-by', '/notes/8'],
        [
          'requireIdentity',
          'fail',
          'insufficient_scope',
          'subjectType is VISITOR; the rule wants USER',
          'passer-by',
          '/notes/8',
        ],
        ['wix-app', 'fail', 'token_expired', 'age', null, '/notes/9'],
      ])
      const counts = await rowsOf(page, 'audit.db', 'audit.mjs', 'SELECT strategy, code, count FROM unknown')
      expect(counts).to.deep.equal([{ strategy: 'wix-access-token', code: 'credentials_missing', count: 1 }])
      expect((await readFile(`${page.folder}/audit.db`)).includes(owner.slice(0, 43))).to.equal(false)
    },
    'leave out the calls of a Fetch handler, whose answer it cannot know': async (page) => {
      await page.write(
        'fetched.mjs',
        `import './audit.mjs'
import { WixAppStrategy } from 'passport-wix-app'
import { authenticateRequest } from 'passport-wix-app/fetch'
const wixApp = new WixAppStrategy({ secret: process.env.WIX_APP_SECRET }, (instance) => instance)
const { identity } = await authenticateRequest(new Request('https://example.com/?instance=${owner}'), wixApp)
console.log(identity.instanceId)`,
      )
      expect(await page.execute('fetched.mjs', 'audit.mjs', { DATABASE: 'fetched.db' })).to.equal('site-1\n')
      expect(await rowsOf(page, 'fetched.db', 'audit.mjs', 'SELECT * FROM audit')).to.deep.equal([])
    },
    'keep the calls of a Fetch handler where it is wrapped, and nothing of who was not verified': async (page) => {
      await page.write(
        'wrapped.mjs',
        `import { GET, rows } from './audited.mjs'
const statuses = []
for (const instance of ['${owner}', '${visitor}', '${expired}', 'forged'])
  statuses.push((await GET(new Request('https://example.com/site?instance=' + instance))).status)
console.log(JSON.stringify([statuses, rows]))`,
      )
      const [statuses, rows] = JSON.parse(await page.execute('wrapped.mjs', 'audited.mjs')) as [
        number[],
        Record<string, unknown>[],
      ]
      expect(statuses).to.deep.equal([200, 403, 401, 401])
      const shown = rows.map(({ instanceId, subjectId, strategy, code, status, path }) => {
        return [instanceId, subjectId, strategy, code, status, path]
      })
      expect(shown).to.deep.equal([
        ['site-1', 'me', 'wix-app', null, 200, '/site'],
        ['site-1', 'passer-by', 'wix-app', null, 403, '/site'],
        ['site-1', 'passer-by', 'requireIdentity', 'insufficient_scope', 403, '/site'],
        ['site-2', null, 'wix-app', 'token_expired', 401, '/site'],
      ])
    },
    'count a credential that could not be checked': async (page) => {
      const server = await start(page)
      page.wix.fault('token-info', { status: 503 })
      const authorization = page.wix.accessToken({ instanceId: 'site-1' })
      expect((await server.ask('/notes/11', { headers: { authorization } })).status).to.equal(503)
      const sql = "SELECT strategy, code, count FROM unknown WHERE code = 'error'"
      expect(await firstRows(page, 'audit.db', 'audit.mjs', sql)).to.deep.equal([
        { strategy: 'wix-access-token', code: 'error', count: 1 },
      ])
      page.wix.fault('token-info', null)
    },
    'store what somebody did who has hung up before the check': async (page) => {
      await hangUp(page, await start(page), '/notes/12')
      const sql = "SELECT outcome, subjectId FROM audit WHERE path = '/notes/12'"
      expect(await firstRows(page, 'audit.db', 'audit.mjs', sql)).to.deep.equal([
        { outcome: 'success', subjectId: 'hasty' },
      ])
    },
  },
} satisfies PageTest
