import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  type IdentityRule,
  requireIdentity,
  type SessionKey,
  SessionTokens,
  verifyDigest,
  verifyServicePlugin,
  verifyWebhook,
  WixAuthError,
  type WixIdentity,
  type WixInstance,
  type WixSession,
  type WixTokenInfo,
} from '../../lib/index.ts'
import { iso, NOW, now } from '../support/build.ts'
import { APP_ID, BODY, digest, KEYS, rawJwt, refusalOf, SECONDS, servicePlugin, webhook } from '../support/jwt.ts'
import {
  accessTokenProof,
  ALGORITHMS,
  AUDIENCE,
  clockAt,
  instanceProof,
  ISSUER,
  OTHER_KEY,
  partsOf,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  signedWith,
} from '../support/session.ts'

type Proof = WixInstance | WixTokenInfo
const KEY = SESSION_KEYS.ES256
const { keys: PUBLISHED } = await sessionTokens({ keys: ALGORITHMS.map((alg) => SESSION_KEYS[alg]) }).jwks()

const withoutNothing = (claims: object): object =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))

/** What a promise is rejected with; fails the test when it is not. */
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error('fulfilled', { cause: value })
    },
    (reason: unknown) => reason,
  )

const roundTrip = async (proof: Proof, claims?: Record<string, unknown>): Promise<WixSession> => {
  const tokens = sessionTokens()
  return tokens.verify(await tokens.issue(proof, claims))
}

/** What a constructor throws. */
const thrownBy = (construct: () => unknown): unknown => {
  try {
    construct()
  } catch (error) {
    return error
  }
  throw new Error('accepted')
}

describe('a session token', () => {
  for (const alg of ALGORITHMS) {
    const key = SESSION_KEYS[alg]
    const tokens = sessionTokens({ keys: [key] })

    it(`S-01: of ${alg} holds all that the owner's instance proved, and nothing else`, async () => {
      const token = await tokens.issue(instanceProof({ metaSiteId: 'site-1', vendorProductId: 'premium' }))
      const [header, claims] = partsOf(token)
      expect(header).to.deep.equal({ alg, typ: 'wix-session+jwt', kid: key.kid })
      const { jti, ...rest } = claims
      expect(jti).to.match(/^[\w-]{22}$/)
      expect(rest).to.deep.equal({
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'USER:user-1',
        iat: SECONDS,
        exp: SECONDS + 600,
        instanceId: 'instance-1',
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: 'app-1',
        siteId: 'site-1',
        permissions: 'OWNER',
        siteOwnerId: 'user-1',
        vendorProductId: 'premium',
      })
      expect(await tokens.verify(token)).to.deep.equal({
        instanceId: 'instance-1',
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: 'app-1',
        siteId: 'site-1',
        iat: SECONDS,
        exp: SECONDS + 600,
        jti,
        permissions: 'OWNER',
        siteOwnerId: 'user-1',
        vendorProductId: 'premium',
        claims: {},
      })
    })

    it(`S-01: of ${alg} holds all that a member's access token proved, and nothing else`, async () => {
      const token = await tokens.issue(await accessTokenProof())
      const [header, { jti, ...claims }] = partsOf(token)
      expect(header).to.deep.equal({ alg, typ: 'wix-session+jwt', kid: key.kid })
      expect(claims).to.deep.equal({
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'MEMBER:member-1',
        iat: SECONDS,
        exp: SECONDS + 600,
        instanceId: 'instance-1',
        subjectType: 'MEMBER',
        subjectId: 'member-1',
        clientId: APP_ID,
        siteId: 'site-1',
        vendorProductId: 'premium',
      })
      expect(await tokens.verify(token)).to.deep.equal({
        instanceId: 'instance-1',
        subjectType: 'MEMBER',
        subjectId: 'member-1',
        clientId: APP_ID,
        siteId: 'site-1',
        iat: SECONDS,
        exp: SECONDS + 600,
        jti,
        permissions: null,
        siteOwnerId: null,
        vendorProductId: 'premium',
        claims: {},
      })
    })

    it(`of ${alg} is verified as it is, when other software has signed it`, async () => {
      const { iss: _iss, aud: _aud, sub: _sub, ...facts } = sessionClaims()
      expect(await tokens.verify(rawSession({}, sessionClaims(), key))).to.deep.equal({
        ...facts,
        siteId: null,
        vendorProductId: null,
        claims: {},
      })
    })
  }

  it('S-01: has a jti of 128 random bits, of its own each time', async () => {
    const tokens = sessionTokens()
    const proof = instanceProof()
    const ids = new Set<unknown>()
    const bits = Buffer.alloc(16)
    for (let count = 0; count < 500; count++) {
      const { jti } = partsOf(await tokens.issue(proof))[1]
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

  it('holds the subject of nobody as null, and no property for it', async () => {
    const proof = instanceProof({
      appDefId: undefined,
      uid: undefined,
      permissions: undefined,
      siteOwnerId: undefined,
      expirationDate: undefined,
    })
    const tokens = sessionTokens()
    const token = await tokens.issue(proof)
    const [, { jti, ...claims }] = partsOf(token)
    expect(claims).to.deep.equal({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: 'instance:instance-1',
      iat: SECONDS,
      exp: SECONDS + 600,
      instanceId: 'instance-1',
      subjectType: 'UNKNOWN',
    })
    expect(await tokens.verify(token)).to.deep.equal({
      instanceId: 'instance-1',
      subjectType: 'UNKNOWN',
      subjectId: null,
      clientId: null,
      siteId: null,
      iat: SECONDS,
      exp: SECONDS + 600,
      jti,
      permissions: null,
      siteOwnerId: null,
      vendorProductId: null,
      claims: {},
    })
  })

  describe('S-01: has the sub', () => {
    const subjects: Array<[sub: string, string, Proof | Promise<Proof>, string, string | null]> = [
      ['USER:user-1', 'an owner', instanceProof(), 'USER', 'user-1'],
      ['VISITOR:visitor-1', 'a visitor', instanceProof({ aid: 'visitor-1' }), 'VISITOR', 'visitor-1'],
      [
        'MEMBER:member-1',
        'a member',
        instanceProof({ permissions: undefined, siteMemberId: 'member-1' }),
        'MEMBER',
        'member-1',
      ],
      ['UNKNOWN:user-1', 'somebody', instanceProof({ permissions: undefined }), 'UNKNOWN', 'user-1'],
      ['instance:instance-1', 'nobody', instanceProof({ permissions: undefined, uid: undefined }), 'UNKNOWN', null],
      ['instance:instance-1', 'an owner without an id', instanceProof({ uid: undefined }), 'USER', null],
      ['APP:app-1', 'an app', accessTokenProof({ subjectType: 'APP', subjectId: 'app-1' }), 'APP', 'app-1'],
      [
        'instance:instance-1',
        'an app without an id',
        accessTokenProof({ subjectType: 'APP', subjectId: undefined }),
        'APP',
        null,
      ],
    ]
    for (const [sub, name, proof, subjectType, subjectId] of subjects) {
      it(`${sub} for ${name}`, async () => {
        const tokens = sessionTokens()
        const token = await tokens.issue(await proof)
        expect(partsOf(token)[1]).to.include({ sub, subjectType })
        expect(await tokens.verify(token)).to.include({ subjectType, subjectId })
      })
    }
  })

  describe('S-02: ends', () => {
    const ending = (date: string | undefined): Proof => instanceProof({ expirationDate: date })
    const cases: Array<[string, object, Proof | Promise<Proof>, number]> = [
      ['after 600 seconds', {}, ending(iso(14_400)), 600],
      ['after ttl', { ttl: 1 }, ending(iso(14_400)), 1],
      ['after the longest ttl', { ttl: 3600 }, ending(iso(14_400)), 3600],
      ['after ttl, with a proof that does not say when it ends', {}, ending(undefined), 600],
      ['after ttl, with a proof that ends later by a second', {}, ending(iso(601)), 600],
      ['with both', {}, ending(iso(600)), 600],
      ['with the proof, a second before ttl', {}, ending(iso(599)), 599],
      ['with the proof, in a second', {}, ending(iso(1)), 1],
      ['with the second in which the proof ends', {}, ending(iso(1.9)), 1],
      ['with an access token', { ttl: 3600 }, accessTokenProof({ exp: SECONDS + 10 }), 10],
      ['with an access token that ends in the middle of a second', {}, accessTokenProof({ exp: SECONDS + 10.7 }), 10],
    ]
    for (const [name, options, proof, life] of cases) {
      it(name, async () => {
        const tokens = sessionTokens(options)
        const session = await tokens.verify(await tokens.issue(await proof))
        expect([session.iat, session.exp]).to.deep.equal([SECONDS, SECONDS + life])
      })
    }

    it('counted from the second in which it was issued', async () => {
      const tokens = sessionTokens({ now: () => NOW + 999 })
      expect(await tokens.verify(await tokens.issue(instanceProof()))).to.include({ iat: SECONDS, exp: SECONDS + 600 })
    })

    it('by Date.now when no other clock is given', async () => {
      const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
      try {
        const tokens = new SessionTokens({ keys: [KEY], issuer: ISSUER, audience: AUDIENCE })
        const token = await tokens.issue(instanceProof())
        expect(await tokens.verify(token)).to.include({ iat: SECONDS, exp: SECONDS + 600 })
        clock.setSystemTime(NOW + 630_000)
        expect(await refusalOf(tokens.verify(token))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
    })

    const ended: Array<[string, Proof]> = [
      ['at this moment', ending(iso(0))],
      ['within this second', ending(iso(0.9))],
      ['a moment ago, though its strategy still takes it', ending(iso(-29))],
    ]
    for (const [name, proof] of ended) {
      it(`before it begins, for a proof that ends ${name}: token_expired`, async () => {
        expect(await refusalOf(sessionTokens().issue(proof))).to.equal('token_expired')
      })
    }

    it('before it begins, for an access token that has ended since: token_expired', async () => {
      const proof = await accessTokenProof({ exp: SECONDS + 10 })
      const at = (seconds: number): Promise<string> => sessionTokens({ now: () => NOW + seconds * 1000 }).issue(proof)
      expect(await at(9.999)).to.be.a('string')
      expect(await refusalOf(at(10))).to.equal('token_expired')
    })
  })

  describe('S-02: is issued for', () => {
    const session = roundTrip(instanceProof())
    const options = { publicKey: KEYS.publicKey, now }
    const webhookEvent = verifyWebhook(webhook(), options)
    const pluginRequest = verifyServicePlugin(servicePlugin(), { ...options, appId: APP_ID })
    const withMore = async (identity: object | Promise<object>, more: object): Promise<object> => ({
      ...(await identity),
      ...more,
    })
    const others: Array<[string, unknown]> = [
      ['a session', session],
      ['a session that says it is a token info', withMore(session, { active: true })],
      ['a session that says it is an instance', withMore(session, { ext: {} })],
      ['a session with claims of either', roundTrip(instanceProof(), { active: true, ext: {} })],
      ['a webhook event', webhookEvent],
      ['a webhook event with a property active', withMore(webhookEvent, { active: true })],
      [
        'a webhook event whose payload names what an instance has',
        verifyWebhook(webhook({ ext: {}, active: true }), options),
      ],
      ['a service plugin request', pluginRequest],
      ['a service plugin request with a property active', withMore(pluginRequest, { active: true })],
      ['a Digest', verifyDigest(digest(), BODY, options)],
      ['a plain object', { instanceId: 'instance-1' }],
      ['a plain object of all the common fields', withMore(session, { jti: undefined })],
      ['a token info that is not active', withMore(accessTokenProof(), { active: false })],
      ['a token info that says so in a text', withMore(accessTokenProof(), { active: 'true' })],
      ['an instance that somebody inherits', Object.create(instanceProof())],
      ['an instance without instanceId', { ...instanceProof(), instanceId: undefined }],
      ['an instance of an empty instanceId', { ...instanceProof(), instanceId: '' }],
      ['an instance of a list', [instanceProof()]],
      ['an instanceId', 'instance-1'],
      ['a function', () => instanceProof()],
      ['true', true],
      ['null', null],
      ['nothing', undefined],
    ]
    for (const [name, identity] of others) {
      it(`an instance or an access token, and never for ${name}`, async () => {
        const error = await reasonOf(sessionTokens().issue((await identity) as never))
        expect(error).to.be.instanceOf(TypeError)
        expect((error as Error).message).to.equal(
          'SessionTokens: issue() takes what WixAppStrategy or WixAccessTokenStrategy has verified: identityOf(req) after one of them',
        )
      })
    }

    it('an access token or an instance, whatever Wix may add to them one day', async () => {
      const added = { jti: 'x', metadata: {}, eventType: 'x' }
      expect(await roundTrip(await accessTokenProof(added))).to.include({ instanceId: 'instance-1' })
      expect(await roundTrip(instanceProof(added))).to.include({ instanceId: 'instance-1' })
    })

    it('an instance that has been through JSON, as a session store keeps it', async () => {
      const proof = JSON.parse(JSON.stringify(instanceProof())) as WixInstance
      expect(await roundTrip(proof)).to.include({ instanceId: 'instance-1', subjectId: 'user-1' })
    })
  })

  describe('with claims of the app', () => {
    it('tells them in `claims`, and keeps them apart from what Wix proved', async () => {
      const claims = { plan: 'gold', roles: ['admin', 'café'], nested: { deep: [1, null, true] }, email: 'a@b.example' }
      const session = await roundTrip(instanceProof(), claims)
      expect(session.claims).to.deep.equal(claims)
      expect(session).to.have.all.keys(
        'instanceId',
        'subjectType',
        'subjectId',
        'clientId',
        'siteId',
        'iat',
        'exp',
        'jti',
        'permissions',
        'siteOwnerId',
        'vendorProductId',
        'claims',
      )
    })

    const registered = [
      'iss',
      'sub',
      'aud',
      'exp',
      'nbf',
      'iat',
      'jti',
      'instanceId',
      'subjectType',
      'subjectId',
      'clientId',
      'siteId',
      'permissions',
      'siteOwnerId',
      'vendorProductId',
      // They could change an object that the claims are copied to.
      '__proto__',
      'constructor',
      'prototype',
    ]
    for (const name of registered) {
      it(`S-01: is not issued with a claim ${name}, whatever it says`, async () => {
        for (const value of ['x', null, undefined, 0]) {
          const claims = Object.fromEntries([
            ['plan', 'gold'],
            [name, value],
          ])
          const error = await reasonOf(sessionTokens().issue(instanceProof(), claims))
          expect(error).to.be.instanceOf(TypeError)
          expect((error as Error).message).to.equal(`SessionTokens: \`${name}\` cannot be a claim of the app`)
        }
      })
    }

    it('I-11: drops __proto__, constructor and prototype, when it is verified', async () => {
      const json = JSON.stringify(withoutNothing(sessionClaims())).slice(0, -1)
      const signed = Buffer.from(`${json},"plan":"gold","__proto__":{"isAdmin":true},"constructor":1,"prototype":2}`)
      const { claims } = await sessionTokens().verify(rawSession({}, signed))
      expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['plan'])
      expect(Object.assign({}, claims)).to.not.have.property('isAdmin')
      expect(Object.getPrototypeOf(claims)).to.equal(Object.prototype)
    })

    it('does not change what it was given', async () => {
      const claims = Object.freeze({ plan: 'gold' })
      const proof = Object.freeze(instanceProof())
      expect((await roundTrip(proof, claims)).claims).to.deep.equal({ plan: 'gold' })
      expect(claims).to.deep.equal({ plan: 'gold' })
    })

    it('is issued up to the length that is verified, and not a character over it', async () => {
      const tokens = sessionTokens()
      const proof = instanceProof()
      const issue = (length: number): Promise<string> => tokens.issue(proof, { x: 'x'.repeat(length) })
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
      expect(await reasonOf(issue(1_000_000))).to.be.instanceOf(TypeError)
    })

    for (const claims of [['a'], 'text', 7, null, new Map([['a', 1]]), new Date(0), () => 1] as unknown[]) {
      it(`is not issued with ${inspect(claims)} in place of claims: a TypeError`, async () => {
        const error = await reasonOf(sessionTokens().issue(instanceProof(), claims as Record<string, unknown>))
        expect(error)
          .to.be.instanceOf(TypeError)
          .and.to.have.property('message', 'SessionTokens: claims must be an object of plain values')
      })
    }

    const impossible: Array<[string, unknown]> = [
      ['a BigInt', 1n],
      ['a function', () => 1],
      ['a symbol', Symbol('x')],
    ]
    for (const [name, value] of impossible) {
      it(`is not issued with ${name}, which JSON cannot say: a TypeError`, async () => {
        expect(await reasonOf(sessionTokens().issue(instanceProof(), { value }))).to.be.instanceOf(TypeError)
      })
    }
  })

  it('S-02: is refused when it would live longer than any issuer lets it', async () => {
    const verify = (exp: number): Promise<unknown> =>
      refusalOf(sessionTokens().verify(rawSession({}, sessionClaims({ exp }))))
    expect(await verify(SECONDS + 3601)).to.equal('claim_invalid')
    expect(await verify(1e306)).to.equal('claim_invalid')
    expect(await sessionTokens().verify(rawSession({}, sessionClaims({ exp: SECONDS + 3600 })))).to.have.property('jti')
  })

  describe('under requireIdentity', () => {
    const proofs: Record<string, Proof | Promise<Proof>> = {
      'the owner of the site': instanceProof({ vendorProductId: 'premium' }),
      'a collaborator': instanceProof({ uid: 'user-2' }),
      'an owner among others': instanceProof({ permissions: 'OWNER,EDITOR' }),
      'a visitor with the permissions of an owner': instanceProof({ aid: 'visitor-1', vendorProductId: 'premium' }),
      'a member': instanceProof({ permissions: undefined, siteMemberId: 'member-1', vendorProductId: 'basic' }),
      nobody: instanceProof({ permissions: undefined, uid: undefined }),
      'a member with an access token': accessTokenProof(),
      'a user with an access token': accessTokenProof({ subjectType: 'USER', subjectId: 'user-1' }),
    }
    const rules: Array<[string, IdentityRule, string[]]> = [
      [
        'USER',
        { subjectType: 'USER' },
        ['the owner of the site', 'a collaborator', 'an owner among others', 'a user with an access token'],
      ],
      ['VISITOR', { subjectType: 'VISITOR' }, ['a visitor with the permissions of an owner']],
      ['MEMBER', { subjectType: 'MEMBER' }, ['a member', 'a member with an access token']],
      ['OWNER', { permissions: 'OWNER' }, ['the owner of the site', 'a collaborator', 'an owner among others']],
      ['the owner of the site', { siteOwner: true }, ['the owner of the site', 'an owner among others']],
      [
        'a plan',
        { vendorProductId: ['premium', 'gold'] },
        [
          'the owner of the site',
          'a visitor with the permissions of an owner',
          'a member with an access token',
          'a user with an access token',
        ],
      ],
      ['a plan of an owner', { permissions: 'OWNER', vendorProductId: 'premium' }, ['the owner of the site']],
    ]
    const passes = (rule: IdentityRule, identity: WixIdentity): boolean => {
      const next = sinon.fake()
      requireIdentity(rule)({ authInfo: { identity } }, {}, next)
      const [reason] = next.firstCall.args as [unknown]
      if (reason !== undefined) expect(reason).to.have.property('code', 'insufficient_scope')
      return reason === undefined
    }
    for (const [name, rule, welcome] of rules) {
      it(`for ${name} lets in whom the proof itself lets in`, async () => {
        const found = { proof: [] as string[], session: [] as string[] }
        for (const [who, promise] of Object.entries(proofs)) {
          const proof = await promise
          if (passes(rule, proof)) found.proof.push(who)
          if (passes(rule, await roundTrip(proof))) found.session.push(who)
        }
        expect(found).to.deep.equal({ proof: welcome, session: welcome })
      })
    }
  })
})

describe('SessionTokens.verify', () => {
  const tokens = sessionTokens({ keys: ALGORITHMS.map((alg) => SESSION_KEYS[alg]) })
  const token = rawSession()
  const [header = '', payload = '', signature = ''] = token.split('.')

  it('accepts what the refusals below are made from', async () => {
    for (const alg of ALGORITHMS) {
      const genuine = rawSession({}, sessionClaims(), SESSION_KEYS[alg])
      expect(await tokens.verify(genuine)).to.include({ instanceId: 'instance-1', subjectId: 'user-1' })
    }
  })

  it('accepts its type in any case, and in full (RFC 7515 section 4.1.9)', async () => {
    for (const typ of ['WIX-SESSION+JWT', 'application/wix-session+jwt']) {
      expect(await tokens.verify(rawSession({ typ }))).to.include({ instanceId: 'instance-1' })
    }
  })

  describe('J-01: refuses', () => {
    const hmac =
      (key: string | Buffer, hash = 'sha256') =>
      (data: Buffer): Buffer =>
        createHmac(hash, key).update(data).digest()
    const forged = (alg: string, signer: (data: Buffer) => Buffer, key: SessionKey = KEY): string =>
      rawJwt({ alg, typ: 'wix-session+jwt', kid: key.kid }, sessionClaims(), signer)
    const publicForms = (key: SessionKey): Array<[string, string | Buffer]> => {
      const jwk = PUBLISHED.find(({ kid }) => kid === key.kid) ?? {}
      const spki = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
      const pem = spki.export({ type: 'spki', format: 'pem' }).toString()
      const der = spki.export({ type: 'spki', format: 'der' })
      return [
        ['the PEM', pem],
        ['the PEM, trimmed', pem.trim()],
        ['the PEM with CRLF', pem.replaceAll('\n', '\r\n')],
        ['the DER', der],
        ['the DER in base64', der.toString('base64')],
        ['the JWK', JSON.stringify(jwk)],
        ['the bare JWK', JSON.stringify(spki.export({ format: 'jwk' }))],
        ['the x of the JWK', String((jwk as { x?: string; n?: string }).x ?? (jwk as { n?: string }).n)],
        ['nothing', ''],
      ]
    }
    const others: Array<[string, string]> = [
      ['no algorithm', forged('none', () => Buffer.alloc(0))],
      ['no algorithm, in capitals', forged('NONE', () => Buffer.alloc(0))],
      ['no algorithm, with a right signature', forged('none', signedWith(KEY))],
      ['an algorithm that nobody knows', forged('ES256K', signedWith(KEY))],
      ['ES256 by its other name', forged('es256', signedWith(KEY))],
      ['the key of another issuer, under its own kid', rawSession({}, sessionClaims(), OTHER_KEY)],
      ['the key of another issuer, under our kid', rawSession({ kid: KEY.kid }, sessionClaims(), OTHER_KEY)],
      ['our key under the kid of another of ours', rawSession({ kid: SESSION_KEYS.EdDSA.kid })],
      ['our key under the kid and the alg of another', forged('RS256', signedWith(KEY), SESSION_KEYS.RS256)],
      ['our RSA key with PS256', forged('PS256', signedWith(SESSION_KEYS.RS256), SESSION_KEYS.RS256)],
      ['our RSA key with RS512', forged('RS512', signedWith(SESSION_KEYS.RS256), SESSION_KEYS.RS256)],
      ['an unknown kid', rawSession({ kid: 'unknown' })],
      ['an empty kid', rawSession({ kid: '' })],
      ['no kid', rawSession({ kid: undefined })],
      ['a kid that is a number', rawSession({ kid: 0 })],
      ['a kid in a list', rawSession({ kid: [KEY.kid] })],
      ['a kid that is a path', rawSession({ kid: '../../dev/null' })],
      ['a kid of every object', rawSession({ kid: '__proto__' })],
    ]
    for (const alg of ALGORITHMS) {
      for (const [form, secret] of publicForms(SESSION_KEYS[alg])) {
        others.push([`HS256 with ${form} of our ${alg} key`, forged('HS256', hmac(secret), SESSION_KEYS[alg])])
      }
    }
    others.push(['HS512 with the PEM', forged('HS512', hmac(publicForms(KEY)[0]?.[1] ?? '', 'sha512'))])
    for (const [name, text] of others) {
      it(name, async () => {
        expect(await refusalOf(tokens.verify(text))).to.equal('signature_invalid')
      })
    }

    it('keys that the header brings along, and does not fetch them', async () => {
      const jwk = createPublicKey({ key: OTHER_KEY as JsonWebKey, format: 'jwk' }).export({ format: 'jwk' })
      const fetch = sinon.stub(globalThis, 'fetch').rejects(new Error('fetched'))
      try {
        for (const source of [
          { jwk },
          { jku: 'http://127.0.0.1:1/' },
          { x5u: 'http://127.0.0.1:1/' },
          { x5c: ['AA'] },
        ]) {
          for (const kid of [KEY.kid, OTHER_KEY.kid]) {
            const text = rawSession({ ...source, kid }, sessionClaims(), OTHER_KEY)
            expect(await refusalOf(tokens.verify(text))).to.equal('signature_invalid')
          }
        }
        sinon.assert.notCalled(fetch)
      } finally {
        fetch.restore()
      }
    })

    it('a token of another issuer that has the same name and another key', async () => {
      const other = sessionTokens({ keys: [OTHER_KEY] })
      const foreign = await other.issue(instanceProof())
      expect(await other.verify(foreign)).to.have.property('instanceId', 'instance-1')
      expect(await refusalOf(tokens.verify(foreign))).to.equal('signature_invalid')
      expect(await refusalOf(other.verify(token))).to.equal('signature_invalid')
    })

    for (const alg of ALGORITHMS) {
      it(`${alg} with any bit of the signature flipped, or cut, or longer`, async () => {
        const key = SESSION_KEYS[alg]
        const good = rawSession({}, sessionClaims(), key)
        const dot = good.lastIndexOf('.')
        const bytes = Buffer.from(good.slice(dot + 1), 'base64url')
        const put = (changed: Buffer): string => `${good.slice(0, dot)}.${changed.toString('base64url')}`
        expect(put(bytes)).to.equal(good)
        // Each bit of every byte of the short ones, of some of the long one.
        for (let bit = 0; bit < bytes.length * 8; bit += alg === 'RS256' ? 13 : 1) {
          const flipped = Buffer.from(bytes)
          flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
          expect(await refusalOf(tokens.verify(put(flipped))), `bit ${bit}`).to.equal('signature_invalid')
        }
        for (const length of [0, 1, 32, bytes.length - 1]) {
          expect(await refusalOf(tokens.verify(put(bytes.subarray(0, length))))).to.equal('signature_invalid')
        }
        for (const other of [
          Buffer.concat([bytes, Buffer.alloc(1)]),
          Buffer.alloc(bytes.length),
          Buffer.alloc(bytes.length, 255),
        ]) {
          expect(await refusalOf(tokens.verify(put(other)))).to.equal('signature_invalid')
        }
      })
    }

    it('a signature of ES256 in its other form, DER', async () => {
      const { createPrivateKey, sign } = await import('node:crypto')
      const privateKey = createPrivateKey({ key: KEY as JsonWebKey, format: 'jwk' })
      expect(await refusalOf(tokens.verify(forged('ES256', (data) => sign('sha256', data, privateKey))))).to.equal(
        'signature_invalid',
      )
    })

    it('a payload or a header that was changed after it was signed', async () => {
      for (const claims of [
        { sub: 'USER:user-2', subjectId: 'user-2' },
        { instanceId: 'instance-2' },
        { exp: SECONDS + 601 },
        { permissions: undefined },
        { jti: 'B' },
        { roles: ['admin'] },
      ]) {
        const [, changed = ''] = rawSession({}, sessionClaims(claims)).split('.')
        expect(await refusalOf(tokens.verify(`${header}.${changed}.${signature}`))).to.equal('signature_invalid')
      }
      const [changed = ''] = rawSession({ x: 1 }).split('.')
      expect(await refusalOf(tokens.verify(`${changed}.${payload}.${signature}`))).to.equal('signature_invalid')
      const bytes = Buffer.from(payload, 'base64url')
      for (let at = 0; at < bytes.length; at += 7) {
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
        const text = `${header}.${flipped.toString('base64url')}.${signature}`
        expect(await refusalOf(tokens.verify(text)), `byte ${at}`).to.equal('signature_invalid')
      }
    })
  })

  describe('S-01: refuses, though our key signed it,', () => {
    const claimsOf: Array<[string, Record<string, unknown>, string?]> = [
      ['another iss', { iss: 'https://other.example' }],
      ['an iss with a slash after it', { iss: `${ISSUER}/` }],
      ['an iss in a list', { iss: [ISSUER] }],
      ['no iss', { iss: undefined }],
      ['another aud', { aud: 'other' }],
      ['an aud in other letters', { aud: 'API' }],
      ['a list of other aud', { aud: ['other', 'more'] }],
      ['an empty list of aud', { aud: [] }],
      ['a list in a list of aud', { aud: [[AUDIENCE]] }],
      ['no aud', { aud: undefined }],
      ['an aud that is null', { aud: null }],
      ['no sub', { sub: undefined }],
      ['an empty sub', { sub: '' }],
      ['a sub that is no text', { sub: ['USER:user-1'] }],
      ['the sub of another subject', { sub: 'USER:user-2' }],
      ['the sub of another type', { sub: 'MEMBER:user-1' }],
      ['the sub of the instance beside a subject', { sub: 'instance:instance-1' }],
      ['the bare sub', { sub: 'user-1' }],
      ['the sub of a subject without one', { subjectId: undefined }],
      ['the sub of another instance', { subjectId: undefined, sub: 'instance:instance-2' }],
      ['a subjectId that is no text', { subjectId: ['user-1'] }],
      ['no jti', { jti: undefined }],
      ['an empty jti', { jti: '' }],
      ['a jti that is a number', { jti: 7 }],
      ['no iat', { iat: undefined }],
      ['an iat that is null', { iat: null }],
      ['an iat in a text', { iat: String(SECONDS) }],
      ['no exp', { exp: undefined }],
      ['an exp that is null', { exp: null }],
      ['an exp in a text', { exp: String(SECONDS + 600) }],
      ['no instanceId', { instanceId: undefined }],
      ['an empty instanceId', { instanceId: '' }],
      ['an instanceId in a list', { instanceId: ['instance-1'] }],
      ['no subjectType', { subjectType: undefined, sub: 'undefined:user-1' }],
      ['an unknown subjectType', { subjectType: 'ADMIN', sub: 'ADMIN:user-1' }],
      ['a subjectType in other letters', { subjectType: 'user', sub: 'user:user-1' }],
      ['a subjectType in a list', { subjectType: ['USER'] }],
      ['a subjectType of every object', { subjectType: 'constructor', sub: 'constructor:user-1' }],
      ['an nbf to come', { nbf: SECONDS + 31 }],
      ['an nbf in a text', { nbf: String(SECONDS) }],
    ]
    for (const [name, claims] of claimsOf) {
      it(name, async () => {
        expect(await refusalOf(tokens.verify(rawSession({}, sessionClaims(claims))))).to.equal('claim_invalid')
      })
    }

    it('times that are no finite numbers', async () => {
      const json = JSON.stringify(withoutNothing(sessionClaims()))
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
      ['a typ in a list', { typ: ['wix-session+jwt'] }, 'claim_invalid'],
      ['a typ with more before it', { typ: 'x-wix-session+jwt' }, 'claim_invalid'],
      ['a typ with more after it', { typ: 'wix-session+jwt+x' }, 'claim_invalid'],
      ['crit', { crit: ['x'], x: 1 }, 'token_malformed'],
      ['an empty crit', { crit: [] }, 'token_malformed'],
      ['a crit that is null', { crit: null }, 'token_malformed'],
      ['a crit of b64', { crit: ['b64'], b64: true }, 'token_malformed'],
      ['a crit of b64 that is off', { crit: ['b64'], b64: false }, 'token_malformed'],
      ['b64', { b64: true }, 'token_malformed'],
      ['b64 that is off', { b64: false }, 'token_malformed'],
      ['zip', { zip: 'DEF' }, 'token_malformed'],
      ['no alg', { alg: undefined }, 'token_malformed'],
    ]
    for (const [name, change, code] of headers) {
      it(`a header with ${name}`, async () => {
        expect(await refusalOf(tokens.verify(rawSession(change)))).to.equal(code)
      })
    }

    const payloads: Array<[string, unknown]> = [
      ['a list', []],
      ['null', null],
      ['a text', 'text'],
      ['no JSON', Buffer.from('{"exp":')],
      ['nothing', Buffer.alloc(0)],
      ['no UTF-8', Buffer.from(JSON.stringify({ ...sessionClaims(), x: '\xff' }), 'latin1')],
    ]
    for (const [name, content] of payloads) {
      it(`a payload that is ${name}`, async () => {
        expect(await refusalOf(tokens.verify(rawSession({}, content)))).to.equal('token_malformed')
      })
    }

    it('J-06: of a claim that is there twice, what the last one says', async () => {
      const json = JSON.stringify(withoutNothing(sessionClaims())).slice(0, -1)
      const twice = rawSession({}, Buffer.from(`${json},"exp":1}`))
      expect(await refusalOf(tokens.verify(twice))).to.equal('token_expired')
    })
  })

  describe('J-04: refuses another spelling:', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    /** The last character with a bit set that means nothing. */
    const unused = (part: string): string =>
      part.slice(0, -1) + (alphabet[alphabet.indexOf(part.at(-1) ?? '') ^ 1] ?? '')
    const odd = [header, payload, signature].findIndex((part) => part.length % 4 !== 0)
    const texts: Array<[string, string]> = [
      ['one part', header],
      ['two parts', `${header}.${payload}`],
      ['four parts', `${token}.`],
      ['five parts', `${token}.a.b`],
      ['only dots', '..'],
      ['nothing', ''],
      ['no header', `.${payload}.${signature}`],
      ['no payload', `${header}..${signature}`],
      ['padding of the signature', `${token}==`],
      ['padding of the payload', `${header}.${payload}=.${signature}`],
      ['a line end after it', `${token}\n`],
      ['a space before it', ` ${token}`],
      ['white space in it', `${header}.${payload.slice(0, 8)} ${payload.slice(8)}.${signature}`],
      ['a NUL after it', `${token}\0`],
      ['a byte order mark before it', `\uFEFF${token}`],
      ['a Bearer scheme', `Bearer ${token}`],
      ['quotes around it', `"${token}"`],
      ['the other alphabet', `${header}.${payload}.${signature.slice(0, 20)}+/${signature.slice(22)}`],
      ['a letter that is none', `${header}.${payload}.${signature.slice(0, -1)}е`],
      ['bits of the signature that mean nothing', `${header}.${payload}.${unused(signature)}`],
      [
        'bits of a part that mean nothing',
        [header, payload, signature].map((part, at) => (at === odd ? unused(part) : part)).join('.'),
      ],
    ]
    for (const [name, text] of texts) {
      it(name, async () => {
        expect(text).to.not.equal(token)
        // What holds no signature at all gets as far as that.
        const codes =
          name === 'only dots' || name.startsWith('no ')
            ? ['token_malformed', 'signature_invalid']
            : ['token_malformed']
        expect(await refusalOf(tokens.verify(text))).to.be.oneOf(codes)
      })
    }

    it('what is no text, as a request that nobody understands', async () => {
      for (const value of [undefined, null, 7, true, [token], { token }, Buffer.from(token), Object(token)]) {
        const error = await reasonOf(tokens.verify(value as never))
        expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code: 'request_invalid', status: 400 })
      }
    })

    it('more than 8192 characters, before anything is decoded', async () => {
      const padded = (headerSize: number, size: number): string =>
        rawSession({ x: 'x'.repeat(headerSize) }, sessionClaims({ x: 'x'.repeat(size) }))
      const texts = new Map<number, string>()
      const size = Math.floor(((8192 - token.length) * 3) / 4) - 20
      for (let headerSize = 0; headerSize < 4; headerSize++) {
        for (let more = 0; more < 20; more++) {
          const text = padded(headerSize, size + more)
          texts.set(text.length, text)
        }
      }
      expect(await tokens.verify(texts.get(8192) ?? '')).to.have.property('instanceId', 'instance-1')
      const parse = sinon.spy(JSON, 'parse')
      try {
        expect(await refusalOf(tokens.verify(texts.get(8193) ?? ''))).to.equal('token_malformed')
        expect(await refusalOf(tokens.verify('a'.repeat(10_000_000)))).to.equal('token_malformed')
        expect(await refusalOf(tokens.verify('.'.repeat(10_000_000)))).to.equal('token_malformed')
        sinon.assert.notCalled(parse)
      } finally {
        parse.restore()
      }
    })

    it('a header of more than 2048 characters', async () => {
      expect(await tokens.verify(rawSession({ x: 'x'.repeat(1400) }))).to.have.property('instanceId')
      expect(await refusalOf(tokens.verify(rawSession({ x: 'x'.repeat(1600) })))).to.equal('token_malformed')
    })
  })

  describe('J-05: at a time', () => {
    const { iat, exp } = { iat: 1000, exp: 2000 }
    const dated = rawSession({}, sessionClaims({ iat, exp }))
    const none = { clockTolerance: 0 }
    const cases: Array<[string, number, object, string | undefined]> = [
      ['a millisecond before exp', exp - 0.001, none, undefined],
      ['at exp', exp, none, 'token_expired'],
      ['at exp, with a tolerance of a second', exp, { clockTolerance: 1 }, undefined],
      ['a second after exp, with a tolerance of a second', exp + 1, { clockTolerance: 1 }, 'token_expired'],
      ['29 seconds after exp, as the tolerance is 30', exp + 29, {}, undefined],
      ['30 seconds after exp', exp + 30, {}, 'token_expired'],
      ['299 seconds after exp, with the largest tolerance', exp + 299, { clockTolerance: 300 }, undefined],
      ['300 seconds after exp, with the largest tolerance', exp + 300, { clockTolerance: 300 }, 'token_expired'],
      ['at iat', iat, none, undefined],
      ['one second before iat', iat - 1, none, 'claim_invalid'],
      ['one second before iat, with a tolerance of a second', iat - 1, { clockTolerance: 1 }, undefined],
      ['30 seconds before iat', iat - 30, {}, undefined],
      ['31 seconds before iat', iat - 31, {}, 'claim_invalid'],
    ]
    for (const [name, seconds, options, code] of cases) {
      it(`${name}, a token is ${code ?? 'accepted'}`, async () => {
        const verdict = sessionTokens({ now: () => seconds * 1000, ...options }).verify(dated)
        if (code === undefined) expect(await verdict).to.include({ instanceId: 'instance-1', iat, exp })
        else expect(await refusalOf(verdict)).to.equal(code)
      })
    }

    it('that goes by, a remembered token ends when a new one would', async () => {
      for (const clockTolerance of [0, 30]) {
        const clock = clockAt()
        const moving = sessionTokens({ now: clock.now, clockTolerance })
        const issued = await moving.issue(instanceProof())
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

    it('that was set back, a remembered token is not prolonged', async () => {
      const clock = clockAt()
      const moving = sessionTokens({ now: clock.now, clockTolerance: 0 })
      const issued = await moving.issue(instanceProof())
      await moving.verify(issued)
      clock.move(700)
      expect(await refusalOf(moving.verify(issued))).to.equal('token_expired')
    })
  })

  describe('decision 7:', () => {
    it('verifies a signature once, and gives each request an object of its own', async () => {
      const own = sessionTokens()
      const issued = await own.issue(instanceProof(), { roles: ['admin'] })
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

    it('refuses again what it has refused, without a second look, and what it remembers is of one issuer alone', async () => {
      const verify = sinon.spy(crypto.subtle, 'verify')
      try {
        const [one, two] = [sessionTokens(), sessionTokens({ audience: 'other' })]
        const issued = await one.issue(instanceProof())
        expect(await one.verify(issued)).to.have.property('instanceId')
        expect(await refusalOf(two.verify(issued))).to.equal('claim_invalid')
        expect(await refusalOf(two.verify(issued))).to.equal('claim_invalid')
        sinon.assert.calledTwice(verify)
      } finally {
        verify.restore()
      }
    })
  })

  it('P-11: reads nothing that is on Object.prototype', async () => {
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
      kid: KEY.kid,
    }
    const proof = instanceProof({ permissions: undefined, uid: undefined })
    Object.assign(Object.prototype, polluted)
    try {
      const own = sessionTokens()
      const { claims, ...session } = await own.verify(await own.issue(proof))
      expect({ ...session }).to.include({ subjectId: null, subjectType: 'UNKNOWN', permissions: null })
      expect({ ...session }).to.include({ vendorProductId: null, exp: SECONDS + 600 })
      expect(Object.keys(claims)).to.deep.equal([])
      for (const name of ['instanceId', 'jti', 'subjectType', 'subjectId']) {
        const text = rawSession({}, sessionClaims({ [name]: undefined }))
        expect(await refusalOf(own.verify(text)), name).to.equal('claim_invalid')
      }
      expect(await reasonOf(own.issue({} as never))).to.be.instanceOf(TypeError)
      expect(thrownBy(() => new SessionTokens({ keys: [KEY], audience: AUDIENCE } as never))).to.be.instanceOf(
        TypeError,
      )
      const { d: _d, kid: _kid, ...rest } = KEY
      expect(thrownBy(() => sessionTokens({ keys: [rest as never] }))).to.be.instanceOf(TypeError)
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('P-11: takes no clock tolerance from Object.prototype', async () => {
    Object.assign(Object.prototype, { clockTolerance: 300 })
    try {
      const late = sessionTokens({ now: () => NOW + 630_000 })
      expect(await refusalOf(late.verify(rawSession()))).to.equal('token_expired')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'clockTolerance')
    }
  })

  it('E-01: leaves nothing of a token in any refusal', async () => {
    const canary = 'canary-91b2'
    const texts = [
      rawSession({}, sessionClaims({ instanceId: canary, exp: 1 })),
      rawSession({}, sessionClaims({ instanceId: canary, iat: SECONDS + 1000 })),
      rawSession({}, sessionClaims({ instanceId: canary, iss: canary })),
      rawSession({}, sessionClaims({ instanceId: canary, aud: canary })),
      rawSession({}, sessionClaims({ subjectType: canary })),
      rawSession({}, sessionClaims({ sub: canary })),
      rawSession({}, sessionClaims({ exp: canary })),
      rawSession({ typ: canary }),
      rawSession({ kid: canary }),
      rawSession({ alg: canary }),
      rawSession({ crit: [canary], [canary]: 1 }),
      rawSession({ kid: KEY.kid }, sessionClaims({ jti: canary }), OTHER_KEY),
      rawSession({}, Buffer.from(`{"${canary}`)),
      `${canary}.${canary}.${canary}`,
      `${token}${canary}`,
      canary.repeat(1000),
    ]
    for (const text of texts) {
      const reason = await reasonOf(tokens.verify(text))
      expect(reason).to.be.instanceOf(WixAuthError)
      const shown = inspect([reason, (reason as Error).stack], { depth: 9, showHidden: true })
      expect(shown).to.not.include(canary)
      expect(shown).to.not.include(text.slice(0, 20))
      expect(shown).to.not.include(Buffer.from(canary).toString('base64url'))
    }
  })
})

describe('the options of SessionTokens', () => {
  const base = { keys: [KEY], issuer: ISSUER, audience: AUDIENCE }
  const jwkOf = (pair: { privateKey: { export(options: { format: 'jwk' }): object } }, more: object): SessionKey =>
    ({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'k', ...more }) as unknown as SessionKey
  const rsa = (modulusLength: number): SessionKey =>
    jwkOf(generateKeyPairSync('rsa', { modulusLength }), { alg: 'RS256' })
  const { d: _d, ...publicOnly } = KEY
  const { n } = SESSION_KEYS.RS256
  const everybodys = { kty: 'RSA', n, e: 'AQ', kid: 'e', alg: 'RS256' }
  const { kid: _kid, ...nameless } = KEY
  const short = rsa(1024)
  const p384 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }), { alg: 'ES256' })
  const secp256k1 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }), { alg: 'ES256' })
  const ed448 = jwkOf(generateKeyPairSync('ed448'), { alg: 'EdDSA' })
  const x25519 = jwkOf(generateKeyPairSync('x25519'), { alg: 'EdDSA' })
  const oct = { kty: 'oct', k: Buffer.from('canary-of-an-hmac-secret').toString('base64url'), kid: 'k' }
  const keyList = 'SessionTokens: option `keys` must be an array of keys from generateSessionKey()'
  const cannotBeRead = `${keyList}, one of them cannot be read`
  const noKeyForAlg = `${keyList}, one of them is not a key for its \`alg\``
  const notAllowed = `${keyList}, one of them has an \`alg\` other than ES256, EdDSA, RS256`

  const mistakes: Array<[string, unknown, string]> = [
    [
      'nothing',
      undefined,
      'SessionTokens: the options must be an object, got undefined (is an environment variable not set?)',
    ],
    ['null', null, 'SessionTokens: the options must be an object, got null'],
    ['a list', [base], 'SessionTokens: the options must be an object, got an array'],
    [
      'a key in place of options',
      KEY,
      'SessionTokens: unknown option `kty`; known options are clockTolerance, now, issuer, audience, keys, ttl',
    ],
    [
      'an unknown option',
      { ...base, expiresIn: 60 },
      'SessionTokens: unknown option `expiresIn`; known options are clockTolerance, now, issuer, audience, keys, ttl',
    ],
    [
      'no issuer',
      { keys: [KEY], audience: AUDIENCE },
      'SessionTokens: option `issuer` is missing: it must be a non-empty string without leading or trailing whitespace',
    ],
    [
      'no audience',
      { keys: [KEY], issuer: ISSUER },
      'SessionTokens: option `audience` is missing: it must be a non-empty string without leading or trailing whitespace',
    ],
    [
      'an issuer of an unset variable',
      { ...base, issuer: undefined },
      'SessionTokens: option `issuer` must be a non-empty string without leading or trailing whitespace, got undefined (is an environment variable not set?)',
    ],
    [
      'an empty issuer',
      { ...base, issuer: '' },
      'SessionTokens: option `issuer` must be a non-empty string without leading or trailing whitespace, got an empty string',
    ],
    [
      'an issuer with a space',
      { ...base, issuer: `${ISSUER} ` },
      'SessionTokens: option `issuer` must be a non-empty string without leading or trailing whitespace',
    ],
    [
      'several audiences',
      { ...base, audience: [AUDIENCE] },
      'SessionTokens: option `audience` must be a non-empty string without leading or trailing whitespace, got an array',
    ],
    ...[0, 0.5, 0.999, -1, 3600.001, 3601, NaN, Infinity, '600', null].map((ttl): [string, unknown, string] => [
      `the ttl ${inspect(ttl)}`,
      { ...base, ttl },
      `SessionTokens: option \`ttl\` must be a number of seconds from 1 to 3600${ttl === null ? ', got null' : ''}`,
    ]),
    ...[-1, 301, NaN, '30'].map((clockTolerance): [string, unknown, string] => [
      `the clockTolerance ${inspect(clockTolerance)}`,
      { ...base, clockTolerance },
      'SessionTokens: option `clockTolerance` must be a number of seconds from 0 to 300',
    ]),
    ['a now that is a moment', { ...base, now: NOW }, 'SessionTokens: option `now` must be a function'],
    [
      'no keys',
      { issuer: ISSUER, audience: AUDIENCE },
      `${keyList}, got undefined (is an environment variable not set?)`,
    ],
    ['keys that are null', { ...base, keys: null }, `${keyList}, got null`],
    ['an empty list of keys', { ...base, keys: [] }, `${keyList}, got an empty array`],
    ['one key without a list', { ...base, keys: KEY }, `${keyList}, got a value of type object`],
    ['keys as they are published', { ...base, keys: { keys: [KEY] } }, `${keyList}, got a value of type object`],
    ['keys in JSON', { ...base, keys: JSON.stringify([KEY]) }, `${keyList}, got a number or a string`],
    ['an empty text of keys', { ...base, keys: '' }, `${keyList}, got an empty string`],
    [
      'a key that is null',
      { ...base, keys: [null] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    [
      'a key in JSON',
      { ...base, keys: [JSON.stringify(KEY)] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    [
      'a key without kid',
      { ...base, keys: [nameless] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    [
      'a key of an empty kid',
      { ...base, keys: [{ ...KEY, kid: '' }] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    [
      'a key whose kid is a number',
      { ...base, keys: [{ ...KEY, kid: 7 }] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    ['a key without alg', { ...base, keys: [{ ...KEY, alg: undefined }] }, notAllowed],
    ['a key of ES384', { ...base, keys: [{ ...p384, alg: 'ES384' }] }, notAllowed],
    ['a key of HS256', { ...base, keys: [{ ...oct, alg: 'HS256' }] }, notAllowed],
    ['a key of no algorithm', { ...base, keys: [{ ...KEY, alg: 'none' }] }, notAllowed],
    ['a key of every object', { ...base, keys: [{ ...KEY, alg: 'constructor' }] }, notAllowed],
    ['a secret as a key of ES256', { ...base, keys: [{ ...oct, alg: 'ES256' }] }, cannotBeRead],
    ['an EC key for EdDSA', { ...base, keys: [{ ...KEY, alg: 'EdDSA' }] }, noKeyForAlg],
    ['an EC key for RS256', { ...base, keys: [{ ...KEY, alg: 'RS256' }] }, noKeyForAlg],
    ['an Ed25519 key for ES256', { ...base, keys: [{ ...SESSION_KEYS.EdDSA, alg: 'ES256' }] }, noKeyForAlg],
    ['an RSA key for ES256', { ...base, keys: [{ ...SESSION_KEYS.RS256, alg: 'ES256' }] }, noKeyForAlg],
    ['a key of P-384', { ...base, keys: [p384] }, noKeyForAlg],
    ['a key of secp256k1', { ...base, keys: [secp256k1] }, noKeyForAlg],
    ['a key of Ed448', { ...base, keys: [ed448] }, noKeyForAlg],
    ['a key of X25519', { ...base, keys: [x25519] }, noKeyForAlg],
    ['an RSA key of 1024 bits', { ...base, keys: [short] }, noKeyForAlg],
    ['an RSA key with an exponent of 1 behind a good one', { ...base, keys: [KEY, everybodys] }, noKeyForAlg],
    [
      'a kid of 257 characters',
      { ...base, keys: [{ ...KEY, kid: 'x'.repeat(257) }] },
      `${keyList}, one of them has no \`kid\` of at most 256 characters`,
    ],
    ['a weak key behind a good one', { ...base, keys: [KEY, short] }, noKeyForAlg],
    ['a key with a broken point', { ...base, keys: [{ ...KEY, x: 'AAAA' }] }, cannotBeRead],
    ['a key without its point', { ...base, keys: [{ ...KEY, x: undefined }] }, cannotBeRead],
    ['a key whose private half is null', { ...base, keys: [{ ...KEY, d: null }] }, cannotBeRead],
    ['a key of another type', { ...base, keys: [{ ...KEY, kty: 'RSA' }] }, cannotBeRead],
    ['a key without a type', { ...base, keys: [{ ...KEY, kty: undefined }] }, cannotBeRead],
    ['the private half of another key', { ...base, keys: [{ ...KEY, d: OTHER_KEY['d'] }] }, keyList],
    [
      'two keys of one kid',
      { ...base, keys: [KEY, { ...OTHER_KEY, kid: KEY.kid }] },
      `${keyList}, two of them have the same \`kid\``,
    ],
    ['one key twice', { ...base, keys: [KEY, KEY] }, `${keyList}, two of them have the same \`kid\``],
    [
      'a first key that cannot sign',
      { ...base, keys: [publicOnly, OTHER_KEY] },
      `${keyList}, the first of them has no private half to sign with`,
    ],
  ]
  for (const [name, options, message] of mistakes) {
    it(`P-10, S-07: may not be ${name}, and the error says so without a word of a key`, () => {
      const error = thrownBy(() => new SessionTokens(options as never))
      expect(error).to.be.instanceOf(TypeError)
      if (message === keyList) expect((error as Error).message.startsWith(keyList)).to.equal(true)
      else expect((error as Error).message).to.equal(message)
      const shown = inspect(error, { depth: 9, showHidden: true })
      for (const key of [KEY, OTHER_KEY, SESSION_KEYS.RS256, SESSION_KEYS.EdDSA, p384, ed448, short, oct]) {
        for (const member of ['d', 'p', 'q', 'k', 'x', 'n']) {
          const value = (key as Record<string, unknown>)[member]
          if (typeof value === 'string') expect(shown).to.not.include(value)
        }
      }
    })
  }

  it('may be at their limits', async () => {
    for (const options of [{ ttl: 3600, clockTolerance: 300 }, { ttl: 1, clockTolerance: 0 }, { keys: [rsa(2048)] }]) {
      const tokens = sessionTokens(options)
      expect(await tokens.verify(await tokens.issue(instanceProof()))).to.have.property('instanceId', 'instance-1')
    }
  })

  it('may have a ttl of any number that they take', async () => {
    for (const ttl of [1, 1.5, 3599.5, 3600]) {
      const tokens = sessionTokens({ ttl })
      expect(await tokens.issue(instanceProof()), String(ttl)).to.be.a('string')
    }
  })

  it('may have later keys that can only verify', async () => {
    const old = sessionTokens({ keys: [KEY] })
    const token = await old.issue(instanceProof())
    const later = sessionTokens({ keys: [OTHER_KEY, publicOnly] })
    expect(await later.verify(token)).to.have.property('instanceId', 'instance-1')
    const issued = await later.issue(instanceProof())
    expect(partsOf(issued)[0]).to.have.property('kid', OTHER_KEY.kid)
    expect(await refusalOf(old.verify(issued))).to.equal('signature_invalid')
  })

  it('P-10: are copied, and so are the keys', async () => {
    const key = { ...KEY }
    const keys = [key]
    const options = { keys, issuer: ISSUER, audience: AUDIENCE, now }
    const tokens = new SessionTokens(options)
    const token = await tokens.issue(instanceProof())
    Object.assign(options, { issuer: 'https://other.example', audience: 'other', ttl: 1 })
    Object.assign(key, { kid: 'other', alg: 'RS256' })
    keys.push(OTHER_KEY)
    expect(await tokens.verify(token)).to.have.property('instanceId', 'instance-1')
    const [header, claims] = partsOf(await tokens.issue(instanceProof()))
    expect(header).to.deep.equal({ alg: 'ES256', typ: 'wix-session+jwt', kid: KEY.kid })
    expect(claims).to.include({ iss: ISSUER, aud: AUDIENCE, exp: SECONDS + 600 })
    expect((await tokens.jwks()).keys).to.have.length(1)
  })
})
