import { expect } from 'chai'
import { blankedBy } from '../../../devtools/simulator/frame.ts'

describe('Whether a browser shows a page in a frame', () => {
  const PAGE = 'http://localhost:3000/dashboard?instance=x'
  const blanked = (headers: Record<string, string>, parent = 'http://127.0.0.1:4949', page = PAGE) =>
    blankedBy(headers, page, parent)
  const byPolicy = (policy: string, parent?: string, page?: string) =>
    blanked({ 'content-security-policy': policy }, parent, page)

  it('depends on X-Frame-Options: browsers ignore values that they do not know', () => {
    expect(blanked({})).to.equal(undefined)
    for (const value of ['DENY', 'deny', 'SAMEORIGIN', 'SAMEORIGIN, DENY', 'SAMEORIGIN, x', 'allowall, x']) {
      expect(blanked({ 'x-frame-options': value }), value).to.equal('X-Frame-Options')
    }
    for (const value of ['ALLOW-FROM http://127.0.0.1:4949', 'ALLOWALL', '', 'x, y']) {
      expect(blanked({ 'x-frame-options': value }), value).to.equal(undefined)
    }
    expect(blanked({ 'x-frame-options': 'sameorigin' }, 'http://localhost:3000')).to.equal(undefined)
  })

  it('depends on frame-ancestors', () => {
    for (const list of [
      '*',
      'http:',
      'http://127.0.0.1:4949',
      'HTTP://127.0.0.1:4949/',
      'https://*.wix.com http://127.0.0.1:4949',
      '127.0.0.1:4949',
      'http://127.0.0.1:*',
      'http://*:4949',
    ]) {
      expect(byPolicy(`default-src 'self'; Frame-Ancestors ${list}`), list).to.equal(undefined)
    }
    for (const list of [
      '',
      "'none'",
      "'self'",
      'https:',
      'https://127.0.0.1:4949',
      'http://127.0.0.1',
      'http://127.0.0.1:4950',
      'http://localhost:4949',
      'https://*.wix.com https://manage.wix.com',
      'javascript:x',
    ]) {
      expect(byPolicy(`frame-ancestors ${list}`), list).to.equal('frame-ancestors')
    }
    expect(byPolicy('frame-ancestors;')).to.equal('frame-ancestors')
    expect(byPolicy("default-src 'none'; x-frame-ancestors 'none'")).to.equal(undefined)
  })

  it('depends on subdomains, ports and schemes of their own', () => {
    const editor = 'https://editor.example.com'
    for (const list of ['https://*.example.com', 'http://*.example.com:443', 'http:', 'editor.example.com:443', '*']) {
      expect(byPolicy(`frame-ancestors ${list}`, editor), list).to.equal(undefined)
    }
    for (const list of ['https://example.com', 'https://*.editor.example.com', 'https://*.ample.com', 'http://*:80']) {
      expect(byPolicy(`frame-ancestors ${list}`, editor), list).to.equal('frame-ancestors')
    }
    expect(byPolicy("frame-ancestors 'self'", 'https://a.example', 'https://a.example/page')).to.equal(undefined)
    expect(byPolicy('frame-ancestors a.example', 'http://a.example', 'https://a.example/page')).to.equal(
      'frame-ancestors',
    )
  })

  it('wants every policy to allow it, and asks no older header beside one', () => {
    const both = "frame-ancestors *, default-src 'self', frame-ancestors 'none'"
    expect(byPolicy(both)).to.equal('frame-ancestors')
    const headers = { 'content-security-policy': 'frame-ancestors *', 'x-frame-options': 'DENY' }
    expect(blanked(headers)).to.equal(undefined)
    expect(blanked({ ...headers, 'content-security-policy': "default-src 'self'" })).to.equal('X-Frame-Options')
  })
})
