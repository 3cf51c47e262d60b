import { inspect } from 'node:util'
import { expect } from 'chai'
import { importJWK, jwtVerify } from 'jose'
import sinon from 'sinon'
import { type SessionKey, SessionTokens, type WixInstance, type WixTokenInfo } from '../../lib/index.ts'
import { kindOf } from '../../lib/identity.ts'
import { iso, NOW, now } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import { refusalOf, SECONDS } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import {
  ALGORITHMS,
  AUDIENCE,
  clockAt,
  ISSUER,
  OTHER_KEY,
  partsOf,
  PRIVATE_MEMBERS,
  PUBLIC_MEMBERS,
  rawSession,
  secretsOf,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  showingNoSecretOf,
  verifiedAccessToken,
  verifiedInstance,
} from '../support/session.ts'

type Verified = WixInstance | WixTokenInfo
const { ES256, EdDSA, RS256 } = SESSION_KEYS

describe('SessionTokens.issue', () => {
  it('S-01: gives each token a jti of its own, of 128 random bits', async () => {
    const tokens = sessionTokens()
    const credential = verifiedInstance()
    const ids = new Set<unknown>()
    const bits = Buffer.alloc(16)
    for (let count = 0; count < 500; count++) {
      const { jti } = partsOf(await tokens.issue(credential))[1]
      const bytes = Buffer.from(String(jti), 'base64url')
      expect(bytes).to.have.length(16)
      expect(bytes.toString('base64url')).to.equal(jti)
      for (const [at, byte] of bytes.entries()) bits.writeUInt8(bits.readUInt8(at) | byte, at)
      ids.add(jti)
    }
    expect(ids.size).to.equal(500)
    // No bit is always zero.
    expect(bits.toString('hex')).to.equal('ff'.repeat(16))
  })

  describe('S-02: issues a token that expires', () => {
    const expiring = (date: string | undefined): Verified => verifiedInstance({ expirationDate: date })
    const cases: Array<[string, object, Verified | Promise<Verified>, number]> = [
      ['after 600 seconds by default', {}, expiring(iso(14_400)), 600],
      ['after the ttl', { ttl: 1 }, expiring(iso(14_400)), 1],
      ['after the longest ttl', { ttl: 3600 }, expiring(iso(14_400)), 3600],
      ['after the ttl, for a credential without an exp', {}, expiring(undefined), 600],
      ['after the ttl, for a credential that expires a second later', {}, expiring(iso(601)), 600],
      ['after the ttl, for a credential that expires at the same time', {}, expiring(iso(600)), 600],
      ['with the credential, a second before the ttl', {}, expiring(iso(599)), 599],
      ['with the credential, in a second', {}, expiring(iso(1)), 1],
      ['with the credential, in whole seconds', {}, expiring(iso(1.9)), 1],
      ['with an access token', { ttl: 3600 }, verifiedAccessToken({ exp: SECONDS + 10 }), 10],
      ['with an access token, in whole seconds', {}, verifiedAccessToken({ exp: SECONDS + 10.7 }), 10],
    ]
    for (const [name, options, credential, life] of cases) {
      it(name, async () => {
        const tokens = sessionTokens(options)
        const session = await tokens.verify(await tokens.issue(await credential))
        expect([session.iat, session.exp]).to.deep.equal([SECONDS, SECONDS + life])
      })
    }

    it('after whole seconds from the second of the issue', async () => {
      const tokens = sessionTokens({ now: () => NOW + 999 })
      expect(await tokens.verify(await tokens.issue(verifiedInstance()))).to.include({
        iat: SECONDS,
        exp: SECONDS + 600,
      })
    })

    it('by Date.now unless there is another clock', async () => {
      const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
      try {
        const tokens = new SessionTokens({ keys: [ES256], issuer: ISSUER, audience: AUDIENCE })
        const token = await tokens.issue(verifiedInstance())
        expect(await tokens.verify(token)).to.include({ iat: SECONDS, exp: SECONDS + 600 })
        clock.setSystemTime(NOW + 630_000)
        expect(await refusalOf(tokens.verify(token))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
    })

    const expired: Array<[string, Verified]> = [
      ['at this moment', expiring(iso(0))],
      ['within this second', expiring(iso(0.9))],
      ['a moment ago but within the tolerance of its strategy', expiring(iso(-29))],
    ]
    for (const [name, credential] of expired) {
      it(`in the future: a credential that expires ${name} is rejected as token_expired`, async () => {
        expect(await refusalOf(sessionTokens().issue(credential))).to.equal('token_expired')
      })
    }

    it('in the future: an access token that has expired since is rejected as token_expired', async () => {
      const credential = await verifiedAccessToken({ exp: SECONDS + 10 })
      const at = (seconds: number): Promise<string> =>
        sessionTokens({ now: () => NOW + seconds * 1000 }).issue(credential)
      expect(await at(9.999)).to.be.a('string')
      expect(await refusalOf(at(10))).to.equal('token_expired')
    })
  })

  it('issues tokens up to the length that is verified, and not a character over it', async () => {
    const tokens = sessionTokens()
    const credential = verifiedInstance()
    const issue = (length: number): Promise<string> => tokens.issue(credential, { x: 'x'.repeat(length) })
    const fixed = (await issue(0)).length
    // Four characters hold three.
    let length = Math.floor(((8192 - fixed) * 3) / 4) - 2
    let longest = await issue(length)
    for (;;) {
      const next = await issue(length + 1).catch((error: unknown) => error)
      if (typeof next === 'string') {
        longest = next
        length++
        continue
      }
      expect(next)
        .to.be.instanceOf(TypeError)
        .and.to.have.property('message', 'SessionTokens: the claims make a token of more than 8192 characters')
      break
    }
    expect(longest.length).to.be.within(8190, 8192)
    expect((await tokens.verify(longest)).claims).to.deep.equal({ x: 'x'.repeat(length) })
    expect(await errorOf(issue(1_000_000))).to.be.instanceOf(TypeError)
  })
})

describe('SessionTokens.issue', () => {
  it('issues a token of exactly the longest length that is verified', async () => {
    const lengths: number[] = []
    // Base64url has no string of 4n + 1 characters, so that the header has to give, too.
    for (const kid of ['k', 'kk', 'kkk']) {
      const tokens = sessionTokens({ keys: [{ ...ES256, kid }] })
      const issue = (length: number): Promise<string> => tokens.issue(verifiedInstance(), { x: 'x'.repeat(length) })
      const start = Math.floor(((8192 - (await issue(0)).length) * 3) / 4) - 2
      for (let more = 0; more < 6; more++) {
        const token = await issue(start + more).catch(() => '')
        lengths.push(token.length)
        if (token !== '') expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
      }
    }
    expect(Math.max(...lengths)).to.equal(8192)
  })

  it('says to the developer that the credential has expired', async () => {
    const credential = verifiedInstance({ expirationDate: iso(0) })
    expect(await errorOf(sessionTokens().issue(credential))).to.have.property('hint', 'the credential has expired')
  })
})

describe('SessionTokens.verify', () => {
  it('marks what it returns as a session', async () => {
    expect(kindOf(await sessionTokens().verify(rawSession()))).to.equal('session')
  })

  const hints: Array<[string, unknown, string]> = [
    ['no string', 7, 'the token is not a string'],
    ['8,193 characters', 'x'.repeat(8193), '8193 characters; the limit is 8192'],
    ['no iat', rawSession({}, sessionClaims({ iat: undefined })), '`iat` is missing'],
    ['no sub', rawSession({}, sessionClaims({ sub: undefined })), '`sub` is missing'],
    ['no jti', rawSession({}, sessionClaims({ jti: undefined })), '`jti` is missing'],
  ]
  for (const [name, token, hint] of hints) {
    it(`says to the developer of a token that has or is ${name}: ${hint}`, async () => {
      expect(await errorOf(sessionTokens().verify(token as string))).to.have.property('hint', hint)
    })
  }

  it('takes 8,192 characters for a token', async () => {
    expect(await errorOf(sessionTokens().verify('x'.repeat(8192)))).to.have.property(
      'hint',
      'a header of more than 2048 characters',
    )
  })

  const tokens = sessionTokens({ keys: ALGORITHMS.map((alg) => SESSION_KEYS[alg]) })

  it('accepts a genuine token of each algorithm', async () => {
    for (const alg of ALGORITHMS) {
      const genuine = rawSession({}, sessionClaims(), SESSION_KEYS[alg])
      expect(await tokens.verify(genuine)).to.include({ instanceId: 'instance-1', subjectId: 'user-1' })
    }
  })

  it('rejects what is not a string as request_invalid', async () => {
    for (const odd of [undefined, null, 7, [rawSession()], {}])
      expect(await refusalOf(tokens.verify(odd as never))).to.equal('request_invalid')
  })

  it('accepts its typ in any case, and with the prefix application/ (RFC 7515 section 4.1.9)', async () => {
    for (const typ of ['WIX-SESSION+JWT', 'application/wix-session+jwt']) {
      expect(await tokens.verify(rawSession({ typ }))).to.include({ instanceId: 'instance-1' })
    }
  })

  it('S-02: rejects a token with a longer life than the maximum of an issuer', async () => {
    const verify = (exp: number): Promise<unknown> =>
      refusalOf(sessionTokens().verify(rawSession({}, sessionClaims({ exp }))))
    expect(await verify(SECONDS + 3601)).to.equal('claim_invalid')
    expect(await verify(1e306)).to.equal('claim_invalid')
    expect(await sessionTokens().verify(rawSession({}, sessionClaims({ exp: SECONDS + 3600 })))).to.have.property('jti')
  })

  describe('S-01: rejects, although the signature is genuine,', () => {
    const wrongClaims: Array<[string, Record<string, unknown>]> = [
      ['another iss', { iss: 'https://other.example' }],
      ['an iss with a slash after it', { iss: `${ISSUER}/` }],
      ['an iss in an array', { iss: [ISSUER] }],
      ['no iss', { iss: undefined }],
      ['another aud', { aud: 'other' }],
      ['an aud in lower case', { aud: 'API' }],
      ['an array of other aud', { aud: ['other', 'more'] }],
      ['an empty array of aud', { aud: [] }],
      ['an array in an array of aud', { aud: [[AUDIENCE]] }],
      ['no aud', { aud: undefined }],
      ['an aud that is null', { aud: null }],
      ['no iat', { iat: undefined }],
      ['an iat that is null', { iat: null }],
      ['an iat that is a string', { iat: String(SECONDS) }],
      ['no exp', { exp: undefined }],
      ['an exp that is null', { exp: null }],
      ['an exp that is a string', { exp: String(SECONDS + 600) }],
      ['an nbf in the future', { nbf: SECONDS + 31 }],
      ['an nbf that is a string', { nbf: String(SECONDS) }],
    ]
    for (const [name, claims] of wrongClaims) {
      it(name, async () => {
        expect(await refusalOf(tokens.verify(rawSession({}, sessionClaims(claims))))).to.equal('claim_invalid')
      })
    }

    it('times that are not finite numbers', async () => {
      const json = JSON.stringify(sessionClaims())
      expect(await tokens.verify(rawSession({}, Buffer.from(json)))).to.have.property('instanceId')
      for (const [from, to] of [
        [/"exp":\d+/, '"exp":1e999'],
        [/"iat":\d+/, '"iat":1e999'],
        [/"iat":\d+/, '"iat":-1e999'],
      ] as const) {
        const odd = rawSession({}, Buffer.from(json.replace(from, to)))
        expect(await refusalOf(tokens.verify(odd))).to.equal('claim_invalid')
      }
    })

    const headers: Array<[string, Record<string, unknown>, string]> = [
      ['no typ', { typ: undefined }, 'claim_invalid'],
      ['the typ JWT', { typ: 'JWT' }, 'claim_invalid'],
      ['the typ of an access token', { typ: 'at+jwt' }, 'claim_invalid'],
      ['an empty typ', { typ: '' }, 'claim_invalid'],
      ['a typ in an array', { typ: ['wix-session+jwt'] }, 'claim_invalid'],
      ['a typ with a prefix', { typ: 'x-wix-session+jwt' }, 'claim_invalid'],
      ['a typ with a suffix', { typ: 'wix-session+jwt+x' }, 'claim_invalid'],
      ['crit', { crit: ['x'], x: 1 }, 'token_malformed'],
      ['an empty crit', { crit: [] }, 'token_malformed'],
      ['a crit that is null', { crit: null }, 'token_malformed'],
      ['a crit of b64', { crit: ['b64'], b64: true }, 'token_malformed'],
      ['a crit of b64, which is false', { crit: ['b64'], b64: false }, 'token_malformed'],
      ['b64', { b64: true }, 'token_malformed'],
      ['b64 that is false', { b64: false }, 'token_malformed'],
      ['zip', { zip: 'DEF' }, 'token_malformed'],
      ['no alg', { alg: undefined }, 'token_malformed'],
    ]
    for (const [name, change, code] of headers) {
      it(`a header with ${name}`, async () => {
        expect(await refusalOf(tokens.verify(rawSession(change)))).to.equal(code)
      })
    }

    const payloads: Array<[string, unknown]> = [
      ['an array', []],
      ['null', null],
      ['a string', 'string'],
      ['invalid JSON', Buffer.from('{"exp":')],
      ['empty', Buffer.alloc(0)],
      ['invalid UTF-8', Buffer.from(JSON.stringify({ ...sessionClaims(), x: '\xff' }), 'latin1')],
    ]
    for (const [name, content] of payloads) {
      it(`a payload that is ${name}`, async () => {
        expect(await refusalOf(tokens.verify(rawSession({}, content)))).to.equal('token_malformed')
      })
    }

    it('J-06: a claim that occurs twice, by its last value', async () => {
      const json = JSON.stringify(sessionClaims()).slice(0, -1)
      const twice = rawSession({}, Buffer.from(`${json},"exp":1}`))
      expect(await refusalOf(tokens.verify(twice))).to.equal('token_expired')
    })
  })

  describe('J-05', () => {
    const { iat, exp } = { iat: 1000, exp: 2000 }
    const dated = rawSession({}, sessionClaims({ iat, exp }))
    const none = { clockTolerance: 0 }
    const cases: Array<[string, number, object, string | undefined]> = [
      ['a millisecond before exp', exp - 0.001, none, undefined],
      ['at exp', exp, none, 'token_expired'],
      ['at exp, with a clockTolerance of a second', exp, { clockTolerance: 1 }, undefined],
      ['a second after exp, with a clockTolerance of a second', exp + 1, { clockTolerance: 1 }, 'token_expired'],
      ['29 seconds after exp, with the default clockTolerance of 30', exp + 29, {}, undefined],
      ['30 seconds after exp', exp + 30, {}, 'token_expired'],
      ['299 seconds after exp, with the largest clockTolerance', exp + 299, { clockTolerance: 300 }, undefined],
      ['300 seconds after exp, with the largest clockTolerance', exp + 300, { clockTolerance: 300 }, 'token_expired'],
      ['at iat', iat, none, undefined],
      ['one second before iat', iat - 1, none, 'claim_invalid'],
      ['one second before iat, with a clockTolerance of a second', iat - 1, { clockTolerance: 1 }, undefined],
      ['30 seconds before iat', iat - 30, {}, undefined],
      ['31 seconds before iat', iat - 31, {}, 'claim_invalid'],
    ]
    for (const [name, seconds, options, code] of cases) {
      it(`${code === undefined ? 'accepts a token' : `rejects a token as ${code}`} ${name}`, async () => {
        const result = sessionTokens({ now: () => seconds * 1000, ...options }).verify(dated)
        if (code === undefined) expect(await result).to.include({ instanceId: 'instance-1', iat, exp })
        else expect(await refusalOf(result)).to.equal(code)
      })
    }

    it('rejects a cached token from the moment at which it expires', async () => {
      for (const clockTolerance of [0, 30]) {
        const clock = clockAt()
        const moving = sessionTokens({ now: clock.now, clockTolerance })
        const issued = await moving.issue(verifiedInstance())
        for (const seconds of [0, 1, 598]) {
          clock.move(seconds)
          expect(await moving.verify(issued)).to.have.property('instanceId', 'instance-1')
        }
        clock.move(0.999 + clockTolerance)
        expect(await moving.verify(issued)).to.have.property('instanceId', 'instance-1')
        clock.move(0.001)
        expect(await refusalOf(moving.verify(issued))).to.equal('token_expired')
      }
    })

    it('rejects a cached token that expired long ago', async () => {
      const clock = clockAt()
      const moving = sessionTokens({ now: clock.now, clockTolerance: 0 })
      const issued = await moving.issue(verifiedInstance())
      await moving.verify(issued)
      clock.move(700)
      expect(await refusalOf(moving.verify(issued))).to.equal('token_expired')
    })
  })

  describe('the cache', () => {
    it('holds a verified token, and gives each request its own object', async () => {
      const own = sessionTokens()
      const issued = await own.issue(verifiedInstance(), { roles: ['admin'] })
      const verify = sinon.spy(crypto.subtle, 'verify')
      try {
        const sessions = await Promise.all([own.verify(issued), own.verify(issued)])
        sessions.push(await own.verify(issued))
        sinon.assert.calledOnce(verify)
        for (const session of sessions) expect(session).to.deep.equal(sessions[0])
        expect(new Set(sessions).size).to.equal(3)
        const [one] = sessions
        one.instanceId = 'changed'
        ;(one.claims['roles'] as string[]).push('owner')
        const next = await own.verify(issued)
        expect([next.instanceId, next.claims]).to.deep.equal(['instance-1', { roles: ['admin'] }])
      } finally {
        verify.restore()
      }
    })

    it('holds what was rejected, too, and is not shared between issuers', async () => {
      const verify = sinon.spy(crypto.subtle, 'verify')
      try {
        const [one, two] = [sessionTokens(), sessionTokens({ audience: 'other' })]
        const issued = await one.issue(verifiedInstance())
        expect(await one.verify(issued)).to.have.property('instanceId')
        expect(await refusalOf(two.verify(issued))).to.equal('claim_invalid')
        expect(await refusalOf(two.verify(issued))).to.equal('claim_invalid')
        sinon.assert.calledTwice(verify)
      } finally {
        verify.restore()
      }
    })
  })

  it('P-11: reads nothing from Object.prototype', async () => {
    const polluted: Record<string, unknown> = {
      instanceId: 'instance-1',
      active: true,
      ext: {},
      jti: 'x',
      subjectId: 'user-1',
      subjectType: 'USER',
      permissions: 'OWNER',
      vendorProductId: 'premium',
      ttl: 3600,
      issuer: ISSUER,
      kid: ES256.kid,
    }
    const credential = verifiedInstance({ permissions: undefined, uid: undefined })
    Object.assign(Object.prototype, polluted)
    try {
      const own = sessionTokens()
      const { claims, ...session } = await own.verify(await own.issue(credential))
      expect({ ...session }).to.include({ subjectId: null, subjectType: 'UNKNOWN', permissions: null })
      expect({ ...session }).to.include({ vendorProductId: null, exp: SECONDS + 600 })
      expect(Object.keys(claims)).to.deep.equal([])
      for (const name of ['instanceId', 'jti', 'subjectType', 'subjectId']) {
        const incomplete = rawSession({}, sessionClaims({ [name]: undefined }))
        expect(await refusalOf(own.verify(incomplete)), name).to.equal('claim_invalid')
      }
      expect(await errorOf(own.issue({} as never))).to.be.instanceOf(TypeError)
      expect(() => new SessionTokens({ keys: [ES256], audience: AUDIENCE } as never)).to.throw(TypeError)
      const { d: _d, kid: _kid, ...rest } = ES256
      expect(() => sessionTokens({ keys: [rest as never] })).to.throw(TypeError)
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('P-11: reads no clockTolerance from Object.prototype', async () => {
    Object.assign(Object.prototype, { clockTolerance: 300 })
    try {
      const late = sessionTokens({ now: () => NOW + 630_000 })
      expect(await refusalOf(late.verify(rawSession()))).to.equal('token_expired')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'clockTolerance')
    }
  })
})

describe('SessionTokens.jwks', () => {
  it('S-03: publishes the public half of every kind of key, each with kid, alg and use, and no other member', async () => {
    const keys = [ES256, EdDSA, RS256, OTHER_KEY]
    const set = await sessionTokens({ keys }).jwks()
    expect(Object.keys(set)).to.deep.equal(['keys'])
    expect(set.keys).to.have.length(4)
    for (const [at, key] of keys.entries()) {
      const members = (PUBLIC_MEMBERS[key.alg] ?? []).map((name) => [name, key[name]])
      const expected = { ...Object.fromEntries(members), kid: key.kid, alg: key.alg, use: 'sig' }
      expect(set.keys[at]).to.deep.equal(expected)
    }
    const json = JSON.stringify(set)
    for (const name of PRIVATE_MEMBERS) expect(json).to.not.include(`"${name}":`)
    for (const secret of secretsOf(...keys)) expect(json).to.not.include(secret)
    expect(new Set(set.keys.map(({ kid }) => kid)).size).to.equal(4)
  })

  it('S-03: publishes no other member of a key, such as a comment', async () => {
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

  it('publishes what plain jose can verify with', async () => {
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

  it('returns a new object each time, which the app may modify', async () => {
    const tokens = sessionTokens()
    const set = await tokens.jwks()
    const before = structuredClone(set)
    Object.assign(set.keys[0] ?? {}, { x: 'changed', more: 'added' })
    set.keys.push(set.keys[0] as never)
    expect(await tokens.jwks()).to.deep.equal(before)
  })
})

describe('the options of SessionTokens', () => {
  const base = { keys: [ES256], issuer: ISSUER, audience: AUDIENCE }

  describe('P-10', () => {
    optionsTable(
      { SessionTokens: showingNoSecretOf([ES256], (options) => new SessionTokens(options)) },
      [
        ['undefined', undefined, 'the options must be an object with `issuer` and `audience` and `keys`'],
        ['null', null, 'the options must be an object with `issuer` and `audience` and `keys`, got null'],
        [
          'a key instead of options',
          ES256,
          'unknown option `kty`; known options are clockTolerance, now, issuer, audience, keys, ttl',
        ],
        [
          'an unknown option',
          { ...base, expiresIn: 60 },
          'unknown option `expiresIn`; known options are clockTolerance, now, issuer, audience, keys, ttl',
        ],
        [
          'an issuer of an unset variable',
          { ...base, issuer: undefined },
          'option `issuer` must be a non-empty string without leading or trailing whitespace, got undefined (is an environment variable not set?)',
        ],
        [
          'an empty issuer',
          { ...base, issuer: '' },
          'option `issuer` must be a non-empty string without leading or trailing whitespace, got an empty string',
        ],
        [
          'an issuer with a trailing space',
          { ...base, issuer: `${ISSUER} ` },
          'option `issuer` must be a non-empty string without leading or trailing whitespace',
        ],
        [
          'several audiences',
          { ...base, audience: [AUDIENCE] },
          'option `audience` must be a non-empty string without leading or trailing whitespace, got an array',
        ],
        ...[0, 0.5, 0.999, -1, 3600.001, 3601, NaN, Infinity, '600', null].map((ttl): [string, unknown, string] => [
          `a ttl of ${inspect(ttl)}`,
          { ...base, ttl },
          `option \`ttl\` must be a number of seconds from 1 to 3600${ttl === null ? ', got null' : ttl === '600' ? ', got a string' : ''}`,
        ]),
        ...[-1, 301, NaN, '30'].map((clockTolerance): [string, unknown, string] => [
          `a clockTolerance of ${inspect(clockTolerance)}`,
          { ...base, clockTolerance },
          `option \`clockTolerance\` must be a number of seconds from 0 to 300${clockTolerance === '30' ? ', got a string' : ''}`,
        ]),
        ['a moment as the clock', { ...base, now: NOW }, 'option `now` must be a function, got a number'],
      ],
      { isWhole: true },
    )

    it('must not be an array', () => {
      expect(() => new SessionTokens([base] as never)).to.throw(
        TypeError,
        /^SessionTokens: the options must be an object with `issuer` and `audience` and `keys`, got an array$/,
      )
    })

    for (const name of ['issuer', 'audience'] as const) {
      it(`must not be without the ${name}`, () => {
        const { [name]: _, ...options } = base
        const message = `SessionTokens: option \`${name}\` is missing: it must be a non-empty string without leading or trailing whitespace`
        const make = (): unknown => new SessionTokens(options as never)
        expect(make).to.throw(TypeError).with.property('message', message)
      })
    }
  })

  it('may be at their limits', async () => {
    for (const options of [
      { ttl: 3600, clockTolerance: 300 },
      { ttl: 1, clockTolerance: 0 },
    ]) {
      const tokens = sessionTokens(options)
      expect(await tokens.verify(await tokens.issue(verifiedInstance()))).to.have.property('instanceId', 'instance-1')
    }
  })

  it('may have a ttl that is not an integer', async () => {
    for (const ttl of [1, 1.5, 3599.5, 3600]) {
      const tokens = sessionTokens({ ttl })
      expect(await tokens.issue(verifiedInstance()), String(ttl)).to.be.a('string')
    }
  })

  it('P-10: are copied, and so are the keys', async () => {
    const key = { ...ES256 }
    const keys = [key]
    const options = { keys, issuer: ISSUER, audience: AUDIENCE, now }
    const tokens = new SessionTokens(options)
    const token = await tokens.issue(verifiedInstance())
    Object.assign(options, { issuer: 'https://other.example', audience: 'other', ttl: 1 })
    Object.assign(key, { kid: 'other', alg: 'RS256' })
    keys.push(OTHER_KEY)
    expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
    const [header, claims] = partsOf(await tokens.issue(verifiedInstance()))
    expect(header).to.deep.equal({ alg: 'ES256', typ: 'wix-session+jwt', kid: ES256.kid })
    expect(claims).to.include({ iss: ISSUER, aud: AUDIENCE, exp: SECONDS + 600 })
    expect((await tokens.jwks()).keys).to.have.length(1)
  })
})
