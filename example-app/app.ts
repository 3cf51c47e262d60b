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
import { REMOVED, signIn } from './sign-in.ts'

export interface AppOptions {
  /** The secret of the app, from the dashboard of Wix for developers. */
  secret: string
  /** The public key of the app, from the same place. Without it, the app takes nothing that Wix itself sends. */
  publicKey?: WixPublicKey | undefined
  /** The id of the app. Goes with the public key. Without it, the app takes no access tokens. */
  appId?: string | undefined
  /** Where the access tokens are checked. Default: at Wix. */
  apiUrl?: string | undefined
  /** They sign the session tokens. */
  sessionKeys: SessionKeys
  accounts: Accounts
  /** For the start page, when the app runs without Wix. */
  demoLinks?: (() => DemoLink[]) | undefined
  demoRequests?: (() => DemoRequest[]) | undefined
  /** Who may embed the pages. Default: the dashboard of Wix. */
  frameAncestors?: string | undefined
}

/** How long an instance lets somebody in, in seconds. Wix's own rule: one day. */
const MAX_AGE = 86_400

export function createApp(options: AppOptions): Express {
  const { secret, publicKey, appId, apiUrl, sessionKeys, accounts, frameAncestors = WIX_DASHBOARD } = options

  // Whatever the proof was, the same person on the same site is the same account.
  const findAccount = (identity: WixIdentity, facts: SiteFacts, done: VerifyDone): void => {
    // A proof from before the removal is still genuine. Only a new AppInstalled webhook opens the door again.
    if (accounts.isRemoved(identity.instanceId)) return done(null, false, REMOVED)
    // Nothing is kept about visitors and members. They are somebody all the same: requireIdentity() answers them.
    done(null, identity.subjectType === 'USER' ? accounts.signIn(identity, facts) : identity)
  }

  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy({ secret, maxAge: MAX_AGE }, (instance, done) => {
      const { siteOwnerId: ownerId, vendorProductId, originInstanceId } = instance
      // No plan means the free one.
      findAccount(instance, { ownerId, plan: vendorProductId ?? null, originInstanceId }, done)
    }),
  )
  if (appId !== undefined) {
    authenticator.use(
      new WixAccessTokenStrategy({ appId, ...(apiUrl !== undefined && { apiUrl }) }, (token, done) => {
        // No plan means that Wix did not say: its documentation does not list it.
        findAccount(token, { plan: token.vendorProductId ?? undefined }, done)
      }),
    )
  }
  const sessions = sessionTokens(sessionKeys)
  authenticator.use(
    new WixSessionStrategy({ tokens: sessions }, (session, done) => {
      // What the proof told about the site was written down when it was traded, and may have changed since.
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
        // Not what the Host header says: these commands are pasted into a shell.
        origin: `http://127.0.0.1:${req.socket.localPort}`,
        takesWebhooks: publicKey !== undefined,
        takesAccessTokens: appId !== undefined,
      }),
    )
  })

  // A page is opened with an instance in its address: a browser sends no Authorization along.
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
  const proven = signIn(authenticator, ['wix-app', ...accessTokens])
  const signedIn = signIn(authenticator, ['wix-session', ...accessTokens])
  app.use(sessionRoutes(sessions, proven, signedIn))
  app.use('/api', api(signedIn, accounts))

  if (publicKey !== undefined) app.use(fromWix(authenticator, { publicKey, appId: appId ?? '', accounts }))

  app.use(notFound)
  app.use(showProblem)
  return app
}
