import { EventEmitter, once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import express, { type ErrorRequestHandler, type RequestHandler, type Response as ExpressResponse } from 'express'
import sinon from 'sinon'
import { deduplicate, type DeduplicateOptions } from '../../lib/middleware/deduplicate.ts'
import { type DeliveryStore, memoryStore } from '../../lib/middleware/stores.ts'
import { clockAt } from '../support/access-token.ts'
import { optionsTable } from '../support/options-table.ts'
import { settled } from '../support/run.ts'
import { serve, type Served } from '../support/serve.ts'
import { FAILURES, storeOf } from '../support/store.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express
const versions: Array<[string, typeof express]> = [
  ['Express 5', express],
  ['Express 4', express4],
]

/** What the strategy leaves behind for a domain event. */
const event = (overrides: object = {}): object => ({
  instanceId: 'instance-1',
  eventType: 'wix.ecom.v1.order_created',
  data: { id: 'event-1', entityFqdn: 'wix.ecom.v1.order', slug: 'created', entityId: 'order-1' },
  ...overrides,
})
const flat = (data: object = { productId: 'product-1' }): object => event({ eventType: 'ProductChanged', data })

/** In place of the strategy: the identity is in a header, as if it had come out of the body. */
const authenticate: RequestHandler = (req, _res, next) => {
  const { identity } = req.headers
  if (identity !== undefined) req.authInfo = { identity: JSON.parse(String(identity)) }
  next()
}
const showError: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) => {
  res.status(error.status ?? 500).json({ message: error.message })
}

/** An answer without a server: the test says how it ends. */
const answerOf = (overrides: object = {}) =>
  Object.assign(new EventEmitter(), {
    setHeader: sinon.fake(),
    end: sinon.fake(),
    statusCode: 200,
    destroyed: false,
    headersSent: false,
    writableEnded: false,
    ...overrides,
  })

/** Resolves at `open()`; `reached` resolves when there is a caller that waits. */
const gate = (): { open: () => void; pass: () => Promise<void>; reached: Promise<void> } => {
  let open = (): void => {}
  let arrive = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const reached = new Promise<void>((resolve) => (arrive = resolve))
  return { open, reached, pass: () => (arrive(), opened) }
}

describe('deduplicate', () => {
  afterEach(() => sinon.restore())

  for (const [version, framework] of versions) {
    describe(`through ${version}`, () => {
      let served: Served | undefined
      let closed: Promise<void>
      const route = sinon.stub<Parameters<RequestHandler>, unknown>()
      const post = (identity: object | null = event(), init: RequestInit = {}): Promise<Response> =>
        fetch(`${served?.url}/`, {
          method: 'POST',
          body: 'the.signed.body',
          ...init,
          headers: {
            'content-type': 'text/plain',
            ...(identity && { identity: JSON.stringify(identity) }),
            ...(init.headers as Record<string, string>),
          },
        })
      const statuses = async (...identities: object[]): Promise<number[]> => {
        const found: number[] = []
        for (const identity of identities) found.push((await post(identity)).status)
        return found
      }

      async function start(
        options: Partial<DeduplicateOptions> = {},
        parser: RequestHandler = framework.raw({ type: '*/*' }),
      ): Promise<void> {
        const app = framework()
        app.use((_req, res, next) => {
          closed = new Promise((resolve) => res.once('close', () => resolve()))
          next()
        })
        app.post('/', parser, authenticate, deduplicate({ store: memoryStore(), ...options }), (req, res, next) =>
          route(req, res, next),
        )
        app.use(showError)
        served = await serve(app)
      }
      beforeEach(() => {
        route.reset()
        route.callsFake((_req, res) => res.json({ ok: true }))
      })
      afterEach(async () => {
        await served?.close()
        served = undefined
      })

      it('W-01: runs the route once, and answers 200 at once to every repeat', async () => {
        await start()
        expect(await (await post()).json()).to.deep.equal({ ok: true })
        for (let repeat = 0; repeat < 3; repeat++) {
          const response = await post()
          expect([response.status, response.headers.get('retry-after'), await response.text()]).to.deep.equal([
            200,
            null,
            '',
          ])
        }
        sinon.assert.calledOnce(route)
      })

      it('W-01: runs the route once where it stands before it twice, also with another store between', async () => {
        const begin = sinon.stub().resolves('new')
        const [store, other] = [storeOf({ begin }), storeOf()]
        const app = framework()
        const once = deduplicate({ store })
        app.use(framework.raw({ type: '*/*' }), authenticate, once)
        app.post('/', deduplicate({ store: other }), once, deduplicate({ store }), (req, res, next) =>
          route(req, res, next),
        )
        served = await serve(app)
        expect(await statuses(event())).to.deep.equal([200])
        for (const one of [store, other]) sinon.assert.calledOnce(one.begin)
        begin.resolves('busy')
        expect(await statuses(event())).to.deep.equal([503])
        sinon.assert.calledOnce(route)
      })

      it('W-01: answers 503 with Retry-After while the delivery is being handled, then 200', async () => {
        await start()
        const { pass, open, reached } = gate()
        route.callsFake((_req, res) => pass().then(() => res.sendStatus(204)))
        const first = post()
        await reached
        const repeat = await post()
        expect([repeat.status, repeat.headers.get('retry-after'), await repeat.text()]).to.deep.equal([503, '1', ''])
        open()
        expect((await first).status).to.equal(204)
        expect(await statuses(event())).to.deep.equal([200])
        sinon.assert.calledOnce(route)
      })

      it('W-01: runs the route for the next try after every answer but 2xx', async () => {
        await start()
        const answers = [302, 400, 404, 500, 503]
        for (const status of answers) {
          route.callsFake((_req, res) => res.status(status).end())
          expect((await post(event(), { redirect: 'manual' })).status).to.equal(status)
        }
        route.callsFake((_req, res) => res.end())
        expect(await statuses(event(), event())).to.deep.equal([200, 200])
        sinon.assert.callCount(route, answers.length + 1)
      })

      it('W-01: runs the route for the next try after a route that throws', async () => {
        await start()
        route.onFirstCall().throws(new Error('of the app'))
        expect(await statuses(event(), event(), event())).to.deep.equal([500, 200, 200])
        sinon.assert.calledTwice(route)
      })

      it('W-01: keeps a delivery whose connection closed while its route still runs, until the lease expires', async () => {
        let seconds = 1
        const store = memoryStore({ now: () => seconds * 1000 })
        const abort = sinon.spy(store, 'abort')
        await start({ store })
        const { pass, reached } = gate()
        route.onFirstCall().callsFake(pass)
        const wix = new AbortController()
        const first = post(event(), { signal: wix.signal }).catch((error: Error) => error.name)
        await reached
        wix.abort()
        expect(await first).to.equal('AbortError')
        await closed
        seconds += 49
        expect(await statuses(event())).to.deep.equal([503])
        // The first retry of Wix comes after a minute.
        seconds += 11
        expect(await statuses(event(), event())).to.deep.equal([200, 200])
        sinon.assert.calledTwice(route)
        sinon.assert.notCalled(abort)
      })

      for (const [status, next, calls] of [
        [200, 'and not when the route succeeded', { route: 1, abort: 0, finish: 1 }],
        [500, 'and runs it again when it failed', { route: 2, abort: 1, finish: 1 }],
      ] as const) {
        it(`W-01: runs a slow route once although Wix hangs up, ${next}`, async () => {
          const store = memoryStore()
          const abort = sinon.spy(store, 'abort')
          const finish = sinon.spy(store, 'finish')
          await start({ store })
          const { pass, open, reached } = gate()
          let ended: Promise<unknown> = Promise.resolve()
          route.onFirstCall().callsFake((_req, res) => {
            ended = pass().then(() => res.status(status).end())
          })
          const wix = new AbortController()
          const first = post(event(), { signal: wix.signal }).catch(() => {})
          await reached
          wix.abort()
          await Promise.all([first, closed])
          expect(await statuses(event())).to.deep.equal([503])
          open()
          await ended
          expect(await statuses(event())).to.deep.equal([200])
          expect({ route: route.callCount, abort: abort.callCount, finish: finish.callCount }).to.deep.equal(calls)
        })
      }

      it('does not run the route for a connection that closed while the store was called', async () => {
        const store = memoryStore()
        const { pass, open, reached } = gate()
        const begin = sinon.stub().callsFake((key: string, lease: number) => store.begin(key, lease))
        begin.onFirstCall().callsFake(async (key: string, lease: number, owner: string) => {
          await pass()
          return store.begin(key, lease, owner)
        })
        const abort = sinon.spy((key: string, owner: string) => store.abort(key, owner))
        await start({ store: { ...store, begin, abort } })
        const wix = new AbortController()
        const first = post(event(), { signal: wix.signal }).catch(() => {})
        await reached
        wix.abort()
        await Promise.all([first, closed])
        open()
        await settled()
        sinon.assert.notCalled(route)
        sinon.assert.calledOnce(abort)
        expect(await statuses(event())).to.deep.equal([200])
      })

      it('calls the store once, with a hash as the key, lease and ttl, and one owner for each try', async () => {
        const store = storeOf()
        await start({ store })
        await statuses(event(), event())
        route.callsFake((_req, res) => res.sendStatus(500))
        await post()
        const [[key, , owner] = [], [, , secondOwner] = []] = store.begin.args as Array<[string, number, string]>
        expect(key).to.match(/^[\w-]{43}$/)
        expect(owner)
          .to.match(/^[\da-f-]{36}$/)
          .and.to.not.equal(secondOwner)
        expect(store.begin.args).to.have.length(3)
        expect(store.begin.firstCall.args).to.deep.equal([key, 50, owner])
        expect(store.finish.args).to.deep.equal([
          [key, 302_460],
          [key, 302_460],
        ])
        expect(store.abort.args).to.deep.equal([[key, store.begin.thirdCall.args[2]]])

        await served?.close()
        await start({ store, lease: 5, ttl: 1.5 })
        route.callsFake((_req, res) => res.end())
        await post()
        expect(store.begin.lastCall.args).to.include(5)
        expect(store.finish.lastCall.args).to.deep.equal([key, 1.5])
      })

      describe('with a lease that runs out', () => {
        const clock = clockAt(1000)
        const first = gate()
        const second = gate()
        let tries: Array<Promise<Response>>

        /** Two tries of one delivery in the route, the first of which has lost its lease to the second. */
        async function overlap(status: number): Promise<void> {
          await start({ store: memoryStore({ now: clock.now }), lease: 60 })
          const gates = [gate(), gate()] as const
          Object.assign(first, gates[0])
          Object.assign(second, gates[1])
          route.onFirstCall().callsFake((_req, res) => first.pass().then(() => res.status(status).end()))
          route.onSecondCall().callsFake((_req, res) => second.pass().then(() => res.status(500).end()))
          tries = [post()]
          await first.reached
          clock.add(60_000)
          expect(await statuses(event())).to.deep.equal([503])
          clock.add(1)
          tries.push(post())
          await second.reached
        }

        it('W-01: runs the route for a repeat, and a late failure of the first try changes nothing', async () => {
          await overlap(500)
          first.open()
          expect((await tries[0])?.status).to.equal(500)
          expect(await statuses(event())).to.deep.equal([503])
          second.open()
          expect((await tries[1])?.status).to.equal(500)
          expect(await statuses(event(), event())).to.deep.equal([200, 200])
          sinon.assert.calledThrice(route)
        })

        it('W-01: counts a late success of the first try, and a failure of the second changes nothing', async () => {
          await overlap(200)
          first.open()
          expect((await tries[0])?.status).to.equal(200)
          expect(await statuses(event())).to.deep.equal([200])
          second.open()
          expect((await tries[1])?.status).to.equal(500)
          expect(await statuses(event())).to.deep.equal([200])
          sinon.assert.calledTwice(route)
        })
      })

      describe('recognizes a delivery', () => {
        const twice: Array<[string, [object, RequestInit?], [object, RequestInit?], number]> = [
          ['by the id of a domain event, whatever the body', [event(), { body: 'a' }], [event(), { body: 'b' }], 1],
          [
            'by all that was verified of an event without id, however its body was read',
            [flat(), { body: 'a' }],
            [flat(), { body: 'b' }],
            1,
          ],
          ['not by the id when the installation is another', [event()], [event({ instanceId: 'instance-2' })], 2],
          ['not when the installation is another', [flat()], [{ ...flat(), instanceId: 'instance-2' }], 2],
          [
            'not when an event without id was signed at another time',
            [{ ...flat(), iat: 1 }],
            [{ ...flat(), iat: 2 }],
            2,
          ],
          [
            'not by the id of the thing that changed, in an old event',
            [{ ...flat({ id: 'product-1' }), iat: 1 }],
            [{ ...flat({ id: 'product-1' }), iat: 2 }],
            2,
          ],
          ['not when one has an id and the other has none', [flat()], [event()], 2],
          ['not by the id when the type is another', [event()], [event({ eventType: 'wix.ecom.v1.order_updated' })], 2],
        ]
        for (const [name, first, second, calls] of twice) {
          it(name, async () => {
            await start()
            expect((await post(...first)).status).to.equal(200)
            expect((await post(...second)).status).to.equal(200)
            sinon.assert.callCount(route, calls)
          })
        }

        it('by all that was verified of an event whose id is of an odd type', async () => {
          await start()
          const odd = [
            { id: 7, entityFqdn: 'x' },
            { id: '', entityFqdn: 'x' },
            { id: 'x', entityFqdn: null },
          ]
          for (const [index, data] of odd.entries()) {
            await post(event({ data }))
            await post(event({ data }))
            sinon.assert.callCount(route, index + 1)
          }
        })

        it('whether the body was read as a string or as bytes', async () => {
          const store = memoryStore()
          await start({ store })
          await post(flat())
          await served?.close()
          await start({ store }, framework.text({ type: '*/*' }))
          await post(flat())
          sinon.assert.calledOnce(route)
        })
      })

      describe('when another middleware has answered', () => {
        /** Starts with a middleware that answers while the store is called. */
        async function startAnswered(begin: () => Promise<unknown>) {
          const store = storeOf({ begin: sinon.fake(begin) })
          const app = framework()
          app.post(
            '/',
            authenticate,
            (_req, res, next) => {
              setImmediate(() => res.status(504).end())
              next()
            },
            deduplicate({ store }),
            route as unknown as RequestHandler,
          )
          app.use(showError)
          served = await serve(app)
          return store
        }
        const afterTheAnswer = async (progress: string): Promise<string> => {
          await settled()
          return progress
        }

        for (const progress of ['new', 'busy', 'done']) {
          it(`stays alive and leaves the delivery to the next try, when the store says ${progress}`, async () => {
            const store = await startAnswered(() => afterTheAnswer(progress))
            expect((await post()).status).to.equal(504)
            await settled()
            sinon.assert.notCalled(route)
            sinon.assert.callCount(store.abort, progress === 'new' ? 1 : 0)
          })
        }

        // It does not fit into the buffers of a socket: the answer has ended for the app, and is still on its way.
        const LARGE = Buffer.alloc(32 * 1024 * 1024, 'a')
        /** Answers like this while the store is called. */
        async function startAnswering(progress: string, answer: (res: ExpressResponse) => void) {
          const store = storeOf({
            begin: sinon.fake(async () => {
              await answered
              return afterTheAnswer(progress)
            }),
          })
          let hasAnswered = (): void => {}
          const answered = new Promise<void>((resolve) => (hasAnswered = resolve))
          const failed = sinon.fake()
          const app = framework()
          app.post(
            '/',
            authenticate,
            (_req, res, next) => {
              setImmediate(() => {
                answer(res)
                hasAnswered()
              })
              next()
            },
            deduplicate({ store }),
            route as unknown as RequestHandler,
          )
          app.use(((error, _req, _res, _next) => void failed(error)) satisfies ErrorRequestHandler)
          served = await serve(app)
          return { store, failed }
        }

        for (const progress of ['new', 'busy', 'done']) {
          it(`leaves a large answer alone that is still on its way, when the store says ${progress}`, async () => {
            const { store, failed } = await startAnswering(progress, (res) => void res.status(504).end(LARGE))
            const response = await post()
            await settled()
            expect(response.status).to.equal(504)
            sinon.assert.notCalled(route)
            sinon.assert.notCalled(failed)
            sinon.assert.callCount(store.abort, progress === 'new' ? 1 : 0)
            expect(await response.arrayBuffer()).to.have.property('byteLength', LARGE.length)
          })
        }

        for (const progress of ['busy', 'done']) {
          it(`does not end an answer that the app has begun, when the store says ${progress}`, async () => {
            let begun: ExpressResponse | undefined
            const { failed } = await startAnswering(progress, (res) => {
              begun = res
              res.status(202).write('a')
            })
            const response = await post()
            await settled()
            begun?.end('b')
            expect([response.status, await response.text()]).to.deep.equal([202, 'ab'])
            sinon.assert.notCalled(failed)
          })
        }
      })

      describe('is an error of the setup, and does not call the store,', () => {
        const wrong: Array<[string, object | null, RequestHandler | undefined, string]> = [
          ['when no one is authenticated', null, undefined, 'put passport.authenticate() with a strategy'],
          ['after another proof than a webhook', { instanceId: 'instance-1' }, undefined, "authenticate('wix-webhook'"],
        ]
        for (const [name, identity, parser, message] of wrong) {
          it(name, async () => {
            const store = storeOf()
            await start({ store }, parser)
            const response = await post(identity, { body: '{"a":1}' })
            expect(response.status).to.equal(500)
            expect(await response.json())
              .to.have.property('message')
              .that.includes(message)
            sinon.assert.notCalled(store.begin)
            sinon.assert.notCalled(route)
          })
        }
      })

      describe('with a store that fails', () => {
        const wrong: Array<[string, () => unknown]> = [
          ...FAILURES,
          ['answers with nothing', () => undefined],
          ['answers with another word', () => 'NEW'],
          ['answers with true', async () => true],
          ['answers with an array', () => ['new']],
        ]
        for (const [name, begin] of wrong) {
          it(`W-01: answers 503 and does not run the route when begin ${name}`, async () => {
            const warning = sinon.replace(process, 'emitWarning', sinon.fake())
            const store = storeOf({ begin })
            await start({ store })
            const response = await post()
            expect(response.status).to.equal(503)
            expect(await response.json())
              .to.have.property('message')
              .that.includes('The store of deliveries failed')
            sinon.assert.notCalled(route)
            sinon.assert.notCalled(store.finish)
            sinon.assert.notCalled(store.abort)
            sinon.assert.notCalled(warning)
          })
        }

        it('answers 503 with Retry-After where Express itself answers', async () => {
          const app = framework()
          app.set('env', 'test')
          app.use(authenticate, deduplicate({ store: storeOf({ begin: FAILURES[0]?.[1] }) }))
          served = await serve(app)
          const response = await fetch(served.url, { headers: { identity: JSON.stringify(event()) } })
          expect([response.status, response.headers.get('retry-after')]).to.deep.equal([503, '1'])
        })

        for (const [name, fails] of FAILURES) {
          it(`answers as the route does, and warns, when finish or abort ${name}`, async () => {
            const warning = sinon.replace(process, 'emitWarning', sinon.fake())
            await start({ store: storeOf({ finish: fails, abort: fails }) })
            route.onFirstCall().callsFake((_req, res) => res.sendStatus(400))
            expect(await statuses(event(), event())).to.deep.equal([400, 200])
            await settled()
            expect(warning.args.map(([message]) => String(message))).to.deep.equal([
              'deduplicate: the lease of a failed delivery could not be released, so retries wait until it expires',
              'deduplicate: a handled delivery could not be stored, so a retry may be handled again',
            ])
            for (const [, options] of warning.args) expect(options).to.include({ type: 'WixStoreWarning' })
          })
        }
      })
    })
  }

  describe('with a store that is late', () => {
    let clock: sinon.SinonFakeTimers
    beforeEach(() => {
      clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })

    /** One delivery, without a server: its store answers when the test says so. */
    function deliver(options: Partial<DeduplicateOptions> = {}) {
      let answer = (_progress: unknown): void => {}
      let fail = (_reason: unknown): void => {}
      const store = storeOf({
        begin: sinon.fake(
          () =>
            new Promise((resolve, reject) => {
              answer = resolve
              fail = reject
            }),
        ),
      })
      const res = answerOf()
      const next = sinon.fake()
      deduplicate({ store, ...options })({ authInfo: { identity: event() as never } }, res, next)
      return { store, res, next, answer: (word: unknown) => answer(word), fail: (reason: unknown) => fail(reason) }
    }

    it('W-01: asks Wix to repeat after 1 second, before Wix gives up', async () => {
      const { next, answer, store } = deliver()
      await clock.tickAsync(999)
      sinon.assert.notCalled(next)
      await clock.tickAsync(1)
      sinon.assert.calledOnce(next)
      const error = next.firstCall.args[0] as Error
      expect(error).to.include({ status: 503 }).and.to.have.property('headers').that.deep.equals({ 'Retry-After': '1' })
      expect(error.cause).to.have.property('message', 'The store did not answer within 1 s')

      sinon.assert.notCalled(store.abort)
      answer('new')
      await settled()
      sinon.assert.calledOnce(next)
      const [key, , owner] = store.begin.firstCall.args as unknown as [string, number, string]
      expect(store.abort.args, 'the lease that is not used').to.deep.equal([[key, owner]])
    })

    for (const word of ['busy', 'done', 'nonsense']) {
      it(`leaves a late '${word}' alone`, async () => {
        const { next, answer, store, res } = deliver()
        await clock.tickAsync(1000)
        answer(word)
        await settled()
        sinon.assert.calledOnce(next)
        sinon.assert.notCalled(store.abort)
        sinon.assert.notCalled(res.end)
      })
    }

    it('leaves a late failure alone', async () => {
      const { next, fail, store } = deliver()
      await clock.tickAsync(1000)
      fail(new Error('database'))
      await settled()
      sinon.assert.calledOnce(next)
      sinon.assert.notCalled(store.abort)
    })

    it('leaves no timer behind when the store answers in time', async () => {
      const { next, answer } = deliver()
      answer('new')
      await settled()
      sinon.assert.calledOnceWithExactly(next)
      expect(clock.countTimers()).to.equal(0)
    })

    it('warns when finish never answers', async () => {
      const warning = sinon.replace(process, 'emitWarning', sinon.fake())
      const never = (): Promise<never> => new Promise(() => {})
      const res = answerOf()
      deduplicate({ store: storeOf({ finish: never }) })(
        { authInfo: { identity: event() as never } },
        res,
        sinon.fake(),
      )
      await settled()
      res.writableEnded = true
      res.emit('prefinish')
      await clock.tickAsync(1000)
      sinon.assert.calledOnce(warning)
    })
  })

  for (const progress of ['busy', 'done'] as const) {
    it(`touches no answer that the app has begun elsewhere, when the store says ${progress}`, async () => {
      const res = answerOf({ statusCode: 207, headersSent: true })
      const next = sinon.fake()
      const store = storeOf({ begin: sinon.fake.resolves(progress) })
      deduplicate({ store })({ authInfo: { identity: event() as never } }, res, next)
      await settled()
      expect(res.statusCode).to.equal(207)
      for (const untouched of [res.setHeader, res.end, next]) sinon.assert.notCalled(untouched)
    })
  }

  it('is an error where the answer has ended before, and says so', () => {
    const next = sinon.fake()
    const store = storeOf()
    deduplicate({ store })({ authInfo: { identity: event() as never } }, answerOf({ writableEnded: true }), next)
    sinon.assert.calledOnceWithExactly(
      next,
      sinon.match.has('message', 'deduplicate: the response has ended already, so the route cannot answer'),
    )
    sinon.assert.notCalled(store.begin)
  })

  it('W-01: takes 2xx alone as handled, once, by any event with which a host tells of the end', async () => {
    for (const [statusCode, handled] of [
      [199, false],
      [200, true],
      [299, true],
      [300, false],
    ] as const)
      for (const ending of ['prefinish', 'finish', 'close']) {
        const store = storeOf()
        const res = answerOf({ statusCode })
        deduplicate({ store })({ authInfo: { identity: event() as never } }, res, sinon.fake())
        await settled()
        res.writableEnded = true
        for (let time = 0; time < 2; time++) res.emit(ending)
        sinon.assert.callCount(store.finish, handled ? 1 : 0)
        sinon.assert.callCount(store.abort, handled ? 0 : 1)
      }
  })

  it('W-01: runs the route once over HTTP/2, too, and again when it failed', async () => {
    const deliver = deduplicate({ store: memoryStore() })
    let runs = 0
    const server = createServer((_req, res) => {
      deliver(
        { authInfo: { identity: event() as never } },
        res,
        () => void res.writeHead(runs++ === 0 ? 500 : 200).end(),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    try {
      const statuses: unknown[] = []
      for (let attempt = 0; attempt < 4; attempt++) {
        const stream = session.request({ ':method': 'POST' }).resume()
        const ended = once(stream.end(), 'close')
        stream.on('response', (headers) => statuses.push(headers[':status']))
        await ended
        await settled()
      }
      expect([statuses, runs]).to.deep.equal([[500, 200, 200, 200], 2])
    } finally {
      session.destroy()
      server.close()
    }
  })

  describe('P-10: the options', () => {
    const store = memoryStore()
    const wrong: Array<[unknown, string]> = [
      [undefined, 'deduplicate: the options must be an object'],
      [
        {},
        'deduplicate: option `store` is missing: it must be a store: memoryStore(), postgresStore(client), redisStore(client), or an object with begin, finish and abort',
      ],
      [
        { store: undefined },
        'option `store` must be a store: memoryStore(), postgresStore(client), redisStore(client), or an object',
      ],
      [{ store: null }, 'option `store` must be a store'],
      [
        Object.create({ headers: {} }),
        'deduplicate: it was given a request, so it must be called first, as deduplicate(...)',
      ],
      [{ store: {} }, 'option `store` must be a store'],
      [{ store: new Map() }, 'option `store` must be a store'],
      [{ store: { begin() {}, finish() {} } }, 'option `store` must be a store'],
      [{ store, key: 'x' }, 'unknown option `key`'],
      [{ store, lease: 0 }, 'option `lease` must be a number of seconds above 0, at most 3600'],
      [{ store, lease: '60' }, 'option `lease`'],
      [{ store, lease: 3600.1 }, 'option `lease`'],
      [{ store, ttl: 0 }, 'option `ttl` must be a number of seconds above 0, at most 31536000'],
      [{ store, ttl: Number.NaN }, 'option `ttl`'],
      [{ store, ttl: Infinity }, 'option `ttl`'],
      [{ store, ttl: false }, 'option `ttl`'],
      [{ store, ttl: 31_536_001 }, 'option `ttl`'],
      [{ store, storeTimeout: 1 }, 'unknown option `storeTimeout`'],
      [{ store, onStoreError: 'refuse' }, 'unknown option `onStoreError`'],
    ]
    optionsTable({ deduplicate }, wrong)

    it('say what came only where that is no number', () => {
      for (const [options, end] of [
        [{ lease: 0 }, /at most 3600$/],
        [{ lease: '60' }, /at most 3600, got a string$/],
        [{ ttl: 0 }, /at most 31536000$/],
        [{ ttl: '60' }, /at most 31536000, got a string$/],
      ] as const)
        expect(() => deduplicate({ store, ...options } as never)).to.throw(TypeError, end)
    })

    it('may be the longest that are documented', () => {
      expect(() => deduplicate({ store, lease: 3600, ttl: 31_536_000 })).to.not.throw()
    })

    it('may be what is documented', () => {
      class Own implements DeliveryStore {
        begin = () => 'new' as const
        finish(): void {}
        abort(): void {}
      }
      const middleware = deduplicate({
        store: new Own(),
        lease: 1,
        ttl: 0.5,
      })
      expect(middleware).to.be.a('function').with.length(3)
    })
  })
})
