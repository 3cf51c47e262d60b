// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type BrowserContext, chromium, type Frame, type Page } from 'playwright-core'
import sinon from 'sinon'
import { type AppOptions, createApp } from '../../example-app/app.ts'
import { features } from '../../example-app/demo/features.ts'
import { connect } from '../../example-app/connect.ts'
import type { AppDatabase } from '../../example-app/database.ts'
import { generateSessionKey } from '../../lib/index.ts'
import { generateAppKeys, signInstance, signWebhook } from '../../devtools/testing/index.ts'
import { CHROMIUM_OPTIONS } from '../support/browser.ts'
import { SECRET } from '../support/build.ts'
import { createCookieApp } from '../support/cookie-app.ts'
import { describeOnEachDatabase, PAGES } from '../support/example-app.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM } from '../support/programs.ts'
import { serve, type Served } from '../support/serve.ts'

const SCREENSHOTS = join(import.meta.dirname, '../../coverage/screenshots')
const HOUR = 3600_000

/** A preference of Chromium: what becomes of cookies of another site than that in the address bar. */
const ALLOWED = 0
const BLOCKED = 1

const KEYS = generateAppKeys()
const SESSION_KEYS = [await generateSessionKey()]

/** What stands around the app, on another site: `localhost` is another one than `127.0.0.1`. */
const dashboard = (app: string): string => `<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <title>Dashboard of the test</title>
      <style>
        body { margin: 0; font: 16px system-ui; background: #dfe5eb; }
        header { display: flex; justify-content: space-between; padding: 14px 24px; color: #fff; background: #20303c; }
        iframe { display: block; width: calc(100% - 48px); height: 1120px; margin: 24px; border: 0; border-radius: 8px; }
      </style>
    </head>
    <body>
      <header><strong>Dashboard of the test</strong><span>The app is from another site</span></header>
      <iframe src="${app}" title="App"></iframe>
    </body>
  </html>`

const TITLE = 'The example app, embedded cross-site, with third-party cookies blocked'
describeWith(CHROMIUM, 'In Chromium', function (executablePath) {
  this.timeout(60_000)

  describeOnEachDatabase(TITLE, (newDatabase) => {
    let clock: sinon.SinonFakeTimers
    let database: AppDatabase
    let app: Served
    /** The app that answers: a test may start another one at the same address. */
    let answer: RequestListener
    let cookieApp: Served
    let outer: Served
    let profile: string
    let browser: BrowserContext | undefined
    /** The page in the frame; the instance is signed when the dashboard is loaded. */
    let path: () => string
    /** What the apps got, and the cookies that they set. */
    let requests: { url: string; headers: IncomingHttpHeaders }[]
    let cookiesOfApp: unknown[]

    const instance = (): string =>
      signInstance(
        {
          instanceId: 'instance-1',
          uid: 'user-1',
          siteOwnerId: 'user-1',
          permissions: 'OWNER',
          vendorProductId: 'Premium',
          signDate: new Date().toISOString(),
          expirationDate: new Date(Date.now() + 4 * HOUR).toISOString(),
        },
        SECRET,
      )

    const listening = (inner: RequestListener, cookies?: unknown[]): Promise<Served> =>
      serve((req, res) => {
        // Now, since Express changes the address.
        requests.push({ url: String(req.url), headers: req.headers })
        res.on('finish', () => {
          if (res.hasHeader('set-cookie')) cookies?.push(res.getHeader('set-cookie'))
        })
        inner(req, res)
      })

    const example = (overrides: Partial<AppOptions> = {}): RequestListener =>
      createApp({
        secret: SECRET,
        publicKey: KEYS.publicKey,
        appId: 'app-1',
        sessionKeys: SESSION_KEYS,
        database,
        pages: PAGES,
        frameAncestors: dashboardUrl(),
        routes: features({ database, publicKey: KEYS.publicKey, appId: 'app-1' }),
        ...overrides,
      })

    const send = (eventType: string): Promise<Response> =>
      fetch(`${app.url}/webhooks`, {
        method: 'POST',
        body: signWebhook({ instanceId: 'instance-1', eventType, data: {} }, KEYS.privateKey),
      })

    beforeEach(async () => {
      // The servers have a clock of the test. The browser has its own, and gets the time from nowhere else.
      clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
      requests = []
      cookiesOfApp = []
      database = await connect(await newDatabase())
      outer = await serve((_req, res) => {
        res.setHeader('Content-Type', 'text/html')
        res.end(dashboard(path()))
      })
      answer = example()
      app = await listening((req, res) => answer(req, res), cookiesOfApp)
      cookieApp = await listening(createCookieApp({ secret: SECRET, frameAncestors: dashboardUrl() }))
      path = () => `${app.url}/dashboard?instance=${instance()}`
      profile = await mkdtemp(join(tmpdir(), 'embedded-'))
      await mkdir(SCREENSHOTS, { recursive: true })
    })

    afterEach(async () => {
      sinon.restore()
      await browser?.close()
      browser = undefined
      await Promise.all([outer.close(), app.close(), cookieApp.close()])
      await database.close()
      await rm(profile, { recursive: true, force: true, maxRetries: 10 })
    })

    const dashboardUrl = (): string => outer.url.replace('127.0.0.1', 'localhost')

    /** A browser with a profile of its own, which has a setting for cookies of other sites. */
    async function launch(cookies: number): Promise<Page> {
      await mkdir(join(profile, 'Default'), { recursive: true })
      const preferences = { profile: { cookie_controls_mode: cookies } }
      await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(preferences))
      browser = await chromium.launchPersistentContext(profile, {
        executablePath,
        viewport: { width: 1100, height: 1220 },
        args: CHROMIUM_OPTIONS,
      })
      return browser.pages()[0] ?? browser.newPage()
    }

    /** The app in the dashboard. */
    async function embed(page: Page): Promise<Frame> {
      await page.goto(dashboardUrl())
      const [, frame] = page.frames()
      if (frame === undefined) throw new Error('The dashboard has no frame')
      return frame
    }

    const live = (frame: Frame): Promise<void> => frame.getByText('Live', { exact: true }).waitFor()
    const signedOut = async (frame: Frame): Promise<void> => {
      await frame.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor()
      expect(await frame.getByText('Reload this page from Wix').isVisible()).to.equal(true)
    }

    const shoot = async (page: Page, name: string): Promise<void> =>
      void (await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) }))

    const trades = (): number => requests.filter(({ url }) => url === '/session').length

    it('signs in and works, by a session token in Authorization', async () => {
      const page = await launch(BLOCKED)
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      const frame = await embed(page)
      await live(frame)

      expect(await frame.getByRole('heading', { level: 1 }).innerText()).to.equal('Welcome, Owner')
      expect(await frame.locator('#role').innerText()).to.equal('Owner')
      expect(await frame.locator('#my-id').textContent()).to.equal('user-1')
      await frame.getByRole('link', { name: 'Activity' }).click()
      await send('AppInstalled')
      await frame.getByRole('listitem').filter({ hasText: 'AppInstalled' }).waitFor()
      await shoot(page, 'session-token')

      expect(frame.url()).to.equal(`${app.url}/dashboard#activity`)
      const asked = requests.filter(({ url }) => url.startsWith('/api/'))
      expect(asked.map(({ url }) => url)).to.include.members(['/api/me', '/api/events'])
      const proofs = new Set(asked.map(({ headers }) => headers.authorization))
      expect(proofs.size).to.equal(1)
      expect([...proofs].join()).to.match(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
      expect(trades()).to.equal(1)
      expect(requests.filter(({ url }) => url.includes('instance='))).to.have.lengthOf(1)
      for (const { url, headers } of requests) {
        expect(headers).to.not.have.property('cookie')
        // Only the dashboard names itself, when it opens the frame.
        expect(headers.referer).to.equal(url.startsWith('/dashboard?') ? `${dashboardUrl()}/` : undefined)
      }
      expect(cookiesOfApp).to.deep.equal([])
      expect(await browser?.cookies()).to.deep.equal([])
      expect(complaints).to.deep.equal([])
    })

    it('is signed out at once when it relies on a cookie', async () => {
      path = () => `${cookieApp.url}/dashboard?instance=${instance()}`
      const page = await launch(BLOCKED)
      const frame = await embed(page)
      await signedOut(frame)
      await shoot(page, 'cookie-session')

      expect(requests.map(({ headers }) => headers.cookie).filter(Boolean)).to.deep.equal([])
      expect(await browser?.cookies()).to.deep.equal([])
    })

    // Without these two, a fault of the page would pass for the doing of the browser.
    it('would be signed in by the cookie, too, if the browser allowed it', async () => {
      path = () => `${cookieApp.url}/dashboard?instance=${instance()}`
      const page = await launch(ALLOWED)
      const frame = await embed(page)
      await live(frame)
      await shoot(page, 'cookie-session-allowed')

      expect(await frame.locator('#role').innerText()).to.equal('Owner')
      expect(await browser?.cookies()).to.have.lengthOf(1)
    })

    it('would be signed in by the cookie, too, in a window of its own', async () => {
      const page = await launch(BLOCKED)
      await page.goto(`${cookieApp.url}/dashboard?instance=${instance()}`)
      await live(page.mainFrame())

      expect(await page.locator('#role').innerText()).to.equal('Owner')
      expect(await browser?.cookies()).to.have.lengthOf(1)
    })

    it('trades its proof again by itself when the session has expired, and asks for a reload when the proof has', async () => {
      const page = await launch(BLOCKED)
      const frame = await embed(page)
      await live(frame)
      expect(trades()).to.equal(1)

      clock.tick(HOUR)
      await frame.getByRole('link', { name: 'Activity' }).click()
      await send('AfterOneHour')
      await frame.getByRole('listitem').filter({ hasText: 'AfterOneHour' }).waitFor()
      // The last that the view asks for.
      await frame.getByRole('rowheader', { name: 'Session token' }).waitFor()
      expect(trades()).to.equal(2)

      clock.tick(3 * HOUR + 60_000)
      await signedOut(frame)
      await shoot(page, 'proof-expired')
      expect(trades()).to.equal(3)

      // Of the page around it, which makes a new proof.
      await page.reload()
      await live(page.frames()[1] ?? frame)
      expect(trades()).to.equal(4)
    })

    it('trades its proof again by itself when the server has other keys', async () => {
      const page = await launch(BLOCKED)
      const frame = await embed(page)
      await live(frame)

      answer = example({ sessionKeys: [await generateSessionKey()] })
      await page.waitForResponse('**/session')
      // The page that was live says so until it has another answer.
      await page.waitForResponse((response) => response.url().endsWith('/api/events') && response.ok())
      await live(frame)
      expect(trades()).to.equal(2)
    })

    it('trades its proof once for all calls whose token was refused, also for a refusal that comes later', async () => {
      const page = await launch(BLOCKED)
      const frame = await embed(page)
      await live(frame)

      const other = example({ sessionKeys: [await generateSessionKey()] })
      const asked = new Promise<() => void>((resolve) => {
        answer = (req, res) => {
          if (req.url !== '/api/events') return other(req, res)
          answer = other
          resolve(() => other(req, res))
        }
      })
      const refuse = await asked
      await frame.getByRole('link', { name: 'Activity' }).click()
      await frame.getByRole('rowheader', { name: 'Session token' }).waitFor()
      const renewed = page.waitForResponse((response) => response.url().endsWith('/api/events') && response.ok())
      refuse()
      await renewed
      expect(trades()).to.equal(2)
    })

    it('is not shown in an unknown page', async () => {
      answer = example({ frameAncestors: undefined })
      const page = await launch(BLOCKED)
      const complaint = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'))
      await page.goto(dashboardUrl())

      expect((await complaint).type()).to.equal('error')
      expect(requests.map(({ url }) => url.split('?')[0])).to.deep.equal(['/dashboard'])
    })
  })
})
