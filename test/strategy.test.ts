import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Verify, WixAppStrategy, WixAuthError, WixStrategy, type WixStrategyOptions } from '../lib/index.ts'
import { callback } from '../lib/internal/options.ts'
import type { Kind } from '../lib/strategy.ts'
import { instance, now, SECRET } from './support/build.ts'
import { EXPIRED, INVALID, MISSING } from './support/challenges.ts'
import { optionsTable } from './support/options-table.ts'
import { request, run, start } from './support/run.ts'

const user = { id: 'user' }
const req = request({ instance: instance() })
const strategy = (verify: unknown, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify as Verify<unknown>)

type Credential = { from: unknown }
type Identity = { instanceId: string }
interface Options extends WixStrategyOptions {
  read: (req: unknown, authenticateOptions: object) => Credential | Promise<Credential>
  verify: (credential: Credential) => Identity | Promise<Identity>
}

/** Options for a verify callback without the request. */
type Given = Options & { passReqToCallback?: false }

/** A kind whose reader and verifier are options. */
const kind: Kind<Credential, Identity, Options, unknown> = {
  owner: 'OwnStrategy',
  name: 'own',
  optionChecks: { read: callback, verify: callback },
  reader: (options) => options.read,
  check: (_owner, options) => options.verify,
}
class OwnStrategy extends WixStrategy<Credential, Identity, Options, unknown> {
  protected override _kind(): typeof kind {
    return kind
  }
}
class OwnBearerStrategy extends OwnStrategy {
  protected override _kind(): typeof kind {
    return { ...kind, isBearer: true }
  }
}

const identity = { instanceId: 'instance-1' }
const options: Given = { read: (from) => ({ from }), verify: () => identity }
const found = (): object => user

describe('a kind of strategy', () => {
  it('reads the credential of the request, verifies it, and calls the verify callback with the identity', async () => {
    const read = sinon.fake(options.read)
    const check = sinon.fake(options.verify)
    const verify = sinon.fake.returns(user)
    const own = new OwnStrategy({ read, verify: check }, verify)
    expect(own.name).to.equal('own')
    expect(await run(own, 'request', { a: 1 })).to.deep.equal({ kind: 'success', user, info: { identity } })
    sinon.assert.calledOnceWithExactly(read, 'request', { a: 1 })
    sinon.assert.calledOnceWithExactly(check, { from: 'request' })
    sinon.assert.calledOnceWithExactly(verify, identity, sinon.match.func)
  })

  it('may read and verify later', async () => {
    const later: Given = { read: async (from) => ({ from }), verify: async () => identity }
    expect(await run(new OwnStrategy(later, found), {})).to.deep.equal({ kind: 'success', user, info: { identity } })
  })

  it('decides in the same tick when there is nothing to wait for', () => {
    expect(start(new OwnStrategy(options, found), {})).to.have.nested.property('[0].kind', 'success')
  })

  const broken = new Error('broken')
  const forms: Array<[string, (reason: unknown) => Partial<Given>]> = [
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
        challenge: { message: 'No', code: 'insufficient_scope' },
        status: 403,
      })
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
    expect(await run(new OwnBearerStrategy(options, () => null), {})).to.have.property('challenge', INVALID)
    expect(await run(new OwnStrategy(options, () => null), {})).to.have.property('challenge', undefined)
  })

  describe('P-10: its options', () => {
    const make = (given: object): OwnStrategy => new OwnStrategy({ ...options, ...given }, found)
    optionsTable({ OwnStrategy: make }, [
      [{ read: 'canary' }, 'option `read` must be a function'],
      [{ name: 7 }, 'option `name` must be a non-empty string'],
      [{ passReqToCallback: 1 }, 'option `passReqToCallback` must be true or false'],
      [{ verifyTimeout: '1' }, 'option `verifyTimeout` must be a number of seconds above 0, at most 86400'],
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
    const source = await readFile(new URL('../lib/strategy.ts', import.meta.url), 'utf8')
    expect(source).to.not.match(/\b(pass|redirect)\(/)
    const { peerDependencies } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      peerDependencies: Record<string, string>
    }
    expect(peerDependencies).to.deep.equal({ passport: '>=0.6.0' })
  })

  it('P-07: does not catch what the rest of the route throws', () => {
    const verify = sinon.fake((_identity: object, done: Done) => done(null, user))
    const perRequest = Object.assign(Object.create(strategy(verify)) as WixAppStrategy, {
      success: sinon.fake.throws(new Error('of the route')),
      fail: sinon.fake(),
      error: sinon.fake(),
    })
    expect(() => perRequest.authenticate(req as never)).to.throw('of the route')
    sinon.assert.calledOnce(perRequest.success)
    sinon.assert.notCalled(perRequest.fail)
    sinon.assert.notCalled(perRequest.error)
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
  const answered = (code: string) => () => {
    throw Object.assign(new Error('answered'), { code })
  }
  const actions = (fail: () => void): object => ({ success: fail, fail, error: fail })
  const authenticate = (req: unknown, fail: () => void): void =>
    Object.assign(Object.create(new OwnStrategy(options, found)) as OwnStrategy, actions(fail)).authenticate(req)

  it('ends where Node says that the response has been sent, over HTTP/1 and HTTP/2', () => {
    for (const code of ['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP2_HEADERS_SENT'])
      expect(() => authenticate({}, answered(code))).to.not.throw()
  })

  it('P-07: does not catch what the app itself throws', () => {
    expect(() => authenticate({}, answered('ERR_OF_THE_APP'))).to.throw('answered')
  })

  it('P-01: is made for a request whose response cannot be read', () => {
    const fail = sinon.fake()
    const req = Object.defineProperty({}, 'res', { get: sinon.fake.throws('unreadable') })
    authenticate(req, fail)
    sinon.assert.calledOnce(fail)
  })
})
