import { expect } from 'chai'
import { startSimulator } from '../../../devtools/simulator/index.ts'
import type { Entry } from '../../../devtools/simulator/log.ts'
import { SITES } from '../../../devtools/simulator/sites.ts'
import { command, type DashboardState, OWNER, stateOf } from '../../support/dashboard.ts'
import { type Simulated, simulate } from '../../support/simulated-app.ts'
import { verifyInstance } from '../../support/verify.ts'

const { bakery, copy } = SITES

describe('The simulator', () => {
  let simulated: Simulated

  beforeEach(async () => {
    simulated = await simulate()
  })
  afterEach(() => simulated.close())

  const state = (): Promise<DashboardState> => stateOf(simulated.simulator)
  const run = async (name: string, sent: object = {}): Promise<Record<string, unknown>> => {
    const response = await command(simulated.simulator, name, { ...OWNER, ...sent })
    expect(response.status).to.equal(200)
    return (await response.json()) as Record<string, unknown>
  }
  const send = (action: string, sent: object = {}) => run('send', { action, ...sent })
  const shown = ({ title, verdict, explanation }: Entry): string =>
    [title, verdict.tone, verdict.text, explanation?.code].filter(Boolean).join('; ')
  const lines = async (): Promise<string[]> => (await state()).log.map(shown)
  /** The newest entry. */
  const last = async (): Promise<Entry> => {
    const [entry] = (await state()).log
    if (entry === undefined) throw new Error('the log is empty')
    return entry
  }
  const instanceIn = async (url: unknown): Promise<Record<string, unknown>> => {
    const { WIX_APP_SECRET: secret, WIX_APP_ID: appId } = simulated.simulator.environment
    const instance = new URL(String(url)).searchParams.get('instance') ?? ''
    return { ...(await verifyInstance(instance, { secret, appId })) }
  }

  it('starts on another site than the app, on a free port, and frees it', async () => {
    const { simulator, app } = simulated
    expect(new URL(simulator.url).hostname).to.equal('127.0.0.1')
    expect(new URL(app.url).hostname).to.equal('localhost')
    const other = await startSimulator({ app: 'http://127.0.0.1:9/' })
    expect(new URL(other.url).hostname).to.equal('localhost')
    expect(other.environment.WIX_API_URL).to.match(/^http:\/\/127\.0\.0\.1:\d+$/)
    await other.close()
    const refused = await fetch(other.environment.WIX_API_URL).catch((error: unknown) => error)
    expect(refused).to.be.instanceOf(TypeError)
  })

  it('refuses options that are missing, unknown or of the wrong type', async () => {
    const wrong: [options: unknown, message: string][] = [
      [{}, 'startSimulator: option `app` is missing'],
      [{ app: 'http://example.com/' }, 'startSimulator: option `app` must be an https URL'],
      [{ app: 'http://localhost/', plans: [''] }, 'option `plans` must be an array of non-empty strings'],
      [{ app: 'http://localhost/', plans: 'plus' }, 'option `plans` must be an array of non-empty strings'],
      [{ app: 'http://localhost/', port: 1.5 }, 'option `port` must be an integer from 0 to 65535'],
      [{ app: 'http://localhost/', webhook: 'x' }, 'startSimulator: unknown option `webhook`'],
    ]
    for (const [options, message] of wrong) {
      const error = await startSimulator(options as { app: string }).catch((error: unknown) => error)
      expect(error).to.be.instanceOf(TypeError).with.property('message').that.includes(message)
    }
  })

  it('opens the dashboard page with a fresh instance of each person', async () => {
    const people = {
      owner: ['USER', bakery?.ownerId],
      collaborator: ['USER', '0a11e001-6b3d-4f7c-a2e9-5d8c1b4f7a03'],
      member: ['MEMBER', 'e3be0001-4c7a-4d9e-b1f2-8a6c3e5d7f01'],
      visitor: ['VISITOR', 'a1d00001-9f2c-4e8b-8d3a-6b5c4f1e2d01'],
    }
    for (const [person, [subjectType, subjectId]] of Object.entries(people)) {
      const { url, isThere } = await run('open', { person, plan: 'premium', language: 'de' })
      expect(isThere).to.equal(true)
      expect(await instanceIn(url)).to.include({ subjectType, subjectId, vendorProductId: 'premium' })
      expect((await fetch(String(url))).status).to.equal(200)
      const parameters = Object.fromEntries(new URL(String(url)).searchParams)
      expect(parameters).to.include({ mine: '1', locale: 'de', viewMode: 'dashboard', siteUrl: bakery?.url })
      expect(parameters['simulator']).to.equal(simulated.simulator.url)
    }
    expect(await lines()).to.deep.equal(
      Object.keys(people)
        .toReversed()
        .map((person) => `Opened the dashboard (${person}); good; 200: accepted`),
    )
  })

  it('opens the widget, also on a site that was copied from another one', async () => {
    const { url } = await run('open', { view: 'widget', site: 'copy', person: 'visitor' })
    expect(String(url)).to.match(/\/widget\?.*viewMode=site/)
    expect(await instanceIn(url)).to.include({ instanceId: copy?.instanceId, originInstanceId: bakery?.instanceId })
  })

  it('says that no app listens, also where its address has no port', async () => {
    for (const app of ['http://localhost:9/', 'http://[::1]/', 'https://localhost/']) {
      const simulator = await startSimulator({ app })
      const { isThere } = (await (await command(simulator, 'open', OWNER)).json()) as { isThere: boolean }
      const { app: status } = await stateOf(simulator)
      await simulator.close()
      // The dashboard opens the page again when the app is up after that.
      expect([isThere, status]).to.deep.equal([false, 'down'])
    }
  })

  it('asks for a page outside of the frame, and shows the answer', async () => {
    await run('ask')
    const { verdict, answer, milliseconds, credential } = await last()
    expect(verdict).to.deep.equal({ tone: 'good', text: '200: accepted', why: null })
    expect(answer?.headers['content-type']).to.equal('text/html; charset=utf-8')
    expect(answer?.body).to.include('Hello, owner')
    expect(milliseconds).to.be.a('number')
    expect(credential).to.include({ kind: 'instance', signedBy: 'the app secret of your app' })
    expect(credential?.decoded).to.include({ instanceId: bakery?.instanceId, permissions: 'OWNER' })
  })

  it('gives the page access tokens, and shows what the app asks Wix about them', async () => {
    const { token } = await run('token', { person: 'member' })
    const response = await fetch(`${simulated.app.url}/api/me`, { headers: { Authorization: String(token) } })
    expect(await response.json()).to.include({ subjectType: 'MEMBER', instanceId: bakery?.instanceId })
    expect(await lines()).to.deep.equal([
      'Your app called /oauth2/token-info; neutral; Wix answered active',
      'The page got an access token (member); neutral; genuine',
    ])
    expect((await last()).credential?.decoded).to.have.nested.property('claims.data.subjectType', 'MEMBER')
  })

  it('names what the app asks Wix about, and shows as much of it as can be read', async () => {
    const { WIX_API_URL, WIX_APP_SECRET } = simulated.simulator.environment
    const { url } = await run('open', { view: 'dashboard' })
    const instance = new URL(String(url)).searchParams.get('instance') ?? ''
    const { token } = await run('token')
    const shown = async (token: unknown): Promise<Entry['credential']> => {
      await fetch(`${WIX_API_URL}/oauth2/token-info`, { method: 'POST', body: JSON.stringify({ token }) })
      return (await last()).credential
    }
    expect(await shown(token)).to.include({ kind: 'access token', signedBy: 'a key that only Wix has' })
    expect(await shown(instance)).to.deep.include({ kind: 'instance', signedBy: 'an app secret' })
    expect((await last()).credential?.decoded).to.include({ instanceId: bakery?.instanceId })
    for (const junk of ['x', 'a.MQ', 'a.MQ.c']) expect((await shown(junk))?.decoded).to.deep.equal({})
    expect(JSON.stringify(await state())).to.not.include(WIX_APP_SECRET)
  })

  it('gives an app that asks for one a token of its own, without its secret in the log', async () => {
    const { environment } = simulated.simulator
    const grant = {
      grant_type: 'client_credentials',
      client_id: environment.WIX_APP_ID,
      client_secret: environment.WIX_APP_SECRET,
      instance_id: bakery?.instanceId,
    }
    const url = `${environment.WIX_API_URL}/oauth2/token`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(grant) })
    expect(await response.json()).to.include({ token_type: 'Bearer' })
    expect(await lines()).to.deep.equal(['Your app called /oauth2/token; neutral; Wix answered 200'])
    expect(JSON.stringify(await state())).to.not.include(environment.WIX_APP_SECRET)
  })

  it('lets Token Info be slow, down or limiting, which changes no token', async () => {
    const { token } = await run('token')
    const ask = () => fetch(`${simulated.app.url}/api/me`, { headers: { Authorization: String(token) } })
    await run('token-info', { mode: 'limiting' })
    expect((await state()).tokenInfo).to.equal('limiting')
    await run('token')
    expect(await lines()).to.include('The page got an access token (owner); neutral; cannot be checked; unavailable')
    expect((await ask()).status).to.equal(503)
    expect((await last()).answer).to.deep.include({ status: 429, body: '{}' })
    expect((await last()).answer?.headers).to.include({ 'Retry-After': '7' })
    expect((await command(simulated.simulator, 'token-info', { mode: 'constructor' })).status).to.equal(400)
  })

  it('installs and removes the app with webhooks', async () => {
    await send('install', { site: 'copy' })
    expect(simulated.webhooks.types).to.deep.equal(['AppInstalled'])
    const { credential, request, verdict } = await last()
    expect(verdict).to.deep.equal({ tone: 'good', text: '200: accepted', why: null })
    expect(request).to.include({ method: 'POST', url: `${simulated.app.url}/webhooks` })
    expect(credential?.signedBy).to.equal('the private key of your app')
    expect(credential?.decoded).to.have.nested.property('claims.data.data.originInstanceId', bakery?.instanceId)
    expect(credential?.decoded).to.have.nested.property('claims.data.identity.identityType', 'WIX_USER')
    await send('remove')
    expect((await state()).removed).to.deep.equal([bakery?.instanceId])
    await send('install')
    expect((await state()).removed).to.deep.equal([])
  })

  it('sends orders, also out of order, and erases a member', async () => {
    await send('order', { person: 'visitor' })
    await send('out-of-order', { person: 'member' })
    await send('anonymize')
    expect(simulated.webhooks.types).to.deep.equal([
      'wix.ecom.v1.order_created',
      'wix.ecom.v1.order_updated',
      'wix.ecom.v1.order_created',
      'wix.members.v1.member_deleted',
    ])
    const decoded = (await state()).log.map(({ credential }) => credential?.decoded)
    expect(decoded[0]).to.have.nested.property('claims.data.data.triggeredByAnonymizeRequest', true)
    const [created, updated] = [1, 2].map((index) => JSON.stringify(decoded[index]))
    const order = /"entityId":"([^"]+)"/
    expect(order.exec(String(created))?.[1]).to.equal(order.exec(String(updated))?.[1])
    expect(decoded[1]).to.have.nested.property('claims.data.data.entityEventSequence', '1')
    expect(decoded[2]).to.have.nested.property('claims.data.data.entityEventSequence', '2')
  })

  it('sends the same delivery again, byte for byte', async () => {
    await send('again')
    expect(simulated.webhooks.bodies).to.deep.equal([])
    expect((await state()).canRepeat).to.equal(false)
    await send('order')
    await send('again')
    const [first, second] = simulated.webhooks.bodies
    expect(second).to.equal(first)
    expect((await last()).title).to.equal('Webhook wix.ecom.v1.order_created, the same again')
  })

  it('retries a webhook by the table of Wix, on a clock that it moves, with the same signature', async () => {
    simulated.webhooks.status = 500
    await send('order')
    const moments: number[] = []
    for (let attempt = 2; attempt <= 13; attempt++) {
      expect((await state()).waiting).to.deep.include({
        title: 'Webhook wix.ecom.v1.order_created',
        attempt,
        due: (await state()).waiting[0]?.due,
      })
      await run('retry')
      moments.push((await state()).clock)
      expect((await last()).title).to.equal(`Webhook wix.ecom.v1.order_created, attempt ${attempt} of 13`)
    }
    expect(moments).to.deep.equal([1, 11, 71, 191, 311, 431, 671, 911, 1151, 1631, 2111, 2831])
    expect((await state()).waiting).to.deep.equal([])
    await run('retry')
    expect((await state()).clock).to.equal(2831)
    expect(simulated.webhooks.bodies).to.have.length(13)
    expect(new Set(simulated.webhooks.bodies)).to.have.property('size', 1)
  })

  it('retries only until the app has answered 200, the one that is due first', async () => {
    simulated.webhooks.status = 204
    await send('order')
    await run('retry')
    await send('install')
    const due = (await state()).waiting.map(({ title, attempt, due }) => [title, attempt, due])
    expect(due).to.deep.equal([
      ['Webhook AppInstalled', 2, 2],
      ['Webhook wix.ecom.v1.order_created', 3, 11],
    ])
    simulated.webhooks.status = 200
    await run('retry')
    await run('retry')
    expect(await state()).to.deep.include({ waiting: [], clock: 11 })
  })

  it('gives a webhook 1,250 ms', async () => {
    simulated.webhooks.status = 0
    await send('order')
    expect(await lines()).to.deep.equal(['Webhook wix.ecom.v1.order_created; bad; no answer within 1250 ms'])
    expect((await last()).milliseconds).to.be.within(1240, 10_000)
    expect((await state()).waiting).to.have.length(1)
  })

  it('calls a service plugin, and pays', async () => {
    await send('plugin', { language: 'fr' })
    expect((await last()).answer?.body)
      .to.include('"languages":["fr"]')
      .and.to.include('"lineItems"')
    await send('payment')
    expect((await last()).answer?.body).to.include('payment captured')
    expect((await last()).request?.headers)
      .to.have.property('Digest')
      .that.matches(/^JWT=/)
    expect(await lines()).to.deep.equal(['Payment; good; 200: accepted', 'Service plugin call; good; 200: accepted'])
  })

  it('sends what must be refused, says why, and does not retry what Wix has not signed', async () => {
    const codes: [credential: string, codeOfInstance: string, codeOfOthers: string][] = [
      ['expired', 'token_expired', 'token_expired'],
      ['forged', 'signature_invalid', 'signature_invalid'],
      ['other-app', 'signature_invalid', 'signature_invalid'],
      ['wrong-clock', 'claim_invalid', 'claim_invalid'],
    ]
    for (const [credential, codeOfInstance, code] of codes) {
      await run('clear')
      await run('ask', { credential })
      await send('order', { credential })
      await send('plugin', { credential })
      await send('payment', { credential })
      const refused = 'good; 401: your app refused it, as it should'
      expect(await lines()).to.deep.equal([
        `Payment; ${refused}; ${code}`,
        `Service plugin call; ${refused}; ${code}`,
        `Webhook wix.ecom.v1.order_created; ${refused}; ${code}`,
        `Asked for the dashboard (owner); ${refused}; ${codeOfInstance}`,
      ])
    }
    // A clock that is wrong is one at Wix: it would try again.
    expect((await state()).waiting).to.have.length(1)
  })

  it('gives the page access tokens that must be refused', async () => {
    const tokens = { expired: 'token_inactive', forged: 'token_inactive', 'other-app': 'claim_invalid' }
    for (const [credential, code] of Object.entries(tokens)) {
      const { token } = await run('token', { credential })
      expect(await last()).to.have.nested.property('explanation.code', code)
      const response = await fetch(`${simulated.app.url}/api/me`, { headers: { Authorization: String(token) } })
      expect(response.status).to.equal(401)
    }
    await run('token', { credential: 'wrong-clock' })
    expect((await last()).explanation).to.equal(null)
  })

  it('installs the app from the website of the app, and keeps the parameters of the app', async () => {
    const { environment, url } = simulated.simulator
    const started = await fetch(`${simulated.app.url}/install`, { redirect: 'manual' })
    const installer = new URL(started.headers.get('location') ?? '')
    expect(installer.origin + installer.pathname).to.equal(`${url}/app-installer`)
    const sent = Object.fromEntries(installer.searchParams)
    expect(sent['appId']).to.equal(environment.WIX_APP_ID)

    const { url: callback } = await run('install', sent)
    const parameters = Object.fromEntries(new URL(String(callback)).searchParams)
    expect(parameters).to.include({ state: 'my-state', instanceId: bakery?.instanceId, tenantId: bakery?.siteId })
    expect(simulated.webhooks.types).to.deep.equal(['AppInstalled'])
    expect(await (await fetch(String(callback))).text()).to.include('Installed "my-state"')

    for (const wrong of [
      { ...sent, appId: 'other' },
      { appId: sent['appId'] },
      { ...sent, postInstallationUrl: 'https://example.com/installed' },
      { ...sent, postInstallationUrl: 'installed' },
      // What has the origin of the app in it, and leads elsewhere or brings more than an address.
      { ...sent, postInstallationUrl: `blob:${simulated.app.url}/installed` },
      { ...sent, postInstallationUrl: `${simulated.app.url.replace('//', '//user:pw@')}/installed` },
      { ...sent, postInstallationUrl: `${simulated.app.url.replace('//', '//user@')}/installed` },
    ]) {
      expect((await command(simulated.simulator, 'install', { ...OWNER, ...wrong })).status).to.equal(400)
    }
  })

  it('sends nothing to an address that it was not given', async () => {
    const alone = await simulate({})
    for (const action of ['order', 'plugin', 'payment']) {
      expect((await command(alone.simulator, 'send', { ...OWNER, action })).status).to.equal(200)
    }
    const { url } = (await (await command(alone.simulator, 'open', { ...OWNER, view: 'widget' })).json()) as {
      url: string
    }
    expect(new URL(url).pathname).to.equal('/dashboard')
    const installer = {
      ...OWNER,
      appId: alone.simulator.environment.WIX_APP_ID,
      postInstallationUrl: 'https://a.example',
    }
    expect((await command(alone.simulator, 'install', installer)).status).to.equal(400)
    expect((await stateOf(alone.simulator)).log.map(({ title }) => title)).to.deep.equal(['Opened the widget (owner)'])
    await alone.close()
  })

  it('refuses what is not on offer', async () => {
    const wrong = [
      { site: 'x' },
      { site: 1 },
      { person: 'constructor' },
      { plan: 'gold' },
      { language: 'xx' },
      { credential: 'x' },
    ]
    for (const sent of wrong) {
      expect((await command(simulated.simulator, 'open', { ...OWNER, ...sent })).status).to.equal(400)
    }
    expect((await command(simulated.simulator, 'send', { ...OWNER, action: 'x' })).status).to.equal(400)
  })

  it('tells the dashboard what there is to choose, and no secret', async () => {
    const options = await run('options')
    expect(options).to.have.all.keys(
      'appId',
      'targets',
      'plans',
      'sites',
      'people',
      'languages',
      'credentials',
      'tokenInfo',
      'events',
    )
    expect(options['people']).to.include({ owner: 'Owner', visitor: 'Visitor' })
    expect(options['tokenInfo']).to.include({ works: 'Works', down: 'Down: 503' })
    expect(JSON.stringify(options)).to.not.include(simulated.simulator.environment.WIX_APP_SECRET)
  })

  it('keeps the last 50 lines of the log', async () => {
    for (let index = 0; index < 51; index++) await run('open')
    const { log } = await state()
    expect(log).to.have.length(50)
    expect(log.map(({ id }) => id)).to.include.members([2, 51])
  })
})
