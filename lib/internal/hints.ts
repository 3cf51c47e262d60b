import { isGuid } from './options.ts'

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

/** An id in the form of a GUID; nothing else of a credential gets into a hint. */
export const guidOf = (value: unknown): string | undefined =>
  typeof value === 'string' && isGuid(value) ? value : undefined

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

type Forms = ReadonlyArray<readonly [form: { test(value: string): boolean }, looksLike: string]>

// The prefixes are those of Wix; a JWT begins with `{"` in base64url.
const CREDENTIALS: Forms = [
  [/^IST\./, 'an API key, which belongs to an account and not to an app'],
  [/^JWS\./, 'a refresh token, which cannot sign a user in'],
  [/^(OauthNG|OAUTH2)(\.[\w\-~+/]+){3,}=*$/, 'an access token: WixAccessTokenStrategy'],
  [/^(OauthNG|OAUTH2)\./, 'an access token that was cut or changed'],
  [/^JWT=/, 'a Digest header: WixDigestStrategy'],
  [/^wixcode-pub\./, 'an instance for the code of a site, not for an app'],
  [/^eyJ[\w-]+\.[\w-]+\.[\w-]*$/, 'a JWT: a webhook or a session?'],
  [/^[\w-]{43}\.[\w-]+$/, 'an instance: WixAppStrategy'],
  [/^eyJ[\w-]+\.[\w-]{43}$/, 'an instance with its two parts swapped'],
]

/** Whether it has the form of a credential: the other hints also fit what a browser sends of its own, such as quotes. */
export const isLikeCredential = (value: string): boolean => CREDENTIALS.some(([form]) => form.test(value))

// Not the padding of base64.
const SEPARATORS = /[\s"'`,;&?:]+|=(?=[^=])/

/** Characters in which a credential is looked for. */
const MAX_SEARCHED = 16_384

const MISTAKES: Forms = [
  [/^[\w-]{20,}\.[\w-]{20,}$/, 'an instance that was cut or changed'],
  [
    /^(undefined|null|none|nil|nan|true|false)$/i,
    'the word that JavaScript makes of a missing value: a variable of the front end was not set',
  ],
  [/^bearer:?$/i, 'a scheme alone: the variable of the front end behind it was empty'],
  [/^\[object \w+\]$/, 'an object in place of a string: is an `await` missing in the front end?'],
  [/^(async )?(function\b|(\(.*\)|\w+) *=>)/, 'a function in place of a string: is a call missing in the front end?'],
  [/^(\$?\{\{?[^"{}]*\}\}?|<[^<>]*>|%\w+%|\$\w+|your[_-][\w-]+)$/i, 'a placeholder that nothing has replaced'],
  [/^(["'`]|%22|%27).*\1$/s, 'a credential in quotes: send it without them'],
  [/^curl\s/, 'a command line: copy the credential out of it'],
  [
    { test: (value) => value.length < MAX_SEARCHED && value.split(SEPARATORS).some(isLikeCredential) },
    'a longer string with a credential in it: send the credential alone',
  ],
  [
    /^[\w+/=-]{20,}\.[\w+/=-]{20,}$/,
    'an instance in standard base64 or with padding: it must be base64url without padding',
  ],
  [/^\s*[{[]/, 'JSON: it must be sent as it was signed, not decoded'],
  [/%[\da-f]{2}/i, 'a credential that is still URL-encoded'],
]

const FORMS: Forms = [...CREDENTIALS, ...MISTAKES]

/** What a credential is by its form, for one that came to the wrong strategy. */
export function looksLike(credential: string): string | undefined {
  const found = FORMS.find(([form]) => form.test(credential))
  return found && `looks like ${found[1]}`
}

/** Why a part of a credential is not canonical base64url. */
export function encodingHint(part: string): string {
  if (/\s/.test(part)) return 'it contains whitespace or a line break'
  if (/^["'`]|["'`]$/.test(part)) return 'it is in quotes: send it without them'
  if (/[^\w+/=-]/.test(part)) return 'it contains characters that are not base64'
  return /[+/=]/.test(part) ? 'standard base64, or padding' : 'was it cut or changed?'
}

/** Names a key by as much of its `kid` as a log may show. */
export function keyHint(kid: unknown): string {
  const start = /^[\w-]{1,4}/.exec(String(kid))?.[0]
  return start === undefined ? 'the key' : `key ${start}..`
}

export const tooLong = (credential: string, limit: number): string =>
  `${credential.length} characters; the limit is ${limit}`

const parts = (count: number): string => (count === 1 ? '1 part' : `${count} parts`)

/** Why a credential is not of the form that it should have, by its beginning. */
export const formHint = (credential: string, expected: string) => (): string => {
  const start = credential.slice(0, 10_000)
  return looksLike(start) ?? `${parts(start.split('.').length)} between dots; ${expected}`
}

// More than any retry of Wix, or a forgotten tab, is old.
const TEST_BUTTON_AGE = 30 * 86_400

/**
 * What a webhook of long ago may be: the Test button in Wix's dashboard sends sample events with dates of years ago.
 *
 * @param isEvent Whether it is a webhook.
 */
export const sampleHint = (age: number, isEvent: boolean): string =>
  isEvent && age > TEST_BUTTON_AGE ? ": a sample event of the Test button in Wix's dashboard?" : ''

/** Why a JWT has expired. */
export const expiredHint = (seconds: number, isEvent: boolean): string =>
  `\`exp\` was ${duration(seconds)} ago${sampleHint(seconds, isEvent)}`
