import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  type IdentityRule,
  requireIdentity,
  type WixIdentity,
  type WixInstance,
  type WixSession,
  type WixTokenInfo,
} from '../../lib/index.ts'
import { sessionOf } from '../../lib/sessions/claims.ts'
import { now } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import { APP_ID, BODY, digest, KEYS, refusalOf, SECONDS, servicePlugin, webhook } from '../support/jwt.ts'
import {
  ALGORITHMS,
  AUDIENCE,
  ISSUER,
  partsOf,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  verifiedAccessToken,
  verifiedInstance,
} from '../support/session.ts'
import { verifyDigest, verifyServicePlugin, verifyWebhook } from '../support/verify.ts'

type Verified = WixInstance | WixTokenInfo

const roundTrip = async (credential: Verified, claims?: Record<string, unknown>): Promise<WixSession> => {
  const tokens = sessionTokens()
  return tokens.verify(await tokens.issue(credential, claims))
}

describe('the claims of a token, once its signature is right,', () => {
  const CLAIMS = {
    instanceId: 'instance-1',
    subjectType: 'USER',
    subjectId: 'user-1',
    sub: 'USER:user-1',
    jti: 'jti-1',
  }
  const read = (claims: object = {}, iat: number | null = 1000, exp: number = 4600): unknown =>
    sessionOf({ ...CLAIMS, ...claims }, iat, exp)

  it('are read, for an hour at most', () => {
    expect(read()).to.deep.include({ instanceId: 'instance-1', subjectId: 'user-1', iat: 1000, exp: 4600, claims: {} })
  })

  const missing = '`instanceId`, `subjectType`, `jti` or `iat` is missing'
  const wrong: Array<[string, () => unknown, string]> = [
    ['without an instanceId', () => read({ instanceId: undefined }), missing],
    ['with an instanceId that is empty', () => read({ instanceId: '' }), missing],
    ['without a subjectType', () => read({ subjectType: undefined }), missing],
    ['with a subjectType that does not exist', () => read({ subjectType: 'OWNER', sub: 'OWNER:user-1' }), missing],
    ['without a jti', () => read({ jti: undefined }), missing],
    ['with a jti that is no string', () => read({ jti: 7 }), missing],
    ['without an iat', () => read({}, null, 3600), missing],
    ['that live a second more than an hour', () => read({}, 1000, 4601), 'its lifetime is more than 3600 s'],
    ['without a sub', () => read({ sub: undefined }), '`sub` does not match the subject'],
    ['with the sub of another subject', () => read({ sub: 'USER:user-2' }), '`sub` does not match the subject'],
    ['with a sub of another type', () => read({ sub: 'MEMBER:user-1' }), '`sub` does not match the subject'],
    ['with a sub and no subject', () => read({ subjectId: undefined }), '`sub` does not match the subject'],
  ]
  for (const [name, call, hint] of wrong) {
    it(`S-01: ${name} are refused, and the developer is told why`, () => {
      expect(call).to.throw().that.includes({ name: 'WixAuthError', code: 'claim_invalid', hint })
    })
  }
})

describe('the claims of a session token', () => {
  for (const alg of ALGORITHMS) {
    const key = SESSION_KEYS[alg]
    const tokens = sessionTokens({ keys: [key] })

    it(`S-01: are all that the instance of an owner says, and nothing else (${alg})`, async () => {
      const token = await tokens.issue(verifiedInstance({ metaSiteId: 'site-1', vendorProductId: 'premium' }))
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

    it(`S-01: are all that the access token of a member says, and nothing else (${alg})`, async () => {
      const token = await tokens.issue(await verifiedAccessToken())
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

    it(`are read in the same way when other software has signed the token (${alg})`, async () => {
      const { iss: _iss, aud: _aud, sub: _sub, ...facts } = sessionClaims()
      expect(await tokens.verify(rawSession({}, sessionClaims(), key))).to.deep.equal({
        ...facts,
        siteId: null,
        vendorProductId: null,
        claims: {},
      })
    })
  }

  it('are left out, and read as null, where the credential names no subject', async () => {
    const credential = verifiedInstance({
      appDefId: undefined,
      uid: undefined,
      permissions: undefined,
      siteOwnerId: undefined,
      expirationDate: undefined,
    })
    const tokens = sessionTokens()
    const token = await tokens.issue(credential)
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

  describe('S-01: have the sub', () => {
    const subjects: Array<[sub: string, string, Verified | Promise<Verified>, string, string | null]> = [
      ['USER:user-1', 'an owner', verifiedInstance(), 'USER', 'user-1'],
      ['VISITOR:visitor-1', 'a visitor', verifiedInstance({ aid: 'visitor-1' }), 'VISITOR', 'visitor-1'],
      [
        'MEMBER:member-1',
        'a member',
        verifiedInstance({ permissions: undefined, siteMemberId: 'member-1' }),
        'MEMBER',
        'member-1',
      ],
      [
        'UNKNOWN:user-1',
        'a user without permissions',
        verifiedInstance({ permissions: undefined }),
        'UNKNOWN',
        'user-1',
      ],
      [
        'instance:instance-1',
        'an instance without a subject',
        verifiedInstance({ permissions: undefined, uid: undefined }),
        'UNKNOWN',
        null,
      ],
      ['instance:instance-1', 'an owner without an id', verifiedInstance({ uid: undefined }), 'USER', null],
      ['APP:app-1', 'an app', verifiedAccessToken({ subjectType: 'APP', subjectId: 'app-1' }), 'APP', 'app-1'],
      [
        'instance:instance-1',
        'an app without an id',
        verifiedAccessToken({ subjectType: 'APP', subjectId: undefined }),
        'APP',
        null,
      ],
    ]
    for (const [sub, name, credential, subjectType, subjectId] of subjects) {
      it(`${sub} for ${name}`, async () => {
        const tokens = sessionTokens()
        const token = await tokens.issue(await credential)
        expect(partsOf(token)[1]).to.include({ sub, subjectType })
        expect(await tokens.verify(token)).to.include({ subjectType, subjectId })
      })
    }
  })

  describe('with a genuine signature, are rejected for', () => {
    const rejected: Array<[string, Record<string, unknown>]> = [
      ['no sub', { sub: undefined }],
      ['an empty sub', { sub: '' }],
      ['a sub that is not a string', { sub: ['USER:user-1'] }],
      ['the sub of another subject', { sub: 'USER:user-2' }],
      ['the sub of another type', { sub: 'MEMBER:user-1' }],
      ['the sub of the instance beside a subject', { sub: 'instance:instance-1' }],
      ['the bare sub', { sub: 'user-1' }],
      ['the sub of a subject that the token does not name', { subjectId: undefined }],
      ['the sub of another instance', { subjectId: undefined, sub: 'instance:instance-2' }],
      ['a subjectId that is not a string', { subjectId: ['user-1'] }],
      ['no jti', { jti: undefined }],
      ['an empty jti', { jti: '' }],
      ['a jti that is a number', { jti: 7 }],
      ['no instanceId', { instanceId: undefined }],
      ['an empty instanceId', { instanceId: '' }],
      ['an instanceId in an array', { instanceId: ['instance-1'] }],
      ['no subjectType', { subjectType: undefined, sub: 'undefined:user-1' }],
      ['an unknown subjectType', { subjectType: 'ADMIN', sub: 'ADMIN:user-1' }],
      ['a subjectType in lower case', { subjectType: 'user', sub: 'user:user-1' }],
      ['a subjectType in an array', { subjectType: ['USER'] }],
      ['a subjectType that every object has as a property', { subjectType: 'constructor', sub: 'constructor:user-1' }],
    ]
    for (const [name, claims] of rejected) {
      it(`S-01: ${name}`, async () => {
        expect(await refusalOf(sessionTokens().verify(rawSession({}, sessionClaims(claims))))).to.equal('claim_invalid')
      })
    }
  })

  describe('that the app adds', () => {
    it('are in `claims`, apart from what Wix says', async () => {
      const claims = { plan: 'gold', roles: ['admin', 'café'], nested: { deep: [1, null, true] }, email: 'a@b.example' }
      const session = await roundTrip(verifiedInstance(), claims)
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
    it('S-01: must not be a claim that the token has of its own, whatever its value', async () => {
      for (const name of registered) {
        for (const value of ['x', null, undefined, 0]) {
          const claims = Object.fromEntries([
            ['plan', 'gold'],
            [name, value],
          ])
          const error = await errorOf(sessionTokens().issue(verifiedInstance(), claims))
          expect(error, name).to.be.instanceOf(TypeError)
          expect((error as Error).message, name).to.equal(`SessionTokens: \`${name}\` cannot be a claim of the app`)
        }
      }
    })

    it('I-11: are read without __proto__, constructor and prototype', async () => {
      const json = JSON.stringify(sessionClaims()).slice(0, -1)
      const signed = Buffer.from(`${json},"plan":"gold","__proto__":{"isAdmin":true},"constructor":1,"prototype":2}`)
      const { claims } = await sessionTokens().verify(rawSession({}, signed))
      expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['plan'])
      expect(Object.assign({}, claims)).to.not.have.property('isAdmin')
      expect(Object.getPrototypeOf(claims)).to.equal(Object.prototype)
    })

    it('are not modified, and neither is the identity', async () => {
      const claims = Object.freeze({ plan: 'gold' })
      const credential = Object.freeze(verifiedInstance())
      expect((await roundTrip(credential, claims)).claims).to.deep.equal({ plan: 'gold' })
      expect(claims).to.deep.equal({ plan: 'gold' })
    })

    it('must not be anything but an object of plain values', async () => {
      for (const claims of [['a'], 'string', 7, null, new Map([['a', 1]]), new Date(0), () => 1] as unknown[]) {
        const error = await errorOf(sessionTokens().issue(verifiedInstance(), claims as Record<string, unknown>))
        expect(error, inspect(claims))
          .to.be.instanceOf(TypeError)
          .and.to.have.property('message', 'SessionTokens: claims must be an object of plain values')
      }
    })

    const impossible: Array<[string, unknown]> = [
      ['a BigInt', 1n],
      ['a function', () => 1],
      ['a symbol', Symbol('x')],
    ]
    for (const [name, value] of impossible) {
      it(`must not contain ${name}, which JSON cannot represent`, async () => {
        expect(await errorOf(sessionTokens().issue(verifiedInstance(), { value }))).to.be.instanceOf(TypeError)
      })
    }
  })

  describe('under requireIdentity', () => {
    const credentials: Record<string, Verified | Promise<Verified>> = {
      'the owner of the site': verifiedInstance({ vendorProductId: 'premium' }),
      'a collaborator': verifiedInstance({ uid: 'user-2' }),
      'an owner with other permissions': verifiedInstance({ permissions: 'OWNER,EDITOR' }),
      'a visitor with the permissions of an owner': verifiedInstance({ aid: 'visitor-1', vendorProductId: 'premium' }),
      'a member': verifiedInstance({ permissions: undefined, siteMemberId: 'member-1', vendorProductId: 'basic' }),
      'an instance without a subject': verifiedInstance({ permissions: undefined, uid: undefined }),
      'a member with an access token': verifiedAccessToken(),
      'a user with an access token': verifiedAccessToken({ subjectType: 'USER', subjectId: 'user-1' }),
    }
    const rules: Array<[string, IdentityRule, string[]]> = [
      [
        'USER',
        { subjectType: 'USER' },
        ['the owner of the site', 'a collaborator', 'an owner with other permissions', 'a user with an access token'],
      ],
      ['VISITOR', { subjectType: 'VISITOR' }, ['a visitor with the permissions of an owner']],
      ['MEMBER', { subjectType: 'MEMBER' }, ['a member', 'a member with an access token']],
      ['siteOwner', { siteOwner: true }, ['the owner of the site', 'an owner with other permissions']],
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
      ['siteOwner and a plan', { siteOwner: true, vendorProductId: 'premium' }, ['the owner of the site']],
    ]
    const passes = async (rule: IdentityRule, identity: WixIdentity): Promise<boolean> => {
      const reason = await new Promise<unknown>((resolve) =>
        requireIdentity(rule)({ authInfo: { identity } }, {}, resolve),
      )
      if (reason !== undefined) expect(reason).to.have.property('code', 'insufficient_scope')
      return reason === undefined
    }
    for (const [name, rule, accepted] of rules) {
      it(`let in whoever the credential itself lets in, by the rule ${name}`, async () => {
        const found = { credential: [] as string[], session: [] as string[] }
        for (const [who, promise] of Object.entries(credentials)) {
          const credential = await promise
          if (await passes(rule, credential)) found.credential.push(who)
          if (await passes(rule, await roundTrip(credential))) found.session.push(who)
        }
        expect(found).to.deep.equal({ credential: accepted, session: accepted })
      })
    }
  })
})

describe('S-02: SessionTokens.issue', () => {
  const session = roundTrip(verifiedInstance())
  const options = { publicKey: KEYS.publicKey, now }
  const webhookEvent = verifyWebhook(webhook(), options)
  const pluginRequest = verifyServicePlugin(servicePlugin(), { ...options, appId: APP_ID })
  const withMore = async (identity: object | Promise<object>, more: object): Promise<object> => ({
    ...(await identity),
    ...more,
  })
  const others: Array<[string, unknown]> = [
    ['a session', session],
    ['a session with the property active', withMore(session, { active: true })],
    ['a session with the property ext', withMore(session, { ext: {} })],
    ['a session with the claims active and ext', roundTrip(verifiedInstance(), { active: true, ext: {} })],
    ['a webhook event', webhookEvent],
    ['a webhook event with a property active', withMore(webhookEvent, { active: true })],
    [
      'a webhook event with the properties of an instance in its payload',
      verifyWebhook(webhook({ ext: {}, active: true }), options),
    ],
    ['a service plugin request', pluginRequest],
    ['a service plugin request with a property active', withMore(pluginRequest, { active: true })],
    ['a Digest', verifyDigest(digest(), BODY, options)],
    ['a plain object', { instanceId: 'instance-1' }],
    ['a plain object with all common properties', withMore(session, { jti: undefined })],
    ['a token info that is not active', withMore(verifiedAccessToken(), { active: false })],
    ['a token info whose active is a string', withMore(verifiedAccessToken(), { active: 'true' })],
    ['an object that inherits from an instance', Object.create(verifiedInstance())],
    ['an instance without instanceId', { ...verifiedInstance(), instanceId: undefined }],
    ['an instance with an empty instanceId', { ...verifiedInstance(), instanceId: '' }],
    ['a copy of an instance', { ...verifiedInstance() }],
    ['a copy of an access token', withMore(verifiedAccessToken(), {})],
    ['an instance that was stored as JSON, as session stores do', JSON.parse(JSON.stringify(verifiedInstance()))],
    ['a structured clone of an instance', structuredClone(verifiedInstance())],
    ['a frozen copy of an instance', Object.freeze({ ...verifiedInstance() })],
    ['a proxy of an instance', new Proxy(verifiedInstance(), {})],
    ['an instance in an array', [verifiedInstance()]],
    ['an instanceId', 'instance-1'],
    ['a function', () => verifiedInstance()],
    ['true', true],
    ['null', null],
    ['undefined', undefined],
  ]
  for (const [name, identity] of others) {
    it(`rejects ${name}`, async () => {
      const error = await errorOf(sessionTokens().issue((await identity) as never))
      expect(error).to.be.instanceOf(TypeError)
      expect((error as Error).message).to.equal(
        'SessionTokens: issue() takes an identity that WixAppStrategy or WixAccessTokenStrategy has verified, and no copy of it: pass identityOf(req) after one of them',
      )
    })
  }

  it('accepts an access token and an instance with properties that Wix may add one day', async () => {
    const added = { jti: 'x', metadata: {}, eventType: 'x' }
    expect(await roundTrip(await verifiedAccessToken(added))).to.include({ instanceId: 'instance-1' })
    expect(await roundTrip(verifiedInstance(added))).to.include({ instanceId: 'instance-1' })
  })
})
