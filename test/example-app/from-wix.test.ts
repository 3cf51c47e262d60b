import { expect } from 'chai'
import { sql } from 'kysely'
import sinon from 'sinon'
import { signDigest, signInstance, signServicePlugin } from '../../devtools/testing/index.ts'
import { SECRET } from '../support/build.ts'
import {
  APP_ID,
  collaborator,
  describeExampleApp,
  KEYS,
  now,
  OTHER_KEYS,
  owner,
  visitor,
  webhook,
} from '../support/example-app.ts'

describeExampleApp('What Wix sends to the example app', (app) => {
  const { post, open, send, rows } = app

  describe('as a webhook', () => {
    it('stores a site when the app is installed', async () => {
      const { status } = await send('AppInstalled', {
        data: { originInstanceId: 'instance-0' },
        webhookId: 'webhook-1',
      })

      expect(status).to.equal(200)
      expect(await rows('sites')).to.have.lengthOf(1)
      expect((await rows('sites'))[0]).to.include({
        instanceId: 'instance-1',
        originId: 'instance-0',
        removedAt: null,
      })
      expect((await rows('events'))[0]).to.include({
        instanceId: 'instance-1',
        kind: 'webhook',
        type: 'AppInstalled',
        eventId: 'webhook-1',
      })
    })

    it('rejects every user of a site that removed the app, with an explanation', async () => {
      await open(owner())
      await send('AppRemoved')

      for (const payload of [owner(), collaborator(), visitor()]) {
        const { status, page } = await open(payload)
        expect(status).to.equal(401)
        expect(page).to.include('The app was removed from this site').and.to.include('Install the app again')
        expect(page).to.include('<code>app_removed</code>')
      }
      expect((await rows('users'))[0]).to.include({ visits: 1 })
      expect((await open(owner({ instanceId: 'instance-2' }))).status).to.equal(200)
    })

    it('rejects the users of a site of which only the removal is known', async () => {
      await send('AppRemoved')

      expect((await open(owner())).status).to.equal(401)
      expect(await rows('users')).to.deep.equal([])
    })

    it('lets the users in again after a new installation, and still knows them', async () => {
      await open(owner())
      await send('AppRemoved', {}, { iat: now() - 10 })
      await send('AppInstalled')
      const { status } = await open(owner())

      expect(status).to.equal(200)
      expect((await rows('users'))[0]).to.include({ visits: 2 })
      expect(await rows('sites')).to.have.lengthOf(1)
    })

    it('responds with 200 to an installation whose origin is no string, and stores it without one', async () => {
      for (const originInstanceId of [{ id: 'instance-0' }, ['instance-0'], 7, true]) {
        expect((await send('AppInstalled', { data: { originInstanceId } })).status).to.equal(200)
      }

      expect((await rows('sites'))[0]).to.include({ originId: null })
      expect(await rows('events')).to.have.lengthOf(4)
    })

    it('responds with 200 to a webhook that was signed within a second, and keeps the order to the millisecond', async () => {
      const second = now() - 10
      expect((await send('AppRemoved', {}, { iat: second + 0.7654321 })).status).to.equal(200)
      expect((await send('AppInstalled', {}, { iat: second + 0.1234567 })).status).to.equal(200)

      expect(await rows('events')).to.have.lengthOf(2)
      expect((await open(owner())).status).to.equal(401)
    })

    it('ignores an old installation that arrives after the removal', async () => {
      await send('AppRemoved', {}, { iat: now() - 10 })
      const { status } = await send('AppInstalled', {}, { iat: now() - 20 })

      expect(status).to.equal(200)
      expect(await rows('events')).to.have.lengthOf(2)
      expect((await open(owner())).status).to.equal(401)
    })

    it('ignores an old removal that arrives after the new installation', async () => {
      await send('AppInstalled', {}, { iat: now() - 10 })
      await send('AppRemoved', {}, { iat: now() - 20 })

      expect((await open(owner())).status).to.equal(200)
    })

    it('stores an event once that Wix sends several times, one after the other or at once', async () => {
      const body = webhook('AppInstalled')
      const answers = [await post('/webhooks', body), await post('/webhooks', body)]
      const other = webhook('AppRemoved')
      await Promise.all([post('/webhooks', other), post('/webhooks', other), post('/webhooks', other)])

      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200])
      expect(await rows('events')).to.have.lengthOf(2)
    })

    it('responds to an unknown event with 200, and only adds it to the list', async () => {
      const { status } = await send('wix.ecom.v1.order_created', {
        data: { id: 'event-1', entityFqdn: 'wix.ecom.v1.order' },
      })

      expect(status).to.equal(200)
      expect(await rows('sites')).to.deep.equal([])
      expect((await rows('events'))[0]).to.include({ type: 'wix.ecom.v1.order_created', eventId: 'event-1' })
    })

    it('responds to a forged, an old and an empty webhook with 401, and stores nothing', async () => {
      const answers = [
        await send('AppRemoved', {}, {}, OTHER_KEYS),
        await send('AppRemoved', {}, { iat: now() - 400_000 }),
        await post('/webhooks', ''),
        await post('/webhooks', JSON.stringify({ instanceId: 'instance-1', eventType: 'AppRemoved' })),
        await post('/webhooks', signInstance(owner(), SECRET)),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401, 401, 401])
      expect(await rows('sites')).to.deep.equal([])
      expect(await rows('events')).to.deep.equal([])
    })

    it('responds with 500 when it cannot store an event, so that the retry is handled', async () => {
      const log = sinon.stub(console, 'error')
      const broken = sinon.stub(app.database, 'record').rejects(new Error('the disk is full'))
      const body = webhook('AppRemoved')
      const first = await post('/webhooks', body)
      broken.restore()
      const second = await post('/webhooks', body)

      expect([first.status, second.status]).to.deep.equal([500, 200])
      expect(await rows('events')).to.have.lengthOf(1)
      sinon.assert.calledOnce(log)
    })

    it('stores the removal and the event together, or neither', async () => {
      sinon.stub(console, 'error')
      await sql.raw('ALTER TABLE sites RENAME TO elsewhere').execute(app.database.tables)
      const body = webhook('AppRemoved')
      const first = await post('/webhooks', body)
      await sql.raw('ALTER TABLE elsewhere RENAME TO sites').execute(app.database.tables)

      expect(first.status).to.equal(500)
      expect(await rows('events')).to.deep.equal([])
      expect((await post('/webhooks', body)).status).to.equal(200)
      expect([(await rows('events')).length, (await rows('sites')).length]).to.deep.equal([1, 1])
    })
  })

  const FEES = '/plugins/fees/v1/calculate-additional-fees'
  const LINE_ITEMS: object[] = [
    { quantity: 3, price: '16.00', physicalProperties: { shippable: true } },
    { quantity: 1, price: '9.00', physicalProperties: { shippable: false } },
    { quantity: 1, price: '5.00' },
  ]
  const cart = (appId = APP_ID, { privateKey } = KEYS, lineItems = LINE_ITEMS): string =>
    signServicePlugin(
      {
        appId,
        request: { lineItems },
        metadata: { instanceId: 'instance-1', requestId: 'request-1', currency: 'EUR' },
      },
      privateKey,
    )

  describe('as a call to the service plugin', () => {
    it('returns the fees of a cart in the currency of the site', async () => {
      const { status, headers, page } = await post(FEES, cart())

      expect(status).to.equal(200)
      expect(headers.get('content-type')).to.equal('application/json; charset=utf-8')
      expect(JSON.parse(page)).to.deep.equal({
        additionalFees: [
          { code: 'careful-packaging', name: 'Careful packaging', price: '4.50', taxDetails: { taxable: true } },
        ],
        currency: 'EUR',
      })
      expect((await rows('events'))[0]).to.include({
        instanceId: 'instance-1',
        kind: 'service plugin',
        type: 'calculate-additional-fees',
        eventId: 'request-1',
      })
    })

    it('returns no fees for anything but a cart', async () => {
      for (const request of [
        {},
        { lineItems: [] },
        { lineItems: 'all' },
        { lineItems: [null, 1, { quantity: 'x' }] },
      ]) {
        const metadata = { instanceId: 'instance-1', currency: 'EUR' }
        const { status, page } = await post(
          FEES,
          signServicePlugin({ appId: APP_ID, request, metadata }, KEYS.privateKey),
        )

        expect(status).to.equal(200)
        expect(JSON.parse(page)).to.deep.equal({ additionalFees: [], currency: 'EUR' })
      }
    })

    it('responds with 400 to quantities without an exact price, and stores nothing', async () => {
      const physicalProperties = { shippable: true }
      for (const quantities of [[1e308], [9e307, 9e307], [6.1e13]]) {
        const lineItems = quantities.map((quantity) => ({ quantity, physicalProperties }))
        const { status, page } = await post(FEES, cart(APP_ID, KEYS, lineItems))

        expect(status).to.equal(400)
        expect(JSON.parse(page)).to.deep.equal({
          code: 'bad_request',
          message: 'The quantities are too large for a price',
        })
      }
      expect(await rows('events')).to.deep.equal([])
    })

    it('ignores a quantity that is no number', async () => {
      for (const quantity of ['2', [2], { valueOf: 2, toString: 2 }, null]) {
        const lineItems = [{ quantity, physicalProperties: { shippable: true } }]
        const { status, page } = await post(FEES, cart(APP_ID, KEYS, lineItems))

        expect(status).to.equal(200)
        expect(JSON.parse(page)).to.deep.equal({ additionalFees: [], currency: 'EUR' })
      }
    })

    it('responds to a forged call, a call for another app and a webhook with 401, and stores nothing', async () => {
      const answers = [
        await post(FEES, cart('another-app')),
        await post(FEES, cart(APP_ID, OTHER_KEYS)),
        await post(FEES, webhook('AppRemoved')),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401])
      expect(await rows('events')).to.deep.equal([])
    })
  })

  describe('as a payment', () => {
    it('stores a payment with a genuine Digest header, for the site that the body names', async () => {
      const body = JSON.stringify({ instanceId: 'instance-1', type: 'payment captured', id: 'payment-1' })
      const { status } = await post('/payments/events', body, { Digest: signDigest(body, KEYS.privateKey) })

      expect(status).to.equal(200)
      expect((await rows('events'))[0]).to.include({
        instanceId: 'instance-1',
        kind: 'digest',
        type: 'payment captured',
        eventId: 'payment-1',
      })
    })

    it('stores a payment without a site when the body names none', async () => {
      for (const body of ['{}', '[]', 'null', '{"instanceId":7}']) {
        const { status } = await post('/payments/events', body, { Digest: signDigest(body, KEYS.privateKey) })
        expect(status).to.equal(200)
      }

      expect(await rows('events')).to.have.lengthOf(4)
      for (const row of await rows('events')) expect(row).to.include({ instanceId: null, type: 'payment' })
    })

    it('responds to another body, another key or a missing header with 401, and stores nothing', async () => {
      const body = '{"type":"payment captured"}'
      const answers = [
        await post('/payments/events', `${body} `, { Digest: signDigest(body, KEYS.privateKey) }),
        await post('/payments/events', body, { Digest: signDigest(body, OTHER_KEYS.privateKey) }),
        await post('/payments/events', body),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401])
      expect(await rows('events')).to.deep.equal([])
    })
  })
})
