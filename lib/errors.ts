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

const REFUSALS: Record<WixAuthErrorCode, readonly [status: number, message: string]> = {
  request_invalid: [400, 'The Wix credential must be sent once, in one place, as a string'],
  body_too_large: [413, 'This body is larger than any that Wix sends'],
  credentials_missing: [401, 'No Wix credential in the request: open the page from Wix'],
  token_malformed: [401, 'This is not a complete Wix credential: send it exactly as Wix issued it'],
  signature_invalid: [401, INVALID],
  token_expired: [401, 'This Wix credential has expired: reload the page to get a new one'],
  token_inactive: [401, INVALID],
  claim_invalid: [401, INVALID],
  insufficient_scope: [403, 'This Wix identity may not do this'],
}

/** What a refusal may carry beside its code. */
export interface WixAuthErrorDetails {
  /** Only for the developer: why this credential was refused. It must hold no credential and no secret. */
  hint?: string | undefined
  /** Headers of the response. Default: none. */
  headers?: Readonly<Record<string, string>>
}

/**
 * A refusal of the credentials in a request, or of the rights that come with them.
 *
 * `message` may be shown to anybody. `code` tells a developer which check refused. `status` is the HTTP status that
 * belongs to it: 400 for a malformed request, 413 for one that is too large, 401 for credentials, 403 for rights (RFC 6750 section 3.1).
 */
export class WixAuthError extends Error {
  readonly code: WixAuthErrorCode
  readonly status: number
  /** For the response; `WWW-Authenticate`, where there is a challenge. */
  readonly headers: Readonly<Record<string, string>>
  // Private, so that whoever logs or sends the error does not pass it on by accident.
  readonly #hint: string | undefined

  /** @param message Replaces the message that belongs to the code. */
  constructor(code: WixAuthErrorCode, message?: string, { hint, headers = {} }: WixAuthErrorDetails = {}) {
    const [status, ofCode] = REFUSALS[code]
    super(message ?? ofCode)
    this.name = 'WixAuthError'
    this.code = code
    this.status = status
    this.headers = headers
    this.#hint = hint
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
    return this.#hint
  }
}

/** A refusal with its hint. */
export const refusal = (code: WixAuthErrorCode, hint: string | undefined): WixAuthError =>
  new WixAuthError(code, undefined, { hint })

/**
 * The challenge of a 401 for credentials in `Authorization` (RFC 6750 section 3), which Passport sends as `WWW-Authenticate`.
 * It is constant and, for a request without credentials, names no error.
 */
export function bearerChallenge(error: WixAuthError): string {
  return error.code === 'credentials_missing'
    ? 'Bearer realm="Wix"'
    : `Bearer realm="Wix", error="invalid_token", error_description="${REFUSALS[error.code][1]}"`
}

/**
 * Another service did not answer: Wix, a key set, or a store of the app. It says nothing about the credentials, so it is no reason to
 * log anybody out.
 *
 * Express answers with `status` and `headers` by itself.
 */
export class WixUnavailableError extends Error {
  readonly status = 503
  /** `Retry-After` in seconds, when it is known. */
  readonly headers: Readonly<Record<string, string>>

  /** @param options `retryAfter` in seconds; `cause`, which must hold no credential. */
  constructor(message: string, { retryAfter, ...options }: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, options)
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
