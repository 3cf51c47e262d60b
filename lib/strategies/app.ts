import { WixAuthError } from '../errors.ts'
import { checkInstance, type InstanceRules, ruleChecks, rulesOf, type WixInstance } from './app-instance.ts'
import { callback, checkOptions } from '../internal/options.ts'
import { type DefaultRequest, exactlyOne, first, fromAuthorization, fromQuery, own, type Reader } from '../read.ts'
import { secretKeys, type WixSecret } from '../internal/app-secret.ts'
import {
  commonChecks,
  type Verify,
  type VerifyWithRequest,
  whenReady,
  WixStrategy,
  type WixStrategyOptions,
} from '../strategy.ts'
import { tokenInfo, tokenInfoChecks, type TokenInfoOptions, type WixTokenInfo } from './access-token-info.ts'

type SecretFunction<Req> = (req: Req) => WixSecret | PromiseLike<WixSecret>

/** The app secret of a strategy: fixed, or found for each request (one backend, many apps). */
export type SecretOption<Req = DefaultRequest> = WixSecret | SecretFunction<Req>

/** The options of {@link WixAppStrategy}. */
export interface WixAppStrategyOptions<Req = DefaultRequest> extends WixStrategyOptions, InstanceRules {
  /** May also be given late, in `passport.authenticate('wix-app', { secret })`, which then replaces this one. */
  secret?: SecretOption<Req>
  /**
   * Where the instance is. Default: the query parameter `instance`, or an `Authorization` header that holds nothing but
   * an instance, as Wix's own front ends send it. Both at once is a `request_invalid`.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/wix-cli/app-development/authenticate-incoming-requests-to-your-backend
   */
  instanceFromRequest?: Reader<Req>
  /**
   * Also asks Wix about each instance whose signature is right, so that one which Wix no longer honours is refused. The
   * identity stays what the instance says; `siteId` is Wix's.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
   */
  remote?: TokenInfoOptions
}

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For `WixAppStrategy`: the app secret of this route, in place of the constructor's. */
    secret?: SecretOption
  }
}

const fromBareAuthorization = fromAuthorization()

// The header also carries other credentials; an instance has exactly one dot.
const instanceFromAuthorization = (req: unknown): string | undefined => {
  const value = fromBareAuthorization(req)
  const dot = value?.indexOf('.') ?? -1
  return dot !== -1 && value?.lastIndexOf('.') === dot ? value : undefined
}

const instanceFromWix = first<unknown>(fromQuery('instance'), instanceFromAuthorization)

type Keys = readonly Uint8Array[]

const toKeys = (secret: unknown): Keys => secretKeys('WixAppStrategy', secret)

const prepare = <Req>(secret: SecretOption<Req> | undefined): Keys | SecretFunction<Req> =>
  typeof secret === 'function' ? secret : toKeys(secret)

/** What both say of the installation and of the app must be the same. */
function confirmed(instance: WixInstance, { instanceId, clientId, siteId }: WixTokenInfo): WixInstance {
  if (instance.instanceId !== instanceId || (instance.clientId !== null && instance.clientId !== clientId)) {
    throw new WixAuthError('claim_invalid')
  }
  instance.siteId = siteId ?? instance.siteId
  return instance
}

/**
 * Signs in whoever opened a page of the app, by the `instance` that Wix signed.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
 */
export class WixAppStrategy<Req = DefaultRequest> extends WixStrategy<WixInstance, Req> {
  private readonly _read: Reader<Req>
  private readonly _rules: ReturnType<typeof rulesOf>
  private readonly _secret: Keys | SecretFunction<Req> | undefined
  private readonly _ask: ReturnType<typeof tokenInfo> | undefined

  /** @throws {TypeError} For an unknown option, one of the wrong type, a secret that cannot be one, or no verify. */
  constructor(verify: Verify<WixInstance>)
  constructor(options: WixAppStrategyOptions<Req> & { passReqToCallback?: false }, verify: Verify<WixInstance>)
  constructor(
    options: WixAppStrategyOptions<Req> & { passReqToCallback: true },
    verify: VerifyWithRequest<WixInstance, Req>,
  )
  constructor(
    optionsOrVerify: WixAppStrategyOptions<Req> | Verify<WixInstance>,
    verifyLast?: Verify<WixInstance> | VerifyWithRequest<WixInstance, Req>,
  ) {
    const [given, verify] =
      typeof optionsOrVerify === 'function' ? [{}, optionsOrVerify] : [optionsOrVerify, verifyLast]
    const options = checkOptions<WixAppStrategyOptions<Req>>('WixAppStrategy', given, {
      ...commonChecks,
      ...ruleChecks,
      secret: () => undefined, // by secretKeys
      instanceFromRequest: callback,
      remote: () => undefined, // below
    })
    super('wix-app', options, verify)
    this._read = options.instanceFromRequest ?? instanceFromWix
    this._rules = rulesOf(options)
    if ('secret' in options) this._secret = prepare(options.secret)
    if ('remote' in options) {
      const owner = 'WixAppStrategy remote'
      const remote = checkOptions(
        owner,
        { ...(options.now && { now: options.now }), ...options.remote },
        tokenInfoChecks,
      )
      this._ask = tokenInfo(owner, remote, 'instance')
    }
  }

  protected override _identify(req: Req, authenticateOptions: object): WixInstance | Promise<WixInstance> {
    // Before the request is looked at: a mistake in the set-up is nobody's refusal. And named is given: an unset variable
    // is no reason to fall back to another secret.
    const secret = Object.hasOwn(authenticateOptions, 'secret')
      ? prepare(own(authenticateOptions, 'secret') as SecretOption<Req>)
      : (this._secret ?? prepare(undefined))

    return whenReady(this._read(req), (value) => {
      const instance = exactlyOne(value)
      if (instance === undefined) throw new WixAuthError('credentials_missing')
      const keys = typeof secret === 'function' ? whenReady(secret(req), toKeys) : secret
      return whenReady(keys, (known) => {
        const identity = checkInstance(instance, known, this._rules)
        if (this._ask === undefined) return identity
        return whenReady(this._ask(instance), (info) => confirmed(identity, info))
      })
    })
  }
}
