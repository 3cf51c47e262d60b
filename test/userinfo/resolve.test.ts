import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import sinon from 'sinon'
import {
  resolveUserInfo,
  type UserInfoContext,
  type UserInfoSource,
  WixAuthError,
  WixUnavailableError,
} from '../../lib/index.ts'
import { instance, now, SECRET } from '../support/build.ts'
import { refusalOf, SECONDS } from '../support/jwt.ts'
import { type Answer, KeySetServer } from '../support/key-set-server.ts'
import { optionsTable } from '../support/options-table.ts'
import { type TokenInfoServer, whole } from '../support/token-info-server.ts'
import { CANARY, errorOf, expectNoCanary, userInfoServers } from '../support/userinfo.ts'
import { verifyInstance } from '../support/verify.ts'

const identity = await verifyInstance(instance(), { secret: SECRET, now })

const WRONG_SOURCE =
  "resolveUserInfo: the source must be a URL, 'token', 'token://id_token', 'token://access_token', or a function that returns one of these " +
  'or an object of claims'
const WRONG_URL =
  'resolveUserInfo: a relative URL must stay on the origin of `baseUrl`, an absolute one must have that origin or one of `origins`; ' +
  'neither may have a password, whitespace, a backslash or characters outside ASCII'

describe('resolveUserInfo', () => {
  let ours: TokenInfoServer
  let evil: TokenInfoServer
  let context: UserInfoContext

  beforeEach(async () => {
    ;({ ours, evil, context } = await userInfoServers())
  })
  afterEach(() => Promise.all([ours.close(), evil.close()]))

  const resolve = (source: unknown, overrides: object = {}): Promise<Record<string, unknown>> =>
    resolveUserInfo(source as UserInfoSource, { ...context, ...overrides })

  describe("with 'token'", () => {
    it('returns a copy of the token response', async () => {
      const tokenResponse = { access_token: 'opaque', scope: ['a'], expires_in: 60 }
      const claims = await resolve('token', { tokenResponse })
      expect(claims).to.deep.equal(tokenResponse)
      expect(claims).to.not.equal(tokenResponse)
      expect(ours.calls).to.deep.equal([])
    })

    it('I-11: drops the names that could change an object, from the copy only', async () => {
      const tokenResponse = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"a":1}') as object
      const claims = await resolve('token', { tokenResponse })
      expect(Object.getOwnPropertyNames(claims)).to.deep.equal(['a'])
      expect(Object.keys(tokenResponse)).to.have.length(3)
    })

    it('P-10: requires a token response', async () => {
      for (const source of ['token', 'token://id_token', 'token://access_token']) {
        const error = await errorOf(resolve(source))
        expect(error).to.be.instanceOf(TypeError)
        expect(error.message).to.include('`tokenResponse`')
      }
    })
  })

  for (const name of ['id_token', 'access_token'] as const) {
    describe(`with 'token://${name}'`, () => {
      const ISSUER = 'https://issuer.example'
      const AUDIENCE = 'client-1'
      const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA']
      const claims: JWTPayload = {
        iss: ISSUER,
        aud: AUDIENCE,
        sub: 'u',
        iat: SECONDS - 10,
        exp: SECONDS + 60,
        email: CANARY,
      }
      const keys = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>()
      let keySetServer: KeySetServer
      let set: { keys: object[] }
      let otherKey: CryptoKey

      before(async () => {
        for (const alg of ALGORITHMS) keys.set(alg, await generateKeyPair(alg, { extractable: true }))
        otherKey = (await generateKeyPair('ES256')).privateKey
        set = {
          keys: await Promise.all(
            [...keys].map(async ([kid, { publicKey }]) => Object.assign(await exportJWK(publicKey), { alg: kid, kid })),
          ),
        }
      })
      beforeEach(async () => {
        keySetServer = new KeySetServer(() => set)
        await keySetServer.open()
        context = { ...context, keySet: { jwksUri: keySetServer.url, issuer: ISSUER, audience: AUDIENCE } }
      })
      afterEach(() => keySetServer.close())

      const keyOf = (alg: string): CryptoKey => {
        const pair = keys.get(alg)
        if (pair === undefined) throw new Error(`no key for ${alg}`)
        return pair.privateKey
      }
      const signed = (
        overrides: object = {},
        header: object = {},
        key: Parameters<SignJWT['sign']>[0] = keyOf('ES256'),
      ): Promise<string> =>
        new SignJWT({ ...claims, ...overrides }).setProtectedHeader({ alg: 'ES256', kid: 'ES256', ...header }).sign(key)
      const verify = (token: unknown, overrides: object = {}): Promise<Record<string, unknown>> =>
        resolve(`token://${name}`, { tokenResponse: { other: 1, [name]: token }, ...overrides })

      for (const alg of ALGORITHMS) {
        it(`returns the claims of a JWT that is signed with ${alg}`, async () => {
          expect(await verify(await signed({}, { alg, kid: alg }, keyOf(alg)))).to.deep.equal(claims)
        })
      }

      it('I-11: drops claims that could change an object', async () => {
        const json = JSON.stringify({ ...claims, x: 1 }).replace(
          '"x":1',
          '"__proto__":{"isAdmin":true},"constructor":1',
        )
        const payload = JSON.parse(json) as JWTPayload
        const found = await verify(
          await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'ES256' }).sign(keyOf('ES256')),
        )
        expect(Object.getOwnPropertyNames(found)).to.have.members(Object.keys(claims))
      })

      const encode = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url')
      const hmac = (secret: string | Buffer, kid: string): string => {
        const data = `${encode({ alg: 'HS256', kid })}.${encode(claims)}`
        return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`
      }
      const published = async (alg: string): Promise<string> => exportSPKI(keys.get(alg)?.publicKey ?? otherKey)

      const rejected: Array<[string, () => string | Promise<string>, string]> = [
        ['S-01: rejects a JWT signed with another key', () => signed({}, {}, otherKey), 'signature_invalid'],
        [
          'S-01: rejects a JWT without a signature',
          () => `${encode({ alg: 'none' })}.${encode(claims)}.`,
          'signature_invalid',
        ],
        [
          'S-01: rejects a JWT without a signature, with a kid',
          () => `${encode({ alg: 'none', kid: 'ES256' })}.${encode(claims)}.`,
          'signature_invalid',
        ],
        [
          'S-01: rejects a JWT signed with HS256 and the public key',
          async () => hmac(await published('RS256'), 'RS256'),
          'signature_invalid',
        ],
        [
          'S-01: rejects a JWT signed with HS256 and the JWK',
          () => hmac(JSON.stringify(set.keys[0]), 'RS256'),
          'signature_invalid',
        ],
        [
          'S-01: rejects a JWT signed with HS256 and the modulus',
          () => hmac(Buffer.from(String(Object(set.keys[0])['n']), 'base64url'), 'RS256'),
          'signature_invalid',
        ],
        [
          'S-01: rejects a JWT signed with an algorithm that is not allowed',
          async () => signed({}, { alg: 'ES384' }, (await generateKeyPair('ES384')).privateKey),
          'signature_invalid',
        ],
        ['S-05: rejects a JWT with an unknown kid', () => signed({}, { kid: 'other' }), 'signature_invalid'],
        ['S-05: rejects a JWT with the kid of another key', () => signed({}, { kid: 'EdDSA' }), 'signature_invalid'],
        [
          'J-03: rejects a JWT with its own key in the header',
          async () => {
            const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
            const jwk = await exportJWK(publicKey)
            return signed({}, { jwk, jku: evil.url, x5u: evil.url, kid: evil.url }, privateKey)
          },
          'signature_invalid',
        ],
        ['S-01: rejects a JWT from another issuer', () => signed({ iss: `${ISSUER}/` }), 'claim_invalid'],
        ['S-01: rejects a JWT without an issuer', () => signed({ iss: undefined }), 'claim_invalid'],
        ['S-01: rejects a JWT for another audience', () => signed({ aud: ['client-2'] }), 'claim_invalid'],
        ['S-01: rejects a JWT without an audience', () => signed({ aud: undefined }), 'claim_invalid'],
        ['J-05: rejects a JWT that has expired', () => signed({ exp: SECONDS - 30 }), 'token_expired'],
        ['J-05: rejects a JWT that never expires', () => signed({ exp: undefined }), 'claim_invalid'],
        ['J-05: rejects a JWT that is not valid yet', () => signed({ nbf: SECONDS + 31 }), 'claim_invalid'],
        ['J-05: rejects a JWT issued in the future', () => signed({ iat: SECONDS + 31 }), 'claim_invalid'],
        ['rejects anything but a JWT', () => 'CANARY', 'token_malformed'],
        ['rejects an opaque token', () => 'OauthNG.JWS.a.b.CANARY', 'token_malformed'],
        ['J-04: rejects a JWT with whitespace', async () => `${await signed()}\n`, 'token_malformed'],
        ['rejects an empty string', () => '', 'credentials_missing'],
      ]
      for (const [title, make, code] of rejected) {
        it(title, async () => {
          const error = await errorOf(verify(await make()))
          expect(error).to.be.instanceOf(WixAuthError).and.to.include({ code })
          expectNoCanary(error)
          expect(evil.calls).to.deep.equal([])
        })
      }

      it('J-04: accepts a JWT of 64 KiB, and none that is longer', async () => {
        const filled = (x: string): Promise<string> => signed({ x }, { typ: 'JOSE' })
        const fill = 'x'.repeat(Math.ceil((65_536 - (await filled('')).length) * 0.75))
        const longest = await filled(fill)
        expect(longest).to.have.length(65_536)
        expect(await verify(longest)).to.include({ x: fill })
        const longer = await filled(`${fill}x`)
        const error = await errorOf(verify(longer))
        expect(error).to.include({
          name: 'WixAuthError',
          code: 'token_malformed',
          hint: `${longer.length} characters; the limit is 65536`,
        })
        expectNoCanary(error)
      })

      it('rejects a forged payload under a genuine signature', async () => {
        const [header = '', , signature = ''] = (await signed()).split('.')
        expect(await refusalOf(verify(`${header}.${encode({ ...claims, email: 'evil' })}.${signature}`))).to.equal(
          'signature_invalid',
        )
      })

      it('honours clockTolerance', async () => {
        const token = await signed({ exp: SECONDS - 10 })
        expect(await verify(token)).to.include({ sub: 'u' })
        expect(await refusalOf(verify(token, { clockTolerance: 10 }))).to.equal('token_expired')
      })

      it('rejects a response without the JWT, and one where it is not a string', async () => {
        for (const token of [undefined, null]) expect(await refusalOf(verify(token))).to.equal('credentials_missing')
        for (const token of [7, {}, [await signed()]]) {
          expect(await refusalOf(verify(token))).to.equal('request_invalid')
        }
        const inherited = Object.create({ [name]: await signed() }) as object
        expect(await refusalOf(resolve(`token://${name}`, { tokenResponse: inherited }))).to.equal(
          'credentials_missing',
        )
      })

      it('S-05: reads the key set once, for good JWTs and for 100 with unknown keys', async () => {
        for (let index = 0; index < 100; index++) {
          expect(await refusalOf(verify(await signed({}, { kid: `unknown-${index}` })))).to.equal('signature_invalid')
          if (index % 10 === 0) expect(await verify(await signed({ n: index }))).to.include({ n: index })
        }
        expect(keySetServer.reads.map(({ path }) => path)).to.deep.equal([new URL(keySetServer.url).pathname])
        expect(keySetServer.reads[0]?.headers).to.not.have.property('authorization')
      })

      it('T-07: is unavailable when the key set is unavailable', async () => {
        const sets: Array<[string, Answer]> = [
          ['500', whole({}, 500)],
          ['302', whole({}, 302, { location: evil.url })],
          ['html', whole('<html>CANARY</html>')],
          ['object', whole({ CANARY })],
        ]
        const token = await signed()
        for (const [path, answer] of sets) {
          keySetServer.answer = answer
          const keySet = { ...context.keySet, jwksUri: new URL(path, keySetServer.url).href }
          const error = await errorOf(verify(token, { keySet }))
          expect(error, path).to.be.instanceOf(WixUnavailableError)
          expectNoCanary(error)
        }
        await keySetServer.close()
        expect(await errorOf(verify(token))).to.be.instanceOf(WixUnavailableError)
        expect(evil.calls).to.deep.equal([])
      })

      it('P-10: requires all of keySet', async () => {
        const token = await signed()
        const { jwksUri, issuer, audience } = { jwksUri: keySetServer.url, issuer: ISSUER, audience: AUDIENCE }
        for (const keySet of [
          undefined,
          {},
          { jwksUri },
          { jwksUri, issuer },
          { jwksUri, audience },
          { issuer, audience },
        ]) {
          const error = await errorOf(verify(token, { keySet }))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.match(
            /^resolveUserInfo keySet: option `(jwksUri|issuer|audience)` (is missing: it must|must) be /,
          )
        }
        const wrong: Array<[object, string]> = [
          [{ jwksUri: 'http://issuer.example/jwks', issuer, audience }, '`jwksUri`'],
          [{ jwksUri: '/jwks', issuer, audience }, '`jwksUri`'],
          [{ jwksUri, issuer: '', audience }, '`issuer`'],
          [{ jwksUri, issuer, audience: [audience] }, '`audience`'],
          [{ jwksUri, issuer, audience: undefined }, '`audience`'],
          [{ jwksUri, issuer, audience, algorithms: ['none'] }, '`algorithms`'],
        ]
        for (const [keySet, message] of wrong) {
          const error = await errorOf(verify(token, { keySet }))
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message)
            .to.match(/^resolveUserInfo keySet: /)
            .and.to.include(message)
        }
        for (const keySet of [[], 7, 'string', null]) {
          expect(await errorOf(verify(token, { keySet }))).to.be.instanceOf(TypeError)
        }
        expect(keySetServer.reads).to.deep.equal([])
        expect(ours.calls).to.deep.equal([])
      })
    })
  }

  describe('with a function', () => {
    const KEY_SET = { jwksUri: 'https://issuer.example/jwks', issuer: 'https://issuer.example', audience: 'client-1' }

    it('returns a copy of the claims that it returns, also as a promise', async () => {
      const claims = { email: 'a@example.com', roles: ['a'] }
      for (const answer of [claims, Promise.resolve(claims), Object.freeze({ ...claims })]) {
        const found = await resolve(() => answer)
        expect(found).to.deep.equal(claims)
        expect(found).to.not.equal(answer)
      }
    })

    it('I-11: drops the names that could change an object, from the copy only', async () => {
      const claims = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1,"prototype":2,"a":1}') as object
      expect(Object.getOwnPropertyNames(await resolve(() => claims))).to.deep.equal(['a'])
      expect(Object.keys(claims)).to.have.length(4)
    })

    it('resolves the source that it returns', async () => {
      expect(await resolve(() => '/me')).to.deep.equal({ email: 'a@example.com' })
      expect(await resolve(async () => `${ours.url}/you`)).to.deep.equal({ email: 'a@example.com' })
      expect(await resolve(() => 'token', { tokenResponse: { a: 1 } })).to.deep.equal({ a: 1 })
      expect(await refusalOf(resolve(() => 'token://id_token', { tokenResponse: {}, keySet: KEY_SET }))).to.equal(
        'credentials_missing',
      )
      expect(await errorOf(resolve(() => `${evil.url}/me`)))
        .to.be.instanceOf(TypeError)
        .and.have.property('message', WRONG_URL)
      expect(evil.calls).to.deep.equal([])
      expect(await resolve(() => `${evil.url}/me`, { origins: [evil.url] })).to.deep.equal({
        email: 'evil@example.com',
      })
    })

    it('passes it a copy of the context', async () => {
      const source = sinon.fake((given: UserInfoContext) => {
        expect(given).to.deep.equal({ ...context, identity })
        given.baseUrl = evil.url
        given.origins = [evil.url]
        return `${evil.url}/me`
      })
      expect(await errorOf(resolve(source, { identity }))).to.be.instanceOf(TypeError)
      sinon.assert.calledOnce(source)
      expect(evil.calls).to.deep.equal([])
    })

    it('rejects with what it throws', async () => {
      const broken = new Error('broken')
      const failing = [
        () => {
          throw broken
        },
        () => Promise.reject(broken),
      ]
      for (const source of failing) expect(await errorOf(resolve(source))).to.equal(broken)
    })

    it('rejects when it returns neither an object nor the place of one', async () => {
      for (const odd of [undefined, null, false, true, 0, 7, 1n, Symbol('x'), [], ['/me'], () => '/me', () => ({})]) {
        for (const answer of [odd, Promise.resolve(odd)]) {
          const error = await errorOf(resolve(() => answer))
          expect(error, inspect(odd)).to.be.instanceOf(TypeError)
          expect(error.message, inspect(odd)).to.equal(WRONG_SOURCE)
        }
        expect(ours.calls, inspect(odd)).to.deep.equal([])
      }
    })
  })

  it('P-10: rejects a source that is neither a string nor a function', async () => {
    for (const source of [undefined, null, false, true, 0, 7, {}, { email: 'a' }, ['/me'], Promise.resolve('/me')]) {
      const error = await errorOf(resolve(source))
      expect(error, inspect(source)).to.be.instanceOf(TypeError)
      expect(error.message, inspect(source)).to.equal(WRONG_SOURCE)
      expect(ours.calls, inspect(source)).to.deep.equal([])
    }
  })

  describe('P-10: the context', () => {
    const withContext = async (overrides: object): Promise<void> => {
      const source = sinon.fake.returns({})
      try {
        await resolve(source, overrides)
      } finally {
        sinon.assert.notCalled(source)
      }
    }
    optionsTable({ resolveUserInfo: withContext }, [
      [{ identity: 'user-1' }, 'option `identity` must be an identity of Wix, got a string'],
      [{ identity: {} }, '`identity`'],
      [{ identity: null }, '`identity`'],
      [{ token: '' }, 'option `token` must be a non-empty string, got an empty string'],
      [{ token: [CANARY] }, '`token`'],
      [{ token: undefined }, '`token`'],
      [{ tokenResponse: 'CANARY' }, 'option `tokenResponse` must be an object, got a string'],
      [{ tokenResponse: [CANARY] }, '`tokenResponse`'],
      [{ tokenResponse: null }, '`tokenResponse`'],
      [{ baseUrl: 'http://base.example' }, '`baseUrl`'],
      [{ baseUrl: 'https://user:CANARY@base.example' }, '`baseUrl`'],
      [{ baseUrl: 'base.example' }, '`baseUrl`'],
      [{ baseUrl: '//base.example' }, '`baseUrl`'],
      [{ baseUrl: 'javascript:CANARY' }, '`baseUrl`'],
      [{ baseUrl: 'https://base.example/?CANARY' }, '`baseUrl`'],
      [{ baseUrl: 'https://base.example/#CANARY' }, '`baseUrl`'],
      [{ baseUrl: { href: 'https://base.example' } }, '`baseUrl`'],
      [
        { origins: 'https://base.example' },
        'option `origins` must be an array of origins like https://api.example.com, got a string',
      ],
      [{ origins: ['*'] }, '`origins`'],
      [{ origins: ['null'] }, '`origins`'],
      [{ origins: [undefined] }, '`origins`'],
      [{ origins: ['http://base.example'] }, '`origins`'],
      [{ origins: ['https://base.example/'] }, '`origins`'],
      [{ origins: ['https://base.example/api'] }, '`origins`'],
      [{ origins: ['https://base.example:443'] }, '`origins`'],
      [{ origins: ['https://BASE.example'] }, '`origins`'],
      [{ origins: ['https://user@base.example'] }, '`origins`'],
      [{ origins: ['https://base.example', 'base.example'] }, '`origins`'],
      [{ timeout: 0 }, '`timeout`'],
      [{ timeout: Infinity }, '`timeout`'],
      [{ timeout: '2' }, '`timeout`'],
      [{ clockTolerance: 301 }, '`clockTolerance`'],
      [{ fetch: 'fetch' }, '`fetch`'],
      [{ now: 7 }, '`now`'],
      [{ url: '/me' }, '`url`'],
    ])
  })

  it('P-10: rejects a context that is not an object, and requires none for a function', async () => {
    for (const odd of [null, 7, 'CANARY', []]) {
      expect(await errorOf(resolveUserInfo('/me', odd as never))).to.be.instanceOf(TypeError)
    }
    expect(await resolveUserInfo(() => ({ a: 1 }))).to.deep.equal({ a: 1 })
  })

  it('P-11: reads nothing of the context from Object.prototype', async () => {
    Object.assign(Object.prototype, { origins: [evil.url], token: 'x', tokenResponse: { a: 1 }, baseUrl: evil.url })
    try {
      expect(await errorOf(resolveUserInfo(`${evil.url}/me`, {}))).to.be.instanceOf(TypeError)
      expect(await errorOf(resolveUserInfo('/me', {}))).to.be.instanceOf(TypeError)
      expect(await errorOf(resolveUserInfo('token', {}))).to.be.instanceOf(TypeError)
    } finally {
      for (const name of ['origins', 'token', 'tokenResponse', 'baseUrl'])
        Reflect.deleteProperty(Object.prototype, name)
    }
    expect(evil.calls).to.deep.equal([])
  })
})
