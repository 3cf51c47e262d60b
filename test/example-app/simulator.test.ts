// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { CHROMIUM_OPTIONS, faultsOf, inEachLook } from '../support/browser.ts'
import { command } from '../support/dashboard.ts'
import { describeOnEachDatabase } from '../support/example-app.ts'
import { firstOutput } from '../support/first-output.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM } from '../support/programs.ts'

const SCREENSHOTS = join(import.meta.dirname, '../../coverage/screenshots')

/** What the browser says of a page that the app refuses, as it should. */
const REFUSED = /^Failed to load resource: the server responded with a status of (401|403|503) /

describeWith(CHROMIUM, 'In Chromium', function (executablePath) {
  this.timeout(120_000)

  describeOnEachDatabase('The example app inside the simulator', (newDatabase) => {
    let program: ChildProcessByStdio<null, Readable, Readable>
    let url: string
    let browser: Browser
    let page: Page
    /** What the console and the content security policy said. */
    let complaints: string[]

    // All tests share one process and its database, so that the walk is short.
    before(async () => {
      await mkdir(SCREENSHOTS, { recursive: true })
      const { WIX_APP_SECRET: _, SESSION_KEYS: __, ...env } = process.env
      program = spawn(process.execPath, ['--import', 'tsx', 'example-app/demo/start.ts'], {
        env: { ...env, PORT: '0', DATABASE_URL: await newDatabase() },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      url = /http:\S+/.exec(await firstOutput(program))?.[0] ?? ''
      browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    })
    after(async () => {
      await browser?.close()
      program.kill()
      if (program.exitCode === null) await once(program, 'close')
    })
    beforeEach(async () => {
      complaints = []
      page = await browser.newPage({ locale: 'en-GB', viewport: { width: 1280, height: 1000 } })
      page.setDefaultTimeout(20_000)
      page.context().on('console', (message) => complaints.push(message.text()))
      page.context().on('weberror', (error) => complaints.push(error.error().message))
      // Not by the button, which does nothing before the page has its script.
      await command({ url }, 'clear')
      await page.goto(url)
    })
    afterEach(async function () {
      if (this.currentTest?.state === 'failed') await shoot('failed')
      await page.context().close()
    })

    const app = () => page.frameLocator('#frame')
    const live = (): Promise<void> => app().getByText('Live', { exact: true }).waitFor()
    const heading = (name: string): Promise<void> => app().getByRole('heading', { level: 1, name }).waitFor()
    const choose = async (label: string, option: string): Promise<void> => {
      await page.getByRole('combobox', { name: label, exact: true }).selectOption(option)
    }
    /** The page of the site before is live, too. */
    const chooseYoga = async (): Promise<void> => {
      await choose('Site', 'Harbour Yoga')
      const facts = app().locator('#facts').filter({ hasText: 'b1a3c0de-1f6e-4d2a-9a70-3c5e7f901b02' })
      await facts.waitFor({ state: 'attached' })
      await live()
    }
    const look = (view: 'Dashboard' | 'Live site'): Promise<void> => page.getByLabel(view, { exact: true }).check()
    const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click()
    const pressInApp = (name: string): Promise<void> => app().getByRole('button', { name, exact: true }).click()
    const open = (view: string): Promise<void> =>
      app().getByRole('navigation').getByRole('link', { name: view, exact: true }).click()
    /** The newest line of the log with this title and verdict. */
    const line = (title: string, verdict: string): Locator =>
      page.locator('#log > li').filter({ hasText: title }).filter({ hasText: verdict }).first()
    const write = async (content: string, audience: string): Promise<void> => {
      await app().getByLabel('Note', { exact: true }).fill(content)
      await app().getByLabel('Who may read it').selectOption(audience)
      await pressInApp('Save note')
      await app().getByRole('listitem').filter({ hasText: content }).first().waitFor()
    }
    const notes = (): Promise<string[]> => app().locator('#notes .content').allInnerTexts()
    const shoot = (name: string) => page.screenshot({ path: join(SCREENSHOTS, `example-${name}.png`) })

    it('takes what every button sends, and closes and opens its doors with it', async () => {
      await live()
      await write('We are closed on Monday.', 'All who run this site')
      await open('Settings')
      await app().getByLabel('Heading').fill('News of the bakery')
      await Promise.all([page.waitForResponse('**/api/site'), app().locator('#site-form button').click()])
      for (const [name, title] of [
        ['New order', 'Webhook wix.ecom.v1.order_created'],
        ['Resend last', 'Webhook wix.ecom.v1.order_created, the same again'],
        ['Send two out of order', 'Webhook wix.ecom.v1.order_updated'],
        ['Erase the member (GDPR)', 'Webhook wix.members.v1.member_deleted'],
        ['Service plugin', 'Service plugin call'],
        ['Payment', 'Payment'],
        ['Show the answer', 'Asked for the dashboard (owner)'],
        ['Remove', 'Webhook AppRemoved'],
      ] as const) {
        await press(name)
        await line(title, '200: accepted').waitFor()
      }
      // The open page learns it by itself.
      await heading('The app was removed from this site')
      await press('Show the answer')
      await line('Asked for the dashboard', '401: your app refused').locator('summary').click()
      await page.getByText('the verify callback found no user').first().waitFor()
      await shoot('removed')
      await press('Install')
      await line('Webhook AppInstalled', '200: accepted').waitFor()
      // The page that is signed out is not live.
      await press('Reload')
      await live()

      await choose('Site', 'Copy of Bluebird Bakery')
      await look('Live site')
      await heading('News of the bakery')
      await look('Dashboard')
      await open('Settings')
      await pressInApp('Sign out everywhere')
      await heading('You are signed out everywhere')
      await press('Clear')
      await page.getByText('Nothing yet.').waitFor()
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })

    it('knows each person on each site, their plan and their language', async () => {
      for (const site of ['Bluebird Bakery', 'Harbour Yoga', 'Copy of Bluebird Bakery']) {
        await choose('Site', site)
        for (const person of ['Owner', 'Collaborator']) {
          await choose('Who is looking', person)
          await app().locator('#role').getByText(person, { exact: true }).waitFor()
        }
        for (const person of ['Member', 'Visitor']) {
          await choose('Who is looking', person)
          await app()
            .getByText(person === 'Member' ? 'as a member' : 'as an anonymous visitor')
            .waitFor()
          await heading('This page is for the people who run the site')
          await look('Live site')
          await heading(site === 'Harbour Yoga' ? 'Notes' : 'News of the bakery')
          await look('Dashboard')
        }
      }
      await choose('Who is looking', 'Owner')
      for (const plan of ['Free', 'premium', 'Free']) {
        await choose('Plan', plan)
        await app().getByText(`Plan: ${plan}`).waitFor()
      }
      for (const [language, greeting] of [
        ['German', 'Willkommen zurück, Inhaber'],
        ['Spanish', 'Welcome back, Owner'],
        ['German', 'Willkommen zurück, Inhaber'],
        ['French', 'Welcome back, Owner'],
        ['German', 'Willkommen zurück, Inhaber'],
        ['Hebrew', 'Welcome back, Owner'],
        ['German', 'Willkommen zurück, Inhaber'],
        ['Japanese', 'Welcome back, Owner'],
      ] as const) {
        await choose('Language', language)
        await heading(greeting)
      }
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })

    it('shows the six reasons to know who is calling', async () => {
      // Data of an identity
      await chooseYoga()
      await write('Order flour', 'Only me')
      await write('We are closed on Monday.', 'All who run this site')

      // Authorization
      await pressInApp('Delete all notes')
      await app().getByRole('button', { name: 'Really delete all?' }).waitFor()
      await app().getByRole('listitem').filter({ hasText: 'Monday' }).getByRole('button', { name: 'Publish' }).click()
      await app().getByRole('alert').filter({ hasText: 'paid plan' }).waitFor()
      await choose('Plan', 'premium')
      await app().getByText('Plan: premium').waitFor()
      await app().getByRole('listitem').filter({ hasText: 'Monday' }).getByRole('button', { name: 'Publish' }).click()
      await app().getByText('Visitors, too').waitFor()
      await shoot('notes')
      await choose('Who is looking', 'Collaborator')
      await app().locator('#role').getByText('Collaborator').waitFor()
      await app().locator('#notes .content').waitFor()
      expect(await notes()).to.deep.equal(['We are closed on Monday.'])
      expect(
        await app()
          .getByRole('button', { name: /Delete|Withdraw/ })
          .count(),
      ).to.equal(0)
      await choose('Who is looking', 'Visitor')
      await heading('This page is for the people who run the site')
      await shoot('refused')
      await look('Live site')
      await app().getByText('We are closed on Monday.').waitFor()
      expect(await app().getByRole('listitem').count()).to.equal(1)
      await shoot('widget')
      await look('Dashboard')
      await choose('Who is looking', 'Owner')

      // Authentication
      await live()
      for (const [name, title] of [
        ['New order', 'order_created'],
        ['Service plugin', 'Service plugin call'],
        ['Payment', 'Payment'],
      ] as const) {
        await press(name)
        await line(title, '200: accepted').waitFor()
      }
      await open('Settings')
      await app().locator('#facts').getByText('Instance', { exact: true }).waitFor()
      await pressInApp('Use an access token')
      await app().locator('#facts').getByText('Access token', { exact: true }).waitFor()
      // The frame has no permission for navigator.clipboard.
      await app().getByRole('button', { name: 'Copy' }).first().click()
      await app().getByRole('button', { name: 'Copied' }).waitFor()

      // Personalization
      await app().getByLabel('What should we call you?').fill('Ann')
      await app().getByLabel('Language').selectOption('Deutsch')
      await app().locator('#me-form button').click()
      await heading('Willkommen zurück, Ann')
      await app().getByLabel('Sprache').selectOption('English')
      await app().locator('#me-form button').click()
      await heading('Welcome back, Ann')
      await shoot('settings')

      // Audit
      await open('Activity')
      for (const proof of ['Access token', 'Digest header', 'Instance', 'Service plugin', 'Session token', 'Webhook']) {
        await app().getByRole('rowheader', { name: proof }).waitFor()
      }
      await app().getByText('wix.ecom.v1.order_created').waitFor()
      await shoot('activity')
      await app().getByLabel('Outcome').selectOption('Refused')
      await app().getByText('Refused · 403 · insufficient_scope').first().waitFor()
      await app().locator('#audit .success').first().waitFor({ state: 'detached' })

      // Billing by use
      await open('Usage')
      await app().locator('#usage td').first().waitFor()
      // Two notes were written, and one was published.
      await app().locator('#bill').getByText('$0.00', { exact: true }).waitFor()
      const [people, calls] = await app().locator('#usage td').allInnerTexts()
      expect([people, calls]).to.deep.equal(['1', '3'])
      await shoot('usage')
      const [download] = await Promise.all([page.waitForEvent('download'), pressInApp('Download CSV')])
      expect(await readFile(await download.path(), 'utf8')).to.match(/^month,subjectType,.+"Ann","\d+"\r\n/s)

      // The tour names all six, and leads to each of them
      await open('Tour')
      await app().getByRole('heading', { name: 'From here to the real Wix' }).waitFor()
      const uses = app().locator('#tour h3')
      expect(await uses.allInnerTexts()).to.deep.equal([
        'Identity-specific data',
        'Authentication',
        'Authorization',
        'Auditing',
        'Personalization',
        'Billing',
        'From here to the real Wix',
      ])
      await shoot('tour')
      for (const file of new Set(await app().locator('#tour .muted code').allInnerTexts())) {
        await access(join(import.meta.dirname, '../../example-app', file))
      }
      const guide = await app().getByRole('link', { name: 'Step by step' }).getAttribute('href')
      await access(join(import.meta.dirname, '../../docs', String(guide).split('/docs/')[1] ?? 'none'))
      await app().locator('#tour').getByRole('link', { name: 'Usage' }).click()
      await app().getByRole('heading', { name: 'Calls per month' }).waitFor()

      // Of no view that was left: the notes come first
      await press('Reload')
      await app().getByRole('heading', { name: 'Write a note' }).waitFor()
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })

    it('says what is wrong with a credential, to its user and to its developer', async () => {
      for (const [credential, title, code] of [
        ['Expired', 'This link has expired', 'token_expired'],
        ['Forged', 'This link does not open this app', 'signature_invalid'],
        ['Of another app', 'This link does not open this app', 'signature_invalid'],
        ['Clock a day ahead', 'This link cannot be used', 'claim_invalid'],
      ] as const) {
        await choose('Credential', credential)
        // Its page may have the same words as the one before.
        await line('Opened the dashboard', '401: your app refused it, as it should').waitFor()
        await heading(title)
        await app().getByText(code).waitFor()
        for (const name of ['Show the answer', 'New order', 'Payment', 'Service plugin']) await press(name)
        for (const title of ['Asked for the dashboard', 'order_created', 'Payment', 'Service plugin call']) {
          await line(title, '401: your app refused it, as it should').waitFor()
        }
        await line('Asked for the dashboard', '401').locator('summary').click()
        await page.getByText(`wix-app 401 ${code}`).waitFor()
        await page.getByText('Why your app refused it').scrollIntoViewIfNeeded()
        if (credential === 'Forged') await shoot('hint')
        await press('Clear')
        // The rows of the next one look the same.
        await line('Asked for the dashboard', '401').waitFor({ state: 'detached' })
      }
      // What Wix signs with a wrong clock comes again, and with the same signature: the clock that moves is another one.
      await page.getByText('Webhook wix.ecom.v1.order_created: attempt 2 of 13, in 1 min').waitFor()
      await press('Skip to next retry')
      await page.getByText('Webhook wix.ecom.v1.order_created: attempt 3 of 13, in 10 min').waitFor()
      await line('attempt 2 of 13', '401: your app refused it, as it should').waitFor()
      await shoot('retries')
      await choose('Credential', 'Genuine')
      await live()
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })

    it('goes on with its session while Token Info is slow, down or limiting', async () => {
      await live()
      await open('Settings')
      for (const answer of ['Slow: 504 after 3 s', 'Down: 503', 'Rate limited: 429, retry after 7 s']) {
        await Promise.all([page.waitForResponse('**/token-info'), choose('How Wix answers', answer)])
        await pressInApp('Use an access token')
        await app().getByRole('alert').filter({ hasText: 'Wix did not answer' }).waitFor()
        await app().locator('#facts').getByText('Instance', { exact: true }).waitFor()
        await app().getByText('Live', { exact: true }).waitFor()
        await app()
          .getByRole('alert')
          .evaluate((element) => (element.textContent = ''))
      }
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })

    it('is installed from its own website', async () => {
      const [installer] = await Promise.all([
        page.waitForEvent('popup'),
        page.getByRole('link', { name: 'Install from your website' }).click(),
      ])
      await installer.getByRole('combobox', { name: 'Site' }).selectOption('Harbour Yoga')
      await installer.getByRole('button', { name: 'Agree and install' }).click()
      await installer.getByRole('heading', { name: 'The app is installed' }).waitFor()
      expect(new URL(installer.url()).search).to.equal('')
      await line('Webhook AppInstalled', '200: accepted').waitFor()
      await installer.screenshot({ path: join(SCREENSHOTS, 'example-installed.png') })
      await chooseYoga()
      await open('Activity')
      await app().getByRole('rowheader', { name: 'Install from the website' }).waitFor()

      // Begun elsewhere, or without the state of this browser.
      await installer.goto(`${new URL(installer.url()).origin}/installed?state=x&signedInstance=y`)
      await installer.getByText('The install did not begin in this browser').waitFor()
      expect(complaints).to.have.lengthOf(1)
    })

    it('has no fault of contrast or labels, and fits', async () => {
      const faults: string[] = []
      const check = (name: string): Promise<void> =>
        inEachLook(page, async (look) => {
          for (const frame of page.frames()) {
            const where = `${name}, ${look}, ${frame === page.mainFrame() ? 'dashboard' : 'app'}`
            faults.push(...(await faultsOf(frame)).map((fault) => `${where}: ${fault}`))
          }
          await shoot(`${name}-${look}`)
        })
      await page.setViewportSize({ width: 390, height: 900 })
      await live()
      await open('Tour')
      await app().locator('#tour li').first().waitFor()
      await check('tour')
      await open('Notes')
      await write('A long word: '.padEnd(120, 'w'), 'All who run this site')
      await press('New order')
      await line('order_created', '200: accepted').locator('summary').click()
      await check('notes')
      await look('Live site')
      await heading('News of the bakery')
      await check('widget')
      expect(faults).to.deep.equal([])
      expect(complaints.filter((text) => !REFUSED.test(text))).to.deep.equal([])
    })
  })
})
