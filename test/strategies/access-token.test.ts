import { createHash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  fromHeader,
  fromQuery,
  identityOf,
  verifyAccessToken,
  type VerifyAccessTokenOptions,
  WixAccessTokenStrategy,
  WixAuthError,
  WixUnavailableError,
} from '../../lib/index.ts'
import { WixSimulator } from '../../lib/testing/index.ts'
import { accessToken, answering, answeringLater, askedFor, clockAt, info } from '../support/access-token.ts'
import { instance, now, NOW } from '../support/build.ts'
import { APP_ID, digest, refusalOf, SECONDS, webhook } from '../support/jwt.ts'
import { type Outcome, request, run, runToEnd, settled, start } from '../support/run.ts'
import { tokenInfoServer, whole } from '../support/token-info-server.ts'

const user = { id: 'user' }
const found = (): object => user
const strategy = (options: object = {}, verify: unknown = found): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, ...options }, verify as () => null)
const TOKEN = accessToken()
const withHeader = (authorization: unknown): object => request({}, { authorization })
const asked = withHeader(TOKEN)
const options = (more: object = {}): VerifyAccessTokenOptions => ({ appId: APP_ID, now, ...more })

const INVALID =
  'This Wix credential is not valid for this app: open the page from Wix again (developers: compare the app secret, the public key and the app ID)'
const challenge = (description: string): string =>
  `Bearer realm="Wix", error="invalid_token", error_description="${description}"`
const MISSING: Outcome = { kind: 'fail', challenge: 'Bearer realm="Wix"', status: 401 }
const REFUSED: Outcome = { kind: 'fail', challenge: challenge(INVALID), status: 401 }
const MALFORMED: Outcome = {
  kind: 'fail',
  challenge: challenge('This is not a complete Wix credential: send it exactly as Wix issued it'),
  status: 401,
}
const EXPIRED: Outcome = {
  kind: 'fail',
  challenge: challenge('This Wix credential has expired: reload the page to get a new one'),
  status: 401,
}
const TWICE: Outcome = {
  kind: 'fail',
  challenge: { message: 'The Wix credential must be sent once, in one place, as a string', code: 'request_invalid' },
  status: 400,
}

interface Credential {
  name: string
  value: string
  expect_at_access_token_strategy: 'ask Token Info' | 'refuse' | 'missing'
}
interface Verdict {
  name: string
  status: number
  body: Record<string, unknown> | string
  verify_at: number
  app_id: string
  expect: 'accept' | 'refuse' | 'error'
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/access-token.json', import.meta.url), 'utf8')) as {
  credentials: Credential[]
  token_info: Verdict[]
}

/** The error that a promise is rejected with. */
const errorOf = async (promise: Promise<unknown>): Promise<unknown> => {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error('accepted', { cause: value })
}

describe('the vectors of access-token.json', () => {
  it('are all here', () => {
    expect([vectors.credentials.length, vectors.token_info.length]).to.deep.equal([10, 18])
  })

  for (const { name, value, expect_at_access_token_strategy: verdict } of vectors.credentials) {
    it(`T-01: the credential ${name}: ${verdict}`, async () => {
      const fetch = answering()
      const outcome = await runToEnd(strategy({ fetch }), withHeader(value))
      if (verdict === 'ask Token Info') {
        expect(outcome).to.include({ kind: 'success', user })
        expect(askedFor(fetch)).to.deep.equal([value.replace('Bearer ', '')])
        return
      }
      expect(outcome).to.include({ kind: 'fail', status: 401 })
      if (verdict === 'missing') expect(outcome).to.deep.equal(MISSING)
      expect(askedFor(fetch)).to.deep.equal([])
    })
  }

  for (const { name, status, body, verify_at: at, app_id: appId, expect: verdict } of vectors.token_info) {
    it(`T-03: the answer ${name}: ${verdict}`, async () => {
      const server = await tokenInfoServer(whole(body, status))
      try {
        const door = strategy({ appId, apiUrl: server.url, now: () => at * 1000 }, (identity: object) => identity)
        const outcome = await runToEnd(door, asked)
        expect(server.calls).to.have.length(1)
        expect(server.calls[0]).to.deep.include({
          method: 'POST',
          url: '/oauth2/token-info',
          body: JSON.stringify({ token: TOKEN }),
        })
        expect(server.calls[0]?.headers).to.include({ 'content-type': 'application/json', accept: 'application/json' })
        expect(server.calls[0]?.headers).to.not.have.property('authorization')
        if (verdict === 'refuse') {
          expect(outcome).to.deep.equal(name === 'expired' ? EXPIRED : REFUSED)
        } else if (verdict === 'error') {
          expect(outcome).to.have.property('kind', 'error')
          expect(outcome)
            .to.have.property('error')
            .that.is.instanceOf(WixUnavailableError)
            .and.includes({ status: 503 })
        } else {
          const said = body as Record<string, unknown>
          const identity = {
            subjectId: null,
            siteId: null,
            accountId: null,
            permissions: null,
            siteOwnerId: null,
            vendorProductId: null,
            ...said,
            active: true,
            iat: said['iat'] === null ? null : Number(said['iat']),
            exp: Number(said['exp']),
          }
          expect(outcome).to.deep.equal({ kind: 'success', user: identity, info: { identity } })
        }
      } finally {
        await server.close()
      }
    })
  }
})

describe('WixAccessTokenStrategy', () => {
  it('is called wix-access-token, or as it is told', () => {
    expect(strategy().name).to.equal('wix-access-token')
    expect(strategy({ name: 'two' }).name).to.equal('two')
  })

  it('signs in with what the look-up found, and tells the identity in the info', async () => {
    const verify = sinon.fake.returns(user)
    const outcome = await runToEnd(strategy({ fetch: answering() }, verify), asked)
    const identity = { ...info(), accountId: null, permissions: null, siteOwnerId: null, vendorProductId: null }
    expect(outcome).to.deep.equal({ kind: 'success', user, info: { identity } })
    expect(identityOf({ authInfo: (outcome as unknown as { info: Express.AuthInfo }).info })).to.deep.equal(identity)
    sinon.assert.calledOnceWithExactly(verify, identity, sinon.match.func)
  })

  it('gives the request to verify first, with passReqToCallback', async () => {
    const verify = sinon.fake.returns(user)
    await runToEnd(strategy({ fetch: answering(), passReqToCallback: true }, verify), asked)
    sinon.assert.calledOnceWithExactly(verify, asked, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
  })

  it('T-05: asks Wix, follows no redirect, and gives nothing but the token', async () => {
    const fetch = answering()
    await runToEnd(strategy({ fetch }), asked)
    sinon.assert.calledOnceWithExactly(fetch, 'https://www.wixapis.com/oauth2/token-info', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ token: TOKEN }),
      redirect: 'manual',
      signal: sinon.match.instanceOf(AbortSignal) as unknown as AbortSignal,
    })
  })

  const bases: Array<[string, string]> = [
    ['https://proxy.example', 'https://proxy.example/oauth2/token-info'],
    ['https://proxy.example/', 'https://proxy.example/oauth2/token-info'],
    ['https://proxy.example/wix', 'https://proxy.example/wix/oauth2/token-info'],
    ['https://proxy.example/wix/', 'https://proxy.example/wix/oauth2/token-info'],
    ['http://localhost:8080', 'http://localhost:8080/oauth2/token-info'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/oauth2/token-info'],
    ['http://127.255.0.3', 'http://127.255.0.3/oauth2/token-info'],
    ['http://[::1]:8080', 'http://[::1]:8080/oauth2/token-info'],
  ]
  for (const [apiUrl, url] of bases) {
    it(`T-05: asks ${url} when apiUrl is ${apiUrl}`, async () => {
      const fetch = answering()
      await runToEnd(strategy({ fetch, apiUrl }), asked)
      expect(fetch.args.map(([to]) => to)).to.deep.equal([url])
    })
  }

  describe('T-01: takes the token', () => {
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
        expect(await runToEnd(strategy({ fetch }), withHeader(authorization))).to.include({ kind: 'success', user })
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
    for (const token of [...tokens, `a.b.c.${'x'.repeat(8192 - 6)}`]) {
      it(`that is any text of the alphabet in four parts or more, as ${token.slice(0, 20)}`, async () => {
        const fetch = answering()
        expect(await runToEnd(strategy({ fetch }), withHeader(token))).to.include({ kind: 'success', user })
        expect(askedFor(fetch)).to.deep.equal([token])
      })
    }
  })

  describe('T-01: finds no token', () => {
    const others: Array<[string, unknown]> = [
      ['no header', undefined],
      ['null', null],
      ['an empty header', ''],
      ['Basic', 'Basic dXNlcjpwYXNz'],
      ['the token after another scheme', `Basic ${TOKEN}`],
      ['the token after a scheme of nobody', `Token ${TOKEN}`],
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
    ]
    for (const [name, authorization] of others) {
      it(`in ${name}: a Bearer challenge without error, and 0 calls`, async () => {
        const fetch = answering()
        expect(await run(strategy({ fetch }), withHeader(authorization))).to.deep.equal(MISSING)
        sinon.assert.notCalled(fetch)
      })
    }

    it('in the query, the body or a cookie', async () => {
      const fetch = answering()
      const places = { access_token: TOKEN, token: TOKEN, instance: TOKEN, authorization: TOKEN }
      const req = { query: places, body: places, cookies: places, headers: { cookie: `token=${TOKEN}` } }
      expect(await run(strategy({ fetch }), req)).to.deep.equal(MISSING)
      sinon.assert.notCalled(fetch)
    })

    it('P-11: in a header that is only inherited', async () => {
      const fetch = answering()
      const req = request({}, Object.create({ authorization: TOKEN }))
      expect(await run(strategy({ fetch }), req)).to.deep.equal(MISSING)
      sinon.assert.notCalled(fetch)
    })

    it('P-01: in what is no request', async () => {
      for (const req of [undefined, null, 7, 'text', {}, { headers: null }, { headers: 'x' }]) {
        expect(await run(strategy({ fetch: answering() }), req)).to.deep.equal(MISSING)
      }
    })
  })

  describe('T-02: refuses without a call', () => {
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
      ['a look-alike of a full stop', TOKEN.replace('.', '․')],
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
        expect(await run(strategy({ fetch }), withHeader(authorization))).to.deep.equal(MALFORMED)
        sinon.assert.notCalled(fetch)
      })
    }

    for (const value of [[TOKEN], [TOKEN, TOKEN], [], {}, { 0: TOKEN }, 7, 0, true, false]) {
      it(`${inspect(value, { breakLength: Infinity }).slice(0, 20)} as header: request_invalid`, async () => {
        const fetch = answering()
        expect(await run(strategy({ fetch }), withHeader(value))).to.deep.equal(TWICE)
        sinon.assert.notCalled(fetch)
      })
    }

    it('1,000,000 malformed tokens', function () {
      this.timeout(60_000)
      const fetch = answering()
      let refused = 0
      const perRequest = Object.assign(Object.create(strategy({ fetch })) as WixAccessTokenStrategy, {
        success: sinon.fake(),
        fail: (_challenge: unknown, status: number) => void (refused += Number(status === 401)),
        error: sinon.fake(),
      })
      const ends = ['..a', '.a.b.c ', '.a.b.ü', '.', '.a.b.c.', '.=.b.c', '\n.a.b.c', '', '"']
      const headers = { authorization: '' }
      const limit = Error.stackTraceLimit
      Error.stackTraceLimit = 0
      try {
        for (let index = 0; index < 1_000_000; index++) {
          headers.authorization = `Bearer t${index}${ends[index % ends.length]}!`
          perRequest.authenticate({ headers } as never)
        }
      } finally {
        Error.stackTraceLimit = limit
      }
      expect(refused).to.equal(1_000_000)
      sinon.assert.notCalled(fetch)
      sinon.assert.notCalled(perRequest.success)
      sinon.assert.notCalled(perRequest.error)
    }).timeout(60_000)
  })

  describe('T-03: of the answer', () => {
    const outcomeOf = (body: unknown, more: object = {}): Promise<Outcome> =>
      runToEnd(
        strategy({ fetch: answering(body), ...more }, (identity: object) => identity),
        asked,
      )
    const codeOf = (body: unknown): Promise<unknown> =>
      refusalOf(verifyAccessToken(TOKEN, options({ fetch: answering(body) })))

    for (const active of [true, 'true']) {
      it(`takes ${inspect(active)} as active, and tells true`, async () => {
        expect(await outcomeOf(info({ active }))).to.have.nested.property('user.active', true)
      })
    }
    const inactive = [
      false,
      'false',
      'TRUE',
      'True',
      ' true',
      'true ',
      'yes',
      '1',
      '',
      1,
      0,
      null,
      undefined,
      {},
      [],
      [true],
      ['true'],
    ]
    for (const active of inactive) {
      it(`takes ${inspect(active)} for not active`, async () => {
        expect(await outcomeOf(info({ active }))).to.deep.equal(REFUSED)
        expect(await codeOf(info({ active }))).to.equal('token_inactive')
      })
    }

    const ends: Array<[unknown, number]> = [
      [SECONDS + 1, SECONDS + 1],
      [String(SECONDS + 1), SECONDS + 1],
      [SECONDS + 0.001, SECONDS + 0.001],
      ['999999999999999', 999_999_999_999_999],
      [1e300, 1e300],
    ]
    for (const [exp, told] of ends) {
      it(`takes ${inspect(exp)} as exp, and tells a number`, async () => {
        expect(await outcomeOf(info({ exp }))).to.have.nested.property('user.exp', told)
      })
    }
    for (const exp of [SECONDS, String(SECONDS), SECONDS - 1, String(SECONDS - 1), 0, '0', -1, SECONDS - 0.001]) {
      it(`takes ${inspect(exp)} as an exp that is past`, async () => {
        expect(await outcomeOf(info({ exp }))).to.deep.equal(EXPIRED)
        expect(await codeOf(info({ exp }))).to.equal('token_expired')
      })
    }
    const none = [
      '',
      'never',
      '1e12',
      '-5',
      '+1900000000',
      ' 1900000000',
      '1900000000 ',
      '1900000000.5',
      '0x7fffffff',
      '9'.repeat(16),
      '１９００００００００',
      true,
      [],
      [1_900_000_000],
      {},
      null,
      undefined,
    ]
    for (const exp of none) {
      it(`takes ${inspect(exp)} for no exp`, async () => {
        expect(await outcomeOf(info({ exp }))).to.deep.equal(REFUSED)
        expect(await codeOf(info({ exp }))).to.equal('claim_invalid')
      })
    }
    it('takes a number that is too large for one for no exp', async () => {
      const body = JSON.stringify(info({ exp: 0 })).replace('"exp":0', '"exp":1e400')
      expect(await codeOf(body)).to.equal('claim_invalid')
    })

    const issued: Array<[unknown, number | null]> = [
      [SECONDS, SECONDS],
      [String(SECONDS), SECONDS],
      [0, 0],
      [null, null],
      [undefined, null],
      ['', null],
      ['today', null],
      ['1e9', null],
      [true, null],
      [[SECONDS], null],
      [{}, null],
    ]
    for (const [iat, told] of issued) {
      it(`tells ${told} for the iat ${inspect(iat)}`, async () => {
        expect(await outcomeOf(info({ iat }))).to.have.nested.property('user.iat', told)
      })
    }

    const foreign = ['app-2', 'APP-1', 'app-1 ', '', undefined, null, 1, true, {}, [], [APP_ID]]
    for (const clientId of foreign) {
      it(`T-04: refuses ${inspect(clientId)} as clientId: the token is not for this app`, async () => {
        expect(await outcomeOf(info({ clientId }))).to.deep.equal(REFUSED)
        expect(await codeOf(info({ clientId }))).to.equal('claim_invalid')
      })
    }

    for (const instanceId of ['', undefined, null, 7, true, {}, [], ['instance-1']]) {
      it(`refuses ${inspect(instanceId)} as instanceId`, async () => {
        expect(await outcomeOf(info({ instanceId }))).to.deep.equal(REFUSED)
        expect(await codeOf(info({ instanceId }))).to.equal('claim_invalid')
      })
    }

    for (const subjectType of ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN']) {
      it(`tells ${subjectType} as it is`, async () => {
        expect(await outcomeOf(info({ subjectType }))).to.have.nested.property('user.subjectType', subjectType)
      })
    }
    for (const subjectType of ['user', 'OWNER', 'USER ', '', 'constructor', 7, null, undefined, ['USER'], {}]) {
      it(`tells UNKNOWN for the subjectType ${inspect(subjectType)}`, async () => {
        expect(await outcomeOf(info({ subjectType }))).to.have.nested.property('user.subjectType', 'UNKNOWN')
      })
    }

    for (const name of ['subjectId', 'siteId', 'accountId', 'vendorProductId']) {
      it(`tells ${name} when it is a text, and null for all else`, async () => {
        expect(await outcomeOf(info({ [name]: 'text' }))).to.have.nested.property(`user.${name}`, 'text')
        for (const value of ['', 7, true, null, undefined, {}, ['text']]) {
          expect(await outcomeOf(info({ [name]: value }))).to.have.nested.property(`user.${name}`, null)
        }
      })
    }

    for (const name of ['permissions', 'siteOwnerId']) {
      it(`tells ${name} when it is a string, and null for everything else`, async () => {
        expect(await outcomeOf(info({ [name]: 'text' }))).to.have.nested.property(`user.${name}`, 'text')
        for (const value of ['', 7, true, null, {}, ['OWNER']]) {
          expect(await outcomeOf(info({ [name]: value }))).to.have.nested.property(`user.${name}`, null)
        }
        expect(await outcomeOf(info())).to.have.nested.property(`user.${name}`, null)
      })
    }

    it('keeps what it does not know', async () => {
      expect(await outcomeOf(info({ newIn2030: { a: 1 } }))).to.have.deep.nested.property('user.newIn2030', { a: 1 })
    })

    it('I-11: drops properties that could change an object it is copied to', async () => {
      const body = JSON.stringify(info()).replace('{', '{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,')
      const outcome = await outcomeOf(body)
      expect(outcome).to.have.property('kind', 'success')
      const { user: identity } = outcome as unknown as { user: object }
      expect(Object.keys(identity)).to.not.include.members(['__proto__', 'constructor', 'prototype'])
      expect(Object.assign({}, identity)).to.not.have.property('isAdmin')
      expect(Object.getPrototypeOf(identity)).to.equal(Object.prototype)
    })

    it('I-11: does not take the active, clientId and instanceId of its __proto__', async () => {
      const inner = JSON.stringify(info())
      expect(await codeOf(`{"__proto__":${inner}}`)).to.equal('token_inactive')
      expect(await codeOf(`{"active":true,"__proto__":${inner}}`)).to.equal('claim_invalid')
    })

    it('P-11: takes nothing from Object.prototype', async () => {
      const all = info()
      const missing = Object.keys(all).map((name) => [name, info({ [name]: undefined })] as const)
      const plain = { ...all }
      const more = { accountId: 'account-1', permissions: 'OWNER', siteOwnerId: 'user-1' }
      Object.assign(Object.prototype, all, more)
      try {
        expect(await codeOf('{}')).to.equal('token_inactive')
        expect(await codeOf('{"active":true}')).to.equal('claim_invalid')
        for (const [name, body] of missing) {
          const code = {
            active: 'token_inactive',
            clientId: 'claim_invalid',
            instanceId: 'claim_invalid',
            exp: 'claim_invalid',
          }
          if (Object.hasOwn(code, name)) expect(await codeOf(body), name).to.equal(code[name as keyof typeof code])
        }
        const verified = await verifyAccessToken(TOKEN, options({ fetch: answering(plain) }))
        expect(verified).to.include({ accountId: null, permissions: null, siteOwnerId: null, vendorProductId: null })
        const bare = { active: true, clientId: APP_ID, instanceId: 'i', exp: SECONDS + 9 }
        expect(await verifyAccessToken(TOKEN, options({ fetch: answering(bare) }))).to.deep.equal({
          ...bare,
          subjectType: 'UNKNOWN',
          subjectId: null,
          siteId: null,
          accountId: null,
          permissions: null,
          siteOwnerId: null,
          vendorProductId: null,
          iat: null,
        })
      } finally {
        for (const name of Object.keys({ ...all, ...more })) Reflect.deleteProperty(Object.prototype, name)
      }
    })
  })

  describe('with subjectTypes', () => {
    const scoped = (subjectTypes: unknown, subjectType: unknown): Promise<Outcome> =>
      runToEnd(strategy({ subjectTypes, fetch: answering(info({ subjectType })) }), asked)

    it('lets those through, and no others: 403 with the code, and no challenge', async () => {
      for (const subjectType of ['USER', 'MEMBER']) {
        expect(await scoped(['USER', 'MEMBER'], subjectType)).to.include({ kind: 'success', user })
      }
      for (const subjectType of ['VISITOR', 'APP', 'UNKNOWN', 'NEW_IN_2030']) {
        expect(await scoped(['USER', 'MEMBER'], subjectType)).to.deep.equal({
          kind: 'fail',
          challenge: { message: 'This Wix identity may not do this', code: 'insufficient_scope' },
          status: 403,
        })
      }
    })

    it('asks no look-up for the others', async () => {
      const verify = sinon.fake.returns(user)
      const door = strategy({ subjectTypes: ['USER'], fetch: answering(info({ subjectType: 'APP' })) }, verify)
      expect(await runToEnd(door, asked)).to.include({ kind: 'fail', status: 403 })
      sinon.assert.notCalled(verify)
    })

    it('asks Wix once for a token that it keeps out, and keeps it out of what is remembered too', async () => {
      const fetch = answering(info({ subjectType: 'APP' }))
      const door = strategy({ subjectTypes: ['USER'], fetch })
      for (let time = 0; time < 3; time++) expect(await runToEnd(door, asked)).to.include({ status: 403 })
      sinon.assert.calledOnce(fetch)
    })

    it('takes UNKNOWN when it is told', async () => {
      expect(await scoped(['UNKNOWN'], undefined)).to.include({ kind: 'success', user })
    })
  })

  describe('a look-up that finds nobody', () => {
    const looked = (verify: unknown): Promise<Outcome> => runToEnd(strategy({ fetch: answering() }, verify), asked)
    type Done = (error: unknown, found?: unknown, info?: unknown) => void

    it('P-08: is refused with a Bearer challenge', async () => {
      const nobody = [() => undefined, async () => null, (_identity: object, done: Done) => done(null, false)]
      for (const verify of nobody) expect(await looked(verify)).to.deep.equal(REFUSED)
    })

    it('is refused with the info of the callback in its place, never as a header text', async () => {
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

    it('is an error when the look-up fails', async () => {
      const broken = new Error('database')
      const failing = async (): Promise<never> => Promise.reject(broken)
      expect(await looked(failing)).to.deep.equal({ kind: 'error', error: broken })
    })
  })

  it('T-07: nobody is refused in an outage: an error with status 503', async () => {
    const outcome = await runToEnd(strategy({ fetch: answering('', 500) }), asked)
    expect(outcome).to.have.property('kind', 'error')
    expect(outcome).to.have.property('error').that.is.instanceOf(WixUnavailableError).and.not.instanceOf(WixAuthError)
    expect(outcome).to.have.deep.nested.property('error.headers', {})
    expect(outcome).to.have.nested.include({
      'error.status': 503,
      'error.name': 'WixUnavailableError',
      'error.message': 'Token Info is unavailable: status 500',
    })
  })

  it('ends in the same tick when the token is known, good or bad', async () => {
    for (const [body, kind] of [
      [info(), 'success'],
      [{ active: false }, 'fail'],
    ] as const) {
      const door = strategy({ fetch: answering(body) })
      await runToEnd(door, asked)
      expect(start(door, asked)).to.have.nested.property('[0].kind', kind)
    }
  })

  it('T-10: 10,000 equal tokens at once make 1 call', async () => {
    const { fetch, answer } = answeringLater()
    const users: unknown[] = []
    const door = strategy({ fetch }, (identity: object) => identity)
    const perRequest = Object.assign(Object.create(door) as WixAccessTokenStrategy, {
      success: (identity: unknown) => void users.push(identity),
      fail: sinon.fake(),
      error: sinon.fake(),
    })
    for (let index = 0; index < 10_000; index++) perRequest.authenticate(asked as never)
    expect(askedFor(fetch)).to.deep.equal([TOKEN])
    answer()
    while (users.length < 10_000) await new Promise((resolve) => setImmediate(resolve))
    await settled()
    expect([users.length, new Set(users).size]).to.deep.equal([10_000, 10_000])
    sinon.assert.notCalled(perRequest.fail)
    sinon.assert.notCalled(perRequest.error)
    sinon.assert.calledOnce(fetch)
  })

  it('asks for each request with cache: false', async () => {
    const fetch = answering()
    const door = strategy({ fetch, cache: false })
    for (let time = 0; time < 3; time++) expect(await runToEnd(door, asked)).to.include({ kind: 'success' })
    sinon.assert.calledThrice(fetch)
  })

  it('C-02: remembers for as long as cache.maxAge says', async () => {
    const fetch = answering()
    const clock = clockAt(NOW)
    const door = strategy({ fetch, now: clock.now, cache: { maxAge: 5 } })
    await runToEnd(door, asked)
    clock.add(4999)
    await runToEnd(door, asked)
    sinon.assert.calledOnce(fetch)
    clock.add(2)
    await runToEnd(door, asked)
    sinon.assert.calledTwice(fetch)
  })

  it('C-02: remembers for 60 s where nothing is said', async () => {
    const fetch = answering()
    const clock = clockAt(NOW)
    const door = strategy({ fetch, now: clock.now })
    await runToEnd(door, asked)
    clock.add(59_999)
    await runToEnd(door, asked)
    sinon.assert.calledOnce(fetch)
    clock.add(2)
    await runToEnd(door, asked)
    sinon.assert.calledTwice(fetch)
  })

  it('C-01: remembers under a hash of a version, the purpose, the app and the token', async () => {
    const keys = new Set<unknown>()
    const listen = (message: unknown): void => void keys.add((message as { key: unknown }).key)
    const metrics = channel('lru-cache:metrics')
    metrics.subscribe(listen)
    try {
      await runToEnd(strategy({ fetch: answering() }), asked)
    } finally {
      metrics.unsubscribe(listen)
    }
    const hash = createHash('sha256').update(`2 access-token ${APP_ID} ${TOKEN}`).digest('base64url')
    expect([...keys]).to.deep.equal([hash])
  })

  it('C-03: remembers as many as cache.max says', async () => {
    const fetch = answering()
    const door = strategy({ fetch, cache: { max: 2 } })
    for (const name of [1, 2, 3, 2, 3]) await runToEnd(door, withHeader(accessToken(name)))
    sinon.assert.calledThrice(fetch)
    await runToEnd(door, withHeader(accessToken(1)))
    expect(askedFor(fetch)).to.deep.equal([1, 2, 3, 1].map(accessToken))
  })

  it('is of no use to another strategy object: each remembers for itself', async () => {
    const fetch = answering()
    await runToEnd(strategy({ fetch }), asked)
    await runToEnd(strategy({ fetch }), asked)
    sinon.assert.calledTwice(fetch)
  })

  it('P-03: 1,000 pairs of overlapping requests through one shared object, without a mix-up', async () => {
    // Each answer names the token it is for, and odd ones come later.
    const fetch = async (_url: string, { body }: { body: string }): Promise<Response> => {
      const { token } = JSON.parse(body) as { token: string }
      const odd = token.length % 2 === 1
      for (let left = odd ? 3 : 0; left > 0; left--) await new Promise((resolve) => setImmediate(resolve))
      return new Response(JSON.stringify(info({ subjectId: token })))
    }
    const shared = strategy({ fetch, maxCalls: 2000 }, (identity: object) => identity)
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
    expect(answers.filter(([sent, told]) => sent !== told)).to.deep.equal([])
  })

  describe('tokenFromRequest', () => {
    it('reads the token where it is told, and nowhere else', async () => {
      const fetch = answering()
      const door = strategy({ fetch, tokenFromRequest: fromHeader('X-Wix-Authorization') })
      const req = request({}, { 'x-wix-authorization': TOKEN })
      expect(await runToEnd(door, req)).to.include({ kind: 'success' })
      expect(await runToEnd(door, asked)).to.deep.equal(MISSING)
      const query = strategy({ fetch, tokenFromRequest: fromQuery('token') })
      expect(await runToEnd(query, request({ token: TOKEN }))).to.include({ kind: 'success' })
    })

    it('P-10: may answer with a promise, and is held to the same rule', async () => {
      const reading = (value: unknown): WixAccessTokenStrategy =>
        strategy({ fetch: answering(), tokenFromRequest: () => value })
      expect(await runToEnd(reading(Promise.resolve(TOKEN)), {})).to.include({ kind: 'success' })
      for (const none of [undefined, null, '', Promise.resolve(undefined), instance()]) {
        expect(await runToEnd(reading(none), {})).to.deep.equal(MISSING)
      }
      for (const odd of [[TOKEN], {}, 7, Promise.resolve([TOKEN])]) {
        expect(await runToEnd(reading(odd), {})).to.deep.equal(TWICE)
      }
      expect(await runToEnd(reading(`Bearer ${TOKEN}`), {})).to.deep.equal(MALFORMED)
    })

    it('makes an error of what the reader throws, unless it is a refusal', async () => {
      const throwing = (error: unknown): WixAccessTokenStrategy =>
        strategy({
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

describe('verifyAccessToken', () => {
  it('tells whose token it is', async () => {
    expect(await verifyAccessToken(TOKEN, options({ fetch: answering() }))).to.deep.equal({
      ...info(),
      accountId: null,
      permissions: null,
      siteOwnerId: null,
      vendorProductId: null,
    })
  })

  it('T-01: takes the whole header too, and asks for the token alone', async () => {
    const fetch = answering()
    const constant = options({ fetch, cache: false })
    for (const prefix of ['Bearer ', 'bearer ', 'BEARER   ', '']) await verifyAccessToken(prefix + TOKEN, constant)
    expect(askedFor(fetch)).to.deep.equal([TOKEN, TOKEN, TOKEN, TOKEN])
  })

  const refused: Array<[unknown, string]> = [
    [undefined, 'credentials_missing'],
    [null, 'credentials_missing'],
    ['', 'credentials_missing'],
    [[TOKEN], 'request_invalid'],
    [7, 'request_invalid'],
    [{}, 'request_invalid'],
    ['Bearer', 'token_malformed'],
    ['Bearer ', 'token_malformed'],
    [`Bearer Bearer ${TOKEN}`, 'token_malformed'],
    [`Basic ${TOKEN}`, 'token_malformed'],
    [`${TOKEN}Bearer x`, 'token_malformed'],
    [`${TOKEN} `, 'token_malformed'],
    [instance(), 'token_malformed'],
    [webhook(), 'token_malformed'],
    ['IST.a.b.c', 'token_malformed'],
    ['JWS.a.b.c', 'token_malformed'],
    [`a.b.c.${'x'.repeat(8187)}`, 'token_malformed'],
  ]
  for (const [token, code] of refused) {
    it(`T-02: rejects ${inspect(token, { breakLength: Infinity }).slice(0, 30)} with ${code}, and 0 calls`, async () => {
      const fetch = answering()
      expect(await refusalOf(verifyAccessToken(token as string, options({ fetch })))).to.equal(code)
      sinon.assert.notCalled(fetch)
    })
  }

  const outcomes: Array<[string, object, string]> = [
    ['an answer that is not active', { fetch: answering({ active: false }) }, 'token_inactive'],
    ['the status 401', { fetch: answering({}, 401) }, 'token_inactive'],
    ['a token that has ended', { fetch: answering(info({ exp: SECONDS })) }, 'token_expired'],
    ['a token of another app', { fetch: answering(info({ clientId: 'app-2' })) }, 'claim_invalid'],
    ['a subject that may not', { fetch: answering(), subjectTypes: ['APP'] }, 'insufficient_scope'],
  ]
  for (const [name, more, code] of outcomes) {
    it(`rejects ${name} with ${code}, the first time and the second`, async () => {
      const constant = options(more)
      for (let time = 0; time < 2; time++) {
        expect(await refusalOf(verifyAccessToken(TOKEN, constant))).to.equal(code)
      }
      sinon.assert.calledOnce((more as { fetch: sinon.SinonSpy }).fetch)
    })
  }

  it('rejects with a WixUnavailableError when Wix does not answer', async () => {
    const error = await errorOf(verifyAccessToken(TOKEN, options({ fetch: answering({}, 500) })))
    expect(error).to.be.instanceOf(WixUnavailableError)
  })

  it('goes by the clock of the machine where it is given none', async () => {
    for (const cache of [{}, false] as const) {
      const seconds = Date.now() / 1000
      const good = { appId: APP_ID, fetch: answering(info({ exp: seconds + 60 })) as never, cache }
      expect(await verifyAccessToken(TOKEN, good)).to.include({ exp: seconds + 60 })
      const ended = { appId: APP_ID, fetch: answering(info({ exp: seconds })) as never, cache }
      expect(await refusalOf(verifyAccessToken(TOKEN, ended))).to.equal('token_expired')
    }
  })

  it('remembers for the same options object, and not for another one that looks the same', async () => {
    const fetch = answering()
    const constant = options({ fetch })
    await verifyAccessToken(TOKEN, constant)
    await verifyAccessToken(TOKEN, constant)
    sinon.assert.calledOnce(fetch)
    await verifyAccessToken(TOKEN, { ...constant })
    sinon.assert.calledTwice(fetch)
  })

  it('reads its options once: to change the object later changes nothing', async () => {
    const fetch = answering()
    const constant = options({ fetch, cache: false })
    await verifyAccessToken(TOKEN, constant)
    Object.assign(constant, { appId: 'app-2', fetch: answering({}, 500), unknown: 1 })
    await verifyAccessToken(TOKEN, constant)
    sinon.assert.calledTwice(fetch)
  })

  it('T-10: equal tokens in flight share one call, also with and without Bearer', async () => {
    const { fetch, answer } = answeringLater()
    const constant = options({ fetch })
    const verdicts = Array.from({ length: 1000 }, (_, index) =>
      verifyAccessToken(index % 2 ? TOKEN : `Bearer ${TOKEN}`, constant),
    )
    await Promise.resolve()
    answer()
    for (const verdict of await Promise.all(verdicts)) expect(verdict).to.include({ instanceId: 'instance-1' })
    sinon.assert.calledOnce(fetch)
  })
})

describe('WixUnavailableError', () => {
  const headersOf = (retryAfter: number): unknown => new WixUnavailableError('x', { retryAfter }).headers

  it('T-07: tells when to come again, in whole seconds and not before', () => {
    for (const [seconds, told] of [
      [7, '7'],
      [6.001, '7'],
      [0.2, '1'],
      [0, '1'],
      [-5, '1'],
    ] as const) {
      expect(headersOf(seconds)).to.deep.equal({ 'Retry-After': told })
    }
  })

  it('T-07: tells nothing where there is no such time', () => {
    for (const seconds of [NaN, Infinity, -Infinity]) expect(headersOf(seconds)).to.deep.equal({})
    expect(new WixUnavailableError('x').headers).to.deep.equal({})
    expect(new WixUnavailableError('x', {}).headers).to.deep.equal({})
  })
})

describe('P-10: the options of the access token', () => {
  const url = 'option `apiUrl` must be an https URL without a password, or an http URL of this machine'
  const age = 'cache: option `maxAge` must be a number of seconds above 0, at most 60'
  const types = 'option `subjectTypes` must be a non-empty array of USER | MEMBER | VISITOR | APP | UNKNOWN'
  const whole = 'must be an integer from 1 to 10000000'
  const wrong: Array<[object, string]> = [
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
    [{ appId: 7 }, 'option `appId`'],
    [
      { appId: [APP_ID] },
      'option `appId` must be a non-empty string without leading or trailing whitespace, got an array',
    ],
    [{ timeout: 0 }, 'option `timeout` must be a number of seconds above 0, at most 86400'],
    [{ timeout: -1 }, 'option `timeout`'],
    [{ timeout: NaN }, 'option `timeout`'],
    [{ timeout: Infinity }, 'option `timeout`'],
    [{ timeout: '2' }, 'option `timeout`'],
    [{ timeout: undefined }, 'option `timeout`'],
    [{ maxCalls: 0 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: 1.5 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: Infinity }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: 10_000_001 }, `option \`maxCalls\` ${whole}`],
    [{ maxCalls: '64' }, `option \`maxCalls\` ${whole}`],
    [{ cache: true }, 'option `cache` must be false, or { maxAge, max }, got a value of type boolean'],
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
    [{ subjectTypes: [] }, types],
    [{ subjectTypes: 'USER' }, types],
    [{ subjectTypes: ['user'] }, types],
    [{ subjectTypes: ['USER', 'OWNER'] }, types],
    [{ subjectTypes: ['USER', undefined] }, types],
    [{ subjectTypes: { 0: 'USER', length: 1 } }, types],
    [{ subjectTypes: undefined }, types],
  ]
  for (const [given, message] of wrong) {
    it(`must not be ${inspect(given, { depth: 1, breakLength: Infinity }).slice(0, 60)}`, async () => {
      expect(() => strategy(given))
        .to.throw(TypeError, `WixAccessTokenStrategy`)
        .with.property('message')
        .that.includes(message)
        .and.does.not.include('canary')
      const error = await errorOf(verifyAccessToken(TOKEN, options(given)))
      expect(error).to.be.instanceOf(TypeError)
      expect(error).to.have.property('message').that.includes('verifyAccessToken').and.includes(message)
    })
  }

  it('must not be wrong in what only the strategy takes', () => {
    const more: Array<[object, string]> = [
      [{ tokenFromRequest: 'header' }, 'option `tokenFromRequest` must be a function'],
      [{ passReqToCallback: 'yes' }, 'option `passReqToCallback` must be true or false'],
      [{ name: '' }, 'option `name` must be a non-empty string'],
      [{ verifyTimeout: 0 }, 'option `verifyTimeout` must be a number of seconds above 0'],
    ]
    for (const [given, message] of more) {
      expect(() => strategy(given)).to.throw(TypeError, `WixAccessTokenStrategy: ${message}`)
    }
  })

  it('need an appId', async () => {
    expect(() => new WixAccessTokenStrategy({ now } as never, found)).to.throw(
      TypeError,
      'WixAccessTokenStrategy: option `appId` is missing: it must be a non-empty string without leading or trailing whitespace',
    )
    expect(await errorOf(verifyAccessToken(TOKEN, { now } as never)))
      .to.be.instanceOf(TypeError)
      .with.property('message')
      .that.includes('verifyAccessToken: option `appId` is missing: it must be a non-empty string')
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

  it('are looked at before the token', async () => {
    expect(await errorOf(verifyAccessToken('', {} as never))).to.be.instanceOf(TypeError)
  })

  it('may be at the edges of what is allowed', () => {
    expect(strategy({ timeout: 86_400, maxCalls: 10_000_000, cache: { maxAge: 60, max: 1 } }).name).to.be.a('string')
    expect(strategy({ timeout: 0.001, maxCalls: 1, cache: {} }).name).to.be.a('string')
  })

  it('are copied: to change the object later changes nothing', async () => {
    const fetch = answering()
    const given = { appId: APP_ID, now, fetch, cache: { maxAge: 60, max: 10 }, subjectTypes: ['USER' as const] }
    const door = new WixAccessTokenStrategy(given as never, found)
    Object.assign(given, { appId: 'app-2', fetch: answering({}, 500), tokenFromRequest: () => '' })
    expect(await runToEnd(door, asked)).to.include({ kind: 'success', user })
  })

  it('P-11: are not taken from Object.prototype', async () => {
    const fetch = answering()
    const elsewhere = answering(info({ subjectId: 'somebody else' }))
    const original = globalThis.fetch
    globalThis.fetch = fetch as never
    const polluted = {
      apiUrl: 'https://elsewhere.example',
      fetch: elsewhere,
      cache: false,
      maxCalls: 0,
      timeout: 0.001,
    }
    Object.assign(Object.prototype, polluted)
    try {
      const door = strategy()
      expect(await runToEnd(door, asked)).to.include({ kind: 'success', user })
      expect(await runToEnd(door, asked)).to.include({ kind: 'success', user })
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
      globalThis.fetch = original
    }
    sinon.assert.notCalled(elsewhere)
    expect(fetch.args.map(([to]) => to)).to.deep.equal(['https://www.wixapis.com/oauth2/token-info'])
  })
})

describe('E-01: no error holds the token', () => {
  const CANARY = 'canary91b2'
  const token = accessToken(CANARY).replace('c2ln', CANARY)
  const told = (error: unknown): string => inspect(error, { depth: 9, showHidden: true })
  const leaky = Object.assign(new TypeError(`fetch failed: ${token}`), {
    code: token,
    cause: Object.assign(new Error(token), { code: `E${token}`, request: { body: token } }),
  })
  const rejecting = async (): Promise<never> => Promise.reject(leaky)

  const failures: Array<[string, string, object]> = [
    ['a malformed token', `${token}!`, {}],
    ['an over-long token', `${token}${'x'.repeat(8192)}`, {}],
    ['an API key', `IST.${token}`, {}],
    ['a dead token', token, { fetch: answering({ active: false, token }) }],
    ['a token that Wix answers with 401', token, { fetch: answering({ message: token }, 401) }],
    ['a token of another app', token, { fetch: answering(info({ clientId: CANARY, token })) }],
    ['a token that has ended', token, { fetch: answering(info({ exp: 1, token })) }],
    ['the token of somebody who may not', token, { fetch: answering(info({ token })), subjectTypes: ['APP'] }],
    ['an answer that is no JSON', token, { fetch: answering(`<p>${token}`) }],
    ['an answer that is no object', token, { fetch: answering([token]) }],
    ['an answer that is too long', token, { fetch: answering(token.repeat(2000)) }],
    ['a status that says nothing', token, { fetch: answering(token, 500, { 'Retry-After': token, 'X-Echo': token }) }],
    ['a redirect', token, { fetch: answering(token, 307, { location: `https://elsewhere.example/${token}` }) }],
    ['a broken connection', token, { fetch: rejecting }],
    ['no answer in time', token, { fetch: () => new Promise(() => {}), timeout: 0.01 }],
  ]
  for (const [name, sent, more] of failures) {
    it(`of ${name}`, async () => {
      const constant = options(more)
      for (let time = 0; time < 2; time++) {
        const error = await errorOf(verifyAccessToken(sent, constant))
        expect(error).to.be.instanceOf(Error)
        expect(told(error)).to.not.include(CANARY)
        expect(JSON.stringify(error)).to.not.include(CANARY)
      }
      const outcome = await runToEnd(strategy(more), withHeader(sent))
      expect(outcome.kind).to.be.oneOf(['fail', 'error'])
      expect(told(outcome)).to.not.include(CANARY)
    })
  }

  it('of too many calls, and of a pause', async () => {
    const { fetch, answer } = answeringLater()
    const full = options({ fetch, maxCalls: 1 })
    const first = verifyAccessToken(accessToken('first'), full)
    const error = await errorOf(verifyAccessToken(token, full))
    expect(error).to.have.property('message').that.includes('too many calls')
    expect(told(error)).to.not.include(CANARY)
    answer()
    await first

    const pausing = options({ fetch: answering({}, 429, { 'Retry-After': '9' }) })
    for (const text of ['status 429', 'circuit breaker open after status 429']) {
      const reason = await errorOf(verifyAccessToken(token, pausing))
      expect(reason).to.have.property('message').that.includes(`: ${text}`)
      expect(told(reason)).to.not.include(CANARY)
    }
  })

  it('of circuit breaker open after a broken connection, which names no more than its code', async () => {
    const pausing = options({ fetch: rejecting, cache: false })
    await Promise.all(Array.from({ length: 5 }, () => errorOf(verifyAccessToken(token, pausing))))
    const reason = await errorOf(verifyAccessToken(token, pausing))
    expect(reason).to.have.property('message').that.includes('circuit breaker open after no connection')
    expect(told(reason)).to.not.include(CANARY)
  })

  it('but the code of a broken connection, which helps whoever is on duty', async () => {
    const refusing = (reason: unknown) => (): Promise<never> => Promise.reject(reason)
    const cases: Array<[unknown, string]> = [
      [Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }), ' (ECONNREFUSED)'],
      [Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), ' (UND_ERR_SOCKET)'],
      [Object.assign(new Error('x'), { code: 'with space' }), ''],
      [Object.assign(new Error('x'), { code: 7 }), ''],
      [undefined, ''],
      ['text', ''],
    ]
    for (const [reason, suffix] of cases) {
      const error = await errorOf(verifyAccessToken(TOKEN, options({ fetch: refusing(reason) })))
      expect(error).to.have.property('message', `Token Info is unavailable: no connection${suffix}`)
    }
  })
})

describe('C-07: a token that was revoked', () => {
  it('works for 60 seconds more at most, as it is documented, and not at all without a cache', async () => {
    const wix = await WixSimulator.start({ appId: APP_ID, appSecret: 'secret' })
    try {
      let time = Date.now()
      const options = { appId: APP_ID, apiUrl: wix.url, now: () => time }
      const text = wix.accessToken({ instanceId: 'instance-1' })
      const known = await verifyAccessToken(text, options)
      wix.revoke(text)
      time += 59_999
      expect(await verifyAccessToken(text, options)).to.deep.equal(known)
      time += 2
      expect(await refusalOf(verifyAccessToken(text, options))).to.equal('token_inactive')
      expect(await refusalOf(verifyAccessToken(text, { ...options, cache: false }))).to.equal('token_inactive')
    } finally {
      await wix.close()
    }
  })
})
