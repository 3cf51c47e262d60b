import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import type { WixAuthenticateEvent } from '../../lib/events.ts'
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

/** What an event gives away, if anything. */
export function leakIn(event: WixAuthenticateEvent): string | undefined {
  if (event.outcome === 'success') return undefined
  const shown = shownIn(event)
  const leak = [...SECRETS, ...credentialsIn(event.request)].find((canary) => shown.includes(canary))
  return leak === undefined ? undefined : `${leak.slice(0, 10)}... in ${shown.slice(0, 300)}`
}

/** Events of each test that are looked at: some tests make a million. */
const MAX_EVENTS = 1000

/**
 * Call it in a `describe`: while one of its tests runs, somebody listens to the events, and the test fails if one of them gives a
 * credential or a secret away. Elsewhere nobody listens, as in an app that does not ask for events.
 */
export function watchForSecrets(): void {
  const leaks: string[] = []
  let events = 0

  function check(message: unknown): void {
    events++
    // From now on nobody listens.
    if (events === MAX_EVENTS) unsubscribe(CHANNEL, check)
    const leak = leakIn(message as WixAuthenticateEvent)
    if (leak !== undefined) leaks.push(leak)
  }

  beforeEach(() => {
    events = 0
    subscribe(CHANNEL, check)
  })
  afterEach(() => {
    unsubscribe(CHANNEL, check)
    const [leak] = leaks.splice(0)
    if (leak !== undefined) throw new Error(`E-01: an event holds a credential or a secret: ${leak}`)
  })
}
