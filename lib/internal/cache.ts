import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { WixAuthError, type WixAuthErrorCode } from '../errors.ts'

/** What to remember, and for how long. */
interface MemoSettings {
  /** What is checked, and for whom: a part of every key. */
  purpose: string
  /** Seconds. */
  maxAge: number
  /** How many tokens. */
  max: number
  /** The clock, in milliseconds. */
  now?: (() => number) | undefined
}

/**
 * The clock of a cache of the LRU library, in milliseconds. Without `now`, one that nobody can set back, which would prolong everything.
 *
 * Never at 0: the library takes an entry of that moment for one without an end.
 */
export const lruClock = (
  now: () => number = () => performance.now(),
): { perf: { now(): number }; ttlResolution: 0 } => ({
  perf: { now: () => now() + 1 },
  ttlResolution: 0,
})

/** Seconds. A token that was refused may be good a moment later, when all of Wix has heard of it. */
const REFUSAL_AGE = 10

/** Characters, on the average. A large identity takes the room of several. */
const IDENTITY_SIZE = 2048

/**
 * Puts a memory before a check that costs much: an identity is remembered for `maxAge`, but never beyond its `exp`; a refusal for ten
 * seconds; anything else, such as an outage, not at all. Equal tokens share one check.
 *
 * What is remembered comes in the same tick. It is kept as text, so that each request gets an object of its own.
 *
 * @param check What it is given beside the token is of no account for what is remembered.
 */
export function memo<Identity extends { exp: number }, Rest extends readonly unknown[]>(
  check: (token: string, ...rest: Rest) => Promise<Identity>,
  { purpose, maxAge, max, now }: MemoSettings,
): (token: string, ...rest: Rest) => Identity | Promise<Identity> {
  const time = now ?? Date.now
  const settings = lruClock(now)
  // Apart, so that no number of bad tokens can push out the good ones.
  const refused = new LRUCache<string, WixAuthErrorCode>({
    ...settings,
    max: Math.ceil(max / 10),
    ttl: REFUSAL_AGE * 1000,
  })
  const accepted = new LRUCache<string, string>({
    ...settings,
    max,
    maxSize: max * IDENTITY_SIZE,
    sizeCalculation: (text) => text.length,
  })
  // Not the library's own sharing: an AbortController for each check costs as much as a third of verifying a signature.
  const inFlight = new Map<string, Promise<string>>()

  const run = async (key: string, checked: Promise<Identity>): Promise<string> => {
    try {
      const identity = await checked
      const age = Math.min(maxAge * 1000, identity.exp * 1000 - time())
      const text = JSON.stringify(identity)
      // Never 0, which the library takes for "for ever".
      accepted.set(key, text, { ttl: Math.max(1, Math.ceil(age)) })
      return text
    } catch (reason) {
      if (reason instanceof WixAuthError) refused.set(key, reason.code)
      throw reason
    } finally {
      inFlight.delete(key)
    }
  }

  return (token, ...rest) => {
    const key = hash('sha256', `${purpose} ${token}`, 'base64url')
    const code = refused.get(key)
    if (code !== undefined) throw new WixAuthError(code)
    const known = accepted.get(key)
    if (known !== undefined) {
      const identity = JSON.parse(known) as Identity
      if (time() < identity.exp * 1000) return identity
    }
    const pending = inFlight.get(key) ?? run(key, check(token, ...rest))
    inFlight.set(key, pending)
    return pending.then((text) => JSON.parse(text) as Identity)
  }
}
