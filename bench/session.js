// What a session token costs: the first time, and cached.
import { createPublicKey, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose'
import {
  generateSessionKey,
  SessionTokens,
  instanceVerifier,
  WixAppStrategy,
  WixSessionStrategy,
} from 'passport-wix-app'
import { signInstance } from 'passport-wix-app/testing'
import { Strategy as JwtStrategy } from 'passport-jwt'
import { authenticated, compare, compareAsync, each } from './run.js'

const secret = randomUUID()
const issuer = 'https://bench.example'
const audience = 'api'
// More than are cached, so that in turn each is a new one.
const MANY = 20_000

const signed = Date.now()
const instances = Array.from({ length: MANY }, () =>
  signInstance(
    {
      instanceId: randomUUID(),
      appDefId: randomUUID(),
      signDate: new Date(signed).toISOString(),
      uid: randomUUID(),
      permissions: 'OWNER',
      demoMode: false,
      siteOwnerId: randomUUID(),
      siteMemberId: randomUUID(),
      expirationDate: new Date(signed + 4 * 3600_000).toISOString(),
      loginAccountId: randomUUID(),
      vendorProductId: 'premium',
    },
    secret,
  ),
)
const key = await generateSessionKey()
const sessions = new SessionTokens({ keys: [key], issuer, audience, ttl: 3600 })
const tokens = await Promise.all(
  instances.map(async (instance) => sessions.issue(await instanceVerifier({ secret })(instance))),
)
const [published] = (await sessions.jwks()).keys
const publicKey = await importJWK(published)
const pem = createPublicKey({ key: published, format: 'jwk' }).export({ type: 'spki', format: 'pem' })

const bearer = tokens.map((token) => ({ headers: { authorization: `Bearer ${token}` }, query: {} }))
const pages = instances.map((instance) => ({ headers: {}, query: { instance } }))
const verify = (identity, done) => done(null, identity)

const passportJwt = () =>
  new JwtStrategy(
    {
      jwtFromRequest: (req) => req.headers.authorization.slice('Bearer '.length),
      secretOrKey: pem,
      algorithms: ['ES256'],
      issuer,
      audience,
    },
    verify,
  )
const fastJwt = (cache) =>
  createVerifier({ key: pem, algorithms: ['ES256'], allowedIss: issuer, allowedAud: audience, cache })

const plain = fastJwt(false)

// Fewer than are cached.
const few = bearer.slice(0, 1000)
const cachedStrategy = new WixSessionStrategy({ tokens: sessions })
await Promise.all(few.map(authenticated(cachedStrategy)))
const cached = fastJwt(2000)
for (const token of tokens.slice(0, 1000)) cached(token)

await compare(
  `One instance of ${instances[0].length} characters, and one cached session token of ${tokens[0].length}`,
  {
    'WixAppStrategy authenticate()': each(pages, authenticated(new WixAppStrategy({ secret }, verify))),
    'WixSessionStrategy authenticate()': each(few, authenticated(cachedStrategy)),
    'fast-jwt, from its cache': each(tokens.slice(0, 1000), cached),
  },
  200,
)

const first = 'for the first time, all different'
const bare = each(tokens, (token) => jwtVerify(token, publicKey, { issuer, audience }))
await compareAsync(
  `One session token (ES256) ${first}`,
  {
    'bare jose.jwtVerify': bare,
    'WixSessionStrategy authenticate()': each(bearer, authenticated(new WixSessionStrategy({ tokens: sessions }))),
    'passport-jwt authenticate()': each(bearer, authenticated(passportJwt())),
    'fast-jwt, without its cache': each(tokens, async (token) => plain(token)),
  },
  200,
)

// The key set as another service reads it.
const server = createServer((_req, res) => {
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify({ keys: [published] }))
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const jwksUri = `http://127.0.0.1:${server.address().port}/`
const keySet = createRemoteJWKSet(new URL(jwksUri))
const oauth2 = auth({ jwksUri, issuer, audience, tokenSigningAlg: 'ES256' })
// What the middleware reads of a request beside its header.
const asRequest = ({ headers, query }) => ({
  headers,
  query,
  method: 'GET',
  protocol: 'https',
  originalUrl: '/',
  get: (name) => (name === 'Host' ? 'bench.example' : undefined),
  is: () => false,
})
await compareAsync(
  'The same in another service, by the key set',
  {
    'bare jose.jwtVerify, createRemoteJWKSet': each(tokens, (token) => jwtVerify(token, keySet, { issuer, audience })),
    'WixSessionStrategy authenticate()': each(
      bearer,
      authenticated(new WixSessionStrategy({ jwksUri, issuer, audience })),
    ),
    'express-oauth2-jwt-bearer': each(
      bearer.map(asRequest),
      (req) => new Promise((resolve, reject) => oauth2(req, {}, (error) => (error ? reject(error) : resolve()))),
    ),
  },
  200,
)
server.close()
