// The door of the simulator: the endpoints of Wix in WixSimulator, and the dashboard, which signs for nobody but its own page.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { type Simulator, startSimulator } from '../../devtools/simulator/index.ts'
import { WixSimulator } from '../../devtools/testing/index.ts'
import { now, SECRET } from '../support/build.ts'
import { APP_ID } from '../support/jwt.ts'
import { freePort } from '../support/free-port.ts'
import { type Door, door, type Verdict } from './door.ts'
import { editedOf, isFilled, objectIn } from './inputs.ts'
import { anyInstance, instanceOracle } from './instance.ts'

interface Input {
  to: 'wix' | 'dashboard'
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

const ORIGIN = 'http://127.0.0.1:PORT'

let wix: WixSimulator | undefined
let simulator: Simulator | undefined
let agent: Agent | undefined

/** What was issued before: the arbitrary below picks by number, since the signature is another one in each process. */
const TOKENS = 6
let issued: readonly string[] = []
let revoked = ''

const token = fc.oneof(
  { weight: 3, arbitrary: fc.nat(TOKENS).map((number) => `TOKEN${number}`) },
  { weight: 2, arbitrary: editedOf('TOKEN1', 'TOKEN2') },
  { weight: 4, arbitrary: anyInstance },
)
const body = fc.oneof(
  { weight: 6, arbitrary: token.map((token) => JSON.stringify({ token })) },
  { weight: 1, arbitrary: fc.jsonValue().map((token) => JSON.stringify({ token })) },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.constant(' '.repeat(65_537)) },
  {
    weight: 2,
    arbitrary: fc
      .dictionary(
        fc.constantFrom('grant_type', 'client_id', 'client_secret', 'instance_id'),
        fc.oneof(fc.jsonValue(), fc.constantFrom('client_credentials', APP_ID, SECRET, 'instance-1')),
        { maxKeys: 2 },
      )
      .map((changes) =>
        JSON.stringify({
          grant_type: 'client_credentials',
          client_id: APP_ID,
          client_secret: SECRET,
          instance_id: 'instance-1',
          ...changes,
        }),
      ),
  },
)
const headers = fc.record(
  {
    host: fc.constantFrom('127.0.0.1:PORT', 'localhost:PORT', 'evil.example', '127.0.0.1', '127.0.0.1:1'),
    origin: fc.constantFrom(ORIGIN, 'http://evil.example', 'null', 'http://localhost:PORT', ''),
    'content-type': fc.constantFrom('text/plain', 'application/json;', 'application/x-www-form-urlencoded'),
    'sec-fetch-site': fc.constantFrom('cross-site', 'same-site', 'none'),
  },
  { requiredKeys: ['host'] },
)
const path = fc.oneof(
  fc.constantFrom('/', '/state', '/token', '/send', '/open', '/options', '/install', '//', '/oauth2/token-info'),
  fc.string({ unit: fc.constantFrom(...'/?#%.:@-_ab0'.split('')) }).map((rest) => `/${rest}`),
)

const inputs: fc.Arbitrary<Input> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      to: fc.constant('wix' as const),
      method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT'),
      path: fc.constantFrom('/oauth2/token-info', '/oauth2/token-info', '/oauth2/token', '/oauth2/token-info/', '/'),
      headers: fc.constant({}),
      body,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      to: fc.constant('dashboard' as const),
      method: fc.constantFrom('POST', 'GET', 'PUT', 'DELETE'),
      path,
      headers,
      body,
    }),
  },
)

/** With what is known only now in its place. */
const filled = (value: string): string =>
  value
    .replaceAll(/TOKEN(\d)/g, (name, number) => issued[Number(number)] ?? name)
    .replaceAll('PORT', new URL(simulator?.url ?? '').port)

function wixOracle({ method, path, body }: Input): Verdict {
  if (method !== 'POST' || !['/oauth2/token-info', '/oauth2/token'].includes(path)) return '404'
  const content = filled(body)
  if (Buffer.byteLength(content) > 65_536) return '413'
  let sent: unknown
  try {
    sent = JSON.parse(content)
  } catch {
    sent = {}
  }
  const { token, grant_type, client_id, client_secret, instance_id } = objectIn(sent) ?? {}
  if (path === '/oauth2/token') {
    const isGranted = grant_type === 'client_credentials' && client_id === APP_ID && client_secret === SECRET
    return isGranted && isFilled(instance_id) ? 'accepted token' : '400'
  }
  if (!isFilled(token)) return '400'
  if (issued.includes(token)) return token === revoked ? 'inactive' : 'accepted'
  // It says for which app an instance is: to compare is up to the app.
  return instanceOracle(token, null).startsWith('accepted') && isWithinLife(token) ? 'accepted' : 'inactive'
}

const payloadOf = (instance: string): Record<string, unknown> => {
  try {
    return objectIn(JSON.parse(Buffer.from(instance.split('.')[1] ?? '', 'base64url').toString())) ?? {}
  } catch {
    return {}
  }
}
/** Four hours from `signDate`, or until `expirationDate`. */
const isWithinLife = (instance: string): boolean => {
  const { signDate, expirationDate } = payloadOf(instance)
  const end = isFilled(expirationDate)
    ? Math.floor(Date.parse(expirationDate) / 1000)
    : Math.floor(Date.parse(String(signDate)) / 1000) + 14_400
  return now() < end * 1000
}

/** Nobody gets anything who is no page of the dashboard. */
function dashboardOracle({ method, path, headers }: Input): Verdict {
  const { port } = new URL(simulator?.url ?? '')
  const host = filled(headers['host'] ?? '')
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) return '421'
  if (!URL.canParse(path, ORIGIN.replace('PORT', port))) return '404'
  const { pathname } = new URL(path, ORIGIN.replace('PORT', port))
  if (pathname.startsWith('/oauth2/')) return headers['origin'] !== undefined || method !== 'POST' ? '403' : 'wix'
  if (host.startsWith('localhost')) return '307'
  if (method === 'POST') return '403'
  if (pathname === '/state') return headers['sec-fetch-site'] === undefined ? 'state' : '403'
  const pages = ['/', '/dashboard.js', '/log.js', '/control.js', '/app-installer', '/installer.js', '/simulator.css']
  return method === 'GET' && [...pages, '/icon.svg'].includes(pathname) ? '200' : '404'
}

async function sent({ to, method, path, headers, body }: Input): Promise<IncomingMessage> {
  const { port } = new URL((to === 'wix' ? wix?.url : simulator?.url) ?? '')
  const filledHeaders = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, filled(value)]))
  const content = Buffer.from(method === 'GET' ? '' : filled(body))
  const outgoing = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    agent,
    headers: { ...filledHeaders, 'content-length': content.length },
  })
  outgoing.end(content)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return incoming
}

async function ours(input: Input): Promise<Verdict> {
  const answer = await sent(input)
  if (answer.headers['content-type'] === 'text/event-stream') {
    answer.destroy()
    return 'state'
  }
  const content = await text(answer)
  const status = String(answer.statusCode)
  if (input.to === 'dashboard') {
    if (status !== '200' && /OauthNG|eyJ|instance=/.test(content)) throw new Error(`A credential in a ${status}`)
    const isCallOfWix = input.path.startsWith('/oauth2/') && !['403', '421'].includes(status)
    return isCallOfWix ? 'wix' : status
  }
  if (status !== '200') return status
  const { active, access_token: accessToken } = JSON.parse(content) as { active?: unknown; access_token?: unknown }
  if (active === undefined) return isFilled(accessToken) ? 'accepted token' : 'nothing'
  return active === true ? 'accepted' : 'inactive'
}

export const simulatorDoor: Door = door<Input>({
  async open() {
    agent = new Agent({ keepAlive: true })
    wix = await WixSimulator.start({ appId: APP_ID, appSecret: SECRET, now })
    const started = wix
    issued = Array.from({ length: TOKENS }, (_, at) => started.accessToken({ instanceId: `instance-${at}` }))
    revoked = issued[0] ?? ''
    wix.revoke(revoked)
    // Nobody listens there: no command gets as far as that.
    simulator = await startSimulator({ app: `http://localhost:${await freePort()}/dashboard` })
  },
  async close() {
    agent?.destroy()
    await Promise.all([wix?.close(), simulator?.close()])
  },
  inputs,
  ours,
  oracle: (input) => (input.to === 'wix' ? wixOracle(input) : dashboardOracle(input)),
})
