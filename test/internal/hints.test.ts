import { expect } from 'chai'
import {
  ageHint,
  duration,
  encodingHint,
  expiredHint,
  formHint,
  guidOf,
  idHint,
  isLikeCredential,
  keyHint,
  looksLike,
  tooLong,
} from '../../lib/internal/hints.ts'

const GUID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'

describe('a duration in a hint', () => {
  it('is in the two largest units that fit', () => {
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
      expect(duration(seconds), String(seconds)).to.equal(shown)
    }
  })
})

describe('a hint', () => {
  it('says what is wrong with base64url', () => {
    expect(encodingHint('ab\ncd')).to.equal('it contains whitespace or a line break')
    for (const quoted of ['"ab', "ab'", '`ab'])
      expect(encodingHint(quoted)).to.equal('it is in quotes: send it without them')
    for (const odd of ['ab!', 'a"b']) expect(encodingHint(odd)).to.equal('it contains characters that are not base64')
    for (const standard of ['a+b', 'a/b', 'ab=='])
      expect(encodingHint(standard)).to.equal('standard base64, or padding')
    expect(encodingHint('abc')).to.equal('was it cut or changed?')
  })

  it('says how old a credential is, or what it has in place of a date', () => {
    expect(ageHint(26 * 3600, 86_400, 'no `signDate`')).to.equal('signed 26 h ago; maxAge is 24 h')
    expect(ageHint(NaN, 86_400, 'no `signDate`')).to.equal('no `signDate`')
  })

  it('E-03: shows an id only in the form of a GUID, and of a key at most four characters', () => {
    expect([guidOf(GUID), idHint(GUID)]).to.deep.equal([GUID, ` (${GUID})`])
    for (const odd of [`${GUID}\n`, `x${GUID}`, 'user-1', 7, undefined, [GUID]])
      expect([guidOf(odd), idHint(odd)]).to.deep.equal([undefined, ''])
    for (const odd of ['', '\u001b[31m', 'é', undefined, {}, '.a'])
      expect(keyHint(odd)).to.match(/^(the key|key unde\.\.)$/)
    expect(keyHint('a\nb')).to.equal('key a..')
  })
})

describe('A10: the hint of a JWT that has expired', () => {
  it("names Wix's Test button where it expired long ago, as its sample events have", () => {
    const day = 86_400
    expect(expiredHint(day, true)).to.equal('`exp` was 24 h ago')
    expect(expiredHint(30 * day, true)).to.equal('`exp` was 30 d ago')
    expect(expiredHint(365 * day, true)).to.equal(
      "`exp` was 365 d ago: a sample event of the Test button in Wix's dashboard?",
    )
  })

  it('does not name it for what is no event', () => {
    expect(expiredHint(365 * 86_400, false)).to.equal('`exp` was 365 d ago')
  })
})

describe('what a credential looks like', () => {
  const part = 'A'.repeat(43)
  it('each credential of Wix, and what is sent in its place by mistake', () => {
    for (const [credential, kind] of [
      [`${part}.eyJh`, 'an instance: WixAppStrategy'],
      [`eyJhb.${part}`, 'an instance with its two parts swapped'],
      [`${part.slice(1)}.${part.slice(1)}`, 'an instance that was cut or changed'],
      [`${part}.${part}+/==`, 'an instance in standard base64 or with padding: it must be base64url without padding'],
      ['OauthNG.JWS.eyJh.eyJh.sig', 'an access token: WixAccessTokenStrategy'],
      ['OAUTH2.eyJh.eyJh.sig', 'an access token: WixAccessTokenStrategy'],
      ['OauthNG.JWS.abc', 'an access token that was cut or changed'],
      ['OauthNG.JWS.eyJh.eyJh.s"g', 'an access token that was cut or changed'],
      ['undefined', 'the word that JavaScript makes of a missing value: a variable of the front end was not set'],
      ['Undefined', 'the word that JavaScript makes of a missing value: a variable of the front end was not set'],
      ['nil', 'the word that JavaScript makes of a missing value: a variable of the front end was not set'],
      ['None', 'the word that JavaScript makes of a missing value: a variable of the front end was not set'],
      ['Bearer', 'a scheme alone: the variable of the front end behind it was empty'],
      ['bearer:', 'a scheme alone: the variable of the front end behind it was empty'],
      ['[object Promise]', 'an object in place of a string: is an `await` missing in the front end?'],
      ['() => getToken()', 'a function in place of a string: is a call missing in the front end?'],
      ['token=>token', 'a function in place of a string: is a call missing in the front end?'],
      ['function getToken() {}', 'a function in place of a string: is a call missing in the front end?'],
      ['async function getToken() {}', 'a function in place of a string: is a call missing in the front end?'],
      ['${token}', 'a placeholder that nothing has replaced'],
      ['$TOKEN', 'a placeholder that nothing has replaced'],
      ['YOUR_TOKEN', 'a placeholder that nothing has replaced'],
      ['your-access-token', 'a placeholder that nothing has replaced'],
      ['{token}', 'a placeholder that nothing has replaced'],
      ['{{ access_token }}', 'a placeholder that nothing has replaced'],
      ['<your token>', 'a placeholder that nothing has replaced'],
      ['%TOKEN%', 'a placeholder that nothing has replaced'],
      ['"eyJh.eyJh.sig"', 'a credential in quotes: send it without them'],
      ['%22eyJh.eyJh.sig%22', 'a credential in quotes: send it without them'],
      [`INSTANCE=${part}.eyJh`, 'a longer string with a credential in it: send the credential alone'],
      [`X-Instance: ${part}.eyJh`, 'a longer string with a credential in it: send the credential alone'],
      [`{"instance":"${part}.eyJh"}`, 'a longer string with a credential in it: send the credential alone'],
      [`GET /?a=1&instance=${part}.eyJh&b=2 200`, 'a longer string with a credential in it: send the credential alone'],
      [`fetch('/a',{token:'${part}.eyJh'})`, 'a longer string with a credential in it: send the credential alone'],
      [`${part}.eyJh,${part}.eyJh`, 'a longer string with a credential in it: send the credential alone'],
      [`${part}.${part}=`, 'an instance in standard base64 or with padding: it must be base64url without padding'],
      ['curl https://app.example', 'a command line: copy the credential out of it'],
      ['wixcode-pub.eyJh.sig', 'an instance for the code of a site, not for an app'],
      ['IST.eyJh.eyJh.sig', 'an API key, which belongs to an account and not to an app'],
      ['JWS.eyJh.eyJh.sig', 'a refresh token, which cannot sign a user in'],
      ['eyJhb.eyJh.sig', 'a JWT: a webhook or a session?'],
      ['eyJh.eyJh.', 'a JWT: a webhook or a session?'],
      ['JWT=eyJh.eyJh.sig', 'a Digest header: WixDigestStrategy'],
      ['{"a":1}', 'JSON: it must be sent as it was signed, not decoded'],
      ['[object Object] x', 'JSON: it must be sent as it was signed, not decoded'],
      [' {"a":1}', 'JSON: it must be sent as it was signed, not decoded'],
      ['a%2Fb', 'a credential that is still URL-encoded'],
    ] as const) {
      expect(looksLike(credential), credential).to.equal(`looks like ${kind}`)
      expect(formHint(credential, 'it has 2')(), credential).to.equal(`looks like ${kind}`)
    }
  })

  it('is looked for within as many characters as a credential may have, and no more', () => {
    const text = (length: number): string => `x ${part}.eyJh`.padStart(length)
    expect(looksLike(text(16_383))).to.equal(
      'looks like a longer string with a credential in it: send the credential alone',
    )
    expect(looksLike(text(16_384))).to.equal(undefined)
  })

  it('is not said of a text that only begins or ends like it', () => {
    const half = part.slice(1)
    const forms = ['IST.a', 'OAUTH2.a.a.a', 'JWT=a', 'wixcode-pub.a', 'eyJh.eyJh.sig', `${part}.eyJh`, `eyJh.${part}`]
    const mistakes = [`${half}.${half}`, 'undefined', 'Bearer', '$a', 'your-a', '[object Object]', '"b"', 'curl x']
    const ends = [...forms, ...mistakes].map((form) => `(${form}`)
    const begins = [
      'eyJh.eyJh.sig!',
      `eyJh.${part}!`,
      `${half}.${half}!`,
      'nullable',
      'bearers',
      '$a.b',
      'your',
      'your-a b',
      '"a" b',
    ]
    for (const text of [...ends, ...begins]) expect([text, looksLike(text)]).to.deep.equal([text, undefined])
  })

  it('is a credential, or what a mistake makes of one', () => {
    for (const credential of [`${part}.eyJh`, 'eyJh.eyJh.sig']) expect(isLikeCredential(credential)).to.equal(true)
    for (const mistake of ['undefined', '"eyJh.eyJh.sig"', 'junk']) expect(isLikeCredential(mistake)).to.equal(false)
  })

  it('or else, of how many parts it is', () => {
    expect(looksLike('junk')).to.equal(undefined)
    for (const more of [
      'a function',
      'functions',
      'a b => c',
      'x() => y',
      'a:b=c',
      'a${b}',
      '${a}b',
      'a<b>',
      '<a>b',
      'a%B%',
      '%A%b',
    ])
      expect(looksLike(more)).to.equal(undefined)
    expect(formHint('junk', 'it has 2')()).to.equal('1 part between dots; it has 2')
    expect(formHint('a.b', 'it has 3')()).to.equal('2 parts between dots; it has 3')
    expect(formHint('.'.repeat(1_000_000), 'it has 3')()).to.equal('10001 parts between dots; it has 3')
    expect(tooLong('abc', 2)).to.equal('3 characters; the limit is 2')
  })
})
