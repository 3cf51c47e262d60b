import { createHmac, createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { WixAuthError } from '../../lib/errors.ts'
import type { SubjectType } from '../../lib/identity.ts'
import { isSignature, SIGNATURE } from '../../lib/internal/keys.ts'
import { checkInstanceForm, verifySignedInstance } from '../../lib/strategies/app-instance.ts'
import {
  callback,
  checkOptions,
  type Checks,
  flag,
  must,
  ownOptions,
  required,
  string,
} from '../../lib/internal/options.ts'
import { isNonEmptyString, isNumber, isObject, objectOf } from '../../lib/internal/values.ts'

/** The options of {@link WixSimulator.start}. */
export interface WixSimulatorOptions {
  /** Your app id. */
  appId: string
  /** Your app secret in the test. */
  appSecret: string
  /** Default: 0, which is any free one. */
  port?: number
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  now?: () => number
}

/** The subject of a token. Where no default is named, it is null. */
export interface WixSimulatorSubject {
  /** Your app's installation; has no default. */
  instanceId: string
  /** Default: `APP`. */
  subjectType?: SubjectType
  /** Default: the `clientId` for an `APP`, else null. */
  subjectId?: string | null
  siteId?: string | null
  accountId?: string | null
  vendorProductId?: string | null
  /** The app that the token is for. Default: your app. */
  clientId?: string
  /** Seconds until it expires. Default: 14400, as at Wix. */
  expiresIn?: number
}

/** `POST /oauth2/token-info` and `POST /oauth2/token`. */
export type WixSimulatorEndpoint = 'token-info' | 'token'

/** What an endpoint does in place of its work. */
export interface WixSimulatorFault {
  /** Default: 200. */
  status?: number
  /** For example `{ 'Retry-After': '7' }`. */
  headers?: Readonly<Record<string, string>>
  /** A string, or an object to send as JSON. Default: `{}`. */
  body?: string | object
  /** Seconds before all else; `Infinity` to hang. Default: 0. */
  delay?: number
  /** Closes the connection without an answer. Default: false. */
  drop?: boolean
  /** Where to redirect to: with the status, if it is 301 to 308, else with 307. */
  redirect?: string
}

/** What Token Info says about an active credential, in the types of Wix's SDK. */
type TokenInfo = Required<Omit<WixSimulatorSubject, 'expiresIn'>> & { iat: number; exp: number }

type Answer = readonly [status: number, body: object]

/** Seconds: Wix's own, for tokens and for instances. */
const LIFETIME = 14_400
const MAX_BODY = 65_536

const ENDPOINTS: ReadonlyMap<string | undefined, WixSimulatorEndpoint> = new Map([
  ['/oauth2/token-info', 'token-info'],
  ['/oauth2/token', 'token'],
])

// A misspelt fault would make a test pass for the wrong reason.
const FAULT_CHECKS: Checks<WixSimulatorFault> = {
  status: must(
    (value) => Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599,
    'a status from 200 to 599',
  ),
  headers: must(isObject, 'an object'),
  body: must(
    (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
    'a string or an object',
  ),
  delay: must((value) => value === Infinity || (isNumber(value) && value >= 0), 'a number of seconds'),
  drop: flag,
  redirect: string,
}

// One spelling for each token, as with an instance: a revoked one does not come back in another.
const TOKEN = new RegExp(`^OauthNG\\.JWS\\.([\\w-]+\\.([\\w-]+))\\.(${SIGNATURE})$`)

const encode = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')

/** The object that the body is, an empty one where it is something else; undefined when it is too large. */
async function bodyOf(req: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  // To the end in any case: a client that is cut off while sending may not see the answer.
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
  }
  if (size > MAX_BODY) return undefined
  try {
    return objectOf(JSON.parse(Buffer.concat(chunks).toString())) ?? {}
  } catch {
    return {}
  }
}

function send(res: ServerResponse, status: number, body: string | object, headers: object = {}): void {
  const [type, content] = typeof body === 'string' ? ['text/plain', body] : ['application/json', JSON.stringify(body)]
  res.statusCode = status
  // One by one, so that a name in another case replaces ours.
  for (const [name, value] of Object.entries({ 'Content-Type': type, ...headers })) res.setHeader(name, value)
  res.end(content)
}

async function sendFault(res: ServerResponse, fault: WixSimulatorFault): Promise<void> {
  const { status = 200, headers, body = {}, delay = 0, drop, redirect } = fault
  // A timer of Node may be early by a part of a millisecond, and takes more than 24 days for no time at all.
  const milliseconds = Math.ceil(delay * 1000) + 1
  if (milliseconds >= 2 ** 31) return
  if (delay > 0) await wait(milliseconds, undefined, { ref: false })
  if (drop) res.destroy()
  else if (redirect === undefined) send(res, status, body, headers)
  else send(res, status > 300 && status < 309 ? status : 307, body, { Location: redirect, ...headers })
}

/**
 * Wix's endpoints that check and issue access tokens, on 127.0.0.1: for tests and for development without a Wix account.
 *
 * Token Info answers `{ active: false }` for what is unknown, revoked or expired. It knows the tokens of this simulator, and
 * instances signed with the app secret, which end 4 hours after `signDate` unless they name an `expirationDate`; what Wix
 * answers for an instance is not documented in detail.
 *
 * @see https://dev.wix.com/docs/rest/app-management/oauth-2/token-info
 * @see https://dev.wix.com/docs/api-reference/app-management/oauth-2/create-access-token
 * @example
 * const wix = await WixSimulator.start({ appId: 'my-app', appSecret: 'my-secret' })
 * passport.use(new WixAccessTokenStrategy({ appId: 'my-app', apiUrl: wix.url }, findUser))
 * const token = wix.accessToken({ instanceId: 'site-1', subjectType: 'VISITOR' })
 */
export class WixSimulator {
  /** For example `http://127.0.0.1:49152`: the `apiUrl` of your strategies. */
  readonly url: string
  readonly #server: Server
  readonly #options: Required<WixSimulatorOptions>
  readonly #key = createSecretKey(randomBytes(32))
  readonly #revoked = new Set<string>()
  readonly #calls = { 'token-info': 0, token: 0 }
  readonly #faults: { [Name in WixSimulatorEndpoint]?: WixSimulatorFault | null } = {}

  private constructor(server: Server, options: Required<WixSimulatorOptions>) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    this.#server = server.on('request', (req, res) => void this._handle(req, res))
    this.#options = options
  }

  /**
   * Starts to listen.
   *
   * @returns A promise of a simulator that listens; rejects with the errors below, or with Node's error when the port is taken.
   * @throws {TypeError} For options that are missing, unknown or of the wrong type.
   */
  static async start(options: WixSimulatorOptions): Promise<WixSimulator> {
    const checked = checkOptions('WixSimulator.start', options, {
      appId: required(string),
      appSecret: required(string),
      port: must(
        (port) => Number.isInteger(port) && Number(port) >= 0 && Number(port) < 65_536,
        'an integer from 0 to 65535',
        'number',
      ),
      now: callback,
    })
    const { port = 0, now = Date.now } = checked
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new WixSimulator(server, Object.assign(checked, { port, now }))
  }

  /** A token as a front end's `fetchWithAuth()` sends it: a new one each time. */
  accessToken(subject: WixSimulatorSubject): string {
    const { instanceId, subjectType = 'APP', clientId = this.#options.appId, expiresIn = LIFETIME } = subject
    const { subjectId = subjectType === 'APP' ? clientId : null, siteId = null } = subject
    const { accountId = null, vendorProductId = null } = subject
    const iat = Math.floor(this.#options.now() / 1000)
    const times = { iat, exp: iat + expiresIn }
    const ids = { subjectId, clientId, siteId, instanceId, accountId, vendorProductId }
    const info: TokenInfo = { subjectType, ...ids, ...times }
    const claims = { data: JSON.stringify(info), ...times, jti: randomUUID() }
    const signed = `${encode({ kid: 'TestKey1', alg: 'HS256' })}.${encode(claims)}`
    return `OauthNG.JWS.${signed}.${createHmac('sha256', this.#key).update(signed).digest('base64url')}`
  }

  /** Makes an access token or an instance inactive from now on. */
  revoke(token: string): void {
    this.#revoked.add(token)
  }

  /**
   * From now on the endpoint answers like this, until `fault` is called for it again; `null` restores it.
   *
   * @throws {TypeError} For another endpoint, and a fault that is unknown or of the wrong type.
   */
  fault(endpoint: WixSimulatorEndpoint, fault: WixSimulatorFault | null): void {
    if (![...ENDPOINTS.values()].includes(endpoint)) {
      throw new TypeError(`WixSimulator.fault: the endpoint must be ${[...ENDPOINTS.values()].join(' or ')}`)
    }
    this.#faults[endpoint] = fault === null ? null : checkOptions('WixSimulator.fault', fault, FAULT_CHECKS)
  }

  /** How many requests an endpoint has got so far, also those that a fault answered. */
  calls(endpoint: WixSimulatorEndpoint): number {
    return this.#calls[endpoint]
  }

  /** Frees the port and ends the open connections. */
  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  private async _handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const endpoint = req.method === 'POST' ? ENDPOINTS.get(req.url) : undefined
      if (endpoint === undefined) return send(res, 404, { message: 'The simulator has no such endpoint' })
      this.#calls[endpoint]++
      const fault = this.#faults[endpoint]
      const body = await bodyOf(req)
      if (body === undefined) return send(res, 413, { message: 'The body is larger than 64 KiB' })
      if (fault) return await sendFault(res, fault)
      send(res, ...(endpoint === 'token' ? this._token(body) : this._tokenInfo(body)))
    } catch (error) {
      // A clock that throws, a fault that cannot be sent; or the client is gone, and nobody reads this.
      send(res, 500, { message: String(error) })
    }
  }

  // Wix does not document how it refuses; 400 tells a mistake of the caller from an inactive token.
  private _token({ grant_type, client_id, client_secret, instance_id: instanceId }: Record<string, unknown>): Answer {
    const { appId, appSecret } = this.#options
    const isGranted = grant_type === 'client_credentials' && client_id === appId && client_secret === appSecret
    if (!isGranted || !isNonEmptyString(instanceId)) {
      return [400, { message: 'Needs JSON with grant_type client_credentials, client_id, client_secret, instance_id' }]
    }
    return [200, { access_token: this.accessToken({ instanceId }), token_type: 'Bearer', expires_in: LIFETIME }]
  }

  private _tokenInfo({ token }: Record<string, unknown>): Answer {
    if (!isNonEmptyString(token)) return [400, { message: 'Needs JSON with a token' }]
    const info = this.#revoked.has(token) ? undefined : this._read(token)
    return [200, info && this.#options.now() < info.exp * 1000 ? { active: true, ...info } : { active: false }]
  }

  /** What a token or an instance says, if its signature is right. */
  private _read(token: string): TokenInfo | undefined {
    const [, signed = '', payload = '', signature = ''] = TOKEN.exec(token) ?? []
    if (isSignature(signature, signed, this.#key)) {
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { data: string }
      return JSON.parse(claims.data) as TokenInfo
    }
    const { appId, appSecret, now } = this.#options
    try {
      const secrets = [createSecretKey(Buffer.from(appSecret))]
      checkInstanceForm(token)
      const instance = verifySignedInstance(token, secrets, undefined, ownOptions({ now }))
      const { subjectType, subjectId, clientId, siteId, instanceId, vendorProductId = null } = instance
      const subject = { subjectType, subjectId, clientId: clientId ?? appId, siteId, instanceId, vendorProductId }
      const iat = Number(instance.iat) // not null: without a `signDate` it was refused
      return { ...subject, accountId: null, iat, exp: instance.exp ?? iat + LIFETIME }
    } catch (error) {
      if (error instanceof WixAuthError) return undefined
      throw error
    }
  }
}
