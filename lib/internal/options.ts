import { isNonEmptyString, isNumber } from './values.ts'

/** Says what an option must be, or nothing when the value is right. */
export interface Check {
  (value: unknown): string | undefined
  /** The option has no default. */
  isRequired?: true
  /** Nor has this one, but the code that uses it says so. */
  isNeeded?: true
}

/** One check for each option: forgetting one does not compile. */
export type Checks<Options> = { [Name in keyof Options]-?: Check }

/** Options that were checked: whatever is named has a value. */
export type Checked<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> }

export const must =
  (test: (value: unknown) => boolean, expected: string): Check =>
  (value) =>
    test(value) ? undefined : expected

/** The same check, for an option that has no default. */
export const required = (check: Check): Check =>
  Object.assign((value: unknown) => check(value), { isRequired: true as const })

/** For an option that is checked where it is used. */
export const checkedLater: Check = () => undefined

/** The same, for an option that has no default. */
export const neededLater: Check = Object.assign(() => undefined, { isNeeded: true as const })

/** The options of everything that compares times with the clock. */
export interface ClockOptions {
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

export const string: Check = must(
  (value) => isNonEmptyString(value) && value === value.trim(),
  'a non-empty string without leading or trailing whitespace',
)
export const flag: Check = must((value) => typeof value === 'boolean', 'true or false')
export const callback: Check = must((value) => typeof value === 'function', 'a function')
/** At most a day: Node treats a timeout of more than 24 days as none at all. */
export const timeout: Check = must(
  (value) => isNumber(value) && value > 0 && value <= 86_400,
  'a number of seconds above 0, at most 86400',
)
/** More than a month is a mistake of units. */
export const maxAge: Check = must(
  (value) => value === false || (isNumber(value) && value > 0 && value <= 2_678_400),
  'a number of seconds (not milliseconds, as in 1.x) above 0, at most 2678400 (31 days), or false',
)
/** More entries than that are a mistake of units. */
export const count: Check = must(
  (value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 10_000_000,
  'an integer from 1 to 10000000',
)
/** The default of `clockTolerance`, in seconds. */
export const CLOCK_TOLERANCE: number = 30

export const clockChecks: Checks<ClockOptions> = {
  // No more than five minutes: a larger tolerance prolongs every credential by as much.
  clockTolerance: must((value) => isNumber(value) && value >= 0 && value <= 300, 'a number of seconds from 0 to 300'),
  now: callback,
}

/** Ends a message with the type of the value that was given, never with its content: it may be a secret. */
export const got = (value: unknown): string => {
  if (value === undefined) return ', got undefined (is an environment variable not set?)'
  if (value === null) return ', got null'
  if (value === '') return ', got an empty string'
  if (typeof value === 'string' || typeof value === 'number') return `, got a ${typeof value}`
  return `, got ${Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`}`
}

/** The same, but nothing for a string or a number, of which the type may be right. */
const gotOtherType = (value: unknown): string =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' ? '' : got(value)

/**
 * Copies own properties only, and checks each: known, and of the right form.
 *
 * An option that is named must have a value: `{ appId: process.env.UNSET }` is a mistake, not a default.
 *
 * @throws {TypeError} Names `owner` and the option.
 */
export function checkOptions<Options extends object>(
  owner: string,
  options: Options,
  checks: Checks<Options>,
): Checked<Options> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const names = Object.entries<Check>(checks).flatMap(([name, { isRequired, isNeeded }]) =>
      isRequired || isNeeded ? [name] : [],
    )
    const needed = names.length === 0 ? '' : ` with ${names.map((name) => `\`${name}\``).join(' and ')}`
    throw new TypeError(
      `${owner}: the options must be an object${needed}${options === undefined ? '' : gotOtherType(options)}`,
    )
  }
  for (const name of Object.keys(options)) {
    const value: unknown = options[name as keyof Options]
    if (!Object.hasOwn(checks, name)) {
      // 1.x measured the age in milliseconds under this name.
      const hint =
        name === 'signDateThreshold'
          ? 'use `maxAge`, in seconds'
          : `known options are ${Object.keys(checks).join(', ')}`
      throw new TypeError(`${owner}: unknown option \`${name}\`; ${hint}`)
    }
    const expected = checks[name as keyof Options](value)
    if (expected !== undefined)
      throw new TypeError(`${owner}: option \`${name}\` must be ${expected}${gotOtherType(value)}`)
  }
  for (const name of Object.keys(checks)) {
    const check: Check = checks[name as keyof Options]
    if (check.isRequired && !Object.hasOwn(options, name)) {
      throw new TypeError(`${owner}: option \`${name}\` is missing: it must be ${check(undefined)}`)
    }
  }
  return Object.assign(Object.create(null), options)
}
