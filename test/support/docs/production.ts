import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import Database from 'libsql'
import { AppDatabase } from '../../../example-app/database.ts'
import { APP_KEYS, type PageTest } from '../docs-page.ts'

const APP = join(import.meta.dirname, '../../../example-app')
const text = await readFile(join(import.meta.dirname, '../../../docs/production.md'), 'utf8')

export default {
  notRun: {
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
      await writeFile(join(bin, 'npm'), `#!/bin/sh\ncd my-app && exec ${scripts.production}\n`)
      await page.write('public.pem', APP_KEYS.publicKey)
      const server = await page.startShell('npm run production', { PATH: `${bin}:${process.env['PATH']}` })
      expect((await server.ask('/health')).status).to.equal(200)
    },
    'prints two keys': async (page) => {
      expect(JSON.parse(await page.run('keys.mjs'))).to.have.lengthOf(2)
    },
    'backs up a database that is open, whole': async (page) => {
      const { folder } = page
      const database = new AppDatabase(join(folder, 'app.db'))
      const account = database.signIn(
        { instanceId: 'a', subjectType: 'USER', subjectId: 'b', clientId: null, siteId: null, iat: 0, exp: null },
        {},
      )
      database.saveTitle(account.site, 'Kept')
      await page.shell('node backup.mjs')
      database.close()
      const name = (await readdir(folder)).find((file) => file.startsWith('backup-'))
      const backup = new AppDatabase(join(folder, String(name)))
      expect(backup.rows('SELECT title FROM sites')).to.deep.equal([{ title: 'Kept' }])
      backup.close()
    },
    'has a query for the bills that works': async ({ blocks, folder }) => {
      const block = blocks.find(({ code }) => code.includes('sqlite3'))
      const [, query = ''] = /"([^"]+)"/.exec(block?.code ?? '') ?? []
      const path = join(folder, 'bills.db')
      new AppDatabase(path).close()
      const database = new Database(path)
      for (const [person, calls] of [
        ['b', 2],
        ['c', 3],
      ]) {
        database.prepare("INSERT INTO usage VALUES ('a', '2026-11', 'USER', ?, ?)").run(person, calls)
      }
      database.prepare("INSERT INTO usage VALUES ('a', '2026-11', 'VISITOR', 'd', 1)").run()
      const rows = database.prepare(query).all()
      database.close()
      expect(rows).to.deep.equal([{ instanceId: 'a', month: '2026-11', people: 2, calls: 5 }])
    },
  },
} satisfies PageTest
