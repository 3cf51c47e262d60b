import { expect } from 'chai'
import express, { type Express, type RequestHandler } from 'express'
import passport from 'passport'
import { createApp } from '../../example-app/app.ts'
import { features } from '../../example-app/demo/features.ts'
import { connect } from '../../example-app/connect.ts'
import {
  generateSessionKey,
  identityOf,
  SessionTokens,
  WixAccessTokenStrategy,
  WixSessionStrategy,
} from '../../lib/index.ts'
import { WixSimulator } from '../../devtools/testing/index.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { PAGES } from '../support/example-app.ts'
import { serve, type Served } from '../support/serve.ts'

const SECRET = 'my-secret'
const GRANT = {
  grant_type: 'client_credentials',
  client_id: 'my-app',
  client_secret: SECRET,
  instance_id: 'instance-1',
}

/** What the backend of an app needs to give sessions to other servers, the app itself among them. */
function createBackend(apiUrl: string, tokens: SessionTokens): Express {
  const authenticator = new passport.Passport()
  authenticator.use(new WixAccessTokenStrategy({ appId: 'my-app', apiUrl }, (identity) => identity))
  authenticator.use(new WixSessionStrategy({ tokens }))
  const guard = (name: string): RequestHandler => authenticator.authenticate(name, { session: false }) as RequestHandler

  const app = express()
  app.post('/session', guard('wix-access-token'), (req, res, next) => {
    tokens
      .issue(identityOf(req))
      .then((token) => res.set('Cache-Control', 'no-store').json({ token }))
      .catch(next)
  })
  app.get('/api/me', guard('wix-session'), (req, res) => void res.json(req.user))
  return app
}

interface Answer extends Record<string, unknown> {
  access_token: string
  token: string
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  return (await (await fetch(url, init)).json()) as Answer
}

describe('Without a browser and without Wix', () => {
  watchForSecrets()
  const method = 'POST'
  let wix: WixSimulator
  let backend: Served

  beforeEach(async () => {
    wix = await WixSimulator.start({ appId: 'my-app', appSecret: SECRET })
  })
  afterEach(async () => {
    await backend.close()
    await wix.close()
  })

  it('client credentials give an access token, that gives a session token, that calls the API', async () => {
    const tokens = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'my-app', audience: 'my-api' })
    backend = await serve(createBackend(wix.url, tokens))

    const { access_token: proof } = await ask(`${wix.url}/oauth2/token`, { method, body: JSON.stringify(GRANT) })
    const { token } = await ask(`${backend.url}/session`, { method, headers: { Authorization: proof } })
    const me = await ask(`${backend.url}/api/me`, { headers: { Authorization: `Bearer ${token}` } })
    expect(me).to.include({ instanceId: 'instance-1', subjectType: 'APP', subjectId: 'my-app' })

    expect(me).to.include({ clientId: 'my-app', jti: (await tokens.verify(token)).jti })
    expect(wix.calls('token')).to.equal(1)
    expect(wix.calls('token-info')).to.equal(1)
  })

  it('the example app can be tested as one of its users, who runs a site', async () => {
    const database = await connect('file::memory:')
    const sessionKeys = [await generateSessionKey()]
    backend = await serve(
      createApp({
        secret: SECRET,
        appId: 'my-app',
        apiUrl: wix.url,
        sessionKeys,
        database,
        pages: PAGES,
        routes: features({ database, publicKey: undefined, appId: 'my-app' }),
      }),
    )

    const proof = wix.accessToken({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'me' })
    const { token } = await ask(`${backend.url}/session`, { method, headers: { Authorization: proof } })
    const headers = { Authorization: `Bearer ${token}` }
    const { identity } = await ask(`${backend.url}/api/me`, { headers })
    const userInfo = await ask(`${backend.url}/userinfo`, { headers })

    expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'me' })
    expect(userInfo).to.include({ sub: 'USER:me', role: 'user', visits: 0 })
    await database.close()
  })

  it('the example app gives no session to the app itself, which is not one of its users', async () => {
    const database = await connect('file::memory:')
    const sessionKeys = [await generateSessionKey()]
    backend = await serve(
      createApp({ secret: SECRET, appId: 'my-app', apiUrl: wix.url, sessionKeys, database, pages: PAGES }),
    )

    const { access_token: proof } = await ask(`${wix.url}/oauth2/token`, { method, body: JSON.stringify(GRANT) })
    const answer = await ask(`${backend.url}/session`, { method, headers: { Authorization: proof } })

    expect(answer).to.include({ code: 'insufficient_scope' })
    await database.close()
  })
})
