import { types } from 'node:util'
import { own } from './values.ts'

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

/** Whether it is an Error, of any realm. A proxy is not, since it may throw whenever somebody looks at it. */
export function isError(reason: unknown): reason is Error {
  try {
    return !types.isProxy(reason) && (types.isNativeError(reason) || reason instanceof Error)
  } catch {
    return false
  }
}

/**
 * An Error for whatever a callback threw or rejected with.
 *
 * Express takes `next()`, `next('route')` and `next('router')` for "no error": only an Error is sure to stop a request.
 */
export const toError = (reason: unknown): Error =>
  isError(reason)
    ? reason
    : new Error('A callback of the app failed with a value that is not an Error; see `cause`', { cause: reason })

/** What an error says. An app may put anything in the place of a message, also what throws when it is read. */
export function messageOf(error: Error): string {
  try {
    const message: unknown = error.message
    return String(message)
  } catch {
    return ''
  }
}

/** A warning of the process for what a callback threw, where nobody else can be told. */
export function warnOf(reason: unknown): void {
  const error = toError(reason)
  let warning: Error | string
  try {
    // Node reads it again, where nothing can be caught. It takes no Error of another realm, as Jest has.
    for (const part of [error.name, error.stack, own(error, 'code'), own(error, 'detail')]) String(part)
    const text = String(error)
    warning = error instanceof Error ? error : text
  } catch {
    warning = 'A callback of the app failed with an error that cannot be read'
  }
  process.emitWarning(warning)
}
