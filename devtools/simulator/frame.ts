/** The headers by which a page keeps itself out of frames. */
export type FrameHeader = 'X-Frame-Options' | 'frame-ancestors'

/** The value of the first `frame-ancestors` of each policy: a page must be allowed by all of them. */
function* ancestorLists(policies: string): Generator<string> {
  for (const policy of policies.split(',')) {
    const directive = policy.split(';').find((part) => /^\s*frame-ancestors(\s|$)/i.test(part))
    if (directive !== undefined) yield directive.trim().replace(/^frame-ancestors\s*/i, '')
  }
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/** What a source may leave out, and `*`: the scheme of the page, any subdomain, any port. A path is of no account. */
const SOURCE = /^(?:(https?:)\/\/)?(\*|(?:\*\.)?[\w.-]+|\[[\d:a-f]+\])(?::(\d+|\*))?(?:\/.*)?$/i

const isHost = (pattern: string, hostname: string): boolean =>
  pattern === '*' || pattern === hostname || (pattern.startsWith('*.') && hostname.endsWith(pattern.slice(1)))

function isAllowedBy(source: string, page: URL, parent: URL): boolean {
  // A policy that was written for http holds for https, too.
  const isScheme = (scheme: string): boolean =>
    scheme === parent.protocol || (scheme === 'http:' && parent.protocol === 'https:')
  if (source === '*') return true
  if (source === "'self'") return page.origin === parent.origin
  if (/^https?:$/.test(source)) return isScheme(source)
  const [, scheme = page.protocol, host = '', port] = SOURCE.exec(source) ?? []
  const parentPort = parent.port || DEFAULT_PORTS[parent.protocol]
  const isPort = port === '*' || (port ?? DEFAULT_PORTS[scheme]) === parentPort
  return host !== '' && isScheme(scheme) && isHost(host, parent.hostname) && isPort
}

/** By the rules of browsers: a value that they do not know is ignored, unless it stands beside one that they know. */
function isForbiddenBy(xFrameOptions: string, page: URL, parent: URL): boolean {
  const values = new Set(xFrameOptions.split(',').map((value) => value.trim().toLowerCase()))
  if (values.size > 1) return ['deny', 'sameorigin', 'allowall'].some((value) => values.has(value))
  return values.has('deny') || (values.has('sameorigin') && page.origin !== parent.origin)
}

/**
 * The header by which a browser leaves the frame blank; undefined if it shows the page.
 *
 * @param headers By their names in lower case.
 * @param page The address of the page.
 * @param parent The origin of the page with the frame.
 * @see https://www.w3.org/TR/CSP3/#directive-frame-ancestors
 * @see https://html.spec.whatwg.org/multipage/document-lifecycle.html#the-x-frame-options-header
 */
export function blankedBy(
  headers: Readonly<Record<string, string>>,
  page: string,
  parent: string,
): FrameHeader | undefined {
  const [pageUrl, parentUrl] = [new URL(page), new URL(parent)]
  const lists = [...ancestorLists(headers['content-security-policy'] ?? '')]
  const isAllowed = (list: string): boolean =>
    list.split(/\s+/).some((source) => isAllowedBy(source.toLowerCase(), pageUrl, parentUrl))
  // Where both are there, browsers ignore the older one.
  if (lists.length > 0) return lists.every(isAllowed) ? undefined : 'frame-ancestors'
  const older = headers['x-frame-options']
  return older !== undefined && isForbiddenBy(older, pageUrl, parentUrl) ? 'X-Frame-Options' : undefined
}
