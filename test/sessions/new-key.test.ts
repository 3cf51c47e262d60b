import { createPrivateKey, type JsonWebKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { expect } from 'chai'
import { generateSessionKey, type SessionKey } from '../../lib/index.ts'
import { errorOf } from '../support/errors.ts'
import { PUBLIC_MEMBERS, sessionTokens, verifiedInstance } from '../support/session.ts'

describe('generateSessionKey', () => {
  const defaults: Array<[string, () => Promise<SessionKey>]> = [
    ['ES256', () => generateSessionKey()],
    ['ES256', () => generateSessionKey('ES256')],
    ['EdDSA', () => generateSessionKey('EdDSA')],
    ['RS256', () => generateSessionKey('RS256')],
  ]
  for (const [alg, generate] of defaults) {
    it(`generates a private JSON Web Key for ${alg}, which has its thumbprint as kid and can be stored as JSON`, async () => {
      const key = JSON.parse(JSON.stringify(await generate())) as SessionKey
      const publicMembers = PUBLIC_MEMBERS[alg] ?? []
      const privateMembers = alg === 'RS256' ? ['d', 'p', 'q', 'dp', 'dq', 'qi'] : ['d']
      expect(key).to.have.all.keys('kid', 'alg', ...publicMembers, ...privateMembers)
      expect(key.alg).to.equal(alg)
      expect(key.kid).to.equal(await calculateJwkThumbprint(key))
      const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey({ key: key as JsonWebKey, format: 'jwk' })
      expect([
        asymmetricKeyType,
        asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength,
      ]).to.deep.equal({ ES256: ['ec', 'prime256v1'], EdDSA: ['ed25519', undefined], RS256: ['rsa', 2048] }[alg])
      const tokens = sessionTokens({ keys: [key] })
      expect(await tokens.verify(await tokens.issue(verifiedInstance()))).to.have.property('instanceId', 'instance-1')
    })
  }

  it('generates another key each time', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => generateSessionKey()))
    expect(new Set(keys.map(({ kid }) => kid)).size).to.equal(20)
    expect(new Set(keys.map(({ d }) => d)).size).to.equal(20)
  })

  it('rejects any other algorithm', async () => {
    for (const alg of ['HS256', 'none', 'ES384', 'constructor', '']) {
      expect(await errorOf(generateSessionKey(alg as never)), alg)
        .to.be.instanceOf(TypeError)
        .with.property('message', 'generateSessionKey: the algorithm must be ES256, EdDSA, RS256')
    }
  })
})
