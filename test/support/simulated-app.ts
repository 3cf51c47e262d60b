import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import { Passport } from 'passport'
import { type SimulatorOptions, type Simulator, startSimulator } from '../../devtools/simulator/index.ts'
import {
  fromQuery,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { blocksOf, filesOf } from './docs-page.ts'
import { serve, type Served } from './serve.ts'

/** An app with every address that the simulator calls, and the simulator that calls it. */
export interface Simulated {
  app: Served
  simulator: Simulator
  /** The event types of the webhooks that were let in, in order, and the status to answer with. */
  webhooks: { types: string[]; bodies: string[]; status: number }
  close(): Promise<void>
}

/** A page that shows what its backend says about the access token, by the protocol of the simulator. */
const page = (title: string): string => `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>${title}</title></head>
  <body><h1>${title}</h1><p id="me"></p><script type="module" src="/app.js"></script></body>
</html>`

const SCRIPT = `
import { fetchWithAuth } from '/page.js'
const response = await fetchWithAuth('/api/me')
document.querySelector('#me').textContent = response.status + ' ' + (await response.text())
`

/** `fetchWithAuth()` of docs/simulator.md, as it stands there. */
const PAGE_JS = filesOf(blocksOf(readFileSync(join(import.meta.dirname, '../../docs/simulator.md'), 'utf8'))).get(
  'page.js',
)

/** @param options In place of all addresses of the app: `{}` names its dashboard alone. */
export async function simulate(options?: Partial<SimulatorOptions>): Promise<Simulated> {
  const app = express()
  const served = await serve(app)
  const url = served.url.replace('127.0.0.1', 'localhost')
  const all = {
    widget: `${url}/widget`,
    webhooks: `${url}/webhooks`,
    plugin: `${url}/fees`,
    tools: `${url}/tools`,
    payments: `${url}/payments`,
    install: `${url}/install`,
  }
  const simulator = await startSimulator({ app: `${url}/dashboard?mine=1`, ...(options ?? all) })
  const { environment } = simulator
  const [secret, appId, publicKey] = [environment.WIX_APP_SECRET, environment.WIX_APP_ID, environment.WIX_PUBLIC_KEY]

  const passport = new Passport()
  passport.use(new WixAppStrategy({ secret, appId }, (instance) => instance))

  passport.use(
    new WixAppStrategy(
      { name: 'install', secret, appId, instanceFromRequest: fromQuery('signedInstance') },
      (one) => one,
    ),
  )
  passport.use(new WixAccessTokenStrategy({ appId, apiUrl: environment.WIX_API_URL, cache: false }, (info) => info))
  passport.use(new WixWebhookStrategy({ publicKey }))
  passport.use(new WixServicePluginStrategy({ publicKey, appId }))
  passport.use(new WixDigestStrategy({ publicKey }))
  const by = (name: string) => passport.authenticate(name, { session: false })
  const raw = express.raw({ type: '*/*', limit: '1mb' })
  const webhooks: Simulated['webhooks'] = { types: [], bodies: [], status: 200 }

  app.get('/app.js', (_req, res) => void res.type('js').send(SCRIPT))
  app.get('/page.js', (_req, res) => void res.type('js').send(PAGE_JS))
  app.get('/dashboard', by('wix-app'), (_req, res) => void res.send(page('Hello, owner')))
  app.get('/widget', by('wix-app'), (_req, res) => void res.send(page('Opening hours')))
  app.get('/api/me', by('wix-access-token'), (req, res) => void res.json(req.user))
  app.post('/webhooks', raw, by('wix-webhook'), (req, res) => {
    webhooks.types.push((req.user as { eventType: string }).eventType)
    webhooks.bodies.push(String(req.body))
    if (webhooks.status > 0) res.sendStatus(webhooks.status)
  })
  app.post('/fees', raw, by('wix-service-plugin'), (req, res) => void res.json(req.user))
  app.post('/tools', raw, by('wix-service-plugin'), (req, res) => void res.json(req.user))
  app.post('/payments', raw, by('wix-digest'), (req, res) => void res.json(req.user))
  app.get('/install', (_req, res) => {
    const installer = new URL(environment.WIX_INSTALLER_URL)
    installer.searchParams.set('appId', environment.WIX_APP_ID)
    installer.searchParams.set('postInstallationUrl', `${url}/installed?state=my-state`)
    res.redirect(installer.href)
  })
  app.get('/installed', by('install'), (req, res) => {
    res.send(
      `<!doctype html><html lang="en"><title>Installed</title><h1>Installed ${JSON.stringify(req.query['state'])}</h1>`,
    )
  })
  // Without it, Express prints the errors.
  const answer: express.ErrorRequestHandler = (error: { status?: number }, _req, res, _next) =>
    void res.sendStatus(error.status ?? 500)
  app.use(answer)

  return {
    app: { ...served, url },
    simulator,
    webhooks,
    async close() {
      await simulator.close()
      await served.close()
    },
  }
}
