import { createRequire } from 'node:module'
import { expect } from 'chai'
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import passport from 'passport'
import sinon from 'sinon'
import {
  identityOf,
  requireIdentity,
  WixAccessTokenStrategy,
  type WixAccessTokenStrategyOptions,
  WixAppStrategy,
} from '../../lib/index.ts'
import { accessToken, answering, clockAt, info, type TestClock } from '../support/access-token.ts'
import { instance, now, NOW, OTHER_SECRET, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, SECONDS, webhook } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'
import { type Answer, tokenInfoServer, type TokenInfoServer, whole } from '../support/token-info-server.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express
const versions: Array<[string, typeof express]> = [
  ['Express 5', express],
  ['Express 4', express4],
]

const TOKEN = accessToken()
const MISSING = 'Bearer realm="Wix"'
const INVALID =
  'Bearer realm="Wix", error="invalid_token", error_description="This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)"'
const MALFORMED =
  'Bearer realm="Wix", error="invalid_token", error_description="This is not a complete Wix credential: send it exactly as Wix issued it"'
const EXPIRED =
  'Bearer realm="Wix", error="invalid_token", error_description="This Wix credential has expired: reload the page to get a new one"'

const whoAmI: RequestHandler = (req, res) => void res.json({ user: req.user, identity: identityOf(req) })

for (const [version, framework] of versions) {
  describe(`an access token through ${version}`, () => {
    watchForSecrets()
    let wix: TokenInfoServer
    let served: Served
    let clock: TestClock
    let seen: Array<{ challenge?: unknown; status?: unknown }>
    let log: sinon.SinonStub
    beforeEach(async () => {
      log = sinon.stub(console, 'error')
      clock = clockAt(NOW)
      seen = []
      wix = await tokenInfoServer(whole(info()))
    })
    afterEach(async () => {
      log.restore()
      await served.close()
      await wix.close()
    })

    const login = ({ instanceId }: { instanceId: string }) => ({ id: instanceId })
    async function start(
      names: string | string[] = 'wix-access-token',
      options: Pick<WixAccessTokenStrategyOptions, 'fetch' | 'timeout'> = {},
      more: RequestHandler[] = [],
    ): Promise<void> {
      const app: Express = framework()
      // As in production: no stack in the answer.
      app.set('env', 'production')
      const auth = new (passport as unknown as { Passport: new () => passport.PassportStatic }).Passport()
      const apiUrl = wix.url
      auth.use(new WixAccessTokenStrategy({ appId: APP_ID, apiUrl, now: clock.now, ...options }, login))
      auth.use(new WixAppStrategy({ secret: SECRET, now }, login))
      app.get('/', auth.authenticate(names, { session: false }) as RequestHandler, ...more, whoAmI)
      // Records what each strategy of a chain has said.
      app.get('/why', (req: Request, res: Response, next: NextFunction) => {
        const authenticate = auth.authenticate(
          names,
          { session: false },
          (error: unknown, user: unknown, _info: unknown, status: unknown) => {
            if (error) return next(error)
            seen.push({ challenge: _info, status })
            res.json({ user: user || null })
          },
        ) as RequestHandler
        void authenticate(req, res, next)
      })
      served = await serve(app)
    }
    const get = (authorization?: string, path = '/'): Promise<globalThis.Response> =>
      fetch(served.url + path, { redirect: 'manual', headers: authorization === undefined ? {} : { authorization } })
    /** The whole response of a refusal: nothing else is in it. */
    const refused = async (response: globalThis.Response, status: number, challenge: string | null): Promise<void> => {
      expect([
        response.status,
        response.headers.get('www-authenticate'),
        response.headers.get('retry-after'),
        response.headers.get('set-cookie'),
        await response.text(),
      ]).to.deep.equal([
        status,
        challenge,
        null,
        null,
        { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden' }[status],
      ])
    }

    it('T-01: signs in, with the token alone and after Bearer', async () => {
      await start()
      for (const authorization of [TOKEN, `Bearer ${TOKEN}`, `bearer ${TOKEN}`]) {
        const response = await get(authorization)
        expect([response.status, response.headers.get('www-authenticate')]).to.deep.equal([200, null])
        expect(await response.json()).to.deep.equal({
          user: { id: 'instance-1' },
          identity: { ...info(), accountId: null, permissions: null, siteOwnerId: null, vendorProductId: null },
        })
      }
      expect(wix.calls.map(({ body }) => JSON.parse(body) as unknown)).to.deep.equal([{ token: TOKEN }])
    })

    const unasked: Array<[string, string | undefined, string]> = [
      ['no header', undefined, MISSING],
      ['another scheme', 'Basic dXNlcjpwYXNz', MISSING],
      ['an instance', instance(), MISSING],
      ['a JWT', `Bearer ${webhook()}`, MISSING],
      ['one word', 'hello', MALFORMED],
      ['an API key', 'IST.a.b.c', MALFORMED],
      ['a refresh token', 'JWS.a.b.c', MALFORMED],
      ['an over-long token', `a.b.c.${'x'.repeat(8187)}`, MALFORMED],
    ]
    for (const [name, authorization, challenge] of unasked) {
      it(`P-08: answers 401 and its challenge to ${name}, and Wix is not asked`, async () => {
        await start()
        await refused(await get(authorization), 401, challenge)
        expect(wix.calls).to.have.length(0)
      })
    }

    it('T-01: does not read the token from the query', async () => {
      await start()
      await refused(await get(undefined, `/?access_token=${TOKEN}&token=${TOKEN}&instance=${TOKEN}`), 401, MISSING)
      expect(wix.calls).to.have.length(0)
    })

    const dead: Array<[string, Answer, string]> = [
      ['Wix calls inactive', whole({ active: false }), INVALID],
      ['Wix answers with 401', whole({}, 401), INVALID],
      ['is for another app', whole(info({ clientId: 'app-2' })), INVALID],
      ['has expired', whole(info({ exp: SECONDS })), EXPIRED],
    ]
    for (const [name, answer, challenge] of dead) {
      it(`T-07: answers 401 and its challenge to a token that ${name}, the first time and the second`, async () => {
        wix.answerWith(answer)
        await start()
        await refused(await get(TOKEN), 401, challenge)
        await refused(await get(TOKEN), 401, challenge)
        expect(wix.calls).to.have.length(1)
      })
    }

    it('answers 403 without a challenge from requireIdentity behind it', async () => {
      await start('wix-access-token', {}, [requireIdentity({ subjectType: 'MEMBER' })])
      const response = await get(TOKEN)
      expect([response.status, response.headers.get('www-authenticate')]).to.deep.equal([403, null])
    })

    it('answers 401 and a challenge when the verify callback finds no user', async () => {
      await start()
      const app = framework()
      const strategy = new WixAccessTokenStrategy({ appId: APP_ID, apiUrl: wix.url, now }, async () => null)
      app.get('/', passport.authenticate(strategy as passport.Strategy, { session: false }) as RequestHandler, whoAmI)
      await served.close()
      served = await serve(app)
      await refused(await get(TOKEN), 401, INVALID)
    })

    const outages: Array<[string, Answer, string | null]> = [
      ['500', whole('', 500), null],
      ['HTML', whole('<p>'), null],
      ['a redirect', whole('', 302, { location: 'https://elsewhere.example' }), null],
      ['429 with Retry-After', whole('', 429, { 'Retry-After': '7' }), '7'],
      ['429 with a date', whole('', 429, { 'Retry-After': new Date(NOW + 90_000).toUTCString() }), '90'],
      ['503 with a date', whole('', 503, { 'Retry-After': new Date(NOW + 90_000).toUTCString() }), '30'],
    ]
    for (const [name, answer, retryAfter] of outages) {
      it(`T-07: answers 503 by Express itself when Wix answers ${name}, ${retryAfter ? 'with' : 'without'} Retry-After`, async () => {
        wix.answerWith(answer)
        await start()
        const response = await get(TOKEN)
        expect([
          response.status,
          response.headers.get('retry-after'),
          response.headers.get('www-authenticate'),
        ]).to.deep.equal([503, retryAfter, null])
        const body = await response.text()
        expect(body).to.include('Service Unavailable').and.not.include(TOKEN.slice(0, 12)).and.not.include('lib/')
        // What Express writes to the log is the error with its stack, once (E-01).
        sinon.assert.calledOnce(log)
        expect(String(log.firstCall.args[0])).to.include('WixUnavailableError').and.not.include(TOKEN.slice(0, 12))
      })
    }

    it('T-09: answers 503 while the circuit is open, with the time that is left, and then lets in again', async () => {
      wix.answerWith(whole('', 429, { 'Retry-After': '7' }))
      await start()
      await get(TOKEN)
      wix.answerWith(whole(info()))
      for (const left of ['7', '5', '3', '1']) {
        const response = await get(accessToken(left))
        expect([response.status, response.headers.get('retry-after')]).to.deep.equal([503, left])
        clock.add(2000)
      }
      expect((await get(TOKEN)).status).to.equal(200)
      expect(wix.calls).to.have.length(2)
    })

    it('stays alive, and answers, when Wix cannot be reached', async () => {
      await wix.close()
      await start()
      const answers = await Promise.all(Array.from({ length: 4 }, (_, index) => get(accessToken(index))))
      expect(answers.map(({ status }) => status)).to.deep.equal([503, 503, 503, 503])
    })

    describe('in a chain with wix-app', () => {
      const CHAIN = ['wix-access-token', 'wix-app']
      const subjectOf = async (response: globalThis.Response): Promise<unknown> => {
        expect(response.status).to.equal(200)
        const { identity } = (await response.json()) as {
          identity: { subjectId: unknown; active?: unknown; uid?: unknown }
        }
        return 'active' in identity ? 'access token' : 'instance'
      }
      const forms: Array<[string, string | undefined, string, string, number]> = [
        ['an access token', TOKEN, '/', 'access token', 1],
        ['an access token after Bearer', `Bearer ${TOKEN}`, '/', 'access token', 1],
        ['an instance in the query', undefined, `/?instance=${instance()}`, 'instance', 0],
        ['an instance in Authorization', instance(), '/', 'instance', 0],
        ['an access token beside an instance', TOKEN, `/?instance=${instance()}`, 'access token', 1],
      ]
      for (const names of [CHAIN, CHAIN.toReversed()]) {
        for (const [name, authorization, path, kind, calls] of forms) {
          const second = names[0] === 'wix-app' && path !== '/' && kind === 'access token'
          it(`${names.join(', ')}: ${name} is verified by its own strategy`, async () => {
            await start(names)
            expect(await subjectOf(await get(authorization, path))).to.equal(second ? 'instance' : kind)
            expect(wix.calls).to.have.length(second ? 0 : calls)
          })
        }
      }

      it('nothing at all is a 401 with a challenge, and no strategy sees a credential', async () => {
        await start(CHAIN)
        await refused(await get(), 401, MISSING)
        await get(undefined, '/why')
        expect(seen).to.deep.equal([
          {
            challenge: [
              MISSING,
              { message: 'No Wix credential in the request: open the page from Wix', code: 'credentials_missing' },
            ],
            status: [401, 401],
          },
        ])
      })

      it('a credential of another kind is missing for a strategy, and rejected by its own', async () => {
        await start(CHAIN)
        const invalid = new RegExp('error="invalid_token"')
        const missing = 'credentials_missing'
        const cases: Array<[string | undefined, string, unknown, string]> = [
          [undefined, `/why?instance=${instance({}, OTHER_SECRET)}`, MISSING, 'signature_invalid'],
          [instance({}, OTHER_SECRET), '/why', MISSING, 'signature_invalid'],
          ['IST.a.b.c', '/why', invalid, missing],
          [`Bearer ${webhook()}`, '/why', MISSING, missing],
        ]
        for (const [authorization, path, first, code] of cases) {
          await get(authorization, path)
          const { challenge, status } = seen.pop() as { challenge: [string, { code: string }]; status: unknown }
          if (first instanceof RegExp) expect(challenge[0]).to.match(first)
          else expect(challenge[0]).to.equal(first)
          expect([challenge[1].code, status]).to.deep.equal([code, [401, 401]])
        }
        expect(wix.calls).to.have.length(0)
      })

      it('T-07: an outage ends the chain with 503, also where an instance would do', async () => {
        wix.answerWith(whole('', 500))
        await start(CHAIN)
        expect((await get(TOKEN)).status).to.equal(503)
        expect((await get(TOKEN, `/?instance=${instance()}`)).status).to.equal(503)
        expect((await get(undefined, `/?instance=${instance()}`)).status).to.equal(200)
      })
    })

    it('T-10: 500 equal requests at once make 1 call', async () => {
      // 500 connections take a busy machine longer than Wix may take.
      await start('wix-access-token', { timeout: 20 })
      const answers = await Promise.all(Array.from({ length: 500 }, () => get(TOKEN)))
      expect(answers.filter(({ status }) => status !== 200)).to.deep.equal([])
      expect(wix.calls).to.have.length(1)
    })

    it('P-07: an error of the route is neither a refusal nor an outage', async () => {
      await start('wix-access-token', { fetch: answering() }, [
        () => {
          throw new Error('of the route')
        },
      ])
      for (let time = 0; time < 2; time++) expect((await get(TOKEN)).status).to.equal(500)
    })
  })
}
