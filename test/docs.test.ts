// Takes every block out of README.md and docs/*.md, compiles it, runs it, and compares what it answers with what the page says.
//
// A new page docs/NAME.md needs test/support/docs/NAME.ts, which exports by default a `PageTest` (test/support/docs-page.ts):
// - `claims`: sentences, each with a function of the page: `page.start('server.mjs')` starts a file that listens on PORT,
//   `page.run('sign.mjs')` runs one to its end, `page.shell('curl', server)` runs the one `sh` block with that text;
// - `testedIn`: the tests in which the blocks are compiled and run, where they need packages that the root does not have;
// - `compiledOnly` and `notRun`: what cannot be run here, each with the reason. Everything else must have been run.
// What the programs fetch from https://www.wixapis.com comes from `page.wix`, a WixSimulator; `page.hosts` names other hosts.
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  SessionTokens,
  WixAccessTokenStrategy,
  WixAppStrategy,
  WixSessionStrategy,
  WixWebhookStrategy,
} from '../lib/index.ts'
import { blocksOf, filesOf, Page, type PageTest } from './support/docs-page.ts'

const root = join(import.meta.dirname, '..')
const names = [
  'README.md',
  ...(await readdir(join(root, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
/** Pages without programs: only their links are looked at. */
const OTHERS = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']
const texts = new Map(
  await Promise.all(
    [...names, ...OTHERS].map(async (name) => [name, await readFile(join(root, name), 'utf8')] as const),
  ),
)

/** A file of this repository by its address at the forge. */
const ABSOLUTE = /https:\/\/github\.com\/maxkoryukov\/passport-wix-app\/(blob|raw|tree)\//

/** A page without its blocks: what is read. */
const proseOf = (text: string): string => text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, '')
const isCell = (line: string): boolean => line.startsWith('|')
/** As it is shown: without the addresses of links. */
const shown = (text: string): string => text.replaceAll(/\]\([^)]*\)|\]\[[^\]]*\]/g, ']')

const anchorsOf = (text: string): string[] =>
  [...proseOf(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Each address in a page that is on a page of this repository, as `docs/NAME.md#anchor`. */
function linksOf(name: string): string[] {
  const addresses = [...proseOf(texts.get(name) ?? '').matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(
    ([, inline, reference]) => inline ?? reference ?? '',
  )
  return addresses.flatMap((address) => {
    if (/^https?:/.test(address)) return []
    if (address.startsWith('#')) return [name + address]
    return [new URL(address, `file:///${name}`).href.slice('file:///'.length)]
  })
}

/** What takes the options of a page, by the error for an unknown one. */
function optionsOf(Class: new (options: never, verify: () => undefined) => unknown): string[] {
  try {
    Reflect.construct(Class, [{ unknown: 1 }, () => undefined])
  } catch (error) {
    const [, list] = /known options are (.*)$/.exec((error as Error).message) ?? []
    if (list !== undefined) return list.split(', ')
  }
  throw new Error(`${Class.name} takes an unknown option`)
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'docs/instance.md': [...optionsOf(WixAppStrategy), 'badRequestMessage'], // of the route
  'docs/access-tokens.md': optionsOf(WixAccessTokenStrategy),
  'docs/sessions.md': [...optionsOf(SessionTokens), ...optionsOf(WixSessionStrategy)],
  'docs/webhooks.md': optionsOf(WixWebhookStrategy),
}

describe('The pages of the documentation', () => {
  it('have at most 250 lines each, the README 220; only the table of all messages has more', () => {
    const most = (name: string): number => (name === 'README.md' ? 220 : 250)
    const long = [...texts].filter(([name, text]) => text.trimEnd().split('\n').length > most(name))
    expect(long.map(([name]) => name)).to.deep.equal(['docs/messages.md'])
  })

  it('have an error handler in every app of Express', () => {
    const apps = [...texts].flatMap(([name, text]) =>
      [...filesOf(blocksOf(text))]
        .filter(([, code]) => /\bexpress\(\)/.test(code))
        .map(([file, code]): [where: string, code: string] => [`${name}: ${file}`, code]),
    )
    expect(apps).to.have.length.above(15)
    expect(apps.filter(([, code]) => !/use\(errorHandler\(\)/.test(code)).map(([where]) => where)).to.deep.equal([])
  })

  it('are all in the map of the README, but for those of the hosts, which have one of their own', () => {
    for (const [map, folder] of [
      ['README.md', /^docs\/[^/]+$/],
      ['docs/frameworks.md', /^docs\/hosts\//],
    ] as const) {
      const linked = linksOf(map).map((link) => link.split('#')[0])
      expect(linked, map).to.include.members(names.filter((name) => folder.test(name)))
    }
  })

  it('mention every name that the package exports', async () => {
    // By the sources: a type is there at no other time.
    const indexes = ['lib', 'lib/fetch', 'devtools/testing', 'devtools/simulator'].map((folder) =>
      readFile(join(root, folder, 'index.ts'), 'utf8'),
    )
    const index = (await Promise.all(indexes)).join('\n')
    const lists = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','))
    const listed = lists.map((name) => name.trim().replace(/^type |^.* as /, '')).filter((name) => name !== '')
    const declared = [...index.matchAll(/^export (?:async function|interface) (\w+)/gm)].map(([, name = '']) => name)
    const exported = [...listed, ...declared]
    expect(exported).to.include.members(['WixAppStrategy', 'toResponse', 'signInstance', 'startSimulator'])
    const pages = names.filter((name) => name !== 'docs/messages.md').map((name) => texts.get(name) ?? '')
    expect(exported.filter((name) => !pages.some((text) => new RegExp(`\\b${name}\\b`).test(text)))).to.deep.equal([])
  })

  it('link to pages and headings that exist, by relative addresses', () => {
    const linking = [...names, ...OTHERS]
    const broken = linking.flatMap((name) =>
      linksOf(name)
        .filter((link) => {
          const [path = '', anchor] = link.split('#')
          const text = texts.get(path)
          return text === undefined ? !existsSync(join(root, path)) : anchor && !anchorsOf(text).includes(anchor)
        })
        .map((link) => `${name}: ${link}`),
    )
    expect(broken).to.deep.equal([])
    // Relative ones also lead somewhere in a clone and in a fork, and npm completes them.
    expect(linking.filter((name) => ABSOLUTE.test(proseOf(texts.get(name) ?? '')))).to.deep.equal([])
  })

  it('say no sentence twice', () => {
    const seen = new Map<string, string>()
    const twice: string[] = []
    for (const name of names) {
      const paragraphs = proseOf(texts.get(name) ?? '').split(/\n\s*\n|^(?=[#|>-])|\n(?=[|-] |\d+\. )/m)
      for (const paragraph of paragraphs) {
        if (isCell(paragraph)) continue
        for (const sentence of shown(paragraph)
          .replaceAll(/\s+/g, ' ')
          .split(/(?<=[.:?!]) /)) {
          const text = sentence.replace(/^[-#>\d. ]+/, '').trim()
          if (text.length < 40) continue
          const before = seen.get(text)
          // Each host has a whole page of its own, and a reader reads one.
          const pages = new Set([before, name])
          const isOfHosts = pages.size === 2 && [...pages].every((page) => page?.startsWith('docs/hosts/'))
          if (before !== undefined && !isOfHosts) twice.push(`${before}, ${name}: ${text}`)
          seen.set(text, name)
        }
      }
    }
    expect(twice).to.deep.equal([])
  })

  it('have in their tables the options that there are, and mention every one', () => {
    for (const [name, options] of Object.entries(OPTIONS)) {
      const text = texts.get(name) ?? ''
      const tables = [...text.matchAll(/^\| Option .*\n\|[-| ]+\n((?:\|.*\n)+)/gm)].map(([, rows = '']) => rows)
      const named = [...tables.join('').matchAll(/^\| `(\w+)`/gm)].map(([, option = '']) => option)
      expect(
        named.filter((option) => !options.includes(option)),
        `${name} has an option that is none`,
      ).to.deep.equal([])
      expect(
        options.filter((option) => !new RegExp(`\\b${option}\\b`).test(text)),
        `${name} leaves out`,
      ).to.deep.equal([])
      expect(named.length, name).to.be.above(0)
    }
  })

  it('are refused with a block that is of no known kind, or that no file can be made of', () => {
    const filesIn = (markdown: string) => filesOf(blocksOf(markdown))
    expect(() => filesIn('```yaml\na: 1\n```')).to.throw(
      'line 1: a block of the kind "yaml" is neither run nor compiled',
    )
    expect(() => filesIn('```\na\n```')).to.throw('the kind ""')
    expect(() => filesIn('```js\nlet a\n```')).to.throw('the first line must be "// FILE"')
    expect(() => filesIn('```js\n// a.mjs, continued\n```')).to.throw('a.mjs is continued, and was never opened')
    expect(() => filesIn('```js\n// a.mjs\n```\n```js\n// a.mjs\n```')).to.throw('a.mjs is opened twice')
    expect(() => filesIn('```json\n{ a: 1 }\n```')).to.throw(SyntaxError)
    expect(() => filesIn('- list\n  ```js\n  ```')).to.throw('line 2: a block inside of something else')
    expect(() => filesIn('```js\n')).to.throw('a block without an end')
    expect([...filesIn('```js\n// a.mjs\n1\n```\n```js\n// a.mjs, continued\n2\n```')]).to.deep.equal([
      ['a.mjs', '// a.mjs\n1\n// a.mjs, continued\n2\n'],
    ])
    const [marked] = filesIn(
      '```js\n// a.mjs\n1\n// The blocks below go here\n4\n```\n' +
        '```js\n// a.mjs, continued\n2\n```\n```js\n// a.mjs, continued\n3\n```',
    ).values()
    expect(marked?.match(/^\d$/gm)).to.deep.equal(['1', '2', '3', '4'])
  })
})

/** `docs/cost.md` is tested by `test/support/docs/cost.ts`; the pages of hosts by their servers, see below. */
const testOf = (name: string): string =>
  join(root, 'test/support/docs', name.replace('docs/', '').replace('.md', '.ts'))

const tests = await Promise.all(
  names.map(async (name): Promise<[name: string, test: PageTest | undefined]> => {
    if (name.startsWith('docs/hosts/')) return [name, { testedIn: 'test/hosts/hosts.test.ts', claims: {} }]
    const path = testOf(name)
    return [name, existsSync(path) ? ((await import(path)) as { default: PageTest }).default : undefined]
  }),
)

for (const [name, test] of tests) {
  describe(`The blocks of ${name}`, function () {
    this.timeout(120_000)
    let folder: string
    let page: Page

    // A page without programs needs no test.
    if (test === undefined && blocksOf(texts.get(name) ?? '').length === 0) return
    if (test === undefined) {
      it('are tested', () => expect.fail(`there is no ${testOf(name)}`))
      return
    }
    const { testedIn } = test
    if (testedIn !== undefined) {
      it(`are compiled and run by ${testedIn}`, async () => {
        expect(filesOf(blocksOf(texts.get(name) ?? '')).size).to.be.above(0)
        expect(await readFile(join(root, testedIn), 'utf8')).to.include(name)
      })
      return
    }
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-docs-'))
      page = await Page.open(join(root, name), test, folder)
    })
    after(async () => {
      await page?.close()
      await rm(folder, { recursive: true, force: true })
    })

    for (const [file, path] of Object.entries(test.elsewhere ?? {})) {
      it(`are compiled and run by ${path}: ${file}`, async () => {
        expect(await readFile(join(root, path), 'utf8'))
          .to.include(name)
          .and.to.include(file)
      })
    }
    it('compile', async () => expect(await page.compile()).to.equal(''))
    for (const [claim, check] of Object.entries(test.claims)) it(claim, () => check(page))
    it('are all run, but for those that are named with a reason', () => expect(page.leftOut()).to.deep.equal([]))
  })
}
