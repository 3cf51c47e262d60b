import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect } from 'chai'
import express, { Router } from 'express'
import { Passport } from 'passport'
import { type Simulator, startSimulator } from '../../../devtools/simulator/index.ts'
import { Refusals } from '../../../devtools/simulator/refusals.ts'
import type { Entry } from '../../../devtools/simulator/log.ts'
import { requireIdentity, WixAppStrategy, WixDigestStrategy } from '../../../lib/index.ts'
import { command, OWNER, stateOf } from '../../support/dashboard.ts'
import { generateAppKeys } from '../../../devtools/testing/index.ts'
import { serve, type Served } from '../../support/serve.ts'

describe('What an app in the process of the simulator says about a request', () => {
  let served: Served
  let simulator: Simulator
  let lookUp: (identity: object) => object | undefined
  let beforeAnswer: () => Promise<void>

  beforeEach(async () => {
    lookUp = (identity) => identity
    beforeAnswer = async () => {}
    const app = express()
    served = await serve(app)
    const url = served.url.replace('127.0.0.1', 'localhost')
    simulator = await startSimulator({ app: `${url}/pages/dashboard`, payments: `${url}/payments` })
    const { WIX_APP_SECRET: secret } = simulator.environment
    const passport = new Passport()
    passport.use(new WixAppStrategy({ name: 'of-another-app', secret: 'another' }, (identity) => identity))
    passport.use(new WixAppStrategy({ secret }, (identity) => lookUp(identity)))
    passport.use(new WixDigestStrategy({ publicKey: generateAppKeys().publicKey }))
    const by = (...names: string[]) => passport.authenticate(names, { session: false })
    const router = Router()
    router.get('/dashboard', by('of-another-app', 'wix-app'), requireIdentity({ subjectType: 'USER' }), (_req, res) => {
      res.send('Hello')
    })
    app.use('/pages', router)
    app.post('/payments', express.raw({ type: '*/*' }), by('wix-app', 'wix-digest'))
    const answer: express.ErrorRequestHandler = async (error: { status?: number }, _req, res, _next) => {
      await beforeAnswer()
      res.sendStatus(error.status ?? 500)
    }
    app.use(answer)
  })
  afterEach(async () => {
    await simulator.close()
    await served.close()
  })

  const run = async (name: string, sent: object = {}): Promise<Entry['refusal'] | undefined> => {
    await command(simulator, name, { ...OWNER, ...sent })
    return (await stateOf(simulator)).log[0]?.refusal
  }

  it('is the hint behind a 401, which no own check would find: here of a wrong public key', async () => {
    expect(await run('send', { action: 'payment' })).to.deep.equal({
      strategy: 'wix-digest',
      status: 401,
      code: 'signature_invalid',
      hint: 'the key does not fit: is it the public key of another app, or was the body changed on its way?',
    })
  })

  it('is why a person may not, although the credential is genuine', async () => {
    expect(await run('ask', { person: 'visitor' })).to.deep.equal({
      strategy: 'requireIdentity',
      status: 403,
      code: 'insufficient_scope',
      hint: 'subjectType is VISITOR; the rule wants USER',
    })
  })

  it('is that the look-up found nobody', async () => {
    lookUp = () => undefined
    expect(await run('ask')).to.deep.equal({
      strategy: 'wix-app',
      status: 401,
      code: null,
      hint: 'the verify callback found no user: it returned undefined',
    })
  })

  it('is the message of an error', async () => {
    lookUp = () => {
      throw new Error('the disk is full')
    }
    expect(await run('ask')).to.deep.equal({ strategy: 'wix-app', status: 500, code: null, hint: 'the disk is full' })
  })

  it('is nothing where the request was accepted, also where another strategy of the chain refused it', async () => {
    expect(await run('ask')).to.equal(null)
  })

  it('is nothing about requests of others', async () => {
    beforeAnswer = async () => {
      beforeAnswer = async () => {}
      expect((await fetch(`${served.url}/pages/dashboard?instance=forged`)).status).to.equal(401)
    }
    expect(await run('ask', { person: 'visitor' })).to.include({ strategy: 'requireIdentity' })
  })

  it('is known of a request without Express, too', async () => {
    const refusals = new Refusals()
    const told = { strategy: 'wix-app', status: 401, code: 'token_expired', hint: 'signed 26 h ago' }
    const request = { method: 'GET', url: `${served.url}/page?instance=x`, headers: {} } as const
    for (const url of ['/page?instance=x', request.url]) {
      const [result, refusal] = await refusals.during(request, async () => {
        const event = { ...told, outcome: 'fail', identity: null, error: null, request: { method: 'GET', url } }
        channel('passport-wix-app:authenticate').publish(event)
        return 'sent'
      })
      expect([result, refusal]).to.deep.equal(['sent', told])
    }
    refusals.close()
  })
})

describe('What an app in another process writes about a request', () => {
  const refusals = new Refusals()
  after(() => refusals.close())
  const request = { method: 'GET', url: `http://localhost:3000/a/${'x'.repeat(50)}?instance=x`, headers: {} } as const
  const where = `(instance site-1, GET /a/...)`
  /** What is known after these lines, and which of them tell of the request, or of a success. */
  const said = async (...lines: string[]): Promise<[unknown, boolean[]]> => {
    const [heard, refusal] = await refusals.during(request, async () =>
      lines.map((line) => refusals.hear(`PASSPORT-WIX-APP 4711: ${line}`)),
    )
    return [refusal, heard]
  }

  it('is why it refused it, with its hint', async () => {
    const refusal = {
      strategy: 'wix app',
      status: 401,
      code: 'token_expired',
      hint: 'signed 26 h ago (now); maxAge is 24 h',
    }
    const line = `wix app 401 token_expired: ${refusal.hint} ${where}`
    expect(await said(line)).to.deep.equal([refusal, [true]])
    expect(await said(`wix-app 401 ${where}`)).to.deep.equal([
      { strategy: 'wix-app', status: 401, code: null, hint: null },
      [true],
    ])
    expect(await said(`wix-app 500: the disk is full (GET /a/...)`)).to.deep.equal([
      { strategy: 'wix-app', status: 500, code: null, hint: 'the disk is full' },
      [true],
    ])
  })

  it('is nothing where another strategy of the chain accepts it, or misses its own credential', async () => {
    const refused = `one 401 signature_invalid: x ${where}`
    expect(await said(refused, `two 200 ${where}`)).to.deep.equal([null, [true, true]])
    const [refusal, heard] = await said(refused, 'two 401 credentials_missing: nothing in the query (GET /a/...)')
    expect(refusal).to.include({ strategy: 'one' })
    expect(heard).to.deep.equal([true, true])
  })

  it('is also in the first line of all, which comes after the answer, once it is known that there will be lines', async () => {
    const fresh = new Refusals()
    fresh.hear('')
    const first = { url: 'http://localhost/first', method: 'GET', headers: {} } as const
    const [, refusal] = await fresh.during(first, async () => {
      setImmediate(() => fresh.hear('PASSPORT-WIX-APP 4711: wix-app 401 token_expired: x (GET /first)'))
    })
    fresh.close()
    expect(refusal).to.include({ code: 'token_expired' })
  })

  it('is also in a line that came while the simulator stood still', async () => {
    const fresh = new Refusals()
    fresh.hear('')
    const server = createServer((socket) => socket.on('data', (data) => fresh.hear(String(data))))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const app = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(server, 'connection')
    const late = { url: 'http://localhost/late', method: 'GET', headers: {} } as const
    const [, refusal] = await fresh.during(late, async () => {
      setImmediate(() => {
        app.write('PASSPORT-WIX-APP 4711: wix-app 401 token_expired: x (GET /late)')
        // For longer than a line is waited for.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
      })
    })
    app.destroy()
    server.close()
    fresh.close()
    expect(refusal).to.include({ code: 'token_expired' })
  })

  it('is nothing of what it says about others, which is printed, but for successes', async () => {
    expect(
      await said(
        'wix-app 401 token_expired: x (POST /a/...)',
        'wix-app 401 token_expired: x (GET /b)',
        'wix-app: nothing was reported, because the request or the error cannot be read',
        'wix-app 200 (GET /b)',
      ),
    ).to.deep.equal([null, [false, false, false, true]])
    expect(refusals.hear('something else')).to.equal(false)
  })
})
