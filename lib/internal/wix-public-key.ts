import { createPublicKey, KeyObject } from 'node:crypto'
import { butIs } from './options.ts'

/** @ts-ignore Where the types of Node are not installed, it is `any`. */
import type { KeyObject as Key } from 'node:crypto'

type OnePublicKey = string | Key

/**
 * The public key of the app: PEM with line ends of any kind, also written as `\n` or lost in an environment variable; the
 * PEM in base64; the bare base64 inside of the PEM; or a KeyObject. Several while it is being changed: each is tried.
 */
export type WixPublicKey = OnePublicKey | readonly OnePublicKey[]

/** Keys that were looked at. */
export type PublicKeys = readonly Key[]

const GUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i
const LINE_END = /\\[nr]/g
const PEM = /^-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----$/s

/** A text in any of the forms of {@link WixPublicKey}, or what it is instead. */
function keyFromText(given: string): KeyObject | string {
  // Some readers of environment files leave the quotes in.
  const text = given.trim().replace(/^(["'])(.*)\1$/s, '$2')
  if (GUID.test(text)) return ', but is a GUID, as the app secret and the app ID are'
  const decoded = text.includes('-----') ? text : Buffer.from(text, 'base64').toString('latin1')
  const pem = decoded.replaceAll(LINE_END, '').trim()
  if (pem.includes('PRIVATE KEY-----')) return ', but is a private key'
  if (pem.includes('CERTIFICATE-----')) return ', but is a certificate'
  const base64 = (PEM.exec(pem)?.[1] ?? text.replaceAll(LINE_END, '')).replaceAll(/\s/g, '')
  try {
    if (!/^[\w+/]+=*$/.test(base64)) throw new Error('not base64')
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return ', but cannot be read as one'
  }
}

/** The key, or what is wrong with it. */
function keyOf(value: unknown): KeyObject | string {
  if (typeof value === 'string' && value.trim() === '') return ', but is empty'
  const key = typeof value === 'string' ? keyFromText(value) : value
  if (typeof key === 'string') return key
  if (!(key instanceof KeyObject)) return butIs(key) || ', but is a number'
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (key.type !== 'public') return `, but is a ${key.type} key`
  if (key.asymmetricKeyType !== 'rsa') return `, but is of type ${key.asymmetricKeyType}`
  if (modulusLength < 2048) return `, but has ${modulusLength} bits`
  // jose takes any: with an exponent of 1 everybody can sign.
  if (publicExponent < 65_537n || publicExponent % 2n === 0n) return ', but has an exponent that no safe key has'
  return key
}

/**
 * The keys to try.
 *
 * @throws {TypeError} Unless there is at least one and each is safe to use. Never holds what it was given.
 */
export function publicKeys(owner: string, value: unknown): PublicKeys {
  const keys = (Array.isArray(value) ? value : [value]).map(keyOf)
  const problem = keys.length === 0 ? ', but is an empty list' : keys.find((key) => typeof key === 'string')
  if (problem !== undefined) {
    throw new TypeError(
      `${owner}: \`publicKey\` must be the public key of your app (RSA, 2048 bits or more)${problem}. ` +
        'Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys',
    )
  }
  return keys.filter((key) => key instanceof KeyObject)
}
