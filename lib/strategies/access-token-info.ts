import { WixAuthError, WixUnavailableError } from '../errors.ts'
import { isSubjectType, type WixIdentity } from '../identity.ts'
import { memo } from '../internal/cache.ts'
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
} from '../internal/options.ts'
import { own } from '../read.ts'
import { readJson } from '../internal/read-json.ts'
import { codeOf, within } from '../internal/promises.ts'

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

/** As much of `fetch` as is used here: Node's own works, and undici's, for example with the `dispatcher` of a proxy. */
export type Fetch = (
  url: string,
  init: {
    method?: string
    headers: Record<string, string>
    body?: string
    redirect: 'manual'
    /** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
    signal: AbortSignal
  },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}>

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
  /** Default: Node's own. */
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

const REFUSED: ReadonlySet<number> = new Set([400, 401, 404])
const WORTH_A_RETRY: ReadonlySet<number> = new Set([502, 503, 504])

// From here on all times are milliseconds.
const FAILURES_BEFORE_A_PAUSE = 5
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000
/** When Wix asks for a pause itself. */
const LONGEST_WAIT = 3_600_000

/** A call that brought no verdict about the token. */
class Failure {
  readonly why: string
  /** How long Wix wants to be left alone; 0 when it did not say. */
  readonly wait: number
  /** Whether it would fail for any token: only then is it a reason to pause for all. */
  readonly isOutage: boolean

  constructor(why: string, wait = 0, isOutage = true) {
    this.why = why
    this.wait = wait
    this.isOutage = isOutage
  }
}

function failureOf(status: number, retryAfter: string | null, time: number): Failure {
  // Seconds or a date (RFC 9110 section 10.2.3).
  const asked = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : Date.parse(retryAfter ?? '') - time
  const wait = asked > 0 ? Math.min(asked, status === 429 ? LONGEST_WAIT : LONGEST_PAUSE) : 0
  const isOutage = wait > 0 || status < 400 || status >= 500 || status === 408 || status === 429
  return new Failure(`status ${status}`, wait, isOutage)
}

const unavailable = (why: string, wait: number): WixUnavailableError =>
  new WixUnavailableError(
    `Wix could not be asked whose token this is: ${why}`,
    wait > 0 ? { retryAfter: wait / 1000 } : {},
  )

/** Waits a moment before the second try, so that not everybody comes back at the same one. */
async function pauseBriefly(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100))
  signal.throwIfAborted()
}

/**
 * The remote call, with everything that keeps a slow or broken Wix from taking the app along: a deadline, a bound on what is read
 * and on the calls under way, one retry, and a pause after repeated failures or when Wix asks for one.
 *
 * The function that it makes answers with what Wix says, an empty object for a token that Wix refuses, and rejects with a
 * {@link WixUnavailableError} when there is no answer.
 */
function tokenInfoClient(options: TokenInfoOptions): (token: string) => Promise<Record<string, unknown>> {
  const { timeout = 2, maxCalls = 64, apiUrl = 'https://www.wixapis.com', now } = options
  const url = new URL('oauth2/token-info', apiUrl.replace(/\/?$/, '/')).href
  // Nobody can set this one back, which would make a pause longer.
  const clock = now ?? (() => performance.now())

  let calls = 0
  let failures = 0
  let pause = 0
  let reason = ''
  /** No calls before. */
  let notBefore = 0
  /** Only calls of this round may change these: those from before a pause know nothing of what came after. */
  let round = 0

  /** What Wix says of the token: of one that it refuses, nothing. */
  const call = async (token: string, signal: AbortSignal): Promise<Record<string, unknown> | Failure> => {
    for (let retries = 1; ; retries--) {
      let response: Awaited<ReturnType<Fetch>>
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
        if (retries === 0 || signal.aborted) return new Failure(`no connection${codeOf(error)}`)
        await pauseBriefly(signal)
        continue
      }
      const { status, headers, body } = response
      if (REFUSED.has(status)) return {}
      if (status === 200) {
        const answer = await readJson(body)
        return typeof answer === 'string' ? new Failure(answer) : answer
      }
      const failure = failureOf(status, headers.get('Retry-After'), (now ?? Date.now)())
      if (retries === 0 || failure.wait > 0 || !WORTH_A_RETRY.has(status)) return failure
      await pauseBriefly(signal)
    }
  }

  const answered = (): void => {
    failures = 0
    pause = 0
    notBefore = 0
  }
  const failed = ({ why, wait }: Failure): void => {
    failures++
    if (failures >= FAILURES_BEFORE_A_PAUSE || wait > 0) pause = Math.min(pause * 2 || FIRST_PAUSE, LONGEST_PAUSE)
    if (pause === 0) return
    notBefore = clock() + Math.max(pause, wait)
    reason = why
    round++
  }

  return async (token) => {
    const wait = notBefore - clock()
    if (wait > 0) throw unavailable(`a pause after ${reason}`, wait)
    if (calls >= maxCalls) throw unavailable('too many calls under way', 0)
    if (pause > 0) {
      // The probe: until it is back, the others are refused.
      notBefore = clock() + timeout * 1000
      round++
    }
    const mine = round
    const controller = new AbortController()
    calls++
    try {
      const answer = await within(
        timeout,
        () => call(token, controller.signal),
        () => new Failure(`no answer within ${timeout} seconds`),
      )
      const isFailure = answer instanceof Failure
      if (mine === round) {
        if (isFailure && answer.isOutage) failed(answer)
        else answered()
      }
      if (isFailure) throw unavailable(answer.why, answer.wait)
      return answer
    } finally {
      calls--
      // Whatever is still open, or was not read.
      controller.abort()
    }
  }
}

/** Wix's documentation shows texts where the types of its SDK have numbers. */
const toSeconds = (value: unknown): number | null => {
  const seconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return isNumber(seconds) ? seconds : null
}

/** The checks that Wix leaves to whoever asks. */
function checkTokenInfo(answer: Record<string, unknown>, appId: string, time: number): WixTokenInfo {
  const active = own(answer, 'active')
  // Its documentation has a text here, too, and the text "false" is true for JavaScript.
  if (active !== true && active !== 'true') throw new WixAuthError('token_inactive')
  const instanceId = own(answer, 'instanceId')
  const exp = toSeconds(own(answer, 'exp'))
  // Whoever has a token of another app must not get in here with it (RFC 9700 section 2.3).
  if (own(answer, 'clientId') !== appId || !isText(instanceId) || exp === null) throw new WixAuthError('claim_invalid')
  if (!(time < exp * 1000)) throw new WixAuthError('token_expired')
  const subjectType = own(answer, 'subjectType')
  // Not documented here; should they come one day, then as what other proofs say.
  for (const name of ['permissions', 'siteOwnerId'])
    if (Object.hasOwn(answer, name)) answer[name] = textOrNull(answer[name])
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
    iat: toSeconds(own(answer, 'iat')),
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
  // With a version, should what is remembered ever be shared.
  return memo(check, { purpose: `2 ${purpose} ${appId}`, maxAge, max, now })
}
