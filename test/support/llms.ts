import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
export const PAGE: string = join(ROOT, 'llms.txt')

// Tools read Markdown, not the pages that a forge makes of it.
const BASE = 'https://raw.githubusercontent.com/maxkoryukov/passport-wix-app/HEAD'

/** A page's title, and the sentence that it begins with. A page of a host begins with a command. */
function summaryOf(path: string): { title: string; sentence: string } {
  const [heading = '', first = ''] = readFileSync(join(ROOT, path), 'utf8').split(/\n\n+/)
  const title = heading.replace('# ', '')
  const plain = first.replaceAll(/\[([^\]]+)\](\([^)]*\)|\[[^\]]*\])/g, '$1').replaceAll('\n', ' ')
  const sentence = first.startsWith('```')
    ? `An app for ${title}, which signs in pages and calls, and takes webhooks.`
    : (/^.*?\.(?= |$)/.exec(plain)?.[0] ?? plain)
  return { title, sentence }
}

function line(path: string): string {
  const { title, sentence } = summaryOf(path)
  return `- [${title}](${BASE}/${path}): ${sentence}`
}

const pagesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name) => `${folder}/${name}`)

/** The map of the documentation for tools, in the form of https://llmstxt.org. */
export function llms(): string {
  const { title, sentence } = summaryOf('README.md')
  return (
    [
      `# ${title}`,
      `> ${sentence}`,
      `## Start\n\n${['README.md', 'CHANGELOG.md'].map(line).join('\n')}`,
      `## Pages\n\n${pagesOf('docs').map(line).join('\n')}`,
      `## Hosts\n\n${pagesOf('docs/hosts').map(line).join('\n')}`,
    ].join('\n\n') + '\n'
  )
}

if (process.argv[1] === import.meta.filename) writeFileSync(PAGE, llms())
