import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { TOOLS } from '../support/programs.ts'
import { Consumer, ROOT } from './consumer.ts'

const filesIn = async (page: string): Promise<Map<string, string>> =>
  filesOf(blocksOf(await readFile(join(ROOT, page), 'utf8')))

/** Programs of the documentation, which are compiled as well. */
const PAGES = new Map([
  ['typescript', { page: 'docs/typescript.md', file: 'app.ts' }],
  ['express', { page: 'docs/hosts/express.md', file: 'server.ts' }],
  ['next', { page: 'docs/hosts/next.md', file: 'lib/wix.ts' }],
])
const NAMES = ['program', ...PAGES.keys()]
const TYPES = ['express', 'passport', '@types/express', '@types/passport', '@types/node']

/** What users write, on every subpath; it only has to compile. */
const PROGRAM = `
import express from 'express'
import passport from 'passport'
import Default, { identityOf, requireIdentity, SessionTokens } from 'passport-wix-app'
import { generateSessionKey, type WixIdentity } from 'passport-wix-app'
import { WixAccessTokenStrategy } from 'passport-wix-app'
import { WixAppStrategy } from 'passport-wix-app'
import { WixDigestStrategy } from 'passport-wix-app'
import { WixServicePluginStrategy } from 'passport-wix-app'
import { WixSessionStrategy } from 'passport-wix-app'
import { WixWebhookStrategy } from 'passport-wix-app'
import { authenticateRequest, toResponse, userInfoOf } from 'passport-wix-app/fetch'
import { startSimulator } from 'passport-wix-app/simulator'
import { generateAppKeys, signInstance, WixSimulator } from 'passport-wix-app/testing'

// The same as in docs/typescript.md: a program has one.
declare global {
  namespace Express {
    interface User {
      id: string | null
      site: string
    }
  }
}
const findUser = async ({ instanceId }: WixIdentity): Promise<Express.User | undefined> => ({ id: null, site: instanceId })
const { WIX_APP_SECRET: secret, WIX_APP_ID: appId, WIX_PUBLIC_KEY: publicKey } = process.env

// With options and with functions in them, with verify and without.
passport.use(new Default({ secret }, ({ instanceId }) => ({ id: null, site: instanceId })))
passport.use(new WixAppStrategy({ secret }, findUser))
passport.use(new WixAppStrategy({ secret }, ({ instanceId }, done) => void done(null, { id: null, site: instanceId })))
passport.use(
  new WixAppStrategy({ secret: async (req) => req.get('x-secret') ?? '', passReqToCallback: true }, (req, { uid }) => ({
    id: null,
    site: req.path + uid,
  })),
)
passport.use(new WixAccessTokenStrategy({ appId }, findUser))
passport.use(new WixWebhookStrategy({ publicKey }))
passport.use(new WixServicePluginStrategy({ publicKey, appId }))
passport.use(new WixServicePluginStrategy({ publicKey, appId }, ({ metadata }) => ({ id: null, site: metadata.instanceId })))
passport.use(new WixDigestStrategy({ publicKey }))
passport.use(new WixDigestStrategy({ publicKey }, () => ({ id: null, site: '' })))

export const start = async (): Promise<SessionTokens> => {
  const tokens = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'me', audience: 'api' })
  passport.use(new WixSessionStrategy({ tokens }))
  passport.use(new WixSessionStrategy({ tokens }, findUser))
  passport.use(new WixSessionStrategy({ jwksUri: 'https://localhost', issuer: 'me', audience: 'api' }))
  return tokens
}

// In routes.
const server = express()
server.get(
  '/dashboard',
  passport.authenticate('wix-app', { session: false, failWithError: true }),
  requireIdentity({ subjectType: ['USER', 'MEMBER'] }),
  requireIdentity((identity) => identity.instanceId !== ''),
  (req, res) => {
    const identity: WixIdentity = identityOf(req)
    const site: string | undefined = req.user?.site
    res.json({ site, info: userInfoOf(identity) })
  },
)

export async function GET(request: globalThis.Request): Promise<globalThis.Response> {
  try {
    const { user, identity } = await authenticateRequest(request, new WixAppStrategy<globalThis.Request>({ secret }, findUser))
    return globalThis.Response.json({ id: null, site: user.site, uid: identity.uid, info: userInfoOf(identity, { locale: 'de' }) })
  } catch (error) {
    return toResponse(error)
  }
}

export const { privateKey } = generateAppKeys()
export const instance = signInstance({ instanceId: 'site-1', permissions: 'OWNER' }, 'secret')
export const wix = (): Promise<WixSimulator> => WixSimulator.start({ appId: 'my-app', appSecret: 'secret' })
export const simulator = startSimulator
`

/** All there is. */
const ALONE = `
export * from 'passport-wix-app'
export * from 'passport-wix-app/fetch'
export * from 'passport-wix-app/testing'
export * from 'passport-wix-app/simulator'
`

/** Each setting of `module`, since when it exists, its options, what it compiles, and since when it takes the package in CommonJS. */
const MODULES = new Map<
  string,
  { since?: number; options?: readonly string[]; files: readonly string[]; requires: number }
>([
  ['commonjs', { files: ['ts'], requires: 5.4 }],
  ['node16', { files: ['mts', 'cts'], requires: Infinity }],
  ['node20', { since: 5.9, files: ['mts', 'cts'], requires: 5.9 }],
  ['nodenext', { files: ['mts', 'cts'], requires: 5.8 }],
  ['preserve', { options: ['--moduleResolution', 'bundler'], files: ['mts', 'cts'], requires: 5.4 }],
])
const VERSIONS = ['5.4', '5.8', '5.9', '6', '7']
const COMMON = ['--noEmit', '--pretty', 'false', '--target', 'es2022', '--esModuleInterop']

const IN_COMMONJS = /^\S+\.cts\(.*error TS(1479|1541): /

describeWith(TOOLS, 'The types of the package', function (packages) {
  this.timeout(120_000)
  let consumer: Consumer

  /** What a compiler says to each of the lists of arguments. */
  async function compile(
    version: string,
    lists: ReadonlyArray<readonly string[]>,
    project = consumer,
  ): Promise<string[]> {
    if (version === '7') {
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
      return Promise.all(lists.map(async (args) => (await project.run([tsc, ...COMMON, ...args])).output))
    }
    const compiler = join(packages, `typescript-${version}/lib/typescript.js`)
    const settings = lists.map((args) => JSON.stringify([...COMMON, ...args]))
    const { code, output } = await project.run([join(import.meta.dirname, 'compile.mjs'), compiler, ...settings])
    if (code !== 0) throw new Error(output)
    return JSON.parse(output) as string[]
  }

  before(async () => {
    const programs = new Map([['program', PROGRAM]])
    for (const [name, { page, file }] of PAGES) {
      const code = (await filesIn(page)).get(file)
      if (code === undefined) throw new Error(`${page} has no file ${file}`)
      programs.set(name, code)
    }
    const files = ['ts', 'mts', 'cts'].flatMap((extension) =>
      [...programs].map(([name, code]) => [`${name}.${extension}`, code]),
    )
    consumer = await Consumer.make(
      { 'package.json': '{ "private": true }', ...Object.fromEntries(files) },
      { ours: TYPES },
    )
  })
  after(() => consumer.close())

  for (const version of VERSIONS) {
    describe(`for TypeScript ${version}`, () => {
      const modules = [...MODULES].filter(([, { since = 0 }]) => Number(version) >= since)
      const settings = modules.flatMap(([module]) => [true].map((strict) => ({ module, strict })))
      let complaints: ReadonlyMap<string, string>
      before(async () => {
        const said = await compile(
          version,
          settings.map(({ module, strict }) => {
            const { options = [], files = [] } = MODULES.get(module) ?? {}
            const names = files.flatMap((extension) => NAMES.map((name) => `${name}.${extension}`))
            const args = ['--skipLibCheck', '--types', 'node', '--module', module, ...options]
            return [...args, '--strict', String(strict), ...names]
          }),
        )
        complaints = new Map(settings.map(({ module, strict }, index) => [module + strict, said[index] ?? '']))
      })

      for (const [module, { requires }] of modules) {
        const isRefused = Number(version) < requires
        for (const strict of [true]) {
          it(`compile with "module": "${module}" and "strict": ${strict}${isRefused ? ', but in CommonJS' : ''}`, () => {
            const lines = (complaints.get(module + strict) ?? 'nothing was compiled').split('\n')
            expect(lines.filter((line) => !IN_COMMONJS.test(line)).join('\n')).to.equal('')
            expect(lines.some((line) => IN_COMMONJS.test(line))).to.equal(isRefused)
          })
        }
      }
    })
  }

  it('compile without any other types where the libraries are checked, with the oldest compiler', async () => {
    const alone = await Consumer.make({ 'package.json': '{ "private": true }', 'alone.mts': ALONE })
    const [complaints] = await compile('5.4', [['--module', 'nodenext', '--strict', 'alone.mts']], alone)
    await alone.close()
    expect(complaints).to.equal('')
  })
})
