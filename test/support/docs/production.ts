import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { connect } from '../../../example-app/connect.ts'
import { signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'
import { rowsIn } from '../example-app.ts'
import { postgresServer } from '../postgres.ts'
import { POSTGRES } from '../programs.ts'

const APP = join(import.meta.dirname, '../../../example-app')
const text = await readFile(join(import.meta.dirname, '../../../docs/production.md'), 'utf8')

const hasPostgres = POSTGRES.path !== undefined
/** Of the programs that the page names: what they would fetch is here. */
const pathTo = (page: Page): string => `${join(page.folder, 'bin')}:${process.env['PATH']}`
/** The copy of the app, once it runs with a file. */
let first: Running | undefined

async function signedIn(server: Running, uid: string): Promise<string> {
  const authorization = signInstance({ instanceId: 'a', uid, siteOwnerId: 'b', permissions: 'OWNER' }, APP_SECRET)
  const answer = await server.ask('/session', { method: 'POST', headers: { authorization } })
  return `Bearer ${((await answer.json()) as { token: string }).token}`
}

const addNote = async (server: Running, authorization: string, content: string): Promise<void> => {
  const headers = { authorization, 'content-type': 'application/json' }
  const { status } = await server.ask('/api/notes', { method: 'POST', headers, body: JSON.stringify({ content }) })
  expect(status).to.equal(201)
}
const read = async <Answer>(server: Running, authorization: string, path: string): Promise<Answer> =>
  (await server.ask(path, { headers: { authorization } })).json() as Promise<Answer>

export default {
  notRun: {
    ...(!hasPostgres && { 'npm run copy-database': 'needs a PostgreSQL server' }),
    'sqlite3 app.db': 'the query is run without the program sqlite3, below',
  },
  claims: {
    'names each file of the app, and each variable that it reads': async () => {
      const files = (await readdir(APP)).filter((name) => /\.(ts|json)$/.test(name))
      const named = [...text.matchAll(/^\| `([\w-]+\.(?:ts|json))` /gm)].map(([, name]) => name)
      expect(named).to.have.members(files)

      const code = await readFile(join(APP, 'server.ts'), 'utf8')
      const read = [...code.matchAll(/env\['([A-Z_]+)'\]|numberOf\(env, '(\w+)'/g)].map(
        ([, name, other]) => name ?? other,
      )
      const [, table = ''] = text.split('| Variable ')
      const listed = [...table.slice(0, table.indexOf('\n\n')).matchAll(/`([A-Z_]{4,})`/g)].map(([, name]) => name)
      expect(new Set(listed)).to.deep.equal(new Set(read))
    },
    'makes a copy of the app that compiles and starts': async (page) => {
      // What these two would fetch is here: the repository and its packages.
      const bin = join(page.folder, 'bin')
      const root = join(APP, '..')
      const clone = `mkdir passport-wix-app && cp -R '${APP}' passport-wix-app && rm -rf passport-wix-app/example-app/node_modules`
      // Without a version, npm keeps the folder of package.json, `file:..`.
      expect(text).to.include('\nnpm install passport-wix-app@latest\n')
      const install = `mkdir -p node_modules && ln -sfn '${root}' node_modules/passport-wix-app`
      await mkdir(bin)
      for (const [name, command] of Object.entries({ git: clone, npm: install })) {
        await writeFile(join(bin, name), `#!/bin/sh\nset -e\n${command}\n`, { mode: 0o755 })
      }
      await page.shell('git clone', undefined, { PATH: `${bin}:${process.env['PATH']}` })
      const copy = join(page.folder, 'my-app')
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      // The package is a link here.
      const compiled = promisify(execFile)(process.execPath, [tsc, '--preserveSymlinks'], { cwd: copy })
      expect(await compiled.catch(({ stdout }: { stdout: string }) => ({ stdout }))).to.have.property('stdout', '')

      const { scripts } = JSON.parse(await readFile(join(copy, 'package.json'), 'utf8'))
      const npm = `cd my-app
        case "$2" in
          production) printf %s "$SESSION_KEYS" > ../session-keys.json; ${scripts.production} ;;
          copy-database) shift 3; ${scripts['copy-database']} "$@" ;;
          *) exit 1 ;;
        esac`
      await writeFile(join(bin, 'npm'), `#!/bin/sh\n${npm}\n`)
      await page.write('public.pem', APP_KEYS.publicKey)
      first = await page.startShell('export WIX_APP_ID', { PATH: pathTo(page) })
      expect((await first.ask('/health')).status).to.equal(200)
    },
    ...(hasPostgres && {
      'moves the app from the file to PostgreSQL, with all data and sessions': async (page: Page) => {
        if (first === undefined) throw new Error('the app of the claim before does not run')
        const bearer = await signedIn(first, 'b')
        for (const content of ['one', 'two']) await addNote(first, bearer, content)
        const body = signWebhook({ instanceId: 'a', eventType: 'AppInstalled', data: {} }, APP_KEYS.privateKey)
        const send = { method: 'POST', body }
        expect((await first.ask('/webhooks', send)).status).to.equal(200)
        const contents = async (server: Running): Promise<string[]> =>
          (await read<{ content: string }[]>(server, bearer, '/api/notes')).map(({ content }) => content)
        await first.close()

        const postgres = await postgresServer()
        const SESSION_KEYS = await readFile(join(page.folder, 'session-keys.json'), 'utf8')
        const environment = { PATH: pathTo(page), DATABASE_URL: postgres.url, SESSION_KEYS }
        const second = await page.startShell('copy-database -- file:app.db', environment)
        try {
          expect(second.output).to.include('users: 1\nnotes: 2\nevents: 1\n')
          expect(await contents(second)).to.deep.equal(['two', 'one'])
          await addNote(second, bearer, 'three')
          expect(await contents(second)).to.deep.equal(['three', 'two', 'one'])
          expect((await second.ask('/webhooks', send)).status).to.equal(200)
          expect(await read<object[]>(second, bearer, '/api/events'), 'handled once').to.have.lengthOf(1)
          const [usage] = await read<{ calls: number }[]>(second, bearer, '/api/usage')
          expect(usage?.calls, 'notes written').to.equal(3)
          const again = page.shell('copy-database -- file:app.db', undefined, environment)
          expect(await again.catch(({ stderr }: { stderr: string }) => stderr)).to.match(
            /^There is something in the table sites already: copy to a new database$/m,
          )
        } finally {
          await second.close()
        }
        const back = await page.startShell('file:back.db', environment)
        try {
          expect(await contents(back)).to.deep.equal(['three', 'two', 'one'])
          expect((await back.ask('/webhooks', send)).status).to.equal(200)
          expect(await read<object[]>(back, bearer, '/api/events'), 'handled once').to.have.lengthOf(1)
        } finally {
          await back.close()
          await postgres.close()
        }
      },
    }),
    'prints two keys': async (page) => {
      expect(JSON.parse(await page.run('keys.mjs'))).to.have.lengthOf(2)
    },
    'backs up a database that is open, whole': async (page) => {
      const { folder } = page
      const database = await connect(`file:${join(folder, 'app.db')}`)
      const account = await database.signIn(
        { instanceId: 'a', subjectType: 'USER', subjectId: 'b', clientId: null, siteId: null, iat: 0, exp: null },
        {},
      )
      if (account !== null) await database.saveTitle(account.site, 'Kept')
      await page.shell('node backup.mjs')
      await database.close()
      const name = (await readdir(folder)).find((file) => file.startsWith('backup-'))
      const rows = await rowsIn(`file:${join(folder, String(name))}`, 'SELECT title FROM sites')
      expect(rows).to.deep.equal([{ title: 'Kept' }])
    },
    'has a query for the bills that works': async ({ blocks, folder }) => {
      const block = blocks.find(({ code }) => code.includes('sqlite3'))
      const [, query = ''] = /<<'END'\n(.*?);\nEND/s.exec(block?.code ?? '') ?? []
      const url = `file:${join(folder, 'bills.db')}`
      const database = await connect(url)
      const calls = { instanceId: 'a', month: '2026-11', subjectType: 'USER' }
      const billed = [
        { ...calls, subjectId: 'b', calls: 2 },
        { ...calls, subjectId: 'c', calls: 3 },
        { ...calls, subjectType: 'VISITOR', subjectId: 'd', calls: 1 },
      ]
      await database.tables.insertInto('billed').values(billed).execute()
      await database.close()
      expect(await rowsIn(url, query)).to.deep.equal([{ instanceId: 'a', month: '2026-11', people: 2, calls: 5 }])
    },
  },
} satisfies PageTest
