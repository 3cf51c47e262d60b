import { once } from 'node:events'
import { type IncomingMessage, request as requestByHttp, STATUS_CODES } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { performance } from 'node:perf_hooks'
import { own, systemCodeOf } from '../../lib/internal/values.ts'
import type { Credential, Explanation } from './explain.ts'
import { blankedBy, type FrameHeader } from './frame.ts'

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
  /** `alarm` is the one that may not be overlooked; `pending` is not an end. */
  tone: 'good' | 'neutral' | 'warning' | 'bad' | 'alarm' | 'pending'
  text: string
  /** The reason, or what to do, in one line. */
  why: string | null
}

/** What a verdict depends on, besides the answer. */
export interface Judged {
  request: AppRequest
  kind: Credential['kind']
  /** Why it must be refused. */
  explanation: Explanation | null
  /** What the app said about its refusal. */
  said: string | null
  /** The origin of the page with the frame, if the page is in one. */
  parent?: string | undefined
  /** Milliseconds that Wix waits. */
  limit?: number | undefined
}

const MAX_BODY = 20_000

/** Why there is no answer where an app runs. */
export const unanswered = (limit: number): string => `no answer within ${limit} ms`

/** Why there is no answer where no app runs. */
export const nothingAt = (url: string): string => `nothing listens at ${new URL(url).origin}`

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
 * Sends a request once, and follows no redirect. `limit` is in milliseconds, and so is `patience`: an answer that comes after the limit
 * is known as well.
 *
 * By `node:http`: `fetch` decodes what it never asked for, and the stream that it does so with can end this process.
 */
export async function send(
  { url, method, headers, body }: AppRequest,
  limit: number,
  patience: number = limit,
): Promise<Exchange> {
  const start = performance.now()
  const end = (answer: AppAnswer | null, problem: string): Exchange => ({
    answer,
    problem,
    milliseconds: Math.round(performance.now() - start),
  })
  const request = url.startsWith('https:') ? requestByHttps : requestByHttp
  const signal = AbortSignal.timeout(patience)
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
    if (signal.aborted) return end(null, unanswered(limit))
    const code = String(own(error, 'code'))
    const known = code.startsWith('HPE_') ? `no answer in HTTP (${code})` : CONNECTION_PROBLEMS[code]?.(url)
    return end(null, known ?? `no connection${systemCodeOf(error)}`)
  }
}

const CONNECTION_PROBLEMS: Readonly<Record<string, (url: string) => string>> = {
  ECONNREFUSED: nothingAt,
  ECONNRESET: () => 'your app closed the connection without a whole answer',
}

/** An address to be printed: an instance is in the query, and an app may have a secret in its path. */
export const withoutCredential = (url: string): string => url.replace(/[?#].*$/s, '').replaceAll(/[^/]{41,}/g, '...')

/** What an app may look at that refuses what it should accept, or should not. */
const ASK_THE_APP = 'NODE_DEBUG=passport-wix-app makes your app say why'

const ANSWER_FIRST = 'answer first, and do the work later'

const HEADER_ADVICE: Readonly<Record<FrameHeader, (parent: string) => string>> = {
  'X-Frame-Options': (parent) =>
    `the header keeps your page out of every frame: remove it (helmet: xFrameOptions: false), and allow ${parent} in frame-ancestors`,
  'frame-ancestors': (parent) => `your Content-Security-Policy has to name ${parent} in frame-ancestors`,
}

/** What happens when the app listens. */
const AFTERWARDS: Partial<Record<Credential['kind'], string>> = {
  instance: ': the frame follows',
  webhook: ': Wix sends it again',
}

function whyUnanswered(problem: string, kind: Credential['kind']): string | null {
  if (problem.startsWith('nothing'))
    return `start your app, or give the simulator the address at which it listens${AFTERWARDS[kind] ?? ''}`
  if (kind !== 'webhook')
    return problem.startsWith('no answer within')
      ? 'what answers is missing: a call of done() or next(), or the answer?'
      : null
  return problem.startsWith('no answer') ? `Wix sends it again: ${ANSWER_FIRST}` : 'Wix sends it again'
}

/** Whether the app did with a credential what it should. */
export function judge({ answer, problem, milliseconds }: Exchange, judged: Judged): Verdict {
  const { request, kind, explanation, said, parent, limit = Infinity } = judged
  const { origin, pathname } = new URL(request.url)
  if (answer === null) {
    return { tone: 'bad', text: problem, why: whyUnanswered(problem, kind) }
  }
  const { status } = answer
  const is = (tone: Verdict['tone'], text: string, why: string | null = null): Verdict => ({
    tone,
    text: `${status}: ${text}`,
    why: said ?? why,
  })
  if (status >= 500) return is('bad', 'your app failed', 'the error is in the output of your app')
  if (status >= 300 && status < 400) {
    const { location } = answer.headers
    return is('warning', 'your app redirects', location === undefined ? null : withoutCredential(location))
  }
  if (status === 404 || status === 405)
    return is('bad', 'your app has no such route', `${request.method} ${origin}${pathname}`)
  const isAccepted = status < 300
  if (explanation !== null) {
    const { code, hint, message } = explanation
    const why = `${code}: ${hint ?? message}`
    return isAccepted
      ? is('alarm', 'your app accepted what it must refuse', why)
      : is('good', 'your app refused it, as it should', why)
  }
  // The credential is right, and the person may not.
  if (status === 403)
    return is(
      'warning',
      'not allowed',
      kind === 'instance' ? ASK_THE_APP : 'Wix sends no Origin: a check against CSRF refuses that',
    )
  if (!isAccepted && status !== 400 && status !== 401)
    return is(
      'bad',
      'your app refused the request',
      `${STATUS_CODES[status] ?? 'unknown'}: look at its parsers and limits`,
    )
  if (!isAccepted) {
    const name = kind === 'instance' ? 'WIX_APP_SECRET' : 'WIX_PUBLIC_KEY'
    const why = `does your app have the ${name} of the simulator? ${ASK_THE_APP}`
    return is('bad', 'your app refused a genuine credential', why)
  }
  if (milliseconds > limit) {
    const late = `too late, after ${milliseconds} ms`
    return is('bad', late, `Wix waits ${limit} ms, and sends it again: ${ANSWER_FIRST}`)
  }
  if (kind === 'webhook' && status !== 200) return is('bad', 'Wix asks for 200', 'any other status brings it again')
  if (parent !== undefined && (status === 204 || status === 205 || answer.headers['content-length'] === '0'))
    return { tone: 'bad', text: 'blank: no content', why: `your app answered ${status} without a page` }
  if (parent !== undefined && /^attachment/i.test(answer.headers['content-disposition'] ?? ''))
    return { tone: 'bad', text: 'blank: Content-Disposition', why: 'a browser saves an attachment, and shows nothing' }
  const header = parent === undefined ? undefined : blankedBy(answer.headers, request.url, parent)
  // A browser shows an empty frame then, and tells only its console.
  if (parent !== undefined && header !== undefined)
    return { tone: 'bad', text: `blank: ${header}`, why: HEADER_ADVICE[header](parent) }
  return is('good', 'accepted')
}
