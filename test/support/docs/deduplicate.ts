import { expect } from 'chai'
import pg from 'pg'
import { postgresStore } from '../../../lib/index.ts'
import type { Page, PageTest } from '../docs-page.ts'
import { postgresServer } from '../postgres.ts'
import { POSTGRES, REDIS } from '../programs.ts'
import { connect, redisServer } from '../redis.ts'
import { upstash } from '../upstash.ts'

const hasRedis = REDIS.path !== undefined
const hasPostgres = POSTGRES.path !== undefined

/** Two programs after each other, which handle an event with the \`once\` of a file: the second has nothing to do. */
async function handledOnce(page: Page, file: string, environment: Record<string, string>): Promise<void> {
  const isFetch = file.startsWith('handle-once')
  await page.write(
    'handle.mjs',
    `
    import { once } from './${file}'
    const event = { instanceId: 'site-1', eventType: 'order_created', data: { id: '${file}', entityFqdn: 'wix.ecom.v1.order' } }
    const runs = []
    for (let tries = 0; tries < 3; tries++) {
      if (${isFetch}) await once(event, () => (runs.push('route'), new Response()))
      else await new Promise((resolve, reject) => {
        const listeners = []
        const res = { statusCode: 200, once: (_name, listener) => listeners.push(listener), setHeader() {}, end() { res.writableEnded = true; listeners[0]?.(); setTimeout(resolve, 100) } }
        once({ authInfo: { identity: event } }, res, (error) => error ? reject(error) : (runs.push('route'), res.end()))
      })
    }
    console.log(runs.join())
    process.exit()`,
  )
  expect(await page.execute('handle.mjs', file, environment)).to.equal('route\n')
  expect(await page.execute('handle.mjs', file, environment)).to.equal('\n')
}

export default {
  compiledOnly: {
    ...(!hasRedis && {
      'deduplicate-redis.mjs': 'needs a Redis server',
      'deduplicate-ioredis.mjs': 'needs a Redis server',
      'handle-once-upstash.mjs': 'needs a Redis server',
    }),
    ...(!hasPostgres && { 'deduplicate-postgres.mjs': 'needs a PostgreSQL server' }),
  },
  claims: {
    'shows the schema of the store': async (page) => {
      const [, ...lines] = page.read('wix_deliveries.sql').split('\n')
      expect(postgresStore({ query: async () => [] }).schema).to.equal(lines.join('\n'))
    },
    ...(hasPostgres && {
      'handles an event once with a table of PostgreSQL': async (page: Page) => {
        const server = await postgresServer()
        const client = new pg.Client(server.url)
        try {
          await client.connect()
          await client.query(page.read('wix_deliveries.sql'))
          await client.end()
          await handledOnce(page, 'deduplicate-postgres.mjs', { DATABASE_URL: server.url })
        } finally {
          await server.close()
        }
      },
    }),
    ...(hasRedis && {
      'handles an event once with each client of Redis': async (page: Page) => {
        const server = await redisServer()
        const client = await connect(server.url)
        const rest = await upstash(client)
        const environment = {
          REDIS_URL: server.url,
          UPSTASH_REDIS_REST_URL: rest.url,
          UPSTASH_REDIS_REST_TOKEN: 'token',
        }
        try {
          for (const file of ['deduplicate-redis.mjs', 'deduplicate-ioredis.mjs', 'handle-once-upstash.mjs'])
            await handledOnce(page, file, environment)
        } finally {
          await rest.close()
          client.destroy()
          await server.kill()
        }
      },
    }),
    'checks a store in a test runner': async (page) => {
      expect(await page.run('store.test.mjs')).to.match(/pass 8\n.*fail 0\n/s)
    },
  },
} satisfies PageTest
