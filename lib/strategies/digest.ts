import { createHash, timingSafeEqual } from 'node:crypto'
import { refusal } from '../errors.ts'
import { tooLong } from '../internal/hints.ts'
import { type Checked, checkOptions } from '../internal/options.ts'
import { whenReady } from '../internal/promises.ts'
import { oneCredential, own, parseJson } from '../internal/values.ts'
import { signedChecks, type SignedOptions, wixJwtCheck } from '../internal/wix-jwt.ts'
import { type BodyOptions, type DefaultRequest, fromBody, fromHeader, notRaw } from '../read.ts'
import { IdentityStrategy, type Kind, type WixStrategyOptions } from '../strategy.ts'
import { type ForRequest, signedKind, type SignedRequestOptions } from './signed.ts'

/** A verified body. The header proves only that Wix sent it, and names no subject. */
export interface WixDigest {
  /** The parsed JSON of the body; null for an empty one. Nothing proves for which path it was meant. */
  body: unknown
  /** When it was signed, in seconds since 1970. */
  iat: number | null
  /** When the signature expires, in seconds since 1970. */
  exp: number
}

/** The options of {@link verifyDigest}. */
export interface VerifyDigestOptions extends SignedOptions {}

/** The options of {@link WixDigestStrategy}. The body must be bytes. */
export interface WixDigestStrategyOptions<Req = DefaultRequest> extends WixStrategyOptions, SignedRequestOptions<Req> {}

const PREFIX = 'JWT='

// A whole JWT with one hash in it has about 600 characters.
const MAX_LENGTH = 8192

/** A header, and the body that it was made for. */
interface SignedBody {
  header: string
  body: Uint8Array
}

/** Prepares the check of a Digest header. */
function digestCheck(owner: string, options: Checked<VerifyDigestOptions>): (given: SignedBody) => Promise<WixDigest> {
  const verify = wixJwtCheck(owner, options)
  return async ({ header, body }) => {
    // Node joins several headers of this name with commas, and RFC 3230 several digests in one header.
    if (typeof header !== 'string' || header.includes(','))
      throw refusal('request_invalid', 'several digests in one header, or several headers')
    if (header.length > MAX_LENGTH) throw refusal('token_malformed', tooLong(header, MAX_LENGTH))
    if (!header.startsWith(PREFIX)) throw refusal('token_malformed', 'the header does not begin with `JWT=`')
    const { data, iat, exp } = await verify(header.slice(PREFIX.length))
    const digest = own(data, 'SHA256')
    if (typeof digest !== 'string' || !/^[\da-f]{64}$/i.test(digest))
      throw refusal('claim_invalid', '`data` of the JWT has no `SHA256` of 64 hex digits')
    if (!timingSafeEqual(createHash('sha256').update(body).digest(), Buffer.from(digest, 'hex'))) {
      throw refusal('signature_invalid', `the hash does not match the body; ${body.length} bytes arrived here`)
    }
    return { body: body.length === 0 ? null : parseJson(body, 'the body'), iat, exp }
  }
}

/**
 * Verifies a `Digest` header and the body that it was made for, without Passport. It proves neither the method nor the
 * path: a handler must not trust a body that was meant for another one.
 *
 * @param header The value of the header: `JWT=` and a JWT with the SHA-256 of the body.
 * @param body The raw body of the request, empty if there was none.
 * @returns A promise of the parsed body; rejects with the errors below.
 * @throws {WixAuthError} `request_invalid`, `token_malformed` (also for a body that is not JSON), `signature_invalid` (also
 *   for another body), `token_expired` or `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type, and for a body that is not bytes.
 */
export async function verifyDigest(header: string, body: Uint8Array, options: VerifyDigestOptions): Promise<WixDigest> {
  const caller = 'verifyDigest'
  const check = digestCheck(caller, checkOptions(caller, options, signedChecks))
  if (!(body instanceof Uint8Array))
    throw new TypeError(
      `${caller}: the body must be the raw bytes, for example of express.raw() or request.bytes(): decoding to a string may drop a byte order mark and invalid UTF-8, which the hash covers`,
    )
  return check({ header, body })
}

const fromDigest = fromHeader('digest')

const digestReader =
  <Req>({ bodyFromRequest = fromBody() }: BodyOptions<Req>) =>
  (req: Req): SignedBody | Promise<SignedBody> => {
    const header = oneCredential(fromDigest(req), () => 'no `Digest` header')
    return whenReady(bodyFromRequest(req), (value) => {
      const body = value ?? new Uint8Array()
      // Decoding to a string may drop a byte order mark and invalid UTF-8, which the hash covers.
      if (!(body instanceof Uint8Array))
        throw notRaw('the body is a string, not bytes: use express.raw(), not express.text()')
      return { header, body }
    })
  }

const kind = {
  owner: 'WixDigestStrategy',
  name: 'wix-digest',
  ...signedKind(signedChecks, digestReader, digestCheck),
}

/**
 * Lets through requests that Wix signed in a `Digest` header, with an ordinary JSON body. The verified body is the user,
 * unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/verify-requests-received-from-wix
 */
export class WixDigestStrategy<Req = DefaultRequest> extends IdentityStrategy<
  ForRequest<SignedBody>,
  WixDigest,
  WixDigestStrategyOptions<Req>,
  Req
> {
  protected override _kind(): Kind<ForRequest<SignedBody>, WixDigest, WixDigestStrategyOptions<Req>, Req> {
    return kind
  }
}
