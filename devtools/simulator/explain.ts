import { WixAuthError, WixUnavailableError } from '../../lib/errors.ts'
import type { VerifiableKind } from '../credentials/recognize.ts'
import { verify } from '../credentials/verify.ts'
import type { AppKeys } from './keys.ts'

/** A credential as it was sent, and what it is. */
export interface Credential {
  kind: VerifiableKind
  value: string
  /** The body that a Digest header was made for. */
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

/** Checks a credential as an app with these keys should. Null: it is genuine. */
export async function explain({ kind, value, body = '' }: Credential, keys: CheckKeys): Promise<Explanation | null> {
  const { appId, appSecret, publicKey, apiUrl } = keys
  // A page waits for its token: an outage that the developer has switched on must not hold it up.
  const tokenInfo = { apiUrl, timeout: 1 }
  const given = { secrets: [appSecret], publicKey, appId, body: Buffer.from(body), tokenInfo, now: Date.now }
  try {
    await verify(kind, value, given)
    return null
  } catch (error) {
    if (error instanceof WixUnavailableError) return { code: 'unavailable', message: error.message, hint: null }
    if (!(error instanceof WixAuthError)) throw error
    return { code: error.code, message: error.message, hint: error.hint }
  }
}
