import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { handleOnce } from '../../lib/fetch/index.ts'
import { memoryStore, WixUnavailableError, type WixWebhookEvent } from '../../lib/index.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'
import { errorOf } from '../support/errors.ts'
import { optionsTable } from '../support/options-table.ts'
import { settled } from '../support/run.ts'
import { FAILURES, storeOf } from '../support/store.ts'

const execute = promisify(execFile)
const GUID = 'c4a1f2b8-1111-4111-8111-111111111111'

/** What the strategy has verified. */
const event = (overrides: object = {}): WixWebhookEvent =>
  ({
    instanceId: 'instance-1',
    eventType: 'wix.ecom.v1.order_created',
    data: { id: 'event-1', entityFqdn: 'wix.ecom.v1.order' },
    ...overrides,
  }) as WixWebhookEvent
const ok = (): Response => Response.json({ ok: true })

/** The warning that comes next. */
async function warning(): Promise<Error & { detail?: string }> {
  const [emitted] = (await once(process, 'warning')) as [Error]
  return emitted
}

/** What a module prints in a process of its own, and its log. */
async function run(script: string): Promise<{ stdout: string; stderr: string }> {
  const { NODE_OPTIONS: _options, ...env } = process.env
  const args = ['--import', 'tsx/esm', '--input-type=module', '--eval', script]
  const { stdout, stderr } = await execute(process.execPath, args, {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...env, NODE_V8_COVERAGE, NODE_DEBUG: 'passport-wix-app' },
  })
  return { stdout, stderr: stderr.replaceAll(/^PASSPORT-WIX-APP \d+: /gm, '') }
}

describe('handleOnce', () => {
  afterEach(() => sinon.restore())

  it('W-01: calls the handler once, and answers an empty 200 to every repeat', async () => {
    const handler = sinon.fake(ok)
    const handled = handleOnce({ store: memoryStore() })
    expect(await (await handled(event(), handler)).json()).to.deep.equal({ ok: true })
    for (let repeat = 0; repeat < 2; repeat++) {
      const response = await handled(event(), handler)
      expect([response.status, await response.text()]).to.deep.equal([200, ''])
    }
    sinon.assert.calledOnceWithExactly(handler)
  })

  it('tells the log of an event that the handler does not get', async () => {
    const script = `
      import { handleOnce } from './lib/fetch/index.ts'
      import { memoryStore } from './lib/index.ts'
      const event = { instanceId: 'instance-1', eventType: 'A', data: { id: '${GUID}', entityFqdn: 'wix.a.v1.b' } }
      const handled = handleOnce({ store: memoryStore() })
      const statuses = []
      const again = async () => statuses.push((await handled(event, () => new Response())).status)
      await handled(event, async () => (await again(), new Response()))
      await again()
      console.log(statuses.join())
    `
    expect(await run(script)).to.deep.equal({
      stdout: '503,200\n',
      stderr: `handleOnce 503: in flight (${GUID}) (instance instance-1)\nhandleOnce 200: handled before (${GUID}) (instance instance-1)\n`,
    })
  }).timeout(20_000)

  it('answers the same while somebody reads the log, also where the request cannot be read', async () => {
    const script = `
      import { deduplicate, memoryStore } from './lib/index.ts'
      const identity = { instanceId: 'instance-1', subjectType: 'UNKNOWN', eventType: 'A', data: {} }
      const req = { authInfo: { identity }, get method() { throw new Error('of a getter') } }
      const once = deduplicate({ store: memoryStore() })
      const statuses = []
      const ask = () => new Promise((resolve) => {
        const res = { statusCode: 200, setHeader() {}, once() {}, end() { resolve(statuses.push(res.statusCode)) } }
        once(req, res, (error) => resolve(statuses.push(error?.message ?? 'route')))
      })
      await ask()
      await ask()
      console.log(statuses.join())
    `
    expect(await run(script)).to.deep.equal({
      stdout: 'route,503\n',
      stderr: 'deduplicate: nothing was reported, because the request or the error cannot be read\n',
    })
  }).timeout(20_000)

  it('handles each event, and the same one of another site', async () => {
    const handler = sinon.fake(ok)
    const handled = handleOnce({ store: memoryStore() })
    for (const one of [
      event(),
      event({ data: { id: 'event-2', entityFqdn: 'wix.ecom.v1.order' } }),
      event({ instanceId: 'instance-2' }),
      event({ data: { productId: 'product-1' } }),
      event({ data: { productId: 'product-2' } }),
    ]) {
      await handled(one, handler)
    }
    expect(handler.callCount).to.equal(5)
  })

  it('answers 503 with Retry-After while the event is being handled', async () => {
    const handled = handleOnce({ store: memoryStore() })
    let open: (answer: Response) => void = () => {}
    const first = handled(event(), () => new Promise<Response>((resolve) => (open = resolve)))
    await settled()
    const second = await handled(event(), ok)
    expect([second.status, second.headers.get('retry-after'), await second.text()]).to.deep.equal([503, '1', ''])
    open(new Response('late'))
    expect(await (await first).text()).to.equal('late')
    expect((await handled(event(), () => new Response('again'))).status).to.equal(200)
  })

  it('passes the lease and the ttl on, with a key without content', async () => {
    const store = storeOf()
    await handleOnce({ store, lease: 5, ttl: 60 })(event(), ok)
    const [key, lease, attempt] = store.begin.firstCall.args as unknown[]
    expect([key, lease]).to.deep.equal([store.finish.firstCall.args[0], 5])
    expect(key).to.match(/^[\w-]{43}$/)
    expect(attempt).to.be.a('string')
    sinon.assert.calledOnceWithExactly(store.finish, key, 60)
    sinon.assert.notCalled(store.abort)
  })

  it('waits for the store before it answers', async () => {
    for (const [handler, method] of [
      [ok, 'finish'],
      [() => new Response(null, { status: 500 }), 'abort'],
    ] as const) {
      let open = (): void => {}
      const handled = handleOnce({
        store: storeOf({ [method]: () => new Promise<void>((resolve) => (open = resolve)) }),
      })
      const answered = sinon.fake()
      const answer = handled(event(), handler).then(answered)
      await settled()
      sinon.assert.notCalled(answered)
      open()
      await answer
      sinon.assert.calledOnce(answered)
    }
  })

  it('lets the next attempt be handled after an answer other than 2xx', async () => {
    const handled = handleOnce({ store: memoryStore() })
    for (const status of [500, 404, 302, 300]) {
      expect((await handled(event(), () => new Response(null, { status }))).status).to.equal(status)
    }
    expect((await handled(event(), () => Response.error())).type).to.equal('error')
    expect((await handled(event(), () => new Response(null, { status: 204 }))).status).to.equal(204)
    expect((await handled(event(), () => new Response(null, { status: 500 }))).status).to.equal(200)
  })

  it('rejects with what the handler throws, and lets the next attempt be handled', async () => {
    const handled = handleOnce({ store: memoryStore() })
    for (const [, fail] of FAILURES) {
      const handler = fail as () => Response
      const expected = await errorOf((async () => handler())())
      expect(await errorOf(handled(event(), handler))).to.deep.equal(expected)
    }
    expect(await (await handled(event(), ok)).json()).to.deep.equal({ ok: true })
  })

  it('is an error for a handler that returns no Response, and lets the next attempt be handled', async () => {
    const handled = handleOnce({ store: memoryStore() })
    for (const nothing of [undefined, null, 200, {}]) {
      expect(await errorOf(handled(event(), () => nothing as never)))
        .to.be.instanceOf(TypeError)
        .and.have.property('message', 'handleOnce: its handler must return a Response')
    }
    expect(await (await handled(event(), ok)).json()).to.deep.equal({ ok: true })
  })

  describe('when the store fails', () => {
    for (const [name, fail] of FAILURES) {
      it(`at the start and ${name}, rejects with a 503, and does not call the handler`, async () => {
        const handler = sinon.fake(ok)
        const store = storeOf({ begin: fail })
        const error = await errorOf(handleOnce({ store })(event(), handler))
        expect(error).to.be.instanceOf(WixUnavailableError)
        expect(error).to.have.deep.property('headers', { 'Retry-After': '1' })
        sinon.assert.notCalled(handler)
        sinon.assert.notCalled(store.finish)
      })

      it(`after the handler and ${name}, answers what the handler answered, with a warning`, async () => {
        const warned = warning()
        const answer = await handleOnce({ store: storeOf({ finish: fail }) })(event(), ok)
        expect(await answer.json()).to.deep.equal({ ok: true })
        expect((await warned).name).to.equal('WixStoreWarning')
        expect((await warned).message).to.equal(
          'handleOnce: a handled delivery could not be stored, so a retry may be handled again',
        )
      })

      it(`after a handler that failed and ${name}, rejects with what the handler threw, with a warning`, async () => {
        const warned = warning()
        const error = new Error('handler')
        const answer = handleOnce({ store: storeOf({ abort: fail }) })(event(), () => Promise.reject(error))
        expect(await errorOf(answer)).to.equal(error)
        expect((await warned).message).to.equal(
          'handleOnce: the lease of a failed delivery could not be released, so retries wait until it expires',
        )
      })
    }

    it('does not wait longer than a second, and frees a lease that comes late', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      let begun: (answer: unknown) => void = () => {}
      const store = storeOf({ begin: () => new Promise((resolve) => (begun = resolve)) })
      const handler = sinon.fake(ok)
      const answer = errorOf(handleOnce({ store })(event(), handler))
      clock.tick(1000)
      expect(await answer).to.have.nested.property('cause.message', 'The store did not answer within 1 s')
      begun('new')
      await settled()
      sinon.assert.calledOnce(store.abort)
      sinon.assert.notCalled(handler)
    })

    it('leaves alone what another attempt holds, when that is known late', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      let begun: (answer: unknown) => void = () => {}
      const store = storeOf({ begin: () => new Promise((resolve) => (begun = resolve)) })
      const answer = errorOf(handleOnce({ store })(event(), ok))
      clock.tick(1000)
      await answer
      begun('busy')
      await settled()
      sinon.assert.notCalled(store.abort)
    })

    it('also with an answer that is none', async () => {
      const store = storeOf({ begin: async () => 'maybe' })
      expect(await errorOf(handleOnce({ store })(event(), ok))).to.have.nested.property(
        'cause.message',
        "The `begin` of a store must answer 'new', 'busy' or 'done'",
      )
    })
  })

  it('is an error for anything but a verified event, and asks the store nothing', async () => {
    const store = storeOf()
    const inherited = Object.create(event()) as WixWebhookEvent
    for (const odd of [
      undefined,
      null,
      'a',
      {},
      event({ eventType: undefined }),
      event({ instanceId: '' }),
      inherited,
    ]) {
      expect(await errorOf(handleOnce({ store })(odd as never, ok)))
        .to.be.instanceOf(TypeError)
        .and.have.property(
          'message',
          'handleOnce: its first argument must be the event that a WixWebhookStrategy has verified',
        )
    }
    sinon.assert.notCalled(store.begin)
  })

  describe('P-10: its options', () => {
    optionsTable({ handleOnce: (options: object) => handleOnce({ store: memoryStore(), ...options }) }, [
      [{ store: undefined }, 'option `store` must be a store: memoryStore()'],
      [{ lease: 0 }, 'option `lease` must be a number of seconds above 0, at most 3600'],
      [{ ttl: '5' }, 'option `ttl` must be a number of seconds above 0, at most 31536000'],
      [{ maxAge: 5 }, 'unknown option `maxAge`; known options are store, lease, ttl'],
    ])
  })
})
