import { join } from 'node:path'
import { expect } from 'chai'
import { startSimulator } from '../../../devtools/simulator/index.ts'
import { command, OWNER } from '../dashboard.ts'
import type { PageTest } from '../docs-page.ts'

const NEWCOMER = 'test/devtools/newcomer.test.ts runs it in an empty folder'

export default {
  implicitAny: true,
  compiledOnly: { 'page.js': 'runs in a browser: test/support/simulated-app.ts serves it' },
  notRun: {
    'npm init': NEWCOMER,
    'simulate -- node app.mjs': NEWCOMER,
    'trigger order_created': 'test/devtools/trigger.test.ts runs the command',
  },
  claims: {
    'greet the owner, and refuse a visitor and what is forged, with the environment that the simulator wrote': async (
      page,
    ) => {
      const folder = join(page.folder, '.wix-simulator')
      const simulator = await startSimulator({ app: 'http://localhost:9/dashboard', folder })
      try {
        // Without those of the other pages, which would replace the ones in the file.
        const app = await page.startShell('--env-file', { ...simulator.environment })
        const ask = async (sent: object): Promise<Response> => {
          const response = await command(simulator, 'open', { ...OWNER, ...sent })
          const { url } = (await response.json()) as { url: string }
          return app.ask(`/dashboard${new URL(url).search}`)
        }
        expect(await (await ask({})).text()).to.match(/^<h1>Hello, owner [\da-f-]{36}<\/h1>$/)
        expect((await ask({ person: 'collaborator' })).status).to.equal(200)
        const visitor = await ask({ person: 'visitor' })
        expect([visitor.status, await visitor.json()]).to.deep.equal([
          403,
          { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
        ])
        expect((await ask({ credential: 'forged' })).status).to.equal(401)
        expect(await page.shell('set -a')).to.equal('')
      } finally {
        await simulator.close()
      }
    },
    'ask the simulator about access tokens here, and Wix in production': async (page) => {
      await page.write(
        'who.mjs',
        `import passport from 'passport'
import { wixAccessToken } from './tokens.mjs'
const req = { headers: { authorization: process.env.TOKEN }, query: {} }
const print = (error, user) => console.log(error?.message ?? user.id)
passport.authenticate(wixAccessToken, { session: false }, print)(req, {}, print)`,
      )
      const TOKEN = page.wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', subjectId: 'me' })
      // The tests send what is for Wix to a simulator, too; nobody listens on the port 9.
      for (const [WIX_API_URL, printed] of [
        [undefined, 'me\n'],
        [page.wix.url, 'me\n'],
        ['http://127.0.0.1:9', 'Token Info is unavailable: no connection to 127.0.0.1:9 (ECONNREFUSED)\n'],
      ] as const) {
        expect(await page.execute('who.mjs', 'tokens.mjs', { TOKEN, WIX_API_URL })).to.equal(printed)
      }
    },
    'start the simulator in the process of the app': async (page) => {
      const app = await page.start('start.mjs')
      expect(await (await app.ask('/')).text()).to.match(/^[\da-f-]{36}$/)
      const url = app.output.trim()
      expect(url).to.match(/^http:\/\/localhost:\d+$/)
      expect((await fetch(url)).status).to.equal(200)
    },
  },
} satisfies PageTest
