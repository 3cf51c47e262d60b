// What a cached access token costs, beside an instance.
import { randomBytes, randomUUID } from 'node:crypto'
import { WixAccessTokenStrategy, WixAppStrategy } from 'passport-wix-app'
import { signInstance } from 'passport-wix-app/testing'
import { authenticated, compare, each } from './run.js'

const secret = randomUUID()
const appId = randomUUID()
const signed = Date.now()
const facts = () => ({ instanceId: randomUUID(), siteOwnerId: randomUUID(), vendorProductId: 'premium' })

const instances = Array.from({ length: 2000 }, () =>
  signInstance(
    {
      ...facts(),
      appDefId: appId,
      signDate: new Date(signed).toISOString(),
      uid: randomUUID(),
      permissions: 'OWNER',
      demoMode: false,
      siteMemberId: randomUUID(),
      expirationDate: new Date(signed + 4 * 3600_000).toISOString(),
      loginAccountId: randomUUID(),
    },
    secret,
  ),
)
// Of the form and the length of the published ones.
const part = (bytes) => randomBytes(bytes).toString('base64url')
const tokens = Array.from({ length: 2000 }, () => `OauthNG.JWS.${part(29)}.${part(515)}.${part(32)}`)

const answer = () => ({
  active: true,
  subjectType: 'USER',
  subjectId: randomUUID(),
  exp: Math.floor(signed / 1000) + 14_400,
  iat: Math.floor(signed / 1000),
  clientId: appId,
  siteId: randomUUID(),
  instanceId: randomUUID(),
  accountId: randomUUID(),
  vendorProductId: 'premium',
})

const verify = (identity, done) => done(null, identity)
// The clock stands still, so that everything stays cached.
const strategy = new WixAccessTokenStrategy(
  { appId, maxCalls: 5000, now: () => signed, fetch: async () => Response.json(answer()) },
  verify,
)
const requests = {
  instance: instances.map((instance) => ({ headers: {}, query: { instance } })),
  token: tokens.map((authorization) => ({ headers: { authorization }, query: {} })),
}
await Promise.all(requests.token.map(authenticated(strategy)))

await compare(
  `One instance of ${instances[0].length} characters, and one cached access token of ${tokens[0].length}`,
  {
    'WixAppStrategy authenticate()': each(requests.instance, authenticated(new WixAppStrategy({ secret }, verify))),
    'WixAccessTokenStrategy authenticate()': each(requests.token, authenticated(strategy)),
  },
  200,
)
