// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import { startSimulator } from '../../../devtools/simulator/index.ts'
import { CHROMIUM_OPTIONS, faultsOf, inEachLook } from '../../support/browser.ts'
import { freePort } from '../../support/free-port.ts'
import { describeWith } from '../../support/left-out.ts'
import { CHROMIUM } from '../../support/programs.ts'
import { type Simulated, simulate } from '../../support/simulated-app.ts'

const SCREENSHOTS = join(import.meta.dirname, '../../../coverage/screenshots')

describeWith(CHROMIUM, 'The dashboard of the simulator', function (executablePath) {
  this.timeout(60_000)

  let simulated: Simulated
  let browser: Browser
  /** What the console and the content security policy said. */
  let complaints: string[]

  before(async () => {
    await mkdir(SCREENSHOTS, { recursive: true })
    browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
  })
  after(() => browser?.close())
  beforeEach(async () => {
    complaints = []
    simulated = await simulate()
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await simulated.close()
  })

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
    // The dashboard itself is another window than the frame, and has another origin.
    await page.evaluate("postMessage({ type: 'passport-wix-app:token', id: 1 }, '*')")
    await press(page, 'Payment')
    await line(page, 'Payment').waitFor()
    // The one of the frame.
    expect(await page.locator('#log > li').filter({ hasText: 'The page got an access token' }).count()).to.equal(1)
  })

  it('sends what the buttons say, and shows the request, the answer and why it was refused', async () => {
    const page = await open()
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    for (const [name, title] of [
      ['Install', 'Webhook AppInstalled'],
      ['New order', 'Webhook wix.ecom.v1.order_created'],
      ['The same again', 'Webhook wix.ecom.v1.order_created, the same again'],
      ['Two out of order', 'Webhook wix.ecom.v1.order_updated'],
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
    await press(page, 'Move the clock to the next one')
    await page.getByText('Webhook wix.ecom.v1.order_created: attempt 3 of 13, in 10 min').waitFor()
    await page.getByText('The retry clock is at 1 min.').waitFor()
    simulated.webhooks.status = 200
    await press(page, 'Move the clock to the next one')
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
    const alone = await startSimulator({ app })
    const page = await open(alone.url)
    await page.getByText(`Nothing listens at ${app}: start your app, then reload.`).waitFor()
    await page.context().close()
    await alone.close()
    expect(complaints).to.deep.equal([])
  })

  it('says that the simulator has ended, and comes back when it starts again', async () => {
    const options = { app: `${simulated.app.url}/dashboard` }
    const port = await freePort()
    const first = await startSimulator({ ...options, port })
    const page = await browser.newPage()
    await page.goto(`${first.url}/#site=yoga&plan=gone&length=1`)
    await page.getByText('None is waiting.').waitFor()
    await first.close()
    await page.getByText('The simulator does not answer: is it still running?').waitFor()
    const second = await startSimulator({ ...options, port, plugin: `${simulated.app.url}/fees` })
    await page.getByText('start the simulator with --webhooks, --payments, --install.').waitFor()
    expect(await page.getByRole('combobox', { name: 'Site' }).inputValue()).to.equal('yoga')
    await page.context().close()
    await second.close()
  })

  it('has no fault of contrast or labels, and fits', async () => {
    simulated.webhooks.status = 500
    const page = await open('/', { viewport: { width: 390, height: 900 } })
    await frameOf(page).getByText('"subjectType":"USER"').waitFor()
    await press(page, 'Payment')
    await press(page, 'New order')
    await line(page, '500: your app failed').locator('summary').click()
    await page.getByRole('combobox', { name: 'Credential' }).selectOption('Expired')
    await press(page, 'Show the answer')
    await line(page, '401: your app refused it').locator('summary').click()
    await faultless(page, 'simulator')

    const installer = await open('/app-installer?appId=other')
    await installer.getByText('The parameter appId is not WIX_APP_ID.').waitFor()
    await faultless(installer, 'installer')
    expect(complaints.filter((text) => !text.includes('401 (Unauthorized)'))).to.deep.equal([])
  })

  const faultless = (page: Page, name: string): Promise<void> =>
    inEachLook(page, async (look) => {
      // Of the app in the frame, its author answers.
      expect(await faultsOf(page), look).to.deep.equal([])
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${look}.png`) })
    })
})
