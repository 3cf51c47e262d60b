import { type RequestHandler, Router } from 'express'
import { requireIdentity } from 'passport-wix-app'
import type { AppDatabase } from '../database.ts'
import { sql } from '../kysely.ts'
import { accountOf } from '../sign-in.ts'

/** What the dashboard shows beside the audit: what Wix sent, and with which proofs people and Wix came to this site. */
export function overview(signedIn: RequestHandler, database: AppDatabase): Router {
  const router = Router()
  router.use(['/api/events', '/api/proofs'], signedIn, requireIdentity({ subjectType: 'USER' }))

  router.get('/api/events', async (req, res) => {
    const latest = database.tables
      .selectFrom('events')
      .select(['kind', 'type', 'eventId', 'receivedAt'])
      .where('instanceId', '=', accountOf(req).site.instanceId)
      .orderBy('id', 'desc')
      .limit(10)
    res.json(await latest.execute())
  })
  router.get('/api/proofs', async (req, res) => {
    const proofs = database.tables
      .selectFrom('audit')
      .select(({ fn }) => ['proof', fn.max('at').as('lastAt')])
      .select(() => [
        sql<number>`CAST(sum(CASE WHEN outcome = 'success' THEN 1 ELSE 0 END) AS BIGINT)`.as('accepted'),
        sql<number>`CAST(sum(CASE WHEN outcome = 'success' THEN 0 ELSE 1 END) AS BIGINT)`.as('refused'),
      ])
      .where('instanceId', '=', accountOf(req).site.instanceId)
      .groupBy('proof')
      .orderBy('proof')
    res.json(await proofs.execute())
  })
  return router
}
