// The mistakes that handlers make which verify Wix by hand, as it is seen in public code: each is a small handler of our own here, which is
// attacked over HTTP beside this package and, where it has something for the case, Wix's SDK as its documentation uses it.
import { createHmac, verify as verifySignature } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppStrategy, createClient } from '@wix/sdk'
import { expect } from 'chai'
import express, { type Request, type RequestHandler } from 'express'
import { decodeJwt } from 'jose'
import { Passport, type Strategy } from 'passport'
import sinon from 'sinon'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  WixSimulator,
  type WixSimulatorFault,
} from '../../devtools/testing/index.ts'
import {
  fromQuery,
  identityOf,
  requireIdentity,
  type WixDigest,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { rawJwt } from '../support/jwt.ts'
import { serve, type Served } from '../support/serve.ts'

const APP_ID = 'c0ffee00-1111-4111-8111-000000000001'
const OTHER_APP_ID = 'c0ffee00-1111-4111-8111-000000000002'
const APP_SECRET = 'test-secret-of-the-app'
const KEYS = generateAppKeys()
const OTHER_KEYS = generateAppKeys()
const VICTIM = 'instance-of-somebody'
const SECONDS = Math.floor(Date.now() / 1000)
const DAY = 86_400

/** For which installation a request is served; what throws is refused. */
type Handler = (req: Request) => string | Promise<string>

interface Sent {
  path?: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: string
}
interface Attack extends Sent {
  /** What Token Info answers meanwhile. */
  fault?: WixSimulatorFault
}

interface Mistake {
  /** As docs/proof.md has it. */
  title: string
  genuine: Sent
  attacks: Attack[]
  byHand: Handler
  /** None, where the SDK has nothing for it. */
  bySdk?: Handler
  ours: RequestHandler[]
  /** In place of one that keeps the raw body. */
  parsers?: RequestHandler[]
}

let wix: WixSimulator
before(async () => {
  wix = await WixSimulator.start({ appId: APP_ID, appSecret: APP_SECRET })
})
after(() => wix.close())

const passport = new Passport()
const authenticate = (strategy: Strategy): RequestHandler =>
  passport.authenticate(strategy, { session: false }) as RequestHandler
const identified: RequestHandler = (req, res) => void res.json({ instanceId: identityOf(req).instanceId })
const served =
  (handler: Handler): RequestHandler =>
  async (req, res) => {
    try {
      res.json({ instanceId: await handler(req) })
    } catch {
      res.sendStatus(401)
    }
  }

type Json = Record<string, unknown>
const text = (value: unknown): string => String(value)
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const parsed = (part: string | undefined): Json => JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Json

/** The signature is right, and nothing else is looked at. */
function signedInstance(value: unknown, secret = APP_SECRET): Json {
  const [signature, data = ''] = text(value).split('.')
  if (createHmac('sha256', secret).update(data).digest('base64url') !== signature) throw new Error('refused')
  return parsed(data)
}
const instance = (content: Json = {}, secret = APP_SECRET): string =>
  signInstance({ instanceId: VICTIM, appDefId: APP_ID, uid: 'user-1', permissions: 'OWNER', ...content }, secret)
const inQuery = (value: string): Sent => ({ query: { instance: value } })

const tokenInfo = async (req: Request): Promise<Json> => {
  const body = JSON.stringify({ token: req.headers.authorization })
  const response = await fetch(`${wix.url}/oauth2/token-info`, { method: 'POST', body })
  if (response.status !== 200) throw new Error('refused')
  return (await response.json()) as Json
}
const sdkOf = (req: Request): ReturnType<typeof AppStrategy> =>
  AppStrategy({ appId: APP_ID, appSecret: APP_SECRET, accessToken: text(req.headers.authorization) })
/** As its documentation shows for self-hosted apps: elevate, and act for the installation. */
const elevated: Handler = async (req) => {
  const auth = sdkOf(req)
  await auth.elevated()
  return text((await auth.getTokenInfo()).instanceId)
}
/** Made for each request, since where the simulator listens is known only then. */
const ourToken: RequestHandler = (req, res, next) => {
  const options = { appId: APP_ID, apiUrl: wix.url, cache: false } as const
  authenticate(new WixAccessTokenStrategy(options, (identity) => identity))(req, res, next)
}
type Subject = Parameters<WixSimulator['accessToken']>[0]
/** Issued when it is sent. */
const byToken = (subject: Partial<Subject>): Sent => ({
  headers: {
    get authorization() {
      return wix.accessToken({ instanceId: VICTIM, ...subject })
    },
  },
})
const user = byToken({ subjectType: 'USER', subjectId: 'user-1' })

/** What is sent for a user, while Token Info says this. */
const whereActiveIs = (active: unknown): Attack => ({
  ...user,
  fault: { body: { active, clientId: APP_ID, instanceId: VICTIM, exp: SECONDS + DAY } },
})

const event = { instanceId: VICTIM, eventType: 'AppInstalled', data: { appId: APP_ID } }
const webhook = (claims: Json = {}, key = KEYS.privateKey): string => signWebhook(event, key, claims)
const posted = (body: string): Sent => ({ body, headers: { 'content-type': 'text/plain' } })
const claimsOfEvent = parsed(webhook().split('.')[1])
const forged = (header: Json, signer: (data: Buffer) => Buffer): string => rawJwt(header, claimsOfEvent, signer)
const [header = '', , signature = ''] = webhook().split('.')
const changed = [header, base64({ ...claimsOfEvent, exp: SECONDS + 9 }), signature].join('.')
const unsigned = forged({ alg: 'none' }, () => Buffer.alloc(0))
const withPem = forged({ alg: 'HS256' }, (data) => createHmac('sha256', KEYS.publicKey).update(data).digest())

const idOf = (data: unknown): string => text((JSON.parse(text(data)) as Json)['instanceId'])
const client = createClient({
  auth: AppStrategy({ appId: APP_ID, publicKey: KEYS.publicKey, appSecret: APP_SECRET }),
  modules: {},
})
const sdkWebhook: Handler = async (req) => {
  const body: unknown = Buffer.isBuffer(req.body) ? req.body.toString() : req.body
  const processed = await client.webhooks.process(body as string, { expectedEvents: [] })
  return text(processed.instanceId)
}
const isSigned = (token: string, pem: string): boolean => {
  const at = token.lastIndexOf('.')
  return verifySignature('sha256', Buffer.from(token.slice(0, at)), pem, Buffer.from(token.slice(at + 1), 'base64url'))
}
/** The claims of a JWT of which the signature alone is verified. */
function decodeIfSigned(token: string): Json {
  if (!isSigned(token, KEYS.publicKey)) throw new Error('refused')
  return decodeJwt(token)
}

const ourWebhook = [authenticate(new WixWebhookStrategy({ publicKey: KEYS.publicKey })), identified]
const ourInstance = authenticate(new WixAppStrategy({ secret: APP_SECRET, appId: APP_ID }, (found) => found))

const revoked = instance({ uid: 'user-who-has-left' })
const [revokedSignature = '', revokedData = ''] = revoked.split('.')
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const unusedBit = revokedSignature.slice(0, -1) + (alphabet[alphabet.indexOf(revokedSignature.slice(-1)) + 1] ?? '')

const KEY_OF_APP: ReadonlyMap<string, string> = new Map([
  ['mine', KEYS.publicKey],
  ['theirs', OTHER_KEYS.publicKey],
])
const SECRET_OF_APP: ReadonlyMap<string, string> = new Map([['mine', APP_SECRET]])
const appOf = (req: Request): string => text(req.params['app'])

const payment = JSON.stringify({ instanceId: VICTIM, amount: 1 })
const call = (appId: string, key: string): string =>
  signServicePlugin({ appId, request: {}, metadata: { instanceId: VICTIM, appExtensionType: 'fees' } }, key)

const MISTAKES: Mistake[] = [
  {
    title: 'Token Info is asked, and `clientId` is not compared',
    genuine: user,
    attacks: [
      byToken({ clientId: OTHER_APP_ID, subjectType: 'USER', subjectId: 'user-1' }),
      byToken({ clientId: OTHER_APP_ID, subjectType: 'APP' }),
    ],
    byHand: async (req) => {
      const { active, instanceId } = await tokenInfo(req)
      if (active !== true) throw new Error('refused')
      return text(instanceId)
    },
    bySdk: elevated,
    ours: [ourToken, identified],
  },
  {
    title: 'The answer of Token Info is used, and `active` is taken for a boolean, or not looked at',
    genuine: user,
    attacks: ['false', false, undefined].map(whereActiveIs),
    byHand: async (req) => {
      const { active, clientId, instanceId } = await tokenInfo(req)
      if (!active || clientId !== APP_ID) throw new Error('refused')
      return text(instanceId)
    },
    bySdk: elevated,
    ours: [ourToken, identified],
  },
  {
    title: 'A visitor or a member gets the rights of the app',
    genuine: user,
    attacks: [
      byToken({ subjectType: 'VISITOR', subjectId: 'visitor-1' }),
      byToken({ subjectType: 'MEMBER', subjectId: 'member-1' }),
    ],
    byHand: async (req) => {
      const { active, clientId, instanceId } = await tokenInfo(req)
      if (active !== true || clientId !== APP_ID) throw new Error('refused')
      return text(instanceId)
    },
    bySdk: elevated,
    ours: [ourToken, requireIdentity({ subjectType: 'USER' }), identified],
  },
  {
    title: 'An instance is decoded and not verified',
    genuine: inQuery(instance()),
    attacks: [
      inQuery(instance({}, 'another-secret')),
      inQuery(`x.${revokedData}`),
      inQuery(`${revokedSignature}.${base64({ instanceId: VICTIM, signDate: new Date().toISOString() })}`),
    ],
    byHand: (req) => text(parsed(text(req.query['instance']).split('.')[1])['instanceId']),
    ours: [ourInstance, identified],
  },
  {
    title: 'A JWT is decoded and not verified',
    genuine: posted(webhook()),
    attacks: [webhook({}, OTHER_KEYS.privateKey), unsigned, changed].map(posted),
    byHand: (req) => idOf(decodeJwt(text(req.body))['data']),
    bySdk: sdkWebhook,
    ours: ourWebhook,
  },
  {
    title: 'The algorithm is the one that the header names',
    genuine: posted(webhook()),
    attacks: [unsigned, withPem].map(posted),
    byHand: (req) => {
      const token = text(req.body)
      const [head, , mac] = token.split('.')
      const { alg } = parsed(head)
      const signed = token.slice(0, token.lastIndexOf('.'))
      const isRight =
        alg === 'none' ||
        (alg === 'HS256'
          ? createHmac('sha256', KEYS.publicKey).update(signed).digest('base64url') === mac
          : isSigned(token, KEYS.publicKey))
      if (!isRight) throw new Error('refused')
      return idOf(decodeJwt(token)['data'])
    },
    bySdk: sdkWebhook,
    ours: ourWebhook,
  },
  {
    title: 'JSON is taken where the raw body is missing',
    genuine: posted(webhook()),
    attacks: [
      { body: JSON.stringify(event), headers: { 'content-type': 'application/json' } },
      { body: JSON.stringify({ data: event }), headers: { 'content-type': 'application/json' } },
    ],
    parsers: [express.json(), express.text({ type: '*/*' })],
    byHand: (req) => {
      if (typeof req.body === 'string') return idOf(decodeIfSigned(req.body)['data'])
      const { data, instanceId } = req.body as { data: Json; instanceId?: string }
      return instanceId ?? text(data['instanceId'])
    },
    bySdk: sdkWebhook,
    ours: ourWebhook,
  },
  {
    title: 'The times of a JWT are not looked at',
    genuine: posted(webhook()),
    attacks: [{ exp: SECONDS - DAY }, { exp: undefined }, { iat: SECONDS + DAY }, { iat: SECONDS - 30 * DAY }]
      .map((claims) => webhook(claims))
      .map(posted),
    byHand: (req) => idOf(decodeIfSigned(text(req.body))['data']),
    bySdk: sdkWebhook,
    ours: ourWebhook,
  },
  {
    title: 'The date of `signedInstance` is not looked at',
    genuine: { query: { signedInstance: instance() } },
    attacks: [
      { signDate: new Date(Date.now() - 365 * DAY * 1000).toISOString() },
      { signDate: undefined },
      { expirationDate: new Date(Date.now() - DAY * 1000).toISOString() },
    ].map((content) => ({ query: { signedInstance: instance(content) } })),
    byHand: (req) => text(signedInstance(req.query['signedInstance'])['instanceId']),
    ours: [
      authenticate(
        new WixAppStrategy(
          { secret: APP_SECRET, appId: APP_ID, instanceFromRequest: fromQuery('signedInstance') },
          (found) => found,
        ),
      ),
      identified,
    ],
  },
  {
    title: 'A signature is compared after a lenient decoding, and a list of revoked credentials knows one spelling',
    genuine: inQuery(instance()),
    attacks: [
      `${revoked}.x`,
      `${revoked}.`,
      `${revokedSignature}=.${revokedData}`,
      ` ${revoked}`,
      `${unusedBit}.${revokedData}`,
    ].map(inQuery),
    byHand: (req) => {
      const value = text(req.query['instance'])
      const [mac = '', data = ''] = value.split('.')
      const expected = createHmac('sha256', APP_SECRET).update(data).digest('base64')
      // oxlint-disable-next-line eqeqeq -- it is one of the mistakes
      if (
        value === revoked ||
        !(Buffer.from(mac, 'base64').toString('hex') == Buffer.from(expected, 'base64').toString('hex'))
      )
        throw new Error('refused')
      return text(parsed(data)['instanceId'])
    },
    ours: [
      authenticate(
        new WixAppStrategy(
          { secret: APP_SECRET, appId: APP_ID, passReqToCallback: true },
          (req: Request, found) => req.query['instance'] !== revoked && found,
        ),
      ),
      identified,
    ],
  },
  {
    title: 'One address for many apps: every key is tried, and the path is believed',
    genuine: { path: '/mine', ...posted(webhook()) },
    attacks: [{ path: '/mine', ...posted(webhook({}, OTHER_KEYS.privateKey)) }],
    byHand: (req) => {
      const token = text(req.body)
      if (![...KEY_OF_APP.values()].some((pem) => isSigned(token, pem))) throw new Error('refused')
      // From here on it is an event of the app in the path.
      if (appOf(req) !== 'mine') throw new Error('an installation of another app')
      return idOf(decodeJwt(token)['data'])
    },
    bySdk: sdkWebhook,
    ours: [authenticate(new WixWebhookStrategy({ publicKey: (req) => KEY_OF_APP.get(appOf(req)) ?? '' })), identified],
  },
  {
    title: 'A call of Wix is verified, and not for which app it is',
    genuine: posted(call(APP_ID, KEYS.privateKey)),
    attacks: [posted(call(OTHER_APP_ID, KEYS.privateKey)), posted(webhook())],
    byHand: (req) => {
      const { data } = decodeIfSigned(text(req.body)) as { data: string | { metadata: Json } }
      return typeof data === 'string' ? idOf(data) : text(data.metadata['instanceId'])
    },
    bySdk: async (req) => text((await client.servicePlugins.parseJWT(text(req.body))).metadata.instanceId),
    ours: [authenticate(new WixServicePluginStrategy({ publicKey: KEYS.publicKey, appId: APP_ID })), identified],
  },
  {
    title: 'A secret that is not set is an empty string',
    genuine: { path: '/mine', ...inQuery(instance()) },
    attacks: [
      {
        path: '/unknown',
        ...inQuery(`${createHmac('sha256', '').update(revokedData).digest('base64url')}.${revokedData}`),
      },
    ],
    byHand: (req) => text(signedInstance(req.query['instance'], SECRET_OF_APP.get(appOf(req)) ?? '')['instanceId']),
    ours: [
      authenticate(new WixAppStrategy({ secret: (req) => SECRET_OF_APP.get(appOf(req)) ?? '' }, (found) => found)),
      identified,
    ],
  },
  {
    title: 'The installation is the one that the address names, beside a genuine instance of another one',
    genuine: { query: { instance: instance(), instanceId: VICTIM } },
    attacks: [{ query: { instance: instance({ instanceId: 'instance-of-the-attacker' }), instanceId: VICTIM } }],
    byHand: (req) => {
      signedInstance(req.query['instance'])
      return text(req.query['instanceId'])
    },
    ours: [ourInstance, identified],
  },
  {
    title: 'The JWT of a `Digest` header is verified, and the body is not hashed',
    genuine: {
      body: payment,
      headers: { digest: signDigest(payment, KEYS.privateKey), 'content-type': 'application/json' },
    },
    attacks: [payment.replace('1', '1000'), `${payment} `].map((body) => ({
      body,
      headers: { digest: signDigest(payment, KEYS.privateKey), 'content-type': 'application/json' },
    })),
    byHand: (req) => {
      decodeIfSigned(text(req.headers['digest']).replace('JWT=', ''))
      return text((JSON.parse(text(req.body)) as Json)['instanceId'])
    },
    ours: [
      authenticate(new WixDigestStrategy({ publicKey: KEYS.publicKey })),
      (req, res) => void res.json({ instanceId: ((req.user as WixDigest).body as Json)['instanceId'] }),
    ],
  },
]

/** Whether a request is served for the victim. */
async function isServed(
  url: string,
  { path = '/mine', query = {}, headers = {}, body, fault }: Attack,
): Promise<boolean> {
  wix.fault('token-info', fault ?? null)
  const sent = { headers: { ...headers }, ...(body !== undefined && { method: 'POST', body }) }
  const response = await fetch(`${url}${path}?${new URLSearchParams(query).toString()}`, sent)
  const answer = await response.text()
  wix.fault('token-info', null)
  return response.status === 200 && answer === JSON.stringify({ instanceId: VICTIM })
}

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/proof.md'), 'utf8')
const rowOf = (cells: readonly unknown[]): string => cells.join(' | ')
const rowsOfPage = PAGE.split('\n').map((line) =>
  rowOf(
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  ),
)

describe('A handler that somebody wrote by hand', () => {
  watchForSecrets()
  let app: Served | undefined
  let realFetch: typeof fetch
  beforeEach(() => {
    realFetch = globalThis.fetch
    // The SDK knows one address only.
    sinon.replace(globalThis, 'fetch', (url, init) =>
      realFetch(text(url).replace('https://www.wixapis.com', wix.url), init),
    )
  })
  afterEach(async () => {
    sinon.restore()
    await app?.close()
  })

  for (const { title, genuine, attacks, byHand, bySdk, ours, parsers } of MISTAKES) {
    it(`falls to attacks to which this package does not: ${title}`, async () => {
      const server = express()
      // Without it, Express prints the errors.
      server.set('env', 'test')
      server.use(parsers ?? express.raw({ type: '*/*' }))
      server.all('/by-hand/:app', served(byHand))
      server.all('/ours/:app', ...ours)
      if (bySdk !== undefined) server.all('/sdk/:app', served(bySdk))
      app = await serve(server)
      const routes = ['ours', 'by-hand', ...(bySdk === undefined ? [] : ['sdk'])]
      const counts: Array<number | '-'> = []
      for (const route of routes) {
        const url = `${app.url}/${route}`
        expect(await isServed(url, genuine), `${route} serves what is genuine`).to.equal(true)
        let count = 0
        for (const attack of attacks) count += Number(await isServed(url, attack))
        counts.push(count)
      }
      if (bySdk === undefined) counts.push('-')
      expect(counts[0], 'ours').to.equal(0)
      expect(counts[1], 'by hand').to.be.greaterThan(0)
      expect(rowsOfPage, 'docs/proof.md').to.include(rowOf([title, attacks.length, ...counts]))
    })
  }

  it('is counted in the sum of the page', () => {
    const rows = rowsOfPage
      .map((row) => row.split(' | '))
      .filter(([title]) => MISTAKES.some((one) => one.title === title))
    const sumOf = (cells: ReadonlyArray<string | undefined>): number =>
      cells.reduce((sum, cell) => sum + Number(cell), 0)
    const [attacks, ours, byHand] = [1, 2, 3].map((column) => sumOf(rows.map((row) => row[column])))
    const withSdk = rows.filter((row) => row[4] !== '-')
    const bySdk = `${sumOf(withSdk.map((row) => row[4]))} of ${sumOf(withSdk.map((row) => row[1]))}`
    expect(rowsOfPage).to.include(rowOf(['**All of them**', attacks, ours, byHand, bySdk]))
  })
})
