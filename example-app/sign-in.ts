import type { RequestHandler } from 'express'
import type passport from 'passport'
import { WixAuthError, type WixAuthErrorCode } from 'passport-wix-app'

/** The reason for which our own look-up refuses a genuine instance. */
export const APP_REMOVED = 'app_removed'

/** Somebody comes from a site that does not have the app any more. */
export class AppRemovedError extends Error {
  readonly code = APP_REMOVED
  readonly status = 401
}

type Info = Express.AuthInfo & { code?: WixAuthErrorCode | typeof APP_REMOVED }

/**
 * `passport.authenticate()` in its custom form. `failWithError` would do in one line, but it keeps the status of a
 * refusal only; the page that explains it wants the code.
 */
export const signIn =
  (authenticator: passport.Authenticator): RequestHandler =>
  (req, res, next) => {
    const settle = (error: unknown, user?: Express.User | false, info?: Info): void => {
      if (error) return next(error)
      if (user) {
        req.user = user
        req.authInfo = info
        return next()
      }
      const code = info?.code
      // Without a code it was our own look-up that found nobody.
      next(code === APP_REMOVED ? new AppRemovedError() : new WixAuthError(code ?? 'claim_invalid'))
    }
    authenticator.authenticate('wix-app', { session: false }, settle)(req, res, next)
  }
