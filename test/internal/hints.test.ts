import { expect } from 'chai'
import sinon from 'sinon'
import { WixAuthError } from '../../lib/index.ts'
import {
  datedInFuture,
  duration,
  formHint,
  guidOf,
  hintOf,
  isObserved,
  keyHint,
  looksLike,
  tooLong,
  whileObserved,
  withHint,
} from '../../lib/internal/hints.ts'
import { unobserved } from '../support/canaries.ts'

const GUID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'

describe('a duration in a hint', () => {
  for (const [seconds, shown] of [
    [0, '0 s'],
    [0.9, '0 s'],
    [4.2, '4 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [90, '1 min 30 s'],
    [3599, '59 min 59 s'],
    [86_399, '23 h 59 min'],
    [86_400, '24 h'],
    [26 * 3600 + 59, '26 h'],
    [3 * 86_400 - 1, '71 h 59 min'],
    [3 * 86_400, '3 d'],
    [302_400, '3 d 12 h'],
    [-90, '1 min 30 s'],
  ] as const) {
    it(`of ${seconds} seconds is ${shown}`, () => expect(duration(seconds)).to.equal(shown))
  }
})

describe('a hint from what nobody has verified', () => {
  it('is made while somebody listens', () => {
    expect(isObserved()).to.equal(true)
    expect(whileObserved(() => 'it')).to.equal('it')
    expect(keyHint('abcdef')).to.equal('key abcd..')
  })

  it('is not made while nobody listens', () => {
    unobserved(() => {
      const make = sinon.fake.returns('it')
      expect(isObserved()).to.equal(false)
      expect(whileObserved(make)).to.equal(undefined)
      sinon.assert.notCalled(make)
      expect(keyHint('abcdef')).to.equal('the key')
    })
  })

  it('is left out where it cannot be made', () => {
    expect(whileObserved(() => JSON.parse('{') as string)).to.equal(undefined)
  })

  it('E-03: shows an id only in the form of a GUID, and of a key at most four characters', () => {
    expect(guidOf(GUID)).to.equal(GUID)
    for (const odd of [`${GUID}\n`, `x${GUID}`, 'user-1', 7, undefined, [GUID]]) expect(guidOf(odd)).to.equal(undefined)
    for (const odd of ['', '\u001b[31m', 'é', undefined, {}, '.a'])
      expect(keyHint(odd)).to.match(/^(the key|key unde\.\.)$/)
    expect(keyHint('a\nb')).to.equal('key a..')
  })
})

describe('what a credential looks like', () => {
  const part = 'A'.repeat(43)
  for (const [credential, kind] of [
    [`${part}.eyJh`, 'an instance: WixAppStrategy'],
    [`eyJh.${part}`, 'an instance with its two parts swapped'],
    [`${part.slice(1)}.${part.slice(1)}`, 'an instance that was cut or changed'],
    [`${part}.${part}+/==`, 'an instance in standard base64 or with padding: it must be base64url without padding'],
    ['OauthNG.JWS.eyJh.eyJh.sig', 'an access token: WixAccessTokenStrategy'],
    ['OAUTH2.eyJh.eyJh.sig', 'an access token: WixAccessTokenStrategy'],
    ['IST.eyJh.eyJh.sig', 'an API key, which belongs to an account and not to an app'],
    ['JWS.eyJh.eyJh.sig', 'a refresh token, which cannot sign a user in'],
    ['eyJh.eyJh.sig', 'a JWT: a webhook or a session?'],
    ['eyJh.eyJh.', 'a JWT: a webhook or a session?'],
    ['JWT=eyJh.eyJh.sig', 'a Digest header: WixDigestStrategy'],
    [' {"a":1}', 'JSON: it must be sent as it was signed, not decoded'],
    ['a%2Fb', 'a credential that is still URL-encoded'],
  ] as const) {
    it(`${kind}, for ${credential.slice(0, 20)}`, () => {
      expect(looksLike(credential)).to.equal(`looks like ${kind}`)
      expect(formHint(credential, 'it has 2')).to.equal(`looks like ${kind}`)
    })
  }

  it('or else, of how many parts it is', () => {
    expect(looksLike('junk')).to.equal(undefined)
    expect(formHint('junk', 'it has 2')).to.equal('1 part between dots; it has 2')
    expect(formHint('a.b', 'it has 3')).to.equal('2 parts between dots; it has 3')
    expect(formHint('.'.repeat(1_000_000), 'it has 3')).to.equal('10001 parts between dots; it has 3')
    expect(tooLong('abc', 2)).to.equal('3 characters; the limit is 2')
  })
})

describe('the hint of an error', () => {
  it('belongs to errors of this package only', () => {
    expect(hintOf(new WixAuthError('claim_invalid', undefined, { hint: 'why' }))).to.equal('why')
    expect(hintOf(withHint(new Error('x'), 'why'))).to.equal('why')
    expect(hintOf(Object.assign(new Error('x'), { hint: 'of the database' }))).to.equal(undefined)
  })

  it('E-02: tells whoever has a clock that is wrong', () => {
    const error = datedInFuture('signed 2 h')
    expect(error).to.include({ code: 'claim_invalid', status: 401 })
    expect(error.message).to.match(/dated in the future: the clock/)
    expect(error.hint).to.equal('signed 2 h in the future: is the clock of this machine right?')
  })
})
