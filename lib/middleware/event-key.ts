import { createHash } from 'node:crypto'
import type { WixIdentity } from '../identity.ts'
import { isNonEmptyString, isObject, own } from '../internal/values.ts'

/** What {@link eventKey} needs of an event; a `WixWebhookEvent` has it. */
export interface EventForm {
  instanceId: string
  eventType: string
  data: object
}

/** By its form, not by its mark: an event may come out of a queue. No other identity has an `eventType`. */
export const isEvent = (value: unknown): value is WixIdentity & EventForm =>
  isNonEmptyString(own(value, 'eventType')) &&
  isNonEmptyString(own(value, 'instanceId')) &&
  isObject(own(value, 'data'))

/** In an old, flat event `id` may be that of the entity that changed, and the same in the next event about it. */
export function idOf({ data }: EventForm): string | undefined {
  const id = own(data, 'id')
  return isNonEmptyString(id) && isNonEmptyString(own(data, 'entityFqdn')) ? id : undefined
}

/** A database may have changed the order of properties: `jsonb` does. */
const sorted = (_name: string, value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value

/**
 * The key of an event, under which `deduplicate` and `handleOnce` store it: the same in every delivery of the event, and for
 * a copy of it that was stored as JSON. Insert it in the transaction that writes what the event changes, and the event is
 * handled exactly once.
 *
 * @param event The event that a `WixWebhookStrategy` has verified. It is taken by its form, and not verified here.
 * @returns 43 characters of base64url: a hash, with no content of the event in it.
 * @throws {TypeError} For anything but such an event.
 * @example
 * await client.query('INSERT INTO handled_events (key) VALUES ($1)', [eventKey(event)])
 */
export function eventKey(event: EventForm): string {
  if (!isEvent(event)) {
    throw new TypeError(
      'eventKey: its argument must be the event that a WixWebhookStrategy has verified: an object with `instanceId`, `eventType` and `data`',
    )
  }
  const id = idOf(event)
  // A retry is the same JWT, so it verifies to the same event.
  const what = id === undefined ? ['event', event] : ['id', event.eventType, id]
  return createHash('sha256')
    .update(JSON.stringify(['webhook', event.instanceId, ...what], sorted))
    .digest('base64url')
}
