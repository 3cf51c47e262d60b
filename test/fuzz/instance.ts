// The door of `instance`: WixAppStrategy and instanceVerifier.
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { instanceVerifier, type WixInstance, WixAppStrategy } from '../../lib/index.ts'
import { instance, NOW, now, payload, SECRET, sign, signData } from '../support/build.ts'
import { run } from '../support/run.ts'
import { type Door, door, verdictOf, verdictOfOutcome, type Verdict } from './door.ts'
import { character, decoded, editedOf, isFilled, isNothing, jsonOf, ownOf } from './inputs.ts'

const APP_ID = 'app-1'

const timeOf = (date: unknown): number =>
  typeof date === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(date)
    ? Date.parse(date)
    : NaN

/**
 * Whom an instance names: HMAC over the data, one spelling, an object with an id, of this app, fresh. Else `refused`, or `missing`.
 *
 * @param appId Null: of any app.
 */
export function instanceOracle(value: unknown, appId: string | null = APP_ID): Verdict {
  if (value === '') return 'missing'
  if (typeof value !== 'string' || value.length > 8192) return 'refused'
  const parts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(value)
  if (parts?.[1] === undefined || parts[2] === undefined) return 'refused'
  if (createHmac('sha256', SECRET).update(parts[2]).digest('base64url') !== parts[1]) return 'refused'
  const bytes = decoded(parts[2])
  const content = bytes && jsonOf(bytes)
  if (content === undefined) return 'refused'
  const own = (name: string): unknown => ownOf(content, name)
  if (!isFilled(own('instanceId'))) return 'refused'
  if (appId !== null && !isNothing(own('appDefId')) && own('appDefId') !== appId) return 'refused'
  const age = NOW - timeOf(own('signDate'))
  const left = timeOf(own('expirationDate')) - NOW
  const isFresh = age <= 86_430_000 && age >= -30_000 && (isNothing(own('expirationDate')) || left > -30_000)
  if (!isFresh) return 'refused'
  const { uid, aid, permissions, siteMemberId } = content
  const name = (type: string, id: unknown): Verdict => `accepted ${type} ${isFilled(id) ? id : '-'}`
  if (Object.hasOwn(content, 'aid') && !isNothing(aid)) return name('VISITOR', aid)
  if (isFilled(permissions) && permissions.split(/[\s,]/).includes('OWNER')) return name('USER', uid)
  return isFilled(siteMemberId) ? name('MEMBER', siteMemberId) : name('UNKNOWN', uid)
}

/** What is in one of the two places of a request: the query, or `Authorization` where it looks like an instance. */
function requestOracle(req: unknown): Verdict {
  const query = ownOf(ownOf(req, 'query'), 'instance')
  const header = ownOf(ownOf(req, 'headers'), 'authorization')
  for (const sent of [query, header]) if (!isNothing(sent) && typeof sent !== 'string') return 'invalid'
  const [, bearer, rest = ''] = /^(bearer\s+)?(.*)$/is.exec(isFilled(header) ? header : '') ?? []
  const [signature = '', ...more] = rest.split('.')
  const isInstance =
    more.length === 1 && !/\s/.test(rest) && (bearer === undefined || decoded(signature)?.length === 32)
  const found = [query, isInstance ? rest : undefined].filter((sent) => !isNothing(sent))
  if (found.length > 1) return 'invalid'
  return found.length === 1 ? instanceOracle(found[0]) : 'missing'
}

export const GENUINE: readonly string[] = [
  instance(),
  instance({ uid: 'ü' }),
  instance({ appDefId: undefined, permissions: null }),
  instance({ aid: 'visitor-1' }),
  instance({ permissions: '', siteMemberId: 'member-1' }),
  sign({ instanceId: 'i', signDate: payload()['signDate'] }),
]

const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '',
    null,
    0,
    false,
    'OWNER',
    'a OWNER',
    'app-1',
    'app-2',
    '1.2.3.4/5',
    '2015-01-01T00:00:00Z',
  ),
  fc.integer({ min: -87_000, max: 87_000 }).map((seconds) => new Date(NOW + seconds * 1000).toISOString()),
)
const properties = [
  ...Object.keys(payload()),
  'aid',
  'siteMemberId',
  'ipAndPort',
  '__proto__',
  'constructor',
  'ext',
  'exp',
]
/** With a right signature, and properties that Wix never signs. */
export const oddInstance = (base: Record<string, unknown> = {}): fc.Arbitrary<string> =>
  fc
    .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...properties), value, { maxKeys: 6 }))
    .map(([whole, content]) => sign(whole ? payload({ ...base, ...content }) : content))

export const anyInstance: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.string({ unit: character }) },
  { weight: 6, arbitrary: editedOf(...GENUINE) },
  { weight: 6, arbitrary: oddInstance() },
  { weight: 1, arbitrary: fc.string().map((text) => signData(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => signData(Buffer.from(bytes))) },
  { weight: 2, arbitrary: fc.constantFrom(...GENUINE) },
)

const held = fc.oneof(
  { weight: 4, arbitrary: anyInstance },
  { weight: 1, arbitrary: anyInstance.map((text) => `Bearer ${text}`) },
  { weight: 1, arbitrary: fc.array(anyInstance, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.anything() },
)
const query = fc.oneof(
  { weight: 5, arbitrary: fc.record({ instance: held }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.anything() },
)
const headers = fc.oneof(
  { weight: 5, arbitrary: fc.record({ authorization: held }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.anything() },
)
const request = fc.oneof(
  { weight: 9, arbitrary: fc.record({ query, headers }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.anything() },
)

const options = { secret: SECRET, appId: APP_ID, now }
const verify = instanceVerifier(options)
const strategy = new WixAppStrategy(options, (verified) => verified)
const found = (identity: unknown): Verdict => {
  const { subjectType, subjectId } = identity as WixInstance
  return `accepted ${subjectType} ${subjectId ?? '-'}`
}

export const instanceDoor: Door = door<{ value: string } | { req: unknown }>({
  inputs: fc.oneof(
    { weight: 4, arbitrary: anyInstance.map((text) => ({ value: text })) },
    { weight: 1, arbitrary: request.map((req) => ({ req })) },
  ),
  ours: async (input) =>
    'value' in input
      ? verdictOf(() => verify(input.value), found)
      : verdictOfOutcome(await run(strategy, input.req), found),
  oracle: (input) => ('value' in input ? instanceOracle(input.value) : requestOracle(input.req)),
})
