import { secureUrl } from '../../lib/internal/url.ts'
import type { WixSimulator, WixSimulatorFault } from '../testing/index.ts'
import type { App } from './app.ts'
import type { Deliveries } from './deliveries.ts'
import { eventOf, type SimulatorEvent } from './events.ts'
import type { Log } from './log.ts'
import type { Pages, View } from './pages.ts'
import { type Cast, FLAWS, LANGUAGES, type Selection, selectionOf } from './sites.ts'
import { catalogueOf, type Triggers } from './triggers.ts'

type Sent = Readonly<Record<string, unknown>>

/** Why a command cannot be done, for the one who wrote it. */
export class WrongCommand extends Error {}

/** What the dashboard may ask for. The answer is sent as JSON; undefined where it named something that there is not. */
export type Command = (sent: Sent) => Promise<object | undefined>

/** How Wix answers an app that asks about a token. */
const TOKEN_INFO: ReadonlyMap<string, { name: string; fault: WixSimulatorFault | null }> = new Map([
  ['works', { name: 'Works', fault: null }],
  ['slow', { name: 'Slow: 504 after 3 s', fault: { delay: 3, status: 504 } }],
  ['down', { name: 'Down: 503', fault: { status: 503 } }],
  ['limiting', { name: 'Rate limited: 429, retry after 7 s', fault: { status: 429, headers: { 'Retry-After': '7' } } }],
])

export interface CommandOptions {
  appId: string
  /** By the name of the option; undefined where it was not given. */
  targets: Readonly<
    Record<'app' | 'widget' | 'webhooks' | 'plugin' | 'tools' | 'payments' | 'install', string | undefined>
  >
  cast: Cast
  pages: Pages
  deliveries: Deliveries
  triggers: Triggers
  log: Log
  app: App
  wix: WixSimulator
  /** Called after a change that is not in the log. */
  changed: () => void
}

export interface Commands {
  commands: ReadonlyMap<string, Command>
  /** What the dashboard shows. */
  state: () => object
}

const viewOf = ({ view }: Sent): View => (view === 'widget' ? 'widget' : 'dashboard')

/** The names of the entries, by their keys. */
const namesOf = (entries: Iterable<readonly [string, { name: string }]>): object =>
  Object.fromEntries(Array.from(entries, ([key, { name }]) => [key, name]))

/** What will be sent; what is wrong with a command is told to the one who wrote it. */
function prepared(triggers: Triggers, name: unknown, options: object): () => Promise<object> {
  try {
    return triggers.prepare(name, options)
  } catch (error) {
    throw new WrongCommand((error as Error).message)
  }
}

export function commandsOf(options: CommandOptions): Commands {
  const { appId, targets, cast, pages, deliveries, triggers, log, app, wix, changed } = options
  let tokenInfo = 'works'

  const chosenBy = ({ site, person, plan, language, credential }: Sent): Selection | undefined =>
    selectionOf({ site, person, plan: plan === '' ? null : plan, language, flaw: credential }, cast)
  const forSelection =
    (run: (selection: Selection, sent: Sent) => Promise<object | undefined>): Command =>
    async (sent) => {
      const selection = chosenBy(sent)
      return selection && run(selection, sent)
    }

  const event =
    (name: SimulatorEvent) =>
    (selection: Selection): Promise<unknown> =>
      deliveries.event(selection, eventOf(name, deliveries.occasionOf(selection)))
  const actions: ReadonlyMap<unknown, (selection: Selection) => Promise<unknown>> = new Map([
    ['install', event('app_installed')],
    ['remove', event('app_removed')],
    ['order', event('order_created')],
    ['out-of-order', (selection: Selection) => deliveries.outOfOrder(selection)],
    ['anonymize', event('member_deleted')],
    ['again', () => deliveries.again()],
    ['plugin', (selection: Selection) => deliveries.plugin(selection)],
    ['payment', (selection: Selection) => deliveries.payment(selection)],
  ])

  const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
    [
      'options',
      async (sent) => ({
        appId,
        targets,
        plans: cast.plans,
        sites: cast.sites,
        people: namesOf(Object.entries(cast.people)),
        languages: LANGUAGES,
        credentials: FLAWS,
        tokenInfo: namesOf(TOKEN_INFO),
        events: catalogueOf(deliveries.occasionOf(chosenBy(sent) ?? triggers.select({}))),
      }),
    ],
    [
      'trigger',
      async ({ event, ...options }) => {
        const send = prepared(triggers, event, options)
        return send()
      },
    ],
    [
      'open',
      forSelection(async (selection, sent) => {
        const opened = await pages.open(viewOf(sent), selection)
        if (!opened.isThere) app.missed(opened.url)
        return opened
      }),
    ],
    [
      'loaded',
      async ({ id, ask, isLate }) => {
        await pages.loaded(Number(id), ask === true, isLate === true)
        return {}
      },
    ],
    [
      'ask',
      forSelection(async (selection, sent) => {
        await pages.ask(viewOf(sent), selection)
        return {}
      }),
    ],
    ['token', forSelection((selection) => pages.token(selection))],
    [
      'send',
      forSelection(async (selection, { action }) => {
        const run = actions.get(action)
        await run?.(selection)
        changed()
        return run && {}
      }),
    ],
    [
      'retry',
      async () => {
        await deliveries.nextRetry()
        changed()
        return {}
      },
    ],
    [
      'token-info',
      async ({ mode }) => {
        const chosen = TOKEN_INFO.get(String(mode))
        if (chosen === undefined) return undefined
        tokenInfo = String(mode)
        wix.fault('token-info', chosen.fault)
        changed()
        return {}
      },
    ],
    [
      'clear',
      async () => {
        log.clear()
        return {}
      },
    ],
    [
      'install',
      forSelection(async (selection, { appId: asked, postInstallationUrl: given }) => {
        const callback = secureUrl(given) === undefined ? new URL(String(given)) : undefined
        // An instance is a credential: it goes only to the app, whoever has made the link to the installer.
        const isOfApp = [targets.app, targets.install].some(
          (url) => url !== undefined && new URL(url).origin === callback?.origin,
        )
        if (asked !== appId || callback === undefined || !isOfApp) return undefined
        await event('app_installed')(selection)
        return pages.finishInstall(selection, callback)
      }),
    ],
  ])
  return {
    commands,
    state: () => ({ ...deliveries.state, tokenInfo, app: app.status, lastStatus: log.lastStatus, log: log.entries }),
  }
}
