// npm run soak -- [--seconds N]: all doors of one process at once, for ten minutes unless told otherwise, with genuine and hostile calls
// beside each other while Wix fails and recovers. Ends with 1 where anything is not as it should be.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateAppKeys, WixSimulator, type WixSimulatorFault } from '../../devtools/testing/index.ts'
import { generateSessionKey } from '../../lib/index.ts'
import { type Call, doors, junkStatus, pick, type Session } from './callers.ts'
import { type Answer, type Counts, linesOf, LONG_RUN, NO_COUNTS, verdictOf, violationsOf } from './judge.ts'
import type { Sample, Setup } from './server.ts'

/** Of clients, at the same time. */
const AT_ONCE = 16
const SAMPLES = 50
/** Seconds: how long Wix is in order, out of it, and again so long that the circuit breaker has noticed. */
const CALM = 2
const FAULT = 1
const RECOVERY = 5
const MAX_SESSIONS = 2000

const FAULTS: readonly WixSimulatorFault[] = [
  { status: 503 },
  { drop: true },
  { delay: Infinity },
  { status: 429, headers: { 'Retry-After': '1' } },
  { body: '<html>' },
  { status: 500 },
  { redirect: 'https://elsewhere.example/' },
]

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } })
if (!/^[1-9]\d{0,5}$/.test(values.seconds)) {
  console.error('--seconds must be a whole number from 1 on')
  process.exit(2)
}
const seconds = Number(values.seconds)

const appId = 'soak-app'
const secret = 'soak-secret'
const { publicKey, privateKey } = generateAppKeys()
const wix = await WixSimulator.start({ appId, appSecret: secret })

const agent = new Agent({ keepAlive: true })

/** Wix: the simulator, and an answer of its own for each kind of junk. */
const front = createServer(async (req, res) => {
  const chunks: Buffer[] = []
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const status = junkStatus((JSON.parse(body.toString()) as { token: string }).token)
  if (status > 0) {
    res.writeHead(status).end('{}')
    return
  }
  const upstream = request(wix.url + req.url, { method: 'POST', agent, headers: { 'content-length': body.length } })
  upstream.on('response', (answer) => {
    res.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(res)
  })
  upstream.on('error', () => res.destroy())
  // The app has given up.
  res.on('close', () => upstream.destroy())
  upstream.end(body)
})
front.listen(0, '127.0.0.1')
await once(front, 'listening')

const setup: Setup = {
  appId,
  secret,
  publicKey,
  apiUrl: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
  keys: [await generateSessionKey(), await generateSessionKey()],
  issuer: 'https://soak.example',
  audience: 'soak',
  isLong: seconds >= LONG_RUN,
}
const app = fork(join(import.meta.dirname, 'server.ts'), {
  env: { ...process.env, SOAK: JSON.stringify(setup) },
  execArgv: ['--no-warnings', '--expose-gc', '--import', 'tsx'],
})
app.once('exit', () => {
  console.error('The app has ended')
  process.exit(1)
})
const heard = async (): Promise<unknown> => {
  const [message] = (await once(app, 'message')) as unknown[]
  return message
}
const url = String(await heard())

const send = ({ method, path, headers = {}, body }: Call): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'text/plain' }
    const req = request(url + path, { method: method ?? 'GET', agent, headers: { ...type, ...headers } }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text })).on('error', reject)
    })
    req.on('error', (error) =>
      reject(new Error(`${error.message} at ${path.slice(0, 30)} with ${body?.length ?? 0} characters`)),
    )
    req.end(body)
  })

const issued: Session[] = []
const all = Object.entries(await doors(setup, privateKey, wix, issued))
const genuine = new Map(all.map(([name]) => [name, { ...NO_COUNTS }]))
const hostile = new Map(all.map(([name]) => [name, { ...NO_COUNTS }]))
const surprises: string[] = []
/** By `performance.now()`: an answer to what was sent before may be that of an outage. */
let outageUntil = 0
let lastOutage = 0
let faultEnded = Infinity

function count(name: string, call: Call, answer: Answer, isGenuine: boolean, sent: number): void {
  const verdict = verdictOf(call, answer, isGenuine, sent < outageUntil)
  const counts = (isGenuine ? genuine : hostile).get(name) as Counts
  counts[verdict] += 1
  if (isGenuine && verdict === 'outage' && outageUntil !== Infinity)
    lastOutage = Math.max(lastOutage, performance.now() - faultEnded)
  if (verdict !== 'right' && verdict !== 'outage' && surprises.length < 20)
    surprises.push(`${name}, ${isGenuine ? 'genuine' : 'hostile'}: ${answer.status} in place of ${call.status}`)
}

/** Twice at once, and once more: one of them is handled, and the others are answered without. */
async function deliver(name: string, call: Call, sent: number): Promise<void> {
  const [first, second] = await Promise.all([send(call), send(call)])
  const third = await send(call)
  const handled = [first, second, third].filter(({ text }) => text.includes('instanceId'))
  const repeats = [first, second, third].filter((answer) => !handled.includes(answer))
  for (const answer of handled.slice(0, 1)) count(name, call, answer, true, sent)
  const isOnce = handled.length === 1 && !handled.includes(third)
  for (const answer of repeats) {
    const { facts: _, ...repeat } = call
    // Where the other one is still at work, Wix is to send it again.
    const status = answer === third || answer.status !== 503 ? 200 : 503
    count(name, { ...repeat, status: isOnce ? status : 0 }, answer, true, sent)
  }
  if (handled.length > 1) count(name, { ...call, status: 0 }, third, true, sent)
}

async function callOnce(): Promise<void> {
  const [name, door] = pick(all)
  const isGenuine = door.hostile === undefined || Math.random() < 0.5
  const call = isGenuine ? door.genuine() : (door.hostile as () => Call)()
  const sent = performance.now()
  if (isGenuine && call.path.endsWith('/webhook')) return deliver(name, call, sent)
  const answer = await send(call)
  count(name, call, answer, isGenuine, sent)
  if (isGenuine && name === 'session, issued' && answer.status === 200) {
    const { token } = JSON.parse(answer.text) as { token: string }
    issued.push({ token, facts: call.facts ?? {} })
    if (issued.length > MAX_SESSIONS) issued.shift()
  }
}

const began = performance.now()
const end = began + seconds * 1000
const client = async (): Promise<void> => {
  while (performance.now() < end) {
    try {
      await callOnce()
    } catch (error) {
      surprises.push(String(error))
    }
  }
}
const isOver = new AbortController()
const pause = (time: number): Promise<unknown> =>
  wait(time * 1000, undefined, { signal: isOver.signal }).catch(() => undefined)

async function breakWix(): Promise<void> {
  for (let turn = 0; !isOver.signal.aborted; turn += 1) {
    await pause(CALM)
    outageUntil = Infinity
    wix.fault('token-info', FAULTS[turn % FAULTS.length] ?? null)
    await pause(FAULT)
    wix.fault('token-info', null)
    faultEnded = performance.now()
    outageUntil = faultEnded + RECOVERY * 1000
    await pause(RECOVERY)
  }
}
const samples: Sample[] = []
async function watch(): Promise<void> {
  for (let taken = 1; taken <= SAMPLES; taken += 1) {
    await pause((began + (seconds * 1000 * taken) / SAMPLES - performance.now()) / 1000)
    app.send('sample')
    samples.push((await heard()) as Sample)
    if (taken % 5 === 0 && process.stderr.isTTY) console.error(`${taken * 2} %`)
  }
}

console.log(`All doors of one process for ${seconds} s, ${AT_ONCE} calls at once, on Node ${process.versions.node}\n`)
const broken = breakWix()
await Promise.all([...Array.from({ length: AT_ONCE }, client), watch()])
isOver.abort()
await broken
const report = { seconds: (performance.now() - began) / 1000, genuine, hostile, surprises, samples }
for (const line of linesOf(report)) console.log(line)
console.log(`last 503 of a genuine call      ${(lastOutage / 1000).toFixed(1)} s after Wix was in order again, at most`)
// What is still open is of no use any more.
process.exit(violationsOf(report).length === 0 ? 0 : 1)
