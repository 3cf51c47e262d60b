// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { expect } from 'chai'
import express, { type RequestHandler } from 'express'
import { Passport } from 'passport'
import { type Browser, chromium, type Page } from 'playwright-core'
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
  terminalLine,
} from '../../../devtools/simulator/index.ts'
import { requireIdentity, WixAccessTokenStrategy, WixAppStrategy, WixWebhookStrategy } from '../../../lib/index.ts'
import { CHROMIUM_OPTIONS, faultsOf } from '../../support/browser.ts'
import { command, OWNER } from '../../support/dashboard.ts'
import { freePort } from '../../support/free-port.ts'
import { describeWith } from '../../support/left-out.ts'
import { CHROMIUM } from '../../support/programs.ts'
import { serve, type Served } from '../../support/serve.ts'

/** What the row and the terminal say, and why. */
interface Told {
  title: string
  verdict: string
  why: string
  /** As a terminal shows it; the status of an answer stands before it. */
  line?: string
}

describeWith(
  CHROMIUM,
  'What goes wrong is told by its row and in the terminal, without a click:',
  function (executablePath) {
    this.timeout(120_000)

    let browser: Browser
    let served: Served
    let simulator: Simulator
    let lines: string[]
    /** What the app does in each test. */
    let page: RequestHandler
    let lookUp: (instance: object) => object | undefined
    let secret: string
    let takeWebhook: RequestHandler

    before(async () => {
      browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    })
    after(() => browser?.close())

    const start = (options: SimulatorOptions): Promise<Simulator> =>
      startSimulator({ ...options, settled: (entry) => lines.push(terminalLine(entry)) })

    beforeEach(async () => {
      lines = []
      page = (_req, res) => void res.send('<h1>Hello</h1>')
      lookUp = (instance) => instance
      takeWebhook = (_req, res) => void res.sendStatus(200)
      const app = express()
      served = await serve(app)
      const url = served.url.replace('127.0.0.1', 'localhost')
      simulator = await start({ app: `${url}/dashboard`, webhooks: `${url}/webhooks` })
      const {
        WIX_APP_ID: appId,
        WIX_APP_SECRET,
        WIX_PUBLIC_KEY: publicKey,
        WIX_API_URL: apiUrl,
      } = simulator.environment
      secret = WIX_APP_SECRET
      const passport = new Passport()
      passport.use(new WixAppStrategy({ secret: () => secret }, (instance) => lookUp(instance)))
      passport.use(new WixWebhookStrategy({ publicKey }))
      passport.use(new WixAccessTokenStrategy({ appId, apiUrl, cache: false }, (info) => info))
      const by = (name: string): RequestHandler => passport.authenticate(name, { session: false, failWithError: true })
      app.get('/dashboard', by('wix-app'), requireIdentity({ subjectType: 'USER' }), (...args) => page(...args))
      app.get('/api', by('wix-access-token'), (_req, res) => void res.sendStatus(200))
      app.post('/webhooks', express.raw({ type: '*/*' }), by('wix-webhook'), (...args) => takeWebhook(...args))
      // Without it, Express prints the errors.
      const answer: express.ErrorRequestHandler = (error: { status?: number }, _req, res, _next) =>
        void res.sendStatus(error.status ?? 500)
      app.use(answer)
    })
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close()
      await simulator.close()
      await served.close()
    })

    async function open(choice = ''): Promise<Page> {
      const dashboard = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await dashboard.goto(`${simulator.url}/#${choice}`)
      return dashboard
    }

    /** Waits for the row, and compares the line, which came with it. */
    async function expectTold(dashboard: Page, { title, verdict, why, line = verdict }: Told): Promise<void> {
      const row = dashboard.locator('#log > li').filter({ hasText: title }).filter({ hasText: verdict }).first()
      await row.getByText(verdict, { exact: true }).waitFor()
      expect(await row.locator('.reason').innerText()).to.include(why)
      expect(await row.locator('details').getAttribute('open')).to.equal(null)
      const text = lines.find((one) => one.includes(line))
      expect(text, lines.join('\n')).to.be.a('string')
      expect(text).to.include(why)
      // Each tone can be read.
      for (const colorScheme of ['light', 'dark'] as const) {
        await dashboard.emulateMedia({ colorScheme })
        expect(await faultsOf(dashboard), colorScheme).to.deep.equal([])
      }
      await dashboard.emulateMedia({ colorScheme: null })
    }

    const OPENED = 'Opened the dashboard (owner)'
    const ORDER = 'Webhook wix.ecom.v1.order_created'

    it('no app', async () => {
      await simulator.close()
      const app = `http://localhost:${await freePort()}`
      simulator = await start({ app })
      await expectTold(await open(), { title: OPENED, verdict: `nothing listens at ${app}`, why: 'start your app' })
    })

    it('401: the look-up finds nobody', async () => {
      lookUp = () => undefined
      await expectTold(await open(), {
        title: OPENED,
        verdict: '401: your app refused a genuine credential',
        why: 'the verify callback found no user',
        line: 'your app refused a genuine credential',
      })
    })

    it('403: this person may not', async () => {
      await expectTold(await open('person=visitor'), {
        title: 'Opened the dashboard (visitor)',
        verdict: '403: not allowed',
        why: 'insufficient_scope: subjectType is VISITOR; the rule wants USER',
        line: 'not allowed',
      })
    })

    it('500: the app fails', async () => {
      lookUp = () => {
        throw new Error('the disk is full')
      }
      await expectTold(await open(), {
        title: OPENED,
        verdict: '500: your app failed',
        why: 'the disk is full',
        line: 'your app failed',
      })
    })

    it('a blank frame by X-Frame-Options', async () => {
      page = (_req, res) => void res.set('X-Frame-Options', 'SAMEORIGIN').send('<h1>Hello</h1>')
      await expectTold(await open(), {
        title: OPENED,
        verdict: 'blank: X-Frame-Options',
        why: `allow ${simulator.url} in frame-ancestors`,
      })
    })

    it('a blank frame by frame-ancestors', async () => {
      page = (_req, res) => void res.set('Content-Security-Policy', "frame-ancestors 'self'").send('<h1>Hello</h1>')
      const dashboard = await open()
      await expectTold(dashboard, {
        title: OPENED,
        verdict: 'blank: frame-ancestors',
        why: `has to name ${simulator.url} in frame-ancestors`,
      })
      // And it is blank, which is a page of the browser's own.
      await dashboard.frames()[1]?.waitForURL('chrome-error://chromewebdata/')
      expect(await dashboard.frameLocator('#frame').getByText('Hello').count()).to.equal(0)
      page = (_req, res) => {
        res.set('Content-Security-Policy', `frame-ancestors ${simulator.url}`).send('<h1>Hello</h1>')
      }
      await dashboard.getByRole('button', { name: 'Reload' }).click()
      await dashboard.frameLocator('#frame').getByText('Hello').waitFor()
    })

    it('a page that is never answered', async () => {
      page = () => {}
      const dashboard = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await dashboard.clock.install()
      await dashboard.goto(simulator.url)
      // Then it has begun to wait.
      await dashboard.locator('#frame[src]').waitFor()
      await dashboard.getByText('waiting for your app').waitFor()
      await dashboard.clock.fastForward(10_000)
      await expectTold(dashboard, {
        title: OPENED,
        verdict: 'no answer within 10000 ms',
        why: 'a call of done() or next(), or the answer?',
      })
    })

    it('a page that a browser saves, which its frame never loads', async () => {
      page = (_req, res) => void res.attachment('page.html').send('<h1>Hello</h1>')
      await expectTold(await open(), {
        title: OPENED,
        verdict: 'blank: Content-Disposition',
        why: 'a browser saves an attachment, and shows nothing',
      })
    })

    it('a wrong secret', async () => {
      secret = '0b6c1f3e-8f7d-4c1a-9b5e-2d4f6a8c0e13'
      await expectTold(await open(), {
        title: OPENED,
        verdict: '401: your app refused a genuine credential',
        why: 'signature_invalid: the secret does not fit',
        line: 'your app refused a genuine credential',
      })
    })

    it('a clock ahead', async () => {
      await expectTold(await open('credential=wrong-clock'), {
        title: OPENED,
        verdict: '401: your app refused it, as it should',
        why: ' in the future',
        line: 'your app refused it, as it should',
      })
    })

    it('a webhook that is not answered', async () => {
      takeWebhook = () => {}
      const dashboard = await open()
      await simulator.trigger('order_created')
      await expectTold(dashboard, { title: ORDER, verdict: 'no answer within 1250 ms', why: 'sends it again' })
    })

    it('a webhook that is answered late', async () => {
      takeWebhook = (_req, res) => void setTimeout(() => res.sendStatus(200), 1400)
      const dashboard = await open()
      const [{ milliseconds }] = await simulator.trigger('order_created')
      await expectTold(dashboard, {
        title: ORDER,
        verdict: `200: too late, after ${milliseconds} ms`,
        why: 'Wix waits 1250 ms, and sends it again: answer first, and do the work later',
        line: `too late, after ${milliseconds} ms`,
      })
      await dashboard.getByText(`${ORDER}: attempt 2 of 13, in 1 min`).waitFor()
    })

    it('a webhook that is answered with 500', async () => {
      takeWebhook = (_req, res) => void res.sendStatus(500)
      const dashboard = await open()
      await simulator.trigger('order_created')
      await expectTold(dashboard, {
        title: ORDER,
        verdict: '500: your app failed',
        why: 'the error is in the output of your app',
        line: '<- 500',
      })
    })

    it('Token Info down', async () => {
      await command(simulator, 'token-info', { mode: 'down' })
      const { url } = served
      // As a page does with `fetchWithAuth()`.
      const token = (await (await command(simulator, 'token', OWNER)).json()) as { token: string }
      const dashboard = await open()
      const { status } = await fetch(`${url}/api`, { headers: { Authorization: token.token } })
      expect(status).to.equal(503)
      await expectTold(dashboard, {
        title: 'Your app called /oauth2/token-info',
        verdict: 'Wix answered 503',
        why: 'as set in the dashboard, under "Token Info"',
      })
    })

    it('and, louder than all of it, that the app accepts what it must refuse', async () => {
      await simulator.close()
      const careless = await serve((_req, res) => res.setHeader('Content-Type', 'text/html').end('<h1>Hello</h1>'))
      simulator = await start({ app: careless.url.replace('127.0.0.1', 'localhost') })
      const dashboard = await open('credential=forged')
      await expectTold(dashboard, {
        title: OPENED,
        verdict: '200: your app accepted what it must refuse',
        why: 'signature_invalid',
        line: 'your app accepted what it must refuse',
      })
      const summary = dashboard.locator('#log > li[data-tone=alarm] summary')
      expect(await summary.evaluate((element) => getComputedStyle(element).backgroundColor)).to.equal(
        'rgb(179, 19, 12)',
      )
      await careless.close()
    })
  },
)
