import { expect } from 'chai'
import { addressOf, portOf } from '../../devtools/addresses.ts'

describe('An address of the command line', () => {
  it('may be a port, or a host or a path without a scheme', () => {
    const app = 'http://localhost:3000/dashboard?mine=1'
    for (const [typed, meant] of [
      ['4000', 'http://localhost:4000/dashboard'],
      ['4000/', 'http://localhost:4000/'],
      [':4000', 'http://localhost:4000/dashboard'],
      ['4000/page?a=1', 'http://localhost:4000/page?a=1'],
      ['localhost:4000/page', 'http://localhost:4000/page'],
      ['localhost', 'http://localhost'],
      ['LOCALHOST:4000', 'http://LOCALHOST:4000'],
      ['127.0.0.1:4000', 'http://127.0.0.1:4000'],
      ['[::1]:4000/page', 'http://[::1]:4000/page'],
      ['/webhooks', 'http://localhost:3000/webhooks'],
    ]) {
      expect(addressOf(typed ?? '', app)).to.equal(meant)
    }
  })

  it('has a port of digits alone, from 1 to 65535', () => {
    for (const port of [1, 80, 65_535]) expect(portOf(String(port))).to.equal(port)
    for (const typed of ['0', '65536', '', ' ', '-1', '80.5', '8e1', '0x50', '80/x', ' 80', '80@evil.example', 'x'])
      expect(portOf(typed), typed).to.deep.equal(NaN)
  })

  it('is left as it is otherwise', () => {
    for (const typed of ['https://app.example/x', '//evil.example/x', 'localhost.evil.example', '123456', 'x', '']) {
      expect(addressOf(typed, 'http://localhost:3000/dashboard')).to.equal(typed)
    }
  })
})
