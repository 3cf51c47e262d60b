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
import Default, { errorHandler, identityOf, requireIdentity, refusalOf, SessionTokens } from 'passport-wix-app'
import { generateSessionKey, instanceVerifier, type WixIdentity, type WixWebhookEvent } from 'passport-wix-app'
import { WixAccessTokenStrategy, type WixAccessTokenStrategyOptions } from 'passport-wix-app'
import { WixAppStrategy, type WixAppStrategyOptions } from 'passport-wix-app'
import { WixDigestStrategy, type WixDigestStrategyOptions } from 'passport-wix-app'
import { WixServicePluginStrategy, type WixServicePluginStrategyOptions } from 'passport-wix-app'
import { WixSessionStrategy, type WixSessionStrategyOptions } from 'passport-wix-app'
import { WixWebhookStrategy, type WixWebhookStrategyOptions } from 'passport-wix-app'
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
passport.use(new WixAppStrategy({ secret: () => process.env.WIX_APP_SECRET }, findUser))
passport.use(
  new WixAppStrategy({ secret: async (req) => req.get('x-secret') ?? '', passReqToCallback: true }, (req, { uid }) => ({
    id: null,
    site: req.path + uid,
  })),
)
passport.use(new WixAccessTokenStrategy({ appId }, findUser))
passport.use(new WixWebhookStrategy({ publicKey }))
passport.use(new WixWebhookStrategy({ publicKey: () => process.env.WIX_PUBLIC_KEY }, findUser))
passport.use(new WixServicePluginStrategy({ publicKey, appId }))
passport.use(new WixServicePluginStrategy({ publicKey, appId }, ({ metadata }) => ({ id: null, site: metadata.instanceId })))
passport.use(new WixDigestStrategy({ publicKey }))
passport.use(new WixDigestStrategy({ publicKey }, () => ({ id: null, site: '' })))

export const start = async (): Promise<SessionTokens> => {
  const tokens = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'me', audience: 'api' })
  passport.use(new WixSessionStrategy({ tokens }))
  passport.use(new WixSessionStrategy({ tokens }, findUser))
  passport.use(new WixSessionStrategy({ jwksUri: 'https://localhost', issuer: 'me', audience: 'api' }))
  const session: WixSessionStrategyOptions = { tokens }
  passport.use(new WixSessionStrategy(session))
  passport.use(new WixSessionStrategy(session, findUser))
  return tokens
}

// Options that are declared by their type fit the constructor.
const app: WixAppStrategyOptions = { secret }
passport.use(new WixAppStrategy(app, findUser))
const accessToken = (options: WixAccessTokenStrategyOptions) => new WixAccessTokenStrategy(options, findUser)
passport.use(accessToken({ appId }))
const webhook: WixWebhookStrategyOptions = { publicKey }
passport.use(new WixWebhookStrategy(webhook))
passport.use(new WixWebhookStrategy(webhook, findUser))
const plugin: WixServicePluginStrategyOptions = { publicKey, appId }
passport.use(new WixServicePluginStrategy(plugin))
passport.use(new WixServicePluginStrategy(plugin, findUser))
const digest: WixDigestStrategyOptions = { publicKey }
passport.use(new WixDigestStrategy(digest))
passport.use(new WixDigestStrategy(digest, () => ({ id: null, site: '' })))

// In routes.
const server = express()
server.get(
  '/dashboard',
  passport.authenticate('wix-app', { session: false, failWithError: true }),
  requireIdentity({ subjectType: ['USER', 'MEMBER'] }),
  requireIdentity((identity) => identity.instanceId !== ''),
  (req, res) => {
    const identity: WixIdentity = identityOf(req)
    const event: WixWebhookEvent = identityOf(req, WixWebhookStrategy)
    const site: string | undefined = req.user?.site
    res.json({ site, info: userInfoOf(identity), type: event.eventType, code: refusalOf(req)?.code })
  },
)
server.use(errorHandler())

export async function GET(request: globalThis.Request): Promise<globalThis.Response> {
  try {
    const { user, identity } = await authenticateRequest(request, new WixAppStrategy<globalThis.Request>({ secret }, findUser))
    return globalThis.Response.json({ id: null, site: user.site, uid: identity.uid, info: userInfoOf(identity, { locale: 'de' }) })
  } catch (error) {
    return toResponse(error)
  }
}

export const verify = async (value: string): Promise<string> => (await instanceVerifier({ secret })(value)).instanceId
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

const MISTAKES_HEAD = `
import { requireIdentity, type SessionTokens, WixAccessTokenStrategy, WixAppStrategy } from 'passport-wix-app'
import { WixSessionStrategy, WixWebhookStrategy } from 'passport-wix-app'
declare global {
  namespace Express {
    interface User {
      id: string | null
      site: string
    }
  }
}
declare const row: { id: string; site: string | null }
declare const tokens: SessionTokens
`
/** Each mistake in a line of its own, and what must be in the message about it. */
const MISTAKES: ReadonlyMap<string, RegExp> = new Map([
  [`new WixAppStrategy({ secret: '' }, () => ({ id: '' }))`, /Property 'site' is missing in type '{ id: string; }'/],
  [`new WixAppStrategy({ secret: '' }, async () => row)`, /Type 'null' is not assignable to type 'string'/],
  [`new WixAccessTokenStrategy({ appId: '' }, async () => ({ id: '' }))`, /Property 'site' is missing in type/],
  [`new WixWebhookStrategy({ publicKey: '' }, async () => ({ id: '' }))`, /Property 'site' is missing in type/],
  [`new WixSessionStrategy({ tokens }, async () => ({ id: '' }))`, /Property 'site' is missing in type/],
  [
    `new WixAppStrategy({ secret: '' }, async () => ({ name: '' }))`,
    /is not assignable to type '(?=.*\bvoid\b).*\bUser\b/,
  ],
  [`new WixAppStrategy({ secrets: '' }, () => null)`, /'secrets' does not exist in type 'WixAppStrategyOptions</],
  [`new WixAccessTokenStrategy({ appId: '' })`, /Expected 2 arguments, but got 1/],
  [`new WixAppStrategy({ secret: '' })`, /verify is missing: pass it as the last argument/],
  [`requireIdentity({ subjectType: 'OWNER' })`, /Type '"OWNER"' is not assignable to type '.*\bSubjectType\b/],
])

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
      const settings = modules.flatMap(([module]) => [true, false].map((strict) => ({ module, strict })))
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
        for (const strict of [true, false]) {
          it(`compile with "module": "${module}" and "strict": ${strict}${isRefused ? ', but in CommonJS' : ''}`, () => {
            const lines = (complaints.get(module + strict) ?? 'nothing was compiled').split('\n')
            expect(lines.filter((line) => !IN_COMMONJS.test(line)).join('\n')).to.equal('')
            expect(lines.some((line) => IN_COMMONJS.test(line))).to.equal(isRefused)
          })
        }
      }
    })
  }

  // TypeScript 7 shows the last overload alone, and those before it all.
  for (const version of ['5.9', '7']) {
    it(`make TypeScript ${version} name the mistake, for those that are made most`, async () => {
      const lines = [...MISTAKES.keys()]
      await consumer.write('mistakes.mts', [MISTAKES_HEAD, ...lines].join('\n'))
      const args = ['--skipLibCheck', '--types', 'node', '--module', 'nodenext', '--strict', 'mistakes.mts']
      const [complaints = ''] = await compile(version, [args])
      const parts = complaints.split(/^(?=mistakes)/m)
      const first = MISTAKES_HEAD.split('\n').length + 1
      for (const [index, line] of lines.entries()) {
        const said = parts.find((part) => part.startsWith(`mistakes.mts(${first + index},`))
        expect(said, line).to.match(MISTAKES.get(line) ?? /^$/)
        if (version === '7') expect(said, line).to.not.match(/passReqToCallback|IdentityPredicate/)
      }
      expect(complaints.match(/^mistakes/gm)).to.have.length(lines.length)
    })
  }

  it('compile without any other types where the libraries are checked, with the oldest compiler', async () => {
    const alone = await Consumer.make({ 'package.json': '{ "private": true }', 'alone.mts': ALONE })
    const [complaints] = await compile('5.4', [['--module', 'nodenext', '--strict', 'alone.mts']], alone)
    await alone.close()
    expect(complaints).to.equal('')
  })
})
