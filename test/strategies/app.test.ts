import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { fromAuthorization, fromHeader, refusalOf, Strategy, WixAppStrategy, WixAuthError } from '../../lib/index.ts'
import { instance, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { errorOf } from '../support/errors.ts'
import { optionsTable } from '../support/options-table.ts'
import { request, run, runToEnd, settled, start } from '../support/run.ts'
import { verifyInstance } from '../support/verify.ts'

const user = { id: 'user' }
const found = (_identity: object): object => user
const strategy = (options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, found)
const asked = (overrides: object = {}): object => request({ instance: instance({ ...overrides }) })

describe('WixAppStrategy', () => {
  watchForSecrets()
  it('has the name wix-app, and is exported as Strategy too', () => {
    expect(strategy().name).to.equal('wix-app')
    expect(Strategy).to.equal(WixAppStrategy)
  })

  it('may have another name, to register one for each app of a backend', () => {
    expect(strategy({ name: 'wix-app-two' }).name).to.equal('wix-app-two')
  })

  it('signs in with the user that verify found, and has the identity in the info', async () => {
    const outcome = await run(strategy(), asked())
    expect(outcome).to.have.property('kind', 'success')
    expect(outcome).to.have.property('user', user)
    expect(outcome).to.have.nested.include({
      'info.identity.instanceId': 'instance-1',
      'info.identity.subjectType': 'USER',
    })
  })

  it('I-06: must not have a secret in quotes, as some loaders of environment files leave them', () => {
    for (const quoted of [`"${SECRET}"`, `'${SECRET}'`, '"-----BEGIN PUBLIC KEY-----\nx"'])
      expect(() => strategy({ secret: quoted })).to.throw(TypeError, 'got one in quotes')
  })

  it('I-06: must not have the app ID as its secret, early, late, or from a function, in any case', async () => {
    const appId = 'App-ID-one'
    const message = 'WixAppStrategy: option `secret` must be the app secret, got the app ID'
    expect(() => strategy({ secret: appId, appId })).to.throw(TypeError, message)
    expect(() => strategy({ secret: [SECRET, appId.toUpperCase()], appId })).to.throw(TypeError, message)
    expect(await errorOf(verifyInstance(instance(), { secret: appId, appId }))).to.be.instanceOf(TypeError)
    for (const secret of [appId, () => appId]) {
      const outcome = await run(strategy({ appId }), request({ instance: instance() }), { secret })
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.nested.property('error.message').that.includes(message)
    }
    const forged = request({ instance: instance({ appDefId: appId }, appId) })
    for (const secret of [appId, [SECRET, appId.toUpperCase()], () => appId, async () => [SECRET, appId]])
      for (const options of [{ appId: () => appId }, { appId: async () => appId }]) {
        const outcome = await run(strategy({ ...options, secret }), forged)
        expect(outcome).to.have.property('kind', 'error')
        expect(outcome).to.have.nested.property('error.message').that.includes(message)
      }
    const genuine = await run(
      strategy({ appId: () => 'app-1', secret: () => SECRET }),
      request({ instance: instance() }),
    )
    expect(genuine).to.have.property('kind', 'success')
  })

  describe('reads', () => {
    const genuine = instance()

    it('the query parameter instance', async () => {
      expect(await run(strategy(), request({ instance: genuine }))).to.have.property('kind', 'success')
    })

    it('an Authorization header that holds nothing but an instance', async () => {
      expect(await run(strategy(), request({}, { authorization: genuine }))).to.have.property('kind', 'success')
    })

    it('an Authorization header that holds an instance after Bearer', async () => {
      for (const scheme of ['Bearer', 'bearer', 'BEARER'])
        expect(await run(strategy(), request({}, { authorization: `${scheme} ${genuine}` }))).to.have.property(
          'kind',
          'success',
        )
    })

    const others = [
      'Bearer a.b',
      `Bearer ${genuine.slice(1)}`,
      `Bearer ${genuine}.x`,
      `Basic ${genuine}`,
      `${genuine}.x`,
      'OauthNG.JWS.eyJ.eyJ.x',
      'Basic dXNlcjpwYXNz',
      'no-dot',
      'a.b c',
    ]
    it('not an Authorization header of another scheme or form', async () => {
      for (const authorization of others) {
        expect(await run(strategy(), request({}, { authorization })), authorization).to.deep.include({
          kind: 'fail',
          challenge: {
            message: 'No Wix credential in the request: open the page from Wix',
            code: 'credentials_missing',
          },
          status: 401,
        })
        const both = request({ instance: genuine }, { authorization })
        expect(await run(strategy(), both), authorization).to.have.property('kind', 'success')
      }
    })

    it('not both at once', async () => {
      expect(await run(strategy(), request({ instance: genuine }, { authorization: genuine }))).to.deep.equal({
        kind: 'fail',
        challenge: {
          message: 'The Wix credential must be sent once, in one place, as a string',
          code: 'request_invalid',
        },
        status: 400,
      })
    })

    it('I-01: nothing but a string', async () => {
      for (const value of [[genuine], [genuine, genuine], {}, { a: genuine }, 7, 0, true, false]) {
        expect(await run(strategy(), request({ instance: value }))).to.deep.include({ kind: 'fail', status: 400 })
        expect(await run(strategy(), request({}, { authorization: value }))).to.deep.include({
          kind: 'fail',
          status: 400,
        })
      }
    })

    it('I-01: nothing where there is none', async () => {
      const none = [
        undefined,
        null,
        'a string',
        7,
        {},
        { query: null },
        { query: 7, headers: 'x' },
        { query: {}, headers: {} },
      ]
      for (const req of [
        ...none,
        request({ instance: '' }),
        request({ instance: null }),
        request({}, { authorization: '' }),
      ]) {
        expect(await run(strategy(), req)).to.nested.include({
          kind: 'fail',
          'challenge.code': 'credentials_missing',
          status: 401,
        })
      }
    })

    it('P-11: nothing that the query or the headers inherit', async () => {
      const inherits = Object.create({ instance: genuine, authorization: genuine }) as object
      expect(await run(strategy(), request(inherits, inherits))).to.nested.include({
        'challenge.code': 'credentials_missing',
      })
    })

    it('another place, with instanceFromRequest', async () => {
      const signed = strategy({ instanceFromRequest: fromHeader('X-Wix-Instance') })
      expect(await run(signed, request({}, { 'x-wix-instance': genuine }))).to.have.property('kind', 'success')
      const bearer = strategy({ instanceFromRequest: fromAuthorization('Bearer') })
      expect(await run(bearer, request({}, { authorization: `bearer  ${genuine}` }))).to.have.property(
        'kind',
        'success',
      )
      expect(await run(bearer, asked())).to.nested.include({ 'challenge.code': 'credentials_missing' })
    })

    it('P-10: from a reader of the app, also from a promise, by the same rule', async () => {
      const reading = (value: unknown): WixAppStrategy => strategy({ instanceFromRequest: () => value })
      expect(await run(reading(Promise.resolve(genuine)), {})).to.have.property('kind', 'success')
      expect(await run(reading(Promise.resolve([genuine])), {})).to.include({ kind: 'fail', status: 400 })
      expect(await run(reading([genuine]), {})).to.include({ kind: 'fail', status: 400 })
      expect(await run(reading(null), {})).to.nested.include({ 'challenge.code': 'credentials_missing' })
    })

    it('and tells the developer where it looked, which it does not know of a reader of the app', async () => {
      for (const [options, hint] of [
        [{}, 'nothing in the query or the Authorization header'],
        [{ instanceFromRequest: () => null }, 'your reader found nothing'],
      ] as const) {
        const req = request()
        await run(strategy(options), req)
        expect(refusalOf(req)).to.have.property('hint', hint)
      }
    })

    it('what a reader throws as an error, unless it is a refusal', async () => {
      const throwing = (error: unknown): WixAppStrategy =>
        strategy({
          instanceFromRequest: () => {
            throw error
          },
        })
      const broken = new Error('broken')
      expect(await run(throwing(broken), {})).to.deep.equal({ kind: 'error', error: broken })
      expect(await run(throwing(new WixAuthError('request_invalid')), {})).to.include({ kind: 'fail', status: 400 })
    })
  })

  describe('the secret', () => {
    it('I-08: may come late, and then replaces the one of the constructor', async () => {
      const other = request({ instance: instance({}, OTHER_SECRET) })
      expect(await run(strategy(), other, { secret: OTHER_SECRET })).to.have.property('kind', 'success')
      expect(await run(strategy(), asked(), { secret: OTHER_SECRET })).to.nested.include({
        'challenge.code': 'signature_invalid',
      })
      const late = new WixAppStrategy({ now }, found)
      expect(await run(late, asked(), { secret: SECRET })).to.have.property('kind', 'success')
    })

    it('I-07: may be an array, in the constructor and late', async () => {
      const secret = [OTHER_SECRET, SECRET]
      expect(await run(strategy({ secret }), asked())).to.have.property('kind', 'success')
      expect(await run(strategy(), asked(), { secret })).to.have.property('kind', 'success')
    })

    it('may be a function of the request, also async, in the constructor and late', async () => {
      const req = asked()
      for (const answer of [SECRET, [OTHER_SECRET, SECRET], Promise.resolve(SECRET), Promise.resolve([SECRET])]) {
        const secret = sinon.fake.returns(answer)
        expect(await run(strategy({ secret }), req)).to.have.property('kind', 'success')
        expect(await run(strategy({ secret: OTHER_SECRET }), req, { secret })).to.have.property('kind', 'success')
        sinon.assert.alwaysCalledWithExactly(secret, req)
      }
    })

    it('is not asked for when there is no instance, or nothing of the form of one', async () => {
      const secret = sinon.fake()
      for (const value of [undefined, 'x', 'a.b', 'x'.repeat(8200), 'x'.repeat(43), `${'x'.repeat(42)}A.`])
        await run(strategy({ secret }), request({ instance: value }))
      sinon.assert.notCalled(secret)
    })

    it('may reject an unknown app, by throwing a WixAuthError', async () => {
      const secret = async (): Promise<string> => {
        throw new WixAuthError('claim_invalid')
      }
      expect(await run(strategy({ secret }), asked())).to.nested.include({
        'challenge.code': 'claim_invalid',
        status: 401,
      })
    })

    it('is waited for five seconds, where it is a function, and not for ever: 503', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        for (const option of ['secret', 'appId']) {
          const pending = runToEnd(strategy({ [option]: () => new Promise(() => {}) }), asked())
          await settled()
          await clock.tickAsync(5000)
          const outcome = await pending
          expect(outcome)
            .to.have.nested.property('error.message')
            .that.equals(`WixAppStrategy: the function \`${option}\` took more than 5 s`)
          expect(outcome).to.have.nested.property('error.status', 503)
        }
      } finally {
        clock.restore()
      }
    })

    it('may come with an appId that is a function of the request', async () => {
      const appId = sinon.fake(({ query }: { query: { app: string } }) => Promise.resolve(query.app))
      const byRequest = strategy({ appId })
      const genuine = instance()
      expect(await run(byRequest, request({ instance: genuine, app: 'app-1' }))).to.have.property('kind', 'success')
      expect(await run(byRequest, request({ instance: genuine, app: 'app-2' }))).to.nested.include({
        'challenge.code': 'claim_invalid',
      })
      for (const app of [undefined, '', 'undefined']) {
        const outcome = await run(byRequest, request({ instance: genuine, app }))
        expect(outcome).to.have.nested.property('error.message').that.includes('option `appId` must be')
      }
      sinon.assert.callCount(appId, 5)
    })

    // All that it must not be is in internal/keys.test.ts.
    it('I-06: must not be anything but app secrets, in the constructor or late', async () => {
      for (const secret of [undefined, '', [], [SECRET, ''], 7, `${SECRET}\n`, 'undefined', '[object Object]']) {
        const message = 'WixAppStrategy: option `secret` must be the app secret, got '
        expect(() => strategy({ secret }), inspect(secret)).to.throw(TypeError, message)
        for (const late of [{ secret }, { secret: () => secret }, { secret: async () => secret }]) {
          const outcome = await run(strategy(), asked(), late)
          expect(outcome, inspect(secret)).to.have.property('kind', 'error')
          expect(outcome, inspect(secret))
            .to.have.property('error')
            .that.is.instanceOf(TypeError)
            .with.property('message')
            .that.includes(message)
        }
      }
    })

    it('I-06: may be a string that looks like a part of a key', async () => {
      for (const secret of ['MIIB-short', 'a{b', 'x-----BEGIN', 'two words']) {
        const signed = request({ instance: instance({}, secret) })
        expect(await run(strategy({ secret }), signed)).to.have.property('kind', 'success')
      }
    })

    it('I-08: that is missing everywhere is an error, never a refusal', async () => {
      const outcome = await run(new WixAppStrategy(found), asked())
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome)
        .to.have.nested.property('error.message')
        .that.includes('option `secret` must be the app secret, got undefined')
    })

    it('I-08: that is wrong or missing is an error also for a request without an instance', async () => {
      expect(await run(new WixAppStrategy(found), request())).to.have.property('kind', 'error')
      expect(await run(strategy(), request(), { secret: undefined })).to.have.property('kind', 'error')
    })

    it('P-11: is not taken from Object.prototype', async () => {
      Object.assign(Object.prototype, { secret: OTHER_SECRET })
      try {
        const other = request({ instance: instance({}, OTHER_SECRET) })
        expect(await run(strategy(), other, {})).to.nested.include({ 'challenge.code': 'signature_invalid' })
        expect(await run(new WixAppStrategy({ now }, found), other, {})).to.have.property('kind', 'error')
      } finally {
        Reflect.deleteProperty(Object.prototype, 'secret')
      }
    })

    it('I-06: is in no error of the strategy', async () => {
      const secret = 'canary-91b2\n'
      const outcome = await run(strategy(), asked(), { secret })
      expect(inspect(outcome, { depth: 9 })).to.not.include('canary-91b2')
    })
  })

  describe('a refusal', () => {
    const messages: Array<[string, object, number, string, string]> = [
      ['nothing', request(), 401, 'credentials_missing', 'No Wix credential in the request: open the page from Wix'],
      [
        'a malformed instance',
        request({ instance: 'x' }),
        401,
        'token_malformed',
        'This is not a complete Wix credential: send it exactly as Wix issued it',
      ],
      [
        'a forged instance',
        request({ instance: instance({}, OTHER_SECRET) }),
        401,
        'signature_invalid',
        'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)',
      ],
      [
        'an instance of another app',
        asked({ appDefId: 'app-2' }),
        401,
        'claim_invalid',
        'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)',
      ],
      [
        'an old instance',
        asked({ signDate: '2015-12-10T06:57:37.201Z' }),
        401,
        'token_expired',
        'This Wix credential has expired: reload the page to get a new one',
      ],
    ]
    for (const [name, req, status, code, message] of messages) {
      it(`E-02: of ${name} has one outward message, and a code for developers`, async () => {
        expect(await run(strategy({ appId: 'app-1' }), req)).to.deep.equal({
          kind: 'fail',
          challenge: { message, code },
          status,
        })
      })

      it(`of ${name} ${code === 'credentials_missing' ? 'says badRequestMessage instead, and keeps the code' : 'does not say badRequestMessage'}`, async () => {
        const outcome = await run(strategy({ appId: 'app-1' }), req, { badRequestMessage: 'Please sign in' })
        const said = code === 'credentials_missing' ? 'Please sign in' : message
        expect(outcome).to.deep.equal({ kind: 'fail', challenge: { message: said, code }, status })
      })
    }

    it('E-03: holds nothing of the input', async () => {
      const canary = 'canary-\r\n\u001b[31m<script>'
      for (const value of [canary, instance({ canary }, canary), [canary], { canary }]) {
        const outcome = await run(strategy(), request({ instance: value }, { authorization: canary }))
        expect(JSON.stringify(outcome)).to.match(/^[\x20-\x7e]+$/)
        expect(JSON.stringify(outcome)).to.not.include('canary')
      }
    })
  })

  describe('P-10: options', () => {
    const wrong: Array<[object, string | RegExp]> = [
      [{ signDateThreshold: 5000 }, 'WixAppStrategy: unknown option `signDateThreshold`; use `maxAge`, in seconds'],
      [
        { secrets: [SECRET] },
        'WixAppStrategy: unknown option `secrets`; known options are name, passReqToCallback, verifyTimeout, ',
      ],
      [{ passReqToCallback: 'yes' }, 'WixAppStrategy: option `passReqToCallback` must be true or false'],
      [{ passReqToCallback: undefined }, 'option `passReqToCallback` must be true or false, got undefined'],
      [
        { name: '' },
        'WixAppStrategy: option `name` must be a non-empty string without leading or trailing whitespace, got an empty string',
      ],
      [{ instanceFromRequest: 'query' }, 'WixAppStrategy: option `instanceFromRequest` must be a function'],
      [{ verifyTimeout: 0 }, 'WixAppStrategy: option `verifyTimeout` must be a number of seconds above 0, at most 300'],
      [{ verifyTimeout: 300.001 }, 'option `verifyTimeout`'],
      [{ verifyTimeout: '5' }, /option `verifyTimeout` must be .* at most 300, got a string$/],
      [{ verifyTimeout: 5000 }, 'option `verifyTimeout`'],
      [{ verifyTimeout: Infinity }, 'option `verifyTimeout`'],
      [{ maxAge: -5 }, 'WixAppStrategy: option `maxAge`'],
      [{ now: 5 }, 'WixAppStrategy: option `now`'],
    ]
    optionsTable({ WixAppStrategy: strategy }, wrong)

    it('may be at the limits', () => {
      expect(strategy({ verifyTimeout: 300 }).name).to.equal('wix-app')
    })

    it('must be an object, when there are any', () => {
      for (const options of [undefined, null, 'secret', 7, []]) {
        expect(() => new WixAppStrategy(options as never, found)).to.throw(
          TypeError,
          'WixAppStrategy: the options must be',
        )
      }
    })

    it('come before verify', () => {
      expect(() => new WixAppStrategy(found as never, { secret: SECRET } as never)).to.throw(
        TypeError,
        'WixAppStrategy: the options come first, and verify last: new WixAppStrategy({ secret }, verify)',
      )
    })

    it('need a verify callback beside them', () => {
      for (const verify of [undefined, null, {}, 'verify']) {
        expect(() => new WixAppStrategy({ secret: SECRET }, verify as never)).to.throw(
          TypeError,
          'WixAppStrategy needs a verify callback',
        )
      }
    })

    it('are copied: later changes of the object have no effect', async () => {
      const options = { secret: SECRET, now, maxAge: 600 }
      const fixed = new WixAppStrategy(options, found)
      Object.assign(options, { secret: OTHER_SECRET, maxAge: 1 })
      expect(await run(fixed, asked())).to.have.property('kind', 'success')
    })
  })

  it('decides later than in the same tick, always', async () => {
    const byDone = new WixAppStrategy({ secret: SECRET, now }, (_instance, done) => done(null, user))
    for (const [each, req, kind] of [
      [byDone, asked(), 'success'],
      [strategy(), asked(), 'success'],
      [strategy(), request(), 'fail'],
      [new WixAppStrategy({ now }, found), request(), 'error'],
    ] as const) {
      const outcomes = start(each, req)
      expect(outcomes).to.deep.equal([])
      await settled()
      expect(outcomes.map((outcome) => outcome.kind)).to.deep.equal([kind])
    }
  })
})
