import type { WixAuthErrorCode } from '../../lib/errors.ts'
import { duration, looksLike } from '../../lib/internal/hints.ts'
import { isNumber, isObject, own } from '../../lib/internal/values.ts'
import { CONTAINERS, type CredentialKind, type Decoded, NAMES, opened } from '../credentials/recognize.ts'

/** Whether a credential is good, and why not: what `inspect --json` prints. */
export interface Report {
  kind: CredentialKind
  /** What carried the credential; null for one that came alone. */
  from: string | null
  /** Of the readable parts, the names that are known, and no value that may be a credential. */
  decoded: Decoded
  /** Whether {@link Report.decoded} is what Wix, or the issuer of the session, has signed. */
  verified: boolean
  /** `right` also for a credential that is refused for another reason, as an old one; null where it is wrong, or was not checked. */
  signature: 'right' | null
  verdict: 'good' | 'refused' | 'not checked'
  /** Whose routes take such a credential; null for one that is refused. */
  strategy: string | null
  /** Whom a good credential names; null for a Digest header, too. */
  identity: Record<string, unknown> | null
  code: WixAuthErrorCode | null
  status: number | null
  hint: string | null
  cure: string | null
}

/** What is shown. Anything else may be a secret, or be about a person: a `jti`, a `biToken`, an order, an e-mail address. */
const SHOWN: ReadonlySet<string> = new Set([
  ...CONTAINERS,
  ...[
    'alg typ kid iss aud sub iat nbf exp',
    'instanceId appDefId signDate expirationDate uid aid permissions siteOwnerId siteMemberId loginAccountId',
    'vendorProductId originInstanceId demoMode siteIsTemplate metaSiteId',
    'eventType webhookId id entityFqdn slug entityId eventTime appId accountId parentAccountId siteId',
    'requestId currency languages appExtensionType identityType wixUserId memberId anonymousVisitorId',
    'clientId subjectType subjectId',
  ]
    .join(' ')
    .split(' '),
])

const GUID = /\b([\da-f]{8})(?:-[\da-f]{4}){3}-[\da-f]{12}\b/gi

/** The first eight characters of each id. */
const shortened = (line: string): string => line.replaceAll(GUID, '$1-...')

/** For a terminal: no escape sequences, no line breaks, no letters that look like others. */
const printable = (line: string): string => line.replaceAll(/[^\x20-\x7e]/g, '?')

/** Long, and with a digit, as random characters have it and the names of events do not. */
const RANDOM = /(?=\D*\d)[\w+/=~-]{20,}/

const isSecret = (value: string): boolean =>
  value.length > 100 || looksLike(value) !== undefined || RANDOM.test(value.replaceAll(GUID, ''))

const stringOf = (name: string, value: string): string => {
  if (name === 'kid') return `${/^[\w-]{0,4}/.exec(value)?.[0]}..`
  return isSecret(value) ? `(${value.length} characters)` : printable(value)
}

/** What may be shown of a decoded value. */
function shown(name: string, given: unknown, depth: number): unknown {
  const value = opened(name, given)
  if (typeof value === 'string') return stringOf(name, value)
  if (Array.isArray(value)) return value.slice(0, 5).map((item) => shown('', Array.isArray(item) ? {} : item, 0))
  if (!isObject(value)) return value
  if (depth === 0) return '(an object)'
  const entries = Object.entries(value)
  const known = entries.filter(([key]) => SHOWN.has(key)).map(([key, item]) => [key, shown(key, item, depth - 1)])
  const others = entries.length - known.length
  return Object.fromEntries(others === 0 ? known : [...known, ['others', `${others}, not shown`]])
}

/** The deepest is a webhook: its payload, the event in it, and what the event is about. */
const DEPTH = 4

/** What may be shown of a credential. */
export const shownOf = ({ header, payload }: Decoded): Decoded =>
  Object.fromEntries(
    Object.entries({ header, payload })
      .filter(([, part]) => isObject(part))
      .map(([name, part]) => [name, shown(name, part, DEPTH)]),
  )

/** What may be shown of a verified identity. */
export function identityShown(identity: unknown): Report['identity'] {
  if (own(identity, 'instanceId') === undefined) return null
  const names = ['instanceId', 'subjectType', 'subjectId', 'clientId', 'siteId']
  return Object.fromEntries(names.map((name) => [name, shown(name, own(identity, name), 0)]))
}

/** Seconds since 1970 of a date in a credential; undefined for any other value. */
function secondsOf(name: string, value: unknown): number | undefined {
  if (['iat', 'nbf', 'exp'].includes(name)) return isNumber(value) && Math.abs(value) < 1e11 ? value : undefined
  if (!['signDate', 'expirationDate'].includes(name)) return undefined
  const time = Date.parse(String(value))
  return Number.isNaN(time) ? undefined : time / 1000
}

/** A date with its distance from now, which is what one looks for. */
function dated(name: string, value: unknown, now: number): string {
  const seconds = secondsOf(name, value)
  if (seconds === undefined) return Array.isArray(value) ? value.join(', ') : String(value)
  const age = now / 1000 - seconds
  const distance = age < 0 ? `in ${duration(age)}` : `${duration(age)} ago`
  return `${isNumber(value) ? `${value} = ${new Date(value * 1000).toISOString()}` : String(value)} (${distance})`
}

/** Each value with its path: `payload.data.instanceId`. */
function valuesOf(path: string, value: unknown, now: number): Array<[path: string, value: string]> {
  if (!isObject(value)) return [[path, dated(path.replace(/^.*\./, ''), value, now)]]
  return Object.entries(value).flatMap(([name, item]) => valuesOf(`${path}.${name}`, item, now))
}

/** What a credential is, in words. */
function named(kind: CredentialKind): string {
  if (kind === 'unknown') return 'not a credential that this command recognizes'
  return `${/^[aei]/i.test(NAMES[kind]) ? 'an' : 'a'} ${NAMES[kind]}`
}

/** The strategy for each kind that can be verified. */
export const STRATEGIES: Readonly<Record<CredentialKind, string | null>> = {
  instance: 'WixAppStrategy',
  'access-token': 'WixAccessTokenStrategy',
  webhook: 'WixWebhookStrategy',
  'service-plugin': 'WixServicePluginStrategy',
  digest: 'WixDigestStrategy',
  session: 'WixSessionStrategy',
  'api-key': null,
  'refresh-token': null,
  jwt: null,
  unknown: null,
}

const COLORS = { good: '\x1b[32m', refused: '\x1b[31m', 'not checked': '\x1b[33m' }

/** How a report is printed. */
export interface Form {
  json: boolean
  /** Whole ids. */
  full: boolean
  color: boolean
  /** Milliseconds since 1970. */
  now: number
}

/** The report as lines, of which the last ones are the verdict, the hint and the cure; or as JSON. */
export function printed(report: Report, { json, full, color, now }: Form): string {
  const ids = full ? (line: string): string => line : shortened
  if (json) return `${ids(JSON.stringify(report, null, 2))}\n`
  const { kind, from, decoded, verified, signature, verdict, strategy, identity, code, status, hint, cure } = report
  const parts = Object.entries({ ...decoded, ...(identity && { identity }) }).flatMap(([name, part]) =>
    valuesOf(name, part, now),
  )
  const width = Math.max(...parts.map(([path]) => path.length))
  const inColor = color ? `${COLORS[verdict]}${verdict}\x1b[0m` : verdict
  const trust = verified ? 'verified' : signature === null ? 'not verified' : 'signature right'
  const lines = [
    `This is ${named(kind)}${from === null || kind === 'digest' ? '' : `, from the ${from}`}.`,
    ...(parts.length === 0 ? [] : ['', `Decoded (${trust}):`]),
    ...parts.map(([path, value]) => `  ${path.padEnd(width)}  ${value}`),
    '',
    `Verdict: ${inColor}${code === null ? '' : `, ${status} ${code}`}${strategy === null ? '' : `, for a route that uses ${strategy}`}`,
    ...(hint === null ? [] : [`Hint: ${hint}`]),
    ...(cure === null ? [] : [`Cure: ${cure}`]),
  ]
  return `${ids(lines.join('\n'))}\n`
}
