// Plain JavaScript: a loader that rewrites the code on the way would be measured with it.
import { createPublicKey, randomUUID } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { AppStrategy, createClient } from '@wix/sdk'
import express from 'express'
import { jwtVerify } from 'jose'
import passport from 'passport'
import { webhookVerifier, WixWebhookStrategy } from 'passport-wix-app'
import { generateAppKeys, signWebhook } from 'passport-wix-app/testing'
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

passport.use(strategy)
const app = express()
const raw = express.raw({ type: '*/*', limit: '1mb' })
const ours = passport.authenticate('wix-webhook', { session: false })
const answer = (req, res) => res.done(req.user)
const bare = (req, res) =>
  jwtVerify(req.body.toString(), key, { algorithms: ['RS256'] }).then(({ payload }) => res.done(payload), res.failed)
app.post('/ours', raw, ours, answer)
app.post('/bare', raw, bare)
app.post('/nothing', raw, answer)
app.use((error, _req, res, _next) => res.failed(error))
/** A whole request without a socket: parser, Passport, route. */
const through = (url) => (body) =>
  new Promise((resolve, reject) => {
    const req = Object.assign(new IncomingMessage(new PassThrough()), {
      method: 'POST',
      url,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.length) },
    })
    req.push(body)
    req.push(null)
    const res = new ServerResponse(req)
    res.done = resolve
    res.failed = reject
    app(req, res)
  })

const client = createClient({
  auth: AppStrategy({ appId: randomUUID(), publicKey, appSecret: 'x' }),
  modules: {},
})

await compareAsync(
  `One genuine webhook of ${webhooks[0].length} characters, all different; processor time`,
  {
    'bare jose.jwtVerify()': each(webhooks, (body) => jwtVerify(body, key, { algorithms: ['RS256'] })),
    'webhookVerifier()': each(webhooks, webhookVerifier({ publicKey })),
    'WixWebhookStrategy authenticate()': each(requests, authenticated(strategy)),
    '@wix/sdk webhooks.process()': each(webhooks, (body) => client.webhooks.process(body, { expectedEvents: [] })),
  },
  50,
)

await compareAsync(
  'The same through Express, without sockets: express.raw(), one middleware, the route',
  {
    'jose.jwtVerify()': each(webhooks, through('/bare')),
    WixWebhookStrategy: each(webhooks, through('/ours')),
    'no middleware': each(webhooks, through('/nothing')),
  },
  50,
)
