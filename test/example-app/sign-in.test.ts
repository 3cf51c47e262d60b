import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import sinon from 'sinon'
import { problemPages } from '../../example-app/demo/problems.ts'
import { signInstance } from '../../devtools/testing/index.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import { describeExampleApp, member, minutesFromNow, owner, PAGES, visitor } from '../support/example-app.ts'

describeExampleApp('Sign-in to the example app', (app) => {
  const { get, open, rows } = app
  const addressOf = (payload: Parameters<typeof open>[0], path = '/dashboard'): string =>
    `${path}?instance=${signInstance(payload, SECRET)}`

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

  it('says of an instance from the future that a clock is wrong, and not that it is of another app', async () => {
    const { status, page } = await open(owner({ signDate: minutesFromNow(60) }))

    expect(status).to.equal(401)
    expect(page)
      .to.include('This link cannot be used')
      .and.include('the clock of this server, or of its signer, is wrong.')
      .and.include('<code>claim_invalid</code>')
      .and.not.include('another app')
      .and.not.include('WIX_APP_SECRET')
  })

  it('shows the hint and the cure of a refusal to developers alone', async () => {
    const future = signInstance(owner({ signDate: minutesFromNow(60) }), SECRET)
    const address = `/dashboard?instance=${future}`
    expect((await get(address)).page).to.not.include('in the future: is the clock')
    await app.restart(app.create({ showProblem: problemPages(true) }))
    const { page } = await get(address)

    expect(page).to.match(
      /<p lang="en">signed (59 min|1 h)[^<]* in the future: is the clock of this machine right\?<\/p>/,
    )
    expect(page).to.include('<p lang="en">Set the clock of this machine, or of the signer.</p>').and.not.include(future)
    // None of a request that is no matter of a credential.
    expect((await get('/nowhere')).page).to.not.include('For developers')
  })

  it('says nothing to visitors of a site that they can do nothing about, when the app was removed from it', async () => {
    await app.send('AppRemoved')
    const { status, page } = await app.openWidget(visitor())

    expect(status).to.equal(401)
    expect(page).to.include('This is not available now').and.include('<code>app_removed</code>')
    expect(page).to.not.match(/install|dashboard/i)
    expect((await open(owner())).page).to.include('Install the app again on your Wix site.')
  })

  describe('in German', () => {
    const german = JSON.parse(readFileSync(join(PAGES, 'german.json'), 'utf8')) as Record<string, string>
    const known = new Set(Object.values(german).map((words) => words.replaceAll("'", '&#39;')))
    /** The words of a page that are not in the list of German ones. */
    const othersIn = (page: string): string[] =>
      [...page.matchAll(/<(h1|h2|p)(?: class="[\w ]*")?>([^<]*)</g)]
        .map(([, , words = '']) => words.replace(/ \d+$/, '').trim())
        // Two sentences, or one without its full stop.
        .filter((words) => words !== '' && !known.has(words) && !known.has(words.replace(/\.$/, '')))
        .filter((words) => !words.split(/(?<=\.) /).every((sentence) => known.has(sentence)))

    for (const [what, address] of [
      ...rejections.map(([what, address]) => [what, address] as const),
      ['an instance from the future', () => addressOf(owner({ signDate: minutesFromNow(60) }))],
      ['an instance that names no user', () => addressOf(owner({ uid: undefined }))],
      ['an instance that names no installation', () => addressOf(owner({ instanceId: undefined }))],
      ['a visitor', () => addressOf(visitor())],
      ['a member', () => addressOf(member())],
      ['an unknown address', () => '/nowhere?x=y'],
    ] as const) {
      it(`explains its refusal of ${what}`, async () => {
        const { page } = await get(`${address()}${address().includes('?') ? '&' : '?'}locale=de`)

        expect(page).to.include('<html lang="de">')
        expect(othersIn(page)).to.deep.equal([])
      })
    }

    it('explains that the app was removed, a sign-out, and its own faults', async () => {
      const instance = addressOf(owner())
      await app.call('POST /api/me/sign-out', await app.sessionOf(owner()))
      const pages = [await get(`${instance}&locale=de`)]
      await app.send('AppRemoved')
      pages.push(await get(`${instance}&locale=de-AT`), await get(`${addressOf(visitor(), '/widget')}&locale=de`))
      sinon.stub(console, 'error')
      sinon.stub(app.database, 'signIn').rejects(new Error('the disk is full'))
      pages.push(await get(`${instance}&locale=de`))

      expect(pages.map(({ status }) => status)).to.deep.equal([401, 401, 401, 500])
      expect(pages.flatMap(({ page }) => othersIn(page))).to.deep.equal([])
    })

    it('is what Wix says, else what the browser says', async () => {
      const title = async (query: string, language: string): Promise<boolean> => {
        const response = await fetch(new URL(`/dashboard${query}`, app.url), {
          headers: { 'accept-language': language },
        })
        return (await response.text()).includes('Bitte öffnen Sie diese Seite von Wix aus')
      }

      expect(await title('', 'de-CH, de;q=0.9')).to.equal(true)
      expect(await title('', 'fr, *;q=0.5')).to.equal(false)
      expect(await title('?locale=en', 'de')).to.equal(false)
      expect(await title('?locale=de', 'en')).to.equal(true)
      expect(await title('?locale=de&locale=de', 'en')).to.equal(false)
    })
  })

  it('shows no details of an internal error, which is logged', async () => {
    const log = sinon.stub(console, 'error')
    for (const told of [{}, { code: 'FULL' }, { code: 'FULL', expose: 1 }, { code: 'FULL', expose: 'no' }]) {
      const fault = Object.assign(new Error('the disk is full'), told)
      const broken = sinon.stub(app.database, 'signIn').rejects(fault)
      const { status, page } = await open(owner())

      expect(status).to.equal(500)
      expect(page)
        .to.include('That went wrong on our side')
        .and.to.not.match(/disk|FULL/)
      sinon.assert.calledOnceWithExactly(log, fault)
      log.resetHistory()
      broken.restore()
    }
  })
})
