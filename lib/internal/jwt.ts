import { type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult } from 'jose'
import { WixAuthError, type WixAuthErrorCode, WixUnavailableError } from '../errors.ts'
import type { ClockOptions } from './options.ts'
import { isNumber, own, plain } from './values.ts'
import type { KeyObject } from './safe-key.ts'

/** Finds the key of a token by its header. Another function as soon as the keys have changed. */
export type FindKey = JWTVerifyGetKey

// Real headers have about fifty characters. jose parses them before it looks at the signature.
const MAX_HEADER_LENGTH = 2048

// One spelling for each token: jose takes padding, whitespace and unused bits (RFC 7515 section 2).
const isBase64url = (part: string): boolean => Buffer.from(part, 'base64url').toString('base64url') === part

// A byte order mark, which jose drops: canonical JSON has none (RFC 8259 section 8.1).
const hasByteOrderMark = (part: string): boolean => part.startsWith('77u_')

// A code that jose adds one day is an error until it is listed here.
const REFUSED_BY_JOSE: ReadonlyMap<unknown, WixAuthErrorCode> = new Map([
  ['ERR_JWS_INVALID', 'token_malformed'],
  ['ERR_JWT_INVALID', 'token_malformed'],
  ['ERR_JOSE_NOT_SUPPORTED', 'token_malformed'],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'signature_invalid'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'signature_invalid'],
  ['ERR_JWT_EXPIRED', 'token_expired'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED', 'claim_invalid'],
])

const reasonOf = (error: unknown): Error => {
  // Thrown by the function that finds the key.
  if (error instanceof WixAuthError || error instanceof WixUnavailableError) return error
  const code = REFUSED_BY_JOSE.get(own(error, 'code'))
  if (code !== undefined) return new WixAuthError(code)
  // Without `cause`: an error of jose may carry the payload.
  return new Error(`A JWT could not be checked: jose failed with a ${(error as Error).name}`)
}

async function verifyWithAny(
  token: string,
  keys: readonly KeyObject[] | readonly FindKey[],
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

/** What one kind of JWT must say. `maxAge` counts seconds from `iat`; default: no limit. */
export interface JwtRules extends Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'typ' | 'requiredClaims'> {
  algorithms: string[]
  maxAge?: number | false
}

/** Verified claims, of which `iat` and `exp` are known to be numbers. */
interface Verified {
  claims: JWTPayload
  iat: number | null
  exp: number
}

/**
 * Verifies a JWT (RFC 7519 section 7.2, RFC 8725).
 *
 * @param keys Each is tried; or a function that finds one by the header, and may throw a `WixAuthError`.
 * @throws {WixAuthError} `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 */
export async function verifyClaims(
  token: string,
  keys: readonly KeyObject[] | FindKey,
  options: ClockOptions,
  { maxAge = false, requiredClaims = [], ...expected }: JwtRules,
): Promise<Verified> {
  const parts = token.split('.', 4)
  if (parts.length !== 3 || token.indexOf('.') > MAX_HEADER_LENGTH || !parts.every(isBase64url)) {
    throw new WixAuthError('token_malformed')
  }
  if (parts.slice(0, 2).some(hasByteOrderMark)) throw new WixAuthError('token_malformed')

  const { clockTolerance: tolerance = 30, now = Date.now } = options
  const time = now()
  const joseOptions: JWTVerifyOptions = plain({
    ...expected,
    requiredClaims: ['exp', ...requiredClaims],
    clockTolerance: tolerance,
    currentDate: new Date(time),
  })
  const candidates = typeof keys === 'function' ? [keys] : keys
  const { payload, protectedHeader } = await verifyWithAny(token, candidates, joseOptions)
  // jose also reads an inherited one.
  if (expected.typ !== undefined && !Object.hasOwn(protectedHeader, 'typ')) throw new WixAuthError('claim_invalid')
  // They would change what is signed, or how it is read (RFC 7515 section 4.1.11, RFC 7797).
  if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(protectedHeader, name))) {
    throw new WixAuthError('token_malformed')
  }
  const exp = own(payload, 'exp')
  const iat = own(payload, 'iat') ?? null
  // JSON has 1e999, and jose only demands a number.
  if (!isNumber(exp) || (iat !== null && !isNumber(iat))) throw new WixAuthError('claim_invalid')
  // NaN, where there is no `iat`, is within no limit.
  const age = iat === null ? NaN : Math.floor(time / 1000) - iat
  if (age < -tolerance) throw new WixAuthError('claim_invalid')
  if (maxAge !== false && !(age <= maxAge + tolerance)) throw new WixAuthError('token_expired')
  return { claims: payload, iat, exp }
}
