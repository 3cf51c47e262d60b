import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  assertIdentity,
  type IdentityRule,
  refusalOf,
  requireIdentity,
  type WixAuthenticateEvent,
  WixAppStrategy,
  type WixIdentity,
} from '../../lib/index.ts'
import { instance, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { optionsTable } from '../support/options-table.ts'
import { request, run, settled } from '../support/run.ts'
import { verifyInstance } from '../support/verify.ts'

const identity = (overrides: object = {}): Promise<WixIdentity> =>
  verifyInstance(instance({ ...overrides }), { secret: SECRET, now })
const owner = await identity({ vendorProductId: 'plus' })
const collaborator = await identity({ uid: 'user-2' })
/** Whose id and plan begin as those of the owner, and end so. */
const namesakes = [
  await identity({ uid: 'user-11', vendorProductId: 'plus-trial' }),
  await identity({ uid: 'a-user-1', vendorProductId: 'surplus' }),
]
const member = await identity({ permissions: null, siteMemberId: 'member-1' })
const visitor = await identity({ aid: 'visitor-1' })
const payingVisitor = await identity({ aid: 'v', vendorProductId: 'plus' })
const unknown = await identity({ uid: null, siteOwnerId: null, permissions: null })

/** What next() was called with; exactly once, or the test fails. */
async function guard(rule: unknown, req: object): Promise<unknown> {
  const next = sinon.fake()
  requireIdentity(rule as never)(req as never, {}, next)
  await settled()
  sinon.assert.calledOnce(next)
  return next.firstCall.args[0]
}
const asked = (authenticated: unknown): object => ({ authInfo: { identity: authenticated } })

describe('requireIdentity', () => {
  watchForSecrets()
  const rules: Array<[object, WixIdentity[], WixIdentity[]]> = [
    [{ subjectType: 'USER' }, [owner, collaborator], [member, visitor, unknown]],
    [{ subjectType: ['USER', 'MEMBER'] }, [owner, collaborator, member], [visitor, unknown]],
    [{ subjectType: 'VISITOR' }, [visitor], [owner, member, unknown]],
    [{ siteOwner: true }, [owner], [collaborator, ...namesakes, member, visitor, unknown]],
    [{ vendorProductId: 'plus' }, [owner], [collaborator, ...namesakes, member, visitor, unknown]],
    [{ vendorProductId: ['basic', 'plus'] }, [owner], [collaborator]],
    [{ vendorProductId: ['basic'] }, [], [owner, collaborator]],
    [{ subjectType: 'USER', vendorProductId: 'plus' }, [owner], [collaborator, payingVisitor]],
    [{ subjectType: 'USER', siteOwner: true }, [owner], [collaborator]],
  ]
  it('lets in the identities that the rule describes, and no others', async () => {
    for (const [rule, allowed, refused] of rules) {
      for (const one of allowed) expect(await guard(rule, asked(one)), inspect(rule)).to.equal(undefined)
      for (const one of refused) {
        expect(await guard(rule, asked(one)), inspect(rule)).to.include({
          name: 'WixAuthError',
          code: 'insufficient_scope',
          status: 403,
        })
      }
    }
  })

  it('I-13: rejects an anonymous visitor as owner, whatever else the instance says', async () => {
    for (const rule of [{ subjectType: 'USER' }, { siteOwner: true }]) {
      expect(await guard(rule, asked(visitor))).to.include({ code: 'insufficient_scope' })
    }
  })

  it('I-13: rejects an anonymous visitor as site owner, although its id is that of the owner', async () => {
    const twin = await identity({ aid: 'user-1' })
    expect(twin).to.include({
      subjectType: 'VISITOR',
      subjectId: 'user-1',
      siteOwnerId: 'user-1',
      permissions: 'OWNER',
    })
    expect(await guard({ siteOwner: true }, asked(twin))).to.include({ code: 'insufficient_scope' })
  })

  const hints: Array<[unknown, WixIdentity, string]> = [
    [{ subjectType: ['USER', 'MEMBER'] }, visitor, 'subjectType is VISITOR; the rule wants USER, MEMBER'],
    [{ siteOwner: true }, collaborator, 'the subject is not known to be the owner of the site'],
    [{ vendorProductId: 'plus' }, collaborator, 'the site is not known to be on a plan that the rule allows'],
    [() => false, owner, 'the predicate did not return true'],
  ]
  for (const [rule, who, hint] of hints) {
    it(`says in its event for the developer: ${hint}`, async () => {
      const events: unknown[] = []
      const keep = (event: unknown): void => {
        const { duration: _, ...rest } = event as WixAuthenticateEvent
        events.push(rest)
      }
      subscribe('passport-wix-app:authenticate', keep)
      try {
        expect(await guard(rule, asked(who))).to.have.property('hint', hint)
      } finally {
        unsubscribe('passport-wix-app:authenticate', keep)
      }
      const { instanceId, subjectType, subjectId, clientId, siteId } = who
      expect(events).to.deep.equal([
        {
          strategy: 'requireIdentity',
          outcome: 'fail',
          status: 403,
          code: 'insufficient_scope',
          hint,
          error: null,
          identity: { instanceId, subjectType, subjectId, clientId, siteId },
        },
      ])
    })
  }

  it('rejects as site owner where neither the user nor the owner is known', async () => {
    const ownerless = await identity({ uid: null, siteOwnerId: null })
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
      const plain = await identity({ uid: 'user-2', siteOwnerId: undefined })
      expect(await guard({ vendorProductId: 'plus' }, asked(plain))).to.include({ code: 'insufficient_scope' })
      expect(await guard({ siteOwner: true }, asked(plain))).to.include({ code: 'insufficient_scope' })
      // An access token names no permissions, and its subject here is the owner.
      const token = { ...owner } as Record<string, unknown>
      delete token['permissions']
      expect(await guard({ siteOwner: true }, asked(token))).to.include({ code: 'insufficient_scope' })
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

  describe('on a request that a strategy of this package has seen', () => {
    const strategy = new WixAppStrategy({ secret: SECRET, now }, async () => ({ id: 'user' }))

    it('passes on the refusal of it, where the app let it through all the same', async () => {
      for (const [query, code] of [
        [{}, 'credentials_missing'],
        [{ instance: instance({}, OTHER_SECRET) }, 'signature_invalid'],
      ] as const) {
        const req = request(query)
        await run(strategy, req)
        for (const rule of [{ subjectType: 'USER' }, () => true])
          expect(await guard(rule, req))
            .to.equal(refusalOf(req))
            .and.to.include({ code, status: 401 })
      }
    })

    it('says what is wrong, where it was accepted and the identity is not on req.authInfo', async () => {
      const req = request({ instance: instance() })
      await run(strategy, req)
      const error = await guard({ subjectType: 'USER' }, req)
      expect(error).to.have.property('message').that.includes('a custom callback must set req.authInfo = info')
      expect(error).to.not.have.property('code')
    })

    it('says that a login session does not have the identity', async () => {
      const error = await guard({ subjectType: 'USER' }, { session: { passport: { user: 'user-1' } } })
      expect(error).to.have.property('message').that.includes('a login session does not have it')
    })

    it('makes its 403 the refusal of the request', async () => {
      const req = asked(visitor)
      const error = await guard({ subjectType: 'USER' }, req)
      expect(refusalOf(req)).to.equal(error)
    })
  })

  it('does not end the process with what a host throws out of next, but warns', async () => {
    const warning = sinon.replace(process, 'emitWarning', sinon.fake())
    try {
      const next = sinon.fake.throws(new Error('of the host'))
      requireIdentity({ subjectType: 'USER' })(asked(owner), {}, next)
      await settled()
      sinon.assert.calledOnceWithExactly(next)
      expect(warning.args.map(([error]) => (error as Error).message)).to.deep.equal(['of the host'])
    } finally {
      sinon.restore()
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
    await settled()
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
      [{ permissions: 'OWNER' }, 'unknown option `permissions`'],
      [{ siteOwner: false }, 'option `siteOwner` must be true, got a boolean'],
      [
        { vendorProductId: undefined },
        'option `vendorProductId` must be the id of a plan, or an array of them, got undefined',
      ],
      [{ vendorProductId: null }, 'option `vendorProductId`'],
      [{ vendorProductId: ['plus', ''] }, 'option `vendorProductId`'],
      [{ vendorProductId: ['plus', 'undefined'] }, 'option `vendorProductId`'],
      [{ vendorProductId: '${WIX_PLAN}' }, 'got a placeholder that nothing has replaced'],
    ]
    optionsTable({ requireIdentity }, wrong)
  })
})

describe('assertIdentity', () => {
  it('returns for an identity that satisfies the rule, and throws for every other', async () => {
    const rules: IdentityRule[] = [
      { subjectType: 'USER' },
      { subjectType: ['USER', 'MEMBER'] },
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
    Object.assign(Object.prototype, { vendorProductId: 'plus', permissions: 'OWNER', siteOwnerId: 'a', subjectId: 'a' })
    try {
      for (const rule of [{ vendorProductId: 'plus' }, { siteOwner: true as const }]) {
        expect(() => assertIdentity({} as WixIdentity, rule))
          .to.throw()
          .with.property('code', 'insufficient_scope')
      }
    } finally {
      for (const name of ['vendorProductId', 'permissions', 'siteOwnerId', 'subjectId'])
        Reflect.deleteProperty(Object.prototype, name)
    }
  })

  describe('P-10: the rule', () => {
    const wrong: Array<[unknown, string]> = [
      [undefined, 'assertIdentity: the options must be an object'],
      [() => true, 'assertIdentity: the options must be an object, got a function'],
      [{}, 'assertIdentity: the rule is empty, so it would let everybody in'],
      [{ role: 'OWNER' }, 'assertIdentity: unknown option `role`'],
      [{ siteOwner: false }, 'assertIdentity: option `siteOwner` must be true'],
    ]
    optionsTable({ assertIdentity: (rule: never) => assertIdentity(owner, rule) }, wrong)
  })
})
