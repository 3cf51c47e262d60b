import { inspect } from 'node:util'
import { expect } from 'chai'
import { identityOf, type WixIdentity } from '../lib/index.ts'
import { factsOf, isOwner, isSubjectType, subjectOf, subOf } from '../lib/identity.ts'

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

  it('throws where there is none, and says what to do', () => {
    for (const authInfo of [undefined, {}, { identity: 'theirs' }, { identity: null }, { identity: { id: 1 } }]) {
      expect(() => identityOf({ authInfo } as never)).to.throw(
        Error,
        'No Wix identity on this request: put passport.authenticate()',
      )
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
  for (const [given, subjectType, subjectId] of subjects) {
    it(`maps ${JSON.stringify(given)} to ${subjectType}${subjectId === null ? '' : ` ${subjectId}`}`, () => {
      expect(subjectOf(given)).to.deep.equal({ subjectType, subjectId })
    })
  }

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
    it(`is ${expected} for the permissions ${inspect(permissions)}`, () => {
      expect(isOwner(permissions)).to.equal(expected)
    })
  }
})

describe('isSubjectType', () => {
  it('knows five types, and no others', () => {
    for (const type of ['USER', 'MEMBER', 'VISITOR', 'APP', 'UNKNOWN']) expect(isSubjectType(type)).to.equal(true)
    for (const other of ['user', 'OWNER', '', 'constructor', 7, null, undefined, ['USER']]) {
      expect(isSubjectType(other)).to.equal(false)
    }
  })
})
