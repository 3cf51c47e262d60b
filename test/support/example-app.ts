import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import sinon from 'sinon'
import { type AppOptions, createApp } from '../../example-app/app.ts'
import { AppDatabase } from '../../example-app/database.ts'
import { features } from '../../example-app/demo/features.ts'
import { showProblem } from '../../example-app/demo/problems.ts'
import { generateSessionKey, type SessionKey } from '../../lib/index.ts'
import { signInstance, signWebhook, WixSimulator, type WixSimulatorSubject } from '../../devtools/testing/index.ts'
import { SECRET } from './build.ts'
import { EXPIRED, INVALID, MALFORMED, MISSING } from './challenges.ts'
import { KEYS, OTHER_KEYS, PRIVATE_KEY } from './jwt.ts'
import { serve, type Served } from './serve.ts'

type Payload = Parameters<typeof signInstance>[0]

/** The ID of an app that does not exist. */
export const APP_ID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'

export { KEYS, OTHER_KEYS }
export const SESSION_KEYS: SessionKey[] = [await generateSessionKey()]

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1000)

export const minutesFromNow = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()

/** The instance of the owner of a site; overrides replace, `undefined` leaves out. */
export const owner = (overrides: Payload = {}): Payload => ({
  instanceId: 'instance-1',
  metaSiteId: 'site-1',
  uid: 'user-1',
  siteOwnerId: 'user-1',
  permissions: 'OWNER',
  vendorProductId: 'Gold',
  expirationDate: minutesFromNow(240),
  ...overrides,
})
export const collaborator = (): Payload => owner({ uid: 'user-2' })
export const visitor = (): Payload => owner({ uid: undefined, permissions: undefined, aid: 'visitor-1' })
export const member = (): Payload => owner({ permissions: undefined, siteMemberId: 'user-1' })

/** What {@link rejectionOf} has for a request without a credential. */
export const NO_CREDENTIAL: unknown[] = [
  401,
  MISSING,
  { code: 'credentials_missing', message: 'No Wix credential in the request: open the page from Wix' },
]
const descriptionOf = (challenge: string): string => /error_description="([^"]*)"/.exec(challenge)?.[1] ?? ''
/** What the messages say, which are also the descriptions in the challenges. */
export const MESSAGES = {
  invalid: descriptionOf(INVALID),
  malformed: descriptionOf(MALFORMED),
  expired: descriptionOf(EXPIRED),
}

export interface Page {
  status: number
  headers: Headers
  page: string
}

export interface Me {
  identity: object
  proof: Record<string, unknown>
  account: { site: Record<string, unknown>; user: Record<string, unknown>; role: string }
}

/** The folder of the front end. */
export const PAGES: string = join(import.meta.dirname, '../../example-app/demo/pages')

/** What `/api` and `/session` answer when they reject: the status, the challenge and the JSON. */
export async function rejectionOf(response: Response): Promise<unknown[]> {
  expect(response.headers.get('content-type')).to.equal('application/json; charset=utf-8')
  expect(response.headers.get('cache-control')).to.equal('no-store')
  return [response.status, response.headers.get('www-authenticate'), await response.json()]
}

/** A webhook about `instance-1`; overrides replace. */
export const webhook = (
  eventType: string,
  overrides: Partial<Parameters<typeof signWebhook>[0]> = {},
  claims: Record<string, unknown> = {},
  { privateKey }: { privateKey: string | KeyObject } = { privateKey: PRIVATE_KEY },
): string =>
  signWebhook(
    { instanceId: 'instance-1', eventType, data: { appId: APP_ID, originInstanceId: '' }, ...overrides },
    privateKey,
    claims,
  )

/** The example app for each test, with a database and a simulator of Wix. Its functions need no `this`. */
export class ExampleApp {
  /** The folder of the database, removed after the test. */
  folder = ''
  database!: AppDatabase
  wix!: WixSimulator
  /** All cookies that the app has ever set. */
  readonly cookies: unknown[] = []
  #served: Served | undefined

  get url(): string {
    return this.#served?.url ?? ''
  }

  /** The file of the database. */
  get path(): string {
    return join(this.folder, 'data.db')
  }

  async start(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    this.database = new AppDatabase(this.path)
    this.wix = await WixSimulator.start({ appId: APP_ID, appSecret: SECRET })
    await this.restart(this.create())
  }

  async stop(): Promise<void> {
    sinon.restore()
    await this.#served?.close()
    this.#served = undefined
    await this.wix.close()
    this.database.close()
    await rm(this.folder, { recursive: true })
  }

  /** An app with everything that the demonstration has; overrides replace. */
  readonly create = (overrides: Partial<AppOptions> = {}): ReturnType<typeof createApp> =>
    createApp({
      secret: SECRET,
      publicKey: KEYS.publicKey,
      appId: APP_ID,
      apiUrl: this.wix.url,
      sessionKeys: SESSION_KEYS,
      database: this.database,
      pages: PAGES,
      showProblem,
      routes: features({ database: this.database, publicKey: KEYS.publicKey, appId: APP_ID }),
      ...overrides,
    })

  /** Without anything that is optional. */
  readonly createBare = (overrides: Partial<AppOptions> = {}): ReturnType<typeof createApp> =>
    createApp({ secret: SECRET, sessionKeys: SESSION_KEYS, database: this.database, pages: PAGES, ...overrides })

  /** Serves another app in place of the present one. */
  readonly restart = async (app: ReturnType<typeof createApp>): Promise<void> => {
    await this.#served?.close()
    this.#served = await serve((req, res) => {
      res.on('finish', () => {
        if (res.hasHeader('set-cookie')) this.cookies.push(res.getHeader('set-cookie'))
      })
      app(req, res)
    })
  }

  readonly get = async (address: string): Promise<Page> => {
    const response = await fetch(new URL(address, this.url))
    return { status: response.status, headers: response.headers, page: await response.text() }
  }

  readonly post = async (address: string, body: string, headers: Record<string, string> = {}): Promise<Page> => {
    const response = await fetch(new URL(address, this.url), { method: 'POST', body, headers })
    return { status: response.status, headers: response.headers, page: await response.text() }
  }

  /** Opens the dashboard with an instance. */
  readonly open = (payload: Payload, secret: string = SECRET): Promise<Page> =>
    this.get(`/dashboard?instance=${signInstance(payload, secret)}`)

  /** Opens the widget with an instance. */
  readonly openWidget = (payload: Payload): Promise<Page> =>
    this.get(`/widget?instance=${signInstance(payload, SECRET)}`)

  /** Sends a webhook. */
  readonly send = (...args: Parameters<typeof webhook>): Promise<Page> => this.post('/webhooks', webhook(...args))

  /** Calls the API with `Authorization`. */
  readonly ask = (address: string, authorization?: string): Promise<Response> =>
    fetch(new URL(address, this.url), authorization === undefined ? {} : { headers: { authorization } })

  /** Calls the API with `Authorization` and another method: `PUT /api/me`. */
  readonly call = (what: string, authorization: string, body?: unknown): Promise<Response> => {
    const [method = '', address = ''] = what.split(' ')
    return fetch(new URL(address, this.url), {
      method,
      headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  /** The JSON at an address of the API. */
  readonly read = async <Answer>(address: string, authorization: string): Promise<Answer> =>
    (await this.ask(address, authorization)).json() as Promise<Answer>

  /** Requests a session token with a credential in `Authorization`. */
  readonly exchange = (credential?: string): Promise<Response> =>
    fetch(new URL('/session', this.url), {
      method: 'POST',
      ...(credential !== undefined && { headers: { authorization: credential } }),
    })

  /** Exchanges a credential for a session token, and returns the `Authorization` with it. */
  readonly session = async (credential: string): Promise<string> => {
    const { token } = (await (await this.exchange(credential)).json()) as { token: string }
    return `Bearer ${token}`
  }

  readonly sessionOf = (payload: Payload): Promise<string> => this.session(signInstance(payload, SECRET))

  readonly me = async (authorization: string): Promise<Me> =>
    (await this.ask('/api/me', authorization)).json() as Promise<Me>

  /** An access token of the owner of `instance-1`; overrides replace. */
  readonly accessToken = (overrides: Partial<WixSimulatorSubject> = {}): string =>
    this.wix.accessToken({
      instanceId: 'instance-1',
      siteId: 'site-1',
      subjectType: 'USER',
      subjectId: 'user-1',
      ...overrides,
    })

  /** The rows that are in the database, read over another connection. */
  readonly rows = (table: 'sites' | 'users' | 'notes' | 'events' | 'audit' | 'usage'): Record<string, unknown>[] => {
    const database = new Database(this.path)
    const found = database.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]
    database.close()
    return found
  }
}

/** Starts the example app for each test of a `describe`, which must not set a cookie. */
export function exampleApp(): ExampleApp {
  const app = new ExampleApp()
  beforeEach(() => app.start())
  afterEach(() => app.stop())
  after('no response has set a cookie', () => {
    expect(app.cookies).to.deep.equal([])
  })
  return app
}
