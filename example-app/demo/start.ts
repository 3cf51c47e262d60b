import { generateSessionKey } from 'passport-wix-app'
import { run, type RunningServer, startServer } from '../server.ts'
import { listenForRefusals } from './refusals.ts'
import { startPage } from './start-page.ts'
import { startWix } from './wix.ts'

/** The app, and what stands in for Wix. */
async function demonstrate(): Promise<RunningServer> {
  const wix = await startWix()
  const refusals = listenForRefusals()
  const SESSION_KEYS = process.env['SESSION_KEYS'] ?? JSON.stringify([await generateSessionKey()])
  const server = await startServer(
    { ...process.env, ...wix.environment, SESSION_KEYS },
    {
      start: (req, res) => {
        // Not the Host header: the commands of the page are pasted into a shell.
        const origin = `http://127.0.0.1:${req.socket.localPort}`
        res.send(startPage({ links: wix.links(), requests: wix.requests(), refusals: refusals(), origin }))
      },
    },
  )
  return {
    url: server.url,
    async close() {
      await server.close()
      await wix.close()
    },
  }
}

// With a secret of Wix, it is no demonstration: the same as `npm run production`.
await run(
  process.env['WIX_APP_SECRET'] === undefined
    ? demonstrate
    : () => startServer(process.env, { log: (line) => console.log(line) }),
)
