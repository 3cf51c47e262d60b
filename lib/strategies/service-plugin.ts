import { refusal } from '../errors.ts'
import { subjectOf, type WixIdentity } from '../identity.ts'
import { type Checked, checkOptions, type Checks, required, string } from '../internal/options.ts'
import { isNonEmptyString, objectOf, own } from '../internal/values.ts'
import { jwtOf, notRawBody, signedChecks, type SignedOptions, wixJwtCheck } from '../internal/wix-jwt.ts'
import { type DefaultRequest, jwtReader } from '../read.ts'
import { IdentityStrategy, type Kind, type WixStrategyOptions } from '../strategy.ts'
import { type AppIdOption, type ForRequest, signedKind, type SignedRequestOptions } from './signed.ts'

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

/** A verified call to a service plugin: what Wix asks, for which site, and on behalf of which subject. */
export interface WixServicePluginRequest extends WixIdentity {
  /** The argument of the method. It does not name the method: use one route and one handler for each. */
  request: Record<string, unknown>
  metadata: WixServicePluginMetadata
  clientId: string
  exp: number
}

/** The options of {@link verifyServicePlugin}. */
export interface VerifyServicePluginOptions extends SignedOptions {
  /** Your app id: calls for another app are refused. */
  appId: string | undefined
  /** The kind of the plugin, as `metadata.appExtensionType` has it: calls of another kind are refused. Default: any. */
  extensionType?: string
}

/** The options of {@link WixServicePluginStrategy}. */
export interface WixServicePluginStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, Omit<VerifyServicePluginOptions, 'publicKey' | 'appId'>, SignedRequestOptions<Req> {
  /** Your app id, or a function of the request that finds it: calls for another app are refused. */
  appId: AppIdOption<Req> | undefined
}

const checks: Checks<VerifyServicePluginOptions> = { ...signedChecks, appId: required(string), extensionType: string }

/** Prepares the check of a call to a service plugin. */
function servicePluginCheck(
  owner: string,
  options: Checked<VerifyServicePluginOptions>,
): (body: string) => Promise<WixServicePluginRequest> {
  const { appId, extensionType } = options
  const verify = wixJwtCheck(owner, options, { issuer: 'wix.com', audience: appId })
  return async (body) => {
    const { data, iat, exp } = await verify(body)
    const request = objectOf(own(data, 'request'))
    const metadata = objectOf(own(data, 'metadata'))
    const instanceId = own(metadata, 'instanceId')
    if (typeof data === 'string')
      throw refusal('claim_invalid', '`data` is a string, as in a webhook: WixWebhookStrategy')
    if (request === undefined) throw refusal('claim_invalid', '`data` has no `request`')
    if (!isNonEmptyString(instanceId)) throw refusal('claim_invalid', '`data.metadata` has no `instanceId`')
    if (extensionType !== undefined && own(metadata, 'appExtensionType') !== extensionType)
      throw refusal('claim_invalid', '`appExtensionType` is not the `extensionType` of this route')
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
}

/**
 * Verifies the body of a call to a service plugin without Passport. It proves neither the method nor the path: a handler
 * must not trust a body that was meant for another one.
 *
 * @param body The raw body of the request.
 * @returns A promise of the call; rejects with the errors below.
 * @throws {WixAuthError} `credentials_missing`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type, and for a body that a parser has parsed.
 */
export async function verifyServicePlugin(
  body: string | Uint8Array,
  options: VerifyServicePluginOptions,
): Promise<WixServicePluginRequest> {
  const owner = 'verifyServicePlugin'
  const check = servicePluginCheck(owner, checkOptions(owner, options, checks))
  return check(jwtOf(body, notRawBody(owner)))
}

const kind = {
  owner: 'WixServicePluginStrategy',
  name: 'wix-service-plugin',
  ...signedKind(checks, jwtReader, servicePluginCheck),
}

/**
 * Lets the calls through that Wix makes to the service plugins of the app. The call is the user, unless a verify callback
 * says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/self-hosting/supported-extensions/backend-extensions/add-self-hosted-service-plugin-extensions-with-rest
 */
export class WixServicePluginStrategy<Req = DefaultRequest> extends IdentityStrategy<
  ForRequest<string>,
  WixServicePluginRequest,
  WixServicePluginStrategyOptions<Req>,
  Req
> {
  protected override _kind(): Kind<
    ForRequest<string>,
    WixServicePluginRequest,
    WixServicePluginStrategyOptions<Req>,
    Req
  > {
    return kind
  }
}
