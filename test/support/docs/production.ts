import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import { AppDatabase } from '../../../example-app/database.ts'
import type { PageTest } from '../docs-page.ts'

const APP = join(import.meta.dirname, '../../../example-app')
const text = await readFile(join(import.meta.dirname, '../../../docs/production.md'), 'utf8')

export default {
  notRun: {
    'npm run production': 'test/example-app/start-up.test.ts starts it',
    'sqlite3 app.db': 'the query is run without the program sqlite3, below',
  },
  claims: {
    'names each file of the app, and each variable that it reads': async () => {
      const files = (await readdir(APP)).filter((name) => name.endsWith('.ts'))
      const named = [...text.matchAll(/^\| `([\w-]+\.ts)` /gm)].map(([, name]) => name)
      expect(named).to.have.members(files)

      const code = await readFile(join(APP, 'server.ts'), 'utf8')
      const read = [...code.matchAll(/env\['(\w+)'\]|numberOf\(env, '(\w+)'/g)].map(([, name, other]) => name ?? other)
      const [, table = ''] = text.split('| Variable ')
      const listed = [...table.slice(0, table.indexOf('\n\n')).matchAll(/`([A-Z_]{4,})`/g)].map(([, name]) => name)
      expect(new Set(listed)).to.deep.equal(new Set(read))
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
