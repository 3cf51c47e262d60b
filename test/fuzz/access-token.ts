// The door of access tokens, against a Token Info that lies, breaks and hangs: WixAccessTokenStrategy.
import fc from 'fast-check'
import sinon from 'sinon'
import { WixAccessTokenStrategy, type WixTokenInfo, WixUnavailableError } from '../../lib/index.ts'
import { accessToken, info, response } from '../support/access-token.ts'
import { instance, now } from '../support/build.ts'
import { APP_ID, SECONDS, webhook } from '../support/jwt.ts'
import { type Outcome, settled, start } from '../support/run.ts'
import { type Door, door, verdictOfOutcome, type Verdict } from './door.ts'
import { isFilled, isNothing, type Json, ownOf } from './inputs.ts'

type How = 'whole' | 'in pieces' | 'no connection' | 'cut' | 'silent'

interface Input {
  req: unknown
  status: number
  body: string
  headers: Record<string, string>
  how: How
  hasCache: boolean
}

const ALPHABET = new Set('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~+/')

/** What comes of a header by itself; `asked` where Wix is asked about its token. */
export function headerOracle(sent: unknown): Verdict {
  if (isNothing(sent)) return 'missing'
  if (typeof sent !== 'string') return 'invalid'
  const isBearer = /^bearer /i.test(sent)
  const token = isBearer ? sent.slice(7).trim() : sent
  if (token === '' || (!isBearer && token.includes(' '))) return 'missing'
  const parts = token.split('.')
  const isOfOthers = token.length <= 8192 && [2, 3].includes(parts.length) && !parts.includes('')
  if (isOfOthers) return 'missing'
  const words = parts.map((part, index) => {
    if (index < parts.length - 1) return part
    while (part.endsWith('=')) part = part.slice(0, -1)
    return part
  })
  const isToken =
    token.length <= 8192 &&
    parts.length > 3 &&
    words.every((word) => word !== '' && Array.from(word).every((character) => ALPHABET.has(character))) &&
    !['IST', 'JWS'].includes(String(parts[0]))
  return isToken ? 'asked' : 'refused'
}

/** What an answer means. */
function answerOracle({ status, body, how }: Input): Verdict {
  if (how === 'no connection' || how === 'silent') return 'error'
  if (status === 400 || status === 401 || status === 404) return 'refused'
  if (status !== 200 || how === 'cut' || Buffer.byteLength(body) > 65_536) return 'error'
  let answer: Json
  try {
    // As it arrives: half of a surrogate pair is no UTF-8.
    const value = JSON.parse(Buffer.from(body).toString()) as unknown
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'error'
    answer = Object.fromEntries(Object.entries(value))
  } catch {
    return 'error'
  }
  const { active, clientId, instanceId, exp } = answer
  if (String(active) !== 'true' || typeof active === 'object') return 'refused'
  if (clientId !== APP_ID || !isFilled(instanceId)) return 'refused'
  const isDigits = isFilled(exp) && exp.length < 16 && Array.from(exp).every((digit) => digit >= '0' && digit <= '9')
  const end = isDigits ? Number.parseInt(exp, 10) : exp
  return typeof end === 'number' && end > SECONDS && end !== Infinity ? `accepted ${instanceId}` : 'refused'
}

const header = (req: unknown): unknown => ownOf(ownOf(req, 'headers'), 'authorization')

/** What Wix, or whoever stands in its place, does with a call. */
async function answered({ status, body, headers, how }: Input, signal: AbortSignal): Promise<Response> {
  if (how === 'no connection') throw new TypeError('fetch failed')
  if (how === 'silent') return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  if (how === 'whole' || [204, 205, 304].includes(status)) return response(body, status, headers)
  const bytes = Buffer.from(body)
  const middle = bytes.length >> 1
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.subarray(0, middle))
      if (how === 'cut') return controller.error(new Error('socket hang up'))
      controller.enqueue(bytes.subarray(middle))
      controller.close()
    },
  })
  return new Response(stream, { status, headers })
}

let timers: sinon.SinonFakeTimers | undefined

/** Runs one request on a clock that is set forward, so that a retry and a timeout cost no time. */
async function runFast(strategy: WixAccessTokenStrategy, req: unknown): Promise<Outcome> {
  const outcomes = start(strategy, req)
  for (let turn = 0; outcomes.length === 0; turn++) {
    if (turn === 1000) throw new Error('no outcome')
    await timers?.tickAsync(turn < 10 ? 0 : 40)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await settled()
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.length > 1) throw new Error(`${outcomes.length} outcomes instead of one`)
  return outcome
}

const character = fc.constantFrom(...'ABCxyz019-_~+/'.split(''), ...'...= ,"\t\n\r\0%éŁ․'.split(''), '\uD800')
const edited = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.tuple(fc.nat(), fc.boolean(), character), { minLength: 1, maxLength: 3 }).map((edits) =>
    edits.reduce((result, [where, inserts, put]) => {
      const at = where % (result.length + 1)
      return result.slice(0, at) + put + result.slice(inserts ? at : at + 1)
    }, text),
  )
const genuine = [accessToken(), 'OAUTH2.a.b.c', `Bearer ${accessToken()}`, `bEARER   ${accessToken()}`]
const others = [instance(), webhook(), 'IST.a.b.c', 'JWS.a.b.c', 'Basic dXNlcjpwYXNz', `a.b.c.${'x'.repeat(8187)}`, '']
const anyHeader = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...genuine) },
  { weight: 3, arbitrary: fc.constantFrom(...genuine).chain(edited) },
  { weight: 2, arbitrary: fc.constantFrom(...others) },
  { weight: 1, arbitrary: fc.string({ unit: character, maxLength: 60 }) },
  { weight: 1, arbitrary: fc.anything() },
)
const holder = fc.oneof(fc.anything(), fc.record({ authorization: anyHeader }))
const anyRequest = fc.oneof(
  { weight: 18, arbitrary: anyHeader.map((authorization) => ({ query: {}, headers: { authorization } })) },
  { weight: 1, arbitrary: fc.record({ headers: holder, query: holder, body: holder }) },
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
  { weight: 8, arbitrary: nearly },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: nearly.chain((text) => fc.nat(text.length).map((end) => text.slice(0, end))) },
  { weight: 1, arbitrary: nearly.chain(edited) },
  { weight: 1, arbitrary: fc.integer({ min: 65_000, max: 66_500 }).map((size) => JSON.stringify(info()).padEnd(size)) },
  { weight: 1, arbitrary: fc.string() },
)
const anyStatus = fc.oneof(
  { weight: 10, arbitrary: fc.constant(200) },
  { weight: 2, arbitrary: fc.constantFrom(400, 401, 404, 403, 429, 502, 503, 504, 204, 307) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 599 }) },
)
const anyHeaders = fc.oneof(
  fc.constant({}),
  fc
    .oneof(fc.nat().map(String), fc.constantFrom('0', '-1', 'soon', 'Fri, 31 Dec 2199 23:59:59 GMT', '1e3'))
    .map((value) => ({ 'Retry-After': value })),
)
const anyWay: fc.Arbitrary<How> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<How>('whole') },
  { weight: 3, arbitrary: fc.constantFrom<How>('in pieces', 'no connection', 'cut', 'silent') },
)

export const accessTokenDoor: Door = door<Input>({
  open: () => void (timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })),
  close: () => timers?.restore(),
  inputs: fc.record({
    req: anyRequest,
    status: anyStatus,
    body: anyBody,
    headers: anyHeaders,
    how: anyWay,
    hasCache: fc.boolean(),
  }),
  async ours(input) {
    let calls = 0
    const fetch = async (_url: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
      calls++
      return answered(input, signal)
    }
    const strategy = new WixAccessTokenStrategy(
      { appId: APP_ID, now, fetch, ...(!input.hasCache && { cache: false }) },
      (identity) => identity,
    )
    const verdicts: Verdict[] = []
    // What is cached is no different.
    for (let time = 0; time < 2; time++) {
      const outcome = await runFast(strategy, input.req)
      if (outcome.kind === 'error') {
        if (!(outcome.error instanceof WixUnavailableError)) throw outcome.error
        if (!/^\d*$/.test(Object.values(outcome.error.headers).join(''))) throw new Error('A header of the server')
      }
      verdicts.push(verdictOfOutcome(outcome, (user) => `accepted ${(user as WixTokenInfo).instanceId}`))
    }
    const [first = '', second = ''] = verdicts
    if (first !== second) throw new Error(`First ${first}, then ${second}`)
    const isAsked = headerOracle(header(input.req)) === 'asked'
    if (isAsked ? calls < 1 || calls > 4 : calls > 0) throw new Error(`${calls} calls`)
    return first
  },
  oracle(input) {
    const verdict = headerOracle(header(input.req))
    return verdict === 'asked' ? answerOracle(input) : verdict
  },
})
