// The same tokens and faults through ours and through `getTokenInfo()` of @wix/sdk: what the app learns, and what it costs Wix.
import { createServer } from 'node:http'
import { AppStrategy } from '@wix/sdk'
import { accessTokenVerifier } from 'passport-wix-app'
import { WixSimulator } from 'passport-wix-app/testing'

const appId = 'bench-app'
let wix

// The SDK has no option for the address.
const nodeFetch = globalThis.fetch
globalThis.fetch = (url, init) => nodeFetch(url.replace('https://www.wixapis.com', wix.url), init)

let otherRequests = 0
const other = createServer((_req, res) => {
  otherRequests++
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify({ active: true, clientId: appId, instanceId: 'theirs', subjectType: 'USER', exp: 1e10 }))
}).listen(0, '127.0.0.1')
await new Promise((resolve) => other.once('listening', resolve))
const elsewhere = `http://127.0.0.1:${other.address().port}/`

const good = () => wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', subjectId: 'user-1' })
const foreign = () => wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', clientId: 'another-app' })
const revoked = () => {
  const token = good()
  wix.revoke(token)
  return token
}

const JSON_OF = (active) => ({
  body: { active, clientId: appId, instanceId: 'site-1', subjectType: 'USER', subjectId: null, exp: 1e10, iat: 1 },
})

/** @type {Array<[name: string, fault: object | null, token: () => string, times?: number]>} */
const cases = [
  ['a good token', null, good],
  ['the same, 1,000 times at once', null, good, 1000],
  ['a token of another app', null, foreign],
  ['a revoked token', null, revoked],
  ['a string that is not a token', null, () => 'hello'],
  ['`active` is the string "false"', JSON_OF('false'), good],
  ['`active` is missing', JSON_OF(undefined), good],
  ['status 401', { status: 401 }, good],
  ['status 403', { status: 403 }, good],
  ['status 429 with Retry-After: 7', { status: 429, headers: { 'Retry-After': '7' } }, good],
  ['status 500', { status: 500 }, good],
  ['status 503', { status: 503 }, good],
  ['status 408, 100 checks in turn', { status: 408 }, good, -100],
  ['no connection', { drop: true }, good],
  ['no answer', { delay: 1e6 }, good],
  ['a page of HTML', { body: '<html>' }, good],
  ['`null`', { body: 'null' }, good],
  ['60 MB', { body: `{"active":true,"padding":"${'a'.repeat(60e6)}"}` }, good],
  ['a redirect to another host', { redirect: elsewhere }, good],
]

const GIVE_UP = 5000
const outcomeOf = async (promise) => {
  let timer
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, GIVE_UP, 'nothing')
  })
  const outcome = promise.then(
    (info) => (info === null ? 'null' : `accepted, active: ${JSON.stringify(info.active)}`),
    (error) => (error.status === undefined ? error.name : `${error.status} ${error.code ?? ''}`.trim()),
  )
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer))
}

async function run(fault, makeToken, makeCheck, times = 1) {
  // One of its own, so that no late call of another run is counted.
  wix = await WixSimulator.start({ appId, appSecret: 'bench-secret' })
  wix.fault('token-info', fault)
  const check = makeCheck(makeToken())
  const otherBefore = otherRequests
  const start = performance.now()
  const outcomes = []
  if (times < 0) for (let turn = 0; turn < -times; turn++) outcomes.push(await outcomeOf(check()))
  else outcomes.push(...(await Promise.all(Array.from({ length: times }, () => outcomeOf(check())))))
  const seconds = (performance.now() - start) / 1000
  const calls = wix.calls('token-info')
  await wix.close()
  const late =
    seconds >= GIVE_UP / 1000 ? ` in ${GIVE_UP / 1000} s` : seconds >= 1 ? ` after ${seconds.toFixed(1)} s` : ''
  const leak = otherRequests > otherBefore ? ', **and the token went to the other host**' : ''
  return `${[...new Set(outcomes)].join(' / ')}${late}; ${calls} ${calls === 1 ? 'call' : 'calls'}${leak}`
}

const ours = (token) => {
  const verify = accessTokenVerifier({ appId, apiUrl: wix.url })
  return () => verify(token)
}
const sdk = (token) => {
  const strategy = AppStrategy({ appId, accessToken: token })
  return () => strategy.getTokenInfo()
}

console.log('| what happens | `accessTokenVerifier()` | `@wix/sdk`, `getTokenInfo()` |\n| --- | --- | --- |')
for (const [name, fault, token, times] of cases) {
  console.log(`| ${name} | ${await run(fault, token, ours, times)} | ${await run(fault, token, sdk, times)} |`)
}
other.close()
