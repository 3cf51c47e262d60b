// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import sinon from 'sinon'
import { signInstance } from '../../devtools/testing/index.ts'
import { CHROMIUM_OPTIONS, faultsOf, inEachLook } from '../support/browser.ts'
import { SECRET } from '../support/build.ts'
import {
  collaborator,
  describeExampleApp,
  member,
  owner,
  PAGES,
  SESSION_KEYS,
  visitor,
} from '../support/example-app.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM } from '../support/programs.ts'

describeWith(CHROMIUM, 'In Chromium', function (executablePath) {
  this.timeout(60_000)

  describeExampleApp('The example app in a browser', (app) => {
    const { send } = app
    let browser: Browser
    let page: Page
    /** What the browser complains about: errors, and violations of the policy. */
    let complaints: string[]

    before(async () => {
      browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    })
    after(() => browser.close())
    beforeEach(async () => {
      complaints = []
      page = await browser.newPage({ locale: 'en-GB', viewport: { width: 390, height: 800 } })
      page.setDefaultTimeout(20_000)
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
    })
    afterEach(() => page.context().close())

    type Payload = ReturnType<typeof owner>
    const addressOf = (payload: Payload, path = '/dashboard'): string =>
      `${app.url}${path}?instance=${signInstance(payload, SECRET)}&locale=en`
    const live = (): Promise<void> => page.getByText('Live', { exact: true }).waitFor()
    const openAs = async (payload: Payload): Promise<void> => {
      await page.goto(addressOf(payload))
      await live()
    }
    const view = (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).click()
    const write = async (content: string, audience = 'Only me'): Promise<void> => {
      await page.getByLabel('Note', { exact: true }).fill(content)
      await page.getByLabel('Who may read it').selectOption(audience)
      await page.getByRole('button', { name: 'Save note' }).click()
      await page.getByRole('listitem').filter({ hasText: content }).waitFor()
    }

    it('signs in with the instance, and sends it to /session only', async () => {
      const instance = signInstance(owner(), SECRET)
      const seen = new Set<string>()
      const tokens = new Set<string>()
      page.on('request', (request) => {
        const { pathname, search } = new URL(request.url())
        const { authorization, cookie, referer } = request.headers()
        const isSession = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(authorization ?? '')
        if (isSession) tokens.add(String(authorization))
        const credential = isSession ? 'session' : authorization?.replace(instance, 'instance')
        const address = `${pathname}${search}`.replace(instance, '...')
        const from = referer === undefined ? undefined : `from ${referer}`
        if (!/\.(css|js|json|svg)$/.test(pathname))
          seen.add([request.method(), address, credential, cookie].filter(Boolean).join(' '))
        expect(from ?? '').to.not.include('instance=')
      })
      await page.goto(`${app.url}/dashboard?instance=${instance}&locale=en`)
      await live()

      expect(page.url()).to.equal(`${app.url}/dashboard?locale=en`)
      expect([...seen]).to.have.members([
        'GET /dashboard?instance=...&locale=en',
        'POST /session instance',
        'GET /api/me session',
        'GET /api/people session',
        'GET /api/notes session',
        'GET /api/events session',
      ])
      expect(tokens.size).to.equal(1)
      const kept = await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]')
      expect(kept).to.deep.equal([0, 0, ''])
      expect(await page.content())
        .to.not.include(instance)
        .and.to.not.include('eyJ')
      expect(await page.context().cookies()).to.deep.equal([])
      expect(complaints).to.deep.equal([])
    })

    it('keeps notes, publishes them to the widget on a paid plan, and deletes all for the owner', async () => {
      await openAs(owner())
      await write('<img src=x onerror=alert(1)>')
      await write('We are closed on Monday.', 'All who run this site')
      await page.getByRole('listitem').filter({ hasText: 'Monday' }).getByRole('button', { name: 'Publish' }).click()
      await page.getByText('Visitors, too').waitFor()

      await openAs(collaborator())
      expect(await page.locator('#notes .content').allInnerTexts()).to.deep.equal(['We are closed on Monday.'])
      expect(await page.getByRole('button', { name: 'Delete' }).count()).to.equal(0)

      for (const payload of [visitor(), member()]) {
        await page.goto(addressOf(payload, '/widget'))
        await page.getByText('We are closed on Monday.').waitFor()
        expect(await page.getByRole('listitem').count()).to.equal(1)
      }

      await openAs(owner())
      await page.getByRole('button', { name: 'Delete all notes' }).click()
      await page.getByRole('button', { name: 'Really delete all?' }).click()
      await page.getByText('No notes yet.').waitFor()
      // Where there is nothing to delete, there is no button.
      expect(await page.locator('#delete-all').isVisible()).to.equal(false)
      expect(complaints).to.deep.equal([])
    })

    it('says that publishing needs a paid plan', async () => {
      await openAs(owner({ vendorProductId: null }))
      await write('for all')
      await page.getByRole('button', { name: 'Publish' }).click()

      await page.getByText('This needs a paid plan.', { exact: true }).waitFor()
      expect(await page.locator('#who').innerText()).to.equal('Owner · Plan: Free')
    })

    it('says that the free plan has reached its limit, and what a further call costs on a paid one', async () => {
      const bearer = await app.sessionOf(owner({ vendorProductId: null }))
      for (let count = 0; count < 20; count += 1)
        await app.call('POST /api/notes', bearer, { content: `Note ${count}` })
      await openAs(owner({ vendorProductId: null }))
      await page.getByLabel('Note', { exact: true }).fill('one more')
      await page.getByRole('button', { name: 'Save note' }).click()
      await page.getByText('The free plan has no more calls this month. A paid plan goes on.').waitFor()
      expect(await page.getByLabel('Note', { exact: true }).inputValue()).to.equal('one more')
      await view('Usage')
      await page.getByText('20 of 20 calls').waitFor()
      await page.getByText('The free plan ends at 20 calls a month.').waitFor()

      await openAs(owner())
      await write('one more')
      await view('Usage')
      await page.locator('#bill').getByText('$0.02', { exact: true }).waitFor()
      await page.getByText('21 calls, 20 of which are included. Each further one is $0.02.').waitFor()
      expect(complaints.filter((text) => !text.includes('403 (Forbidden)'))).to.deep.equal([])
    })

    it('greets each person by name and in their language, with the notes first', async () => {
      await openAs(owner())
      expect(await page.getByRole('heading', { level: 1 }).innerText()).to.equal('Welcome, Owner')
      await view('Settings')
      await page.getByLabel('What should we call you?').fill('Ann')
      await page.getByLabel('Language').selectOption('Deutsch')
      await page.locator('#me-form button').click()
      await page.getByRole('heading', { level: 1, name: 'Willkommen, Ann' }).waitFor()
      expect(await page.locator('html').getAttribute('lang')).to.equal('de')
      expect(await page.locator('#facts').innerText())
        .to.include('Session Token')
        .and.include('Instance')
        .and.include('user-1')
      await view('Nutzung')
      await page.getByText('0,00\u00A0$').waitFor()

      await openAs(owner())
      await page.getByRole('heading', { level: 1, name: 'Willkommen zurück, Ann' }).waitFor()
      expect(await page.getByRole('heading', { name: 'Notiz schreiben' }).isVisible()).to.equal(true)
      await openAs(collaborator())
      await page.getByRole('heading', { level: 1, name: 'Welcome, Collaborator' }).waitFor()
      expect(await page.getByRole('heading', { name: 'Write a note' }).isVisible()).to.equal(true)
      expect(complaints).to.deep.equal([])
    })

    it('names people where it knows their names, and copies an ID', async () => {
      await app.call('PUT /api/me', await app.sessionOf(collaborator()), { name: 'Ben' })
      for (const [payload, content] of [
        [collaborator(), 'by Ben'],
        [owner({ uid: 'user-3-of-the-site' }), 'by somebody'],
        [owner(), 'by the owner'],
      ] as const) {
        await app.call('POST /api/notes', await app.sessionOf(payload), { content, audience: 'site' })
      }
      await openAs(collaborator())
      const authors = async () =>
        (await page.locator('#notes li p.muted').allInnerTexts()).map((line) => line.split(' · ')[0])
      expect(await authors()).to.deep.equal(['Owner', 'Collaborator user-3-o…', 'You'])
      await openAs(owner())
      expect(await authors()).to.deep.equal(['You', 'Collaborator user-3-o…', 'Ben'])

      await view('Settings')
      await page.getByRole('button', { name: 'Copy' }).first().click()
      await page.getByRole('button', { name: 'Copied' }).waitFor()
      await view('Notes')
      // Not focus(), which does not wait for the view.
      await page.getByLabel('Note', { exact: true }).click()
      await page.keyboard.press('Control+V')
      expect(await page.getByLabel('Note', { exact: true }).inputValue()).to.equal('user-1')
      expect(complaints).to.deep.equal([])
    })

    it('has all its words in German', async () => {
      await openAs(owner())
      const marked = (await page.evaluate(
        "[...document.querySelectorAll('[data-say]')].map((one) => one.dataset.say)",
      )) as string[]
      const files = ['dashboard.js', 'widget.js', 'tour.js']
      const code = await Promise.all(files.map((name) => readFile(join(PAGES, name), 'utf8')))
      // What the scripts say: whole sentences, and what is in say() and fill().
      const said = [...code.join('\n').matchAll(/(?:say|fill)\('([^']+)'|'([A-Z][^']* [^']*)'/g)].map(
        ([, call, sentence]) => call ?? sentence ?? '',
      )
      expect(said).to.have.length.above(40)
      const german = JSON.parse(await readFile(join(PAGES, 'german.json'), 'utf8')) as object

      expect([...marked, ...said].filter((words) => !Object.hasOwn(german, words) && !/ > /.test(words))).to.deep.equal(
        [],
      )
    })

    it('shows who did what, filtered, and counts all proofs', async () => {
      await openAs(collaborator())
      await app.open(visitor())
      await openAs(owner())
      await view('Activity')
      const rows = page.locator('#audit tr')
      await rows.filter({ hasText: 'GET /dashboard' }).first().waitFor()
      await page.getByLabel('Outcome').selectOption('Refused')
      // One row alone may also be the first of the list that is filtered.
      await page.locator('#audit tr:only-child').filter({ hasText: 'Refused' }).waitFor()

      expect(await rows.locator('td:not(:first-child)').allInnerTexts()).to.deep.equal([
        'Visitor',
        'GET /dashboard',
        'Instance',
        'Refused · 403 · insufficient_scope',
      ])
      await page.getByRole('rowheader', { name: 'Session token' }).waitFor()
      expect(complaints).to.deep.equal([])
    })

    it('shows a new event of Wix by itself, as text', async () => {
      await openAs(owner())
      await view('Activity')
      const empty = page.getByText('None yet')
      await empty.waitFor()
      const attack = '<img src=x onerror=alert(1)>'
      await send(attack, { webhookId: '0123456789abcdef' })
      const line = page.getByRole('listitem').filter({ hasText: attack })
      await line.waitFor()

      expect(await line.innerText()).to.match(/webhook · .+ · 01234567…$/)
      expect(await empty.isVisible()).to.equal(false)
      expect(complaints).to.deep.equal([])
    })

    it('shows the calls of each month, and downloads them', async () => {
      const month = new Date().toISOString().slice(0, 7)
      const of = { instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' }
      await app.database.tables
        .insertInto('billed')
        .values([
          { ...of, month: '2026-01', calls: 40 },
          { ...of, month, calls: 10 },
          { ...of, month, calls: 10, subjectId: 'user-2' },
        ])
        .execute()
      await openAs(owner())
      await view('Usage')
      await page.locator('#usage tr').first().waitFor()
      const rows = await page.locator('#usage tr').allInnerTexts()
      const name = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' })
      expect(rows.map((row) => row.trim().split('\t'))).to.deep.equal([
        [name.format(new Date(month)), '2', '20'],
        ['January 2026', '1', '40'],
      ])
      const widths = await page
        .locator('#usage .bar-of-chart')
        .evaluateAll((bars) => bars.map((bar) => (bar as HTMLElement).style.inlineSize))
      expect(widths).to.deep.equal(['50%', '100%'])
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download CSV' }).click(),
      ])

      expect(download.suggestedFilename()).to.equal('usage.csv')
      expect(await readFile(await download.path(), 'utf8')).to.match(
        /^month,.+\r\n"2026-01","USER","user-1","","40"\r\n("\d{4}-\d\d","USER","user-\d","","10"\r\n){2}$/,
      )
      expect(complaints).to.deep.equal([])
    })

    for (const [what, end, heading, next] of [
      [
        'the app was removed',
        () => send('AppRemoved'),
        'The app was removed from this site',
        'Install the app again on Wix.',
      ],
      [
        'the person signed out everywhere',
        async () => app.call('POST /api/me/sign-out', await app.sessionOf(owner())),
        'You are signed out everywhere',
        'Reload this page from Wix to sign in again.',
      ],
    ] as const) {
      it(`says on an open page that ${what}, hides all content, and sends nothing more`, async () => {
        await openAs(owner())
        await end()
        await page.getByRole('heading', { level: 1, name: heading }).waitFor()
        expect(await page.locator('#who').innerText()).to.equal(next)
        expect(await page.locator('#signed-in').isVisible()).to.equal(false)

        const later: string[] = []
        page.on('request', (request) => later.push(request.url()))
        // Longer than the time between two requests.
        await page.waitForTimeout(2500)
        expect(later).to.deep.equal([])
      })
    }

    it('retries on the open page while the server cannot sign a session', async () => {
      sinon.stub(console, 'error')
      let works = false
      const sessionKeys = (): typeof SESSION_KEYS => {
        if (works) return SESSION_KEYS
        throw new Error('the vault is closed')
      }
      await app.restart(app.create({ sessionKeys }))
      await page.goto(addressOf(collaborator()))
      await page.getByText('No answer, trying again').waitFor()
      expect(await page.locator('#signed-in').isVisible()).to.equal(false)

      works = true
      await live()
      expect(await page.locator('#role').innerText()).to.equal('Collaborator')
    })

    it('has no fault that axe finds, is not wider than the window, and makes the browser complain of nothing', async () => {
      const faults: string[] = []
      const look = (name: string): Promise<void> =>
        inEachLook(page, async (colors) => {
          faults.push(...(await faultsOf(page)).map((fault) => `${name}, ${colors}: ${fault}`))
        })

      await openAs(owner())
      await write('A long word: '.padEnd(120, 'w'))
      await page.getByRole('button', { name: 'Publish' }).click()
      await page.getByText('Visitors, too').waitFor()
      await look('notes')
      await app.open(visitor())
      await send('AppInstalled')
      for (const [name, content] of [
        ['Activity', '#proofs tr'],
        ['Usage', '#usage tr'],
        ['Settings', '#facts dd'],
      ] as const) {
        await view(name)
        await page.locator(content).first().waitFor()
        await look(name)
      }
      await page.goto(addressOf(visitor(), '/widget'))
      await page.getByRole('listitem').waitFor()
      await look('widget')
      expect(complaints).to.deep.equal([])

      await page.goto(addressOf(visitor()))
      await look('problem')
      expect(faults).to.deep.equal([])
      // The browser reports each page that is answered with 403.
      expect(complaints).to.have.lengthOf(1)
    })
  })
})
