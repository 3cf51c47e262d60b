import { join } from 'node:path'
import express, { type Express } from 'express'
import passport from 'passport'
import { identityOf, requireIdentity, WixAppStrategy, type WixPublicKey } from 'passport-wix-app'
import type { Account, Accounts } from './database.ts'
import type { DemoLink, DemoRequest } from './demo.ts'
import { fromWix } from './from-wix.ts'
import { securityHeaders, WIX_DASHBOARD } from './headers.ts'
import { dashboardPage } from './pages/dashboard.ts'
import { eventLine } from './pages/events.ts'
import { startPage } from './pages/start.ts'
import { notFound, showProblem } from './problems.ts'
import { APP_REMOVED, signIn } from './sign-in.ts'

export interface AppOptions {
  /** The secret of the app, from the dashboard of Wix for developers. */
  secret: string
  /** The public key of the app, from the same place. Without it, the app takes nothing that Wix itself sends. */
  publicKey?: WixPublicKey | undefined
  /** The id of the app. Goes with the public key. */
  appId?: string | undefined
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
  const { secret, publicKey, appId = '', accounts, frameAncestors = WIX_DASHBOARD } = options

  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy({ secret, maxAge: MAX_AGE }, (instance, done) => {
      // An instance from before the removal is still genuine. Only a new AppInstalled webhook opens the door again.
      if (accounts.isRemoved(instance.instanceId)) return done(null, false, { code: APP_REMOVED })
      // Nothing is kept about visitors and members. They are somebody all the same: requireIdentity() answers them.
      done(null, instance.subjectType === 'USER' ? accounts.signIn(instance) : instance)
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
      }),
    )
  })

  const signedIn = signIn(authenticator)
  const usersOnly = requireIdentity({ subjectType: 'USER' })

  app.get('/dashboard', signedIn, usersOnly, (req, res) => {
    const account = req.user as Account
    accounts.countVisit(account)
    const { site, user } = account
    res.send(
      dashboardPage({
        identity: identityOf(req),
        maxAge: MAX_AGE,
        site,
        user,
        users: accounts.usersOf(site.instanceId),
        events: accounts.eventsOf(site.instanceId),
      }),
    )
  })

  // For public/live.js, which sends the instance that its page was opened with.
  app.get('/events', signedIn, usersOnly, (req, res) => {
    res.json(accounts.eventsOf(identityOf(req).instanceId).map(eventLine))
  })

  if (publicKey !== undefined) app.use(fromWix(authenticator, { publicKey, appId, accounts }))

  app.use(notFound)
  app.use(showProblem)
  return app
}
