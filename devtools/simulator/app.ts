import { once } from 'node:events'
import { connect } from 'node:net'

/** Milliseconds. A port where nothing listens answers at once; a machine that is busy, or wakes up, does not. */
const CONNECT_TIMEOUT = 5000
/** Milliseconds between two looks. */
const INTERVAL = 1000

/** Whether anything listens at an address, without a request to it. */
export async function isListening({ protocol, hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port || (protocol === 'https:' ? 443 : 80)), hostname.replaceAll(/^\[|\]$/g, ''))
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Whether the app runs. It is stopped and started all day, and an open dashboard follows. */
export class App {
  status: 'up' | 'down' | 'unknown' = 'unknown'
  readonly #url: URL
  readonly #changed: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param changed Called when it comes or goes. */
  constructor(url: string, changed: () => void) {
    this.#url = new URL(url)
    this.#changed = changed
  }

  /** Looks whether it is there. */
  async look(): Promise<void> {
    const status = (await isListening(this.#url)) ? 'up' : 'down'
    if (status === this.status) return
    this.status = status
    this.#changed()
  }

  /** A page was not there. That it has come is told at the next look, also if none has missed it. */
  missed(page: string): void {
    if (new URL(page).origin !== this.#url.origin || this.status === 'down') return
    this.status = 'down'
    this.#changed()
  }

  /** Looks again and again while somebody watches. */
  watch(isWatched: boolean): void {
    clearInterval(this.#timer)
    if (!isWatched) return
    this.#timer = setInterval(() => void this.look(), INTERVAL).unref()
    void this.look()
  }
}
