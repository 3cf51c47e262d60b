import { randomBytes } from 'node:crypto'
import type { DeliveryProgress, DeliveryStore } from '../../lib/middleware/stores.ts'

/** One check of a store, for a test runner. */
export interface StoreCheck {
  /** What the store does, to end a sentence that begins with its name. */
  name: string
  /** Rejects with an Error that says what the store has done instead. */
  check: () => Promise<void>
}

const LEASE = 60
/** Seconds: long enough for a store to answer meanwhile, and short for a test. */
const SHORT = 0.2
/** Seconds in which what is kept for a moment must be gone, also in a store that rounds up to whole seconds. */
const PATIENCE = 5

/** Like the keys of events: 43 characters of base64url, which no other run has used. */
const newKey = (): string => randomBytes(32).toString('base64url')

/** An attempt to handle the event of a key. */
const attempt = (store: DeliveryStore, key: string, owner: string, lease: number = LEASE) => ({
  expect: async (expected: DeliveryProgress, when: string): Promise<void> => {
    const progress: unknown = await store.begin(key, lease, owner)
    if (progress === expected) return
    const got = progress === 'new' || progress === 'busy' || progress === 'done' ? `'${progress}'` : typeof progress
    throw new Error(`begin must answer '${expected}' ${when}, and answered ${got}`)
  },
})

/** Waits until what was kept for a moment is forgotten: the attempt is then the one that has the key. */
async function expired(store: DeliveryStore, key: string, owner: string, what: string): Promise<void> {
  const end = Date.now() + PATIENCE * 1000
  for (;;) {
    // Before the attempt: a machine that stands still during it says nothing about the store.
    const isLast = Date.now() > end
    if ((await store.begin(key, LEASE, owner)) === 'new') return
    if (isLast) throw new Error(`${what} of ${SHORT} s is still there after ${PATIENCE} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const CHECKS: Record<string, (store: DeliveryStore) => Promise<void>> = {
  "answers 'new' to the first attempt, 'busy' to others, and 'done' once it was handled": async (store) => {
    const key = newKey()
    await attempt(store, key, 'first').expect('new', 'to the first attempt')
    await attempt(store, key, 'second').expect('busy', 'while another attempt holds the event')
    await store.finish(key, LEASE)
    await attempt(store, key, 'third').expect('done', 'after finish')
    await attempt(store, key, 'fourth').expect('done', 'after finish, each time')
  },
  "answers 'new' to one of many attempts at once": async (store) => {
    for (let round = 0; round < 5; round++) {
      const key = newKey()
      const owners = Array.from({ length: 20 }, (_, index) => `attempt ${index}`)
      const answers = await Promise.all(owners.map(async (owner) => store.begin(key, LEASE, owner)))
      const count = answers.filter((answer) => answer === 'new').length
      if (count !== 1) throw new Error(`of 20 calls of begin at once, one must get 'new'; ${count} did: is it atomic?`)
      if (answers.filter((answer) => answer === 'busy').length !== 19)
        throw new Error("of 20 calls of begin at once, all but one must get 'busy'")
    }
  },
  'keeps events apart whose keys differ in a capital, a dash or an underscore': async (store) => {
    const key = newKey().slice(4)
    for (const start of ['aaa-', 'aaA-', 'aaa_', 'AAA-', 'aaab']) {
      await attempt(store, start + key, 'first').expect('new', 'to a key that it has not seen')
    }
    await store.finish(`aaa-${key}`, LEASE)
    await attempt(store, `aaA-${key}`, 'second').expect('busy', 'after another event was finished')
    await store.abort(`aaA-${key}`, 'first')
    await attempt(store, `aaa_${key}`, 'second').expect('busy', 'after another event was aborted')
  },
  'frees an event when its owner aborts': async (store) => {
    const key = newKey()
    await attempt(store, key, 'first').expect('new', 'to the first attempt')
    await store.abort(key, 'first')
    await attempt(store, key, 'second').expect('new', 'after abort')
    await attempt(store, key, 'third').expect('busy', 'while another attempt holds the event')
  },
  'changes nothing when anybody else aborts': async (store) => {
    const key = newKey()
    await store.abort(key, 'first')
    await attempt(store, key, 'first').expect('new', 'after an abort that held nothing')
    await store.abort(key, 'second')
    await attempt(store, key, 'second').expect('busy', 'after abort by another owner')
    await store.finish(key, LEASE)
    await store.abort(key, 'first')
    await attempt(store, key, 'second').expect('done', 'when abort comes after finish')
  },
  'frees an event when its lease has expired, and the late attempt cannot free it again': async (store) => {
    const key = newKey()
    await attempt(store, key, 'first', SHORT).expect('new', 'to the first attempt')
    await expired(store, key, 'second', 'a lease')
    await store.abort(key, 'first')
    await attempt(store, key, 'third').expect('busy', 'when an attempt aborts whose lease another one has')
  },
  'counts a finish of whomever, also without a lease': async (store) => {
    const [key, lost] = [newKey(), newKey()]
    await attempt(store, key, 'first', SHORT).expect('new', 'to the first attempt')
    await expired(store, key, 'second', 'a lease')
    await store.finish(key, LEASE)
    await store.abort(key, 'second')
    await attempt(store, key, 'third').expect('done', 'after finish, although the lease had expired')
    await store.finish(lost, LEASE)
    await attempt(store, lost, 'first').expect('done', 'after a finish without begin')
  },
  'forgets a handled event after its ttl, and not with its lease': async (store) => {
    const [short, long] = [newKey(), newKey()]
    await attempt(store, long, 'first', SHORT).expect('new', 'to the first attempt')
    await store.finish(long, 302_460)
    await store.finish(short, SHORT)
    await expired(store, short, 'second', 'a ttl')
    await attempt(store, long, 'second').expect('done', 'until the ttl has passed, and longer than the lease')
  },
}

/**
 * What every store of `deduplicate` and `handleOnce` must do, as checks for any test runner. They use keys of
 * their own, and take about a second together; in a store that counts whole seconds, several.
 *
 * @param open Returns the store, or a promise of it; called once for each check.
 * @example
 * for (const { name, check } of storeChecks(() => store)) it(name, check)
 */
export function storeChecks(open: () => DeliveryStore | PromiseLike<DeliveryStore>): StoreCheck[] {
  return Object.entries(CHECKS).map(([name, check]) => ({ name, check: async () => check(await open()) }))
}
