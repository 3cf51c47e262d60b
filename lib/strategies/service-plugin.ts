import { WixAuthError } from '../errors.ts'
import { subjectOf, type WixIdentity } from '../identity.ts'
import { objectOf } from '../internal/json.ts'
import { signedChecks, type SignedOptions, verifyJwt } from '../internal/jwt.ts'
import { butIs, callback, type Check, checkOptions, isText, text } from '../internal/options.ts'
import { publicKeys, type PublicKeys } from '../internal/wix-public-key.ts'
import { type BodyReader, type DefaultRequest, fromBody, jwtOf, own } from '../read.ts'
import {
  commonChecks,
  identityAsUser,
  type Verify,
  type VerifyWithRequest,
  whenReady,
  WixStrategy,
  type WixStrategyOptions,
} from '../strategy.ts'

/** What Wix says of every call, whatever its method is. Only `instanceId` is always there. */
export interface WixServicePluginMetadata {
  instanceId: string
  requestId?: string
  /** As ISO 4217. */
  currency?: string
  languages?: string[]
  /** The kind of the plugin. Not documented. */
  appExtensionType?: string
  [property: string]: unknown
}

/** A verified call of a service plugin: what Wix asks, for which site, and on whose behalf. */
export interface WixServicePluginRequest extends WixIdentity {
  /** The argument of the method. Nothing in it tells which method: take it from your route, one handler for each. */
  request: Record<string, unknown>
  metadata: WixServicePluginMetadata
  clientId: string
  exp: number
}

/** The options of {@link verifyServicePlugin}. */
export interface VerifyServicePluginOptions extends SignedOptions {
  /** Your app id: calls for another app are refused. */
  appId: string
}

/** The options of {@link WixServicePluginStrategy}. */
export interface WixServicePluginStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, VerifyServicePluginOptions {
  /** Where the raw body is. Default: {@link fromBody}. */
  bodyFromRequest?: BodyReader<Req>
}

const checks: { [Name in keyof VerifyServicePluginOptions]-?: Check } = { ...signedChecks, appId: text }

function keysOf(owner: string, { appId, publicKey }: VerifyServicePluginOptions): PublicKeys {
  if (appId === undefined) throw new TypeError(`${owner}: option \`appId\` must be the id of your app${butIs(appId)}`)
  return publicKeys(owner, publicKey)
}

/** {@link verifyServicePlugin} with everything prepared. */
async function checkServicePlugin(
  body: string,
  keys: PublicKeys,
  options: VerifyServicePluginOptions,
): Promise<WixServicePluginRequest> {
  const { appId } = options
  const { data, iat, exp } = await verifyJwt(body, keys, options, { issuer: 'wix.com', audience: appId })
  const request = objectOf(own(data, 'request'))
  const metadata = objectOf(own(data, 'metadata'))
  const instanceId = own(metadata, 'instanceId')
  if (request === undefined || !isText(instanceId)) throw new WixAuthError('claim_invalid')
  return {
    instanceId,
    ...subjectOf(own(metadata, 'identity')),
    clientId: appId,
    siteId: null,
    iat,
    exp,
    request,
    metadata: { ...metadata, instanceId },
  }
}

/**
 * Verifies the body of a call to a service plugin without Passport. It proves neither the method nor the path: a handler
 * must not trust a body that was meant for another one.
 *
 * @param body The raw body of the request.
 * @returns A promise of the call; rejects with what is thrown.
 * @throws {WixAuthError} `request_invalid`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export async function verifyServicePlugin(
  body: string,
  options: VerifyServicePluginOptions,
): Promise<WixServicePluginRequest> {
  const checked = checkOptions('verifyServicePlugin', options, checks)
  return checkServicePlugin(body, keysOf('verifyServicePlugin', checked), checked)
}

/**
 * Lets the calls through that Wix makes to the service plugins of the app. The call is the user, unless a verify callback
 * says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/self-hosting/supported-extensions/backend-extensions/add-self-hosted-service-plugin-extensions-with-rest
 */
export class WixServicePluginStrategy<Req = DefaultRequest> extends WixStrategy<WixServicePluginRequest, Req> {
  private readonly _read: BodyReader<Req>
  private readonly _keys: PublicKeys
  private readonly _options: VerifyServicePluginOptions

  /** @throws {TypeError} For an unknown option, one of the wrong type, no app id, or a key that cannot be the public key. */
  constructor(
    options: WixServicePluginStrategyOptions<Req> & { passReqToCallback?: false },
    verify?: Verify<WixServicePluginRequest>,
  )
  constructor(
    options: WixServicePluginStrategyOptions<Req> & { passReqToCallback: true },
    verify?: VerifyWithRequest<WixServicePluginRequest, Req>,
  )
  constructor(
    given: WixServicePluginStrategyOptions<Req>,
    verify: Verify<WixServicePluginRequest> | VerifyWithRequest<WixServicePluginRequest, Req> = identityAsUser,
  ) {
    const owner = 'WixServicePluginStrategy'
    const options = checkOptions(owner, given, { ...commonChecks, ...checks, bodyFromRequest: callback })
    super('wix-service-plugin', options, verify)
    this._read = options.bodyFromRequest ?? fromBody()
    this._keys = keysOf(owner, options)
    this._options = options
  }

  protected override _identify(req: Req): WixServicePluginRequest | Promise<WixServicePluginRequest> {
    return whenReady(this._read(req), (body) => checkServicePlugin(jwtOf(body), this._keys, this._options))
  }
}
