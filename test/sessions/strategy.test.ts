import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { expect } from 'chai'
import express from 'express'
import passport from 'passport'
import sinon from 'sinon'
import {
  fromHeader,
  identityOf,
  type SessionKey,
  type WixSession,
  WixSessionStrategy,
  type WixSessionStrategyOptions,
  WixUnavailableError,
} from '../../lib/index.ts'
import { instance, NOW, now } from '../support/build.ts'
import { rawJwt, SECONDS, webhook } from '../support/jwt.ts'
import { type Outcome, runToEnd, settled, start } from '../support/run.ts'
import { serve, type Served } from '../support/serve.ts'
import {
  AUDIENCE,
  clockAt,
  instanceProof,
  ISSUER,
  OTHER_KEY,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
} from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS
const MISSING = 'Bearer realm="Wix"'
const invalid = (description: string): string =>
  `Bearer realm="Wix", error="invalid_token", error_description="${description}"`
const INVALID = invalid(
  'This Wix credential is not valid for this app: open the page from Wix again (developers: compare the app secret, the public key and the app ID)',
)
const MALFORMED = invalid('This is not a complete Wix credential: send it exactly as Wix issued it')
const EXPIRED = invalid('This Wix credential has expired: reload the page to get a new one')

const refused = (challenge: string): Outcome => ({ kind: 'fail', challenge, status: 401 })
const withHeader = (authorization: unknown): object => ({ headers: { authorization } })
const bearer = (token: string): object => withHeader(`Bearer ${token}`)

const user: WixSession = {
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  siteId: null,
  iat: SECONDS,
  exp: SECONDS + 600,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  permissions: 'OWNER',
  siteOwnerId: 'user-1',
  vendorProductId: null,
  claims: {},
}
/** The outcome for a genuine token. */
const SUCCESS: Outcome = { kind: 'success', user, info: { identity: user } }

/** Publishes a key set, and counts how often it is read. Can be made to fail in any way, and to go away. */
class KeyServer {
  reads = 0
  keys: readonly SessionKey[] = [ES256, EdDSA, RS256]
  answer: ((res: ServerResponse, req: IncomingMessage) => void) | undefined
  private port = 0
  private server: Server | undefined

  get url(): string {
    return `http://127.0.0.1:${this.port}/.well-known/jwks.json`
  }
  async open(): Promise<void> {
    const listener: RequestListener = (req, res) => {
      this.reads++
      // A connection of its own each time: one that was kept could still be open when the server is not.
      res.shouldKeepAlive = false
      if (this.answer !== undefined) return this.answer(res, req)
      void sessionTokens({ keys: this.keys })
        .jwks()
        .then((set) => res.setHeader('content-type', 'application/json').end(JSON.stringify(set)))
    }
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.server = server
  }
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

describe('WixSessionStrategy', () => {
  const keyServer = new KeyServer()
  let clock: sinon.SinonFakeTimers
  const token = rawSession()

  before(() => keyServer.open())
  after(() => keyServer.close())
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    Object.assign(keyServer, { reads: 0, keys: [ES256, EdDSA, RS256], answer: undefined })
  })
  afterEach(() => clock.restore())

  const remoteOptions = () => ({ jwksUri: keyServer.url, issuer: ISSUER, audience: AUDIENCE })
  const seconds = (count: number): void => void clock.tick(count * 1000)

  type Options = WixSessionStrategyOptions
  type More = { tokenFromRequest?: unknown; passReqToCallback?: boolean; name?: string }
  const sources: Array<[string, (more?: More, verify?: unknown) => WixSessionStrategy]> = [
    [
      'of the issuer',
      (more, ...verify) =>
        new WixSessionStrategy(
          { tokens: sessionTokens({ keys: [ES256, EdDSA, RS256] }), ...more } as Options & { passReqToCallback: true },
          ...(verify as []),
        ),
    ],
    [
      'of another service',
      (more, ...verify) =>
        new WixSessionStrategy(
          { ...remoteOptions(), ...more } as Options & { passReqToCallback: true },
          ...(verify as []),
        ),
    ],
  ]

  for (const [source, make] of sources) {
    describe(source, () => {
      it('signs the session in as the user, and as the identity', async () => {
        for (const key of [ES256, EdDSA, RS256]) {
          const outcome = await runToEnd(make(), bearer(rawSession({}, sessionClaims(), key)))
          expect(outcome).to.deep.equal(SUCCESS)
        }
      })

      it('is named wix-session, or as it is told', () => {
        expect([make().name, make({ name: 'api' }).name]).to.deep.equal(['wix-session', 'api'])
      })

      it('asks the verify callback who that is', async () => {
        const found = { id: 'site-1' }
        const verify = sinon.fake((_session: WixSession, done: (error: null, user: object) => void) =>
          done(null, found),
        )
        const outcome = await runToEnd(make({}, verify), bearer(token))
        expect(outcome).to.deep.equal({ kind: 'success', user: found, info: { identity: user } })
        sinon.assert.calledOnceWithExactly(verify, user, sinon.match.func)
        const nobody = async (_session: WixSession): Promise<null> => null
        expect(await runToEnd(make({}, nobody), bearer(token))).to.deep.equal(refused(INVALID))
      })

      it('gives the callback the request first, with passReqToCallback, and needs no callback for that', async () => {
        const req = bearer(token)
        const verify: sinon.SinonSpy = sinon.fake((_req: object, session: WixSession) => session)
        expect(await runToEnd(make({ passReqToCallback: true }, verify), req)).to.deep.equal(SUCCESS)
        sinon.assert.calledOnceWithExactly(verify, req, user, sinon.match.func)
        expect(await runToEnd(make({ passReqToCallback: true }), req)).to.deep.equal(SUCCESS)
      })

      const headers: Array<[string, unknown, Outcome]> = [
        ['after Bearer', `Bearer ${token}`, SUCCESS],
        ['after bearer, in any case', `bEARER ${token}`, SUCCESS],
        ['after Bearer and spaces', `Bearer   ${token} `, SUCCESS],
        ['alone', token, SUCCESS],
        ['nowhere', undefined, refused(MISSING)],
        ['in an empty header', '', refused(MISSING)],
        ['in a header without it', 'Bearer ', refused(MISSING)],
        ['after another scheme', `Basic ${token}`, refused(MISSING)],
        [
          'in a list',
          [token],
          {
            kind: 'fail',
            challenge: {
              message: 'The Wix credential must be sent once, in one place, as a string',
              code: 'request_invalid',
            },
            status: 400,
          },
        ],
      ]
      for (const [name, header, outcome] of headers) {
        it(`reads the token ${name}: ${outcome.kind}`, async () => {
          expect(await runToEnd(make(), withHeader(header))).to.deep.equal(outcome)
        })
      }

      it('S-06: takes no token from a query, a cookie or a body', async () => {
        const elsewhere = {
          url: `/?token=${token}`,
          query: { token, access_token: token, instance: token },
          body: { token, access_token: token },
          cookies: { token },
          headers: { cookie: `token=${token}` },
        }
        expect(await runToEnd(make(), elsewhere)).to.deep.equal(refused(MISSING))
      })

      it('P-01: has one outcome for a request that is none', async () => {
        for (const req of [
          undefined,
          null,
          7,
          'text',
          [],
          {},
          { headers: null },
          { headers: [] },
          { headers: 'Bearer' },
        ]) {
          expect(await runToEnd(make(), req)).to.deep.equal(refused(MISSING))
        }
      })

      it('reads the token where it is told, also later', async () => {
        for (const tokenFromRequest of [
          fromHeader('X-Session'),
          ({ headers }: { headers: Record<string, string> }) => headers['x-session'],
          async ({ headers }: { headers: Record<string, string> }) => headers['x-session'],
        ]) {
          const strategy = make({ tokenFromRequest })
          expect(await runToEnd(strategy, { headers: { 'x-session': token } })).to.deep.equal(SUCCESS)
          expect(await runToEnd(strategy, bearer(token))).to.deep.equal(refused(MISSING))
        }
      })

      const readers: Array<[string, () => unknown, Outcome | 'error']> = [
        ['finds nothing', () => null, refused(MISSING)],
        ['finds an empty text', () => '', refused(MISSING)],
        [
          'finds a list',
          () => [token],
          {
            kind: 'fail',
            challenge: {
              message: 'The Wix credential must be sent once, in one place, as a string',
              code: 'request_invalid',
            },
            status: 400,
          },
        ],
        [
          'throws',
          () => {
            throw new Error('of the app')
          },
          'error',
        ],
        ['rejects', () => Promise.reject(new Error('of the app')), 'error'],
      ]
      for (const [name, tokenFromRequest, expected] of readers) {
        it(`ends in ${expected === 'error' ? expected : expected.kind} when the reader ${name}`, async () => {
          const outcome = await runToEnd(make({ tokenFromRequest }), {})
          if (expected === 'error') expect(outcome).to.have.nested.property('error.message', 'of the app')
          else expect(outcome).to.deep.equal(expected)
        })
      }

      const foreign: Array<[string, string]> = [
        ['an access token of five parts', 'OauthNG.JWS.e30.e30.c2ln'],
        ['an access token of four parts', 'IST.e30.e30.c2ln'],
        ['an instance', instance()],
        ['one word', 'opaque'],
      ]
      for (const [name, text] of foreign) {
        it(`leaves ${name} to another strategy: credentials_missing`, async () => {
          expect(await runToEnd(make(), withHeader(text))).to.deep.equal(refused(MISSING))
          expect(await runToEnd(make(), bearer(text))).to.deep.equal(refused(MISSING))
        })
      }

      const bad: Array<[string, string, string]> = [
        ['a webhook', webhook(), INVALID],
        ['three parts of nothing', '..', MALFORMED],
        [
          'no algorithm',
          rawJwt({ alg: 'none', typ: 'wix-session+jwt', kid: ES256.kid }, sessionClaims(), () => Buffer.alloc(0)),
          INVALID,
        ],
        ['another issuer', rawSession({}, sessionClaims({ iss: 'https://other.example' })), INVALID],
        ['another audience', rawSession({}, sessionClaims({ aud: 'other' })), INVALID],
        ['another type', rawSession({ typ: 'JWT' }), INVALID],
        ['another key', rawSession({ kid: ES256.kid }, sessionClaims(), OTHER_KEY), INVALID],
        ['an unknown kid', rawSession({ kid: 'unknown' }), INVALID],
        ['the kid of another key', rawSession({ kid: EdDSA.kid }), INVALID],
        ['no kid', rawSession({ kid: undefined }), INVALID],
        ['crit', rawSession({ crit: ['x'], x: 1 }), MALFORMED],
        ['no subject', rawSession({}, sessionClaims({ sub: undefined })), INVALID],
        ['an end in the past', rawSession({}, sessionClaims({ iat: SECONDS - 700, exp: SECONDS - 30 })), EXPIRED],
        ['a beginning to come', rawSession({}, sessionClaims({ iat: SECONDS + 31 })), INVALID],
        ['padding', `${token}=`, MALFORMED],
        ['more than 8192 characters', `${token}${'A'.repeat(8192)}`, MALFORMED],
      ]
      for (const [name, text, challenge] of bad) {
        it(`refuses a token with ${name}, with a Bearer challenge`, async () => {
          const strategy = make()
          expect(await runToEnd(strategy, bearer(text))).to.deep.equal(refused(challenge))
          expect(await runToEnd(strategy, bearer(text)), 'again').to.deep.equal(refused(challenge))
        })
      }

      it('decision 6: answers in the same tick for a token that it remembers, also for a refused one', async () => {
        const strategy = make()
        const forged = rawSession({ kid: ES256.kid }, sessionClaims(), OTHER_KEY)
        const first = [start(strategy, bearer(token)), start(strategy, bearer(forged))]
        expect(first).to.deep.equal([[], []])
        await runToEnd(strategy, bearer(token))
        await runToEnd(strategy, bearer(forged))
        expect(first).to.deep.equal([[SUCCESS], [refused(INVALID)]])
        expect(start(strategy, bearer(token))).to.deep.equal([SUCCESS])
        expect(start(strategy, bearer(forged))).to.deep.equal([refused(INVALID)])
      })
    })
  }

  it('shares what is remembered with its issuer', async () => {
    const tokens = sessionTokens()
    await tokens.verify(token)
    expect(start(new WixSessionStrategy({ tokens }), bearer(token))).to.deep.equal([SUCCESS])
  })

  it('P-03: serves overlapping requests through one shared object without a mix-up', async () => {
    const tokens = sessionTokens()
    const issued = await Promise.all(
      Array.from({ length: 100 }, (_, at) => tokens.issue(instanceProof({ instanceId: `instance-${at}` }))),
    )
    for (const strategy of [new WixSessionStrategy({ tokens }), new WixSessionStrategy(remoteOptions())]) {
      const outcomes: unknown[] = Array.from({ length: 100 })
      for (const [at, text] of issued.entries()) {
        // As Passport does with a strategy object: it writes on the object itself.
        Object.assign(strategy, {
          success: (found: WixSession) => (outcomes[at] = found.instanceId),
          fail: sinon.fake.throws('fail'),
          error: sinon.fake.throws('error'),
        })
        strategy.authenticate(bearer(text) as never)
      }
      while (outcomes.includes(undefined)) await new Promise((resolve) => setImmediate(resolve))
      expect(outcomes).to.deep.equal(issued.map((_, at) => `instance-${at}`))
    }
  })

  describe('P-10: its options', () => {
    const tokens = sessionTokens()
    const remote = { jwksUri: 'https://app.example/jwks.json', issuer: ISSUER, audience: AUDIENCE }
    const oneOf =
      'WixSessionStrategy: the options must have either { tokens }, or { jwksUri, issuer, audience } of another service'
    const url =
      'WixSessionStrategy: option `jwksUri` must be an https URL without a password, or an http URL of this machine (localhost, 127.0.0.1, [::1])'
    const known =
      'known options are name, passReqToCallback, verifyTimeout, issuer, audience, clockTolerance, now, tokens, jwksUri, tokenFromRequest'
    const mistakes: Array<[string, unknown, string]> = [
      [
        'nothing',
        undefined,
        'WixSessionStrategy: the options must be an object, got undefined (is an environment variable not set?)',
      ],
      ['null', null, 'WixSessionStrategy: the options must be an object, got null'],
      ['tokens themselves', tokens, oneOf],
      ['neither source', {}, oneOf],
      ['both sources', { tokens, ...remote }, oneOf],
      ['tokens and an issuer', { tokens, issuer: ISSUER }, oneOf],
      ['tokens and an audience', { tokens, audience: AUDIENCE }, oneOf],
      ['tokens and a clock', { tokens, now }, oneOf],
      ['tokens and a tolerance', { tokens, clockTolerance: 0 }, oneOf],
      ['jwksUri alone', { jwksUri: remote.jwksUri }, oneOf],
      ['no issuer', { ...without(remote, 'issuer') }, oneOf],
      ['no audience', { ...without(remote, 'audience') }, oneOf],
      ['no jwksUri', { ...without(remote, 'jwksUri') }, oneOf],
      [
        'tokens of an unset variable',
        { tokens: undefined },
        'WixSessionStrategy: option `tokens` must be a SessionTokens object, got undefined (is an environment variable not set?)',
      ],
      [
        'options in place of tokens',
        { tokens: { keys: [ES256], issuer: ISSUER, audience: AUDIENCE } },
        'WixSessionStrategy: option `tokens` must be a SessionTokens object, got a value of type object',
      ],
      [
        'a copy of tokens',
        { tokens: Object.assign({}, tokens) },
        'WixSessionStrategy: option `tokens` must be a SessionTokens object, got a value of type object',
      ],
      ['plain http', { ...remote, jwksUri: 'http://app.example/jwks.json' }, url],
      ['http of a host that begins like this machine', { ...remote, jwksUri: 'http://localhost.app.example/' }, url],
      [
        'http of a host that begins like a loopback address',
        { ...remote, jwksUri: 'http://127.0.0.1.app.example/' },
        url,
      ],
      ['a password in the URL', { ...remote, jwksUri: 'https://a:b@app.example/' }, url],
      ['a file', { ...remote, jwksUri: 'file:///etc/passwd' }, url],
      ['a data URL', { ...remote, jwksUri: 'data:application/json,{"keys":[]}' }, url],
      ['a path', { ...remote, jwksUri: '/.well-known/jwks.json' }, url],
      ['a URL object', { ...remote, jwksUri: new URL(remote.jwksUri) }, `${url}, got a value of type object`],
      [
        'jwksUri of an unset variable',
        { ...remote, jwksUri: undefined },
        `${url}, got undefined (is an environment variable not set?)`,
      ],
      [
        'several issuers',
        { ...remote, issuer: [ISSUER] },
        'WixSessionStrategy: option `issuer` must be a non-empty string without leading or trailing whitespace, got an array',
      ],
      [
        'an empty audience',
        { ...remote, audience: '' },
        'WixSessionStrategy: option `audience` must be a non-empty string without leading or trailing whitespace, got an empty string',
      ],
      [
        'a tolerance over five minutes',
        { ...remote, clockTolerance: 301 },
        'WixSessionStrategy: option `clockTolerance` must be a number of seconds from 0 to 300',
      ],
      ['a clock that stands', { ...remote, now: NOW }, 'WixSessionStrategy: option `now` must be a function'],
      [
        'a reader that is a name',
        { tokens, tokenFromRequest: 'x-session' },
        'WixSessionStrategy: option `tokenFromRequest` must be a function',
      ],
      [
        'passReqToCallback that is a number',
        { tokens, passReqToCallback: 1 },
        'WixSessionStrategy: option `passReqToCallback` must be true or false',
      ],
      ['keys', { tokens, keys: [ES256] }, `WixSessionStrategy: unknown option \`keys\`; ${known}`],
      [
        'algorithms',
        { ...remote, algorithms: ['HS256'] },
        `WixSessionStrategy: unknown option \`algorithms\`; ${known}`,
      ],
    ]
    for (const [name, options, message] of mistakes) {
      it(`may not be ${name}`, () => {
        let error: unknown
        try {
          error = new WixSessionStrategy(options as never)
        } catch (reason) {
          error = reason
        }
        expect(error).to.be.instanceOf(TypeError)
        // Those known may become more.
        expect((error as Error).message.replace(/; known options are .*/, '')).to.equal(
          message.replace(/; known options are .*/, ''),
        )
        expect(inspect(error, { depth: 9, showHidden: true })).to.not.include(String(ES256['d']))
      })
    }

    it('may not come with a verify callback that is none', () => {
      for (const verify of [null, {}, 'verify']) {
        expect(() => new WixSessionStrategy({ tokens }, verify as never)).to.throw(
          TypeError,
          'WixSessionStrategy needs',
        )
      }
    })

    it('may be https, or http of this machine, and nothing is read before the first request', async () => {
      const fetch = sinon.spy(globalThis, 'fetch')
      try {
        for (const jwksUri of [
          remote.jwksUri,
          keyServer.url,
          'http://localhost/',
          'http://[::1]:1/',
          'http://127.1/',
        ]) {
          expect(new WixSessionStrategy({ ...remote, jwksUri })).to.have.property('name', 'wix-session')
        }
        await settled()
        sinon.assert.notCalled(fetch)
      } finally {
        fetch.restore()
      }
    })

    it('for another service have a tolerance of 30 seconds, or their own, and Date.now, or their own clock', async () => {
      const { iat, exp } = { iat: 1000, exp: 2000 }
      const dated = rawSession({}, sessionClaims({ iat, exp }))
      const at = async (time: number, clockTolerance?: number): Promise<unknown> => {
        const outcomes: unknown[] = []
        clock.setSystemTime(time * 1000)
        const more = clockTolerance === undefined ? {} : { clockTolerance }
        outcomes.push(await runToEnd(new WixSessionStrategy({ ...remoteOptions(), ...more }), bearer(dated)))
        clock.setSystemTime(NOW)
        const own = { ...remoteOptions(), ...more, now: () => time * 1000 }
        outcomes.push(await runToEnd(new WixSessionStrategy(own), bearer(dated)))
        return outcomes.map((outcome) => (outcome as Outcome).kind)
      }
      expect(await at(exp + 29)).to.deep.equal(['success', 'success'])
      expect(await at(exp + 30)).to.deep.equal(['fail', 'fail'])
      expect(await at(exp - 1, 0)).to.deep.equal(['success', 'success'])
      expect(await at(exp, 0)).to.deep.equal(['fail', 'fail'])
      expect(await at(iat - 30)).to.deep.equal(['success', 'success'])
      expect(await at(iat - 31)).to.deep.equal(['fail', 'fail'])
    })
  })

  describe('through Express', () => {
    let served: Served
    afterEach(() => served.close())

    it('P-08: answers 200 with the session, and 401 with WWW-Authenticate', async () => {
      const tokens = sessionTokens()
      const app = express()
      const auth = new (passport as unknown as { Passport: new () => passport.PassportStatic }).Passport()
      auth.use(new WixSessionStrategy({ tokens }))
      app.get('/me', auth.authenticate('wix-session', { session: false }), (req, res) => {
        res.json({ user: req.user, identity: identityOf(req) })
      })
      served = await serve(app)
      const get = (headers: Record<string, string>): Promise<Response> => fetch(`${served.url}/me`, { headers })
      const good = await get({ authorization: `Bearer ${token}` })
      expect([good.status, await good.json()]).to.deep.equal([200, { user, identity: user }])
      for (const [headers, challenge] of [
        [{}, MISSING],
        [{ authorization: `Bearer ${token}x` }, MALFORMED],
        [{ authorization: `Bearer ${rawSession({ kid: 'unknown' })}` }, INVALID],
        [{ authorization: `Bearer ${rawSession({}, sessionClaims({ exp: 1, iat: 0 }))}` }, EXPIRED],
      ] as const) {
        const response = await get(headers)
        expect([
          response.status,
          response.headers.get('www-authenticate'),
          response.headers.get('set-cookie'),
          await response.text(),
        ]).to.deep.equal([401, challenge, null, 'Unauthorized'])
      }
    })
  })

  describe('of another service', () => {
    const remote = (more: object = {}): WixSessionStrategy => new WixSessionStrategy({ ...remoteOptions(), ...more })
    let number = 0
    /** Of no key, and each another one. */
    const unknown = (): string =>
      rawJwt({ alg: 'ES256', typ: 'wix-session+jwt', kid: `unknown-${number++}` }, {}, () => Buffer.alloc(64))
    /** Good at this moment of the fake clock. */
    const fresh = (key: SessionKey = ES256): string => {
      const iat = Math.floor(Date.now() / 1000)
      return rawSession({}, sessionClaims({ iat, exp: iat + 3600, jti: `jti-${number++}` }), key)
    }
    const kindOf = async (strategy: WixSessionStrategy, text: string): Promise<string> =>
      (await runToEnd(strategy, bearer(text))).kind

    /** The error must say that nobody could find out, and not more. */
    const expectOutage = (outcome: Outcome, why = 'tried a moment ago'): void => {
      expect(outcome).to.have.property('kind', 'error')
      const { error } = outcome as { error: unknown }
      expect(error).to.be.instanceOf(WixUnavailableError)
      expect({ ...(error as object) }).to.deep.equal({ status: 503, headers: {}, name: 'WixUnavailableError' })
      expect(error).to.have.property('message', `The key set is unavailable: ${why}`)
      expect(error).to.not.have.property('cause')
    }

    it('reads the key set once for all who come at once, and for ten minutes', async () => {
      const strategy = remote()
      const many = Array.from({ length: 50 }, () => fresh())
      const outcomes = await Promise.all(many.map((text) => kindOf(strategy, text)))
      expect(outcomes).to.deep.equal(many.map(() => 'success'))
      expect(keyServer.reads).to.equal(1)
      seconds(599.9)
      expect(await kindOf(strategy, fresh())).to.equal('success')
      expect(keyServer.reads).to.equal(1)
      seconds(0.1)
      expect(await kindOf(strategy, fresh())).to.equal('success')
      expect(keyServer.reads).to.equal(2)
    })

    it('asks for the set with a plain GET, without the token, and follows no redirect', async () => {
      const requests: Array<[string | undefined, string | undefined, string | undefined]> = []
      keyServer.answer = (res, req) => {
        requests.push([req.method, req.url, req.headers.authorization])
        res.writeHead(302, { location: '/elsewhere' }).end()
      }
      expectOutage(await runToEnd(remote(), bearer(token)), 'status 302')
      expect(requests).to.deep.equal([['GET', '/.well-known/jwks.json', undefined]])
    })

    const json = (content: unknown) => (res: ServerResponse) => void res.end(JSON.stringify(content))
    const NO_JSON = 'an answer that is not a complete JSON object'
    const NO_SET = 'not a JSON Web Key Set (ERR_JWKS_INVALID)'
    const NO_KEY = 'a key cannot be used'
    const broken = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: ES256.kid, alg: 'ES256' }
    const faults: Array<[string, (res: ServerResponse) => void, why: string, recovery: number]> = [
      ['a status 500', (res) => void res.writeHead(500).end('canary'), 'status 500', 1],
      ['a status 404', (res) => void res.writeHead(404).end('canary'), 'status 404', 1],
      ['a status 204', (res) => void res.writeHead(204).end(), 'status 204', 1],
      ['a redirect', (res) => void res.writeHead(307, { location: '/canary' }).end(), 'status 307', 1],
      ['HTML', (res) => void res.end('<html>canary</html>'), NO_JSON, 1],
      ['nothing', (res) => void res.end(), NO_JSON, 1],
      ['cut JSON', (res) => void res.end('{"keys":[{"canary":'), NO_JSON, 1],
      ['null', json(null), NO_JSON, 1],
      ['a list', json([ES256]), NO_JSON, 1],
      ['no keys', json({ canary: 1 }), NO_SET, 1],
      ['keys that are no list', json({ keys: ES256 }), NO_SET, 1],
      ['more than 64 KiB', json({ keys: [], canary: 'x'.repeat(64 * 1024) }), 'an answer of more than 64 KiB', 1],
      [
        'a connection that is closed half way',
        (res) => {
          res.writeHead(200, { 'content-length': '1000' }).write('{"keys"')
          setImmediate(() => res.destroy())
        },
        NO_JSON,
        1,
      ],
      // A set it is, and so it is believed as long as any.
      ['a set with a key that cannot be read', json({ keys: [broken] }), `${NO_KEY} (ERR_CRYPTO_INVALID_JWK)`, 600],
      ['a set with private keys', json({ keys: [ES256] }), `${NO_KEY} (ERR_JWKS_INVALID)`, 600],
    ]
    for (const [name, answer, why, recovery] of faults) {
      it(`cannot find out when the key server answers with ${name}: 503, and it recovers`, async () => {
        const strategy = remote()
        keyServer.answer = answer
        const outcome = await runToEnd(strategy, bearer(token))
        expectOutage(outcome, why)
        const shown = inspect(outcome, { depth: 9, showHidden: true })
        for (const text of ['canary', String(ES256['d'])]) expect(shown).to.not.include(text)
        expect(keyServer.reads).to.equal(1)
        keyServer.answer = undefined
        seconds(recovery)
        expect(await kindOf(strategy, fresh())).to.equal('success')
        expect(keyServer.reads).to.equal(2)
      })
    }

    it('cannot find out when the key server is down: 503, and it recovers a second after it is back', async () => {
      const strategy = remote()
      await keyServer.close()
      try {
        expectOutage(await runToEnd(strategy, bearer(token)), 'no connection (ECONNREFUSED)')
      } finally {
        await keyServer.open()
      }
      // Nobody is asked for a second.
      seconds(0.999)
      expectOutage(await runToEnd(strategy, bearer(token)))
      expect(keyServer.reads).to.equal(0)
      seconds(0.001)
      expect(await runToEnd(strategy, bearer(token))).to.deep.equal(SUCCESS)
      expect(keyServer.reads).to.equal(1)
    })

    it('retries a closed connection once', async () => {
      const strategy = remote()
      keyServer.answer = (res) => void res.destroy()
      expectOutage(await runToEnd(strategy, bearer(token)), 'no connection (UND_ERR_SOCKET)')
      expect(keyServer.reads).to.equal(2)
    })

    it('while the key server is down asks it once a second at most, and less often once the circuit breaker is open', async () => {
      const strategy = remote()
      keyServer.answer = (res) => void res.writeHead(500).end()
      for (let tenth = 0; tenth < 100; tenth++) {
        const outcomes = await Promise.all([token, unknown(), fresh()].map((text) => kindOf(strategy, text)))
        expect(outcomes).to.deep.equal(['error', 'error', 'error'])
        seconds(0.1)
      }
      // After 0, 1, 2, 3 and 4 seconds; then after 5, 6 and 8, since the circuit is open for 0.5, 1, 2 and 4 seconds.
      expect(keyServer.reads).to.equal(8)
      keyServer.answer = undefined
      seconds(2)
      expect(await kindOf(strategy, fresh())).to.equal('success')
      expect(keyServer.reads).to.equal(9)
    })

    it('gives the key server two seconds for all of its answer: 503 for everybody who waits', async () => {
      const hangs: Array<(res: ServerResponse) => void> = [
        () => {},
        (res) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":['),
      ]
      for (const hang of hangs) {
        const strategy = remote()
        let asked: () => void = () => {}
        const reached = new Promise<void>((resolve) => (asked = resolve))
        keyServer.answer = (res) => {
          hang(res)
          asked()
        }
        clock.restore()
        clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
        const outcomes = [start(strategy, bearer(token)), start(strategy, bearer(fresh()))]
        await reached
        await clock.tickAsync(1999)
        await settled()
        expect(outcomes).to.deep.equal([[], []])
        await clock.tickAsync(1)
        await settled()
        for (const [outcome] of outcomes) expectOutage(outcome as Outcome, 'no answer within 2 seconds')
      }
    })

    describe('S-05: for 100 unknown kids a second', () => {
      /** As {@link runToEnd}, and fast. */
      const quick = (strategy: WixSessionStrategy, text: string): Promise<Outcome> =>
        new Promise((resolve) => {
          Object.assign(Object.create(strategy) as WixSessionStrategy, {
            success: (found: unknown, info: unknown) => resolve({ kind: 'success', user: found, info }),
            fail: (challenge: unknown, status: unknown) => resolve({ kind: 'fail', challenge, status }),
            error: (error: unknown) => resolve({ kind: 'error', error }),
          }).authenticate(bearer(text) as never)
        })

      /** Three minutes of them; tells at which seconds the set was read. */
      async function flood(
        strategy: WixSessionStrategy,
        each: (second: number, outcome: Outcome) => void,
      ): Promise<number[]> {
        const readAt: number[] = []
        for (let hundredth = 0; hundredth < 18_000; hundredth++) {
          const before = keyServer.reads
          // Two at once, now and then.
          const texts = hundredth % 100 === 0 ? [unknown(), unknown()] : [unknown()]
          for (const outcome of await Promise.all(texts.map((text) => quick(strategy, text))))
            each(hundredth / 100, outcome)
          for (let read = before; read < keyServer.reads; read++) readAt.push(hundredth / 100)
          seconds(0.01)
        }
        return readAt
      }

      it('reads the set at most once in 30 seconds, and good tokens go on', async function () {
        this.timeout(60_000)
        const strategy = remote()
        const good = fresh()
        expect(await kindOf(strategy, good)).to.equal('success')
        const readAt = await flood(strategy, (second, outcome) => {
          if (outcome.kind !== 'fail' || outcome.challenge !== INVALID)
            throw new Error(`${second}: ${inspect(outcome)}`)
          if (second % 10 === 0) expect(start(strategy, bearer(good))).to.have.nested.property('[0].kind', 'success')
        })
        expect(readAt).to.deep.equal([30, 60, 90, 120, 150])
      })

      it('reads it no more often when the key server fails meanwhile, and good tokens go on', async function () {
        this.timeout(60_000)
        const strategy = remote()
        const good = fresh()
        expect(await kindOf(strategy, good)).to.equal('success')
        keyServer.answer = (res) => void res.writeHead(500).end()
        const kinds: Record<string, number> = {}
        const readAt = await flood(strategy, (second, outcome) => {
          const during = second < 30 ? 'before' : 'later'
          kinds[`${during} ${outcome.kind}`] = (kinds[`${during} ${outcome.kind}`] ?? 0) + 1
          if (second % 10 === 0) expect(start(strategy, bearer(good))).to.have.nested.property('[0].kind', 'success')
        })
        expect(readAt).to.deep.equal([30, 60, 90, 120, 150])
        // Of an unknown kid nobody knows whether it is new, while the set cannot be read.
        expect(kinds).to.deep.equal({ 'before fail': 3030, 'later error': 15_150 })
        expect(await kindOf(strategy, fresh()), 'one that was not seen before').to.equal('success')
      })
    })

    it('finds a new key at the first token of it after the cool-down, and at once when nothing was read lately', async () => {
      const strategy = remote()
      keyServer.keys = [ES256]
      await kindOf(strategy, fresh())
      keyServer.keys = [ES256, EdDSA]
      seconds(29.999)
      expect(await kindOf(strategy, fresh(EdDSA))).to.equal('fail')
      expect(keyServer.reads).to.equal(1)
      seconds(0.001)
      expect(await kindOf(strategy, fresh(EdDSA))).to.equal('success')
      expect(keyServer.reads).to.equal(2)
    })

    it('forgets a refusal when a new set comes, so that the same token is good then', async () => {
      const strategy = remote()
      keyServer.keys = [ES256]
      await kindOf(strategy, fresh())
      keyServer.keys = [ES256, EdDSA]
      seconds(29)
      const early = fresh(EdDSA)
      expect(await kindOf(strategy, early)).to.equal('fail')
      seconds(1)
      expect(await kindOf(strategy, fresh(EdDSA))).to.equal('success')
      expect(await kindOf(strategy, early)).to.equal('success')
    })

    it('goes on with good tokens while the key server fails and the set is not old, and then cannot find out', async () => {
      const strategy = remote()
      const known = fresh()
      expect(await kindOf(strategy, known)).to.equal('success')
      await keyServer.close()
      try {
        seconds(599.999)
        expect(start(strategy, bearer(known))).to.have.nested.property('[0].kind', 'success')
        expect(await kindOf(strategy, fresh())).to.equal('success')
        seconds(0.001)
        expectOutage(await runToEnd(strategy, bearer(known)), 'no connection (ECONNREFUSED)')
        expectOutage(await runToEnd(strategy, bearer(fresh())))
      } finally {
        await keyServer.open()
      }
      seconds(1)
      expect(await kindOf(strategy, known)).to.equal('success')
      expect(await kindOf(strategy, fresh())).to.equal('success')
      expect(keyServer.reads).to.equal(2)
    })

    it('S-04: ends the tokens of a removed key within the cache life, also those that it remembers', async () => {
      const strategy = remote()
      const [known, other] = [fresh(), fresh(EdDSA)]
      expect([await kindOf(strategy, known), await kindOf(strategy, other)]).to.deep.equal(['success', 'success'])
      keyServer.keys = [EdDSA]
      seconds(599.999)
      expect(start(strategy, bearer(known))).to.have.nested.property('[0].kind', 'success')
      seconds(0.001)
      // A remembered token has to wait for the set, too.
      expect(start(strategy, bearer(known))).to.deep.equal([])
      expect(await runToEnd(strategy, bearer(known))).to.deep.equal(refused(INVALID))
      expect(await kindOf(strategy, other)).to.equal('success')
      expect(keyServer.reads).to.equal(2)
    })

    it('S-04: reads an old set again also when the clock of the machine was set back', async () => {
      clock.restore()
      clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
      const strategy = remote({ now: () => NOW })
      const known = fresh()
      expect(await kindOf(strategy, known)).to.equal('success')
      keyServer.keys = [EdDSA]
      clock.tick(600_000)
      clock.setSystemTime(NOW - 86_400_000)
      expect(await runToEnd(strategy, bearer(known))).to.deep.equal(refused(INVALID))
      expect(keyServer.reads).to.equal(2)
    })

    it('S-04: ends them earlier when anybody comes with an unknown kid', async () => {
      const strategy = remote()
      const known = fresh()
      await kindOf(strategy, known)
      keyServer.keys = [EdDSA]
      seconds(30)
      expect(await kindOf(strategy, unknown())).to.equal('fail')
      expect(await runToEnd(strategy, bearer(known))).to.deep.equal(refused(INVALID))
    })

    it('remembers on when a set that it has read again is the same', async () => {
      const strategy = remote()
      const known = fresh()
      await kindOf(strategy, known)
      seconds(600)
      expect(await kindOf(strategy, unknown())).to.equal('fail')
      expect(keyServer.reads).to.equal(2)
      expect(start(strategy, bearer(known))).to.have.nested.property('[0].kind', 'success')
    })

    it('takes no key for encryption, of another algorithm, or of another curve from the set', async () => {
      const [es256, , rs256] = (await sessionTokens({ keys: [ES256, EdDSA, RS256] }).jwks()).keys
      const sets: Array<[unknown, string]> = [
        [{ keys: [es256] }, 'success'],
        [{ keys: [{ ...es256, use: 'enc' }] }, 'fail'],
        [{ keys: [{ ...es256, key_ops: ['sign'] }] }, 'fail'],
        [{ keys: [{ ...es256, alg: 'ES384' }] }, 'fail'],
        [{ keys: [{ ...es256, crv: 'P-384' }] }, 'fail'],
        [{ keys: [{ ...rs256, kid: ES256.kid }] }, 'fail'],
        [{ keys: [{ kty: 'oct', k: 'AAAA', kid: ES256.kid, alg: 'ES256' }] }, 'fail'],
        [{ keys: [es256, { ...es256 }] }, 'fail'],
        [{ keys: [] }, 'fail'],
      ]
      for (const [set, kind] of sets) {
        keyServer.answer = json(set)
        expect(await kindOf(remote(), token), JSON.stringify(set)).to.equal(kind)
      }
    })

    it('P-11: takes nothing from Object.prototype', async () => {
      Object.assign(Object.prototype, { clockTolerance: 300, tokens: sessionTokens() })
      try {
        seconds(630)
        expect(await runToEnd(remote(), bearer(token))).to.deep.equal(refused(EXPIRED))
        expect(() => new WixSessionStrategy({} as never)).to.throw(TypeError, 'the options must have either')
      } finally {
        for (const name of ['clockTolerance', 'tokens']) Reflect.deleteProperty(Object.prototype, name)
      }
    })
  })

  it('S-04: in the issuing service ends the tokens of a removed key after the five seconds for which its keys are used', async () => {
    const time = clockAt()
    let keys = [ES256, EdDSA]
    const strategy = new WixSessionStrategy({ tokens: sessionTokens({ keys: () => keys, now: time.now }) })
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(SUCCESS)
    keys = [EdDSA]
    time.move(5)
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(refused(INVALID))
  })
})

function without(object: object, name: string): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name))
}
