import express, { type RequestHandler, Router } from 'express'
import passport from 'passport'
import { eventKey, type WixPublicKey, type WixWebhookEvent, WixWebhookStrategy } from 'passport-wix-app'
import { type AppDatabase, stringOrNull } from './database.ts'

export interface FromWixOptions {
  publicKey: WixPublicKey
  database: AppDatabase
}

/** The route for webhooks, which Wix signs with the key pair of the app. */
export function fromWix({ publicKey, database }: FromWixOptions): Router {
  const authenticator = new passport.Passport()
  authenticator.use(new WixWebhookStrategy({ publicKey }))
  const authenticated = authenticator.authenticate('wix-webhook', { session: false }) as RequestHandler

  // The signature covers the raw body, so no other parser may run before.
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const router = Router()

  // The event is stored before the 200, for which Wix waits 1.25 seconds. Longer work comes after the response.
  router.post('/webhooks', raw, authenticated, async (req, res) => {
    const webhook = req.user as WixWebhookEvent
    const { instanceId, eventType, data, webhookId } = webhook
    const eventId = stringOrNull(data.id) ?? webhookId
    // Also an event of a type that the app does not handle: without a 200, Wix would retry it for two days.
    // Its key is stored with what it changes, so that each event is handled once, however often and wherever it arrives.
    const key = eventKey(webhook)
    await database.record({ instanceId, kind: 'webhook', type: eventType, eventId, key }, async (database) => {
      if (eventType === 'AppInstalled' || eventType === 'AppRemoved') await database.setInstalled(webhook)
      const person = data.triggeredByAnonymizeRequest === true && stringOrNull(data.entityId)
      if (person) await database.erase(instanceId, person)
    })
    res.sendStatus(200)
  })

  return router
}
