import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const me = { instanceId: 'site-1', subjectType: 'USER', subjectId: 'me' } as const
const site = { name: 'A bakery' }
const ask = (server: Running, authorization: string, path = '/api/me'): Promise<Response> =>
  server.ask(path, { headers: { authorization } })
const start = (page: Page): Promise<Running> => page.start('server.mjs')

/** The front end's part of Wix: `@wix/essentials` asks its host for a token. */
const WITH_ESSENTIALS = `
import { register } from 'node:module'
globalThis.httpClient = {
  fetchWithAuth: (url) => fetch(url, { headers: { Authorization: process.env.TOKEN } }),
}
const essentials = 'data:text/javascript,export const { httpClient } = globalThis'
const hooks = 'export const resolve = (name, context, next) => ' +
  'name === "@wix/essentials" ? { url: ' + JSON.stringify(essentials) + ', shortCircuit: true } : next(name, context)'
register('data:text/javascript,' + encodeURIComponent(hooks))
await import('./page.js')
`

export default {
  implicitAny: true,
  compiledOnly: { 'proxy.mjs': 'needs undici and a proxy' },
  ambient: `
    declare module '@wix/essentials' {
      export const httpClient: { fetchWithAuth: typeof fetch }
    }
    declare module 'undici' {
      export class ProxyAgent { constructor(uri: string); dispatch(): boolean }
      interface Init {
        method?: string
        headers?: Record<string, string>
        body?: string
        redirect?: 'error' | 'follow' | 'manual'
        signal?: AbortSignal | null
        dispatcher?: ProxyAgent
      }
      export function fetch(url: string | URL, init?: Init): Promise<{
        readonly status: number
        readonly headers: { get(name: string): string | null }
        readonly body: AsyncIterable<Uint8Array> | null
      }>
    }
  `,
  claims: {
    'find the site of a token, which comes alone or after Bearer': async (page) => {
      const server = await start(page)
      for (const scheme of ['', 'Bearer ']) {
        const response = await ask(server, scheme + page.wix.accessToken(me))
        expect(await response.json()).to.deep.equal({ site, subjectType: 'USER', subjectId: 'me' })
      }
      expect((await ask(server, page.wix.accessToken({ ...me, instanceId: 'site-2' }))).status).to.equal(401)
    },
    'send the token from the page': async (page) => {
      page.hosts['https://your-backend.example'] = (await start(page)).url
      await page.write('browser.mjs', WITH_ESSENTIALS)
      const output = await page.execute('browser.mjs', 'page.js', { TOKEN: page.wix.accessToken(me) })
      expect(output).to.equal("{ site: { name: 'A bakery' }, subjectType: 'USER', subjectId: 'me' }\n")
    },
    'refuse a token of another app, an inactive one, and one that has expired': async (page) => {
      const server = await start(page)
      const revoked = page.wix.accessToken(me)
      page.wix.revoke(revoked)
      const refused = [
        page.wix.accessToken({ ...me, clientId: 'another-app' }),
        revoked,
        page.wix.accessToken({ ...me, expiresIn: -1 }),
        'not-a-token',
      ]
      for (const token of refused) expect((await ask(server, token)).status).to.equal(401)
    },
    'take an access token and an instance on one route': async (page) => {
      const server = await start(page)
      const instance = signInstance({ instanceId: 'site-1' }, APP_SECRET)
      for (const credential of [page.wix.accessToken(me), instance]) {
        expect(await (await ask(server, credential, '/api/site')).json()).to.deep.equal({ site })
      }
      expect((await server.ask('/api/site')).status).to.equal(401)
    },
    'let a request without a token go on, and none with a refused one': async (page) => {
      const server = await start(page)
      const revoked = page.wix.accessToken(me)
      page.wix.revoke(revoked)
      expect(await (await ask(server, page.wix.accessToken(me), '/api/widget')).json()).to.deep.equal({ site })
      expect(await (await server.ask('/api/widget')).json()).to.deep.equal({ site: null })
      for (const refused of [revoked, 'not-a-token', page.wix.accessToken({ ...me, instanceId: 'site-2' })])
        expect((await ask(server, refused, '/api/widget')).status).to.equal(401)
    },
    'check a token without Passport': async (page) => {
      const authorization = `Bearer ${page.wix.accessToken(me)}`
      expect(await page.run('check.mjs', { AUTHORIZATION: authorization })).to.equal('site-1 USER\n')
      expect(await page.run('check.mjs', { AUTHORIZATION: 'not-a-token' })).to.equal('401 token_malformed\n')
    },
    'answer an outage with 503, keep the cached tokens working, and open a circuit breaker': async (page) => {
      const server = await start(page)
      const cached = page.wix.accessToken(me)
      expect((await ask(server, cached)).status).to.equal(200)
      page.wix.fault('token-info', { status: 408 })
      const before = page.wix.calls('token-info')
      for (let turn = 0; turn < 5; turn++) expect((await ask(server, page.wix.accessToken(me))).status).to.equal(503)
      expect(page.wix.calls('token-info') - before).to.equal(5)
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server, page.wix.accessToken(me))))
      expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 503))
      // Half a second later comes a probe, where the machine is busy: it alone does not say when to come again.
      const probes = answers.filter(({ headers }) => headers.get('retry-after') === null)
      expect(probes.length).to.be.at.most(1)
      expect(page.wix.calls('token-info') - before).to.equal(5 + probes.length)
      expect((await ask(server, cached)).status).to.equal(200)
    },
  },
} satisfies PageTest
