import { expect } from 'chai'
import pg from 'pg'
import { postgresStore } from '../../lib/index.ts'
import { storeChecks } from '../../devtools/testing/index.ts'
import { deliver, receiver, refused } from '../support/deliveries.ts'
import { describeWith } from '../support/left-out.ts'
import { type PostgresServer, postgresServer } from '../support/postgres.ts'
import { POSTGRES } from '../support/programs.ts'
import { until, worker } from '../support/redis.ts'

describeWith(POSTGRES, 'postgresStore', function () {
  // Ten processes that start take a minute on a busy machine.
  this.timeout(240_000)

  let server: PostgresServer
  let pool: pg.Pool
  before(async () => {
    server = await postgresServer()
    pool = new pg.Pool({ connectionString: server.url, max: 20 })
    pool.on('error', () => {})
    const { schema } = postgresStore(pool)
    await pool.query(schema)
    await pool.query(schema)
  })
  beforeEach(() => pool.query('TRUNCATE wix_deliveries'))
  after(async () => {
    await pool.end()
    await server.close()
  })

  const rows = async (table = 'wix_deliveries'): Promise<unknown[]> =>
    (await pool.query(`SELECT key, owner FROM ${table} ORDER BY key`)).rows

  describe('does what every store must do', () => {
    for (const { name, check } of storeChecks(() => postgresStore(pool))) it(name, check)
  })

  it('takes a client of pg in place of a pool', async () => {
    const client = new pg.Client(server.url)
    await client.connect()
    try {
      const [store, other] = [postgresStore(client), postgresStore(pool)]
      expect(await store.begin('a', 60, 'first')).to.equal('new')
      expect(await other.begin('a', 60, 'second')).to.equal('busy')
      await store.abort('a', 'first')
      expect(await other.begin('a', 60, 'second')).to.equal('new')
      await store.finish('a', 60)
      expect(await other.begin('a', 60, 'third')).to.equal('done')
    } finally {
      await client.end()
    }
  })

  it('goes by the clock of the database, also for a client whose transaction began long ago', async () => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT pg_sleep(0.01)')
      const { rows: clock } = await client.query('SELECT clock_timestamp()::text AS before')
      await postgresStore(client).begin('a', 60, 'first')
      const { rows: found } = await client.query(
        `SELECT expires_at - interval '60 s' BETWEEN $1::timestamptz AND clock_timestamp() AS meanwhile FROM wix_deliveries`,
        [clock[0].before],
      )
      await client.query('COMMIT')
      expect(found).to.deep.equal([{ meanwhile: true }])
    } finally {
      client.release()
    }
  })

  it('deletes what has expired when it stores what was handled, and nothing else', async () => {
    const store = postgresStore(pool)
    await pool.query(
      `INSERT INTO wix_deliveries SELECT 'old ' || number, NULL, now() - interval '1 day' FROM generate_series(1, 25) AS number`,
    )
    await store.begin('lost', 0, 'first')
    await store.begin('held', 60, 'first')
    for (let index = 0; index < 3; index++) await store.finish('new', 60)
    expect(await rows()).to.deep.equal([
      { key: 'held', owner: 'first' },
      { key: 'new', owner: null },
    ])
  })

  it('finishes a delivery whose lease has expired, in the statement that deletes what has', async () => {
    const store = postgresStore(pool)
    await store.begin('a', 0, 'first')
    await store.finish('a', 60)
    expect(await rows()).to.deep.equal([{ key: 'a', owner: null }])
  })

  it('gives an expired delivery to one attempt, and finishes others meanwhile, without a deadlock', async () => {
    const store = postgresStore(pool)
    const keys = Array.from({ length: 10 }, (_, index) => `key ${index}`)
    for (let round = 0; round < 20; round++) {
      for (const key of keys) await store.finish(key, 0)
      const calls = keys.flatMap((key) => [
        store.begin(key, 60, 'first'),
        store.finish(`${key} of another`, 0),
        store.begin(key, 60, 'second'),
      ])
      const answers = await Promise.all(calls)
      expect(answers.filter((answer) => answer === 'new')).to.have.length(10)
      expect(answers.filter((answer) => answer === 'busy')).to.have.length(10)
    }
  })

  it('says busy of an event that was handled, has expired, and is claimed again at this moment', async () => {
    const store = postgresStore(pool)
    await store.finish('a', 0)
    const first = await pool.connect()
    try {
      await first.query('BEGIN')
      expect(await postgresStore(first).begin('a', 60, 'first')).to.equal('new')
      const second = store.begin('a', 60, 'second')
      await until(async () => {
        const waiting = await pool.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
        return waiting.rowCount === 1
      })
      await first.query('COMMIT')
      expect(await second).to.equal('busy')
    } finally {
      first.release()
    }
  })

  it('keeps its deliveries in its table, however it and its schema are called', async () => {
    await pool.query('CREATE SCHEMA "order"')
    const longest = 't'.repeat(50)
    for (const table of ['order.user', `order.${longest}`, longest]) {
      const store = postgresStore(pool, { table })
      await pool.query(store.schema)
      expect(await store.begin('a', 60, 'first')).to.equal('new')
      await store.finish('b', 60)
      expect(await rows(table.replace(/^order\.|user/g, '"$&"').replace('."', '".'))).to.deep.equal([
        { key: 'a', owner: 'first' },
        { key: 'b', owner: null },
      ])
    }
    expect(await rows()).to.deep.equal([])
  })

  it('W-01: answers 503 while PostgreSQL is down, and keeps what was handled over its restart', async () => {
    const app = await receiver(postgresStore(pool))
    try {
      await deliver(`${app.url}/before`)
      // 200 without the route: it is stored.
      await deliver(`${app.url}/before`)
      await server.kill()
      await refused(app, 'during')
      await server.start()
      await deliver(`${app.url}/during`)
      for (const id of ['before', 'during']) await deliver(`${app.url}/${id}`)
      expect(app.handled).to.deep.equal(['before', 'during'])
    } finally {
      await app.close()
    }
  })

  it('W-01: answers 503 while its table is locked, and loses no event and no lease', async () => {
    const app = await receiver(postgresStore(pool))
    const locking = await pool.connect()
    try {
      await locking.query('BEGIN')
      await locking.query('LOCK TABLE wix_deliveries')
      await refused(app, 'during')
      await locking.query('COMMIT')
      // What was asked for meanwhile is done now, and leaves no lease behind.
      await deliver(`${app.url}/during`)
      await deliver(`${app.url}/during`)
      expect(app.handled).to.deep.equal(['during'])
    } finally {
      locking.release()
      await app.close()
    }
  })

  it('W-01: answers 503 while its server only reads, and runs the route once it writes', async () => {
    const reading = new pg.Pool({ connectionString: server.url, options: '-c default_transaction_read_only=on' })
    const app = await receiver(postgresStore(reading))
    try {
      await refused(app, 'during')
      expect(await rows()).to.deep.equal([])
    } finally {
      await reading.end()
      await app.close()
    }
  })

  /** Sends each event twice at once to two processes, kills one of them ten times, and resolves to how often each event was handled. */
  async function handledBy(way: string): Promise<number[]> {
    await pool.query('DROP TABLE IF EXISTS effects; CREATE TABLE effects (event text)')
    await pool.query('DROP TABLE IF EXISTS wix_events; CREATE TABLE wix_events (key text PRIMARY KEY)')
    const start = () => worker('events-worker.ts', server.url, way)
    const workers = [await start(), await start()]
    /** As Wix does: to whichever process answers, until the status is 200. */
    async function send(id: string, index: number): Promise<void> {
      for (let isHandled = false; !isHandled; index++) {
        const url = workers[index % 2]?.url
        isHandled = await fetch(`${url}/${id}`, { method: 'POST' }).then(
          async ({ status, body }) => (await body?.cancel(), status === 200),
          () => false,
        )
        if (!isHandled) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    try {
      const ids = Array.from({ length: 400 }, (_, index) => `event-${index}`)
      for (let begin = 0; begin < ids.length; begin += 40) {
        const sent = Promise.all(ids.slice(begin, begin + 40).flatMap((id) => [send(id, 0), send(id, 1)]))
        const killed = (begin / 40) % 2
        await until(async () => {
          const { rows: found } = await pool.query('SELECT count(*) FROM effects')
          return Number(found[0].count) > begin + 5
        })
        await workers[killed]?.kill()
        workers[killed] = await start()
        await sent
      }
      const { rows: counts } = await pool.query('SELECT count(*) FROM effects GROUP BY event')
      expect(counts).to.have.length(400)
      return counts.map(({ count }) => Number(count))
    } finally {
      for (const one of workers) await one.kill()
    }
  }

  it('W-01: handles each of 400 events once by their key in the transaction, through ten kills', async () => {
    expect(new Set(await handledBy('transaction'))).to.deep.equal(new Set([1]))
  })

  it('W-01: handles each of 400 events with the store through ten kills, some again after a kill', async () => {
    const counts = await handledBy('store')
    // What the killed process had handled and not yet stored.
    expect(counts.filter((count) => count > 1).length).to.be.below(100)
    expect(Math.max(...counts)).to.be.at.most(3)
  })
})
