import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { format, inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  type SessionKey,
  type SessionKeys,
  SessionTokens,
  WixSessionStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import { INVALID, rejectedWith } from '../support/challenges.ts'
import { errorOf } from '../support/errors.ts'
import { refusalOf } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { run, runToEnd } from '../support/run.ts'
import {
  AUDIENCE,
  bearer,
  clockAt,
  ISSUER,
  OTHER_KEY,
  partsOf,
  rawSession,
  secretsOf,
  SESSION_KEYS,
  sessionTokens,
  showingNoSecretOf,
  verifiedInstance,
} from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS

const MUST_BE = 'option `keys` must be an array of keys from generateSessionKey()'

const publicHalf = (key: SessionKey): SessionKey => {
  const half = createPublicKey({ key: key as JsonWebKey, format: 'jwk' }).export({ format: 'jwk' })
  return { ...half, kid: key.kid, alg: key.alg }
}

describe('the option `keys` of SessionTokens', () => {
  const jwkOf = (pair: { privateKey: { export(options: { format: 'jwk' }): object } }, more: object): SessionKey =>
    ({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'k', ...more }) as unknown as SessionKey
  const rsa = (modulusLength: number): SessionKey =>
    jwkOf(generateKeyPairSync('rsa', { modulusLength }), { alg: 'RS256' })
  const { d: _d, ...publicOnly } = ES256
  const exponentOne = { kty: 'RSA', n: RS256['n'], e: 'AQ', kid: 'e', alg: 'RS256' }
  const { kid: _kid, ...nameless } = ES256
  const short = rsa(1024)
  const p384 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }), { alg: 'ES256' })
  const secp256k1 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), { alg: 'ES256' })
  const ed448 = jwkOf(generateKeyPairSync('ed448'), { alg: 'EdDSA' })
  const x25519 = jwkOf(generateKeyPairSync('x25519'), { alg: 'EdDSA' })
  const oct = { kty: 'oct', k: Buffer.from('canary-of-an-hmac-secret').toString('base64url'), kid: 'k' }

  describe('P-10, S-07', () => {
    const noKid = ', one of them has no `kid`, or a `kid` of more than 256 characters'
    const sameKid = ', two of them have the same `kid`'
    const cannotBeRead = ', one of them cannot be read'
    const noKeyForAlg = ', one of them is not a key for its `alg`'
    const notAllowed = ', one of them has an `alg` other than ES256, EdDSA, RS256'
    const rows: Array<[name: string, keys: unknown, problem: string | RegExp]> = [
      ['keys that are null', null, ', got null'],
      ['an empty array', [], ', got an empty array'],
      ['a key that is not in an array', ES256, ', got a value of type object'],
      ['a key set', { keys: [ES256] }, ', got a value of type object'],
      ['keys in JSON', JSON.stringify([ES256]), ', got a string'],
      ['an empty string', '', ', got an empty string'],
      ['a key that is null', [null], noKid],
      ['a key in JSON', [JSON.stringify(ES256)], ', one of them is a string: parse its JSON'],
      ['a promise of a key', [ES256, Promise.resolve(ES256)], ', one of them is a promise: await it'],
      ['a key without kid', [nameless], noKid],
      ['a key with an empty kid', [{ ...ES256, kid: '' }], noKid],
      ['a key whose kid is a number', [{ ...ES256, kid: 7 }], noKid],
      ['a key without alg', [{ ...ES256, alg: undefined }], notAllowed],
      ['a key for ES384', [{ ...p384, alg: 'ES384' }], notAllowed],
      ['a key for HS256', [{ ...oct, alg: 'HS256' }], notAllowed],
      ['a key with the alg none', [{ ...ES256, alg: 'none' }], notAllowed],
      ['a key with an alg that every object has as a property', [{ ...ES256, alg: 'constructor' }], notAllowed],
      ['a secret as a key for ES256', [{ ...oct, alg: 'ES256' }], cannotBeRead],
      ['an EC key for EdDSA', [{ ...ES256, alg: 'EdDSA' }], noKeyForAlg],
      ['an EC key for RS256', [{ ...ES256, alg: 'RS256' }], noKeyForAlg],
      ['an Ed25519 key for ES256', [{ ...EdDSA, alg: 'ES256' }], noKeyForAlg],
      ['an RSA key for ES256', [{ ...RS256, alg: 'ES256' }], noKeyForAlg],
      ['a key of P-384', [p384], noKeyForAlg],
      ['a key of secp256k1', [secp256k1], noKeyForAlg],
      ['a key of Ed448', [ed448], noKeyForAlg],
      ['a key of X25519', [x25519], noKeyForAlg],
      ['an RSA key of 1024 bits', [short], noKeyForAlg],
      ['an RSA key with an exponent of 1 after a good key', [ES256, exponentOne], noKeyForAlg],
      ['a kid of 257 characters', [{ ...ES256, kid: 'x'.repeat(257) }], noKid],
      ['a weak key after a good one', [ES256, short], noKeyForAlg],
      ['a key with an invalid point', [{ ...ES256, x: 'AAAA' }], cannotBeRead],
      ['a key without its point', [{ ...ES256, x: undefined }], cannotBeRead],
      ['a key whose private half is null', [{ ...ES256, d: null }], cannotBeRead],
      ['a key of another type', [{ ...ES256, kty: 'RSA' }], cannotBeRead],
      ['a key without a type', [{ ...ES256, kty: undefined }], cannotBeRead],
      [
        'the private half of another key',
        [{ ...ES256, d: OTHER_KEY['d'] }],
        /option `keys` .*, (one of them cannot be read|the halves of one of them do not match)$/,
      ],
      ['two keys with the same kid', [ES256, { ...OTHER_KEY, kid: ES256.kid }], sameKid],
      ['the same key twice', [ES256, ES256], sameKid],
      ['a first key that cannot sign', [publicOnly, OTHER_KEY], ', the first of them has no private half to sign with'],
    ]
    optionsTable(
      { SessionTokens: showingNoSecretOf([ES256, EdDSA, RS256, OTHER_KEY, short, p384, ed448], sessionTokens) },
      rows.map(([name, keys, problem]) => [
        name,
        { keys },
        typeof problem === 'string' ? `${MUST_BE}${problem}` : problem,
      ]),
      { isWhole: true },
    )

    it('must not be missing', () => {
      expect(() => new SessionTokens({ issuer: ISSUER, audience: AUDIENCE } as never))
        .to.throw(TypeError)
        .with.property('message', `SessionTokens: ${MUST_BE}, got undefined (is an environment variable not set?)`)
    })
  })

  it('may be an RSA key of 2048 bits with a kid of 256 characters', async () => {
    const tokens = sessionTokens({ keys: [{ ...rsa(2048), kid: 'x'.repeat(256) }] })
    expect(await tokens.verify(await tokens.issue(verifiedInstance()))).to.have.property('instanceId', 'instance-1')
  })

  it('may have public keys after the first, which only verify', async () => {
    const old = sessionTokens({ keys: [ES256] })
    const token = await old.issue(verifiedInstance())
    const later = sessionTokens({ keys: [OTHER_KEY, publicOnly] })
    expect(await later.verify(token)).to.have.property('instanceId', 'instance-1')
    const issued = await later.issue(verifiedInstance())
    expect(partsOf(issued)[0]).to.have.property('kid', OTHER_KEY.kid)
    expect(await errorOf(old.verify(issued))).to.include({
      code: 'signature_invalid',
      cure: 'Compare the key set with the keys of the issuer.',
    })
  })
})

describe('a token that no key of the list has signed', () => {
  it('is refused, also where another algorithm has a key of that name, and the developer is told the name', async () => {
    const tokens = sessionTokens({ keys: [ES256, EdDSA] })
    for (const kid of [OTHER_KEY.kid, EdDSA.kid, ES256.kid.slice(0, -1), `${ES256.kid}A`])
      expect(await errorOf(tokens.verify(rawSession({ kid })))).to.include({
        code: 'signature_invalid',
        hint: `key ${kid.slice(0, 4)}.. is not in the list of 2 keys`,
      })
  })
})

describe('S-07: a private key', () => {
  const keys = [ES256, EdDSA, RS256]
  const secrets = secretsOf(...keys)
  const holders: Array<[string, () => Promise<unknown>]> = [
    ['SessionTokens', async () => sessionTokens({ keys })],
    ['SessionTokens whose keys come from a function', async () => sessionTokens({ keys: () => keys })],
    ['SessionTokens after use', async () => used(sessionTokens({ keys: async () => keys }))],
    ['a strategy', async () => new WixSessionStrategy({ tokens: await used(sessionTokens({ keys })) })],
    ['the key set', () => sessionTokens({ keys }).jwks()],
    ['a token', () => sessionTokens({ keys }).issue(verifiedInstance())],
    [
      'a session',
      async () => {
        const tokens = sessionTokens({ keys })
        return tokens.verify(await tokens.issue(verifiedInstance()))
      },
    ],
    [
      'the outcome of a request',
      async () => {
        const tokens = sessionTokens({ keys })
        return runToEnd(new WixSessionStrategy({ tokens }), bearer(await tokens.issue(verifiedInstance())))
      },
    ],
  ]
  const used = async (tokens: SessionTokens): Promise<SessionTokens> => {
    await tokens.verify(await tokens.issue(verifiedInstance()))
    await tokens.jwks()
    return tokens
  }
  for (const [name, make] of holders) {
    it(`is not shown by util.inspect, util.format and JSON.stringify of ${name}`, async () => {
      const holder = await make()
      const shown = [
        inspect(holder, { depth: 9, showHidden: true, getters: true }),
        format('%O %o %j %s', holder, holder, holder, holder),
        JSON.stringify(holder),
        JSON.stringify(Object.getOwnPropertyDescriptors(Object(holder))),
      ].join('\n')
      expect(secrets).to.have.length(8)
      for (const secret of secrets) expect(shown).to.not.include(secret)
    })
  }

  const failing: Array<[string, SessionKeys]> = [
    [
      'that throws a JSON error',
      () => {
        throw new SyntaxError(`Unexpected token in ${JSON.stringify(keys)}`)
      },
    ],
    ['that rejects with a key', () => Promise.reject(Object.assign(new Error(String(RS256['d'])), { key: RS256 }))],
    // oxlint-disable-next-line prefer-promise-reject-errors
    ['that rejects with the keys themselves', () => Promise.reject(keys)],
    ['that returns the keys as JSON', () => JSON.stringify(keys) as never],
    ['that returns a key with another alg', () => [{ ...RS256, alg: 'ES256' }]],
    ['that returns a key twice', async () => [RS256, RS256]],
    ['that returns a key set', async () => ({ keys }) as never],
    ['that returns the private half of another key', async () => [{ ...ES256, d: OTHER_KEY['d'] }]],
  ]
  for (const [name, source] of failing) {
    it(`is not shown by the errors for a function ${name}`, async () => {
      const tokens = sessionTokens({ keys: source })
      const reasons = [
        await errorOf(tokens.issue(verifiedInstance())),
        await errorOf(tokens.verify(rawSession({}, undefined, OTHER_KEY))),
        await runToEnd(new WixSessionStrategy({ tokens }), bearer(rawSession({}, undefined, OTHER_KEY))),
      ]
      const shown = inspect(reasons, { depth: 9, showHidden: true })
      for (const secret of [...secrets, ...secretsOf(OTHER_KEY)]) expect(shown).to.not.include(secret)
    })
  }
})

describe('the keys that a function returns', () => {
  const forms: Array<[string, (list: () => readonly SessionKey[]) => SessionKeys]> = [
    ['directly', (list) => list],
    ['as a promise', (list) => async () => list()],
    // Of another promise library.
    ['as a thenable', (list) => () => ({ then: (resolve: (keys: unknown) => void) => resolve(list()) }) as never],
  ]
  for (const [form, wrap] of forms) {
    it(`${form} sign, verify and are published`, async () => {
      const tokens = sessionTokens({ keys: wrap(() => [EdDSA, ES256]) })
      const token = await tokens.issue(verifiedInstance())
      expect(partsOf(token)[0]).to.deep.equal({ alg: 'EdDSA', typ: 'wix-session+jwt', kid: EdDSA.kid })
      expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
      expect(await tokens.verify(rawSession())).to.have.property('instanceId', 'instance-1')
      expect((await tokens.jwks()).keys.map(({ kid, use }) => [kid, use])).to.deep.equal([
        [EdDSA.kid, 'sig'],
        [ES256.kid, 'sig'],
      ])
    })

    it(`${form} are loaded when they are needed, and then used for five seconds`, async () => {
      const clock = clockAt()
      const list = sinon.fake.returns([ES256])
      const tokens = sessionTokens({ keys: wrap(list), now: clock.now })
      sinon.assert.notCalled(list)
      const token = await tokens.issue(verifiedInstance())
      await tokens.verify(token)
      await tokens.jwks()
      sinon.assert.calledOnce(list)
      clock.move(4.999)
      await tokens.jwks()
      sinon.assert.calledOnce(list)
      clock.move(0.001)
      // A cached token needs none.
      await tokens.verify(token)
      sinon.assert.calledOnce(list)
      await tokens.verify(rawSession())
      sinon.assert.calledTwice(list)
      clock.move(4.999)
      await tokens.jwks()
      sinon.assert.calledTwice(list)
      clock.move(0.001)
      await tokens.issue(verifiedInstance())
      sinon.assert.calledThrice(list)
    })
  }

  it('are loaded again when the clock was set back', async () => {
    const clock = clockAt()
    const list = sinon.fake.resolves([ES256])
    const tokens = sessionTokens({ keys: list as never, now: clock.now })
    await tokens.jwks()
    clock.move(-0.001)
    await tokens.jwks()
    sinon.assert.calledTwice(list)
  })

  it('are loaded once for all waiting calls, and their age counts from when they were loaded', async () => {
    const clock = clockAt()
    let resolveKeys: (keys: SessionKey[]) => void = () => {}
    const list = sinon.fake(() => new Promise<SessionKey[]>((resolve) => (resolveKeys = resolve)))
    const tokens = sessionTokens({ keys: list, now: clock.now })
    const waiting = [
      tokens.jwks(),
      tokens.issue(verifiedInstance()),
      tokens.verify(rawSession()),
      tokens.verify(rawSession()),
    ] as const
    sinon.assert.calledOnce(list)
    clock.move(3)
    resolveKeys([ES256])
    const [set, token, ...sessions] = await Promise.all(waiting)
    expect([set.keys.length, typeof token, sessions.map(({ instanceId }) => instanceId)]).to.deep.equal([
      1,
      'string',
      ['instance-1', 'instance-1'],
    ])
    clock.move(4.999)
    await tokens.jwks()
    sinon.assert.calledOnce(list)
    clock.move(0.001)
    void tokens.jwks()
    sinon.assert.calledTwice(list)
    resolveKeys([ES256])
  })

  it('and that do not come within five seconds are an outage (503)', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pending = errorOf(sessionTokens({ keys: () => new Promise(() => {}) }).jwks())
      await clock.tickAsync(5000)
      const error = await pending
      expect(error)
        .to.be.instanceOf(WixUnavailableError)
        .and.to.include({ status: 503, message: 'SessionTokens: the function `keys` took more than 5 s' })
    } finally {
      clock.restore()
    }
  })

  it('and that cannot be loaded are an outage (503), which does not say why, and are loaded again at most once a second', async () => {
    const failures: Array<() => unknown> = [
      () => {
        throw new Error(`no such file: ${String(ES256['d'])}`)
      },
      () => Promise.reject(new TypeError('canary')),
      // oxlint-disable-next-line prefer-promise-reject-errors
      () => Promise.reject(undefined),
      // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
      () => {
        throw 'canary'
      },
    ]
    for (const failure of failures) {
      const list = sinon.stub().callsFake(failure)
      const clock = clockAt()
      const tokens = sessionTokens({ keys: list as never, now: clock.now })
      const calls = [() => tokens.issue(verifiedInstance()), () => tokens.verify(rawSession()), () => tokens.jwks()]
      for (const call of calls) {
        const error = await errorOf(call())
        expect(error).to.be.instanceOf(WixUnavailableError)
        expect({ ...(error as object) }).to.deep.equal({ status: 503, headers: {}, name: 'WixUnavailableError' })
        expect(error).to.have.property('message', 'SessionTokens: the function `keys` failed')
        expect(error).to.not.have.property('cause')
      }
      sinon.assert.calledOnce(list)
      clock.move(0.999)
      await errorOf(tokens.jwks())
      sinon.assert.calledOnce(list)
      clock.move(0.001)
      await errorOf(tokens.jwks())
      sinon.assert.calledTwice(list)
      const outcome = await run(new WixSessionStrategy({ tokens }), bearer(rawSession()))
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.property('error').that.is.instanceOf(WixUnavailableError)
      // The function has recovered.
      list.callsFake(() => [ES256])
      expect(await errorOf(tokens.jwks())).to.be.instanceOf(WixUnavailableError)
      clock.move(1)
      expect(await tokens.verify(rawSession())).to.have.property('instanceId', 'instance-1')
    }
  })

  it('and that cannot be loaded again are used for a minute after they were loaded, and no longer', async () => {
    const clock = clockAt()
    const list = sinon.stub().returns([ES256])
    const tokens = sessionTokens({ keys: list as never, now: clock.now })
    await tokens.jwks()
    list.throws(new Error('away'))
    clock.move(5)
    expect(await tokens.issue(verifiedInstance())).to.be.a('string')
    sinon.assert.calledTwice(list)
    clock.move(54.999)
    expect(await tokens.verify(rawSession())).to.have.property('instanceId')
    sinon.assert.calledThrice(list)
    expect((await tokens.jwks()).keys).to.have.length(1)
    sinon.assert.calledThrice(list)
    clock.move(0.001)
    expect(await errorOf(tokens.jwks())).to.be.instanceOf(WixUnavailableError)
    expect(await errorOf(tokens.issue(verifiedInstance()))).to.be.instanceOf(WixUnavailableError)
    sinon.assert.calledThrice(list)
    list.returns([EdDSA])
    clock.move(1)
    expect((await tokens.jwks()).keys.map(({ kid }) => kid)).to.deep.equal([EdDSA.kid])
  })

  it('and that are loaded again, but are a wrong list, are a TypeError at once, since that is a mistake and no outage', async () => {
    const clock = clockAt()
    const list = sinon.stub().returns([ES256])
    const tokens = sessionTokens({ keys: list as never, now: clock.now })
    await tokens.jwks()
    list.returns([])
    clock.move(5)
    for (let time = 0; time < 2; time++) expect(await errorOf(tokens.jwks())).to.be.instanceOf(TypeError)
    sinon.assert.calledTwice(list)
  })

  it('A2: are used by a fake clock that is installed later', async () => {
    const list = sinon.fake.returns([ES256])
    const tokens = new SessionTokens({ keys: list as never, issuer: ISSUER, audience: AUDIENCE })
    await tokens.jwks()
    const clock = sinon.useFakeTimers({ now: Date.now() + 4000, toFake: ['Date'] })
    try {
      await tokens.jwks()
      sinon.assert.calledOnce(list)
      clock.tick(2000)
      await tokens.jwks()
      sinon.assert.calledTwice(list)
    } finally {
      clock.restore()
    }
  })

  const wrong: Array<[string, unknown, string]> = [
    ['undefined', undefined, ', got undefined (is an environment variable not set?)'],
    ['null', null, ', got null'],
    ['an empty array', [], ', got an empty array'],
    ['a key that is not in an array', ES256, ', got a value of type object'],
    ['JSON', JSON.stringify([ES256]), ', got a string'],
    ['a number', 7, ', got a number'],
    [
      'a key without kid',
      [{ ...ES256, kid: undefined }],
      ', one of them has no `kid`, or a `kid` of more than 256 characters',
    ],
    ['the same key twice', [ES256, ES256], ', two of them have the same `kid`'],
    [
      'in an order with a public key first',
      [publicHalf(ES256)],
      ', the first of them has no private half to sign with',
    ],
    ['a function', () => [ES256], ', got a function'],
  ]
  for (const [name, list, problem] of wrong) {
    it(`are a TypeError, and no reason to reject a token, when they are ${name}`, async () => {
      for (const keys of [() => list, async () => list]) {
        const tokens = sessionTokens({ keys: keys as never })
        for (const call of [
          () => tokens.issue(verifiedInstance()),
          () => tokens.verify(rawSession()),
          () => tokens.jwks(),
        ]) {
          const error = await errorOf(call())
          expect(error).to.be.instanceOf(TypeError)
          expect(error).to.have.property('message', `SessionTokens: ${MUST_BE}${problem}`)
        }
        expect(await run(new WixSessionStrategy({ tokens }), bearer(rawSession()))).to.have.property('kind', 'error')
      }
    })
  }

  describe('and that change', () => {
    it('S-04: no longer verify new tokens of a removed key after five seconds, and cached ones after a minute', async () => {
      const clock = clockAt()
      let keys = [ES256, EdDSA]
      const tokens = sessionTokens({ keys: () => keys, now: clock.now })
      const strategy = new WixSessionStrategy({ tokens })
      const known = await tokens.issue(verifiedInstance())
      const other = await tokens.issue(verifiedInstance())
      await tokens.verify(known)
      keys = [EdDSA]
      clock.move(4.999)
      expect(await tokens.verify(known)).to.have.property('instanceId')
      clock.move(0.001)
      expect(await refusalOf(tokens.verify(other))).to.equal('signature_invalid')
      clock.move(55)
      expect(await tokens.verify(known)).to.have.property('instanceId')
      clock.move(0.001)
      for (const token of [known, other]) {
        expect(await refusalOf(tokens.verify(token))).to.equal('signature_invalid')
        expect(await run(strategy, bearer(token))).to.deep.equal(rejectedWith(INVALID))
      }
    })

    it('accept the tokens of a new key ten seconds after a refusal at the latest', async () => {
      const clock = clockAt()
      let keys = [ES256]
      const tokens = sessionTokens({ keys: async () => keys, now: clock.now })
      const token = rawSession({}, undefined, EdDSA)
      expect(await refusalOf(tokens.verify(token))).to.equal('signature_invalid')
      keys = [ES256, EdDSA]
      clock.move(10)
      expect(await refusalOf(tokens.verify(token))).to.equal('signature_invalid')
      clock.move(0.001)
      expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
    })

    it('sign by the first one, as soon as their order has changed', async () => {
      const clock = clockAt()
      let keys = [ES256, EdDSA]
      const tokens = sessionTokens({ keys: async () => keys, now: clock.now })
      await tokens.issue(verifiedInstance())
      keys = [EdDSA, ES256]
      clock.move(5)
      expect(partsOf(await tokens.issue(verifiedInstance()))[0]).to.have.property('kid', EdDSA.kid)
      expect((await tokens.jwks()).keys.map(({ kid }) => kid)).to.deep.equal([EdDSA.kid, ES256.kid])
    })

    it('are copied: a change to the array has no effect for five seconds', async () => {
      const clock = clockAt()
      const list = [{ ...ES256 }]
      const tokens = sessionTokens({ keys: () => list, now: clock.now })
      const token = await tokens.issue(verifiedInstance())
      list[0] = { ...EdDSA }
      expect(await tokens.verify(token)).to.have.property('instanceId')
      expect(partsOf(await tokens.issue(verifiedInstance()))[0]).to.have.property('kid', ES256.kid)
    })
  })
})
