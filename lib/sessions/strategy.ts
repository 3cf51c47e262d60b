import { type Checked, type Checks, must } from '../internal/options.ts'
import { remoteKeySet } from '../internal/remote-key-set.ts'
import { userInfoChecks, type UserInfoOptions, withUserInfo } from '../internal/user-info-option.ts'
import { secureUrl } from '../internal/url.ts'
import { type DefaultRequest, tokenReader, tokenChecks, type TokenOptions } from '../read.ts'
import { IdentityStrategy, type Kind, type WixStrategyOptions } from '../strategy.ts'
import type { WixSession } from './claims.ts'
import {
  checkOf,
  sessionRuleChecks,
  sessionCheck,
  type SessionCheck,
  type SessionRules,
  SessionTokens,
} from './tokens.ts'

/** Where the keys come from: the issuer in this process, or the key set of another service. */
type SessionSource =
  | { tokens: SessionTokens; jwksUri?: never; issuer?: never; audience?: never; clockTolerance?: never; now?: never }
  | (SessionRules & {
      tokens?: never
      /** Where the issuer publishes `jwks()`: https, or http on this machine. */
      jwksUri: string
    })

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

/** Prepares the check of a session token, with the keys of this process or those of another service. */
function checkFrom(owner: string, options: Checked<SessionSource>): SessionCheck {
  const { tokens, jwksUri, issuer, audience } = options
  const isRemote = ['jwksUri', ...Object.keys(sessionRuleChecks)].some((name) => Object.hasOwn(options, name))
  if (tokens !== undefined && !isRemote) return checkOf(tokens)
  if (tokens === undefined && jwksUri !== undefined && issuer !== undefined && audience !== undefined) {
    return sessionCheck(remoteKeySet(jwksUri), Object.assign(options, { issuer, audience }))
  }
  throw new TypeError(
    `${owner}: the options must have either { tokens }, or { jwksUri, issuer, audience } of another service`,
  )
}

// Another number of parts is no JWT.
const isOfOtherKind = (token: string): boolean => token.split('.', 4).length !== 3

const kind = {
  owner: 'WixSessionStrategy',
  name: 'wix-session',
  isBearer: true as const,
  optionChecks: { ...sourceChecks, ...tokenChecks, ...userInfoChecks },
  reader: tokenReader(isOfOtherKind),
  check: (owner: string, options: Checked<SessionSource & UserInfoOptions<WixSession>>) =>
    withUserInfo(checkFrom(owner, options), options),
}

/** Signs in whoever sends a session token of the app. The session is the user, unless a verify callback says otherwise. */
export class WixSessionStrategy<Req = DefaultRequest> extends IdentityStrategy<
  string,
  WixSession,
  WixSessionStrategyOptions<Req>,
  Req
> {
  protected override _kind(): Kind<string, WixSession, WixSessionStrategyOptions<Req>, Req> {
    return kind
  }
}
