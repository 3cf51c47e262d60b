// The door of Fetch requests: authenticateRequest with each strategy, and toResponse.
import fc from 'fast-check'
import {
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixUnavailableError,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { authenticateRequest, toResponse } from '../../lib/fetch/index.ts'
import { accessToken, info, response } from '../support/access-token.ts'
import { now, SECRET } from '../support/build.ts'
import { APP_ID, BODY, PUBLIC_KEY } from '../support/jwt.ts'
import { SESSION_KEYS, sessionTokens } from '../support/session.ts'
import { headerOracle } from './access-token.ts'
import { digestOracle } from './digest.ts'
import { type Door, door, type Verdict } from './door.ts'
import { decoded, isFilled } from './inputs.ts'
import { anyInstance, instanceOracle } from './instance.ts'
import { anyJwt } from './jwt.ts'
import { servicePluginOracle } from './service-plugin.ts'
import { anySession, sessionOracle } from './session.ts'
import { webhookOracle } from './webhook.ts'

const KEYS = [SESSION_KEYS.ES256, SESSION_KEYS.EdDSA, SESSION_KEYS.RS256]
const fetch = async (): Promise<Response> => response(info(), 200)

const STRATEGIES = {
  instance: new WixAppStrategy({ secret: SECRET, appId: APP_ID, now }, (identity) => identity),
  'access token': new WixAccessTokenStrategy({ appId: APP_ID, now, fetch }, (identity) => identity),
  session: new WixSessionStrategy({ tokens: sessionTokens({ keys: KEYS }) }),
  webhook: new WixWebhookStrategy({ publicKey: PUBLIC_KEY, now }),
  'service plugin': new WixServicePluginStrategy({ publicKey: PUBLIC_KEY, appId: APP_ID, now }),
  digest: new WixDigestStrategy({ publicKey: PUBLIC_KEY, now }),
} as const
type Kind = keyof typeof STRATEGIES

interface Input {
  kind: Kind
  query: ReadonlyArray<[name: string, value: string]>
  headers: ReadonlyArray<[name: string, value: string]>
  /** In pieces. */
  body: readonly Uint8Array[]
}

/** Percent signs everywhere, so that nothing is left of the form. */
const encoded = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')

function requestOf({ query, headers, body }: Input): Request {
  const url = new URL('https://app.example/page')
  url.search = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of body) controller.enqueue(piece)
      controller.close()
    },
  })
  const sent = { method: 'POST', headers: headers.map(([name, value]): [string, string] => [name, value]) }
  // `duplex` is not among the types of Node 20.
  return new Request(url, body.length === 0 ? sent : Object.assign(sent, { body: stream, duplex: 'half' }))
}

/** The one header of this name; several are joined with commas, which no credential has. */
const headerOf = ({ headers }: Input, wanted: string): string =>
  headers
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value.replaceAll(/^[\t\n\r ]+|[\t\n\r ]+$/g, ''))
    .join(', ')

const withoutBearer = (header: string): string =>
  /^bearer /i.test(header) ? header.slice(7).trim() : header.includes(' ') ? '' : header

function instanceIn(input: Input): Verdict {
  const values = input.query.filter(([name]) => name === 'instance').map(([, value]) => value)
  if (values.length > 1) return 'refused'
  const header = headerOf(input, 'authorization')
  const [, bearer, rest = ''] = /^(bearer\s+)?(.*)$/is.exec(header) ?? []
  const [signature = '', ...more] = rest.split('.')
  const isInstance =
    more.length === 1 && !/\s/.test(rest) && (bearer === undefined || decoded(signature)?.length === 32)
  const found = [values[0], isInstance ? rest : ''].filter(isFilled)
  if (found.length !== 1 || /^(?:[^\s,=]+ +)?[^\s,=]*=*,/.test(header)) return 'refused'
  return instanceOracle(found[0])
}

function oracle(input: Input): Verdict {
  const authorization = headerOf(input, 'authorization')
  const body = Buffer.concat(input.body)
  const text = body.toString('latin1')
  const verdicts: Record<Kind, () => Verdict> = {
    instance: () => instanceIn(input),
    'access token': () => (headerOracle(authorization) === 'asked' ? 'accepted' : 'refused'),
    session: () => sessionOracle(withoutBearer(authorization)),
    webhook: () => webhookOracle(text),
    'service plugin': () => servicePluginOracle(text),
    digest: () => digestOracle(headerOf(input, 'digest'), body),
  }
  return verdicts[input.kind]().startsWith('accepted') ? 'accepted' : 'refused'
}

const credential = fc.oneof(
  anyInstance,
  anySession,
  anyJwt,
  anyJwt.map((token) => `JWT=${token}`),
  fc.constantFrom(accessToken(), `${accessToken()}=`, 'IST.a.b.c'),
)
/** Half of a surrogate pair cannot be in an address. */
const wellFormed = (text: string): string => Buffer.from(text).toString()
/** What `fetch` itself takes as the value of a header. */
const latin = (text: string): string => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')
const headerValue = fc
  .tuple(fc.constantFrom('', '', 'Bearer ', 'bearer  ', 'Basic '), credential)
  .map(([scheme, text]) => scheme + latin(text))
const header = fc.tuple(fc.constantFrom('authorization', 'Authorization', 'digest', 'x-other'), headerValue)
const parameter = fc.tuple(
  fc.constantFrom('instance', 'instance', 'token', 'Instance', '__proto__'),
  credential.map(wellFormed),
)
/** In one to three pieces. */
const body = fc
  .tuple(
    fc.oneof(
      credential.map((text) => Buffer.from(text)),
      fc.constant(BODY),
    ),
    fc.nat(),
    fc.nat(),
  )
  .map(([bytes, ...cuts]) => {
    const [first = 0, second = 0] = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other)
    return [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
  })

const bearer = (token: string): Input['headers'] => [['authorization', `Bearer ${token}`]]

const kind = fc.constantFrom(...(Object.keys(STRATEGIES) as Kind[]))
const anywhere = fc.record({
  kind,
  query: fc.array(parameter, { maxLength: 2 }),
  headers: fc.array(header, { maxLength: 2 }),
  body: fc.oneof(fc.constant([]), body),
})

const only = (kind: Kind, held: Partial<Input>): Input => ({ query: [], headers: [], body: [], ...held, kind })

/** Each where it belongs, so that some are genuine. */
const usual = fc.oneof(
  anyInstance.map((text) => only('instance', { query: [['instance', wellFormed(text)]] })),
  anySession.map((text) => only('session', { headers: bearer(latin(text)) })),
  fc.constant(only('access token', { headers: bearer(accessToken()) })),
  anyJwt.map((text) => only('webhook', { body: [Buffer.from(text)] })),
  anyJwt.map((text) => only('service plugin', { body: [Buffer.from(text)] })),
  anyJwt.map((text) => only('digest', { headers: [['digest', latin(`JWT=${text}`)]], body: [BODY] })),
)

/** Each of it sent twice: it is unclear which one was meant. */
const twice = ({ query, headers, ...rest }: Input): Input => ({
  ...rest,
  query: [...query, ...query],
  headers: [...headers, ...headers],
})

export const fetchDoor: Door = door<Input>({
  inputs: fc.oneof(
    { weight: 2, arbitrary: anywhere },
    { weight: 3, arbitrary: usual },
    { weight: 1, arbitrary: usual.map(twice) },
  ),
  async ours(input) {
    try {
      await authenticateRequest(requestOf(input), STRATEGIES[input.kind])
      return 'accepted'
    } catch (error) {
      if (error instanceof WixUnavailableError) throw error
      // Anything but a refusal is thrown here.
      const answer = toResponse(error)
      const { code, message } = (await answer.json()) as { code: unknown; message: unknown }
      if (![400, 401, 413].includes(answer.status) || !isFilled(code) || !isFilled(message))
        throw new Error(`An answer of another form: ${answer.status}`, { cause: error })
      return 'refused'
    }
  },
  oracle,
})
