import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createApp } from './app.ts'
import { openAccounts } from './database.ts'
import { demoLinks } from './demo.ts'

const wixSecret = process.env['WIX_APP_SECRET']
const port = Number(process.env['PORT'] ?? 3000)

// Not set at all: a demonstration with a secret that nobody else knows. Set but empty is a mistake, which the strategy names.
const secret = wixSecret ?? randomUUID()
const links = wixSecret === undefined ? () => demoLinks(secret) : undefined

const app = createApp({
  secret,
  accounts: openAccounts(process.env['DATABASE'] ?? join(import.meta.dirname, 'data.db')),
  demoLinks: links,
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
    return
  }
  for (const { who, about, path } of links()) console.log(`${who}: ${about}\n${url}${path}\n`)
  console.log('These links are good for four hours; the start page always has fresh ones.')
  console.log('With WIX_APP_SECRET set, the app takes the instances of Wix instead.\n')
})
