import { refusalOf, wasAccepted } from './errors.ts'
import { hiddenField } from './internal/hidden-field.ts'
import { own, property, stringOrNull } from './internal/values.ts'

/** The kind of the subject of a credential, in the vocabulary of Wix's own `getTokenInfo()`. */
export type SubjectType =
  /** The site's owner, or a collaborator. */
  | 'USER'
  /** A member who is logged in to the site. */
  | 'MEMBER'
  /** An anonymous visitor of the site. */
  | 'VISITOR'
  /** The app itself, server to server. */
  | 'APP'
  | 'UNKNOWN'

export const SUBJECT_TYPES: readonly unknown[] = ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN'] satisfies SubjectType[]

export const isSubjectType = (value: unknown): value is SubjectType => SUBJECT_TYPES.includes(value)

/** What every Wix credential says, in one vocabulary. */
export interface WixIdentity {
  /** Your app's installation on one site, verified: the key of a tenant. */
  instanceId: string
  subjectType: SubjectType
  /** The id of that subject. Unique together with `instanceId` and `subjectType`. */
  subjectId: string | null
  /** The app id that the credential names. */
  clientId: string | null
  siteId: string | null
  /** When the credential was issued, in seconds since 1970. */
  iat: number | null
  /** When the credential expires, in seconds since 1970. */
  exp: number | null
  /** `OWNER` for the site's owner and for collaborators. Not every credential has it. */
  permissions?: string | null
  /** The Wix user who owns the site. Not every credential has it. */
  siteOwnerId?: string | null
  /** The paid plan of this installation; absent or null on the free one. Not every credential has it. */
  vendorProductId?: string | null
  /** What the option `userInfo` of a strategy loaded. */
  userInfo?: unknown
}

/** The properties of an identity that are a string or null. */
export type Facts = Record<
  'subjectId' | 'clientId' | 'siteId' | 'permissions' | 'vendorProductId' | 'siteOwnerId',
  string | null
>

/** The facts in `source`; null for those that it does not have. The user info answers in this order. */
export const factsOf = (source: unknown): Facts => ({
  subjectId: stringOrNull(own(source, 'subjectId')),
  clientId: stringOrNull(own(source, 'clientId')),
  siteId: stringOrNull(own(source, 'siteId')),
  permissions: stringOrNull(own(source, 'permissions')),
  vendorProductId: stringOrNull(own(source, 'vendorProductId')),
  siteOwnerId: stringOrNull(own(source, 'siteOwnerId')),
})

const SUBJECTS: ReadonlyMap<unknown, readonly [type: SubjectType, idProperty: string]> = new Map([
  ['WIX_USER', ['USER', 'wixUserId']],
  ['MEMBER', ['MEMBER', 'memberId']],
  ['ANONYMOUS_VISITOR', ['VISITOR', 'anonymousVisitorId']],
  ['APP', ['APP', 'appId']],
])

/**
 * The subject that the identity object of a webhook or a service plugin names, in the vocabulary of `getTokenInfo()`.
 *
 * @see https://dev.wix.com/docs/rest/articles/getting-started/webhook-structure
 */
export function subjectOf(identity: unknown): Pick<WixIdentity, 'subjectType' | 'subjectId'> {
  const subject = SUBJECTS.get(own(identity, 'identityType'))
  if (subject === undefined) return { subjectType: 'UNKNOWN', subjectId: null }
  const [subjectType, idProperty] = subject
  return { subjectType, subjectId: stringOrNull(own(identity, idProperty)) }
}

/** The `sub` of OpenID Connect: the subject with its type or, where there is none, the installation. */
export const subOf = ({
  instanceId,
  subjectType,
  subjectId,
}: Pick<WixIdentity, 'instanceId' | 'subjectType' | 'subjectId'>): string =>
  subjectId === null ? `instance:${instanceId}` : `${subjectType}:${subjectId}`

/** What a verifier of this package verified. */
export type IdentityKind = 'instance' | 'access-token' | 'session' | 'webhook' | 'service-plugin' | 'digest'

const kinds = hiddenField<IdentityKind>()

/** Marks what a verifier has verified. What decides a right asks for this mark: a copy does not have it, whatever its properties say. */
export function markAs<Identity extends object>(identity: Identity, kind: IdentityKind): Identity {
  kinds.set(identity, kind)
  return identity
}

/** What it was verified as; undefined for anything that no verifier returned. */
export const kindOf = (identity: unknown): IdentityKind | undefined =>
  typeof identity === 'object' && identity !== null ? kinds.get(identity) : undefined

/** A kind with the type of its identities, as each strategy class has it. */
export interface KindOf<Identity> {
  readonly name: IdentityKind
  /** Never there: it only carries the type. */
  readonly identity?: Identity
}

declare global {
  namespace Express {
    interface AuthInfo {
      /** The identity that a strategy of passport-wix-app verified. */
      identity?: WixIdentity
    }
    // Repeated for users without Passport's types.
    interface User {}
    interface Request {
      authInfo?: AuthInfo | undefined
    }
  }
}
/** A request after authentication: Passport puts `info` of the strategy there. */
export interface Authenticated {
  authInfo?: Express.AuthInfo | undefined
}

/** Why there is no identity: a refusal that somebody ignored is still one, and anything else is a mistake in the setup. */
function missingIdentity(req: Authenticated, strategy: string): Error {
  const refused = refusalOf(req)
  if (refused !== undefined) return refused
  const is = 'No Wix identity on this request: '
  if (wasAccepted(req))
    return new Error(
      `${is}a strategy verified one, but it is not in req.authInfo: a custom callback must set req.authInfo = info, passport.authenticate() must not have \`authInfo: false\`, and a function of passport.transformAuthInfo() must keep \`identity\``,
    )
  const session = property(property(req, 'session'), 'passport')
  return new Error(
    property(session, 'user') === undefined
      ? `${is}put passport.authenticate() with ${strategy} before this handler`
      : `${is}a login session does not have it. It comes with the credential only: keep what you need of it in the session when the user signs in`,
  )
}

/**
 * The identity that a strategy of this package verified for this request.
 *
 * @throws {WixAuthError} When a strategy refused the request, and the app let it through all the same.
 * @throws {Error} When there is none, or only that of a Digest header, which names no installation: the route is not set up right (500).
 * @example
 * const { instanceId, subjectType } = identityOf(req)
 */
export function identityOf(req: Authenticated): WixIdentity
/**
 * The identity that this strategy verified for this request.
 *
 * @param strategy The class that must have verified it: the result is of its type.
 * @throws {WixAuthError} When a strategy refused the request, and the app let it through all the same.
 * @throws {Error} When there is none, or one of another kind: the route is not set up right (500).
 * @example
 * const { eventType, data } = identityOf(req, WixWebhookStrategy)
 */
export function identityOf<Identity>(req: Authenticated, strategy: { readonly kind: KindOf<Identity> }): Identity
export function identityOf(
  req: Authenticated,
  strategy?: { readonly kind: KindOf<unknown>; readonly name?: string },
): unknown {
  const identity: unknown = req.authInfo?.identity
  if (strategy === undefined) {
    // Other strategies of a chain may have put something of their own under this name.
    if (typeof own(identity, 'instanceId') === 'string') return identity
    if (kindOf(identity) !== 'digest') throw missingIdentity(req, 'a strategy of passport-wix-app')
    throw new Error('A Digest header proves no identity: identityOf(req, WixDigestStrategy) returns its body')
  }
  // An object of the class, or a name.
  if (property(strategy.kind, 'name') === undefined)
    throw new TypeError('identityOf: its second argument must be the class of a strategy, such as WixWebhookStrategy')
  const kind = kindOf(identity)
  if (kind === strategy.kind.name) return identity
  const { name = 'its strategy' } = strategy
  if (kind === undefined) throw missingIdentity(req, name)
  throw new Error(
    `The identity of this request is of the kind \`${kind}\`, not \`${strategy.kind.name}\`: put passport.authenticate() with ${name} before this handler`,
  )
}

/** `permissions` may list several values: Wix itself splits the string. */
export const isOwner = (permissions: string | null | undefined): boolean =>
  permissions === 'OWNER' || (permissions?.split(/[\s,]/).includes('OWNER') ?? false)
