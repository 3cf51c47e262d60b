import { expect } from 'chai'
import sinon from 'sinon'
import { features } from '../../example-app/demo/features.ts'
import {
  APP_ID,
  describeExampleApp,
  KEYS,
  NO_CREDENTIAL,
  owner,
  rejectionOf,
  visitor,
  webhook,
} from '../support/example-app.ts'

describeExampleApp('The example app', (app) => {
  const { get, open, openWidget, ask, exchange, sessionOf, accessToken } = app

  it('does not start with an empty secret', () => {
    expect(() => app.create({ secret: '' })).to.throw(TypeError, 'got an empty string')
  })

  it('does not start with a public key and no app ID, or with an empty public key', () => {
    const { publicKey } = KEYS
    const routes = features({ database: app.database, publicKey, appId: undefined })
    expect(() => app.createBare({ routes })).to.throw(TypeError, 'appId')
    expect(() => app.createBare({ publicKey: '', appId: APP_ID })).to.throw(TypeError, 'publicKey')
  })

  it('does not start with an empty app ID', () => {
    expect(() => app.create({ appId: '' })).to.throw(TypeError, 'appId')
  })

  it('does not start without a key that can sign', () => {
    for (const sessionKeys of [[], [{ kid: 'key-1', alg: 'ES256' as const }]]) {
      expect(() => app.create({ sessionKeys })).to.throw(TypeError, 'keys')
    }
  })

  it('has no routes for signed requests without the public key', async () => {
    await app.restart(app.createBare())
    for (const address of ['/webhooks', '/plugins/fees/v1/calculate-additional-fees', '/payments/events']) {
      expect((await app.post(address, webhook('AppRemoved'))).status).to.equal(404)
    }
  })

  it('accepts no access token without an app ID', async () => {
    const token = accessToken()
    await app.restart(app.createBare())

    expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    expect(await rejectionOf(await ask('/api/me', token))).to.deep.equal(NO_CREDENTIAL)
    expect(await rejectionOf(await exchange(token))).to.deep.equal(NO_CREDENTIAL)
    expect(app.wix.calls('token-info')).to.equal(0)
  })

  it('says at /health that it works, and 503 when the database does not', async () => {
    const healthy = await get('/health')
    const log = sinon.stub(console, 'error')
    sinon.stub(app.database, 'ping').rejects(new Error('the disk is full'))
    const ill = await get('/health')

    expect([healthy.status, healthy.page]).to.deep.equal([200, '{"status":"ok"}'])
    expect([ill.status, ill.page.includes('disk')]).to.deep.equal([503, false])
    sinon.assert.calledOnce(log)
  })

  it('logs a line for each request, without the query string, in which credentials are', async () => {
    const lines: string[] = []
    await app.restart(app.create({ log: (line) => lines.push(line) }))
    await open(owner())
    await ask('/api/me?instance=secret', 'Bearer secret')
    await get(`/${'a'.repeat(41)}?token=secret`)
    await app.restart(app.create())

    const expected = ['GET /dashboard 200', 'GET /api/me 401', 'GET /... 404']
    expect(lines).to.have.lengthOf(3)
    for (const [index, line] of lines.entries()) {
      expect(line)
        .to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ \S+ \d{3} \d+ ms$/)
        .and.include(expected[index])
    }
  })

  it('responds with 404 to an unknown path', async () => {
    const { status, page } = await get('/nowhere?instance=secret')

    expect(status).to.equal(404)
    expect(page).to.include('Not Found').and.to.not.include('secret')
  })

  it('sends every page with a strict policy, not to be cached, without a referrer or a cookie', async () => {
    const answers = [await get('/'), await open(owner()), await open(visitor()), await get('/dashboard')]

    for (const { headers } of answers) {
      expect(headers.get('content-type')).to.match(/^text\/html; charset=utf-8$/i)
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

  it('lets each page be embedded where it belongs: the widget on any site, the dashboard in that of Wix', async () => {
    const widget = await openWidget(visitor())
    expect([widget.status, widget.headers.get('content-security-policy')?.split('; ').at(-1)]).to.deep.equal([
      200,
      'frame-ancestors https:',
    ])
    await app.restart(app.create({ frameAncestors: 'http://a.example', widgetAncestors: 'http://b.example' }))

    for (const [{ headers }, origin] of [
      [await open(owner()), 'http://a.example'],
      [await openWidget(visitor()), 'http://b.example'],
    ] as const) {
      expect(headers.get('content-security-policy')?.endsWith(`; frame-ancestors ${origin}`)).to.equal(true)
    }
  })
})
