import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { identityOf, refusalOf as refusalOfRequest, requireIdentity, WixDigestStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { errorOf } from '../support/errors.ts'
import { BODY, digest, KEYS, OTHER_KEYS, refusalOf, sha256, TIMES } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { runToEnd } from '../support/run.ts'
import { verifyDigest } from '../support/verify.ts'

const { publicKey } = KEYS
const verify = (header: string, body: Uint8Array = BODY, options: object = {}): ReturnType<typeof verifyDigest> =>
  verifyDigest(header, body, { publicKey, now, ...options })

interface Vector {
  name: string
  key: string
  header_value: string
  body: string
  verify_at: number
  expect: 'accept' | 'refuse'
}
const { keys, vectors } = JSON.parse(readFileSync(new URL('../vectors/digest.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { pem: string }>
  vectors: Vector[]
}

describe('digestVerifier', () => {
  it('returns the body and when it was signed, and no subject', async () => {
    expect(await verify(digest())).to.deep.equal({ body: { amount: 100, note: 'café' }, ...TIMES })
  })

  it('D-02: accepts an empty body, and any JSON', async () => {
    expect(await verify(digest(''), new Uint8Array())).to.have.property('body', null)
    for (const json of ['7', '"text"', '[1]', 'null', ' {"a":1}\n']) {
      expect(await verify(digest(json), Buffer.from(json))).to.deep.include({ body: JSON.parse(json) })
    }
    const part = new Uint8Array(Buffer.from('xx{}yy')).subarray(2, 4)
    expect(await verify(digest('{}'), part)).to.deep.include({ body: {} })
  })

  it('D-02: accepts hex digits of any case', async () => {
    for (const SHA256 of [sha256(BODY).toUpperCase(), sha256(BODY)]) {
      expect(await verify(digest(BODY, { data: { SHA256 } }))).to.have.property('body')
    }
  })

  const other: Array<[string, Uint8Array]> = [
    ['one bit changed', Buffer.from(BODY.map((byte, at) => (at === 10 ? byte ^ 1 : byte)))],
    ['a line end more', Buffer.concat([BODY, Buffer.from('\n')])],
    ['a byte order mark', Buffer.concat([Buffer.from('\uFEFF'), BODY])],
    ['another encoding', Buffer.from(BODY.toString(), 'latin1')],
    ['the same JSON in other bytes', Buffer.from(JSON.stringify(JSON.parse(BODY.toString()), null, 1))],
    ['nothing', new Uint8Array()],
  ]
  for (const [name, body] of other) {
    it(`D-02: rejects another body: ${name}`, async () => {
      expect(await refusalOf(verify(digest(), body))).to.equal('signature_invalid')
    })
  }

  it('D-02: compares each byte of the hash', async () => {
    for (let at = 0; at < 32; at++) {
      const hash = Buffer.from(sha256(BODY), 'hex').map((byte, index) => (index === at ? byte ^ 1 : byte))
      const SHA256 = Buffer.from(hash).toString('hex')
      expect(await refusalOf(verify(digest(BODY, { data: { SHA256 } }))), `byte ${at}`).to.equal('signature_invalid')
    }
  })

  it('J-06: rejects a body that is no JSON, or no UTF-8, though Wix signed it', async () => {
    for (const body of [
      Buffer.from('a=1'),
      Buffer.from('"\xff"', 'latin1'),
      Buffer.from('\uFEFF{}'),
      Buffer.from(' '),
    ]) {
      expect(await refusalOf(verify(digest(body), body))).to.equal('token_malformed')
    }
  })

  const hash = sha256(BODY)
  const claims: Array<[string, unknown]> = [
    ['no data', undefined],
    ['data that is null', null],
    ['no hash', {}],
    ['a hash of another name', { SHA512: hash, sha256: hash }],
    ['a hash that is cut', { SHA256: hash.slice(0, 63) }],
    ['a hash that goes on', { SHA256: `${hash}00` }],
    ['a hash with a line end', { SHA256: `${hash}\n` }],
    ['a hash in base64', { SHA256: Buffer.from(hash, 'hex').toString('base64') }],
    ['a hash in a list', { SHA256: [hash] }],
    ['a hash that is not a string', { SHA256: 7 }],
    ['data that is a string', JSON.stringify({ SHA256: hash })],
    ['data that is a list', [hash]],
  ]
  for (const [name, data] of claims) {
    it(`D-02: rejects ${name}`, async () => {
      expect(await refusalOf(verify(digest(BODY, { data })))).to.equal('claim_invalid')
    })
  }

  const genuine = digest()
  const headers: Array<[string, unknown, string]> = [
    ['a list', `${genuine}, ${genuine}`, 'request_invalid'],
    ['a list with another algorithm', `SHA-256=abc=,${genuine}`, 'request_invalid'],
    ['an array', [genuine], 'request_invalid'],
    ['nothing', undefined, 'request_invalid'],
    ['an empty string', '', 'token_malformed'],
    ['no prefix', genuine.slice(4), 'token_malformed'],
    ['a prefix in another case', `jwt=${genuine.slice(4)}`, 'token_malformed'],
    ['a prefix twice', `JWT=${genuine}`, 'token_malformed'],
    ['a space after the prefix', `JWT= ${genuine.slice(4)}`, 'token_malformed'],
    ['another algorithm', 'SHA-256=NlQDptVYeMo4zMyOH92ReJCrtI2mc+ZxOxBWJBYiVZM=', 'token_malformed'],
    ['a header over 8,192 characters', genuine.padEnd(8193, 'a'), 'token_malformed'],
    ['the key of another app', digest(BODY, {}, OTHER_KEYS.privateKey), 'signature_invalid'],
    ['what has expired', digest(BODY, { exp: TIMES.iat }), 'token_expired'],
    ['no exp', digest(BODY, { exp: undefined }), 'claim_invalid'],
    ['an iat in the future', digest(BODY, { iat: TIMES.iat + 91 }), 'claim_invalid'],
  ]
  for (const [name, header, code] of headers) {
    it(`D-01: rejects ${name}`, async () => {
      expect(await refusalOf(verify(header as string))).to.equal(code)
    })
  }

  it('tells the developer what is wrong, and what to do about another body', async () => {
    for (const [header, body, told] of [
      [`${genuine},`, BODY, { hint: 'several digests in one header, or several headers' }],
      ['JWT='.padEnd(8192, '.'), BODY, { hint: '8189 parts between dots; a JWT has 3' }],
      ['JWT='.padEnd(8193, '.'), BODY, { hint: '8193 characters; the limit is 8192' }],
      [genuine.slice(4), BODY, { hint: 'the header does not begin with `JWT=`' }],
      [digest(BODY, { data: {} }), BODY, { hint: '`data` of the JWT has no `SHA256` of 64 hex digits' }],
      [
        genuine,
        Buffer.from('{}'),
        {
          hint: 'the hash does not match the body; 2 bytes arrived here',
          cure: 'Verify the raw body, byte for byte, before any parser.',
        },
      ],
      [digest('a=1'), Buffer.from('a=1'), { hint: 'the body is not JSON in UTF-8' }],
    ] as const)
      expect(await errorOf(verify(header, body))).to.include(told)
  })

  it('needs the bytes of the body', async () => {
    for (const body of [`${BODY.toString()}\uFFFD`, {}, [1], 7]) {
      const error: unknown = await verifyDigest(digest(), body as never, { publicKey, now }).catch(
        (reason: unknown) => reason,
      )
      expect(error)
        .to.be.instanceOf(TypeError)
        .with.property('message')
        .that.includes('digestVerifier: the body must be the raw bytes')
    }
  })

  for (const vector of vectors) {
    it(`gives the vector ${vector.name} its verdict: ${vector.expect}`, async () => {
      const options = { publicKey: keys[vector.key]?.pem ?? '', now: () => vector.verify_at * 1000 }
      const verdict = verifyDigest(vector.header_value, Buffer.from(vector.body), options)
      if (vector.expect === 'refuse') expect(await refusalOf(verdict)).to.be.a('string')
      else expect((await verdict).body).to.deep.equal(vector.body === '' ? null : JSON.parse(vector.body))
    })
  }
})

describe('WixDigestStrategy', () => {
  watchForSecrets()
  const strategy = (options: object = {}): WixDigestStrategy => new WixDigestStrategy({ publicKey, now, ...options })
  const request = (body: unknown = BODY, header: unknown = digest()): object => ({ headers: { digest: header }, body })

  it('has the name wix-digest, and the verified body as user, which is no identity', async () => {
    expect(strategy().name).to.equal('wix-digest')
    const outcome = await runToEnd(strategy(), request())
    const user = { body: { amount: 100, note: 'café' }, ...TIMES }
    expect(outcome).to.deep.equal({ kind: 'success', user, info: { identity: user } })
    const { info } = outcome as unknown as { info: Express.AuthInfo }
    expect(() => identityOf({ authInfo: info })).to.throw('A Digest header proves no identity')
    expect(identityOf({ authInfo: info }, WixDigestStrategy)).to.deep.equal(user)
    requireIdentity({ subjectType: 'UNKNOWN' })({ authInfo: info }, {}, (error) =>
      expect(error).to.be.instanceOf(Error),
    )
  })

  it('gives the parsed body to the verify callback', async () => {
    const withVerify = new WixDigestStrategy({ publicKey, now, passReqToCallback: true }, (req, { body }) => ({
      id: JSON.stringify([req.headers !== undefined, body]),
    }))
    expect(await runToEnd(withVerify, request())).to.deep.include({
      kind: 'success',
      user: { id: '[true,{"amount":100,"note":"café"}]' },
    })
  })

  it('treats no body as an empty one', async () => {
    for (const body of [undefined, null, {}, Buffer.alloc(0)]) {
      expect(await runToEnd(strategy(), { headers: { digest: digest('') }, body })).to.have.nested.include({
        'user.body': null,
      })
    }
    expect(await runToEnd(strategy({ bodyFromRequest: () => null }), request(BODY, digest('')))).to.have.property(
      'user',
    )
  })

  it('A14: accepts a string that encodes back to the bytes that Wix signed', async () => {
    expect(await runToEnd(strategy(), request(BODY.toString()))).to.have.nested.property('user.body.note', 'café')
    expect(await runToEnd(strategy(), request('', digest('')))).to.have.nested.property('user.body', null)
    expect(await verifyDigest(digest(), BODY.toString(), { publicKey, now })).to.have.property('body')
    expect(await verifyDigest(digest(''), undefined as never, { publicKey, now })).to.have.property('body', null)
    // Decoding has dropped the byte order mark that Wix signed.
    const marked = Buffer.from('\uFEFF{}')
    const decoded = new TextDecoder().decode(marked)
    expect(decoded).to.equal('{}')
    expect(await runToEnd(strategy(), request(decoded, digest(marked)))).to.nested.include({
      kind: 'fail',
      'challenge.code': 'signature_invalid',
    })
  })

  it('J-08: is an error for a body that is not the raw bytes', async () => {
    for (const [body, why] of [
      ['"\uFFFD"', 'the body is not bytes: use express.raw(), not express.text()'],
      [{ amount: 100 }, 'a parser such as express.json() has read the body before'],
      [[1], 'a parser such as express.json() has read the body before'],
    ] as const) {
      const outcome = await runToEnd(strategy(), request(body))
      expect(outcome).to.have.property('kind', 'error')
      expect(outcome)
        .to.have.nested.property('error.message')
        .that.includes(`which did not arrive here: ${why}. `)
        .and.includes("express.raw({ type: '*/*', limit: '1mb' })")
    }
  })

  it('does not read the body while there is no header', async () => {
    for (const req of [{ body: { parsed: true } }, { headers: {} }, request({ a: 1 }, '')]) {
      expect(await runToEnd(strategy(), req)).to.nested.include({
        kind: 'fail',
        status: 401,
        'challenge.code': 'credentials_missing',
      })
      expect(refusalOfRequest(req)).to.have.property('hint', 'no `Digest` header')
    }
  })

  it('D-01: rejects more than one header', async () => {
    for (const header of [`${digest()}, ${digest()}`, [digest(), digest()], [digest()]]) {
      expect(await runToEnd(strategy(), request(BODY, header))).to.include({ kind: 'fail', status: 400 })
    }
  })

  describe('P-10: its options', () => {
    optionsTable({ WixDigestStrategy: strategy }, [
      [{ maxAge: 5 }, 'unknown option `maxAge`'],
      [{ appId: 'a' }, 'unknown option `appId`'],
      [{ clockTolerance: '5' }, 'option `clockTolerance` must be a number of seconds from 0 to 300'],
      [{ bodyFromRequest: 'body' }, 'option `bodyFromRequest` must be a function'],
    ])
  })
})
