import { refusal } from './errors.ts'
import { fetchBody, isFetchRequest } from './internal/fetch-request.ts'
import { looksLike, withHint } from './internal/hints.ts'
import { callback, type Checks } from './internal/options.ts'
import { whenReady } from './internal/promises.ts'
import { elsewhere, headerOf, queryOf } from './internal/request.ts'
import { exactlyOne, oneCredential, own, property } from './internal/values.ts'
import { jwtOf } from './internal/wix-jwt.ts'

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

/** Reads the query parameter `name`: of `req.query`, or of the address of a Fetch `Request`. */
export const fromQuery =
  (name: string): ReadyReader<string> =>
  (req) =>
    queryOf(req, name)

/**
 * Reads the header `name`, given in any case. The names in the request are in lower case, as Node has them, or it is a Fetch `Request`,
 * in which a header that was sent twice is a `request_invalid`.
 */
export function fromHeader(name: string): ReadyReader<string> {
  const lower = name.toLowerCase()
  return (req) => headerOf(req, lower)
}

/**
 * Reads the `Authorization` header.
 *
 * @param scheme For example `Bearer`, in any case: reads what follows that word and ignores other schemes
 *   (RFC 9110 section 11.4). Without it, reads a header that holds nothing but the credential, as Wix's own front ends
 *   send it.
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
      ? exactlyOne(value.slice(prefix.length).trim())
      : undefined
  }
}

/**
 * Reads from the first of several places that holds a credential; the others must then hold none, since it is unclear
 * which one was meant (RFC 6750 section 2).
 */
export const first =
  <Req = DefaultRequest>(
    ...readers: ReadonlyArray<(req: NoInfer<Req>) => string | null | undefined>
  ): ((req: Req) => string | undefined) =>
  (req) => {
    let found: string | undefined
    for (const read of readers) {
      const value = exactlyOne(read(req))
      if (found !== undefined && value !== undefined) throw refusal('request_invalid', 'sent in two places at once')
      found ??= value
    }
    return found
  }

/** A token in `Authorization`, after `Bearer` (RFC 6750 section 2.1) or alone, as Wix's own front ends send theirs. */
const tokenFromAuthorization = first<unknown>(fromAuthorization('Bearer'), fromAuthorization())

/** A mistake in the setup of the app, not a refusal. */
export const notRaw = (hint = 'a parser such as express.json() has read the body before'): Error =>
  withHint(
    new Error(
      'Wix signed the raw body, which did not arrive here. Keep it before another parser reads it. ' +
        "Express: express.raw({ type: '*/*', limit: '1mb' }); " +
        "Nest: app.useBodyParser('raw', { type: 'text/plain', limit: '1mb' }), since rawBody: true keeps no text; " +
        "Fastify: a content type parser with parseAs: 'buffer'; Koa: ctx.request.rawBody",
    ),
    hint,
  )

/**
 * Reads the raw body: `req.rawBody` where the framework keeps it (Fastify, Koa, serverless adapters), else the `req.body` of
 * `express.raw()` or `express.text()`; of a Fetch `Request` the stream, as a promise of at most 1 MiB, which is read once for all strategies.
 *
 * The reader throws an Error (500) for a body that another parser has already parsed, or that no parser has read, and rejects with one for
 * the body of a `Request` that was read before.
 */
export function fromBody(): ReadyReader<string | Uint8Array | Promise<Uint8Array | undefined>> {
  return (req) => {
    if (isFetchRequest(req)) return fetchBody(req)
    const body = property(req, 'rawBody') ?? property(req, 'body') ?? {}
    if (typeof body === 'string' || body instanceof Uint8Array) return body
    const header = (name: string): unknown => own(property(req, 'headers'), name)
    // Body parsers of Express 4 leave an empty object where they found nothing to read.
    if (typeof body === 'object' && Object.keys(body).length === 0) {
      if (header('transfer-encoding') === undefined && !(Number(header('content-length')) > 0)) return undefined
      // express.raw() ignores a body without a type, whatever its options; Wix always names one.
      if (header('content-type') === undefined)
        throw refusal('request_invalid', 'the body has no Content-Type, so express.raw() does not read it')
      throw notRaw('no parser has read the body: is express.raw() before the strategy, with `type`?')
    }
    throw notRaw(typeof body === 'object' ? undefined : `the body is a value of type ${typeof body}`)
  }
}

/** The option `bodyFromRequest`, of the kinds that read a body. */
export interface BodyOptions<Req = DefaultRequest> {
  /** Where the raw body is. Default: {@link fromBody}. */
  bodyFromRequest?: BodyReader<Req>
}

export const bodyChecks: Checks<BodyOptions> = { bodyFromRequest: callback }

/** The reader of the kinds that take a JWT from the body. */
export const jwtReader =
  <Req>({ bodyFromRequest = fromBody() }: BodyOptions<Req>): ((req: Req) => string | Promise<string>) =>
  (req) =>
    whenReady(bodyFromRequest(req), (body) => jwtOf(body, notRaw))

/** The option `tokenFromRequest`, of the kinds that read a token. */
export interface TokenOptions<Req = DefaultRequest> {
  /** Where the token is. Default: the `Authorization` header, alone as Wix's front ends send it, or after `Bearer`. */
  tokenFromRequest?: Reader<Req>
}

export const tokenChecks: Checks<TokenOptions> = { tokenFromRequest: callback }

/** The reader of the kinds that take a token. A token of another kind counts as missing, so that in a chain one strategy answers for it. */
export const tokenReader =
  (isOfOtherKind: (token: string) => boolean) =>
  <Req>({ tokenFromRequest = tokenFromAuthorization }: TokenOptions<Req>): ((req: Req) => string | Promise<string>) => {
    const expected = tokenFromRequest === tokenFromAuthorization ? 'the Authorization header' : undefined
    return (req) =>
      whenReady(tokenFromRequest(req), (value) => {
        const token = oneCredential(value, () => elsewhere(req, expected))
        if (isOfOtherKind(token)) throw refusal('credentials_missing', looksLike(token) ?? 'a token of another kind')
        return token
      })
  }
