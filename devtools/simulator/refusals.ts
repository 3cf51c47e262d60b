import type { WixAuthenticateEvent } from '../../lib/events.ts'
import { events } from '../../lib/internal/log.ts'
import { property } from '../../lib/internal/values.ts'
import type { AppRequest } from './exchange.ts'

/** Why the app refused a request, or failed: what it says on the event channel. */
export type Refusal = Pick<WixAuthenticateEvent, 'strategy' | 'status' | 'code' | 'hint'>

interface Waiting {
  method: string
  /** As a router of the app knows it: the path with the query, or all of it. */
  urls: readonly unknown[]
  refusal: Refusal | null
}

/** Listens to the event channel: there is something to hear where the app runs in this process. */
export class Refusals {
  readonly #waiting = new Set<Waiting>()

  constructor() {
    events.subscribe(this._listen)
  }

  close(): void {
    events.unsubscribe(this._listen)
  }

  /** What comes of `send()`, and what the app says in the meantime about a request with this method and URL. */
  async during<Result>({ method, url }: AppRequest, send: () => Promise<Result>): Promise<[Result, Refusal | null]> {
    const { pathname, search, href } = new URL(url)
    const waiting: Waiting = { method, urls: [pathname + search, href], refusal: null }
    this.#waiting.add(waiting)
    const result = await send()
    this.#waiting.delete(waiting)
    return [result, waiting.refusal]
  }

  private readonly _listen = (message: unknown): void => {
    const { request, outcome, strategy, status, code, hint, error } = message as WixAuthenticateEvent
    // In a chain, each strategy reports the credential of another one as missing.
    if (code === 'credentials_missing') return
    // Express cuts the path of a router off `url`.
    const url = property(request, 'originalUrl') ?? property(request, 'url')
    for (const waiting of this.#waiting) {
      if (waiting.method !== property(request, 'method') || !waiting.urls.includes(url)) continue
      // What one strategy of a chain has refused, another one may accept.
      const isAccepted = outcome === 'success'
      waiting.refusal = isAccepted ? null : { strategy, status, code, hint: hint ?? (error && error.message) }
    }
  }
}
