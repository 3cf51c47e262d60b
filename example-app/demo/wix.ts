import { randomUUID } from 'node:crypto'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  WixSimulator,
  type WixSimulatorSubject,
} from 'passport-wix-app/testing'
import type { Environment } from '../server.ts'

/** A link that signs in a demo user, as Wix would create it. */
export interface DemoLink {
  who: string
  about: string
  path: string
}

/** A request as Wix, or a page in Wix, would send it. */
export interface DemoRequest {
  what: string
  about: string
  path: string
  headers: Record<string, string>
  /** A request with a body is a POST, and else a GET. */
  body?: string
}

/** A request as a terminal sends it. */
export interface DemoCommand {
  what: string
  about: string
  curl: string
}

/** What stands in for Wix in the demonstration. */
export interface DemoWix {
  /** What the app has to know of it. */
  environment: Environment
  links: () => DemoLink[]
  /** What a terminal sends. */
  commands: () => DemoCommand[]
  close: () => Promise<void>
}

/**
 * The one place where the demonstration starts what stands in for Wix, with a random secret and keys.
 *
 * @param origin Of the app, which starts afterwards.
 */
export async function startWix(origin: string): Promise<DemoWix> {
  const secret = randomUUID()
  const { publicKey, privateKey } = generateAppKeys()
  const wix = await WixSimulator.start({ appId: DEMO_APP_ID, appSecret: secret })
  return {
    environment: {
      WIX_APP_ID: DEMO_APP_ID,
      WIX_APP_SECRET: secret,
      WIX_PUBLIC_KEY: publicKey,
      WIX_API_URL: wix.url,
    },
    links: () => demoLinks(secret),
    commands: () => demoRequests(privateKey, wix).map((request) => commandOf(request, origin)),
    close: () => wix.close(),
  }
}

/** Issues access tokens in place of Wix. */
export type Issuer = Pick<WixSimulator, 'accessToken'>

/** The ID of an app that does not exist. */
export const DEMO_APP_ID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'

const OWNER = '3f0c1f6e-52a4-4d0b-9c55-7e2f4be1a8d1'
const COLLABORATOR = '9b7d8c12-0e4f-4b6a-8f3d-5a1c6e9d2b70'

const MEMBER = 'b1e5d7a3-94c2-4f06-8a7b-2d3c4e5f6071'
const COPY = 'd8f3b6a1-2c4e-4d97-9b05-7a6c8e1f3b42'

const SITE = {
  instanceId: 'c4a1f2b8-6d3e-4f59-a7c0-1e8b5d92f364',
  appDefId: DEMO_APP_ID,
  metaSiteId: '71b8e0d3-2f6a-4c95-8e14-b9d5a07c3f28',
  siteOwnerId: OWNER,
  vendorProductId: 'Premium',
}

const OWNER_SUBJECT: WixSimulatorSubject = {
  instanceId: SITE.instanceId,
  siteId: SITE.metaSiteId,
  vendorProductId: SITE.vendorProductId,
  subjectType: 'USER',
  subjectId: OWNER,
}

/** Signs links for sites that do not exist. Each is valid for four hours, as those of Wix are. */
export function demoLinks(secret: string): DemoLink[] {
  const expirationDate = new Date(Date.now() + 4 * 3600_000).toISOString()
  const link = (page: string, payload: Parameters<typeof signInstance>[0]): string =>
    `/${page}?instance=${signInstance({ ...SITE, expirationDate, ...payload }, secret)}`
  const visitor = { aid: 'e60a7d95-4b21-4c8f-93de-2f5b08c71a46', expirationDate: undefined }

  return [
    {
      who: 'Owner',
      about: 'Owns the site, which is on a paid plan.',
      path: link('dashboard', { uid: OWNER, permissions: 'OWNER' }),
    },
    {
      who: 'Collaborator',
      about: 'Was invited by the owner, and may not do all that the owner may.',
      path: link('dashboard', { uid: COLLABORATOR, permissions: 'OWNER' }),
    },
    {
      who: 'Owner of a copy',
      about: 'Copied the site, and is on the free plan there.',
      path: link('dashboard', {
        instanceId: COPY,
        originInstanceId: SITE.instanceId,
        metaSiteId: '0b9f6c5e-7d12-4a88-b3c4-e5f160728394',
        vendorProductId: null,
        uid: OWNER,
        permissions: 'OWNER',
      }),
    },
    {
      who: 'Member',
      about: 'Is logged in to the live site, and sees the widget there.',
      path: link('widget', { uid: MEMBER, siteMemberId: MEMBER }),
    },
    {
      who: 'Visitor',
      about: 'Browses the live site, and sees the same widget.',
      path: link('widget', visitor),
    },
    {
      who: 'Visitor at the dashboard',
      about: 'Is refused, and learns why.',
      path: link('dashboard', visitor),
    },
  ]
}

const TEXT = { 'Content-Type': 'text/plain' }

/** Signs requests about the same site. */
export function demoRequests(privateKey: string, wix: Issuer): DemoRequest[] {
  const { instanceId } = SITE
  const lifeCycle = (eventType: string): string =>
    signWebhook(
      {
        instanceId,
        eventType,
        data: { appId: DEMO_APP_ID, originInstanceId: '' },
        identity: { identityType: 'WIX_USER', wixUserId: OWNER },
        webhookId: randomUUID(),
      },
      privateKey,
    )
  const erasure = signWebhook(
    {
      instanceId,
      eventType: 'wix.members.v1.member_deleted',
      data: {
        id: randomUUID(),
        entityFqdn: 'wix.members.v1.member',
        slug: 'deleted',
        entityId: MEMBER,
        eventTime: new Date().toISOString(),
        triggeredByAnonymizeRequest: true,
        deletedEvent: {},
      },
    },
    privateKey,
  )
  const payment = JSON.stringify({ instanceId, type: 'payment captured', id: randomUUID() })

  return [
    {
      what: 'AppRemoved',
      about: 'A webhook: the owner removed the app. From now on, no user of the site can sign in.',
      path: '/webhooks',
      headers: TEXT,
      body: lifeCycle('AppRemoved'),
    },
    {
      what: 'AppInstalled',
      about: 'A webhook: the owner installed the app again. The dashboard opens as before.',
      path: '/webhooks',
      headers: TEXT,
      body: lifeCycle('AppInstalled'),
    },
    {
      what: 'Erase a member',
      about: 'A webhook: somebody asked to be forgotten (GDPR). The app erases what it knows about the member.',
      path: '/webhooks',
      headers: TEXT,
      body: erasure,
    },
    {
      what: 'Calculate additional fees',
      about: 'A call to a service plugin: which fees apply to a cart of two bowls?',
      path: '/plugins/fees/v1/calculate-additional-fees',
      headers: TEXT,
      body: signServicePlugin(
        {
          appId: DEMO_APP_ID,
          request: {
            lineItems: [
              {
                productName: 'Bowl',
                quantity: 2,
                price: '16.00',
                physicalProperties: { sku: '0043', shippable: true },
              },
            ],
          },
          metadata: { instanceId, requestId: randomUUID(), currency: 'EUR', languages: ['en'] },
        },
        privateKey,
      ),
    },
    {
      what: 'Payment',
      about: 'Ordinary JSON, signed in the Digest header.',
      path: '/payments/events',
      headers: { 'Content-Type': 'application/json', Digest: signDigest(payment, privateKey) },
      body: payment,
    },
    {
      what: 'Call the API',
      about: 'What fetchWithAuth() sends in a page: an access token. The response shows its identity.',
      path: '/api/me',
      headers: { Authorization: wix.accessToken(OWNER_SUBJECT) },
    },
    {
      what: 'Sign in',
      about: 'The first request of a page: it exchanges its credential, here an access token, for a session token.',
      path: '/session',
      headers: { Authorization: wix.accessToken(OWNER_SUBJECT) },
      body: '',
    },
    {
      what: 'Read the published keys',
      about: 'Any other service can verify the session tokens with these keys.',
      path: '/.well-known/jwks.json',
      headers: {},
    },
  ]
}

/** No signed string contains a quotation mark. */
const commandOf = ({ what, about, path, headers, body }: DemoRequest, origin: string): DemoCommand => ({
  what,
  about,
  curl: [
    'curl -i',
    ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`),
    ...(body === undefined ? [] : [`--data-raw '${body}'`]),
    `${origin}${path}`,
  ].join(' '),
})
