import { type Check, must } from './options.ts'

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Whether what is sent to this URL, and what comes back, is safe from readers and changes on the way. */
const isSecure = ({ protocol, hostname, username, password }: URL): boolean =>
  username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)))

export const secureUrl: Check = must(
  (value) => typeof value === 'string' && URL.canParse(value) && isSecure(new URL(value)),
  'an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1])',
  'string',
)

export const isOrigin = (value: unknown): boolean =>
  secureUrl(value) === undefined && new URL(String(value)).origin === value

/** A {@link secureUrl} that others are resolved against. */
export const baseUrlCheck: Check = must(
  (value) => secureUrl(value) === undefined && !/[?#]/.test(String(value)),
  'an https URL without a password, query or fragment, or an http URL on this machine (localhost, 127.0.0.1, [::1])',
  'string',
)

const under = (base: string): string => base.replace(/\/?$/, '/')

/** The URL of a path under that of `base`, a {@link baseUrlCheck}. */
export const urlUnder = (path: string, base: string): string => new URL(path, under(base)).href

// ASCII without whitespace, control characters and backslashes, which URL parsers drop or read as another character.
const PLAIN = /^[!-[\]-~]+$/

/**
 * The URL that a string means, if a credential may be sent there: a relative one must stay on the origin of `base`, an absolute one
 * must have that origin or one of `origins`. Undefined for anything else.
 *
 * @param base A {@link baseUrlCheck}; `origins` each an {@link isOrigin}.
 */
export function urlWithin(source: string, base: string | undefined, origins: readonly string[]): string | undefined {
  if (!PLAIN.test(source)) return undefined
  const isAbsolute = URL.canParse(source)
  const resolveAgainst = isAbsolute || base === undefined ? undefined : under(base)
  // Under the path of the base. Two leading slashes name a host, which the check of the origin refuses.
  const path = source.replace(/^\/(?!\/)/, './')
  if (!URL.canParse(path, resolveAgainst)) return undefined
  const url = new URL(path, resolveAgainst)
  const isAllowed =
    (base !== undefined && url.origin === new URL(base).origin) || (isAbsolute && origins.includes(url.origin))
  // A `blob:` URL has the origin of the URL in it, and an origin does not show a password.
  return isSecure(url) && isAllowed ? url.href : undefined
}
