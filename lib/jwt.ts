import { jwtVerify, type JWTVerifyOptions } from 'jose'
import { WixAuthError, type WixAuthErrorCode } from './errors.ts'
import { callback, type Check, clockTolerance, isNumber } from './options.ts'
import type { PublicKeys, WixPublicKey } from './public-key.ts'
import { own } from './read.ts'

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
  const code = REFUSALS.get(own(error, 'code'))
  if (code !== undefined) return new WixAuthError(code)
  // Without `cause`: an error of jose may carry the payload.
  return new Error(`A JWT could not be checked: jose failed with a ${(error as Error).name}`)
}

async function verifyWithAny(token: string, keys: PublicKeys, options: JWTVerifyOptions) {
  let reason: Error = new WixAuthError('signature_invalid')
  for (const key of keys) {
    try {
      return await jwtVerify(token, key, options)
    } catch (error) {
      reason = reasonOf(error)
      if (own(reason, 'code') !== 'signature_invalid') break
    }
  }
  throw reason
}

/** The claims that all three kinds share. */
interface Claims {
  data: unknown
  iat: number | null
  exp: number
}

/** What a kind demands beside. `maxAge` counts seconds from `iat`; default: no limit. */
interface Demands {
  maxAge?: number | false
  issuer?: string
  audience?: string
}

/**
 * Verifies a JWT that Wix signed with the key pair of the app (RFC 7519 section 7.2, RFC 8725).
 *
 * @param options Checked before.
 * @throws {WixAuthError} `request_invalid`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 */
export async function verifyJwt(
  token: string,
  keys: PublicKeys,
  options: Omit<SignedOptions, 'publicKey'>,
  { maxAge = false, ...expected }: Demands = {},
): Promise<Claims> {
  if (typeof token !== 'string') throw new WixAuthError('request_invalid')
  if (token.length > MAX_LENGTH) throw new WixAuthError('body_too_large')
  const parts = token.split('.', 4)
  if (parts.length !== 3 || token.indexOf('.') > MAX_HEADER_LENGTH || !parts.every(isBase64url)) {
    throw new WixAuthError('token_malformed')
  }

  const { clockTolerance: tolerance = 30, now = Date.now } = options
  const time = now()
  const { payload, protectedHeader } = await verifyWithAny(token, keys, {
    ...expected,
    algorithms: ['RS256'],
    requiredClaims: ['exp'],
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
  return { data: own(payload, 'data'), iat, exp }
}
