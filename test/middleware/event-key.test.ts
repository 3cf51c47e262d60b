import { expect } from 'chai'
import sinon from 'sinon'
import { authenticateRequest, handleOnce } from '../../lib/fetch/index.ts'
import { eventKey, WixWebhookStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { KEYS, webhook } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { storeOf } from '../support/store.ts'

const domain = {
  instanceId: 'instance-1',
  eventType: 'wix.ecom.v1.order_created',
  data: { id: 'event-1', entityFqdn: 'wix.ecom.v1.order', slug: 'created' },
}
const flat = { instanceId: 'instance-1', eventType: 'ProductChanged', data: { productId: 'a', fields: ['x'] }, iat: 1 }

describe('eventKey', () => {
  it('is a hash without any content of the event', () => {
    expect(eventKey(domain)).to.match(/^[\w-]{43}$/)
    expect(eventKey(flat)).to.match(/^[\w-]{43}$/)
  })

  it('never changes, since what was handled is stored under it', () => {
    expect([eventKey(domain), eventKey(flat)]).to.deep.equal([
      'BV0fQr6kl4zrwph6RL6RjyPORTfY7A0t1UsVLpWoa_s',
      'HwtKDLR1yTBA2h4I4m0BDTPyfliQuVOKoRXaq7q1n3c',
    ])
  })

  it('is the key under which a store is asked', async () => {
    for (const event of [domain, flat]) {
      const store = storeOf()
      await handleOnce({ store })(event as never, () => new Response())
      sinon.assert.calledWith(store.begin, eventKey(event))
    }
  })

  it('is the same for each delivery of a real event, and for its copy out of a queue, in any order', async () => {
    const strategy = new WixWebhookStrategy({ publicKey: KEYS.publicKey, now })
    const verified = async (body: string) =>
      (await authenticateRequest(new Request('https://backend.example', { method: 'POST', body }), strategy)).identity
    for (const data of [domain.data, flat.data, { z: [{ b: 1, a: null }], a: { d: 'ü', c: 0.5 }, __proto__: null }]) {
      const body = webhook({ data })
      const event = await verified(body)
      const reversed = JSON.stringify(event, (_name, value: unknown) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).toReversed())
          : value,
      )
      expect(reversed).to.not.equal(JSON.stringify(event))
      for (const copy of [await verified(body), structuredClone(event), JSON.parse(reversed)])
        expect(eventKey(copy)).to.equal(eventKey(event))
    }
  })

  it('is another for whatever tells two events apart', () => {
    const events = [
      domain,
      { ...domain, instanceId: 'instance-2' },
      { ...domain, eventType: 'wix.ecom.v1.order_updated' },
      { ...domain, data: { ...domain.data, id: 'event-2' } },
      { ...domain, data: { id: 'event-1' } },
      flat,
      { ...flat, eventType: 'ProductCreated' },
      { ...flat, iat: 2 },
      { ...flat, data: { ...flat.data, fields: ['x', 'y'] } },
      { ...flat, data: { ...flat.data, fields: [['x']] } },
      { ...flat, data: { ...flat.data, fields: { 0: 'x' } } },
      { ...flat, data: { ...flat.data, id: 'a' } },
      { ...flat, data: { ...flat.data, id: 7, entityFqdn: 'x' } },
      { ...flat, data: JSON.parse('{"__proto__":{"productId":"a"}}') as object },
      { ...flat, data: {} },
    ]
    expect(new Set(events.map((event) => eventKey(event)))).to.have.property('size', events.length)
  })

  it('is the same for a domain event of which only the envelope was kept', () => {
    const { instanceId, eventType, data } = domain
    expect(eventKey({ instanceId, eventType, data: { id: data.id, entityFqdn: data.entityFqdn } })).to.equal(
      eventKey(domain),
    )
  })

  describe('its argument', () => {
    const message =
      'eventKey: its argument must be the event that a WixWebhookStrategy has verified: an object with `instanceId`, `eventType` and `data`'
    optionsTable(
      { eventKey },
      [
        [undefined, message],
        [null, message],
        ['the.signed.body-canary', message],
        [[], message],
        [{ ...domain, instanceId: '' }, message],
        [{ ...domain, eventType: undefined }, message],
        [{ ...domain, data: JSON.stringify(domain.data) }, message],
        [{ ...domain, data: null }, message],
        [{ ...domain, data: [domain.data] }, message],
        ['an object that inherits what it needs', Object.create(domain), message],
        ['a promise of an event', Promise.resolve(domain), message],
      ],
      { isWhole: true },
    )
  })
})
