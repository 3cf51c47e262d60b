import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import { SECRET } from '../support/build.ts'
import { KEYS, SESSION_KEYS, webhook } from '../support/example-app.ts'
import { firstOutput } from '../support/first-output.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/left-out.ts'
import { REDIS } from '../support/programs.ts'
import { redisServer, type RedisServer, until } from '../support/redis.ts'

const EVENTS = 1000
const TIMES = 3
const KILLS = 10
/** Requests at the same time. */
const SENDERS = 16
/** Milliseconds. */
const JUST_NOW = 1000

/** A process of the app that always has the same port. */
class AppProcess {
  readonly url: string
  /**
   * The events that were in its route when it died: those in requests that were cut off, and those that it had just answered, since it
   * may have died before Redis knew of that.
   */
  readonly inRoute = new Set<string>()
  #answered: { id: string; at: number }[] = []
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined

  constructor(port: number, env: NodeJS.ProcessEnv) {
    this.url = `http://127.0.0.1:${port}`
    this.#env = { ...process.env, ...env, PORT: String(port) }
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
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
    for (const { id, at } of this.#answered) if (performance.now() - at < JUST_NOW) this.inRoute.add(id)
    this.#answered = []
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    for (const { id } of this.#answered) this.inRoute.add(id)
  }

  /** Whether it answered with 200. */
  async deliver(id: string, body: string): Promise<boolean> {
    try {
      const { status } = await fetch(`${this.url}/webhooks`, { method: 'POST', body })
      this.#answered.push({ id, at: performance.now() })
      return status === 200
    } catch (error) {
      // A connection that it never accepted has brought it nothing.
      const { code } = Object((error as Error).cause) as { code?: string }
      if (code !== 'ECONNREFUSED') this.inRoute.add(id)
      return false
    }
  }
}

describeWith(REDIS, 'Two processes of the example app behind one Redis', function () {
  this.timeout(120_000)

  let folder: string
  let redis: RedisServer
  let processes: [AppProcess, AppProcess]
  /** Ends the traffic of a test that has failed. */
  let over: AbortController

  before(async () => {
    over = new AbortController()
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    redis = await redisServer()
    const env = {
      WIX_APP_SECRET: SECRET,
      WIX_APP_ID: 'my-app',
      WIX_PUBLIC_KEY: KEYS.publicKey,
      SESSION_KEYS: JSON.stringify(SESSION_KEYS),
      DATABASE: join(folder, 'data.db'),
      REDIS_URL: redis.url,
      WEBHOOK_LEASE: '4',
    }
    processes = [new AppProcess(await freePort(), env), new AppProcess(await freePort(), env)]
    for (const one of processes) await one.start()
  })
  after(async () => {
    over.abort()
    for (const one of processes) await one.kill()
    await redis.kill()
    await rm(folder, { recursive: true })
  })

  it('lose no event while one of them is killed ten times, and handle twice only what was in a route then', async () => {
    const events = Array.from({ length: EVENTS }, () => {
      const id = randomUUID()
      return { id, body: webhook('wix.ecom.v1.order_created', { data: { id, entityFqdn: 'wix.ecom.v1.order' } }) }
    })
    // Each event three times, the repeats mixed with the first deliveries of later events.
    const deliveries = Array.from({ length: TIMES }, (_, time) =>
      events.map((event, index) => ({ ...event, at: index + time * 7 })),
    )
      .flat()
      .toSorted((one, other) => one.at - other.at)
    const share = deliveries.length / (KILLS + 1)
    let answered = 0
    let kills = 0

    const send = async (): Promise<void> => {
      for (
        let delivery = deliveries.shift();
        delivery !== undefined && !over.signal.aborted;
        delivery = deliveries.shift()
      ) {
        // Not far ahead of the kills, so that each of them meets traffic.
        await until(() => over.signal.aborted || kills === KILLS || answered < (kills + 1.5) * share)
        const { id, body } = delivery
        while (!over.signal.aborted && !(await processes[Math.random() < 0.5 ? 0 : 1].deliver(id, body))) {
          // Refused, busy or cut off: again, as Wix does, only sooner.
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        answered += 1
      }
    }
    const killAgain = async (): Promise<void> => {
      const [, victim] = processes
      for (; kills < KILLS && !over.signal.aborted; kills += 1) {
        await until(() => over.signal.aborted || answered >= (kills + 1) * share)
        await victim.kill()
        await victim.start()
      }
    }
    await Promise.all([killAgain(), ...Array.from({ length: SENDERS }, send)])

    const database = new Database(join(folder, 'data.db'))
    const rows = database.prepare('SELECT eventId, count(*) AS times FROM events GROUP BY eventId').all() as {
      eventId: string
      times: number
    }[]
    database.close()
    const stored = new Set(rows.map(({ eventId }) => eventId))
    const twice = rows.filter(({ times }) => times > 1).map(({ eventId }) => eventId)
    expect([answered, kills]).to.deep.equal([EVENTS * TIMES, KILLS])
    expect(events.filter(({ id }) => !stored.has(id))).to.deep.equal([])
    expect(stored.size).to.equal(EVENTS)
    expect(twice.filter((id) => !processes[1].inRoute.has(id))).to.deep.equal([])
    expect(processes[0].inRoute.size).to.equal(0)
  })
})
