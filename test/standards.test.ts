import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

const root = join(import.meta.dirname, '..')

describe('The page of standards', () => {
  it('names only marks that are in the title of a test', () => {
    const titles = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
      .join('\n')
    const marks = new Set(readFileSync(join(root, 'docs/standards.md'), 'utf8').match(/\b[A-Z]-\d\d\b/g))

    expect(marks.size).to.be.above(30)
    for (const mark of marks) expect(titles, mark).to.include(`${mark}: `)
  })
})
