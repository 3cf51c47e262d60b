// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import { chromium } from 'playwright-core'
import sinon from 'sinon'
import { type AppOptions, createApp } from '../example-app/app.ts'
import { type Accounts, openAccounts } from '../example-app/database.ts'
import { DEMO_APP_ID, demoAccessToken, demoLinks, demoRequests } from '../example-app/demo.ts'
import { OTHER_SECRET, SECRET } from './support/build.ts'
import { serve, type Served } from './support/serve.ts'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  WixSimulator,
  type WixSimulatorSubject,
} from '../lib/testing/index.ts'

const CHROMIUM = '/usr/bin/chromium'
const CHROMIUM_OPTIONS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

type Payload = Parameters<typeof signInstance>[0]

const minutesFromNow = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()

/** What Wix signs now; overrides replace, `undefined` leaves out. */
const owner = (overrides: Payload = {}): Payload => ({
  instanceId: 'instance-1',
  metaSiteId: 'site-1',
  uid: 'user-1',
  siteOwnerId: 'user-1',
  permissions: 'OWNER',
  vendorProductId: 'Gold',
  expirationDate: minutesFromNow(240),
  ...overrides,
})
const collaborator = (overrides: Payload = {}): Payload => owner({ uid: 'user-2', ...overrides })
const visitor = (): Payload => owner({ uid: undefined, permissions: undefined, aid: 'visitor-1' })
const member = (): Payload => owner({ permissions: undefined, siteMemberId: 'user-1' })

const KEYS = generateAppKeys()
const OTHER_KEYS = generateAppKeys()

/** Seconds since 1970. */
const now = (): number => Math.floor(Date.now() / 1000)

describe('The example app', () => {
  let folder: string
  let path: string
  let accounts: Accounts
  let wix: WixSimulator
  let served: Served

  /** With everything that the demonstration has; overrides replace. */
  const createDemo = (overrides: Partial<AppOptions> = {}): ReturnType<typeof createApp> =>
    createApp({
      secret: SECRET,
      publicKey: KEYS.publicKey,
      appId: DEMO_APP_ID,
      apiUrl: wix.url,
      accounts,
      demoLinks: () => demoLinks(SECRET),
      demoRequests: () => demoRequests(KEYS.privateKey, wix),
      demoAccessToken: (identity) => demoAccessToken(wix, identity),
      ...overrides,
    })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    path = join(folder, 'data.db')
    accounts = openAccounts(path)
    wix = await WixSimulator.start({ appId: DEMO_APP_ID, appSecret: SECRET })
    served = await serve(createDemo())
  })

  afterEach(async () => {
    sinon.restore()
    await served.close()
    await wix.close()
    accounts.close()
    await rm(folder, { recursive: true })
  })

  interface Answer {
    status: number
    headers: Headers
    page: string
  }

  async function get(address: string): Promise<Answer> {
    const response = await fetch(new URL(address, served.url))
    return { status: response.status, headers: response.headers, page: await response.text() }
  }

  const open = (payload: Payload, secret = SECRET): Promise<Answer> =>
    get(`/dashboard?instance=${signInstance(payload, secret)}`)

  /** What a second connection sees, without any help of the app. */
  function rows(table: 'sites' | 'users' | 'events'): unknown[] {
    const database = new Database(path)
    const found = database.prepare(`SELECT * FROM ${table}`).all()
    database.close()
    return found
  }

  async function post(address: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(new URL(address, served.url), { method: 'POST', body, headers })
    return { status: response.status, headers: response.headers, page: await response.text() }
  }

  /** What Wix signs about `instance-1`; overrides replace. */
  const webhook = (
    eventType: string,
    overrides: Partial<Parameters<typeof signWebhook>[0]> = {},
    claims: Record<string, unknown> = {},
    { privateKey } = KEYS,
  ): string =>
    signWebhook(
      { instanceId: 'instance-1', eventType, data: { appId: DEMO_APP_ID, originInstanceId: '' }, ...overrides },
      privateKey,
      claims,
    )

  const send = (...args: Parameters<typeof webhook>): Promise<Answer> => post('/webhooks', webhook(...args))

  /** Asks the API with what a page would send in `Authorization`. */
  const ask = (address: string, authorization?: string): Promise<Response> =>
    fetch(new URL(address, served.url), authorization === undefined ? {} : { headers: { authorization } })

  const eventsFor = (payload: Payload): Promise<Response> => ask('/api/events', signInstance(payload, SECRET))

  /** What Wix issues for the owner of `instance-1`; overrides replace. */
  const accessToken = (overrides: Partial<WixSimulatorSubject> = {}): string =>
    wix.accessToken({
      instanceId: 'instance-1',
      siteId: 'site-1',
      subjectType: 'USER',
      subjectId: 'user-1',
      ...overrides,
    })

  describe('lets in whoever runs the site', () => {
    it('greets the owner with role, plan, site and the time that is left', async () => {
      const { status, page } = await open(owner())

      expect(status).to.equal(200)
      expect(page).to.include('Welcome, owner')
      expect(page).to.include('<dd class="value">Owner</dd>')
      expect(page).to.include('on the <strong>Gold</strong> plan')
      expect(page).to.include('<code>site-1</code>').and.to.include('<code>instance-1</code>')
      expect(page).to.match(/<dd class="value">3 h 59 min<\/dd>/)
    })

    it('tells a collaborator from the owner, although Wix gives both the same permission', async () => {
      const { status, page } = await open(collaborator())

      expect(status).to.equal(200)
      expect(page).to.include('Welcome, collaborator')
      expect(page).to.not.include('<dd class="value">Owner</dd>')
    })

    it('calls it the free plan when there is none', async () => {
      const { page } = await open(owner({ vendorProductId: null }))

      expect(page).to.include('on the <strong>Free</strong> plan')
    })

    it('lists everybody who was seen on the site', async () => {
      await open(owner())
      const { page } = await open(collaborator())

      expect(page).to.include('<code>user-1</code>').and.to.include('<code>user-2</code>')
    })

    it('counts the day from the signature when Wix names no end', async () => {
      const { page } = await open(owner({ signDate: minutesFromNow(-60), expirationDate: undefined }))

      expect(page).to.match(/<dd class="value">(22 h 59|23 h 0) min<\/dd>/)
    })
  })

  describe('remembers sites and users', () => {
    it('makes one row of the same user who comes twice, and greets them as known', async () => {
      await open(owner())
      const { page } = await open(owner())

      expect(page).to.include('Welcome back, owner')
      expect(rows('sites')).to.have.lengthOf(1)
      expect(rows('users')).to.have.lengthOf(1)
    })

    it('makes one row of the same user who comes many times at once', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => open(owner())))

      expect(answers.every(({ status }) => status === 200)).to.equal(true)
      expect(rows('users')).to.have.lengthOf(1)
      expect(rows('users')[0]).to.include({ visits: 20 })
    })

    it('keeps two sites of the same user apart', async () => {
      await open(collaborator())
      await open(owner())
      const { page } = await open(owner({ instanceId: 'instance-2', metaSiteId: 'site-2' }))

      expect(page).to.include('Welcome, owner')
      expect(page).to.not.include('user-2').and.to.not.include('instance-1')
      expect(rows('sites')).to.have.lengthOf(2)
      expect(rows('users')).to.have.lengthOf(3)
    })

    it('notes the plan of the latest visit, and keeps the origin of a copied site', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      const { page } = await open(owner({ vendorProductId: null }))

      expect(page).to.include('<code>instance-0</code>')
      expect(rows('sites')[0]).to.include({ plan: null, origin_instance_id: 'instance-0', owner_id: 'user-1' })
    })

    it('still knows everybody after a restart', async () => {
      await open(owner())
      accounts.close()
      const again = openAccounts(path)

      expect(again.usersOf('instance-1')).to.have.lengthOf(1)
      again.close()
    })
  })

  describe('keeps everybody else out', () => {
    it('explains to a visitor with 403 who may come in, and writes nothing down', async () => {
      const { status, page } = await open(visitor())

      expect(status).to.equal(403)
      expect(page).to.include('You came as an anonymous visitor of the site').and.to.include('insufficient_scope')
      expect(rows('sites')).to.deep.equal([])
      expect(rows('users')).to.deep.equal([])
    })

    it('does not take a visitor for the owner because of what else the instance says', async () => {
      const { status } = await open(owner({ aid: 'visitor-1' }))

      expect(status).to.equal(403)
      expect(rows('users')).to.deep.equal([])
    })

    it('answers a member of the site with 403, and writes nothing down', async () => {
      const { status, page } = await open(member())

      expect(status).to.equal(403)
      expect(page).to.include('You came as a member of the site')
      expect(rows('users')).to.deep.equal([])
    })

    it('refuses an owner whom the instance does not name', async () => {
      const { status } = await open(owner({ uid: undefined }))

      expect(status).to.equal(401)
      expect(rows('sites')).to.deep.equal([])
    })

    const refusals: ReadonlyArray<[what: string, address: () => string, status: number, code: string]> = [
      ['no instance', () => '/dashboard', 401, 'credentials_missing'],
      ['half an instance', () => '/dashboard?instance=abc', 401, 'token_malformed'],
      [
        'an instance of another app',
        () => `/dashboard?instance=${signInstance(owner(), OTHER_SECRET)}`,
        401,
        'signature_invalid',
      ],
      [
        'an instance that has ended',
        () => `/dashboard?instance=${signInstance(owner({ expirationDate: minutesFromNow(-1) }), SECRET)}`,
        401,
        'token_expired',
      ],
      [
        'an instance of yesterday',
        () =>
          `/dashboard?instance=${signInstance(owner({ signDate: minutesFromNow(-1441), expirationDate: undefined }), SECRET)}`,
        401,
        'token_expired',
      ],
      [
        'two instances',
        () => {
          const instance = signInstance(owner(), SECRET)
          return `/dashboard?instance=${instance}&instance=${instance}`
        },
        400,
        'request_invalid',
      ],
    ]
    for (const [what, address, expectedStatus, code] of refusals) {
      it(`answers ${what} with ${expectedStatus} ${code}, and says what to do`, async () => {
        const { status, page } = await get(address())

        expect(status).to.equal(expectedStatus)
        expect(page).to.include(`<code>${code}</code>`).and.to.include('What you can do')
        expect(rows('users')).to.deep.equal([])
      })
    }

    it('answers an unknown address with 404', async () => {
      const { status, page } = await get('/nowhere?instance=secret')

      expect(status).to.equal(404)
      expect(page).to.include('Not Found').and.to.not.include('secret')
    })
  })

  describe('hears from Wix who installed it and who removed it', () => {
    it('knows a site from its installation on, before anybody opens it', async () => {
      const { status } = await send('AppInstalled', {
        data: { originInstanceId: 'instance-0' },
        webhookId: 'webhook-1',
      })

      expect(status).to.equal(200)
      expect(rows('sites')).to.have.lengthOf(1)
      expect(rows('sites')[0]).to.include({
        instance_id: 'instance-1',
        origin_instance_id: 'instance-0',
        removed_at: null,
      })
      expect(rows('events')[0]).to.include({
        instance_id: 'instance-1',
        kind: 'webhook',
        type: 'AppInstalled',
        event_id: 'webhook-1',
      })
    })

    it('lets nobody in from a site that removed it, and explains it', async () => {
      await open(owner())
      await send('AppRemoved')

      for (const payload of [owner(), collaborator(), visitor()]) {
        const { status, page } = await open(payload)
        expect(status).to.equal(401)
        expect(page).to.include('The app was removed from this site').and.to.include('Install the app again')
        expect(page).to.include('<code>app_removed</code>')
      }
      expect(rows('users')[0]).to.include({ visits: 1 })
      expect((await open(owner({ instanceId: 'instance-2' }))).status).to.equal(200)
    })

    it('refuses a removed site that it had never heard of', async () => {
      await send('AppRemoved')

      expect((await open(owner())).status).to.equal(401)
      expect(rows('users')).to.deep.equal([])
    })

    it('lets everybody in again after a new installation, and still knows them', async () => {
      await open(owner())
      await send('AppRemoved', {}, { iat: now() - 10 })
      await send('AppInstalled')
      const { status, page } = await open(owner())

      expect(status).to.equal(200)
      expect(page).to.include('Welcome back, owner')
      expect(rows('sites')).to.have.lengthOf(1)
    })

    it('is not misled by an old installation that comes after the removal', async () => {
      await send('AppRemoved', {}, { iat: now() - 10 })
      const { status } = await send('AppInstalled', {}, { iat: now() - 20 })

      expect(status).to.equal(200)
      expect(rows('events')).to.have.lengthOf(2)
      expect((await open(owner())).status).to.equal(401)
    })

    it('is not misled by an old removal that comes after the new installation', async () => {
      await send('AppInstalled', {}, { iat: now() - 10 })
      await send('AppRemoved', {}, { iat: now() - 20 })

      expect((await open(owner())).status).to.equal(200)
    })

    it('keeps the removal of a site after a restart', async () => {
      await send('AppRemoved')
      accounts.close()
      const again = openAccounts(path)

      expect(again.isRemoved('instance-1')).to.equal(true)
      again.close()
    })

    it('writes down once what Wix sends twice, one after the other and at once', async () => {
      const body = webhook('AppInstalled')
      const answers = [await post('/webhooks', body), await post('/webhooks', body)]
      const other = webhook('AppRemoved')
      await Promise.all([post('/webhooks', other), post('/webhooks', other), post('/webhooks', other)])

      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200])
      expect(rows('events')).to.have.lengthOf(2)
    })

    it('answers an event that it does not know with 200, and changes nothing but the list', async () => {
      const { status } = await send('wix.ecom.v1.order_created', {
        data: { id: 'event-1', entityFqdn: 'wix.ecom.v1.order' },
      })

      expect(status).to.equal(200)
      expect(rows('sites')).to.deep.equal([])
      expect(rows('events')[0]).to.include({ type: 'wix.ecom.v1.order_created', event_id: 'event-1' })
    })

    it('answers a forged, a too old and an empty webhook with 401, and writes nothing down', async () => {
      const answers = [
        await send('AppRemoved', {}, {}, OTHER_KEYS),
        await send('AppRemoved', {}, { iat: now() - 400_000 }),
        await post('/webhooks', ''),
        await post('/webhooks', JSON.stringify({ instanceId: 'instance-1', eventType: 'AppRemoved' })),
        await post('/webhooks', signInstance(owner(), SECRET)),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401, 401, 401])
      expect(rows('sites')).to.deep.equal([])
      expect(rows('events')).to.deep.equal([])
    })

    it('gives Wix no 200 for what it could not write down, so that the next try is handled', async () => {
      const log = sinon.stub(console, 'error')
      const broken = sinon.stub(accounts, 'removed').throws(new Error('the disk is full'))
      const body = webhook('AppRemoved')
      const first = await post('/webhooks', body)
      broken.restore()
      const second = await post('/webhooks', body)

      expect([first.status, second.status]).to.deep.equal([500, 200])
      expect(rows('events')).to.have.lengthOf(1)
      sinon.assert.calledOnce(log)
    })

    it('removes nothing that it could not put on the list as well', async () => {
      sinon.stub(console, 'error')
      const database = new Database(path)
      database.exec('ALTER TABLE events RENAME TO elsewhere')
      const { status } = await send('AppRemoved')
      database.exec('ALTER TABLE elsewhere RENAME TO events')
      database.close()

      expect(status).to.equal(500)
      expect(rows('sites')).to.deep.equal([])
    })

    it('brings a database of its first version up to date', async () => {
      const old = join(folder, 'old.db')
      const database = new Database(old)
      database.exec(`
        CREATE TABLE sites (
          instance_id TEXT PRIMARY KEY, owner_id TEXT, plan TEXT, origin_instance_id TEXT,
          first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
        ) STRICT;
        INSERT INTO sites VALUES ('instance-1', 'user-1', NULL, NULL, 1, 1);
      `)
      database.close()
      openAccounts(old).close()
      const again = openAccounts(old)

      expect(again.isRemoved('instance-1')).to.equal(false)
      expect(again.eventsOf('instance-1')).to.deep.equal([])
      again.close()
    })
  })

  describe('answers what Wix asks', () => {
    const FEES = '/plugins/fees/v1/calculate-additional-fees'
    const cart = (appId = DEMO_APP_ID, { privateKey } = KEYS): string =>
      signServicePlugin(
        {
          appId,
          request: {
            lineItems: [
              { quantity: 3, price: '16.00', physicalProperties: { shippable: true } },
              { quantity: 1, price: '9.00', physicalProperties: { shippable: false } },
              { quantity: 1, price: '5.00' },
            ],
          },
          metadata: { instanceId: 'instance-1', requestId: 'request-1', currency: 'EUR' },
        },
        privateKey,
      )

    it('names the fees of a cart in the currency of the site', async () => {
      const { status, headers, page } = await post(FEES, cart())

      expect(status).to.equal(200)
      expect(headers.get('content-type')).to.equal('application/json; charset=utf-8')
      expect(JSON.parse(page)).to.deep.equal({
        additionalFees: [
          { code: 'careful-packaging', name: 'Careful packaging', price: '4.50', taxDetails: { taxable: true } },
        ],
        currency: 'EUR',
      })
      expect(rows('events')[0]).to.include({
        instance_id: 'instance-1',
        kind: 'service plugin',
        type: 'calculate-additional-fees',
        event_id: 'request-1',
      })
    })

    it('names no fees for what is no cart', async () => {
      for (const request of [
        {},
        { lineItems: [] },
        { lineItems: 'all' },
        { lineItems: [null, 1, { quantity: 'x' }] },
      ]) {
        const metadata = { instanceId: 'instance-1', currency: 'EUR' }
        const { status, page } = await post(
          FEES,
          signServicePlugin({ appId: DEMO_APP_ID, request, metadata }, KEYS.privateKey),
        )

        expect(status).to.equal(200)
        expect(JSON.parse(page)).to.deep.equal({ additionalFees: [], currency: 'EUR' })
      }
    })

    it('answers a call for another app, a forged one and a webhook with 401, and writes nothing down', async () => {
      const answers = [
        await post(FEES, cart('another-app')),
        await post(FEES, cart(DEMO_APP_ID, OTHER_KEYS)),
        await post(FEES, webhook('AppRemoved')),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401])
      expect(rows('events')).to.deep.equal([])
    })

    it('takes a payment that is signed in the Digest header, with the site that its body names', async () => {
      const body = JSON.stringify({ instanceId: 'instance-1', type: 'payment captured', id: 'payment-1' })
      const { status } = await post('/payments/events', body, { Digest: signDigest(body, KEYS.privateKey) })

      expect(status).to.equal(200)
      expect(rows('events')[0]).to.include({
        instance_id: 'instance-1',
        kind: 'digest',
        type: 'payment captured',
        event_id: 'payment-1',
      })
    })

    it('takes a payment that names nothing, for no site', async () => {
      for (const body of ['{}', '[]', 'null', '{"instanceId":7}']) {
        const { status } = await post('/payments/events', body, { Digest: signDigest(body, KEYS.privateKey) })
        expect(status).to.equal(200)
      }

      expect(rows('events')).to.have.lengthOf(4)
      for (const row of rows('events')) expect(row).to.include({ instance_id: null, type: 'payment' })
    })

    it('answers a payment with another body, another key or no header with 401, and writes nothing down', async () => {
      const body = '{"type":"payment captured"}'
      const answers = [
        await post('/payments/events', `${body} `, { Digest: signDigest(body, KEYS.privateKey) }),
        await post('/payments/events', body, { Digest: signDigest(body, OTHER_KEYS.privateKey) }),
        await post('/payments/events', body),
      ]

      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 401])
      expect(rows('events')).to.deep.equal([])
    })

    it('has no such addresses without the public key, and says so', async () => {
      const keyless = await serve(createApp({ secret: SECRET, accounts }))
      const statuses = await Promise.all(
        ['/webhooks', FEES, '/payments/events'].map(async (address) => {
          const response = await fetch(new URL(address, keyless.url), { method: 'POST', body: webhook('AppRemoved') })
          return response.status
        }),
      )
      const page = await (await fetch(keyless.url)).text()
      await keyless.close()

      expect(statuses).to.deep.equal([404, 404, 404])
      expect(page).to.include('takes no webhooks').and.to.include('WIX_PUBLIC_KEY')
    })

    it('refuses to start with a public key and no app id, or with an empty public key', () => {
      const { publicKey } = KEYS
      expect(() => createApp({ secret: SECRET, accounts, publicKey })).to.throw(TypeError, 'appId')
      expect(() => createApp({ secret: SECRET, accounts, publicKey: '', appId: DEMO_APP_ID })).to.throw(TypeError)
    })
  })

  describe('lists the latest events', () => {
    it('shows them on the dashboard, the latest first', async () => {
      await send('AppInstalled', { webhookId: '0123456789abcdef' })
      await send('wix.ecom.v1.order_created')
      const { page } = await open(owner())

      expect(page.indexOf('wix.ecom.v1.order_created')).to.be.within(1, page.indexOf('>AppInstalled<'))
      expect(page).to.include('>01234567…<').and.to.include('>webhook<').and.to.include('just now')
    })

    it('gives them to whoever runs the site, ten at most, and of no other site', async () => {
      for (let count = 1; count <= 12; count += 1) await send(`Event${count}`)
      await send('Elsewhere', { instanceId: 'instance-2' })
      const response = await eventsFor(collaborator())
      const events = (await response.json()) as { type: string; kind: string; ago: string }[]

      expect(response.status).to.equal(200)
      expect(events.map(({ type }) => type)).to.deep.equal(
        [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((count) => `Event${count}`),
      )
      expect(events[0]).to.include({ kind: 'webhook', ago: 'just now' })
      const elsewhere = await eventsFor(owner({ instanceId: 'instance-2' }))
      expect(await elsewhere.text())
        .to.include('Elsewhere')
        .and.to.not.include('Event1')
      expect((await open(owner())).page).to.not.include('Elsewhere')
    })

    it('gives them to nobody else', async () => {
      await send('wix.ecom.v1.order_created')
      const nobody = await ask('/api/events')
      const visiting = await eventsFor(visitor())
      const ofMember = await eventsFor(member())
      const forged = await ask('/api/events', signInstance(owner(), OTHER_SECRET))
      await send('AppRemoved')
      const removed = await eventsFor(owner())

      for (const [response, status] of [
        [nobody, 401],
        [visiting, 403],
        [ofMember, 403],
        [forged, 401],
        [removed, 401],
      ] as const) {
        expect(response.status).to.equal(status)
        expect(await response.text()).to.not.include('order_created')
      }
    })

    it('does not count it as a visit to look at them', async () => {
      await open(owner())
      await eventsFor(owner())
      await eventsFor(owner())

      expect(rows('users')[0]).to.include({ visits: 1 })
    })

    it('escapes what they say', async () => {
      const attack = `<img src="x" onerror='alert(1)'>&`
      await send(attack, { webhookId: attack })
      const { page } = await open(owner())

      expect(page).to.not.include('<img src="x"')
      expect(page).to.include('&lt;img src=&quot;x&quot; onerror=&#39;alert(1)&#39;&gt;&amp;')
    })
  })

  describe('has an API', () => {
    const MISSING = { code: 'credentials_missing', message: 'No Wix credential in the request: open the page from Wix' }
    const INVALID =
      'This Wix credential is not valid for this app: open the page from Wix again (developers: compare the app secret, the public key and the app ID)'
    const CHALLENGE = `Bearer realm="Wix", error="invalid_token", error_description="${INVALID}"`

    interface Me {
      identity: object
      account: { site: Record<string, unknown>; user: Record<string, unknown>; role: string }
    }

    const me = async (authorization: string): Promise<Me> => (await ask('/api/me', authorization)).json() as Promise<Me>

    /** Status, challenge and JSON of a refusal. */
    async function refusal(response: Response): Promise<unknown[]> {
      expect(response.headers.get('content-type')).to.equal('application/json; charset=utf-8')
      expect(response.headers.get('cache-control')).to.equal('no-store')
      return [response.status, response.headers.get('www-authenticate'), await response.json()]
    }

    it('tells whose access token it got, alone or after Bearer', async () => {
      for (const scheme of ['', 'Bearer ']) {
        const response = await ask('/api/me', `${scheme}${accessToken()}`)
        const { identity, account } = (await response.json()) as Me

        expect(response.status).to.equal(200)
        expect(response.headers.get('set-cookie')).to.equal(null)
        expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
        expect(account.site).to.deep.equal({ ownerId: null, plan: null, originInstanceId: null })
        expect(account.user).to.deep.equal({ visits: 0 })
        // No instance has named the owner yet.
        expect(account.role).to.equal('User')
      }
    })

    it('takes an instance as well, in Authorization or in the address, without asking Wix', async () => {
      const instance = signInstance(owner(), SECRET)
      const { identity, account } = await me(instance)

      expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      expect(account.role).to.equal('Owner')
      expect((await ask(`/api/events?instance=${instance}`)).status).to.equal(200)
      expect(wix.calls('token-info')).to.equal(0)
    })

    it('finds the same account by an access token as by an instance, and loses nothing of what the instance told', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      const { account } = await me(accessToken())

      expect(account.role).to.equal('Owner')
      expect(account.site).to.include({ ownerId: 'user-1', plan: 'Gold', originInstanceId: 'instance-0' })
      expect(account.user).to.include({ visits: 1 })
      expect((await me(accessToken({ subjectId: 'user-2' }))).account.role).to.equal('Collaborator')
      expect(rows('sites')).to.have.lengthOf(1)
      expect(rows('users')).to.have.lengthOf(2)
      expect((await open(owner())).page).to.include('Welcome back, owner')
    })

    it('learns the rest from the instance when the access token came first', async () => {
      await ask('/api/me', accessToken())
      const { page } = await open(owner())

      expect(page).to.include('Welcome, owner').and.to.include('on the <strong>Gold</strong> plan')
      expect(rows('users')).to.have.lengthOf(1)
    })

    it('learns the plan from an access token that names one', async () => {
      await open(owner({ vendorProductId: null }))
      const { account } = await me(accessToken({ vendorProductId: 'Silver' }))

      expect(account.site).to.include({ plan: 'Silver' })
    })

    it('gives the events of the site to an access token, and asks Wix once about the same one', async () => {
      await send('AppInstalled', { webhookId: 'webhook-1' })
      await send('Elsewhere', { instanceId: 'instance-2' })
      const token = accessToken()
      const events = (await (await ask('/api/events', token)).json()) as object[]
      await ask('/api/events', token)
      await ask('/api/me', token)

      expect(events).to.have.lengthOf(1)
      expect(events[0]).to.include({ kind: 'webhook', type: 'AppInstalled', id: 'webhook-…' })
      expect(wix.calls('token-info')).to.equal(1)
    })

    it('answers who sends nothing with 401 and the bare challenge, at every address', async () => {
      for (const address of ['/api/me', '/api/events', '/api/nowhere']) {
        expect(await refusal(await ask(address))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      }
    })

    it('answers an access token of another app, of nobody, and a revoked one with 401', async () => {
      const revoked = accessToken()
      wix.revoke(revoked)
      const unknown = `${accessToken().slice(0, -43)}${'A'.repeat(43)}`
      for (const token of [accessToken({ clientId: 'another-app' }), revoked, unknown]) {
        expect(await refusal(await ask('/api/me', token))).to.deep.equal([
          401,
          CHALLENGE,
          { code: 'invalid_token', message: INVALID },
        ])
        expect((await ask('/api/events', token)).status).to.equal(401)
      }
      expect(rows('users')).to.deep.equal([])
    })

    it('says of an instance, too, why it is refused', async () => {
      const ofAnother = await ask('/api/me', signInstance(owner(), OTHER_SECRET))
      const instance = signInstance(owner(), SECRET)
      const twice = await ask(`/api/me?instance=${instance}`, instance)
      const unnamed = await ask('/api/me', signInstance(owner({ uid: undefined }), SECRET))

      expect(await refusal(ofAnother)).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'signature_invalid', message: INVALID },
      ])
      expect(await refusal(twice)).to.deep.equal([
        400,
        null,
        { code: 'request_invalid', message: 'The Wix credential must be sent once, in one place, as text' },
      ])
      expect(await refusal(unnamed)).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'claim_invalid', message: INVALID },
      ])
    })

    it('answers a visitor, a member and the app itself with 403, and writes nothing down', async () => {
      const tokens = [
        accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
        accessToken({ subjectType: 'MEMBER' }),
        accessToken({ subjectType: 'APP' }),
        signInstance(visitor(), SECRET),
      ]
      for (const token of tokens) {
        expect(await refusal(await ask('/api/me', token))).to.deep.equal([
          403,
          null,
          { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
        ])
        expect((await ask('/api/events', token)).status).to.equal(403)
      }
      expect(rows('users')).to.deep.equal([])
    })

    it('refuses a user whom the access token does not name', async () => {
      expect(await refusal(await ask('/api/me', accessToken({ subjectId: null })))).to.deep.equal([
        401,
        CHALLENGE,
        { code: 'invalid_token', message: INVALID },
      ])
      expect(rows('sites')).to.deep.equal([])
    })

    it('refuses a site that removed the app, also to an access token that Wix still honours', async () => {
      const token = accessToken()
      expect((await ask('/api/me', token)).status).to.equal(200)
      await send('AppRemoved')

      for (const proof of [token, accessToken(), signInstance(owner(), SECRET)]) {
        expect(await refusal(await ask('/api/me', proof))).to.deep.equal([
          401,
          'Bearer realm="Wix"',
          { code: 'app_removed', message: 'The app was removed from this site' },
        ])
      }
    })

    it('answers 503 as long as Wix cannot say whose an access token is, while the page opens', async () => {
      const log = sinon.stub(console, 'error')
      const remembered = accessToken()
      expect((await ask('/api/me', remembered)).status).to.equal(200)
      const token = accessToken()
      for (const fault of [{ status: 500 }, { drop: true }, { body: 'no JSON' }]) {
        wix.fault('token-info', fault)
        const response = await ask('/api/me', token)

        expect(await refusal(response)).to.deep.equal([
          503,
          null,
          { code: 'service_unavailable', message: 'Wix does not answer: try again later' },
        ])
      }
      expect((await open(owner())).status).to.equal(200)
      expect((await ask('/api/me', signInstance(owner(), SECRET))).status).to.equal(200)
      expect((await ask('/api/me', remembered)).status).to.equal(200)
      sinon.assert.calledThrice(log)

      wix.fault('token-info', null)
      expect((await ask('/api/me', token)).status).to.equal(200)
    })

    it('passes on when Wix wants to be asked again', async () => {
      sinon.stub(console, 'error')
      wix.fault('token-info', { status: 429, headers: { 'Retry-After': '7' } })
      const first = await ask('/api/me', accessToken())
      wix.fault('token-info', null)
      const second = await ask('/api/events', accessToken())

      expect([first.status, first.headers.get('retry-after')]).to.deep.equal([503, '7'])
      expect(second.status).to.equal(503)
      expect(Number(second.headers.get('retry-after'))).to.be.within(1, 7)
      expect(wix.calls('token-info')).to.equal(1)
    })

    it('says nothing about a fault of its own except to the log', async () => {
      const log = sinon.stub(console, 'error')
      const fault = new Error('the disk is full')
      sinon.stub(accounts, 'eventsOf').throws(fault)

      expect(await refusal(await ask('/api/events', accessToken()))).to.deep.equal([
        500,
        null,
        { code: 'internal_server_error', message: 'Internal Server Error' },
      ])
      sinon.assert.calledOnceWithExactly(log, fault)
    })

    it('answers an unknown address with 404', async () => {
      expect(await refusal(await ask('/api/nowhere', accessToken()))).to.deep.equal([
        404,
        null,
        { code: 'not_found', message: 'Not Found' },
      ])
    })

    it('takes the instance alone without an app id, and says so on the start page', async () => {
      const token = accessToken()
      const instance = signInstance(owner(), SECRET)
      await served.close()
      served = await serve(createApp({ secret: SECRET, accounts }))

      expect((await ask('/api/me', instance)).status).to.equal(200)
      expect(await refusal(await ask('/api/me', token))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      expect((await get('/')).page)
        .to.include('takes instances only')
        .and.to.include('WIX_APP_ID')
      expect(wix.calls('token-info')).to.equal(0)
    })

    it('refuses to start with an empty app id', () => {
      expect(() => createApp({ secret: SECRET, accounts, appId: '' })).to.throw(TypeError, 'appId')
    })

    it('writes an access token into the page only when it runs without Wix', async () => {
      const TOKEN = /<meta name="access-token" content="([^"]+)" \/>/
      const { page } = await open(collaborator())
      const [, token = ''] = TOKEN.exec(page) ?? []
      expect((await me(token)).account).to.include({ role: 'Collaborator' })
      expect((await open(visitor())).page).to.not.include('access-token')

      await served.close()
      served = await serve(createDemo({ demoAccessToken: undefined }))
      expect((await open(collaborator())).page).to.not.include('access-token')
    })
  })

  describe('is safe to show', () => {
    it('escapes what an instance says', async () => {
      const attack = `<script>alert("1")</script>'&`
      const { page } = await open(owner({ vendorProductId: attack, uid: attack, metaSiteId: attack }))

      expect(page).to.not.include('<script>')
      expect(page).to.include('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;')
    })

    it('sends every page with a strict policy, without referrer, cache or cookie', async () => {
      const answers = [await get('/'), await open(owner()), await open(visitor()), await get('/dashboard')]

      for (const { headers } of answers) {
        expect(headers.get('content-type')).to.equal('text/html; charset=utf-8')
        expect(headers.get('content-security-policy')).to.equal(
          "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
            'frame-ancestors https://manage.wix.com https://*.manage.wix.com',
        )
        expect(headers.get('referrer-policy')).to.equal('no-referrer')
        expect(headers.get('cache-control')).to.equal('no-store')
        expect(headers.get('x-content-type-options')).to.equal('nosniff')
        for (const absent of ['set-cookie', 'x-powered-by', 'x-frame-options']) {
          expect(headers.has(absent), absent).to.equal(false)
        }
      }
    })

    it('says nothing about a fault of its own except to the log', async () => {
      const log = sinon.stub(console, 'error')
      const fault = new Error('the disk is full')
      sinon.stub(accounts, 'signIn').throws(fault)
      const { status, page } = await open(owner())

      expect(status).to.equal(500)
      expect(page).to.include('That went wrong on our side').and.to.not.include('disk')
      sinon.assert.calledOnceWithExactly(log, fault)
    })

    it('refuses to start with an empty secret', () => {
      expect(() => createApp({ secret: '', accounts })).to.throw(TypeError, 'is empty')
    })
  })

  describe('shows the way in', () => {
    it('signs the links of the start page anew for each request', async () => {
      const { page } = await get('/')
      const links = [...page.matchAll(/href="(\/dashboard[^"]+)"/g)].map(([, link]) => String(link))
      const statuses = await Promise.all(links.map(async (link) => (await get(link)).status))

      expect(statuses).to.deep.equal([200, 200, 403])
      expect((await get('/')).page).to.not.include(String(links[0]))
    })

    it('signs nothing when the secret is the one of Wix, and says what to do instead', async () => {
      const ofWix = await serve(createApp({ secret: SECRET, accounts }))
      const page = await (await fetch(ofWix.url)).text()
      await ofWix.close()

      expect(page).to.include('Open it from Wix').and.to.not.include('instance=')
    })

    /** Does what the shell would do. */
    async function run(command: string): Promise<number> {
      const { groups } = /(--data-raw '(?<body>[^']*)' )?(?<url>\S+)$/.exec(command) ?? {}
      const headers = [...command.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name, value]) => [name, value])
      const body = groups?.['body']
      const response = await fetch(String(groups?.['url']), {
        headers: Object.fromEntries(headers) as Record<string, string>,
        ...(body !== undefined && { method: 'POST', body }),
      })
      return response.status
    }

    it('shows on the start page five commands that work', async () => {
      const { page } = await get('/')
      const commands = [...page.matchAll(/<code>(curl [^<]*)<\/code>/g)].map(([, command]) =>
        String(command).replaceAll('&#39;', "'").replaceAll('&quot;', '"'),
      )
      const statuses: number[] = []
      for (const command of commands) statuses.push(await run(command))

      expect(statuses).to.deep.equal([200, 200, 200, 200, 200])
      expect(rows('events')).to.have.lengthOf(4)
    })

    it('prints links and commands that work when it is started', async () => {
      const { WIX_APP_SECRET: _, ...env } = process.env
      const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
        env: { ...env, PORT: '0', DATABASE: join(folder, 'started.db') },
      })
      try {
        let output = ''
        for await (const chunk of server.stdout.setEncoding('utf8')) {
          output += String(chunk)
          if (output.includes('With WIX_APP_SECRET')) break
        }
        const links = output.match(/http:\S+instance=\S+/g) ?? []
        const statuses = await Promise.all(links.map(async (link) => (await fetch(link)).status))
        expect(statuses).to.deep.equal([200, 200, 403])

        const [remove, install, ...others] = output.match(/^curl .+$/gm) ?? []
        expect(await run(String(remove))).to.equal(200)
        expect((await fetch(String(links[0]))).status).to.equal(401)
        expect(await run(String(install))).to.equal(200)
        expect((await fetch(String(links[0]))).status).to.equal(200)
        expect(await Promise.all(others.map(run))).to.deep.equal([200, 200, 200])
      } finally {
        server.kill()
      }
    })

    const inBrowser = existsSync(CHROMIUM) ? it : it.skip
    inBrowser(`leads from the start page to the dashboard in a browser (${CHROMIUM})`, async function () {
      this.timeout(30_000)
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS })
      try {
        const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
        const complaints: string[] = []
        page.on('console', (message) => complaints.push(message.text()))
        page.on('pageerror', (error) => complaints.push(error.message))

        await page.goto(served.url)
        await page.getByRole('link', { name: 'Owner', exact: true }).click()
        await page.getByRole('heading', { level: 1, name: 'Welcome, owner' }).waitFor()

        expect(await page.getByText('on the Premium plan').isVisible()).to.equal(true)
        expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(360)
        expect(await page.evaluate("getComputedStyle(document.querySelector('.stats')).display")).to.equal('grid')
        expect(await page.context().cookies()).to.deep.equal([])
        expect(complaints).to.deep.equal([])
      } finally {
        await browser.close()
      }
    })

    inBrowser(
      `shows an event on the open dashboard when it comes, by an access token (${CHROMIUM})`,
      async function () {
        this.timeout(30_000)
        const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS })
        try {
          const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
          const complaints: string[] = []
          page.on('console', (message) => complaints.push(message.text()))
          page.on('pageerror', (error) => complaints.push(error.message))
          let loads = 0
          page.on('load', () => (loads += 1))
          const proofs = new Map<string, Set<string | undefined>>()
          page.on('request', (request) => {
            const { pathname } = new URL(request.url())
            if (!pathname.startsWith('/api/')) return
            const seen = proofs.get(pathname) ?? new Set()
            proofs.set(pathname, seen.add(request.headers()['authorization']))
            expect(request.url()).to.not.include('?')
          })

          await page.goto(`${served.url}/dashboard?instance=${signInstance(owner(), SECRET)}`)
          await page.getByText('Live', { exact: true }).waitFor()
          expect(await page.locator('#me').innerText()).to.equal('Owner')
          expect(await page.locator('#my-id').innerText()).to.equal('user-1')
          expect(await page.getByText('None yet').isVisible()).to.equal(true)

          const attack = '<img src=x onerror=alert(1)>'
          await send(attack, { webhookId: '0123456789abcdef' })
          const line = page.getByRole('listitem').filter({ hasText: attack })
          await line.waitFor()

          expect((await line.innerText()).split(/\s*\n\s*/)).to.deep.equal([attack, '01234567…', 'webhook', 'just now'])
          expect(await page.getByText('None yet').isVisible()).to.equal(false)
          expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(360)
          expect(await page.context().cookies()).to.deep.equal([])
          expect(loads).to.equal(1)
          expect(complaints).to.deep.equal([])

          const token = await page.locator('meta[name="access-token"]').getAttribute('content')
          expect(token).to.match(/^OauthNG\.JWS\./)
          expect(proofs).to.deep.equal(
            new Map([
              ['/api/me', new Set([token])],
              ['/api/events', new Set([token])],
            ]),
          )

          await send('AppRemoved')
          await page.getByText('reload this page from Wix').waitFor()
          expect(loads).to.equal(1)
        } finally {
          await browser.close()
        }
      },
    )

    inBrowser(`sends the instance where there is no access token (${CHROMIUM})`, async function () {
      this.timeout(30_000)
      await served.close()
      served = await serve(createDemo({ demoAccessToken: undefined }))
      const instance = signInstance(collaborator(), SECRET)
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS })
      try {
        const page = await browser.newPage()
        const asked = page.waitForRequest('**/api/events')
        await page.goto(`${served.url}/dashboard?instance=${instance}`)
        await page.getByText('Live', { exact: true }).waitFor()

        expect((await asked).headers()['authorization']).to.equal(instance)
        expect(await page.locator('#me').innerText()).to.equal('Collaborator')
        expect(await page.locator('#my-id').innerText()).to.equal('user-2')
      } finally {
        await browser.close()
      }
    })

    inBrowser(`waits on the open dashboard for a Wix that does not answer (${CHROMIUM})`, async function () {
      this.timeout(30_000)
      sinon.stub(console, 'error')
      wix.fault('token-info', { status: 500 })
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS })
      try {
        const page = await browser.newPage()
        await page.goto(`${served.url}/dashboard?instance=${signInstance(owner(), SECRET)}`)
        await page.getByText('No answer from Wix').waitFor()
        expect(await page.getByText('The API knows you as').isVisible()).to.equal(false)

        wix.fault('token-info', null)
        await page.getByText('Live', { exact: true }).waitFor()
        expect(await page.locator('#me').innerText()).to.equal('Owner')
        expect(await page.locator('#my-id').innerText()).to.equal('user-1')
      } finally {
        await browser.close()
      }
    })
  })
})
