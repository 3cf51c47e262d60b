/** Minutes after each failure until Wix tries again: 12 more attempts in 47 hours and 11 minutes. */
const DELAYS = [1, 10, 60, 120, 120, 120, 240, 240, 240, 480, 480, 720]

export const MAX_ATTEMPTS: number = DELAYS.length + 1

/** An attempt to come. */
export interface Retry<Delivery> {
  delivery: Delivery
  /** From 2 to {@link MAX_ATTEMPTS}. */
  attempt: number
  /** On the retry clock, in minutes. */
  due: number
}

/**
 * When failed webhooks come again. The clock stands still until it is moved: a developer at a breakpoint is not flooded, and
 * nothing is sent that nobody asked for.
 *
 * @see https://dev.wix.com/docs/rest/articles/getting-started/webhook-resend-policy
 */
export class Retries<Delivery> {
  /** Minutes since the simulator started. */
  clock = 0
  /** What failed in the last attempt, too. */
  readonly givenUp: Delivery[] = []
  #waiting: Retry<Delivery>[] = []

  /** What waits, the next one first. */
  get waiting(): readonly Retry<Delivery>[] {
    return this.#waiting
  }

  /** @param attempt The one that failed, from 1. After the last one, Wix gives up. */
  failed(delivery: Delivery, attempt: number): void {
    const delay = DELAYS[attempt - 1]
    if (delay === undefined) {
      this.givenUp.push(delivery)
      return
    }
    this.#waiting = [...this.#waiting, { delivery, attempt: attempt + 1, due: this.clock + delay }].toSorted(
      (one, other) => one.due - other.due,
    )
  }

  /** Moves the clock to the next attempt, and takes out all that are due then. */
  takeNext(): Retry<Delivery>[] {
    this.clock = Math.max(this.clock, this.#waiting[0]?.due ?? 0)
    const due = this.#waiting.filter((retry) => retry.due <= this.clock)
    this.#waiting = this.#waiting.filter((retry) => retry.due > this.clock)
    return due
  }

  /** Moves the clock to the next attempt of one delivery, and takes it out: what else is due by then goes on waiting. */
  take(delivery: Delivery): Retry<Delivery> | undefined {
    const found = this.#waiting.find((retry) => retry.delivery === delivery)
    this.clock = Math.max(this.clock, found?.due ?? 0)
    this.#waiting = this.#waiting.filter((retry) => retry !== found)
    return found
  }
}
