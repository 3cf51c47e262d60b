import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { authenticateRequest, type FetchRule } from '../../lib/fetch/index.ts'
import {
  type Verify,
  WixAccessTokenStrategy,
  WixAppStrategy,
  type WixAppStrategyOptions,
  WixAuthError,
  WixDigestStrategy,
  type WixInstance,
  WixServicePluginStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { accessToken, answering, info } from '../support/access-token.ts'
import { instance, iso, now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { INVALID, MALFORMED, MISSING } from '../support/challenges.ts'
import { errorOf } from '../support/errors.ts'
import { APP_ID, BODY, digest, KEYS, OTHER_KEYS, servicePlugin, webhook } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { rawSession, sessionTokens } from '../support/session.ts'

const user = { id: 'user' }
const found = async (): Promise<object> => user
const { publicKey } = KEYS

type Query = Record<string, string> | string[][]
const url = (query: Query = {}): string => `https://backend.example/dashboard?${new URLSearchParams(query)}`
const get = (query?: Query, headers: HeadersInit = {}): Request => new Request(url(query), { headers })
const post = (body: string | Uint8Array | null, headers: HeadersInit = {}): Request =>
  new Request(url(), { method: 'POST', body: body as string | null, headers })

const app = (
  options: Omit<WixAppStrategyOptions<Request>, 'passReqToCallback'> = {},
  verify: Verify<WixInstance> = found,
) => new WixAppStrategy<Request>({ secret: SECRET, now, ...options }, verify)
const token = (fetch = answering(), verify = found): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, fetch }, verify)
const session = new WixSessionStrategy({ tokens: sessionTokens() }, found)
const webhooks = new WixWebhookStrategy({ publicKey, now })
const plugins = new WixServicePluginStrategy({ publicKey, appId: APP_ID, now })
const digests = new WixDigestStrategy({ publicKey, now })
const owner = (): Request => get({ instance: instance() })

const INVALID_MESSAGE =
  'This Wix credential is not valid for this app: open the page from Wix again (developers: check the app secret, the public key and the app ID)'
const NOTHING = 'No Wix credential in the request: open the page from Wix'
const TWICE = 'The Wix credential must be sent once, in one place, as a string'

/** All that a refusal says to `toResponse` and to hosts. Anything else fails the test. */
async function refusalOf(promise: Promise<unknown>): Promise<object> {
  const error = await errorOf(promise)
  if (!(error instanceof WixAuthError)) throw error
  const { code, status, statusCode, expose, message, headers } = error
  return { code, status, statusCode, expose, message, headers }
}
const refused = (code: string, status: number, message: string, challenge?: string): object => ({
  code,
  status,
  statusCode: status,
  expose: true,
  message,
  headers: challenge === undefined ? {} : { 'WWW-Authenticate': challenge },
})

describe('authenticateRequest', () => {
  watchForSecrets()
  const accepted: Array<[string, Request, Parameters<typeof authenticateRequest>[1], object]> = [
    ['an instance in the address', owner(), app(), { instanceId: 'instance-1', uid: 'user-1' }],
    ['an instance in the header', get({}, { Authorization: instance() }), app(), { instanceId: 'instance-1' }],
    ['an instance after Bearer', get({}, { authorization: `Bearer ${instance()}` }), app(), { uid: 'user-1' }],
    ['an access token', get({}, { authorization: accessToken() }), token(), { clientId: APP_ID }],
    ['a session token', get({}, { authorization: `Bearer ${rawSession()}` }), session, { subjectType: 'USER' }],
    ['a webhook', post(webhook()), webhooks, { eventType: 'wix.ecom.v1.order_created' }],
    ['a call to a service plugin', post(servicePlugin()), plugins, { clientId: APP_ID }],
    ['a Digest', post(BODY, { Digest: digest() }), digests, { body: { amount: 100, note: 'café' } }],
    ['a Digest without a body', post(null, { digest: digest('') }), digests, { body: null }],
  ]
  for (const [name, request, strategy, expected] of accepted) {
    it(`resolves to the user, the identity and the info of ${name}`, async () => {
      const { user: who, identity, info: more } = await authenticateRequest(request, strategy)
      expect(identity).to.deep.include(expected)
      expect(more).to.deep.equal({ identity })
      expect(who).to.equal(identity === who ? identity : user)
    })
  }

  it('resolves to the info of the verify callback, with the identity', async () => {
    const strategy = app({}, (_identity, done) => done(null, user, { scope: 'read' }))
    const { identity, info: more } = await authenticateRequest(owner(), strategy)
    expect(more).to.deep.equal({ scope: 'read', identity })
  })

  it('gives the functions of the app this Request', async () => {
    const request = get({ app: 'blog' }, { 'x-instance': instance() })
    const seen: unknown[] = []
    const see = <T>(value: T) => sinon.fake((req: Request): T => (seen.push(req), value))
    const strategy = new WixAppStrategy<Request>(
      {
        now,
        secret: see(Promise.resolve(SECRET)),
        instanceFromRequest: see(instance()),
        passReqToCallback: true,
      },
      async (req, { instanceId }) => ({ id: `${new URL(req.url).pathname} ${instanceId}` }),
    )
    expect((await authenticateRequest(request, strategy)).user).to.deep.equal({ id: '/dashboard instance-1' })
    expect(seen).to.deep.equal([request, request])
    expect(seen[0]).to.equal(request)
  })

  it('leaves the strategy object as it was, and does not mix up requests that overlap', async () => {
    const strategy = app({ secret: async () => SECRET }, async ({ uid }) => ({ id: uid }))
    const before = inspect(strategy, { showHidden: true })
    const all = Array.from({ length: 100 }, async (_, index) => {
      const request = get({ instance: instance({ uid: `user-${index}` }) })
      const { user: who, identity } = await authenticateRequest(request, strategy)
      expect([who, identity.uid]).to.deep.equal([{ id: `user-${index}` }, `user-${index}`])
    })
    await Promise.all(all)
    expect(inspect(strategy, { showHidden: true })).to.equal(before)
  })

  describe('refuses, with what Passport would answer,', () => {
    const expired = instance({ signDate: iso(-90_000), expirationDate: undefined })
    const cases: Array<[string, Request, Parameters<typeof authenticateRequest>[1], object]> = [
      ['nothing', get(), app(), refused('credentials_missing', 401, NOTHING)],
      ['an empty instance', get({ instance: '' }), app(), refused('credentials_missing', 401, NOTHING)],
      [
        'a forged instance',
        get({ instance: instance({}, OTHER_SECRET) }),
        app(),
        refused('signature_invalid', 401, INVALID_MESSAGE),
      ],
      [
        'an expired instance',
        get({ instance: expired }),
        app(),
        refused('token_expired', 401, 'This Wix credential has expired: reload the page to get a new one'),
      ],
      [
        'an instance twice in the address',
        get([
          ['instance', instance()],
          ['instance', instance()],
        ]),
        app(),
        refused('request_invalid', 400, TWICE),
      ],
      [
        'an instance in the address and in the header',
        get({ instance: instance() }, { authorization: instance() }),
        app(),
        refused('request_invalid', 400, TWICE),
      ],
      [
        'an instance twice in the header',
        get({}, [
          ['authorization', instance()],
          ['authorization', instance()],
        ]),
        app(),
        refused('request_invalid', 400, TWICE),
      ],
      ['no token', get(), session, refused('credentials_missing', 401, NOTHING, MISSING)],
      [
        'a token that Wix refuses',
        get({}, { authorization: accessToken() }),
        token(answering(info({ active: false }))),
        refused('token_inactive', 401, INVALID_MESSAGE, INVALID),
      ],
      [
        'a malformed token',
        get({}, { authorization: 'a.b.c.d é' }),
        new WixAccessTokenStrategy({ appId: APP_ID, tokenFromRequest: () => 'a' }, found),
        refused(
          'token_malformed',
          401,
          'This is not a complete Wix credential: send it exactly as Wix issued it',
          MALFORMED,
        ),
      ],
      [
        'a refusal of the app itself',
        get({}, { authorization: accessToken() }),
        new WixAccessTokenStrategy(
          {
            appId: APP_ID,
            now,
            fetch: answering(),
            userInfo: () => {
              throw new WixAuthError('insufficient_scope')
            },
          },
          found,
        ),
        refused('insufficient_scope', 403, 'This Wix identity may not do this'),
      ],
      ['whom verify does not find', owner(), app({}, async () => null), refused('claim_invalid', 401, INVALID_MESSAGE)],
      [
        'whom verify does not find, with a token',
        get({}, { authorization: accessToken() }),
        token(answering(), async () => undefined as never),
        refused('claim_invalid', 401, INVALID_MESSAGE, INVALID),
      ],
      [
        'whom verify refuses with a message',
        owner(),
        app({}, (_identity, done) => done(null, false, 'Your trial is over')),
        refused('claim_invalid', 401, 'Your trial is over'),
      ],
      [
        'whom verify refuses with an info of another form',
        owner(),
        app({}, (_identity, done) => done(null, false, { message: 7 })),
        refused('claim_invalid', 401, INVALID_MESSAGE),
      ],
      ['a webhook without a body', post(null), webhooks, refused('credentials_missing', 401, NOTHING)],
      [
        'a webhook of another app',
        post(webhook({}, {}, OTHER_KEYS.privateKey)),
        webhooks,
        refused('signature_invalid', 401, INVALID_MESSAGE),
      ],
      [
        'a body of more than 1 MiB',
        post('a'.repeat(1024 * 1024 + 1)),
        webhooks,
        refused('body_too_large', 413, 'This body is larger than any that Wix sends'),
      ],
      [
        'two Digests',
        post(BODY, [
          ['digest', digest()],
          ['digest', digest()],
        ]),
        digests,
        refused('request_invalid', 400, TWICE),
      ],
      [
        'all of a list, with the first refusal that is not for a missing credential, and all challenges',
        get({}, { authorization: accessToken() }),
        [app(), session, token(answering(info({ active: false })))],
        refused('token_inactive', 401, INVALID_MESSAGE, `${MISSING}, ${INVALID}`),
      ],
      [
        'all of a list that misses its credentials, with the first refusal',
        get(),
        [session, app()],
        refused('credentials_missing', 401, NOTHING, MISSING),
      ],
      [
        'all of a list without a challenge, where the first refusal is no 401',
        get([
          ['instance', 'a'],
          ['instance', 'b'],
        ]),
        [app(), session],
        refused('request_invalid', 400, TWICE),
      ],
    ]
    for (const [name, request, strategies, expected] of cases) {
      it(name, async () => {
        expect(await refusalOf(authenticateRequest(request, strategies))).to.deep.equal(expected)
      })
    }

    it('and keeps the hint, the message and the headers of a refusal of the app', async () => {
      const reason = new WixAuthError('token_expired', 'in other words', {
        hint: 'signed 26 h ago',
        headers: { 'X-Reason': 'late' },
      })
      const strategy = token(answering(), found)
      const throwing = new WixSessionStrategy({
        tokens: sessionTokens(),
        tokenFromRequest: () => {
          throw reason
        },
      })
      const error = await errorOf(authenticateRequest(get(), [throwing, strategy]))
      expect(error).to.include({ code: 'token_expired', message: 'in other words', hint: 'signed 26 h ago' })
      expect(error).to.have.deep.property('headers', {
        'X-Reason': 'late',
        'WWW-Authenticate':
          'Bearer realm="Wix", error="invalid_token", error_description="This Wix credential has expired: reload the page to get a new one", Bearer realm="Wix"',
      })
      expect(inspect(error, { showHidden: true })).to.not.include('26 h')
    })

    it('and keeps what verify said of whom it did not find, where it said anything', async () => {
      const said = { plan: 'free' }
      const refusing = app({}, (_identity, done) => done(null, false, said))
      expect(await errorOf(authenticateRequest(owner(), refusing))).to.have.property('cause', said)
      expect(await errorOf(authenticateRequest(get(), refusing))).to.not.have.property('cause')
    })

    it('and says to the developer when verify found nobody', async () => {
      const error = await errorOf(
        authenticateRequest(
          owner(),
          app({}, async () => false),
        ),
      )
      expect(error).to.have.property('hint', 'the verify callback found no user: it returned boolean')
    })
  })

  describe('with a list', () => {
    it('takes the first that accepts the request, and asks no other', async () => {
      const last = sinon.fake(found)
      const { identity } = await authenticateRequest(owner(), [session, app(), app({}, last)])
      expect(identity).to.include({ instanceId: 'instance-1' })
      sinon.assert.notCalled(last)
    })

    it('reads the body once for all of them', async () => {
      const request = post(webhook())
      const others = new WixWebhookStrategy({ publicKey: OTHER_KEYS.publicKey, now })
      const { identity } = await authenticateRequest(request, [others, plugins, webhooks])
      expect(identity).to.have.property('eventType')
      expect((await authenticateRequest(request, webhooks)).identity).to.have.property('eventType')
    })

    it('ends at an error', async () => {
      const error = new Error('database')
      const failing = app({}, () => Promise.reject(error))
      expect(await errorOf(authenticateRequest(owner(), [failing, app()]))).to.equal(error)
    })
  })

  describe('rejects with an error', () => {
    it('of the app, unchanged', async () => {
      const error = new Error('database')
      const throws = () => {
        throw error
      }
      for (const strategy of [app({}, throws), app({ secret: throws }), app({ instanceFromRequest: throws })]) {
        expect(await errorOf(authenticateRequest(owner(), strategy))).to.equal(error)
      }
    })

    it('of a server that does not answer, with Retry-After', async () => {
      const out = token(answering('', 429, { 'Retry-After': '7' }))
      const error = await errorOf(authenticateRequest(get({}, { authorization: accessToken() }), [out, app()]))
      expect(error).to.include({ name: 'WixUnavailableError', status: 503 })
      expect(error).to.have.deep.property('headers', { 'Retry-After': '7' })
    })

    it('J-08: for a body that was read before, and for one that somebody else reads', async () => {
      const read = post(webhook())
      await read.text()
      const locked = post(webhook())
      locked.body?.getReader()
      for (const request of [read, locked]) {
        const error = await errorOf(authenticateRequest(request, webhooks))
        expect(error).to.be.instanceOf(Error).and.not.instanceOf(WixAuthError)
        expect(error).to.have.property('message').that.includes('call authenticateRequest() before anything reads it')
      }
    })

    it('for anything but a Request, and for anything but strategies', async () => {
      const wrong: Array<[unknown, unknown, string]> = [
        ...[undefined, null, 'a', {}, { headers: {} }, { query: { instance: instance() }, headers: { get: 'a' } }].map(
          (request): [unknown, unknown, string] => [request, app(), 'its first argument must be a Fetch Request'],
        ),
        ...[undefined, null, 'wix-app', [], ['wix-app'], [app(), undefined], { authenticate() {} }].map(
          (strategies): [unknown, unknown, string] => [
            owner(),
            strategies,
            'its second argument must be a strategy of',
          ],
        ),
      ]
      for (const [request, strategies, message] of wrong) {
        const error = await errorOf(authenticateRequest(request as never, strategies as never))
        expect(error).to.be.instanceOf(TypeError)
        expect(error).to.have.property('message').that.includes(`authenticateRequest: ${message}`)
      }
    })
  })

  describe('with a rule', () => {
    const visitor = (): Request => get({ instance: instance({ aid: 'visitor-1' }) })
    const FORBIDDEN = refused('insufficient_scope', 403, 'This Wix identity may not do this')
    const by = (request: Request, rule: FetchRule, strategies: Parameters<typeof authenticateRequest>[1] = app()) =>
      authenticateRequest(request, strategies, rule)

    it('lets in whom it describes, and nobody else', async () => {
      expect(await by(owner(), { subjectType: 'USER' })).to.have.nested.property('identity.subjectType', 'USER')
      expect(await refusalOf(by(visitor(), { subjectType: 'USER' }))).to.deep.equal(FORBIDDEN)
    })

    it('does not ask the next strategy: the request was authenticated', async () => {
      const last = sinon.fake(found)
      expect(await refusalOf(by(visitor(), { subjectType: 'USER' }, [app(), app({}, last)]))).to.deep.equal(FORBIDDEN)
      sinon.assert.notCalled(last)
    })

    it('that is a function lets in for true alone, and gets the identity and the request', async () => {
      const request = owner()
      const predicate = sinon.fake.resolves(true)
      const { identity } = await by(request, predicate)
      sinon.assert.calledOnceWithExactly(predicate, identity, request)
      for (const verdict of [false, undefined, null, 1, 'true', {}]) {
        expect(await refusalOf(by(owner(), () => verdict as never))).to.deep.equal(FORBIDDEN)
        expect(await refusalOf(by(owner(), async () => verdict as never))).to.deep.equal(FORBIDDEN)
      }
    })

    it('that fails is an error, and lets nobody in', async () => {
      const error = new Error('database')
      const throws = () => {
        throw error
      }
      expect(await errorOf(by(owner(), throws))).to.equal(error)
      expect(await errorOf(by(owner(), async () => throws()))).to.equal(error)
    })

    it('is not asked about a request that was refused', async () => {
      const predicate = sinon.fake.returns(true)
      expect(await refusalOf(by(get(), predicate))).to.include({ code: 'credentials_missing' })
      sinon.assert.notCalled(predicate)
    })

    it('is an error for a Digest, which has no identity', async () => {
      const request = post(BODY, { digest: digest() })
      const error = await errorOf(by(request, { subjectType: 'USER' }, digests))
      expect(error).to.have.property('message').that.includes('A Digest header proves no identity')
    })

    describe('P-10: which', () => {
      const wrong: Array<[string, unknown, string]> = [
        ['undefined, which would let everybody in', undefined, 'authenticateRequest: the options must be an object'],
        ['null', null, 'authenticateRequest: the options must be an object, got null'],
        ['empty', {}, 'authenticateRequest: the rule is empty, so it would let everybody in'],
        ['unknown', { role: 'OWNER' }, 'authenticateRequest: unknown option `role`'],
        ['of another value', { subjectType: 'OWNER' }, 'option `subjectType` must be USER'],
      ]
      optionsTable({ authenticateRequest: (rule: never) => by(get(), rule) }, wrong)
    })
  })

  it('P-11: accepts and refuses as ever with a polluted Object.prototype', async () => {
    const pollution = {
      isRefused: true,
      reason: 'polluted',
      message: 'polluted',
      query: { instance: instance() },
      rawBody: webhook(),
      statusText: '\n',
    }
    Object.assign(Object.prototype, pollution)
    try {
      expect((await authenticateRequest(owner(), app())).user).to.equal(user)
      expect(await refusalOf(authenticateRequest(get(), app()))).to.include({
        code: 'credentials_missing',
        message: NOTHING,
      })
      expect(await refusalOf(authenticateRequest(post(null), webhooks))).to.include({ code: 'credentials_missing' })
    } finally {
      for (const name of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('takes a Request of a class of its own, and one of another implementation', async () => {
    class OwnRequest extends Request {
      get query(): unknown {
        return { instance: 'not read' }
      }
    }
    const foreign = {
      url: url({ instance: instance() }),
      headers: { get: () => null },
    }
    for (const request of [new OwnRequest(url({ instance: instance() })), foreign]) {
      expect((await authenticateRequest(request as Request, app())).user).to.equal(user)
    }
  })
})
