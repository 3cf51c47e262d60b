import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { generateAppKeys, WixSimulator } from '../../devtools/testing/index.ts'
import { freePort } from './free-port.ts'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')

/** What the programs of all pages find in their environment. */
export const APP_ID = 'my-app'
export const APP_SECRET = 'my-secret'
export const APP_KEYS: Readonly<{ publicKey: string; privateKey: string }> = generateAppKeys()

type Environment = Readonly<Record<string, string>>
type RunEnvironment = Readonly<{ server?: Running; [name: string]: string | Running | undefined }>

/** The test of one page: `test/support/docs/<name of the page>.ts` exports one by default. */
export interface PageTest {
  /** Programs that are type-checked and not run, each with the reason. */
  compiledOnly?: Readonly<Record<string, string>>
  /** `sh` blocks that are not run: a part of the block, and the reason. */
  notRun?: Readonly<Record<string, string>>
  /** Declarations for the type check: a module that is not installed here. */
  ambient?: string
  /** Where the blocks are compiled and run, if not here: their packages are not those of the root. */
  testedIn?: string
  /** The same for single files: each with its test. */
  elsewhere?: Readonly<Record<string, string>>
  /** Leaves the parameters of functions in `.mjs`, `.cjs` and `.js` without a type. TypeScript is always checked in full. */
  implicitAny?: true
  /** What the page claims, each a sentence, in order. A program that one has started runs until the page is done. */
  claims: Readonly<Record<string, (page: Page) => Promise<void>>>
}

export interface Block {
  language: string
  code: string
  /** Where it begins, for messages. */
  line: number
}

/** Every fenced block of a page. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: (Block & { fence: string }) | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent, fence, language] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (open !== undefined) {
      if (fence === open.fence && language === '') {
        blocks.push({ language: open.language, code: open.code, line: open.line })
        open = undefined
      } else open.code += `${line}\n`
    } else if (fence !== undefined) {
      if (indent !== '') throw new Error(`line ${index + 1}: a block inside of something else is not tested`)
      open = { language: language?.trim() ?? '', code: '', line: index + 1, fence }
    }
  }
  if (open !== undefined) throw new Error(`line ${open.line}: a block without an end`)
  return blocks
}

const PROGRAMS: ReadonlySet<string> = new Set(['js', 'mjs', 'cjs', 'ts', 'tsx', 'javascript', 'typescript'])
/** What a program reads, or a database: a test takes it by {@link Page.read}. */
const DATA: ReadonlySet<string> = new Set(['sql', 'prisma'])
const NOT_RUN: ReadonlySet<string> = new Set(['text', 'log', 'http', 'json', 'dockerfile', 'nginx'])
const NAME = /^(?:\/\/|--) ([\w.+/-]+\.(?:[mc]?[jt]s|tsx|sql|prisma))(, continued)?$/

/** Where a program has this line, its further blocks go: above its error handler, which comes last. */
const MARK = '// The blocks below go here\n'

/** The files that the blocks of a page make, by name. */
export function filesOf(blocks: readonly Block[]): Map<string, string> {
  const files = new Map<string, string>()
  for (const { language, code, line } of blocks) {
    if (PROGRAMS.has(language) || DATA.has(language)) {
      const [, name, continued] = NAME.exec(code.split('\n')[0] ?? '') ?? []
      if (name === undefined) throw new Error(`line ${line}: the first line must be "// FILE" or "// FILE, continued"`)
      const before = files.get(name)
      if ((before === undefined) === (continued !== undefined)) {
        throw new Error(`line ${line}: ${name} is ${continued ? 'continued, and was never opened' : 'opened twice'}`)
      }
      const parts = before?.split(MARK) ?? []
      files.set(name, parts.length > 1 ? parts.join(code + MARK) : `${before ?? ''}${code}`)
    } else if (language === 'json') JSON.parse(code)
    else if (language !== 'sh' && !NOT_RUN.has(language)) {
      throw new Error(`line ${line}: a block of the kind "${language}" is neither run nor compiled`)
    }
  }
  return files
}

/** Sends what a program asks of Wix, or of `https://your-backend.example`, to this machine, and nothing anywhere else. */
const PRELOAD = `
const hosts = JSON.parse(process.env.DOCS_HOSTS)
const { fetch } = globalThis
const https = process.getBuiltinModule('node:https')
https.request = (url, options) => {
  const { origin, hostname, pathname, search } = new URL(url)
  if (hosts[origin] === undefined) throw new TypeError('no host ' + hostname + ' in this test')
  return process.getBuiltinModule('node:http').request(hosts[origin] + pathname + search, options)
}
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { origin, hostname, pathname, search } = new URL(request.url)
  const to = hosts[origin]
  if (to !== undefined) return fetch(new Request(to + pathname + search, request), init)
  if (!/^(localhost|127\\.0\\.0\\.1)$/.test(hostname)) throw new TypeError('fetch failed: no host ' + hostname + ' in this test')
  return fetch(input, init)
}
`

/** In JavaScript, `req.user` is what the callback found, and JSON is what was sent; in TypeScript both need a type. */
const DYNAMIC = /'req\.user' is possibly 'undefined'|on type '(User( \| undefined)?|unknown)'/

const LOCAL = 'http://localhost:3000'

/** In front of the command of an app, whose environment is here that of the test. test/devtools/newcomer.test.ts runs it. */
const SIMULATE = 'npx passport-wix-app simulate -- '

const children = new Set<ChildProcess>()

/** The whole group: a shell may stand between. */
const kill = (child: ChildProcess): void => {
  if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 'SIGKILL')
}
// Also when the tests are stopped half way.
process.once('exit', () => children.forEach(kill))

/** `curl URL` and `curl -i URL`, for a machine without curl. */
const CURL = `
const [option, url = option] = process.argv.slice(2)
const response = await fetch(url)
if (option === '-i') console.log(\`HTTP/1.1 \${response.status} \${response.statusText}\n\`)
process.stdout.write(await response.text())
`
const WITH_CURL = 'command -v curl >/dev/null || curl() { node curl.mjs "$@"; }\n'

/** A program of the page that listens. */
export class Running {
  readonly url: string
  /** All that it has printed so far. */
  output = ''
  readonly child: ChildProcess

  constructor(url: string, child: ChildProcess) {
    this.url = url
    this.child = child
    children.add(child)
    child.once('exit', () => children.delete(child))
    child.stdout?.on('data', (data) => (this.output += String(data)))
    child.stderr?.on('data', (data) => (this.output += String(data)))
  }

  ask(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init)
  }

  /** Waits until this is in the output: a log may come after the response. */
  async printed(text: RegExp): Promise<RegExpExecArray> {
    for (const end = Date.now() + 60_000; ;) {
      const found = text.exec(this.output)
      if (found !== null) return found
      if (Date.now() > end) throw new Error(`${text} is not in:\n${this.output}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async listening(): Promise<this> {
    for (const end = Date.now() + 60_000; ;) {
      if (this.child.exitCode !== null) throw new Error(`the program has ended:\n${this.output}`)
      if (Date.now() > end) {
        kill(this.child)
        throw new Error(`the program does not listen on PORT:\n${this.output}`)
      }
      const response = await fetch(this.url).catch(() => undefined)
      if (response !== undefined) {
        await response.body?.cancel()
        return this
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async close(): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    kill(child)
    await exit
  }
}

/** A page of the documentation, taken apart and put into a folder of its own. */
export class Page {
  readonly blocks: readonly Block[]
  readonly files: ReadonlyMap<string, string>
  readonly folder: string
  /** Wix on this machine: each `fetch` of `https://www.wixapis.com` in a program of the page goes there. */
  readonly wix: WixSimulator
  /** Origins that the page names, and what they are in the test, for the programs that are started afterwards. */
  readonly hosts: Record<string, string>
  private readonly _test: PageTest
  private readonly _ran = new Set<string | Block>()
  private readonly _running = new Map<string, Promise<Running>>()

  private constructor(
    blocks: readonly Block[],
    files: ReadonlyMap<string, string>,
    folder: string,
    wix: WixSimulator,
    test: PageTest,
  ) {
    this.blocks = blocks
    this.files = files
    this.folder = folder
    this.wix = wix
    this.hosts = { 'https://www.wixapis.com': wix.url }
    this._test = test
  }

  static async open(path: string, test: PageTest, parent: string): Promise<Page> {
    const blocks = blocksOf(await readFile(path, 'utf8'))
    const files = filesOf(blocks)
    const wix = await WixSimulator.start({ appId: APP_ID, appSecret: APP_SECRET })
    const folder = join(parent, basename(path, '.md'))
    const page = new Page(blocks, files, folder, wix, test)
    await mkdir(folder)
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await page.write('package.json', '{ "private": true, "type": "module" }')
    await page.write('preload.mjs', PRELOAD)
    await page.write('curl.mjs', CURL)
    for (const [name, code] of page.files) await page.write(name, code)
    return page
  }

  async close(): Promise<void> {
    for (const running of this._running.values()) await (await running.catch(() => undefined))?.close()
    await this.wix.close()
  }

  /** A file beside those of the page: data, or what a program of the page stands on in the test. */
  write(name: string, content: string): Promise<void> {
    return writeFile(join(this.folder, name), content)
  }

  /** The content of a file of the page that is no program: SQL. The test does with it what the page says. */
  read(name: string): string {
    this._ran.add(name)
    return this.files.get(name) ?? ''
  }

  /** What the compiler complains about; nothing when all is well. */
  async compile(): Promise<string> {
    const { ambient = '', implicitAny, elsewhere = {} } = this._test
    const names = [...this.files.keys()].filter((name) => /s$|x$/.test(name) && !Object.hasOwn(elsewhere, name))
    const inBrowser = (name: string): boolean => name.startsWith('page')
    const isJavaScript = (name: string): boolean => name.endsWith('js')
    await this.write('ambient.d.ts', ambient)
    const programs: Array<[files: string[], options: object]> = [
      [names.filter((name) => !inBrowser(name) && !isJavaScript(name)), { lib: ['es2023'], types: ['node'] }],
      [
        names.filter((name) => !inBrowser(name) && isJavaScript(name)),
        { lib: ['es2023'], types: ['node'], noImplicitAny: !implicitAny },
      ],
      [names.filter(inBrowser), { lib: ['es2023', 'dom', 'dom.iterable'], types: [], noImplicitAny: false }],
    ]
    const complaints = programs.map(async ([files, options], index) => {
      if (files.length === 0) return ''
      const project = `tsconfig.${index}.json`
      const compilerOptions = {
        target: 'es2022',
        module: 'nodenext',
        strict: true,
        allowJs: true,
        checkJs: true,
        noEmit: true,
        skipLibCheck: true,
        ...options,
      }
      await this.write(project, JSON.stringify({ compilerOptions, files: [...files, 'ambient.d.ts'] }))
      return execute(process.execPath, [tsc, '--project', project, '--pretty', 'false'], { cwd: this.folder }).then(
        () => '',
        (error: unknown) => String((error as { stdout?: string }).stdout ?? error),
      )
    })
    return (await Promise.all(complaints))
      .join('')
      .split(/^(?=\S)/m)
      .filter((complaint) => !/^\S+js\(/.test(complaint) || !DYNAMIC.test(complaint))
      .join('')
  }

  private _environment(more: Environment): NodeJS.ProcessEnv {
    const { NODE_OPTIONS: _options, ...inherited } = process.env
    return {
      ...inherited,
      WIX_APP_ID: APP_ID,
      WIX_APP_SECRET: APP_SECRET,
      WIX_PUBLIC_KEY: APP_KEYS.publicKey,
      NODE_OPTIONS: `--import=${join(this.folder, 'preload.mjs')}`,
      DOCS_HOSTS: JSON.stringify(this.hosts),
      ...more,
    }
  }

  private async _listen(command: string, args: readonly string[], environment: Environment): Promise<Running> {
    const port = String(await freePort())
    const child = spawn(command, args, {
      cwd: this.folder,
      env: this._environment({ PORT: port, ...environment }),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Running(`http://127.0.0.1:${port}`, child).listening()
  }

  private _arguments(name: string): string[] {
    if (!this.files.has(name)) throw new Error(`the page has no file ${name}`)
    this._ran.add(name)
    return [...(name.endsWith('ts') ? ['--import', 'tsx'] : []), name]
  }

  /** Starts a file of the page that listens on `PORT`; the same one is started once. */
  start(name: string, environment: Environment = {}): Promise<Running> {
    const key = JSON.stringify([name, environment])
    const running = this._running.get(key) ?? this._listen(process.execPath, this._arguments(name), environment)
    this._running.set(key, running)
    return running
  }

  /** The same with a file of {@link Page.write}, which contains one of the page. */
  startWritten(name: string, covers: string, environment: Environment = {}): Promise<Running> {
    this._arguments(covers)
    const running = this._listen(process.execPath, [name], environment)
    this._running.set(name, running)
    return running
  }

  /** Runs a file of the page to its end, and answers what it printed. `http://localhost:3000` is the server, if one is named. */
  run(name: string, environment: RunEnvironment = {}): Promise<string> {
    return this._execute(this._arguments(name), environment)
  }

  /** The same with a file of {@link Page.write}, which imports one of the page. */
  execute(name: string, covers: string, environment: RunEnvironment = {}): Promise<string> {
    this._arguments(covers)
    return this._execute([...(name.endsWith('ts') ? ['--import', 'tsx'] : []), name], environment)
  }

  private async _execute(args: readonly string[], { server, ...environment }: RunEnvironment): Promise<string> {
    const hosts = JSON.stringify({ ...this.hosts, ...(server && { [LOCAL]: server.url }) })
    const env = this._environment({ DOCS_HOSTS: hosts, ...(environment as Environment) })
    const { stdout } = await execute(process.execPath, args, { cwd: this.folder, env, timeout: 100_000 })
    return stdout
  }

  private _shell(part: string, server?: Running): string {
    const found = this.blocks.filter(({ language, code }) => language === 'sh' && code.includes(part))
    const [block] = found
    if (block === undefined || found.length > 1) throw new Error(`${found.length} sh blocks have "${part}", not one`)
    this._ran.add(block)
    for (const name of this.files.keys())
      if (block.code.includes(` ${name}`) || block.code.includes(` ./${name}`)) this._ran.add(name)
    const code = block.code.replace(SIMULATE, '')
    return server === undefined ? code : code.replaceAll(LOCAL, server.url)
  }

  /** Starts a server as the one `sh` block that contains `part` says. */
  startShell(part: string, environment: Environment = {}): Promise<Running> {
    const running = this._running.get(part) ?? this._listen('sh', ['-c', this._shell(part)], environment)
    this._running.set(part, running)
    return running
  }

  /** Runs the one `sh` block that contains `part`, and answers what it printed. `http://localhost:3000` is the server. */
  async shell(part: string, server?: Running, environment: Environment = {}): Promise<string> {
    const env = this._environment(environment)
    const { stdout } = await execute('sh', ['-ec', WITH_CURL + this._shell(part, server)], {
      cwd: this.folder,
      env,
      timeout: 100_000,
    })
    return stdout
  }

  /** The blocks that were neither run nor excused, and the excuses without a block. What a program imports runs with it. */
  leftOut(): string[] {
    const { notRun = {}, elsewhere = {} } = this._test
    const compiledOnly = { ...this._test.compiledOnly, ...elsewhere }
    for (const name of this._ran) {
      const code = typeof name === 'string' ? (this.files.get(name) ?? '') : ''
      for (const [, imported = ''] of code.matchAll(/^import .*'\.\/(.+)'$/gm)) this._ran.add(imported)
    }
    const shells = this.blocks.filter(({ language }) => language === 'sh')
    return [
      ...[...this.files.keys()].filter((name) => !this._ran.has(name) && !Object.hasOwn(compiledOnly, name)),
      ...Object.keys(compiledOnly).filter((name) => !this.files.has(name) || this._ran.has(name)),
      ...shells
        .filter((block) => !this._ran.has(block) && !Object.keys(notRun).some((part) => block.code.includes(part)))
        .map(({ code, line }) => `line ${line}: ${code}`),
      ...Object.keys(notRun).filter((part) => !shells.some(({ code }) => code.includes(part))),
    ]
  }
}
