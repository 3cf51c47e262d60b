import { createHash, timingSafeEqual } from 'node:crypto'
import { markSigned, refusal } from '../errors.ts'
import { type KindOf, markAs } from '../identity.ts'
import { tooLong } from '../internal/hints.ts'
import { checkForm, verifyJwt } from '../internal/jwt.ts'
import { type Checked, checkOptions } from '../internal/options.ts'
import { exactlyOne, own, parseJson } from '../internal/values.ts'
import { publicKeysFor, signedChecks, type SignedOptions, WIX_ALGORITHMS } from '../internal/wix-jwt.ts'
import { bodyChecks, type BodyOptions, type DefaultRequest, fromBody, fromHeader, requestNotRaw } from '../read.ts'
import { IdentityStrategy, type StrategyDefinition, type WixStrategyOptions } from '../strategy.ts'

/** A verified body. The header proves only that Wix sent it, and names no subject. */
export interface WixDigest {
  /** The parsed JSON of the body; null for an empty one. Nothing proves for which path it was meant. */
  body: unknown
  /** When it was signed, in seconds since 1970. */
  iat: number | null
  /** When the signature expires, in seconds since 1970. */
  exp: number
}

/** The options of {@link digestVerifier}. All times are seconds. */
export interface DigestVerifierOptions<Req = unknown> extends SignedOptions<Req> {}

/** The options of {@link WixDigestStrategy}. */
export interface WixDigestStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, DigestVerifierOptions<Req>, BodyOptions<Req> {}

const PREFIX = 'JWT='

// A whole JWT with one hash in it has about 600 characters.
const MAX_DIGEST_LENGTH = 8192

const SHA256 = /^[\da-f]{64}$/i

/** Bytes of a string body: a character that decoding has put in, or a byte order mark that it has dropped, is lost. */
function bytesOf(body: unknown, notRaw: (why: string) => Error): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array()
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string' && !body.includes('\uFFFD')) return Buffer.from(body)
  throw notRaw('the body is not bytes: use express.raw(), not express.text()')
}

type Verifier<Req> = (header: string, body: Uint8Array, req: Req) => Promise<WixDigest>

/** Verifies a header: its form, its signature, its dates, and that its hash is that of the body. */
function verifierOf<Req>(caller: string, options: Checked<DigestVerifierOptions<Req>>): Verifier<Req> {
  const findKeys = publicKeysFor(caller, options)
  return async (header, body, req) => {
    // Node joins several headers of this name with commas, and RFC 3230 several digests in one header.
    if (typeof header !== 'string' || header.includes(','))
      throw refusal('request_invalid', 'several digests in one header, or several headers')
    if (header.length > MAX_DIGEST_LENGTH) throw refusal('token_malformed', tooLong(header, MAX_DIGEST_LENGTH))
    if (!header.startsWith(PREFIX)) throw refusal('token_malformed', 'the header does not begin with `JWT=`')
    const token = header.slice(PREFIX.length)
    checkForm(token)
    // Refuses a signature of another key, and what has expired. It signs a hash; whether the body has that hash is checked below.
    const { data, iat, exp } = await verifyJwt(token, await findKeys(req), options, {
      algorithms: WIX_ALGORITHMS,
      toIdentity: ({ claims, iat, exp }) => ({ data: own(claims, 'data'), iat, exp }),
    })
    try {
      const digest = own(data, 'SHA256')
      if (typeof digest !== 'string' || !SHA256.test(digest))
        throw refusal('claim_invalid', '`data` of the JWT has no `SHA256` of 64 hex digits')
      if (!timingSafeEqual(createHash('sha256').update(body).digest(), Buffer.from(digest, 'hex')))
        // Not what Wix signed, though the signature of the header is right.
        throw refusal(
          'signature_invalid',
          `the hash does not match the body; ${body.length} bytes arrived here`,
          'Verify the raw body, byte for byte, before any parser.',
        )
      return markAs({ body: body.length === 0 ? null : parseJson(body, 'the body'), iat, exp }, 'digest')
    } catch (reason) {
      throw markSigned(reason, {})
    }
  }
}

/**
 * Makes a function that verifies a `Digest` header and the body that it was made for, without Passport. It proves neither the method nor
 * the path: a handler must not trust a body that was meant for another one.
 *
 * The function takes the value of the header (`JWT=` and a JWT with the SHA-256 of the body), and the raw body of the request, empty if there
 * was none: bytes, since decoding to a string may drop a byte order mark. It rejects with a {@link WixAuthError} `request_invalid`,
 * `token_malformed` (also for a body that is not JSON), `signature_invalid` (also for another body), `token_expired` or `claim_invalid`,
 * and with a TypeError for a body that is not raw.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const verify = digestVerifier({ publicKey: process.env.WIX_PUBLIC_KEY })
 * const { body } = await verify(request.headers.get('digest') ?? '', Buffer.from(await request.arrayBuffer()))
 */
export function digestVerifier(
  options: DigestVerifierOptions,
): (header: string, body: string | Uint8Array) => Promise<WixDigest> {
  const caller = 'digestVerifier'
  const verify = verifierOf<unknown>(caller, checkOptions<DigestVerifierOptions>(caller, options, signedChecks))
  const notBytes = (): TypeError =>
    new TypeError(
      `${caller}: the body must be the raw bytes, for example of express.raw() or request.bytes(): decoding to a string may drop a byte order mark and invalid UTF-8, which the hash covers`,
    )
  return async (header, body) => verify(header, bytesOf(body, notBytes), undefined)
}

const fromDigest = fromHeader('digest')

/**
 * Lets through requests that Wix signed in a `Digest` header, with an ordinary JSON body. The verified body is the user,
 * unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/authentication/verify-requests-received-from-wix
 * @example
 * passport.use(new WixDigestStrategy({ publicKey: process.env.WIX_PUBLIC_KEY }))
 */
export class WixDigestStrategy<Req = DefaultRequest> extends IdentityStrategy<
  WixDigest,
  WixDigestStrategyOptions<Req>,
  Req
> {
  /** For `identityOf(req, WixDigestStrategy)`. */
  static readonly kind: KindOf<WixDigest> = { name: 'digest' }

  protected override _definition(): StrategyDefinition<WixDigest, WixDigestStrategyOptions<Req>, Req> {
    return {
      caller: 'WixDigestStrategy',
      name: 'wix-digest',
      options: { ...signedChecks, ...bodyChecks },
      prepare(caller, options) {
        const { bodyFromRequest = fromBody() } = options
        const verify = verifierOf(caller, options)
        return async (req) => {
          const header = exactlyOne(fromDigest(req), () => 'no `Digest` header')
          return verify(header, bytesOf(await bodyFromRequest(req), requestNotRaw), req)
        }
      },
    }
  }
}
