/**
 * Tests that decide about a file of lib/ beside those in the same place, such as `test/look-up.test.ts` for `lib/look-up.ts`. No others
 * are run: what only a test of something else notices is not held by what we say of the file. Of these, only those with a server of PostgreSQL take
 * more than a few seconds.
 */
export const ALSO: Readonly<Record<string, readonly string[]>> = {
  'lib/errors.ts': [
    'test/identity.test.ts',
    'test/strategy.test.ts',
    'test/fetch/to-response.test.ts',
    'test/internal/jwt.test.ts',
    'test/sessions/own-keys.test.ts',
  ],
  'lib/read.ts': ['test/strategies/verifiers.test.ts', 'test/strategies/webhook.test.ts'],
  'lib/strategy.ts': ['test/look-up.test.ts', 'test/events.test.ts'],
  'lib/internal/answered.ts': ['test/strategy.test.ts'],
  'lib/internal/cache.ts': ['test/middleware/stores.test.ts'],
  'lib/internal/jwt-refusals.ts': ['test/internal/jwt.test.ts'],
  'lib/internal/log.ts': ['test/events.test.ts'],
  'lib/internal/not-a-user.ts': ['test/look-up.test.ts'],
  'lib/internal/options.ts': ['test/internal/keys.test.ts'],
  'lib/internal/promises.ts': ['test/internal/answered.test.ts'],
  'lib/internal/remote.ts': ['test/internal/remote-circuit.test.ts', 'test/internal/transport.test.ts'],
  'lib/internal/user-info-option.ts': ['test/http/userinfo-option.test.ts'],
  'lib/internal/wix-jwt.ts': ['test/strategies/signed.test.ts'],
  'lib/middleware/deliveries.ts': ['test/middleware/deduplicate.test.ts', 'test/fetch/handle-once.test.ts'],
  'lib/middleware/error-handler.ts': ['test/http/instance.test.ts'],
  'lib/middleware/postgres-store.ts': ['test/middleware/deduplicate-postgres.test.ts'],
  'lib/sessions/strategy.ts': ['test/identity.test.ts'],
  'lib/sessions/tokens.ts': ['test/sessions/claims.test.ts'],
  'lib/strategies/access-token.ts': [
    'test/identity.test.ts',
    'test/strategies/access-token-verifier.test.ts',
    'test/strategies/verifiers.test.ts',
  ],
  'lib/strategies/app-hints.ts': ['test/strategies/app-instance.test.ts'],
  'lib/strategies/app.ts': [
    'test/identity.test.ts',
    'test/strategies/app-instance.test.ts',
    'test/strategies/app-token-info.test.ts',
    'test/strategies/verifiers.test.ts',
  ],
  'lib/strategies/service-plugin.ts': [
    'test/identity.test.ts',
    'test/strategies/signed.test.ts',
    'test/strategies/verifiers.test.ts',
  ],
  'lib/strategies/token-info.ts': ['test/strategies/access-token.test.ts', 'test/strategies/app-token-info.test.ts'],
  'lib/strategies/webhook.ts': ['test/identity.test.ts', 'test/strategies/verifiers.test.ts'],
}
