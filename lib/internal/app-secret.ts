import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { got } from './options.ts'
import type { KeyObject } from './safe-key.ts'

/** The app secret, or a list during rotation: each secret is tried. */
export type WixSecret = string | readonly string[]

// PEM, PEM in base64, bare SPKI in base64, JWK: an app that takes a public key for the secret lets anybody sign.
const KEY = /^(-----BEGIN|LS0tLS1CRUdJTi|MII[\w+/]{100}|\s*\{)/

const problemOf = (secret: unknown, appId: string | undefined): string | undefined => {
  if (typeof secret !== 'string') return got(secret)
  if (secret.trim() === '') return got('')
  if (KEY.test(secret)) return ', got a key (the public key of the app is for webhooks)'
  if (secret !== secret.trim()) return ', got one with leading or trailing whitespace'
  if (/^(["']).*\1$/s.test(secret)) return ', got one in quotes'
  if (secret === appId) return ', got the app ID'
  return undefined
}

/**
 * The secrets to try, as the keys that Wix signs with.
 *
 * @throws {TypeError} Unless there is at least one and each can be an app secret. Its message holds nothing of the value.
 */
export function appSecrets(owner: string, secret: unknown, appId?: string): readonly KeyObject[] {
  const list: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const problem =
    list.length === 0 ? ', got an empty array' : list.map((value) => problemOf(value, appId)).find(Boolean)
  if (problem !== undefined) {
    throw new TypeError(
      `${owner}: option \`secret\` must be the app secret${problem}. Find it in the dashboard of your app at Wix: OAuth, or More Actions > View ID & keys`,
    )
  }
  // Prepared once: from raw bytes, newer Node versions make a key for each HMAC.
  return list.map((value) => createSecretKey(Buffer.from(String(value))))
}

/** 32 bytes in canonical base64url: 42 characters, and four bits of one more, whose other two bits are zero. As a pattern. */
export const SIGNATURE = '[\\w-]{42}[AEIMQUYcgkosw048]'

// Written anew for each comparison, which ends in the same tick: to make two buffers takes as long as to compare them.
const computed = Buffer.alloc(43)
const sent = Buffer.alloc(43)

/** The signature covers the string as it was sent, not what it decodes to. Both sides have the form of {@link SIGNATURE}. */
export function isSignature(signature: string, data: string, secret: KeyObject): boolean {
  if (signature.length !== 43) return false
  // Callers accept nothing but ASCII, of which latin1 gives the same bytes as UTF-8, and faster.
  computed.write(createHmac('sha256', secret).update(data, 'latin1').digest('base64url'), 'latin1')
  sent.write(signature, 'latin1')
  return timingSafeEqual(computed, sent)
}
