import { COMPARE_IDS, datedInFuture, markSigned, NOT_OF_WIX, refusal, type WixAuthError } from '../errors.ts'
import { isOwner, markAs, type SubjectType, type WixIdentity } from '../identity.ts'
import { ageHint, duration, encodingHint, idHint, tooLong } from '../internal/hints.ts'
import { isSignature, type KeyObject, SIGNATURE, SIGNATURE_LENGTH } from '../internal/keys.ts'
import { CLOCK_TOLERANCE, type Checked, type ClockOptions, isSameId } from '../internal/options.ts'
import { isNonEmptyString, objectOf, parseJson } from '../internal/values.ts'
import { timeOf } from './app-dates.ts'
import { expiryHint, instanceFormHint, signatureHint } from './app-hints.ts'

/**
 * What Wix signs. Only `instanceId` is always there, and Wix may add properties at any time.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/about-app-instances
 */
export interface WixInstancePayload {
  /** Your app's installation on one site. It stays the same when the app is removed and installed again. */
  instanceId: string
  /** The app id. */
  appDefId?: string | null
  /** When the instance was signed, as ISO 8601. */
  signDate?: string | null
  /** When the instance ends, as ISO 8601. */
  expirationDate?: string | null
  /** The Wix user or the site member who looks at the page. */
  uid?: string | null
  /** The anonymous visitor. If it is present, the visitor is not logged in. */
  aid?: string | null
  /** `OWNER` for the site's owner and for collaborators. */
  permissions?: string | null
  /** The Wix user who owns the site. */
  siteOwnerId?: string | null
  /** The site member who is logged in. */
  siteMemberId?: string | null
  /** The account of the Wix user who is logged in. */
  loginAccountId?: string | null
  /** The paid plan; absent or null on the free one. */
  vendorProductId?: string | null
  /** On a copied site: the installation on the site that it was copied from. */
  originInstanceId?: string | null
  /** The app is shown as a demo. */
  demoMode?: boolean | null
  /** The site is a template. */
  siteIsTemplate?: boolean | null
  /** The site. Not documented, seen since 2019. */
  metaSiteId?: string | null
  /** For Wix's own statistics. */
  biToken?: string | null
  /** Not sent since about 2020. */
  ipAndPort?: string | null
}

/** A verified instance: what Wix signed, and what this package computed from it. */
export interface WixInstance extends WixInstancePayload, WixIdentity {
  uid: string | null
  aid: string | null
  permissions: string | null
  siteOwnerId?: string | null
  vendorProductId?: string | null
  /** Read from `ipAndPort` and `signDate`, as in 1.x; null where the instance does not say. */
  ext: { ip: string | null; port: number | null; signDate: Date | null }
}

/** How old an instance may be. All times are seconds. */
export interface InstanceRules extends ClockOptions {
  /** Seconds from `signDate` for which an instance is good. Default: 86400, Wix's own rule. `false`: no limit. */
  maxAge?: number | false
}

// Without `appDefId`, `aid` and `expirationDate`: to read a wrong type of those as null would lift a restriction.
const DOCUMENTED: {
  [Name in Exclude<keyof WixInstancePayload, 'instanceId' | 'appDefId' | 'aid' | 'expirationDate'>]:
    | 'string'
    | 'boolean'
} = {
  signDate: 'string',
  uid: 'string',
  permissions: 'string',
  siteOwnerId: 'string',
  siteMemberId: 'string',
  loginAccountId: 'string',
  vendorProductId: 'string',
  originInstanceId: 'string',
  demoMode: 'boolean',
  siteIsTemplate: 'boolean',
  metaSiteId: 'string',
  biToken: 'string',
  ipAndPort: 'string',
}
const TYPES: ReadonlyMap<string, string> = new Map(Object.entries(DOCUMENTED))

/**
 * Brings a payload into the form of its type: an object with an `instanceId`, in which a documented property of the wrong type is null,
 * and no property could change an object it is copied to.
 */
function normalizePayload(value: unknown): asserts value is WixInstancePayload {
  const payload = objectOf(value)
  if (payload === undefined) throw refusal('token_malformed', 'the payload is not a JSON object', NOT_OF_WIX)
  if (!Object.hasOwn(payload, 'instanceId') || !isNonEmptyString(payload['instanceId']))
    throw refusal('claim_invalid', 'the payload has no `instanceId`')
  for (const name in payload) {
    const type = TYPES.get(name)
    if (type !== undefined && (typeof payload[name] !== type || payload[name] === '')) payload[name] = null
  }
}

/**
 * The payload of an instance. Strict in each step: canonical base64url, UTF-8, JSON.
 *
 * @throws {WixAuthError} `token_malformed`, or `claim_invalid` without an `instanceId`.
 */
function parsePayload(data: string): WixInstancePayload {
  const bytes = Buffer.from(data, 'base64url')
  if (bytes.toString('base64url') !== data)
    throw refusal('token_malformed', () => `the payload is not canonical base64url: ${encodingHint(data)}`)
  const payload = parseJson(bytes, 'the payload')
  normalizePayload(payload)
  return payload
}

/** A refusal of a payload that names nobody, though it is signed. */
function afterSignature<T>(parse: () => T): T {
  try {
    return parse()
  } catch (reason) {
    throw markSigned(reason, {})
  }
}

/** Only an own property was signed: Object.prototype may be polluted. */
const claim = <Name extends keyof WixInstancePayload>(
  payload: WixInstancePayload,
  name: Name,
): NonNullable<WixInstancePayload[Name]> | null => (Object.hasOwn(payload, name) ? (payload[name] ?? null) : null)

const secondsOf = (time: number): number | null => (Number.isNaN(time) ? null : Math.floor(time / 1000))

/** @param ipAndPort `1.2.3.4/5678`; either part may be the string `null`. */
function extOf(ipAndPort: string | null, signedAt: number): WixInstance['ext'] {
  const signDate = Number.isNaN(signedAt) ? null : new Date(signedAt)
  if (!ipAndPort?.includes('/')) return { ip: null, port: null, signDate }
  const slash = ipAndPort.lastIndexOf('/')
  const ip = ipAndPort.slice(0, slash)
  const port = Number.parseInt(ipAndPort.slice(slash + 1), 10)
  return { ip: ip === 'null' ? null : ip, port: Number.isNaN(port) ? null : port, signDate }
}

/**
 * Adds the identity to a verified payload.
 *
 * @param signedAt `signDate`, and `expiresAt` its `expirationDate`: milliseconds since 1970, or NaN.
 */
function toInstance(
  payload: WixInstancePayload,
  clientId: string | null,
  signedAt: number,
  expiresAt: number,
): WixInstance {
  const uid = claim(payload, 'uid')
  const aid: unknown = claim(payload, 'aid') ?? ''
  const visitor = typeof aid === 'string' ? aid || null : null
  const permissions = claim(payload, 'permissions')
  const siteMemberId = claim(payload, 'siteMemberId')
  let subjectType: SubjectType = 'UNKNOWN'
  let subjectId = uid
  if (aid !== '') {
    subjectType = 'VISITOR'
    subjectId = visitor
  } else if (isOwner(permissions)) {
    subjectType = 'USER'
  } else if (siteMemberId !== null) {
    subjectType = 'MEMBER'
    subjectId = siteMemberId
  }

  // Into the payload itself: a copy would cost as much as the signature.
  const result: WixInstancePayload & Partial<WixInstance> = payload
  result.subjectType = subjectType
  result.subjectId = subjectId
  result.clientId = clientId
  result.siteId = claim(payload, 'metaSiteId')
  result.iat = secondsOf(signedAt)
  result.exp = secondsOf(expiresAt)
  if (clientId === null && Object.hasOwn(payload, 'appDefId')) result.appDefId = null
  result.uid = uid
  result.aid = visitor
  result.permissions = permissions
  result.ext = extOf(claim(payload, 'ipAndPort'), signedAt)
  return result as WixInstance
}

// Real instances have fewer than 1,000 characters.
const MAX_INSTANCE_LENGTH = 8192

const COMPARE_SECRETS =
  'Compare the secret with that of the app in its dashboard: More Actions > View ID & keys. Was the whole instance copied?'

const START = new RegExp(`^${SIGNATURE}\\.[\\w-]`)

/**
 * Whether it can be an instance; to be asked before a secret is looked for.
 *
 * @throws {WixAuthError} `token_malformed`.
 */
export function checkInstanceForm(instance: string): void {
  if (instance.length > MAX_INSTANCE_LENGTH) throw refusal('token_malformed', tooLong(instance, MAX_INSTANCE_LENGTH))
  if (!START.test(instance) || instance.includes('.', SIGNATURE_LENGTH + 1))
    throw refusal('token_malformed', () => instanceFormHint(instance))
}

/**
 * Verifies an instance: its signature first, and then which app it is for, and its dates.
 *
 * @param instance Of the form that {@link checkInstanceForm} demands.
 * @param secrets Each is tried.
 * @param appId Undefined: not compared.
 */
export function verifySignedInstance(
  instance: string,
  secrets: readonly KeyObject[],
  appId: string | undefined,
  { maxAge = 86_400, clockTolerance = CLOCK_TOLERANCE, now = Date.now }: Checked<InstanceRules>,
): WixInstance {
  const signature = instance.slice(0, SIGNATURE_LENGTH)
  const data = instance.slice(SIGNATURE_LENGTH + 1)
  if (!secrets.some((secret) => isSignature(signature, data, secret)))
    throw refusal('signature_invalid', signatureHint(data, secrets, appId), COMPARE_SECRETS)

  const payload = afterSignature(() => parsePayload(data))
  const appDefId: unknown = claim(payload, 'appDefId') ?? ''
  const signedAt = timeOf(claim(payload, 'signDate'))
  const expirationDate = claim(payload, 'expirationDate')
  const expiresAt = timeOf(expirationDate)
  const identity = toInstance(payload, isNonEmptyString(appDefId) ? appDefId : null, signedAt, expiresAt)
  const refuse = (error: WixAuthError): never => {
    throw markSigned(error, identity)
  }
  if (appId !== undefined && appDefId !== '' && !isSameId(appDefId, appId))
    refuse(refusal('claim_invalid', `\`appDefId\` is another app's${idHint(appDefId)}`, COMPARE_IDS))

  // Each condition is put so that NaN, for a date that is missing or malformed, refuses.
  const time = now()
  const tolerance = clockTolerance * 1000
  if (maxAge !== false && !(time - signedAt <= maxAge * 1000 + tolerance))
    refuse(refusal('token_expired', () => ageHint((time - signedAt) / 1000, maxAge, 'no valid `signDate`')))
  if (maxAge !== false && !(signedAt - time <= tolerance))
    refuse(datedInFuture(`signed ${duration((signedAt - time) / 1000)}`))
  if (expirationDate !== null && expirationDate !== '' && !(time - expiresAt < tolerance))
    refuse(refusal('token_expired', () => expiryHint((time - expiresAt) / 1000)))
  return markAs(identity, 'instance')
}
