import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'libsql'
import type { SubjectType, WixIdentity, WixWebhookEvent } from 'passport-wix-app'

/** One file for each change of the schema: 1.sql, 2.sql, ... Never change one that was released: add another. */
const MIGRATIONS = join(import.meta.dirname, 'migrations')

/** One installation of the app. */
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

export type Usage = Record<'month' | 'subjectType' | 'subjectId' | 'name', string | null> & { calls: number }

export class AppDatabase {
  readonly #database: Database.Database

  /** @param path A file, which the processes of one machine may share, or `:memory:`. */
  constructor(path: string) {
    this.#database = new Database(path, { timeout: 5000 })
    this.#database.pragma('journal_mode = WAL')
    this.#together(() => {
      const [{ user_version: version }] = this.#database.pragma('user_version') as [{ user_version: number }]
      const count = readdirSync(MIGRATIONS).length
      for (let step = version + 1; step <= count; step += 1) {
        this.#database.exec(readFileSync(join(MIGRATIONS, `${step}.sql`), 'utf8'))
      }
      this.#database.pragma(`user_version = ${count}`)
    })
  }

  rows<Row>(sql: string, values: object = {}): Row[] {
    return this.#database.prepare(sql).all(values) as Row[]
  }
  /** How many rows it changed. */
  run(sql: string, values: object = {}): number {
    return this.#database.prepare(sql).run(values).changes
  }
  /** All of it or nothing. Immediate: of two processes, one waits for the other. */
  #together(change: () => void): void {
    this.#database.transaction(change).immediate()
  }

  close(): void {
    this.#database.close()
  }

  /** Finds or creates the site and the user. What the credential does not say stays as it is. */
  signIn({ instanceId, subjectType, subjectId, iat }: WixIdentity, facts: SiteFacts): Account {
    const userId = subjectType === 'USER' ? subjectId : null
    const known = this.#find(instanceId, userId)
    // Most requests: a session token says nothing new, and nothing is written.
    if (known !== undefined && Object.keys(facts).length === 0) return known
    this.#together(() => {
      this.#saveSite(instanceId, facts, iat)
      if (userId === null) return
      this.run(
        `INSERT INTO users (instanceId, userId, lastSeen) VALUES (@instanceId, @userId, @now)
         ON CONFLICT DO UPDATE SET lastSeen = @now`,
        { instanceId, userId, now: Date.now() },
      )
    })
    return this.#find(instanceId, userId) as Account
  }

  #find(instanceId: string, userId: string | null): Account | undefined {
    const ids = { instanceId, userId }
    const [site] = this.rows<Site>('SELECT * FROM sites WHERE instanceId = @instanceId', ids)
    const [user] = this.rows<User>('SELECT * FROM users WHERE instanceId = @instanceId AND userId = @userId', ids)
    return site === undefined || (userId !== null && user === undefined) ? undefined : { site, user: user ?? null }
  }

  /** @param iat Facts of an older credential than the one before are ignored: it is genuine for a day, and anybody may send it late. */
  #saveSite(instanceId: string, { ownerId, plan, originId }: SiteFacts, iat: number | null): void {
    const hasPlan = plan === undefined ? 0 : 1
    const site = { instanceId, ownerId, plan, hasPlan, originId, iat, now: Date.now() }
    this.run('INSERT OR IGNORE INTO sites (instanceId, firstSeen) VALUES (@instanceId, @now)', site)
    this.run(
      `UPDATE sites SET ownerId = coalesce(@ownerId, ownerId), plan = iif(@hasPlan, @plan, plan), factsAt = @iat
       WHERE instanceId = @instanceId AND coalesce(@iat, 0) >= coalesce(factsAt, 0)`,
      site,
    )
    if (!originId) return
    const isNews = 'UPDATE sites SET originId = @originId WHERE instanceId = @instanceId AND originId IS NULL'
    if (this.run(isNews, site) === 0) return
    // A copied site gets a copy, once, of settings and public notes. The others stay: a copy may belong to other people.
    this.run(
      `UPDATE sites SET title = origin.title FROM sites AS origin
       WHERE sites.instanceId = @instanceId AND origin.instanceId = @originId`,
      site,
    )
    this.run(
      `INSERT INTO notes (instanceId, authorId, content, audience, createdAt)
       SELECT @instanceId, authorId, content, 'site', createdAt FROM notes
       WHERE instanceId = @originId AND audience = 'public' ORDER BY id`,
      site,
    )
  }

  /** Whether the app is not installed there, or was removed after the credential was issued (`iat`, in seconds). */
  isClosed(instanceId: string, iat: number | null): boolean {
    const closed = 'SELECT 1 FROM sites WHERE instanceId = @instanceId AND (removedAt IS NOT NULL OR endedAt > @at)'
    return this.rows(closed, { instanceId, at: (iat ?? 0) * 1000 }).length > 0
  }

  /** Only what is given changes; `visits` are added. */
  saveUser({ site: { instanceId }, user }: Account, changes: { [Name in keyof User]?: User[Name] | undefined }): void {
    this.run(
      `UPDATE users SET name = coalesce(@name, name), language = coalesce(@language, language), view = coalesce(@view, view),
       visits = visits + coalesce(@visits, 0), signedOutAt = max(signedOutAt, coalesce(@signedOutAt, 0))
       WHERE instanceId = @instanceId AND userId = @userId`,
      { ...changes, instanceId, userId: user?.userId },
    )
  }

  saveTitle({ instanceId }: Site, title: string): void {
    this.run('UPDATE sites SET title = @title WHERE instanceId = @instanceId', { instanceId, title })
  }

  /** Stores an event, and what it changes: both or nothing, so that Wix retries what could not be stored. */
  record(event: SignedEvent, change?: () => void): void {
    this.#together(() => {
      change?.()
      this.run(
        `INSERT INTO events (instanceId, kind, type, eventId, receivedAt)
         VALUES (@instanceId, @kind, @type, @eventId, @now)`,
        { ...event, now: Date.now() },
      )
    })
  }

  /** The app was installed on the site or removed from it. Webhooks arrive in any order: an older one changes nothing. */
  setInstalled({ instanceId, iat, data, eventType }: WixWebhookEvent): void {
    // Whole milliseconds: a JWT may count parts of a second.
    const at = Math.floor((iat ?? 0) * 1000)
    this.#saveSite(instanceId, { originId: stringOrNull(data.originInstanceId) }, null)
    this.run(
      `UPDATE sites SET endedAt = max(coalesce(endedAt, 0), coalesce(@removedAt, 0)),
       removedAt = iif(@at >= coalesce(lifeCycleAt, 0), @removedAt, removedAt), lifeCycleAt = max(coalesce(lifeCycleAt, 0), @at)
       WHERE instanceId = @instanceId`,
      { instanceId, at, removedAt: eventType === 'AppRemoved' ? at : null },
    )
  }

  /** Erases what is stored about a person (GDPR). How much the site used stays, without saying who. */
  erase(instanceId: string, personId: string): void {
    const values = { instanceId, personId, nobody: `erased-${randomUUID()}` }
    this.run('DELETE FROM notes WHERE instanceId = @instanceId AND authorId = @personId', values)
    this.run('DELETE FROM users WHERE instanceId = @instanceId AND userId = @personId', values)
    this.run('UPDATE audit SET subjectId = NULL WHERE instanceId = @instanceId AND subjectId = @personId', values)
    this.run('UPDATE usage SET subjectId = @nobody WHERE instanceId = @instanceId AND subjectId = @personId', values)
  }

  /** @param isBilled Whether this call counts for its month. */
  audit(entry: AuditEntry, isBilled: boolean): void {
    this.#together(() => {
      this.run(
        `INSERT INTO audit (at, instanceId, subjectType, subjectId, proof, method, path, outcome, status, code)
         VALUES (@at, @instanceId, @subjectType, @subjectId, @proof, @method, @path, @outcome, @status, @code)`,
        entry,
      )
      if (!isBilled) return
      this.run(
        `INSERT INTO usage VALUES (@instanceId, @month, @subjectType, coalesce(@subjectId, ''), 1)
         ON CONFLICT DO UPDATE SET calls = calls + 1`,
        { ...entry, month: new Date(entry.at).toISOString().slice(0, 7) },
      )
    })
  }

  /** Fifty entries of this site that match the filter, the latest first. */
  auditOf({ instanceId }: Site, filter: object): (Omit<AuditEntry, 'instanceId'> & { id: number })[] {
    return this.rows(
      `SELECT id, at, subjectType, subjectId, proof, method, path, outcome, status, code FROM audit
       WHERE instanceId = @instanceId AND (@outcome IS NULL OR outcome = @outcome) AND (@proof IS NULL OR proof = @proof)
       AND (@subject IS NULL OR subjectId = @subject) AND (@before IS NULL OR id < @before) ORDER BY id DESC LIMIT 50`,
      { ...filter, instanceId },
    )
  }

  /** How often each person called in each month: the site pays for people and calls. */
  usageOf({ instanceId }: Site): Usage[] {
    return this.rows(
      `SELECT month, subjectType, subjectId, name, calls FROM usage
       LEFT JOIN users ON users.instanceId = usage.instanceId AND userId = subjectId AND subjectType = 'USER'
       WHERE usage.instanceId = @instanceId ORDER BY month, subjectType, subjectId`,
      { instanceId },
    )
  }

  /** Deletes what is older than so many days from the audit and the list of events. */
  prune(days: number): void {
    const before = Date.now() - days * 86_400_000
    this.run('DELETE FROM audit WHERE at < @before', { before })
    this.run('DELETE FROM events WHERE receivedAt < @before', { before })
  }
}

/** Also null for an empty string, with which Wix says that there is no value. */
export const stringOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
