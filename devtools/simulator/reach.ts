import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { type Check, must } from '../../lib/internal/options.ts'
import { secureUrl } from '../../lib/internal/url.ts'
import type { AppKeys } from './keys.ts'

/** Where the simulator listens and is found, for those who can reach more than this machine. */
export interface ReachOptions {
  /** The IP address to listen on, for example `0.0.0.0` in a container. Default: this machine alone. */
  host?: string | undefined
  /** The origin under which a browser finds the dashboard, if that is not this machine: of a forwarded port or a tunnel. */
  publicUrl?: string | undefined
}

/** What others than this machine must know. */
export interface AccessKeys {
  /** Of the dashboard: in the address that is opened first, then in a cookie. */
  dashboard: string
  /** Of the app: the first part of the path of what it asks Wix. */
  app: string
}

export interface Reach {
  /** Of the dashboard in the browser. */
  origin: string
  /** Names under which the server is found. */
  hosts: readonly string[]
  /** What else may stand in the header Origin of the dashboard. */
  otherOrigins: readonly string[]
  /** Null where only this machine can reach the server. */
  keys: AccessKeys | null
  /** Where the app finds the endpoints of Wix. */
  apiUrl: string
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

const isLoopback = (host: string): boolean => isIPv4(host) && host.startsWith('127.')

/** Whether others than this machine can reach it. */
export const isExposed = ({ host, publicUrl }: ReachOptions): boolean =>
  publicUrl !== undefined || (host !== undefined && !isLoopback(host))

/** A service of a container network, or a machine of one's own: what `http` may lead to. */
const NEARBY =
  /^([a-z\d_-]*[a-z_-][a-z\d_-]*|[a-z\d.-]+\.(internal|local)|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|\[f[cd][\da-f]{2}:[\da-f:]+\])$/

const isNearby = (value: unknown): boolean => {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, hostname, username, password } = new URL(value)
  return protocol === 'http:' && username === '' && password === '' && NEARBY.test(hostname)
}

/** A {@link secureUrl}, or one in a network of one's own. */
export const nearbyUrl: Check = must(
  (value) => secureUrl(value) === undefined || isNearby(value),
  'an https URL without a password, or an http URL on this machine or in a network of your own (http://app:3000, *.internal, *.local, a private address)',
  'string',
)

export const ipAddress: Check = must((value) => isIP(String(value)) !== 0, 'an IP address, such as 0.0.0.0', 'string')

/** An origin, with or without a slash at its end. */
export const publicUrl: Check = must(
  (value) => nearbyUrl(value) === undefined && new URL(String(value)).href === `${new URL(String(value)).origin}/`,
  'an origin, such as https://my-tunnel.example, or http in a network of your own',
  'string',
)

/** Keys that stay the same for an app's keys, so that an open dashboard and a running app outlive a restart. */
export function accessKeys({ privateKey }: Pick<AppKeys, 'privateKey'>): AccessKeys {
  const keyOf = (purpose: string): string => createHmac('sha256', privateKey).update(purpose).digest('base64url')
  return { dashboard: keyOf('simulator: dashboard'), app: keyOf('simulator: app') }
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares keys in a time that says nothing about them. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(hashOf(one), hashOf(other))

/**
 * @param pages The app's pages that a browser opens.
 * @throws {TypeError} If the dashboard has the host of a page: a browser sends the cookies of a host to all of its ports.
 */
export function reachOf(options: ReachOptions, port: number, pages: readonly string[], own: AppKeys): Reach {
  const { host } = options
  const names = pages.map((url) => new URL(url).hostname)
  // Another site than the app, so that the rules for frames and cookies are those at Wix.
  const here = names[0] === '127.0.0.1' ? 'localhost' : '127.0.0.1'
  const address = host === undefined || isLoopback(host) || EVERYWHERE.has(host) ? '127.0.0.1' : host
  const written = isIP(address) === 6 ? `[${address}]` : address
  const there = address === '127.0.0.1' ? here : written
  const { origin, hostname } = new URL(options.publicUrl ?? `http://${there}:${port}`)
  const keys = isExposed(options) ? accessKeys(own) : null
  if (keys !== null && names.includes(hostname)) {
    throw new TypeError(
      'startSimulator: option `publicUrl` must have another host than `app` and `widget`, as the dashboard of Wix has: browsers send cookies to all ports of a host',
    )
  }
  const localHosts = ['127.0.0.1', 'localhost', written].map((name) => new URL(`http://${name}:${port}`).host)
  return {
    origin,
    hosts: [...new Set([...localHosts, new URL(origin).host])],
    otherOrigins:
      options.publicUrl === undefined ? [] : ['http', 'https'].map((scheme) => `${scheme}://localhost:${port}`),
    keys,
    apiUrl: `http://${written}:${port}${keys === null ? '' : `/${keys.app}`}`,
  }
}
