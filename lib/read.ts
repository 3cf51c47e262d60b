import { refusal } from './errors.ts'
import { fetchBody, fetchHeader, fetchQuery, isFetchRequest, queryOfUrl } from './internal/fetch-request.ts'
import { isLikeCredential, looksLike } from './internal/hints.ts'
import { callback, type Check, type Checks, classOf, got, string } from './internal/options.ts'
import { atMostOne, exactlyOne, isObject, own, property } from './internal/values.ts'

/** @ts-ignore Without the types of Express, which Passport's types bring along, a request is `any`. */
import type { Request } from 'express'

/** The request of Express where its types are installed; other frameworks name their own as the type parameter. */
export type DefaultRequest = Request

/**
 * Reads one credential from one place in the request; nothing where there is none. Anything but one string is a
 * `request_invalid`.
 */
export type Reader<Req = DefaultRequest> = (
  req: Req,
) => string | null | undefined | PromiseLike<string | null | undefined>

/** Reads the raw body of the request, as bytes or as a string; nothing where there is none. */
export type BodyReader<Req = DefaultRequest> = (
  req: Req,
) => string | Uint8Array | null | undefined | PromiseLike<string | Uint8Array | null | undefined>

/** A reader for the request of any framework; generic, so that it does not decide what type `req` has elsewhere in the options. */
type ReadyReader<Found> = <Req>(req: Req) => Found | undefined

/** All values of a query parameter: one of its own, an array, or whatever the query parser of the host made of it. */
function queryOf(req: unknown, name: string): unknown {
  if (isFetchRequest(req)) return fetchQuery(req, name)
  // Hosts without `req.query` are for example bare Node, `ws` and socket.io.
  const query = property(req, 'query') ?? queryOfUrl(property(req, 'url'))
  if (!(query instanceof URLSearchParams)) return own(query, name)
  const values = query.getAll(name)
  return values.length > 1 ? values : values[0]
}

const headerOf = (req: unknown, name: string): unknown =>
  isFetchRequest(req) ? fetchHeader(req, name) : own(property(req, 'headers'), name)

/** Checks the argument of a function that makes a reader: in a route, it would be too late. */
function checkArgument(caller: string, value: unknown, check: Check): void {
  const expected = check(value)
  if (expected !== undefined) throw new TypeError(`${caller}: its argument must be ${expected}${got(value)}`)
}

/**
 * Reads the query parameter `name`: from `req.query`, else from `req.url`, also of a Fetch `Request`.
 *
 * @example
 * passport.use(new WixAppStrategy({ secret, instanceFromRequest: fromQuery('signedInstance') }, findUser))
 */
export function fromQuery(name: string): ReadyReader<string> {
  checkArgument('fromQuery', name, string)
  return (req) => atMostOne(queryOf(req, name))
}

/**
 * Reads the header `name`, given in any case. The names in the request are in lower case, as Node has them, or it is a Fetch `Request`,
 * in which a header that was sent twice is a `request_invalid`.
 *
 * @example
 * passport.use(new WixAppStrategy({ secret, instanceFromRequest: fromHeader('x-wix-instance') }, findUser))
 */
export function fromHeader(name: string): ReadyReader<string> {
  checkArgument('fromHeader', name, string)
  const lower = name.toLowerCase()
  return (req) => atMostOne(headerOf(req, lower))
}

/**
 * Reads the `Authorization` header.
 *
 * @param scheme For example `Bearer`, in any case: reads what follows that word and ignores other schemes
 *   (RFC 9110 section 11.4). Without it, reads a header that holds nothing but the credential, as Wix's own front ends
 *   send it.
 * @example
 * passport.use(new WixAppStrategy({ secret, instanceFromRequest: fromAuthorization('Bearer') }, findUser))
 */
export function fromAuthorization(scheme?: string): ReadyReader<string> {
  const header = fromHeader('authorization')
  if (scheme === undefined) {
    return (req) => {
      const value = header(req)
      return value?.includes(' ') ? undefined : value
    }
  }
  const prefix = `${scheme} `.toLowerCase()
  return (req) => {
    const value = header(req)
    return value?.slice(0, prefix.length).toLowerCase() === prefix
      ? atMostOne(value.slice(prefix.length).trim())
      : undefined
  }
}

/**
 * Reads from the one of several places that holds a credential. Two of them are a `request_invalid`, since it is unclear which one was
 * meant (RFC 6750 section 2).
 *
 * @example
 * passport.use(new WixAppStrategy({ secret, instanceFromRequest: oneOf(fromQuery('instance'), fromAuthorization()) }, findUser))
 */
export function oneOf<Req = DefaultRequest>(
  ...readers: ReadonlyArray<(req: NoInfer<Req>) => string | null | undefined>
): (req: Req) => string | undefined {
  for (const read of readers) checkArgument('oneOf', read, callback)
  return (req) => {
    let found: string | undefined
    for (const read of readers) {
      const value = atMostOne(read(req))
      if (found !== undefined && value !== undefined) throw refusal('request_invalid', 'sent in two places at once')
      found ??= value
    }
    return found
  }
}

/** A token in `Authorization`, after `Bearer` (RFC 6750 section 2.1) or alone, as Wix's own front ends send theirs. */
const tokenFromAuthorization = oneOf<unknown>(fromAuthorization('Bearer'), fromAuthorization())

/** The names under which credentials are sent, in the query or in a body. */
export const CREDENTIAL_NAMES: readonly string[] = ['instance', 'signedInstance', 'token', 'access_token']

// A name is shown; anything longer may be a value. `amp;instance` comes from an address that was escaped for HTML, `?instance` from one
// with two question marks, and `instance[]` from a list.
const NAME = /^\??[a-z][\w;[\]-]{0,30}$/i

/** The names of what looks like a credential among parameters or headers, of any name. */
export const namesIn = (values: object): string[] =>
  Object.keys(values).filter((name) => {
    const value = own(values, name)
    return NAME.test(name) && typeof value === 'string' && isLikeCredential(value)
  })

/** Where a strategy looks for a credential. */
export type Place = 'the query' | 'the Authorization header'

/**
 * The hint for a strategy that found no credential: where there is one instead.
 *
 * @param expected Where it looked; undefined for the app's own reader, where it is not known.
 * @param also Where else, where that is another place than the one to use.
 */
export const elsewhere =
  (req: unknown, expected: Place | undefined, also = '') =>
  (): string | undefined => {
    if (property(req, 'method') === 'OPTIONS')
      return 'a CORS preflight (OPTIONS), which has no credential: answer it before authentication, for example with cors()'
    const authorization = atMostOne(headerOf(req, 'authorization'))
    if (authorization !== undefined) {
      const kind = looksLike(authorization.replace(/^bearer +/i, ''))
      return kind === undefined ? 'Authorization holds something else' : `Authorization ${kind}`
    }
    const address = queryOfUrl(property(req, 'url'))
    if (CREDENTIAL_NAMES.some((name) => address.has(name) && queryOf(req, name) === undefined))
      return 'in the address, but not in `req.query`: is the query parser of the host off, or another one?'
    const body = property(req, 'rawBody') ?? property(req, 'body')
    for (const [place, get] of [
      ['the body', (name: string) => own(body, name)],
      ['the query', (name: string) => queryOf(req, name)],
    ] as const) {
      const name = CREDENTIAL_NAMES.find((candidate) => get(candidate) !== undefined)
      if (name === undefined) continue
      if (get(name) === '') return `\`${name}\` in ${place} is empty`
      return expected === undefined || place === expected
        ? `in ${place} as \`${name}\``
        : `in ${place}, not in ${expected}`
    }
    if (typeof body === 'string' || body instanceof Uint8Array) {
      const start = Buffer.from(body.slice(0, 10_000)).toString('latin1')
      if (/^eyJ[\w-]+\./.test(start))
        return 'the body looks like a webhook or a service plugin call: WixWebhookStrategy, WixServicePluginStrategy'
    }
    const query = isFetchRequest(req) ? undefined : property(req, 'query')
    const parameters = query ?? address
    const given = parameters instanceof URLSearchParams ? Object.fromEntries(parameters) : { ...parameters }
    const [parameter] = namesIn(given)
    if (parameter !== undefined) return `in the query as \`${parameter}\`: fromQuery('${parameter}')`
    const headers = property(req, 'headers')
    // Those of a Fetch `Request` are entries.
    const sent = isObject(headers) && Symbol.iterator in headers ? Object.fromEntries(headers as Headers) : headers
    const [header] = isObject(sent) ? namesIn(sent) : []
    if (header !== undefined) return `in the header \`${header}\`: fromHeader('${header}')`
    const names = Object.keys(given)
      .filter((name) => NAME.test(name))
      .slice(0, 5)
    const others = names.length === 0 ? '' : `; the query has ${names.map((name) => `\`${name}\``).join(', ')}`
    return expected === undefined ? 'your reader found nothing' : `nothing in ${expected}${also}${others}`
  }

/** For the body of a request: a mistake in the app's setup, not a refusal. */
export const requestNotRaw = (why = 'a parser such as express.json() has read the body before'): Error =>
  new Error(
    `Wix signed the raw body, which did not arrive here: ${why}. Keep it before another parser reads it, for example with ` +
      "express.raw({ type: '*/*', limit: '1mb' }); docs/raw-body.md has the way of each host",
  )

/**
 * Reads the raw body: `req.rawBody` where the framework keeps it (Fastify, Koa, serverless adapters), else the `req.body` of
 * `express.raw()` or `express.text()`; of a Fetch `Request` the stream, as a promise of at most 1 MiB, which is read once for all strategies.
 *
 * The reader throws an Error (500) for a body that another parser has already parsed, or that no parser has read, and rejects with one for
 * the body of a `Request` that was read before.
 *
 * @example
 * const body = await fromBody()(req)
 */
export function fromBody(): ReadyReader<string | Uint8Array | Promise<Uint8Array | undefined>> {
  return (req) => {
    if (isFetchRequest(req)) return fetchBody(req)
    const body = property(req, 'rawBody') ?? property(req, 'body') ?? {}
    if (typeof body === 'string' || body instanceof Uint8Array) return body
    const header = (name: string): unknown => own(property(req, 'headers'), name)
    // A promise, an ArrayBuffer and a stream have no keys, either.
    const type = typeof body === 'object' ? classOf(body) : typeof body
    const isParsed = type === 'Object' || type === 'Array'
    // Body parsers of Express 4 leave an empty object where they found nothing to read.
    if (isParsed && Object.keys(body).length === 0) {
      if (header('transfer-encoding') === undefined && !(Number(header('content-length')) > 0)) return undefined
      // express.raw() ignores a body without a type, whatever its options; Wix always names one.
      if (header('content-type') === undefined)
        throw refusal('request_invalid', 'the body has no Content-Type, so express.raw() does not read it')
      throw requestNotRaw('no parser has read the body (is express.raw() before the strategy, with `type`?)')
    }
    throw requestNotRaw(isParsed ? undefined : `the body is a value of type ${type}`)
  }
}

/** The option `bodyFromRequest`, of the kinds that read a body. */
export interface BodyOptions<Req = DefaultRequest> {
  /** Where the raw body is. Default: {@link fromBody}. */
  bodyFromRequest?: BodyReader<Req>
}

export const bodyChecks: Checks<BodyOptions> = { bodyFromRequest: callback }

/** For a body that the app passes to a verifier. */
export const argumentNotRaw = (caller: string) => (): TypeError =>
  new TypeError(
    `${caller}: the body must be the raw body, as a string or bytes: read it before a parser does, for example with express.raw() or request.text()`,
  )

/**
 * A raw body as a string, in which each byte is a character: what is not ASCII is no JWT, and is refused as such.
 *
 * @param notRaw Makes the error for anything but a string or bytes.
 * @throws {WixAuthError} `credentials_missing` without a body.
 */
export function rawBodyText(body: unknown, notRaw: () => Error): string {
  if (body === undefined || body === null) throw refusal('credentials_missing', 'the request has no body')
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw notRaw()
  if (body.length === 0) throw refusal('credentials_missing', 'the body is empty')
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
}

export async function readBody<Req>(req: Req, { bodyFromRequest = fromBody() }: BodyOptions<Req>): Promise<string> {
  const body: unknown = await bodyFromRequest(req)
  const why = typeof body === 'function' ? 'the reader returned a function, which must be called' : undefined
  return rawBodyText(body, () => requestNotRaw(why))
}

/** The option `tokenFromRequest`, of the kinds that read a token. */
export interface TokenOptions<Req = DefaultRequest> {
  /** Where the token is. Default: the `Authorization` header, alone as Wix's front ends send it, or after `Bearer`. */
  tokenFromRequest?: Reader<Req>
}

export const tokenChecks: Checks<TokenOptions> = { tokenFromRequest: callback }

/** Reads a token. One of another kind counts as missing, so that in a chain one strategy answers for it. */
export async function readToken<Req>(
  req: Req,
  { tokenFromRequest = tokenFromAuthorization }: TokenOptions<Req>,
  isOfOtherKind: (token: string) => boolean,
): Promise<string> {
  const expected = tokenFromRequest === tokenFromAuthorization ? 'the Authorization header' : undefined
  const token = exactlyOne(await tokenFromRequest(req), elsewhere(req, expected))
  if (isOfOtherKind(token)) throw refusal('credentials_missing', () => looksLike(token) ?? 'a token of another kind')
  return token
}
