import express, { type RequestHandler, Router } from 'express'
import type passport from 'passport'
import {
  deduplicate,
  memoryStore,
  type WixDigest,
  WixDigestStrategy,
  type WixPublicKey,
  type WixServicePluginRequest,
  WixServicePluginStrategy,
  type WixWebhookEvent,
  WixWebhookStrategy,
} from 'passport-wix-app'
import { additionalFees } from './additional-fees.ts'
import type { Accounts, SignedEvent } from './database.ts'
import { stringOrNull } from './values.ts'

export interface FromWixOptions {
  publicKey: WixPublicKey
  appId: string
  accounts: Accounts
}

/** The routes for the requests of Wix, which are signed with the key pair of the app. */
export function fromWix(authenticator: passport.Authenticator, { publicKey, appId, accounts }: FromWixOptions): Router {
  authenticator.use(new WixWebhookStrategy({ publicKey }))
  authenticator.use(new WixServicePluginStrategy({ publicKey, appId }))
  authenticator.use(new WixDigestStrategy({ publicKey }))
  const authenticate = (strategy: string): RequestHandler =>
    authenticator.authenticate(strategy, { session: false }) as RequestHandler

  // The signature covers the raw body, so no other parser may run before.
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const router = Router()

  // For one process, until it restarts: a retry after that is listed again, but changes nothing. For several processes,
  // use `redisStore(client)`.
  const once = deduplicate({ store: memoryStore() })

  // The event is stored before the 200, for which Wix waits 1.25 seconds. Longer work comes after the response.
  router.post('/webhooks', raw, authenticate('wix-webhook'), once, (req, res) => {
    const webhook = req.user as WixWebhookEvent
    const event: SignedEvent = {
      instanceId: webhook.instanceId,
      kind: 'webhook',
      type: webhook.eventType,
      eventId: stringOrNull(webhook.data.id) ?? webhook.webhookId,
    }
    switch (webhook.eventType) {
      case 'AppInstalled':
        accounts.installed(webhook, event)
        break
      case 'AppRemoved':
        accounts.removed(webhook, event)
        break
      default:
        // An event that the app does not handle: without a 200, Wix would retry it for two days.
        accounts.record(event)
    }
    res.sendStatus(200)
  })

  // Wix appends `/v1/...` to the URL that you register for the plugin, here https://your-address/plugins/fees
  router.post('/plugins/fees/v1/calculate-additional-fees', raw, authenticate('wix-service-plugin'), (req, res) => {
    const call = req.user as WixServicePluginRequest
    const answer = additionalFees(call)
    if (answer === undefined) {
      res.status(400).json({ code: 'bad_request', message: 'The quantities are too large for a price' })
      return
    }
    accounts.record({
      instanceId: call.instanceId,
      kind: 'service plugin',
      type: 'calculate-additional-fees',
      eventId: stringOrNull(call.metadata.requestId),
    })
    res.json(answer)
  })

  // The header names no site. The body may name one, and is signed as well; else the event is listed for no site.
  router.post('/payments/events', raw, authenticate('wix-digest'), (req, res) => {
    const { body } = req.user as WixDigest
    const { instanceId, type, id }: Record<string, unknown> = Object(body)
    accounts.record({
      instanceId: stringOrNull(instanceId),
      kind: 'digest',
      type: stringOrNull(type) ?? 'payment',
      eventId: stringOrNull(id),
    })
    res.sendStatus(200)
  })

  return router
}
