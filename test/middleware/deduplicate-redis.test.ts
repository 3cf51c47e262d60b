import { Redis as Upstash } from '@upstash/redis'
import { expect } from 'chai'
import { Cluster as IoredisCluster, Redis as Ioredis } from 'ioredis'
import { Cluster as IovalkeyCluster, Redis as Iovalkey } from 'iovalkey'
import { createClientPool, createCluster, RESP_TYPES } from 'redis'
import sinon from 'sinon'
import { redisStore, type RedisStoreClient } from '../../lib/middleware/stores.ts'
import { storeChecks } from '../../devtools/testing/index.ts'
import { deliver, receiver, refused } from '../support/deliveries.ts'
import { errorOf } from '../support/errors.ts'
import { describeWith } from '../support/left-out.ts'
import { REDIS } from '../support/programs.ts'
import {
  connect,
  redisCluster,
  redisServer,
  type RedisServer,
  type TestClient,
  until,
  worker,
} from '../support/redis.ts'
import { upstash } from '../support/upstash.ts'

describeWith(REDIS, 'redisStore', function () {
  this.timeout(60_000)

  let server: RedisServer
  let client: TestClient
  before(async () => {
    server = await redisServer()
    client = await connect(server.url)
  })
  beforeEach(() => client.flushAll())
  after(async () => {
    client.destroy()
    await server.kill()
  })

  it('says new to one of many at once, busy to the others, and then done', async () => {
    const other = await connect(server.url)
    const store = redisStore(client)
    const stores = [store, redisStore(other)]
    const begun = Array.from({ length: 50 }, () => stores.map(async (one) => one.begin('a', 60))).flat()
    const answers = await Promise.all(begun)
    other.destroy()
    expect(answers.filter((answer) => answer === 'new')).to.have.length(1)
    expect(answers.filter((answer) => answer === 'busy')).to.have.length(99)
    await store.abort('a')
    expect(await store.begin('a', 60)).to.equal('new')
    await store.finish('a', 60)
    expect(await store.begin('a', 60)).to.equal('done')
  })

  it('keeps a lease and a finished delivery for the given time, under its prefix', async () => {
    const begun = performance.now()
    /** What is left of it now, by the clock of this process, which is not that of Redis. */
    const leftOf = (milliseconds: number): number => milliseconds - (performance.now() - begun) - 1000
    await redisStore(client).begin('a', 60.0005, 'owner')
    expect(await client.keys('*')).to.deep.equal(['passport-wix-app:a'])
    const lease = await client.pTTL('passport-wix-app:a')
    expect(lease).to.be.within(leftOf(60_001), 60_001)
    await redisStore(client, { prefix: 'mine:' }).finish('b', 302_400)
    const ttl = await client.pTTL('mine:b')
    expect(ttl).to.be.within(leftOf(302_400_000), 302_400_000)
    await redisStore(client).finish('a', 0)
    await until(async () => (await client.exists('passport-wix-app:a')) === 0)
  })

  it('lets only its owner abort a lease, and no one a finished delivery', async () => {
    const store = redisStore(client)
    await store.begin('a', 0.01, 'first')
    await until(async () => (await store.begin('a', 60, 'second')) === 'new')
    await store.abort('a', 'first')
    await store.abort('a')
    expect(await store.begin('a', 60, 'third')).to.equal('busy')
    await store.finish('a', 60)
    for (const owner of ['first', 'second', 'done', undefined]) await store.abort('a', owner)
    expect(await store.begin('a', 60, 'third')).to.equal('done')

    await store.begin('b', 60, 'done')
    expect(await store.begin('b', 60)).to.equal('busy')
  })

  it('understands a client that answers with buffers', async () => {
    const store = redisStore(client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }))
    expect(await store.begin('a', 60)).to.equal('new')
    expect(await store.begin('a', 60)).to.equal('busy')
  })

  it('rejects when the server rejects, or answers with something else', async () => {
    await client.lPush('passport-wix-app:a', 'an array')
    let refusal: unknown
    await Promise.resolve(redisStore(client).begin('a', 60)).catch((reason: unknown) => (refusal = reason))
    expect(refusal).to.be.instanceOf(Error).with.property('message').that.includes('WRONGTYPE')
    let odd: unknown
    await Promise.resolve(redisStore({ eval: async () => null }).begin('a', 60)).catch(
      (error: unknown) => (odd = error),
    )
    expect(odd).to.be.instanceOf(TypeError)
  })

  /** Each says what the others have stored, since all run the same scripts. */
  async function share(clients: Readonly<Record<string, RedisStoreClient>>): Promise<void> {
    const stores = Object.entries(clients).map(([name, client]) => [name, redisStore(client)] as const)
    for (const [name, store] of stores) {
      // On any of three nodes.
      for (const key of Array.from({ length: 20 }, (_, index) => `${name} ${index}`)) {
        expect(await store.begin(key, 60, 'first'), key).to.equal('new')
        for (const [, other] of stores) expect(await other.begin(key, 60, 'second'), key).to.equal('busy')
        await store.abort(key, 'second')
        expect(await store.begin(key, 60, 'third'), key).to.equal('busy')
        await store.abort(key, 'first')
        expect(await store.begin(key, 60, 'third'), key).to.equal('new')
        await store.finish(key, 60)
        for (const [, other] of stores) expect(await other.begin(key, 60), key).to.equal('done')
      }
    }
  }

  it('takes clients of redis, ioredis and iovalkey', async () => {
    const pool = createClientPool({ url: server.url })
    await pool.connect()
    const [ioredis, iovalkey] = [new Ioredis(server.url), new Iovalkey(server.url)]
    try {
      await share({ redis: client, pool, ioredis, iovalkey })
    } finally {
      pool.destroy()
      ioredis.disconnect()
      iovalkey.disconnect()
    }
  })

  it('takes clients of a cluster', async () => {
    const { ports, kill } = await redisCluster()
    const nodes = ports.map((port) => ({ host: '127.0.0.1', port }))
    const redis = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })) })
    const [ioredis, iovalkey] = [new IoredisCluster(nodes), new IovalkeyCluster(nodes)]
    try {
      await redis.on('error', () => {}).connect()
      await share({ redis, ioredis, iovalkey })
    } finally {
      redis.destroy()
      ioredis.disconnect()
      iovalkey.disconnect()
      await kill()
    }
  })

  it('W-01: handles each of 1,000 deliveries once, each sent twice at once, to two processes', async () => {
    const workers = [
      await worker('deduplicate-worker.ts', 'one', server.url, '60'),
      await worker('deduplicate-worker.ts', 'two', server.url, '60'),
    ]
    try {
      const ids = Array.from({ length: 1000 }, (_, index) => `event-${index}`)
      const statuses: number[] = []
      for (let start = 0; start < ids.length; start += 50) {
        const batch = ids.slice(start, start + 50)
        const sent = batch.flatMap((id) => workers.map(({ url }) => deliver(`${url}/handle/${id}`)))
        statuses.push(...(await Promise.all(sent)).flat())
      }
      expect(new Set(statuses)).to.deep.equal(new Set([200, 503]))

      const handlers: string[] = []
      for (const id of ids) {
        const handled = await client.lRange(`handled:${id}`, 0, -1)
        expect(handled, id).to.have.length(1)
        handlers.push(...handled)
      }
      expect(new Set(handlers), 'both took part').to.deep.equal(new Set(['one', 'two']))
    } finally {
      for (const one of workers) await one.kill()
    }
  })

  it('W-01: loses nothing when a process is killed while it handles deliveries', async () => {
    const [one, two] = [
      await worker('deduplicate-worker.ts', 'one', server.url, '60'),
      await worker('deduplicate-worker.ts', 'two', server.url, '60'),
    ]
    try {
      const ids = Array.from({ length: 20 }, (_, index) => `event-${index}`)
      const cut = ids.map((id) =>
        fetch(`${one.url}/hang/${id}`, { method: 'POST' }).catch((error: Error) => error.name),
      )
      for (const id of ids) await until(async () => (await client.lLen(`begun:${id}`)) === 1)
      await one.kill()
      expect(new Set(await Promise.all(cut))).to.deep.equal(new Set(['TypeError']))

      for (const id of ids) {
        const repeat = await fetch(`${two.url}/handle/${id}`, { method: 'POST' })
        await repeat.body?.cancel()
        expect([id, repeat.status], 'kept out by the lease').to.deep.equal([id, 503])
      }
      // The leases run out.
      for (const key of await client.keys('passport-wix-app:*')) await client.pExpire(key, 1)
      for (const id of ids) {
        expect((await deliver(`${two.url}/handle/${id}`)).at(-1)).to.equal(200)
        expect(await client.lRange(`handled:${id}`, 0, -1), id).to.deep.equal(['two'])
      }
    } finally {
      for (const process of [one, two]) await process.kill()
    }
  })

  it('takes clients of @upstash/redis, as the client of Vercel KV is one', async () => {
    const served = await upstash(client)
    const options = { url: served.url, token: 'token' }
    try {
      await share({
        redis: client,
        upstash: new Upstash(options),
        single: new Upstash({ ...options, enableAutoPipelining: false }),
      })
      const down = new Upstash({ ...options, url: `${served.url}/nothing`, retry: false })
      expect(await errorOf(Promise.resolve(redisStore(down).begin('a', 60)))).to.be.instanceOf(Error)
    } finally {
      await served.close()
    }
  })

  describe('does what every store must do', () => {
    for (const { name, check } of storeChecks(() => redisStore(client))) it(name, check)
  })

  it('W-01: answers 503 while Redis is down, and runs the route as soon as it is back', async () => {
    const warning = sinon.replace(process, 'emitWarning', sinon.fake())
    const app = await receiver(redisStore(client), (id) => (id === 'cut' ? server.kill() : undefined))
    try {
      await deliver(`${app.url}/before`)
      // Goes away while a delivery is in the route: that one is answered all the same.
      expect((await deliver(`${app.url}/cut`)).at(-1)).to.equal(200)
      await refused(app, 'during')
      expect(app.handled).to.deep.equal(['before', 'cut'])
      expect(String(warning.firstCall.args[0])).to.include('a handled delivery could not be stored')

      await server.start()
      await deliver(`${app.url}/during`)
      await deliver(`${app.url}/during`)
      expect(app.handled).to.deep.equal(['before', 'cut', 'during'])
    } finally {
      await app.close()
      sinon.restore()
    }
  })

  it('W-01: answers 503 while Redis is frozen, and loses no event and no lease', async () => {
    const app = await receiver(redisStore(client))
    try {
      await deliver(`${app.url}/before`)
      server.freeze()
      await refused(app, 'during')
      server.thaw()
      // What was asked for meanwhile is done now, and leaves no lease behind.
      await deliver(`${app.url}/during`)
      await deliver(`${app.url}/during`)
      await deliver(`${app.url}/before`)
      expect(app.handled).to.deep.equal(['before', 'during'])
    } finally {
      server.thaw()
      await app.close()
    }
  })

  it('W-01: answers 503 while its server is a replica, which only reads, and handles each event once after a fail-over', async () => {
    const replica = await redisServer(['--replicaof', '127.0.0.1', new URL(server.url).port])
    const replicated = await connect(replica.url)
    const before = await receiver(redisStore(client))
    const after = await receiver(redisStore(replicated))
    try {
      await until(async () => (await replicated.info('replication')).includes('master_link_status:up'))
      await deliver(`${before.url}/before`)
      await client.wait(1, 5000)
      await refused(after, 'during')
      await server.kill()
      await replicated.sendCommand(['REPLICAOF', 'NO', 'ONE'])
      await deliver(`${after.url}/during`)
      await deliver(`${after.url}/during`)
      await deliver(`${after.url}/before`)
      expect([before.handled, after.handled]).to.deep.equal([['before'], ['during']])
    } finally {
      for (const app of [before, after]) await app.close()
      replicated.destroy()
      await replica.kill()
      await server.kill()
      await server.start()
    }
  })
})
