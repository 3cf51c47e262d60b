import type { Answers } from './answers.ts'
import { isListening } from './app.ts'
import { CALL_LIMIT } from './deliveries.ts'
import { type AppRequest, type Exchange, nothingAt, send, unanswered } from './exchange.ts'
import type { Entry, Log, Sent } from './log.ts'
import { accessTokenFor, instanceFor, type Signers } from './sign.ts'
import type { Selection } from './sites.ts'

/** Where one of the app's pages is shown. */
export type View = 'dashboard' | 'widget'

/** Milliseconds for a page that only an app in this process tells about. */
const LANDING_TIMEOUT = 3000
/** Milliseconds for a page that was not answered before. */
const LATE_PATIENCE = 2000
/** Pages whose end is not known yet: a frame that was sent elsewhere never loads. */
const MAX_OPEN = 50

/** A page that a browser was sent to. */
interface Opened {
  request: AppRequest
  end: (result: Exchange | null) => void
}

/** What Wix gives an app's pages in the browser. */
export class Pages {
  readonly #simulator: string
  readonly #urls: Readonly<Record<View, string>>
  readonly #signers: Signers
  readonly #log: Log
  readonly #answers: Answers
  readonly #opened = new Map<number, Opened>()

  /** @param simulator The origin of the dashboard. */
  constructor(simulator: string, urls: Readonly<Record<View, string>>, signers: Signers, log: Log, answers: Answers) {
    this.#simulator = simulator
    this.#urls = urls
    this.#signers = signers
    this.#log = log
    this.#answers = answers
  }

  /** The address of a page for its frame, with a new instance. */
  async open(view: View, selection: Selection): Promise<{ id: number; url: string; isThere: boolean }> {
    const sent = this._sent(view, selection, 'Opened the')
    const { url } = sent.request
    const isThere = await isListening(new URL(url))
    const opened = await this._page(sent)
    if (!isThere) this._end(opened, { answer: null, problem: nothingAt(url), milliseconds: 0 })
    return { id: opened, url, isThere }
  }

  /**
   * The frame has loaded the page. Where the app runs in another process, nobody but the browser knows what it answered.
   *
   * @param isAsking Whether to ask the app for the same page once more.
   * @param isLate Whether it has not loaded, for as long as anybody waits.
   */
  async loaded(id: number, isAsking: boolean, isLate: boolean): Promise<void> {
    const opened = this.#opened.get(id)
    if (opened === undefined) return
    // Nor does a page load that a browser saves, or that has no content.
    const found = isAsking ? await send(opened.request, CALL_LIMIT, isLate ? LATE_PATIENCE : CALL_LIMIT) : null
    const late = { answer: null, problem: unanswered(CALL_LIMIT), milliseconds: CALL_LIMIT }
    this._end(id, isLate ? (found ?? late) : found)
  }

  /** Asks for the same page outside of the frame, where its answer can be seen. */
  ask(view: View, selection: Selection): Promise<Entry> {
    return this.#log.exchange({ ...this._sent(view, selection, 'Asked for the'), limit: CALL_LIMIT })
  }

  /** An access token for the page in the frame. */
  async token({ flaw, ...selection }: Selection): Promise<{ token: string }> {
    const token = accessTokenFor(this.#signers, { flaw, ...selection })
    const title = `The page got an access token (${selection.person.name.toLowerCase()})`
    await this.#log.note({ title, flaw, request: null, credential: { kind: 'access-token', value: token } })
    return { token }
  }

  /** The end of an install that began on the app's website: where the browser goes back to. */
  async finishInstall(selection: Selection, postInstallationUrl: URL): Promise<{ url: string }> {
    const { site, flaw } = selection
    const instance = instanceFor(this.#signers, selection)
    const { appId } = this.#signers.own
    const url = withParameters(postInstallationUrl, {
      appId,
      tenantId: site.siteId,
      instanceId: site.instanceId,
      signedInstance: instance,
    })
    const request = { method: 'GET', url, headers: {} } as const
    const title = 'Sent the browser back to your website'
    const id = await this._page({ title, flaw, request, credential: { kind: 'instance', value: instance } })
    // Its `state` is good for once: it is not asked for again.
    setTimeout(() => this._end(id, null), LANDING_TIMEOUT).unref()
    return { url }
  }

  private async _page(sent: Sent & { request: AppRequest }): Promise<number> {
    const start = performance.now()
    const { request } = sent
    let end: Opened['end'] = () => {}
    const ended = new Promise<Exchange | null>((resolve) => (end = resolve))
    const id = await this.#log.page(sent, ended)
    this.#opened.set(id, { request, end })
    this.#answers.watch(request.url, (answer) => {
      this._end(id, { answer, problem: '', milliseconds: Math.round(performance.now() - start) })
    })
    for (const old of [...this.#opened.keys()].slice(0, -MAX_OPEN)) this._end(old, null)
    return id
  }

  private _end(id: number, result: Exchange | null): void {
    const opened = this.#opened.get(id)
    if (opened === undefined) return
    this.#opened.delete(id)
    this.#answers.unwatch(opened.request.url)
    opened.end(result)
  }

  private _sent(view: View, selection: Selection, did: string): Sent & { request: AppRequest; parent: string } {
    const { site, person, language, flaw } = selection
    const instance = instanceFor(this.#signers, selection)
    const url = withParameters(this.#urls[view], {
      instance,
      locale: language,
      ...(view === 'dashboard'
        ? { viewMode: 'dashboard', isPublish: 'true', containerProtocol: 'http', cacheKiller: String(Date.now()) }
        : { viewMode: 'site', compId: 'comp-simulator', deviceType: 'desktop', width: '600' }),
      siteUrl: site.url,
      simulator: this.#simulator,
    })
    return {
      title: `${did} ${view} (${person.name.toLowerCase()})`,
      flaw,
      request: { method: 'GET', url, headers: {} },
      credential: { kind: 'instance', value: instance },
      parent: this.#simulator,
    }
  }
}

/** Keeps the parameters that are there. */
function withParameters(base: string | URL, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(base)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}
