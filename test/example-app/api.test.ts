import { expect } from 'chai'
import sinon from 'sinon'
import { AUDIENCE } from '../../example-app/sign-in.ts'
import { SessionTokens } from '../../lib/index.ts'
import { verifyInstance } from '../support/verify.ts'
import { signInstance } from '../../devtools/testing/index.ts'
import { SECRET } from '../support/build.ts'
import { EXPIRED, INVALID } from '../support/challenges.ts'
import {
  describeExampleApp,
  type Me,
  MESSAGES,
  NO_CREDENTIAL,
  owner,
  rejectionOf,
  SESSION_KEYS,
} from '../support/example-app.ts'

describeExampleApp('The API of the example app', (app) => {
  const { open, send, ask, sessionOf, me, accessToken, rows } = app

  it('accepts an access token, alone or after Bearer, and returns its identity', async () => {
    for (const scheme of ['', 'Bearer ']) {
      const response = await ask('/api/me', `${scheme}${accessToken()}`)
      const { identity, account } = (await response.json()) as Me

      expect(response.status).to.equal(200)
      expect(response.headers.get('set-cookie')).to.equal(null)
      expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      expect(account.site).to.deep.equal({ ownerId: null, plan: null, originId: null, title: 'Notes' })
      expect(account.user).to.deep.equal({ name: null, language: null, visits: 0 })
      // No instance has named the owner yet.
      expect(account.role).to.equal('user')
    }
  })

  it('accepts a session token in Authorization only', async () => {
    const token = (await sessionOf(owner())).replace('Bearer ', '')

    expect((await ask('/api/me', token)).status).to.equal(200)
    for (const name of ['token', 'access_token', 'instance']) {
      expect((await ask(`/api/me?${name}=${token}`)).status).to.equal(401)
    }
    const cookie = await fetch(new URL('/api/me', app.url), { headers: { cookie: `token=${token}` } })
    expect(cookie.status).to.equal(401)
  })

  it('finds the same account by an access token as by an instance, with all facts of the instance', async () => {
    await open(owner({ originInstanceId: 'instance-0' }))
    const { account } = await me(accessToken())

    expect(account.role).to.equal('owner')
    expect(account.site).to.include({ ownerId: 'user-1', plan: 'Gold', originId: 'instance-0' })
    expect(account.user).to.include({ visits: 1 })
    expect((await me(accessToken({ subjectId: 'user-2' }))).account.role).to.equal('collaborator')
    expect(await rows('sites')).to.have.lengthOf(1)
    expect(await rows('users')).to.have.lengthOf(2)
    await open(owner())
    expect((await me(accessToken())).account.user).to.include({ visits: 2 })
  })

  it('adds the facts of the instance when the access token came first', async () => {
    await ask('/api/me', accessToken())
    await open(owner())

    expect((await me(accessToken())).account).to.deep.include({ role: 'owner' })
    expect((await me(accessToken())).account.site).to.include({ plan: 'Gold' })
    expect(await rows('users')).to.have.lengthOf(1)
  })

  it('stores the plan that an access token names', async () => {
    await open(owner({ vendorProductId: null }))
    const { account } = await me(accessToken({ vendorProductId: 'Silver' }))

    expect(account.site).to.include({ plan: 'Silver' })
  })

  it('returns the events of the site for an access token, with one call to Wix for each token', async () => {
    await send('AppInstalled', { webhookId: 'webhook-1' })
    await send('Elsewhere', { instanceId: 'instance-2' })
    const token = accessToken()
    const events = (await (await ask('/api/events', token)).json()) as object[]
    await ask('/api/events', token)
    await ask('/api/me', token)

    expect(events).to.have.lengthOf(1)
    expect(events[0]).to.include({ kind: 'webhook', type: 'AppInstalled', eventId: 'webhook-1' })
    expect(app.wix.calls('token-info')).to.equal(1)
  })

  it('accepts no instance, in Authorization or in the URL: that is for signing in', async () => {
    const instance = signInstance(owner(), SECRET)

    expect(await rejectionOf(await ask('/api/me', instance))).to.deep.equal(NO_CREDENTIAL)
    expect((await ask(`/api/events?instance=${instance}`)).status).to.equal(401)
    expect(await rows('users')).to.deep.equal([])
  })

  it('rejects a session token that has expired, was changed or is of another issuer', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    await app.restart(app.create())
    const expired = await sessionOf(owner())
    clock.tick(631_000)
    const [head, claims, signature] = (await sessionOf(owner())).split('.')
    const [, otherClaims] = (await sessionOf(owner({ instanceId: 'instance-2' }))).split('.')
    const otherIssuer = new SessionTokens({ keys: SESSION_KEYS, issuer: 'another', audience: AUDIENCE })
    const credential = await verifyInstance(signInstance(owner(), SECRET), { secret: SECRET })

    expect(await rejectionOf(await ask('/api/me', expired))).to.deep.equal([
      401,
      EXPIRED,
      { code: 'token_expired', message: MESSAGES.expired },
    ])
    for (const rejected of [
      [head, otherClaims, signature].join('.'),
      [head, claims, ''].join('.'),
      `Bearer ${await otherIssuer.issue(credential)}`,
    ]) {
      expect((await ask('/api/me', rejected)).status).to.equal(401)
    }
    expect((await ask('/api/me', [head, claims, signature].join('.'))).status).to.equal(200)
  })

  it('responds with 401 and the bare challenge without a credential, at every path', async () => {
    for (const address of ['/api/me', '/api/events', '/api/nowhere']) {
      expect(await rejectionOf(await ask(address))).to.deep.equal(NO_CREDENTIAL)
    }
  })

  it('responds with 401 to an access token of another app, an unknown one and a revoked one', async () => {
    const revoked = accessToken()
    app.wix.revoke(revoked)
    const unknown = `${accessToken().slice(0, -43)}${'A'.repeat(43)}`
    for (const [token, code] of [
      [accessToken({ clientId: 'another-app' }), 'claim_invalid'],
      [revoked, 'token_inactive'],
      [unknown, 'token_inactive'],
    ]) {
      expect(await rejectionOf(await ask('/api/me', token))).to.deep.equal([
        401,
        INVALID,
        { code, message: MESSAGES.invalid },
      ])
      expect((await ask('/api/events', token)).status).to.equal(401)
    }
    expect(await rows('users')).to.deep.equal([])
  })

  it('responds to a visitor, a member and the app itself with 403, and stores nothing', async () => {
    const tokens = [
      accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
      accessToken({ subjectType: 'MEMBER' }),
      accessToken({ subjectType: 'APP' }),
    ]
    for (const token of tokens) {
      expect(await rejectionOf(await ask('/api/me', token))).to.deep.equal([
        403,
        null,
        { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
      ])
      expect((await ask('/api/events', token)).status).to.equal(403)
    }
    expect(await rows('users')).to.deep.equal([])
  })

  it('rejects an access token that names no user, and says that this is the reason', async () => {
    expect(await rejectionOf(await ask('/api/me', accessToken({ subjectId: null })))).to.deep.equal([
      401,
      'Bearer realm="Wix"',
      { code: 'user_unknown', message: 'The credential names no user' },
    ])
    expect(await rows('sites')).to.deep.equal([])
  })

  it('rejects the users of a site that removed the app, also with an access token that is still active', async () => {
    const token = accessToken()
    expect((await ask('/api/me', token)).status).to.equal(200)
    await send('AppRemoved')

    for (const credential of [token, accessToken()]) {
      expect(await rejectionOf(await ask('/api/me', credential))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'app_removed', message: 'The app was removed from this site' },
      ])
    }
  })

  it('responds with 503 to an access token during an outage of Wix, while instances and sessions work', async () => {
    const log = sinon.stub(console, 'error')
    const cached = accessToken()
    expect((await ask('/api/me', cached)).status).to.equal(200)
    const token = accessToken()
    for (const fault of [{ status: 500 }, { drop: true }, { body: 'no JSON' }]) {
      app.wix.fault('token-info', fault)
      const response = await ask('/api/me', token)

      expect(await rejectionOf(response)).to.deep.equal([
        503,
        null,
        { code: 'service_unavailable', message: 'Service Unavailable' },
      ])
    }
    expect((await open(owner())).status).to.equal(200)
    expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    expect((await ask('/api/me', cached)).status).to.equal(200)
    sinon.assert.calledThrice(log)

    app.wix.fault('token-info', null)
    expect((await ask('/api/me', token)).status).to.equal(200)
  })

  it('passes on the Retry-After of Wix', async () => {
    sinon.stub(console, 'error')
    app.wix.fault('token-info', { status: 429, headers: { 'Retry-After': '7' } })
    const first = await ask('/api/me', accessToken())
    app.wix.fault('token-info', null)
    const second = await ask('/api/events', accessToken())

    expect([first.status, first.headers.get('retry-after')]).to.deep.equal([503, '7'])
    expect(second.status).to.equal(503)
    expect(Number(second.headers.get('retry-after'))).to.be.within(1, 7)
    expect(app.wix.calls('token-info')).to.equal(1)
  })

  it('responds without details to an internal error, which is logged', async () => {
    const log = sinon.stub(console, 'error')
    // Only an error that says so, with `true`, is for the caller.
    for (const told of [{}, { code: 'FULL' }, { code: 'FULL', expose: 1 }, { code: 'FULL', expose: 'no' }]) {
      const fault = Object.assign(new Error('the disk is full'), told)
      const broken = sinon.stub(app.database, 'usageOf').rejects(fault)

      expect(await rejectionOf(await ask('/api/usage', accessToken()))).to.deep.equal([
        500,
        null,
        { code: 'internal_server_error', message: 'Internal Server Error' },
      ])
      sinon.assert.calledOnceWithExactly(log, fault)
      log.resetHistory()
      broken.restore()
    }
  })

  it('responds with 404 to an unknown path', async () => {
    expect(await rejectionOf(await ask('/api/nowhere', accessToken()))).to.deep.equal([
      404,
      null,
      { code: 'not_found', message: 'There is nothing at this URL' },
    ])
  })
})
