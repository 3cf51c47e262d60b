import { once } from 'node:events'
import { type IncomingMessage, request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { performance } from 'node:perf_hooks'
import { systemCodeOf } from '../../lib/internal/values.ts'
import type { Credential, Explanation } from './explain.ts'

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
  headers: Readonly<Record<string, string>>
  /** The first 20,000 bytes. */
  body: string
}

/** What came of a request. */
export interface Exchange {
  answer: AppAnswer | null
  /** Why there is no answer. */
  problem: string
  milliseconds: number
}

/** What the dashboard says about an exchange. */
export interface Verdict {
  tone: 'good' | 'neutral' | 'bad'
  text: string
}

const MAX_BODY = 20_000

/** A part of the body: an app may answer without an end, and what the log shows must not keep the rest in memory. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    length += chunk.length
    // To leave the loop ends the connection.
    if (length >= MAX_BODY) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY).toString()
}

/**
 * Sends a request once, and follows no redirect. `limit` is in milliseconds.
 *
 * By `node:http`: `fetch` decodes what it never asked for, and the stream that it does so with can end this process.
 */
export async function send({ url, method, headers, body }: AppRequest, limit: number): Promise<Exchange> {
  const start = performance.now()
  const end = (answer: AppAnswer | null, problem: string): Exchange => ({
    answer,
    problem,
    milliseconds: Math.round(performance.now() - start),
  })
  const request = url.startsWith('https:') ? requestByHttps : requestByHttp
  const signal = AbortSignal.timeout(limit)
  try {
    const sent = {
      Accept: '*/*',
      'Accept-Encoding': 'identity',
      'User-Agent': 'passport-wix-app simulator',
      ...headers,
    }
    // A connection of its own: one that was kept may be of an app that has been restarted meanwhile.
    const req = request(url, { method, headers: sent, signal, agent: false })
    const answered = once(req, 'response')
    // What goes wrong later shows where the body is read.
    req.on('error', () => {}).end(body)
    const [response] = (await answered) as [IncomingMessage]
    const content = await beginningOf(response)
    const lines = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')])
    return end({ status: Number(response.statusCode), headers: Object.fromEntries(lines), body: content }, '')
  } catch (error) {
    return end(null, signal.aborted ? `no answer within ${limit} ms` : `no connection${systemCodeOf(error)}`)
  }
}

/** Whether the app did with a credential what it should. */
export function judge(
  { answer, problem }: Exchange,
  explanation: Explanation | null,
  kind: Credential['kind'],
): Verdict {
  if (answer === null) return { tone: 'bad', text: problem }
  const { status } = answer
  const is = (tone: Verdict['tone'], text: string): Verdict => ({ tone, text: `${status}: ${text}` })
  if (status >= 500) return is('bad', 'your app failed')
  if (status >= 300 && status < 400) return is('neutral', 'your app redirects')
  if (status === 404 || status === 405) return is('bad', 'your app has no such route')
  const isAccepted = status < 300
  if (explanation === null) {
    // A browser shows an empty frame then, and tells only its console.
    const isBlocked = kind === 'instance' && answer.headers['x-frame-options'] !== undefined
    if (isAccepted && isBlocked) return is('bad', 'X-Frame-Options keeps the page out of the frame')
    if (isAccepted && kind === 'webhook' && status !== 200) return is('bad', 'Wix asks for 200')
    if (isAccepted) return is('good', 'accepted')
    // The credential is right, and the person may not.
    return status === 403 ? is('neutral', 'not allowed') : is('bad', 'your app refused a genuine credential')
  }
  return isAccepted
    ? is('bad', 'your app accepted what it must refuse')
    : is('good', 'your app refused it, as it should')
}
