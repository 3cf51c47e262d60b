// npm run mutation -- [--concurrency N] [--fast] [FOLDER or FILE of lib/, or FILE:FIRST-LAST for some of its lines]...
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ALSO } from './specs.ts'
import { SURVIVORS } from './survivors.ts'

const ROOT = join(import.meta.dirname, '../..')
const WORK = 'coverage/mutation'

/** Of versions that run on Node 20 and beside TypeScript 7; that of Stryker does not know mocha 12. */
const STRYKER = [
  '--package=@stryker-mutator/core@9.6.1',
  '--package=@stryker-mutator/mocha-runner@9.6.1',
  '--package=mocha@11.8.0',
]

interface Position {
  line: number
  column: number
}
interface Mutant {
  replacement: string
  status: string
  location: { start: Position; end: Position }
}
interface Report {
  files: Record<string, { source: string; mutants: Mutant[] }>
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { concurrency: { type: 'string', default: '2' }, fast: { type: 'boolean', default: false } },
})

interface Part {
  file: string
  /** Such as `:10-20`; empty for the whole file. */
  lines: string
}

/** All files of lib/ that a path stands for. */
function filesOf(path: string): Part[] {
  const [lines = ''] = /:\d+-\d+$/.exec(path) ?? []
  const clean = path
    .slice(0, path.length - lines.length)
    .replaceAll('\\', '/')
    .replace(/\/$/, '')
  if (!/^lib(\/|$)/.test(clean) || !existsSync(join(ROOT, clean))) {
    console.error(`${path} is no file or folder of lib/`)
    process.exit(2)
  }
  if (statSync(join(ROOT, clean)).isFile()) return [{ file: clean, lines }]
  return (
    readdirSync(join(ROOT, clean), { recursive: true, encoding: 'utf8' })
      // An index only exports.
      .filter((name) => name.endsWith('.ts') && !name.endsWith('index.ts'))
      .map((name) => `${clean}/${name.replaceAll('\\', '/')}`)
      .toSorted()
      .map((file) => ({ file, lines: '' }))
  )
}

function specsOf(file: string): string[] {
  const own = file.replace(/^lib\//, 'test/').replace(/\.ts$/, '.test.ts')
  return [own, ...(ALSO[file] ?? [])].filter((spec) => existsSync(join(ROOT, spec)))
}

/** Lets Stryker mutate one file. */
async function mutate({ file, lines }: Part): Promise<Report['files'][string]> {
  const name = `${WORK}/${file.replaceAll('/', '-')}`
  const report = `${name}.json`
  const config = {
    mutate: [file + lines],
    testRunner: 'mocha',
    testRunnerNodeArgs: ['--import', 'tsx/esm'],
    // There is none: Stryker would read it with the compiler.
    tsconfigFile: 'none.json',
    coverageAnalysis: 'perTest',
    // What is computed when a file is loaded: each such mutant takes a process and all tests.
    ignoreStatic: values.fast,
    mochaOptions: { 'no-config': true, spec: specsOf(file) },
    ignorePatterns: ['dist', 'docs', 'example-app', 'bench', 'test/hosts', 'test/tools', 'test/prisma', 'coverage'],
    tempDirName: `${name}.sandbox`,
    concurrency: Number(values.concurrency),
    reporters: ['json'],
    jsonReporter: { fileName: report },
    timeoutMS: 10_000,
  }
  mkdirSync(join(ROOT, WORK), { recursive: true })
  const configFile = `${name}.config.json`
  writeFileSync(join(ROOT, configFile), JSON.stringify(config))
  const code = await new Promise<number | null>((resolve) => {
    const stryker = spawn('npm', ['exec', '--yes', ...STRYKER, '--', 'stryker', 'run', configFile], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      shell: process.platform === 'win32',
    })
    let said = ''
    stryker.stdout.on('data', (data) => (said += data))
    stryker.on('close', (exit) => {
      if (exit !== 0) console.error(said)
      resolve(exit)
    })
  })
  if (code !== 0) throw new Error(`Stryker failed for ${file}`)
  const { files } = JSON.parse(readFileSync(join(ROOT, report), 'utf8')) as Report
  return files[file] ?? { source: '', mutants: [] }
}

/** The code that a mutant replaces. */
function replaced(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const last = lines.length - 1
  lines[last] = (lines[last] ?? '').slice(0, end.column - 1)
  lines[0] = (lines[0] ?? '').slice(start.column - 1)
  return lines.join('\n')
}

const percent = (killed: number, all: number): number => (all === 0 ? 100 : (100 * killed) / all)

let killed = 0
let all = 0
for (const part of (positionals.length > 0 ? positionals : ['lib']).flatMap(filesOf)) {
  const start = performance.now()
  const { file } = part
  const { source, mutants } = await mutate(part)
  const survivors = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  const found = survivors.map(({ location, replacement, status }) => ({
    at: `${location.start.line}:${location.start.column}`,
    line: source.split('\n')[location.start.line - 1]?.trim(),
    mutant: `${replaced(source, location)} => ${replacement}`,
    status,
  }))
  const unexplained = found.filter(
    ({ line, mutant }) =>
      !SURVIVORS[file]?.some((known) => known.line === line && (known.mutants?.includes(mutant) ?? true)),
  )
  // A mutant that does what the code does is none.
  const ignored = mutants.filter(({ status }) => status === 'Ignored').length
  const counted = mutants.length - ignored - (found.length - unexplained.length)
  killed += counted - unexplained.length
  all += counted
  console.log(
    `${file}: ${counted - unexplained.length} of ${counted} killed, ` +
      `${percent(counted - unexplained.length, counted).toFixed(1)} %, ${found.length - unexplained.length} explained, ` +
      `${ignored} left out, ` +
      `${Math.round((performance.now() - start) / 1000)} s`,
  )
  for (const { at, mutant, status } of unexplained) console.log(`  ${at} ${status}: ${mutant.slice(0, 300)}`)
}
console.log(`${killed} of ${all} killed, ${percent(killed, all).toFixed(1)} %`)
process.exitCode = killed === all ? 0 : 1
