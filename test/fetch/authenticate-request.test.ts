import { expect } from 'chai'
import sinon from 'sinon'
import { authenticateRequest } from '../../lib/fetch/index.ts'
import {
  type Verify,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixAuthError,
  WixDigestStrategy,
  type WixInstance,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixUnavailableError,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { accessToken, answering, info } from '../support/access-token.ts'
import { instance, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { EXPIRED, INVALID, MISSING } from '../support/challenges.ts'
import { errorOf } from '../support/errors.ts'
import { APP_ID, BODY, digest, KEYS, servicePlugin, webhook } from '../support/jwt.ts'
import { settled } from '../support/run.ts'
import { rawSession, sessionTokens } from '../support/session.ts'

const user = { id: 'user' }
const found = (): object => user
const { publicKey } = KEYS

const url = (query: Record<string, string> | string[][] = {}): string =>
  `https://backend.example/dashboard?${new URLSearchParams(query)}`
const get = (query?: Record<string, string> | string[][], headers: HeadersInit = {}): Request =>
  new Request(url(query), { headers })
const post = (body: BodyInit | null, headers: HeadersInit = {}): Request =>
  new Request(url(), { method: 'POST', body, headers: { 'content-type': 'text/plain', ...headers } })
const app = (options: object = {}, verify: Verify<WixInstance> = found): WixAppStrategy =>
  new WixAppStrategy({ secret: SECRET, now, ...options }, verify)
const sessions = sessionTokens()
const session = new WixSessionStrategy({ tokens: sessions }, found)
const token = (options: object = {}): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, fetch: answering(), ...options }, found)

/** What a refusal says: all that `toResponse` and a log make of it. */
async function refusalOf(promise: Promise<unknown>): Promise<object> {
  const error = await errorOf(promise)
  if (!(error instanceof WixAuthError)) throw error
  const { code, status, statusCode, expose, message, headers } = error
  return { code, status, statusCode, expose, message, headers }
}

describe('authenticateRequest', () => {
  it('resolves to the user, the identity and the info of each kind of strategy', async () => {
    const bearer = { authorization: `Bearer ${rawSession()}` }
    const requests: Array<[Request, Parameters<typeof authenticateRequest>[1], object]> = [
      [get({ instance: instance() }), app(), { instanceId: 'instance-1', uid: 'user-1' }],
      [get({}, { Authorization: instance() }), app(), { instanceId: 'instance-1' }],
      [get({}, { authorization: accessToken() }), token(), { clientId: APP_ID }],
      [get({}, bearer), session, { subjectType: 'USER' }],
      [post(webhook()), new WixWebhookStrategy({ publicKey, now }), { eventType: 'wix.ecom.v1.order_created' }],
      [post(servicePlugin()), new WixServicePluginStrategy({ publicKey, appId: APP_ID, now }), { clientId: APP_ID }],
      [
        post(BODY, { digest: digest() }),
        new WixDigestStrategy({ publicKey, now }),
        { body: { amount: 100, note: 'café' } },
      ],
    ]
    for (const [request, strategy, expected] of requests) {
      const { user: who, identity, info: more } = await authenticateRequest(request, strategy)
      expect(identity).to.deep.include(expected)
      expect(more).to.deep.equal({ identity })
      expect(who).to.equal([app, token, session].some(() => who === user) ? user : identity)
    }
  })
})
void [sinon, OTHER_SECRET, EXPIRED, INVALID, MISSING, WixUnavailableError, settled, info]
