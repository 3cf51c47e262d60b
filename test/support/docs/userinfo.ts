import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type Page, type PageTest, type Running } from '../docs-page.ts'

const BACKEND = 'https://your-backend.example'

async function start(page: Page): Promise<Running> {
  const server = await page.start('server.mjs')
  page.hosts[BACKEND] = server.url
  return server
}

async function bearer(server: Running, instanceId = 'site-1'): Promise<{ headers: { authorization: string } }> {
  const instance = signInstance({ instanceId, uid: 'me', permissions: 'OWNER' }, APP_SECRET)
  const response = await server.ask('/session', { method: 'POST', headers: { authorization: instance } })
  const { token } = (await response.json()) as { token: string }
  return { headers: { authorization: `Bearer ${token}` } }
}

export default {
  compiledOnly: { 'roles.ts': 'is about types' },
  claims: {
    'answers as the page shows, and is not cached': async (page) => {
      const server = await start(page)
      const response = await server.ask('/userinfo', await bearer(server))
      expect(response.headers.get('cache-control')).to.equal('no-store')
      const shown = JSON.parse(page.blocks.find(({ language }) => language === 'json')?.code ?? '') as { exp: number }
      const answered = (await response.json()) as { exp: number }
      expect({ ...answered, exp: 0 }).to.deep.equal({ ...shown, exp: 0 })
      expect(Object.keys(answered)).to.deep.equal(Object.keys(shown))
    },
    'keeps what a person may on one site apart from another one': async (page) => {
      const server = await start(page)
      const elsewhere = await server.ask('/userinfo', await bearer(server, 'site-2'))
      expect(await elsewhere.json())
        .to.include({ sub: 'USER:me', instanceId: 'site-2' })
        .and.not.have.property('roles')
    },
    'is resolved in another service': async (page) => {
      const server = await start(page)
      const reports = await page.start('reports.mjs')
      const response = await reports.ask('/reports', await bearer(server))
      expect(await response.json()).to.have.nested.property('user.userInfo.roles[0]', 'editor')
      expect((await reports.ask('/reports')).status).to.equal(401)
    },
  },
} satisfies PageTest
