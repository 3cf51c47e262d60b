import { inspect } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError, type WixAuthErrorCode, WixUnavailableError } from '../lib/index.ts'
import { bearerChallenge, datedInFuture, markSigned, refusal, signedAs } from '../lib/errors.ts'

const STATUSES: Record<WixAuthErrorCode, number> = {
  request_invalid: 400,
  body_too_large: 413,
  credentials_missing: 401,
  token_malformed: 401,
  signature_invalid: 401,
  token_expired: 401,
  token_inactive: 401,
  claim_invalid: 401,
  insufficient_scope: 403,
}
const codes = Object.keys(STATUSES) as WixAuthErrorCode[]

describe('WixAuthError', () => {
  for (const code of codes) {
    it(`has the status ${STATUSES[code]} for ${code}`, () => {
      const error = new WixAuthError(code)
      const status = STATUSES[code]
      expect(error).to.be.instanceOf(Error)
      expect(error).to.include({ name: 'WixAuthError', code, status, statusCode: status, expose: true })
      expect(error.message).to.match(/^[\x20-\x7e]{20,}$/)
    })
  }

  it('E-02: says the same of a wrong signature, a wrong claim and an inactive token', () => {
    const messages = new Set(
      (['signature_invalid', 'claim_invalid', 'token_inactive'] as const).map((code) => new WixAuthError(code).message),
    )
    expect(messages.size).to.equal(1)
  })

  it('may have another message, with the same code and status', () => {
    const error = new WixAuthError('claim_invalid', 'Not installed')
    expect(error).to.include({ message: 'Not installed', code: 'claim_invalid', status: 401 })
  })

  it('E-01: shows its hint to whoever asks for it, and to nobody else', () => {
    const error = new WixAuthError('token_expired', undefined, { hint: 'signed 26 h ago' })
    expect(error.hint).to.equal('signed 26 h ago')
    const shown = [JSON.stringify(error), Object.keys(error).join(), inspect(error, { showHidden: true }), error.stack]
    expect(shown.join(' ')).to.not.include('26 h')
    expect(new WixAuthError('token_expired').hint).to.equal(undefined)
  })

  it('makes its hint when somebody reads it, once, and has none where that fails', () => {
    const make = sinon.fake.returns('signed 26 h ago')
    const error = new WixAuthError('token_expired', undefined, { hint: make })
    sinon.assert.notCalled(make)
    expect([error.hint, error.hint]).to.deep.equal(['signed 26 h ago', 'signed 26 h ago'])
    sinon.assert.calledOnce(make)
    expect(refusal('claim_invalid', sinon.fake.throws('not JSON')).hint).to.equal(undefined)
    expect(refusal('claim_invalid', () => undefined).hint).to.equal(undefined)
  })

  for (const code of codes) {
    it(`E-01: has a cure for ${code}, for the developer alone, in place of which there may be another`, () => {
      const error = new WixAuthError(code)
      expect(error.cure).to.match(/^[A-Z][\x20-\x7e]{20,}[.?]$/)
      expect(`${JSON.stringify(error)} ${inspect(error, { showHidden: true })}`).to.not.include(error.cure)
      expect(refusal(code, undefined, 'Another cure.')).to.include({ code, cure: 'Another cure.' })
    })
  }

  it('has the cause it was given, and none else', () => {
    const cause = { message: 'Your trial is over' }
    expect(new WixAuthError('claim_invalid', undefined, { cause }).cause).to.equal(cause)
    expect(new WixAuthError('claim_invalid')).to.not.have.property('cause')
  })

  it('has the headers it was given', () => {
    const headers = { 'WWW-Authenticate': 'Bearer realm="Wix"' }
    expect(new WixAuthError('claim_invalid', undefined, { headers }).headers).to.equal(headers)
    expect(new WixAuthError('claim_invalid').headers).to.deep.equal({})
  })
})

describe('P-11: an error of this package', () => {
  const INHERITED = { hint: 'polluted', cure: 'polluted', headers: { polluted: '1' }, cause: 'polluted', retryAfter: 7 }

  it('has nothing that Object.prototype has', () => {
    Object.assign(Object.prototype, INHERITED)
    const refused = [new WixAuthError('claim_invalid'), new WixAuthError('claim_invalid', undefined, {})]
    const down = [new WixUnavailableError('down'), new WixUnavailableError('down', {})]
    for (const name of Object.keys(INHERITED)) Reflect.deleteProperty(Object.prototype, name)
    for (const error of [...refused, ...down]) {
      expect(error.headers).to.deep.equal({})
      expect(error).to.not.have.property('cause')
    }
    for (const { hint, cure } of refused) expect([hint, cure]).to.not.include('polluted')
  })
})

describe('the refusal of what is dated in the future', () => {
  it('E-02: tells whoever has a clock that is wrong', () => {
    const error = datedInFuture('signed 2 h')
    expect(error).to.include({ code: 'claim_invalid', status: 401 })
    expect(error.message).to.match(/dated in the future: the clock/)
    expect(error.hint).to.equal('signed 2 h in the future: is the clock of this machine right?')
    expect(error.cure).to.equal('Set the clock of this machine, or of the signer.')
  })
})

describe('the refusal of what is rightly signed', () => {
  it('knows whom it names, and any other reason stays as it is', () => {
    const identity = {}
    const error = refusal('claim_invalid', undefined)
    expect(markSigned(error, identity)).to.equal(error)
    expect(signedAs(error)).to.equal(identity)
    expect(signedAs(refusal('claim_invalid', undefined))).to.equal(undefined)
    for (const other of [new Error('x'), undefined]) expect(markSigned(other, identity)).to.equal(other)
  })
})

describe('P-08: bearerChallenge', () => {
  it('names no error for a request without credentials', () => {
    expect(bearerChallenge(new WixAuthError('credentials_missing'))).to.equal('Bearer realm="Wix"')
  })

  for (const code of codes.filter((one) => one !== 'credentials_missing')) {
    it(`is constant ASCII with invalid_token for ${code}, whatever the message is`, () => {
      const challenge = bearerChallenge(new WixAuthError(code))
      expect(challenge).to.match(
        /^Bearer realm="Wix", error="invalid_token", error_description="[\x20\x21\x23-\x7e]+"$/,
      )
      expect(bearerChallenge(new WixAuthError(code, 'не установлено"\r\n'))).to.equal(challenge)
    })
  }
})

describe('WixUnavailableError', () => {
  const headersOf = (retryAfter: number): unknown => new WixUnavailableError('x', { retryAfter }).headers

  it('is a 503, and no WixAuthError', () => {
    const error = new WixUnavailableError('down')
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(WixAuthError)
    expect(error).to.include({
      name: 'WixUnavailableError',
      status: 503,
      statusCode: 503,
      expose: false,
      message: 'down',
    })
    expect(error).to.not.have.property('cause')
    expect(new WixUnavailableError('down', { cause: 'x' })).to.have.property('cause', 'x')
  })

  it('T-07: says when to come again, in whole seconds and not before', () => {
    for (const [seconds, header] of [
      [7, '7'],
      [6.001, '7'],
      [0.2, '1'],
      [0, '1'],
      [-5, '1'],
    ] as const) {
      expect(headersOf(seconds)).to.deep.equal({ 'Retry-After': header })
    }
  })

  it('T-07: has no Retry-After where no time is known', () => {
    for (const seconds of [NaN, Infinity, -Infinity]) expect(headersOf(seconds)).to.deep.equal({})
    expect(new WixUnavailableError('x').headers).to.deep.equal({})
    expect(new WixUnavailableError('x', {}).headers).to.deep.equal({})
  })
})
