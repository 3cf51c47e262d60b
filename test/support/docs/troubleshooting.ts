import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

// Its messages are compared with lib/ in test/troubleshooting.test.ts.
export default {
  // Passport's types do not say what a custom callback is called with.
  implicitAny: true,
  claims: {
    'tell a custom callback why each strategy of a chain refuses': async (page) => {
      const server = await page.start('server.mjs')
      const why = async (instance: string, authorization?: string): Promise<unknown> => {
        const headers = authorization === undefined ? {} : { authorization }
        const response = await server.ask(`/why?instance=${instance}`, { headers })
        return [response.status, await response.json()]
      }
      const nobody = signInstance({ instanceId: 'site-1' }, APP_SECRET)
      const owner = signInstance({ instanceId: 'site-1', uid: 'me' }, APP_SECRET)
      expect(await why('forged')).to.deep.equal([401, { reasons: ['Bearer realm="Wix"', 'token_malformed'] }])
      expect(await why(nobody)).to.deep.equal([401, { reasons: ['Bearer realm="Wix"', null] }])
      expect(await why(owner)).to.deep.equal([200, { user: { id: 'me' } }])
      expect(await why('', 'IST.a.b.c')).to.deep.equal([
        401,
        {
          reasons: [
            'Bearer realm="Wix", error="invalid_token", error_description="This is not a complete Wix credential: send it exactly as Wix issued it"',
            'credentials_missing',
          ],
        },
      ])
    },
  },
} satisfies PageTest
