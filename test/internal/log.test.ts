import { expect } from 'chai'
import sinon from 'sinon'
import { lineOf, quietly } from '../../lib/internal/log.ts'

const event = { strategy: 'wix-app', status: 401, code: null, hint: null, identity: null, error: null, request: {} }

describe('a line of the log', () => {
  it('has the route without the query', () => {
    const request = { method: 'GET', url: '/b?instance=x', originalUrl: '/a/b?instance=x' }
    expect(lineOf({ ...event, request })).to.equal('wix-app 401 (GET /a/b)')
    expect(lineOf({ ...event, request: { method: 'POST', url: 'https://app.example/a?b=c#d' } })).to.equal(
      'wix-app 401 (POST /a)',
    )
    const identity = { instanceId: 'instance-1' }
    expect(lineOf({ ...event, identity, request: { method: 'GET', url: '/a//b?c\nd' } })).to.equal(
      'wix-app 401 (instance instance-1, GET /a//b)',
    )
  })

  it('E-01: has no user and no password of a target that begins like a host', () => {
    for (const url of [
      '//user:canary@app.example/a',
      'http://user:canary@app.example/a?b',
      '//user:canary@app.example/a#b',
    ])
      expect(lineOf({ ...event, request: { method: 'GET', url } })).to.equal('wix-app 401 (GET /a)')
  })

  it('has no route where the request has none', () => {
    for (const request of [undefined, null, {}, { method: 'GET' }, { url: '/a' }, { method: 7, url: '/a' }])
      expect(lineOf({ ...event, request })).to.equal('wix-app 401')
  })

  it('E-01: has no part of a path that is as long as a credential', () => {
    const request = { method: 'GET', url: `/page/${'A'.repeat(43)}.${'B'.repeat(100)}/end` }
    expect(lineOf({ ...event, request })).to.equal('wix-app 401 (GET /page/.../end)')
    const url = `/${'A'.repeat(41)}/${'B'.repeat(40)}`
    expect(lineOf({ ...event, request: { method: 'GET', url } })).to.equal(`wix-app 401 (GET /.../${'B'.repeat(40)})`)
  })

  it('E-03: is one line of printable ASCII, of at most 500 characters', () => {
    const error = new Error(`down\r\n\u001b[31mPASSPORT-WIX-APP 1: ü${'x'.repeat(1000)}`)
    expect(lineOf({ ...event, status: 500, error })).to.match(/^wix-app 500: down\?\?\?\[31mPASSPORT-WIX-APP 1: \?x+$/)
    expect(lineOf({ ...event, error })).to.have.lengthOf(500)
  })
})

describe('a report', () => {
  it('E-04: that throws changes nothing', () => {
    expect(
      quietly('wix-app', () => {
        throw new Error('canary')
      }),
    ).to.equal(undefined)
    const report = sinon.fake()
    quietly('wix-app', report)
    sinon.assert.calledOnce(report)
  })
})
