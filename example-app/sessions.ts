/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 passes on what they throw */
import { type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity, type SessionKeys, SessionTokens, userInfoHandler } from 'passport-wix-app'
import type { Account } from './database.ts'
import { answerProblem } from './problems.ts'
import { roleOf } from './role.ts'

/** What another service that checks the tokens must know, beside the address of the published keys. */
export const ISSUER = 'passport-wix-app-example'
export const AUDIENCE = 'passport-wix-app-example-api'

export const sessionTokens = (keys: SessionKeys): SessionTokens =>
  new SessionTokens({ keys, issuer: ISSUER, audience: AUDIENCE })

/**
 * A page trades its proof for a session token once, and sends that with each call. No session opens `/session`: it cannot prolong
 * itself.
 *
 * @param proven Lets through only requests with a proof of Wix.
 * @param signedIn Lets through only requests with a proof of who is asking.
 */
export function sessionRoutes(sessions: SessionTokens, proven: RequestHandler, signedIn: RequestHandler): Router {
  const router = Router()
  const forUsers = requireIdentity({ subjectType: 'USER' })

  router.post('/session', proven, forUsers, async (req, res) => {
    const token = await sessions.issue(identityOf(req))
    res.set('Cache-Control', 'no-store').json({ token })
  })

  router.get('/.well-known/jwks.json', async (_req, res) => {
    res.set('Cache-Control', 'public, max-age=300').json(await sessions.jwks())
  })

  const userInfo = userInfoHandler((_identity, req) => {
    const account = req.user as Account
    return { role: roleOf(account), visits: account.user.visits }
  })
  router.get('/userinfo', signedIn, forUsers, userInfo)

  router.use(answerProblem)
  return router
}
