import { types } from 'node:util'
import { isPromise, toError } from './internal/promises.ts'
import type { DefaultRequest } from './read.ts'

/** Ends the look-up: with an error, with `false` for a refusal, or with the user. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: object | string) => void

type Found = Express.User | false | null | undefined

/** What a verify callback without `done` returns. The value that one with `done` returns is ignored. */
export type VerifyResult = Found | void | PromiseLike<Found | void>

/**
 * The app's look-up: which user of the app is this identity?
 *
 * A function that declares `done` decides only through `done`. Any other function decides by its return value, which may
 * be a promise; returning nothing refuses the request.
 */
export type Verify<Identity> = (identity: Identity, done: VerifyDone) => VerifyResult

/** A {@link Verify} callback with the request before the identity. */
export type VerifyWithRequest<Identity, Req = DefaultRequest> = (
  req: Req,
  identity: Identity,
  done: VerifyDone,
) => VerifyResult

/** What the look-up ended with; without a user it is a refusal. */
export type Outcome =
  | { error: Error; user?: never }
  | { error?: never; user: Express.User | undefined; info: object | undefined }

/** The default verify callback, where it is optional: the identity, the argument before `done`, is the user. */
export const identityAsUser = (...args: unknown[]): Express.User => args.at(-2) as Express.User

const infoObject = (info: unknown): object | undefined => {
  // Passport would send a string as the WWW-Authenticate header, in which most characters are not allowed.
  if (typeof info === 'string') return { message: info }
  return typeof info === 'object' && info !== null ? info : undefined
}

// The first half is a shortcut: most callbacks return nothing, and the second half is a call into Node.
const isNativePromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && types.isPromise(value)

/**
 * Calls the app's verify and passes on its first decision, in the same tick where there is nothing to wait for.
 *
 * @param call Calls verify with `done`.
 * @param declaresDone Whether verify decides through `done`.
 * @param seconds After which a verify that has not decided is an error. Undefined: no limit.
 * @param decide Called exactly once, outside of verify: what the rest of the route throws does not come back here as if
 *   verify had thrown it.
 */
export function lookUp(
  call: (done: VerifyDone) => VerifyResult,
  declaresDone: boolean,
  seconds: number | undefined,
  decide: (outcome: Outcome) => void,
): void {
  let outcome: Outcome | undefined
  let returned = false
  let timer: NodeJS.Timeout | undefined

  const settle = (decision: Outcome): void => {
    if (outcome !== undefined) return
    outcome = decision
    if (timer !== undefined) clearTimeout(timer)
    if (returned) decide(decision)
  }
  const crash = (reason: unknown): void => settle({ error: toError(reason) })
  const done: VerifyDone = (reason, user, info) => {
    if (reason !== undefined && reason !== null && reason !== false) crash(reason)
    else settle({ user: user || undefined, info: infoObject(info) })
  }

  let result: VerifyResult
  let isPending = false
  try {
    result = call(done)
    // Alongside `done` only a real promise is waited for, since it may reject: calling `then` of a query builder would run
    // the query a second time.
    isPending = declaresDone ? isNativePromise(result) : isPromise(result)
  } catch (reason) {
    crash(reason)
  }
  returned = true
  if (outcome !== undefined) {
    // A later rejection has no effect, and must not be an unhandled one.
    if (isNativePromise(result)) result.then(undefined, () => {})
    return decide(outcome)
  }

  if (isPending) void Promise.resolve(result).then((user) => declaresDone || done(null, user || false), crash)
  else if (!declaresDone) done(null, result || false)
  if (outcome === undefined && seconds !== undefined) {
    const late = new Error(`The verify callback did not answer within ${seconds} s`)
    timer = setTimeout(() => crash(late), seconds * 1000)
  }
}
