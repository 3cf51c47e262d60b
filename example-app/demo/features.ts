import { type RequestHandler, Router } from 'express'
import { requireIdentity, userInfoHandler, type WixPublicKey } from 'passport-wix-app'
import type { AppDatabase } from '../database.ts'
import { accountOf, roleOf } from '../sign-in.ts'
import { notes } from './notes.ts'
import { overview } from './overview.ts'
import { signedCalls } from './signed-calls.ts'

export interface FeaturesOptions {
  database: AppDatabase
  publicKey: WixPublicKey | undefined
  appId: string | undefined
}

/** What this app can do, in place of which comes what yours can. */
export const features =
  ({ database, publicKey, appId = '' }: FeaturesOptions) =>
  (signedIn: RequestHandler): RequestHandler => {
    const router = Router()
    router.use(notes(signedIn, database), overview(signedIn, database))
    if (publicKey !== undefined) router.use(signedCalls({ publicKey, appId, database }))
    const userInfo = userInfoHandler((_identity, req) => {
      const account = accountOf(req as Express.Request)
      return { role: roleOf(account), visits: account.user?.visits }
    })
    router.get('/userinfo', signedIn, requireIdentity({ subjectType: 'USER' }), userInfo)
    return router
  }
