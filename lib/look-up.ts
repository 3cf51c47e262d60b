import { types } from 'node:util'
import { debug } from './internal/log.ts'
import { notAUser } from './internal/not-a-user.ts'
import { isError, isPromise, messageOf, toError } from './internal/promises.ts'
import type { DefaultRequest } from './read.ts'

/** Ends the look-up: with an error, with `false` for a refusal, or with the user. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: object | string) => void

/** What a verify callback without `done` returns. The value that one with `done` returns is ignored. */
// Without a name for what is repeated: the compiler would show that name, and not what a user must be.
export type VerifyResult =
  | Express.User
  | false
  | null
  | undefined
  | void
  | PromiseLike<Express.User | false | null | undefined | void>

/**
 * The app's look-up: which of its users is this identity?
 *
 * A function that declares `done` decides only through `done`. Any other function decides by its return value, which may
 * be a promise; returning nothing refuses the request. A function that declares no parameter at all may be a wrapper around one that
 * takes `done`: it decides through `done`, or by a promise.
 */
export type Verify<Identity> = (identity: Identity, done: VerifyDone) => VerifyResult

/** A {@link Verify} callback with the request before the identity. */
export type VerifyWithRequest<Identity, Req = DefaultRequest> = (
  req: Req,
  identity: Identity,
  done: VerifyDone,
) => VerifyResult

/** Who was found, and what verify said about it. */
export interface LookUp {
  /** Undefined: nobody, a refusal. */
  user: Express.User | undefined
  info: object | undefined
  /** Why nobody was found, for the developer. */
  hint?: string
}

const infoObject = (info: unknown): object | undefined => {
  // Passport would send a string as the WWW-Authenticate header, in which most characters are not allowed.
  if (typeof info === 'string') return { message: info }
  return typeof info === 'object' && info !== null ? info : undefined
}

/** Seconds after which the debug log names a verify callback that has not decided. */
const SLOW = 5

const NOT_AN_ERROR =
  'The verify callback called done() with a first argument that is not an Error; see `cause`. Its arguments are done(error, user): did you mean done(null, user)?'

/** Ends a look-up when nobody can call its `done` any more. */
const unreachable = new FinalizationRegistry<(error: Error) => void>((reject) =>
  reject(
    new Error(
      'The verify callback can no longer decide: nothing is left that could call `done`. Call done(null, user), or declare the identity alone and return the user',
    ),
  ),
)

const MISREAD =
  'The verify callback failed; see `cause`. With passReqToCallback it is called as (req, identity, done): does it take its second parameter for `done`?'

const NOT_CALLED = 'declares `done`, and its promise settled without a call of it: what it returns is ignored'

const warnings = new Set<string>()

/** A mistake in a verify callback, which each request would repeat. */
function warn(name: string, problem: string): void {
  const message = `${name}: the verify callback ${problem}`
  debug(message)
  if (warnings.has(message)) return
  warnings.add(message)
  process.emitWarning(message, { type: 'WixVerifyWarning' })
}

/** How a verify callback decides. */
interface VerifySettings {
  /** The strategy, for the log. */
  name: string
  /** How many parameters it declares, beginning with the identity. */
  parameters: number
  /** Whether it gets the request before the identity. */
  isRequestPassed: boolean
  /** Seconds after which it is an error that it has not decided. Undefined: no limit. */
  timeout: number | undefined
}

/**
 * Calls the app's verify and resolves to its first decision. Who decides, by the parameters that verify declares from the identity on:
 *
 * - two or more: `done`; what it returns does not count, and a promise that settles first is named in the log;
 * - one: what it returns, or what a promise of it resolves to; `done` where it was called before that;
 * - none, as a wrapper with rest parameters: `done`, or what a promise resolves to, but never a value that it returns at once.
 *
 * A throw or a rejection is an error in each case.
 *
 * @param call Calls verify with `done`.
 */
export const lookUp = (
  call: (done: VerifyDone) => unknown,
  { name, parameters, isRequestPassed, timeout }: VerifySettings,
): Promise<LookUp> =>
  new Promise((resolve, reject) => {
    const declaresDone = parameters > 1
    let decidedBy: 'done' | 'return' | 'failure' | undefined
    let timer: NodeJS.Timeout | undefined
    let reminder: NodeJS.Timeout | undefined
    /** What comes later than the first decision changes nothing: a promise settles once. */
    const decide = (by: 'done' | 'return' | 'failure'): void => {
      decidedBy ??= by
      clearTimeout(timer)
      clearTimeout(reminder)
    }
    const found = (user: unknown, more: Omit<LookUp, 'user'>): void => {
      try {
        const problem = notAUser(user)
        if (problem === undefined) resolve({ user: (user as Express.User) || undefined, ...more })
        else reject(new Error(`The verify callback gave no user, but ${problem}`))
      } catch (reason) {
        // A proxy that was revoked, such as the draft of a state that has been finished.
        reject(toError(reason))
      }
    }
    const done: VerifyDone = (reason, user, info) => {
      if (decidedBy === 'return')
        warn(name, 'called done() after what it returned had decided: declare `done` as its last parameter')
      else if (decidedBy === 'done') debug(`${name}: the verify callback called done() again; the first call counts`)
      decide('done')
      if (reason === undefined || reason === null || reason === false) found(user, { info: infoObject(info) })
      else reject(isError(reason) ? reason : new Error(NOT_AN_ERROR, { cause: reason }))
    }
    const returned = (user: unknown): void => {
      decide('return')
      const hint = `: it returned ${user === null ? 'null' : typeof user}`
      found(user, { info: undefined, ...(!user && { hint }) })
    }
    const failed = (reason: unknown): void => {
      decide('failure')
      // Two parameters are (req, identity): one that takes the second for `done` calls an object.
      const error = toError(reason)
      const isMisread = isRequestPassed && parameters === 1 && messageOf(error).endsWith('is not a function')
      reject(isMisread ? new Error(MISREAD, { cause: reason }) : error)
    }

    let result: unknown
    try {
      result = call(done)
    } catch (reason) {
      return failed(reason)
    }
    // Only what declares the identity alone may return a query: calling `then` of one that has a callback would run it a second time,
    // and its row is not the user.
    const isAwaited = types.isPromise(result) || (parameters === 1 && decidedBy === undefined && isPromise(result))
    if (isAwaited)
      Promise.resolve(result).then(
        declaresDone ? () => decidedBy ?? warn(name, NOT_CALLED) : returned,
        // Also after a decision, since it would end the process.
        failed,
      )
    else if (parameters === 1) returned(result)
    // It may wrap a callback of a driver, which returns a handle at once.
    else if (!declaresDone && result !== undefined && decidedBy === undefined)
      warn(name, 'declares no parameter, so what it returns at once is not the user: declare the identity')
    if (decidedBy !== undefined) return

    if (timeout !== undefined)
      timer = setTimeout(
        () => failed(new Error(`The verify callback did not answer within ${timeout} s`)),
        timeout * 1000,
      )
    if (debug.enabled)
      reminder = setTimeout(
        () => debug(`${name}: the verify callback has not decided after ${SLOW} s`),
        SLOW * 1000,
      ).unref()
    // Where nothing but `done` can decide, and verify has forgotten it, nobody would ever answer.
    if (declaresDone || !isAwaited) unreachable.register(done, reject)
  })
