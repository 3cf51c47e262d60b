import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { secureUrl } from '../lib/internal/url.ts'
import { own, systemCodeOf } from '../lib/internal/values.ts'
import { addressOf, portOf } from './addresses.ts'
import { problemOf } from './arguments.ts'
import { catalogue, type SimulatorAnswer } from './simulator/triggers.ts'
import { printable, printableJson, terminalLine } from './simulator/terminal.ts'
import { textOf } from './text.ts'

const HELP = `Usage: passport-wix-app trigger EVENT [OPTION...]

Lets a simulator that runs send an event to your app, or call it, as a button of its dashboard does, and says what your app answered.

  --data FILE      what it says, as JSON, in place of the example; - is the standard input
  --site NAME      bakery, yoga, copy, or one of your own (default: bakery)
  --person NAME    owner, collaborator, member, visitor, or one of your own (default: owner)
  --plan NAME      a paid plan (default: the free one)
  --language NAME  en, de, es, fr, he, ja (default: en)
  --flaw NAME      expired, forged, other-app, wrong-clock (default: genuine)
  --times N        attempts at most, 1 to 13: what fails is sent again as Wix does, without the wait (default: 1)
  --port N         the port of the simulator (default: 4949)
  --url URL        its address, if it is not on this machine; with its key, where its terminal shows one
  --json           the answers as JSON
  --list           the events, without sending one; with --json, an example of each
  --help           this text

EVENT is a name of the list, or any other type in full with --data.

The exit code is 0 where your app did as it should, 1 where it did not, or where there is no simulator, and 2 for wrong use.

Examples:
  passport-wix-app trigger order_created --times 13
  passport-wix-app trigger order_created --flaw forged
  passport-wix-app trigger wix.stores.v3.product_created --data product.json`

const text = { type: 'string' } as const
const OPTIONS = {
  data: text,
  site: text,
  person: text,
  plan: text,
  language: text,
  flaw: text,
  times: text,
  port: { type: 'string', default: '4949' },
  url: text,
  json: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** What the person who typed the command has to change. */
class WrongUse extends Error {}

/** As `simulator.trigger()` says it, with the names of the command line. */
const asOptions = (message: string): string =>
  printable(
    message
      .replace(/^simulator\.trigger: (?:option )?/, '')
      .replaceAll(/`(\w+)`/g, '--$1')
      .replace(', or null', '; without it, the free one')
      .replace('there is no event of this name', 'there is no event of this name (--list has all)'),
  )

/** @throws {WrongUse} Without a part of the file: it may hold anything. */
function readData(file: string): unknown {
  let json: string
  try {
    json = textOf(readFileSync(file === '-' ? 0 : file))
  } catch (error) {
    const hint = /^[\s'"]*[{[]/.test(file) ? ': to pass JSON itself, send it to the standard input of --data -' : ''
    throw new WrongUse(`--data: the file cannot be read${systemCodeOf(error)}${hint}`)
  }
  try {
    return JSON.parse(json)
  } catch {
    throw new WrongUse('--data: the file is not JSON')
  }
}

function simulatorAt(url: string | undefined, port: string): URL {
  if (url === undefined && Number.isNaN(portOf(port))) throw new WrongUse('--port must be an integer from 1 to 65535')
  const address = url === undefined ? `http://127.0.0.1:${port}` : addressOf(url, 'http://localhost/')
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new WrongUse('--url must be an http or https URL')
  return new URL(address)
}

/**
 * The origin that the simulator knows itself by: it leads there, and takes commands from there only. Nobody but this machine may lead
 * elsewhere, since the key follows.
 */
async function originOf({ origin, protocol }: URL): Promise<string> {
  if (protocol !== 'http:' || secureUrl(origin) !== undefined) return origin
  const { headers } = await fetch(origin, { redirect: 'manual' })
  return new URL(headers.get('location') ?? '/', origin).origin
}

/** The cookie that a simulator with `--host` gives for its key. */
async function cookieOf(origin: string, { searchParams }: URL): Promise<string> {
  const key = searchParams.get('key')
  if (key === null) return ''
  const { headers } = await fetch(`${origin}/?key=${encodeURIComponent(key)}`, { redirect: 'manual' })
  return String(headers.get('set-cookie')).split(';', 1).join()
}

async function send(address: URL, body: string): Promise<unknown> {
  const origin = await originOf(address)
  const response = await fetch(`${origin}/trigger`, {
    method: 'POST',
    headers: { Origin: origin, 'Content-Type': 'application/json', Cookie: await cookieOf(origin, address) },
    body,
    redirect: 'error',
  })
  const answer: unknown = await response.json()
  const message = own(answer, 'message')
  if (response.status === 400 && typeof message === 'string') throw new WrongUse(asOptions(message))
  if (response.status === 403)
    throw new WrongUse('--url must be the whole address that the terminal of the simulator shows, with its key')
  return answer
}

const isNumberOrNull = (value: unknown): boolean => value === null || typeof value === 'number'

/** Not so where a program that is no simulator has answered: what it says would end up in the terminal. */
const isAnswer = (value: unknown): value is SimulatorAnswer =>
  typeof own(value, 'title') === 'string' &&
  isNumberOrNull(own(value, 'status')) &&
  isNumberOrNull(own(value, 'milliseconds')) &&
  typeof own(own(value, 'verdict'), 'text') === 'string' &&
  (own(value, 'hint') === null || typeof own(value, 'hint') === 'string')

const isAnswers = (value: unknown): value is readonly SimulatorAnswer[] =>
  Array.isArray(value) && value.length > 0 && value.every(isAnswer)

const shown = ({ title, status, milliseconds, verdict, hint }: SimulatorAnswer, color: boolean): string => {
  const answer = status === null ? null : { status }
  return terminalLine({ title, answer, milliseconds, verdict: { ...verdict, why: hint } }, color)
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  const { help, list, json, url, port, data, times, ...choice } = values
  if (help) {
    console.log(HELP)
    return 0
  }
  if (list) {
    const lines = Object.entries(catalogue()).map(([name, { title }]) => `${name.padEnd(34)}${title}`)
    console.log(json ? JSON.stringify(catalogue(), null, 2) : lines.join('\n'))
    return 0
  }
  const [event, ...more] = positionals
  if (event === undefined) throw new WrongUse('the event is missing: --list names them')
  if (more.length > 0) throw new WrongUse('one event at a time')
  const sent = JSON.stringify({
    event,
    ...choice,
    ...(data !== undefined && { data: readData(data) }),
    ...(times !== undefined && { times: /^\d+$/.test(times) ? Number(times) : times }),
  })
  const address = simulatorAt(url, port)
  let answers: unknown
  try {
    answers = await send(address, sent)
  } catch (error) {
    if (error instanceof WrongUse) throw error
  }
  if (!isAnswers(answers)) {
    console.error(
      `There is no simulator at ${address.origin}: start one with passport-wix-app simulate, or name its --port`,
    )
    return 1
  }
  const color = process.stdout.isTTY && !process.env['NO_COLOR']
  console.log(json ? printableJson(answers) : answers.map((answer) => shown(answer, color)).join('\n'))
  return answers.at(-1)?.verdict.tone === 'good' ? 0 : 1
}

/** @returns The exit code: 0 where the app did as it should, 1 where it did not or there is no simulator, 2 for wrong use. */
export async function trigger(args: readonly string[]): Promise<number> {
  try {
    return await run(args)
  } catch (error) {
    const problem = printable(problemOf(error as Error, OPTIONS))
    console.error(`passport-wix-app trigger: ${problem}\n\nTry: passport-wix-app trigger --help`)
    return 2
  }
}
