import { randomUUID } from 'node:crypto'
import type { Generated, Kysely } from 'kysely'
import { AuditBuffer, type Refusals, type StoredEntry } from './audit-buffer.ts'
import { sql } from './kysely.ts'
import type { SubjectType, WixIdentity, WixWebhookEvent } from 'passport-wix-app'

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
  /** From `eventKey`, for what Wix repeats: it is handled once. */
  key?: string
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
  /** Of a call that the site pays for, such as 2026-11; else null. */
  month: string | null
}

export type Usage = Record<'month' | 'subjectType' | 'subjectId' | 'name', string | null> & { calls: number }

/** Of the audit. */
export interface AuditFilter {
  outcome?: string | undefined
  proof?: string | undefined
  subject?: string | undefined
  /** The ID of an entry. */
  before?: number | undefined
}

interface Calls {
  instanceId: string
  month: string
  subjectType: string
  subjectId: string
  calls: number
}

/** What `migrations/` makes. */
export interface Tables {
  sites: Omit<Site, 'title'> & {
    title: Generated<string>
    factsAt: number | null
    firstSeen: number
    lifeCycleAt: number | null
    removedAt: number | null
    endedAt: number | null
  }
  users: {
    instanceId: string
    userId: string
    name: string | null
    language: string | null
    visits: Generated<number>
    signedOutAt: Generated<number>
    lastSeen: number
  }
  notes: {
    id: Generated<number>
    instanceId: string
    authorId: string
    content: string
    audience: 'me' | 'site' | 'public'
    createdAt: number
  }
  events: Omit<SignedEvent, 'key'> & { id: Generated<number>; key: string | null; receivedAt: number }
  audit: AuditEntry & { id: Generated<number>; key: string | null }
  refusals: Refusals
  billed: Calls
  usage: Calls
  migrations: { version: number }
}

/** Wix repeats a webhook for two days, and its signature is accepted for three and a half. */
const DAYS_OF_WEBHOOKS = 4
/** A process that does not know whether an entry is stored tries it again, which must not be one more call. */
const DAYS_OF_AUDIT = 1 / 24
/** How many calls one transaction takes out of the audit. */
const CALLS_AT_ONCE = 5000

/** What is given changes. */
export type UserChanges = { [Name in Exclude<keyof User, 'userId'>]?: User[Name] | undefined }
export type AuditRow = Omit<AuditEntry, 'instanceId' | 'month'> & { id: number }

export class AppDatabase {
  /** For the queries of features, in TypeScript. */
  readonly tables: Kysely<Tables>
  readonly #buffer = new AuditBuffer({
    store: (entries) => this.#storeAudit(entries),
    count: (refusals) => this.#storeRefusals(refusals),
  })

  constructor(tables: Kysely<Tables>) {
    this.tables = tables
  }

  /** All of it or nothing. */
  async #together<Result>(change: (database: AppDatabase) => Promise<Result>): Promise<Result> {
    return this.tables.transaction().execute((transaction) => change(new AppDatabase(transaction)))
  }

  async close(): Promise<void> {
    await this.#buffer.close().catch((error: unknown) => console.error(error))
    await this.tables.destroy()
  }

  /** @throws {Error} When the database does not answer. */
  async ping(): Promise<void> {
    await sql`SELECT 1`.execute(this.tables)
  }

  /**
   * Finds or creates the site and the user. What the credential does not say stays as it is.
   *
   * @returns Null when the app is not installed there, or was removed after the credential was issued.
   */
  async signIn({ instanceId, subjectType, subjectId, iat }: WixIdentity, facts: SiteFacts): Promise<Account | null> {
    const userId = subjectType === 'USER' ? subjectId : null
    const known = await this.#find(instanceId, userId, iat)
    // Most requests: a session token says nothing new, and nothing is written.
    if (known === null || (known !== undefined && Object.keys(facts).length === 0)) return known
    await this.#together(async (database) => {
      await database.#saveSite(instanceId, facts, iat)
      if (userId === null) return
      const lastSeen = Date.now()
      await database.tables
        .insertInto('users')
        .values({ instanceId, userId, lastSeen })
        .onConflict((conflict) => conflict.columns(['instanceId', 'userId']).doUpdateSet({ lastSeen }))
        .execute()
    })
    return (await this.#find(instanceId, userId, iat)) ?? null
  }

  /** Undefined when there is no such site or user, null when the site is closed to a credential from this time (seconds). */
  async #find(instanceId: string, userId: string | null, iat: number | null): Promise<Account | null | undefined> {
    const row = await this.tables
      .selectFrom('sites')
      .leftJoin('users', (join) => join.onRef('users.instanceId', '=', 'sites.instanceId').on('userId', '=', userId))
      .select(['sites.instanceId', 'ownerId', 'plan', 'originId', 'title', 'removedAt', 'endedAt'])
      .select(['userId', 'name', 'language', 'visits', 'signedOutAt'])
      .where('sites.instanceId', '=', instanceId)
      .executeTakeFirst()
    if (row === undefined) return undefined
    const { ownerId, plan, originId, title, removedAt, endedAt, visits, signedOutAt, ...user } = row
    if (removedAt !== null || (endedAt ?? 0) > (iat ?? 0) * 1000) return null
    const site = { instanceId, ownerId, plan, originId, title }
    if (userId === null) return { site, user: null }
    if (user.userId === null || visits === null || signedOutAt === null) return undefined
    const { name, language } = user
    return { site, user: { userId, name, language, visits, signedOutAt } }
  }

  /** @param iat Facts of an older credential than the one before are ignored: it is genuine for a day, and anybody may send it late. */
  async #saveSite(instanceId: string, { ownerId, plan, originId }: SiteFacts, iat: number | null): Promise<void> {
    const at = Math.floor(iat ?? 0)
    const told = { ...(ownerId && { ownerId }), ...(plan !== undefined && { plan }), factsAt: iat === null ? null : at }
    await this.tables
      .insertInto('sites')
      .values({ instanceId, ...told, firstSeen: Date.now() })
      .onConflict((conflict) =>
        conflict
          .column('instanceId')
          .doUpdateSet(told)
          .where((is) => is.or([is('sites.factsAt', 'is', null), is('sites.factsAt', '<=', at)])),
      )
      .execute()
    if (!originId) return
    const isNews = await this.tables
      .updateTable('sites')
      .set({ originId })
      .where('instanceId', '=', instanceId)
      .where('originId', 'is', null)
      .executeTakeFirst()
    if (isNews.numUpdatedRows === 0n) return
    // A copied site gets a copy, once, of settings and public notes. The others stay: a copy may belong to other people.
    await this.tables
      .updateTable('sites')
      .from('sites as origin')
      .set((eb) => ({ title: eb.ref('origin.title') }))
      .where('sites.instanceId', '=', instanceId)
      .where('origin.instanceId', '=', originId)
      .execute()
    await this.tables
      .insertInto('notes')
      .columns(['instanceId', 'authorId', 'content', 'audience', 'createdAt'])
      .expression((from) =>
        from
          .selectFrom('notes')
          .select((eb) => [
            eb.val(instanceId).as('instanceId'),
            'authorId',
            'content',
            eb.val('site').as('audience'),
            'createdAt',
          ])
          .where('instanceId', '=', originId)
          .where('audience', '=', 'public')
          .orderBy('id'),
      )
      .execute()
  }

  /** Only what is given changes; `visits` are added. */
  async saveUser({ site, user }: Account, { visits, signedOutAt, ...given }: UserChanges): Promise<void> {
    if (user === null) return
    await this.tables
      .updateTable('users')
      .set(given)
      .$if(visits !== undefined, (update) => update.set((eb) => ({ visits: eb('visits', '+', visits ?? 0) })))
      .$if(signedOutAt !== undefined, (update) => update.set({ signedOutAt: later('signedOutAt', signedOutAt ?? 0) }))
      .set({ lastSeen: Date.now() })
      .where('instanceId', '=', site.instanceId)
      .where('userId', '=', user.userId)
      .execute()
  }

  /** The users of the site who have a name. */
  async peopleOf({ instanceId }: Site): Promise<{ userId: string; name: string | null }[]> {
    return this.tables
      .selectFrom('users')
      .select(['userId', 'name'])
      .where('instanceId', '=', instanceId)
      .where('name', '!=', '')
      .orderBy('userId')
      .execute()
  }

  async saveTitle({ instanceId }: Site, title: string): Promise<void> {
    await this.tables.updateTable('sites').set({ title }).where('instanceId', '=', instanceId).execute()
  }

  /**
   * Stores an event, and what it changes: both or nothing, so that Wix retries what could not be stored. One whose key is stored
   * already changes nothing: it was handled. If that is still going on, in this process or another one, this waits for its end.
   */
  async record(event: SignedEvent, change: (database: AppDatabase) => Promise<void>): Promise<void> {
    await this.#together(async (database) => {
      if (await database.list(event)) await change(database)
    })
  }

  /** Stores an event that changes nothing else. @returns False for one whose key is stored already. */
  async list({ key, ...event }: SignedEvent): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.tables
      .insertInto('events')
      .values({ ...event, key: key ?? null, receivedAt: Date.now() })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .executeTakeFirstOrThrow()
    return numInsertedOrUpdatedRows === 1n
  }

  /** The app was installed on the site or removed from it. Webhooks arrive in any order: an older one changes nothing. */
  async setInstalled({ instanceId, iat, data, eventType }: WixWebhookEvent): Promise<void> {
    // Whole milliseconds: a JWT may count parts of a second.
    const at = Math.floor((iat ?? 0) * 1000)
    const removedAt = eventType === 'AppRemoved' ? at : null
    await this.#saveSite(instanceId, { originId: stringOrNull(data.originInstanceId) }, null)
    await this.tables
      .updateTable('sites')
      .set((eb) => ({
        endedAt: removedAt === null ? eb.ref('endedAt') : later('endedAt', removedAt),
        removedAt: eb
          .case()
          .when(eb.or([eb('lifeCycleAt', 'is', null), eb('lifeCycleAt', '<=', at)]))
          .then(removedAt)
          .else(eb.ref('removedAt'))
          .end(),
        lifeCycleAt: later('lifeCycleAt', at),
      }))
      .where('instanceId', '=', instanceId)
      .execute()
  }

  /** Erases what is stored about a person (GDPR). How much the site used stays, without saying who. */
  async erase(instanceId: string, personId: string): Promise<void> {
    const { tables } = this
    const ofSite = <Columns>(columns: Columns) => ({ instanceId, ...columns })
    await tables
      .deleteFrom('notes')
      .where((is) => is.and(ofSite({ authorId: personId })))
      .execute()
    await tables
      .deleteFrom('users')
      .where((is) => is.and(ofSite({ userId: personId })))
      .execute()
    const theirs = ofSite({ subjectId: personId })
    await this.#bill(theirs)
    await tables
      .updateTable('audit')
      .set({ subjectId: null })
      .where((is) => is.and(theirs))
      .execute()
    const subjectId = `erased-${randomUUID()}`
    await tables
      .updateTable('billed')
      .set({ subjectId })
      .where((is) => is.and(theirs))
      .execute()
  }

  /**
   * Stores an entry: now, or when the database is back. A call to pay for is an entry, and not one more in a sum, so that no two
   * requests wait for one row.
   *
   * @throws {Error} When the database does not store it now.
   */
  audit(entry: AuditEntry): Promise<void> {
    return this.#buffer.add(entry)
  }

  async #storeAudit(entries: readonly StoredEntry[]): Promise<void> {
    await this.tables
      .insertInto('audit')
      .values(entries)
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute()
  }

  /** Counts a refused request that nobody is known to have sent: anybody may send a million of them. */
  countRefusal(code: string): void {
    this.#buffer.count(code, Date.now())
  }

  /** Stores now what was counted, and what could not be stored. */
  async flush(): Promise<void> {
    await this.#buffer.flush()
  }

  async #storeRefusals(refusals: readonly Refusals[]): Promise<void> {
    await this.tables
      .insertInto('refusals')
      .values(refusals)
      .onConflict((conflict) =>
        conflict
          .columns(['minute', 'code'])
          .doUpdateSet((eb) => ({ requests: eb('refusals.requests', '+', eb.ref('excluded.requests')) })),
      )
      .execute()
  }

  /**
   * Takes calls to pay for out of the audit and adds them to `billed`, in one transaction: `usage`, which is both, never changes.
   *
   * @returns How many.
   */
  async #bill(which: { instanceId?: string; subjectId?: string } = {}): Promise<number> {
    const due = this.tables
      .selectFrom('audit')
      .select('id')
      .where('month', 'is not', null)
      .where((is) => is.and(which))
      .orderBy('id')
      .limit(CALLS_AT_ONCE)
    const taken = await this.tables
      .updateTable('audit')
      .set({ month: null })
      .where('id', 'in', due)
      // Again: another process may have taken it while this one waited.
      .where('month', 'is not', null)
      .returning(['at', 'instanceId', 'subjectType', 'subjectId'])
      .execute()
    const sums = new Map<string, Calls>()
    for (const { at, instanceId, subjectType, subjectId } of taken) {
      const row = {
        instanceId: instanceId ?? '',
        month: monthOf(at),
        subjectType: subjectType ?? '',
        subjectId: subjectId ?? '',
      }
      const key = JSON.stringify(row)
      sums.set(key, { ...row, calls: (sums.get(key)?.calls ?? 0) + 1 })
    }
    for (const row of sums.values()) {
      await this.tables
        .insertInto('billed')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['instanceId', 'month', 'subjectType', 'subjectId'])
            .doUpdateSet((eb) => ({ calls: eb('billed.calls', '+', row.calls) })),
        )
        .execute()
    }
    return taken.length
  }

  /** Fifty entries of this site that match the filter, the latest first. */
  async auditOf({ instanceId }: Site, { outcome, proof, subject, before }: AuditFilter): Promise<AuditRow[]> {
    return this.tables
      .selectFrom('audit')
      .select(['id', 'at', 'subjectType', 'subjectId', 'proof', 'method', 'path', 'outcome', 'status', 'code'])
      .where('instanceId', '=', instanceId)
      .$if(outcome !== undefined, (query) => query.where(sql.ref('outcome'), '=', outcome))
      .$if(proof !== undefined, (query) => query.where('proof', '=', proof ?? ''))
      .$if(subject !== undefined, (query) => query.where('subjectId', '=', subject ?? ''))
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? 0))
      .orderBy('id', 'desc')
      .limit(50)
      .execute()
  }

  /** How often each person called in each month: the site pays for people and calls. */
  async usageOf({ instanceId }: Site): Promise<Usage[]> {
    return this.tables
      .selectFrom('usage')
      .leftJoin('users', (join) =>
        join
          .onRef('users.instanceId', '=', 'usage.instanceId')
          .onRef('userId', '=', 'subjectId')
          .on('subjectType', '=', 'USER'),
      )
      .select(['month', 'subjectType', 'subjectId', 'name', 'calls'])
      .where('usage.instanceId', '=', instanceId)
      .orderBy('month')
      .orderBy('subjectType')
      .orderBy('subjectId')
      .execute()
  }

  /** How many calls the site pays for in a month. */
  async callsOf({ instanceId }: Site, month: string): Promise<number> {
    const { calls } = await this.tables
      .selectFrom('usage')
      .select(({ fn }) => fn.sum('calls').as('calls'))
      .where('instanceId', '=', instanceId)
      .where('month', '=', month)
      .executeTakeFirstOrThrow()
    // The sum of no rows is null, and in PostgreSQL a text.
    return Number(calls)
  }

  /**
   * Deletes what is older than so many days from the audit and the list of events; entries stay for an hour at least and webhooks for
   * four days, so that none is stored or handled again.
   */
  async prune(days: number): Promise<void> {
    // In parts, so that no transaction is long.
    while ((await this.#together((database) => database.#bill())) === CALLS_AT_ONCE);
    const before = (age: number): number => Date.now() - age * 86_400_000
    const oldest = before(Math.max(days, DAYS_OF_AUDIT))
    await this.tables.deleteFrom('audit').where('at', '<', oldest).where('month', 'is', null).execute()
    await this.tables.deleteFrom('refusals').where('minute', '<', before(days)).execute()
    const old = before(Math.max(days, DAYS_OF_WEBHOOKS))
    await this.tables.deleteFrom('events').where('receivedAt', '<', old).execute()
  }
}

/** Such as 2026-11. @param at Milliseconds since 1970. */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7)

/** The later of the time in a column and this one. Each database has another function for it. */
const later = (column: 'endedAt' | 'lifeCycleAt' | 'signedOutAt', at: number) =>
  sql<number>`CASE WHEN ${sql.ref(column)} > ${at} THEN ${sql.ref(column)} ELSE ${at} END`

/** Also null for an empty string, with which Wix says that there is no value. */
export const stringOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
