import { expect } from 'chai'
import { postgresStore } from '../../lib/index.ts'
import { storeChecks } from '../../devtools/testing/index.ts'
import { errorOf } from '../support/errors.ts'
import { optionsTable } from '../support/options-table.ts'

/** In place of a client: does what the statements of `postgresStore` do. A server runs the statements themselves in deduplicate-postgres.test.ts. */
function clientStandIn() {
  const rows = new Map<unknown, { owner: unknown; expires: number }>()
  return {
    rows,
    async query(text: string, [key, ...values]: unknown[]) {
      const row = rows.get(key)
      const now = performance.now()
      if (text.includes('claimed')) {
        const isHeld = row !== undefined && row.expires > now
        if (!isHeld) rows.set(key, { owner: values[0], expires: now + Number(values[1]) * 1000 })
        return { rows: [{ progress: isHeld ? (row.owner === null ? 'done' : 'busy') : 'new' }] }
      }
      if (text.includes('finished')) rows.set(key, { owner: null, expires: now + Number(values[0]) * 1000 })
      else if (row !== undefined && row.owner === values[0]) rows.delete(key)
      return { rows: [] }
    },
  }
}

describe('postgresStore, without a server', () => {
  describe('does what every store must do', () => {
    for (const { name, check } of storeChecks(() => postgresStore(clientStandIn()))) it(name, check)
  })

  it('begins and aborts without an owner, too', async () => {
    const client = clientStandIn()
    const store = postgresStore(client)
    expect(await store.begin('a', 60)).to.equal('new')
    await store.abort('a', 'first')
    expect([...client.rows.values()]).to.have.nested.property('0.owner', '')
    await store.abort('a')
    expect(client.rows).to.have.property('size', 0)
  })

  it('takes clients that answer with the rows alone, also one that is a function, and rejects any other answer', async () => {
    const answering = (answer: unknown) => Object.assign(() => {}, { query: async () => answer })
    expect(await postgresStore(answering([{ progress: 'busy' }])).begin('a', 60)).to.equal('busy')
    for (const answer of [[], { rows: [] }, [{ progress: 'x' }], [[{ progress: 'new' }], []], {}, null, undefined]) {
      expect(await errorOf(Promise.resolve(postgresStore(answering(answer)).begin('a', 60)))).to.be.instanceOf(
        TypeError,
      )
    }
  })

  it('rejects when the client rejects', async () => {
    const down = new Error('the server is down')
    const store = postgresStore({ query: () => Promise.reject(down) })
    for (const answer of [store.begin('a', 60), store.finish('a', 60), store.abort('a')]) {
      expect(await errorOf(Promise.resolve(answer))).to.equal(down)
    }
  })

  const client = clientStandIn()
  it('quotes its table, and names it in every statement and in its schema', async () => {
    const texts: string[] = []
    const store = postgresStore(
      { query: async (text) => (texts.push(text), [{ progress: 'new' }]) },
      { table: 'app.user' },
    )
    await store.begin('a', 60)
    await store.finish('a', 60)
    await store.abort('a')
    for (const text of [...texts, store.schema]) {
      expect(text).to.include('"app"."user"')
      expect(text.replaceAll('"app"."user"', '').replaceAll('"user_expires_at"', '')).to.not.match(/app|user|wix/)
    }
    expect(store.schema).to.include('INDEX IF NOT EXISTS "user_expires_at" ON "app"."user"')
  })

  describe('P-10: its client', () => {
    const message =
      'postgresStore: the first argument must be a pool or a client of `pg`, or have the same `query`; with `postgres`, pass { query: (text, values) => sql.unsafe(text, values) }'
    const query = (): void => {}
    class Mysql {
      query(): void {}
      escape(): void {}
    }
    optionsTable({ postgresStore: (given: never) => postgresStore(given) }, [
      [undefined, message],
      ['postgres://canary', message],
      [{}, message],
      [{ query: 'SELECT' }, message],
      ['a client that was not awaited', Promise.resolve(client), `${message}; got a promise: await it`],
      ['what `postgres` makes', Object.assign(() => {}, { unsafe: query }), message],
      ['a client of MySQL, or Sequelize', new Mysql(), message],
      ['a client of mssql', { query, request: query }, message],
      ['a database of bun:sqlite', { query, prepare: query }, message],
    ])
  })

  describe('P-10: its options', () => {
    const long = 'a'.repeat(51)
    const message =
      'option `table` must be the name of a table, or schema.table: lower-case letters, digits and _, at most 50 characters each'
    optionsTable({ postgresStore: (options: never) => postgresStore(client, options) }, [
      [null, 'postgresStore: the options must be an object'],
      [{ ttl: 1 }, 'unknown option `ttl`'],
      ...[
        undefined,
        '',
        1,
        ['a'],
        'A',
        '1a',
        'a b',
        'a"',
        "a'; --",
        'a.b.c',
        'a.',
        '.a',
        'ä',
        'a\n',
        long,
        `a.${long}`,
        `${long}.a`,
      ].map((table) => [{ table }, message] as const),
    ])

    it('may be names in lower case, as long as they can be', () => {
      for (const table of ['a', '_a1', 'app.deliveries', `${'s'.repeat(50)}.${'t'.repeat(50)}`])
        expect(postgresStore(client, { table }).schema).to.include(table.replace('.', '"."'))
    })
  })
})
