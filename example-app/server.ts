import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { generateSessionKey, type SessionKey } from 'passport-wix-app'
import { generateAppKeys, WixSimulator } from 'passport-wix-app/testing'
import { type AppOptions, createApp } from './app.ts'
import { openAccounts } from './database.ts'
import { curl, DEMO_APP_ID, demoLinks, demoRequests } from './demo.ts'

const { env } = process
const port = Number(env['PORT'] ?? 3000)

type WixOptions = Omit<AppOptions, 'sessionKeys' | 'accounts' | 'frameAncestors'>

/** A secret and keys that nobody else knows, and a server in place of the one of Wix that knows access tokens. */
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
    // The error of the parser would show a part of them.
    throw new TypeError('SESSION_KEYS is no JSON: it must be a list of keys of generateSessionKey()')
  }
}

// Not set at all: a demonstration. Set but empty is a mistake, which the strategies name.
const secret = env['WIX_APP_SECRET']
const options: WixOptions =
  secret === undefined ? await demonstration() : { secret, publicKey: env['WIX_PUBLIC_KEY'], appId: env['WIX_APP_ID'] }

const app = createApp({
  ...options,
  sessionKeys: await sessionKeys(),
  accounts: openAccounts(env['DATABASE'] ?? join(import.meta.dirname, 'data.db')),
  frameAncestors: env['FRAME_ANCESTORS'],
})

// Reachable from this machine only: what stands before it brings https.
const server = app.listen(port, '127.0.0.1', (error?: NodeJS.ErrnoException) => {
  if (error?.code === 'EADDRINUSE') {
    console.error(`Port ${port} is in use. Take another one: PORT=${port + 1} npm start`)
    process.exit(1)
  }
  if (error) throw error

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(`\nThe example app is ready: ${url}\n`)
  if (env['SESSION_KEYS'] === undefined) {
    console.log(
      'Its session tokens end when it is restarted, since it makes a new key: set SESSION_KEYS to keep them.\n',
    )
  }
  const { publicKey, appId, apiUrl, demoLinks, demoRequests } = options
  if (demoLinks === undefined) {
    console.log(
      'It takes instances that Wix signed with WIX_APP_SECRET: open the app from the dashboard of your site.\n',
    )
    console.log(
      appId === undefined
        ? 'Its API, /api/me and /api/events, takes the session tokens of /session, but no access tokens: set WIX_APP_ID for them.\n'
        : 'Its API, /api/me and /api/events, takes the session tokens of /session, and the access tokens of fetchWithAuth(): it asks Wix whose they are.\n',
    )
    console.log(
      publicKey === undefined
        ? 'It takes no webhooks, service plugin calls and payments: set WIX_PUBLIC_KEY and WIX_APP_ID for them.\n'
        : 'Webhooks go to /webhooks, the additional fees plugin to /plugins/fees, payments to /payments/events.\n',
    )
    return
  }
  for (const { who, about, path } of demoLinks()) console.log(`${who}: ${about}\n${url}${path}\n`)
  console.log('These links are good for four hours; the start page always has fresh ones.\n')
  for (const request of demoRequests?.() ?? [])
    console.log(`${request.what}: ${request.about}\n${curl(request, url)}\n`)
  console.log('Paste these into another terminal, and watch the dashboard. The start page has fresh ones of them, too.')
  console.log(`In place of Wix, the simulator of passport-wix-app/testing says whose an access token is: ${apiUrl}`)
  console.log('With WIX_APP_SECRET set, the app takes the instances of Wix instead.\n')
})
