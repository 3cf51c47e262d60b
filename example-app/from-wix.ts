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

export interface FromWixOptions {
  publicKey: WixPublicKey
  appId: string
  accounts: Accounts
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** What Wix itself sends, signed with the key pair of the app. */
export function fromWix(authenticator: passport.Authenticator, { publicKey, appId, accounts }: FromWixOptions): Router {
  authenticator.use(new WixWebhookStrategy({ publicKey }))
  authenticator.use(new WixServicePluginStrategy({ publicKey, appId }))
  authenticator.use(new WixDigestStrategy({ publicKey }))
  const authenticate = (strategy: string): RequestHandler =>
    authenticator.authenticate(strategy, { session: false }) as RequestHandler

  // The signature is over the raw body, so no other parser may come before.
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const router = Router()

  // For one process, until it restarts: a repeat after that is listed again, but changes nothing. For several processes
  // there is `redisStore(client)`.
  const once = deduplicate({ store: memoryStore() })

  // All is written down before the 200, for which Wix waits 1.25 seconds. Work that takes longer comes after it.
  router.post('/webhooks', raw, authenticate('wix-webhook'), once, (req, res) => {
    const webhook = req.user as WixWebhookEvent
    const event: SignedEvent = {
      instanceId: webhook.instanceId,
      kind: 'webhook',
      type: webhook.eventType,
      eventId: textOrNull(webhook.data.id) ?? webhook.webhookId,
    }
    switch (webhook.eventType) {
      case 'AppInstalled':
        accounts.installed(webhook, event)
        break
      case 'AppRemoved':
        accounts.removed(webhook, event)
        break
      default:
        // Not ours to handle, and no mistake: without a 200, Wix would repeat it for two days.
        accounts.record(event)
    }
    res.sendStatus(200)
  })

  // Wix appends `/v1/...` to the address that you register for the plugin, here https://your-address/plugins/fees
  router.post('/plugins/fees/v1/calculate-additional-fees', raw, authenticate('wix-service-plugin'), (req, res) => {
    const call = req.user as WixServicePluginRequest
    accounts.record({
      instanceId: call.instanceId,
      kind: 'service plugin',
      type: 'calculate-additional-fees',
      eventId: textOrNull(call.metadata.requestId),
    })
    res.json(additionalFees(call))
  })

  // The header names no site. Where the body does, it is Wix that wrote it there; else the event is in no site's list.
  router.post('/payments/events', raw, authenticate('wix-digest'), (req, res) => {
    const { body } = req.user as WixDigest
    const { instanceId, type, id }: Record<string, unknown> = Object(body)
    accounts.record({
      instanceId: textOrNull(instanceId),
      kind: 'digest',
      type: textOrNull(type) ?? 'payment',
      eventId: textOrNull(id),
    })
    res.sendStatus(200)
  })

  return router
}
