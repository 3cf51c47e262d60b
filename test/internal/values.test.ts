import { inspect } from 'node:util'
import { expect } from 'chai'
import { WixAuthError } from '../../lib/index.ts'
import {
  atMostOne,
  isNonEmptyString,
  isNumber,
  isObject,
  objectOf,
  exactlyOne,
  own,
  parseJson,
  property,
  stringOrNull,
  systemCodeOf,
} from '../../lib/internal/values.ts'

const refused = (call: () => unknown, code: string): void => {
  expect(call).to.throw(WixAuthError).with.property('code', code)
}

describe('isNumber, isNonEmptyString, stringOrNull and isObject', () => {
  it('know finite numbers', () => {
    for (const value of [0, -1, 1.5, 1e300]) expect(isNumber(value)).to.equal(true)
    for (const value of [NaN, Infinity, -Infinity, '1', null, undefined, 1n, [1], {}]) {
      expect(isNumber(value)).to.equal(false)
    }
  })

  it('know non-empty strings', () => {
    for (const value of ['a', ' ']) expect([isNonEmptyString(value), stringOrNull(value)]).to.deep.equal([true, value])
    for (const value of ['', 7, null, undefined, ['a'], {}, true]) {
      expect([isNonEmptyString(value), stringOrNull(value)]).to.deep.equal([false, null])
    }
  })

  it('know objects, of which an array is none', () => {
    for (const value of [{}, Object.create(null), new Date()]) expect(isObject(value)).to.equal(true)
    for (const value of [null, undefined, [], 'a', 7, () => {}]) expect(isObject(value)).to.equal(false)
  })
})

describe('property and own', () => {
  const holder: unknown = Object.assign(Object.create({ inherited: 1 }), { mine: 2 })

  it('P-11: read a property, own only where it is not inherited', () => {
    expect([property(holder, 'mine'), own(holder, 'mine')]).to.deep.equal([2, 2])
    expect([property(holder, 'inherited'), own(holder, 'inherited')]).to.deep.equal([1, undefined])
    for (const name of ['missing', 'constructor']) {
      expect([property({}, name), own({}, name)]).to.deep.equal([undefined, undefined])
      expect([property({ [name]: 3 }, name), own({ [name]: 3 }, name)]).to.deep.equal([3, 3])
    }
  })

  it('P-01: read nothing from a value that is no object', () => {
    for (const value of [undefined, null, 7, 'a string', true]) {
      expect([property(value, 'length'), own(value, 'length')]).to.deep.equal([undefined, undefined])
    }
  })
})

describe('I-01: atMostOne and exactlyOne', () => {
  it('return one string', () => {
    for (const value of ['a', ' ', 'a,b']) expect([atMostOne(value), exactlyOne(value)]).to.deep.equal([value, value])
  })

  it('find nothing in undefined, null and an empty string: undefined, and credentials_missing', () => {
    for (const none of [undefined, null, '']) {
      expect(atMostOne(none)).to.equal(undefined)
      refused(() => exactlyOne(none), 'credentials_missing')
    }
  })

  it('reject what is no string with request_invalid', () => {
    for (const odd of [['a'], ['a', 'b'], [], {}, 7, 0, true, false, Promise.resolve('a')]) {
      refused(() => atMostOne(odd), 'request_invalid')
      refused(() => exactlyOne(odd), 'request_invalid')
    }
  })

  it('say to the developer what was sent in place of one string', () => {
    for (const [odd, hint] of [
      [['a', 'b'], 'sent twice'],
      [['a'], 'sent as a list of 1'],
      [['a', 'b', 'c'], 'sent as a list of 3'],
      [7, 'sent as a value of type number'],
      [() => 'a', 'the reader returned a function, which must be called, as in fromQuery(name)'],
    ] as const) {
      expect(() => atMostOne(odd), hint)
        .to.throw(WixAuthError)
        .with.property('hint', hint)
    }
  })
})

describe('I-09: parseJson', () => {
  it('parses a string, and bytes in UTF-8', () => {
    expect(parseJson('{"a":"ü"}', 'it')).to.deep.equal({ a: 'ü' })
    expect(parseJson(Buffer.from('{"a":"ü"}'), 'it')).to.deep.equal({ a: 'ü' })
    expect(parseJson(new Uint8Array(Buffer.from('7')), 'it')).to.equal(7)
  })

  const bad: Array<[string, string | Uint8Array]> = [
    ['nothing', ''],
    ['no bytes', Buffer.alloc(0)],
    ['JSON that is cut', '{"a":'],
    ['a byte order mark', Buffer.from('\uFEFF{}')],
    ['invalid UTF-8', Buffer.from('"\xff"', 'latin1')],
    ['UTF-8 that is cut', Buffer.from('"ü').subarray(0, 2)],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
  ]
  for (const [name, json] of bad) {
    it(`rejects ${name} with token_malformed, and without its content`, () => {
      expect(() => parseJson(json, 'it'))
        .to.throw(WixAuthError)
        .and.include({ code: 'token_malformed', hint: 'it is not JSON in UTF-8' })
    })
  }
})

describe('I-11: objectOf', () => {
  it('returns an object without the properties that could change an object it is copied to', () => {
    const object = objectOf(JSON.parse('{"a":1,"__proto__":{"isAdmin":true},"constructor":1,"prototype":2}'))
    expect(Object.keys(object ?? {})).to.deep.equal(['a'])
    expect(Object.assign({}, object)).to.not.have.property('isAdmin')
  })

  it('returns undefined for any other value', () => {
    for (const value of [undefined, null, 7, 'a string', true, [], [{}]]) expect(objectOf(value)).to.equal(undefined)
  })
})

describe('E-01: systemCodeOf', () => {
  const cases: Array<[unknown, string]> = [
    [Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } }), ' (ECONNREFUSED)'],
    [Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), ' (UND_ERR_SOCKET)'],
    [Object.assign(new Error('x'), { code: 'NO_CODE here' }), ''],
    [Object.assign(new Error('x'), { code: 'here NO_CODE' }), ''],
    [Object.assign(new Error('x'), { code: 'lower_case' }), ''],
    [Object.assign(new Error('x'), { code: 7 }), ''],
    [Object.create({ code: 'INHERITED' }), ''],
    [undefined, ''],
    ['a string', ''],
  ]
  it('is the code of the error or of its cause, and empty where there is none', () => {
    for (const [error, suffix] of cases) {
      expect(systemCodeOf(error), inspect(error)).to.equal(suffix)
    }
  })
})
