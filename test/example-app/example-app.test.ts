// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import { chromium } from 'playwright-core'
import sinon from 'sinon'
import { type AppOptions, createApp } from '../../example-app/app.ts'
import { type Accounts, openAccounts } from '../../example-app/database.ts'
import { DEMO_APP_ID, demoLinks, demoRequests } from '../../example-app/demo.ts'
import { AUDIENCE, ISSUER } from '../../example-app/sessions.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import { runToEnd } from '../support/run.ts'
import { serve, type Served } from '../support/serve.ts'
import { generateSessionKey, SessionTokens, verifyInstance, WixSessionStrategy } from '../../lib/index.ts'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  WixSimulator,
  type WixSimulatorSubject,
} from '../../lib/testing/index.ts'

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
const SESSION_KEYS = [await generateSessionKey()]

/** Seconds since 1970. */
const now = (): number => Math.floor(Date.now() / 1000)

describe('The example app', () => {
  let folder: string
  let path: string
  let accounts: Accounts
  let wix: WixSimulator
  let served: Served
  /** All that was ever set, by any answer. */
  const cookies: unknown[] = []

  /** Listens in place of what listened before. */
  async function restart(app: ReturnType<typeof createApp>): Promise<void> {
    await served?.close()
    served = await serve((req, res) => {
      res.on('finish', () => {
        if (res.hasHeader('set-cookie')) cookies.push(res.getHeader('set-cookie'))
      })
      app(req, res)
    })
  }

  /** With everything that the demonstration has; overrides replace. */
  const createDemo = (overrides: Partial<AppOptions> = {}): ReturnType<typeof createApp> =>
    createApp({
      secret: SECRET,
      publicKey: KEYS.publicKey,
      appId: DEMO_APP_ID,
      apiUrl: wix.url,
      sessionKeys: SESSION_KEYS,
      accounts,
      demoLinks: () => demoLinks(SECRET),
      demoRequests: () => demoRequests(KEYS.privateKey, wix),
      ...overrides,
    })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    path = join(folder, 'data.db')
    accounts = openAccounts(path)
    wix = await WixSimulator.start({ appId: DEMO_APP_ID, appSecret: SECRET })
    await restart(createDemo())
  })

  afterEach(async () => {
    sinon.restore()
    await served.close()
    await wix.close()
    accounts.close()
    await rm(folder, { recursive: true })
  })

  after('no answer of all these tests has set a cookie', () => {
    expect(cookies).to.deep.equal([])
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

  /** Does what a page does first. */
  const trade = (proof?: string): Promise<Response> =>
    fetch(new URL('/session', served.url), {
      method: 'POST',
      ...(proof !== undefined && { headers: { authorization: proof } }),
    })

  /** What a page sends after that, in `Authorization`. */
  async function session(proof: string): Promise<string> {
    const { token } = (await (await trade(proof)).json()) as { token: string }
    return `Bearer ${token}`
  }

  const sessionOf = (payload: Payload): Promise<string> => session(signInstance(payload, SECRET))

  const eventsFor = async (payload: Payload): Promise<Response> => ask('/api/events', await sessionOf(payload))

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
      const keyless = await serve(createApp({ secret: SECRET, sessionKeys: SESSION_KEYS, accounts }))
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
      const rest = { secret: SECRET, sessionKeys: SESSION_KEYS, accounts }
      expect(() => createApp({ ...rest, publicKey })).to.throw(TypeError, 'appId')
      expect(() => createApp({ ...rest, publicKey: '', appId: DEMO_APP_ID })).to.throw(TypeError, 'publicKey')
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
      const withInstance = await ask('/api/events', signInstance(owner(), SECRET))
      const visiting = await ask('/api/events', accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }))
      const ofMember = await ask('/api/events', accessToken({ subjectType: 'MEMBER' }))
      const forged = await ask('/api/events', `${await sessionOf(owner())}A`)
      const session = await sessionOf(owner())
      await send('AppRemoved')
      const removed = await ask('/api/events', session)

      for (const [response, status] of [
        [nobody, 401],
        [withInstance, 401],
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

  const MISSING = { code: 'credentials_missing', message: 'No Wix credential in the request: open the page from Wix' }
  const INVALID =
    'This Wix credential is not valid for this app: open the page from Wix again (developers: compare the app secret, the public key and the app ID)'
  const MALFORMED = 'This is not a complete Wix credential: send it exactly as Wix issued it'
  const EXPIRED = 'This Wix credential has expired: reload the page to get a new one'
  const challenge = (description: string): string =>
    `Bearer realm="Wix", error="invalid_token", error_description="${description}"`
  const CHALLENGE = challenge(INVALID)

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

  describe('trades a proof for a session token', () => {
    const claimsOf = (bearer: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(String(bearer.split('.')[1]), 'base64url').toString()) as Record<string, unknown>

    it('answers an instance with a token that the API takes, without asking Wix', async () => {
      const response = await trade(signInstance(owner(), SECRET))
      const answer = (await response.json()) as { token: string }

      expect(response.status).to.equal(200)
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(Object.keys(answer)).to.deep.equal(['token'])
      expect(claimsOf(answer.token)).to.include({ iss: ISSUER, aud: AUDIENCE, sub: 'USER:user-1' })
      const { identity, account } = await me(`Bearer ${answer.token}`)
      expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      expect(account.role).to.equal('Owner')
      expect(wix.calls('token-info')).to.equal(0)
    })

    it('answers an access token with one, and asks Wix once', async () => {
      for (const scheme of ['', 'Bearer ']) {
        const { identity } = await me(await session(`${scheme}${accessToken()}`))
        expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      }
      expect(wix.calls('token-info')).to.equal(2)
    })

    it('finds the same account by a session as by the proof, and loses nothing of what the proof told', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      const sessions = [await sessionOf(owner()), await session(accessToken())]
      for (const one of sessions) {
        const { account } = await me(one)
        expect(account.role).to.equal('Owner')
        expect(account.site).to.deep.equal({ ownerId: 'user-1', plan: 'Gold', originInstanceId: 'instance-0' })
        expect(account.user).to.deep.equal({ visits: 1 })
      }
      expect(rows('users')).to.have.lengthOf(1)
    })

    it('knows in an open session of the plan that the site has bought since', async () => {
      const before = await sessionOf(owner({ vendorProductId: null }))
      await open(owner({ vendorProductId: 'Silver' }))

      expect((await me(before)).account.site).to.include({ plan: 'Silver' })
    })

    it('gives a session that ends after ten minutes, or with the instance', async () => {
      const long = claimsOf(await sessionOf(owner()))
      const short = claimsOf(await sessionOf(owner({ expirationDate: minutesFromNow(3) })))

      expect(Number(long['exp']) - now()).to.be.within(598, 600)
      expect(Number(short['exp']) - now()).to.be.within(178, 180)
    })

    it('answers who sends nothing, or no proof, with 401', async () => {
      for (const proof of [undefined, 'Basic YTpi', `Bearer ${signInstance(owner(), SECRET)}`]) {
        expect(await refusal(await trade(proof))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      }
      expect(await refusal(await trade('abc'))).to.deep.equal([
        401,
        challenge(MALFORMED),
        { code: 'invalid_token', message: MALFORMED },
      ])
    })

    it('takes no session token as a proof, so that no session prolongs itself', async () => {
      const bearer = await sessionOf(owner())
      for (const token of [bearer, bearer.replace('Bearer ', '')]) {
        expect(await refusal(await trade(token))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      }
      expect(wix.calls('token-info')).to.equal(0)
    })

    it('says of a proof why it is refused', async () => {
      const instance = signInstance(owner(), SECRET)
      const inAddress = new URL(`/session?instance=${instance}`, served.url)
      const twice = await fetch(inAddress, { method: 'POST', headers: { authorization: instance } })

      expect(await refusal(await trade(signInstance(owner(), OTHER_SECRET)))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'signature_invalid', message: INVALID },
      ])
      expect(await refusal(await trade(signInstance(owner({ uid: undefined }), SECRET)))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'claim_invalid', message: INVALID },
      ])
      expect(await refusal(twice)).to.deep.equal([
        400,
        null,
        { code: 'request_invalid', message: 'The Wix credential must be sent once, in one place, as a string' },
      ])
    })

    it('gives no session for a proof that has ended, not even within the tolerance of the clocks', async () => {
      for (const minutes of [-1, -1 / 6]) {
        const proof = signInstance(owner({ expirationDate: minutesFromNow(minutes) }), SECRET)
        expect(await refusal(await trade(proof))).to.deep.equal([
          401,
          'Bearer realm="Wix"',
          { code: 'token_expired', message: EXPIRED },
        ])
      }
    })

    it('answers a visitor, a member and the app itself with 403, and writes nothing down', async () => {
      const proofs = [
        signInstance(visitor(), SECRET),
        signInstance(member(), SECRET),
        accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
        accessToken({ subjectType: 'MEMBER' }),
        accessToken({ subjectType: 'APP' }),
      ]
      for (const proof of proofs) {
        expect(await refusal(await trade(proof))).to.deep.equal([
          403,
          null,
          { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
        ])
      }
      expect(rows('users')).to.deep.equal([])
    })

    it('refuses a site that removed the app, at the trade and in open sessions, until it is installed again', async () => {
      const bearer = await sessionOf(owner())
      const refused = [
        401,
        'Bearer realm="Wix"',
        { code: 'app_removed', message: 'The app was removed from this site' },
      ]
      await send('AppRemoved', {}, { iat: now() - 10 })

      expect(await refusal(await trade(signInstance(owner(), SECRET)))).to.deep.equal(refused)
      expect(await refusal(await trade(accessToken()))).to.deep.equal(refused)
      for (const address of ['/api/me', '/api/events', '/userinfo']) {
        expect(await refusal(await ask(address, bearer))).to.deep.equal(refused)
      }

      await send('AppInstalled')
      expect((await ask('/api/me', bearer)).status).to.equal(200)
    })

    it('answers 503 for an access token as long as Wix is down, while instances and sessions go on', async () => {
      const log = sinon.stub(console, 'error')
      const open = await session(accessToken())
      wix.fault('token-info', { status: 429, headers: { 'Retry-After': '7' } })
      const response = await trade(accessToken())

      expect(response.headers.get('retry-after')).to.equal('7')
      expect(await refusal(response)).to.deep.equal([
        503,
        null,
        { code: 'service_unavailable', message: 'Wix does not answer: try again later' },
      ])
      sinon.assert.calledOnce(log)
      expect((await ask('/api/me', open)).status).to.equal(200)
      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    })

    it('publishes the public halves of its keys, for five minutes', async () => {
      await restart(createDemo({ sessionKeys: [await generateSessionKey('RS256'), ...SESSION_KEYS] }))
      const response = await ask('/.well-known/jwks.json')
      const { keys } = (await response.json()) as { keys: object[] }

      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('application/json; charset=utf-8')
      expect(response.headers.get('cache-control')).to.equal('public, max-age=300')
      expect(keys.map((key) => Object.keys(key).toSorted())).to.deep.equal([
        ['alg', 'e', 'kid', 'kty', 'n', 'use'],
        ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ])
    })

    it('lets another service check its sessions by these keys', async () => {
      const elsewhere = new WixSessionStrategy({
        jwksUri: `${served.url}/.well-known/jwks.json`,
        issuer: ISSUER,
        audience: AUDIENCE,
      })
      const bearer = await sessionOf(owner())
      const outcome = await runToEnd(elsewhere, { headers: { authorization: bearer } })

      expect(outcome).to.have.property('kind', 'success')
      expect(outcome).to.have.property('user').that.includes({ instanceId: 'instance-1', subjectId: 'user-1' })
    })

    it('ends all sessions when it starts with other keys, and none when it starts with the same', async () => {
      const bearer = await sessionOf(owner())
      await restart(createDemo())
      expect((await ask('/api/me', bearer)).status).to.equal(200)

      await restart(createDemo({ sessionKeys: [await generateSessionKey()] }))
      expect(await refusal(await ask('/api/me', bearer))).to.deep.equal([
        401,
        CHALLENGE,
        { code: 'invalid_token', message: INVALID },
      ])
    })

    it('refuses to start without a key that signs', () => {
      for (const sessionKeys of [[], [{ kid: 'key-1', alg: 'ES256' as const }]]) {
        expect(() => createDemo({ sessionKeys })).to.throw(TypeError, 'keys')
      }
    })
  })

  describe('tells who is signed in', () => {
    it('answers a session in the shape of OpenID Connect, with what the app knows', async () => {
      await open(owner())
      const bearer = await sessionOf(owner())
      const response = await ask('/userinfo', bearer)
      const { exp, ...answer } = (await response.json()) as Record<string, unknown>

      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('application/json')
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(Number(exp) - now()).to.be.within(598, 600)
      expect(answer).to.deep.equal({
        role: 'Owner',
        visits: 1,
        sub: 'USER:user-1',
        instanceId: 'instance-1',
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: null,
        siteId: 'site-1',
        permissions: 'OWNER',
        vendorProductId: 'Gold',
        siteOwnerId: 'user-1',
      })
    })

    it('answers an access token, too', async () => {
      const answer = (await (await ask('/userinfo', accessToken())).json()) as object

      expect(answer).to.include({ role: 'User', visits: 0, sub: 'USER:user-1', clientId: DEMO_APP_ID })
    })

    it('answers nobody, an instance and a visitor as the API does', async () => {
      expect(await refusal(await ask('/userinfo'))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      expect(await refusal(await ask('/userinfo', signInstance(owner(), SECRET)))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        MISSING,
      ])
      expect((await ask('/userinfo', accessToken({ subjectType: 'VISITOR' }))).status).to.equal(403)
    })
  })

  describe('has an API', () => {
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

    it('takes no instance, in Authorization or in the address: that is for signing in', async () => {
      const instance = signInstance(owner(), SECRET)

      expect(await refusal(await ask('/api/me', instance))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      expect((await ask(`/api/events?instance=${instance}`)).status).to.equal(401)
      expect(rows('users')).to.deep.equal([])
    })

    it('takes a session token in Authorization only', async () => {
      const token = (await sessionOf(owner())).replace('Bearer ', '')

      expect((await ask('/api/me', token)).status).to.equal(200)
      for (const name of ['token', 'access_token', 'instance']) {
        expect((await ask(`/api/me?${name}=${token}`)).status).to.equal(401)
      }
      const cookie = await fetch(new URL('/api/me', served.url), { headers: { cookie: `token=${token}` } })
      expect(cookie.status).to.equal(401)
    })

    it('refuses a session token that has ended, was changed, or is of another issuer', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
      await restart(createDemo())
      const ending = await sessionOf(owner())
      clock.tick(631_000)
      const [head, claims, signature] = (await sessionOf(owner())).split('.')
      const [, otherClaims] = (await sessionOf(owner({ instanceId: 'instance-2' }))).split('.')
      const ofAnother = new SessionTokens({ keys: SESSION_KEYS, issuer: 'another', audience: AUDIENCE })
      const proof = verifyInstance(signInstance(owner(), SECRET), { secret: SECRET })

      expect(await refusal(await ask('/api/me', ending))).to.deep.equal([
        401,
        challenge(EXPIRED),
        { code: 'invalid_token', message: EXPIRED },
      ])
      for (const refused of [
        [head, otherClaims, signature].join('.'),
        [head, claims, ''].join('.'),
        `Bearer ${await ofAnother.issue(proof)}`,
      ]) {
        expect((await ask('/api/me', refused)).status).to.equal(401)
      }
      expect((await ask('/api/me', [head, claims, signature].join('.'))).status).to.equal(200)
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

    it('answers a visitor, a member and the app itself with 403, and writes nothing down', async () => {
      const tokens = [
        accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
        accessToken({ subjectType: 'MEMBER' }),
        accessToken({ subjectType: 'APP' }),
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

      for (const proof of [token, accessToken()]) {
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
      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
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

    it('takes no access token without an app id, and says so on the start page', async () => {
      const token = accessToken()
      await restart(createApp({ secret: SECRET, sessionKeys: SESSION_KEYS, accounts }))

      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
      expect(await refusal(await ask('/api/me', token))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      expect(await refusal(await trade(token))).to.deep.equal([401, 'Bearer realm="Wix"', MISSING])
      expect((await get('/')).page)
        .to.include('given for instances only')
        .and.to.include('WIX_APP_ID')
      expect(wix.calls('token-info')).to.equal(0)
    })

    it('refuses to start with an empty app id', () => {
      expect(() => createDemo({ appId: '' })).to.throw(TypeError, 'appId')
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
      expect(() => createDemo({ secret: '' })).to.throw(TypeError, 'got an empty string')
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
      const ofWix = await serve(createApp({ secret: SECRET, sessionKeys: SESSION_KEYS, accounts }))
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

    it('shows on the start page seven commands that work', async () => {
      const { page } = await get('/')
      const commands = [...page.matchAll(/<code>(curl [^<]*)<\/code>/g)].map(([, command]) =>
        String(command).replaceAll('&#39;', "'").replaceAll('&quot;', '"'),
      )
      const statuses: number[] = []
      for (const command of commands) statuses.push(await run(command))

      expect(statuses).to.deep.equal([200, 200, 200, 200, 200, 200, 200])
      expect(rows('events')).to.have.lengthOf(4)
    })

    it('prints links and commands that work when it is started', async () => {
      const { WIX_APP_SECRET: _, SESSION_KEYS: __, ...env } = process.env
      const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
        env: { ...env, PORT: '0', DATABASE: join(folder, 'started.db') },
      })
      try {
        let output = ''
        for await (const chunk of server.stdout.setEncoding('utf8')) {
          output += String(chunk)
          if (output.includes('With WIX_APP_SECRET')) break
        }
        expect(output).to.include('SESSION_KEYS')
        const links = output.match(/http:\S+instance=\S+/g) ?? []
        const statuses = await Promise.all(links.map(async (link) => (await fetch(link)).status))
        expect(statuses).to.deep.equal([200, 200, 403])

        const [remove, install, ...others] = output.match(/^curl .+$/gm) ?? []
        expect(await run(String(remove))).to.equal(200)
        expect((await fetch(String(links[0]))).status).to.equal(401)
        expect(await run(String(install))).to.equal(200)
        expect((await fetch(String(links[0]))).status).to.equal(200)
        expect(await Promise.all(others.map(run))).to.deep.equal([200, 200, 200, 200, 200])
      } finally {
        server.kill()
      }
    })

    for (const keys of ['', '[{"kid":"secret-part"', '[]', '{}']) {
      it(`does not start with SESSION_KEYS=${keys}, and shows nothing of it`, async () => {
        const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
          env: { ...process.env, PORT: '0', DATABASE: join(folder, 'started.db'), SESSION_KEYS: keys },
        })
        let output = ''
        server.stderr.setEncoding('utf8').on('data', (chunk) => (output += String(chunk)))
        const [code] = (await once(server, 'close')) as unknown[]

        expect(output)
          .to.match(/TypeError: .*keys/i)
          .and.to.not.include('secret-part')
        expect(code).to.equal(1)
      })
    }

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
      `shows an event on the open dashboard when it comes, by a session token (${CHROMIUM})`,
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
          const instance = signInstance(owner(), SECRET)
          const seen = new Set<string>()
          const tokens = new Set<string>()
          page.on('request', (request) => {
            const { pathname, search } = new URL(request.url())
            const { authorization, cookie, referer } = request.headers()
            const isSession = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(authorization ?? '')
            if (isSession) tokens.add(String(authorization))
            const proof = isSession ? 'session' : authorization?.replace(instance, 'instance')
            const address = `${pathname}${search}`.replace(instance, '...')
            seen.add([request.method(), address, proof, cookie, referer].filter(Boolean).join(' '))
          })

          await page.goto(`${served.url}/dashboard?instance=${instance}&locale=en`)
          await page.getByText('Live', { exact: true }).waitFor()
          expect(page.url()).to.equal(`${served.url}/dashboard?locale=en`)
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

          expect([...seen]).to.have.members([
            'GET /dashboard?instance=...&locale=en',
            'GET /style.css',
            'GET /icon.svg',
            'GET /live.js',
            'POST /session instance',
            'GET /api/me session',
            'GET /api/events session',
          ])
          expect(tokens.size).to.equal(1)
          expect(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]')).to.deep.equal([
            0,
            0,
            '',
          ])
          expect(await page.content())
            .to.not.include(instance)
            .and.to.not.include('eyJ')

          await send('AppRemoved')
          await page.getByText('reload this page from Wix').waitFor()
          expect(loads).to.equal(1)
        } finally {
          await browser.close()
        }
      },
    )

    inBrowser(`waits on the open dashboard for a server that cannot sign a session (${CHROMIUM})`, async function () {
      this.timeout(30_000)
      sinon.stub(console, 'error')
      let works = false
      const sessionKeys = (): typeof SESSION_KEYS => {
        if (works) return SESSION_KEYS
        throw new Error('the vault is closed')
      }
      await restart(createDemo({ sessionKeys }))
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS })
      try {
        const page = await browser.newPage()
        await page.goto(`${served.url}/dashboard?instance=${signInstance(collaborator(), SECRET)}`)
        await page.getByText('No answer, trying again').waitFor()
        expect(await page.getByText('The API knows you as').isVisible()).to.equal(false)

        works = true
        await page.getByText('Live', { exact: true }).waitFor()
        expect(await page.locator('#me').innerText()).to.equal('Collaborator')
        expect(await page.locator('#my-id').innerText()).to.equal('user-2')
      } finally {
        await browser.close()
      }
    })
  })
})
