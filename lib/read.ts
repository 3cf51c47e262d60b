import { WixAuthError } from './errors.ts'

/** @ts-ignore Without the types of Express, which Passport's types bring along, a request is `any`. */
import type { Request } from 'express'

/** The request of Express where its types are installed; other frameworks name their own as the type parameter. */
export type DefaultRequest = Request

/**
 * Takes one credential from one place in the request; nothing where there is none. Anything but one text is a
 * `request_invalid`.
 */
export type Reader<Req = DefaultRequest> = (
  req: Req,
) => string | null | undefined | PromiseLike<string | null | undefined>

const property = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined

/** An own property only: what somebody put on Object.prototype was not sent with this request. */
export const own = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name) ? property(holder, name) : undefined

/**
 * The rule of every door: one text, or nothing.
 *
 * @throws {WixAuthError} `request_invalid` for anything else, also for a list of one.
 */
export const exactlyOne = (value: unknown): string | undefined => {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  throw new WixAuthError('request_invalid')
}

/** Reads the query parameter `name`. */
export const fromQuery =
  (name: string): ((req: unknown) => string | undefined) =>
  (req) =>
    exactlyOne(own(property(req, 'query'), name))

/** Reads the header `name`, in any case. */
export const fromHeader =
  (name: string): ((req: unknown) => string | undefined) =>
  (req) =>
    exactlyOne(own(property(req, 'headers'), name.toLowerCase()))

/**
 * Reads the `Authorization` header.
 *
 * @param scheme For example `Bearer`, in any case: reads what follows that word and ignores other schemes
 *   (RFC 9110 section 11.4). Without it, reads a header that holds nothing but the credential, as Wix's own front ends
 *   send it.
 */
export function fromAuthorization(scheme?: string): (req: unknown) => string | undefined {
  const header = fromHeader('authorization')
  const prefix = `${scheme} `.toLowerCase()
  return (req) => {
    const value = header(req)
    if (scheme === undefined) return value?.includes(' ') ? undefined : value
    return value?.slice(0, prefix.length).toLowerCase() === prefix
      ? exactlyOne(value.slice(prefix.length).trim())
      : undefined
  }
}

/**
 * Reads from the first of several places that holds a credential; the others must then hold none, since nobody can tell
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
      if (found !== undefined && value !== undefined) throw new WixAuthError('request_invalid')
      found ??= value
    }
    return found
  }
