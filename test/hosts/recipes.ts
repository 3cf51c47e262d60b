/** The recipes of docs/frameworks.md as programs. Each also gets the routes that only the table of requests asks for, in the same form. */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Block, blocksOf, filesOf, Running } from '../support/docs-page.ts'
import { freePort } from '../support/free-port.ts'

const HERE = import.meta.dirname
const ROOT = join(HERE, '../..')

export const PAGE: string = join(ROOT, 'docs/frameworks.md')

/** The blocks of the page. */
export const blocks: readonly Block[] = blocksOf(await readFile(PAGE, 'utf8'))

/** The files of the page. */
export const recipes: ReadonlyMap<string, string> = filesOf(blocks)

/** The packages that the page installs for each host, beside those of all, and its files, in the order of the page. */
export const sections: ReadonlyArray<{ packages: readonly string[]; files: readonly string[] }> = blocks
  .reduce<Block[][]>((found, block) => {
    if (block.language === 'sh' && block.code.includes('npm install')) found.push([])
    found.at(-1)?.push(block)
    return found
  }, [])
  .map((part) => ({
    packages: part.flatMap(({ language, code }) =>
      language === 'sh' ? [...code.matchAll(/^npm install (.*)$/gm)].flatMap(([, names = '']) => names.split(' ')) : [],
    ),
    files: [...filesOf(part).keys()],
  }))

/** Its `tsconfig.json`. */
export const settings: { compilerOptions: object } = JSON.parse(
  blocks.find(({ language }) => language === 'json')?.code ?? '',
)

/** Replaces what must be there once. */
function edited(
  name: string,
  code: string,
  edits: ReadonlyArray<readonly [part: string | RegExp, by: string]>,
): string {
  return edits.reduce((text, [part, by]) => {
    if (text.split(part).length !== 2) throw new Error(`${name} of docs/frameworks.md does not have once: ${part}`)
    return text.replace(part, () => by)
  }, code)
}

/** What stands for the app in the table: users and events that say how they are to be treated. */
const APP = `
export const findUser = ({ instanceId, subjectId }: WixIdentity): any => {
  if (instanceId === 'broken') throw new Error('The database is gone')
  if (instanceId === 'unknown') return undefined
  const user = { id: subjectId, site: instanceId }
  return instanceId === 'slow' ? new Promise((resolve) => setTimeout(resolve, 5, user)) : user
}
`
const HANDLE = `
const attempts = new Map<unknown, number>()
const ended = new Set<unknown>()
export async function handle(identity: WixIdentity): Promise<object> {
  const { eventType, data } = identity as WixWebhookEvent
  const attempt = (attempts.get(data.id) ?? 0) + 1
  attempts.set(data.id, attempt)
  if (eventType === 'fails' && attempt === 1) throw new Error('The handler has failed')
  if (eventType === 'ends') ended.add(data.entityId)
  // In workerd no request can resolve a promise of another one.
  while (eventType === 'waits' && !ended.has(data.entityId)) await new Promise((resolve) => setTimeout(resolve, 2))
  return { received: eventType, attempt }
}
`
const MORE = `
import { WixDigestStrategy, WixServicePluginStrategy } from 'passport-wix-app'
const app = { appId: process.env['WIX_APP_ID'], publicKey: process.env['WIX_PUBLIC_KEY'] }
export const wixPlugin = new WixServicePluginStrategy(app)
export const wixDigest = new WixDigestStrategy({ publicKey: app.publicKey })
export const wixLate = new WixAppStrategy({ name: 'late', secret: async () => 'secret-of-the-route' }, findUser)
strategies.push(...([wixPlugin, wixDigest, wixLate] as any[]))
`
const wix = (): string =>
  edited('wix.ts', recipes.get('wix.ts') ?? '', [
    [/const findUser = .*\n/, APP],
    [/export async function handle[^]*?\n}\n/, HANDLE],
    [
      "{ appId: process.env['WIX_APP_ID'] }",
      "{ appId: process.env['WIX_APP_ID'], apiUrl: process.env['WIX_API_URL'] }",
    ],
  ]) + MORE

/** For the hosts of Fetch, in which these routes are the same. */
const FETCH_ROUTES = `
import { authenticateRequest, toResponse } from 'passport-wix-app/fetch'
import { wixAccessToken, wixDigest, wixLate, wixPlugin } from './wix.js'
type Route = (request: Request) => Promise<Response>
const route = (strategy: any, answer: (found: any) => object): Route => (request) =>
  authenticateRequest(request, strategy).then((found) => Response.json(answer(found)), toResponse)
export const late = route(wixLate, ({ user }) => ({ user }))
export const token = route(wixAccessToken, ({ user }) => ({ user }))
export const plugin = route(wixPlugin, ({ identity }) => identity.metadata)
export const digest = route(wixDigest, ({ identity }) => identity.body)
`
const IMPORT_ROUTES = "import { digest, late, plugin, token } from './fetch-routes.js'\n"

/** Serves functions of a \`Request\` as Next calls them. */
const served = (imports: string, routes: string): string => `
import { serve } from '@hono/node-server'
${IMPORT_ROUTES}${imports}
const routes: Record<string, (request: Request) => unknown> = {
  'GET /late': late, 'GET /token': token, 'POST /plugin': plugin, 'POST /digest': digest,
  ${routes}
}
const fetch = async (request: Request) =>
  (await routes[request.method + ' ' + new URL(request.url).pathname]?.(request)) as Response ?? new Response(null, { status: 404 })
serve({ fetch, port: Number(process.env['PORT']) })
`

const LATE = "{ secret: 'secret-of-the-route', session: false }"

const NEST_ROUTES = `
import { Controller, Get, HttpCode, Post, Req, UseGuards } from '@nestjs/common'
import { PassportStrategy } from '@nestjs/passport'
import { WixAccessTokenStrategy, type WixIdentity } from 'passport-wix-app'
import { wix } from './guards.js'
import { findUser } from './wix.js'
class TokenStrategy extends PassportStrategy(WixAccessTokenStrategy, 'site-token') {
  constructor() {
    super({ appId: process.env['WIX_APP_ID'], apiUrl: process.env['WIX_API_URL'] })
  }
  async validate(identity: WixIdentity) {
    return findUser(identity)
  }
}
export const providers = [TokenStrategy]
class Late extends wix('wix-app') {
  override getAuthenticateOptions() {
    return ${LATE}
  }
}
@Controller()
export class MoreController {
  @Get('late') @UseGuards(Late)
  late(@Req() request: any) { return { user: request.user } }
  @Get('token') @UseGuards(wix('site-token'))
  token(@Req() request: any) { return { user: request.user } }
  @Post('plugin') @HttpCode(200) @UseGuards(wix('wix-service-plugin'))
  plugin(@Req() request: any) { return request.user.metadata }
  @Post('digest') @HttpCode(200) @UseGuards(wix('wix-digest'))
  digest(@Req() request: any) { return request.user.body }
}
`
const nest = (name: string): [string, () => string] => [
  name,
  () =>
    edited(name, recipes.get(name) ?? '', [
      ['WebhooksController] })', 'WebhooksController, MoreController], providers })'],
      [
        "import { strategies } from './wix.js'",
        "import { strategies } from './wix.js'\nimport { MoreController, providers } from './nest-routes.js'",
      ],
    ]),
]

const express = (): string =>
  edited('express.ts', recipes.get('express.ts') ?? '', [
    [
      'app.use(onError)',
      `
app.get('/late', passport.authenticate('wix-app', ${LATE}), (req: any, res) => void res.json({ user: req.user }))
app.get('/token', authenticate('wix-access-token'), (req: any, res) => void res.json({ user: req.user }))
app.post('/plugin', raw, authenticate('wix-service-plugin'), (req: any, res) => void res.json(req.user.metadata))
app.post('/digest', raw, authenticate('wix-digest'), (req: any, res) => void res.json(req.user.body))
app.use(onError)`,
    ],
  ])

/** What each program is made of; everything else is as the page has it. */
const PROGRAMS: ReadonlyMap<string, () => string> = new Map<string, () => string>([
  ['wix.ts', wix],
  ['express.ts', express],
  ['express-4.ts', () => express().replace("from 'express'", "from 'express-4'")],
  [
    'node.ts',
    () =>
      edited('node.ts', recipes.get('node.ts') ?? '', [
        [
          'const routes = {',
          `const routes = {
  'GET /late': [passport.authenticate('wix-app', ${LATE}), show],
  'GET /token': [authenticate('wix-access-token'), show],
  'POST /plugin': [authenticate('wix-service-plugin'), (req: any, res: any) => send(res, req.user.metadata)],
  'POST /digest': [authenticate('wix-digest'), (req: any, res: any) => send(res, req.user.body)],`,
        ],
      ]),
  ],
  [
    'fastify.ts',
    () =>
      edited('fastify.ts', recipes.get('fastify.ts') ?? '', [
        [
          "  signed.post('/webhooks'",
          `
  signed.get('/late', { preHandler: authenticate('late') }, async ({ user }) => ({ user }))
  signed.get('/token', { preHandler: authenticate('wix-access-token') }, async ({ user }) => ({ user }))
  signed.post('/plugin', { preHandler: authenticate('wix-service-plugin') }, async ({ user }: any) => user.metadata)
  signed.post('/digest', { preHandler: authenticate('wix-digest') }, async ({ user }: any) => user.body)
  signed.post('/webhooks'`,
        ],
      ]),
  ],
  [
    'koa.ts',
    () =>
      edited('koa.ts', recipes.get('koa.ts') ?? '', [
        [
          'const app = ',
          `
router.get('/late', passport.authenticate('wix-app', ${LATE}), (ctx) => void (ctx.body = { user: ctx.state.user }))
router.get('/token', authenticate('wix-access-token'), (ctx) => void (ctx.body = { user: ctx.state.user }))
router.post('/plugin', raw, authenticate('wix-service-plugin'), (ctx) => void (ctx.body = ctx.state.user.metadata))
router.post('/digest', raw, authenticate('wix-digest'), (ctx) => void (ctx.body = ctx.state.user.body))
const app = `,
        ],
      ]),
  ],
  ['nest-routes.ts', () => NEST_ROUTES],
  nest('nest.ts'),
  nest('nest-fastify.ts'),
  ['fetch-routes.ts', () => FETCH_ROUTES],
  [
    'fetch.ts',
    () =>
      edited('fetch.ts', recipes.get('fetch.ts') ?? '', [
        ['const once', `${IMPORT_ROUTES}const once`],
        [
          'Promise<Response>> = {',
          "Promise<Response>> = {\n  'GET /late': late, 'GET /token': token, 'POST /plugin': plugin, 'POST /digest': digest,",
        ],
      ]),
  ],
  [
    'fetch-node.ts',
    () => `
import { serve } from '@hono/node-server'
import app from './fetch.js'
serve({ fetch: app.fetch, port: Number(process.env['PORT']) })
`,
  ],
  [
    'hono.ts',
    () =>
      edited('hono.ts', recipes.get('hono.ts') ?? '', [
        [
          'serve({',
          `${IMPORT_ROUTES}
app.get('/late', (c) => late(c.req.raw)).get('/token', (c) => token(c.req.raw))
app.post('/plugin', (c) => plugin(c.req.raw)).post('/digest', (c) => digest(c.req.raw))
serve({`,
        ],
      ]),
  ],
  [
    'next.ts',
    () =>
      served(
        `import { NextRequest } from 'next/server.js'
const nextOf = ({ url, method, headers, body }: Request) => new NextRequest(url, { method, headers, body, duplex: 'half' })
import { GET as dashboard } from './next-dashboard.js'
import { GET as userinfo } from './next-userinfo.js'
import { POST as webhooks } from './next-webhooks.js'`,
        `'GET /dashboard': (request) => dashboard(nextOf(request)),
  'GET /userinfo': (request) => userinfo(nextOf(request)),
  'POST /webhooks': (request) => webhooks(nextOf(request)),`,
      ),
  ],
])

/** Of the program `fetch.ts`, as one module. */
const WORKERD = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "internet", network = (allow = ["private"]))],
  sockets = [(name = "http", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-11-01",
  bindings = [
    ${['WIX_APP_ID', 'WIX_APP_SECRET', 'WIX_PUBLIC_KEY', 'WIX_API_URL', 'SESSION_KEYS']
      .map((name) => `(name = "${name}", fromEnvironment = "${name}")`)
      .join(', ')}
  ],
);
`
const BUNDLE = ['fetch.ts', '--bundle', '--format=esm', '--platform=node', '--outfile=worker.mjs', '--log-level=error']

/** A program of a package of the hosts. */
export const bin = (name: string): string => join(HERE, 'node_modules/.bin', name)

/** The files of Next: a route is a folder. It compiles each when it is asked for, from the whole checkout. */
const NEXT: ReadonlyMap<string, string> = new Map([
  ['next.config.mjs', `export default { turbopack: { root: ${JSON.stringify(ROOT)} } }`],
  ...['dashboard', 'userinfo', 'webhooks'].map(
    (name) => [`app/${name}/route.ts`, `export * from '../../next-${name}'`] as const,
  ),
  ...Object.entries({ late: 'GET', token: 'GET', plugin: 'POST', digest: 'POST' }).map(
    ([name, method]) => [`app/${name}/route.ts`, `export { ${name} as ${method} } from '../../fetch-routes'`] as const,
  ),
])

/** Turbopack takes the names of the sources. */
const forBundler = ([name, code]: readonly [string, string]): [string, string] => [
  name,
  code.replaceAll(/from '(\.\/[\w-]+)\.js'/g, "from '$1'"),
]

/** Whether a file of the page is one of the programs, or a part of one. */
export const isRun = (name: string): boolean =>
  PROGRAMS.has(name) ||
  [...recipes, ...[...PROGRAMS].map(([program, code]) => [program, code()] as const)].some(
    ([other, code]) => other !== name && code.includes(`from './${name.replace('.ts', '.js')}'`) && isRun(other),
  )

/** A folder with the programs, beside the packages of the hosts: those of the test, or of a folder in it. */
export async function folderIn(parent: string, programs: ReadonlyMap<string, string>): Promise<string> {
  await installPackage()
  const folder = await mkdtemp(join(HERE, parent, '.page-'))
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  for (const [name, code] of programs) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), code)
  }
  return folder
}

/** Puts the package where npm would, from this checkout: its types then find those of the hosts. Another test may do so meanwhile. */
async function installPackage(): Promise<void> {
  const folder = join(HERE, 'node_modules/passport-wix-app')
  await mkdir(folder, { recursive: true })
  for (const name of ['dist', 'package.json']) {
    const made = join(folder, `${name}.${randomUUID()}`)
    await (name === 'dist' ? symlink(join(ROOT, name), made) : cp(join(ROOT, name), made))
    await rename(made, join(folder, name))
  }
}

export interface Command {
  /** The folder whose packages the program gets. Default: that of the test. */
  folder?: string
  command: (port: string) => readonly string[]
  environment?: Readonly<Record<string, string>>
}

/** A program on Node. */
export const onNode = (program: string, folder = ''): Command => ({
  folder,
  command: () => [process.execPath, '--import', 'tsx', program],
})

/** The folders with the programs: one for each version of Nest. */
export class Recipes {
  private readonly _environment: NodeJS.ProcessEnv
  private readonly _folders: ReadonlyMap<string, string>
  private readonly _running: Running[] = []

  private constructor(folders: ReadonlyMap<string, string>, environment: NodeJS.ProcessEnv) {
    this._folders = folders
    this._environment = environment
  }

  static async open(environment: Readonly<Record<string, string>>): Promise<Recipes> {
    const { NODE_OPTIONS: _options, ...inherited } = process.env
    const programs = new Map([...recipes, ...[...PROGRAMS].map(([name, code]) => [name, code()] as const)])
    const folders = new Map<string, string>()
    for (const parent of ['', 'nest-11']) folders.set(parent, await folderIn(parent, programs))
    // Alone: to Next, a file `middleware.ts` is its own.
    const parts = [...programs].filter(([name]) => /^(wix|fetch-routes|next-.*)\.ts$/.test(name))
    folders.set('next', await folderIn('', new Map([...parts.map(forBundler), ...NEXT])))
    await writeFile(join(folders.get('') ?? '', 'workerd.capnp'), WORKERD)
    await promisify(execFile)(bin('esbuild'), BUNDLE, { cwd: folders.get('') })
    return new Recipes(folders, { ...inherited, ...environment, NODE_ENV: 'production' })
  }

  /** Starts a program, and answers when it listens. */
  async start({ folder = '', command, environment }: Command): Promise<Running> {
    const port = String(await freePort())
    const [executable = '', ...args] = command(port)
    const child = spawn(executable, args, {
      cwd: this._folders.get(folder),
      env: { ...this._environment, ...environment, PORT: port },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const running = new Running(`http://127.0.0.1:${port}`, child)
    this._running.push(running)
    return running.listening()
  }

  async close(): Promise<void> {
    for (const running of this._running) await running.close()
    for (const folder of this._folders.values()) await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}
