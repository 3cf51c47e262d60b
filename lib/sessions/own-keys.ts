import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import {
  calculateJwkThumbprint,
  createRemoteJWKSet,
  customFetch,
  exportJWK,
  generateKeyPair,
  type JWTVerifyGetKey,
} from 'jose'
import { WixAuthError, WixUnavailableError } from '../errors.ts'
import { butIs, isText } from '../internal/options.ts'
import { own } from '../read.ts'
import { readJson } from '../internal/read-json.ts'
import { codeOf, within } from '../internal/promises.ts'

/** @ts-ignore Where the types of Node are not installed, it is `any`. */
import type { KeyObject } from 'node:crypto'

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
export type SessionKeys = readonly SessionKey[] | (() => readonly SessionKey[] | PromiseLike<readonly SessionKey[]>)

/** The public half of a key, as it is published. */
export interface PublicSessionKey {
  kid: string
  alg: SessionAlgorithm
  use: 'sig'
  [member: string]: unknown
}

/** A key that was looked at. */
interface Key {
  kid: string
  alg: SessionAlgorithm
  publicKey: KeyObject
  /** None where the public half was given, which can only verify. */
  privateKey: KeyObject | undefined
  published: PublicSessionKey
}

/** Finds the key of a token. Another function as soon as the keys have changed. */
export type FindKey = JWTVerifyGetKey

/** Keys that are in use together. */
export interface KeyRing {
  signer: Pick<Key, 'kid' | 'alg'> & { privateKey: KeyObject }
  keys: readonly Key[]
  find: FindKey
}

export const SESSION_ALGORITHMS: readonly SessionAlgorithm[] = ['ES256', 'EdDSA', 'RS256']

/** Seconds for a function that gives the keys. */
const KEYS_TIMEOUT = 5

/** Milliseconds for which the keys that it gave are used. */
const RING_AGE = 5000

// Milliseconds, for the key set of another service.
const SET_TIMEOUT = 2000
const SET_AGE = 600_000
const SET_COOLDOWN = 30_000
const RETRY_COOLDOWN = 1000

function fits(alg: SessionAlgorithm, { asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = { ...asymmetricKeyDetails }
  if (alg === 'ES256') return asymmetricKeyType === 'ec' && namedCurve === 'prime256v1'
  if (alg === 'EdDSA') return asymmetricKeyType === 'ed25519'
  // With an exponent of 1 everybody can sign.
  return asymmetricKeyType === 'rsa' && modulusLength >= 2048 && publicExponent >= 65_537n
}

/** Whether what the one signs, the other verifies: a list of keys may have been edited by hand. */
function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const text = Buffer.from('a trial')
  const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return verify(hash, text, publicKey, sign(hash, text, privateKey))
}

/** The key, or what is wrong with it. Nothing of it gets into an error. */
function keyOf(jwk: unknown): Key | string {
  const kid = own(jwk, 'kid')
  const alg = SESSION_ALGORITHMS.find((name) => name === own(jwk, 'alg'))
  if (!isText(kid) || kid.length > 256) return ', but one has no `kid` of at most 256 characters'
  if (alg === undefined) return `, but one has an \`alg\` that is not ${SESSION_ALGORITHMS.join(', ')}`
  try {
    const input = { key: { ...(jwk as SessionKey) }, format: 'jwk' } as const
    const privateKey = own(jwk, 'd') === undefined ? undefined : createPrivateKey(input)
    const publicKey = createPublicKey(privateKey ?? input)
    if (!fits(alg, publicKey)) return `, but one is no key for its \`alg\``
    if (privateKey !== undefined && !isPair(privateKey, publicKey)) return ', but the halves of one do not fit'
    return {
      kid,
      alg,
      publicKey,
      privateKey,
      published: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    }
  } catch {
    return ', but one cannot be read'
  }
}

/**
 * The keys to use.
 *
 * @throws {TypeError} Unless there is at least one, each can be used, none has the name of another, and the first can sign.
 */
function keyRing(list: unknown): KeyRing {
  const fail = (problem: string): never => {
    throw new TypeError(`SessionTokens: \`keys\` must be a list of keys of generateSessionKey()${problem}`)
  }
  if (!Array.isArray(list)) return fail(butIs(list) || ', but is a number or a text')
  const keys = list.map(keyOf).map((key) => (typeof key === 'string' ? fail(key) : key))
  const [first] = keys
  if (first === undefined) return fail(', but is an empty list')
  const { kid, alg, privateKey } = first
  if (privateKey === undefined) return fail(', but the first has no private half to sign with')
  if (new Set(keys.map((key) => key.kid)).size < keys.length) return fail(', but two have the same `kid`')
  return {
    signer: { kid, alg, privateKey },
    keys,
    find(header) {
      const key = keys.find((one) => one.kid === header.kid && one.alg === header.alg)
      if (key === undefined) throw new WixAuthError('signature_invalid')
      return key.publicKey
    },
  }
}

/** Which of them signs does not matter to what was verified. */
const idOf = ({ keys }: KeyRing): string =>
  JSON.stringify(keys.map(({ published }) => JSON.stringify(published)).toSorted())

const givenUp = (why: string): WixUnavailableError =>
  new WixUnavailableError(`SessionTokens: the function \`keys\` ${why}`)

/**
 * The keys at each moment: of a list always the same, of a function what it gave not long ago.
 *
 * @throws {TypeError} For a list with something wrong in it; what a function gives is looked at when it gives it.
 */
export function keyRings(keys: SessionKeys, now: () => number): () => KeyRing | Promise<KeyRing> {
  if (typeof keys !== 'function') {
    const ring = keyRing(keys)
    return () => ring
  }
  let ring: KeyRing | undefined
  let loaded = 0
  let pending: Promise<KeyRing> | undefined

  const load = async (): Promise<KeyRing> => {
    let list: unknown
    try {
      list = await within(KEYS_TIMEOUT, keys, () => {
        throw givenUp(`took more than ${KEYS_TIMEOUT} seconds`)
      })
    } catch (error) {
      // Without its message: that of a JSON parser quotes what it has read.
      throw error instanceof WixUnavailableError ? error : givenUp(`failed${codeOf(error)}`)
    }
    const next = keyRing(list)
    // The same function as long as nothing has changed: what was verified with it stays remembered.
    ring = ring !== undefined && idOf(ring) === idOf(next) ? { ...next, find: ring.find } : next
    loaded = now()
    return ring
  }
  return () => {
    const age = now() - loaded
    if (ring !== undefined && age >= 0 && age < RING_AGE) return ring
    pending ??= load().finally(() => {
      pending = undefined
    })
    return pending
  }
}

/**
 * A new key for session tokens, to be kept like a password. The first in the list of keys signs.
 *
 * @throws {TypeError} For another algorithm; as a rejection.
 */
export async function generateSessionKey(alg: SessionAlgorithm = 'ES256'): Promise<SessionKey> {
  if (!SESSION_ALGORITHMS.includes(alg)) {
    throw new TypeError(`generateSessionKey: the algorithm must be ${SESSION_ALGORITHMS.join(', ')}`)
  }
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const kid = await calculateJwkThumbprint(publicKey)
  return { ...(await exportJWK(privateKey)), kid, alg }
}

const failed = (why: string): WixUnavailableError => new WixUnavailableError(`The key set could not be read${why}`)

/**
 * The keys that another service publishes: read when they are needed, and read again after ten minutes, or for a `kid` that is not
 * there, but not for every such token.
 *
 * @param jwksUri Checked before.
 */
export function remoteKeys(jwksUri: string): () => FindKey | Promise<FindKey> {
  let content: string | undefined
  let hasChanged = false
  let tried = -Infinity
  let read = -Infinity

  const unavailable = (error: unknown): never => {
    throw error instanceof WixUnavailableError ? error : failed(codeOf(error))
  }
  const remote = createRemoteJWKSet(new URL(jwksUri), {
    timeoutDuration: SET_TIMEOUT,
    cooldownDuration: SET_COOLDOWN,
    cacheMaxAge: SET_AGE,
    [customFetch]: async (url, init) => {
      // The library's own pause begins with an answer. Good tokens wait for a first set, or one in place of an old one.
      const age = Date.now() - tried
      if (age >= 0 && age < (isFresh() ? SET_COOLDOWN : RETRY_COOLDOWN)) throw failed(': tried a moment ago')
      tried = Date.now()
      const response = await fetch(url, init)
      const set = response.status === 200 ? await readJson(response.body) : `status ${response.status}`
      if (typeof set === 'string') throw failed(`: ${set}`)
      read = performance.now()
      const text = JSON.stringify(set)
      hasChanged ||= text !== content
      content = text
      return new Response(text)
    },
  })
  // Also by a clock that nobody can set back: the library's would keep old keys for so long.
  const isFresh = (): boolean => remote.fresh && performance.now() - read < SET_AGE

  const finder = (): FindKey => async (header, token) => {
    // The library would take the only key of a kind.
    if (!isText(header.kid)) throw new WixAuthError('signature_invalid')
    try {
      return await remote(header, token)
    } catch (error) {
      const code = own(error, 'code')
      if (code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') {
        throw new WixAuthError('signature_invalid')
      }
      return unavailable(error)
    }
  }
  let find = finder()
  const current = (): FindKey => {
    // Not before the library has put the new set in place: until then it finds the old keys, and what they verify would be
    // remembered with the new ones.
    if (hasChanged && !remote.reloading) {
      hasChanged = false
      find = finder()
    }
    return find
  }
  // Before anything that was verified is believed again, the keys must not be too old.
  return () => (isFresh() ? current() : remote.reload().then(current, unavailable))
}
