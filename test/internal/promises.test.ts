import { expect } from 'chai'
import sinon from 'sinon'
import { withTimeout } from '../../lib/internal/promises.ts'

describe('withTimeout', () => {
  let timers: sinon.SinonFakeTimers
  beforeEach(() => {
    timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => timers.restore())
  const never = (): Promise<string> => new Promise(() => {})

  it('answers what the call answers, at once or later, and leaves no timer behind', async () => {
    const late = sinon.fake.returns('late')
    for (const call of [() => 'a', async () => 'a', () => ({ then: (run: (text: string) => void) => run('a') })]) {
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

  it('T-06: answers what `late` answers when the call takes too long, to the millisecond', async () => {
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

  it('T-06: ignores how a call ends that took too long', async () => {
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
