import { randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { WixAuthError } from '../errors.ts'
import { isSubjectType, subOf, type WixIdentity } from '../identity.ts'
import { verifyClaims } from '../internal/jwt.ts'
import { memo } from '../internal/cache.ts'
import {
  callback,
  type Check,
  checkOptions,
  clockTolerance,
  isText,
  required,
  text,
  textOrNull,
} from '../internal/options.ts'
import { own } from '../read.ts'
import {
  type FindKey,
  keyRings,
  type KeyRing,
  type PublicSessionKey,
  SESSION_ALGORITHMS,
  type SessionKeys,
} from './own-keys.ts'
import { whenReady } from '../strategy.ts'

/** A verified session token: the identity of the proof that it was issued for. */
export interface WixSession extends WixIdentity {
  iat: number
  exp: number
  /** Of this token alone: 128 random bits. */
  jti: string
  permissions: string | null
  siteOwnerId: string | null
  vendorProductId: string | null
  /** What the app added in `issue`. */
  claims: Record<string, unknown>
}

/** Whose tokens are good, and when. All times are seconds. */
export interface SessionRules {
  /** Who issues the tokens: any text that names your service, often its URL (`iss`, RFC 7519 section 4.1.1). */
  issuer: string
  /** For whom they are: any text that names what they open, such as your API (`aud`, RFC 7519 section 4.1.3). */
  audience: string
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

/** The options of {@link SessionTokens}. All times are seconds. */
export interface SessionTokensOptions extends SessionRules {
  keys: SessionKeys
  /** Seconds that a token is good, at most 3600; less when its proof ends before. Default: 600. */
  ttl?: number
}

// A type of its own, so that no other JWT of the app can be taken for one (RFC 8725 section 3.11).
const TYP = 'wix-session+jwt'

const MAX_LENGTH = 8192
/** Seconds. */
const MAX_TTL = 3600
const REMEMBERED = 10_000

/** Facts that are in a token where the proof tells them. */
const FACTS = ['clientId', 'siteId', 'subjectId', 'permissions', 'siteOwnerId', 'vendorProductId'] as const
/** Names that are not for claims of the app. */
const RESERVED: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'instanceId',
  'subjectType',
  ...FACTS,
  // They could change an object that the claims are copied to.
  '__proto__',
  'constructor',
  'prototype',
])

export const ruleChecks: { [Name in keyof SessionRules]-?: Check } = {
  issuer: text,
  audience: text,
  clockTolerance,
  now: callback,
}

export type SessionCheck = (token: string) => WixSession | Promise<WixSession>

/** What `issue` was told to add. */
function extrasOf(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const extras: Record<string, unknown> = {}
  for (const name of Object.keys(claims)) if (!RESERVED.has(name)) extras[name] = claims[name]
  return extras
}

async function verifySession(token: string, find: FindKey, rules: SessionRules): Promise<WixSession> {
  const { issuer, audience } = rules
  const { claims, iat, exp } = await verifyClaims(token, find, rules, {
    algorithms: [...SESSION_ALGORITHMS],
    typ: TYP,
    issuer,
    audience,
    requiredClaims: ['iat', 'sub', 'jti'],
  })
  const instanceId = own(claims, 'instanceId')
  const subjectType = own(claims, 'subjectType')
  const jti = own(claims, 'jti')
  // No issuer makes a longer one.
  const isTooLong = !(exp - Number(iat) <= MAX_TTL)
  if (!isText(instanceId) || !isSubjectType(subjectType) || !isText(jti) || iat === null || isTooLong) {
    throw new WixAuthError('claim_invalid')
  }
  const subjectId = textOrNull(own(claims, 'subjectId'))
  const identity = { instanceId, subjectType, subjectId }
  if (own(claims, 'sub') !== subOf(identity)) throw new WixAuthError('claim_invalid')
  return {
    ...identity,
    clientId: textOrNull(own(claims, 'clientId')),
    siteId: textOrNull(own(claims, 'siteId')),
    iat,
    exp,
    jti,
    permissions: textOrNull(own(claims, 'permissions')),
    siteOwnerId: textOrNull(own(claims, 'siteOwnerId')),
    vendorProductId: textOrNull(own(claims, 'vendorProductId')),
    claims: extrasOf(claims),
  }
}

/** Verifies each token once, and remembers it until it ends or the keys change. */
export function sessionCheck(keys: () => FindKey | Promise<FindKey>, rules: SessionRules): SessionCheck {
  let known: FindKey | undefined
  let remembered: SessionCheck

  return (token) => {
    if (typeof token !== 'string') throw new WixAuthError('request_invalid')
    if (token.length > MAX_LENGTH) throw new WixAuthError('token_malformed')
    return whenReady(keys(), (find) => {
      if (find !== known) {
        known = find
        const check = (text: string): Promise<WixSession> => verifySession(text, find, rules)
        remembered = memo(check, { purpose: '2 session', maxAge: Infinity, max: REMEMBERED, now: rules.now })
      }
      return remembered(token)
    })
  }
}

const hasAll = (identity: unknown, names: readonly string[]): boolean =>
  names.every((name) => own(identity, name) !== undefined)

/**
 * What Wix itself has vouched for, by the properties that `checkInstance` and `checkTokenInfo` always set. A session is no such proof:
 * its holder could renew it for ever.
 */
const isProof = (identity: unknown): boolean =>
  isText(own(identity, 'instanceId')) &&
  hasAll(identity, ['subjectType', 'subjectId']) &&
  (hasAll(identity, ['uid', 'aid', 'permissions', 'ext']) ||
    (own(identity, 'active') === true && hasAll(identity, ['clientId', 'accountId'])))

/** @throws {TypeError} For what cannot be the claims of a JWT. */
function plainCopy(claims: object): Readonly<Record<string, unknown>> {
  try {
    const copy: unknown = structuredClone(claims)
    if (Object.getPrototypeOf(copy) === Object.prototype) return copy as Readonly<Record<string, unknown>>
  } catch {
    // A function, a symbol, nothing at all.
  }
  throw new TypeError('SessionTokens: claims must be an object of plain values')
}

/** Not a member that anybody could call: with a remembered token it answers in the same tick, and it throws. */
export let checkOf: (tokens: SessionTokens) => SessionCheck

/**
 * Issues and verifies session tokens: short, signed by the app itself, good for any of its services. Pages in an iframe use them,
 * where cookies are blocked.
 */
export class SessionTokens {
  // Out of sight of `util.inspect` and `JSON.stringify`.
  readonly #rings: () => KeyRing | Promise<KeyRing>
  readonly #rules: SessionRules
  readonly #ttl: number
  readonly #check: SessionCheck

  static {
    checkOf = (tokens) => tokens.#check
  }

  /** @throws {TypeError} For options that are missing, unknown or of the wrong type, and for keys that cannot be used. */
  constructor(options: SessionTokensOptions) {
    const rules = checkOptions('SessionTokens', options, {
      ...ruleChecks,
      keys: () => undefined, // by keyRings
      ttl: (value) =>
        typeof value === 'number' && value >= 1 && value <= MAX_TTL ? undefined : 'a number of seconds from 1 to 3600',
    })
    required('SessionTokens', rules, ['issuer', 'audience'])
    const { keys, ttl = 600 } = rules
    this.#rings = keyRings(keys, rules.now ?? Date.now)
    this.#rules = rules
    this.#ttl = ttl
    this.#check = sessionCheck(() => whenReady(this.#rings(), ({ find }) => find), rules)
  }

  /**
   * Issues a token for whoever has just been authenticated, by an instance or an access token.
   *
   * @param identity As the strategy verified it: `identityOf(req)`.
   * @param claims What your services want to know beside: small, and no secret, since the page can read it.
   * @returns A promise of the token. It ends after `ttl`, or with the proof if that is earlier.
   * @throws {WixAuthError} `token_expired` for a proof that has ended.
   * @throws {WixUnavailableError} When the function `keys` fails.
   * @throws {TypeError} For any other identity, and for claims that are registered or too large.
   */
  async issue(identity: WixIdentity, claims: object = {}): Promise<string> {
    if (!isProof(identity)) {
      throw new TypeError(
        'SessionTokens: issue() takes what WixAppStrategy or WixAccessTokenStrategy has verified: identityOf(req) after one of them',
      )
    }
    const extra = plainCopy(claims)
    const reserved = Object.keys(extra).find((name) => RESERVED.has(name))
    if (reserved !== undefined) throw new TypeError(`SessionTokens: \`${reserved}\` cannot be a claim of the app`)

    const iat = Math.floor((this.#rules.now ?? Date.now)() / 1000)
    const exp = Math.floor(Math.min(iat + this.#ttl, identity.exp ?? Infinity))
    if (exp <= iat) throw new WixAuthError('token_expired')
    const { signer } = await this.#rings()
    const token = await new SignJWT({
      ...extra,
      iss: this.#rules.issuer,
      aud: this.#rules.audience,
      sub: subOf(identity),
      iat,
      exp,
      jti: randomBytes(16).toString('base64url'),
      instanceId: identity.instanceId,
      subjectType: identity.subjectType,
      ...Object.fromEntries(FACTS.map((name) => [name, textOrNull(own(identity, name)) ?? undefined])),
    })
      .setProtectedHeader({ alg: signer.alg, typ: TYP, kid: signer.kid })
      .sign(signer.privateKey)
    if (token.length > MAX_LENGTH)
      throw new TypeError('SessionTokens: the claims make a token of more than 8192 characters')
    return token
  }

  /**
   * Verifies a token of this issuer.
   *
   * @returns A promise of the identity; rejects with what is thrown.
   * @throws {WixAuthError} `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
   * @throws {WixUnavailableError} When the function `keys` fails.
   */
  async verify(token: string): Promise<WixSession> {
    return this.#check(token)
  }

  /** The public halves of all keys, to be published: a JSON Web Key Set (RFC 7517 section 5). */
  async jwks(): Promise<{ keys: PublicSessionKey[] }> {
    const { keys } = await this.#rings()
    // Copies: whoever changes one does not change what is published next.
    return { keys: structuredClone(keys.map(({ published }) => published)) }
  }
}
