import { createLocalJWKSet } from 'jose'
import { WixAuthError } from '../errors.ts'
import { unavailable } from './circuit.ts'
import type { FindKey } from './jwt.ts'
import { singleFlight } from './promises.ts'
import { remoteClient } from './remote.ts'
import { isNonEmptyString, own, systemCodeOf } from './values.ts'

/** Seconds for one answer. */
const TIMEOUT = 2

// Milliseconds.
const MAX_AGE = 600_000
/** Between a reload and one for a `kid` that is not in the set. */
const COOLDOWN = 30_000
/** The same while there is no set, or an old one: then good tokens wait for it. */
const RETRY_COOLDOWN = 1000

const SERVER = 'The key set'

/** @throws {WixUnavailableError} Unless it is a JSON Web Key Set (RFC 7517 section 5). */
function localSet(set: Record<string, unknown>): FindKey {
  try {
    return createLocalJWKSet(set as unknown as Parameters<typeof createLocalJWKSet>[0])
  } catch (error) {
    throw unavailable(SERVER, `not a JSON Web Key Set${systemCodeOf(error)}`)
  }
}

/**
 * The keys that another service publishes: read when they are needed, read again after ten minutes, and for a `kid` that is not in
 * the set, but not for every such token.
 *
 * @param jwksUri A `secureUrl`.
 * @returns A function that gives the present keys, or rejects with a `WixUnavailableError`.
 */
export function remoteKeySet(jwksUri: string): () => FindKey | Promise<FindKey> {
  const ask = remoteClient({ server: SERVER })
  // A clock that cannot be set back, which would keep old keys in use.
  const clock = (): number => performance.now()
  let content: string | undefined
  let inSet: FindKey
  let current: FindKey
  let tried = -Infinity
  let read = -Infinity

  const isFresh = (): boolean => clock() - read < MAX_AGE
  const isCoolingDown = (): boolean => clock() - tried < (isFresh() ? COOLDOWN : RETRY_COOLDOWN)

  const reload = singleFlight(async () => {
    if (isCoolingDown()) throw unavailable(SERVER, 'tried a moment ago')
    tried = clock()
    const set = await ask({ url: jwksUri, timeout: TIMEOUT })
    const next = localSet(set)
    read = clock()
    const json = JSON.stringify(set)
    // The same function as long as nothing has changed, so that what was verified with it stays cached.
    if (json !== content) {
      content = json
      inSet = next
      current = finder()
    }
    return current
  })

  const findInSet: FindKey = async (header, token) => {
    try {
      return await inSet(header, token)
    } catch (error) {
      const code = own(error, 'code')
      if (code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') {
        throw new WixAuthError('signature_invalid')
      }
      throw unavailable(SERVER, `a key cannot be used${systemCodeOf(error)}`)
    }
  }
  const finder = (): FindKey => async (header, token) => {
    // Without a `kid`, jose would take the only key of a type.
    if (!isNonEmptyString(header.kid)) throw new WixAuthError('signature_invalid')
    try {
      return await findInSet(header, token)
    } catch (error) {
      // Refused only by a set that could be read: the key may be a new one.
      const hasFailed = tried > read
      if (!(error instanceof WixAuthError) || (isCoolingDown() && !hasFailed)) throw error
    }
    await reload()
    return findInSet(header, token)
  }

  // An old set is read again first: what was verified with it does not count.
  return () => (isFresh() ? current : reload())
}
