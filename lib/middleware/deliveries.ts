import { randomUUID } from 'node:crypto'
import { WixUnavailableError } from '../errors.ts'
import type { WixIdentity } from '../identity.ts'
import { idHint } from '../internal/hints.ts'
import { debug, lineOf, quietly } from '../internal/log.ts'
import { checkOptions, must, required } from '../internal/options.ts'
import { toError, withTimeout } from '../internal/promises.ts'
import { isNumber } from '../internal/values.ts'
import { type EventForm, eventKey, idOf } from './event-key.ts'
import { checkProgress, type DeliveryProgress, type DeliveryStore, isStore } from './stores.ts'

/** The options of `deduplicate` and `handleOnce`. All times are seconds. */
export interface DeduplicateOptions {
  /** Where deliveries are stored: `memoryStore()` for one process, `postgresStore(client)` or `redisStore(client)` for several. */
  store: DeliveryStore
  /**
   * How long a delivery may be in the route. Default: 50. Must be longer than the route ever takes: after that, or after a
   * crash, a retry is let through. Wix's first retry comes after a minute: if it finds a lease, the next one comes
   * ten minutes later.
   */
  lease?: number
  /**
   * How long a handled delivery is stored. Default: 302460. No less than the strategy's `maxAge` plus twice its
   * `clockTolerance`: what is older is refused there.
   */
  ttl?: number
}

/** Seconds. Wix has a schedule of its own; this is for whatever proxy stands between. */
export const RETRY_AFTER: number = 1

/** Seconds after which a store that has not answered has failed: Wix gives up after 1.25. */
const STORE_TIMEOUT = 1

const ANSWERED = { done: { status: 200, hint: 'handled before' }, busy: { status: 503, hint: 'in flight' } }

/** One attempt to handle an event. */
interface Delivery {
  /** Rejects with a {@link WixUnavailableError} when the store fails. */
  begin(): Promise<DeliveryProgress>
  /** It was handled. Never rejects: a failure of the store is a warning. */
  finish(): Promise<void>
  /** It was not handled. Never rejects: a failure of the store is a warning. */
  abort(): Promise<void>
}

/**
 * Prepares what every delivery asks of the store. The function that it returns takes the request only for the log.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export function deliveries(
  caller: string,
  options: DeduplicateOptions,
): (event: WixIdentity & EventForm, request?: unknown) => Delivery {
  const {
    store,
    lease = 50,
    ttl = 302_460,
  } = checkOptions(caller, options, {
    store: required(isStore),
    lease: must(
      (value) => isNumber(value) && value > 0 && value <= 3600,
      'a number of seconds above 0, at most 3600',
      'number',
    ),
    // Redis takes integers of limited size; Wix retries nothing for a year.
    ttl: must(
      (value) => isNumber(value) && value > 0 && value <= 31_536_000,
      'a number of seconds above 0, at most 31536000',
      'number',
    ),
  })

  const inTime = <T>(call: () => T | PromiseLike<T>): Promise<T> =>
    withTimeout(STORE_TIMEOUT, call, () => {
      throw new Error(`The store did not answer within ${STORE_TIMEOUT} s`)
    })
  const orWarn = async (call: () => unknown, message: string): Promise<void> => {
    try {
      await inTime(call)
    } catch (reason) {
      process.emitWarning(`${caller}: ${message}`, { type: 'WixStoreWarning', detail: toError(reason).message })
    }
  }

  /** Nothing else tells of a delivery that the route does not get. */
  const log = (
    { status, hint }: { status: number; hint: string },
    event: WixIdentity & EventForm,
    request: unknown,
  ): void => {
    const told = { strategy: caller, status, code: null, hint: hint + idHint(idOf(event)), error: null }
    quietly(caller, () => debug(lineOf({ ...told, identity: event, request })))
  }

  return (event, request) => {
    const key = eventKey(event)
    // Unique, so that an attempt whose lease has expired cannot free the lease of the next one.
    const attempt = randomUUID()
    const abort = (): Promise<void> =>
      orWarn(
        () => store.abort(key, attempt),
        'the lease of a failed delivery could not be released, so retries wait until it expires',
      )
    return {
      async begin() {
        const begun = (async () => checkProgress(await store.begin(key, lease, attempt)))()
        try {
          const progress = await inTime(() => begun)
          if (debug.enabled && progress !== 'new') log(ANSWERED[progress], event, request)
          return progress
        } catch (cause) {
          // A lease that comes late would block the next attempt, while no route handles the delivery.
          void begun.then((progress) => (progress === 'new' ? abort() : undefined)).catch(() => {})
          const message = 'The store of deliveries failed, so Wix is asked to retry; see `cause`'
          throw new WixUnavailableError(message, { cause, retryAfter: RETRY_AFTER })
        }
      },
      finish: () =>
        orWarn(() => store.finish(key, ttl), 'a handled delivery could not be stored, so a retry may be handled again'),
      abort,
    }
  }
}
