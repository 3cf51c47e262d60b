import { callback, type Checks } from './options.ts'
import { whenReady } from './promises.ts'

/**
 * Loads what else is known about an identity, for example with `resolveUserInfo`, before verify is called, which finds it in
 * `identity.userinfo`. A `WixAuthError` that it throws is a refusal, anything else an error.
 */
export type UserInfoOption<Identity> = (identity: Identity, context: { token: string }) => unknown

/** The option `userinfo`, of the kinds that read a token. */
export interface UserInfoOptions<Identity> {
  /** Loads the user info of the identity before verify is called. */
  userinfo?: UserInfoOption<Identity>
}

export const userInfoChecks: Checks<UserInfoOptions<never>> = { userinfo: callback }

/** The check of a token, which then loads the user info. */
export const withUserInfo =
  <Identity extends object>(
    check: (token: string) => Identity | Promise<Identity>,
    { userinfo }: UserInfoOptions<Identity>,
  ): ((token: string) => Identity | Promise<Identity>) =>
  (token) =>
    userinfo === undefined
      ? check(token)
      : whenReady(check(token), (identity) =>
          whenReady(userinfo(identity, { token }), (found) => Object.assign(identity, { userinfo: found })),
        )
