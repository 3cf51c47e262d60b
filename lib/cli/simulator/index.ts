import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Checks, checkOptions, must, required, string } from '../../internal/options.ts'
import { isNonEmptyString } from '../../internal/values.ts'
import { secureUrl } from '../../internal/url.ts'
import { WixSimulator } from '../../testing/index.ts'
import { generateKeys, keysIn, writeEnvFile } from './keys.ts'
import { type Command, SimulatorServer } from './server.ts'
import { Simulation, siteNames, TOKEN_INFO } from './simulation.ts'
import { FLAWS, LANGUAGES, PEOPLE, type Selection, selectionOf } from './sites.ts'

/** The options of {@link startSimulator}. All addresses are https, or http on this machine. */
export interface SimulatorOptions {
  /** The dashboard page of your app, for example `http://localhost:3000/dashboard`. */
  app: string
  /** The widget of your app on a live site. Default: none. */
  widget?: string
  /** Where your app takes webhooks. Default: none. */
  webhooks?: string
  /** The method of a service plugin that calculates additional fees. Default: none. */
  plugin?: string
  /** Where your app takes a body that is signed in a `Digest` header. Default: none. */
  payments?: string
  /** Where an install on your own website begins. Default: none. */
  install?: string
  /** The paid plans of your app: values of `vendorProductId`. Default: `premium`. */
  plans?: readonly string[]
  /** Where to keep the keys of the app, so that they are the same at each start. Default: nowhere. */
  folder?: string
  /** Default: 0, which is any free one. */
  port?: number
}

/** What to start the app with. */
export interface SimulatorEnvironment {
  WIX_APP_ID: string
  WIX_APP_SECRET: string
  /** The PEM in base64: one line, which the strategies take, and so does Wix's SDK. */
  WIX_PUBLIC_KEY: string
  /** The `apiUrl` of `WixAccessTokenStrategy`. */
  WIX_API_URL: string
  /** In place of `https://www.wix.com/app-installer`. */
  WIX_INSTALLER_URL: string
}

/** A simulator that listens. */
export interface Simulator {
  /** The dashboard: on `127.0.0.1`, or on `localhost` where the app is on `127.0.0.1`. */
  url: string
  environment: SimulatorEnvironment
  /** Frees the port and ends the open connections. */
  close(): Promise<void>
}

const checks: Checks<SimulatorOptions> = {
  app: required(secureUrl),
  widget: secureUrl,
  webhooks: secureUrl,
  plugin: secureUrl,
  payments: secureUrl,
  install: secureUrl,
  plans: must((value) => Array.isArray(value) && value.every(isNonEmptyString), 'an array of non-empty strings'),
  folder: string,
  port: must(
    (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536,
    'an integer from 0 to 65535',
  ),
}

const originOf = (url: string): string => new URL(url).origin

/**
 * Starts Wix on this machine: a dashboard in the browser, on another site than the app, that calls the app as Wix does.
 *
 * @returns A promise of a simulator that listens; rejects with the errors below, or with Node's error when the port is taken.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const checked = checkOptions('startSimulator', options, checks)
  const { app, widget, webhooks, plugin, payments, install, plans = ['premium'], folder, port: wanted = 0 } = checked
  const own = folder === undefined ? generateKeys() : keysIn(folder)

  const httpServer = createServer().listen(wanted, '127.0.0.1')
  await once(httpServer, 'listening')
  const { port } = httpServer.address() as AddressInfo
  const origin = `http://${new URL(app).hostname === '127.0.0.1' ? 'localhost' : '127.0.0.1'}:${port}`
  const wix = await WixSimulator.start({ appId: own.appId, appSecret: own.appSecret })
  const environment: SimulatorEnvironment = {
    WIX_APP_ID: own.appId,
    WIX_APP_SECRET: own.appSecret,
    WIX_PUBLIC_KEY: Buffer.from(own.publicKey).toString('base64'),
    WIX_API_URL: `http://127.0.0.1:${port}`,
    WIX_INSTALLER_URL: `${origin}/app-installer`,
  }
  if (folder !== undefined) writeEnvFile(folder, { ...environment })

  const targets = { app, widget, webhooks, plugin, payments, install }
  const simulation = new Simulation({
    url: origin,
    targets,
    signers: { own, other: generateKeys(), wix },
    wix,
    changed: () => server.tell(),
  })

  const withSelection =
    (run: (selection: Selection, sent: Readonly<Record<string, unknown>>) => Promise<object | undefined>): Command =>
    async (sent) => {
      const selection = selectionOf(sent, plans)
      return selection && run(selection, sent)
    }
  const viewOf = (sent: Readonly<Record<string, unknown>>): 'dashboard' | 'widget' =>
    sent['view'] === 'widget' ? 'widget' : 'dashboard'
  const done = (isKnown: boolean): object | undefined => (isKnown ? {} : undefined)

  const commands: Record<string, Command> = {
    options: async () => ({
      appId: own.appId,
      targets,
      frames: { dashboard: originOf(app), widget: widget && originOf(widget) },
      sites: siteNames(),
      people: Object.fromEntries(Object.entries(PEOPLE).map(([id, { name }]) => [id, name])),
      plans,
      languages: LANGUAGES,
      credentials: FLAWS,
      tokenInfo: Object.fromEntries(Object.entries(TOKEN_INFO).map(([id, { name }]) => [id, name])),
    }),
    open: withSelection((selection, sent) => simulation.open(viewOf(sent), selection)),
    ask: withSelection(async (selection, sent) => {
      await simulation.ask(viewOf(sent), selection)
      return {}
    }),
    token: withSelection((selection) => simulation.token(selection)),
    send: withSelection(async (selection, sent) => done(await simulation.send(String(sent['action']), selection))),
    retry: async () => {
      await simulation.nextRetry()
      return {}
    },
    'token-info': async (sent) => done(simulation.setTokenInfo(String(sent['mode']))),
    clear: async () => {
      simulation.clear()
      return {}
    },
    install: withSelection(async (selection, { appId, postInstallationUrl: given }) => {
      const callback = isNonEmptyString(given) && URL.canParse(given) ? new URL(given) : undefined
      // An instance is a credential: it goes to the app alone, whoever has made the link to the installer.
      const mayGetIt = [app, install].some((url) => url !== undefined && originOf(url) === callback?.origin)
      if (appId !== own.appId || callback === undefined || !mayGetIt) return undefined
      return simulation.install(selection, callback)
    }),
  }

  const server = new SimulatorServer({
    origin,
    hosts: [`127.0.0.1:${port}`, `localhost:${port}`],
    frames: [...new Set([app, widget ?? app].map(originOf))],
    apiUrl: wix.url,
    commands,
    state: () => simulation.state,
    called: (...call) => void simulation.calledWix(...call),
  })
  httpServer.on('request', (req, res) => void server.handle(req, res))

  return {
    url: origin,
    environment,
    async close() {
      await new Promise((resolve) => {
        httpServer.close(resolve)
        httpServer.closeAllConnections()
      })
      await wix.close()
    },
  }
}
