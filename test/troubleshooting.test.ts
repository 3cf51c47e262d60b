// Compares the messages in lib/ and devtools/testing/ with those in docs/troubleshooting.md, in both directions.
//
// In the page, each line of a `text` block is one message. What varies in it is a word in capitals: `status STATUS`.
//
// In these folders, every string and template literal with a space in it is a message or a part of one, wherever it is thrown, apart from:
// - NO_MESSAGES, each with its reason;
// - what an option must be, the last argument of `must()` and `eachOf()`: the page has one general form for all of them.
// Literals joined by `+` are one message. A `${...}` stands for nothing, for a word in capitals, or for another such literal.
// What the commands and the simulator print is left out, and what storeChecks says of a store: each tells its own cure.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

const ROOT = join(import.meta.dirname, '..')

const NO_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['PRIVATE KEY-----', 'what a wrong key begins with'],
  ['not base64', 'is caught where it is thrown'],
  ['by ${...}', 'a value in Redis'],
  ['2 session', 'a part of keys of a cache'],
  ['2 userinfo', 'a part of keys of a cache'],
  ['2 ${...} ${...}', 'a part of keys of a cache'],
  ['${...} ${...}', 'a part of keys of a cache'],
  ['Bearer ${...}', 'a header'],
  ['instance ${...}', 'a part of a line in the log'],
  ['0 s', 'a duration'],
  ['the answer', 'names what is not JSON, in an error that is caught'],
])

/** A comment, a regular expression, a string, or a template with strings and templates in it. The first two may hold quotes. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/.*|(?<=[(=,:!&|?>[]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+\/[a-z]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{(?:[^{}`]|\{(?:[^{}]|\{[^{}]*\})*\}|`(?:\\.|\$\{[^{}]*\}|[^`\\])*`)*\}|[^`\\])*`/g

/** The content of a literal, with `${...}` in place of each expression. */
const contentOf = (literal: string): string => {
  const content = literal.slice(1, -1)
  const constant = literal.startsWith('`')
    ? content.replaceAll(/\$\{(?:[^{}`]|\{(?:[^{}]|\{[^{}]*\})*\}|`(?:\\.|\$\{[^{}]*\}|[^`\\])*`)*\}/g, '${...}')
    : content
  return constant.replaceAll(/\\(.)/g, '$1')
}

/** The literals of a source, and which of them say what an option must be. */
function literalsOf(source: string): { messages: string[]; expectations: string[] } {
  const literals: string[] = []
  // Each literal by its number, so that brackets can be counted.
  const code = source
    .replaceAll(TOKEN, (token) => (/^['"`]/.test(token) ? `\0${literals.push(contentOf(token)) - 1}\0` : ''))
    .replaceAll(/\0(\d+)\0(?:\s*\+\s*\0\d+\0)+/g, (joined) => {
      const parts = [...joined.matchAll(/\0(\d+)\0/g)].map(([, number]) => literals[Number(number)])
      return `\0${literals.push(parts.join('')) - 1}\0`
    })
  const numbersIn = (part: string): number[] => [...part.matchAll(/\0(\d+)\0/g)].map(([, number]) => Number(number))
  const expectations = [...code.matchAll(/\b(?:must|eachOf)\(/g)].flatMap(({ index }) => {
    let end = code.indexOf('(', index)
    let depth = 0
    do {
      if (code[end] === '(') depth++
      if (code[end] === ')') depth--
      end++
    } while (depth > 0)
    return numbersIn(code.slice(index, end)).slice(-1)
  })
  const used = numbersIn(code).filter((number) => !expectations.includes(number))
  return {
    messages: used.map((number) => literals[number] ?? ''),
    expectations: expectations.map((number) => literals[number] ?? ''),
  }
}

const sources = ['lib', 'devtools/testing'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'store-checks.ts')
    .map((name) => literalsOf(readFileSync(join(ROOT, folder, name), 'utf8'))),
)

/** A space between words, or a word and a value that says why; nothing that is code for another language. */
const isProse = (literal: string): boolean =>
  (/\S \S/.test(literal) || /^[a-z]+\$\{\.\.\.\}$/.test(literal)) &&
  !/redis\.call|\b(?:CREATE|INSERT|DELETE) |^https?:/.test(literal)

const candidates = new Set(sources.flatMap(({ messages }) => messages).filter(isProse))
const messages = [...candidates].filter((message) => !NO_MESSAGES.has(message))
const expectations = sources.flatMap(({ expectations }) => expectations)
const templates = [...messages, ...expectations].map((template) => ({ template, pieces: template.split('${...}') }))

const VARIABLE = /^( ?\(?[A-Z][A-Z ]*\)?)?$/

/** The literals that a line of the page is made of; undefined where there is no way to make it. */
function derive(line: string, depth = 0): ReadonlySet<string> | undefined {
  if (depth > 4) return undefined
  if (VARIABLE.test(line)) return new Set()
  for (const { template, pieces } of templates) {
    const [first = '', ...rest] = pieces
    if (!line.startsWith(first)) continue
    const used = fill(line.slice(first.length), rest, depth)
    if (used !== undefined) return new Set([template, ...used])
  }
  return undefined
}

/** What the variables before each of `pieces` are made of, if they fill `line`. */
function fill(line: string, pieces: readonly string[], depth: number): ReadonlySet<string> | undefined {
  const [piece, ...rest] = pieces
  if (piece === undefined) return line === '' ? new Set() : undefined
  for (let end = line.indexOf(piece); end !== -1; end = line.indexOf(piece, end + 1)) {
    if (rest.length === 0 && end + piece.length < line.length) continue
    const after = fill(line.slice(end + piece.length), rest, depth)
    const before = after && derive(line.slice(0, end), depth + 1)
    if (after !== undefined && before !== undefined) return new Set([...before, ...after])
    if (end === line.length) break
  }
  return undefined
}

const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8')
const lines = [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trimEnd().split('\n'))
const derived = lines.map((line) => ({ line, from: derive(line) }))

describe('The page about errors', () => {
  it('has every message of the sources', () => {
    const explained = new Set(derived.flatMap(({ from }) => [...(from ?? [])]))
    expect(messages.filter((message) => !explained.has(message))).to.deep.equal([])
  })

  it('has no message that is not in the sources', () => {
    expect(derived.filter(({ from }) => from === undefined).map(({ line }) => line)).to.deep.equal([])
  })

  it('has each message once', () => {
    expect(lines.filter((line, index) => lines.indexOf(line) < index)).to.deep.equal([])
  })

  it('is compared with messages only: each exception is still there', () => {
    expect([...NO_MESSAGES.keys()].filter((literal) => !candidates.has(literal))).to.deep.equal([])
  })
})
