import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { llms, PAGE } from './support/llms.ts'

describe('The map of the documentation for tools', () => {
  it('is that of the pages as they are: npx tsx test/support/llms.ts', () => {
    expect(readFileSync(PAGE, 'utf8')).to.equal(llms())
  })

  it('gives each page a title and a sentence', () => {
    const lines = llms().match(/^- .*/gm) ?? []
    expect(lines).to.have.length.above(40)
    for (const line of lines) expect(line).to.match(/^- \[[^\]]+\]\(https:[^)]+\.md\): [^|]{10,250}$/)
  })
})
