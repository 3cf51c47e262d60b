import { type ErrorRequestHandler, type RequestHandler, Router } from 'express'
import passport from 'passport'
import {
  identityOf,
  refusalOf,
  requireIdentity,
  type SessionKeys,
  SessionTokens,
  type VerifyDone,
  WixAccessTokenStrategy,
  WixAppStrategy,
  type WixAuthErrorCode,
  type WixIdentity,
  WixSessionStrategy,
} from 'passport-wix-app'
import type { Account, AppDatabase, SiteFacts } from './database.ts'

export interface SignInOptions {
  /** The secret of the app, from its dashboard at Wix. */
  secret: string
  /** The app ID. Without it, the app accepts no access tokens. */
  appId?: string | undefined
  /** The API that checks access tokens. Default: that of Wix. */
  apiUrl?: string | undefined
  /** The keys that sign and verify the session tokens. */
  sessionKeys: SessionKeys
  database: AppDatabase
}

/** What another service needs to verify the session tokens, beside the URL of the published keys. */
export const ISSUER = 'passport-wix-app-example'
export const AUDIENCE = 'passport-wix-app-example-api'

export type SignInCode = WixAuthErrorCode | 'app_removed' | 'signed_out' | 'user_unknown'
interface Reason {
  code: SignInCode
  message: string
}

// Why our own look-up rejects a genuine credential.
const REMOVED: Reason = { code: 'app_removed', message: 'The app was removed from this site' }
const SIGNED_OUT: Reason = { code: 'signed_out', message: 'You signed out everywhere: open the page from Wix again' }
const USER_UNKNOWN: Reason = { code: 'user_unknown', message: 'The credential names no user' }

/** The account of the caller, behind a sign-in. */
export const accountOf = (req: Express.Request): Account => req.user as Account

/** Wix gives the owner and collaborators the same permissions; only the owner has the ID that an instance calls `siteOwnerId`. */
export const isOwner = ({ site, user }: Account): boolean => user !== null && user.userId === site.ownerId

/** `user`: nobody has told yet who the owner is, since access tokens do not. */
export function roleOf(account: Account): 'owner' | 'collaborator' | 'user' {
  if (account.site.ownerId === null) return 'user'
  return isOwner(account) ? 'owner' : 'collaborator'
}

/**
 * Who is calling? Each way in has one strategy, and all of them one look-up.
 *
 * @returns `page` passes on requests with an instance in the URL, `api` those with a session token or an access token. The routes are
 *   `POST /session` and the published keys.
 */
export function createSignIn({ secret, appId, apiUrl, sessionKeys, database }: SignInOptions) {
  const lookUp = async (identity: WixIdentity, facts: SiteFacts, proof: object, done: VerifyDone): Promise<void> => {
    const { subjectType, subjectId, iat } = identity
    if (subjectType === 'USER' && subjectId === null) return done(null, false, USER_UNKNOWN)
    // A credential from before the removal is still genuine. Only a new AppInstalled webhook lets the site in again.
    const account = await database.signIn(identity, facts)
    if (account === null) return done(null, false, REMOVED)
    if ((iat ?? 0) < (account.user?.signedOutAt ?? 0)) return done(null, false, SIGNED_OUT)
    done(null, account, { proof })
  }

  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy({ secret }, (instance, done) => {
      const { siteOwnerId: ownerId, vendorProductId: plan, originInstanceId: originId } = instance
      // Without a plan, the site is on the free one.
      return lookUp(instance, { ownerId, plan: plan ?? null, originId }, { kind: 'instance' }, done)
    }),
  )
  if (appId !== undefined) {
    authenticator.use(
      new WixAccessTokenStrategy({ appId, ...(apiUrl !== undefined && { apiUrl }) }, (token, done) => {
        // Without a plan, it is unknown: Wix does not document it for access tokens.
        return lookUp(token, { plan: token.vendorProductId ?? undefined }, { kind: 'access token' }, done)
      }),
    )
  }
  const sessions = new SessionTokens({ keys: sessionKeys, issuer: ISSUER, audience: AUDIENCE })
  authenticator.use(
    new WixSessionStrategy({ tokens: sessions }, (session, done) => {
      // Its facts about the site were stored when it was issued, and may have changed since.
      return lookUp(session, {}, { kind: 'session token', tradedFor: session.claims['tradedFor'] }, done)
    }),
  )

  const accessTokens = appId === undefined ? [] : ['wix-access-token']
  const signedIn = signIn(authenticator, ['wix-session', ...accessTokens])
  const routes = Router()

  // A page trades its credential once for a session token, and sends that with each call. No session token is accepted here, so
  // that no session can renew itself.
  const people = requireIdentity({ subjectType: ['USER', 'MEMBER', 'VISITOR'] })
  routes.post('/session', signIn(authenticator, ['wix-app', ...accessTokens]), people, async (req, res) => {
    const token = await sessions.issue(identityOf(req), { tradedFor: proofOf(req).kind })
    res.set('Cache-Control', 'no-store').json({ token })
  })
  routes.get('/.well-known/jwks.json', async (_req, res) => {
    res.set('Cache-Control', 'public, max-age=300').json(await sessions.jwks())
  })
  return { page: signIn(authenticator, ['wix-app']), api: signedIn, routes }
}

/** Which credential signed the caller in. */
export const proofOf = (req: Express.Request): { kind?: string; tradedFor?: string } =>
  (req.authInfo as { proof?: object } | undefined)?.proof ?? {}

export const signIn = (authenticator: passport.Authenticator, strategies: string[]): RequestHandler =>
  authenticator.authenticate(strategies, { session: false, failWithError: true })

/** Passport's error has no reason: of a refusal it is on the request, and where our own look-up found nobody, in its `cause`. */
export const explainRefusal: ErrorRequestHandler = (error: Error, req, res, next) => {
  const refusal = error.name === 'AuthenticationError' ? refusalOf(req) : undefined
  if (refusal === undefined) return next(error)
  const { status, message } = refusal
  const { code = refusal.code } = (refusal.cause ?? {}) as Partial<Reason>
  res.locals['refusal'] = code // for the audit
  next(Object.assign(new Error(message), { code, status, expose: true }))
}
