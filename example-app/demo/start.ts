import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { generateSessionKey } from 'passport-wix-app'
import {
  databaseUrlOf,
  type Environment,
  numberOf,
  run,
  type RunningServer,
  runProduction,
  startServer,
} from '../server.ts'
import { externalInstall } from './external-install.ts'
import { problemPages } from './problems.ts'
import { startWix } from './wix.ts'

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/**
 * What stands in for Wix has to know the address of the app before the app starts. Where nobody has asked for a certain port, any free
 * one will do, of those that no system gives to another program in the meantime.
 */
async function portOf(env: Environment): Promise<number> {
  const port = numberOf(env, 'PORT', 3000, 0, 65_535)
  if (env['PORT'] !== undefined && port !== 0) return port
  let free = port
  while (free === 0 || !(await isFree(free))) free = randomInt(10_000, 30_000)
  return free
}

/** The app inside the dashboard of what stands in for Wix. Under `localhost` the app is on another site than that, as at Wix. */
async function demonstrate(env: Environment): Promise<RunningServer> {
  const port = await portOf(env)
  const origin = `http://localhost:${port}`
  const wix = await startWix(origin, env)
  const SESSION_KEYS = env['SESSION_KEYS'] ?? JSON.stringify([await generateSessionKey()])
  const variables = { PORT: String(port), SESSION_KEYS, FRAME_ANCESTORS: wix.url, WIDGET_ANCESTORS: wix.url }
  const website = externalInstall(wix, origin)
  const app = await startServer(
    { ...env, ...wix.environment, ...variables },
    { website, showProblem: problemPages(true) },
  )
  return {
    url: wix.url,
    welcome: `The example app, in a simulator of Wix: open ${wix.url}

  the app itself   ${origin}
  its data         ${databaseUrlOf(env).replace(/\/\/[^@/]*@/, '//')}
  to stop          Ctrl-C
`,
    async close() {
      await wix.close()
      await app.close()
    },
  }
}

// With a secret of Wix, it is no demonstration: the same as `npm run production`.
await (process.env['WIX_APP_SECRET'] === undefined ? run(() => demonstrate(process.env)) : runProduction(process.env))
