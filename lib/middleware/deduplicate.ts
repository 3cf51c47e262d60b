import { createHash, randomUUID } from 'node:crypto'
import { WixUnavailableError } from '../errors.ts'
import { identityOf } from '../identity.ts'
import { type Check, checkOptions, isText, timeout } from '../internal/options.ts'
import { own } from '../read.ts'
import { checkProgress, type DeliveryProgress, type DeliveryStore, isStore } from './stores.ts'
import { toError } from '../strategy.ts'
import { within } from '../internal/promises.ts'

/** The options of {@link deduplicate}. All times are seconds. */
export interface DeduplicateOptions {
  /** Where it is kept what was handled: `memoryStore()` for one process, `redisStore(client)` for several. */
  store: DeliveryStore
  /**
   * How long a delivery may be in the route. Default: 60. Must be longer than the route ever takes: after that, or
   * after a crash, a repeat is let through.
   */
  lease?: number
  /**
   * How long a handled delivery is remembered. Default: 302460. No less than the `maxAge` of the strategy and twice its
   * `clockTolerance`: what is older is refused there.
   */
  ttl?: number
  /** After how long a store that has not answered has failed. Default: 1, since Wix gives up after 1.25 s. */
  storeTimeout?: number
  /**
   * When the store fails, `'refuse'` answers 503, so that Wix repeats; `'continue'` runs the route, which may then
   * handle a delivery twice, and emits a process warning. Default: `'refuse'`.
   */
  onStoreError?: 'refuse' | 'continue'
}

/** What the middleware needs of a response; those of Express and Node have it. */
export interface DeduplicateResponse {
  statusCode: number
  readonly destroyed: boolean
  readonly headersSent: boolean
  readonly writableEnded: boolean
  setHeader(name: string, value: string): unknown
  once(event: string, listener: () => void): unknown
  end(): unknown
}

/** Seconds. Wix has a schedule of its own; this is for whatever stands between. */
const RETRY_AFTER = 1

// Redis takes whole milliseconds of limited size; a year is longer than anything is repeated.
const upToAYear: Check = (value) =>
  typeof value === 'number' && value > 0 && value <= 31_536_000
    ? undefined
    : 'a number of seconds above 0, at most 31536000'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Made of nothing but what the strategy verified, and a hash: no content of the event gets into the store. */
function keyOf(req: { authInfo?: Express.AuthInfo | undefined }): string {
  const identity = identityOf(req)
  // With any other proof, the body is not what was verified.
  if (!isText(own(identity, 'eventType'))) {
    throw new Error("deduplicate: put passport.authenticate('wix-webhook', { session: false }) before it")
  }
  const data = own(identity, 'data')
  const id = own(data, 'id')
  // In an old, flat event `id` may be that of the thing that changed, and the same in the next event about it. A repeat is
  // the same JWT, so what was verified in it is the same, too.
  const event = isText(id) && isText(own(data, 'entityFqdn')) ? ['id', id] : ['event', identity]
  return sha256(JSON.stringify(['webhook', identity.instanceId, ...event]))
}

const warn = (message: string, reason: unknown): void =>
  process.emitWarning(`deduplicate: ${message}`, { type: 'WixStoreWarning', detail: toError(reason).message })

/**
 * Middleware for after `passport.authenticate('wix-webhook', { session: false })`: lets each webhook through until the
 * route has answered it with 2xx once. Wix repeats a delivery for 48 hours until it sees a 200 within 1.25 s, and
 * sometimes after.
 *
 * What was handled is answered with 200 at once; what is being handled with 503, so that Wix repeats it. When the route
 * answers with anything but 2xx, or the connection closes first, the next try is let through. Calls `next(error)` with a
 * {@link WixUnavailableError} when the store fails, and with an Error (500) when no webhook was authenticated before.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/faq-for-webhooks
 */
export function deduplicate(
  options: DeduplicateOptions,
): (
  req: { authInfo?: Express.AuthInfo | undefined },
  res: DeduplicateResponse,
  next: (error?: unknown) => void,
) => void {
  const checked = checkOptions<DeduplicateOptions>('deduplicate', options, {
    store: isStore,
    lease: timeout,
    ttl: upToAYear,
    storeTimeout: timeout,
    onStoreError: (value) => (value === 'refuse' || value === 'continue' ? undefined : "'refuse' or 'continue'"),
  })
  const { store, lease = 60, ttl = 302_460, storeTimeout = 1, onStoreError = 'refuse' } = checked
  if (!('store' in checked))
    throw new TypeError('deduplicate: option `store` is missing: memoryStore() or redisStore(client)')

  const inTime = <T>(call: () => T | PromiseLike<T>): Promise<T> =>
    within(storeTimeout, call, () => {
      throw new Error(`The store did not answer within ${storeTimeout} seconds`)
    })

  return (req, res, next) => {
    let key: string
    try {
      if (res.writableEnded) throw new Error('deduplicate: the response has ended already, so the route cannot answer')
      key = keyOf(req)
    } catch (reason) {
      return next(toError(reason))
    }
    // By its name, a delivery whose lease has run out cannot free the lease of the one that came after it.
    const owner = randomUUID()

    const begun = (async () => checkProgress(await store.begin(key, lease, owner)))()

    // Nobody waits for these two: the answer is under way.
    const finish = (): void =>
      void inTime(() => store.finish(key, ttl)).catch((reason: unknown) =>
        warn('the store was not told that a delivery was handled, so a repeat may be handled again', reason),
      )
    // After `begin`, however late that is: else its lease would keep the next try out, with nobody handling the delivery.
    const abort = (): void =>
      void begun
        .catch(() => 'new')
        .then((progress) => (progress === 'new' ? inTime(() => store.abort(key, owner)) : undefined))
        .catch((reason: unknown) =>
          warn('the store was not told that a delivery failed, so repeats wait for its lease to run out', reason),
        )

    const admit = (): void => {
      // Somebody else has answered, or Wix has hung up: the next try is the one to handle.
      if (res.writableEnded || res.destroyed) return abort()
      let state: 'handling' | 'freed' | 'finished' = 'handling'
      const settle = (): void => {
        if (res.writableEnded && res.statusCode >= 200 && res.statusCode < 300) {
          if (state !== 'finished') finish()
          state = 'finished'
        } else if (state === 'handling') {
          abort()
          state = 'freed'
        }
      }
      // `prefinish` says that the route has ended its answer, before Wix can see it. It comes also when the route ended it
      // after Wix had hung up, where `finish` does not: then the next try need not run the route again.
      res.once('prefinish', settle)
      res.once('close', settle)
      next()
    }
    const decide = (progress: DeliveryProgress): void => {
      if (progress === 'new') return admit()
      // Somebody else has answered in the meantime.
      if (res.headersSent) return
      res.statusCode = progress === 'done' ? 200 : 503
      if (progress === 'busy') res.setHeader('Retry-After', String(RETRY_AFTER))
      res.end()
    }

    const failed = (cause: unknown): void => {
      if (onStoreError === 'continue') {
        warn('the store failed, so the route runs and may handle a delivery again', cause)
        return admit()
      }
      void begun.then(abort).catch(() => {})
      const message = 'The store of deliveries failed, so Wix is asked to try again; see `cause`'
      next(new WixUnavailableError(message, { cause, retryAfter: RETRY_AFTER }))
    }
    void inTime(() => begun)
      .then(decide, failed)
      .catch(next)
  }
}
