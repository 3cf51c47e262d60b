import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { expect } from 'chai'
import { signInstance, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type PageTest } from '../docs-page.ts'
import { SESSION_KEYS } from '../example-app.ts'

const root = join(import.meta.dirname, '../../..')
const ORIGIN = 'https://your-backend.example'

/** The example app, with what is in the file that the page writes, and nothing else. */
const SERVER = `
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { register } from 'tsx/esm/api'
register()
const { startServer } = await import(${JSON.stringify(join(root, 'example-app/server.ts'))})
const { PORT, SESSION_KEYS } = process.env
await startServer({ ...parseEnv(readFileSync('.env.wix', 'utf8')), PORT, SESSION_KEYS, DATABASE_URL: 'file:app.db' })
`

export default {
  notRun: { 'ngrok http': 'a tunnel needs the internet, and an account' },
  claims: {
    'adds the key to a file that only its owner can read then, with which the app accepts what Wix signs': async (
      page,
    ) => {
      await page.write('public.pem', APP_KEYS.publicKey)
      await page.write('server.mjs', SERVER)
      await page.write('.env.wix', `WIX_APP_ID=${APP_ID}\nWIX_APP_SECRET=${APP_SECRET}`)
      const app = await page.startShell('node credentials.mjs', { SESSION_KEYS: JSON.stringify(SESSION_KEYS) })
      page.hosts[ORIGIN] = app.url
      const file = join(page.folder, '.env.wix')
      const { WIX_PUBLIC_KEY, ...others } = parseEnv(await readFile(file, 'utf8'))

      expect(others).to.deep.equal({ WIX_APP_ID: APP_ID, WIX_APP_SECRET: APP_SECRET })
      expect(WIX_PUBLIC_KEY).to.match(/^[\w+/=]+$/)
      expect(((await stat(file)).mode & 0o777).toString(8)).to.equal('600')
      const instance = signInstance({ instanceId: 'a', uid: 'b', permissions: 'OWNER' }, APP_SECRET)
      expect((await app.ask(`/dashboard?instance=${instance}`)).status).to.equal(200)
      const body = signWebhook({ instanceId: 'a', eventType: 'AppInstalled', data: {} }, APP_KEYS.privateKey)
      expect((await app.ask('/webhooks', { method: 'POST', body })).status).to.equal(200)
    },
    'checks the app as everybody may, and prints what the page shows': async (page) => {
      const shown = page.blocks.find(({ language }) => language === 'text')

      expect(await page.shell('node check.mjs')).to.equal(shown?.code)
    },
    'names in its table the routes that the app has': async (page) => {
      const text = await readFile(join(root, 'docs/going-live.md'), 'utf8')
      const paths = [...text.matchAll(/`https:\/\/your-backend\.example(\/\S+)`/g)].map(([, path = '']) => path)
      expect(paths).to.deep.equal(['/dashboard', '/webhooks', '/plugins/fees'])
      const { url } = { url: String(page.hosts[ORIGIN]) }
      const statuses = await Promise.all(
        [
          ['/dashboard', 'GET'],
          ['/webhooks', 'POST'],
          ['/plugins/fees/v1/calculate-additional-fees', 'POST'],
        ].map(async ([path, method = '']) => (await fetch(url + path, { method })).status),
      )
      expect(statuses).to.deep.equal([401, 401, 401])
    },
  },
} satisfies PageTest
