import type { JWTPayload, jwtVerify, JWTVerifyGetKey, JWTVerifyOptions, JWTVerifyResult } from 'jose'
import { datedInFuture, markSigned, NOT_OF_WIX, refusal, WixAuthError, WixUnavailableError } from '../errors.ts'
import { ageHint, duration, encodingHint, formHint, looksLike, sampleHint } from './hints.ts'
import { isWebhook, type JwtContext, refusedByJose } from './jwt-refusals.ts'
import type { KeyObject } from './keys.ts'
import { type Checked, CLOCK_TOLERANCE, type ClockOptions } from './options.ts'
import { isNumber, own, plain } from './values.ts'

/** Finds the key of a token by its header. */
export type FindKey = JWTVerifyGetKey

// Of base64url, for every JWT. Real headers have about fifty. jose parses them before it looks at the signature.
const MAX_JOSE_HEADER_LENGTH = 2048

// One spelling for each token: jose takes padding, whitespace and unused bits (RFC 7515 section 2).
const isBase64url = (part: string): boolean => Buffer.from(part, 'base64url').toString('base64url') === part

// A byte order mark, which jose drops: canonical JSON has none (RFC 8259 section 8.1).
const hasByteOrderMark = (part: string): boolean => part.startsWith('77u_')

/** What a verified JWT says; `iat` and `exp` are known to be numbers. */
export interface VerifiedClaims {
  claims: JWTPayload
  iat: number | null
  exp: number
}

/** What one kind of JWT must say, and what it says. */
export interface JwtRules<Identity> extends Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'typ' | 'requiredClaims'> {
  algorithms: string[]
  /** Seconds from `iat`. Default: no limit. */
  maxAge?: number | false
  /** Reads the claims. A {@link WixAuthError}, where they are not of this kind. */
  toIdentity: (claims: VerifiedClaims) => Identity
}

/** Whom signed claims name, for the event of a refusal alone, so that it may have expired long ago; an empty object where they name nobody. */
function named({ toIdentity }: JwtRules<object>, claims: unknown): object {
  const iat = own(claims, 'iat')
  const exp = own(claims, 'exp')
  try {
    return toIdentity({ claims: claims as JWTPayload, iat: isNumber(iat) ? iat : null, exp: isNumber(exp) ? exp : 0 })
  } catch {
    return {}
  }
}

function reasonOf(error: unknown, context: JwtContext, rules: JwtRules<object>): Error {
  // Thrown by the function that finds the key.
  if (error instanceof WixAuthError || error instanceof WixUnavailableError) return error
  const reason = refusedByJose(error, context)
  // Without `cause`: an error of jose may carry the payload.
  if (reason === undefined) return new Error(`A JWT could not be checked: jose failed with a ${(error as Error).name}`)
  const claims = own(error, 'payload')
  // jose looks at the claims after the signature only.
  return claims === undefined ? reason : markSigned(reason, named(rules, claims))
}

/** Loaded with the first JWT: who has instances alone starts in two thirds of the time. */
let joseVerify: typeof jwtVerify | undefined

async function verifyWithAny(
  token: string,
  keys: readonly FindKey[],
  options: JWTVerifyOptions,
  toReason: (error: unknown) => Error,
): Promise<JWTVerifyResult> {
  /* c8 ignore next -- the loader of the tests adds a branch */
  joseVerify ??= (await import('jose/jwt/verify')).jwtVerify
  let reason: Error | undefined
  for (const key of keys) {
    try {
      return await joseVerify(token, key, options)
    } catch (error) {
      reason = toReason(error)
      if (own(reason, 'code') !== 'signature_invalid') break
    }
  }
  throw reason ?? new WixAuthError('signature_invalid')
}

/**
 * Whether it has the form of a JWT; to be asked before a key is looked for.
 *
 * @throws {WixAuthError} `token_malformed`.
 */
export function checkForm(token: string): void {
  // A megabyte without dots is not searched for one.
  const first = token.slice(0, MAX_JOSE_HEADER_LENGTH + 1).indexOf('.')
  if (first === -1 && token.length > MAX_JOSE_HEADER_LENGTH)
    throw refusal(
      'token_malformed',
      () => looksLike(token.slice(0, 100)) ?? `a header of more than ${MAX_JOSE_HEADER_LENGTH} characters`,
    )
  const second = token.indexOf('.', first + 1)
  if (second === -1 || token.includes('.', second + 1)) throw refusal('token_malformed', formHint(token, 'a JWT has 3'))
}

/** What jose leaves to its callers, after the signature: the header, the numbers, and the age. */
function checkedClaims(
  payload: JWTPayload,
  header: object,
  {
    typ,
    maxAge,
    time,
    tolerance,
  }: { typ: string | undefined; maxAge: number | false; time: number; tolerance: number },
): VerifiedClaims {
  // jose also reads an inherited one.
  if (typ !== undefined && !Object.hasOwn(header, 'typ')) throw refusal('claim_invalid', 'the header has no `typ`')
  // They would change what is signed, or how it is read (RFC 7515 section 4.1.11, RFC 7797).
  if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(header, name)))
    throw refusal('token_malformed', 'the header has `crit`, `b64` or `zip`', NOT_OF_WIX)
  const exp = own(payload, 'exp')
  const iat = own(payload, 'iat') ?? null
  // JSON has 1e999, and jose only demands a number.
  if (!isNumber(exp) || (iat !== null && !isNumber(iat)))
    throw refusal('claim_invalid', '`exp` or `iat` is not a finite number')
  // NaN, where there is no `iat`, is within no limit.
  const age = iat === null ? NaN : Math.floor(time / 1000) - iat
  if (age < -tolerance) throw datedInFuture(`\`iat\` is ${duration(age)}`)
  if (maxAge !== false && !(age <= maxAge + tolerance))
    throw refusal('token_expired', () => ageHint(age, maxAge, 'no `iat`') + sampleHint(age, isWebhook(payload)))
  return { claims: payload, iat, exp }
}

/**
 * Verifies a JWT (RFC 7519 section 7.2, RFC 8725).
 *
 * @param keys Each is tried; or a function that finds one by the header, and may throw a `WixAuthError`.
 * @throws {WixAuthError} `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 */
export async function verifyJwt<Identity extends object>(
  token: string,
  keys: readonly KeyObject[] | FindKey,
  { clockTolerance: tolerance = CLOCK_TOLERANCE, now = Date.now }: Checked<ClockOptions>,
  rules: JwtRules<Identity>,
): Promise<Identity> {
  checkForm(token)
  const parts = token.split('.')
  const wrong = parts.find((part) => !isBase64url(part))
  if (wrong !== undefined)
    throw refusal(
      'token_malformed',
      () =>
        // Each JWT begins like this.
        (token.startsWith('eyJ') ? undefined : looksLike(token.slice(0, 10_000))) ??
        `a part is not canonical base64url: ${encodingHint(wrong)}`,
    )
  if (parts.slice(0, 2).some(hasByteOrderMark)) throw refusal('token_malformed', 'a byte order mark before the JSON')

  const checked = plain(rules)
  const { algorithms, typ, maxAge = false, requiredClaims = [], toIdentity } = checked
  const time = now()
  // jose takes those that it knows. A rest and a spread of them would cost a twentieth of the signature.
  const joseOptions: JWTVerifyOptions = Object.assign(checked, {
    requiredClaims: ['exp', ...requiredClaims],
    clockTolerance: tolerance,
    currentDate: new Date(time),
  })
  const [candidates, count] =
    typeof keys === 'function'
      ? [[keys]]
      : [
          keys.map(
            (key): FindKey =>
              () =>
                key,
          ),
          keys.length,
        ]
  const context = { token, algorithms, keys: count, time }
  const { payload, protectedHeader } = await verifyWithAny(token, candidates, joseOptions, (error) =>
    reasonOf(error, context, rules),
  )
  try {
    return toIdentity(checkedClaims(payload, protectedHeader, { typ, maxAge, time, tolerance }))
  } catch (reason) {
    throw markSigned(reason, named(rules, payload))
  }
}
