// An app with every strategy, for a process of its own: it prints each event as a line of JSON, and its address first.
import { subscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import passport from 'passport'
import {
  deduplicate,
  fromQuery,
  memoryStore,
  requireIdentity,
  SessionTokens,
  type SessionKey,
  WixAccessTokenStrategy,
  type WixAuthenticateEvent,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'

const { APP_ID, APP_SECRET = '', OTHER_SECRET = '', PUBLIC_KEY, API_URL = '', SESSION_KEYS = '', SILENT } = process.env

if (SILENT === undefined) {
  subscribe('passport-wix-app:authenticate', (message) => {
    const event = message as WixAuthenticateEvent
    const error = event.error === null ? null : event.error.message
    console.log(JSON.stringify({ ...event, error, path: (event.request as Request).path }))
  })
}

const found = (identity: unknown): object => identity as object
const secret = [OTHER_SECRET, APP_SECRET]
const use = (name: string, strategy: passport.Strategy): void => void passport.use(name, strategy)
use('app', new WixAppStrategy({ secret }, found))
use('app-id', new WixAppStrategy({ secret, appId: APP_ID }, found))
use('signed', new WixAppStrategy({ secret, instanceFromRequest: fromQuery('signedInstance') }, found))
use('remote', new WixAppStrategy({ secret, tokenInfo: { appId: APP_ID, apiUrl: API_URL } }, found))
use('nobody', new WixAppStrategy({ secret }, async () => undefined))
use('broken', new WixAppStrategy({ secret }, () => Promise.reject(new Error('the database is\ndown'))))
use('token', new WixAccessTokenStrategy({ appId: APP_ID, apiUrl: API_URL }, found))
use('lost', new WixAccessTokenStrategy({ appId: APP_ID, apiUrl: `${API_URL}/lost` }, found))
const tokens = new SessionTokens({ keys: JSON.parse(SESSION_KEYS) as SessionKey[], issuer: 'app', audience: 'api' })
use('session', new WixSessionStrategy({ tokens }))
use('webhook', new WixWebhookStrategy({ publicKey: PUBLIC_KEY }))
use('plugin', new WixServicePluginStrategy({ publicKey: PUBLIC_KEY, appId: APP_ID }))
use('digest', new WixDigestStrategy({ publicKey: PUBLIC_KEY }))

const app = express()
const signedIn = (...names: string[]): express.RequestHandler => passport.authenticate(names, { session: false })
const ok = (_req: Request, res: Response): void => void res.json({ ok: true })
for (const name of ['app', 'app-id', 'signed', 'remote', 'nobody', 'broken', 'token', 'lost', 'session'])
  app.all(`/${name}`, signedIn(name), ok)
app.get('/marker', signedIn('app'), ok)
app.post('/form', express.json(), signedIn('app'), ok)
app.get('/chain', signedIn('session', 'token', 'app'), ok)
app.get('/users', signedIn('app'), requireIdentity({ subjectType: 'USER' }), ok)
app.get('/members', signedIn('app', 'token'), requireIdentity({ subjectType: 'MEMBER' }), ok)
app.get('/site-owner', signedIn('app'), requireIdentity({ siteOwner: true }), ok)
app.get('/plan', signedIn('app'), requireIdentity({ vendorProductId: 'plus' }), ok)
app.get(
  '/rule',
  signedIn('app'),
  requireIdentity(async () => false),
  ok,
)
const raw = express.raw({ type: '*/*', limit: '3mb' })
for (const name of ['webhook', 'plugin', 'digest']) app.post(`/${name}`, raw, signedIn(name), ok)
app.post('/once', raw, signedIn('webhook'), deduplicate({ store: memoryStore() }), ok)
app.post('/parsed', express.json(), signedIn('webhook'), ok)
app.post('/unread', signedIn('webhook'), ok)
app.post('/decoded', express.text({ type: '*/*' }), signedIn('digest'), ok)
app.use(
  (
    error: { status?: number; headers?: object; code?: string; message: string },
    _: Request,
    res: Response,
    next: NextFunction,
  ) => {
    if (res.headersSent) return next(error)
    const { status = 500, headers = {}, code, message } = error
    res.status(status).set(headers).json({ code, message })
  },
)

const server = createServer(app).listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
// By itself, so that what it has run counts for the coverage.
process.once('SIGTERM', () => process.exit())
