import type { KindOf } from '../identity.ts'
import { type Checked, checkOptions, type Checks, must, required, string } from '../internal/options.ts'
import { secureUrl } from '../internal/url.ts'
import { loadUserInfo, userInfoChecks, type UserInfoOptions } from '../internal/user-info-option.ts'
import { exactlyOne } from '../internal/values.ts'
import { type DefaultRequest, readToken, tokenChecks, type TokenOptions } from '../read.ts'
import { IdentityStrategy, type StrategyDefinition, type WixStrategyOptions } from '../strategy.ts'
import type { WixSession } from './claims.ts'
import { remoteKeySet } from '../internal/remote-key-set.ts'
import { type SessionRules, sessionRuleChecks, SessionTokens, tokenVerifier } from './tokens.ts'

/** The options of {@link sessionVerifier}: whose tokens, and where that service publishes its keys. All times are seconds. */
export interface SessionVerifierOptions extends SessionRules {
  /** Where the issuer publishes `jwks()`: https, or http on this machine. */
  jwksUri: string
}

/** Where the keys come from: the issuer in this process, or the key set of another service. */
type SessionSource =
  | { tokens: SessionTokens; jwksUri?: never; issuer?: never; audience?: never; clockTolerance?: never; now?: never }
  | (SessionVerifierOptions & { tokens?: never })

/** The options of {@link WixSessionStrategy}. */
export type WixSessionStrategyOptions<Req = DefaultRequest> = WixStrategyOptions &
  TokenOptions<Req> &
  UserInfoOptions<WixSession> &
  SessionSource

const sourceChecks: Checks<SessionSource> = {
  ...sessionRuleChecks,
  tokens: must((value) => value instanceof SessionTokens, 'a SessionTokens object'),
  jwksUri: secureUrl,
}

type Verifier = (token: string) => Promise<WixSession>

/** The verifier of `tokens.ts`, with the keys of this process or those of another service: it refuses, for both. */
function verifierOf(caller: string, options: Checked<SessionSource>): Verifier {
  const { tokens, jwksUri, issuer, audience } = options
  const isRemote = ['jwksUri', ...Object.keys(sessionRuleChecks)].some((name) => Object.hasOwn(options, name))
  if (tokens !== undefined && !isRemote) return (token) => tokens.verify(token)
  if (tokens === undefined && jwksUri !== undefined && issuer !== undefined && audience !== undefined)
    return tokenVerifier(remoteKeySet(jwksUri), Object.assign(options, { issuer, audience }))
  throw new TypeError(
    `${caller}: the options must have either { tokens }, or { jwksUri, issuer, audience } of another service`,
  )
}

/**
 * Makes a function that verifies another service's session tokens, without Passport. The cache and the key set belong to that function.
 *
 * The function takes the token, or the whole `Authorization` header, and rejects with a `WixAuthError` `credentials_missing`,
 * `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`, and with a `WixUnavailableError` when the
 * key set cannot be read.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const jwksUri = 'https://app.example.com/.well-known/jwks.json'
 * const verify = sessionVerifier({ jwksUri, issuer: 'my-app', audience: 'my-api' })
 * const { instanceId } = await verify(token)
 */
export function sessionVerifier(options: SessionVerifierOptions): Verifier {
  const caller = 'sessionVerifier'
  const checked = checkOptions(caller, options, {
    ...sessionRuleChecks,
    issuer: required(string),
    audience: required(string),
    jwksUri: required(secureUrl),
  })
  const verify = tokenVerifier(remoteKeySet(checked.jwksUri), checked)
  return async (token) => verify(exactlyOne(token).replace(/^bearer +/i, ''))
}

// Another number of parts is no JWT.
const isOfOtherKind = (token: string): boolean => token.split('.', 4).length !== 3

/**
 * Signs in whoever sends one of your app's session tokens. The session is the user, unless a verify callback says otherwise.
 *
 * @example
 * passport.use(new WixSessionStrategy({ tokens }, findUser))
 */
export class WixSessionStrategy<Req = DefaultRequest> extends IdentityStrategy<
  WixSession,
  WixSessionStrategyOptions<Req>,
  Req
> {
  /** For `identityOf(req, WixSessionStrategy)`. */
  static readonly kind: KindOf<WixSession> = { name: 'session' }

  protected override _definition(): StrategyDefinition<WixSession, WixSessionStrategyOptions<Req>, Req> {
    return {
      caller: 'WixSessionStrategy',
      name: 'wix-session',
      isBearer: true,
      options: { ...sourceChecks, ...tokenChecks, ...userInfoChecks },
      prepare(caller, options) {
        const verify = verifierOf(caller, options)
        return async (req) => {
          const token = await readToken(req, options, isOfOtherKind)
          const identity = await verify(token)
          return loadUserInfo(identity, token, options)
        }
      },
    }
  }
}
