import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  type Authenticated,
  identityOf,
  refusalOf,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixAuthError,
  WixDigestStrategy,
  type WixIdentity,
  type WixInstance,
  WixServicePluginStrategy,
  WixSessionStrategy,
  type WixWebhookEvent,
  WixWebhookStrategy,
} from '../lib/index.ts'
import { factsOf, isOwner, isSubjectType, type KindOf, subjectOf, subOf } from '../lib/identity.ts'
import { instance as signInstance, now, OTHER_SECRET, SECRET } from './support/build.ts'
import { APP_ID, BODY, digest, PUBLIC_KEY, servicePlugin, webhook } from './support/jwt.ts'
import { request, run } from './support/run.ts'
import { rawSession, sessionTokens, verifiedAccessToken, verifiedInstance } from './support/session.ts'
import { verifyDigest, verifyServicePlugin, verifyWebhook } from './support/verify.ts'

const identity: WixIdentity = {
  instanceId: 'instance-1',
  subjectType: 'USER',
  subjectId: 'user-1',
  clientId: 'app-1',
  siteId: 'site-1',
  iat: 1,
  exp: 2,
}

describe('identityOf', () => {
  it('returns the identity that a strategy verified', () => {
    expect(identityOf({ authInfo: { identity } })).to.equal(identity)
  })

  it('wants the class of a strategy, and says so where it gets something else', () => {
    const strategy = new WixWebhookStrategy({ publicKey: PUBLIC_KEY })
    for (const odd of [strategy, 'wix-webhook', 'webhook', {}])
      expect(() => identityOf({ authInfo: { identity } }, odd as never)).to.throw(
        TypeError,
        /^identityOf: its second argument must be the class of a strategy, such as WixWebhookStrategy$/,
      )
  })

  describe('of a strategy', () => {
    const req = (identity: unknown): Authenticated => ({ authInfo: { identity: identity as WixIdentity } })
    const kinds: Array<[name: string, make: () => Promise<object>, strategy: { kind: KindOf<unknown>; name: string }]> =
      [
        ['an instance', async () => verifiedInstance(), WixAppStrategy],
        ['an access token', () => verifiedAccessToken(), WixAccessTokenStrategy],
        ['a session', () => sessionTokens().verify(rawSession()), WixSessionStrategy],
        ['a webhook', () => verifyWebhook(webhook(), { publicKey: PUBLIC_KEY, now }), WixWebhookStrategy],
        [
          'a service plugin call',
          () => verifyServicePlugin(servicePlugin(), { publicKey: PUBLIC_KEY, appId: APP_ID, now }),
          WixServicePluginStrategy,
        ],
        ['a Digest', () => verifyDigest(digest(), BODY, { publicKey: PUBLIC_KEY, now }), WixDigestStrategy],
      ]
    for (const [name, make, strategy] of kinds) {
      it(`returns ${name} that it has verified, no copy of it, and not that of another kind`, async () => {
        const own = await make()
        expect(identityOf(req(own), strategy)).to.equal(own)
        for (const copy of [{ ...own }, structuredClone(own), Object.create(own) as object])
          expect(() => identityOf(req(copy), strategy)).to.throw(
            Error,
            `put passport.authenticate() with ${strategy.name} before`,
          )
        for (const [, , other] of kinds) {
          if (other === strategy) continue
          expect(() => identityOf(req(own), other)).to.throw(
            Error,
            `The identity of this request is of the kind \`${strategy.kind.name}\`, not \`${other.kind.name}\`: put passport.authenticate() with ${other.name} before this handler`,
          )
        }
      })
    }

    it('has its type', async () => {
      const event = await verifyWebhook(webhook(), { publicKey: PUBLIC_KEY, now })
      const { eventType, data }: WixWebhookEvent = identityOf(req(event), WixWebhookStrategy)
      expect([eventType, data.slug]).to.deep.equal(['wix.ecom.v1.order_created', 'created'])
      const { uid }: WixInstance = identityOf(req(verifiedInstance()), WixAppStrategy)
      expect(uid).to.equal('user-1')
    })

    it('names a strategy class of the app by its name, and one without a name as such', () => {
      class DashboardStrategy extends WixAppStrategy {}
      const instance = verifiedInstance()
      expect(identityOf(req(instance), DashboardStrategy)).to.equal(instance)
      expect(() => identityOf({}, { kind: WixAppStrategy.kind })).to.throw(
        Error,
        'with its strategy before this handler',
      )
    })
  })

  it('says of a Digest header that it proves no identity', async () => {
    const body = await verifyDigest(digest(), BODY, { publicKey: PUBLIC_KEY, now })
    expect(() => identityOf({ authInfo: { identity: body as never } })).to.throw(
      Error,
      'A Digest header proves no identity: identityOf(req, WixDigestStrategy) returns its body',
    )
  })

  describe('after a strategy has run', () => {
    const strategy = (): WixAppStrategy => new WixAppStrategy({ secret: SECRET, now }, async () => ({ id: 'user' }))

    it('throws the refusal of a request that the app let through all the same', async () => {
      for (const query of [{}, { instance: signInstance({}, OTHER_SECRET) }]) {
        const req = request(query)
        await run(strategy(), req)
        expect(() => identityOf(req))
          .to.throw(WixAuthError)
          .that.equals(refusalOf(req))
          .and.has.property('status', 401)
      }
    })

    it('says that a custom callback keeps the identity to itself, or that authInfo is off', async () => {
      const req = request({ instance: signInstance() })
      await run(strategy(), req)
      for (const wanted of [[], [WixAppStrategy]] as const)
        expect(() => identityOf(req, ...(wanted as [typeof WixAppStrategy])))
          .to.throw(
            Error,
            'a custom callback must set req.authInfo = info, passport.authenticate() must not have `authInfo: false`, and a function of passport.transformAuthInfo() must keep `identity`',
          )
          .and.not.instanceOf(WixAuthError)
    })

    it('says that a login session does not have it', () => {
      for (const session of [{ passport: { user: 'user-1' } }]) {
        expect(() => identityOf({ session } as never)).to.throw(
          Error,
          'a login session does not have it. It comes with the credential only: keep what you need of it in the session when the user signs in',
        )
      }
      for (const session of [undefined, null, {}, { passport: {} }])
        expect(() => identityOf({ session } as never)).to.throw(Error, 'put passport.authenticate() with a strategy')
    })
  })

  it('throws where there is none, and says what to do', () => {
    for (const authInfo of [undefined, {}, { identity: 'theirs' }, { identity: null }, { identity: { id: 1 } }]) {
      // For chai, undefined that is thrown is an Error with any message.
      let thrown: unknown
      try {
        identityOf({ authInfo } as never)
      } catch (error) {
        thrown = error
      }
      expect(thrown)
        .to.be.instanceOf(Error)
        .with.property('message')
        .that.matches(/^No Wix identity on this request: put passport\.authenticate\(\)/)
    }
  })
})

describe('subjectOf', () => {
  const subjects: Array<[unknown, string, string | null]> = [
    [{ identityType: 'WIX_USER', wixUserId: 'user-1' }, 'USER', 'user-1'],
    [{ identityType: 'MEMBER', memberId: 'member-1' }, 'MEMBER', 'member-1'],
    [{ identityType: 'ANONYMOUS_VISITOR', anonymousVisitorId: 'visitor-1' }, 'VISITOR', 'visitor-1'],
    [{ identityType: 'APP', appId: 'app-2' }, 'APP', 'app-2'],
    [{ identityType: 'UNKNOWN' }, 'UNKNOWN', null],
    [{ identityType: 'NEW_IN_2030', newId: 'x' }, 'UNKNOWN', null],
    [{ identityType: 'constructor', '': 'x' }, 'UNKNOWN', null],
    [{ identityType: ['WIX_USER'], wixUserId: 'user-1' }, 'UNKNOWN', null],
    [{ identityType: 'WIX_USER' }, 'USER', null],
    [{ identityType: 'WIX_USER', wixUserId: '' }, 'USER', null],
    [{ identityType: 'WIX_USER', wixUserId: 7 }, 'USER', null],
    [{ identityType: 'WIX_USER', memberId: 'member-1' }, 'USER', null],
    [{}, 'UNKNOWN', null],
    [undefined, 'UNKNOWN', null],
    [null, 'UNKNOWN', null],
    ['WIX_USER', 'UNKNOWN', null],
  ]
  it('maps each identity of Wix to its subject, and a new one to UNKNOWN', () => {
    for (const [given, subjectType, subjectId] of subjects) {
      expect(subjectOf(given), JSON.stringify(given)).to.deep.equal({ subjectType, subjectId })
    }
  })

  it('P-11: maps inherited properties to UNKNOWN', () => {
    const inherited: unknown = Object.create({ identityType: 'WIX_USER', wixUserId: 'user-1' })
    expect(subjectOf(inherited)).to.deep.equal({ subjectType: 'UNKNOWN', subjectId: null })
  })
})

describe('factsOf', () => {
  const names = ['subjectId', 'clientId', 'siteId', 'permissions', 'siteOwnerId', 'vendorProductId']

  it('returns the strings, and null for everything else', () => {
    const facts = Object.fromEntries(names.map((name) => [name, `its ${name}`]))
    expect(factsOf({ ...facts, instanceId: 'i', other: 'x' })).to.deep.equal(facts)
    const none = Object.fromEntries(names.map((name) => [name, null]))
    for (const odd of ['', 7, true, null, undefined, {}, ['x']]) {
      expect(factsOf(Object.fromEntries(names.map((name) => [name, odd]))), inspect(odd)).to.deep.equal(none)
    }
    for (const source of [undefined, null, 'x', {}]) expect(factsOf(source)).to.deep.equal(none)
    expect(factsOf(Object.create(facts)), 'P-11').to.deep.equal(none)
  })
})

describe('subOf', () => {
  it('is the subject with its type or, where there is none, the installation', () => {
    expect(subOf(identity)).to.equal('USER:user-1')
    expect(subOf({ ...identity, subjectType: 'APP', subjectId: 'app-1' })).to.equal('APP:app-1')
    expect(subOf({ ...identity, subjectId: null })).to.equal('instance:instance-1')
  })
})

describe('isOwner', () => {
  it('is true where OWNER is among the permissions, and for nothing like it', () => {
    for (const [permissions, expected] of [
      ['OWNER', true],
      ['offline_access,OWNER', true],
      ['OWNER offline_access', true],
      ['CO-OWNERS', false],
      ['owner', false],
      ['', false],
      [null, false],
      [undefined, false],
    ] as const) {
      expect(isOwner(permissions), inspect(permissions)).to.equal(expected)
    }
  })
})

describe('isSubjectType', () => {
  it('knows five types, and no others', () => {
    for (const type of ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN']) expect(isSubjectType(type)).to.equal(true)
    for (const other of ['user', 'OWNER', '', 'constructor', 7, null, undefined, ['USER']]) {
      expect(isSubjectType(other)).to.equal(false)
    }
  })
})
