import { moreTelling, WixAuthError } from '../errors.ts'
import { startTimer } from '../events.ts'
import { identityOf } from '../identity.ts'
import { isFetchRequest } from '../internal/fetch-request.ts'
import { forbidden, type IdentityPredicate, type IdentityRule, violationOf } from '../middleware/require-identity.ts'
import { WixStrategy, type WixStrategyOptions } from '../strategy.ts'

/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type FetchRequest = globalThis.Request

/** A strategy of this package. Its functions get the `Request`: where they read it, write `new WixAppStrategy<Request>(...)`. */
interface AnyStrategy {
  readonly name: string
  authenticate(req: never, options?: object): void
}

type IdentityOf<Strategy> =
  Strategy extends WixStrategy<infer Identity, infer _Options extends WixStrategyOptions, infer _Req>
    ? Identity
    : object

/** Who sent a request. */
export interface Authentication<Identity = object> {
  /** What the verify callback found; without one, the identity. */
  user: Express.User
  /** What the strategy verified. */
  identity: Identity
  /** What the verify callback passed with the user, plus the identity: `req.authInfo` under Passport. */
  info: Omit<Express.AuthInfo, 'identity'> & { identity: Identity }
}

/** A rule of `requireIdentity`, or your app's function: only `true` lets the request through. */
export type FetchRule = IdentityRule | IdentityPredicate<FetchRequest>

interface Success {
  isRefused: false
  user: Express.User
  info: Express.AuthInfo & { identity: object }
}

interface Refusal {
  isRefused: true
  reason: WixAuthError
  challenge: unknown
}

/** Runs a strategy as Passport does: on an object made from it, which has the actions that end the request. */
const run = (strategy: AnyStrategy, request: FetchRequest): Promise<Success | Refusal> =>
  new Promise((resolve, reject) => {
    const ofRequest: AnyStrategy = Object.assign(Object.create(strategy), {
      success: (user: Express.User, info: Success['info']) => resolve({ isRefused: false, user, info }),
      fail: (challenge: unknown, _status: number, reason: WixAuthError) =>
        resolve({ isRefused: true, reason, challenge }),
      error: reject,
    })
    ofRequest.authenticate(request as never)
  })

/** A refusal with the challenges of all strategies where it is a 401, as Passport answers. */
function withChallenges(reason: WixAuthError, challenges: readonly unknown[]): WixAuthError {
  const strings = challenges.filter((one) => typeof one === 'string')
  return new WixAuthError(reason.code, reason.message, {
    hint: () => reason.hint,
    cure: reason.cure,
    ...('cause' in reason && { cause: reason.cause }),
    headers: {
      ...reason.headers,
      ...(reason.status === 401 && strings.length > 0 && { 'WWW-Authenticate': strings.join(', ') }),
    },
  })
}

/**
 * Authenticates a Fetch `Request` with the strategies that Passport takes. They are tried in order: the first that accepts the request
 * decides, and so does an error. All of the app's functions (verify, `secret`, `publicKey`, readers) get this `Request`.
 *
 * @param strategies One, or a list. They need not be registered with Passport.
 * @returns A promise of the user, the identity and the info; rejects with the errors below, and with the app's own errors as they are.
 * @throws {WixAuthError} When all strategies refuse the request, the first refusal that is not `credentials_missing`, else the first; its
 *   `headers` have the challenges of all.
 * @throws {WixUnavailableError} When a server that had to be asked did not answer.
 * @throws {TypeError} For a request or strategies of the wrong type.
 * @example
 * const { user, identity } = await authenticateRequest(request, new WixSessionStrategy<Request>({ tokens }))
 */
export function authenticateRequest<Strategy extends AnyStrategy>(
  request: FetchRequest,
  strategies: Strategy | readonly Strategy[],
): Promise<Authentication<IdentityOf<Strategy>>>
/**
 * The same, for an identity that must satisfy a rule.
 *
 * @param rule What the identity must be.
 * @throws {WixAuthError} Also `insufficient_scope` (403) for an identity that does not satisfy the rule.
 * @throws {TypeError} Also for a rule of the wrong type, or one that is undefined.
 * @example
 * const { identity } = await authenticateRequest(request, strategy, { subjectType: 'USER' })
 */
export function authenticateRequest<Strategy extends AnyStrategy>(
  request: FetchRequest,
  strategies: Strategy | readonly Strategy[],
  rule: FetchRule,
): Promise<Authentication<IdentityOf<Strategy>>>
export async function authenticateRequest(
  request: FetchRequest,
  strategies: AnyStrategy | readonly AnyStrategy[],
  // One that is named must have a value: an undefined one would let everybody in.
  ...rules: readonly FetchRule[]
): Promise<Authentication> {
  if (!isFetchRequest(request)) {
    throw new TypeError('authenticateRequest: its first argument must be a Fetch Request (in Hono, c.req.raw)')
  }
  const list = [strategies].flat()
  const wrong = (): TypeError =>
    new TypeError('authenticateRequest: its second argument must be a strategy of passport-wix-app, or a list of them')
  if (!list.every((one) => one instanceof WixStrategy)) throw wrong()
  const rulesViolated = rules.map((rule) => violationOf('authenticateRequest', rule))

  let refused: WixAuthError | undefined
  const challenges: unknown[] = []
  for (const strategy of list) {
    const outcome = await run(strategy, request)
    if (outcome.isRefused) {
      refused = moreTelling(refused, outcome.reason)
      challenges.push(outcome.challenge)
      continue
    }
    const { user, info } = outcome
    for (const violated of rulesViolated) {
      const began = startTimer()
      const identity = identityOf({ authInfo: info })
      const violation = await violated(identity, request)
      if (violation !== undefined) throw forbidden(violation, began, request, identity)
    }
    return { user, identity: info.identity, info }
  }
  throw refused === undefined ? wrong() : withChallenges(refused, challenges)
}
