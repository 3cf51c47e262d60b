import { expect } from 'chai'
import sinon from 'sinon'
import { type DeliveryStore, memoryStore } from '../../../lib/index.ts'
import { storeChecks } from '../../../devtools/testing/index.ts'
import { settled } from '../../support/run.ts'

/** A right store, but for what is replaced. */
const storeWith = (mistake: (right: DeliveryStore) => Partial<DeliveryStore>) => (): DeliveryStore => {
  const right = memoryStore()
  return { ...right, ...mistake(right) }
}

const AT_ONCE = "answers 'new' to one of many attempts at once"
const FIRST = "answers 'new' to the first attempt, 'busy' to others, and 'done' once it was handled"
const KEYS = 'keeps events apart whose keys differ in a capital, a dash or an underscore'
const ABORT = 'frees an event when its owner aborts'
const OTHERS = 'changes nothing when anybody else aborts'
const LEASE = 'frees an event when its lease has expired, and the late attempt cannot free it again'
const FINISH = 'counts a finish of whomever, also without a lease'
const TTL = 'forgets a handled event after its ttl, and not with its lease'

/** What is wrong, the store, and what the checks say of it. */
const mistakes: Array<[string, () => DeliveryStore, Record<string, string>]> = [
  [
    'reads before it writes, in two steps',
    storeWith((right) => {
      const held = new Set<string>()
      return {
        async begin(key, lease, owner) {
          if (held.has(key)) return right.begin(key, lease, owner)
          await settled()
          held.add(key)
          const progress = await right.begin(key, lease, owner)
          return progress === 'busy' ? 'new' : progress
        },
      }
    }),
    { [AT_ONCE]: "of 20 calls of begin at once, one must get 'new'; 20 did: is it atomic?" },
  ],
  [
    'says done to those who must wait',
    storeWith((right) => ({ begin: async (...args) => ((await right.begin(...args)) === 'new' ? 'new' : 'done') })),
    {
      [FIRST]: "begin must answer 'busy' while another attempt holds the event, and answered 'done'",
      [AT_ONCE]: "of 20 calls of begin at once, all but one must get 'busy'",
      [KEYS]: "begin must answer 'busy' after another event was finished, and answered 'done'",
      [ABORT]: "begin must answer 'busy' while another attempt holds the event, and answered 'done'",
      [OTHERS]: "begin must answer 'busy' after abort by another owner, and answered 'done'",
      [LEASE]: "begin must answer 'busy' when an attempt aborts whose lease another one has, and answered 'done'",
    },
  ],
  [
    'compares keys without case, as many collations do',
    storeWith((right) => ({
      begin: (key, ...more) => right.begin(key.toLowerCase(), ...more),
      finish: (key, ttl) => right.finish(key.toLowerCase(), ttl),
      abort: (key, owner) => right.abort(key.toLowerCase(), owner),
    })),
    { [KEYS]: "begin must answer 'new' to a key that it has not seen, and answered 'busy'" },
  ],
  [
    'ignores who aborts',
    storeWith((right) => ({
      begin: (key, lease) => right.begin(key, lease),
      abort: (key) => right.abort(key),
    })),
    {
      [OTHERS]: "begin must answer 'busy' after abort by another owner, and answered 'new'",
      [LEASE]: "begin must answer 'busy' when an attempt aborts whose lease another one has, and answered 'new'",
    },
  ],
  [
    'never frees an event',
    storeWith(() => ({ abort: () => {} })),
    { [ABORT]: "begin must answer 'new' after abort, and answered 'busy'" },
  ],
  [
    'finishes only what is leased',
    storeWith((right) => {
      const begun = new Set<string>()
      return {
        begin: (key, ...more) => (begun.add(key), right.begin(key, ...more)),
        finish: (key, ttl) => begun.has(key) && right.finish(key, ttl),
      }
    }),
    { [FINISH]: "begin must answer 'done' after a finish without begin, and answered 'new'" },
  ],
  [
    'takes seconds for minutes',
    storeWith((right) => ({
      begin: (key, lease, owner) => right.begin(key, lease * 60, owner),
      finish: (key, ttl) => right.finish(key, ttl * 60),
    })),
    {
      [LEASE]: 'a lease of 0.2 s is still there after 5 s',
      [FINISH]: 'a lease of 0.2 s is still there after 5 s',
      [TTL]: 'a ttl of 0.2 s is still there after 5 s',
    },
  ],
  [
    'keeps a handled event for as long as its lease',
    storeWith((right) => ({ finish: (key) => right.finish(key, 0.1) })),
    { [TTL]: "begin must answer 'done' until the ttl has passed, and longer than the lease, and answered 'new'" },
  ],
  [
    'answers with something else',
    storeWith((right) => ({ begin: async (...args) => ((await right.begin(...args)) === 'new') as never })),
    {
      [FIRST]: "begin must answer 'new' to the first attempt, and answered boolean",
      [AT_ONCE]: "of 20 calls of begin at once, one must get 'new'; 0 did: is it atomic?",
      [KEYS]: "begin must answer 'new' to a key that it has not seen, and answered boolean",
      [ABORT]: "begin must answer 'new' to the first attempt, and answered boolean",
      [OTHERS]: "begin must answer 'new' after an abort that held nothing, and answered boolean",
      [LEASE]: "begin must answer 'new' to the first attempt, and answered boolean",
      [FINISH]: "begin must answer 'new' to the first attempt, and answered boolean",
      [TTL]: "begin must answer 'new' to the first attempt, and answered boolean",
    },
  ],
]

describe('storeChecks', () => {
  describe('pass: memoryStore', () => {
    for (const { name, check } of storeChecks(memoryStore)) it(name, check)
  })

  describe('pass: one store for all of them, which is opened later', () => {
    const store = memoryStore()
    for (const { name, check } of storeChecks(async () => store)) it(name, check)
  })

  it('have names that differ, and functions without parameters, which every test runner takes', () => {
    const checks = storeChecks(memoryStore)
    expect(checks.map(({ name }) => name)).to.have.members([AT_ONCE, FIRST, KEYS, ABORT, OTHERS, LEASE, FINISH, TTL])
    for (const { check } of checks) expect(check).to.have.length(0)
  })

  it('reject with what the store, or its opening, fails with', async () => {
    const down = new Error('the server is down')
    const fail = (): never => {
      throw down
    }
    for (const { check } of [...storeChecks(storeWith(() => ({ begin: fail }))), ...storeChecks(fail)]) {
      expect(await check().catch((error: unknown) => error)).to.equal(down)
    }
  })

  it('pass for a store whose machine stood still while it answered busy', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'Date', 'performance'] })
    const held = storeWith((right) => ({
      begin(...args) {
        const progress = right.begin(...args)
        if (args[2] === 'second') clock.tick(10_000)
        return progress
      },
    }))
    try {
      for (const { name, check } of storeChecks(held)) {
        let end = ''
        void check().then(
          () => (end = 'passed'),
          (error: Error) => (end = error.message),
        )
        // oxlint-disable-next-line no-unmodified-loop-condition
        while (end === '') {
          await settled()
          await clock.tickAsync(20)
        }
        expect(end, name).to.equal('passed')
      }
    } finally {
      clock.restore()
    }
  })

  for (const [mistake, open, expected] of mistakes) {
    it(`find a store that ${mistake}`, async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'Date', 'performance'] })
      try {
        const found: Record<string, string> = {}
        for (const { name, check } of storeChecks(open)) {
          let isOver = false
          const over = check()
            .catch((error: Error) => (found[name] = error.message))
            .finally(() => (isOver = true))
          // oxlint-disable-next-line no-unmodified-loop-condition
          while (!isOver) {
            await settled()
            await clock.tickAsync(20)
          }
          await over
        }
        expect(found).to.deep.equal(expected)
      } finally {
        clock.restore()
      }
    })
  }
})
