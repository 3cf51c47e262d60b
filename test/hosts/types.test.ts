import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { HOSTS } from '../support/programs.ts'
import { pageOf, Pages } from './pages.ts'

const ROOT = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** Strict, and what hosts set in their projects beside that. */
const OPTIONS = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  noImplicitOverride: true,
  noUnusedLocals: true,
  // Nest's own.
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  isolatedModules: true,
  noEmit: true,
  jsx: 'react-jsx',
}

/** Pages whose files name each other with `.js`, and those that leave it to a bundler. */
const PROJECTS = [
  {
    module: 'nodenext',
    pages: [
      'express',
      'express-middleware',
      'node',
      'fastify',
      'koa',
      'nest',
      'hono',
      'bun',
      'deno',
      'workers',
      '../serverless',
    ],
  },
  { module: 'preserve', pages: ['next', 'astro'] },
]

/** What the pages say of the types in words. */
const MORE = `
import { PassportStrategy } from '@nestjs/passport'
import fastifyPassport from '@fastify/passport'
import type { Request } from 'express'
import type { FastifyRequest } from 'fastify'
import koaPassport from 'koa-passport'
import { SessionTokens, WixAppStrategy, WixSessionStrategy, type WixInstance } from 'passport-wix-app'

const { WIX_APP_SECRET: secret } = process.env
const tokens = new SessionTokens({ keys: () => [], issuer: 'https://your-backend.example', audience: 'your-api' })
fastifyPassport.use(
  new WixAppStrategy<FastifyRequest>({ secret, passReqToCallback: true }, (request, { instanceId }) => {
    request.log.info(instanceId)
    return { id: request.id }
  }),
)
fastifyPassport.use(new WixSessionStrategy<FastifyRequest>({ tokens, tokenFromRequest: ({ headers }) => headers.authorization }))
koaPassport.use(new WixAppStrategy({ secret }, ({ instanceId }) => ({ instanceId })))

export class SiteStrategy extends PassportStrategy(WixAppStrategy, 'site') {
  constructor() {
    super({ secret })
  }
  validate({ instanceId }: WixInstance) {
    return { instanceId }
  }
}

export class TenantStrategy extends PassportStrategy(WixAppStrategy<Request>) {
  constructor(tenants: { secretOf(tenant: unknown): Promise<string> }) {
    super({ secret: ({ params }) => tenants.secretOf(params.tenant) })
  }
  validate({ instanceId }: WixInstance) {
    return { instanceId }
  }
}
`

const outputOf = (error: unknown): string => String((error as { stdout?: string }).stdout || error)

describeWith(HOSTS, 'The types of the pages docs/hosts/*.md', function (packages) {
  this.timeout(120_000)

  const compilers = new Map([
    ['5.4', join(packages, 'typescript-5.4/bin/tsc')],
    ['5.9', join(packages, 'typescript-5.9/bin/tsc')],
    ['6', join(packages, 'typescript-6/bin/tsc')],
    ['7', join(ROOT, 'node_modules/typescript/bin/tsc')],
  ])
  const pages = new Pages({})
  const compile = (compiler: string, folder: string): Promise<string> =>
    execute(process.execPath, [compiler, '--project', folder, '--pretty', 'false']).then(() => '', outputOf)
  const folders: string[] = []
  let nest11: string
  before(async () => {
    const typescript = filesOf(blocksOf(await readFile(join(ROOT, 'docs/typescript.md'), 'utf8')))
    const more = { 'more.ts': MORE, 'strategy.ts': typescript.get('strategy.ts') ?? '' }
    const project = async (names: readonly string[], module: string, files: object, parent?: string) => {
      const all = await Promise.all(
        names.map(async (name) =>
          [...(await pageOf(`docs/hosts/${name}.md`)).files].map(([file, code]) => [`${basename(name)}/${file}`, code]),
        ),
      )
      const settings = { compilerOptions: { ...OPTIONS, module }, include: ['**/*.ts', '**/*.tsx'] }
      return pages.folderOf(
        { ...Object.fromEntries(all.flat()), ...files, 'tsconfig.json': JSON.stringify(settings) },
        parent,
      )
    }
    for (const { module, pages: names } of PROJECTS)
      folders.push(await project(names, module, module === 'nodenext' ? more : {}))
    nest11 = await project(['nest'], 'nodenext', {}, 'nest-11')
  })
  after(() => pages.close())

  for (const [version, compiler] of compilers) {
    it(`compile with TypeScript ${version}`, async () => {
      expect((await Promise.all(folders.map((folder) => compile(compiler, folder)))).join('')).to.equal('')
    })
  }

  it('compile with Nest 11', async () => expect(await compile(compilers.get('7') ?? '', nest11)).to.equal(''))

  for (const [name, command] of [
    ['sveltekit', 'svelte-kit sync'],
    ['react-router', 'react-router typegen'],
  ] as const) {
    it(`compile with those that ${name} makes`, async () => {
      const folder = await pages.write(`docs/hosts/${name}.md`)
      await pages.run(command, folder)
      expect(await compile(compilers.get('5.9') ?? '', folder)).to.equal('')
    })
  }
})
