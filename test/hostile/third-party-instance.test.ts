import { createSecretKey } from 'node:crypto'
import { expect } from 'chai'
import { WixAppStrategy, WixAuthError, verifyInstance } from '../../lib/index.ts'
import { isSignature } from '../../lib/internal/app-secret.ts'
import { now, SECRET, signData } from '../support/build.ts'
import { request, run } from '../support/run.ts'
import { thirdParty } from '../support/third-party.ts'

interface Wycheproof {
  testGroups: Array<{
    tagSize: number
    tests: Array<{ tcId: number; key: string; msg: string; tag: string; result: 'valid' | 'invalid' }>
  }>
}
interface JsonSuite {
  tests: Array<{ name: string; expect: 'y' | 'n' | 'i'; b64?: string; repeat?: [string, number, string] }>
}

const wycheproof = thirdParty('wycheproof/hmac_sha256_test.json') as Wycheproof | undefined
const jsonSuite = thirdParty('jsontestsuite/parsing.json') as JsonSuite | undefined

describe('third-party vectors', () => {
  if (wycheproof === undefined || jsonSuite === undefined) {
    it('are not here: set VECTORS_DIR to the folder that holds wycheproof/ and jsontestsuite/')
    return
  }

  it('I-04: of Wycheproof: only a whole and right HMAC-SHA256 counts as a signature', () => {
    const accepted: number[] = []
    const valid: number[] = []
    for (const { tagSize, tests } of wycheproof.testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        if (
          isSignature(
            Buffer.from(tag, 'hex').toString('base64url'),
            Buffer.from(msg, 'hex').toString('latin1'),
            createSecretKey(Buffer.from(key, 'hex')),
          )
        )
          accepted.push(tcId)
        // A tag that was cut to 128 bits is called valid there.
        if (result === 'valid' && tagSize === 256) valid.push(tcId)
      }
    }
    expect(valid).to.have.length(33)
    expect(accepted).to.deep.equal(valid)
  })

  it('I-09: of the JSON suite: each case, signed as a payload, has one outcome and none is an exception', async () => {
    expect(jsonSuite.tests.length).to.be.greaterThan(300)
    const strategy = new WixAppStrategy({ secret: SECRET, now, maxAge: false }, (instance) => instance)
    for (const { name, b64, repeat } of jsonSuite.tests) {
      const bytes = repeat ? Buffer.from(repeat[0].repeat(repeat[1]) + repeat[2]) : Buffer.from(b64 ?? '', 'base64')
      const outcome = await run(strategy, request({ instance: signData(bytes) }))
      expect(outcome, name).to.include({ kind: 'fail', status: 401 })
    }
  })

  it('I-09: of the JSON suite: a value inside of a payload is accepted if and only if it is JSON', () => {
    for (const { name, expect: verdict, b64, repeat } of jsonSuite.tests) {
      if (verdict === 'i' || repeat || b64 === undefined || b64.length > 8000) continue
      const value = Buffer.from(b64, 'base64')
      // A case that closes the object and goes on would be another case than its name says.
      if (/[}\]]\s*[,}\]#]|^\s*$/.test(value.toString('latin1'))) continue
      const bytes = Buffer.concat([Buffer.from('{"instanceId":"i","value":'), value, Buffer.from('}')])
      const read = (): unknown => verifyInstance(signData(bytes), { secret: SECRET, now, maxAge: false })
      if (verdict === 'y') expect(read(), name).to.have.property('value')
      else expect(read, name).to.throw(WixAuthError)
    }
  })
})
