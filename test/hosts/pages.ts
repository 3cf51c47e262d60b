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
  /** Files that the page leaves to the project of its framework. */
  project?: Readonly<Record<string, string>>
  /** Those with the routes that only the table knows. */
  routes?: Readonly<Record<string, string>>
  /** Makes the command of the page listen on this port, where it does not read `PORT`. */
  onPort?: (command: string, port: string) => string
}

/** Users and events of the table say how they are to be treated. */
const FIND_USER: Edit = [
  /const findUser = .*\n/,
  `const findUser = ({ instanceId, subjectId }: WixIdentity): any => {
  // As an HTTP client fails: what it was answered is not the answer of the app.
  if (instanceId === 'broken')
    throw Object.assign(new Error('The database is gone'), {
      status: 401,
      statusCode: 401,
      headers: { 'www-authenticate': 'Basic', 'retry-after': '9' },
    })
  if (instanceId === 'unknown') return undefined
  if (instanceId === 'no-json') return { id: BigInt(1) }
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
const LATE = "{ name: 'late', secret: async () => 'secret-of-the-route' }"
const MORE_STRATEGIES = `
import { SessionTokens, WixDigestStrategy, WixServicePluginStrategy, WixSessionStrategy } from 'passport-wix-app'
const tokens = new SessionTokens({
  keys: () => JSON.parse(process.env['SESSION_KEYS'] ?? '[]'),
  issuer: 'https://your-backend.example',
  audience: 'your-api',
})
const signed = { appId: () => process.env['WIX_APP_ID'], publicKey: () => process.env['WIX_PUBLIC_KEY'] }
export const wixSession = new WixSessionStrategy({ tokens }, findUser)
export const wixPlugin = new WixServicePluginStrategy(signed)
export const wixDigest = new WixDigestStrategy({ publicKey: signed.publicKey })
`

/** Of the module with the strategies, where there is one. */
const MODULE: readonly Edit[] = [
  FIND_USER,
  HANDLE,
  [/$/, `${MORE_STRATEGIES}export const wixLate = new WixAppStrategy(${LATE}, findUser)\n`],
]

const ROUTES = { late: 'GET', token: 'GET', plugin: 'POST', digest: 'POST' } as const
const FETCH_ROUTES = `
type MoreRoute = (request: Request) => Promise<Response>
const route = (strategy: any, answer: (found: any) => object): MoreRoute => (request) =>
  authenticateRequest(request, strategy).then((found) => Response.json(answer(found)), toResponse)
export const late = route(wixLate, ({ user }) => ({ user }))
export const plugin = route(wixPlugin, ({ identity }) => identity.metadata)
export const digest = route(wixDigest, ({ identity }) => identity.body)
`
const TOKEN_ROUTE = 'export const token = route(wixAccessToken, ({ user }) => ({ user }))\n'
/** The same in a module of their own. */
const fetchRoutes = (wix: string): string => `
import { authenticateRequest, toResponse } from 'passport-wix-app/fetch'
import { wixAccessToken, wixDigest, wixLate, wixPlugin } from '${wix}'
${FETCH_ROUTES}${TOKEN_ROUTE}`
/** A file for each route. */
const routeFiles = (fileOf: (name: string) => string, code: (name: string, method: string) => string) =>
  Object.fromEntries(Object.entries(ROUTES).map(([name, method]) => [fileOf(name), code(name, method)]))

/** A session, where the page has access tokens alone. */
const withSession: readonly Edit[] = [
  [/import { wixAccessToken }/, 'import { wixAccessToken, wixSession }'],
  ['authenticateRequest(request, wixAccessToken)', 'authenticateRequest(request, [wixSession, wixAccessToken])'],
]

/** A program of one file under Passport: `more` are the routes of the table. */
const underPassport = (before: string, more: string, file = 'server.ts'): App => ({
  edits: {
    [file]: [
      FIND_USER,
      HANDLE,
      [
        /(?<=passport.use\(new WixWebhookStrategy.*\n)/,
        `${MORE_STRATEGIES}
for (const strategy of [wixSession, wixPlugin, wixDigest]) passport.use(strategy as any)
passport.use(new WixAppStrategy(${LATE}, findUser))
const lateSecret = { secret: 'secret-of-the-route', session: false }
`,
      ],
      ["'wix-access-token', noSession", "['wix-session', 'wix-access-token'], noSession"],
      [before, more + before],
    ],
  },
})

/** A program of one file with functions of Fetch: `more` are the routes of the table. */
const withFetch = (before: string, more: string, token = TOKEN_ROUTE): App => ({
  edits: {
    'server.ts': [
      FIND_USER,
      HANDLE,
      [
        /(?=const once)/,
        `${MORE_STRATEGIES}const wixLate = new WixAppStrategy(${LATE}, findUser)${FETCH_ROUTES}${token}`,
      ],
      [/(?<=authenticateRequest\([\w.]+, )(?=(strategies\.)?wixAccessToken\))/, '[wixSession, '],
      [/(?<=authenticateRequest\(.*wixAccessToken)(?=\))/, ']'],
      [before, more + before],
    ],
  },
})

const RECORD = "  'GET /late': late, 'GET /token': token, 'POST /plugin': plugin, 'POST /digest': digest,\n"

const NEST_ROUTES = `
import { Controller, Get, HttpCode, Post, Req, UseGuards } from '@nestjs/common'
import passport from 'passport'
import { WixAppStrategy, type WixIdentity } from 'passport-wix-app'
import { Wix } from './wix.guard.js'
${FIND_USER[1]}${MORE_STRATEGIES}
for (const strategy of [wixSession, wixPlugin, wixDigest]) passport.use(strategy as any)
class Late extends Wix('wix-app') {
  override getAuthenticateOptions() {
    return { secret: 'secret-of-the-route', session: false }
  }
}
@Controller()
export class MoreController {
  @Get('late') @UseGuards(Late)
  late(@Req() request: any) { return { user: request.user } }
  @Get('token') @UseGuards(Wix('wix-access-token'))
  token(@Req() request: any) { return { user: request.user } }
  @Post('plugin') @HttpCode(200) @UseGuards(Wix('wix-service-plugin'))
  plugin(@Req() request: any) { return request.user.metadata }
  @Post('digest') @HttpCode(200) @UseGuards(Wix('wix-digest'))
  digest(@Req() request: any) { return request.user.body }
}
`
/** As `nest new` writes it. */
const NEST_SETTINGS = {
  module: 'nodenext',
  target: 'es2023',
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  rootDir: 'src',
  outDir: 'dist',
}

/** As its template has them. */
const REACT_ROUTER_SETTINGS = {
  lib: ['DOM', 'ES2022'],
  types: ['node', 'vite/client'],
  target: 'ES2022',
  module: 'ES2022',
  moduleResolution: 'bundler',
  jsx: 'react-jsx',
  rootDirs: ['.', './.react-router/types'],
  verbatimModuleSyntax: true,
  noEmit: true,
  skipLibCheck: true,
  strict: true,
}

const EXPRESS_ROUTES = `app.get('/late', passport.authenticate('wix-app', { ...lateSecret, ...noSession }), (req: any, res) => void res.json({ user: req.user }))
app.get('/token', passport.authenticate('wix-access-token', { ...noSession }), (req: any, res) => void res.json({ user: req.user }))
app.post('/plugin', raw, passport.authenticate('wix-service-plugin', noSession), (req: any, res) => void res.json(req.user.metadata))
app.post('/digest', raw, passport.authenticate('wix-digest', noSession), (req: any, res) => void res.json(req.user.body))
`

const APPS: Readonly<Record<string, App>> = {
  express: underPassport('app.use(errorHandler(), onError)', EXPRESS_ROUTES),
  'express-middleware': { edits: {} },
  serverless: {
    edits: {
      ...underPassport('app.use(errorHandler(), onError)', EXPRESS_ROUTES, 'app.ts').edits,
      'azure.ts': [HANDLE],
    },
    // Functions Framework starts what is the main file of the package.
    project: { 'package.json': '{ "type": "module", "main": "functions.ts" }' },
  },
  node: underPassport(
    '  // A page that Wix opens',
    `  'GET /late': [passport.authenticate('wix-app', { ...lateSecret, ...noSession }), show],
  'GET /token': [passport.authenticate('wix-access-token', { ...noSession }), show],
  'POST /plugin': [passport.authenticate('wix-service-plugin', noSession), (req: any, res: any) => send(res, req.user.metadata)],
  'POST /digest': [passport.authenticate('wix-digest', noSession), (req: any, res: any) => send(res, req.user.body)],
`,
  ),
  fastify: underPassport(
    "  signed.post('/webhooks'",
    `  signed.get('/late', { preHandler: passport.authenticate('late', noSession) }, async ({ user }) => ({ user }))
  signed.get('/token', { preHandler: passport.authenticate('wix-access-token', { session: false }) }, async ({ user }) => ({ user }))
  signed.post('/plugin', { preHandler: passport.authenticate('wix-service-plugin', noSession) }, async ({ user }: any) => user.metadata)
  signed.post('/digest', { preHandler: passport.authenticate('wix-digest', noSession) }, async ({ user }: any) => user.body)
`,
  ),
  koa: underPassport(
    'const app = new Koa()',
    `router.get('/late', passport.authenticate('wix-app', lateSecret), (ctx) => void (ctx.body = { user: ctx.state.user }))
router.get('/token', passport.authenticate('wix-access-token', { session: false }), (ctx) => void (ctx.body = { user: ctx.state.user }))
router.post('/plugin', raw, passport.authenticate('wix-service-plugin', noSession), (ctx) => void (ctx.body = ctx.state.user.metadata))
router.post('/digest', raw, passport.authenticate('wix-digest', noSession), (ctx) => void (ctx.body = ctx.state.user.body))
`,
  ),
  nest: {
    // The routes of the table look at the environment before Nest reads the file.
    onPort: (command) => command.replace('node ', 'node --env-file=.env '),
    edits: {
      'src/wix.strategies.ts': [FIND_USER],
      'src/site.controller.ts': [HANDLE, ["'wix-access-token'", "'wix-session', 'wix-access-token'"]],
      'src/app.module.ts': [
        ['controllers: [SiteController]', 'controllers: [SiteController, MoreController]'],
        [/^/, "import { MoreController } from './more.controller.js'\n"],
      ],
    },
    project: { 'tsconfig.json': JSON.stringify({ compilerOptions: NEST_SETTINGS, include: ['src'] }) },
    routes: { 'src/more.controller.ts': NEST_ROUTES },
  },
  hono: withFetch(
    'app.onError',
    `app.get('/late', (c) => late(c.req.raw)).get('/token', (c) => token(c.req.raw))
app.post('/plugin', (c) => plugin(c.req.raw)).post('/digest', (c) => digest(c.req.raw))
`,
  ),
  bun: withFetch('  // A page that Wix opens', RECORD),
  deno: {
    ...withFetch('  // A page that Wix opens', RECORD),
    onPort: (command, port) =>
      command.replace('deno serve', `deno serve --node-modules-dir=manual --host=127.0.0.1 --port=${port}`),
  },
  workers: {
    ...withFetch(
      '    default:\n',
      Object.entries(ROUTES)
        .map(
          ([name, method]) =>
            `    case '${method} /${name}': return ${name === 'token' ? '(token as any)(strategies)' : name}(request)\n`,
        )
        .join(''),
      'const token = ({ wixAccessToken }: any) => route(wixAccessToken, ({ user }) => ({ user }))\n',
    ),
    onPort: (command, port) => `${command} --ip 127.0.0.1 --port ${port}`,
  },
  next: {
    edits: { 'lib/wix.ts': MODULE, 'app/userinfo/route.ts': withSession },
    project: {
      // The packages of the hosts are above.
      'tsconfig.json': '{ "compilerOptions": { "strict": true } }',
      'app/layout.tsx':
        'export default function Layout({ children }: any) { return <html lang="en"><body>{children}</body></html> }',
      'next.config.mjs': `export default { turbopack: { root: ${JSON.stringify(ROOT)} } }`,
    },
    routes: {
      'lib/fetch-routes.ts': fetchRoutes('./wix'),
      ...routeFiles(
        (name) => `app/${name}/route.ts`,
        (name, method) => `export { ${name} as ${method} } from '../../lib/fetch-routes'\n`,
      ),
    },
  },
  astro: {
    edits: { 'src/wix.ts': MODULE, 'src/pages/userinfo.ts': withSession },
    routes: {
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
    edits: { 'src/lib/server/wix.ts': MODULE, 'src/routes/userinfo/+server.ts': withSession },
    project: {
      'tsconfig.json': '{ "extends": "./.svelte-kit/tsconfig.json" }',
      'vite.config.js':
        "import { sveltekit } from '@sveltejs/kit/vite'\nexport default { plugins: [sveltekit()], logLevel: 'error' }",
      'src/app.html': '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
    },
    routes: {
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
  'react-router': {
    edits: {
      'app/wix.server.ts': MODULE,
      'app/routes/userinfo.ts': withSession,
      'app/routes.ts': [
        [
          'export default [',
          `export default [${Object.keys(ROUTES)
            .map((name) => `route('${name}', './routes/${name}.ts')`)
            .join(', ')},`,
        ],
      ],
    },
    project: {
      'tsconfig.json': JSON.stringify({
        compilerOptions: REACT_ROUTER_SETTINGS,
        include: ['app', '.react-router/types'],
      }),
      'package.json': JSON.stringify({ type: 'module', dependencies: { '@react-router/node': '*', isbot: '*' } }),
      'vite.config.ts':
        "import { reactRouter } from '@react-router/dev/vite'\nexport default { plugins: [reactRouter()] }",
      'app/root.tsx': "import { Outlet } from 'react-router'\nexport default function App() { return <Outlet /> }",
    },
    routes: {
      'app/fetch-routes.server.ts': fetchRoutes('./wix.server'),
      ...routeFiles(
        (name) => `app/routes/${name}.ts`,
        (name, method) => `
import { ${name} } from '../fetch-routes.server'
export const ${method === 'GET' ? 'loader' : 'action'} = ({ request }: any) => ${name}(request)
`,
      ),
    },
  },
}

/** All pages with apps. */
export const HOST_PAGES: readonly string[] = Object.keys(APPS).map((name) =>
  name === 'serverless' ? 'docs/serverless.md' : `docs/hosts/${name}.md`,
)

/** The files of a page, its commands in order, and its settings. */
export async function pageOf(path: string) {
  const text = await readFile(join(ROOT, path), 'utf8')
  const blocks = blocksOf(text)
  const of = (kind: string): string[] => blocks.filter(({ language }) => language === kind).map(({ code }) => code)
  return {
    files: filesOf(blocks),
    commands: of('sh').flatMap((code) => code.trim().split('\n')),
    settings: of('json'),
  }
}

/** What a project of a framework has before the page begins. */
const IN_PROJECT: Readonly<Record<string, RegExp>> = {
  nest: /^@nestjs\/|^@types\/express/,
  next: /^next/,
  astro: /^astro/,
  sveltekit: /^@sveltejs|^\$lib/,
  'react-router': /^@react-router|^react/,
}

/** The packages that a page installs, and those that its files import, with the types that these need. */
export async function installedBy(path: string): Promise<{ installs: string[]; imports: string[] }> {
  const { commands, files } = await pageOf(path)
  const installs = commands.flatMap((line) => /^(npm install|\w+ add) (.*)$/.exec(line)?.[2]?.split(' ') ?? [])
  const imports = [...files.values()]
    .flatMap((code) => code.match(/(?<= from ')(?:@[^/']+\/)?[^./'][^/']*/g) ?? [])
    .filter((name) => !name.startsWith('node:') && !IN_PROJECT[basename(path, '.md')]?.test(name))
  // What the types of Passport's hosts refer to.
  if (imports.some((name) => /^(@\w+\/)?passport$/.test(name))) imports.push('@types/passport')
  for (const name of ['express', 'koa', 'koa-passport']) if (imports.includes(name)) imports.push(`@types/${name}`)
  if (commands.some((line) => line.startsWith('npx tsx'))) imports.push('tsx')
  return { installs: installs.map((name) => name.replace(/^npm:/, '')), imports: [...new Set(imports)] }
}

/** Replaces what must be there once. */
function edited(name: string, code: string, edits: readonly Edit[]): string {
  return edits.reduce((text, [part, by]) => {
    const found = typeof part === 'string' ? text.split(part).slice(1) : text.match(new RegExp(part, 'g'))
    if (found?.length !== 1) throw new Error(`${name} does not have once: ${part}`)
    return text.replace(part, () => by)
  }, code)
}

/** Nothing is asked of, or sent to, who makes these tools. */
const QUIET = {
  CI: 'true',
  NEXT_TELEMETRY_DISABLED: '1',
  ASTRO_TELEMETRY_DISABLED: '1',
  WRANGLER_SEND_METRICS: 'false',
}

/** How a page is started, where it has more than one way. */
export interface PageStart {
  /** Such as `docs/hosts/express.md`. */
  page: string
  /** A folder with other versions of the packages. */
  parent?: string
  type?: 'module' | 'commonjs'
  edits?: readonly Edit[]
  /** The last command of the page becomes this one. */
  start?: (command: string) => string
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, code] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), code)
  }
}

/** The apps of pages, each in a folder of its own, built and started by the commands that its page says. */
export class Pages {
  private readonly _environment: NodeJS.ProcessEnv
  private readonly _settings: Readonly<Record<string, string>>
  private readonly _folders: string[] = []
  private readonly _running: Running[] = []

  constructor(settings: Readonly<Record<string, string>>) {
    const { NODE_OPTIONS: _options, ...inherited } = process.env
    const PATH = [...[HERE, ROOT].map((folder) => join(folder, 'node_modules/.bin')), inherited['PATH']].join(delimiter)
    this._environment = { ...inherited, PATH, NODE_ENV: 'production', ...QUIET }
    this._settings = settings
  }

  /** These files in a folder beside the packages of the hosts. */
  async folderOf(files: Readonly<Record<string, string>>, parent?: string): Promise<string> {
    const folder = await this._folder('types', parent === undefined ? {} : { parent })
    await writeFiles(folder, files)
    return folder
  }

  /** The app of a page as the page has it, in a folder. */
  async write(page: string): Promise<string> {
    const { files } = await pageOf(page)
    return this.folderOf({ ...Object.fromEntries(files), ...APPS[basename(page, '.md')]?.project })
  }

  /** Runs a command, without any variable of the app. */
  async run(command: string, folder: string): Promise<void> {
    await promisify(execFile)('sh', ['-c', command], { cwd: folder, env: this._environment })
  }

  /** Builds and starts the app of a page with what the table asks, and answers when it listens. */
  async start({ page, ...variant }: PageStart): Promise<Running> {
    const { files, commands: pageCommands, settings } = await pageOf(page)
    const { edits, project, routes, onPort } = APPS[basename(page, '.md')] as App
    const folder = await this._folder(page, variant)
    const written = [...files].map(([file, code]) => {
      const text = edited(`${file} of ${page}`, code, edits[file] ?? [])
      return [file, (variant.edits ?? []).reduce((changed, [part, by]) => changed.replace(part, by), text)]
    })
    const wrangler = settings.map((code) => ['wrangler.json', code])
    await writeFiles(folder, { ...Object.fromEntries([...written, ...wrangler]), ...project, ...routes })
    const commands = pageCommands
      .filter((line) => !/^(npm |bun add |deno add |node --test )/.test(line))
      .map((line) => line.replace(/^npx /, '').replace(' node_modules/', ' ../node_modules/'))
    const port = String(await freePort())
    const last = commands.pop() ?? ''
    const started = variant.start?.(last) ?? last
    const start = onPort?.(started, port) ?? started
    // Without a secret, as on the machines that build.
    const env = this._environment
    for (const command of commands) await promisify(execFile)('sh', ['-c', command], { cwd: folder, env })
    const quoted = (value: string) => (value.includes('"') ? `'${value}'` : `"${value}"`)
    const lines = Object.entries(this._settings).map(([variable, value]) => `${variable}=${quoted(value)}\n`)
    await writeFile(join(folder, '.env'), lines.join(''))
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
  private async _folder(page: string, { parent = '', type = 'module' }: Partial<PageStart>): Promise<string> {
    const folder = await mkdtemp(join(HERE, parent, `.page-${basename(page, '.md')}-`))
    this._folders.push(folder)
    const installed = join(folder, 'node_modules/passport-wix-app')
    for (const part of ['dist', 'package.json']) await cp(join(ROOT, part), join(installed, part), { recursive: true })
    for (const dependency of Object.keys(dependencies)) {
      await symlink(join(ROOT, 'node_modules', dependency), join(folder, 'node_modules', dependency))
    }
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type }))
    return folder
  }

  async close(): Promise<void> {
    for (const running of this._running) await running.close()
    for (const folder of this._folders) await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
