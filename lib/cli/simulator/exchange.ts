import { performance } from 'node:perf_hooks'
import { systemCodeOf } from '../../internal/values.ts'
import type { Explanation } from './explain.ts'

/** A request to the app. */
export interface AppRequest {
  method: 'GET' | 'POST'
  url: string
  headers: Readonly<Record<string, string>>
  body?: string
}

/** What the app answered. */
export interface AppAnswer {
  status: number
  headers: Record<string, string>
  /** At most {@link MAX_BODY} characters. */
  body: string
}

/** One of `answer` and `problem` is null. */
export interface Exchange {
  answer: AppAnswer | null
  /** Why there is no answer. */
  problem: string | null
  milliseconds: number
}

/** What the dashboard says about an exchange. */
export interface Verdict {
  tone: 'good' | 'neutral' | 'bad'
  text: string
}

const MAX_BODY = 20_000

/** Sends a request once, as Wix does: without following redirects. `limit` is in milliseconds. */
export async function exchange({ url, ...init }: AppRequest, limit: number): Promise<Exchange> {
  const start = performance.now()
  const elapsed = (): number => Math.round(performance.now() - start)
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(limit) })
    const body = (await response.text()).slice(0, MAX_BODY)
    const headers = Object.fromEntries(response.headers)
    return { answer: { status: response.status, headers, body }, problem: null, milliseconds: elapsed() }
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    const problem = isLate ? `no answer within ${limit} ms` : `no connection to your app${systemCodeOf(error)}`
    return { answer: null, problem, milliseconds: elapsed() }
  }
}

const bad = (text: string): Verdict => ({ tone: 'bad', text })
const good = (text: string): Verdict => ({ tone: 'good', text })

/** Whether the app did with a credential what it should. */
export function judge({ answer, problem }: Exchange, explanation: Explanation | null): Verdict {
  if (answer === null) return bad(`Your app gave ${problem}`.replace('gave no connection', 'is not there: no connection'))
  const { status } = answer
  if (status >= 500) return bad(`${status}: your app failed`)
  if (status >= 300 && status < 400) {
    return { tone: 'neutral', text: `${status}: a redirect, which Wix is not known to follow` }
  }
  if (explanation !== null) {
    return status < 300
      ? bad(`${status}: your app accepted what it must refuse`)
      : good(`${status}: your app refused it, as it should`)
  }
  if (status < 300) return good(`${status}: accepted`)
  if (status === 404 || status === 405) return bad(`${status}: your app has no such route`)
  return bad(`${status}: your app refused a genuine credential`)
}
