import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type PageTest } from '../docs-page.ts'

const sign = (instanceId: string, more: object = {}): string =>
  signInstance({ instanceId, uid: 'me', permissions: 'OWNER', ...more }, APP_SECRET)

export default {
  notRun: { 'npm install': 'test/package.test.ts installs the package' },
  compiledOnly: {
    'options.ts': 'it only has types to show',
    'strategy.ts': 'test/hosts/types.test.ts compiles it with the types of Fastify',
  },
  // As they are in @fastify/passport 4.0 and fastify 5.
  ambient: `
    declare module 'fastify' {
      export interface FastifyRequest { log: { info(facts: object): void }; query: unknown; headers: Record<string, string | string[] | undefined> }
    }
    declare module '@fastify/passport' {
      import type { FastifyRequest } from 'fastify'
      class Strategy {
        name: string
        constructor(name: string)
        authenticate(request: FastifyRequest, options?: any): void | Promise<void>
        success: (user: any, info?: any) => void
        fail: ((challenge?: any, status?: number) => void) & ((status?: number) => void)
        redirect: (url: string, status?: number) => void
        pass: () => void
        error: (err: Error) => void
      }
      const passport: { use(strategy: Strategy): void }
      export default passport
    }
  `,
  claims: {
    'build and start with the settings of the page': async (page) => {
      const settings = page.blocks.find(({ language }) => language === 'json')?.code ?? ''
      await page.write('tsconfig.json', settings)
      const server = await page.startShell('npx tsc')
      const greeting = await (await server.ask(`/dashboard?instance=${sign('site-1')}`)).text()
      expect(greeting).to.equal('<h1>Hello!</h1><p>You are me on the site site-1.</p>')
    },
    'sign in with a typed user, and answer a refusal by its type': async (page) => {
      const server = await page.start('app.ts')
      const dashboard = await server.ask(`/dashboard?instance=${sign('any-site')}`)
      expect([dashboard.status, await dashboard.text()]).to.deep.equal([
        200,
        '<h1>Hello!</h1><p>You are me on the site any-site.</p>',
      ])
      const visitor = await server.ask(`/dashboard?instance=${sign('site-1', { aid: 'visitor' })}`)
      expect([visitor.status, await visitor.json()]).to.deep.equal([403, { code: 'insufficient_scope' }])
    },
    'tell the code of a refusal': async (page) => {
      const why = await (await page.start('app.ts')).ask('/why?instance=forged')
      expect([why.status, await why.json()]).to.deep.equal([401, { code: 'token_malformed' }])
    },
    'take an outage that comes after a refusal in a chain for no refusal': async (page) => {
      await page.start('app.ts')
      const code = await readFile(join(page.folder, 'app.ts'), 'utf8')
      const chained = code
        .replace(
          "'/why', passport.authenticate('wix-app'",
          "'/why', passport.authenticate(['wix-app', 'wix-access-token']",
        )
        .replace(
          'const onError',
          `import { WixAccessTokenStrategy } from 'passport-wix-app'
passport.use(new WixAccessTokenStrategy({ appId: '${APP_ID}', apiUrl: '${page.wix.url}' }, findUser))
$&`,
        )
      await page.write('chained.ts', chained)
      await page.write('chained.mjs', "import 'tsx'\nawait import('./chained.ts')\n")
      const server = await page.startWritten('chained.mjs', 'app.ts')
      page.wix.fault('token-info', { status: 503 })
      const headers = { authorization: page.wix.accessToken({ instanceId: 'site-1' }) }
      expect((await server.ask('/why', { headers })).status).to.equal(503)
      page.wix.fault('token-info', null)
      expect((await server.ask('/why')).status).to.equal(401)
    },
    'read a typed event': async (page) => {
      const server = await page.start('app.ts')
      const event = { instanceId: 'site-1', eventType: 'wix.ecom.v1.order_created', data: { entityId: 'order-1' } }
      const body = signWebhook(event, APP_KEYS.privateKey)
      const response = await server.ask('/webhooks', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body,
      })
      expect(await response.json()).to.deep.equal({ eventType: 'wix.ecom.v1.order_created', entity: 'order-1' })
    },
    'read a property that Wix has added': async (page) => {
      const instance = sign('site-1', { partner: 'partner-1' })
      expect(await page.run('properties.ts', { INSTANCE: instance })).to.equal('partner-1\n')
    },
    'load the package with require()': async (page) => {
      expect(await page.run('server.cjs')).to.equal('wix-app\n')
    },
  },
} satisfies PageTest
