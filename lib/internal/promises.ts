import { types } from 'node:util'

export const isPromise = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function'

/** The result of `call`; after `seconds` without one, the result of `onTimeout`, which may throw. */
export async function withTimeout<T>(seconds: number, call: () => T | PromiseLike<T>, onTimeout: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000)
  }).then(onTimeout)
  try {
    return await Promise.race([call(), timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Callers that come while a call is in flight share its result. */
export function singleFlight<T>(call: () => Promise<T>): () => Promise<T> {
  let inFlight: Promise<T> | undefined
  return () => {
    inFlight ??= call().finally(() => {
      inFlight = undefined
    })
    return inFlight
  }
}

/**
 * An Error for whatever a callback threw or rejected with.
 *
 * Express takes `next()`, `next('route')` and `next('router')` for "no error": only an Error is sure to stop a request.
 */
export const toError = (reason: unknown): Error =>
  reason instanceof Error || types.isNativeError(reason)
    ? reason
    : new Error('A callback of the app failed with a value that is not an Error; see `cause`', { cause: reason })

/** A warning of the process for what a callback threw, where nobody else can be told. Node takes no Error of another realm, as Jest has. */
export function warnOf(reason: unknown): void {
  const error: unknown = toError(reason)
  process.emitWarning(error instanceof Error ? error : String(error))
}
