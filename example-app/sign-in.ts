import type { RequestHandler } from 'express'
import type passport from 'passport'
import { WixAuthError, type WixAuthErrorCode } from 'passport-wix-app'

/** `invalid_token` stands for all that is wrong with an access token: more is not in its challenge (RFC 6750 section 3.1). */
export type SignInCode = WixAuthErrorCode | 'app_removed' | 'invalid_token'

interface Reason {
  code: SignInCode
  message: string
}

/** Why our own look-up refuses a genuine proof. */
export const REMOVED: Reason = { code: 'app_removed', message: 'The app was removed from this site' }

/** What a strategy says when it refuses: a text for `WWW-Authenticate`, or an object, or nothing. */
type Challenge = string | Reason | undefined

/** Nobody is signed in. */
export class SignInError extends Error {
  readonly code: SignInCode
  readonly status: number
  /** What a 401 says in `WWW-Authenticate`. */
  readonly challenge: string

  constructor({ code, message }: Reason, status: number, challenge: string) {
    super(message)
    this.code = code
    this.status = status
    this.challenge = challenge
  }
}

function reasonOf(challenge: Challenge): Reason {
  if (typeof challenge !== 'string') {
    // Without a word: our own look-up found nobody.
    return challenge ?? new WixAuthError('claim_invalid')
  }
  const message = /error_description="([^"]*)"/.exec(challenge)?.[1]
  return message === undefined ? new WixAuthError('credentials_missing') : { code: 'invalid_token', message }
}

/** @param challenges What the strategies said, in their order. */
function refusal(challenges: readonly Challenge[], statuses: ReadonlyArray<number | undefined>): SignInError {
  const reasons = challenges.map(reasonOf)
  // Each passes on what is not its own with credentials_missing. The one that says something else knows why.
  const knows = Math.max(
    reasons.findIndex(({ code }) => code !== 'credentials_missing'),
    0,
  )
  const bearer = [challenges[knows], ...challenges].find((challenge) => typeof challenge === 'string')
  return new SignInError(reasons[knows] ?? reasonOf(undefined), statuses[knows] ?? 401, bearer ?? 'Bearer realm="Wix"')
}

/**
 * `passport.authenticate()` in its custom form. `failWithError` would do in one line, but it keeps the status of a
 * refusal only; whoever explains it wants the code.
 *
 * @param strategies Their names, in the order in which they look at a request.
 */
export const signIn =
  (authenticator: passport.Authenticator, strategies: string[]): RequestHandler =>
  (req, res, next) => {
    // Passport calls it with what there is on success, or with what each strategy said when all of them refused.
    const settle = (error: unknown, user?: Express.User | false, info?: unknown, statuses?: unknown): void => {
      if (error) return next(error)
      if (!user) return next(refusal(info as Challenge[], statuses as Array<number | undefined>))
      req.user = user
      req.authInfo = info as Express.AuthInfo
      next()
    }
    authenticator.authenticate(strategies, { session: false }, settle)(req, res, next)
  }
