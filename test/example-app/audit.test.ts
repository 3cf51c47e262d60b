import { once } from 'node:events'
import { type AddressInfo, connect as connectTo, createServer } from 'node:net'
import { expect } from 'chai'
import type { KyselyPlugin, RootOperationNode } from 'kysely'
import sinon from 'sinon'
import { AuditBuffer, type StoredEntry } from '../../example-app/audit-buffer.ts'
import { connect } from '../../example-app/connect.ts'
import { AppDatabase, type AuditEntry } from '../../example-app/database.ts'
import { describeExampleApp, owner } from '../support/example-app.ts'

type Moment = 'before the commit' | 'after the commit, and before its answer'
const MOMENTS: Moment[] = ['before the commit', 'after the commit, and before its answer']

/** A database whose connection is lost once, at the next insert into the audit after `lose`. */
interface Unreliable {
  database: AppDatabase
  lose(moment: Moment): void
  close(): Promise<void>
}

const isIntoAudit = (node: RootOperationNode): boolean =>
  node.kind === 'InsertQueryNode' && node.into?.table.identifier.name === 'audit'

/** A file has no connection: what the app sees is the same, a statement that fails although it may be done. */
function unreliableFile({ tables }: AppDatabase): Unreliable {
  let next: Moment | undefined
  let lost: object | undefined
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      if (!isIntoAudit(node) || next === undefined) return node
      const moment = next
      next = undefined
      if (moment === 'before the commit') throw new Error('lost')
      lost = queryId
      return node
    },
    async transformResult({ queryId, result }) {
      if (queryId === lost) throw new Error('lost')
      return result
    },
  }
  const database = new AppDatabase(tables.withPlugin(plugin))
  return {
    database,
    lose: (moment) => (next = moment),
    close: () => database.flush(),
  }
}

/** With a proxy before the server, which closes the connection. */
async function unreliablePostgres(url: string): Promise<Unreliable> {
  let next: Moment | undefined
  const { port, host } = new URL(url)
  const proxy = createServer((client) => {
    const server = connectTo(Number(port), '127.0.0.1')
    const cut = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.on('error', cut).on('close', cut)
    let isLost = false
    client.on('data', (data) => {
      const moment = data.includes('insert into "audit"') ? next : undefined
      if (moment !== undefined) next = undefined
      if (moment === 'before the commit') return cut()
      isLost ||= moment !== undefined
      server.write(data)
    })
    // PostgreSQL answers an insert when it is committed.
    server.on('data', (data) => (isLost ? cut() : client.write(data)))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const database = await connect(url.replace(host, `127.0.0.1:${(proxy.address() as AddressInfo).port}`))
  return {
    database,
    lose: (moment) => (next = moment),
    async close() {
      await database.close()
      proxy.close()
    },
  }
}

describeExampleApp('The bill of the example app', (app) => {
  const billed = async (): Promise<number> =>
    (await app.rows('usage')).reduce((sum, { calls }) => sum + Number(calls), 0)

  for (const moment of MOMENTS) {
    it(`has a call once whose connection to the database is lost ${moment}`, async () => {
      const log = sinon.stub(console, 'error')
      const { databaseUrl } = app
      const isFile = databaseUrl.startsWith('file:')
      const unreliable = isFile ? unreliableFile(app.database) : await unreliablePostgres(databaseUrl)
      await app.restart(app.create({ database: unreliable.database }))
      const bearer = await app.sessionOf(owner())
      const before = await billed()
      unreliable.lose(moment)
      const { status } = await app.call('POST /api/notes', bearer, { content: 'mine' })
      const logged = log.callCount
      // Of another process, which is told to keep no entry.
      await app.database.prune(0)
      // It logs what it cannot store.
      await unreliable.close()

      expect([status, logged, log.callCount]).to.deep.equal([201, 1, 1])
      expect(await billed()).to.equal(before + 1)
      expect((await app.rows('audit')).map(({ path }) => path)).to.deep.equal(['/session', '/api/notes'])
    })
  }
})

describe('The buffer of the audit', () => {
  const entry = (path: string, month: string | null = null): AuditEntry => ({
    at: 0,
    instanceId: 'instance-1',
    subjectType: null,
    subjectId: null,
    proof: 'wix-session',
    method: 'GET',
    path,
    outcome: 'success',
    status: 200,
    code: null,
    month,
  })
  const count = async (): Promise<void> => {}
  let stored: StoredEntry[]
  /** What the database does before it stores. */
  let database: (entries: readonly StoredEntry[]) => void
  let buffer: AuditBuffer
  const paths = (): string[] => stored.map(({ path }) => path)
  const away = (): void => {
    throw new Error('The database is away')
  }
  const failureOf = (work: Promise<void>): Promise<unknown> =>
    work.then(
      () => null,
      (error: Error) => error.message,
    )

  beforeEach(() => {
    stored = []
    database = () => {}
    buffer = new AuditBuffer({
      async store(entries) {
        database(entries)
        stored.push(...entries)
      },
      count,
    })
  })
  afterEach(() => sinon.restore())

  it('stores what could not be stored a second later, as often as it takes, under the same key', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout'] })
    const log = sinon.stub(console, 'error')
    const keys: string[] = []
    database = (entries) => {
      keys.push(...entries.map(({ key }) => key))
      if (keys.length < 4) away()
    }
    expect(await failureOf(buffer.add(entry('/a')))).to.equal('The database is away')
    await clock.tickAsync(2999)
    expect(stored).to.deep.equal([])
    await clock.tickAsync(1)
    await clock.tickAsync(10_000)

    expect(paths()).to.deep.equal(['/a'])
    expect([keys.length, new Set(keys).size, log.callCount]).to.deep.equal([4, 1, 2])
  })

  it('keeps 10,000 entries while the database is away, and says of each one more that it is lost', async () => {
    sinon.useFakeTimers({ toFake: ['setTimeout'] })
    database = away
    const kept = Array.from({ length: 10_000 }, (_, index) => failureOf(buffer.add(entry(`/${index}`))))
    const lost = [await failureOf(buffer.add(entry('/free'))), await failureOf(buffer.add(entry('/paid', '2026-11')))]
    await Promise.all(kept)
    database = () => {}
    await buffer.flush()

    expect(lost).to.deep.equal([
      '10000 entries of the audit wait for the database. Lost: GET /free of instance-1',
      '10000 entries of the audit wait for the database. Lost: GET /paid of instance-1, a call to pay for',
    ])
    expect(new Set(paths()).size).to.equal(10_000)
    expect(paths()).to.have.lengthOf(10_000).and.to.not.include('/paid')
  })

  it('stores the others when the database refuses one of them', async () => {
    sinon.useFakeTimers({ toFake: ['setTimeout'] })
    database = (entries) => {
      if (entries.some(({ path }) => path === '/bad')) throw new Error('It is too long')
    }
    await Promise.all(['/a', '/bad', '/b', '/c'].map((path) => failureOf(buffer.add(entry(path)))))
    for (let round = 0; round < 5; round += 1) await failureOf(buffer.flush())

    expect(paths()).to.have.members(['/a', '/b', '/c'])
  })

  it('says at the end what the database did not take', async () => {
    sinon.useFakeTimers({ toFake: ['setTimeout'] })
    database = away
    for (const one of [entry('/a', '2026-11'), entry('/b'), entry('/c', '2026-11')]) await failureOf(buffer.add(one))

    expect(await failureOf(buffer.close())).to.equal(
      'The database is away: 3 entries of the audit are lost, 2 of them calls to pay for',
    )
    database = () => {}
    await buffer.close()
    expect(stored).to.deep.equal([])
  })
})
