import express, { type Request, type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity } from 'passport-wix-app'
import type { Account, AppDatabase, Audience, Note } from './database.ts'
import { accountOf, isOwner, proofOf, roleOf } from './sign-in.ts'

const LANGUAGES: readonly unknown[] = ['en', 'de']
const VIEWS: readonly unknown[] = ['notes', 'activity', 'usage', 'settings']

/** The body does not say what the route needs. */
const badRequest = (message: string): Error =>
  Object.assign(new Error(message), { status: 400, code: 'bad_request', expose: true })

/** A cell of a CSV file. A program for spreadsheets takes what begins like this for a formula, and runs it. */
const cell = (value: unknown): string => {
  const content = String(value ?? '').replace(/^[\t\r\n ]*[=+\-@＝＋－＠]/, "'$&")
  return `"${content.replaceAll('"', '""')}"`
}

/**
 * The API for the pages and for every other front end of the app: JSON, also for errors.
 *
 * @param signedIn Passes on only requests with a session token or an access token.
 */
export function api(signedIn: RequestHandler, database: AppDatabase): Router {
  const router = Router()
  const shown = (note: Note, { user }: Account) => ({ ...note, isMine: note.authorId === user?.userId })

  // Authentication: for whoever it is, a strategy has accepted a credential.
  router.use(signedIn)

  // The widget: members and visitors of the site may read what is public, and nothing else.
  router.get('/board', requireIdentity({ subjectType: ['USER', 'MEMBER', 'VISITOR'] }), (req, res) => {
    const { site } = accountOf(req)
    const notes = database.notesFor({ site, user: null })
    res.json({ title: site.title, notes: notes.map(({ id, content, createdAt }) => ({ id, content, createdAt })) })
  })

  // Authorization: all that follows is for the people who run the site.
  router.use(requireIdentity({ subjectType: 'USER' }), express.json({ limit: '16kb' }))
  const owner = requireIdentity((_identity, req: Request) => isOwner(accountOf(req)))
  const paidPlan = requireIdentity((_identity, req: Request) => accountOf(req).site.plan !== null)

  router.get('/me', (req, res) => {
    const { instanceId, subjectType, subjectId, iat, exp } = identityOf(req)
    const account = accountOf(req)
    const { ownerId, plan, originId, title } = account.site
    const { name, language, view, visits } = account.user ?? {}
    // Named one by one, so that no other column of the database is sent.
    res.json({
      identity: { instanceId, subjectType, subjectId },
      proof: { ...proofOf(req), iat, exp },
      account: {
        role: roleOf(account),
        site: { ownerId, plan, originId, title },
        user: { name, language, view, visits },
      },
    })
  })

  // Personalization: how a person is greeted, in which language, and the view that was left.
  router.put('/me', (req, res) => {
    const account = accountOf(req)
    const { name, language, view } = { ...account.user, ...Object(req.body) } as Record<string, unknown>
    if (name !== null && (typeof name !== 'string' || name.length > 60)) {
      throw badRequest('The name must be a string of at most 60 characters')
    }
    if (language !== null && !LANGUAGES.includes(language)) throw badRequest('The language must be en or de')
    if (view !== null && !VIEWS.includes(view)) throw badRequest(`The view must be one of ${VIEWS.join(', ')}`)
    Object.assign(account.user ?? {}, { name, language, view })
    database.saveUser(account)
    res.sendStatus(204)
  })

  // Sign out everywhere: the look-up refuses what was issued until now, on all devices. `iat` has whole seconds.
  router.post('/me/sign-out', (req, res) => {
    const account = accountOf(req)
    Object.assign(account.user ?? {}, { signedOutAt: Math.floor(Date.now() / 1000) + 1 })
    database.saveUser(account)
    res.sendStatus(204)
  })

  // Data of an identity: notes of each person, and of all who run the site.
  router.get('/notes', (req, res) => {
    const account = accountOf(req)
    res.json(database.notesFor(account).map((note) => shown(note, account)))
  })
  router.post('/notes', (req, res) => {
    const account = accountOf(req)
    const { content, audience = 'me' } = Object(req.body) as Record<string, unknown>
    if (typeof content !== 'string' || content.trim() === '' || content.length > 500) {
      throw badRequest('The content must be a string of 1 to 500 characters')
    }
    if (audience !== 'me' && audience !== 'site') throw badRequest('The audience must be me or site')
    res.status(201).json(shown(database.addNote(account, content.trim(), audience), account))
  })

  // Authorization: each person changes only their own notes. A note that they may not read does not exist for them.
  const ownNote: RequestHandler = (req, res, next) => {
    const account = accountOf(req)
    const note = database.notesFor(account).find(({ id }) => String(id) === req.params['id'])
    if (note === undefined) return next('router')
    res.locals['note'] = note
    requireIdentity(() => note.authorId === account.user?.userId)(req, res, next)
  }
  const changeAudience = (audience: Audience): RequestHandler => {
    return (_req, res) => {
      database.setAudience((res.locals['note'] as Note).id, audience)
      res.sendStatus(204)
    }
  }
  // A paid plan publishes notes to the widget.
  router.put('/notes/:id/published', ownNote, paidPlan, changeAudience('public'))
  router.delete('/notes/:id/published', ownNote, changeAudience('site'))
  router.delete('/notes/:id', ownNote, (_req, res) => {
    database.deleteNote((res.locals['note'] as Note).id)
    res.sendStatus(204)
  })
  // The owner alone deletes all.
  router.delete('/notes', owner, (req, res) => {
    res.json({ deleted: database.deleteNotes(accountOf(req).site) })
  })

  router.put('/site', owner, (req, res) => {
    const { title } = Object(req.body) as Record<string, unknown>
    if (typeof title !== 'string' || title.trim() === '' || title.length > 60) {
      throw badRequest('The title must be a string of 1 to 60 characters')
    }
    database.saveTitle(accountOf(req).site, title.trim())
    res.sendStatus(204)
  })

  // Audit: written by audit.ts.
  router.get('/audit', (req, res) => {
    const { site } = accountOf(req)
    const { outcome, proof, subject, before } = req.query
    const filter = Object.fromEntries(
      Object.entries({ outcome, proof, subjectId: subject, before: before && Number(before) }).filter(
        ([, value]) => value !== undefined && value !== '',
      ),
    )
    if (Object.values(filter).some((value) => typeof value === 'object' || Number.isNaN(value))) {
      throw badRequest('A filter must be given once, and `before` must be a number')
    }
    res.json({ proofs: database.proofsOf(site), entries: database.auditOf(site, filter) })
  })
  router.get('/events', (req, res) => {
    res.json(database.eventsOf(accountOf(req).site))
  })

  // Billing by use.
  router.get('/usage', (req, res) => {
    res.json(database.usageOf(accountOf(req).site))
  })
  router.get('/usage.csv', (req, res) => {
    const rows = database.usageByPerson(accountOf(req).site)
    const lines = rows.map(({ month, subjectType, subjectId, name, calls }) => [
      month,
      subjectType,
      subjectId,
      name,
      calls,
    ])
    const csv = [['month', 'kind', 'id', 'name', 'calls'], ...lines]
      .map((line) => line.map(cell).join(','))
      .join('\r\n')
    res.attachment('usage.csv').type('text/csv').send(`${csv}\r\n`)
  })

  return router
}
