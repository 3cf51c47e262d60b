// What the three doors of JWTs of Wix share: strings that may be one, requests that carry one, and an independent check.
import { createHash, verify as verifySignature } from 'node:crypto'
import fc from 'fast-check'
import {
  APP_ID,
  BODY,
  digest,
  OTHER_KEYS,
  PUBLIC_KEY,
  rawJwt,
  SECONDS,
  servicePlugin,
  webhook,
} from '../support/jwt.ts'
import type { Verdict } from './door.ts'
import { character, decoded, editedOf, type Json, ownOf, someOf } from './inputs.ts'

/** The claims of a good JWT: one spelling, its header, a right signature, an object, its times. Else undefined. */
export function claimsOf(token: string): Json | undefined {
  const parts = /^([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{342})$/.exec(token)?.slice(1)
  const [header, payload, signature] = (parts ?? []).map(decoded)
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  const signed = token.slice(0, token.lastIndexOf('.'))
  if (!verifySignature('RSA-SHA256', Buffer.from(signed), PUBLIC_KEY, signature)) return undefined
  try {
    const { alg, ...rest } = JSON.parse(header.toString()) as Json
    if (alg !== 'RS256' || ['crit', 'b64', 'zip'].some((name) => name in rest)) return undefined
    if (!Buffer.from(payload.toString()).equals(payload)) return undefined
    const claims = JSON.parse(payload.toString()) as Json
    const { exp, iat, nbf } = claims
    if (typeof exp !== 'number' || !(exp > SECONDS - 30) || exp === Infinity) return undefined
    for (const time of [iat, nbf]) {
      if (time !== undefined && (typeof time !== 'number' || !(time <= SECONDS + 30))) return undefined
    }
    return iat === -Infinity ? undefined : claims
  } catch {
    return undefined
  }
}

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('', null, 0, '{}', '[]', '{"identityType":"APP"}', 'wix.com', APP_ID, [APP_ID], {}, 'i'),
  fc.integer({ min: SECONDS - 400_000, max: SECONDS + 100 }),
)
const some = (...names: string[]): fc.Arbitrary<Json> => someOf(odd, ...names)

/** Of every kind, so that each door also gets what is for another one. */
export const GENUINE: readonly string[] = [webhook(), servicePlugin(), digest().slice(4)]

/** What Wix never signs, with a right signature. */
const signed = fc.oneof(
  fc
    .tuple(some('instanceId', 'eventType', 'data', 'identity', 'accountInfo', '__proto__'), some('iat', 'exp', 'nbf'))
    .map(([event, claims]) => {
      const usual = { instanceId: 'i', eventType: 'e', data: '{"id":"1"}' }
      return webhook({}, { data: JSON.stringify({ ...usual, ...event }), ...claims })
    }),
  fc
    .tuple(some('instanceId', 'identity', 'constructor'), some('iat', 'exp', 'iss', 'aud'))
    .map(([metadata, claims]) => servicePlugin(metadata, claims)),
  fc.tuple(some('SHA256', 'MD5'), some('iat', 'exp')).map(([data, claims]) => {
    const SHA256 = createHash('sha256').update(BODY).digest('hex')
    return digest(BODY, { data: { SHA256, ...data }, ...claims }).slice(4)
  }),
  fc
    .tuple(some('alg', 'crit', 'b64', 'zip', 'kid', 'jwk'), fc.oneof(fc.jsonValue(), some('data', 'exp')))
    .map(([header, payload]) => rawJwt({ alg: 'RS256', ...header }, payload)),
)

// Signed by another app, and with parts of different tokens.
const OTHERS = [webhook({}, {}, OTHER_KEYS.privateKey), servicePlugin({}, {}, OTHER_KEYS.privateKey)]
const mixed = fc
  .tuple(
    ...[0, 1, 2].map((at) => fc.constantFrom(...[...GENUINE, ...OTHERS].map((token) => token.split('.')[at] ?? ''))),
  )
  .map((parts) => parts.join('.'))

export const anyJwt: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: character }) },
  { weight: 4, arbitrary: editedOf(...GENUINE) },
  { weight: 4, arbitrary: signed },
  { weight: 1, arbitrary: mixed },
  { weight: 2, arbitrary: fc.constantFrom(...GENUINE, ...OTHERS) },
)

const held = fc.oneof(
  anyJwt,
  anyJwt.map((token) => Buffer.from(token)),
  fc.anything(),
)
const headers = fc.oneof(
  { weight: 1, arbitrary: fc.anything() },
  {
    weight: 3,
    arbitrary: fc.record(
      { digest: anyJwt.map((token) => `JWT=${token}`), 'content-length': fc.anything(), 'content-type': held },
      { requiredKeys: [] },
    ),
  },
)

/** A request that may have one of them as its body. */
export const anyRequest: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: fc.anything() },
  { weight: 9, arbitrary: fc.record({ body: held, rawBody: held, headers }, { requiredKeys: [] }) },
)

/** The raw body; undefined where there is none; a verdict where there is something else. */
export function bodyOf(req: unknown): string | Uint8Array | undefined | { verdict: Verdict } {
  const body = ownOf(req, 'rawBody') ?? ownOf(req, 'body') ?? {}
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  if (typeof body !== 'object' || Object.keys(body).length > 0) return { verdict: 'error' }
  const header = (name: string): unknown => ownOf(ownOf(req, 'headers'), name)
  try {
    if (header('transfer-encoding') === undefined && !(Number(header('content-length')) > 0)) return undefined
  } catch {
    return { verdict: 'error' }
  }
  return { verdict: header('content-type') === undefined ? 'invalid' : 'error' }
}

/** What must come of a request whose raw body is a credential. */
export function bodyOracle(req: unknown, oracle: (token: string) => Verdict): Verdict {
  const body = bodyOf(req)
  if (body === undefined) return 'missing'
  if (typeof body === 'string') return oracle(body)
  return body instanceof Uint8Array ? oracle(Buffer.from(body).toString('latin1')) : body.verdict
}
