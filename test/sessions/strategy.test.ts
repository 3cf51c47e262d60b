import { expect } from 'chai'
import express from 'express'
import passport from 'passport'
import sinon from 'sinon'
import {
  fromHeader,
  identityOf,
  SessionTokens,
  sessionVerifier,
  type WixSession,
  WixSessionStrategy,
  type WixSessionStrategyOptions,
  WixUnavailableError,
} from '../../lib/index.ts'
import { kindOf } from '../../lib/identity.ts'
import { instance, NOW, now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { EXPIRED, INVALID, MALFORMED, MISSING, rejectedWith } from '../support/challenges.ts'
import { errorOf } from '../support/errors.ts'
import { rawJwt, refusalOf, SECONDS, webhook } from '../support/jwt.ts'
import { KeySetServer } from '../support/key-set-server.ts'
import { optionsTable } from '../support/options-table.ts'
import { type Outcome, runToEnd, settled, start } from '../support/run.ts'
import { serve, type Served } from '../support/serve.ts'
import {
  AUDIENCE,
  bearer,
  clockAt,
  ISSUER,
  OTHER_KEY,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  showingNoSecretOf,
  SUCCESS,
  verifiedInstance,
} from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS
const { user } = SUCCESS
const withHeader = (authorization: unknown): object => ({ headers: { authorization } })

describe('WixSessionStrategy', () => {
  watchForSecrets()
  const keySetServer = new KeySetServer(() => sessionTokens({ keys: [ES256, EdDSA, RS256] }).jwks())
  let clock: sinon.SinonFakeTimers
  const token = rawSession()

  before(() => keySetServer.open())
  after(() => keySetServer.close())
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    keySetServer.reset()
  })
  afterEach(() => clock.restore())

  const remoteOptions = () => ({ jwksUri: keySetServer.url, issuer: ISSUER, audience: AUDIENCE })

  type Options = WixSessionStrategyOptions
  type More = { tokenFromRequest?: unknown; passReqToCallback?: boolean; name?: string }
  const sources: Array<[string, (more?: More, verify?: unknown) => WixSessionStrategy]> = [
    [
      'with the keys of this process',
      (more, ...verify) =>
        new WixSessionStrategy(
          { tokens: sessionTokens({ keys: [ES256, EdDSA, RS256] }), ...more } as Options & { passReqToCallback: true },
          ...(verify as []),
        ),
    ],
    [
      'with the keys of another service',
      (more, ...verify) =>
        new WixSessionStrategy(
          { ...remoteOptions(), ...more } as Options & { passReqToCallback: true },
          ...(verify as []),
        ),
    ],
  ]

  for (const [source, make] of sources) {
    describe(source, () => {
      it('signs in the session as the user and as the identity', async () => {
        for (const key of [ES256, EdDSA, RS256]) {
          const outcome = await runToEnd(make(), bearer(rawSession({}, sessionClaims(), key)))
          expect(outcome).to.deep.equal(SUCCESS)
        }
      })

      it('is named wix-session by default, or as the option name says', () => {
        expect([make().name, make({ name: 'api' }).name]).to.deep.equal(['wix-session', 'api'])
      })

      it('passes the session to the verify callback, which finds the user', async () => {
        const found = { id: 'site-1' }
        const verify = sinon.fake((_session: WixSession, done: (error: null, user: object) => void) =>
          done(null, found),
        )
        const outcome = await runToEnd(make({}, verify), bearer(token))
        expect(outcome).to.deep.equal({ kind: 'success', user: found, info: { identity: user } })
        sinon.assert.calledOnceWithExactly(verify, user, sinon.match.func)
        const noUser = async (_session: WixSession): Promise<null> => null
        expect(await runToEnd(make({}, noUser), bearer(token))).to.deep.equal(rejectedWith(INVALID))
      })

      it('passes the request to the callback first, with passReqToCallback, which requires no callback', async () => {
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
        ['without a scheme', token, SUCCESS],
        ['that is missing', undefined, rejectedWith(MISSING)],
        ['in an empty header', '', rejectedWith(MISSING)],
        ['in a header without it', 'Bearer ', rejectedWith(MISSING)],
        ['after another scheme', `Basic ${token}`, rejectedWith(MISSING)],
        [
          'in an array',
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
        it(`has the outcome ${outcome.kind} for a token ${name}`, async () => {
          expect(await runToEnd(make(), withHeader(header))).to.deep.equal(outcome)
        })
      }

      it('S-06: reads no token from a query, a cookie or a body', async () => {
        const elsewhere = {
          url: `/?token=${token}`,
          query: { token, access_token: token, instance: token },
          body: { token, access_token: token },
          cookies: { token },
          headers: { cookie: `token=${token}` },
        }
        expect(await runToEnd(make(), elsewhere)).to.deep.equal(rejectedWith(MISSING))
      })

      it('P-01: has one outcome for anything that is not a request', async () => {
        for (const req of [
          undefined,
          null,
          7,
          'string',
          [],
          {},
          { headers: null },
          { headers: [] },
          { headers: 'Bearer' },
        ]) {
          expect(await runToEnd(make(), req)).to.deep.equal(rejectedWith(MISSING))
        }
      })

      it('reads the token with tokenFromRequest, also from a promise', async () => {
        for (const tokenFromRequest of [
          fromHeader('X-Session'),
          ({ headers }: { headers: Record<string, string> }) => headers['x-session'],
          async ({ headers }: { headers: Record<string, string> }) => headers['x-session'],
        ]) {
          const strategy = make({ tokenFromRequest })
          expect(await runToEnd(strategy, { headers: { 'x-session': token } })).to.deep.equal(SUCCESS)
          expect(await runToEnd(strategy, bearer(token))).to.deep.equal(rejectedWith(MISSING))
        }
      })

      const readers: Array<[string, () => unknown, Outcome | 'error']> = [
        ['finds nothing', () => null, rejectedWith(MISSING)],
        ['finds an empty string', () => '', rejectedWith(MISSING)],
        [
          'finds an array',
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
        it(`has the outcome ${expected === 'error' ? expected : expected.kind} when tokenFromRequest ${name}`, async () => {
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
      for (const [name, credential] of foreign) {
        it(`leaves ${name} to another strategy: credentials_missing`, async () => {
          expect(await runToEnd(make(), withHeader(credential))).to.deep.equal(rejectedWith(MISSING))
          expect(await runToEnd(make(), bearer(credential))).to.deep.equal(rejectedWith(MISSING))
        })
      }

      const bad: Array<[string, string, string]> = [
        ['a webhook', webhook(), INVALID],
        ['three empty parts', '..', MALFORMED],
        [
          'a token without an algorithm',
          rawJwt({ alg: 'none', typ: 'wix-session+jwt', kid: ES256.kid }, sessionClaims(), () => Buffer.alloc(0)),
          INVALID,
        ],
        ['a token of another issuer', rawSession({}, sessionClaims({ iss: 'https://other.example' })), INVALID],
        ['a token for another audience', rawSession({}, sessionClaims({ aud: 'other' })), INVALID],
        ['a token of another type', rawSession({ typ: 'JWT' }), INVALID],
        ['a token signed with another key', rawSession({ kid: ES256.kid }, sessionClaims(), OTHER_KEY), INVALID],
        ['a token with an unknown kid', rawSession({ kid: 'unknown' }), INVALID],
        ['a token with the kid of another key', rawSession({ kid: EdDSA.kid }), INVALID],
        ['a token without a kid', rawSession({ kid: undefined }), INVALID],
        ['a token with crit', rawSession({ crit: ['x'], x: 1 }), MALFORMED],
        ['a token without a subject', rawSession({}, sessionClaims({ sub: undefined })), INVALID],
        [
          'a token with an exp in the past',
          rawSession({}, sessionClaims({ iat: SECONDS - 700, exp: SECONDS - 30 })),
          EXPIRED,
        ],
        ['a token with an iat in the future', rawSession({}, sessionClaims({ iat: SECONDS + 31 })), INVALID],
        ['a token with padding', `${token}=`, MALFORMED],
        ['a token of more than 8192 characters', `${token}${'A'.repeat(8192)}`, MALFORMED],
      ]
      for (const [name, badToken, challenge] of bad) {
        it(`rejects ${name}, with a Bearer challenge`, async () => {
          const strategy = make()
          expect(await runToEnd(strategy, bearer(badToken))).to.deep.equal(rejectedWith(challenge))
          expect(await runToEnd(strategy, bearer(badToken)), 'again').to.deep.equal(rejectedWith(challenge))
        })
      }

      it('has its outcome later than in the same tick, also for a cached token', async () => {
        const strategy = make()
        const forged = rawSession({ kid: ES256.kid }, sessionClaims(), OTHER_KEY)
        for (let time = 0; time < 2; time++) {
          const outcomes = [start(strategy, bearer(token)), start(strategy, bearer(forged))]
          expect(outcomes).to.deep.equal([[], []])
          await runToEnd(strategy, bearer(token))
          await runToEnd(strategy, bearer(forged))
          expect(outcomes).to.deep.equal([[SUCCESS], [rejectedWith(INVALID)]])
        }
      })
    })
  }

  it('shares the cache of its SessionTokens', async () => {
    const tokens = sessionTokens()
    const verify = sinon.spy(crypto.subtle, 'verify')
    try {
      await tokens.verify(token)
      expect(await runToEnd(new WixSessionStrategy({ tokens }), bearer(token))).to.deep.equal(SUCCESS)
      sinon.assert.calledOnce(verify)
    } finally {
      verify.restore()
    }
  })

  it('P-03: serves overlapping requests through one shared object without a mix-up', async () => {
    const tokens = sessionTokens()
    const issued = await Promise.all(
      Array.from({ length: 100 }, (_, at) => tokens.issue(verifiedInstance({ instanceId: `instance-${at}` }))),
    )
    for (const strategy of [new WixSessionStrategy({ tokens }), new WixSessionStrategy(remoteOptions())]) {
      const outcomes: unknown[] = Array.from({ length: 100 })
      for (const [at, each] of issued.entries()) {
        // Passport writes to a strategy object that it is given directly.
        Object.assign(strategy, {
          success: (found: WixSession) => (outcomes[at] = found.instanceId),
          fail: sinon.fake.throws('fail'),
          error: sinon.fake.throws('error'),
        })
        strategy.authenticate(bearer(each) as never)
      }
      while (outcomes.includes(undefined)) await new Promise((resolve) => setImmediate(resolve))
      expect(outcomes).to.deep.equal(issued.map((_, at) => `instance-${at}`))
    }
  })

  describe('sessionVerifier', () => {
    it('takes the token, or the whole header, and has a key set and a cache of its own', async () => {
      const verify = sessionVerifier(remoteOptions())
      for (const prefix of ['', 'Bearer ', 'bEARER   ']) expect(await verify(prefix + token)).to.deep.equal(user)
      expect(keySetServer.reads).to.have.length(1)
      await sessionVerifier(remoteOptions())(token)
      expect(keySetServer.reads).to.have.length(2)
    })

    it('gives the identity the mark of a session, of which no new session can be made', async () => {
      const session = await sessionVerifier(remoteOptions())(token)
      expect(kindOf(session)).to.equal('session')
      expect(await errorOf(sessionTokens().issue(session))).to.be.instanceOf(TypeError)
    })

    it('rejects as the strategy does, and with a WixUnavailableError where the key set cannot be read', async () => {
      const verify = sessionVerifier(remoteOptions())
      for (const [odd, code] of [
        [undefined, 'credentials_missing'],
        ['', 'credentials_missing'],
        [7, 'request_invalid'],
        [[token], 'request_invalid'],
        ['x', 'token_malformed'],
        [token.replace('.', '.Bearer '), 'token_malformed'],
        [`${token}${'A'.repeat(8192)}`, 'token_malformed'],
        [rawSession({ kid: 'unknown' }), 'signature_invalid'],
        [rawSession({}, sessionClaims({ aud: 'other' })), 'claim_invalid'],
        [rawSession({}, sessionClaims({ iat: SECONDS - 700, exp: SECONDS - 30 })), 'token_expired'],
      ] as const)
        expect(await refusalOf(verify(odd as string)), code).to.equal(code)
      keySetServer.answer = (res) => void res.writeHead(500).end()
      expect(await errorOf(sessionVerifier(remoteOptions())(token))).to.be.instanceOf(WixUnavailableError)
    })

    it('A2: obeys a fake clock that is installed later', async () => {
      clock.restore()
      const seconds = Math.floor(Date.now() / 1000)
      const fresh = rawSession({}, sessionClaims({ iat: seconds, exp: seconds + 300 }))
      const verify = sessionVerifier(remoteOptions())
      const local = sessionTokens({ now: () => Date.now() })
      const tokens = new SessionTokens({ keys: [ES256], issuer: ISSUER, audience: AUDIENCE })
      for (const each of [verify, (value: string) => tokens.verify(value)])
        expect(await each(fresh)).to.include({ exp: seconds + 300 })
      clock = sinon.useFakeTimers({ now: (seconds + 330) * 1000, toFake: ['Date'] })
      for (const each of [verify, (value: string) => tokens.verify(value), (value: string) => local.verify(value)])
        expect(await refusalOf(each(fresh))).to.equal('token_expired')
    })

    describe('P-10: its options', () => {
      const whole = { jwksUri: 'https://app.example/jwks.json', issuer: ISSUER, audience: AUDIENCE }
      optionsTable({ sessionVerifier: (options: never) => sessionVerifier(options) }, [
        [undefined, 'the options must be an object with `issuer` and `audience` and `jwksUri`'],
        [without(whole, 'jwksUri'), 'option `jwksUri` is missing'],
        [without(whole, 'issuer'), 'option `issuer` is missing'],
        [without(whole, 'audience'), 'option `audience` is missing'],
        [{ ...whole, jwksUri: 'http://app.example' }, 'option `jwksUri` must be an https URL'],
        [
          { ...whole, issuer: 'undefined' },
          /option `issuer` .*, got a string that JavaScript makes of a missing value/,
        ],
        [{ ...whole, tokenFromRequest: () => '' }, 'unknown option `tokenFromRequest`'],
        [{ ...whole, tokens: {} }, 'unknown option `tokens`'],
      ])
    })
  })

  describe('P-10: the options', () => {
    const tokens = sessionTokens()
    const remote = { jwksUri: 'https://app.example/jwks.json', issuer: ISSUER, audience: AUDIENCE }
    const oneOf = 'the options must have either { tokens }, or { jwksUri, issuer, audience } of another service'
    const url =
      'option `jwksUri` must be an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1])'
    optionsTable(
      { WixSessionStrategy: showingNoSecretOf([ES256], (options) => new WixSessionStrategy(options)) },
      [
        ['undefined', undefined, 'the options must be an object'],
        ['null', null, 'the options must be an object, got null'],
        ['a SessionTokens object', tokens, oneOf],
        ['without a source of keys', {}, oneOf],
        ['both sources of keys', { tokens, ...remote }, oneOf],
        ['tokens with a jwksUri', { tokens, jwksUri: remote.jwksUri }, oneOf],
        ['tokens with an issuer', { tokens, issuer: ISSUER }, oneOf],
        ['tokens with an audience', { tokens, audience: AUDIENCE }, oneOf],
        ['tokens with a clock', { tokens, now }, oneOf],
        ['tokens with a clockTolerance', { tokens, clockTolerance: 0 }, oneOf],
        ['a jwksUri alone', { jwksUri: remote.jwksUri }, oneOf],
        ['without an issuer', { ...without(remote, 'issuer') }, oneOf],
        ['without an audience', { ...without(remote, 'audience') }, oneOf],
        ['without a jwksUri', { ...without(remote, 'jwksUri') }, oneOf],
        [
          'tokens of an unset variable',
          { tokens: undefined },
          'option `tokens` must be a SessionTokens object, got undefined (is an environment variable not set?)',
        ],
        [
          'options instead of tokens',
          { tokens: { keys: [ES256], issuer: ISSUER, audience: AUDIENCE } },
          'option `tokens` must be a SessionTokens object, got a value of type object',
        ],
        [
          'a copy of tokens',
          { tokens: Object.assign({}, tokens) },
          'option `tokens` must be a SessionTokens object, got a value of type object',
        ],
        ['a jwksUri with plain http', { ...remote, jwksUri: 'http://app.example/jwks.json' }, url],
        [
          'a jwksUri with http and a host that begins like localhost',
          { ...remote, jwksUri: 'http://localhost.app.example/' },
          url,
        ],
        [
          'a jwksUri with http and a host that begins like a loopback address',
          { ...remote, jwksUri: 'http://127.0.0.1.app.example/' },
          url,
        ],
        ['a jwksUri with a password', { ...remote, jwksUri: 'https://a:b@app.example/' }, url],
        ['the URL of a file as jwksUri', { ...remote, jwksUri: 'file:///etc/passwd' }, url],
        ['a data URL as jwksUri', { ...remote, jwksUri: 'data:application/json,{"keys":[]}' }, url],
        ['a path as jwksUri', { ...remote, jwksUri: '/.well-known/jwks.json' }, url],
        ['a URL object as jwksUri', { ...remote, jwksUri: new URL(remote.jwksUri) }, `${url}, got a value of type URL`],
        [
          'a jwksUri of an unset variable',
          { ...remote, jwksUri: undefined },
          `${url}, got undefined (is an environment variable not set?)`,
        ],
        [
          'several issuers',
          { ...remote, issuer: [ISSUER] },
          'option `issuer` must be a non-empty string without leading or trailing whitespace, got an array',
        ],
        [
          'an empty audience',
          { ...remote, audience: '' },
          'option `audience` must be a non-empty string without leading or trailing whitespace, got an empty string',
        ],
        [
          'a clockTolerance of more than five minutes',
          { ...remote, clockTolerance: 301 },
          'option `clockTolerance` must be a number of seconds from 0 to 300',
        ],
        ['a moment as the clock', { ...remote, now: NOW }, 'option `now` must be a function, got a number'],
        [
          'a name as tokenFromRequest',
          { tokens, tokenFromRequest: 'x-session' },
          'option `tokenFromRequest` must be a function, got a string',
        ],
        [
          'a number as passReqToCallback',
          { tokens, passReqToCallback: 1 },
          'option `passReqToCallback` must be true or false, got a number',
        ],
        ['keys', { tokens, keys: [ES256] }, /^WixSessionStrategy: unknown option `keys`; known options are /],
        [
          'algorithms',
          { ...remote, algorithms: ['HS256'] },
          /^WixSessionStrategy: unknown option `algorithms`; known options are /,
        ],
      ],
      { isWhole: true },
    )

    it('must not come with a verify that is not a function', () => {
      for (const verify of [null, {}, 'verify']) {
        expect(() => new WixSessionStrategy({ tokens }, verify as never)).to.throw(
          TypeError,
          'WixSessionStrategy needs',
        )
      }
    })

    it('may have a jwksUri with https, or http on this machine, which is not read before the first request', async () => {
      const fetch = sinon.spy(globalThis, 'fetch')
      try {
        for (const jwksUri of [
          remote.jwksUri,
          keySetServer.url,
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

    it('have a default clockTolerance of 30 seconds, and a default clock of Date.now', async () => {
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

    it('P-08: responds with 200 and the session, or with 401 and WWW-Authenticate', async () => {
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

  it('P-11: reads no option from Object.prototype', async () => {
    Object.assign(Object.prototype, { clockTolerance: 300, tokens: sessionTokens() })
    try {
      clock.tick(630_000)
      expect(await runToEnd(new WixSessionStrategy(remoteOptions()), bearer(token))).to.deep.equal(
        rejectedWith(EXPIRED),
      )
      expect(() => new WixSessionStrategy({} as never)).to.throw(TypeError, 'the options must have either')
    } finally {
      for (const name of ['clockTolerance', 'tokens']) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('S-04: stops accepting the tokens of a removed key in the issuing process within a minute, and new ones after five seconds', async () => {
    const time = clockAt()
    let keys = [ES256, EdDSA]
    const strategy = new WixSessionStrategy({ tokens: sessionTokens({ keys: () => keys, now: time.now }) })
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(SUCCESS)
    keys = [EdDSA]
    time.move(5)
    const other = rawSession({}, sessionClaims({ jti: 'other' }))
    expect(await runToEnd(strategy, bearer(other))).to.deep.equal(rejectedWith(INVALID))
    time.move(55)
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(SUCCESS)
    time.move(0.001)
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(rejectedWith(INVALID))
  })
})

function without(object: object, name: string): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name))
}
