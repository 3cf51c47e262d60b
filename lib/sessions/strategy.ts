import { WixAuthError } from '../errors.ts'
import { callback, checkOptions, secureUrl } from '../internal/options.ts'
import { type DefaultRequest, exactlyOne, type Reader, tokenFromAuthorization } from '../read.ts'
import {
  checkOf,
  ruleChecks,
  sessionCheck,
  type SessionCheck,
  type SessionRules,
  SessionTokens,
  type WixSession,
} from './tokens.ts'
import { remoteKeys } from './own-keys.ts'
import {
  commonChecks,
  identityAsUser,
  type UserInfoOption,
  type Verify,
  type VerifyWithRequest,
  whenReady,
  withUserInfo,
  WixStrategy,
  type WixStrategyOptions,
} from '../strategy.ts'

/** Where the keys are: with the issuer in this process, or published by another service. */
type SessionSource =
  | { tokens: SessionTokens; jwksUri?: never; issuer?: never; audience?: never; clockTolerance?: never; now?: never }
  | (SessionRules & {
      /** Where the issuer publishes `jwks()`: https, or this machine. */
      jwksUri: string
    })

interface CommonOptions<Req> extends WixStrategyOptions {
  /** Where the token is. Default: the `Authorization` header, after `Bearer` or alone. */
  tokenFromRequest?: Reader<Req>
  /** Gets the user info of the identity before verify is called. */
  userinfo?: UserInfoOption<WixSession>
}

/** The options of {@link WixSessionStrategy}. */
export type WixSessionStrategyOptions<Req = DefaultRequest> = CommonOptions<Req> & SessionSource

/** All that either source may name. */
type AnyOptions<Req> = CommonOptions<Req> & Partial<SessionRules> & { tokens?: SessionTokens; jwksUri?: string }

function checkFrom<Req>(options: AnyOptions<Req>): SessionCheck {
  const { tokens, jwksUri, issuer, audience } = options
  const remote = ['jwksUri', 'issuer', 'audience', 'clockTolerance', 'now'].filter((name) =>
    Object.hasOwn(options, name),
  )
  if (tokens !== undefined && remote.length === 0) return checkOf(tokens)
  if (tokens === undefined && jwksUri !== undefined && issuer !== undefined && audience !== undefined) {
    return sessionCheck(remoteKeys(jwksUri), Object.assign(options, { issuer, audience }))
  }
  throw new TypeError(
    'WixSessionStrategy: give it either { tokens }, or { jwksUri, issuer, audience } of another service',
  )
}

/**
 * Signs in whoever sends a session token of the app. The session is the user, unless a verify callback says otherwise.
 */
export class WixSessionStrategy<Req = DefaultRequest> extends WixStrategy<WixSession, Req> {
  protected override readonly _isBearer: boolean = true
  private readonly _read: Reader<Req>
  private readonly _check: SessionCheck
  private readonly _userinfo: UserInfoOption<WixSession> | undefined

  /** @throws {TypeError} For an unknown option, one of the wrong type, or neither `tokens` nor all that `jwksUri` needs. */
  constructor(options: WixSessionStrategyOptions<Req> & { passReqToCallback?: false }, verify?: Verify<WixSession>)
  constructor(
    options: WixSessionStrategyOptions<Req> & { passReqToCallback: true },
    verify?: VerifyWithRequest<WixSession, Req>,
  )
  constructor(
    given: WixSessionStrategyOptions<Req>,
    verify: Verify<WixSession> | VerifyWithRequest<WixSession, Req> = identityAsUser,
  ) {
    const owner = 'WixSessionStrategy'
    const options = checkOptions<AnyOptions<Req>>(owner, given, {
      ...commonChecks,
      ...ruleChecks,
      tokens: (value) => (value instanceof SessionTokens ? undefined : 'a SessionTokens object'),
      jwksUri: secureUrl,
      tokenFromRequest: callback,
      userinfo: callback,
    })
    super('wix-session', options, verify)
    this._read = options.tokenFromRequest ?? tokenFromAuthorization
    this._check = checkFrom(options)
    this._userinfo = options.userinfo
  }

  protected override _identify(req: Req): WixSession | Promise<WixSession> {
    return whenReady(this._read(req), (value) => {
      const token = exactlyOne(value)
      // What has another number of parts is no JWT, and may be of another strategy.
      if (token?.split('.', 4).length !== 3) throw new WixAuthError('credentials_missing')
      return withUserInfo(this._check(token), token, this._userinfo)
    })
  }
}
