import { expect } from 'chai'
import { first, fromAuthorization, fromBody, fromHeader, fromQuery, WixAuthError } from '../lib/index.ts'

const refused = (read: () => unknown): void => {
  expect(read).to.throw(WixAuthError).with.property('code', 'request_invalid')
}

describe('readers', () => {
  it('fromQuery reads one query parameter', () => {
    expect(fromQuery('signedInstance')({ query: { signedInstance: 'a' } })).to.equal('a')
    expect(fromQuery('signedInstance')({ query: { instance: 'a' } })).to.equal(undefined)
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
  for (const [scheme, authorization, expected] of headers) {
    it(`fromAuthorization(${scheme ?? ''}) reads ${expected} from ${authorization}`, () => {
      expect(fromAuthorization(scheme)({ headers: { authorization } })).to.equal(expected)
    })
  }

  it('first reads from the place that holds a credential', () => {
    const read = first<unknown>(fromQuery('instance'), fromHeader('x-wix-instance'))
    expect(read({ query: { instance: 'a' } })).to.equal('a')
    expect(read({ headers: { 'x-wix-instance': 'b' } })).to.equal('b')
    expect(read({})).to.equal(undefined)
  })

  it('first accepts readers of the app, for which null and an empty string are no credential, and an array is rejected', () => {
    const read = (value: unknown): unknown =>
      first<unknown>(() => value as string, fromQuery('instance'))({ query: { instance: 'a' } })
    for (const nothing of [undefined, null, '']) expect(read(nothing)).to.equal('a')
    for (const odd of [['b'], {}, Promise.resolve('b')]) refused(() => read(odd))
  })

  it('first rejects two at once, also when they are equal', () => {
    const read = first<unknown>(fromQuery('instance'), fromHeader('x-wix-instance'))
    refused(() => read({ query: { instance: 'a' }, headers: { 'x-wix-instance': 'a' } }))
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
      refused(() => first<unknown>(fromQuery('a'), fromAuthorization('Bearer'))(fetched('?a=b', token)))
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
      const requests = [
        { body: { a: 1 } },
        { body: [1] },
        { body: 7 },
        { body: false },
        { rawBody: { a: 1 }, body: 'raw' },
        { headers: sent },
        { headers: chunked },
        { body: null, headers: sent },
        { body: {}, headers: sent },
        { body: {}, headers: chunked },
        { body: [], headers: sent },
      ]
      for (const req of requests) {
        expect(() => read(req))
          .to.throw(Error, "Express: express.raw({ type: '*/*', limit: '1mb' }); Nest: app.useBodyParser('raw', ")
          .that.is.not.instanceOf(WixAuthError)
      }
    })

    it('rejects a body without a type, which no parser reads and Wix does not send', () => {
      refused(() => read({ headers: { 'content-length': '3' } }))
      refused(() => read({ body: {}, headers: { 'transfer-encoding': 'chunked' } }))
    })
  })
})
