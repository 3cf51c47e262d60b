import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect } from 'chai'

const LIB = join(import.meta.dirname, '../lib')

/** Every file of lib/, with what it imports from lib/: paths such as `strategies/app.ts`. */
const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const source = readFileSync(join(LIB, file), 'utf8')
    const targets = [...source.matchAll(/(?:from |import |import\()'(\.[^']+)'/g)].map(([, target = '']) =>
      relative(LIB, join(LIB, dirname(file), target)).replaceAll('\\', '/'),
    )
    return { file, targets }
  })

/** The folder of a file; the files that every request passes through have none. */
const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : 'core')

/** What each folder may import: folders, or single files outside of them. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  internal: ['internal', 'errors.ts'],
  core: ['core', 'internal'],
  strategies: ['strategies', 'core', 'internal'],
  sessions: ['sessions', 'core', 'internal'],
  middleware: ['middleware', 'internal', 'events.ts', 'identity.ts', 'read.ts', 'errors.ts'],
  userinfo: ['userinfo', 'internal', 'identity.ts', 'read.ts', 'errors.ts'],
  fetch: ['fetch', 'strategies', 'sessions', 'middleware', 'userinfo', 'core', 'internal'],
  testing: ['testing', 'strategies', 'sessions', 'core', 'internal'],
  cli: ['cli', 'testing', 'strategies', 'sessions', 'core', 'internal'],
}

describe('the imports of lib/', () => {
  it('are known for every folder', () => {
    expect(new Set(files.map(({ file }) => folderOf(file)))).to.have.all.keys(Object.keys(MAY_IMPORT))
  })

  for (const { file, targets } of files) {
    if (file === 'index.ts') continue
    it(`lead from ${file} only where they may`, () => {
      const allowed = MAY_IMPORT[folderOf(file)] ?? []
      const wrong = targets.filter(
        (target) => target === 'index.ts' || !(allowed.includes(folderOf(target)) || allowed.includes(target)),
      )
      expect(wrong).to.deep.equal([])
    })
  }

  it('form no circle', () => {
    const open = new Map(files.map(({ file, targets }) => [file, targets]))
    // Removes files that import nothing any more; a circle stays.
    for (let before = -1; before !== open.size;) {
      before = open.size
      for (const [file, targets] of open) if (!targets.some((target) => open.has(target))) open.delete(file)
    }
    expect([...open.keys()]).to.deep.equal([])
  })

  // All of jose takes as long to load as the rest of this package.
  it('of jose are those of its parts, but for types and for what is loaded when it is needed', () => {
    for (const { file } of files) {
      const source = readFileSync(join(LIB, file), 'utf8')
      expect(source, file).to.not.match(/^import (?!type ).*from 'jose'$/m)
    }
  })

  it('of the index are exports of names, and nothing else', () => {
    const source = readFileSync(join(LIB, 'index.ts'), 'utf8')
    for (const line of source.trim().split('\n'))
      expect(line).to.match(/^export (type )?\{ .+ \} from '\.\/[\w/-]+\.ts'$/)
  })
})
