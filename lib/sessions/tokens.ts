import { randomBytes } from 'node:crypto'
import { refusal } from '../errors.ts'
import { kindOf, markAs, type WixIdentity } from '../identity.ts'
import { cached } from '../internal/cache.ts'
import { tooLong } from '../internal/hints.ts'
import { type FindKey, type VerifiedClaims, verifyJwt } from '../internal/jwt.ts'
import {
  type Checked,
  checkOptions,
  type Checks,
  clockChecks,
  type ClockOptions,
  must,
  neededLater,
  required,
  string,
} from '../internal/options.ts'
import { isNumber } from '../internal/values.ts'
import { addedClaims, claimsOf, MAX_TTL, sessionOf, type WixSession } from './claims.ts'
import { type KeyRing, keyRings, type PublicSessionKey, SESSION_ALGORITHMS, type SessionKeys } from './own-keys.ts'

/** Which tokens are accepted. All times are seconds. */
export interface SessionRules extends ClockOptions {
  /** The issuer: a string that names your service, often its URL (`iss`, RFC 7519 section 4.1.1). */
  issuer: string
  /** The audience: a string that names what the tokens open, such as your API (`aud`, RFC 7519 section 4.1.3). */
  audience: string
}

/** The options of {@link SessionTokens}. All times are seconds. */
export interface SessionTokensOptions extends SessionRules {
  keys: SessionKeys
  /** Lifetime of a token in seconds, at most 3600; less when its credential expires before. Default: 600. */
  ttl?: number
}

export const sessionRuleChecks: Checks<SessionRules> = { ...clockChecks, issuer: string, audience: string }

// A type of its own, so that no other JWT of the app can be taken for a session token (RFC 8725 section 3.11).
const TYP = 'wix-session+jwt'

const MAX_TOKEN_LENGTH = 8192
const MAX_CACHED = 10_000

/** Seconds for which a verified token is cached, and so for how long a key that was taken out of use may still work. */
const MAX_CACHE_AGE = 60

/**
 * Verifies a session token, each once in a minute.
 *
 * @param keys Gives the present keys.
 */
export function tokenVerifier(
  keys: () => FindKey | Promise<FindKey>,
  rules: Checked<SessionRules>,
): (token: string) => Promise<WixSession> {
  const { issuer, audience, now } = rules
  const claimRules = {
    algorithms: [...SESSION_ALGORITHMS],
    typ: TYP,
    issuer,
    audience,
    requiredClaims: ['iat', 'sub', 'jti'],
    toIdentity: ({ claims, iat, exp }: VerifiedClaims): WixSession => sessionOf(claims, iat, exp),
  }
  // `verifyJwt` refuses a signature of another key, another issuer or audience, and what has expired; `sessionOf` what is no session.
  const verifyOnce = cached(async (token: string) => verifyJwt(token, await keys(), rules, claimRules), {
    maxAge: MAX_CACHE_AGE,
    max: MAX_CACHED,
    expiryOf: ({ exp }) => exp,
    now,
  })
  return async (token) => {
    if (typeof token !== 'string') throw refusal('request_invalid', 'the token is not a string')
    if (token.length > MAX_TOKEN_LENGTH) throw refusal('token_malformed', tooLong(token, MAX_TOKEN_LENGTH))
    return markAs(await verifyOnce(token), 'session')
  }
}

/**
 * Issues and verifies session tokens: short-lived, signed by the app itself, good for any of its services. Pages in an iframe use
 * them, where browsers block cookies.
 *
 * @example
 * const tokens = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'my-app', audience: 'my-api' })
 * const token = await tokens.issue(identityOf(req))
 */
export class SessionTokens {
  // Private to `util.inspect` and `JSON.stringify`, too.
  readonly #rings: () => KeyRing | Promise<KeyRing>
  readonly #rules: Checked<SessionRules>
  readonly #ttl: number
  readonly #verify: (token: string) => Promise<WixSession>

  /** @throws {TypeError} For options that are missing, unknown or of the wrong type, and for keys that cannot be used. */
  constructor(options: SessionTokensOptions) {
    const rules = checkOptions('SessionTokens', options, {
      ...sessionRuleChecks,
      issuer: required(string),
      audience: required(string),
      keys: neededLater,
      ttl: must(
        (value) => isNumber(value) && value >= 1 && value <= MAX_TTL,
        `a number of seconds from 1 to ${MAX_TTL}`,
        'number',
      ),
    })
    const { keys, ttl = 600 } = rules
    this.#rings = keyRings(keys, rules.now)
    this.#rules = rules
    this.#ttl = ttl
    this.#verify = tokenVerifier(async () => (await this.#rings()).find, rules)
  }

  /**
   * Issues a token for the identity that an instance or an access token has just proved.
   *
   * @param identity As the strategy verified it: `identityOf(req)`.
   * @param claims What else your services need: small, and no secret, since the page can read it.
   * @returns A promise of the token. It expires after `ttl`, or with the credential if that is earlier.
   * @throws {WixAuthError} `token_expired` for a credential that has expired.
   * @throws {WixUnavailableError} When the function `keys` fails.
   * @throws {TypeError} For any other identity, and for claims that are reserved or too large.
   */
  async issue(identity: WixIdentity, claims: object = {}): Promise<string> {
    // A session is not enough: its holder could renew it for ever.
    const kind = kindOf(identity)
    if (kind !== 'instance' && kind !== 'access-token') {
      throw new TypeError(
        'SessionTokens: issue() takes an identity that WixAppStrategy or WixAccessTokenStrategy has verified, and no copy of it: pass identityOf(req) after one of them',
      )
    }
    const added = addedClaims(claims)
    const { issuer, audience, now = Date.now } = this.#rules
    const iat = Math.floor(now() / 1000)
    const exp = Math.floor(Math.min(iat + this.#ttl, identity.exp ?? Infinity))
    if (exp <= iat) throw refusal('token_expired', 'the credential has expired')
    const { signer } = await this.#rings()
    const jti = randomBytes(16).toString('base64url')
    // Loaded only here: most processes sign nothing.
    /* c8 ignore next -- the loader of the tests adds a branch */
    const { SignJWT } = await import('jose/jwt/sign')
    const token = await new SignJWT({ ...added, ...claimsOf(identity, { iss: issuer, aud: audience, iat, exp, jti }) })
      .setProtectedHeader({ alg: signer.alg, typ: TYP, kid: signer.kid })
      .sign(signer.privateKey)
    if (token.length > MAX_TOKEN_LENGTH)
      throw new TypeError(`SessionTokens: the claims make a token of more than ${MAX_TOKEN_LENGTH} characters`)
    return token
  }

  /**
   * Verifies a token of this issuer.
   *
   * @returns A promise of the identity; rejects with the errors below.
   * @throws {WixAuthError} `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
   * @throws {WixUnavailableError} When the function `keys` fails.
   */
  async verify(token: string): Promise<WixSession> {
    return this.#verify(token)
  }

  /** The public halves of all keys, to be published: a JSON Web Key Set (RFC 7517 section 5). */
  async jwks(): Promise<{ keys: PublicSessionKey[] }> {
    const { keys } = await this.#rings()
    // Copies: whoever changes one does not change what is published next.
    return { keys: structuredClone(keys.map(({ published }) => published)) }
  }
}
