import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { PAGE, rows } from './support/messages.ts'

describe('The page of messages', () => {
  it('lists every message of the sources, and nothing else', () => {
    const lines = readFileSync(PAGE, 'utf8').split('\n')
    const listed = lines
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.replaceAll(/` +\| `(?=lib|devtools)/g, '` | `').replaceAll(/` +\|$/g, '` |'))
    expect(listed).to.deep.equal(rows)
  })
})
