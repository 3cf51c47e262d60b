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
import { createApp } from '../example-app/app.ts'
import { type Accounts, openAccounts } from '../example-app/database.ts'
import { demoLinks } from '../example-app/demo.ts'
import { OTHER_SECRET, SECRET } from './support/build.ts'
import { serve, type Served } from './support/serve.ts'
import { signInstance } from '../lib/testing/index.ts'

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

describe('The example app', () => {
  let folder: string
  let path: string
  let accounts: Accounts
  let served: Served

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    path = join(folder, 'data.db')
    accounts = openAccounts(path)
    served = await serve(createApp({ secret: SECRET, accounts, demoLinks: () => demoLinks(SECRET) }))
  })

  afterEach(async () => {
    sinon.restore()
    await served.close()
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
  function rows(table: 'sites' | 'users'): unknown[] {
    const database = new Database(path)
    const found = database.prepare(`SELECT * FROM ${table}`).all()
    database.close()
    return found
  }

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

  describe('is safe to show', () => {
    it('escapes what an instance says', async () => {
      const attack = `<script>alert("1")</script>'&`
      const { page } = await open(owner({ vendorProductId: attack, uid: attack, metaSiteId: attack }))

      expect(page).to.not.include('<script')
      expect(page).to.include('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;')
    })

    it('sends every page with a strict policy, without referrer, cache or cookie', async () => {
      const answers = [await get('/'), await open(owner()), await open(visitor()), await get('/dashboard')]

      for (const { headers } of answers) {
        expect(headers.get('content-type')).to.equal('text/html; charset=utf-8')
        expect(headers.get('content-security-policy')).to.equal(
          "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
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

    it('prints three links that work when it is started', async () => {
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
  })
})
