import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import sinon from 'sinon'
import { endRequest } from '../../lib/internal/answered.ts'
import { settled } from '../support/run.ts'

const fails = (): never => {
  throw new Error('the callback of the app')
}

describe('endRequest(), where the app has ended the response', () => {
  it('P-12: does nothing', () => {
    const [action, fail] = [sinon.fake(), sinon.fake()]
    endRequest({ res: { writableEnded: true } }, action, fail)
    sinon.assert.notCalled(action)
    sinon.assert.notCalled(fail)
  })
})

describe('endRequest(), where the error handler fails as well', () => {
  const last = new Error('the error handler')
  const requests: Array<[string, object]> = [
    ['throws', { next: sinon.stub().throws(last) }],
    ['rejects', { next: sinon.stub().rejects(last) }],
    ['cannot be read', Object.defineProperty({}, 'next', { get: sinon.stub().throws(last) })],
  ]
  for (const [title, req] of requests) {
    it(`warns, and does not end the process, when it ${title}`, async () => {
      const warn = sinon.stub(process, 'emitWarning')
      try {
        endRequest(req, fails, fails)
        await settled()
        expect(warn.args).to.deep.equal([[last]])
      } finally {
        warn.restore()
      }
    })
  }

  it('warns of an error of another realm, which Node does not take as a warning', async () => {
    const foreign: unknown = runInNewContext('new TypeError("elsewhere")')
    const throws = (): never => {
      throw foreign
    }
    const warned = new Promise((resolve) => process.once('warning', resolve))
    endRequest({}, throws, throws)
    expect(await warned).to.include({ name: 'Warning', message: 'TypeError: elsewhere' })
  })
  it('warns of an error that cannot be read, and reads it no more', async () => {
    for (const name of ['message', 'name', 'stack', 'code', 'detail']) {
      const error = Object.defineProperty(new Error('x'), name, { get: fails })
      const throws = (): never => {
        throw error
      }
      const warned = new Promise((resolve) => process.once('warning', resolve))
      endRequest({}, throws, throws)
      expect(await warned).to.include({
        name: 'Warning',
        message: 'A callback of the app failed with an error that cannot be read',
      })
    }
  })
})
