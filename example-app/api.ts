import { type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity } from 'passport-wix-app'
import type { Account, Accounts } from './database.ts'
import { eventLine } from './pages/events.ts'
import { answerProblem, notFound } from './problems.ts'
import { roleOf } from './role.ts'

/**
 * The API for the page and for every other front end of the app. All responses are JSON, also those with an error.
 *
 * @param signedIn Passes on only requests with a session token or an access token.
 */
export function api(signedIn: RequestHandler, accounts: Accounts): Router {
  const router = Router()
  // The pages of a site also send access tokens: those of its visitors.
  router.use(signedIn, requireIdentity({ subjectType: 'USER' }))

  router.get('/me', (req, res) => {
    const { instanceId, subjectType, subjectId } = identityOf(req)
    const account = req.user as Account
    const { ownerId, plan, originInstanceId } = account.site
    const { visits } = account.user
    // Named one by one, so that no other column of the database is sent.
    res.json({
      identity: { instanceId, subjectType, subjectId },
      account: { site: { ownerId, plan, originInstanceId }, user: { visits }, role: roleOf(account) },
    })
  })

  router.get('/events', (req, res) => {
    res.json(accounts.eventsOf(identityOf(req).instanceId).map(eventLine))
  })

  router.use(notFound, answerProblem)
  return router
}
