import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  assertIdentity,
  type IdentityRule,
  requireIdentity,
  verifyInstance,
  type WixIdentity,
} from '../../lib/index.ts'
import { instance, now, SECRET } from '../support/build.ts'
import { optionsTable } from '../support/options-table.ts'
import { settled } from '../support/run.ts'

const identity = (overrides: object = {}): WixIdentity =>
  verifyInstance(instance({ ...overrides }), { secret: SECRET, now })
const owner = identity({ vendorProductId: 'plus' })
const collaborator = identity({ uid: 'user-2' })
const member = identity({ permissions: null, siteMemberId: 'member-1' })
const visitor = identity({ aid: 'visitor-1' })
const unknown = identity({ uid: null, siteOwnerId: null, permissions: null })

/** What next() was called with; exactly once, or the test fails. */
async function guard(rule: unknown, req: object): Promise<unknown> {
  const next = sinon.fake()
  requireIdentity(rule as never)(req, {}, next)
  await settled()
  sinon.assert.calledOnce(next)
  return next.firstCall.args[0]
}
const asked = (authenticated: unknown): object => ({ authInfo: { identity: authenticated } })

describe('requireIdentity', () => {
  const rules: Array<[object, WixIdentity[], WixIdentity[]]> = [
    [{ subjectType: 'USER' }, [owner, collaborator], [member, visitor, unknown]],
    [{ subjectType: ['USER', 'MEMBER'] }, [owner, collaborator, member], [visitor, unknown]],
    [{ subjectType: 'VISITOR' }, [visitor], [owner, member, unknown]],
    [{ permissions: 'OWNER' }, [owner, collaborator], [member, visitor, unknown]],
    [{ siteOwner: true }, [owner], [collaborator, member, visitor, unknown]],
    [{ vendorProductId: 'plus' }, [owner], [collaborator, member, visitor, unknown]],
    [{ vendorProductId: ['basic', 'plus'] }, [owner], [collaborator]],
    [{ vendorProductId: ['basic'] }, [], [owner, collaborator]],
    [
      { subjectType: 'USER', vendorProductId: 'plus' },
      [owner],
      [collaborator, identity({ aid: 'v', vendorProductId: 'plus' })],
    ],
    [{ permissions: 'OWNER', siteOwner: true }, [owner], [collaborator]],
  ]
  for (const [rule, allowed, refused] of rules) {
    it(`lets in the identities that ${inspect(rule)} describes, and no others`, async () => {
      for (const one of allowed) expect(await guard(rule, asked(one))).to.equal(undefined)
      for (const one of refused) {
        expect(await guard(rule, asked(one))).to.include({
          name: 'WixAuthError',
          code: 'insufficient_scope',
          status: 403,
        })
      }
    })
  }

  it('I-13: rejects an anonymous visitor as owner, whatever else the instance says', async () => {
    for (const rule of [{ subjectType: 'USER' }, { permissions: 'OWNER' }, { siteOwner: true }]) {
      expect(await guard(rule, asked(visitor))).to.include({ code: 'insufficient_scope' })
    }
  })

  it('rejects as site owner where neither the user nor the owner is known', async () => {
    const ownerless = identity({ uid: null, siteOwnerId: null })
    expect(ownerless.subjectType).to.equal('USER')
    expect(await guard({ siteOwner: true }, asked(ownerless))).to.include({ code: 'insufficient_scope' })
    // Two equal nothings of another kind, as an identity of the app's own may have them.
    for (const nothing of [undefined, '', null]) {
      const twins = { ...ownerless, subjectId: nothing, siteOwnerId: nothing } as never
      expect(await guard({ siteOwner: true }, asked(twins))).to.include({ code: 'insufficient_scope' })
    }
  })

  it('P-11: rejects a plan that only Object.prototype has', async () => {
    Object.assign(Object.prototype, { vendorProductId: 'plus', siteOwnerId: 'user-2', permissions: 'OWNER' })
    try {
      const plain = identity({ uid: 'user-2', siteOwnerId: undefined })
      expect(await guard({ vendorProductId: 'plus' }, asked(plain))).to.include({ code: 'insufficient_scope' })
      expect(await guard({ siteOwner: true }, asked(plain))).to.include({ code: 'insufficient_scope' })
      // An access token names no permissions.
      const token = { ...plain, permissions: undefined } as Record<string, unknown>
      delete token['permissions']
      expect(await guard({ permissions: 'OWNER' }, asked(token))).to.include({ code: 'insufficient_scope' })
    } finally {
      for (const name of ['vendorProductId', 'siteOwnerId', 'permissions'])
        Reflect.deleteProperty(Object.prototype, name)
    }
  })

  describe('with a predicate', () => {
    it('calls it with the identity and the request', async () => {
      const predicate = sinon.fake.returns(true)
      const req = asked(owner)
      expect(await guard(predicate, req)).to.equal(undefined)
      sinon.assert.calledOnceWithExactly(predicate, owner, req)
    })

    it('lets in for true alone, also from a promise', async () => {
      expect(await guard(() => Promise.resolve(true), asked(owner))).to.equal(undefined)
      for (const verdict of [false, undefined, null, 0, 1, 'yes', {}, []]) {
        expect(await guard(() => verdict, asked(owner))).to.include({ code: 'insufficient_scope' })
        expect(await guard(async () => verdict, asked(owner))).to.include({ code: 'insufficient_scope' })
      }
    })

    it('P-04: passes on its failure as an Error', async () => {
      const error = new Error('database')
      for (const reason of [error, undefined, 'route']) {
        const failing = [
          () => {
            throw reason
          },
          () => Promise.reject(reason),
        ]
        for (const predicate of failing) {
          const passed = await guard(predicate, asked(owner))
          expect(passed).to.be.instanceOf(Error)
          if (reason === error) expect(passed).to.equal(error)
        }
      }
    })
  })

  it('passes on an error that says what to do, when no strategy of this package ran before it', async () => {
    for (const req of [
      {},
      { authInfo: {} },
      { authInfo: { identity: 'theirs' } },
      { authInfo: { identity: { id: 1 } } },
    ]) {
      const error = await guard({ subjectType: 'USER' }, req)
      expect(error).to.be.instanceOf(Error).and.to.not.have.property('code')
      expect(error).to.have.property('message').that.includes('put passport.authenticate() with a strategy')
    }
  })

  it('P-10: copies its arrays: later changes have no effect', async () => {
    const vendorProductId = ['plus']
    const subjectType = ['USER' as const]
    const next = sinon.fake()
    const planned = requireIdentity({ subjectType, vendorProductId })
    vendorProductId.length = 0
    subjectType.length = 0
    planned({ authInfo: { identity: owner } }, {}, next)
    sinon.assert.calledOnceWithExactly(next)
  })

  describe('P-10: the rule', () => {
    const wrong: Array<[unknown, string]> = [
      [undefined, 'requireIdentity: the options must be an object'],
      ['OWNER', 'requireIdentity: the options must be an object'],
      [{}, 'requireIdentity: the rule is empty, so it would let everybody in'],
      [{ role: 'OWNER' }, 'requireIdentity: unknown option `role`'],
      [
        { subjectType: 'OWNER' },
        'option `subjectType` must be USER | MEMBER | VISITOR | APP | UNKNOWN, or an array of them',
      ],
      [{ subjectType: [] }, 'option `subjectType`'],
      [{ subjectType: ['USER', 'user'] }, 'option `subjectType`'],
      [{ subjectType: undefined }, 'option `subjectType`'],
      [{ permissions: 'owner' }, "option `permissions` must be 'OWNER'"],
      [{ siteOwner: false }, 'option `siteOwner` must be true, got a value of type boolean'],
      [
        { vendorProductId: undefined },
        'option `vendorProductId` must be the id of a plan, or an array of them, got undefined',
      ],
      [{ vendorProductId: null }, 'option `vendorProductId`'],
      [{ vendorProductId: ['plus', ''] }, 'option `vendorProductId`'],
    ]
    optionsTable({ requireIdentity }, wrong)
  })
})

describe('assertIdentity', () => {
  it('returns for an identity that satisfies the rule, and throws for every other', async () => {
    const rules: IdentityRule[] = [
      { subjectType: 'USER' },
      { subjectType: ['USER', 'MEMBER'] },
      { permissions: 'OWNER' },
      { siteOwner: true },
      { vendorProductId: 'plus' },
      { subjectType: 'USER', vendorProductId: ['basic', 'plus'] },
    ]
    for (const rule of rules) {
      for (const one of [owner, collaborator, member, visitor, unknown]) {
        const expected = await guard(rule, asked(one))
        if (expected === undefined) expect(assertIdentity(one, rule)).to.equal(undefined)
        else {
          expect(() => assertIdentity(one, rule))
            .to.throw()
            .that.includes({ name: 'WixAuthError', code: 'insufficient_scope', status: 403 })
        }
      }
    }
  })

  it('P-11: throws for what is no identity', () => {
    Object.assign(Object.prototype, { vendorProductId: 'plus', permissions: 'OWNER' })
    try {
      for (const rule of [{ vendorProductId: 'plus' }, { permissions: 'OWNER' as const }]) {
        expect(() => assertIdentity({} as WixIdentity, rule))
          .to.throw()
          .with.property('code', 'insufficient_scope')
      }
    } finally {
      for (const name of ['vendorProductId', 'permissions']) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  describe('P-10: the rule', () => {
    const wrong: Array<[unknown, string]> = [
      [undefined, 'assertIdentity: the options must be an object'],
      [() => true, 'assertIdentity: the options must be an object, got a value of type function'],
      [{}, 'assertIdentity: the rule is empty, so it would let everybody in'],
      [{ role: 'OWNER' }, 'assertIdentity: unknown option `role`'],
      [{ siteOwner: false }, 'assertIdentity: option `siteOwner` must be true'],
    ]
    optionsTable({ assertIdentity: (rule: never) => assertIdentity(owner, rule) }, wrong)
  })
})
