import type { AuditEntry } from './database.ts'

/** Refused requests of one minute (its first millisecond) for one reason. */
export interface Refusals {
  minute: number
  code: string
  requests: number
}

export interface AuditTarget {
  store: (entries: readonly AuditEntry[]) => Promise<void>
  count: (refusals: readonly Refusals[]) => Promise<void>
}

/** Milliseconds for which refusals are only counted in memory: a process that is killed takes these with it. */
const PAUSE = 1000

/**
 * Writes the audit of one process. While one statement is on its way, the entries of other requests wait for the next one, so that
 * a busy process writes many entries with each.
 */
export class AuditBuffer {
  readonly #target: AuditTarget
  #waiting: AuditEntry[] = []
  #next: Promise<void> | undefined
  #current: Promise<void> = Promise.resolve()
  #refusals = new Map<string, Refusals>()
  #isSoon = false

  constructor(target: AuditTarget) {
    this.#target = target
  }

  /** Ends when the entry is stored. */
  add(entry: AuditEntry): Promise<void> {
    this.#waiting.push(entry)
    return (this.#next ??= this.#storeNext())
  }

  async #storeNext(): Promise<void> {
    // Whoever waits for it has been told.
    await this.#current.catch(() => {})
    const entries = this.#waiting
    this.#waiting = []
    this.#next = undefined
    this.#current = this.#target.store(entries)
    await this.#current
  }

  /** Counts a request, soon. */
  count(code: string, at: number): void {
    this.#add({ minute: at - (at % 60_000), code, requests: 1 })
    if (this.#isSoon) return
    this.#isSoon = true
    setTimeout(() => {
      this.#isSoon = false
      this.flush().catch((error: unknown) => console.error(error))
    }, PAUSE).unref()
  }

  #add({ minute, code, requests }: Refusals): void {
    const key = `${minute} ${code}`
    this.#refusals.set(key, { minute, code, requests: requests + (this.#refusals.get(key)?.requests ?? 0) })
  }

  /** Stores what was counted. */
  async flush(): Promise<void> {
    const refusals = [...this.#refusals.values()]
    if (refusals.length === 0) return
    this.#refusals.clear()
    try {
      await this.#target.count(refusals)
    } catch (error) {
      for (const one of refusals) this.#add(one)
      throw error
    }
  }
}
