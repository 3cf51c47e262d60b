import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { expect } from 'chai'
import { WixAuthError } from '../../lib/index.ts'
import { wixPublicKeys } from '../../lib/internal/keys.ts'
import { now } from '../support/build.ts'
import { describeWith } from '../support/left-out.ts'
import { VECTORS, wycheproof } from '../support/third-party.ts'
import { verifyWebhook } from '../support/verify.ts'

interface Test {
  tcId: number
  comment: string
  jws: string | object
  result: 'valid' | 'invalid'
}
interface Jwk extends JsonWebKey {
  alg?: string
  use?: string
  key_ops?: string[]
}
interface Suite<Keys> {
  testGroups: Array<{ public?: Keys; private: Keys; tests: Test[] }>
}
interface RsaSuite {
  testGroups: Array<{
    publicKeyPem: string
    tests: Array<{ tcId: number; msg: string; sig: string; result: 'valid' | 'invalid' | 'acceptable' }>
  }>
}

/** The keys among these that the package accepts. */
const usable = (keys: readonly Jwk[]): KeyObject[] =>
  keys.flatMap((key) => {
    try {
      return wixPublicKeys('test', createPublicKey({ key, format: 'jwk' }))
    } catch {
      return []
    }
  })

const codeOf = async (token: string, publicKey: KeyObject[]): Promise<string> => {
  if (publicKey.length === 0) return 'no key'
  try {
    await verifyWebhook(token, { publicKey, now })
    return 'accepted'
  } catch (error) {
    if (error instanceof WixAuthError) return error.code
    throw error
  }
}

/**
 * The payload is hardly ever JSON, so a right signature shows in this: the token is rejected for its content, and with one
 * other character in the signature it is rejected for that.
 */
async function isSigned(token: string, keys: KeyObject[]): Promise<boolean> {
  const at = token.lastIndexOf('.') + 9
  const forged = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
  const [code, forgedCode] = await Promise.all([codeOf(token, keys), codeOf(forged, keys)])
  return code !== 'signature_invalid' && forgedCode === 'signature_invalid'
}

describeWith(VECTORS, 'third-party vectors of JWTs', function (vectors) {
  this.timeout(60_000)
  const jws = wycheproof(vectors, 'json_web_signature_test.json') as Suite<Jwk>
  const jwk = wycheproof(vectors, 'json_web_key_test.json') as Suite<{ keys: Jwk[] }>
  const mixed = wycheproof(vectors, 'json_web_crypto_test.json') as Suite<Jwk & { keys?: Jwk[] }>
  const rsa = wycheproof(vectors, 'rsa_signature_2048_sha256_test.json') as RsaSuite

  it('J-01: of Wycheproof JWS: with an RS256 key, a right RS256 signature counts and nothing else does', async () => {
    const signed: number[] = []
    const verdicts = { valid: [] as number[], invalid: [] as number[] }
    for (const group of jws.testGroups) {
      const key = group.public ?? group.private
      // In three cases it is the JWK that forbids the use; no form of our option can say that.
      if (key.alg !== 'RS256' || usable([key]).length === 0) continue
      for (const { tcId, jws: token, result } of group.tests) {
        verdicts[result].push(tcId)
        if (typeof token === 'string' && (await isSigned(token, usable([key])))) signed.push(tcId)
      }
    }
    expect([verdicts.valid.length, verdicts.invalid.length]).to.deep.equal([8, 225])
    expect(signed).to.deep.equal(verdicts.valid)
  })

  it('J-01: of Wycheproof JWS: no right signature of another algorithm counts', async () => {
    let count = 0
    for (const group of jws.testGroups) {
      const key = group.public ?? group.private
      if (key.alg === 'RS256') continue
      for (const { tcId, jws: token, result } of group.tests) {
        if (result !== 'valid' || typeof token !== 'string') continue
        count++
        expect(await codeOf(token, usable([key])), String(tcId)).to.be.oneOf(['no key', 'signature_invalid'])
      }
    }
    expect(count).to.equal(38)
  })

  it('J-02: of Wycheproof JWK: only safe keys are accepted, and the signature of the one RS256 key counts', async () => {
    const signed: string[] = []
    const unsafe: string[] = []
    for (const group of jwk.testGroups) {
      const { keys } = group.public ?? group.private
      for (const { jws: token, comment, result } of group.tests) {
        if (typeof token !== 'string') continue
        if (keys[0]?.kty === 'RSA' && usable(keys).length === 0) unsafe.push(comment)
        if (await isSigned(token, usable(keys))) signed.push(`${result}: ${comment}`)
      }
    }
    expect(unsafe).to.deep.equal(['rejects1024bitRsaKey', 'rejectsPublicExponent1', 'rejectsModifiedKey'])
    // `use` is a matter of the JWK, which no form of our option is; the weak primes of ROCA are not looked for, since the
    // key comes from whoever runs the app.
    expect(signed).to.deep.equal([
      'valid: acceptsValid',
      'invalid: rejectsWrongUse',
      'invalid: rejectsKeyWithRocaVulnerability',
    ])
  })

  it('J-01: of Wycheproof JWS again, with sets of keys and JWEs: a right RS256 signature counts, and no other', async () => {
    const signed: string[] = []
    for (const group of mixed.testGroups) {
      const given = group.public ?? group.private
      for (const test of group.tests) {
        const token = test.jws ?? (test as unknown as { jwe: unknown }).jwe
        if (typeof token !== 'string') continue
        if (await isSigned(token, usable(given.keys ?? [given]))) signed.push(`${test.result}: ${test.comment}`)
      }
    }
    expect(signed).to.deep.equal(['valid: acceptsValid', 'invalid: rejectsKeyWithRocaVulnerability'])
  })

  it('of Wycheproof RSA: this version of Node distinguishes right signatures from wrong ones', () => {
    const accepted: number[] = []
    const valid: number[] = []
    for (const { publicKeyPem, tests } of rsa.testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        if (verify('sha256', Buffer.from(msg, 'hex'), publicKeyPem, Buffer.from(sig, 'hex'))) accepted.push(tcId)
        if (result === 'valid') valid.push(tcId)
      }
    }
    expect(valid).to.have.length(9)
    expect(accepted).to.deep.equal(valid)
  })
})
