import { refusal } from '../errors.ts'
import { subjectOf, type WixIdentity } from '../identity.ts'
import { type Checked, checkOptions, type Checks, maxAge } from '../internal/options.ts'
import { isNonEmptyString, objectOf, own, parseJson, stringOrNull } from '../internal/values.ts'
import { jwtOf, notRawBody, signedChecks, type SignedOptions, wixJwtCheck } from '../internal/wix-jwt.ts'
import { type DefaultRequest, jwtReader } from '../read.ts'
import { IdentityStrategy, type Kind, type WixStrategyOptions } from '../strategy.ts'
import { type ForRequest, signedKind, type SignedRequestOptions } from './signed.ts'

/**
 * What happened. Domain events have the envelope from `id` to `actionEvent`; older events are flat.
 *
 * @see https://dev.wix.com/docs/rest/articles/getting-started/webhook-structure
 */
export interface WixEventData {
  /** The event: the same in each delivery of it. */
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
  /** Grows with each event of one entity, since deliveries come in any order. */
  entityEventSequence?: string
  createdEvent?: { entity: unknown }
  updatedEvent?: { currentEntity: unknown; modifiedFields?: Record<string, unknown> }
  deletedEvent?: { deletedEntity?: unknown }
  actionEvent?: { body: unknown }
  /** `AppInstalled` and `AppRemoved`: the app. */
  appId?: string
  /** `AppInstalled` and `AppRemoved`: the installation on the site that this one was copied from, or an empty string. */
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

/** A verified webhook: what happened, on which site, and who caused it. */
export interface WixWebhookEvent extends WixIdentity {
  /** For example `AppInstalled` or `wix.ecom.v1.order_created`. Answer 200 also to one that you do not know. */
  eventType: string
  data: WixEventData
  accountInfo: WixAccountInfo | null
  /** Not documented, seen since 2025. */
  webhookId: string | null
  exp: number
}

/** The options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions extends SignedOptions {
  /** Seconds from `iat` for which a webhook is accepted. Default: 302400 (84 hours); Wix retries for 48. `false`: until `exp`. */
  maxAge?: number | false
}

/** The options of {@link WixWebhookStrategy}. */
export interface WixWebhookStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, Omit<VerifyWebhookOptions, 'publicKey'>, SignedRequestOptions<Req> {}

const checks: Checks<VerifyWebhookOptions> = { ...signedChecks, maxAge }

function parsed(json: unknown, what: string): Record<string, unknown> {
  if (!isNonEmptyString(json)) throw refusal('claim_invalid', `${what} is not a string that contains JSON`)
  const object = objectOf(parseJson(json, what))
  if (object === undefined) throw refusal('claim_invalid', `${what} is not a JSON object`)
  return object
}

/** Prepares the check of a webhook. */
function webhookCheck(
  owner: string,
  options: Checked<VerifyWebhookOptions>,
): (body: string) => Promise<WixWebhookEvent> {
  const verify = wixJwtCheck(owner, options, { maxAge: options.maxAge ?? 302_400 })
  return async (body) => {
    const { data, iat, exp } = await verify(body)
    // JSON in JSON in the JWT; a JWT of another kind has an object here.
    if (own(data, 'metadata') !== undefined)
      throw refusal('claim_invalid', 'a service plugin call: WixServicePluginStrategy')
    if (own(data, 'SHA256') !== undefined)
      throw refusal('claim_invalid', 'the JWT of a Digest header: WixDigestStrategy')
    const event = parsed(data, '`data` of the JWT')
    const identity = own(event, 'identity')
    delete event['identity']
    const instanceId = own(event, 'instanceId')
    const eventType = own(event, 'eventType')
    if (!isNonEmptyString(instanceId))
      throw refusal('claim_invalid', 'the event has no `instanceId`: is it an account-level event?')
    if (!isNonEmptyString(eventType)) throw refusal('claim_invalid', 'the event has no `eventType`')
    const accountInfo = objectOf(own(event, 'accountInfo')) ?? null
    return {
      // First, so that nothing in the event replaces what follows.
      ...event,
      instanceId,
      // Old events have none.
      ...subjectOf(
        identity === undefined || identity === null || identity === ''
          ? undefined
          : parsed(identity, '`identity` of the event'),
      ),
      clientId: null,
      siteId: stringOrNull(own(accountInfo, 'siteId')),
      iat,
      exp,
      eventType,
      data: parsed(own(event, 'data'), '`data` of the event'),
      accountInfo,
      webhookId: stringOrNull(own(event, 'webhookId')),
    }
  }
}

/**
 * Verifies the body of a webhook without Passport. It proves that Wix sent this event to this app, not that this is the
 * first delivery of it.
 *
 * @param body The raw body of the request.
 * @returns A promise of the event; rejects with the errors below.
 * @throws {WixAuthError} `credentials_missing`, `body_too_large`, `token_malformed`, `signature_invalid`, `token_expired` or
 *   `claim_invalid`.
 * @throws {TypeError} For options that are missing, unknown or of the wrong type, and for a body that a parser has parsed.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  options: VerifyWebhookOptions,
): Promise<WixWebhookEvent> {
  const owner = 'verifyWebhook'
  const check = webhookCheck(owner, checkOptions(owner, options, checks))
  return check(jwtOf(body, notRawBody(owner)))
}

const kind = {
  owner: 'WixWebhookStrategy',
  name: 'wix-webhook',
  ...signedKind(checks, jwtReader, webhookCheck),
}

/**
 * Lets webhooks of Wix through. The event is the user, unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 */
export class WixWebhookStrategy<Req = DefaultRequest> extends IdentityStrategy<
  ForRequest<string>,
  WixWebhookEvent,
  WixWebhookStrategyOptions<Req>,
  Req
> {
  protected override _kind(): Kind<ForRequest<string>, WixWebhookEvent, WixWebhookStrategyOptions<Req>, Req> {
    return kind
  }
}
