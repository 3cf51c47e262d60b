import cluster from 'node:cluster'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { SessionKey } from 'passport-wix-app'
import { type AppOptions, createApp } from './app.ts'
import { connect } from './connect.ts'
import type { AppDatabase } from './database.ts'
import { features } from './demo/features.ts'
import { problemPages } from './demo/problems.ts'
import { startProcesses } from './processes.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A mistake in the environment: the message says what to change, and a stack would hide it. */
export class ConfigurationError extends Error {}

export function numberOf(env: Environment, name: string, standard: number, min: number, max: number): number {
  const value = env[name] ?? String(standard)
  if (/^\d+$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
  throw new ConfigurationError(`${name} must be a number from ${min} to ${max}, got "${value}"`)
}

const isPostgres = (url: string): boolean => /^postgres(ql)?:/.test(url)

/** Without DATABASE_URL, a file beside the code. */
export const databaseUrlOf = (env: Environment): string =>
  env['DATABASE_URL'] ?? `file:${join(import.meta.dirname, 'app.db')}`

async function databaseAt(url: string): Promise<AppDatabase> {
  try {
    return await connect(url)
  } catch (error) {
    const { message, code } = Object(error) as Partial<Record<'message' | 'code', string>>
    // Some errors of the network have no message.
    const reason = message || code || String(error)
    // Not repeated: there may be a password in it.
    if (isPostgres(url)) throw new ConfigurationError(`DATABASE_URL: PostgreSQL cannot be used: ${reason}`)
    const what = 'file: and a path that this server can write, or postgres://...'
    throw new ConfigurationError(`DATABASE_URL must be ${what}: ${reason}`)
  }
}

function sessionKeysOf(json: string | undefined): SessionKey[] {
  if (json === undefined) {
    throw new ConfigurationError('SESSION_KEYS is not set: docs/production.md shows how to make them')
  }
  try {
    return JSON.parse(json) as SessionKey[]
  } catch {
    // The error of the parser would quote a part of them.
    throw new ConfigurationError('SESSION_KEYS is not JSON: it must be an array of keys from generateSessionKey()')
  }
}

/** @param name The variable with the port. */
export const inUse = (name: string, port: number): ConfigurationError =>
  new ConfigurationError(
    `Port ${port} is in use: set the environment variable ${name} to another one, such as ${port + 1} (PowerShell: $env:${name} = ${port + 1})`,
  )

export interface RunningServer {
  url: string
  /** What to print at the start. Default: the URL. */
  welcome?: string
  close: () => Promise<void>
}

/** @param more What the environment does not say: the demonstration has a website, too. */
export async function startServer(env: Environment, more: Partial<AppOptions> = {}): Promise<RunningServer> {
  const secret = env['WIX_APP_SECRET']
  if (secret === undefined)
    throw new ConfigurationError('WIX_APP_SECRET is not set: your app at Wix shows it under OAuth')
  const port = numberOf(env, 'PORT', 3000, 0, 65_535)
  const days = numberOf(env, 'AUDIT_DAYS', 90, 0, 36_500)
  const sessionKeys = sessionKeysOf(env['SESSION_KEYS'])
  const [appId, publicKey] = [env['WIX_APP_ID'], env['WIX_PUBLIC_KEY']]
  const database = await databaseAt(databaseUrlOf(env))

  const app = createApp({
    secret,
    appId,
    publicKey,
    apiUrl: env['WIX_API_URL'],
    frameAncestors: env['FRAME_ANCESTORS'],
    widgetAncestors: env['WIDGET_ANCESTORS'],
    sessionKeys,
    database,
    // Yours in place of these three.
    pages: join(import.meta.dirname, 'demo/pages'),
    showProblem: problemPages(),
    routes: features({ database, publicKey, appId }),
    ...more,
  })

  const prune = (): Promise<void> => database.prune(days).catch((error: unknown) => console.error(error))
  let pruned = prune()
  const pruning = setInterval(() => (pruned = prune()), 3600_000).unref()

  // Reachable from this machine only: a proxy before it provides https.
  const server = app.listen(port, env['HOST'] ?? '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw inUse('PORT', port)
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      clearInterval(pruning)
      const closed = once(server, 'close')
      server.close()
      // Answers on their way are finished, for ten seconds at most. The connections that then stay open are not waited for.
      const idle = setInterval(() => server.closeIdleConnections(), 50)
      setTimeout(() => server.closeAllConnections(), 10_000).unref()
      await closed
      clearInterval(idle)
      await pruned
      await database.close()
    },
  }
}

/**
 * npm starts a program in a shell. A signal that only npm gets may end that shell and not the program: it has another parent then, but on
 * Windows, where no such signal exists.
 */
function whenLeftByNpm(end: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const shell = process.ppid
  setInterval(() => process.ppid !== shell && end(), 200).unref()
}

/**
 * Runs until SIGTERM or SIGINT (Ctrl-C), and then lets the requests in flight end.
 *
 * @param processes How many.
 */
export async function run(start: () => Promise<RunningServer>, processes: () => number = () => 1): Promise<void> {
  try {
    const {
      url,
      welcome = url,
      close,
    } = await (cluster.isPrimary && processes() > 1 ? startProcesses(processes()) : start())
    // Before the address is printed, whose reader may send a signal at once. npm repeats the signal of a terminal.
    let closing: Promise<void> | undefined
    const finish = async (): Promise<void> => {
      await close()
      cluster.worker?.disconnect()
    }
    const end = () => void (closing ??= finish())
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end)
    if (cluster.isPrimary) {
      whenLeftByNpm(end)
      console.log(welcome)
    }
  } catch (error) {
    // The strategies report a wrong secret, key or ID as a TypeError, which quotes nothing of it.
    const isMistake = error instanceof ConfigurationError || error instanceof TypeError
    console.error(isMistake ? error.message : error)
    process.exitCode = 1
    process.exit()
  }
}

/** The app with the settings of its environment, and a line in the log for each request. */
export const runProduction = (env: Environment): Promise<void> =>
  run(
    () => startServer(env, { log: (line) => console.log(line) }),
    () => numberOf(env, 'PROCESSES', isPostgres(databaseUrlOf(env)) ? 4 : 1, 1, 64),
  )

if (process.argv[1] === import.meta.filename) await runProduction(process.env)
