import { randomUUID } from 'node:crypto'
import { CART, eventOf, type Occasion, payment, TOOL_CALL } from './events.ts'
import type { Entry, Log } from './log.ts'
import { MAX_ATTEMPTS, Retries, type Retry } from './retries.ts'
import { type Event, digestFor, servicePluginFor, type Signers, webhookFor } from './sign.ts'
import type { Flaw, Selection } from './sites.ts'

/** Where the app takes what Wix sends; undefined where it does not. */
export interface BackendTargets {
  webhooks: string | undefined
  plugin: string | undefined
  tools: string | undefined
  payments: string | undefined
}

/** A signed webhook: each attempt sends the same bytes. */
interface Delivery {
  title: string
  flaw: Flaw
  url: string
  body: string
}

/** Milliseconds: Wix's own for webhooks. For other calls, Wix does not say. */
const WEBHOOK_LIMIT = 1250
/** Milliseconds: how long we wait, to tell an answer that is late from none. */
const WEBHOOK_PATIENCE = 4000
export const CALL_LIMIT = 10_000

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

/** Whether Wix has signed it today: nothing else comes again, or changes what Wix knows. */
const isOfWix = (flaw: Flaw): boolean => flaw === 'genuine' || flaw === 'wrong-clock'

/** What Wix sends to an app's backend. Each method returns the lines of the log, one for each request. */
export class Deliveries {
  readonly #targets: BackendTargets
  readonly #signers: Signers
  readonly #log: Log
  readonly #plans: readonly string[]
  readonly #retries = new Retries<Delivery>()
  /** The installations that the app was removed from. */
  readonly #removed = new Set<string>()
  #last: Delivery | undefined

  constructor(targets: BackendTargets, signers: Signers, plans: readonly string[], log: Log) {
    this.#targets = targets
    this.#signers = signers
    this.#plans = plans
    this.#log = log
  }

  get state(): object {
    return {
      clock: this.#retries.clock,
      waiting: this.#retries.waiting.map(({ delivery: { title }, attempt, due }) => ({ title, attempt, due })),
      givenUp: this.#retries.givenUp.map(({ title }) => title),
      removed: [...this.#removed],
      canRepeat: this.canRepeat,
    }
  }

  get canRepeat(): boolean {
    return this.#last !== undefined
  }

  occasionOf(selection: Selection): Occasion {
    return { selection, appId: this.#signers.own.appId, plans: this.#plans }
  }

  /**
   * Sends a webhook.
   *
   * @param times Attempts at most: after each one that fails, the retry clock is moved to the next one.
   */
  async event(selection: Selection, event: Event, times = 1): Promise<Entry[]> {
    const { site, flaw } = selection
    const title = `Webhook ${event.eventType}`
    if (isOfWix(flaw) && event.eventType === 'AppInstalled') this.#removed.delete(site.instanceId)
    else if (isOfWix(flaw) && event.eventType === 'AppRemoved') this.#removed.add(site.instanceId)
    else if (this._isRemoved(selection)) return [this._notSent(title)]
    const { webhooks: url } = this.#targets
    if (url === undefined) return []

    const delivery = { title, flaw, url, body: webhookFor(this.#signers, selection, event) }
    this.#last = delivery
    const entries: Entry[] = []
    let next: Retry<Delivery> | undefined = { delivery, attempt: 1, due: 0 }
    while (next !== undefined) {
      entries.push(await this._attempt(next))
      next = entries.length < times ? this.#retries.take(delivery) : undefined
    }
    return entries
  }

  /** The update of an order, and then that it was created. */
  async outOfOrder(selection: Selection): Promise<Entry[]> {
    const [occasion, id] = [this.occasionOf(selection), randomUUID()]
    const updated = await this.event(selection, eventOf('order_updated', occasion, undefined, id))
    return [...updated, ...(await this.event(selection, eventOf('order_created', occasion, undefined, id)))]
  }

  /** The last webhook again: Wix may deliver one twice, also after a success. */
  async again(): Promise<Entry[]> {
    return this.#last === undefined ? [] : [await this._deliver(this.#last, ', the same again')]
  }

  /** Moves the retry clock to the next one, and sends what is due. */
  async nextRetry(): Promise<void> {
    for (const retry of this.#retries.takeNext()) await this._attempt(retry)
  }

  plugin(selection: Selection, request: object = CART): Promise<Entry[]> {
    return this._call('Service plugin call', this.#targets.plugin, selection, request)
  }

  tool(selection: Selection, request: object = TOOL_CALL): Promise<Entry[]> {
    return this._call('App Tool', this.#targets.tools, selection, request)
  }

  async payment(selection: Selection, content: object = payment(selection)): Promise<Entry[]> {
    const { payments: url } = this.#targets
    if (url === undefined) return []
    const title = 'Payment'
    if (this._isRemoved(selection)) return [this._notSent(title)]
    const body = JSON.stringify(content)
    const digest = digestFor(this.#signers, selection, body)
    const credential = { kind: 'digest', value: digest, body } as const
    const headers = { 'Content-Type': 'application/json', Digest: digest }
    const request = { method: 'POST', url, headers, body } as const
    return [await this.#log.exchange({ title, flaw: selection.flaw, request, credential, limit: CALL_LIMIT })]
  }

  private async _call(title: string, url: string | undefined, selection: Selection, request: object): Promise<Entry[]> {
    if (url === undefined) return []
    if (this._isRemoved(selection)) return [this._notSent(title)]
    const body = servicePluginFor(this.#signers, selection, request)
    const credential = { kind: 'service-plugin', value: body } as const
    const sent = { method: 'POST', url, headers: TEXT, body } as const
    return [await this.#log.exchange({ title, flaw: selection.flaw, request: sent, credential, limit: CALL_LIMIT })]
  }

  /** What others forge comes also where the app is not installed. */
  private _isRemoved({ site, flaw }: Selection): boolean {
    return isOfWix(flaw) && this.#removed.has(site.instanceId)
  }

  private _notSent(title: string): Entry {
    return this.#log.notSent(title, 'the app was removed from this site')
  }

  private async _attempt({ delivery, attempt }: Retry<Delivery>): Promise<Entry> {
    const entry = await this._deliver(delivery, attempt === 1 ? '' : `, attempt ${attempt} of ${MAX_ATTEMPTS}`)
    const isDone = entry.answer?.status === 200 && Number(entry.milliseconds) <= WEBHOOK_LIMIT
    if (!isDone && isOfWix(delivery.flaw)) this.#retries.failed(delivery, attempt)
    return entry
  }

  private _deliver({ title, flaw, url, body }: Delivery, about: string): Promise<Entry> {
    const credential = { kind: 'webhook', value: body } as const
    const request = { method: 'POST', url, headers: TEXT, body } as const
    const sent = { title: title + about, flaw, request, credential, limit: WEBHOOK_LIMIT }
    return this.#log.exchange(sent, WEBHOOK_PATIENCE)
  }
}
