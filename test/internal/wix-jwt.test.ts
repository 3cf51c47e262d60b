import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { expect } from 'chai'
import { WixAuthError } from '../../lib/index.ts'
import { checkWixJwt } from '../../lib/internal/wix-jwt.ts'
import { now } from '../support/build.ts'
import { claims, KEYS, OTHER_KEYS, rawJwt, refusalOf, signedBy, TIMES, webhook } from '../support/jwt.ts'
import { verifyWebhook } from '../support/verify.ts'

const verify = (body: string): Promise<unknown> => verifyWebhook(body, { publicKey: KEYS.publicKey, now })
const HEADER = { kid: 'TestKey1', alg: 'RS256' }
const pem = KEYS.publicKey
const spki = createPublicKey(pem).export({ format: 'der', type: 'spki' })

describe('a JWT that Wix signs', () => {
  it('P-11: has no data from Object.prototype', async () => {
    const bare = rawJwt(HEADER, TIMES)
    Object.assign(Object.prototype, { data: JSON.stringify({ instanceId: 'i', eventType: 'e' }) })
    try {
      expect(await refusalOf(verify(bare))).to.equal('claim_invalid')
    } finally {
      Reflect.deleteProperty(Object.prototype, 'data')
    }
  })

  it('J-04: is looked at by its form, before a key is looked for', async () => {
    for (const body of [
      'x',
      'a.b',
      'a.b.c.d',
      `${'x'.repeat(2049)}.b.c`,
      'x'.repeat(1024 * 1024),
      '.',
      `.${'a.'.repeat(9)}`,
    ])
      expect(() => checkWixJwt(body))
        .to.throw(WixAuthError)
        .with.property('code', 'token_malformed')
    for (const body of ['..', 'a.b.c', `${'x'.repeat(2048)}.b.c`]) expect(checkWixJwt(body)).to.equal(undefined)
  })

  it('J-04: rejects a JWT over 1 MiB as a 413', async () => {
    const [header = '', , signature = ''] = webhook().split('.')
    const limit = 1024 * 1024
    const size = limit - header.length - signature.length - 2
    const filled = (length: number): string => `${header}.${'a'.repeat(length)}.${signature}`
    const exact = filled(size)
    expect(exact).to.have.length(limit)
    expect(await refusalOf(verify(exact))).to.be.oneOf(['token_malformed', 'signature_invalid'])
    const error: unknown = await verify(filled(size + 1)).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code: 'body_too_large', status: 413 })
  })

  describe('J-01: given a JWT signed by', () => {
    const hmac = (key: string | Buffer) => (data: Buffer) => createHmac('sha256', key).update(data).digest()
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const others: Array<[string, string]> = [
      ['nothing', rawJwt({ alg: 'none' }, claims(), () => Buffer.alloc(0))],
      ['nothing, in capitals', rawJwt({ alg: 'NONE' }, claims(), () => Buffer.alloc(0))],
      ['nothing, with the signature of RS256', rawJwt({ alg: 'none' }, claims())],
      ['RS512', rawJwt({ alg: 'RS512' }, claims(), signedBy('RSA-SHA512', KEYS.privateKey))],
      ['RS384', rawJwt({ alg: 'RS384' }, claims(), signedBy('RSA-SHA384', KEYS.privateKey))],
      ['RS256 by its other name', rawJwt({ alg: 'rs256' }, claims())],
      [
        'PS256',
        rawJwt({ alg: 'PS256' }, claims(), signedBy('sha256', KEYS.privateKey, { padding: 6, saltLength: 32 })),
      ],
      [
        'PS256 that says RS256',
        rawJwt(HEADER, claims(), signedBy('sha256', KEYS.privateKey, { padding: 6, saltLength: 32 })),
      ],
      [
        'ES256',
        rawJwt({ alg: 'ES256' }, claims(), (data) => sign('sha256', data, { key: p256, dsaEncoding: 'ieee-p1363' })),
      ],
      ['the key of another app', webhook({}, {}, OTHER_KEYS.privateKey)],
      ['HS256 with the PEM', rawJwt({ alg: 'HS256' }, claims(), hmac(pem))],
      ['HS256 with the PEM, trimmed', rawJwt({ alg: 'HS256' }, claims(), hmac(pem.trim()))],
      ['HS256 with the PEM and whitespace before', rawJwt({ alg: 'HS256' }, claims(), hmac(`\n${pem}`))],
      ['HS256 with the PEM with CRLF', rawJwt({ alg: 'HS256' }, claims(), hmac(pem.replaceAll('\n', '\r\n')))],
      ['HS256 with the PEM in base64', rawJwt({ alg: 'HS256' }, claims(), hmac(Buffer.from(pem).toString('base64')))],
      ['HS256 with the bare base64', rawJwt({ alg: 'HS256' }, claims(), hmac(spki.toString('base64')))],
      ['HS256 with the DER', rawJwt({ alg: 'HS256' }, claims(), hmac(spki))],
      ['HS256 with nothing', rawJwt({ alg: 'HS256' }, claims(), hmac(''))],
    ]
    for (const [name, token] of others) {
      it(`${name} is rejected`, async () => {
        expect(await refusalOf(verify(token))).to.equal('signature_invalid')
      })
    }

    it('RS256 with one bit of the signature flipped, or cut, is rejected', async () => {
      const token = webhook()
      const dot = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(dot + 1), 'base64url')
      const put = (bytes: Buffer): string => `${token.slice(0, dot)}.${bytes.toString('base64url')}`
      expect(put(signature)).to.equal(token)
      for (let bit = 0; bit < 2048; bit += 37) {
        const flipped = Buffer.from(signature)
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(await refusalOf(verify(put(flipped)))).to.equal('signature_invalid')
      }
      for (const length of [0, 1, 32, 128, 255]) {
        expect(await refusalOf(verify(put(signature.subarray(0, length))))).to.equal('signature_invalid')
      }
      for (const bytes of [Buffer.concat([signature, Buffer.alloc(1)]), Buffer.concat([Buffer.alloc(1), signature])]) {
        expect(await refusalOf(verify(put(bytes)))).to.equal('signature_invalid')
      }
    })
  })
})
