import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  verifyAccessToken,
  type VerifyAccessTokenOptions,
  WixAccessTokenStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import {
  accessToken,
  answering,
  answeringLater,
  clockAt,
  info,
  response,
  type TestClock,
} from '../support/access-token.ts'
import { now, NOW } from '../support/build.ts'
import { APP_ID, refusalOf } from '../support/jwt.ts'
import { type Outcome, request, runToEnd } from '../support/run.ts'
import {
  type Answer,
  endInBody,
  endless,
  firstThen,
  reset,
  resetInBody,
  silence,
  slowBody,
  slowHead,
  tokenInfoServer,
  type TokenInfoServer,
  whole,
} from '../support/token-info-server.ts'

const WHY = 'Token Info is unavailable: '
const TOKEN = accessToken()
const MEGABYTE = 1024 * 1024

const strategy = (options: object): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, ...options }, (identity) => ({ id: identity.instanceId }))
const ask = (door: WixAccessTokenStrategy, token: string = TOKEN): Promise<Outcome> =>
  runToEnd(door, request({}, { authorization: token }))

/** The error of a request that is expected to end in one: its message after the common words, and its headers. */
function unavailableOf(outcome: Outcome): [why: string, headers: unknown] {
  expect(outcome).to.have.property('kind', 'error')
  const { error } = outcome as unknown as { error: WixUnavailableError }
  expect(error).to.be.instanceOf(WixUnavailableError).and.include({ status: 503, name: 'WixUnavailableError' })
  expect(error.message).to.match(/^Token Info is unavailable: /)
  expect(error).to.not.have.property('cause')
  return [error.message.slice(WHY.length), error.headers]
}
const refused = (outcome: Outcome): void => {
  expect(outcome).to.include({ kind: 'fail', status: 401 })
  expect(outcome)
    .to.have.property('challenge')
    .that.matches(/^Bearer realm="Wix", error="invalid_token", /)
}

interface Fault {
  name: string
  answer: Answer
  /** What the error says. */
  why: string | RegExp
  /** For each request. */
  calls: number
  retryAfter?: string
  timeout?: number
}

const CUT = 'an answer that is not a complete JSON object'
const LONG = 'an answer of more than 64 KiB'
const json = JSON.stringify(info())
const status = (code: number): Fault => ({
  name: `status ${code}`,
  answer: whole(info(), code),
  why: `status ${code}`,
  calls: 1,
})
const wrongBody = (name: string, body: unknown): Fault => ({
  name: `200 with ${name}`,
  answer: whole(body),
  why: CUT,
  calls: 1,
})

const outages: Fault[] = [
  { name: 'a connection that is reset before the answer', answer: reset, why: /^no connection \([A-Z_]+\)$/, calls: 2 },
  { name: 'a connection that is reset in the body', answer: resetInBody, why: CUT, calls: 1 },
  { name: 'a connection that ends in the body', answer: endInBody, why: CUT, calls: 1 },
  { name: 'no answer', answer: silence, why: 'no answer within 0.1 seconds', calls: 1, timeout: 0.1 },
  {
    name: 'a head that comes byte by byte',
    answer: slowHead(info()),
    why: 'no answer within 0.1 seconds',
    calls: 1,
    timeout: 0.1,
  },
  {
    name: 'a body that comes byte by byte',
    answer: slowBody(info()),
    why: 'no answer within 0.1 seconds',
    calls: 1,
    timeout: 0.1,
  },
  {
    name: 'an answer that is no HTTP',
    answer: (res) => void res.socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
    why: /^no connection/,
    calls: 2,
  },
  { name: 'status 502 twice', answer: whole('', 502), why: 'status 502', calls: 2 },
  { name: 'status 503 twice', answer: whole('', 503), why: 'status 503', calls: 2 },
  { name: 'status 504 twice', answer: whole('', 504), why: 'status 504', calls: 2 },
  { name: 'a reset, then status 500', answer: firstThen(reset, whole('', 500)), why: 'status 500', calls: 2 },
  ...[201, 202, 203, 204, 206, 304, 402, 403, 405, 406, 409, 410, 413, 415, 418, 422, 429, 451, 500, 501, 505, 599].map(
    status,
  ),
  wrongBody('HTML', '<!doctype html><title>Wix</title>'),
  wrongBody('nothing', ''),
  wrongBody('JSON that is cut', json.slice(0, -1)),
  wrongBody('JSON and more', `${json},`),
  wrongBody('JSON twice', json + json),
  wrongBody('null', 'null'),
  wrongBody('a list', [info()]),
  wrongBody('a number', '7'),
  wrongBody('a text', JSON.stringify(json)),
  wrongBody('true', 'true'),
  wrongBody(
    'invalid UTF-8',
    Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
  ),
  wrongBody('a byte order mark', `\uFEFF${json}`),
  wrongBody('UTF-16', Buffer.from(json, 'utf16le')),
  { name: 'gzip that is none', answer: whole(json, 200, { 'content-encoding': 'gzip' }), why: CUT, calls: 1 },
  { name: 'a body of 64 KiB and a byte', answer: whole(json + ' '.repeat(65_537 - json.length)), why: LONG, calls: 1 },
]

describe('Token Info, served by a server with a fault', () => {
  let server: TokenInfoServer
  let clock: TestClock
  const start = async (answer: Answer): Promise<void> => {
    server = await tokenInfoServer(answer)
    clock = clockAt(NOW)
  }
  const doorTo = (options: object = {}): WixAccessTokenStrategy =>
    strategy({ apiUrl: server.url, now: clock.now, ...options })
  afterEach(() => server.close())

  it('has more than 25 faults', () => {
    expect(outages.length).to.be.greaterThan(25)
    return start(silence)
  })

  for (const { name, answer, why, calls, timeout = 2 } of outages) {
    it(`T-06, T-07: ${name}: 503, nobody is refused, nothing is remembered, ${calls} calls`, async () => {
      await start(answer)
      const begun = performance.now()
      const door = doorTo({ timeout })
      const [said, headers] = unavailableOf(await ask(door))
      expect(performance.now() - begun).to.be.lessThan(timeout * 1000 + 1000)
      if (typeof why === 'string') expect(said).to.equal(why)
      else expect(said).to.match(why)
      expect(headers).to.deep.equal({})
      expect(server.calls).to.have.length(calls)

      // The next request asks again, and gets the answer.
      server.answerWith(whole(info()))
      expect(await ask(door)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(calls + 1)
    })
  }

  it('T-08: a connection that nobody takes: 503, 1 retry', async () => {
    await start(silence)
    await server.close()
    const fetch = sinon.spy(globalThis.fetch)
    const [why, headers] = unavailableOf(await ask(doorTo({ fetch })))
    expect([why, headers]).to.deep.equal(['no connection (ECONNREFUSED)', {}])
    sinon.assert.calledTwice(fetch)
  })

  it('T-08: a name that does not exist: 503, at most 1 retry', async () => {
    await start(silence)
    const fetch = sinon.spy(globalThis.fetch)
    const [why, headers] = unavailableOf(await ask(doorTo({ fetch, apiUrl: 'https://nothing.invalid', timeout: 5 })))
    expect(why).to.match(/^no (connection \((ENOTFOUND|EAI_AGAIN)\)|answer within 5 seconds)$/)
    expect(headers).to.deep.equal({})
    expect(fetch.callCount).to.be.within(1, 2)
  })

  it('T-08: a server without TLS where there should be some: 503, 1 retry, and it reads no token', async () => {
    await start(whole(info()))
    const [why, headers] = unavailableOf(await ask(doorTo({ apiUrl: server.url.replace('http:', 'https:') })))
    expect(why).to.match(/^no connection( \([A-Z\d_]+\))?$/)
    expect(headers).to.deep.equal({})
    expect([server.connections, server.calls.length]).to.deep.equal([2, 0])
  })

  it('T-06: at the deadline the connection is closed', async () => {
    for (const answer of [silence, slowHead(info()), slowBody(info())]) {
      await start(answer)
      unavailableOf(await ask(doorTo({ timeout: 0.05 })))
      await server.hungUp()
      await server.close()
    }
  })

  it('T-06: the deadline counts for the retry too', async () => {
    await start(firstThen(reset, silence))
    const begun = performance.now()
    const [why] = unavailableOf(await ask(doorTo({ timeout: 0.3 })))
    expect(why).to.equal('no answer within 0.3 seconds')
    expect(performance.now() - begun).to.be.within(290, 1000)
    expect(server.calls).to.have.length(2)
  })

  const recovered: Array<[string, Answer]> = [
    ['a connection that was reset', reset],
    ['a status 502', whole('', 502)],
    ['a status 503', whole('<p>busy</p>', 503)],
    ['a status 503 whose Retry-After asks for no time', whole('', 503, { 'Retry-After': '0' })],
    ['a status 503 whose Retry-After says nothing', whole('', 503, { 'Retry-After': 'soon' })],
    ['a status 504', whole('', 504)],
  ]
  for (const [name, fault] of recovered) {
    it(`T-08: one retry helps after ${name}: 2 calls, and the user is in`, async () => {
      await start(firstThen(fault, whole(info())))
      expect(await ask(doorTo())).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(2)
      expect(server.calls[1]?.body).to.equal(JSON.stringify({ token: TOKEN }))
    })
  }

  it('T-08: what the retry says counts: a refusal', async () => {
    await start(firstThen(whole('', 502), whole({}, 401)))
    refused(await ask(doorTo()))
    expect(server.calls).to.have.length(2)
  })

  it('T-08: what the retry says counts: a Retry-After', async () => {
    await start(firstThen(whole('', 502), whole('', 503, { 'Retry-After': '7' })))
    const door = doorTo()
    expect(unavailableOf(await ask(door))).to.deep.equal(['status 503', { 'Retry-After': '7' }])
    expect(unavailableOf(await ask(door))).to.deep.equal([
      'circuit breaker open after status 503',
      { 'Retry-After': '7' },
    ])
    expect(server.calls).to.have.length(2)
  })

  for (const code of [400, 401, 404]) {
    it(`T-07: status ${code}: refused with 401, remembered for 10 s, 1 call`, async () => {
      await start(whole(info(), code, { 'Retry-After': '60' }))
      const door = doorTo()
      for (let time = 0; time < 3; time++) refused(await ask(door))
      clock.add(9999)
      refused(await ask(door))
      expect(server.calls).to.have.length(1)
      clock.add(2)
      server.answerWith(whole(info()))
      expect(await ask(door)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(2)
    })
  }

  const inactive = [false, 'false', undefined, 1, {}, null, '', []]
  for (const active of inactive) {
    it(`T-07: 200 with active ${inspect(active)}: refused with 401, remembered for 10 s, 1 call`, async () => {
      await start(whole(info({ active })))
      const door = doorTo()
      for (let time = 0; time < 3; time++) refused(await ask(door))
      clock.add(9999)
      refused(await ask(door))
      expect(server.calls).to.have.length(1)
      clock.add(2)
      server.answerWith(whole(info()))
      expect(await ask(door)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(2)
    })
  }

  const waits: Array<[string, () => Answer]> = [
    ['429 with seconds', () => whole('', 429, { 'Retry-After': '7' })],
    ['429 with a date', () => whole('', 429, { 'Retry-After': new Date(NOW + 7000).toUTCString() })],
    ['503 with seconds', () => whole('', 503, { 'Retry-After': '7' })],
    ['500 with seconds', () => whole('', 500, { 'Retry-After': '7' })],
    ['403 with seconds', () => whole('', 403, { 'Retry-After': '7' })],
  ]
  for (const [name, answer] of waits) {
    it(`T-08: Retry-After of ${name}: passed on, and 0 calls until then, for any token`, async () => {
      await start(answer())
      // The date has whole seconds, and so has the clock for this test.
      clock.add(-(NOW % 1000))
      const door = doorTo()
      const why = `status ${name.slice(0, 3)}`
      expect(unavailableOf(await ask(door))).to.deep.equal([why, { 'Retry-After': '7' }])
      server.answerWith(whole(info()))
      for (const left of ['7', '6', '5', '4', '3', '2', '1']) {
        expect(unavailableOf(await ask(door))).to.deep.equal([
          `circuit breaker open after ${why}`,
          { 'Retry-After': left },
        ])
        unavailableOf(await ask(door, accessToken('other')))
        clock.add(999)
        unavailableOf(await ask(door))
        clock.add(1)
      }
      expect(server.calls).to.have.length(1)
      expect(await ask(door)).to.include({ kind: 'success' })
      expect(server.calls).to.have.length(2)
    })
  }

  it('T-06: a body of exactly 64 KiB is read', async () => {
    await start(whole(json + ' '.repeat(65_536 - json.length)))
    expect(await ask(doorTo())).to.include({ kind: 'success' })
  })

  it('T-06: a right answer in gzip is read', async () => {
    await start(whole(gzipSync(json), 200, { 'content-encoding': 'gzip' }))
    expect(await ask(doorTo())).to.include({ kind: 'success' })
  })

  it('T-06: of 60 MB little is read, and the connection is closed', async () => {
    await start(endless(Buffer.alloc(MEGABYTE / 16, ' '), 60 * MEGABYTE))
    expect(unavailableOf(await ask(doorTo()))).to.deep.equal([LONG, {}])
    await server.hungUp()
    expect(server.written()).to.be.within(65_536, 20 * MEGABYTE)
    expect(server.calls).to.have.length(1)
  })

  it('T-06: of a gzip bomb of 60 GB little is read, and the connection is closed', async () => {
    // Each megabyte of spaces has some 1,000 bytes.
    const packed = gzipSync(Buffer.alloc(MEGABYTE, ' '))
    expect(packed.length).to.be.lessThan(1100)
    await start(endless(packed, 60_000 * packed.length, { 'content-encoding': 'gzip' }))
    expect(unavailableOf(await ask(doorTo()))).to.deep.equal([LONG, {}])
    await server.hungUp()
    expect(server.written()).to.be.lessThan(20 * MEGABYTE)
    expect(server.calls).to.have.length(1)
  })

  it('T-06: of a gzip bomb that arrives at once no more than 64 KiB count', async () => {
    const bomb = gzipSync(Buffer.alloc(60 * MEGABYTE, ' '))
    await start(whole(bomb, 200, { 'content-encoding': 'gzip' }))
    const before = process.memoryUsage().rss
    expect(unavailableOf(await ask(doorTo()))).to.deep.equal([LONG, {}])
    expect(process.memoryUsage().rss - before).to.be.lessThan(40 * MEGABYTE)
  })

  it('T-06: a body without end behind a status that is none is not read', async () => {
    for (const code of [400, 500]) {
      await start((res) => {
        res.writeHead = res.writeHead.bind(res, code) as never
        const chunk = Buffer.alloc(MEGABYTE / 16, ' ')
        res.writeHead({} as never)
        const more = (): void => {
          while (!res.destroyed) if (!res.write(chunk)) return void res.once('drain', more)
        }
        more()
      })
      expect((await ask(doorTo())).kind).to.equal(code === 400 ? 'fail' : 'error')
      await server.hungUp()
      expect(server.written()).to.be.lessThan(20 * MEGABYTE)
      await server.close()
    }
  })

  for (const code of [300, 301, 302, 303, 307, 308]) {
    it(`T-05: a redirect ${code}: 503, and 0 requests to the other host`, async () => {
      const other = await tokenInfoServer(whole(info()))
      try {
        await start(whole('', code, { location: `${other.url}/oauth2/token-info` }))
        expect(unavailableOf(await ask(doorTo()))).to.deep.equal([`status ${code}`, {}])
        expect([server.calls.length, other.calls.length, other.connections]).to.deep.equal([1, 0, 0])
      } finally {
        await other.close()
      }
    })
  }

  it('T-05: a redirect to itself is not followed either', async () => {
    await start((res) => whole('', 307, { location: '/oauth2/token-info' })(res, res.req))
    expect(unavailableOf(await ask(doorTo()))).to.deep.equal(['status 307', {}])
    expect(server.calls).to.have.length(1)
  })

  it('recovers by itself after an outage: pauses, one probe, and all is as before', async () => {
    await start(reset)
    const door = doorTo({ timeout: 0.5 })
    for (let time = 0; time < 5; time++) unavailableOf(await ask(door))
    const before = server.calls.length
    expect(before).to.equal(10)
    for (let time = 0; time < 50; time++) {
      const [why, headers] = unavailableOf(await ask(door))
      expect(why).to.match(/^circuit breaker open after no connection \([A-Z_]+\)$/)
      expect(headers).to.deep.equal({ 'Retry-After': '1' })
    }
    expect(server.calls).to.have.length(before)
    server.answerWith(whole(info()))
    clock.add(500)
    expect(await ask(door)).to.include({ kind: 'success' })
    expect(await ask(door, accessToken('other'))).to.include({ kind: 'success' })
    expect(server.calls).to.have.length(before + 2)
  })
})

describe('Retry-After', () => {
  const PAUSE = 'circuit breaker open after status 429'
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
  for (const [value, told] of values) {
    it(`T-08: ${value.slice(0, 30) || 'that is empty'} means ${told === undefined ? 'nothing' : `${told} s`}`, async () => {
      const fetch = answering('', 429, { 'Retry-After': value })
      const clock = clockAt(NOW)
      const door = strategy({ fetch, now: clock.now })
      const headers = told === undefined ? {} : { 'Retry-After': told }
      expect(unavailableOf(await ask(door))).to.deep.equal(['status 429', headers])
      sinon.assert.calledOnce(fetch)
      if (told === undefined) {
        unavailableOf(await ask(door))
        sinon.assert.calledTwice(fetch)
        return
      }
      clock.add(Number(told) * 1000 - 1)
      expect(unavailableOf(await ask(door))).to.deep.equal([PAUSE, { 'Retry-After': '1' }])
      sinon.assert.calledOnce(fetch)
      clock.add(1)
      unavailableOf(await ask(door))
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
  for (const [value, told] of shorter) {
    it(`T-09: ${value.slice(0, 30)} with any status but 429 means ${told} s: no pause of failures is longer`, async () => {
      for (const code of [302, 403, 408, 500, 503]) {
        const fetch = sinon.stub()
        fetch.onCall(0).callsFake(answering('', code, { 'Retry-After': value }))
        fetch.callsFake(answering())
        const clock = clockAt(NOW - (NOW % 1000))
        const door = strategy({ fetch, now: clock.now })
        expect(unavailableOf(await ask(door))).to.deep.equal([`status ${code}`, { 'Retry-After': told }])
        clock.add(Number(told) * 1000 - 1)
        expect(unavailableOf(await ask(door))).to.deep.equal([
          `circuit breaker open after status ${code}`,
          { 'Retry-After': '1' },
        ])
        sinon.assert.calledOnce(fetch)
        clock.add(1)
        expect(await ask(door)).to.include({ kind: 'success' })
        sinon.assert.calledTwice(fetch)
      }
    })
  }

  it('T-09: ends with one probe, and the others are refused until that one is back', async () => {
    const later = answeringLater()
    const fetch = sinon.stub()
    fetch.onCall(0).callsFake(answering('', 429, { 'Retry-After': '7' }))
    fetch.callsFake(later.fetch)
    const clock = clockAt(NOW)
    const door = strategy({ fetch, now: clock.now, cache: false, timeout: 5 })
    unavailableOf(await ask(door))
    clock.add(7000)
    const probe = ask(door)
    const others = await Promise.all(Array.from({ length: 100 }, (_, index) => ask(door, accessToken(index))))
    for (const outcome of others) expect(unavailableOf(outcome)).to.deep.equal([PAUSE, { 'Retry-After': '5' }])
    sinon.assert.calledTwice(fetch)
    later.answer()
    expect(await probe).to.include({ kind: 'success' })
    fetch.callsFake(answering())
    expect(await ask(door)).to.include({ kind: 'success' })
    sinon.assert.calledThrice(fetch)
  })

  it('T-09: is followed by a pause of half a second when the probe fails, and then by one probe again', async () => {
    const fetch = sinon.stub()
    fetch.onCall(0).callsFake(answering('', 429, { 'Retry-After': '7' }))
    fetch.onCall(1).callsFake(answering('', 500))
    fetch.callsFake(answering())
    const clock = clockAt(NOW)
    const door = strategy({ fetch, now: clock.now, cache: false })
    unavailableOf(await ask(door))
    clock.add(7000)
    expect(unavailableOf(await ask(door))).to.deep.equal(['status 500', {}])
    clock.add(499)
    expect(unavailableOf(await ask(door))).to.deep.equal([
      'circuit breaker open after status 500',
      { 'Retry-After': '1' },
    ])
    sinon.assert.calledTwice(fetch)
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it("T-08: of a refusal or of a good answer is nobody's concern", async () => {
    const fetch = sinon.stub()
    const asks = { 'Retry-After': '60' }
    fetch.onCall(0).callsFake(answering(info(), 200, asks))
    fetch.onCall(1).callsFake(answering({}, 401, asks))
    fetch.onCall(2).callsFake(answering())
    const door = strategy({ fetch })
    expect(await ask(door, accessToken(1))).to.include({ kind: 'success' })
    refused(await ask(door, accessToken(2)))
    expect(await ask(door, accessToken(3))).to.include({ kind: 'success' })
  })

  describe('T-09: where the clock of the machine', () => {
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
      it(`${name}, is a pause as long as it was to be`, async () => {
        const date = new Date(NOW + 7000).toUTCString()
        const reasons: Array<[count: number, pause: number, answer: Response]> = [
          [1, 7000, response('', 429, { 'Retry-After': '7' })],
          [1, Date.parse(date) - NOW, response('', 429, { 'Retry-After': date })],
          [5, 500, response('', 500)],
        ]
        for (const [count, pause, answer] of reasons) {
          timers.setSystemTime(NOW)
          const why = `circuit breaker open after status ${answer.status}`
          const fetch = sinon.fake(async () => answer)
          const constant = { appId: APP_ID, fetch, cache: false } as const
          const error = (): Promise<unknown> => verifyAccessToken(TOKEN, constant).catch((reason: unknown) => reason)
          for (let time = 0; time < count; time++) {
            expect(await error()).to.have.property('message', `${WHY}status ${answer.status}`)
          }
          timers.setSystemTime(NOW + shift)
          timers.tick(pause - 1)
          expect(await error()).to.have.property('message', WHY + why)
          expect(await error()).to.have.deep.property('headers', { 'Retry-After': '1' })
          sinon.assert.callCount(fetch, count)
          timers.tick(1)
          await error()
          sinon.assert.callCount(fetch, count + 1)
        }
      })
    }
  })

  it('does not keep out what is remembered', async () => {
    const fetch = sinon.stub()
    fetch.onCall(0).callsFake(answering())
    fetch.callsFake(answering('', 429, { 'Retry-After': '7' }))
    const door = strategy({ fetch })
    expect(await ask(door)).to.include({ kind: 'success' })
    unavailableOf(await ask(door, accessToken('other')))
    expect(await ask(door)).to.include({ kind: 'success' })
  })
})

describe('T-09: repeated outages', () => {
  const PAUSE = 'circuit breaker open after status 500'
  let clock: TestClock
  let fetch: sinon.SinonStub
  let door: WixAccessTokenStrategy
  beforeEach(() => {
    clock = clockAt(NOW)
    fetch = sinon.stub()
    door = strategy({ fetch, now: clock.now, cache: false })
  })
  const works = (): void => void fetch.callsFake(answering())
  const fails = (headers: Record<string, string> = {}): void => void fetch.callsFake(answering('', 500, headers))
  const refuses = (): void => void fetch.callsFake(answering({}, 401))
  const times = async (count: number): Promise<void> => {
    for (let time = 0; time < count; time++) await ask(door)
  }

  it('four in a row are no reason to pause', async () => {
    fails()
    await times(4)
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
    sinon.assert.callCount(fetch, 5)
  })

  it('five in a row are, for half a second, to the millisecond', async () => {
    fails()
    await times(5)
    expect(unavailableOf(await ask(door))).to.deep.equal([PAUSE, { 'Retry-After': '1' }])
    clock.add(499)
    expect(unavailableOf(await ask(door))).to.deep.equal([PAUSE, { 'Retry-After': '1' }])
    sinon.assert.callCount(fetch, 5)
    clock.add(1)
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
    sinon.assert.callCount(fetch, 6)
  })

  it('the pause doubles with each probe that fails, up to 30 s', async () => {
    fails()
    await times(5)
    let calls = 5
    for (const pause of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
      const [why, headers] = unavailableOf(await ask(door))
      expect([why, headers]).to.deep.equal([PAUSE, { 'Retry-After': String(Math.ceil(pause / 1000)) }])
      clock.add(pause - 1)
      expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
      sinon.assert.callCount(fetch, calls)
      clock.add(1)
      expect(unavailableOf(await ask(door))[0]).to.equal('status 500')
      sinon.assert.callCount(fetch, ++calls)
    }
  })

  it('after a probe that is answered, five more have to fail for a pause, of half a second again', async () => {
    fails()
    await times(5)
    for (const pause of [500, 1000, 2000]) {
      clock.add(pause)
      await ask(door)
    }
    clock.add(4000)
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
    fails()
    await times(4)
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
    fails()
    await times(5)
    clock.add(499)
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(1)
    expect(unavailableOf(await ask(door))[0]).to.equal('status 500')
  })

  it('a good answer in between, or a refusal, begins the count again', async () => {
    for (const answer of [works, refuses]) {
      fails()
      await times(4)
      answer()
      await times(1)
      fails()
      await times(4)
      answer()
      expect((await ask(door)).kind).to.not.equal('error')
    }
  })

  it('a token that Wix refuses ends the pause as a good one does', async () => {
    fails()
    await times(5)
    clock.add(500)
    refuses()
    refused(await ask(door))
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('a pause names the last failure, whatever kind it was', async () => {
    const broken = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    const kinds: Array<[why: string, end: (...args: never[]) => unknown]> = [
      ['status 503', answering('', 503)],
      ['status 429', answering('', 429)],
      ['status 408', answering('', 408)],
      ['status 302', answering('', 302)],
      ['no connection (ECONNREFUSED)', () => Promise.reject(broken)],
      ['no connection', () => Promise.reject(new Error('x'))],
      ['no answer within 0.3 seconds', () => new Promise(() => {})],
      [CUT, answering('<p>')],
      [LONG, answering(' '.repeat(65_537))],
    ]
    for (const [why, end] of kinds) {
      clock = clockAt(NOW)
      door = strategy({ fetch, now: clock.now, cache: false, timeout: 0.3 })
      fails()
      await times(4)
      fetch.callsFake(end)
      expect(unavailableOf(await ask(door))).to.deep.equal([why, {}])
      expect(unavailableOf(await ask(door))).to.deep.equal([
        `circuit breaker open after ${why}`,
        { 'Retry-After': '1' },
      ])
    }
  })

  for (const code of [402, 403, 405, 409, 410, 413, 422, 451]) {
    it(`junk that Wix answers with ${code} is a 503 for who sent it, and no pause for anybody`, async () => {
      for (let index = 0; index < 20; index++) {
        fetch.callsFake(answering('', code))
        expect(unavailableOf(await ask(door, accessToken(`junk-${index}`)))).to.deep.equal([`status ${code}`, {}])
        works()
        expect(await ask(door)).to.include({ kind: 'success' })
      }
      // Nor when nothing good comes in between, or all of it at once.
      fetch.callsFake(answering('', code))
      const junk = Array.from({ length: 50 }, (_, index) => accessToken(`more junk-${index}`))
      for (const token of junk) expect(unavailableOf(await ask(door, token))[0]).to.equal(`status ${code}`)
      await Promise.all(junk.map((token) => ask(door, token)))
      works()
      expect(await ask(door)).to.include({ kind: 'success' })
      sinon.assert.callCount(fetch, 20 * 2 + 50 * 2 + 1)
    })
  }

  it('a status 403 or 422 shows that Wix is there: it begins the count again, and a probe that gets it ends the pause', async () => {
    for (const code of [403, 422]) {
      door = strategy({ fetch, now: clock.now, cache: false })
      for (let time = 0; time < 3; time++) {
        fails()
        await times(4)
        fetch.callsFake(answering('', code))
        expect(unavailableOf(await ask(door))).to.deep.equal([`status ${code}`, {}])
      }
      fails()
      await times(5)
      clock.add(500)
      fetch.callsFake(answering('', code))
      expect(unavailableOf(await ask(door))).to.deep.equal([`status ${code}`, {}])
      works()
      expect(await ask(door)).to.include({ kind: 'success' })
    }
  })

  for (const code of [201, 302, 408, 429, 500, 501, 502, 503, 504, 599]) {
    it(`five times status ${code} without Retry-After are a reason to pause`, async () => {
      // Without the moment before a second try.
      const timer = sinon.stub(globalThis, 'setTimeout').callsFake(((run: () => void, wait: number) => {
        if (wait < 200) setImmediate(run)
      }) as never)
      try {
        fetch.callsFake(answering('', code))
        await times(5)
        expect(unavailableOf(await ask(door))).to.deep.equal([
          `circuit breaker open after status ${code}`,
          { 'Retry-After': '1' },
        ])
      } finally {
        timer.restore()
      }
    })
  }

  it('a probe that asks for more time gets it', async () => {
    fails()
    await times(5)
    clock.add(500)
    fails({ 'Retry-After': '20' })
    expect(unavailableOf(await ask(door))).to.deep.equal(['status 500', { 'Retry-After': '20' }])
    clock.add(20_000)
    fetch.callsFake(answering('', 429, { 'Retry-After': '60' }))
    expect(unavailableOf(await ask(door))).to.deep.equal(['status 429', { 'Retry-After': '60' }])
    works()
    clock.add(59_999)
    expect(unavailableOf(await ask(door))).to.deep.equal([
      'circuit breaker open after status 429',
      { 'Retry-After': '1' },
    ])
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('a probe that asks for less time does not shorten the pause', async () => {
    fails()
    await times(5)
    for (const pause of [500, 1000, 2000]) {
      clock.add(pause)
      await ask(door)
    }
    clock.add(4000)
    fails({ 'Retry-After': '1' })
    await ask(door)
    clock.add(7999)
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(1)
    expect(unavailableOf(await ask(door))[0]).to.equal('status 500')
  })

  it('a request in the pause ends in the same tick as it came from the network: without a call and without a timer', async () => {
    fails()
    await times(5)
    const timer = sinon.spy(globalThis, 'setTimeout')
    try {
      for (let time = 0; time < 100; time++) unavailableOf(await ask(door))
      sinon.assert.notCalled(timer)
    } finally {
      timer.restore()
    }
    sinon.assert.callCount(fetch, 5)
  })

  it('after a pause exactly one probe goes out while many ask, and the others are told when to come again', async () => {
    const later = answeringLater()
    for (const probe of ['good', 'bad'] as const) {
      clock = clockAt(NOW)
      door = strategy({ fetch, now: clock.now, cache: false, timeout: 5 })
      fetch.resetHistory()
      fails()
      await times(5)
      clock.add(500)
      fetch.callsFake(later.fetch)
      const first = ask(door)
      const others = await Promise.all(Array.from({ length: 100 }, (_, index) => ask(door, accessToken(index))))
      for (const outcome of others) expect(unavailableOf(outcome)).to.deep.equal([PAUSE, { 'Retry-After': '5' }])
      sinon.assert.callCount(fetch, 6)
      later.answer(info(), probe === 'good' ? 200 : 500)
      works()
      if (probe === 'good') {
        expect(await first).to.include({ kind: 'success' })
        const after = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(door, accessToken(index))))
        expect(after.filter(({ kind }) => kind !== 'success')).to.deep.equal([])
        sinon.assert.callCount(fetch, 56)
      } else {
        unavailableOf(await first)
        expect(unavailableOf(await ask(door))).to.deep.equal([PAUSE, { 'Retry-After': '1' }])
        sinon.assert.callCount(fetch, 6)
      }
    }
  })

  it('a probe without an answer makes room for the next one, circuit breaker open after its deadline', async () => {
    door = strategy({ fetch, now: clock.now, cache: false, timeout: 0.02 })
    fails()
    await times(5)
    clock.add(500)
    fetch.callsFake(() => new Promise(() => {}))
    expect(unavailableOf(await ask(door))[0]).to.equal('no answer within 0.02 seconds')
    works()
    clock.add(999)
    expect(unavailableOf(await ask(door))[0]).to.equal('circuit breaker open after no answer within 0.02 seconds')
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('a probe that others have stopped waiting for decides nothing when its answer comes', async () => {
    const later = answeringLater()
    door = strategy({ fetch, now: clock.now, cache: false, timeout: 5 })
    fails()
    await times(5)
    clock.add(500)
    fetch.callsFake(later.fetch)
    const first = ask(door)
    clock.add(5000)
    const second = ask(door, accessToken('second'))
    sinon.assert.callCount(fetch, 7)
    later.answer()
    expect(await first).to.include({ kind: 'success' })
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    later.answer()
    expect(await second).to.include({ kind: 'success' })
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('answers that were asked for before the pause do not end it, and failures do not make it longer', async () => {
    const later = answeringLater()
    fetch.callsFake(later.fetch)
    const early = Array.from({ length: 10 }, (_, index) => ask(door, accessToken(index)))
    fails()
    await times(5)
    for (let index = 0; index < 10; index++) later.answer(info(), index % 2 ? 500 : 200)
    const kinds = (await Promise.all(early)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'success')).to.have.length(5)
    works()
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(499)
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('an answer that was asked for before a Retry-After does not end that either', async () => {
    const later = answeringLater()
    fetch.callsFake(later.fetch)
    const early = ask(door)
    fails({ 'Retry-After': '7' })
    await times(1)
    later.answer()
    expect(await early).to.include({ kind: 'success' })
    works()
    clock.add(6999)
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('64 that fail at once are one reason for a pause, not 60', async () => {
    fails()
    const all = await Promise.all(Array.from({ length: 64 }, (_, index) => ask(door, accessToken(index))))
    for (const outcome of all) expect(unavailableOf(outcome)[0]).to.equal('status 500')
    works()
    clock.add(499)
    expect(unavailableOf(await ask(door))[0]).to.equal(PAUSE)
    clock.add(1)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('do not keep out what is remembered', async () => {
    door = strategy({ fetch, now: clock.now })
    works()
    expect(await ask(door)).to.include({ kind: 'success' })
    fails()
    for (let index = 0; index < 5; index++) await ask(door, accessToken(index))
    expect(unavailableOf(await ask(door, accessToken('new')))[0]).to.equal(PAUSE)
    expect(await ask(door)).to.include({ kind: 'success' })
  })

  it('of one strategy are no concern of another', async () => {
    fails()
    await times(5)
    works()
    expect(await ask(strategy({ fetch, now: clock.now }))).to.include({ kind: 'success' })
  })
})

describe('T-09: the calls under way', () => {
  const FULL = 'too many calls in flight'

  it('are at most maxCalls: the next one is a 503 at once, and nobody is told when to come again', async () => {
    const { fetch, answer } = answeringLater()
    const door = strategy({ fetch, maxCalls: 2 })
    const first = ask(door, accessToken(1))
    const second = ask(door, accessToken(2))
    expect(unavailableOf(await ask(door, accessToken(3)))).to.deep.equal([FULL, {}])
    sinon.assert.calledTwice(fetch)

    // One that waits for an answer already under way makes no call.
    const equal = ask(door, accessToken(1))
    answer()
    expect(await first).to.include({ kind: 'success' })
    expect(await equal).to.include({ kind: 'success' })

    const third = ask(door, accessToken(3))
    sinon.assert.calledThrice(fetch)
    expect(unavailableOf(await ask(door, accessToken(4)))[0]).to.equal(FULL)
    answer()
    answer()
    for (const outcome of await Promise.all([second, third])) expect(outcome).to.include({ kind: 'success' })
  })

  it('make room again however they end', async () => {
    const ends: Array<[string, (...args: never[]) => unknown]> = [
      ['a refusal', answering({}, 401)],
      ['a status', answering({}, 500)],
      ['an answer that is no JSON', answering('<p>')],
      ['a broken connection', () => Promise.reject(new Error('x'))],
      ['a throw', sinon.fake.throws('x')],
      ['silence', () => new Promise(() => {})],
    ]
    for (const [name, end] of ends) {
      const fetch = sinon.stub()
      fetch.callsFake(end as never)
      const door = strategy({ fetch, maxCalls: 1, timeout: 0.2, cache: false })
      await ask(door)
      fetch.callsFake(answering())
      expect((await ask(door)).kind, name).to.equal('success')
    }
  })

  it('too many of them are no outage: no pause comes of it', async () => {
    const { fetch, answer } = answeringLater()
    const door = strategy({ fetch, maxCalls: 1, cache: false })
    const first = ask(door)
    for (let time = 0; time < 20; time++) expect(unavailableOf(await ask(door))).to.deep.equal([FULL, {}])
    answer()
    expect(await first).to.include({ kind: 'success' })
    const next = ask(door)
    answer()
    expect(await next).to.include({ kind: 'success' })
  })

  it('are at most 64 for 10,000 different tokens at once, and nothing of the others is kept', async () => {
    const { fetch, answer } = answeringLater()
    const options: VerifyAccessTokenOptions = { appId: APP_ID, now, fetch }
    const verdicts = Array.from({ length: 10_000 }, (_, index) =>
      verifyAccessToken(accessToken(index), options).then(
        () => 'success',
        (error: unknown) => (error instanceof WixUnavailableError ? error.message.slice(WHY.length) : String(error)),
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
    sinon.assert.callCount(fetch, 64)
    for (let index = 0; index < 64; index++) answer({ active: false })
    const said = await Promise.all(verdicts)
    expect(said.filter((text) => text === FULL)).to.have.length(10_000 - 64)
    expect(said.filter((text) => text.startsWith('WixAuthError'))).to.have.length(64)
    const again = verifyAccessToken(accessToken(9999), options)
    await Promise.resolve()
    answer()
    expect(await again).to.include({ instanceId: 'instance-1' })
  })
})

describe('a fetch of the app', () => {
  const headers = { get: () => null }
  const stream = (start: (controller: ReadableStreamDefaultController) => void): Response =>
    new Response(new ReadableStream({ start }))
  const late: Array<[string, () => unknown]> = [
    ['never settles, and ignores its signal', () => new Promise(() => {})],
    ['answers without end', () => stream(() => {})],
    ['answers a part, and then no more', () => stream((controller) => controller.enqueue(Buffer.from('{"active":')))],
    [
      'answers a part, and cannot be cancelled',
      () =>
        new Response(new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => new Promise(() => {}) })),
    ],
  ]
  for (const [name, end] of late) {
    it(`T-06: that ${name}, ends at the deadline`, async () => {
      const fetch = sinon.fake(end)
      const begun = performance.now()
      const [why, told] = unavailableOf(await ask(strategy({ fetch, timeout: 0.1 })))
      expect([why, told]).to.deep.equal(['no answer within 0.1 seconds', {}])
      expect(performance.now() - begun).to.be.within(95, 1000)
      sinon.assert.calledOnce(fetch)
    })
  }

  it('T-06: is told by its signal, at the deadline and when all is done', async () => {
    const fetch = sinon.fake((_url: string, { signal }: { signal: AbortSignal }) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
      })
    })
    expect(unavailableOf(await ask(strategy({ fetch, timeout: 0.05 })))[0]).to.equal('no answer within 0.05 seconds')
    expect(fetch.firstCall.args[1].signal.aborted).to.equal(true)
    sinon.assert.calledOnce(fetch)
    const good = answering()
    await ask(strategy({ fetch: good }))
    expect(good.firstCall.args[1].signal?.aborted).to.equal(true)
  })

  const broken: Array<[string, () => unknown]> = [
    ['throws', sinon.fake.throws(new TypeError('x'))],
    ['rejects', () => Promise.reject(new TypeError('x'))],
    ['rejects with nothing', () => Promise.reject()],
  ]
  for (const [name, end] of broken) {
    it(`T-08: that ${name}, is asked once more, and then is a 503`, async () => {
      const fetch = sinon.fake(end)
      expect(unavailableOf(await ask(strategy({ fetch })))).to.deep.equal(['no connection', {}])
      sinon.assert.calledTwice(fetch)
    })
  }

  for (const answer of [
    undefined,
    null,
    {},
    { status: 200 },
    { status: 200, headers },
    { status: 200, headers, body: null },
  ]) {
    it(`that answers ${inspect(answer, { breakLength: Infinity })} is an error, never a user or a refusal`, async () => {
      const outcome = await ask(strategy({ fetch: async () => answer }))
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.property('error').that.is.instanceOf(Error)
    })
  }

  it('is the global one where there is none, looked up when it is needed', async () => {
    const door = strategy({ cache: false })
    const original = globalThis.fetch
    const fetch = answering()
    globalThis.fetch = fetch as never
    try {
      expect(await ask(door)).to.include({ kind: 'success' })
    } finally {
      globalThis.fetch = original
    }
    sinon.assert.calledOnceWithExactly(
      fetch,
      'https://www.wixapis.com/oauth2/token-info',
      sinon.match({ method: 'POST', redirect: 'manual' }),
    )
  })

  describe('by a clock of the test', () => {
    let timers: sinon.SinonFakeTimers
    beforeEach(() => {
      timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => timers.restore())
    const begin = (options: object): { done: Promise<Outcome>; isDone: () => boolean } => {
      let isDone = false
      const done = ask(strategy(options)).finally(() => {
        isDone = true
      })
      return { done, isDone: () => isDone }
    }

    it('T-08: is asked again 50 to 150 ms later, not at once', async () => {
      for (const [random, wait] of [
        [0, 50],
        [0.5, 100],
        [0.999_999, 149],
      ] as const) {
        const chance = sinon.stub(Math, 'random').returns(random)
        const fetch = sinon.stub()
        fetch.onCall(0).rejects(new Error('x'))
        fetch.callsFake(answering())
        const { done } = begin({ fetch })
        await timers.tickAsync(wait - 1)
        sinon.assert.calledOnce(fetch)
        await timers.tickAsync(1)
        sinon.assert.calledTwice(fetch)
        chance.restore()
        expect(await done).to.include({ kind: 'success' })
      }
    })

    it('T-06: has 2 s where no time is said, to the millisecond', async () => {
      const { done, isDone } = begin({ fetch: () => new Promise(() => {}) })
      await timers.tickAsync(1999)
      await new Promise((resolve) => setImmediate(resolve))
      expect(isDone()).to.equal(false)
      await timers.tickAsync(1)
      expect(unavailableOf(await done)[0]).to.equal('no answer within 2 seconds')
    })

    it('T-08: is not asked again after the deadline', async () => {
      for (const end of [() => Promise.reject(new Error('x')), answering('', 502)]) {
        const fetch = sinon.fake(end as () => unknown)
        const { done } = begin({ fetch, timeout: 0.03 })
        await timers.tickAsync(30)
        expect(unavailableOf(await done)[0]).to.equal('no answer within 0.03 seconds')
        await timers.tickAsync(1000)
        sinon.assert.calledOnce(fetch)
      }
    })

    it('T-08: is not asked again when the deadline itself has ended it', async () => {
      const fetch = sinon.fake(
        (_url: string, { signal }: { signal: AbortSignal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted')))
          }),
      )
      const { done } = begin({ fetch, timeout: 0.03 })
      await timers.tickAsync(30)
      expect(unavailableOf(await done)[0]).to.equal('no answer within 0.03 seconds')
      await timers.tickAsync(1000)
      sinon.assert.calledOnce(fetch)
    })

    it('leaves no timer behind', async () => {
      for (const fetch of [answering(), answering({}, 401), answering({}, 500), answering('<p>')]) {
        await begin({ fetch }).done
        expect(timers.countTimers()).to.equal(0)
      }
    })
  })
})

describe('a token that Wix refuses', () => {
  it('T-08: is never asked for twice in one request', async () => {
    for (const code of [400, 401, 404]) {
      const fetch = answering({}, code)
      const verdict = verifyAccessToken(TOKEN, { appId: APP_ID, now, fetch })
      expect(await refusalOf(verdict)).to.equal('token_inactive')
      sinon.assert.calledOnce(fetch)
    }
  })
})
