import { existsSync } from 'node:fs'
import { connect, pathOf } from './connect.ts'
import type { AppDatabase } from './database.ts'
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
type Tables = Pick<AppDatabase['tables'], 'getExecutor'>

const isFile = (url: string): boolean => url.startsWith('file:')

const open = (which: string, url: string): Promise<AppDatabase> =>
  connect(url).catch((error: unknown) => {
    const { message, code } = Object(error) as Partial<Record<'message' | 'code', string>>
    // Neither the URL nor the error, which may have it in it: there may be a password.
    throw new Error(`The database to copy ${which} cannot be used: ${message || code || String(error)}`)
  })

/** A file that does not exist would be made, and what the app writes during the copy would be lost. */
async function checkFile(path: string): Promise<void> {
  if (!existsSync(path)) throw new Error(`There is no file ${path}: name the one that the app used`)
  const { default: Database } = await import('libsql')
  const database = new Database(path, { timeout: 1000 })
  try {
    // SQLite does this only for the one connection that a file has. The next one changes it back.
    database.pragma('journal_mode = DELETE')
  } catch (error) {
    if (Object(error).code !== 'SQLITE_BUSY') throw error
    throw new Error(`Something has ${path} open: stop the app first`, { cause: error })
  } finally {
    database.close()
  }
}

/** The highest id that was given. Its row may be gone, but the audit and an open page can still name it. */
async function lastId(tables: Tables, name: string, url: string): Promise<number> {
  const inFile = sql<{ last: number }>`SELECT seq AS last FROM sqlite_sequence WHERE name = ${name}`
  const inPostgres = sql<{ last: number }>`SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last
    FROM ${sql.table(`${name}_id_seq`)}`
  const { rows } = await (isFile(url) ? inFile : inPostgres).execute(tables)
  return rows[0]?.last ?? 0
}

async function goOnAfter(id: number, tables: Tables, name: string, url: string): Promise<void> {
  if (isFile(url)) {
    await sql`DELETE FROM sqlite_sequence WHERE name = ${name}`.execute(tables)
    await sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${name}, ${id})`.execute(tables)
  } else {
    await sql`SELECT setval(pg_get_serial_sequence(${name}, 'id'), ${id + 1}, false)`.execute(tables)
  }
}

/**
 * Copies everything from one database of the app to another, in one transaction. The app must not run meanwhile.
 *
 * @param from `file:` and a path, or `postgres://...`, as is `to`.
 * @param say Gets a line for each table.
 * @throws {Error} When the other database has rows in it already, there is nothing to copy, or the file is in use.
 */
export async function copyDatabase(from: string, to: string, say: (line: string) => void): Promise<void> {
  if (isFile(from)) await checkFile(pathOf(from))
  const [source, target] = [await open('from', from), await open('to', to)]
  let total = 0
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
        total += count
      }
      if (total === 0) throw new Error('There is nothing to copy: name the database that the app used')
      for (const name of NUMBERED) {
        await goOnAfter(await lastId(source.tables, name, from), transaction, name, to)
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
    console.log('Everything is copied')
  } catch (error) {
    console.error(error instanceof Error ? error.message || String(error) : error)
    process.exitCode = 1
  }
}
