import { createHmac, createPublicKey, createSecretKey, KeyObject as NodeKey, timingSafeEqual } from 'node:crypto'
import { types } from 'node:util'
import { got, isGuid, isMoreThanGuid, isQuoted, isUnset } from './options.ts'
import { own } from './values.ts'

/** @ts-ignore Where the types of Node are not installed, it is `any`. */
import type { KeyObject, webcrypto } from 'node:crypto'

export type { KeyObject }
type CryptoKeyOfNode = webcrypto.CryptoKey

/** Bits. */
export const MIN_RSA_LENGTH = 2048

/** Why an RSA key must not be used, to end a message with; undefined for a safe one. jose takes any exponent: with 1, anybody can sign. */
function rsaProblem({ asymmetricKeyDetails }: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = { ...asymmetricKeyDetails }
  if (modulusLength < MIN_RSA_LENGTH) return `, got a key of ${modulusLength} bits`
  if (publicExponent < 65_537n || publicExponent % 2n === 0n) return ', got a key with an unsafe exponent'
  return undefined
}

export const isSafeRsa = (key: KeyObject): boolean => key.asymmetricKeyType === 'rsa' && rsaProblem(key) === undefined

/** Only EC keys have a named curve. */
export const isP256 = ({ asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyDetails?.namedCurve === 'prime256v1'

export const isEd25519 = ({ asymmetricKeyType }: KeyObject): boolean => asymmetricKeyType === 'ed25519'

/** The app secret, or a list during rotation: each secret is tried. */
export type WixSecret = string | readonly string[]

// PEM, PEM in base64, bare SPKI in base64, JWK: an app that takes a public key for the secret lets anybody sign.
const KEY = /^(-----BEGIN|LS0tLS1CRUdJTi|MII[\w+/]{100}|\s*\{)/

// Of instructions, examples and deployments. Everybody knows it, and with it anybody could sign.
const EXAMPLE =
  /^(([Yy]our|YOUR)[-_ ].+|[Cc]hange[-_ ]?[Mm]e|CHANGE[-_ ]?ME|TODO|[xX]+(-[xX]+)+|[*.\u2026]+|WIX(_[A-Z]+)+|\[[\w -]+\]|__\w+__|@\w+@|#\{.*\}#?)$/

// Not of every path: a secret of a test may be base64.
const REFERENCE = /^(\.{1,2}[\\/]|~\/|[a-z]:[\\/]|\w+:\/\/|arn:|projects\/|\/(run|etc|var|home|mnt|opt|app|tmp)\/)/i

const GOT_APP_ID = ', got the app ID'
const GOT_UTF16 = ', got a string in UTF-16: save its file in UTF-8'

const problemOf = (secret: unknown, appId: string | undefined): string | undefined => {
  if (typeof secret !== 'string' || secret.trim() === '' || isUnset(secret)) return got(secret)
  if (isMoreThanGuid(secret) && !isQuoted(secret))
    return ', got one with something before or after it, such as its name, or another one'
  if (EXAMPLE.test(secret.trim())) return ', got an example of one (is an environment variable not set?)'
  if (REFERENCE.test(secret)) return ', got the path of a file or the address of a secret: read it'
  if (secret.includes('\0')) return GOT_UTF16
  if (KEY.test(secret)) return ', got a key (the public key of the app is for webhooks)'
  if (secret !== secret.trim()) return ', got one with leading or trailing whitespace'
  if (isQuoted(secret)) return ', got one in quotes'
  if (secret.toLowerCase() === appId) return GOT_APP_ID
  return undefined
}

const notTheSecret = (caller: string, problem: string): TypeError =>
  new TypeError(
    `${caller}: option \`secret\` must be the app secret${problem}. Find it in the dashboard of your app at Wix: OAuth, or More Actions > View ID & keys`,
  )

/**
 * The secrets to try, as the keys that Wix signs with.
 *
 * @param appId In lower case.
 * @throws {TypeError} Unless there is at least one and each can be an app secret. Its message holds nothing of the value.
 */
export function appSecrets(caller: string, secret: unknown, appId?: string): readonly KeyObject[] {
  const list: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const problem =
    list.length === 0 ? ', got an empty array' : list.map((value) => problemOf(value, appId)).find(Boolean)
  if (problem !== undefined) throw notTheSecret(caller, problem)
  // Prepared once: from raw bytes, newer Node versions make a key for each HMAC.
  return list.map((value) => createSecretKey(Buffer.from(String(value))))
}

/**
 * For an app ID that is known with the request: everybody knows it, so that anybody could sign with it.
 *
 * @throws {TypeError} Where it is one of the secrets.
 */
export function mustNotBeAppId(caller: string, secrets: readonly KeyObject[], appId: string): void {
  if (secrets.some((secret) => secret.export().toString().toLowerCase() === appId.toLowerCase()))
    throw notTheSecret(caller, GOT_APP_ID)
}

/** Of 32 bytes in base64url. */
export const SIGNATURE_LENGTH = 43

/** 32 bytes in canonical base64url: 42 characters, and four bits of one more, whose other two bits are zero. As a pattern. */
export const SIGNATURE = '[\\w-]{42}[AEIMQUYcgkosw048]'

// Written anew for each comparison, which ends in the same tick: to make two buffers takes as long as to compare them.
const computed = Buffer.alloc(SIGNATURE_LENGTH)
const sent = Buffer.alloc(SIGNATURE_LENGTH)

/** The signature covers the string as it was sent, not what it decodes to. Both sides have the form of {@link SIGNATURE}. */
export function isSignature(signature: string, data: string, secret: KeyObject): boolean {
  if (signature.length !== SIGNATURE_LENGTH) return false
  // Callers accept nothing but ASCII, of which latin1 gives the same bytes as UTF-8, and faster.
  computed.write(createHmac('sha256', secret).update(data, 'latin1').digest('base64url'))
  sent.write(signature)
  return timingSafeEqual(computed, sent)
}

type OnePublicKey = string | Uint8Array | ArrayBuffer | KeyObject | CryptoKeyOfNode

/**
 * The app's public key: PEM with line endings of any kind, also written as `\n` or lost in an environment variable; the
 * PEM in base64; the bare base64 inside the PEM, or base64url; the bytes of any of these, or DER; a KeyObject or a CryptoKey. A list during
 * rotation: each key is tried.
 */
export type WixPublicKey = OnePublicKey | readonly OnePublicKey[]

const LINE_END = /\\+[nr]/g
const PEM = /^-----BEGIN (?:RSA )?PUBLIC KEY-----(.*)-----END (?:RSA )?PUBLIC KEY-----$/s
const PEM_WITHIN = /-----BEGIN (RSA )?PUBLIC KEY-----.*-----END (RSA )?PUBLIC KEY-----/s
const BASE64 = /^[\w+/]+=*$/

// Of files; also the addresses of files and of secrets.
const PATH = /^(\.{0,2}\/|\.{1,2}\\|~|[a-z]:[\\/]|\w+:\/\/)|\.(pem|pub|key|crt|cer|der|txt)$/i

const UNREADABLE = ', got a value that cannot be read as one'
const GOT_JWK = ', got JSON: of a JWK, createPublicKey({ key, format: "jwk" }) makes a KeyObject'

/** SPKI, or PKCS #1: the bytes themselves say which. */
function keyFromDer(der: Buffer): KeyObject | string {
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const key = createPublicKey({ key: der, format: 'der', type })
      // Of a private key in PKCS #1, Node takes the public half.
      if (type === 'spki' || key.export({ format: 'der', type }).equals(der)) return key
    } catch {
      // The next one may be it.
    }
  }
  // Each key in DER is a sequence.
  return der[0] === 0x30 ? ', got a key of another kind, or one that was cut or changed' : UNREADABLE
}

/** A key from any string form of {@link WixPublicKey}, or what the string is instead. */
function keyFromString(given: string): KeyObject | string {
  // Some loaders of environment files leave the quotes in.
  const value = given
    .trim()
    .replace(/^(["'`])(.*)\1$/s, '$2')
    .trim()
  if (value === '' || isUnset(value)) return got(value)
  if (isGuid(value)) return ', got a GUID, which is what an app secret or an app ID looks like'
  if (PATH.test(value)) return ', got the path of a file: read it, for example with readFileSync()'
  if (value.includes('\0-\0-')) return GOT_UTF16
  const decoded = value.includes('-----') ? value : Buffer.from(value, 'base64').toString('latin1')
  const pem = decoded.replaceAll(LINE_END, '').trim()
  if (pem.includes('PRIVATE KEY-----')) return ', got a private key'
  if (pem.includes('CERTIFICATE-----')) return ', got a certificate'
  if (value.startsWith('ssh-')) return ', got a key of SSH'
  if (value.startsWith('{')) return GOT_JWK
  const inside = PEM.exec(pem)?.[1]
  if (inside === undefined && pem.includes('-----')) {
    if (!pem.includes('PUBLIC KEY-----')) return ', got a PEM of something else'
    return PEM_WITHIN.test(pem)
      ? ', got a PEM with something before or after it: pass the PEM alone'
      : ', got a part of a PEM: has the environment file cut it at its first line? Put it in quotes, or write \\n for its line ends'
  }
  // Bare, it may also be base64url.
  const base64 = (inside ?? value.replaceAll(LINE_END, '').replaceAll('-', '+')).replaceAll(/\s/g, '')
  if (!BASE64.test(base64))
    return inside === undefined ? UNREADABLE : ', got a PEM that was changed, or several: an array takes each'
  return keyFromDer(Buffer.from(base64, 'base64'))
}

/** Bytes are DER, or one of the string forms. */
function keyFromBytes(given: Uint8Array): KeyObject | string {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
  const key = keyFromDer(bytes)
  return typeof key === 'string' ? keyFromString(bytes.toString()) : key
}

function keyFrom(value: unknown): unknown {
  if (typeof value === 'string') return keyFromString(value)
  if (value instanceof Uint8Array) return keyFromBytes(value)
  // As crypto.subtle.exportKey() returns it.
  if (types.isAnyArrayBuffer(value)) return keyFromBytes(new Uint8Array(value))
  return types.isCryptoKey(value) ? NodeKey.from(value) : value
}

/** The key, or what is wrong with it. */
function keyOf(value: unknown): KeyObject | string {
  const key = keyFrom(value)
  if (typeof key === 'string') return key
  if (!types.isKeyObject(key)) return own(key, 'kty') === undefined ? got(key) : GOT_JWK
  if (key.type !== 'public') return `, got a ${key.type} key`
  if (key.asymmetricKeyType !== 'rsa') return `, got a key of type ${key.asymmetricKeyType}`
  return rsaProblem(key) ?? key
}

/**
 * The keys to try.
 *
 * @throws {TypeError} Unless there is at least one and each is safe to use. Its message holds nothing of the value.
 */
export function wixPublicKeys(caller: string, value: unknown): readonly KeyObject[] {
  const fail = (problem: string): never => {
    throw new TypeError(
      `${caller}: option \`publicKey\` must be the public key of your app (RSA, ${MIN_RSA_LENGTH} bits or more)${problem}. ` +
        'Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys',
    )
  }
  const keys = (Array.isArray(value) ? value : [value]).map(keyOf)
  if (keys.length === 0) fail(', got an empty array')
  return keys.map((key) => (typeof key === 'string' ? fail(key) : key))
}
