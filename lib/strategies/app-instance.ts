import { createHmac, timingSafeEqual } from 'node:crypto'
import { WixAuthError } from '../errors.ts'
import { isOwner, type SubjectType, type WixIdentity } from '../identity.ts'
import { objectOf, parseJson } from '../internal/json.ts'
import {
  callback,
  type Check,
  checkOptions,
  clockTolerance,
  isText,
  secondsOrFalse,
  text,
} from '../internal/options.ts'
import { exactlyOne } from '../read.ts'
import { secretKeys, type WixSecret } from '../internal/app-secret.ts'

/**
 * What Wix signs. Only `instanceId` is always there, and Wix may add properties at any time.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/about-app-instances
 */
export interface WixInstancePayload {
  /** The installation of the app on one site. It stays the same when the app is removed and installed again. */
  instanceId: string
  /** The app id. */
  appDefId?: string | null
  /** When the instance was signed, as ISO 8601. */
  signDate?: string | null
  /** When the instance ends, as ISO 8601. */
  expirationDate?: string | null
  /** The Wix user or the site member who looks at the page. */
  uid?: string | null
  /** The anonymous visitor. When it is there, nobody is logged in. */
  aid?: string | null
  /** `OWNER` for the owner of the site and for collaborators. */
  permissions?: string | null
  /** The Wix user who owns the site. */
  siteOwnerId?: string | null
  /** The site member who is logged in. */
  siteMemberId?: string | null
  /** The account of the Wix user who is logged in. */
  loginAccountId?: string | null
  /** The paid plan; nothing on the free one. */
  vendorProductId?: string | null
  /** The site was copied: the installation on the site that it was copied from. */
  originInstanceId?: string | null
  /** The app is shown as a demo. */
  demoMode?: boolean | null
  /** The site is a template. */
  siteIsTemplate?: boolean | null
  /** The site. Not documented, seen since 2019. */
  metaSiteId?: string | null
  /** Of use to Wix only. */
  biToken?: string | null
  /** Not sent any more since about 2020. */
  ipAndPort?: string | null
}

/** A verified instance: what Wix signed, and what follows from it. */
export interface WixInstance extends WixInstancePayload, WixIdentity {
  uid: string | null
  aid: string | null
  permissions: string | null
  siteOwnerId?: string | null
  vendorProductId?: string | null
  /** Read from `ipAndPort` and `signDate`, as in 1.x; null where the instance does not tell. */
  ext: { ip: string | null; port: number | null; signDate: Date | null }
}

/** How old an instance may be, and whose. All times are seconds. */
export interface InstanceRules {
  /** Seconds from `signDate` for which an instance is good. Default: 86400, Wix's own rule. `false`: no limit. */
  maxAge?: number | false
  /** Seconds by which the clocks may differ, 0 to 300. Default: 30. */
  clockTolerance?: number
  /** Your app id: an instance that names another one in `appDefId` is refused. Default: not compared. */
  appId?: string
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

/** The options of {@link verifyInstance}. */
export interface VerifyInstanceOptions extends InstanceRules {
  secret: WixSecret
}

export const ruleChecks: { [Name in keyof InstanceRules]-?: Check } = {
  maxAge: secondsOrFalse,
  clockTolerance,
  appId: text,
  now: callback,
}

// Real instances have fewer than 1,000 characters.
const MAX_LENGTH = 8192

// The signature and the dot. 256 bits fill 42 characters of base64url and four bits of one more, whose others are zero.
const SIGNATURE = /^[\w-]{42}[AEIMQUYcgkosw048]\.[\w-]/

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

// Not `aid` and `expirationDate`: to read a wrong type as null would lift a restriction, so `checkInstance` looks at them.
const DOCUMENTED: ReadonlyMap<string, 'string' | 'boolean'> = new Map([
  ['appDefId', 'string'],
  ['signDate', 'string'],
  ['uid', 'string'],
  ['permissions', 'string'],
  ['siteOwnerId', 'string'],
  ['siteMemberId', 'string'],
  ['loginAccountId', 'string'],
  ['vendorProductId', 'string'],
  ['originInstanceId', 'string'],
  ['demoMode', 'boolean'],
  ['siteIsTemplate', 'boolean'],
  ['metaSiteId', 'string'],
  ['biToken', 'string'],
  ['ipAndPort', 'string'],
])

/**
 * Makes the type true: an object with an `instanceId`, whose documented properties are null unless they have a value of
 * the documented type, and which brings no property that could change an object it is copied to.
 */
function assertPayload(value: unknown): asserts value is WixInstancePayload {
  const payload = objectOf(value)
  if (payload === undefined) throw new WixAuthError('token_malformed')
  if (!Object.hasOwn(payload, 'instanceId') || !isText(payload['instanceId'])) throw new WixAuthError('claim_invalid')
  for (const name in payload) {
    const type = DOCUMENTED.get(name)
    if (type !== undefined && (typeof payload[name] !== type || payload[name] === '')) payload[name] = null
  }
}

/** The payload's own value: what somebody put on Object.prototype was not signed. */
const claim = <Name extends keyof WixInstancePayload>(
  payload: WixInstancePayload,
  name: Name,
): NonNullable<WixInstancePayload[Name]> | null => (Object.hasOwn(payload, name) ? (payload[name] ?? null) : null)

/** Milliseconds since 1970; NaN for what is no date. */
const timeOf = (date: unknown): number => (typeof date === 'string' && ISO_DATE.test(date) ? Date.parse(date) : NaN)

const secondsOf = (time: number): number | null => (Number.isNaN(time) ? null : Math.floor(time / 1000))

/** @param ipAndPort `1.2.3.4/5678`; either part may be the text `null`. */
function extOf(ipAndPort: string | null, signed: number): WixInstance['ext'] {
  const signDate = Number.isNaN(signed) ? null : new Date(signed)
  const slash = ipAndPort?.lastIndexOf('/') ?? -1
  if (ipAndPort === null || slash === -1) return { ip: null, port: null, signDate }
  const ip = ipAndPort.slice(0, slash)
  const port = Number.parseInt(ipAndPort.slice(slash + 1), 10)
  return { ip: ip === 'null' ? null : ip, port: Number.isNaN(port) ? null : port, signDate }
}

/** Strict in each step: base64url with nothing unused, UTF-8, JSON. */
function parse(data: string): unknown {
  const bytes = Buffer.from(data, 'base64url')
  if (bytes.toString('base64url') !== data) throw new WixAuthError('token_malformed')
  return parseJson(bytes)
}

/** The signature covers the text as it was sent, not what it decodes to. */
export const isSignature = (signature: Uint8Array, data: string, secret: Uint8Array): boolean =>
  // What is accepted is ASCII in the end (`parse`), so latin1 is the same bytes as UTF-8, and faster.
  signature.length === 32 && timingSafeEqual(createHmac('sha256', secret).update(data, 'latin1').digest(), signature)

/** Rules with their defaults. */
interface Rules {
  maxAge: number | false
  clockTolerance: number
  appId: string | undefined
  now: () => number
}

/** @param options Checked before. */
export const rulesOf = ({ maxAge = 86_400, clockTolerance = 30, appId, now = Date.now }: InstanceRules): Rules => ({
  maxAge,
  clockTolerance,
  appId,
  now,
})

/** {@link verifyInstance} with everything prepared. */
export function checkInstance(instance: string, secrets: readonly Uint8Array[], rules: Rules): WixInstance {
  const { maxAge, appId } = rules

  if (instance.length > MAX_LENGTH || !SIGNATURE.test(instance) || instance.includes('.', 44)) {
    throw new WixAuthError('token_malformed')
  }
  const data = instance.slice(44)
  const signature = Buffer.from(instance.slice(0, 43), 'base64url')
  if (!secrets.some((secret) => isSignature(signature, data, secret))) {
    throw new WixAuthError('signature_invalid')
  }

  const payload = parse(data)
  assertPayload(payload)

  const clientId = claim(payload, 'appDefId')
  if (appId !== undefined && clientId !== null && clientId !== appId) throw new WixAuthError('claim_invalid')

  const signed = timeOf(claim(payload, 'signDate'))
  const expirationDate = claim(payload, 'expirationDate')
  const expires = timeOf(expirationDate)
  // Each condition is put so that NaN, for a date that is missing or none, refuses.
  const time = rules.now()
  const tolerance = rules.clockTolerance * 1000
  if (maxAge !== false && !(time - signed <= maxAge * 1000 + tolerance)) throw new WixAuthError('token_expired')
  if (maxAge !== false && !(signed - time <= tolerance)) throw new WixAuthError('claim_invalid')
  if (expirationDate !== null && expirationDate !== '' && !(time - expires < tolerance))
    throw new WixAuthError('token_expired')

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

  // Into the payload itself: it is ours alone, and a copy would cost as much as the signature.
  const result: WixInstancePayload & Partial<WixInstance> = payload
  result.subjectType = subjectType
  result.subjectId = subjectId
  result.clientId = clientId
  result.siteId = claim(payload, 'metaSiteId')
  result.iat = secondsOf(signed)
  result.exp = secondsOf(expires)
  result.uid = uid
  result.aid = visitor
  result.permissions = permissions
  result.ext = extOf(claim(payload, 'ipAndPort'), signed)
  return result as WixInstance
}

/**
 * Verifies the value of an `instance` parameter without Passport: for a WebSocket server, a job queue, bare `node:http`.
 *
 * @throws {WixAuthError} `credentials_missing`, `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export function verifyInstance(instance: string, options: VerifyInstanceOptions): WixInstance {
  const { secret, ...given } = checkOptions('verifyInstance', options, {
    ...ruleChecks,
    secret: () => undefined, // by secretKeys
  })
  const secrets = secretKeys('verifyInstance', secret)
  const text = exactlyOne(instance)
  if (text === undefined) throw new WixAuthError('credentials_missing')
  return checkInstance(text, secrets, rulesOf(given))
}
