import { expect } from 'chai'
import { toResponse } from '../../lib/fetch/index.ts'
import { WixAuthError, type WixAuthErrorCode, WixUnavailableError } from '../../lib/index.ts'

const answerOf = async (response: Response): Promise<[number, object, unknown]> => [
  response.status,
  Object.fromEntries(response.headers),
  await response.json(),
]
const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }

describe('toResponse', () => {
  const statuses: Array<[WixAuthErrorCode, number]> = [
    ['request_invalid', 400],
    ['credentials_missing', 401],
    ['claim_invalid', 401],
    ['insufficient_scope', 403],
    ['body_too_large', 413],
  ]
  for (const [code, status] of statuses) {
    it(`answers ${status} to ${code}, as JSON that nobody caches`, async () => {
      const error = new WixAuthError(code, 'grüezi', { hint: 'canary' })
      expect(await answerOf(toResponse(error))).to.deep.equal([status, JSON_HEADERS, { code, message: 'grüezi' }])
    })
  }

  it('sends the headers of the error', async () => {
    const headers = { 'WWW-Authenticate': 'Bearer realm="Wix", Bearer realm="Wix"' }
    const response = toResponse(new WixAuthError('credentials_missing', undefined, { headers }))
    expect(response.headers.get('www-authenticate')).to.equal(headers['WWW-Authenticate'])
  })

  it('answers 503 to an outage, with Retry-After, and keeps its message for the log', async () => {
    const error = new WixUnavailableError('canary', { retryAfter: 7, cause: new Error('canary') })
    expect(await answerOf(toResponse(error))).to.deep.equal([
      503,
      { ...JSON_HEADERS, 'retry-after': '7' },
      { code: 'unavailable', message: 'Service Unavailable' },
    ])
    expect(toResponse(new WixUnavailableError('a')).headers.has('retry-after')).to.equal(false)
  })

  it('throws what is no refusal', () => {
    const statusOnly = Object.assign(new Error('a'), { status: 401, code: 'claim_invalid', headers: {} })
    for (const error of [new Error('a'), new TypeError('a'), statusOnly, undefined, null, 'a', new Response()]) {
      let thrown: unknown = toResponse
      try {
        toResponse(error)
      } catch (reason) {
        thrown = reason
      }
      expect(thrown).to.equal(error)
    }
  })

  it('P-11: sends nothing that Object.prototype has', async () => {
    const pollution = { statusText: 'polluted', 'x-polluted': 'a' }
    Object.assign(Object.prototype, pollution)
    try {
      const response = toResponse(new WixAuthError('claim_invalid'))
      expect([response.statusText, response.headers.has('x-polluted')]).to.deep.equal(['', false])
    } finally {
      for (const name of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, name)
    }
  })
})
