import { Readable } from 'node:stream'
import { expect } from 'chai'
import sinon from 'sinon'
import { collect, MAX_BODY_LENGTH } from '../../lib/internal/bytes.ts'

describe('the bytes of chunks', () => {
  const bytes = Buffer.from('0123456789')
  const chunks = (...sizes: number[]): Readable => {
    let at = 0
    return Readable.from(sizes.map((size) => bytes.subarray(at, (at += size))))
  }

  it('are collected up to a limit, and nothing of more', async () => {
    for (const sizes of [[10], [1, 9], [3, 0, 3, 4], Array<number>(10).fill(1)])
      expect(await collect(chunks(...sizes), 10)).to.deep.equal(bytes)
    for (const sizes of [[10], [9, 1], [3, 0, 3, 4]]) expect(await collect(chunks(...sizes), 9)).to.equal(undefined)
    expect(await collect(chunks(), 9)).to.deep.equal(Buffer.alloc(0))
    expect(MAX_BODY_LENGTH).to.equal(1_048_576)
  })

  it('are copied to a larger buffer only when it is full, to one of twice the size, and of no more than the limit', async () => {
    const alloc = sinon.spy(Buffer, 'alloc')
    try {
      await collect(chunks(1, 1, 1, 1, 1, 0, 4), 9)
      await collect(chunks(1, 1, 1, 1), 9)
      expect(alloc.args).to.deep.equal([[0], [1], [2], [4], [8], [9], [0], [1], [2], [4]])
    } finally {
      alloc.restore()
    }
  })
})
