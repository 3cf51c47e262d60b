import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { secureUrl } from '../lib/internal/url.ts'
import { own } from '../lib/internal/values.ts'
import { addressOf, portOf } from './addresses.ts'
import { problemOf } from './arguments.ts'
import { type Child, type Ended, start } from './child.ts'
import { envFile } from './simulator/keys.ts'
import { exchangeJson, printable, printableJson } from './simulator/terminal.ts'
import { type Simulator, type SimulatorEntry, startSimulator, terminalLine } from './simulator/index.ts'

const DEFAULT_PORT = 4949
const FOLDER = '.wix-simulator'

const HELP = `Usage: passport-wix-app simulate [OPTION...] -- COMMAND...
       passport-wix-app simulate --app URL [OPTION...]

Wix on this machine: a dashboard in the browser that opens the pages of your app, and calls its backend as Wix does. With a
command, it starts your app, and ends with it.

  --app URL         the dashboard page of your app (default with a command: http://localhost:3000/dashboard, or PORT)
  --widget URL      its widget on a live site
  --webhooks URL    where it takes webhooks, for all buttons that send one
  --plugin URL      its service plugin for additional fees, for the button "Service plugin"
  --tools URL       where Wix's assistant runs its tools (App Tools)
  --payments URL    where it takes what is signed in a Digest header, for the button "Payment"
  --install URL     where an install on your own website begins
  --plan NAME       a paid plan of your app (vendorProductId); may be repeated (default: premium)
  --port N          the port of the dashboard (default: ${DEFAULT_PORT})
  --host IP         listen on this address, for example 0.0.0.0 in a container (default: this machine alone)
  --public-url URL  where a browser finds the dashboard, if that is not this machine: a forwarded port, a tunnel
  --json            print one JSON object in each line, for programs; what your app prints goes to standard error
  --help            this text

All addresses are https, or http on this machine, where a port is enough (3000, 3000/dashboard), and a path (/webhooks) is one of
your app. The keys of the app are kept in ${FOLDER}/, so that they are the same at each start; delete it to get new ones.

Each exchange is one line, with the reason of a refusal below it:
  -> order_created  <- 200 12 ms

Examples:
  passport-wix-app simulate -- node server.mjs
  passport-wix-app simulate --app 8000/dashboard --webhooks /webhooks -- python app.py

Without a command, start your app with what it prints:
  passport-wix-app simulate --app http://localhost:3000/dashboard
  node --env-file=${FOLDER}/env app.mjs`

/** The page of the first example in README.md. */
const defaultApp = (): string => `http://localhost:${process.env['PORT'] || '3000'}/dashboard`

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
  host: { type: 'string' },
  'public-url': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

function wrongUse(problem: string): number {
  console.error(`passport-wix-app simulate: ${problem}\n\nTry: passport-wix-app simulate --help`)
  return 2
}

/** Names the value that is wrong, as it was written, unless a password may be in it. */
function withValue(problem: string, written: object): string {
  const value = own(written, /^--([\w-]+) must be /.exec(problem)?.[1] ?? '')
  if (typeof value !== 'string' || value.includes('@')) return problem
  return `${problem.replace(/, got [^,]*$/, '')}, got "${printable(value)}"`
}

/** What the command line says, and the simulator that it started. */
interface Started {
  simulator: Simulator
  app: string
  /** The options that were not given. */
  missing: readonly string[]
  command: readonly string[]
  json: boolean
}

/** Whether an address is that of a port of this machine: without encryption, no other machine may be named. */
const isOnPort = (address: string, port: number): boolean =>
  /^http:/i.test(address) && secureUrl(address) === undefined && Number(new URL(address).port || '80') === port

const isColored = (): boolean => process.stdout.isTTY && !process.env['NO_COLOR']

const show = (json: boolean) => (entry: SimulatorEntry) =>
  console.log(json ? printableJson(exchangeJson(entry)) : terminalLine(entry, isColored()))

/** Starts with what the command line says; a number is the exit code. */
async function begin(args: readonly string[]): Promise<Started | number> {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const command = args.slice(end + 1)
  let written: object = {}
  try {
    const { values, positionals } = parseArgs({ args: args.slice(0, end), options: OPTIONS, allowPositionals: true })
    written = values
    const { help, app: typed, plan, port, json, host, 'public-url': publicUrl, ...more } = values
    if (help) {
      console.log(HELP)
      return 0
    }
    const [stray] = positionals
    if (stray !== undefined) {
      const isAddress = /[/:]|^\d+$/.test(stray)
      const [what, where] = isAddress
        ? ['an address', '--app']
        : ['the command of your app', "--, in quotes where PowerShell drops it: '--'"]
      return wrongUse(`"${printable(stray)}" belongs to no option: ${what} stands after ${where}`)
    }
    if (command.length === 0 && end < args.length)
      return wrongUse('the command of your app is missing after --, for example: -- node server.mjs')
    if (typed === undefined && command.length === 0)
      return wrongUse('--app is missing: the address of the dashboard page of your app; or start it with -- COMMAND')
    if (Number.isNaN(portOf(process.env['PORT'] || '3000')))
      return wrongUse('the environment variable PORT must be the port of your app: a number from 1 to 65535')
    const app = addressOf(typed ?? defaultApp(), defaultApp())
    // What is wrong with the address of the app is said of that option, where it is checked.
    const base = URL.canParse(app) ? app : defaultApp()
    const addresses = ADDRESSES.flatMap((name) => {
      const given = more[name]
      return given === undefined ? [] : [[name, addressOf(given, base)]]
    })
    const missing = ADDRESSES.filter((name) => more[name] === undefined)
    const plans = plan === undefined ? {} : { plans: plan }
    const reach = { ...(host !== undefined && { host }), ...(publicUrl !== undefined && { publicUrl }) }
    const dashboardPort = port === '0' ? 0 : portOf(port)
    const options = {
      ...(Object.fromEntries(addresses) as object),
      ...plans,
      ...reach,
      port: dashboardPort,
      folder: FOLDER,
    }
    if (isOnPort(base, dashboardPort))
      return wrongUse(
        `your app and the dashboard cannot both have port ${dashboardPort}: choose another one with --port`,
      )
    const simulator = await startSimulator({ app, ...options, settled: show(json) })
    return { simulator, app, missing, command, json }
  } catch (error) {
    if (error instanceof TypeError) {
      const problem = problemOf(error, OPTIONS)
        .replace(/^startSimulator: option `(plan(?=s)|\w+)s?` /, '--$1 ')
        .replace('--publicUrl', '--public-url')
        .replace('an array of non-empty strings, got an array', 'a non-empty string')
      return wrongUse(withValue(problem, written))
    }
    const isTaken = own(error, 'code') === 'EADDRINUSE'
    const taken = `Port ${String(own(error, 'port'))} is in use, perhaps by another simulator: choose another one with --port`
    console.error(isTaken ? taken : String(error))
    return 1
  }
}

/** What it is, where it is, and how to stop it. */
function greet({ simulator, app, missing, command, json }: Started): void {
  // In the lines for programs is no secret: the environment is in the file.
  if (json) {
    if (simulator.dashboard !== simulator.url) console.error(`The simulator is ready: ${simulator.dashboard}`)
    return console.log(printableJson({ type: 'ready', url: simulator.url, app }))
  }
  const hasCommand = command.length > 0
  const more = missing.length === 0 ? '' : `\nFor more: ${missing.map((name) => `--${name}`).join(', ')} (see --help).`
  console.log(`The simulator is ready: ${simulator.dashboard}
It opens ${printable(app)} as Wix does. Ctrl-C stops ${hasCommand ? 'it and your app' : 'it'}.${more}
`)
  if (hasCommand) return
  console.log(`Start your app with this environment, which is in ${FOLDER}/env as well:

${envFile({ ...simulator.environment })}`)
}

/** The app itself, with the environment of the simulator. What it says about refusals goes to the lines of their requests. */
function startApp({ simulator, app, command, json }: Started, printed: (text: string) => void): Child {
  const { env } = process
  const { port } = new URL(app)
  // There will be lines: the first one may come after the answer that it is about.
  simulator.hear('')
  return start(command, {
    env: {
      ...env,
      ...(port !== '' && !env['PORT'] && { PORT: port }),
      ...simulator.environment,
      NODE_DEBUG: [env['NODE_DEBUG'], 'passport-wix-app'].filter(Boolean).join(','),
    },
    stdout: json ? process.stderr.fd : 'inherit',
    lines: { prefix: 'PASSPORT-WIX-APP ', read: (line) => simulator.hear(line) },
    stderr: {
      write(text) {
        process.stderr.write(text)
        printed(text)
      },
    },
  })
}

/** Why the app has ended, and what to do. `tail` is what it printed last. */
function farewell({ code, problem }: Ended, [program = '']: readonly string[], tail: string): string {
  if (problem === 'ENOENT') {
    const hint = /^\w+=/.test(program)
      ? ': it is a variable, which stands before the whole command'
      : program.includes(' ')
        ? ': write the command without quotes around the whole of it'
        : ''
    return `Your app did not start: there is no program "${printable(program)}" here${hint}.`
  }
  if (problem === 'EACCES') {
    const name = printable(program)
    return `Your app did not start: "${name}" may not be run as a program; is what runs it missing, as in -- node ${name}?`
  }
  if (problem !== null) return `Your app did not start: ${printable(problem)}.`
  const [taken, port] = /(?:EADDRINUSE|[Aa]ddress already in use)(?:.*:(\d+))?/.exec(tail) ?? []
  if (taken !== undefined) {
    const which = port === undefined ? 'its port is' : `port ${port} is`
    return `Your app has ended: ${which} in use, perhaps by your app itself, started elsewhere. End that one, or set PORT to another port.`
  }
  const [signal] = Object.entries(constants.signals).find(([, number]) => code === 128 + number) ?? []
  if (signal !== undefined) return `Your app was ended by the signal ${signal}: what it printed last may say why.`
  return code === 0
    ? 'Your app has ended by itself. A server goes on until it is stopped: does it listen?'
    : `Your app has ended with the exit code ${code}: what it printed last says why. To start it again at each change, use a command such as node --watch server.mjs.`
}

/** npx ends without a word to what it has started: that has another parent then, but on Windows, which keeps the number of the old one. */
function whenLeftByNpm(end: () => void): NodeJS.Timeout | undefined {
  if (process.env['npm_command'] !== 'exec') return undefined
  const parent = process.ppid
  return setInterval(() => process.ppid !== parent && end(), 200).unref()
}

/**
 * Runs until it is interrupted, or until the app that it has started ends.
 *
 * @returns The exit code: 0 after an interrupt, the app's own when it has ended by itself, 1 when the simulator cannot start, for
 * example because the port is taken, 2 for wrong use.
 */
export async function simulate(args: readonly string[]): Promise<number> {
  const started = await begin(args)
  if (typeof started === 'number') return started
  const { simulator, command, json } = started

  let tail = ''
  const child = command.length === 0 ? undefined : startApp(started, (text) => (tail = (tail + text).slice(-2000)))
  let isInterrupted = false
  const interrupted = new Promise<void>((resolve) => {
    const interrupt = (name: NodeJS.Signals): void => {
      isInterrupted = true
      child?.end(name)
      resolve()
    }
    const hangUp = process.stdout.isTTY ? (['SIGHUP'] as const) : []
    for (const name of ['SIGINT', 'SIGTERM', 'SIGBREAK', ...hangUp] as const) process.on(name, interrupt)
    whenLeftByNpm(() => interrupt('SIGTERM'))
  })

  // After all that a signal needs: the reader of the address may send one at once.
  greet(started)
  const ended = await (child === undefined ? interrupted.then(() => undefined) : child.ended)
  await simulator.close()
  if (ended === undefined || isInterrupted) return 0
  if (json) console.log(JSON.stringify({ type: 'ended', code: ended.code }))
  console.error(`\n${farewell(ended, command, tail)}`)
  return ended.code
}
