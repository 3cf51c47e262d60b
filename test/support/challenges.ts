import type { Outcome } from './run.ts'

const challenge = (description: string): string =>
  `Bearer realm="Wix", error="invalid_token", error_description="${description}"`

// The challenges of the strategies that read a Bearer token.
export const MISSING = 'Bearer realm="Wix"'
export const INVALID: string = challenge(
  'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)',
)
export const MALFORMED: string = challenge('This is not a complete Wix credential: send it exactly as Wix issued it')
export const EXPIRED: string = challenge('This Wix credential has expired: reload the page to get a new one')

/** The outcome of a strategy that rejects a request with this challenge. */
export const rejectedWith = (challenge: string): Outcome => ({ kind: 'fail', challenge, status: 401 })
