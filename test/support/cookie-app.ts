import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import session from 'express-session'
import passport from 'passport'
import type { Account, Accounts } from '../../example-app/database.ts'
import { securityHeaders } from '../../example-app/headers.ts'
import { dashboardPage } from '../../example-app/pages/dashboard.ts'
import { roleOf } from '../../example-app/role.ts'
import { identityOf, WixAppStrategy } from '../../lib/index.ts'

/** As that of the example app, but for the way of signing in: there is nothing to send, since the browser sends the cookie. */
const LIVE = `
  const response = await fetch('/api/me', { credentials: 'include' })
  const live = document.querySelector('#live')
  const signedIn = document.querySelector('#signed-in')
  if (response.ok) {
    const { identity, account } = await response.json()
    document.querySelector('#me').textContent = account.role
    document.querySelector('#my-id').textContent = identity.subjectId
    live.textContent = 'Live'
  } else {
    signedIn.textContent = 'Signed out'
    live.textContent = 'Signed out: reload this page from Wix'
    for (const line of [signedIn, live]) line.classList.add('problem-now')
  }
`

export interface CookieAppOptions {
  secret: string
  accounts: Accounts
  frameAncestors: string
}

/**
 * The dashboard of the example app, kept open by a login session: what Passport does without `session: false`. Its cookie
 * has all that a cookie in a frame needs, except for the permission of the browser.
 */
export function createCookieApp({ secret, accounts, frameAncestors }: CookieAppOptions): Express {
  const authenticator = new passport.Passport()
  authenticator.serializeUser((user, done) => done(null, user))
  authenticator.deserializeUser((user: Account, done) => done(null, user))
  authenticator.use(
    new WixAppStrategy({ secret }, (instance) => {
      const { siteOwnerId: ownerId, vendorProductId: plan } = instance
      return accounts.signIn(instance, { ownerId, plan })
    }),
  )

  const app = express()
  app.use(securityHeaders(frameAncestors))
  app.get('/live.js', (_req, res) => void res.type('js').send(LIVE))
  app.use(express.static(join(import.meta.dirname, '../../example-app/public')))
  app.use((req, _res, next) => {
    // To a browser, this machine is as safe as https. To express-session it is not.
    req.headers['x-forwarded-proto'] = 'https'
    next()
  })
  app.use(
    session({
      secret: 'keyboard cat',
      resave: false,
      saveUninitialized: false,
      proxy: true,
      cookie: { secure: true, sameSite: 'none' },
    }),
  )
  app.use(authenticator.session() as RequestHandler)

  app.get('/dashboard', authenticator.authenticate('wix-app') as RequestHandler, (req, res) => {
    const account = req.user as Account
    accounts.countVisit(account)
    const { instanceId } = account.site
    const users = accounts.usersOf(instanceId)
    const page = dashboardPage({ identity: identityOf(req), maxAge: 86_400, account, users, events: [] })
    res.send(page.replace(/<footer>.*<\/footer>/s, '<footer><p>Who you are is kept in a session cookie.</p></footer>'))
  })
  app.get('/api/me', (req, res) => {
    const account = req.user as Account | undefined
    if (account === undefined) res.sendStatus(401)
    else res.json({ identity: { subjectId: account.user.subjectId }, account: { role: roleOf(account) } })
  })
  return app
}
