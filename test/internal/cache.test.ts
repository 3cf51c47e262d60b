import { channel, tracingChannel } from 'node:diagnostics_channel'
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError, WixUnavailableError } from '../../lib/index.ts'
import { cached } from '../../lib/internal/cache.ts'
import { accessToken, clockAt, info, type TestClock } from '../support/access-token.ts'
import { NOW } from '../support/build.ts'
import { SECONDS } from '../support/jwt.ts'

interface Identity {
  exp: number
  of: string
  [name: string]: unknown
}
type Memory = (token: string) => Identity | Promise<Identity>

const LATER = SECONDS + 3600
const identityOf = (token: string, more: object = {}): Identity => ({ exp: LATER, of: token, ...more })
const settings = { purpose: 'test', maxAge: 60, max: 100, expiryOf: ({ exp }: { exp: number }) => exp }

/** The error that the memory throws or rejects with. */
async function failureOf(memory: Memory, token: string): Promise<unknown> {
  let identity: Identity
  try {
    identity = await memory(token)
  } catch (error) {
    return error
  }
  throw new Error('accepted', { cause: identity })
}
const codeOf = async (memory: Memory, token: string): Promise<unknown> => {
  const error = await failureOf(memory, token)
  expect(error).to.be.instanceOf(WixAuthError)
  return (error as WixAuthError).code
}

describe('cached', () => {
  let clock: TestClock
  beforeEach(() => {
    clock = clockAt(NOW)
  })
  const remembering = (check: (token: string) => Promise<Identity>, more: object = {}): Memory =>
    cached(check, { ...settings, now: clock.now, ...more })
  const checking = (more: object = {}) => sinon.fake(async (token: string) => identityOf(token, more))
  const refusing = () => sinon.fake((_token: string) => Promise.reject<Identity>(new WixAuthError('token_inactive')))

  it('answers what it remembers in the same tick', async () => {
    const check = checking()
    const memory = remembering(check)
    const first = memory('a')
    expect(first).to.be.instanceOf(Promise)
    expect(await first).to.deep.equal(identityOf('a'))
    expect(memory('a')).to.deep.equal(identityOf('a'))
    sinon.assert.calledOnceWithExactly(check, 'a')
  })

  it('throws a refusal that it remembers in the same tick, each time a new one', async () => {
    const check = refusing()
    const memory = remembering(check)
    const first = await failureOf(memory, 'a')
    expect(() => memory('a'))
      .to.throw(WixAuthError)
      .that.includes({ code: 'token_inactive', status: 401 })
      .and.does.not.equal(first)
    sinon.assert.calledOnce(check)
  })

  it('knows one token from another', async () => {
    const check = checking()
    const memory = remembering(check)
    for (const token of ['a', 'b', 'A', 'a ', '']) expect(await memory(token)).to.have.property('of', token)
    for (const token of ['a', 'b', 'A', 'a ', '']) expect(memory(token)).to.have.property('of', token)
    sinon.assert.callCount(check, 5)
  })

  it('gives the check what comes beside the token, and tells no two apart by it', async () => {
    const check = sinon.fake(async (token: string, from: string, count: number) => identityOf(token, { from, count }))
    const memory = cached(check, { ...settings, now: clock.now })
    const first = memory('a', 'first', 1)
    const second = memory('a', 'second', 2)
    expect([await first, await second]).to.deep.equal(Array(2).fill(identityOf('a', { from: 'first', count: 1 })))
    expect(memory('a', 'third', 3)).to.deep.equal(identityOf('a', { from: 'first', count: 1 }))
    sinon.assert.calledOnceWithExactly(check, 'a', 'first', 1)
  })

  it('gives each request an object of its own, deep down', async () => {
    const memory = remembering(checking({ nested: { list: [1] } }))
    const spoil = (identity: Identity): void => {
      const nested = identity['nested'] as { list: number[] }
      expect(nested).to.deep.equal({ list: [1] })
      nested.list.push(2)
      identity['isAdmin'] = true
    }
    const inFlight = [memory('a'), memory('a'), memory('a')]
    for (const verdict of inFlight) {
      const identity = await verdict
      expect(identity).to.not.have.property('isAdmin')
      spoil(identity)
    }
    for (let time = 0; time < 3; time++) {
      const identity = await memory('a')
      expect(identity).to.not.have.property('isAdmin')
      spoil(identity)
    }
  })

  it('is not changed by what the check does with its identity later', async () => {
    const identity = identityOf('a')
    const memory = remembering(async () => identity)
    await memory('a')
    identity.of = 'b'
    expect(memory('a')).to.have.property('of', 'a')
  })

  describe('C-02: an identity is remembered', () => {
    it('for maxAge, to the millisecond', async () => {
      const check = checking()
      const memory = remembering(check)
      await memory('a')
      for (const add of [59_999, 1]) {
        clock.add(add)
        expect(memory('a')).to.have.property('of', 'a')
      }
      sinon.assert.calledOnce(check)
      clock.add(1)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('no longer when it is used often', async () => {
      const check = checking()
      const memory = remembering(check)
      await memory('a')
      for (let second = 0; second < 60; second++) {
        clock.add(1000)
        await memory('a')
      }
      sinon.assert.calledOnce(check)
      clock.add(1)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('for parts of a second, when maxAge is as short as that', async () => {
      for (const maxAge of [0.5, 0.0004]) {
        const check = checking()
        const memory = remembering(check, { maxAge })
        await memory('a')
        expect(memory('a')).to.have.property('of', 'a')
        sinon.assert.calledOnce(check)
        clock.add(Math.ceil(maxAge * 1000) + 1)
        await memory('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('never at its exp or after', async () => {
      for (const exp of [SECONDS + 5, SECONDS + 0.5, SECONDS + 60]) {
        clock = clockAt(NOW)
        const check = checking({ exp })
        const memory = remembering(check)
        await memory('a')
        clock.add(exp * 1000 - NOW - 1)
        expect(memory('a')).to.have.property('exp', exp)
        sinon.assert.calledOnce(check)
        clock.add(1)
        await memory('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('not at all when it has ended by then, and whoever asked still hears the verdict of the check', async () => {
      for (const exp of [SECONDS, SECONDS - 1, 0, -1]) {
        const check = checking({ exp })
        const memory = remembering(check)
        expect(await memory('a')).to.deep.equal(identityOf('a', { exp }))
        expect(await memory('a')).to.deep.equal(identityOf('a', { exp }))
        sinon.assert.calledTwice(check)
      }
    })

    it('from the moment of the answer', async () => {
      let answer = (_identity: Identity): void => {}
      const check = sinon.fake(() => new Promise<Identity>((resolve) => void (answer = resolve)))
      const memory = remembering(check)
      const first = memory('a')
      clock.add(50_000)
      answer(identityOf('a', { exp: SECONDS + 55 }))
      await first
      clock.add(4999)
      expect(memory('a')).to.have.property('of', 'a')
      clock.add(1)
      void memory('a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: when somebody moves the clock of the machine', () => {
    let timers: sinon.SinonFakeTimers
    beforeEach(() => {
      timers = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    })
    afterEach(() => timers.restore())

    it('forward past exp, an identity is not used any more', async () => {
      const check = checking()
      const memory = cached(check, settings)
      await memory('a')
      timers.setSystemTime(LATER * 1000 - 1)
      expect(memory('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      timers.setSystemTime(LATER * 1000)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('back, an identity is remembered no longer than maxAge', async () => {
      const check = checking()
      const memory = cached(check, settings)
      await memory('a')
      timers.tick(30_000)
      timers.setSystemTime(NOW - 86_400_000)
      timers.tick(30_000)
      expect(memory('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      timers.tick(1)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('back, an identity is remembered no longer than it had to live, also when it had nothing left', async () => {
      for (const left of [5000, 0]) {
        timers.setSystemTime(NOW)
        const check = checking({ exp: (NOW + left) / 1000 })
        const memory = cached(check, settings)
        await memory('a')
        timers.setSystemTime(NOW - 86_400_000)
        timers.tick(left + 2)
        await memory('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('back, a refusal is remembered no longer than 10 s', async () => {
      const check = refusing()
      const memory = cached(check, settings)
      await failureOf(memory, 'a')
      timers.setSystemTime(NOW - 86_400_000)
      timers.tick(10_000)
      await failureOf(memory, 'a')
      sinon.assert.calledOnce(check)
      timers.tick(1)
      await failureOf(memory, 'a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: with a clock that begins at 0, as that of a test may', () => {
    beforeEach(() => {
      clock = clockAt(0)
    })

    it('an identity is remembered for maxAge, not for ever', async () => {
      const check = checking()
      const memory = remembering(check)
      await memory('a')
      clock.add(60_000)
      expect(memory('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('an identity is not used at its exp or after', async () => {
      const check = checking({ exp: 5 })
      const memory = remembering(check)
      await memory('a')
      clock.add(4999)
      expect(memory('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await memory('a')
      sinon.assert.calledTwice(check)
    })

    it('a refusal is remembered for 10 s, not for ever', async () => {
      const check = refusing()
      const memory = remembering(check)
      await failureOf(memory, 'a')
      clock.add(10_000)
      await failureOf(memory, 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await failureOf(memory, 'a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: a refusal is remembered', () => {
    it('for 10 s, to the millisecond, whatever maxAge is', async () => {
      for (const maxAge of [60, 1]) {
        const check = refusing()
        const memory = remembering(check, { maxAge })
        expect(await codeOf(memory, 'a')).to.equal('token_inactive')
        for (const add of [9999, 1]) {
          clock.add(add)
          expect(() => memory('a'))
            .to.throw(WixAuthError)
            .with.property('code', 'token_inactive')
        }
        sinon.assert.calledOnce(check)
        clock.add(1)
        await failureOf(memory, 'a')
        sinon.assert.calledTwice(check)
      }
    })

    it('with its code', async () => {
      for (const code of ['token_inactive', 'token_expired', 'claim_invalid', 'insufficient_scope'] as const) {
        const memory = remembering(() => Promise.reject(new WixAuthError(code)))
        expect([await codeOf(memory, 'a'), await codeOf(memory, 'a')]).to.deep.equal([code, code])
      }
    })

    it('and forgotten when the token turns out to be good', async () => {
      const check = sinon.stub<[string], Promise<Identity>>()
      check.onCall(0).rejects(new WixAuthError('token_inactive'))
      check.callsFake(async (token) => identityOf(token))
      const memory = remembering(check)
      await failureOf(memory, 'a')
      clock.add(10_001)
      await memory('a')
      expect(memory('a')).to.have.property('of', 'a')
      sinon.assert.calledTwice(check)
    })

    it('C-03: apart: no number of bad tokens pushes out a good one', async () => {
      const check = sinon.fake(async (token: string) => {
        if (token.startsWith('bad')) throw new WixAuthError('token_inactive')
        return identityOf(token)
      })
      const memory = remembering(check, { max: 10 })
      const good = Array.from({ length: 9 }, (_, index) => `good-${index}`)
      for (const token of good) await memory(token)
      for (let index = 0; index < 1000; index++) await failureOf(memory, `bad-${index}`)
      check.resetHistory()
      for (const token of good) expect(memory(token)).to.have.property('of', token)
      sinon.assert.notCalled(check)
    })

    it('C-03: in a tenth of the room', async () => {
      for (const [max, room] of [
        [20, 2],
        [1, 1],
        [11, 2],
      ] as const) {
        const check = refusing()
        const memory = remembering(check, { max })
        const tokens = Array.from({ length: room }, (_, index) => `bad-${index}`)
        for (const token of tokens) await failureOf(memory, token)
        check.resetHistory()
        for (const token of tokens) await failureOf(memory, token)
        sinon.assert.notCalled(check)
        await failureOf(memory, 'one more')
        await failureOf(memory, 'bad-0')
        sinon.assert.calledTwice(check)
      }
    })
  })

  const outages: Array<[string, unknown]> = [
    ['an outage', new WixUnavailableError('x')],
    ['any other error', new Error('x')],
    ['what is no error', 'x'],
    ['nothing', undefined],
  ]
  for (const [name, reason] of outages) {
    it(`T-10: ${name} is passed on and never remembered`, async () => {
      const check = sinon.stub<[string], Promise<Identity>>()
      check.onCall(0).callsFake(() => Promise.reject(reason))
      check.onCall(1).callsFake(() => Promise.reject(reason))
      check.callsFake(async (token) => identityOf(token))
      const memory = remembering(check)
      expect(await failureOf(memory, 'a')).to.equal(reason)
      expect(await failureOf(memory, 'a')).to.equal(reason)
      expect(await memory('a')).to.have.property('of', 'a')
      sinon.assert.calledThrice(check)
    })
  }

  it('makes a rejection of what a check throws at once', async () => {
    const broken = new Error('x')
    const memory = remembering(() => {
      throw broken
    })
    expect(await failureOf(memory, 'a')).to.equal(broken)
    const refusal = remembering(() => {
      throw new WixAuthError('claim_invalid')
    })
    expect(await codeOf(refusal, 'a')).to.equal('claim_invalid')
  })

  describe('T-10: equal tokens in flight', () => {
    interface Waiting {
      check: sinon.SinonSpy<[string], Promise<Identity>>
      answer: (token: string) => void
      fail: (token: string, reason: unknown) => void
    }
    const waiting = (): Waiting => {
      const open = new Map<string, { resolve: (identity: Identity) => void; reject: (reason: unknown) => void }>()
      return {
        check: sinon.fake(
          (token: string) => new Promise<Identity>((resolve, reject) => void open.set(token, { resolve, reject })),
        ),
        answer: (token) => open.get(token)?.resolve(identityOf(token)),
        fail: (token, reason) => open.get(token)?.reject(reason),
      }
    }

    it('share one check: 10,000 of them, 1 call', async () => {
      const { check, answer } = waiting()
      const memory = remembering(check)
      const verdicts = Array.from({ length: 10_000 }, async () => memory('a'))
      sinon.assert.calledOnceWithExactly(check, 'a')
      answer('a')
      const identities = await Promise.all(verdicts)
      expect(identities.filter(({ of }) => of !== 'a')).to.deep.equal([])
      expect(new Set(identities).size).to.equal(10_000)
      sinon.assert.calledOnce(check)
    })

    it('share a refusal and an outage too', async () => {
      for (const reason of [new WixAuthError('token_inactive'), new WixUnavailableError('x')]) {
        const { check, fail } = waiting()
        const memory = remembering(check)
        const verdicts = Array.from({ length: 1000 }, () => failureOf(memory, 'a'))
        fail('a', reason)
        expect((await Promise.all(verdicts)).filter((error) => error !== reason)).to.deep.equal([])
        sinon.assert.calledOnce(check)
      }
    })

    it('wait on, when the first one has gone away', async () => {
      const { check, answer } = waiting()
      const memory = remembering(check)
      void memory('a')
      const second = memory('a')
      answer('a')
      expect(await second).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
    })

    it('all get their answer, also when their key is pushed out in the meantime', async () => {
      const { check, answer, fail } = waiting()
      const memory = remembering(check, { max: 1 })
      const good = Array.from({ length: 100 }, async () => memory('good'))
      const bad = Array.from({ length: 100 }, () => failureOf(memory, 'bad'))
      const down = Array.from({ length: 100 }, () => failureOf(memory, 'down'))
      const last = memory('last')
      sinon.assert.callCount(check, 4)
      const [refusal, outage] = [new WixAuthError('token_inactive'), new WixUnavailableError('x')]
      fail('down', outage)
      fail('bad', refusal)
      answer('good')
      answer('last')
      for (const identity of await Promise.all(good)) expect(identity).to.have.property('of', 'good')
      for (const error of await Promise.all(bad)) expect(error).to.equal(refusal)
      for (const error of await Promise.all(down)) expect(error).to.equal(outage)
      expect(await last).to.have.property('of', 'last')
      expect(memory('last')).to.have.property('of', 'last')
      sinon.assert.callCount(check, 4)
    })

    it('that came while a check was under way are not answered from the refusal of an earlier one', async () => {
      const { check, answer, fail } = waiting()
      const memory = remembering(check)
      const first = failureOf(memory, 'a')
      fail('a', new WixAuthError('token_inactive'))
      await first
      clock.add(10_001)
      const second = memory('a')
      const third = memory('a')
      answer('a')
      expect([await second, await third]).to.deep.equal([identityOf('a'), identityOf('a')])
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-03: the memory is bounded', () => {
    it('by the number of tokens: the one that was not used for longest goes first', async () => {
      const check = checking()
      const memory = remembering(check, { max: 3 })
      for (const token of ['a', 'b', 'c', 'a', 'd']) await memory(token)
      sinon.assert.callCount(check, 4)
      for (const token of ['a', 'c', 'd']) expect(memory(token)).to.have.property('of', token)
      await memory('b')
      sinon.assert.callCount(check, 5)
    })

    it('by their size: large identities take the room of several', async () => {
      const check = checking({ padding: 'x'.repeat(4096) })
      const memory = remembering(check, { max: 4 })
      for (const token of ['a', 'b']) await memory(token)
      expect(memory('b')).to.have.property('of', 'b')
      sinon.assert.calledTwice(check)
      await memory('a')
      sinon.assert.calledThrice(check)
    })

    it('by the size of each: one that does not fit at all is answered, and not remembered', async () => {
      const check = checking({ padding: 'x'.repeat(2048) })
      const memory = remembering(check, { max: 1 })
      for (let time = 1; time <= 3; time++) {
        expect(await memory('a')).to.have.property('of', 'a')
        sinon.assert.callCount(check, time)
      }
    })

    it('1,000,000 different tokens, a tenth of them bad, leave less than 20 MB', async function () {
      this.timeout(120_000)
      setFlagsFromString('--expose_gc')
      const collect = runInNewContext('gc') as () => void
      const refusal = new WixAuthError('token_inactive')
      const memory = cached(
        async (token: string) => {
          if (token.endsWith('7')) throw refusal
          return info({ subjectId: token }) as { exp: number }
        },
        { ...settings, max: 5000, now: clock.now },
      )
      const batch = async (from: number): Promise<void> => {
        const verdicts = Array.from({ length: 1000 }, async (_, index) => memory(`${accessToken()}${from + index}`))
        await Promise.allSettled(verdicts)
      }
      await batch(-1000)
      collect()
      const before = process.memoryUsage().heapUsed
      let most = 0
      for (let from = 0; from < 1_000_000; from += 1000) {
        await batch(from)
        if (from % 250_000 === 249_000) {
          collect()
          most = Math.max(most, process.memoryUsage().heapUsed - before)
        }
      }
      expect(most).to.be.lessThan(20 * 1024 * 1024)
      // It is there still, and has not forgotten everything.
      expect(memory(`${accessToken()}999999`)).to.have.property('instanceId', 'instance-1')
    })
  })

  it('C-01: keeps no token: keys are hashes with what is checked in them, and listeners of the library see none', async () => {
    const CANARY = 'canary91b2'
    const seen: unknown[] = []
    const listen = (message: unknown): void => {
      // Copied at once: the library goes on writing into its messages.
      seen.push({ ...(message as object) }, inspect(message, { depth: 9, showHidden: true }))
    }
    const metrics = channel('lru-cache:metrics')
    const traces = tracingChannel('lru-cache')
    const traced = { start: listen, end: listen, asyncStart: listen, asyncEnd: listen, error: listen }
    metrics.subscribe(listen)
    traces.subscribe(traced)
    const token = accessToken(CANARY).replace('c2ln', CANARY)
    try {
      const memory = remembering(async () => identityOf('somebody'))
      await memory(token)
      expect(memory(token)).to.have.property('of', 'somebody')
      clock.add(60_001)
      await memory(token)
      const bad = remembering(() => Promise.reject(new WixAuthError('token_inactive')), { purpose: 'other' })
      await failureOf(bad, token)
      await failureOf(bad, token)
      const down = remembering(() => Promise.reject(new WixUnavailableError('x')))
      await failureOf(down, token)
    } finally {
      metrics.unsubscribe(listen)
      traces.unsubscribe(traced)
    }
    const keys = new Set(
      seen.filter((message) => typeof message === 'object').map((message) => (message as { key?: unknown }).key),
    )
    const hash = (purpose: string): string => createHash('sha256').update(`${purpose} ${token}`).digest('base64url')
    expect([...keys]).to.have.members([hash('test'), hash('other')])
    const operations = seen.map((message) => (message as { op?: unknown }).op)
    expect(operations).to.include.members(['get', 'set'])
    const texts = seen.filter((message) => typeof message === 'string').join('\n')
    expect(texts).to.include('somebody').and.not.include(CANARY)
  })

  it('C-01: tells purposes apart in one and the same token', async () => {
    const [one, two] = [checking(), checking()]
    const first = remembering(one, { purpose: 'a' })
    const second = remembering(two, { purpose: 'b' })
    await first('x')
    await second('x')
    sinon.assert.calledOnce(one)
    sinon.assert.calledOnce(two)
  })
})
