import { WixAuthError } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads JSON; bytes must be UTF-8 without a byte order mark.
 *
 * @throws {WixAuthError} `token_malformed`.
 */
export function parseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : utf8.decode(text))
  } catch {
    throw new WixAuthError('token_malformed')
  }
}

/**
 * The object that JSON was, without the properties that could change an object it is copied to; undefined for anything
 * else.
 */
export function objectOf(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const object = value as Record<string, unknown>
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    if (Object.hasOwn(object, name)) delete object[name]
  }
  return object
}
