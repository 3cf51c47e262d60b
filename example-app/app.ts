import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express'
import { requireIdentity, type WixPublicKey } from 'passport-wix-app'
import { api } from './api.ts'
import { auditing, pathOf } from './audit.ts'
import { fromWix } from './from-wix.ts'
import { accountOf, createSignIn, explainRefusal, type SignInOptions } from './sign-in.ts'

export interface AppOptions extends SignInOptions {
  /** The public key of the app, from its dashboard at Wix. Without it, the app accepts no webhooks and no other signed requests. */
  publicKey?: WixPublicKey | undefined
  /** The folder of the front end: dashboard.html, widget.html and what they load. */
  pages: string
  /** The origins that may embed the dashboard page. Default: the dashboard of Wix. */
  frameAncestors?: string | undefined
  /** The origins that may embed the widget. Default: any with https, since each site may have a domain of its own. */
  widgetAncestors?: string | undefined
  /** More routes. Gets the middleware that passes on only who is signed in. Default: none. */
  routes?: ((signedIn: RequestHandler) => RequestHandler) | undefined
  /** Pages outside of Wix. Default: none. */
  website?: RequestHandler | undefined
  /** Shows the errors of the pages. Default: as JSON, like those of the API. */
  showProblem?: ErrorRequestHandler | undefined
  /** Gets a line for each request. Default: none. */
  log?: ((line: string) => void) | undefined
}

/** The origins of the dashboard of a Wix site. */
const WIX_DASHBOARD = 'https://manage.wix.com https://*.manage.wix.com'

export function createApp(options: AppOptions): Express {
  const { database, publicKey, pages, log, showProblem = answerError } = options
  const { frameAncestors = WIX_DASHBOARD, widgetAncestors = 'https:' } = options
  const signIn = createSignIn(options)

  const app = express()
  app.disable('x-powered-by')
  if (log !== undefined) app.use(logging(log))
  app.use((req, res, next) => {
    res.set(headersFor(req.path === '/widget' ? widgetAncestors : frameAncestors))
    next()
  })
  app.get('/health', async (_req, res) => {
    try {
      await database.ping()
      res.json({ status: 'ok' })
    } catch (error) {
      console.error(error)
      res.status(503).json({ status: 'the database does not answer' })
    }
  })
  app.use(express.static(pages))
  app.use(auditing(database))

  app.use(signIn.routes)
  if (options.routes !== undefined) app.use(options.routes(signIn.api))
  app.use('/api', api(signIn.api, database), notFound)
  if (publicKey !== undefined) app.use(fromWix({ publicKey, database }))
  app.use(explainRefusal, answerError)

  // As a whole: what is sent in parts is there before the audit has it.
  const sendPage = async (res: Response, name: string): Promise<void> => {
    res.type('html').send(await readFile(join(pages, name)))
  }
  // Wix opens the pages with an instance in the URL. It is all that they need: they trade it for a session token.
  app.get('/dashboard', signIn.page, requireIdentity({ subjectType: 'USER' }), async (req, res) => {
    await database.saveUser(accountOf(req), { visits: 1 })
    await sendPage(res, 'dashboard.html')
  })
  app.get(
    '/widget',
    signIn.page,
    requireIdentity({ subjectType: ['USER', 'MEMBER', 'VISITOR'] }),
    async (_req, res) => {
      await sendPage(res, 'widget.html')
    },
  )
  if (options.website !== undefined) app.use(options.website)
  app.use(notFound, explainRefusal, showProblem)
  return app
}

const headersFor = (frameAncestors: string): Record<string, string> => ({
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
    `base-uri 'none'; form-action 'none'; frame-ancestors ${frameAncestors}`,
  // The URL of a page contains the instance: it must not become a referrer, and not be cached.
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
})

/** One line for each request, never with a credential. */
const logging =
  (log: (line: string) => void): RequestHandler =>
  (req, res, next) => {
    const start = performance.now()
    const path = pathOf(req)
    res.once('close', () => {
      const milliseconds = Math.round(performance.now() - start)
      log(`${new Date().toISOString()} ${req.method} ${path} ${res.statusCode} ${milliseconds} ms`)
    })
    next()
  }

const notFound: RequestHandler = (_req, _res, next) => {
  next(Object.assign(new Error('There is nothing at this URL'), { status: 404, code: 'not_found', expose: true }))
}

/** Of an error of this app, of Express or of passport-wix-app; 500 for any other. */
export function statusOf(error: unknown): number {
  const { status } = Object(error) as { status?: unknown }
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}

/** Errors as JSON, for programs. The details of an internal error are only logged. */
const answerError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return next(error)
  const { expose, code, message, headers } = Object(error) as Error & Record<string, unknown>
  const status = statusOf(error)
  if (status >= 500) console.error(error)
  const name = STATUS_CODES[status] ?? 'Error'
  const isPublic = expose === true && typeof code === 'string'
  // RFC 9110 section 15.5.2: each 401 has a challenge, which Passport sets for a token.
  if (status === 401 && !res.hasHeader('WWW-Authenticate')) res.set('WWW-Authenticate', 'Bearer realm="Wix"')
  res.status(status).set(Object(headers))
  res.json(isPublic ? { code, message } : { code: name.toLowerCase().replaceAll(' ', '_'), message: name })
}
