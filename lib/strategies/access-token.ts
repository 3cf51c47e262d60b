import { WixAuthError } from '../errors.ts'
import { isSubjectType, SUBJECT_TYPES, type SubjectType } from '../identity.ts'
import { callback, type Check, checkOptions } from '../internal/options.ts'
import { type DefaultRequest, exactlyOne, type Reader, tokenFromAuthorization } from '../read.ts'
import {
  commonChecks,
  type UserInfoOption,
  type Verify,
  type VerifyWithRequest,
  whenReady,
  withUserInfo,
  WixStrategy,
  type WixStrategyOptions,
} from '../strategy.ts'
import { tokenInfo, tokenInfoChecks, type TokenInfoOptions, type WixTokenInfo } from './access-token-info.ts'

/** The options of {@link verifyAccessToken}. */
export interface VerifyAccessTokenOptions extends TokenInfoOptions {
  /** Whose tokens to take; the others are an `insufficient_scope` (403). Default: everybody's. */
  subjectTypes?: readonly SubjectType[]
}

/** The options of {@link WixAccessTokenStrategy}. */
export interface WixAccessTokenStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, VerifyAccessTokenOptions {
  /** Where the token is. Default: the `Authorization` header, alone as Wix's front ends send it, or after `Bearer`. */
  tokenFromRequest?: Reader<Req>
  /** Gets the user info of the identity before verify is called. */
  userinfo?: UserInfoOption<WixTokenInfo>
}

const checks: { [Name in keyof VerifyAccessTokenOptions]-?: Check } = {
  ...tokenInfoChecks,
  subjectTypes: (value) =>
    Array.isArray(value) && value.length > 0 && value.every(isSubjectType)
      ? undefined
      : `a list of ${SUBJECT_TYPES.join(' | ')}`,
}

// Real tokens have some 800 characters.
const MAX_LENGTH = 8192

// RFC 6750 section 2.1. Wix's tokens are a JWT of three parts after one or two words.
const TOKEN = /^([\w\-~+/]+\.){3,}[\w\-~+/]+=*$/

// An API key belongs to an account, not to an app, and a refresh token signs nobody in.
const FOREIGN = /^(IST|JWS)\./

/** What has two parts is an instance, and what has three is a JWT, which may be a session token: for another strategy. */
const isForOthers = (token: string): boolean => token.length <= MAX_LENGTH && /^[^.]+(\.[^.]+){1,2}$/.test(token)

type Checked = (token: string) => WixTokenInfo | Promise<WixTokenInfo>

/** @param options Checked before. */
function accessTokenCheck(owner: string, options: VerifyAccessTokenOptions): Checked {
  const { subjectTypes } = options
  const ask = tokenInfo(owner, options, 'access-token')
  return (token) => {
    // Before anybody is asked.
    if (token.length > MAX_LENGTH || !TOKEN.test(token) || FOREIGN.test(token)) {
      throw new WixAuthError('token_malformed')
    }
    return whenReady(ask(token), (identity) => {
      if (subjectTypes?.includes(identity.subjectType) === false) throw new WixAuthError('insufficient_scope')
      return identity
    })
  }
}

const checkers = new WeakMap<VerifyAccessTokenOptions, Checked>()

/**
 * Asks Wix whose access token this is, without Passport.
 *
 * Keep the options in a constant: what is remembered, the bound on calls and the pause in an outage belong to that object, which is read
 * once.
 *
 * @param token The token, or the whole `Authorization` header.
 * @returns A promise of the identity; rejects with what is thrown.
 * @throws {WixAuthError} `credentials_missing`, `request_invalid`, `token_malformed`, `token_inactive`, `token_expired`,
 *   `claim_invalid` or `insufficient_scope`.
 * @throws {WixUnavailableError} When Wix does not answer.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export async function verifyAccessToken(token: string, options: VerifyAccessTokenOptions): Promise<WixTokenInfo> {
  const owner = 'verifyAccessToken'
  const check = checkers.get(options) ?? accessTokenCheck(owner, checkOptions(owner, options, checks))
  checkers.set(options, check)
  const text = exactlyOne(token)
  if (text === undefined) throw new WixAuthError('credentials_missing')
  return check(text.replace(/^bearer +/i, ''))
}

/**
 * Signs in whoever sends a Wix access token, as `fetchWithAuth()` in the front end of an app does. Only Wix can say whose it is.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/extract-identities-from-backend-requests
 */
export class WixAccessTokenStrategy<Req = DefaultRequest> extends WixStrategy<WixTokenInfo, Req> {
  protected override readonly _isBearer: boolean = true
  private readonly _read: Reader<Req>
  private readonly _check: Checked
  private readonly _userinfo: UserInfoOption<WixTokenInfo> | undefined

  /** @throws {TypeError} For an unknown option, one of the wrong type, no app id, or no verify. */
  constructor(options: WixAccessTokenStrategyOptions<Req> & { passReqToCallback?: false }, verify: Verify<WixTokenInfo>)
  constructor(
    options: WixAccessTokenStrategyOptions<Req> & { passReqToCallback: true },
    verify: VerifyWithRequest<WixTokenInfo, Req>,
  )
  constructor(
    given: WixAccessTokenStrategyOptions<Req>,
    verify: Verify<WixTokenInfo> | VerifyWithRequest<WixTokenInfo, Req>,
  ) {
    const owner = 'WixAccessTokenStrategy'
    const options = checkOptions(owner, given, {
      ...commonChecks,
      ...checks,
      tokenFromRequest: callback,
      userinfo: callback,
    })
    super('wix-access-token', options, verify)
    this._read = options.tokenFromRequest ?? tokenFromAuthorization
    this._check = accessTokenCheck(owner, options)
    this._userinfo = options.userinfo
  }

  protected override _identify(req: Req): WixTokenInfo | Promise<WixTokenInfo> {
    return whenReady(this._read(req), (value) => {
      const token = exactlyOne(value)
      if (token === undefined || isForOthers(token)) throw new WixAuthError('credentials_missing')
      return withUserInfo(this._check(token), token, this._userinfo)
    })
  }
}
