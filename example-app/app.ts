import { join } from 'node:path'
import express, { type Express } from 'express'
import passport from 'passport'
import {
  identityOf,
  requireIdentity,
  type SessionKeys,
  type VerifyDone,
  WixAccessTokenStrategy,
  WixAppStrategy,
  type WixIdentity,
  type WixPublicKey,
  WixSessionStrategy,
} from 'passport-wix-app'
import { api } from './api.ts'
import type { Account, Accounts, SiteFacts } from './database.ts'
import type { DemoLink, DemoRequest } from './demo.ts'
import { fromWix } from './from-wix.ts'
import { securityHeaders, WIX_DASHBOARD } from './headers.ts'
import { dashboardPage } from './pages/dashboard.ts'
import { startPage } from './pages/start.ts'
import { notFound, showProblem } from './problems.ts'
import { sessionRoutes, sessionTokens } from './sessions.ts'
import { REMOVED, signIn, USER_UNKNOWN } from './sign-in.ts'

export interface AppOptions {
  /** The secret of the app, from the dashboard of Wix for developers. */
  secret: string
  /** The public key of the app, from the same place. Without it, the app accepts no webhooks and no other signed requests of Wix. */
  publicKey?: WixPublicKey | undefined
  /** The app ID. Required with the public key. Without it, the app accepts no access tokens. */
  appId?: string | undefined
  /** The API that checks access tokens. Default: that of Wix. */
  apiUrl?: string | undefined
  /** The keys that sign and verify the session tokens. */
  sessionKeys: SessionKeys
  accounts: Accounts
  /** For the start page, when the app runs without Wix. */
  demoLinks?: (() => DemoLink[]) | undefined
  demoRequests?: (() => DemoRequest[]) | undefined
  /** The origins that may embed the pages. Default: the dashboard of Wix. */
  frameAncestors?: string | undefined
}

/** Seconds for which an instance is valid. Wix itself allows one day. */
const MAX_AGE = 86_400

export function createApp(options: AppOptions): Express {
  const { secret, publicKey, appId, apiUrl, sessionKeys, accounts, frameAncestors = WIX_DASHBOARD } = options

  // The same person on the same site has the same account, whatever the credential is.
  const findAccount = (identity: WixIdentity, facts: SiteFacts, done: VerifyDone): void => {
    // A credential from before the removal is still genuine. Only a new AppInstalled webhook lets the site in again.
    if (accounts.isRemoved(identity.instanceId)) return done(null, false, REMOVED)
    // Nothing is stored about visitors and members. They are signed in all the same, and requireIdentity() rejects them.
    if (identity.subjectType !== 'USER') return done(null, identity)
    const account = accounts.signIn(identity, facts)
    // An instance may say OWNER and leave out `uid`.
    if (account === undefined) return done(null, false, USER_UNKNOWN)
    done(null, account)
  }

  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy({ secret, maxAge: MAX_AGE }, (instance, done) => {
      const { siteOwnerId: ownerId, vendorProductId, originInstanceId } = instance
      // Without a plan, the site is on the free one.
      findAccount(instance, { ownerId, plan: vendorProductId ?? null, originInstanceId }, done)
    }),
  )
  if (appId !== undefined) {
    authenticator.use(
      new WixAccessTokenStrategy({ appId, ...(apiUrl !== undefined && { apiUrl }) }, (token, done) => {
        // Without a plan, it is unknown: Wix does not document it for access tokens.
        findAccount(token, { plan: token.vendorProductId ?? undefined }, done)
      }),
    )
  }
  const sessions = sessionTokens(sessionKeys)
  authenticator.use(
    new WixSessionStrategy({ tokens: sessions }, (session, done) => {
      // The facts about the site were stored when the session token was issued, and may have changed since.
      findAccount(session, {}, done)
    }),
  )

  const app = express()
  app.disable('x-powered-by')
  app.use(securityHeaders(frameAncestors))
  app.use(express.static(join(import.meta.dirname, 'public')))

  app.get('/', (req, res) => {
    res.send(
      startPage({
        links: options.demoLinks?.(),
        requests: options.demoRequests?.(),
        // Not the Host header: these commands are pasted into a shell.
        origin: `http://127.0.0.1:${req.socket.localPort}`,
        acceptsWebhooks: publicKey !== undefined,
        acceptsAccessTokens: appId !== undefined,
      }),
    )
  })

  // A page is opened with an instance in its URL, since a browser sends no Authorization.
  app.get('/dashboard', signIn(authenticator, ['wix-app']), requireIdentity({ subjectType: 'USER' }), (req, res) => {
    const identity = identityOf(req)
    const account = req.user as Account
    accounts.countVisit(account)
    const { instanceId } = account.site
    res.send(
      dashboardPage({
        identity,
        maxAge: MAX_AGE,
        account,
        users: accounts.usersOf(instanceId),
        events: accounts.eventsOf(instanceId),
      }),
    )
  })

  const accessTokens = appId === undefined ? [] : ['wix-access-token']
  const fromWixOnly = signIn(authenticator, ['wix-app', ...accessTokens])
  const signedIn = signIn(authenticator, ['wix-session', ...accessTokens])
  app.use(sessionRoutes(sessions, fromWixOnly, signedIn))
  app.use('/api', api(signedIn, accounts))

  if (publicKey !== undefined) app.use(fromWix(authenticator, { publicKey, appId: appId ?? '', accounts }))

  app.use(notFound)
  app.use(showProblem)
  return app
}
