import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { freePort } from './free-port.ts'
import { REDIS } from './programs.ts'

/** Waits until the condition holds, or until the timeout of the test. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** A connected client, which finds its way back when the server was away. */
export const connect = (url: string) =>
  createClient({ url, socket: { reconnectStrategy: 20 } })
    // An error event without a listener would end the process.
    .on('error', () => {})
    .connect()

export type TestClient = Awaited<ReturnType<typeof connect>>

export interface RedisServer {
  readonly url: string
  /** Also after `kill`: on the same port, and empty. */
  start(): Promise<void>
  kill(): Promise<void>
  /** Until `thaw` it answers nothing: its connections stay open. */
  freeze(): void
  thaw(): void
}

/**
 * A Redis server on a free port of this machine, which keeps nothing on disk.
 *
 * @param more More arguments of its program.
 */
export async function redisServer(more: readonly string[] = []): Promise<RedisServer> {
  const { path, install } = REDIS
  if (path === undefined) throw new Error(`There is no Redis on this machine: ${install}`)
  const port = await freePort()
  let child: ChildProcess | undefined
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
      // A replica writes what it gets to a file, too, unless told otherwise.
      const diskless = ['--repl-diskless-sync-delay', '0', '--repl-diskless-load', 'swapdb']
      child = spawn(path, [...options, ...diskless, ...more], { stdio: 'ignore' })
      // Also when the tests are stopped half way.
      process.once('exit', () => child?.kill('SIGKILL'))
      await once(child, 'spawn')
      const client = await connect(server.url)
      client.destroy()
    },
    kill: async () => child && stop(child),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
  await server.start()
  return server
}

/** Three masters of a cluster on this machine, which keep nothing on disk. */
export async function redisCluster(): Promise<{ ports: number[]; kill: () => Promise<void> }> {
  const { path, install } = REDIS
  if (path === undefined) throw new Error(`There is no Redis on this machine: ${install}`)
  const folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-cluster-'))
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const children = ports.map((port) => {
    const files = ['--dir', folder, '--cluster-config-file', `${port}.conf`]
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--cluster-enabled', 'yes']
    const child = spawn(path, [...options, ...files], { stdio: 'ignore' })
    process.once('exit', () => child.kill('SIGKILL'))
    return { port, child }
  })
  const kill = async (): Promise<void> => {
    for (const { child } of children) await stop(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const nodes = await Promise.all(ports.map((port) => connect(`redis://127.0.0.1:${port}`)))
    const share = Math.ceil(16_384 / nodes.length)
    for (const [index, node] of nodes.entries()) {
      const slots = [index * share, Math.min((index + 1) * share, 16_384) - 1].map(String)
      await node.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', ...slots])
      await node.sendCommand(['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)])
      const [first] = children
      if (index > 0) await node.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(first?.port)])
    }
    for (const node of nodes) {
      await until(async () => (await node.clusterInfo()).includes('cluster_state:ok'))
      node.destroy()
    }
  } catch (error) {
    await kill()
    throw error
  }
  return { ports, kill }
}

export interface Worker {
  url: string
  kill(): Promise<void>
}

/** A process of its own, which says its URL in its first message: `deduplicate-worker.ts` or `events-worker.ts`. */
export async function worker(program: string, ...args: string[]): Promise<Worker> {
  const child = fork(join(import.meta.dirname, program), args, {
    execArgv: ['--import', 'tsx/esm', '--unhandled-rejections=strict'],
  })
  const [url] = (await once(child, 'message')) as [string]
  return { url, kill: () => stop(child) }
}
