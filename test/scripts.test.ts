import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect } from 'chai'

const ROOT = join(import.meta.dirname, '..')

describe('On Windows, where npm starts cmd.exe', () => {
  /** What cmd.exe does not know, each with an example. */
  const POSIX = new Map([
    [
      'a program of a POSIX shell',
      /(^|&&|\|\|?|;)\s*(exec|rm|cp|mv|mkdir|cat|export|source|sh|bash|test|touch|sleep)\b/,
    ],
    ['NAME=value before a command', /(^|&&|\|\|?|;)\s*\w+=/],
    ['$NAME or $(command)', /\$/],
    ['an argument in single quotes', /(^|\s)'/],
    ['a background process', /(^|[^&])&($|[^&])/],
    ['a command after a semicolon', /;/],
    ['a program by a path', /(^|&&|\|\|?)\s*\.{0,2}\//],
  ])

  /** The inside of double quotes, which are the same in all shells, is not looked at, unless a POSIX shell would change it. */
  const posixIn = (script: string): string[] => {
    const outside = script.replaceAll(/"[^"$]*"/g, '""')
    return [...POSIX].filter(([, pattern]) => pattern.test(outside)).map(([what]) => what)
  }

  for (const file of ['package.json', 'example-app/package.json']) {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { scripts: Record<string, string> }
    for (const [name, script] of Object.entries(scripts)) {
      it(`the script "${name}" of ${file} is understood`, () => {
        expect(posixIn(script), script).to.deep.equal([])
      })
    }
  }

  it('so is each command of the README, also in PowerShell', () => {
    const commands = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(
      ([, block = '']) => block.trim().split('\n'),
    )
    expect(commands.length).to.be.above(3)
    // A comment would be arguments to cmd.exe, and && is unknown to the PowerShell of Windows.
    expect(commands.filter((command) => posixIn(command).length > 0 || /#|&&|<</.test(command))).to.deep.equal([])
  })

  it('such a script would be found', () => {
    expect(posixIn('npm run build && exec npm start')).to.deep.equal(['a program of a POSIX shell'])
    expect(posixIn('NODE_ENV=test mocha')).to.deep.equal(['NAME=value before a command'])
    expect(posixIn("mocha 'test/*.ts'")).to.deep.equal(['an argument in single quotes'])
    expect(posixIn('node "$(which mocha)"')).to.deep.equal(['$NAME or $(command)'])
    expect(posixIn('node a.js & node b.js')).to.deep.equal(['a background process'])
    expect(posixIn('node a.js; node b.js')).to.deep.equal(['a command after a semicolon'])
    expect(posixIn('./node_modules/.bin/tsc')).to.deep.equal(['a program by a path'])
    expect(posixIn(`node -e "fs.rmSync('dist'); fs.mkdirSync('dist')" && tsc`)).to.deep.equal([])
  })

  it('paths are made by node:path', () => {
    const sources = ['lib', 'devtools', 'example-app', 'bench'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.[jt]s$/.test(file) && !/node_modules/.test(file))
        .map((file) => join(folder, file)),
    )
    // The path of a file URL is /C:/..., there is no /tmp, and the separator of PATH is a semicolon.
    const BY_HAND = /import\.meta\.url\)\.pathname|dirname\s*\+|dirname\}\/|['"`]\/(tmp|usr|home)\b|env(\.|\[')HOME\b/
    expect(sources.length).to.be.above(80)
    expect(sources.filter((file) => BY_HAND.test(readFileSync(join(ROOT, file), 'utf8')))).to.deep.equal([])
  })
})

describe('The scripts for the tests', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const quick = createRequire(import.meta.url)('./quick.cjs') as { spec: string[]; ignore: string[] }
  const leftOut = quick.ignore.filter((pattern) => pattern.startsWith('test/'))

  it('run all tests in CI, and in `npm test` all but those of a list, which are there', () => {
    expect(quick.spec).to.deep.equal(['test/**/*.test.ts'])
    expect(scripts['test']?.split(' && ').at(-1)).to.equal('mocha --config test/quick.cjs')
    expect(scripts['coverage']).to.match(/ "test\/\*\*\/\*\.test\.ts"$/)
    expect(scripts['test:all']?.split(' && ')).to.include('npm run coverage')
    expect(readFileSync(join(ROOT, '.ci/run'), 'utf8')).to.include('npm run test:all')

    expect(leftOut.length).to.be.above(10)
    expect(leftOut.filter((pattern) => !existsSync(join(ROOT, pattern.replace(/\/\*\*$/, ''))))).to.deep.equal([])
  })
})
