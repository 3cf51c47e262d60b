import { expect } from 'chai'
import { generateAppKeys, signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, APP_SECRET, type PageTest } from '../docs-page.ts'

export default {
  implicitAny: true,
  claims: {
    'find the secret of one of many apps': async (page) => {
      const server = await page.start('server.mjs')
      const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
      const known = await server.ask(`/apps/blog/settings?instance=${owner}`)
      expect(await known.json()).to.deep.equal({ app: 'blog', user: { site: 'site-1' } })
      const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
      expect((await server.ask(`/apps/blog/settings?instance=${visitor}`)).status).to.equal(403)
      const unknown = await server.ask(`/apps/shop/settings?instance=${owner}`)
      expect([unknown.status, ((await unknown.json()) as { code: string }).code]).to.deep.equal([401, 'claim_invalid'])
    },
    'take webhooks of many apps, each with its own key': async (page) => {
      const server = await page.start('server.mjs')
      const event = { instanceId: 'site-1', eventType: 'AppInstalled', data: {} }
      const post = async (path: string, body: string): Promise<number> =>
        (await server.ask(path, { method: 'POST', headers: { 'content-type': 'text/plain' }, body })).status
      const body = signWebhook(event, APP_KEYS.privateKey)
      expect(await post('/apps/blog/webhooks', body)).to.equal(200)
      await server.printed(/^blog AppInstalled$/m)
      expect(await post('/apps/blog/webhooks', signWebhook(event, generateAppKeys().privateKey))).to.equal(401)
      expect(await post('/apps/shop/webhooks', body)).to.equal(401)
    },
  },
} satisfies PageTest
