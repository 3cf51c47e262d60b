import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { identityOf, WixServicePluginStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import { APP_ID, KEYS, OTHER_KEYS, refusalOf, servicePlugin, TIMES } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { runToEnd } from '../support/run.ts'
import { verifyServicePlugin } from '../support/verify.ts'

const { publicKey } = KEYS
const verify = (body: string, options: object = {}): ReturnType<typeof verifyServicePlugin> =>
  verifyServicePlugin(body, { publicKey, appId: APP_ID, now, ...options })

interface Vector {
  name: string
  key: string | null
  body: string
  app_id?: string
  verify_at?: number
  expect: 'accept' | 'refuse'
}
const { keys, vectors } = JSON.parse(
  readFileSync(new URL('../vectors/service-plugin.json', import.meta.url), 'utf8'),
) as {
  keys: Record<string, { pem: string }>
  vectors: Vector[]
}

describe('servicePluginVerifier', () => {
  it('returns the request, the installation and the subject', async () => {
    expect(await verify(servicePlugin())).to.deep.equal({
      instanceId: 'instance-1',
      subjectType: 'MEMBER',
      subjectId: 'member-1',
      clientId: APP_ID,
      siteId: null,
      ...TIMES,
      request: { lineItems: [{ name: 'Tea', quantity: 2 }] },
      metadata: {
        instanceId: 'instance-1',
        requestId: 'request-1',
        currency: 'EUR',
        languages: ['en', 'de'],
        identity: { identityType: 'MEMBER', memberId: 'member-1' },
        appExtensionType: 'ecom-additional-fees',
      },
    })
  })

  it('maps the identity of the metadata, and none to UNKNOWN', async () => {
    const identity = { identityType: 'WIX_USER', wixUserId: 'user-1' }
    expect(await verify(servicePlugin({ identity }))).to.include({ subjectType: 'USER', subjectId: 'user-1' })
    for (const none of [undefined, null, 'a string', JSON.stringify(identity), []]) {
      expect(await verify(servicePlugin({ identity: none }))).to.include({ subjectType: 'UNKNOWN', subjectId: null })
    }
  })

  it('accepts an array of audiences that holds the app id', async () => {
    expect(await verify(servicePlugin({}, { aud: ['app-2', APP_ID] }))).to.include({ clientId: APP_ID })
  })

  it('has no maximum age, but expires', async () => {
    const later = (seconds: number): object => ({ now: () => seconds * 1000 })
    expect(await verify(servicePlugin(), later(TIMES.exp - 1))).to.have.property('instanceId')
    expect(await refusalOf(verify(servicePlugin(), later(TIMES.exp + 30)))).to.equal('token_expired')
    expect(await verify(servicePlugin({}, { iat: undefined }))).to.include({ iat: null })
  })

  const data = { request: {}, metadata: { instanceId: 'i' } }
  const refused: Array<[string, string, string]> = [
    ['another audience', servicePlugin({}, { aud: 'app-2' }), 'claim_invalid'],
    ['a part of the audience', servicePlugin({}, { aud: 'app' }), 'claim_invalid'],
    ['an array of other audiences', servicePlugin({}, { aud: ['app-2'] }), 'claim_invalid'],
    ['an empty array of audiences', servicePlugin({}, { aud: [] }), 'claim_invalid'],
    ['an audience that is an object', servicePlugin({}, { aud: { [APP_ID]: true } }), 'claim_invalid'],
    ['no audience', servicePlugin({}, { aud: undefined }), 'claim_invalid'],
    ['another issuer', servicePlugin({}, { iss: 'wix.com.example' }), 'claim_invalid'],
    ['an array of issuers', servicePlugin({}, { iss: ['wix.com'] }), 'claim_invalid'],
    ['no issuer', servicePlugin({}, { iss: undefined }), 'claim_invalid'],
    ['an iat in the future', servicePlugin({}, { iat: TIMES.iat + 91 }), 'claim_invalid'],
    ['the key of another app', servicePlugin({}, {}, OTHER_KEYS.privateKey), 'signature_invalid'],
    ['data that is a string, as in a webhook', servicePlugin({}, { data: JSON.stringify(data) }), 'claim_invalid'],
    ['no data', servicePlugin({}, { data: undefined }), 'claim_invalid'],
    ['data that is an array', servicePlugin({}, { data: [data] }), 'claim_invalid'],
    ['no request', servicePlugin({}, { data: { ...data, request: undefined } }), 'claim_invalid'],
    ['a request that is a string', servicePlugin({}, { data: { ...data, request: '{}' } }), 'claim_invalid'],
    ['no metadata', servicePlugin({}, { data: { request: {} } }), 'claim_invalid'],
    ['metadata that is a string', servicePlugin({}, { data: { ...data, metadata: '{}' } }), 'claim_invalid'],
    ['no instanceId', servicePlugin({ instanceId: undefined }), 'claim_invalid'],
    ['an empty instanceId', servicePlugin({ instanceId: '' }), 'claim_invalid'],
  ]
  for (const [name, body, code] of refused) {
    it(`J-05: rejects ${name}`, async () => {
      expect(await refusalOf(verify(body))).to.equal(code)
    })
  }

  it('tells the developer why it is no call, and where to look for the address of another kind', async () => {
    for (const [body, told] of [
      [
        servicePlugin({}, { data: JSON.stringify(data) }),
        { hint: '`data` is a string, as in a webhook: WixWebhookStrategy' },
      ],
      [servicePlugin({}, { data: { ...data, request: undefined } }), { hint: '`data` has no `request`' }],
      [servicePlugin({ instanceId: '' }), { hint: '`data.metadata` has no `instanceId`' }],
      [
        servicePlugin(),
        {
          hint: '`appExtensionType` is not the `extensionType` of this route',
          cure: 'Compare the address of this route with those of the extensions in the dashboard of your app.',
        },
      ],
    ] as const)
      expect(await errorOf(verify(body, { extensionType: 'other' }))).to.include(told)
  })

  it('accepts the kind of plugin that is asked for, and no other', async () => {
    const extensionType = 'ecom-additional-fees'
    expect(await verify(servicePlugin(), { extensionType })).to.have.property('instanceId')
    for (const appExtensionType of ['ecom-shipping-rates', 'ECOM-ADDITIONAL-FEES', undefined, null, [extensionType]]) {
      expect(await refusalOf(verify(servicePlugin({ appExtensionType }), { extensionType }))).to.equal('claim_invalid')
    }
    const strategy = new WixServicePluginStrategy({ publicKey, appId: APP_ID, now, extensionType: 'other' })
    expect(await runToEnd(strategy, { body: servicePlugin() })).to.nested.include({
      kind: 'fail',
      'challenge.code': 'claim_invalid',
    })
  })

  it('drops properties that could change an object it is copied to', async () => {
    const { request, metadata } = await verify(
      servicePlugin(
        {},
        { data: JSON.parse(`{"request":{"__proto__":{"a":1}},"metadata":{"instanceId":"i","__proto__":{"a":1}}}`) },
      ),
    )
    for (const object of [request, metadata]) expect(Object.assign({}, object)).to.not.have.property('a')
  })

  it('P-11: reads nothing that is on Object.prototype', async () => {
    const names = ['instanceId', 'iss', 'aud', 'request', 'metadata', 'appId', 'appExtensionType']
    for (const name of names) Object.assign(Object.prototype, { [name]: APP_ID })
    try {
      expect(await refusalOf(verify(servicePlugin({ instanceId: undefined })))).to.equal('claim_invalid')
      expect(await refusalOf(verify(servicePlugin({}, { aud: undefined })))).to.equal('claim_invalid')
      const untyped = servicePlugin({ appExtensionType: undefined })
      expect(await refusalOf(verify(untyped, { extensionType: APP_ID }))).to.equal('claim_invalid')
      const error: unknown = await verifyServicePlugin(servicePlugin(), { publicKey, now } as never).catch(
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(TypeError)
    } finally {
      for (const name of names) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  for (const vector of vectors) {
    it(`gives the vector ${vector.name} its verdict: ${vector.expect}`, async () => {
      const verdict = verifyServicePlugin(vector.body, {
        publicKey: keys[vector.key ?? 'constructed-a']?.pem ?? '',
        appId: vector.app_id ?? APP_ID,
        now: () => (vector.verify_at ?? 0) * 1000,
      })
      if (vector.expect === 'refuse') expect(await refusalOf(verdict)).to.be.a('string')
      else expect(await verdict).to.include({ clientId: vector.app_id })
    })
  }

  describe('P-10: its options, and those of the strategy,', () => {
    const appId = 'option `appId` must be a non-empty string without leading or trailing whitespace'
    optionsTable(
      {
        servicePluginVerifier: (options: object) => verify(servicePlugin(), options),
        WixServicePluginStrategy: (options: object) =>
          new WixServicePluginStrategy({ publicKey, appId: APP_ID, ...options }),
      },
      [
        [{ appId: 7 }, appId],
        [{ appId: undefined }, `${appId}, got undefined`],
        [{ appId: '' }, `${appId}, got an empty string`],
        [{ appId: ' a' }, appId],
        [{ extensionType: undefined }, 'option `extensionType` must be a non-empty string'],
        [{ extensionType: '' }, 'option `extensionType` must be a non-empty string'],
        [{ maxAge: 5 }, 'unknown option `maxAge`'],
        [{ clockTolerance: -1 }, 'option `clockTolerance` must be a number of seconds from 0 to 300'],
        [{ now: 1 }, 'option `now` must be a function'],
      ],
    )
    optionsTable(
      {
        servicePluginVerifier: (options: never) => verifyServicePlugin(servicePlugin(), options),
        WixServicePluginStrategy: (options: never) => new WixServicePluginStrategy(options),
      },
      [['without an appId', { publicKey }, 'option `appId` must be a non-empty string']],
    )
  })
})

describe('WixServicePluginStrategy', () => {
  it('has the name wix-service-plugin, and the call as user', async () => {
    const strategy = new WixServicePluginStrategy({ publicKey, appId: APP_ID, now })
    expect(strategy.name).to.equal('wix-service-plugin')
    const outcome = await runToEnd(strategy, { body: Buffer.from(servicePlugin()) })
    expect(outcome).to.have.nested.include({ kind: 'success', 'user.metadata.currency': 'EUR' })
    const { user, info } = outcome as unknown as { user: object; info: Express.AuthInfo }
    expect(identityOf({ authInfo: info })).to.equal(user)
  })

  it('calls the verify callback, and reads the body with bodyFromRequest', async () => {
    const strategy = new WixServicePluginStrategy(
      { publicKey, appId: APP_ID, now, bodyFromRequest: async () => servicePlugin() },
      ({ instanceId }) => ({ id: instanceId }),
    )
    expect(await runToEnd(strategy, {})).to.deep.include({ kind: 'success', user: { id: 'instance-1' } })
  })
})
