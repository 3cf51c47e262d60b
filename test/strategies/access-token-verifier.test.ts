import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  accessTokenVerifier,
  type AccessTokenVerifierOptions,
  WixAccessTokenStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import { accessToken, answering, answeringLater, askedFor, info } from '../support/access-token.ts'
import { instance, now } from '../support/build.ts'
import { errorOf, everythingIn } from '../support/errors.ts'
import { APP_ID, refusalOf, SECONDS, webhook } from '../support/jwt.ts'
import { request, runToEnd, settled } from '../support/run.ts'
import { verifyAccessToken } from '../support/verify.ts'

const TOKEN = accessToken()
const options = (more: object = {}): AccessTokenVerifierOptions => ({ appId: APP_ID, now, ...more })

describe('accessTokenVerifier', () => {
  it('resolves to the identity of the token', async () => {
    expect(await verifyAccessToken(TOKEN, options({ fetch: answering() }))).to.deep.equal({
      ...info(),
      accountId: null,
      permissions: null,
      siteOwnerId: null,
      vendorProductId: null,
    })
  })

  it('T-01: accepts the whole header too, and asks Wix about the token alone', async () => {
    const fetch = answering()
    const verify = accessTokenVerifier(options({ fetch, cache: false }))
    for (const prefix of ['Bearer ', 'bearer ', 'BEARER   ', '']) await verify(prefix + TOKEN)
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
  it('T-02: rejects what is no token, without a call', async () => {
    for (const [token, code] of refused) {
      const fetch = answering()
      expect(await refusalOf(verifyAccessToken(token as string, options({ fetch }))), inspect(token)).to.equal(code)
      sinon.assert.notCalled(fetch)
    }
  })

  it('tells the developer of which form a token is', async () => {
    expect(await errorOf(verifyAccessToken('x', options()))).to.have.property(
      'hint',
      '1 part between dots; an access token has 4 or more',
    )
  })

  const outcomes: Array<[string, object, string]> = [
    ['an answer that is not active', { fetch: answering({ active: false }) }, 'token_inactive'],
    ['the status 401', { fetch: answering({}, 401) }, 'token_inactive'],
    ['a token that has expired', { fetch: answering(info({ exp: SECONDS })) }, 'token_expired'],
    ['a token of another app', { fetch: answering(info({ clientId: 'app-2' })) }, 'claim_invalid'],
  ]
  for (const [name, more, code] of outcomes) {
    it(`rejects ${name} with ${code}, the first time and the second`, async () => {
      const verify = accessTokenVerifier(options(more))
      for (let time = 0; time < 2; time++) {
        expect(await refusalOf(verify(TOKEN))).to.equal(code)
      }
      sinon.assert.calledOnce((more as { fetch: sinon.SinonSpy }).fetch)
    })
  }

  it('rejects with a WixUnavailableError when Wix does not answer', async () => {
    const error = await errorOf(verifyAccessToken(TOKEN, options({ fetch: answering({}, 500) })))
    expect(error).to.be.instanceOf(WixUnavailableError)
  })

  it('uses the clock of the machine where there is no option now', async () => {
    for (const cache of [{}, false] as const) {
      const seconds = Date.now() / 1000
      const good = { appId: APP_ID, fetch: answering(info({ exp: seconds + 60 })) as never, cache }
      expect(await verifyAccessToken(TOKEN, good)).to.include({ exp: seconds + 60 })
      const ended = { appId: APP_ID, fetch: answering(info({ exp: seconds })) as never, cache }
      expect(await refusalOf(verifyAccessToken(TOKEN, ended))).to.equal('token_expired')
    }
  })

  it('has a cache of its own, and another verifier another one', async () => {
    const fetch = answering()
    const verify = accessTokenVerifier(options({ fetch }))
    await verify(TOKEN)
    await verify(`Bearer ${TOKEN}`)
    sinon.assert.calledOnce(fetch)
    await accessTokenVerifier(options({ fetch }))(TOKEN)
    sinon.assert.calledTwice(fetch)
  })

  it('reads its options once: later changes of the object have no effect', async () => {
    const fetch = answering()
    const given = options({ fetch, cache: false })
    const verify = accessTokenVerifier(given)
    Object.assign(given, { appId: 'app-2', fetch: answering({}, 500), unknown: 1 })
    await verify(TOKEN)
    sinon.assert.calledOnce(fetch)
  })

  it('A2: obeys a fake clock that is installed later', async () => {
    const seconds = Date.now() / 1000
    for (const cache of [{}, false] as const) {
      const fetch = answering(info({ exp: seconds + 60 })) as never
      const verify = accessTokenVerifier({ appId: APP_ID, fetch, cache })
      expect(await verify(TOKEN)).to.include({ active: true })
      const clock = sinon.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
      try {
        expect(await refusalOf(verify(TOKEN))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
    }
  })

  it('takes a function as appId, which is asked for a token of the right form only, for five seconds', async () => {
    const appId = sinon.fake.resolves(APP_ID)
    const verify = accessTokenVerifier(options({ appId, fetch: answering() }))
    for (const junk of ['x', 'a.b.c', 'IST.a.b.c', 'a.b.c.!'])
      expect(await refusalOf(verify(junk))).to.equal('token_malformed')
    sinon.assert.notCalled(appId)
    expect(await verify(TOKEN)).to.include({ clientId: APP_ID })
    sinon.assert.calledOnceWithExactly(appId, undefined)

    const other = accessTokenVerifier(options({ appId: () => 'app-2', fetch: answering() }))
    expect(await refusalOf(other(TOKEN))).to.equal('claim_invalid')
    for (const unset of [undefined, '', 'undefined']) {
      const error = await errorOf(accessTokenVerifier(options({ appId: () => unset, fetch: answering() }))(TOKEN))
      expect(error).to.be.instanceOf(TypeError)
      expect(error).to.have.property('message').that.includes('accessTokenVerifier: option `appId` must be')
    }

    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pending = errorOf(accessTokenVerifier(options({ appId: () => new Promise(() => {}) }))(TOKEN))
      await clock.tickAsync(5000)
      expect(await pending)
        .to.be.instanceOf(WixUnavailableError)
        .and.to.have.property('message', 'accessTokenVerifier: the function `appId` took more than 5 s')
    } finally {
      clock.restore()
    }
  })

  it('B51: takes an app ID in any case, and the identity has it as Wix writes it', async () => {
    const guid = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
    const fetch = answering(info({ clientId: guid }))
    expect(await verifyAccessToken(TOKEN, options({ appId: guid.toUpperCase(), fetch }))).to.include({ clientId: guid })
  })

  it('T-10: makes one call for equal tokens in flight, with and without Bearer', async () => {
    const { fetch, answer } = answeringLater()
    const verify = accessTokenVerifier(options({ fetch }))
    const verdicts = Array.from({ length: 1000 }, (_, index) => verify(index % 2 ? TOKEN : `Bearer ${TOKEN}`))
    await settled()
    answer()
    for (const verdict of await Promise.all(verdicts)) expect(verdict).to.include({ instanceId: 'instance-1' })
    sinon.assert.calledOnce(fetch)
  })
})

describe('E-01: no error of an access token holds the token', () => {
  const CANARY = 'canary91b2'
  const token = accessToken(CANARY).replace('c2ln', CANARY)
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
    ['a token that has expired', token, { fetch: answering(info({ exp: 1, token })) }],
    ['an answer that is not JSON', token, { fetch: answering(`<p>${token}`) }],
    ['an answer that is not an object', token, { fetch: answering([token]) }],
    ['an answer that is too long', token, { fetch: answering(token.repeat(2000)) }],
    ['a status that says nothing', token, { fetch: answering(token, 500, { 'Retry-After': token, 'X-Echo': token }) }],
    ['a redirect', token, { fetch: answering(token, 307, { location: `https://elsewhere.example/${token}` }) }],
    ['a broken connection', token, { fetch: rejecting }],
    ['no answer in time', token, { fetch: () => new Promise(() => {}), timeout: 0.01 }],
  ]
  for (const [name, sent, more] of failures) {
    it(`of ${name}`, async () => {
      const verify = accessTokenVerifier(options(more))
      for (let time = 0; time < 2; time++) {
        const error = await errorOf(verify(sent))
        expect(error).to.be.instanceOf(Error)
        expect(everythingIn(error)).to.not.include(CANARY)
        expect(JSON.stringify(error)).to.not.include(CANARY)
      }
      const outcome = await runToEnd(
        new WixAccessTokenStrategy({ appId: APP_ID, now, ...more }, (_identity) => ({})),
        request({}, { authorization: sent }),
      )
      expect(outcome.kind).to.be.oneOf(['fail', 'error'])
      expect(everythingIn(outcome)).to.not.include(CANARY)
    })
  }

  it('of too many calls, and of an open circuit', async () => {
    const { fetch, answer } = answeringLater()
    const full = accessTokenVerifier(options({ fetch, maxCalls: 1 }))
    const first = full(accessToken('first'))
    await settled()
    const error = await errorOf(full(token))
    expect(error).to.have.property('message').that.includes('too many calls')
    expect(everythingIn(error)).to.not.include(CANARY)
    answer()
    await first

    const limited = accessTokenVerifier(options({ fetch: answering({}, 429, { 'Retry-After': '9' }) }))
    for (const why of ['status 429', 'circuit breaker open after status 429']) {
      const reason = await errorOf(limited(token))
      expect(reason).to.have.property('message').that.includes(`: ${why}`)
      expect(everythingIn(reason)).to.not.include(CANARY)
    }
  })

  it('of a circuit that is open after a broken connection, which names its code alone', async () => {
    const limited = accessTokenVerifier(options({ fetch: rejecting, cache: false }))
    await Promise.all(Array.from({ length: 5 }, () => errorOf(limited(token))))
    const reason = await errorOf(limited(token))
    expect(reason).to.have.property('message').that.includes('circuit breaker open after no connection')
    expect(everythingIn(reason)).to.not.include(CANARY)
  })

  it('but the code of a broken connection, which helps to find its cause', async () => {
    const refusing = (reason: unknown) => (): Promise<never> => Promise.reject(reason)
    const cases: Array<[unknown, string]> = [
      [Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }), ' (ECONNREFUSED)'],
      [Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), ' (UND_ERR_SOCKET)'],
      [Object.assign(new Error('x'), { code: 'with space' }), ''],
      [Object.assign(new Error('x'), { code: 7 }), ''],
      [undefined, ''],
      ['a string', ''],
    ]
    for (const [reason, suffix] of cases) {
      const error = await errorOf(verifyAccessToken(TOKEN, options({ fetch: refusing(reason) })))
      expect(error).to.have.property('message', `Token Info is unavailable: no connection to www.wixapis.com${suffix}`)
    }
  })
})
