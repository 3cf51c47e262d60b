import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import sinon from 'sinon'
import {
  type Fetch,
  resolveUserInfo,
  type UserInfoContext,
  type UserInfoSource,
  WixAuthError,
  WixUnavailableError,
} from '../../lib/index.ts'
import { NOW, now } from '../support/build.ts'
import { freePort } from '../support/free-port.ts'
import { type Answer, endless, reset, silence, type TokenInfoServer, whole } from '../support/token-info-server.ts'
import { CANARY, errorOf, expectNoCanary, userInfoServers } from '../support/userinfo.ts'

describe('resolveUserInfo with a URL', () => {
  let ours: TokenInfoServer
  let evil: TokenInfoServer
  let context: UserInfoContext

  beforeEach(async () => {
    ;({ ours, evil, context } = await userInfoServers())
  })
  afterEach(() => Promise.all([ours.close(), evil.close()]))

  const resolve = (source: unknown, overrides: object = {}): Promise<Record<string, unknown>> =>
    resolveUserInfo(source as UserInfoSource, { ...context, ...overrides })

  it('calls it with the credential, and returns the claims', async () => {
    expect(await resolve('/me?x=1#part')).to.deep.equal({ email: 'a@example.com' })
    expect(ours.calls).to.have.length(1)
    const [{ method, url, headers } = { method: '', url: '', headers: {} }] = ours.calls
    expect([method, url]).to.deep.equal(['GET', '/me?x=1'])
    expect(headers).to.include({ authorization: 'Bearer CANARY.token', accept: 'application/json' })
    expect(headers).to.not.have.any.keys('cookie', 'referer', 'content-type')
  })

  it('calls it with the fetch of Node by default, and without Authorization when there is no token', async () => {
    expect(await resolveUserInfo('/me', { baseUrl: ours.url })).to.deep.equal({ email: 'a@example.com' })
    expect(ours.calls[0]?.headers).to.not.have.property('authorization')
  })

  const paths: Array<[string, string, string]> = [
    ['me', '', '/me'],
    ['/me', '', '/me'],
    ['/me', '/', '/me'],
    ['me', '/api', '/api/me'],
    ['/me', '/api', '/api/me'],
    ['/me', '/api/', '/api/me'],
    ['?x=1', '/api', '/api/?x=1'],
    ['./me', '/api', '/api/me'],
    ['../me', '/api/v1', '/api/me'],
    ['/me?next=https://evil', '/api', '/api/me?next=https://evil'],
    ['/http://evil', '', '/http://evil'],
    ['tokens', '', '/tokens'],
    ['@evil', '', '/@evil'],
    [':80', '', '/:80'],
    ['.evil', '/api', '/api/.evil'],
    ['/%09/evil', '', '/%09/evil'],
    ['/%5Cevil', '', '/%5Cevil'],
    ['/%2f%2fevil', '', '/%2f%2fevil'],
  ]
  it('resolves a relative URL against the path of baseUrl', async () => {
    // Each with a token of its own: an answer is cached.
    for (const [index, [source, path]] of paths.entries())
      await resolve(source, { baseUrl: ours.url + path, token: `token-${index}` })
    expect(ours.calls.map(({ url }) => url)).to.deep.equal(paths.map(([, , expected]) => expected))
  })

  it('calls an absolute one on the origin of baseUrl, in any spelling', async () => {
    const { port } = new URL(ours.url)
    const hosts = ['127.0.0.1', '127.0.0.1.', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '%31%32%37.0.0.1']
    for (const scheme of ['http://', 'HTTP://', 'http:', 'http:/', 'http:///', 'http:////']) {
      for (const host of hosts) await resolve(`${scheme}${host}:${port}/${scheme}${host}`)
    }
    expect(ours.calls).to.have.length(42)
  })

  it('treats a host name, its address and the same name with a trailing dot as different origins', async () => {
    const { port } = new URL(ours.url)
    const baseUrl = `http://localhost:${port}`
    for (const host of ['127.0.0.1', 'localhost.', '[::1]', 'www.localhost']) {
      expect(await errorOf(resolve(`http://${host}:${port}/me`, { baseUrl }))).to.be.instanceOf(TypeError)
    }
    expect(ours.calls).to.deep.equal([])
    expect(await resolve(`http://LOCALHOST:${port}/me`, { baseUrl })).to.deep.equal({ email: 'a@example.com' })
  })

  it('calls an absolute one on a listed origin, with or without baseUrl', async () => {
    await resolve(`${evil.url}/me`, { origins: [ours.url, evil.url] })
    const { baseUrl, ...rest } = context
    expect(baseUrl).to.equal(ours.url)
    await resolveUserInfo(`${evil.url}/us`, { ...rest, origins: [evil.url] })
    expect(evil.calls.map(({ url, headers }) => [url, headers.authorization])).to.deep.equal([
      ['/me', 'Bearer CANARY.token'],
      ['/us', 'Bearer CANARY.token'],
    ])
  })

  it('does not resolve a relative one to a listed origin', async () => {
    const error = await errorOf(resolve(`//${new URL(evil.url).host}/me`, { origins: [evil.url] }))
    expect(error).to.be.instanceOf(TypeError)
    expect(evil.calls).to.deep.equal([])
  })

  /** `EVIL` is the host and port of the other server, `OURS` of ours, and `PORT` the port of ours. */
  const hostile = [
    '//EVIL/CANARY',
    '///EVIL/CANARY',
    '////EVIL/CANARY',
    '/\\EVIL/CANARY',
    '\\/EVIL/CANARY',
    '\\\\EVIL/CANARY',
    '\\EVIL/CANARY',
    '/\\/\\EVIL/CANARY',
    '\\/\\/EVIL/CANARY',
    '/\t/EVIL/CANARY',
    '/\n/EVIL/CANARY',
    '/\r/EVIL/CANARY',
    '/\r\n/EVIL/CANARY',
    '\t//EVIL/CANARY',
    '\n//EVIL/CANARY',
    ' //EVIL/CANARY',
    '\u0000//EVIL/CANARY',
    '\u00a0//EVIL/CANARY',
    '\u001f//EVIL/CANARY',
    '/\u007f/EVIL/CANARY',
    '/\ufeff/EVIL/CANARY',
    '//EVIL/CANARY ',
    'h\nttp://EVIL/CANARY',
    'ht\ttp:/\t/EVIL/CANARY',
    'http:EVIL/CANARY',
    'http:/EVIL/CANARY',
    'http:///EVIL/CANARY',
    'http:\\\\EVIL/CANARY',
    'https:EVIL/CANARY',
    'https:/EVIL/CANARY',
    'HTTPS://EVIL/CANARY',
    'http://EVIL/CANARY',
    'HTTP://EVIL/CANARY',
    'https://OURS/CANARY',
    'http://EVIL@OURS/CANARY',
    'http://user:CANARY@OURS/',
    'http://:CANARY@OURS/',
    'http://OURS@EVIL/CANARY',
    'http://OURS:x@EVIL/CANARY',
    '//OURS@EVIL/CANARY',
    '//user:CANARY@OURS/me',
    '//CANARY@OURS/me',
    'http://OURS\\@EVIL/CANARY',
    'http://OURS%40EVIL/CANARY',
    'http://EVIL#@OURS/CANARY',
    'http://EVIL?@OURS/CANARY',
    'http://OURS.evil.example/CANARY',
    'http://localhost:PORT/CANARY',
    'http://LOCALHOST:PORT/CANARY',
    'http://localhost.:PORT/CANARY',
    'http://[::ffff:127.0.0.1]:PORT/CANARY',
    'http://[::1]:PORT/CANARY',
    'http://127.0.0.2:PORT/CANARY',
    'http://127.0.0.1/CANARY',
    'http://127.0.0.1:99999/CANARY',
    'http://１２７.0.0.1:PORT/CANARY',
    'http://evil\u3002example/CANARY',
    '//evil\uff0fexample/CANARY',
    'http://',
    'https:',
    '//',
    '///',
    'ws://OURS/CANARY',
    'ftp://OURS/CANARY',
    'file:///etc/CANARY',
    'javascript:CANARY',
    'data:application/json,{"email":"CANARY"}',
    'blob:http://OURS/CANARY',
    'filesystem:http://OURS/CANARY',
    'view-source:http://OURS/CANARY',
    'about:blank',
    'localhost:CANARY',
    'token://refresh_token',
    'token://',
    'token:id_token',
    'TOKEN://id_token',
    'token://id_token/',
    'token://id_token#CANARY',
    '/CANARY\u00fc',
    '/CANARY \u0001',
    '',
    ' ',
  ]
  it('T-05: rejects whatever could lead to another origin, and sends the credential nowhere', async () => {
    for (const template of hostile) {
      const [base, other] = [new URL(ours.url), new URL(evil.url)]
      const source = template.replaceAll('EVIL', other.host).replaceAll('OURS', base.host).replaceAll('PORT', base.port)
      for (const overrides of [{}, { origins: [ours.url] }, { baseUrl: `${ours.url}/a/b` }]) {
        const error = await errorOf(resolve(source, overrides))
        expect(error, template).to.be.instanceOf(TypeError)
        expect(error.message, template).to.match(/^resolveUserInfo: .*`baseUrl`/)
        expectNoCanary(error)
        expect(error.message, template).to.not.include(other.host)
      }
      expect(evil.calls, template).to.deep.equal([])
      expect(ours.calls, template).to.deep.equal([])
    }
  })

  it('T-05: calls only the origin of baseUrl, whatever the string is', async () => {
    const piece = fc.constantFrom(
      ...'/ \\ : @ # ? . \t \n \0 [ ] & ; x ü ／ 。'.split(' '),
      ' ',
      '//',
      '..',
      '%2f',
      '%5c',
      'http',
      'https',
      'HTTPS',
      'evil.example',
      'base.example',
      'base.example.',
      '443',
      '80',
    )
    const base = fc.constantFrom('https://base.example', 'https://base.example/api', 'https://base.example:443/api/')
    const anySource = fc.oneof(
      fc.webUrl(),
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    )
    const urls: string[] = []
    const recording = (async (url: string) => {
      urls.push(url)
      return new globalThis.Response('{}')
    }) as Fetch
    let runs = 0
    let rejected = 0
    await fc.assert(
      fc.asyncProperty(anySource, base, async (source, baseUrl) => {
        urls.length = 0
        const outcome = await resolve(source, { baseUrl, fetch: recording, token: `token-${runs++}` }).catch(
          (reason: unknown) => reason,
        )
        if (outcome instanceof TypeError) rejected++
        expect(urls).to.have.length(outcome instanceof TypeError ? 0 : 1)
        for (const url of urls) expect(url).to.match(/^https:\/\/base\.example\//)
      }),
      { numRuns: 1000, seed: 5 },
    )
    expect(rejected).to.be.within(100, 900)
  })

  it('P-10: requires baseUrl or origins', async () => {
    const { baseUrl, ...rest } = context
    for (const source of ['/me', 'me', '//evil', `${baseUrl}/me`]) {
      expect(await errorOf(resolveUserInfo(source, rest))).to.be.instanceOf(TypeError)
    }
    expect(ours.calls).to.deep.equal([])
  })

  it('sends a credential that names its scheme unchanged', async () => {
    await resolve('/me', { token: 'DPoP CANARY.token' })
    expect(ours.calls[0]?.headers).to.include({ authorization: 'DPoP CANARY.token' })
  })

  it('accepts every character of b64token', async () => {
    await resolve('/me', { token: 'aZ09-._~+/==' })
    expect(ours.calls[0]?.headers).to.include({ authorization: 'Bearer aZ09-._~+/==' })
  })

  it('accepts a credential of 64 KiB', async () => {
    const token = 'a'.repeat(65_536)
    const fetch = sinon.fake(async (..._args: Parameters<Fetch>) => new globalThis.Response('{}'))
    expect(await resolve('/me', { token, fetch })).to.deep.equal({})
    expect(fetch.firstCall.args[1].headers).to.include({ Authorization: `Bearer ${token}` })
  })

  const b64 = 'CANARY.token'
  const malformed = [
    `${b64}\r\nX-Evil: 1`,
    `${b64}\n`,
    ` ${b64}`,
    `${b64} `,
    `Bearer  ${b64}`,
    `Bearer ${b64} x`,
    `1 ${b64}`,
    `${b64}\0`,
    `${b64}ü`,
    `${b64}"`,
    `${b64},x`,
    `${b64}:x`,
    `=${b64}`,
    `${b64}=x`,
    ' ',
    'a'.repeat(65_537),
  ]
  it('E-03: rejects a credential that cannot be sent, without a call', async () => {
    for (const token of malformed) {
      const error = await errorOf(resolve('/me', { token }))
      expect(error, token.slice(0, 30)).to.include({
        name: 'WixAuthError',
        code: 'token_malformed',
        hint: 'the token cannot be sent to the user info endpoint: it is too long or not a token',
      })
      expectNoCanary(error)
      expect(ours.calls, token.slice(0, 30)).to.deep.equal([])
    }
  })

  it('rejects with the reason of a refusal, which is cached for ten seconds', async () => {
    let time = NOW
    const clock = (): number => time
    for (const [status, code] of [
      [401, 'token_inactive'],
      [403, 'insufficient_scope'],
    ] as const) {
      const before = ours.calls.length
      ours.answerWith(whole({ error: CANARY }, status, { 'www-authenticate': CANARY }))
      for (let call = 0; call < 3; call++) {
        const error = await errorOf(resolve(`/me?x=${status}CANARY`, { now: clock }))
        expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code })
        expectNoCanary(error)
      }
      expect(ours.calls).to.have.length(before + 1)
      time += 10_001
      ours.answerWith(whole({ name: 'a' }))
      expect(await resolve(`/me?x=${status}CANARY`, { now: clock })).to.deep.equal({ name: 'a' })
    }
  })

  const outages: Array<[string, Answer]> = [
    ...[201, 204, 206, 300, 304, 400, 404, 405, 429, 500, 502, 503, 504].map((status): [string, Answer] => [
      `a status of ${status}`,
      whole(status === 204 || status === 304 ? '' : { CANARY }, status, { 'retry-after': '0' }),
    ]),
    ['an empty body', whole('')],
    ['a word', whole('CANARY')],
    ['HTML', whole('<html>CANARY</html>')],
    ['a string', whole('"CANARY"')],
    ['null', whole('null')],
    ['a number', whole('7')],
    ['a boolean', whole('true')],
    ['an empty array', whole('[]')],
    ['an array', whole('[{"CANARY":1}]')],
    ['an object that is cut', whole('{"CANARY":1')],
    ['invalid UTF-8', whole(Buffer.from('{"CANARY":"\xff"}', 'latin1'))],
    ['a byte order mark', whole('\uFEFF{"CANARY":1}')],
    ['one byte more than 64 KiB', whole(`{"CANARY":"${'x'.repeat(65_536 - 12)}"}`)],
    ['invalid gzip', whole('{"CANARY":1}', 200, { 'content-encoding': 'gzip' })],
    ['a connection that is closed', (res) => void res.socket?.end()],
    ['a connection that is reset', reset],
    [
      'a connection that is reset in the body',
      (res) => {
        res.writeHead(200, { 'content-length': '1000' })
        res.write('{"CANARY":1', () => res.socket?.resetAndDestroy())
      },
    ],
    ['anything but HTTP', (res) => void res.socket?.end('CANARY\r\n\r\n')],
  ]
  for (const [name, answer] of outages) {
    it(`T-06, T-07: is unavailable for ${name}, which is not cached`, async () => {
      ours.answerWith(answer)
      const error = await errorOf(resolve('/me?q=CANARY'))
      expect(error).to.be.instanceOf(WixUnavailableError).and.to.include({ status: 503 })
      expect(error.message).to.match(/^The user info endpoint is unavailable: /)
      expectNoCanary(error)
      ours.answerWith(whole({ name: 'a' }))
      expect(await resolve('/me?q=CANARY')).to.deep.equal({ name: 'a' })
    })
  }

  it('T-09: is unavailable for a token that has reached its limit (429), and calls for the other tokens', async () => {
    ours.answerWith(whole({}, 429, { 'retry-after': '3600' }))
    const error = await errorOf(resolve('/me', { token: 'one' }))
    expect(error)
      .to.be.instanceOf(WixUnavailableError)
      .and.to.deep.include({ headers: { 'Retry-After': '30' } })
    ours.answerWith(whole({ name: 'a' }))
    expect(await resolve('/me', { token: 'two' })).to.deep.equal({ name: 'a' })
  })

  it('T-07: is unavailable for a response without a body', async () => {
    const error = await errorOf(resolve('/me', { fetch: async () => new globalThis.Response(null) }))
    expect(error).to.be.instanceOf(WixUnavailableError)
  })

  it('T-06: accepts an object of exactly 64 KiB, also compressed', async () => {
    const body = `{"name":"${'x'.repeat(65_536 - 11)}"}`
    expect(body).to.have.length(65_536)
    ours.answerWith(whole(body))
    expect((await resolve('/1'))['name']).to.have.length(65_525)
    ours.answerWith(whole(gzipSync(body), 200, { 'content-encoding': 'gzip' }))
    expect((await resolve('/2'))['name']).to.have.length(65_525)
  })

  it('T-07: is unavailable when no server listens, and names the system error', async () => {
    const host = `127.0.0.1:${await freePort()}`
    const error = await errorOf(resolve('/me?q=CANARY', { baseUrl: `http://${host}` }))
    expect(error).to.be.instanceOf(WixUnavailableError)
    expect(error.message).to.equal(`The user info endpoint is unavailable: no connection to ${host} (ECONNREFUSED)`)
    expectNoCanary(error)
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`T-05: does not follow a redirect (${status})`, async () => {
      for (const location of [`${evil.url}/CANARY`, `${ours.url}/other`, '/other', `//${new URL(evil.url).host}/`]) {
        const before = ours.calls.length
        ours.answerWith(whole({ CANARY }, status, { location }))
        const error = await errorOf(resolve('/me'))
        expect(error).to.be.instanceOf(WixUnavailableError)
        expect(error.message).to.equal(`The user info endpoint is unavailable: status ${status}`)
        expect(ours.calls.slice(before).map(({ url }) => url)).to.deep.equal(['/me'])
      }
      expect(evil.calls).to.deep.equal([])
    })
  }

  it('T-06: closes the connection on a body of 60 MB', async () => {
    ours.answerWith(endless(Buffer.alloc(65_536, 'CANARY'), 60_000_000))
    const error = await errorOf(resolve('/me'))
    expect(error).to.be.instanceOf(WixUnavailableError)
    expect(error.message).to.equal('The user info endpoint is unavailable: an answer of more than 64 KiB')
    await ours.hungUp()
    // The sockets of this machine buffer some.
    expect(ours.written()).to.be.below(20_000_000)
  })

  it('T-06: is unavailable for a gzip bomb', async () => {
    ours.answerWith(whole(gzipSync(Buffer.alloc(60_000_000)), 200, { 'content-encoding': 'gzip' }))
    const error = await errorOf(resolve('/me'))
    expect(error).to.be.instanceOf(WixUnavailableError)
    expect(error.message).to.equal('The user info endpoint is unavailable: an answer of more than 64 KiB')
  })

  const slow: Array<[string, Answer]> = [
    ['never responds', silence],
    ['never finishes the head', (res) => void res.socket?.write('HTTP/1.1 200 OK\r\n')],
    [
      'never finishes the body',
      (res) => {
        res.writeHead(200)
        res.write('{"name":')
      },
    ],
  ]
  for (const [name, answer] of slow) {
    it(`T-06: closes the connection at the timeout when the server ${name}`, async () => {
      ours.answerWith(answer)
      const start = performance.now()
      const error = await errorOf(resolve('/me', { timeout: 0.1 }))
      expect(performance.now() - start).to.be.within(95, 5000)
      expect(error).to.be.instanceOf(WixUnavailableError)
      expect(error.message).to.equal(
        `The user info endpoint is unavailable: no answer from ${new URL(ours.url).host} within 0.1 s`,
      )
      await ours.hungUp()
    })
  }

  it('has a timeout of two seconds by default', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { timeout, ...rest } = context
      expect(timeout).to.equal(5)
      const never = sinon.fake(() => new Promise<never>(() => {}))
      const error = errorOf(resolveUserInfo('/me', { ...rest, fetch: never }))
      let settled = false
      void error.then(() => (settled = true))
      await clock.tickAsync(1999)
      expect(settled).to.equal(false)
      await clock.tickAsync(1)
      expect((await error).message).to.include('within 2 s')
      const [, init] = never.firstCall.args as unknown as Parameters<Fetch>
      expect(init?.signal?.aborted).to.equal(true)
    } finally {
      clock.restore()
    }
  })

  it('T-10: makes one call for 1,000 equal ones at once, and another for any other token, URL, fetch or clock', async () => {
    const answers = await Promise.all(Array.from({ length: 1000 }, () => resolve('/me')))
    expect(ours.calls).to.have.length(1)
    expect(new Set(answers)).to.have.property('size', 1000)
    for (const answer of answers) expect(answer).to.deep.equal({ email: 'a@example.com' })
    const others: Array<[string, object]> = [
      ['/me', { token: 'other' }],
      ['/me', { token: 'DPoP CANARY.token' }],
      ['/me?', {}],
      ['/me?x', {}],
      ['/me', { fetch: (...args: Parameters<Fetch>) => fetch(...args) }],
      ['/me', { now: () => NOW }],
    ]
    for (const [index, [source, overrides]] of others.entries()) {
      await resolve(source, overrides)
      expect(ours.calls, source).to.have.length(index + 2)
    }
    await resolveUserInfo('/me', { baseUrl: ours.url, fetch: context.fetch, now } as UserInfoContext)
    expect(ours.calls).to.have.length(others.length + 2)
  })

  it('T-10: does not mix up the answers of calls in flight', async () => {
    ours.answerWith((res, req) => whole({ token: req.headers.authorization ?? '' })(res, req))
    const waiting = ['one', 'two', 'three', 'four', 'five'].map((token) => resolve('/me', { token }))
    const tokens = (await Promise.all(waiting)).map(({ token }) => token)
    expect(tokens).to.deep.equal(['one', 'two', 'three', 'four', 'five'].map((token) => `Bearer ${token}`))
  })

  it('C-02: caches an answer for 60 seconds and no longer', async () => {
    let time = NOW
    const clock = (): number => time
    await resolve('/me', { now: clock })
    for (const [after, calls] of [
      [59_999, 1],
      [60_000, 1],
      [60_001, 2],
      [120_000, 2],
      [120_002, 3],
    ] as const) {
      time = NOW + after
      expect(await resolve('/me', { now: clock })).to.deep.equal({ email: 'a@example.com' })
      expect(ours.calls, String(after)).to.have.length(calls)
    }
  })

  it('gives each caller its own object', async () => {
    ours.answerWith(whole({ roles: ['a'] }))
    const first = await resolve('/me')
    Object.assign(first, { isAdmin: true })
    ;(first['roles'] as string[]).push('admin')
    expect(await resolve('/me')).to.deep.equal({ roles: ['a'] })
  })

  it('I-11: drops the names that could change an object', async () => {
    ours.answerWith(whole('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"name":"a"}'))
    for (let call = 0; call < 2; call++) {
      const claims = await resolve('/me')
      expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['name'])
      expect(Object.assign({}, claims)).to.not.have.property('isAdmin')
    }
  })

  it('T-07: is unavailable for an object as deep as 64 KiB can be, and for one of more than 100 levels', async () => {
    for (const levels of [32_000, 101]) {
      ours.answerWith(whole(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`))
      const error = await errorOf(resolve(`/me?${levels}`))
      expect(error).to.be.instanceOf(WixUnavailableError).and.to.include({ status: 503 })
      expect(error.message).to.equal('The user info endpoint is unavailable: an answer of more than 100 levels')
    }
    const deep = { a: JSON.parse(`${'['.repeat(99)}${']'.repeat(99)}`) as unknown }
    ours.answerWith(whole(deep))
    expect(await resolve('/me?fits')).to.deep.equal(deep)
  })
})
