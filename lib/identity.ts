import { textOrNull } from './internal/options.ts'
import { own } from './read.ts'

/** Who stands behind a credential, in the words of Wix's own `getTokenInfo()`. */
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

/** What every proof of Wix says in the same words, whatever its form was. */
export interface WixIdentity {
  /** The installation of the app on one site, verified: the tenant key of an app. */
  instanceId: string
  subjectType: SubjectType
  /** The id of that subject. Unique together with `instanceId` and `subjectType`. */
  subjectId: string | null
  /** The app id that the proof names. */
  clientId: string | null
  siteId: string | null
  /** When the proof was issued, in seconds since 1970. */
  iat: number | null
  /** When the proof ends, in seconds since 1970. */
  exp: number | null
  /** `OWNER` for the owner of the site and for collaborators. Some proofs do not tell. */
  permissions?: string | null
  /** The Wix user who owns the site. Some proofs do not tell. */
  siteOwnerId?: string | null
  /** The paid plan of this installation; nothing on the free one. Some proofs do not tell. */
  vendorProductId?: string | null
  /** What the option `userinfo` of a strategy found. */
  userinfo?: unknown
}

const SUBJECTS: ReadonlyMap<unknown, readonly [type: SubjectType, idProperty: string]> = new Map([
  ['WIX_USER', ['USER', 'wixUserId']],
  ['MEMBER', ['MEMBER', 'memberId']],
  ['ANONYMOUS_VISITOR', ['VISITOR', 'anonymousVisitorId']],
  ['APP', ['APP', 'appId']],
])

/**
 * The subject that the identity object of a webhook or a service plugin names, in the words of `getTokenInfo()`.
 *
 * @see https://dev.wix.com/docs/rest/articles/getting-started/webhook-structure
 */
export function subjectOf(identity: unknown): Pick<WixIdentity, 'subjectType' | 'subjectId'> {
  const subject = SUBJECTS.get(own(identity, 'identityType'))
  if (subject === undefined) return { subjectType: 'UNKNOWN', subjectId: null }
  const [subjectType, idProperty] = subject
  return { subjectType, subjectId: textOrNull(own(identity, idProperty)) }
}

/** The `sub` of OpenID Connect: the subject with its type or, where the proof names none, the installation. */
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

/**
 * The identity that a strategy of this package verified for this request.
 *
 * @throws {Error} With status 500 when none did: the route is not set up right.
 */
export function identityOf(req: { authInfo?: Express.AuthInfo | undefined }): WixIdentity {
  const identity = req.authInfo?.identity
  // Other strategies of a chain may have put something of their own under this name.
  if (typeof identity?.instanceId !== 'string') {
    throw new Error(
      'No Wix identity on this request: put passport.authenticate() with a strategy of passport-wix-app, and without `authInfo: false`, before this handler',
    )
  }
  return identity
}

/** Wix itself reads a set from the one text `permissions`. */
export const isOwner = (permissions: string | null | undefined): boolean =>
  permissions === 'OWNER' || (permissions?.split(/[\s,]/).includes('OWNER') ?? false)
