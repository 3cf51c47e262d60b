import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { type SessionKey, WixSessionStrategy, WixUnavailableError } from '../../lib/index.ts'
import { keysIn } from '../../lib/internal/remote-key-set.ts'
import { NOW } from '../support/build.ts'
import { INVALID, rejectedWith } from '../support/challenges.ts'
import { rawJwt } from '../support/jwt.ts'
import { KeySetServer } from '../support/key-set-server.ts'
import { type Outcome, runToEnd, settled, start } from '../support/run.ts'
import {
  AUDIENCE,
  bearer,
  ISSUER,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  SUCCESS,
} from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS

describe('WixSessionStrategy with the key set of another service', () => {
  let keys: readonly SessionKey[]
  const server = new KeySetServer(() => sessionTokens({ keys }).jwks())
  let clock: sinon.SinonFakeTimers
  const token = rawSession()

  before(() => server.open())
  after(() => server.close())
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    keys = [ES256, EdDSA, RS256]
    server.reset()
  })
  afterEach(() => clock.restore())

  const seconds = (count: number): void => void clock.tick(count * 1000)
  const remote = (more: object = {}): WixSessionStrategy =>
    new WixSessionStrategy({ jwksUri: server.url, issuer: ISSUER, audience: AUDIENCE, ...more })
  /** The key of a set that a token with this header is verified with, or the reason why there is none. */
  const lookUp = async (set: object, { kid, alg }: SessionKey): Promise<unknown> => {
    try {
      return await keysIn(set)({ kid, alg }, { payload: '', signature: '' })
    } catch (reason) {
      return reason
    }
  }
  let number = 0
  /** A token with an unknown `kid`, a different one each time. */
  const unknown = (): string =>
    rawJwt({ alg: 'ES256', typ: 'wix-session+jwt', kid: `unknown-${number++}` }, {}, () => Buffer.alloc(64))
  /** A genuine token, issued now. */
  const fresh = (key: SessionKey = ES256): string => {
    const iat = Math.floor(Date.now() / 1000)
    return rawSession({}, sessionClaims({ iat, exp: iat + 3600, jti: `jti-${number++}` }), key)
  }
  const kindOf = async (strategy: WixSessionStrategy, token: string): Promise<string> =>
    (await runToEnd(strategy, bearer(token))).kind

  /** The error must be a 503 that holds nothing but its message. */
  const expectOutage = (outcome: Outcome, why = 'the last attempt failed a moment ago'): void => {
    expect(outcome).to.have.property('kind', 'error')
    const { error } = outcome as { error: unknown }
    expect(error).to.be.instanceOf(WixUnavailableError)
    expect({ ...(error as object) }).to.deep.equal({ status: 503, headers: {}, name: 'WixUnavailableError' })
    expect(error).to.have.property('message', `The key set is unavailable: ${why}`)
    expect(error).to.not.have.property('cause')
  }

  it('reads the set once for all requests at once, and again after ten minutes', async () => {
    const strategy = remote()
    const many = Array.from({ length: 50 }, () => fresh())
    const outcomes = await Promise.all(many.map((each) => kindOf(strategy, each)))
    expect(outcomes).to.deep.equal(many.map(() => 'success'))
    expect(server.reads).to.have.length(1)
    seconds(599.9)
    expect(await kindOf(strategy, fresh())).to.equal('success')
    expect(server.reads).to.have.length(1)
    seconds(0.1)
    expect(await kindOf(strategy, fresh())).to.equal('success')
    expect(server.reads).to.have.length(2)
  })

  it('reads the set with a plain GET, without the token, and follows no redirect', async () => {
    server.answer = (res) => void res.writeHead(302, { location: '/elsewhere' }).end()
    expectOutage(await runToEnd(remote(), bearer(token)), 'status 302')
    const requests = server.reads.map(({ method, path, headers }) => [method, path, headers.authorization])
    expect(requests).to.deep.equal([['GET', new URL(server.url).pathname, undefined]])
  })

  const json = (content: unknown) => (res: ServerResponse) => void res.end(JSON.stringify(content))
  const NO_JSON = 'an answer that is not a complete JSON object'
  const NO_SET = 'not a JSON Web Key Set'
  const faults: Array<[string, (res: ServerResponse) => void, why: string, recovery: number]> = [
    ['a status 500', (res) => void res.writeHead(500).end('canary'), 'status 500', 1],
    ['a status 404', (res) => void res.writeHead(404).end('canary'), 'status 404', 1],
    ['a status 204', (res) => void res.writeHead(204).end(), 'status 204', 1],
    ['a redirect', (res) => void res.writeHead(307, { location: '/canary' }).end(), 'status 307', 1],
    ['HTML', (res) => void res.end('<html>canary</html>'), NO_JSON, 1],
    ['an empty body', (res) => void res.end(), NO_JSON, 1],
    ['truncated JSON', (res) => void res.end('{"keys":[{"canary":'), NO_JSON, 1],
    ['null', json(null), NO_JSON, 1],
    ['an array', json([ES256]), NO_JSON, 1],
    ['no keys', json({ canary: 1 }), NO_SET, 1],
    ['keys that are not an array', json({ keys: ES256 }), NO_SET, 1],
    [
      'an array of 32,000 levels',
      (res) => void res.end(`{"keys":${'['.repeat(32_000)}${']'.repeat(32_000)}}`),
      'an answer of more than 100 levels',
      1,
    ],
    ['more than 64 KiB', json({ keys: [], canary: 'x'.repeat(64 * 1024) }), 'an answer of more than 64 KiB', 1],
    [
      'half an answer',
      (res) => {
        res.writeHead(200, { 'content-length': '1000' }).write('{"keys"')
        setImmediate(() => res.destroy())
      },
      NO_JSON,
      1,
    ],
  ]
  for (const [name, answer, why, recovery] of faults) {
    it(`reports an outage (503) when the server answers with ${name}, and recovers`, async () => {
      const strategy = remote()
      server.answer = answer
      const outcome = await runToEnd(strategy, bearer(token))
      expectOutage(outcome, why)
      const shown = inspect(outcome, { depth: 9, showHidden: true })
      for (const secret of ['canary', String(ES256['d'])]) expect(shown).to.not.include(secret)
      expect(server.reads).to.have.length(1)
      server.answer = undefined
      seconds(recovery)
      expect(await kindOf(strategy, fresh())).to.equal('success')
      expect(server.reads).to.have.length(2)
    })
  }

  it('reports an outage (503) when the server is down, and recovers a second after it is back', async () => {
    const strategy = remote()
    await server.close()
    try {
      expectOutage(
        await runToEnd(strategy, bearer(token)),
        `no connection to ${new URL(server.url).host} (ECONNREFUSED)`,
      )
    } finally {
      await server.open()
    }
    // No retry for a second.
    seconds(0.999)
    expectOutage(await runToEnd(strategy, bearer(token)))
    expect(server.reads).to.have.length(0)
    seconds(0.001)
    expect(await runToEnd(strategy, bearer(token))).to.deep.equal(SUCCESS)
    expect(server.reads).to.have.length(1)
  })

  it('retries once when the connection is closed', async () => {
    const strategy = remote()
    server.answer = (res) => void res.destroy()
    expectOutage(await runToEnd(strategy, bearer(token)), `no connection to ${new URL(server.url).host} (ECONNRESET)`)
    expect(server.reads).to.have.length(2)
  })

  it('calls a failing server at most once a second, and less often once the circuit is open', async () => {
    const strategy = remote()
    server.answer = (res) => void res.writeHead(408).end()
    for (let tenth = 0; tenth < 100; tenth++) {
      const outcomes = await Promise.all([token, unknown(), fresh()].map((each) => kindOf(strategy, each)))
      expect(outcomes).to.deep.equal(['error', 'error', 'error'])
      seconds(0.1)
    }
    // After 0, 1, 2, 3 and 4 seconds; then after 5, 6 and 8, since the circuit is open for 0.5, 1, 2 and 4 seconds.
    expect(server.reads).to.have.length(8)
    server.answer = undefined
    seconds(2)
    expect(await kindOf(strategy, fresh())).to.equal('success')
    expect(server.reads).to.have.length(9)
  })

  it('gives the server two seconds for its whole answer, and then reports an outage (503) to every waiting request', async () => {
    const hangs: Array<(res: ServerResponse) => void> = [
      () => {},
      (res) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":['),
    ]
    for (const hang of hangs) {
      const strategy = remote()
      let called: () => void = () => {}
      const reached = new Promise<void>((resolve) => (called = resolve))
      server.answer = (res) => {
        hang(res)
        called()
      }
      clock.restore()
      clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
      const outcomes = [start(strategy, bearer(token)), start(strategy, bearer(fresh()))]
      await reached
      await clock.tickAsync(1999)
      await settled()
      expect(outcomes).to.deep.equal([[], []])
      await clock.tickAsync(1)
      await settled()
      for (const [outcome] of outcomes)
        expectOutage(outcome as Outcome, `no answer from ${new URL(server.url).host} within 2 s`)
    }
  })

  describe('S-05: with unknown kids all the time', () => {
    /** Like {@link runToEnd}, but faster. */
    const quick = (strategy: WixSessionStrategy, token: string): Promise<Outcome> =>
      new Promise((resolve) => {
        Object.assign(Object.create(strategy) as WixSessionStrategy, {
          success: (found: unknown, info: unknown) => resolve({ kind: 'success', user: found, info }),
          fail: (challenge: unknown, status: unknown) => resolve({ kind: 'fail', challenge, status }),
          error: (error: unknown) => resolve({ kind: 'error', error }),
        }).authenticate(bearer(token) as never)
      })

    /** Three minutes of them, five a second. Returns the seconds at which the set was read. */
    async function flood(
      strategy: WixSessionStrategy,
      each: (second: number, outcome: Outcome) => void | Promise<void>,
    ): Promise<number[]> {
      const readAt: number[] = []
      for (let fifth = 0; fifth < 900; fifth++) {
        const before = server.reads.length
        // Two at once each second.
        const tokens = fifth % 5 === 0 ? [unknown(), unknown()] : [unknown()]
        for (const outcome of await Promise.all(tokens.map((each) => quick(strategy, each))))
          await each(fifth / 5, outcome)
        for (let read = before; read < server.reads.length; read++) readAt.push(fifth / 5)
        seconds(0.2)
      }
      return readAt
    }

    it('reads the set at most once in 30 seconds, and still accepts good tokens', async () => {
      const strategy = remote()
      const good = fresh()
      expect(await kindOf(strategy, good)).to.equal('success')
      const readAt = await flood(strategy, async (second, outcome) => {
        if (outcome.kind !== 'fail' || outcome.challenge !== INVALID) throw new Error(`${second}: ${inspect(outcome)}`)
        if (second % 10 === 0) expect(await kindOf(strategy, good)).to.equal('success')
      })
      expect(readAt).to.deep.equal([30, 60, 90, 120, 150])
    })

    it('reads it no more often when the server fails meanwhile, and still accepts good tokens', async () => {
      const strategy = remote()
      const good = fresh()
      expect(await kindOf(strategy, good)).to.equal('success')
      server.answer = (res) => void res.writeHead(500).end()
      const kinds: Record<string, number> = {}
      const readAt = await flood(strategy, async (second, outcome) => {
        const during = second < 30 ? 'before' : 'later'
        kinds[`${during} ${outcome.kind}`] = (kinds[`${during} ${outcome.kind}`] ?? 0) + 1
        if (second % 10 === 0) expect(await kindOf(strategy, good)).to.equal('success')
      })
      expect(readAt).to.deep.equal([30, 60, 90, 120, 150])
      // While the set cannot be read, an unknown kid may be a new one.
      expect(kinds).to.deep.equal({ 'before fail': 180, 'later error': 900 })
      expect(await kindOf(strategy, fresh()), 'a token that is not cached').to.equal('success')
    })
  })

  it('finds a new key at its first token after the cool-down, and at once when there was no recent read', async () => {
    const strategy = remote()
    keys = [ES256]
    await kindOf(strategy, fresh())
    keys = [ES256, EdDSA]
    seconds(29.999)
    expect(await kindOf(strategy, fresh(EdDSA))).to.equal('fail')
    expect(server.reads).to.have.length(1)
    seconds(0.001)
    expect(await kindOf(strategy, fresh(EdDSA))).to.equal('success')
    expect(server.reads).to.have.length(2)
  })

  it('accepts a token ten seconds after its refusal at the latest, when the set has its key', async () => {
    const strategy = remote()
    keys = [ES256]
    await kindOf(strategy, fresh())
    keys = [ES256, EdDSA]
    seconds(29)
    const early = fresh(EdDSA)
    expect(await kindOf(strategy, early)).to.equal('fail')
    seconds(1)
    expect(await kindOf(strategy, fresh(EdDSA))).to.equal('success')
    seconds(9)
    expect(await kindOf(strategy, early)).to.equal('fail')
    seconds(0.001)
    expect(await kindOf(strategy, early)).to.equal('success')
  })

  it('accepts good tokens while the server fails and the set is fresh, cached ones for a minute more, and then reports an outage', async () => {
    const strategy = remote()
    const known = fresh()
    expect(await kindOf(strategy, known)).to.equal('success')
    await server.close()
    try {
      seconds(599.999)
      expect(await kindOf(strategy, known)).to.equal('success')
      expect(await kindOf(strategy, fresh())).to.equal('success')
      seconds(0.001)
      const why = `no connection to ${new URL(server.url).host} (ECONNREFUSED)`
      expectOutage(await runToEnd(strategy, bearer(fresh())), why)
      expectOutage(await runToEnd(strategy, bearer(fresh())))
      expect(await kindOf(strategy, known)).to.equal('success')
      seconds(60)
      expectOutage(await runToEnd(strategy, bearer(known)), why)
    } finally {
      await server.open()
    }
    seconds(1)
    expect(await kindOf(strategy, known)).to.equal('success')
    expect(await kindOf(strategy, fresh())).to.equal('success')
    expect(server.reads).to.have.length(2)
  })

  it('S-04: stops accepting the tokens of a removed key after ten minutes, and cached ones a minute later', async () => {
    const strategy = remote()
    const [known, other] = [fresh(), fresh(EdDSA)]
    expect([await kindOf(strategy, known), await kindOf(strategy, other)]).to.deep.equal(['success', 'success'])
    keys = [EdDSA]
    seconds(599.999)
    expect(await kindOf(strategy, known)).to.equal('success')
    seconds(0.001)
    expect(await runToEnd(strategy, bearer(fresh()))).to.deep.equal(rejectedWith(INVALID))
    seconds(59.999)
    expect(await kindOf(strategy, known)).to.equal('success')
    seconds(0.001)
    expect(await runToEnd(strategy, bearer(known))).to.deep.equal(rejectedWith(INVALID))
    expect(await kindOf(strategy, other)).to.equal('success')
    // Once for the key that is missing.
    expect(server.reads).to.have.length(3)
  })

  it('S-04: reads the set again after ten minutes even when the clock of the machine was set back', async () => {
    clock.restore()
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
    const strategy = remote({ now: () => NOW })
    const known = fresh()
    expect(await kindOf(strategy, known)).to.equal('success')
    keys = [EdDSA]
    clock.tick(600_000)
    clock.setSystemTime(NOW - 86_400_000)
    const other = rawSession({}, sessionClaims({ jti: 'other' }))
    expect(await runToEnd(strategy, bearer(other))).to.deep.equal(rejectedWith(INVALID))
    expect(server.reads).to.have.length(2)
  })

  it('S-04: stops accepting them earlier when a token has an unknown kid', async () => {
    const strategy = remote()
    const known = fresh()
    await kindOf(strategy, known)
    keys = [EdDSA]
    seconds(30)
    expect(await kindOf(strategy, unknown())).to.equal('fail')
    expect(await runToEnd(strategy, bearer(fresh()))).to.deep.equal(rejectedWith(INVALID))
    expect(await kindOf(strategy, known)).to.equal('success')
    seconds(30.001)
    expect(await runToEnd(strategy, bearer(known))).to.deep.equal(rejectedWith(INVALID))
  })

  it('uses no key that is for encryption, for another algorithm or on another curve', async () => {
    const [es256, , rs256] = (await sessionTokens({ keys: [ES256, EdDSA, RS256] }).jwks()).keys
    const sets: Array<[unknown, string]> = [
      [{ keys: [es256] }, 'success'],
      [{ keys: [{ ...es256, use: 'enc' }] }, 'fail'],
      [{ keys: [{ ...es256, key_ops: ['sign'] }] }, 'fail'],
      [{ keys: [{ ...es256, alg: 'ES384' }] }, 'fail'],
      [{ keys: [{ ...es256, crv: 'P-384' }] }, 'fail'],
      [{ keys: [{ ...rs256, kid: ES256.kid }] }, 'fail'],
      [{ keys: [{ kty: 'oct', k: 'AAAA', kid: ES256.kid, alg: 'ES256' }] }, 'fail'],
      [{ keys: [es256, { ...es256 }] }, 'fail'],
      [{ keys: [] }, 'fail'],
    ]
    for (const [set, kind] of sets) {
      server.answer = json(set)
      expect(await kindOf(remote(), token), JSON.stringify(set)).to.equal(kind)
    }
  })

  describe('J-09: uses no key of the set', () => {
    const published = async (key: SessionKey): Promise<Record<string, unknown>> => ({
      ...(await sessionTokens({ keys: [key] }).jwks()).keys[0],
    })
    const jwkOf = (key: KeyObject, alg: string): Record<string, unknown> => ({
      ...key.export({ format: 'jwk' }),
      kid: ES256.kid,
      alg,
    })

    it('with an RSA exponent of 1 or 3, with which anybody could sign', async () => {
      for (const e of ['AQ', 'Aw']) {
        server.answer = json({ keys: [{ ...(await published(RS256)), e }] })
        // The padding of PKCS#1 with the right hash: with an exponent of 1 that is its own signature.
        const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
        const forged = rawJwt({ alg: 'RS256', typ: 'wix-session+jwt', kid: RS256.kid }, sessionClaims(), (data) => {
          const digest = Buffer.concat([prefix, createHash('sha256').update(data).digest()])
          const padding = Buffer.alloc(256 - digest.length - 3, 255)
          return Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), digest])
        })
        expect(await runToEnd(remote(), bearer(forged))).to.deep.equal(rejectedWith(INVALID))
      }
    })

    it('with a private member, whatever else it has', async () => {
      const key = await published(RS256)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) {
        expect(await lookUp({ keys: [{ ...key, [member]: 'AQAB' }] }, RS256), member).to.have.property(
          'hint',
          `key ${RS256.kid.slice(0, 4)}.. is not in the set of 0 keys`,
        )
      }
      expect(await lookUp({ keys: [key] }, RS256)).to.have.property('type', 'public')
    })

    const weak: Array<[string, () => Promise<unknown>]> = [
      [
        'an RSA key of 1024 bits',
        async () => jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, 'RS256'),
      ],
      [
        'a P-384 key for ES256',
        async () => jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, 'ES256'),
      ],
      ['a symmetric key', async () => ({ kty: 'oct', k: 'c2VjcmV0', kid: ES256.kid, alg: 'ES256' })],
      ['a private key', async () => ES256],
      [
        'a key that cannot be read',
        async () => ({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: ES256.kid, alg: 'ES256' }),
      ],
    ]
    for (const [name, jwk] of weak) {
      it(`that is ${name}: its token is rejected, and a good key of the same set works`, async () => {
        server.answer = json({ keys: [await jwk(), await published(EdDSA)] })
        const strategy = remote()
        expect(await runToEnd(strategy, bearer(token))).to.deep.equal(rejectedWith(INVALID))
        expect(await kindOf(strategy, fresh(EdDSA))).to.equal('success')
      })
    }
  })

  it('says to the developer which key is not among how many', async () => {
    const { keys: all } = await sessionTokens({ keys: [ES256, EdDSA] }).jwks()
    const set = { keys: [...all, { kty: 'oct', k: 'AAAA' }, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }
    expect(await lookUp(set, RS256)).to.include({
      name: 'WixAuthError',
      code: 'signature_invalid',
      hint: `key ${RS256.kid.slice(0, 4)}.. is not in the set of 2 keys`,
      cure: 'Compare the key set with the keys of the issuer.',
    })
    for (const kid of [undefined, '', 7]) {
      expect(await lookUp(set, { ...ES256, kid: kid as string })).to.include({
        name: 'WixAuthError',
        code: 'signature_invalid',
        hint: 'the header has no `kid`',
      })
    }
  })

  it('J-09: rejects the old keys after ten minutes, when the clock was set back and the server answers nonsense', async () => {
    const strategy = remote({ now: () => NOW })
    expect(await kindOf(strategy, fresh())).to.equal('success')
    const other = fresh()
    server.answer = json({})
    clock.setSystemTime(NOW - 86_400_000)
    for (let minute = 0; minute < 50; minute++) clock.tick(60_000)
    expectOutage(await runToEnd(strategy, bearer(other)), 'not a JSON Web Key Set')
  })

  it('J-09: reads the set again after ten minutes by the wall clock, also when the other clock stood still', async () => {
    const strategy = remote({ now: () => NOW })
    const wholeSecond = NOW - (NOW % 1000)
    clock.setSystemTime(wholeSecond)
    expect(await kindOf(strategy, fresh())).to.equal('success')
    seconds(1)
    clock.setSystemTime(wholeSecond + 600_000)
    expect(await kindOf(strategy, rawSession())).to.equal('success')
    expect(server.reads).to.have.length(2)
  })

  it('T-09: waits for half a minute at most, however long the server asks callers to wait', async () => {
    const strategy = remote()
    server.answer = (res) => void res.writeHead(429, { 'retry-after': '3600' }).end()
    const outcome = await runToEnd(strategy, bearer(token))
    expect(outcome).to.have.nested.property('error.headers.Retry-After', '30')
    server.answer = undefined
    seconds(30)
    expect(await kindOf(strategy, fresh())).to.equal('success')
  })
})
