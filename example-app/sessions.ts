/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 passes on what they throw */
import { type RequestHandler, Router } from 'express'
import { identityOf, requireIdentity, type SessionKeys, SessionTokens, userInfoHandler } from 'passport-wix-app'
import type { Account } from './database.ts'
import { answerProblem } from './problems.ts'
import { roleOf } from './role.ts'

/** What another service needs to verify the tokens, beside the URL of the published keys. */
export const ISSUER = 'passport-wix-app-example'
export const AUDIENCE = 'passport-wix-app-example-api'

export const sessionTokens = (keys: SessionKeys): SessionTokens =>
  new SessionTokens({ keys, issuer: ISSUER, audience: AUDIENCE })

/**
 * A page exchanges its credential for a session token once, and sends that with each call. `/session` accepts no session token, so
 * that no session can renew itself.
 *
 * @param fromWixOnly Passes on only requests with a credential of Wix.
 * @param signedIn Passes on only requests with a session token or an access token.
 */
export function sessionRoutes(sessions: SessionTokens, fromWixOnly: RequestHandler, signedIn: RequestHandler): Router {
  const router = Router()
  const forUsers = requireIdentity({ subjectType: 'USER' })

  router.post('/session', fromWixOnly, forUsers, async (req, res) => {
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
