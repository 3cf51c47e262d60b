import { refusal, type WixAuthErrorCode } from '../errors.ts'
import { cached, expiringMap } from '../internal/cache.ts'
import { remoteClient } from '../internal/remote.ts'
import type { Fetch } from '../internal/transport.ts'

/** Characters. Real access tokens and ID tokens have a few thousand. */
export const MAX_TOKEN_LENGTH: number = 64 * 1024

// RFC 6750 section 2.1, after a scheme or alone.
const TOKEN = /^([a-z][\w-]* )?[\w\-.~+/]+=*$/i

function authorizationOf(token: string): string {
  if (token.length > MAX_TOKEN_LENGTH || !TOKEN.test(token))
    throw refusal(
      'token_malformed',
      'the token cannot be sent to the user info endpoint: it is too long or not a token',
    )
  return token.includes(' ') ? token : `Bearer ${token}`
}

/** Statuses with which a user info endpoint refuses a token (OpenID Connect Core 1.0 section 5.3.3, RFC 6750 section 3.1). */
const REFUSED_BY_ENDPOINT: ReadonlyMap<number, WixAuthErrorCode> = new Map([
  [401, 'token_inactive'],
  [403, 'insufficient_scope'],
])

/** Seconds for which an answer is cached (see the documentation of `resolveUserInfo`), and for which an unused client is kept. */
const MAX_AGE = 60
const CLIENT_AGE = 3600

/** A cache of answers, and a client with a circuit breaker for each origin. */
function userInfoClient(fetch: Fetch, now: (() => number) | undefined) {
  const clients = expiringMap<ReturnType<typeof remoteClient>>({ max: 100 })
  const ask = (_key: string, url: string, authorization: string | undefined, timeout: number) => {
    const { origin } = new URL(url)
    const client =
      clients.get(origin) ??
      remoteClient({ server: 'The user info endpoint', refusals: REFUSED_BY_ENDPOINT, longestLimit: 0, fetch, now })
    clients.set(origin, client, CLIENT_AGE)
    return client({ url, timeout, ...(authorization !== undefined && { headers: { Authorization: authorization } }) })
  }
  return cached(ask, { maxAge: MAX_AGE, max: 5000, now })
}

/** One for each way to ask and each clock, which are constants in an app. */
const prepared = new WeakMap<Fetch, WeakMap<() => number, ReturnType<typeof userInfoClient>>>()

function prepare(fetch: Fetch, now: (() => number) | undefined): ReturnType<typeof userInfoClient> {
  const byClock = prepared.get(fetch) ?? new WeakMap<() => number, ReturnType<typeof userInfoClient>>()
  prepared.set(fetch, byClock)
  const client = byClock.get(now ?? Date.now) ?? userInfoClient(fetch, now)
  byClock.set(now ?? Date.now, client)
  return client
}

/**
 * The JSON object at a URL, which is cached.
 *
 * @param url From `urlWithin`.
 * @param token Goes into `Authorization`, as `Bearer` unless it names a scheme itself.
 * @param timeout Seconds for the whole answer.
 * @throws {WixAuthError} `token_malformed`; `token_inactive` for the status 401, `insufficient_scope` for 403.
 * @throws {WixUnavailableError} Without a JSON object in time.
 */
export async function askUserInfo(
  url: string,
  token: string | undefined,
  timeout: number,
  fetch: Fetch,
  now: (() => number) | undefined,
): Promise<Record<string, unknown>> {
  const authorization = token === undefined ? undefined : authorizationOf(token)
  // There is no space in such a URL.
  return prepare(fetch, now)(`${url} ${authorization ?? ''}`, url, authorization, timeout)
}
