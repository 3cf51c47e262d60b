import { expect } from 'chai'
import sinon from 'sinon'
import { clockAt, response, type TestClock } from '../support/access-token.ts'
import { NOW } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import { refusalOf } from '../support/jwt.ts'
import { ANSWER, answering, type Ask, client, NO_OBJECT, TOO_LONG, unavailable } from '../support/remote.ts'

describe('Retry-After, for remoteClient', () => {
  const values: Array<[string, string | undefined]> = [
    ['1', '1'],
    ['7', '7'],
    ['3600', '3600'],
    ['3601', '3600'],
    ['9'.repeat(400), '3600'],
    [new Date(NOW + 90_000).toUTCString(), '90'],
    [new Date(NOW + 365 * 86_400_000).toUTCString(), '3600'],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['', undefined],
    ['soon', undefined],
    ['Infinity', undefined],
    [new Date(NOW).toUTCString(), undefined],
    [new Date(NOW - 1000).toUTCString(), undefined],
  ]
  for (const [value, seconds] of values) {
    it(`T-08: that is ${value.slice(0, 30) || 'empty'} means ${seconds === undefined ? 'nothing' : `${seconds} s`} with a 429`, async () => {
      const fetch = answering('', 429, { 'Retry-After': value })
      const clock = clockAt(NOW)
      const ask = client({ fetch, now: clock.now })
      const headers = seconds === undefined ? {} : { 'Retry-After': seconds }
      expect(await unavailable(ask())).to.deep.equal(['status 429', headers])
      sinon.assert.calledOnce(fetch)
      if (seconds === undefined) {
        expect(await unavailable(ask())).to.deep.equal(['status 429', {}])
        sinon.assert.calledTwice(fetch)
        return
      }
      clock.add(Number(seconds) * 1000 - 1)
      expect(await unavailable(ask())).to.deep.equal(['circuit breaker open after status 429', { 'Retry-After': '1' }])
      sinon.assert.calledOnce(fetch)
      clock.add(1)
      expect((await unavailable(ask()))[0]).to.equal('status 429')
      sinon.assert.calledTwice(fetch)
    })
  }

  const shorter: Array<[string, string]> = [
    ['29', '29'],
    ['30', '30'],
    ['31', '30'],
    ['3600', '30'],
    ['9'.repeat(400), '30'],
    [new Date(NOW + 20_000).toUTCString(), '20'],
    [new Date(NOW + 90_000).toUTCString(), '30'],
  ]
  for (const [value, seconds] of shorter) {
    it(`T-09: that is ${value.slice(0, 30)} means ${seconds} s with any other status: no outage opens the circuit for longer`, async () => {
      for (const code of [302, 403, 408, 500, 503]) {
        const fetch = sinon.stub()
        fetch.onCall(0).callsFake(answering('', code, { 'Retry-After': value }))
        fetch.callsFake(answering())
        const clock = clockAt(NOW - (NOW % 1000))
        const ask = client({ fetch, now: clock.now })
        expect(await unavailable(ask())).to.deep.equal([`status ${code}`, { 'Retry-After': seconds }])
        clock.add(Number(seconds) * 1000 - 1)
        expect(await unavailable(ask())).to.deep.equal([
          `circuit breaker open after status ${code}`,
          { 'Retry-After': '1' },
        ])
        sinon.assert.calledOnce(fetch)
        clock.add(1)
        expect(await ask()).to.deep.equal(ANSWER)
        sinon.assert.calledTwice(fetch)
      }
    })
  }

  it('T-09: with a 429 is about one question only, where the client says so: half a minute, and no circuit opens', async () => {
    const fetch = answering('', 429, { 'Retry-After': '3600' })
    const ask = client({ fetch, longestLimit: 0 })
    for (let time = 0; time < 10; time++) {
      expect(await unavailable(ask())).to.deep.equal(['status 429', { 'Retry-After': '30' }])
    }
    sinon.assert.callCount(fetch, 10)
  })

  it('T-08: says nothing beside a refusal or a good answer', async () => {
    const fetch = sinon.stub()
    const asks = { 'Retry-After': '60' }
    fetch.onCall(0).callsFake(answering(ANSWER, 200, asks))
    fetch.onCall(1).callsFake(answering({}, 401, asks))
    fetch.callsFake(answering())
    const ask = client({ fetch })
    expect(await ask()).to.deep.equal(ANSWER)
    expect(await refusalOf(ask())).to.equal('token_inactive')
    expect(await ask()).to.deep.equal(ANSWER)
  })
})

describe('T-09: the circuit breaker of remoteClient', () => {
  let clock: TestClock
  let fetch: sinon.SinonStub
  let ask: Ask
  beforeEach(() => {
    clock = clockAt(NOW)
    fetch = sinon.stub()
    ask = client({ fetch, now: clock.now })
  })
  const works = (): void => void fetch.callsFake(answering())
  const fails = async (count: number): Promise<void> => {
    fetch.callsFake(answering('', 408))
    for (let time = 0; time < count; time++) await unavailable(ask())
  }

  const broken = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
  const kinds: Array<[why: string, end: (...args: never[]) => unknown, timeout?: number]> = [
    ['status 429', answering('', 429)],
    ['status 408', answering('', 408)],
    ['no connection to HOST (ECONNREFUSED)', () => Promise.reject(broken)],
    ['no connection to HOST', () => Promise.reject(new Error('x'))],
    ['no answer from HOST within 0.3 s', () => new Promise(() => {}), 0.3],
  ]
  for (const [why, end, timeout] of kinds) {
    it(`opens after five outages of any kind, and names the last one: ${why}`, async () => {
      await fails(4)
      fetch.callsFake(end)
      expect(await unavailable(ask(timeout === undefined ? {} : { timeout }))).to.deep.equal([why, {}])
      expect(await unavailable(ask())).to.deep.equal([`circuit breaker open after ${why}`, { 'Retry-After': '1' }])
    })
  }

  for (const code of [408, 429]) {
    it(`opens after five times status ${code} without Retry-After`, async () => {
      // Without the wait before a retry.
      const timer = sinon.stub(globalThis, 'setTimeout').callsFake(((run: () => void, wait: number) => {
        if (wait < 200) setImmediate(run)
      }) as never)
      try {
        fetch.callsFake(answering('', code))
        for (let time = 0; time < 5; time++) expect(await unavailable(ask())).to.deep.equal([`status ${code}`, {}])
        expect(await unavailable(ask())).to.deep.equal([
          `circuit breaker open after status ${code}`,
          { 'Retry-After': '1' },
        ])
      } finally {
        timer.restore()
      }
    })
  }

  it('never opens for a status which may be about one question only', async () => {
    for (const code of [201, 302, 402, 403, 405, 409, 410, 413, 422, 451, 500, 501, 599]) {
      fetch.resetHistory()
      for (let index = 0; index < 20; index++) {
        fetch.callsFake(answering('', code))
        expect(await unavailable(ask({ body: `junk-${index}` })), String(code)).to.deep.equal([`status ${code}`, {}])
        works()
        expect(await ask(), String(code)).to.deep.equal(ANSWER)
      }
      // Nor when nothing good comes in between, or all of it at once.
      fetch.callsFake(answering('', code))
      for (let index = 0; index < 50; index++)
        expect((await unavailable(ask()))[0], String(code)).to.equal(`status ${code}`)
      await Promise.all(Array.from({ length: 50 }, () => unavailable(ask())))
      works()
      expect(await ask(), String(code)).to.deep.equal(ANSWER)
      sinon.assert.callCount(fetch, 20 * 2 + 50 * 2 + 1)
    }
  })

  for (const [why, body] of [
    [NO_OBJECT, '<p>'],
    [TOO_LONG, ' '.repeat(65_537)],
  ] as const) {
    it(`never opens for ${why}`, async () => {
      fetch.callsFake(answering(body))
      for (let index = 0; index < 20; index++) expect((await unavailable(ask()))[0]).to.equal(why)
      works()
      expect(await ask()).to.deep.equal(ANSWER)
    })
  }

  it('lets every good token through while a server answers 500 to junk: 80 good ones and 800 pieces of junk in 40 s', async () => {
    const [refusing, accepting] = [answering('', 500), answering()]
    fetch.callsFake((url: string, init: RequestInit) => (init.body === 'junk' ? refusing : accepting)(url, init))
    let good = 0
    for (let half = 0; half < 80; half++) {
      for (let piece = 0; piece < 10; piece++)
        expect((await unavailable(ask({ body: 'junk' })))[0]).to.equal('status 500')
      expect(await ask({ body: 'good' })).to.deep.equal(ANSWER)
      good++
      clock.add(500)
    }
    expect(good).to.equal(80)
  })

  it('counts from the start again after a status 403 or 500, and closes after a probe that gets one', async () => {
    for (const code of [403, 500]) {
      ask = client({ fetch, now: clock.now })
      for (let time = 0; time < 3; time++) {
        await fails(4)
        fetch.callsFake(answering('', code))
        expect(await unavailable(ask())).to.deep.equal([`status ${code}`, {}])
      }
      await fails(5)
      clock.add(500)
      fetch.callsFake(answering('', code))
      expect(await unavailable(ask())).to.deep.equal([`status ${code}`, {}])
      works()
      expect(await ask()).to.deep.equal(ANSWER)
    }
  })

  it('counts from the start again after a refusal, and closes after a probe that gets one', async () => {
    const refused = async (): Promise<void> => {
      fetch.callsFake(answering({}, 401))
      expect(await refusalOf(ask())).to.equal('token_inactive')
    }
    await fails(4)
    await refused()
    await fails(5)
    clock.add(500)
    await refused()
    works()
    expect(await ask()).to.deep.equal(ANSWER)
  })

  it('lets the next probe through after one that had no answer by its timeout', async () => {
    await fails(5)
    clock.add(500)
    fetch.callsFake(() => new Promise(() => {}))
    expect((await unavailable(ask({ timeout: 0.02 })))[0]).to.equal('no answer from HOST within 0.02 s')
    works()
    clock.add(999)
    expect((await unavailable(ask()))[0]).to.equal('circuit breaker open after no answer from HOST within 0.02 s')
    clock.add(1)
    expect(await ask()).to.deep.equal(ANSWER)
  })

  it('is not opened by the outages of another client', async () => {
    await fails(5)
    works()
    expect(await client({ fetch, now: clock.now })()).to.deep.equal(ANSWER)
  })

  const ends: Array<[string, (...args: never[]) => unknown]> = [
    ['a refusal', answering({}, 401)],
    ['a status', answering({}, 500)],
    ['an answer that is not JSON', answering('<p>')],
    ['a broken connection', () => Promise.reject(new Error('x'))],
    ['a throw', sinon.fake.throws('x')],
    ['silence', () => new Promise(() => {})],
  ]
  for (const [name, end] of ends) {
    it(`has room for another call after ${name}`, async () => {
      ask = client({ fetch, maxCalls: 1 })
      fetch.callsFake(end)
      await errorOf(ask({ timeout: 0.2 }))
      works()
      expect(await ask()).to.deep.equal(ANSWER)
    })
  }

  it('allows as many calls in flight as maxCalls says, 64 by default', async () => {
    for (const [maxCalls, bound] of [
      [undefined, 64],
      [3, 3],
    ] as const) {
      fetch.resetHistory()
      fetch.callsFake(() => new Promise(() => {}))
      ask = client({ fetch, maxCalls })
      const all = Array.from({ length: bound + 1 }, () => unavailable(ask({ timeout: 0.05 })))
      sinon.assert.callCount(fetch, bound)
      expect((await Promise.all(all)).at(-1), String(maxCalls)).to.deep.equal(['too many calls in flight', {}])
    }
  })

  describe('without a clock of its own, where the clock of the machine', () => {
    let timers: sinon.SinonFakeTimers
    beforeEach(() => {
      timers = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    })
    afterEach(() => timers.restore())
    const HALF_AN_HOUR = 1_800_000

    for (const [name, shift] of [
      ['is set back by 30 minutes', -HALF_AN_HOUR],
      ['is set forward by 30 minutes', HALF_AN_HOUR],
      ['stays as it is', 0],
    ] as const) {
      it(`${name}, is open for as long as it was to be`, async () => {
        const date = new Date(NOW + 7000).toUTCString()
        const reasons: Array<[count: number, open: number, answer: Response]> = [
          [1, 7000, response('', 429, { 'Retry-After': '7' })],
          [1, Date.parse(date) - NOW, response('', 429, { 'Retry-After': date })],
          [5, 500, response('', 408)],
        ]
        for (const [count, open, answer] of reasons) {
          timers.setSystemTime(NOW)
          const always = sinon.fake(async () => answer)
          const asking = client({ fetch: always, now: undefined })
          for (let time = 0; time < count; time++) {
            expect((await unavailable(asking()))[0]).to.equal(`status ${answer.status}`)
          }
          timers.setSystemTime(NOW + shift)
          timers.tick(open - 1)
          expect(await unavailable(asking())).to.deep.equal([
            `circuit breaker open after status ${answer.status}`,
            { 'Retry-After': '1' },
          ])
          sinon.assert.callCount(always, count)
          timers.tick(1)
          await unavailable(asking())
          sinon.assert.callCount(always, count + 1)
        }
      })
    }
  })
})
