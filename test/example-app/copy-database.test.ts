import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { connect } from '../../example-app/connect.ts'
import { copyDatabase } from '../../example-app/copy-database.ts'
import { sql } from '../../example-app/kysely.ts'
import { describeOnEachDatabase, rowsIn } from '../support/example-app.ts'

const CONNECT = import.meta.resolve('../../example-app/connect.ts')
const COPY_DATABASE = fileURLToPath(import.meta.resolve('../../example-app/copy-database.ts'))

const IDENTITY = {
  instanceId: 'a',
  subjectType: 'USER',
  subjectId: 'b',
  clientId: null,
  siteId: null,
  iat: 0,
  exp: null,
} as const

const errorOf = (work: Promise<unknown>): Promise<string> => work.then(String, (error: Error) => error.message)

describeOnEachDatabase('A copy of the database of the example app', (newDatabase) => {
  let folder = ''
  let file = ''
  let draft = ''
  let to = ''
  const lines: string[] = []
  const copy = (from: string, target = to): Promise<void> => copyDatabase(from, target, (line) => lines.push(line))
  const addNotes = async (url: string, count: number): Promise<void> => {
    const database = await connect(url)
    await database.signIn(IDENTITY, {})
    for (let index = 0; index < count; index += 1) {
      await sql`INSERT INTO notes ("instanceId", "authorId", content, audience, "createdAt")
        VALUES ('a', 'b', 'mine', 'me', 0)`.execute(database.tables)
    }
    await database.close()
  }
  const idsIn = async (url: string): Promise<number[]> =>
    (await rowsIn(url, 'SELECT id FROM notes ORDER BY id')).map(({ id }) => Number(id))
  const deleteNote = async (url: string, id: number): Promise<void> => {
    const database = await connect(url)
    await sql`DELETE FROM notes WHERE id = ${id}`.execute(database.tables)
    await database.close()
  }

  /** As the end of its process would leave it: until the garbage is collected, a closed connection keeps the file. */
  const saveAs = async (url: string, path: string): Promise<void> => {
    const database = await connect(url)
    await sql`VACUUM INTO ${path}`.execute(database.tables)
    await database.close()
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'copy-'))
    file = join(folder, 'app.db')
    draft = `file:${join(folder, 'draft.db')}`
    to = await newDatabase()
    lines.length = 0
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('refuses a file that does not exist, and does not make it', async () => {
    expect(await errorOf(copy(`file:${file}`))).to.equal(`There is no file ${file}: name the one that the app used`)
    expect(existsSync(file)).to.equal(false)
  })

  it('refuses a database with nothing in it, which is hardly the one that was meant', async () => {
    await saveAs(draft, file)

    expect(await errorOf(copy(`file:${file}`))).to.equal(
      'There is nothing to copy: name the database that the app used',
    )
  })

  it('refuses a file that the app has open, and copies it when the app has ended', async () => {
    await addNotes(draft, 1)
    await saveAs(draft, file)
    const args = ['--import', 'tsx', COPY_DATABASE, `file:${file}`, to]
    const command = () => promisify(execFile)(process.execPath, args)
    const program = `
      import { connect } from ${JSON.stringify(CONNECT)}
      await connect(${JSON.stringify(`file:${file}`)})
      console.log('open')
      setInterval(() => {}, 1000)`
    const app = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program])
    try {
      await once(app.stdout, 'data')
      expect(
        await command().catch(({ code, stderr }: Record<'code' | 'stderr', unknown>) => ({ code, stderr })),
      ).to.deep.equal({
        code: 1,
        stderr: `Something has ${file} open: stop the app first\n`,
      })
    } finally {
      app.kill('SIGKILL')
      await once(app, 'exit')
    }

    expect((await command()).stdout).to.equal(
      'sites: 1\nusers: 1\nnotes: 1\nevents: 0\naudit: 0\nrefusals: 0\nbilled: 0\nEverything is copied\n',
    )
    expect(await idsIn(to)).to.deep.equal([1])
  })

  it('gives no id again whose note is deleted, there and back', async () => {
    await addNotes(draft, 3)
    await deleteNote(draft, 3)
    await saveAs(draft, file)
    await copy(`file:${file}`)
    await addNotes(to, 2)
    expect(await idsIn(to)).to.deep.equal([1, 2, 4, 5])
    await deleteNote(to, 5)
    const back = `file:${join(folder, 'back.db')}`
    const moved = join(folder, 'moved.db')
    if (to.startsWith('file:')) await saveAs(to, moved)
    await copy(to.startsWith('file:') ? `file:${moved}` : to, back)
    await addNotes(back, 1)

    expect(await idsIn(back)).to.deep.equal([1, 2, 4, 6])
  })

  it('says which of the two it cannot use, and quotes no password', async () => {
    await addNotes(draft, 1)
    await saveAs(draft, file)

    expect(await errorOf(copy(`file:${file}`, 'postgres://app:s3/cret@127.0.0.1/app'))).to.equal(
      'The database to copy to cannot be used: percent-encode what is special in the user name and the password',
    )
    expect(await errorOf(copy('app.db'))).to.equal(
      'The database to copy from cannot be used: it is neither file: and a path, nor postgres://...',
    )
  })
})
