// The app under load: one process of Express with every door, and the Fetch doors beside it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import express, { type RequestHandler } from 'express'
import { Passport } from 'passport'
import { authenticateRequest, handleOnce, toResponse } from '../../lib/fetch/index.ts'
import {
  deduplicate,
  errorHandler,
  identityOf,
  instanceVerifier,
  memoryStore,
  type SessionKey,
  SessionTokens,
  userInfoHandler,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
  type WixIdentity,
} from '../../lib/index.ts'
import { signInstance } from '../../devtools/testing/index.ts'

/** What the load generator tells this process, in the variable SOAK. */
export interface Setup {
  appId: string
  secret: string
  publicKey: string
  apiUrl: string
  keys: SessionKey[]
  issuer: string
  audience: string
  /** Whether to fill the caches before the clock starts, so that what grows later is a leak. */
  isLong: boolean
}

interface Percentiles {
  p99: number
  max: number
}

/** What this process answers to each message. */
export interface Sample {
  /** Bytes after a collection. */
  heap: number
  /** Milliseconds by which the event loop was late, since the start. */
  delay: Percentiles
  /** The same, at most as much as this process has worked meanwhile: without what it waited for a processor. */
  ownDelay: Percentiles
  /** Seconds of processor time, since the start. */
  processor: number
  /** What was thrown, rejected or warned of, and no handler got. */
  problems: string[]
}

/** Session tokens that a verifier keeps. */
const CACHED_SESSIONS = 10_000

const { appId, secret, publicKey, apiUrl, keys, issuer, audience, isLong } = JSON.parse(
  process.env['SOAK'] ?? '',
) as Setup

const problems: string[] = []
process.on('uncaughtException', (error) => problems.push(`uncaught: ${error.message}`))
process.on('unhandledRejection', (reason) => problems.push(`unhandled: ${String(reason)}`))
process.on('warning', ({ name, message }) => {
  // Of `errorHandler()` for each outage, and of the first refusal.
  if (name !== 'WixUnavailableError' && name !== 'WixRefusalWarning') problems.push(`warning: ${name}: ${message}`)
})

const app = express()
const server = createServer((req, res) => void (req.url?.startsWith('/fetch/') ? fetched(req, res) : app(req, res)))
// Else a connection may be closed at the moment at which it is used again, which is nobody's mistake.
server.keepAliveTimeout = 0
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const known = (identity: WixIdentity): Express.User => identity
const sessions = new SessionTokens({ keys, issuer, audience })
const jwksUri = `${url}/jwks`
const instances = new WixAppStrategy({ secret, appId }, known)
// Small caches, so that they are full and evict.
const accessTokens = new WixAccessTokenStrategy({ appId, apiUrl, cache: { max: 500 } }, known)
const webhooks = new WixWebhookStrategy({ publicKey })
const ownSessions = new WixSessionStrategy({ tokens: sessions })
const remoteSessions = new WixSessionStrategy({ name: 'remote', jwksUri, issuer, audience })

const passport = new Passport()
for (const strategy of [
  instances,
  accessTokens,
  webhooks,
  new WixServicePluginStrategy({ publicKey, appId }),
  new WixDigestStrategy({ publicKey }),
  ownSessions,
  remoteSessions,
])
  passport.use(strategy)

const by = (name: string): RequestHandler =>
  passport.authenticate(name, { session: false, failWithError: true }) as RequestHandler
const raw = express.raw({ type: '*/*', limit: '1mb' })
const who = (identity: WixIdentity): object => ({ instanceId: identity.instanceId, subjectId: identity.subjectId })
const answer: RequestHandler = (req, res) => void res.json(who(identityOf(req)))

app.get('/instance', by('wix-app'), answer)
app.get('/access-token', by('wix-access-token'), answer)
app.post('/webhook', raw, by('wix-webhook'), deduplicate({ store: memoryStore({ max: 1000 }) }), answer)
app.post('/service-plugin', raw, by('wix-service-plugin'), answer)
app.post('/digest', raw, by('wix-digest'), (_req, res) => void res.json({}))
const issue: RequestHandler = (req, res) => {
  const identity = identityOf(req)
  return sessions.issue(identity).then((token) => res.json({ ...who(identity), token }))
}
app.post('/session', by('wix-app'), issue)
app.get('/session', by('wix-session'), answer)
app.get('/remote-session', by('remote'), answer)
app.get(
  '/userinfo',
  by('wix-session'),
  userInfoHandler(() => ({ roles: ['editor'] })),
)
app.get('/jwks', async (_req, res) => void res.json(await sessions.jwks()))
app.use(errorHandler())
// The parser refuses what is too large; anything else is a problem.
const otherErrors: express.ErrorRequestHandler = (error: { status?: number; message: string }, _req, res, _next) => {
  if (error.status === undefined) problems.push(`error: ${error.message}`)
  res.sendStatus(error.status ?? 500)
}
app.use(otherErrors)

const once = handleOnce({ store: memoryStore({ max: 1000 }) })

async function fetchAnswer(request: Request): Promise<Response> {
  try {
    if (request.url === `${url}/fetch/webhook`) {
      const { identity: event } = await authenticateRequest(request, webhooks)
      return await once(event, () => Response.json(who(event)))
    }
    const { identity } = await authenticateRequest(request, [ownSessions, accessTokens, instances])
    return Response.json(who(identity))
  } catch (error) {
    return toResponse(error)
  }
}

async function fetched(req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(req.headersDistinct))
      for (const value of values) headers.append(name, value)
    const method = req.method ?? 'GET'
    const body = method === 'POST' ? (Readable.toWeb(req) as ReadableStream) : null
    const init = { method, headers, body, duplex: 'half' }
    const response = await fetchAnswer(new Request(url + req.url, init))
    res.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
  } catch (error) {
    problems.push(`Fetch: ${String(error)}`)
    res.writeHead(500).end()
  }
}

async function fillCaches(): Promise<void> {
  const instance = signInstance({ instanceId: 'before', uid: 'before', appDefId: appId }, secret)
  const identity = await instanceVerifier({ secret })(instance)
  const use = async (): Promise<void> => {
    const headers = { authorization: `Bearer ${await sessions.issue(identity)}` }
    for (const strategy of [ownSessions, remoteSessions])
      await authenticateRequest(new Request(url, { headers }), strategy)
  }
  for (let done = 0; done < CACHED_SESSIONS; done += 100) await Promise.all(Array.from({ length: 100 }, use))
}

const TICK = 10
const delay = monitorEventLoopDelay({ resolution: TICK })
const ownDelay = createHistogram()
let ticked = performance.now()
let worked = process.cpuUsage()
const tick = (): void => {
  const late = performance.now() - ticked - TICK
  const { user, system } = process.cpuUsage(worked)
  ownDelay.record(Math.max(1, Math.round(Math.min(late * 1000, user + system))))
  startTick()
}
const startTick = (): void => {
  ticked = performance.now()
  worked = process.cpuUsage()
}

if (isLong) await fillCaches()
delay.enable()
startTick()
setInterval(tick, TICK)
const began = process.cpuUsage()

process.on('message', () => {
  const { user, system } = process.cpuUsage(began)
  const sample: Omit<Sample, 'heap'> = {
    delay: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
    ownDelay: { p99: ownDelay.percentile(99) / 1e3, max: ownDelay.max / 1e3 },
    processor: (user + system) / 1e6,
    problems: problems.slice(0, 10),
  }
  // The collection is ours, not that of the app.
  delay.disable()
  globalThis.gc?.()
  delay.enable()
  startTick()
  process.send?.({ ...sample, heap: process.memoryUsage().heapUsed } satisfies Sample)
})
process.once('disconnect', () => process.exit())
process.send?.(url)
