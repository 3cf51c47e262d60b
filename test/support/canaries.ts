// Root hooks: while any test runs, somebody listens to the events, and no event may give a credential or a secret away.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { RootHookObject } from 'mocha'
import type { WixAuthenticateEvent } from '../../lib/events.ts'
import { events as channel } from '../../lib/internal/log.ts'
import { own, property } from '../../lib/internal/values.ts'
import { OTHER_SECRET, SECRET } from './build.ts'
import { KEYS, OTHER_KEYS } from './jwt.ts'

const CHANNEL = 'passport-wix-app:authenticate'

/** Shorter ones may be words. */
const LENGTH = 24

const pemLines = (pem: string): string[] => pem.split('\n').filter((line) => line.length > 40)

const SECRETS = [
  SECRET,
  OTHER_SECRET,
  ...[KEYS, OTHER_KEYS].flatMap(({ publicKey, privateKey }) => pemLines(publicKey + privateKey)),
]

/** The parts of everything in a request that may be a credential; the first of many, since a test may send a megabyte. */
function credentialsIn(request: unknown): string[] {
  const holders = [property(request, 'query'), property(request, 'headers'), request]
  const values = holders.flatMap((holder) => {
    if (typeof holder !== 'object' || holder === null) return []
    return ['instance', 'signedInstance', 'token', 'authorization', 'digest', 'body', 'rawBody'].map((name) =>
      own(holder, name),
    )
  })
  return values
    .flat()
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value))
    .filter((value) => typeof value === 'string')
    .flatMap((value) => value.slice(0, 10_000).split(/[.\s=]/, 10))
    .filter((part) => part.length >= LENGTH)
}

/** All that may leave the process: the hint and the code of a refusal, and whatever an error of this package holds. */
function shownIn(event: WixAuthenticateEvent): string {
  const { error, ...rest } = event
  const isOurs = error !== null && (error.name.startsWith('Wix') || /^Wix|^[A-Z]\w+: option/.test(error.message))
  return `${JSON.stringify(rest)} ${isOurs ? inspect(error, { depth: 9 }) : ''}`
}

/** Events of each test that are published: some tests make a million. */
const MAX_EVENTS = 1000

const leaks: string[] = []
let events = 0

/** From now on nobody listens: neither the watch nor an app of another test, which may do so as long as the process lives. */
const silence = (): void => void Object.defineProperty(channel, 'hasSubscribers', { value: false, configurable: true })
const listenAgain = (): void => void Reflect.deleteProperty(channel, 'hasSubscribers')

function check(message: unknown): void {
  const event = message as WixAuthenticateEvent
  events++
  if (events === MAX_EVENTS) silence()
  if (event.outcome === 'success') return
  const shown = shownIn(event)
  for (const canary of [...SECRETS, ...credentialsIn(event.request)]) {
    if (shown.includes(canary)) leaks.push(`${canary.slice(0, 10)}... in ${shown.slice(0, 300)}`)
  }
}

export const mochaHooks: RootHookObject = {
  beforeAll: () => subscribe(CHANNEL, check),
  afterAll: () => void unsubscribe(CHANNEL, check),
  afterEach() {
    listenAgain()
    events = 0
    const [leak] = leaks.splice(0)
    if (leak !== undefined) throw new Error(`E-01: an event holds a credential or a secret: ${leak}`)
  },
}

/** Runs a part of a test as if nobody listened. */
export function unobserved<Result>(call: () => Result): Result {
  silence()
  let result: Result | undefined
  try {
    result = call()
    return result
  } finally {
    if (result instanceof Promise) void result.then(listenAgain, listenAgain)
    else listenAgain()
  }
}
