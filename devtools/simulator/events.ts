import { randomUUID } from 'node:crypto'
import type { Event } from './sign.ts'
import { MEMBER, type Selection } from './sites.ts'

/** The envelope that the data of a domain event has. */
const envelope = (entityFqdn: string, slug: string, entityId: string, sequence: number): Record<string, unknown> => ({
  id: randomUUID(),
  entityFqdn,
  slug,
  entityId,
  eventTime: new Date().toISOString(),
  triggeredByAnonymizeRequest: false,
  originatedFrom: '',
  entityEventSequence: String(sequence),
})

export const lifeCycle = (eventType: 'AppInstalled' | 'AppRemoved', { site }: Selection, appId: string): Event => ({
  eventType,
  data: { appId, originInstanceId: site.originInstanceId ?? '' },
})

const order = (id: string, paymentStatus: string): object => ({
  id,
  number: '10042',
  currency: 'EUR',
  paymentStatus,
  priceSummary: { total: { amount: '32.00', formattedAmount: '€32.00' } },
})

export function orderCreated(id: string): Event {
  const data = envelope('wix.ecom.v1.order', 'created', id, 1)
  return {
    eventType: 'wix.ecom.v1.order_created',
    data: { ...data, createdEvent: { entity: order(id, 'NOT_PAID') } },
  }
}

export function orderUpdated(id: string): Event {
  const data = envelope('wix.ecom.v1.order', 'updated', id, 2)
  return {
    eventType: 'wix.ecom.v1.order_updated',
    data: { ...data, updatedEvent: { currentEntity: order(id, 'PAID') } },
  }
}

/** A member asked for the removal of personal data: the entity is the member of the simulator. */
export function memberErased({ site }: Selection): Event {
  const data = envelope('wix.members.v1.member', 'deleted', MEMBER.id(site), 3)
  return {
    eventType: 'wix.members.v1.member_deleted',
    data: { ...data, triggeredByAnonymizeRequest: true, deletedEvent: {} },
  }
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

export const payment = ({ site }: Selection): string =>
  JSON.stringify({ instanceId: site.instanceId, type: 'payment captured', id: randomUUID(), amount: '32.00' })
