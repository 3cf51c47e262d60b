import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** Answers one call, well or badly. */
export type Answer = (res: ServerResponse, req: IncomingMessage) => void

export interface Call {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}

export interface TokenInfoServer {
  readonly url: string
  /** What arrived in full. */
  readonly calls: readonly Call[]
  /** How many connections were opened. */
  readonly connections: number
  /** Bytes that went out, or wait to go out, over all connections. */
  written(): number
  /** Settles when so many calls have arrived in full, whatever the clock of the test says. */
  called(count: number): Promise<void>
  /** How the next calls are answered. */
  answerWith(answer: Answer): void
  /** Settles when no connection that carried a call is open. Node's fetch may open another one in its place. */
  hungUp(): Promise<void>
  close(): Promise<void>
}

/** A server on a free port of this machine whose answers a test decides, for example in place of Token Info. */
export async function tokenInfoServer(first: Answer): Promise<TokenInfoServer> {
  const calls: Call[] = []
  const sockets = new Set<Socket>()
  const carried = new Set<Socket>()
  let connections = 0
  let bytes = 0
  let answer = first
  const server = createServer((req, res) => {
    carried.add(req.socket)
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      calls.push({ method: req.method, url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() })
      answer(res, req)
    })
  })
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      bytes += socket.bytesWritten
      sockets.delete(socket)
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get connections() {
      return connections
    },
    written: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, bytes),
    called: async (count) => {
      while (calls.length < count) await new Promise((resolve) => setImmediate(resolve))
    },
    answerWith: (next) => {
      answer = next
    },
    hungUp: async () => {
      const open = [...carried].filter((socket) => sockets.has(socket))
      await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
    },
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** A whole answer; anything but a string and bytes goes as JSON. */
export const whole =
  (body: unknown, status: number = 200, headers: Record<string, string> = {}): Answer =>
  (res) => {
    const raw = typeof body === 'string' || Buffer.isBuffer(body)
    res.writeHead(status, { 'content-type': raw ? 'text/html' : 'application/json', ...headers })
    res.end(raw ? body : JSON.stringify(body))
  }

/** First one, then the other for good. */
export function firstThen(once: Answer, then: Answer): Answer {
  let asked = false
  return (res, req) => {
    const answer = asked ? then : once
    asked = true
    answer(res, req)
  }
}

/** Cuts the connection before an answer. */
export const reset: Answer = (res) => void (res.socket as Socket).resetAndDestroy()

/** Cuts the connection in the middle of the body. */
export const resetInBody: Answer = (res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  res.write('{"active":true,', () => (res.socket as Socket).resetAndDestroy())
}

/** Ends the connection in the middle of the body, in good order. */
export const endInBody: Answer = (res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  res.write('{"active":true,', () => (res.socket as Socket).end())
}

/** Never answers. */
export const silence: Answer = () => {}

/** Every 50 ms one byte of `json`, straight to the socket, until the client disconnects. */
const drip = (socket: Socket, json: string): void => {
  let at = 0
  const timer = setInterval(() => {
    if (at === json.length) return clearInterval(timer)
    socket.write(json.charAt(at++))
  }, 50)
  socket.once('close', () => clearInterval(timer))
}

/** A right answer whose head comes byte by byte. */
export const slowHead =
  (body: unknown): Answer =>
  (res) => {
    const json = JSON.stringify(body)
    drip(res.socket as Socket, `HTTP/1.1 200 OK\r\nContent-Length: ${json.length}\r\n\r\n${json}`)
  }

/** A right answer whose body comes byte by byte. */
export const slowBody =
  (body: unknown): Answer =>
  (res) => {
    const json = JSON.stringify(body)
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': String(json.length) })
    res.flushHeaders()
    drip(res.socket as Socket, json)
  }

/** `chunk` again and again, as fast as it is taken, `total` bytes in all. */
export const endless =
  (chunk: Buffer, total: number, headers: Record<string, string> = {}): Answer =>
  (res) => {
    res.writeHead(200, { 'content-type': 'application/json', ...headers })
    let sent = 0
    const more = (): void => {
      while (sent < total && !res.destroyed) {
        sent += chunk.length
        if (!res.write(chunk)) return void res.once('drain', more)
      }
      res.end()
    }
    more()
  }
