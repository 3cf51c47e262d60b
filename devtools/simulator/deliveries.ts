import { randomUUID } from 'node:crypto'
import { CART, lifeCycle, memberErased, orderCreated, orderUpdated, payment } from './events.ts'
import type { Log } from './log.ts'
import { MAX_ATTEMPTS, Retries } from './retries.ts'
import { type Event, digestFor, servicePluginFor, type Signers, webhookFor } from './sign.ts'
import type { Flaw, Selection } from './sites.ts'

/** Where the app takes what Wix sends; undefined where it does not. */
export interface BackendTargets {
  webhooks: string | undefined
  plugin: string | undefined
  payments: string | undefined
}

/** A signed webhook: each attempt sends the same bytes. */
interface Delivery {
  title: string
  flaw: Flaw
  body: string
}

/** Milliseconds: Wix's own for webhooks. For other calls, Wix does not say. */
const WEBHOOK_LIMIT = 1250
/** Milliseconds: how long we wait, to tell an answer that is late from none. */
const WEBHOOK_PATIENCE = 4000
export const CALL_LIMIT = 10_000

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

/** What Wix sends to the backend of an app. */
export class Deliveries {
  readonly #targets: BackendTargets
  readonly #signers: Signers
  readonly #log: Log
  readonly #retries = new Retries<Delivery>()
  /** The installations that the app was removed from. */
  readonly #removed = new Set<string>()
  #last: Delivery | undefined

  constructor(targets: BackendTargets, signers: Signers, log: Log) {
    this.#targets = targets
    this.#signers = signers
    this.#log = log
  }

  get state(): object {
    return {
      clock: this.#retries.clock,
      waiting: this.#retries.waiting.map(({ delivery: { title }, attempt, due }) => ({ title, attempt, due })),
      removed: [...this.#removed],
      canRepeat: this.#last !== undefined,
    }
  }

  async install(selection: Selection): Promise<void> {
    this.#removed.delete(selection.site.instanceId)
    await this._event(selection, lifeCycle('AppInstalled', selection, this.#signers.own.appId))
  }

  async remove(selection: Selection): Promise<void> {
    this.#removed.add(selection.site.instanceId)
    await this._event(selection, lifeCycle('AppRemoved', selection, this.#signers.own.appId))
  }

  order(selection: Selection): Promise<void> {
    return this._event(selection, orderCreated(randomUUID()))
  }

  /** The update of an order, and then that it was created. */
  async outOfOrder(selection: Selection): Promise<void> {
    const id = randomUUID()
    await this._event(selection, orderUpdated(id))
    await this._event(selection, orderCreated(id))
  }

  /** Erases the personal data of a member (GDPR). */
  anonymize(selection: Selection): Promise<void> {
    return this._event(selection, memberErased(selection))
  }

  /** The last webhook again: Wix may deliver one twice, also after a success. */
  async again(): Promise<void> {
    if (this.#last !== undefined) await this._deliver(this.#last, ', the same again')
  }

  /** Moves the retry clock to the next one, and sends what is due. */
  async nextRetry(): Promise<void> {
    for (const { delivery, attempt } of this.#retries.takeNext()) {
      await this._attempt(delivery, attempt, `, attempt ${attempt} of ${MAX_ATTEMPTS}`)
    }
  }

  async plugin(selection: Selection): Promise<void> {
    const { plugin: url } = this.#targets
    if (url === undefined) return
    const body = servicePluginFor(this.#signers, selection, CART)
    const credential = { kind: 'service-plugin', value: body } as const
    const request = { method: 'POST', url, headers: TEXT, body } as const
    await this.#log.exchange({
      title: 'Service plugin call',
      flaw: selection.flaw,
      request,
      credential,
      limit: CALL_LIMIT,
    })
  }

  async payment(selection: Selection): Promise<void> {
    const { payments: url } = this.#targets
    if (url === undefined) return
    const body = payment(selection)
    const digest = digestFor(this.#signers, selection, body)
    const credential = { kind: 'digest', value: digest, body } as const
    const headers = { 'Content-Type': 'application/json', Digest: digest }
    const request = { method: 'POST', url, headers, body } as const
    await this.#log.exchange({ title: 'Payment', flaw: selection.flaw, request, credential, limit: CALL_LIMIT })
  }

  private async _event(selection: Selection, event: Event): Promise<void> {
    const body = webhookFor(this.#signers, selection, event)
    this.#last = { title: `Webhook ${event.eventType}`, flaw: selection.flaw, body }
    await this._attempt(this.#last, 1, '')
  }

  private async _attempt(delivery: Delivery, attempt: number, about: string): Promise<void> {
    const isDone = await this._deliver(delivery, about)
    // What Wix has not signed does not come again, either.
    const isOfWix = delivery.flaw === 'genuine' || delivery.flaw === 'wrong-clock'
    if (!isDone && isOfWix) this.#retries.failed(delivery, attempt)
  }

  /** @returns Whether Wix counts it as delivered. */
  private async _deliver({ title, flaw, body }: Delivery, about: string): Promise<boolean> {
    const { webhooks: url } = this.#targets
    if (url === undefined) return true
    const credential = { kind: 'webhook', value: body } as const
    const request = { method: 'POST', url, headers: TEXT, body } as const
    const sent = { title: title + about, flaw, request, credential, limit: WEBHOOK_LIMIT }
    const { answer, milliseconds } = await this.#log.exchange(sent, WEBHOOK_PATIENCE)
    return answer?.status === 200 && milliseconds <= WEBHOOK_LIMIT
  }
}
