import { inspect } from 'node:util'
import { expect } from 'chai'

/** Whatever is given these options; it may throw, or return a promise that is rejected. */
type Maker = (options: never) => unknown

/**
 * Options that must be rejected, and what the message says: a string that it contains, or a RegExp. A row without a name is called by its
 * options.
 */
export type WrongOptions =
  | readonly [options: unknown, message: string | RegExp]
  | readonly [name: string, options: unknown, message: string | RegExp]

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const nameOf = (options: unknown): string =>
  inspect(options, { depth: 1, breakLength: Infinity })
    .replaceAll(/\[(Async)?Function\b[^\]]*\]/g, '[Function]')
    .slice(0, 100)

/** The names of the options, and of the options of an option. */
const namesIn = (options: unknown): string[] =>
  isObject(options) ? [options, ...Object.values(options)].filter(isObject).flatMap(Object.keys) : []

/** Every string in the options that is long enough to be a secret, at any depth; names are none. */
const contentOf = (options: unknown): string[] => {
  if (typeof options === 'string') return options.length < 8 ? [] : [options]
  if (options instanceof URL) return [options.href]
  return isObject(options) ? Object.values(options).flatMap(contentOf) : []
}

/** Without the lines of the stack, which hold paths of this machine. */
const shown = (error: unknown): string => inspect(error, { depth: 9, showHidden: true }).replaceAll(/^ *at .*$/gm, '')

/** Which of the options is wrong, by what the message says of it. */
function wrongIn(message: string | RegExp): string {
  const text = typeof message === 'string' ? message : message.source
  if (text.includes('unknown option')) return 'unknown option'
  const [, option] = /(?:option |^)`(\w+)`/.exec(text) ?? []
  return option === undefined ? 'wrong argument' : `wrong value of \`${option}\``
}

/**
 * Defines one test for each option: each wrong value of it is rejected with a TypeError, whose message begins with the name of the class
 * or function, names an option, says what is expected, and holds no content of the options. The word `canary`, in any case, is always
 * content. Call it in a `describe` such as 'P-10: its options'.
 *
 * @param makers Who checks the options, by the name that messages begin with.
 * @param isWhole Whether a string is the whole message, after the name where it does not begin with that.
 */
export function optionsTable(
  makers: Readonly<Record<string, Maker>>,
  rows: readonly WrongOptions[],
  { isWhole = false }: { isWhole?: boolean } = {},
): void {
  const groups = new Map<string, WrongOptions[]>()
  for (const row of rows) {
    const wrong = wrongIn(row.length === 3 ? row[2] : row[1])
    groups.set(wrong, [...(groups.get(wrong) ?? []), row])
  }
  for (const [wrong, group] of groups) {
    it(`rejects each ${wrong}`, async () => {
      for (const row of group) {
        const [name, options, message] = row.length === 3 ? row : [nameOf(row[0]), ...row]
        for (const [owner, make] of Object.entries(makers)) {
          const error: unknown = await (async () => make(options as never))().then(
            () => 'accepted',
            (reason: unknown) => reason,
          )
          expect(error, name).to.be.an.instanceOf(TypeError).and.to.have.property('name', 'TypeError')
          const said = (error as TypeError).message
          expect(said, name).to.match(new RegExp(`^${owner}\\b`))
          if (typeof message !== 'string') expect(said, name).to.match(message)
          else if (isWhole) expect(said, name).to.equal(message.startsWith(owner) ? message : `${owner}: ${message}`)
          else expect(said, name).to.include(message)

          // A message that is expected to name one needs no other.
          const names = String(message).includes('`') ? [] : namesIn(options)
          if (names.length > 0) expect(said, name).to.satisfy(() => names.some((option) => said.includes(option)))
          expect(shown(error), name).to.not.match(/canary/i)
          for (const content of contentOf(options)) expect(shown(error), name).to.not.include(content)
        }
      }
    })
  }
}
