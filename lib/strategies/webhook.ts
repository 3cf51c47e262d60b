import { refusal, ROUTE_OF_ITS_KIND } from '../errors.ts'
import { type KindOf, markAs, subjectOf, type WixIdentity } from '../identity.ts'
import { type VerifiedClaims, verifyJwt } from '../internal/jwt.ts'
import { type Checked, checkOptions, type Checks, maxAgeCheck } from '../internal/options.ts'
import { isNonEmptyString, objectOf, own, stringOrNull } from '../internal/values.ts'
import { checkWixJwt, publicKeysFor, signedChecks, type SignedOptions, WIX_ALGORITHMS } from '../internal/wix-jwt.ts'
import { argumentNotRaw, bodyChecks, type BodyOptions, type DefaultRequest, rawBodyText, readBody } from '../read.ts'
import { IdentityStrategy, type StrategyDefinition, type WixStrategyOptions } from '../strategy.ts'

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
  /** What Wix sent in place of an object, if it ever does, is its `value`; nothing is an empty object. */
  data: WixEventData
  accountInfo: WixAccountInfo | null
  /** Not documented, seen since 2025. */
  webhookId: string | null
  exp: number
}

/** The options of {@link webhookVerifier}. All times are seconds. */
export interface WebhookVerifierOptions<Req = unknown> extends SignedOptions<Req> {
  /** Seconds from `iat` for which a webhook is accepted. Default: 302400 (84 hours); Wix retries for 48. `false`: until `exp`. */
  maxAge?: number | false
}

/** The options of {@link WixWebhookStrategy}. */
export interface WixWebhookStrategyOptions<Req = DefaultRequest>
  extends WixStrategyOptions, WebhookVerifierOptions<Req>, BodyOptions<Req> {}

const checks: Checks<WebhookVerifierOptions<never>> = { ...signedChecks, maxAge: maxAgeCheck }

/** JSON in a string, as Wix sends it, or the value itself; undefined for a string that is not JSON. */
function opened(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

/** A genuine event is not refused for the form of what is in it: whoever sends it again would send the same. */
function dataOf(given: unknown): WixEventData {
  const value = opened(given) ?? given
  return objectOf(value) ?? (value === undefined || value === null || value === '' ? {} : { value })
}

/** JSON in JSON in the JWT; a JWT of another kind has an object with names of its own there. */
function eventOf(claim: unknown, iat: number | null, exp: number): WixWebhookEvent {
  if (own(claim, 'metadata') !== undefined)
    throw refusal('claim_invalid', 'a service plugin call: WixServicePluginStrategy', ROUTE_OF_ITS_KIND)
  if (own(claim, 'SHA256') !== undefined)
    throw refusal('claim_invalid', 'the JWT of a Digest header: WixDigestStrategy', ROUTE_OF_ITS_KIND)
  const event = objectOf(opened(claim))
  if (event === undefined) throw refusal('claim_invalid', '`data` of the JWT is not an event, as JSON in a string')
  const instanceId = own(event, 'instanceId')
  const eventType = own(event, 'eventType')
  if (!isNonEmptyString(instanceId))
    throw refusal(
      'claim_invalid',
      'the event has no `instanceId`: is it an account-level event?',
      'Keep refusing it: it does not belong to any installation.',
    )
  if (!isNonEmptyString(eventType)) throw refusal('claim_invalid', 'the event has no `eventType`')
  const { identity, ...rest } = event
  const accountInfo = objectOf(opened(own(event, 'accountInfo'))) ?? null
  // Nothing in the event replaces what is set here. Into the copy: a literal that spreads it takes twice as long as the parser.
  return Object.assign(rest, {
    instanceId,
    // Old events have none.
    ...subjectOf(opened(Object.hasOwn(event, 'identity') ? identity : undefined)),
    clientId: null,
    siteId: stringOrNull(own(accountInfo, 'siteId')),
    iat,
    exp,
    eventType,
    data: dataOf(own(event, 'data')),
    accountInfo,
    webhookId: stringOrNull(own(event, 'webhookId')),
  })
}

type Verifier<Req> = (body: string, req: Req) => Promise<WixWebhookEvent>

/** Verifies a webhook: first its form, then its signature, its age, and what is in it. */
function verifierOf<Req>(caller: string, options: Checked<WebhookVerifierOptions<Req>>): Verifier<Req> {
  const { maxAge = 302_400 } = options
  const findKeys = publicKeysFor(caller, options)
  const rules = {
    algorithms: WIX_ALGORITHMS,
    maxAge,
    toIdentity: ({ claims, iat, exp }: VerifiedClaims) => eventOf(own(claims, 'data'), iat, exp),
  }
  return async (body, req) => {
    // Refused before a key is looked for: too large, or no JWT.
    checkWixJwt(body)
    // `verifyJwt` refuses a signature of another key and what is too old, and `eventOf` what is no event.
    return markAs(await verifyJwt(body, await findKeys(req), options, rules), 'webhook')
  }
}

/**
 * Makes a function that verifies the body of a webhook without Passport. It proves that Wix sent this event to this app, not that this is
 * the first delivery of it.
 *
 * The function takes the raw body of the request, and rejects with a {@link WixAuthError} `credentials_missing`, `body_too_large`,
 * `token_malformed`, `signature_invalid`, `token_expired` or `claim_invalid`, and with a TypeError for a body that a parser has parsed.
 *
 * @throws {TypeError} For options that are missing, unknown or of the wrong type.
 * @example
 * const verify = webhookVerifier({ publicKey: process.env.WIX_PUBLIC_KEY })
 * const { eventType, data } = await verify(await request.text())
 */
export function webhookVerifier(
  options: WebhookVerifierOptions,
): (body: string | Uint8Array) => Promise<WixWebhookEvent> {
  const caller = 'webhookVerifier'
  const verify = verifierOf<unknown>(caller, checkOptions<WebhookVerifierOptions>(caller, options, checks))
  return async (body) => verify(rawBodyText(body, argumentNotRaw(caller)), undefined)
}

/**
 * Lets Wix's webhooks through. The event is the user, unless a verify callback says otherwise.
 *
 * @see https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks
 * @example
 * passport.use(new WixWebhookStrategy({ publicKey: process.env.WIX_PUBLIC_KEY }))
 */
export class WixWebhookStrategy<Req = DefaultRequest> extends IdentityStrategy<
  WixWebhookEvent,
  WixWebhookStrategyOptions<Req>,
  Req
> {
  /** For `identityOf(req, WixWebhookStrategy)`. */
  static readonly kind: KindOf<WixWebhookEvent> = { name: 'webhook' }

  protected override _definition(): StrategyDefinition<WixWebhookEvent, WixWebhookStrategyOptions<Req>, Req> {
    return {
      caller: 'WixWebhookStrategy',
      name: 'wix-webhook',
      options: { ...checks, ...bodyChecks },
      prepare(caller, options) {
        const verify = verifierOf(caller, options)
        return async (req) => verify(await readBody(req, options), req)
      },
    }
  }
}
