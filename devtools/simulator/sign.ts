import { randomBytes, randomUUID } from 'node:crypto'
import { signDigest, signInstance, signServicePlugin, signWebhook, type WixSimulator } from '../testing/index.ts'
import type { AppKeys } from './keys.ts'
import type { Flaw, Selection } from './sites.ts'

/** The app in development, another app, and what issues access tokens. */
export interface Signers {
  own: AppKeys
  other: AppKeys
  wix: Pick<WixSimulator, 'accessToken'>
}

/** Seconds. */
const DAY = 86_400
const INSTANCE_LIFETIME = 4 * 3600
/** As Wix signs its JWTs. */
const JWT_LIFETIME = 3_600_000

/** Who signs, and for which app: a forged credential names the app in development, and is signed with another key. */
const signing = ({ own, other }: Signers, flaw: Flaw): { appId: string; keys: AppKeys } => ({
  appId: flaw === 'other-app' ? other.appId : own.appId,
  keys: flaw === 'other-app' || flaw === 'forged' ? other : own,
})

/** Who signed a credential, for the dashboard. */
export function signerOf(flaw: Flaw, key: 'app secret' | 'private key'): string {
  if (flaw === 'forged') return `${key === 'app secret' ? 'an' : 'a'} ${key} that is not of your app`
  return flaw === 'other-app' ? `the ${key} of another app` : `the ${key} of your app`
}

const identityOf = ({ site, person }: Selection): object => {
  const id = person.id(site)
  if (person.subjectType === 'USER') return { identityType: 'WIX_USER', wixUserId: id }
  if (person.subjectType === 'MEMBER') return { identityType: 'MEMBER', memberId: id }
  return { identityType: 'ANONYMOUS_VISITOR', anonymousVisitorId: id }
}

/** How far the signature is from now, in seconds. */
const shiftOf = (flaw: Flaw, expired: number): number => {
  if (flaw === 'expired') return -expired
  return flaw === 'wrong-clock' ? DAY : 0
}

export function instanceFor(signers: Signers, selection: Selection): string {
  const { site, person, plan, flaw } = selection
  const { appId, keys } = signing(signers, flaw)
  const signed = Date.now() + shiftOf(flaw, 2 * DAY) * 1000
  const id = person.id(site)
  const subjects = {
    USER: { uid: id, permissions: 'OWNER', loginAccountId: id },
    MEMBER: { uid: id, siteMemberId: id },
    VISITOR: { aid: id },
    APP: {},
    UNKNOWN: {},
  }
  return signInstance(
    {
      instanceId: site.instanceId,
      appDefId: appId,
      signDate: new Date(signed).toISOString(),
      ...subjects[person.subjectType],
      vendorProductId: plan,
      demoMode: false,
      siteOwnerId: site.ownerId,
      metaSiteId: site.siteId,
      ...(site.originInstanceId !== null && { originInstanceId: site.originInstanceId }),
      ...(person.subjectType !== 'VISITOR' && {
        expirationDate: new Date(signed + INSTANCE_LIFETIME * 1000).toISOString(),
      }),
    },
    keys.appSecret,
  )
}

/** What a page gets from `fetchWithAuth()`. Only Wix checks it, by its own clock: a wrong one changes nothing. */
export function accessTokenFor({ own, other, wix }: Signers, selection: Selection): string {
  const { site, person, plan, flaw } = selection
  const token = wix.accessToken({
    instanceId: site.instanceId,
    subjectType: person.subjectType,
    subjectId: person.id(site),
    siteId: site.siteId,
    accountId: site.accountId,
    vendorProductId: plan,
    clientId: flaw === 'other-app' ? other.appId : own.appId,
    ...(flaw === 'expired' && { expiresIn: -3600 }),
  })
  return flaw === 'forged' ? token.replace(/[^.]+$/, randomBytes(32).toString('base64url')) : token
}

function timesOf(flaw: Flaw): { iat: number; exp: number } {
  const iat = Math.floor(Date.now() / 1000) + shiftOf(flaw, JWT_LIFETIME + DAY)
  return { iat, exp: iat + JWT_LIFETIME }
}

/** An event before it is signed. */
export interface Event {
  eventType: string
  data: object
}

export function webhookFor(signers: Signers, selection: Selection, { eventType, data }: Event): string {
  const { site, flaw } = selection
  const event = {
    instanceId: site.instanceId,
    eventType,
    data,
    identity: identityOf(selection),
    accountInfo: { accountId: site.accountId, siteId: site.siteId },
    webhookId: randomUUID(),
  }
  return signWebhook(event, signing(signers, flaw).keys.privateKey, timesOf(flaw))
}

export function servicePluginFor(signers: Signers, selection: Selection, request: object): string {
  const { site, language, flaw } = selection
  const { appId, keys } = signing(signers, flaw)
  const metadata = {
    requestId: randomUUID(),
    instanceId: site.instanceId,
    currency: 'EUR',
    languages: [language],
    identity: identityOf(selection),
  }
  return signServicePlugin({ appId, request, metadata }, keys.privateKey, timesOf(flaw))
}

export const digestFor = (signers: Signers, { flaw }: Selection, body: string): string =>
  signDigest(body, signing(signers, flaw).keys.privateKey, timesOf(flaw))
