import { createPublicKey } from 'node:crypto'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  webhookVerifier,
  WixAuthError,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixUnavailableError,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { APP_ID, BODY, digest, KEYS, OTHER_KEYS, refusalOf, servicePlugin, webhook } from '../support/jwt.ts'
import { type Outcome, runToEnd, settled } from '../support/run.ts'

/** A request to the path of an app. */
interface Req {
  app: string
  body: string | Uint8Array | undefined
  headers?: object
}

/** What finds a key: the option itself. */
type Find = ConstructorParameters<typeof WixWebhookStrategy<Req>>[0]['publicKey']
const KEY_PAIRS: Record<string, typeof KEYS> = { one: KEYS, two: OTHER_KEYS }
const publicKeyOf = ({ app }: Req): string => {
  const keys = KEY_PAIRS[app]
  if (keys === undefined) throw new WixAuthError('claim_invalid')
  return keys.publicKey
}

const kinds: Array<[string, (publicKey: Find) => object, (app: string, key: string) => Req]> = [
  [
    'WixWebhookStrategy',
    (publicKey) => new WixWebhookStrategy<Req>({ publicKey, now }),
    (app, key) => ({ app, body: webhook({}, {}, key) }),
  ],
  [
    'WixServicePluginStrategy',
    (publicKey) => new WixServicePluginStrategy<Req>({ publicKey, appId: APP_ID, now }),
    (app, key) => ({ app, body: servicePlugin({}, {}, key) }),
  ],
  [
    'WixDigestStrategy',
    (publicKey) => new WixDigestStrategy<Req>({ publicKey, now }),
    (app, key) => ({ app, body: BODY, headers: { digest: digest(BODY, {}, key) } }),
  ],
]

const run = (strategy: object, req: Req): Promise<Outcome> => runToEnd(strategy as Parameters<typeof runToEnd>[0], req)
const codeOf = (outcome: Outcome): unknown => (outcome as unknown as { challenge?: { code: unknown } }).challenge?.code

for (const [name, strategyOf, requestOf] of kinds) {
  describe(`${name} with a publicKey that is a function of the request`, () => {
    watchForSecrets()
    it('accepts what the key of this app signed, and nothing that the key of another one did', async () => {
      for (const find of [publicKeyOf, async (req: Req) => publicKeyOf(req)]) {
        const strategy = strategyOf(find)
        for (const app of ['one', 'two', 'one']) {
          for (const signer of ['one', 'two']) {
            const outcome = await run(strategy, requestOf(app, KEY_PAIRS[signer]?.privateKey ?? ''))
            if (app === signer) expect(outcome).to.have.property('kind', 'success')
            else expect(codeOf(outcome)).to.equal('signature_invalid')
          }
        }
      }
    })

    it('takes all forms of a key, and several', async () => {
      for (const value of [createPublicKey(KEYS.publicKey), [OTHER_KEYS.publicKey, KEYS.publicKey]]) {
        expect(
          await run(
            strategyOf(() => value),
            requestOf('', KEYS.privateKey),
          ),
        ).to.have.property('kind', 'success')
      }
    })

    it('calls it with the request once, and only for a credential of the right form', async () => {
      const find = sinon.fake.returns(KEYS.publicKey)
      const strategy = strategyOf(find)
      expect(codeOf(await run(strategy, { app: 'one', body: undefined }))).to.equal('credentials_missing')
      // Issue 20: a byte of junk asks nobody, as anybody may send it.
      for (const junk of ['x', 'a.b', `${'x'.repeat(2049)}.b.c`, 'x'.repeat(1_000_000)]) {
        const genuine = requestOf('one', KEYS.privateKey)
        const req = { ...genuine, ...(genuine.headers ? { headers: { digest: `JWT=${junk}` } } : { body: junk }) }
        expect(codeOf(await run(strategy, req))).to.equal('token_malformed')
      }
      sinon.assert.notCalled(find)
      const req = requestOf('one', KEYS.privateKey)
      await run(strategy, req)
      sinon.assert.calledOnceWithExactly(find, req)
    })

    it('ends in an error where it returns no public key, and never takes another one', async () => {
      for (const value of [undefined, null, '', [], 'canary', KEYS.privateKey, () => KEYS.publicKey]) {
        for (const find of [() => value, async () => value]) {
          const outcome = await run(strategyOf(find as Find), requestOf('one', KEYS.privateKey))
          expect(outcome).to.have.property('kind', 'error')
          const { error } = outcome as { error: Error }
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.match(
            new RegExp(`^${name}: option \`publicKey\` must be the public key of your app`),
          )
          expect(error.message).to.not.include('canary')
        }
      }
    })

    it('waits five seconds for it, and not for ever: 503', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const pending = run(
          strategyOf(() => new Promise<string>(() => {})),
          requestOf('one', KEYS.privateKey),
        )
        await settled()
        await clock.tickAsync(5000)
        const outcome = await pending
        expect(outcome).to.have.property('kind', 'error')
        const { error } = outcome as { error: Error }
        expect(error)
          .to.be.instanceOf(WixUnavailableError)
          .and.to.have.property('message', `${name}: the function \`publicKey\` took more than 5 s`)
      } finally {
        clock.restore()
      }
    })

    it('refuses with a WixAuthError that it throws, and passes on every other error', async () => {
      expect(codeOf(await run(strategyOf(publicKeyOf), requestOf('three', KEYS.privateKey)))).to.equal('claim_invalid')
      for (const error of [new Error('database'), new WixUnavailableError('database')]) {
        for (const find of [() => Promise.reject(error), sinon.fake.throws(error)]) {
          expect(await run(strategyOf(find as Find), requestOf('one', KEYS.privateKey))).to.deep.equal({
            kind: 'error',
            error,
          })
        }
      }
    })
  })
}

describe('WixServicePluginStrategy with an appId that is a function of the request', () => {
  watchForSecrets()
  const plugins = (options: object): object =>
    new WixServicePluginStrategy<Req>({
      publicKey: KEYS.publicKey,
      appId: (req) => Promise.resolve(`app-${req.app}`),
      now,
      ...options,
    })
  const call = (app: string, aud: string, key = KEYS.privateKey): Req => ({
    app,
    body: servicePlugin({}, { aud }, key),
  })

  it('accepts calls for this app, and none for another one', async () => {
    for (const options of [{}, { publicKey: publicKeyOf, appId: ({ app }: Req) => `app-${app}` }]) {
      const strategy = plugins(options)
      expect(await run(strategy, call('one', 'app-one'))).to.have.nested.property('user.clientId', 'app-one')
      expect(codeOf(await run(strategy, call('one', 'app-two')))).to.equal('claim_invalid')
    }
    const both = plugins({ publicKey: publicKeyOf })
    expect(codeOf(await run(both, call('two', 'app-two')))).to.equal('signature_invalid')
    expect(await run(both, call('two', 'app-two', OTHER_KEYS.privateKey))).to.have.property('kind', 'success')
  })

  it('ends in an error where it returns no app id', async () => {
    for (const value of [undefined, null, '', ' a', 7, ['app-one']]) {
      const outcome = await run(plugins({ appId: () => value }), call('one', 'app-one'))
      expect(outcome).to.have.property('kind', 'error')
      expect((outcome as { error: Error }).error)
        .to.be.instanceOf(TypeError)
        .and.have.property('message')
        .that.matches(/^WixServicePluginStrategy: option `appId` must be a non-empty string/)
    }
  })

  it('waits five seconds for it, and not for ever: 503', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pending = run(plugins({ appId: () => new Promise(() => {}) }), call('one', 'app-one'))
      await settled()
      await clock.tickAsync(5000)
      const { error } = (await pending) as { error: Error }
      expect(error)
        .to.be.instanceOf(WixUnavailableError)
        .and.to.have.property('message', 'WixServicePluginStrategy: the function `appId` took more than 5 s')
    } finally {
      clock.restore()
    }
  })

  it('keeps its other options', async () => {
    const strategy = plugins({ extensionType: 'other', name: 'plugin', bodyFromRequest: ({ body }: Req) => body })
    expect(strategy).to.have.property('name', 'plugin')
    expect(codeOf(await run(strategy, call('one', 'app-one')))).to.equal('claim_invalid')
    const late = plugins({ now: () => now() + 1e11 })
    expect(codeOf(await run(late, call('one', 'app-one')))).to.equal('token_expired')
  })

  it('P-10: checks a fixed public key when the object is made', () => {
    expect(() => plugins({ publicKey: 'canary' })).to.throw(
      TypeError,
      /^WixServicePluginStrategy: option `publicKey` must be the public key of your app(?!.*canary)/,
    )
  })
})

describe('a verifier with a publicKey that is a function', () => {
  it('calls it without a request, and only for a body of the right form', async () => {
    const find = sinon.fake.resolves(KEYS.publicKey)
    const verify = webhookVerifier({ publicKey: find, now })
    expect(await refusalOf(verify('x'))).to.equal('token_malformed')
    sinon.assert.notCalled(find)
    expect(await verify(webhook())).to.have.property('instanceId', 'instance-1')
    sinon.assert.calledOnceWithExactly(find, undefined)
  })
})
