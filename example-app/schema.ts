import type Database from 'libsql'

/** One step for each change of the schema, the oldest first. Never change a step that was released: add another. */
const STEPS = [
  `
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
  `,
  `
  -- When Wix signed the latest AppInstalled or AppRemoved; earlier ones are ignored.
  ALTER TABLE sites ADD COLUMN life_cycle_at INTEGER;
  ALTER TABLE sites ADD COLUMN removed_at INTEGER;

  -- No foreign key, since an event may arrive before its site is known.
  CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    instance_id TEXT,
    kind        TEXT NOT NULL,
    type        TEXT NOT NULL,
    event_id    TEXT,
    received_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_of_site ON events (instance_id, id);
  `,
]

/** Brings a database, new or old, to the schema that this version needs. */
export function migrate(database: Database.Database): void {
  // Immediate: of two processes that start at the same time, one waits for the other.
  const run = database.transaction(() => {
    const [row] = database.pragma('user_version') as [{ user_version: number }]
    for (const step of STEPS.slice(row.user_version)) database.exec(step)
    database.pragma(`user_version = ${STEPS.length}`)
  })
  run.immediate()
}
