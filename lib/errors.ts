import { hiddenField } from './internal/hidden-field.ts'

/** Why a request was refused. Stable: programs may depend on these codes. */
export type WixAuthErrorCode =
  | 'request_invalid'
  | 'body_too_large'
  | 'credentials_missing'
  | 'token_malformed'
  | 'signature_invalid'
  | 'token_expired'
  | 'token_inactive'
  | 'claim_invalid'
  | 'insufficient_scope'

// One outward message for each class of refusal: it says what to do next, not which check failed, and holds no input. Plain ASCII
// without quotes, since it is also in a header.
const INVALID =
  'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)'

/** What to do about a refusal, for the developer, where the place that refuses knows nothing better. */
const AS_IT_CAME =
  'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped. Another kind of credential belongs to the strategy of its kind.'
export const NOT_OF_WIX = 'Keep refusing it: it is complete and signed, but it is not what Wix sends to an app.'
/** The same, where several places that refuse know it. */
export const ROUTE_OF_ITS_KIND = 'Send it to the route of its kind, or use the strategy of this kind here.'
export const COMPARE_IDS = 'Compare the app ID, the issuer and the audience of your app with those of the credential.'
export const COMPARE_KEY_SET = 'Compare the key set with the keys of the issuer.'

const REFUSALS: Record<WixAuthErrorCode, readonly [status: number, message: string, cure: string]> = {
  request_invalid: [
    400,
    'The Wix credential must be sent once, in one place, as a string',
    'Send one credential, once, in one place.',
  ],
  body_too_large: [
    413,
    'This body is larger than any that Wix sends',
    'Wix sends no body of this size: look at who does.',
  ],
  credentials_missing: [
    401,
    'No Wix credential in the request: open the page from Wix',
    'Send the whole credential, where the strategy reads it.',
  ],
  token_malformed: [401, 'This is not a complete Wix credential: send it exactly as Wix issued it', AS_IT_CAME],
  signature_invalid: [401, INVALID, 'Compare the secret and the keys with those of the app in its dashboard.'],
  token_expired: [
    401,
    'This Wix credential has expired: reload the page to get a new one',
    'Get a new one, for example by reloading the page. If that is refused, too, set the clock.',
  ],
  token_inactive: [401, INVALID, 'Get a new one: reload the page. Is the app still installed?'],
  claim_invalid: [401, INVALID, NOT_OF_WIX],
  insufficient_scope: [403, 'This Wix identity may not do this', 'Change the rule of the route, or who asks.'],
}

/** What was given, and nothing of a polluted Object.prototype; as `plain`, which needs errors. */
const ownOf = <Details extends object>(details: Details): Details => ({ __proto__: null, ...details })

/** The facts behind a refusal; a function is called when somebody reads them. */
export type Hint = string | (() => string | undefined) | undefined

/** What a refusal may carry beside its code. */
export interface WixAuthErrorDetails {
  /** Only for the developer: why this credential was refused. It must hold no credential and no secret. */
  hint?: Hint
  /** Only for the developer: what to do about it. */
  cure?: string | undefined
  /** Headers of the response. Default: none. */
  headers?: Readonly<Record<string, string>>
  /** What the verify callback said, where it found no user. */
  cause?: unknown
}

/**
 * A refusal of the credentials in a request, or of the rights that come with them.
 *
 * `message` may be shown to anybody. `code` tells a developer which check refused. `status` is the HTTP status that
 * belongs to it: 400 for a malformed request, 413 for one that is too large, 401 for credentials, 403 for rights (RFC 6750 section 3.1).
 *
 * @example
 * if (error instanceof WixAuthError) console.warn(error.code, error.hint)
 */
export class WixAuthError extends Error {
  readonly code: WixAuthErrorCode
  readonly status: number
  /** For the response; `WWW-Authenticate`, where there is a challenge. */
  readonly headers: Readonly<Record<string, string>>
  // Private, so that whoever logs or sends the error does not pass them on by accident.
  #hint: Hint
  readonly #cure: string

  /** @param message Replaces the message that belongs to the code. */
  constructor(code: WixAuthErrorCode, message?: string, details: WixAuthErrorDetails = {}) {
    const given = ownOf(details)
    const { hint, cure, headers = {} } = given
    const [status, usualMessage, usualCure] = REFUSALS[code]
    super(message ?? usualMessage, given)
    this.name = 'WixAuthError'
    this.code = code
    this.status = status
    this.headers = headers
    this.#hint = hint
    this.#cure = cure ?? usualCure
  }

  /** The same as `status`, under the name that Nest and Fastify read. */
  get statusCode(): number {
    return this.status
  }

  /** Whether `message` may be sent to the caller, as Koa asks. */
  get expose(): boolean {
    return true
  }

  /** For the developer, never for the caller: the facts behind the code, such as `signed 26 h ago; maxAge is 24 h`. */
  get hint(): string | undefined {
    if (typeof this.#hint === 'function') {
      try {
        this.#hint = this.#hint()
      } catch {
        // What was to be looked at is not even JSON, or a property of the request throws.
        this.#hint = undefined
      }
    }
    return this.#hint
  }

  /** For the developer, never for the caller: what to do about it. */
  get cure(): string {
    return this.#cure
  }
}

export const refusal = (code: WixAuthErrorCode, hint: Hint, cure?: string): WixAuthError =>
  new WixAuthError(code, undefined, { hint, cure })

/**
 * A refusal of a credential whose signature is right and whose date has not come yet: a clock is wrong.
 *
 * @param when For example `signed 23 h 59 min`.
 */
export const datedInFuture = (when: string): WixAuthError =>
  new WixAuthError(
    'claim_invalid',
    'This Wix credential is dated in the future: the clock of this server, or of its signer, is wrong',
    {
      hint: `${when} in the future: is the clock of this machine right?`,
      cure: 'Set the clock of this machine, or of the signer.',
    },
  )

const signedIdentities = hiddenField<object>()

/**
 * Marks the refusal of a credential whose signature is right, so that its event says whom it names. Any other reason stays as it is.
 *
 * @param identity An empty object, where it names nobody: `inspect` then still says that the signature is right.
 */
export function markSigned<Reason>(reason: Reason, identity: object): Reason {
  if (reason instanceof WixAuthError) signedIdentities.set(reason, identity)
  return reason
}

/** The identity in a refused but rightly signed credential; undefined where the signature is wrong, or was not looked at. */
export const signedAs = (error: WixAuthError): object | undefined => signedIdentities.get(error)

/**
 * The telling one of two refusals: the first that is not `credentials_missing`, since in a chain each strategy misses the
 * credentials of the others.
 */
export const moreTelling = (first: WixAuthError | undefined, next: WixAuthError): WixAuthError =>
  first === undefined || (first.code === 'credentials_missing' && next.code !== 'credentials_missing') ? next : first

/** What the strategies of this package made of a request: a refusal, or undefined when one accepted it. */
const outcomes = hiddenField<WixAuthError | undefined>()

/** Keeps what a strategy refused, until one accepts the request: undefined. */
export function recordOutcome(req: unknown, refusal: WixAuthError | undefined): void {
  if (typeof req !== 'object' || req === null) return
  outcomes.set(req, refusal && moreTelling(outcomes.get(req), refusal))
}

/**
 * Why this package's strategies refused this request: for error handlers, custom callbacks and logs. In a chain the first refusal
 * that is not `credentials_missing`, else the first.
 *
 * @param req The request as the strategy got it.
 * @returns Undefined where none ran, or one has accepted the request.
 * @example
 * const refusal = refusalOf(req)
 * if (refusal) console.warn(refusal.code, refusal.hint)
 */
export const refusalOf = (req: object): WixAuthError | undefined => outcomes.get(req)

export const wasAccepted = (req: object): boolean => outcomes.has(req) && outcomes.get(req) === undefined

/**
 * The challenge of a 401 for credentials in `Authorization` (RFC 6750 section 3), which Passport sends as `WWW-Authenticate`.
 * It is constant and, for a request without credentials, names no error.
 */
export function bearerChallenge({ code }: Pick<WixAuthError, 'code'>): string {
  return code === 'credentials_missing'
    ? 'Bearer realm="Wix"'
    : `Bearer realm="Wix", error="invalid_token", error_description="${REFUSALS[code][1]}"`
}

/**
 * Another service did not answer: Wix, a key set, or the app's store. It says nothing about the credentials, so it is no reason to
 * log anybody out.
 *
 * Express answers with `status` and `headers` by itself.
 *
 * @example
 * if (error instanceof WixUnavailableError) res.status(error.status).set(error.headers).end()
 */
export class WixUnavailableError extends Error {
  readonly status = 503
  /** `Retry-After` in seconds, when it is known. */
  readonly headers: Readonly<Record<string, string>>

  /** @param options `retryAfter` in seconds; `cause`, which must hold no credential. */
  constructor(message: string, details: { retryAfter?: number; cause?: unknown } = {}) {
    const given = ownOf(details)
    const { retryAfter } = given
    super(message, given)
    this.name = 'WixUnavailableError'
    this.headers = Number.isFinite(retryAfter)
      ? { 'Retry-After': String(Math.max(1, Math.ceil(Number(retryAfter)))) }
      : {}
  }

  /** The same as `status`, under the name that Nest and Fastify read. */
  get statusCode(): number {
    return this.status
  }

  /** Whether `message` may be sent to the caller, as Koa asks: it is for the log. */
  get expose(): boolean {
    return false
  }
}

/** What a client is told of an error of this package; undefined for any other error. */
export function answerTo(
  error: unknown,
): { status: number; headers: Readonly<Record<string, string>>; body: { code: string; message: string } } | undefined {
  if (error instanceof WixAuthError) {
    const { status, headers, code, message } = error
    return { status, headers, body: { code, message } }
  }
  if (!(error instanceof WixUnavailableError)) return undefined
  // Its message is for the log of the app.
  return { status: 503, headers: error.headers, body: { code: 'unavailable', message: 'Service Unavailable' } }
}
