import { expect } from 'chai'
import fc from 'fast-check'
import sinon from 'sinon'
import { WixAccessTokenStrategy, WixUnavailableError } from '../../lib/index.ts'
import { accessToken, info, response } from '../support/access-token.ts'
import { instance, now } from '../support/build.ts'
import { APP_ID, SECONDS, webhook } from '../support/jwt.ts'
import { type Outcome, request, settled, start } from '../support/run.ts'

const SEED = 20_260_304

type Json = Record<string, unknown>

/** Finds, in another way, which token a header holds: `missing`, `bad`, `odd`, or the token. */
function tokenIn(header: unknown): { is: 'missing' | 'bad' | 'odd' } | { is: 'token'; token: string } {
  if (header === undefined || header === null) return { is: 'missing' }
  if (typeof header !== 'string') return { is: 'odd' }
  const isBearer = /^bearer /i.test(header)
  const token = isBearer ? header.slice(7).trim() : header
  if (token === '' || (!isBearer && token.includes(' '))) return { is: 'missing' }
  const parts = token.split('.')
  const ofOthers = token.length <= 8192 && [2, 3].includes(parts.length) && !parts.includes('')
  if (ofOthers) return { is: 'missing' }
  const alphabet = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~+/')
  const last = parts.length - 1
  const words = parts.map((part, index) => {
    if (index < last) return part
    while (part.endsWith('=')) part = part.slice(0, -1)
    return part
  })
  const good =
    token.length <= 8192 &&
    parts.length > 3 &&
    words.every((word) => word !== '' && Array.from(word).every((character) => alphabet.has(character))) &&
    !['IST', 'JWS'].includes(String(parts[0]))
  return good ? { is: 'token', token } : { is: 'bad' }
}

/** Decides, in another way, what an answer means. */
function verdictOf(status: number, body: string): 'accept' | 'refuse' | 'error' {
  if (status === 400 || status === 401 || status === 404) return 'refuse'
  if (status !== 200 || Buffer.byteLength(body) > 65_536) return 'error'
  let answer: Json
  try {
    const value = JSON.parse(body) as unknown
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'error'
    answer = Object.fromEntries(Object.entries(value))
  } catch {
    return 'error'
  }
  const { active, clientId, instanceId, exp } = answer
  if (String(active) !== 'true' || typeof active === 'object') return 'refuse'
  if (clientId !== APP_ID || typeof instanceId !== 'string' || instanceId.length === 0) return 'refuse'
  const digits =
    typeof exp === 'string' &&
    exp.length < 16 &&
    exp !== '' &&
    Array.from(exp).every((digit) => digit >= '0' && digit <= '9')
  const end = digits ? parseInt(exp, 10) : exp
  return typeof end === 'number' && end > SECONDS && end !== Infinity ? 'accept' : 'refuse'
}

/** Runs one request on a clock that the test sets forward, so that a retry costs no time. */
async function runFast(
  timers: sinon.SinonFakeTimers,
  strategy: WixAccessTokenStrategy,
  req: unknown,
): Promise<Outcome> {
  const outcomes = start(strategy, req)
  for (let turn = 0; outcomes.length === 0; turn++) {
    if (turn === 1000) throw new Error('no outcome')
    await timers.tickAsync(turn < 10 ? 0 : 10)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await settled()
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.length > 1) throw new Error(`${outcomes.length} outcomes instead of one`)
  return outcome
}

const character = fc.constantFrom(...'ABCxyz019-_~+/'.split(''), ...'...= ,"\t\n\r\0%éŁ․'.split(''), '\uD800')
const edited = (token: string): fc.Arbitrary<string> =>
  fc.array(fc.tuple(fc.nat(), fc.boolean(), character), { minLength: 1, maxLength: 3 }).map((edits) =>
    edits.reduce((result, [where, inserts, put]) => {
      const at = where % (result.length + 1)
      return result.slice(0, at) + put + result.slice(inserts ? at : at + 1)
    }, token),
  )
const genuine = [accessToken(), 'OAUTH2.a.b.c', `Bearer ${accessToken()}`, `bEARER   ${accessToken()}`]
const others = [instance(), webhook(), 'IST.a.b.c', 'JWS.a.b.c', 'Basic dXNlcjpwYXNz', `a.b.c.${'x'.repeat(8187)}`, '']
const anyHeader = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...genuine) },
  { weight: 3, arbitrary: fc.constantFrom(...genuine).chain(edited) },
  { weight: 2, arbitrary: fc.constantFrom(...others) },
  { weight: 1, arbitrary: fc.string({ unit: character, maxLength: 60 }) },
  { weight: 1, arbitrary: fc.anything() },
)

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(true, 'true', false, 'false', null, '', 0, 1, APP_ID, 'app-2', [], {}, 'instance-1'),
  fc.integer({ min: SECONDS - 5, max: SECONDS + 5 }).chain((time) => fc.constantFrom<unknown>(time, String(time))),
  fc.constantFrom<unknown>('1e12', ' 1900000000', '1900000000.5', '9'.repeat(15), '9'.repeat(16), -1, 1e308),
)
const names = [...Object.keys(info()), 'accountId', 'vendorProductId', '__proto__', 'constructor', 'toJSON', 'then']
const nearly = fc
  .array(fc.tuple(fc.constantFrom(...names), fc.option(odd, { nil: undefined })), { maxLength: 3 })
  .map((changes) => {
    const entries = new Map([...Object.entries(info()), ...changes])
    const members = [...entries].filter(([, value]) => value !== undefined)
    // By hand, since `__proto__` is no property in an object literal.
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
  })
const anyBody = fc.oneof(
  { weight: 5, arbitrary: nearly },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: nearly.chain((token) => fc.nat(token.length).map((end) => token.slice(0, end))) },
  { weight: 1, arbitrary: nearly.chain(edited) },
  { weight: 1, arbitrary: fc.integer({ min: 65_000, max: 66_500 }).map((size) => JSON.stringify(info()).padEnd(size)) },
  { weight: 1, arbitrary: fc.string() },
)
const anyStatus = fc.oneof(
  { weight: 8, arbitrary: fc.constant(200) },
  { weight: 2, arbitrary: fc.constantFrom(400, 401, 404, 403, 429, 502, 503, 504, 204, 307) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
)
const anyHeaders = fc.oneof(
  fc.constant({}),
  fc
    .oneof(fc.nat().map(String), fc.constantFrom('0', '-1', 'soon', 'Fri, 31 Dec 2199 23:59:59 GMT', '1e3'))
    .map((value) => ({ 'Retry-After': value })),
)

describe('any header and any answer of Token Info', function () {
  this.timeout(300_000)
  let timers: sinon.SinonFakeTimers
  beforeEach(() => {
    timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => timers.restore())

  it('P-01, P-02: have exactly one outcome, success if and only if an independent check accepts (5,000 pairs)', async () => {
    const count = { missing: 0, bad: 0, odd: 0, accept: 0, refuse: 0, error: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.record({ header: anyHeader, status: anyStatus, body: anyBody, headers: anyHeaders, hasCache: fc.boolean() }),
        async ({ header, status, body, headers, hasCache }) => {
          let calls = 0
          const fetch = async (): Promise<Response> => {
            calls++
            return response(body, status, headers)
          }
          const strategy = new WixAccessTokenStrategy(
            { appId: APP_ID, now, fetch, ...(!hasCache && { cache: false }) },
            (identity) => identity,
          )
          const sent = tokenIn(header)
          const verdict = verdictOf(status, body)
          count[sent.is === 'token' ? verdict : sent.is]++
          // What is cached is no different.
          for (let time = 0; time < 2; time++) {
            const outcome = await runFast(timers, strategy, request({}, { authorization: header }))
            if (outcome.kind === 'success') {
              expect([sent.is, verdict]).to.deep.equal(['token', 'accept'])
              expect(outcome.user).to.include({ active: true, clientId: APP_ID })
              const { exp, instanceId } = outcome.user as Json
              expect([typeof instanceId, Number(exp) > SECONDS]).to.deep.equal(['string', true])
              expect(Object.getPrototypeOf(outcome.user)).to.equal(Object.prototype)
            } else if (outcome.kind === 'fail') {
              expect(sent.is === 'token' ? verdict : 'refuse').to.equal('refuse')
              expect(outcome.status).to.equal(sent.is === 'odd' ? 400 : 401)
              if (sent.is === 'odd') continue
              expect(outcome.challenge)
                .to.be.a('string')
                .that.matches(/^[\x20-\x7e]+$/)
              expect(outcome.challenge === 'Bearer realm="Wix"').to.equal(sent.is === 'missing')
            } else {
              expect([sent.is, verdict]).to.deep.equal(['token', 'error'])
              expect(outcome.error).to.be.instanceOf(WixUnavailableError)
              expect(Object.values((outcome.error as WixUnavailableError).headers).join('')).to.match(/^\d*$/)
            }
          }
          if (sent.is === 'token') expect(calls).to.be.within(1, 4)
          else expect(calls).to.equal(0)
        },
      ),
      { seed: SEED, numRuns: 5000 },
    )
    for (const [name, cases] of Object.entries(count)) expect(cases, name).to.be.greaterThan(100)
  })

  it('P-01: any request has exactly one outcome, never a throw', async () => {
    const strategy = new WixAccessTokenStrategy(
      { appId: APP_ID, now, fetch: async () => response(info(), 200) },
      (_identity) => null,
    )
    const holder = fc.oneof(fc.anything(), fc.record({ authorization: anyHeader }))
    const req = fc.oneof(fc.anything(), fc.record({ headers: holder, query: holder, body: holder }))
    await fc.assert(
      fc.asyncProperty(req, async (value) => {
        const outcome = await runFast(timers, strategy, value)
        expect(outcome.kind).to.equal('fail')
        expect(JSON.stringify(outcome)).to.match(/^[\x20-\x7e]+$/)
      }),
      { seed: SEED, numRuns: 3000 },
    )
  })
})
