import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { refusalOf, type Verify, WixAppStrategy, WixAuthError, type WixStrategyOptions } from '../lib/index.ts'
import { wasAccepted } from '../lib/errors.ts'
import { callback } from '../lib/internal/options.ts'
import { IdentityStrategy, type StrategyDefinition, WixStrategy } from '../lib/strategy.ts'
import { instance, now, SECRET } from './support/build.ts'
import { watchForSecrets } from './support/canaries.ts'
import { EXPIRED, INVALID, MISSING } from './support/challenges.ts'
import { optionsTable } from './support/options-table.ts'
import { request, run, settled, start } from './support/run.ts'

const user = { id: 'user' }
const req = request({ instance: instance() })
const strategy = (verify: unknown, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify as Verify<unknown>)

type Credential = { from: unknown }
type Identity = { instanceId: string }
interface Options extends WixStrategyOptions {
  read: (req: unknown, routeOptions: object) => Credential | Promise<Credential>
  verify: (credential: Credential) => Identity | Promise<Identity>
}

/** A kind whose reader and verifier are options. */
const definition: StrategyDefinition<Identity, Options, unknown> = {
  caller: 'OwnStrategy',
  name: 'own',
  options: { read: callback, verify: callback },
  prepare:
    (_caller, { read, verify }) =>
    async (req, routeOptions) =>
      verify(await read(req, routeOptions)),
}
class OwnStrategy extends WixStrategy<Identity, Options, unknown> {
  protected override _definition(): typeof definition {
    return definition
  }
}
class OwnBearerStrategy extends OwnStrategy {
  protected override _definition(): typeof definition {
    return { ...definition, isBearer: true }
  }
}
class OwnIdentityStrategy extends IdentityStrategy<Identity, Options, unknown> {
  protected override _definition(): typeof definition {
    return definition
  }
}

const identity = { instanceId: 'instance-1' }
const options: Options = { read: (from) => ({ from }), verify: () => identity }
const found = async (): Promise<object> => user

describe('a kind of strategy', () => {
  watchForSecrets()
  it('reads the credential of the request, verifies it, and calls the verify callback with the identity', async () => {
    const read = sinon.fake(options.read)
    const check = sinon.fake(options.verify)
    const verify = sinon.fake.resolves(user)
    const own = new OwnStrategy({ read, verify: check }, verify)
    expect(own.name).to.equal('own')
    expect(await run(own, 'request', { a: 1 })).to.deep.equal({ kind: 'success', user, info: { identity } })
    sinon.assert.calledOnceWithExactly(read, 'request', { a: 1 })
    sinon.assert.calledOnceWithExactly(check, { from: 'request' })
    sinon.assert.calledOnceWithExactly(verify, identity, sinon.match.func)
  })

  it('may read and verify later', async () => {
    const later: Options = { read: async (from) => ({ from }), verify: async () => identity }
    expect(await run(new OwnStrategy(later, found), {})).to.deep.equal({ kind: 'success', user, info: { identity } })
  })

  it('never decides in the same tick, so that there is one order of events for every kind', async () => {
    const outcomes = start(new OwnStrategy(options, found), {})
    expect(outcomes).to.deep.equal([])
    await settled()
    expect(outcomes).to.have.nested.property('[0].kind', 'success')
  })

  const broken = new Error('broken')
  const forms: Array<[string, (reason: unknown) => Partial<Options>]> = [
    ['the reader throws', (reason) => ({ read: sinon.fake.throws(reason as Error) })],
    ['the reader rejects', (reason) => ({ read: () => Promise.reject(reason) })],
    ['the verifier throws', (reason) => ({ verify: sinon.fake.throws(reason as Error) })],
    ['the verifier rejects', (reason) => ({ verify: () => Promise.reject(reason) })],
  ]
  for (const [name, failing] of forms) {
    const endOf = (reason: unknown, authenticateOptions?: object) =>
      run(new OwnStrategy({ ...options, ...failing(reason) }, found), {}, authenticateOptions)

    it(`P-01: rejects the request with its code when ${name} with a WixAuthError`, async () => {
      const reason = new WixAuthError('insufficient_scope')
      expect(await endOf(reason)).to.deep.equal({
        kind: 'fail',
        challenge: { message: 'This Wix identity may not do this', code: 'insufficient_scope' },
        status: 403,
      })
      expect(await endOf(reason, { badRequestMessage: 'No' })).to.deep.equal({
        kind: 'fail',
        challenge: { message: 'This Wix identity may not do this', code: 'insufficient_scope' },
        status: 403,
      })
    })

    it(`has the message of the route, in place of ours, for a missing credential alone, when ${name}`, async () => {
      const answer = await endOf(new WixAuthError('credentials_missing'), { badRequestMessage: 'Please sign in' })
      expect(answer).to.have.deep.property('challenge', { message: 'Please sign in', code: 'credentials_missing' })
    })

    it(`P-08: has a Bearer challenge of the code for a 401 of a Bearer token, and no other, when ${name}`, async () => {
      const challengeOf = async (reason: WixAuthError): Promise<unknown> => {
        const outcome = await run(new OwnBearerStrategy({ ...options, ...failing(reason) }, found), {})
        expect(outcome).to.include({ kind: 'fail', status: reason.status })
        return (outcome as { challenge?: unknown }).challenge
      }
      expect(await challengeOf(new WixAuthError('credentials_missing'))).to.equal(MISSING)
      expect(await challengeOf(new WixAuthError('token_inactive'))).to.equal(INVALID)
      expect(await challengeOf(new WixAuthError('token_expired', 'in other words'))).to.equal(EXPIRED)
      expect(await challengeOf(new WixAuthError('request_invalid'))).to.include({ code: 'request_invalid' })
    })

    it(`P-04: ends in an Error when ${name} with anything else`, async () => {
      expect(await endOf(broken)).to.deep.equal({ kind: 'error', error: broken })
      if (!name.endsWith('rejects')) return
      for (const reason of [undefined, null, '', 'route']) {
        expect(await endOf(reason))
          .to.have.property('error')
          .that.is.instanceOf(Error)
          .with.property('cause', reason)
      }
    })
  }

  it('P-08: has the Bearer challenge of an invalid token when the verify callback finds no user', async () => {
    expect(await run(new OwnBearerStrategy(options, async () => null), {})).to.have.property('challenge', INVALID)
    expect(await run(new OwnStrategy(options, async () => null), {})).to.have.property('challenge', undefined)
  })

  it('needs a verify callback, unless it may take the identity as the user', async () => {
    expect(() => new OwnStrategy(options, undefined as never)).to.throw(
      TypeError,
      /^OwnStrategy needs a verify callback as its last argument: \(identity, done\) => \.\.\.$/,
    )
    const outcome = await run(new OwnIdentityStrategy(options), {})
    expect(outcome).to.deep.equal({ kind: 'success', user: identity, info: { identity } })
  })

  describe('P-10: its options', () => {
    const make = (given: object): OwnStrategy => new OwnStrategy({ ...options, ...given }, found)
    optionsTable({ OwnStrategy: make }, [
      [{ read: 'canary' }, 'option `read` must be a function'],
      [{ name: 7 }, 'option `name` must be a non-empty string'],
      [{ passReqToCallback: 1 }, 'option `passReqToCallback` must be true or false'],
      [{ verifyTimeout: '1' }, 'option `verifyTimeout` must be a number of seconds above 0, at most 300'],
      [
        { other: 'canary' },
        'unknown option `other`; known options are name, passReqToCallback, verifyTimeout, read, verify',
      ],
    ])
  })
})

describe('every strategy', () => {
  it('calls verify with the identity and done', async () => {
    const verify = sinon.fake((_identity: object, done: (error: null, user: object) => void) => done(null, user))
    await run(strategy(verify), req)
    sinon.assert.calledOnceWithExactly(verify, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
  })

  it('calls verify with the request first, with passReqToCallback', async () => {
    const verify = sinon.fake((_req: object, _identity: object, done: (error: null, user: object) => void) =>
      done(null, user),
    )
    await run(strategy(verify, { passReqToCallback: true }), req)
    sinon.assert.calledOnceWithExactly(verify, req, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
  })

  type Done = (...args: unknown[]) => void

  it('P-09: never calls pass() or redirect(), and asks for a Passport without session fixation', async () => {
    const actions = { success: sinon.fake(), fail: sinon.fake(), error: sinon.fake(), pass: sinon.fake() }
    const redirect = sinon.fake()
    for (const verify of [() => Promise.resolve(user), async () => null, () => Promise.reject(new Error('down'))])
      for (const asked of [req, request(), request({ instance: 'forged' })]) {
        const one = Object.assign(Object.create(strategy(verify)) as WixAppStrategy, actions, { redirect })
        one.authenticate(asked as never)
      }
    await settled()
    expect(Object.values(actions).map(({ callCount }) => callCount)).to.deep.equal([1, 7, 1, 0])
    sinon.assert.notCalled(redirect)

    const { peerDependencies } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      peerDependencies: Record<string, string>
    }
    expect(peerDependencies).to.deep.equal({ passport: '>=0.6.0' })
  })

  it('P-07: passes what an action throws to error once, and never to the verify callback', async () => {
    const verify = sinon.fake((_identity: object, done: Done) => done(null, user))
    const thrown = new Error('of a custom callback')
    const perRequest = Object.assign(Object.create(strategy(verify)) as WixAppStrategy, {
      success: sinon.fake.throws(thrown),
      fail: sinon.fake(),
      error: sinon.fake(),
    })
    perRequest.authenticate(req as never)
    await settled()
    sinon.assert.calledOnce(perRequest.success)
    sinon.assert.notCalled(perRequest.fail)
    sinon.assert.calledOnceWithExactly(perRequest.error, thrown)
    expect(verify.exceptions).to.deep.equal([undefined])
  })

  it('P-03: serves 1,000 pairs of overlapping requests through one shared object without a mix-up', async () => {
    const shared = strategy(
      (identity: { instanceId: string; delay: number }, done: Done) => {
        let left = identity.delay
        const wait = (): void => void (left-- > 0 ? setImmediate(wait) : done(null, { id: identity.instanceId }))
        wait()
      },
      { secret: async () => SECRET },
    )
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, index) => {
        const id = `instance-${index}`
        return new Promise<[string, unknown]>((resolve, reject) => {
          // Passport writes these onto the object itself when it is given the object instead of its name.
          Object.assign(shared, {
            success: (found: { id: string }) => resolve([id, found.id]),
            fail: reject,
            error: reject,
          })
          shared.authenticate(request({ instance: instance({ instanceId: id, delay: index % 2 ? 3 : 0 }) }) as never)
        })
      }),
    )
    expect(answers.filter(([asked, answered]) => asked !== answered)).to.deep.equal([])
  })
})

describe('P-12: a decision of a strategy', () => {
  const answered = (code: string): sinon.SinonSpy => sinon.fake.throws(Object.assign(new Error('answered'), { code }))
  let warning: sinon.SinonSpy
  beforeEach(() => {
    warning = sinon.replace(process, 'emitWarning', sinon.fake())
  })
  afterEach(() => sinon.restore())

  /** Ends a request of which `success` and `error` do this. */
  async function end(req: unknown, success: () => unknown, error: () => unknown): Promise<void> {
    const perRequest = Object.assign(Object.create(new OwnStrategy(options, found)) as OwnStrategy, { success, error })
    perRequest.authenticate(req)
    await settled()
  }

  it('ends where Node says that the response has been sent, over HTTP/1 and HTTP/2', async () => {
    for (const code of ['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP2_HEADERS_SENT']) {
      const [success, error] = [answered(code), sinon.fake()]
      await end({}, success, error)
      sinon.assert.calledOnce(success)
      sinon.assert.notCalled(error)
    }
    sinon.assert.notCalled(warning)
  })

  it('P-07: that throws goes to error, then to the next handler of Express, and never ends the process', async () => {
    for (const fails of [
      () => {
        throw new Error('of the app')
      },
      () => Promise.reject(new Error('of the app')),
    ]) {
      const error = sinon.fake()
      await end({}, fails, error)
      sinon.assert.calledOnce(error)
      expect(error.firstCall.args).to.have.nested.property('[0].message', 'of the app')

      const next = sinon.fake()
      await end({ next }, fails, fails)
      sinon.assert.calledOnce(next)
      expect(next.firstCall.args).to.have.nested.property('[0].message', 'of the app')
    }
    sinon.assert.notCalled(warning)
  })

  it('P-07: that throws where nobody is left to tell is a warning', async () => {
    const failing = sinon.fake.throws(new Error('of the app'))
    await end({}, failing, failing)
    const res = { writableEnded: false }
    const answers = (): never => {
      res.writableEnded = true
      throw new Error('after its answer')
    }
    const error = sinon.fake()
    await end({ res, next: error }, answers, error)
    sinon.assert.notCalled(error)
    expect(warning.args.map(([reason]) => (reason as Error).message)).to.deep.equal(['of the app', 'after its answer'])
  })

  it('P-01: is made for an error that throws when it is looked at', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const error: unknown = Object.setPrototypeOf(new Error('x'), proxy)
    const outcome = await run(strategy(found, { secret: () => Promise.reject(error) }), req)
    expect(outcome).to.have.property('kind', 'error')
  })

  it('P-01: is made for a request whose response cannot be read', async () => {
    const success = sinon.fake()
    await end(Object.defineProperty({}, 'res', { get: sinon.fake.throws('unreadable') }), success, sinon.fake())
    sinon.assert.calledOnce(success)
  })
})

describe('refusalOf', () => {
  watchForSecrets()
  const refused = (code: 'credentials_missing' | 'token_expired' | 'claim_invalid') => {
    const error = new WixAuthError(code)
    return { error, strategy: new OwnStrategy({ ...options, read: () => Promise.reject(error) }, found) }
  }

  it('is the refusal of a request, and nothing before one, or for a request that is no object', async () => {
    const { error, strategy } = refused('token_expired')
    const req = {}
    expect(refusalOf(req)).to.equal(undefined)
    await run(strategy, req)
    expect(refusalOf(req)).to.equal(error)
    for (const odd of ['request', null, undefined])
      expect(await run(strategy, odd)).to.have.nested.property('challenge.code', 'token_expired')
  })

  it('is in a chain the first that is not credentials_missing, else the first', async () => {
    const [missing, expired, invalid] = [
      refused('credentials_missing'),
      refused('token_expired'),
      refused('claim_invalid'),
    ]
    for (const [chain, telling] of [
      [[missing, refused('credentials_missing')], missing],
      [[missing, expired], expired],
      [[expired, missing], expired],
      [[expired, invalid], expired],
    ] as const) {
      const req = {}
      for (const { strategy } of chain) await run(strategy, req)
      expect(refusalOf(req)).to.equal(telling.error)
    }
  })

  it('is gone once a strategy of the chain has accepted the request', async () => {
    const req = {}
    await run(refused('token_expired').strategy, req)
    expect(wasAccepted(req)).to.equal(false)
    await run(new OwnStrategy(options, found), req)
    expect([refusalOf(req), wasAccepted(req)]).to.deep.equal([undefined, true])
  })

  it('has the info of the verify callback as its cause where that found no user, and its message where that is a string', async () => {
    const hint = 'the verify callback found no user'
    const { message } = new WixAuthError('claim_invalid')
    const refusalWith = async (info?: object): Promise<WixAuthError | undefined> => {
      const verify = (_identity: Identity, done: (error: null, user: false, info?: object) => void): void =>
        done(null, false, info)
      const req = {}
      await run(new OwnStrategy(options, verify), req)
      return refusalOf(req)
    }
    const info = { message: 'Your trial is over', plan: 'free' }
    const odd = { message: 7 }
    expect(await refusalWith(info)).to.include({ code: 'claim_invalid', message: info.message, hint, cause: info })
    expect(await refusalWith(odd)).to.include({ code: 'claim_invalid', message, hint, cause: odd })
    expect(await refusalWith())
      .to.include({ code: 'claim_invalid', message, hint })
      .and.not.have.property('cause')
  })

  it('is not an error of the app, which is no success either', async () => {
    const failing = new OwnStrategy(options, () => Promise.reject(new WixAuthError('claim_invalid')))
    const req = {}
    await run(failing, req)
    expect([refusalOf(req), wasAccepted(req)]).to.deep.equal([undefined, false])
    const { error, strategy } = refused('token_expired')
    await run(strategy, req)
    await run(failing, req)
    expect(refusalOf(req)).to.equal(error)
  })
})
