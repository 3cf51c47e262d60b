import sinon from 'sinon'

export type Outcome =
  | { kind: 'success'; user: unknown; info: unknown }
  | { kind: 'fail'; challenge: unknown; status: unknown }
  | { kind: 'error'; error: unknown }

interface Authenticates {
  authenticate(req: never, options?: object): void
}

const redirect = sinon.fake.throws('redirect is never called')
const pass = sinon.fake.throws('pass is never called')

/** Runs a strategy as Passport does, on an object made from it, and returns all the outcomes that it has reported so far. */
export function start(strategy: Authenticates, req: unknown, options?: object): Outcome[] {
  const outcomes: Outcome[] = []
  const perRequest = Object.assign(Object.create(strategy) as Authenticates, {
    success: (user: unknown, info: unknown) => void outcomes.push({ kind: 'success', user, info }),
    fail: (challenge: unknown, status: unknown) => void outcomes.push({ kind: 'fail', challenge, status }),
    error: (error: unknown) => void outcomes.push({ kind: 'error', error }),
    redirect,
    pass,
  })
  perRequest.authenticate(req as never, options)
  return outcomes
}

/** Long enough for every promise of a test to settle; nothing in the tests waits for time. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The one outcome of a request. More than one, or none, fails the test. */
export async function run(strategy: Authenticates, req: unknown, options?: object): Promise<Outcome> {
  const outcomes = start(strategy, req, options)
  await settled()
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.length > 1) throw new Error(`${outcomes.length} outcomes instead of one`)
  return outcome
}

/** As {@link run}, for strategies that wait for something which is not a promise of the test: the thread that verifies. */
export async function runToEnd(strategy: Authenticates, req: unknown, options?: object): Promise<Outcome> {
  const outcomes = start(strategy, req, options)
  while (outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await settled()
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.length > 1) throw new Error(`${outcomes.length} outcomes instead of one`)
  return outcome
}

/** A request as Express hands it over, with its query and headers. */
export const request = (query: unknown = {}, headers: unknown = {}): object => ({ query, headers })
