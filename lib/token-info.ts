import { WixAuthError, WixUnavailableError } from './errors.ts'
import { isSubjectType, type WixIdentity } from './identity.ts'
import { objectOf, parseJson } from './json.ts'
import { memo } from './memo.ts'
import {
  butIs,
  callback,
  type Check,
  checkOptions,
  count,
  isNumber,
  isText,
  secureUrl,
  text,
  textOrNull,
  timeout,
} from './options.ts'
import { own } from './read.ts'
import { within } from './within.ts'

/**
 * What Wix's Token Info endpoint says about a token.
 *
 * @see https://dev.wix.com/docs/rest/app-management/oauth-2/token-info
 */
export interface WixTokenInfo extends WixIdentity {
  active: true
  /** The app id that the token was made for: yours. */
  clientId: string
  /** When the token ends, in seconds since 1970. */
  exp: number
  accountId: string | null
  vendorProductId: string | null
}

/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type Fetch = typeof globalThis.fetch

/** How long Token Info's answers are remembered. */
export interface TokenInfoCache {
  /** Seconds, at most 60: for so long a token that was revoked still works. Default: 60. */
  maxAge?: number
  /** How many tokens. Default: 5000. */
  max?: number
}

/** How to ask Wix's Token Info endpoint. All times are seconds. */
export interface TokenInfoOptions {
  /** Your app id: a token that was made for another app is refused. */
  appId: string
  /** Seconds for one answer of Wix, a retry included. Default: 2. */
  timeout?: number
  /** How many calls may be under way; more tokens than that are a {@link WixUnavailableError} at once. Default: 64. */
  maxCalls?: number
  /** `false`: ask for each request. Default: remember each answer for 60 s at most, a refusal for 10 s. */
  cache?: false | TokenInfoCache
  /** Where the API of Wix is, for tests: https, or this machine. Default: `https://www.wixapis.com`. */
  apiUrl?: string
  /** Works like Node's own, which is the default. */
  fetch?: Fetch
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

const cacheChecks: { [Name in keyof TokenInfoCache]-?: Check } = {
  maxAge: (value) =>
    isNumber(value) && value > 0 && value <= 60 ? undefined : 'a number of seconds above 0, at most 60',
  max: count,
}

export const tokenInfoChecks: { [Name in keyof TokenInfoOptions]-?: Check } = {
  appId: text,
  timeout,
  maxCalls: count,
  cache: (value) =>
    value === false || (typeof value === 'object' && value !== null) ? undefined : 'false, or { maxAge, max }',
  apiUrl: secureUrl,
  fetch: callback,
  now: callback,
}

// The documented answer has some 400 bytes.
const MAX_BYTES = 64 * 1024

const REFUSED: ReadonlySet<number> = new Set([400, 401, 404])
const WORTH_A_RETRY: ReadonlySet<number> = new Set([502, 503, 504])

// From here on all times are milliseconds.
const FAILURES_BEFORE_A_PAUSE = 5
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000
/** Whatever Wix, or a clock that was set back, says. */
const LONGEST_WAIT = 3_600_000

const unavailable = (why: string, wait?: number): WixUnavailableError =>
  new WixUnavailableError(
    `Wix could not be asked whose token this is: ${why}`,
    wait === undefined ? {} : { retryAfter: wait / 1000 },
  )

/** Of a failed connection, the code of the system; it holds nothing of the request. */
function noConnection(error: unknown): WixUnavailableError {
  const code = own(own(error, 'cause'), 'code') ?? own(error, 'code')
  return unavailable(`no connection${typeof code === 'string' && /^[A-Z\d_]+$/.test(code) ? ` (${code})` : ''}`)
}

/** Milliseconds until the moment that `Retry-After` names (RFC 9110 section 10.2.3). */
function waitOf(retryAfter: string | null, time: number): number | undefined {
  if (retryAfter === null) return undefined
  const wait = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - time
  return wait > 0 ? Math.min(wait, LONGEST_WAIT) : undefined
}

/** Waits a moment before the second try, so that not everybody comes back at the same one. */
async function pauseBriefly(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100))
  signal.throwIfAborted()
}

async function objectFrom(body: Response['body']): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.byteLength
      if (length > MAX_BYTES) throw unavailable('an answer of more than 64 KiB')
      chunks.push(chunk)
    }
    const answer = objectOf(parseJson(Buffer.concat(chunks)))
    if (answer !== undefined) return answer
  } catch (reason) {
    if (reason instanceof WixUnavailableError) throw reason
  }
  throw unavailable('an answer that is not a complete JSON object')
}

/**
 * The remote call, with everything that keeps a slow or broken Wix from taking the app along: a deadline, a bound on what is read
 * and on the calls under way, one retry, and a pause after repeated failures or when Wix asks for one.
 *
 * The function that it makes rejects with a {@link WixAuthError} for a token that Wix refuses, and with a
 * {@link WixUnavailableError} when there is no answer.
 */
function tokenInfoClient(options: TokenInfoOptions): (token: string) => Promise<Record<string, unknown>> {
  const { timeout = 2, maxCalls = 64, apiUrl = 'https://www.wixapis.com', now = Date.now } = options
  const url = new URL('oauth2/token-info', apiUrl.replace(/\/?$/, '/')).href

  let calls = 0
  let failures = 0
  let pause = 0
  /** No calls before. */
  let notBefore = 0
  /** Only calls of this round may change these: those from before a pause know nothing of what came after. */
  let round = 0

  const call = async (token: string, signal: AbortSignal): Promise<Record<string, unknown>> => {
    for (let retries = 1; ; retries--) {
      let response: Response
      try {
        response = await (options.fetch ?? globalThis.fetch)(url, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
          body: JSON.stringify({ token }),
          // A redirect is an answer like any other, and no good one: to follow it would give the token away.
          redirect: 'manual',
          signal,
        })
      } catch (error) {
        if (retries === 0 || signal.aborted) throw noConnection(error)
        await pauseBriefly(signal)
        continue
      }
      const { status, headers, body } = response
      if (status === 200) return objectFrom(body)
      if (REFUSED.has(status)) throw new WixAuthError('token_inactive')
      const wait = waitOf(headers.get('Retry-After'), now())
      if (retries === 0 || wait !== undefined || !WORTH_A_RETRY.has(status)) throw unavailable(`status ${status}`, wait)
      await pauseBriefly(signal)
    }
  }

  const answered = (): void => {
    failures = 0
    pause = 0
    notBefore = 0
  }
  const failed = (wait: number): void => {
    failures++
    if (failures >= FAILURES_BEFORE_A_PAUSE) pause = Math.min(pause * 2 || FIRST_PAUSE, LONGEST_PAUSE)
    if (pause === 0 && wait === 0) return
    notBefore = now() + Math.max(pause, wait)
    round++
  }

  return async (token) => {
    const wait = notBefore - now()
    if (wait > 0 && wait <= LONGEST_WAIT) throw unavailable('a pause after failures', wait)
    if (calls >= maxCalls) throw unavailable('too many calls under way')
    if (pause > 0) {
      // The probe: until it is back, the others are refused.
      notBefore = now() + timeout * 1000
      round++
    }
    const mine = round
    const controller = new AbortController()
    calls++
    try {
      const answer = await within(
        timeout,
        () => call(token, controller.signal),
        () => unavailable(`no answer within ${timeout} seconds`),
      )
      if (mine === round) answered()
      return answer
    } catch (reason) {
      if (mine === round) {
        if (reason instanceof WixAuthError) answered()
        else failed(reason instanceof WixUnavailableError ? Number(reason.headers['Retry-After'] ?? 0) * 1000 : 0)
      }
      throw reason
    } finally {
      calls--
      // Whatever is still open, or was not read.
      controller.abort()
    }
  }
}

/** Wix's documentation shows texts where the types of its SDK have numbers. */
const secondsOf = (value: unknown): number | null => {
  const seconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return isNumber(seconds) ? seconds : null
}

/** The checks that Wix leaves to whoever asks. */
function checkTokenInfo(answer: Record<string, unknown>, appId: string, time: number): WixTokenInfo {
  const active = own(answer, 'active')
  // Its documentation has a text here, too, and the text "false" is true for JavaScript.
  if (active !== true && active !== 'true') throw new WixAuthError('token_inactive')
  const instanceId = own(answer, 'instanceId')
  const exp = secondsOf(own(answer, 'exp'))
  // Whoever has a token of another app must not get in here with it (RFC 9700 section 2.3).
  if (own(answer, 'clientId') !== appId || !isText(instanceId) || exp === null) throw new WixAuthError('claim_invalid')
  if (!(time < exp * 1000)) throw new WixAuthError('token_expired')
  const subjectType = own(answer, 'subjectType')
  return {
    ...answer,
    active: true,
    instanceId,
    subjectType: isSubjectType(subjectType) ? subjectType : 'UNKNOWN',
    subjectId: textOrNull(own(answer, 'subjectId')),
    clientId: appId,
    siteId: textOrNull(own(answer, 'siteId')),
    accountId: textOrNull(own(answer, 'accountId')),
    vendorProductId: textOrNull(own(answer, 'vendorProductId')),
    iat: secondsOf(own(answer, 'iat')),
    exp,
  }
}

/**
 * Asks Wix whose token this is, or remembers it.
 *
 * @param options Checked before, but for what is in `cache`.
 * @param purpose What kind of token: one word.
 * @throws {TypeError} Without an app id, and for a cache option that is unknown or of the wrong type.
 */
export function tokenInfo(
  owner: string,
  options: TokenInfoOptions,
  purpose: string,
): (token: string) => WixTokenInfo | Promise<WixTokenInfo> {
  const { appId, cache = {}, now } = options
  if (appId === undefined) throw new TypeError(`${owner}: option \`appId\` must be the id of your app${butIs(appId)}`)
  const ask = tokenInfoClient(options)
  const check = async (token: string): Promise<WixTokenInfo> =>
    checkTokenInfo(await ask(token), appId, (now ?? Date.now)())
  if (cache === false) return check
  const { maxAge = 60, max = 5000 } = checkOptions<TokenInfoCache>(`${owner} cache`, cache, cacheChecks)
  return memo(check, { purpose: `2 ${purpose} ${appId}`, maxAge, max, now })
}
