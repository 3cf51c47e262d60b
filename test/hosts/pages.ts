/** The pages docs/hosts/*.md as apps. Each also gets the routes that only the table of requests asks for, in the same form. */
import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { blocksOf, filesOf, Running } from '../support/docs-page.ts'
import { freePort } from '../support/free-port.ts'

const HERE = import.meta.dirname
const ROOT = join(HERE, '../..')
const { dependencies }: { dependencies: object } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))

type Edit = readonly [part: string | RegExp, by: string]

/** What makes the app of a page the one that the table of requests asks. */
interface App {
  /** What the files of the page become. */
  edits: Readonly<Record<string, readonly Edit[]>>
  /** Files that the page leaves to the project of its framework, and the routes that only the table knows. */
  files: Readonly<Record<string, string>>
}

/** Users and events of the table say how they are to be treated. */
const FIND_USER: Edit = [
  /const findUser = .*\n/,
  `const findUser = ({ instanceId, subjectId }: WixIdentity): any => {
  if (instanceId === 'broken') throw new Error('The database is gone')
  if (instanceId === 'unknown') return undefined
  const user = { id: subjectId, site: instanceId }
  return instanceId === 'slow' ? new Promise((resolve) => setTimeout(resolve, 5, user)) : user
}
`,
]
const HANDLE: Edit = [
  /(export )?async function handle[^]*?\n}\n/,
  `const attempts = new Map<unknown, number>()
const ended = new Set<unknown>()
export async function handle({ eventType, data }: WixWebhookEvent): Promise<object> {
  const attempt = (attempts.get(data.id) ?? 0) + 1
  attempts.set(data.id, attempt)
  if (eventType === 'fails' && attempt === 1) throw new Error('The handler has failed')
  if (eventType === 'ends') ended.add(data.entityId)
  // In workerd no request can resolve a promise of another one.
  while (eventType === 'waits' && !ended.has(data.entityId)) await new Promise((resolve) => setTimeout(resolve, 2))
  return { received: eventType, attempt }
}
`,
]
const MORE_STRATEGIES = `
import { SessionTokens, WixDigestStrategy, WixServicePluginStrategy, WixSessionStrategy } from 'passport-wix-app'
const tokens = new SessionTokens({
  keys: () => JSON.parse(process.env['SESSION_KEYS'] ?? '[]'),
  issuer: 'https://your-backend.example',
  audience: 'your-api',
})
export const wixSession = new WixSessionStrategy({ tokens }, findUser)
export const wixPlugin = new WixServicePluginStrategy({ appId, publicKey })
export const wixDigest = new WixDigestStrategy({ publicKey })
export const wixLate = new WixAppStrategy({ name: 'late', secret: async () => 'secret-of-the-route' }, findUser)
`
/** Of the module with the strategies. */
const STRATEGIES: readonly Edit[] = [
  FIND_USER,
  HANDLE,
  ['WixAccessTokenStrategy({ appId }', "WixAccessTokenStrategy({ appId, apiUrl: process.env['WIX_API_URL'] }"],
  [/$/, MORE_STRATEGIES],
]

const ROUTES = { late: 'GET', token: 'GET', plugin: 'POST', digest: 'POST' } as const
/** For hosts of Fetch. */
const fetchRoutes = (wix: string): string => `
import { authenticateRequest, toResponse } from 'passport-wix-app/fetch'
import { wixAccessToken, wixDigest, wixLate, wixPlugin } from '${wix}'
type Route = (request: Request) => Promise<Response>
const route = (strategy: any, answer: (found: any) => object): Route => (request) =>
  authenticateRequest(request, strategy).then((found) => Response.json(answer(found)), toResponse)
export const late = route(wixLate, ({ user }) => ({ user }))
export const token = route(wixAccessToken, ({ user }) => ({ user }))
export const plugin = route(wixPlugin, ({ identity }) => identity.metadata)
export const digest = route(wixDigest, ({ identity }) => identity.body)
`
/** A file for each route. */
const routeFiles = (fileOf: (name: string) => string, code: (name: string, method: string) => string) =>
  Object.fromEntries(Object.entries(ROUTES).map(([name, method]) => [fileOf(name), code(name, method)]))

/** A session, where the page has access tokens alone. */
const withSession: readonly Edit[] = [
  [/import { wixAccessToken }/, 'import { wixAccessToken, wixSession }'],
  ['authenticateRequest(request, wixAccessToken)', 'authenticateRequest(request, [wixSession, wixAccessToken])'],
]

const APPS: Readonly<Record<string, App>> = {
  astro: {
    edits: { 'src/wix.ts': STRATEGIES, 'src/pages/userinfo.ts': withSession },
    files: {
      'src/fetch-routes.ts': fetchRoutes('./wix'),
      ...routeFiles(
        (name) => `src/pages/${name}.ts`,
        (name, method) => `
import { ${name} } from '../fetch-routes'
export const prerender = false
export const ${method} = ({ request }: any) => ${name}(request)
`,
      ),
    },
  },
  sveltekit: {
    edits: { 'src/lib/server/wix.ts': STRATEGIES, 'src/routes/userinfo/+server.ts': withSession },
    files: {
      'vite.config.js':
        "import { sveltekit } from '@sveltejs/kit/vite'\nexport default { plugins: [sveltekit()], logLevel: 'error' }",
      'src/app.html': '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
      'src/lib/server/fetch-routes.ts': fetchRoutes('./wix'),
      ...routeFiles(
        (name) => `src/routes/${name}/+server.ts`,
        (name, method) => `
import { ${name} } from '$lib/server/fetch-routes'
export const ${method} = ({ request }: any) => ${name}(request)
`,
      ),
    },
  },
}

/** Replaces what must be there once. */
function edited(name: string, code: string, edits: readonly Edit[]): string {
  return edits.reduce((text, [part, by]) => {
    const found = typeof part === 'string' ? text.split(part).slice(1) : text.match(new RegExp(part, 'g'))
    if (found?.length !== 1) throw new Error(`${name} does not have once: ${part}`)
    return text.replace(part, () => by)
  }, code)
}

/** The apps of pages, each in a folder of its own, built and started by the commands that its page says. */
export class Pages {
  private readonly _environment: NodeJS.ProcessEnv
  private readonly _settings: Readonly<Record<string, string>>
  private readonly _folders: string[] = []
  private readonly _running: Running[] = []

  constructor(settings: Readonly<Record<string, string>>) {
    const { NODE_OPTIONS: _options, ...inherited } = process.env
    const PATH = [join(HERE, 'node_modules/.bin'), inherited['PATH']].join(delimiter)
    this._environment = { ...inherited, PATH, NODE_ENV: 'production' }
    this._settings = settings
  }

  /** Builds and starts the app of a page `docs/hosts/NAME.md`, and answers when it listens. */
  async start(path: string): Promise<Running> {
    const blocks = blocksOf(await readFile(join(ROOT, path), 'utf8'))
    const name = basename(path, '.md')
    const { edits, files } = APPS[name] as App
    const folder = await this._folder(name)
    const page = [...filesOf(blocks)].map(([file, code]) => [
      file,
      edited(`${file} of ${name}.md`, code, edits[file] ?? []),
    ])
    for (const [file = '', code = ''] of [...page, ...Object.entries(files)]) {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), code)
    }
    const commands = blocks
      .flatMap(({ language, code }) => (language === 'sh' ? code.trim().split('\n') : []))
      .filter((line) => !line.startsWith('npm '))
      .map((line) => line.replace(/^npx /, ''))
    const start = commands.pop() ?? ''
    // Until `secret`, `publicKey` and `appId` may be functions whose types allow undefined.
    const env = { ...this._environment, ...this._settings }
    for (const command of commands) await promisify(execFile)('sh', ['-c', command], { cwd: folder, env })
    const quoted = (value: string) => (value.includes('"') ? `'${value}'` : `"${value}"`)
    const lines = Object.entries(this._settings).map(([variable, value]) => `${variable}=${quoted(value)}\n`)
    await writeFile(join(folder, '.env'), lines.join(''))
    const port = String(await freePort())
    const child = spawn('sh', ['-c', start], {
      cwd: folder,
      env: { ...this._environment, HOST: '127.0.0.1', PORT: port },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const running = new Running(`http://127.0.0.1:${port}`, child)
    this._running.push(running)
    return running.listening()
  }

  /** With the package as npm installs it: bundlers treat a link in another way. Those of the hosts are in the folder above. */
  private async _folder(name: string): Promise<string> {
    const folder = await mkdtemp(join(HERE, `.page-${name}-`))
    this._folders.push(folder)
    const installed = join(folder, 'node_modules/passport-wix-app')
    for (const part of ['dist', 'package.json']) await cp(join(ROOT, part), join(installed, part), { recursive: true })
    for (const dependency of Object.keys(dependencies)) {
      await symlink(join(ROOT, 'node_modules', dependency), join(folder, 'node_modules', dependency))
    }
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    return folder
  }

  async close(): Promise<void> {
    for (const running of this._running) await running.close()
    for (const folder of this._folders) await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
