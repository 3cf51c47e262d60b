import { randomUUID } from 'node:crypto'
import { own } from '../../lib/internal/values.ts'
import type { Event } from './sign.ts'
import { MEMBER, type Selection } from './sites.ts'

/** An event that the simulator can make: the last part of its type in snake case. */
export type SimulatorEvent =
  | 'app_installed'
  | 'app_removed'
  | 'paid_plan_purchased'
  | 'paid_plan_changed'
  | 'paid_plan_auto_renewal_cancelled'
  | 'order_created'
  | 'order_updated'
  | 'order_canceled'
  | 'order_purchased'
  | 'contact_created'
  | 'contact_updated'
  | 'booking_created'
  | 'booking_canceled'
  | 'member_created'
  | 'member_deleted'

/** What an event is made from. */
export interface Occasion {
  selection: Selection
  appId: string
  plans: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

interface Kind {
  eventType: string
  /** A sentence about what has happened. */
  title: string
  /** What is around the content, also around content of one's own. Old events have nothing there. */
  around: (id: string, occasion: Occasion) => Fields
  content: (id: string, occasion: Occasion) => Fields
}

const now = (): string => new Date().toISOString()
const DAY = 86_400_000
const inDays = (days: number): string => new Date(Date.now() + days * DAY).toISOString()

const newEvent = (): { id: string; eventTime: string } => ({ id: randomUUID(), eventTime: now() })

/** An event of the days before Wix's envelope. */
const flat = (eventType: string, title: string, content: (occasion: Occasion) => Fields): Kind => ({
  eventType,
  title,
  around: () => ({}),
  content: (_id, occasion) => content(occasion),
})

/** Of a domain event, Wix documents the two parts of its type apart: `entityFqdn` and `slug`. */
const domain = (
  entityFqdn: string,
  slug: string,
  title: string,
  content: (id: string, occasion: Occasion) => Fields,
  more: { sequence?: number; isAnonymized?: true; idOf?: (occasion: Occasion) => string } = {},
): Kind => {
  const { sequence = 1, isAnonymized = false, idOf } = more
  const entityId = (id: string, occasion: Occasion): string => idOf?.(occasion) ?? id
  return {
    eventType: `${entityFqdn}_${slug}`,
    title,
    around: (id, occasion) => ({
      ...newEvent(),
      entityFqdn,
      slug,
      entityId: entityId(id, occasion),
      triggeredByAnonymizeRequest: isAnonymized,
      originatedFrom: '',
      entityEventSequence: String(sequence),
    }),
    content: (id, occasion) => content(entityId(id, occasion), occasion),
  }
}

const created = (entity: object): Fields => ({ createdEvent: { entity } })
const updated = (currentEntity: object): Fields => ({ updatedEvent: { currentEntity } })
/** An action has a body of its own. */
const acted = (body: object): Fields => ({ actionEvent: { body } })

const lifeCycle = ({ selection: { site }, appId }: Occasion): Fields => ({
  appId,
  originInstanceId: site.originInstanceId ?? '',
})

/** The plan that was chosen, or the first one: an event about a plan needs one. */
const planOf = ({ selection: { plan }, plans }: Occasion): string => plan ?? plans[0] ?? 'premium'

const plan = (occasion: Occasion): Fields => ({
  operationTimeStamp: now(),
  vendorProductId: planOf(occasion),
  cycle: 'MONTHLY',
})

const order = (id: string, more: object): object => ({
  id,
  number: '10042',
  currency: 'EUR',
  priceSummary: { total: { amount: '32.00', formattedAmount: '€32.00' } },
  ...more,
})

const contact = (id: string, revision: number, email: string): object => ({
  id,
  revision,
  createdDate: now(),
  updatedDate: now(),
  primaryInfo: { email },
  info: { name: { first: 'Robin', last: 'Example' }, emails: { items: [{ tag: 'HOME', email, primary: true }] } },
})

const booking = (id: string, status: string): object => ({
  id,
  status,
  createdDate: now(),
  startDate: inDays(7),
  endDate: inDays(7.05),
  totalParticipants: 1,
  contactDetails: { firstName: 'Robin', lastName: 'Example', email: 'robin@site.example' },
})

/** The member that an event is about: the one who was chosen, or the one of the simulator. */
const ofMember = ({ selection: { site, person } }: Occasion): string =>
  (person.subjectType === 'MEMBER' ? person : MEMBER).id(site)

/**
 * Types and shapes as Wix documents them, with a few of the properties of each entity. Where its reference names only
 * `entityFqdn` and `slug`, the type is put together from them, as it is in the examples there.
 *
 * @see https://dev.wix.com/docs/api-reference/articles/work-with-wix-apis/platform/about-the-structure-of-webhooks
 */
const KINDS: Readonly<Record<SimulatorEvent, Kind>> = {
  app_installed: flat('AppInstalled', 'The app is installed', lifeCycle),
  app_removed: flat('AppRemoved', 'The app is removed', lifeCycle),
  paid_plan_purchased: flat('PaidPlanPurchased', 'A plan of the app is bought', (occasion) => ({
    ...plan(occasion),
    expiresOn: inDays(30),
    invoiceId: '100042',
  })),
  paid_plan_changed: flat('PaidPlanChanged', 'A plan of the app is changed', (occasion) => ({
    ...plan(occasion),
    previousVendorProductId: occasion.plans.find((name) => name !== planOf(occasion)) ?? planOf(occasion),
    previousCycle: 'YEARLY',
    invoiceId: '100043',
  })),
  paid_plan_auto_renewal_cancelled: flat(
    'PaidPlanAutoRenewalCancelled',
    'A plan of the app is cancelled, and ends with the time that is paid',
    (occasion) => ({ ...plan(occasion), cancelReason: 'USER_CANCEL' }),
  ),
  order_created: domain('wix.ecom.v1.order', 'created', 'An order comes in', (id) =>
    created(order(id, { paymentStatus: 'NOT_PAID' })),
  ),
  order_updated: domain(
    'wix.ecom.v1.order',
    'updated',
    'An order is paid',
    (id) => updated(order(id, { paymentStatus: 'PAID' })),
    { sequence: 2 },
  ),
  order_canceled: domain(
    'wix.ecom.v1.order',
    'canceled',
    'An order is canceled',
    (id) => acted({ order: order(id, { status: 'CANCELED' }) }),
    { sequence: 3 },
  ),
  order_purchased: domain('wix.pricing_plans.v2.order', 'purchased', 'A plan of the site is bought', (id, occasion) =>
    acted({
      order: {
        id,
        planName: 'Ten lessons',
        buyer: { memberId: ofMember(occasion) },
        status: 'ACTIVE',
        startDate: now(),
      },
    }),
  ),
  contact_created: domain('wix.contacts.v4.contact', 'created', 'A contact is new', (id) =>
    created(contact(id, 1, 'robin@site.example')),
  ),
  contact_updated: domain(
    'wix.contacts.v4.contact',
    'updated',
    'A contact has another address',
    (id) => updated(contact(id, 2, 'robin@moved.example')),
    { sequence: 2 },
  ),
  booking_created: domain('wix.bookings.v2.booking', 'created', 'A booking comes in', (id) =>
    created(booking(id, 'CREATED')),
  ),
  booking_canceled: domain(
    'wix.bookings.v2.booking',
    'canceled',
    'A booking is canceled',
    (id) => acted({ booking: booking(id, 'CANCELED') }),
    { sequence: 2 },
  ),
  member_created: domain(
    'wix.members.v1.member',
    'created',
    'A member signs up',
    (id) => created({ id, loginEmail: 'robin@site.example', status: 'APPROVED', profile: { nickname: 'Robin' } }),
    { idOf: ofMember },
  ),
  member_deleted: domain(
    'wix.members.v1.member',
    'deleted',
    'A member is erased (GDPR): remove the personal data',
    () => ({ deletedEvent: {} }),
    { sequence: 3, isAnonymized: true, idOf: ofMember },
  ),
}

export const EVENTS: readonly SimulatorEvent[] = Object.keys(KINDS) as SimulatorEvent[]

export const isEvent = (name: unknown): name is SimulatorEvent => typeof name === 'string' && Object.hasOwn(KINDS, name)

/** The event of the catalogue that has this name, or this type in full. */
export const eventNamed = (name: unknown): SimulatorEvent | undefined =>
  EVENTS.find((event) => event === name || KINDS[event].eventType === name)

/**
 * An event of the catalogue.
 *
 * @param data The content in place of its own. What is around it is new each time, unless it is named here.
 * @param id Of the entity.
 */
export function eventOf(name: SimulatorEvent, occasion: Occasion, data?: object, id: string = randomUUID()): Event {
  const { eventType, around, content } = KINDS[name]
  return { eventType, data: { ...around(id, occasion), ...(data ?? content(id, occasion)) } }
}

/** An event of any other type: where it has Wix's envelope, `id` and `eventTime` are new, unless it names them. */
export const eventOfType = (eventType: string, data: object): Event => ({
  eventType,
  data: own(data, 'entityFqdn') === undefined ? data : { ...newEvent(), ...data },
})

/** An event of the catalogue to be edited, without what must be new each time. */
export function sampleOf(name: SimulatorEvent, occasion: Occasion): { title: string; type: string; data: object } {
  const { eventType, data } = eventOf(name, occasion)
  const { id: _id, eventTime: _eventTime, ...rest } = data as Record<string, unknown>
  return { title: KINDS[name].title, type: eventType, data: rest }
}

/** The argument of `calculateAdditionalFees`. */
export const CART: object = {
  lineItems: [
    {
      productName: 'Bowl',
      quantity: 2,
      price: '16.00',
      physicalProperties: { sku: '0043', shippable: true },
    },
  ],
}

/** The argument of `runTool`, of which the app has defined both. */
export const TOOL_CALL: object = { methodName: 'trackParcel', payload: { number: 'RB1' } }

export const payment = ({ site }: Selection): object => ({
  instanceId: site.instanceId,
  type: 'payment captured',
  id: randomUUID(),
  amount: '32.00',
})
