import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { property } from '../../lib/internal/values.ts'
import type { AppAnswer } from './exchange.ts'

/** Node tells every server of its process about it. */
const CHANNEL = 'http.server.response.finish'

const pathOf = (url: string): string => {
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** Sees what an app in this process answers to a browser, which keeps it from us. */
export class Answers {
  readonly #waiting = new Map<string, (answer: AppAnswer) => void>()

  constructor() {
    subscribe(CHANNEL, this._listen)
  }

  close(): void {
    unsubscribe(CHANNEL, this._listen)
  }

  /** Calls back when there is an answer to this address, which has an instance in it: no other request is the same. */
  watch(url: string, answered: (answer: AppAnswer) => void): void {
    this.#waiting.set(url, answered)
  }

  unwatch(url: string): void {
    this.#waiting.delete(url)
  }

  private readonly _listen = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
    // Express cuts the path of a router off `url`.
    const path = property(request, 'originalUrl') ?? request.url
    const answered = [...this.#waiting].find(([url]) => pathOf(url) === path)?.[1]
    const headers = Object.entries(response.getHeaders()).map(([name, value]) => [name, [value].flat().join(', ')])
    // What is given to `writeHead` alone is not kept: then the headers are not known.
    if (headers.length === 0) return
    answered?.({ status: response.statusCode, headers: Object.fromEntries(headers), body: '' })
  }
}
