import { isNonEmptyString, property } from './values.ts'

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
  const path = url.replace(/[?#].*$/s, '').replace(/^[a-z]+:\/\/[^/]*/i, '')
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
