import { expect } from 'chai'
import { signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, APP_SECRET, type Page, type PageTest } from '../docs-page.ts'

const BACKEND = 'https://your-backend.example'
const owner = (overrides: object = {}): string =>
  signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER', ...overrides }, APP_SECRET)

/** What a program of the page answers to these requests: status, challenge and body of each. */
async function answers(
  page: Page,
  file: string,
  ...requests: Array<[path: string, init?: RequestInit]>
): Promise<unknown[]> {
  const name = `ask-${file}`
  await page.write(
    name,
    `import * as routes from './${file}'
const found = []
for (const [path, init] of JSON.parse(process.env.REQUESTS)) {
  const response = await routes[init?.method ?? 'GET'](new Request('${BACKEND}' + path, init))
  found.push([response.status, response.headers.get('www-authenticate'), await response.text()])
}
console.log('\\0' + JSON.stringify(found))
process.exit()`,
  )
  const output = await page.execute(name, file, { REQUESTS: JSON.stringify(requests) })
  return JSON.parse(output.slice(output.indexOf('\0') + 1)) as unknown[]
}

export default {
  implicitAny: true,
  claims: {
    'lets the owner in, and refuses others as Passport does': async (page) => {
      const [genuine, visitor, forged, twice, nothing, session] = await answers(
        page,
        'backend.mjs',
        [`/?instance=${owner()}`],
        [`/?instance=${owner({ aid: 'visitor' })}`],
        ['/?instance=forged'],
        [`/?instance=${owner()}&instance=${owner()}`],
        ['/'],
        ['/', { headers: { authorization: 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.a' } }],
      )
      const json = JSON.stringify({ user: { id: 'site-1', name: 'A bakery' }, subjectId: 'me' })
      expect(genuine).to.deep.equal([200, null, json])
      expect(visitor).to.deep.equal([
        403,
        null,
        JSON.stringify({ code: 'insufficient_scope', message: 'This Wix identity may not do this' }),
      ])
      // The first refusal that is not a missing credential.
      for (const [one, status, code] of [
        [forged, 401, 'token_malformed'],
        [twice, 400, 'request_invalid'],
        [nothing, 401, 'credentials_missing'],
        [session, 401, 'token_malformed'],
      ] as const) {
        expect(one).to.have.property('0', status)
        expect(JSON.parse((one as string[])[2] ?? '')).to.include({ code })
      }
      // Those of all are in the challenge.
      expect(nothing).to.have.property('1', 'Bearer realm="Wix"')
      expect(session).to.have.property('1').that.includes('error="invalid_token"')
    },
    'handles a webhook once': async (page) => {
      const body = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled', data: {} }, APP_KEYS.privateKey)
      const post = { method: 'POST', body }
      const [first, repeat, forged] = await answers(
        page,
        'hooks.mjs',
        ['/', post],
        ['/', post],
        ['/', { ...post, body: `${body}a` }],
      )
      expect([first, repeat]).to.deep.equal([
        [200, null, ''],
        [200, null, ''],
      ])
      expect(forged).to.have.property('0', 401)
    },
    'finds the secret of one of many apps': async (page) => {
      await page.write(
        'who.ts',
        `import { whoIs } from './many.ts'
for (const app of ['blog', 'shop']) {
  console.log(await whoIs(new Request('${BACKEND}/apps/' + app + '?instance=${owner()}')).catch(({ code }) => code))
}`,
      )
      expect(await page.execute('who.ts', 'many.ts')).to.equal('site-1\nclaim_invalid\n')
    },
    'answers the user info, and keeps billing to the owner of the site': async (page) => {
      const [info] = await answers(page, 'me.mjs', [`/me?instance=${owner()}`])
      const [forbidden, billing] = await answers(
        page,
        'billing.mjs',
        [`/billing?instance=${owner({ siteOwnerId: 'somebody' })}`],
        [`/billing?instance=${owner({ siteOwnerId: 'me' })}`],
      )
      expect(info).to.have.property('2').that.includes('"roles":["editor"],"sub":"USER:me"')
      expect(forbidden).to.have.property('0', 403)
      expect(billing).to.have.property('0', 200)
    },
  },
} satisfies PageTest
