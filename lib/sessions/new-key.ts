import { createHash, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { type KeyObject, MIN_RSA_LENGTH } from '../internal/keys.ts'
import { SESSION_ALGORITHMS, type SessionAlgorithm, type SessionKey } from './own-keys.ts'

const generate = promisify(generateKeyPair)

const GENERATE: Record<SessionAlgorithm, () => Promise<{ publicKey: KeyObject; privateKey: KeyObject }>> = {
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generate('ed25519'),
  RS256: () => generate('rsa', { modulusLength: MIN_RSA_LENGTH }),
}

/** The JWK thumbprint of a public key (RFC 7638), which has exactly the members that Node exports. */
function thumbprintOf(publicKey: KeyObject): string {
  const members = Object.entries(publicKey.export({ format: 'jwk' })).toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  )
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}

/**
 * A new key for session tokens, to be kept like a password. The first in the list of keys signs.
 *
 * @throws {TypeError} For another algorithm; as a rejection.
 * @example
 * const keys = [await generateSessionKey()]
 */
export async function generateSessionKey(alg: SessionAlgorithm = 'ES256'): Promise<SessionKey> {
  if (!SESSION_ALGORITHMS.includes(alg)) {
    throw new TypeError(`generateSessionKey: the algorithm must be ${SESSION_ALGORITHMS.join(', ')}`)
  }
  const { privateKey, publicKey } = await GENERATE[alg]()
  return { ...privateKey.export({ format: 'jwk' }), kid: thumbprintOf(publicKey), alg }
}
