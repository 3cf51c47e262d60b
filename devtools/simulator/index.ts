/** @module passport-wix-app/simulator */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { callback, type Check, type Checks, checkOptions, must, required, string } from '../../lib/internal/options.ts'
import { isNonEmptyString } from '../../lib/internal/values.ts'
import { secureUrl } from '../../lib/internal/url.ts'
import { WixSimulator } from '../testing/index.ts'
import { Answers } from './answers.ts'
import { App } from './app.ts'
import { commandsOf } from './commands.ts'
import { Deliveries } from './deliveries.ts'
import { generateKeys, keysIn, otherKeys, writeEnvFile } from './keys.ts'
import { type Entry, Log } from './log.ts'
import { peopleAndSites } from './own.ts'
import { Pages } from './pages.ts'
import { ipAddress, isExposed, nearbyUrl, publicUrl, type Reach, type ReachOptions, reachOf } from './reach.ts'
import { Refusals } from './refusals.ts'
import { SimulatorServer } from './server.ts'
import {
  type SimulatorAnswer,
  type SimulatorAnswers,
  type SimulatorCall,
  type SimulatorChoice,
  type SimulatorEvent,
  type TriggerOptions,
  triggersOf,
} from './triggers.ts'

export type { SimulatorAnswer, SimulatorAnswers, SimulatorCall, SimulatorChoice, SimulatorEvent, TriggerOptions }

export { terminalLine } from './terminal.ts'
export type { Entry as SimulatorEntry } from './log.ts'

/**
 * The options of {@link startSimulator}. All addresses are https, or http on this machine; with `host` or `publicUrl`, also http in a
 * network of your own, such as that of containers.
 */
export interface SimulatorOptions extends ReachOptions {
  /** Your app's dashboard page, for example `http://localhost:3000/dashboard`. */
  app: string
  /** Your app's widget on a live site. Default: none. */
  widget?: string
  /** Where your app takes webhooks. Default: none. */
  webhooks?: string
  /** The method of a service plugin that calculates additional fees. Default: none. */
  plugin?: string
  /** Where Wix's assistant runs your app's tools (App Tools). Default: none. */
  tools?: string
  /** Where your app takes a body that is signed in a `Digest` header. Default: none. */
  payments?: string
  /** Where an install on your own website begins. Default: none. */
  install?: string
  /** Your app's paid plans: values of `vendorProductId`. Default: `premium`. */
  plans?: readonly string[]
  /**
   * Where to keep the app's keys, so that they are the same at each start, and where your own sites and people are, in
   * `own.json`. Default: nowhere.
   */
  folder?: string
  /** Default: 0, which is any free one. */
  port?: number
  /** Called for each exchange with the app when it is known what came of it, for example with `terminalLine()`. Default: nothing. */
  settled?: (entry: Entry) => void
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
  /** What to open in a browser: `url`, with a key where others than this machine can reach it. */
  dashboard: string
  environment: SimulatorEnvironment
  /**
   * Sends what a button in the dashboard sends: an event from the catalogue, an event of any other type (`wix.stores.v3.product_created`,
   * with `data`), or a call.
   *
   * @returns A promise of what the app answered, one for each request: more than one with the option `times`, and for
   * `orders_out_of_order`.
   * @throws {TypeError} For a wrong name or option, or where the simulator has no address for it; the promise rejects.
   */
  trigger(name: SimulatorEvent | SimulatorCall | (string & {}), options?: TriggerOptions): Promise<SimulatorAnswers>
  /**
   * Asks your app for a page, with a new instance, as a frame at Wix does.
   *
   * @throws {TypeError} For a wrong page or option, or where the simulator has no address for it; the promise rejects.
   */
  open(view: 'dashboard' | 'widget', options?: SimulatorChoice): Promise<SimulatorAnswer>
  /**
   * For an app in another process that writes its refusals to the standard error (`NODE_DEBUG=passport-wix-app`): takes such a line, or an empty one
   * before the first, so that an exchange waits for its line from the start.
   *
   * @returns Whether there is no need to print it: it tells of an exchange in the log, or of a success.
   */
  hear(line: string): boolean
  /** Frees the port and ends the open connections. */
  close(): Promise<void>
}

const checksWith = (url: Check): Checks<SimulatorOptions> => ({
  app: required(url),
  widget: url,
  webhooks: url,
  plugin: url,
  tools: url,
  payments: url,
  install: url,
  plans: must((value) => Array.isArray(value) && value.every(isNonEmptyString), 'an array of non-empty strings'),
  folder: string,
  port: must(
    (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536,
    'an integer from 0 to 65535',
    'number',
  ),
  settled: callback,
  host: ipAddress,
  publicUrl,
})

/**
 * Starts Wix on this machine: a dashboard in the browser, on a different site from the app, that calls the app as Wix does.
 *
 * @returns A promise of a simulator that listens; rejects with the errors below, or with Node's error when the port is taken.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const simulator = await startSimulator({ app: 'http://localhost:3000/dashboard' })
 * const { status } = await simulator.open('dashboard')
 * await simulator.close()
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const checked = checkOptions(
    'startSimulator',
    options,
    checksWith(isExposed(Object(options) as ReachOptions) ? nearbyUrl : secureUrl),
  )
  const { app, widget, webhooks, plugin, tools, payments, install } = checked
  const { plans = ['premium'], folder, port: wanted = 0, settled = () => {} } = checked
  const own = folder === undefined ? generateKeys() : keysIn(folder)
  const cast = { ...peopleAndSites(folder), plans }

  const httpServer = createServer().listen(wanted, checked.host ?? '127.0.0.1')
  await once(httpServer, 'listening')
  const { port } = httpServer.address() as AddressInfo
  let reach: Reach
  let environment: SimulatorEnvironment
  try {
    reach = reachOf(checked, port, [app, widget ?? app], own)
    environment = {
      WIX_APP_ID: own.appId,
      WIX_APP_SECRET: own.appSecret,
      WIX_PUBLIC_KEY: Buffer.from(own.publicKey).toString('base64'),
      WIX_API_URL: reach.apiUrl,
      WIX_INSTALLER_URL: `${reach.origin}/app-installer`,
    }
    if (folder !== undefined) writeEnvFile(folder, { ...environment })
  } catch (error) {
    httpServer.close()
    throw error
  }

  const { origin, keys } = reach
  const wix = await WixSimulator.start({ appId: own.appId, appSecret: own.appSecret })
  const signers = { own, other: otherKeys(), wix }
  const changed = (): void => server.tell()
  const refusals = new Refusals()
  const answers = new Answers()
  const log = new Log({ ...own, apiUrl: wix.url }, refusals, changed, settled)
  const targets = { app, widget, webhooks, plugin, tools, payments, install }
  const deliveries = new Deliveries(targets, signers, plans, log)
  const pages = new Pages(origin, { dashboard: app, widget: widget ?? app }, signers, log, answers)
  const triggers = triggersOf({ cast, targets, deliveries, pages, changed })
  const appWatch = new App(app, changed)
  const { commands, state } = commandsOf({
    appId: own.appId,
    targets,
    cast,
    pages,
    deliveries,
    triggers,
    log,
    app: appWatch,
    wix,
    changed,
  })
  const server = new SimulatorServer({
    reach,
    frames: [...new Set([app, widget ?? app].map((url) => new URL(url).origin))],
    apiUrl: wix.url,
    commands,
    state,
    watched: (isWatched) => appWatch.watch(isWatched),
    called: (...call) => log.call(...call),
  })
  httpServer.on('request', (req, res) => void server.handle(req, res))

  return {
    url: origin,
    dashboard: keys === null ? origin : `${origin}/?key=${keys.dashboard}`,
    environment,
    trigger: triggers.trigger,
    open: triggers.open,
    hear: (line) => refusals.hear(line),
    async close() {
      refusals.close()
      answers.close()
      await new Promise((resolve) => {
        httpServer.close(resolve)
        httpServer.closeAllConnections()
      })
      await wix.close()
    },
  }
}
