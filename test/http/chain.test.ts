import { expect } from 'chai'
import express, { type RequestHandler } from 'express'
import passport from 'passport'
import {
  generateSessionKey,
  identityOf,
  SessionTokens,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixSessionStrategy,
} from '../../lib/index.ts'
import { signInstance, WixSimulator } from '../../devtools/testing/index.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { serve, type Served } from '../support/serve.ts'
import { verifyInstance } from '../support/verify.ts'

const SECRET = 'my-secret'

describe('One route for several kinds of credentials', () => {
  watchForSecrets()
  const keys = generateSessionKey()
  const user = (identity: object): object => identity
  let wix: WixSimulator
  let backend: Served
  let session = ''

  before(async () => {
    wix = await WixSimulator.start({ appId: 'my-app', appSecret: SECRET })
    const tokens = new SessionTokens({ keys: [await keys], issuer: 'me', audience: 'api' })
    const proof = signInstance({ instanceId: 'by session' }, SECRET)
    session = await tokens.issue(await verifyInstance(proof, { secret: SECRET }))
    const authenticator = new passport.Passport()
    authenticator.use(new WixSessionStrategy({ tokens }))
    authenticator.use(new WixAccessTokenStrategy({ appId: 'my-app', apiUrl: wix.url }, user))
    authenticator.use(new WixAppStrategy({ secret: SECRET }, user))
    const chain = ['wix-session', 'wix-access-token', 'wix-app']
    const app = express().set('env', 'test')
    app.get('/', authenticator.authenticate(chain, { session: false }) as RequestHandler, (req, res) => {
      res.json(identityOf(req).instanceId)
    })
    backend = await serve(app)
  })
  after(async () => {
    await backend.close()
    await wix.close()
  })

  const get = async (
    path: string,
    authorization?: string,
  ): Promise<[status: number, challenge: unknown, body: string]> => {
    const response = await fetch(backend.url + path, authorization === undefined ? {} : { headers: { authorization } })
    return [response.status, response.headers.get('www-authenticate'), await response.text()]
  }

  it('accepts a session, an access token and an instance, each by its own strategy', async () => {
    const instance = signInstance({ instanceId: 'by instance' }, SECRET)
    const token = wix.accessToken({ instanceId: 'by access token' })
    expect(await get('/', `Bearer ${session}`)).to.deep.equal([200, null, '"by session"'])
    expect(await get('/', session)).to.deep.equal([200, null, '"by session"'])
    expect(await get('/', token)).to.deep.equal([200, null, '"by access token"'])
    expect(await get('/', `Bearer ${token}`)).to.deep.equal([200, null, '"by access token"'])
    expect(await get('/', instance)).to.deep.equal([200, null, '"by instance"'])
    expect(await get(`/?instance=${instance}`)).to.deep.equal([200, null, '"by instance"'])
    expect(wix.calls('token-info')).to.equal(1)
  })

  it('P-08: answers 401 with a challenge to a request without any of them', async () => {
    const missing = 'Bearer realm="Wix", Bearer realm="Wix"'
    for (const authorization of [undefined, 'Basic eDp5']) {
      expect(await get('/', authorization)).to.deep.equal([401, missing, 'Unauthorized'])
    }
  })

  it('T-07: answers 503 for an access token while Wix is out, and accepts the others', async () => {
    wix.fault('token-info', { status: 500 })
    const token = wix.accessToken({ instanceId: 'by access token' })
    expect((await get('/', token))[0]).to.equal(503)
    expect(await get('/', session)).to.deep.equal([200, null, '"by session"'])
    expect((await get(`/?instance=${signInstance({ instanceId: 'x' }, SECRET)}`))[0]).to.equal(200)
  })
})
