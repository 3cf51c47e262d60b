import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Ports for each of the two processes in which mocha runs the files. */
const PORTS = 5000
const FIRST = 12_000 + (Number(process.env['MOCHA_WORKER_ID'] ?? 0) % 2) * PORTS

const given = new Set<number>()

/**
 * A port for a program that starts later, or again: never the same twice. It is below those that a system gives away by itself, so that no
 * connection of another test takes it meanwhile, and leaves room for the second port of a node of a Redis cluster, which is 10,000 above.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, FIRST + PORTS)
  if (given.has(port)) return freePort()
  given.add(port)
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
