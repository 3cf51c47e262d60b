import { recordOutcome, refusal, type WixAuthError } from '../errors.ts'
import { publish, startTimer } from '../events.ts'
import {
  type Authenticated,
  identityOf,
  isOwner,
  isSubjectType,
  SUBJECT_TYPES,
  type SubjectType,
  type WixIdentity,
} from '../identity.ts'
import { type Check, checkOptions, isUnset, must } from '../internal/options.ts'
import { toError, warnOf } from '../internal/promises.ts'
import { isNonEmptyString, own, stringOrNull } from '../internal/values.ts'
import type { DefaultRequest } from '../read.ts'

/** What an identity must be. All conditions must hold. */
export interface IdentityRule {
  /** One, or any of a list. `'USER'` keeps anonymous visitors and site members out of a dashboard. */
  subjectType?: SubjectType | readonly SubjectType[]
  /** The owner of the site, not a collaborator: for billing and secrets. */
  siteOwner?: true
  /** The paid plan of the installation: one, or any of a list. */
  vendorProductId?: string | readonly string[]
}

/** The app's own rule. Only `true` lets the request through. */
export type IdentityPredicate<Req = DefaultRequest> = (
  identity: WixIdentity,
  req: Req,
) => boolean | PromiseLike<boolean>

// `Error`, since the `done` of Fastify takes nothing else.
type Guard<Req> = (req: Req, res: unknown, next: (error?: Error) => void) => void

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? [...value] : [value])

const eachOf = (test: (value: unknown) => boolean, expected: string): Check =>
  must((value) => listOf(value).length > 0 && listOf(value).every(test), `${expected}, or an array of them`)

/** How an identity violates a rule, for the developer; undefined where it does not. */
type Violation = string | undefined

function violationOfRule(caller: string, rule: IdentityRule): (identity: WixIdentity) => Violation {
  const { subjectType, siteOwner, vendorProductId } = checkOptions(caller, rule, {
    subjectType: eachOf(isSubjectType, SUBJECT_TYPES.join(' | ')),
    siteOwner: must((value) => value === true, 'true'),
    vendorProductId: eachOf((value) => isNonEmptyString(value) && !isUnset(value), 'the id of a plan'),
  })
  if (Object.keys(rule).length === 0) throw new TypeError(`${caller}: the rule is empty, so it would let everybody in`)

  const subjectTypes = listOf(subjectType)
  const plans = listOf(vendorProductId)
  return (identity) => {
    // An anonymous visitor owns nothing, whatever else the credential says.
    const isOwnerOrCollaborator = identity.subjectType === 'USER' && isOwner(stringOrNull(own(identity, 'permissions')))
    const { subjectId } = identity
    if (subjectType !== undefined && !subjectTypes.includes(identity.subjectType))
      return `subjectType is ${identity.subjectType}; the rule wants ${subjectTypes.join(', ')}`
    if (
      siteOwner !== undefined &&
      !(isOwnerOrCollaborator && isNonEmptyString(subjectId) && subjectId === own(identity, 'siteOwnerId'))
    )
      return 'the subject is not known to be the owner of the site'
    if (vendorProductId !== undefined && !plans.includes(own(identity, 'vendorProductId')))
      return 'the site is not known to be on a plan that the rule allows'
    return undefined
  }
}

/**
 * Prepares a rule, or the app's predicate.
 *
 * @returns How an identity violates it, for the developer; undefined where it does not.
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export function violationOf<Req>(
  caller: string,
  rule: IdentityRule | IdentityPredicate<Req>,
): (identity: WixIdentity, req: Req) => Violation | Promise<Violation> {
  if (typeof rule !== 'function') return violationOfRule(caller, rule)
  return async (identity, req) => {
    // Whatever its type says: only `true` lets the request through.
    const verdict: unknown = await rule(identity, req)
    return verdict === true ? undefined : 'the predicate did not return true'
  }
}

/** The 403 for an identity that violates a rule, which is published, too. */
export function forbidden(violation: string, began: number, req: unknown, identity: WixIdentity): WixAuthError {
  const error = refusal('insufficient_scope', violation)
  recordOutcome(req, error)
  publish('requireIdentity', began, req, { refusal: error }, identity)
  return error
}

/**
 * Middleware to put after authentication: lets through only identities that satisfy the rule.
 *
 * Calls `next(error)` with a `WixAuthError` `insufficient_scope` (403) for the others; with the refusal of the strategy, where the app let a
 * refused request through, as for optional authentication; and with an Error (500) when no strategy of this package ran before it or the
 * predicate failed.
 *
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 * @example
 * const signIn = passport.authenticate('wix-app', { session: false, failWithError: true })
 * app.get('/settings', signIn, requireIdentity({ subjectType: 'USER' }), (req, res) => res.send('Settings'))
 */
export function requireIdentity<Req extends Authenticated = DefaultRequest>(
  predicate: IdentityPredicate<Req>,
): Guard<Req>
export function requireIdentity(rule: IdentityRule): Guard<Authenticated>
export function requireIdentity<Req extends Authenticated>(rule: IdentityRule | IdentityPredicate<Req>): Guard<Req> {
  const violated = violationOf('requireIdentity', rule)

  const decide = async (req: Req): Promise<Error | undefined> => {
    const began = startTimer()
    try {
      const identity = identityOf(req)
      const violation = await violated(identity, req)
      return violation === undefined ? undefined : forbidden(violation, began, req, identity)
    } catch (reason) {
      return toError(reason)
    }
  }
  return (req, _res, next) =>
    void decide(req)
      .then((error) => (error === undefined ? next() : next(error)))
      // What a host throws out of `next` ends here, and not the process.
      .catch(warnOf)
}

/**
 * The check of {@link requireIdentity}, for an identity wherever it comes from: a job, a WebSocket, your own function.
 *
 * @throws {WixAuthError} `insufficient_scope` (403), unless the identity satisfies the rule.
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 * @example
 * assertIdentity(identityOf(req), { siteOwner: true })
 */
export function assertIdentity(identity: WixIdentity, rule: IdentityRule): void {
  const violation = violationOfRule('assertIdentity', rule)(identity)
  if (violation !== undefined) throw refusal('insufficient_scope', violation)
}
