import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { memoryStore, type DeliveryStore, redisStore, type SessionKey } from 'passport-wix-app'
import { type AppOptions, createApp } from './app.ts'
import { AppDatabase } from './database.ts'
import { features } from './demo/features.ts'
import { showProblem } from './demo/problems.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A mistake in the environment: the message says what to change, and a stack would hide it. */
class ConfigurationError extends Error {}

function numberOf(env: Environment, name: string, standard: number, min: number, max: number): number {
  const value = env[name] ?? String(standard)
  if (/^\d+$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
  throw new ConfigurationError(`${name} must be a number from ${min} to ${max}, got "${value}"`)
}

function databaseIn(path: string): AppDatabase {
  try {
    if (path === '') throw new Error('the path is empty') // SQLite would delete that database when it is closed
    return new AppDatabase(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigurationError(`DATABASE must be a file that this server can write, got "${path}": ${reason}`)
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

/** Where handled webhooks are known. Without REDIS_URL, that is this process, until it ends. */
async function deliveries(url: string | undefined): Promise<{ store: DeliveryStore; close: () => unknown }> {
  if (url === undefined) return { store: memoryStore(), close: () => {} }
  // Not repeated: there may be a password in it.
  if (!URL.canParse(url) || !/^rediss?:/.test(url)) {
    throw new ConfigurationError('REDIS_URL must be the URL of a Redis server, such as redis://127.0.0.1:6379')
  }
  const { createClient } = await import('redis')
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await client.connect()
  return { store: redisStore(client), close: () => client.close() }
}

export interface RunningServer {
  url: string
  close: () => Promise<void>
}

/** @param more What the environment does not say: the demonstration has a website, too. */
export async function startServer(env: Environment, more: Partial<AppOptions> = {}): Promise<RunningServer> {
  const secret = env['WIX_APP_SECRET']
  if (secret === undefined)
    throw new ConfigurationError('WIX_APP_SECRET is not set: your app at Wix shows it under OAuth')
  const port = numberOf(env, 'PORT', 3000, 0, 65_535)
  const days = numberOf(env, 'AUDIT_DAYS', 90, 0, 36_500)
  const lease = numberOf(env, 'WEBHOOK_LEASE', 50, 1, 3600)
  const sessionKeys = sessionKeysOf(env['SESSION_KEYS'])
  const [appId, publicKey] = [env['WIX_APP_ID'], env['WIX_PUBLIC_KEY']]
  const database = databaseIn(env['DATABASE'] ?? join(import.meta.dirname, 'app.db'))
  const { store, close } = await deliveries(env['REDIS_URL'])

  const app = createApp({
    secret,
    appId,
    publicKey,
    apiUrl: env['WIX_API_URL'],
    frameAncestors: env['FRAME_ANCESTORS'],
    widgetAncestors: env['WIDGET_ANCESTORS'],
    sessionKeys,
    database,
    store,
    lease,
    // Yours in place of these three.
    pages: join(import.meta.dirname, 'demo/pages'),
    showProblem,
    routes: features({ database, publicKey, appId }),
    ...more,
  })

  database.prune(days)
  const pruning = setInterval(() => database.prune(days), 3600_000).unref()

  // Reachable from this machine only: a proxy before it provides https.
  const server = app.listen(port, env['HOST'] ?? '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ConfigurationError(
      `Port ${port} is in use: set the environment variable PORT to another one, such as ${port + 1}`,
    )
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
      await close()
      database.close()
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

/** Runs until SIGTERM or SIGINT (Ctrl-C), and then lets the requests in flight end. */
export async function run(start: () => Promise<RunningServer>): Promise<void> {
  try {
    const { url, close } = await start()
    // Before the address is printed, whose reader may send a signal at once. npm repeats the signal of a terminal.
    let closing: Promise<void> | undefined
    const end = () => void (closing ??= close())
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end)
    whenLeftByNpm(end)
    console.log(url)
  } catch (error) {
    // The strategies report a wrong secret, key or ID as a TypeError, which quotes nothing of it.
    const isMistake = error instanceof ConfigurationError || error instanceof TypeError
    console.error(isMistake ? error.message : error)
    process.exitCode = 1
    process.exit()
  }
}

if (process.argv[1] === import.meta.filename) await run(() => startServer(process.env, { log: console.log }))
