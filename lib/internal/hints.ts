import { channel, type Channel } from 'node:diagnostics_channel'
import { debuglog, type DebugLogger } from 'node:util'
import { WixAuthError } from '../errors.ts'

/** Where events.ts publishes, and prints with `NODE_DEBUG=passport-wix-app`. */
export const events: Channel = channel('passport-wix-app:authenticate')
export const debug: DebugLogger = debuglog('passport-wix-app')

/** Whether anybody reads hints. */
export const isObserved = (): boolean => events.hasSubscribers || debug.enabled

/** A hint that takes work, or the parts of a credential that nobody has verified: only while it is logged or subscribed to. */
export function whileObserved(hint: () => string | undefined): string | undefined {
  if (!isObserved()) return undefined
  try {
    return hint()
  } catch {
    // What was to be looked at is not even JSON.
    return undefined
  }
}

/** Tells whoever listens. A property of the request, or of an error of the app, that throws when it is read must change no outcome. */
export function observe(who: string, tell: () => void): void {
  try {
    tell()
  } catch {
    debug(`${who}: nothing was reported, because the request or the error cannot be read`)
  }
}

const setupHints = new WeakMap<Error, string>()

/** An error of the setup, with the facts behind its message. */
export function withHint(error: Error, hint: string): Error {
  setupHints.set(error, hint)
  return error
}

/** The hint of an error of this package: errors of the app may have a property of that name. */
export const hintOf = (error: Error): string | undefined =>
  error instanceof WixAuthError ? error.hint : setupHints.get(error)

const UNITS: ReadonlyArray<readonly [unit: string, seconds: number]> = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
]

/** The two largest units, rounded down: `26 h`, `23 h 59 min`. Hours up to three days, since Wix counts in hours, too. */
export function duration(seconds: number): string {
  let rest = Math.floor(Math.abs(seconds))
  const units = rest < 3 * 86_400 ? UNITS.slice(1) : UNITS
  const largest = units.findIndex(([, size]) => rest >= size)
  if (largest === -1) return '0 s'
  const parts = units.slice(largest, largest + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? '' : `${count} ${unit}`
  })
  return parts.join(' ').trimEnd()
}

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** An id in the form of a GUID; nothing else of a credential gets into a hint. */
export const guidOf = (value: unknown): string | undefined =>
  typeof value === 'string' && GUID.test(value) ? value : undefined

/** The same, to end a hint with. */
export const idHint = (value: unknown): string => {
  const id = guidOf(value)
  return id === undefined ? '' : ` (${id})`
}

/**
 * Why a credential is too old.
 *
 * @param age Seconds; NaN for one without a date, of which `undated` then tells.
 */
export const ageHint = (age: number, maxAge: number, undated: string): string =>
  Number.isNaN(age) ? undated : `signed ${duration(age)} ago; maxAge is ${duration(maxAge)}`

/**
 * A refusal of a credential whose signature is right and whose date has not come yet: a clock is wrong.
 *
 * @param when For example `signed 23 h 59 min`.
 */
export const datedInFuture = (when: string): WixAuthError =>
  new WixAuthError(
    'claim_invalid',
    'This Wix credential is dated in the future: the clock of this server, or of its signer, is wrong',
    { hint: `${when} in the future: is the clock of this machine right?` },
  )

// The prefixes are those of Wix; a JWT begins with `{"` in base64url.
const FORMS: ReadonlyArray<readonly [form: RegExp, looksLike: string]> = [
  [/^IST\./, 'an API key, which belongs to an account and not to an app'],
  [/^JWS\./, 'a refresh token, which cannot sign a user in'],
  [/^(OauthNG|OAUTH2)\./, 'an access token: WixAccessTokenStrategy'],
  [/^JWT=/, 'a Digest header: WixDigestStrategy'],
  [/^wixcode-pub\./, 'an instance for the code of a site, not for an app'],
  [/^eyJ[\w-]+\.[\w-]+\.[\w-]*$/, 'a JWT: a webhook or a session?'],
  [/^[\w-]{43}\.[\w-]+$/, 'an instance: WixAppStrategy'],
  [/^eyJ[\w-]+\.[\w-]{43}$/, 'an instance with its two parts swapped'],
  [/^[\w-]{20,}\.[\w-]{20,}$/, 'an instance that was cut or changed'],
  [
    /^[\w+/=-]{20,}\.[\w+/=-]{20,}$/,
    'an instance in standard base64 or with padding: it must be base64url without padding',
  ],
  [/^\s*[{[]/, 'JSON: it must be sent as it was signed, not decoded'],
  [/%[\da-f]{2}/i, 'a credential that is still URL-encoded'],
]

/** What a credential is by its form, for one that came to the wrong strategy. */
export function looksLike(credential: string): string | undefined {
  const found = FORMS.find(([form]) => form.test(credential))
  return found && `looks like ${found[1]}`
}

/** Why a part of a credential is not canonical base64url. */
export function encodingHint(part: string): string {
  if (/\s/.test(part)) return 'it contains whitespace or a line break'
  if (/[^\w+/=-]/.test(part)) return 'it contains characters that are not base64'
  return /[+/=]/.test(part) ? 'standard base64, or padding' : 'was it cut or changed?'
}

/** Names a key by as much of its `kid` as a log may show. */
export const keyHint = (kid: unknown): string =>
  whileObserved(() => {
    const start = /^[\w-]{1,4}/.exec(String(kid))?.[0]
    return start && `key ${start}..`
  }) ?? 'the key'

export const tooLong = (credential: string, limit: number): string =>
  `${credential.length} characters; the limit is ${limit}`

const parts = (count: number): string => (count === 1 ? '1 part' : `${count} parts`)

/** Why a credential is not of the form that it should have, by its beginning. */
export function formHint(credential: string, expected: string): string {
  const start = credential.slice(0, 10_000)
  return looksLike(start) ?? `${parts(start.split('.').length)} between dots; ${expected}`
}
