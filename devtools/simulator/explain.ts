import { WixAuthError, WixUnavailableError } from '../../lib/errors.ts'
import { accessTokenVerifier } from '../../lib/strategies/access-token.ts'
import { instanceVerifier } from '../../lib/strategies/app.ts'
import { digestVerifier } from '../../lib/strategies/digest.ts'
import { servicePluginVerifier } from '../../lib/strategies/service-plugin.ts'
import { webhookVerifier } from '../../lib/strategies/webhook.ts'
import type { AppKeys } from './keys.ts'

/** A credential as it was sent, and what it is. */
export interface Credential {
  kind: 'instance' | 'access token' | 'webhook' | 'service plugin call' | 'Digest'
  value: string
  /** The body that a Digest was made for. */
  body?: string
}

/** Why a credential must be refused. */
export interface Explanation {
  /** A code of `WixAuthError`, or `unavailable` if it could not be checked. */
  code: string
  message: string
  /** The facts that end the search, where the package knows them. */
  hint: string | null | undefined
}

/** Where the credential is checked, and with what. */
export type CheckKeys = Pick<AppKeys, 'appId' | 'appSecret' | 'publicKey'> & { apiUrl: string }

type Verify = (credential: Credential, keys: CheckKeys) => unknown

const VERIFY: Record<Credential['kind'], Verify> = {
  instance: ({ value }, { appSecret, appId }) => instanceVerifier({ secret: appSecret, appId })(value),
  // A page waits for its token: an outage that the developer has switched on must not hold it up.
  'access token': ({ value }, { appId, apiUrl }) => accessTokenVerifier({ appId, apiUrl, timeout: 1 })(value),
  webhook: ({ value }, { publicKey }) => webhookVerifier({ publicKey })(value),
  'service plugin call': ({ value }, { publicKey, appId }) => servicePluginVerifier({ publicKey, appId })(value),
  Digest: ({ value, body = '' }, { publicKey }) => digestVerifier({ publicKey })(value, Buffer.from(body)),
}

/** Checks a credential as an app with these keys should. Null: it is genuine. */
export async function explain(credential: Credential, keys: CheckKeys): Promise<Explanation | null> {
  try {
    await VERIFY[credential.kind](credential, keys)
    return null
  } catch (error) {
    if (error instanceof WixUnavailableError) return { code: 'unavailable', message: error.message, hint: null }
    if (!(error instanceof WixAuthError)) throw error
    return { code: error.code, message: error.message, hint: error.hint }
  }
}
