import { refusal } from '../../lib/errors.ts'
import { looksLike } from '../../lib/internal/hints.ts'
import type { FindKey } from '../../lib/internal/jwt.ts'
import type { Fetch } from '../../lib/internal/transport.ts'
import { tokenVerifier } from '../../lib/sessions/tokens.ts'
import { accessTokenVerifier } from '../../lib/strategies/access-token.ts'
import { instanceVerifier } from '../../lib/strategies/app.ts'
import { checkInstanceForm } from '../../lib/strategies/app-instance.ts'
import { digestVerifier } from '../../lib/strategies/digest.ts'
import { servicePluginVerifier } from '../../lib/strategies/service-plugin.ts'
import { webhookVerifier } from '../../lib/strategies/webhook.ts'
import type { CredentialKind, VerifiableKind } from './recognize.ts'

/** What the check of a credential needs, as far as it was given. */
export interface Given {
  secrets: readonly string[]
  publicKey: string | undefined
  appId: string | undefined
  /** Of an instance or a webhook, in seconds; the default is that of the strategy. */
  maxAge: number | false | undefined
  /** The body of a Digest header. */
  body: Uint8Array | undefined
  /** The keys of session tokens. */
  keys: (() => FindKey | Promise<FindKey>) | undefined
  issuer: string | undefined
  audience: string | undefined
  /** Whether an access token may be sent to Wix. */
  askWix: boolean
  fetch: Fetch
  now: () => number
}

/** Something is missing that a check needs. */
export class NotChecked extends Error {
  /** What to do. */
  readonly cure: string

  constructor(message: string, cure: string) {
    super(message)
    this.cure = cure
  }
}

function needed<Value>(value: Value | undefined, what: string, cure: string): Value {
  if (value === undefined) throw new NotChecked(`${what} is missing`, cure)
  return value
}

const publicKeyOf = ({ publicKey }: Given): string =>
  needed(publicKey, 'the public key', 'Set WIX_PUBLIC_KEY, or pass --public-key-file.')

const appIdOf = ({ appId }: Given): string => needed(appId, 'the app ID', 'Set WIX_APP_ID, or pass --app-id.')

const ageOf = (maxAge: Given['maxAge']): { maxAge?: number | false } => (maxAge === undefined ? {} : { maxAge })

const CHECKS: Record<VerifiableKind, (credential: string, given: Given) => unknown> = {
  instance: (instance, { secrets, appId, maxAge, now }) => {
    if (secrets.length > 0)
      return instanceVerifier({ secret: secrets, now, ...ageOf(maxAge), ...(appId && { appId }) })(instance)
    // The form is wrong whatever the secret is.
    checkInstanceForm(instance)
    throw new NotChecked('the app secret is missing', 'Set WIX_APP_SECRET, or pass --secret-file.')
  },
  'access-token': (token, given) => {
    if (!given.askWix) throw new NotChecked('only Wix can verify an access token', 'Pass --ask-wix to send it to Wix.')
    return accessTokenVerifier({ appId: appIdOf(given), cache: false, fetch: given.fetch, now: given.now })(token)
  },
  webhook: (body, given) =>
    webhookVerifier({ publicKey: publicKeyOf(given), now: given.now, ...ageOf(given.maxAge) })(body),
  'service-plugin': (body, given) =>
    servicePluginVerifier({ publicKey: publicKeyOf(given), appId: appIdOf(given), now: given.now })(body),
  digest: (header, given) => {
    const publicKey = publicKeyOf(given)
    const body = needed(given.body, 'the body that came with the header', 'Pass --body-file with the raw body.')
    return digestVerifier({ publicKey, now: given.now })(header, body)
  },
  session: (token, { keys, issuer, audience, now }) =>
    tokenVerifier(needed(keys, 'the key set of the issuer', 'Pass --jwks, --issuer and --audience.'), {
      issuer: needed(issuer, 'the issuer', 'Pass --issuer.'),
      audience: needed(audience, 'the audience', 'Pass --audience.'),
      now,
    })(token),
}

const isVerifiable = (kind: CredentialKind): kind is VerifiableKind => Object.hasOwn(CHECKS, kind)

/**
 * Verifies a credential as one of a kind.
 *
 * @returns A promise of what the strategy of this kind finds out: the identity, or the body of a Digest header.
 * @throws {WixAuthError} For a credential that is refused.
 * @throws {WixUnavailableError} Where Wix or a key set does not answer.
 * @throws {NotChecked} Where something is missing.
 * @throws {TypeError} For a secret or a key that cannot be one.
 */
export async function check(kind: CredentialKind, credential: string, given: Given): Promise<unknown> {
  if (credential === '') throw refusal('credentials_missing', 'the input holds no credential')
  if (isVerifiable(kind)) return CHECKS[kind](credential, given)
  throw refusal(
    'token_malformed',
    kind === 'jwt'
      ? 'a JWT, but none of the kinds that Wix signs'
      : (looksLike(credential) ?? 'of no form that Wix sends'),
  )
}
