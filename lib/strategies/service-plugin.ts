import { refusal, ROUTE_OF_ITS_KIND } from '../errors.ts'
import { type KindOf, markAs, subjectOf, type WixIdentity } from '../identity.ts'
import { verifyJwt } from '../internal/jwt.ts'
import {
  type Checked,
  appIdOf,
  checkOptions,
  type Checks,
  neededLater,
  type OfRequest,
  ofRequest,
  string,
} from '../internal/options.ts'
import { isNonEmptyString, objectOf, own } from '../internal/values.ts'
import { checkWixJwt, publicKeysFor, signedChecks, type SignedOptions, WIX_ALGORITHMS } from '../internal/wix-jwt.ts'
import { argumentNotRaw, bodyChecks, type BodyOptions, type DefaultRequest, rawBodyText, readBody } from '../read.ts'
import { IdentityStrategy, type StrategyDefinition, type WixStrategyOptions } from '../strategy.ts'

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

/** The options of {@link servicePluginVerifier}. All times are seconds. */
export interface ServicePluginVerifierOptions<Req = unknown> extends SignedOptions<Req> {
  /** Your app id, or a function of the request that finds it: calls for another app are refused. */
  appId: OfRequest<string, Req>
  /** The kind of the plugin, as `metadata.appExtensionType` has it: calls of another kind are refused. Default: any. */
  extensionType?: string
}

/** The options of {@link WixServicePluginStrategy}. */
export interface WixServicePluginStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, ServicePluginVerifierOptions<Req>, BodyOptions<Req> {}

const checks: Checks<ServicePluginVerifierOptions<never>> = {
  ...signedChecks,
  appId: neededLater,
  extensionType: string,
}

function callOf(
  data: unknown,
  clientId: string,
  extensionType: string | undefined,
  iat: number | null,
  exp: number,
): WixServicePluginRequest {
  if (typeof data === 'string')
    throw refusal('claim_invalid', '`data` is a string, as in a webhook: WixWebhookStrategy', ROUTE_OF_ITS_KIND)
  const request = objectOf(own(data, 'request'))
  const metadata = objectOf(own(data, 'metadata'))
  const instanceId = own(metadata, 'instanceId')
  if (request === undefined) throw refusal('claim_invalid', '`data` has no `request`')
  if (!isNonEmptyString(instanceId)) throw refusal('claim_invalid', '`data.metadata` has no `instanceId`')
  if (extensionType !== undefined && own(metadata, 'appExtensionType') !== extensionType)
    throw refusal(
      'claim_invalid',
      '`appExtensionType` is not the `extensionType` of this route',
      'Compare the address of this route with those of the extensions in the dashboard of your app.',
    )
  return {
    instanceId,
    ...subjectOf(own(metadata, 'identity')),
    clientId,
    siteId: null,
    iat,
    exp,
    request,
    metadata: { ...metadata, instanceId },
  }
}

type Verifier<Req> = (body: string, req: Req) => Promise<WixServicePluginRequest>

/** Verifies a call: first its form, then its signature, its dates, for which app it is, and what is in it. */
function verifierOf<Req>(caller: string, options: Checked<ServicePluginVerifierOptions<Req>>): Verifier<Req> {
  const { extensionType } = options
  const findKeys = publicKeysFor(caller, options)
  const findAppId = ofRequest(caller, 'appId', options.appId, appIdOf(caller))
  return async (body, req) => {
    // Refused before a key is looked for: too large, or no JWT.
    checkWixJwt(body)
    const appId = await findAppId(req)
    // `verifyJwt` refuses a signature of another key, what has expired and what is for another app, and `callOf` what is no call.
    const call = await verifyJwt(body, await findKeys(req), options, {
      algorithms: WIX_ALGORITHMS,
      issuer: 'wix.com',
      audience: appId,
      toIdentity: ({ claims, iat, exp }) => callOf(own(claims, 'data'), appId, extensionType, iat, exp),
    })
    return markAs(call, 'service-plugin')
  }
}

/**
 * Makes a function that verifies the body of a call to a service plugin without Passport. It proves neither the method nor the path: a
 * handler must not trust a body that was meant for another one.
 *
 * The function takes the raw body of the request, and rejects with a {@link WixAuthError} `credentials_missing`, `body_too_large`,
 * `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`, and with a TypeError for a body that a parser has parsed.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const verify = servicePluginVerifier({ publicKey: process.env.WIX_PUBLIC_KEY, appId: process.env.WIX_APP_ID })
 * const { instanceId, metadata } = await verify(await request.text())
 */
export function servicePluginVerifier(
  options: ServicePluginVerifierOptions,
): (body: string | Uint8Array) => Promise<WixServicePluginRequest> {
  const caller = 'servicePluginVerifier'
  const verify = verifierOf<unknown>(caller, checkOptions<ServicePluginVerifierOptions>(caller, options, checks))
  return async (body) => verify(rawBodyText(body, argumentNotRaw(caller)), undefined)
}

/**
 * Lets Wix's calls to your app's service plugins through. The call is the user, unless a verify callback
 * says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/frameworks/self-hosting/supported-extensions/backend-extensions/add-self-hosted-service-plugin-extensions-with-rest
 * @example
 * const { WIX_APP_ID: appId, WIX_PUBLIC_KEY: publicKey } = process.env
 * passport.use(new WixServicePluginStrategy({ publicKey, appId }))
 */
export class WixServicePluginStrategy<Req = DefaultRequest> extends IdentityStrategy<
  WixServicePluginRequest,
  WixServicePluginStrategyOptions<Req>,
  Req
> {
  /** For `identityOf(req, WixServicePluginStrategy)`. */
  static readonly kind: KindOf<WixServicePluginRequest> = { name: 'service-plugin' }

  protected override _definition(): StrategyDefinition<
    WixServicePluginRequest,
    WixServicePluginStrategyOptions<Req>,
    Req
  > {
    return {
      caller: 'WixServicePluginStrategy',
      name: 'wix-service-plugin',
      options: { ...checks, ...bodyChecks },
      prepare(caller, options) {
        const verify = verifierOf(caller, options)
        return async (req) => verify(await readBody(req, options), req)
      },
    }
  }
}
