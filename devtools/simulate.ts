import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { own } from '../lib/internal/values.ts'
import { addressOf } from './addresses.ts'
import { envFile } from './simulator/keys.ts'
import { type Simulator, startSimulator } from './simulator/index.ts'

const DEFAULT_PORT = 4949
const FOLDER = '.wix-simulator'

const HELP = `Usage: passport-wix-app simulate --app URL [OPTION...]

Wix on this machine: a dashboard in the browser that opens the pages of your app, and calls its backend as Wix does.

  --app URL        the dashboard page of your app
  --widget URL     its widget on a live site
  --webhooks URL   where it takes webhooks
  --plugin URL     its service plugin for additional fees
  --tools URL      where Wix's assistant runs its tools (App Tools)
  --payments URL   where it takes what is signed in a Digest header
  --install URL    where an install on your own website begins
  --plan NAME      a paid plan of your app (vendorProductId); may be repeated (default: premium)
  --port N         the port of the dashboard (default: ${DEFAULT_PORT})
  --help           this text

All addresses are https, or http on this machine, where a port is enough (3000, 3000/dashboard), and a path (/webhooks) is one of
your app. The keys of the app are kept in ${FOLDER}/, so that they are the same
at each start; delete it to get new ones.

Examples:
  passport-wix-app simulate --app http://localhost:3000/dashboard
  passport-wix-app simulate --app http://localhost:3000/dashboard --webhooks http://localhost:3000/webhooks

Then start your app with what it prints, for example:
  node --env-file=${FOLDER}/env app.mjs`

/** The page of the first example in README.md. */
const defaultApp = (): string => `http://localhost:${process.env['PORT'] ?? 3000}/dashboard`

const ADDRESSES = ['widget', 'webhooks', 'plugin', 'tools', 'payments', 'install'] as const

const url = { type: 'string' } as const
const OPTIONS = {
  app: url,
  widget: url,
  webhooks: url,
  plugin: url,
  tools: url,
  payments: url,
  install: url,
  plan: { type: 'string', multiple: true },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  help: { type: 'boolean', short: 'h', default: false },
} as const

function wrongUse(problem: string): number {
  console.error(`passport-wix-app simulate: ${problem}\n\nTry: passport-wix-app simulate --help`)
  return 2
}

/** Starts with what the command line says; a number is the exit code. */
async function start(args: readonly string[]): Promise<Simulator | number> {
  try {
    const { help, app, plan, port, ...more } = parseArgs({ args: [...args], options: OPTIONS }).values
    if (help) {
      console.log(HELP)
      return 0
    }
    if (app === undefined) return wrongUse('--app is missing: the address of the dashboard page of your app')
    const page = addressOf(app, defaultApp())
    // What is wrong with the address of the app is said of that option, where it is checked.
    const base = URL.canParse(page) ? page : defaultApp()
    const addresses = ADDRESSES.flatMap((name) => {
      const typed = more[name]
      return typed === undefined ? [] : [[name, addressOf(typed, base)]]
    })
    const plans = plan === undefined ? {} : { plans: plan }
    const options = { ...(Object.fromEntries(addresses) as object), ...plans, port: Number(port), folder: FOLDER }
    return await startSimulator({ app: page, ...options })
  } catch (error) {
    if (error instanceof TypeError) {
      return wrongUse(error.message.replace(/^startSimulator: option `(plan(?=s)|\w+)s?` /, '--$1 '))
    }
    const isTaken = own(error, 'code') === 'EADDRINUSE'
    const taken = `Port ${String(own(error, 'port'))} is in use, perhaps by another simulator: choose another one with --port`
    console.error(isTaken ? taken : String(error))
    return 1
  }
}

/**
 * Runs until it is interrupted.
 *
 * @returns The exit code: 0, 1 when it cannot start, for example because the port is taken, 2 for wrong use.
 */
export async function simulate(args: readonly string[]): Promise<number> {
  const simulator = await start(args)
  if (typeof simulator === 'number') return simulator
  console.log(`The simulator is ready: ${simulator.url}

Start your app with this environment, which is in ${FOLDER}/env as well:

${envFile({ ...simulator.environment })}`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await simulator.close()
  return 0
}
