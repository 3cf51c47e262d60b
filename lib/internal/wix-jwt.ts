import { refusal } from '../errors.ts'
import { tooLong } from './hints.ts'
import { checkForm } from './jwt.ts'
import { type KeyObject, type WixPublicKey, wixPublicKeys } from './keys.ts'
import {
  type Checked,
  type Checks,
  clockChecks,
  type ClockOptions,
  neededLater,
  type OfRequest,
  ofRequest,
} from './options.ts'

/** The options for everything that Wix signs with the key pair of the app. All times are seconds. */
export interface SignedOptions<Req = unknown> extends ClockOptions {
  /**
   * The public key of the app, or a function of the request that finds it: such a request names no app, so its path or host must.
   *
   * Find it in the dashboard of your app at Wix: Webhooks > Get public key, or More Actions > View ID & keys.
   */
  publicKey: OfRequest<WixPublicKey, Req>
}

export const signedChecks: Checks<SignedOptions<never>> = { ...clockChecks, publicKey: neededLater }

/** Of a body, in bytes. What Wix sends has a few thousand. */
export const MAX_BODY_LENGTH: number = 1024 * 1024

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
export const notRawBody = (caller: string) => (): TypeError =>
  new TypeError(
    `${caller}: the body must be the raw body, as a string or bytes: read it before a parser does, for example with express.raw() or request.text()`,
  )

/**
 * Whether it can be a JWT of Wix; to be asked before a key is looked for.
 *
 * @throws {WixAuthError} `body_too_large` or `token_malformed`.
 */
export function checkWixJwt(token: string): void {
  if (token.length > MAX_BODY_LENGTH) throw refusal('body_too_large', tooLong(token, MAX_BODY_LENGTH))
  checkForm(token)
}

/**
 * The public keys to try.
 *
 * @throws {TypeError} For a key that cannot be the public key.
 */
export const publicKeysFor = <Req>(
  caller: string,
  { publicKey }: Checked<SignedOptions<Req>>,
): ((req: Req) => readonly KeyObject[] | Promise<readonly KeyObject[]>) =>
  ofRequest(caller, 'publicKey', publicKey, (value) => wixPublicKeys(caller, value))

/** Whatever the header says. */
export const WIX_ALGORITHMS: string[] = ['RS256']
