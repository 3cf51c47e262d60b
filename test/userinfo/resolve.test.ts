import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import express, { type NextFunction, type Request, type Response } from 'express'
import fc from 'fast-check'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import passport from 'passport'
import sinon from 'sinon'
import {
  type Fetch,
  userInfoHandler,
  verifyInstance,
  WixAppStrategy,
  WixAuthError,
  WixUnavailableError,
} from '../../lib/index.ts'
import { resolveUserInfo, type UserInfoContext, type UserInfoSource } from '../../lib/userinfo/resolve.ts'
import { instance, NOW, now, SECRET } from '../support/build.ts'
import { refusalOf, SECONDS } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express

const FACTS = {
  sub: 'USER:user-1',
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  siteId: 'site-1',
  permissions: 'OWNER',
  vendorProductId: 'gold',
  siteOwnerId: 'user-1',
  exp: SECONDS + 4 * 3600 - 60,
}
const genuine = instance({ metaSiteId: 'site-1', vendorProductId: 'gold' })
const identity = verifyInstance(genuine, { secret: SECRET, now })

/** The error that a promise is rejected with. */
const errorOf = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('fulfilled, or rejected with something that is no Error')
}

describe('userInfoHandler', () => {
  let served: Served
  afterEach(() => served.close())

  const showError = (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction): void => {
    res.status(error.status ?? 500).json({ name: error.name, message: error.message })
  }
  const asked = async (path = '/userinfo'): Promise<[number, unknown]> => {
    const response = await fetch(`${served.url}${path}`)
    return [response.status, await response.json()]
  }

  for (const [version, framework] of [
    ['Express 5', express],
    ['Express 4', express4],
  ] as const) {
    describe(`through ${version}`, () => {
      const start = async (handler: express.RequestHandler): Promise<void> => {
        const auth = new (passport as unknown as { Passport: new () => passport.PassportStatic }).Passport()
        auth.use(new WixAppStrategy({ secret: SECRET, now }, ({ instanceId }) => ({ id: instanceId })))
        const app = framework()
        app.get('/userinfo', auth.authenticate('wix-app', { session: false }), handler)
        app.get('/nobody', handler)
        app.use(showError)
        served = await serve(app)
      }

      it('answers whoever is signed in, as JSON that nobody stores', async () => {
        await start(userInfoHandler())
        const response = await fetch(`${served.url}/userinfo?instance=${genuine}`)
        expect(response.status).to.equal(200)
        expect(response.headers.get('content-type')).to.equal('application/json')
        expect(response.headers.get('cache-control')).to.equal('no-store')
        expect(await response.json()).to.deep.equal(FACTS)
      })

      it('answers with what the app adds, also later, from the identity and the request', async () => {
        await start(
          userInfoHandler(async ({ instanceId }, req) => ({ name: `${instanceId} ${req.method}`, roles: ['admin'] })),
        )
        expect(await asked(`/userinfo?instance=${genuine}`)).to.deep.equal([
          200,
          { ...FACTS, name: 'instance-1 GET', roles: ['admin'] },
        ])
      })

      it('answers 401 to whoever is not signed in, and 500 where no strategy ran', async () => {
        const more = sinon.fake.returns({})
        await start(userInfoHandler(more))
        expect((await fetch(`${served.url}/userinfo`)).status).to.equal(401)
        const [status, body] = await asked('/nobody')
        expect(status).to.equal(500)
        expect(body).to.have.property('message').that.includes('passport.authenticate()')
        sinon.assert.notCalled(more)
      })

      it('P-04: hands what the app throws to the error handler', async () => {
        await start(
          userInfoHandler(() => {
            throw Object.assign(new Error('database'), { status: 503 })
          }),
        )
        expect(await asked(`/userinfo?instance=${genuine}`)).to.deep.equal([
          503,
          { name: 'Error', message: 'database' },
        ])
      })
    })
  }

  describe('through bare node:http', () => {
    let failure: unknown
    const start = async (handler: ReturnType<typeof userInfoHandler>, who: object = identity): Promise<void> => {
      failure = undefined
      served = await serve((req, res) =>
        handler(Object.assign(req, { authInfo: { identity: who as typeof identity } }), res, (error) => {
          failure = error
          if (!res.headersSent) res.writeHead(500)
          res.end('{}')
        }),
      )
    }

    it('answers the same', async () => {
      await start(userInfoHandler())
      expect(await asked()).to.deep.equal([200, FACTS])
    })

    it('answers HEAD with the headers alone', async () => {
      await start(userInfoHandler())
      const response = await fetch(served.url, { method: 'HEAD' })
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(response.headers.get('content-type')).to.equal('application/json')
      expect(await response.text()).to.equal('')
    })

    it('names the installation where there is no subject, and says null of what the proof does not tell', async () => {
      await start(userInfoHandler(), {
        instanceId: 'instance-1',
        subjectType: 'UNKNOWN',
        subjectId: null,
        clientId: null,
        siteId: null,
        iat: null,
        exp: null,
      })
      expect(await asked()).to.deep.equal([
        200,
        {
          sub: 'instance:instance-1',
          instanceId: 'instance-1',
          subjectType: 'UNKNOWN',
          subjectId: null,
          clientId: null,
          siteId: null,
          permissions: null,
          vendorProductId: null,
          siteOwnerId: null,
          exp: null,
        },
      ])
    })

    it('P-11: takes no fact from Object.prototype', async () => {
      const { permissions: _, vendorProductId: _plan, siteOwnerId: _owner, ...rest } = identity
      await start(userInfoHandler(), rest)
      Object.assign(Object.prototype, { permissions: 'OWNER', vendorProductId: 'gold', siteOwnerId: 'evil' })
      try {
        expect(await asked()).to.deep.equal([
          200,
          { ...FACTS, permissions: null, vendorProductId: null, siteOwnerId: null },
        ])
      } finally {
        for (const name of ['permissions', 'vendorProductId', 'siteOwnerId']) {
          Reflect.deleteProperty(Object.prototype, name)
        }
      }
    })

    it('lets the app replace neither sub nor a fact', async () => {
      const evil = Object.fromEntries(Object.keys(FACTS).map((name) => [name, 'evil']))
      const added = [{ ...evil, email: 'a' }, Object.assign(Object.create(evil) as object, { email: 'a' })]
      for (const one of [...added, { toJSON: () => ({ ...evil, email: 'a' }) }]) {
        await start(userInfoHandler(() => one))
        expect(await asked()).to.deep.equal([200, { ...FACTS, email: 'a' }])
        await served.close()
      }
      await start(userInfoHandler())
    })

    it('I-11: drops the names that could change an object, and leaves the object of the app as it is', async () => {
      const added = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"name":"a"}') as object
      await start(userInfoHandler(() => added))
      const body = await (await fetch(served.url)).text()
      expect(body).to.not.match(/isAdmin|proto|constructor/)
      expect(JSON.parse(body)).to.deep.equal({ ...FACTS, name: 'a' })
      expect(Object.keys(added)).to.deep.equal(['__proto__', 'constructor', 'prototype', 'name'])
    })

    it('shows of a database record what its toJSON shows', async () => {
      class User {
        name = 'a'
        passwordHash = 'CANARY'
        toJSON(): object {
          return { name: this.name }
        }
      }
      await start(userInfoHandler(() => new User()))
      expect(await asked()).to.deep.equal([200, { ...FACTS, name: 'a' }])
    })

    it('adds nothing when the app has nothing', async () => {
      for (const nothing of [undefined, null, {}, Promise.resolve(undefined), Promise.resolve(null)]) {
        await start(userInfoHandler(() => nothing))
        expect(await asked()).to.deep.equal([200, FACTS])
        await served.close()
      }
      await start(userInfoHandler())
    })

    it('is an error that says so, when the app adds what is no object', async () => {
      for (const odd of [false, true, 0, 'CANARY', ['CANARY'], () => ({}), Symbol('CANARY'), 1n, new Date()]) {
        for (const answer of [odd, Promise.resolve(odd)]) {
          await start(userInfoHandler((() => answer) as never))
          expect(await asked()).to.deep.equal([500, {}])
          expect(failure).to.be.instanceOf(TypeError)
          expect(failure).to.have.property('message', 'userInfoHandler: its function must return an object, or nothing')
          await served.close()
        }
      }
      await start(userInfoHandler())
    })

    it('P-04: passes any failure of the app on as an Error', async () => {
      const broken = new Error('broken')
      for (const reason of [broken, undefined, null, '', 0, 'route', 'router']) {
        const failing = [
          () => {
            throw reason
          },
          () => Promise.reject(reason),
        ]
        for (const more of failing) {
          await start(userInfoHandler(more))
          expect(await asked()).to.deep.equal([500, {}])
          expect(failure).to.be.instanceOf(Error)
          if (reason === broken) expect(failure).to.equal(broken)
          await served.close()
        }
      }
      await start(userInfoHandler())
    })

    interface MayAnswer {
      res: ServerResponse
      authInfo: Express.AuthInfo
    }
    it('P-01: is an error, and no crash, when the app has answered by itself', async () => {
      const handler = userInfoHandler<MayAnswer>((_identity, { res }) => void res.end('{"mine":1}'))
      served = await serve((req, res) =>
        handler(Object.assign(req, { res, authInfo: { identity } }), res, (error) => {
          failure = error
        }),
      )
      expect(await asked()).to.deep.equal([200, { mine: 1 }])
      expect(failure).to.have.property('code', 'ERR_HTTP_HEADERS_SENT')
    })

    it('P-10: takes nothing but a function', async () => {
      for (const more of [null, {}, 'name', 7, true, []]) {
        expect(() => userInfoHandler(more as never)).to.throw(TypeError, 'userInfoHandler takes a function')
      }
      await start(userInfoHandler(undefined as never))
      expect(await asked()).to.deep.equal([200, FACTS])
    })
  })
})

type Answer = (res: ServerResponse) => void
interface Recorder extends Served {
  /** What was asked. */
  calls: Array<{ method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders }>
  answer: Answer
  /** Bytes that went out. */
  written(): number
  /** Settles when nobody waits for an answer. */
  idle(): Promise<void>
}

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (res) =>
    void res
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))

/** A server on a free port of this machine that says what it was asked. */
async function recorder(answer: Answer): Promise<Recorder> {
  const written: Array<() => number> = []
  const open = new Set<ServerResponse>()
  const calls: Recorder['calls'] = []
  const server = createServer(({ method, url, headers }, res) => {
    calls.push({ method, url, headers })
    open.add(res)
    res.once('close', () => open.delete(res))
    result.answer(res)
  })
  server.on('connection', (socket) => {
    written.push(() => socket.bytesWritten)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const result: Recorder = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    calls,
    answer,
    written: () => written.reduce((sum, bytes) => sum + bytes(), 0),
    idle: async () => {
      await Promise.all([...open].map((res) => once(res, 'close')))
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return result
}

/** What must be in no error. */
const CANARY = 'CANARY'
const expectNoCanary = (error: unknown): void => {
  expect(inspect(error, { depth: 9, showHidden: true })).to.not.include(CANARY)
}

describe('resolveUserInfo', () => {
  /** The server of the app, and one that must learn nothing. */
  let ours: Recorder
  let evil: Recorder
  /** A memory for each test. */
  let own: Fetch
  let context: UserInfoContext

  beforeEach(async () => {
    ours = await recorder(json({ email: 'a@example.com' }))
    evil = await recorder(json({ email: 'evil@example.com' }))
    own = (...args) => fetch(...args)
    context = { baseUrl: ours.url, token: 'CANARY.token', fetch: own, now, timeout: 5 }
  })
  afterEach(() => Promise.all([ours.close(), evil.close()]))

  const resolve = (source: unknown, overrides: object = {}): Promise<Record<string, unknown>> =>
    resolveUserInfo(source as UserInfoSource, { ...context, ...overrides })

  describe('with a URL', () => {
    it('asks it with the credential, and answers the claims', async () => {
      expect(await resolve('/me?x=1#part')).to.deep.equal({ email: 'a@example.com' })
      expect(ours.calls).to.have.length(1)
      const [{ method, url, headers } = { method: '', url: '', headers: {} }] = ours.calls
      expect([method, url]).to.deep.equal(['GET', '/me?x=1'])
      expect(headers).to.include({ authorization: 'Bearer CANARY.token', accept: 'application/json' })
      expect(headers).to.not.have.any.keys('cookie', 'referer', 'content-type')
    })

    it('asks by the fetch of Node when none is given, and without Authorization when there is no token', async () => {
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
    for (const [source, path, expected] of paths) {
      it(`puts ${source} after ${path || 'the origin'}`, async () => {
        await resolve(source, { baseUrl: ours.url + path })
        expect(ours.calls.map(({ url }) => url)).to.deep.equal([expected])
      })
    }

    it('asks an absolute one on the origin of baseUrl, in any spelling', async () => {
      const { port } = new URL(ours.url)
      const hosts = ['127.0.0.1', '127.0.0.1.', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '%31%32%37.0.0.1']
      for (const scheme of ['http://', 'HTTP://', 'http:', 'http:/', 'http:///', 'http:////']) {
        for (const host of hosts) await resolve(`${scheme}${host}:${port}/${scheme}${host}`)
      }
      expect(ours.calls).to.have.length(42)
    })

    it('takes the name of a host for another origin than its address, and than the same name with a dot', async () => {
      const { port } = new URL(ours.url)
      const baseUrl = `http://localhost:${port}`
      for (const host of ['127.0.0.1', 'localhost.', '[::1]', 'www.localhost']) {
        expect(await errorOf(resolve(`http://${host}:${port}/me`, { baseUrl }))).to.be.instanceOf(TypeError)
      }
      expect(ours.calls).to.deep.equal([])
      expect(await resolve(`http://LOCALHOST:${port}/me`, { baseUrl })).to.deep.equal({ email: 'a@example.com' })
    })

    it('asks an absolute one on an origin that is listed, with or without baseUrl', async () => {
      await resolve(`${evil.url}/me`, { origins: [ours.url, evil.url] })
      const { baseUrl, ...rest } = context
      expect(baseUrl).to.equal(ours.url)
      await resolveUserInfo(`${evil.url}/us`, { ...rest, origins: [evil.url] })
      expect(evil.calls.map(({ url, headers }) => [url, headers.authorization])).to.deep.equal([
        ['/me', 'Bearer CANARY.token'],
        ['/us', 'Bearer CANARY.token'],
      ])
    })

    it('does not take a relative one to an origin that is listed', async () => {
      const error = await errorOf(resolve(`//${new URL(evil.url).host}/me`, { origins: [evil.url] }))
      expect(error).to.be.instanceOf(TypeError)
      expect(evil.calls).to.deep.equal([])
    })

    /** `EVIL` is the host and port of the other server, `OURS` of ours. */
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
    for (const template of hostile) {
      it(`T-05: refuses ${JSON.stringify(template)}, and tells it to nobody`, async () => {
        const [base, other] = [new URL(ours.url), new URL(evil.url)]
        const source = template
          .replaceAll('EVIL', other.host)
          .replaceAll('OURS', base.host)
          .replaceAll('PORT', base.port)
        for (const overrides of [{}, { origins: [ours.url] }, { baseUrl: `${ours.url}/a/b` }]) {
          const error = await errorOf(resolve(source, overrides))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.match(/^resolveUserInfo: .*`baseUrl`/)
          expectNoCanary(error)
          expect(error.message).to.not.include(other.host)
        }
        expect(evil.calls).to.deep.equal([])
        expect(ours.calls).to.deep.equal([])
      })
    }

    it('T-05: asks nobody but the origin of baseUrl, whatever the text is', async () => {
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
      const text = fc.oneof(
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
      let refused = 0
      await fc.assert(
        fc.asyncProperty(text, base, async (source, baseUrl) => {
          urls.length = 0
          const outcome = await resolve(source, { baseUrl, fetch: recording, token: `token-${runs++}` }).catch(
            (reason: unknown) => reason,
          )
          if (outcome instanceof TypeError) refused++
          expect(urls).to.have.length(outcome instanceof TypeError ? 0 : 1)
          for (const url of urls) expect(url).to.match(/^https:\/\/base\.example\//)
        }),
        { numRuns: 1000, seed: 5 },
      )
      expect(refused).to.be.within(100, 900)
    })

    it('P-10: needs baseUrl or origins', async () => {
      const { baseUrl, ...rest } = context
      for (const source of ['/me', 'me', '//evil', `${baseUrl}/me`]) {
        expect(await errorOf(resolveUserInfo(source, rest))).to.be.instanceOf(TypeError)
      }
      expect(ours.calls).to.deep.equal([])
    })

    it('sends a credential that names its scheme as it is', async () => {
      await resolve('/me', { token: 'DPoP CANARY.token' })
      expect(ours.calls[0]?.headers).to.include({ authorization: 'DPoP CANARY.token' })
    })

    it('takes every character of b64token', async () => {
      await resolve('/me', { token: 'aZ09-._~+/==' })
      expect(ours.calls[0]?.headers).to.include({ authorization: 'Bearer aZ09-._~+/==' })
    })

    const b64 = 'CANARY.token'
    const texts = [
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
    for (const token of texts) {
      it(`E-03: refuses the credential ${JSON.stringify(token.slice(0, 30))}, and asks nobody`, async () => {
        const error = await errorOf(resolve('/me', { token }))
        expect(error).to.include({ name: 'WixAuthError', code: 'token_malformed' })
        expectNoCanary(error)
        expect(ours.calls).to.deep.equal([])
      })
    }

    it('says what the server refuses, and remembers it for ten seconds', async () => {
      let time = NOW
      const clock = (): number => time
      for (const [status, code] of [
        [401, 'token_inactive'],
        [403, 'insufficient_scope'],
      ] as const) {
        ours.calls.length = 0
        ours.answer = json({ error: CANARY }, status, { 'www-authenticate': CANARY })
        for (let call = 0; call < 3; call++) {
          const error = await errorOf(resolve(`/me?x=${status}CANARY`, { now: clock }))
          expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code })
          expectNoCanary(error)
        }
        expect(ours.calls).to.have.length(1)
        time += 10_001
        ours.answer = json({ name: 'a' })
        expect(await resolve(`/me?x=${status}CANARY`, { now: clock })).to.deep.equal({ name: 'a' })
      }
    })

    const outages: Array<[string, Answer]> = [
      ...[201, 204, 206, 300, 304, 400, 404, 405, 429, 500, 502, 503, 504].map((status): [string, Answer] => [
        `a status of ${status}`,
        json(status === 204 || status === 304 ? '' : { CANARY }, status, { 'retry-after': '0' }),
      ]),
      ...[
        '',
        'CANARY',
        '<html>CANARY</html>',
        '"CANARY"',
        'null',
        '7',
        'true',
        '[]',
        '[{"CANARY":1}]',
        '{"CANARY":1',
      ].map((text): [string, Answer] => [`${text || 'nothing'} in place of an object`, json(text)]),
      ['no UTF-8', json(Buffer.from('{"CANARY":"\xff"}', 'latin1'))],
      ['a byte order mark', json('\uFEFF{"CANARY":1}')],
      ['one byte more than 64 KiB', json(`{"CANARY":"${'x'.repeat(65_536 - 12)}"}`)],
      ['gzip that is none', json('{"CANARY":1}', 200, { 'content-encoding': 'gzip' })],
      ['a connection that ends', (res) => void res.socket?.end()],
      ['a connection that breaks', (res) => void res.socket?.resetAndDestroy()],
      [
        'a connection that breaks in the body',
        (res) => {
          res.writeHead(200, { 'content-length': '1000' })
          res.write('{"CANARY":1', () => res.socket?.resetAndDestroy())
        },
      ],
      ['something else than HTTP', (res) => void res.socket?.end('CANARY\r\n\r\n')],
    ]
    for (const [name, answer] of outages) {
      it(`T-06, T-07: is unavailable for ${name}, and remembers nothing`, async () => {
        ours.answer = answer
        const error = await errorOf(resolve('/me?q=CANARY'))
        expect(error).to.be.instanceOf(WixUnavailableError).and.to.include({ status: 503 })
        expect(error.message).to.match(/^The user info endpoint is unavailable: /)
        expectNoCanary(error)
        ours.answer = json({ name: 'a' })
        expect(await resolve('/me?q=CANARY')).to.deep.equal({ name: 'a' })
      })
    }

    it('T-07: is unavailable for an answer without a body', async () => {
      const error = await errorOf(resolve('/me', { fetch: async () => new globalThis.Response(null) }))
      expect(error).to.be.instanceOf(WixUnavailableError)
    })

    it('T-06: takes an object of exactly 64 KiB, also compressed', async () => {
      const text = `{"name":"${'x'.repeat(65_536 - 11)}"}`
      expect(text).to.have.length(65_536)
      ours.answer = json(text)
      expect((await resolve('/1'))['name']).to.have.length(65_525)
      ours.answer = json(gzipSync(text), 200, { 'content-encoding': 'gzip' })
      expect((await resolve('/2'))['name']).to.have.length(65_525)
    })

    it('T-07: is unavailable where nobody listens, and says the code of the system', async () => {
      await ours.close()
      const error = await errorOf(resolve('/me?q=CANARY'))
      expect(error).to.be.instanceOf(WixUnavailableError)
      expect(error.message).to.equal('The user info endpoint is unavailable: no connection (ECONNREFUSED)')
      expectNoCanary(error)
    })

    for (const status of [301, 302, 303, 307, 308]) {
      it(`T-05: does not follow a redirect (${status})`, async () => {
        for (const location of [`${evil.url}/CANARY`, `${ours.url}/other`, '/other', `//${new URL(evil.url).host}/`]) {
          ours.calls.length = 0
          ours.answer = json({ CANARY }, status, { location })
          const error = await errorOf(resolve('/me'))
          expect(error).to.be.instanceOf(WixUnavailableError)
          expect(error.message).to.equal(`The user info endpoint is unavailable: status ${status}`)
          expect(ours.calls.map(({ url }) => url)).to.deep.equal(['/me'])
        }
        expect(evil.calls).to.deep.equal([])
      })
    }

    /** 60 MB of `chunk`, as fast as it is taken. */
    const endless =
      (chunk: Buffer, headers: Record<string, string> = {}): Answer =>
      (res) => {
        res.writeHead(200, headers)
        let sent = 0
        const more = (): void => {
          while (sent < 60_000_000 && !res.destroyed) {
            sent += chunk.length
            if (!res.write(chunk)) return void res.once('drain', more)
          }
          res.end()
        }
        more()
      }
    it('T-06: hangs up on a body of 60 MB', async () => {
      ours.answer = endless(Buffer.alloc(65_536, 'CANARY'))
      const error = await errorOf(resolve('/me'))
      expect(error).to.be.instanceOf(WixUnavailableError)
      expect(error.message).to.equal('The user info endpoint is unavailable: an answer of more than 64 KiB')
      await ours.idle()
      // What the sockets of this machine hold.
      expect(ours.written()).to.be.below(20_000_000)
    })

    it('T-06: hangs up on a body that grows when it is unpacked', async () => {
      ours.answer = json(gzipSync(Buffer.alloc(60_000_000)), 200, { 'content-encoding': 'gzip' })
      expect(await errorOf(resolve('/me'))).to.be.instanceOf(WixUnavailableError)
      await ours.idle()
    })

    const slow: Array<[string, Answer]> = [
      ['never answers', () => {}],
      ['never ends its head', (res) => void res.socket?.write('HTTP/1.1 200 OK\r\n')],
      [
        'never ends its body',
        (res) => {
          res.writeHead(200)
          res.write('{"name":')
        },
      ],
    ]
    for (const [name, answer] of slow) {
      it(`T-06: hangs up at the deadline on a server that ${name}`, async () => {
        ours.answer = answer
        const start = performance.now()
        const error = await errorOf(resolve('/me', { timeout: 0.1 }))
        expect(performance.now() - start).to.be.within(95, 1000)
        expect(error).to.be.instanceOf(WixUnavailableError)
        expect(error.message).to.equal('The user info endpoint is unavailable: no answer within 0.1 seconds')
        await ours.idle()
      })
    }

    it('has a deadline of two seconds unless told otherwise', async () => {
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
        expect((await error).message).to.include('no answer within 2 seconds')
        const [, init] = never.firstCall.args as unknown as Parameters<Fetch>
        expect(init?.signal?.aborted).to.equal(true)
      } finally {
        clock.restore()
      }
    })

    it('T-10: makes one call for 1,000 equal ones at once, and one more for another token, URL, fetch or clock', async () => {
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
      await resolveUserInfo('/me', { baseUrl: ours.url, fetch: own, now })
      expect(ours.calls).to.have.length(others.length + 2)
    })

    it('T-10: does not mix up answers that are under way at once', async () => {
      ours.answer = () => {}
      const waiting = ['one', 'two'].map((token) => resolve('/me', { token }))
      const answered = new Map<string, string>()
      ours.answer = (res) => {
        const token = res.req.headers.authorization ?? ''
        answered.set(token, token)
        json({ token })(res)
      }
      const more = ['three', 'four', 'five'].map((token) => resolve('/me', { token }))
      const tokens = (await Promise.all([...waiting, ...more])).map(({ token }) => token)
      expect(tokens).to.deep.equal(['one', 'two', 'three', 'four', 'five'].map((token) => `Bearer ${token}`))
    })

    it('C-02: remembers an answer for 60 seconds and no longer', async () => {
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

    it('gives each caller an object of its own', async () => {
      ours.answer = json({ roles: ['a'] })
      const first = await resolve('/me')
      Object.assign(first, { isAdmin: true })
      ;(first['roles'] as string[]).push('admin')
      expect(await resolve('/me')).to.deep.equal({ roles: ['a'] })
    })

    it('I-11: drops the names that could change an object', async () => {
      ours.answer = json('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"name":"a"}')
      for (let call = 0; call < 2; call++) {
        const claims = await resolve('/me')
        expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['name'])
        expect(Object.assign({}, claims)).to.not.have.property('isAdmin')
      }
    })

    it('T-07: is an error, and no refusal, for an object as deep as 64 KiB can be', async () => {
      ours.answer = json(`{"a":${'['.repeat(32_000)}${']'.repeat(32_000)}}`)
      expect(await errorOf(resolve('/me'))).to.not.be.instanceOf(WixAuthError)
    })
  })

  describe("with 'token'", () => {
    it('answers a copy of the token response as it came', async () => {
      const tokenResponse = { access_token: 'opaque', scope: ['a'], expires_in: 60 }
      const claims = await resolve('token', { tokenResponse })
      expect(claims).to.deep.equal(tokenResponse)
      expect(claims).to.not.equal(tokenResponse)
      expect(ours.calls).to.deep.equal([])
    })

    it('I-11: drops the names that could change an object from the copy alone', async () => {
      const tokenResponse = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"a":1}') as object
      const claims = await resolve('token', { tokenResponse })
      expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['a'])
      expect(Object.keys(tokenResponse)).to.have.length(3)
    })

    it('P-10: needs a token response', async () => {
      for (const source of ['token', 'token://id_token', 'token://access_token']) {
        const error = await errorOf(resolve(source))
        expect(error).to.be.instanceOf(TypeError)
        expect(error.message).to.include('`tokenResponse`')
      }
    })
  })

  for (const name of ['id_token', 'access_token'] as const) {
    describe(`with 'token://${name}'`, () => {
      const ISSUER = 'https://issuer.example'
      const AUDIENCE = 'client-1'
      const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']
      const claims: JWTPayload = {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'u',
        iat: SECONDS - 10,
        exp: SECONDS + 60,
        email: CANARY,
      }
      const keys = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>()
      let set: { keys: object[] }
      let stranger: CryptoKey

      before(async () => {
        for (const alg of ALGORITHMS) keys.set(alg, await generateKeyPair(alg, { extractable: true }))
        stranger = (await generateKeyPair('ES256')).privateKey
        set = {
          keys: await Promise.all(
            [...keys].map(async ([kid, { publicKey }]) => Object.assign(await exportJWK(publicKey), { alg: kid, kid })),
          ),
        }
      })
      beforeEach(() => {
        ours.answer = json(set)
        context = { ...context, keySet: { jwksUri: `${ours.url}/jwks.json`, issuer: ISSUER, audience: AUDIENCE } }
      })

      const keyOf = (alg: string): CryptoKey => {
        const pair = keys.get(alg)
        if (pair === undefined) throw new Error(`no key for ${alg}`)
        return pair.privateKey
      }
      const signed = (
        overrides: object = {},
        header: object = {},
        key: Parameters<SignJWT['sign']>[0] = keyOf('ES256'),
      ): Promise<string> =>
        new SignJWT({ ...claims, ...overrides }).setProtectedHeader({ alg: 'ES256', kid: 'ES256', ...header }).sign(key)
      const verify = (token: unknown, overrides: object = {}): Promise<Record<string, unknown>> =>
        resolve(`token://${name}`, { tokenResponse: { other: 1, [name]: token }, ...overrides })

      for (const alg of ALGORITHMS) {
        it(`answers the claims of one that is signed by ${alg}`, async () => {
          expect(await verify(await signed({}, { alg, kid: alg }, keyOf(alg)))).to.deep.equal(claims)
        })
      }

      it('I-11: drops claims that could change an object', async () => {
        const text = JSON.stringify({ ...claims, x: 1 }).replace(
          '"x":1',
          '"__proto__":{"isAdmin":true},"constructor":1',
        )
        const payload = JSON.parse(text) as JWTPayload
        const found = await verify(
          await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'ES256' }).sign(keyOf('ES256')),
        )
        expect(Object.getOwnPropertyNames(found)).to.have.members(Object.keys(claims))
      })

      const encode = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url')
      const hmac = (secret: string | Buffer, kid: string): string => {
        const data = `${encode({ alg: 'HS256', kid })}.${encode(claims)}`
        return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`
      }
      const published = async (alg: string): Promise<string> => exportSPKI(keys.get(alg)?.publicKey ?? stranger)

      const refused: Array<[string, () => string | Promise<string>, string]> = [
        ['S-01: by the key of a stranger', () => signed({}, {}, stranger), 'signature_invalid'],
        ['S-01: by nothing', () => `${encode({ alg: 'none' })}.${encode(claims)}.`, 'signature_invalid'],
        [
          'S-01: by nothing, with a kid',
          () => `${encode({ alg: 'none', kid: 'ES256' })}.${encode(claims)}.`,
          'signature_invalid',
        ],
        [
          'S-01: by HS256 with the public key',
          async () => hmac(await published('RS256'), 'RS256'),
          'signature_invalid',
        ],
        ['S-01: by HS256 with the JWK', () => hmac(JSON.stringify(set.keys[0]), 'RS256'), 'signature_invalid'],
        [
          'S-01: by HS256 with the modulus',
          () => hmac(Buffer.from(String(Object(set.keys[0])['n']), 'base64url'), 'RS256'),
          'signature_invalid',
        ],
        [
          'S-01: by an algorithm that is not on the list',
          async () => signed({}, { alg: 'ES384' }, (await generateKeyPair('ES384')).privateKey),
          'signature_invalid',
        ],
        ['S-05: with an unknown kid', () => signed({}, { kid: 'other' }), 'signature_invalid'],
        ['S-05: with the kid of another key', () => signed({}, { kid: 'EdDSA' }), 'signature_invalid'],
        [
          'J-03: with its own key in the header',
          async () => {
            const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
            const jwk = await exportJWK(publicKey)
            return signed({}, { jwk, jku: evil.url, x5u: evil.url, kid: evil.url }, privateKey)
          },
          'signature_invalid',
        ],
        ['S-01: from another issuer', () => signed({ iss: `${ISSUER}/` }), 'claim_invalid'],
        ['S-01: from nobody', () => signed({ iss: undefined }), 'claim_invalid'],
        ['S-01: for somebody else', () => signed({ aud: ['client-2'] }), 'claim_invalid'],
        ['S-01: for nobody', () => signed({ aud: undefined }), 'claim_invalid'],
        ['J-05: that has ended', () => signed({ exp: SECONDS - 30 }), 'token_expired'],
        ['J-05: that never ends', () => signed({ exp: undefined }), 'claim_invalid'],
        ['J-05: that has not begun', () => signed({ nbf: SECONDS + 31 }), 'claim_invalid'],
        ['J-05: from the future', () => signed({ iat: SECONDS + 31 }), 'claim_invalid'],
        ['that is no JWT', () => 'CANARY', 'token_malformed'],
        ['that is opaque', () => 'OauthNG.JWS.a.b.CANARY', 'token_malformed'],
        ['J-04: of more than 64 KiB', () => signed({ x: CANARY.repeat(11_000) }), 'token_malformed'],
        ['J-04: with white space', async () => `${await signed()}\n`, 'token_malformed'],
        ['that is empty', () => '', 'credentials_missing'],
      ]
      for (const [what, make, code] of refused) {
        it(`refuses one ${what}`, async () => {
          const error = await errorOf(verify(await make()))
          expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code })
          expectNoCanary(error)
          expect(evil.calls).to.deep.equal([])
        })
      }

      it('refuses a forged payload under a genuine signature', async () => {
        const [header = '', , signature = ''] = (await signed()).split('.')
        expect(await refusalOf(verify(`${header}.${encode({ ...claims, email: 'evil' })}.${signature}`))).to.equal(
          'signature_invalid',
        )
      })

      it('obeys clockTolerance', async () => {
        const token = await signed({ exp: SECONDS - 10 })
        expect(await verify(token)).to.include({ sub: 'u' })
        expect(await refusalOf(verify(token, { clockTolerance: 10 }))).to.equal('token_expired')
      })

      it('says that there is none, or that it is no text', async () => {
        for (const token of [undefined, null]) expect(await refusalOf(verify(token))).to.equal('credentials_missing')
        for (const token of [7, {}, [await signed()]]) {
          expect(await refusalOf(verify(token))).to.equal('request_invalid')
        }
        const inherited = Object.create({ [name]: await signed() }) as object
        expect(await refusalOf(resolve(`token://${name}`, { tokenResponse: inherited }))).to.equal(
          'credentials_missing',
        )
      })

      it('S-05: reads the key set once, for good tokens and for 100 of unknown keys', async () => {
        for (let index = 0; index < 100; index++) {
          expect(await refusalOf(verify(await signed({}, { kid: `unknown-${index}` })))).to.equal('signature_invalid')
          if (index % 10 === 0) expect(await verify(await signed({ n: index }))).to.include({ n: index })
        }
        expect(ours.calls.map(({ url }) => url)).to.deep.equal(['/jwks.json'])
        expect(ours.calls[0]?.headers).to.not.have.property('authorization')
      })

      it('T-07: is unavailable when the key set is', async () => {
        const sets: Array<[string, Answer]> = [
          ['500', json({}, 500)],
          ['302', json({}, 302, { location: evil.url })],
          ['html', json('<html>CANARY</html>')],
          ['object', json({ CANARY })],
        ]
        const token = await signed()
        for (const [path, answer] of sets) {
          ours.answer = answer
          const keySet = { ...context.keySet, jwksUri: `${ours.url}/${path}` }
          const error = await errorOf(verify(token, { keySet }))
          expect(error, path).to.be.instanceOf(WixUnavailableError)
          expectNoCanary(error)
        }
        await ours.close()
        expect(await errorOf(verify(token))).to.be.instanceOf(WixUnavailableError)
        expect(evil.calls).to.deep.equal([])
      })

      it('P-10: needs all of keySet', async () => {
        const token = await signed()
        const { jwksUri, issuer, audience } = { jwksUri: `${ours.url}/jwks.json`, issuer: ISSUER, audience: AUDIENCE }
        for (const keySet of [
          undefined,
          {},
          { jwksUri },
          { jwksUri, issuer },
          { jwksUri, audience },
          { issuer, audience },
        ]) {
          const error = await errorOf(verify(token, { keySet }))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.match(
            /^resolveUserInfo keySet: option `(jwksUri|issuer|audience)` (is missing: it must|must) be /,
          )
        }
        const wrong: Array<[object, string]> = [
          [{ jwksUri: 'http://issuer.example/jwks', issuer, audience }, '`jwksUri`'],
          [{ jwksUri: '/jwks', issuer, audience }, '`jwksUri`'],
          [{ jwksUri, issuer: '', audience }, '`issuer`'],
          [{ jwksUri, issuer, audience: [audience] }, '`audience`'],
          [{ jwksUri, issuer, audience: undefined }, '`audience`'],
          [{ jwksUri, issuer, audience, algorithms: ['none'] }, '`algorithms`'],
        ]
        for (const [keySet, message] of wrong) {
          const error = await errorOf(verify(token, { keySet }))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message)
            .to.match(/^resolveUserInfo keySet: /)
            .and.to.include(message)
        }
        for (const keySet of [[], 7, 'text', null]) {
          expect(await errorOf(verify(token, { keySet }))).to.be.instanceOf(TypeError)
        }
        expect(ours.calls).to.deep.equal([])
      })
    })
  }

  describe('with a function', () => {
    const KEY_SET = { jwksUri: 'https://issuer.example/jwks', issuer: 'https://issuer.example', audience: 'client-1' }

    it('answers the claims that it answers, also later, as a copy', async () => {
      const claims = { email: 'a@example.com', roles: ['a'] }
      for (const answer of [claims, Promise.resolve(claims), Object.freeze({ ...claims })]) {
        const found = await resolve(() => answer)
        expect(found).to.deep.equal(claims)
        expect(found).to.not.equal(answer)
      }
    })

    it('I-11: drops the names that could change an object from the copy alone', async () => {
      const claims = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"a":1}') as object
      expect(Object.getOwnPropertyNames(await resolve(() => claims))).to.deep.equal(['a'])
      expect(Object.keys(claims)).to.have.length(4)
    })

    it('takes the other sources from it', async () => {
      expect(await resolve(() => '/me')).to.deep.equal({ email: 'a@example.com' })
      expect(await resolve(async () => `${ours.url}/you`)).to.deep.equal({ email: 'a@example.com' })
      expect(await resolve(() => 'token', { tokenResponse: { a: 1 } })).to.deep.equal({ a: 1 })
      expect(await refusalOf(resolve(() => 'token://id_token', { tokenResponse: {}, keySet: KEY_SET }))).to.equal(
        'credentials_missing',
      )
      expect(await errorOf(resolve(() => `${evil.url}/me`))).to.be.instanceOf(TypeError)
      expect(evil.calls).to.deep.equal([])
    })

    it('tells it the context, and is not changed by what it does to it', async () => {
      const source = sinon.fake((given: UserInfoContext) => {
        expect(given).to.deep.equal({ ...context, identity })
        given.baseUrl = evil.url
        given.origins = [evil.url]
        return `${evil.url}/me`
      })
      expect(await errorOf(resolve(source, { identity }))).to.be.instanceOf(TypeError)
      sinon.assert.calledOnce(source)
      expect(evil.calls).to.deep.equal([])
    })

    it('rejects with what it throws', async () => {
      const broken = new Error('broken')
      const failing = [
        () => {
          throw broken
        },
        () => Promise.reject(broken),
      ]
      for (const source of failing) expect(await errorOf(resolve(source))).to.equal(broken)
    })

    for (const odd of [undefined, null, false, true, 0, 7, 1n, Symbol('x'), [], ['/me'], () => '/me', () => ({})]) {
      it(`refuses ${inspect(odd)} from it`, async () => {
        for (const answer of [odd, Promise.resolve(odd)]) {
          const error = await errorOf(resolve(() => answer))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.match(/^resolveUserInfo: the source must be a URL, 'token', 'token:/)
        }
        expect(ours.calls).to.deep.equal([])
      })
    }
  })

  for (const source of [undefined, null, false, true, 0, 7, {}, { email: 'a' }, ['/me'], Promise.resolve('/me')]) {
    it(`P-10: refuses the source ${inspect(source)}`, async () => {
      const error = await errorOf(resolve(source))
      expect(error).to.be.instanceOf(TypeError)
      expect(error.message).to.match(/^resolveUserInfo: the source must be a URL, 'token', 'token:/)
      expect(ours.calls).to.deep.equal([])
    })
  }

  const wrong: Array<[string, unknown]> = [
    ['identity', 'user-1'],
    ['identity', {}],
    ['identity', null],
    ['token', ''],
    ['token', [CANARY]],
    ['token', undefined],
    ['tokenResponse', 'CANARY'],
    ['tokenResponse', [CANARY]],
    ['tokenResponse', null],
    ['baseUrl', 'http://base.example'],
    ['baseUrl', 'https://user:CANARY@base.example'],
    ['baseUrl', 'base.example'],
    ['baseUrl', '//base.example'],
    ['baseUrl', 'javascript:CANARY'],
    ['baseUrl', { href: 'https://base.example' }],
    ['origins', 'https://base.example'],
    ['origins', ['*']],
    ['origins', ['null']],
    ['origins', [undefined]],
    ['origins', ['http://base.example']],
    ['origins', ['https://base.example/']],
    ['origins', ['https://base.example/api']],
    ['origins', ['https://base.example:443']],
    ['origins', ['https://BASE.example']],
    ['origins', ['https://user@base.example']],
    ['origins', ['https://base.example', 'base.example']],
    ['timeout', 0],
    ['timeout', Infinity],
    ['timeout', '2'],
    ['clockTolerance', 301],
    ['fetch', 'fetch'],
    ['now', 7],
    ['url', '/me'],
  ]
  for (const [name, value] of wrong) {
    it(`P-10: refuses a context with ${name}: ${inspect(value)}`, async () => {
      const source = sinon.fake.returns({})
      const error = await errorOf(resolve(source, { [name]: value }))
      expect(error).to.be.instanceOf(TypeError)
      expect(error.message)
        .to.match(/^resolveUserInfo: /)
        .and.to.include(`\`${name}\``)
      expectNoCanary(error)
      sinon.assert.notCalled(source)
    })
  }

  it('P-10: refuses a context that is no object, and needs none for a function', async () => {
    for (const odd of [null, 7, 'CANARY', []]) {
      expect(await errorOf(resolveUserInfo('/me', odd as never))).to.be.instanceOf(TypeError)
    }
    expect(await resolveUserInfo(() => ({ a: 1 }))).to.deep.equal({ a: 1 })
  })

  it('P-11: takes nothing of the context from Object.prototype', async () => {
    Object.assign(Object.prototype, { origins: [evil.url], token: 'x', tokenResponse: { a: 1 }, baseUrl: evil.url })
    try {
      expect(await errorOf(resolveUserInfo(`${evil.url}/me`, {}))).to.be.instanceOf(TypeError)
      expect(await errorOf(resolveUserInfo('/me', {}))).to.be.instanceOf(TypeError)
      expect(await errorOf(resolveUserInfo('token', {}))).to.be.instanceOf(TypeError)
    } finally {
      for (const name of ['origins', 'token', 'tokenResponse', 'baseUrl'])
        Reflect.deleteProperty(Object.prototype, name)
    }
    expect(evil.calls).to.deep.equal([])
  })
})
