import { WixUnavailableError } from '../errors.ts'

const messageOf = (server: string, why: string): string => `${server} is unavailable: ${why}`

/** A server that gave no usable answer, and why. */
export const unavailable = (server: string, why: string, retryAfter?: number): WixUnavailableError =>
  new WixUnavailableError(messageOf(server, why), retryAfter === undefined ? {} : { retryAfter })

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
