import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError } from '../../lib/index.ts'
import { circuitBreaker, OutageError, unavailable } from '../../lib/internal/circuit.ts'
import { clockAt, type TestClock } from '../support/access-token.ts'
import { NOW } from '../support/build.ts'
import { errorOf, unavailableOf } from '../support/errors.ts'

const SERVER = 'Elsewhere'
const OPEN = 'circuit breaker open after down'
const FULL = 'too many calls in flight'

type Throw = () => Promise<never>
const outage =
  (wait: number = 0, why: string = 'down'): Throw =>
  async () => {
    throw new OutageError(SERVER, why, wait)
  }
const refusal: Throw = async () => {
  throw new WixAuthError('token_inactive')
}
/** The server answers, but this one question gets nothing: for example a status 403. */
const noOutage: Throw = async () => {
  throw unavailable(SERVER, 'status 403')
}
const answered = async (): Promise<string> => 'answer'

/** Calls that end when the test says so, the oldest first. */
function later(): { call: () => Promise<string>; end: (how: () => Promise<string>) => void } {
  const waiting: Array<(end: Promise<string>) => void> = []
  return {
    call: () => new Promise((resolve) => void waiting.push(resolve)),
    end: (how) => waiting.shift()?.(how()),
  }
}

/** Whether a call gives an answer, or why it does not. */
const endOf = (promise: Promise<string>): Promise<unknown> =>
  promise.catch((error: unknown) => (error as Error).message.replace(`${SERVER} is unavailable: `, ''))

describe('T-09: circuitBreaker', () => {
  let clock: TestClock
  let call: sinon.SinonStub<[], Promise<string>>
  let through: ReturnType<typeof circuitBreaker>
  beforeEach(() => {
    clock = clockAt(NOW)
    call = sinon.stub<[], Promise<string>>().callsFake(answered)
    through = circuitBreaker(SERVER, 64, clock.now)
  })

  /** Makes one call that may take `seconds` and ends like this. */
  const ask = (end?: () => Promise<string>, seconds: number = 2): Promise<string> => {
    if (end !== undefined) call.callsFake(end)
    return through(seconds, call)
  }
  const times = async (count: number, end: () => Promise<string>): Promise<void> => {
    for (let time = 0; time < count; time++) await endOf(ask(end))
  }
  /** Why there is no answer, and when to come again. */
  const rejected = (promise: Promise<string>): Promise<[why: string, headers: unknown]> =>
    unavailableOf(SERVER, promise)

  it('passes on what the call answers, and what it fails with', async () => {
    const answer = { a: 1 }
    expect(await through(2, async () => answer)).to.equal(answer)
    for (const error of [new WixAuthError('token_inactive'), new OutageError(SERVER, 'down'), new TypeError('x')]) {
      expect(await errorOf(through(2, () => Promise.reject(error)))).to.equal(error)
    }
  })

  it('stays closed after four outages in a row', async () => {
    await times(4, outage())
    expect(await ask(answered)).to.equal('answer')
    sinon.assert.callCount(call, 5)
  })

  it('opens after five, for half a second, to the millisecond', async () => {
    await times(5, outage())
    expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': '1' }])
    clock.add(499)
    expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': '1' }])
    sinon.assert.callCount(call, 5)
    clock.add(1)
    expect(await ask(answered)).to.equal('answer')
    sinon.assert.callCount(call, 6)
  })

  it('is open twice as long after each probe that fails, up to 30 s', async () => {
    await times(5, outage())
    let calls = 5
    for (const open of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
      expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': String(Math.ceil(open / 1000)) }])
      clock.add(open - 1)
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      sinon.assert.callCount(call, calls)
      clock.add(1)
      expect((await rejected(ask()))[0]).to.equal('down')
      sinon.assert.callCount(call, ++calls)
    }
  })

  it('needs five more outages to open after a probe that is answered, and opens for half a second again', async () => {
    await times(5, outage())
    for (const open of [500, 1000, 2000]) {
      clock.add(open)
      await endOf(ask())
    }
    clock.add(4000)
    expect(await ask(answered)).to.equal('answer')
    await times(4, outage())
    expect(await ask(answered)).to.equal('answer')
    await times(5, outage())
    clock.add(499)
    expect((await rejected(ask()))[0]).to.equal(OPEN)
    clock.add(1)
    expect((await rejected(ask()))[0]).to.equal('down')
  })

  const reached: Array<[string, () => Promise<string>]> = [
    ['an answer', answered],
    ['a refusal', refusal],
    ['a failure that is no outage', noOutage],
    ['an error of another kind', () => Promise.reject(new Error('x'))],
  ]
  for (const [name, end] of reached) {
    it(`counts outages from the start again after ${name}`, async () => {
      for (let time = 0; time < 3; time++) {
        await times(4, outage())
        await endOf(ask(end))
      }
      expect(await ask(answered)).to.equal('answer')
      sinon.assert.callCount(call, 16)
    })

    it(`closes after a probe that ends with ${name}`, async () => {
      await times(5, outage())
      clock.add(500)
      await endOf(ask(end))
      await times(4, outage())
      expect(await ask(answered)).to.equal('answer')
    })
  }

  for (const [name, end] of reached.slice(1)) {
    it(`never opens for ${name}, one after another or all at once`, async () => {
      await times(50, end)
      await Promise.all(Array.from({ length: 50 }, () => endOf(ask(end))))
      expect(await ask(answered)).to.equal('answer')
      sinon.assert.callCount(call, 101)
    })
  }

  it('names the last outage', async () => {
    await times(4, outage(0, 'status 500'))
    expect((await rejected(ask(outage(0, 'no connection'))))[0]).to.equal('no connection')
    expect((await rejected(ask()))[0]).to.equal('circuit breaker open after no connection')
    clock.add(500)
    await endOf(ask(outage(0, 'status 503')))
    expect((await rejected(ask()))[0]).to.equal('circuit breaker open after status 503')
  })

  it('fails at once while it is open, without a call and without a timer', async () => {
    await times(5, outage())
    const timer = sinon.spy(globalThis, 'setTimeout')
    try {
      for (let time = 0; time < 100; time++) await rejected(ask())
      sinon.assert.notCalled(timer)
    } finally {
      timer.restore()
    }
    sinon.assert.callCount(call, 5)
  })

  it('opens once for 64 outages at the same time, not 60 times', async () => {
    const all = await Promise.all(Array.from({ length: 64 }, () => rejected(ask(outage()))))
    for (const why of all) expect(why).to.deep.equal(['down', {}])
    clock.add(499)
    expect((await rejected(ask()))[0]).to.equal(OPEN)
    clock.add(1)
    expect(await ask(answered)).to.equal('answer')
  })

  it('is not opened by the outages of another one', async () => {
    await times(5, outage())
    expect(await circuitBreaker(SERVER, 64, clock.now)(2, answered)).to.equal('answer')
  })

  describe('where the server asks its callers to wait', () => {
    it('opens at once, for as long as that', async () => {
      expect(await rejected(ask(outage(7)))).to.deep.equal(['down', { 'Retry-After': '7' }])
      for (const left of ['7', '6', '5', '4', '3', '2', '1']) {
        expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': left }])
        clock.add(999)
        expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': left }])
        clock.add(1)
      }
      sinon.assert.calledOnce(call)
      expect(await ask(answered)).to.equal('answer')
    })

    it('lets one probe through after that, and rejects the others until it is back', async () => {
      const { call: slow, end } = later()
      await endOf(ask(outage(7)))
      clock.add(7000)
      const probe = ask(slow, 5)
      const others = await Promise.all(Array.from({ length: 100 }, () => rejected(ask())))
      for (const why of others) expect(why).to.deep.equal([OPEN, { 'Retry-After': '5' }])
      sinon.assert.calledTwice(call)
      end(answered)
      expect(await probe).to.equal('answer')
      expect(await ask(answered)).to.equal('answer')
      sinon.assert.calledThrice(call)
    })

    it('is open for a second more when the probe fails, and then lets one probe through again', async () => {
      await endOf(ask(outage(7)))
      clock.add(7000)
      expect(await rejected(ask(outage()))).to.deep.equal(['down', {}])
      clock.add(999)
      expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': '1' }])
      sinon.assert.calledTwice(call)
      clock.add(1)
      expect(await ask(answered)).to.equal('answer')
    })

    it('waits longer when a probe is asked to', async () => {
      await times(5, outage())
      clock.add(500)
      expect(await rejected(ask(outage(20)))).to.deep.equal(['down', { 'Retry-After': '20' }])
      clock.add(20_000)
      expect(await rejected(ask(outage(60)))).to.deep.equal(['down', { 'Retry-After': '60' }])
      clock.add(59_999)
      expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': '1' }])
      clock.add(1)
      expect(await ask(answered)).to.equal('answer')
    })

    it('does not wait less than it would without being asked', async () => {
      await times(5, outage())
      for (const open of [500, 1000, 2000]) {
        clock.add(open)
        await endOf(ask())
      }
      clock.add(4000)
      await endOf(ask(outage(1)))
      clock.add(7999)
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      clock.add(1)
      expect((await rejected(ask()))[0]).to.equal('down')
    })
  })

  describe('with calls in flight', () => {
    for (const [name, end] of [
      ['is answered', answered],
      ['fails', outage()],
    ] as const) {
      it(`lets exactly one probe through while many ask, and the others get a Retry-After, if the probe ${name}`, async () => {
        const { call: slow, end: settle } = later()
        await times(5, outage())
        clock.add(500)
        const probe = ask(slow, 5)
        const others = await Promise.all(Array.from({ length: 100 }, () => rejected(ask(slow, 5))))
        for (const why of others) expect(why).to.deep.equal([OPEN, { 'Retry-After': '5' }])
        sinon.assert.callCount(call, 6)
        settle(end)
        if (end === answered) {
          expect(await probe).to.equal('answer')
          const after = await Promise.all(Array.from({ length: 50 }, () => ask(answered)))
          expect(after).to.deep.equal(Array(50).fill('answer'))
          sinon.assert.callCount(call, 56)
        } else {
          await rejected(probe)
          expect(await rejected(ask(answered))).to.deep.equal([OPEN, { 'Retry-After': '1' }])
          sinon.assert.callCount(call, 6)
        }
      })
    }

    it('ignores how a probe ends after the time that it had', async () => {
      const { call: slow, end } = later()
      await times(5, outage())
      clock.add(500)
      const first = ask(slow, 5)
      clock.add(4999)
      expect(await rejected(ask())).to.deep.equal([OPEN, { 'Retry-After': '1' }])
      clock.add(1)
      const second = ask(slow, 5)
      sinon.assert.callCount(call, 7)
      end(answered)
      expect(await first).to.equal('answer')
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      end(answered)
      expect(await second).to.equal('answer')
      expect(await ask(answered)).to.equal('answer')
    })

    it('is not closed by answers to calls from before it opened, nor kept open by their outages', async () => {
      const { call: slow, end } = later()
      const early = Array.from({ length: 10 }, () => endOf(ask(slow)))
      await times(5, outage())
      for (let index = 0; index < 10; index++) end(index % 2 ? outage() : answered)
      expect((await Promise.all(early)).filter((said) => said === 'answer')).to.have.length(5)
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      clock.add(499)
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      clock.add(1)
      expect(await ask(answered)).to.equal('answer')
    })

    it('is not closed by an answer to a call from before the server asked to wait', async () => {
      const { call: slow, end } = later()
      const early = ask(slow)
      await endOf(ask(outage(7)))
      end(answered)
      expect(await early).to.equal('answer')
      clock.add(6999)
      expect((await rejected(ask()))[0]).to.equal(OPEN)
      clock.add(1)
      expect(await ask(answered)).to.equal('answer')
    })
  })

  describe('and its bound on calls in flight', () => {
    it('rejects the next call at once, and does not say when to come again', async () => {
      const { call: slow, end } = later()
      through = circuitBreaker(SERVER, 2, clock.now)
      const first = ask(slow)
      const second = ask()
      expect(await rejected(ask())).to.deep.equal([FULL, {}])
      sinon.assert.calledTwice(call)
      end(answered)
      expect(await first).to.equal('answer')
      const third = ask()
      sinon.assert.calledThrice(call)
      expect(await rejected(ask())).to.deep.equal([FULL, {}])
      end(answered)
      end(answered)
      expect(await Promise.all([second, third])).to.deep.equal(['answer', 'answer'])
    })

    const ends: Array<[string, () => Promise<string>]> = [
      ...reached,
      ['an outage', outage()],
      ['a throw', sinon.fake.throws('x')],
    ]
    for (const [name, end] of ends) {
      it(`has room again after a call that ends with ${name}`, async () => {
        through = circuitBreaker(SERVER, 1, clock.now)
        await endOf(ask(end))
        expect(await ask(answered)).to.equal('answer')
      })
    }

    it('does not open because of it', async () => {
      const { call: slow, end } = later()
      through = circuitBreaker(SERVER, 1, clock.now)
      const first = ask(slow)
      for (let time = 0; time < 20; time++) expect(await rejected(ask())).to.deep.equal([FULL, {}])
      end(answered)
      expect(await first).to.equal('answer')
      expect(await ask(answered)).to.equal('answer')
    })
  })
})

describe('E-01: OutageError', () => {
  it('says why to the circuit breaker, and shows the app no more than a WixUnavailableError does', () => {
    const error = new OutageError(SERVER, 'status 429', 7)
    expect([error.why, error.wait]).to.deep.equal(['status 429', 7])
    expect(error.message).to.equal('Elsewhere is unavailable: status 429')
    expect(JSON.parse(JSON.stringify(error))).to.deep.equal({
      status: 503,
      name: 'WixUnavailableError',
      headers: { 'Retry-After': '7' },
    })
    expect(Object.keys(error)).to.have.members(['status', 'name', 'headers'])
    expect(inspect(error)).to.match(/^WixUnavailableError: Elsewhere is/)
    expect(error.constructor).to.have.property('name', 'WixUnavailableError')
  })
})
