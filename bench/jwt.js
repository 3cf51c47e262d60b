// Plain JavaScript: a loader that rewrites the code on the way would be measured with it.
import { createHash, createPublicKey, randomUUID } from 'node:crypto'
import { AppStrategy, createClient } from '@wix/sdk'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import { Strategy as JwtStrategy } from 'passport-jwt'
import { webhookVerifier, WixDigestStrategy, WixServicePluginStrategy, WixWebhookStrategy } from 'passport-wix-app'
import { generateAppKeys, signDigest, signServicePlugin, signWebhook } from 'passport-wix-app/testing'
import { authenticated, compareAsync, each } from './run.js'

const { publicKey, privateKey } = generateAppKeys()
const key = createPublicKey(publicKey)

// An order as Wix announces it.
const webhooks = Array.from({ length: 500 }, () => {
  const entityId = randomUUID()
  const entity = { id: entityId, number: '10017', lineItems: [{ id: randomUUID(), name: 'Tea', quantity: 2 }] }
  return signWebhook(
    {
      instanceId: randomUUID(),
      eventType: 'wix.ecom.v1.order_created',
      data: {
        id: randomUUID(),
        entityFqdn: 'wix.ecom.v1.order',
        slug: 'created',
        entityId,
        eventTime: new Date().toISOString(),
        triggeredByAnonymizeRequest: false,
        entityEventSequence: '1',
        createdEvent: { entity },
      },
      identity: { identityType: 'ANONYMOUS_VISITOR', anonymousVisitorId: randomUUID() },
      accountInfo: { accountId: randomUUID(), siteId: randomUUID() },
    },
    privateKey,
  )
})

const strategy = new WixWebhookStrategy({ publicKey })
const requests = webhooks.map((body) => ({ headers: {}, body }))

// Neither reads the event in the claims.
const passportJwt = new JwtStrategy(
  { jwtFromRequest: ({ body }) => body, secretOrKey: publicKey, algorithms: ['RS256'] },
  (claims, done) => done(null, claims),
)
const fastJwt = createVerifier({ key: publicKey, algorithms: ['RS256'], cache: false })

const appId = randomUUID()
const client = createClient({
  auth: AppStrategy({ appId, publicKey, appSecret: 'x' }),
  modules: {},
})

await compareAsync(
  `One genuine webhook of ${webhooks[0].length} characters, all different`,
  {
    'bare jose.jwtVerify()': each(webhooks, (body) => jwtVerify(body, key, { algorithms: ['RS256'] })),
    'webhookVerifier()': each(webhooks, webhookVerifier({ publicKey })),
    'WixWebhookStrategy authenticate()': each(requests, authenticated(strategy)),
    'passport-jwt authenticate()': each(requests, authenticated(passportJwt)),
    'fast-jwt': each(webhooks, async (body) => fastJwt(body)),
    '@wix/sdk webhooks.process()': each(webhooks, (body) => client.webhooks.process(body, { expectedEvents: [] })),
  },
  50,
)

const calls = Array.from({ length: 500 }, () =>
  signServicePlugin(
    {
      appId,
      metadata: { instanceId: randomUUID(), appExtensionType: 'ecom-additional-fees' },
      request: { lineItems: [{ name: 'Tea', quantity: 2 }] },
    },
    privateKey,
  ),
)
const rules = { algorithms: ['RS256'], issuer: 'wix.com', audience: appId }
await compareAsync(
  `One genuine call of a service plugin of ${calls[0].length} characters`,
  {
    'bare jose.jwtVerify()': each(calls, (body) => jwtVerify(body, key, rules)),
    'WixServicePluginStrategy authenticate()': each(
      calls.map((body) => ({ headers: {}, body })),
      authenticated(new WixServicePluginStrategy({ publicKey, appId })),
    ),
    '@wix/sdk servicePlugins.parseJWT()': each(calls, (body) => client.servicePlugins.parseJWT(body)),
  },
  50,
)

const payments = Array.from({ length: 500 }, (_, amount) => {
  const body = Buffer.from(JSON.stringify({ amount, order: randomUUID() }))
  return { headers: { digest: signDigest(body, privateKey) }, body }
})
await compareAsync(
  `One genuine Digest header of ${payments[0].headers.digest.length} characters, and its body`,
  {
    'bare jose.jwtVerify(), SHA-256, JSON.parse()': each(payments, async ({ headers, body }) => {
      const { payload } = await jwtVerify(headers.digest.slice('JWT='.length), key, { algorithms: ['RS256'] })
      if (payload.data.SHA256 !== createHash('sha256').update(body).digest('hex')) throw new Error('refused')
      return JSON.parse(body.toString())
    }),
    'WixDigestStrategy authenticate()': each(payments, authenticated(new WixDigestStrategy({ publicKey }))),
  },
  50,
)
