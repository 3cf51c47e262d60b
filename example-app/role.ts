import type { Account } from './database.ts'

/** `User`: nobody has told yet who the owner is. */
export type Role = 'Owner' | 'Collaborator' | 'User'

// Wix gives the same rights to owner and collaborators; only the owner proper has the id that an instance names for the
// site. An access token names none.
export function roleOf({ site, user }: Account): Role {
  if (site.ownerId === null) return 'User'
  return user.subjectId === site.ownerId ? 'Owner' : 'Collaborator'
}
