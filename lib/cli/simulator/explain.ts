import { WixAuthError } from '../../errors.ts'
import { verifyAccessToken } from '../../strategies/access-token.ts'
import { verifyInstance } from '../../strategies/app.ts'
import { verifyDigest } from '../../strategies/digest.ts'
import { verifyServicePlugin } from '../../strategies/service-plugin.ts'
import { verifyWebhook } from '../../strategies/webhook.ts'
import type { AppKeys } from './keys.ts'

/** A credential as it was sent, and what it is. */
export interface Credential {
  kind: 'instance' | 'access token' | 'webhook' | 'service plugin call' | 'Digest'
  text: string
  /** The body that a Digest was made for. */
  body?: string
}

/** Why a credential must be refused. */
export interface Explanation {
  /** A code of `WixAuthError`. */
  code: string
  message: string
  /** The facts that end the search, where the package knows them. */
  hint: string | null
}

/** Where the credential is checked, and with what. */
export type CheckKeys = Pick<AppKeys, 'appId' | 'appSecret' | 'publicKey'> & { apiUrl: string }

function verify({ kind, text, body = '' }: Credential, keys: CheckKeys): unknown {
  const { appId, appSecret: secret, publicKey, apiUrl } = keys
  switch (kind) {
    case 'instance':
      return verifyInstance(text, { secret, appId })
    case 'access token':
      return verifyAccessToken(text, { appId, apiUrl })
    case 'webhook':
      return verifyWebhook(text, { publicKey })
    case 'service plugin call':
      return verifyServicePlugin(text, { publicKey, appId })
    case 'Digest':
      return verifyDigest(text, Buffer.from(body), { publicKey })
  }
}

/** Checks a credential as an app with these keys should. Null: it is genuine. */
export async function explain(credential: Credential, keys: CheckKeys): Promise<Explanation | null> {
  try {
    await verify(credential, keys)
    return null
  } catch (error) {
    if (!(error instanceof WixAuthError)) throw error
    return { code: error.code, message: error.message, hint: error.hint ?? null }
  }
}
