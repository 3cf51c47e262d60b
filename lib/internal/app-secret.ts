import { butIs } from './options.ts'

/** The app secret, or several while it is being changed: each is tried. */
export type WixSecret = string | readonly string[]

// PEM, PEM in base64, bare SPKI in base64, JWK: who takes a public key for the secret lets anybody sign.
const KEY = /^(-----BEGIN|LS0tLS1CRUdJTi|MII[\w+/]{100}|\s*\{)/

const problemOf = (secret: unknown): string | undefined => {
  if (typeof secret !== 'string') return butIs(secret) || ', but is a number'
  if (secret.trim() === '') return ', but is empty'
  if (KEY.test(secret)) return ', but is a key (the public key of the app is for webhooks)'
  if (secret !== secret.trim()) return ', but has white space around it'
  return undefined
}

/**
 * The secrets to try, as the bytes that Wix signs with.
 *
 * @throws {TypeError} Unless there is at least one and each can be an app secret. Never holds what it was given.
 */
export function secretKeys(owner: string, secret: unknown): readonly Uint8Array[] {
  const list: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const problem = list.length === 0 ? ', but is an empty list' : list.map(problemOf).find(Boolean)
  if (problem !== undefined) {
    throw new TypeError(
      `${owner}: \`secret\` must be the app secret${problem}. Find it in the dashboard of your app at Wix: OAuth, or More Actions > View ID & keys`,
    )
  }
  return list.map((text) => Buffer.from(String(text)))
}
