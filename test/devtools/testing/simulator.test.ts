import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { request, type RequestOptions } from 'node:http'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { inspect, promisify } from 'node:util'
import { expect } from 'chai'
import {
  signInstance,
  WixSimulator,
  type WixSimulatorEndpoint,
  type WixSimulatorFault,
  type WixSimulatorOptions,
  type WixSimulatorSubject,
} from '../../../devtools/testing/index.ts'
import { instance, iso, NOW, OTHER_SECRET, payload, SECRET, sign } from '../../support/build.ts'
import { freePort } from '../../support/free-port.ts'
import { APP_ID, SECONDS } from '../../support/jwt.ts'
import { optionsTable } from '../../support/options-table.ts'

const LIFETIME = 14_400
const INACTIVE = { active: false }

interface Answer {
  status: number
  type: string | null
  body: unknown
}

/** All that an answer says; its body must be JSON. */
const read = async (response: Response): Promise<Answer> => ({
  status: response.status,
  type: response.headers.get('content-type'),
  body: await response.json(),
})
const ok = (body: object): Answer => ({ status: 200, type: 'application/json', body })
const refusal = (status: number, message: string): Answer => ({ status, type: 'application/json', body: { message } })

describe('WixSimulator', () => {
  let wix: WixSimulator
  /** The clock, in milliseconds; only a test moves it. */
  let time: number
  const start = (options: Partial<WixSimulatorOptions> = {}): Promise<WixSimulator> =>
    WixSimulator.start({ appId: APP_ID, appSecret: SECRET, now: () => time, ...options })

  beforeEach(async () => {
    time = NOW
    wix = await start()
  })
  afterEach(() => wix.close())

  const post = (endpoint: WixSimulatorEndpoint, body: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`${wix.url}/oauth2/${endpoint}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    })
  const tokenInfo = async (token: unknown): Promise<Answer> => read(await post('token-info', { token }))
  const credentials = (overrides: object = {}): object => ({
    grant_type: 'client_credentials',
    client_id: APP_ID,
    client_secret: SECRET,
    instance_id: 'instance-1',
    ...overrides,
  })
  const token = (overrides: Partial<WixSimulatorSubject> = {}): string =>
    wix.accessToken({ instanceId: 'instance-1', ...overrides })

  /** What Token Info says of the token of the app; overrides replace. */
  const info = (overrides: object = {}): Answer =>
    ok({
      active: true,
      subjectType: 'APP',
      subjectId: APP_ID,
      exp: SECONDS + LIFETIME,
      iat: SECONDS,
      clientId: APP_ID,
      siteId: null,
      instanceId: 'instance-1',
      accountId: null,
      vendorProductId: null,
      ...overrides,
    })

  describe('accessToken', () => {
    it('looks like a token of Wix', () => {
      const [form, jws, header = '', claims = '', signature, ...rest] = token().split('.')
      expect([form, jws, rest]).to.deep.equal(['OauthNG', 'JWS', []])
      expect(signature).to.match(/^[\w-]{43}$/)
      const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
      expect(decode(header)).to.include({ alg: 'HS256' }).and.have.property('kid').that.is.a('string')
      const decoded = decode(claims) as { data: string }
      expect(decoded).to.include({ iat: SECONDS, exp: SECONDS + LIFETIME })
      expect(JSON.parse(decoded.data)).to.include({ instanceId: 'instance-1' })
    })

    it('is another string each time', async () => {
      const [one, two] = [token(), token()]
      expect(one).to.not.equal(two)
      wix.revoke(one)
      expect(await tokenInfo(one)).to.deep.equal(ok(INACTIVE))
      expect(await tokenInfo(two)).to.deep.equal(info())
    })

    it('stands for the app for four hours by default', async () => {
      expect(await tokenInfo(token())).to.deep.equal(info())
    })

    it('stands for any subject, with all that Token Info says of one', async () => {
      for (const subjectType of ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN'] as const) {
        const subject = {
          instanceId: 'instance-ü',
          subjectType,
          subjectId: 'subject-1',
          siteId: 'site-1',
          accountId: 'account-1',
          vendorProductId: 'gold',
          clientId: 'app-2',
        }
        const { expiresIn, ...told } = { ...subject, expiresIn: 60 }
        expect(await tokenInfo(token({ ...told, expiresIn }))).to.deep.equal(info({ ...told, exp: SECONDS + 60 }))
      }
    })

    it('has no subject where none is given, but for an app', async () => {
      expect(await tokenInfo(token({ subjectType: 'VISITOR' }))).to.deep.equal(
        info({ subjectType: 'VISITOR', subjectId: null }),
      )
      expect(await tokenInfo(token({ clientId: 'app-2' }))).to.deep.equal(
        info({ clientId: 'app-2', subjectId: 'app-2' }),
      )
      expect(await tokenInfo(token({ subjectId: null }))).to.deep.equal(info({ subjectId: null }))
    })
  })

  describe('POST /oauth2/token-info', () => {
    it('says inactive from the second in which a token expires', async () => {
      const good = token({ expiresIn: 60 })
      time = NOW + 59_999
      expect(await tokenInfo(good)).to.deep.equal(info({ exp: SECONDS + 60 }))
      time = NOW + 60_000
      expect(await tokenInfo(good)).to.deep.equal(ok(INACTIVE))
      expect(await tokenInfo(token({ expiresIn: 0 }))).to.deep.equal(ok(INACTIVE))
    })

    it('says inactive for what was revoked, and for that alone', async () => {
      const [revoked, good] = [token(), token()]
      const [revokedInstance, goodInstance] = [instance(), instance({ uid: 'user-2' })]
      for (const credential of [revoked, revokedInstance, good, goodInstance]) {
        expect((await tokenInfo(credential)).body).to.include({ active: true })
      }
      wix.revoke(revoked)
      wix.revoke(revokedInstance)
      expect(await tokenInfo(revoked)).to.deep.equal(ok(INACTIVE))
      expect(await tokenInfo(revokedInstance)).to.deep.equal(ok(INACTIVE))
      expect((await tokenInfo(good)).body).to.include({ active: true })
      expect((await tokenInfo(goodInstance)).body).to.include({ active: true })
    })

    it('says inactive for an unknown token', async () => {
      const other = await start()
      const foreign = other.accessToken({ instanceId: 'instance-1' })
      await other.close()
      const good = token()
      const unknown = {
        'of another simulator': foreign,
        'no token': 'x',
        'without the prefix': good.replace('OauthNG.JWS.', ''),
        'with a scheme': `Bearer ${good}`,
        'with a line end': `${good}\n`,
        'without the signature': good.slice(0, good.lastIndexOf('.') + 1),
        'with other claims': good.replace(/\.[\w-]+\.([\w-]{43})$/, '.e30.$1'),
        'in another spelling': good.replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)),
        'an instance signed with another secret': instance({}, OTHER_SECRET),
        'an instance without an id': sign({}),
      }
      for (const [name, value] of Object.entries(unknown)) {
        expect(await tokenInfo(value), name).to.deep.equal(ok(INACTIVE))
      }
      expect(await tokenInfo(good)).to.deep.equal(info())
    })

    it('accepts an instance, and returns its subject', async () => {
      const user = { subjectType: 'USER', subjectId: 'user-1', iat: SECONDS - 60, exp: SECONDS + LIFETIME - 60 }
      expect(await tokenInfo(instance())).to.deep.equal(info(user))
      expect(
        await tokenInfo(instance({ appDefId: 'app-2', metaSiteId: 'site-1', vendorProductId: 'gold' })),
      ).to.deep.equal(info({ ...user, clientId: 'app-2', siteId: 'site-1', vendorProductId: 'gold' }))
      expect(await tokenInfo(instance({ aid: 'visitor-1', appDefId: undefined }))).to.deep.equal(
        info({ ...user, subjectType: 'VISITOR', subjectId: 'visitor-1' }),
      )
    })

    it('says inactive when the expirationDate of an instance has come', async () => {
      const credential = instance({ expirationDate: iso(20) })
      time = NOW + 19_999
      expect((await tokenInfo(credential)).body).to.include({ active: true, exp: SECONDS + 20 })
      time = NOW + 20_000
      expect(await tokenInfo(credential)).to.deep.equal(ok(INACTIVE))
    })

    it('says inactive four hours after the signDate of an instance that has no expirationDate', async () => {
      const credential = signInstance(payload({ signDate: iso(0), expirationDate: undefined }), SECRET)
      time = NOW + LIFETIME * 1000 - 1
      expect((await tokenInfo(credential)).body).to.include({ active: true, iat: SECONDS, exp: SECONDS + LIFETIME })
      time = NOW + LIFETIME * 1000
      expect(await tokenInfo(credential)).to.deep.equal(ok(INACTIVE))
      expect(await tokenInfo(instance({ signDate: undefined }))).to.deep.equal(ok(INACTIVE))
    })

    it('rejects a body without a token', async () => {
      for (const body of ['', 'token', '[]', 'null', '"token"', {}, { token: '' }, { token: 1 }, { token: ['x'] }]) {
        expect(await read(await post('token-info', body))).to.deep.equal(refusal(400, 'Needs JSON with a token'))
      }
    })
  })

  describe('POST /oauth2/token', () => {
    it('issues a token of the app for the installation', async () => {
      const answer = await read(await post('token', credentials({ instance_id: 'instance-2' })))
      const { access_token: issued, ...rest } = answer.body as { access_token: string }
      expect({ ...answer, body: rest }).to.deep.equal(ok({ token_type: 'Bearer', expires_in: LIFETIME }))
      expect(await tokenInfo(issued)).to.deep.equal(info({ instanceId: 'instance-2' }))
    })

    it('rejects anything else', async () => {
      const wrong = [
        '',
        'grant_type=client_credentials',
        {},
        credentials({ grant_type: 'authorization_code' }),
        credentials({ client_id: 'app-2' }),
        credentials({ client_secret: OTHER_SECRET }),
        credentials({ client_secret: [SECRET] }),
        credentials({ instance_id: '' }),
        credentials({ instance_id: undefined }),
        credentials({ instance_id: 1 }),
      ]
      const message = 'Needs JSON with grant_type client_credentials, client_id, client_secret, instance_id'
      for (const body of wrong) expect(await read(await post('token', body))).to.deep.equal(refusal(400, message))
    })
  })

  describe('whatever else it is sent', () => {
    it('gets a 404', async () => {
      const requests: Array<[method: string, path: string]> = [
        ['GET', '/oauth2/token-info'],
        ['PUT', '/oauth2/token'],
        ['POST', '/'],
        ['POST', '/oauth2/token-info/'],
        ['POST', '/oauth2/token-info?token=x'],
        ['POST', '/OAUTH2/token'],
        ['POST', '/oauth/access'],
        ['POST', '/__proto__'],
      ]
      for (const [method, path] of requests) {
        const body = method === 'GET' ? {} : { body: '{}' }
        expect(await read(await fetch(wix.url + path, { method, ...body })), `${method} ${path}`).to.deep.equal(
          refusal(404, 'The simulator has no such endpoint'),
        )
      }
      expect([wix.calls('token'), wix.calls('token-info')]).to.deep.equal([0, 0])
    })

    it('gets a 413 for a body of more than 64 KiB', async () => {
      const body = JSON.stringify({ token: '' })
      const fill = (size: number): string => JSON.stringify({ token: 'x'.repeat(size - body.length) })
      expect(await read(await post('token-info', fill(65_536)))).to.deep.equal(ok(INACTIVE))
      for (const size of [65_537, 4_000_000]) {
        expect(await read(await post('token-info', fill(size)))).to.deep.equal(
          refusal(413, 'The body is larger than 64 KiB'),
        )
      }
    })

    it('gets a 500 when the clock of the test throws', async () => {
      let isBroken = false
      await wix.close()
      wix = await start({
        now() {
          if (isBroken) throw new Error('stopped')
          return NOW
        },
      })
      const tokens = [token(), instance()]
      isBroken = true
      for (const value of tokens) expect(await tokenInfo(value)).to.deep.equal(refusal(500, 'Error: stopped'))
    })

    it('stays alive when the client disconnects halfway', async () => {
      const options: RequestOptions = { method: 'POST', headers: { 'Content-Length': 100 } }
      const outgoing = request(`${wix.url}/oauth2/token-info`, options)
      outgoing.write('{')
      while (wix.calls('token-info') === 0) await new Promise((resolve) => setImmediate(resolve))
      const gone = once(outgoing, 'error')
      outgoing.destroy(new Error('gone'))
      await gone
      expect(await tokenInfo(token())).to.deep.equal(info())
    })
  })

  describe('calls', () => {
    it('counts the requests of each endpoint, whatever the answer was', async () => {
      await tokenInfo(token())
      await tokenInfo('x')
      await post('token-info', '')
      expect([wix.calls('token-info'), wix.calls('token')]).to.deep.equal([3, 0])
      wix.fault('token-info', { status: 500 })
      await post('token-info', { token: 'x' })
      wix.fault('token-info', { drop: true })
      await post('token-info', { token: 'x' }).catch(() => {})
      await post('token', credentials())
      expect([wix.calls('token-info'), wix.calls('token')]).to.deep.equal([5, 1])
    })
  })

  describe('fault', () => {
    /** The answer of Token Info to a good token with this fault. */
    const faulty = (fault: WixSimulatorFault, init: RequestInit = {}): Promise<Response> => {
      wix.fault('token-info', fault)
      return post('token-info', { token: token() }, init)
    }
    const failureOf = (promise: Promise<unknown>): Promise<Error> =>
      promise.then(
        () => new Error('answered'),
        (error: Error) => error,
      )

    it('answers {} with 200 when it says nothing', async () => {
      expect(await read(await faulty({}))).to.deep.equal(ok({}))
    })

    it('answers all requests of that endpoint until it is replaced or removed', async () => {
      wix.fault('token-info', { status: 500 })
      for (let call = 0; call < 2; call++) {
        expect(await tokenInfo(token())).to.deep.equal({ ...ok({}), status: 500 })
      }
      expect((await post('token', credentials())).status).to.equal(200)
      wix.fault('token-info', { status: 503 })
      expect(await tokenInfo(token())).to.deep.equal({ ...ok({}), status: 503 })
      wix.fault('token-info', null)
      expect(await tokenInfo(token())).to.deep.equal(info())
      wix.fault('token', { status: 401 })
      expect((await post('token', credentials())).status).to.equal(401)
      expect((await tokenInfo(token())).status).to.equal(200)
    })

    it('sends status, headers and an object', async () => {
      const body = { message: 'Too many requests' }
      const response = await faulty({ status: 429, headers: { 'Retry-After': '7' }, body })
      expect(response.headers.get('retry-after')).to.equal('7')
      expect(await read(response)).to.deep.equal({ status: 429, type: 'application/json', body })
    })

    it('sends a string as it is', async () => {
      const response = await faulty({ status: 502, body: '<h1>Bad Gatewäy</h1>' })
      expect([response.status, response.headers.get('content-type')]).to.deep.equal([502, 'text/plain'])
      expect(await response.text()).to.equal('<h1>Bad Gatewäy</h1>')
      expect(await (await faulty({ body: '' })).text()).to.equal('')
    })

    it('sends its own type in place of the usual one', async () => {
      const response = await faulty({ headers: { 'content-type': 'text/html' }, body: '<p>' })
      expect(response.headers.get('content-type')).to.equal('text/html')
    })

    it('redirects with 307, or with the status of another redirect', async () => {
      const redirect = `${wix.url}/elsewhere`
      const statuses: Array<[given: number | undefined, sent: number]> = [
        [undefined, 307],
        [200, 307],
        [300, 307],
        [301, 301],
        [302, 302],
        [308, 308],
        [309, 307],
        [500, 307],
      ]
      for (const [status, sent] of statuses) {
        const response = await faulty({ redirect, ...(status === undefined ? {} : { status }) }, { redirect: 'manual' })
        expect([response.status, response.headers.get('location')]).to.deep.equal([sent, redirect])
      }
    })

    it('closes the connection without an answer', async () => {
      const error = await failureOf(faulty({ drop: true }))
      expect(error).to.have.property('message', 'fetch failed')
    })

    it('does whatever it does after the delay, and never before', async () => {
      const redirect = `${wix.url}/elsewhere`
      for (const fault of [{ status: 503 }, { redirect, status: 302 }, { drop: true }]) {
        const began = performance.now()
        const outcome = await faulty({ ...fault, delay: 0.02 }, { redirect: 'manual' }).then(
          (response) => response.status,
          () => 'closed',
        )
        expect(outcome).to.equal('drop' in fault ? 'closed' : fault.status)
        expect(performance.now() - began).to.be.at.least(20)
      }
    })

    it('hangs with a delay that is longer than any timer', async () => {
      for (const delay of [Infinity, 86_400 * 365]) {
        const error = await failureOf(faulty({ delay }, { signal: AbortSignal.timeout(30) }))
        expect(error).to.have.property('name', 'TimeoutError')
      }
      wix.fault('token-info', null)
      expect(await tokenInfo(token())).to.deep.equal(info())
    })

    const wrongEndpoints = [
      'tokeninfo',
      'Token',
      '/oauth2/token',
      '',
      '__proto__',
      'constructor',
      undefined,
      null,
      7,
      ['token'],
    ]
    it('rejects an endpoint that it does not have', () => {
      for (const endpoint of wrongEndpoints) {
        for (const fault of [{ status: 500 }, null]) {
          expect(() => wix.fault(endpoint as never, fault), inspect(endpoint))
            .to.throw(TypeError)
            .with.property('message', 'WixSimulator.fault: the endpoint must be token-info or token')
        }
      }
    })

    const status = 'option `status` must be a status from 200 to 599'
    const wrongFaults: Array<[unknown, string]> = [
      [undefined, 'the options must be an object'],
      [[], 'the options must be an object'],
      [500, 'the options must be an object'],
      [{ code: 500 }, 'unknown option `code`; known options are status, headers, body, delay, drop, redirect'],
      [{ status: 199 }, status],
      [{ status: 600 }, status],
      [{ status: 200.5 }, status],
      [{ status: NaN }, status],
      [{ status: '500' }, status],
      [{ status: undefined }, status],
      [{ headers: 'Retry-After: 7' }, 'option `headers` must be an object'],
      [{ headers: null }, 'option `headers` must be an object'],
      [{ body: 7 }, 'option `body` must be a string or an object'],
      [{ body: null }, 'option `body` must be a string or an object'],
      [{ delay: -1 }, 'option `delay` must be a number of seconds'],
      [{ delay: NaN }, 'option `delay` must be a number of seconds'],
      [{ delay: '1' }, 'option `delay` must be a number of seconds'],
      [{ drop: 1 }, 'option `drop` must be true or false'],
      [{ redirect: '' }, 'option `redirect` must be a non-empty string'],
      [{ redirect: new URL('https://elsewhere.example') }, 'option `redirect` must be a non-empty string'],
    ]
    it('rejects what is no fault, and keeps the one before', async () => {
      for (const [fault, message] of wrongFaults) {
        wix.fault('token-info', { status: 503 })
        expect(() => wix.fault('token-info', fault as never), inspect(fault)).to.throw(
          TypeError,
          `WixSimulator.fault: ${message}`,
        )
        // The one before stays.
        expect((await tokenInfo(token())).status, inspect(fault)).to.equal(503)
      }
    })

    it('accepts values at the limits', () => {
      for (const fault of [
        { status: 200 },
        { status: 599 },
        { delay: 0 },
        { body: [] },
        { body: '' },
        { drop: false },
      ]) {
        wix.fault('token', fault)
      }
    })

    it('is copied: later changes of the object have no effect', async () => {
      const fault = { status: 503 }
      wix.fault('token-info', fault)
      fault.status = 500
      expect((await tokenInfo(token())).status).to.equal(503)
    })

    it('answers 500 when it cannot be sent', async () => {
      const { status, body } = await read(await faulty({ headers: { 'Retry-After': 'a\nb' } }))
      expect([status, (body as { message: string }).message]).to.deep.equal([
        500,
        'TypeError [ERR_INVALID_CHAR]: Invalid character in header content ["Retry-After"]',
      ])
    })
  })

  describe('start and close', () => {
    it('listens on this machine alone, on a port that was free', async () => {
      expect(wix.url).to.match(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/)
      const { port } = new URL(wix.url)
      const others = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses)
      for (const address of ['127.0.0.2', '::1', ...others.map(({ address }) => address)]) {
        if (address === '127.0.0.1') continue
        const answer = once(connect({ host: address, port: Number(port) }), 'connect').catch((error: unknown) => error)
        expect(await answer, address).to.be.instanceOf(Error)
      }
      const second = await start()
      expect(second.url).to.not.equal(wix.url)
      await second.close()
    })

    it('uses the clock of the machine by default', async () => {
      await wix.close()
      wix = await WixSimulator.start({ appId: APP_ID, appSecret: SECRET })
      const began = Math.floor(Date.now() / 1000)
      const { iat } = (await tokenInfo(token())).body as { iat: number }
      expect(iat).to.be.within(began, Date.now() / 1000)
      expect(await tokenInfo(signInstance({ instanceId: 'instance-1' }, SECRET)))
        .to.have.nested.property('body.iat')
        .that.is.within(began, Date.now() / 1000)
    })

    it('listens on the given port, and rejects when that is in use', async () => {
      const port = await freePort()
      const blocker = createServer().listen(port, '127.0.0.1')
      await once(blocker, 'listening')
      const error = await start({ port }).catch((reason: unknown) => reason)
      expect(error).to.have.property('code', 'EADDRINUSE')
      blocker.close()
      await once(blocker, 'close')
      const fixed = await start({ port })
      expect(fixed.url).to.equal(`http://127.0.0.1:${port}`)
      await fixed.close()
    })

    it('closes the requests that are waiting, and answers no more', async () => {
      for (const delay of [60, Infinity]) {
        const simulator = await start()
        simulator.fault('token-info', { delay })
        const call = (): Promise<unknown> =>
          fetch(`${simulator.url}/oauth2/token-info`, { method: 'POST', body: '{}' }).catch((error: unknown) => error)
        const waiting = call()
        while (simulator.calls('token-info') === 0) await new Promise((resolve) => setImmediate(resolve))
        await simulator.close()
        expect(await waiting).to.have.property('message', 'fetch failed')
        expect(await call()).to.have.nested.property('cause.code', 'ECONNREFUSED')
        await simulator.close()
      }
    })

    it('lets the process exit, whatever was waiting', async function () {
      this.timeout(60_000)
      const program = `
        import { WixSimulator } from ${JSON.stringify(new URL('../../../devtools/testing/index.ts', import.meta.url).href)}
        const wix = await WixSimulator.start({ appId: 'app-1', appSecret: 'secret' })
        wix.fault('token', { delay: 3600 })
        const waiting = fetch(wix.url + '/oauth2/token', { method: 'POST', body: '{}' }).catch((error) => error.message)
        while (wix.calls('token') === 0) await new Promise((resolve) => setImmediate(resolve))
        // The delay begins when the body was read.
        await new Promise((resolve) => setTimeout(resolve, 20))
        await wix.close()
        console.log(await waiting)`
      const options = ['--import', 'tsx/esm', '--input-type=module', '--eval', program]
      const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 55_000 })
      expect(stdout).to.equal('fetch failed\n')
    })

    const good = { appId: APP_ID, appSecret: SECRET }
    const wrong: Array<[unknown, string]> = [
      [undefined, 'the options must be an object'],
      [[], 'the options must be an object'],
      [{}, 'option `appId` is missing'],
      [{ appId: APP_ID }, 'option `appSecret` is missing'],
      [{ appSecret: SECRET }, 'option `appId` is missing'],
      [{ ...good, appId: undefined }, 'option `appId` must be a non-empty string'],
      [{ ...good, appId: 1 }, 'option `appId` must be a non-empty string'],
      [{ ...good, appSecret: undefined }, 'option `appSecret` must be a non-empty string'],
      [{ ...good, appSecret: '' }, 'option `appSecret` must be a non-empty string'],
      [
        { ...good, appSecret: `${SECRET}\n` },
        'option `appSecret` must be a non-empty string without leading or trailing whitespace',
      ],
      [{ ...good, appSecret: [SECRET] }, 'option `appSecret` must be a non-empty string'],
      [{ ...good, port: '8080' }, 'option `port` must be an integer from 0 to 65535'],
      [{ ...good, port: -1 }, 'option `port` must be'],
      [{ ...good, port: 65_536 }, 'option `port` must be'],
      [{ ...good, port: 0.5 }, 'option `port` must be'],
      [{ ...good, now: NOW }, 'option `now` must be a function'],
      [{ ...good, secret: SECRET }, 'unknown option `secret`; known options are appId, appSecret, port, now'],
    ]
    describe('P-10: its options', () => {
      optionsTable({ 'WixSimulator.start': (options: never) => WixSimulator.start(options) }, wrong)
    })
  })
})
