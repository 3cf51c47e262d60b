import { refusal, type WixAuthError } from '../errors.ts'
import { begin, tell } from '../events.ts'
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
import { isPromise, toError, whenReady } from '../internal/promises.ts'
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

// `Error`, since the `done` of Fastify takes nothing else.
type Guard<Req> = (req: Req, res: unknown, next: (error?: Error) => void) => void

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? [...value] : [value])

const eachOf = (test: (value: unknown) => boolean, expected: string): Check =>
  must((value) => listOf(value).length > 0 && listOf(value).every(test), `${expected}, or an array of them`)

/** What an identity lacks, in words for the developer; undefined where it satisfies the rule. */
type Lack = string | undefined

function lackByRule(owner: string, rule: IdentityRule): (identity: WixIdentity) => Lack {
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
    const { subjectId } = identity
    if (subjectType !== undefined && !subjectTypes.includes(identity.subjectType))
      return `subjectType is ${identity.subjectType}; the rule wants ${subjectTypes.join(', ')}`
    if (permissions !== undefined && !isOwnerOrCollaborator)
      return 'the subject does not have the `permissions` of an owner; an access token has no `permissions` at all'
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

const lackByVerdict = (verdict: unknown): Lack => (verdict === true ? undefined : 'the predicate did not return true')

/**
 * Prepares a rule, or a predicate of the app.
 *
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export const lackBy = <Req>(
  owner: string,
  rule: IdentityRule | IdentityPredicate<Req>,
): ((identity: WixIdentity, req: Req) => Lack | Promise<Lack>) =>
  typeof rule === 'function'
    ? (identity, req) => whenReady(rule(identity, req), lackByVerdict)
    : lackByRule(owner, rule)

/** The 403 for an identity that lacks something, of which it tells. */
export function forbidden(lack: string, began: number, req: unknown, identity: WixIdentity): WixAuthError {
  const error = refusal('insufficient_scope', lack)
  tell('requireIdentity', began, req, { refusal: error }, identity)
  return error
}

/**
 * Middleware to put after authentication: lets through only identities that satisfy the rule.
 *
 * Calls `next(error)` with a `WixAuthError` `insufficient_scope` (403) for the others, and with an Error (500) when no
 * strategy of this package ran before it or the predicate failed.
 *
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export function requireIdentity(rule: IdentityRule): Guard<Authenticated>
export function requireIdentity<Req extends Authenticated = DefaultRequest>(
  predicate: IdentityPredicate<Req>,
): Guard<Req>
export function requireIdentity<Req extends Authenticated>(rule: IdentityRule | IdentityPredicate<Req>): Guard<Req> {
  const lackOf = lackBy('requireIdentity', rule)

  return (req, _res, next) => {
    const began = begin()
    let identity: WixIdentity
    const decide = (lack: Lack): void => {
      if (lack === undefined) return next()
      next(forbidden(lack, began, req, identity))
    }
    let lack: Lack | PromiseLike<Lack>
    try {
      identity = identityOf(req)
      lack = lackOf(identity, req)
    } catch (reason) {
      return next(toError(reason))
    }
    if (isPromise(lack)) void Promise.resolve(lack).then(decide, (reason: unknown) => next(toError(reason)))
    else decide(lack)
  }
}

/**
 * The check of {@link requireIdentity}, for an identity wherever it comes from: a job, a WebSocket, a function of the app.
 *
 * @throws {WixAuthError} `insufficient_scope` (403), unless the identity satisfies the rule.
 * @throws {TypeError} For a rule that is empty, unknown or of the wrong type.
 */
export function assertIdentity(identity: WixIdentity, rule: IdentityRule): void {
  const lack = lackByRule('assertIdentity', rule)(identity)
  if (lack !== undefined) throw refusal('insufficient_scope', lack)
}
