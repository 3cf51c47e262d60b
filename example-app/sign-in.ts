import type { RequestHandler } from 'express'
import type passport from 'passport'
import { WixAuthError, type WixAuthErrorCode } from 'passport-wix-app'

type Info = Express.AuthInfo & { code?: WixAuthErrorCode }

/**
 * `passport.authenticate()` in its custom form. `failWithError` would do in one line, but it keeps the status of a
 * refusal only; the page that explains it wants the code.
 */
export const signIn =
  (authenticator: passport.Authenticator): RequestHandler =>
  (req, res, next) => {
    const settle = (error: unknown, user?: Express.User | false, info?: Info): void => {
      if (error) return next(error)
      // Without a code it was our own look-up that found nobody.
      if (!user) return next(new WixAuthError(info?.code ?? 'claim_invalid'))
      req.user = user
      req.authInfo = info
      next()
    }
    authenticator.authenticate('wix-app', { session: false }, settle)(req, res, next)
  }
