import { createPublicKey, type JsonWebKey, verify as verifySignature } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { type SessionKey, WixAuthError, WixSessionStrategy } from '../../lib/index.ts'
import { SECONDS } from '../support/jwt.ts'
import type { Outcome } from '../support/run.ts'
import {
  AUDIENCE,
  ISSUER,
  OTHER_KEY,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
} from '../support/session.ts'

const SEED = 20_260_304
const { ES256, EdDSA, RS256 } = SESSION_KEYS
const KEYS: readonly SessionKey[] = [ES256, EdDSA, RS256]
const tokens = sessionTokens({ keys: KEYS })
const GENUINE: readonly string[] = KEYS.map((key) => rawSession({}, sessionClaims(), key))

const publicKeys = new Map(
  KEYS.map((key) => [key.kid, [key.alg, createPublicKey({ key: key as JsonWebKey, format: 'jwk' })] as const]),
)

/** Decides, in another way, whether a session token is good: its spelling, header, signature, claims and times. */
function isGood(token: string): boolean {
  const match = /^([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(token)
  if (match === null || token.length > 8192) return false
  const parts = match.slice(1)
  const [header, payload, signature] = parts.map((part) => Buffer.from(part, 'base64url')) as [Buffer, Buffer, Buffer]
  if ([header, payload, signature].some((bytes, at) => bytes.toString('base64url') !== parts[at])) return false
  try {
    const { alg, kid, typ, ...rest } = JSON.parse(header.toString()) as Record<string, unknown>
    const [algorithm, key] = publicKeys.get(String(kid)) ?? []
    if (key === undefined || alg !== algorithm || typeof kid !== 'string') return false
    if (typeof typ !== 'string' || typ.toLowerCase().replace(/^application\//, '') !== 'wix-session+jwt') return false
    if (['crit', 'b64', 'zip'].some((name) => Object.hasOwn(rest, name))) return false
    const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')))
    const hash = alg === 'EdDSA' ? null : 'sha256'
    if (!verifySignature(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) return false
    if (!Buffer.from(payload.toString()).equals(payload)) return false
    const claims = JSON.parse(payload.toString()) as Record<string, unknown>
    const { iss, aud, sub, iat, exp, nbf, jti, instanceId, subjectType, subjectId } = claims
    if (iss !== ISSUER || !(aud === AUDIENCE || (Array.isArray(aud) && aud.includes(AUDIENCE)))) return false
    if (typeof exp !== 'number' || !(exp > SECONDS - 30)) return false
    if (!(exp - Number(iat) <= 3600)) return false
    if (typeof iat !== 'number' || !(iat <= SECONDS + 30)) return false
    if (nbf !== undefined && (typeof nbf !== 'number' || !(nbf <= SECONDS + 30))) return false
    if ([jti, instanceId].some((value) => typeof value !== 'string' || value === '')) return false
    if (!['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN'].includes(String(subjectType))) return false
    if (typeof subjectType !== 'string') return false
    const hasSubject = typeof subjectId === 'string' && subjectId !== ''
    return sub === (hasSubject ? `${subjectType}:${subjectId}` : `instance:${String(instanceId)}`)
  } catch {
    return false
  }
}

const accepts = (token: string): Promise<boolean> =>
  tokens.verify(token).then(
    () => true,
    (error: unknown) => {
      if (error instanceof WixAuthError) return false
      throw error
    },
  )

/** All outcomes of one request, when nothing is under way any more. */
async function outcomesOf(strategy: WixSessionStrategy, req: unknown): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const perRequest = Object.assign(Object.create(strategy) as WixSessionStrategy, {
    success: (user: unknown, info: unknown) => void outcomes.push({ kind: 'success', user, info }),
    fail: (challenge: unknown, status: unknown) => void outcomes.push({ kind: 'fail', challenge, status }),
    error: (error: unknown) => void outcomes.push({ kind: 'error', error }),
    pass: () => void outcomes.push({ kind: 'error', error: 'pass' }),
    redirect: () => void outcomes.push({ kind: 'error', error: 'redirect' }),
  })
  perRequest.authenticate(req as never)
  while (outcomes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  return outcomes
}

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
const character = fc.constantFrom(...base64url, '.', '=', '+', '/', ' ', '\n', '\0', '%', 'é', 'Ł', '\uD800')

/** One to three edits of a genuine token. */
const edited = fc
  .tuple(
    fc.constantFrom(...GENUINE),
    fc.array(fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'double', 'swap'), fc.nat(), character), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([token, edits]) =>
    edits.reduce((result, [kind, where, put]) => {
      const at = where % (result.length + 1)
      if (kind === 'double') return result.slice(0, at) + result.slice(Math.max(0, at - 5))
      if (kind === 'swap')
        return result.slice(0, at) + result.slice(at + 1, at + 2) + result.slice(at, at + 1) + result.slice(at + 2)
      return result.slice(0, at) + (kind === 'remove' ? '' : put) + result.slice(kind === 'insert' ? at : at + 1)
    }, token),
  )

/** The parts of genuine tokens, in new combinations. */
const mixed = fc
  .tuple(...[0, 1, 2].map((at) => fc.constantFrom(...GENUINE.map((token) => token.split('.')[at] ?? ''))))
  .map((parts) => parts.join('.'))

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '',
    null,
    0,
    true,
    ISSUER,
    AUDIENCE,
    [AUDIENCE],
    {},
    'USER',
    'MEMBER',
    'instance:instance-1',
  ),
  fc.constantFrom<unknown>('USER:user-1', 'MEMBER:user-1', 'user-1', 'wix-session+jwt', 'application/wix-session+jwt'),
  fc.constantFrom<unknown>(...KEYS.map(({ kid }) => kid), 'ES256', 'EdDSA', 'RS256', 'none', 'HS256', '__proto__'),
  fc.integer({ min: SECONDS - 100, max: SECONDS + 100 }),
)
const some = (...names: string[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 2 })

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
    some('alg', 'typ', 'kid', 'crit', 'b64', 'zip', 'jwk', 'x'),
    fc.oneof(
      { weight: 1, arbitrary: fc.jsonValue() },
      {
        weight: 9,
        arbitrary: some(...CLAIM_NAMES).map(sessionClaims),
      },
    ),
  )
  .map(([key, header, payload]) => rawSession(header, payload, key))

const anyString = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: character }) },
  { weight: 4, arbitrary: edited },
  { weight: 1, arbitrary: mixed },
  { weight: 4, arbitrary: signed },
  { weight: 1, arbitrary: fc.constantFrom(...GENUINE) },
)

describe('any string, as a session token,', function () {
  this.timeout(300_000)

  it('J-04: that was a genuine one before it was edited is rejected (20,000 edits)', async () => {
    let changed = 0
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: mixed }), async (token) => {
        const unchanged = GENUINE.includes(token)
        changed += Number(!unchanged)
        expect(await accepts(token)).to.equal(unchanged)
      }),
      { seed: SEED, numRuns: 20_000 },
    )
    expect(changed).to.be.greaterThan(19_000)
  })

  it('is accepted if and only if an independent check accepts it, and then returns the claims as they are (5,000 strings)', async () => {
    const seen = { good: 0, bad: 0 }
    await fc.assert(
      fc.asyncProperty(anyString, async (token) => {
        const good = isGood(token)
        seen[good ? 'good' : 'bad']++
        expect(await accepts(token)).to.equal(good)
        if (!good) return
        const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
        const { instanceId, subjectType, iat, exp, jti } = payload as Record<string, unknown>
        const { claims, ...session } = await tokens.verify(token)
        expect(session).to.include({ instanceId, subjectType, iat, exp, jti })
        for (const name of Object.keys(claims)) expect(name).to.be.oneOf(['x'])
        for (const value of [session.subjectId, session.permissions, session.siteOwnerId, session.vendorProductId]) {
          expect(value === null || (typeof value === 'string' && value !== '')).to.equal(true)
        }
      }),
      { seed: SEED, numRuns: 5000 },
    )
    expect(seen.good).to.be.greaterThan(500)
    expect(seen.bad).to.be.greaterThan(2500)
  })

  it('P-01: or anything else, as a request, has exactly one outcome, and success only when it is good', async () => {
    const header = fc.oneof(
      anyString.map((token) => `Bearer ${token}`),
      anyString,
      fc.tuple(fc.constantFrom('Basic', 'bearer', 'BEARER ', 'Digest', ''), anyString).map((parts) => parts.join(' ')),
      anyString.map((token) => [token]),
      fc.anything(),
    )
    const headers = fc.oneof(
      { weight: 9, arbitrary: fc.record({ authorization: header }) },
      { weight: 1, arbitrary: fc.anything() },
    )
    const request = fc.oneof({ weight: 9, arbitrary: fc.record({ headers }) }, { weight: 1, arbitrary: fc.anything() })
    const strategy = new WixSessionStrategy({ tokens })
    const seen = { success: 0, fail: 0 }
    await fc.assert(
      fc.asyncProperty(request, async (req) => {
        const outcomes = await outcomesOf(strategy, req)
        expect(outcomes).to.have.length(1)
        const [outcome] = outcomes as [Outcome]
        if (outcome.kind === 'error') throw new Error('an error', { cause: outcome.error })
        seen[outcome.kind]++
        if (outcome.kind === 'success') {
          const { authorization } = (req as { headers: { authorization: string } }).headers
          expect(isGood(authorization.replace(/^bearer +/i, '').trim())).to.equal(true)
        } else if (outcome.status === 400) {
          expect(outcome.challenge).to.have.property('code', 'request_invalid')
        } else {
          expect(outcome.status).to.equal(401)
          expect(outcome.challenge).to.be.a('string')
          expect(outcome.challenge).to.match(/^Bearer realm="Wix"[\x20-\x7e]*$/)
        }
      }),
      { seed: SEED, numRuns: 5000 },
    )
    expect(seen.success).to.be.greaterThan(200)
    expect(seen.fail).to.be.greaterThan(2000)
  })
})
