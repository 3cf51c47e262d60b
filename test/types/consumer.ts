// Compiles as it stands, and each marked line must not: what users write, right and wrong.
import type { Request } from 'express'
import express from 'express'
import passport from 'passport'
import { createPublicKey } from 'node:crypto'
import WixAppStrategy, {
  accessTokenVerifier,
  assertIdentity,
  deduplicate,
  digestVerifier,
  errorHandler,
  fromAuthorization,
  fromBody,
  fromQuery,
  generateSessionKey,
  identityOf,
  instanceVerifier,
  memoryStore,
  oneOf,
  refusalOf,
  requireIdentity,
  resolveUserInfo,
  servicePluginVerifier,
  type SessionKey,
  SessionTokens,
  Strategy,
  type TokenInfoOptions,
  userInfoHandler,
  webhookVerifier,
  type WithRequest,
  WixAccessTokenStrategy,
  type WixAppStrategyOptions,
  WixAppStrategy as Named,
  type WixAuthenticateEvent,
  WixAuthError,
  type WixAuthErrorCode,
  type WixDigest,
  WixDigestStrategy,
  type WixIdentity,
  type WixInstance,
  type WixServicePluginRequest,
  WixServicePluginStrategy,
  type WixSession,
  WixSessionStrategy,
  type WixTokenInfo,
  WixUnavailableError,
  type WixWebhookEvent,
  WixWebhookStrategy,
  type WixWebhookStrategyOptions,
} from 'passport-wix-app'
import { authenticateRequest, handleOnce, toResponse, userInfoOf } from 'passport-wix-app/fetch'
import { generateAppKeys, signDigest, signInstance, signServicePlugin, signWebhook } from 'passport-wix-app/testing'

declare global {
  namespace Express {
    interface User {
      id: string
    }
  }
}
declare const users: { find(id: string): Promise<Express.User | undefined> }
const secret = 'secret'

// Registers with Passport, by each name of the class.
passport.use(new WixAppStrategy({ secret }, ({ instanceId }) => users.find(instanceId)))
passport.use('two', new Named({ secret }, ({ instanceId }) => users.find(instanceId)))
passport.use(new Strategy((instance) => users.find(instance.instanceId)))

// The arguments of verify are inferred.
new WixAppStrategy({ secret }, (instance, done) => {
  const id: string = instance.instanceId
  const uid: string | null = instance.uid
  const plan: string | null | undefined = instance.vendorProductId
  const port: number | null = instance.ext.port
  done(null, { id: id + uid + plan + port })
  done(null, false, { message: 'no' })
  done(null, false, 'no')
  done(new Error('database'))
  // @ts-expect-error There is no such property.
  instance.instanceID
  // @ts-expect-error It may be missing.
  instance.vendorProductId.length
  // @ts-expect-error This is no user.
  done(null, { name: 'x' })
})
new WixAppStrategy({ secret, passReqToCallback: true }, (req, instance, done) => {
  const id: string = instance.instanceId
  const ip: string | undefined = req.ip
  done(null, { id: `${id}${ip}${String(req.query['compId'])}` })
})
new WixAppStrategy({ secret, passReqToCallback: true }, async (req: Request, instance) => ({
  id: req.path + instance.uid,
}))
interface OtherRequest {
  tenant: string
}
new WixAppStrategy({ secret: (req: OtherRequest) => req.tenant }, ({ instanceId }) => users.find(instanceId))

// Each form of a look-up.
new WixAppStrategy({ secret }, async () => null)
new WixAppStrategy({ secret }, () => false)
new WixAppStrategy({ secret }, () => undefined)
new WixAppStrategy({ secret }, (_instance, done) => void done(null, { id: '' }))
// @ts-expect-error This is no user.
new WixAppStrategy({ secret }, async () => ({ name: 'x' }))

// Each form of a secret, and readers.
new WixAppStrategy({ secret: ['a', 'b'] as const }, () => null)
new WixAppStrategy({ secret: async (req) => [req.path] }, () => null)
new WixAppStrategy({ instanceFromRequest: oneOf(fromQuery('instance'), fromAuthorization('Bearer')) }, () => null)
new WixAppStrategy(
  { instanceFromRequest: oneOf(fromQuery('instance'), (req) => req.get('x-wix-instance')) },
  () => null,
)
new WixAppStrategy({ instanceFromRequest: (req) => req.get('x-wix-instance') }, () => null)

// @ts-expect-error A verify callback is needed.
new WixAppStrategy({ secret })
// @ts-expect-error The option of 1.x.
new WixAppStrategy({ secret, signDateThreshold: 5000 }, () => null)
// @ts-expect-error Seconds, or false.
new WixAppStrategy({ secret, maxAge: true }, () => null)
// An environment variable may be unset: that is a TypeError at start-up.
new WixAppStrategy({ secret: process.env['WIX_APP_SECRET'] }, () => null)
// @ts-expect-error Without passReqToCallback there are two arguments.
new WixAppStrategy({ secret }, (_req, _instance, _done) => null)

// In routes.
const app = express()
app.get(
  '/',
  passport.authenticate('wix-app', { session: false, secret: (req: Request) => req.path, badRequestMessage: 'No' }),
  requireIdentity({ subjectType: ['USER', 'MEMBER'], vendorProductId: 'plus' }),
  requireIdentity(async (identity, req) => identity.instanceId === req.params['id']),
  (req, res) => {
    const identity: WixIdentity = identityOf(req)
    const same: WixIdentity | undefined = req.authInfo?.identity
    const id: string | undefined = req.user?.id
    res.json({ identity, same, id })
  },
)
// The guard leaves the parameters of the path typed.
app.get('/:id', requireIdentity({ siteOwner: true }), (req, res) => {
  const id: string = req.params.id
  res.json({ id })
})
// @ts-expect-error There is no such kind.
requireIdentity({ subjectType: 'OWNER' })
// @ts-expect-error It cannot be switched off.
requireIdentity({ siteOwner: false })

// Without Passport.
const verifyInstance = instanceVerifier({ secret, maxAge: false, appId: 'app', now: Date.now })
const instance: Promise<WixInstance> = verifyInstance('value')
instanceVerifier({ secret: () => process.env['WIX_APP_SECRET'] })
// @ts-expect-error The secret is needed.
instanceVerifier({})
signInstance({ ...instance, more: 1, signDate: undefined }, secret)
// @ts-expect-error The secret is needed.
signInstance({ instanceId: 'x' })

const code: WixAuthErrorCode = new WixAuthError('claim_invalid').code
// @ts-expect-error There is no such code.
new WixAuthError('wrong')
// @ts-expect-error It stays what it is.
new WixAuthError(code).status = 200

// Requests signed with the key pair. Verify may be left out.
const { publicKey, privateKey } = generateAppKeys()
passport.use(new WixWebhookStrategy({ publicKey }))
passport.use(new WixServicePluginStrategy({ publicKey: [publicKey, createPublicKey(publicKey)], appId: 'app' }))
passport.use(new WixDigestStrategy({ publicKey, bodyFromRequest: fromBody() }))
new WixWebhookStrategy({ publicKey, maxAge: false, now: Date.now }, (event, done) => {
  const order: string | undefined = event.data.entityId
  const site: string | null | undefined = event.accountInfo?.siteId ?? event.siteId
  const expires: number = event.exp
  done(null, { id: `${event.eventType}${order}${site}${expires}${String(event.data['any'])}` })
  // @ts-expect-error It may be missing.
  event.data.id.length
})
new WixWebhookStrategy({ publicKey, passReqToCallback: true }, async (req, event) =>
  users.find(req.path + event.instanceId),
)
new WixWebhookStrategy({ publicKey, bodyFromRequest: (req: OtherRequest) => Buffer.from(req.tenant) })
new WixServicePluginStrategy({ publicKey, appId: 'app' }, ({ metadata, clientId }) => ({
  id: `${metadata.currency}${metadata.languages?.[0]}${clientId}`,
}))
new WixDigestStrategy({ publicKey, passReqToCallback: true }, (req, { body }) => ({ id: req.path + String(body) }))
// @ts-expect-error The public key is needed.
new WixWebhookStrategy({})
// An environment variable may be unset: that is a TypeError at start-up.
new WixWebhookStrategy({ publicKey: process.env['WIX_PUBLIC_KEY'] })
// @ts-expect-error The app id is needed.
new WixServicePluginStrategy({ publicKey })
// @ts-expect-error There is no such option here.
new WixDigestStrategy({ publicKey, maxAge: 5 })
// @ts-expect-error A digest has no subject.
new WixDigestStrategy({ publicKey }, ({ instanceId }) => ({ id: instanceId }))
app.post('/webhooks', express.raw({ type: '*/*' }), passport.authenticate('wix-webhook', { session: false }))

const event: Promise<WixWebhookEvent> = webhookVerifier({ publicKey, maxAge: 3600 })('value')
const call: Promise<WixServicePluginRequest> = servicePluginVerifier({ publicKey, appId: 'app' })('value')
const signed: Promise<WixDigest> = digestVerifier({ publicKey, clockTolerance: 5 })('JWT=', Buffer.from(''))
const named: Promise<WixIdentity[]> = Promise.all([event, call])
// @ts-expect-error The raw body.
void digestVerifier({ publicKey })('JWT=', {})
signWebhook({ instanceId: 'i', eventType: 'AppInstalled', data: { appId: 'a' } }, privateKey, { iat: undefined })
signServicePlugin({ appId: 'a', metadata: { instanceId: 'i', currency: 'EUR' } }, privateKey)
signDigest('{}', privateKey)
// @ts-expect-error The type of the event is needed.
signWebhook({ instanceId: 'i' }, privateKey)

// Access tokens, which Wix is asked about.
const remote: TokenInfoOptions = {
  appId: 'app',
  timeout: 1,
  maxCalls: 9,
  cache: { maxAge: 30, max: 100 },
  now: Date.now,
}
passport.use(new WixAccessTokenStrategy({ appId: 'app' }, ({ instanceId }) => users.find(instanceId)))
passport.use(new WixAccessTokenStrategy({ ...remote, cache: false, apiUrl: 'https://localhost' }, async () => null))
passport.use(new WixAppStrategy({ secret, tokenInfo: remote }, ({ instanceId }) => users.find(instanceId)))
new WixAccessTokenStrategy({ appId: () => process.env['WIX_APP_ID'] }, (token, done) => {
  const app: string = token.clientId
  const active: true = token.active
  const expires: number = token.exp
  const account: string | null = token.accountId
  const plan: string | null = token.vendorProductId
  done(null, { id: `${app}${active}${expires}${account}${plan}${token.siteId ?? token.subjectId}` })
  // @ts-expect-error It may be missing.
  token.siteId.length
  // @ts-expect-error This is no user.
  done(null, { name: 'x' })
})
new WixAccessTokenStrategy({ appId: 'app', passReqToCallback: true }, async (req, token) =>
  users.find(req.path + token.instanceId),
)
new WixAccessTokenStrategy({ appId: 'app', tokenFromRequest: (req) => req.get('x-wix-authorization') }, () => null)
new WixAccessTokenStrategy({ appId: 'app', tokenFromRequest: (req: OtherRequest) => req.tenant }, () => null)
new WixAccessTokenStrategy({ appId: 'app', fetch }, () => null)
// Any fetch that answers what is read of an answer, and asks for no more than it is given.
interface Dispatcher {
  dispatch(): boolean
}
interface UndiciInit {
  method?: string
  headers?: string[][] | Record<string, string | readonly string[]>
  body?: string | Uint8Array | null
  redirect?: 'error' | 'follow' | 'manual'
  signal?: AbortSignal | null
  dispatcher?: Dispatcher
}
declare const undici: (input: string | URL | { readonly url: string }, init?: UndiciInit) => Promise<Response>
declare const dispatcher: Dispatcher
declare const withAgent: (url: string, init: { agent: object }) => Promise<Response>
declare function traced(input: RequestInfo, options?: RequestInit): ReturnType<typeof fetch>
new WixAccessTokenStrategy({ appId: 'app', fetch: async () => globalThis.Response.json({}) }, () => null)
new WixAccessTokenStrategy({ appId: 'app', fetch: undici }, () => null)
new WixAccessTokenStrategy({ appId: 'app', fetch: (url, init) => undici(url, { ...init, dispatcher }) }, () => null)
new WixAccessTokenStrategy({ appId: 'app', fetch: (url, init) => fetch(url, init) }, () => null)
new WixAccessTokenStrategy({ appId: 'app', fetch: traced }, () => null)
new WixAppStrategy({ secret, tokenInfo: { appId: 'app', fetch: undici } }, () => null)
void accessTokenVerifier({ appId: 'app', fetch: async (url: string) => fetch(url) })('value')
// @ts-expect-error Not the answer itself.
new WixAccessTokenStrategy({ appId: 'app', fetch: async () => ({ active: true }) }, () => null)
// @ts-expect-error A promise.
new WixAccessTokenStrategy({ appId: 'app', fetch: () => globalThis.Response.json({}) }, () => null)
// @ts-expect-error It is never given such an option.
new WixAccessTokenStrategy({ appId: 'app', fetch: withAgent }, () => null)
// @ts-expect-error The app id is needed.
new WixAccessTokenStrategy({}, () => null)
// An environment variable may be unset: that is a TypeError at start-up.
new WixAccessTokenStrategy({ appId: process.env['WIX_APP_ID'] }, () => null)
// @ts-expect-error A verify callback is needed.
new WixAccessTokenStrategy({ appId: 'app' })
// @ts-expect-error There is no such option here.
new WixAccessTokenStrategy({ appId: 'app', secret }, () => null)
// @ts-expect-error There is no such option: requireIdentity says who may come in.
new WixAccessTokenStrategy({ appId: 'app', subjectTypes: ['USER'] }, () => null)
// @ts-expect-error Without passReqToCallback there are two arguments.
new WixAccessTokenStrategy({ appId: 'app' }, (_req, _token, _done) => null)
// @ts-expect-error False, or an object.
new WixAccessTokenStrategy({ appId: 'app', cache: true }, () => null)
// @ts-expect-error There is no such option of the cache.
new WixAccessTokenStrategy({ appId: 'app', cache: { ttl: 5 } }, () => null)
// @ts-expect-error The app id is needed.
new WixAppStrategy({ secret, tokenInfo: {} }, () => null)
app.get('/api', passport.authenticate(['wix-access-token', 'wix-app'], { session: false }))

const token: Promise<WixTokenInfo> = accessTokenVerifier(remote)('value')
const anybody: Promise<WixIdentity> = token
// @ts-expect-error The app id is needed.
accessTokenVerifier({})
// @ts-expect-error Only the strategy reads a request.
accessTokenVerifier({ appId: 'app', tokenFromRequest: () => 'value' })
// @ts-expect-error Not a string.
void accessTokenVerifier({ appId: 'app' })(undefined)

const outage = new WixUnavailableError('value', { retryAfter: 5, cause: new Error('value') })
const again: string | undefined = outage.headers['Retry-After']
const always: 503 = outage.status
new WixUnavailableError('value')
// @ts-expect-error Seconds.
new WixUnavailableError('value', { retryAfter: '5' })
// @ts-expect-error It stays what it is.
outage.status = 500
// @ts-expect-error It stays what it is.
outage.headers['Retry-After'] = '6'
const inactive: WixAuthErrorCode = 'token_inactive'

const keys: SessionKey[] = [await generateSessionKey(), await generateSessionKey('EdDSA')]
const tokens = new SessionTokens({ keys, issuer: 'me', audience: 'api' })
new SessionTokens({ keys: async () => keys, issuer: 'me', audience: 'api', ttl: 300, clockTolerance: 5, now: Date.now })
new SessionTokens({ keys: JSON.parse('[]'), issuer: 'me', audience: 'api' })
// @ts-expect-error The audience is needed.
new SessionTokens({ keys, issuer: 'me' })
// @ts-expect-error There is no such algorithm.
void generateSessionKey('HS256')
interface Extra {
  role: string
}
const extra: Extra = { role: 'editor' }
app.post('/session', passport.authenticate('wix-app', { session: false }), async (req, res) => {
  const issued: string = await tokens.issue(identityOf(req), extra)
  const session: WixSession = await tokens.verify(issued)
  const role: unknown = session.claims['role']
  res.json({ issued, role, ends: session.exp.toFixed(), keys: (await tokens.jwks()).keys.map(({ kid }) => kid) })
  // @ts-expect-error No claims but an object.
  void tokens.issue(identityOf(req), 'editor')
})
passport.use(new WixSessionStrategy({ tokens }))
passport.use(new WixSessionStrategy({ tokens, userInfo: async () => null }, ({ jti }) => users.find(jti)))
passport.use(new WixSessionStrategy({ jwksUri: 'https://localhost', issuer: 'me', audience: 'api' }))
new WixSessionStrategy({ tokens, passReqToCallback: true }, async (req, { instanceId }) =>
  users.find(req.path + instanceId),
)
// @ts-expect-error Either the one or the other.
new WixSessionStrategy({ tokens, jwksUri: 'https://localhost', issuer: 'me', audience: 'api' })
// @ts-expect-error The audience is needed.
new WixSessionStrategy({ jwksUri: 'https://localhost', issuer: 'me' })
// @ts-expect-error One of them is needed.
new WixSessionStrategy({})

app.get('/userinfo', passport.authenticate('wix-session'), userInfoHandler())
app.get(
  '/userinfo',
  userInfoHandler(async ({ instanceId }, req) => ({ email: req.path + instanceId })),
)
// @ts-expect-error An object.
userInfoHandler(() => 'value')
const claims: Promise<Record<string, unknown>> = resolveUserInfo('/me', { baseUrl: 'https://localhost', token: 'x' })
void resolveUserInfo(async ({ identity }) => ({ of: identity?.instanceId }), { identity: identityOf({}) })
// @ts-expect-error There is no such context.
void resolveUserInfo('token', { response: {} })
export { claims }
export { again, always, anybody, inactive, named, signed }

// A ready-made reader does not decide the type of the request.
new WixAppStrategy({ secret, instanceFromRequest: fromQuery('signedInstance'), passReqToCallback: true }, (req) => ({
  id: req.path,
}))
new WixSessionStrategy({ tokens, tokenFromRequest: fromQuery('session'), passReqToCallback: true }, (req) => ({
  id: req.path,
}))
new WixWebhookStrategy({ publicKey, bodyFromRequest: fromBody(), passReqToCallback: true }, (req) => ({ id: req.path }))

// What an app exports can be named in its own declarations.
export const exportedApp = new WixAppStrategy({ secret }, () => null)
export const exportedSession = new WixSessionStrategy({ tokens })
export const exportedGuard = requireIdentity({ subjectType: 'USER' })
export const exportedOnce = deduplicate({ store: memoryStore() })
export const exportedReader = oneOf(fromQuery('instance'), fromAuthorization('Bearer'))
export const exportedHandler = userInfoHandler()

// With a Fetch Request: the strategies of Express, or strategies whose functions are typed for it.
const ofRequest = new WixAppStrategy<globalThis.Request>(
  { secret: async ({ headers }) => headers.get('x-secret') ?? secret },
  ({ instanceId }) => users.find(instanceId),
)
const received = new WixWebhookStrategy<globalThis.Request>({
  publicKey: ({ url }) => (url.endsWith('blog') ? publicKey : [publicKey]),
})
const once = handleOnce({ store: memoryStore(), lease: 5 })
export async function POST(request: globalThis.Request): Promise<globalThis.Response> {
  try {
    const { user, identity, info } = await authenticateRequest(request, ofRequest, { subjectType: 'USER' })
    const both: string[] = [user.id, identity.instanceId, info.identity.uid ?? '']
    assertIdentity(identity, { siteOwner: true })
    // @ts-expect-error An instance has no event.
    void identity.eventType
    const any = await authenticateRequest(request, [ofRequest, exportedSession, exportedApp], async (one, req) =>
      req.url.endsWith(one.instanceId),
    )
    both.push(any.identity.instanceId)
    const { identity: event } = await authenticateRequest(request, received)
    // @ts-expect-error A rule that is undefined would let everybody in.
    void authenticateRequest(request, ofRequest, undefined)
    // @ts-expect-error Only `true` lets the request through.
    void authenticateRequest(request, ofRequest, () => 'yes')
    // @ts-expect-error Not by its name.
    void authenticateRequest(request, 'wix-app')
    // @ts-expect-error No webhook.
    void once(identity, () => new Response())
    return await once(event, () => Response.json(userInfoOf(event, { both, type: event.eventType })))
  } catch (error) {
    return toResponse(error)
  }
}
// @ts-expect-error No rule of the app's own: it may be a promise.
assertIdentity(identityOf({}), () => true)
new WixServicePluginStrategy({ publicKey, appId: async (req) => req.path, extensionType: 'APP_TOOLS' })
webhookVerifier({ publicKey: () => publicKey })
// @ts-expect-error A verifier has no request.
webhookVerifier({ publicKey: (req: Request) => req.path })
// An environment that exists only at run time.
new WixWebhookStrategy({ publicKey: async () => process.env['WIX_PUBLIC_KEY'] })

// The identity is typed by the strategy.
app.post('/typed', (req, res) => {
  const { eventType, data } = identityOf(req, WixWebhookStrategy)
  const { body } = identityOf(req, WixDigestStrategy)
  const { jti } = identityOf(req, WixSessionStrategy)
  // @ts-expect-error An instance has no event.
  const wrong: string = identityOf(req, WixAppStrategy).eventType
  res.json({ eventType, id: data.id, body, jti, wrong, code: refusalOf(req)?.code })
})
app.use(errorHandler())

// Options in a variable fit the constructor.
const appOptions: WixAppStrategyOptions = { secret, maxAge: 60 }
new WixAppStrategy(appOptions, () => null)
const withRequest: WithRequest<WixAppStrategyOptions> = { secret, passReqToCallback: true }
new WixAppStrategy(withRequest, (req, { instanceId }) => users.find(req.path + instanceId))
const webhookOptions: WixWebhookStrategyOptions = { publicKey }
new WixWebhookStrategy(webhookOptions)

export function audit(message: unknown): string {
  const event = message as WixAuthenticateEvent
  const { strategy, outcome, status, code, hint, identity, error, duration } = event
  // @ts-expect-error Null unless the signature was right.
  void identity.instanceId
  // @ts-expect-error Nothing else of a credential.
  void identity?.permissions
  // @ts-expect-error It belongs to nobody who listens.
  event.outcome = 'maybe'
  const parts: Array<string | number | null | undefined> = [strategy, outcome, status, code, hint, identity?.instanceId]
  return [...parts, duration.toFixed(), error?.message].join(' ')
}
const hint: string | undefined = new WixAuthError('claim_invalid', 'No', { hint: 'why', headers: {} }).hint
// @ts-expect-error It is read only.
new WixAuthError('claim_invalid').hint = hint
const forHosts: [number, boolean] = [
  new WixAuthError('claim_invalid').statusCode,
  new WixAuthError('claim_invalid').expose,
]
void forHosts
