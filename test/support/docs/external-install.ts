import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const start = (page: Page): Promise<Running> => page.start('server.mjs')

/** Begins an installation: the state and the cookie that the browser gets. */
async function begin(server: Running): Promise<{ state: string; cookie: string }> {
  const response = await server.ask('/install', { redirect: 'manual' })
  expect(response.status).to.equal(302)
  const installer = new URL(response.headers.get('location') ?? '')
  expect(installer.origin + installer.pathname).to.equal('https://www.wix.com/app-installer')
  expect(installer.searchParams.get('appId')).to.equal(APP_ID)
  const callback = new URL(installer.searchParams.get('postInstallationUrl') ?? '')
  expect(callback.origin + callback.pathname).to.equal('https://your-backend.example/installed')
  const [set = ''] = response.headers.getSetCookie()
  expect(set).to.match(/^__Host-install-state=[\w-]{43}; Max-Age=600; Path=\/; .*; HttpOnly; Secure; SameSite=Lax$/)
  return { state: callback.searchParams.get('state') ?? '', cookie: set.split(';')[0] ?? '' }
}

const signed = (payload: object = {}) =>
  signInstance({ instanceId: 'site-1', appDefId: APP_ID, uid: 'me', permissions: 'OWNER', ...payload }, APP_SECRET)

/** What Wix does at the end. */
function finish(server: Running, cookie: string, query: Record<string, string>): Promise<Response> {
  const parameters = new URLSearchParams({ appId: APP_ID, tenantId: 'tenant-1', instanceId: 'site-1', ...query })
  return server.ask(`/installed?${parameters.toString()}`, { redirect: 'manual', headers: { cookie } })
}

export default {
  claims: {
    'installs what Wix has signed': async (page) => {
      const server = await start(page)
      const { state, cookie } = await begin(server)
      const response = await finish(server, `other=1; ${cookie}`, { state, signedInstance: signed() })
      expect(response.status).to.equal(303)
      expect(response.headers.get('location')).to.equal('/welcome')
      expect(response.headers.get('referrer-policy')).to.equal('no-referrer')
      expect(response.headers.getSetCookie().join()).to.match(/^__Host-install-state=; Path=\/; Expires=.*1970/)
      expect(await (await server.ask('/welcome')).text()).to.equal('The app is installed.')
    },
    'is tried without Wix': async (page) => {
      const server = await page.startShell('node server.mjs')
      const output = await page.shell('curl', server)
      expect(output).to.match(/^HTTP\/1\.1 302 Found[\s\S]*Location: https:\/\/www\.wix\.com\/app-installer\?/)
      expect(output).to.match(/HTTP\/1\.1 303 See Other[\s\S]*Location: \/welcome/)
    },
    'refuses a callback that this browser has not asked for': async (page) => {
      const server = await start(page)
      const { state, cookie } = await begin(server)
      const { state: other } = await begin(server)
      expect((await finish(server, cookie, { state: other, signedInstance: signed() })).status).to.equal(400)
      expect((await finish(server, cookie, { signedInstance: signed() })).status).to.equal(400)
      expect((await finish(server, '', { state, signedInstance: signed() })).status).to.equal(400)
    },
    'refuses what is forged, old, of another app, of a visitor, or of another site': async (page) => {
      const server = await start(page)
      const { state, cookie } = await begin(server)
      const signDate = new Date(Date.now() - 3600_000).toISOString()
      const refused: Array<Record<string, string>> = [
        {},
        { signedInstance: signInstance({ instanceId: 'site-1' }, 'forged') },
        { signedInstance: signed({ signDate }) },
        { signedInstance: signed({ appDefId: 'another-app' }) },
      ]
      for (const query of refused) {
        expect((await finish(server, cookie, { state, ...query })).status).to.equal(401, Object.keys(query).join())
      }
      for (const payload of [
        { aid: 'visitor-1' },
        { siteMemberId: 'member-1', permissions: undefined },
        { permissions: undefined },
      ]) {
        const ofNoOwner = { state, signedInstance: signed(payload) }
        expect((await finish(server, cookie, ofNoOwner)).status).to.equal(403, Object.keys(payload).join())
      }
      const elsewhere = { state, signedInstance: signed(), instanceId: 'site-2' }
      expect((await finish(server, cookie, elsewhere)).status).to.equal(403)
    },
  },
} satisfies PageTest
