import { expect } from 'chai'
import sinon from 'sinon'
import { signInstance } from '../../lib/testing/index.ts'
import { SECRET } from '../support/build.ts'
import { collaborator, exampleApp, minutesFromNow, owner } from '../support/example-app.ts'

describe('The pages of the example app', () => {
  const app = exampleApp()
  const { open, send, ask, sessionOf, eventsFor, accessToken, rows } = app

  describe('the dashboard', () => {
    it('greets the owner with role, plan, site and the remaining time', async () => {
      const { status, page } = await open(owner())

      expect(status).to.equal(200)
      expect(page).to.include('Welcome, owner')
      expect(page).to.include('<dd class="value">Owner</dd>')
      expect(page).to.include('on the <strong>Gold</strong> plan')
      expect(page).to.include('<code>site-1</code>').and.to.include('<code>instance-1</code>')
      expect(page).to.match(/<dd class="value">3 h 59 min<\/dd>/)
    })

    it('distinguishes a collaborator from the owner, although Wix gives both the same permission', async () => {
      const { status, page } = await open(collaborator())

      expect(status).to.equal(200)
      expect(page).to.include('Welcome, collaborator')
      expect(page).to.not.include('<dd class="value">Owner</dd>')
    })

    it('names the free plan when there is no other', async () => {
      const { page } = await open(owner({ vendorProductId: null }))

      expect(page).to.include('on the <strong>Free</strong> plan')
    })

    it('lists all users of the site', async () => {
      await open(owner())
      const { page } = await open(collaborator())

      expect(page).to.include('<code>user-1</code>').and.to.include('<code>user-2</code>')
    })

    it('counts a day from the signature when the instance has no expiration date', async () => {
      const { page } = await open(owner({ signDate: minutesFromNow(-60), expirationDate: undefined }))

      expect(page).to.match(/<dd class="value">(22 h 59|23 h 0) min<\/dd>/)
    })
  })

  describe('the latest events', () => {
    it('are shown on the dashboard, the latest first', async () => {
      await send('AppInstalled', { webhookId: '0123456789abcdef' })
      await send('wix.ecom.v1.order_created')
      const { page } = await open(owner())

      expect(page.indexOf('wix.ecom.v1.order_created')).to.be.within(1, page.indexOf('>AppInstalled<'))
      expect(page).to.include('>01234567…<').and.to.include('>webhook<').and.to.include('just now')
    })

    it('are those of the site, at most ten, for all its users', async () => {
      for (let count = 1; count <= 12; count += 1) await send(`Event${count}`)
      await send('Elsewhere', { instanceId: 'instance-2' })
      const response = await eventsFor(collaborator())
      const events = (await response.json()) as { type: string; kind: string; ago: string }[]

      expect(response.status).to.equal(200)
      expect(events.map(({ type }) => type)).to.deep.equal(
        [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map((count) => `Event${count}`),
      )
      expect(events[0]).to.include({ kind: 'webhook', ago: 'just now' })
      const elsewhere = await eventsFor(owner({ instanceId: 'instance-2' }))
      expect(await elsewhere.text())
        .to.include('Elsewhere')
        .and.to.not.include('Event1')
      expect((await open(owner())).page).to.not.include('Elsewhere')
    })

    it('are for no other caller', async () => {
      await send('wix.ecom.v1.order_created')
      const anonymous = await ask('/api/events')
      const withInstance = await ask('/api/events', signInstance(owner(), SECRET))
      const asVisitor = await ask('/api/events', accessToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }))
      const asMember = await ask('/api/events', accessToken({ subjectType: 'MEMBER' }))
      const forged = await ask('/api/events', `${await sessionOf(owner())}A`)
      const session = await sessionOf(owner())
      await send('AppRemoved')
      const removed = await ask('/api/events', session)

      for (const [response, status] of [
        [anonymous, 401],
        [withInstance, 401],
        [asVisitor, 403],
        [asMember, 403],
        [forged, 401],
        [removed, 401],
      ] as const) {
        expect(response.status).to.equal(status)
        expect(await response.text()).to.not.include('order_created')
      }
    })

    it('are loaded without counting a visit', async () => {
      await open(owner())
      await eventsFor(owner())
      await eventsFor(owner())

      expect(rows('users')[0]).to.include({ visits: 1 })
    })

    it('are shown with their content escaped', async () => {
      const attack = `<img src="x" onerror='alert(1)'>&`
      await send(attack, { webhookId: attack })
      const { page } = await open(owner())

      expect(page).to.not.include('<img src="x"')
      expect(page).to.include('&lt;img src=&quot;x&quot; onerror=&#39;alert(1)&#39;&gt;&amp;')
    })
  })

  it('escape the content of an instance', async () => {
    const attack = `<script>alert("1")</script>'&`
    const { page } = await open(owner({ vendorProductId: attack, uid: attack, metaSiteId: attack }))

    expect(page).to.not.include('<script>')
    expect(page).to.include('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;')
  })

  it('show no details of an internal error, which is logged', async () => {
    const log = sinon.stub(console, 'error')
    const fault = new Error('the disk is full')
    sinon.stub(app.accounts, 'signIn').throws(fault)
    const { status, page } = await open(owner())

    expect(status).to.equal(500)
    expect(page).to.include('That went wrong on our side').and.to.not.include('disk')
    sinon.assert.calledOnceWithExactly(log, fault)
  })
})
