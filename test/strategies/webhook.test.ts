import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import sinon from 'sinon'
import { identityOf, WixWebhookStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { errorOf } from '../support/errors.ts'
import { event, KEYS, OTHER_KEYS, refusalOf, TIMES, webhook } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { runToEnd } from '../support/run.ts'
import { verifyWebhook } from '../support/verify.ts'

const { publicKey } = KEYS
const verify = (body: string, options: object = {}): ReturnType<typeof verifyWebhook> =>
  verifyWebhook(body, { publicKey, now, ...options })

interface Vector {
  name: string
  key: string
  body: string
  verify_at: number
  expect: 'accept' | 'refuse'
  decoded?: {
    claims: { iat: number; exp: number }
    event: Record<string, unknown>
    event_data: object
    identity?: object
  }
}
const { keys, vectors } = JSON.parse(readFileSync(new URL('../vectors/webhook.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { forms: { pem: string } }>
  vectors: Vector[]
}

describe('webhookVerifier', () => {
  it('returns the event, the installation and the subject', async () => {
    expect(await verify(webhook())).to.deep.equal({
      instanceId: 'instance-1',
      subjectType: 'VISITOR',
      subjectId: 'visitor-1',
      clientId: null,
      siteId: 'site-1',
      ...TIMES,
      eventType: 'wix.ecom.v1.order_created',
      data: event().data,
      accountInfo: { accountId: 'account-1', siteId: 'site-1' },
      webhookId: null,
    })
  })

  it('returns null for everything that the smallest event does not say', async () => {
    const bare = webhook({ data: {}, identity: undefined, accountInfo: undefined }, { iat: undefined })
    expect(await verify(bare, { maxAge: false })).to.deep.equal({
      instanceId: 'instance-1',
      subjectType: 'UNKNOWN',
      subjectId: null,
      clientId: null,
      siteId: null,
      iat: null,
      exp: TIMES.exp,
      eventType: 'wix.ecom.v1.order_created',
      data: {},
      accountInfo: null,
      webhookId: null,
    })
  })

  // All identities are in identity.test.ts.
  const subjects: Array<[unknown, string, string | null]> = [
    [{ identityType: 'WIX_USER', wixUserId: 'user-1' }, 'USER', 'user-1'],
    [{ identityType: 'APP', appId: 'app-2' }, 'APP', 'app-2'],
    [{ identityType: 'NEW_IN_2030', newId: 'x' }, 'UNKNOWN', null],
    [undefined, 'UNKNOWN', null],
  ]
  it('maps each identity to its subject, and a new one to UNKNOWN', async () => {
    for (const [identity, subjectType, subjectId] of subjects) {
      expect(await verify(webhook({ identity })), JSON.stringify(identity)).to.include({
        subjectType,
        subjectId,
        clientId: null,
      })
    }
  })

  const outer = (content: object): string => webhook({}, { data: JSON.stringify(content) })
  const base = { instanceId: 'i', eventType: 'AppInstalled', data: '{}' }

  it('treats an identity that is null or an empty string as none, as old events have', async () => {
    for (const identity of [null, '']) {
      expect(await verify(outer({ ...base, identity }))).to.include({ subjectType: 'UNKNOWN', subjectId: null })
    }
  })

  it('keeps properties that are unknown or not documented', async () => {
    const kept = await verify(outer({ ...base, webhookId: 'wId_1', newIn2030: { a: 1 } }))
    expect(kept).to.deep.include({ webhookId: 'wId_1', newIn2030: { a: 1 }, eventType: 'AppInstalled' })
    expect(await verify(outer({ ...base, webhookId: 7 }))).to.include({ webhookId: null })
  })

  it('reads no common field from the event itself', async () => {
    const lies = { subjectType: 'USER', subjectId: 'owner', clientId: 'app-2', siteId: 'site-2', iat: 1, exp: 1e12 }
    expect(await verify(outer({ ...base, ...lies }))).to.include({
      subjectType: 'UNKNOWN',
      subjectId: null,
      clientId: null,
      siteId: null,
      ...TIMES,
    })
  })

  it('drops properties that could change an object it is copied to', async () => {
    const bad = '"__proto__":{"isAdmin":true},"constructor":1,"prototype":2'
    const data = `{"instanceId":"i","eventType":"e",${bad},"data":${JSON.stringify(`{${bad},"id":"1"}`)},"accountInfo":{${bad}}}`
    const verified = await verify(webhook({}, { data }))
    for (const object of [verified, verified.data, verified.accountInfo]) {
      expect(Object.keys(object ?? {})).to.not.include.members(['__proto__', 'constructor', 'prototype'])
      expect(Object.assign({}, object)).to.not.have.property('isAdmin')
    }
  })

  it('returns no account that is not an object', async () => {
    for (const accountInfo of [null, 'a string', 7, ['site-1']]) {
      expect(await verify(outer({ ...base, accountInfo }))).to.include({ accountInfo: null, siteId: null })
    }
    expect(await verify(outer({ ...base, accountInfo: { siteId: 7 } }))).to.include({ siteId: null })
  })

  it('A16: takes the account as an object, and as JSON in a string', async () => {
    for (const accountInfo of [{ siteId: 'site-2' }, '{"siteId":"site-2"}'])
      expect(await verify(outer({ ...base, accountInfo }))).to.deep.include({
        accountInfo: { siteId: 'site-2' },
        siteId: 'site-2',
      })
  })

  it('accepts any type of event and any site', async () => {
    for (const eventType of ['AppInstalled', 'AppRemoved', 'wix.new.v9.thing_done', 'constructor', ' ']) {
      expect(await verify(webhook({ eventType, instanceId: 'never seen' }))).to.include({ eventType })
    }
  })

  const parts: Array<[string, unknown, object]> = [
    ['an object', { id: '1' }, { id: '1' }],
    ['an object in a string, as documented', '{"id":"1"}', { id: '1' }],
    ['nothing', undefined, {}],
    ['null', null, {}],
    ['an empty string', '', {}],
    ['null in a string', 'null', { value: 'null' }],
    ['a string that is no JSON', '{', { value: '{' }],
    ['a list', [1], { value: [1] }],
    ['a list in a string', '[1]', { value: [1] }],
    ['a number', 7, { value: 7 }],
  ]
  for (const [name, data, expected] of parts) {
    it(`A16: accepts a genuine event whose inner data is ${name}, and has an object there`, async () => {
      expect(await verify(outer({ ...base, data }))).to.deep.include({ instanceId: 'i', data: expected })
    })
  }

  it('A16: accepts a genuine event whose outer data is an object', async () => {
    expect(await verify(webhook({}, { data: { ...base, data: { id: '1' } } }))).to.deep.include({
      instanceId: 'i',
      eventType: 'AppInstalled',
      data: { id: '1' },
    })
  })

  it('A16: reads an identity that is an object, and takes one that it cannot read as unknown', async () => {
    const identity = { identityType: 'WIX_USER', wixUserId: 'user-1' }
    expect(await verify(outer({ ...base, identity }))).to.include({ subjectType: 'USER', subjectId: 'user-1' })
    for (const odd of [{}, '{', '7', 7, false, [identity]]) {
      expect(await verify(outer({ ...base, identity: odd }))).to.include({ subjectType: 'UNKNOWN', subjectId: null })
    }
  })

  const noEvent = { hint: '`data` of the JWT is not an event, as JSON in a string' }
  const noInstanceId = {
    hint: 'the event has no `instanceId`: is it an account-level event?',
    cure: 'Keep refusing it: it does not belong to any installation.',
  }
  const noEventType = { hint: 'the event has no `eventType`' }
  const refused: Array<[string, string, object]> = [
    [
      'data of a call to a service plugin',
      webhook({}, { data: { ...base, request: {}, metadata: {} } }),
      { hint: 'a service plugin call: WixServicePluginStrategy' },
    ],
    [
      'data of a Digest header',
      webhook({}, { data: { ...base, SHA256: '0' } }),
      { hint: 'the JWT of a Digest header: WixDigestStrategy' },
    ],
    ['data that is an empty object', webhook({}, { data: {} }), noInstanceId],
    ['data that is a number', webhook({}, { data: 7 }), noEvent],
    ['data that is empty', webhook({}, { data: '' }), noEvent],
    ['no data', webhook({}, { data: undefined }), noEvent],
    ['data that is no JSON', webhook({}, { data: 'a string' }), noEvent],
    ['data that is a list', webhook({}, { data: '[]' }), noEvent],
    ['data that is null', webhook({}, { data: 'null' }), noEvent],
    ['no instanceId', outer({ ...base, instanceId: undefined }), noInstanceId],
    ['an instanceId that is empty', outer({ ...base, instanceId: '' }), noInstanceId],
    ['an instanceId that is not a string', outer({ ...base, instanceId: ['i'] }), noInstanceId],
    ['no eventType', outer({ ...base, eventType: undefined }), noEventType],
    ['an eventType that is not a string', outer({ ...base, eventType: {} }), noEventType],
  ]
  for (const [name, body, told] of refused) {
    it(`J-06: rejects ${name}, and tells the developer`, async () => {
      expect(await errorOf(verify(body))).to.include({ code: 'claim_invalid', ...told })
    })
  }

  it('P-11: reads nothing that is on Object.prototype', async () => {
    const names = ['instanceId', 'eventType', 'data', 'siteId', 'webhookId', 'identityType', 'publicKey']
    for (const name of names) Object.assign(Object.prototype, { [name]: '{}' })
    try {
      expect(await refusalOf(verify(outer({ ...base, instanceId: undefined })))).to.equal('claim_invalid')
      expect(await refusalOf(verify(outer({ ...base, eventType: undefined })))).to.equal('claim_invalid')
      expect(await verify(outer({ ...base, data: undefined }))).to.deep.include({ data: {} })
      const verified = await verify(outer({ ...base, accountInfo: {} }))
      expect(verified).to.include({ siteId: null, webhookId: null, subjectType: 'UNKNOWN' })
      const error: unknown = await verifyWebhook(webhook(), { now } as never).catch((reason: unknown) => reason)
      expect(error).to.be.instanceOf(TypeError)
    } finally {
      for (const name of names) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  for (const vector of vectors) {
    it(`gives the vector ${vector.name} its verdict: ${vector.expect}`, async () => {
      const options = { publicKey: keys[vector.key]?.forms.pem ?? '', now: () => vector.verify_at * 1000 }
      const verdict = verifyWebhook(vector.body, options)
      if (vector.expect === 'refuse') {
        expect(await refusalOf(verdict)).to.be.a('string')
        return
      }
      const { claims, event: said, event_data: data } = vector.decoded ?? {}
      expect(await verdict).to.deep.include({
        instanceId: said?.['instanceId'],
        eventType: said?.['eventType'],
        data,
        iat: claims?.iat,
        exp: claims?.exp,
      })
    })
  }

  describe('P-10: its options, and those of the strategy,', () => {
    optionsTable(
      {
        webhookVerifier: (options: object) => verify(webhook(), options),
        WixWebhookStrategy: (options: object) => new WixWebhookStrategy({ publicKey, ...options }),
      },
      [
        [
          { maxAge: 0 },
          'option `maxAge` must be a number of seconds (not milliseconds, as in 1.x) above 0, at most 2678400 (31 days), or false',
        ],
        [{ maxAge: -1 }, 'option `maxAge`'],
        [{ clockTolerance: 301 }, 'option `clockTolerance` must be a number of seconds from 0 to 300'],
        [{ now: 5 }, 'option `now` must be a function'],
        [{ secret: 'x' }, 'unknown option `secret`'],
        [{ appId: 'a' }, 'unknown option `appId`'],
      ],
    )
  })
})

describe('WixWebhookStrategy', () => {
  watchForSecrets()
  const strategy = (options: object = {}, verify?: unknown): WixWebhookStrategy =>
    new WixWebhookStrategy({ publicKey, now, ...options }, verify as undefined)

  it('has the name wix-webhook, or the name in its options', () => {
    expect(strategy().name).to.equal('wix-webhook')
    expect(strategy({ name: 'two' }).name).to.equal('two')
  })

  it('has the event as user where there is no verify callback', async () => {
    for (const passReqToCallback of [false, true]) {
      const outcome = await runToEnd(strategy({ passReqToCallback }), { body: webhook() })
      expect(outcome).to.have.property('kind', 'success')
      const { user, info } = outcome as unknown as { user: object; info: Express.AuthInfo }
      expect(user).to.deep.include({ instanceId: 'instance-1', data: event().data })
      expect(identityOf({ authInfo: info })).to.equal(user)
    }
  })

  it('calls the verify callback, with the request first with passReqToCallback', async () => {
    const user = { id: 'user' }
    const body = webhook()
    const verify = sinon.fake.resolves(user)
    expect(await runToEnd(strategy({}, verify), { body })).to.have.property('user', user)
    sinon.assert.calledOnceWithExactly(verify, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
    const req = { body }
    const withRequest = sinon.fake.resolves(null)
    expect(await runToEnd(strategy({ passReqToCallback: true }, withRequest), req)).to.include({ kind: 'fail' })
    sinon.assert.calledOnceWithExactly(withRequest, req, sinon.match({ instanceId: 'instance-1' }), sinon.match.func)
  })

  it('needs a function when there is a verify callback', () => {
    for (const verify of [null, {}, 'verify']) {
      expect(() => strategy({}, verify)).to.throw(TypeError, 'WixWebhookStrategy needs a verify callback')
    }
  })

  it('reads the body from bytes and from a string', async () => {
    const body = webhook()
    const bytes = new Uint8Array(Buffer.from(`xx${body}`).buffer)
    const at = Buffer.from(bytes).indexOf(body)
    for (const held of [body, Buffer.from(body), new Uint8Array(bytes.buffer, bytes.byteOffset + at, body.length)]) {
      expect(await runToEnd(strategy(), { body: held })).to.have.property('kind', 'success')
      expect(await runToEnd(strategy(), { rawBody: held, body: { parsed: true } })).to.have.property('kind', 'success')
    }
  })

  it('reads the body with bodyFromRequest, also from a promise', async () => {
    const answers = [webhook(), Buffer.from(webhook()), Promise.resolve(webhook())]
    for (const answer of answers) {
      expect(await runToEnd(strategy({ bodyFromRequest: () => answer }), {})).to.have.property('kind', 'success')
    }
    for (const answer of [undefined, null, '', Buffer.alloc(0), Promise.resolve(null)]) {
      expect(await runToEnd(strategy({ bodyFromRequest: () => answer }), {})).to.nested.include({
        kind: 'fail',
        status: 401,
        'challenge.code': 'credentials_missing',
      })
    }
    for (const answer of [{}, [webhook()], 7, Promise.resolve({ body: 1 })]) {
      const outcome = await runToEnd(strategy({ bodyFromRequest: () => answer }), {})
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome).to.have.nested.property('error.message').that.includes('Wix signed the raw body')
    }
  })

  it('rejects with an object that has a code', async () => {
    const forged = webhook({}, {}, OTHER_KEYS.privateKey)
    expect(await runToEnd(strategy(), { body: forged })).to.nested.include({
      kind: 'fail',
      status: 401,
      'challenge.code': 'signature_invalid',
    })
    expect(await runToEnd(strategy(), { body: 'a'.repeat(1024 * 1024 + 1) })).to.deep.equal({
      kind: 'fail',
      challenge: { message: 'This body is larger than any that Wix sends', code: 'body_too_large' },
      status: 413,
    })
  })

  it('W-01: accepts a repeated delivery, which is no attack', async () => {
    const body = webhook()
    for (let time = 0; time < 3; time++) {
      expect(await runToEnd(strategy(), { body })).to.have.property('kind', 'success')
    }
  })
})
