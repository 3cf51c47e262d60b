import { expect } from 'chai'
import {
  accessTokenVerifier,
  digestVerifier,
  instanceVerifier,
  memoryStore,
  servicePluginVerifier,
  sessionVerifier,
  webhookVerifier,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { accessToken, answering, clockAt, info } from '../support/access-token.ts'
import { instance, NOW, now, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, BODY, digest, KEYS, refusalOf, SECONDS, servicePlugin, webhook } from '../support/jwt.ts'
import { KeySetServer } from '../support/key-set-server.ts'
import { request, runToEnd } from '../support/run.ts'
import { AUDIENCE, bearer, ISSUER, rawSession, sessionTokens } from '../support/session.ts'
import { verifyWebhook } from '../support/verify.ts'

/** Names that the LRU library, jose and fetch read from their options, with values that would weaken them. */
const POLLUTION = {
  allowStale: true,
  updateAgeOnGet: true,
  noDeleteOnStaleGet: true,
  ttl: 0,
  start: 9e15,
  size: 1,
  noUpdateTTL: true,
  identity: '{"identityType":"WIX_USER","wixUserId":"polluted"}',
  algorithms: ['none', 'HS256'],
  maxTokenAge: '10 years',
  subject: 'polluted',
  method: 'DELETE',
  redirect: 'follow',
  maxAge: false,
}

describe('P-11: with a polluted Object.prototype', () => {
  watchForSecrets()
  beforeEach(() => void Object.assign(Object.prototype, POLLUTION))
  afterEach(() => {
    for (const name of Object.keys(POLLUTION)) Reflect.deleteProperty(Object.prototype, name)
  })
  const found = (_identity: object): object => ({})

  it('a revoked access token is rejected after 60 seconds, as ever', async () => {
    const clock = clockAt(NOW)
    let active = true
    const fetch = async (url: string, init: RequestInit) => answering(info({ active }))(url, init)
    const strategy = new WixAccessTokenStrategy({ appId: APP_ID, now: clock.now, fetch }, found)
    const req = request({}, { authorization: accessToken() })
    expect(await runToEnd(strategy, req)).to.have.property('kind', 'success')
    active = false
    clock.add(59_000)
    expect(await runToEnd(strategy, req)).to.have.property('kind', 'success')
    clock.add(2000)
    expect(await runToEnd(strategy, req)).to.have.property('kind', 'fail')
  })

  it('a call of Wix keeps its method, and follows no redirect', async () => {
    const fetch = answering()
    const strategy = new WixAccessTokenStrategy({ appId: APP_ID, now, fetch }, found)
    await runToEnd(strategy, request({}, { authorization: accessToken() }))
    expect(fetch.firstCall.args[1]).to.include({ method: 'POST', redirect: 'manual' })
    expect(Object.getPrototypeOf(fetch.firstCall.args[1])).to.equal(null)
  })

  it('a key set is read with GET, and with no header of its own', async () => {
    const keySetServer = new KeySetServer(() => sessionTokens().jwks())
    await keySetServer.open()
    Object.assign(Object.prototype, { headers: { 'x-polluted': '1' } })
    try {
      const verify = sessionVerifier({ jwksUri: keySetServer.url, issuer: ISSUER, audience: AUDIENCE, now })
      expect(await verify(rawSession())).to.have.property('instanceId', 'instance-1')
      expect(keySetServer.reads.map(({ method, headers }) => [method, headers['x-polluted']])).to.deep.equal([
        ['GET', undefined],
      ])
    } finally {
      Reflect.deleteProperty(Object.prototype, 'headers')
      await keySetServer.close()
    }
  })

  it('a delivery is free again when its lease has expired, and known until its ttl', () => {
    let time = 1
    const store = memoryStore({ now: () => time })
    expect([store.begin('a', 5), store.begin('a', 5)]).to.deep.equal(['new', 'busy'])
    time += 5001
    expect(store.begin('a', 5)).to.equal('new')
    store.finish('a', 5)
    time += 4000
    expect(store.begin('a', 5)).to.equal('done')
    time += 1001
    expect(store.begin('a', 5)).to.equal('new')
  })

  it('an instance and a webhook are accepted and rejected as ever', async () => {
    const app = new WixAppStrategy({ secret: SECRET, now }, found)
    expect(await runToEnd(app, request({ instance: instance() }))).to.have.property('kind', 'success')
    expect(await runToEnd(app, request({ instance: instance({}, 'polluted') }))).to.have.property('kind', 'fail')
    expect(await runToEnd(app, request())).to.have.nested.property('challenge.code', 'credentials_missing')
    const [byVisitor, bySystem] = [webhook(), webhook({ identity: undefined })]
    const options = { publicKey: KEYS.publicKey, now }
    expect(await verifyWebhook(byVisitor, options)).to.include({ subjectType: 'VISITOR' })
    expect(await verifyWebhook(bySystem, options)).to.include({ subjectType: 'UNKNOWN', subjectId: null })
  })

  it('a request has no body, no response and no user of its own', async () => {
    const captured = webhook()
    const pollution = {
      rawBody: captured,
      body: captured,
      res: { writableEnded: true },
      authInfo: {},
      typ: 'wix-session+jwt',
    }
    const untyped = rawSession({ typ: undefined })
    Object.assign(Object.prototype, pollution)
    try {
      const strategy = new WixWebhookStrategy({ publicKey: KEYS.publicKey, now })
      expect(await runToEnd(strategy, request())).to.have.nested.property('challenge.code', 'credentials_missing')
      const session = new WixSessionStrategy({ tokens: sessionTokens() })
      expect(await runToEnd(session, bearer(untyped))).to.have.property('kind', 'fail')
    } finally {
      for (const name of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, name)
    }
  })
})

/** What would let an old credential in. The clock of this machine is later than that of the credentials. */
const LENIENT: Record<string, object> = {
  maxAge: { maxAge: false },
  clockTolerance: { clockTolerance: 1e9 },
  now: { now },
}

for (const [name, inherited] of Object.entries(LENIENT))
  describe(`P-11: with \`${name}\` on Object.prototype`, () => {
    const keySetServer = new KeySetServer(() => sessionTokens().jwks())
    before(() => keySetServer.open())
    after(() => keySetServer.close())
    beforeEach(() => void Object.assign(Object.prototype, inherited))
    afterEach(() => void Reflect.deleteProperty(Object.prototype, name))

    const found = (_identity: object): object => ({})
    const inBody = (body: string | Buffer, headers: object = {}): object => ({ body, headers })
    const [exp, publicKey] = [SECONDS + 60, KEYS.publicKey]
    const claims = { iat: SECONDS - 60, exp }
    const expired = {
      instance: instance({ expirationDate: null }),
      token: accessToken(),
      webhook: webhook({}, claims),
      plugin: servicePlugin({}, claims),
      digest: digest(BODY, claims),
      session: rawSession(),
    }
    const token = () => ({ appId: APP_ID, fetch: answering(info({ exp })) })
    const session = () => ({ jwksUri: keySetServer.url, issuer: ISSUER, audience: AUDIENCE })

    it('every verifier refuses a credential that has expired', async () => {
      expect(await refusalOf(instanceVerifier({ secret: SECRET })(expired.instance))).to.equal('token_expired')
      expect(await refusalOf(accessTokenVerifier(token())(expired.token))).to.equal('token_expired')
      expect(await refusalOf(webhookVerifier({ publicKey })(expired.webhook))).to.equal('token_expired')
      const plugin = servicePluginVerifier({ publicKey, appId: APP_ID })
      expect(await refusalOf(plugin(expired.plugin))).to.equal('token_expired')
      expect(await refusalOf(digestVerifier({ publicKey })(expired.digest, BODY))).to.equal('token_expired')
      expect(await refusalOf(sessionVerifier(session())(expired.session))).to.equal('token_expired')
      const tokens = sessionTokens({ now: () => Date.now() })
      expect(await refusalOf(tokens.verify(expired.session))).to.equal('token_expired')
    })

    it('and every strategy', async () => {
      const tells = { kind: 'fail', challenge: { code: 'token_expired' } }
      const signed = { publicKey, appId: APP_ID }
      expect(
        await runToEnd(new WixAppStrategy({ secret: SECRET }, found), request({ instance: expired.instance })),
      ).to.containSubset(tells)
      expect(await runToEnd(new WixWebhookStrategy({ publicKey }), inBody(expired.webhook))).to.containSubset(tells)
      expect(await runToEnd(new WixServicePluginStrategy(signed), inBody(expired.plugin))).to.containSubset(tells)
      expect(
        await runToEnd(new WixDigestStrategy({ publicKey }), inBody(BODY, { digest: expired.digest })),
      ).to.containSubset(tells)
      for (const [strategy, credential] of [
        [new WixAccessTokenStrategy(token(), found), expired.token],
        [new WixSessionStrategy(session()), expired.session],
      ] as const) {
        const outcome = await runToEnd(strategy, bearer(credential))
        expect(outcome).to.have.property('kind', 'fail')
        expect(outcome).to.have.property('challenge').that.includes('This Wix credential has expired')
      }
    })
  })
