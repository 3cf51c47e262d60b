/** Says what an option should have been, or nothing when the value is right. */
export type Check = (value: unknown) => string | undefined

const must =
  (test: (value: unknown) => boolean, expected: string): Check =>
  (value) =>
    test(value) ? undefined : expected

export const isNumber = (value: unknown): value is number => Number.isFinite(value)

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const textOrNull = (value: unknown): string | null => (isText(value) ? value : null)

/** The checks that options share. Times are seconds. */
export const text: Check = must(
  (value) => isText(value) && value === value.trim(),
  'a text without white space around it',
)
export const flag: Check = must((value) => typeof value === 'boolean', 'true or false')
export const callback: Check = must((value) => typeof value === 'function', 'a function')
/** At most a day: Node takes a timeout of more than 24 days for none at all. */
export const timeout: Check = must(
  (value) => isNumber(value) && value > 0 && value <= 86_400,
  'a number of seconds above 0, at most 86400',
)
export const secondsOrFalse: Check = must(
  (value) => value === false || (isNumber(value) && value > 0),
  'a number of seconds above 0, or false',
)
/** No more than five minutes: a larger tolerance is a longer life for everything that is checked with it. */
export const clockTolerance: Check = must(
  (value) => isNumber(value) && value >= 0 && value <= 300,
  'a number of seconds from 0 to 300',
)
/** A cache of more entries than that is a mistake of units. */
export const count: Check = must(
  (value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 10_000_000,
  'a whole number from 1 to 10000000',
)

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Whether what is sent there, and what comes back, cannot be read or changed on the way. */
export const isSecure = ({ protocol, hostname, username, password }: URL): boolean =>
  username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)))

export const secureUrl: Check = must(
  (value) => typeof value === 'string' && URL.canParse(value) && isSecure(new URL(value)),
  'an https URL without a password, or an http URL of this machine (localhost, 127.0.0.1, [::1])',
)

/** Ends a sentence with what was given instead, in a word and never with its content: it may be a secret. */
export const butIs = (value: unknown): string => {
  if (value === undefined) return ', but is undefined (is an environment variable not set?)'
  if (value === null || value === '') return `, but is ${value === null ? 'null' : 'empty'}`
  if (typeof value === 'string' || typeof value === 'number') return ''
  return `, but is ${Array.isArray(value) ? 'a list' : `of type ${typeof value}`}`
}

/**
 * A copy of `options` with own properties only, each known and of the right form.
 *
 * An option that is named must have a value: `{ appId: process.env.UNSET }` is a mistake, not a default.
 *
 * @throws {TypeError} Names `owner` and the option.
 */
export function checkOptions<T extends object>(owner: string, options: T, checks: { [Name in keyof T]-?: Check }): T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${owner}: the options must be an object${butIs(options)}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const known = Object.keys(checks).join(', ')
      // 1.x measured the age in milliseconds under this name.
      const hint = name === 'signDateThreshold' ? 'use `maxAge`, which counts seconds, instead' : `known are ${known}`
      throw new TypeError(`${owner}: unknown option \`${name}\`; ${hint}`)
    }
    const expected = checks[name as keyof T](value)
    if (expected !== undefined) {
      throw new TypeError(`${owner}: option \`${name}\` must be ${expected}${butIs(value)}`)
    }
  }
  return Object.assign(Object.create(null), options)
}

/**
 * Refuses options of which one that has no default was left out.
 *
 * @throws {TypeError} Names `owner` and the option.
 */
export function required(owner: string, options: object, names: readonly string[]): void {
  const missing = names.find((name) => !Object.hasOwn(options, name))
  if (missing !== undefined) throw new TypeError(`${owner}: option \`${missing}\` is missing`)
}
