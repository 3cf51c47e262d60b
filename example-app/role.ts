import type { Account } from './database.ts'

/** `User`: the owner of the site is not known yet. */
export type Role = 'Owner' | 'Collaborator' | 'User'

// Wix gives the same permissions to the owner and to collaborators; only the subject ID of the owner equals the `siteOwnerId`
// of an instance. An access token names no owner.
export function roleOf({ site, user }: Account): Role {
  if (site.ownerId === null) return 'User'
  return user.subjectId === site.ownerId ? 'Owner' : 'Collaborator'
}
