import { markSigned, refusal } from '../errors.ts'
import type { KindOf } from '../identity.ts'
import { appSecrets, type KeyObject, mustNotBeAppId, SIGNATURE, type WixSecret } from '../internal/keys.ts'
import {
  appIdOf,
  callback,
  type Checked,
  checkedLater,
  checkOptions,
  type Checks,
  clockChecks,
  maxAgeCheck,
  must,
  neededLater,
  type OfRequest,
  ofRequest,
} from '../internal/options.ts'
import { exactlyOne, isObject, own } from '../internal/values.ts'
import type { Verify, VerifyWithRequest } from '../look-up.ts'
import { type DefaultRequest, elsewhere, fromHeader, fromQuery, oneOf, type Reader } from '../read.ts'
import { type StrategyDefinition, type WithRequest, WixStrategy, type WixStrategyOptions } from '../strategy.ts'
import { checkInstanceForm, type InstanceRules, verifySignedInstance, type WixInstance } from './app-instance.ts'
import { tokenInfoChecks, type TokenInfoOptions, tokenInfoVerifier, type WixTokenInfo } from './token-info.ts'

/** The app secret of a strategy: fixed, or a function that finds it for each request (one backend, many apps). */
type SecretOption<Req = DefaultRequest> = OfRequest<WixSecret, Req>

/** The options of {@link instanceVerifier}. All times are seconds. */
export interface InstanceVerifierOptions<Req = unknown> extends InstanceRules {
  secret: SecretOption<Req>
  /** Your app id, or a function of the request that finds it: an instance that names another one is refused. Default: not compared. */
  appId?: OfRequest<string, Req>
  /**
   * Also asks Wix about each instance whose signature is valid, so that one that Wix no longer honours is refused. The
   * identity is still the one in the instance; only `siteId` is taken from Wix's answer.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
   */
  tokenInfo?: TokenInfoOptions<Req>
}

/** The options of {@link WixAppStrategy}. */
export interface WixAppStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, Omit<InstanceVerifierOptions<Req>, 'secret'> {
  /** May also be passed to `passport.authenticate('wix-app', { secret })`; that secret then replaces this one. */
  secret?: SecretOption<Req>
  /**
   * Where the instance is. Default: the query parameter `instance`, or an `Authorization` header that holds an instance,
   * alone, as Wix's own front ends send it, or after `Bearer`. Both at once is a `request_invalid`.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/wix-cli/app-development/authenticate-incoming-requests-to-your-backend
   */
  instanceFromRequest?: Reader<Req>
}

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For `WixAppStrategy`: this route's app secret, in place of the constructor's. */
    secret?: SecretOption
  }
}

const checks: Checks<Omit<InstanceVerifierOptions<never>, 'secret'>> = {
  ...clockChecks,
  maxAge: maxAgeCheck,
  appId: checkedLater,
  tokenInfo: must(isObject, 'an object of Token Info options'),
}

/** What an instance and Wix say about the installation and the app must be the same. */
function confirmed(instance: WixInstance, { instanceId, clientId, siteId }: WixTokenInfo): WixInstance {
  if (instance.instanceId !== instanceId || (instance.clientId !== null && instance.clientId !== clientId))
    throw markSigned(
      refusal('claim_invalid', 'Token Info and the instance name different installations or apps'),
      instance,
    )
  instance.siteId = siteId ?? instance.siteId
  return instance
}

type FindSecrets<Req> = (req: Req) => readonly KeyObject[] | Promise<readonly KeyObject[]>

/** Prepares an app secret; one that is a function is called for each request. */
const secretsFor = <Req>(caller: string, secret: unknown, appId: unknown): FindSecrets<Req> =>
  ofRequest(caller, 'secret', secret, (value) =>
    appSecrets(caller, value, typeof appId === 'string' ? appId.toLowerCase() : undefined),
  )

type Verifier<Req> = (instance: string, req: Req, findSecrets: FindSecrets<Req>) => Promise<WixInstance>

/** Verifies an instance: its form, its signature, its app and dates, and with `tokenInfo` what Wix says of it. */
function verifierOf<Req>(
  caller: string,
  options: Checked<Omit<InstanceVerifierOptions<Req>, 'secret'>>,
): Verifier<Req> {
  const { appId, tokenInfo } = options
  const findAppId = 'appId' in options ? ofRequest(caller, 'appId', appId, appIdOf(caller)) : undefined
  const ask = tokenInfo && askWix(`${caller} tokenInfo`, { ...(options.now && { now: options.now }), ...tokenInfo })

  return async (instance, req, findSecrets) => {
    checkInstanceForm(instance)
    const secrets = await findSecrets(req)
    const expectedAppId = findAppId && (await findAppId(req))
    // A mistake in the setup, not a refusal. A fixed app ID was compared when the secret was prepared.
    if (typeof appId === 'function' && expectedAppId !== undefined) mustNotBeAppId(caller, secrets, expectedAppId)
    // Refuses a signature of another secret, another app, and what is too old or over.
    const identity = verifySignedInstance(instance, secrets, expectedAppId, options)
    return ask === undefined ? identity : confirmed(identity, await ask(instance, req))
  }
}

function askWix<Req>(
  caller: string,
  options: TokenInfoOptions<Req>,
): (token: string, req: Req) => Promise<WixTokenInfo> {
  return tokenInfoVerifier(caller, checkOptions<TokenInfoOptions<Req>>(caller, options, tokenInfoChecks))
}

/**
 * Makes a function that verifies the value of an `instance` parameter without Passport: for a WebSocket server, a job queue, a Next.js page.
 *
 * The function rejects with a {@link WixAuthError} `credentials_missing`, `request_invalid`, `token_malformed`, `signature_invalid`,
 * `token_expired` or `claim_invalid`.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const verify = instanceVerifier({ secret: process.env.WIX_APP_SECRET })
 * const { instanceId, subjectType } = await verify(instance)
 */
export function instanceVerifier(options: InstanceVerifierOptions): (instance: string) => Promise<WixInstance> {
  const caller = 'instanceVerifier'
  const checked = checkOptions<InstanceVerifierOptions>(caller, options, { ...checks, secret: neededLater })
  const verify = verifierOf<unknown>(caller, checked)
  const findSecrets = secretsFor<unknown>(caller, checked.secret, checked.appId)
  return async (instance) => verify(exactlyOne(instance), undefined, findSecrets)
}

// The header also carries other credentials: alone, an instance has exactly one dot; after `Bearer`, it must have its whole form.
const INSTANCE = new RegExp(`^(?:[Bb][Ee][Aa][Rr][Ee][Rr]\\s+(?=${SIGNATURE}\\.))?([^.\\s]*\\.[^.\\s]*)$`)
const authorization = fromHeader('authorization')

const instanceFromWix = oneOf<unknown>(fromQuery('instance'), (req) => INSTANCE.exec(authorization(req) ?? '')?.[1])

/** What the compiler names where only options were passed: otherwise it takes them for a verify callback. */
interface MissingVerify {
  'verify is missing: pass it as the last argument': never
}

/**
 * Signs in whoever opened one of your app's pages, by the `instance` that Wix signed.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
 * @example
 * passport.use(new WixAppStrategy({ secret: process.env.WIX_APP_SECRET }, findUser))
 */
export class WixAppStrategy<Req = DefaultRequest> extends WixStrategy<WixInstance, WixAppStrategyOptions<Req>, Req> {
  /** For `identityOf(req, WixAppStrategy)`. */
  static readonly kind: KindOf<WixInstance> = { name: 'instance' }

  /** @throws {TypeError} For an unknown option, one of the wrong type, a secret that cannot be one, or no verify. */
  constructor(verify: Verify<WixInstance>)
  constructor(options: WixAppStrategyOptions<Req> & MissingVerify)
  constructor(options: WithRequest<WixAppStrategyOptions<Req>>, verify: VerifyWithRequest<WixInstance, Req>)
  constructor(options: WixAppStrategyOptions<Req>, verify: Verify<WixInstance>)
  constructor(
    optionsOrVerify: WixAppStrategyOptions<Req> | WithRequest<WixAppStrategyOptions<Req>> | Verify<WixInstance>,
    verify?: Verify<WixInstance> | VerifyWithRequest<WixInstance, Req>,
  ) {
    if (typeof optionsOrVerify === 'function') {
      if (verify !== undefined)
        throw new TypeError(
          'WixAppStrategy: the options come first, and verify last: new WixAppStrategy({ secret }, verify)',
        )
      super({}, optionsOrVerify)
    }
    // The base class has the same overloads, and can be called by one of them only.
    else super(optionsOrVerify as WixAppStrategyOptions<Req>, verify as Verify<WixInstance>)
  }

  protected override _definition(): StrategyDefinition<WixInstance, WixAppStrategyOptions<Req>, Req> {
    return {
      caller: 'WixAppStrategy',
      name: 'wix-app',
      options: { ...checks, secret: checkedLater, instanceFromRequest: callback },
      prepare(caller, options) {
        const { instanceFromRequest = instanceFromWix, appId } = options
        const expectedPlace = instanceFromRequest === instanceFromWix ? 'the query' : undefined
        const prepared = (secret: unknown): FindSecrets<Req> => secretsFor(caller, secret, appId)
        const constructed = 'secret' in options ? prepared(options.secret) : undefined
        const verify = verifierOf(caller, options)

        return async (req, routeOptions) => {
          // Checked before the request: a missing secret is a mistake in the setup, not a refusal. An option with the value undefined
          // counts as well: the secret of the constructor is no fallback for an unset variable.
          const findSecrets = Object.hasOwn(routeOptions, 'secret')
            ? prepared(own(routeOptions, 'secret'))
            : (constructed ?? prepared(undefined))
          // Reads: refused where there is none, or more than one.
          const value = await instanceFromRequest(req)
          const instance = exactlyOne(value, elsewhere(req, expectedPlace, ' or the Authorization header'))
          return verify(instance, req, findSecrets)
        }
      },
    }
  }
}
