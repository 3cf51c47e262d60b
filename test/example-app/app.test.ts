import { expect } from 'chai'
import { DEMO_APP_ID } from '../../example-app/demo.ts'
import { serve } from '../support/serve.ts'
import { exampleApp, KEYS, NO_CREDENTIAL, owner, rejectionOf, visitor, webhook } from '../support/example-app.ts'

describe('The example app', () => {
  const app = exampleApp()
  const { get, open, ask, exchange, sessionOf, accessToken } = app

  it('does not start with an empty secret', () => {
    expect(() => app.create({ secret: '' })).to.throw(TypeError, 'got an empty string')
  })

  it('does not start with a public key and no app ID, or with an empty public key', () => {
    const { publicKey } = KEYS
    expect(() => app.createBare({ publicKey })).to.throw(TypeError, 'appId')
    expect(() => app.createBare({ publicKey: '', appId: DEMO_APP_ID })).to.throw(TypeError, 'publicKey')
  })

  it('does not start with an empty app ID', () => {
    expect(() => app.create({ appId: '' })).to.throw(TypeError, 'appId')
  })

  it('does not start without a key that can sign', () => {
    for (const sessionKeys of [[], [{ kid: 'key-1', alg: 'ES256' as const }]]) {
      expect(() => app.create({ sessionKeys })).to.throw(TypeError, 'keys')
    }
  })

  it('has no routes for signed requests without the public key, and says so on the start page', async () => {
    const keyless = await serve(app.createBare())
    const statuses = await Promise.all(
      ['/webhooks', '/plugins/fees/v1/calculate-additional-fees', '/payments/events'].map(async (address) => {
        const response = await fetch(new URL(address, keyless.url), { method: 'POST', body: webhook('AppRemoved') })
        return response.status
      }),
    )
    const page = await (await fetch(keyless.url)).text()
    await keyless.close()

    expect(statuses).to.deep.equal([404, 404, 404])
    expect(page).to.include('accepts no webhooks').and.to.include('WIX_PUBLIC_KEY')
  })

  it('accepts no access token without an app ID, and says so on the start page', async () => {
    const token = accessToken()
    await app.restart(app.createBare())

    expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    expect(await rejectionOf(await ask('/api/me', token))).to.deep.equal(NO_CREDENTIAL)
    expect(await rejectionOf(await exchange(token))).to.deep.equal(NO_CREDENTIAL)
    expect((await get('/')).page)
      .to.include('issued for instances only')
      .and.to.include('WIX_APP_ID')
    expect(app.wix.calls('token-info')).to.equal(0)
  })

  it('responds with 404 to an unknown path', async () => {
    const { status, page } = await get('/nowhere?instance=secret')

    expect(status).to.equal(404)
    expect(page).to.include('Not Found').and.to.not.include('secret')
  })

  it('sends every page with a strict policy, not to be cached, without a referrer or a cookie', async () => {
    const answers = [await get('/'), await open(owner()), await open(visitor()), await get('/dashboard')]

    for (const { headers } of answers) {
      expect(headers.get('content-type')).to.equal('text/html; charset=utf-8')
      expect(headers.get('content-security-policy')).to.equal(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
          'frame-ancestors https://manage.wix.com https://*.manage.wix.com',
      )
      expect(headers.get('referrer-policy')).to.equal('no-referrer')
      expect(headers.get('cache-control')).to.equal('no-store')
      expect(headers.get('x-content-type-options')).to.equal('nosniff')
      for (const absent of ['set-cookie', 'x-powered-by', 'x-frame-options']) {
        expect(headers.has(absent), absent).to.equal(false)
      }
    }
  })
})
