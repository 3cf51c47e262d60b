// The messages of the package, read out of its sources, and the page that lists them. To write the page anew:
//   npx tsx test/support/messages.ts && npx oxfmt docs/messages.md
//
// In lib/ and devtools/testing/, every string and template literal with a space in it is a message or a part of one, wherever it is thrown,
// apart from NO_MESSAGES. Literals joined by `+` are one message.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
export const PAGE: string = join(ROOT, 'docs/messages.md')

/** Of literals with a space in them that are no messages. */
const NO_MESSAGES =
  /^(PRIVATE KEY-----|CERTIFICATE-----|not base64|by \$\{\.\.\.\}|\$\{\.\.\.\} \$\{\.\.\.\}|2 .*|Bearer \$\{\.\.\.\}|instance \$\{\.\.\.\}|0 s|the answer)$|redis\.call|^https?:|\b(SELECT|INSERT|UPDATE|DELETE|CREATE)\b/

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

/** The literals of a source. */
function literalsOf(source: string): string[] {
  const literals: string[] = []
  // Each literal by its number, so that brackets can be counted.
  const code = source
    .replaceAll(TOKEN, (token) => (/^['"`]/.test(token) ? `\0${literals.push(contentOf(token)) - 1}\0` : ''))
    .replaceAll(/\0(\d+)\0(?:\s*\+\s*\0\d+\0)+/g, (joined) => {
      const parts = [...joined.matchAll(/\0(\d+)\0/g)].map(([, number]) => literals[Number(number)])
      return `\0${literals.push(parts.join('')) - 1}\0`
    })
  return [...code.matchAll(/\0(\d+)\0/g)].map(([, number]) => literals[Number(number)] ?? '')
}

/** A space between words. */
const isProse = (literal: string): boolean => /\S \S/.test(literal) && !NO_MESSAGES.test(literal)

const cell = (message: string): string =>
  message.replaceAll('${...}', '…').trim().replaceAll('|', '\\|').replaceAll('`', "'").replaceAll('\n', ' ')

/** Each message with its file, in the order of the files. */
const messages = ['lib', 'devtools/testing'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.ts'))
    .toSorted()
    .flatMap((file) =>
      [...new Set(literalsOf(readFileSync(join(ROOT, file), 'utf8')).filter(isProse))].map((message) => ({
        file,
        message,
      })),
    ),
)

/** The rows of the page. */
export const rows: readonly string[] = messages.map(({ file, message }) => `| \`${cell(message)}\` | \`${file}\` |`)

const HEAD = `# Messages

Every message of the package, for searching: errors, hints, cures and warnings. \`…\` stands for what varies, and many messages are joined
from several rows. [Troubleshooting](troubleshooting.md) explains them by symptom and by code. This page is generated from the sources.
`

if (process.argv[1] === import.meta.filename) {
  writeFileSync(PAGE, `${HEAD}\n| Message | In |\n| --- | --- |\n${rows.join('\n')}\n`)
}
