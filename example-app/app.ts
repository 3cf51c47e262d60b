import { join } from 'node:path'
import express, { type Express } from 'express'
import passport from 'passport'
import { identityOf, requireIdentity, WixAppStrategy } from 'passport-wix-app'
import type { Account, Accounts } from './database.ts'
import type { DemoLink } from './demo.ts'
import { securityHeaders, WIX_DASHBOARD } from './headers.ts'
import { dashboardPage } from './pages/dashboard.ts'
import { startPage } from './pages/start.ts'
import { notFound, showProblem } from './problems.ts'
import { signIn } from './sign-in.ts'

export interface AppOptions {
  /** The secret of the app, from the dashboard of Wix for developers. */
  secret: string
  accounts: Accounts
  /** For the start page, when the app runs without Wix. */
  demoLinks?: (() => DemoLink[]) | undefined
  /** Who may embed the pages. Default: the dashboard of Wix. */
  frameAncestors?: string | undefined
}

/** How long an instance lets somebody in, in seconds. Wix's own rule: one day. */
const MAX_AGE = 86_400

export function createApp({ secret, accounts, demoLinks, frameAncestors = WIX_DASHBOARD }: AppOptions): Express {
  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy({ secret, maxAge: MAX_AGE }, (instance) =>
      // Nothing is kept about visitors and members. They are somebody all the same: requireIdentity() answers them.
      instance.subjectType === 'USER' ? accounts.signIn(instance) : instance,
    ),
  )

  const app = express()
  app.disable('x-powered-by')
  app.use(securityHeaders(frameAncestors))
  app.use(express.static(join(import.meta.dirname, 'public')))

  app.get('/', (_req, res) => {
    res.send(startPage(demoLinks?.()))
  })

  app.get('/dashboard', signIn(authenticator), requireIdentity({ subjectType: 'USER' }), (req, res) => {
    const { site, user } = req.user as Account
    res.send(
      dashboardPage({
        identity: identityOf(req),
        maxAge: MAX_AGE,
        site,
        user,
        users: accounts.usersOf(site.instanceId),
      }),
    )
  })

  app.use(notFound)
  app.use(showProblem)
  return app
}
