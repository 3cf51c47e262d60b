import { randomUUID } from 'node:crypto'
import {
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  type WixSimulator,
  type WixSimulatorSubject,
} from 'passport-wix-app/testing'

/** A link that signs somebody in, as Wix would make it. */
export interface DemoLink {
  who: string
  about: string
  path: string
}

/** A request that Wix would send, or a page in Wix. */
export interface DemoRequest {
  what: string
  about: string
  path: string
  headers: Record<string, string>
  /** With one it is a POST, else a GET. */
  body?: string
}

/** Stands in for the Wix that issues access tokens. */
export type Issuer = Pick<WixSimulator, 'accessToken'>

/** The id of an app that does not exist. */
export const DEMO_APP_ID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'

const OWNER = '3f0c1f6e-52a4-4d0b-9c55-7e2f4be1a8d1'
const COLLABORATOR = '9b7d8c12-0e4f-4b6a-8f3d-5a1c6e9d2b70'

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

/** Signs links for a site that does not exist. Each is good for four hours, as long as Wix's own. */
export function demoLinks(secret: string): DemoLink[] {
  const link = (payload: Parameters<typeof signInstance>[0]): string =>
    `/dashboard?instance=${signInstance({ ...SITE, ...payload }, secret)}`
  const expirationDate = new Date(Date.now() + 4 * 3600_000).toISOString()

  return [
    {
      who: 'Owner',
      about: 'The person whose site it is. Sees the dashboard.',
      path: link({ uid: OWNER, permissions: 'OWNER', expirationDate }),
    },
    {
      who: 'Collaborator',
      about: 'Invited by the owner to help with the site. Sees the dashboard, too.',
      path: link({ uid: COLLABORATOR, permissions: 'OWNER', expirationDate }),
    },
    {
      who: 'Visitor',
      about: 'Anybody who browses the site. Is kept out of the dashboard, and told why.',
      path: link({ aid: 'e60a7d95-4b21-4c8f-93de-2f5b08c71a46' }),
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
  const payment = JSON.stringify({ instanceId, type: 'payment captured', id: randomUUID() })

  return [
    {
      what: 'AppRemoved',
      about: 'A webhook: the owner removed the app. From now on, nobody on the site can sign in.',
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
      what: 'Calculate additional fees',
      about: 'A call to a service plugin: what does a cart of two bowls cost beside the bowls?',
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
      what: 'Ask the API',
      about: 'What fetchWithAuth() in a page sends: an access token. Who does the app take it for?',
      path: '/api/me',
      headers: { Authorization: wix.accessToken(OWNER_SUBJECT) },
    },
    {
      what: 'Sign in',
      about: 'What a page does first: it trades its proof, here an access token, for a session token.',
      path: '/session',
      headers: { Authorization: wix.accessToken(OWNER_SUBJECT) },
      body: '',
    },
    {
      what: 'Read the published keys',
      about: 'With them, any other service can check those session tokens by itself.',
      path: '/.well-known/jwks.json',
      headers: {},
    },
  ]
}

/** The command that sends it. None of the signed texts holds a quote. */
export const curl = ({ path, headers, body }: DemoRequest, origin: string): string =>
  [
    'curl -i',
    ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`),
    ...(body === undefined ? [] : [`--data-raw '${body}'`]),
    `${origin}${path}`,
  ].join(' ')
