import express, { type Request, type RequestHandler, Router } from 'express'
import type { Selectable } from 'kysely'
import { requireIdentity } from 'passport-wix-app'
import { badRequest, ownerOnly, stringOf } from '../api.ts'
import { billed, paidPlan } from '../billing.ts'
import type { Account, AppDatabase, Site, Tables } from '../database.ts'
import { accountOf } from '../sign-in.ts'

/** Its audience: `me` is its author, `site` all who run the site, and `public` also its members and visitors. */
type Note = Omit<Selectable<Tables['notes']>, 'instanceId'>

/** Notes in the database. */
class Notes {
  readonly #database: AppDatabase

  constructor(database: AppDatabase) {
    this.#database = database
  }

  /** The notes that this account may read, the latest first. @param id Default: all of them. */
  async readableBy({ site: { instanceId }, user }: Account, id?: number): Promise<Note[]> {
    return this.#database.tables
      .selectFrom('notes')
      .select(['id', 'authorId', 'content', 'audience', 'createdAt'])
      .where('instanceId', '=', instanceId)
      .where((is) =>
        user === null
          ? is('audience', '=', 'public')
          : is.or([is('audience', 'in', ['public', 'site']), is('authorId', '=', user.userId)]),
      )
      .$if(id !== undefined, (query) => query.where('id', '=', id ?? 0))
      .orderBy('id', 'desc')
      .execute()
  }

  async add({ instanceId }: Site, authorId: string, content: string, audience: Note['audience']): Promise<void> {
    const note = { instanceId, authorId, content, audience, createdAt: Date.now() }
    await this.#database.tables.insertInto('notes').values(note).execute()
  }

  async publish(id: number): Promise<void> {
    await this.#database.tables.updateTable('notes').set({ audience: 'public' }).where('id', '=', id).execute()
  }

  /** Only what is public: a note of one's own stays that. */
  async withdraw(id: number): Promise<void> {
    const published = this.#database.tables.updateTable('notes').where('id', '=', id).where('audience', '=', 'public')
    await published.set({ audience: 'site' }).execute()
  }

  /** @param id Default: all notes of the site. */
  async delete({ instanceId }: Site, id?: number): Promise<number> {
    const { numDeletedRows } = await this.#database.tables
      .deleteFrom('notes')
      .where('instanceId', '=', instanceId)
      .$if(id !== undefined, (query) => query.where('id', '=', id ?? 0))
      .executeTakeFirstOrThrow()
    return Number(numDeletedRows)
  }
}

/** What the demonstration is an app for, in place of which comes yours: notes of the people who run a site. */
export function notes(signedIn: RequestHandler, database: AppDatabase): Router {
  const stored = new Notes(database)
  const paidFor = billed(database)
  const router = Router()

  // The widget: members and visitors of the site may read what is public, and nothing else.
  const anybody = requireIdentity({ subjectType: ['USER', 'MEMBER', 'VISITOR'] })
  router.get('/api/board', signedIn, anybody, async (req, res) => {
    const { site } = accountOf(req)
    const published = await stored.readableBy({ site, user: null })
    res.json({ title: site.title, notes: published.map(({ id, content, createdAt }) => ({ id, content, createdAt })) })
  })

  // Authorization: all that follows is for the people who run the site.
  router.use('/api/notes', signedIn, requireIdentity({ subjectType: 'USER' }), express.json({ limit: '16kb' }))

  // Data of an identity: notes of each person, and of all who run the site.
  router.get('/api/notes', async (req, res) => {
    res.json(await stored.readableBy(accountOf(req)))
  })
  // Billing by use: each note that somebody writes or publishes is a call. To withdraw and delete costs nothing.
  router.post('/api/notes', paidFor, async (req, res) => {
    const { content, audience = 'me' } = Object(req.body) as Record<string, unknown>
    if (audience !== 'me' && audience !== 'site') throw badRequest('The audience must be me or site')
    const { site, user } = accountOf(req)
    await stored.add(site, user?.userId ?? '', stringOf(content, 'content', 500), audience)
    res.sendStatus(201)
  })

  // Authorization: each person changes only their own notes. A note that they may not read does not exist for them.
  router.param('id', async (req, res, next, value) => {
    const id = Number(value)
    const [note] = Number.isSafeInteger(id) ? await stored.readableBy(accountOf(req), id) : []
    res.locals['note'] = note
    next(note === undefined ? 'router' : undefined)
  })
  const author = requireIdentity(
    ({ subjectId }, { res }: Request) => (res?.locals['note'] as Note | undefined)?.authorId === subjectId,
  )
  // A paid plan publishes notes to the widget.
  router.put('/api/notes/:id/published', author, paidPlan, paidFor, async (req, res) => {
    await stored.publish(Number(req.params['id']))
    res.sendStatus(204)
  })
  router.delete('/api/notes/:id/published', author, async (req, res) => {
    await stored.withdraw(Number(req.params['id']))
    res.sendStatus(204)
  })
  router.delete('/api/notes/:id', author, async (req, res) => {
    await stored.delete(accountOf(req).site, Number(req.params['id']))
    res.sendStatus(204)
  })
  // The owner alone deletes all.
  router.delete('/api/notes', ownerOnly, async (req, res) => {
    res.json({ deleted: await stored.delete(accountOf(req).site) })
  })
  return router
}
