import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

const owner = (): string => signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
const unknownSite = signInstance({ instanceId: 'site-2' }, APP_SECRET)
const bakery = { site: { name: 'A bakery' } }

/** As much of a browser as the page needs. */
const BROWSER = `
globalThis.location = { href: 'http://localhost:3000/settings?instance=' + process.env.INSTANCE }
globalThis.history = { replaceState: (state, title, address) => console.log(address.href) }
const { fetch } = globalThis
globalThis.fetch = (path, init) => fetch(new URL(path, 'http://localhost:3000'), init)
await import('./page.js')
`

export default {
  claims: {
    'find the site of an instance, and refuse an unknown one': async (page) => {
      const server = await page.start('server.mjs')
      const settings = await server.ask(`/settings?instance=${owner()}`)
      expect(await settings.json()).to.deep.equal({ ...bakery, subjectType: 'USER' })
      expect((await server.ask(`/settings?instance=${unknownSite}`)).status).to.equal(401)
      const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
      expect((await server.ask(`/settings?instance=${visitor}`)).status).to.equal(403)
    },
    'refuse an instance of another app': async (page) => {
      const foreign = signInstance({ instanceId: 'site-1', appDefId: 'another-app' }, APP_SECRET)
      expect((await (await page.start('server.mjs')).ask(`/settings?instance=${foreign}`)).status).to.equal(401)
    },
    'take the instance out of the address, and send it in the header': async (page) => {
      await page.write('browser.mjs', BROWSER)
      const server = await page.start('server.mjs')
      const output = await page.execute('browser.mjs', 'page.js', { server, INSTANCE: owner() })
      expect(output).to.equal("http://localhost:3000/settings\n{ site: { name: 'A bakery' }, subjectType: 'USER' }\n")
    },
    'read the instance from another place, but not from two': async (page) => {
      const server = await page.start('server.mjs')
      for (const headers of [{ authorization: `Bearer ${owner()}` }, { 'x-wix-instance': owner() }]) {
        expect(await (await server.ask('/elsewhere', { headers })).json()).to.deep.equal(bakery)
        expect((await server.ask(`/elsewhere?instance=${owner()}`, { headers })).status).to.equal(400)
      }
    },
    'ask Wix about an instance, which may have revoked it': async (page) => {
      const server = await page.start('server.mjs')
      expect(await (await server.ask(`/asked?instance=${owner()}`)).json()).to.deep.equal(bakery)
      expect(page.wix.calls('token-info')).to.equal(1)
      const revoked = signInstance({ instanceId: 'site-1', uid: 'me', demoMode: true }, APP_SECRET)
      page.wix.revoke(revoked)
      expect((await server.ask(`/asked?instance=${revoked}`)).status).to.equal(401)
    },
    'verify an instance without Passport': async (page) => {
      await page.write('run.mjs', `process.argv[2] = process.env.INSTANCE; await import('./verify.mjs')`)
      expect(await page.execute('run.mjs', 'verify.mjs', { INSTANCE: owner() })).to.equal('site-1\n')
      expect(await page.execute('run.mjs', 'verify.mjs', { INSTANCE: 'forged' })).to.equal('401 token_malformed\n')
    },
  },
} satisfies PageTest
