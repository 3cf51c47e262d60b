import { createSecretKey } from 'node:crypto'
import { expect } from 'chai'
import { WixAppStrategy, WixAuthError } from '../../lib/index.ts'
import { isSignature } from '../../lib/internal/keys.ts'
import { now, SECRET, signData } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { errorOf } from '../support/errors.ts'
import { describeWith } from '../support/left-out.ts'
import { request, run } from '../support/run.ts'
import { jsonCases, VECTORS, wycheproof } from '../support/third-party.ts'
import { verifyInstance } from '../support/verify.ts'

interface Wycheproof {
  testGroups: Array<{
    tagSize: number
    tests: Array<{ tcId: number; key: string; msg: string; tag: string; result: 'valid' | 'invalid' }>
  }>
}

describeWith(VECTORS, 'third-party vectors', (vectors) => {
  watchForSecrets()
  const hmac = wycheproof(vectors, 'hmac_sha256_test.json') as Wycheproof
  const cases = jsonCases(vectors)

  it('I-04: of Wycheproof: only a whole and right HMAC-SHA256 counts as a signature', () => {
    const accepted: number[] = []
    const valid: number[] = []
    for (const { tagSize, tests } of hmac.testGroups) {
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
    expect(cases.length).to.be.greaterThan(300)
    const strategy = new WixAppStrategy({ secret: SECRET, now, maxAge: false }, (instance) => instance)
    for (const { name, bytes } of cases) {
      const outcome = await run(strategy, request({ instance: signData(bytes) }))
      expect(outcome, name).to.include({ kind: 'fail', status: 401 })
    }
  })

  it('I-09: of the JSON suite: a value inside of a payload is accepted if and only if it is JSON', async () => {
    for (const { name, bytes: value } of cases) {
      // Longer than an instance may be.
      if (name.startsWith('i') || value.length > 6000) continue
      // A case that closes the object and goes on would be another case than its name says.
      if (/[}\]]\s*[,}\]#]|^\s*$/.test(value.toString('latin1'))) continue
      const bytes = Buffer.concat([Buffer.from('{"instanceId":"i","value":'), value, Buffer.from('}')])
      const verdict = verifyInstance(signData(bytes), { secret: SECRET, now, maxAge: false })
      if (name.startsWith('y')) expect(await verdict, name).to.have.property('value')
      else expect(await errorOf(verdict), name).to.be.instanceOf(WixAuthError)
    }
  })
})
