import { signedAs, WixAuthError, type WixAuthErrorCode } from './errors.ts'
import type { WixIdentity } from './identity.ts'
import { debug, events, isObserved, lineOf, quietly } from './internal/log.ts'
import { isNumber, property } from './internal/values.ts'

/** Who is calling: what every identity has, and nothing else of a credential. */
export type WixEventIdentity = Pick<WixIdentity, 'instanceId' | 'subjectType' | 'subjectId' | 'clientId' | 'siteId'>

/**
 * What is published on the diagnostics channel `passport-wix-app:authenticate`: one event for each request through a strategy, and one for
 * each 403 of `requireIdentity`, before Passport or Express learns of it.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export interface WixAuthenticateEvent {
  /** The `name` of the strategy, or `requireIdentity`. */
  strategy: string
  outcome: 'success' | 'fail' | 'error'
  /** The HTTP status that belongs to the outcome; 200 for a success. */
  status: number
  /** Why it was refused. Null for a success, an error, and where the verify callback found no user. */
  code: WixAuthErrorCode | null
  /** For the developer: the facts behind the code. Never for the caller. */
  hint: string | null
  /** Null unless the signature was right; look at `outcome` before you trust it. */
  identity: WixEventIdentity | null
  /** Null unless `outcome` is `error`. */
  error: Error | null
  /** Milliseconds. */
  duration: number
  /** The request itself, for its route. Not enumerable, so that an event in a log holds no credential. */
  readonly request: unknown
}

/** The status that the error handlers of Express, Koa, Nest and Fastify answer with. */
function statusOf(error: Error): number {
  const status = property(error, 'status') ?? property(error, 'statusCode')
  return isNumber(status) && status >= 400 && status < 600 ? status : 500
}

/** A Digest header has no identity. */
function identityIn(source: unknown): WixEventIdentity | null {
  const { instanceId, subjectType, subjectId, clientId, siteId } = { ...(source as Partial<WixIdentity> | null) }
  return instanceId === undefined || subjectType === undefined
    ? null
    : { instanceId, subjectType, subjectId: subjectId ?? null, clientId: clientId ?? null, siteId: siteId ?? null }
}

/** What came of a request: nothing for a success. */
export interface Outcome {
  refusal?: WixAuthError
  /** The verify callback found no user: the refusal is then the app's own, and has no code. */
  isUserUnknown?: boolean
  error?: Error
}

type Reported = Pick<WixAuthenticateEvent, 'outcome' | 'status' | 'code' | 'hint' | 'error'>

function reported({ refusal, isUserUnknown, error }: Outcome): Reported {
  if (error !== undefined) {
    const hint = error instanceof WixAuthError ? error.hint : undefined
    return { outcome: 'error', status: statusOf(error), code: null, hint: hint ?? null, error }
  }
  if (refusal === undefined) return { outcome: 'success', status: 200, code: null, hint: null, error: null }
  const { status, code, hint = null } = refusal
  return { outcome: 'fail', status, code: isUserUnknown ? null : code, hint, error: null }
}

let mayWarn = true

/** The first refusal names the switch that shows the reason. A missing credential does not count: a chain refuses those all the time. */
function warnOnce(strategy: string, { status, code }: WixAuthError, isUserUnknown = false): void {
  if (!mayWarn || code === 'credentials_missing') return
  mayWarn = false
  if (process.env['NODE_ENV'] === 'production') return
  process.emitWarning(
    `${[strategy, status, isUserUnknown ? '' : code].filter(Boolean).join(' ')}: to see why requests are refused, set NODE_DEBUG=passport-wix-app`,
    { type: 'WixRefusalWarning' },
  )
}

/** When a request began, if anybody wants to know: free otherwise. */
export function startTimer(): number {
  return isObserved() ? performance.now() : 0
}

/**
 * Publishes what came of a request.
 *
 * @param began From {@link startTimer}: 0 if there was no subscriber then.
 * @param identity Who was verified.
 */
export function publish(strategy: string, began: number, request: unknown, outcome: Outcome, identity?: unknown): void {
  const { refusal } = outcome
  if (!isObserved()) {
    if (refusal !== undefined) warnOnce(strategy, refusal, outcome.isUserUnknown)
    return
  }
  quietly(strategy, () => {
    const whom = identity ?? (refusal && signedAs(refusal))
    const duration = began === 0 ? 0 : performance.now() - began
    const event = { strategy, ...reported(outcome), identity: identityIn(whom), duration }
    const published: WixAuthenticateEvent = Object.defineProperty({ ...event, request }, 'request', {
      enumerable: false,
    })
    events.publish(published)
    if (debug.enabled) debug(lineOf(published))
  })
}
