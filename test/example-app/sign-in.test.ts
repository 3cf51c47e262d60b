import { expect } from 'chai'
import sinon from 'sinon'
import { signInstance } from '../../devtools/testing/index.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import { describeExampleApp, member, minutesFromNow, owner, visitor } from '../support/example-app.ts'

describeExampleApp('Sign-in to the example app', (app) => {
  const { get, open, rows } = app

  it('responds to a visitor with 403, explains who may sign in, and stores nothing about them', async () => {
    const { status, page } = await open(visitor())

    expect(status).to.equal(403)
    expect(page).to.include('You came as an anonymous visitor of the site').and.to.include('insufficient_scope')
    expect(await rows('users')).to.deep.equal([])
  })

  it('treats a visitor as a visitor, whatever else the instance says', async () => {
    const { status } = await open(owner({ aid: 'visitor-1' }))

    expect(status).to.equal(403)
    expect(await rows('users')).to.deep.equal([])
  })

  it('responds to a member of the site with 403, and stores nothing about them', async () => {
    const { status, page } = await open(member())

    expect(status).to.equal(403)
    expect(page).to.include('You came as a member of the site')
    expect(await rows('users')).to.deep.equal([])
  })

  it('responds with 401 to an instance of an owner that names no user, and says that this is the reason', async () => {
    const { status, page } = await open(owner({ uid: undefined }))

    expect(status).to.equal(401)
    expect(page).to.include('This link does not say who you are').and.to.include('<code>user_unknown</code>')
    expect(page).to.not.include('created for another app').and.to.not.include('WIX_APP_SECRET')
    expect(await rows('sites')).to.deep.equal([])
  })

  const rejections: ReadonlyArray<[what: string, address: () => string, status: number, code: string]> = [
    ['no instance', () => '/dashboard', 401, 'credentials_missing'],
    ['a truncated instance', () => '/dashboard?instance=abc', 401, 'token_malformed'],
    [
      'an instance of another app',
      () => `/dashboard?instance=${signInstance(owner(), OTHER_SECRET)}`,
      401,
      'signature_invalid',
    ],
    [
      'an expired instance',
      () => `/dashboard?instance=${signInstance(owner({ expirationDate: minutesFromNow(-1) }), SECRET)}`,
      401,
      'token_expired',
    ],
    [
      'an instance of yesterday',
      () =>
        `/dashboard?instance=${signInstance(owner({ signDate: minutesFromNow(-1441), expirationDate: undefined }), SECRET)}`,
      401,
      'token_expired',
    ],
    [
      'two instances',
      () => {
        const instance = signInstance(owner(), SECRET)
        return `/dashboard?instance=${instance}&instance=${instance}`
      },
      400,
      'request_invalid',
    ],
  ]

  for (const [what, address, expectedStatus, code] of rejections) {
    it(`responds to ${what} with ${expectedStatus} ${code}, and says what to do`, async () => {
      const { status, page } = await get(address())

      expect(status).to.equal(expectedStatus)
      expect(page).to.include(`<code>${code}</code>`).and.to.include('What you can do')
      expect(await rows('users')).to.deep.equal([])
    })
  }

  it('shows no details of an internal error, which is logged', async () => {
    const log = sinon.stub(console, 'error')
    const fault = new Error('the disk is full')
    sinon.stub(app.database, 'signIn').rejects(fault)
    const { status, page } = await open(owner())

    expect(status).to.equal(500)
    expect(page).to.include('That went wrong on our side').and.to.not.include('disk')
    sinon.assert.calledOnceWithExactly(log, fault)
  })
})
