import express, { type Request, type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity } from 'passport-wix-app'
import { billOf } from './billing.ts'
import type { AppDatabase } from './database.ts'
import { accountOf, isOwner, proofOf, roleOf } from './sign-in.ts'

const LANGUAGES = new Set<unknown>([undefined, 'en', 'de'])

/** The body does not say what the route needs. */
export const badRequest = (message: string): Error =>
  Object.assign(new Error(message), { status: 400, code: 'bad_request', expose: true })

export function stringOf(value: unknown, name: string, max: number): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= max) return value.trim()
  throw badRequest(`The ${name} must be a string of 1 to ${max} characters`)
}

// Authorization: what only the owner may do.
export const ownerOnly: RequestHandler = requireIdentity((_identity, req: Request) => isOwner(accountOf(req)))

/** A part of the query. Empty: it does not filter. */
function filterOf(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw badRequest('Each filter must be given once')
  return value
}

/** A cell of a CSV file, in which no spreadsheet finds a formula, nor one that parts lines at semicolons or tabs. */
const cell = (value: string | number | null): string =>
  `"${String(value ?? '')
    .replaceAll(/[;\t\r\n]/g, ' ')
    .replace(/^\s*[=+\-@＝＋－＠]/, "'$&")
    .replaceAll('"', '""')}"`

/**
 * The API for the pages and for every other front end of the app.
 *
 * @param signedIn Passes on only requests with a session token or an access token.
 */
export function api(signedIn: RequestHandler, database: AppDatabase): Router {
  const router = Router()

  // Authentication: a strategy has accepted a credential.
  router.use(signedIn)

  // Authorization: the people who run the site.
  router.use(requireIdentity({ subjectType: 'USER' }), express.json({ limit: '16kb' }))

  router.get('/me', (req, res) => {
    const { instanceId, subjectType, subjectId, iat, exp } = identityOf(req)
    const account = accountOf(req)
    const { ownerId, plan, originId, title } = account.site
    const { name, language, visits } = { ...account.user }
    // Named one by one, so that no other column of the database is sent.
    res.json({
      identity: { instanceId, subjectType, subjectId },
      proof: { ...proofOf(req), iat, exp },
      account: {
        role: roleOf(account),
        site: { ownerId, plan, originId, title },
        user: { name, language, visits },
      },
    })
  })

  // Personalization: how a person is greeted, and in which language.
  router.put('/me', async (req, res) => {
    const { name, language } = Object(req.body) as Record<string, string | undefined>
    if (name !== undefined && name !== '') stringOf(name, 'name', 60)
    if (!LANGUAGES.has(language)) throw badRequest('The language must be en or de')
    await database.saveUser(accountOf(req), { name, language })
    res.sendStatus(204)
  })

  // Sign out everywhere: the look-up refuses what was issued until now, on all devices. `iat` has whole seconds.
  router.post('/me/sign-out', async (req, res) => {
    await database.saveUser(accountOf(req), { signedOutAt: Math.floor(Date.now() / 1000) + 1 })
    res.sendStatus(204)
  })

  // What people have told to be called, so that no page shows an ID where there is a name.
  router.get('/people', async (req, res) => {
    res.json(await database.peopleOf(accountOf(req).site))
  })

  router.put('/site', ownerOnly, async (req, res) => {
    const { title } = Object(req.body) as Record<string, unknown>
    await database.saveTitle(accountOf(req).site, stringOf(title, 'title', 60))
    res.sendStatus(204)
  })

  // Audit: written by audit.ts.
  router.get('/audit', async (req, res) => {
    const filter = Object.fromEntries(
      ['outcome', 'proof', 'subject', 'before'].map((name) => [name, filterOf(req.query[name])]),
    )
    const before = filter['before'] === undefined ? undefined : Number(filter['before'])
    if (before !== undefined && !Number.isSafeInteger(before))
      throw badRequest('The filter before must be the ID of an entry')
    res.json(await database.auditOf(accountOf(req).site, { ...filter, before }))
  })

  // Billing by use: what counts, and what it costs, is in billing.ts.
  router.get('/bill', async (req, res) => {
    res.json(await billOf(accountOf(req).site, database))
  })
  router.get('/usage', async (req, res) => {
    res.json(await database.usageOf(accountOf(req).site))
  })
  router.get('/usage.csv', async (req, res) => {
    const columns = ['month', 'subjectType', 'subjectId', 'name', 'calls'] as const
    const usage = await database.usageOf(accountOf(req).site)
    const rows = usage.map((row) => columns.map((column) => cell(row[column])))
    res.attachment('usage.csv').type('text/csv')
    res.send([columns, ...rows].map((row) => `${row.join(',')}\r\n`).join(''))
  })

  return router
}
