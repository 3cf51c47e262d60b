import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { isError, isPromise, messageOf, singleFlight, toError, withTimeout } from '../../lib/internal/promises.ts'

describe('withTimeout', () => {
  let timers: sinon.SinonFakeTimers
  beforeEach(() => {
    timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => timers.restore())
  const never = (): Promise<string> => new Promise(() => {})

  it('returns the result of the call, at once or later, and leaves no timer behind', async () => {
    const late = sinon.fake.returns('late')
    for (const call of [() => 'a', async () => 'a', () => ({ then: (run: (result: string) => void) => run('a') })]) {
      expect(await withTimeout(1, call as () => Promise<string>, late)).to.equal('a')
      expect(timers.countTimers()).to.equal(0)
    }
    sinon.assert.notCalled(late)
  })

  it('fails as the call fails, at once or later, and leaves no timer behind', async () => {
    const late = sinon.fake.returns('late')
    const reason = new Error('x')
    for (const call of [sinon.fake.throws(reason), sinon.fake.rejects(reason)]) {
      const error = await withTimeout(1, call, late).catch((failure: unknown) => failure)
      expect(error).to.equal(reason)
      expect(timers.countTimers()).to.equal(0)
    }
    sinon.assert.notCalled(late)
  })

  it('T-06: returns the result of `late` when the call takes too long, to the millisecond', async () => {
    const late = sinon.fake.returns('late')
    const answer = withTimeout(0.5, never, late)
    await timers.tickAsync(499)
    sinon.assert.notCalled(late)
    await timers.tickAsync(1)
    expect(await answer).to.equal('late')
    sinon.assert.calledOnce(late)
  })

  it('T-06: fails with what `late` throws when the call takes too long', async () => {
    const reason = new Error('late')
    const answer = withTimeout(0.5, never, sinon.fake.throws(reason)).catch((error: unknown) => error)
    await timers.tickAsync(500)
    expect(await answer).to.equal(reason)
  })

  it('T-06: ignores how a call ends after its timeout', async () => {
    for (const end of [async () => 'a', async () => Promise.reject(new Error('x'))]) {
      let settle = (_end: Promise<string>): void => {}
      const call = (): Promise<string> => new Promise((resolve) => void (settle = resolve))
      const answer = withTimeout(0.5, call, () => 'late')
      await timers.tickAsync(500)
      settle(end())
      expect(await answer).to.equal('late')
    }
  })
})

describe('isPromise', () => {
  it('is true for everything with a function `then`', () => {
    const promises: unknown[] = [Promise.resolve(), { then: () => {} }, Object.assign(() => {}, { then: () => {} })]
    for (const value of promises) {
      expect(isPromise(value)).to.equal(true)
    }
    for (const value of [undefined, null, 7, 'then', {}, { then: 'later' }, () => {}]) {
      expect(isPromise(value)).to.equal(false)
    }
  })
})

describe('T-10: singleFlight', () => {
  it('shares the call in flight, and makes a new one after it, whether it failed or not', async () => {
    const call = sinon.stub<[], Promise<number>>()
    call.onCall(0).resolves(1)
    call.onCall(1).rejects(new Error('x'))
    call.onCall(2).resolves(3)
    const shared = singleFlight(call)
    expect(await Promise.all([shared(), shared(), shared()])).to.deep.equal([1, 1, 1])
    const failing = await Promise.allSettled([shared(), shared()])
    expect(failing.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(await shared()).to.equal(3)
    sinon.assert.calledThrice(call)
  })
})

describe('P-04: toError', () => {
  it('returns an Error as it is, and makes one of any other value', () => {
    const foreign: unknown = runInNewContext('new TypeError("elsewhere")')
    for (const error of [new TypeError('x'), Object.create(new Error('x')), foreign])
      expect(toError(error)).to.equal(error)
    for (const reason of [undefined, null, '', 0, 'route', { message: 'x' }]) {
      expect(toError(reason)).to.be.instanceOf(Error).with.property('cause', reason)
    }
  })
  it('looks at no proxy, which may throw', () => {
    const { proxy, revoke } = Proxy.revocable(new Error('x'), {})
    revoke()
    const heir: unknown = Object.create(proxy)
    for (const reason of [proxy, heir, new Proxy(new Error('x'), {})]) {
      expect(isError(reason)).to.equal(false)
      const error = toError(reason)
      expect(error.message).to.include('a value that is not an Error')
      expect(error.cause === reason).to.equal(true)
    }
  })
})

describe('messageOf', () => {
  it('is a string, whatever an app has put in its place', () => {
    const unreadable = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('trap')
      },
    })
    expect(messageOf(new Error('x'))).to.equal('x')
    expect(messageOf(Object.assign(new Error('x'), { message: ['a', 7] }))).to.equal('a,7')
    expect(messageOf(unreadable)).to.equal('')
  })
})
