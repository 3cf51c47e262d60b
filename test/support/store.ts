import sinon from 'sinon'

/** A store of deliveries whose answers a test decides. */
export const storeOf = (overrides: object = {}) => ({
  begin: sinon.fake.resolves('new'),
  finish: sinon.fake.resolves(undefined),
  abort: sinon.fake.resolves(undefined),
  ...overrides,
})

/** Failures of every kind: what it is, and a function that fails. */
export const FAILURES: ReadonlyArray<[string, () => unknown]> = [
  [
    'throws',
    () => {
      throw new Error('database')
    },
  ],
  ['rejects', () => Promise.reject(new Error('database'))],
  ['rejects with nothing', () => Promise.reject(undefined)],
]
