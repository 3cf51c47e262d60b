import { refusal } from '../errors.ts'
import { collect, MAX_BODY_LENGTH } from './bytes.ts'
import { atMostOne, property } from './values.ts'

/** What is read of a Fetch `Request`; those of Node, browsers, Bun, Deno and workerd have it. */
export interface FetchRequestParts {
  readonly url: string
  readonly headers: { get(name: string): string | null }
  readonly body?: {
    readonly locked: boolean
    getReader(): { read(): Promise<{ done: boolean; value?: unknown }>; releaseLock(): void }
  } | null
  readonly bodyUsed: boolean
  readonly signal?: { readonly aborted: boolean }
}

/**
 * Whether it is a Fetch `Request`: by its form, since hosts have classes of their own. The headers of a Node request are an object that
 * holds strings, so that no header can make it look like one.
 */
export const isFetchRequest = (req: unknown): req is FetchRequestParts =>
  typeof property(property(req, 'headers'), 'get') === 'function'

// What a credential can be, alone or after a scheme (token68, RFC 9110 section 11.4), and a comma; parameters of a scheme have a `=`.
const JOINED = /^(?:[^\s,=]+ +)?[^\s,=]*=*,/

/**
 * The header, which must have been sent once: Fetch joins repeated ones with commas.
 *
 * @throws {WixAuthError} `request_invalid`.
 */
export function fetchHeader({ headers }: FetchRequestParts, name: string): string | undefined {
  const value = atMostOne(headers.get(name))
  if (value !== undefined && JOINED.test(value)) throw refusal('request_invalid', 'sent twice')
  return value
}

/** The query of an address, which may be relative. Not with `new URL()`, whose error holds the whole address. */
export const queryOfUrl = (url: unknown): URLSearchParams =>
  new URLSearchParams(typeof url === 'string' ? /^[^?#]*\?([^#]*)/.exec(url)?.[1] : undefined)

/**
 * The query parameter, which must have been sent once.
 *
 * @throws {WixAuthError} `request_invalid`.
 */
export function fetchQuery({ url }: FetchRequestParts, name: string): string | undefined {
  const values = queryOfUrl(url).getAll(name)
  return atMostOne(values.length > 1 ? values : values[0])
}

/** A mistake in the app's setup, not a refusal. */
const isGone = (): Error =>
  new Error(
    'The raw body of this Request has already been read, or is not a stream of bytes: call authenticateRequest() before anything reads it',
  )

type Reader = ReturnType<NonNullable<FetchRequestParts['body']>['getReader']>

async function* chunksOf(reader: Reader): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (!(value instanceof Uint8Array)) throw isGone()
    yield value
  }
}

async function read({ body, bodyUsed, signal }: FetchRequestParts): Promise<Uint8Array | undefined> {
  if (body === null || body === undefined) return undefined
  if (bodyUsed || body.locked) throw isGone()
  const reader = body.getReader()
  try {
    const bytes = await collect(chunksOf(reader), MAX_BODY_LENGTH).catch((error: unknown) => {
      // Anything else may be an error of the host, such as a limit of its own.
      throw signal?.aborted
        ? refusal('request_invalid', 'the client has hung up', 'None is needed: nobody waits for the answer.')
        : error
    })
    if (bytes === undefined) throw refusal('body_too_large', `more than ${MAX_BODY_LENGTH} bytes`)
    return bytes
  } finally {
    // Without cancelling it, which may close the connection before the answer is sent.
    reader.releaseLock()
  }
}

const bodies = new WeakMap<FetchRequestParts, Promise<Uint8Array | undefined>>()

/**
 * The raw body, at most 1 MiB; undefined where there is none. It is read once for all strategies.
 *
 * @returns Rejects with a {@link WixAuthError} `body_too_large`, or `request_invalid` where the client has hung up, and with an Error (500)
 *   where something else has read the body before.
 */
export function fetchBody(request: FetchRequestParts): Promise<Uint8Array | undefined> {
  const body = bodies.get(request) ?? read(request)
  bodies.set(request, body)
  return body
}
