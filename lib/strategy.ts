// The way of a request: read (read.ts), check (strategies/, sessions/), look up (look-up.ts), decide (here), tell (events.ts).
// README.md beside this file says what is where.

import { Strategy as PassportStrategy } from 'passport-strategy'
import { bearerChallenge, WixAuthError } from './errors.ts'
import { begin, NO_USER, type Refused, tell } from './events.ts'
import { unlessAnswered } from './internal/answered.ts'
import { type Checked, type Checks, checkOptions, flag, string, timeout } from './internal/options.ts'
import { toError, whenReady } from './internal/promises.ts'
import { own } from './internal/values.ts'
import { identityAsUser, lookUp, type Outcome, type Verify, type VerifyWithRequest } from './look-up.ts'
import type { DefaultRequest } from './read.ts'

/** The options that all strategies have. */
export interface WixStrategyOptions {
  /** The name to register under, for several strategies of one kind. Default: the name of the kind. */
  name?: string
  /** Calls verify as `(req, identity, done)`. Default: false. */
  passReqToCallback?: boolean
  /** Seconds after which a verify callback that has not answered is an error. Default: no limit. */
  verifyTimeout?: number
}

const commonChecks: Checks<WixStrategyOptions> = { name: string, passReqToCallback: flag, verifyTimeout: timeout }

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For a refusal without a Bearer challenge: this message in place of ours; `code` stays as it is. */
    badRequestMessage?: string | undefined
  }
}

/**
 * What sets one kind of strategy apart from another: its options, how a credential is read, and how it is checked. `reader` and `check`
 * run once, when a strategy is made; the functions that they return run for each request. A {@link WixAuthError} that those throw is
 * a refusal, anything else an error.
 */
export interface Kind<Credential, Identity, Options, Req> {
  /** The class, for messages about options. */
  owner: string
  /** The name that Passport registers. */
  name: string
  /** Whether the credential is a Bearer token: then a 401 has a Bearer challenge (RFC 6750 section 3). */
  isBearer?: true
  optionChecks: Checks<Omit<Options, keyof WixStrategyOptions>>
  /** Options that passport.authenticate() may give, too. */
  late?: readonly (keyof Options)[]
  reader(options: Checked<Options>): (req: Req, authenticateOptions: object) => Credential | Promise<Credential>
  check(owner: string, options: Checked<Options>): (credential: Credential) => Identity | Promise<Identity>
}

/** What Passport puts on a strategy for the length of one request. */
interface PassportActions {
  success: (user: unknown, info: object) => void
  /** Passport takes two arguments; the third is for `authenticateRequest`. */
  fail: (challenge: string | object | undefined, status: number, reason?: WixAuthError) => void
  error: (error: Error) => void
}
/** As the types of the hosts have it: `redirect` and `pass` are never called here; Fastify's `fail` also takes a status alone. */
interface PassportStrategyActions extends PassportActions {
  fail(this: void, challenge?: unknown, status?: number): void
  redirect: (url: string, status?: number) => void
  pass: () => void
}
const Base: new () => PassportStrategyActions = PassportStrategy

/** The challenge when the look-up found no user, and verify gave no info. */
const NO_USER_CHALLENGE = bearerChallenge(NO_USER)

/** One request through one strategy: read, verify, look up, decide once. */
export abstract class WixStrategy<
  Credential,
  Identity extends object,
  Options extends WixStrategyOptions,
  Req = DefaultRequest,
> extends Base {
  readonly name: string
  // In closures, so that the object shows no secret.
  private readonly _identify: (req: Req, authenticateOptions: object) => Identity | Promise<Identity>
  private readonly _lookUp: (req: Req, identity: Identity, decide: (outcome: Outcome) => void) => void
  private readonly _isBearer: boolean
  private readonly _owner: string
  /** Options only of the constructor, but for those that were warned about. */
  private readonly _earlyOptions: Set<string>

  /** @throws {TypeError} For an option that is missing, unknown or of the wrong type, and without a verify callback. */
  constructor(options: Options & { passReqToCallback?: false }, verify: Verify<Identity>)
  constructor(options: Options & { passReqToCallback: true }, verify: VerifyWithRequest<Identity, Req>)
  constructor(given: Options, verify: Verify<Identity> | VerifyWithRequest<Identity, Req>) {
    super()
    const kind = this._kind()
    const { owner } = kind
    // The checks of a kind and the common ones are those of all its options, which TypeScript cannot conclude here.
    const checks = { ...commonChecks, ...kind.optionChecks } as Checks<Options>
    const options = checkOptions(owner, given, checks)
    if (typeof verify !== 'function') {
      throw new TypeError(`${owner} needs a verify callback as its last argument: (identity, done) => ...`)
    }
    const { name = kind.name, passReqToCallback = false, verifyTimeout }: Checked<WixStrategyOptions> = options
    const read = kind.reader(options)
    const check = kind.check(owner, options)
    // The overloads tie the form of verify to `passReqToCallback`.
    const withRequest = verify as VerifyWithRequest<Identity, Req>
    const withoutRequest = verify as Verify<Identity>
    const declaresDone = verify.length > (passReqToCallback ? 2 : 1)

    this.name = name
    this._owner = owner
    this._earlyOptions = new Set(Object.keys(checks))
    for (const late of kind.late ?? []) this._earlyOptions.delete(String(late))
    this._isBearer = kind.isBearer ?? false
    this._identify = (req, authenticateOptions) => whenReady(read(req, authenticateOptions), check)
    this._lookUp = (req, identity, decide) =>
      lookUp(
        (done) => (passReqToCallback ? withRequest(req, identity, done) : withoutRequest(identity, done)),
        declaresDone,
        verifyTimeout,
        decide,
      )
  }

  /** A constant of the class. The constructor of the base class calls it, so it cannot be a field. */
  protected abstract _kind(): Kind<Credential, Identity, Options, Req>

  /** Called by Passport. Ends in exactly one of success, fail and error; never throws by itself. */
  authenticate(req: Req, given?: object): void {
    const options = given ?? {}
    // Taken at once: a strategy object given to passport.authenticate() is shared, and the next request replaces them.
    const actions = { success: this.success, fail: this.fail, error: this.error }
    const began = begin()
    const found = (identity: Identity): void =>
      this._lookUp(req, identity, (outcome) => {
        tell(this.name, began, req, outcome, identity)
        unlessAnswered(req, () => this._decide(outcome, identity, actions))
      })
    const refused = (reason: unknown): void => {
      const decision: Refused = reason instanceof WixAuthError ? { refusal: reason } : { error: toError(reason) }
      tell(this.name, began, req, decision)
      unlessAnswered(req, () => this._refuse(decision, options, actions))
    }
    this._warnOfEarly(options)
    let identity: Identity | Promise<Identity>
    try {
      identity = this._identify(req, options)
    } catch (reason) {
      return refused(reason)
    }
    if (!(identity instanceof Promise)) return found(identity)
    void identity.then(found, refused)
  }

  /** Such an option has no effect here: another strategy of a chain may mean an option of its own by that name. */
  private _warnOfEarly(options: object): void {
    for (const name of Object.keys(options)) {
      if (!this._earlyOptions.delete(name)) continue
      process.emitWarning(
        `${this._owner}: passport.authenticate() does not use the option \`${name}\`; pass it to the constructor`,
        { type: 'WixOptionWarning' },
      )
    }
  }

  private _refuse(reason: Refused, options: object, actions: PassportActions): void {
    if (reason.error !== undefined) return actions.error(reason.error)
    const { refusal } = reason
    if (this._isBearer && refusal.status === 401) return actions.fail(bearerChallenge(refusal), 401, refusal)
    const message = own(options, 'badRequestMessage') || refusal.message
    actions.fail({ message, code: refusal.code }, refusal.status, refusal)
  }

  private _decide(outcome: Outcome, identity: Identity, actions: PassportActions): void {
    if (outcome.error !== undefined) return actions.error(outcome.error)
    const { user, info } = outcome
    if (user !== undefined) return actions.success(user, { ...info, identity })
    actions.fail(info ?? (this._isBearer ? NO_USER_CHALLENGE : undefined), 401, NO_USER)
  }
}

/** A strategy whose verify may be left out: the identity is then the user. */
export abstract class IdentityStrategy<
  Credential,
  Identity extends object,
  Options extends WixStrategyOptions,
  Req = DefaultRequest,
> extends WixStrategy<Credential, Identity, Options, Req> {
  /** @throws {TypeError} For an option that is missing, unknown or of the wrong type. */
  constructor(options: Options & { passReqToCallback?: false }, verify?: Verify<Identity>)
  constructor(options: Options & { passReqToCallback: true }, verify?: VerifyWithRequest<Identity, Req>)
  constructor(options: Options, verify: Verify<Identity> | VerifyWithRequest<Identity, Req> = identityAsUser) {
    // The base class has the same overloads, and can be called by one of them only.
    super(options as Options & { passReqToCallback?: false }, verify as Verify<Identity>)
  }
}
