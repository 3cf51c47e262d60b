import { duration, guidOf, idHint, whileObserved } from './hints.ts'
import { own } from './values.ts'

/** What a hint may say of a JWT. */
export interface JwtContext {
  token: string
  algorithms: readonly string[]
  /** How many were tried; undefined where the header names one. */
  keys: number | undefined
  /** Milliseconds. */
  time: number
}

/** What a failed check of a claim is about. The claims are those of a signature that is right. */
function claimHint(error: unknown): string {
  const claim = String(own(error, 'claim'))
  const payload = own(error, 'payload')
  if (own(error, 'reason') === 'missing') {
    // A webhook has neither `iss` nor `aud`.
    const isWebhook = ['iss', 'aud'].includes(claim) && typeof own(payload, 'data') === 'string'
    return isWebhook ? `\`${claim}\` is missing, as in a webhook: WixWebhookStrategy` : `\`${claim}\` is missing`
  }
  return `\`${claim}\` is not what it should be${idHint([own(payload, claim)].flat()[0])}`
}

// The calls of Wix that name their app have a few thousand characters.
const MAX_LENGTH = 10_000

/** Which app a JWT whose signature is wrong says that it is for. */
const unverifiedApp = (token: string): string =>
  whileObserved(() => {
    // To parse a megabyte of nested brackets takes long, and anybody may send one.
    if (token.length > MAX_LENGTH) return undefined
    const [, claims = ''] = token.split('.')
    const payload: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString())
    const app = guidOf(own(payload, 'aud'))
    return app && `; the JWT names app ${app} (not verified)`
  }) ?? ''

const HINTS: Partial<Record<string, (error: unknown, context: JwtContext) => string>> = {
  ERR_JWS_INVALID: () => 'the header is not that of a signed JWT',
  ERR_JWT_INVALID: () => 'the payload is not a JSON object',
  ERR_JOSE_NOT_SUPPORTED: () => 'the header asks for an extension (`crit`) or an algorithm that is not supported',
  ERR_JOSE_ALG_NOT_ALLOWED: (_error, { algorithms }) => `\`alg\` is not ${algorithms.join(', ')}`,
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: (_error, { token, keys }) =>
    keys === undefined
      ? 'the `kid` is known, but the signature was not made with that key'
      : (keys === 1 ? 'the key does not fit' : `no key of ${keys} fits`) + unverifiedApp(token),
  ERR_JWT_EXPIRED: (error, { time }) =>
    `\`exp\` was ${duration(time / 1000 - Number(own(own(error, 'payload'), 'exp')))} ago`,
  ERR_JWT_CLAIM_VALIDATION_FAILED: claimHint,
}

/** Why jose refused a JWT. */
export const joseHint = (code: unknown, error: unknown, context: JwtContext): string | undefined =>
  HINTS[String(code)]?.(error, context)
