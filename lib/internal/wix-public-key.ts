import { createPublicKey, KeyObject } from 'node:crypto'
import { got } from './options.ts'
import { type KeyObject as Key, MIN_RSA_LENGTH, rsaProblem } from './safe-key.ts'

type OnePublicKey = string | Key

/**
 * The public key of the app: PEM with line endings of any kind, also written as `\n` or lost in an environment variable; the
 * PEM in base64; the bare base64 inside the PEM; or a KeyObject. A list during rotation: each key is tried.
 */
export type WixPublicKey = OnePublicKey | readonly OnePublicKey[]

const GUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i
const LINE_END = /\\[nr]/g
const PEM = /^-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----$/s

/** A key from any string form of {@link WixPublicKey}, or what the string is instead. */
function keyFromString(given: string): KeyObject | string {
  // Some loaders of environment files leave the quotes in.
  const value = given.trim().replace(/^(["'])(.*)\1$/s, '$2')
  if (GUID.test(value)) return ', got a GUID, which is what an app secret or an app ID looks like'
  const decoded = value.includes('-----') ? value : Buffer.from(value, 'base64').toString('latin1')
  const pem = decoded.replaceAll(LINE_END, '').trim()
  if (pem.includes('PRIVATE KEY-----')) return ', got a private key'
  if (pem.includes('CERTIFICATE-----')) return ', got a certificate'
  const base64 = (PEM.exec(pem)?.[1] ?? value.replaceAll(LINE_END, '')).replaceAll(/\s/g, '')
  try {
    if (!/^[\w+/]+=*$/.test(base64)) throw new Error('not base64')
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return ', got a value that cannot be read as one'
  }
}

/** The key, or what is wrong with it. */
function keyOf(value: unknown): KeyObject | string {
  if (typeof value === 'string' && value.trim() === '') return got('')
  const key = typeof value === 'string' ? keyFromString(value) : value
  if (typeof key === 'string') return key
  if (!(key instanceof KeyObject)) return got(key)
  if (key.type !== 'public') return `, got a ${key.type} key`
  if (key.asymmetricKeyType !== 'rsa') return `, got a key of type ${key.asymmetricKeyType}`
  return rsaProblem(key) ?? key
}

/**
 * The keys to try.
 *
 * @throws {TypeError} Unless there is at least one and each is safe to use. Its message holds nothing of the value.
 */
export function wixPublicKeys(owner: string, value: unknown): readonly Key[] {
  const keys = (Array.isArray(value) ? value : [value]).map(keyOf)
  const problem = keys.length === 0 ? ', got an empty array' : keys.find((key) => typeof key === 'string')
  if (problem !== undefined) {
    throw new TypeError(
      `${owner}: option \`publicKey\` must be the public key of your app (RSA, ${MIN_RSA_LENGTH} bits or more)${problem}. ` +
        'Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys',
    )
  }
  return keys.filter((key) => key instanceof KeyObject)
}
