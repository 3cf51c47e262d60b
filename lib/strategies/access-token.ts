import { refusal } from '../errors.ts'
import { type KindOf, markAs } from '../identity.ts'
import { formHint, tooLong } from '../internal/hints.ts'
import { type Checked, checkOptions } from '../internal/options.ts'
import { loadUserInfo, userInfoChecks, type UserInfoOptions } from '../internal/user-info-option.ts'
import { exactlyOne } from '../internal/values.ts'
import { type DefaultRequest, readToken, tokenChecks, type TokenOptions } from '../read.ts'
import { type StrategyDefinition, WixStrategy, type WixStrategyOptions } from '../strategy.ts'
import { tokenInfoChecks, type TokenInfoOptions, tokenInfoVerifier, type WixTokenInfo } from './token-info.ts'

/** The options of {@link accessTokenVerifier}. */
export interface AccessTokenVerifierOptions<Req = unknown> extends TokenInfoOptions<Req> {}

/** The options of {@link WixAccessTokenStrategy}. */
export interface WixAccessTokenStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, AccessTokenVerifierOptions<Req>, TokenOptions<Req>, UserInfoOptions<WixTokenInfo> {}

// Real tokens have some 800 characters.
const MAX_TOKEN_LENGTH = 8192

// RFC 6750 section 2.1. Wix's tokens are a JWT of three parts after one or two words.
const TOKEN = /^([\w\-~+/]+\.){3,}[\w\-~+/]+=*$/

// An API key belongs to an account, not to an app, and a refresh token cannot sign a user in.
const FOREIGN = /^(IST|JWS)\./

/** Two parts are an instance, and three a JWT, which may be a session token. */
const isOfOtherKind = (token: string): boolean =>
  token.length <= MAX_TOKEN_LENGTH && /^[^.]+(\.[^.]+){1,2}$/.test(token)

type Verifier<Req> = (token: string, req: Req) => Promise<WixTokenInfo>

/** Verifies an access token: first its form, then what Wix says of it. */
function verifierOf<Req>(caller: string, options: Checked<AccessTokenVerifierOptions<Req>>): Verifier<Req> {
  const ask = tokenInfoVerifier(caller, options)
  return async (token, req) => {
    if (token.length > MAX_TOKEN_LENGTH) throw refusal('token_malformed', tooLong(token, MAX_TOKEN_LENGTH))
    if (!TOKEN.test(token) || FOREIGN.test(token))
      throw refusal('token_malformed', formHint(token, 'an access token has 4 or more'))
    // Wix looks at the signature. `ask` refuses what Wix refuses (`token_inactive`), and in `tokenInfoOf` what is for another app or over.
    return markAs(await ask(token, req), 'access-token')
  }
}

/**
 * Makes a function that asks Wix about an access token, without Passport. The cache, the bound on calls and the circuit breaker belong to
 * that function.
 *
 * The function takes the token, or the whole `Authorization` header, and rejects with a {@link WixAuthError} `credentials_missing`,
 * `request_invalid`, `token_malformed`, `token_inactive`, `token_expired` or `claim_invalid`, and with a `WixUnavailableError` when Wix does
 * not answer.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const verify = accessTokenVerifier({ appId: process.env.WIX_APP_ID })
 * const { instanceId, subjectType } = await verify(token)
 */
export function accessTokenVerifier(options: AccessTokenVerifierOptions): (token: string) => Promise<WixTokenInfo> {
  const caller = 'accessTokenVerifier'
  const verify = verifierOf<unknown>(caller, checkOptions<AccessTokenVerifierOptions>(caller, options, tokenInfoChecks))
  return async (token) => verify(exactlyOne(token).replace(/^bearer +/i, ''), undefined)
}

/**
 * Signs in whoever sends a Wix access token, as `fetchWithAuth()` in your app's front end does. Only Wix can verify one.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/extract-identities-from-backend-requests
 * @example
 * passport.use(new WixAccessTokenStrategy({ appId: process.env.WIX_APP_ID }, findUser))
 */
export class WixAccessTokenStrategy<Req = DefaultRequest> extends WixStrategy<
  WixTokenInfo,
  WixAccessTokenStrategyOptions<Req>,
  Req
> {
  /** For `identityOf(req, WixAccessTokenStrategy)`. */
  static readonly kind: KindOf<WixTokenInfo> = { name: 'access-token' }

  protected override _definition(): StrategyDefinition<WixTokenInfo, WixAccessTokenStrategyOptions<Req>, Req> {
    return {
      caller: 'WixAccessTokenStrategy',
      name: 'wix-access-token',
      isBearer: true,
      options: { ...tokenInfoChecks, ...tokenChecks, ...userInfoChecks },
      prepare(caller, options) {
        const verify = verifierOf(caller, options)
        return async (req) => {
          const token = await readToken(req, options, isOfOtherKind)
          const identity = await verify(token, req)
          return loadUserInfo(identity, token, options)
        }
      },
    }
  }
}
