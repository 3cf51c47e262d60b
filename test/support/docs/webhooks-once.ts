import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import pg from 'pg'
import type { Page, PageTest } from '../docs-page.ts'
import { expectOnce, onceProgram } from '../once.ts'
import { type PostgresServer, postgresServer } from '../postgres.ts'
import { POSTGRES } from '../programs.ts'

const hasPostgres = POSTGRES.path !== undefined
const NEEDS = 'needs a PostgreSQL server'

async function withPostgres(use: (pool: pg.Pool, server: PostgresServer) => Promise<void>): Promise<void> {
  const server = await postgresServer()
  const pool = new pg.Pool({ connectionString: server.url })
  pool.on('error', () => {})
  try {
    await use(pool, server)
  } finally {
    await pool.end()
    await server.close()
  }
}

export default {
  implicitAny: true,
  compiledOnly: hasPostgres ? {} : { 'once-pg.mjs': NEEDS, 'once-kysely.ts': NEEDS, 'once-drizzle.ts': NEEDS },
  elsewhere: { 'once-prisma.ts': 'test/prisma/prisma.test.ts', 'schema.prisma': 'test/prisma/prisma.test.ts' },
  claims: {
    ...(hasPostgres && {
      'handles each event once in PostgreSQL': async (page: Page) =>
        withPostgres(async (pool, { url }) => {
          await pool.query(`${page.read('wix_events.sql')}CREATE TABLE effects (event text)`)
          for (const [file, work, imports] of [
            ['once-pg.mjs', `(tx, id) => tx.query('INSERT INTO effects VALUES ($1)', [id])`],
            [
              'once-kysely.ts',
              '(tx, id) => sql`INSERT INTO effects VALUES (${id})`.execute(tx)',
              `import { sql } from 'kysely'`,
            ],
            [
              'once-drizzle.ts',
              'async (tx, id) => tx.execute(sql`INSERT INTO effects VALUES (${id})`)',
              `import { sql } from 'drizzle-orm'`,
            ],
          ] as const) {
            await pool.query('TRUNCATE wix_events, effects')
            const program = file.replace('once', 'run').replace('.ts', '.mts')
            await page.write(program, onceProgram(file, work, imports))
            await expectOnce(
              () => page.execute(program, file, { DATABASE_URL: url }),
              async () => (await pool.query('SELECT event FROM effects')).rows.map(({ event }) => event as unknown),
            )
          }
          await pool.query(
            `UPDATE wix_events SET received_at = now() - interval '5 days' WHERE ctid IN (SELECT ctid FROM wix_events LIMIT 10)`,
          )
          expect((await pool.query(page.read('clean.sql'))).rowCount).to.equal(10)
        }),
    }),
    'handles each event once in SQLite': async (page) => {
      const db = new Database(join(page.folder, 'app.db'))
      db.exec(`${page.read('wix_events.sql')}CREATE TABLE effects (event text)`)
      await page.write(
        'run-sqlite.mjs',
        onceProgram('once-sqlite.mjs', `(tx, id) => void tx.prepare('INSERT INTO effects VALUES (?)').run(id)`),
      )
      await expectOnce(
        () => page.execute('run-sqlite.mjs', 'once-sqlite.mjs'),
        async () =>
          db
            .prepare('SELECT event FROM effects')
            .all()
            .map((row) => (row as { event: unknown }).event),
      )
      page.read('clean.sql')
      db.close()
    },
  },
} satisfies PageTest
