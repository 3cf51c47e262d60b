import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

const FOLDER = import.meta.dirname
const page = readFileSync(join(FOLDER, 'README.md'), 'utf8')
const folders = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const filesIn = (folder: string, recursive: boolean): string[] =>
  readdirSync(join(FOLDER, folder), { recursive, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file))
// The tests in these make folders and remove them meanwhile, and have packages of their own.
const BUSY: ReadonlySet<string> = new Set(['hosts', 'prisma', 'tools'])
const files = [...filesIn('', false), ...folders.flatMap((folder) => filesIn(folder, !BUSY.has(folder)))]

describe('The page about the tests', () => {
  it('explains every mark that a test has, and no other', () => {
    const used = files.flatMap((file) => readFileSync(join(FOLDER, file), 'utf8').match(/\b[A-Z]-\d\d\b/g) ?? [])
    const explained = [...page.matchAll(/^\| ([A-Z]-\d\d) +\| \S/gm)].map(([, mark]) => mark)
    expect(explained).to.have.members([...new Set(used)])
  })

  it('names every folder, and no other', () => {
    const table = page.slice(page.indexOf('## What is where'), page.indexOf('## What some tests need'))
    const named = [...table.matchAll(/^\| (`[^|]+) +\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/[\w-]+(?=\/`)/g) ?? [],
    )
    expect(named).to.have.members(folders)
  })
})

const ROOT = join(FOLDER, '..')
const sources = ['lib', 'devtools'].flatMap((house) =>
  readdirSync(join(ROOT, house), { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/')),
)
for (const [house, least] of [
  ['lib', 40],
  ['devtools', 15],
] as const) {
  describe(`The page about ${house}/`, () => {
    it('names files and folders that exist', () => {
      const text = readFileSync(join(ROOT, house, 'README.md'), 'utf8')
      const named = [...text.matchAll(/`([\w/-]+(?:\.test)?\.ts|[a-z]+\/(?:[a-z]+\/)?)`/g)].map(([, name = '']) =>
        name.replace(/\/$/, ''),
      )
      const isThere = (name: string): boolean =>
        existsSync(join(ROOT, name)) || sources.some((file) => file === name || file.endsWith(`/${name}`))
      expect(named.filter((name) => !isThere(name))).to.deep.equal([])
      expect(named.length).to.be.above(least)
    })
  })
}
