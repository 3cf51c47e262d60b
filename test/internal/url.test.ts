import { inspect } from 'node:util'
import { expect } from 'chai'
import { checkOptions } from '../../lib/internal/options.ts'
import { baseUrlCheck, isOrigin, secureUrl, urlUnder, urlWithin } from '../../lib/internal/url.ts'

describe('T-05: secureUrl', () => {
  const expected = 'an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1])'
  it('accepts https anywhere, and http on this machine', () => {
    for (const url of [
      'https://wix.com',
      'https://wix.com:8443/path?query',
      'http://localhost',
      'http://localhost:8080/path',
      'http://127.0.0.1:8080',
      'http://127.255.0.3',
      'http://[::1]:8080',
    ]) {
      expect(secureUrl(url), url).to.equal(undefined)
    }
  })

  it('rejects http elsewhere, a password, another scheme, and what is no URL', () => {
    for (const url of [
      'http://wix.com',
      'http://localhost.wix.com',
      'http://wix-localhost',
      'http://wix.localhost',
      'http://127.0.0.1.wix.com',
      'http://128.0.0.1',
      'http://0.0.0.0',
      'http://[::2]',
      'http://localhost@wix.com',
      'https://user:canary@wix.com',
      'https://user@wix.com',
      'https://:canary@wix.com',
      'http://user@localhost',
      'ftp://127.0.0.1',
      'file:///etc/passwd',
      'javascript:1',
      'blob:https://wix.com/x',
      'wix.com',
      '/path',
      '',
      new URL('https://wix.com'),
      ['https://wix.com'],
      undefined,
      null,
      7,
    ]) {
      expect(secureUrl(url), inspect(url)).to.equal(expected)
    }
  })
})

describe('T-05: baseUrl', () => {
  it('accepts a secure URL, with a path or without', () => {
    for (const url of ['https://wix.com', 'https://wix.com/', 'https://wix.com/a/b/', 'http://localhost:8080/a']) {
      expect(baseUrlCheck(url), url).to.equal(undefined)
    }
  })

  it('rejects a query and a fragment, also an empty one, and what is not secure', () => {
    for (const end of ['?', '?a=b', '/?a=b', '/a?b', '#', '#a', '/a#b', '?a#b']) {
      expect(baseUrlCheck(`https://wix.com${end}`), end).to.equal(
        'an https URL without a password, query or fragment, or an http URL on this machine (localhost, 127.0.0.1, [::1])',
      )
    }
    for (const url of ['http://wix.com', 'https://user@wix.com', '', undefined, ['https://wix.com']]) {
      expect(baseUrlCheck(url), inspect(url)).to.be.a('string')
    }
  })
})

describe('The error for a URL that is none', () => {
  it('says what came in its place, unless that is a string', () => {
    for (const check of [secureUrl, baseUrlCheck]) {
      for (const [value, got] of [
        ['wix.com', ''],
        [7, ', got a number'],
      ] as const) {
        expect(() => checkOptions('caller', { url: value }, { url: check })).to.throw(
          TypeError,
          new RegExp(`localhost, 127\\.0\\.0\\.1, \\[::1\\]\\)${got}$`),
        )
      }
    }
  })
})

describe('isOrigin', () => {
  it('is true for the origin of a secure URL, as a browser writes it', () => {
    for (const origin of ['https://app.example', 'https://app.example:8443', 'http://localhost:8080', 'http://[::1]']) {
      expect(isOrigin(origin), origin).to.equal(true)
    }
  })

  it('is false for everything else', () => {
    for (const other of [
      'https://app.example/',
      'https://app.example/path',
      'https://app.example:443',
      'https://APP.example',
      'https://user@app.example',
      'http://app.example',
      'app.example',
      '*',
      'null',
      '',
      undefined,
      null,
      ['https://app.example'],
    ]) {
      expect(isOrigin(other), inspect(other)).to.equal(false)
    }
  })
})

describe('urlUnder', () => {
  it('puts a path under the path of a base', () => {
    for (const [path, baseUrl, url] of [
      ['oauth2/token-info', 'https://wix.com', 'https://wix.com/oauth2/token-info'],
      ['oauth2/token-info', 'https://wix.com/', 'https://wix.com/oauth2/token-info'],
      ['oauth2/token-info', 'https://proxy.example/wix', 'https://proxy.example/wix/oauth2/token-info'],
      ['oauth2/token-info', 'https://proxy.example/wix/', 'https://proxy.example/wix/oauth2/token-info'],
    ] as const) {
      expect(urlUnder(path, baseUrl), baseUrl).to.equal(url)
    }
  })
})

describe('T-05: urlWithin', () => {
  const base = 'https://app.example/api'
  const origins = ['https://other.example', 'http://localhost:8080']

  it('reads a relative URL under the base, and an absolute one of the base or a listed origin', () => {
    for (const [source, url] of [
      ['me', 'https://app.example/api/me'],
      ['./me', 'https://app.example/api/me'],
      ['/me', 'https://app.example/api/me'],
      // Without its slash it would be a URL of its own.
      ['/orders:1', 'https://app.example/api/orders:1'],
      ['/', 'https://app.example/api/'],
      ['me?a=b#c', 'https://app.example/api/me?a=b#c'],
      ['../me', 'https://app.example/me'],
      ['https://app.example/me', 'https://app.example/me'],
      ['HTTPS://APP.EXAMPLE:443/me', 'https://app.example/me'],
      ['https://other.example/me', 'https://other.example/me'],
      ['http://localhost:8080/me', 'http://localhost:8080/me'],
    ] as const) {
      expect(urlWithin(source, base, origins), source).to.equal(url)
    }
  })

  it('rejects every other origin, and whatever could be read as one', () => {
    for (const source of [
      '//evil.example/me',
      '//app.example@evil.example/me',
      // As an absolute URL it would be allowed.
      '//other.example/me',
      'https://evil.example/me',
      'https://app.example.evil.example/me',
      'https://other.example.evil.example/me',
      'https://app.example:8443/me',
      'http://app.example/me',
      'http://localhost/me',
      'https://user:canary@app.example/me',
      'https://user@app.example/me',
      'blob:https://app.example/me',
      'javascript:fetch(1)',
      'data:,x',
      '\\\\evil.example/me',
      '/\\evil.example/me',
      '/me\n',
      ' /me',
      'ht\ttps://evil.example',
      '/mé',
      '',
    ]) {
      expect(urlWithin(source, base, origins), JSON.stringify(source)).to.equal(undefined)
    }
  })

  it('takes the scheme for a part of the origin, also on this machine', () => {
    expect(urlWithin('http://localhost:3000/me', 'http://localhost:3000', [])).to.equal('http://localhost:3000/me')
    expect(urlWithin('http://localhost:3000/me', 'https://localhost:3000', ['https://localhost:3000'])).to.equal(
      undefined,
    )
  })

  it('knows no relative URL without a base, and then only the listed origins', () => {
    expect(urlWithin('/me', undefined, origins)).to.equal(undefined)
    expect(urlWithin('https://app.example/me', undefined, origins)).to.equal(undefined)
    expect(urlWithin('https://other.example/me', undefined, origins)).to.equal('https://other.example/me')
    expect(urlWithin('https://other.example/me', undefined, [])).to.equal(undefined)
  })
})
