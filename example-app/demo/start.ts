import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { generateSessionKey } from 'passport-wix-app'
import { type Environment, run, type RunningServer, runProduction, startServer } from '../server.ts'
import { externalInstall } from './external-install.ts'
import { startWix } from './wix.ts'

/**
 * What stands in for Wix has to know the address of the app before the app starts: a 0 becomes a free port, of those that no system
 * gives to another program in the meantime.
 */
async function portOf(env: Environment): Promise<string> {
  const { PORT = '3000' } = env
  if (PORT !== '0') return PORT
  const port = randomInt(10_000, 30_000)
  const server = createServer().listen(port, '127.0.0.1')
  const isFree = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (!isFree) return portOf(env)
  server.close()
  await once(server, 'close')
  return String(port)
}

/** The app inside the dashboard of what stands in for Wix. Under `localhost` the app is on another site than that, as at Wix. */
async function demonstrate(env: Environment): Promise<RunningServer> {
  const PORT = await portOf(env)
  const origin = `http://localhost:${PORT}`
  const wix = await startWix(origin, env['PORT'] === '0')
  const SESSION_KEYS = env['SESSION_KEYS'] ?? JSON.stringify([await generateSessionKey()])
  const app = await startServer(
    { ...env, ...wix.environment, PORT, SESSION_KEYS, FRAME_ANCESTORS: wix.url, WIDGET_ANCESTORS: wix.url },
    { website: externalInstall(wix, origin) },
  )
  return {
    url: wix.url,
    async close() {
      await wix.close()
      await app.close()
    },
  }
}

// With a secret of Wix, it is no demonstration: the same as `npm run production`.
await (process.env['WIX_APP_SECRET'] === undefined ? run(() => demonstrate(process.env)) : runProduction(process.env))
