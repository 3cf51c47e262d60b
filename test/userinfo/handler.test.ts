import type { ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import express, { type NextFunction, type Request, type Response } from 'express'
import passport from 'passport'
import sinon from 'sinon'
import { userInfoOf } from '../../lib/fetch/index.ts'
import { userInfoHandler, WixAppStrategy } from '../../lib/index.ts'
import { instance, now, SECRET } from '../support/build.ts'
import { SECONDS } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'
import { verifyInstance } from '../support/verify.ts'

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
const identity = await verifyInstance(genuine, { secret: SECRET, now })

describe('userInfoHandler', () => {
  let served: Served
  afterEach(() => served.close())

  const showError = (error: Error & { status?: number }, _req: Request, res: Response, _next: NextFunction): void => {
    res.status(error.status ?? 500).json({ name: error.name, message: error.message })
  }
  const request = async (path = '/userinfo'): Promise<[number, unknown]> => {
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
        app.get('/unauthenticated', handler)
        app.use(showError)
        served = await serve(app)
      }

      it('responds with the signed-in identity, as JSON that is not to be cached', async () => {
        await start(userInfoHandler())
        const response = await fetch(`${served.url}/userinfo?instance=${genuine}`)
        expect(response.status).to.equal(200)
        expect(response.headers.get('content-type')).to.equal('application/json')
        expect(response.headers.get('cache-control')).to.equal('no-store')
        expect(await response.json()).to.deep.equal(FACTS)
      })

      it('adds what the app returns for the identity and the request, also as a promise', async () => {
        await start(
          userInfoHandler(async ({ instanceId }, req) => ({ name: `${instanceId} ${req.method}`, roles: ['admin'] })),
        )
        expect(await request(`/userinfo?instance=${genuine}`)).to.deep.equal([
          200,
          { ...FACTS, name: 'instance-1 GET', roles: ['admin'] },
        ])
      })

      it('responds with 401 without a credential, and with 500 where no strategy ran', async () => {
        const more = sinon.fake.returns({})
        await start(userInfoHandler(more))
        expect((await fetch(`${served.url}/userinfo`)).status).to.equal(401)
        const [status, body] = await request('/unauthenticated')
        expect(status).to.equal(500)
        expect(body).to.have.property('message').that.includes('passport.authenticate()')
        sinon.assert.notCalled(more)
      })

      it('P-04: passes what the app throws to the error handler', async () => {
        await start(
          userInfoHandler(() => {
            throw Object.assign(new Error('database'), { status: 503 })
          }),
        )
        expect(await request(`/userinfo?instance=${genuine}`)).to.deep.equal([
          503,
          { name: 'Error', message: 'database' },
        ])
      })
    })
  }

  describe('through bare node:http', () => {
    let failure: unknown
    const start = async (handler: ReturnType<typeof userInfoHandler>, verified: object = identity): Promise<void> => {
      failure = undefined
      served = await serve((req, res) =>
        handler(Object.assign(req, { authInfo: { identity: verified as typeof identity } }), res, (error) => {
          failure = error
          if (!res.headersSent) res.writeHead(500)
          res.end('{}')
        }),
      )
    }

    it('responds in the same way', async () => {
      await start(userInfoHandler())
      expect(await request()).to.deep.equal([200, FACTS])
    })

    it('responds to HEAD with the headers alone', async () => {
      await start(userInfoHandler())
      const response = await fetch(served.url, { method: 'HEAD' })
      expect(response.headers.get('cache-control')).to.equal('no-store')
      expect(response.headers.get('content-type')).to.equal('application/json')
      expect(await response.text()).to.equal('')
    })

    it('has the installation as `sub` where there is no subject, and null for what the credential does not say', async () => {
      await start(userInfoHandler(), {
        instanceId: 'instance-1',
        subjectType: 'UNKNOWN',
        subjectId: null,
        clientId: null,
        siteId: null,
        iat: null,
        exp: null,
      })
      expect(await request()).to.deep.equal([
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

    it('P-11: reads no fact from Object.prototype', async () => {
      const { permissions: _, vendorProductId: _plan, siteOwnerId: _owner, ...rest } = identity
      await start(userInfoHandler(), rest)
      Object.assign(Object.prototype, { permissions: 'OWNER', vendorProductId: 'gold', siteOwnerId: 'evil' })
      try {
        expect(await request()).to.deep.equal([
          200,
          { ...FACTS, permissions: null, vendorProductId: null, siteOwnerId: null },
        ])
      } finally {
        for (const name of ['permissions', 'vendorProductId', 'siteOwnerId']) {
          Reflect.deleteProperty(Object.prototype, name)
        }
      }
    })

    it('does not let the app replace `sub` or a fact', async () => {
      const evil = Object.fromEntries(Object.keys(FACTS).map((name) => [name, 'evil']))
      const added = [{ ...evil, email: 'a' }, Object.assign(Object.create(evil) as object, { email: 'a' })]
      for (const extra of [...added, { toJSON: () => ({ ...evil, email: 'a' }) }]) {
        await start(userInfoHandler(() => extra))
        expect(await request()).to.deep.equal([200, { ...FACTS, email: 'a' }])
        await served.close()
      }
      await start(userInfoHandler())
    })

    it('I-11: drops the names that could change an object, and does not modify the object of the app', async () => {
      const added = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"name":"a"}') as object
      await start(userInfoHandler(() => added))
      const body = await (await fetch(served.url)).text()
      expect(body).to.not.match(/isAdmin|proto|constructor/)
      expect(JSON.parse(body)).to.deep.equal({ ...FACTS, name: 'a' })
      expect(Object.keys(added)).to.deep.equal(['__proto__', 'constructor', 'prototype', 'name'])
    })

    it('shows only what the toJSON of a database record shows', async () => {
      class User {
        name = 'a'
        passwordHash = 'CANARY'
        toJSON(): object {
          return { name: this.name }
        }
      }
      await start(userInfoHandler(() => new User()))
      expect(await request()).to.deep.equal([200, { ...FACTS, name: 'a' }])
    })

    it('adds nothing when the app returns nothing', async () => {
      for (const nothing of [undefined, null, {}, Promise.resolve(undefined), Promise.resolve(null)]) {
        await start(userInfoHandler(() => nothing))
        expect(await request()).to.deep.equal([200, FACTS])
        await served.close()
      }
      await start(userInfoHandler())
    })

    it('passes on a TypeError when the app returns anything but an object', async () => {
      for (const odd of [false, true, 0, 'CANARY', ['CANARY'], () => ({}), Symbol('CANARY'), 1n, new Date()]) {
        for (const answer of [odd, Promise.resolve(odd)]) {
          await start(userInfoHandler((() => answer) as never))
          expect(await request()).to.deep.equal([500, {}])
          expect(failure).to.be.instanceOf(TypeError)
          expect(failure).to.have.property('message', 'userInfoHandler: its function must return an object, or nothing')
          await served.close()
        }
      }
      await start(userInfoHandler())
    })

    it('P-04: passes on whatever the app throws as an Error', async () => {
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
          expect(await request()).to.deep.equal([500, {}])
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
    it('P-01: passes on an error, and does not crash, when the app has already responded', async () => {
      const handler = userInfoHandler<MayAnswer>((_identity, { res }) => void res.end('{"mine":1}'))
      served = await serve((req, res) =>
        handler(Object.assign(req, { res, authInfo: { identity } }), res, (error) => {
          failure = error
        }),
      )
      expect(await request()).to.deep.equal([200, { mine: 1 }])
      expect(failure).to.have.property('code', 'ERR_HTTP_HEADERS_SENT')
    })

    it('P-01: rejects where a host calls it without `next`, and says what to do for a response of another kind', async () => {
      const handler = userInfoHandler()
      for (const response of [{ header: () => {}, send: () => {} }, undefined]) {
        const [reason] = await Promise.allSettled([
          handler({ authInfo: { identity } }, response as never, undefined as never),
        ])
        expect(reason).to.have.property('status', 'rejected')
        expect(reason).to.have.nested.property('reason.message').that.includes('answer with userInfoOf(identity)')
      }
    })

    it('P-10: accepts only a function', async () => {
      for (const more of [null, {}, 'name', 7, true, []]) {
        expect(() => userInfoHandler(more as never)).to.throw(TypeError, 'userInfoHandler takes a function')
      }
      await start(userInfoHandler(undefined as never))
      expect(await request()).to.deep.equal([200, FACTS])
    })
  })
})

describe('userInfoOf', () => {
  it('answers what userInfoHandler does, as an object', () => {
    expect(userInfoOf(identity)).to.deep.equal(FACTS)
    expect(Object.keys(userInfoOf(identity))).to.deep.equal(Object.keys(FACTS))
    expect(userInfoOf(identity, { name: 'Ann' })).to.deep.equal({ name: 'Ann', ...FACTS })
  })

  it('adds what the app says, as JSON has it, and lets the facts win', () => {
    const more = {
      name: 'Ann',
      sub: 'forged',
      instanceId: 'forged',
      permissions: 'forged',
      roles: { toJSON: () => ['editor'] },
      ...JSON.parse('{"__proto__":{"admin":true}}'),
    }
    expect(userInfoOf(identity, more)).to.deep.equal({ name: 'Ann', roles: ['editor'], ...FACTS })
  })

  it('takes nothing but an object', () => {
    for (const more of [null, 'a', [], 7, { toJSON: () => 'a' }]) {
      expect(() => userInfoOf(identity, more as never)).to.throw(
        TypeError,
        'userInfoOf: its second argument must be an object',
      )
    }
  })
})
