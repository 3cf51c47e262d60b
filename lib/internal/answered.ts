import { isPromise, toError, warnOf } from './promises.ts'
import { property } from './values.ts'

const ALREADY_ANSWERED: ReadonlySet<unknown> = new Set(['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP2_HEADERS_SENT'])

function isAnswered(req: unknown): boolean {
  try {
    return property(property(req, 'res'), 'writableEnded') === true
  } catch {
    return false
  }
}

function isSecondAnswer(reason: unknown): boolean {
  try {
    return ALREADY_ANSWERED.has(property(reason, 'code'))
  } catch {
    return false
  }
}

/**
 * Calls one of Passport's actions, unless the app has already ended the response, for example at a response time limit: Passport would
 * write to it again. Where the response is out of sight, Node's error for a second answer ends here.
 *
 * What the app's custom callback throws goes to `fail` once, which calls it again with that error, and if that throws as well to the
 * error handler of Express. It never ends the process.
 */
export function endRequest(req: unknown, action: () => unknown, fail: (error: Error) => unknown): void {
  if (isAnswered(req)) return
  const lastResort = (reason: unknown): void =>
    guarded(() => {
      const next = isAnswered(req) ? undefined : property(req, 'next')
      // Nobody else would tell.
      return typeof next === 'function' ? next(toError(reason)) : warnOf(reason)
    }, warnOf)
  guarded(action, (reason) => {
    if (isSecondAnswer(reason)) return
    if (isAnswered(req)) lastResort(reason)
    else guarded(() => fail(toError(reason)), lastResort)
  })
}

/** Catches what a function throws, also later: Passport returns what a custom callback returns, which may be a promise. */
function guarded(call: () => unknown, caught: (reason: unknown) => void): void {
  try {
    const result = call()
    if (isPromise(result)) result.then(undefined, caught)
  } catch (reason) {
    caught(reason)
  }
}
