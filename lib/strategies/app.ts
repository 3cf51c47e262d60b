import { refusal } from '../errors.ts'
import { appSecrets, SIGNATURE, type WixSecret } from '../internal/app-secret.ts'
import {
  callback,
  checkedLater,
  type Checked,
  checkOptions,
  type Checks,
  must,
  neededLater,
} from '../internal/options.ts'
import { whenReady } from '../internal/promises.ts'
import { elsewhere, headerOf } from '../internal/request.ts'
import { isObject, oneCredential, own } from '../internal/values.ts'
import type { KeyObject } from '../internal/safe-key.ts'
import type { Verify, VerifyWithRequest } from '../look-up.ts'
import { type DefaultRequest, first, fromQuery, type Reader } from '../read.ts'
import { type Kind, WixStrategy, type WixStrategyOptions } from '../strategy.ts'
import { tokenInfoChecks, tokenInfoCheck, type TokenInfoOptions, type WixTokenInfo } from './token-info.ts'
import {
  instanceCheck,
  type InstanceRules,
  instanceRuleChecks,
  type SecretInstance,
  type WixInstance,
} from './app-instance.ts'

/** The options of {@link verifyInstance}. */
export interface VerifyInstanceOptions extends InstanceRules {
  secret: WixSecret | undefined
}

type SecretFunction<Req> = (req: Req) => WixSecret | PromiseLike<WixSecret>

/** The app secret of a strategy: fixed, or a function that finds it for each request (one backend, many apps). */
export type SecretOption<Req = DefaultRequest> = WixSecret | SecretFunction<Req>

/** The options of {@link WixAppStrategy}. */
export interface WixAppStrategyOptions<Req = DefaultRequest> extends WixStrategyOptions, InstanceRules {
  /** May also be passed to `passport.authenticate('wix-app', { secret })`; that secret then replaces this one. */
  secret?: SecretOption<Req> | undefined
  /**
   * Where the instance is. Default: the query parameter `instance`, or an `Authorization` header that holds an instance,
   * alone, as Wix's own front ends send it, or after `Bearer`. Both at once is a `request_invalid`.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/wix-cli/app-development/authenticate-incoming-requests-to-your-backend
   */
  instanceFromRequest?: Reader<Req>
  /**
   * Also asks Wix about each instance whose signature is valid, so that one that Wix no longer honours is refused. The
   * identity is still the one in the instance; only `siteId` is taken from Wix's answer.
   *
   * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
   */
  remote?: TokenInfoOptions
}

/** @ts-ignore Where the types of Passport are not installed, nobody can misuse its options. */
declare module 'passport' {
  interface AuthenticateOptions {
    /** For `WixAppStrategy`: the app secret of this route, in place of the constructor's. */
    secret?: SecretOption | undefined
  }
}

const checks: Checks<VerifyInstanceOptions> = { ...instanceRuleChecks, secret: neededLater }

/**
 * Verifies the value of an `instance` parameter without Passport: for a WebSocket server, a job queue, bare `node:http`.
 *
 * @throws {WixAuthError} `credentials_missing`, `request_invalid`, `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export function verifyInstance(instance: string, options: VerifyInstanceOptions): WixInstance {
  const owner = 'verifyInstance'
  const checked = checkOptions(owner, options, checks)
  const secrets = appSecrets(owner, checked.secret, checked.appId)
  return instanceCheck(checked)({ instance: oneCredential(instance), secrets })
}

// The header also carries other credentials: alone, an instance has exactly one dot; after `Bearer`, it must have its whole form.
const INSTANCE = new RegExp(`^(?:[Bb][Ee][Aa][Rr][Ee][Rr]\\s+(?=${SIGNATURE}\\.))?([^.\\s]*\\.[^.\\s]*)$`)

const instanceFromWix = first<unknown>(
  fromQuery('instance'),
  (req) => INSTANCE.exec(headerOf(req, 'authorization') ?? '')?.[1],
)

const OWNER = 'WixAppStrategy'

/** What an instance and Wix say of the installation and of the app must be the same. */
function confirmed(instance: WixInstance, { instanceId, clientId, siteId }: WixTokenInfo): WixInstance {
  if (instance.instanceId !== instanceId || (instance.clientId !== null && instance.clientId !== clientId)) {
    throw refusal('claim_invalid', 'Token Info and the instance name different installations or apps')
  }
  instance.siteId = siteId ?? instance.siteId
  return instance
}

function instanceReader<Req>(options: Checked<WixAppStrategyOptions<Req>>) {
  const { instanceFromRequest = instanceFromWix, appId } = options
  const expected = instanceFromRequest === instanceFromWix ? 'the query' : undefined
  const toSecrets = (secret: unknown): readonly KeyObject[] => appSecrets(OWNER, secret, appId)
  const prepare = (secret: SecretOption<Req> | undefined): readonly KeyObject[] | SecretFunction<Req> =>
    typeof secret === 'function' ? secret : toSecrets(secret)
  const constructed = 'secret' in options ? prepare(options.secret) : undefined

  return (req: Req, authenticateOptions: object): SecretInstance | Promise<SecretInstance> => {
    // Checked before the request: a missing secret is a mistake in the setup, not a refusal. An option with the value undefined
    // counts as well: the secret of the constructor is no fallback for an unset variable.
    const secret = Object.hasOwn(authenticateOptions, 'secret')
      ? prepare(own(authenticateOptions, 'secret') as SecretOption<Req>)
      : (constructed ?? prepare(undefined))
    return whenReady(instanceFromRequest(req), (value) => {
      const instance = oneCredential(value, () => elsewhere(req, expected, ' or the Authorization header'))
      const secrets = typeof secret === 'function' ? whenReady(secret(req), toSecrets) : secret
      return whenReady(secrets, (known) => ({ instance, secrets: known }))
    })
  }
}

const kind = {
  owner: OWNER,
  name: 'wix-app',
  optionChecks: {
    ...checks,
    secret: checkedLater,
    instanceFromRequest: callback,
    remote: must(isObject, 'an object of Token Info options'),
  },
  late: ['secret'] as const,
  reader: instanceReader,
  check(owner: string, options: Checked<InstanceRules & { remote?: TokenInfoOptions }>) {
    const check = instanceCheck(options)
    if (!('remote' in options)) return check
    const remote = { ...(options.now && { now: options.now }), ...options.remote }
    const who = `${owner} remote`
    const ask = tokenInfoCheck(who, checkOptions(who, remote, tokenInfoChecks), 'instance')
    return (given: SecretInstance) => {
      const instance = check(given)
      return whenReady(ask(given.instance), (info) => confirmed(instance, info))
    }
  },
}

/**
 * Signs in whoever opened a page of the app, by the `instance` that Wix signed.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/access/app-instances/parse-the-app-instance-query-parameter
 */
export class WixAppStrategy<Req = DefaultRequest> extends WixStrategy<
  SecretInstance,
  WixInstance,
  WixAppStrategyOptions<Req>,
  Req
> {
  /** @throws {TypeError} For an unknown option, one of the wrong type, a secret that cannot be one, or no verify. */
  constructor(verify: Verify<WixInstance>)
  constructor(options: WixAppStrategyOptions<Req> & { passReqToCallback?: false }, verify: Verify<WixInstance>)
  constructor(
    options: WixAppStrategyOptions<Req> & { passReqToCallback: true },
    verify: VerifyWithRequest<WixInstance, Req>,
  )
  constructor(
    optionsOrVerify: WixAppStrategyOptions<Req> | Verify<WixInstance>,
    verify?: Verify<WixInstance> | VerifyWithRequest<WixInstance, Req>,
  ) {
    if (typeof optionsOrVerify === 'function') super({}, optionsOrVerify)
    // The base class has the same overloads, and can be called by one of them only.
    else
      super(
        optionsOrVerify as WixAppStrategyOptions<Req> & { passReqToCallback?: false },
        verify as Verify<WixInstance>,
      )
  }

  protected override _kind(): Kind<SecretInstance, WixInstance, WixAppStrategyOptions<Req>, Req> {
    return kind
  }
}
