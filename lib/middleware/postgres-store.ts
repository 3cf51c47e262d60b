import { checkOptions, must } from '../internal/options.ts'
import { own, property } from '../internal/values.ts'
import { checkProgress, type DeliveryStore, notAwaited } from './stores.ts'

/** What {@link postgresStore} needs of a client: it answers with the rows, or with an object that has them as `rows`. */
export interface PostgresStoreClient {
  query(text: string, values: unknown[]): PromiseLike<unknown>
}

/** The options of {@link postgresStore}. */
export interface PostgresStoreOptions {
  /** The table, or `schema.table`. Default: `wix_deliveries`. Routes that each want every event need one each. */
  table?: string
}

/** A store of deliveries in PostgreSQL. */
export interface PostgresStore extends DeliveryStore {
  /** The SQL that creates its table and an index, where they are missing: two statements, for a migration. */
  readonly schema: string
}

// Lower case, which means the same with quotes and without; short, since PostgreSQL cuts the name of the index at 63 bytes.
const TABLE = /^(?:[a-z_][a-z\d_]{0,49}\.)?[a-z_][a-z\d_]{0,49}$/

function isPostgres(client: PostgresStoreClient): boolean {
  // What `neon()` returns is a function.
  const has = (name: string): boolean =>
    typeof (typeof client === 'function' ? Reflect.get(client, name) : property(client, name)) === 'function'
  // The `query` of others takes other arguments: of MySQL and Sequelize, `mssql`, `bun:sqlite`.
  return has('query') && !['escape', 'request', 'prepare'].some(has)
}

/**
 * Stores deliveries in a table of PostgreSQL, by its clock: for apps that run as several processes. What has expired is
 * deleted as new deliveries are finished.
 *
 * Create the table before, with `schema`. If what an event changes is in the same database, `eventKey` in its transaction
 * promises more than a store can.
 *
 * @param client A pool or a client of `pg`, or what has the same `query`; it stays yours to connect and to close.
 * @throws {TypeError} For anything but such a client, and an option that is unknown or of the wrong type.
 * @example
 * const pool = new Pool()
 * const store = postgresStore(pool)
 * await pool.query(store.schema)
 */
export function postgresStore(client: PostgresStoreClient, options: PostgresStoreOptions = {}): PostgresStore {
  const { table = 'wix_deliveries' } = checkOptions<PostgresStoreOptions>('postgresStore', options, {
    table: must(
      (value) => typeof value === 'string' && TABLE.test(value),
      'the name of a table, or schema.table: lower-case letters, digits and _, at most 50 characters each',
    ),
  })
  if (!isPostgres(client)) {
    throw new TypeError(
      'postgresStore: the first argument must be a pool or a client of `pg`, or have the same `query`; with `postgres`, pass { query: (text, values) => sql.unsafe(text, values) }' +
        notAwaited(client),
    )
  }
  const name = `"${table.replace('.', '"."')}"`
  const index = `"${table.slice(table.indexOf('.') + 1)}_expires_at"`

  // A row without an owner was handled. Of this text, `statement_timestamp()` is the one moment at which it arrived.
  const begin = `
WITH claimed AS (
  INSERT INTO ${name} AS held (key, owner, expires_at)
  VALUES ($1, $2, statement_timestamp() + make_interval(secs => $3))
  ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
  WHERE held.expires_at <= statement_timestamp()
  RETURNING 'new'
)
SELECT coalesce((SELECT 'new' FROM claimed), (
  SELECT 'done' FROM ${name} WHERE key = $1 AND owner IS NULL AND expires_at > statement_timestamp()
), 'busy') AS progress`
  // Reads `finished` first, so that no row is locked in another order, and skips what others have locked: no deadlock.
  const finish = `
WITH finished AS (
  INSERT INTO ${name} (key, owner, expires_at)
  VALUES ($1, NULL, statement_timestamp() + make_interval(secs => $2))
  ON CONFLICT (key) DO UPDATE SET owner = NULL, expires_at = excluded.expires_at
  RETURNING key
)
DELETE FROM ${name} WHERE key = ANY (ARRAY(
  SELECT key FROM ${name}
  WHERE expires_at <= statement_timestamp() AND key NOT IN (SELECT key FROM finished)
  ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
))`

  return {
    schema: `CREATE TABLE IF NOT EXISTS ${name} (
  key text PRIMARY KEY,
  owner text,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ${index} ON ${name} (expires_at);
`,
    async begin(key, leaseSeconds, owner = '') {
      const answer = await client.query(begin, [key, owner, leaseSeconds])
      const [row] = (Array.isArray(answer) ? answer : own(answer, 'rows')) as unknown[]
      return checkProgress(own(row, 'progress'))
    },
    finish: (key, ttlSeconds) => client.query(finish, [key, ttlSeconds]),
    abort: (key, owner = '') => client.query(`DELETE FROM ${name} WHERE key = $1 AND owner = $2`, [key, owner]),
  }
}
