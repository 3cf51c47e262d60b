import { createHmac, createPrivateKey, createPublicKey, type JsonWebKey, sign } from 'node:crypto'
import { expect } from 'chai'
import sinon from 'sinon'
import { type SessionKey, WixAuthError } from '../../lib/index.ts'
import { errorOf, everythingIn } from '../support/errors.ts'
import { rawJwt, refusalOf, SECONDS } from '../support/jwt.ts'
import {
  ALGORITHMS,
  OTHER_KEY,
  rawSession,
  SESSION_KEYS,
  sessionClaims,
  sessionTokens,
  signedWith,
  verifiedInstance,
} from '../support/session.ts'

const KEY = SESSION_KEYS.ES256
const { keys: PUBLISHED } = await sessionTokens({ keys: ALGORITHMS.map((alg) => SESSION_KEYS[alg]) }).jwks()

describe('a forged session token', () => {
  const tokens = sessionTokens({ keys: ALGORITHMS.map((alg) => SESSION_KEYS[alg]) })
  const token = rawSession()
  const [header = '', payload = '', signature = ''] = token.split('.')

  describe('J-01: is rejected when it has', () => {
    const hmac =
      (key: string | Buffer, hash = 'sha256') =>
      (data: Buffer): Buffer =>
        createHmac(hash, key).update(data).digest()
    const forged = (alg: string, signer: (data: Buffer) => Buffer, key: SessionKey = KEY): string =>
      rawJwt({ alg, typ: 'wix-session+jwt', kid: key.kid }, sessionClaims(), signer)
    const publicForms = (key: SessionKey): Array<[string, string | Buffer]> => {
      const jwk = PUBLISHED.find(({ kid }) => kid === key.kid) ?? {}
      const spki = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
      const pem = spki.export({ type: 'spki', format: 'pem' }).toString()
      const der = spki.export({ type: 'spki', format: 'der' })
      return [
        ['the PEM', pem],
        ['the trimmed PEM', pem.trim()],
        ['the PEM with CRLF', pem.replaceAll('\n', '\r\n')],
        ['the DER', der],
        ['the DER in base64', der.toString('base64')],
        ['the JWK', JSON.stringify(jwk)],
        ['the bare JWK', JSON.stringify(spki.export({ format: 'jwk' }))],
        ['the x of the JWK', String((jwk as { x?: string; n?: string }).x ?? (jwk as { n?: string }).n)],
        ['an empty string', ''],
      ]
    }
    const others: Array<[string, string]> = [
      ['no signature', forged('none', () => Buffer.alloc(0))],
      ['no signature, with the algorithm in capitals', forged('NONE', () => Buffer.alloc(0))],
      ['no algorithm, but a genuine signature', forged('none', signedWith(KEY))],
      ['an algorithm that is not allowed', forged('ES256K', signedWith(KEY))],
      ['its algorithm in lower case', forged('es256', signedWith(KEY))],
      ['a signature of another issuer, with its own kid', rawSession({}, sessionClaims(), OTHER_KEY)],
      ['a signature of another issuer, with our kid', rawSession({ kid: KEY.kid }, sessionClaims(), OTHER_KEY)],
      ['the kid of another of our keys', rawSession({ kid: SESSION_KEYS.EdDSA.kid })],
      ['the kid and the alg of another of our keys', forged('RS256', signedWith(KEY), SESSION_KEYS.RS256)],
      ['PS256 with our RSA key', forged('PS256', signedWith(SESSION_KEYS.RS256), SESSION_KEYS.RS256)],
      ['RS512 with our RSA key', forged('RS512', signedWith(SESSION_KEYS.RS256), SESSION_KEYS.RS256)],
      ['an unknown kid', rawSession({ kid: 'unknown' })],
      ['an empty kid', rawSession({ kid: '' })],
      ['no kid', rawSession({ kid: undefined })],
      ['a kid that is a number', rawSession({ kid: 0 })],
      ['a kid in an array', rawSession({ kid: [KEY.kid] })],
      ['a kid that is a path', rawSession({ kid: '../../dev/null' })],
      ['a kid that every object has as a property', rawSession({ kid: '__proto__' })],
    ]
    for (const alg of ALGORITHMS) {
      for (const [form, secret] of publicForms(SESSION_KEYS[alg])) {
        others.push([`HS256 with ${form} as the secret (${alg})`, forged('HS256', hmac(secret), SESSION_KEYS[alg])])
      }
    }
    others.push([
      'HS512 with the PEM as the secret (ES256)',
      forged('HS512', hmac(publicForms(KEY)[0]?.[1] ?? '', 'sha512')),
    ])
    for (const [name, forgery] of others) {
      it(name, async () => {
        expect(await refusalOf(tokens.verify(forgery))).to.equal('signature_invalid')
      })
    }

    it('its own key in the header, which is not fetched', async () => {
      const jwk = createPublicKey({ key: OTHER_KEY as JsonWebKey, format: 'jwk' }).export({ format: 'jwk' })
      const fetch = sinon.stub(globalThis, 'fetch').rejects(new Error('fetched'))
      try {
        for (const source of [
          { jwk },
          { jku: 'http://127.0.0.1:1/' },
          { x5u: 'http://127.0.0.1:1/' },
          { x5c: ['AA'] },
        ]) {
          for (const kid of [KEY.kid, OTHER_KEY.kid]) {
            const forgery = rawSession({ ...source, kid }, sessionClaims(), OTHER_KEY)
            expect(await refusalOf(tokens.verify(forgery))).to.equal('signature_invalid')
          }
        }
        sinon.assert.notCalled(fetch)
      } finally {
        fetch.restore()
      }
    })

    it('a signature of another issuer that has the same name', async () => {
      const other = sessionTokens({ keys: [OTHER_KEY] })
      const foreign = await other.issue(verifiedInstance())
      expect(await other.verify(foreign)).to.have.property('instanceId', 'instance-1')
      expect(await refusalOf(tokens.verify(foreign))).to.equal('signature_invalid')
      expect(await refusalOf(other.verify(token))).to.equal('signature_invalid')
    })

    for (const alg of ALGORITHMS) {
      it(`any bit of the ${alg} signature flipped, or a shorter or longer signature`, async () => {
        const key = SESSION_KEYS[alg]
        const good = rawSession({}, sessionClaims(), key)
        const dot = good.lastIndexOf('.')
        const bytes = Buffer.from(good.slice(dot + 1), 'base64url')
        const withSignature = (changed: Buffer): string => `${good.slice(0, dot)}.${changed.toString('base64url')}`
        expect(withSignature(bytes)).to.equal(good)
        // Each bit of every byte of the short ones, of some of the long one.
        for (let bit = 0; bit < bytes.length * 8; bit += alg === 'RS256' ? 13 : 1) {
          const flipped = Buffer.from(bytes)
          flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
          expect(await refusalOf(tokens.verify(withSignature(flipped))), `bit ${bit}`).to.equal('signature_invalid')
        }
        for (const length of [0, 1, 32, bytes.length - 1]) {
          expect(await refusalOf(tokens.verify(withSignature(bytes.subarray(0, length))))).to.equal('signature_invalid')
        }
        for (const other of [
          Buffer.concat([bytes, Buffer.alloc(1)]),
          Buffer.alloc(bytes.length),
          Buffer.alloc(bytes.length, 255),
        ]) {
          expect(await refusalOf(tokens.verify(withSignature(other)))).to.equal('signature_invalid')
        }
      })
    }

    it('an ES256 signature in DER', async () => {
      const privateKey = createPrivateKey({ key: KEY as JsonWebKey, format: 'jwk' })
      expect(await refusalOf(tokens.verify(forged('ES256', (data) => sign('sha256', data, privateKey))))).to.equal(
        'signature_invalid',
      )
    })

    it('a payload or a header that was changed after it was signed', async () => {
      for (const claims of [
        { sub: 'USER:user-2', subjectId: 'user-2' },
        { instanceId: 'instance-2' },
        { exp: SECONDS + 601 },
        { permissions: undefined },
        { jti: 'B' },
        { roles: ['admin'] },
      ]) {
        const [, changed = ''] = rawSession({}, sessionClaims(claims)).split('.')
        expect(await refusalOf(tokens.verify(`${header}.${changed}.${signature}`))).to.equal('signature_invalid')
      }
      const [changed = ''] = rawSession({ x: 1 }).split('.')
      expect(await refusalOf(tokens.verify(`${changed}.${payload}.${signature}`))).to.equal('signature_invalid')
      const bytes = Buffer.from(payload, 'base64url')
      for (let at = 0; at < bytes.length; at += 7) {
        const flipped = Buffer.from(bytes)
        flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
        const forgery = `${header}.${flipped.toString('base64url')}.${signature}`
        expect(await refusalOf(tokens.verify(forgery)), `byte ${at}`).to.equal('signature_invalid')
      }
    })
  })

  describe('J-04: is rejected in another form:', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    /** With an unused bit set in the last character. */
    const unused = (part: string): string =>
      part.slice(0, -1) + (alphabet[alphabet.indexOf(part.at(-1) ?? '') ^ 1] ?? '')
    const odd = [header, payload, signature].findIndex((part) => part.length % 4 !== 0)
    const forms: Array<[string, string]> = [
      ['one part', header],
      ['two parts', `${header}.${payload}`],
      ['four parts', `${token}.`],
      ['five parts', `${token}.a.b`],
      ['dots only', '..'],
      ['an empty string', ''],
      ['no header', `.${payload}.${signature}`],
      ['no payload', `${header}..${signature}`],
      ['padding of the signature', `${token}==`],
      ['padding of the payload', `${header}.${payload}=.${signature}`],
      ['a trailing line feed', `${token}\n`],
      ['a leading space', ` ${token}`],
      ['whitespace inside', `${header}.${payload.slice(0, 8)} ${payload.slice(8)}.${signature}`],
      ['a trailing NUL', `${token}\0`],
      ['a leading byte order mark', `\uFEFF${token}`],
      ['a Bearer scheme', `Bearer ${token}`],
      ['quotation marks around it', `"${token}"`],
      ['the other Base64 alphabet', `${header}.${payload}.${signature.slice(0, 20)}+/${signature.slice(22)}`],
      ['a Cyrillic letter', `${header}.${payload}.${signature.slice(0, -1)}е`],
      ['unused bits in the signature', `${header}.${payload}.${unused(signature)}`],
      [
        'unused bits in another part',
        [header, payload, signature].map((part, at) => (at === odd ? unused(part) : part)).join('.'),
      ],
    ]
    for (const [name, form] of forms) {
      it(name, async () => {
        expect(form).to.not.equal(token)
        // A token with an empty part may get as far as the signature.
        const codes =
          name === 'dots only' || name.startsWith('no ')
            ? ['token_malformed', 'signature_invalid']
            : ['token_malformed']
        expect(await refusalOf(tokens.verify(form))).to.be.oneOf(codes)
      })
    }

    it('anything but a string, as an invalid request', async () => {
      for (const value of [undefined, null, 7, true, [token], { token }, Buffer.from(token), Object(token)]) {
        const error = await errorOf(tokens.verify(value as never))
        expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code: 'request_invalid', status: 400 })
      }
    })

    it('more than 8192 characters, before anything is decoded', async () => {
      const padded = (headerSize: number, size: number): string =>
        rawSession({ x: 'x'.repeat(headerSize) }, sessionClaims({ x: 'x'.repeat(size) }))
      const byLength = new Map<number, string>()
      const size = Math.floor(((8192 - token.length) * 3) / 4) - 20
      for (let headerSize = 0; headerSize < 4; headerSize++) {
        for (let more = 0; more < 20; more++) {
          const long = padded(headerSize, size + more)
          byLength.set(long.length, long)
        }
      }
      expect(await tokens.verify(byLength.get(8192) ?? '')).to.have.property('instanceId', 'instance-1')
      const parse = sinon.spy(JSON, 'parse')
      try {
        expect(await refusalOf(tokens.verify(byLength.get(8193) ?? ''))).to.equal('token_malformed')
        expect(await refusalOf(tokens.verify('a'.repeat(10_000_000)))).to.equal('token_malformed')
        expect(await refusalOf(tokens.verify('.'.repeat(10_000_000)))).to.equal('token_malformed')
        sinon.assert.notCalled(parse)
      } finally {
        parse.restore()
      }
    })

    it('a header of more than 2048 characters', async () => {
      expect(await tokens.verify(rawSession({ x: 'x'.repeat(1400) }))).to.have.property('instanceId')
      expect(await refusalOf(tokens.verify(rawSession({ x: 'x'.repeat(1600) })))).to.equal('token_malformed')
    })
  })

  it('E-01: leaves nothing of itself in the error', async () => {
    const canary = 'canary-91b2'
    const forgeries = [
      rawSession({}, sessionClaims({ instanceId: canary, exp: 1 })),
      rawSession({}, sessionClaims({ instanceId: canary, iat: SECONDS + 1000 })),
      rawSession({}, sessionClaims({ instanceId: canary, iss: canary })),
      rawSession({}, sessionClaims({ instanceId: canary, aud: canary })),
      rawSession({}, sessionClaims({ subjectType: canary })),
      rawSession({}, sessionClaims({ sub: canary })),
      rawSession({}, sessionClaims({ exp: canary })),
      rawSession({ typ: canary }),
      rawSession({ kid: canary }),
      rawSession({ alg: canary }),
      rawSession({ crit: [canary], [canary]: 1 }),
      rawSession({ kid: KEY.kid }, sessionClaims({ jti: canary }), OTHER_KEY),
      rawSession({}, Buffer.from(`{"${canary}`)),
      `${canary}.${canary}.${canary}`,
      `${token}${canary}`,
      canary.repeat(1000),
    ]
    for (const forgery of forgeries) {
      const reason = await errorOf(tokens.verify(forgery))
      expect(reason).to.be.instanceOf(WixAuthError)
      const shown = everythingIn(reason)
      expect(shown).to.not.include(canary)
      expect(shown).to.not.include(forgery.slice(0, 20))
      expect(shown).to.not.include(Buffer.from(canary).toString('base64url'))
    }
  })
})
