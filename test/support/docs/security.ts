import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)
const origin = 'https://your-front-end.example'

export default {
  claims: {
    'send a dashboard with headers that keep the instance and allow its frame': async (page) => {
      const dashboard = await (await page.start('server.mjs')).ask(`/dashboard?instance=${owner}`)
      expect(dashboard.status).to.equal(200)
      expect(dashboard.headers.get('referrer-policy')).to.equal('no-referrer')
      expect(dashboard.headers.get('cache-control')).to.equal('no-store')
      expect(dashboard.headers.get('content-security-policy')).to.match(/^frame-ancestors https:\/\/manage\.wix\.com /)
      expect(dashboard.headers.get('x-frame-options')).to.equal(null)
    },
    'answer a preflight without credentials, and allow the origin': async (page) => {
      const server = await page.start('server.mjs')
      const preflight = await server.ask('/api/me', { method: 'OPTIONS', headers: { origin } })
      expect(preflight.status).to.equal(204)
      expect(preflight.headers.get('access-control-allow-origin')).to.equal(origin)
      expect(preflight.headers.get('access-control-allow-headers')).to.include('Authorization')
      expect(preflight.headers.get('access-control-allow-methods')).to.include('DELETE')
      const me = await server.ask('/api/me', { headers: { origin, authorization: owner } })
      expect(await me.json()).to.deep.equal({ user: { instanceId: 'site-1', subjectId: 'me' } })
    },
    'allow no other origin, and nobody without a credential': async (page) => {
      const me = await (await page.start('server.mjs')).ask('/api/me', { headers: { origin: 'https://other.example' } })
      expect([me.status, me.headers.get('access-control-allow-origin')]).to.deep.equal([401, null])
    },
  },
} satisfies PageTest
