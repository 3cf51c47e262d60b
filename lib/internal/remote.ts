import { refusal, type WixAuthErrorCode } from '../errors.ts'
import { collect } from './bytes.ts'
import { circuitBreaker, OutageError, unavailable } from './circuit.ts'
import { withTimeout } from './promises.ts'
import { type Fetch, httpFetch, proxyHints } from './transport.ts'
import { objectOf, parseJson, plain, systemCodeOf } from './values.ts'

/** What to ask another server. */
export interface Question {
  url: string
  /** Default: GET. */
  method?: string
  headers?: Record<string, string>
  body?: string
  /** Seconds for the whole answer, a retry included. */
  timeout: number
}

/** How to ask one other server. */
interface Remote {
  /** Its name, for messages. */
  server: string
  /** Statuses that refuse the credential. Default: none. */
  refusals?: ReadonlyMap<number, WixAuthErrorCode>
  /** Seconds that a 429 may ask all callers to wait; 0 where it is about one token, and opens no circuit. Default: 30. */
  longestLimit?: number
  /** Calls in flight. Default: 64. */
  maxCalls?: number | undefined
  /** Default: {@link httpFetch}. */
  fetch?: Fetch | undefined
  /** The clock, in milliseconds since 1970. Default: `Date.now`, and `performance.now` for how long the circuit is open. */
  now?: (() => number) | undefined
}

const WORTH_A_RETRY: ReadonlySet<number> = new Set([502, 503, 504])
/** The same for any other status, of any server. */
const LONGEST_WAIT = 30

/** Seconds that the server asks its callers to wait, as a number or a date (RFC 9110 section 10.2.3); 0 when it does not. */
function waitOf(retryAfter: string | null, time: number, longest: number): number {
  const asked = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : (Date.parse(retryAfter ?? '') - time) / 1000
  return asked > 0 ? Math.min(asked, longest) : 0
}

// Real answers have a few hundred bytes.
const MAX_KIB = 64
/** JSON.parse takes thousands of levels, at which JSON.stringify overflows the stack on older versions of Node. */
const MAX_DEPTH = 100

const NO_OBJECT = 'an answer that is not a complete JSON object'

/** Whether a parsed answer has more levels than that. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** The JSON object of an answer, of which a bounded part is read; or what came in place of one. */
async function readAnswer(body: AsyncIterable<Uint8Array> | null): Promise<Record<string, unknown> | string> {
  if (body === null) return NO_OBJECT
  try {
    const bytes = await collect(body, MAX_KIB * 1024)
    if (bytes === undefined) return `an answer of more than ${MAX_KIB} KiB`
    const answer = objectOf(parseJson(bytes, 'the answer'))
    if (isDeeper(answer, MAX_DEPTH)) return `an answer of more than ${MAX_DEPTH} levels`
    if (answer !== undefined) return answer
  } catch {
    // A broken connection, or no JSON.
  }
  return NO_OBJECT
}

/** Before the retry, so that the callers do not all come back at the same moment. */
async function waitBriefly(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100))
  signal.throwIfAborted()
}

/**
 * The one way to ask another server, which keeps a slow or broken one from taking the app down with it: a timeout for the whole answer, a
 * bound on what is read and on the calls in flight, no redirects, one retry, and a circuit breaker.
 *
 * @returns A function that resolves to the JSON object of a 200. It rejects with a {@link WixAuthError} for a status among `refusals`,
 *   and with a `WixUnavailableError` for any other answer, and for none.
 */
export function remoteClient(remote: Remote): (question: Question) => Promise<Record<string, unknown>> {
  const { server, refusals, longestLimit = LONGEST_WAIT, maxCalls = 64, fetch = httpFetch, now } = plain(remote)
  // Without `now`, a clock that cannot be set back, which would keep the circuit open.
  const throughCircuit = circuitBreaker(server, maxCalls, now ?? (() => performance.now()))

  const outage = (url: string, why: string): OutageError => {
    // A `fetch` of the app may use a proxy.
    const hints = fetch === httpFetch ? proxyHints(url) : []
    return new OutageError(server, [why, ...hints].join('; '))
  }

  const ask = async (question: Question, signal: AbortSignal): Promise<Record<string, unknown>> => {
    const { url, method = 'GET', headers, body: content } = plain(question)
    for (let retries = 1; ; retries--) {
      let response: Awaited<ReturnType<Fetch>>
      try {
        const init = {
          method,
          headers: plain({ Accept: 'application/json', ...headers }),
          ...(content !== undefined && { body: content }),
          // To follow a redirect would give the credential away.
          redirect: 'manual' as const,
          signal,
        }
        response = await fetch(url, plain(init))
      } catch (error) {
        if (retries === 0 || signal.aborted)
          throw outage(url, `no connection to ${new URL(url).host}${systemCodeOf(error)}`)
        await waitBriefly(signal)
        continue
      }
      const { status, headers: answered, body } = response
      const code = refusals?.get(status)
      if (code !== undefined) throw refusal(code, `${server} answered with status ${status}`)
      if (status === 200) {
        const answer = await readAnswer(body)
        if (typeof answer === 'string') throw unavailable(server, answer)
        return answer
      }
      const isLimit = status === 429
      const longest = isLimit && longestLimit > 0 ? longestLimit : LONGEST_WAIT
      const wait = waitOf(answered.get('Retry-After'), (now ?? Date.now)(), longest)
      if (retries === 0 || wait > 0 || !WORTH_A_RETRY.has(status)) {
        const why = `status ${status}`
        // Anything else may be about this request only: opening the circuit for it would let anybody shut out the others.
        const isOutage = isLimit ? longestLimit > 0 : wait > 0 || status === 408
        throw isOutage ? new OutageError(server, why, wait) : unavailable(server, why, wait > 0 ? wait : undefined)
      }
      await waitBriefly(signal)
    }
  }

  return (question) =>
    throughCircuit(question.timeout, async () => {
      const controller = new AbortController()
      try {
        return await withTimeout(
          question.timeout,
          () => ask(question, controller.signal),
          () => {
            const { url, timeout } = question
            throw outage(url, `no answer from ${new URL(url).host} within ${timeout} s`)
          },
        )
      } finally {
        // Whatever is still open, or was not read.
        controller.abort()
      }
    })
}
