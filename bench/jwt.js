// Plain JavaScript: a loader that rewrites the code on the way would be measured with it.
import { createPublicKey, randomUUID } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { AppStrategy, createClient } from '@wix/sdk'
import express from 'express'
import { jwtVerify } from 'jose'
import passport from 'passport'
import { verifyWebhook, WixWebhookStrategy } from 'passport-wix-app'
import { generateAppKeys, signWebhook } from 'passport-wix-app/testing'
import { compareAsync } from './run.js'

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

let next = 0
/** A task that takes the items in turn, so that no call sees what the one before it saw. */
const each = (task) => () => task(webhooks[next++ % webhooks.length])

const strategy = new WixWebhookStrategy({ publicKey })
/** As Passport runs a strategy: on an object made from it, which gets the outcomes. */
const authenticate = (body) =>
  new Promise((resolve, reject) => {
    const perRequest = Object.create(strategy)
    perRequest.success = resolve
    perRequest.fail = reject
    perRequest.error = reject
    perRequest.authenticate({ headers: {}, body }, {})
  })

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
    'bare jose.jwtVerify()': each((body) => jwtVerify(body, key, { algorithms: ['RS256'] })),
    'verifyWebhook(), key as KeyObject': each((body) => verifyWebhook(body, { publicKey: key })),
    'verifyWebhook(), key as PEM': each((body) => verifyWebhook(body, { publicKey })),
    'WixWebhookStrategy authenticate()': each(authenticate),
    '@wix/sdk webhooks.process()': each((body) => client.webhooks.process(body, { expectedEvents: [] })),
  },
  50,
)

await compareAsync(
  'The same through Express, without sockets: express.raw(), one middleware, the route',
  {
    'jose.jwtVerify()': each(through('/bare')),
    WixWebhookStrategy: each(through('/ours')),
    'no middleware': each(through('/nothing')),
  },
  50,
)
