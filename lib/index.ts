export {
  type SecretOption,
  WixAppStrategy,
  WixAppStrategy as default,
  WixAppStrategy as Strategy,
  type WixAppStrategyOptions,
} from './app-strategy.ts'
export { WixAuthError, type WixAuthErrorCode } from './errors.ts'
export { identityOf, type SubjectType, type WixIdentity } from './identity.ts'
export {
  type InstanceRules,
  verifyInstance,
  type VerifyInstanceOptions,
  type WixInstance,
  type WixInstancePayload,
} from './instance.ts'
export { first, fromAuthorization, fromHeader, fromQuery, type Reader } from './read.ts'
export { type IdentityRule, requireIdentity } from './require-identity.ts'
export type { WixSecret } from './secret.ts'
export {
  type Verify,
  type VerifyDone,
  type VerifyResult,
  type VerifyWithRequest,
  WixStrategy,
  type WixStrategyOptions,
} from './strategy.ts'
