import { connect } from './connect.ts'
import { sql } from './kysely.ts'

/** What is copied, each with its primary key. */
const TABLES = {
  sites: ['instanceId'],
  users: ['instanceId', 'userId'],
  notes: ['id'],
  events: ['id'],
  audit: ['id'],
  refusals: ['minute', 'code'],
  billed: ['instanceId', 'month', 'subjectType', 'subjectId'],
}
const NUMBERED = ['notes', 'events', 'audit']
const ROWS_AT_ONCE = 1000

type Row = Record<string, string | number | null>

/**
 * Copies everything from one database of the app to another, in one transaction. The app must not run meanwhile.
 *
 * @param from `file:` and a path, or `postgres://...`, as is `to`.
 * @param say Gets a line for each table.
 * @throws {Error} When the other database has rows in it already.
 */
export async function copyDatabase(from: string, to: string, say: (line: string) => void): Promise<void> {
  const [source, target] = [await connect(from), await connect(to)]
  try {
    await target.tables.transaction().execute(async (transaction) => {
      for (const [name, key] of Object.entries(TABLES)) {
        const table = sql.table(name)
        const order = sql.join(key.map((column) => sql.ref(column)))
        const { rows: found } = await sql`SELECT 1 FROM ${table} LIMIT 1`.execute(transaction)
        if (found.length > 0) throw new Error(`There is something in the table ${name} already: copy to a new database`)
        let count = 0
        for (;;) {
          const page = sql<Row>`SELECT * FROM ${table} ORDER BY ${order} LIMIT ${ROWS_AT_ONCE} OFFSET ${count}`
          const { rows } = await page.execute(source.tables)
          const [first] = rows
          if (first === undefined) break
          const columns = Object.keys(first)
          const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`)
          const names = sql.join(columns.map((column) => sql.ref(column)))
          await sql`INSERT INTO ${table} (${names}) VALUES ${sql.join(values)}`.execute(transaction)
          count += rows.length
        }
        say(`${name}: ${count}`)
      }
      // SQLite sees to it by itself.
      if (to.startsWith('file:')) return
      for (const name of NUMBERED) {
        const next = sql`(SELECT coalesce(max(id), 0) + 1 FROM ${sql.table(name)})`
        await sql`SELECT setval(pg_get_serial_sequence(${name}, 'id'), ${next}, false)`.execute(transaction)
      }
    })
  } finally {
    await source.close()
    await target.close()
  }
}

if (process.argv[1] === import.meta.filename) {
  const [from, to] = process.argv.slice(2)
  try {
    if (from === undefined || to === undefined) throw new Error('Say from where to where: file:app.db postgres://...')
    await copyDatabase(from, to, (line) => console.log(line))
  } catch (error) {
    console.error(error instanceof Error ? error.message || String(error) : error)
    process.exitCode = 1
  }
}
