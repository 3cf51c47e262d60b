import { createRequire } from 'node:module'
import { expect } from 'chai'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'
import passport from 'passport'
import { readFileSync } from 'node:fs'
import sinon from 'sinon'
import {
  errorHandler,
  identityOf,
  requireIdentity,
  type Verify,
  type VerifyDone,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixAuthError,
  type WixInstance,
  WixUnavailableError,
} from '../../lib/index.ts'
import { accessToken, answering } from '../support/access-token.ts'
import { instance, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express
const versions: Array<[string, typeof express]> = [
  ['Express 5', express],
  ['Express 4', express4],
]

interface Vector {
  name: string
  secret: string
  instance: string
  payload: Record<string, unknown> | null
  expect: 'accept' | 'refuse'
  verify_at: number | null
}
const { vectors } = JSON.parse(readFileSync(new URL('../vectors/instance.json', import.meta.url), 'utf8')) as {
  vectors: Vector[]
}

const genuine = instance()
const forged = instance({}, OTHER_SECRET)
const at = (path: string, value: string): string => `${path}?instance=${encodeURIComponent(value)}`

/** Its parameters decide how it is called. */
const declaring = (verify: (identity: WixInstance, done: VerifyDone) => unknown): Verify<WixInstance> =>
  verify as Verify<WixInstance>

/** Answers with the user and the identity. */
const whoAmI = (req: Request, res: Response): void => {
  res.json({ user: req.user, identity: identityOf(req) })
}
const showError = (
  error: Error & { status?: number; code?: string },
  _req: Request,
  res: Response,
  _next: NextFunction,
) => {
  res.status(error.status ?? 500).json({ message: error.message, code: error.code })
}

for (const [version, framework] of versions) {
  describe(`through ${version}`, () => {
    watchForSecrets()
    let served: Served
    const get = (path: string, init: RequestInit = {}): Promise<globalThis.Response> =>
      fetch(served.url + path, { redirect: 'manual', ...init })

    /** An own Passport for each test, since a strategy is registered for good. */
    async function start(build: (app: Express, auth: passport.PassportStatic) => void): Promise<void> {
      const app = framework()
      const auth = new (passport as unknown as { Passport: new () => passport.PassportStatic }).Passport()
      auth.use(new WixAppStrategy({ secret: SECRET, now }, ({ instanceId }) => ({ id: instanceId })))
      build(app, auth)
      app.use(showError)
      served = await serve(app)
    }
    afterEach(() => served.close())

    it('answers with the user of a genuine instance, from the query and from Authorization', async () => {
      await start((app, auth) => app.get('/', auth.authenticate('wix-app', { session: false }), whoAmI))
      for (const response of [await get(at('/', genuine)), await get('/', { headers: { authorization: genuine } })]) {
        expect(response.status).to.equal(200)
        const body = (await response.json()) as { user: unknown; identity: WixInstance }
        expect(body.user).to.deep.equal({ id: 'instance-1' })
        expect(body.identity).to.include({ subjectType: 'USER', subjectId: 'user-1', permissions: 'OWNER' })
      }
    })

    const refusals: Array<[string, string, RequestInit, number]> = [
      ['no instance', '/', {}, 401],
      ['an empty instance', '/?instance=', {}, 401],
      ['a forged instance', at('/', forged), {}, 401],
      ['nonsense', '/?instance=a', {}, 401],
      ['an old instance', at('/', instance({ signDate: '2015-12-10T06:57:37.201Z' })), {}, 401],
      ['an instance twice', `${at('/', genuine)}&instance=${genuine}`, {}, 400],
      ['an instance in two places', at('/', genuine), { headers: { authorization: genuine } }, 400],
      ['a cookie', '/', { headers: { cookie: `instance=${genuine}` } }, 401],
      ['a null character', '/?instance=%00.%00', {}, 401],
      ['broken escapes', '/?instance=%E0%A4%A.%', {}, 401],
      ['a foreign Authorization header', '/', { headers: { authorization: 'Bearer a.b' } }, 401],
      [
        'an instance in two places, once after Bearer',
        at('/', genuine),
        { headers: { authorization: `Bearer ${genuine}` } },
        400,
      ],
    ]
    for (const [name, path, init, status] of refusals) {
      it(`answers ${status} to ${name}, and nothing else`, async () => {
        await start((app, auth) => app.get('/', auth.authenticate('wix-app', { session: false }), whoAmI))
        const response = await get(path, init)
        expect(response.status).to.equal(status)
        expect(await response.text()).to.equal(status === 400 ? 'Bad Request' : 'Unauthorized')
        expect(response.headers.get('www-authenticate')).to.equal(null)
        expect(response.headers.get('set-cookie')).to.equal(null)
      })
    }

    it('answers 431 by Node itself to a request line over 16 kB', async () => {
      await start((app, auth) => app.get('/', auth.authenticate('wix-app', { session: false }), whoAmI))
      expect((await get(at('/', 'a'.repeat(17_000)))).status).to.equal(431)
    })

    it('rejects parameters that a parser makes an object of', async () => {
      await start((app, auth) => {
        app.set('query parser', 'extended')
        app.get('/', auth.authenticate('wix-app', { session: false }), whoAmI)
      })
      for (const query of ['instance[]=a', 'instance[a]=b', 'instance[__proto__]=a', 'instance[0]=a&instance[1]=b']) {
        expect((await get(`/?${query}`)).status).to.be.oneOf([400, 401])
      }
    })

    it('gives every published and constructed instance the verdict that it should have', async () => {
      let verifyAt: number | null = null
      await start((app, auth) => {
        app.get(
          '/:index/:mode',
          (req, res, next) => {
            const { secret } = vectors[Number(req.params.index)] as Vector
            const strategy = new WixAppStrategy(
              { secret, now: () => (verifyAt ?? 0) * 1000, ...(verifyAt === null && { maxAge: false }) },
              (verified) => verified,
            )
            auth.authenticate(strategy as passport.Strategy, { session: false })(req, res, next)
          },
          whoAmI,
        )
      })
      expect(vectors).to.have.length(36)
      for (const [index, vector] of vectors.entries()) {
        verifyAt = vector.verify_at
        const responses = [await get(at(`/${index}/query`, vector.instance))]
        if (/^[\x21-\x7e]+$/.test(vector.instance)) {
          responses.push(await get(`/${index}/header`, { headers: { authorization: vector.instance } }))
        }
        for (const response of responses) {
          expect(response.status, vector.name).to.equal(vector.expect === 'accept' ? 200 : 401)
          if (vector.expect === 'refuse') continue
          const { user } = (await response.json()) as { user: Record<string, unknown> }
          const known = Object.entries(vector.payload ?? {}).filter(([, value]) => value !== '' && value !== null)
          expect(user, vector.name).to.deep.include(Object.fromEntries(known))
        }
      }
    })

    describe('with the options of Passport', () => {
      it('redirects with failureRedirect', async () => {
        await start((app, auth) =>
          app.get('/', auth.authenticate('wix-app', { session: false, failureRedirect: '/sign-in' }), whoAmI),
        )
        const response = await get(at('/', forged))
        expect([response.status, response.headers.get('location')]).to.deep.equal([302, '/sign-in'])
      })

      it('reaches the error handler with failWithError', async () => {
        await start((app, auth) =>
          app.get('/', auth.authenticate('wix-app', { session: false, failWithError: true }), whoAmI),
        )
        for (const [path, status, message] of [
          [at('/', forged), 401, 'Unauthorized'],
          ['/?instance=a&instance=b', 400, 'Bad Request'],
        ] as const) {
          const response = await get(path)
          expect(response.status).to.equal(status)
          expect(await response.json()).to.deep.equal({ message })
        }
      })

      it('gives a custom callback the message, the code and the status', async () => {
        await start((app, auth) =>
          app.get('/', (req, res, next) => {
            auth.authenticate(
              'wix-app',
              { session: false },
              (error: unknown, user: unknown, info: unknown, status: unknown) => {
                res.json({ error, user, info, status })
              },
            )(req, res, next)
          }),
        )
        expect(await (await get('/')).json()).to.deep.equal({
          error: null,
          user: false,
          info: {
            message: 'No Wix credential in the request: open the page from Wix',
            code: 'credentials_missing',
          },
          status: 401,
        })
        expect(await (await get(at('/', genuine))).json()).to.have.nested.include({
          'user.id': 'instance-1',
          'info.identity.instanceId': 'instance-1',
        })
      })

      describe('P-07: a custom callback that throws', () => {
        const verifies: Record<string, (identity: WixInstance, done: VerifyDone) => unknown> = {
          'a promise': async (_identity) => ({ id: 'a' }),
          'done at once': (_identity, done) => done(null, { id: 'a' }),
          'done later': (_identity, done) => void setImmediate(done, null, { id: 'a' }),
        }
        const callbacks: Array<[name: string, paths: string[], callback: (error: unknown) => unknown]> = [
          [
            'always throws, for a success and for a refusal',
            [at('/', genuine), at('/', forged)],
            () => {
              throw new Error('of the app')
            },
          ],
          // Of a refusal, Passport drops the promise that the callback returns.
          ['always rejects, for a success', [at('/', genuine)], () => Promise.reject(new Error('of the app'))],
        ]
        for (const [behind, verify] of Object.entries(verifies)) {
          for (const [name, paths, callback] of callbacks) {
            it(`${name}, behind ${behind}: 500, and the process lives`, async () => {
              const calls: unknown[] = []
              await start((app, auth) => {
                auth.use('own', new WixAppStrategy({ secret: SECRET, now }, declaring(verify)))
                app.get('/', (req, res, next) => {
                  const custom = (error: unknown): unknown => {
                    calls.push(error)
                    return callback(error)
                  }
                  auth.authenticate('own', { session: false }, custom)(req, res, next)
                })
              })
              for (const path of paths) {
                const response = await get(path)
                expect([response.status, await response.json()]).to.deep.equal([500, { message: 'of the app' }])
                // Once with the outcome, once with what it threw.
                expect(calls.splice(0).map(String)).to.deep.equal(['null', 'Error: of the app'])
              }
            })
          }

          it(`only once, behind ${behind}: it gets its own error, and may pass it on`, async () => {
            await start((app, auth) => {
              auth.use('own', new WixAppStrategy({ secret: SECRET, now }, declaring(verify)))
              app.get('/', (req, res, next) => {
                const custom = (error: unknown): void => {
                  if (error) return next(error)
                  throw new Error('of the app')
                }
                auth.authenticate('own', { session: false }, custom)(req, res, next)
              })
            })
            const response = await get(at('/', genuine))
            expect([response.status, await response.json()]).to.deep.equal([500, { message: 'of the app' }])
          })
        }
      })

      describe('with errorHandler()', () => {
        const shows = async (
          response: globalThis.Response,
        ): Promise<
          [status: number, type: string | null, challenge: string | null, retry: string | null, body: unknown]
        > => [
          response.status,
          response.headers.get('content-type'),
          response.headers.get('www-authenticate'),
          response.headers.get('retry-after'),
          await response.json(),
        ]

        it('says that it must be called, where it was not, and leaves no request without an answer', async () => {
          await start((app) => void app.use(errorHandler as never))
          const response = await get(at('/elsewhere', genuine))
          expect(response.status).to.equal(500)
          expect(await response.json()).to.deep.equal({
            message: 'errorHandler: it was given a request, so it must be called first: app.use(errorHandler())',
          })
        })

        it('answers what comes through failWithError with status, code and message, and with the challenges of a 401', async () => {
          await start((app, auth) => {
            const fail = { session: false, failWithError: true }
            auth.use(new WixAccessTokenStrategy({ appId: APP_ID, fetch: answering(), now }, async () => ({})))
            app.get('/', auth.authenticate('wix-app', fail), whoAmI)
            app.get('/chain', auth.authenticate(['wix-access-token', 'wix-app'], fail), whoAmI)
            app.use(errorHandler())
          })
          const none = {
            code: 'credentials_missing',
            message: 'No Wix credential in the request: open the page from Wix',
          }
          const invalid = {
            code: 'signature_invalid',
            message:
              'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)',
          }
          const twice = {
            code: 'request_invalid',
            message: 'The Wix credential must be sent once, in one place, as a string',
          }
          for (const [path, status, challenge, body] of [
            ['/', 401, null, none],
            [at('/', forged), 401, null, invalid],
            ['/?instance=a&instance=b', 400, null, twice],
            ['/chain', 401, 'Bearer realm="Wix"', none],
            [at('/chain', forged), 401, 'Bearer realm="Wix"', invalid],
          ] as const) {
            const response = await get(path)
            expect(response.headers.get('cache-control')).to.equal('no-store')
            expect(await shows(response)).to.deep.equal([status, 'application/json', challenge, null, body])
          }
        })

        it('answers the 403 of requireIdentity, and a refusal that was passed on', async () => {
          await start((app, auth) => {
            app.get(
              '/rule',
              auth.authenticate('wix-app', { session: false }),
              requireIdentity({ subjectType: 'MEMBER' }),
              whoAmI,
            )
            // Optional authentication, and a route that is not.
            app.use((req, res, next) => {
              auth.authenticate('wix-app', { session: false }, (error: Error | null) => next(error ?? undefined))(
                req,
                res,
                next,
              )
            })
            app.get('/guarded', requireIdentity({ subjectType: 'USER' }), whoAmI)
            app.get('/who', whoAmI)
            app.use(errorHandler())
          })
          expect(await shows(await get(at('/rule', genuine)))).to.deep.equal([
            403,
            'application/json',
            null,
            null,
            { code: 'insufficient_scope', message: 'This Wix identity may not do this' },
          ])
          for (const path of ['/guarded', '/who']) {
            const [status, , , , body] = await shows(await get(path))
            expect(status).to.equal(401)
            expect(body).to.have.property('code', 'credentials_missing')
            expect((await shows(await get(at(path, forged))))[4]).to.have.property('code', 'signature_invalid')
          }
        })

        it('says what is wrong where a custom callback keeps the identity to itself: 500', async () => {
          await start((app, auth) => {
            app.use((req, res, next) => {
              auth.authenticate('wix-app', { session: false }, (error: Error | null) => next(error ?? undefined))(
                req,
                res,
                next,
              )
            })
            app.get('/guarded', requireIdentity({ subjectType: 'USER' }), whoAmI)
            app.use(errorHandler())
          })
          const response = await get(at('/guarded', genuine))
          expect(response.status).to.equal(500)
          expect(await response.json())
            .to.have.property('message')
            .that.includes('a custom callback must set req.authInfo = info')
        })

        it('answers an outage with 503 and Retry-After, and says which server in a warning, which a refusal has not', async () => {
          const warning = sinon.replace(process, 'emitWarning', sinon.fake())
          try {
            await start((app, auth) => {
              const fetch = answering('', 429, { 'Retry-After': '7' })
              auth.use(new WixAccessTokenStrategy({ appId: APP_ID, fetch, now }, async () => ({})))
              app.get('/', auth.authenticate('wix-access-token', { session: false }), whoAmI)
              const cause = new Error('connect ECONNREFUSED')
              app.get('/store', (_req, _res, next) => next(new WixUnavailableError('The store is down', { cause })))
              app.get('/refused', (_req, _res, next) => next(new WixAuthError('claim_invalid')))
              app.use(errorHandler())
            })
            expect((await get('/refused')).status).to.equal(401)
            expect(await shows(await get('/', { headers: { authorization: accessToken() } }))).to.deep.equal([
              503,
              'application/json',
              null,
              '7',
              { code: 'unavailable', message: 'Service Unavailable' },
            ])
            const [status, , , retryAfter, body] = await shows(await get('/store'))
            expect([status, retryAfter, body]).to.deep.equal([
              503,
              null,
              { code: 'unavailable', message: 'Service Unavailable' },
            ])
            const type = 'WixUnavailableError'
            expect(warning.args).to.deep.equal([
              ['Token Info is unavailable: status 429', { type }],
              ['The store is down', { type, detail: 'connect ECONNREFUSED' }],
            ])
          } finally {
            sinon.restore()
          }
        })

        it('passes on everything else as it is: the 401 of an SDK with its message and headers, and a wrong setup', async () => {
          const seen: unknown[] = []
          const foreign = Object.assign(new Error('the key sk_1 is wrong'), {
            status: 401,
            expose: false,
            headers: { 'set-cookie': 'a=b', 'www-authenticate': 'Basic' },
          })
          await start((app, auth) => {
            app.get('/sdk', (_req, _res, next) => next(foreign))
            app.get('/setup', auth.authenticate('wix-app', { session: false, secret: '' }), whoAmI)
            app.get('/value', (_req, _res, next) => next('a string'))
            // Passport's own error, on a request that no strategy of this package has refused.
            app.get('/other', (_req, _res, next) =>
              next(Object.assign(new Error('x'), { name: 'AuthenticationError' })),
            )
            // An error of the app on a request that one has refused before.
            app.get('/later', (req, res, next) => {
              auth.authenticate('wix-app', { session: false }, () => next(foreign))(req, res, next)
            })
            app.use(errorHandler())
            app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
              seen.push(error)
              res.sendStatus(500)
            })
          })
          for (const path of ['/sdk', '/setup', '/value', '/other', '/later']) {
            const response = await get(path)
            expect([response.status, await response.text(), response.headers.get('set-cookie')]).to.deep.equal([
              500,
              'Internal Server Error',
              null,
            ])
          }
          expect(seen[0]).to.equal(foreign)
          expect(seen[1]).to.be.instanceOf(TypeError)
          expect(seen[2]).to.equal('a string')
          expect(seen[4]).to.equal(foreign)
        })

        it('leaves an answer that has begun to Express, which closes the connection', async () => {
          await start((app, auth) => {
            app.set('env', 'test')
            app.get('/', auth.authenticate('wix-app', { session: false }), (req, res, next) => {
              res.write('begun')
              next(new WixAuthError('claim_invalid'))
            })
            app.use(errorHandler())
            app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
              expect(error).to.be.instanceOf(WixAuthError)
              res.end(', and ended elsewhere')
            })
          })
          const response = await get(at('/', genuine))
          expect([response.status, await response.text()]).to.deep.equal([200, 'begun, and ended elsewhere'])
        })
      })

      it('flashes the message with failureFlash, and keeps a login with a session', async () => {
        await start((app, auth) => {
          auth.serializeUser((user, done) => done(null, user))
          auth.deserializeUser((user: Express.User, done) => done(null, user))
          app.use(session({ secret: 'cookie-secret', resave: false, saveUninitialized: false }))
          // What connect-flash does; that package itself calls what Node has deprecated.
          app.use((req, _res, next) => {
            const keep = (type: string, message: string): void => {
              Object.assign(req.session, { flashed: { [type]: [message] } })
            }
            Object.assign(req, { flash: keep })
            next()
          })
          app.use(auth.session() as never)
          app.get('/login', auth.authenticate('wix-app', { failureFlash: true, failureRedirect: '/flash' }), whoAmI)
          app.get('/flash', (req, res) => {
            res.json((req.session as unknown as { flashed: unknown }).flashed)
          })
          app.get('/me', (req, res) => {
            res.json({ user: req.user ?? null })
          })
        })
        const cookieOf = (response: globalThis.Response): string =>
          response.headers.get('set-cookie')?.split(';')[0] ?? ''
        const login = await get(at('/login', genuine))
        expect(login.status).to.equal(200)
        const me = await get('/me', { headers: { cookie: cookieOf(login) } })
        expect(await me.json()).to.deep.equal({ user: { id: 'instance-1' } })

        const failed = await get(at('/login', forged))
        expect(failed.status).to.equal(302)
        const flashed = await get('/flash', { headers: { cookie: cookieOf(failed) } })
        expect(await flashed.json())
          .to.have.nested.property('error[0]')
          .that.includes('not valid for this app')
      })

      it('uses the secret of the route, and the message of the route', async () => {
        await start((app, auth) => {
          app.get('/two', auth.authenticate('wix-app', { session: false, secret: OTHER_SECRET }), whoAmI)
          app.get('/unset', auth.authenticate('wix-app', { session: false, secret: undefined as never }), whoAmI)
          app.get('/said', (req, res, next) => {
            auth.authenticate(
              'wix-app',
              { badRequestMessage: 'Please sign in' },
              (_: unknown, __: unknown, info: unknown) => res.json(info),
            )(req, res, next)
          })
        })
        expect((await get(at('/two', forged))).status).to.equal(200)
        expect((await get(at('/two', genuine))).status).to.equal(401)
        expect(await (await get('/said')).json()).to.deep.equal({
          message: 'Please sign in',
          code: 'credentials_missing',
        })
        const unset = await get(at('/unset', genuine))
        expect(unset.status).to.equal(500)
        expect(await unset.json())
          .to.have.property('message')
          .that.includes('option `secret` must be the app secret, got undefined')
      })
    })

    describe('in a chain', () => {
      class SlowAsyncFailing extends (passport.Strategy as unknown as new () => object) {
        name = 'slow-async-failing'
        declare fail: (challenge: string, status: number) => void
        authenticate(): void {
          setTimeout(() => this.fail('Slow realm="test"', 403), 1)
        }
      }

      it('P-01: keeps the process alive behind a strategy that failed asynchronously, for every bad input', async () => {
        await start((app, auth) => {
          auth.use(new SlowAsyncFailing() as passport.Strategy)
          app.set('query parser', 'extended')
          app.use((req, _res, next) => {
            const odd = req.headers['x-query']
            if (odd !== undefined) Object.defineProperty(req, 'query', { value: JSON.parse(String(odd)) })
            next()
          })
          app.get('/', auth.authenticate(['slow-async-failing', 'wix-app'], { session: false }), whoAmI)
        })
        const more = ['/?instance[]=a', '/?instance[a]=b', '/?instance=%ff.%fe', '/?instance=%c5%81.a'].map(
          (path) => [path, {}] as const,
        )
        for (const [path, init] of [...refusals.map(([, path, init]) => [path, init] as const), ...more]) {
          const response = await get(path, init)
          expect([response.status, await response.text()], path).to.deep.equal([403, 'Forbidden'])
        }
        for (const odd of [
          null,
          7,
          'a string',
          [],
          {},
          { instance: null },
          { instance: { length: 3 } },
          { instance: [[[]]] },
        ]) {
          expect((await get('/', { headers: { 'x-query': JSON.stringify(odd) } })).status).to.equal(403)
        }
        expect((await get(at('/', genuine))).status).to.equal(200)
      })

      it('lets the next strategy try what it rejected', async () => {
        await start((app, auth) => {
          auth.use('other', new WixAppStrategy({ secret: OTHER_SECRET, now }, async () => ({ id: 'other' })))
          app.get('/', auth.authenticate(['wix-app', 'other'], { session: false }), whoAmI)
        })
        expect(await (await get(at('/', genuine))).json()).to.have.nested.property('user.id', 'instance-1')
        expect(await (await get(at('/', forged))).json()).to.have.nested.property('user.id', 'other')
        expect((await get('/?instance=a&instance=b')).status).to.equal(400)
      })
    })

    it('P-04: answers 500 and does not run the route when verify fails with anything', async () => {
      for (const reason of [undefined, null, '', 0, 'route', 'router']) {
        await start((app, auth) => {
          auth.use('throws', new WixAppStrategy({ secret: SECRET, now }, () => Promise.reject(reason)))
          app.get('/', auth.authenticate('throws', { session: false }), whoAmI)
          app.get('/', whoAmI)
        })
        expect((await get(at('/', genuine))).status).to.equal(500)
        await served.close()
      }
    })

    it('keeps anonymous visitors out of a dashboard with one line', async () => {
      await start((app, auth) =>
        app.get(
          '/',
          auth.authenticate('wix-app', { session: false }),
          requireIdentity({ subjectType: 'USER' }),
          whoAmI,
        ),
      )
      expect((await get(at('/', genuine))).status).to.equal(200)
      const response = await get(at('/', instance({ aid: 'visitor-1' })))
      expect(response.status).to.equal(403)
      expect(await response.json()).to.deep.equal({
        message: 'This Wix identity may not do this',
        code: 'insufficient_scope',
      })
    })

    it('says in plain words that requireIdentity comes before authentication', async () => {
      await start((app) => app.get('/', requireIdentity({ subjectType: 'USER' }), whoAmI))
      const response = await get(at('/', genuine))
      expect(response.status).to.equal(500)
      expect(await response.json())
        .to.have.property('message')
        .that.includes('put passport.authenticate() with a strategy')
    })
  })
}
