import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

export default {
  // Passport's types do not say what a custom callback is called with.
  implicitAny: true,
  claims: {
    'tell a custom callback why a chain refuses': async (page) => {
      const server = await page.start('server.mjs')
      const why = async (instance: string, authorization?: string): Promise<unknown> => {
        const headers = authorization === undefined ? {} : { authorization }
        const response = await server.ask(`/why?instance=${instance}`, { headers })
        return [response.status, await response.json()]
      }
      const nobody = signInstance({ instanceId: 'site-1' }, APP_SECRET)
      const owner = signInstance({ instanceId: 'site-1', uid: 'me' }, APP_SECRET)
      const malformed = {
        code: 'token_malformed',
        message: 'This is not a complete Wix credential: send it exactly as Wix issued it',
      }
      expect(await why('forged')).to.deep.equal([401, malformed])
      expect(await why(nobody)).to.have.nested.property('1.code', 'claim_invalid')
      expect(await why(owner)).to.deep.equal([200, { user: { id: 'me' } }])
      expect(await why('', 'IST.a.b.c')).to.deep.equal([401, malformed])
    },
  },
} satisfies PageTest
