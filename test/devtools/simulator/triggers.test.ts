import { expect } from 'chai'
import express from 'express'
import { type SimulatorAnswers, startSimulator } from '../../../devtools/simulator/index.ts'
import { SITES } from '../../../devtools/simulator/sites.ts'
import { command, type DashboardState, OWNER, stateOf } from '../../support/dashboard.ts'
import { serve } from '../../support/serve.ts'
import { type Simulated, simulate } from '../../support/simulated-app.ts'

const { bakery, yoga } = SITES

/** Type, needed address, and what the content begins with. */
const CATALOGUE: Readonly<Record<string, [type: string | null, target: string, content: string | null]>> = {
  app_installed: ['AppInstalled', 'webhooks', 'appId'],
  app_removed: ['AppRemoved', 'webhooks', 'appId'],
  paid_plan_purchased: ['PaidPlanPurchased', 'webhooks', 'operationTimeStamp'],
  paid_plan_changed: ['PaidPlanChanged', 'webhooks', 'operationTimeStamp'],
  paid_plan_auto_renewal_cancelled: ['PaidPlanAutoRenewalCancelled', 'webhooks', 'operationTimeStamp'],
  order_created: ['wix.ecom.v1.order_created', 'webhooks', 'createdEvent'],
  order_updated: ['wix.ecom.v1.order_updated', 'webhooks', 'updatedEvent'],
  order_canceled: ['wix.ecom.v1.order_canceled', 'webhooks', 'actionEvent'],
  order_purchased: ['wix.pricing_plans.v2.order_purchased', 'webhooks', 'actionEvent'],
  contact_created: ['wix.contacts.v4.contact_created', 'webhooks', 'createdEvent'],
  contact_updated: ['wix.contacts.v4.contact_updated', 'webhooks', 'updatedEvent'],
  booking_created: ['wix.bookings.v2.booking_created', 'webhooks', 'createdEvent'],
  booking_canceled: ['wix.bookings.v2.booking_canceled', 'webhooks', 'actionEvent'],
  member_created: ['wix.members.v1.member_created', 'webhooks', 'createdEvent'],
  member_deleted: ['wix.members.v1.member_deleted', 'webhooks', 'deletedEvent'],
  orders_out_of_order: [null, 'webhooks', null],
  resend_last: [null, 'webhooks', null],
  service_plugin: [null, 'plugin', 'lineItems'],
  app_tool: [null, 'tools', 'methodName'],
  payment: [null, 'payments', 'instanceId'],
}

const ENVELOPE = [
  'entityFqdn',
  'slug',
  'entityId',
  'triggeredByAnonymizeRequest',
  'originatedFrom',
  'entityEventSequence',
]

type Listed = Record<
  string,
  { title: string; type: string | null; target: string; data: Record<string, unknown> | null }
>

describe('What a program triggers in the simulator', () => {
  let simulated: Simulated

  beforeEach(async () => {
    simulated = await simulate()
  })
  afterEach(() => simulated.close())

  const state = (): Promise<DashboardState> => stateOf(simulated.simulator)
  /** The newest webhook as the app could read it. */
  const lastWebhook = async (): Promise<Record<string, unknown>> => {
    const [entry] = (await state()).log
    if (entry?.credential == null) throw new Error('nothing was sent')
    return (entry.credential.decoded as { claims: { data: Record<string, unknown> } }).claims.data
  }
  const lastData = async (): Promise<Record<string, unknown>> =>
    (await lastWebhook())['data'] as Record<string, unknown>
  const listed = async (sent: object = OWNER): Promise<Listed> =>
    ((await (await command(simulated.simulator, 'options', sent)).json()) as { events: Listed }).events

  describe('trigger()', () => {
    it('sends every event of the catalogue, and says what the app answered', async () => {
      const { simulator, webhooks } = simulated
      const sent: (string | null)[] = []
      // Last the one after which nothing more is sent.
      for (const [name, [type, target, content]] of Object.entries(CATALOGUE).toSorted(([one]) =>
        one === 'app_removed' ? 1 : -1,
      )) {
        if (target !== 'webhooks' || type === null) continue
        const answers = await simulator.trigger(name)
        expect(answers).to.have.length(1)
        const [{ milliseconds, headers, ...answer }] = answers
        expect(answer).to.deep.equal({
          title: `Webhook ${type}`,
          status: 200,
          body: 'OK',
          verdict: { tone: 'good', text: '200: accepted' },
          hint: null,
        })
        expect(milliseconds).to.be.within(0, 1250)
        expect(headers).to.include({ 'content-type': 'text/plain; charset=utf-8' })
        expect(await lastData()).to.have.property(String(content))
        sent.push(type)
      }
      expect(webhooks.types).to.deep.equal(sent)
      expect(sent).to.have.length(15)
    })

    it('makes each event new, and names the site, the person and the plan', async () => {
      const { simulator } = simulated
      await simulator.trigger('order_created')
      const first = await lastData()
      await simulator.trigger('order_created', { site: 'yoga', person: 'member' })
      const second = await lastData()
      expect(second['id']).to.be.a('string').and.to.not.equal(first['id'])
      expect(second['entityId']).to.not.equal(first['entityId'])
      expect(await lastWebhook()).to.deep.include({
        instanceId: yoga?.instanceId,
        identity: { identityType: 'MEMBER', memberId: 'e3be0001-4c7a-4d9e-b1f2-8a6c3e5d7f01' },
      })
      await simulator.trigger('paid_plan_purchased', { plan: 'premium' })
      expect(await lastData()).to.include({ vendorProductId: 'premium', cycle: 'MONTHLY', invoiceId: '100042' })
      await simulator.trigger('app_installed', { site: 'copy' })
      expect(await lastData()).to.deep.equal({
        appId: simulator.environment.WIX_APP_ID,
        originInstanceId: bakery?.instanceId,
      })
      await simulator.trigger('member_deleted')
      expect(await lastData()).to.include({ triggeredByAnonymizeRequest: true, slug: 'deleted' })
    })

    it('sends content of one’s own in a new envelope, unless it names the envelope, too', async () => {
      const { simulator } = simulated
      const data = { createdEvent: { entity: { id: 'my-order', number: '7' } } }
      await simulator.trigger('order_created', { data })
      const first = await lastData()
      expect(first).to.have.all.keys('id', 'eventTime', ...ENVELOPE, 'createdEvent')
      expect(first).to.deep.include({ ...data, entityFqdn: 'wix.ecom.v1.order', slug: 'created' })
      await simulator.trigger('order_created', { data })
      expect((await lastData())['id']).to.not.equal(first['id'])
      await simulator.trigger('order_created', { data: { ...data, id: 'my-event', entityId: 'my-order' } })
      expect(await lastData()).to.include({ id: 'my-event', entityId: 'my-order' })
      await simulator.trigger('paid_plan_purchased', { data: { cycle: 'ONE_TIME' } })
      expect(await lastData()).to.deep.equal({ cycle: 'ONE_TIME' })
    })

    it('sends an event of any type with content of one’s own', async () => {
      const { simulator, webhooks } = simulated
      await simulator.trigger('wix.stores.v3.product_created', { data: { entityFqdn: 'wix.stores.v3.product' } })
      expect(await lastData()).to.have.all.keys('id', 'eventTime', 'entityFqdn')
      await simulator.trigger('InvoiceStatusUpdated', { data: { status: 'PAID' } })
      expect(await lastData()).to.deep.equal({ status: 'PAID' })
      await simulator.trigger('AppRemovedAgain', { data: {} })
      expect(webhooks.types).to.deep.equal(['wix.stores.v3.product_created', 'InvoiceStatusUpdated', 'AppRemovedAgain'])
    })

    it('calls the service plugin and a tool, and pays, also with content of one’s own', async () => {
      const { simulator } = simulated
      const [plugin] = await simulator.trigger('service_plugin', { language: 'fr' })
      expect(plugin).to.include({ title: 'Service plugin call', status: 200 })
      expect(JSON.parse(plugin.body)).to.have.nested.property('request.lineItems').with.length(1)
      expect(JSON.parse(plugin.body)).to.have.nested.property('metadata.languages').that.deep.equals(['fr'])
      const [own] = await simulator.trigger('service_plugin', { data: { lineItems: [] } })
      expect(JSON.parse(own.body)).to.have.deep.property('request', { lineItems: [] })
      const [tool] = await simulator.trigger('app_tool')
      expect(tool).to.include({ title: 'App Tool', status: 200 })
      expect(JSON.parse(tool.body)).to.deep.include({
        request: { methodName: 'trackParcel', payload: { number: 'RB1' } },
      })
      const [other] = await simulator.trigger('app_tool', { data: { methodName: 'greet', payload: {} } })
      expect(JSON.parse(other.body)).to.have.nested.property('request.methodName', 'greet')
      const [payment] = await simulator.trigger('payment', { data: { wixRefundId: 'r1' } })
      expect(payment).to.include({ title: 'Payment', status: 200 })
      expect(JSON.parse(payment.body)).to.have.deep.property('body', { wixRefundId: 'r1' })
      expect(JSON.parse((await simulator.trigger('payment'))[0].body)).to.have.nested.property(
        'body.type',
        'payment captured',
      )
    })

    it('sends two orders in the wrong order, and the last webhook again', async () => {
      const { simulator, webhooks } = simulated
      const answers = await simulator.trigger('orders_out_of_order')
      expect(answers.map(({ title }) => title)).to.deep.equal([
        'Webhook wix.ecom.v1.order_updated',
        'Webhook wix.ecom.v1.order_created',
      ])
      const [again] = await simulator.trigger('resend_last')
      expect(again).to.include({ title: 'Webhook wix.ecom.v1.order_created, the same again', status: 200 })
      expect(webhooks.bodies[2]).to.equal(webhooks.bodies[1])
    })

    it('says why the app refused, and that it let in what it must refuse', async () => {
      const { simulator } = simulated
      const [refused] = await simulator.trigger('order_created', { flaw: 'forged' })
      expect(refused).to.deep.include({
        status: 401,
        verdict: { tone: 'good', text: '401: your app refused it, as it should' },
        hint: 'signature_invalid: the key does not fit: is it the public key of another app, or was the body changed on its way?',
      })
      await simulated.app.close()
      const [silent] = await simulator.trigger('order_created')
      expect(silent).to.deep.equal({
        title: 'Webhook wix.ecom.v1.order_created',
        status: null,
        headers: {},
        body: '',
        milliseconds: silent.milliseconds,
        verdict: { tone: 'bad', text: `nothing listens at ${simulated.app.url.replace('127.0.0.1', 'localhost')}` },
        hint: 'start your app, or give the simulator the address at which it listens: Wix sends it again',
      })
      const careless = await serve(express().use((_req, res) => void res.sendStatus(200)))
      const other = await startSimulator({ app: careless.url, webhooks: careless.url })
      const [accepted] = await other.trigger('order_created', { flaw: 'expired' })
      expect(accepted.verdict).to.deep.equal({ tone: 'alarm', text: '200: your app accepted what it must refuse' })
      expect(accepted.hint).to.match(/^token_expired: /)
      await other.close()
      await careless.close()
    })

    it('attempts what fails again, as Wix does, until it is accepted', async () => {
      const { simulator, webhooks } = simulated
      webhooks.status = 500
      const statuses = (answers: SimulatorAnswers) => answers.map(({ status }) => status)
      const pending = simulator.trigger('order_created', { times: 13 })
      while (webhooks.bodies.length < 3) await new Promise((resolve) => setImmediate(resolve))
      webhooks.status = 200
      const answers = await pending
      expect(statuses(answers).at(-1)).to.equal(200)
      expect(new Set(statuses(answers).slice(0, -1))).to.deep.equal(new Set([500]))
      expect(answers.length).to.be.within(3, 12)
      expect(answers[1]?.title).to.equal('Webhook wix.ecom.v1.order_created, attempt 2 of 13')
      expect(new Set(webhooks.bodies)).to.have.property('size', 1)
      expect(await state()).to.deep.include({ waiting: [], givenUp: [] })
    })

    it('gives up after 13 attempts, which stays to be seen', async () => {
      const { simulator, webhooks } = simulated
      webhooks.status = 500
      const answers = await simulator.trigger('order_created', { times: 13 })
      expect(answers).to.have.length(13)
      expect(webhooks.bodies).to.have.length(13)
      expect(await state()).to.deep.include({
        clock: 2831,
        waiting: [],
        givenUp: ['Webhook wix.ecom.v1.order_created'],
      })
    })

    it('moves the clock for its own webhook only: others wait for the button, and come then', async () => {
      const { simulator, webhooks } = simulated
      webhooks.status = 500
      await simulator.trigger('app_installed')
      expect(await simulator.trigger('order_created', { times: 3 })).to.have.length(3)
      const { clock, waiting } = await state()
      expect(clock).to.equal(11)
      expect(waiting.map(({ title, attempt, due }) => [title, attempt, due])).to.deep.equal([
        ['Webhook AppInstalled', 2, 1],
        ['Webhook wix.ecom.v1.order_created', 4, 71],
      ])
      webhooks.status = 200
      await command(simulator, 'retry')
      expect(await state()).to.include({ clock: 11 })
      expect(webhooks.types.at(-1)).to.equal('AppInstalled')
    })

    it('attempts once what Wix has not signed, however often it may', async () => {
      expect(await simulated.simulator.trigger('order_created', { flaw: 'forged', times: 13 })).to.have.length(1)
    })

    it('sends nothing for a site that the app was removed from, but what others forge', async () => {
      const { simulator, webhooks } = simulated
      await simulator.trigger('app_removed', { flaw: 'forged' })
      expect((await state()).removed).to.deep.equal([])
      await simulator.trigger('app_removed')
      for (const [name, title] of [
        ['order_created', 'Webhook wix.ecom.v1.order_created'],
        ['service_plugin', 'Service plugin call'],
        ['app_tool', 'App Tool'],
        ['payment', 'Payment'],
      ] as const) {
        expect(await simulator.trigger(name)).to.deep.equal([
          {
            title,
            status: null,
            headers: {},
            body: '',
            milliseconds: null,
            verdict: { tone: 'warning', text: 'not sent' },
            hint: 'the app was removed from this site',
          },
        ])
      }
      expect((await state()).log[0]).to.include({ title: 'Payment', request: null, credential: null })
      expect((await simulator.trigger('order_created', { flaw: 'forged' }))[0].status).to.equal(401)
      expect((await simulator.trigger('order_created', { site: 'yoga' }))[0].status).to.equal(200)
      await simulator.trigger('app_installed')
      expect((await simulator.trigger('order_created'))[0].status).to.equal(200)
      expect(webhooks.types).to.deep.equal([
        'AppRemoved',
        'wix.ecom.v1.order_created',
        'AppInstalled',
        'wix.ecom.v1.order_created',
      ])
    })

    it('takes the type of an event in full for its name, where nothing is said of its content', async () => {
      const { simulator, webhooks } = simulated
      const types = ['wix.ecom.v1.order_created', 'AppInstalled']
      for (const type of types) expect((await simulator.trigger(type))[0]).to.include({ status: 200 })
      expect(webhooks.types).to.deep.equal(types)
      const [, request] = (await state()).log
      expect(JSON.stringify(request)).to.include('10042')
    })

    it('refuses names and options that are wrong, before anything is sent', async () => {
      const { simulator } = simulated
      const wrong: [name: unknown, options: unknown, message: string][] = [
        ['order_crated', {}, 'there is no event of this name; did you mean order_created?'],
        ['OrderCreated', { data: {}, times: 0 }, 'option `times` must be an integer from 1 to 13'],
        ['constructor', {}, 'there is no event of this name. Any other event needs its type in full'],
        ['order created', { data: {} }, 'there is no event of this name; did you mean order_created?'],
        [undefined, {}, 'there is no event of this name'],
        [7, { data: {} }, 'there is no event of this name'],
        ['wix.stores.v3.product_created', {}, 'option `data` is missing: only events of the catalogue have an example'],
        ['order_created', null, 'the options must be an object, got null'],
        ['order_created', { data: [] }, 'option `data` must be an object, got an array'],
        ['order_created', { data: '{}' }, 'option `data` must be an object, got a string'],
        ['order_created', { site: 'x' }, 'option `site` must be one of bakery, yoga, copy'],
        ['order_created', { site: 1 }, 'option `site` must be one of bakery, yoga, copy, got a number'],
        [
          'order_created',
          { person: 'constructor' },
          'option `person` must be one of owner, collaborator, member, visitor',
        ],
        ['order_created', { plan: 'gold' }, 'option `plan` must be one of premium, or null'],
        ['order_created', { plan: ['premium'] }, 'option `plan` must be one of premium, or null, got an array'],
        ['order_created', { language: 'xx' }, 'option `language` must be one of en, de, es, fr, he, ja'],
        [
          'order_created',
          { flaw: 'x' },
          'option `flaw` must be one of genuine, expired, forged, other-app, wrong-clock',
        ],
        ['order_created', { times: 14 }, 'option `times` must be an integer from 1 to 13'],
        ['order_created', { times: '2' }, 'option `times` must be an integer from 1 to 13, got a string'],
        ['order_created', { sites: 'x' }, 'unknown option `sites`'],
        ['service_plugin', { times: 2 }, 'option `times` is for one webhook, and not for this'],
        ['resend_last', { data: {} }, "option `data` is not for this: it has no content of one's own"],
        ['resend_last', {}, 'no webhook was sent so far that could be sent again'],
      ]
      for (const [name, options, message] of wrong) {
        const error = await simulator.trigger(name as string, options as object).catch((error: unknown) => error)
        expect(error)
          .to.be.instanceOf(TypeError)
          .with.property('message')
          .that.includes(`simulator.trigger: ${message}`)
      }
      expect((await state()).log).to.deep.equal([])
    })

    it('names the address that the simulator was started without', async () => {
      const alone = await simulate({})
      for (const [name, { target }] of Object.entries(await listed())) {
        const error = await alone.simulator.trigger(name).catch((error: unknown) => error)
        expect(error)
          .to.be.instanceOf(TypeError)
          .with.property(
            'message',
            `simulator.trigger: the simulator was started without \`${target}\`, the address for it`,
          )
      }
      await alone.close()
    })
  })

  describe('open()', () => {
    it('asks for a page, and says what the app answered', async () => {
      const { simulator } = simulated
      const { milliseconds, headers, body, ...answer } = await simulator.open('dashboard')
      expect(answer).to.deep.equal({
        title: 'Asked for the dashboard (owner)',
        status: 200,
        verdict: { tone: 'good', text: '200: accepted' },
        hint: null,
      })
      expect(milliseconds).to.be.within(0, 10_000)
      expect(headers).to.include({ 'content-type': 'text/html; charset=utf-8' })
      expect(body).to.include('Hello, owner')
      const widget = await simulator.open('widget', { person: 'visitor', flaw: 'expired', language: 'de' })
      expect(widget).to.deep.include({
        title: 'Asked for the widget (visitor)',
        status: 401,
        verdict: { tone: 'good', text: '401: your app refused it, as it should' },
      })
      expect(widget.hint).to.match(/signed 48 h ago|2 days/)
      expect((await state()).log[0]?.request?.url).to.include('locale=de')
    })

    it('refuses pages and options that are wrong, before anything is sent', async () => {
      const alone = await simulate({})
      const wrong: [view: unknown, options: unknown, message: string][] = [
        ['settings', {}, 'the page must be dashboard or widget'],
        ['widget', {}, 'the simulator was started without `widget`, the address for it'],
        ['dashboard', { person: 'x' }, 'option `person` must be one of'],
        ['dashboard', { times: 2 }, 'unknown option `times`'],
      ]
      for (const [view, options, message] of wrong) {
        const error = await alone.simulator
          .open(view as 'dashboard', options as object)
          .catch((error: unknown) => error)
        expect(error).to.be.instanceOf(TypeError).with.property('message').that.includes(`simulator.open: ${message}`)
      }
      expect((await stateOf(alone.simulator)).log).to.deep.equal([])
      await alone.close()
    })
  })

  describe('the command of the server', () => {
    it('lists the catalogue, each with a title and an example to be edited', async () => {
      const events = await listed()
      expect(Object.keys(events)).to.deep.equal(Object.keys(CATALOGUE))
      for (const [name, { title, type, target, data }] of Object.entries(events)) {
        const [expectedType, expectedTarget, content] = CATALOGUE[name] ?? []
        expect([type, target]).to.deep.equal([expectedType, expectedTarget])
        expect(title).to.match(/^[A-Z]/)
        if (content === null) expect(data).to.equal(null)
        else expect(data).to.have.property(String(content))
        if (type?.includes('.')) expect(data).to.include.keys(ENVELOPE).and.to.not.have.any.keys('id', 'eventTime')
      }
      const ofPlan = await listed({ ...OWNER, plan: 'premium', site: 'copy' })
      expect(ofPlan['paid_plan_changed']?.data).to.include({ vendorProductId: 'premium', previousCycle: 'YEARLY' })
      expect(ofPlan['app_installed']?.data).to.include({ originInstanceId: bakery?.instanceId })
      expect(await listed({})).to.have.property('order_created')
    })

    it('does what trigger() does, and answers with the list', async () => {
      const sent = {
        event: 'order_created',
        site: 'yoga',
        person: 'visitor',
        plan: 'premium',
        flaw: 'other-app',
        times: 2,
      }
      const response = await command(simulated.simulator, 'trigger', sent)
      expect(response.status).to.equal(200)
      const [answer, ...more] = (await response.json()) as SimulatorAnswers
      expect(more).to.deep.equal([])
      expect(answer).to.include({ title: 'Webhook wix.ecom.v1.order_created', status: 401 })
      expect(answer.verdict).to.deep.equal({ tone: 'good', text: '401: your app refused it, as it should' })
    })

    it('says what is wrong with it, to its own pages and to programs only', async () => {
      const { simulator } = simulated
      const response = await command(simulator, 'trigger', { event: 'order_created', site: 'x' })
      expect([response.status, await response.json()]).to.deep.equal([
        400,
        { message: 'simulator.trigger: option `site` must be one of bakery, yoga, copy' },
      ])
      const elsewhere = await command(simulator, 'trigger', { event: 'order_created' }, { Origin: simulated.app.url })
      expect(elsewhere.status).to.equal(403)
      expect((await state()).log).to.deep.equal([])
    })
  })
})
