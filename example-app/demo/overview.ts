import { type RequestHandler, Router } from 'express'
import { requireIdentity } from 'passport-wix-app'
import type { AppDatabase } from '../database.ts'
import { accountOf } from '../sign-in.ts'

/** What the dashboard shows beside the audit: what Wix sent, and with which proofs people and Wix came to this site. */
export function overview(signedIn: RequestHandler, database: AppDatabase): Router {
  const router = Router()
  router.use(['/api/events', '/api/proofs'], signedIn, requireIdentity({ subjectType: 'USER' }))

  router.get('/api/events', (req, res) => {
    const latest =
      'SELECT kind, type, eventId, receivedAt FROM events WHERE instanceId = @instanceId ORDER BY id DESC LIMIT 10'
    res.json(database.rows(latest, { instanceId: accountOf(req).site.instanceId }))
  })
  router.get('/api/proofs', (req, res) => {
    const proofs = `SELECT proof, sum(outcome = 'success') AS accepted, sum(outcome <> 'success') AS refused, max(at) AS lastAt
      FROM audit WHERE instanceId = @instanceId GROUP BY proof ORDER BY proof`
    res.json(database.rows(proofs, { instanceId: accountOf(req).site.instanceId }))
  })
  return router
}
