import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { bearerChallenge, WixAuthError, type WixAuthErrorCode } from '../../lib/errors.ts'
import { generateSessionKey, SessionTokens } from '../../lib/index.ts'
import { verifyInstance } from '../support/verify.ts'
import { signDigest, signInstance, signServicePlugin, signWebhook, WixSimulator } from '../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, APP_SECRET, type Running } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { HOSTS } from '../support/programs.ts'
import { HOST_PAGES, installedBy, Pages, type PageStart } from './pages.ts'

const { privateKey } = APP_KEYS

/** A body and its type; null where there is none. */
type Content = readonly [type: string | null, body: unknown]

/** Where hosts differ of themselves: the columns of the table. */
interface Host {
  name: string
  start: PageStart
  /** What a strategy refuses. */
  refused(status: number, code: WixAuthErrorCode | undefined): Content
  /** What `requireIdentity` refuses. */
  denied: Content
  unavailable: Content
  failed: Content
  /** What is larger than 1 MiB. */
  tooLarge: Content
  /** Its own parser reads what is JSON by its type, and refuses a JWT. */
  parsesJson?: true
  /** Routes, where it has not all. Default: all. */
  paths?: readonly string[]
}

const text = (status: number): Content => ['text/plain', STATUS_CODES[status]]
const json = (body: object): Content => ['application/json', body]
const messageOf = (code: WixAuthErrorCode): string => new WixAuthError(code).message
const coded = (code: WixAuthErrorCode): Content => json({ code, message: messageOf(code) })
/** Has a challenge in place of a code, as tokens have it. */
const BEARER: ReadonlySet<string> = new Set(['/token', '/userinfo'])

const express = {
  refused: (_status, code) => coded(code ?? 'claim_invalid'),
  denied: coded('insufficient_scope'),
  unavailable: json({ code: 'unavailable', message: 'Service Unavailable' }),
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
  parsesJson: true,
} satisfies Partial<Host>

const web = {
  refused: (_status, code) => coded(code ?? 'claim_invalid'),
  denied: coded('insufficient_scope'),
  unavailable: json({ code: 'unavailable', message: 'Service Unavailable' }),
  failed: text(500),
  tooLarge: coded('body_too_large'),
} satisfies Partial<Host>
/** These answer errors of the app themselves. */
const THROWN = { failed: [null, ''] } satisfies Partial<Host>

const onFastify = (): string => 'node dist/main-fastify.js'
const fastifyTooLarge = json({ statusCode: 413, message: 'Request body is too large' })
/** As `nest new` made projects before Nest 12. */
const NEST_11 = { page: 'docs/hosts/nest.md', parent: 'nest-11', type: 'commonjs' } as const

const SERVERLESS = 'docs/serverless.md'
const MIDDLEWARE = 'docs/hosts/express-middleware.md'
const FUNCTIONS_FRAMEWORK = '../node_modules/@google-cloud/functions-framework/build/src/main.js'
const gateway = (kind: string, module: string) => (): string => `tsx --env-file=.env ../gateway.ts ${kind} ${module}`
/** Who has read the whole body before has no limit of its own. */
const refusedByStrategy: Content = coded('body_too_large')

const HOST_LIST: Host[] = [
  { name: 'Express 5', start: { page: 'docs/hosts/express.md' }, ...express },
  {
    name: 'Express 4',
    start: { page: 'docs/hosts/express.md', edits: [["from 'express'", "from 'express-4'"]] },
    ...express,
  },
  { name: 'node:http', start: { page: 'docs/hosts/node.md' }, ...express },
  {
    name: 'Fastify 5',
    start: { page: 'docs/hosts/fastify.md' },
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
    start: { page: 'docs/hosts/koa.md' },
    refused: text,
    denied: ['text/plain', messageOf('insufficient_scope')],
    unavailable: text(503),
    failed: text(500),
    tooLarge: ['text/plain', 'request entity too large'],
  },
  { name: 'Nest 12 on Express', start: { page: 'docs/hosts/nest.md' }, ...nest },
  {
    name: 'Nest 12 on Fastify',
    start: { page: 'docs/hosts/nest.md', start: onFastify },
    ...nest,
    tooLarge: fastifyTooLarge,
  },
  { name: 'Nest 11 on Express', start: NEST_11, ...nest },
  { name: 'Nest 11 on Fastify', start: { ...NEST_11, start: onFastify }, ...nest, tooLarge: fastifyTooLarge },
  { name: 'Hono', start: { page: 'docs/hosts/hono.md' }, ...web },
  { name: 'Next.js 16', start: { page: 'docs/hosts/next.md' }, ...web, ...THROWN },
  { name: 'Astro 5', start: { page: 'docs/hosts/astro.md' }, ...web, ...THROWN },
  {
    name: 'SvelteKit 2',
    start: { page: 'docs/hosts/sveltekit.md' },
    ...web,
    failed: json({ message: 'Internal Error' }),
    // Of its adapter for Node, at 512 KiB.
    tooLarge: json({ message: 'Payload Too Large' }),
  },
  {
    name: 'React Router 7',
    start: { page: 'docs/hosts/react-router.md' },
    ...web,
    failed: ['text/plain', 'Unexpected Server Error'],
  },
  { name: 'Bun', start: { page: 'docs/hosts/bun.md' }, ...web },
  { name: 'Deno', start: { page: 'docs/hosts/deno.md' }, ...web },
  { name: 'Workers', start: { page: 'docs/hosts/workers.md' }, ...web },
  // Functions without a server.
  ...['2.0', '1.0', 'alb'].flatMap((kind): Host[] => [
    {
      name: `Lambda by serverless-http, with events of the format ${kind}`,
      start: { page: SERVERLESS, start: gateway(kind, 'lambda.ts') },
      ...express,
      tooLarge: refusedByStrategy,
    },
    {
      name: `Lambda by @codegenie/serverless-express, with events of the format ${kind}`,
      start: { page: SERVERLESS, start: gateway(kind, 'lambda-codegenie.ts') },
      ...express,
    },
  ]),
  {
    name: 'Functions Framework of Google Cloud',
    start: { page: SERVERLESS, start: () => `tsx --env-file=.env ${FUNCTIONS_FRAMEWORK} --target=wix` },
    ...express,
    tooLarge: refusedByStrategy,
    parsesJson: true,
  },
  {
    name: 'Azure Functions',
    start: { page: SERVERLESS, start: gateway('azure', 'azure.ts') },
    ...web,
    failed: [null, ''],
    paths: ['/webhooks'],
  },
  {
    name: 'a handler of Node, as at Vercel',
    start: { page: SERVERLESS, start: gateway('node', 'vercel.ts') },
    ...express,
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
  row('a user who is no JSON, such as a bigint of a database', () => get('/dashboard', owner('no-json')), {
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
    // Some join several with a comma alone.
    challenge: response.headers.get('www-authenticate')?.replace(/,(?=\S)/, ', '),
    retryAfter: response.headers.get('retry-after') ?? undefined,
  }
}

function expected(host: Host, { status, content, challenge, retryAfter }: Answer): object {
  const [type, body] = typeof content === 'function' ? content(host) : content
  return { status, type, body, challenge, retryAfter }
}

describe('The pages docs/hosts/*.md and docs/serverless.md', () => {
  it('are all run here', () => {
    const run = new Set([...HOST_LIST.map(({ start }) => start.page), MIDDLEWARE])
    expect([...run].toSorted()).to.deep.equal(HOST_PAGES.toSorted())
  })

  it('are all in the table of docs/frameworks.md', async () => {
    const index = await readFile(join(import.meta.dirname, '../../docs/frameworks.md'), 'utf8')
    for (const page of HOST_PAGES.filter((name) => name !== MIDDLEWARE))
      expect(index).to.include(`](${page.slice('docs/'.length)})`)
  })

  for (const page of HOST_PAGES) {
    it(`install what ${page} imports, and its types where it has none`, async () => {
      const { installs, imports } = await installedBy(page)
      expect(imports.filter((imported) => !installs.includes(imported))).to.deep.equal([])
    })
  }
})

describeWith(HOSTS, 'The apps of docs/hosts/*.md and docs/serverless.md', function () {
  this.timeout(180_000)

  let wix: WixSimulator
  let pages: Pages
  let setting: Setting
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
    pages = new Pages(environment)
    const sessions = new SessionTokens({ keys, issuer: 'https://your-backend.example', audience: 'your-api' })
    const session = async () => sessions.issue(await verifyInstance(owner('site-1'), { secret: APP_SECRET }))
    setting = { wix, session }
  })
  after(async () => {
    await pages?.close()
    await wix?.close()
  })

  for (const host of HOST_LIST) {
    describe(`in ${host.name}`, () => {
      let server: Running
      before(async () => {
        server = await pages.start(host.start)
        setting.wix.fault('token-info', null)
      })
      after(() => server?.close())

      it('a webhook that is in flight', async () => {
        const delivery = post(event('waits', 'order-1'))
        const deliveries = [1, 2].map(async () => shown(await server.ask('/webhooks', delivery)))
        expect(await Promise.race(deliveries)).to.deep.equal(
          expected(host, { status: 503, content: [null, ''], retryAfter: '1' }),
        )
        await server.ask('/webhooks', post(event('ends', 'order-1')))
        expect(await Promise.all(deliveries)).to.deep.include(expected(host, ok({ received: 'waits', attempt: 1 })))
      })

      it('a webhook that is sent as JSON, which Nest and Google Cloud refuse', async () => {
        const answer = await server.ask('/webhooks', post(event('created'), { 'content-type': 'application/json' }))
        expect(answer.status).to.equal(host.parsesJson ? 400 : 200)
      })

      for (const { title, ask, answer } of TABLE) {
        it(title, async () => {
          const [path, init] = await ask(setting)
          if (host.paths?.includes(path) === false) return
          const got = await shown(await server.ask(path, init))
          const isBearer = BEARER.has(path) && host.refused === nest.refused && answer.status === 401
          expect(got).to.deep.equal(expected(host, isBearer ? refused(401, undefined, answer.challenge) : answer))
        })
      }

      if (host.start.page === 'docs/hosts/next.md')
        it('a page with the instance in its parameters', async () => {
          const textOf = async (instance: string): Promise<string> =>
            (await (await server.ask(`/site?instance=${instance}`)).text()).replaceAll('<!-- -->', '')
          expect(await textOf(owner('site-1'))).to.include('<h1>The app on site site-1</h1>')
          const visitor = signInstance({ instanceId: 'site-1', aid: 'visitor' }, APP_SECRET)
          expect(await textOf(visitor)).to.include('<p role="alert">Only the owner of the site may see this</p>')
          expect(await textOf('forged')).to.include('<p role="alert">Please reload the page</p>')
        })

      it('errors of the app are in the log', async () => {
        if (host.paths === undefined) await server.printed(/The database is gone/)
        await server.printed(/The handler has failed/)
        // Refusals and credentials are not.
        expect(server.output).to.not.include(owner('broken').slice(0, 43))
      })
    })
  }
})

describeWith(HOSTS, 'The test in docs/hosts/nest.md', function () {
  this.timeout(60_000)

  it('passes', async () => {
    const pages = new Pages({})
    const folder = await pages.write('docs/hosts/nest.md')
    try {
      for (const line of ['tsc', 'node --test dist/site.test.js']) await pages.run(line, folder)
    } finally {
      await pages.close()
    }
  })
})

describeWith(HOSTS, `The app of ${MIDDLEWARE}`, function () {
  this.timeout(60_000)

  const instance = owner('site-1')
  let pages: Pages
  let server: Running
  before(async () => {
    pages = new Pages({ WIX_APP_ID: APP_ID, WIX_APP_SECRET: APP_SECRET, WIX_PUBLIC_KEY: APP_KEYS.publicKey })
    server = await pages.start({ page: MIDDLEWARE })
  })
  after(() => pages?.close())

  it('lets the dashboard of Wix embed its page, and the page tell nobody its address', async () => {
    const { status, headers } = await server.ask(`/dashboard?instance=${instance}`)
    expect(status).to.equal(200)
    expect(headers.get('x-frame-options')).to.equal(null)
    expect(headers.get('content-security-policy')).to.include(
      'frame-ancestors https://manage.wix.com https://*.manage.wix.com;',
    )
    expect(headers.get('referrer-policy')).to.equal('no-referrer')
    const visitor = owner('site-1', { aid: 'visitor-1' })
    expect(await shown(await server.ask(`/dashboard?instance=${visitor}`))).to.include({ status: 403 })
  })

  it('answers the preflight of a browser, and then asks for a credential', async () => {
    const origin = 'https://my-site.example'
    const preflight = await server.ask('/api/me', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    })
    expect(preflight.status).to.equal(204)
    expect(preflight.headers.get('access-control-allow-origin')).to.equal(origin)
    expect(preflight.headers.get('access-control-allow-headers')).to.match(/authorization/i)
    const answer = await server.ask('/api/me', { headers: { origin } })
    expect(answer.status).to.equal(401)
    expect(answer.headers.get('access-control-allow-origin')).to.equal(origin)
  })

  it('logs each request twice, and no credential', async () => {
    const referer = `https://your-backend.example/dashboard?instance=${instance}`
    await server.ask('/dashboard', { headers: { authorization: instance, referer } })
    await server.ask(`/dashboard?instance=${instance}`)
    await server.printed(/GET \/dashboard 200 [^]*GET \/dashboard 200 /)
    await server.printed(/"req":{"method":"GET","path":"\/dashboard"},"res":{"statusCode":200}/)
    expect(server.output).to.not.include(instance.slice(0, 43))
    expect(server.output).to.not.include(instance.slice(44))
  })
})
