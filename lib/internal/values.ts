import { refusal } from '../errors.ts'

export const isNumber = (value: unknown): value is number => Number.isFinite(value)

export const isNonEmptyString = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const stringOrNull = (value: unknown): string | null => (isNonEmptyString(value) ? value : null)

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A property, also one of the class of the object, but none of Object.prototype, which may be polluted. */
export const property = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && (!(name in Object.prototype) || Object.hasOwn(holder, name))
    ? (holder as Record<string, unknown>)[name]
    : undefined

/** An own property only: Object.prototype may be polluted. */
export const own = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Record<string, unknown>)[name]
    : undefined

const sent = (times: number): string => (times === 2 ? 'sent twice' : `sent as a list of ${times}`)

/**
 * The rule for every credential: one string, or nothing.
 *
 * @throws {WixAuthError} `request_invalid` for anything else, also for an array of one.
 */
export const atMostOne = (value: unknown): string | undefined => {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'function')
    throw refusal('request_invalid', 'the reader returned a function, which must be called, as in fromQuery(name)')
  throw refusal(
    'request_invalid',
    Array.isArray(value) ? sent(value.length) : `sent as a value of type ${typeof value}`,
  )
}

/**
 * {@link atMostOne}, where there must be one.
 *
 * @param hint Of a missing credential: where it is instead.
 * @throws {WixAuthError} `credentials_missing` where there is none.
 */
export const exactlyOne = (value: unknown, hint?: () => string | undefined): string => {
  const credential = atMostOne(value)
  if (credential === undefined) throw refusal('credentials_missing', hint)
  return credential
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses JSON; bytes must be UTF-8 without a byte order mark.
 *
 * @param what Names it in the hint.
 * @throws {WixAuthError} `token_malformed`.
 */
export function parseJson(json: string | Uint8Array, what: string): unknown {
  try {
    return JSON.parse(typeof json === 'string' ? json : utf8.decode(json))
  } catch {
    throw refusal('token_malformed', `${what} is not JSON in UTF-8`)
  }
}

/**
 * A parsed JSON object, without the properties that could change an object it is copied to; undefined for any other value.
 */
export function objectOf(value: unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined
  const object = value as Record<string, unknown>
  for (const name of ['__proto__', 'constructor', 'prototype']) delete object[name]
  return object
}

/** The code that the system gave a failed call, to end a message with; it holds nothing of the request. */
export function systemCodeOf(error: unknown): string {
  const code = own(own(error, 'cause'), 'code') ?? own(error, 'code')
  return typeof code === 'string' && /^[A-Z\d_]+$/.test(code) ? ` (${code})` : ''
}

/** A copy for whoever destructures it: it inherits nothing from a polluted Object.prototype. */
export const plain = <Options extends object>(options: Options): Options =>
  Object.assign(Object.create(null) as object, options)
