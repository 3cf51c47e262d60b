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
import { type AppDatabase, type SignedEvent, stringOrNull } from './database.ts'

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
    const event: SignedEvent = {
      instanceId,
      kind: 'webhook',
      type: eventType,
      eventId: stringOrNull(data.id) ?? webhookId,
    }
    // Also an event of a type that the app does not handle: without a 200, Wix would retry it for two days.
    database.record(event, () => {
      if (eventType === 'AppInstalled') database.setInstalled(webhook, true)
      if (eventType === 'AppRemoved') database.setInstalled(webhook, false)
      const person = data.triggeredByAnonymizeRequest === true && stringOrNull(data.entityId)
      if (person) database.erase(instanceId, person)
    })
    res.sendStatus(200)
  })

  // Wix appends `/v1/...` to the URL that you register for the plugin, here https://your-address/plugins/fees
  router.post('/plugins/fees/v1/calculate-additional-fees', raw, authenticate('wix-service-plugin'), (req, res) => {
    const { instanceId, request, metadata } = req.user as WixServicePluginRequest
    const price = packaging(request['lineItems'])
    if (price > Number.MAX_SAFE_INTEGER) {
      res.status(400).json({ code: 'bad_request', message: 'The quantities are too large for a price' })
      return
    }
    const eventId = stringOrNull(metadata.requestId)
    database.record({ instanceId, kind: 'service plugin', type: 'calculate-additional-fees', eventId })
    const fee = {
      code: 'careful-packaging',
      name: 'Careful packaging',
      price: (price / 100).toFixed(2),
      taxDetails: { taxable: true },
    }
    // Wix ignores fees in any other currency than that of the site.
    res.json({ additionalFees: price > 0 ? [fee] : [], currency: metadata.currency })
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

interface LineItem {
  quantity?: unknown
  physicalProperties?: { shippable?: boolean }
}

/** What careful packaging costs: 1.50, in hundredths, for each item that is shipped. The caller is Wix, yet a cart can be empty. */
function packaging(lineItems: unknown): number {
  let shipped = 0
  for (const item of (Array.isArray(lineItems) ? lineItems : []) as (LineItem | null)[]) {
    if (item?.physicalProperties?.shippable !== true || typeof item.quantity !== 'number') continue
    shipped += Math.max(0, item.quantity)
  }
  return shipped * 150
}
