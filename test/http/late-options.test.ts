import { expect } from 'chai'
import sinon from 'sinon'
import { WixAccessTokenStrategy, WixAppStrategy, WixWebhookStrategy } from '../../lib/index.ts'
import { answering } from '../support/access-token.ts'
import { instance, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { APP_ID, KEYS } from '../support/jwt.ts'
import { request, run } from '../support/run.ts'

describe('P-10: an option of the constructor in passport.authenticate()', () => {
  let warning: sinon.SinonSpy
  beforeEach(() => {
    warning = sinon.replace(process, 'emitWarning', sinon.fake())
  })
  afterEach(() => sinon.restore())

  const found = (): object => ({})
  const app = (): WixAppStrategy => new WixAppStrategy({ secret: SECRET, now }, found)
  const old = request({ instance: instance({ signDate: new Date(now() - 3600_000).toISOString() }) })

  it('has no effect, and is one warning for each name and strategy', async () => {
    const strategy = app()
    for (let time = 0; time < 3; time++) {
      expect(await run(strategy, old, { session: false, maxAge: 60, appId: 'another' })).to.have.property(
        'kind',
        'success',
      )
    }
    const message = (name: string): string =>
      `WixAppStrategy: passport.authenticate() does not use the option \`${name}\`; pass it to the constructor`
    expect(warning.args).to.deep.equal([
      [message('maxAge'), { type: 'WixOptionWarning' }],
      [message('appId'), { type: 'WixOptionWarning' }],
    ])
    await run(app(), old, { maxAge: 60 })
    sinon.assert.calledThrice(warning)
  })

  it('is a warning for every kind of strategy, and names no value', async () => {
    await run(new WixAccessTokenStrategy({ appId: APP_ID, fetch: answering() }, found), request(), { appId: 'canary' })
    await run(new WixWebhookStrategy({ publicKey: KEYS.publicKey }), { body: '' }, { publicKey: 'canary', maxAge: 5 })
    expect(warning.args.map(([message]) => /^(\w+): .*`(\w+)`/.exec(String(message))?.slice(1))).to.deep.equal([
      ['WixAccessTokenStrategy', 'appId'],
      ['WixWebhookStrategy', 'publicKey'],
      ['WixWebhookStrategy', 'maxAge'],
    ])
    expect(JSON.stringify(warning.args)).to.not.include('canary')
  })

  it("is no warning for the secret of WixAppStrategy, which may come late, and for Passport's own options", async () => {
    const options = { secret: OTHER_SECRET, session: false, failureRedirect: '/', state: 'x', badRequestMessage: 'no' }
    expect(await run(app(), old, options)).to.have.property('kind', 'fail')
    sinon.assert.notCalled(warning)
  })
})
