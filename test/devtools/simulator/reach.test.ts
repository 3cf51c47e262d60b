import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import sinon from 'sinon'
import type { Entry } from '../../../devtools/simulator/log.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../devtools/simulator/index.ts'
import { accessTokenVerifier } from '../../../lib/index.ts'
import { generateKeys } from '../../../devtools/simulator/keys.ts'
import { isSame, nearbyUrl, reachOf } from '../../../devtools/simulator/reach.ts'
import { OWNER } from '../../support/dashboard.ts'
import { serve, type Served } from '../../support/serve.ts'

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: string
}

const PUBLIC = 'https://dashboard.example'

const WAYS: [title: string, options: Partial<SimulatorOptions>][] = [
  ['on this machine', {}],
  ['with --host', { host: '0.0.0.0' }],
  ['with --host and --public-url', { host: '0.0.0.0', publicUrl: PUBLIC }],
]

for (const [title, options] of WAYS) {
  const isExposed = options.host !== undefined

  describe(`A simulator ${title}`, () => {
    let folder: string
    let app: Served
    let simulator: Simulator
    let port: string
    const settled: Entry[] = []
    let reached = 0

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
      app = await serve((_req, res) => {
        reached++
        res.end('Hello')
      })
      const url = app.url.replace('127.0.0.1', 'localhost')
      simulator = await startSimulator({
        ...options,
        app: url,
        webhooks: `${url}/webhooks`,
        folder,
        settled: (entry) => void settled.push(entry),
      })
      port = new URL(simulator.environment.WIX_API_URL).port
    })
    after(async () => {
      await simulator.close()
      await app.close()
      await rm(folder, { recursive: true, force: true })
    })
    beforeEach(() => {
      settled.length = 0
      reached = 0
    })
    afterEach(() => sinon.restore())

    const ask = async (
      method: string,
      path: string,
      headers: Record<string, string> = {},
      body = '',
    ): Promise<Answer> => {
      const Host = new URL(simulator.url).host
      const options = { host: '127.0.0.1', port, path, method, headers: { Host, ...headers }, agent: false } as const
      const req = request(options).end(body)
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      let text = ''
      for await (const chunk of res) {
        text += String(chunk)
        // The state has no end.
        if (text.startsWith('retry:')) res.destroy()
      }
      return { status: Number(res.statusCode), headers: res.headers, body: text }
    }
    /** What a browser sends that has opened the address of the terminal. */
    const browser = async (): Promise<Record<string, string>> => {
      const { pathname, search } = new URL(simulator.dashboard)
      const { headers } = await ask('GET', pathname + search)
      const [cookie = ''] = headers['set-cookie'] ?? []
      return { Origin: simulator.url, 'Sec-Fetch-Site': 'same-origin', Cookie: cookie.split(';')[0] ?? '' }
    }
    const json = { 'Content-Type': 'application/json' }
    const order = JSON.stringify({ ...OWNER, action: 'order' })
    const callPath = (): string =>
      `${new URL(simulator.environment.WIX_API_URL).pathname.replace(/\/$/, '')}/oauth2/token-info`
    const filesIn = async (): Promise<string[]> =>
      Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))

    it('does what its own dashboard asks for', async () => {
      const sent = await ask('POST', '/send', { ...(await browser()), ...json }, order)
      expect([sent.status, settled.length, reached]).to.deep.equal([200, 1, 1])
      const { Origin: _origin, ...headers } = await browser()
      const state = await ask('GET', '/state', headers).catch(() => undefined)
      expect(state === undefined || state.status === 200).to.equal(true)
      expect((await ask('GET', '/', headers)).status).to.equal(200)
    })

    it('answers the app that asks about a token', async () => {
      const { WIX_APP_ID: appId, WIX_API_URL: apiUrl } = simulator.environment
      const token = JSON.parse(
        (await ask('POST', '/token', { ...(await browser()), ...json }, JSON.stringify(OWNER))).body,
      ) as {
        token: string
      }
      settled.length = 0
      const info = await accessTokenVerifier({ appId, apiUrl })(token.token)
      expect(info).to.include({ subjectType: 'USER' })
      expect(settled.map(({ title }) => title)).to.deep.equal(['Your app called /oauth2/token-info'])
    })

    const foreign: [who: string, headers: (own: Record<string, string>) => Record<string, string>][] = [
      [
        'a web page',
        ({ Cookie = '' }) => ({ Origin: 'https://attacker.example', 'Sec-Fetch-Site': 'cross-site', Cookie }),
      ],
      ['a page without an origin', ({ Cookie = '' }) => ({ Origin: 'null', 'Sec-Fetch-Site': 'cross-site', Cookie })],
      [
        'the page in the frame',
        ({ Cookie = '' }) => ({
          Origin: app.url.replace('127.0.0.1', 'localhost'),
          'Sec-Fetch-Site': 'same-site',
          Cookie,
        }),
      ],
      [
        'a page on another port of this machine',
        ({ Cookie = '' }) => ({ Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'same-site', Cookie }),
      ],
      [
        'a page under the other name of this machine',
        ({ Cookie = '' }) => ({ Origin: `http://localhost:${port}`, 'Sec-Fetch-Site': 'cross-site', Cookie }),
      ],
      [
        'a web page that leads its name to this machine',
        (own) => ({ ...own, Host: `attacker.example:${port}`, Origin: `http://attacker.example:${port}` }),
      ],
      ['a form', (own) => ({ ...own, 'Content-Type': 'text/plain' })],
    ]
    const strangers: typeof foreign = [
      ['a program of the network', (own) => ({ Origin: own['Origin'] ?? '' })],
      [
        'a program of the network with a wrong key',
        ({ Cookie = '', ...own }) => ({ ...own, Cookie: `${Cookie.slice(0, -1)}-` }),
      ],
      [
        'a program of the network with the key of the app',
        ({ Cookie = '', ...own }) => ({ ...own, Cookie: `${Cookie.split('=')[0]}=${callPath().split('/')[1]}` }),
      ],
    ]
    for (const [who, headersOf] of isExposed ? [...foreign, ...strangers] : foreign) {
      it(`lets ${who} not write to its log, read its state, make it sign, or write to the disk`, async () => {
        const own = await browser()
        const [error, log] = [sinon.stub(console, 'error'), sinon.stub(console, 'log')]
        const before = await filesIn()
        const headers = headersOf(own)
        for (const name of ['send', 'open', 'ask', 'token', 'options', 'trigger', 'clear', 'token-info', 'install']) {
          const { status, body } = await ask('POST', `/${name}`, { ...json, ...headers }, order)
          expect(status, name).to.be.oneOf([403, 421])
          expect(Object.keys(JSON.parse(body) as object), name).to.deep.equal(['message'])
        }
        if (headers['Content-Type'] === undefined) {
          const state = await ask('GET', '/state', headers)
          // A browser shows another page nothing of an answer without this header.
          if (state.status === 200) expect(state.headers).to.not.have.property('access-control-allow-origin')
          else expect(state.status).to.be.oneOf([403, 421])
        }
        if (headers['Origin'] !== undefined) {
          expect((await ask('POST', callPath(), headers, '{"token":"x"}')).status).to.be.oneOf([403, 421])
        }
        expect([settled, reached]).to.deep.equal([[], 0])
        expect(await filesIn()).to.deep.equal(before)
        sinon.assert.notCalled(error)
        sinon.assert.notCalled(log)
      })
    }

    it('prints nothing about a request that it cannot read, which anybody may send', async () => {
      const error = sinon.stub(console, 'error')
      expect((await ask('GET', '//')).status).to.equal(404)
      expect((await ask('POST', '//', json)).status).to.equal(404)
      sinon.assert.notCalled(error)
    })

    if (!isExposed) {
      it('has no key, and sets no cookie', async () => {
        expect(simulator.dashboard).to.equal(simulator.url)
        expect((await ask('GET', '/?key=x')).headers).to.not.have.property('set-cookie')
      })
      return
    }

    it('gives its key to who has opened the address of the terminal, in a cookie for it alone', async () => {
      const opened = new URL(simulator.dashboard)
      expect(opened.origin).to.equal(simulator.url)
      const { status, headers } = await ask('GET', opened.pathname + opened.search)
      expect([status, headers.location]).to.deep.equal([303, '/'])
      const secure = simulator.url.startsWith('https:') ? '; Secure' : ''
      const name = `wix-simulator-${new URL(simulator.url).port}`
      expect(headers['set-cookie']).to.deep.equal([
        `${name}=${opened.searchParams.get('key')}; Path=/; HttpOnly; SameSite=Strict${secure}`,
      ])
      for (const path of ['/', '/?key=', '/?key=x', '/dashboard.js?key=x']) {
        const answer = await ask('GET', path)
        expect(answer.headers).to.not.have.property('set-cookie')
        if (path.startsWith('/?') || path === '/')
          expect([answer.status, JSON.parse(answer.body)]).to.deep.equal([
            403,
            { message: 'Open the address of the dashboard that the terminal shows, with its key' },
          ])
      }
      const key = String(opened.searchParams.get('key'))
      const noCookies = [`${name}=`, `${name}=${key.slice(0, -1)}`, `${name}=${key}x`, `x-${name}=${key}`]
      for (const cookie of ['', ...noCookies])
        expect((await ask('GET', '/state', { Cookie: cookie })).status, cookie).to.equal(403)
    })

    it('is asked by the app alone, which has the key of its own in its environment', async () => {
      for (const path of [
        '/oauth2/token-info',
        `/${new URL(simulator.dashboard).searchParams.get('key')}/oauth2/token-info`,
        '/.//oauth2/token-info',
        callPath().replace('/oauth2', 'x/oauth2'),
        callPath().slice(0, 43) + callPath().slice(44),
      ]) {
        expect((await ask('POST', path, {}, '{"token":"x"}')).status).to.equal(403)
      }
      expect(settled).to.deep.equal([])
    })

    it('keeps its keys, which are not the secret of the app, for the same folder', async () => {
      const again = await startSimulator({ ...options, app: 'http://localhost:9', folder })
      await again.close()
      const keyOf = ({ dashboard }: Simulator) => new URL(dashboard).searchParams.get('key')
      expect(keyOf(again))
        .to.equal(keyOf(simulator))
        .and.match(/^[\w-]{43}$/)
      const environment = JSON.stringify(simulator.environment)
      expect(environment).to.not.include(keyOf(simulator))
    })
  })
}

describe('A simulator that others than this machine can reach', () => {
  const started = async (options: Partial<SimulatorOptions>): Promise<Simulator['environment'] & { url: string }> => {
    const simulator = await startSimulator({ app: 'http://localhost:9/', ...options })
    await simulator.close()
    return { url: simulator.url, ...simulator.environment }
  }
  const refused = async (options: object): Promise<string> =>
    String(await started(options).catch((error: unknown) => error))

  it('takes addresses of a network of its own', async () => {
    for (const url of [
      'http://app:3000/x',
      'http://my_app-2/x',
      'http://host.docker.internal:3000/',
      'http://my-pc.local/',
      'http://10.0.0.5/',
      'http://192.168.1.5/',
      'http://172.20.1.5/',
      'http://[fd00::1]/',
      'https://app.example/',
    ]) {
      expect(nearbyUrl(url), url).to.equal(undefined)
    }
    for (const url of [
      'http://example.com/',
      'http://172.32.1.5/',
      'http://8.8.8.8/',
      'http://10.0.0.5.evil.example/',
      'http://host.docker.internal.evil.example/',
      'http://my-pc.localhost.example/',
      'http://u:p@app/',
      'http://u@app/',
      'http://[2001:db8::1]/',
      'ftp://app/',
      'app',
      1,
    ]) {
      expect(nearbyUrl(url), String(url)).to.include('an https URL')
    }
    const app = 'http://app:3000/x'
    expect(await refused({ app })).to.include('TypeError: startSimulator: option `app` must be an https URL')
    expect(await refused({ app: 'http://example.com', host: '0.0.0.0' })).to.include('or in a network of your own')
    expect(await started({ app, host: '0.0.0.0' })).to.have.property('url')
    const publicUrl = 'http://127.0.0.1:4950/'
    expect(await started({ webhooks: app, publicUrl })).to.include({ url: 'http://127.0.0.1:4950' })
  })

  it('has another host than the app, since browsers send cookies to all ports of a host', async () => {
    const message = 'TypeError: startSimulator: option `publicUrl` must have another host than `app` and `widget`'
    expect(await refused({ publicUrl: 'http://localhost:4949' })).to.include(message)
    expect(await refused({ widget: 'https://w.example/x', publicUrl: 'https://w.example' })).to.include(message)
    expect(await started({ app: 'http://127.0.0.1:9/', host: '::' }))
      .to.have.property('url')
      .that.matches(/^http:\/\/localhost:\d+$/)
  })

  it('refuses what is no address to listen on, and no origin', async () => {
    for (const host of ['localhost', 'x', 1, '']) {
      expect(await refused({ host })).to.include('option `host` must be an IP address, such as 0.0.0.0')
    }
    for (const publicUrl of ['https://x.example/path', 'https://x.example/?a', 'http://x.example', 'x', 1]) {
      expect(await refused({ publicUrl })).to.include('option `publicUrl` must be an origin')
    }
  })

  it('is found at the address that it listens on', () => {
    const keys = { ...generateKeys() }
    const at = (host: string, app = 'http://localhost:9/') => reachOf({ host }, 4949, [app], keys)
    expect(at('127.0.0.2')).to.include({ origin: 'http://127.0.0.1:4949', keys: null })
    const exposed = at('192.168.1.5')
    expect(exposed.origin).to.equal('http://192.168.1.5:4949')
    expect(exposed.hosts).to.deep.equal(['127.0.0.1:4949', 'localhost:4949', '192.168.1.5:4949'])
    expect(exposed.apiUrl).to.equal(`http://192.168.1.5:4949/${exposed.keys?.app}`)
    expect(at('fd00::1').origin).to.equal('http://[fd00::1]:4949')
    expect(() => at('192.168.1.5', 'http://192.168.1.5:3000/')).to.throw(TypeError, 'must have another host')
  })

  it('takes the origin of this machine in the place of that of a tunnel, which may replace it, from the same page only', async () => {
    const simulator = await startSimulator({ app: 'http://localhost:9/', publicUrl: PUBLIC })
    try {
      const { origin, port } = new URL(simulator.environment.WIX_API_URL)
      const cookie = (await fetch(`${origin}/${new URL(simulator.dashboard).search}`, { redirect: 'manual' })).headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join()
      const send = async (headers: Record<string, string>): Promise<number> => {
        const all = { Cookie: cookie, 'Content-Type': 'application/json', ...headers }
        return (await fetch(`${origin}/options`, { method: 'POST', headers: all, body: '{}' })).status
      }
      for (const scheme of ['http', 'https']) {
        const Origin = `${scheme}://localhost:${port}`
        expect(await send({ Origin, 'Sec-Fetch-Site': 'same-origin' })).to.equal(200)
        expect(await send({ Origin, 'Sec-Fetch-Site': 'same-site' })).to.equal(403)
        expect(await send({ Origin })).to.equal(403)
      }
      expect(await send({ Origin: PUBLIC })).to.equal(200)
    } finally {
      await simulator.close()
    }
  })
})

describe('Keys of a simulator', () => {
  it('are the same only as a whole, and not where their hashes begin alike', () => {
    const startOf = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 4)
    let other = 0
    while (startOf(`other ${other}`) !== startOf('key')) other++
    expect(isSame('key', 'key')).to.equal(true)
    expect(isSame('key', `other ${other}`)).to.equal(false)
  })
})
