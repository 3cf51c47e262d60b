import { type ChildProcess, spawn } from 'node:child_process'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  generateSessionKey,
  requireIdentity,
  type Verify,
  WixAccessTokenStrategy,
  WixAppStrategy,
  type WixAuthenticateEvent,
  WixAuthError,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixUnavailableError,
  WixWebhookStrategy,
} from '../lib/index.ts'
import { accessToken, answering } from './support/access-token.ts'
import { type Outcome, publish } from '../lib/events.ts'
import { lineOf } from '../lib/internal/log.ts'
import { instance, now, OTHER_SECRET, SECRET } from './support/build.ts'
import { NODE_V8_COVERAGE } from './support/coverage.ts'
import { APP_ID, digest, KEYS, OTHER_KEYS, SECONDS, servicePlugin, webhook } from './support/jwt.ts'
import { request, run, runToEnd, settled, start } from './support/run.ts'
import { rawSession, sessionClaims, sessionTokens } from './support/session.ts'

const CHANNEL = 'passport-wix-app:authenticate'
const IDENTITY = {
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  siteId: null,
} as const

const user = { id: 'user' }
const strategy = (verify: unknown = async () => user, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify as Verify<unknown>)

/** As if nobody listened: an app of another test may do so as long as the process lives. */
function unobserved(call: () => unknown): void {
  Object.defineProperty(channel(CHANNEL), 'hasSubscribers', { value: false, configurable: true })
  try {
    call()
  } finally {
    Reflect.deleteProperty(channel(CHANNEL), 'hasSubscribers')
  }
}

describe('the event of an authentication', () => {
  let events: WixAuthenticateEvent[]
  const listen = (message: unknown): void => void events.push(message as WixAuthenticateEvent)
  beforeEach(() => {
    events = []
    subscribe(CHANNEL, listen)
  })
  afterEach(() => void unsubscribe(CHANNEL, listen))

  it('tells of a success who it was, for which request, and nothing else of the credential', async () => {
    const req = request({ instance: instance() })
    const began = performance.now()
    await run(strategy(), req)
    const most = performance.now() - began
    expect(events).to.have.lengthOf(1)
    const [event] = events
    const { duration, ...rest } = { ...event }
    expect(rest).to.deep.equal({
      strategy: 'wix-app',
      outcome: 'success',
      status: 200,
      code: null,
      hint: null,
      identity: IDENTITY,
      error: null,
    })
    expect(duration).to.be.above(0).and.at.most(most)
    expect(event?.request).to.equal(req)
    expect(JSON.stringify(event)).to.not.include('query')
    expect(inspect(event)).to.not.include('query')
  })

  it('tells of a refusal its code and its hint', async () => {
    await run(strategy(undefined, { name: 'other' }), request())
    expect(events[0]).to.deep.include({
      strategy: 'other',
      outcome: 'fail',
      status: 401,
      code: 'credentials_missing',
      hint: 'nothing in the query or the Authorization header',
      identity: null,
      error: null,
    })
  })

  describe('of a refused credential whose signature is right', () => {
    const kinds: Array<[string, () => Promise<Parameters<typeof runToEnd>>, code: string, identity: object]> = [
      [
        'an instance',
        async () => [strategy(), request({ instance: instance({ signDate: '2020-01-01T00:00:00.000Z' }) })],
        'token_expired',
        IDENTITY,
      ],
      [
        'an instance of another app',
        async () => [strategy(undefined, { appId: 'app-2' }), request({ instance: instance() })],
        'claim_invalid',
        IDENTITY,
      ],
      [
        'a webhook',
        async () => [
          new WixWebhookStrategy({ publicKey: KEYS.publicKey, now }),
          { rawBody: webhook({}, { iat: SECONDS - 302_400 - 60 }) },
        ],
        'token_expired',
        { ...IDENTITY, subjectType: 'VISITOR', subjectId: 'visitor-1', clientId: null, siteId: 'site-1' },
      ],
      [
        'a service plugin call',
        async () => [
          new WixServicePluginStrategy({ publicKey: KEYS.publicKey, appId: APP_ID, now }),
          { rawBody: servicePlugin({}, { exp: SECONDS - 60 }) },
        ],
        'token_expired',
        { ...IDENTITY, subjectType: 'MEMBER', subjectId: 'member-1', clientId: APP_ID },
      ],
      [
        'a session token',
        async () => [
          new WixSessionStrategy({ tokens: sessionTokens() }),
          request(
            {},
            { authorization: `Bearer ${rawSession({}, sessionClaims({ iat: SECONDS - 900, exp: SECONDS - 300 }))}` },
          ),
        ],
        'token_expired',
        IDENTITY,
      ],
      [
        'an access token that the app refuses',
        async () => [
          new WixAccessTokenStrategy(
            {
              appId: APP_ID,
              now,
              fetch: answering(),
              userInfo: () => {
                throw new WixAuthError('insufficient_scope')
              },
            },
            async () => user,
          ),
          request({}, { authorization: accessToken() }),
        ],
        'insufficient_scope',
        { ...IDENTITY, clientId: APP_ID, siteId: 'site-1' },
      ],
    ]
    for (const [name, make, code, identity] of kinds) {
      it(`has the identity of ${name}`, async () => {
        await runToEnd(...(await make()))
        expect(events[0]).to.deep.include({ outcome: 'fail', code, identity })
      })
    }

    it('has none of a signature that is wrong, nor of what is malformed', async () => {
      for (const wrong of [instance({}, OTHER_SECRET), instance().slice(1), `${instance()}.`])
        await run(strategy(), request({ instance: wrong }))
      await runToEnd(new WixWebhookStrategy({ publicKey: OTHER_KEYS.publicKey, now }), { rawBody: webhook() })
      expect(events.map(({ identity }) => identity)).to.deep.equal([null, null, null, null])
    })
  })

  it('has no code where the verify callback found no user', async () => {
    await run(
      strategy(async () => undefined),
      request({ instance: instance() }),
    )
    expect(events[0]).to.deep.include({
      outcome: 'fail',
      status: 401,
      code: null,
      hint: 'the verify callback found no user: it returned undefined',
      identity: IDENTITY,
    })
  })

  for (const [name, error, status] of [
    ['any error', new Error('down'), 500],
    ['an outage', new WixUnavailableError('down'), 503],
    ['the status of another library', Object.assign(new Error('x'), { statusCode: 429 }), 429],
    ['a status that is none of an error', Object.assign(new Error('x'), { status: 200 }), 500],
    ['the lowest status of an error', Object.assign(new Error('x'), { status: 400 }), 400],
    ['a status above all of HTTP', Object.assign(new Error('x'), { status: 600 }), 500],
    ['a status that is no number', Object.assign(new Error('x'), { status: '404' }), 500],
    ['a hint of its own, which may hold anything', Object.assign(new Error('x'), { hint: 'secret' }), 500],
    ['a refusal that the verify callback passes on', new WixAuthError('insufficient_scope'), 403],
  ] as const) {
    it(`has the error and the status ${status} of ${name}`, async () => {
      await run(
        strategy(() => Promise.reject(error)),
        request({ instance: instance() }),
      )
      const told = { outcome: 'error', status, code: null, error, identity: IDENTITY }
      expect(events[0]).to.deep.include({ ...told, hint: null })
    })
  }

  it('has the error of a mistake in the setup', async () => {
    const signed = new WixDigestStrategy({ publicKey: KEYS.publicKey })
    await run(signed, { headers: { digest: digest() }, body: { parsed: true } })
    expect(events[0]).to.include({ outcome: 'error', status: 500, hint: null })
    expect(events[0]?.error?.message).to.include('a parser such as express.json() has read the body before')
  })

  it('has no identity for a Digest header, which names nobody', async () => {
    const signed = new WixDigestStrategy({ publicKey: KEYS.publicKey, now })
    const body = Buffer.from('{"amount":5}')
    await runToEnd(signed, { headers: { digest: digest(body) }, rawBody: body })
    expect(events[0]).to.include({ strategy: 'wix-digest', outcome: 'success', identity: null })
  })

  it('has no identity without an installation or a subject', () => {
    for (const part of [{ instanceId: 'instance-1' }, { subjectType: 'USER' }]) publish('wix-app', 0, {}, {}, part)
    expect(events.map(({ identity }) => identity)).to.deep.equal([null, null])
  })

  it('comes before Passport acts, once, whatever the callback decides afterwards', async () => {
    const order: string[] = []
    const note = (): void => void order.push('event')
    subscribe(CHANNEL, note)
    const verify = (_identity: unknown, done: (...args: unknown[]) => void): void => {
      done(null, user)
      done(new Error('late'))
    }
    const perRequest = Object.assign(Object.create(strategy(verify)) as WixAppStrategy, {
      success: () => void order.push('success'),
    })
    perRequest.authenticate(request({ instance: instance() }) as never)
    await settled()
    unsubscribe(CHANNEL, note)
    expect([order, events.length]).to.deep.equal([['event', 'success'], 1])
  })

  it('P-12: comes also where the app has answered before', async () => {
    const req = { ...request({ instance: instance() }), res: { writableEnded: true } }
    const outcomes = start(strategy(), req)
    await settled()
    expect(outcomes).to.deep.equal([])
    expect(events[0]).to.include({ outcome: 'success' })
  })

  it('has a duration of 0 for a request that began before anybody listened', async () => {
    let answer: (value: unknown) => void = () => undefined
    const verify = (): Promise<unknown> => new Promise((resolve) => (answer = resolve))
    unobserved(() => start(strategy(verify), request({ instance: instance() })))
    await settled()
    answer(user)
    await settled()
    expect(events[0]).to.include({ outcome: 'success', duration: 0 })
  })

  it('P-01: is left out, and changes no outcome, where the request or the error cannot be read', async () => {
    const thrower = (name: string): object => ({
      get [name]() {
        throw new Error('of a getter')
      },
    })
    const odd = Object.defineProperties(new Error('x'), Object.getOwnPropertyDescriptors(thrower('status')))
    const outcome = await run(
      strategy(() => Promise.reject(odd)),
      request({ instance: instance() }),
    )
    expect(outcome).to.deep.equal({ kind: 'error', error: odd })
    expect(events).to.deep.equal([])
  })

  it('is published for the 403 of requireIdentity, and for nothing else of it', async () => {
    const req = {
      method: 'GET',
      url: '/a',
      authInfo: { identity: { ...IDENTITY, subjectType: 'VISITOR' as const, iat: 1, exp: 2 } },
    }
    const next = sinon.fake()
    requireIdentity({ subjectType: 'USER' })(req, {}, next)
    requireIdentity({ subjectType: 'VISITOR' })(req, {}, next)
    requireIdentity<typeof req>(() => Promise.reject(new Error('x')))(req, {}, next)
    await settled()
    expect(next.callCount).to.equal(3)
    expect(events).to.have.lengthOf(1)
    expect(events[0]).to.deep.include({
      strategy: 'requireIdentity',
      outcome: 'fail',
      status: 403,
      code: 'insufficient_scope',
      hint: 'subjectType is VISITOR; the rule wants USER',
      identity: { ...IDENTITY, subjectType: 'VISITOR' },
    })
    expect(events[0]?.request).to.equal(req)
  })
})

describe('the line of an event', () => {
  const lineFor = (url: string): string =>
    lineOf({
      strategy: 'wix-app',
      status: 401,
      code: 'token_expired',
      hint: null,
      identity: null,
      error: null,
      request: { method: 'GET', url },
    })

  it('E-01: has no host and no password of a request target', () => {
    for (const host of [
      '//user:pass@host.example',
      'https://user:pass@host.example',
      'HTTP://user:pass@[::1]:80',
      '//user:pass',
    ])
      expect(lineFor(`${host}/x/y?instance=canary`), host).to.equal('wix-app 401 token_expired (GET /x/y)')
    expect(lineFor('//user:pass@host.example')).to.equal('wix-app 401 token_expired (GET )')
  })

  it('E-01: has no query, also where a line ends before it, in it or after it', () => {
    for (const url of [
      '/x?instance=canary',
      '/x?a=b\ncanary',
      '/x?\r\ncanary\n',
      '/x?a\u2028canary',
      '/x#canary\ncanary',
    ])
      expect(lineFor(url)).to.equal('wix-app 401 token_expired (GET /x)')
    expect(lineFor('/x\n?instance=canary')).to.equal('wix-app 401 token_expired (GET /x?)')
  })
})

describe('the warning of a process that is not asked for events', () => {
  let copies = 0
  /** The warnings about these outcomes, which are the first of a process. */
  async function warningsOf(outcomes: Outcome[], env?: string): Promise<unknown[][]> {
    const copy = (await import(`../lib/events.ts?${++copies}`)) as { publish: typeof publish }
    const { NODE_ENV: before } = process.env
    const warning = sinon.replace(process, 'emitWarning', sinon.fake())
    try {
      if (env === undefined) delete process.env['NODE_ENV']
      else process.env['NODE_ENV'] = env
      unobserved(() => {
        for (const outcome of outcomes) copy.publish('wix-app', 0, {}, outcome)
      })
    } finally {
      sinon.restore()
      if (before === undefined) delete process.env['NODE_ENV']
      else process.env['NODE_ENV'] = before
    }
    return warning.args
  }
  const [missing, expired, invalid] = (['credentials_missing', 'token_expired', 'claim_invalid'] as const).map(
    (code) => ({ refusal: new WixAuthError(code) }),
  ) as [Outcome, Outcome, Outcome]
  const SWITCH = 'to see why requests are refused, set NODE_DEBUG=passport-wix-app'
  const TYPE = { type: 'WixRefusalWarning' }

  it('names the switch for the log at the first refusal of a credential, and never again', async () => {
    expect(await warningsOf([missing, expired, invalid])).to.deep.equal([
      [`wix-app 401 token_expired: ${SWITCH}`, TYPE],
    ])
  })

  it('has no code where the verify callback finds no user', async () => {
    expect(await warningsOf([{ ...invalid, isUserUnknown: true }])).to.deep.equal([[`wix-app 401: ${SWITCH}`, TYPE]])
  })

  it('is not there in production, nor where nothing was refused', async () => {
    expect(await warningsOf([expired], 'production')).to.deep.equal([])
    expect(await warningsOf([{}, { error: new Error('down') }])).to.deep.equal([])
  })
})

describe('a process that is not asked for events', function () {
  // It starts several processes.
  this.timeout(60_000)

  const app = join(import.meta.dirname, 'support/refusing-app.ts')

  /** What it prints on stderr after it was asked for these paths; and whether it lives on. */
  async function stderrOf(
    paths: string[],
    env: NodeJS.ProcessEnv,
    code = '',
  ): Promise<[stderr: string, statuses: number[], isAlive: boolean]> {
    const { NODE_OPTIONS: _options, NODE_ENV: _env, NODE_DEBUG: _debug, ...inherited } = process.env
    const keys = JSON.stringify([await generateSessionKey()])
    const child: ChildProcess = spawn(
      process.execPath,
      [
        '--import',
        'tsx/esm',
        ...(code === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(code)}`]),
        app,
      ],
      {
        env: {
          ...inherited,
          NODE_V8_COVERAGE,
          APP_ID: 'app',
          APP_SECRET: SECRET,
          OTHER_SECRET: 'other-secret',
          PUBLIC_KEY: KEYS.publicKey,
          API_URL: 'http://127.0.0.1:9',
          SESSION_KEYS: keys,
          SILENT: '1',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    // From the start: a process that ends by itself may have closed before it is asked to.
    const closed = once(child, 'close')
    let stderr = ''
    child.stderr?.on('data', (data) => (stderr += String(data)))
    const [url] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    const statuses: number[] = []
    for (const path of paths) {
      const response = await fetch(String(url).trim() + path).catch(() => undefined)
      await response?.text()
      statuses.push(response?.status ?? 0)
    }
    // What the first of them has caused comes before the answer to one more.
    const isAlive = await fetch(`${String(url).trim()}/none`).then(
      () => true,
      () => false,
    )
    child.kill()
    await closed
    return [stderr, statuses, isAlive]
  }

  it('names the switch for the log at its first refusal, and never again', async () => {
    const [stderr] = await stderrOf(
      ['/app', `/app?instance=${instance()}`, '/app?instance=forged', '/app?instance=b'],
      {},
    )
    expect(stderr.match(/WixRefusalWarning/g)).to.have.lengthOf(1)
    expect(stderr).to.match(
      /WixRefusalWarning: wix-app 401 token_expired: to see why requests are refused, set NODE_DEBUG=passport-wix-app/,
    )
  })

  it('E-04: gets the same outcome when a subscriber throws, which Node reports as an uncaught exception', async () => {
    const throwing = `
      import { subscribe } from 'node:diagnostics_channel'
      subscribe('${CHANNEL}', () => { throw new Error('of the subscriber') })
      if (process.env.CATCH) process.on('uncaughtException', (error) => console.error('reported:', error.message))`
    const [reported, statuses, isAlive] = await stderrOf(['/app?instance=forged'], { CATCH: '1' }, throwing)
    expect([statuses, isAlive]).to.deep.equal([[401], true])
    expect(reported).to.equal('reported: of the subscriber\n')
    const [, , lives] = await stderrOf(['/app?instance=forged'], {}, throwing)
    expect(lives).to.equal(false)
  })
})
