import crypto, { createSecretKey } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { instanceVerifier, type InstanceVerifierOptions, WixAuthError, type WixAuthErrorCode } from '../../lib/index.ts'
import { kindOf } from '../../lib/identity.ts'
import { isSignature } from '../../lib/internal/keys.ts'
import { instance, iso, NOW, now, OTHER_SECRET, payload, SECRET, sign, signData } from '../support/build.ts'
import { errorOf, everythingIn } from '../support/errors.ts'
import { refusalOf } from '../support/jwt.ts'
import { optionsTable } from '../support/options-table.ts'
import { verifyInstance } from '../support/verify.ts'

const verify = (value: string, options: Partial<InstanceVerifierOptions> = {}): ReturnType<typeof verifyInstance> =>
  verifyInstance(value, { secret: SECRET, now, ...options })

/** Why it was refused; undefined when it was accepted. */
const codeOf = async (
  value: string,
  options: Partial<InstanceVerifierOptions> = {},
): Promise<WixAuthErrorCode | undefined> => {
  try {
    await verify(value, options)
    return undefined
  } catch (error) {
    if (error instanceof WixAuthError) return error.code
    throw error
  }
}

describe('instanceVerifier', () => {
  describe('returns', () => {
    it('what Wix signed, and what follows from it', async () => {
      expect(
        await verify(instance({ ipAndPort: '91.199.119.13/35734', metaSiteId: 'site-1', news: { of: 2030 } })),
      ).to.deep.equal({
        ...payload(),
        ipAndPort: '91.199.119.13/35734',
        metaSiteId: 'site-1',
        news: { of: 2030 },
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: 'app-1',
        siteId: 'site-1',
        iat: NOW / 1000 - 60,
        exp: NOW / 1000 + 4 * 3600 - 60,
        aid: null,
        ext: { ip: '91.199.119.13', port: 35734, signDate: new Date(NOW - 60_000) },
      })
    })

    it('null for everything that the smallest instance does not say', async () => {
      expect(await verify(sign({ instanceId: 'i' }), { maxAge: false })).to.deep.equal({
        instanceId: 'i',
        subjectType: 'UNKNOWN',
        subjectId: null,
        clientId: null,
        siteId: null,
        iat: null,
        exp: null,
        uid: null,
        aid: null,
        permissions: null,
        ext: { ip: null, port: null, signDate: null },
      })
    })

    const subjects: Array<[string, Record<string, unknown>, string, string | null]> = [
      ['the owner', {}, 'USER', 'user-1'],
      ['a collaborator', { uid: 'user-2' }, 'USER', 'user-2'],
      ['an owner among other permissions', { permissions: 'offline_access,OWNER' }, 'USER', 'user-1'],
      ['an owner without uid', { uid: undefined }, 'USER', null],
      ['a member', { permissions: '', siteMemberId: 'member-1' }, 'MEMBER', 'member-1'],
      ['an owner who is also a member', { siteMemberId: 'member-1' }, 'USER', 'user-1'],
      ['a visitor', { uid: null, permissions: null, aid: 'visitor-1' }, 'VISITOR', 'visitor-1'],
      ['a user without rights', { permissions: null }, 'UNKNOWN', 'user-1'],
      ['permissions that only contain the word', { permissions: 'CO-OWNERS' }, 'UNKNOWN', 'user-1'],
      ['no user', { uid: null, permissions: null }, 'UNKNOWN', null],
      ['I-13: aid beside owner and member', { aid: 'visitor-1', siteMemberId: 'm' }, 'VISITOR', 'visitor-1'],
      ['I-13: an aid of an odd type', { aid: 7 }, 'VISITOR', null],
      ['I-13: an aid that is false', { aid: false }, 'VISITOR', null],
      ['no visitor when aid is null', { aid: null }, 'USER', 'user-1'],
      ['no visitor when aid is empty', { aid: '' }, 'USER', 'user-1'],
    ]
    for (const [who, overrides, subjectType, subjectId] of subjects) {
      it(`the subject of ${who}`, async () => {
        expect(await verify(instance(overrides))).to.include({ subjectType, subjectId })
      })
    }

    const strings =
      'appDefId signDate uid permissions siteOwnerId siteMemberId loginAccountId vendorProductId originInstanceId'
    it('I-10: null for each property that is not a string', async () => {
      for (const name of [...strings.split(' '), 'metaSiteId', 'biToken', 'ipAndPort']) {
        for (const odd of [7, true, {}, ['OWNER'], '']) {
          expect(await verify(instance({ [name]: odd }), { maxAge: false }), name).to.have.property(name, null)
        }
      }
    })
    it('I-10: each property as it is, where it is a string', async () => {
      for (const name of [...strings.split(' '), 'metaSiteId', 'biToken', 'ipAndPort']) {
        const right = name === 'signDate' ? iso(-1) : 'text-1'
        expect(await verify(instance({ [name]: right })), name).to.have.property(name, right)
      }
    })

    it('an identity that is marked as that of an instance', async () => {
      expect(kindOf(await verify(instance()))).to.equal('instance')
    })

    it('I-10: null for each property that is neither true nor false', async () => {
      for (const name of ['demoMode', 'siteIsTemplate']) {
        for (const odd of [7, 'true', {}, ''])
          expect(await verify(instance({ [name]: odd })), name).to.have.property(name, null)
        for (const right of [true, false])
          expect(await verify(instance({ [name]: right })), name).to.have.property(name, right)
      }
    })

    it('I-10: no rights and no app for permissions and an app id of an odd type', async () => {
      expect(await verify(instance({ permissions: ['OWNER'], appDefId: 1 }))).to.include({
        subjectType: 'UNKNOWN',
        clientId: null,
        appDefId: null,
      })
    })

    it('a refusal for an app id of an odd type where the app id is compared, and not for an empty one', async () => {
      for (const appDefId of [1, ['app-1'], { id: 'app-1' }, true])
        expect(await codeOf(instance({ appDefId }), { appId: 'app-1' })).to.equal('claim_invalid')
      for (const appDefId of ['', null, undefined])
        expect(await verify(instance({ appDefId }), { appId: 'app-1' })).to.have.property('clientId', null)
    })

    it('null for documented strings that are empty', async () => {
      const empty = { uid: '', permissions: '', vendorProductId: '', originInstanceId: '', aid: '' }
      expect(await verify(instance(empty))).to.include({
        uid: null,
        permissions: null,
        vendorProductId: null,
        originInstanceId: null,
        aid: null,
      })
    })

    const addresses: Array<[string, string | null, number | null]> = [
      ['1.2.3.4/5678', '1.2.3.4', 5678],
      ['2001:db8::1/80', '2001:db8::1', 80],
      ['null/null', null, null],
      ['1.2.3.4/null', '1.2.3.4', null],
      ['1.2.3.4', null, null],
    ]
    it('I-10: the parts of ipAndPort, and null for what is none', async () => {
      for (const [ipAndPort, ip, port] of addresses) {
        expect((await verify(instance({ ipAndPort }))).ext, ipAndPort).to.include({ ip, port })
      }
    })

    it('I-10: computed fields that never come from the payload', async () => {
      const forged = {
        subjectType: 'APP',
        subjectId: 'x',
        clientId: 'x',
        siteId: 'x',
        iat: 1,
        exp: 1,
        ext: { ip: 'x' },
      }
      expect(await verify(instance({ ...forged, appDefId: undefined, expirationDate: undefined }))).to.deep.include({
        subjectType: 'USER',
        subjectId: 'user-1',
        clientId: null,
        siteId: null,
        iat: NOW / 1000 - 60,
        exp: null,
        ext: { ip: null, port: null, signDate: new Date(NOW - 60_000) },
      })
    })

    it('I-11: nothing that changes an object it is copied to', async () => {
      const value = JSON.stringify(payload({ a: 1 })).replace(
        '"a":1',
        '"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"prototype":{"isAdmin":true}',
      )
      const verified = await verify(signData(Buffer.from(value)))
      for (const name of ['__proto__', 'constructor', 'prototype']) expect(verified).to.not.have.own.property(name)
      expect(Object.assign({}, verified)).to.not.have.property('isAdmin')
      expect(Object.getPrototypeOf(verified)).to.equal(Object.prototype)
    })

    it('P-11: nothing from Object.prototype', async () => {
      const polluted: Record<string, string> = {
        aid: 'x',
        uid: 'x',
        permissions: 'OWNER',
        siteMemberId: 'x',
        metaSiteId: 'x',
      }
      Object.assign(Object.prototype, { ...polluted, instanceId: 'x', expirationDate: 'x', secret: 'x' })
      try {
        const own = await verify(sign({ instanceId: 'i', signDate: iso(0) }))
        expect({ ...own }).to.include({ subjectType: 'UNKNOWN', subjectId: null, siteId: null, uid: null, exp: null })
        expect(await codeOf(sign({ signDate: iso(0) }))).to.equal('claim_invalid')
        expect(await errorOf(verifyInstance('x', { now } as never))).to.be.instanceOf(TypeError)
      } finally {
        for (const name of [...Object.keys(polluted), 'instanceId', 'expirationDate', 'secret']) {
          Reflect.deleteProperty(Object.prototype, name)
        }
      }
    })
  })

  describe('the form', () => {
    const genuine = instance()
    const [signature = '', data = ''] = genuine.split('.')
    const last = 'AEIMQUYcgkosw048'.indexOf(signature.at(-1) ?? '')
    const unusedBits = signature.slice(0, -1) + 'BFJNRVZdhlptx159'.charAt(last)

    const malformed: Record<string, string> = {
      'no dot': signature + data,
      'only a dot': '.',
      'two dots': `${genuine}.`,
      'a third part': `${genuine}.${data}`,
      'an empty signature': `.${data}`,
      'no data': `${signature}.`,
      'a signature with one character less': `${signature.slice(1)}.${data}`,
      'a signature with one character more': `A${signature}.${data}`,
      'a signature with unused bits set': `${unusedBits}.${data}`,
      'a signature with padding': `${signature}=.${data}`,
      'a signature in the other alphabet': `+${signature.slice(1)}.${data}`,
      'whitespace before': ` ${genuine}`,
      'the parts of a JWT': `${data}.${data}.${signature}`,
    }
    for (const [name, value] of Object.entries(malformed)) {
      it(`I-03: rejects ${name}`, async () => {
        expect(await codeOf(value)).to.equal('token_malformed')
      })
    }

    const signedAnyway: Record<string, string> = {
      'padded data': `${data}==`,
      'data in the other alphabet': Buffer.from('{"instanceId":"~~~???"}').toString('base64').replaceAll('=', ''),
      'data with a line break': `${data.slice(0, 8)}\n${data.slice(8)}`,
      'data with a character outside of the alphabet': `${data.slice(0, 8)}!${data.slice(8)}`,
      'data with unused bits set': `${Buffer.from('{"instanceId":"ab"}').toString('base64url').slice(0, -1)}R`,
      'no data at all': '',
    }
    for (const [name, value] of Object.entries(signedAnyway)) {
      it(`I-03: rejects ${name}, though the signature is right`, async () => {
        expect(await codeOf(signData(value), { maxAge: false })).to.equal('token_malformed')
      })
    }

    it('I-02: rejects 10,000,000 characters before anything else', async () => {
      const parse = sinon.spy(JSON, 'parse')
      try {
        expect(await codeOf(`${genuine}${'A'.repeat(10_000_000)}`)).to.equal('token_malformed')
        expect(parse.called).to.equal(false)
      } finally {
        parse.restore()
      }
    })

    it('I-02: accepts 8,192 characters and rejects 8,193', async () => {
      const fill = (length: number): string => {
        const bytes = ((length - 44) * 3) / 4 - JSON.stringify(payload({ fill: '' })).length
        return instance({ fill: 'x'.repeat(Math.floor(bytes)) })
      }
      expect(fill(8192)).to.have.length(8192)
      expect(await codeOf(fill(8192))).to.equal(undefined)
      expect(fill(8194).length).to.be.within(8193, 8195)
      expect(await codeOf(fill(8194))).to.equal('token_malformed')
    })

    it('I-01: says that a credential is missing', async () => {
      for (const value of [undefined, null, '']) expect(await codeOf(value as never)).to.equal('credentials_missing')
    })

    it('I-01: rejects a value that is not a string', async () => {
      for (const value of [7, true, {}, [genuine]]) {
        expect(await codeOf(value as never)).to.equal('request_invalid')
      }
    })
  })

  describe('the signature', () => {
    const genuine = instance()
    const [tag = '', data = ''] = genuine.split('.')

    it('I-04: rejects each of the 256 signatures that differ in one bit', async () => {
      const bytes = Buffer.from(tag, 'base64url')
      for (let bit = 0; bit < 256; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(await codeOf(`${flipped.toString('base64url')}.${data}`)).to.equal('signature_invalid')
      }
    })

    it('I-04: rejects each signature that was cut, from 0 to 31 bytes', async () => {
      const secretKey = createSecretKey(Buffer.from(SECRET))
      const bytes = Buffer.from(tag, 'base64url')
      for (let length = 0; length < 32; length++) {
        expect(await codeOf(`${bytes.subarray(0, length).toString('base64url')}.${data}`)).to.equal('token_malformed')
        expect(isSignature(bytes.subarray(0, length).toString('base64url'), data, secretKey)).to.equal(false)
      }
    })

    it('I-04: covers the data as it is sent, not as it decodes', async () => {
      const json = Buffer.from(data, 'base64url')
      const overJson = signData(json.toString('latin1')).slice(0, 43)
      expect(await codeOf(`${overJson}.${data}`)).to.equal('signature_invalid')
    })

    it('I-04: is compared in constant time, as a whole', async () => {
      const compare = sinon.spy(crypto, 'timingSafeEqual')
      syncBuiltinESMExports()
      try {
        for (const value of [`${tag}.${data}`, `${'A'.repeat(43)}.${data}`]) await codeOf(value)
        expect(compare.args.map((sides) => sides.map(({ byteLength }) => byteLength))).to.deep.equal([
          [43, 43],
          [43, 43],
        ])
        expect(compare.returnValues).to.deep.equal([true, false])
      } finally {
        compare.restore()
        syncBuiltinESMExports()
      }
    })

    it('rejects a string with characters beyond ASCII whose low bytes are right', async () => {
      for (const at of [0, 5, data.length - 1]) {
        const other = String.fromCharCode(data.charCodeAt(at) + 256)
        expect(await codeOf(`${tag}.${data.slice(0, at)}${other}${data.slice(at + 1)}`)).to.equal('token_malformed')
      }
    })

    it('rejects a payload that was exchanged, and another app', async () => {
      expect(await codeOf(`${tag}.${instance({ uid: 'x' }).slice(44)}`)).to.equal('signature_invalid')
      expect(await codeOf(instance({}, OTHER_SECRET))).to.equal('signature_invalid')
    })

    it('I-05: is checked before anything is decoded or parsed', async () => {
      const parse = sinon.spy(JSON, 'parse')
      const decode = sinon.spy(TextDecoder.prototype, 'decode')
      try {
        expect(await codeOf(instance({}, OTHER_SECRET))).to.equal('signature_invalid')
        expect(parse.called || decode.called).to.equal(false)
      } finally {
        parse.restore()
        decode.restore()
      }
    })

    it('I-07: may come from any secret of an array', async () => {
      const secret = [OTHER_SECRET, SECRET]
      expect(await verify(instance(), { secret })).to.include({ instanceId: 'instance-1' })
      expect(await verify(instance({}, OTHER_SECRET), { secret })).to.include({ instanceId: 'instance-1' })
      expect(await codeOf(instance({}, 'a third one'), { secret })).to.equal('signature_invalid')
    })
  })

  describe('the hint of a wrong signature', () => {
    const guid = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
    const hintOf = async (value: string, options: Partial<InstanceVerifierOptions> = {}): Promise<string | undefined> =>
      ((await errorOf(verify(value, { secret: OTHER_SECRET, ...options }))) as WixAuthError).hint
    const foreign = (data: string | Buffer): Promise<string | undefined> => hintOf(signData(data))

    it('B48: says that the secret is the app ID that the instance names, in any case, and one of several', async () => {
      const value = instance({ appDefId: guid })
      for (const secret of [guid, guid.toUpperCase()])
        expect(await hintOf(value, { secret })).to.equal(
          'the secret does not fit; the secret is the ID of the app that the instance names: take the app secret in its place',
        )
      expect(await hintOf(value, { secret: [OTHER_SECRET, guid] })).to.match(
        /^no secret of 2 fits; the secret is the ID/,
      )
    })

    it('names the app of the instance, or says that it is yours', async () => {
      const value = instance({ appDefId: guid })
      expect(await hintOf(value)).to.equal(`the secret does not fit; the instance names app ${guid} (not verified)`)
      expect(await hintOf(value, { appId: guid.toUpperCase() })).to.equal(
        'the secret does not fit; the instance names your app (not verified): does the secret belong to another app?',
      )
      expect(await hintOf(value, { appId: 'app-2' })).to.equal(await hintOf(value))
      for (const appDefId of ['not a guid', undefined, 7])
        expect(await hintOf(instance({ appDefId }))).to.equal('the secret does not fit')
    })

    it('says that an expirationDate is none', async () => {
      for (const [expirationDate, hint] of [
        ['never', '`expirationDate` is not a date'],
        [iso(-90), '`expirationDate` was 1 min 30 s ago'],
      ])
        expect(await errorOf(verify(instance({ expirationDate })))).to.have.property('hint', hint)
    })

    it('says what is wrong with a payload that was cut or changed', async () => {
      const json = JSON.stringify(payload())
      expect(await foreign('ab!c')).to.equal(
        'the secret does not fit; the payload is not canonical base64url: it contains characters that are not base64',
      )
      for (const cut of [json.slice(0, -1), `${json}\n`])
        expect(await foreign(Buffer.from(cut))).to.equal(
          'the secret does not fit; the payload is not complete JSON: was it cut?',
        )
      // Bits of the last character that mean nothing.
      const spelled = Buffer.from('{"a":1}').toString('base64url')
      expect(spelled.endsWith('Q')).to.equal(true)
      expect(await foreign(`${spelled.slice(0, -1)}R`)).to.equal(
        'the secret does not fit; the payload is not canonical base64url: was it cut or changed?',
      )
    })
  })

  describe('the hint and the cure', () => {
    const guid = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
    const AS_IT_CAME =
      'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped. Another kind of credential belongs to the strategy of its kind.'
    const NEW = 'Get a new one, for example by reloading the page. If that is refused, too, set the clock.'
    const NOT_OF_WIX = 'Keep refusing it: it is complete and signed, but it is not what Wix sends to an app.'
    const refused: Array<[value: string, options: Partial<InstanceVerifierOptions>, hint: string, cure: string]> = [
      [
        'a.b',
        {},
        '2 parts between dots; an instance has 2, of which the first has 43 characters, and here 1',
        AS_IT_CAME,
      ],
      [
        'x'.repeat(43),
        {},
        '1 part between dots; an instance has 2, of which the first has 43 characters, and here 43',
        AS_IT_CAME,
      ],
      [
        `${'x'.repeat(43)}.e30.e30`,
        {},
        '3 parts between dots; an instance has 2, of which the first has 43 characters, and here 43',
        AS_IT_CAME,
      ],
      [
        `${'x'.repeat(43)}.e30!`,
        {},
        'a part is not canonical base64url: it contains characters that are not base64',
        AS_IT_CAME,
      ],
      ['x'.repeat(8193), {}, '8193 characters; the limit is 8192', AS_IT_CAME],
      [signData('e30x'.slice(0, 2)), {}, 'the payload is not canonical base64url: was it cut or changed?', AS_IT_CAME],
      [signData(Buffer.from('{')), {}, 'the payload is not JSON in UTF-8', AS_IT_CAME],
      [sign(null), {}, 'the payload is not a JSON object', NOT_OF_WIX],
      [instance({ instanceId: '' }), {}, 'the payload has no `instanceId`', NOT_OF_WIX],
      [
        instance({}, OTHER_SECRET),
        {},
        'the secret does not fit',
        'Compare the secret with that of the app in its dashboard: More Actions > View ID & keys. Was the whole instance copied?',
      ],
      [
        instance({ appDefId: guid }),
        { appId: 'app-1' },
        `\`appDefId\` is another app's (${guid})`,
        'Compare the app ID, the issuer and the audience of your app with those of the credential.',
      ],
      [instance({ signDate: iso(-7500) }), { maxAge: 3600 }, 'signed 2 h 5 min ago; maxAge is 1 h', NEW],
      [instance({ signDate: undefined }), {}, 'no valid `signDate`', NEW],
      [
        instance({ signDate: iso(90) }),
        {},
        'signed 1 min 30 s in the future: is the clock of this machine right?',
        'Set the clock of this machine, or of the signer.',
      ],
    ]
    it('say to the developer what is wrong, and what to do', async () => {
      for (const [value, options, hint, cure] of refused) {
        const error = await errorOf(verify(value, options))
        expect(error, hint).to.be.instanceOf(WixAuthError).and.to.include({ hint, cure })
      }
    })
  })

  describe('the payload', () => {
    const cases: Array<[string, string, WixAuthErrorCode]> = [
      ['a payload that is not JSON', signData(Buffer.from('{"instanceId":')), 'token_malformed'],
      ['bytes that are no UTF-8', signData(Buffer.from('{"instanceId":"\xff"}', 'latin1')), 'token_malformed'],
      ['a byte order mark', signData(Buffer.from(`\uFEFF${JSON.stringify(payload())}`)), 'token_malformed'],
      ['null', sign(null), 'token_malformed'],
      ['a list', sign([payload()]), 'token_malformed'],
      ['a string', sign('instanceId'), 'token_malformed'],
      ['a number', sign(7), 'token_malformed'],
      ['no instanceId', instance({ instanceId: undefined }), 'claim_invalid'],
      ['an empty instanceId', instance({ instanceId: '' }), 'claim_invalid'],
      ['an instanceId that is a number', instance({ instanceId: 7 }), 'claim_invalid'],
    ]
    for (const [name, value, code] of cases) {
      it(`I-09: is rejected when it is ${name}, though the signature is right`, async () => {
        expect(await codeOf(value)).to.equal(code)
      })
    }

    it('is rejected when it names another app than the one expected', async () => {
      expect(await codeOf(instance(), { appId: 'app-2' })).to.equal('claim_invalid')
      expect(await codeOf(instance(), { appId: 'app-1' })).to.equal(undefined)
    })

    it('is not compared with the app when it names none, as before 2016', async () => {
      expect(await codeOf(instance({ appDefId: undefined }), { appId: 'app-1' })).to.equal(undefined)
      expect(await codeOf(instance({ appDefId: null }), { appId: 'app-1' })).to.equal(undefined)
    })
  })

  describe('I-12: freshness', () => {
    const signedAt = (time: number): string =>
      instance({ signDate: new Date(time).toISOString(), expirationDate: null })
    const DAY = 86_400_000
    const TOLERANCE = 30_000

    it('expires a day after signing, plus the tolerance, to the millisecond', async () => {
      expect(await codeOf(signedAt(NOW - DAY - TOLERANCE))).to.equal(undefined)
      expect(await codeOf(signedAt(NOW - DAY - TOLERANCE - 1))).to.equal('token_expired')
    })

    it('begins no earlier than the tolerance before signing, to the millisecond', async () => {
      expect(await codeOf(signedAt(NOW + TOLERANCE))).to.equal(undefined)
      expect(await codeOf(signedAt(NOW + TOLERANCE + 1))).to.equal('claim_invalid')
    })

    it('counts maxAge and clockTolerance in seconds', async () => {
      const options = { maxAge: 10, clockTolerance: 0 }
      expect(await codeOf(signedAt(NOW - 10_000), options)).to.equal(undefined)
      expect(await codeOf(signedAt(NOW - 10_001), options)).to.equal('token_expired')
      expect(await codeOf(signedAt(NOW + 1), options)).to.equal('claim_invalid')
    })

    it('expires at expirationDate plus the tolerance, to the millisecond', async () => {
      const ending = (time: number): string => instance({ expirationDate: new Date(time).toISOString() })
      expect(await codeOf(ending(NOW - TOLERANCE + 1))).to.equal(undefined)
      expect(await codeOf(ending(NOW - TOLERANCE))).to.equal('token_expired')
      expect(await codeOf(ending(NOW), { clockTolerance: 0 })).to.equal('token_expired')
      expect(await codeOf(ending(NOW + 1), { clockTolerance: 0 })).to.equal(undefined)
    })

    it('obeys expirationDate also with maxAge: false', async () => {
      expect(await codeOf(instance({ expirationDate: iso(-31) }), { maxAge: false })).to.equal('token_expired')
    })

    it('does not ask for the age with maxAge: false', async () => {
      for (const signDate of [undefined, 7, 'no date', iso(-1e9), iso(1e9)]) {
        expect(await codeOf(instance({ signDate, expirationDate: null }), { maxAge: false })).to.equal(undefined)
      }
    })

    const noDates = [
      undefined,
      null,
      '',
      0,
      NOW,
      true,
      {},
      [iso(0)],
      'today',
      '2026-03-04',
      '2026-03-04T05:06:07',
      ` ${iso(0)}`,
      `${iso(0)} (noon)`,
      '2026-13-04T05:06:07Z',
    ]
    it('counts an instance as expired whose signDate is no date', async () => {
      for (const signDate of noDates) {
        expect(await codeOf(instance({ signDate })), inspect(signDate)).to.equal('token_expired')
      }
    })
    it('counts an instance as expired whose expirationDate is no date', async () => {
      for (const expirationDate of [0, false, true, NOW * 2, {}, ['2030-01-01T00:00:00Z'], 'never', '2030-01-01']) {
        expect(await codeOf(instance({ expirationDate })), inspect(expirationDate)).to.equal('token_expired')
      }
    })
    it('never expires without an expirationDate', async () => {
      for (const expirationDate of [undefined, null, '']) {
        expect((await verify(instance({ expirationDate }))).exp, inspect(expirationDate)).to.equal(null)
      }
    })

    it('reads offsets, and seconds without a fraction', async () => {
      expect((await verify(instance({ signDate: '2026-03-04T00:05:07-05:00' }))).iat).to.equal(NOW / 1000 - 60)
    })

    it('A2: uses a fake clock that is installed later, too, and that of before', async () => {
      const value = signedAt(Date.now())
      const verifier = instanceVerifier({ secret: SECRET })
      expect((await verifier(value)).instanceId).to.equal('instance-1')
      const clock = sinon.useFakeTimers({ now: Date.now() + DAY + TOLERANCE + 1, toFake: ['Date'] })
      const during = instanceVerifier({ secret: SECRET })
      try {
        for (const each of [verifier, during]) expect(await refusalOf(each(value))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
      expect((await during(value)).instanceId).to.equal('instance-1')
    })

    it('uses the clock of the machine by default', async () => {
      const clock = sinon.useFakeTimers({ now: NOW + DAY + TOLERANCE, toFake: ['Date'] })
      try {
        const value = signedAt(NOW)
        const verifier = instanceVerifier({ secret: SECRET })
        expect((await verifier(value)).instanceId).to.equal('instance-1')
        clock.tick(1)
        expect(await refusalOf(verifier(value))).to.equal('token_expired')
      } finally {
        clock.restore()
      }
    })
  })

  describe('P-10: options', () => {
    it('may be at the limits', async () => {
      for (const clockTolerance of [0, 300]) expect(await codeOf(instance(), { clockTolerance })).to.equal(undefined)
    })

    const wrong: Array<[unknown, string | RegExp]> = [
      [undefined, 'instanceVerifier: the options must be an object with `secret`'],
      [null, 'instanceVerifier: the options must be an object with `secret`, got null'],
      [[], 'instanceVerifier: the options must be an object with `secret`, got an array'],
      [{}, 'instanceVerifier: option `secret` must be the app secret, got undefined'],
      [
        { secret: SECRET, maxage: 5 },
        'instanceVerifier: unknown option `maxage`; known options are clockTolerance, now, maxAge, ',
      ],
      [
        { secret: SECRET, maxAge: 0 },
        'instanceVerifier: option `maxAge` must be a number of seconds (not milliseconds, as in 1.x) above 0, at most 2678400 (31 days), or false',
      ],
      [{ secret: SECRET, maxAge: NaN }, 'option `maxAge`'],
      [{ secret: SECRET, maxAge: Infinity }, 'option `maxAge`'],
      [{ secret: SECRET, maxAge: -1 }, 'option `maxAge`'],
      [{ secret: SECRET, maxAge: 86_400_000 }, /option `maxAge` must be a number of seconds \(not milliseconds/],
      [
        { secret: SECRET, maxAge: '5' },
        /option `maxAge` must be a number of seconds \(not milliseconds.* or false, got a string$/,
      ],
      [{ secret: SECRET, maxAge: true }, /option `maxAge` must be .* or false, got a boolean$/],
      [{ secret: SECRET, clockTolerance: 301 }, 'option `clockTolerance` must be a number of seconds from 0 to 300'],
      [{ secret: SECRET, clockTolerance: -1 }, 'option `clockTolerance`'],
      [{ secret: SECRET, clockTolerance: NaN }, 'option `clockTolerance`'],
      [
        { secret: SECRET, appId: undefined },
        '`appId` must be a non-empty string without leading or trailing whitespace, got undefined (is an',
      ],
      [
        { secret: SECRET, appId: '' },
        'option `appId` must be a non-empty string without leading or trailing whitespace, got an empty string',
      ],
      [{ secret: SECRET, appId: ' a' }, 'option `appId`'],
      [{ secret: SECRET, now: NOW }, 'option `now` must be a function'],
    ]
    optionsTable({ instanceVerifier: (options: never) => verifyInstance(instance(), options) }, wrong)
  })

  describe('E-01: what is thrown', () => {
    it('holds neither the secret, nor the instance, nor its content', async () => {
      const canary = 'canary-7f3a'
      const values = [
        instance({ instanceId: '', canary }, canary),
        instance({ canary, signDate: 'x' }, canary),
        instance({ canary, appDefId: canary }, canary),
        instance({ canary }, OTHER_SECRET),
        signData(Buffer.from(`{"${canary}`), canary),
        canary,
      ]
      for (const value of values) {
        let thrown: unknown
        try {
          await verify(value, { secret: canary, appId: 'app-1' })
        } catch (error) {
          thrown = error
        }
        expect(thrown).to.be.instanceOf(WixAuthError)
        const shown = everythingIn(thrown)
        expect(shown).to.not.include(canary)
        expect(shown).to.not.include(value.slice(0, 43))
        expect(shown).to.not.include(value.slice(44, 80) || canary)
      }
    })
  })
})
