import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { refusalOf, type Verify, WixAppStrategy, WixAuthError } from '../lib/index.ts'
import { debug } from '../lib/internal/log.ts'
import { lookUp } from '../lib/look-up.ts'
import { instance, now, SECRET } from './support/build.ts'
import { watchForSecrets } from './support/canaries.ts'
import { type Outcome, request, run, settled, start } from './support/run.ts'

const user = { id: 'user' }
const req = request({ instance: instance() })
const strategy = (verify: unknown, options: object = {}): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify as Verify<unknown>)

describe('the verify callback', () => {
  watchForSecrets()
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
        await settled()
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
            strategy((_identity: object) => answer),
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
      const verify = (_identity: object): object => answer
      expect(await run(strategy(verify), req)).to.have.nested.property('error.message', 'trap')
    })

    it('but calls it and returns a query: does not run that query again', async () => {
      const query = { then: sinon.fake() }
      for (const verify of [
        (...args: unknown[]): unknown => {
          ;(args.at(-1) as Done)(null, user)
          return query
        },
        (_identity: object, ...rest: unknown[]): unknown => {
          ;(rest[0] as Done)(null, user)
          return query
        },
      ])
        expect(await run(strategy(verify), req)).to.have.property('user', user)
      sinon.assert.notCalled(query.then)
    })

    it('but calls it and rejects afterwards: its first decision counts, and the process lives', async () => {
      const verify = async (_identity: object, ...rest: unknown[]): Promise<void> => {
        ;(rest[0] as Done)(null, user)
        throw new Error('late')
      }
      expect(await run(strategy(verify), req)).to.have.property('user', user)
    })

    it('is told in the hint what it returned, where that is nobody', async () => {
      for (const [answer, what] of [
        [undefined, 'undefined'],
        [null, 'null'],
        [false, 'boolean'],
        [0, 'number'],
      ] as const) {
        for (const verify of [async () => answer, (_identity: object) => answer]) {
          const own = request({ instance: instance() })
          await run(strategy(verify), own)
          expect(refusalOf(own)?.hint).to.equal(`the verify callback found no user: it returned ${what}`)
        }
      }
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
          // One that answers nothing at all decides nothing.
          expect(outcomes[0]?.length).to.be.at.most(1)
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
    for (const [named, reason] of [
      ['undefined', undefined],
      ['null', null],
      ['an empty string', ''],
      ['zero', 0],
      ['a word that Express knows', 'route'],
      ['another word that Express knows', 'router'],
      ['a string', 'a string'],
      ['an object', { code: 7 }],
    ] as const) {
      const forms: Record<string, unknown> = {
        throws: () => {
          throw reason
        },
        rejects: () => Promise.reject(reason),
        'throws with the identity': (_identity: object) => {
          throw reason
        },
        'throws beside done': (_identity: object, _done: Done) => {
          throw reason
        },
        'rejects beside done': (_identity: object, _done: Done) => Promise.reject(reason),
      }
      if (reason !== undefined && reason !== null)
        forms['calls done'] = (_identity: object, done: Done) => done(reason, user)
      for (const [form, verify] of Object.entries(forms)) {
        it(`ends in an Error with it as cause, when it ${form} with ${named}`, async () => {
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

    it('P-01: ends in an error when it is a proxy that throws, as the error or as the user', async () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      const forms: unknown[] = [
        () => {
          throw proxy
        },
        (_identity: object, done: Done) => done(proxy),
        (_identity: object, done: Done) => done(null, proxy),
        (_identity: object) => proxy,
        async (_identity: object): Promise<never> => {
          throw proxy
        },
      ]
      for (const form of forms) {
        const outcome = await run(strategy(form), req)
        expect(outcome).to.have.property('kind', 'error')
        expect(outcome).to.have.property('error').that.is.instanceOf(Error)
      }
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

    it('ends after verifyTimeout seconds with an error, and a later answer changes nothing', async () => {
      let finish: Done = () => {}
      const never = (_identity: object, done: Done): void => void (finish = done)
      const outcomes = start(strategy(never, { verifyTimeout: 2 }), req)
      await settled()
      clock.tick(1999)
      await settled()
      expect(outcomes).to.deep.equal([])
      clock.tick(1)
      await settled()
      expect(outcomes).to.have.length(1)
      expect(outcomes).to.have.nested.property('[0].error.message', 'The verify callback did not answer within 2 s')
      finish(null, user)
      await settled()
      expect(outcomes).to.have.length(1)
    })

    it('leaves no timer behind when it answers in time, at once or later', async () => {
      let finish: Done = () => {}
      const later = (_identity: object, done: Done): void => void (finish = done)
      start(strategy(later, { verifyTimeout: 2 }), req)
      await settled()
      expect(clock.countTimers()).to.equal(1)
      finish(null, user)
      await run(
        strategy((_identity: object) => user, { verifyTimeout: 2 }),
        req,
      )
      expect(clock.countTimers()).to.equal(0)
      start(strategy(later), req)
      await settled()
      expect(clock.countTimers()).to.equal(0)
    })
  })
})

describe('A verify callback whose form hides what it does', () => {
  watchForSecrets()
  type Done = (error: unknown, user?: unknown) => void
  type Driver = (done: (error: unknown, row?: object) => void) => unknown
  const NOT_DECLARED = 'declares no parameter, so what it returns at once is not the user: declare the identity'

  let warning: sinon.SinonSpy
  beforeEach(() => {
    warning = sinon.replace(process, 'emitWarning', sinon.fake())
  })
  afterEach(() => sinon.restore())

  let names = 0
  /** A strategy with a name of its own, since each warning comes once for a name. */
  const own = (verify: unknown, options: object = {}): WixAppStrategy =>
    strategy(verify, { name: `s${++names}`, ...options })
  const warned = (): string[] =>
    warning.args.map(([message]) => String(message).replace(/^s\d+: the verify callback /, ''))

  /** What old drivers return at once, and their answer later. */
  const drivers: Record<string, (row: object | undefined) => Driver> = {
    'a Database, as sqlite3 does': (row) => (done) => {
      setImmediate(done, null, row)
      return { open: true, filename: ':memory:' }
    },
    'a Query, as mysql does': (row) => (done) => {
      setImmediate(done, null, row)
      return Object.assign(new EventEmitter(), { sql: 'SELECT 1' })
    },
    'true, as old redis does': (row) => (done) => {
      setImmediate(done, null, row)
      return true
    },
    'a query that runs when it is waited for, as knex and mongoose do': (row) => (done) => {
      setImmediate(done, null, row)
      return { then: sinon.fake.throws('run twice'), exec: sinon.fake() }
    },
  }

  /** Ways to pass a verify callback on; each has the length 0. */
  const wrappers: Record<string, (verify: (...args: unknown[]) => unknown) => unknown> = {
    'rest parameters':
      (verify) =>
      (...args: unknown[]) =>
        verify(...args),
    arguments: (verify) =>
      function (this: unknown) {
        // oxlint-disable-next-line prefer-rest-params
        return Reflect.apply(verify, this, arguments)
      },
    'a bound function': (verify) => verify.bind(null),
    'a stub': (verify) => sinon.stub().callsFake(verify),
  }

  const signatures: Array<[string, object]> = [
    ['(identity, done)', {}],
    ['(req, identity, done)', { passReqToCallback: true }],
  ]

  for (const [signature, options] of signatures) {
    for (const [handle, driver] of Object.entries(drivers)) {
      /** Called with its last argument as `done`. */
      const looksUp =
        (row: object | undefined) =>
        (...args: unknown[]) =>
          driver(row)((error, found) => (args.at(-1) as Done)(error, found ?? false))

      for (const [wrapper, wrap] of Object.entries(wrappers)) {
        it(`A4: ${wrapper} around ${signature}, of a driver that returns ${handle}: done decides`, async () => {
          expect(await run(own(wrap(looksUp(undefined)), options), req)).to.have.property('kind', 'fail')
          expect(await run(own(wrap(looksUp(user)), options), req)).to.have.property('user', user)
          expect(warned()).to.deep.equal([NOT_DECLARED, NOT_DECLARED])
        })
      }

      it(`A4: ${signature} of a driver that returns ${handle}: done decides`, async () => {
        const two = (row: object | undefined) => (identity: unknown, done: unknown) => looksUp(row)(identity, done)
        const three = (row: object | undefined) => (_req: unknown, identity: unknown, done: unknown) =>
          looksUp(row)(identity, done)
        const verify = signature.startsWith('(req') ? three : two
        expect(await run(own(verify(undefined), options), req)).to.have.property('kind', 'fail')
        expect(await run(own(verify(user), options), req)).to.have.property('user', user)
        expect(warned()).to.deep.equal([])
      })
    }

    it(`A4: Nest's callback of rest parameters for ${signature}, which returns a promise and calls done itself`, async () => {
      const nest =
        (validate: () => Promise<unknown>) =>
        async (...params: unknown[]): Promise<void> => {
          const done = params.at(-1) as Done
          try {
            done(null, await validate())
          } catch (error) {
            done(error, null)
          }
        }
      expect(
        await run(
          own(
            nest(async () => user),
            options,
          ),
          req,
        ),
      ).to.have.property('user', user)
      expect(
        await run(
          own(
            nest(async () => undefined),
            options,
          ),
          req,
        ),
      ).to.have.property('kind', 'fail')
      const error = new Error('database')
      expect(
        await run(
          own(
            nest(() => Promise.reject(error)),
            options,
          ),
          req,
        ),
      ).to.deep.equal({ kind: 'error', error })
      expect(warned()).to.deep.equal([])
    })
  }

  it('A4: a stub that returns a user at once signs nobody in, and says so once', async () => {
    const stubbed = own(sinon.stub().returns(user))
    for (let time = 0; time < 2; time++) {
      const outcomes = start(stubbed, req)
      await settled()
      expect(outcomes).to.deep.equal([])
    }
    expect(warned()).to.deep.equal([NOT_DECLARED])
    expect(warning.firstCall.args[1]).to.deep.equal({ type: 'WixVerifyWarning' })
  })

  it('a stub that resolves to a user, and one without parameters that calls done at once, sign in', async () => {
    expect(await run(own(sinon.stub().resolves(user)), req)).to.have.property('user', user)
    expect(await run(own(sinon.stub().yields(null, user)), req)).to.have.property('user', user)
    const both = sinon.stub().callsFake((_identity: object, done: Done) => {
      done(null, user)
      return true
    })
    expect(await run(own(both), req)).to.have.property('user', user)
    expect(warned()).to.deep.equal([])
  })

  it('a wrapper that returns nothing and calls done later signs in, and nothing is said', async () => {
    const quiet = (...args: unknown[]): void => void setImmediate(args.at(-1) as Done, null, user)
    expect(await run(own(quiet), req)).to.have.property('user', user)
    expect(warned()).to.deep.equal([])
  })

  it('one that fails and calls done afterwards has failed, and nothing is said of what it returned', async () => {
    const error = new Error('database')
    let finish: Done = () => {}
    const failing = (_identity: object, done: Done): void => {
      finish = done
      throw error
    }
    expect(await run(own(failing), req)).to.deep.equal({ kind: 'error', error })
    finish(null, user)
    expect(warned()).to.deep.equal([])
  })

  it('an info that is no object is none', async () => {
    const settings = { name: 'x', parameters: 2, isRequestPassed: false, timeout: undefined }
    for (const info of [null, undefined, 7])
      expect(await lookUp((done) => done(null, user, info as never), settings)).to.deep.equal({ user, info: undefined })
  })

  it('one that declares the identity alone and calls done later is decided by what it returned, and says so', async () => {
    const hidden = (_identity: object, ...rest: unknown[]): void => void setImmediate(rest[0] as Done, null, user)
    expect(hidden.length).to.equal(1)
    expect(await run(own(hidden), req)).to.have.property('kind', 'fail')
    expect(warned()).to.deep.equal([
      'called done() after what it returned had decided: declare `done` as its last parameter',
    ])
  })

  const FORGOTTEN = 'declares `done`, and its promise settled without a call of it: what it returns is ignored'

  it('B45: an async function that declares done and returns a user says so at once, once for a strategy', async () => {
    let decide: Done | undefined
    const verify = async (_identity: object, done: Done): Promise<object> => {
      decide = done
      return user
    }
    const forgetful = own(verify)
    const outcomes = start(forgetful, req)
    await settled()
    expect(outcomes).to.deep.equal([])
    expect(warned()).to.deep.equal([FORGOTTEN])
    decide?.(null, user)
    await settled()
    expect(outcomes).to.have.nested.property('[0].user', user)
    start(forgetful, req)
    start(own(verify), req)
    await settled()
    expect(warned()).to.deep.equal([FORGOTTEN, FORGOTTEN])
  })

  it('is waited for, where it returns a promise and its done is collected', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    let answer: (found: object) => void = () => {}
    const outcomes = start(
      own((_identity: object) => new Promise<object>((resolve) => void (answer = resolve))),
      req,
    )
    for (let turn = 0; turn < 5; turn++) {
      await settled()
      collect()
    }
    expect(outcomes).to.deep.equal([])
    answer(user)
    await settled()
    expect(outcomes).to.have.nested.property('[0].user', user)
  })

  it('B45: is an error once nothing is left that could call done', async () => {
    // As `node --expose-gc` does.
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    for (const verify of [
      async (_identity: object, _done: Done): Promise<object> => user,
      (_identity: object, _done: Done): void => {},
      (): object => user,
    ]) {
      const outcomes = start(own(verify), req)
      for (let turn = 0; turn < 100 && outcomes.length === 0; turn++) {
        await settled()
        collect()
      }
      expect(outcomes).to.have.nested.property(
        '[0].error.message',
        'The verify callback can no longer decide: nothing is left that could call `done`. ' +
          'Call done(null, user), or declare the identity alone and return the user',
      )
      expect(outcomes).to.have.length(1)
    }
  })
})

describe('A verify callback with a mistake in its arguments', () => {
  watchForSecrets()
  type Done = (...args: unknown[]) => void
  const errorOf = async (verify: unknown, options: object = {}): Promise<Error & { cause?: unknown }> => {
    const outcome = await run(strategy(verify, options), req)
    expect(outcome).to.have.property('kind', 'error')
    return (outcome as { error: Error }).error
  }

  it('B53: done(user) is an error that names the order of its arguments', async () => {
    for (const first of [user, 'user-1', 7, true]) {
      const error = await errorOf((_identity: object, done: Done) => done(first))
      expect(error.message).to.include('done(error, user): did you mean done(null, user)?')
      expect(error.cause).to.equal(first)
    }
  })

  it('B52: three parameters without passReqToCallback is a TypeError of the constructor', () => {
    const verify = (_req: object, _identity: object, done: Done): void => done(null, user)
    expect(() => strategy(verify)).to.throw(
      TypeError,
      'WixAppStrategy: verify declares 3 parameters, and is called with two, (identity, done): to get the request, set `passReqToCallback: true`',
    )
    expect(() => strategy(verify, { passReqToCallback: false })).to.throw(TypeError, 'verify declares 3 parameters')
    expect(() => strategy(verify, { passReqToCallback: true })).to.not.throw()
  })

  it('B52: four parameters with passReqToCallback is a TypeError of the constructor', () => {
    const verify = (_req: object, _token: object, _profile: object, done: Done): void => done(null, user)
    expect(() => strategy(verify, { passReqToCallback: true })).to.throw(
      TypeError,
      /^WixAppStrategy: verify declares 4 parameters, and is called with three, \(req, identity, done\)$/,
    )
  })

  it('signs in nobody for a promise that is passed to done, whatever it resolves to', async () => {
    const message = 'The verify callback gave no user, but a promise: await it, and then call done(null, user)'
    for (const promise of [Promise.resolve(user), Promise.resolve(undefined), { then: () => {} }])
      expect(await errorOf((_identity: object, done: Done) => done(null, promise))).to.have.property('message', message)
  })

  it('signs in nobody for the answer of a query or a service that may have found nobody', async () => {
    const answers = [
      { rows: [], rowCount: 0 }, // pg
      { rows: [], rowsAffected: 0 }, // libsql
      { rows: [], count: 0 }, // Sequelize
      { rows: [], rowLength: 0 }, // Cassandra
      { rows: [], metaData: [] }, // Oracle
      { rows: [], total_rows: 0 }, // CouchDB
      { rows: [], meta: {} }, // Couchbase
      { recordset: [], rowsAffected: [0] }, // SQL Server
      { records: [], summary: {} }, // Neo4j
      { records: [], totalSize: 0 }, // Salesforce
      { results: [], success: true }, // D1
      { results: [], meta: {} },
      { items: [], hasNext: () => false }, // Wix
      { affectedRows: 0 }, // MySQL
      { lastInsertRowid: 0 }, // SQLite
      { affected: 0, raw: [] }, // TypeORM
      { numUpdatedRows: 0n }, // Kysely
      { lastErrorObject: {}, value: null }, // MongoDB
      { acknowledged: true, matchedCount: 0 },
      { acknowledged: true, deletedCount: 0 },
      { exists: false, readTime: {} }, // Firestore
      { docs: [], readTime: {} },
      { docs: [], docChanges: () => [] },
      { exists: () => false, ref: {} }, // Firebase
      { Item: undefined, $metadata: {} }, // DynamoDB
      Object.defineProperty({}, '$response', { value: {} }),
      { _shards: {}, hits: {} }, // Elasticsearch
      { _index: 'users', found: false },
      { data: null, error: {}, statusText: 'Not Acceptable' }, // Supabase
      { error: {}, statusText: 'Not Acceptable' },
      { data: { user: null }, error: {} },
      { error: 'nobody', success: false }, // services
      { error: 'nobody', ok: false },
      { statusCode: 404, headers: {} }, // undici
      new Response('', { status: 404 }),
    ]
    for (const answer of answers)
      for (const verify of [async (_identity: object) => answer, (_identity: object, done: Done) => done(null, answer)])
        expect(await errorOf(verify)).to.have.property(
          'message',
          'The verify callback gave no user, but the whole answer of a query or a service: take the user out of it, which is undefined where there is none',
        )
  })

  it('signs in nobody for a query that has not been run, or whose callback is to decide', async () => {
    const none = (): undefined => undefined
    const queries = [
      { all: none, run: none, get: none }, // SQLite
      { sql: 'SELECT', values: [] }, // MySQL
      { getOne: none, getMany: none }, // TypeORM
    ]
    for (const query of queries)
      for (const verify of [
        (_identity: object) => query,
        async (_identity: object) => query,
        async (...args: object[]) => args.length && query,
      ])
        expect(await errorOf(verify)).to.have.property(
          'message',
          'The verify callback gave no user, but a query that is not done: run it, and await its row, or declare `done` for its callback',
        )
  })

  it('signs in nobody for an Error of another realm', async () => {
    const error = await errorOf(() => Promise.resolve(runInNewContext('new TypeError()')))
    expect(error.message).to.equal('The verify callback gave no user, but an Error: throw it, or call done(error)')
  })

  it('signs in a user that looks like none of what is no user', async () => {
    const names =
      'rows rowCount rowsAffected count rowLength metaData total_rows meta recordset records summary totalSize results success items hasNext affected raw lastErrorObject value acknowledged matchedCount deletedCount readTime exists docs ref docChanges _index found error statusText data ok headers statusCode all run sql values getOne getMany next subscribe pipe'
    const users = names.split(' ').map((name) => ({ [name]: 'mine' }))
    const others = [
      { statusCode: undefined, then: 'x' },
      { rows: 3, count: 2 },
      { results: [], total: 3 },
      'user-1',
      'null-1',
      'my undefined',
      7,
      new Map(),
    ]
    for (const one of [...users, ...others])
      for (const verify of [async () => one, (_identity: object, done: Done) => done(null, one)])
        expect(await run(strategy(verify), req)).to.include({ kind: 'success', user: one })
  })

  it('B52: two parameters with passReqToCallback, of which the second is called as done, is an error that says what they are', async () => {
    const misread = (_identity: object, done: Done): void => done(null, user)
    const later = async (_identity: object, done: Done): Promise<void> => done(null, user)
    for (const verify of [misread, later]) {
      const error = await errorOf(verify, { passReqToCallback: true })
      expect(error.message).to.include('With passReqToCallback it is called as (req, identity, done)')
      expect(error.cause).to.be.instanceOf(TypeError)
    }
    const notAFunction = new TypeError('find is not a function')
    for (const [verify, passReqToCallback] of [
      [(_req: object, _identity: object, _done: Done): Promise<never> => Promise.reject(notAFunction), true],
      [(_identity: object): Promise<never> => Promise.reject(notAFunction), false],
    ] as const)
      expect(await errorOf(verify, { passReqToCallback })).to.equal(notAFunction)
    const error = new Error('database')
    const failing = (_req: object, _identity: object): never => {
      throw error
    }
    expect(await errorOf(failing, { passReqToCallback: true })).to.equal(error)
  })

  it('P-01: an error whose message is no string, as some clients make them, is passed on as it is', async () => {
    const error = Object.assign(new Error('x'), { message: { status: 'down' } })
    const verify = (_req: object, _identity: object): Promise<never> => Promise.reject(error)
    expect(await errorOf(verify, { passReqToCallback: true })).to.equal(error)
  })

  it('B54: options and verify in the other order is a TypeError of the constructor', () => {
    const swapped = [() => user, { secret: SECRET }] as never
    expect(() => new WixAppStrategy(...(swapped as [never]))).to.throw(
      TypeError,
      'WixAppStrategy: the options come first, and verify last: new WixAppStrategy({ secret }, verify)',
    )
  })

  describe('in the log of NODE_DEBUG', () => {
    /** What a program prints there, to which `strategyOf(verify)`, `start`, `settled` and a fake clock are given. */
    async function logOf(code: string): Promise<string[]> {
      const program = `
        import sinon from 'sinon'
        import { WixAppStrategy } from './lib/index.ts'
        import { instance, now, SECRET } from './test/support/build.ts'
        import { request, settled, start } from './test/support/run.ts'
        const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
        const strategyOf = (verify, options) => new WixAppStrategy({ secret: SECRET, now, ...options }, verify)
        const req = request({ instance: instance() })
        ${code}`
      const { stderr } = await promisify(execFile)(
        process.execPath,
        ['--import', 'tsx/esm', '--input-type=module', '--eval', program],
        {
          cwd: join(import.meta.dirname, '..'),
          env: { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: 'passport-wix-app' },
        },
      )
      const lines = stderr.split('\n').filter((line) => line.startsWith('PASSPORT-WIX-APP'))
      return lines.map((line) => line.replace(/^PASSPORT-WIX-APP \d+: /, ''))
    }

    it('B45: it has not decided after five seconds', async () => {
      const lines = await logOf(`
        let decide
        const slow = (_identity, done) => void (decide = done)
        start(strategyOf(slow, { name: 'slow' }), req)
        await settled()
        clock.tick(4999)
        console.error('PASSPORT-WIX-APP 1: 4999 ms')
        clock.tick(1)
        decide(null, {})
        start(strategyOf(slow, { name: 'quick' }), req)
        await settled()
        decide(null, {})
        await settled()
        clock.tick(60_000)`)
      expect(lines).to.deep.equal([
        '4999 ms',
        'slow: the verify callback has not decided after 5 s',
        'slow 200 (instance instance-1)',
        'quick 200 (instance instance-1)',
      ])
    })

    it('B62, B70: it called done again, and it returned undefined', async () => {
      const lines = await logOf(`
        start(strategyOf((_identity, done) => { done(null, {}); done(null, false) }), req)
        start(strategyOf((_identity) => { /* forgot to return */ }), req)
        start(strategyOf(async (_identity, done) => ({})), req)
        await settled()`)
      expect(lines).to.have.members([
        'wix-app: the verify callback called done() again; the first call counts',
        'wix-app: the verify callback declares `done`, and its promise settled without a call of it: what it returns is ignored',
        'wix-app 200 (instance instance-1)',
        'wix-app 401: the verify callback found no user: it returned undefined (instance instance-1)',
      ])
    })
  })

  const notUsers: Array<[string, unknown]> = [
    ['an array: take its first row, which is undefined where there is none', []],
    ['an array: take its first row, which is undefined where there is none', [user]],
    ['a function: call it', () => user],
    [
      'a generator, which nobody runs: make it an async function',
      (function* () {
        yield user
      })(),
    ],
    ['an Error: throw it, or call done(error)', new Error('found nobody')],
    ['a cursor or a stream: read the first one out of it', { async *[Symbol.asyncIterator]() {} }],
    ['a cursor or a stream: read the first one out of it', new Map().values()],
    ['an observable: await firstValueFrom() of it', { subscribe: () => {}, pipe: () => {} }],
    ['a string that JavaScript makes of a missing value', 'undefined'],
    ['a string that JavaScript makes of a missing value', 'null'],
    ['a string that JavaScript makes of a missing value', 'NaN'],
    ['a string that JavaScript makes of a missing value', 'false'],
    ['a string that JavaScript makes of a missing value', '[object Object]'],
    [
      'a generator, which nobody runs: make it an async function',
      (async function* () {
        yield user
      })(),
    ],
  ]
  for (const [problem, value] of notUsers) {
    const forms: Record<string, unknown> = {
      returned: (_identity: object) => value,
      'as a promise': async (_identity: object) => value,
      'passed to done': (_identity: object, done: Done) => done(null, value),
    }
    for (const [form, verify] of Object.entries(forms))
      it(`signs in nobody for ${problem.split(/[:,]/)[0]}${Array.isArray(value) ? ` of ${value.length}` : ''}, ${form}`, async () => {
        const outcome = await run(strategy(verify), req)
        sinon.assert.match(outcome, {
          kind: 'error',
          error: sinon.match({ message: `The verify callback gave no user, but ${problem}` }),
        })
      })
  }

  it('B45: the timer of the log is no reason for a process to stay', async () => {
    const descriptor = Object.getOwnPropertyDescriptor(debug, 'enabled') as PropertyDescriptor
    Object.defineProperty(debug, 'enabled', { get: () => true, configurable: true })
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let decide: Done = () => {}
      start(
        strategy((_identity: object, done: Done) => void (decide = done)),
        req,
      )
      await settled()
      expect(clock.countTimers()).to.equal(1)
      clock.tick(5000)
      decide(null, user)
      expect(clock.countTimers()).to.equal(0)
    } finally {
      clock.restore()
      Object.defineProperty(debug, 'enabled', descriptor)
    }
  })
})
