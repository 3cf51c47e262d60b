import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  generateSessionKey,
  type SessionAlgorithm,
  type SessionKey,
  SessionTokens,
  type SessionTokensOptions,
  type WixInstance,
  type WixSession,
  type WixTokenInfo,
} from '../../lib/index.ts'
import { appSecrets } from '../../lib/internal/keys.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { verifySignedInstance } from '../../lib/strategies/app-instance.ts'
import { instance, NOW, now, SECRET } from './build.ts'
import { APP_ID, rawJwt, SECONDS } from './jwt.ts'
import { verifyAccessToken } from './verify.ts'

export const ISSUER = 'https://app.example'
export const AUDIENCE = 'api'
export const ALGORITHMS: readonly SessionAlgorithm[] = ['ES256', 'EdDSA', 'RS256']

/** Keys of the app, and one of another issuer. */
export const SESSION_KEYS: Record<SessionAlgorithm, SessionKey> = {
  ES256: await generateSessionKey(),
  EdDSA: await generateSessionKey('EdDSA'),
  RS256: await generateSessionKey('RS256'),
}
export const OTHER_KEY: SessionKey = await generateSessionKey()

type Overrides = Readonly<Record<string, unknown>>

/** An issuer with the clock of the tests; overrides replace. */
export const sessionTokens = (overrides: Partial<SessionTokensOptions> = {}): SessionTokens =>
  new SessionTokens({ keys: [SESSION_KEYS.ES256], issuer: ISSUER, audience: AUDIENCE, now, ...overrides })

const SECRETS = appSecrets('test', SECRET)

/** The identity in a verified instance; overrides are for what Wix signs. */
export const verifiedInstance = (overrides: Overrides = {}): WixInstance =>
  verifySignedInstance(instance(overrides), SECRETS, undefined, ownOptions({ now }))

/** The identity of a verified access token; overrides are for the answer of Token Info. */
export const verifiedAccessToken = (overrides: Overrides = {}): Promise<WixTokenInfo> => {
  const answer = {
    active: true,
    subjectType: 'MEMBER',
    subjectId: 'member-1',
    clientId: APP_ID,
    siteId: 'site-1',
    instanceId: 'instance-1',
    accountId: 'account-1',
    vendorProductId: 'premium',
    iat: SECONDS - 60,
    exp: SECONDS + 14_340,
    ...overrides,
  }
  return verifyAccessToken('OauthNG.JWS.e30.e30.c2ln', {
    appId: APP_ID,
    now,
    fetch: async () => new Response(JSON.stringify(answer)),
  })
}

/** The claims of a genuine session token; overrides replace, `undefined` leaves out. */
export const sessionClaims = (overrides: Overrides = {}): Record<string, unknown> => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'USER:user-1',
  iat: SECONDS,
  exp: SECONDS + 600,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  instanceId: 'instance-1',
  subjectType: 'USER',
  clientId: 'app-1',
  subjectId: 'user-1',
  permissions: 'OWNER',
  siteOwnerId: 'user-1',
  ...overrides,
})

/** The session in {@link rawSession}. */
const session: WixSession = {
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  siteId: null,
  iat: SECONDS,
  exp: SECONDS + 600,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  permissions: 'OWNER',
  siteOwnerId: 'user-1',
  vendorProductId: null,
  claims: {},
}
/** The outcome of a strategy for {@link rawSession}. */
export const SUCCESS: { kind: 'success'; user: WixSession; info: { identity: WixSession } } = {
  kind: 'success',
  user: session,
  info: { identity: session },
}

/** A request with a token in `Authorization`. */
export const bearer = (token: string): object => ({ headers: { authorization: `Bearer ${token}` } })

/** The members of a private JSON Web Key that must stay secret. */
export const PRIVATE_MEMBERS: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
export const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  ES256: ['kty', 'crv', 'x', 'y'],
  EdDSA: ['kty', 'crv', 'x'],
  RS256: ['kty', 'n', 'e'],
}

/** Every string in keys that must stay secret. */
export const secretsOf = (...keys: readonly SessionKey[]): string[] =>
  keys.flatMap((key) =>
    PRIVATE_MEMBERS.flatMap((name) => {
      const value = key[name]
      return typeof value === 'string' ? [value] : []
    }),
  )

/** For a table of wrong options: no error that `make` throws may show a secret of these keys. */
export const showingNoSecretOf =
  (keys: readonly SessionKey[], make: (options: never) => unknown): ((options: never) => unknown) =>
  (options) => {
    try {
      return make(options)
    } catch (error) {
      const shown = inspect(error, { depth: 9, showHidden: true })
      for (const secret of secretsOf(...keys)) expect(shown).to.not.include(secret)
      throw error
    }
  }

const HASHES: Record<SessionAlgorithm, string | null> = { ES256: 'sha256', EdDSA: null, RS256: 'sha256' }

const PRIVATE = new WeakMap<SessionKey, KeyObject>()

/** Signs with a key, independently of the library. */
export const signedWith = (key: SessionKey): ((data: Buffer) => Buffer) => {
  const privateKey = PRIVATE.get(key) ?? createPrivateKey({ key: key as JsonWebKey, format: 'jwk' })
  PRIVATE.set(key, privateKey)
  return (data) => sign(HASHES[key.alg], data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

/** Any header and any payload, with a genuine signature. */
export const rawSession = (
  header: Overrides = {},
  payload: unknown = sessionClaims(),
  key: SessionKey = SESSION_KEYS.ES256,
): string => rawJwt({ alg: key.alg, typ: 'wix-session+jwt', kid: key.kid, ...header }, payload, signedWith(key))

/** The decoded header and claims of a JWT. */
export const partsOf = (token: string): [header: Record<string, unknown>, claims: Record<string, unknown>] => {
  const [header = '', claims = ''] = token.split('.')
  const read = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
  return [read(header), read(claims)]
}

/** A clock that stands still until it is moved, by seconds. */
export const clockAt = (start: number = NOW): { now: () => number; move: (seconds: number) => void } => {
  let time = start
  return { now: () => time, move: (seconds) => void (time += seconds * 1000) }
}
