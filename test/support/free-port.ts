import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port for a program that starts later, or again. It is below those that a system gives away by itself, so that no connection of another
 * test takes it meanwhile, and leaves room for the second port of a node of a Redis cluster, which is 10,000 above.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(12_000, 22_000)
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen(port, '127.0.0.1')
    await listening
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return freePort()
    throw error
  }
  const closed = once(server, 'close')
  server.close()
  await closed
  return port
}
