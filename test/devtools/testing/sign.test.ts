import { createPrivateKey, createPublicKey } from 'node:crypto'
import { expect } from 'chai'
import sinon from 'sinon'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
} from '../../../devtools/testing/index.ts'
import { instance, NOW, now, payload, SECRET } from '../../support/build.ts'
import { refusalOf } from '../../support/jwt.ts'
import { verifyDigest, verifyInstance, verifyServicePlugin, verifyWebhook } from '../../support/verify.ts'

describe('signInstance', () => {
  it('signs as Wix does', () => {
    expect(signInstance(payload(), SECRET)).to.equal(instance())
  })

  it('signs at the present moment by default', async () => {
    const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
    try {
      const verified = await verifyInstance(signInstance({ instanceId: 'i' }, SECRET), { secret: SECRET })
      expect(verified).to.include({ instanceId: 'i', iat: Math.floor(NOW / 1000) })
    } finally {
      clock.restore()
    }
  })

  it('says that the secret is missing', () => {
    for (const [secret, problem] of [
      [undefined, ', got undefined (is an environment variable not set?)'],
      ['', ', got an empty string'],
      [Buffer.from('a'), ', got bytes'],
    ] as const)
      expect(() => signInstance({ instanceId: 'i' }, secret as unknown as string))
        .to.throw(TypeError)
        .with.property('message', `signInstance: its second argument must be the app secret${problem}`)
  })

  it('leaves the signDate out when it is undefined', async () => {
    const signed = signInstance({ instanceId: 'i', signDate: undefined }, SECRET)
    expect(await refusalOf(verifyInstance(signed, { secret: SECRET, now }))).to.equal('token_expired')
    expect(await verifyInstance(signed, { secret: SECRET, now, maxAge: false })).to.not.have.property('signDate')
  })
})

describe('the signers of what is signed with the key pair', () => {
  const { publicKey, privateKey } = generateAppKeys()
  const SECONDS = Math.floor(NOW / 1000)
  const times = { iat: SECONDS, exp: SECONDS + 3_600_000 }
  let clock: sinon.SinonFakeTimers
  before(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  after(() => clock.restore())

  it('say that the key is missing, or the public one', () => {
    const { publicKey } = generateAppKeys()
    for (const [key, problem] of [
      [undefined, ', got undefined (is an environment variable not set?)'],
      [publicKey, ', got a string'],
      [createPublicKey(publicKey), ', got a value of type KeyObject'],
    ] as const)
      for (const sign of [
        () => signWebhook({ instanceId: 'i', eventType: 'AppInstalled' }, key as unknown as string),
        () => signServicePlugin({ appId: 'a', metadata: { instanceId: 'i' } }, key as unknown as string),
        () => signDigest('{}', key as unknown as string),
      ])
        expect(sign)
          .to.throw(TypeError)
          .with.property(
            'message',
            `To sign as Wix, pass the privateKey of generateAppKeys() as the second argument${problem}`,
          )
  })

  it('make another key pair each time', () => {
    expect(publicKey).to.match(/^-----BEGIN PUBLIC KEY-----\n/)
    expect(privateKey).to.match(/^-----BEGIN PRIVATE KEY-----\n/)
    expect(generateAppKeys().publicKey).to.not.equal(publicKey)
  })

  it('sign at the present moment what the checks accept, for as long as Wix does', async () => {
    const event = { instanceId: 'i', eventType: 'AppInstalled' }
    for (const key of [privateKey, createPrivateKey(privateKey)]) {
      expect(await verifyWebhook(signWebhook(event, key), { publicKey })).to.deep.include({
        ...event,
        ...times,
        data: {},
      })
    }
    const call = signServicePlugin({ appId: 'a', metadata: { instanceId: 'i' } }, privateKey)
    expect(await verifyServicePlugin(call, { publicKey, appId: 'a' })).to.deep.include({ ...times, request: {} })
    for (const body of ['{"a":1}', Buffer.from('{"a":1}')]) {
      expect(await verifyDigest(signDigest(body, privateKey), Buffer.from(body), { publicKey })).to.deep.equal({
        body: { a: 1 },
        ...times,
      })
    }
  })

  it('replace claims, and leave out those that are undefined', async () => {
    const claims = { iat: undefined, exp: SECONDS + 1 }
    const event = { instanceId: 'i', eventType: 'AppInstalled', identity: { identityType: 'APP', appId: 'b' } }
    const body = signWebhook(event, privateKey, claims)
    expect(await verifyWebhook(body, { publicKey, maxAge: false })).to.include({
      iat: null,
      exp: SECONDS + 1,
      subjectType: 'APP',
      subjectId: 'b',
    })
    const call = signServicePlugin({ appId: 'a', request: { b: 1 }, metadata: { instanceId: 'i' } }, privateKey, claims)
    expect(await verifyServicePlugin(call, { publicKey, appId: 'a' })).to.deep.include({ iat: null, request: { b: 1 } })
    const header = signDigest('', privateKey, claims)
    expect(await verifyDigest(header, new Uint8Array(), { publicKey })).to.deep.equal({
      body: null,
      iat: null,
      exp: SECONDS + 1,
    })
  })
})
