export {
  verifyAccessToken,
  type VerifyAccessTokenOptions,
  WixAccessTokenStrategy,
  type WixAccessTokenStrategyOptions,
} from './strategies/access-token.ts'
export {
  type SecretOption,
  WixAppStrategy,
  WixAppStrategy as default,
  WixAppStrategy as Strategy,
  type WixAppStrategyOptions,
} from './strategies/app.ts'
export { deduplicate, type DeduplicateOptions, type DeduplicateResponse } from './middleware/deduplicate.ts'
export {
  type VerifyDigestOptions,
  verifyDigest,
  type WixDigest,
  WixDigestStrategy,
  type WixDigestStrategyOptions,
} from './strategies/digest.ts'
export { WixAuthError, type WixAuthErrorCode, WixUnavailableError } from './errors.ts'
export { identityOf, type SubjectType, type WixIdentity } from './identity.ts'
export {
  type InstanceRules,
  verifyInstance,
  type VerifyInstanceOptions,
  type WixInstance,
  type WixInstancePayload,
} from './strategies/app-instance.ts'
export type { SignedOptions } from './internal/jwt.ts'
export type { WixPublicKey } from './internal/wix-public-key.ts'
export { type BodyReader, first, fromAuthorization, fromBody, fromHeader, fromQuery, type Reader } from './read.ts'
export { type IdentityRule, requireIdentity } from './middleware/require-identity.ts'
export type { WixSecret } from './internal/app-secret.ts'
export { SessionTokens, type SessionTokensOptions, type WixSession } from './sessions/tokens.ts'
export {
  generateSessionKey,
  type PublicSessionKey,
  type SessionAlgorithm,
  type SessionKey,
  type SessionKeys,
} from './sessions/own-keys.ts'
export { WixSessionStrategy, type WixSessionStrategyOptions } from './sessions/strategy.ts'
export {
  verifyServicePlugin,
  type VerifyServicePluginOptions,
  type WixServicePluginMetadata,
  type WixServicePluginRequest,
  WixServicePluginStrategy,
  type WixServicePluginStrategyOptions,
} from './strategies/service-plugin.ts'
export {
  type DeliveryProgress,
  type DeliveryStore,
  memoryStore,
  type MemoryStoreOptions,
  redisStore,
  type RedisStoreClient,
  type RedisStoreOptions,
} from './middleware/stores.ts'
export {
  type UserInfoOption,
  type Verify,
  type VerifyDone,
  type VerifyResult,
  type VerifyWithRequest,
  WixStrategy,
  type WixStrategyOptions,
} from './strategy.ts'
export type { Fetch, TokenInfoCache, TokenInfoOptions, WixTokenInfo } from './strategies/access-token-info.ts'
export {
  resolveUserInfo,
  type UserInfoContext,
  userInfoHandler,
  type UserInfoKeySet,
  type UserInfoMore,
  type UserInfoResponse,
  type UserInfoSource,
} from './userinfo/resolve.ts'
export {
  verifyWebhook,
  type VerifyWebhookOptions,
  type WixAccountInfo,
  type WixEventData,
  type WixWebhookEvent,
  WixWebhookStrategy,
  type WixWebhookStrategyOptions,
} from './strategies/webhook.ts'
