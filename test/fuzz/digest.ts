// The door of Digest headers: WixDigestStrategy and digestVerifier.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { digestVerifier, WixDigestStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { BODY, digest, PUBLIC_KEY } from '../support/jwt.ts'
import { runToEnd } from '../support/run.ts'
import { type Door, door, verdictOf, verdictOfOutcome, type Verdict } from './door.ts'
import { isFilled, isNothing, objectIn, ownOf } from './inputs.ts'
import { anyJwt, anyRequest, bodyOf, claimsOf } from './jwt.ts'

export function digestOracle(header: string, body: Buffer): Verdict {
  if (header.includes(',')) return 'invalid'
  if (!header.startsWith('JWT=') || header.length > 8192) return 'refused'
  const hash = objectIn(claimsOf(header.slice(4))?.['data'])?.['SHA256']
  if (!isFilled(hash) || hash.toLowerCase() !== createHash('sha256').update(body).digest('hex')) return 'refused'
  if (body.length === 0) return 'accepted'
  if (!Buffer.from(body.toString()).equals(body)) return 'refused'
  try {
    JSON.parse(body.toString())
    return 'accepted'
  } catch {
    return 'refused'
  }
}

function requestOracle(req: unknown): Verdict {
  const header = ownOf(ownOf(req, 'headers'), 'digest')
  if (isNothing(header)) return 'missing'
  if (typeof header !== 'string') return 'invalid'
  const body = bodyOf(req)
  if (body === undefined) return digestOracle(header, Buffer.alloc(0))
  // A string in which decoding has replaced something is not the body.
  if (typeof body === 'string') return body.includes('\uFFFD') ? 'error' : digestOracle(header, Buffer.from(body))
  return body instanceof Uint8Array ? digestOracle(header, Buffer.from(body)) : body.verdict
}

const options = { publicKey: PUBLIC_KEY, now }
const verify = digestVerifier(options)
const strategy = new WixDigestStrategy(options)

const anyBody = fc.oneof(
  { weight: 6, arbitrary: fc.constant(BODY) },
  { weight: 1, arbitrary: fc.nat(BODY.length).map((end) => BODY.subarray(0, end)) },
  { weight: 1, arbitrary: fc.constantFrom(Buffer.alloc(0), Buffer.concat([BODY, Buffer.from('\n')])) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
)
/** Of a header and the body that it is for, which need not be JSON. */
const genuine = anyBody.map((body) => ({ header: digest(body), body }))

const anyHeader = fc.tuple(fc.constantFrom('JWT=', 'JWT=', 'JWT=', 'jwt=', '', 'JWT=,', 'SHA-256='), anyJwt)

const request = fc.oneof(
  { weight: 1, arbitrary: anyRequest },
  {
    weight: 2,
    arbitrary: genuine.map(({ header, body }) => ({
      headers: { digest: header, 'content-length': String(body.length) },
      rawBody: body,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      headers: fc.record({ digest: anyHeader.map((parts) => parts.join('')) }),
      body: fc.oneof(
        anyBody,
        anyBody.map((body) => body.toString()),
      ),
    }),
  },
)

export const digestDoor: Door = door<{ header: string; body: Buffer } | { req: unknown }>({
  inputs: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ header: anyHeader.map((parts) => parts.join('')), body: anyBody }),
    },
    { weight: 1, arbitrary: genuine },
    { weight: 1, arbitrary: request.map((req) => ({ req })) },
  ),
  ours: async (input) =>
    'req' in input
      ? verdictOfOutcome(await runToEnd(strategy, input.req), () => 'accepted')
      : verdictOf(() => verify(input.header, input.body)),
  oracle: (input) => ('req' in input ? requestOracle(input.req) : digestOracle(input.header, input.body)),
})
