import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { bearerChallenge, WixAuthError, type WixAuthErrorCode } from '../../lib/errors.ts'
import { generateSessionKey, type SessionKey, SessionTokens, verifyInstance } from '../../lib/index.ts'
import { signDigest, signInstance, signServicePlugin, signWebhook, WixSimulator } from '../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type Running } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { HOSTS } from '../support/programs.ts'
import { Pages } from './pages.ts'
import { bin, blocks, type Command, isRun, onNode, PAGE, Recipes, recipes, sections } from './recipes.ts'

const { privateKey } = APP_KEYS

/** A body and its type; null where there is none. */
type Content = readonly [type: string | null, body: unknown]

/** Where hosts differ of themselves: the columns of the table. */
interface Host {
  name: string
  start: Command | { page: string }
  /** What a strategy refuses. */
  refused(status: number, code: WixAuthErrorCode | undefined): Content
  /** What `requireIdentity` refuses. */
  denied: Content
  unavailable: Content
  failed: Content
  /** What is larger than 1 MiB. */
  tooLarge: Content
  /** Functions without the framework, whose part it is to log what they throw. */
  isBare?: true
}

const text = (status: number): Content => ['text/plain', STATUS_CODES[status]]
const json = (body: object): Content => ['application/json', body]
const messageOf = (code: WixAuthErrorCode): string => new WixAuthError(code).message
const coded = (code: WixAuthErrorCode): Content => json({ code, message: messageOf(code) })
/** Has a challenge in place of a code, as tokens have it. */
const BEARER: ReadonlySet<string> = new Set(['/token', '/userinfo'])

const express = {
  refused: (status) => [null, STATUS_CODES[status]],
  denied: coded('insufficient_scope'),
  unavailable: json({ message: 'Token Info is unavailable: status 503' }),
  failed: json({ message: 'Internal Server Error' }),
  tooLarge: json({ message: 'request entity too large' }),
} satisfies Partial<Host>

const nest = {
  refused: (status, code) =>
    code === undefined ? json({ statusCode: status, message: STATUS_CODES[status] }) : coded(code),
  denied: coded('insufficient_scope'),
  unavailable: json({ statusCode: 503, message: 'Service Unavailable' }),
  failed: json({ statusCode: 500, message: 'Internal server error' }),
  tooLarge: json({ statusCode: 413, message: 'request entity too large' }),
} satisfies Partial<Host>

const web = {
  refused: (_status, code) => coded(code ?? 'claim_invalid'),
  denied: coded('insufficient_scope'),
  unavailable: json({ code: 'unavailable', message: 'Service Unavailable' }),
  failed: json({ message: 'Internal Server Error' }),
  tooLarge: coded('body_too_large'),
} satisfies Partial<Host>
/** The recipes leave errors of the app to these. */
const THROWN = { failed: [null, ''] } satisfies Partial<Host>

const DENO = [
  'serve',
  '--allow-all',
  '--node-modules-dir=manual',
  '--unstable-sloppy-imports',
  '--host=127.0.0.1',
  '--port',
]

const HOST_LIST: Host[] = [
  { name: 'Express 5', start: onNode('express.ts'), ...express },
  { name: 'Express 4', start: onNode('express-4.ts'), ...express },
  { name: 'node:http', start: onNode('node.ts'), ...express },
  {
    name: 'Fastify 5',
    start: onNode('fastify.ts'),
    refused: text,
    denied: json({
      statusCode: 403,
      code: 'insufficient_scope',
      error: 'Forbidden',
      message: messageOf('insufficient_scope'),
    }),
    unavailable: json({
      statusCode: 503,
      error: 'Service Unavailable',
      message: 'Token Info is unavailable: status 503',
    }),
    failed: json({ statusCode: 500, error: 'Internal Server Error', message: 'Internal Server Error' }),
    tooLarge: json({
      statusCode: 413,
      code: 'FST_ERR_CTP_BODY_TOO_LARGE',
      error: 'Payload Too Large',
      message: 'Request body is too large',
    }),
  },
  {
    name: 'Koa 3',
    start: onNode('koa.ts'),
    refused: text,
    denied: ['text/plain', messageOf('insufficient_scope')],
    unavailable: text(503),
    failed: text(500),
    tooLarge: ['text/plain', 'request entity too large'],
  },
  { name: 'Nest 12 on Express', start: onNode('nest.ts'), ...nest },
  {
    name: 'Nest 12 on Fastify',
    start: onNode('nest-fastify.ts'),
    ...nest,
    tooLarge: json({ statusCode: 413, message: 'Request body is too large' }),
  },
  { name: 'Nest 11 on Express', start: onNode('nest.ts', 'nest-11'), ...nest },
  {
    name: 'Nest 11 on Fastify',
    start: onNode('nest-fastify.ts', 'nest-11'),
    ...nest,
    tooLarge: json({ statusCode: 413, message: 'Request body is too large' }),
  },
  { name: 'Hono', start: onNode('hono.ts'), ...web },
  {
    name: 'Next.js 16',
    start: {
      folder: 'next',
      command: (port) => [bin('next'), 'dev', '--port', port],
      environment: { NODE_ENV: 'development', NEXT_TELEMETRY_DISABLED: '1' },
    },
    ...web,
    ...THROWN,
  },
  { name: 'a Next.js route handler', start: onNode('next.ts'), ...web, ...THROWN, isBare: true },
  { name: 'Astro 5', start: { page: 'docs/hosts/astro.md' }, ...web, ...THROWN },
  {
    name: 'SvelteKit 2',
    start: { page: 'docs/hosts/sveltekit.md' },
    ...web,
    failed: json({ message: 'Internal Error' }),
    // Of its adapter for Node, at 512 KiB.
    tooLarge: json({ message: 'Payload Too Large' }),
  },
  { name: 'a Fetch handler on Node', start: onNode('fetch-node.ts'), ...web },
  {
    name: 'a Fetch handler on Bun',
    start: { command: () => [bin('bun'), 'fetch.ts'] },
    ...web,
  },
  {
    name: 'a Fetch handler on Deno',
    start: { command: (port) => [bin('deno'), ...DENO, port, 'fetch.ts'] },
    ...web,
  },
  {
    name: 'a Fetch handler on workerd',
    start: { command: (port) => [bin('workerd'), 'serve', 'workerd.capnp', `--socket-addr=http=127.0.0.1:${port}`] },
    ...web,
  },
]

interface Answer {
  status: number
  content: Content | ((host: Host) => Content)
  challenge?: string
  retryAfter?: string
}

const ok = (body: object): Answer => ({ status: 200, content: json(body) })
const refused = (status: number, code?: WixAuthErrorCode, challenge?: string): Answer => ({
  status,
  content: (host) => host.refused(status, code),
  ...(challenge !== undefined && { challenge }),
})
const bearer = (code: WixAuthErrorCode): string => bearerChallenge(new WixAuthError(code))

const owner = (instanceId: string, more: object = {}): string =>
  signInstance({ instanceId, uid: 'me', permissions: 'OWNER', ...more }, APP_SECRET)
/** The answer of /userinfo, but for `exp`. */
const info = (subjectType: string, subjectId: string, more: object = {}): object => ({
  sub: `${subjectType}:${subjectId}`,
  instanceId: 'site-1',
  subjectType,
  subjectId,
  clientId: null,
  siteId: null,
  permissions: null,
  vendorProductId: null,
  siteOwnerId: null,
  ...more,
})
const user = { user: { id: 'me', site: 'site-1' } }

const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  body,
})
let last = 0
const event = (eventType: string, entityId?: string): string => {
  const data = { id: `event-${last++}`, entityFqdn: 'wix.ecom.v1.order', entityId }
  return signWebhook({ instanceId: 'site-1', eventType, data }, privateKey)
}

/** What the requests of the table stand on. */
interface Setting {
  wix: WixSimulator
  session: () => Promise<string>
}

type Asked = readonly [path: string, init?: RequestInit]

interface Row {
  title: string
  ask: (setting: Setting) => Asked | Promise<Asked>
  answer: Answer
}

const get = (path: string, authorization?: string): [path: string, init: RequestInit] => [
  path,
  { headers: authorization === undefined ? {} : { authorization } },
]
const row = (title: string, ask: Row['ask'], answer: Answer): Row => ({ title, ask, answer })

const repeated = event('repeated')
const failing = event('fails')

const TABLE: Row[] = [
  row('the owner, by query', () => get(`/dashboard?instance=${owner('site-1')}`), ok(user)),
  row('the owner, by header', () => get('/dashboard', owner('site-1')), ok(user)),
  row('the owner, after Bearer', () => get('/dashboard', `Bearer ${owner('site-1')}`), ok(user)),
  row('a user who is found later', () => get('/dashboard', owner('slow')), ok({ user: { id: 'me', site: 'slow' } })),
  row('a user who is not found', () => get('/dashboard', owner('unknown')), refused(401)),
  row('a verify callback that throws', () => get('/dashboard', owner('broken')), {
    status: 500,
    content: ({ failed }) => failed,
  }),
  row('an anonymous visitor', () => get('/dashboard', owner('site-1', { aid: 'visitor-1' })), {
    status: 403,
    content: ({ denied }) => denied,
  }),
  row('no instance', () => get('/dashboard'), refused(401, 'credentials_missing')),
  row('what is no instance', () => get('/dashboard?instance=forged'), refused(401, 'token_malformed')),
  row(
    'an instance of another secret',
    () => get('/dashboard', signInstance({ instanceId: 'site-1' }, 'another-secret')),
    refused(401, 'signature_invalid'),
  ),
  row(
    'an instance of last week',
    () => get('/dashboard', owner('site-1', { signDate: '2020-01-01T00:00:00.000Z' })),
    refused(401, 'token_expired'),
  ),
  row(
    'two instances in the query',
    () => get(`/dashboard?instance=${owner('site-1')}&instance=${owner('site-1')}`),
    refused(400, 'request_invalid'),
  ),
  row(
    'an instance in the query and one in the header',
    () => get(`/dashboard?instance=${owner('site-1')}`, owner('site-1')),
    refused(400, 'request_invalid'),
  ),
  row(
    'an instance of the secret of this route',
    () => get('/late', signInstance({ instanceId: 'site-1', uid: 'me' }, 'secret-of-the-route')),
    ok(user),
  ),
  row(
    'an instance of the secret of other routes',
    () => get('/late', owner('site-1')),
    refused(401, 'signature_invalid'),
  ),
  row(
    'an access token',
    ({ wix }) => get('/token', wix.accessToken({ instanceId: 'site-1', subjectType: 'USER', subjectId: 'me' })),
    ok(user),
  ),
  row('no access token', () => get('/token'), refused(401, 'credentials_missing', bearer('credentials_missing'))),
  row(
    'an access token that Wix does not know',
    () => get('/token', 'Bearer OauthNG.JWS.a.b.c'),
    refused(401, 'token_inactive', bearer('token_inactive')),
  ),
  row(
    'a session',
    async ({ session }) => get('/userinfo', `Bearer ${await session()}`),
    ok(info('USER', 'me', { permissions: 'OWNER' })),
  ),
  row(
    'an access token after a session in a chain',
    ({ wix }) => get('/userinfo', wix.accessToken({ instanceId: 'site-1', subjectType: 'MEMBER', subjectId: 'ann' })),
    ok(info('MEMBER', 'ann', { clientId: APP_ID })),
  ),
  row(
    'nothing for a chain',
    () => get('/userinfo'),
    refused(401, 'credentials_missing', [1, 2].map(() => bearer('credentials_missing')).join(', ')),
  ),
  row('a webhook', () => ['/webhooks', post(event('created'))], ok({ received: 'created', attempt: 1 })),
  row(
    'a webhook that comes twice: once',
    () => ['/webhooks', post(repeated)],
    ok({ received: 'repeated', attempt: 1 }),
  ),
  row('a webhook that comes twice: again', () => ['/webhooks', post(repeated)], { status: 200, content: [null, ''] }),
  row('a webhook whose handler fails', () => ['/webhooks', post(failing)], {
    status: 500,
    content: ({ failed }) => failed,
  }),
  row('a webhook whose handler has failed', () => ['/webhooks', post(failing)], ok({ received: 'fails', attempt: 2 })),
  row(
    'a webhook of another key',
    () => ['/webhooks', post(`${event('created').slice(0, -8)}AAAAAAAA`)],
    refused(401, 'signature_invalid'),
  ),
  row('a webhook without a body', () => ['/webhooks', post('')], refused(401, 'credentials_missing')),
  row('a webhook of more than 1 MiB', () => ['/webhooks', post('a'.repeat(1_048_577))], {
    status: 413,
    content: ({ tooLarge }) => tooLarge,
  }),
  row(
    'a call of a service plugin',
    () => [
      '/plugin',
      post(signServicePlugin({ appId: APP_ID, metadata: { instanceId: 'site-1', currency: 'EUR' } }, privateKey)),
    ],
    ok({ instanceId: 'site-1', currency: 'EUR' }),
  ),
  row(
    'a call of a service plugin of another app',
    () => ['/plugin', post(signServicePlugin({ appId: 'another', metadata: { instanceId: 'site-1' } }, privateKey))],
    refused(401, 'claim_invalid'),
  ),
  row(
    'a Digest',
    () => [
      '/digest',
      post('{ "a":  "b" }', { 'content-type': 'application/json', digest: signDigest('{ "a":  "b" }', privateKey) }),
    ],
    ok({ a: 'b' }),
  ),
  row(
    'a Digest of another body',
    () => [
      '/digest',
      post('{"a":"c"}', { 'content-type': 'application/json', digest: signDigest('{"a":"b"}', privateKey) }),
    ],
    refused(401, 'signature_invalid'),
  ),
  row(
    'an access token while Wix is out',
    ({ wix }) => {
      wix.fault('token-info', { status: 503, headers: { 'Retry-After': '7' } })
      return get('/token', wix.accessToken({ instanceId: 'site-1' }))
    },
    { status: 503, content: ({ unavailable }) => unavailable, retryAfter: '7' },
  ),
]

async function shown(response: Response): Promise<object> {
  const type = response.headers.get('content-type')?.split(';')[0] ?? null
  const body = await response.text()
  return {
    status: response.status,
    type,
    // All but `exp` of the user info, which is that of the credential.
    body: type === 'application/json' ? JSON.parse(body, (name, value) => (name === 'exp' ? undefined : value)) : body,
    challenge: response.headers.get('www-authenticate') ?? undefined,
    retryAfter: response.headers.get('retry-after') ?? undefined,
  }
}

function expected(host: Host, { status, content, challenge, retryAfter }: Answer): object {
  const [type, body] = typeof content === 'function' ? content(host) : content
  return { status, type, body, challenge, retryAfter }
}

describe('The page docs/frameworks.md', () => {
  it('has files of at most twenty lines, which all belong to a program', () => {
    const long = [...recipes].filter(([, code]) => code.split('\n').filter((line) => line.trim() !== '').length > 21)
    expect(long.map(([name]) => name)).to.deep.equal([], 'with their name in the first line')
    expect([...recipes.keys()].filter((name) => !isRun(name))).to.deep.equal([])
  })

  it('installs what each recipe imports, and its types where it has none', async () => {
    const [shared, ...hosts] = sections
    expect(hosts.length).to.be.at.least(6)
    const missing = hosts.flatMap(({ packages, files }) => {
      const installed = new Set([...(shared?.packages ?? []), ...packages])
      const imports = files
        .filter((name) => !/^next-|^nest-fastify/.test(name)) // in a project of the framework, or said in words
        .flatMap((name) => (recipes.get(name) ?? '').match(/(?<= from ')(?:@[^/]+\/)?[^./'][^/']*/g) ?? [])
        .filter((name) => !name.startsWith('node:'))
      // What the types of Passport's hosts refer to.
      if (imports.some((name) => name.endsWith('passport') && name !== 'koa-passport')) imports.push('@types/passport')
      for (const name of ['express', 'koa', 'koa-passport']) if (imports.includes(name)) imports.push(`@types/${name}`)
      return imports.filter((name) => !installed.has(name))
    })
    expect(missing).to.deep.equal([])
  })

  it('makes the keys that the recipes need', async () => {
    const { code = '' } = blocks.find((block) => block.code.includes('SESSION_KEYS=')) ?? {}
    const script = code.replace(/^npx tsx .*$/m, 'printf %s "$SESSION_KEYS"')
    expect(script).to.not.equal(code)
    const cwd = await mkdtemp(join(tmpdir(), 'passport-wix-app-keys-'))
    await symlink(join(import.meta.dirname, '../../node_modules'), join(cwd, 'node_modules'))
    await writeFile(join(cwd, 'public.pem'), APP_KEYS.publicKey)
    const { stdout } = await promisify(execFile)('sh', ['-ec', script], { cwd })
    await rm(cwd, { recursive: true })
    const keys = JSON.parse(stdout) as SessionKey[]
    expect(new SessionTokens({ keys, issuer: 'i', audience: 'a' })).to.be.an('object')
  })

  it('says how many requests there are', async () => {
    expect(await readFile(PAGE, 'utf8')).to.include(`the same ${TABLE.length + 2} requests`)
  })
})

describeWith(HOSTS, 'The recipes of docs/frameworks.md', function () {
  this.timeout(180_000)

  let wix: WixSimulator
  let programs: Recipes
  let pages: Pages
  let setting: Setting
  const running = new Map<Host, Promise<Running>>()
  before(async () => {
    wix = await WixSimulator.start({ appId: APP_ID, appSecret: APP_SECRET })
    const keys = [await generateSessionKey()]
    const environment = {
      WIX_APP_ID: APP_ID,
      WIX_APP_SECRET: APP_SECRET,
      WIX_PUBLIC_KEY: APP_KEYS.publicKey,
      WIX_API_URL: wix.url,
      SESSION_KEYS: JSON.stringify(keys),
    }
    programs = await Recipes.open(environment)
    pages = new Pages(environment)
    const sessions = new SessionTokens({ keys, issuer: 'https://your-backend.example', audience: 'your-api' })
    const session = () => sessions.issue(verifyInstance(owner('site-1'), { secret: APP_SECRET }))
    setting = { wix, session }
    // One after the other, also after one that fails: all at once take minutes on a machine that has never started them.
    let last: Promise<unknown> = Promise.resolve()
    for (const host of HOST_LIST) {
      const started = last.then(() =>
        'page' in host.start ? pages.start(host.start.page) : programs.start(host.start),
      )
      last = started.catch(() => {})
      // It is awaited by the tests of the host.
      running.set(host, started)
    }
  })
  after(async () => {
    await programs?.close()
    await pages?.close()
    await wix?.close()
  })

  for (const host of HOST_LIST) {
    describe(`in ${host.name}`, () => {
      let server: Running
      before(async () => {
        server = (await running.get(host)) as Running
        setting.wix.fault('token-info', null)
      })

      it('a webhook that is in flight', async () => {
        const delivery = post(event('waits', 'order-1'))
        const deliveries = [1, 2].map(async () => shown(await server.ask('/webhooks', delivery)))
        expect(await Promise.race(deliveries)).to.deep.equal(
          expected(host, { status: 503, content: [null, ''], retryAfter: '1' }),
        )
        await server.ask('/webhooks', post(event('ends', 'order-1')))
        expect(await Promise.all(deliveries)).to.deep.include(expected(host, ok({ received: 'waits', attempt: 1 })))
      })

      it('a webhook that is sent as JSON, which Nest alone refuses', async () => {
        const answer = await server.ask('/webhooks', post(event('created'), { 'content-type': 'application/json' }))
        expect(answer.status).to.equal(host.refused === nest.refused ? 400 : 200)
      })

      for (const { title, ask, answer } of TABLE) {
        it(title, async () => {
          const [path, init] = await ask(setting)
          const got = await shown(await server.ask(path, init))
          const isBearer = BEARER.has(path) && host.refused === nest.refused && answer.status === 401
          expect(got).to.deep.equal(expected(host, isBearer ? refused(401, undefined, answer.challenge) : answer))
        })
      }

      if (host.isBare) return
      it('errors of the app are in the log', async () => {
        await server.printed(/The database is gone/)
        await server.printed(/The handler has failed/)
        // Refusals and credentials are not.
        expect(server.output).to.not.include(owner('broken').slice(0, 43))
      })
    })
  }
})
