import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import express from 'express'
import { Passport } from 'passport'
import { type Browser, chromium } from 'playwright-core'
import { signInstance } from '../../devtools/testing/index.ts'
import {
  errorHandler,
  generateSessionKey,
  identityOf,
  SessionTokens,
  WixAppStrategy,
  WixSessionStrategy,
} from '../../lib/index.ts'
import { CHROMIUM_OPTIONS } from '../support/browser.ts'
import { APP_SECRET, blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { CHROMIUM, HOSTS } from '../support/programs.ts'
import { Pages } from './pages.ts'

const PAGE = 'docs/react.md'

/** What the template of Vite has beside the files of the page. */
const TEMPLATE = {
  'index.html':
    '<!doctype html><html lang="en"><title>A page</title><div id="root"></div><script type="module" src="/src/main.tsx"></script></html>',
  'src/main.tsx': `import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import App from './App'
createRoot(document.getElementById('root') as HTMLElement).render(<StrictMode><App /></StrictMode>)
`,
  // esbuild is enough for a build: the plugin reloads components while they are edited.
  'node_modules/@vitejs/plugin-react/package.json':
    '{ "name": "@vitejs/plugin-react", "type": "module", "exports": "./index.js" }',
  'node_modules/@vitejs/plugin-react/index.js': 'export default () => []',
  'plugin.d.ts': "declare module '@vitejs/plugin-react' { export default function react(): import('vite').Plugin[] }",
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023', 'dom', 'dom.iterable'],
      types: ['node'],
      module: 'esnext',
      moduleResolution: 'bundler',
      jsx: 'react-jsx',
      strict: true,
      noUnusedLocals: true,
      noEmit: true,
      skipLibCheck: true,
    },
    include: ['src/App.tsx', 'plugin.d.ts', 'vite.config.ts'],
  }),
}

/** The backend of the page, which also counts what it is asked. */
async function backend(folder: string, asked: string[]): Promise<Server> {
  const sessions = new SessionTokens({
    keys: [await generateSessionKey()],
    issuer: 'https://your-backend.example',
    audience: 'your-api',
  })
  const passport = new Passport()
  passport.use(
    new WixAppStrategy({ secret: APP_SECRET }, ({ instanceId, subjectId }) => ({ id: subjectId, site: instanceId })),
  )
  passport.use(
    new WixSessionStrategy({ tokens: sessions }, ({ instanceId, subjectId }) => ({ id: subjectId, site: instanceId })),
  )
  const options = { session: false, failWithError: true }
  const app = express()
  app.use((req, _res, next) => {
    if (req.path.startsWith('/api') || req.path === '/session') asked.push(req.path)
    next()
  })
  app.post('/session', passport.authenticate('wix-app', options), (req, res, next) => {
    sessions.issue(identityOf(req)).then((token) => res.json({ token }), next)
  })
  app.get('/api/me', passport.authenticate('wix-session', options), (req, res) => void res.json({ user: req.user }))
  app.use(express.static(join(folder, 'dist')), errorHandler())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describeWith(HOSTS, `The page of ${PAGE}`, function () {
  this.timeout(120_000)

  const pages = new Pages({})
  let folder: string
  before(async () => {
    const files = filesOf(blocksOf(await readFile(join(import.meta.dirname, '../..', PAGE), 'utf8')))
    folder = await pages.folderOf({ ...Object.fromEntries(files), ...TEMPLATE })
  })
  after(() => pages.close())

  it('compiles', async () => {
    const complaints = await pages.run('tsc --pretty false', folder).then(
      () => '',
      (error: unknown) => String((error as { stdout?: string }).stdout),
    )
    expect(complaints).to.equal('')
  })

  describeWith(CHROMIUM, 'in Chromium', (executablePath) => {
    let browser: Browser
    let server: Server
    const asked: string[] = []
    before(async () => {
      await pages.run('vite build', folder)
      server = await backend(folder, asked)
      browser = await chromium.launch({ executablePath, args: CHROMIUM_OPTIONS })
    })
    after(async () => {
      await browser?.close()
      server?.close()
    })
    beforeEach(() => void asked.splice(0))

    const open = async (instance: string) => {
      const page = await browser.newPage()
      page.setDefaultTimeout(20_000)
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/?instance=${instance}&locale=en`)
      return page
    }

    it('signs in once, shows who it is, and takes the instance out of the address', async () => {
      const page = await open(signInstance({ instanceId: 'site-1', uid: 'ann', permissions: 'OWNER' }, APP_SECRET))
      await page.getByRole('heading', { name: 'ann of site-1' }).waitFor()
      expect(new URL(page.url()).search).to.equal('?locale=en')
      expect(asked.filter((path) => path === '/session')).to.have.lengthOf(1)
      await page.close()
    })

    it('asks for a reload when the instance is refused', async () => {
      const page = await open('forged')
      await page.getByRole('alert').filter({ hasText: 'Please reload the page' }).waitFor()
      expect(asked).to.not.include('/api/me')
      await page.close()
    })
  })
})
