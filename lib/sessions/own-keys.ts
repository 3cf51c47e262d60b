import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { types } from 'node:util'
import { COMPARE_KEY_SET, refusal, WixUnavailableError } from '../errors.ts'
import { keyHint } from '../internal/hints.ts'
import type { FindKey } from '../internal/jwt.ts'
import { FIND_TIMEOUT, got } from '../internal/options.ts'
import { singleFlight, toError, withTimeout } from '../internal/promises.ts'
import { isEd25519, isP256, isSafeRsa, type KeyObject } from '../internal/keys.ts'
import { isNonEmptyString, own, systemCodeOf } from '../internal/values.ts'

/** How session tokens may be signed. */
export type SessionAlgorithm = 'ES256' | 'EdDSA' | 'RS256'

/** A key for session tokens, as a private JSON Web Key (RFC 7517): plain JSON, to be kept like a password. */
export interface SessionKey {
  /** Names the key in the tokens and in the published set. */
  kid: string
  alg: SessionAlgorithm
  [member: string]: unknown
}

/** The first key signs; all verify, and are published. A function is asked again after five seconds. */
export type SessionKeys =
  | readonly SessionKey[]
  | (() => readonly SessionKey[] | undefined | PromiseLike<readonly SessionKey[] | undefined>)

/** The public half of a key, as it is published. */
export interface PublicSessionKey {
  kid: string
  alg: SessionAlgorithm
  use: 'sig'
  [member: string]: unknown
}

/** A key that can be used. */
interface Key {
  kid: string
  alg: SessionAlgorithm
  publicKey: KeyObject
  /** None for a public key, which can only verify. */
  privateKey: KeyObject | undefined
  published: PublicSessionKey
}

/** Keys that are in use together. */
export interface KeyRing {
  signer: Pick<Key, 'kid' | 'alg'> & { privateKey: KeyObject }
  keys: readonly Key[]
  find: FindKey
}

export const SESSION_ALGORITHMS: readonly SessionAlgorithm[] = ['ES256', 'EdDSA', 'RS256']

/** Whether a key is one for the algorithm, and a safe one. */
const FITS: Record<SessionAlgorithm, (key: KeyObject) => boolean> = {
  ES256: isP256,
  EdDSA: isEd25519,
  RS256: isSafeRsa,
}

/** Seconds for which the keys that it gave are used; for how long at most while it fails; and until it is called again after that. */
const RING_AGE = 5
const LONGEST_RING_AGE = 60
const RETRY_PAUSE = 1

/** Whether what the one signs, the other verifies: a list of keys may have been edited by hand. */
function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const trial = Buffer.from('trial')
  const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return verify(hash, trial, publicKey, sign(hash, trial, privateKey))
}

/** The key, or what is wrong with it. Nothing of it gets into an error. */
function keyOf(jwk: unknown): Key | string {
  if (types.isPromise(jwk)) return ', one of them is a promise: await it'
  if (typeof jwk === 'string') return ', one of them is a string: parse its JSON'
  const kid = own(jwk, 'kid')
  const alg = SESSION_ALGORITHMS.find((name) => name === own(jwk, 'alg'))
  if (!isNonEmptyString(kid) || kid.length > 256)
    return ', one of them has no `kid`, or a `kid` of more than 256 characters'
  if (alg === undefined) return `, one of them has an \`alg\` other than ${SESSION_ALGORITHMS.join(', ')}`
  try {
    const input = { key: { ...(jwk as SessionKey) }, format: 'jwk' } as const
    const privateKey = own(jwk, 'd') === undefined ? undefined : createPrivateKey(input)
    const publicKey = createPublicKey(privateKey ?? input)
    if (!FITS[alg](publicKey)) return ', one of them is not a key for its `alg`'
    if (privateKey !== undefined && !isPair(privateKey, publicKey)) return ', the halves of one of them do not match'
    return {
      kid,
      alg,
      publicKey,
      privateKey,
      published: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    }
  } catch {
    return ', one of them cannot be read'
  }
}

/**
 * The keys to use.
 *
 * @throws {TypeError} Unless there is at least one, each can be used, none has the name of another, and the first can sign.
 */
function keyRing(list: unknown): KeyRing {
  const fail = (problem: string): never => {
    throw new TypeError(`SessionTokens: option \`keys\` must be an array of keys from generateSessionKey()${problem}`)
  }
  if (!Array.isArray(list)) return fail(got(list))
  const keys = list.map(keyOf).map((key) => (typeof key === 'string' ? fail(key) : key))
  const [first] = keys
  if (first === undefined) return fail(', got an empty array')
  const { kid, alg, privateKey } = first
  if (privateKey === undefined) return fail(', the first of them has no private half to sign with')
  if (new Set(keys.map((key) => key.kid)).size < keys.length) return fail(', two of them have the same `kid`')
  return {
    signer: { kid, alg, privateKey },
    keys,
    find(header) {
      const key = keys.find((one) => one.kid === header.kid && one.alg === header.alg)
      if (key === undefined)
        throw refusal(
          'signature_invalid',
          () => `${keyHint(header.kid)} is not in the list of ${keys.length} keys`,
          COMPARE_KEY_SET,
        )
      return key.publicKey
    },
  }
}

const keysUnavailable = (why: string): WixUnavailableError =>
  new WixUnavailableError(`SessionTokens: the function \`keys\` ${why}`)

/** What the app's function returns. */
async function listFrom(keys: () => unknown): Promise<unknown> {
  try {
    return await withTimeout(FIND_TIMEOUT, keys, () => {
      throw keysUnavailable(`took more than ${FIND_TIMEOUT} s`)
    })
  } catch (error) {
    // Without its message: that of a JSON parser quotes its input.
    throw error instanceof WixUnavailableError ? error : keysUnavailable(`failed${systemCodeOf(error)}`)
  }
}

/**
 * A function that returns the present keys: those of an array, or what a function returned within the last five seconds. Where that
 * function fails, its last keys serve for a minute after they were read, as long as verified tokens are cached anyway: a moment without the
 * secret manager signs nobody out. It is called at most once a second.
 *
 * @throws {TypeError} For an array with a key that cannot be used. An array that a function returns is checked when it is used.
 */
export function keyRings(keys: SessionKeys, now: () => number = () => Date.now()): () => KeyRing | Promise<KeyRing> {
  if (typeof keys !== 'function') {
    const ring = keyRing(keys)
    return () => ring
  }
  let last: { ring: KeyRing; at: number } | undefined
  let failed: { error: Error; at: number } | undefined
  /** Unless it is too old; or of the future, where the clock was set back. */
  const recent = <T extends { at: number }>(it: T | undefined, seconds: number): T | undefined => {
    if (it === undefined) return undefined
    const age = now() - it.at
    return age >= 0 && age < seconds * 1000 ? it : undefined
  }

  const read = singleFlight(async () => {
    try {
      last = { ring: keyRing(await listFrom(keys)), at: now() }
      failed = undefined
      return last.ring
    } catch (error) {
      failed = { error: toError(error), at: now() }
      throw failed.error
    }
  })
  return async () => {
    const present = recent(last, RING_AGE)
    if (present !== undefined) return present.ring
    try {
      const failure = recent(failed, RETRY_PAUSE)
      if (failure !== undefined) throw failure.error
      return await read()
    } catch (error) {
      const late = recent(last, LONGEST_RING_AGE)
      // A list that cannot be used is a mistake, and no moment.
      if (late !== undefined && error instanceof WixUnavailableError) return late.ring
      throw error
    }
  }
}
