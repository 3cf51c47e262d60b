import { expect } from 'chai'
import { generateSessionKey } from '../../../lib/index.ts'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const KEYS = JSON.stringify([await generateSessionKey()])

const instance = (uid: string) => signInstance({ instanceId: 'site-1', uid, permissions: 'OWNER' }, APP_SECRET)

async function start(page: Page): Promise<Running> {
  const server = await page.start('server.mjs', { SESSION_KEYS: KEYS })
  page.hosts['https://your-backend.example'] = server.url
  return server
}

async function sessionOf(server: Running, authorization: string): Promise<string> {
  const response = await server.ask('/session', { method: 'POST', headers: { authorization } })
  expect(response.status).to.equal(200)
  expect(response.headers.get('cache-control')).to.equal('no-store')
  return ((await response.json()) as { token: string }).token
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

// What page.js stands on: a page that has the backend's own origin.
const browser = (server: Running, own: string) => `
globalThis.location = { href: 'https://your-backend.example/dashboard?instance=${own}&locale=en' }
globalThis.history = { replaceState: (state, title, url) => console.log(String(url)) }
let sent = 0
const { fetch } = globalThis
globalThis.fetch = (path, init) => (sent++, fetch('${server.url}' + path, init))
const { api } = await import('./page.js')
const answers = await Promise.all([api('/api/me'), api('/api/me')])
console.log(...answers.map(({ status }) => status), sent)
for (const path of ['https://elsewhere.example/x', '//elsewhere.example/x', 'http://your-backend.example/x'])
  console.log(await api(path).catch((error) => error.message), sent)
console.log((await api('/api/logout', { method: 'POST' })).status)
console.log(await api('/api/me').catch((error) => error.message))
`

export default {
  implicitAny: true,
  claims: {
    'prints two keys': async (page) => {
      expect(JSON.parse(await page.run('keys.mjs'))).to.have.lengthOf(2)
    },
    'trades an instance or an access token for a session, and takes nothing but sessions under /api': async (page) => {
      const server = await start(page)
      const accessToken = page.wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', subjectId: 'ann' })
      for (const proof of [instance('ann'), accessToken]) {
        const token = await sessionOf(server, proof)
        const response = await server.ask('/api/me', bearer(token))
        expect(await response.json()).to.deep.equal({ user: { id: 'ann', site: 'site-1', sessionsValidFrom: 0 } })
        expect((await server.ask('/api/me', { headers: { authorization: proof } })).status).to.equal(401)
        expect((await server.ask('/session', { method: 'POST', ...bearer(token) })).status).to.equal(401)
      }
    },
    'gives the page one session for all of its calls, and no other server the token, and asks it to reload after a log-out':
      async (page) => {
        const server = await start(page)
        await page.write('browser.mjs', browser(server, instance('page')))
        expect(await page.execute('browser.mjs', 'page.js')).to.equal(
          `https://your-backend.example/dashboard?locale=en\n200 200 3\n${'The token is for this server alone 3\n'.repeat(3)}204\nPlease reload the page\n`,
        )
      },
    'ends the sessions of one person at once, and of nobody else': async (page) => {
      const server = await start(page)
      const [carl, dora] = [await sessionOf(server, instance('carl')), await sessionOf(server, instance('dora'))]
      expect((await server.ask('/api/logout', { method: 'POST', ...bearer(carl) })).status).to.equal(204)
      expect((await server.ask('/api/me', bearer(carl))).status).to.equal(401)
      expect((await server.ask('/api/me', bearer(dora))).status).to.equal(200)
    },
    'is tested without a browser or Wix': async (page) => {
      const server = await page.startShell('export SESSION_KEYS')
      page.hosts['http://localhost:3000'] = server.url
      expect(await page.shell('node session.test.mjs')).to.match(/pass 1\n/)
      await page.run('session.test.mjs')
    },
  },
} satisfies PageTest
