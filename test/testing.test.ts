import { expect } from 'chai'
import sinon from 'sinon'
import { verifyInstance } from '../lib/index.ts'
import { signInstance } from '../lib/testing/index.ts'
import { instance, NOW, now, payload, SECRET } from './support/build.ts'

describe('signInstance', () => {
  it('signs as Wix does', () => {
    expect(signInstance(payload(), SECRET)).to.equal(instance())
  })

  it('signs at the present moment when no signDate is named', () => {
    const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
    try {
      const verified = verifyInstance(signInstance({ instanceId: 'i' }, SECRET), { secret: SECRET })
      expect(verified).to.include({ instanceId: 'i', iat: Math.floor(NOW / 1000) })
    } finally {
      clock.restore()
    }
  })

  it('leaves the signDate out when it is undefined', () => {
    const text = signInstance({ instanceId: 'i', signDate: undefined }, SECRET)
    expect(() => verifyInstance(text, { secret: SECRET, now }))
      .to.throw()
      .with.property('code', 'token_expired')
    expect(verifyInstance(text, { secret: SECRET, now, maxAge: false })).to.not.have.property('signDate')
  })
})
