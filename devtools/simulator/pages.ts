import { once } from 'node:events'
import { connect } from 'node:net'
import { CALL_LIMIT } from './deliveries.ts'
import type { AppRequest } from './exchange.ts'
import type { Log, Sent } from './log.ts'
import { accessTokenFor, instanceFor, type Signers } from './sign.ts'
import type { Selection } from './sites.ts'

/** Where a page of the app is shown. */
export type View = 'dashboard' | 'widget'

/** Milliseconds. A port where nothing listens answers at once; a machine that is busy, or wakes up, does not. */
const CONNECT_TIMEOUT = 5000

/** Whether anything listens at an address, without a request to it. */
async function isListening({ protocol, hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port || (protocol === 'https:' ? 443 : 80)), hostname.replaceAll(/^\[|\]$/g, ''))
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** What Wix gives the pages of an app in the browser. */
export class Pages {
  readonly #simulator: string
  readonly #urls: Readonly<Record<View, string>>
  readonly #signers: Signers
  readonly #log: Log

  /** @param simulator The origin of the dashboard. */
  constructor(simulator: string, urls: Readonly<Record<View, string>>, signers: Signers, log: Log) {
    this.#simulator = simulator
    this.#urls = urls
    this.#signers = signers
    this.#log = log
  }

  /** The address of a page for its frame, with a new instance. */
  async open(view: View, selection: Selection): Promise<{ url: string; isThere: boolean }> {
    const sent = this._sent(view, selection, 'Opened the')
    await this.#log.note(sent)
    const { url } = sent.request
    return { url, isThere: await isListening(new URL(url)) }
  }

  /** Asks for the same page outside of the frame, where its answer can be seen. */
  async ask(view: View, selection: Selection): Promise<void> {
    await this.#log.exchange(this._sent(view, selection, 'Asked for the'), CALL_LIMIT)
  }

  /** An access token for the page in the frame. */
  async token({ flaw, ...selection }: Selection): Promise<{ token: string }> {
    const token = accessTokenFor(this.#signers, { flaw, ...selection })
    const title = `The page got an access token (${selection.person.name.toLowerCase()})`
    await this.#log.note({ title, flaw, request: null, credential: { kind: 'access-token', value: token } })
    return { token }
  }

  /** The end of an install that began on the website of the app: where the browser goes back to. */
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
    await this.#log.note({ title, flaw, request, credential: { kind: 'instance', value: instance } })
    return { url }
  }

  private _sent(view: View, selection: Selection, did: string): Sent & { request: AppRequest } {
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
    }
  }
}

/** Keeps the parameters that are there. */
function withParameters(base: string | URL, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(base)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}
