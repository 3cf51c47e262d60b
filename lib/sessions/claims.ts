import { refusal } from '../errors.ts'
import { type Facts, factsOf, isSubjectType, subOf, type WixIdentity } from '../identity.ts'
import { isNonEmptyString, own } from '../internal/values.ts'

/** A verified session token: the identity of the credential that it was issued for. */
export interface WixSession extends Omit<WixIdentity, keyof Facts>, Facts {
  iat: number
  exp: number
  /** Unique for each token: 128 random bits. */
  jti: string
  /** What the app added in `issue`. */
  claims: Record<string, unknown>
}

/** The claims of a session token: registered ones (RFC 7519 section 4.1), and the identity. */
interface SessionClaims extends Partial<Record<keyof Facts, string>> {
  iss: string
  aud: string
  sub: string
  iat: number
  exp: number
  jti: string
  instanceId: string
  subjectType: string
}

/** Seconds: no issuer makes a token that lives longer, and none that does is accepted. */
export const MAX_TTL = 3600

/** Names that are not for the app's claims. */
const RESERVED: ReadonlySet<string> = new Set([
  ...Object.keys({
    iss: null,
    aud: null,
    sub: null,
    iat: null,
    exp: null,
    jti: null,
    instanceId: null,
    subjectType: null,
  } satisfies Record<Exclude<keyof SessionClaims, keyof Facts>, null>),
  ...Object.keys(factsOf(undefined)),
  'nbf',
  // They could change an object that the claims are copied to.
  '__proto__',
  'constructor',
  'prototype',
])

/** Writes the claims of a token for an identity. */
export const claimsOf = (
  identity: WixIdentity,
  registered: Pick<SessionClaims, 'iss' | 'aud' | 'iat' | 'exp' | 'jti'>,
): SessionClaims => ({
  ...registered,
  sub: subOf(identity),
  instanceId: identity.instanceId,
  subjectType: identity.subjectType,
  ...Object.fromEntries(Object.entries(factsOf(identity)).filter(([, fact]) => fact !== null)),
})

/**
 * Reads verified claims back.
 *
 * @throws {WixAuthError} `claim_invalid` unless they are those of {@link claimsOf}.
 */
export function sessionOf(claims: object, iat: number | null, exp: number): WixSession {
  const instanceId = own(claims, 'instanceId')
  const subjectType = own(claims, 'subjectType')
  const jti = own(claims, 'jti')
  const facts = factsOf(claims)
  if (!isNonEmptyString(instanceId) || !isSubjectType(subjectType) || !isNonEmptyString(jti) || iat === null) {
    throw refusal('claim_invalid', '`instanceId`, `subjectType`, `jti` or `iat` is missing')
  }
  if (!(exp - iat <= MAX_TTL)) throw refusal('claim_invalid', `its lifetime is more than ${MAX_TTL} s`)
  if (own(claims, 'sub') !== subOf({ instanceId, subjectType, subjectId: facts.subjectId })) {
    throw refusal('claim_invalid', '`sub` does not match the subject')
  }
  const added = Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED.has(name)))
  return { instanceId, subjectType, ...facts, iat, exp, jti, claims: added }
}

/**
 * The claims that the app adds, as a copy.
 *
 * @throws {TypeError} For what cannot be the claims of a JWT, and for a reserved name.
 */
export function addedClaims(claims: object): Readonly<Record<string, unknown>> {
  const copy = plainCopy(claims)
  const reserved = Object.keys(copy).find((name) => RESERVED.has(name))
  if (reserved !== undefined) throw new TypeError(`SessionTokens: \`${reserved}\` cannot be a claim of the app`)
  return copy
}

function plainCopy(claims: object): Readonly<Record<string, unknown>> {
  try {
    const copy: unknown = structuredClone(claims)
    // Not by its prototype: in Jest, a copy has that of another realm.
    if (Object.prototype.toString.call(copy) === '[object Object]') return copy as Readonly<Record<string, unknown>>
  } catch {
    // A function, a symbol, nothing at all.
  }
  throw new TypeError('SessionTokens: claims must be an object of plain values')
}
