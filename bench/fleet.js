// A fleet: processes of the example app behind a round robin, on one PostgreSQL, while they are killed and the database restarts.
// It needs PostgreSQL, as the tests do: npm run build && node --import tsx bench/fleet.js
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { generateSessionKey } from 'passport-wix-app'
import { generateAppKeys, signInstance, signWebhook, WixSimulator } from 'passport-wix-app/testing'
import pg from 'pg'
import { freePort } from '../test/support/free-port.ts'
import { postgresServer } from '../test/support/postgres.ts'

const PROCESSES = 4
const SITES = 200
const PEOPLE_OF_A_SITE = 10
const REQUESTS = 10_000
const EVENTS = 400
const KILLS = 10
/** Of clients, at the same time. */
const AT_ONCE = 16
/** Calls a minute for each installation, and how long the simulator asks to wait beyond them: Wix does not say. */
const LIMIT_OF_WIX = 200
const SECONDS_TO_WAIT = '5'
/** Of one site, at the same time: more than the limit, also where a new minute begins meanwhile. */
const PEOPLE_OF_THE_BUSY_SITE = 500
/** Minutes after which Wix sends again what was not answered, each after the one before. */
const REPEATS = [1, 10, 60, 120, 120, 120, 240, 240, 240, 480, 480, 720]

const appId = 'fleet-app'
const secret = 'fleet-secret'
const keys = generateAppKeys()
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const say = (what, figure) => console.log(`${what.padEnd(76)} ${String(figure).padStart(8)}`)

/** Calls the function with each of the values, so many at once. */
async function forEach(values, work) {
  let next = 0
  const one = async () => {
    while (next < values.length) await work(values[next++])
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

/** In front of the simulator: Wix's limit, and the count of what it sees. */
async function limitedWix(wix) {
  const installations = new Map()
  const counts = new Map()
  const seen = { calls: 0, refused: 0, peak: 0 }
  const server = createServer(async (req, res) => {
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const installation = installations.get(JSON.parse(body).token)
    const key = `${installation} ${Math.floor(Date.now() / 60_000)}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    seen.calls += 1
    seen.peak = Math.max(seen.peak, count)
    if (count > LIMIT_OF_WIX) {
      seen.refused += 1
      res.writeHead(429, { 'Retry-After': SECONDS_TO_WAIT }).end('{}')
      return
    }
    const answer = await fetch(wix.url + req.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    res.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${server.address().port}`, installations, seen, close: () => server.close() }
}

class Fleet {
  processes = []
  cutOff = 0
  #next = 0
  #env
  #ahead = 0

  constructor(env) {
    this.#env = env
  }

  async start(port) {
    const child = fork(join(import.meta.dirname, '../example-app/server.ts'), {
      env: { ...this.#env, PORT: String(port), CLOCK_AHEAD: String(this.#ahead) },
      execArgv: ['--import', join(import.meta.dirname, 'fleet-clock.js'), '--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    })
    await once(child.stdout, 'data')
    child.stdout.resume()
    const one = { port, child, url: `http://127.0.0.1:${port}`, isKilled: false }
    child.once('exit', () => {
      if (!one.isKilled) throw new Error('A process of the app has ended by itself')
    })
    this.processes = [...this.processes.filter((other) => other.port !== port), one]
    return one
  }

  async kill(one) {
    const exit = once(one.child, 'exit')
    one.isKilled = true
    one.child.kill('SIGKILL')
    await exit
  }

  /** Moves the clocks of all processes. */
  async moveTo(milliseconds) {
    this.#ahead = milliseconds
    await Promise.all(
      this.processes.map(async ({ child }) => {
        const moved = once(child, 'message')
        child.send(milliseconds)
        await moved
      }),
    )
  }

  /** As a load balancer does it: the next process, and another one where the connection failed. */
  async ask(path, init = {}) {
    for (;;) {
      const one = this.processes[(this.#next += 1) % this.processes.length]
      try {
        const response = await fetch(one.url + path, init)
        const text = await response.text()
        return { status: response.status, text }
      } catch (error) {
        if (error.cause?.code !== 'ECONNREFUSED') this.cutOff += 1
        await pause(5)
      }
    }
  }
}

const database = await postgresServer({ fsync: 'on' })
const wix = await WixSimulator.start({ appId, appSecret: secret })
const front = await limitedWix(wix)
const { npm_lifecycle_event: _, ...inherited } = process.env
const fleet = new Fleet({
  ...inherited,
  WIX_APP_SECRET: secret,
  WIX_APP_ID: appId,
  WIX_PUBLIC_KEY: keys.publicKey,
  WIX_API_URL: front.url,
  SESSION_KEYS: JSON.stringify([await generateSessionKey()]),
  DATABASE_URL: database.url,
  PROCESSES: '1',
  AUDIT_DAYS: '1',
})
for (let count = 0; count < PROCESSES; count += 1) await fleet.start(await freePort())

const query = async (text) => {
  const client = new pg.Client(database.url)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
// The database itself counts how often an event has changed something.
await query(`CREATE TABLE effects (site TEXT);
  CREATE FUNCTION effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO effects VALUES (new."instanceId"); RETURN new; END $$;
  CREATE TRIGGER effect AFTER UPDATE OF "lifeCycleAt" ON sites FOR EACH ROW EXECUTE FUNCTION effect()`)

const person = (site, userId) => {
  // Of a paid plan, whose calls have no limit.
  const vendorProductId = 'premium'
  const token = wix.accessToken({ instanceId: site, subjectType: 'USER', subjectId: userId, vendorProductId })
  front.installations.set(token, site)
  const facts = { instanceId: site, uid: userId, siteOwnerId: 'owner', permissions: 'OWNER', vendorProductId }
  const instance = signInstance(facts, secret)
  return { site, userId, token, instance, session: '', paid: 0 }
}
const people = Array.from({ length: SITES * PEOPLE_OF_A_SITE }, (_, index) =>
  person(`site-${Math.floor(index / PEOPLE_OF_A_SITE)}`, `user-${index}`),
)
const busy = Array.from({ length: PEOPLE_OF_THE_BUSY_SITE }, (_, index) => person('busy-site', `busy-${index}`))
const anybody = () => people[Math.floor(Math.random() * people.length)]
const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } })

let isRestarting = false
let duringRestart = 0
/** Sends a request of a person. Notes that were stored, with 201, are what the site has to pay for. */
async function asPerson(one, statuses, path, init) {
  const { status, text } = await fleet.ask(path, init)
  if (status === 201) one.paid += 1
  if (isRestarting && status >= 500) duringRestart += 1
  else statuses.set(status, (statuses.get(status) ?? 0) + 1)
  return text
}
const withToken = (one, statuses) => asPerson(one, statuses, '/api/me', bearer(one.token))
const withSession = (one, statuses) => asPerson(one, statuses, '/api/me', bearer(one.session))
const writeNote = (one, statuses) =>
  asPerson(one, statuses, '/api/notes', {
    method: 'POST',
    headers: { ...bearer(one.session).headers, 'content-type': 'application/json' },
    body: '{"content":"a note"}',
  })
const startSession = async (one, statuses) => {
  const init = { method: 'POST', headers: { authorization: one.instance } }
  one.session = JSON.parse(await asPerson(one, statuses, '/session', init)).token
}
/** Of requests that all deserve a 200 or 201. */
const sayWrong = (statuses) => {
  const other = [...statuses].filter(([status]) => ![200, 201, 401, 503].includes(status))
  say('  answered with 401', statuses.get(401) ?? 0)
  say('  answered with 503', statuses.get(503) ?? 0)
  say(
    '  answered with another status than 200 and 201',
    other.reduce((sum, [, count]) => sum + count, 0),
  )
}

const started = performance.now()
console.log(`${PROCESSES} processes, ${people.length} people of ${SITES} sites, ${AT_ONCE} requests at once\n`)

// Access tokens: each process asks Wix about each of them once a minute.
const tokenAnswers = new Map()
await forEach(Array.from({ length: REQUESTS }), () => withToken(anybody(), tokenAnswers))
say('requests with access tokens', REQUESTS)
say('  calls of Token Info for each of them', (front.seen.calls / REQUESTS).toFixed(3))
say(`  most calls for one installation in a minute, of the ${LIMIT_OF_WIX} that Wix allows`, front.seen.peak)
sayWrong(tokenAnswers)

// More people of one site than the limit allows, and as many of the others meanwhile.
const busyAnswers = new Map()
const otherAnswers = new Map()
await forEach(busy, (one) => Promise.all([withToken(one, busyAnswers), withToken(anybody(), otherAnswers)]))
say(`requests with access tokens of ${busy.length} people of one site`, busy.length)
say('  calls that the limit refused', front.seen.refused)
sayWrong(busyAnswers)
say('requests of the other sites meanwhile', busy.length)
sayWrong(otherAnswers)

// Sessions: each person trades an instance once.
const before = front.seen.calls
const busySessions = new Map()
await forEach(busy, async (one) => {
  await startSession(one, busySessions)
  await withSession(one, busySessions)
})
say('requests with sessions of the same people of one site, and for them', busy.length * 2)
sayWrong(busySessions)
const sessionAnswers = new Map()
await forEach(people, (one) => startSession(one, sessionAnswers))
const since = performance.now()
await forEach(Array.from({ length: REQUESTS }), () => withSession(anybody(), sessionAnswers))
const seconds = (performance.now() - since) / 1000
say('requests with sessions of all sites', REQUESTS)
say('  a second, on this machine', Math.round(REQUESTS / seconds))
sayWrong(sessionAnswers)

// Kills and a restart, among webhooks that each come twice at once, and requests with sessions.
const events = Array.from({ length: EVENTS }, () => {
  const site = randomUUID()
  return { site, body: signWebhook({ instanceId: site, eventType: 'AppInstalled', data: {} }, keys.privateKey) }
})
const end = new AbortController()
let requests = 0
const trafficAnswers = new Map()
const traffic = Array.from({ length: AT_ONCE }, async () => {
  while (!end.signal.aborted) {
    // Every second request is a call to pay for.
    await (requests % 2 === 0 ? withSession : writeNote)(anybody(), trafficAnswers)
    requests += 1
  }
})
let refusedEvents = 0
const sendUntilAnswered = async (body) => {
  while ((await fleet.ask('/webhooks', { method: 'POST', body })).status !== 200) {
    refusedEvents += 1
    await pause(50)
  }
}
const deliveries = (async () => {
  for (const { body } of events) {
    await Promise.all([sendUntilAnswered(body), sendUntilAnswered(body)])
    await pause(40)
  }
})()
for (let kill = 0; kill < KILLS; kill += 1) {
  const victim = fleet.processes[Math.floor(Math.random() * fleet.processes.length)]
  await fleet.kill(victim)
  await fleet.start(victim.port)
  if (kill !== KILLS / 2) continue
  isRestarting = true
  const down = performance.now()
  await database.kill('SIGINT')
  await database.start()
  // Until the connections of the pools are new.
  await pause(1000)
  isRestarting = false
  say('seconds of the restart of the database', ((performance.now() - down) / 1000).toFixed(1))
}
await deliveries
end.abort()
await Promise.all(traffic)
say(`requests while ${KILLS} processes were killed and the database restarted`, requests)
say('  cut off by a kill, and sent again', fleet.cutOff)
say('  answered with 5xx in the seconds of the restart', duringRestart)
sayWrong(trafficAnswers)
const sessionRequests = busy.length * 2 + people.length + REQUESTS + requests
say('requests with sessions, in all', sessionRequests)
say('  calls of Token Info for each of them', ((front.seen.calls - before) / sessionRequests).toFixed(3))

// Wix's repeats, on a clock that moves: each is answered with 200, and changes nothing.
let minutes = 0
let repeated = 0
for (const step of REPEATS) {
  minutes += step
  await fleet.moveTo(minutes * 60_000)
  await forEach(events, async ({ body }) => {
    if ((await fleet.ask('/webhooks', { method: 'POST', body })).status === 200) repeated += 1
  })
  // Which deletes what is old, when it starts.
  const [one] = fleet.processes
  await fleet.kill(one)
  await fleet.start(one.port)
}
await fleet.moveTo(0)
const effects = await query('SELECT site, count(*)::int AS times FROM effects GROUP BY site')
const handled = new Set(effects.map(({ site }) => site))
say(
  `events, each sent twice at once, then repeated ${REPEATS.length} times in ${Math.round(minutes / 60)} hours`,
  EVENTS,
)
say('  deliveries that were refused, and sent again', refusedEvents)
say(`  repeats answered with 200, of ${EVENTS * REPEATS.length}`, repeated)
say('  lost', events.filter(({ site }) => !handled.has(site)).length)
say('  handled twice', effects.filter(({ times }) => times > 1).length)

// From the answer to AppRemoved on, each process refuses, with each kind of credential.
let late = 0
let slowest = 0
const removed = people.filter((_, index) => index % (4 * PEOPLE_OF_A_SITE) === 0)
for (const { site, token, session, instance } of removed) {
  const sent = performance.now()
  await fleet.ask('/webhooks', {
    method: 'POST',
    body: signWebhook({ instanceId: site, eventType: 'AppRemoved', data: {} }, keys.privateKey),
  })
  const asked = fleet.processes.flatMap(({ url }) => [
    () => fetch(`${url}/api/me`, bearer(token)),
    () => fetch(`${url}/api/me`, bearer(session)),
    () => fetch(`${url}/dashboard?instance=${instance}`),
  ])
  // The first request of each that is refused.
  const untilRefused = async (ask) => {
    while ((await ask()).status !== 401) late += 1
  }
  await Promise.all(asked.map(untilRefused))
  slowest = Math.max(slowest, performance.now() - sent)
}
say('sites that removed the app', removed.length)
say('  requests that any process accepted after the answer to AppRemoved', late)
say('  seconds from AppRemoved until every process had refused, at most', (slowest / 1000).toFixed(2))

// Person by person, so that one call too many does not hide another one that is missing.
const calls = new Map(
  (await query('SELECT "subjectId", sum(calls)::int AS calls FROM usage GROUP BY "subjectId"')).map((row) => [
    row.subjectId,
    row.calls,
  ]),
)
const differences = people.map(({ userId, paid }) => paid - (calls.get(userId) ?? 0))
const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0)
say('answered calls to pay for', sumOf(people.map(({ paid }) => paid)))
say('  of these, not on the bill', sumOf(differences.map((difference) => Math.max(0, difference))))
say('  on the bill, but cut off before the answer', sumOf(differences.map((difference) => Math.max(0, -difference))))
console.log(`\n${Math.round((performance.now() - started) / 1000)} s`)

for (const one of fleet.processes) await fleet.kill(one)
front.close()
await wix.close()
await database.close()
