// The types of playwright-core need those of the browser.
/// <reference lib="dom" />
import { expect } from 'chai'
import { chromium } from 'playwright-core'
import sinon from 'sinon'
import { signInstance } from '../../lib/testing/index.ts'
import { CHROMIUM_OPTIONS } from '../support/browser.ts'
import { SECRET } from '../support/build.ts'
import { collaborator, exampleApp, owner, SESSION_KEYS } from '../support/example-app.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM } from '../support/programs.ts'

describeWith(CHROMIUM, 'The example app in a browser', function (executablePath) {
  this.timeout(30_000)

  const app = exampleApp()
  const { send } = app

  it('leads from the start page to the dashboard', async () => {
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    try {
      const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
      const messages: string[] = []
      page.on('console', (message) => messages.push(message.text()))
      page.on('pageerror', (error) => messages.push(error.message))

      await page.goto(app.url)
      await page.getByRole('link', { name: 'Owner', exact: true }).click()
      await page.getByRole('heading', { level: 1, name: 'Welcome, owner' }).waitFor()

      expect(await page.getByText('on the Premium plan').isVisible()).to.equal(true)
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(360)
      expect(await page.evaluate("getComputedStyle(document.querySelector('.stats')).display")).to.equal('grid')
      expect(await page.context().cookies()).to.deep.equal([])
      expect(messages).to.deep.equal([])
    } finally {
      await browser.close()
    }
  })

  it('shows a new event on the open dashboard, with a session token', async () => {
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    try {
      const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
      const messages: string[] = []
      page.on('console', (message) => messages.push(message.text()))
      page.on('pageerror', (error) => messages.push(error.message))
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
        const credential = isSession ? 'session' : authorization?.replace(instance, 'instance')
        const address = `${pathname}${search}`.replace(instance, '...')
        seen.add([request.method(), address, credential, cookie, referer].filter(Boolean).join(' '))
      })

      await page.goto(`${app.url}/dashboard?instance=${instance}&locale=en`)
      await page.getByText('Live', { exact: true }).waitFor()
      expect(page.url()).to.equal(`${app.url}/dashboard?locale=en`)
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
      expect(messages).to.deep.equal([])

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
    } finally {
      await browser.close()
    }
  })

  it('says on the open dashboard that the app was removed from the site, and sends nothing more', async () => {
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    try {
      const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
      await page.goto(`${app.url}/dashboard?instance=${signInstance(owner(), SECRET)}`)
      await page.getByText('Live', { exact: true }).waitFor()

      await send('AppRemoved')
      await page.getByText('The app was removed from this site').waitFor()
      expect(await page.locator('#live').innerText()).to.equal('Signed out: install the app again on Wix')
      expect(await page.getByText('reload this page from Wix').isVisible()).to.equal(false)
      expect(await page.evaluate('document.documentElement.scrollWidth')).to.equal(360)

      const later: string[] = []
      page.on('request', (request) => later.push(request.url()))
      // Longer than the time between two requests.
      await page.waitForTimeout(2500)
      expect(later).to.deep.equal([])
    } finally {
      await browser.close()
    }
  })

  it('retries on the open dashboard while the server cannot sign a session', async () => {
    sinon.stub(console, 'error')
    let works = false
    const sessionKeys = (): typeof SESSION_KEYS => {
      if (works) return SESSION_KEYS
      throw new Error('the vault is closed')
    }
    await app.restart(app.create({ sessionKeys }))
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    try {
      const page = await browser.newPage()
      await page.goto(`${app.url}/dashboard?instance=${signInstance(collaborator(), SECRET)}`)
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
