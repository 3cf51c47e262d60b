import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  verifyAccessToken,
  type VerifyAccessTokenOptions,
  WixAccessTokenStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import { accessToken, answering, answeringLater, askedFor, info } from '../support/access-token.ts'
import { instance, now } from '../support/build.ts'
import { errorOf, everythingIn } from '../support/errors.ts'
import { APP_ID, refusalOf, SECONDS, webhook } from '../support/jwt.ts'
import { request, runToEnd } from '../support/run.ts'

const TOKEN = accessToken()
const options = (more: object = {}): VerifyAccessTokenOptions => ({ appId: APP_ID, now, ...more })

describe('verifyAccessToken', () => {
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
    ['a token that has expired', { fetch: answering(info({ exp: SECONDS })) }, 'token_expired'],
    ['a token of another app', { fetch: answering(info({ clientId: 'app-2' })) }, 'claim_invalid'],
    ['a subject of another type', { fetch: answering(), subjectTypes: ['APP'] }, 'insufficient_scope'],
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

  it('uses the clock of the machine where there is no option now', async () => {
    for (const cache of [{}, false] as const) {
      const seconds = Date.now() / 1000
      const good = { appId: APP_ID, fetch: answering(info({ exp: seconds + 60 })) as never, cache }
      expect(await verifyAccessToken(TOKEN, good)).to.include({ exp: seconds + 60 })
      const ended = { appId: APP_ID, fetch: answering(info({ exp: seconds })) as never, cache }
      expect(await refusalOf(verifyAccessToken(TOKEN, ended))).to.equal('token_expired')
    }
  })

  it('caches for the same options object, and not for an equal one', async () => {
    const fetch = answering()
    const constant = options({ fetch })
    await verifyAccessToken(TOKEN, constant)
    await verifyAccessToken(TOKEN, constant)
    sinon.assert.calledOnce(fetch)
    await verifyAccessToken(TOKEN, { ...constant })
    sinon.assert.calledTwice(fetch)
  })

  it('reads its options once: later changes of the object have no effect', async () => {
    const fetch = answering()
    const constant = options({ fetch, cache: false })
    await verifyAccessToken(TOKEN, constant)
    Object.assign(constant, { appId: 'app-2', fetch: answering({}, 500), unknown: 1 })
    await verifyAccessToken(TOKEN, constant)
    sinon.assert.calledTwice(fetch)
  })

  it('T-10: makes one call for equal tokens in flight, with and without Bearer', async () => {
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
    ['a token of another subject type', token, { fetch: answering(info({ token })), subjectTypes: ['APP'] }],
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
      const constant = options(more)
      for (let time = 0; time < 2; time++) {
        const error = await errorOf(verifyAccessToken(sent, constant))
        expect(error).to.be.instanceOf(Error)
        expect(everythingIn(error)).to.not.include(CANARY)
        expect(JSON.stringify(error)).to.not.include(CANARY)
      }
      const outcome = await runToEnd(
        new WixAccessTokenStrategy({ appId: APP_ID, now, ...more }, () => ({})),
        request({}, { authorization: sent }),
      )
      expect(outcome.kind).to.be.oneOf(['fail', 'error'])
      expect(everythingIn(outcome)).to.not.include(CANARY)
    })
  }

  it('of too many calls, and of an open circuit', async () => {
    const { fetch, answer } = answeringLater()
    const full = options({ fetch, maxCalls: 1 })
    const first = verifyAccessToken(accessToken('first'), full)
    const error = await errorOf(verifyAccessToken(token, full))
    expect(error).to.have.property('message').that.includes('too many calls')
    expect(everythingIn(error)).to.not.include(CANARY)
    answer()
    await first

    const limited = options({ fetch: answering({}, 429, { 'Retry-After': '9' }) })
    for (const why of ['status 429', 'circuit breaker open after status 429']) {
      const reason = await errorOf(verifyAccessToken(token, limited))
      expect(reason).to.have.property('message').that.includes(`: ${why}`)
      expect(everythingIn(reason)).to.not.include(CANARY)
    }
  })

  it('of a circuit that is open after a broken connection, which names its code alone', async () => {
    const limited = options({ fetch: rejecting, cache: false })
    await Promise.all(Array.from({ length: 5 }, () => errorOf(verifyAccessToken(token, limited))))
    const reason = await errorOf(verifyAccessToken(token, limited))
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
