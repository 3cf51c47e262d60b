import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect } from 'chai'

const ROOT = join(import.meta.dirname, '..')

// By the sources: what a file imports, and whom it may ask, cannot be seen from outside.

/** Every file of lib/ and devtools/, with what it imports of them: paths such as `lib/strategies/app.ts`. */
const files = ['lib', 'devtools'].flatMap((house) =>
  readdirSync(join(ROOT, house), { recursive: true, encoding: 'utf8' })
    .map((file) => `${house}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const source = readFileSync(join(ROOT, file), 'utf8')
      const targets = [...source.matchAll(/(?:from |import |import\()'(\.[^']+)'/g)].map(([, target = '']) =>
        relative(ROOT, join(ROOT, dirname(file), target)).replaceAll('\\', '/'),
      )
      return { file, source, targets }
    }),
)

/** The folder of a file, such as `lib/strategies`; that of the files at the top of lib/, the spine, is `lib`. */
const folderOf = (path: string): string => path.split('/').slice(0, -1).slice(0, 2).join('/')

const LIB = ['lib', 'lib/internal', 'lib/strategies', 'lib/sessions', 'lib/middleware', 'lib/userinfo', 'lib/fetch']

/** What each folder may import: folders, or single files outside of them. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'lib/internal': ['lib/internal', 'lib/errors.ts'],
  lib: ['lib', 'lib/internal'],
  'lib/strategies': ['lib/strategies', 'lib', 'lib/internal'],
  'lib/sessions': ['lib/sessions', 'lib', 'lib/internal'],
  'lib/middleware': [
    'lib/middleware',
    'lib/internal',
    'lib/events.ts',
    'lib/identity.ts',
    'lib/read.ts',
    'lib/errors.ts',
  ],
  'lib/userinfo': ['lib/userinfo', 'lib/internal', 'lib/identity.ts', 'lib/read.ts', 'lib/errors.ts'],
  'lib/fetch': LIB,
  'devtools/testing': ['devtools/testing', ...LIB],
  'devtools/credentials': ['devtools/credentials', ...LIB],
  'devtools/inspect': ['devtools/inspect', 'devtools/credentials', 'devtools/text.ts', ...LIB],
  'devtools/simulator': ['devtools/simulator', 'devtools/credentials', 'devtools/testing', 'devtools/text.ts', ...LIB],
  devtools: ['devtools', 'devtools/testing', 'devtools/inspect', 'devtools/simulator', ...LIB],
}

describe('the imports', () => {
  it('are known for every folder', () => {
    expect(new Set(files.map(({ file }) => folderOf(file)))).to.have.all.keys(Object.keys(MAY_IMPORT))
  })

  it('of lib/ lead nowhere into devtools/', () => {
    const wrong = files.filter(
      ({ file, targets }) => file.startsWith('lib/') && targets.some((target) => !target.startsWith('lib/')),
    )
    expect(wrong.map(({ file }) => file)).to.deep.equal([])
  })

  for (const { file, targets } of files) {
    if (file === 'lib/index.ts') continue
    it(`lead from ${file} only where they may`, () => {
      const allowed = MAY_IMPORT[folderOf(file)] ?? []
      const wrong = targets.filter(
        (target) => target === 'lib/index.ts' || !(allowed.includes(folderOf(target)) || allowed.includes(target)),
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
    for (const { file, source } of files) {
      expect(source, file).to.not.match(/^import (?!type ).*from 'jose'$/m)
    }
  })

  it('of the index are exports of names, and nothing else', () => {
    const source = readFileSync(join(ROOT, 'lib/index.ts'), 'utf8')
    // The name of the page in the API reference comes first.
    for (const line of source.replace('/** @module passport-wix-app */\n\n', '').trim().split('\n'))
      expect(line).to.match(/^export (type )?\{ .+ \} from '\.\/[\w/-]+\.ts'$/)
  })
})
