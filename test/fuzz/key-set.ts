// The door of published key sets: what another service, or whoever stands in its place, says its keys are.
import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { type SessionKey, WixUnavailableError } from '../../lib/index.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { keysIn } from '../../lib/internal/remote-key-set.ts'
import { tokenVerifier } from '../../lib/sessions/tokens.ts'
import { now } from '../support/build.ts'
import {
  AUDIENCE,
  ISSUER,
  OTHER_KEY,
  PUBLIC_MEMBERS,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
} from '../support/session.ts'
import { type Door, door, verdictOf, type Verdict } from './door.ts'
import { editedOf, type Json, objectIn, someOf } from './inputs.ts'
import { type Keys, sessionFound, sessionOracle } from './session.ts'

const KEYS: readonly SessionKey[] = [SESSION_KEYS.ES256, SESSION_KEYS.EdDSA, SESSION_KEYS.RS256, OTHER_KEY]

const published = (key: SessionKey): Json => ({
  ...Object.fromEntries((PUBLIC_MEMBERS[key.alg] ?? []).map((name) => [name, key[name]])),
  kid: key.kid,
  alg: key.alg,
  use: 'sig',
})
const weak = (type: 'rsa' | 'ec', options: object, alg: string): Json => ({
  ...generateKeyPairSync(type as 'rsa', options as { modulusLength: number }).publicKey.export({ format: 'jwk' }),
  alg,
})

/** Keys that must not verify, whoever publishes them. */
const WEAK: readonly Json[] = [
  weak('rsa', { modulusLength: 1024 }, 'RS256'),
  weak('rsa', { modulusLength: 2048, publicExponent: 3 }, 'RS256'),
  weak('ec', { namedCurve: 'P-384' }, 'ES384'),
  weak('ec', { namedCurve: 'secp256k1' }, 'ES256K'),
  { ...published(SESSION_KEYS.RS256), e: 'AQ' },
  { kty: 'oct', k: Buffer.alloc(32).toString('base64url'), alg: 'HS256' },
]
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function isStrong(key: KeyObject): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return true
  if (type === 'ec') return details?.namedCurve === 'prime256v1'
  const { modulusLength = 0, publicExponent = 0n } = details ?? {}
  return type === 'rsa' && modulusLength >= 2048 && publicExponent >= 65_537n && publicExponent % 2n === 1n
}

const mayVerify = (operations: unknown): boolean =>
  operations === undefined ||
  (Array.isArray(operations) &&
    operations.includes('verify') &&
    operations.every((one) => typeof one === 'string') &&
    new Set(operations).size === operations.length)

const KEY_TYPES: ReadonlyMap<unknown, string> = new Map([
  ['ES256', 'ec'],
  ['EdDSA', 'ed25519'],
  ['RS256', 'rsa'],
])

/** RFC 7517, without any leniency: the one key of the set that may verify a token with this header. */
const keysOf =
  (set: readonly Json[]): Keys =>
  (kid, alg) => {
    if (kid === '') return undefined
    const fitting = set.flatMap((jwk) => {
      const says = (name: string): unknown => (Object.hasOwn(jwk, name) ? jwk[name] : undefined)
      if (says('kid') !== kid || PRIVATE.some((name) => says(name) !== undefined)) return []
      // A member of a wrong type makes a key of no use.
      if ((says('alg') !== undefined && says('alg') !== alg) || (says('use') !== undefined && says('use') !== 'sig'))
        return []
      if (!['undefined', 'boolean'].includes(typeof says('ext'))) return []
      if (!mayVerify(says('key_ops'))) return []
      try {
        const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
        return isStrong(key) && key.asymmetricKeyType === KEY_TYPES.get(alg) ? [key] : []
      } catch {
        return []
      }
    })
    return fitting.length === 1 ? fitting[0] : undefined
  }

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('sig', 'enc', ['verify'], ['sign'], 'ES256', 'RS256', 'EdDSA', 'HS256', 'none', '', 'AQAB'),
  fc.constantFrom<unknown>('RSA', 'EC', 'OKP', 'oct', 'P-256', 'P-384', 'Ed25519', ...KEYS.map(({ kid }) => kid)),
  fc.constantFrom<unknown>(...KEYS.flatMap((key) => [key['x'], key['y'], key['n'], key['d']]), 'a'.repeat(5000)),
)
const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'k', 'kid', 'alg', 'use', 'key_ops', 'ext', '__proto__', 'x5c']
const kids = fc.constantFrom(...KEYS.map(({ kid }) => kid))
const without = (jwk: Json, unwanted: string): Json =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => name !== unwanted))
const anyPublished = fc.constantFrom(...KEYS).map(published)
const replaced = ([jwk, changes]: [Json, Json]): Json => ({ ...jwk, ...changes })
const key: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: anyPublished },
  { weight: 3, arbitrary: fc.tuple(anyPublished, someOf(odd, ...names)).map(replaced) },
  { weight: 1, arbitrary: fc.tuple(anyPublished, fc.constantFrom(...names)).map((given) => without(...given)) },
  { weight: 1, arbitrary: fc.tuple(anyPublished, fc.record({ kid: kids })).map(replaced) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...WEAK), fc.record({ kid: kids })).map(replaced) },
  // With the private half.
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom<Json>(...KEYS), fc.constant({})).map(replaced) },
)
const SETS = JSON.stringify({ keys: KEYS.map(published) })
const set = fc.oneof(
  { weight: 12, arbitrary: fc.array(key, { maxLength: 3 }).map((keys) => JSON.stringify({ keys })) },
  { weight: 1, arbitrary: fc.constant(SETS) },
  { weight: 1, arbitrary: editedOf(SETS) },
  { weight: 1, arbitrary: fc.array(fc.oneof(key, fc.jsonValue())).map((keys) => JSON.stringify({ keys })) },
  { weight: 1, arbitrary: fc.jsonValue().map((keys) => JSON.stringify({ keys })) },
  { weight: 1, arbitrary: fc.json() },
)
/** Of one of the keys, also under the name of another one. */
const token = fc
  .tuple(fc.constantFrom(...KEYS), someOf(odd, 'kid', 'alg', 'x'), fc.boolean())
  .map(([one, header, isOdd]) => rawSession(isOdd ? header : {}, sessionClaims(), one))

/** The JSON of a set; undefined where it is not even that. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const rules = ownOptions({ issuer: ISSUER, audience: AUDIENCE, now })

export const keySetDoor: Door = door<{ set: string; token: string }>({
  inputs: fc.record({ set, token }),
  async ours({ set, token }) {
    try {
      return await verdictOf(() => tokenVerifier(() => keysIn(parsed(set)), rules)(token), sessionFound)
    } catch (error) {
      if (error instanceof WixUnavailableError) return 'unavailable'
      throw error
    }
  },
  oracle({ set, token }): Verdict {
    const keys = objectIn(parsed(set))?.['keys']
    if (!Array.isArray(keys) || keys.some((one) => objectIn(one) === undefined)) return 'unavailable'
    return sessionOracle(token, keysOf(keys as Json[]))
  },
})
