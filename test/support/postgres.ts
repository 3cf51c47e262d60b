import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { POSTGRES } from './programs.ts'
import { until } from './redis.ts'

const run = promisify(execFile)

/** PostgreSQL refuses to run as root, as which a container runs: then it is the user of its package. */
async function userOfServer(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const id = async (what: '-u' | '-g'): Promise<number> => Number((await run('id', [what, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

export interface PostgresServer {
  /** The URL of its first database. */
  readonly url: string
  /** Makes an empty database. @returns Its URL. */
  create(): Promise<string>
  /** Also after `kill`: on the same port, with what was committed. */
  start(): Promise<void>
  /** @param signal Default: `SIGKILL`. `SIGINT` ends all connections and shuts down, as a restart does. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends it, and removes its files. */
  close(): Promise<void>
}

/**
 * A PostgreSQL server on a free port of this machine, with its files in a temporary folder.
 *
 * @param settings In place of those that are fast in tests: `{ fsync: 'on' }` is for measurements.
 */
export async function postgresServer(settings: Record<string, string> = {}): Promise<PostgresServer> {
  const { path, install } = POSTGRES
  if (path === undefined) throw new Error(`There is no PostgreSQL on this machine: ${install}`)
  const user = await userOfServer()
  const folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-postgres-'))
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid)
  const inFolder = { ...user, cwd: folder }
  const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
  await run(join(dirname(path), 'initdb'), ['--pgdata', folder, ...options], inFolder)

  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}`
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // What is committed survives the end of the server all the same, only not that of the machine.
    fsync: 'off',
    ...settings,
  }
  const args = ['-D', folder, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  let child: ChildProcess | undefined
  // Also when the tests are stopped half way.
  const remove = (): void => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', remove)

  const ask = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: `${url}/postgres` })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  let databases = 0
  const server: PostgresServer = {
    url: `${url}/postgres`,
    async create() {
      const name = `test${(databases += 1)}`
      await ask(`CREATE DATABASE ${name}`)
      return `${url}/${name}`
    },
    async start() {
      const started = spawn(path, args, { ...inFolder, stdio: ['ignore', 'ignore', 'pipe'] })
      started.stderr.resume()
      child = started
      await until(async () => {
        if (started.exitCode !== null) throw new Error(`PostgreSQL has ended with ${started.exitCode}`)
        return ask('SELECT 1').then(
          () => true,
          () => false,
        )
      })
    },
    async kill(signal = 'SIGKILL') {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      // Not `exit`: its other processes have the pipe, too, and while one of them is left, no server starts in this folder.
      const closed = once(child, 'close')
      child.kill(signal)
      await closed
    },
    async close() {
      // When its last client has left, as all are about to; those of a test that has failed are not waited for.
      const impatience = setTimeout(() => child?.kill('SIGINT'), 1000)
      await server.kill('SIGTERM')
      clearTimeout(impatience)
      process.off('exit', remove)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await server.start()
  return server
}
