import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { expectOnce, onceProgram } from '../support/once.ts'
import { postgresServer } from '../support/postgres.ts'
import { POSTGRES, PRISMA } from '../support/programs.ts'

const HERE = import.meta.dirname
const execute = promisify(execFile)
const files = filesOf(blocksOf(await readFile(join(HERE, '../../docs/webhooks-once.md'), 'utf8')))

const settings = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  },
  files: ['once-prisma.ts'],
}

describeWith(PRISMA, 'Prisma, as in docs/webhooks-once.md', () => {
  describeWith(POSTGRES, 'with a server', function () {
    this.timeout(120_000)

    it('generates its client from schema.prisma, and handles each event once with once-prisma.ts', async () => {
      const folder = await mkdtemp(join(HERE, '.page-'))
      const server = await postgresServer()
      const pool = new pg.Pool({ connectionString: server.url })
      pool.on('error', () => {})
      const run = async (program: string, ...args: string[]): Promise<string> => {
        const { NODE_OPTIONS: _options, ...env } = process.env
        // The client that it generates needs no engine, and neither does generating it; yet it downloads one, unless there is a file.
        const more = {
          DATABASE_URL: server.url,
          PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
          CHECKPOINT_DISABLE: '1',
        }
        return (await execute(process.execPath, [program, ...args], { cwd: folder, env: { ...env, ...more } })).stdout
      }
      try {
        for (const name of ['schema.prisma', 'once-prisma.ts', 'wix_events.sql'])
          await writeFile(join(folder, name), files.get(name) ?? '')
        await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
        await run(join(HERE, 'node_modules/prisma/build/index.js'), 'generate', '--schema', 'schema.prisma')
        await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings))
        await run(join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc'))

        await pool.query(`${files.get('wix_events.sql')}CREATE TABLE effects (event text)`)
        const work = '(tx, id) => tx.$executeRaw`INSERT INTO effects VALUES (${id})`'
        await writeFile(join(folder, 'run.mts'), onceProgram('once-prisma.ts', work))
        await expectOnce(
          () => run('--import=tsx', 'run.mts'),
          async () => (await pool.query('SELECT event FROM effects')).rows.map(({ event }) => event as unknown),
        )
      } finally {
        await pool.end()
        await server.close()
        await rm(folder, { recursive: true, force: true })
      }
    })
  })
})
