import { createHash, timingSafeEqual } from 'node:crypto'
import { WixAuthError } from '../errors.ts'
import { parseJson } from '../internal/json.ts'
import { signedChecks, type SignedOptions, verifyJwt } from '../internal/jwt.ts'
import { callback, checkOptions } from '../internal/options.ts'
import { publicKeys, type PublicKeys } from '../internal/wix-public-key.ts'
import { type BodyReader, type DefaultRequest, fromBody, fromHeader, notRaw, own } from '../read.ts'
import {
  commonChecks,
  identityAsUser,
  type Verify,
  type VerifyWithRequest,
  whenReady,
  WixStrategy,
  type WixStrategyOptions,
} from '../strategy.ts'

/** A verified body. It names nobody: that Wix sent it is all that the header proves. */
export interface WixDigest {
  /** The parsed JSON of the body; null for an empty one. Nothing proves which path it was meant for. */
  body: unknown
  /** When it was signed, in seconds since 1970. */
  iat: number | null
  /** When the proof ends, in seconds since 1970. */
  exp: number
}

/** The options of {@link verifyDigest}. */
export interface VerifyDigestOptions extends SignedOptions {}

/** The options of {@link WixDigestStrategy}. */
export interface WixDigestStrategyOptions<Req = DefaultRequest> extends WixStrategyOptions, VerifyDigestOptions {
  /** Where the raw body is; only bytes will do. Default: {@link fromBody}. */
  bodyFromRequest?: BodyReader<Req>
}

const readHeader = fromHeader('digest')

const PREFIX = 'JWT='

// A whole JWT with one hash in it has about 600 characters.
const MAX_LENGTH = 8192

/** {@link verifyDigest} with everything prepared. */
async function checkDigest(
  header: string,
  body: Uint8Array,
  keys: PublicKeys,
  options: VerifyDigestOptions,
): Promise<WixDigest> {
  // Node joins several headers of this name, and RFC 3230 several digests in one header, with commas.
  if (typeof header !== 'string' || header.includes(',')) throw new WixAuthError('request_invalid')
  if (header.length > MAX_LENGTH || !header.startsWith(PREFIX)) throw new WixAuthError('token_malformed')
  const { data, iat, exp } = await verifyJwt(header.slice(PREFIX.length), keys, options)
  const digest = own(data, 'SHA256')
  if (typeof digest !== 'string' || !/^[\da-f]{64}$/i.test(digest)) throw new WixAuthError('claim_invalid')
  if (!timingSafeEqual(createHash('sha256').update(body).digest(), Buffer.from(digest, 'hex'))) {
    throw new WixAuthError('signature_invalid')
  }
  return { body: body.length === 0 ? null : parseJson(body), iat, exp }
}

/**
 * Verifies a `Digest` header and the body that it was made for, without Passport. It proves neither the method nor the
 * path: a handler must not trust a body that was meant for another one.
 *
 * @param header The value of the header: `JWT=` and a JWT with the SHA-256 of the body.
 * @param body The raw body of the request, empty if there was none.
 * @returns A promise of the parsed body; rejects with what is thrown.
 * @throws {WixAuthError} `request_invalid`, `token_malformed` (also for a body that is not JSON), `signature_invalid` (also
 *   for another body), `token_expired` or `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type, and for a body that is not bytes.
 */
export async function verifyDigest(header: string, body: Uint8Array, options: VerifyDigestOptions): Promise<WixDigest> {
  const checked = checkOptions('verifyDigest', options, signedChecks)
  const keys = publicKeys('verifyDigest', checked.publicKey)
  if (!(body instanceof Uint8Array)) throw new TypeError('verifyDigest: the body must be the raw bytes')
  return checkDigest(header, body, keys, checked)
}

/**
 * Lets requests through that Wix signed in a `Digest` header, beside an ordinary JSON body. The verified body is the user,
 * unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/verify-requests-received-from-wix
 */
export class WixDigestStrategy<Req = DefaultRequest> extends WixStrategy<WixDigest, Req> {
  private readonly _read: BodyReader<Req>
  private readonly _keys: PublicKeys
  private readonly _options: VerifyDigestOptions

  /** @throws {TypeError} For an unknown option, one of the wrong type, or a key that cannot be the public key. */
  constructor(options: WixDigestStrategyOptions<Req> & { passReqToCallback?: false }, verify?: Verify<WixDigest>)
  constructor(
    options: WixDigestStrategyOptions<Req> & { passReqToCallback: true },
    verify?: VerifyWithRequest<WixDigest, Req>,
  )
  constructor(
    given: WixDigestStrategyOptions<Req>,
    verify: Verify<WixDigest> | VerifyWithRequest<WixDigest, Req> = identityAsUser,
  ) {
    const owner = 'WixDigestStrategy'
    const options = checkOptions(owner, given, { ...commonChecks, ...signedChecks, bodyFromRequest: callback })
    super('wix-digest', options, verify)
    this._read = options.bodyFromRequest ?? fromBody()
    this._keys = publicKeys(owner, options.publicKey)
    this._options = options
  }

  protected override _identify(req: Req): WixDigest | Promise<WixDigest> {
    const header = readHeader(req)
    if (header === undefined) throw new WixAuthError('credentials_missing')
    return whenReady(this._read(req), (body) => {
      const bytes = body ?? new Uint8Array()
      // A text has lost what does not change its characters: a byte order mark, bytes that are no UTF-8.
      if (!(bytes instanceof Uint8Array)) throw notRaw()
      return checkDigest(header, bytes, this._keys, this._options)
    })
  }
}
