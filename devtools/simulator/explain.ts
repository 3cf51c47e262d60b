import { WixAuthError, WixUnavailableError } from '../../lib/errors.ts'
import { verifyAccessToken } from '../../lib/strategies/access-token.ts'
import { verifyInstance } from '../../lib/strategies/app.ts'
import { verifyDigest } from '../../lib/strategies/digest.ts'
import { verifyServicePlugin } from '../../lib/strategies/service-plugin.ts'
import { verifyWebhook } from '../../lib/strategies/webhook.ts'
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
  instance: ({ value }, { appSecret, appId }) => verifyInstance(value, { secret: appSecret, appId }),
  // A page waits for its token: an outage that the developer has switched on must not hold it up.
  'access token': ({ value }, { appId, apiUrl }) => verifyAccessToken(value, { appId, apiUrl, timeout: 1 }),
  webhook: ({ value }, { publicKey }) => verifyWebhook(value, { publicKey }),
  'service plugin call': ({ value }, { publicKey, appId }) => verifyServicePlugin(value, { publicKey, appId }),
  Digest: ({ value, body = '' }, { publicKey }) => verifyDigest(value, Buffer.from(body), { publicKey }),
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
