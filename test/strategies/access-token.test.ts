import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  fromHeader,
  fromQuery,
  identityOf,
  type AccessTokenVerifierOptions,
  WixAccessTokenStrategy,
  WixAuthError,
  WixUnavailableError,
} from '../../lib/index.ts'
import { accessToken, answering, askedFor, info } from '../support/access-token.ts'
import { instance, now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { INVALID, MALFORMED, MISSING, rejectedWith } from '../support/challenges.ts'
import { errorOf } from '../support/errors.ts'
import { APP_ID, digest, webhook } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { type Outcome, request, run, runToEnd, settled } from '../support/run.ts'
import { verifyAccessToken } from '../support/verify.ts'

const user = { id: 'user' }
const found = (_identity: object): object => user
const createStrategy = (options: object = {}, verify: unknown = found): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, ...options }, verify as () => null)
const TOKEN = accessToken()
const withHeader = (authorization: unknown): object => request({}, { authorization })
const asked = withHeader(TOKEN)
const options = (more: object = {}): AccessTokenVerifierOptions => ({ appId: APP_ID, now, ...more })

const TWICE: Outcome = {
  kind: 'fail',
  challenge: { message: 'The Wix credential must be sent once, in one place, as a string', code: 'request_invalid' },
  status: 400,
}

describe('WixAccessTokenStrategy', () => {
  watchForSecrets()
  it('has the name wix-access-token, or the name in its options', () => {
    expect(createStrategy().name).to.equal('wix-access-token')
    expect(createStrategy({ name: 'two' }).name).to.equal('two')
  })

  it('signs in with the user that verify found, and has the identity in the info', async () => {
    const verify = sinon.fake.resolves(user)
    const outcome = await runToEnd(createStrategy({ fetch: answering() }, verify), asked)
    const identity = { ...info(), accountId: null, permissions: null, siteOwnerId: null, vendorProductId: null }
    expect(outcome).to.deep.equal({ kind: 'success', user, info: { identity } })
    expect(identityOf({ authInfo: (outcome as unknown as { info: Express.AuthInfo }).info })).to.deep.equal(identity)
    sinon.assert.calledOnceWithExactly(verify, identity, sinon.match.func)
  })

  it('calls verify with the request first, with passReqToCallback', async () => {
    const verify = sinon.fake.resolves(user)
    await runToEnd(createStrategy({ fetch: answering(), passReqToCallback: true }, verify), asked)
    sinon.assert.calledOnceWithExactly(verify, asked, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
  })

  describe('T-01: finds a token', () => {
    const forms: Array<[string, string]> = [
      ['alone, as Wix sends it', TOKEN],
      ['after Bearer', `Bearer ${TOKEN}`],
      ['after bearer', `bearer ${TOKEN}`],
      ['after BEARER', `BEARER ${TOKEN}`],
      ['after Bearer and several spaces', `Bearer   ${TOKEN}`],
    ]
    for (const [name, authorization] of forms) {
      it(name, async () => {
        const fetch = answering()
        expect(await runToEnd(createStrategy({ fetch }), withHeader(authorization))).to.include({
          kind: 'success',
          user,
        })
        expect(askedFor(fetch)).to.deep.equal([TOKEN])
      })
    }

    const tokens = [
      'a.b.c.d',
      'OAUTH2.a.b.c',
      'a.b.c.d.e.f',
      'a.b.c.d==',
      'Aa0-_~+/.b.c.d',
      'ISTX.a.b.c',
      'x.IST.a.b',
      'jws.a.b.c',
    ]
    it('that has four parts or more of the alphabet', async () => {
      for (const token of [...tokens, `a.b.c.${'x'.repeat(8192 - 6)}`]) {
        const fetch = answering()
        expect(await runToEnd(createStrategy({ fetch }), withHeader(token)), token.slice(0, 20)).to.include({
          kind: 'success',
          user,
        })
        expect(askedFor(fetch), token.slice(0, 20)).to.deep.equal([token])
      }
    })
  })

  describe('T-01: finds no token', () => {
    const others: Array<[string, unknown]> = [
      ['no header', undefined],
      ['null', null],
      ['an empty header', ''],
      ['Basic', 'Basic dXNlcjpwYXNz'],
      ['the token after another scheme', `Basic ${TOKEN}`],
      ['the token after an unknown scheme', `Token ${TOKEN}`],
      ['the token after a scheme that begins as Bearer', `Bearer: ${TOKEN}`],
      ['the token after a tab', `Bearer\t${TOKEN} x`],
      ['Bearer and nothing', 'Bearer '],
      ['Bearer and spaces', 'Bearer    '],
      ['an instance', instance()],
      ['an instance after Bearer', `Bearer ${instance()}`],
      ['a JWT, which may be a session token', webhook()],
      ['a JWT after Bearer', `Bearer ${webhook()}`],
      ['the JWT of a digest', digest().slice(4)],
      ['two parts of other letters', 'ü.%'],
      ['two parts of 8,192 characters', `a.${'x'.repeat(8190)}`],
    ]
    for (const [name, authorization] of others) {
      it(`in ${name}: a Bearer challenge without error, and 0 calls`, async () => {
        const fetch = answering()
        expect(await run(createStrategy({ fetch }), withHeader(authorization))).to.deep.equal(rejectedWith(MISSING))
        sinon.assert.notCalled(fetch)
      })
    }

    it('in the query, the body or a cookie', async () => {
      const fetch = answering()
      const places = { access_token: TOKEN, token: TOKEN, instance: TOKEN, authorization: TOKEN }
      const req = { query: places, body: places, cookies: places, headers: { cookie: `token=${TOKEN}` } }
      expect(await run(createStrategy({ fetch }), req)).to.deep.equal(rejectedWith(MISSING))
      sinon.assert.notCalled(fetch)
    })

    it('P-11: in a header that is only inherited', async () => {
      const fetch = answering()
      const req = request({}, Object.create({ authorization: TOKEN }))
      expect(await run(createStrategy({ fetch }), req)).to.deep.equal(rejectedWith(MISSING))
      sinon.assert.notCalled(fetch)
    })

    it('P-01: in a value that is no request', async () => {
      for (const req of [undefined, null, 7, 'a string', {}, { headers: null }, { headers: 'x' }]) {
        expect(await run(createStrategy({ fetch: answering() }), req)).to.deep.equal(rejectedWith(MISSING))
      }
    })
  })

  describe('T-02: rejects without a call', () => {
    const malformed: Array<[string, string]> = [
      ['one word', 'hello'],
      ['one word after Bearer', 'Bearer hello'],
      ['Bearer alone', 'Bearer'],
      ['an API key', 'IST.a.b.c'],
      ['a refresh token', 'JWS.a.b.c'],
      ['a refresh token of more parts', 'JWS.a.b.c.d'],
      ['an empty part', 'a..b.c.d'],
      ['an empty first part', '.a.b.c'],
      ['an empty last part', 'a.b.c.'],
      ['only dots', '.....'],
      ['padding inside', 'a.b=.c.d'],
      ['only padding at the end', 'a.b.c.='],
      ['two tokens', `Bearer ${TOKEN} ${TOKEN}`],
      ['two headers that were joined', `Bearer ${TOKEN}, Bearer ${TOKEN}`],
      ['quotes', `"${TOKEN}"`],
      ['a comma', `${TOKEN},`],
      ['a line feed', `${TOKEN}\n`],
      ['a carriage return', `${TOKEN}\rx`],
      ['a null character', `${TOKEN}\0`],
      ['a percent sign', `${TOKEN}%20`],
      ['a letter beyond ASCII', `${TOKEN}é`],
      ['a character that looks like a full stop', TOKEN.replace('.', '․')],
      ['a fullwidth letter', `${TOKEN}ａ`],
      ['half a character', `${TOKEN}\uD800`],
      ['8,193 characters', `a.b.c.${'x'.repeat(8193 - 6)}`],
      ['an over-long instance', `a.${'x'.repeat(8192)}`],
      ['10,000,000 characters', 'x'.repeat(10_000_000)],
      ['10,000,000 characters after Bearer', `Bearer ${'a.'.repeat(5_000_000)}`],
    ]
    for (const [name, authorization] of malformed) {
      it(`${name}: invalid_token`, async () => {
        const fetch = answering()
        expect(await run(createStrategy({ fetch }), withHeader(authorization))).to.deep.equal(rejectedWith(MALFORMED))
        sinon.assert.notCalled(fetch)
      })
    }

    it('what is no string as header: request_invalid', async () => {
      for (const value of [[TOKEN], [TOKEN, TOKEN], [], {}, { 0: TOKEN }, 7, 0, true, false]) {
        const fetch = answering()
        expect(await run(createStrategy({ fetch }), withHeader(value)), inspect(value)).to.deep.equal(TWICE)
        sinon.assert.notCalled(fetch)
      }
    })

    it('malformed tokens, however many come', async () => {
      const fetch = answering()
      let refused = 0
      const perRequest = Object.assign(Object.create(createStrategy({ fetch })) as WixAccessTokenStrategy, {
        success: sinon.fake(),
        fail: (_challenge: unknown, status: number) => void (refused += Number(status === 401)),
        error: sinon.fake(),
      })
      const ends = ['..a', '.a.b.c ', '.a.b.ü', '.', '.a.b.c.', '.=.b.c', '\n.a.b.c', '', '"']
      const limit = Error.stackTraceLimit
      Error.stackTraceLimit = 0
      try {
        for (let index = 0; index < 50_000; index++) {
          const authorization = `Bearer t${index}${ends[index % ends.length]}!`
          perRequest.authenticate({ headers: { authorization } } as never)
          if (index % 1000 === 999) await new Promise((resolve) => setImmediate(resolve))
        }
        await settled()
      } finally {
        Error.stackTraceLimit = limit
      }
      expect(refused).to.equal(50_000)
      sinon.assert.notCalled(fetch)
      sinon.assert.notCalled(perRequest.success)
      sinon.assert.notCalled(perRequest.error)
    })
  })

  describe('with a verify callback that finds no user', () => {
    const looked = (verify: unknown): Promise<Outcome> =>
      runToEnd(createStrategy({ fetch: answering() }, verify), asked)
    type Done = (error: unknown, found?: unknown, info?: unknown) => void

    it('P-08: rejects with a Bearer challenge', async () => {
      const finding = [
        (_identity: object) => undefined,
        async () => null,
        (_identity: object, done: Done) => done(null, false),
      ]
      for (const verify of finding) expect(await looked(verify)).to.deep.equal(rejectedWith(INVALID))
    })

    it('rejects with the info of the callback in its place, never as a header', async () => {
      const refusing = (info: unknown) => (_identity: object, done: Done) => done(null, false, info)
      expect(await looked(refusing({ message: 'Not installed' }))).to.deep.equal({
        kind: 'fail',
        challenge: { message: 'Not installed' },
        status: 401,
      })
      expect(await looked(refusing('не установлено'))).to.deep.equal({
        kind: 'fail',
        challenge: { message: 'не установлено' },
        status: 401,
      })
    })

    it('ends in an error when the callback fails', async () => {
      const broken = new Error('database')
      const failing = async (): Promise<never> => Promise.reject(broken)
      expect(await looked(failing)).to.deep.equal({ kind: 'error', error: broken })
    })
  })

  it('T-07: rejects no token in an outage: an error with status 503', async () => {
    const outcome = await runToEnd(createStrategy({ fetch: answering('', 500) }), asked)
    expect(outcome).to.have.property('kind', 'error')
    expect(outcome).to.have.property('error').that.is.instanceOf(WixUnavailableError).and.not.instanceOf(WixAuthError)
    expect(outcome).to.have.deep.nested.property('error.headers', {})
    expect(outcome).to.have.nested.include({
      'error.status': 503,
      'error.name': 'WixUnavailableError',
      'error.message': 'Token Info is unavailable: status 500',
    })
  })

  it('asks once, for a good token and for a bad one', async () => {
    for (const [body, kind] of [
      [info(), 'success'],
      [{ active: false }, 'fail'],
    ] as const) {
      const fetch = answering(body)
      const strategy = createStrategy({ fetch })
      for (let time = 0; time < 2; time++) expect(await runToEnd(strategy, asked)).to.have.property('kind', kind)
      sinon.assert.calledOnce(fetch)
    }
  })

  it('P-03: serves 1,000 pairs of overlapping requests through one shared object without a mix-up', async () => {
    // Each answer names the token it is for, and odd ones come later.
    const fetch = async (_url: string, { body }: { body: string }): Promise<Response> => {
      const { token } = JSON.parse(body) as { token: string }
      const odd = token.length % 2 === 1
      for (let left = odd ? 3 : 0; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
      return new Response(JSON.stringify(info({ subjectId: token })))
    }
    const shared = createStrategy({ fetch, maxCalls: 2000, timeout: 60 }, (identity: object) => identity)
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, index) => {
        const token = `a.b.c.${'x'.repeat(index % 2)}${String(index).padStart(4, '0')}`
        return new Promise<[string, unknown]>((resolve, reject) => {
          Object.assign(shared, {
            success: ({ subjectId }: { subjectId: string }) => resolve([token, subjectId]),
            fail: reject,
            error: reject,
          })
          shared.authenticate(withHeader(token) as never)
        })
      }),
    )
    expect(answers).to.have.length(2000)
    expect(answers.filter(([sent, received]) => sent !== received)).to.deep.equal([])
  })

  describe('with tokenFromRequest', () => {
    it('reads the token there, and nowhere else', async () => {
      const fetch = answering()
      const strategy = createStrategy({ fetch, tokenFromRequest: fromHeader('X-Wix-Authorization') })
      const req = request({}, { 'x-wix-authorization': TOKEN })
      expect(await runToEnd(strategy, req)).to.include({ kind: 'success' })
      expect(await runToEnd(strategy, asked)).to.deep.equal(rejectedWith(MISSING))
      const fromUrl = createStrategy({ fetch, tokenFromRequest: fromQuery('token') })
      expect(await runToEnd(fromUrl, request({ token: TOKEN }))).to.include({ kind: 'success' })
    })

    it('P-10: awaits a promise, and applies the same rule', async () => {
      const reading = (value: unknown): WixAccessTokenStrategy =>
        createStrategy({ fetch: answering(), tokenFromRequest: () => value })
      expect(await runToEnd(reading(Promise.resolve(TOKEN)), {})).to.include({ kind: 'success' })
      for (const none of [undefined, null, '', Promise.resolve(undefined), instance()]) {
        expect(await runToEnd(reading(none), {})).to.deep.equal(rejectedWith(MISSING))
      }
      for (const odd of [[TOKEN], {}, 7, Promise.resolve([TOKEN])]) {
        expect(await runToEnd(reading(odd), {})).to.deep.equal(TWICE)
      }
      expect(await runToEnd(reading(`Bearer ${TOKEN}`), {})).to.deep.equal(rejectedWith(MALFORMED))
    })

    it('ends in an error that the reader throws, unless it is a refusal', async () => {
      const throwing = (error: unknown): WixAccessTokenStrategy =>
        createStrategy({
          tokenFromRequest: () => {
            throw error
          },
        })
      const broken = new Error('broken')
      expect(await run(throwing(broken), {})).to.deep.equal({ kind: 'error', error: broken })
      expect(await run(throwing(new WixAuthError('request_invalid')), {})).to.deep.equal(TWICE)
    })
  })
})

describe('P-10: the options of the access token', () => {
  const url =
    'option `apiUrl` must be an https URL without a password, query or fragment, or an http URL on this machine'
  const age = 'cache: option `maxAge` must be a number of seconds above 0, at most 60'
  const whole = 'must be an integer from 1 to 10000000'
  const wrong: Array<[object, string | RegExp]> = [
    [{ appID: 'x' }, 'unknown option `appID`; known options are '],
    [{ secret: 'x' }, 'unknown option `secret`'],
    [
      { appId: undefined },
      'option `appId` must be a non-empty string without leading or trailing whitespace, got undefined',
    ],
    [
      { appId: '' },
      'option `appId` must be a non-empty string without leading or trailing whitespace, got an empty string',
    ],
    [{ appId: ' app-1' }, 'option `appId`'],
    [{ appId: 7 }, 'option `appId` must be a non-empty string without leading or trailing whitespace, got a number'],
    [{ appId: 'undefined' }, /option `appId` .*, got a string that JavaScript makes of a missing value/],
    [{ appId: '[object Object]' }, /option `appId` .*, got a string that JavaScript makes of a missing value/],
    [
      { appId: [APP_ID] },
      'option `appId` must be a non-empty string without leading or trailing whitespace, got an array',
    ],
    [{ subjectTypes: ['USER'] }, 'unknown option `subjectTypes`'],
    [{ timeout: 0 }, 'option `timeout` must be a number of seconds above 0, at most 60'],
    [{ timeout: 2000 }, 'option `timeout` must be a number of seconds above 0, at most 60'],
    [{ timeout: 60.001 }, 'option `timeout`'],
    [{ timeout: -1 }, 'option `timeout`'],
    [{ timeout: NaN }, 'option `timeout`'],
    [{ timeout: Infinity }, 'option `timeout`'],
    [{ timeout: '2' }, 'option `timeout` must be a number of seconds above 0, at most 60, got a string'],
    [{ timeout: undefined }, 'option `timeout`'],
    [{ maxCalls: 0 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: 1.5 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: Infinity }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: 10_000_001 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: '64' }, `option \`maxCalls\` ${whole}`],
    [{ cache: true }, 'option `cache` must be false, or { maxAge, max }, got a boolean'],
    [{ cache: null }, 'option `cache` must be false, or { maxAge, max }, got null'],
    [{ cache: 60 }, 'option `cache` must be false, or { maxAge, max }'],
    [{ cache: [] }, 'option `cache` must be false, or { maxAge, max }, got an array'],
    [{ cache: { maxAge: 61 } }, age],
    [{ cache: { maxAge: 60.001 } }, age],
    [{ cache: { maxAge: 0 } }, age],
    [{ cache: { maxAge: -1 } }, age],
    [{ cache: { maxAge: NaN } }, age],
    [{ cache: { maxAge: '60' } }, age],
    [{ cache: { maxAge: false } }, age],
    [{ cache: { maxAge: undefined } }, age],
    [{ cache: { max: 0 } }, `cache: option \`max\` ${whole}`],
    [{ cache: { max: 1.5 } }, `cache: option \`max\` ${whole}`],
    [{ cache: { max: Infinity } }, `cache: option \`max\` ${whole}`],
    [{ cache: { ttl: 5 } }, 'cache: unknown option `ttl`; known options are maxAge, max'],
    [{ apiUrl: 'www.wixapis.com' }, url],
    [{ apiUrl: '' }, url],
    [{ apiUrl: new URL('https://www.wixapis.com') }, url],
    [{ apiUrl: 'https://www.wixapis.com?' }, url],
    [{ apiUrl: 'https://www.wixapis.com/?a=b' }, url],
    [{ apiUrl: 'https://www.wixapis.com/#a' }, url],
    [{ apiUrl: 'http://www.wixapis.com' }, url],
    [{ apiUrl: 'http://127.0.0.1.wix.com' }, url],
    [{ apiUrl: 'http://localhost.wix.com' }, url],
    [{ apiUrl: 'http://wix-localhost' }, url],
    [{ apiUrl: 'http://wix.localhost' }, url],
    [{ apiUrl: 'http://128.0.0.1' }, url],
    [{ apiUrl: 'http://[::2]' }, url],
    [{ apiUrl: 'http://0.0.0.0' }, url],
    [{ apiUrl: 'http://localhost@wix.com' }, url],
    [{ apiUrl: 'https://user:canary@www.wixapis.com' }, url],
    [{ apiUrl: 'https://user@www.wixapis.com' }, url],
    [{ apiUrl: 'https://:canary@www.wixapis.com' }, url],
    [{ apiUrl: 'http://user:canary@localhost' }, url],
    [{ apiUrl: 'ftp://127.0.0.1' }, url],
    [{ apiUrl: 'file:///etc/passwd' }, url],
    [{ apiUrl: 'javascript:1' }, url],
    [{ fetch: 'fetch' }, 'option `fetch` must be a function'],
    [{ fetch: undefined }, 'option `fetch` must be a function, got undefined'],
    [{ now: 5 }, 'option `now` must be a function'],
  ]
  optionsTable(
    {
      WixAccessTokenStrategy: createStrategy,
      accessTokenVerifier: (given: never) => verifyAccessToken(TOKEN, options(given)),
    },
    wrong,
  )

  describe('that the strategy alone has', () => {
    optionsTable({ WixAccessTokenStrategy: createStrategy }, [
      [{ tokenFromRequest: 'header' }, 'option `tokenFromRequest` must be a function'],
      [{ passReqToCallback: 'yes' }, 'option `passReqToCallback` must be true or false'],
      [{ name: '' }, 'option `name` must be a non-empty string'],
      [{ verifyTimeout: 0 }, 'option `verifyTimeout` must be a number of seconds above 0'],
    ])
  })

  it('need an appId', async () => {
    expect(() => new WixAccessTokenStrategy({ now } as never, found)).to.throw(
      TypeError,
      'WixAccessTokenStrategy: option `appId` must be a non-empty string without leading or trailing whitespace, got undefined',
    )
    expect(await errorOf(verifyAccessToken(TOKEN, { now } as never)))
      .to.be.instanceOf(TypeError)
      .with.property('message')
      .that.includes('accessTokenVerifier: option `appId` must be a non-empty string')
  })

  it('must be an object', async () => {
    for (const given of [undefined, null, APP_ID, 7, []]) {
      expect(() => new WixAccessTokenStrategy(given as never, found)).to.throw(
        TypeError,
        'WixAccessTokenStrategy: the options must be an object',
      )
      expect(await errorOf(verifyAccessToken(TOKEN, given as never))).to.be.instanceOf(TypeError)
    }
  })

  it('need a verify callback beside them', () => {
    for (const verify of [undefined, null, {}, 'verify']) {
      expect(() => new WixAccessTokenStrategy({ appId: APP_ID }, verify as never)).to.throw(
        TypeError,
        'WixAccessTokenStrategy needs a verify callback',
      )
    }
  })

  it('are checked before the token', async () => {
    expect(await errorOf(verifyAccessToken('', {} as never))).to.be.instanceOf(TypeError)
  })

  it('may be at the limits', () => {
    expect(createStrategy({ timeout: 60, maxCalls: 10_000_000, cache: { maxAge: 60, max: 1 } }).name).to.be.a('string')
    expect(createStrategy({ timeout: 0.001, maxCalls: 1, cache: {} }).name).to.be.a('string')
  })

  it('are copied: later changes of the object have no effect', async () => {
    const fetch = answering()
    const given = { appId: APP_ID, now, fetch, cache: { maxAge: 60, max: 10 } }
    const strategy = new WixAccessTokenStrategy(given as never, found)
    Object.assign(given, { appId: 'app-2', fetch: answering({}, 500), tokenFromRequest: () => '' })
    expect(await runToEnd(strategy, asked)).to.include({ kind: 'success', user })
  })

  it('P-11: are not taken from Object.prototype', async () => {
    // Node loads its Response when one is first used, which takes a clean Object.prototype.
    await runToEnd(createStrategy({ fetch: answering() }), asked)
    const fetch = answering()
    const elsewhere = answering(info({ subjectId: 'user-2' }))
    const polluted = {
      apiUrl: 'https://elsewhere.example',
      fetch: elsewhere,
      cache: false,
      maxCalls: 0,
      timeout: 0.001,
    }
    Object.assign(Object.prototype, polluted)
    try {
      const strategy = createStrategy({ fetch })
      expect(await runToEnd(strategy, asked)).to.include({ kind: 'success', user })
      expect(await runToEnd(strategy, asked)).to.include({ kind: 'success', user })
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    }
    sinon.assert.notCalled(elsewhere)
    expect(fetch.args.map(([to]) => to)).to.deep.equal(['https://www.wixapis.com/oauth2/token-info'])
  })
})
