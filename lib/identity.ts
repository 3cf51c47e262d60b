import { own, stringOrNull } from './internal/values.ts'

/** The kind of the subject of a credential, in the vocabulary of Wix's own `getTokenInfo()`. */
export type SubjectType =
  /** The owner of the site or a collaborator. */
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

/** What every credential of Wix says, in one vocabulary. */
export interface WixIdentity {
  /** The installation of the app on one site, verified: the tenant key of an app. */
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
  /** `OWNER` for the owner of the site and for collaborators. Not every credential has it. */
  permissions?: string | null
  /** The Wix user who owns the site. Not every credential has it. */
  siteOwnerId?: string | null
  /** The paid plan of this installation; absent or null on the free one. Not every credential has it. */
  vendorProductId?: string | null
  /** What the option `userinfo` of a strategy loaded. */
  userinfo?: unknown
}

/** The properties of an identity that are a string or null. */
export type Facts = {
  [
    Name in keyof WixIdentity as [null, Exclude<WixIdentity[Name], null | undefined>] extends [
      WixIdentity[Name],
      string,
    ]
      ? Name
      : never
  ]-?: string | null
}

/**
 * The facts in `source`; null for those that it does not have. The only list of {@link Facts}, checked against the type; the user info
 * answers in this order.
 */
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

/**
 * The identity that a strategy of this package verified for this request.
 *
 * @throws {Error} When none did: the route is not set up right (500).
 */
export function identityOf(req: Authenticated): WixIdentity {
  const identity = req.authInfo?.identity
  // Other strategies of a chain may have put something of their own under this name.
  if (typeof identity?.instanceId !== 'string') {
    throw new Error(
      'No Wix identity on this request: put passport.authenticate() with a strategy of passport-wix-app, and without `authInfo: false`, before this handler (a Digest header has no identity)',
    )
  }
  return identity
}

/** `permissions` may list several values: Wix itself splits the string. */
export const isOwner = (permissions: string | null | undefined): boolean =>
  permissions === 'OWNER' || (permissions?.split(/[\s,]/).includes('OWNER') ?? false)
