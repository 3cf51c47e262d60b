import { expect } from 'chai'
import sinon from 'sinon'
import { AUDIENCE, ISSUER } from '../../example-app/sign-in.ts'
import { generateSessionKey, WixSessionStrategy } from '../../lib/index.ts'
import { signInstance } from '../../devtools/testing/index.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import { INVALID, MALFORMED } from '../support/challenges.ts'
import { runToEnd } from '../support/run.ts'
import {
  APP_ID,
  collaborator,
  describeExampleApp,
  member,
  MESSAGES,
  minutesFromNow,
  NO_CREDENTIAL,
  now,
  owner,
  rejectionOf,
  SESSION_KEYS,
  visitor,
} from '../support/example-app.ts'

describeExampleApp('The sessions of the example app', (app) => {
  const { open, send, ask, call, exchange, session, sessionOf, me, accessToken, rows } = app

  const claimsOf = (bearer: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(String(bearer.split('.')[1]), 'base64url').toString()) as Record<string, unknown>

  describe('POST /session', () => {
    it('exchanges an instance for a session token, without a call to Wix', async () => {
      const response = await exchange(signInstance(owner(), SECRET))
      const answer = (await response.json()) as { token: string }

      expect(response.status).to.equal(200)
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(Object.keys(answer)).to.deep.equal(['token'])
      expect(claimsOf(answer.token)).to.include({ iss: ISSUER, aud: AUDIENCE, sub: 'USER:user-1' })
      const { identity, account } = await me(`Bearer ${answer.token}`)
      expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      expect(account.role).to.equal('owner')
      expect(app.wix.calls('token-info')).to.equal(0)
    })

    it('exchanges an access token for a session token, with one call to Wix', async () => {
      for (const scheme of ['', 'Bearer ']) {
        const { identity } = await me(await session(`${scheme}${accessToken()}`))
        expect(identity).to.deep.equal({ instanceId: 'instance-1', subjectType: 'USER', subjectId: 'user-1' })
      }
      expect(app.wix.calls('token-info')).to.equal(2)
    })

    it('issues a token that expires after ten minutes, or with the instance', async () => {
      const long = claimsOf(await sessionOf(owner()))
      const expirationDate = minutesFromNow(3)
      const short = claimsOf(await sessionOf(owner({ expirationDate })))

      expect(Number(long['exp']) - Number(long['iat'])).to.equal(600)
      expect(short['exp']).to.equal(Math.floor(Date.parse(expirationDate) / 1000))
    })

    it('responds with 401 without a credential', async () => {
      for (const credential of [undefined, 'Basic YTpi', 'Bearer a.b']) {
        expect(await rejectionOf(await exchange(credential))).to.deep.equal(NO_CREDENTIAL)
      }
      expect(await rejectionOf(await exchange('abc'))).to.deep.equal([
        401,
        MALFORMED,
        { code: 'token_malformed', message: MESSAGES.malformed },
      ])
    })

    it('accepts no session token, so that no session can renew itself', async () => {
      const bearer = await sessionOf(owner())
      for (const token of [bearer, bearer.replace('Bearer ', '')]) {
        expect(await rejectionOf(await exchange(token))).to.deep.equal(NO_CREDENTIAL)
      }
      expect(app.wix.calls('token-info')).to.equal(0)
    })

    it('gives the reason for which it rejects a credential', async () => {
      const instance = signInstance(owner(), SECRET)
      const inAddress = new URL(`/session?instance=${instance}`, app.url)
      const twice = await fetch(inAddress, { method: 'POST', headers: { authorization: instance } })

      expect(await rejectionOf(await exchange(signInstance(owner(), OTHER_SECRET)))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'signature_invalid', message: MESSAGES.invalid },
      ])
      expect(await rejectionOf(await exchange(signInstance(owner({ uid: undefined }), SECRET)))).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'user_unknown', message: 'The credential names no user' },
      ])
      expect(await rejectionOf(twice)).to.deep.equal([
        400,
        null,
        { code: 'request_invalid', message: 'The Wix credential must be sent once, in one place, as a string' },
      ])
    })

    it('rejects an expired credential, also within the clock tolerance', async () => {
      for (const minutes of [-1, -1 / 6]) {
        const credential = signInstance(owner({ expirationDate: minutesFromNow(minutes) }), SECRET)
        expect(await rejectionOf(await exchange(credential))).to.deep.equal([
          401,
          'Bearer realm="Wix"',
          { code: 'token_expired', message: MESSAGES.expired },
        ])
      }
    })

    it('gives a session to members and visitors, for the widget, and stores nothing about them', async () => {
      for (const credential of [
        signInstance(visitor(), SECRET),
        signInstance(member(), SECRET),
        accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
        accessToken({ subjectType: 'MEMBER', subjectId: 'member-1' }),
      ]) {
        const bearer = await session(credential)
        expect((await ask('/api/board', bearer)).status).to.equal(200)
        expect((await ask('/api/me', bearer)).status).to.equal(403)
      }
      expect(await rows('users')).to.deep.equal([])
    })

    it('responds to the app itself with 403', async () => {
      expect(await rejectionOf(await exchange(accessToken({ subjectType: 'APP' })))).to.deep.equal([
        403,
        null,
        { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
      ])
    })

    it('rejects the users of a site that removed the app, as the API rejects their sessions, until it is installed again', async () => {
      const bearer = await sessionOf(owner())
      const rejected = [
        401,
        'Bearer realm="Wix"',
        { code: 'app_removed', message: 'The app was removed from this site' },
      ]
      await send('AppRemoved', {}, { iat: now() - 10 })

      expect(await rejectionOf(await exchange(signInstance(owner(), SECRET)))).to.deep.equal(rejected)
      expect(await rejectionOf(await exchange(accessToken()))).to.deep.equal(rejected)
      for (const address of ['/api/me', '/api/events', '/userinfo']) {
        expect(await rejectionOf(await ask(address, bearer))).to.deep.equal(rejected)
      }

      await send('AppInstalled')
      expect((await ask('/api/me', bearer)).status).to.equal(200)
    })

    it('responds to an access token with 503 during an outage of Wix, while instances and open sessions work', async () => {
      const log = sinon.stub(console, 'error')
      const open = await session(accessToken())
      app.wix.fault('token-info', { status: 429, headers: { 'Retry-After': '7' } })
      const response = await exchange(accessToken())

      expect(response.headers.get('retry-after')).to.equal('7')
      expect(await rejectionOf(response)).to.deep.equal([
        503,
        null,
        { code: 'service_unavailable', message: 'Service Unavailable' },
      ])
      sinon.assert.calledOnce(log)
      expect((await ask('/api/me', open)).status).to.equal(200)
      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    })
  })

  describe('end', () => {
    const clockAt = () => sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })

    it('with the removal of the app, for good: a new installation opens the site to new credentials only', async () => {
      const clock = clockAt()
      await app.restart(app.create())
      const [before, instance, token] = [await sessionOf(owner()), signInstance(owner(), SECRET), accessToken()]
      clock.tick(5000)
      await send('AppRemoved')
      clock.tick(5000)
      await send('AppInstalled')

      expect((await ask('/api/me', before)).status).to.equal(401)
      expect((await exchange(instance)).status).to.equal(401)
      expect((await ask('/api/me', token)).status).to.equal(401)
      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    })

    it('everywhere for a person who says so, with each credential from before, and for nobody else', async () => {
      const clock = clockAt()
      await app.restart(app.create())
      const instance = signInstance(owner(), SECRET)
      const [here, there, other] = [
        await sessionOf(owner()),
        await session(accessToken()),
        await sessionOf(collaborator()),
      ]
      clock.tick(5000)
      expect((await call('POST /api/me/sign-out', here)).status).to.equal(204)

      for (const response of [await ask('/api/me', here), await ask('/api/me', there), await exchange(instance)]) {
        expect(await rejectionOf(response)).to.deep.equal([
          401,
          'Bearer realm="Wix"',
          { code: 'signed_out', message: 'You signed out everywhere: open the page from Wix again' },
        ])
      }
      const page = await app.get(`/dashboard?instance=${instance}`)
      expect([page.status, page.page.includes('You signed out everywhere')]).to.deep.equal([401, true])
      expect((await ask('/api/me', other)).status).to.equal(200)

      clock.tick(2000)
      expect((await ask('/api/me', await sessionOf(owner()))).status).to.equal(200)
    })

    it('also with a credential that does not say when it was issued: it counts as one from before', async () => {
      const bearer = await sessionOf(owner())
      const dateless = { active: true, clientId: APP_ID, instanceId: 'instance-1', exp: now() + 600 }
      app.wix.fault('token-info', { body: { ...dateless, subjectType: 'USER', subjectId: 'user-1' } })
      const rejected = async (): Promise<unknown[]> => rejectionOf(await ask('/api/me', accessToken()))
      expect((await ask('/api/me', accessToken())).status).to.equal(200)
      await call('POST /api/me/sign-out', bearer)
      expect(await rejected()).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'signed_out', message: 'You signed out everywhere: open the page from Wix again' },
      ])
      await send('AppRemoved', {}, { iat: now() - 10 })
      await send('AppInstalled')
      expect(await rejected()).to.deep.equal([
        401,
        'Bearer realm="Wix"',
        { code: 'app_removed', message: 'The app was removed from this site' },
      ])
    })
  })

  describe('the account of a session', () => {
    it('is that of the credential, with all its facts', async () => {
      await open(owner({ originInstanceId: 'instance-0' }))
      const sessions = [await sessionOf(owner()), await session(accessToken())]
      for (const one of sessions) {
        const { account } = await me(one)
        expect(account.role).to.equal('owner')
        expect(account.site).to.include({ ownerId: 'user-1', plan: 'Gold', originId: 'instance-0' })
        expect(account.user).to.include({ visits: 1 })
      }
      expect(await rows('users')).to.have.lengthOf(1)
    })

    it('has the plan that the site has bought since', async () => {
      const before = await sessionOf(owner({ vendorProductId: null }))
      await open(owner({ vendorProductId: 'Silver' }))

      expect((await me(before)).account.site).to.include({ plan: 'Silver' })
    })
  })

  describe('the keys', () => {
    it('are published with their public halves only, to be cached for five minutes', async () => {
      await app.restart(app.create({ sessionKeys: [await generateSessionKey('RS256'), ...SESSION_KEYS] }))
      const response = await ask('/.well-known/jwks.json')
      const { keys } = (await response.json()) as { keys: object[] }

      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('application/json; charset=utf-8')
      expect(response.headers.get('cache-control')).to.equal('public, max-age=300')
      expect(keys.map((key) => Object.keys(key).toSorted())).to.deep.equal([
        ['alg', 'e', 'kid', 'kty', 'n', 'use'],
        ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ])
    })

    it('let another service verify the sessions', async () => {
      const elsewhere = new WixSessionStrategy({
        jwksUri: `${app.url}/.well-known/jwks.json`,
        issuer: ISSUER,
        audience: AUDIENCE,
      })
      const bearer = await sessionOf(owner())
      const outcome = await runToEnd(elsewhere, { headers: { authorization: bearer } })

      expect(outcome).to.have.property('kind', 'success')
      expect(outcome).to.have.property('user').that.includes({ instanceId: 'instance-1', subjectId: 'user-1' })
    })

    it('invalidate all sessions when they change, and none when they stay the same', async () => {
      const bearer = await sessionOf(owner())
      await app.restart(app.create())
      expect((await ask('/api/me', bearer)).status).to.equal(200)

      await app.restart(app.create({ sessionKeys: [await generateSessionKey()] }))
      expect(await rejectionOf(await ask('/api/me', bearer))).to.deep.equal([
        401,
        INVALID,
        { code: 'signature_invalid', message: MESSAGES.invalid },
      ])
    })
  })

  describe('GET /userinfo', () => {
    it('describes the session in the shape of OpenID Connect, with what the app knows', async () => {
      await open(owner())
      const bearer = await sessionOf(owner())
      const response = await ask('/userinfo', bearer)
      const { exp, ...answer } = (await response.json()) as Record<string, unknown>

      expect(response.status).to.equal(200)
      expect(response.headers.get('content-type')).to.equal('application/json')
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(exp).to.equal(claimsOf(bearer)['exp'])
      expect(answer).to.deep.equal({
        role: 'owner',
        visits: 1,
        sub: 'USER:user-1',
        instanceId: 'instance-1',
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: null,
        siteId: 'site-1',
        permissions: 'OWNER',
        vendorProductId: 'Gold',
        siteOwnerId: 'user-1',
      })
    })

    it('accepts an access token, too', async () => {
      const answer = (await (await ask('/userinfo', accessToken())).json()) as object

      expect(answer).to.include({ role: 'user', visits: 0, sub: 'USER:user-1', clientId: APP_ID })
    })

    it('rejects a request without a credential, an instance and a visitor as the API does', async () => {
      expect(await rejectionOf(await ask('/userinfo'))).to.deep.equal(NO_CREDENTIAL)
      expect(await rejectionOf(await ask('/userinfo', signInstance(owner(), SECRET)))).to.deep.equal(NO_CREDENTIAL)
      expect((await ask('/userinfo', accessToken({ subjectType: 'VISITOR' }))).status).to.equal(403)
    })
  })
})
