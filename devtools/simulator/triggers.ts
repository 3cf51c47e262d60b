import { ok } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Check, type Checks, checkOptions, must } from '../../lib/internal/options.ts'
import { isObject } from '../../lib/internal/values.ts'
import { nearest } from './nearest.ts'
import type { Deliveries } from './deliveries.ts'
import {
  CART,
  eventOf,
  eventOfType,
  EVENTS,
  eventNamed,
  isEvent,
  type Occasion,
  payment,
  sampleOf,
  type SimulatorEvent,
  TOOL_CALL,
} from './events.ts'
import type { Verdict } from './exchange.ts'
import type { Entry } from './log.ts'
import type { Pages, View } from './pages.ts'
import { MAX_ATTEMPTS } from './retries.ts'
import { type Cast, type Choice, FLAWS, LANGUAGES, PEOPLE, type Selection, selectionOf, SITES } from './sites.ts'

/** What is triggered apart from one webhook. */
export type SimulatorCall = 'orders_out_of_order' | 'resend_last' | 'service_plugin' | 'app_tool' | 'payment'

/** What is chosen for a request. */
export interface SimulatorChoice extends Choice {
  /** The site, an installation of its own. Default: `bakery`. */
  site?: string
  /** Who looks, or has caused the event. Default: `owner`. */
  person?: string
  /** The paid plan, `vendorProductId`. Default: null, which is the free one. */
  plan?: string | null
  /** Default: `en`. */
  language?: string
  /** What is wrong with the credential. Default: `genuine`, which is nothing. */
  flaw?: NonNullable<Choice['flaw']>
}

/** The options of `simulator.trigger()`. */
export interface TriggerOptions extends SimulatorChoice {
  /** The data of the event, the argument of the service plugin or of the tool, or the body of the payment. Default: an example. */
  data?: object
  /** Attempts at most for a webhook that gets no 200, 1 to 13: the retry clock moves to each. Default: 1. */
  times?: number
}

/** What the app answered, and whether it should have. */
export interface SimulatorAnswer {
  /** What was sent. */
  title: string
  /** Null where there was no answer. */
  status: number | null
  headers: Readonly<Record<string, string>>
  /** The first 20,000 bytes. */
  body: string
  /** Null where nothing was sent. */
  milliseconds: number | null
  /** `tone` is `good` where the app did as it should, and `alarm` where it accepted what it must refuse. */
  verdict: Pick<Verdict, 'tone' | 'text'>
  /** Why it was refused or must be, or what to do, in one line; null where there is nothing to say. */
  hint: string | null
}

/** One for each request, at least one. */
export type SimulatorAnswers = readonly [SimulatorAnswer, ...SimulatorAnswer[]]

type Target = 'webhooks' | 'plugin' | 'tools' | 'payments'

interface Call {
  title: string
  target: Target
  run: (deliveries: Deliveries, selection: Selection, data: object | undefined) => Promise<Entry[]>
  /** The `data` that it sends by itself; undefined where it takes none. */
  sample?: (occasion: Occasion) => object
}

const CALLS: Readonly<Record<SimulatorCall, Call>> = {
  orders_out_of_order: {
    title: 'The update of an order, and then that it was created',
    target: 'webhooks',
    run: (deliveries, selection) => deliveries.outOfOrder(selection),
  },
  resend_last: {
    title: 'The last webhook again, byte for byte',
    target: 'webhooks',
    run: (deliveries) => deliveries.again(),
  },
  service_plugin: {
    title: 'Call the service plugin for additional fees',
    target: 'plugin',
    run: (deliveries, selection, data) => deliveries.plugin(selection, data),
    sample: () => CART,
  },
  app_tool: {
    title: 'Run a tool of the app (App Tools)',
    target: 'tools',
    run: (deliveries, selection, data) => deliveries.tool(selection, data),
    sample: () => TOOL_CALL,
  },
  payment: {
    title: 'Send JSON with a Digest header',
    target: 'payments',
    run: (deliveries, selection, data) => deliveries.payment(selection, data),
    sample: ({ selection }) => payment(selection),
  },
}

const isCall = (name: unknown): name is SimulatorCall => typeof name === 'string' && Object.hasOwn(CALLS, name)

const DEFAULTS = { site: 'bakery', person: 'owner', plan: null, language: 'en', flaw: 'genuine' } as const

/** Everything that has a name. */
export const TRIGGERS: readonly string[] = [...EVENTS, ...Object.keys(CALLS)]

/** What the catalogue says about one. */
export interface Listed {
  title: string
  /** The app's address that it needs: an option of the simulator. */
  target: Target
  /** `eventType`; null where it is no event of the catalogue. */
  type: string | null
  /** An example to be edited; null where there is nothing to edit. */
  data: object | null
}

export const catalogueOf = (occasion: Occasion): Readonly<Record<string, Listed>> =>
  Object.fromEntries([
    ...EVENTS.map((name) => [name, { target: 'webhooks', ...sampleOf(name, occasion) }]),
    ...Object.entries(CALLS).map(([name, { title, target, sample }]) => [
      name,
      { title, target, type: null, data: sample?.(occasion) ?? null },
    ]),
  ])

/** The same for those who have no simulator at hand. */
export const catalogue = (): Readonly<Record<string, Listed>> => {
  const selection = selectionOf(DEFAULTS, { sites: SITES, people: PEOPLE, plans: [] })
  ok(selection)
  return catalogueOf({ selection, appId: randomUUID(), plans: [] })
}

/** A type of Wix, of which the catalogue has only a few: `wix.stores.v3.product_created`, `AppInstalled`. */
const TYPE = /^(?=[A-Z]|.*\.)[A-Za-z][\w.-]{0,199}$/

const oneOf = (names: readonly string[]): Check =>
  must((value) => typeof value === 'string' && names.includes(value), `one of ${names.join(', ')}`, 'string')

const choiceChecks = ({ sites, people, plans }: Cast): Checks<SimulatorChoice> => ({
  site: oneOf(Object.keys(sites)),
  person: oneOf(Object.keys(people)),
  plan: must(
    (value) => value === null || (typeof value === 'string' && plans.includes(value)),
    `one of ${plans.join(', ')}, or null`,
    'string',
  ),
  language: oneOf(Object.keys(LANGUAGES)),
  flaw: oneOf(Object.keys(FLAWS)),
})

const answerOf = ({ title, answer, milliseconds, verdict: { tone, text, why } }: Entry): SimulatorAnswer => ({
  title,
  status: answer === null ? null : answer.status,
  headers: answer === null ? {} : answer.headers,
  body: answer === null ? '' : answer.body,
  milliseconds,
  verdict: { tone, text },
  hint: why,
})

/** What the buttons do, by program. */
export interface Triggers {
  /**
   * Sends what has this name.
   *
   * @throws {TypeError} For a wrong name or option, before anything is sent.
   */
  trigger: (name: string, options?: TriggerOptions) => Promise<SimulatorAnswers>
  /**
   * Asks for a page with a new instance.
   *
   * @throws {TypeError} For a wrong page or option, before anything is sent.
   */
  open: (view: View, options?: SimulatorChoice) => Promise<SimulatorAnswer>
  /** The same as `trigger()`, in two steps: the first one throws, the second one sends. */
  prepare: (name: unknown, options?: unknown) => () => Promise<SimulatorAnswers>
  /** What is chosen by names that were checked. */
  select: (choice: SimulatorChoice) => Selection
}

export interface TriggersOptions {
  cast: Cast
  /** By the name of the option; undefined where it was not given. */
  targets: Readonly<Record<Target | 'widget', string | undefined>>
  deliveries: Deliveries
  pages: Pages
  /** Called after each change that is not in the log: of what waits, or is given up. */
  changed: () => void
}

export function triggersOf({ cast, targets, deliveries, pages, changed }: TriggersOptions): Triggers {
  const checks = choiceChecks(cast)
  const triggerChecks: Checks<TriggerOptions> = {
    ...checks,
    data: must(isObject, 'an object'),
    times: must(
      (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_ATTEMPTS,
      `an integer from 1 to ${MAX_ATTEMPTS}`,
      'number',
    ),
  }

  const select = (choice: SimulatorChoice): Selection => {
    const selection = selectionOf({ ...DEFAULTS, ...choice }, cast)
    ok(selection)
    return selection
  }
  const demand = (caller: string, target: Target | 'widget'): void => {
    if (targets[target] === undefined)
      throw new TypeError(`${caller}: the simulator was started without \`${target}\`, the address for it`)
  }

  const prepare: Triggers['prepare'] = (name, options = {}) => {
    const caller = 'simulator.trigger'
    const { data, times = 1, ...choice } = checkOptions(caller, options as TriggerOptions, triggerChecks)
    const selection = select(choice)
    const run = ((): (() => Promise<Entry[]>) => {
      if (isCall(name)) {
        const { target, sample, run } = CALLS[name]
        demand(caller, target)
        if (times > 1) throw new TypeError(`${caller}: option \`times\` is for one webhook, and not for this`)
        if (data !== undefined && sample === undefined)
          throw new TypeError(`${caller}: option \`data\` is not for this: it has no content of one's own`)
        if (name === 'resend_last' && !deliveries.canRepeat)
          throw new TypeError(`${caller}: no webhook was sent so far that could be sent again`)
        return () => run(deliveries, selection, data)
      }
      demand(caller, 'webhooks')
      // Content of one's own stands in place of an example by its name only: to a type in full belongs all of it.
      const known = data === undefined || isEvent(name) ? eventNamed(name) : undefined
      if (known !== undefined) {
        const event = eventOf(known, deliveries.occasionOf(selection), data)
        return () => deliveries.event(selection, event, times)
      }
      // It is not repeated: it comes from elsewhere.
      const guess = nearest(name, TRIGGERS)
      if (typeof name !== 'string' || !TYPE.test(name)) {
        throw new TypeError(
          `${caller}: there is no event of this name${guess === undefined ? '.' : `; did you mean ${guess}?`} ` +
            'Any other event needs its type in full, as in wix.stores.v3.product_created, and `data`',
        )
      }
      if (data === undefined)
        throw new TypeError(
          `${caller}: option \`data\` is missing: only events of the catalogue have an example` +
            (guess === undefined ? '' : `; did you mean ${guess}?`),
        )
      return () => deliveries.event(selection, eventOfType(name, data), times)
    })()
    return async () => {
      const [first, ...more] = (await run()).map(answerOf)
      changed()
      ok(first)
      return [first, ...more]
    }
  }

  return {
    prepare,
    select,
    trigger: async (name, options) => prepare(name, options)(),
    async open(view, options = {}) {
      const caller = 'simulator.open'
      if (view !== 'dashboard' && view !== 'widget')
        throw new TypeError(`${caller}: the page must be dashboard or widget`)
      if (view === 'widget') demand(caller, 'widget')
      return answerOf(await pages.ask(view, select(checkOptions(caller, options, checks))))
    },
  }
}

export type { SimulatorEvent }
