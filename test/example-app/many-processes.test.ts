import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { expect } from 'chai'
import { sql } from 'kysely'
import sinon from 'sinon'
import { connect } from '../../example-app/connect.ts'
import { signInstance } from '../../devtools/testing/index.ts'
import { SECRET } from '../support/build.ts'
import { describeOnEachDatabase, KEYS, owner, rowsIn, SESSION_KEYS, webhook } from '../support/example-app.ts'
import { firstOutput } from '../support/first-output.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/left-out.ts'
import { postgresServer } from '../support/postgres.ts'
import { POSTGRES } from '../support/programs.ts'
import { until } from '../support/redis.ts'

const EVENTS = 400
const KILLS = 10
/** How many events are on their way at once. */
const SENDERS = 8

/** A process of the app, which a test may kill and start again. */
class AppProcess {
  readonly url: string
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(port: number, databaseUrl: string) {
    this.url = `http://127.0.0.1:${port}`
    this.#env = {
      ...process.env,
      WIX_APP_SECRET: SECRET,
      WIX_APP_ID: 'my-app',
      WIX_PUBLIC_KEY: KEYS.publicKey,
      SESSION_KEYS: JSON.stringify(SESSION_KEYS),
      DATABASE_URL: databaseUrl,
      PROCESSES: '1',
      PORT: String(port),
    }
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#child = child
    await firstOutput(child)
    // The lines of its log.
    child.stdout.resume()
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  /** The status of the answer; 0 when there was none. */
  async status(path: string, init: RequestInit = {}): Promise<number> {
    try {
      const response = await fetch(this.url + path, init)
      await response.body?.cancel()
      return response.status
    } catch {
      return 0
    }
  }
}

async function start(databaseUrl: string): Promise<[AppProcess, AppProcess]> {
  const processes: [AppProcess, AppProcess] = [
    new AppProcess(await freePort(), databaseUrl),
    new AppProcess(await freePort(), databaseUrl),
  ]
  await Promise.all(processes.map((one) => one.start()))
  return processes
}

const asOwner = (site: string): string => `/dashboard?instance=${signInstance(owner({ instanceId: site }), SECRET)}`

describeOnEachDatabase('Two processes of the example app with one database', (newDatabase) => {
  let databaseUrl: string
  let processes: [AppProcess, AppProcess]
  /** Ends the traffic of a test that has failed. */
  let over: AbortController

  before(async function () {
    this.timeout(60_000)
    over = new AbortController()
    databaseUrl = await newDatabase()
    processes = await start(databaseUrl)
  })
  after(async () => {
    over.abort()
    for (const one of processes) await one.kill()
  })

  /** The database itself counts how often an event has changed something. */
  async function countEffects(): Promise<void> {
    const database = await connect(databaseUrl)
    const execute = (text: string): Promise<unknown> => sql.raw(text).execute(database.tables)
    await execute('CREATE TABLE effects (site TEXT)')
    if (databaseUrl.startsWith('file:')) {
      await execute(
        'CREATE TRIGGER effect AFTER UPDATE OF "lifeCycleAt" ON sites BEGIN INSERT INTO effects VALUES (new."instanceId"); END',
      )
    } else {
      await execute(
        'CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO effects VALUES (new."instanceId"); RETURN new; END $$',
      )
      await execute(
        'CREATE TRIGGER effect AFTER UPDATE OF "lifeCycleAt" ON sites FOR EACH ROW EXECUTE FUNCTION effect()',
      )
    }
    await database.close()
  }

  it('handle 400 events that each arrive twice at once exactly once, while they are killed ten times', async function () {
    this.timeout(360_000)
    await countEffects()
    const sites = Array.from({ length: EVENTS }, () => randomUUID())
    const waiting = [...sites]
    let answered = 0
    let kills = 0

    // Refused, cut off or late: again, as Wix does, only sooner.
    const deliver = async (one: AppProcess, body: string): Promise<void> => {
      while (!over.signal.aborted && (await one.status('/webhooks', { method: 'POST', body })) !== 200) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      answered += 1
    }
    const send = async (): Promise<void> => {
      for (let site = waiting.shift(); site !== undefined && !over.signal.aborted; site = waiting.shift()) {
        // Not far ahead of the kills, so that each of them meets traffic.
        await until(
          () => over.signal.aborted || kills === KILLS || answered < ((kills + 1.5) * EVENTS * 2) / (KILLS + 1),
        )
        const body = webhook('AppInstalled', { instanceId: site })
        await Promise.all(processes.map((one) => deliver(one, body)))
      }
    }
    const killAgain = async (): Promise<void> => {
      for (; kills < KILLS && !over.signal.aborted; kills += 1) {
        await until(() => over.signal.aborted || answered >= ((kills + 1) * EVENTS * 2) / (KILLS + 1))
        const victim = processes[kills % 2 === 0 ? 0 : 1]
        await victim.kill()
        await victim.start()
      }
    }
    await Promise.all([killAgain(), ...Array.from({ length: SENDERS }, send)])

    expect([answered, kills]).to.deep.equal([EVENTS * 2, KILLS])
    const effects = await rowsIn(databaseUrl, 'SELECT site FROM effects')
    expect(effects.map(({ site }) => site)).to.have.members(sites)
    expect(effects).to.have.lengthOf(EVENTS)
  })

  it('both refuse a site from the answer to AppRemoved on', async () => {
    for (const [one, other] of [processes, processes.toReversed()]) {
      const site = randomUUID()
      const before = await Promise.all(processes.map((each) => each.status(asOwner(site))))
      const removed = await one?.status('/webhooks', {
        method: 'POST',
        body: webhook('AppRemoved', { instanceId: site }),
      })
      const after = [await other?.status(asOwner(site)), await one?.status(asOwner(site))]

      expect([before, removed, after]).to.deep.equal([[200, 200], 200, [401, 401]])
    }
  })
})

describeWith(POSTGRES, 'When PostgreSQL restarts', function () {
  this.timeout(60_000)

  it('a transaction of the example app ends with an error, and not the process', async () => {
    const server = await postgresServer()
    const log = sinon.stub(console, 'error')
    const database = await connect(server.url)
    const event = { instanceId: 'a', kind: 'webhook', type: 'AppInstalled', eventId: null, key: 'key' } as const
    const recorded = database.record(event, async () => {
      await server.kill('SIGINT')
      // The connection says so when no statement is on its way.
      await new Promise((resolve) => setImmediate(resolve))
    })
    const outcome = await recorded.then(
      () => 'stored',
      () => 'failed',
    )
    await server.start()
    await database.record(event, async () => {})
    const events = await rowsIn(server.url, 'SELECT key FROM events')
    await database.close()
    await server.close()
    log.restore()

    expect([outcome, events]).to.deep.equal(['failed', [{ key: 'key' }]])
  })

  it('the processes of the example app answer with 503, keep running, and find their way back', async () => {
    const server = await postgresServer()
    const [one, other] = await start(server.url)
    const site = randomUUID()
    const body = webhook('AppInstalled', { instanceId: site })
    expect([await one.status(asOwner(site)), await other.status(asOwner(site))]).to.deep.equal([200, 200])
    await server.kill('SIGINT')
    const without = [await one.status('/webhooks', { method: 'POST', body }), await other.status(asOwner(site))]
    const ill = await one.status('/health')
    await server.start()
    const again = [await one.status('/webhooks', { method: 'POST', body }), await other.status(asOwner(site))]
    const events = await rowsIn(server.url, 'SELECT * FROM events')
    for (const each of [one, other]) await each.kill()
    await server.close()

    expect([without, ill, again]).to.deep.equal([[503, 503], 503, [200, 200]])
    expect(events).to.have.lengthOf(1)
  })
})
