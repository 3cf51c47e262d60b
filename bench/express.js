// A whole request through Express, without a socket, beside the same one without authentication: parser, Passport, route.
import { randomUUID } from 'node:crypto'
import express from 'express'
import passport from 'passport'
import {
  instanceVerifier,
  SessionTokens,
  generateSessionKey,
  userInfoHandler,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from 'passport-wix-app'
import { generateAppKeys, signDigest, signInstance, signServicePlugin, signWebhook } from 'passport-wix-app/testing'
import { compareAsync, each, through } from './run.js'

const MANY = 500
const secret = randomUUID()
const appId = randomUUID()
const { publicKey, privateKey } = generateAppKeys()
const sessions = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'bench', audience: 'api' })
const identity = (one) => one

passport.use(new WixAppStrategy({ secret }, identity))
const info = { active: true, clientId: appId, instanceId: 'site', subjectType: 'USER', subjectId: 'me', exp: 1e10 }
passport.use(new WixAccessTokenStrategy({ appId, fetch: async () => Response.json(info) }, identity))
passport.use(new WixWebhookStrategy({ publicKey }))
passport.use(new WixServicePluginStrategy({ publicKey, appId }))
passport.use(new WixDigestStrategy({ publicKey }))
passport.use(new WixSessionStrategy({ tokens: sessions }))

const by = (name) => passport.authenticate(name, { session: false, failWithError: true })
const raw = express.raw({ type: '*/*', limit: '1mb' })
const answer = (req, res) => res.done(req.user)

const app = express()
app.get('/nothing', answer)
app.post('/nothing', raw, answer)
for (const name of ['wix-app', 'wix-access-token', 'wix-session']) app.get(`/${name}`, by(name), answer)
for (const name of ['wix-webhook', 'wix-service-plugin', 'wix-digest']) app.post(`/${name}`, raw, by(name), answer)
app.get(
  '/userinfo',
  by('wix-session'),
  userInfoHandler(() => ({ roles: ['editor'] })),
)
app.use((error, _req, res, _next) => res.failed(error))
const send = through(app)

const list = (make) => Array.from({ length: MANY }, (_, index) => make(index))
const instance = (index) => signInstance({ instanceId: `site-${index}`, uid: 'me', permissions: 'OWNER' }, secret)
const bearer = (token) => ({ authorization: `Bearer ${token}` })
const text = { 'content-type': 'text/plain' }
const issue = async (index) => sessions.issue(await instanceVerifier({ secret })(instance(index)))

const instances = list((index) => ({ url: `/wix-app?instance=${instance(index)}` }))
const accessTokens = list((index) => ({
  url: '/wix-access-token',
  headers: bearer(`OauthNG.JWS.${'a'.repeat(60)}.${'a'.repeat(600)}${index}.c2ln`),
}))
const newSessions = await Promise.all(
  Array.from({ length: 20_000 }, async (_, index) => ({ url: '/wix-session', headers: bearer(await issue(index)) })),
)
const webhooks = list((index) => ({
  method: 'POST',
  url: '/wix-webhook',
  headers: text,
  body: signWebhook(
    { instanceId: `site-${index}`, eventType: 'AppInstalled', data: { appId, text: 'a'.repeat(500) } },
    privateKey,
  ),
}))
const calls = list((index) => ({
  method: 'POST',
  url: '/wix-service-plugin',
  headers: text,
  body: signServicePlugin({ appId, metadata: { instanceId: `site-${index}` } }, privateKey),
}))
const payments = list((amount) => {
  const body = JSON.stringify({ amount })
  return { method: 'POST', url: '/wix-digest', headers: { ...text, digest: signDigest(body, privateKey) }, body }
})

/** The same requests to the route without authentication, and to that of the door. */
const doors = {
  'an instance': instances,
  'an access token, cached': accessTokens,
  'a session, cached': newSessions.slice(0, MANY),
  'a session, for the first time': newSessions,
  'a webhook': webhooks,
  'a service plugin': calls,
  'a Digest header': payments,
}
for (const [name, requests] of Object.entries(doors)) {
  await compareAsync(
    `A request through Express: ${name}`,
    {
      'without authentication': each(requests, (request) => send({ ...request, url: '/nothing' })),
      [name]: each(requests, (request) => send({ ...request })),
    },
    50,
  )
}
