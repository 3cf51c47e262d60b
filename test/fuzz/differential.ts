// The same input to us and to others: what we accept, they accept; what they accept and we refuse has a reason that is listed here.
import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import { AppStrategy, createClient } from '@wix/sdk'
import fc from 'fast-check'
import { jwtVerify } from 'jose'
import sinon from 'sinon'
import { instanceVerifier, servicePluginVerifier, WixAuthError, webhookVerifier } from '../../lib/index.ts'
import { instance, NOW, payload, SECRET, sign } from '../support/build.ts'
import {
  APP_ID,
  digest,
  KEYS,
  OTHER_KEYS,
  PRIVATE_KEY,
  PUBLIC_KEY,
  rawJwt,
  SECONDS,
  servicePlugin,
  signedBy,
  TIMES,
  webhook,
} from '../support/jwt.ts'
import { start } from '../support/run.ts'
import { decoded, editedOf, isFilled, isNothing, type Json, jsonOf, objectIn, ownOf } from './inputs.ts'
import { anyInstance, oddInstance } from './instance.ts'

const HEADER = { kid: 'TestKey1', alg: 'RS256' }

export const KINDS = ['instance', 'webhook', 'service-plugin'] as const
export type Kind = (typeof KINDS)[number]
type SignedKind = Exclude<Kind, 'instance'>

type Accepts = (input: string) => Promise<boolean>

/** Whatever is no refusal is thrown. */
const byUs =
  (verify: (input: string) => Promise<unknown>): Accepts =>
  async (input) => {
    try {
      await verify(input)
      return true
    } catch (error) {
      if (error instanceof WixAuthError) return false
      throw error
    }
  }
const byThem =
  (verify: (input: string) => unknown): Accepts =>
  async (input) => {
    try {
      await verify(input)
      return true
    } catch {
      return false
    }
  }

// The others allow no difference of the clocks; ours does by default.
const strict = { clockTolerance: 0 }
const signedOptions = { ...strict, publicKey: PUBLIC_KEY }
const ours: Record<Kind, Accepts> = {
  instance: byUs(instanceVerifier({ ...strict, secret: SECRET, appId: APP_ID })),
  webhook: byUs(webhookVerifier(signedOptions)),
  'service-plugin': byUs(servicePluginVerifier({ ...signedOptions, appId: APP_ID })),
}

const client = createClient({
  auth: AppStrategy({ appId: APP_ID, publicKey: KEYS.publicKey, appSecret: 'x' }),
  modules: {},
})

/** Version 1.0.8 of this package. */
const WixAppStrategy1 = createRequire(import.meta.url)('passport-wix-app-1') as new (
  options: object,
  verify: (found: object, done: (error: null, user: object) => void) => void,
) => { authenticate: (req: never) => void }

// With the option for the age, which is off there by default.
const version1 = new WixAppStrategy1({ secret: SECRET, signDateThreshold: 86_400_001 }, (found, done) =>
  done(null, found),
)

function byVersion1(value: string): void {
  const [outcome] = start(version1, { query: { instance: value } })
  if (outcome?.kind !== 'success') throw new Error('refused')
}

/** The steps of Wix's page in JavaScript: split at the dot, decode both signatures, compare, and parse. */
function byRecipe(value: string): unknown {
  const [signature = '', data = ''] = value.split('.')
  const bytesOf = (text: string): string =>
    Buffer.from(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64').toString('binary')
  const expected = createHmac('sha256', SECRET).update(data).digest('base64')
  if (bytesOf(signature) !== bytesOf(expected)) throw new Error('refused')
  return JSON.parse(Buffer.from(data, 'base64').toString('utf8'))
}

/** The others, by name. */
const others: Record<Kind, Readonly<Record<string, Accepts>>> = {
  instance: { '1.0.8': byThem(byVersion1), "the recipe of Wix's page": byThem(byRecipe) },
  webhook: {
    '@wix/sdk': byThem((token) => client.webhooks.process(token, { expectedEvents: [] })),
    'jose alone': byThem((token) => jwtVerify(token, PUBLIC_KEY)),
  },
  'service-plugin': {
    '@wix/sdk': byThem((token) => client.servicePlugins.parseJWT(token)),
    'jose alone': byThem((token) => jwtVerify(token, PUBLIC_KEY, { issuer: 'wix.com', audience: APP_ID })),
  },
}

/** The same numbers in each run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
let random = generator(0)
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T

const parts = (token: string): string[] => token.trim().split('.')
const bytesOf = (token: string): Buffer => Buffer.from(parts(token)[1] ?? '', 'base64url')
const isObject = (value: unknown): boolean => objectIn(value) !== undefined
const headerOf = (token: string): Json => JSON.parse(Buffer.from(parts(token)[0] ?? '', 'base64url').toString()) as Json
const claimsOf = (token: string): Json => JSON.parse(new TextDecoder().decode(bytesOf(token))) as Json
/** What is in it: the event of a webhook, the metadata of a call. */
const said = (token: string, kind: Kind): unknown => {
  const { data } = claimsOf(token)
  if (kind === 'service-plugin') return ownOf(data, 'metadata')
  return typeof data === 'string' ? JSON.parse(data) : data
}

interface Reason {
  kinds: readonly Kind[]
  why: string
  /** Whether this is why; what throws is not. */
  holds: (input: string, kind: Kind) => boolean
}
const JWTS = ['webhook', 'service-plugin'] as const
const jwt = (why: string, holds: Reason['holds'], kinds: readonly Kind[] = JWTS): Reason => ({ kinds, why, holds })
const inInstance = (why: string, holds: (content: Json) => boolean): Reason => ({
  kinds: ['instance'],
  why,
  holds: (input) => holds(jsonOf(bytesOf(input)) ?? {}),
})

/** Where ours is stricter: each kind of input, with the one way to recognize it, tried in this order. */
export const STRICTER: readonly Reason[] = [
  {
    kinds: KINDS,
    why: 'it is not in its one spelling: padding, whitespace, another alphabet, a part too many, bits that mean nothing',
    holds: (input, kind) =>
      input.split('.').length !== (kind === 'instance' ? 2 : 3) ||
      input.split('.').some((part) => decoded(part) === undefined),
  },
  jwt('the header has more than 2 KiB', (token) => token.indexOf('.') > 2048),
  jwt('the algorithm is another one of RSA', (token) => headerOf(token)['alg'] !== 'RS256'),
  jwt('the header has b64 or zip, or a crit that says nothing', (token) =>
    ['b64', 'zip', 'crit'].some((name) => name in headerOf(token)),
  ),
  {
    kinds: KINDS,
    why: 'the payload is no UTF-8',
    holds: (input) => !Buffer.from(bytesOf(input).toString()).equals(bytesOf(input)),
  },
  jwt('a byte order mark stands before the JSON', (token) =>
    parts(token)
      .slice(0, 2)
      .some((part) => Buffer.from(part, 'base64url').toString('latin1').startsWith('\u00EF\u00BB\u00BF')),
  ),
  jwt('there is no finite exp', (token) => !Number.isFinite(claimsOf(token)['exp'])),
  jwt('iat is no finite number', (token) => 'iat' in claimsOf(token) && !Number.isFinite(claimsOf(token)['iat'])),
  jwt('iat is in the future', (token) => Number(claimsOf(token)['iat']) > SECONDS),
  jwt(
    'it is older than 84 hours, or of no age',
    (token) => !(Number(claimsOf(token)['iat'] ?? NaN) >= SECONDS - 302_400),
    ['webhook'],
  ),
  jwt('it is of another kind: an event, a call or a Digest', (token, kind) => {
    const { data } = claimsOf(token)
    if (kind === 'service-plugin') return typeof data === 'string'
    return ownOf(data, 'metadata') !== undefined || ownOf(data, 'SHA256') !== undefined
  }),
  jwt('what is in it is not JSON, or no object', (token, kind) => {
    try {
      return !isObject(said(token, kind))
    } catch {
      return true
    }
  }),
  jwt('it names no instance', (token, kind) => !isFilled(ownOf(said(token, kind), 'instanceId'))),
  jwt('it is a call without a request object', (token) => !isObject(ownOf(claimsOf(token)['data'], 'request')), [
    'service-plugin',
  ]),
  jwt('it is an event without a type', (token, kind) => !isFilled(ownOf(said(token, kind), 'eventType')), ['webhook']),
  { kinds: ['instance'], why: 'the payload is no object', holds: (input) => jsonOf(bytesOf(input)) === undefined },
  inInstance('it names no instance', (content) => !isFilled(content['instanceId'])),
  inInstance('it is of another app', ({ appDefId }) => !isNothing(appDefId) && appDefId !== APP_ID),
  inInstance(
    'it has no valid date',
    ({ signDate }) => !ISO_DATE.test(String(signDate)) || Number.isNaN(timeOf(signDate)),
  ),
  inInstance('it was signed in the future', ({ signDate }) => timeOf(signDate) > NOW),
  inInstance('it is older than a day', ({ signDate }) => timeOf(signDate) < NOW - 86_400_000),
  inInstance(
    'it has expired, or ends at no date',
    ({ expirationDate }) => !isNothing(expirationDate) && !(timeOf(expirationDate) > NOW),
  ),
]
const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const timeOf = (date: unknown): number => (typeof date === 'string' ? Date.parse(date) : NaN)

const isJson = (value: unknown): boolean => {
  try {
    JSON.parse(String(typeof value === 'string' ? value : NaN))
    return true
  } catch {
    return false
  }
}

/** What we accept and another does not, by the name of the other one: no credential is let in that is not genuine. */
export const LOOSER: Readonly<Record<string, readonly Reason[]>> = {
  '1.0.8': [
    inInstance(
      'it crashes without an ipAndPort, which Wix has not sent since about 2020',
      ({ ipAndPort }) => typeof ipAndPort !== 'string',
    ),
  ],
  '@wix/sdk': [
    jwt(
      'it cannot read what Wix has signed: an event is not refused for the form of what is in it',
      (token, kind) => ['data', 'identity'].some((name) => !isJson(ownOf(said(token, kind), name))),
      ['webhook'],
    ),
    jwt(
      'it demands an appExtensionType, which the REST pages of Wix do not name',
      (token, kind) => ownOf(said(token, kind), 'appExtensionType') === undefined,
      ['service-plugin'],
    ),
  ],
}

const base = {
  instanceId: 'i',
  eventType: 'AppInstalled',
  data: '{"appId":"a"}',
  identity: '{"identityType":"UNKNOWN"}',
}
const odd: readonly unknown[] = [
  undefined,
  null,
  '',
  0,
  7,
  -1,
  true,
  false,
  'text',
  '{}',
  '[]',
  '"x"',
  'null',
  '7',
  '{',
  [],
  {},
  ['i'],
  { identityType: 'APP' },
]
const oddTimes: readonly unknown[] = [
  undefined,
  null,
  '',
  'x',
  String(SECONDS),
  0,
  -1,
  SECONDS + 20,
  SECONDS + 300,
  SECONDS + 1e6,
  SECONDS - 29,
  SECONDS - 20,
  SECONDS - 90,
  SECONDS - 302_400,
  SECONDS - 4e5,
  1e300,
  [],
  {},
]
const headers: readonly object[] = [
  HEADER,
  { alg: 'RS256' },
  { alg: 'RS256', typ: 'JWT' },
  { alg: 'RS384' },
  { alg: 'RS512' },
  { alg: 'PS256' },
  { alg: 'none' },
  { alg: 'HS256' },
  { alg: '' },
  {},
  { ...HEADER, crit: ['x'], x: 1 },
  { ...HEADER, crit: [] },
  { ...HEADER, crit: ['b64'], b64: true },
  { ...HEADER, crit: ['b64'], b64: false },
  { ...HEADER, b64: true },
  { ...HEADER, zip: 'DEF' },
  { ...HEADER, jku: 'http://127.0.0.1:1' },
  { ...HEADER, x: 'x'.repeat(1600) },
]
const signerOf: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  RS384: signedBy('RSA-SHA384', PRIVATE_KEY),
  RS512: signedBy('RSA-SHA512', PRIVATE_KEY),
  PS256: signedBy('sha256', PRIVATE_KEY, { padding: 6, saltLength: 32 }),
}

/** Tokens whose signature is right, and whose content is odd in up to three places. */
function signedOddly(kind: SignedKind): string {
  const header = random(3) === 0 ? oneOf(headers) : HEADER
  const content: Json = { ...base }
  const claims: Json = { ...TIMES }
  const metadata: Json = {
    instanceId: 'i',
    appExtensionType: 'fees',
    identity: { identityType: 'MEMBER', memberId: 'm' },
  }
  const call: Json = { request: {}, metadata }
  if (kind === 'service-plugin') Object.assign(claims, { iss: 'wix.com', aud: APP_ID })
  let data: unknown
  for (let edits = random(3); edits >= 0; edits--) {
    const edit = random(8)
    if (edit < 2) claims[oneOf(['iat', 'exp', 'nbf'])] = oneOf(oddTimes)
    else if (edit === 2 && kind === 'service-plugin')
      claims[oneOf(['iss', 'aud'])] = oneOf([...odd, 'wix.com', [APP_ID], ['x', APP_ID]])
    else if (edit === 3) data = oneOf(odd)
    else if (kind === 'webhook')
      content[oneOf(['instanceId', 'eventType', 'data', 'identity', 'accountInfo', 'new'])] = oneOf(odd)
    else if (edit === 4) call[oneOf(['request', 'metadata'])] = oneOf(odd)
    else metadata[oneOf(['instanceId', 'identity', 'languages', 'new'])] = oneOf(odd)
  }
  const usual = kind === 'webhook' ? JSON.stringify(content) : call
  const json = Buffer.from(JSON.stringify({ data: data ?? usual, ...claims }))
  const payload =
    random(20) > 0
      ? json
      : oneOf([
          Buffer.from(json.toString().replace(/}$/, ',"x":"\u00FF"}'), 'latin1'),
          Buffer.concat([Buffer.from('\uFEFF'), json]),
          Buffer.from(json.toString().replace(/"exp":\d+/, '"exp":1e999')),
          Buffer.from(json.toString().replace(/}$/, ',"iat":1}')),
          Buffer.from(json.toString().replace(/}$/, ',"iat":1e999}')),
          json.subarray(0, json.length - 1),
          Buffer.from('[]'),
          Buffer.alloc(0),
        ])
  return rawJwt(header, payload, signerOf[String((header as Json)['alg'])])
}

const characters = ['A', 'Q', 'z', '0', '-', '_', '.', '=', '+', '/', ' ', '\n', '\r\n', '\t', '\0', 'é', '\uFEFF', '']

/** The same token in another spelling, or with an edit or two that break it. */
function respelled(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const kind = random(14)
  if (kind === 0) return `${token}${oneOf(['\n', '\r\n', ' ', '=', '==', '.', '\0'])}`
  if (kind === 1) return `${oneOf([' ', '\n', '\uFEFF', 'Bearer '])}${token}`
  if (kind === 2) return `${header}.${payload}${oneOf(['=', '==', '\n', ' '])}.${signature}`
  if (kind === 3) return `${header}.${payload}.${signature.slice(0, 9)}${oneOf(['\n', ' ', '\t'])}${signature.slice(9)}`
  if (kind === 4) return `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}`
  if (kind === 5) return `${header}.${payload}.${signature.slice(0, -1)}${oneOf(characters.slice(0, 4))}`
  if (kind === 6) return `${header}.${payload}`
  if (kind === 7) return `${header}..${signature}`
  if (kind < 10) return token
  const at = random(token.length)
  return token.slice(0, at) + oneOf(characters) + token.slice(at + random(2))
}

function jwtsOf(kind: SignedKind, count: number): string[] {
  const pool = Array.from({ length: Math.min(500, count >> 1) }, () => signedOddly(kind))
  const genuine = (): string => (kind === 'webhook' ? webhook({}, TIMES) : servicePlugin({}, TIMES))
  pool.push(...Array.from({ length: Math.min(60, (count >> 3) + 1) }, genuine))
  const [, claims = ''] = genuine().split('.')
  const withMark = Buffer.concat([Buffer.from('\uFEFF'), Buffer.from(claims, 'base64url')])
  pool.push(webhook({}, TIMES), servicePlugin({}, TIMES), webhook({}, TIMES, OTHER_KEYS.privateKey))
  pool.push(digest().slice(4), rawJwt(HEADER, withMark), servicePlugin({ appExtensionType: undefined }, TIMES))
  return [...pool, ...Array.from({ length: Math.max(0, count - pool.length) }, () => respelled(oneOf(pool)))]
}

/** With the property that 1.0.8 needs. */
const OLD = { ipAndPort: '203.0.113.7/35734' }
const oldInstance = instance(OLD)
const anyOldInstance = fc.oneof(
  { weight: 3, arbitrary: anyInstance },
  { weight: 3, arbitrary: editedOf(oldInstance, sign(payload({ ...OLD, expirationDate: undefined }))) },
  { weight: 3, arbitrary: oddInstance(OLD) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(oddInstance(OLD), fc.constantFrom('', '=', '==', '.', '.x', ' ', '\n'), fc.boolean())
      .map(([value, end, isStandard]) => (isStandard ? value.replaceAll('-', '+').replaceAll('_', '/') : value) + end),
  },
  { weight: 1, arbitrary: fc.jsonValue().map((content) => sign(content)) },
  { weight: 1, arbitrary: fc.constant(oldInstance) },
)

/** How we and another one judge the same inputs. */
export interface Tally {
  both: number
  neither: number
  /** We refuse, and they accept: how many, by the reason. */
  stricter: Map<string, number>
  /** We accept, and they do not. */
  looser: Map<string, number>
  /** Inputs without a reason that is listed: there must be none. */
  unlisted: string[]
}

const newTally = (): Tally => ({ both: 0, neither: 0, stricter: new Map(), looser: new Map(), unlisted: [] })

export type Comparison = Map<string, Tally>

const isBecauseOf =
  (input: string, kind: Kind) =>
  ({ kinds, holds }: Reason): boolean => {
    try {
      return kinds.includes(kind) && holds(input, kind)
    } catch {
      return false
    }
  }

async function judge(input: string, kind: Kind, comparison: Comparison): Promise<void> {
  const we = await ours[kind](input)
  for (const [name, accepts] of Object.entries(others[kind])) {
    const tally: Tally = comparison.get(name) ?? newTally()
    comparison.set(name, tally)
    const they = await accepts(input)
    if (we === they) {
      tally[we ? 'both' : 'neither']++
      continue
    }
    const [reasons, counts] = we ? [LOOSER[name] ?? [], tally.looser] : [STRICTER, tally.stricter]
    const why = reasons.find(isBecauseOf(input, kind))?.why
    if (why === undefined) tally.unlisted.push(input)
    else counts.set(why, (counts.get(why) ?? 0) + 1)
  }
}

/** For each seed, other inputs are made from other ones that are signed. */
export const PER_SEED = 12_000

/**
 * Compares with all others of a kind, at the moment at which the tests happen.
 *
 * @param comparison Is added to.
 */
export async function compare(kind: Kind, seed: number, runs: number, comparison: Comparison): Promise<void> {
  const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  try {
    random = generator(seed)
    const inputs =
      kind === 'instance' ? fc.sample(anyOldInstance, { seed, numRuns: runs }) : jwtsOf(kind, runs).slice(0, runs)
    for (let at = 0; at < inputs.length; at += 50)
      await Promise.all(inputs.slice(at, at + 50).map((input) => judge(input, kind, comparison)))
  } finally {
    clock.restore()
  }
}
