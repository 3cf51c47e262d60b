import { AppStrategy, createClient } from '@wix/sdk'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError } from '../../lib/index.ts'
import { NOW } from '../support/build.ts'
import {
  APP_ID,
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
import { verifyServicePlugin, verifyWebhook } from '../support/verify.ts'

const HEADER = { kid: 'TestKey1', alg: 'RS256' }

// The SDK allows no difference of the clocks; ours does by default.
const options = { publicKey: PUBLIC_KEY, clockTolerance: 0 }
const client = createClient({
  auth: AppStrategy({ appId: APP_ID, publicKey: KEYS.publicKey, appSecret: 'x' }),
  modules: {},
})
const checks = {
  webhook: {
    ours: (token: string): Promise<unknown> => verifyWebhook(token, options),
    theirs: (token: string): Promise<unknown> => client.webhooks.process(token, { expectedEvents: [] }),
  },
  plugin: {
    ours: (token: string): Promise<unknown> => verifyServicePlugin(token, { ...options, appId: APP_ID }),
    theirs: (token: string): Promise<unknown> => client.servicePlugins.parseJWT(token),
  },
}
type Check = keyof typeof checks

const accepted = (verdict: Promise<unknown>): Promise<boolean> =>
  verdict.then(
    () => true,
    () => false,
  )
/** As {@link accepted}, and whatever is no refusal fails the test. */
const acceptedByUs = (verdict: Promise<unknown>): Promise<boolean> =>
  verdict.then(
    () => true,
    (error: unknown) => {
      if (error instanceof WixAuthError) return false
      throw error
    },
  )

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
const random = generator(20_260_304)
const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T

/** Where ours is stricter: each class, with the one way to recognize it, tried in this order. */
const STRICTER: ReadonlyArray<[name: string, holds: (token: string) => boolean]> = [
  ['the token is not canonical: padding, whitespace, bits that mean nothing', (token) => !isCanonical(token)],
  ['the header has more than 2 KiB', (token) => token.indexOf('.') > 2048],
  ['the algorithm is another one of RSA', (token) => headerOf(token)['alg'] !== 'RS256'],
  [
    'the header has b64 or zip, or a crit that says nothing',
    (token) => ['b64', 'zip', 'crit'].some((name) => name in headerOf(token)),
  ],
  ['the payload is no UTF-8', (token) => !isUtf8(token)],
  [
    'a byte order mark stands before the JSON',
    (token) =>
      token
        .split('.', 2)
        .some((part) => Buffer.from(part, 'base64url').toString('latin1').startsWith('\u00EF\u00BB\u00BF')),
  ],
  ['there is no finite exp', (token) => !Number.isFinite(claimsOf(token)['exp'])],
  ['iat is no finite number', (token) => 'iat' in claimsOf(token) && !Number.isFinite(claimsOf(token)['iat'])],
  ['iat is in the future', (token) => Number(claimsOf(token)['iat']) > SECONDS],
  [
    'it is a webhook and older than 84 hours, or of no age',
    (token) => !isPlugin(token) && !(Number(claimsOf(token)['iat'] ?? NaN) >= SECONDS - 302_400),
  ],
  [
    'it names no instance',
    (token) => {
      const { instanceId } = said(token)
      return typeof instanceId !== 'string' || instanceId === ''
    },
  ],
  [
    'it is a call without a request object',
    (token) => isPlugin(token) && !isObject((claimsOf(token)['data'] as { request?: unknown }).request),
  ],
  [
    'it is an event without a type',
    (token) => !isPlugin(token) && (typeof said(token)['eventType'] !== 'string' || said(token)['eventType'] === ''),
  ],
]
type Json = Record<string, unknown>
const parts = (token: string): string[] => token.trim().split('.')
const bytesOf = (token: string): Buffer => Buffer.from(parts(token)[1] ?? '', 'base64url')
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCanonical = (token: string): boolean =>
  token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
const isUtf8 = (token: string): boolean => Buffer.from(bytesOf(token).toString()).equals(bytesOf(token))
const headerOf = (token: string): Json => JSON.parse(Buffer.from(parts(token)[0] ?? '', 'base64url').toString()) as Json
const claimsOf = (token: string): Json => JSON.parse(new TextDecoder().decode(bytesOf(token))) as Json
const isPlugin = (token: string): boolean => typeof claimsOf(token)['data'] !== 'string'
const said = (token: string): Json =>
  isPlugin(token)
    ? (claimsOf(token)['data'] as { metadata: Json }).metadata
    : (JSON.parse(String(claimsOf(token)['data'])) as Json)

const isJson = (value: unknown): boolean => {
  try {
    JSON.parse(String(typeof value === 'string' ? value : NaN))
    return true
  } catch {
    return false
  }
}

/** Where the SDK cannot read what Wix has signed: an event is not refused for the form of what is in it. */
const isUnreadable = (token: string): boolean =>
  !isPlugin(token) && ['data', 'identity'].some((name) => !isJson(said(token)[name]))

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
function signedOddly(check: Check): string {
  const header = random(3) === 0 ? oneOf(headers) : HEADER
  const content: Json = { ...base }
  const claims: Json = { ...TIMES }
  const metadata: Json = {
    instanceId: 'i',
    appExtensionType: 'fees',
    identity: { identityType: 'MEMBER', memberId: 'm' },
  }
  const call: Json = { request: {}, metadata }
  if (check === 'plugin') Object.assign(claims, { iss: 'wix.com', aud: APP_ID })
  let data: unknown
  for (let edits = random(3); edits >= 0; edits--) {
    const kind = random(8)
    if (kind < 2) claims[oneOf(['iat', 'exp', 'nbf'])] = oneOf(oddTimes)
    else if (kind === 2 && check === 'plugin')
      claims[oneOf(['iss', 'aud'])] = oneOf([...odd, 'wix.com', [APP_ID], ['x', APP_ID]])
    else if (kind === 3) data = oneOf(odd)
    else if (check === 'webhook')
      content[oneOf(['instanceId', 'eventType', 'data', 'identity', 'accountInfo', 'new'])] = oneOf(odd)
    else if (kind === 4) call[oneOf(['request', 'metadata'])] = oneOf(odd)
    else metadata[oneOf(['instanceId', 'identity', 'languages', 'new'])] = oneOf(odd)
  }
  const usual = check === 'webhook' ? JSON.stringify(content) : call
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

describe('compared with @wix/sdk', function () {
  this.timeout(300_000)
  let clock: sinon.SinonFakeTimers
  before(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  after(() => clock.restore())

  it('both accept genuine tokens', async () => {
    const genuine: Record<Check, string> = { webhook: webhook({}, TIMES), plugin: servicePlugin({}, TIMES) }
    for (const [check, token] of Object.entries(genuine)) {
      const { ours, theirs } = checks[check as Check]
      expect([await acceptedByUs(ours(token)), await accepted(theirs(token))]).to.deep.equal([true, true])
    }
  })

  for (const check of Object.keys(checks) as Check[]) {
    it(`the ${check} check never accepts what the SDK rejects, but for an event in another form, and is stricter only as listed (12,000 JWTs)`, async () => {
      const { ours, theirs } = checks[check]
      const pool = Array.from({ length: 500 }, () => signedOddly(check))
      pool.push(
        ...Array.from({ length: 60 }, () => (check === 'webhook' ? webhook({}, TIMES) : servicePlugin({}, TIMES))),
      )
      pool.push(webhook({}, TIMES), servicePlugin({}, TIMES), webhook({}, TIMES, OTHER_KEYS.privateKey))
      const payload = Buffer.from(pool[500]?.split('.')[1] ?? '', 'base64url')
      pool.push(rawJwt(HEADER, Buffer.concat([Buffer.from('\uFEFF'), payload])))
      const stricter = new Map<string, number>()
      const counts = { both: 0, neither: 0, unreadable: 0, looser: [] as string[], unlisted: [] as string[] }
      const compare = async (token: string): Promise<void> => {
        const [we, they] = await Promise.all([acceptedByUs(ours(token)), accepted(theirs(token))])
        if (we && they) counts.both++
        else if (we && isUnreadable(token)) counts.unreadable++
        else if (we) counts.looser.push(token)
        else if (!they) counts.neither++
        else {
          const name = STRICTER.find(([, holds]) => holds(token))?.[0]
          if (name === undefined) counts.unlisted.push(token)
          else stricter.set(name, (stricter.get(name) ?? 0) + 1)
        }
      }
      for (const token of pool) await compare(token)
      for (let turn = 0; turn < 12_000 - pool.length; turn += 50) {
        await Promise.all(Array.from({ length: 50 }, () => compare(respelled(oneOf(pool)))))
      }
      expect(counts.looser, 'accepted by us alone').to.deep.equal([])
      expect(counts.unlisted, 'rejected by us alone, for no reason in STRICTER').to.deep.equal([])
      expect(counts.both).to.be.greaterThan(500)
      expect(counts.neither).to.be.greaterThan(2000)
      expect(counts.unreadable > 100).to.equal(check === 'webhook')
      // Each class occurs, or it need not be listed.
      const unseen = STRICTER.filter(
        ([name]) =>
          !stricter.has(name) &&
          !(name.includes(check === 'webhook' ? 'call' : 'event') || (check === 'plugin' && name.includes('webhook'))),
      )
      expect(unseen.map(([name]) => name)).to.deep.equal([])
    })
  }

  it('one class of calls is accepted by us alone: those without appExtensionType, which the REST pages do not name', async () => {
    const token = servicePlugin({ appExtensionType: undefined }, TIMES)
    expect([await acceptedByUs(checks.plugin.ours(token)), await accepted(checks.plugin.theirs(token))]).to.deep.equal([
      true,
      false,
    ])
  })
})
