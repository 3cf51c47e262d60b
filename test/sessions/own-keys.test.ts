import { createPrivateKey, createPublicKey, type JsonWebKey } from 'node:crypto'
import { format, inspect } from 'node:util'
import { calculateJwkThumbprint, importJWK, jwtVerify } from 'jose'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  generateSessionKey,
  type SessionKey,
  type SessionKeys,
  type SessionTokens,
  WixSessionStrategy,
  WixUnavailableError,
} from '../../lib/index.ts'
import { NOW } from '../support/build.ts'
import { refusalOf } from '../support/jwt.ts'
import { run, runToEnd, start } from '../support/run.ts'
import {
  ALGORITHMS,
  AUDIENCE,
  clockAt,
  instanceProof,
  ISSUER,
  OTHER_KEY,
  partsOf,
  rawSession,
  SESSION_KEYS,
  sessionTokens,
} from '../support/session.ts'

const { ES256, EdDSA, RS256 } = SESSION_KEYS
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const PUBLIC: Record<string, string[]> = {
  ES256: ['kty', 'crv', 'x', 'y'],
  EdDSA: ['kty', 'crv', 'x'],
  RS256: ['kty', 'n', 'e'],
}
const bearer = (token: string): object => ({ headers: { authorization: `Bearer ${token}` } })

/** The reason of a rejection. */
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error('fulfilled')
    },
    (reason: unknown) => reason,
  )

/** Every text of a key that must stay at home. */
const secretsOf = (...keys: SessionKey[]): string[] =>
  keys.flatMap((key) => PRIVATE.flatMap((name) => (typeof key[name] === 'string' ? [key[name]] : [])))

describe('generateSessionKey', () => {
  const defaults: Array<[string, () => Promise<SessionKey>]> = [
    ['ES256', () => generateSessionKey()],
    ['ES256', () => generateSessionKey('ES256')],
    ['EdDSA', () => generateSessionKey('EdDSA')],
    ['RS256', () => generateSessionKey('RS256')],
  ]
  for (const [alg, generate] of defaults) {
    it(`makes a private JSON Web Key of ${alg}, which is named by its thumbprint and survives JSON`, async () => {
      const key = JSON.parse(JSON.stringify(await generate())) as SessionKey
      const publicMembers = PUBLIC[alg] ?? []
      const privateMembers = alg === 'RS256' ? ['d', 'p', 'q', 'dp', 'dq', 'qi'] : ['d']
      expect(key).to.have.all.keys('kid', 'alg', ...publicMembers, ...privateMembers)
      expect(key.alg).to.equal(alg)
      expect(key.kid).to.equal(await calculateJwkThumbprint(key))
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey({ key: key as JsonWebKey, format: 'jwk' })
      expect([
        asymmetricKeyType,
        asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength,
      ]).to.deep.equal({ ES256: ['ec', 'prime256v1'], EdDSA: ['ed25519', undefined], RS256: ['rsa', 2048] }[alg])
      const tokens = sessionTokens({ keys: [key] })
      expect(await tokens.verify(await tokens.issue(instanceProof()))).to.have.property('instanceId', 'instance-1')
    })
  }

  it('makes another key each time', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => generateSessionKey()))
    expect(new Set(keys.map(({ kid }) => kid)).size).to.equal(20)
    expect(new Set(keys.map(({ d }) => d)).size).to.equal(20)
  })

  it('rejects for another algorithm', async () => {
    for (const alg of ['HS256', 'none', 'ES384', 'constructor', '']) {
      expect(await reasonOf(generateSessionKey(alg as never)), alg).to.be.instanceOf(Error)
    }
  })
})

describe('SessionTokens.jwks', () => {
  it('S-03: tells the public half of every kind of key, each with kid, alg and use, and no other member', async () => {
    const keys = [ES256, EdDSA, RS256, OTHER_KEY]
    const set = await sessionTokens({ keys }).jwks()
    expect(Object.keys(set)).to.deep.equal(['keys'])
    expect(set.keys).to.have.length(4)
    for (const [at, key] of keys.entries()) {
      const members = (PUBLIC[key.alg] ?? []).map((name) => [name, key[name]])
      const expected = { ...Object.fromEntries(members), kid: key.kid, alg: key.alg, use: 'sig' }
      expect(set.keys[at]).to.deep.equal(expected)
    }
    const json = JSON.stringify(set)
    for (const name of PRIVATE) expect(json).to.not.include(`"${name}":`)
    for (const secret of secretsOf(...keys)) expect(json).to.not.include(secret)
    expect(new Set(set.keys.map(({ kid }) => kid)).size).to.equal(4)
  })

  it('S-03: tells nothing that somebody noted in a key beside its members', async () => {
    const noted = {
      ...ES256,
      comment: 'canary',
      use: 'enc',
      key_ops: ['sign'],
      ext: true,
      x5c: ['canary'],
      k: 'canary',
    }
    const { d: _d, ...publicHalf }: SessionKey = { ...EdDSA, comment: 'canary' }
    const { keys } = await sessionTokens({ keys: [noted, publicHalf] }).jwks()
    expect(keys.map((key) => Object.keys(key).toSorted())).to.deep.equal([
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    ])
    expect(keys.map(({ use }) => use)).to.deep.equal(['sig', 'sig'])
  })

  it('tells what plain jose verifies with', async () => {
    const tokens = sessionTokens({ keys: [RS256, ES256, EdDSA] })
    const { keys } = await tokens.jwks()
    for (const alg of ALGORITHMS) {
      const published = keys.find((key) => key.alg === alg) ?? {}
      const { payload } = await jwtVerify(rawSession({}, undefined, SESSION_KEYS[alg]), await importJWK(published), {
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: 'wix-session+jwt',
        currentDate: new Date(NOW),
      })
      expect(payload).to.include({ sub: 'USER:user-1', instanceId: 'instance-1' })
    }
  })

  it('gives an object of its own: what an app does to it changes no later one', async () => {
    const tokens = sessionTokens()
    const set = await tokens.jwks()
    const before = structuredClone(set)
    Object.assign(set.keys[0] ?? {}, { x: 'changed', more: 'added' })
    set.keys.push(set.keys[0] as never)
    expect(await tokens.jwks()).to.deep.equal(before)
  })
})

describe('S-07: a private key', () => {
  const keys = [ES256, EdDSA, RS256]
  const secrets = secretsOf(...keys)
  const holders: Array<[string, () => Promise<unknown>]> = [
    ['SessionTokens', async () => sessionTokens({ keys })],
    ['SessionTokens with a function', async () => sessionTokens({ keys: () => keys })],
    ['SessionTokens that was used', async () => used(sessionTokens({ keys: async () => keys }))],
    ['a strategy', async () => new WixSessionStrategy({ tokens: await used(sessionTokens({ keys })) })],
    ['the key set', () => sessionTokens({ keys }).jwks()],
    ['a token', () => sessionTokens({ keys }).issue(instanceProof())],
    [
      'a session',
      async () => {
        const tokens = sessionTokens({ keys })
        return tokens.verify(await tokens.issue(instanceProof()))
      },
    ],
    [
      'the outcome of a request',
      async () => {
        const tokens = sessionTokens({ keys })
        return runToEnd(new WixSessionStrategy({ tokens }), bearer(await tokens.issue(instanceProof())))
      },
    ],
  ]
  const used = async (tokens: SessionTokens): Promise<SessionTokens> => {
    await tokens.verify(await tokens.issue(instanceProof()))
    await tokens.jwks()
    return tokens
  }
  for (const [name, make] of holders) {
    it(`is not seen in ${name}, by util.inspect, util.format or JSON.stringify`, async () => {
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
    ['that gives the keys in JSON', () => JSON.stringify(keys) as never],
    ['that gives a broken key', () => [{ ...RS256, alg: 'ES256' }]],
    ['that gives a key twice', async () => [RS256, RS256]],
    ['that gives the keys in an object', async () => ({ keys }) as never],
    ['that gives the private half of another key', async () => [{ ...ES256, d: OTHER_KEY['d'] }]],
  ]
  for (const [name, source] of failing) {
    it(`is not seen in the errors of a function ${name}`, async () => {
      const tokens = sessionTokens({ keys: source })
      const reasons = [
        await reasonOf(tokens.issue(instanceProof())),
        await reasonOf(tokens.verify(rawSession({}, undefined, OTHER_KEY))),
        await runToEnd(new WixSessionStrategy({ tokens }), bearer(rawSession({}, undefined, OTHER_KEY))),
      ]
      const shown = inspect(reasons, { depth: 9, showHidden: true })
      for (const secret of [...secrets, ...secretsOf(OTHER_KEY)]) expect(shown).to.not.include(secret)
    })
  }
})

describe('keys that a function gives', () => {
  const forms: Array<[string, (list: () => readonly SessionKey[]) => SessionKeys]> = [
    ['at once', (list) => list],
    ['as a promise', (list) => async () => list()],
    // Of another promise library.
    ['as a thenable', (list) => () => ({ then: (resolve: (keys: unknown) => void) => resolve(list()) }) as never],
  ]
  for (const [form, wrap] of forms) {
    it(`${form} sign, verify and are published`, async () => {
      const tokens = sessionTokens({ keys: wrap(() => [EdDSA, ES256]) })
      const token = await tokens.issue(instanceProof())
      expect(partsOf(token)[0]).to.deep.equal({ alg: 'EdDSA', typ: 'wix-session+jwt', kid: EdDSA.kid })
      expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
      expect(await tokens.verify(rawSession())).to.have.property('instanceId', 'instance-1')
      expect((await tokens.jwks()).keys.map(({ kid }) => kid)).to.deep.equal([EdDSA.kid, ES256.kid])
    })

    it(`${form} are asked for when they are needed, and then used for five seconds`, async () => {
      const clock = clockAt()
      const list = sinon.fake.returns([ES256])
      const tokens = sessionTokens({ keys: wrap(list), now: clock.now })
      sinon.assert.notCalled(list)
      const token = await tokens.issue(instanceProof())
      await tokens.verify(token)
      await tokens.jwks()
      sinon.assert.calledOnce(list)
      clock.move(4.999)
      await tokens.verify(token)
      sinon.assert.calledOnce(list)
      clock.move(0.001)
      await tokens.verify(token)
      sinon.assert.calledTwice(list)
      clock.move(4.999)
      await tokens.jwks()
      sinon.assert.calledTwice(list)
      clock.move(0.001)
      await tokens.issue(instanceProof())
      sinon.assert.calledThrice(list)
    })
  }

  it('are asked for anew when the clock was set back', async () => {
    const clock = clockAt()
    const list = sinon.fake.resolves([ES256])
    const tokens = sessionTokens({ keys: list as never, now: clock.now })
    await tokens.jwks()
    clock.move(-0.001)
    await tokens.jwks()
    sinon.assert.calledTwice(list)
  })

  it('are asked for once by all who wait, and their age counts from their coming', async () => {
    const clock = clockAt()
    let give: (keys: SessionKey[]) => void = () => {}
    const list = sinon.fake(() => new Promise<SessionKey[]>((resolve) => (give = resolve)))
    const tokens = sessionTokens({ keys: list, now: clock.now })
    const waiting = [
      tokens.jwks(),
      tokens.issue(instanceProof()),
      tokens.verify(rawSession()),
      tokens.verify(rawSession()),
    ] as const
    sinon.assert.calledOnce(list)
    clock.move(3)
    give([ES256])
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
    give([ES256])
  })

  it('and does not give in five seconds are an outage, 503, and nobody waits longer', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pending = reasonOf(sessionTokens({ keys: () => new Promise(() => {}) }).jwks())
      await clock.tickAsync(5000)
      const error = await pending
      expect(error)
        .to.be.instanceOf(WixUnavailableError)
        .and.to.include({ status: 503, message: 'SessionTokens: the function `keys` took more than 5 seconds' })
    } finally {
      clock.restore()
    }
  })

  it('and cannot give are an outage, 503, which does not say why, and are asked for again at once', async () => {
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
      const tokens = sessionTokens({ keys: list as never })
      const calls = [() => tokens.issue(instanceProof()), () => tokens.verify(rawSession()), () => tokens.jwks()]
      for (const call of calls) {
        const error = await reasonOf(call())
        expect(error).to.be.instanceOf(WixUnavailableError)
        expect({ ...(error as object) }).to.deep.equal({ status: 503, headers: {}, name: 'WixUnavailableError' })
        expect(error).to.have.property('message', 'SessionTokens: the function `keys` failed')
        expect(error).to.not.have.property('cause')
      }
      sinon.assert.calledThrice(list)
      const outcome = await run(new WixSessionStrategy({ tokens }), bearer(rawSession()))
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.property('error').that.is.instanceOf(WixUnavailableError)
      // It has recovered.
      list.callsFake(() => [ES256])
      expect(await tokens.verify(rawSession())).to.have.property('instanceId', 'instance-1')
    }
  })

  it('and cannot give any more, after five seconds are not used any more', async () => {
    const clock = clockAt()
    const list = sinon.stub().returns([ES256])
    const tokens = sessionTokens({ keys: list as never, now: clock.now })
    const token = await tokens.issue(instanceProof())
    await tokens.verify(token)
    list.throws(new Error('away'))
    clock.move(4.999)
    expect(await tokens.verify(token)).to.have.property('instanceId')
    clock.move(0.001)
    expect(await reasonOf(tokens.verify(token))).to.be.instanceOf(WixUnavailableError)
    list.returns([ES256])
    expect(await tokens.verify(token)).to.have.property('instanceId')
  })

  const wrong: Array<[string, unknown, string]> = [
    ['nothing', undefined, ', got undefined (is an environment variable not set?)'],
    ['null', null, ', got null'],
    ['an empty list', [], ', got an empty array'],
    ['one key', ES256, ', got a value of type object'],
    ['JSON', JSON.stringify([ES256]), ', got a number or a string'],
    ['a number', 7, ', got a number or a string'],
    ['a key without kid', [{ ...ES256, kid: undefined }], ', one of them has no `kid` of at most 256 characters'],
    ['a key twice', [ES256, ES256], ', two of them have the same `kid`'],
    ['a public half first', [createPublicHalf(ES256)], ', the first of them has no private half to sign with'],
    ['a function', () => [ES256], ', got a value of type function'],
  ]
  for (const [name, list, problem] of wrong) {
    it(`and are ${name}: a TypeError, and no refusal of the token`, async () => {
      for (const keys of [() => list, async () => list]) {
        const tokens = sessionTokens({ keys: keys as never })
        for (const call of [
          () => tokens.issue(instanceProof()),
          () => tokens.verify(rawSession()),
          () => tokens.jwks(),
        ]) {
          const error = await reasonOf(call())
          expect(error).to.be.instanceOf(TypeError)
          expect(error).to.have.property(
            'message',
            `SessionTokens: option \`keys\` must be an array of keys from generateSessionKey()${problem}`,
          )
        }
        expect(await run(new WixSessionStrategy({ tokens }), bearer(rawSession()))).to.have.property('kind', 'error')
      }
    })
  }

  describe('and change:', () => {
    /** An issuer whose keys can be put, with the number of signatures that it has verified. */
    const changing = (...list: SessionKey[]) => {
      const clock = clockAt()
      let keys = list
      const tokens = sessionTokens({ keys: async () => keys, now: clock.now })
      const strategy = new WixSessionStrategy({ tokens })
      return {
        tokens,
        clock,
        put: async (...next: SessionKey[]): Promise<void> => {
          keys = next
          clock.move(5)
          await tokens.jwks()
        },
        /** What is remembered, and only that, succeeds in the same tick. */
        remembers: (token: string): boolean => start(strategy, bearer(token)).length === 1,
      }
    }

    it('S-04: the tokens of a removed key end, remembered or not, as soon as five seconds are over', async () => {
      const clock = clockAt()
      let keys = [ES256, EdDSA]
      const tokens = sessionTokens({ keys: () => keys, now: clock.now })
      const strategy = new WixSessionStrategy({ tokens })
      const remembered = await tokens.issue(instanceProof())
      const other = await tokens.issue(instanceProof())
      await tokens.verify(remembered)
      keys = [EdDSA]
      clock.move(4.999)
      expect(await tokens.verify(remembered)).to.have.property('instanceId')
      clock.move(0.001)
      for (const token of [remembered, other]) {
        expect(await refusalOf(tokens.verify(token))).to.equal('signature_invalid')
        expect(await run(strategy, bearer(token))).to.deep.equal({
          kind: 'fail',
          challenge:
            'Bearer realm="Wix", error="invalid_token", error_description="This Wix credential is not valid for this app: open the page from Wix again (developers: compare the app secret, the public key and the app ID)"',
          status: 401,
        })
      }
    })

    it('what was remembered is forgotten when a key is removed, added or replaced', async () => {
      const { kid } = EdDSA
      const changes: Array<[string, SessionKey[]]> = [
        ['removed', [ES256]],
        ['added', [ES256, EdDSA, RS256]],
        ['replaced under its kid', [ES256, { ...RS256, kid }]],
        ['renamed', [ES256, { ...EdDSA, kid: 'renamed' }]],
      ]
      for (const [name, list] of changes) {
        const { tokens, put, remembers } = changing(ES256, EdDSA)
        const token = await tokens.issue(instanceProof())
        await tokens.verify(token)
        expect(remembers(token), name).to.equal(true)
        await put(...list)
        expect(remembers(token), name).to.equal(false)
        await tokens.verify(token)
        expect(remembers(token), name).to.equal(true)
      }
    })

    it('a refusal is forgotten, so that the tokens of a new key are good at once', async () => {
      const { tokens, put } = changing(ES256)
      const token = rawSession({}, undefined, EdDSA)
      expect(await refusalOf(tokens.verify(token))).to.equal('signature_invalid')
      await put(ES256, EdDSA)
      expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
    })

    it('what was remembered stays when the keys are the same', async () => {
      const { tokens, put, remembers } = changing(ES256, EdDSA)
      const token = await tokens.issue(instanceProof())
      await tokens.verify(token)
      await put(structuredClone(ES256), { ...EdDSA, comment: 'new' })
      expect(remembers(token)).to.equal(true)
    })

    it('what was remembered stays when they have only changed places, and the first one signs', async () => {
      const { tokens, put, remembers } = changing(ES256, EdDSA)
      const token = await tokens.issue(instanceProof())
      await tokens.verify(token)
      await put(EdDSA, ES256)
      expect(partsOf(await tokens.issue(instanceProof()))[0]).to.have.property('kid', EdDSA.kid)
      expect((await tokens.jwks()).keys.map(({ kid }) => kid)).to.deep.equal([EdDSA.kid, ES256.kid])
      expect(remembers(token)).to.equal(true)
    })

    it('what was given is copied: a list that the app goes on to change is what it was for five seconds', async () => {
      const clock = clockAt()
      const list = [{ ...ES256 }]
      const tokens = sessionTokens({ keys: () => list, now: clock.now })
      const token = await tokens.issue(instanceProof())
      list[0] = { ...EdDSA }
      expect(await tokens.verify(token)).to.have.property('instanceId')
      expect(partsOf(await tokens.issue(instanceProof()))[0]).to.have.property('kid', ES256.kid)
    })
  })
})

function createPublicHalf(key: SessionKey): SessionKey {
  const half = createPublicKey({ key: key as JsonWebKey, format: 'jwk' }).export({ format: 'jwk' })
  return { ...half, kid: key.kid, alg: key.alg }
}
