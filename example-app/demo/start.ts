import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { generateSessionKey } from 'passport-wix-app'
import { type Environment, run, type RunningServer, startServer } from '../server.ts'
import { listenForRefusals } from './refusals.ts'
import { startPage } from './start-page.ts'
import { startWix } from './wix.ts'

/** What stands in for Wix has to know the address of the app before the app starts: a 0 becomes a port that is free. */
async function portOf(env: Environment): Promise<string> {
  const { PORT = '3000' } = env
  if (PORT !== '0') return PORT
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}

/** The app, and what stands in for Wix. */
async function demonstrate(env: Environment): Promise<RunningServer> {
  const PORT = await portOf(env)
  const wix = await startWix(`http://127.0.0.1:${PORT}`)
  const refusals = listenForRefusals()
  const SESSION_KEYS = env['SESSION_KEYS'] ?? JSON.stringify([await generateSessionKey()])
  const { url, close } = await startServer(
    { ...env, ...wix.environment, PORT, SESSION_KEYS },
    {
      start: (_req, res) => {
        res.send(startPage({ links: wix.links(), commands: wix.commands(), refusals: refusals() }))
      },
    },
  )
  return {
    url,
    async close() {
      await close()
      await wix.close()
    },
  }
}

// With a secret of Wix, it is no demonstration: the same as `npm run production`.
await run(() =>
  process.env['WIX_APP_SECRET'] === undefined
    ? demonstrate(process.env)
    : startServer(process.env, { log: (line) => console.log(line) }),
)
