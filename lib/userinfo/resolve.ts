import { LRUCache } from 'lru-cache'
import { WixAuthError } from '../errors.ts'
import { getJson, urlWithin } from '../internal/get-json.ts'
import { identityOf, subOf, type WixIdentity } from '../identity.ts'
import { objectOf } from '../internal/json.ts'
import { verifyClaims } from '../internal/jwt.ts'
import {
  callback,
  type Check,
  checkOptions,
  clockTolerance,
  isText,
  secureUrl,
  text,
  textOrNull,
  timeout,
} from '../internal/options.ts'
import { type DefaultRequest, exactlyOne, own } from '../read.ts'
import { remoteKeys } from '../sessions/own-keys.ts'
import { toError } from '../strategy.ts'
import type { Fetch } from '../strategies/access-token-info.ts'

/** What the app adds to the answer of {@link userInfoHandler}: `email`, `name`, `roles`, ...; or nothing. */
export type UserInfoMore<Req = DefaultRequest> = (
  identity: WixIdentity,
  req: Req,
) => object | null | undefined | PromiseLike<object | null | undefined>

/** What {@link userInfoHandler} needs of a response; those of Express and Node have it. */
export interface UserInfoResponse {
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

type Authenticated = Parameters<typeof identityOf>[0]
type Handler<Req> = (req: Req, res: UserInfoResponse, next: (error?: unknown) => void) => void

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Answers who is signed in, for `GET /userinfo` after authentication, as JSON in the shape of OpenID Connect: `sub`, the facts of Wix
 * under the names of {@link WixIdentity} (null where the proof does not tell), and what the app adds.
 *
 * Calls `next(error)` with an Error (500) when no strategy of this package ran before it, and when `more` fails or answers something
 * that is no object.
 *
 * @param more Adds to the answer. It cannot replace `sub` or the facts.
 * @throws {TypeError} For a `more` that is no function.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
 */
export function userInfoHandler(): Handler<Authenticated>
export function userInfoHandler<Req extends Authenticated = DefaultRequest>(more: UserInfoMore<Req>): Handler<Req>
export function userInfoHandler<Req extends Authenticated>(more: UserInfoMore<Req> = () => undefined): Handler<Req> {
  if (typeof more !== 'function') throw new TypeError('userInfoHandler takes a function: (identity, req) => object')

  const answer = async (req: Req, res: UserInfoResponse): Promise<void> => {
    const identity = identityOf(req)
    const added = (await more(identity, req)) ?? {}
    // Through text, since the `toJSON` of a database record leaves out what nobody may see.
    const extra = isObject(added) ? objectOf(JSON.parse(JSON.stringify(added))) : undefined
    if (extra === undefined) throw new TypeError('userInfoHandler: its function must answer an object, or nothing')
    const { instanceId, subjectType, subjectId, clientId, siteId, exp } = identity
    const facts = {
      sub: subOf(identity),
      instanceId,
      subjectType,
      subjectId,
      clientId,
      siteId,
      permissions: textOrNull(own(identity, 'permissions')),
      vendorProductId: textOrNull(own(identity, 'vendorProductId')),
      siteOwnerId: textOrNull(own(identity, 'siteOwnerId')),
      exp,
    }
    const body = JSON.stringify({ ...extra, ...facts })
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('Content-Type', 'application/json')
    res.end(body)
  }

  return (req, res, next) => {
    answer(req, res).catch((reason: unknown) => next(toError(reason)))
  }
}

/** Whose JWTs {@link resolveUserInfo} believes. */
export interface UserInfoKeySet {
  /** Where the issuer publishes its keys: https, or this machine. */
  jwksUri: string
  /** The `iss` of the JWT. */
  issuer: string
  /** The `aud` of the JWT; that of an ID token is your client id. */
  audience: string
}

/** What {@link resolveUserInfo} may use. All times are seconds. */
export interface UserInfoContext {
  /** Who is signed in, for sources that are a function. */
  identity?: WixIdentity
  /** The credential: sent to a URL in `Authorization`, as `Bearer` unless it names a scheme itself. */
  token?: string
  /** What a token endpoint answered: `{ id_token, access_token, ... }`. */
  tokenResponse?: Readonly<Record<string, unknown>>
  /** What a relative URL is put after: https, or this machine. */
  baseUrl?: string
  /** Where else the credential may go, for absolute URLs: origins like `https://api.example.com`. Default: nowhere. */
  origins?: readonly string[]
  /** For `token://id_token` and `token://access_token`. */
  keySet?: UserInfoKeySet
  /** Seconds for the whole answer of a URL. Default: 2. */
  timeout?: number
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** Works like Node's own, which is the default; not for key sets. Keep it in a constant: each has a memory of its own. */
  fetch?: Fetch
  /** The clock, in milliseconds since 1970. Default: `Date.now`. Keep it in a constant, too. */
  now?: () => number
}

/**
 * Where the security context of an identity is:
 *
 * - a URL, absolute or relative;
 * - `token`: the whole `tokenResponse` as it came, for what the app itself has verified;
 * - `token://id_token`, `token://access_token`: the claims of that JWT in the `tokenResponse`, verified against the `keySet`;
 * - a function of the context that answers one of these, or the claims themselves.
 */
export type UserInfoSource = string | ((context: UserInfoContext) => string | object | PromiseLike<string | object>)

const isOrigin = (value: unknown): boolean => secureUrl(value) === undefined && new URL(String(value)).origin === value

const checks: { [Name in keyof UserInfoContext]-?: Check } = {
  identity: (value) => (isText(own(value, 'instanceId')) ? undefined : 'an identity of Wix'),
  token: (value) => (isText(value) ? undefined : 'a text'),
  tokenResponse: (value) => (isObject(value) ? undefined : 'an object'),
  baseUrl: secureUrl,
  origins: (value) =>
    Array.isArray(value) && value.every(isOrigin) ? undefined : 'a list of origins like https://api.example.com',
  keySet: () => undefined, // by verified
  timeout,
  clockTolerance,
  fetch: callback,
  now: callback,
}

const keySetChecks: { [Name in keyof UserInfoKeySet]-?: Check } = { jwksUri: secureUrl, issuer: text, audience: text }

/** Which property of the token response, or all of it. */
const TOKEN_SOURCES: ReadonlyMap<string, string> = new Map([
  ['token', ''],
  ['token://id_token', 'id_token'],
  ['token://access_token', 'access_token'],
])

// No `none`, and none whose key is a secret.
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']

// No ID token comes near it.
const MAX_LENGTH = 64 * 1024

/** One for each `jwksUri`, since it knows what was read, and when not to read again. */
const keySets = new LRUCache<string, ReturnType<typeof remoteKeys>>({ max: 100 })

async function verified(given: unknown, context: UserInfoContext): Promise<object> {
  const keySet = checkOptions<Partial<UserInfoKeySet>>('resolveUserInfo keySet', context.keySet ?? {}, keySetChecks)
  const { jwksUri, issuer, audience } = keySet
  if (jwksUri === undefined || issuer === undefined || audience === undefined) {
    throw new TypeError('resolveUserInfo: a token is verified with `keySet`: { jwksUri, issuer, audience }')
  }
  const token = exactlyOne(given)
  if (token === undefined) throw new WixAuthError('credentials_missing')
  if (token.length > MAX_LENGTH) throw new WixAuthError('token_malformed')
  const keys = keySets.get(jwksUri) ?? remoteKeys(jwksUri)
  keySets.set(jwksUri, keys)
  const { claims } = await verifyClaims(token, await keys(), context, { issuer, audience, algorithms: ALGORITHMS })
  return claims
}

async function find(source: string, context: UserInfoContext): Promise<object> {
  const { tokenResponse, token, baseUrl, origins = [], fetch = globalThis.fetch, timeout = 2, now } = context
  const name = TOKEN_SOURCES.get(source)
  if (name === undefined) {
    const url = urlWithin(source, baseUrl, origins)
    if (url !== undefined) return getJson(url, token, { fetch, timeout, now })
    throw new TypeError(
      'resolveUserInfo: a relative URL must stay on the origin of `baseUrl`, an absolute one must have that origin or one of `origins`; ' +
        'neither may have a password, white space, a backslash or characters outside of ASCII',
    )
  }
  if (tokenResponse === undefined) throw new TypeError('resolveUserInfo: a token is looked for in `tokenResponse`')
  return name === '' ? tokenResponse : verified(own(tokenResponse, name), context)
}

/**
 * Gets the security context of an identity from elsewhere. What is at a URL is remembered for at most 60 seconds, by URL and token.
 *
 * @returns A promise of the claims; rejects with what is thrown, and with what a function that is the source throws.
 * @throws {WixAuthError} For a URL, `token_malformed`, `token_inactive` (it answered 401) or `insufficient_scope` (403). For a JWT,
 *   `credentials_missing`, `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 * @throws {WixUnavailableError} When a URL or a key set does not answer as it should.
 * @throws {TypeError} For any other source, a URL that leads elsewhere, and a context that is unknown or of the wrong type.
 */
export async function resolveUserInfo(
  source: UserInfoSource,
  context: UserInfoContext = {},
): Promise<Record<string, unknown>> {
  const checked = checkOptions('resolveUserInfo', context, checks)
  const told: unknown = typeof source === 'function' ? await source({ ...checked }) : source
  const found: unknown = typeof told === 'string' ? await find(told, checked) : told
  // From a function only: a constant would be the same for everybody.
  const claims = isObject(found) && typeof source !== 'object' ? objectOf({ ...found }) : undefined
  if (claims === undefined) {
    throw new TypeError(
      "resolveUserInfo: the source must be a URL, 'token', 'token://id_token', 'token://access_token', or a function that answers " +
        'one of these or an object of claims',
    )
  }
  return claims
}
