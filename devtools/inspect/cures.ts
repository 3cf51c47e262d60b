import type { WixAuthError, WixAuthErrorCode } from '../../lib/errors.ts'
import type { CredentialKind } from './recognize.ts'

interface Cure {
  code: WixAuthErrorCode
  /** Default: any. */
  kinds?: readonly CredentialKind[]
  /** Default: any. */
  hint?: RegExp
  cure: string
}

const SIGNED: readonly CredentialKind[] = ['webhook', 'service-plugin', 'digest']
const OTHER_ROUTE = 'Send it to the route of its kind, or use the strategy of this kind here.'
const AS_IT_CAME = 'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped.'
const NOT_OF_WIX = 'Keep refusing it: it is complete and signed, but it is not what Wix sends to an app.'

/** The first that fits counts. */
const CURES: readonly Cure[] = [
  { code: 'credentials_missing', cure: 'Copy the whole credential, address or header line.' },
  { code: 'request_invalid', cure: 'Send one credential, once, in one place.' },
  { code: 'body_too_large', cure: 'Wix sends no body of this size: look at what was copied.' },
  {
    code: 'token_malformed',
    hint: /API key|refresh token|not for an app/,
    cure: 'Send an instance, an access token or a session token instead.',
  },
  { code: 'token_malformed', hint: /Strategy|looks like a JWT/, cure: OTHER_ROUTE },
  // Under a signature that is right.
  { code: 'token_malformed', hint: /not JSON|not a JSON object|^the header (asks|has)/, cure: NOT_OF_WIX },
  { code: 'token_malformed', cure: AS_IT_CAME },
  { code: 'signature_invalid', hint: /^`alg`/, cure: 'Keep refusing it: Wix does not sign like this.' },
  { code: 'signature_invalid', hint: /not complete JSON/, cure: 'Copy the whole instance, and nothing else.' },
  { code: 'signature_invalid', hint: /base64url/, cure: AS_IT_CAME },
  { code: 'signature_invalid', hint: /^the hash/, cure: 'Verify the raw body, byte for byte, before any parser.' },
  {
    code: 'signature_invalid',
    kinds: SIGNED,
    cure: 'Compare the public key with that of the app in its dashboard: Webhooks > Get public key.',
  },
  { code: 'signature_invalid', kinds: ['session'], cure: 'Compare the key set with the keys of the issuer.' },
  {
    code: 'signature_invalid',
    cure: 'Compare the secret with that of the app in its dashboard: More Actions > View ID & keys.',
  },
  { code: 'token_expired', kinds: SIGNED, cure: 'Try a new one. If that is refused, set the clock.' },
  { code: 'token_expired', cure: 'Get a new one: reload the page. If that is refused, set the clock.' },
  { code: 'token_inactive', cure: 'Get a new one: reload the page. Is the app still installed?' },
  { code: 'claim_invalid', hint: /in the future/, cure: 'Set the clock of this machine, or of the signer.' },
  { code: 'claim_invalid', hint: /Strategy/, cure: OTHER_ROUTE },
  { code: 'claim_invalid', hint: /an account/, cure: 'Keep refusing it: it does not belong to any installation.' },
  {
    code: 'claim_invalid',
    hint: /another app|what it should be/,
    cure: 'Compare the app ID, the issuer and the audience of your app with those above.',
  },
]

/** What to do about a refusal. */
export const cureOf = ({ code, hint = '' }: WixAuthError, kind: CredentialKind): string =>
  CURES.find((one) => one.code === code && (one.kinds?.includes(kind) ?? true) && (one.hint?.test(hint) ?? true))
    ?.cure ?? NOT_OF_WIX
