import { refusal, type WixAuthError, type WixAuthErrorCode } from './errors.ts'
import type { WixIdentity } from './identity.ts'
import { debug, events, hintOf, isObserved, observe } from './internal/hints.ts'
import { lineOf } from './internal/log-line.ts'
import { isNumber, property } from './internal/values.ts'
import type { Outcome } from './look-up.ts'

/** Who is calling: what every identity has, and nothing else of a credential. */
export type WixEventIdentity = Pick<WixIdentity, 'instanceId' | 'subjectType' | 'subjectId' | 'clientId' | 'siteId'>

/**
 * What is published on the diagnostics channel `passport-wix-app:authenticate`: one event for each request through a strategy, and one for
 * each 403 of `requireIdentity`, before Passport or Express learns of it.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export interface WixAuthenticateEvent {
  /** The name that the strategy is registered by, or `requireIdentity`. */
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

/** A request that ended before the look-up. */
export type Refused = { refusal: WixAuthError; error?: never; user?: never } | { error: Error; user?: never }

type Decision = Outcome | Refused

/** Whom a refused credential names whose signature is right: only for the event. */
export const refusedIdentity: WeakMap<WixAuthError, WixIdentity> = new WeakMap()

const NO_USER_HINT = 'the verify callback found no user'

/** What a look-up without a user is. Its code is for the `invalid_token` of the Bearer challenge; the event has none. */
export const NO_USER: WixAuthError = refusal('claim_invalid', NO_USER_HINT)

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

type Told = Pick<WixAuthenticateEvent, 'outcome' | 'status' | 'code' | 'hint' | 'error'>

function toldOf(decision: Decision): Told {
  const { error } = decision
  if (error !== undefined)
    return { outcome: 'error', status: statusOf(error), code: null, hint: hintOf(error) ?? null, error }
  if ('refusal' in decision) {
    const { status, code, hint = null } = decision.refusal
    return { outcome: 'fail', status, code, hint, error: null }
  }
  if (decision.user === undefined) return { outcome: 'fail', status: 401, code: null, hint: NO_USER_HINT, error: null }
  return { outcome: 'success', status: 200, code: null, hint: null, error: null }
}

let mayWarn = true

/** The first refusal names the switch that shows the reason. A missing credential does not count: a chain refuses those all the time. */
function warnOnce(strategy: string, { outcome, status, code }: Told): void {
  if (outcome !== 'fail' || code === 'credentials_missing') return
  mayWarn = false
  if (process.env['NODE_ENV'] === 'production') return
  process.emitWarning(
    `${[strategy, status, code].filter(Boolean).join(' ')}: to see why requests are refused, set NODE_DEBUG=passport-wix-app`,
    { type: 'WixRefusalWarning' },
  )
}

/** When a request began, if anybody wants to know: free otherwise. */
export const begin = (): number => (isObserved() ? performance.now() : 0)

/**
 * Publishes what came of a request.
 *
 * @param began From {@link begin}: 0 if there was no subscriber then.
 * @param identity Who was verified.
 */
export function tell(strategy: string, began: number, request: unknown, decision: Decision, identity?: unknown): void {
  if (!isObserved()) {
    if (mayWarn && decision.user === undefined && decision.error === undefined) warnOnce(strategy, toldOf(decision))
    return
  }
  observe(strategy, () => {
    const whom = identity ?? ('refusal' in decision ? refusedIdentity.get(decision.refusal) : null)
    const duration = began === 0 ? 0 : performance.now() - began
    const event = { strategy, ...toldOf(decision), identity: identityIn(whom), duration }
    const published: WixAuthenticateEvent = Object.defineProperty({ ...event, request }, 'request', {
      enumerable: false,
    })
    events.publish(published)
    if (debug.enabled) debug(lineOf(published))
  })
}
