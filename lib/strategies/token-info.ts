import { COMPARE_IDS, refusal, type WixAuthErrorCode } from '../errors.ts'
import { factsOf, isSubjectType, type WixIdentity } from '../identity.ts'
import { cached } from '../internal/cache.ts'
import { duration, idHint } from '../internal/hints.ts'
import {
  appIdOf,
  callback,
  type Checked,
  checkOptions,
  type Checks,
  countCheck,
  isSameId,
  must,
  neededLater,
  type OfRequest,
  ofRequest,
  timeoutCheck,
} from '../internal/options.ts'
import { remoteClient } from '../internal/remote.ts'
import type { Fetch } from '../internal/transport.ts'
import { baseUrlCheck, urlUnder } from '../internal/url.ts'
import { isNonEmptyString, isNumber, isObject, own, stringOrNull } from '../internal/values.ts'

/**
 * What Wix's Token Info endpoint says about a token.
 *
 * @see https://dev.wix.com/docs/rest/app-management/oauth-2/token-info
 */
export interface WixTokenInfo extends WixIdentity {
  active: true
  /** The app id that the token was made for: yours. */
  clientId: string
  /** When the token expires, in seconds since 1970. */
  exp: number
  accountId: string | null
  vendorProductId: string | null
}

/** How long the answers of Token Info are cached. */
export interface TokenInfoCache {
  /** Seconds, at most 60: a revoked token still works for that long. Default: 60. */
  maxAge?: number
  /** How many tokens. Default: 5000. */
  max?: number
}

/** How to ask Wix's Token Info endpoint. All times are seconds. */
export interface TokenInfoOptions<Req = unknown> {
  /** Your app id, or a function of the request that finds it: a token that was made for another app is refused. */
  appId: OfRequest<string, Req>
  /** Seconds to wait for Wix, including a retry, at most 60. Default: 2. */
  timeout?: number
  /** How many calls may be in flight; any further call fails at once with a {@link WixUnavailableError}. Default: 64. */
  maxCalls?: number
  /** `false`: ask for each request. Default: cache each answer for at most 60 s, a refusal for 10 s. */
  cache?: false | TokenInfoCache
  /** Where Wix's API is, for tests: https, or http on this machine. Default: `https://www.wixapis.com`. */
  apiUrl?: string
  /** Default: a client of `node:https` that follows no redirect and decodes nothing. */
  fetch?: Fetch
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

const cacheChecks: Checks<TokenInfoCache> = {
  maxAge: must(
    (value) => isNumber(value) && value > 0 && value <= 60,
    'a number of seconds above 0, at most 60',
    'number',
  ),
  max: countCheck,
}

export const tokenInfoChecks: Checks<TokenInfoOptions<never>> = {
  appId: neededLater,
  timeout: timeoutCheck,
  maxCalls: countCheck,
  cache: must((value) => value === false || isObject(value), 'false, or { maxAge, max }'),
  apiUrl: baseUrlCheck,
  fetch: callback,
  now: callback,
}

/** Statuses with which Wix refuses a token. */
const REFUSED_BY_WIX: ReadonlyMap<number, WixAuthErrorCode> = new Map([
  [400, 'token_inactive'],
  [401, 'token_inactive'],
  [404, 'token_inactive'],
])

/** Seconds that Wix may ask its callers to wait. */
const LONGEST_LIMIT = 3600

/** Wix's documentation shows strings where the types of its SDK have numbers. */
const toSeconds = (value: unknown): number | null => {
  const seconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return isNumber(seconds) ? seconds : null
}

const otherApp = (clientId: unknown): string => {
  if (clientId === undefined) return 'Token Info names no `clientId`'
  return `clientId is another app's${idHint(clientId)}`
}

/** The checks that Wix leaves to the caller. */
function tokenInfoOf(answer: Record<string, unknown>, appId: string, time: number): WixTokenInfo {
  const active = own(answer, 'active')
  // The documentation has a string here as well, and the string "false" is truthy.
  if (active !== true && active !== 'true')
    throw refusal('token_inactive', 'Token Info does not report the credential as active')
  const instanceId = own(answer, 'instanceId')
  const exp = toSeconds(own(answer, 'exp'))
  // A token of another app must not be accepted here (RFC 9700 section 2.3).
  const clientId = own(answer, 'clientId')
  if (!isSameId(clientId, appId)) throw refusal('claim_invalid', otherApp(clientId), COMPARE_IDS)
  if (!isNonEmptyString(instanceId)) throw refusal('claim_invalid', 'Token Info names no `instanceId`')
  if (exp === null) throw refusal('claim_invalid', 'Token Info names no `exp`')
  if (!(time < exp * 1000)) throw refusal('token_expired', `\`exp\` was ${duration(time / 1000 - exp)} ago`)
  const subjectType = own(answer, 'subjectType')
  return {
    ...answer,
    ...factsOf(answer),
    active: true,
    instanceId,
    subjectType: isSubjectType(subjectType) ? subjectType : 'UNKNOWN',
    clientId: appId,
    accountId: stringOrNull(own(answer, 'accountId')),
    iat: toSeconds(own(answer, 'iat')),
    exp,
  }
}

/**
 * Prepares the question to Wix's Token Info endpoint, whose answers are cached.
 *
 * @returns A function that rejects with a {@link WixAuthError} or a `WixUnavailableError`.
 * @throws {TypeError} For a `cache` option that is unknown or of the wrong type.
 */
export function tokenInfoVerifier<Req>(
  caller: string,
  options: Checked<TokenInfoOptions<Req>>,
): (token: string, req: Req) => Promise<WixTokenInfo> {
  const { timeout = 2, maxCalls, cache = {}, apiUrl = 'https://www.wixapis.com', fetch, now } = options
  const url = urlUnder('oauth2/token-info', apiUrl)
  const findAppId = ofRequest(caller, 'appId', options.appId, appIdOf(caller))
  const request = remoteClient({
    server: 'Token Info',
    refusals: REFUSED_BY_WIX,
    longestLimit: LONGEST_LIMIT,
    maxCalls,
    fetch,
    now,
  })

  const ask = async (token: string, appId: string): Promise<WixTokenInfo> => {
    const headers = { 'Content-Type': 'application/json' }
    const answer = await request({ url, method: 'POST', headers, body: JSON.stringify({ token }), timeout })
    return tokenInfoOf(answer, appId, (now ?? Date.now)())
  }
  if (cache === false) return async (token, req) => ask(token, await findAppId(req))
  const { maxAge = 60, max = 5000 } = checkOptions<TokenInfoCache>(`${caller} cache`, cache, cacheChecks)
  const askOnce = cached((_key: string, token: string, appId: string) => ask(token, appId), {
    maxAge,
    max,
    expiryOf: ({ exp }) => exp,
    now,
  })
  return async (token, req) => {
    const appId = await findAppId(req)
    return askOnce(`${appId} ${token}`, token, appId)
  }
}
