import { randomUUID } from 'node:crypto'
import type { AuditEntry } from './database.ts'

/** An entry is stored once, however often it is tried: after a lost connection, nobody knows whether it was. */
export type StoredEntry = AuditEntry & { key: string }

/** Refused requests of one minute (its first millisecond) for one reason. */
export interface Refusals {
  minute: number
  code: string
  requests: number
}

export interface AuditTarget {
  /** Ignores the entries whose key is there. */
  store: (entries: readonly StoredEntry[]) => Promise<void>
  count: (refusals: readonly Refusals[]) => Promise<void>
}

/** Milliseconds after which refusals are stored, and what could not be stored is tried again. Until then it is only in memory. */
const PAUSE = 1000
/** Both databases bound the values of a statement. */
const ENTRIES_AT_ONCE = 1000
/** Some megabytes. */
const MOST_WAITING = 10_000

/**
 * Writes the audit of one process. While one statement is on its way, the entries of other requests wait for the next one, so that
 * a busy process writes many entries with each. What fails is tried again until it is stored: only the end of the process, and more
 * entries than there is room for, lose any.
 */
export class AuditBuffer {
  readonly #target: AuditTarget
  /** All that is not known to be stored. */
  readonly #waiting: StoredEntry[] = []
  #atOnce = ENTRIES_AT_ONCE
  #next: Promise<void> | undefined
  #current: Promise<void> = Promise.resolve()
  #refusals = new Map<string, Refusals>()
  #isSoon = false

  constructor(target: AuditTarget) {
    this.#target = target
  }

  /** Ends when the entry is stored. Rejects when that fails: the entry is stored later, unless the error says that it is lost. */
  async add(entry: AuditEntry): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) {
      const { method, path, instanceId, month } = entry
      const lost = `${method} ${path} of ${instanceId}${month === null ? '' : ', a call to pay for'}`
      throw new Error(`${MOST_WAITING} entries of the audit wait for the database. Lost: ${lost}`)
    }
    this.#waiting.push({ ...entry, key: randomUUID() })
    await this.#store()
  }

  /** Stores what waits now. */
  #store(): Promise<void> {
    return (this.#next ??= this.#storeNext())
  }

  async #storeNext(): Promise<void> {
    // Whoever waits for it has been told.
    await this.#current.catch(() => {})
    this.#next = undefined
    this.#current = this.#storeFirst(this.#waiting.length)
    await this.#current
  }

  async #storeFirst(count: number): Promise<void> {
    let left = count
    while (left > 0) {
      const entries = this.#waiting.slice(0, Math.min(left, this.#atOnce))
      try {
        await this.#target.store(entries)
      } catch (error) {
        // Should the database refuse one entry, the others must not wait behind it.
        this.#waiting.push(...this.#waiting.splice(0, entries.length))
        this.#atOnce = 1
        this.#soon()
        throw error
      }
      this.#waiting.splice(0, entries.length)
      this.#atOnce = Math.min(this.#atOnce * 2, ENTRIES_AT_ONCE)
      left -= entries.length
    }
  }

  #soon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    setTimeout(() => {
      this.#isSoon = false
      this.flush().catch((error: unknown) => console.error(error))
    }, PAUSE).unref()
  }

  /** Counts a request, soon. */
  count(code: string, at: number): void {
    this.#add({ minute: at - (at % 60_000), code, requests: 1 })
    this.#soon()
  }

  #add({ minute, code, requests }: Refusals): void {
    const key = `${minute} ${code}`
    this.#refusals.set(key, { minute, code, requests: requests + (this.#refusals.get(key)?.requests ?? 0) })
  }

  /** Stores what waits and what was counted. */
  async flush(): Promise<void> {
    await Promise.all([this.#store(), this.#flushRefusals()])
  }

  async #flushRefusals(): Promise<void> {
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

  /** Flushes for the last time. @throws {Error} That says what is lost. */
  async close(): Promise<void> {
    try {
      await this.flush()
    } catch (error) {
      const lost = this.#waiting.splice(0)
      const calls = lost.filter(({ month }) => month !== null).length
      const reason = error instanceof Error ? error.message : String(error)
      const what = `${lost.length} entries of the audit are lost, ${calls} of them calls to pay for`
      throw new Error(`${reason}: ${what}`, { cause: error })
    }
  }
}
