import Database from 'libsql'
import type { WixIdentity, WixWebhookEvent } from 'passport-wix-app'
import { migrate } from './schema.ts'
import { stringOrNull } from './values.ts'

/** One installation of the app. All times are milliseconds since 1970. */
export interface Site {
  instanceId: string
  ownerId: string | null
  /** The paid plan; null on the free one. */
  plan: string | null
  /** The installation on the site that this one was copied from. Copy its data; do not share it. */
  originInstanceId: string | null
  firstSeen: number
}

/** What a credential says about the site. The rest stays as it is. */
export interface SiteFacts {
  ownerId?: string | null | undefined
  /** Null: the site is on the free plan. */
  plan?: string | null | undefined
  originInstanceId?: string | null | undefined
}

/** A user of one site. The same person on another site is another row. */
export interface User {
  subjectId: string
  firstSeen: number
  lastSeen: number
  visits: number
}

export interface Account {
  site: Site
  user: User
}

/** A request that Wix signed. */
export interface SignedEvent {
  /** The site that the request names; null when it names none. */
  instanceId: string | null
  kind: 'webhook' | 'service plugin' | 'digest'
  /** The event, or the method that Wix called. */
  type: string
  /** Its ID at Wix; null when it has none. */
  eventId: string | null
}

export interface SavedEvent extends SignedEvent {
  receivedAt: number
}

// Not every credential names the owner, the origin and the plan: what is missing stays as it is.
const SAVE_SITE = `
  INSERT INTO sites (instance_id, owner_id, plan, origin_instance_id, first_seen, last_seen)
  VALUES (@instanceId, @ownerId, @plan, @originInstanceId, @now, @now)
  ON CONFLICT DO UPDATE SET
    owner_id = coalesce(excluded.owner_id, owner_id),
    plan = CASE WHEN @hasPlan THEN excluded.plan ELSE plan END,
    origin_instance_id = coalesce(excluded.origin_instance_id, origin_instance_id),
    last_seen = excluded.last_seen
  RETURNING
    instance_id AS instanceId,
    owner_id AS ownerId,
    plan,
    origin_instance_id AS originInstanceId,
    first_seen AS firstSeen
`

const USER_COLUMNS = 'subject_id AS subjectId, first_seen AS firstSeen, last_seen AS lastSeen, visits'

const SAVE_USER = `
  INSERT INTO users VALUES (@instanceId, @subjectType, @subjectId, @now, @now, 0)
  ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen
  RETURNING ${USER_COLUMNS}
`

const COUNT_VISIT = `
  UPDATE users SET visits = visits + 1
  WHERE instance_id = ? AND subject_type = 'USER' AND subject_id = ?
`

const USERS_OF_SITE = `
  SELECT ${USER_COLUMNS} FROM users
  WHERE instance_id = ? AND subject_type = 'USER'
  ORDER BY last_seen DESC
`

// Webhooks may arrive in any order: one that was signed before the latest changes nothing.
const SAVE_LIFE_CYCLE = `
  INSERT INTO sites (instance_id, origin_instance_id, first_seen, last_seen, life_cycle_at, removed_at)
  VALUES (@instanceId, @originInstanceId, @now, @now, @signedAt, @removedAt)
  ON CONFLICT DO UPDATE SET
    origin_instance_id = coalesce(excluded.origin_instance_id, origin_instance_id),
    life_cycle_at = excluded.life_cycle_at,
    removed_at = excluded.removed_at
  WHERE excluded.life_cycle_at >= coalesce(life_cycle_at, 0)
`

const REMOVED_SITE = 'SELECT 1 FROM sites WHERE instance_id = ? AND removed_at IS NOT NULL'

const SAVE_EVENT = `
  INSERT INTO events (instance_id, kind, type, event_id, received_at)
  VALUES (@instanceId, @kind, @type, @eventId, @now)
`

const EVENTS_OF_SITE = `
  SELECT instance_id AS instanceId, kind, type, event_id AS eventId, received_at AS receivedAt FROM events
  WHERE instance_id = ?
  ORDER BY id DESC
  LIMIT 10
`

export interface Accounts {
  /** Finds or creates the site and the user; undefined when the credential names no user. */
  signIn(identity: WixIdentity, facts: SiteFacts): Account | undefined
  /** Counts that this user opened a page. */
  countVisit(account: Account): void
  /** The users of this site, the latest first. */
  usersOf(instanceId: string): User[]
  /** The app was installed on this site, for the first time or again. */
  installed(webhook: WixWebhookEvent, event: SignedEvent): void
  /** The app was removed from this site. Its data stay for a new installation. */
  removed(webhook: WixWebhookEvent, event: SignedEvent): void
  isRemoved(instanceId: string): boolean
  /** Stores an event that changes nothing else. */
  record(event: SignedEvent): void
  /** The latest events of this site, the latest first. */
  eventsOf(instanceId: string): SavedEvent[]
  close(): void
}

/** @param path A file, or `:memory:`. */
export function openAccounts(path: string): Accounts {
  const database = new Database(path, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  migrate(database)

  const saveSite = database.prepare(SAVE_SITE)
  const saveUser = database.prepare(SAVE_USER)
  const countVisit = database.prepare(COUNT_VISIT)
  const usersOfSite = database.prepare(USERS_OF_SITE)
  const saveLifeCycle = database.prepare(SAVE_LIFE_CYCLE)
  const removedSite = database.prepare(REMOVED_SITE)
  const saveEvent = database.prepare(SAVE_EVENT)
  const eventsOfSite = database.prepare(EVENTS_OF_SITE)

  const save = database.transaction((identity: WixIdentity, facts: SiteFacts): Account => {
    const { instanceId, subjectType, subjectId } = identity
    const { ownerId = null, plan, originInstanceId = null } = facts
    const now = Date.now()
    const site = saveSite.get({
      instanceId,
      ownerId,
      plan: plan ?? null,
      hasPlan: plan === undefined ? 0 : 1,
      originInstanceId,
      now,
    })
    const user = saveUser.get({ instanceId, subjectType, subjectId, now })
    return { site: site as Site, user: user as User }
  })

  const record = (event: SignedEvent): void => void saveEvent.run({ ...event, now: Date.now() })

  // Both or nothing: when this throws, the response is not 200, and Wix retries the webhook.
  const change = database.transaction((webhook: WixWebhookEvent, event: SignedEvent, isRemoval: boolean): void => {
    // Whole milliseconds: a JWT may count parts of a second.
    const signedAt = Math.floor((webhook.iat ?? 0) * 1000)
    saveLifeCycle.run({
      instanceId: webhook.instanceId,
      originInstanceId: stringOrNull(webhook.data.originInstanceId),
      now: Date.now(),
      signedAt,
      removedAt: isRemoval ? signedAt : null,
    })
    record(event)
  })

  return {
    signIn: (identity, facts) => (identity.subjectId === null ? undefined : save(identity, facts)),
    countVisit({ site, user }) {
      countVisit.run(site.instanceId, user.subjectId)
      user.visits += 1
    },
    usersOf: (instanceId) => usersOfSite.all(instanceId) as User[],
    installed: (webhook, event) => change(webhook, event, false),
    removed: (webhook, event) => change(webhook, event, true),
    isRemoved: (instanceId) => removedSite.get(instanceId) !== undefined,
    record,
    eventsOf: (instanceId) => eventsOfSite.all(instanceId) as SavedEvent[],
    close: () => void database.close(),
  }
}
