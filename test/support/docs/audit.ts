import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
const visitor = signInstance({ instanceId: 'site-1', aid: 'passer-by' }, APP_SECRET)
const expired = signInstance({ instanceId: 'site-2', signDate: '2020-01-01T00:00:00.000Z' }, APP_SECRET)

/** The server with a meter provider, which prints what was counted when it is asked for. */
const METERED = `
import { metrics as api } from '@opentelemetry/api'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}
const reader = new Reader()
api.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
process.on('SIGUSR2', async () => {
  const { resourceMetrics } = await reader.collect()
  const [{ metrics }] = resourceMetrics.scopeMetrics
  console.log('METRICS ' + JSON.stringify(metrics.map((one) => [one.descriptor.name, one.dataPoints.map((point) => point.attributes)])))
})
await import('./server.mjs')
`

/** Prints the rows of a query. A process of its own: an open database would keep the one of the tests alive. */
const QUERY = `
import Database from 'libsql'
const [path, sql] = [process.env.DATABASE, process.env.SQL]
const database = new Database(path, { timeout: 5000 })
console.log(JSON.stringify(database.prepare(sql).all()))
`

async function rowsOf(
  page: Page,
  database: string,
  covers: string,
  sql: string,
): Promise<Array<Record<string, unknown>>> {
  await page.write('query.mjs', QUERY)
  return JSON.parse(await page.execute('query.mjs', covers, { DATABASE: database, SQL: sql }))
}

const started = new WeakMap<Page, Promise<Running>>()

const start = async (page: Page): Promise<Running> => {
  await page.write('metered.mjs', METERED)
  const running = started.get(page) ?? page.startWritten('metered.mjs', 'server.mjs')
  started.set(page, running)
  return running
}

export default {
  implicitAny: true,
  notRun: { 'npm install': 'this repository has both packages' },
  claims: {
    'print each event': async (page) => {
      const server = await start(page)
      expect((await server.ask(`/notes/7?instance=${owner}`)).status).to.equal(200)
      await server.printed(/^wix-access-token fail 401 credentials_missing undefined$/m)
      await server.printed(/^wix-app success 200 null site-1$/m)
      const denied = await server.ask(`/notes/8?instance=${visitor}`)
      expect([denied.status, await denied.json()]).to.deep.equal([
        403,
        { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
      ])
      await server.printed(/^requireIdentity fail 403 insufficient_scope site-1$/m)
      expect((await server.ask(`/notes/9?instance=${expired}`)).status).to.equal(401)
      await server.printed(/^wix-app fail 401 token_expired site-2$/m)
    },
    'keep an audit log, without what a later strategy found and without the query': async (page) => {
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
    'bill by people and calls, and nobody for a refusal': async (page) => {
      const server = await start(page)
      await server.ask(`/notes/10?instance=${owner}`)
      const calls = async () => rowsOf(page, 'usage.db', 'usage.mjs', 'SELECT route, count FROM calls')
      // The response has closed some time after its answer is here.
      for (const end = Date.now() + 10_000; Date.now() < end;) if ((await calls())[0]?.['count'] === 2) break
      expect(await calls()).to.deep.equal([{ route: 'GET /notes/:id', count: 2 }])
      // Not the visitor, who got 403.
      expect(await page.run('bill.mjs')).to.equal('site-1 1 2\n')
    },
    'count the calls of a Fetch handler, and neither store nor log them elsewhere': async (page) => {
      await page.write(
        'fetched.mjs',
        `import './audit.mjs'
import './usage.mjs'
import { calls, GET } from './counted.mjs'
const statuses = []
for (const instance of ['${owner}', 'forged', '${owner}'])
  statuses.push((await GET(new Request('https://example.com/?instance=' + instance))).status)
console.log(JSON.stringify([statuses, [...calls]]))`,
      )
      const output = await page.execute('fetched.mjs', 'counted.mjs', { DATABASE: 'fetched.db' })
      expect(JSON.parse(output)).to.deep.equal([[200, 401, 200], [['site-1', 2]]])
      expect(await rowsOf(page, 'fetched.db', 'audit.mjs', 'SELECT * FROM audit')).to.deep.equal([])
    },
    'count a credential that could not be checked': async (page) => {
      const server = await start(page)
      page.wix.fault('token-info', { status: 503 })
      const authorization = page.wix.accessToken({ instanceId: 'site-1' })
      const outage = await server.ask('/notes/11', { headers: { authorization } })
      expect([outage.status, await outage.json()]).to.deep.equal([
        503,
        { code: 'unavailable', message: 'Service Unavailable' },
      ])
      const sql = "SELECT strategy, code, count FROM unknown WHERE code = 'error'"
      const rows = async () => rowsOf(page, 'audit.db', 'audit.mjs', sql)
      for (const end = Date.now() + 10_000; Date.now() < end;) if ((await rows()).length > 0) break
      expect(await rows()).to.deep.equal([{ strategy: 'wix-access-token', code: 'error', count: 1 }])
      page.wix.fault('token-info', null)
    },
    'store and charge what somebody did who has hung up before the check': async (page) => {
      const server = await start(page)
      const asked = page.wix.calls('token-info')
      const who = { clientId: APP_ID, instanceId: 'site-1', subjectType: 'USER', subjectId: 'hasty' }
      page.wix.fault('token-info', {
        delay: 0.3,
        body: { active: true, ...who, exp: Math.floor(Date.now() / 1000) + 60 },
      })
      const leaving = new AbortController()
      const headers = { authorization: page.wix.accessToken({ instanceId: 'site-1' }) }
      const left = server.ask('/notes/12', { headers, signal: leaving.signal }).catch(() => {})
      while (page.wix.calls('token-info') === asked) await new Promise(setImmediate)
      leaving.abort()
      await left
      const sql = "SELECT outcome, subjectId FROM audit WHERE path = '/notes/12'"
      const rows = async () => rowsOf(page, 'audit.db', 'audit.mjs', sql)
      for (const end = Date.now() + 10_000; Date.now() < end;) if ((await rows()).length > 0) break
      expect(await rows()).to.deep.equal([{ outcome: 'success', subjectId: 'hasty' }])
      const charged = "SELECT subject FROM people WHERE subject = 'USER:hasty'"
      expect(await rowsOf(page, 'usage.db', 'usage.mjs', charged)).to.have.lengthOf(1)
      page.wix.fault('token-info', null)
    },
    'count for OpenTelemetry, without ids': async (page) => {
      const server = await start(page)
      server.child.kill('SIGUSR2')
      const [, json = ''] = await server.printed(/^METRICS (.*)$/m)
      expect(json).to.not.match(/site-1|"me"/)
      const [[name, points], [histogram]] = JSON.parse(json) as [[string, unknown[]], [string]]
      expect([name, histogram]).to.deep.equal(['wix.authentications', 'wix.authentication.duration'])
      expect(points).to.deep.include({ strategy: 'wix-app', outcome: 'success', status: 200, code: 'none' })
      expect(points).to.deep.include({ strategy: 'wix-app', outcome: 'fail', status: 401, code: 'token_expired' })
    },
  },
} satisfies PageTest
