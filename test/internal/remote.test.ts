import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError } from '../../lib/index.ts'
import { remoteClient } from '../../lib/internal/remote.ts'
import { httpFetch } from '../../lib/internal/transport.ts'
import { clockAt, type TestClock } from '../support/access-token.ts'
import { NOW } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import { freePort } from '../support/free-port.ts'
import { refusalOf } from '../support/jwt.ts'
import {
  ANSWER,
  answering,
  type Ask,
  BODY,
  client,
  NO_OBJECT,
  REFUSALS,
  TOO_LONG,
  unavailable,
} from '../support/remote.ts'
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

const MEGABYTE = 1024 * 1024

interface Fault {
  name: string
  answer: Answer
  /** What the error says. */
  why: string | RegExp
  /** For each question. */
  calls: number
}

const LATE = 'no answer from HOST within 1 s'
const json = JSON.stringify(ANSWER)
const status = (code: number): Fault => ({
  name: `status ${code}`,
  answer: whole(ANSWER, code),
  why: `status ${code}`,
  calls: 1,
})
const wrongBody = (name: string, body: unknown): Fault => ({
  name: `200 with ${name}`,
  answer: whole(body),
  why: NO_OBJECT,
  calls: 1,
})

const faults: Fault[] = [
  {
    name: 'a connection that is reset before the answer',
    answer: reset,
    why: /^no connection to HOST \([A-Z_]+\)$/,
    calls: 2,
  },
  { name: 'a connection that is reset in the body', answer: resetInBody, why: NO_OBJECT, calls: 1 },
  { name: 'a connection that ends in the body', answer: endInBody, why: NO_OBJECT, calls: 1 },
  {
    name: 'an answer that is no HTTP',
    answer: (res) => void res.socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
    why: /^no connection to HOST/,
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
  wrongBody('an array', [ANSWER]),
  wrongBody('a number', '7'),
  wrongBody('a string', JSON.stringify(json)),
  wrongBody('true', 'true'),
  wrongBody(
    'invalid UTF-8',
    Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
  ),
  wrongBody('a byte order mark', `\uFEFF${json}`),
  wrongBody('UTF-16', Buffer.from(json, 'utf16le')),
  {
    name: 'a body of 64 KiB and a byte',
    answer: whole(json + ' '.repeat(65_537 - Buffer.byteLength(json))),
    why: TOO_LONG,
    calls: 1,
  },
]

/** They come byte by byte each 50 ms, and are not complete after a second. */
const late: Array<[name: string, answer: Answer]> = [
  ['no answer', silence],
  ['a head that comes byte by byte', slowHead(ANSWER)],
  ['a body that comes byte by byte', slowBody(ANSWER)],
]

describe('remoteClient, asking a server', () => {
  let server: TokenInfoServer
  let clock: TestClock
  const start = async (answer: Answer): Promise<void> => {
    server = await tokenInfoServer(answer)
    clock = clockAt(NOW)
  }
  const clientTo = (options: object = {}): Ask => client({ now: clock.now, ...options }, server.url)
  afterEach(() => {
    sinon.restore()
    return server.close()
  })

  it('sends the question as it is, and returns the JSON object of the answer', async () => {
    await start(whole(ANSWER))
    const ask = clientTo()
    const url = `${server.url}/a/b?c=d`
    expect(await ask({ url, headers: { Authorization: 'Bearer x' } })).to.deep.equal(ANSWER)
    expect(await ask({ url, method: 'PUT' })).to.deep.equal(ANSWER)
    const [first, second] = server.calls
    expect(first).to.include({ method: 'POST', url: '/a/b?c=d', body: BODY })
    expect(first?.headers).to.include({ accept: 'application/json', authorization: 'Bearer x' })
    expect(second).to.have.property('method', 'PUT')
    expect(second?.headers).to.not.have.property('authorization')
  })

  it('asks with GET and without a body by default', async () => {
    await start(whole(ANSWER))
    expect(await remoteClient({ server: 'Elsewhere' })({ url: server.url, timeout: 20 })).to.deep.equal(ANSWER)
    expect(server.calls).to.have.length(1)
    expect(server.calls[0]).to.include({ method: 'GET', body: '' })
    const fetch = answering()
    await remoteClient({ server: 'Elsewhere', fetch })({ url: server.url, timeout: 20 })
    expect(fetch.firstCall.args[1]).to.include({ method: 'GET' }).and.to.not.have.property('body')
  })

  it('P-11: takes nothing from Object.prototype', async () => {
    await start(whole(ANSWER))
    const fetch = sinon.fake()
    const polluted = { fetch, maxCalls: 0, path: '/polluted', hostname: 'polluted.invalid', agent: false, auth: 'a:b' }
    Object.assign(Object.prototype, polluted)
    try {
      expect(await remoteClient({ server: 'Elsewhere' })({ url: `${server.url}/a`, timeout: 20 })).to.deep.equal(ANSWER)
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    }
    sinon.assert.notCalled(fetch)
    expect(server.calls[0]).to.include({ method: 'GET', url: '/a' })
    expect(server.calls[0]?.headers).to.not.have.property('authorization')
  })

  it('is tested with more than 25 faults of a server', () => {
    expect(faults.length + late.length).to.be.greaterThan(25)
    return start(silence)
  })

  /** The next question is asked again, and gets the answer. */
  const expectRecovery = async (ask: Ask): Promise<void> => {
    const { length } = server.calls
    server.answerWith(whole(ANSWER))
    expect(await ask()).to.deep.equal(ANSWER)
    expect(server.calls).to.have.length(length + 1)
  }

  for (const { name, answer, why, calls } of faults) {
    it(`T-06, T-07: is unavailable, and rejects nothing, after ${calls === 1 ? '1 call' : '2 calls'} for ${name}`, async () => {
      await start(answer)
      const ask = clientTo()
      const [said, headers] = await unavailable(ask())
      if (typeof why === 'string') expect(said).to.equal(why)
      else expect(said).to.match(why)
      expect(headers).to.deep.equal({})
      expect(server.calls).to.have.length(calls)
      await expectRecovery(ask)
    })
  }

  for (const [name, answer] of late) {
    it(`T-06, T-07: is unavailable at the timeout, and rejects nothing, after 1 call for ${name}`, async () => {
      await start(answer)
      const timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
      const ask = clientTo()
      let isOver = false
      const done = unavailable(ask({ timeout: 1 })).finally(() => (isOver = true))
      await server.called(1)
      await timers.tickAsync(999)
      expect(isOver).to.equal(false)
      await timers.tickAsync(1)
      expect(await done).to.deep.equal([LATE, {}])
      expect(server.calls).to.have.length(1)
      timers.restore()
      await expectRecovery(ask)
    })
  }

  describe('that cannot be reached', () => {
    it('T-08: tries twice where no connection is accepted', async () => {
      await start(silence)
      const fetch = sinon.spy(httpFetch)
      const url = `http://127.0.0.1:${await freePort()}`
      expect(await unavailable(clientTo({ fetch })({ url }))).to.deep.equal([
        'no connection to HOST (ECONNREFUSED)',
        {},
      ])
      sinon.assert.calledTwice(fetch)
    })

    it('T-08: tries at most twice where the name does not exist', async () => {
      await start(silence)
      const fetch = sinon.spy(httpFetch)
      const [why, headers] = await unavailable(clientTo({ fetch })({ url: 'https://nothing.invalid', timeout: 5 }))
      expect(why).to.match(/^no (connection to HOST \((ENOTFOUND|EAI_AGAIN)\)|answer from HOST within 5 s)$/)
      expect(headers).to.deep.equal({})
      expect(fetch.callCount).to.be.within(1, 2)
    })

    it('T-08: tries twice where there is no TLS, and sends nothing', async () => {
      await start(whole(ANSWER))
      const [why, headers] = await unavailable(clientTo()({ url: server.url.replace('http:', 'https:') }))
      expect(why).to.match(/^no connection to HOST( \([A-Z\d_]+\))?$/)
      expect(headers).to.deep.equal({})
      expect([server.connections, server.calls.length]).to.deep.equal([2, 0])
    })
  })

  describe('that is slow', () => {
    it('T-06: closes the connection at the timeout', async () => {
      for (const answer of [silence, slowHead(ANSWER), slowBody(ANSWER)]) {
        await start(answer)
        await unavailable(clientTo()({ timeout: 0.05 }))
        await server.hungUp()
        await server.close()
      }
    })

    it('T-06: has one timeout for a call and its retry', async () => {
      await start(firstThen(reset, silence))
      const timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      let isOver = false
      const done = unavailable(clientTo()({ timeout: 1 })).finally(() => (isOver = true))
      // The timeout, and the wait before the retry.
      while (timers.countTimers() < 2) await new Promise((resolve) => setImmediate(resolve))
      await timers.tickAsync(150)
      await server.called(2)
      await timers.tickAsync(849)
      expect(isOver).to.equal(false)
      await timers.tickAsync(1)
      expect((await done)[0]).to.equal(LATE)
      expect(server.calls).to.have.length(2)
    })
  })

  describe('with a retry', () => {
    const recovered: Array<[string, Answer]> = [
      ['a connection that was reset', reset],
      ['a status 502', whole('', 502)],
      ['a status 503', whole('<p>busy</p>', 503)],
      ['a status 503 whose Retry-After asks for no time', whole('', 503, { 'Retry-After': '0' })],
      ['a status 503 whose Retry-After says nothing', whole('', 503, { 'Retry-After': 'soon' })],
      ['a status 504', whole('', 504)],
    ]
    for (const [name, fault] of recovered) {
      it(`T-08: gets the answer after ${name}: 2 calls with the same body`, async () => {
        await start(firstThen(fault, whole(ANSWER)))
        expect(await clientTo()()).to.deep.equal(ANSWER)
        expect(server.calls.map(({ body }) => body)).to.deep.equal([BODY, BODY])
      })
    }

    it('T-08: goes by its answer: a refusal', async () => {
      await start(firstThen(whole('', 502), whole({}, 401)))
      expect(await refusalOf(clientTo()())).to.equal('token_inactive')
      expect(server.calls).to.have.length(2)
    })

    it('T-08: goes by its answer: a Retry-After', async () => {
      await start(firstThen(whole('', 502), whole('', 503, { 'Retry-After': '7' })))
      const ask = clientTo()
      expect(await unavailable(ask())).to.deep.equal(['status 503', { 'Retry-After': '7' }])
      expect(await unavailable(ask())).to.deep.equal(['circuit breaker open after status 503', { 'Retry-After': '7' }])
      expect(server.calls).to.have.length(2)
    })
  })

  describe('that rejects', () => {
    for (const [code, refusal] of REFUSALS) {
      it(`T-07, T-08: rejects with ${refusal} for a status ${code} among the refusals, after 1 call, whatever its body and headers are`, async () => {
        await start(whole(ANSWER, code, { 'Retry-After': '60' }))
        const ask = clientTo()
        for (let call = 1; call <= 10; call++) {
          expect(await errorOf(ask())).to.include({
            name: 'WixAuthError',
            code: refusal,
            hint: `Elsewhere answered with status ${code}`,
          })
          expect(server.calls).to.have.length(call)
        }
      })

      it(`T-07: is unavailable for a status ${code} where there are no refusals`, async () => {
        await start(whole(ANSWER, code))
        expect(await unavailable(clientTo({ refusals: undefined })())).to.deep.equal([`status ${code}`, {}])
        expect(server.calls).to.have.length(1)
      })
    }
  })

  describe('that asks its callers to wait', () => {
    const waits: Array<[string, () => Answer]> = [
      ['429 with seconds', () => whole('', 429, { 'Retry-After': '7' })],
      ['429 with a date', () => whole('', 429, { 'Retry-After': new Date(NOW + 7000).toUTCString() })],
      ['503 with seconds', () => whole('', 503, { 'Retry-After': '7' })],
      ['500 with seconds', () => whole('', 500, { 'Retry-After': '7' })],
      ['403 with seconds', () => whole('', 403, { 'Retry-After': '7' })],
    ]
    for (const [name, answer] of waits) {
      it(`T-08: passes on the Retry-After of ${name}, and makes 0 calls until then, whatever the question is`, async () => {
        await start(answer())
        // The date has whole seconds, and so has the clock for this test.
        clock.add(-(NOW % 1000))
        const ask = clientTo()
        const why = `status ${name.slice(0, 3)}`
        expect(await unavailable(ask())).to.deep.equal([why, { 'Retry-After': '7' }])
        server.answerWith(whole(ANSWER))
        for (const left of ['7', '6', '5', '4', '3', '2', '1']) {
          expect(await unavailable(ask())).to.deep.equal([`circuit breaker open after ${why}`, { 'Retry-After': left }])
          await unavailable(ask({ url: `${server.url}/other`, body: 'other' }))
          clock.add(999)
          await unavailable(ask())
          clock.add(1)
        }
        expect(server.calls).to.have.length(1)
        expect(await ask()).to.deep.equal(ANSWER)
        expect(server.calls).to.have.length(2)
      })
    }
  })

  describe('whose answer is large', () => {
    it('T-06: reads a body of exactly 64 KiB', async () => {
      await start(whole(json + ' '.repeat(65_536 - Buffer.byteLength(json))))
      expect(await clientTo()()).to.deep.equal(ANSWER)
    })

    it('T-06: reads 100 levels of objects and arrays, and no more', async () => {
      const nested = (levels: number): object => JSON.parse(`${'['.repeat(levels)}null,7${']'.repeat(levels)}`)
      await start(whole({ name: 'a', found: [nested(98), null] }))
      expect(await clientTo()()).to.deep.equal({ name: 'a', found: [nested(98), null] })
      server.answerWith(whole({ name: 'a', found: [null, nested(99)] }))
      expect(await unavailable(clientTo()())).to.deep.equal(['an answer of more than 100 levels', {}])
    })

    it('T-06: takes no answer that is compressed, for which it does not ask', async () => {
      await start(whole(gzipSync(json), 200, { 'content-encoding': 'gzip' }))
      expect(await unavailable(clientTo()())).to.deep.equal([NO_OBJECT, {}])
      expect(server.calls[0]?.headers).to.include({ 'accept-encoding': 'identity' })
    })

    it('T-06: reads a right answer in gzip with the fetch of Node', async () => {
      await start(whole(gzipSync(json), 200, { 'content-encoding': 'gzip' }))
      expect(await clientTo({ fetch: globalThis.fetch })()).to.deep.equal(ANSWER)
    })

    it('T-06: reads little of 60 MB, and closes the connection', async () => {
      await start(endless(Buffer.alloc(MEGABYTE / 16, ' '), 60 * MEGABYTE))
      expect(await unavailable(clientTo()())).to.deep.equal([TOO_LONG, {}])
      await server.hungUp()
      expect(server.written()).to.be.within(65_536, 20 * MEGABYTE)
      expect(server.calls).to.have.length(1)
    })

    it('T-06: reads little of a gzip bomb of 60 GB with the fetch of Node, and closes the connection', async () => {
      // Each megabyte of spaces has some 1,000 bytes.
      const packed = gzipSync(Buffer.alloc(MEGABYTE, ' '))
      expect(packed.length).to.be.lessThan(1100)
      await start(endless(packed, 60_000 * packed.length, { 'content-encoding': 'gzip' }))
      expect(await unavailable(clientTo({ fetch: globalThis.fetch })())).to.deep.equal([TOO_LONG, {}])
      await server.hungUp()
      expect(server.written()).to.be.lessThan(20 * MEGABYTE)
      expect(server.calls).to.have.length(1)
    })

    it('T-06: counts no more than 64 KiB of a gzip bomb that arrives at once, with the fetch of Node', async () => {
      const bomb = gzipSync(Buffer.alloc(60 * MEGABYTE, ' '))
      await start(whole(bomb, 200, { 'content-encoding': 'gzip' }))
      const before = process.memoryUsage().rss
      expect(await unavailable(clientTo({ fetch: globalThis.fetch })())).to.deep.equal([TOO_LONG, {}])
      expect(process.memoryUsage().rss - before).to.be.lessThan(40 * MEGABYTE)
    })

    it('T-06: does not read a body without end behind a status that needs none', async () => {
      for (const code of [400, 500]) {
        await start((res) => {
          const chunk = Buffer.alloc(MEGABYTE / 16, ' ')
          res.writeHead(code)
          const more = (): void => {
            while (!res.destroyed) if (!res.write(chunk)) return void res.once('drain', more)
          }
          more()
        })
        const error = await errorOf(clientTo()())
        if (code === 400) expect(error).to.be.instanceOf(WixAuthError).and.include({ code: 'token_malformed' })
        else expect(error).to.have.property('name', 'WixUnavailableError')
        await server.hungUp()
        expect(server.written()).to.be.lessThan(20 * MEGABYTE)
        await server.close()
      }
    })
  })

  describe('that redirects', () => {
    for (const code of [300, 301, 302, 303, 307, 308]) {
      it(`T-05: makes 0 requests to the other host for a status ${code}`, async () => {
        const other = await tokenInfoServer(whole(ANSWER))
        try {
          await start(whole('', code, { location: `${other.url}/oauth2/token-info` }))
          expect(await unavailable(clientTo()())).to.deep.equal([`status ${code}`, {}])
          expect([server.calls.length, other.calls.length, other.connections]).to.deep.equal([1, 0, 0])
        } finally {
          await other.close()
        }
      })
    }

    it('T-05: does not follow a redirect to the same server either', async () => {
      await start(whole('', 307, { location: '/oauth2/token-info' }))
      expect(await unavailable(clientTo()())).to.deep.equal(['status 307', {}])
      expect(server.calls).to.have.length(1)
    })
  })

  it('T-09: recovers by itself after an outage: the circuit opens, one probe closes it', async () => {
    await start(reset)
    const ask = clientTo()
    for (let time = 0; time < 5; time++) await unavailable(ask())
    const before = server.calls.length
    expect(before).to.equal(10)
    for (let time = 0; time < 50; time++) {
      const [why, headers] = await unavailable(ask())
      expect(why).to.match(/^circuit breaker open after no connection to HOST \([A-Z_]+\)$/)
      expect(headers).to.deep.equal({ 'Retry-After': '1' })
    }
    expect(server.calls).to.have.length(before)
    server.answerWith(whole(ANSWER))
    clock.add(500)
    expect(await ask()).to.deep.equal(ANSWER)
    expect(await ask({ body: 'other' })).to.deep.equal(ANSWER)
    expect(server.calls).to.have.length(before + 2)
  })
})

describe('remoteClient with a fetch of the app', () => {
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
    it(`T-06: gives up at the timeout when it ${name}`, async () => {
      const fetch = sinon.fake(end)
      const begun = performance.now()
      expect(await unavailable(client({ fetch })({ timeout: 1 }))).to.deep.equal([LATE, {}])
      expect(performance.now() - begun).to.be.within(95, 5000)
      sinon.assert.calledOnce(fetch)
    })
  }

  const aborting = () =>
    sinon.fake(
      (_url: string, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
    )

  it('T-06: aborts its signal at the timeout, and when all is done', async () => {
    const fetch = aborting()
    expect((await unavailable(client({ fetch })({ timeout: 0.05 })))[0]).to.equal('no answer from HOST within 0.05 s')
    expect(fetch.firstCall.args[1].signal.aborted).to.equal(true)
    sinon.assert.calledOnce(fetch)
    const good = answering()
    await client({ fetch: good })()
    expect(good.firstCall.args[1].signal?.aborted).to.equal(true)
  })

  const broken: Array<[string, () => unknown]> = [
    ['throws', sinon.fake.throws(new TypeError('x'))],
    ['rejects', () => Promise.reject(new TypeError('x'))],
    ['rejects with nothing', () => Promise.reject()],
  ]
  for (const [name, end] of broken) {
    it(`T-08: asks once more when it ${name}, and is then unavailable`, async () => {
      const fetch = sinon.fake(end)
      expect(await unavailable(client({ fetch })())).to.deep.equal(['no connection to HOST', {}])
      sinon.assert.calledTwice(fetch)
    })
  }

  it('fails with an error when it answers with no Response, never with an answer or a refusal', async () => {
    for (const answer of [
      undefined,
      null,
      {},
      { status: 200 },
      { status: 200, headers },
      { status: 200, headers, body: null },
    ]) {
      const error = await errorOf(client({ fetch: async () => answer })())
      expect(error, inspect(answer)).to.be.instanceOf(Error).and.not.instanceOf(WixAuthError)
    }
  })

  describe('and a clock of the test', () => {
    let timers: sinon.SinonFakeTimers
    beforeEach(() => {
      timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => timers.restore())

    it('T-08: waits 50 to 150 ms before the retry', async () => {
      for (const [random, wait] of [
        [0, 50],
        [0.5, 100],
        [0.999_999, 149],
      ] as const) {
        const chance = sinon.stub(Math, 'random').returns(random)
        const fetch = sinon.stub()
        fetch.onCall(0).rejects(new Error('x'))
        fetch.callsFake(answering())
        const done = client({ fetch })()
        await timers.tickAsync(wait - 1)
        sinon.assert.calledOnce(fetch)
        await timers.tickAsync(1)
        sinon.assert.calledTwice(fetch)
        chance.restore()
        expect(await done).to.deep.equal(ANSWER)
      }
    })

    it('T-06: ends at the timeout, to the millisecond', async () => {
      let isDone = false
      const done = unavailable(client({ fetch: () => new Promise(() => {}) })({ timeout: 2 })).finally(() => {
        isDone = true
      })
      await timers.tickAsync(1999)
      await new Promise((resolve) => setImmediate(resolve))
      expect(isDone).to.equal(false)
      await timers.tickAsync(1)
      expect((await done)[0]).to.equal('no answer from HOST within 2 s')
    })

    it('T-08: makes no retry after the timeout', async () => {
      for (const end of [() => Promise.reject(new Error('x')), answering('', 502)]) {
        const fetch = sinon.fake(end as () => unknown)
        const done = unavailable(client({ fetch })({ timeout: 0.03 }))
        await timers.tickAsync(30)
        expect((await done)[0]).to.equal('no answer from HOST within 0.03 s')
        await timers.tickAsync(1000)
        sinon.assert.calledOnce(fetch)
      }
    })

    it('T-08: makes no retry when the timeout itself has ended the call', async () => {
      const fetch = aborting()
      const done = unavailable(client({ fetch })({ timeout: 0.03 }))
      await timers.tickAsync(30)
      expect((await done)[0]).to.equal('no answer from HOST within 0.03 s')
      await timers.tickAsync(1000)
      sinon.assert.calledOnce(fetch)
    })

    it('leaves no timer behind', async () => {
      for (const fetch of [answering(), answering({}, 401), answering({}, 500), answering('<p>')]) {
        await client({ fetch })().catch(() => {})
        expect(timers.countTimers()).to.equal(0)
      }
    })
  })
})
