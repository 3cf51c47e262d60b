import { WixAuthError } from '../errors.ts'
import { type JwtRules, verifyClaims } from './jwt.ts'
import { checkedLater, type Checks, clockChecks, type ClockOptions } from './options.ts'
import { own } from './values.ts'
import { type WixPublicKey, wixPublicKeys } from './wix-public-key.ts'

/** The options for everything that Wix signs with the key pair of the app. All times are seconds. */
export interface SignedOptions extends ClockOptions {
  /**
   * The public key of the app. A string is parsed at every call of a `verify` function: where there are many calls, pass a KeyObject.
   *
   * Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys.
   */
  publicKey: WixPublicKey | undefined
}

export const signedChecks: Checks<SignedOptions> = { ...clockChecks, publicKey: checkedLater }

// What Wix sends has a few thousand characters.
const MAX_LENGTH = 1024 * 1024

/** What a JWT of Wix says. */
interface WixClaims {
  data: unknown
  iat: number | null
  exp: number
}

/**
 * Prepares the check of a JWT that Wix signed with the key pair of the app.
 *
 * @returns A function that rejects with a {@link WixAuthError}: `request_invalid`, `body_too_large`, `token_malformed`,
 *   `signature_invalid`, `token_expired` or `claim_invalid`.
 * @throws {TypeError} For a key that cannot be the public key.
 */
export function wixJwtCheck(
  owner: string,
  options: ClockOptions & { publicKey?: WixPublicKey },
  rules: Omit<JwtRules, 'algorithms'> = {},
): (token: string) => Promise<WixClaims> {
  const keys = wixPublicKeys(owner, options.publicKey)
  return async (token) => {
    if (typeof token === 'string' && token.length > MAX_LENGTH) throw new WixAuthError('body_too_large')
    const { claims, iat, exp } = await verifyClaims(token, keys, options, { ...rules, algorithms: ['RS256'] })
    return { data: own(claims, 'data'), iat, exp }
  }
}
