import { createHash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  accessTokenVerifier,
  type AccessTokenVerifierOptions,
  WixAccessTokenStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import { WixSimulator } from '../../devtools/testing/index.ts'
import {
  accessToken,
  answering,
  answeringLater,
  askedFor,
  clockAt,
  info,
  type TestClock,
} from '../support/access-token.ts'
import { now, NOW } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { EXPIRED, INVALID, rejectedWith } from '../support/challenges.ts'
import { errorOf, unavailableOf } from '../support/errors.ts'
import { APP_ID, refusalOf, SECONDS } from '../support/jwt.ts'
import { type Outcome, request, runToEnd, settled } from '../support/run.ts'
import {
  type Answer,
  endInBody,
  reset,
  resetInBody,
  silence,
  tokenInfoServer,
  type TokenInfoServer,
  whole,
} from '../support/token-info-server.ts'
import { verifyAccessToken } from '../support/verify.ts'

const TOKEN = accessToken()
const createStrategy = (options: object = {}): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, ...options }, (identity) => identity)
const ask = (strategy: WixAccessTokenStrategy, token: string = TOKEN): Promise<Outcome> =>
  runToEnd(strategy, request({}, { authorization: token }))

/** Why a request ends in a WixUnavailableError, and when to come again. */
async function unavailable(outcome: Promise<Outcome>): Promise<[why: string, headers: unknown]> {
  const end = await outcome
  expect(end).to.have.property('kind', 'error')
  return unavailableOf('Token Info', Promise.reject((end as { error: unknown }).error))
}
const REFUSED = rejectedWith(INVALID)

describe('Token Info', () => {
  it('T-05: is asked at Wix, without redirects, and is given nothing but the token', async () => {
    const fetch = answering()
    await ask(createStrategy({ fetch }))
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
  it('T-05: is asked under the path of apiUrl', async () => {
    for (const [apiUrl, url] of bases) {
      const fetch = answering()
      await ask(createStrategy({ fetch, apiUrl }))
      expect(
        fetch.args.map(([to]) => to),
        apiUrl,
      ).to.deep.equal([url])
    }
  })

  it('T-08: is asked once for a token that it rejects', async () => {
    for (const code of [400, 401, 404]) {
      const fetch = answering({}, code)
      expect(await refusalOf(verifyAccessToken(TOKEN, { appId: APP_ID, now, fetch }))).to.equal('token_inactive')
      sinon.assert.calledOnce(fetch)
    }
  })
})

describe('T-03: the answer of Token Info', () => {
  watchForSecrets()
  const outcomeOf = (body: unknown): Promise<Outcome> => ask(createStrategy({ fetch: answering(body) }))
  const options = (fetch: ReturnType<typeof answering>): AccessTokenVerifierOptions => ({
    appId: APP_ID,
    now,
    fetch,
  })
  const codeOf = (body: unknown): Promise<unknown> => refusalOf(verifyAccessToken(TOKEN, options(answering(body))))

  it('is active when active is true or the word, and the identity says true', async () => {
    for (const active of [true, 'true']) {
      expect(await outcomeOf(info({ active })), inspect(active)).to.have.nested.property('user.active', true)
    }
  })
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
  it('is not active when active is anything else', async () => {
    for (const active of inactive) {
      expect(await outcomeOf(info({ active })), inspect(active)).to.deep.equal(REFUSED)
      expect(await codeOf(info({ active })), inspect(active)).to.equal('token_inactive')
    }
  })

  const ends: Array<[unknown, number]> = [
    [SECONDS + 1, SECONDS + 1],
    [String(SECONDS + 1), SECONDS + 1],
    [SECONDS + 0.001, SECONDS + 0.001],
    ['999999999999999', 999_999_999_999_999],
    [1e300, 1e300],
  ]
  it('expires at its exp, a number or its digits, and the identity has it as a number', async () => {
    for (const [exp, expected] of ends) {
      expect(await outcomeOf(info({ exp })), inspect(exp)).to.have.nested.property('user.exp', expected)
    }
  })
  it('has expired at its exp', async () => {
    for (const exp of [SECONDS, String(SECONDS), SECONDS - 1, String(SECONDS - 1), 0, '0', -1, SECONDS - 0.001]) {
      expect(await outcomeOf(info({ exp })), inspect(exp)).to.deep.equal(rejectedWith(EXPIRED))
      expect(await codeOf(info({ exp })), inspect(exp)).to.equal('token_expired')
    }
  })
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
  it('is rejected when its exp is no time', async () => {
    for (const exp of none) {
      expect(await outcomeOf(info({ exp })), inspect(exp)).to.deep.equal(REFUSED)
      expect(await codeOf(info({ exp })), inspect(exp)).to.equal('claim_invalid')
    }
  })
  it('is rejected when exp is a number too large for a number of JavaScript', async () => {
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
  it('gives the identity the iat as a number, and null for what is no time', async () => {
    for (const [iat, expected] of issued) {
      expect(await outcomeOf(info({ iat })), inspect(iat)).to.have.nested.property('user.iat', expected)
    }
  })

  const foreign = ['app-2', 'APP-1', 'app-1 ', '', undefined, null, 1, true, {}, [], [APP_ID]]
  it('T-04: is rejected when its clientId is anything but the app: the token was made for another', async () => {
    for (const clientId of foreign) {
      expect(await outcomeOf(info({ clientId })), inspect(clientId)).to.deep.equal(REFUSED)
      expect(await codeOf(info({ clientId })), inspect(clientId)).to.equal('claim_invalid')
    }
  })

  it('is rejected without the instanceId', async () => {
    for (const instanceId of ['', undefined, null, 7, true, {}, [], ['instance-1']]) {
      expect(await outcomeOf(info({ instanceId })), inspect(instanceId)).to.deep.equal(REFUSED)
      expect(await codeOf(info({ instanceId })), inspect(instanceId)).to.equal('claim_invalid')
    }
  })

  it('gives the identity each subjectType', async () => {
    for (const subjectType of ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN']) {
      expect(await outcomeOf(info({ subjectType })), subjectType).to.have.nested.property(
        'user.subjectType',
        subjectType,
      )
    }
  })
  it('gives the identity UNKNOWN for any other subjectType', async () => {
    for (const subjectType of ['user', 'OWNER', 'USER ', '', 'constructor', 7, null, undefined, ['USER'], {}]) {
      expect(await outcomeOf(info({ subjectType })), inspect(subjectType)).to.have.nested.property(
        'user.subjectType',
        'UNKNOWN',
      )
    }
  })

  for (const name of ['subjectId', 'siteId', 'accountId', 'vendorProductId']) {
    it(`gives the identity ${name} when it is a string, and null for everything else`, async () => {
      expect(await outcomeOf(info({ [name]: 'value' }))).to.have.nested.property(`user.${name}`, 'value')
      for (const value of ['', 7, true, null, undefined, {}, ['value']]) {
        expect(await outcomeOf(info({ [name]: value }))).to.have.nested.property(`user.${name}`, null)
      }
    })
  }

  for (const name of ['permissions', 'siteOwnerId']) {
    it(`gives the identity ${name} when it is a string, and null when it is missing or anything else`, async () => {
      expect(await outcomeOf(info({ [name]: 'value' }))).to.have.nested.property(`user.${name}`, 'value')
      for (const value of ['', 7, true, null, {}, ['OWNER']]) {
        expect(await outcomeOf(info({ [name]: value }))).to.have.nested.property(`user.${name}`, null)
      }
      expect(await outcomeOf(info())).to.have.nested.property(`user.${name}`, null)
    })
  }

  const guid = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
  const hints: Array<[Record<string, unknown>, string]> = [
    [{ active: false }, 'Token Info does not report the credential as active'],
    [{ clientId: guid }, `clientId is another app's (${guid})`],
    [{ clientId: 'app-2' }, "clientId is another app's"],
    [{ clientId: undefined }, 'Token Info names no `clientId`'],
    [{ instanceId: undefined }, 'Token Info names no `instanceId`'],
    [{ exp: undefined }, 'Token Info names no `exp`'],
    [{ exp: SECONDS - 90 }, '`exp` was 1 min 30 s ago'],
  ]
  it('that is refused has a hint of what is wrong', async () => {
    for (const [change, hint] of hints) {
      expect(await errorOf(verifyAccessToken(TOKEN, options(answering(info(change))))), hint).to.have.property(
        'hint',
        hint,
      )
    }
  })

  it('keeps properties that are not known', async () => {
    expect(await outcomeOf(info({ newIn2030: { a: 1 } }))).to.have.deep.nested.property('user.newIn2030', { a: 1 })
  })

  it('I-11: loses properties that could change an object it is copied to', async () => {
    const body = JSON.stringify(info()).replace('{', '{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,')
    const outcome = await outcomeOf(body)
    expect(outcome).to.have.property('kind', 'success')
    const { user: identity } = outcome as unknown as { user: object }
    expect(Object.keys(identity)).to.not.include.members(['__proto__', 'constructor', 'prototype'])
    expect(Object.assign({}, identity)).to.not.have.property('isAdmin')
    expect(Object.getPrototypeOf(identity)).to.equal(Object.prototype)
  })

  it('I-11: has no active, clientId and instanceId from its __proto__', async () => {
    const inner = JSON.stringify(info())
    expect(await codeOf(`{"__proto__":${inner}}`)).to.equal('token_inactive')
    expect(await codeOf(`{"active":true,"__proto__":${inner}}`)).to.equal('claim_invalid')
  })

  it('P-11: has nothing from Object.prototype', async () => {
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
      const verified = await verifyAccessToken(TOKEN, options(answering(plain)))
      expect(verified).to.include({ accountId: null, permissions: null, siteOwnerId: null, vendorProductId: null })
      const bare = { active: true, clientId: APP_ID, instanceId: 'i', exp: SECONDS + 9 }
      expect(await verifyAccessToken(TOKEN, options(answering(bare)))).to.deep.equal({
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

describe('The cache of the answers of Token Info', () => {
  it('T-10: makes 1 call for 10,000 equal tokens at once', async () => {
    const { fetch, answer } = answeringLater()
    const users: unknown[] = []
    const strategy = createStrategy({ fetch })
    const perRequest = Object.assign(Object.create(strategy) as WixAccessTokenStrategy, {
      success: (identity: unknown) => void users.push(identity),
      fail: sinon.fake(),
      error: sinon.fake(),
    })
    for (let index = 0; index < 10_000; index++) perRequest.authenticate(request({}, { authorization: TOKEN }) as never)
    await settled()
    expect(askedFor(fetch)).to.deep.equal([TOKEN])
    answer()
    while (users.length < 10_000) await new Promise((resolve) => setImmediate(resolve))
    await settled()
    expect([users.length, new Set(users).size]).to.deep.equal([10_000, 10_000])
    sinon.assert.notCalled(perRequest.fail)
    sinon.assert.notCalled(perRequest.error)
    sinon.assert.calledOnce(fetch)
  })

  it('has a maxAge whose error says what came only where that is no number', () => {
    expect(() => createStrategy({ cache: { maxAge: 0 } })).to.throw(TypeError, /at most 60$/)
    expect(() => createStrategy({ cache: { maxAge: '60' } })).to.throw(TypeError, /at most 60, got a string$/)
  })

  it('is not there with cache: false: each request is a call', async () => {
    const fetch = answering()
    const strategy = createStrategy({ fetch, cache: false })
    for (let time = 0; time < 3; time++) expect(await ask(strategy)).to.include({ kind: 'success' })
    sinon.assert.calledThrice(fetch)
  })

  it('C-02: keeps an answer for cache.maxAge', async () => {
    const fetch = answering()
    const clock = clockAt(NOW)
    const strategy = createStrategy({ fetch, now: clock.now, cache: { maxAge: 5 } })
    await ask(strategy)
    clock.add(4999)
    await ask(strategy)
    sinon.assert.calledOnce(fetch)
    clock.add(2)
    await ask(strategy)
    sinon.assert.calledTwice(fetch)
  })

  it('C-02: keeps an answer for 60 s by default', async () => {
    const fetch = answering()
    const clock = clockAt(NOW)
    const strategy = createStrategy({ fetch, now: clock.now })
    await ask(strategy)
    clock.add(59_999)
    await ask(strategy)
    sinon.assert.calledOnce(fetch)
    clock.add(2)
    await ask(strategy)
    sinon.assert.calledTwice(fetch)
  })

  it('C-01: has as key a hash of the app and the token', async () => {
    const keys = new Set<unknown>()
    const listen = (message: unknown): void => void keys.add((message as { key: unknown }).key)
    const metrics = channel('lru-cache:metrics')
    metrics.subscribe(listen)
    try {
      await ask(createStrategy({ fetch: answering() }))
    } finally {
      metrics.unsubscribe(listen)
    }
    const hash = createHash('sha256').update(`${APP_ID} ${TOKEN}`).digest('base64url')
    expect([...keys]).to.deep.equal([hash])
  })

  it('C-03: keeps cache.max answers', async () => {
    const fetch = answering()
    const strategy = createStrategy({ fetch, cache: { max: 2 } })
    for (const name of [1, 2, 3, 2, 3]) await ask(strategy, accessToken(name))
    sinon.assert.calledThrice(fetch)
    await ask(strategy, accessToken(1))
    expect(askedFor(fetch)).to.deep.equal([1, 2, 3, 1].map(accessToken))
  })

  it('belongs to one strategy object: another one makes a call of its own', async () => {
    const fetch = answering()
    await ask(createStrategy({ fetch }))
    await ask(createStrategy({ fetch }))
    sinon.assert.calledTwice(fetch)
  })

  it('C-07: keeps a revoked token valid for 60 s at most, and not at all with cache: false', async () => {
    const wix = await WixSimulator.start({ appId: APP_ID, appSecret: 'secret' })
    try {
      let time = Date.now()
      const options = { appId: APP_ID, apiUrl: wix.url, now: () => time }
      const token = wix.accessToken({ instanceId: 'instance-1' })
      const verify = accessTokenVerifier(options)
      const known = await verify(token)
      wix.revoke(token)
      time += 59_999
      expect(await verify(token)).to.deep.equal(known)
      time += 2
      expect(await refusalOf(verify(token))).to.equal('token_inactive')
      expect(await refusalOf(verifyAccessToken(token, { ...options, cache: false }))).to.equal('token_inactive')
    } finally {
      await wix.close()
    }
  })
})

describe('Token Info that does not answer as it should', () => {
  let server: TokenInfoServer
  let clock: TestClock
  const start = async (answer: Answer): Promise<void> => {
    server = await tokenInfoServer(answer)
    clock = clockAt(NOW)
  }
  const createStrategyTo = (options: object = {}): WixAccessTokenStrategy =>
    createStrategy({ apiUrl: server.url, now: clock.now, timeout: 20, ...options })
  afterEach(() => {
    sinon.restore()
    return server.close()
  })

  /** Token Info is asked again, and answers. */
  const expectSuccess = async (strategy: WixAccessTokenStrategy): Promise<void> => {
    const { length } = server.calls
    server.answerWith(whole(info()))
    expect(await ask(strategy)).to.include({ kind: 'success' })
    expect(server.calls).to.have.length(length + 1)
  }

  // What a client makes of each fault is in internal/remote.test.ts.
  const faults: Array<[string, Answer]> = [
    ['a connection that is reset', reset],
    ['a connection that is reset in the body', resetInBody],
    ['a connection that ends in the body', endInBody],
    ...[302, 403, 418, 429, 500, 503].map((code): [string, Answer] => [`status ${code}`, whole(info(), code)]),
    ['HTML', whole('<!doctype html><title>Wix</title>')],
    ['JSON that is cut', whole(JSON.stringify(info()).slice(0, -1))],
    ['an array', whole([info()])],
    ['a body of more than 64 KiB', whole(JSON.stringify(info()) + ' '.repeat(65_536))],
  ]
  for (const [name, answer] of faults) {
    it(`T-07, C-02: is a 503, no refusal, and is not cached: ${name}`, async () => {
      await start(answer)
      const strategy = createStrategyTo()
      expect((await unavailable(ask(strategy)))[1]).to.deep.equal({})
      await expectSuccess(strategy)
    })
  }

  it('T-07, C-02: is a 503, no refusal, and is not cached: no answer', async () => {
    await start(silence)
    const strategy = createStrategyTo()
    const timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const asked = unavailable(ask(strategy))
    await server.called(1)
    await timers.tickAsync(20_000)
    expect(await asked).to.deep.equal([`no answer from ${new URL(server.url).host} within 20 s`, {}])
    timers.restore()
    await expectSuccess(strategy)
  })

  for (const code of [400, 401, 404]) {
    it(`T-07, C-02: rejects with a status ${code}: 401, cached for 10 s, after 1 call`, async () => {
      await start(whole(info(), code, { 'Retry-After': '60' }))
      const strategy = createStrategyTo()
      for (let time = 0; time < 3; time++) expect(await ask(strategy)).to.deep.equal(REFUSED)
      clock.add(9999)
      expect(await ask(strategy)).to.deep.equal(REFUSED)
      expect(server.calls).to.have.length(1)
      clock.add(2)
      server.answerWith(whole(info()))
      expect(await ask(strategy)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(2)
    })
  }

  it('T-07, C-02: rejects with a 200 whose active is not true: 401, cached for 10 s, after 1 call', async () => {
    await start(whole(info()))
    for (const active of [false, 'false', undefined, 1, {}, null, '', []]) {
      server.answerWith(whole(info({ active })))
      const before = server.calls.length
      const strategy = createStrategyTo()
      for (let time = 0; time < 3; time++) expect(await ask(strategy)).to.deep.equal(REFUSED)
      clock.add(9999)
      expect(await ask(strategy)).to.deep.equal(REFUSED)
      expect(server.calls).to.have.length(before + 1)
      clock.add(2)
      server.answerWith(whole(info()))
      expect(await ask(strategy)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(before + 2)
    }
  })

  it('T-09: recovers by itself after an outage: the circuit opens, one probe closes it', async () => {
    await start(reset)
    const strategy = createStrategyTo()
    for (let time = 0; time < 5; time++) await unavailable(ask(strategy))
    const before = server.calls.length
    expect(before).to.equal(10)
    for (let time = 0; time < 50; time++) {
      const [why, headers] = await unavailable(ask(strategy))
      expect(why).to.match(/^circuit breaker open after no connection to 127\.0\.0\.1:\d+ \([A-Z_]+\)$/)
      expect(headers).to.deep.equal({ 'Retry-After': '1' })
    }
    expect(server.calls).to.have.length(before)
    server.answerWith(whole(info()))
    clock.add(500)
    expect(await ask(strategy)).to.include({ kind: 'success' })
    expect(await ask(strategy, accessToken('other'))).to.include({ kind: 'success' })
    expect(server.calls).to.have.length(before + 2)
  })
})

describe('T-09: the circuit breaker before Token Info', () => {
  const limited = answering('', 429, { 'Retry-After': '7' })

  it('opens for all tokens when Wix asks to wait, but accepts cached ones', async () => {
    const fetch = sinon.stub()
    fetch.onCall(0).callsFake(answering())
    fetch.callsFake(limited)
    const strategy = createStrategy({ fetch })
    expect(await ask(strategy)).to.include({ kind: 'success' })
    expect(await unavailable(ask(strategy, accessToken('other')))).to.deep.equal(['status 429', { 'Retry-After': '7' }])
    expect(await unavailable(ask(strategy, accessToken('third')))).to.deep.equal([
      'circuit breaker open after status 429',
      { 'Retry-After': '7' },
    ])
    expect(await ask(strategy)).to.include({ kind: 'success' })
    sinon.assert.calledTwice(fetch)
  })

  it('opens after five outages, but accepts cached tokens', async () => {
    const fetch = sinon.stub()
    fetch.onCall(0).callsFake(answering())
    fetch.callsFake(answering('', 408))
    const strategy = createStrategy({ fetch })
    expect(await ask(strategy)).to.include({ kind: 'success' })
    for (let index = 0; index < 5; index++) await ask(strategy, accessToken(index))
    expect((await unavailable(ask(strategy, accessToken('new'))))[0]).to.equal('circuit breaker open after status 408')
    expect(await ask(strategy)).to.include({ kind: 'success' })
  })

  it('never opens for junk that Wix answers with 403, nor for tokens that it rejects', async () => {
    const fetch = sinon.stub()
    const strategy = createStrategy({ fetch })
    for (let index = 0; index < 20; index++) {
      fetch.callsFake(answering('', 403))
      expect(await unavailable(ask(strategy, accessToken(`junk-${index}`)))).to.deep.equal(['status 403', {}])
      fetch.callsFake(answering({}, 401))
      expect(await ask(strategy, accessToken(`refused-${index}`))).to.deep.equal(REFUSED)
    }
    fetch.callsFake(answering())
    expect(await ask(strategy)).to.include({ kind: 'success' })
  })

  it('belongs to one strategy: the outages of another do not open it', async () => {
    const fetch = sinon.stub().callsFake(answering('', 408))
    const strategy = createStrategy({ fetch })
    for (let index = 0; index < 5; index++) await ask(strategy, accessToken(index))
    fetch.callsFake(answering())
    expect((await unavailable(ask(strategy)))[0]).to.equal('circuit breaker open after status 408')
    expect(await ask(createStrategy({ fetch }))).to.include({ kind: 'success' })
  })

  it('is open for as long as it was to be where the clock of the machine is set back', async () => {
    const timers = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    try {
      const verify = accessTokenVerifier({ appId: APP_ID, fetch: limited })
      const verified = (): Promise<unknown> => verify(TOKEN)
      expect((await unavailableOf('Token Info', verified()))[0]).to.equal('status 429')
      timers.setSystemTime(NOW - 1_800_000)
      timers.tick(6999)
      expect((await unavailableOf('Token Info', verified()))[0]).to.equal('circuit breaker open after status 429')
      timers.tick(1)
      expect((await unavailableOf('Token Info', verified()))[0]).to.equal('status 429')
    } finally {
      timers.restore()
    }
  })
})

describe('T-09: the calls to Token Info in flight', () => {
  const FULL = 'too many calls in flight'

  it('are at most maxCalls: the next token is a 503 at once, an equal one waits for the same answer', async () => {
    const { fetch, answer } = answeringLater()
    const strategy = createStrategy({ fetch, maxCalls: 2 })
    const first = ask(strategy, accessToken(1))
    const second = ask(strategy, accessToken(2))
    expect(await unavailable(ask(strategy, accessToken(3)))).to.deep.equal([FULL, {}])
    sinon.assert.calledTwice(fetch)

    const equal = ask(strategy, accessToken(1))
    answer()
    expect(await first).to.include({ kind: 'success' })
    expect(await equal).to.include({ kind: 'success' })

    const third = ask(strategy, accessToken(3))
    await settled()
    sinon.assert.calledThrice(fetch)
    expect((await unavailable(ask(strategy, accessToken(4))))[0]).to.equal(FULL)
    answer()
    answer()
    for (const outcome of await Promise.all([second, third])) expect(outcome).to.include({ kind: 'success' })
  })

  it('are at most 64 for 10,000 different tokens at once, and nothing of the others is kept', async () => {
    const { fetch, answer } = answeringLater()
    const verify = accessTokenVerifier({ appId: APP_ID, now, fetch, timeout: 60 })
    const verdicts = Array.from({ length: 10_000 }, (_, index) =>
      verify(accessToken(index)).then(
        () => 'success',
        (error: unknown) =>
          error instanceof WixUnavailableError
            ? error.message.slice('Token Info is unavailable: '.length)
            : String(error),
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
    sinon.assert.callCount(fetch, 64)
    for (let index = 0; index < 64; index++) answer({ active: false })
    const said = await Promise.all(verdicts)
    expect(said.filter((verdict) => verdict === FULL)).to.have.length(10_000 - 64)
    expect(said.filter((verdict) => verdict.startsWith('WixAuthError'))).to.have.length(64)
    const again = verify(accessToken(9999))
    await settled()
    answer()
    expect(await again).to.include({ instanceId: 'instance-1' })
  })

  it('T-06: end after 2 s where there is no option timeout, to the millisecond', async () => {
    const timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let isDone = false
      const done = unavailable(ask(createStrategy({ fetch: () => new Promise(() => {}) }))).finally(() => {
        isDone = true
      })
      await timers.tickAsync(1999)
      await new Promise((resolve) => setImmediate(resolve))
      expect(isDone).to.equal(false)
      await timers.tickAsync(1)
      expect((await done)[0]).to.equal('no answer from www.wixapis.com within 2 s')
    } finally {
      timers.restore()
    }
  })
})
