import { WixAuthError } from '../errors.ts'
import { subjectOf, type WixIdentity } from '../identity.ts'
import { objectOf, parseJson } from '../internal/json.ts'
import { signedChecks, type SignedOptions, verifyJwt } from '../internal/jwt.ts'
import { callback, type Check, checkOptions, isText, secondsOrFalse, textOrNull } from '../internal/options.ts'
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

/**
 * What happened. Domain events have the envelope from `id` to `actionEvent`; older events are flat.
 *
 * @see https://dev.wix.com/docs/rest/articles/getting-started/webhook-structure
 */
export interface WixEventData {
  /** The event: the same each time that Wix repeats it. */
  id?: string
  /** The kind of the entity, for example `wix.ecom.v1.order`. */
  entityFqdn?: string
  /** What happened to the entity, for example `created`. */
  slug?: string
  entityId?: string
  /** As ISO 8601. */
  eventTime?: string
  /** Personal data was removed on request (GDPR). */
  triggeredByAnonymizeRequest?: boolean
  originatedFrom?: string
  /** Grows with each event of one entity: Wix does not keep the order. */
  entityEventSequence?: string
  createdEvent?: { entity: unknown }
  updatedEvent?: { currentEntity: unknown; modifiedFields?: Record<string, unknown> }
  deletedEvent?: { deletedEntity?: unknown }
  actionEvent?: { body: unknown }
  /** `AppInstalled` and `AppRemoved`: the app. */
  appId?: string
  /** `AppInstalled` and `AppRemoved`: the installation on the site that this one was copied from, or an empty text. */
  originInstanceId?: string
  [property: string]: unknown
}

/** The account and the site of an event. */
export interface WixAccountInfo {
  accountId?: string
  parentAccountId?: string
  siteId?: string
  [property: string]: unknown
}

/** A verified webhook: what happened, where, and who did it. */
export interface WixWebhookEvent extends WixIdentity {
  /** For example `AppInstalled` or `wix.ecom.v1.order_created`. Any: what you do not know, answer with 200. */
  eventType: string
  data: WixEventData
  accountInfo: WixAccountInfo | null
  /** Not documented, seen since 2025. */
  webhookId: string | null
  exp: number
}

/** The options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions extends SignedOptions {
  /** Seconds from `iat` for which a webhook is good. Default: 302400, as Wix repeats for 48 hours. `false`: until `exp`. */
  maxAge?: number | false
}

/** The options of {@link WixWebhookStrategy}. */
export interface WixWebhookStrategyOptions<Req = DefaultRequest> extends WixStrategyOptions, VerifyWebhookOptions {
  /** Where the raw body is. Default: {@link fromBody}. */
  bodyFromRequest?: BodyReader<Req>
}

const checks: { [Name in keyof VerifyWebhookOptions]-?: Check } = { ...signedChecks, maxAge: secondsOrFalse }

const parsed = (text: unknown): Record<string, unknown> => {
  const object = isText(text) ? objectOf(parseJson(text)) : undefined
  if (object === undefined) throw new WixAuthError('claim_invalid')
  return object
}

/** {@link verifyWebhook} with everything prepared. */
async function checkWebhook(body: string, keys: PublicKeys, options: VerifyWebhookOptions): Promise<WixWebhookEvent> {
  const { data, iat, exp } = await verifyJwt(body, keys, options, { maxAge: options.maxAge ?? 302_400 })
  // JSON in JSON in the JWT; a JWT of another kind has an object here.
  const { identity, ...event } = parsed(data)
  const instanceId = own(event, 'instanceId')
  const eventType = own(event, 'eventType')
  if (!isText(instanceId) || !isText(eventType)) throw new WixAuthError('claim_invalid')
  const accountInfo = objectOf(own(event, 'accountInfo')) ?? null
  return {
    ...event,
    instanceId,
    // Old events have none.
    ...subjectOf(identity === undefined || identity === null || identity === '' ? undefined : parsed(identity)),
    clientId: null,
    siteId: textOrNull(own(accountInfo, 'siteId')),
    iat,
    exp,
    eventType,
    data: parsed(own(event, 'data')),
    accountInfo,
    webhookId: textOrNull(own(event, 'webhookId')),
  }
}

/**
 * Verifies the body of a webhook without Passport. It says that Wix sent this event to this app, not that it comes for the
 * first time.
 *
 * @param body The raw body of the request.
 * @returns A promise of the event; rejects with what is thrown.
 * @throws {WixAuthError} `request_invalid`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 */
export async function verifyWebhook(body: string, options: VerifyWebhookOptions): Promise<WixWebhookEvent> {
  const checked = checkOptions('verifyWebhook', options, checks)
  return checkWebhook(body, publicKeys('verifyWebhook', checked.publicKey), checked)
}

/**
 * Lets webhooks of Wix through. The event is the user, unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 */
export class WixWebhookStrategy<Req = DefaultRequest> extends WixStrategy<WixWebhookEvent, Req> {
  private readonly _read: BodyReader<Req>
  private readonly _keys: PublicKeys
  private readonly _options: VerifyWebhookOptions

  /** @throws {TypeError} For an unknown option, one of the wrong type, or a key that cannot be the public key. */
  constructor(options: WixWebhookStrategyOptions<Req> & { passReqToCallback?: false }, verify?: Verify<WixWebhookEvent>)
  constructor(
    options: WixWebhookStrategyOptions<Req> & { passReqToCallback: true },
    verify?: VerifyWithRequest<WixWebhookEvent, Req>,
  )
  constructor(
    given: WixWebhookStrategyOptions<Req>,
    verify: Verify<WixWebhookEvent> | VerifyWithRequest<WixWebhookEvent, Req> = identityAsUser,
  ) {
    const options = checkOptions('WixWebhookStrategy', given, { ...commonChecks, ...checks, bodyFromRequest: callback })
    super('wix-webhook', options, verify)
    this._read = options.bodyFromRequest ?? fromBody()
    this._keys = publicKeys('WixWebhookStrategy', options.publicKey)
    this._options = options
  }

  protected override _identify(req: Req): WixWebhookEvent | Promise<WixWebhookEvent> {
    return whenReady(this._read(req), (body) => checkWebhook(jwtOf(body), this._keys, this._options))
  }
}
