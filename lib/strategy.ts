// The way of a request: read (read.ts), verify (strategies/, sessions/; those of tokens may then load user info), look up (look-up.ts),
// decide (here), tell (events.ts).
// README.md beside this file says what is where.

import { Strategy as PassportStrategy } from 'passport-strategy'
import { bearerChallenge, recordOutcome, WixAuthError } from './errors.ts'
import { type Outcome, publish, startTimer } from './events.ts'
import { endRequest } from './internal/answered.ts'
import { type Checked, type Checks, checkOptions, flag, string, timeoutUpTo } from './internal/options.ts'
import { toError } from './internal/promises.ts'
import { own } from './internal/values.ts'
import { lookUp, type LookUp, type Verify, type VerifyWithRequest } from './look-up.ts'
import type { DefaultRequest } from './read.ts'

/** The options that all strategies have. */
export interface WixStrategyOptions {
  /** The name to register under, for several strategies of one kind. Default: the name of the kind. */
  name?: string
  /** `true` calls verify as `(req, identity, done)`, see {@link WithRequest}. Default: false. */
  passReqToCallback?: false
  /** Seconds after which a verify callback that has not answered is an error, at most 300. Default: no limit. */
  verifyTimeout?: number
}

/** The options of a strategy whose verify callback gets the request, too. */
export type WithRequest<Options> = Omit<Options, 'passReqToCallback'> & { passReqToCallback: true }

const commonChecks: Checks<WixStrategyOptions> = {
  name: string,
  passReqToCallback: flag,
  verifyTimeout: timeoutUpTo(300),
}

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For a missing credential, in place of our message; `code` stays as it is. Not for Bearer challenges. */
    badRequestMessage?: string | undefined
  }
}

/** What sets one kind of strategy apart from another. */
export interface StrategyDefinition<Identity, Options, Req> {
  /** The class, for messages about options. */
  caller: string
  /** The name that Passport registers. */
  name: string
  /** Whether the credential is a Bearer token: then a 401 has a Bearer challenge (RFC 6750 section 3). */
  isBearer?: true
  options: Checks<Omit<Options, keyof WixStrategyOptions>>
  /** Runs once, when a strategy is made. */
  prepare(caller: string, options: Checked<Options>): Identify<Identity, Req>
}

/** Reads the credential of a request and verifies it; with the option `userInfo` of a token, loads that, too. A {@link WixAuthError} is a refusal, anything else an error. */
type Identify<Identity, Req> = (req: Req, routeOptions: object) => Promise<Identity>

/** What Passport puts on a strategy for the length of one request. */
interface PassportActions {
  /** @internal */
  success: (user: unknown, info: object) => void
  /** Passport takes two arguments; the third is for `authenticateRequest`. */
  fail: (challenge: string | object | undefined, status: number, refusal?: WixAuthError) => void
  /** @internal */
  error: (error: Error) => void
}
/** As the types of the hosts have it: `redirect` and `pass` are never called here; Fastify's `fail` also takes a status alone. */
interface PassportStrategyActions extends PassportActions {
  /** @internal */
  fail(this: void, challenge?: unknown, status?: number): void
  /** @internal */
  redirect: (url: string, status?: number) => void
  /** @internal */
  pass: () => void
}
const Base: new () => PassportStrategyActions = PassportStrategy

/** The challenge when the look-up found no user, and verify gave no info. */
const NO_USER_CHALLENGE = bearerChallenge({ code: 'claim_invalid' })

type AnyVerify = (...args: unknown[]) => unknown

/** Takes the identity as the user, where verify may be left out. */
const identityAsUser: AnyVerify = () => undefined

/** One request through one strategy: read, verify, look up, decide once. */
export abstract class WixStrategy<
  Identity extends object,
  Options extends WixStrategyOptions,
  Req = DefaultRequest,
> extends Base {
  readonly name: string
  // Closures, so that the object shows no secret.
  private readonly _identify: Identify<Identity, Req>
  private readonly _lookUp: (req: Req, identity: Identity) => LookUp | Promise<LookUp>
  private readonly _isBearer: boolean

  /** @throws {TypeError} For an option that is missing, unknown or of the wrong type, and without a verify callback. */
  constructor(options: WithRequest<Options>, verify: VerifyWithRequest<Identity, Req>)
  constructor(options: Options, verify: Verify<Identity>)
  constructor(given: Options | WithRequest<Options>, verify: Verify<Identity> | VerifyWithRequest<Identity, Req>) {
    super()
    const definition = this._definition()
    const { caller } = definition
    // The checks of a kind and the common ones are those of all its options, which TypeScript cannot conclude here.
    const options = checkOptions(
      caller,
      given as Options,
      { ...commonChecks, ...definition.options } as Checks<Options>,
    )
    if (typeof verify !== 'function')
      throw new TypeError(`${caller} needs a verify callback as its last argument: (identity, done) => ...`)
    const { name = definition.name, passReqToCallback, verifyTimeout }: Checked<WixStrategyOptions> = options
    const isRequestPassed = Boolean(passReqToCallback)
    if (verify.length > (isRequestPassed ? 3 : 2)) {
      const passed = isRequestPassed
        ? 'three, (req, identity, done)'
        : 'two, (identity, done): to get the request, set `passReqToCallback: true`'
      throw new TypeError(`${caller}: verify declares ${verify.length} parameters, and is called with ${passed}`)
    }
    this.name = name
    this._isBearer = definition.isBearer ?? false
    this._identify = definition.prepare(caller, options)
    // The overloads tie the form of verify to `passReqToCallback`.
    const callback = verify as AnyVerify
    const parameters = verify.length - (isRequestPassed ? 1 : 0)
    const settings = { name, parameters, isRequestPassed, timeout: verifyTimeout }
    this._lookUp = (req, identity) =>
      callback === identityAsUser
        ? { user: identity, info: undefined }
        : lookUp((done) => (isRequestPassed ? callback(req, identity, done) : callback(identity, done)), settings)
  }

  /** A constant of the class. The constructor of the base class calls it, so it cannot be a field. */
  protected abstract _definition(): StrategyDefinition<Identity, Options, Req>

  /** Called by Passport. Ends in exactly one of success, fail and error; never throws by itself. */
  authenticate(req: Req, routeOptions?: object): void {
    // Taken at once: a strategy object given to passport.authenticate() is shared, and the next request replaces them.
    const actions = { success: this.success, fail: this.fail, error: this.error }
    // Only what cannot even be looked at gets here: an error whose prototype throws.
    void this._run(req, routeOptions ?? {}, actions).catch((reason: unknown) =>
      endRequest(req, () => actions.error(toError(reason)), actions.error),
    )
  }

  /** Read and verify (`_identify`), look up, decide, tell. */
  private async _run(req: Req, routeOptions: object, passport: PassportActions): Promise<void> {
    const began = startTimer()
    let identity: Identity | undefined
    let outcome: Outcome = {}
    let act: () => void
    try {
      identity = await this._identify(req, routeOptions)
      const { user, info, hint = '' } = await this._lookUp(req, identity)
      if (user !== undefined) act = () => passport.success(user, { ...info, identity })
      else {
        const message = own(info, 'message')
        const refusal = new WixAuthError('claim_invalid', typeof message === 'string' ? message : undefined, {
          hint: `the verify callback found no user${hint}`,
          ...(info !== undefined && { cause: info }),
        })
        outcome = { refusal, isUserUnknown: true }
        act = () => passport.fail(info ?? (this._isBearer ? NO_USER_CHALLENGE : undefined), 401, refusal)
      }
    } catch (reason) {
      const error = toError(reason)
      // A WixAuthError of the verify callback is an error of the app, not a refusal of the credential.
      if (identity === undefined && error instanceof WixAuthError) {
        outcome = { refusal: error }
        act = () => passport.fail(this._challenge(error, routeOptions), error.status, error)
      } else {
        outcome = { error }
        act = () => passport.error(error)
      }
    }
    if (outcome.error === undefined) recordOutcome(req, outcome.refusal)
    publish(this.name, began, req, outcome, identity)
    endRequest(req, act, passport.error)
  }

  private _challenge(refusal: WixAuthError, routeOptions: object): string | object {
    if (this._isBearer && refusal.status === 401) return bearerChallenge(refusal)
    const { code, message } = refusal
    const replaced = code === 'credentials_missing' && own(routeOptions, 'badRequestMessage')
    return { message: replaced || message, code }
  }
}

/** A strategy whose verify may be left out: the identity is then the user. */
export abstract class IdentityStrategy<
  Identity extends object,
  Options extends WixStrategyOptions,
  Req = DefaultRequest,
> extends WixStrategy<Identity, Options, Req> {
  /** @throws {TypeError} For an option that is missing, unknown or of the wrong type. */
  constructor(options: WithRequest<Options>, verify?: VerifyWithRequest<Identity, Req>)
  constructor(options: Options, verify?: Verify<Identity>)
  constructor(
    options: Options | WithRequest<Options>,
    verify: Verify<Identity> | VerifyWithRequest<Identity, Req> = identityAsUser as Verify<Identity>,
  ) {
    // The base class has the same overloads, and can be called by one of them only.
    super(options as Options, verify as Verify<Identity>)
  }
}
