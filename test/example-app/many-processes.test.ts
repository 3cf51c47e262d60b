import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import { SECRET } from '../support/build.ts'
import { KEYS, SESSION_KEYS, webhook } from '../support/example-app.ts'
import { describeWith } from '../support/left-out.ts'
import { REDIS } from '../support/programs.ts'
import { redisServer, type RedisServer, until } from '../support/redis.ts'

const EVENTS = 1000
const TIMES = 3
const KILLS = 10
/** Requests at the same time. */
const SENDERS = 16

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A process of the app that always has the same port. */
class AppProcess {
  readonly url: string
  /** How many requests it has not answered yet. */
  open = 0
  /** The events in requests that were cut off when it died. */
  readonly cutOff = new Set<string>()
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
    await once(child.stdout, 'data')
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

  /** Whether it answered with 200. */
  async deliver(id: string, body: string): Promise<boolean> {
    this.open += 1
    try {
      return (await fetch(`${this.url}/webhooks`, { method: 'POST', body })).status === 200
    } catch (error) {
      // A connection that it never accepted has brought it nothing.
      const { code } = Object((error as Error).cause) as { code?: string }
      if (code !== 'ECONNREFUSED') this.cutOff.add(id)
      return false
    } finally {
      this.open -= 1
    }
  }
}

describeWith(REDIS, 'Two processes of the example app behind one Redis', function () {
  this.timeout(120_000)

  let folder: string
  let redis: RedisServer
  let processes: [AppProcess, AppProcess]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    redis = await redisServer()
    const env = {
      WIX_APP_SECRET: SECRET,
      WIX_APP_ID: 'my-app',
      WIX_PUBLIC_KEY: KEYS.publicKey,
      SESSION_KEYS: JSON.stringify(SESSION_KEYS),
      DATABASE: join(folder, 'data.db'),
      REDIS_URL: redis.url,
      WEBHOOK_LEASE: '2',
    }
    processes = [new AppProcess(await freePort(), env), new AppProcess(await freePort(), env)]
    for (const one of processes) await one.start()
  })
  after(async () => {
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
    let answered = 0
    let isOver = false

    const send = async (): Promise<void> => {
      for (let delivery = deliveries.shift(); delivery !== undefined; delivery = deliveries.shift()) {
        const { id, body } = delivery
        for (let attempt = 0; ; attempt += 1) {
          const target = processes[Math.random() < 0.5 ? 0 : 1]
          if (await target.deliver(id, body)) break
          // Refused, busy or cut off: again, as Wix does, only sooner.
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        answered += 1
      }
    }
    const killAgain = async (): Promise<void> => {
      const [, victim] = processes
      for (let kill = 1; kill <= KILLS; kill += 1) {
        // In the middle of the traffic, from the beginning to the end.
        await until(() => answered >= (kill * EVENTS * TIMES) / (KILLS + 1) && victim.open > 0)
        await victim.kill()
        await victim.start()
      }
      isOver = true
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
    expect([answered, isOver]).to.deep.equal([EVENTS * TIMES, true])
    expect(events.filter(({ id }) => !stored.has(id))).to.deep.equal([])
    expect(stored.size).to.equal(EVENTS)
    expect(twice.filter((id) => !processes[1].cutOff.has(id))).to.deep.equal([])
    expect(processes[0].cutOff.size).to.equal(0)
  })
})
