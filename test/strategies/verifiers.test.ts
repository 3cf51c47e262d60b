import { expect } from 'chai'
import sinon from 'sinon'
import {
  accessTokenVerifier,
  digestVerifier,
  instanceVerifier,
  servicePluginVerifier,
  type WixAuthError,
  webhookVerifier,
} from '../../lib/index.ts'
import { signedAs } from '../../lib/errors.ts'
import { type IdentityKind, kindOf } from '../../lib/identity.ts'
import { accessToken, answering, info } from '../support/access-token.ts'
import { instance, now, SECRET, sign } from '../support/build.ts'
import { errorOf } from '../support/errors.ts'
import {
  APP_ID,
  BODY,
  digest,
  KEYS,
  OTHER_KEYS,
  refusalOf,
  SECONDS,
  servicePlugin,
  TIMES,
  webhook,
} from '../support/jwt.ts'

type Verify = (credential: string) => Promise<object>
/** How to make one verifier, and a credential for it that is good for an hour from now, in seconds. */
interface Kind {
  kind: IdentityKind
  make: (options?: { now?: () => number }) => Verify
  fresh: (from: number) => string
}

const { publicKey } = KEYS
const times = (from: number): { iat: number; exp: number } => ({ iat: from, exp: from + 3600 })
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()
const kinds: Record<string, Kind> = {
  instanceVerifier: {
    kind: 'instance',
    make: (options) => instanceVerifier({ secret: SECRET, ...options }),
    fresh: (from) => instance({ signDate: iso(from), expirationDate: iso(from + 3600) }),
  },
  webhookVerifier: {
    kind: 'webhook',
    make: (options) => webhookVerifier({ publicKey, ...options }),
    fresh: (from) => webhook({}, times(from)),
  },
  servicePluginVerifier: {
    kind: 'service-plugin',
    make: (options) => servicePluginVerifier({ publicKey, appId: APP_ID, ...options }),
    fresh: (from) => servicePlugin({}, times(from)),
  },
  digestVerifier: {
    kind: 'digest',
    make: (options) => {
      const verify = digestVerifier({ publicKey, ...options })
      return (header) => verify(header, BODY)
    },
    fresh: (from) => digest(BODY, times(from)),
  },
}

for (const [name, { kind, make, fresh }] of Object.entries(kinds)) {
  describe(name, () => {
    it('gives what it has verified a mark, which a copy does not have', async () => {
      const identity = await make({ now })(fresh(SECONDS - 60))
      expect(kindOf(identity)).to.equal(kind)
      expect(kindOf({ ...identity })).to.equal(undefined)
    })

    it('A2: takes nothing that has expired by a fake clock, whether it was installed before or after', async () => {
      const seconds = Math.floor(Date.now() / 1000)
      const credential = fresh(seconds)
      const before = make()
      expect(kindOf(await before(credential))).to.equal(kind)
      const clock = sinon.useFakeTimers({ now: (seconds + 3600 + 30) * 1000, toFake: ['Date'] })
      const after = make()
      try {
        for (const verify of [before, after]) expect(await refusalOf(verify(credential))).to.equal('token_expired')
        // And nothing of today is refused by a clock of last year, once that is gone.
        clock.setSystemTime((seconds - 365 * 86_400) * 1000)
        for (const verify of [before, after]) expect(await refusalOf(verify(credential))).to.equal('claim_invalid')
      } finally {
        clock.restore()
      }
      for (const verify of [before, after]) expect(kindOf(await verify(credential))).to.equal(kind)
    })
  })
}

describe('accessTokenVerifier', () => {
  it('gives what it has verified a mark, also from its cache', async () => {
    const verify = accessTokenVerifier({ appId: APP_ID, now, fetch: answering() })
    for (let time = 0; time < 2; time++) expect(kindOf(await verify(accessToken()))).to.equal('access-token')
  })
})

describe('a refusal', () => {
  const whomOf = async (promise: Promise<unknown>): Promise<unknown> =>
    signedAs((await errorOf(promise)) as WixAuthError)
  const verifiers = {
    instance: instanceVerifier({ secret: SECRET, appId: 'app-1', now }),
    webhook: webhookVerifier({ publicKey, now }),
    plugin: servicePluginVerifier({ publicKey, appId: APP_ID, now }),
    digest: digestVerifier({ publicKey, now }),
  }

  it('of a credential whose signature is right carries whom it names', async () => {
    const { instanceId } = { instanceId: 'instance-1' }
    for (const overrides of [{ appDefId: 'app-2' }, { signDate: 'x' }, { expirationDate: iso(SECONDS - 60) }])
      expect(await whomOf(verifiers.instance(instance(overrides)))).to.include({ instanceId, subjectType: 'USER' })
    expect(await whomOf(verifiers.webhook(webhook({}, { exp: SECONDS - 60 })))).to.include({ instanceId })
    expect(await whomOf(verifiers.plugin(servicePlugin({}, { aud: 'app-2' })))).to.include({ instanceId })
    const remote = instanceVerifier({
      secret: SECRET,
      now,
      tokenInfo: { appId: APP_ID, fetch: answering(info({ instanceId: 'instance-2' })) },
    })
    expect(await whomOf(remote(instance()))).to.include({ instanceId })
  })

  it('of one that names nobody carries an empty identity', async () => {
    expect(await whomOf(verifiers.instance(instance({ instanceId: '' })))).to.deep.equal({})
    expect(await whomOf(verifiers.instance(sign([])))).to.deep.equal({})
    expect(await whomOf(verifiers.webhook(webhook({ eventType: undefined })))).to.deep.equal({})
    expect(await whomOf(verifiers.plugin(servicePlugin({ instanceId: '' })))).to.deep.equal({})
    expect(await whomOf(verifiers.digest(digest(), Buffer.from('{}')))).to.deep.equal({})
    expect(await whomOf(verifiers.digest(digest('x'), Buffer.from('x')))).to.deep.equal({})
  })

  it('of one whose signature is wrong, or that has none, carries nothing', async () => {
    const { privateKey } = OTHER_KEYS
    const refused = [
      verifiers.instance(instance({}, 'another secret')),
      verifiers.instance('x'),
      verifiers.webhook(webhook({}, {}, privateKey)),
      verifiers.plugin(servicePlugin({}, {}, privateKey)),
      verifiers.digest(digest(BODY, { ...TIMES }, privateKey), BODY),
    ]
    expect(await Promise.all(refused.map(whomOf))).to.deep.equal(refused.map(() => undefined))
  })
})
