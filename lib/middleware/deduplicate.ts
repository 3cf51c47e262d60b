import { createHash, randomUUID } from 'node:crypto'
import { WixUnavailableError } from '../errors.ts'
import { type Authenticated, identityOf } from '../identity.ts'
import { checkOptions, must, required } from '../internal/options.ts'
import { toError, withTimeout } from '../internal/promises.ts'
import { isNonEmptyString, isNumber, own } from '../internal/values.ts'
import { checkProgress, type DeliveryProgress, type DeliveryStore, isStore } from './stores.ts'

/** The options of {@link deduplicate}. All times are seconds. */
export interface DeduplicateOptions {
  /** Where deliveries are stored: `memoryStore()` for one process, `redisStore(client)` for several. */
  store: DeliveryStore
  /**
   * How long a delivery may be in the route. Default: 50. Must be longer than the route ever takes: after that, or after a
   * crash, a retry is let through. The first retry of Wix comes after a minute: if it finds a lease, the next one comes
   * ten minutes later.
   */
  lease?: number
  /**
   * How long a handled delivery is stored. Default: 302460. No less than the `maxAge` of the strategy plus twice its
   * `clockTolerance`: what is older is refused there.
   */
  ttl?: number
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

/** Seconds. Wix has a schedule of its own; this is for whatever proxy stands between. */
const RETRY_AFTER = 1

/** Seconds after which a store that has not answered has failed: Wix gives up after 1.25. */
const STORE_TIMEOUT = 1

const sha256 = (content: string): string => createHash('sha256').update(content).digest('base64url')

/** A hash of what the strategy verified: no content of the event gets into the store. */
function keyOf(req: Authenticated): string {
  const identity = identityOf(req)
  // Any other strategy has not verified the body.
  if (!isNonEmptyString(own(identity, 'eventType'))) {
    throw new Error("deduplicate: put passport.authenticate('wix-webhook', { session: false }) before it")
  }
  const data = own(identity, 'data')
  const id = own(data, 'id')
  // In an old, flat event `id` may be that of the entity that changed, and the same in the next event about it. A retry is
  // the same JWT, so it verifies to the same event.
  const event = isNonEmptyString(id) && isNonEmptyString(own(data, 'entityFqdn')) ? ['id', id] : ['event', identity]
  return sha256(JSON.stringify(['webhook', identity.instanceId, ...event]))
}

const warn = (message: string, reason: unknown): void =>
  process.emitWarning(`deduplicate: ${message}`, { type: 'WixStoreWarning', detail: toError(reason).message })

/**
 * Middleware for after `passport.authenticate('wix-webhook', { session: false })`: lets each webhook through until the
 * route has answered it with 2xx once. Wix retries a delivery for 48 hours until it sees a 200 within 1.25 s, and
 * sometimes repeats it after that.
 *
 * A delivery that was handled is answered with 200 at once, one that is in flight with 503, so that Wix retries it. When the route
 * answers with anything but 2xx, or its lease expires, the next attempt is let through. Calls `next(error)` with a
 * {@link WixUnavailableError} when the store fails, and with an Error (500) when no webhook was authenticated before.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/faq-for-webhooks
 */
export function deduplicate(
  options: DeduplicateOptions,
): (req: Authenticated, res: DeduplicateResponse, next: (error?: unknown) => void) => void {
  const {
    store,
    lease = 50,
    ttl = 302_460,
  } = checkOptions('deduplicate', options, {
    store: required(isStore),
    lease: must(
      (value) => isNumber(value) && value > 0 && value <= 86_400,
      'a number of seconds above 0, at most 86400',
    ),
    // Redis takes integers of limited size; Wix retries nothing for a year.
    ttl: must(
      (value) => isNumber(value) && value > 0 && value <= 31_536_000,
      'a number of seconds above 0, at most 31536000',
    ),
  })

  const inTime = <T>(call: () => T | PromiseLike<T>): Promise<T> =>
    withTimeout(STORE_TIMEOUT, call, () => {
      throw new Error(`The store did not answer within ${STORE_TIMEOUT} s`)
    })

  return (req, res, next) => {
    let key: string
    try {
      if (res.writableEnded) throw new Error('deduplicate: the response has ended already, so the route cannot answer')
      key = keyOf(req)
    } catch (reason) {
      return next(toError(reason))
    }
    // Unique, so that an attempt whose lease has expired cannot free the lease of the next one.
    const owner = randomUUID()

    const begun = (async () => checkProgress(await store.begin(key, lease, owner)))()

    // Nothing waits for these two: the answer is on its way.
    const finish = (): void =>
      void inTime(() => store.finish(key, ttl)).catch((reason: unknown) =>
        warn('a handled delivery could not be stored, so a retry may be handled again', reason),
      )
    const abort = (): void =>
      void inTime(() => store.abort(key, owner)).catch((reason: unknown) =>
        warn('a failed delivery could not be freed, so retries wait until its lease expires', reason),
      )

    const admit = (): void => {
      // The app has answered elsewhere, or Wix has hung up before the route began: the route handles the next attempt.
      if (res.writableEnded || res.destroyed) return abort()
      // A hang-up of Wix is not the end of the route: until that, or until the lease expires, no other attempt runs.
      let isSettled = false
      const settle = (): void => {
        if (isSettled || !res.writableEnded) return
        isSettled = true
        if (res.statusCode >= 200 && res.statusCode < 300) finish()
        else abort()
      }
      // `prefinish` comes before Wix can see the answer, and also after a hang-up; `finish` and `close` are for HTTP/2, which
      // has no `prefinish`.
      for (const event of ['prefinish', 'finish', 'close']) res.once(event, settle)
      next()
    }
    const decide = (progress: DeliveryProgress): void => {
      if (progress === 'new') return admit()
      // The app has answered elsewhere in the meantime.
      if (res.headersSent) return
      res.statusCode = progress === 'done' ? 200 : 503
      if (progress === 'busy') res.setHeader('Retry-After', String(RETRY_AFTER))
      res.end()
    }

    const failed = (cause: unknown): void => {
      // A lease that comes late would block the next attempt, while no route handles the delivery.
      void begun.then((progress) => progress === 'new' && abort()).catch(() => {})
      const message = 'The store of deliveries failed, so Wix is asked to retry; see `cause`'
      next(new WixUnavailableError(message, { cause, retryAfter: RETRY_AFTER }))
    }
    void inTime(() => begun)
      .then(decide, failed)
      .catch(next)
  }
}
