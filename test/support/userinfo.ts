import { inspect } from 'node:util'
import { expect } from 'chai'
import type { UserInfoContext } from '../../lib/index.ts'
import { now } from './build.ts'
import { errorOf as reasonOf } from './errors.ts'
import { type TokenInfoServer, tokenInfoServer, whole } from './token-info-server.ts'

/** No error may contain it. */
export const CANARY = 'CANARY'

export const expectNoCanary = (error: unknown): void => {
  expect(inspect(error, { depth: 9, showHidden: true })).to.not.include(CANARY)
}

/** The Error that a promise is rejected with. Anything else fails the test. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const error = await reasonOf(promise)
  expect(error).to.be.instanceOf(Error)
  return error as Error
}

export interface UserInfoServers {
  /** The server of the app. */
  ours: TokenInfoServer
  /** Another server, which must not be called. */
  evil: TokenInfoServer
  /** For `resolveUserInfo`, with a cache of its own. */
  context: UserInfoContext
}

export async function userInfoServers(): Promise<UserInfoServers> {
  const ours = await tokenInfoServer(whole({ email: 'a@example.com' }))
  const evil = await tokenInfoServer(whole({ email: 'evil@example.com' }))
  return {
    ours,
    evil,
    context: { baseUrl: ours.url, token: `${CANARY}.token`, fetch: (...args) => fetch(...args), now, timeout: 5 },
  }
}
