import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { generateSessionKey, type SessionKey } from 'passport-wix-app'
import { generateAppKeys, WixSimulator } from 'passport-wix-app/testing'
import { type AppOptions, createApp } from './app.ts'
import { type Accounts, openAccounts } from './database.ts'
import { curl, DEMO_APP_ID, demoLinks, demoRequests } from './demo.ts'

const { env } = process

/** For a mistake in the environment: the message says what to change, and a stack would hide it. */
function refuse(message: string): never {
  console.error(message)
  process.exit(1)
}

function portOf(value: string): number {
  const port = Number(value)
  if (/^\d+$/.test(value) && port <= 65_535) return port
  return refuse(`PORT must be a number from 0 to 65535, got "${value}"`)
}

function accountsIn(path: string): Accounts {
  try {
    // SQLite would take it for a database that is deleted when it is closed.
    if (path === '') throw new Error('the path is empty')
    return openAccounts(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return refuse(`DATABASE must be a file that this server can create and write, got "${path}": ${reason}`)
  }
}

const port = portOf(env['PORT'] ?? '3000')
const accounts = accountsIn(env['DATABASE'] ?? join(import.meta.dirname, 'data.db'))

type WixOptions = Omit<AppOptions, 'sessionKeys' | 'accounts' | 'frameAncestors'>

/** A random secret and keys, and a simulator of Wix that issues and checks access tokens. */
async function demonstration(): Promise<WixOptions> {
  const secret = randomUUID()
  const { publicKey, privateKey } = generateAppKeys()
  const wix = await WixSimulator.start({ appId: DEMO_APP_ID, appSecret: secret })
  return {
    secret,
    publicKey,
    appId: DEMO_APP_ID,
    apiUrl: wix.url,
    demoLinks: () => demoLinks(secret),
    demoRequests: () => demoRequests(privateKey, wix),
  }
}

async function sessionKeys(): Promise<SessionKey[]> {
  const keys = env['SESSION_KEYS']
  if (keys === undefined) return [await generateSessionKey()]
  try {
    return JSON.parse(keys) as SessionKey[]
  } catch {
    // The error of the parser would quote a part of them.
    throw new TypeError('SESSION_KEYS is not JSON: it must be an array of keys from generateSessionKey()')
  }
}

// Not set: a demonstration. Set but empty: a mistake, which the strategies report.
const secret = env['WIX_APP_SECRET']
const options: WixOptions =
  secret === undefined ? await demonstration() : { secret, publicKey: env['WIX_PUBLIC_KEY'], appId: env['WIX_APP_ID'] }

const app = createApp({
  ...options,
  sessionKeys: await sessionKeys(),
  accounts,
  frameAncestors: env['FRAME_ANCESTORS'],
})

// Reachable from this machine only: a proxy before it provides https.
const server = app.listen(port, '127.0.0.1', (error?: NodeJS.ErrnoException) => {
  if (error?.code === 'EADDRINUSE') {
    refuse(`Port ${port} is in use. Choose another one: PORT=${port + 1} npm start`)
  }
  if (error) throw error

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(`\nThe example app is ready: ${url}\n`)
  if (env['SESSION_KEYS'] === undefined) {
    console.log(
      'Its session tokens are valid until it restarts and generates a new key: set SESSION_KEYS to keep them.\n',
    )
  }
  const { publicKey, appId, apiUrl, demoLinks, demoRequests } = options
  if (demoLinks === undefined) {
    console.log(
      'It accepts instances that Wix signed with WIX_APP_SECRET: open the app from the dashboard of your site.\n',
    )
    console.log(
      appId === undefined
        ? 'Its API, /api/me and /api/events, accepts the session tokens of /session, but no access tokens: set WIX_APP_ID for them.\n'
        : 'Its API, /api/me and /api/events, accepts the session tokens of /session, and the access tokens of fetchWithAuth(), which it checks with Wix.\n',
    )
    console.log(
      publicKey === undefined
        ? 'It accepts no webhooks, service plugin calls and payments: set WIX_PUBLIC_KEY and WIX_APP_ID for them.\n'
        : 'Webhooks go to /webhooks, the additional fees plugin to /plugins/fees, payments to /payments/events.\n',
    )
    return
  }
  for (const { who, about, path } of demoLinks()) console.log(`${who}: ${about}\n${url}${path}\n`)
  console.log('These links are valid for four hours; the start page always has new ones.\n')
  for (const request of demoRequests?.() ?? [])
    console.log(`${request.what}: ${request.about}\n${curl(request, url)}\n`)
  console.log('Paste these into another terminal, and watch the dashboard. The start page has new ones of them, too.')
  console.log(`In place of Wix, the simulator of passport-wix-app/testing checks the access tokens: ${apiUrl}`)
  console.log('With WIX_APP_SECRET set, the app accepts the instances of Wix instead.\n')
})
