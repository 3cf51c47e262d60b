import { plain, property } from '../internal/values.ts'
import { type DeduplicateOptions, deliveries, RETRY_AFTER } from '../middleware/deliveries.ts'
import { isEvent } from '../middleware/event-key.ts'
import type { WixWebhookEvent } from '../strategies/webhook.ts'
import type { FetchResponse } from './to-response.ts'

/** Calls the handler, unless the event was handled before, or is being handled. */
export type Once = (
  event: WixWebhookEvent,
  handler: () => FetchResponse | PromiseLike<FetchResponse>,
) => Promise<FetchResponse>

/**
 * `deduplicate` for Fetch: handles each webhook until its handler has answered with 2xx once. Make it once, outside of the route.
 *
 * An event that was handled is answered with an empty 200, one that is in flight with 503, so that Wix retries it. When the handler answers
 * with anything but 2xx, or fails, or the lease expires, the next attempt is handled. The response is held back until the store
 * has recorded the outcome, since workers stop once they have responded. If recording fails, the handler's response is sent anyway, with a
 * warning.
 *
 * @returns A function that rejects with a `WixUnavailableError` when the store fails before the handler is called, with what the
 *   handler throws, and with a TypeError for anything but a webhook event, and for a handler that returns no `Response`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const once = handleOnce({ store: memoryStore() })
 * const response = await once(event, () => new Response())
 */
export function handleOnce(options: DeduplicateOptions): Once {
  const deliveryOf = deliveries('handleOnce', options)

  return async (event, handler) => {
    if (!isEvent(event)) {
      throw new TypeError('handleOnce: its first argument must be the event that a WixWebhookStrategy has verified')
    }
    const delivery = deliveryOf(event)
    const progress = await delivery.begin()
    if (progress === 'done') return new Response(null, plain({ status: 200 }))
    if (progress === 'busy') {
      return new Response(null, plain({ status: 503, headers: plain({ 'Retry-After': String(RETRY_AFTER) }) }))
    }

    let isHandled = false
    try {
      const response = await handler()
      const status = property(response, 'status')
      if (typeof status !== 'number') throw new TypeError('handleOnce: its handler must return a Response')
      isHandled = status >= 200 && status < 300
      return response
    } finally {
      await (isHandled ? delivery.finish() : delivery.abort())
    }
  }
}
