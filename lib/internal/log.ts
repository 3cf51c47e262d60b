import { channel, type Channel } from 'node:diagnostics_channel'
import { debuglog, type DebugLogger } from 'node:util'
import { isNonEmptyString, property } from './values.ts'

/** Where events.ts publishes, and prints with `NODE_DEBUG=passport-wix-app`. */
export const events: Channel = channel('passport-wix-app:authenticate')
export const debug: DebugLogger = debuglog('passport-wix-app')

/** Whether anybody reads events. */
export const isObserved = (): boolean => events.hasSubscribers || debug.enabled

/** Reports to whoever listens. A property of the request, or of an error from the app, that throws when it is read must change no outcome. */
export function quietly(who: string, report: () => void): void {
  try {
    report()
  } catch {
    debug(`${who}: nothing was reported, because the request or the error cannot be read`)
  }
}

/** The parts of an event that a line shows. */
interface Shown {
  strategy: string
  status: number
  code: string | null
  hint: string | null
  identity: { instanceId: string } | null
  error: Error | null
  request: unknown
}

/** Method and path, without the query, in which a credential may be, and without anything that is as long as one. */
function routeOf(request: unknown): string | undefined {
  const method = property(request, 'method')
  const url = property(request, 'originalUrl') ?? property(request, 'url')
  if (!isNonEmptyString(method) || !isNonEmptyString(url)) return undefined
  // A target may be absolute, or begin like a host with a password: `//user:password@host/path`.
  const path = url.replace(/[?#].*/s, '').replace(/^(?:[a-z]+:)?\/\/[^/]*/i, '')
  return `${method} ${path.replaceAll(/[^/]{41,}/g, '...')}`
}

/** No line breaks and no control characters, which would forge lines of a log. */
const printable = (line: string): string => line.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 500)

/** One event as one line: `wix-app 401 token_expired: signed 26 h ago; maxAge is 24 h (instance ..., GET /dashboard)`. */
export function lineOf({ strategy, status, code, hint, identity, error, request }: Shown): string {
  const what = [strategy, status, code].filter((part) => part !== null).join(' ')
  const why = hint ?? error?.message
  const where = [identity && `instance ${identity.instanceId}`, routeOf(request)].filter(Boolean).join(', ')
  return printable(`${what}${why === undefined ? '' : `: ${why}`}${where === '' ? '' : ` (${where})`}`)
}
