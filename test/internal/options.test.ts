import { createSecretKey } from 'node:crypto'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixUnavailableError } from '../../lib/index.ts'
import {
  appIdOf,
  callback,
  checkedLater,
  type Checks,
  checkOptions,
  clockChecks,
  countCheck,
  flag,
  got,
  isSameId,
  maxAgeCheck,
  must,
  neededLater,
  ofRequest,
  required,
  string,
  timeoutCheck,
  timeoutUpTo,
} from '../../lib/internal/options.ts'
import { errorOf } from '../support/errors.ts'
import { optionsTable } from '../support/options-table.ts'

interface Options {
  id: string
  size?: number
  later?: unknown
}
const checks: Checks<Options> = {
  id: required(string),
  size: must((value) => value === 1, 'the number 1', 'number'),
  later: checkedLater,
}

describe('P-10: the checks that several options share', () => {
  it('say what the value must be, and what it was where it was of another type', () => {
    const seconds = 'a number of seconds'
    for (const [check, outOfRange, expected] of [
      [string, ' a', 'a non-empty string without leading or trailing whitespace'],
      [timeoutUpTo(5), 6, `${seconds} above 0, at most 5`],
      [maxAgeCheck, 2_678_401, `${seconds} (not milliseconds, as in 1.x) above 0, at most 2678400 (31 days), or false`],
      [countCheck, 0, 'an integer from 1 to 10000000'],
      [clockChecks.clockTolerance, 301, `${seconds} from 0 to 300`],
    ] as const) {
      const given = (one: unknown) => () => checkOptions<{ one?: unknown }>('Owner', { one }, { one: check })
      expect(given(outOfRange))
        .to.throw(TypeError, `Owner: option \`one\` must be ${expected}`)
        .with.property('message')
        .that.does.not.match(/, got/)
      expect(given([])).to.throw(TypeError, `Owner: option \`one\` must be ${expected}, got an array`)
    }
    const mistaken = (one: unknown, check: typeof flag) => () =>
      checkOptions<{ one?: unknown }>('Owner', { one }, { one: check })
    expect(mistaken([], flag)).to.throw(TypeError, 'Owner: option `one` must be true or false, got an array')
    expect(mistaken([], callback)).to.throw(TypeError, 'Owner: option `one` must be a function, got an array')
  })
})

describe('P-10: checkOptions', () => {
  optionsTable(
    { Owner: (options: never) => checkOptions('Owner', options, checks) },
    [
      [undefined, 'the options must be an object with `id`'],
      [null, 'the options must be an object with `id`, got null'],
      [[], 'the options must be an object with `id`, got an array'],
      ['canary-string', 'the options must be an object with `id`, got a string'],
      [() => ({}), 'the options must be an object with `id`, got a function'],
      [
        'a request, for options that are middleware',
        Object.create({ headers: { host: 'canary' }, id: 'a' }),
        'it was given a request, so it must be called first, as Owner(...)',
      ],
      [{ headers: 'canary' }, 'unknown option `headers`; known options are id, size, later'],
      [{}, 'option `id` is missing: it must be a non-empty string without leading or trailing whitespace'],
      [
        Object.create({ id: 'inherited' }),
        'option `id` is missing: it must be a non-empty string without leading or trailing whitespace',
      ],
      [
        { id: undefined },
        'option `id` must be a non-empty string without leading or trailing whitespace, got undefined (is an environment variable not set?)',
      ],
      [
        { id: '' },
        'option `id` must be a non-empty string without leading or trailing whitespace, got an empty string',
      ],
      [{ id: 'a', size: 'canary' }, 'option `size` must be the number 1, got a string'],
      [{ id: 'a', size: 2 }, 'option `size` must be the number 1'],
      [{ id: 'a', size: NaN }, 'option `size` must be the number 1'],
      [
        { id: 'undefined' },
        'option `id` must be a non-empty string without leading or trailing whitespace, got a string that JavaScript makes of a missing value (is an environment variable not set?)',
      ],
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

  it('names the options that have no default where no options are given, also those that are checked later', () => {
    for (const [all, needed] of [
      [{ size: checkedLater }, ''],
      [{ ...checks, key: neededLater }, ' with `id` and `key`'],
    ] as const)
      expect(() => checkOptions<object>('Owner', null as never, all))
        .to.throw(TypeError)
        .with.property('message', `Owner: the options must be an object${needed}, got null`)
  })

  it('takes headers where they are an option', () => {
    const options = { headers: { host: 'a' } }
    expect(checkOptions('Owner', options, { headers: checkedLater })).to.deep.equal(options)
  })

  it('copies the own properties to an object that inherits nothing', () => {
    const given = Object.assign(Object.create({ size: 2 }), { id: 'a', later: [] }) as Options
    const options = checkOptions('Owner', given, checks)
    expect(Object.fromEntries(Object.entries(options))).to.deep.equal({ id: 'a', later: [] })
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
    [
      'a string',
      string,
      ['a', 'a b', 'Nullable', 'x undefined', 'undefined-x', 'nilly', 'null null x', 'a (null)', 'n/a b', 'void 00'],
      ['', ' ', ' a', 'a\n', 7, null, undefined, ['a']],
    ],
    [
      'a string that JavaScript makes of a missing value, of which A9 is about,',
      string,
      [],
      [
        'undefined',
        'null',
        'NaN',
        'true',
        'FALSE',
        '[object Object]',
        '[object Promise]',
        '() => 1',
        'class A {}',
        'None',
        'nil',
        'undefinedundefined',
        'undefined-null',
        'null, null',
        'undefined.undefined',
        '(null)',
        'N/A',
        'void 0',
      ],
    ],
    [
      'a placeholder, of which A9 is about, too,',
      string,
      [
        'a $b',
        '$b c',
        '${a',
        'a%b%',
        '%a%b',
        '{{a',
        '{a}',
        'a<b>',
        '<a>b',
        '<a<b>',
        'process.environment',
        'my process.env.A',
      ],
      [
        '$A',
        '${A}',
        '${{ secrets.A }}',
        '${A:-b c}',
        '$(AB)',
        '%AB%',
        '{{ .Values.a }}',
        '<nil>',
        '<your secret>',
        ' <nil>\n',
        '<>',
        'process.env.A',
        'import.meta.env.A',
        'process.env["A"]',
      ],
    ],
    ['a longer timeout', timeoutUpTo(300), [0.001, 300], [0, 301, '5', Infinity]],
    ['a flag', flag, [true, false], [0, 1, 'true', null, undefined]],
    ['a callback', callback, [() => {}, async () => {}, sinon.fake()], ['f', {}, null, undefined]],
    ['a timeout', timeoutCheck, [0.001, 2, 60], [0, -1, 60.001, 2000, NaN, Infinity, '2', false, null, undefined]],
    [
      'maxAge',
      maxAgeCheck,
      [0.5, 2_678_400, false],
      [0, -1, 2_678_401, 86_400_000, NaN, Infinity, '5', true, null, undefined],
    ],
    ['a count', countCheck, [1, 10_000_000], [0, -1, 1.5, 10_000_001, NaN, Infinity, '1', null, undefined]],
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
    [' ', ', got an empty string'],
    ['canary', ', got a string'],
    ...[
      'undefined',
      ' null ',
      'NaN',
      '[object Object]',
      '-Infinity',
      'Infinity',
      'Symbol()',
      'Symbol(name)',
      'async () => 1',
    ].map((text): [unknown, string] => [
      text,
      ', got a string that JavaScript makes of a missing value (is an environment variable not set?)',
    ]),
    ['true', ', got the word of a boolean'],
    [' False\n', ', got the word of a boolean'],
    ['truest', ', got a string'],
    ['untrue', ', got a string'],
    [Promise.resolve('canary'), ', got a promise: await it, or pass a function'],
    [Buffer.from('canary'), ', got bytes'],
    [7, ', got a number'],
    [['canary'], ', got an array'],
    [{ canary: 1 }, ', got a value of type object'],
    [Object.create(null), ', got a value of type object'],
    [new URL('https://canary.example'), ', got a value of type URL'],
    [new Map([['canary', 1]]), ', got a value of type Map'],
    [createSecretKey(Buffer.from('canary')), ', got a value of type KeyObject'],
    [{ [Symbol.toStringTag]: 'ObjectId' }, ', got a value of type ObjectId'],
    [Object.create({ canary: 1 }), ', got a value of type object'],
    ['${CANARY}', ', got a placeholder that nothing has replaced (is an environment variable not set?)'],
    [' <nil>', ', got a placeholder that nothing has replaced (is an environment variable not set?)'],
    [true, ', got a boolean'],
    [() => 'canary', ', got a function'],
    [Symbol('canary'), ', got a symbol'],
  ]
  it('says which kind of value was given, and nothing of its content', () => {
    for (const [value, message] of kinds) expect(got(value)).to.equal(message)
  })
})

describe('ofRequest', () => {
  const parse = sinon.fake((value: unknown) => {
    if (value === undefined) throw new TypeError('Owner: option `thing` is missing')
    return { parsed: value }
  })
  beforeEach(() => parse.resetHistory())

  it('parses a value once, at once', () => {
    const find = ofRequest('Owner', 'thing', 'a', parse)
    sinon.assert.calledOnceWithExactly(parse, 'a')
    expect([find({}), find({})]).to.deep.equal([{ parsed: 'a' }, { parsed: 'a' }])
    sinon.assert.calledOnce(parse)
    expect(() => ofRequest('Owner', 'thing', undefined, parse)).to.throw(TypeError, 'is missing')
  })

  it('calls a function with the request each time it is needed, and parses a string again only when it is another', async () => {
    const given = sinon.stub().returns('a')
    const find = ofRequest('Owner', 'thing', given, parse)
    sinon.assert.notCalled(given)
    const req = { headers: {} }
    const first = await find(req)
    expect(await find(req)).to.equal(first)
    sinon.assert.calledTwice(given)
    sinon.assert.alwaysCalledWithExactly(given, req)
    sinon.assert.calledOnce(parse)
    given.resolves('b')
    expect(await find(req)).to.deep.equal({ parsed: 'b' })
    given.returns(['b'])
    await find(req)
    await find(req)
    sinon.assert.callCount(parse, 4)
    given.returns(undefined)
    expect(await errorOf((async () => find(req))())).to.be.instanceOf(TypeError)
  })

  it('passes on what a function throws, and waits for no more than five seconds', async () => {
    const broken = new Error('database')
    for (const given of [sinon.fake.throws(broken), sinon.fake.rejects(broken)]) {
      expect(await errorOf((async () => ofRequest('Owner', 'thing', given, parse)({}))())).to.equal(broken)
    }
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pending = errorOf((async () => ofRequest('Owner', 'thing', () => new Promise(() => {}), parse)({}))())
      await clock.tickAsync(5000)
      expect(await pending)
        .to.be.instanceOf(WixUnavailableError)
        .and.to.include({ status: 503, message: 'Owner: the function `thing` took more than 5 s' })
    } finally {
      clock.restore()
    }
  })
})

describe('B51: an app ID', () => {
  const GUID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
  it('that is a GUID is the same in any case, and any other must be the same in each character', () => {
    const parse = appIdOf('Owner')
    expect([parse(GUID.toUpperCase()), parse(GUID), parse('App-1')]).to.deep.equal([GUID, GUID, 'App-1'])
    expect([isSameId(GUID.toUpperCase(), GUID), isSameId(GUID, GUID), isSameId('app-1', 'app-1')]).to.deep.equal([
      true,
      true,
      true,
    ])
    expect(isSameId([GUID], GUID)).to.equal(false)
    for (const claim of ['APP-1', undefined, null, ['app-1'], 7, '']) expect(isSameId(claim, 'app-1')).to.equal(false)
    expect(isSameId(GUID.replace('5', '6'), GUID)).to.equal(false)
    for (const quoted of ['"a"', "'a'", '""', '`a`'])
      expect(() => parse(quoted)).to.throw(TypeError, /^Owner: option `appId` must be the app ID, got one in quotes$/)
    for (const more of [`WIX_APP_ID=${GUID}`, `${GUID} # production`, `\`${GUID}`, `${GUID},${GUID}`, `${GUID}\u200B`])
      expect(() => parse(more)).to.throw(
        TypeError,
        /^Owner: option `appId` must be the app ID alone, got something before or after it$/,
      )
    for (const odd of [`test-${GUID}`, `${GUID}0`]) expect(parse(odd)).to.equal(odd)
    for (const odd of ['"a', `'a"`, 'x"a"', '"a"x']) expect(parse(odd)).to.equal(odd)
    for (const [value, problem] of [
      [7, ', got a number'],
      ['', ', got an empty string'],
      ['undefined', ', got a string that JavaScript makes of a missing value (is an environment variable not set?)'],
      [' a', ', got a string'],
    ] as const)
      expect(() => parse(value)).to.throw(
        TypeError,
        `Owner: option \`appId\` must be a non-empty string without leading or trailing whitespace${problem}`,
      )
  })
})
