// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../devtools/simulator/index.ts'
import { CHROMIUM_OPTIONS, faultsOf, inEachLook } from '../../support/browser.ts'
import { stateOf } from '../../support/dashboard.ts'
import { freePort } from '../../support/free-port.ts'
import { describeWith } from '../../support/left-out.ts'
import { CHROMIUM } from '../../support/programs.ts'
import { serve } from '../../support/serve.ts'
import { type Simulated, simulate } from '../../support/simulated-app.ts'

const SCREENSHOTS = join(import.meta.dirname, '../../../coverage/screenshots')

describeWith(CHROMIUM, 'The dashboard of the simulator', function (executablePath) {
  this.timeout(120_000)

  let simulated: Simulated
  let browser: Browser
  /** What the console and the content security policy said. */
  let complaints: string[]
  /** What a test has started besides. */
  let started: { close: () => Promise<void> }[]

  before(async () => {
    await mkdir(SCREENSHOTS, { recursive: true })
    browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
  })
  after(() => browser?.close())
  beforeEach(async () => {
    complaints = []
    started = []
    simulated = await simulate()
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    for (const one of started) await one.close()
    await simulated.close()
  })

  const start = async (options: SimulatorOptions): Promise<Simulator> => {
    const simulator = await startSimulator(options)
    started.push(simulator)
    return simulator
  }

  async function open(path = '/', options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(new URL(path, simulated.simulator.url).href)
    return page
  }

  /** The first line of the log with this title. */
  const line = (page: Page, title: string) => page.locator('#log > li').filter({ hasText: title }).first()
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
  const frameOf = (page: Page) => page.frameLocator('#frame')

  it('shows the page of the app, which gets an access token of the person who is looking', async () => {
    const page = await open()
    await frameOf(page).getByRole('heading', { name: 'Hello, owner' }).waitFor()
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    await page.getByRole('combobox', { name: 'Who is looking' }).selectOption('Visitor')
    await page.getByLabel('Live site').check()
    await frameOf(page).getByRole('heading', { name: 'Opening hours' }).waitFor()
    await frameOf(page).getByText('"subjectType":"VISITOR"').waitFor()
    await page.reload()
    await frameOf(page).getByText('"subjectType":"VISITOR"').waitFor()
    expect(await page.getByRole('combobox', { name: 'Who is looking' }).inputValue()).to.equal('visitor')
    expect(complaints).to.deep.equal([])
  })

  it('gives a token to the frame of the app alone', async () => {
    const page = await open()
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    // The dashboard itself is another window than the frame, and has another origin. It has heard this when its next listener has.
    await page.evaluate(`new Promise((resolve) => {
      addEventListener('message', () => resolve(), { once: true })
      postMessage({ type: 'passport-wix-app:token', id: 1 }, '*')
    })`)
    await press(page, 'Payment')
    await line(page, 'Payment').waitFor()
    expect(asked).to.include('/send').and.to.not.include('/token')
  })

  it('sends what the buttons say, and shows the request, the answer and why it was refused', async () => {
    const page = await open()
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    for (const [name, title] of [
      ['Install', 'Webhook AppInstalled'],
      ['New order', 'Webhook wix.ecom.v1.order_created'],
      ['Resend last', 'Webhook wix.ecom.v1.order_created, the same again'],
      ['Send two out of order', 'Webhook wix.ecom.v1.order_updated'],
      ['Erase the member (GDPR)', 'Webhook wix.members.v1.member_deleted'],
      ['Service plugin', 'Service plugin call'],
      ['Payment', 'Payment'],
      ['Show the answer', 'Asked for the dashboard (owner)'],
      // Last: nothing is sent to a site without the app.
      ['Remove', 'Webhook AppRemoved'],
    ] as const) {
      await press(page, name)
      await line(page, title).getByText('200: accepted').waitFor()
    }
    await page.getByRole('combobox', { name: 'Credential' }).selectOption('Forged')
    // Its page is asked for meanwhile, and would be the last to be told.
    await line(page, 'Opened the dashboard (owner)').getByText('401: your app refused it, as it should').waitFor()
    await press(page, 'Payment')
    const refused = line(page, 'Payment').filter({ hasText: '401: your app refused it, as it should' })
    await refused.locator('summary').click()
    await refused.getByText('wix-digest 401 signature_invalid').waitFor()
    const shown = await refused.innerText()
    for (const part of [
      'signature_invalid',
      'Signed with a private key that is not of your app.',
      '"SHA256"',
      'POST http://localhost:',
      'Unauthorized',
    ]) {
      expect(shown).to.include(part)
    }
    expect(await page.getByRole('status').innerText()).to.equal('Payment: 401: your app refused it, as it should')
    await press(page, 'Clear')
    await page.getByText('Nothing yet.').waitFor()
    // Of the frame with the forged instance.
    expect(complaints.filter((text) => !text.includes('401 (Unauthorized)'))).to.deep.equal([])
  })

  it('moves the clock to the next retry', async () => {
    simulated.webhooks.status = 500
    const page = await open()
    await page.getByText('None is waiting.').waitFor()
    await press(page, 'New order')
    await page.getByText('Webhook wix.ecom.v1.order_created: attempt 2 of 13, in 1 min').waitFor()
    await press(page, 'Skip to next retry')
    await page.getByText('Webhook wix.ecom.v1.order_created: attempt 3 of 13, in 10 min').waitFor()
    await page.getByText('The retry clock is at 1 min.').waitFor()
    simulated.webhooks.status = 200
    await press(page, 'Skip to next retry')
    await page.getByText('None is waiting.').waitFor()
    expect(complaints).to.deep.equal([])
  })

  it('installs the app from the website of the app', async () => {
    const page = await open()
    const popup = page.waitForEvent('popup')
    await page.getByRole('link', { name: 'Install from your website' }).click()
    const installer = await popup
    await installer.getByRole('combobox', { name: 'Site' }).selectOption('Harbour Yoga')
    await installer.getByRole('button', { name: 'Agree and install' }).click()
    await installer.getByRole('heading', { name: 'Installed "my-state"' }).waitFor()
    await line(page, 'Webhook AppInstalled').getByText('200: accepted').waitFor()
    expect(complaints).to.deep.equal([])
  })

  it('says on the installer page why it installs nothing', async () => {
    const page = await open('/app-installer?appId=other&postInstallationUrl=https://attacker.example/')
    await page.getByText('The parameter appId is not WIX_APP_ID.').waitFor()
    await page.getByRole('button', { name: 'Agree and install' }).click()
    await page.getByText('postInstallationUrl an address on the origin of --app or --install').waitFor()
    expect(page.url()).to.include(simulated.simulator.url)
  })

  it('says what to do when no app is there', async () => {
    const app = `http://localhost:${await freePort()}`
    const alone = await start({ app })
    const page = await open(alone.url)
    await page
      .getByText(
        `Nothing listens at ${app}. Start your app, or give the simulator the address at which it listens: the frame follows by itself.`,
      )
      .waitFor()
    // Where nothing can be sent, there is no button for it, no list without a choice, and nothing comes again.
    const panel = page.getByRole('complementary')
    expect(await panel.getByRole('button').count()).to.equal(0)
    expect(await panel.getByRole('combobox').count()).to.equal(1)
    expect(await panel.getByRole('heading').allInnerTexts()).to.deep.equal(['Send to your app', 'Token Info'])
    // And no room is left for them.
    const said = panel.getByRole('heading', { name: 'Send to your app' })
    const more = panel.getByText('For more, start the simulator with')
    const [above, below] = [await said.boundingBox(), await more.boundingBox()]
    expect(Number(below?.y) - Number(above?.y) - Number(above?.height)).to.be.within(0, 25)
    await panel.getByText('--webhooks for events').waitFor()
    expect(complaints).to.deep.equal([])
  })

  it('says that the simulator has ended, and comes back when it starts again', async () => {
    const options = { app: `${simulated.app.url}/dashboard` }
    const port = await freePort()
    const first = await startSimulator({ ...options, port })
    const page = await browser.newPage()
    await page.goto(`${first.url}/#site=yoga&plan=gone&length=1`)
    await page.locator('#app').getByText('Connected').waitFor()
    await first.close()
    await page.getByText('The simulator does not answer: is it still running?').waitFor()
    expect(await page.locator('#app').innerText()).to.equal('No simulator')
    await start({ ...options, port, plugin: `${simulated.app.url}/fees` })
    await page.getByText('--plugin for the service plugin').waitFor({ state: 'detached' })
    await page.getByText('--payments for payments').waitFor()
    expect(await page.locator('#missing li').allInnerTexts()).to.deep.equal([
      '--webhooks for events',
      '--tools for the tools of your app',
      '--payments for payments',
      '--install for an install from your website',
    ])
    const buttons = page.getByRole('complementary').getByRole('button')
    expect(await buttons.allInnerTexts()).to.deep.equal(['Send', 'Edit and send…', 'Service plugin'])
    expect(await page.getByRole('combobox', { name: 'Site' }).inputValue()).to.equal('yoga')
  })

  it('follows an app that is started later, and one that is started again', async () => {
    const port = await freePort()
    const alone = await start({ app: `http://localhost:${port}/` })
    const page = await open(alone.url)
    const state = page.locator('#app')
    await page.getByText('the frame follows by itself.').waitFor()
    await state.getByText('Not running').waitFor()
    for (const text of ['First start', 'Second start']) {
      const app = await serve((_req, res) => res.setHeader('Content-Type', 'text/html').end(`<h1>${text}</h1>`), port)
      started.push(app)
      await frameOf(page).getByRole('heading', { name: text }).waitFor()
      await state.getByText('Connected').waitFor()
      await state.getByText('last answer 200').waitFor()
      await app.close()
      await state.getByText('Not running').waitFor()
    }
    expect(complaints).to.deep.equal([])
  })

  it('has one stream for all its tabs, which another tab takes over', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    let streams = 0
    context.on('request', (request) => {
      if (new URL(request.url()).pathname === '/state') streams++
    })
    const tabs: Page[] = []
    for (let index = 0; index < 8; index++) {
      const tab = await context.newPage()
      await tab.goto(simulated.simulator.url)
      await tab.getByText('None is waiting.').waitFor()
      tabs.push(tab)
    }
    expect(streams).to.equal(1)
    await simulated.simulator.trigger('payment')
    for (const tab of tabs) await line(tab, 'Payment').getByText('200: accepted').waitFor()
    const [first, ...others] = tabs
    await first?.close()
    await simulated.simulator.trigger('service_plugin')
    for (const tab of others) await line(tab, 'Service plugin call').getByText('200: accepted').waitFor()
    expect(streams).to.equal(2)
  })

  it("sends an event of the catalogue as it is, or with data of one's own, and any other event", async () => {
    const page = await open()
    await page.getByRole('combobox', { name: 'Event or call' }).selectOption('A contact is new')
    await press(page, 'Send')
    await line(page, 'Webhook wix.contacts.v4.contact_created').getByText('200: accepted').waitFor()

    await press(page, 'Edit and send…')
    const data = page.getByRole('textbox', { name: 'Data, as JSON' })
    const sample = JSON.parse(await data.inputValue()) as Record<string, unknown>
    expect(sample).to.include({ entityFqdn: 'wix.contacts.v4.contact', slug: 'created' })
    expect(await page.getByRole('textbox', { name: 'Type' }).isEditable()).to.equal(false)
    await data.fill('{')
    await press(page, 'Send it')
    await page.getByRole('dialog').getByRole('alert').getByText('JSON').waitFor()
    await data.fill(JSON.stringify({ ...sample, entityId: 'one-of-mine' }))
    await press(page, 'Send it')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    // What the page in the frame does is in the log, too.
    const { log } = await stateOf(simulated.simulator)
    const sent = log.find(({ title }) => title.startsWith('Webhook'))?.credential?.decoded
    expect(sent).to.have.nested.property('claims.data.data.entityId', 'one-of-mine')

    await page.getByRole('combobox', { name: 'Event or call' }).selectOption('Any other event')
    expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).to.equal(true)
    await press(page, 'Edit and send…')
    await page.getByRole('textbox', { name: 'Type' }).fill('nothing')
    await press(page, 'Send it')
    expect(await page.getByRole('dialog').getByRole('alert').innerText()).to.match(/^there is no event of this name/)
    await page.getByRole('textbox', { name: 'Type' }).fill('wix.stores.v3.product_created')
    await data.fill('{"name":"Bowl"}')
    await press(page, 'Send it')
    await line(page, 'Webhook wix.stores.v3.product_created').getByText('200: accepted').waitFor()
    await press(page, 'Edit and send…')
    await press(page, 'Cancel')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  })

  it('keeps what was given up to be seen', async () => {
    simulated.webhooks.status = 500
    const page = await open()
    await simulated.simulator.trigger('order_created', { times: 13 })
    await page.getByText('Webhook wix.ecom.v1.order_created: given up after 13 attempts').waitFor()
  })

  it('folds what each change of a choice repeats, filters and searches', async () => {
    const page = await open()
    const asked = page.locator('#log > li').filter({ hasText: 'Your app called /oauth2/token-info' })
    for (const [index, site] of ['Harbour Yoga', 'Copy of Bluebird Bakery', 'Bluebird Bakery'].entries()) {
      // The page before this one has the same words: only the log says that this one has its answer.
      await asked.nth(index).waitFor({ state: 'attached' })
      await page.getByRole('combobox', { name: 'Site' }).selectOption(site)
    }
    const shown = page.locator('#log > li:visible .title')
    const all = page.getByRole('button', { name: '4 times: Opened the dashboard (owner)' })
    await all.waitFor()
    await page.getByRole('button', { name: '4 times: Your app called /oauth2/token-info' }).waitFor()
    expect(await shown.allInnerTexts()).to.have.members([
      'Your app called /oauth2/token-info',
      'The page got an access token (owner)',
      'Opened the dashboard (owner)',
    ])
    await all.click()
    expect(await shown.count()).to.equal(6)
    await all.click()

    await simulated.simulator.trigger('payment')
    await page.getByRole('combobox', { name: 'Credential' }).selectOption('Forged')
    await line(page, '401: your app refused it').waitFor()
    const show = page.getByRole('combobox', { name: 'Show', exact: true })
    for (const [choice, titles] of [
      ['Events and calls', ['Payment']],
      ['Problems', []],
      ['Calls of your app to Wix', ['Your app called /oauth2/token-info']],
    ] as const) {
      await show.selectOption(choice)
      expect(await shown.allInnerTexts(), choice).to.deep.equal(titles)
    }
    await show.selectOption('All')
    await page.getByRole('searchbox', { name: 'Search' }).fill('PAYMENT captured')
    expect(await shown.allInnerTexts()).to.deep.equal(['Payment'])
    await page.getByRole('searchbox', { name: 'Search' }).fill('nowhere to be found')
    await page.getByText('No request is like that.').waitFor()
    expect(await shown.count()).to.equal(0)
  })

  it('says that the app was removed as soon as it is, in each tab, and until it is installed again', async () => {
    const text = 'The app was removed from this site. Does your app still let anyone in?'
    const [page, other] = [await open(), await open('/#site=yoga')]
    for (const tab of [page, other]) await frameOf(tab).getByText('"subjectType":"USER"').waitFor()
    await press(page, 'Remove')
    await page.getByText(text).waitFor()
    await line(other, 'Webhook AppRemoved').waitFor()
    expect(await other.getByText(text).isVisible()).to.equal(false)
    await other.getByRole('combobox', { name: 'Site' }).selectOption('Bluebird Bakery')
    await other.getByText(text).waitFor()
    await press(page, 'Install')
    for (const tab of [page, other]) await tab.getByText(text).waitFor({ state: 'hidden' })
  })

  it('names a flaw first where a narrow window cuts the choices off', async () => {
    const page = await open('/', { viewport: { width: 390, height: 844 } })
    const choices = page.locator('#choices')
    await choices.getByText(/^Bluebird Bakery · Owner · .* · Genuine$/).waitFor()
    await choices.click()
    await page.getByRole('combobox', { name: 'Credential' }).selectOption('Forged')
    await choices.getByText(/^Forged · Bluebird Bakery · Owner · /).waitFor()
  })

  it('copies a request as it was sent', async () => {
    const page = await open()
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await simulated.simulator.trigger('payment', { data: { note: "it's" } })
    await page.getByRole('button', { name: 'Copy as cURL: Payment' }).click()
    await page.getByText('Copied').waitFor()
    const copied = String(await page.evaluate('navigator.clipboard.readText()'))
    expect(copied)
      .to.match(
        /^curl -i -X POST 'http:\/\/localhost:\d+\/payments' -H 'Content-Type: application\/json' -H 'Digest: JWT=/,
      )
      .and.match(/ --data-binary '\{"note":"it'\\''s"\}'$/)
    // What only a shell reads right: the app takes it as it took ours.
    const { stdout } = await promisify(execFile)('sh', ['-c', copied.replace('curl', 'printf "%s\\n"')])
    expect(stdout.split('\n').at(-2)).to.equal('{"note":"it\'s"}')
  })

  it('asks the app no second time where that is switched off, and remembers it', async () => {
    const paths: unknown[] = []
    // Of headers that are given to \`writeHead\` alone, nothing is known in this process.
    const app = await serve((req, res) => {
      paths.push(req.url?.split('?')[0])
      res.writeHead(200, { 'Content-Type': 'text/html' }).end('<link rel="icon" href="data:,"><h1>Hello</h1>')
    })
    started.push(app)
    const alone = await start({ app: `${app.url.replace('127.0.0.1', 'localhost')}/page` })
    const page = await open(alone.url)
    await line(page, 'Opened the dashboard (owner)').getByText('200: accepted').waitFor()
    expect(paths).to.deep.equal(['/page', '/page'])
    await page.getByRole('checkbox', { name: 'Ask once more' }).uncheck()
    await page.reload()
    await line(page, 'Opened the dashboard (owner)').getByText('genuine').waitFor()
    expect(await page.getByRole('checkbox', { name: 'Ask once more' }).isChecked()).to.equal(false)
    expect(paths).to.deep.equal(['/page', '/page', '/page'])
  })

  it('lets a keyboard reach everything, and gives the app more room', async () => {
    const page = await open()
    await simulated.simulator.trigger('payment')
    // The last rows: one that comes later, or gets its end, has not been reached.
    for (const title of ['Payment', 'Opened the dashboard (owner)']) {
      await line(page, title).getByText('200: accepted').waitFor()
    }
    await line(page, 'Your app called /oauth2/token-info').waitFor()
    const focusable = 'a[href], button:enabled, select, input:not([type=radio]:not(:checked)), summary, iframe'
    // Chromium stops at what scrolls, too.
    const isReached = `document.activeElement.matches('${focusable}') && (document.activeElement.dataset.isReached = 'true')`
    for (let count = 0; count < 45; count++) {
      await page.keyboard.press('Tab')
      await page.evaluate(isReached)
    }
    const left = `[...document.querySelectorAll('${focusable}')]
      .filter((one) => one.checkVisibility() && !one.dataset.isReached).map((one) => one.outerHTML)`
    expect(await page.evaluate(left)).to.deep.equal([])

    const height = async (): Promise<number> => (await page.locator('#frame').boundingBox())?.height ?? 0
    const width = async (): Promise<number> => (await page.locator('#frame').boundingBox())?.width ?? 0
    const [before, narrow] = [await height(), await width()]
    await page.getByRole('button', { name: 'Rows' }).press('Enter')
    await page.getByRole('button', { name: 'What to send' }).press('Enter')
    expect(await height()).to.be.above(before + 100)
    expect(await width())
      .to.equal(1280)
      .and.to.be.above(narrow)
    await page.reload()
    // Before it is opened, there is no panel in any case.
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    expect(await width()).to.equal(1280)
  })

  it('keeps what a row says apart, however long it is', async () => {
    const page = await open()
    const type = `wix.${'stores'.repeat(30)}.created`
    await simulated.simulator.trigger(type, { data: {} })
    const row = line(page, `Webhook ${type}`)
    await row.getByText('200: accepted').waitFor()
    for (const width of [390, 560, 1024, 1280, 1920]) {
      await page.setViewportSize({ width, height: 900 })
      const boxes = await Promise.all(
        ['.title', '.verdict', '.took', '.copy'].map((part) => row.locator(part).boundingBox()),
      )
      const overlaps = boxes.flatMap((one, index) =>
        boxes.slice(index + 1).filter((other) => {
          if (one === null || other === null) return true
          const isBeside = one.x + one.width <= other.x || other.x + other.width <= one.x
          return !isBeside && one.y + one.height > other.y && other.y + other.height > one.y
        }),
      )
      expect(overlaps, String(width)).to.deep.equal([])
      // On one line, which the status alone would not fill.
      expect(boxes[1]?.width, String(width)).to.be.above(100)
    }
  })

  it('shows what is chosen in the bar, inside of the field that names it', async () => {
    const page = await open()
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    for (const width of [1024, 1280, 1920]) {
      await page.setViewportSize({ width, height: 900 })
      const outside = await page.locator('#selection .field').evaluateAll(
        (fields) =>
          fields.filter((field) => {
            const around = field.getBoundingClientRect()
            const select = field.querySelector('select')?.getBoundingClientRect()
            return select === undefined || select.right > around.right || select.bottom > around.bottom
          }).length,
      )
      expect(outside, String(width)).to.equal(0)
    }
  })

  it('shows what is chosen, and what may not be overlooked, where the system forces its colours', async () => {
    const careless = await serve((_req, res) => res.setHeader('Content-Type', 'text/html').end('<h1>Hello</h1>'))
    started.push(careless)
    const alone = await start({ app: careless.url.replace('127.0.0.1', 'localhost') })
    const page = await open(`${alone.url}/#credential=forged`)
    const alarm = line(page, 'your app accepted what it must refuse').locator('summary')
    await alarm.waitFor()
    const background = (element: Element): string => getComputedStyle(element).backgroundColor
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, forcedColors: 'none' })
      const red = await alarm.evaluate(background)
      await page.emulateMedia({ colorScheme, forcedColors: 'active', reducedMotion: 'reduce' })
      const chosen = await page.locator('.views input:checked + span').evaluate(background)
      const other = await page.locator('.views input:not(:checked) + span').evaluate(background)
      expect(chosen, colorScheme).to.not.equal(other)
      expect(await alarm.evaluate(background), colorScheme).to.equal(red)
      expect(await page.evaluate('document.getAnimations().length')).to.equal(0)
    }
  })

  it('has no fault of contrast or labels, and fits', async () => {
    simulated.webhooks.status = 500
    const page = await open('/', { viewport: { width: 390, height: 900 } })
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    await press(page, 'Payment')
    await press(page, 'New order')
    await line(page, '500: your app failed').locator('summary').click()
    await press(page, 'Bluebird Bakery · Owner · Free · English · Genuine')
    await page.getByRole('combobox', { name: 'Credential' }).selectOption('Expired')
    await press(page, 'Show the answer')
    await line(page, '401: your app refused it').locator('summary').click()
    await faultless(page, 'simulator', [390, 1280, 1920])
    expect(complaints.filter((text) => !text.includes('401 (Unauthorized)'))).to.deep.equal([])
  })

  it('has none in its editor and its installer, either', async () => {
    const page = await open()
    await page.getByText('None is waiting.').waitFor()
    await press(page, 'Edit and send…')
    await page.getByRole('dialog').waitFor()
    await faultless(page, 'simulator-editor')
    const installer = await open('/app-installer?appId=other')
    await installer.getByText('The parameter appId is not WIX_APP_ID.').waitFor()
    await faultless(installer, 'installer')
    expect(complaints).to.deep.equal([])
  })

  const faultless = (page: Page, name: string, widths?: readonly number[]): Promise<void> =>
    inEachLook(
      page,
      async (look) => {
        // Of the app in the frame, its author answers.
        expect(await faultsOf(page), look).to.deep.equal([])
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${look}.png`) })
      },
      widths,
    )
})
