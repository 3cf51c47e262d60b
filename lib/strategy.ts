import { types } from 'node:util'
import { Strategy as PassportStrategy } from 'passport-strategy'
import { bearerChallenge, WixAuthError } from './errors.ts'
import { flag, text, timeout } from './internal/options.ts'
import { type DefaultRequest, own } from './read.ts'

/** What a strategy may be told beside its own options. */
export interface WixStrategyOptions {
  /** The name to register under, for several strategies of one kind. Default: the name of the kind. */
  name?: string
  /** Calls verify as `(req, identity, done)`. Default: false. */
  passReqToCallback?: boolean
  /** Seconds after which a verify callback that has not answered is an error. Default: no limit. */
  verifyTimeout?: number
}

/** Ends the look-up: with an error, with `false` for a refusal, or with the user. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: object | string) => void

type Found = Express.User | false | null | undefined

/** What a verify callback without `done` answers. What one with `done` returns is not looked at. */
export type VerifyResult = Found | void | PromiseLike<Found | void>

/**
 * The app's look-up: who is this identity here?
 *
 * A function that declares `done` answers through `done` alone. One that does not answers with what it returns, also as
 * a promise, and nothing means that nobody is signed in.
 */
export type Verify<Identity> = (identity: Identity, done: VerifyDone) => VerifyResult

/** A {@link Verify} callback with the request before the identity. */
export type VerifyWithRequest<Identity, Req = DefaultRequest> = (
  req: Req,
  identity: Identity,
  done: VerifyDone,
) => VerifyResult

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For a refusal that `WWW-Authenticate` does not tell: this message in place of ours; `code` stays as it is. */
    badRequestMessage?: string | undefined
  }
}

export const commonChecks: Record<keyof WixStrategyOptions, typeof text> = {
  name: text,
  passReqToCallback: flag,
  verifyTimeout: timeout,
}

/** The verify callback of the strategies that may go without one: the identity, which stands before `done`, is the user. */
export const identityAsUser = (...args: unknown[]): Express.User => args.at(-2) as Express.User

export const isPromise = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function'

/** Goes on with `next` in the same tick, unless there is a promise to wait for. */
export const whenReady = <T, R>(value: T | PromiseLike<T>, next: (value: T) => R | Promise<R>): R | Promise<R> =>
  isPromise(value) ? Promise.resolve(value).then(next) : next(value)

/**
 * Gets what else is known of an identity, for example by `resolveUserInfo`, before verify is called: it is then at `identity.userinfo`.
 * What it throws is an error, unless it is a `WixAuthError`.
 */
export type UserInfoOption<Identity> = (identity: Identity, context: { token: string }) => unknown

/** The identity that a check of the token finds, with its user info. */
export const withUserInfo = <Identity extends object>(
  identity: Identity | Promise<Identity>,
  token: string,
  userinfo: UserInfoOption<Identity> | undefined,
): Identity | Promise<Identity> =>
  userinfo === undefined
    ? identity
    : whenReady(identity, (verified) =>
        whenReady(userinfo(verified, { token }), (found) => Object.assign(verified, { userinfo: found })),
      )

// Express takes `next()`, `next('route')` and `next('router')` for "no error": only an Error stops a request for sure.
export const toError = (reason: unknown): Error =>
  reason instanceof Error || types.isNativeError(reason)
    ? reason
    : new Error('A callback of the app failed with something that is no Error; see `cause`', { cause: reason })

const infoObject = (info: unknown): object | undefined => {
  // A text would become a WWW-Authenticate header, in which most characters are not allowed.
  if (typeof info === 'string') return { message: info }
  return typeof info === 'object' && info !== null ? info : undefined
}

/** What Passport puts on a strategy for the length of one request. */
interface PassportActions {
  success: (user: unknown, info: object) => void
  fail: (challenge: string | object | undefined, status: number) => void
  error: (error: Error) => void
}
const Base: new () => PassportActions = PassportStrategy

const undecided = (): void => {}

/** The challenge when the look-up found nobody, and said no more. */
const NOBODY_FOUND = bearerChallenge(new WixAuthError('claim_invalid'))

/** One request through one strategy: read and verify (`_identify`), look up, decide once. */
export abstract class WixStrategy<Identity extends object, Req = DefaultRequest> extends Base {
  readonly name: string
  /** Whether the credentials are Bearer tokens: then a 401 has a Bearer challenge (RFC 6750 section 3). */
  protected readonly _isBearer: boolean = false
  private readonly _verify: VerifyWithRequest<Identity, Req>
  private readonly _declaresDone: boolean
  private readonly _verifyTimeout: number | undefined

  /** @param options Checked by the subclass. */
  constructor(
    name: string,
    options: WixStrategyOptions,
    verify: Verify<Identity> | VerifyWithRequest<Identity, Req> | undefined,
  ) {
    super()
    if (typeof verify !== 'function') {
      throw new TypeError(`${new.target.name} needs a verify callback: (identity, done) => ... as its last argument`)
    }
    this.name = options.name ?? name
    // The overloads of each strategy's constructor tie the form of verify to `passReqToCallback`.
    const withRequest = verify as VerifyWithRequest<Identity, Req>
    const withoutRequest = verify as Verify<Identity>
    this._verify = options.passReqToCallback ? withRequest : (_req, identity, done) => withoutRequest(identity, done)
    this._declaresDone = verify.length > (options.passReqToCallback ? 2 : 1)
    this._verifyTimeout = options.verifyTimeout
  }

  /** Reads and verifies. Throws or rejects: a {@link WixAuthError} is a refusal, anything else an error. */
  protected abstract _identify(req: Req, options: object): Identity | Promise<Identity>

  /** Called by Passport. Ends in exactly one of success, fail and error; never throws by itself. */
  authenticate(req: Req, options?: object): void {
    // Taken at once: a strategy object given to passport.authenticate() is shared, and the next request replaces them.
    const actions = { success: this.success, fail: this.fail, error: this.error }
    const settings = options ?? {}
    let identity: Identity | Promise<Identity>
    try {
      identity = this._identify(req, settings)
    } catch (reason) {
      return this._refuse(reason, settings, actions)
    }
    if (!(identity instanceof Promise)) return this._lookUp(req, identity, actions)
    void identity.then(
      (verified) => this._lookUp(req, verified, actions),
      (reason: unknown) => this._refuse(reason, settings, actions),
    )
  }

  private _refuse(reason: unknown, settings: object, actions: PassportActions): void {
    if (!(reason instanceof WixAuthError)) return actions.error(toError(reason))
    if (this._isBearer && reason.status === 401) return actions.fail(bearerChallenge(reason), 401)
    const message = own(settings, 'badRequestMessage') || reason.message
    actions.fail({ message, code: reason.code }, reason.status)
  }

  private _lookUp(req: Req, identity: Identity, actions: PassportActions): void {
    let decision = undecided
    let returned = false
    let timer: NodeJS.Timeout | undefined

    // The first decision counts. It takes effect outside of the app's verify, so that what the rest of the route throws
    // does not come back here as if verify had thrown it.
    const decide = (action: () => void): void => {
      if (decision !== undecided) return
      decision = action
      if (timer !== undefined) clearTimeout(timer)
      if (returned) action()
    }
    const crash = (reason: unknown): void => decide(() => actions.error(toError(reason)))
    const done: VerifyDone = (reason, user, info) => {
      if (reason !== undefined && reason !== null && reason !== false) crash(reason)
      else if (user) decide(() => actions.success(user, { ...infoObject(info), identity }))
      else decide(() => actions.fail(infoObject(info) ?? (this._isBearer ? NOBODY_FOUND : undefined), 401))
    }

    let result: VerifyResult
    let isPending = false
    try {
      result = this._verify(req, identity, done)
      // Beside `done` only a real promise is waited for, since it may reject: to call `then` of a query builder would run
      // the query a second time.
      isPending = this._declaresDone ? types.isPromise(result) : isPromise(result)
    } catch (reason) {
      crash(reason)
    }
    returned = true
    if (decision !== undecided) {
      if (types.isPromise(result)) result.then(undefined, undecided)
      return decision()
    }

    if (isPending) void Promise.resolve(result).then((user) => this._declaresDone || done(null, user || false), crash)
    else if (!this._declaresDone) done(null, result || false)
    if (decision === undecided && this._verifyTimeout !== undefined) {
      const late = new Error(`${this.name}: the verify callback did not answer within ${this._verifyTimeout} seconds`)
      timer = setTimeout(() => crash(late), this._verifyTimeout * 1000)
    }
  }
}
