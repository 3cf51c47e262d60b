import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

export default {
  claims: {
    'find the data of the site and of the person, who may be a person of two sites': async (page) => {
      const server = await page.start('server.mjs')
      const opened = async (instanceId: string, uid: string): Promise<string> => {
        const instance = signInstance({ instanceId, uid, permissions: 'OWNER' }, APP_SECRET)
        return (await server.ask(`/dashboard?instance=${instance}`)).text()
      }
      expect(await opened('site-1', 'me')).to.equal('<h1>Welcome</h1><p>Visit 1 to site-1</p>')
      expect(await opened('site-1', 'me')).to.equal('<h1>Welcome back</h1><p>Visit 2 to site-1</p>')
      expect(await opened('site-1', 'ann')).to.equal('<h1>Welcome</h1><p>Visit 3 to site-1</p>')
      expect(await opened('site-2', 'me')).to.equal('<h1>Welcome</h1><p>Visit 1 to site-2</p>')
    },
  },
} satisfies PageTest
