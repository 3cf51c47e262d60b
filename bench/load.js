// What grows with the load: the processor time of a check, by how many there are at once and how many tokens are in use; and the memory of
// a cached token.
import { randomBytes, randomUUID } from 'node:crypto'
import v8 from 'node:v8'
import vm from 'node:vm'
import {
  generateSessionKey,
  instanceVerifier,
  SessionTokens,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from 'passport-wix-app'
import { generateAppKeys, signInstance, signWebhook } from 'passport-wix-app/testing'
import { authenticated, each } from './run.js'

const TURNS = 30
const AT_ONCE = [1, 10, 100, 1000]
const TOKENS = [100, 1000, 10_000, 100_000]

v8.setFlagsFromString('--expose_gc')
const collect = vm.runInNewContext('gc')
const heap = () => {
  collect()
  return process.memoryUsage().heapUsed
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

const secret = randomUUID()
const appId = randomUUID()
const { publicKey, privateKey } = generateAppKeys()
const identity = (one) => one
const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` }, query: {} })

const instance = (index) => signInstance({ instanceId: `site-${index}`, uid: 'me', permissions: 'OWNER' }, secret)
const sessions = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'bench', audience: 'api', ttl: 3600 })
const newSession = async (index) => bearer(await sessions.issue(await instanceVerifier({ secret })(instance(index))))

const tail = `${randomBytes(500).toString('base64url')}.${randomBytes(32).toString('base64url')}`
const accessToken = (index) => bearer(`OauthNG.JWS.${index}.${tail}`)
const info = () => ({
  active: true,
  subjectType: 'USER',
  subjectId: randomUUID(),
  exp: 1e10,
  iat: 1.7e9,
  clientId: appId,
  siteId: randomUUID(),
  instanceId: randomUUID(),
  accountId: randomUUID(),
  vendorProductId: 'premium',
})
// The clock stands still, so that everything stays cached.
const now = Date.now()
const accessTokens = (max) =>
  authenticated(
    new WixAccessTokenStrategy(
      { appId, maxCalls: 1000, cache: { max }, now: () => now, fetch: async () => Response.json(info()) },
      identity,
    ),
  )
const inTurns = async (count, work) => {
  for (let done = 0; done < count; done += 100)
    await Promise.all(Array.from({ length: Math.min(100, count - done) }, (_, index) => work(done + index)))
}

/** Microseconds of processor time for each of a thousand calls, of which so many run at once. */
async function timeOf(task, atOnce) {
  const start = process.cpuUsage()
  for (let done = 0; done < 1000; done += atOnce) await Promise.all(Array.from({ length: atOnce }, task))
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

const row = (name, cells) =>
  console.log(`  ${name.padEnd(44)}${cells.map((cell) => String(cell).padStart(10)).join('')}`)

/** The columns take turns, so that all share the good and bad moments of the machine. The ratio is to the first one. */
async function grow(name, columns) {
  const times = columns.map(() => [])
  for (let turn = 0; turn < TURNS; turn++)
    for (const [index, time] of columns.entries()) times[index].push(await time())
  const [first] = times
  row(
    name,
    times.map((one, index) =>
      index === 0 ? `${median(one).toFixed(1)} µs` : median(one.map((time, turn) => time / first[turn])).toFixed(2),
    ),
  )
}

console.log('\nProcessor time of a check, by how many run at once: of one alone, and the ratio to it')
row('', AT_ONCE)
const webhooks = Array.from({ length: 500 }, (_, index) =>
  signWebhook({ instanceId: `site-${index}`, eventType: 'AppInstalled' }, privateKey),
)
const few = accessTokens(1000)
await inTurns(1000, (index) => few(accessToken(index)))
const manySessions = []
await inTurns(20_000, async (index) => manySessions.push(await newSession(index)))
const atOnce = {
  'an instance': each(
    Array.from({ length: 1000 }, (_, index) => ({ headers: {}, query: { instance: instance(index) } })),
    authenticated(new WixAppStrategy({ secret }, identity)),
  ),
  'an access token, cached': each(
    Array.from({ length: 1000 }, (_, index) => accessToken(index)),
    few,
  ),
  'a session, for the first time': each(manySessions, authenticated(new WixSessionStrategy({ tokens: sessions }))),
  'a webhook': each(
    webhooks.map((body) => ({ headers: {}, body })),
    authenticated(new WixWebhookStrategy({ publicKey })),
  ),
}
for (const [name, task] of Object.entries(atOnce))
  await grow(
    name,
    AT_ONCE.map((count) => () => timeOf(task, count)),
  )

console.log('\nThe same of a cached access token, by how many tokens are in use and cached')
row('', TOKENS)
const caches = []
for (const count of TOKENS) {
  const check = accessTokens(count)
  const before = heap()
  await inTurns(count, (index) => check(accessToken(index)))
  const bytes = (heap() - before) / count
  let next = 0
  // In steps, as requests come from many people and not one after the other.
  caches.push({ bytes, task: () => check(accessToken((next = (next + 7919) % count))) })
}
await grow(
  'an access token, cached',
  caches.map(
    ({ task }) =>
      () =>
        timeOf(task, 10),
  ),
)

console.log('\nMemory of a cached token, in bytes of the heap')
row('an access token, 100,000 of them', [Math.round(caches.at(-1).bytes)])
// As many as are cached.
const own = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'bench', audience: 'api', ttl: 3600 })
const check = authenticated(new WixSessionStrategy({ tokens: own }))
const somebody = await instanceVerifier({ secret })(instance(0))
await check(bearer(await own.issue(somebody)))
const before = heap()
await inTurns(10_000, async () => check(bearer(await own.issue(somebody))))
row('a session, 10,000 of them', [Math.round((heap() - before) / 10_000)])
