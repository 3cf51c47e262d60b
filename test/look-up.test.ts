import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Verify, WixAppStrategy, WixAuthError } from '../lib/index.ts'
import { instance, now, SECRET } from './support/build.ts'
import { type Outcome, request, run, settled, start } from './support/run.ts'

const user = { id: 'user' }
const req = request({ instance: instance() })
const strategy = (verify: unknown, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify as Verify<unknown>)

describe('the verify callback', () => {
  const identity = sinon.match({ instanceId: 'instance-1' })
  type Done = (...args: unknown[]) => void

  const decisions: Array<[string, unknown[], (outcome: Outcome) => void]> = [
    ['a user', [null, user], (outcome) => sinon.assert.match(outcome, { kind: 'success', user, info: { identity } })],
    [
      'a user and an info object',
      [null, user, { scope: 'all', identity: 'mine' }],
      (outcome) => sinon.assert.match(outcome, { kind: 'success', user, info: { scope: 'all', identity } }),
    ],
    [
      'a user and an info string',
      [null, user, 'Welcome'],
      (outcome) => sinon.assert.match(outcome, { kind: 'success', user, info: { message: 'Welcome', identity } }),
    ],
    [
      'false',
      [null, false],
      (outcome) => expect(outcome).to.deep.equal({ kind: 'fail', challenge: undefined, status: 401 }),
    ],
    ['nothing', [], (outcome) => expect(outcome).to.deep.equal({ kind: 'fail', challenge: undefined, status: 401 })],
    [
      'false and an info object',
      [null, false, { message: 'Not installed' }],
      (outcome) =>
        expect(outcome).to.deep.equal({ kind: 'fail', challenge: { message: 'Not installed' }, status: 401 }),
    ],
    [
      'P-08: false and an info string, which must not become a header',
      [null, false, 'не установлено'],
      (outcome) =>
        expect(outcome).to.deep.equal({ kind: 'fail', challenge: { message: 'не установлено' }, status: 401 }),
    ],
    [
      'a user and an info that is a number',
      [null, user, 7],
      (outcome) => sinon.assert.match(outcome, { user, info: { identity } }),
    ],
    [
      'false and an info that is a number',
      [null, false, 7],
      (outcome) => expect(outcome).to.deep.equal({ kind: 'fail', challenge: undefined, status: 401 }),
    ],
    [
      'false and the info null',
      [null, false, null],
      (outcome) => expect(outcome).to.deep.equal({ kind: 'fail', challenge: undefined, status: 401 }),
    ],
    [
      'an error',
      [new Error('database'), user],
      (outcome) => expect(outcome).to.have.nested.property('error.message', 'database'),
    ],
    ['the error false', [false, user], (outcome) => expect(outcome).to.have.property('kind', 'success')],
  ]
  for (const [name, args, check] of decisions) {
    it(`decides with ${name}`, async () => {
      check(
        await run(
          strategy((_identity: object, done: Done) => done(...args)),
          req,
        ),
      )
    })
    it(`decides with ${name}, later`, async () => {
      check(
        await run(
          strategy((_identity: object, done: Done) => void setImmediate(done, ...args)),
          req,
        ),
      )
    })
  }

  describe('P-05: that declares done', () => {
    it('ignores what it returns, be it true like a database handle, or a promise of a user', async () => {
      for (const returned of [new EventEmitter(), true, user, Promise.resolve(user)]) {
        let finish: Done = () => {}
        const outcomes = start(
          strategy((_identity: object, done: Done) => {
            finish = done
            return returned
          }),
          req,
        )
        await settled()
        expect(outcomes).to.deep.equal([])
        finish(null, false)
        expect(outcomes).to.deep.equal([{ kind: 'fail', challenge: undefined, status: 401 }])
      }
    })

    it('does not run a query again that it returns', async () => {
      const query = { then: sinon.fake() }
      await run(
        strategy((_identity: object, done: Done) => {
          setImmediate(done, null, user)
          return query
        }),
        req,
      )
      sinon.assert.notCalled(query.then)
    })

    it('is an error when it throws or rejects', async () => {
      const error = new Error('broken')
      const throwing = (_identity: object, _done: Done): void => {
        throw error
      }
      const rejecting = async (_identity: object, _done: Done): Promise<void> => {
        throw error
      }
      expect(await run(strategy(throwing), req)).to.deep.equal({ kind: 'error', error })
      expect(await run(strategy(rejecting), req)).to.deep.equal({ kind: 'error', error })
    })
  })

  describe('P-05: that does not declare done', () => {
    const answers: Array<[string, unknown, string]> = [
      ['a user', user, 'success'],
      ['a promise of a user', Promise.resolve(user), 'success'],
      ['a thenable of a user', { then: (resolve: (found: object) => void) => resolve(user) }, 'success'],
      ['a user who has a property then', { then: 'later' }, 'success'],
      [
        'a thenable function of nothing',
        Object.assign(() => {}, { then: (resolve: (found: null) => void) => resolve(null) }),
        'fail',
      ],
      ['undefined', undefined, 'fail'],
      ['null', null, 'fail'],
      ['false', false, 'fail'],
      ['an empty string', '', 'fail'],
      ['a promise of undefined', Promise.resolve(), 'fail'],
      ['a promise of null', Promise.resolve(null), 'fail'],
      ['a promise of false', Promise.resolve(false), 'fail'],
    ]
    for (const [name, answer, kind] of answers) {
      it(`ends in ${kind} with ${name}`, async () => {
        expect(
          await run(
            strategy(() => answer),
            req,
          ),
        ).to.have.property('kind', kind)
        const withRequest = strategy((_req: object, _identity: object) => answer, { passReqToCallback: true })
        expect(await run(withRequest, req)).to.have.property('kind', kind)
      })
    }

    it('is an error when it throws or rejects', async () => {
      const error = new Error('broken')
      const throwing = (): never => {
        throw error
      }
      expect(await run(strategy(throwing), req)).to.deep.equal({ kind: 'error', error })
      expect(
        await run(
          strategy(async () => throwing()),
          req,
        ),
      ).to.deep.equal({ kind: 'error', error })
    })

    it('P-01: is an error when reading `then` of its answer throws', async () => {
      const answer = Object.defineProperty({}, 'then', {
        get: () => {
          throw new Error('trap')
        },
      })
      for (const secret of [SECRET, async () => SECRET]) {
        const outcome = await run(
          strategy(() => answer, { secret }),
          req,
        )
        expect(outcome).to.have.nested.property('error.message', 'trap')
      }
    })

    it('but calls it and returns a query: does not run that query again', async () => {
      const query = { then: sinon.fake() }
      const hides = (...args: unknown[]): unknown => {
        ;(args.at(-1) as Done)(null, user)
        return query
      }
      expect(await run(strategy(hides), req)).to.have.property('user', user)
      sinon.assert.notCalled(query.then)
    })

    it('but calls it and returns a promise of nothing, as Nest does: done decides', async () => {
      const nest = async (...args: unknown[]): Promise<void> => {
        await Promise.resolve()
        ;(args.at(-1) as Done)(null, user)
      }
      expect(await run(strategy(nest), req)).to.have.property('user', user)
    })
  })

  describe('P-02: that misbehaves', () => {
    const acts: Record<string, (done: Done) => unknown> = {
      'calls done with a user': (done) => done(null, user),
      'calls done with false': (done) => done(null, false),
      'calls done with an error': (done) => done(new Error('first')),
      throws: () => {
        throw new Error('thrown')
      },
      rejects: () => Promise.reject(new Error('rejected')),
      'answers with a promise': () => Promise.resolve(user),
      'calls done later': (done) => setImmediate(done, null, user),
    }
    for (const [first, one] of Object.entries(acts)) {
      for (const [second, two] of Object.entries(acts)) {
        // Only the app itself could catch that promise.
        if (first === 'rejects' && second === 'throws') continue
        it(`has one outcome when it ${first} and then ${second}`, async () => {
          const declares = (_identity: object, done: Done): unknown => {
            const promise = one(done)
            const other = two(done)
            return promise instanceof Promise ? Promise.all([promise, other]) : other
          }
          // Its length is 0, as with a wrapper of a framework.
          const hides = (...args: [object, Done]): unknown => declares(...args)
          const outcomes = [start(strategy(hides), req)]
          outcomes.push(start(strategy(declares), req))
          await settled()
          expect(outcomes[0]).to.have.length(1)
          // One that declares done and never calls it decides nothing.
          expect(outcomes[1]?.length).to.be.at.most(1)
        })
      }
    }

    it('has the outcome of its first call', async () => {
      const twice = (_identity: object, done: Done): void => {
        done(null, false)
        done(null, user)
        throw new Error('late')
      }
      expect(await run(strategy(twice), req)).to.have.property('kind', 'fail')
    })
  })

  describe('P-04: that fails with a value that is not an Error', () => {
    for (const reason of [undefined, null, '', 0, 'route', 'router', 'a string', { code: 7 }]) {
      const forms: Record<string, unknown> = {
        throws: () => {
          throw reason
        },
        rejects: () => Promise.reject(reason),
        'throws beside done': (_identity: object, _done: Done) => {
          throw reason
        },
        'rejects beside done': (_identity: object, _done: Done) => Promise.reject(reason),
      }
      if (reason !== undefined && reason !== null)
        forms['calls done'] = (_identity: object, done: Done) => done(reason, user)
      for (const [form, verify] of Object.entries(forms)) {
        it(`ends in an Error with it as cause, when it ${form} with ${JSON.stringify(reason)}`, async () => {
          const outcome = await run(strategy(verify), req)
          expect(outcome).to.have.property('kind', 'error')
          expect(outcome).to.have.property('error').that.is.instanceOf(Error).with.property('cause', reason)
          expect(outcome).to.have.nested.property('error.message').that.includes('not an Error; see `cause`')
        })
      }
    }

    it('passes on an Error of another realm as it is', async () => {
      const { runInNewContext } = await import('node:vm')
      const foreign: unknown = runInNewContext('new Error("foreign")')
      const outcome = await run(
        strategy((_identity: object, done: Done) => done(foreign)),
        req,
      )
      expect(outcome).to.deep.equal({ kind: 'error', error: foreign })
    })

    it('ends in an error also when it throws a WixAuthError', async () => {
      const error = new WixAuthError('claim_invalid')
      expect(
        await run(
          strategy(() => Promise.reject(error)),
          req,
        ),
      ).to.deep.equal({ kind: 'error', error })
    })
  })

  describe('P-06: that never answers', () => {
    let clock: sinon.SinonFakeTimers
    beforeEach(() => {
      clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    })
    afterEach(() => clock.restore())

    it('ends after verifyTimeout seconds with an error, and a later answer changes nothing', () => {
      let finish: Done = () => {}
      const never = (_identity: object, done: Done): void => void (finish = done)
      const outcomes = start(strategy(never, { verifyTimeout: 2 }), req)
      clock.tick(1999)
      expect(outcomes).to.deep.equal([])
      clock.tick(1)
      expect(outcomes).to.have.length(1)
      expect(outcomes).to.have.nested.property('[0].error.message', 'The verify callback did not answer within 2 s')
      finish(null, user)
      expect(outcomes).to.have.length(1)
    })

    it('leaves no timer behind when it answers in time, at once or later', async () => {
      let finish: Done = () => {}
      const later = (_identity: object, done: Done): void => void (finish = done)
      start(strategy(later, { verifyTimeout: 2 }), req)
      expect(clock.countTimers()).to.equal(1)
      finish(null, user)
      start(
        strategy(() => user, { verifyTimeout: 2 }),
        req,
      )
      expect(clock.countTimers()).to.equal(0)
      start(strategy(later), req)
      expect(clock.countTimers()).to.equal(0)
    })
  })
})
