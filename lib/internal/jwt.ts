import { type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult } from 'jose'
import { WixAuthError, type WixAuthErrorCode, WixUnavailableError } from '../errors.ts'
import { callback, type Check, clockTolerance, isNumber } from './options.ts'
import type { PublicKeys, WixPublicKey } from './wix-public-key.ts'
import { own } from '../read.ts'

/** What the checks of the three kinds of signed requests share. All times are seconds. */
export interface SignedOptions {
  /**
   * The public key of the app. Text is read at every call of a check: where there are many, give a KeyObject.
   *
   * Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys.
   */
  publicKey: WixPublicKey
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

export const signedChecks: { [Name in keyof SignedOptions]-?: Check } = {
  publicKey: () => undefined,
  clockTolerance,
  now: callback,
}

// What Wix sends has some thousand characters, and a header of about fifty.
const MAX_LENGTH = 1024 * 1024
const MAX_HEADER_LENGTH = 2048

// One text for one token: jose takes padding, white space and bits that mean nothing (RFC 7515 section 2).
const isBase64url = (part: string): boolean => Buffer.from(part, 'base64url').toString('base64url') === part

// What jose may add to this list one day is an error until somebody has looked at it.
const REFUSALS: ReadonlyMap<unknown, WixAuthErrorCode> = new Map([
  ['ERR_JWS_INVALID', 'token_malformed'],
  ['ERR_JWT_INVALID', 'token_malformed'],
  ['ERR_JOSE_NOT_SUPPORTED', 'token_malformed'],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'signature_invalid'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'signature_invalid'],
  ['ERR_JWT_EXPIRED', 'token_expired'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED', 'claim_invalid'],
])

const reasonOf = (error: unknown): Error => {
  // Of the function that finds the key.
  if (error instanceof WixAuthError || error instanceof WixUnavailableError) return error
  const code = REFUSALS.get(own(error, 'code'))
  if (code !== undefined) return new WixAuthError(code)
  // Without `cause`: an error of jose may carry the payload.
  return new Error(`A JWT could not be checked: jose failed with a ${(error as Error).name}`)
}

async function verifyWithAny(
  token: string,
  keys: PublicKeys | readonly JWTVerifyGetKey[],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  let reason: Error | undefined
  for (const key of keys) {
    try {
      return typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options)
    } catch (error) {
      reason = reasonOf(error)
      if (own(reason, 'code') !== 'signature_invalid') break
    }
  }
  throw reason ?? new WixAuthError('signature_invalid')
}

/** What a kind of JWT demands. `maxAge` counts seconds from `iat`; default: no limit. */
interface Demands extends Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'typ' | 'requiredClaims'> {
  algorithms: string[]
  maxAge?: number | false
}

/** All that is verified, with `iat` and `exp` known to be numbers. */
interface Verified {
  claims: JWTPayload
  iat: number | null
  exp: number
}

/**
 * Verifies a JWT (RFC 7519 section 7.2, RFC 8725).
 *
 * @param keys Each is tried; or a function that finds the one by the header, and may throw a `WixAuthError`.
 * @param options Checked before.
 * @throws {WixAuthError} `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 */
export async function verifyClaims(
  token: string,
  keys: PublicKeys | JWTVerifyGetKey,
  options: Omit<SignedOptions, 'publicKey'>,
  { maxAge = false, requiredClaims = [], ...expected }: Demands,
): Promise<Verified> {
  if (typeof token !== 'string') throw new WixAuthError('request_invalid')
  const parts = token.split('.', 4)
  if (parts.length !== 3 || token.indexOf('.') > MAX_HEADER_LENGTH || !parts.every(isBase64url)) {
    throw new WixAuthError('token_malformed')
  }

  const { clockTolerance: tolerance = 30, now = Date.now } = options
  const time = now()
  const { payload, protectedHeader } = await verifyWithAny(token, typeof keys === 'function' ? [keys] : keys, {
    ...expected,
    requiredClaims: ['exp', ...requiredClaims],
    clockTolerance: tolerance,
    currentDate: new Date(time),
  })
  // They would change what is signed or how it is read (RFC 7515 section 4.1.11, RFC 7797).
  if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(protectedHeader, name))) {
    throw new WixAuthError('token_malformed')
  }
  const exp = own(payload, 'exp')
  const iat = own(payload, 'iat') ?? null
  // JSON can say 1e999, and jose wants a number, no more.
  if (!isNumber(exp) || (iat !== null && !isNumber(iat))) throw new WixAuthError('claim_invalid')
  // NaN, where there is no iat, is within no limit.
  const age = iat === null ? NaN : Math.floor(time / 1000) - iat
  if (age < -tolerance) throw new WixAuthError('claim_invalid')
  if (maxAge !== false && !(age <= maxAge + tolerance)) throw new WixAuthError('token_expired')
  return { claims: payload, iat, exp }
}

/**
 * Verifies a JWT that Wix signed with the key pair of the app.
 *
 * @param options Checked before.
 * @throws {WixAuthError} `request_invalid`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 */
export async function verifyJwt(
  token: string,
  keys: PublicKeys,
  options: Omit<SignedOptions, 'publicKey'>,
  demands: Omit<Demands, 'algorithms'> = {},
): Promise<{ data: unknown; iat: number | null; exp: number }> {
  if (typeof token === 'string' && token.length > MAX_LENGTH) throw new WixAuthError('body_too_large')
  const { claims, iat, exp } = await verifyClaims(token, keys, options, { ...demands, algorithms: ['RS256'] })
  return { data: own(claims, 'data'), iat, exp }
}
