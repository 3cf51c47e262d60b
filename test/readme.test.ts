import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

const FOLDER = import.meta.dirname
const page = readFileSync(join(FOLDER, 'README.md'), 'utf8')
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.includes('node_modules'),
)

describe('The page about the tests', () => {
  it('explains every mark that a test has, and no other', () => {
    const used = files.flatMap((file) => readFileSync(join(FOLDER, file), 'utf8').match(/\b[A-Z]-\d\d\b/g) ?? [])
    const explained = [...page.matchAll(/^\| ([A-Z]-\d\d) +\| \S/gm)].map(([, mark]) => mark)
    expect(explained).to.have.members([...new Set(used)])
  })

  it('names every folder, and no other', () => {
    const folders = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const table = page.slice(page.indexOf('## Where is what'), page.indexOf('## What some tests need'))
    const named = [...table.matchAll(/^\| (`[^|]+) +\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/[\w-]+(?=\/`)/g) ?? [],
    )
    expect(named).to.have.members(folders.map(({ name }) => name))
  })
})
