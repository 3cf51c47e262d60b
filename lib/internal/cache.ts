import crypto from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { markSigned, signedAs, WixAuthError } from '../errors.ts'
import { plain } from './values.ts'

// The newest name that this package imports. Imported by its name, it would be a SyntaxError there that says nothing of the version.
if (crypto.hash === undefined)
  throw new Error(`passport-wix-app needs Node ^20.19.0 || >=22.12.0, and this is ${process.version}`)

/** A bounded map whose entries expire; the least recently used entry makes room for a new one. */
interface ExpiringMap<Value> {
  /** Counts as a use: the entry is then the most recently used one. */
  get(key: string): Value | undefined
  set(key: string, value: Value, seconds: number): void
  delete(key: string): void
  /** Whether every place is taken by an entry that has not expired. */
  isFull(): boolean
}

interface Bounds<Value> {
  /** Entries. */
  max: number
  /** The sum of the sizes of all entries. Default: no limit. */
  size?: { maxSize: number; sizeCalculation: (value: Value) => number }
  /** The clock, in milliseconds. Default: `performance.now`, since setting a wall clock back would prolong every entry. */
  now?: (() => number) | undefined
}

const NO_OPTIONS = plain({})

/** The LRU library, with its two special cases out of the way: a clock at 0, and a lifetime of 0, both mean "no expiry" to it. */
export function expiringMap<Value extends {}>(bounds: Bounds<Value>): ExpiringMap<Value> {
  const { max, size, now = () => performance.now() } = plain(bounds)
  const lru = new LRUCache<string, Value>(
    plain({
      max,
      ...size,
      perf: { now: () => now() + 1 },
      ttlResolution: 0,
    }),
  )
  return {
    get: (key) => lru.get(key, NO_OPTIONS),
    set: (key, value, seconds) => void lru.set(key, value, plain({ ttl: Math.max(1, Math.ceil(seconds * 1000)) })),
    delete: (key) => void lru.delete(key),
    isFull: () => lru.size >= max && !lru.purgeStale(),
  }
}

/** What to cache, and for how long. */
interface CacheSettings<Value> {
  /** Seconds: for so long a token that was revoked, or whose key was taken out of use, still works. */
  maxAge: number
  /** How many tokens. */
  max: number
  /** When the value ends, in seconds since 1970. Default: never. */
  expiryOf?: (value: Value) => number
  /** The clock, in milliseconds. */
  now?: (() => number) | undefined
}

/** Seconds. A token that was refused may be accepted a moment later, when it has reached all servers of Wix. */
const REFUSAL_AGE = 10

/** Characters, on average. A large value takes the room of several. */
const VALUE_SIZE = 2048

/** The same refusal once more, for another request. */
function copyOf(error: WixAuthError): () => WixAuthError {
  const { code, message, hint, cure } = error
  const identity = signedAs(error)
  return () => {
    const copy = new WixAuthError(code, message, { hint, cure })
    return identity === undefined ? copy : markSigned(copy, identity)
  }
}

/**
 * Puts a cache before an expensive check: a value is cached for `maxAge`, but never beyond its expiry; a refusal for ten seconds; any
 * other failure, such as an outage, not at all. Equal tokens share one check in flight.
 *
 * A value is stored as JSON, so that each request gets an object of its own.
 *
 * @param check Its first argument is what is cached by: a token, or what else makes the answer another one. It is stored as its hash.
 */
export function cached<Value extends object, Rest extends readonly unknown[]>(
  check: (subject: string, ...rest: Rest) => Promise<Value>,
  settings: CacheSettings<Value>,
): (subject: string, ...rest: Rest) => Promise<Value> {
  const { maxAge, max, expiryOf = () => Infinity, now } = plain(settings)
  // A fake clock may be put in later.
  const time = now ?? (() => Date.now())
  // Apart, so that no number of bad tokens can evict the good ones.
  const refused = expiringMap<() => WixAuthError>({ max: Math.ceil(max / 10), now })
  const accepted = expiringMap<string>({
    max,
    size: { maxSize: max * VALUE_SIZE, sizeCalculation: (json) => json.length },
    now,
  })
  // Not the library's own sharing: its AbortController for each check costs a third of verifying a signature.
  const inFlight = new Map<string, Promise<string>>()

  const run = async (key: string, checked: Promise<Value>): Promise<string> => {
    try {
      const value = await checked
      const json = JSON.stringify(value)
      accepted.set(key, json, Math.min(maxAge, expiryOf(value) - time() / 1000))
      return json
    } catch (reason) {
      if (reason instanceof WixAuthError) {
        refused.set(key, copyOf(reason), REFUSAL_AGE)
      }
      throw reason
    } finally {
      inFlight.delete(key)
    }
  }

  return async (subject, ...rest) => {
    const key = crypto.hash('sha256', subject, 'base64url')
    const refusedBefore = refused.get(key)
    if (refusedBefore !== undefined) throw refusedBefore()
    const known = accepted.get(key)
    if (known !== undefined) {
      const value = JSON.parse(known) as Value
      // Again, by the wall clock: the cache has one of its own.
      if (time() < expiryOf(value) * 1000) return value
    }
    const pending = inFlight.get(key) ?? run(key, check(subject, ...rest))
    inFlight.set(key, pending)
    return JSON.parse(await pending) as Value
  }
}
