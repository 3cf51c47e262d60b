import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { COMPARE_KEY_SET, refusal } from '../errors.ts'
import { keyHint } from './hints.ts'
import type { FindKey } from './jwt.ts'
import { singleFlight } from './promises.ts'
import { remoteClient } from './remote.ts'
import { isEd25519, isP256, isSafeRsa } from './keys.ts'
import { unavailable } from './circuit.ts'
import { isNonEmptyString, isObject, own, plain } from './values.ts'

// Seconds.
const TIMEOUT = 2
const MAX_AGE = 600
/** Between a reload and one for a `kid` that is not in the set. */
const COOLDOWN = 30
/** The same while there is no set, or an old one: then valid tokens wait for it. */
const RETRY_COOLDOWN = 1

const SERVER = 'The key set'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Whether a published key may verify: the same demands as on keys of our own, and no private member. */
function isUsable(jwk: object): boolean {
  if (PRIVATE_MEMBERS.some((name) => own(jwk, name) !== undefined)) return false
  try {
    const key = createPublicKey({ key: plain(jwk as JsonWebKey), format: 'jwk' })
    return isSafeRsa(key) || isP256(key) || isEd25519(key)
  } catch {
    return false
  }
}

/**
 * Finds a key in a JSON Web Key Set (RFC 7517 section 5), of whose keys it takes the usable ones.
 *
 * @throws {WixUnavailableError} For anything but a key set.
 */
export function keysIn(set: unknown): FindKey {
  const keys = own(set, 'keys')
  if (!Array.isArray(keys) || !keys.every(isObject)) throw unavailable(SERVER, 'not a JSON Web Key Set')
  const usable = keys.filter(isUsable)
  let find: FindKey | undefined
  return async (header, token) => {
    // Without a `kid`, jose would take the only key of a type.
    if (!isNonEmptyString(header.kid)) throw refusal('signature_invalid', 'the header has no `kid`')
    // Loaded only here: most processes read no key set.
    /* c8 ignore next -- the loader of the tests adds a branch */
    const { createLocalJWKSet } = await import('jose/jwks/local')
    find ??= createLocalJWKSet({ keys: usable })
    try {
      return await find(header, token)
    } catch {
      // None fits, or several do.
      throw refusal(
        'signature_invalid',
        `${keyHint(header.kid)} is not in the set of ${usable.length} keys`,
        COMPARE_KEY_SET,
      )
    }
  }
}

/**
 * The keys that another service publishes: read when they are needed, read again after ten minutes, and for a `kid` that is not in
 * the set, but not for every such token. With `createRemoteJWKSet` of jose, each such token would ask a server that fails, and a clock that
 * is set back would keep old keys in use.
 *
 * @param jwksUri A `secureUrl`.
 * @returns A function that gives the present keys, or rejects with a `WixUnavailableError`.
 */
export function remoteKeySet(jwksUri: string): () => Promise<FindKey> {
  const ask = remoteClient({ server: SERVER })
  // A clock that cannot be set back, which would keep old keys in use.
  const clock = (): number => performance.now() / 1000
  /** By the wall clock as well: the other one may stand still while the machine sleeps. */
  let readAt = -Infinity
  let findInSet: FindKey
  let tried = -Infinity
  let read = -Infinity

  const isFresh = (): boolean => clock() - read < MAX_AGE && Date.now() / 1000 - readAt < MAX_AGE
  const isCoolingDown = (): boolean => clock() - tried < (isFresh() ? COOLDOWN : RETRY_COOLDOWN)

  const reload = singleFlight(async () => {
    if (isCoolingDown()) throw unavailable(SERVER, 'the last attempt failed a moment ago')
    tried = clock()
    findInSet = keysIn(await ask({ url: jwksUri, timeout: TIMEOUT }))
    read = clock()
    readAt = Date.now() / 1000
  })

  const find: FindKey = async (header, token) => {
    try {
      return await findInSet(header, token)
    } catch (error) {
      // The key may be a new one, unless the set has just been read.
      const hasFailed = tried > read
      if (!isNonEmptyString(header.kid) || (isCoolingDown() && !hasFailed)) throw error
    }
    await reload()
    return findInSet(header, token)
  }

  return async () => {
    if (!isFresh()) await reload()
    return find
  }
}
