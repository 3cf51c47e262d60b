import { markSigned } from '../errors.ts'
import { callback, type Checks } from './options.ts'

/**
 * Loads what else is known about an identity, for example with `resolveUserInfo`, before verify is called, which finds it in
 * `identity.userInfo`. A `WixAuthError` that it throws is a refusal, anything else an error.
 */
export type UserInfoOption<Identity> = (identity: Identity, context: { token: string }) => unknown

/** The option `userInfo`, of the kinds that read a token. */
export interface UserInfoOptions<Identity> {
  /** Loads the user info of the identity before verify is called. */
  userInfo?: UserInfoOption<Identity>
}

export const userInfoChecks: Checks<UserInfoOptions<never>> = { userInfo: callback }

/** Loads the user info of an identity, where there is the option. */
export async function loadUserInfo<Identity extends object>(
  identity: Identity,
  token: string,
  { userInfo }: UserInfoOptions<Identity>,
): Promise<Identity> {
  if (userInfo === undefined) return identity
  try {
    return Object.assign(identity, { userInfo: await userInfo(identity, { token }) })
  } catch (reason) {
    throw markSigned(reason, identity)
  }
}
