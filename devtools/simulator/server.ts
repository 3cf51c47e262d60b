import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { objectOf } from '../../lib/internal/values.ts'
import { type Command, WrongCommand } from './commands.ts'
import type { AppAnswer } from './exchange.ts'
import { isSame, type Reach } from './reach.ts'

export interface ServerOptions {
  reach: Reach
  /** The origins that may be in a frame. */
  frames: readonly string[]
  /** Where the endpoints of Wix are. */
  apiUrl: string
  commands: ReadonlyMap<string, Command>
  /** What the dashboard shows. */
  state: () => object
  /** Whether a dashboard is open, at each change. */
  watched: (isWatched: boolean) => void
  /** The app's call to one of Wix's endpoints, after its answer. */
  called: (path: string, token: string | undefined, answer: AppAnswer, milliseconds: number) => void
}

const MAX_BODY = 65_536
const TOO_LARGE = 'The body is larger than 64 KiB'

const NO_KEY = { message: 'Open the address of the dashboard that the terminal shows, with its key' }

/** The cookie in which a browser, or a program, brings the key of a dashboard. */
export const cookieName = (origin: string): string => `wix-simulator-${new URL(origin).port}`

const page = (name: string, type: string): { type: string; content: string } => ({
  type: `${type}; charset=utf-8`,
  content: readFileSync(new URL(`./public/${name}`, import.meta.url), 'utf8'),
})

const script = 'text/javascript'

/** Read once: files of the browser are no modules of Node, so they lie beside the code as they are. */
const PAGES: ReadonlyMap<string, { type: string; content: string }> = new Map([
  ['/', page('dashboard.html', 'text/html')],
  ['/dashboard.js', page('dashboard.js', script)],
  ['/log.js', page('log.js', script)],
  ['/send.js', page('send.js', script)],
  ['/stream.js', page('stream.js', script)],
  ['/control.js', page('control.js', script)],
  ['/app-installer', page('installer.html', 'text/html')],
  ['/installer.js', page('installer.js', script)],
  ['/simulator.css', page('simulator.css', 'text/css')],
  ['/icon.svg', page('icon.svg', 'image/svg+xml')],
])

function send(res: ServerResponse, status: number, content: object | string, type = 'application/json'): void {
  res.writeHead(status, { 'Content-Type': type })
  res.end(typeof content === 'string' ? content : JSON.stringify(content))
}

/** The body; undefined when it is too large. */
async function bodyOf(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
  }
  return size <= MAX_BODY ? Buffer.concat(chunks).toString() : undefined
}

/** The object that the JSON is; undefined for anything else. */
function parse(json: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(json))
  } catch {
    return undefined
  }
}

/** The dashboard's requests, and the app's to Wix. No other page and no other machine may use it: it signs what it is asked to. */
export class SimulatorServer {
  readonly #options: ServerOptions
  readonly #listeners = new Set<ServerResponse>()
  /** Those that have not read the last event. What changes until they have is one event: each has the whole state. */
  readonly #late = new WeakSet<ServerResponse>()
  readonly #headers: Readonly<Record<string, string>>
  /** Cookies know no ports: each simulator has a name of its own. */
  readonly #cookie: string

  constructor(options: ServerOptions) {
    this.#options = options
    this.#cookie = cookieName(options.reach.origin)
    this.#headers = {
      'Content-Security-Policy': [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        `frame-src ${options.frames.join(' ')}`,
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    }
  }

  /** Tells every open dashboard what has changed. */
  tell(): void {
    const event = this._event()
    for (const listener of this.#listeners) {
      if (listener.writableNeedDrain) this.#late.add(listener)
      else listener.write(event)
    }
  }

  private _event(): string {
    return `data: ${JSON.stringify(this.#options.state())}\n\n`
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await this._route(req, res)
    } catch (error) {
      console.error(error)
      res.destroy()
    }
  }

  private async _route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { reach } = this.#options
    const { origin, hosts, otherOrigins, keys } = reach
    const { host, origin: sender } = req.headers
    // A name of somebody else may lead to this machine (DNS rebinding).
    if (!hosts.includes(String(host))) return send(res, 421, { message: `The simulator is at ${origin}` })
    const target = String(req.url)
    // As `//` is not, which a page anywhere may ask for.
    if (!URL.canParse(target, origin)) return send(res, 404, { message: 'Not found' })
    const { pathname, search, searchParams } = new URL(target, origin)
    const called = this._pathOfCall(pathname)
    if (called !== undefined) {
      // A backend sends no Origin; a page in a browser, which could fill the log, always does.
      if (sender !== undefined || req.method !== 'POST')
        return send(res, 403, { message: 'Only a backend may send this' })
      return this._callWix(called, req, res)
    }

    for (const [name, value] of Object.entries(this.#headers)) res.setHeader(name, value)
    // Under its other name, the dashboard would be on the same site as the app. A tunnel asks under a name of this machine.
    if (host !== new URL(origin).host && otherOrigins.length === 0) {
      res.writeHead(307, { Location: origin + pathname + search })
      return void res.end()
    }
    const key = searchParams.get('key')
    if (keys !== null && pathname === '/' && key !== null && isSame(key, keys.dashboard)) {
      const secure = origin.startsWith('https:') ? '; Secure' : ''
      const cookie = `${this.#cookie}=${key}; Path=/; HttpOnly; SameSite=Strict${secure}`
      res.writeHead(303, { Location: '/', 'Set-Cookie': cookie })
      return void res.end()
    }
    const site = req.headers['sec-fetch-site']
    if (req.method === 'POST') {
      // A tunnel may put the origin of this machine in the place of its own: the browser then says that it is the same.
      const isOrigin = sender === origin || (otherOrigins.includes(String(sender)) && site === 'same-origin')
      const isOurs = isOrigin && req.headers['content-type'] === 'application/json'
      if (!isOurs) return send(res, 403, { message: 'Only the dashboard of the simulator may send this' })
      if (!this._hasKey(req)) return send(res, 403, NO_KEY)
      return this._command(pathname, req, res)
    }
    if (pathname === '/state') {
      if ((site ?? 'same-origin') !== 'same-origin')
        return send(res, 403, { message: 'Only the dashboard of the simulator may read this' })
      if (!this._hasKey(req)) return send(res, 403, NO_KEY)
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      // `retry`: milliseconds until a browser comes back after a restart.
      res.write(`retry: 500\n${this._event()}`)
      this.#listeners.add(res)
      res.on('drain', () => this.#late.delete(res) && res.write(this._event()))
      this.#options.watched(true)
      return void res.once('close', () => {
        this.#listeners.delete(res)
        this.#options.watched(this.#listeners.size > 0)
      })
    }
    // The files hold nothing but the package. This one would stay empty.
    if (pathname === '/' && !this._hasKey(req)) return send(res, 403, NO_KEY)
    const found = PAGES.get(pathname)
    if (found === undefined || req.method !== 'GET') return send(res, 404, { message: 'Not found' })
    send(res, 200, found.content, found.type)
  }

  /** The path at Wix that the app asks for; undefined for anything else, also where the app does not know the key. */
  private _pathOfCall(pathname: string): string | undefined {
    const { keys } = this.#options.reach
    const [, first = '', ...rest] = pathname.split('/')
    const path = keys === null ? pathname : `/${rest.join('/')}`
    const isOurs = keys === null || isSame(first, keys.app)
    return isOurs && path.startsWith('/oauth2/') ? path : undefined
  }

  private _hasKey({ headers }: IncomingMessage): boolean {
    const { keys } = this.#options.reach
    if (keys === null) return true
    const given = String(headers.cookie)
      .split(/; */)
      .find((cookie) => cookie.startsWith(`${this.#cookie}=`))
    return given !== undefined && isSame(given.slice(this.#cookie.length + 1), keys.dashboard)
  }

  private async _command(pathname: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const command = this.#options.commands.get(pathname.slice(1))
    const body = await bodyOf(req)
    if (command === undefined) return send(res, 404, { message: 'Not found' })
    try {
      if (body === undefined) throw new WrongCommand(TOO_LARGE)
      const sent = parse(body)
      const answer = sent && (await command(sent))
      if (answer === undefined) throw new WrongCommand('The simulator has nothing of that name')
      send(res, 200, answer)
    } catch (error) {
      if (!(error instanceof WrongCommand)) throw error
      send(res, 400, { message: error.message })
    }
  }

  private async _callWix(pathname: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { apiUrl, called } = this.#options
    const start = performance.now()
    const body = await bodyOf(req)
    if (body === undefined) return send(res, 413, { message: TOO_LARGE })
    const response = await fetch(apiUrl + pathname, { method: 'POST', body })
    const answer = await response.text()
    const { status } = response
    const wait = response.headers.get('retry-after')
    const headers = { 'Content-Type': 'application/json', ...(wait !== null && { 'Retry-After': wait }) }
    res.writeHead(status, headers).end(answer)
    const token = /"token":\s*"([^"]+)"/.exec(body)?.[1]
    called(pathname, token, { status, headers, body: answer }, Math.round(performance.now() - start))
  }
}
