import { request as httpRequest } from 'node:http'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import passport from 'passport'
import {
  identityOf,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { accessToken, answering, askedFor } from '../support/access-token.ts'
import { instance, now, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, BODY, digest, KEYS, OTHER_KEYS, refusalOf, servicePlugin, webhook } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'
import { rawSession, sessionTokens } from '../support/session.ts'
import {
  verifyAccessToken,
  verifyDigest,
  verifyInstance,
  verifyServicePlugin,
  verifyWebhook,
} from '../support/verify.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express
const versions: Array<[string, typeof express]> = [
  ['Express 5', express],
  ['Express 4', express4],
]

interface Vector {
  name: string
  key: string | null
  body: string
  header?: string
  header_value?: string
  app_id?: string
  verify_at?: number
  expect: 'accept' | 'refuse'
}
interface Vectors {
  keys: Record<string, { pem?: string; forms?: { pem: string } }>
  vectors: Vector[]
}
const vectorsOf = (name: string): Vectors =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as Vectors

const { publicKey } = KEYS
const raw = (framework: typeof express): RequestHandler => framework.raw({ type: '*/*', limit: '1mb' })
const authenticate = (strategy: passport.Strategy): RequestHandler =>
  passport.authenticate(strategy, { session: false }) as RequestHandler
const showError = (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction): void => {
  res.status(error.status ?? 500).json({ message: error.message })
}

/** Sends exactly these headers, which `fetch` does not. */
const send = (
  url: string,
  body: string | Buffer,
  headers: Record<string, string | string[]> = {},
): Promise<{ status: number; content: string }> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: 'POST', headers }, (response) => {
      let content = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (content += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, content }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
const JSON_TYPE = { 'content-type': 'application/json' }

for (const [version, framework] of versions) {
  describe(`signed requests through ${version}`, () => {
    watchForSecrets()
    let served: Served
    async function start(build: (app: Express) => void): Promise<void> {
      const app = framework()
      build(app)
      app.use(showError)
      served = await serve(app)
    }
    afterEach(() => served.close())
    const answer: RequestHandler = (req, res) => void res.json({ user: req.user })

    const strategies: Array<[string, number, (vector: Vector, keys: Vectors['keys']) => passport.Strategy]> = [
      ['webhook', 21, (vector, keys) => new WixWebhookStrategy(optionsOf(vector, keys))],
      [
        'service-plugin',
        16,
        (vector, keys) => new WixServicePluginStrategy({ ...optionsOf(vector, keys), appId: vector.app_id ?? APP_ID }),
      ],
      ['digest', 14, (vector, keys) => new WixDigestStrategy(optionsOf(vector, keys))],
    ]
    const optionsOf = ({ key, verify_at: at }: Vector, keys: Vectors['keys']) => {
      const { pem, forms } = keys[key ?? 'constructed-a'] ?? {}
      return { publicKey: pem ?? forms?.pem ?? '', now: () => (at ?? 0) * 1000 }
    }
    for (const [name, count, strategyOf] of strategies) {
      it(`give every vector of ${name}.json its verdict`, async () => {
        const { keys, vectors } = vectorsOf(name)
        expect(vectors).to.have.length(count)
        await start((app) => {
          app.post(
            '/:index',
            raw(framework),
            (req, res, next) => {
              authenticate(strategyOf(vectors[Number(req.params['index'])] as Vector, keys))(req, res, next) as void
            },
            answer,
          )
        })
        for (const [index, { name: row, body, header, header_value: value, expect: verdict }] of vectors.entries()) {
          const headers = header === undefined ? TEXT : { ...JSON_TYPE, [header]: value ?? '' }
          const { status } = await send(`${served.url}/${index}`, body, headers)
          expect(status, row).to.equal(verdict === 'accept' ? 200 : 401)
        }
      })
    }

    it('have the event as user and as identity', async () => {
      await start((app) =>
        app.post('/', raw(framework), authenticate(new WixWebhookStrategy({ publicKey, now })), (req, res) => {
          res.json({ user: req.user, identity: identityOf(req) })
        }),
      )
      const { status, content } = await send(served.url, webhook(), TEXT)
      expect(status).to.equal(200)
      const { user, identity } = JSON.parse(content) as { user: object; identity: object }
      expect(user).to.include({ instanceId: 'instance-1', eventType: 'wix.ecom.v1.order_created' })
      expect(user).to.deep.equal(identity)
    })

    describe('J-08: with the body parser', () => {
      const guarded = (parser: RequestHandler | undefined, strategy: passport.Strategy): Promise<void> =>
        start((app) => app.post('/', ...(parser ? [parser] : []), authenticate(strategy), answer))
      const webhooks = (): passport.Strategy => new WixWebhookStrategy({ publicKey, now })
      const digests = (): passport.Strategy => new WixDigestStrategy({ publicKey, now })
      const PARSED = 'a parser such as express.json() has read the body before'
      const UNREAD = 'no parser has read the body (is express.raw() before the strategy, with `type`?)'
      const misconfigured = async (
        why: string,
        body: string | Buffer,
        headers: Record<string, string>,
      ): Promise<void> => {
        const { status, content } = await send(served.url, body, headers)
        expect([status, content]).to.deep.equal([
          500,
          JSON.stringify({
            message:
              `Wix signed the raw body, which did not arrive here: ${why}. Keep it before another parser reads it, ` +
              "for example with express.raw({ type: '*/*', limit: '1mb' }); " +
              'docs/raw-body.md has the way of each host',
          }),
        ])
      }

      it('raw, webhooks and Digests are accepted', async () => {
        await start((app) => {
          app.use(raw(framework))
          app.post('/webhook', authenticate(webhooks()), answer)
          app.post('/digest', authenticate(digests()), answer)
        })
        expect((await send(`${served.url}/webhook`, webhook(), TEXT)).status).to.equal(200)
        for (const header of ['Digest', 'digest', 'DIGEST']) {
          const { status, content } = await send(`${served.url}/digest`, BODY, { ...JSON_TYPE, [header]: digest() })
          expect([status, JSON.parse(content).user.body]).to.deep.equal([200, { amount: 100, note: 'café' }])
        }
        const twice = { ...JSON_TYPE, digest: [digest(), digest()] }
        expect((await send(`${served.url}/digest`, BODY, twice)).status).to.equal(400)
      })

      it('raw, a body over the limit is a 413', async () => {
        await guarded(raw(framework), webhooks())
        expect((await send(served.url, 'a'.repeat(1024 * 1024 + 1), TEXT)).status).to.equal(413)
      })

      it('raw with a larger limit, a body over 1 MiB is a 413', async () => {
        await guarded(framework.raw({ type: '*/*', limit: '10mb' }), webhooks())
        expect((await send(served.url, 'a'.repeat(1024 * 1024 + 1), TEXT)).status).to.equal(413)
      })

      it('raw, a body without a type is a 400, since Wix names one', async () => {
        await guarded(raw(framework), webhooks())
        expect((await send(served.url, webhook())).status).to.equal(400)
      })

      it('raw, no body is a 401', async () => {
        await guarded(raw(framework), webhooks())
        for (const headers of [{}, TEXT, { 'content-length': '0' }, { ...TEXT, 'content-length': '0' }]) {
          expect((await send(served.url, '', headers)).status).to.equal(401)
        }
      })

      it('text, a webhook and a Digest are accepted, and a body whose bytes are lost is an error', async () => {
        const parser = framework.text({ type: '*/*' })
        await guarded(parser, webhooks())
        expect((await send(served.url, webhook(), TEXT)).status).to.equal(200)
        await served.close()
        await guarded(parser, digests())
        expect((await send(served.url, BODY, { ...JSON_TYPE, digest: digest() })).status).to.equal(200)
        const bytes = Buffer.from([0x22, 0xff, 0x22])
        await misconfigured('the body is not bytes: use express.raw(), not express.text()', bytes, {
          ...JSON_TYPE,
          digest: digest(bytes),
        })
      })

      it('json, a body that it has parsed is an error', async () => {
        await guarded(framework.json({ type: '*/*', strict: false }), digests())
        await misconfigured(PARSED, BODY, { ...JSON_TYPE, digest: digest() })
        await served.close()
        await guarded(framework.urlencoded({ extended: false, type: '*/*' }), webhooks())
        await misconfigured(PARSED, webhook(), TEXT)
      })

      it('json, a body of a type that it does not parse is an error too', async () => {
        await guarded(framework.json(), webhooks())
        await misconfigured(UNREAD, webhook(), TEXT)
      })

      it('missing, a body is an error, and no body is still a 401', async () => {
        await guarded(undefined, webhooks())
        await misconfigured(UNREAD, webhook(), TEXT)
        await misconfigured(UNREAD, webhook(), { ...TEXT, 'transfer-encoding': 'chunked' })
        expect((await send(served.url, '', { 'content-length': '0' })).status).to.equal(401)
      })

      it('of another framework, rawBody is read before the parsed body', async () => {
        await guarded(
          framework.json({ type: '*/*', verify: (req, _res, bytes) => Object.assign(req, { rawBody: bytes }) }),
          digests(),
        )
        expect((await send(served.url, BODY, { ...JSON_TYPE, digest: digest() })).status).to.equal(200)
        expect((await send(served.url, '{"amount":101}', { ...JSON_TYPE, digest: digest() })).status).to.equal(401)
      })
    })

    describe('J-07: with proofs of every kind,', () => {
      const proofs: Record<string, { path: string; body: string; headers: Record<string, string> }> = {
        instance: {
          path: `/?instance=${instance()}`,
          body: instance(),
          headers: { ...TEXT, digest: `JWT=${instance()}` },
        },
        webhook: { path: `/?instance=${webhook()}`, body: webhook(), headers: { ...TEXT, digest: `JWT=${webhook()}` } },
        'service plugin': {
          path: `/?instance=${servicePlugin()}`,
          body: servicePlugin(),
          headers: { ...TEXT, digest: `JWT=${servicePlugin()}` },
        },
        digest: {
          path: `/?instance=${digest().slice(4)}`,
          body: digest().slice(4),
          headers: { ...TEXT, digest: digest() },
        },
        'digest beside its body': { path: '/', body: BODY.toString(), headers: { ...TEXT, digest: digest() } },
        'access token': {
          path: `/?instance=${accessToken()}`,
          body: accessToken(),
          headers: { ...TEXT, digest: `JWT=${accessToken()}` },
        },
        session: {
          path: `/?instance=${rawSession()}`,
          body: rawSession(),
          headers: { ...TEXT, digest: `JWT=${rawSession()}` },
        },
      }
      const byKind: Record<string, passport.Strategy> = {
        instance: new WixAppStrategy({ secret: SECRET, now }, (verified) => verified),
        webhook: new WixWebhookStrategy({ publicKey, now }),
        'service plugin': new WixServicePluginStrategy({ publicKey, appId: APP_ID, now }),
        'digest beside its body': new WixDigestStrategy({ publicKey, now }),
      }
      // Wix would say yes to everything that it is asked about.
      const asking = answering()
      const bearers: Record<string, passport.Strategy> = {
        'access token': new WixAccessTokenStrategy({ appId: APP_ID, now, fetch: asking }, (verified) => verified),
        session: new WixSessionStrategy({ tokens: sessionTokens() }),
      }
      for (const [own, strategy] of Object.entries(byKind)) {
        it(`the strategy for ${own} accepts that alone, wherever the others are put`, async () => {
          await start((app) => app.post('/', raw(framework), authenticate(strategy), answer))
          for (const [kind, { path, body, headers }] of Object.entries(proofs)) {
            const { status } = await send(served.url + path, body, headers)
            expect(status, kind).to.equal(kind === own ? 200 : 401)
          }
        })
      }

      for (const [own, strategy] of Object.entries(bearers)) {
        it(`the strategy for ${own} accepts nothing from the query, the body or another header`, async () => {
          asking.resetHistory()
          await start((app) => app.post('/', raw(framework), authenticate(strategy), answer))
          for (const [kind, { path, body, headers }] of Object.entries(proofs)) {
            const { status } = await send(served.url + path, body, headers)
            expect(status, kind).to.equal(401)
          }
          expect(askedFor(asking)).to.deep.equal([])
        })
      }

      const credentials: Record<string, string> = {
        instance: instance(),
        webhook: webhook(),
        'service plugin': servicePlugin(),
        digest: digest().slice(4),
        'digest with its prefix': digest(),
        'access token': accessToken(),
        session: rawSession(),
      }
      for (const [own, strategy] of Object.entries({ ...byKind, ...bearers })) {
        it(`the strategy for ${own} accepts no other from Authorization, alone or after Bearer`, async () => {
          asking.resetHistory()
          await start((app) => app.post('/', raw(framework), authenticate(strategy), answer))
          for (const [kind, token] of Object.entries(credentials)) {
            for (const authorization of [token, `Bearer ${token}`]) {
              const { status } = await send(served.url, BODY, { ...JSON_TYPE, authorization })
              const alone = authorization === token
              const opens = kind === own && (Object.hasOwn(bearers, kind) || kind === 'instance')
              expect(status, `${kind} ${alone ? 'alone' : 'after Bearer'}`).to.equal(opens ? 200 : 401)
            }
          }
          expect(new Set(askedFor(asking))).to.deep.equal(new Set(own === 'access token' ? [accessToken()] : []))
        })
      }
    })
  })
}

describe('J-07: the checks', () => {
  const options = { publicKey, now }
  const checks: Record<string, (token: string) => Promise<unknown>> = {
    instance: (token) => verifyInstance(token, { secret: SECRET, now }),
    webhook: (token) => verifyWebhook(token, options),
    'service plugin': (token) => verifyServicePlugin(token, { ...options, appId: APP_ID }),
    digest: (token) => verifyDigest(`JWT=${token}`, BODY, options),
    'access token': (token) => verifyAccessToken(token, { appId: APP_ID, now, fetch: answering() }),
    session: (token) => sessionTokens().verify(token),
  }
  const proofs: Record<string, string> = {
    instance: instance(),
    webhook: webhook(),
    'service plugin': servicePlugin(),
    digest: digest().slice(4),
    'access token': accessToken(),
    session: rawSession(),
    'another app': webhook({}, {}, OTHER_KEYS.privateKey),
  }
  for (const [check, verify] of Object.entries(checks)) {
    for (const [kind, token] of Object.entries(proofs)) {
      it(`for ${check} ${kind === check ? 'accepts' : 'rejects'} ${kind}`, async () => {
        if (kind === check) expect(await verify(token)).to.be.an('object')
        else expect(await refusalOf(verify(token))).to.be.a('string')
      })
    }
  }
})
