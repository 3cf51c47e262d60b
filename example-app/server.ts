import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { generateAppKeys } from 'passport-wix-app/testing'
import { createApp } from './app.ts'
import { openAccounts } from './database.ts'
import { curl, DEMO_APP_ID, demoLinks, demoRequests } from './demo.ts'

const wixSecret = process.env['WIX_APP_SECRET']
const port = Number(process.env['PORT'] ?? 3000)

// Not set at all: a demonstration with a secret and keys that nobody else knows. Set but empty is a mistake, which the
// strategy names.
const secret = wixSecret ?? randomUUID()
const demoKeys = wixSecret === undefined ? generateAppKeys() : undefined
const publicKey = demoKeys?.publicKey ?? process.env['WIX_PUBLIC_KEY']
const links = demoKeys && (() => demoLinks(secret))
const requests = demoKeys && (() => demoRequests(demoKeys.privateKey))

const app = createApp({
  secret,
  publicKey,
  appId: demoKeys ? DEMO_APP_ID : process.env['WIX_APP_ID'],
  accounts: openAccounts(process.env['DATABASE'] ?? join(import.meta.dirname, 'data.db')),
  demoLinks: links,
  demoRequests: requests,
  frameAncestors: process.env['FRAME_ANCESTORS'],
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
  if (links === undefined) {
    console.log(
      'It takes instances that Wix signed with WIX_APP_SECRET: open the app from the dashboard of your site.\n',
    )
    console.log(
      publicKey === undefined
        ? 'It takes no webhooks, service plugin calls and payments: set WIX_PUBLIC_KEY and WIX_APP_ID for them.\n'
        : 'Webhooks go to /webhooks, the additional fees plugin to /plugins/fees, payments to /payments/events.\n',
    )
    return
  }
  for (const { who, about, path } of links()) console.log(`${who}: ${about}\n${url}${path}\n`)
  console.log('These links are good for four hours; the start page always has fresh ones.\n')
  for (const request of requests?.() ?? []) console.log(`${request.what}: ${request.about}\n${curl(request, url)}\n`)
  console.log('Paste these into another terminal, and watch the dashboard. The start page has fresh ones of them, too.')
  console.log('With WIX_APP_SECRET set, the app takes the instances of Wix instead.\n')
})
