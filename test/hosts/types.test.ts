import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { HOSTS } from '../support/programs.ts'
import { folderIn, recipes, settings } from './recipes.ts'

const ROOT = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** Those of the page, and what hosts set in their projects beside them. */
const OPTIONS = {
  ...settings.compilerOptions,
  noImplicitOverride: true,
  noUnusedLocals: true,
  // Nest's own.
  emitDecoratorMetadata: true,
  isolatedModules: true,
  // The package of this checkout is a link.
  preserveSymlinks: true,
  noEmit: true,
}

/** What the page says of the types in words. */
const MORE = `
import { PassportStrategy } from '@nestjs/passport'
import fastifyPassport from '@fastify/passport'
import type { FastifyRequest } from 'fastify'
import koaPassport from 'koa-passport'
import { WixAppStrategy, WixSessionStrategy, type WixInstance } from 'passport-wix-app'
import { sessions } from './wix.js'

const { WIX_APP_SECRET: secret } = process.env
fastifyPassport.use(
  new WixAppStrategy<FastifyRequest>({ secret, passReqToCallback: true }, (request, { instanceId }) => {
    request.log.info(instanceId)
    return { id: request.id }
  }),
)
fastifyPassport.use(new WixSessionStrategy<FastifyRequest>({ tokens: sessions, tokenFromRequest: ({ headers }) => headers.authorization }))
koaPassport.use(new WixAppStrategy({ secret }, ({ instanceId }) => ({ instanceId })))

export class SiteStrategy extends PassportStrategy(WixAppStrategy, 'site') {
  constructor() {
    super({ secret })
  }
  validate({ instanceId }: WixInstance) {
    return { instanceId }
  }
}
`

/** All TypeScript of the page, and of the page about TypeScript what names Fastify. */
async function project(parent: string, include: readonly string[]): Promise<string> {
  const typescript = filesOf(blocksOf(await readFile(join(ROOT, 'docs/typescript.md'), 'utf8')))
  const folder = await folderIn(
    parent,
    new Map([...recipes, ['more.ts', MORE], ['strategy.ts', typescript.get('strategy.ts') ?? '']]),
  )
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include }))
  return folder
}

describeWith(HOSTS, 'The types of the recipes', function (packages) {
  this.timeout(120_000)

  const compile = (compiler: string, folder: string): Promise<string> =>
    execute(process.execPath, [compiler, '--project', folder, '--pretty', 'false']).then(
      () => '',
      (error: unknown) => String((error as { stdout?: string }).stdout ?? error),
    )
  const compilers = new Map([
    ['5.4', join(packages, 'typescript-5.4/bin/tsc')],
    ['5.9', join(packages, 'typescript-5.9/bin/tsc')],
    ['6', join(packages, 'typescript-6/bin/tsc')],
    ['7', join(ROOT, 'node_modules/typescript/bin/tsc')],
  ])
  const folders = new Map<string, string>()
  const complaints = new Map<string, Promise<string>>()
  before(async () => {
    folders.set('', await project('', ['*.ts']))
    folders.set('nest-11', await project('nest-11', ['nest*.ts']))
    // All at once: each takes one core for some seconds.
    for (const [version, compiler] of compilers) complaints.set(version, compile(compiler, folders.get('') ?? ''))
  })
  after(async () => {
    for (const folder of folders.values()) await rm(folder, { recursive: true, force: true })
  })

  for (const [version] of compilers) {
    it(`compile with TypeScript ${version}`, async () => expect(await complaints.get(version)).to.equal(''))
  }

  it('compile with Nest 11', async () => {
    expect(await compile(compilers.get('7') ?? '', folders.get('nest-11') ?? '')).to.equal('')
  })
})
