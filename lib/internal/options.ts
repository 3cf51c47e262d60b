import { types } from 'node:util'
import { WixUnavailableError } from '../errors.ts'
import { withTimeout } from './promises.ts'
import { isNonEmptyString, isNumber, isObject, plain, property } from './values.ts'

/** Says what an option must be, or nothing when the value is right. */
export interface Check {
  (value: unknown): string | undefined
  /** The type of its values, which a message need not name when it was given. */
  type?: 'string' | 'number'
  /** For an option that has no default: whether it is missed here, or where it is used. */
  missed?: 'here' | 'later'
}

/** One check for each option: forgetting one does not compile. */
export type Checks<Options> = { [Name in keyof Options]-?: Check }

/** Only a type, and private: a spread or a rest of options inherits from Object.prototype again, and loses it. The linter finds it, too. */
declare class InheritsNothing {
  private readonly inheritsNothing: true
}

/** Options that were checked: whatever is named has a value, and nothing is inherited. */
export type Checked<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> } & InheritsNothing

/** The same of options that need no check. */
export const ownOptions = <Options extends object>(options: Options): Checked<Options> =>
  plain(options) as Checked<Options>

export const must = (test: (value: unknown) => boolean, expected: string, type?: Check['type']): Check =>
  Object.assign((value: unknown) => (test(value) ? undefined : expected), type && { type })

/** The same check, for an option that has no default. */
export const required = (check: Check): Check =>
  Object.assign((value: unknown) => check(value), check, { missed: 'here' as const })

/** For an option that is checked where it is used. */
export const checkedLater: Check = () => undefined

/** The same, for an option that has no default. */
export const neededLater: Check = Object.assign(() => undefined, { missed: 'later' as const })

/** The options of everything that compares times with the clock. */
export interface ClockOptions {
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

// As a line of an environment file or of JSON has it.
const GUID_WITHIN = /(^|[^\w-])[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}([^\w-]|$)/i

/** Whether it has the form of the ids and secrets of Wix. */
export const isGuid = (value: string): boolean => GUID.test(value)

/** Whether there is more than one, such as its name or a comment. */
export const isMoreThanGuid = (value: string): boolean => GUID_WITHIN.test(value) && !isGuid(value.trim())

// Also two of them that were joined.
const MISSING =
  /^(((undefined|null|none|nan|nil)[-_.,:/ ]*)+|\(null\)|n\/a|void 0|true|false|-?infinity|symbol\(.*\)|\[object .+\]|(async )?(function|class)\b.*|.*=>.*)$/is

// As it stands in a shell, a pipeline, a template, instructions, or code; Go templates write `<nil>`.
const PLACEHOLDER = /^(\$\{.*\}|\$\w+|\$\(\w+\)|%\w+%|\{\{.*\}\}|<[^<>]*>|(process|import\.meta)\.env\b.*)$/is

// As a variable of the environment has it.
const BOOLEAN = /^(true|false)$/i

const matches = (form: RegExp, value: unknown): boolean => typeof value === 'string' && form.test(value.trim())

/** Whether it is what JavaScript makes of a missing value in a string, or a placeholder of one. No secret, id or key of Wix looks like this. */
export const isUnset = (value: unknown): boolean => matches(MISSING, value) || matches(PLACEHOLDER, value)

/** As a reader of environment files may leave it. */
export const isQuoted = (value: string): boolean => /^(["'`]).*\1$/s.test(value)

export const string: Check = must(
  (value) => isNonEmptyString(value) && value === value.trim() && !isUnset(value),
  'a non-empty string without leading or trailing whitespace',
  'string',
)
export const flag: Check = must((value) => typeof value === 'boolean', 'true or false')
export const callback: Check = must((value) => typeof value === 'function', 'a function')
/** Seconds for something that a request waits for: more is a mistake of units. */
export const timeoutUpTo = (max: number): Check =>
  must((value) => isNumber(value) && value > 0 && value <= max, `a number of seconds above 0, at most ${max}`, 'number')
export const timeoutCheck: Check = timeoutUpTo(60)
/** More than a month is a mistake of units. */
export const maxAgeCheck: Check = must(
  (value) => value === false || (isNumber(value) && value > 0 && value <= 2_678_400),
  'a number of seconds (not milliseconds, as in 1.x) above 0, at most 2678400 (31 days), or false',
  'number',
)
/** More entries than that are a mistake of units. */
export const countCheck: Check = must(
  (value) => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 10_000_000,
  'an integer from 1 to 10000000',
  'number',
)
/** The default of `clockTolerance`, in seconds. */
export const CLOCK_TOLERANCE: number = 30

export const clockChecks: Checks<ClockOptions> = {
  // No more than five minutes: a larger tolerance prolongs every credential by as much.
  clockTolerance: must(
    (value) => isNumber(value) && value >= 0 && value <= 300,
    'a number of seconds from 0 to 300',
    'number',
  ),
  now: callback,
}

/** The class of an object where it is one of JavaScript or Node, such as `URL`, else `Object`: nothing of its content. */
export const classOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1)

/** Ends a message with the type of the value that was given, never with its content: it may be a secret. */
export const got = (value: unknown): string => {
  if (value === undefined) return ', got undefined (is an environment variable not set?)'
  if (value === null) return ', got null'
  if (matches(PLACEHOLDER, value))
    return ', got a placeholder that nothing has replaced (is an environment variable not set?)'
  if (matches(BOOLEAN, value)) return ', got the word of a boolean'
  if (isUnset(value))
    return ', got a string that JavaScript makes of a missing value (is an environment variable not set?)'
  if (typeof value === 'string') return value.trim() === '' ? ', got an empty string' : ', got a string'
  if (types.isPromise(value)) return ', got a promise: await it, or pass a function'
  if (value instanceof Uint8Array) return ', got bytes'
  if (Array.isArray(value)) return ', got an array'
  if (typeof value !== 'object') return `, got a ${typeof value}`
  return `, got a value of type ${classOf(value).replace(/^Object$/, 'object')}`
}

/** The same, but nothing for a value of the right type. */
const gotOtherType = (value: unknown, type: Check['type']): string =>
  typeof value === type && value !== '' && !isUnset(value) ? '' : got(value)

/**
 * Copies own properties only, and checks each: known, and of the right form.
 *
 * An option that is named must have a value: `{ appId: process.env.UNSET }` is a mistake, not a default.
 *
 * @throws {TypeError} Names `caller` and the option.
 */
export function checkOptions<Options extends object>(
  caller: string,
  options: Options,
  checks: Checks<Options>,
): Checked<Options> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const names = Object.entries<Check>(checks).flatMap(([name, { missed }]) => (missed ? [name] : []))
    const needed = names.length === 0 ? '' : ` with ${names.map((name) => `\`${name}\``).join(' and ')}`
    throw new TypeError(`${caller}: the options must be an object${needed}${options === undefined ? '' : got(options)}`)
  }
  if (!Object.hasOwn(checks, 'headers') && isObject(property(options, 'headers')))
    throw new TypeError(`${caller}: it was given a request, so it must be called first, as ${caller}(...)`)
  for (const name of Object.keys(options)) {
    const value: unknown = options[name as keyof Options]
    if (!Object.hasOwn(checks, name)) {
      // 1.x measured the age in milliseconds under this name.
      const hint =
        name === 'signDateThreshold'
          ? 'use `maxAge`, in seconds'
          : `known options are ${Object.keys(checks).join(', ')}`
      throw new TypeError(`${caller}: unknown option \`${name}\`; ${hint}`)
    }
    const check: Check = checks[name as keyof Options]
    const expected = check(value)
    if (expected !== undefined)
      throw new TypeError(`${caller}: option \`${name}\` must be ${expected}${gotOtherType(value, check.type)}`)
  }
  for (const name of Object.keys(checks)) {
    const check: Check = checks[name as keyof Options]
    if (check.missed === 'here' && !Object.hasOwn(options, name)) {
      throw new TypeError(`${caller}: option \`${name}\` is missing: it must be ${check(undefined)}`)
    }
  }
  return ownOptions(options)
}

/** A value, or a function of the request that finds it: for one backend with many apps, or an environment that is there only at run time. */
export type OfRequest<Value, Req> =
  | Value
  | undefined
  | ((req: Req) => Value | undefined | PromiseLike<Value | undefined>)

/** Seconds for the app's function that finds a secret, a key or an app ID. */
export const FIND_TIMEOUT: number = 5

/**
 * Prepares an {@link OfRequest}: a value at once, what a function returns when it is needed.
 *
 * @param parse Throws a TypeError for a wrong value.
 * @throws {WixUnavailableError} From the function that is returned, when the app's takes more than five seconds.
 */
export function ofRequest<Value>(
  caller: string,
  name: string,
  given: unknown,
  parse: (value: unknown) => Value,
): (req: unknown) => Value | Promise<Value> {
  if (typeof given !== 'function') {
    const value = parse(given)
    return () => value
  }
  let last: { found: unknown; value: Value } | undefined
  return async (req) => {
    const found: unknown = await withTimeout<unknown>(
      FIND_TIMEOUT,
      () => given(req),
      () => {
        throw new WixUnavailableError(`${caller}: the function \`${name}\` took more than ${FIND_TIMEOUT} s`)
      },
    )
    // A key is parsed once for as long as it stays the same string.
    if (typeof found === 'string' && last?.found === found) return last.value
    const value = parse(found)
    last = { found, value }
    return value
  }
}

/** An app ID, in the spelling of Wix. */
export function appIdOf(caller: string): (value: unknown) => string {
  return (value) => {
    const expected = string(value)
    if (expected !== undefined) throw new TypeError(`${caller}: option \`appId\` must be ${expected}${got(value)}`)
    const appId = String(value)
    if (isQuoted(appId)) throw new TypeError(`${caller}: option \`appId\` must be the app ID, got one in quotes`)
    if (isMoreThanGuid(appId))
      throw new TypeError(`${caller}: option \`appId\` must be the app ID alone, got something before or after it`)
    return isGuid(appId) ? appId.toLowerCase() : appId
  }
}

/** Whether a credential names this app: GUIDs are the same in any case. */
export const isSameId = (claim: unknown, appId: string): boolean =>
  claim === appId || (typeof claim === 'string' && isGuid(claim) && claim.toLowerCase() === appId)
