import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served {
  url: string
  close(): Promise<void>
}

/** Listens on this machine; on a free port, if none is given. */
export async function serve(app: RequestListener, wanted = 0): Promise<Served> {
  const server = createServer(app)
  // Until `close`: whoever waits for long between two requests may send the next one while the server closes the connection.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
