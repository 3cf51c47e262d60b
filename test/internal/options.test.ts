import { expect } from 'chai'
import sinon from 'sinon'
import {
  callback,
  checkedLater,
  type Checks,
  checkOptions,
  clockChecks,
  count,
  flag,
  got,
  maxAge,
  must,
  required,
  string,
  timeout,
} from '../../lib/internal/options.ts'
import { optionsTable } from '../support/options-table.ts'

interface Options {
  id: string
  size?: number
  later?: unknown
}
const checks: Checks<Options> = {
  id: required(string),
  size: must((value) => value === 1, 'the number 1'),
  later: checkedLater,
}

describe('P-10: checkOptions', () => {
  optionsTable(
    { Owner: (options: never) => checkOptions('Owner', options, checks) },
    [
      [undefined, 'the options must be an object with `id`'],
      [null, 'the options must be an object with `id`, got null'],
      [[], 'the options must be an object with `id`, got an array'],
      ['a string', 'the options must be an object with `id`'],
      [() => ({}), 'the options must be an object with `id`, got a value of type function'],
      [{}, 'option `id` is missing: it must be a non-empty string without leading or trailing whitespace'],
      [
        Object.create({ id: 'inherited' }),
        'option `id` is missing: it must be a non-empty string without leading or trailing whitespace',
      ],
      [
        { id: undefined },
        'option `id` must be a non-empty string without leading or trailing whitespace, got undefined (is an environment variable not set?)',
      ],
      [{ id: 'a', size: 'canary' }, 'option `size` must be the number 1'],
      [
        { id: 'a', size: undefined },
        'option `size` must be the number 1, got undefined (is an environment variable not set?)',
      ],
      [{ id: 'a', other: 'canary' }, 'unknown option `other`; known options are id, size, later'],
      [{ id: 'a', toString: 'canary' }, 'unknown option `toString`; known options are id, size, later'],
      [{ id: 'a', signDateThreshold: 5 }, 'unknown option `signDateThreshold`; use `maxAge`, in seconds'],
    ],
    { isWhole: true },
  )

  it('copies the own properties to an object that inherits nothing', () => {
    const given = Object.assign(Object.create({ size: 2 }), { id: 'a', later: [] }) as Options
    const options = checkOptions('Owner', given, checks)
    expect({ ...options }).to.deep.equal({ id: 'a', later: [] })
    expect(Object.getPrototypeOf(options)).to.equal(null)
    given.id = 'b'
    expect(options).to.have.property('id', 'a')
  })

  it('P-11: finds no option and no check on Object.prototype', () => {
    Object.assign(Object.prototype, { id: 'polluted', size: 1 })
    try {
      expect(() => checkOptions('Owner', {} as Options, checks)).to.throw(TypeError, 'option `id` is missing')
      expect(checkOptions('Owner', { id: 'a' }, checks).size).to.equal(undefined)
    } finally {
      for (const name of ['id', 'size']) Reflect.deleteProperty(Object.prototype, name)
    }
  })
})

describe('P-10: the check of', () => {
  const each: Array<[string, (value: unknown) => string | undefined, unknown[], unknown[]]> = [
    ['a string', string, ['a', 'a b'], ['', ' ', ' a', 'a\n', 7, null, undefined, ['a']]],
    ['a flag', flag, [true, false], [0, 1, 'true', null, undefined]],
    ['a callback', callback, [() => {}, async () => {}, sinon.fake()], ['f', {}, null, undefined]],
    ['a timeout', timeout, [0.001, 2, 86_400], [0, -1, 86_400.1, NaN, Infinity, '2', false, null, undefined]],
    [
      'maxAge',
      maxAge,
      [0.5, 2_678_400, false],
      [0, -1, 2_678_401, 86_400_000, NaN, Infinity, '5', true, null, undefined],
    ],
    ['a count', count, [1, 10_000_000], [0, -1, 1.5, 10_000_001, NaN, Infinity, '1', null, undefined]],
    ['clockTolerance', clockChecks.clockTolerance, [0, 0.5, 300], [-1, 301, NaN, Infinity, '5', null, undefined]],
    ['now', clockChecks.now, [Date.now], [5, new Date(), undefined]],
    ['what is checked later', checkedLater, [undefined, null, {}], []],
  ]
  for (const [name, check, right, wrong] of each) {
    it(`${name} accepts what it should, and says what it expects of everything else`, () => {
      for (const value of right) expect(check(value)).to.equal(undefined)
      for (const value of wrong) expect(check(value)).to.be.a('string')
    })
  }
})

describe('E-01: got', () => {
  const kinds: Array<[unknown, string]> = [
    [undefined, ', got undefined (is an environment variable not set?)'],
    [null, ', got null'],
    ['', ', got an empty string'],
    ['canary', ', got a string'],
    [7, ', got a number'],
    [['canary'], ', got an array'],
    [{ canary: 1 }, ', got a value of type object'],
    [true, ', got a value of type boolean'],
    [() => 'canary', ', got a value of type function'],
    [Symbol('canary'), ', got a value of type symbol'],
  ]
  it('says which kind of value was given, and nothing of its content', () => {
    for (const [value, message] of kinds) expect(got(value)).to.equal(message)
  })
})
