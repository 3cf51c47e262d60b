import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError } from '../../lib/index.ts'
import { fetchBody, fetchHeader, fetchQuery, isFetchRequest, queryOfUrl } from '../../lib/internal/fetch-request.ts'
import { errorOf } from '../support/errors.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const refused = (read: () => unknown, hint = 'sent twice'): void => {
  expect(read).to.throw(WixAuthError).that.includes({ code: 'request_invalid', hint })
}
const query = (search: string): Request => new Request(`https://backend.example/path${search}`)
const header = (...values: string[]): Request =>
  new Request('https://backend.example', { headers: values.map((value): [string, string] => ['authorization', value]) })
const post = (body: unknown, more: object = {}): Request =>
  new Request('https://backend.example', { method: 'POST', body: body as string, ...more })

/** A stream of these chunks, which counts how many were asked for. */
function streamOf(chunks: Iterable<unknown>): { stream: ReadableStream; cancel: sinon.SinonSpy; pulled: () => number } {
  const iterator = chunks[Symbol.iterator]()
  let pulled = 0
  const cancel = sinon.fake()
  const stream = new ReadableStream(
    {
      pull(controller) {
        pulled++
        const { done, value } = iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel,
    },
    { highWaterMark: 0 },
  )
  return { stream, cancel, pulled: () => pulled }
}

describe('a Fetch Request', () => {
  it('is known by its form', () => {
    class OwnRequest extends Request {}
    const own = { url: 'https://backend.example', headers: new Headers(), body: null, bodyUsed: false }
    for (const request of [query(''), new OwnRequest('https://backend.example'), own]) {
      expect(isFetchRequest(request)).to.equal(true)
    }
  })

  it('is nothing that a caller of a Node server can make', () => {
    const requests = [undefined, null, 7, 'a', {}, { headers: null }, { headers: {} }, { headers: { get: 'a' } }]
    for (const req of [...requests, { headers: { get: ['a'] } }, { headers: JSON.parse('{"__proto__":{"get":{}}}') }]) {
      expect(isFetchRequest(req)).to.equal(false)
    }
  })

  it('P-11: is nothing that Object.prototype makes', () => {
    for (const [pollution, req] of [
      [{ get: () => 'polluted' }, { headers: {} }],
      [{ headers: new Headers() }, {}],
    ]) {
      Object.assign(Object.prototype, pollution)
      const known = isFetchRequest(req)
      for (const name of ['get', 'headers']) Reflect.deleteProperty(Object.prototype, name)
      expect(known).to.equal(false)
    }
  })
})

describe('fetchQuery', () => {
  it('reads a parameter that was sent once, decoded', () => {
    expect(fetchQuery(query('?a=b%2Bc&d=e#a=f'), 'a')).to.equal('b+c')
    for (const search of ['', '?', '?a', '?a=', '?b=a', '?a[]=b', '#a=b', '#?a=b']) {
      expect(fetchQuery(query(search), 'a')).to.equal(undefined)
    }
  })

  it('I-01: rejects a parameter that was sent twice', () => {
    for (const search of ['?a=b&a=c', '?a=b&a=b', '?a&a', '?a=b&a=', '?a=&a=b', '?a=b&%61=c']) {
      refused(() => fetchQuery(query(search), 'a'))
    }
    refused(() => fetchQuery(query('?a=b&a=c&a=d'), 'a'), 'sent as a list of 3')
  })
})

describe('fetchHeader', () => {
  const read = (request: Request): string | undefined => fetchHeader(request, 'authorization')

  it('reads a header that was sent once', () => {
    for (const value of ['token', 'Bearer token', 'Bearer  a.b-c_d~e+f/g==', 'Basic dXNlcjpwYXNz']) {
      expect(read(header(value))).to.equal(value)
    }
    for (const request of [query(''), header('')]) expect(read(request)).to.equal(undefined)
  })

  it('reads the parameters of another scheme, which have commas', () => {
    for (const value of [
      'Digest username="a", realm="b"',
      'Digest username="a",realm="b"',
      'AWS4-HMAC-SHA256 Credential=a/b/aws4_request, SignedHeaders=host;date, Signature=c',
      'OAuth realm="a", oauth_token="b"',
    ]) {
      expect(read(header(value))).to.equal(value)
    }
  })

  it('I-01: rejects a header that was sent twice, which Fetch joins', () => {
    const values = ['token', 'Bearer token', 'token==', 'Bearer token=', '', 'Basic dXNlcjpwYXNz']
    for (const one of values)
      for (const other of values) {
        if (one !== '' || other !== '') refused(() => read(header(one, other)))
      }
    refused(() => read(header('token', 'token', 'token')))
    refused(() => read(header('a,b')))
  })

  it('rejects what is not a string', () => {
    refused(
      () => fetchHeader({ url: '', bodyUsed: false, headers: { get: () => ['a'] as never } }, 'a'),
      'sent as a list of 1',
    )
  })
})

describe('fetchBody', () => {
  const limit = 1024 * 1024

  it('reads bytes, in chunks of any size', async () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0x00])
    expect(await fetchBody(post(bytes))).to.deep.equal(bytes)
    const { stream } = streamOf([bytes.subarray(0, 1), new Uint8Array(), bytes.subarray(1)])
    expect(await fetchBody(post(stream, { duplex: 'half' }))).to.deep.equal(bytes)
    expect(await fetchBody(post(''))).to.deep.equal(Buffer.alloc(0))
  })

  it('keeps no more than the bytes of a body of many chunks, also of empty ones', async () => {
    const kept = (): number => {
      collectGarbage()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const size = limit / 4
    let [before, after] = [0, 0]
    const chunks = function* (): Iterable<Uint8Array> {
      before = kept()
      for (let at = 0; at < size; at++) {
        yield Buffer.of(at % 251)
        if (at % 2 === 0) yield new Uint8Array()
      }
      after = kept()
    }
    const body = await fetchBody(post(streamOf(chunks()).stream, { duplex: 'half' }))
    expect(body?.every((byte, at) => byte === at % 251)).to.equal(true)
    expect(body).to.have.property('length', size)
    expect(after - before).to.be.lessThan(8 * size)
  })

  it('reads nothing where there is none', async () => {
    expect(await fetchBody(query(''))).to.equal(undefined)
    expect(await fetchBody(post(null))).to.equal(undefined)
    expect(await fetchBody({ url: '', headers: new Headers(), bodyUsed: false })).to.equal(undefined)
  })

  it('reads it once, also for callers that overlap', async () => {
    const request = post('body')
    const both = [fetchBody(request), fetchBody(request)]
    const [one, other] = await Promise.all(both)
    expect(one).to.equal(other)
    expect(await fetchBody(request)).to.equal(one)
    expect(request.bodyUsed).to.equal(true)
  })

  it('takes 1 MiB, and reads no further', async () => {
    expect(await fetchBody(post('a'.repeat(limit)))).to.have.property('length', limit)
    expect(await errorOf(fetchBody(post('a'.repeat(limit + 1))))).to.include({
      code: 'body_too_large',
      status: 413,
      hint: 'more than 1048576 bytes',
    })
    const endless = streamOf(
      (function* () {
        for (;;) yield Buffer.alloc(limit / 4)
      })(),
    )
    const request = post(endless.stream, { duplex: 'half' })
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await errorOf(fetchBody(request))).to.include({ code: 'body_too_large' })
    }
    expect(endless.pulled()).to.equal(5)
    // That may close the connection, so that the client would never see the 413.
    sinon.assert.notCalled(endless.cancel)
    expect(request.body?.locked).to.equal(false)
  })

  it('J-08: is an error for a body that was read before, in whole or in part, that is being read, and that is no bytes', async () => {
    const read = post('body')
    await read.text()
    const locked = post('body')
    locked.body?.getReader()
    const inPart = post(streamOf([Buffer.from('bo'), Buffer.from('dy')]).stream, { duplex: 'half' })
    const reader = inPart.body?.getReader()
    await reader?.read()
    reader?.releaseLock()
    const strings = post(streamOf(['body']).stream, { duplex: 'half' })
    for (const request of [read, locked, inPart, strings]) {
      const error = await errorOf(fetchBody(request))
      expect(error).to.be.instanceOf(Error).and.not.instanceOf(WixAuthError)
      expect(error)
        .to.have.property('message')
        .that.equals(
          'The raw body of this Request has already been read, or is not a stream of bytes: call authenticateRequest() before anything reads it',
        )
    }
  })

  const broken = (reason: unknown, signal: AbortSignal): Request =>
    post(new ReadableStream({ pull: (controller) => controller.error(reason) }), { duplex: 'half', signal })

  it('refuses a body whose client has hung up, as no fault of the app', async () => {
    const error = await errorOf(fetchBody(broken(new Error('aborted'), AbortSignal.abort())))
    expect(error).to.be.instanceOf(WixAuthError).and.to.include({
      code: 'request_invalid',
      status: 400,
      hint: 'the client has hung up',
      cure: 'None is needed: nobody waits for the answer.',
    })
  })

  it('passes on any other error of the stream, such as a limit of the host', async () => {
    for (const reason of [Object.assign(new Error('Payload Too Large'), { status: 413 }), undefined]) {
      const request = broken(reason, new AbortController().signal)
      const passedOn = await fetchBody(request).then(
        () => 'read',
        (error: unknown) => error,
      )
      expect(passedOn).to.equal(reason)
      expect(request.body?.locked).to.equal(false)
    }
    const { url, headers, body, bodyUsed } = broken('', new AbortController().signal)
    const withoutSignal = { url, headers, body, bodyUsed } as unknown as Parameters<typeof fetchBody>[0]
    expect(await fetchBody(withoutSignal).catch((error: unknown) => error)).to.equal('')
  })
})

describe('the query of an address that is no absolute URL', () => {
  it('is read all the same, since the error of `new URL()` would hold the credential', () => {
    const request = (url: string): Parameters<typeof fetchQuery>[0] => ({
      url,
      headers: new Headers(),
      bodyUsed: false,
    })
    expect(fetchQuery(request('/page?instance=a%2Db#c?d'), 'instance')).to.equal('a-b')
    expect(fetchQuery(request('//:?instance=one'), 'instance')).to.equal('one')
    for (const none of ['', undefined, ['/?instance=one'], new URL('https://app.example/?instance=one'), Symbol('?')])
      expect([...queryOfUrl(none)]).to.deep.equal([])
  })
})
