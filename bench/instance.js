// Plain JavaScript: a loader that rewrites the code on the way would be measured with it.
import { createHmac, createSecretKey, randomUUID, timingSafeEqual } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { instanceVerifier, WixAppStrategy } from 'passport-wix-app'
import { authenticateRequest } from 'passport-wix-app/fetch'
import { signInstance } from 'passport-wix-app/testing'
import { authenticated, compare, each } from './run.js'

const secret = randomUUID()
const key = createSecretKey(Buffer.from(secret))

// A dozen documented properties of an owner in the dashboard; `ipAndPort` is one, since 1.0.8 throws without it.
const signed = Date.now()
const instances = Array.from({ length: 20_000 }, () =>
  signInstance(
    {
      instanceId: randomUUID(),
      appDefId: randomUUID(),
      signDate: new Date(signed).toISOString(),
      uid: randomUUID(),
      permissions: 'OWNER',
      demoMode: false,
      ipAndPort: '203.0.113.7/35734',
      siteOwnerId: randomUUID(),
      siteMemberId: randomUUID(),
      expirationDate: new Date(signed + 4 * 3600_000).toISOString(),
      loginAccountId: randomUUID(),
      vendorProductId: 'premium',
    },
    secret,
  ),
)
const requests = instances.map((instance) => ({ headers: {}, query: { instance } }))

function bare(instance) {
  const dot = instance.indexOf('.')
  const data = instance.slice(dot + 1)
  const signature = Buffer.from(instance.slice(0, dot), 'base64url')
  if (!timingSafeEqual(createHmac('sha256', key).update(data).digest(), signature)) throw new Error('refused')
  return JSON.parse(Buffer.from(data, 'base64url').toString())
}

const verifyInstance = instanceVerifier({ secret })
const verify = (instance, done) => done(null, instance)
const strategy = new WixAppStrategy({ secret }, verify)
const ours = authenticated(strategy)
const addresses = instances.map((instance) => `https://bench.example/?instance=${instance}`)

/** With somebody who listens to the events from the first call on, in the process of this contender alone. */
const observed = each(requests, ours)
let isObserved = false
function listening() {
  if (!isObserved) subscribe('passport-wix-app:authenticate', () => {})
  isObserved = true
  return observed()
}

process.noDeprecation = true
const OldStrategy = createRequire(import.meta.url)('passport-wix-app-1')
const old = authenticated(new OldStrategy({ secret, signDateThreshold: 86_400_000 }, verify))

await compare(
  `One genuine instance of ${instances[0].length} characters, all different`,
  {
    'bare work (HMAC, compare, decode, parse)': each(instances, bare),
    'WixAppStrategy authenticate()': each(requests, ours),
    'the same, with a subscriber to the events': listening,
    'instanceVerifier()': each(instances, verifyInstance),
    'passport-wix-app 1.0.8 authenticate()': each(requests, old),
  },
  200,
)

const forged = instances.map((instance) => `${'A'.repeat(43)}${instance.slice(43)}`)
const huge = 'a'.repeat(10_000_000)
async function isRefused(instance) {
  try {
    await verifyInstance(instance)
  } catch {
    return
  }
  throw new Error('accepted')
}
await compare(
  'Refusals by instanceVerifier()',
  { 'forged signature': each(forged, isRefused), '10,000,000 characters': () => isRefused(huge) },
  200,
)

await compare(
  'One instance in a Fetch request',
  {
    'new Request() and new URL()': each(addresses, (address) => new URL(new Request(address).url)),
    'with authenticateRequest()': each(addresses, (address) => authenticateRequest(new Request(address), strategy)),
  },
  200,
)
