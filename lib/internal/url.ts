import { type Check, must } from './options.ts'

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Whether nobody on the way can read or change what is sent to this URL and what comes back. */
const isSecure = ({ protocol, hostname, username, password }: URL): boolean =>
  username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)))

export const secureUrl: Check = must(
  (value) => typeof value === 'string' && URL.canParse(value) && isSecure(new URL(value)),
  'an https URL without a password, or an http URL of this machine (localhost, 127.0.0.1, [::1])',
)

export const isOrigin = (value: unknown): boolean =>
  secureUrl(value) === undefined && new URL(String(value)).origin === value

/** A relative URL under the path of `baseUrl`, as front ends resolve it. */
const under = (baseUrl: string): string => baseUrl.replace(/\/?$/, '/')

/** @param baseUrl A {@link secureUrl}. */
export const urlUnder = (path: string, baseUrl: string): string => new URL(path, under(baseUrl)).href

// ASCII without whitespace, control characters and backslashes, which URL parsers drop or read as another character.
const PLAIN = /^[!-[\]-~]+$/

/**
 * The URL that a string means, if a credential may be sent there: a relative one must stay on the origin of `baseUrl`, an absolute one
 * must have that origin or one of `origins`. Undefined for anything else.
 *
 * @param baseUrl A {@link secureUrl}; `origins` each an {@link isOrigin}.
 */
export function urlWithin(source: string, baseUrl: string | undefined, origins: readonly string[]): string | undefined {
  if (!PLAIN.test(source)) return undefined
  const isAbsolute = URL.canParse(source)
  const base = isAbsolute || baseUrl === undefined ? undefined : under(baseUrl)
  // Under the path of the base. Two leading slashes name a host, which the check of the origin refuses.
  const path = source.replace(/^\/(?!\/)/, './')
  if (!URL.canParse(path, base)) return undefined
  const url = new URL(path, base)
  const allowed = baseUrl === undefined ? [] : [new URL(baseUrl).origin]
  if (isAbsolute) allowed.push(...origins)
  // A `blob:` URL has the origin of the URL in it, and an origin does not show a password.
  return isSecure(url) && allowed.includes(url.origin) ? url.href : undefined
}
