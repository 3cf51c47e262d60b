import { WixAuthError } from '../errors.ts'
import {
  type Authenticated,
  identityOf,
  isOwner,
  isSubjectType,
  SUBJECT_TYPES,
  type SubjectType,
  type WixIdentity,
} from '../identity.ts'
import { type Check, checkOptions, must } from '../internal/options.ts'
import { isPromise, toError } from '../internal/promises.ts'
import { isNonEmptyString, own, stringOrNull } from '../internal/values.ts'
import type { DefaultRequest } from '../read.ts'

/** What an identity must be. All conditions must hold. */
export interface IdentityRule {
  /** One, or any of a list. `'USER'` keeps anonymous visitors and site members out of a dashboard. */
  subjectType?: SubjectType | readonly SubjectType[]
  /** The owner of the site or a collaborator. */
  permissions?: 'OWNER'
  /** The owner of the site, not a collaborator: for billing and secrets. */
  siteOwner?: true
  /** The paid plan of the installation: one, or any of a list. */
  vendorProductId?: string | readonly string[]
}

/** A rule of the app's own. Only `true` lets the request through. */
export type IdentityPredicate<Req = DefaultRequest> = (
  identity: WixIdentity,
  req: Req,
) => boolean | PromiseLike<boolean>

type Guard<Req> = (req: Req, res: unknown, next: (error?: unknown) => void) => void

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? [...value] : [value])

const eachOf = (test: (value: unknown) => boolean, expected: string): Check =>
  must((value) => listOf(value).length > 0 && listOf(value).every(test), `${expected}, or an array of them`)

/** @throws {TypeError} For a rule that is empty, unknown or of the wrong type. */
export function predicateOf(owner: string, rule: IdentityRule): (identity: WixIdentity) => boolean {
  const { subjectType, permissions, siteOwner, vendorProductId } = checkOptions(owner, rule, {
    subjectType: eachOf(isSubjectType, SUBJECT_TYPES.join(' | ')),
    permissions: must((value) => value === 'OWNER', "'OWNER'"),
    siteOwner: must((value) => value === true, 'true'),
    vendorProductId: eachOf(isNonEmptyString, 'the id of a plan'),
  })
  if (Object.keys(rule).length === 0) throw new TypeError(`${owner}: the rule is empty, so it would let everybody in`)

  const subjectTypes = listOf(subjectType)
  const plans = listOf(vendorProductId)
  return (identity) => {
    // An anonymous visitor owns nothing, whatever else the credential says.
    const isOwnerOrCollaborator = identity.subjectType === 'USER' && isOwner(stringOrNull(own(identity, 'permissions')))
    return (
      (subjectType === undefined || subjectTypes.includes(identity.subjectType)) &&
      (permissions === undefined || isOwnerOrCollaborator) &&
      (siteOwner === undefined ||
        (isOwnerOrCollaborator &&
          isNonEmptyString(identity.subjectId) &&
          identity.subjectId === own(identity, 'siteOwnerId'))) &&
      (vendorProductId === undefined || plans.includes(own(identity, 'vendorProductId')))
    )
  }
}

/**
 * Middleware for after authentication: lets only identities through that satisfy the rule.
 *
 * Calls `next(error)` with a {@link WixAuthError} `insufficient_scope` (403) for the others, and with an Error (500) when no
 * strategy of this package ran before it or the predicate failed.
 *
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export function requireIdentity(rule: IdentityRule): Guard<Authenticated>
export function requireIdentity<Req extends Authenticated = DefaultRequest>(
  predicate: IdentityPredicate<Req>,
): Guard<Req>
export function requireIdentity<Req extends Authenticated>(rule: IdentityRule | IdentityPredicate<Req>): Guard<Req> {
  const satisfies = typeof rule === 'function' ? rule : predicateOf('requireIdentity', rule)

  return (req, _res, next) => {
    const decide = (verdict: unknown): void =>
      verdict === true ? next() : next(new WixAuthError('insufficient_scope'))
    let verdict: boolean | PromiseLike<boolean>
    try {
      verdict = satisfies(identityOf(req), req)
    } catch (reason) {
      return next(toError(reason))
    }
    if (isPromise(verdict)) void Promise.resolve(verdict).then(decide, (reason: unknown) => next(toError(reason)))
    else decide(verdict)
  }
}

/**
 * The check of {@link requireIdentity}, for an identity wherever it comes from: a job, a WebSocket, a function of the app.
 *
 * @throws {WixAuthError} `insufficient_scope` (403), unless the identity satisfies the rule.
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export function assertIdentity(identity: WixIdentity, rule: IdentityRule): void {
  if (!predicateOf('assertIdentity', rule)(identity)) throw new WixAuthError('insufficient_scope')
}
