import { WixAuthError, WixUnavailableError } from '../errors.ts'
import { memo } from './cache.ts'
import { isSecure } from './options.ts'
import { readJson } from './read-json.ts'
import type { Fetch } from '../strategies/access-token-info.ts'
import { codeOf, within } from './promises.ts'

// ASCII without white space, control characters and backslashes, which parsers of URLs drop or take for something else.
const PLAIN = /^[!-[\]-~]+$/

/**
 * The URL that a text means, if a credential may be sent there: a relative one must stay on the origin of `baseUrl`, an absolute one
 * must have that origin or one of `origins`. Undefined for anything else.
 *
 * @param baseUrl Checked before, as `origins`.
 */
export function urlWithin(source: string, baseUrl: string | undefined, origins: readonly string[]): string | undefined {
  if (!PLAIN.test(source)) return undefined
  const isAbsolute = URL.canParse(source)
  const base = isAbsolute ? undefined : baseUrl?.replace(/\/?$/, '/')
  // Put after the path of the base, as front ends do it. What begins with two slashes names a host, and is found out below.
  const path = source.replace(/^\/(?!\/)/, './')
  if (!URL.canParse(path, base)) return undefined
  const url = new URL(path, base)
  const allowed = baseUrl === undefined ? [] : [new URL(baseUrl).origin]
  if (isAbsolute) allowed.push(...origins)
  // A `blob:` URL has the origin of the URL in it, and a password does not show in the origin.
  return isSecure(url) && allowed.includes(url.origin) ? url.href : undefined
}

const MAX_LENGTH = 64 * 1024

// RFC 6750 section 2.1, after a scheme or alone.
const TOKEN = /^([a-z][\w-]* )?[\w\-.~+/]+=*$/i

function authorizationOf(token: string): string {
  if (token.length > MAX_LENGTH || !TOKEN.test(token)) throw new WixAuthError('token_malformed')
  return token.includes(' ') ? token : `Bearer ${token}`
}

/** How to ask. `timeout` is seconds for the whole answer. */
interface Settings {
  fetch: Fetch
  timeout: number
  now: (() => number) | undefined
}

/** With an `exp` that never comes: what is remembered ends by its age. */
interface Answer {
  object: Record<string, unknown>
  exp: number
}

const unavailable = (why: string): WixUnavailableError =>
  new WixUnavailableError(`The user info could not be asked for: ${why}`)

async function ask(url: string, authorization: string | undefined, { fetch, timeout }: Settings): Promise<Answer> {
  const controller = new AbortController()
  const call = async (): Promise<Answer> => {
    let response: Awaited<ReturnType<Fetch>>
    try {
      response = await fetch(url, {
        headers: { Accept: 'application/json', ...(authorization !== undefined && { Authorization: authorization }) },
        // A redirect is no good answer: to follow it could give the credential away.
        redirect: 'manual',
        signal: controller.signal,
      })
    } catch (error) {
      throw unavailable(`no connection${codeOf(error)}`)
    }
    const { status, body } = response
    if (status === 401) throw new WixAuthError('token_inactive')
    if (status === 403) throw new WixAuthError('insufficient_scope')
    const object = status === 200 ? await readJson(body) : `status ${status}`
    if (typeof object === 'string') throw unavailable(object)
    return { object, exp: Number.MAX_SAFE_INTEGER }
  }
  try {
    return await within(timeout, call, () => {
      throw unavailable(`no answer within ${timeout} seconds`)
    })
  } finally {
    // Whatever is still open, or was not read.
    controller.abort()
  }
}

const remember = (now: (() => number) | undefined) =>
  memo((_question: string, asked: () => Promise<Answer>) => asked(), {
    purpose: '2 userinfo',
    maxAge: 60,
    max: 5000,
    now,
  })

type Memory = ReturnType<typeof remember>

/** One memory for each way to ask and each clock, which are constants of an app. */
const memories = new WeakMap<Fetch, WeakMap<() => number, Memory>>()

function memoryOf({ fetch, now }: Settings): Memory {
  const byClock = memories.get(fetch) ?? new WeakMap<() => number, Memory>()
  memories.set(fetch, byClock)
  const memory = byClock.get(now ?? Date.now) ?? remember(now)
  byClock.set(now ?? Date.now, memory)
  return memory
}

/**
 * The JSON object at a URL, from there or remembered for at most 60 seconds; a refusal for ten.
 *
 * @param url From {@link urlWithin}.
 * @param token Goes into `Authorization`, as `Bearer` unless it names a scheme itself.
 * @throws {WixAuthError} `token_malformed`; `token_inactive` for the status 401, `insufficient_scope` for 403.
 * @throws {WixUnavailableError} Without an object of at most 64 KiB in time.
 */
export async function getJson(
  url: string,
  token: string | undefined,
  settings: Settings,
): Promise<Record<string, unknown>> {
  const authorization = token === undefined ? undefined : authorizationOf(token)
  // There is no space in such a URL.
  const question = `${url} ${authorization ?? ''}`
  const { object } = await memoryOf(settings)(question, () => ask(url, authorization, settings))
  return object
}
