import {
  COMPARE_IDS,
  datedInFuture,
  NOT_OF_WIX,
  refusal,
  ROUTE_OF_ITS_KIND,
  type WixAuthError,
  type WixAuthErrorCode,
} from '../errors.ts'
import { duration, expiredHint, guidOf, idHint } from './hints.ts'
import { isNumber, own } from './values.ts'

/** What a hint may say of a JWT. */
export interface JwtContext {
  token: string
  algorithms: readonly string[]
  /** How many keys were tried; undefined where the header names one. */
  keys: number | undefined
  /** Milliseconds. */
  time: number
}

/** Whether these are the claims of a webhook: nothing else that Wix signs has a string there. */
export const isWebhook = (claims: unknown): boolean => typeof own(claims, 'data') === 'string'

const OTHER_AUDIENCE = ': is `appId` that of your app, or for a session `audience` that of its issuer?'

/** What a failed check of a claim is about. The claims are those of a signature that is right. */
function claimRefusal(error: unknown): WixAuthError {
  const claim = String(own(error, 'claim'))
  const payload = own(error, 'payload')
  if (own(error, 'reason') !== 'missing')
    return refusal(
      'claim_invalid',
      `\`${claim}\` is not what it should be${idHint([own(payload, claim)].flat()[0])}${claim === 'aud' ? OTHER_AUDIENCE : ''}`,
      COMPARE_IDS,
    )
  // A webhook has neither `iss` nor `aud`.
  return ['iss', 'aud'].includes(claim) && isWebhook(payload)
    ? refusal('claim_invalid', `\`${claim}\` is missing, as in a webhook: WixWebhookStrategy`, ROUTE_OF_ITS_KIND)
    : refusal('claim_invalid', `\`${claim}\` is missing`)
}

// The calls of Wix that name their app have a few thousand characters.
const MAX_LENGTH_TO_PARSE = 10_000

const WRONG_KEY = ': is it the public key of another app, or was the body changed on its way?'

/** Why the signature of a JWT may be wrong: by the app that it says it is for, if any. */
function wrongKeyHint(token: string): string {
  // To parse a megabyte of nested brackets takes long, and anybody may send one.
  if (token.length > MAX_LENGTH_TO_PARSE) return WRONG_KEY
  let app: string | undefined
  try {
    const claims = Buffer.from(String(token.split('.')[1]), 'base64url').toString()
    app = guidOf(own(JSON.parse(claims), 'aud'))
  } catch {
    // No JSON: it names none.
  }
  return app === undefined ? WRONG_KEY : `; the JWT names app ${app} (not verified)`
}

interface Refused {
  code: WixAuthErrorCode
  hint: (error: unknown, context: JwtContext) => string
  cure?: string
}

const COMPARE_KEYS =
  'Compare the public key with that of the app in its dashboard (Webhooks > Get public key), or the key set with that of the issuer.'

// A code that jose adds one day is an error until it is listed here.
const REFUSED_BY_JOSE: ReadonlyMap<unknown, Refused> = new Map<unknown, Refused>([
  ['ERR_JWS_INVALID', { code: 'token_malformed', hint: () => 'the header is not that of a signed JWT' }],
  ['ERR_JWT_INVALID', { code: 'token_malformed', hint: () => 'the payload is not a JSON object', cure: NOT_OF_WIX }],
  [
    'ERR_JOSE_NOT_SUPPORTED',
    {
      code: 'token_malformed',
      hint: () => 'the header asks for an extension (`crit`) or an algorithm that is not supported',
      cure: NOT_OF_WIX,
    },
  ],
  [
    'ERR_JOSE_ALG_NOT_ALLOWED',
    {
      code: 'signature_invalid',
      hint: (_error, { algorithms }) => `\`alg\` is not ${algorithms.join(', ')}`,
      cure: 'Keep refusing it: Wix does not sign like this.',
    },
  ],
  [
    'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    {
      code: 'signature_invalid',
      hint: (_error, { token, keys }) =>
        keys === undefined
          ? 'the `kid` is known, but the signature was not made with that key'
          : (keys === 1 ? 'the key does not fit' : `no key of ${keys} fits`) + wrongKeyHint(token),
      cure: COMPARE_KEYS,
    },
  ],
  [
    'ERR_JWT_EXPIRED',
    {
      code: 'token_expired',
      hint: (error, { time }) => {
        const claims = own(error, 'payload')
        return expiredHint(time / 1000 - Number(own(claims, 'exp')), isWebhook(claims))
      },
    },
  ],
])

/** The refusal that an error of jose means; undefined for one that says nothing of the JWT. */
export function refusedByJose(error: unknown, context: JwtContext): WixAuthError | undefined {
  if (own(error, 'code') === 'ERR_JWT_CLAIM_VALIDATION_FAILED') {
    const notBefore = own(error, 'claim') === 'nbf' ? own(own(error, 'payload'), 'nbf') : undefined
    return isNumber(notBefore)
      ? datedInFuture(`\`nbf\` is ${duration(notBefore - context.time / 1000)}`)
      : claimRefusal(error)
  }
  const refused = REFUSED_BY_JOSE.get(own(error, 'code'))
  return refused && refusal(refused.code, () => refused.hint(error, context), refused.cure)
}
