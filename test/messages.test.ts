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

  it('has every hint that Troubleshooting tells the cure of', () => {
    const troubleshooting = readFileSync(new URL('../docs/troubleshooting.md', import.meta.url), 'utf8')
    const [, table = ''] = /^\| The hint says .*\n\|[-| ]+\n((?:\|.*\n)+)/m.exec(troubleshooting) ?? []
    const hints = [...table.matchAll(/^\|(.*?)\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/(?<=`)[^`,][^`]*(?=`)/g) ?? [],
    )
    expect(hints.length).to.be.above(20)
    const messages = rows.join('\n').replaceAll("'", '')
    expect(hints.filter((hint) => !messages.includes(hint.replaceAll("'", '')))).to.deep.equal([])
  })
})
