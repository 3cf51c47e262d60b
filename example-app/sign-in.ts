import type { RequestHandler } from 'express'
import type passport from 'passport'
import { WixAuthError, type WixAuthErrorCode } from 'passport-wix-app'

/** `invalid_token` stands for everything that is wrong with a token: its challenge says no more (RFC 6750 section 3.1). */
export type SignInCode = WixAuthErrorCode | 'app_removed' | 'user_unknown' | 'invalid_token'

interface Reason {
  code: SignInCode
  message: string
}

/** Why our own look-up rejects a genuine credential. */
export const REMOVED: Reason = { code: 'app_removed', message: 'The app was removed from this site' }
export const USER_UNKNOWN: Reason = { code: 'user_unknown', message: 'The credential names no user' }

/** What a strategy fails with: a string for `WWW-Authenticate`, an object, or nothing. */
type Challenge = string | Reason | undefined

/** The user could not be signed in. */
export class SignInError extends Error {
  readonly code: SignInCode
  readonly status: number
  /** The `WWW-Authenticate` of a 401. */
  readonly challenge: string

  constructor({ code, message }: Reason, status: number, challenge: string) {
    super(message)
    this.code = code
    this.status = status
    this.challenge = challenge
  }
}

function reasonOf(challenge: Challenge): Reason {
  if (typeof challenge !== 'string') return challenge ?? new WixAuthError('claim_invalid')
  const message = /error_description="([^"]*)"/.exec(challenge)?.[1]
  return message === undefined ? new WixAuthError('credentials_missing') : { code: 'invalid_token', message }
}

/** @param challenges Of the strategies, in their order. */
function refusal(challenges: readonly Challenge[], statuses: ReadonlyArray<number | undefined>): SignInError {
  const reasons = challenges.map(reasonOf)
  // Each strategy reports the credential of another one as missing. The one with another reason has read it.
  const reader = Math.max(
    reasons.findIndex(({ code }) => code !== 'credentials_missing'),
    0,
  )
  const bearer = [challenges[reader], ...challenges].find((challenge) => typeof challenge === 'string')
  return new SignInError(
    reasons[reader] ?? reasonOf(undefined),
    statuses[reader] ?? 401,
    bearer ?? 'Bearer realm="Wix"',
  )
}

/**
 * `passport.authenticate()` with a custom callback. `failWithError` would need one line only, but its error has no code, which
 * the explanation needs.
 *
 * @param strategies Their names, in the order in which they look at a request.
 */
export const signIn =
  (authenticator: passport.Authenticator, strategies: string[]): RequestHandler =>
  (req, res, next) => {
    // Passport calls it with the user and the info, or with the challenges and statuses when every strategy has failed.
    const settle = (error: unknown, user?: Express.User | false, info?: unknown, statuses?: unknown): void => {
      if (error) return next(error)
      if (!user) return next(refusal(info as Challenge[], statuses as Array<number | undefined>))
      req.user = user
      req.authInfo = info as Express.AuthInfo
      next()
    }
    authenticator.authenticate(strategies, { session: false }, settle)(req, res, next)
  }
