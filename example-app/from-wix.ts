import express, { type RequestHandler, Router } from 'express'
import passport from 'passport'
import {
  deduplicate,
  type DeliveryStore,
  type WixDigest,
  WixDigestStrategy,
  type WixPublicKey,
  type WixServicePluginRequest,
  WixServicePluginStrategy,
  type WixWebhookEvent,
  WixWebhookStrategy,
} from 'passport-wix-app'
import { badRequest } from './api.ts'
import { type AppDatabase, stringOrNull } from './database.ts'
import { additionalFees } from './demo/additional-fees.ts'

export interface FromWixOptions {
  publicKey: WixPublicKey
  appId: string
  database: AppDatabase
  /** Where handled webhooks are stored: `redisStore(client)` for several processes. */
  store: DeliveryStore
  /** Seconds that a webhook may be in its route. */
  lease?: number | undefined
}

/** The routes for the requests of Wix, which are signed with the key pair of the app. */
export function fromWix({ publicKey, appId, database, store, lease = 50 }: FromWixOptions): Router {
  const authenticator = new passport.Passport()
  authenticator.use(new WixWebhookStrategy({ publicKey }))
  authenticator.use(new WixServicePluginStrategy({ publicKey, appId }))
  authenticator.use(new WixDigestStrategy({ publicKey }))
  const authenticate = (strategy: string): RequestHandler =>
    authenticator.authenticate(strategy, { session: false }) as RequestHandler

  // The signature covers the raw body, so no other parser may run before.
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const once = deduplicate({ store, lease })
  const router = Router()

  // The event is stored before the 200, for which Wix waits 1.25 seconds. Longer work comes after the response.
  router.post('/webhooks', raw, authenticate('wix-webhook'), once, (req, res) => {
    const webhook = req.user as WixWebhookEvent
    const { instanceId, eventType, data, webhookId } = webhook
    const eventId = stringOrNull(data.id) ?? webhookId
    // Also an event of a type that the app does not handle: without a 200, Wix would retry it for two days.
    database.record({ instanceId, kind: 'webhook', type: eventType, eventId }, () => {
      if (eventType === 'AppInstalled' || eventType === 'AppRemoved') database.setInstalled(webhook)
      const person = data.triggeredByAnonymizeRequest === true && stringOrNull(data.entityId)
      if (person) database.erase(instanceId, person)
    })
    res.sendStatus(200)
  })

  // Wix appends `/v1/...` to the URL that you register for the plugin, here https://your-address/plugins/fees
  router.post('/plugins/fees/v1/calculate-additional-fees', raw, authenticate('wix-service-plugin'), (req, res) => {
    const call = req.user as WixServicePluginRequest
    const fees = additionalFees(call)
    if (fees === undefined) throw badRequest('The quantities are too large for a price')
    const { instanceId, metadata } = call
    const type = 'calculate-additional-fees'
    database.record({ instanceId, kind: 'service plugin', type, eventId: stringOrNull(metadata.requestId) })
    res.json(fees)
  })

  // The header names no site. The body may name one, and is signed as well; else the event is listed for no site.
  router.post('/payments/events', raw, authenticate('wix-digest'), (req, res) => {
    const body = Object((req.user as WixDigest).body) as Record<string, unknown>
    const instanceId = (res.locals['instanceId'] = stringOrNull(body['instanceId']))
    const type = stringOrNull(body['type']) ?? 'payment'
    database.record({ instanceId, kind: 'digest', type, eventId: stringOrNull(body['id']) })
    res.sendStatus(200)
  })

  return router
}
