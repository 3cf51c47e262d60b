import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { WixSimulator, WixSimulatorFault } from '../../testing/index.ts'
import { decode } from './decode.ts'
import { CART, lifeCycle, memberErased, orderCreated, orderUpdated, payment } from './events.ts'
import { type AppRequest, type Exchange, exchange, judge, type Verdict } from './exchange.ts'
import { type CheckKeys, type Credential, explain, type Explanation } from './explain.ts'
import { MAX_ATTEMPTS, Retries } from './retries.ts'
import { accessTokenFor, digestFor, type Event, instanceFor, servicePluginFor, type Signers } from './sign.ts'
import { signerOf, webhookFor } from './sign.ts'
import { type Selection, SITES } from './sites.ts'

/** The addresses of the app. */
export interface Targets {
  app: string
  widget: string | undefined
  webhooks: string | undefined
  plugin: string | undefined
  payments: string | undefined
  install: string | undefined
}

/** A line of the log: a request with its credential, and what came of it. What is not known is null. */
export interface Entry {
  id: number
  title: string
  time: string
  request: AppRequest | null
  /** `signedBy` ends the sentence "signed with". */
  credential: { kind: string; signedBy: string; decoded: object } | null
  answer: Exchange['answer']
  milliseconds: number | null
  verdict: Verdict
  explanation: Explanation | null
}

/** Milliseconds: Wix's own for webhooks; for other calls, Wix does not say. */
const WEBHOOK_LIMIT = 1250
const CALL_LIMIT = 10_000
const MAX_ENTRIES = 50

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' }

export const TOKEN_INFO: Readonly<Record<string, { name: string; fault: WixSimulatorFault | null }>> = {
  works: { name: 'Works', fault: null },
  slow: { name: 'Slow: answers nothing for 3 s', fault: { delay: 3, status: 504 } },
  down: { name: 'Down: 503', fault: { status: 503 } },
  limiting: { name: 'Limiting: 429', fault: { status: 429, headers: { 'Retry-After': '7' } } },
}

interface Delivery {
  title: string
  body: string
  selection: Selection
}

interface SimulationOptions {
  /** Where the dashboard is. */
  url: string
  targets: Targets
  signers: Signers
  wix: WixSimulator
  /** After each change. */
  changed: () => void
}

/** All that the dashboard shows and does. */
export class Simulation {
  readonly #options: SimulationOptions
  readonly #retries = new Retries<Delivery>()
  readonly #removed = new Set<string>()
  readonly #log: Entry[] = []
  #entries = 0
  #tokenInfo = 'works'
  #lastWebhook: Delivery | undefined

  constructor(options: SimulationOptions) {
    this.#options = options
  }

  /** What the dashboard shows. */
  get state(): object {
    return {
      clock: this.#retries.clock,
      waiting: this.#retries.waiting.map(({ delivery: { title }, attempt, due }) => ({ title, attempt, due })),
      removed: [...this.#removed],
      tokenInfo: this.#tokenInfo,
      canRepeat: this.#lastWebhook !== undefined,
      log: this.#log,
    }
  }

  /** The address of a page of the app, as Wix makes it, with a new instance; `isThere`: whether anything listens. */
  async open(view: 'dashboard' | 'widget', selection: Selection): Promise<{ url: string; isThere: boolean }> {
    const request = this._pageRequest(view, selection)
    const what = view === 'widget' ? 'the widget' : 'the dashboard page'
    await this._add(`Opened ${what} as ${selection.person.name.toLowerCase()}`, selection, {
      request,
      credential: { kind: 'instance', text: new URL(request.url).searchParams.get('instance') ?? '' },
    })
    return { url: request.url, isThere: await isListening(new URL(request.url)) }
  }

  /** The same page, asked for outside of the frame, where its answer can be seen. */
  async ask(view: 'dashboard' | 'widget', selection: Selection): Promise<void> {
    const request = this._pageRequest(view, selection)
    await this._exchange('Asked for the page outside of the frame', selection, request, CALL_LIMIT, {
      kind: 'instance',
      text: new URL(request.url).searchParams.get('instance') ?? '',
    })
  }

  /** An access token for the page in the frame. */
  async token(selection: Selection): Promise<{ token: string }> {
    const token = accessTokenFor(this.#options.signers, selection)
    await this._add(`The page got an access token of the ${selection.person.name.toLowerCase()}`, selection, {
      request: null,
      credential: { kind: 'access token', text: token },
    })
    return { token }
  }

  /** One of the buttons; false for a name that there is not. */
  async send(action: string, selection: Selection): Promise<boolean> {
    const { own, other } = this.#options.signers
    const appId = selection.flaw === 'other-app' ? other.appId : own.appId
    const orderId = randomUUID()
    switch (action) {
      case 'install':
        this.#removed.delete(selection.site.instanceId)
        await this._webhook(lifeCycle('AppInstalled', selection, appId), selection)
        break
      case 'remove':
        this.#removed.add(selection.site.instanceId)
        await this._webhook(lifeCycle('AppRemoved', selection, appId), selection)
        break
      case 'order':
        await this._webhook(orderCreated(orderId), selection)
        break
      case 'out-of-order':
        await this._webhook(orderUpdated(orderId), selection)
        await this._webhook(orderCreated(orderId), selection)
        break
      case 'anonymize':
        await this._webhook(memberErased(selection), selection)
        break
      case 'again':
        if (this.#lastWebhook !== undefined) await this._deliver(this.#lastWebhook, 1, ', the same again')
        break
      case 'plugin':
        await this._callPlugin(selection)
        break
      case 'payment':
        await this._pay(selection)
        break
      default:
        return false
    }
    return true
  }

  /** Moves the clock of the retries to the next one, and sends what is due. */
  async nextRetry(): Promise<void> {
    for (const { delivery, attempt } of this.#retries.takeNext()) {
      await this._deliver(delivery, attempt, `, attempt ${attempt} of ${MAX_ATTEMPTS}`)
    }
    this.#options.changed()
  }

  /** How Token Info answers from now on; false for a name that there is not. */
  setTokenInfo(name: string): boolean {
    const mode = Object.hasOwn(TOKEN_INFO, name) ? TOKEN_INFO[name] : undefined
    if (mode === undefined) return false
    this.#tokenInfo = name
    this.#options.wix.fault('token-info', mode.fault)
    this.#options.changed()
    return true
  }

  /** A call of the app to Wix, which the API has answered. */
  async calledWix(path: string, body: string, status: number, answer: string, milliseconds: number): Promise<void> {
    const token = /"token":\s*"([^"]+)"/.exec(body)?.[1]
    const isActive = answer.includes('"active":true')
    const said = status === 200 && path.endsWith('token-info') ? (isActive ? 'active' : 'not active') : String(status)
    this._push({
      title: `Your app called ${path}`,
      request: { method: 'POST', url: path, headers: {} },
      credential: token === undefined ? null : { kind: 'token', signedBy: 'a key that only Wix has', decoded: decode(token) },
      answer: { status, headers: {}, body: answer },
      milliseconds,
      verdict: { tone: 'neutral', text: `Wix answered ${said}` },
      explanation: null,
    })
  }

  /** Installs the app from its own website: the address to send the browser back to. */
  async install(selection: Selection, postInstallationUrl: URL): Promise<{ url: string }> {
    const { own } = this.#options.signers
    const { site } = selection
    this.#removed.delete(site.instanceId)
    if (this.#options.targets.webhooks !== undefined) {
      await this._webhook(lifeCycle('AppInstalled', selection, own.appId), selection)
    }
    const signedInstance = instanceFor(this.#options.signers, selection)
    const callback = new URL(postInstallationUrl)
    const facts = { appId: own.appId, tenantId: site.siteId, instanceId: site.instanceId, signedInstance }
    for (const [name, value] of Object.entries(facts)) callback.searchParams.set(name, value)
    await this._add(`External install: sent the browser back to your app`, selection, {
      request: { method: 'GET', url: callback.href, headers: {} },
      credential: { kind: 'instance', text: signedInstance },
    })
    return { url: callback.href }
  }

  clear(): void {
    this.#log.length = 0
    this.#options.changed()
  }

  private get _keys(): CheckKeys {
    return { ...this.#options.signers.own, apiUrl: this.#options.wix.url }
  }

  private _pageRequest(view: 'dashboard' | 'widget', selection: Selection): AppRequest {
    const { targets, url: simulator, signers } = this.#options
    const url = new URL((view === 'widget' ? targets.widget : undefined) ?? targets.app)
    const parameters = {
      instance: instanceFor(signers, selection),
      locale: selection.language,
      ...(view === 'dashboard'
        ? { viewMode: 'dashboard', isPublish: 'true', containerProtocol: 'http', cacheKiller: String(Date.now()) }
        : { viewMode: 'site', compId: 'comp-simulator', deviceType: 'desktop', width: '600' }),
      siteUrl: `${simulator}/site`,
      simulator,
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return { method: 'GET', url: url.href, headers: {} }
  }

  private async _webhook(event: Event, selection: Selection): Promise<void> {
    const body = webhookFor(this.#options.signers, selection, event)
    this.#lastWebhook = { title: event.eventType, body, selection }
    await this._deliver(this.#lastWebhook, 1, '')
  }

  private async _deliver(delivery: Delivery, attempt: number, about: string): Promise<void> {
    const { title, body, selection } = delivery
    const { webhooks } = this.#options.targets
    if (webhooks === undefined) return
    const request: AppRequest = { method: 'POST', url: webhooks, headers: TEXT, body }
    const { answer } = await this._exchange(`Webhook ${title}${about}`, selection, request, WEBHOOK_LIMIT, {
      kind: 'webhook',
      text: body,
    })
    if (answer?.status !== 200) this.#retries.failed(delivery, attempt)
    this.#options.changed()
  }

  private async _callPlugin(selection: Selection): Promise<void> {
    const { targets, signers } = this.#options
    if (targets.plugin === undefined) return
    const body = servicePluginFor(signers, selection, CART)
    const request: AppRequest = { method: 'POST', url: targets.plugin, headers: TEXT, body }
    const credential: Credential = { kind: 'service plugin call', text: body }
    await this._exchange('Service plugin call', selection, request, CALL_LIMIT, credential)
  }

  private async _pay(selection: Selection): Promise<void> {
    const { targets, signers } = this.#options
    if (targets.payments === undefined) return
    const body = payment(selection)
    const digest = digestFor(signers, selection, body)
    const headers = { 'Content-Type': 'application/json', Digest: digest }
    const request: AppRequest = { method: 'POST', url: targets.payments, headers, body }
    await this._exchange('Payment', selection, request, CALL_LIMIT, { kind: 'Digest', text: digest, body })
  }

  private async _exchange(
    title: string,
    selection: Selection,
    request: AppRequest,
    limit: number,
    credential: Credential,
  ): Promise<Exchange> {
    const result = await exchange(request, limit)
    await this._add(title, selection, { request, credential }, result)
    return result
  }

  /** Without a result, the browser has sent the request, and keeps the answer from us. */
  private async _add(
    title: string,
    { flaw }: Selection,
    { request, credential }: { request: AppRequest | null; credential: Credential },
    result?: Exchange,
  ): Promise<void> {
    const { kind, text } = credential
    const isToken = kind === 'access token'
    const signedBy = isToken
      ? `a key that only Wix has${flaw === 'forged' ? ', or so it claims' : ''}`
      : signerOf(flaw, kind === 'instance' ? 'app secret' : 'private key')
    // Not asked while Token Info fails: the outage is for the app.
    const explanation = isToken && this.#tokenInfo !== 'works' ? null : await explain(credential, this._keys)
    const expected = explanation === null ? 'genuine' : `to be refused: ${explanation.code}`
    this._push({
      title,
      request,
      credential: { kind, signedBy, decoded: decode(text) },
      answer: result?.answer ?? null,
      milliseconds: result?.milliseconds ?? null,
      verdict: result ? judge(result, explanation) : { tone: 'neutral', text: `${kind}, ${expected}` },
      explanation,
    })
  }

  private _push(entry: Omit<Entry, 'id' | 'time'>): void {
    this.#log.unshift({ id: ++this.#entries, time: new Date().toISOString(), ...entry })
    this.#log.length = Math.min(this.#log.length, MAX_ENTRIES)
    this.#options.changed()
  }
}

/** Whether anything listens at an address, without a request to it. */
async function isListening({ protocol, hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (protocol === 'https:' ? 443 : 80)),
      timeout: 1000,
    })
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

/** The sites, for the dashboard. */
export const siteNames = (): object =>
  Object.fromEntries(Object.entries(SITES).map(([id, { name, instanceId }]) => [id, { name, instanceId }]))
