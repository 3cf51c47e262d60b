import { execFile } from 'node:child_process'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError, WixUnavailableError } from '../../lib/index.ts'
import { markSigned, signedAs } from '../../lib/errors.ts'
import { cached } from '../../lib/internal/cache.ts'
import { accessToken, clockAt, info, type TestClock } from '../support/access-token.ts'
import { NOW } from '../support/build.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'
import { SECONDS } from '../support/jwt.ts'

const ROOT = join(import.meta.dirname, '../..')

interface Identity {
  exp: number
  of: string
  [name: string]: unknown
}
type Cache = (token: string) => Promise<Identity>

const LATER = SECONDS + 3600
const identityOf = (token: string, more: object = {}): Identity => ({ exp: LATER, of: token, ...more })
const settings = { maxAge: 60, max: 100, expiryOf: ({ exp }: { exp: number }) => exp }

/** The error that the cache rejects with. */
async function failureOf(cache: Cache, token: string): Promise<unknown> {
  let identity: Identity
  try {
    identity = await cache(token)
  } catch (error) {
    return error
  }
  throw new Error('accepted', { cause: identity })
}
const codeOf = async (cache: Cache, token: string): Promise<unknown> => {
  const error = await failureOf(cache, token)
  expect(error).to.be.instanceOf(WixAuthError)
  return (error as WixAuthError).code
}

describe('cached', () => {
  let clock: TestClock
  beforeEach(() => {
    clock = clockAt(NOW)
  })
  const caching = (check: (token: string) => Promise<Identity>, more: object = {}): Cache =>
    cached(check, { ...settings, now: clock.now, ...more })
  const checking = (more: object = {}) => sinon.fake(async (token: string) => identityOf(token, more))
  const refusing = () => sinon.fake((_token: string) => Promise.reject<Identity>(new WixAuthError('token_inactive')))

  it('returns a cached identity', async () => {
    const check = checking()
    const cache = caching(check)
    expect(await cache('a')).to.deep.equal(identityOf('a'))
    expect(await cache('a')).to.deep.equal(identityOf('a'))
    sinon.assert.calledOnceWithExactly(check, 'a')
  })

  it('rejects with a cached refusal, each time a new one', async () => {
    const check = refusing()
    const cache = caching(check)
    const first = await failureOf(cache, 'a')
    expect(await failureOf(cache, 'a'))
      .to.be.instanceOf(WixAuthError)
      .that.includes({ code: 'token_inactive', status: 401 })
      .and.does.not.equal(first)
    sinon.assert.calledOnce(check)
  })

  it('E-02: rejects with the message, the hint, the cure and the identity that a cached refusal had', async () => {
    const hint = sinon.fake.returns('by a day')
    const reason = new WixAuthError('claim_invalid', 'the clock is wrong', { hint, cure: 'set it' })
    const cache = caching(() => Promise.reject(reason))
    await failureOf(cache, 'a')
    const expected = { code: 'claim_invalid', message: 'the clock is wrong', hint: 'by a day', cure: 'set it' }
    const unsigned = (await failureOf(cache, 'a')) as WixAuthError
    expect(unsigned).to.include(expected)
    expect(signedAs(unsigned)).to.equal(undefined)
    sinon.assert.calledOnce(hint)

    const identity = { instanceId: 'instance-1' }
    const signed = caching(() => Promise.reject(markSigned(reason, identity)))
    await failureOf(signed, 'a')
    const again = (await failureOf(signed, 'a')) as WixAuthError
    expect(again).to.include(expected).and.not.equal(reason)
    expect(signedAs(again)).to.equal(identity)
  })

  it('has an entry of its own for each token', async () => {
    const check = checking()
    const cache = caching(check)
    for (const token of ['a', 'b', 'A', 'a ', '']) expect(await cache(token)).to.have.property('of', token)
    for (const token of ['a', 'b', 'A', 'a ', '']) expect(await cache(token)).to.have.property('of', token)
    sinon.assert.callCount(check, 5)
  })

  it('passes further arguments to the check, which are no part of the key', async () => {
    const check = sinon.fake(async (token: string, from: string, count: number) => identityOf(token, { from, count }))
    const cache = cached(check, { ...settings, now: clock.now })
    const first = cache('a', 'first', 1)
    const second = cache('a', 'second', 2)
    expect([await first, await second]).to.deep.equal(Array(2).fill(identityOf('a', { from: 'first', count: 1 })))
    expect(await cache('a', 'third', 3)).to.deep.equal(identityOf('a', { from: 'first', count: 1 }))
    sinon.assert.calledOnceWithExactly(check, 'a', 'first', 1)
  })

  it('gives each request an object of its own, at every depth', async () => {
    const cache = caching(checking({ nested: { list: [1] } }))
    const spoil = (identity: Identity): void => {
      const nested = identity['nested'] as { list: number[] }
      expect(nested).to.deep.equal({ list: [1] })
      nested.list.push(2)
      identity['isAdmin'] = true
    }
    const inFlight = [cache('a'), cache('a'), cache('a')]
    for (const verdict of inFlight) {
      const identity = await verdict
      expect(identity).to.not.have.property('isAdmin')
      spoil(identity)
    }
    for (let time = 0; time < 3; time++) {
      const identity = await cache('a')
      expect(identity).to.not.have.property('isAdmin')
      spoil(identity)
    }
  })

  it('ignores what the check does with its identity later', async () => {
    const identity = identityOf('a')
    const cache = caching(async () => identity)
    await cache('a')
    identity.of = 'b'
    expect(await cache('a')).to.have.property('of', 'a')
  })

  describe('C-02: an identity is cached', () => {
    it('for maxAge, to the millisecond', async () => {
      const check = checking()
      const cache = caching(check)
      await cache('a')
      for (const add of [59_999, 1]) {
        clock.add(add)
        expect(await cache('a')).to.have.property('of', 'a')
      }
      sinon.assert.calledOnce(check)
      clock.add(1)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('no longer when it is used often', async () => {
      const check = checking()
      const cache = caching(check)
      await cache('a')
      for (let second = 0; second < 60; second++) {
        clock.add(1000)
        await cache('a')
      }
      sinon.assert.calledOnce(check)
      clock.add(1)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('for maxAge, where it has no end', async () => {
      const check = checking()
      const cache = caching(check, { expiryOf: undefined })
      await cache('a')
      clock.add(60_000)
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('for parts of a second, when maxAge is as short as that', async () => {
      for (const maxAge of [0.5, 0.0004]) {
        const check = checking()
        const cache = caching(check, { maxAge })
        await cache('a')
        expect(await cache('a')).to.have.property('of', 'a')
        sinon.assert.calledOnce(check)
        clock.add(Math.ceil(maxAge * 1000) + 1)
        await cache('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('never at its exp or after', async () => {
      for (const exp of [SECONDS + 5, SECONDS + 0.5, SECONDS + 60]) {
        clock = clockAt(NOW)
        const check = checking({ exp })
        const cache = caching(check)
        await cache('a')
        clock.add(exp * 1000 - NOW - 1)
        expect(await cache('a')).to.have.property('exp', exp)
        sinon.assert.calledOnce(check)
        clock.add(1)
        await cache('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('not at all when it has expired by then, and the caller still gets the result of the check', async () => {
      for (const exp of [SECONDS, SECONDS - 1, 0, -1]) {
        const check = checking({ exp })
        const cache = caching(check)
        expect(await cache('a')).to.deep.equal(identityOf('a', { exp }))
        expect(await cache('a')).to.deep.equal(identityOf('a', { exp }))
        sinon.assert.calledTwice(check)
      }
    })

    it('from the moment of the answer', async () => {
      let answer = (_identity: Identity): void => {}
      const check = sinon.fake(() => new Promise<Identity>((resolve) => void (answer = resolve)))
      const cache = caching(check)
      const first = cache('a')
      clock.add(50_000)
      answer(identityOf('a', { exp: SECONDS + 55 }))
      await first
      clock.add(4999)
      expect(await cache('a')).to.have.property('of', 'a')
      clock.add(1)
      void cache('a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: when the clock of the machine is set', () => {
    let timers: sinon.SinonFakeTimers
    beforeEach(() => {
      timers = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    })
    afterEach(() => timers.restore())

    it('forward past exp, an identity is not used any more', async () => {
      const check = checking()
      const cache = cached(check, settings)
      await cache('a')
      timers.setSystemTime(LATER * 1000 - 1)
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      timers.setSystemTime(LATER * 1000)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('A2: by a fake clock that is put in after the cache was made, an identity is not used any more', async () => {
      timers.restore()
      const exp = Math.floor(Date.now() / 1000) + 3600
      const check = checking({ exp })
      const cache = cached(check, settings)
      await cache('a')
      timers = sinon.useFakeTimers({ now: (exp - 1) * 1000, toFake: ['Date'] })
      await cache('a')
      sinon.assert.calledOnce(check)
      timers.setSystemTime(exp * 1000)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('back, an identity is cached no longer than maxAge', async () => {
      const check = checking()
      const cache = cached(check, settings)
      await cache('a')
      timers.tick(30_000)
      timers.setSystemTime(NOW - 86_400_000)
      timers.tick(30_000)
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      timers.tick(1)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('back, an identity is cached no longer than it was valid, also when no time was left', async () => {
      for (const left of [5000, 0]) {
        timers.setSystemTime(NOW)
        const check = checking({ exp: (NOW + left) / 1000 })
        const cache = cached(check, settings)
        await cache('a')
        timers.setSystemTime(NOW - 86_400_000)
        timers.tick(left + 2)
        await cache('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('back, a refusal is cached no longer than 10 s', async () => {
      const check = refusing()
      const cache = cached(check, settings)
      await failureOf(cache, 'a')
      timers.setSystemTime(NOW - 86_400_000)
      timers.tick(10_000)
      await failureOf(cache, 'a')
      sinon.assert.calledOnce(check)
      timers.tick(1)
      await failureOf(cache, 'a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: with a clock that begins at 0, as that of a test may', () => {
    beforeEach(() => {
      clock = clockAt(0)
    })

    it('an identity is cached for maxAge, not for ever, also a millisecond later', async () => {
      for (const start of [0, 1]) {
        clock = clockAt(start)
        const check = checking()
        const cache = caching(check)
        await cache('a')
        clock.add(60_000)
        expect(await cache('a')).to.have.property('of', 'a')
        sinon.assert.calledOnce(check)
        clock.add(1)
        await cache('a')
        sinon.assert.calledTwice(check)
      }
    })

    it('an identity is not used at its exp or after', async () => {
      const check = checking({ exp: 5 })
      const cache = caching(check)
      await cache('a')
      clock.add(4999)
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await cache('a')
      sinon.assert.calledTwice(check)
    })

    it('a refusal is cached for 10 s, not for ever', async () => {
      const check = refusing()
      const cache = caching(check)
      await failureOf(cache, 'a')
      clock.add(10_000)
      await failureOf(cache, 'a')
      sinon.assert.calledOnce(check)
      clock.add(1)
      await failureOf(cache, 'a')
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-02: a refusal is cached', () => {
    it('for 10 s, to the millisecond, whatever maxAge is', async () => {
      for (const maxAge of [60, 1]) {
        const check = refusing()
        const cache = caching(check, { maxAge })
        expect(await codeOf(cache, 'a')).to.equal('token_inactive')
        for (const add of [9999, 1]) {
          clock.add(add)
          expect(await codeOf(cache, 'a')).to.equal('token_inactive')
        }
        sinon.assert.calledOnce(check)
        clock.add(1)
        await failureOf(cache, 'a')
        sinon.assert.calledTwice(check)
      }
    })

    it('with its code', async () => {
      for (const code of ['token_inactive', 'token_expired', 'claim_invalid', 'insufficient_scope'] as const) {
        const cache = caching(() => Promise.reject(new WixAuthError(code)))
        expect([await codeOf(cache, 'a'), await codeOf(cache, 'a')]).to.deep.equal([code, code])
      }
    })

    it('and replaced when the token turns out to be good', async () => {
      const check = sinon.stub<[string], Promise<Identity>>()
      check.onCall(0).rejects(new WixAuthError('token_inactive'))
      check.callsFake(async (token) => identityOf(token))
      const cache = caching(check)
      await failureOf(cache, 'a')
      clock.add(10_001)
      await cache('a')
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledTwice(check)
    })

    it('C-03: apart from identities: no number of bad tokens evicts a good one', async () => {
      const check = sinon.fake(async (token: string) => {
        if (token.startsWith('bad')) throw new WixAuthError('token_inactive')
        return identityOf(token)
      })
      const cache = caching(check, { max: 10 })
      const good = Array.from({ length: 9 }, (_, index) => `good-${index}`)
      for (const token of good) await cache(token)
      for (let index = 0; index < 1000; index++) await failureOf(cache, `bad-${index}`)
      check.resetHistory()
      for (const token of good) expect(await cache(token)).to.have.property('of', token)
      sinon.assert.notCalled(check)
    })

    it('C-03: in a tenth of the entries', async () => {
      for (const [max, room] of [
        [20, 2],
        [1, 1],
        [11, 2],
      ] as const) {
        const check = refusing()
        const cache = caching(check, { max })
        const tokens = Array.from({ length: room }, (_, index) => `bad-${index}`)
        for (const token of tokens) await failureOf(cache, token)
        check.resetHistory()
        for (const token of tokens) await failureOf(cache, token)
        sinon.assert.notCalled(check)
        await failureOf(cache, 'one more')
        await failureOf(cache, 'bad-0')
        sinon.assert.calledTwice(check)
      }
    })
  })

  const outages: Array<[string, unknown]> = [
    ['an outage', new WixUnavailableError('x')],
    ['any other error', new Error('x')],
    ['a value that is not an Error', 'x'],
    ['nothing', undefined],
  ]
  for (const [name, reason] of outages) {
    it(`T-10: ${name} is passed on and never cached`, async () => {
      const check = sinon.stub<[string], Promise<Identity>>()
      check.onCall(0).callsFake(() => Promise.reject(reason))
      check.onCall(1).callsFake(() => Promise.reject(reason))
      check.callsFake(async (token) => identityOf(token))
      const cache = caching(check)
      expect(await failureOf(cache, 'a')).to.equal(reason)
      expect(await failureOf(cache, 'a')).to.equal(reason)
      expect(await cache('a')).to.have.property('of', 'a')
      sinon.assert.calledThrice(check)
    })
  }

  it('rejects with what a check throws', async () => {
    const broken = new Error('x')
    const cache = caching(() => {
      throw broken
    })
    expect(await failureOf(cache, 'a')).to.equal(broken)
    const refusal = caching(() => {
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
      const cache = caching(check)
      const verdicts = Array.from({ length: 10_000 }, async () => cache('a'))
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
        const cache = caching(check)
        const verdicts = Array.from({ length: 1000 }, () => failureOf(cache, 'a'))
        fail('a', reason)
        expect((await Promise.all(verdicts)).filter((error) => error !== reason)).to.deep.equal([])
        sinon.assert.calledOnce(check)
      }
    })

    it('keep waiting when the first caller has gone away', async () => {
      const { check, answer } = waiting()
      const cache = caching(check)
      void cache('a')
      const second = cache('a')
      answer('a')
      expect(await second).to.have.property('of', 'a')
      sinon.assert.calledOnce(check)
    })

    it('all get their answer, also when their entry is evicted in the meantime', async () => {
      const { check, answer, fail } = waiting()
      const cache = caching(check, { max: 1 })
      const good = Array.from({ length: 100 }, async () => cache('good'))
      const bad = Array.from({ length: 100 }, () => failureOf(cache, 'bad'))
      const down = Array.from({ length: 100 }, () => failureOf(cache, 'down'))
      const last = cache('last')
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
      expect(await cache('last')).to.have.property('of', 'last')
      sinon.assert.callCount(check, 4)
    })

    it('that came while a check was in flight do not get the refusal of an earlier one', async () => {
      const { check, answer, fail } = waiting()
      const cache = caching(check)
      const first = failureOf(cache, 'a')
      fail('a', new WixAuthError('token_inactive'))
      await first
      clock.add(10_001)
      const second = cache('a')
      const third = cache('a')
      answer('a')
      expect([await second, await third]).to.deep.equal([identityOf('a'), identityOf('a')])
      sinon.assert.calledTwice(check)
    })
  })

  describe('C-03: the cache is bounded', () => {
    it('by the number of tokens: the least recently used one is evicted first', async () => {
      const check = checking()
      const cache = caching(check, { max: 3 })
      for (const token of ['a', 'b', 'c', 'a', 'd']) await cache(token)
      sinon.assert.callCount(check, 4)
      for (const token of ['a', 'c', 'd']) expect(await cache(token)).to.have.property('of', token)
      await cache('b')
      sinon.assert.callCount(check, 5)
    })

    it('by their size: a large identity counts as several', async () => {
      const check = checking({ padding: 'x'.repeat(4096) })
      const cache = caching(check, { max: 4 })
      for (const token of ['a', 'b']) await cache(token)
      expect(await cache('b')).to.have.property('of', 'b')
      sinon.assert.calledTwice(check)
      await cache('a')
      sinon.assert.calledThrice(check)
    })

    it('by the size of each: one that is too large is returned, and not cached', async () => {
      const check = checking({ padding: 'x'.repeat(2048) })
      const cache = caching(check, { max: 1 })
      for (let time = 1; time <= 3; time++) {
        expect(await cache('a')).to.have.property('of', 'a')
        sinon.assert.callCount(check, time)
      }
    })

    it('different tokens, however many, a tenth of them bad, leave a few megabytes', async () => {
      setFlagsFromString('--expose_gc')
      const collect = runInNewContext('gc') as () => void
      const refusal = new WixAuthError('token_inactive')
      const cache = cached(
        async (token: string) => {
          if (token.endsWith('7')) throw refusal
          return info({ subjectId: token }) as { exp: number }
        },
        { ...settings, max: 5000, now: clock.now },
      )
      const batch = async (from: number): Promise<void> => {
        const verdicts = Array.from({ length: 1000 }, async (_, index) => cache(`${accessToken()}${from + index}`))
        await Promise.allSettled(verdicts)
      }
      await batch(-1000)
      collect()
      const before = process.memoryUsage().heapUsed
      let most = 0
      for (let from = 0; from < 100_000; from += 1000) {
        await batch(from)
        if (from % 25_000 === 24_000) {
          collect()
          most = Math.max(most, process.memoryUsage().heapUsed - before)
        }
      }
      expect(most).to.be.lessThan(4 * 1024 * 1024)
      // The cache is still in use, and not empty.
      expect(await cache(`${accessToken()}99999`)).to.have.property('instanceId', 'instance-1')
    })
  })

  it('C-01: keeps no token: keys are hashes, and listeners of the LRU library see no token', async () => {
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
      const cache = caching(async () => identityOf('user-1'))
      await cache(token)
      expect(await cache(token)).to.have.property('of', 'user-1')
      clock.add(60_001)
      await cache(token)
      const bad = caching(() => Promise.reject(new WixAuthError('token_inactive')))
      await failureOf(bad, token)
      await failureOf(bad, token)
      const down = caching(() => Promise.reject(new WixUnavailableError('x')))
      await failureOf(down, token)
    } finally {
      metrics.unsubscribe(listen)
      traces.unsubscribe(traced)
    }
    const keys = new Set(
      seen.filter((message) => typeof message === 'object').map((message) => (message as { key?: unknown }).key),
    )
    expect([...keys]).to.deep.equal([createHash('sha256').update(token).digest('base64url')])
    const operations = seen.map((message) => (message as { op?: unknown }).op)
    expect(operations).to.include.members(['get', 'set'])
    const strings = seen.filter((message) => typeof message === 'string').join('\n')
    expect(strings).to.include('user-1').and.not.include(CANARY)
  })

  it('C-01: shares no entry with the cache of another check', async () => {
    const [one, two] = [checking(), checking()]
    const first = caching(one)
    const second = caching(two)
    await first('x')
    await second('x')
    sinon.assert.calledOnce(one)
    sinon.assert.calledOnce(two)
  })
})

describe('Imported by a Node that is too old', () => {
  it('the package says which one it needs', async () => {
    const { engines } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } }
    // As it is in Node 18.
    const old = "import crypto from 'node:crypto'; crypto.hash = undefined"
    const preload = `data:text/javascript,${encodeURIComponent(old)}`
    const args = ['--import', preload, '--import', 'tsx/esm', join(ROOT, 'lib/index.ts')]
    const env = { ...process.env, NODE_V8_COVERAGE }
    const failed: unknown = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env }).catch(
      (error: unknown) => error,
    )
    expect(failed)
      .to.have.property('stderr')
      .that.includes(`Error: passport-wix-app needs Node ${engines.node}, and this is ${process.version}`)
  })
})
