import { execFile } from 'node:child_process'
import { once } from 'node:events'
import https from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { collect } from '../../lib/internal/bytes.ts'
import { remoteClient } from '../../lib/internal/remote.ts'
import { httpFetch } from '../../lib/internal/transport.ts'
import { accessToken } from '../support/access-token.ts'
import { errorOf, unavailableOf } from '../support/errors.ts'
import { freePort } from '../support/free-port.ts'
import { ANSWER } from '../support/remote.ts'
import { tokenInfoServer, whole } from '../support/token-info-server.ts'

const LIB = new URL('../../lib/index.ts', import.meta.url).href

/** A server that begins each answer like this, and then does `more`. */
async function rawServer(begin: string, more: (socket: Socket) => void = () => {}): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(begin)
      more(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const hostOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`

describe('httpFetch', () => {
  it('sends what it is told to, names itself, and asks for no compression', async () => {
    const server = await tokenInfoServer(whole(ANSWER, 429, { 'Retry-After': '7' }))
    const { signal } = new AbortController()
    const init = { method: 'POST', headers: { A: 'b' }, body: 'für', redirect: 'manual', signal } as const
    const { status, headers, body } = await httpFetch(`${server.url}/a?b=c`, init)
    expect([status, headers.get('Retry-After'), headers.get('x-none')]).to.deep.equal([429, '7', null])
    expect(JSON.parse(String(body && (await collect(body, 1000))))).to.deep.equal(ANSWER)
    await server.close()
    expect(server.calls).to.deep.equal([
      {
        method: 'POST',
        url: '/a?b=c',
        body: 'für',
        headers: {
          a: 'b',
          'accept-encoding': 'identity',
          connection: 'keep-alive',
          'content-length': '4',
          host: new URL(server.url).host,
          'user-agent': 'passport-wix-app',
        },
      },
    ])
  })

  it('uses a connection again', async () => {
    const server = await tokenInfoServer(whole(ANSWER))
    const ask = remoteClient({ server: 'Elsewhere' })
    for (let call = 0; call < 3; call++) expect(await ask({ url: server.url, timeout: 20 })).to.deep.equal(ANSWER)
    await server.close()
    expect([server.calls.length, server.connections]).to.deep.equal([3, 1])
  })

  it('rejects for a header that cannot be sent', async () => {
    const init = { headers: { a: 'b\nc' }, redirect: 'manual', signal: new AbortController().signal } as const
    expect(await errorOf(httpFetch('http://127.0.0.1:9', init))).to.have.property('code', 'ERR_INVALID_CHAR')
  })
})

describe('An answer that ends the process of a client that decodes it', () => {
  const PROGRAM = `
    const { resolveUserInfo, WixAccessTokenStrategy, WixSessionStrategy } = await import(${JSON.stringify(LIB)})
    const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const run = (strategy, token) =>
      new Promise((resolve) => {
        const req = { headers: { authorization: 'Bearer ' + token }, query: {} }
        Object.assign(Object.create(strategy), { success: resolve, fail: resolve, error: resolve }).authenticate(req)
      })
    const KINDS = {
      tokenInfo: (url) =>
        run(new WixAccessTokenStrategy({ appId: 'app', apiUrl: url, timeout: 1 }, () => null), process.env.TOKEN),
      keySet: (url) =>
        run(
          new WixSessionStrategy({ jwksUri: url, issuer: 'a', audience: 'b' }),
          [encoded({ alg: 'ES256', typ: 'wix-session+jwt', kid: 'a' }), encoded({ exp: 9e9 }), 'a'.repeat(86)].join('.'),
        ),
      userInfo: (url) => resolveUserInfo('/me', { token: 'a', baseUrl: url, timeout: 1 }).catch((error) => error),
    }
    const answers = Object.entries(KINDS).flatMap(([kind, ask]) =>
      process.argv.slice(1).map(async (host) => [kind, (await ask('http://' + host)).message ?? 'refused']),
    )
    const found = await Promise.all(answers)
    // Until whatever was left behind has happened.
    await new Promise((resolve) => setTimeout(resolve, 300))
    console.log(JSON.stringify([...found, process.moduleLoadList.filter((name) => name.endsWith('undici/undici'))]))`

  const ends: Array<[string, (socket: Socket) => void]> = [
    ['stays open', () => {}],
    ['is reset', (socket) => void setTimeout(() => socket.resetAndDestroy(), 50)],
    ['is closed', (socket) => void setTimeout(() => socket.end(), 50)],
  ]
  const head = (status: number, encodings: number): string =>
    `HTTP/1.1 ${status} OK\r\nContent-Length: 1000\r\n${'Content-Encoding: gzip\r\n'.repeat(encodings)}\r\n{"a":`

  it('is an outage (503), whoever sends it, and Node does not even load such a client', async () => {
    const servers = await Promise.all(
      [head(200, 6), head(200, 5000), head(404, 6)].flatMap((begin) => ends.map(([, end]) => rawServer(begin, end))),
    )
    try {
      const program = ['--import', 'tsx/esm', '--input-type=module', '-e', PROGRAM, ...servers.map(hostOf)]
      const { stdout } = await promisify(execFile)(process.execPath, program, {
        env: { ...process.env, TOKEN: accessToken() },
      })
      const found = JSON.parse(stdout) as unknown[]
      expect(found.pop()).to.deep.equal([])
      expect(found).to.have.length(3 * servers.length)
      for (const [kind, message] of found as string[][]) {
        // The status 404 of Token Info.
        if (message === 'refused') expect(kind).to.equal('tokenInfo')
        else expect(message).to.match(/^(Token Info|The key set|The user info endpoint) is unavailable: /)
      }
    } finally {
      for (const server of servers) server.close()
    }
  }).timeout(60_000)
})

describe('A proxy in the environment', () => {
  const NAMES = ['HTTPS_PROXY', 'https_proxy']
  const inherited = NAMES.map((name) => process.env[name])
  const set = (values: ReadonlyArray<string | undefined>): void => {
    for (const [index, name] of NAMES.entries()) {
      if (values[index] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = values[index]
    }
  }
  afterEach(() => set(inherited))

  const why = async (url: string, more: object = {}, timeout = 20): Promise<string> => {
    const [said] = await unavailableOf('Elsewhere', remoteClient({ server: 'Elsewhere', ...more })({ url, timeout }))
    return said
  }
  const hint = (name: string): string =>
    `; Node uses ${name} only with NODE_USE_ENV_PROXY=1, from 22.21 and 24.5 on: before, pass the option \`fetch\``

  let silent: Server
  let closed: string
  before(async () => {
    silent = await rawServer('')
    closed = `127.0.0.1:${await freePort()}`
  })
  after(() => void silent.close())

  it('is named when a server was not reached, since Node does not use it', async () => {
    for (const [values, name] of [
      [['http://user:canary@proxy.example', undefined], 'HTTPS_PROXY'],
      [['', 'http://proxy.example'], 'https_proxy'],
    ] as const) {
      set(values)
      expect(await why(`https://${closed}/?canary`)).to.equal(`no connection to ${closed} (ECONNREFUSED)${hint(name)}`)
      expect(await why(`https://${hostOf(silent)}`, {}, 0.3)).to.equal(
        `no answer from ${hostOf(silent)} within 0.3 s${hint(name)}`,
      )
    }
  })

  it('is not named where it would not help, may be in use, or is not set', async () => {
    const none = `no connection to ${closed} (ECONNREFUSED)`
    for (const values of [
      [undefined, undefined],
      ['', ''],
    ]) {
      set(values)
      expect(await why(`https://${closed}`)).to.equal(none)
    }
    set(['http://proxy.example', undefined])
    expect(await why(`http://${closed}`)).to.equal(none)
    expect(
      await why(`https://${closed}`, { fetch: (...args: Parameters<typeof httpFetch>) => httpFetch(...args) }),
    ).to.equal(none)
    const { options } = https.globalAgent
    Object.assign(options, { proxyEnv: {} })
    try {
      expect(await why(`https://${closed}`)).to.equal(none)
    } finally {
      Object.assign(options, { proxyEnv: undefined })
    }
  })
})
