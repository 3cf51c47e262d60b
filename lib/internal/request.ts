import { fetchHeader, fetchQuery, isFetchRequest } from './fetch-request.ts'
import { looksLike, whileObserved } from './hints.ts'
import { exactlyOne, own, property } from './values.ts'

/**
 * The query parameter, of a request of any host.
 *
 * @throws {WixAuthError} `request_invalid` unless it was sent at most once.
 */
export const queryOf = (req: unknown, name: string): string | undefined =>
  isFetchRequest(req) ? fetchQuery(req, name) : exactlyOne(own(property(req, 'query'), name))

/**
 * The header, named in lower case, of a request of any host.
 *
 * @throws {WixAuthError} `request_invalid` unless it was sent at most once.
 */
export const headerOf = (req: unknown, name: string): string | undefined =>
  isFetchRequest(req) ? fetchHeader(req, name) : exactlyOne(own(property(req, 'headers'), name))

/** The names under which credentials are sent, in the query or in a body. */
export const CREDENTIAL_NAMES: readonly string[] = ['instance', 'signedInstance', 'token', 'access_token']

const PLACES: ReadonlyArray<readonly [place: string, has: (req: unknown, name: string) => boolean]> = [
  ['the body', (req, name) => own(property(req, 'body'), name) !== undefined],
  ['the query', (req, name) => queryOf(req, name) !== undefined],
]

/**
 * The hint for a strategy that found no credential: where there is one instead.
 *
 * @param expected Where it looked; undefined for a reader of the app, where it is not known.
 * @param also Where else, where that is another place than the one to use.
 */
export const elsewhere = (req: unknown, expected: string | undefined, also = ''): string | undefined =>
  whileObserved(() => {
    const authorization = headerOf(req, 'authorization')
    if (authorization !== undefined) {
      const kind = looksLike(authorization.replace(/^bearer +/i, ''))
      return kind === undefined ? 'Authorization holds something else' : `Authorization ${kind}`
    }
    for (const [place, has] of PLACES) {
      const name = CREDENTIAL_NAMES.find((one) => has(req, one))
      if (name !== undefined)
        return expected === undefined || place === expected
          ? `in ${place} as \`${name}\``
          : `in ${place}, not in ${expected}`
    }
    return expected === undefined ? 'the reader of the app found nothing' : `nothing in ${expected}${also}`
  })
