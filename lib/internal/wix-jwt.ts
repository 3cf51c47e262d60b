import { refusal } from '../errors.ts'
import { tooLong } from './hints.ts'
import { type JwtRules, verifyClaims } from './jwt.ts'
import { type Checked, type Checks, clockChecks, type ClockOptions, neededLater } from './options.ts'
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

export const signedChecks: Checks<SignedOptions> = { ...clockChecks, publicKey: neededLater }

/** Of a body, in bytes. What Wix sends has a few thousand. */
export const MAX_LENGTH: number = 1024 * 1024

/**
 * A raw body as the JWT that it should be. Bytes outside of ASCII are refused with the JWT.
 *
 * @param notRaw Makes the error for anything but a string or bytes.
 * @throws {WixAuthError} `credentials_missing` without a body.
 */
export function jwtOf(body: unknown, notRaw: () => Error): string {
  if (body === undefined || body === null) throw refusal('credentials_missing', 'the request has no body')
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw notRaw()
  if (body.length === 0) throw refusal('credentials_missing', 'the body is empty')
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
}

/** For the functions that take a body from the app. */
export const notRawBody = (owner: string) => (): TypeError =>
  new TypeError(
    `${owner}: the body must be the raw body, as a string or bytes: read it before a parser does, for example with express.raw() or request.text()`,
  )

/** What a JWT of Wix says. */
interface WixClaims {
  data: unknown
  iat: number | null
  exp: number
}

/**
 * Prepares the check of a JWT that Wix signed with the key pair of the app.
 *
 * @returns A function that rejects with a {@link WixAuthError}: `body_too_large`, `token_malformed`, `signature_invalid`,
 *   `token_expired` or `claim_invalid`.
 * @throws {TypeError} For a key that cannot be the public key.
 */
export function wixJwtCheck(
  owner: string,
  options: Checked<SignedOptions>,
  rules: Omit<JwtRules, 'algorithms'> = {},
): (token: string) => Promise<WixClaims> {
  const keys = wixPublicKeys(owner, options.publicKey)
  return async (token) => {
    if (token.length > MAX_LENGTH) throw refusal('body_too_large', tooLong(token, MAX_LENGTH))
    const { claims, iat, exp } = await verifyClaims(token, keys, options, { ...rules, algorithms: ['RS256'] })
    return { data: own(claims, 'data'), iat, exp }
  }
}
