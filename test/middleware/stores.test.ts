import { expect } from 'chai'
import sinon from 'sinon'
import { isStore, memoryStore, redisStore } from '../../lib/middleware/stores.ts'
import { storeChecks } from '../../devtools/testing/index.ts'
import { clockAt } from '../support/access-token.ts'
import { errorOf } from '../support/errors.ts'
import { optionsTable, type WrongOptions } from '../support/options-table.ts'

describe('A store of deliveries', () => {
  it('is an object with begin, finish and abort, also inherited ones', () => {
    const whole = { begin: () => {}, finish: () => {}, abort: () => {} }
    expect(isStore(whole)).to.equal(undefined)
    expect(isStore(Object.create(whole))).to.equal(undefined)
    for (const wrong of [
      undefined,
      {},
      { ...whole, begin: undefined },
      { ...whole, finish: 'finish' },
      { ...whole, abort: undefined },
    ])
      expect(isStore(wrong)).to.equal(
        'a store: memoryStore(), postgresStore(client), redisStore(client), or an object with begin, finish and abort',
      )
  })
})

describe('memoryStore', () => {
  it('says new to the first, busy to the others, and then done', () => {
    const store = memoryStore()
    expect(store.begin('a', 60)).to.equal('new')
    expect(store.begin('a', 60)).to.equal('busy')
    expect(store.begin('b', 60)).to.equal('new')
    store.finish('a', 60)
    expect(store.begin('a', 60)).to.equal('done')
    store.abort('b')
    expect(store.begin('b', 60)).to.equal('new')
  })

  it('keeps a lease and a finished delivery for the given time, to the millisecond', () => {
    const { now, add } = clockAt(1000)
    const store = memoryStore({ now })
    store.begin('a', 60)
    add(60_000)
    expect(store.begin('a', 60)).to.equal('busy')
    add(1)
    expect(store.begin('a', 60), 'not longer for having been read').to.equal('new')
    store.finish('a', 100)
    add(100_000)
    expect(store.begin('a', 60)).to.equal('done')
    add(1)
    expect(store.begin('a', 60)).to.equal('new')
  })

  it('keeps a lease and a finished delivery no longer when its clock begins at 0', () => {
    let time = 0
    const store = memoryStore({ now: () => time })
    expect(store.begin('a', 60)).to.equal('new')
    store.finish('b', 60)
    time = 60_000
    expect([store.begin('a', 60), store.begin('b', 60)]).to.deep.equal(['busy', 'done'])
    time++
    expect([store.begin('a', 60), store.begin('b', 60)]).to.deep.equal(['new', 'new'])
  })

  it('uses a monotonic clock by default, also where that begins at 0', () => {
    const timers = sinon.useFakeTimers({ toFake: ['Date', 'performance'] })
    try {
      const store = memoryStore()
      store.begin('a', 60)
      store.finish('b', 60)
      timers.setSystemTime(-86_400_000)
      timers.tick(60_000)
      expect([store.begin('a', 60), store.begin('b', 60)]).to.deep.equal(['busy', 'done'])
      timers.tick(1)
      expect([store.begin('a', 60), store.begin('b', 60)]).to.deep.equal(['new', 'new'])
    } finally {
      timers.restore()
    }
  })

  it('counts no time at all as a millisecond, not as for ever', () => {
    const { now, add } = clockAt(1000)
    const store = memoryStore({ now })
    store.finish('a', 0)
    store.begin('b', 0)
    add(1000)
    expect([store.begin('a', 60), store.begin('b', 60)]).to.deep.equal(['new', 'new'])
  })

  it('lets only its owner abort a lease, and no one a finished delivery', () => {
    const { now, add } = clockAt(1000)
    const store = memoryStore({ now })
    store.begin('a', 60, 'first')
    add(61_000)
    expect(store.begin('a', 60, 'second')).to.equal('new')
    store.abort('a', 'first')
    store.abort('a')
    expect(store.begin('a', 60, 'third')).to.equal('busy')
    store.finish('a', 60)
    store.abort('a', 'second')
    expect(store.begin('a', 60, 'third')).to.equal('done')
  })

  it('is bounded: evicts the oldest finished delivery, and never a lease', () => {
    const store = memoryStore({ max: 3 })
    expect(store.begin('lease', 60)).to.equal('new')
    for (let index = 0; index < 10; index++) store.finish(`done-${index}`, 60)
    const kept = Array.from({ length: 10 }, (_, index) => `done-${index}`).filter(
      (key) => store.begin(key, 60) === 'done',
    )
    expect(kept).to.deep.equal(['done-7', 'done-8', 'done-9'])
    expect(store.begin('lease', 60)).to.equal('busy')
  })

  it('is bounded: has no more leases than entries, until one is aborted or expires', () => {
    const { now, add } = clockAt(1000)
    const store = memoryStore({ max: 2, now })
    expect(['a', 'b', 'c'].map((key) => store.begin(key, 60))).to.deep.equal(['new', 'new', 'busy'])
    store.abort('a')
    expect(store.begin('c', 120)).to.equal('new')
    add(61_000)
    expect(store.begin('d', 60)).to.equal('new')
    expect(store.begin('c', 60)).to.equal('busy')
  })

  const wrong: Array<[unknown, string]> = [
    [null, 'memoryStore: the options must be an object'],
    [{ max: 0 }, 'option `max` must be an integer from 1 to 10000000'],
    [{ max: 1.5 }, 'option `max`'],
    [{ max: Infinity }, 'option `max`'],
    [{ max: '10' }, 'option `max`'],
    [{ now: 1 }, 'option `now` must be a function'],
    [{ ttl: 1 }, 'unknown option `ttl`'],
  ]
  describe('P-10: its options', () => {
    optionsTable({ memoryStore }, wrong)
  })
})

/** In place of a client: does what the scripts of `redisStore` do. A server runs the scripts themselves in deduplicate-redis.test.ts. */
function clientStandIn(now: () => number) {
  const entries = new Map<string, { value: string; expires: number }>()
  const set = (key: string, value: string, ttl: string) => entries.set(key, { value, expires: now() + Number(ttl) })
  return {
    entries,
    async eval(script: string, { keys, arguments: values }: { keys: string[]; arguments: string[] }) {
      const [key = '', first = '', second = ''] = [...keys, ...values]
      const entry = entries.get(key)
      const value = entry !== undefined && entry.expires > now() ? entry.value : undefined
      if (script.includes("'NX'")) {
        if (value !== undefined) return value === 'done' ? 'done' : 'busy'
        set(key, first, second)
        return 'new'
      }
      if (script.includes("'DEL'")) return value === first && entries.delete(key)
      if (!/'SET'.*'done', 'PX'/.test(script)) throw new Error('a script that nobody knows')
      return set(key, 'done', first)
    },
  }
}

describe('redisStore, without a server', () => {
  describe('does what every store must do', () => {
    for (const { name, check } of storeChecks(() => redisStore(clientStandIn(() => performance.now())))) it(name, check)
  })

  const client = { eval: async () => 'new' }

  it('says new to the first, busy to the others, and then done', async () => {
    const store = redisStore(clientStandIn(() => 1000))
    expect(await store.begin('a', 60)).to.equal('new')
    expect(await store.begin('a', 60)).to.equal('busy')
    expect(await store.begin('b', 60)).to.equal('new')
    await store.finish('a', 60)
    expect(await store.begin('a', 60)).to.equal('done')
    await store.abort('b')
    expect(await store.begin('b', 60)).to.equal('new')
  })

  it('keeps a lease and a finished delivery for the given time in whole milliseconds, under its prefix', async () => {
    const standIn = clientStandIn(() => 1000)
    await redisStore(standIn).begin('a', 60.0005, 'owner')
    await redisStore(standIn).finish('b', 0)
    await redisStore(standIn, { prefix: 'mine:' }).finish('c', 302_400)
    expect([...standIn.entries]).to.deep.equal([
      ['passport-wix-app:a', { value: 'by owner', expires: 61_001 }],
      ['passport-wix-app:b', { value: 'done', expires: 1001 }],
      ['mine:c', { value: 'done', expires: 302_401_000 }],
    ])
  })

  it('lets only its owner abort a lease, and no one a finished delivery', async () => {
    const { now, add } = clockAt(1000)
    const store = redisStore(clientStandIn(now))
    await store.begin('a', 60, 'first')
    add(60_000)
    expect(await store.begin('a', 60, 'second')).to.equal('new')
    await store.abort('a', 'first')
    await store.abort('a')
    expect(await store.begin('a', 60, 'third')).to.equal('busy')
    await store.finish('a', 60)
    for (const owner of ['second', 'done', undefined]) await store.abort('a', owner)
    expect(await store.begin('a', 60, 'third')).to.equal('done')
  })

  it('understands a client that answers with buffers, and rejects any other answer', async () => {
    expect(await redisStore({ eval: async () => Buffer.from('busy') }).begin('a', 60)).to.equal('busy')
    for (const answer of [null, 1, '', 'OK']) {
      const error = await errorOf(Promise.resolve(redisStore({ eval: async () => answer }).begin('a', 60)))
      expect(error)
        .to.be.an.instanceOf(TypeError)
        .with.property('message', "The `begin` of a store must answer 'new', 'busy' or 'done'")
    }
  })

  it('calls the eval of ioredis and iovalkey as they have it, with the number of keys', async () => {
    const standIn = clientStandIn(() => 1000)
    class Ioredis {
      defineCommand(): void {}
      async eval(script: string, numberOfKeys: number, ...rest: string[]): Promise<unknown> {
        return standIn.eval(script, { keys: rest.slice(0, numberOfKeys), arguments: rest.slice(numberOfKeys) })
      }
    }
    const store = redisStore(new Ioredis(), { prefix: 'mine:' })
    expect(await store.begin('a', 60, 'owner')).to.equal('new')
    expect([...standIn.entries.keys()]).to.deep.equal(['mine:a'])
    expect(await store.begin('a', 60)).to.equal('busy')
    await store.abort('a', 'owner')
    expect([...standIn.entries]).to.deep.equal([])
    await store.finish('a', 60)
    expect(await store.begin('a', 60)).to.equal('done')
  })

  it('calls the eval of @upstash/redis as it has it, with lists of keys and of values', async () => {
    const standIn = clientStandIn(() => 1000)
    class Upstash {
      createScript(): void {}
      async eval(script: string, keys: string[], values: string[]): Promise<unknown> {
        return standIn.eval(script, { keys, arguments: values })
      }
    }
    // Some versions have an `evalRo` as well, which is the mark of a client of `redis`.
    for (const client of [new Upstash(), Object.assign(new Upstash(), { evalRo: () => {} })])
      expect(await redisStore(client).begin('b', 60)).to.be.oneOf(['new', 'busy'])
    const store = redisStore(new Upstash(), { prefix: 'mine:' })
    expect(await store.begin('a', 60, 'owner')).to.equal('new')
    expect([...standIn.entries.keys()]).to.deep.equal(['passport-wix-app:b', 'mine:a'])
    standIn.entries.delete('passport-wix-app:b')
    expect(await store.begin('a', 60)).to.equal('busy')
    await store.abort('a', 'owner')
    expect([...standIn.entries]).to.deep.equal([])
    await store.finish('a', 60)
    expect(await store.begin('a', 60)).to.equal('done')
  })

  it('takes a client of redis by a method that no other client has, and an object of your own', async () => {
    class NodeRedis {
      evalRo(): void {}
      eval = async () => 'busy'
    }
    for (const given of [new NodeRedis(), { eval: async () => 'busy' }])
      expect(await redisStore(given).begin('a', 60)).to.equal('busy')
  })

  it('rejects when the client rejects', async () => {
    const down = new Error('the server is down')
    const store = redisStore({ eval: () => Promise.reject(down) })
    for (const answer of [store.begin('a', 60), store.finish('a', 60), store.abort('a')]) {
      expect(await errorOf(Promise.resolve(answer))).to.equal(down)
    }
  })

  describe('P-10: its client', () => {
    const message =
      'redisStore: the first argument must be a client of `redis` (4 or later), `ioredis`, `iovalkey` or `@upstash/redis`; with another, pass { eval: (script, { keys, arguments: values }) => ... }'
    class Redis3 {
      eval(): void {}
      EVAL(): void {}
      sendCommand(): void {}
    }
    const rows: WrongOptions[] = [
      [undefined, message],
      ['redis://127.0.0.1', message],
      [{}, message],
      [{ eval: 'canary' }, message],
      [{ defineCommand: () => {} }, message],
      ['a client that was not awaited', Promise.resolve(client), `${message}; got a promise: await it`],
      ['a client of redis 3, or of a library that nobody here knows', new Redis3(), message],
    ]
    optionsTable({ redisStore: (given: never) => redisStore(given, {}) }, rows, { isWhole: true })
  })

  describe('P-10: its options', () => {
    optionsTable({ redisStore: (options: never) => redisStore(client, options) }, [
      [null, 'redisStore: the options must be an object'],
      [{ prefix: '' }, 'option `prefix` must be a non-empty string'],
      [{ prefix: undefined }, 'option `prefix` must be a non-empty string'],
      [{ ttl: 1 }, 'unknown option `ttl`'],
    ])
  })
})
