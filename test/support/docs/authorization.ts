import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

const sign = (identity: object): string => signInstance({ instanceId: 'site-1', ...identity }, APP_SECRET)
const owner = { uid: 'me', permissions: 'OWNER', siteOwnerId: 'me' }
const collaborator = { ...owner, uid: 'ann' }

export default {
  claims: {
    'let each route in whom its rule allows, and nobody else': async (page) => {
      const server = await page.start('server.mjs')
      const statuses = async (path: string): Promise<number[]> => {
        const callers = [owner, { ...owner, vendorProductId: 'plus' }, collaborator, { aid: 'visitor' }]
        const answers = callers.map((identity) => server.ask(`${path}?instance=${sign(identity)}`))
        return (await Promise.all(answers)).map(({ status }) => status)
      }
      expect(await statuses('/menu')).to.deep.equal([200, 200, 200, 200])
      expect(await statuses('/dashboard')).to.deep.equal([200, 200, 200, 403])
      expect(await statuses('/billing')).to.deep.equal([200, 200, 403, 403])
      expect(await statuses('/statistics')).to.deep.equal([403, 200, 403, 403])
      expect(await statuses('/edit')).to.deep.equal([200, 200, 403, 403])
    },
    'answer 403 with the code': async (page) => {
      const answer = await (await page.start('server.mjs')).ask(`/billing?instance=${sign(collaborator)}`)
      expect([answer.status, await answer.json()]).to.deep.equal([
        403,
        { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
      ])
    },
  },
} satisfies PageTest
