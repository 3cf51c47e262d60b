import { refusal } from '../../lib/errors.ts'
import { looksLike } from '../../lib/internal/hints.ts'
import type { FindKey } from '../../lib/internal/jwt.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { tokenVerifier } from '../../lib/sessions/tokens.ts'
import { accessTokenVerifier, type AccessTokenVerifierOptions } from '../../lib/strategies/access-token.ts'
import { instanceVerifier } from '../../lib/strategies/app.ts'
import { checkInstanceForm } from '../../lib/strategies/app-instance.ts'
import { digestVerifier } from '../../lib/strategies/digest.ts'
import { servicePluginVerifier } from '../../lib/strategies/service-plugin.ts'
import { webhookVerifier } from '../../lib/strategies/webhook.ts'
import type { CredentialKind, VerifiableKind } from './recognize.ts'

/** What credentials are verified with, as far as it is known. */
export interface Given {
  secrets?: readonly string[] | undefined
  publicKey?: string | undefined
  appId?: string | undefined
  /** Of an instance or a webhook, in seconds. Default: that of the strategy. */
  maxAge?: number | false | undefined
  /** The body of a Digest header. */
  body?: Uint8Array | undefined
  /** The keys of session tokens. */
  keys?: (() => FindKey | Promise<FindKey>) | undefined
  issuer?: string | undefined
  audience?: string | undefined
  /** How to ask about an access token, which only Wix can verify. Default: not at all. */
  tokenInfo?: Pick<AccessTokenVerifierOptions, 'apiUrl' | 'fetch' | 'timeout'> | undefined
  /** The clock, in milliseconds since 1970. */
  now: () => number
}

/** What a check may need: `maxAge` has a default. */
type Needed = Exclude<keyof Given, 'maxAge' | 'now'>

/** A check needs what was not given. */
export class NotChecked extends Error {
  readonly missing: Needed

  constructor(missing: Needed) {
    super(`not checked without ${missing}`)
    this.missing = missing
  }
}

function needed<Name extends Needed>(given: Given, name: Name): NonNullable<Given[Name]> {
  const value = given[name]
  if (value === undefined || value === null) throw new NotChecked(name)
  return value
}

const ageOf = ({ maxAge }: Given): { maxAge?: number | false } => (maxAge === undefined ? {} : { maxAge })

/** The verifier of each kind, for one credential. */
const VERIFIERS: Record<VerifiableKind, (credential: string, given: Given) => Promise<object>> = {
  async instance(instance, given) {
    // A wrong form is wrong whatever the secret is.
    checkInstanceForm(instance)
    const { appId, now } = given
    const secret = needed(given, 'secrets')
    return instanceVerifier({ secret, now, ...ageOf(given), ...(appId !== undefined && { appId }) })(instance)
  },
  async 'access-token'(token, given) {
    const options = { ...needed(given, 'tokenInfo'), appId: needed(given, 'appId'), now: given.now }
    return accessTokenVerifier({ ...options, cache: false })(token)
  },
  webhook: async (body, given) =>
    webhookVerifier({ publicKey: needed(given, 'publicKey'), now: given.now, ...ageOf(given) })(body),
  async 'service-plugin'(body, given) {
    const options = { publicKey: needed(given, 'publicKey'), appId: needed(given, 'appId'), now: given.now }
    return servicePluginVerifier(options)(body)
  },
  digest: async (header, given) =>
    digestVerifier({ publicKey: needed(given, 'publicKey'), now: given.now })(header, needed(given, 'body')),
  async session(token, given) {
    const keys = needed(given, 'keys')
    const { now } = given
    const rules = ownOptions({ issuer: needed(given, 'issuer'), audience: needed(given, 'audience'), now })
    return tokenVerifier(keys, rules)(token)
  },
}

const isVerifiable = (kind: CredentialKind): kind is VerifiableKind => Object.hasOwn(VERIFIERS, kind)

/**
 * Verifies a credential as one of a kind.
 *
 * @returns A promise of what the strategy of this kind finds out: the identity, or the body of a Digest header.
 * @throws {WixAuthError} For a credential that is refused.
 * @throws {WixUnavailableError} Where Wix or a key set does not answer.
 * @throws {NotChecked} Where something is missing.
 * @throws {TypeError} For a secret or a key that cannot be one.
 */
export async function verify(kind: CredentialKind, credential: string, given: Given): Promise<object> {
  if (credential === '') throw refusal('credentials_missing', 'the input holds no credential')
  if (isVerifiable(kind)) return VERIFIERS[kind](credential, given)
  throw refusal(
    'token_malformed',
    kind === 'jwt'
      ? 'a JWT, but none of the kinds that Wix signs'
      : (looksLike(credential) ?? 'of no form that Wix sends'),
  )
}
