import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { types } from 'node:util'
import { type KeyObject, MIN_RSA_LENGTH } from '../../lib/internal/keys.ts'
import { got } from '../../lib/internal/options.ts'

/** Claims that replace the usual ones; those named as `undefined` are left out. */
type Claims = Readonly<Record<string, unknown>>

/**
 * A key pair as Wix makes one for each app, for tests and for development without a Wix account.
 *
 * @returns Both keys in PEM. The public one is for your strategies, the private one for the functions here.
 * @example
 * const { publicKey, privateKey } = generateAppKeys()
 * passport.use(new WixWebhookStrategy({ publicKey }))
 */
export function generateAppKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: MIN_RSA_LENGTH,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

const encode = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url')

const isPrivate = (key: unknown): boolean =>
  typeof key === 'string' ? key.includes('PRIVATE KEY-----') : types.isKeyObject(key) && key.type === 'private'

/** Wix's own lifetimes: 3,600,000 seconds, which is 41 days. */
function signJwt(claims: Claims, overrides: Claims, privateKey: string | KeyObject): string {
  if (!isPrivate(privateKey))
    throw new TypeError(
      `To sign as Wix, pass the privateKey of generateAppKeys() as the second argument${got(privateKey)}`,
    )
  const iat = Math.floor(Date.now() / 1000)
  const signed = `${encode({ kid: 'TestKey1', alg: 'RS256' })}.${encode({ ...claims, iat, exp: iat + 3_600_000, ...overrides })}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
}

/** Wix sends JSON as a string within JSON. */
const asString = (content: unknown): unknown => (content === undefined ? undefined : JSON.stringify(content))

/**
 * Signs a webhook as Wix does.
 *
 * @param event With objects for `data` and `identity` (for example `{ identityType: 'WIX_USER', wixUserId: '...' }`).
 * @param privateKey From {@link generateAppKeys}; as a `KeyObject`, it is parsed once, not at each call.
 * @param claims Replace claims of the JWT, for example `{ iat: 0 }`; `undefined` leaves one out.
 * @returns The body of the request.
 * @example
 * const body = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled' }, privateKey)
 * await fetch('http://localhost:3000/webhooks', { method: 'POST', body })
 */
export function signWebhook(
  event: Readonly<{
    instanceId: string
    eventType: string
    data?: object
    identity?: object
    accountInfo?: object
    [property: string]: unknown
  }>,
  privateKey: string | KeyObject,
  claims: Claims = {},
): string {
  const { data = {}, identity, ...rest } = event
  return signJwt(
    { data: JSON.stringify({ data: asString(data), ...rest, identity: asString(identity) }) },
    claims,
    privateKey,
  )
}

/**
 * Signs a call to a service plugin as Wix does.
 *
 * @param call The app id, the argument of the method, and the metadata, which name at least the `instanceId`.
 * @param privateKey From {@link generateAppKeys}; as a `KeyObject`, it is parsed once, not at each call.
 * @param claims Replace claims of the JWT, for example `{ iat: 0 }`; `undefined` leaves one out.
 * @returns The body of the request.
 * @example
 * const body = signServicePlugin({ appId: 'my-app', metadata: { instanceId: 'site-1' } }, privateKey)
 * await fetch('http://localhost:3000/v1/calculate-additional-fees', { method: 'POST', body })
 */
export function signServicePlugin(
  call: Readonly<{
    appId: string
    request?: object
    metadata: Readonly<{ instanceId: string; identity?: object; [property: string]: unknown }>
  }>,
  privateKey: string | KeyObject,
  claims: Claims = {},
): string {
  const { appId, request = {}, metadata } = call
  return signJwt({ data: { request, metadata }, iss: 'wix.com', aud: appId }, claims, privateKey)
}

/**
 * Signs a body in a `Digest` header as Wix does.
 *
 * @param body The body, exactly as it will be sent.
 * @param privateKey From {@link generateAppKeys}; as a `KeyObject`, it is parsed once, not at each call.
 * @param claims Replace claims of the JWT, for example `{ iat: 0 }`; `undefined` leaves one out.
 * @returns The value of the header.
 * @example
 * const body = JSON.stringify({ amount: '12.00' })
 * const headers = { 'Content-Type': 'application/json', Digest: signDigest(body, privateKey) }
 * await fetch('http://localhost:3000/payments', { method: 'POST', headers, body })
 */
export function signDigest(body: string | Uint8Array, privateKey: string | KeyObject, claims: Claims = {}): string {
  const SHA256 = createHash('sha256').update(body).digest('hex')
  return `JWT=${signJwt({ data: { SHA256 } }, claims, privateKey)}`
}
