import { expect } from 'chai'
import { refusal } from '../lib/errors.ts'
import { fromAuthorization, fromBody, fromHeader, fromQuery, oneOf, WixAuthError } from '../lib/index.ts'
import { checkOptions } from '../lib/internal/options.ts'
import { argumentNotRaw, elsewhere, type Place, rawBodyText, readBody, readToken, tokenChecks } from '../lib/read.ts'
import { instance } from './support/build.ts'
import { errorOf } from './support/errors.ts'
import { webhook } from './support/jwt.ts'

const refused = (read: () => unknown, hint?: string): void => {
  expect(read)
    .to.throw(WixAuthError)
    .that.includes({ code: 'request_invalid', ...(hint !== undefined && { hint }) })
}

describe('readers', () => {
  it('fromQuery reads one query parameter', () => {
    expect(fromQuery('signedInstance')({ query: { signedInstance: 'a' } })).to.equal('a')
    expect(fromQuery('signedInstance')({ query: { instance: 'a' } })).to.equal(undefined)
  })

  it('A13, A22: fromQuery reads a URLSearchParams, and the address where a host has no query', () => {
    const read = fromQuery('instance')
    expect(read({ query: new URLSearchParams('a=b&instance=c') })).to.equal('c')
    for (const url of ['/ws?instance=c', '/?a=b&instance=c', 'https://app.example/x?instance=c#top', '?instance=c&a'])
      expect(read({ url })).to.equal('c')
    for (const url of [undefined, null, 7, '', '/', '/x#?instance=c', '/x?other=c', '/instance=c'])
      expect(read({ url })).to.equal(undefined)
    expect(read({ url: '/?instance=%2B%20' })).to.equal('+ ')
    // A host that has a query has read the address.
    expect(read({ query: {}, url: '/?instance=c' })).to.equal(undefined)
    refused(() => read({ url: '/?instance=a&instance=a' }))
    refused(() => read({ query: new URLSearchParams('instance=a&instance=b') }))
    expect(fromQuery('constructor')({ url: '/' })).to.equal(undefined)
    expect(fromQuery('toString')({ query: {} })).to.equal(undefined)
  })

  it('fromHeader reads one header, in any case', () => {
    expect(fromHeader('X-Wix-Instance')({ headers: { 'x-wix-instance': 'a' } })).to.equal('a')
    expect(fromHeader('X-Wix-Instance')({ headers: {} })).to.equal(undefined)
  })

  const headers: Array<[string | undefined, string | undefined, string | undefined]> = [
    [undefined, 'token', 'token'],
    [undefined, 'Bearer token', undefined],
    [undefined, undefined, undefined],
    ['Bearer', 'Bearer token', 'token'],
    ['bearer', 'BEARER   token ', 'token'],
    ['Bearer', 'Basic token', undefined],
    ['Bearer', 'Bearertoken', undefined],
    ['Bearer', 'Bearer', undefined],
    ['Bearer', 'BearerX', undefined],
    ['Bearer', 'Bearer ', undefined],
    ['Bearer', undefined, undefined],
    ['Bearer', 'Bearer two words', 'two words'],
  ]
  it('fromAuthorization reads what follows the scheme, in any case, or the whole header where it wants none', () => {
    for (const [scheme, authorization, expected] of headers) {
      expect(fromAuthorization(scheme)({ headers: { authorization } }), String(authorization)).to.equal(expected)
    }
  })

  it('oneOf reads from the place that holds a credential', () => {
    const read = oneOf<unknown>(fromQuery('instance'), fromHeader('x-wix-instance'))
    expect(read({ query: { instance: 'a' } })).to.equal('a')
    expect(read({ headers: { 'x-wix-instance': 'b' } })).to.equal('b')
    expect(read({})).to.equal(undefined)
  })

  it('oneOf accepts readers of the app, for which null and an empty string are no credential, and an array is rejected', () => {
    const read = (value: unknown): unknown =>
      oneOf<unknown>(() => value as string, fromQuery('instance'))({ query: { instance: 'a' } })
    for (const nothing of [undefined, null, '']) expect(read(nothing)).to.equal('a')
    for (const odd of [['b'], {}, Promise.resolve('b')]) refused(() => read(odd))
  })

  it('oneOf rejects two at once, also when they are equal', () => {
    const read = oneOf<unknown>(fromQuery('instance'), fromHeader('x-wix-instance'))
    refused(() => read({ query: { instance: 'a' }, headers: { 'x-wix-instance': 'a' } }), 'sent in two places at once')
  })

  it('B60: are made with a name or with readers, and a TypeError says what else was given', () => {
    const A_NAME = 'a non-empty string without leading or trailing whitespace'
    const wrong: Array<[make: () => unknown, message: string]> = [
      [() => fromQuery(undefined as never), `fromQuery: its argument must be ${A_NAME}, got undefined`],
      [() => fromQuery({} as never), `fromQuery: its argument must be ${A_NAME}, got a value of type object`],
      [() => fromHeader(' '), `fromHeader: its argument must be ${A_NAME}, got an empty string`],
      [() => oneOf([fromQuery('a')] as never), 'oneOf: its argument must be a function, got an array'],
      [() => oneOf(fromQuery('a'), 'b' as never), 'oneOf: its argument must be a function, got a string'],
    ]
    for (const [make, message] of wrong) expect(make).to.throw(TypeError, message)
  })

  describe('of a Fetch Request', () => {
    const fetched = (query: string, ...headers: Array<[string, string]>): Request =>
      new Request(`https://backend.example/path${query}`, { headers })

    it('read the address and the headers', () => {
      const request = fetched('?signedInstance=a', ['X-Wix-Instance', 'b'], ['Authorization', 'BEARER c'])
      expect(fromQuery('signedInstance')(request)).to.equal('a')
      expect(fromQuery('instance')(request)).to.equal(undefined)
      expect(fromHeader('x-Wix-Instance')(request)).to.equal('b')
      expect(fromHeader('x-other')(request)).to.equal(undefined)
      expect(fromAuthorization('Bearer')(request)).to.equal('c')
      expect(fromAuthorization()(request)).to.equal(undefined)
      expect(fromAuthorization()(fetched('', ['authorization', 'd']))).to.equal('d')
    })

    it('I-01: reject two credentials: repeated, or in two places', () => {
      refused(() => fromQuery('a')(fetched('?a=b&a=b')))
      const token: [string, string] = ['authorization', 'Bearer a']
      for (const read of [fromHeader('Authorization'), fromAuthorization('Bearer'), fromAuthorization()]) {
        refused(() => read(fetched('', token, token)))
        refused(() => read(fetched('', token, ['authorization', 'a'])))
        refused(() => read(fetched('', ['authorization', 'a'], token)))
      }
      refused(() => oneOf<unknown>(fromQuery('a'), fromAuthorization('Bearer'))(fetched('?a=b', token)))
    })

    it('read nothing that other requests have', async () => {
      const request = Object.assign(fetched(''), { query: { a: 'b' }, rawBody: 'raw' })
      expect(fromQuery('a')(request)).to.equal(undefined)
      expect(await fromBody()(request)).to.equal(undefined)
    })

    it('read the raw body', async () => {
      const request = new Request('https://backend.example', { method: 'POST', body: 'raw' })
      expect(await fromBody()(request)).to.deep.equal(Buffer.from('raw'))
    })
  })

  describe('that found nothing: where the credential is instead', () => {
    const hint = (req: unknown, expected: Place | undefined = 'the query', also?: string): string | undefined =>
      elsewhere(req, expected, also)()
    const credential = instance()

    const cases: Array<[name: string, req: object, expected: string]> = [
      ['nowhere', {}, 'nothing in the query'],
      [
        'a preflight, which has none',
        { method: 'OPTIONS', headers: { authorization: credential } },
        'a CORS preflight (OPTIONS), which has no credential: answer it before authentication, for example with cors()',
      ],
      [
        'in Authorization',
        { headers: { authorization: `Bearer ${credential}` } },
        'Authorization looks like an instance: WixAppStrategy',
      ],
      [
        'in Authorization, after several spaces',
        { headers: { authorization: `Bearer  ${credential}` } },
        'Authorization looks like an instance: WixAppStrategy',
      ],
      [
        'in Authorization, with `Bearer` in the middle of it',
        { headers: { authorization: `${credential.slice(0, 9)}Bearer ${credential.slice(9)}` } },
        'Authorization holds something else',
      ],
      ['in a scheme of its own', { headers: { authorization: 'Basic abc' } }, 'Authorization holds something else'],
      ['in the body', { body: { token: 'a' } }, 'in the body, not in the query'],
      ['in rawBody before the body', { rawBody: 'x', body: { token: 'a' } }, 'nothing in the query'],
      ['under another name of Wix', { query: { signedInstance: 'a' } }, 'in the query as `signedInstance`'],
      ['in the query, but empty', { query: { instance: '' } }, '`instance` in the query is empty'],
      ['in the body, but empty', { body: { token: '' } }, '`token` in the body is empty'],
      ['in the address', { url: '/?access_token=a' }, 'in the query as `access_token`'],
      ['in a URLSearchParams', { query: new URLSearchParams('token=a') }, 'in the query as `token`'],
      ['under a name of the app', { query: { inst: credential } }, "in the query as `inst`: fromQuery('inst')"],
      [
        'after an ampersand that was escaped for HTML',
        { url: `/?x=1&amp;instance=${credential}` },
        "in the query as `amp;instance`: fromQuery('amp;instance')",
      ],
      [
        'in the address alone, where the host has no query parser',
        { url: '/?instance=a', query: {} },
        'in the address, but not in `req.query`: is the query parser of the host off, or another one?',
      ],
      ['in the address and in the query', { url: '/?token=a&a=1', query: { token: 'a' } }, 'in the query as `token`'],
      [
        'after two question marks',
        { query: { '?instance': credential } },
        "in the query as `?instance`: fromQuery('?instance')",
      ],
      [
        'in a list, where the parser of the host leaves its brackets',
        { query: { 'instance[0]': credential } },
        "in the query as `instance[0]`: fromQuery('instance[0]')",
      ],
      [
        'under a name of the app in the address',
        { url: `/?x=1&inst=${credential}` },
        "in the query as `inst`: fromQuery('inst')",
      ],
      [
        'in a header of the app',
        { headers: { host: 'app.example', 'x-wix-instance': credential } },
        "in the header `x-wix-instance`: fromHeader('x-wix-instance')",
      ],
      [
        'in a body that is a webhook',
        { body: Buffer.from(webhook()) },
        'the body looks like a webhook or a service plugin call: WixWebhookStrategy, WixServicePluginStrategy',
      ],
      [
        'in a string of a body that is a webhook',
        { rawBody: webhook() },
        'the body looks like a webhook or a service plugin call: WixWebhookStrategy, WixServicePluginStrategy',
      ],
      [
        'nowhere in what a browser sends of its own',
        {
          headers: {
            'sec-ch-ua': '"Chromium";v="124", "Not-A.Brand";v="99"',
            'sec-ch-ua-platform': '"Linux"',
            'if-none-match': '"abc"',
            referer: 'https://app.example/?a=b%20c',
            cookie: `instance=${credential}`,
            'cf-visitor': '{"scheme":"https"}',
          },
        },
        'nothing in the query',
      ],
      [
        'beside parameters that are no credential',
        { query: { debug: 'true', filter: '{"a":1}', path: '%2Fa' } },
        'nothing in the query; the query has `debug`, `filter`, `path`',
      ],
      ['in a body that is something else', { body: 'a=b' }, 'nothing in the query'],
      ['in a body that has a webhook further on', { body: `a=${webhook()}` }, 'nothing in the query'],
      ['in a body with a header that never ends', { body: `eyJ${'a'.repeat(10_000)}.` }, 'nothing in the query'],
      [
        'beside other parameters, of which it names five',
        { query: { a: '1', locale: 'en', c: '1', d: '1', e: '1', f: '1' } },
        'nothing in the query; the query has `a`, `locale`, `c`, `d`, `e`',
      ],
      [
        'in a list of a name of the app',
        { query: { inst: [credential] } },
        'nothing in the query; the query has `inst`',
      ],
      ['under what is no name', { query: { 'a b': credential } }, 'nothing in the query'],
      [
        'beside parameters that may be values',
        { query: { [credential]: '', 'a b': '', ['x'.repeat(32)]: '', ok: '1' } },
        'nothing in the query; the query has `ok`',
      ],
    ]
    for (const [name, req, expected] of cases) it(name, () => expect(hint(req)).to.equal(expected))

    it('names each place where it looked, and none for a reader of the app', () => {
      expect(hint({}, 'the query', ' or the Authorization header')).to.equal(
        'nothing in the query or the Authorization header',
      )
      const unknown = (req: object): string | undefined => elsewhere(req, undefined)()
      expect(unknown({})).to.equal('your reader found nothing')
      expect(unknown({ body: { token: 'a' } })).to.equal('in the body as `token`')
      expect(unknown({ query: { a: '1' } })).to.equal('your reader found nothing')
    })

    it('of a Fetch Request', () => {
      const fetched = (query: string): Request => new Request(`https://backend.example/x${query}`)
      expect(hint(fetched(''))).to.equal('nothing in the query')
      expect(hint(fetched(`?inst=${credential}`))).to.equal("in the query as `inst`: fromQuery('inst')")
      expect(hint(fetched('?token=a'), 'the Authorization header')).to.equal(
        'in the query, not in the Authorization header',
      )
      expect(hint(fetched('?a=1'))).to.equal('nothing in the query; the query has `a`')
      const headers = { accept: 'text/html', 'X-Wix-Instance': credential }
      expect(hint(new Request('https://backend.example', { headers }))).to.equal(
        "in the header `x-wix-instance`: fromHeader('x-wix-instance')",
      )
      expect(hint({ url: '/', headers: { get: () => null } })).to.equal('nothing in the query')
    })

    it('P-01: is silent, and no error, where the request cannot be read', () => {
      const req = Object.defineProperty({}, 'headers', { get: () => expect.fail('unreadable') })
      expect(refusal('credentials_missing', elsewhere(req, 'the query')).hint).to.equal(undefined)
      for (const odd of [undefined, null, 7, 'a string']) expect(hint(odd)).to.equal('nothing in the query')
    })

    it('P-11: is not under a name of Object.prototype', () => {
      Object.assign(Object.prototype, { token: credential })
      try {
        expect(hint({ body: {}, query: {}, headers: {} })).to.equal('nothing in the query')
      } finally {
        Reflect.deleteProperty(Object.prototype, 'token')
      }
    })
  })

  it('P-01: accept any request', () => {
    for (const req of [
      undefined,
      null,
      7,
      'a string',
      {},
      { query: null, headers: null },
      { query: 'a', headers: 7 },
    ]) {
      for (const read of [
        fromQuery('instance'),
        fromHeader('instance'),
        fromAuthorization(),
        fromAuthorization('Bearer'),
      ]) {
        expect(read(req)).to.equal(undefined)
      }
    }
  })

  it('I-01: reject a value that is not a string', () => {
    for (const value of [['a'], [], {}, 7, true]) {
      refused(() => fromQuery('instance')({ query: { instance: value } }))
      refused(() => fromHeader('x')({ headers: { x: value } }))
      refused(() => fromAuthorization('Bearer')({ headers: { authorization: value } }))
    }
  })

  describe('fromBody', () => {
    const read = fromBody()
    const sent = { 'content-type': 'text/plain', 'content-length': '3' }

    it('reads bytes and strings, rawBody before body', () => {
      const bytes = Buffer.from('raw')
      for (const body of [bytes, new Uint8Array(bytes), 'raw', '', Buffer.alloc(0)]) {
        expect(read({ body })).to.equal(body)
        expect(read({ rawBody: body, body: { parsed: true } })).to.equal(body)
        expect(read({ rawBody: undefined, body })).to.equal(body)
        expect(read(Object.create({ rawBody: body }))).to.equal(body)
      }
    })

    it('P-01: reads nothing where there is none', () => {
      for (const req of [undefined, null, 7, 'a string', {}, { body: undefined }, { body: null }, { body: {} }]) {
        expect(read(req)).to.equal(undefined)
      }
      for (const headers of [undefined, null, {}, { 'content-length': '0' }, { ...sent, 'content-length': '0' }]) {
        expect(read({ body: {}, headers })).to.equal(undefined)
        expect(read({ headers })).to.equal(undefined)
      }
    })

    it('J-08: says what to do about a body that was parsed, or that no parser has read', () => {
      const chunked = { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
      const PARSED = 'a parser such as express.json() has read the body before'
      const UNREAD = 'no parser has read the body (is express.raw() before the strategy, with `type`?)'
      const requests: Array<[req: object, why: string]> = [
        [{ body: { a: 1 } }, PARSED],
        [{ body: [1] }, PARSED],
        [{ body: 7 }, 'the body is a value of type number'],
        [{ body: false }, 'the body is a value of type boolean'],
        [{ body: Promise.resolve('raw') }, 'the body is a value of type Promise'],
        [{ rawBody: new ArrayBuffer(4), body: 'raw' }, 'the body is a value of type ArrayBuffer'],
        [{ body: new Map() }, 'the body is a value of type Map'],
        [{ body: () => 'raw' }, 'the body is a value of type function'],
        [{ rawBody: { a: 1 }, body: 'raw' }, PARSED],
        [{ headers: sent }, UNREAD],
        [{ headers: chunked }, UNREAD],
        [{ body: null, headers: sent }, UNREAD],
        [{ body: {}, headers: sent }, UNREAD],
        [{ body: {}, headers: chunked }, UNREAD],
        [{ body: [], headers: sent }, UNREAD],
      ]
      for (const [req, why] of requests) {
        expect(() => read(req))
          .to.throw(
            Error,
            `Wix signed the raw body, which did not arrive here: ${why}. Keep it before another parser reads it, for example with express.raw({ type: '*/*', limit: '1mb' }); docs/raw-body.md has the way of each host`,
          )
          .that.is.not.instanceOf(WixAuthError)
      }
    })

    it('rejects a body without a type, which no parser reads and Wix does not send', () => {
      const hint = 'the body has no Content-Type, so express.raw() does not read it'
      refused(() => read({ headers: { 'content-length': '3' } }), hint)
      refused(() => read({ body: {}, headers: { 'transfer-encoding': 'chunked' } }), hint)
    })
  })
})

describe('the raw body that is a JWT', () => {
  it('may be bytes, of which no more is read than belongs to them', () => {
    const held = Buffer.from('xxa.b.cyy')
    const fail = (): Error => new Error('not raw')
    expect(rawBodyText(held.subarray(2, 7), fail)).to.equal('a.b.c')
    expect(rawBodyText('a.b.c', fail)).to.equal('a.b.c')
    for (const [body, hint] of [
      [undefined, 'the request has no body'],
      [null, 'the request has no body'],
      ['', 'the body is empty'],
      [new Uint8Array(), 'the body is empty'],
    ] as const)
      expect(() => rawBodyText(body, fail))
        .to.throw(WixAuthError)
        .that.includes({ code: 'credentials_missing', hint })
    for (const body of [7, {}, ['a.b.c']]) expect(() => rawBodyText(body, fail)).to.throw('not raw')
  })

  it('is no function, which a reader that was not called returns', async () => {
    const problemOf = async (bodyFromRequest: unknown): Promise<unknown> =>
      /^Wix signed the raw body, which did not arrive here: (.*?)\. /.exec(
        ((await errorOf(readBody({}, { bodyFromRequest: bodyFromRequest as never }))) as Error).message,
      )?.[1]
    expect(await problemOf(fromBody)).to.equal('the reader returned a function, which must be called')
    expect(await problemOf(() => ({}))).to.equal('a parser such as express.json() has read the body before')
  })

  it('is asked for by name where an app passes something else', () => {
    expect(argumentNotRaw('verifyWebhook')())
      .to.be.instanceOf(TypeError)
      .with.property(
        'message',
        'verifyWebhook: the body must be the raw body, as a string or bytes: read it before a parser does, for example with express.raw() or request.text()',
      )
  })
})

describe('the token of a request', () => {
  const notOther = (): boolean => false

  it('P-10: may have a reader of the app, which is a function', () => {
    expect(() => checkOptions('OwnStrategy', { tokenFromRequest: 'x-token' as never }, tokenChecks)).to.throw(
      TypeError,
      /^OwnStrategy: option `tokenFromRequest` must be a function, got a string$/,
    )
  })

  it('is in Authorization, after Bearer or alone', async () => {
    for (const authorization of ['Bearer a.b', 'a.b'])
      expect(await readToken({ headers: { authorization } }, {}, notOther)).to.equal('a.b')
  })

  it('is missing where there is one of another kind, of which the hint says what it looks like', async () => {
    for (const [authorization, hint] of [
      [instance(), 'looks like an instance: WixAppStrategy'],
      ['a.b', 'a token of another kind'],
    ] as const)
      expect(await errorOf(readToken({ headers: { authorization } }, {}, (token) => token === authorization)))
        .to.be.instanceOf(WixAuthError)
        .that.includes({ code: 'credentials_missing', hint })
  })

  it('is missing where it is in another place than the one where the strategy looks, or the reader of the app', async () => {
    const req = { query: { token: 'a.b' } }
    for (const [options, hint] of [
      [{}, 'in the query, not in the Authorization header'],
      [{ tokenFromRequest: () => undefined }, 'in the query as `token`'],
    ] as const)
      expect(await errorOf(readToken(req, options, notOther)))
        .to.be.instanceOf(WixAuthError)
        .that.includes({ code: 'credentials_missing', hint })
  })
})
