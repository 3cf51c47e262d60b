import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError, type WixAuthErrorCode, WixUnavailableError, WixWebhookStrategy } from '../../lib/index.ts'
import { signedAs } from '../../lib/errors.ts'
import { checkForm, type FindKey, type JwtRules, type VerifiedClaims, verifyJwt } from '../../lib/internal/jwt.ts'
import type { KeyObject } from '../../lib/internal/keys.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { NOW, now } from '../support/build.ts'
import {
  APP_ID,
  BODY,
  claims,
  digest,
  KEYS,
  OTHER_KEYS,
  PUBLIC_KEY,
  rawJwt,
  refusalOf,
  SECONDS,
  servicePlugin,
  signedBy,
  TIMES,
  webhook,
} from '../support/jwt.ts'
import { errorOf, everythingIn } from '../support/errors.ts'
import { runToEnd as run } from '../support/run.ts'
import { verifyDigest, verifyServicePlugin, verifyWebhook } from '../support/verify.ts'

const verify = (body: string | Uint8Array, options: object = {}): Promise<unknown> =>
  verifyWebhook(body, { publicKey: KEYS.publicKey, now, ...options })
const HEADER = { kid: 'TestKey1', alg: 'RS256' }
const pem = KEYS.publicKey
const RULES = { algorithms: ['RS256'], toIdentity: (verified: VerifiedClaims) => verified }

describe('a JWT from Wix', () => {
  it('is accepted as it is', async () => {
    expect(await verify(rawJwt(HEADER, claims()))).to.include({ instanceId: 'instance-1', ...TIMES })
  })

  describe('J-03: with a header', () => {
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = own.publicKey.export({ format: 'jwk' })
    const sources: Array<[string, object]> = [
      ['jwk', { jwk }],
      ['jku', { jku: 'http://127.0.0.1:1/keys' }],
      ['x5u', { x5u: 'http://127.0.0.1:1/certificate' }],
      ['x5c', { x5c: [own.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }],
      ['kid', { kid: '../../dev/null' }],
    ]
    for (const [name, header] of sources) {
      it(`${name} that names another key is rejected, and that key is not used or fetched`, async () => {
        const token = rawJwt({ ...HEADER, ...header }, claims(), signedBy('RSA-SHA256', own.privateKey))
        expect(await refusalOf(verify(token))).to.equal('signature_invalid')
      })
      it(`${name} does not matter where the right key signed`, async () => {
        expect(await verify(rawJwt({ ...HEADER, ...header }, claims()))).to.have.property('instanceId')
      })
    }

    const refused: Array<[string, object]> = [
      ['crit', { crit: ['x'], x: 1 }],
      ['empty crit', { crit: [] }],
      ['crit of null', { crit: null }],
      ['crit of b64', { crit: ['b64'], b64: true }],
      ['crit of b64 that is off', { crit: ['b64'], b64: false }],
      ['b64', { b64: true }],
      ['b64 that is off', { b64: false }],
      ['zip', { zip: 'DEF' }],
      ['zip of null', { zip: null }],
      ['no alg', { alg: undefined }],
      ['alg in an array', { alg: ['RS256'] }],
    ]
    for (const [name, header] of refused) {
      it(`${name} is rejected, though the right key signed`, async () => {
        expect(await refusalOf(verify(rawJwt({ ...HEADER, ...header }, claims())))).to.be.oneOf([
          'token_malformed',
          'signature_invalid',
        ])
      })
    }

    const broken: Array<[string, unknown]> = [
      ['an array', ['RS256']],
      ['null', null],
      ['no JSON', Buffer.from('{"alg":"RS256"')],
      ['no UTF-8', Buffer.from('{"alg":"RS256","x":"\xff"}', 'latin1')],
      ['nothing', Buffer.alloc(0)],
    ]
    for (const [name, header] of broken) {
      it(`that is ${name} is rejected`, async () => {
        expect(await refusalOf(verify(rawJwt(header, claims())))).to.equal('token_malformed')
      })
    }
  })

  describe('J-04: of another shape', () => {
    const token = webhook()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const last = signature.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const unused = signature.slice(0, -1) + (alphabet[(alphabet.indexOf(last) ^ 1) % 64] ?? '')
    const tokens: Array<[string, string]> = [
      ['one part', header],
      ['two parts', `${header}.${payload}`],
      ['four parts', `${token}.`],
      ['five parts, as in a JWE', `${token}.a.b`],
      ['no header', `.${payload}.${signature}`],
      ['no payload', `${header}..${signature}`],
      ['only dots', '..'],
      ['an instance', `${signature.slice(0, 43)}.${payload}`],
      ['a line end after it', `${token}\n`],
      ['a space before it', ` ${token}`],
      ['a byte order mark before it', `\uFEFF${token}`],
      ['a NUL after it', `${token}\0`],
      ['a Bearer scheme', `Bearer ${token}`],
      ['quotes around it', `"${token}"`],
      ['padding of the signature', `${token}==`],
      ['padding of the payload', `${header}.${payload}=.${signature}`],
      ['whitespace in the payload', `${header}.${payload.slice(0, 8)}\n${payload.slice(8)}.${signature}`],
      ['the other alphabet', token.replaceAll('-', '+').replaceAll('_', '/')],
      ['bits that mean nothing', `${header}.${payload}.${unused}`],
      ['a letter that is none', token.replace('e', 'е')],
    ]
    for (const [name, other] of tokens) {
      it(`(${name}) is rejected`, async () => {
        expect(other).to.not.equal(token)
        expect(await refusalOf(verify(other))).to.be.oneOf(['token_malformed', 'signature_invalid'])
      })
    }

    it('(bits that mean nothing) is rejected before the signature is checked', async () => {
      expect(await refusalOf(verify(`${header}.${payload}.${unused}`))).to.equal('token_malformed')
    })

    it('(bytes) is accepted, and no body at all is missing', async () => {
      expect(await verify(Buffer.from(token))).to.have.property('instanceId', 'instance-1')
      for (const value of [undefined, null, '', Buffer.alloc(0)]) {
        expect(await refusalOf(verify(value as never))).to.equal('credentials_missing')
      }
    })

    it('(parsed by a parser) is a TypeError that says what to read instead', async () => {
      for (const value of [7, [token], { token }, true]) {
        const error: unknown = await verify(value as never).catch((reason: unknown) => reason)
        expect(error)
          .to.be.instanceOf(TypeError)
          .with.property('message')
          .that.includes('the raw body, as a string or bytes')
      }
    })

    const marked = (content: object): Buffer => Buffer.from(`\uFEFF${JSON.stringify(content)}`)
    const withMark: Array<[string, string]> = [
      ['header', rawJwt(marked(HEADER), claims())],
      ['payload', rawJwt(HEADER, marked(claims()))],
    ]
    for (const [part, other] of withMark) {
      it(`J-06: (a byte order mark before the JSON of its ${part}) is rejected, although the right key signed`, async () => {
        expect(await refusalOf(verify(other))).to.equal('token_malformed')
      })
    }

    it('(a header over 2 KiB) is rejected before anything is decoded', async () => {
      const headerOf = (length: number): object => ({ ...HEADER, x: 'x'.repeat(length) })
      expect(await verify(rawJwt(headerOf(1400), claims()))).to.have.property('instanceId')
      const parse = sinon.spy(JSON, 'parse')
      try {
        expect(await refusalOf(verify(rawJwt(headerOf(1600), claims())))).to.equal('token_malformed')
        const nested = rawJwt(Buffer.from('{"x":'.repeat(100_000)), Buffer.alloc(0))
        expect(await refusalOf(verify(nested))).to.equal('token_malformed')
        // The builder parses one webhook of its own.
        expect(parse.getCalls().filter(({ args }) => /xxxx|^\{"x":/.test(args[0]))).to.deep.equal([])
      } finally {
        parse.restore()
      }
    })

    it('(forged) is rejected before its payload is parsed', async () => {
      const forged = rawJwt(HEADER, Buffer.from('{"canary":1}'), signedBy('RSA-SHA256', OTHER_KEYS.privateKey))
      const parse = sinon.spy(JSON, 'parse')
      try {
        expect(await refusalOf(verify(forged))).to.equal('signature_invalid')
        sinon.assert.neverCalledWithMatch(parse, 'canary')
      } finally {
        parse.restore()
      }
    })
  })

  describe('J-05: at a time', () => {
    const at = (seconds: number, options: object = {}): object => ({ now: () => seconds * 1000, ...options })
    const none = { maxAge: false, clockTolerance: 0 }
    const { iat, exp } = { iat: 1000, exp: 2000 }
    const token = webhook({}, { iat, exp })
    const cases: Array<[string, string, object, string | undefined]> = [
      ['one second before exp', token, at(exp - 1, none), undefined],
      ['at exp', token, at(exp, none), 'token_expired'],
      ['at exp, with a tolerance', token, at(exp, { maxAge: false, clockTolerance: 1 }), undefined],
      ['29 seconds after exp, as the tolerance is 30', token, at(exp + 29, { maxAge: false }), undefined],
      ['30 seconds after exp', token, at(exp + 30, { maxAge: false }), 'token_expired'],
      ['at iat', token, at(iat, none), undefined],
      ['one second before iat', token, at(iat - 1, none), 'claim_invalid'],
      ['30 seconds before iat', token, at(iat - 30, { maxAge: false }), undefined],
      ['31 seconds before iat', token, at(iat - 31, { maxAge: false }), 'claim_invalid'],
      ['31 seconds before iat, with a maximum age', token, at(iat - 31), 'claim_invalid'],
      ['at the maximum age', token, at(iat + 100, { maxAge: 100, clockTolerance: 0 }), undefined],
      ['one second after', token, at(iat + 101, { maxAge: 100, clockTolerance: 0 }), 'token_expired'],
      ['30 seconds after the maximum age', token, at(iat + 130, { maxAge: 100 }), undefined],
      ['31 seconds after the maximum age', token, at(iat + 131, { maxAge: 100 }), 'token_expired'],
      ['84 hours and 30 seconds after iat', webhook({}, { iat, exp: 1e6 }), at(iat + 302_430), undefined],
      ['one second later', webhook({}, { iat, exp: 1e6 }), at(iat + 302_431), 'token_expired'],
      ['any time later, without a maximum age', webhook({}, { iat, exp: 1e7 }), at(9e6, none), undefined],
      ['when nbf begins', webhook({}, { nbf: SECONDS }), at(SECONDS, none), undefined],
      ['one second before nbf', webhook({}, { nbf: SECONDS }), at(SECONDS - 1, none), 'claim_invalid'],
      ['31 seconds before nbf', webhook({}, { nbf: SECONDS + 31 }), at(SECONDS), 'claim_invalid'],
      ['that has no iat', webhook({}, { iat: undefined }), at(SECONDS), 'token_expired'],
      ['that has no iat, without a maximum age', webhook({}, { iat: undefined }), at(SECONDS, none), undefined],
      ['that has no exp', webhook({}, { exp: undefined }), at(SECONDS), 'claim_invalid'],
      ['that has no exp, without a maximum age', webhook({}, { exp: undefined }), at(SECONDS, none), 'claim_invalid'],
    ]
    for (const [name, body, options, code] of cases) {
      it(`${name} is ${code ?? 'accepted'}`, async () => {
        if (code === undefined) expect(await verify(body, options)).to.have.property('instanceId')
        else expect(await refusalOf(verify(body, options))).to.equal(code)
      })
    }

    for (const name of ['iat', 'exp', 'nbf']) {
      it(`that is no number in ${name} is rejected`, async () => {
        for (const value of [String(SECONDS - 1), null, true, [SECONDS - 1], {}, new Date(NOW).toISOString()]) {
          expect(await refusalOf(verify(webhook({}, { [name]: value })))).to.equal('claim_invalid')
        }
      })
    }
    it('that is no finite number is rejected', async () => {
      const good = JSON.stringify(claims())
      expect(await verify(rawJwt(HEADER, Buffer.from(good)))).to.have.property('instanceId')
      for (const [from, to] of [
        [/"exp":\d+/, '"exp":1e999'],
        [/"iat":\d+/, '"iat":1e999'],
        [/"iat":\d+/, '"iat":-1e999'],
      ] as const) {
        const odd = rawJwt(HEADER, Buffer.from(good.replace(from, to)))
        expect(await refusalOf(verify(odd, { maxAge: false }))).to.equal('claim_invalid')
      }
    })

    it('is compared with Date.now where there is no other clock', async () => {
      const clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
      try {
        expect(await verifyWebhook(webhook(), { publicKey: pem })).to.have.property('instanceId')
        clock.setSystemTime(NOW + 302_431_000)
        expect(await refusalOf(verifyWebhook(webhook(), { publicKey: pem }))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
    })
  })

  describe('J-06: with a payload', () => {
    const payloads: Array<[string, Buffer]> = [
      ['no JSON', Buffer.from('{"exp":')],
      ['nothing', Buffer.alloc(0)],
      ['an array', Buffer.from('[]')],
      ['null', Buffer.from('null')],
      ['a string', Buffer.from('"text"')],
      ['no UTF-8', Buffer.from(`{"exp":${TIMES.exp},"x":"\xff"}`, 'latin1')],
      ['UTF-16', Buffer.from(JSON.stringify(claims()), 'utf16le')],
      ['cut UTF-8', Buffer.from('{"x":"ü"}').subarray(0, 7)],
    ]
    for (const [name, payload] of payloads) {
      it(`that is ${name} is rejected`, async () => {
        expect(await refusalOf(verify(rawJwt(HEADER, payload)))).to.equal('token_malformed')
      })
    }

    it('of duplicate keys has the value of the last one', async () => {
      const json = JSON.stringify(claims())
      const twice = Buffer.from(`${json.slice(0, -1)},"exp":1}`)
      expect(await refusalOf(verify(rawJwt(HEADER, twice)))).to.equal('token_expired')
    })
  })

  it('P-11: gets nothing from Object.prototype', async () => {
    Object.assign(Object.prototype, {
      exp: TIMES.exp,
      iat: TIMES.iat,
      clockTolerance: 300,
      maxAge: false,
      alg: 'RS256',
    })
    try {
      expect(await refusalOf(verify(webhook({}, { exp: undefined })))).to.equal('claim_invalid')
      expect(await refusalOf(verify(webhook({}, { iat: undefined })))).to.equal('token_expired')
      expect(await refusalOf(verify(webhook({}, { exp: SECONDS - 31 })))).to.equal('token_expired')
      expect(await refusalOf(verify(webhook({}, { iat: SECONDS - 302_431 })))).to.equal('token_expired')
    } finally {
      for (const name of ['exp', 'iat', 'clockTolerance', 'maxAge', 'alg'])
        Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it('is rejected where there is no key to try', async () => {
    expect(await refusalOf(verifyJwt(webhook(), [], ownOptions({ now }), RULES))).to.equal('signature_invalid')
  })

  it('carries whom it names in the refusal where its signature is right, and in no other', async () => {
    const identified = { instanceId: 'instance-1' }
    const named = { ...RULES, toIdentity: (): object => identified }
    const keys = [createPublicKey(KEYS.publicKey)]
    const refused = async (body: string, rules: JwtRules<object> = named): Promise<object | undefined> =>
      signedAs((await errorOf(verifyJwt(body, keys, ownOptions({ now }), rules))) as WixAuthError)
    const late = [
      { exp: 1 },
      { exp: undefined },
      { iat: SECONDS + 1000 },
      { iat: 'x' },
      { nbf: SECONDS + 1000 },
      { nbf: 'x' },
    ]
    for (const times of late) expect(await refused(webhook({}, times)), JSON.stringify(times)).to.equal(identified)
    expect(await refused(webhook(), { ...named, issuer: 'other' })).to.equal(identified)
    expect(await refused(webhook(), { ...named, audience: 'other' })).to.equal(identified)
    expect(await refused(webhook({}, { iat: 1 }), { ...named, maxAge: 5 })).to.equal(identified)
    expect(await refused(webhook(), { ...named, requiredClaims: ['jti'] })).to.equal(identified)
    // Signed, but of nobody.
    const nobody = (): object => {
      throw new WixAuthError('claim_invalid')
    }
    expect(await refused(webhook(), { ...RULES, toIdentity: nobody })).to.deep.equal({})
    expect(await refused(webhook({}, {}, OTHER_KEYS.privateKey))).to.equal(undefined)
    expect(await refused('a.b.c')).to.equal(undefined)
  })

  it('whose claims cannot be read for another reason is an error, as it is', async () => {
    const broken = new RangeError('x')
    const toIdentity = (): object => {
      throw broken
    }
    const keys = [createPublicKey(KEYS.publicKey)]
    expect(await errorOf(verifyJwt(webhook(), keys, ownOptions({ now }), { ...RULES, toIdentity }))).to.equal(broken)
  })

  it('that no key of several fits says how many were tried', async () => {
    const forged = webhook({}, {}, OTHER_KEYS.privateKey)
    expect(await errorOf(verify(forged, { publicKey: [pem, pem] })))
      .to.have.property('hint')
      .that.matches(/^no key of 2 fits: is it/)
  })

  it('that is forged and has no claims in JSON has a hint, too', async () => {
    const forged = rawJwt(HEADER, Buffer.from('{'), signedBy('RSA-SHA256', OTHER_KEYS.privateKey))
    expect(await errorOf(verify(forged)))
      .to.have.property('hint')
      .that.matches(/^the key does not fit: is it/)
  })

  it('A10: is refused by its `exp` also without a maxAge, and names the Test button where it is years old', async () => {
    const old = webhook({}, { iat: SECONDS - 4e8, exp: SECONDS - 3.9e8 })
    const error = (await errorOf(verify(old, { maxAge: false }))) as WixAuthError
    expect(error).to.include({ code: 'token_expired' })
    expect(error.hint).to.match(/^`exp` was \d+ d.* ago: a sample event of the Test button in Wix's dashboard\?$/)
  })

  it('A10: names the Test button also where it is too old, and its `exp` is still to come', async () => {
    const old = webhook({}, { iat: SECONDS - 4e8 })
    const error = (await errorOf(verify(old))) as WixAuthError
    expect(error).to.include({ code: 'token_expired' })
    expect(error.hint).to.match(
      /^signed \d+ d.* ago; maxAge is .*: a sample event of the Test button in Wix's dashboard\?$/,
    )
  })

  it('names the Test button only for webhooks', async () => {
    const old = { iat: SECONDS - 4e8, exp: SECONDS - 3.9e8 }
    const options = { publicKey: KEYS.publicKey, now }
    const ofDigest = (await errorOf(verifyDigest(digest(BODY, old), BODY, options))) as WixAuthError
    const ofCall = (await errorOf(
      verifyServicePlugin(servicePlugin({}, old), { ...options, appId: APP_ID }),
    )) as WixAuthError
    for (const error of [ofDigest, ofCall]) {
      expect(error).to.include({ code: 'token_expired' })
      expect(error.hint).to.match(/^`exp` was \d+ d.* ago$/)
    }
  })

  it('on which jose fails in an unknown way is an error and no refusal', async () => {
    const broken = { canary: KEYS.publicKey }
    const error: unknown = await verifyJwt(webhook(), [broken as never], ownOptions({ now }), RULES).catch(
      (reason: unknown) => reason,
    )
    expect(error).to.be.instanceOf(Error).and.to.not.be.instanceOf(WixAuthError)
    expect(error).to.have.property('message', 'A JWT could not be checked: jose failed with a TypeError')
    expect(error).to.not.have.property('cause')
    const strategy = new WixWebhookStrategy({ publicKey: pem, now: () => NaN })
    expect(await run(strategy, { body: webhook() })).to.have.property('kind', 'error')
  })

  it('says nothing of the claims of a long JWT that is not verified', async () => {
    const claimsOf = (more: object): Buffer =>
      Buffer.from(JSON.stringify({ aud: '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725', ...more }))
    const hintOf = async (more: object): Promise<unknown> => {
      const forged = rawJwt(HEADER, claimsOf(more), signedBy('RSA-SHA256', OTHER_KEYS.privateKey))
      return ((await verify(forged).catch((error: unknown) => error)) as WixAuthError).hint
    }
    expect(await hintOf({})).to.match(/^the key does not fit; the JWT names app 5e2d9a41-\S+ \(not verified\)$/)
    expect(await hintOf({ long: 'x'.repeat(10_000) })).to.equal(
      'the key does not fit: is it the public key of another app, or was the body changed on its way?',
    )
  })

  it('E-01: leaves nothing of itself in any refusal', async () => {
    const canary = 'canary-91b2'
    const data = `{"instanceId":"${canary}"}`
    const bodies = [
      webhook({ instanceId: canary }, { exp: 1 }),
      webhook({ instanceId: canary }, { iat: SECONDS + 1000 }),
      webhook({ instanceId: canary }, { nbf: SECONDS + 1000 }),
      webhook({ instanceId: canary }, { exp: canary }),
      webhook({ instanceId: canary }, {}, OTHER_KEYS.privateKey),
      webhook({ eventType: undefined, instanceId: canary }),
      webhook({}, { data }),
      webhook({}, { data: { canary } }),
      rawJwt({ ...HEADER, crit: [canary], [canary]: 1 }, claims()),
      rawJwt({ alg: canary }, claims()),
      rawJwt(Buffer.from(canary), claims()),
      rawJwt(HEADER, Buffer.from(`{"${canary}`)),
      `${canary}.${canary}.${canary}`,
      `${webhook()}${canary}`,
    ]
    for (const body of bodies) {
      const reason: unknown = await verify(body).catch((error: unknown) => error)
      const outcome = await run(new WixWebhookStrategy({ publicKey: pem, now }), { body })
      expect(reason).to.be.instanceOf(WixAuthError)
      expect(outcome).to.have.property('kind', 'fail')
      const shown = `${everythingIn(reason)} ${inspect(outcome, { depth: 9, showHidden: true })}`
      expect(shown).to.not.include(canary)
      expect(shown).to.not.include(body.slice(0, 20))
      expect(shown).to.not.include(Buffer.from(canary).toString('base64url'))
    }
  })
})

/** By one key, which is the right one, or whatever is given. */
const verifyBy = (
  token: string,
  rules: Partial<JwtRules<object>> = {},
  keys: readonly KeyObject[] | FindKey = [PUBLIC_KEY],
): Promise<unknown> => verifyJwt(token, keys, ownOptions({ now }), { ...RULES, ...rules })

describe('verifyJwt', () => {
  const guid = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
  const otherKey = createPublicKey(OTHER_KEYS.publicKey)
  const byOther = signedBy('RSA-SHA256', OTHER_KEYS.privateKey)
  const forged = rawJwt(HEADER, TIMES, byOther)
  const [header = '', payload = '', signature = ''] = webhook().split('.')

  const AS_IT_CAME =
    'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped. Another kind of credential belongs to the strategy of its kind.'
  const NOT_OF_WIX = 'Keep refusing it: it is complete and signed, but it is not what Wix sends to an app.'
  const OTHER_ROUTE = 'Send it to the route of its kind, or use the strategy of this kind here.'
  const COMPARE_IDS = 'Compare the app ID, the issuer and the audience of your app with those of the credential.'
  const COMPARE_KEYS =
    'Compare the public key with that of the app in its dashboard (Webhooks > Get public key), or the key set with that of the issuer.'
  const NEW = 'Get a new one, for example by reloading the page. If that is refused, too, set the clock.'
  const CLOCK = 'Set the clock of this machine, or of the signer.'

  type Row = [hint: string, code: WixAuthErrorCode, cure: string, call: () => Promise<unknown>]
  const refused: Row[] = [
    ['1 part between dots; a JWT has 3', 'token_malformed', AS_IT_CAME, () => verifyBy('a')],
    [
      'looks like a longer string with a credential in it: send the credential alone',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy('{"data":"eyJh.eyJh.a"}'),
    ],
    [
      'a part is not canonical base64url: it contains whitespace or a line break',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy('eyJh.eyJh.eyJh\n'),
    ],
    [
      'a part is not canonical base64url: it contains whitespace or a line break',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy('AAAA.AA AA.AAAA'),
    ],
    [
      'looks like a longer string with a credential in it: send the credential alone',
      'token_malformed',
      AS_IT_CAME,
      // As much of it as is looked at has no quote at its end.
      () => verifyBy(`"eyJh.eyJh.${'a'.repeat(10_000)}"`),
    ],
    ['looks like a Digest header: WixDigestStrategy', 'token_malformed', AS_IT_CAME, () => verifyBy('JWT=eyJh.eyJh.a')],
    ['2 parts between dots; a JWT has 3', 'token_malformed', AS_IT_CAME, () => verifyBy('a.b')],
    ['4 parts between dots; a JWT has 3', 'token_malformed', AS_IT_CAME, () => verifyBy('a.b.c.d')],
    [
      'a header of more than 2048 characters',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy(`${'x'.repeat(2049)}.${payload}.${signature}`),
    ],
    [
      'looks like JSON: it must be sent as it was signed, not decoded',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy(`{${'x'.repeat(3000)}`),
    ],
    ['a header of more than 2048 characters', 'token_malformed', AS_IT_CAME, () => verifyBy(`${'x'.repeat(3000)}%20`)],
    [
      'a part is not canonical base64url: standard base64, or padding',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy(`${header}.${payload}.${signature}==`),
    ],
    [
      'a byte order mark before the JSON',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy(rawJwt(HEADER, Buffer.from('\uFEFF{}'))),
    ],
    [
      'the header is not that of a signed JWT',
      'token_malformed',
      AS_IT_CAME,
      () => verifyBy(rawJwt({ alg: undefined }, claims())),
    ],
    ['the payload is not a JSON object', 'token_malformed', NOT_OF_WIX, () => verifyBy(rawJwt(HEADER, []))],
    [
      'the header asks for an extension (`crit`) or an algorithm that is not supported',
      'token_malformed',
      NOT_OF_WIX,
      () => verifyBy(rawJwt({ ...HEADER, crit: ['x'], x: 1 }, claims())),
    ],
    ...[{ crit: ['b64'], b64: true }, { b64: true }, { b64: false }, { zip: 'DEF' }].map((more): Row => [
      'the header has `crit`, `b64` or `zip`',
      'token_malformed',
      NOT_OF_WIX,
      () => verifyBy(rawJwt({ ...HEADER, ...more }, claims())),
    ]),
    [
      '`alg` is not RS256, RS384',
      'signature_invalid',
      'Keep refusing it: Wix does not sign like this.',
      () => verifyBy(rawJwt({ alg: 'RS512' }, claims()), { algorithms: ['RS256', 'RS384'] }),
    ],
    [
      'the `kid` is known, but the signature was not made with that key',
      'signature_invalid',
      COMPARE_KEYS,
      () => verifyBy(forged, {}, () => PUBLIC_KEY),
    ],
    [
      'the key does not fit: is it the public key of another app, or was the body changed on its way?',
      'signature_invalid',
      COMPARE_KEYS,
      () => verifyBy(forged),
    ],
    [
      `the key does not fit; the JWT names app ${guid} (not verified)`,
      'signature_invalid',
      COMPARE_KEYS,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, aud: guid }, byOther)),
    ],
    ['`exp` was 1 min 30 s ago', 'token_expired', NEW, () => verifyBy(rawJwt(HEADER, { exp: SECONDS - 90 }))],
    ['`exp` is missing', 'claim_invalid', NOT_OF_WIX, () => verifyBy(rawJwt(HEADER, {}))],
    ['`aud` is missing', 'claim_invalid', NOT_OF_WIX, () => verifyBy(rawJwt(HEADER, TIMES), { audience: APP_ID })],
    ['`jti` is missing', 'claim_invalid', NOT_OF_WIX, () => verifyBy(webhook(), { requiredClaims: ['jti'] })],
    [
      '`aud` is missing, as in a webhook: WixWebhookStrategy',
      'claim_invalid',
      OTHER_ROUTE,
      () => verifyBy(webhook(), { audience: APP_ID }),
    ],
    [
      '`iss` is missing, as in a webhook: WixWebhookStrategy',
      'claim_invalid',
      OTHER_ROUTE,
      () => verifyBy(webhook(), { issuer: 'wix.com' }),
    ],
    ...[guid, [guid, 'more']].map((aud): Row => [
      `\`aud\` is not what it should be (${guid}): is \`appId\` that of your app, or for a session \`audience\` that of its issuer?`,
      'claim_invalid',
      COMPARE_IDS,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, nbf: 1, aud }), { audience: APP_ID }),
    ]),
    [
      '`iss` is not what it should be',
      'claim_invalid',
      COMPARE_IDS,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, iss: 'other' }), { issuer: 'wix.com' }),
    ],
    [
      '`nbf` is not what it should be',
      'claim_invalid',
      COMPARE_IDS,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, nbf: 'x' })),
    ],
    [
      '`nbf` is 1 min 30 s in the future: is the clock of this machine right?',
      'claim_invalid',
      CLOCK,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, nbf: SECONDS + 90 })),
    ],
    [
      '`iat` is 1 min 30 s in the future: is the clock of this machine right?',
      'claim_invalid',
      CLOCK,
      () => verifyBy(rawJwt(HEADER, { ...TIMES, iat: SECONDS + 90 })),
    ],
    [
      '`exp` or `iat` is not a finite number',
      'claim_invalid',
      NOT_OF_WIX,
      () => verifyBy(rawJwt(HEADER, Buffer.from('{"exp":1e999}'))),
    ],
    ['signed 1 min ago; maxAge is 5 s', 'token_expired', NEW, () => verifyBy(rawJwt(HEADER, TIMES), { maxAge: 5 })],
    ['no `iat`', 'token_expired', NEW, () => verifyBy(rawJwt(HEADER, { exp: TIMES.exp }), { maxAge: 5 })],
  ]
  it('refuses, and says to the developer why and what to do', async () => {
    for (const [hint, code, cure, call] of refused) {
      expect(await errorOf(call()), hint)
        .to.be.instanceOf(WixAuthError)
        .and.to.include({ hint, code, cure })
    }
  })

  it('J-04: takes a header of 2,048 characters and no more, whatever comes after it', () => {
    expect(checkForm(`${'x'.repeat(2048)}.a.b`)).to.equal(undefined)
    expect(checkForm('..')).to.equal(undefined)
    for (const [token, hint] of [
      [`${'x'.repeat(2049)}.a.b`, 'a header of more than 2048 characters'],
      ['x'.repeat(2049), 'a header of more than 2048 characters'],
      ['x'.repeat(2048), '1 part between dots; a JWT has 3'],
      [`${'x'.repeat(2048)}.`, '2 parts between dots; a JWT has 3'],
    ] as const)
      expect(() => checkForm(token))
        .to.throw(WixAuthError)
        .with.property('hint', hint)
  })

  it('J-06: does not take the first letters of a signature for a byte order mark', async () => {
    const other = `77u_${signature.slice(4)}`
    expect(await refusalOf(verifyBy(`${header}.${payload}.${other}`))).to.equal('signature_invalid')
  })

  it('reads the app of a forged JWT of up to 10,000 characters', async () => {
    const tokenOf = (more: number, kid: string): string =>
      rawJwt({ ...HEADER, kid }, { aud: guid, more: 'x'.repeat(more) }, byOther)
    // Base64 has no string of 4n + 1 characters, so that header and payload both have to give.
    const lengths = ['k', 'kk', 'kkk'].flatMap((kid) =>
      Array.from({ length: 12 }, (_, more) => [kid, more + 7100] as const),
    )
    const base = tokenOf(7100, 'k').length
    const tokenWith = (length: number): string => {
      for (const [kid, more] of lengths) {
        const token = tokenOf(more + Math.floor(((length - base) * 3) / 4) - 4, kid)
        if (token.length === length) return token
      }
      throw new Error(`no JWT of ${length} characters`)
    }
    const hintOf = async (token: string): Promise<unknown> => ((await errorOf(verifyBy(token))) as WixAuthError).hint
    expect(await hintOf(tokenWith(10_000))).to.include(guid)
    expect(await hintOf(tokenWith(10_001))).to.include('is it the public key of another app')
  })

  it('J-02: tries each key until one fits, and only as long as the signature is what is wrong', async () => {
    const expired = rawJwt(HEADER, { exp: 1 })
    expect(await verifyBy(webhook(), {}, [otherKey, PUBLIC_KEY])).to.have.property('exp', TIMES.exp)
    expect(await verifyBy(webhook(), {}, [PUBLIC_KEY, otherKey])).to.have.property('exp', TIMES.exp)
    expect(await refusalOf(verifyBy(expired, {}, [PUBLIC_KEY, otherKey]))).to.equal('token_expired')
    expect(await refusalOf(verifyBy(webhook(), {}, [otherKey, otherKey]))).to.equal('signature_invalid')
  })

  it('finds the key by the header, and passes on why there is none', async () => {
    const find = sinon.fake.returns(PUBLIC_KEY)
    expect(await verifyBy(webhook(), {}, find)).to.have.property('exp', TIMES.exp)
    sinon.assert.calledOnce(find)
    for (const reason of [new WixAuthError('signature_invalid'), new WixUnavailableError('x')])
      expect(await errorOf(verifyBy(webhook(), {}, sinon.fake.throws(reason)))).to.equal(reason)
  })

  it('P-11: takes no typ from Object.prototype', async () => {
    const typed = rawJwt({ ...HEADER, typ: 'mine' }, TIMES)
    expect(await verifyBy(typed, { typ: 'mine' })).to.have.property('exp', TIMES.exp)
    const untyped = rawJwt(HEADER, TIMES)
    Object.assign(Object.prototype, { typ: 'mine' })
    try {
      expect(await errorOf(verifyBy(untyped, { typ: 'mine' }))).to.include({
        code: 'claim_invalid',
        hint: 'the header has no `typ`',
      })
      expect(await verifyBy(untyped)).to.have.property('exp', TIMES.exp)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'typ')
    }
  })

  it('names whom signed claims name, by the times that they have, and null or 0 for what is none', async () => {
    const calls: Array<Omit<VerifiedClaims, 'claims'>> = []
    const toIdentity = ({ iat, exp, claims: { sub } }: VerifiedClaims): object => {
      calls.push({ iat, exp })
      return { sub }
    }
    for (const times of [{ iat: 5, exp: 7 }, { iat: 'x', exp: TIMES.exp }, {}]) {
      const error = (await errorOf(verifyBy(rawJwt(HEADER, { sub: 'me', ...times }), { toIdentity }))) as WixAuthError
      expect(signedAs(error)).to.deep.equal({ sub: 'me' })
    }
    expect(calls).to.deep.equal([
      { iat: 5, exp: 7 },
      { iat: null, exp: TIMES.exp },
      { iat: null, exp: 0 },
    ])
  })
})
