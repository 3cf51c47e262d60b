import { createHash, createPrivateKey, createPublicKey, type KeyLike, type KeyObject, sign } from 'node:crypto'
import { generateAppKeys, signDigest, signServicePlugin, signWebhook } from '../../devtools/testing/index.ts'
import { NOW } from './build.ts'

export const KEYS: { publicKey: string; privateKey: string } = generateAppKeys()
export const OTHER_KEYS: { publicKey: string; privateKey: string } = generateAppKeys()
/** Of the same pair as {@link KEYS}: to parse a PEM takes longer than to sign or verify. */
export const PUBLIC_KEY: KeyObject = createPublicKey(KEYS.publicKey)
export const PRIVATE_KEY: KeyObject = createPrivateKey(KEYS.privateKey)
export const APP_ID = 'app-1'

/** The moment at which the tests happen, in seconds. */
export const SECONDS: number = Math.floor(NOW / 1000)

/** When a genuine token was signed, and expires. */
export const TIMES: { iat: number; exp: number } = { iat: SECONDS - 60, exp: SECONDS - 60 + 3_600_000 }

type Overrides = Readonly<Record<string, unknown>>

/** What Wix says when an order was made; overrides replace, `undefined` leaves out. */
export const event = (overrides: Overrides = {}): Parameters<typeof signWebhook>[0] => ({
  instanceId: 'instance-1',
  eventType: 'wix.ecom.v1.order_created',
  data: {
    id: 'event-1',
    entityFqdn: 'wix.ecom.v1.order',
    slug: 'created',
    entityId: 'order-1',
    eventTime: '2026-03-04T05:05:07.000Z',
    triggeredByAnonymizeRequest: false,
    originatedFrom: '',
    entityEventSequence: '1',
    createdEvent: { entity: { id: 'order-1', note: 'für dich' } },
  },
  identity: { identityType: 'ANONYMOUS_VISITOR', anonymousVisitorId: 'visitor-1' },
  accountInfo: { accountId: 'account-1', siteId: 'site-1' },
  ...overrides,
})

/** A genuine webhook. */
export const webhook = (
  overrides: Overrides = {},
  claims: Overrides = {},
  key: string | KeyObject = PRIVATE_KEY,
): string => signWebhook(event(overrides), key, { ...TIMES, ...claims })

/** A genuine call to a service plugin; overrides are for its metadata. */
export const servicePlugin = (
  overrides: Overrides = {},
  claims: Overrides = {},
  key: string | KeyObject = PRIVATE_KEY,
): string =>
  signServicePlugin(
    {
      appId: APP_ID,
      request: { lineItems: [{ name: 'Tea', quantity: 2 }] },
      metadata: {
        instanceId: 'instance-1',
        requestId: 'request-1',
        currency: 'EUR',
        languages: ['en', 'de'],
        identity: { identityType: 'MEMBER', memberId: 'member-1' },
        appExtensionType: 'ecom-additional-fees',
        ...overrides,
      },
    },
    key,
    { ...TIMES, ...claims },
  )

export const BODY: Buffer = Buffer.from('{"amount":100,"note":"café"}')

/** A genuine Digest header. */
export const digest = (
  body: string | Uint8Array = BODY,
  claims: Overrides = {},
  key: string | KeyObject = PRIVATE_KEY,
): string => signDigest(body, key, { ...TIMES, ...claims })

const part = (content: unknown): string =>
  (Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))).toString('base64url')

/** Signs any header and any payload, well-formed or not, by any algorithm. Only the signature is right. */
export function rawJwt(
  header: unknown,
  payload: unknown,
  signer: (data: Buffer) => Buffer = (data) => sign('RSA-SHA256', data, PRIVATE_KEY),
): string {
  const signed = `${part(header)}.${part(payload)}`
  return `${signed}.${signer(Buffer.from(signed)).toString('base64url')}`
}
export const signedBy =
  (hash: string, key: KeyLike, options: object = {}) =>
  (data: Buffer): Buffer =>
    sign(hash, data, { key: key as string, ...options })

/** The claims of a genuine webhook, for {@link rawJwt}. */
export const claims = (overrides: Overrides = {}): Record<string, unknown> => {
  const [, payload = ''] = webhook().split('.')
  return { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), ...overrides }
}
export const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

/** The code of the refusal that a promise is rejected with. Anything else fails the test. */
export async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    if (error instanceof Error && error.name === 'WixAuthError') return (error as Error & { code: unknown }).code
    throw error
  }
  throw new Error('accepted', { cause: value })
}
