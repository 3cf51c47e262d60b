import type { SinonSpy } from 'sinon'
import type { WixAuthErrorCode } from '../../lib/index.ts'
import { type Question, remoteClient } from '../../lib/internal/remote.ts'
import { answering as answeringWith } from './access-token.ts'
import { now } from './build.ts'
import { unavailableOf } from './errors.ts'

const SERVER = 'Elsewhere'
export const ANSWER = { active: true, name: 'für dich' }
export const BODY = '{"token":"a.b.c.d"}'
export const REFUSALS: ReadonlyMap<number, WixAuthErrorCode> = new Map([
  [400, 'token_malformed'],
  [401, 'token_inactive'],
  [404, 'claim_invalid'],
])

// What an error says of an answer that came, but is none.
export const NO_OBJECT = 'an answer that is not a complete JSON object'
export const TOO_LONG = 'an answer of more than 64 KiB'

/** A remoteClient, and one question to ask with it. */
export type Ask = (more?: Partial<Question>) => Promise<Record<string, unknown>>
export const client = (options: object = {}, url: string = 'https://elsewhere.example/'): Ask => {
  const ask = remoteClient({ server: SERVER, refusals: REFUSALS, longestLimit: 3600, now, ...options })
  return (more) => ask({ url, method: 'POST', body: BODY, timeout: 20, ...more })
}

/** A `fetch` that always answers this. */
export const answering = (
  body: unknown = ANSWER,
  status?: number,
  headers?: Record<string, string>,
): SinonSpy<[url: string, init: RequestInit], Promise<Response>> => answeringWith(body, status, headers)

/** Why there is no answer, with HOST in place of the one that was asked, and when to come again. */
export async function unavailable(promise: Promise<unknown>): Promise<[why: string, headers: unknown]> {
  const [why, headers] = await unavailableOf(SERVER, promise)
  return [why.replace(/127\.0\.0\.1:\d+|elsewhere\.example|nothing\.invalid/, 'HOST'), headers]
}
