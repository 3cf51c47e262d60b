import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { WixAuthenticateEvent } from '../../lib/events.ts'
import { events } from '../../lib/internal/log.ts'
import { property } from '../../lib/internal/values.ts'
import type { AppRequest } from './exchange.ts'

/** Why the app refused a request, or failed: what it says on the event channel. */
export type Refusal = Pick<WixAuthenticateEvent, 'strategy' | 'status' | 'code' | 'hint'>

interface Waiting {
  method: string
  /** As the app's router knows it: the path with the query, or all of it. */
  urls: readonly unknown[]
  /** As the app's log line names it. */
  path: string
  refusal: Refusal | null
}

/** In a chain, each strategy reports the credential of another one as missing. */
const MISSING = 'credentials_missing'

/** Milliseconds after an answer, in which a line that was written before it arrives. */
const GRACE = 30

/** `PASSPORT-WIX-APP 4711: wix-app 401 token_expired: signed 26 h ago (instance ..., GET /dashboard)`; the number may be coloured. */
const LINE =
  /^PASSPORT-WIX-APP \S+: (.+?) ([1-5]\d\d)(?: (\w+))?(?:: (.*?))?(?: \((?:instance [^,()]*, )?([A-Z]+) (\/[^()]*)\))?$/

/** Without a segment that is as long as a credential: what a line leaves out. */
const shortPath = (path: string): string => path.replaceAll(/[^/]{41,}/g, '...')

/**
 * Listens to the event channel, where an app in this process says why it refuses, and reads the lines in which one in another process
 * says it.
 */
export class Refusals {
  readonly #waiting = new Set<Waiting>()
  #isOfOtherProcess = false

  constructor() {
    events.subscribe(this._listen)
  }

  close(): void {
    events.unsubscribe(this._listen)
  }

  /** What comes of `send()`, and what the app says in the meantime about a request with this method and URL. */
  async during<Result>({ method, url }: AppRequest, send: () => Promise<Result>): Promise<[Result, Refusal | null]> {
    const { pathname, search, href } = new URL(url)
    const waiting: Waiting = { method, urls: [pathname + search, href], path: shortPath(pathname), refusal: null }
    this.#waiting.add(waiting)
    const result = await send()
    if (this.#isOfOtherProcess) {
      await wait(GRACE)
      // After a standstill, timers run before anything is read.
      await turn()
    }
    this.#waiting.delete(waiting)
    return [result, waiting.refusal]
  }

  /** @returns Whether the line tells of a request that is waited for, or of a success. */
  hear(line: string): boolean {
    this.#isOfOtherProcess = true
    const [, strategy = '', status, code = null, hint = null, method, path] = LINE.exec(line) ?? []
    const isSuccess = status === '200'
    const found = [...this.#waiting].filter((waiting) => waiting.method === method && waiting.path === path)
    const refusal = { strategy, status: Number(status), code: code as Refusal['code'], hint }
    if (code !== MISSING) for (const waiting of found) waiting.refusal = isSuccess ? null : refusal
    return isSuccess || found.length > 0
  }

  private readonly _listen = (message: unknown): void => {
    const { request, outcome, strategy, status, code, hint, error } = message as WixAuthenticateEvent
    if (code === MISSING) return
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
