import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'libsql'
import type { SubjectType, WixIdentity, WixWebhookEvent } from 'passport-wix-app'

/** One file for each change of the schema: 1.sql, 2.sql, ... Never change one that was released: add another. */
const MIGRATIONS = join(import.meta.dirname, 'migrations')

/** One installation of the app. All times are milliseconds since 1970. */
export interface Site {
  instanceId: string
  ownerId: string | null
  /** The paid plan; null on the free one. */
  plan: string | null
  /** The installation on the site that this one was copied from. */
  originId: string | null
  /** The heading of the widget. */
  title: string
}

/** A user of one site. The same person on another site is another row. */
export interface User {
  userId: string
  name: string | null
  language: string | null
  /** What the dashboard showed last. */
  view: string | null
  visits: number
  /** Credentials from before this time do not sign in; seconds since 1970. */
  signedOutAt: number
}

/** Nothing is stored about members and visitors of the site: their user is null. */
export interface Account {
  site: Site
  user: User | null
}

/** What a credential says about the site; undefined where it does not say. A plan of null is the free one. */
export type SiteFacts = Partial<Record<'ownerId' | 'plan' | 'originId', string | null | undefined>>

/** `me`: its author. `site`: all who run the site. `public`: also its members and visitors. */
export type Audience = 'me' | 'site' | 'public'

export interface Note {
  id: number
  authorId: string
  content: string
  audience: Audience
  createdAt: number
}

/** A request that Wix signed. */
export interface SignedEvent {
  /** The site that the request names; null when it names none. */
  instanceId: string | null
  kind: 'webhook' | 'service plugin' | 'digest'
  type: string
  /** Its ID at Wix. */
  eventId: string | null
}

/** Who did what, with which proof, and what came of it. */
export interface AuditEntry {
  at: number
  instanceId: string | null
  subjectType: SubjectType | null
  subjectId: string | null
  /** The name of a strategy. */
  proof: string
  method: string
  path: string
  outcome: 'success' | 'fail' | 'error'
  status: number
  code: string | null
}

export type AuditFilter = Partial<Record<'outcome' | 'proof' | 'subjectId', string>> & { before?: number }

const SITE = 'instance_id AS instanceId, owner_id AS ownerId, plan, origin_id AS originId, title'
const USER = 'user_id AS userId, name, language, view, visits, signed_out_at AS signedOutAt'
const NOTE = 'id, author_id AS authorId, content, audience, created_at AS createdAt'
const ENTRY = 'at, subject_type AS subjectType, subject_id AS subjectId, proof, method, path, outcome, status, code'
const DAY = 86_400_000

export class AppDatabase {
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  /** @param path A file, which the processes of one machine may share, or `:memory:`. */
  constructor(path: string) {
    this.#database = new Database(path, { timeout: 5000 })
    this.#database.pragma('journal_mode = WAL')
    this.#together(() => {
      const [row] = this.#database.pragma('user_version') as [{ user_version: number }]
      const count = readdirSync(MIGRATIONS).length
      for (let step = row.user_version + 1; step <= count; step += 1) {
        this.#database.exec(readFileSync(join(MIGRATIONS, `${step}.sql`), 'utf8'))
      }
      this.#database.pragma(`user_version = ${count}`)
    })
  }

  #prepared(sql: string): Database.Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
  #rows<Row>(sql: string, values: object = {}): Row[] {
    return this.#prepared(sql).all(values) as Row[]
  }
  /** How many rows it changed. */
  #run(sql: string, values: object = {}): number {
    return this.#prepared(sql).run(values).changes
  }
  /** All of it or nothing. Immediate: of two processes, one waits for the other. */
  #together<T>(change: () => T): T {
    return this.#database.transaction(change).immediate() as T
  }

  close(): void {
    this.#database.close()
  }

  /** @throws {Error} When the database does not answer. */
  check(): void {
    this.#rows('SELECT 1')
  }

  // Sites and users

  /** Finds or creates the site and the user. What the credential does not say stays as it is. */
  signIn({ instanceId, subjectType, subjectId }: WixIdentity, facts: SiteFacts): Account {
    const userId = subjectType === 'USER' ? subjectId : null
    const known = this.#find(instanceId, userId)
    // Most requests: a session token says nothing new, and nothing is written.
    if (known !== undefined && Object.keys(facts).length === 0) return known
    return this.#together(() => {
      this.#saveSite(instanceId, facts)
      const values = { instanceId, userId, now: Date.now() }
      if (userId !== null) {
        this.#run(
          `INSERT INTO users (instance_id, user_id, last_seen) VALUES (@instanceId, @userId, @now)
           ON CONFLICT DO UPDATE SET last_seen = @now`,
          values,
        )
      }
      return this.#find(instanceId, userId) as Account
    })
  }

  #find(instanceId: string, userId: string | null): Account | undefined {
    const values = { instanceId, userId }
    const [site] = this.#rows<Site>(`SELECT ${SITE} FROM sites WHERE instance_id = @instanceId`, values)
    const [user = null] =
      userId === null
        ? []
        : this.#rows<User>(`SELECT ${USER} FROM users WHERE instance_id = @instanceId AND user_id = @userId`, values)
    return site === undefined || (userId !== null && user === null) ? undefined : { site, user }
  }

  #saveSite(instanceId: string, { ownerId, plan, originId }: SiteFacts): void {
    const values = { instanceId, ownerId, plan, hasPlan: plan === undefined ? 0 : 1, originId, now: Date.now() }
    this.#run('INSERT OR IGNORE INTO sites (instance_id, first_seen) VALUES (@instanceId, @now)', values)
    this.#run(
      `UPDATE sites SET owner_id = coalesce(@ownerId, owner_id), plan = iif(@hasPlan, @plan, plan)
       WHERE instance_id = @instanceId`,
      values,
    )
    // A copied site: its data are copied once, and not shared. What was public waits to be published there.
    if (!originId) return
    const isNew = this.#run(
      'UPDATE sites SET origin_id = @originId WHERE instance_id = @instanceId AND origin_id IS NULL',
      values,
    )
    if (isNew === 0) return
    this.#run(
      `UPDATE sites SET title = origin.title FROM sites AS origin
       WHERE sites.instance_id = @instanceId AND origin.instance_id = @originId`,
      values,
    )
    this.#run(
      `INSERT INTO notes (instance_id, author_id, content, audience, created_at)
       SELECT @instanceId, author_id, content, 'site', created_at FROM notes
       WHERE instance_id = @originId AND audience <> 'me' ORDER BY id`,
      values,
    )
  }

  /** Whether the app is not installed there, or was removed after the credential was issued (`iat`, in seconds). */
  isClosed(instanceId: string, iat: number | null): boolean {
    const closed = `SELECT 1 FROM sites WHERE instance_id = @instanceId AND (removed_at IS NOT NULL OR ended_at > @at)`
    return this.#rows(closed, { instanceId, at: (iat ?? 0) * 1000 }).length > 0
  }

  countVisit({ site, user }: Account): void {
    const values = { instanceId: site.instanceId, userId: user?.userId }
    this.#run('UPDATE users SET visits = visits + 1 WHERE instance_id = @instanceId AND user_id = @userId', values)
  }

  saveUser({ site, user }: Account): void {
    this.#run(
      `UPDATE users SET name = @name, language = @language, view = @view, signed_out_at = @signedOutAt
       WHERE instance_id = @instanceId AND user_id = @userId`,
      { instanceId: site.instanceId, ...user },
    )
  }

  saveTitle({ instanceId }: Site, title: string): void {
    this.#run('UPDATE sites SET title = @title WHERE instance_id = @instanceId', { instanceId, title })
  }

  // Notes

  /** The notes that this account may read, the latest first. */
  notesFor({ site, user }: Account): Note[] {
    return this.#rows(
      `SELECT ${NOTE} FROM notes WHERE instance_id = @instanceId
       AND (audience = 'public' OR (@userId IS NOT NULL AND (audience = 'site' OR author_id = @userId)))
       ORDER BY id DESC LIMIT 200`,
      { instanceId: site.instanceId, userId: user?.userId ?? null },
    )
  }

  addNote({ site, user }: Account, content: string, audience: Audience): Note {
    const [note] = this.#rows<Note>(
      `INSERT INTO notes (instance_id, author_id, content, audience, created_at)
       VALUES (@instanceId, @userId, @content, @audience, @now) RETURNING ${NOTE}`,
      { instanceId: site.instanceId, userId: user?.userId, content, audience, now: Date.now() },
    )
    return note as Note
  }

  setAudience(id: number, audience: Audience): void {
    this.#run('UPDATE notes SET audience = @audience WHERE id = @id', { id, audience })
  }

  deleteNote(id: number): void {
    this.#run('DELETE FROM notes WHERE id = @id', { id })
  }

  deleteNotes({ instanceId }: Site): number {
    return this.#run('DELETE FROM notes WHERE instance_id = @instanceId', { instanceId })
  }

  // What Wix sends

  /** Stores an event, and what it changes: both or nothing, so that Wix retries what could not be stored. */
  record(event: SignedEvent, change?: () => void): void {
    this.#together(() => {
      change?.()
      this.#run(
        `INSERT INTO events (instance_id, kind, type, event_id, received_at)
         VALUES (@instanceId, @kind, @type, @eventId, @now)`,
        { ...event, now: Date.now() },
      )
    })
  }

  /** The app was installed on the site or removed from it. Webhooks arrive in any order: an older one changes nothing. */
  setInstalled({ instanceId, iat, data }: WixWebhookEvent, isInstalled: boolean): void {
    // Whole milliseconds: a JWT may count parts of a second.
    const at = Math.floor((iat ?? 0) * 1000)
    this.#saveSite(instanceId, { originId: stringOrNull(data.originInstanceId) })
    this.#run(
      `UPDATE sites SET life_cycle_at = @at, removed_at = @removedAt
       WHERE instance_id = @instanceId AND @at >= coalesce(life_cycle_at, 0)`,
      { instanceId, at, removedAt: isInstalled ? null : at },
    )
    if (isInstalled) return
    this.#run(`UPDATE sites SET ended_at = max(coalesce(ended_at, 0), @at) WHERE instance_id = @instanceId`, {
      instanceId,
      at,
    })
  }

  /** Erases what is stored about a person (GDPR). How much the site used stays, without saying who. */
  erase(instanceId: string, personId: string): void {
    const values = { instanceId, personId, nobody: `erased-${randomUUID()}` }
    const ofPerson = 'instance_id = @instanceId AND subject_id = @personId'
    this.#run('DELETE FROM notes WHERE instance_id = @instanceId AND author_id = @personId', values)
    this.#run('DELETE FROM users WHERE instance_id = @instanceId AND user_id = @personId', values)
    this.#run(`UPDATE audit SET subject_id = NULL WHERE ${ofPerson}`, values)
    this.#run(`UPDATE usage SET subject_id = @nobody WHERE ${ofPerson}`, values)
  }

  /** The latest events of this site, the latest first. */
  eventsOf({ instanceId }: Site): (SignedEvent & { receivedAt: number })[] {
    return this.#rows(
      `SELECT instance_id AS instanceId, kind, type, event_id AS eventId, received_at AS receivedAt FROM events
       WHERE instance_id = @instanceId ORDER BY id DESC LIMIT 10`,
      { instanceId },
    )
  }

  // Audit and billing

  /** @param isBilled Whether this call counts for its month. */
  audit(entry: AuditEntry, isBilled: boolean): void {
    this.#together(() => {
      this.#run(
        `INSERT INTO audit (at, instance_id, subject_type, subject_id, proof, method, path, outcome, status, code)
         VALUES (@at, @instanceId, @subjectType, @subjectId, @proof, @method, @path, @outcome, @status, @code)`,
        entry,
      )
      if (!isBilled) return
      this.#run(
        `INSERT INTO usage VALUES (@instanceId, @month, @subjectType, coalesce(@subjectId, ''), 1)
         ON CONFLICT DO UPDATE SET calls = calls + 1`,
        { ...entry, month: new Date(entry.at).toISOString().slice(0, 7) },
      )
    })
  }

  /** The latest entries of this site that match the filter, the latest first. */
  auditOf({ instanceId }: Site, filter: AuditFilter): (AuditEntry & { id: number })[] {
    return this.#rows(
      `SELECT id, ${ENTRY} FROM audit WHERE instance_id = @instanceId
       AND (@outcome IS NULL OR outcome = @outcome) AND (@proof IS NULL OR proof = @proof)
       AND (@subjectId IS NULL OR subject_id = @subjectId) AND (@before IS NULL OR id < @before)
       ORDER BY id DESC LIMIT 50`,
      { instanceId, ...filter },
    )
  }

  /** How often and when each kind of proof was accepted on this site. */
  proofsOf({ instanceId }: Site): { proof: string; accepted: number; refused: number; lastAt: number }[] {
    return this.#rows(
      `SELECT proof, sum(outcome = 'success') AS accepted, sum(outcome <> 'success') AS refused, max(at) AS lastAt
       FROM audit WHERE instance_id = @instanceId GROUP BY proof ORDER BY proof`,
      { instanceId },
    )
  }

  /** The last twelve months in which the site was used. Members and users are people; visitors are not told apart from their devices. */
  usageOf({ instanceId }: Site): { month: string; people: number; calls: number }[] {
    return this.#rows(
      `SELECT month, sum(subject_type IN ('USER', 'MEMBER')) AS people, sum(calls) AS calls FROM usage
       WHERE instance_id = @instanceId GROUP BY month ORDER BY month DESC LIMIT 12`,
      { instanceId },
    )
  }

  /** Each person of each month. */
  usageByPerson({ instanceId }: Site): Record<'month' | 'subjectType' | 'subjectId' | 'name' | 'calls', unknown>[] {
    return this.#rows(
      `SELECT month, subject_type AS subjectType, subject_id AS subjectId, name, calls FROM usage
       LEFT JOIN users ON users.instance_id = usage.instance_id AND user_id = subject_id AND subject_type = 'USER'
       WHERE usage.instance_id = @instanceId ORDER BY month, subject_type, subject_id`,
      { instanceId },
    )
  }

  /** Deletes what is older than so many days from the audit and the list of events. */
  prune(days: number): void {
    const before = Date.now() - days * DAY
    this.#run('DELETE FROM audit WHERE at < @before', { before })
    this.#run('DELETE FROM events WHERE received_at < @before', { before })
  }
}

/** Also null for an empty string, with which Wix says that there is no value. */
export const stringOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
