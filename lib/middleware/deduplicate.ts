import { type Authenticated, identityOf } from '../identity.ts'
import { hiddenField } from '../internal/hidden-field.ts'
import { toError } from '../internal/promises.ts'
import { type DeduplicateOptions, deliveries, RETRY_AFTER } from './deliveries.ts'
import { isEvent } from './event-key.ts'
import type { DeliveryProgress, DeliveryStore } from './stores.ts'

export type { DeduplicateOptions }

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

/** The stores that have let the delivery of this answer through. */
const admittedBy = hiddenField<readonly DeliveryStore[]>()

/**
 * Middleware to put after `passport.authenticate('wix-webhook', { session: false })`: lets each webhook through until the
 * route has answered it with 2xx once. Wix retries a delivery for 48 hours until it sees a 200 within 1.25 s, and
 * sometimes repeats it after that.
 *
 * A delivery that was handled is answered with 200 at once, one that is in flight with 503, so that Wix retries it. When the route
 * answers with anything but 2xx, or its lease expires, the next attempt is let through. Calls `next(error)` with a
 * {@link WixUnavailableError} when the store fails, and with an Error (500) when no webhook was authenticated before.
 * The answer is sent before the store knows of it: where the process is frozen then, as on Lambda, `handleOnce` waits.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/faq-for-webhooks
 * @example
 * app.use('/webhooks', express.raw({ type: () => true, limit: '1mb' }))
 * const signedByWix = passport.authenticate('wix-webhook', { session: false })
 * app.post('/webhooks', signedByWix, deduplicate({ store: memoryStore() }), (req, res) => res.sendStatus(200))
 */
export function deduplicate(
  options: DeduplicateOptions,
): (req: Authenticated, res: DeduplicateResponse, next: (error?: Error) => void) => void {
  const deliveryOf = deliveries('deduplicate', options)
  const { store } = options

  return (req, res, next) => {
    // It stands before the route twice, of which the second would wait for the first.
    const stores = admittedBy.get(res) ?? []
    if (stores.includes(store)) return next()
    let delivery: ReturnType<typeof deliveryOf>
    try {
      if (res.writableEnded) throw new Error('deduplicate: the response has ended already, so the route cannot answer')
      const identity = identityOf(req)
      if (!isEvent(identity)) {
        throw new Error(
          "deduplicate: put passport.authenticate('wix-webhook', { session: false }) before this middleware",
        )
      }
      delivery = deliveryOf(identity, req)
    } catch (reason) {
      return next(toError(reason))
    }
    // Nothing waits for these two: the answer is on its way.
    const finish = (): void => void delivery.finish()
    const abort = (): void => void delivery.abort()

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
      admittedBy.set(res, [...stores, store])
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

    void delivery.begin().then(decide, next).catch(next)
  }
}
