import express, { type Request, type RequestHandler, Router } from 'express'
import { requireIdentity } from 'passport-wix-app'
import { badRequest, paidPlan, ownerOnly, stringOf } from '../api.ts'
import type { Account, AppDatabase, Site } from '../database.ts'
import { accountOf } from '../sign-in.ts'

interface Note {
  id: number
  authorId: string
  content: string
  /** `me`: its author. `site`: all who run the site. `public`: also its members and visitors. */
  audience: 'me' | 'site' | 'public'
  createdAt: number
}

/** Notes in the database. */
class Notes {
  readonly #database: AppDatabase

  constructor(database: AppDatabase) {
    this.#database = database
  }

  /** The notes that this account may read, the latest first. */
  readableBy({ site: { instanceId }, user }: Account): Note[] {
    return this.#database.rows(
      `SELECT id, authorId, content, audience, createdAt FROM notes WHERE instanceId = @instanceId
       AND (audience = 'public' OR (@userId IS NOT NULL AND (audience = 'site' OR authorId = @userId)))
       ORDER BY id DESC`,
      { instanceId, userId: user?.userId ?? null },
    )
  }

  add({ site: { instanceId }, user }: Account, content: string, audience: Note['audience']): void {
    this.#database.run(
      `INSERT INTO notes (instanceId, authorId, content, audience, createdAt)
       VALUES (@instanceId, @userId, @content, @audience, @now)`,
      { instanceId, userId: user?.userId, content, audience, now: Date.now() },
    )
  }

  publish(id: number): void {
    this.#database.run("UPDATE notes SET audience = 'public' WHERE id = @id", { id })
  }

  /** Only what is public: a note of one's own stays that. */
  withdraw(id: number): void {
    this.#database.run("UPDATE notes SET audience = 'site' WHERE id = @id AND audience = 'public'", { id })
  }

  /** @param id Default: all notes of the site. */
  delete({ instanceId }: Site, id?: number): number {
    const deleted = 'DELETE FROM notes WHERE instanceId = @instanceId AND (@id IS NULL OR id = @id)'
    return this.#database.run(deleted, { instanceId, id })
  }
}

/** What the demonstration is an app for, in place of which comes yours: notes of the people who run a site. */
export function notes(signedIn: RequestHandler, database: AppDatabase): Router {
  const stored = new Notes(database)
  const router = Router()

  // The widget: members and visitors of the site may read what is public, and nothing else.
  const anybody = requireIdentity({ subjectType: ['USER', 'MEMBER', 'VISITOR'] })
  router.get('/api/board', signedIn, anybody, (req, res) => {
    const { site } = accountOf(req)
    const published = stored.readableBy({ site, user: null })
    res.json({ title: site.title, notes: published.map(({ id, content, createdAt }) => ({ id, content, createdAt })) })
  })

  // Authorization: all that follows is for the people who run the site.
  router.use('/api/notes', signedIn, requireIdentity({ subjectType: 'USER' }), express.json({ limit: '16kb' }))

  // Data of an identity: notes of each person, and of all who run the site.
  router.get('/api/notes', (req, res) => {
    res.json(stored.readableBy(accountOf(req)))
  })
  router.post('/api/notes', (req, res) => {
    const { content, audience = 'me' } = Object(req.body) as Record<string, unknown>
    if (audience !== 'me' && audience !== 'site') throw badRequest('The audience must be me or site')
    stored.add(accountOf(req), stringOf(content, 'content', 500), audience)
    res.sendStatus(201)
  })

  // Authorization: each person changes only their own notes. A note that they may not read does not exist for them.
  const noteOf = (req: Request): Note | undefined =>
    stored.readableBy(accountOf(req)).find(({ id }) => String(id) === req.params['id'])
  router.param('id', (req, _res, next) => next(noteOf(req) === undefined ? 'router' : undefined))
  const author = requireIdentity(({ subjectId }, req: Request) => noteOf(req)?.authorId === subjectId)
  // A paid plan publishes notes to the widget.
  router.put('/api/notes/:id/published', author, paidPlan, (req, res) => {
    stored.publish(Number(req.params['id']))
    res.sendStatus(204)
  })
  router.delete('/api/notes/:id/published', author, (req, res) => {
    stored.withdraw(Number(req.params['id']))
    res.sendStatus(204)
  })
  router.delete('/api/notes/:id', author, (req, res) => {
    stored.delete(accountOf(req).site, Number(req.params['id']))
    res.sendStatus(204)
  })
  // The owner alone deletes all.
  router.delete('/api/notes', ownerOnly, (req, res) => {
    res.json({ deleted: stored.delete(accountOf(req).site) })
  })
  return router
}
