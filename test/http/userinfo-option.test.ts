import { expect } from 'chai'
import sinon from 'sinon'
import { WixAccessTokenStrategy, WixAuthError, WixSessionStrategy } from '../../lib/index.ts'
import { accessToken, answering } from '../support/access-token.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID } from '../support/jwt.ts'
import { type Outcome, request, runToEnd } from '../support/run.ts'
import { sessionTokens, verifiedInstance } from '../support/session.ts'

type UserInfo = (identity: object, context: { token: string }) => unknown
interface Options {
  userInfo?: UserInfo
}
const found = (identity: object): object => identity

const tokens = sessionTokens()
const session = await tokens.issue(verifiedInstance())

const strategies = {
  WixSessionStrategy: {
    token: session,
    strategy: (options: Options) => new WixSessionStrategy({ tokens, ...options }, found),
  },
  WixAccessTokenStrategy: {
    token: accessToken(),
    strategy: (options: Options) =>
      new WixAccessTokenStrategy({ appId: APP_ID, now, fetch: answering(), ...options }, found),
  },
}

for (const [name, { token, strategy }] of Object.entries(strategies)) {
  describe(`the option userInfo of ${name}`, () => {
    watchForSecrets()
    const req = request({}, { authorization: `Bearer ${token}` })
    const run = (userInfo: UserInfo): Promise<Outcome> => runToEnd(strategy({ userInfo }), req)

    it('is called with the verified identity and the token, before verify', async () => {
      const userInfo = sinon.fake((_identity: object, _context: object) => ({ roles: ['editor'] }))
      const outcome = await run(userInfo)
      expect(outcome).to.have.nested.property('user.instanceId', 'instance-1')
      expect(outcome)
        .to.have.nested.property('user.userInfo')
        .that.deep.equals({ roles: ['editor'] })
      expect(outcome)
        .to.have.nested.property('info.identity.userInfo')
        .that.deep.equals({ roles: ['editor'] })
      sinon.assert.calledOnceWithExactly(userInfo, sinon.match({ instanceId: 'instance-1' }), { token })
    })

    it('is not needed: without it, the identity has no such property', async () => {
      expect(await runToEnd(strategy({}), req))
        .to.have.property('user')
        .that.includes({ instanceId: 'instance-1' })
        .and.does.not.have.property('userInfo')
    })

    it('may return a promise or nothing', async () => {
      expect(await run(async () => ({ email: 'a@b.example' })))
        .to.have.nested.property('user.userInfo')
        .that.deep.equals({ email: 'a@b.example' })
      expect(await run(() => undefined)).to.have.nested.property('user.userInfo', undefined)
    })

    it('is called for each request, also when the token is cached', async () => {
      let count = 0
      const counting = strategy({ userInfo: () => ({ count: ++count }) })
      for (const expected of [1, 2, 3]) {
        expect(await runToEnd(counting, req)).to.have.nested.property('user.userInfo.count', expected)
      }
    })

    it('fails the request with the error that it throws', async () => {
      const failure = new Error('database')
      expect(await run(() => Promise.reject(failure))).to.deep.equal({ kind: 'error', error: failure })
      const outcome = await run(() => {
        throw failure
      })
      expect(outcome).to.deep.equal({ kind: 'error', error: failure })
    })

    it('rejects the request with the WixAuthError that it throws', async () => {
      expect(await run(() => Promise.reject(new WixAuthError('insufficient_scope')))).to.deep.equal({
        kind: 'fail',
        challenge: { message: 'This Wix identity may not do this', code: 'insufficient_scope' },
        status: 403,
      })
    })

    it('is not called for a token that is rejected', async () => {
      const userInfo = sinon.fake()
      const outcome = await runToEnd(strategy({ userInfo }), request({}, { authorization: 'Bearer a.b.c.d.!' }))
      expect(outcome).to.include({ kind: 'fail', status: 401 })
      sinon.assert.notCalled(userInfo)
    })

    it('P-10: must be a function', () => {
      expect(() => strategy({ userInfo: '/me' as never })).to.throw(
        TypeError,
        `${name}: option \`userInfo\` must be a function`,
      )
    })
  })
}
