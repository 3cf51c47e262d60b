import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions, JWTVerifyResult } from 'jose'
import { jwtVerify } from 'jose/jwt/verify'
import { refusal, WixAuthError, type WixAuthErrorCode, WixUnavailableError } from '../errors.ts'
import { ageHint, datedInFuture, duration, encodingHint, formHint } from './hints.ts'
import { joseHint, type JwtContext } from './jwt-hints.ts'
import { CLOCK_TOLERANCE, type ClockOptions } from './options.ts'
import { isNumber, own, plain } from './values.ts'
import type { KeyObject } from './safe-key.ts'

/** Finds the key of a token by its header. Another function as soon as the keys have changed. */
export type FindKey = JWTVerifyGetKey

// Of base64url, for every JWT. Real headers have about fifty. jose parses them before it looks at the signature.
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

const reasonOf = (error: unknown, context: JwtContext): Error => {
  // Thrown by the function that finds the key.
  if (error instanceof WixAuthError || error instanceof WixUnavailableError) return error
  const joseCode = own(error, 'code')
  const code = REFUSED_BY_JOSE.get(joseCode)
  const notBefore = own(error, 'claim') === 'nbf' ? own(own(error, 'payload'), 'nbf') : undefined
  if (isNumber(notBefore)) return datedInFuture(`\`nbf\` is ${duration(notBefore - context.time / 1000)}`)
  if (code !== undefined) return refusal(code, joseHint(joseCode, error, context))
  // Without `cause`: an error of jose may carry the payload.
  return new Error(`A JWT could not be checked: jose failed with a ${(error as Error).name}`)
}

async function verifyWithAny(
  token: string,
  keys: readonly KeyObject[] | readonly FindKey[],
  options: JWTVerifyOptions,
  context: JwtContext,
): Promise<JWTVerifyResult> {
  let reason: Error | undefined
  for (const key of keys) {
    try {
      return typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options)
    } catch (error) {
      reason = reasonOf(error, context)
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
  if (parts.length !== 3) throw refusal('token_malformed', formHint(token, 'a JWT has 3'))
  if (token.indexOf('.') > MAX_HEADER_LENGTH)
    throw refusal('token_malformed', `a header of more than ${MAX_HEADER_LENGTH} characters`)
  const wrong = parts.find((part) => !isBase64url(part))
  if (wrong !== undefined) throw refusal('token_malformed', `a part is not canonical base64url: ${encodingHint(wrong)}`)
  if (parts.slice(0, 2).some(hasByteOrderMark)) throw refusal('token_malformed', 'a byte order mark before the JSON')

  const { clockTolerance: tolerance = CLOCK_TOLERANCE, now = Date.now } = options
  const time = now()
  const joseOptions: JWTVerifyOptions = plain({
    ...expected,
    requiredClaims: ['exp', ...requiredClaims],
    clockTolerance: tolerance,
    currentDate: new Date(time),
  })
  const candidates = typeof keys === 'function' ? [keys] : keys
  const context = {
    token,
    algorithms: expected.algorithms,
    keys: typeof keys === 'function' ? undefined : keys.length,
    time,
  }
  const { payload, protectedHeader } = await verifyWithAny(token, candidates, joseOptions, context)
  // jose also reads an inherited one.
  if (expected.typ !== undefined && !Object.hasOwn(protectedHeader, 'typ'))
    throw refusal('claim_invalid', 'the header has no `typ`')
  // They would change what is signed, or how it is read (RFC 7515 section 4.1.11, RFC 7797).
  if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(protectedHeader, name))) {
    throw refusal('token_malformed', 'the header has `crit`, `b64` or `zip`')
  }
  const exp = own(payload, 'exp')
  const iat = own(payload, 'iat') ?? null
  // JSON has 1e999, and jose only demands a number.
  if (!isNumber(exp) || (iat !== null && !isNumber(iat)))
    throw refusal('claim_invalid', '`exp` or `iat` is not a finite number')
  // NaN, where there is no `iat`, is within no limit.
  const age = iat === null ? NaN : Math.floor(time / 1000) - iat
  if (age < -tolerance) throw datedInFuture(`\`iat\` is ${duration(-age)}`)
  if (maxAge !== false && !(age <= maxAge + tolerance)) throw refusal('token_expired', ageHint(age, maxAge, 'no `iat`'))
  return { claims: payload, iat, exp }
}
