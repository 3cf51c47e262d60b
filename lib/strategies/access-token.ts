import { refusal } from '../errors.ts'
import { isSubjectType, SUBJECT_TYPES, type SubjectType } from '../identity.ts'
import { formHint, tooLong } from '../internal/hints.ts'
import { type Checked, checkOptions, type Checks, must } from '../internal/options.ts'
import { whenReady } from '../internal/promises.ts'
import { userInfoChecks, type UserInfoOptions, withUserInfo } from '../internal/user-info-option.ts'
import { oneCredential } from '../internal/values.ts'
import { type DefaultRequest, tokenReader, tokenChecks, type TokenOptions } from '../read.ts'
import { type Kind, WixStrategy, type WixStrategyOptions } from '../strategy.ts'
import { tokenInfoCheck, tokenInfoChecks, type TokenInfoOptions, type WixTokenInfo } from './token-info.ts'

/** The options of {@link verifyAccessToken}. */
export interface VerifyAccessTokenOptions extends TokenInfoOptions {
  /** Subject types to accept; the others are an `insufficient_scope` (403). Default: all. */
  subjectTypes?: readonly SubjectType[]
}

/** The options of {@link WixAccessTokenStrategy}. */
export interface WixAccessTokenStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, VerifyAccessTokenOptions, TokenOptions<Req>, UserInfoOptions<WixTokenInfo> {}

const checks: Checks<VerifyAccessTokenOptions> = {
  ...tokenInfoChecks,
  subjectTypes: must(
    (value) => Array.isArray(value) && value.length > 0 && value.every(isSubjectType),
    `a non-empty array of ${SUBJECT_TYPES.join(' | ')}`,
  ),
}

// Real tokens have some 800 characters.
const MAX_LENGTH = 8192

// RFC 6750 section 2.1. Wix's tokens are a JWT of three parts after one or two words.
const TOKEN = /^([\w\-~+/]+\.){3,}[\w\-~+/]+=*$/

// An API key belongs to an account, not to an app, and a refresh token cannot sign a user in.
const FOREIGN = /^(IST|JWS)\./

/** Two parts are an instance, and three a JWT, which may be a session token. */
const isOfOtherKind = (token: string): boolean => token.length <= MAX_LENGTH && /^[^.]+(\.[^.]+){1,2}$/.test(token)

type TokenCheck = (token: string) => WixTokenInfo | Promise<WixTokenInfo>

/** Prepares the check of an access token. */
function accessTokenCheck(owner: string, options: Checked<VerifyAccessTokenOptions>): TokenCheck {
  const { subjectTypes } = options
  const ask = tokenInfoCheck(owner, options, 'access-token')
  return (token) => {
    // Before Wix is asked.
    if (token.length > MAX_LENGTH) throw refusal('token_malformed', tooLong(token, MAX_LENGTH))
    if (!TOKEN.test(token) || FOREIGN.test(token))
      throw refusal('token_malformed', formHint(token, 'an access token has 4 or more'))
    return whenReady(ask(token), (identity) => {
      const { subjectType } = identity
      if (subjectTypes?.includes(subjectType) === false)
        throw refusal(
          'insufficient_scope',
          `subjectType is ${subjectType}; subjectTypes has ${subjectTypes.join(', ')}`,
        )
      return identity
    })
  }
}

const prepared = new WeakMap<VerifyAccessTokenOptions, TokenCheck>()

/**
 * Asks Wix about an access token, without Passport.
 *
 * Keep the options in a constant: the cache, the bound on calls and the circuit breaker belong to that object, which is read
 * once.
 *
 * @param token The token, or the whole `Authorization` header.
 * @returns A promise of the identity; rejects with the errors below.
 * @throws {WixAuthError} `credentials_missing`, `request_invalid`, `token_malformed`, `token_inactive`, `token_expired`,
 *   `claim_invalid` or `insufficient_scope`.
 * @throws {WixUnavailableError} When Wix does not answer.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export async function verifyAccessToken(token: string, options: VerifyAccessTokenOptions): Promise<WixTokenInfo> {
  const owner = 'verifyAccessToken'
  const check = prepared.get(options) ?? accessTokenCheck(owner, checkOptions(owner, options, checks))
  prepared.set(options, check)
  return check(oneCredential(token).replace(/^bearer +/i, ''))
}

const kind = {
  owner: 'WixAccessTokenStrategy',
  name: 'wix-access-token',
  isBearer: true as const,
  optionChecks: { ...checks, ...tokenChecks, ...userInfoChecks },
  reader: tokenReader(isOfOtherKind),
  check: (owner: string, options: Checked<VerifyAccessTokenOptions & UserInfoOptions<WixTokenInfo>>) =>
    withUserInfo(accessTokenCheck(owner, options), options),
}

/**
 * Signs in whoever sends a Wix access token, as `fetchWithAuth()` in the front end of an app does. Only Wix can verify one.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/extract-identities-from-backend-requests
 */
export class WixAccessTokenStrategy<Req = DefaultRequest> extends WixStrategy<
  string,
  WixTokenInfo,
  WixAccessTokenStrategyOptions<Req>,
  Req
> {
  protected override _kind(): Kind<string, WixTokenInfo, WixAccessTokenStrategyOptions<Req>, Req> {
    return kind
  }
}
