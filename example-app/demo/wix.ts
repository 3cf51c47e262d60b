import { type Simulator, startSimulator, terminalLine } from 'passport-wix-app/simulator'
import { type Environment, inUse, numberOf } from '../server.ts'

/** As that of `npx passport-wix-app simulate`, so that an open dashboard comes back after a restart. */
const PORT = 4949

/**
 * The one place where the demonstration starts what stands in for Wix: a dashboard in the browser that opens the pages of the app,
 * and calls it as Wix does. Each call is a line in the terminal.
 *
 * @param origin Of the app, which starts afterwards.
 */
export async function startWix(origin: string, env: Environment): Promise<Simulator> {
  const port = numberOf(env, 'SIMULATOR_PORT', env['PORT'] === '0' ? 0 : PORT, 0, 65_535)
  try {
    return await startSimulator({
      app: `${origin}/dashboard`,
      widget: `${origin}/widget`,
      webhooks: `${origin}/webhooks`,
      plugin: `${origin}/plugins/fees/v1/calculate-additional-fees`,
      payments: `${origin}/payments/events`,
      install: `${origin}/install`,
      port,
      settled: (entry) => console.log(terminalLine(entry, process.stdout.isTTY)),
    })
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? inUse('SIMULATOR_PORT', port) : error
  }
}
