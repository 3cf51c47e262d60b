import {
  accessTokenVerifier,
  type AccessTokenVerifierOptions,
  digestVerifier,
  type DigestVerifierOptions,
  type InstanceVerifierOptions,
  instanceVerifier,
  servicePluginVerifier,
  type ServicePluginVerifierOptions,
  webhookVerifier,
  type WebhookVerifierOptions,
  type WixDigest,
  type WixInstance,
  type WixServicePluginRequest,
  type WixTokenInfo,
  type WixWebhookEvent,
} from '../../lib/index.ts'

// Each makes a verifier for one credential, as a test wants it. What the factory throws is a rejection here, too.

export const verifyInstance = async (instance: string, options: InstanceVerifierOptions): Promise<WixInstance> =>
  instanceVerifier(options)(instance)

export const verifyAccessToken = async (token: string, options: AccessTokenVerifierOptions): Promise<WixTokenInfo> =>
  accessTokenVerifier(options)(token)

export const verifyWebhook = async (
  body: string | Uint8Array,
  options: WebhookVerifierOptions,
): Promise<WixWebhookEvent> => webhookVerifier(options)(body)

export const verifyServicePlugin = async (
  body: string | Uint8Array,
  options: ServicePluginVerifierOptions,
): Promise<WixServicePluginRequest> => servicePluginVerifier(options)(body)

export const verifyDigest = async (
  header: string,
  body: string | Uint8Array,
  options: DigestVerifierOptions,
): Promise<WixDigest> => digestVerifier(options)(header, body)
