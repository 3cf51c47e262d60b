import { WixUnavailableError } from '../errors.ts'

const messageOf = (server: string, why: string): string => `${server} is unavailable: ${why}`

/** A server that gave no usable answer, and why. */
export const unavailable = (server: string, why: string, retryAfter: number = NaN): WixUnavailableError =>
  new WixUnavailableError(messageOf(server, why), { retryAfter })

/** The other server did not answer, or asked its callers to wait: any other call would fail as well. */
export class OutageError extends WixUnavailableError {
  // The app sees a WixUnavailableError, and nothing more.
  static override readonly name = 'WixUnavailableError'
  readonly #why: string
  readonly #wait: number

  /** @param wait Seconds for which the server asked its callers to wait; 0 when it did not. */
  constructor(server: string, why: string, wait = 0) {
    super(messageOf(server, why), wait > 0 ? { retryAfter: wait } : {})
    this.#why = why
    this.#wait = wait
  }

  get why(): string {
    return this.#why
  }

  get wait(): number {
    return this.#wait
  }
}

/** Outages in a row that open the circuit. */
const OUTAGES_TO_OPEN = 5
/** Seconds for which the circuit opens, doubled after each probe that fails. */
const SHORTEST_BACKOFF = 0.5
const LONGEST_BACKOFF = 30

/**
 * A circuit breaker: bounds the calls in flight, and stops calling a server that does not answer. After five outages in a row, or when
 * the server asks for it, the circuit opens: calls fail at once for half a second. Then one call probes the server. If that fails as
 * well, the circuit opens for twice as long, up to 30 seconds. It stays open for longer where the server asks for that.
 *
 * @param server Named in messages.
 * @param clock Milliseconds.
 * @returns A function that makes a call, whose probe may take `timeout` seconds. Rejects as the call does, or with a
 *   `WixUnavailableError` when it makes none.
 */
export function circuitBreaker(
  server: string,
  maxCalls: number,
  clock: () => number,
): <T>(timeout: number, call: () => Promise<T>) => Promise<T> {
  let inFlight = 0
  let outages = 0
  /** Seconds; 0 while the circuit is closed. */
  let openFor = 0
  let openUntil = 0
  let why: string | undefined
  /** Only calls of this round may change the state: older ones say nothing about the server of today. */
  let round = 0

  const close = (): void => {
    outages = 0
    openFor = 0
    openUntil = 0
  }
  const count = (outage: OutageError): void => {
    outages++
    if (openFor > 0 || outages >= OUTAGES_TO_OPEN || outage.wait > 0)
      openFor = Math.min(openFor * 2 || SHORTEST_BACKOFF, LONGEST_BACKOFF)
    if (openFor === 0) return
    openUntil = clock() + Math.max(openFor, outage.wait) * 1000
    why = outage.why
    round++
  }

  return async (timeout, call) => {
    const wait = openUntil - clock()
    if (wait > 0) throw unavailable(server, `circuit breaker open after ${why}`, wait / 1000)
    if (inFlight >= maxCalls) throw unavailable(server, 'too many calls in flight')
    if (openFor > 0) {
      // The probe: until it is back, the others fail.
      openUntil = clock() + timeout * 1000
      round++
    }
    const mine = round
    inFlight++
    try {
      const answer = await call()
      if (mine === round) close()
      return answer
    } catch (error) {
      if (mine === round) {
        if (error instanceof OutageError) count(error)
        else close()
      }
      throw error
    } finally {
      inFlight--
    }
  }
}
