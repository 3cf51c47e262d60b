import { type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity } from 'passport-wix-app'
import type { Account, Accounts } from './database.ts'
import { eventLine } from './pages/events.ts'
import { answerProblem, notFound } from './problems.ts'
import { roleOf } from './role.ts'

/**
 * What the page, and every other front end of the app, asks for. All of it is JSON, problems too.
 *
 * @param signedIn Lets through only requests with a proof of who is asking.
 */
export function api(signedIn: RequestHandler, accounts: Accounts): Router {
  const router = Router()
  // The pages of a site send access tokens, too: those of its visitors.
  router.use(signedIn, requireIdentity({ subjectType: 'USER' }))

  router.get('/me', (req, res) => {
    const { instanceId, subjectType, subjectId } = identityOf(req)
    const account = req.user as Account
    const { ownerId, plan, originInstanceId } = account.site
    const { visits } = account.user
    // By name: what a row of the database holds beside is nobody's business.
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
