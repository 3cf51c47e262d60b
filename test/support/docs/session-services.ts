import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { generateSessionKey, instanceVerifier, SessionTokens } from '../../../lib/index.ts'
import { APP_SECRET, type Page, type PageTest } from '../docs-page.ts'

const BACKEND = 'https://your-backend.example'
const sessions = new SessionTokens({ keys: [await generateSessionKey()], issuer: BACKEND, audience: 'your-api' })
const owner = signInstance({ instanceId: 'site-1', uid: 'bob', permissions: 'OWNER' }, APP_SECRET)
const token = await sessions.issue(await instanceVerifier({ secret: APP_SECRET })(owner))

/** The backend that issues tokens: its key set, and nothing else. */
async function publish(page: Page): Promise<void> {
  if (page.hosts[BACKEND] !== undefined) return
  const server = createServer((_req, res) => void sessions.jwks().then((keys) => res.end(JSON.stringify(keys))))
  server.unref()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  page.hosts[BACKEND] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export default {
  implicitAny: true,
  claims: {
    'verifies a token in another service, and says why it refuses one': async (page) => {
      await publish(page)
      const service = await page.start('service.mjs')
      const ask = (credential: string) =>
        service.ask('/reports', { headers: { authorization: `Bearer ${credential}` } })
      expect(await (await ask(token)).json()).to.have.nested.property('session.subjectId', 'bob')
      const changed = await ask(`${token.slice(0, -4)}AAAA`)
      expect([changed.status, ((await changed.json()) as { code: string }).code]).to.deep.equal([
        401,
        'signature_invalid',
      ])
    },
    'verifies it with another library': async (page) => {
      await publish(page)
      await page.write('checked.mjs', `import { check } from './check.mjs'\nconsole.log((await check('${token}')).sub)`)
      expect(await page.execute('checked.mjs', 'check.mjs')).to.equal('USER:bob\n')
    },
  },
} satisfies PageTest
