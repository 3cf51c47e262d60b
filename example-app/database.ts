import Database from 'libsql'
import type { WixInstance } from 'passport-wix-app'

/** One installation of the app. All times are milliseconds since 1970. */
export interface Site {
  instanceId: string
  ownerId: string | null
  /** The paid plan; null on the free one. */
  plan: string | null
  /** The installation on the site that this one was copied from. Copy its data, do not share it. */
  originInstanceId: string | null
  firstSeen: number
}

/** Somebody on one site. The same person on another site is another row. */
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

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS sites (
    instance_id        TEXT PRIMARY KEY,
    owner_id           TEXT,
    plan               TEXT,
    origin_instance_id TEXT,
    first_seen         INTEGER NOT NULL,
    last_seen          INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE IF NOT EXISTS users (
    instance_id  TEXT NOT NULL REFERENCES sites,
    subject_type TEXT NOT NULL,
    subject_id   TEXT NOT NULL,
    first_seen   INTEGER NOT NULL,
    last_seen    INTEGER NOT NULL,
    visits       INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (instance_id, subject_type, subject_id)
  ) STRICT;
`

// Not every instance names the owner and the origin: what is known stays. No plan means that the site went back to free.
const SAVE_SITE = `
  INSERT INTO sites VALUES (@instanceId, @ownerId, @plan, @originInstanceId, @now, @now)
  ON CONFLICT DO UPDATE SET
    owner_id = coalesce(excluded.owner_id, owner_id),
    plan = excluded.plan,
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
  INSERT INTO users VALUES (@instanceId, @subjectType, @subjectId, @now, @now, 1)
  ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen, visits = visits + 1
  RETURNING ${USER_COLUMNS}
`

const USERS_OF_SITE = `
  SELECT ${USER_COLUMNS} FROM users
  WHERE instance_id = ? AND subject_type = 'USER'
  ORDER BY last_seen DESC
`

export interface Accounts {
  /** Finds or creates the site and the user; undefined when the instance names no user. */
  signIn(instance: WixInstance): Account | undefined
  /** Who was seen on this site, the latest first. */
  usersOf(instanceId: string): User[]
  close(): void
}

/** @param path A file, or `:memory:`. */
export function openAccounts(path: string): Accounts {
  const database = new Database(path, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  database.pragma('foreign_keys = ON')
  database.exec(SCHEMA)

  const saveSite = database.prepare(SAVE_SITE)
  const saveUser = database.prepare(SAVE_USER)
  const usersOfSite = database.prepare(USERS_OF_SITE)

  const save = database.transaction((instance: WixInstance): Account => {
    const { instanceId, subjectType, subjectId } = instance
    const now = Date.now()
    const site = saveSite.get({
      instanceId,
      ownerId: instance.siteOwnerId ?? null,
      plan: instance.vendorProductId ?? null,
      originInstanceId: instance.originInstanceId ?? null,
      now,
    })
    const user = saveUser.get({ instanceId, subjectType, subjectId, now })
    return { site: site as Site, user: user as User }
  })

  return {
    signIn: (instance) => (instance.subjectId === null ? undefined : save(instance)),
    usersOf: (instanceId) => usersOfSite.all(instanceId) as User[],
    close: () => void database.close(),
  }
}
