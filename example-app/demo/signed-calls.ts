import express, { type RequestHandler, Router } from 'express'
import passport from 'passport'
import {
  type WixDigest,
  WixDigestStrategy,
  type WixPublicKey,
  type WixServicePluginRequest,
  WixServicePluginStrategy,
} from 'passport-wix-app'
import { badRequest } from '../api.ts'
import { type AppDatabase, stringOrNull } from '../database.ts'
import { additionalFees } from './additional-fees.ts'

export interface SignedCallsOptions {
  publicKey: WixPublicKey
  appId: string
  database: AppDatabase
}

/** What Wix signs beside webhooks: the calls of a service plugin, and payments. */
export function signedCalls({ publicKey, appId, database }: SignedCallsOptions): Router {
  const authenticator = new passport.Passport()
  authenticator.use(new WixServicePluginStrategy({ publicKey, appId }))
  authenticator.use(new WixDigestStrategy({ publicKey }))
  const authenticate = (strategy: string): RequestHandler =>
    authenticator.authenticate(strategy, { session: false }) as RequestHandler
  // The signature covers the raw body, so no other parser may run before.
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const router = Router()

  // Wix appends `/v1/...` to the URL that you register for the plugin, here https://your-address/plugins/fees
  router.post(
    '/plugins/fees/v1/calculate-additional-fees',
    raw,
    authenticate('wix-service-plugin'),
    async (req, res) => {
      const call = req.user as WixServicePluginRequest
      const fees = additionalFees(call)
      if (fees === undefined) throw badRequest('The quantities are too large for a price')
      const { instanceId, metadata } = call
      const type = 'calculate-additional-fees'
      await database.list({ instanceId, kind: 'service plugin', type, eventId: stringOrNull(metadata.requestId) })
      res.json(fees)
    },
  )

  // The header names no site. The body may name one, and is signed as well; else the event is listed for no site.
  router.post('/payments/events', raw, authenticate('wix-digest'), async (req, res) => {
    const body = Object((req.user as WixDigest).body) as Record<string, unknown>
    const instanceId = (res.locals['instanceId'] = stringOrNull(body['instanceId']))
    const type = stringOrNull(body['type']) ?? 'payment'
    await database.list({ instanceId, kind: 'digest', type, eventId: stringOrNull(body['id']) })
    res.sendStatus(200)
  })

  return router
}
