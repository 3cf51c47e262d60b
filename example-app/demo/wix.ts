import { startSimulator, type Simulator, type SimulatorOptions } from 'passport-wix-app/simulator'

/** As that of `npx passport-wix-app simulate`, so that an open dashboard comes back after a restart. */
const PORT = 4949

/** On any free port where this one is taken, perhaps by another simulator. */
async function startOn(port: number, options: SimulatorOptions): Promise<Simulator> {
  try {
    return await startSimulator({ ...options, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return startSimulator(options)
  }
}

/**
 * The one place where the demonstration starts what stands in for Wix: a dashboard in the browser that opens the pages of the app,
 * and calls it as Wix does.
 *
 * @param origin Of the app, which starts afterwards.
 * @param isFree Whether any free port will do.
 */
export const startWix = (origin: string, isFree: boolean): Promise<Simulator> =>
  startOn(isFree ? 0 : PORT, {
    app: `${origin}/dashboard`,
    widget: `${origin}/widget`,
    webhooks: `${origin}/webhooks`,
    plugin: `${origin}/plugins/fees/v1/calculate-additional-fees`,
    payments: `${origin}/payments/events`,
    install: `${origin}/install`,
  })
