import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { expect } from 'chai'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import passport from 'passport'
import sinon from 'sinon'
import {
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { accessToken, answering } from '../support/access-token.ts'
import { instance, now, OTHER_SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, digest, OTHER_KEYS, servicePlugin, webhook } from '../support/jwt.ts'
import { settled } from '../support/run.ts'
import { serve } from '../support/serve.ts'
import { rawSession, sessionTokens } from '../support/session.ts'

const express4 = createRequire(import.meta.url)('express-4') as typeof express

const publicKey = OTHER_KEYS.publicKey
const found = async (): Promise<object> => ({})

type Named = passport.Strategy & { name: string }

/** Every strategy that can decide later than in the same tick, with a request that it refuses. */
const late: Array<[name: string, strategy: () => Named, RequestInit]> = [
  [
    'wix-app',
    () => new WixAppStrategy({ secret: async () => OTHER_SECRET, now }, found),
    { headers: { authorization: instance() } },
  ],
  [
    'wix-access-token',
    () => new WixAccessTokenStrategy({ appId: APP_ID, fetch: answering({ active: false }) }, found),
    { headers: { authorization: accessToken() } },
  ],
  [
    'wix-session',
    () => new WixSessionStrategy({ tokens: sessionTokens() }),
    { headers: { authorization: `Bearer ${rawSession({ kid: 'other' })}` } },
  ],
  ['wix-webhook', () => new WixWebhookStrategy({ publicKey }), { method: 'POST', body: webhook() }],
  [
    'wix-service-plugin',
    () => new WixServicePluginStrategy({ publicKey, appId: APP_ID }),
    { method: 'POST', body: servicePlugin() },
  ],
  ['wix-digest', () => new WixDigestStrategy({ publicKey }), { method: 'POST', headers: { digest: digest() } }],
]

for (const [version, framework] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  describe(`P-12: a decision after the app has answered, through ${version}`, () => {
    watchForSecrets()
    let decided: Promise<void>
    let problems: unknown[]
    const note = (error: unknown): void => void problems.push(error)
    beforeEach(() => {
      problems = []
    })

    /** Answers at once, as a response time limit does, while the strategy still verifies. */
    const answerEarly =
      (body: string | Buffer): RequestHandler =>
      (_req, res, next) => {
        next()
        res.once('error', note)
        res.status(503).end(body)
      }

    const appOf = (
      strategy: passport.Strategy & { name: string },
      authenticate: RequestHandler,
      body: string | Buffer,
    ) => {
      // Told when the strategy is done, however that ends.
      const { _identify: identify } = strategy as unknown as { _identify: (...args: unknown[]) => Promise<unknown> }
      let finish: () => void = () => {}
      decided = new Promise((resolve) => (finish = resolve))
      sinon.replace(
        strategy as never,
        '_identify' as never,
        ((...args: unknown[]) => {
          const identity = Promise.resolve(identify(...args))
          void identity.then(finish, finish)
          return identity
        }) as never,
      )
      const app = framework()
      app.set('env', 'test')
      app.use(express.raw({ type: '*/*' }), answerEarly(body), authenticate, (_req, res) => res.sendStatus(200))
      app.use((error: unknown, _req: Request, _res: Response, _next: NextFunction) => note(error))
      return app
    }
    afterEach(() => sinon.restore())

    for (const [name, make, request] of late) {
      it(`of ${name} ends there: one answer, no exception, no unhandled rejection`, async () => {
        const strategy = make()
        const auth = passport.authenticate(strategy, { session: false }) as RequestHandler
        const served = await serve(appOf(strategy, auth, 'time limit'))
        try {
          const response = await fetch(served.url, request)
          await decided
          await settled()
          expect([response.status, await response.text()]).to.deep.equal([503, 'time limit'])
          expect(problems).to.deep.equal([])
        } finally {
          await served.close()
        }
      })

      it(`of ${name} does not reach a custom callback`, async () => {
        const strategy = make()
        const callback = sinon.fake()
        const auth: RequestHandler = (req, res, next) =>
          void (passport.authenticate(strategy, { session: false }, callback) as RequestHandler)(req, res, next)
        const served = await serve(appOf(strategy, auth, 'time limit'))
        try {
          expect((await fetch(served.url, request)).status).to.equal(503)
          await decided
          await settled()
          sinon.assert.notCalled(callback)
          expect(problems).to.deep.equal([])
        } finally {
          await served.close()
        }
      })

      it(`of ${name} does not write while a slow client still reads`, async () => {
        const strategy = make()
        const auth = passport.authenticate(strategy, { session: false }) as RequestHandler
        const large = Buffer.alloc(8 * 1024 * 1024, 'x')
        const served = await serve(appOf(strategy, auth, large))
        const { port } = new URL(served.url)
        const socket = connect(Number(port), '127.0.0.1').pause()
        try {
          const { method, headers, body } = new Request(served.url, request)
          const content = body === null ? '' : await new Response(body).text()
          const lines = [...headers].map(([header, value]) => `${header}: ${value}\r\n`).join('')
          const length = content === '' ? '' : `content-length: ${content.length}\r\n`
          socket.write(`${method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines}${length}\r\n${content}`)
          await decided
          await settled()
          let read = 0
          socket.on('data', (chunk: Buffer) => (read += chunk.length)).resume()
          await once(socket, 'close')
          expect(read).to.be.greaterThan(large.length)
          expect(problems).to.deep.equal([])
        } finally {
          socket.destroy()
          await served.close()
        }
      })
    }
  })
}
