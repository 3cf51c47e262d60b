import express, { type Express, type RequestHandler } from 'express'
import session from 'express-session'
import passport from 'passport'
import { type WixInstance, WixAppStrategy } from '../../lib/index.ts'

/** There is nothing to send, since the browser sends the cookie. */
const SCRIPT = `
  const say = (id, words) => { document.getElementById(id).textContent = words }
  const response = await fetch('/api/me', { credentials: 'include' })
  if (response.ok) {
    say('role', (await response.json()).role)
    say('live', 'Live')
  } else {
    say('title', 'You are signed out')
    say('live', 'Reload this page from Wix to sign in again.')
  }
`

const PAGE = `<!doctype html>
  <html lang="en">
    <head><meta charset="utf-8" /><title>Cookie</title><script src="/page.js" type="module"></script></head>
    <body><h1 id="title">Welcome, Owner</h1><p id="role"></p><p id="live"></p></body>
  </html>`

export interface CookieAppOptions {
  secret: string
  frameAncestors: string
}

/**
 * A page that a login session keeps open: what Passport does without `session: false`. Its cookie has all that a cookie in a frame
 * needs, except for the permission of the browser.
 */
export function createCookieApp({ secret, frameAncestors }: CookieAppOptions): Express {
  const authenticator = new passport.Passport()
  authenticator.serializeUser((user, done) => done(null, user))
  authenticator.deserializeUser((user: WixInstance, done) => done(null, user))
  authenticator.use(new WixAppStrategy({ secret }, (instance) => instance))

  const app = express()
  app.use((_req, res, next) => {
    res.set('Content-Security-Policy', `frame-ancestors ${frameAncestors}`)
    next()
  })
  app.get('/page.js', (_req, res) => void res.type('js').send(SCRIPT))
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

  app.get('/dashboard', authenticator.authenticate('wix-app') as RequestHandler, (_req, res) => void res.send(PAGE))
  app.get('/api/me', (req, res) => {
    const user = req.user as WixInstance | undefined
    if (user === undefined) res.sendStatus(401)
    else res.json({ role: user.uid === user.siteOwnerId ? 'Owner' : 'Collaborator' })
  })
  return app
}
