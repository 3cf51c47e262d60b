import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { refusalOf, WixAppStrategy, WixAuthError, WixUnavailableError } from '../../lib/index.ts'
import { answering, answeringLater, askedFor, clockAt, info } from '../support/access-token.ts'
import { instance, iso, now, NOW, OTHER_SECRET, SECRET, signData } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, SECONDS } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { type Outcome, request, run, runToEnd, settled } from '../support/run.ts'
import { tokenInfoServer, whole } from '../support/token-info-server.ts'

const identityAsUser = (identity: object): object => identity
const createStrategy = (tokenInfo: object = {}, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, tokenInfo: { appId: APP_ID, ...tokenInfo }, ...options }, identityAsUser)
const INSTANCE = instance()
const asked = request({ instance: INSTANCE })
const refusal = (code: string): Outcome => ({
  kind: 'fail',
  challenge: { message: new WixAuthError(code as 'claim_invalid').message, code },
  status: code === 'request_invalid' ? 400 : 401,
})

describe('WixAppStrategy with tokenInfo', () => {
  watchForSecrets()
  it('T-11: asks Wix about the instance value itself, once, after the signature was right', async () => {
    const fetch = answering()
    expect(await runToEnd(createStrategy({ fetch }), asked)).to.have.property('kind', 'success')
    expect(askedFor(fetch)).to.deep.equal([INSTANCE])
    expect(fetch.args.map(([url]) => url)).to.deep.equal(['https://www.wixapis.com/oauth2/token-info'])
  })

  it('T-11: asks a real server', async () => {
    const server = await tokenInfoServer(whole(info()))
    try {
      expect(await runToEnd(createStrategy({ apiUrl: server.url }), asked)).to.have.nested.property(
        'user.siteId',
        'site-1',
      )
      expect(server.calls.map(({ body }) => JSON.parse(body) as unknown)).to.deep.equal([{ token: INSTANCE }])
    } finally {
      await server.close()
    }
  })

  it('reads the instance from Authorization, too', async () => {
    const fetch = answering()
    const outcome = await runToEnd(createStrategy({ fetch }), request({}, { authorization: INSTANCE }))
    expect(outcome).to.have.property('kind', 'success')
    expect(askedFor(fetch)).to.deep.equal([INSTANCE])
  })

  const early: Array<[string, object, string]> = [
    ['no instance', request(), 'credentials_missing'],
    ['an instance twice', request({ instance: [INSTANCE, INSTANCE] }), 'request_invalid'],
    ['nonsense', request({ instance: 'a.b' }), 'token_malformed'],
    ['an access token', request({ instance: 'OauthNG.JWS.a.b.c' }), 'token_malformed'],
    ['an instance that was forged', request({ instance: instance({}, OTHER_SECRET) }), 'signature_invalid'],
    ['a signature of nothing', request({ instance: `.${INSTANCE.split('.')[1]}` }), 'token_malformed'],
    ['an instance without an id', request({ instance: instance({ instanceId: '' }) }), 'claim_invalid'],
    ['a payload that is no object', request({ instance: signData(Buffer.from('[]')) }), 'token_malformed'],
    ['an old instance', request({ instance: instance({ signDate: iso(-90_000) }) }), 'token_expired'],
    ['an instance that has expired', request({ instance: instance({ expirationDate: iso(-60) }) }), 'token_expired'],
  ]
  for (const [name, req, code] of early) {
    it(`T-11: rejects ${name} with ${code} after 0 calls`, async () => {
      const fetch = answering()
      expect(await run(createStrategy({ fetch }), req)).to.deep.equal(refusal(code))
      sinon.assert.notCalled(fetch)
    })
  }

  it('T-11: rejects an instance of another app without a call, where the strategy has an appId', async () => {
    const fetch = answering()
    const strategy = createStrategy({ fetch }, { appId: 'app-2' })
    expect(await run(strategy, asked)).to.deep.equal(refusal('claim_invalid'))
    sinon.assert.notCalled(fetch)
  })

  const refused: Array<[string, unknown, number, string]> = [
    ['is not active', { active: false }, 200, 'token_inactive'],
    ['is active by a number', info({ active: 1 }), 200, 'token_inactive'],
    ['is a 400', {}, 400, 'token_inactive'],
    ['is a 401', {}, 401, 'token_inactive'],
    ['is a 404', {}, 404, 'token_inactive'],
    ['has expired', info({ exp: SECONDS }), 200, 'token_expired'],
    ['has no exp', info({ exp: undefined }), 200, 'claim_invalid'],
    ['names another installation', info({ instanceId: 'instance-2' }), 200, 'claim_invalid'],
    ['names the beginning of the installation', info({ instanceId: 'instance-' }), 200, 'claim_invalid'],
    ['names more than the installation', info({ instanceId: 'instance-11' }), 200, 'claim_invalid'],
    ['names the installation in other letters', info({ instanceId: 'INSTANCE-1' }), 200, 'claim_invalid'],
    ['names no installation', info({ instanceId: undefined }), 200, 'claim_invalid'],
    ['names another app', info({ clientId: 'app-2' }), 200, 'claim_invalid'],
    ['names no app', info({ clientId: undefined }), 200, 'claim_invalid'],
  ]
  for (const [name, body, status, code] of refused) {
    it(`T-11: rejects with ${code}, the first time and the second, when the answer of Wix ${name}`, async () => {
      const fetch = answering(body, status)
      const strategy = createStrategy({ fetch })
      for (let time = 0; time < 2; time++) expect(await runToEnd(strategy, asked)).to.deep.equal(refusal(code))
      sinon.assert.calledOnce(fetch)
    })
  }

  it('T-04: rejects an instance that was signed for another app than Wix is asked about', async () => {
    for (const appId of ['app-2', 'app-11', 'app-']) {
      const fetch = answering(info({ clientId: appId }))
      const strategy = createStrategy({ fetch, appId })
      const req = request({ instance: INSTANCE })
      expect(await runToEnd(strategy, req), appId).to.deep.equal(refusal('claim_invalid'))
      expect(refusalOf(req)).to.have.property(
        'hint',
        'Token Info and the instance name different installations or apps',
      )
      sinon.assert.calledOnce(fetch)
    }
  })

  it('accepts an instance without an app id when Wix accepts it', async () => {
    const req = request({ instance: instance({ appDefId: undefined }) })
    const outcome = await runToEnd(createStrategy({ fetch: answering() }), req)
    expect(outcome).to.have.nested.include({ kind: 'success', 'user.clientId': null, 'user.siteId': 'site-1' })
  })

  it('T-11: leaves the identity as it is, but for siteId', async () => {
    const lies = {
      subjectType: 'APP',
      subjectId: 'x',
      iat: 1,
      exp: SECONDS + 5,
      permissions: 'OWNER',
      extra: 1,
      uid: 'y',
    }
    const visitor = { aid: 'visitor-1', uid: undefined, permissions: undefined }
    for (const overrides of [{}, visitor, { siteMemberId: 'member-1', permissions: undefined }]) {
      const req = request({ instance: instance(overrides) })
      const local = await run(new WixAppStrategy({ secret: SECRET, now }, identityAsUser), req)
      const { user } = local as unknown as { user: object }
      expect(user).to.have.property('siteId', null)
      const outcome = await runToEnd(createStrategy({ fetch: answering(info(lies)) }), req)
      const identity = { ...user, siteId: 'site-1' }
      expect(outcome).to.deep.equal({ kind: 'success', user: identity, info: { identity } })
    }
  })

  it('has no siteId where the answer of Wix has none', async () => {
    for (const siteId of [undefined, null, '', 7]) {
      const outcome = await runToEnd(createStrategy({ fetch: answering(info({ siteId })) }), asked)
      expect(outcome).to.have.nested.include({ kind: 'success', 'user.siteId': null })
    }
  })

  it('gives each request an identity of its own', async () => {
    const strategy = createStrategy({ fetch: answering() })
    const users: unknown[] = []
    for (let time = 0; time < 3; time++) {
      const { user } = (await runToEnd(strategy, asked)) as unknown as { user: { spoiled?: boolean } }
      expect(user).to.not.have.property('spoiled')
      user.spoiled = true
      users.push(user)
    }
    expect(new Set(users).size).to.equal(3)
  })

  it('T-07: ends in an error with status 503 in an outage, and rejects no instance', async () => {
    const outages = [
      answering('', 500),
      answering('', 429, { 'Retry-After': '7' }),
      answering('<p>'),
      answering('', 307),
    ]
    for (const [index, fetch] of outages.entries()) {
      const outcome = await runToEnd(createStrategy({ fetch }), asked)
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.property('error').that.is.instanceOf(WixUnavailableError).and.includes({ status: 503 })
      expect(outcome).to.have.deep.nested.property('error.headers', index === 1 ? { 'Retry-After': '7' } : {})
      expect(inspect(outcome, { depth: 9 })).to.not.include(INSTANCE.slice(0, 20))
    }
  })

  it('T-06: ends in an error at the timeout when Wix does not answer', async () => {
    const outcome = await runToEnd(createStrategy({ fetch: () => new Promise(() => {}), timeout: 0.05 }), asked)
    expect(outcome).to.have.nested.property('error.message').that.includes('within 0.05 s')
  })

  it('T-09: a forged instance is rejected in an outage as well', async () => {
    const strategy = createStrategy({ fetch: answering('', 429, { 'Retry-After': '7' }) })
    await runToEnd(strategy, asked)
    const forged = request({ instance: instance({}, OTHER_SECRET) })
    expect(await run(strategy, forged)).to.deep.equal(refusal('signature_invalid'))
  })

  it('T-10: asks once about equal instances, and not again when the answer is cached', async () => {
    const { fetch, answer } = answeringLater()
    const strategy = createStrategy({ fetch })
    const verdicts = [runToEnd(strategy, asked), runToEnd(strategy, asked), runToEnd(strategy, asked)]
    await settled()
    answer()
    for (const outcome of await Promise.all(verdicts)) expect(outcome).to.have.property('kind', 'success')
    expect(await runToEnd(strategy, asked)).to.have.property('kind', 'success')
    sinon.assert.calledOnce(fetch)
  })

  it('T-11: checks the signature also where the answer is cached', async () => {
    const fetch = answering()
    const strategy = createStrategy({ fetch })
    await runToEnd(strategy, asked)
    expect(await run(strategy, asked, { secret: OTHER_SECRET })).to.deep.equal(refusal('signature_invalid'))
    expect(await run(strategy, asked)).to.have.property('kind', 'success')
    sinon.assert.calledOnce(fetch)
  })

  it('asks for each request with cache: false', async () => {
    const fetch = answering()
    const strategy = createStrategy({ fetch, cache: false })
    await runToEnd(strategy, asked)
    await runToEnd(strategy, asked)
    sinon.assert.calledTwice(fetch)
  })

  it('uses the clock of the strategy, unless tokenInfo has one of its own', async () => {
    const clock = clockAt(NOW)
    const fetch = answering(info({ exp: SECONDS + 30 }))
    const strategy = createStrategy({ fetch }, { now: clock.now })
    await runToEnd(strategy, asked)
    clock.add(29_999)
    await runToEnd(strategy, asked)
    sinon.assert.calledOnce(fetch)
    clock.add(1)
    expect(await runToEnd(strategy, asked)).to.deep.equal(refusal('token_expired'))
    sinon.assert.calledTwice(fetch)

    const later = createStrategy({ fetch, now: () => (SECONDS + 30) * 1000 })
    expect(await runToEnd(later, asked)).to.deep.equal(refusal('token_expired'))
    const earlier = createStrategy({ fetch, now }, { now: clock.now })
    expect(await runToEnd(earlier, asked)).to.have.property('kind', 'success')
  })

  it('uses the clock of the machine where neither has one', async () => {
    const signDate = new Date().toISOString()
    const req = request({ instance: instance({ signDate, expirationDate: undefined }) })
    for (const [exp, kind] of [
      [Date.now() / 1000 + 60, 'success'],
      [Date.now() / 1000, 'fail'],
    ] as const) {
      const fetch = answering(info({ exp })) as never
      const strategy = new WixAppStrategy({ secret: SECRET, tokenInfo: { appId: APP_ID, fetch } }, identityAsUser)
      expect((await runToEnd(strategy, req)).kind).to.equal(kind)
    }
  })

  it('I-08: works with a late secret, with an array, and with a function', async () => {
    for (const secret of [SECRET, [OTHER_SECRET, SECRET], () => SECRET, async () => [SECRET]]) {
      const fetch = answering()
      const late = new WixAppStrategy({ now, tokenInfo: { appId: APP_ID, fetch } }, identityAsUser)
      expect(await runToEnd(late, asked, { secret })).to.have.nested.include({ 'user.siteId': 'site-1' })
      expect(await runToEnd(createStrategy({ fetch }, { secret }), asked)).to.have.nested.include({
        'user.siteId': 'site-1',
      })
      sinon.assert.calledTwice(fetch)
    }
    const fetch = answering()
    expect(await runToEnd(createStrategy({ fetch }), asked, { secret: async () => OTHER_SECRET })).to.deep.equal(
      refusal('signature_invalid'),
    )
    sinon.assert.notCalled(fetch)
  })

  describe('P-10: its options', () => {
    const missing = 'WixAppStrategy tokenInfo: option `appId` must be a non-empty string'
    const wrong: Array<[unknown, string]> = [
      [{}, missing],
      [{ appId: undefined }, 'WixAppStrategy tokenInfo: option `appId` must be a non-empty string'],
      [{ appId: '' }, 'WixAppStrategy tokenInfo: option `appId` must be a non-empty string'],
      [
        { appId: APP_ID, subjectTypes: ['USER'] },
        'WixAppStrategy tokenInfo: unknown option `subjectTypes`; known options are ',
      ],
      [{ appId: APP_ID, secret: SECRET }, 'WixAppStrategy tokenInfo: unknown option `secret`'],
      [{ appId: APP_ID, apiUrl: 'http://wix.com' }, 'WixAppStrategy tokenInfo: option `apiUrl` must be an https URL'],
      [{ appId: APP_ID, timeout: 0 }, 'WixAppStrategy tokenInfo: option `timeout` must be'],
      [{ appId: APP_ID, now: 7 }, 'WixAppStrategy tokenInfo: option `now` must be a function'],
      [{ appId: APP_ID, cache: { maxAge: 61 } }, 'WixAppStrategy tokenInfo cache: option `maxAge` must be'],
      [{ appId: APP_ID, cache: { ttl: 6 } }, 'WixAppStrategy tokenInfo cache: unknown option `ttl`'],
    ]
    optionsTable(
      { WixAppStrategy: (tokenInfo: never) => new WixAppStrategy({ secret: SECRET, tokenInfo }, () => null) },
      [undefined, null, true, false, 7, 'app-1', []].map((tokenInfo) => [
        tokenInfo,
        'option `tokenInfo` must be an object of Token Info options',
      ]),
    )
    optionsTable(
      {
        'WixAppStrategy tokenInfo': (tokenInfo: never) => new WixAppStrategy({ secret: SECRET, tokenInfo }, () => null),
      },
      wrong,
    )

    it('P-11: are not taken from Object.prototype', async () => {
      // Node loads its Response when one is first used, which takes a clean Object.prototype.
      await runToEnd(createStrategy({ fetch: answering() }), asked)
      const fetch = answering()
      const elsewhere = answering(info({ siteId: 'elsewhere' }))
      const polluted = {
        apiUrl: 'https://elsewhere.example',
        fetch: elsewhere,
        cache: false,
        maxCalls: 0,
        timeout: 0.001,
      }
      Object.assign(Object.prototype, polluted, { tokenInfo: { appId: 'app-2' } })
      try {
        const strategy = createStrategy({ fetch })
        expect(await runToEnd(strategy, asked)).to.have.nested.include({ 'user.siteId': 'site-1' })
        expect(await runToEnd(strategy, asked)).to.have.nested.include({ 'user.siteId': 'site-1' })
        const local = new WixAppStrategy({ secret: SECRET, now }, identityAsUser)
        expect(await run(local, asked)).to.have.nested.include({ 'user.siteId': null })
      } finally {
        for (const name of [...Object.keys(polluted), 'tokenInfo']) Reflect.deleteProperty(Object.prototype, name)
      }
      sinon.assert.notCalled(elsewhere)
      expect(fetch.args.map(([to]) => to)).to.deep.equal(['https://www.wixapis.com/oauth2/token-info'])
    })
  })
})
