import { WixAuthError, type WixAuthErrorCode } from '../errors.ts'
import { circuitBreaker, OutageError, unavailable } from './circuit.ts'
import { withTimeout } from './promises.ts'
import { readAnswer } from './remote-answer.ts'
import { plain, systemCodeOf } from './values.ts'

/** The part of `fetch` that is used here: Node's own fits, and undici's, for example with the `dispatcher` of a proxy. */
export type Fetch = (
  url: string,
  init: {
    method?: string
    headers: Record<string, string>
    body?: string
    redirect: 'manual'
    /** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
    signal: AbortSignal
  },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}>

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
  /** Calls in flight. Default: 64. */
  maxCalls?: number | undefined
  /** Default: Node's own. */
  fetch?: Fetch | undefined
  /** The clock, in milliseconds since 1970. Default: `Date.now`, and `performance.now` for how long the circuit is open. */
  now?: (() => number) | undefined
}

const WORTH_A_RETRY: ReadonlySet<number> = new Set([502, 503, 504])
/** Seconds that a server may ask its callers to wait: with a 429 an hour, else 30 s. */
const LONGEST_WAIT = 30
const LONGEST_LIMIT = 3600

/** Seconds that the server asks its callers to wait, as a number or a date (RFC 9110 section 10.2.3); 0 when it does not. */
function waitOf(status: number, retryAfter: string | null, time: number): number {
  const asked = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : (Date.parse(retryAfter ?? '') - time) / 1000
  return asked > 0 ? Math.min(asked, status === 429 ? LONGEST_LIMIT : LONGEST_WAIT) : 0
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
  const { server, refusals, maxCalls = 64, now } = remote
  // Without `now`, a clock that cannot be set back, which would keep the circuit open.
  const throughCircuit = circuitBreaker(server, maxCalls, now ?? (() => performance.now()))

  const ask = async (question: Question, signal: AbortSignal): Promise<Record<string, unknown>> => {
    const { url, method = 'GET', headers, body: content } = question
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
        response = await (remote.fetch ?? globalThis.fetch)(url, plain(init))
      } catch (error) {
        if (retries === 0 || signal.aborted) throw new OutageError(server, `no connection${systemCodeOf(error)}`)
        await waitBriefly(signal)
        continue
      }
      const { status, headers: answered, body } = response
      const code = refusals?.get(status)
      if (code !== undefined) throw new WixAuthError(code)
      if (status === 200) {
        const answer = await readAnswer(body)
        if (typeof answer === 'string') throw unavailable(server, answer)
        return answer
      }
      const wait = waitOf(status, answered.get('Retry-After'), (now ?? Date.now)())
      if (retries === 0 || wait > 0 || !WORTH_A_RETRY.has(status)) {
        // Any other status may be about this request alone: opening the circuit for it would let anybody shut out the others.
        const isOutage = wait > 0 || status === 408 || status === 429
        throw isOutage ? new OutageError(server, `status ${status}`, wait) : unavailable(server, `status ${status}`)
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
            throw new OutageError(server, `no answer within ${question.timeout} seconds`)
          },
        )
      } finally {
        // Whatever is still open, or was not read.
        controller.abort()
      }
    })
}
