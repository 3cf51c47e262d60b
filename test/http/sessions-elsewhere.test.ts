import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { expect } from 'chai'
import express, { type RequestHandler } from 'express'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import jwksRsa from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy as JwtStrategy } from 'passport-jwt'
import {
  identityOf,
  type SessionKey,
  SessionTokens,
  WixAppStrategy,
  type WixInstance,
  WixSessionStrategy,
} from '../../lib/index.ts'
import { instance, now, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { rawJwt, webhook } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'
import { AUDIENCE, ISSUER, OTHER_KEY, rawSession, SESSION_KEYS, sessionClaims } from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS

const guard = (strategy: unknown): RequestHandler =>
  passport.authenticate(strategy as passport.Strategy, { session: false }) as RequestHandler
const sendUser: RequestHandler = (req, res) => void res.json(req.user)

/** What a session says of the owner of the site, with the plan that the app adds. */
const FACTS = {
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  permissions: 'OWNER',
  siteOwnerId: 'user-1',
  plan: 'gold',
}
/** The claims of the token, except for its times and its id. */
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'USER:user-1', ...FACTS }

describe('a session token, for other software', () => {
  watchForSecrets()
  let keys: readonly SessionKey[]
  let backend: Served
  let other: Served | undefined
  let clock = 0

  /** The backend of the app, as in the README: it exchanges an instance for a session token, and publishes its keys. */
  beforeEach(async () => {
    keys = [ES256, RS256, EdDSA]
    clock = 0
    // The clock moves only to load the keys again after five seconds.
    const tokens = new SessionTokens({
      keys: () => keys,
      issuer: ISSUER,
      audience: AUDIENCE,
      now: () => Date.now() + clock,
    })
    const app = express()
    const credential = new WixAppStrategy({ secret: SECRET, now }, (verified) => verified)
    app.post('/session', guard(credential), (req, res, next) => {
      tokens
        .issue(identityOf(req) as WixInstance, { plan: 'gold' })
        .then((token) => res.set('Cache-Control', 'no-store').json({ token }))
        .catch(next)
    })
    app.get('/.well-known/jwks.json', (_req, res, next) => {
      tokens
        .jwks()
        .then((set) => res.set('Cache-Control', 'public, max-age=300').json(set))
        .catch(next)
    })
    backend = await serve(app)
  })
  afterEach(async () => {
    await backend.close()
    await other?.close()
    other = undefined
  })

  const jwksUri = (): string => `${backend.url}/.well-known/jwks.json`
  const exchange = async (): Promise<string> => {
    // An instance without an expiration date: the clock of the tests stands at another time.
    const credential = instance({ expirationDate: undefined })
    const response = await fetch(`${backend.url}/session?instance=${credential}`, { method: 'POST' })
    expect([response.status, response.headers.get('set-cookie')]).to.deep.equal([200, null])
    return ((await response.json()) as { token: string }).token
  }
  const get = async (token: string): Promise<{ status: number; user?: Record<string, unknown> }> => {
    const response = await fetch(`${other?.url}/me`, { headers: { authorization: `Bearer ${token}` } })
    const { status } = response
    return status === 200 ? { status, user: (await response.json()) as Record<string, unknown> } : { status }
  }
  const serveWith = async (strategy: unknown): Promise<void> => {
    const app = express()
    app.get('/me', guard(strategy), sendUser)
    other = await serve(app)
  }
  /** The times of a genuine token that is issued now. */
  const times = (): Record<string, unknown> => {
    const iat = Math.floor(Date.now() / 1000)
    return { iat, exp: iat + 600 }
  }

  it('can be verified with a key set that may be cached and holds no private member', async () => {
    const response = await fetch(jwksUri())
    expect([response.status, response.headers.get('cache-control')]).to.deep.equal([200, 'public, max-age=300'])
    expect(response.headers.get('content-type')).to.match(/^application\/json/)
    const set = (await response.json()) as { keys: Array<Record<string, unknown>> }
    expect(set.keys.map(({ kid, alg, use }) => [kid, alg, use])).to.deep.equal([
      [ES256.kid, 'ES256', 'sig'],
      [RS256.kid, 'RS256', 'sig'],
      [EdDSA.kid, 'EdDSA', 'sig'],
    ])
    for (const key of set.keys) expect(key).to.not.have.any.keys('d', 'p', 'q', 'dp', 'dq', 'qi', 'k')
  })

  const verifiers: Array<[string, readonly SessionKey[], object, () => unknown]> = [
    ...[ES256, RS256].map((key): [string, readonly SessionKey[], object, () => unknown] => [
      `passport-jwt with jwks-rsa and ${key.alg}`,
      [key],
      CLAIMS,
      () =>
        new JwtStrategy(
          {
            jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
            secretOrKeyProvider: jwksRsa.passportJwtSecret({ jwksUri: jwksUri(), cache: true }),
            algorithms: [key.alg as 'ES256'],
            issuer: ISSUER,
            audience: AUDIENCE,
          },
          (payload: unknown, done: (error: null, user: unknown) => void) => done(null, payload),
        ),
    ]),
    [
      'WixSessionStrategy of another service',
      [ES256, RS256, EdDSA],
      FACTS,
      () =>
        new WixSessionStrategy({ jwksUri: jwksUri(), issuer: ISSUER, audience: AUDIENCE }, (session) => ({
          ...session,
          ...session.claims,
        })),
    ],
  ]
  for (const [name, signers, expected, make] of verifiers) {
    it(`is accepted by ${name}, which rejects all else`, async () => {
      await serveWith(make())
      for (const signer of signers) {
        keys = [signer, ...[ES256, RS256, EdDSA].filter((key) => key !== signer)]
        clock += 5000
        const { status, user } = await get(await exchange())
        expect(status).to.equal(200)
        expect(user).to.include(expected)
        expect(user?.['jti']).to.match(/^[\w-]{22}$/)
        expect(Number(user?.['exp']) - Number(user?.['iat'])).to.equal(600)
      }

      const [signer] = signers as [SessionKey]
      const genuine = rawSession({}, sessionClaims(times()), signer)
      expect((await get(genuine)).status).to.equal(200)
      const publicKey = createPublicKey({ key: signer as JsonWebKey, format: 'jwk' })
      const pem = publicKey.export({ type: 'spki', format: 'pem' })
      const hmac = (data: Buffer): Buffer => createHmac('sha256', pem).update(data).digest()
      const header = { typ: 'wix-session+jwt', kid: signer.kid }
      const bad: Record<string, string> = {
        'a changed signature': `${genuine.slice(0, -8)}AAAAAAAA`,
        'an exp in the past': rawSession({}, sessionClaims({ iat: 1000, exp: 2000 }), signer),
        'another issuer': rawSession({}, sessionClaims({ ...times(), iss: 'https://other.example' }), signer),
        'another audience': rawSession({}, sessionClaims({ ...times(), aud: 'other' }), signer),
        'a key of another issuer': rawSession({}, sessionClaims(times()), OTHER_KEY),
        'a key of another issuer with our kid': rawSession(
          { kid: signer.kid, alg: signer.alg },
          sessionClaims(times()),
          OTHER_KEY,
        ),
        'no algorithm': rawJwt({ ...header, alg: 'none' }, sessionClaims(times()), () => Buffer.alloc(0)),
        'HS256 with the public key': rawJwt({ ...header, alg: 'HS256' }, sessionClaims(times()), hmac),
        'a webhook': webhook({}, times()),
      }
      for (const [what, badToken] of Object.entries(bad)) expect((await get(badToken)).status, what).to.equal(401)
    })
  }

  it('is accepted by plain jose, for every algorithm, with all checks that RFC 8725 recommends', async () => {
    const set = createRemoteJWKSet(new URL(jwksUri()))
    const expected = {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'wix-session+jwt',
      algorithms: ['ES256', 'EdDSA', 'RS256'],
    }
    const { payload, protectedHeader } = await jwtVerify(await exchange(), set, expected)
    expect(protectedHeader).to.deep.equal({ alg: 'ES256', typ: 'wix-session+jwt', kid: ES256.kid })
    const { jti, iat, exp, ...claims } = payload
    expect(claims).to.deep.equal(CLAIMS)
    expect([typeof jti, Number(exp) - Number(iat)]).to.deep.equal(['string', 600])
    for (const key of [ES256, EdDSA, RS256]) {
      const token = rawSession({}, sessionClaims(times()), key)
      expect((await jwtVerify(token, set, expected)).payload).to.include({ instanceId: 'instance-1' })
    }
    const rejections: Array<[string, new (...args: never[]) => Error]> = [
      [rawSession({}, sessionClaims(times()), OTHER_KEY), errors.JWKSNoMatchingKey],
      [rawSession({ kid: ES256.kid }, sessionClaims(times()), OTHER_KEY), errors.JWSSignatureVerificationFailed],
      [rawSession({ typ: 'JWT' }, sessionClaims(times())), errors.JWTClaimValidationFailed],
      [rawSession({}, sessionClaims({ iat: 1000, exp: 2000 })), errors.JWTExpired],
    ]
    for (const [token, kind] of rejections) {
      const reason: unknown = await jwtVerify(token, set, expected).catch((error: unknown) => error)
      expect(reason).to.be.instanceOf(kind)
    }
  })

  it('S-04: is accepted by passport-jwt when a new key signs, and rejected when its key was removed from the set', async () => {
    const strategy = (): unknown =>
      new JwtStrategy(
        {
          jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
          secretOrKeyProvider: jwksRsa.passportJwtSecret({ jwksUri: jwksUri(), cache: true }),
          algorithms: ['ES256'],
          issuer: ISSUER,
          audience: AUDIENCE,
        },
        (payload: unknown, done: (error: null, user: unknown) => void) => done(null, payload),
      )
    await serveWith(strategy())
    const old = await exchange()
    expect((await get(old)).status).to.equal(200)
    keys = [OTHER_KEY, ES256]
    clock += 5000
    const newer = await exchange()
    expect((await get(newer)).status).to.equal(200)
    expect((await get(old)).status).to.equal(200)
    keys = [OTHER_KEY]
    clock += 5000
    await other?.close()
    await serveWith(strategy())
    expect((await get(newer)).status).to.equal(200)
    expect((await get(old)).status).to.equal(401)
  })
})
