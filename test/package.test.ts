import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { instance } from './support/build.ts'
import { blocksOf, filesOf } from './support/docs-page.ts'
import { freePort } from './support/free-port.ts'

const root = join(import.meta.dirname, '..')
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')
const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>
}
const execute = promisify(execFile)
const npm = (cwd: string, ...args: string[]) => execute('npm', [...args, '--no-audit', '--no-fund'], { cwd })

describe('the packed package, installed in an empty folder', function () {
  this.timeout(300_000)
  let folder: string
  let files: string[]
  let tarball: string

  const install = (...names: string[]) =>
    npm(
      folder,
      'install',
      '--prefer-offline',
      '--ignore-scripts',
      ...names.map((name) => `${name}@${devDependencies[name]}`),
    )
  /** Runs a program there; resolves to what it printed. */
  const runs = async (name: string, code: string): Promise<string> => {
    await writeFile(join(folder, name), code)
    return (await execute(process.execPath, [name], { cwd: folder })).stdout.trim()
  }
  /** Type-checks a program there; resolves to the messages of the compiler. */
  const compiles = async (file: string, ...options: string[]): Promise<string> => {
    const strict = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--target',
      'es2022',
    ]
    try {
      await execute(process.execPath, [tsc, ...strict, '--skipLibCheck', 'false', ...options, file], { cwd: folder })
      return ''
    } catch (error) {
      return (error as { stdout: string }).stdout
    }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    const packed = await npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
    const [info] = JSON.parse(packed.stdout) as Array<{ filename: string; files: Array<{ path: string }> }>
    files = (info?.files ?? []).map(({ path }) => path)
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    tarball = join(folder, info?.filename ?? '')
    await npm(folder, 'install', '--prefer-offline', tarball)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('holds what users need and no more', () => {
    expect(files).to.include.members([
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
    ])
    expect(
      files.filter(
        (path) =>
          !/^(dist\/(lib|devtools)\/.*\.(js|d\.ts)|dist\/devtools\/simulator\/public\/[a-z]+\.(html|css|svg)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(
            path,
          ),
      ),
    ).to.deep.equal([])
  })

  it('is imported by default and by name', async () => {
    const code = `
      import WixAppStrategy, { Strategy, WixAppStrategy as Named } from 'passport-wix-app'
      import { authenticateRequest } from 'passport-wix-app/fetch'
      import { signInstance } from 'passport-wix-app/testing'
      const functions = [authenticateRequest, signInstance].map((one) => typeof one)
      console.log(WixAppStrategy === Strategy, Strategy === Named, new Strategy(() => {}).name, ...functions)`
    expect(await runs('import.mjs', code)).to.equal('true true wix-app function function')
  })

  it('is required, and is then the same', async () => {
    const code = `
      const { Strategy, WixAppStrategy } = require('passport-wix-app')
      import('passport-wix-app').then((module) => console.log(Strategy === WixAppStrategy, Strategy === module.default))`
    expect(await runs('require.cjs', code)).to.equal('true true')
  })

  it('has a command', async () => {
    const args = ['--no', 'passport-wix-app', 'inspect', '--json', 'a.b']
    const ran = await execute('npx', args, { cwd: folder }).catch((error: unknown) => error)
    const { stdout, code } = ran as { stdout: string; code: number }
    expect(code).to.equal(1)
    expect(JSON.parse(stdout)).to.include({ kind: 'instance', verdict: 'refused', code: 'token_malformed' })
  })

  it('compiles without any other types, also where the libraries are checked', async () => {
    const code = `
      import { instanceVerifier, WixAppStrategy } from 'passport-wix-app'
      export { authenticateRequest, handleOnce, toResponse } from 'passport-wix-app/fetch'
      export { signWebhook, WixSimulator } from 'passport-wix-app/testing'
      export const id: Promise<string> = instanceVerifier({ secret: 'secret' })('text').then(({ instanceId }) => instanceId)
      export default new WixAppStrategy({ secret: 'secret' }, (instance) => ({ id: instance.instanceId }))`
    await writeFile(join(folder, 'alone.mts'), code)
    for (const how of [
      ['--module', 'nodenext'],
      ['--module', 'esnext', '--moduleResolution', 'bundler'],
    ]) {
      expect(await compiles('alone.mts', ...how, '--types', '')).to.equal('')
    }
  })

  it('accepts what users write in TypeScript and rejects what is wrong, under nodenext and bundler', async () => {
    await install('express', 'passport', '@types/express', '@types/passport', '@types/node')
    await cp(join(root, 'test/types/consumer.ts'), join(folder, 'consumer.mts'))
    expect(await compiles('consumer.mts', '--module', 'nodenext', '--declaration')).to.equal('')
    expect(await compiles('consumer.mts', '--module', 'esnext', '--moduleResolution', 'bundler')).to.equal('')
    const common = `import { WixAppStrategy } from 'passport-wix-app'\nexport const strategy = new WixAppStrategy(() => null)\n`
    await writeFile(join(folder, 'common.cts'), common)
    expect(await compiles('common.cts', '--module', 'nodenext')).to.equal('')
  })

  it('is refused by npm next to Passport 0.5, and installed together with 0.7', async () => {
    const old = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    const add = (...names: string[]) => npm(old, 'install', '--prefer-offline', '--ignore-scripts', ...names)
    await writeFile(join(old, 'package.json'), '{ "private": true }')
    await add('passport@0.5.3')
    const refused: unknown = await add(tarball).catch((error: unknown) => error)
    expect(refused)
      .to.have.property('stderr')
      .that.matches(/ERESOLVE[^]*peerOptional passport@">=0\.6\.0"/)
    await add(tarball, 'passport@0.7.0')
    await rm(old, { recursive: true })
  })

  describe('with the first example of the README', () => {
    let readme: string
    before(async () => {
      readme = await readFile(join(root, 'README.md'), 'utf8')
      await install('express', 'passport')
    })
    const server = (): string => filesOf(blocksOf(readme)).get('server.mjs') ?? ''
    const SIGN = `
      import { signInstance } from 'passport-wix-app/testing'
      console.log(signInstance({ instanceId: 'site-1', uid: 'me', permissions: 'OWNER' }, 'my-secret'))`

    it('signs in with a genuine instance, and with nothing else', async () => {
      await writeFile(join(folder, 'server.mjs'), server())
      const signed = await runs('sign.mjs', SIGN)
      const port = String(await freePort())
      const running = execFile(process.execPath, ['server.mjs'], {
        cwd: folder,
        env: { ...process.env, WIX_APP_SECRET: 'my-secret', PORT: port },
      })
      try {
        const ask = async (query: string): Promise<globalThis.Response> => {
          for (;;) {
            if (running.exitCode !== null) throw new Error('the server exited')
            try {
              return await fetch(`http://127.0.0.1:${port}/dashboard${query}`)
            } catch {
              await new Promise((resolve) => setImmediate(resolve))
            }
          }
        }
        const welcome = await ask(`?instance=${signed}`)
        expect(welcome.status).to.equal(200)
        expect(await welcome.text()).to.equal('<h1>Hello!</h1><p>You are me on the site site-1.</p>')
        expect((await ask('?instance=forged')).status).to.equal(401)
        expect((await ask(`?instance=${instance()}`)).status).to.equal(401)
        expect((await ask('')).status).to.equal(401)
      } finally {
        running.kill()
      }
    })

    it('says at start-up that the secret is missing', async () => {
      await writeFile(join(folder, 'server.mjs'), server())
      const { WIX_APP_SECRET: _, ...env } = process.env
      const failed = await execute(process.execPath, ['server.mjs'], { cwd: folder, env }).catch(
        (error: unknown) => error,
      )
      expect(failed).to.have.property('stderr').that.includes('option `secret` must be the app secret, got undefined')
    })
  })
})
