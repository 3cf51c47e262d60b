import { refusal } from '../errors.ts'
import type { WixIdentity } from '../identity.ts'
import { expiringMap } from '../internal/cache.ts'
import { tooLong } from '../internal/hints.ts'
import { verifyJwt } from '../internal/jwt.ts'
import {
  callback,
  type Checked,
  checkedLater,
  checkOptions,
  type Checks,
  clockChecks,
  type ClockOptions,
  must,
  required,
  string,
  timeoutCheck,
} from '../internal/options.ts'
import { remoteKeySet } from '../internal/remote-key-set.ts'
import { type Fetch, httpFetch } from '../internal/transport.ts'
import { baseUrlCheck, isOrigin, secureUrl, urlWithin } from '../internal/url.ts'
import { exactlyOne, isNonEmptyString, isObject, objectOf, own, plain } from '../internal/values.ts'
import { askUserInfo, MAX_TOKEN_LENGTH } from './ask.ts'

/** Which JWTs {@link resolveUserInfo} accepts. */
export interface UserInfoKeySet {
  /** Where the issuer publishes its keys: https, or http on this machine. */
  jwksUri: string
  /** The `iss` of the JWT. */
  issuer: string
  /** The `aud` of the JWT; that of an ID token is your client id. */
  audience: string
}

/** What {@link resolveUserInfo} may use. All times are seconds. */
export interface UserInfoContext extends ClockOptions {
  /** The identity, for sources that are a function. */
  identity?: WixIdentity
  /** The credential: sent to a URL in `Authorization`, as `Bearer` unless it names a scheme itself. */
  token?: string
  /** What a token endpoint answered: `{ id_token, access_token, ... }`. */
  tokenResponse?: Readonly<Record<string, unknown>>
  /** Where a relative URL begins: https, or http on this machine. */
  baseUrl?: string
  /** Other origins that may get the credential, for absolute URLs: `https://api.example.com`. Default: none. */
  origins?: readonly string[]
  /** For `token://id_token` and `token://access_token`. */
  keySet?: UserInfoKeySet
  /** Seconds for a URL's whole answer, at most 60. Default: 2. */
  timeout?: number
  /** Default: a client of `node:https`. Not for key sets. Keep it in a constant: each function has a cache of its own. */
  fetch?: Fetch
}

/**
 * Where an identity's security context is:
 *
 * - a URL, absolute or relative;
 * - `token`: the whole `tokenResponse` as it is, for what the app itself has verified;
 * - `token://id_token`, `token://access_token`: the claims of that JWT in the `tokenResponse`, verified against the `keySet`;
 * - a function of the context that returns one of these, or the claims themselves.
 */
export type UserInfoSource = string | ((context: UserInfoContext) => string | object | PromiseLike<string | object>)

const checks: Checks<UserInfoContext> = {
  ...clockChecks,
  identity: must((value) => isNonEmptyString(own(value, 'instanceId')), 'an identity of Wix'),
  token: must(isNonEmptyString, 'a non-empty string'),
  tokenResponse: must(isObject, 'an object'),
  baseUrl: baseUrlCheck,
  origins: must(
    (value) => Array.isArray(value) && value.every(isOrigin),
    'an array of origins like https://api.example.com',
  ),
  keySet: checkedLater,
  timeout: timeoutCheck,
  fetch: callback,
}

const keySetChecks: Checks<UserInfoKeySet> = {
  jwksUri: required(secureUrl),
  issuer: required(string),
  audience: required(string),
}

/** Which property of the token response, or all of it. */
const TOKEN_SOURCES: ReadonlyMap<string, string> = new Map([
  ['token', ''],
  ['token://id_token', 'id_token'],
  ['token://access_token', 'access_token'],
])

// No `none`, and none whose key is a secret.
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']

/** Seconds for which an unused key set is kept. */
const KEY_SET_AGE = 86_400

/** One for each `jwksUri`, since it knows what was read, and when not to read again. */
const keySets = expiringMap<ReturnType<typeof remoteKeySet>>({ max: 100 })

async function claimsOfToken(given: unknown, context: Checked<UserInfoContext>): Promise<object> {
  const { keySet = {} as UserInfoKeySet } = context
  const { jwksUri, issuer, audience } = checkOptions('resolveUserInfo keySet', keySet, keySetChecks)
  const token = exactlyOne(given)
  if (token.length > MAX_TOKEN_LENGTH) throw refusal('token_malformed', tooLong(token, MAX_TOKEN_LENGTH))
  const keys = keySets.get(jwksUri) ?? remoteKeySet(jwksUri)
  keySets.set(jwksUri, keys, KEY_SET_AGE)
  return verifyJwt(token, await keys(), context, {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    toIdentity: ({ claims }) => claims,
  })
}

async function find(source: string, context: Checked<UserInfoContext>): Promise<object> {
  const { tokenResponse, token, baseUrl, origins = [], fetch = httpFetch, timeout = 2, now } = context
  const name = TOKEN_SOURCES.get(source)
  if (name === undefined) {
    const url = urlWithin(source, baseUrl, origins)
    if (url !== undefined) return askUserInfo(url, token, timeout, fetch, now)
    throw new TypeError(
      'resolveUserInfo: a relative URL must stay on the origin of `baseUrl`, an absolute one must have that origin or one of `origins`; ' +
        'neither may have a password, whitespace, a backslash or characters outside ASCII',
    )
  }
  if (tokenResponse === undefined)
    throw new TypeError('resolveUserInfo: the context must have a `tokenResponse` for this source')
  return name === '' ? tokenResponse : claimsOfToken(own(tokenResponse, name), context)
}

/**
 * Loads an identity's security context from elsewhere. A URL's answer is cached for at most 60 seconds, by URL and token.
 *
 * @returns A promise of the claims; rejects with the errors below, and with what a function that is the source throws.
 * @throws {WixAuthError} For a URL, `token_malformed`, `token_inactive` (it answered 401) or `insufficient_scope` (403). For a JWT,
 *   `credentials_missing`, `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 * @throws {WixUnavailableError} When a URL or a key set does not answer as it should.
 * @throws {TypeError} For any other source, a URL that leads elsewhere, and a context that is unknown or of the wrong type.
 * @example
 * const { roles } = await resolveUserInfo('/userinfo', { baseUrl: 'https://api.example.com', token })
 */
export async function resolveUserInfo(
  source: UserInfoSource,
  context: UserInfoContext = {},
): Promise<Record<string, unknown>> {
  const checked = checkOptions('resolveUserInfo', context, checks)
  const given: unknown = typeof source === 'function' ? await source(plain(checked)) : source
  const found: unknown = typeof given === 'string' ? await find(given, checked) : given
  // From a function only: a constant would be the same for everybody.
  const claims = isObject(found) && typeof source !== 'object' ? objectOf({ ...found }) : undefined
  if (claims === undefined) {
    throw new TypeError(
      "resolveUserInfo: the source must be a URL, 'token', 'token://id_token', 'token://access_token', or a function that returns " +
        'one of these or an object of claims',
    )
  }
  return claims
}
