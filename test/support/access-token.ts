import sinon from 'sinon'
import { APP_ID, SECONDS } from './jwt.ts'

/** The outer form of an access token; only Wix could say more of it. `name` makes it another one. */
export const accessToken = (name: string | number = 'x'): string =>
  `OauthNG.JWS.eyJraWQiOiJ4In0.${Buffer.from(JSON.stringify({ data: name })).toString('base64url')}.c2ln`

/** What Token Info answers for the owner of a site; overrides replace, `undefined` leaves out. */
export const info = (overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  active: true,
  subjectType: 'USER',
  subjectId: 'user-1',
  exp: SECONDS - 60 + 14_400,
  iat: SECONDS - 60,
  clientId: APP_ID,
  siteId: 'site-1',
  instanceId: 'instance-1',
  ...overrides,
})

type FetchSpy = sinon.SinonSpy<[url: string, init: RequestInit], Promise<Response>>

/** What a `fetch` answers. A string is sent as it is. */
export const response = (body: unknown, status: number, headers: Record<string, string> = {}): Response =>
  // These statuses must not have a body.
  new Response([204, 205, 304].includes(status) ? null : typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers,
  })

/** A `fetch` that always answers this, and no request leaves the machine. */
export const answering = (
  body: unknown = info(),
  status: number = 200,
  headers: Record<string, string> = {},
): FetchSpy => sinon.fake(async (_url: string, _init: RequestInit) => response(body, status, headers))

/** A `fetch` whose answers come when the test says so, each to the oldest call that has none. */
export function answeringLater(): { fetch: FetchSpy; answer: (body?: unknown, status?: number) => void } {
  const waiting: Array<(answer: Response) => void> = []
  return {
    fetch: sinon.fake(
      (_url: string, _init: RequestInit) => new Promise<Response>((resolve) => void waiting.push(resolve)),
    ),
    answer: (body = info(), status = 200) => waiting.shift()?.(response(body, status)),
  }
}

/** The tokens that Wix was asked about. */
export const askedFor = (fetch: FetchSpy): unknown[] =>
  fetch.args.map(([, { body }]) => (JSON.parse(body as string) as { token: unknown }).token)

/** A clock that stands still until it is set forward. */
export interface TestClock {
  now: () => number
  add: (milliseconds: number) => void
}
export function clockAt(time: number): TestClock {
  let current = time
  return { now: () => current, add: (milliseconds) => void (current += milliseconds) }
}
