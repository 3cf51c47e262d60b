import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { freePort } from './free-port.ts'

/** Answers one request, well or badly. */
export type Answer = (res: ServerResponse, req: IncomingMessage) => void

let count = 0

export interface Read {
  method: string | undefined
  path: string | undefined
  headers: IncomingHttpHeaders
}

/**
 * Publishes a JSON Web Key Set on this machine, and records how it is read. It can fail in any way, close, and open again at the same
 * address.
 */
export class KeySetServer {
  /** The requests since the last {@link KeySetServer.reset}. */
  reads: Read[] = []
  /** In place of the key set, when a test sets it. */
  answer: Answer | undefined
  readonly #publish: () => object | Promise<object>
  /** Key sets are cached by URL in the whole process, and a port may come again in another test. */
  readonly #path = `/${(count += 1)}/jwks.json`
  #port = 0
  #server: Server | undefined

  /** @param publish Returns the key set of the moment. */
  constructor(publish: () => object | Promise<object>) {
    this.#publish = publish
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.#path}`
  }

  /** Forgets the reads, and answers with the key set again. */
  reset(): void {
    this.reads = []
    this.answer = undefined
  }

  async open(): Promise<void> {
    const server = createServer((req, res) => {
      this.reads.push({ method: req.method, path: req.url, headers: req.headers })
      // A new connection for each read: one that was kept alive could outlive the server.
      res.shouldKeepAlive = false
      if (this.answer !== undefined) return this.answer(res, req)
      void Promise.resolve(this.#publish()).then((set) =>
        res.setHeader('content-type', 'application/json').end(JSON.stringify(set)),
      )
    })
    // It opens again on the same port.
    this.#port ||= await freePort()
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
}
