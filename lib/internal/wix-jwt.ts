import { refusal } from '../errors.ts'
import { MAX_BODY_LENGTH } from './bytes.ts'
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

/** The options for everything that Wix signs with the app's key pair. All times are seconds. */
export interface SignedOptions<Req = unknown> extends ClockOptions {
  /**
   * Your app's public key, or a function of the request that finds it: such a request names no app, so its path or host must.
   *
   * Find it in your app's dashboard at Wix: Webhooks > Get public key, or More Actions > View ID & keys.
   */
  publicKey: OfRequest<WixPublicKey, Req>
}

export const signedChecks: Checks<SignedOptions<never>> = { ...clockChecks, publicKey: neededLater }

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
