import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { signInstance } from '../../../devtools/testing/index.ts'
import { APP_SECRET, type PageTest } from '../docs-page.ts'

const NEWCOMER = 'test/devtools/newcomer.test.ts runs it in an empty folder'
const owner = signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, APP_SECRET)

export default {
  notRun: {
    'npm ci': 'test/example-app has the tests of the example app',
    'npm init': NEWCOMER,
    'npx passport-wix-app simulate': NEWCOMER,
  },
  claims: {
    'greet the owner with a page, and refuse a forged instance': async (page) => {
      const server = await page.start('server.mjs')
      const greeted = await server.ask(`/dashboard?instance=${owner}`)
      expect(greeted.headers.get('content-type')).to.match(/^text\/html/)
      expect(await greeted.text()).to.equal('<h1>Hello!</h1><p>You are me on the site site-1.</p>')
      const forged = await server.ask('/dashboard?instance=forged')
      expect(forged.status).to.equal(401)
      expect(await forged.json()).to.include({ code: 'token_malformed' })
    },
    'keep anonymous visitors out of the dashboard': async (page) => {
      const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
      const server = await page.start('server.mjs')
      const response = await server.ask(`/dashboard?instance=${visitor}`)
      expect(response.status).to.equal(403)
      expect(await response.json()).to.deep.equal({
        code: 'insufficient_scope',
        message: 'This Wix identity may not do this',
      })
      expect(server.output).to.not.include('at ')
    },
    'log an error of the app with its cause, and in production not show it to the caller': async (page) => {
      await page.start('server.mjs')
      const code = await readFile(join(page.folder, 'server.mjs'), 'utf8')
      const broken = "throw Object.assign(new Error('The database is gone', { cause: 'its disk' }), { code: 'EIO' })"
      expect(code).to.include('return { id: subjectId')
      await page.write('broken.mjs', code.replace('return { id: subjectId', `${broken}\n    return { id: subjectId`))
      const server = await page.startWritten('broken.mjs', 'server.mjs', { NODE_ENV: 'production' })
      const response = await server.ask(`/dashboard?instance=${owner}`)
      expect(response.status).to.equal(500)
      expect(await response.text()).to.not.include('The database is gone')
      await server.printed(/^Error: The database is gone\n {4}at [^]*its disk/m)
    },
    'say at start-up that the secret is missing': async (page) => {
      const failed = await page.run('server.mjs', { WIX_APP_SECRET: undefined }).catch((error: unknown) => error)
      expect(failed)
        .to.have.property('stderr')
        .that.matches(/TypeError: WixAppStrategy.*`secret`.*undefined/)
    },
    'tell in the log why a request is refused': async (page) => {
      const server = await page.start('server.mjs', { NODE_DEBUG: 'passport-wix-app' })
      const signDate = new Date(Date.now() - 26 * 3600_000).toISOString()
      const old = signInstance({ instanceId: 'site-1', signDate }, APP_SECRET)
      const response = await server.ask(`/dashboard?instance=${old}`)
      expect([response.status, await response.json()]).to.deep.equal([
        401,
        { code: 'token_expired', message: 'This Wix credential has expired: reload the page to get a new one' },
      ])
      const { code = '' } = page.blocks.find(({ language }) => language === 'log') ?? {}
      // The process is another one each time.
      const line = code.trimEnd().replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
      await server.printed(new RegExp(line.replace('4711', '\\d+')))
    },
  },
} satisfies PageTest
