// What many processes ask of Wix: the calls of Token Info for the same traffic, with access tokens and with session tokens.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { generateSessionKey, SessionTokens, WixAccessTokenStrategy, WixSessionStrategy } from 'passport-wix-app'
import { WixSimulator } from 'passport-wix-app/testing'
import { authenticated } from './run.js'

const USERS = 100
const SECONDS = 3600
/** Of each user, on average. */
const SECONDS_BETWEEN_REQUESTS = 5
const PROCESSES = [1, 2, 4, 8]

const appId = 'bench-app'
const rules = { issuer: 'https://bench.example', audience: 'api' }

/** One process of the app. The hour is simulated: its clock stands at the second of the batch. */
function work() {
  let time = 0
  let bearer
  let trade

  const setUp = ({ apiUrl, keys }) => {
    const now = () => time
    const sessions = new SessionTokens({ keys, ...rules, now })
    const ask = authenticated(new WixAccessTokenStrategy({ appId, apiUrl, now }, (identity) => identity))
    const check = authenticated(new WixSessionStrategy({ tokens: sessions }))
    const request = (token) => ({ headers: { authorization: `Bearer ${token}` } })
    bearer = { access: (token) => ask(request(token)), session: (token) => check(request(token)) }
    trade = async (token) => sessions.issue(await ask(request(token)))
  }
  // One after the other: how many are in flight at once is not what is measured.
  const handle = async ({ second, jobs }) => {
    time = second * 1000
    const issued = []
    for (const { kind, token, user } of jobs) {
      if (kind === 'trade') {
        const session = await trade(token)
        const { exp } = await bearer.session(session)
        issued.push({ user, session, exp })
      } else await bearer[kind](token)
    }
    return { issued }
  }
  process.on('message', async (message) => {
    process.send('apiUrl' in message ? (setUp(message), {}) : await handle(message))
  })
}

/** The same numbers in each run (mulberry32). */
function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Who asks which process in which second. */
function trafficOf(processes) {
  const next = random(1)
  const at = (second) =>
    Array.from({ length: USERS }, (_, user) => user)
      .filter(() => next() < 1 / SECONDS_BETWEEN_REQUESTS)
      .map((user) => ({ second, user, to: Math.floor(next() * processes) }))
  return Array.from({ length: SECONDS }, (_, second) => at(second))
}

async function run(kind, processes, keys) {
  const start = Math.floor(Date.now() / 1000)
  let second = start
  const wix = await WixSimulator.start({ appId, appSecret: 'bench-secret', now: () => second * 1000 })
  const workers = Array.from({ length: processes }, () => fork(fileURLToPath(import.meta.url), ['worker']))
  for (const worker of workers) {
    worker.on('exit', (code) => {
      if (code !== 0) throw new Error('A process of the app failed')
    })
  }
  const send = async (worker, message) => {
    worker.send(message)
    const [answer] = await once(worker, 'message')
    return answer
  }
  await Promise.all(workers.map((worker) => send(worker, { apiUrl: wix.url, keys })))

  const users = Array.from({ length: USERS }, (_, user) => ({
    access: wix.accessToken({ instanceId: `site-${user}`, subjectType: 'USER', subjectId: `user-${user}` }),
    session: undefined,
    exp: 0,
  }))
  const jobOf = ({ user }) => {
    const { access, session, exp } = users[user]
    if (kind === 'access') return { kind, token: access }
    return exp > second ? { kind, token: session } : { kind: 'trade', token: access, user }
  }

  let requests = 0
  let peak = 0
  let before = 0
  for (const batch of trafficOf(processes)) {
    requests += batch.length
    const answers = await Promise.all(
      workers.map(async (worker, index) => {
        const jobs = batch.filter(({ to }) => to === index).map(jobOf)
        return jobs.length > 0 ? send(worker, { second, jobs }) : { issued: [] }
      }),
    )
    for (const { user, ...session } of answers.flatMap(({ issued }) => issued)) Object.assign(users[user], session)
    second++
    if ((second - start) % 60 === 0) {
      peak = Math.max(peak, wix.calls('token-info') - before)
      before = wix.calls('token-info')
    }
  }
  for (const worker of workers) worker.disconnect()
  const calls = wix.calls('token-info')
  await wix.close()
  return { requests, calls, peak }
}

async function measure() {
  const keys = [await generateSessionKey()]
  console.log(
    `${USERS} users for one hour, each with one access token and a request every ${SECONDS_BETWEEN_REQUESTS} s, to any of the processes\n`,
  )
  const row = (cells) => console.log(cells.map((cell, index) => String(cell).padStart(index === 0 ? 11 : 16)).join(''))
  row(['', '', 'access tokens:', '', 'session tokens:', '', ''])
  row(['processes', 'requests', 'calls', 'in one minute', 'calls', 'in one minute', 'ratio'])
  for (const processes of PROCESSES) {
    const access = await run('access', processes, keys)
    const session = await run('session', processes, keys)
    const ratio = (access.calls / session.calls).toFixed(1)
    row([processes, access.requests, access.calls, access.peak, session.calls, session.peak, ratio])
  }
}

if (process.argv[2] === 'worker') work()
else await measure()
