import { signInstance } from '../../devtools/testing/index.ts'
import { APP_ID, APP_SECRET, type Page, type Running } from './docs-page.ts'

export const owner: string = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
export const visitor: string = signInstance({ instanceId: 'site-1', aid: 'passer-by' }, APP_SECRET)
export const expired: string = signInstance({ instanceId: 'site-2', signDate: '2020-01-01T00:00:00.000Z' }, APP_SECRET)

/** An app whose events the pages about audit, billing and metrics listen to. */
const NOTES_SERVER = `
import express from 'express'
import passport from 'passport'
import { errorHandler, requireIdentity, WixAccessTokenStrategy, WixAppStrategy } from 'passport-wix-app'

const findUser = ({ subjectId }) => ({ id: subjectId })
passport.use(new WixAccessTokenStrategy({ appId: process.env.WIX_APP_ID }, findUser))
passport.use(new WixAppStrategy({ secret: process.env.WIX_APP_SECRET }, findUser))

const app = express()
app.get(
  '/notes/:id',
  passport.authenticate(['wix-access-token', 'wix-app'], { session: false, failWithError: true }),
  requireIdentity({ subjectType: 'USER' }),
  (req, res) => {
    res.json({ note: req.params.id })
  },
)
app.use(errorHandler())
app.listen(process.env.PORT)
`

/** Prints the rows of a query. A process of its own: an open database would keep the one of the tests alive. */
const QUERY = `
import Database from 'libsql'
const [path, sql] = [process.env.DATABASE, process.env.SQL]
const database = new Database(path, { timeout: 5000 })
console.log(JSON.stringify(database.prepare(sql).all()))
`

export async function rowsOf(
  page: Page,
  database: string,
  covers: string,
  sql: string,
): Promise<Array<Record<string, unknown>>> {
  await page.write('query.mjs', QUERY)
  return JSON.parse(await page.execute('query.mjs', covers, { DATABASE: database, SQL: sql }))
}

/** Waits for the first rows: the response has closed some time after its answer is here. */
export async function firstRows(...query: Parameters<typeof rowsOf>): ReturnType<typeof rowsOf> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const rows = await rowsOf(...query)
    if (rows.length > 0) return rows
  }
  throw new Error(`no rows: ${query[3]}`)
}

/** Starts the app with what a page loads in front of it, as its `sh` block with that text says. */
export async function listenTo(page: Page, part: string): Promise<Running> {
  await page.write('server.mjs', NOTES_SERVER)
  return page.startShell(part)
}

/** Asks for a note with an access token, and hangs up before Wix has answered. */
export async function hangUp(page: Page, server: Running, path: string): Promise<void> {
  const asked = page.wix.calls('token-info')
  const who = { clientId: APP_ID, instanceId: 'site-1', subjectType: 'USER', subjectId: 'hasty' }
  page.wix.fault('token-info', {
    delay: 0.3,
    body: { active: true, ...who, exp: Math.floor(Date.now() / 1000) + 60 },
  })
  const leaving = new AbortController()
  const headers = { authorization: page.wix.accessToken({ instanceId: 'site-1' }) }
  const left = server.ask(path, { headers, signal: leaving.signal }).catch(() => {})
  while (page.wix.calls('token-info') === asked) await new Promise(setImmediate)
  leaving.abort()
  await left
}
