import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import pg from 'pg'
import { signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, type Page, type PageTest } from '../docs-page.ts'
import { freePort } from '../free-port.ts'
import { expectOnce, onceProgram } from '../once.ts'
import { type PostgresServer, postgresServer } from '../postgres.ts'
import { POSTGRES } from '../programs.ts'

const hasPostgres = POSTGRES.path !== undefined
const NEEDS = 'needs a PostgreSQL server'
const PROGRAMS_OF_POSTGRES = [
  'once-pg.mjs',
  'once-kysely.ts',
  'once-drizzle.ts',
  'server.mjs',
  'twice.mjs',
  'sites.sql',
]

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
  notRun: {
    'npm install': 'the packages are installed, and the test creates the table',
    '-f sites.sql': 'the test creates the table',
    ...(!hasPostgres && { 'node twice.mjs': NEEDS }),
  },
  compiledOnly: hasPostgres ? {} : Object.fromEntries(PROGRAMS_OF_POSTGRES.map((name) => [name, NEEDS])),
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
      'handles in a route what comes at the same time once': async (page: Page) =>
        withPostgres(async (pool, { url }) => {
          await pool.query(`${page.read('wix_events.sql')}${page.read('sites.sql')}`)
          const port = String(await freePort())
          expect(await page.shell('node twice.mjs', undefined, { DATABASE_URL: url, PORT: port })).to.equal(
            'installed on site-1\n200\n200\n200\n',
          )
          const server = await page.start('server.mjs', { DATABASE_URL: url })
          const body = signWebhook({ instanceId: 'site-2', eventType: 'AppInstalled', data: {} }, APP_KEYS.privateKey)
          const send = async (): Promise<number> =>
            (await server.ask('/webhooks', { method: 'POST', headers: { 'content-type': 'text/plain' }, body })).status
          expect(await Promise.all(Array.from({ length: 5 }, send))).to.deep.equal([200, 200, 200, 200, 200])
          expect((await pool.query('SELECT * FROM sites ORDER BY id')).rows).to.deep.equal([
            { id: 'site-1', installs: 1 },
            { id: 'site-2', installs: 1 },
          ])
          await server.close()
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
