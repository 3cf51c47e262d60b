import type { KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import Database from 'libsql'
import pg from 'pg'
import sinon from 'sinon'
import { type AppOptions, createApp } from '../../example-app/app.ts'
import { connect } from '../../example-app/connect.ts'
import type { AppDatabase, Tables } from '../../example-app/database.ts'
import { features } from '../../example-app/demo/features.ts'
import { problemPages } from '../../example-app/demo/problems.ts'
import { generateSessionKey, type SessionKey } from '../../lib/index.ts'
import { signInstance, signWebhook, WixSimulator, type WixSimulatorSubject } from '../../devtools/testing/index.ts'
import { SECRET } from './build.ts'
import { EXPIRED, INVALID, MALFORMED, MISSING } from './challenges.ts'
import { KEYS, OTHER_KEYS, PRIVATE_KEY } from './jwt.ts'
import { describeWith } from './left-out.ts'
import { postgresServer, type PostgresServer } from './postgres.ts'
import { POSTGRES } from './programs.ts'
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
  // Passport sends the challenge of each strategy of a chain: one of them is about the token.
  const challenges = response.headers.get('www-authenticate')?.split(/, (?=Bearer )/)
  const telling = challenges?.find((challenge) => challenge.includes('error=')) ?? challenges?.[0] ?? null
  return [response.status, telling, await response.json()]
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
  /** A URL of the database, new for each test. */
  databaseUrl = ''
  database!: AppDatabase
  wix!: WixSimulator
  /** All cookies that the app has ever set. */
  readonly cookies: unknown[] = []
  readonly #newDatabase: () => Promise<string>
  #served: Served | undefined

  constructor(newDatabase: () => Promise<string>) {
    this.#newDatabase = newDatabase
  }

  get url(): string {
    return this.#served?.url ?? ''
  }

  async start(): Promise<void> {
    this.databaseUrl = await this.#newDatabase()
    this.database = await connect(this.databaseUrl)
    this.wix = await WixSimulator.start({ appId: APP_ID, appSecret: SECRET })
    await this.restart(this.create())
  }

  async stop(): Promise<void> {
    sinon.restore()
    await this.#served?.close()
    this.#served = undefined
    await this.wix.close()
    await this.database.close()
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
      showProblem: problemPages(),
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

  /** The rows that are in the database. */
  readonly rows = (table: keyof Tables): Promise<Record<string, unknown>[]> =>
    rowsIn(this.databaseUrl, `SELECT * FROM "${table}" ORDER BY 1, 2`)
}

/** What a query finds, over a connection of its own. */
export async function rowsIn(databaseUrl: string, query: string): Promise<Record<string, unknown>[]> {
  if (databaseUrl.startsWith('file:')) {
    const database = new Database(databaseUrl.slice('file:'.length))
    const found = database.prepare(query).all() as Record<string, unknown>[]
    database.close()
    return found
  }
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const client = new pg.Client({ connectionString: databaseUrl, types })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>(query)
  await client.end()
  return rows
}

/** Tests on each database of the example app; they get a function that makes an empty one, and returns its URL. */
export function describeOnEachDatabase(title: string, define: (newDatabase: () => Promise<string>) => void): void {
  describe(`${title}, on SQLite`, function () {
    this.timeout(120_000)
    let folder: string
    let count = 0
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'example-app-'))
    })
    after(() => rm(folder, { recursive: true }))
    define(async () => `file:${join(folder, `${(count += 1)}.db`)}`)
  })
  describeWith(POSTGRES, `${title}, on PostgreSQL`, function () {
    this.timeout(120_000)
    let server: PostgresServer
    let count = 0
    before(async () => {
      server = await postgresServer()
    })
    after(() => server.close())
    // A schema, which is empty as a new database is, and there in no time.
    define(async () => {
      const name = `test${(count += 1)}`
      await rowsIn(server.url, `CREATE SCHEMA ${name}`)
      return `${server.url}?options=-csearch_path%3D${name}`
    })
  })
}

/** Starts the example app for each test, which must not set a cookie, on each of its databases. */
export function describeExampleApp(title: string, define: (app: ExampleApp) => void): void {
  describeOnEachDatabase(title, (newDatabase) => {
    const app = new ExampleApp(newDatabase)
    beforeEach(() => app.start())
    afterEach(() => app.stop())
    after('no response has set a cookie', () => {
      expect(app.cookies).to.deep.equal([])
    })
    define(app)
  })
}
