import { types } from 'node:util'
import { expiringMap } from '../internal/cache.ts'
import { callback, type Check, checkOptions, countCheck, must, string } from '../internal/options.ts'
import { property } from '../internal/values.ts'

/** `new`: the caller handles it, for the length of the lease. `busy`: another attempt is handling it. `done`: it was handled. */
export type DeliveryProgress = 'new' | 'busy' | 'done'

/**
 * Where `deduplicate` keeps which deliveries were handled. Each method must be atomic: of any number of `begin` at the
 * same time, also in different processes, only one gets `'new'`.
 */
export interface DeliveryStore {
  /**
   * Claims the delivery, unless another attempt holds it or it has been handled.
   *
   * @param key A hash.
   * @param leaseSeconds After so many seconds without `finish` or `abort` it is free again.
   * @param owner The attempt that claims it: unique for each attempt. In a store that ignores it, an attempt that outlived
   *   its lease can release the lease of the next one.
   */
  begin(key: string, leaseSeconds: number, owner?: string): DeliveryProgress | PromiseLike<DeliveryProgress>
  /** Stores for `ttlSeconds` that the delivery was handled, whoever holds it. */
  finish(key: string, ttlSeconds: number): unknown
  /** Frees the delivery, if this owner still holds it; changes nothing otherwise. */
  abort(key: string, owner?: string): unknown
}

export const isStore: Check = must(
  (value) => ['begin', 'finish', 'abort'].every((name) => typeof property(value, name) === 'function'),
  'a store: memoryStore(), postgresStore(client), redisStore(client), or an object with begin, finish and abort',
)

export function checkProgress(answer: unknown): DeliveryProgress {
  if (answer === 'new' || answer === 'busy' || answer === 'done') return answer
  throw new TypeError("The `begin` of a store must answer 'new', 'busy' or 'done'")
}

/** The options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many handled deliveries are stored, and how many may be in flight. Default: 100000. Beyond that the least
   * recently used is dropped; one in flight never is.
   */
  max?: number
  /** A clock in milliseconds. Default: `performance.now`, which cannot be set back. */
  now?: () => number
}

/** What {@link redisStore} needs of a client of `redis` 4 and up: a client, a pool, a sentinel or a cluster. */
interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): PromiseLike<unknown>
}

/** What {@link redisStore} needs of a client of `ioredis` or `iovalkey`: a client or a cluster. */
interface IoredisClient {
  defineCommand(name: string, definition: { lua: string }): void
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): PromiseLike<unknown>
}

/** What {@link redisStore} needs of a client of `@upstash/redis` or `@vercel/kv`. */
interface UpstashClient {
  createScript(script: string): unknown
  eval(script: string, keys: string[], values: string[]): PromiseLike<unknown>
}

/** What {@link redisStore} needs of a client. */
export type RedisStoreClient = NodeRedisClient | IoredisClient | UpstashClient

/** Ends the message about a client that is none yet. */
export const notAwaited = (client: unknown): string => (types.isPromise(client) ? '; got a promise: await it' : '')

const has = (client: unknown, name: string): boolean => typeof property(client, name) === 'function'

/** Each `eval` takes its keys in another form, so a client is known by a method that only its kind has, and that is not called. */
const isIoredis = (client: RedisStoreClient): client is IoredisClient => has(client, 'defineCommand')
const isUpstash = (client: RedisStoreClient): client is UpstashClient => has(client, 'createScript')
/** A client of `redis` 4 and up, or an object of one's own. */
const isNodeRedis = (client: RedisStoreClient): boolean =>
  has(client, 'evalRo') || Object.getPrototypeOf(client) === Object.prototype

/** The options of {@link redisStore}. */
export interface RedisStoreOptions {
  /** What the keys begin with. Default: `passport-wix-app:`. Routes that each want every event need one each. */
  prefix?: string
}

// Never 0, which Redis refuses.
const milliseconds = (seconds: number): number => Math.max(1, Math.ceil(seconds * 1000))

/**
 * Stores deliveries in memory: for apps that run as one process. A restart loses them.
 *
 * @throws {TypeError} For an option that is unknown or of the wrong type.
 * @example
 * const once = deduplicate({ store: memoryStore() })
 */
export function memoryStore(options: MemoryStoreOptions = {}): DeliveryStore {
  const { max = 100_000, now } = checkOptions<MemoryStoreOptions>('memoryStore', options, {
    max: countCheck,
    now: callback,
  })
  // Apart, so that no number of handled deliveries can evict one in flight.
  const leases = expiringMap<string>({ max, now })
  const done = expiringMap<true>({ max, now })

  return {
    begin(key, leaseSeconds, owner = '') {
      if (done.get(key)) return 'done'
      if (leases.get(key) !== undefined) return 'busy'
      // Full of deliveries in flight: Wix retries this one.
      if (leases.isFull()) return 'busy'
      leases.set(key, owner, leaseSeconds)
      return 'new'
    },
    finish(key, ttlSeconds) {
      leases.delete(key)
      done.set(key, true, ttlSeconds)
    },
    abort(key, owner = '') {
      if (leases.get(key) === owner) leases.delete(key)
    },
  }
}

// A lease is `by <owner>`, so that no owner can be called `done`. Each script is atomic in Redis and in Valkey.
const BEGIN = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'new' end
if redis.call('GET', KEYS[1]) == 'done' then return 'done' end
return 'busy'`
const FINISH = `redis.call('SET', KEYS[1], 'done', 'PX', ARGV[1])`
const ABORT = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`

/**
 * Stores deliveries in Redis or Valkey: for apps that run as several processes.
 *
 * What Redis loses is handled again: it must evict nothing (`maxmemory-policy noeviction`).
 *
 * @param client A connected client of `redis`, `ioredis`, `iovalkey` or `@upstash/redis`; it stays yours to close. Or an object of your
 *   own with the `eval` of `redis`.
 * @throws {TypeError} For anything but such a client, and an option that is unknown or of the wrong type.
 * @example
 * const client = await createClient({ disableOfflineQueue: true }).connect()
 * const once = deduplicate({ store: redisStore(client) })
 */
export function redisStore(client: RedisStoreClient, options: RedisStoreOptions = {}): DeliveryStore {
  const { prefix = 'passport-wix-app:' } = checkOptions<RedisStoreOptions>('redisStore', options, { prefix: string })
  if (!has(client, 'eval') || !(isIoredis(client) || isUpstash(client) || isNodeRedis(client))) {
    throw new TypeError(
      'redisStore: the first argument must be a client of `redis` (4 or later), `ioredis`, `iovalkey` or `@upstash/redis`; with another, pass { eval: (script, { keys, arguments: values }) => ... }' +
        notAwaited(client),
    )
  }
  const run = (script: string, key: string, ...values: string[]): PromiseLike<unknown> => {
    if (isIoredis(client)) return client.eval(script, 1, prefix + key, ...values)
    if (isUpstash(client)) return client.eval(script, [prefix + key], values)
    return client.eval(script, { keys: [prefix + key], arguments: values })
  }

  return {
    begin: async (key, leaseSeconds, owner = '') =>
      // A client may be set to answer with buffers.
      checkProgress(String(await run(BEGIN, key, `by ${owner}`, String(milliseconds(leaseSeconds))))),
    finish: (key, ttlSeconds) => run(FINISH, key, String(milliseconds(ttlSeconds))),
    abort: (key, owner = '') => run(ABORT, key, `by ${owner}`),
  }
}
