// The door of session tokens: SessionTokens and WixSessionStrategy.
import { createPublicKey, type JsonWebKey, type KeyObject, verify as verifySignature } from 'node:crypto'
import fc from 'fast-check'
import { type SessionKey, type WixSession, WixSessionStrategy } from '../../lib/index.ts'
import { SECONDS } from '../support/jwt.ts'
import { runToEnd } from '../support/run.ts'
import {
  AUDIENCE,
  ISSUER,
  OTHER_KEY,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
} from '../support/session.ts'
import { type Door, door, verdictOf, verdictOfOutcome, type Verdict } from './door.ts'
import { character, decoded, editedOf, isFilled, isNothing, type Json, jsonOf, ownOf, someOf } from './inputs.ts'

const KEYS: readonly SessionKey[] = [SESSION_KEYS.ES256, SESSION_KEYS.EdDSA, SESSION_KEYS.RS256]

/** Finds the key of a token by the names in its header. */
export type Keys = (kid: string, alg: unknown) => KeyObject | undefined

const publicKeys = new Map(
  KEYS.map((key) => [key.kid, [key.alg, createPublicKey({ key: key as JsonWebKey, format: 'jwk' })] as const]),
)
const ownKeys: Keys = (kid, alg) => {
  const [expected, key] = publicKeys.get(kid) ?? []
  return alg === expected ? key : undefined
}

/** Whom a session token names: its spelling, header, signature, claims and times are right. Else `refused`. */
export function sessionOracle(token: string, keys: Keys = ownKeys): Verdict {
  const match = /^([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(token)
  if (match === null || token.length > 8192) return 'refused'
  const [header, payload, signature] = match.slice(1).map(decoded)
  if (header === undefined || payload === undefined || signature === undefined) return 'refused'
  try {
    const { alg, kid, typ, ...rest } = JSON.parse(header.toString()) as Json
    const key = typeof kid === 'string' ? keys(kid, alg) : undefined
    if (key === undefined) return 'refused'
    if (typeof typ !== 'string' || typ.toLowerCase().replace(/^application\//, '') !== 'wix-session+jwt')
      return 'refused'
    if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(rest, name))) return 'refused'
    const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')))
    const hash = alg === 'EdDSA' ? null : 'sha256'
    if (!verifySignature(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) return 'refused'
  } catch {
    return 'refused'
  }
  const claims = jsonOf(payload) ?? {}
  const { iss, aud, sub, iat, exp, nbf, jti, instanceId, subjectType, subjectId } = claims
  if (iss !== ISSUER || ![aud].flat().includes(AUDIENCE)) return 'refused'
  if (typeof exp !== 'number' || !(exp > SECONDS - 30) || !(exp - Number(iat) <= 3600)) return 'refused'
  if (typeof iat !== 'number' || !(iat <= SECONDS + 30)) return 'refused'
  if (nbf !== undefined && (typeof nbf !== 'number' || !(nbf <= SECONDS + 30))) return 'refused'
  if (!isFilled(jti) || !isFilled(instanceId) || !isFilled(subjectType)) return 'refused'
  if (!['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN'].includes(subjectType)) return 'refused'
  const subject = isFilled(subjectId) ? `${subjectType}:${subjectId}` : `instance:${instanceId}`
  return sub === subject ? `accepted ${instanceId} ${subject}` : 'refused'
}

/** What a verified session says, in the words of the check. */
export function sessionFound(session: unknown): Verdict {
  const { instanceId, subjectType, subjectId, claims, ...rest } = session as WixSession
  for (const name of Object.keys(claims)) if (name !== 'x') throw new Error(`\`${name}\` is no claim of the app`)
  for (const value of [rest.permissions, rest.siteOwnerId, rest.vendorProductId])
    if (value !== null && !isFilled(value)) throw new Error('A fact is neither null nor a string that says something')
  return `accepted ${instanceId} ${subjectId === null ? `instance:${instanceId}` : `${subjectType}:${subjectId}`}`
}

export const GENUINE: readonly string[] = KEYS.map((key) => rawSession({}, sessionClaims(), key))

/** The parts of genuine tokens, in new combinations. */
const mixed = fc
  .tuple(...[0, 1, 2].map((at) => fc.constantFrom(...GENUINE.map((token) => token.split('.')[at] ?? ''))))
  .map((parts) => parts.join('.'))

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('', null, 0, true, ISSUER, AUDIENCE, [AUDIENCE], {}, 'USER', 'MEMBER'),
  fc.constantFrom<unknown>('USER:user-1', 'MEMBER:user-1', 'user-1', 'instance:instance-1'),
  fc.constantFrom<unknown>('wix-session+jwt', 'application/wix-session+jwt'),
  fc.constantFrom<unknown>(...KEYS.map(({ kid }) => kid), 'ES256', 'EdDSA', 'RS256', 'none', 'HS256', '__proto__'),
  fc.integer({ min: SECONDS - 100, max: SECONDS + 100 }),
)

const CLAIM_NAMES = [
  'iss',
  'aud',
  'sub',
  'iat',
  'exp',
  'nbf',
  'jti',
  'instanceId',
  'subjectType',
  'subjectId',
  'permissions',
  'siteOwnerId',
  'vendorProductId',
  'clientId',
  'siteId',
  '__proto__',
  'constructor',
  'x',
]

/** What our issuer never signs, with a right signature. */
const signed = fc
  .tuple(
    fc.constantFrom(...KEYS, OTHER_KEY),
    someOf(odd, 'alg', 'typ', 'kid', 'crit', 'b64', 'zip', 'jwk', 'x'),
    fc.oneof(
      { weight: 1, arbitrary: fc.jsonValue() },
      { weight: 9, arbitrary: someOf(odd, ...CLAIM_NAMES).map(sessionClaims) },
    ),
  )
  .map(([key, header, payload]) => rawSession(header, payload, key))

export const anySession: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: character }) },
  { weight: 4, arbitrary: editedOf(...GENUINE) },
  { weight: 1, arbitrary: mixed },
  { weight: 4, arbitrary: signed },
  { weight: 1, arbitrary: fc.constantFrom(...GENUINE) },
)

const header = fc.oneof(
  { weight: 3, arbitrary: anySession.map((token) => `Bearer ${token}`) },
  { weight: 1, arbitrary: anySession },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('Basic', 'bearer', 'BEARER ', 'Digest', ''), anySession)
      .map((parts) => parts.join(' ')),
  },
  { weight: 1, arbitrary: anySession.map((token) => [token]) },
  { weight: 1, arbitrary: fc.anything() },
)
const headers = fc.oneof(
  { weight: 9, arbitrary: fc.record({ authorization: header }) },
  { weight: 1, arbitrary: fc.anything() },
)
const request = fc.oneof({ weight: 9, arbitrary: fc.record({ headers }) }, { weight: 1, arbitrary: fc.anything() })

/** A token in `Authorization`, after `Bearer` or alone. What is of another kind is for another strategy. */
function requestOracle(req: unknown): Verdict {
  const sent = ownOf(ownOf(req, 'headers'), 'authorization')
  if (isNothing(sent)) return 'missing'
  if (typeof sent !== 'string') return 'invalid'
  const isBearer = /^bearer /i.test(sent)
  const token = isBearer ? sent.slice(7).trim() : sent
  if ((!isBearer && token.includes(' ')) || token.split('.').length !== 3) return 'missing'
  return sessionOracle(token)
}

const tokens = sessionTokens({ keys: KEYS })
const strategy = new WixSessionStrategy({ tokens })

export const sessionDoor: Door = door<{ token: string } | { req: unknown }>({
  inputs: fc.oneof(
    { weight: 3, arbitrary: anySession.map((token) => ({ token })) },
    { weight: 1, arbitrary: request.map((req) => ({ req })) },
  ),
  ours: async (input) =>
    'token' in input
      ? verdictOf(() => tokens.verify(input.token), sessionFound)
      : verdictOfOutcome(await runToEnd(strategy, input.req), sessionFound),
  oracle: (input) => ('token' in input ? sessionOracle(input.token) : requestOracle(input.req)),
})
