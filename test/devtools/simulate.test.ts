import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { parseEnv } from 'node:util'
import { expect } from 'chai'
import sinon from 'sinon'
import { simulate } from '../../devtools/simulate.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'

const MAIN = join(import.meta.dirname, '../../devtools/main.ts')
const TSX = import.meta.resolve('tsx')
const APP = 'http://localhost:9/dashboard'

interface Ended {
  code: number
  stdout: string
  stderr: string
}

describe('passport-wix-app', function () {
  this.timeout(30_000)
  let cwd: string
  const children = new Set<ChildProcess>()

  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
  })
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
    await rm(cwd, { recursive: true, force: true })
  })

  const env = { ...process.env, NODE_V8_COVERAGE }
  const run = (...args: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        ['--import', TSX, MAIN, ...args],
        { cwd, env },
        (_error, stdout, stderr) => resolve({ code: Number(child.exitCode), stdout, stderr }),
      )
    })

  /** Starts the simulator; resolves when it has printed its environment. */
  async function start(
    ...args: string[]
  ): Promise<{ child: ChildProcessByStdio<null, Readable, null>; output: string }> {
    const child = spawn(process.execPath, ['--import', TSX, MAIN, 'simulate', '--app', APP, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.add(child)
    let output = ''
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      output += String(chunk)
      if (/WIX_INSTALLER_URL=.*\n/.test(output)) break
    }
    return { child, output }
  }

  const stop = async (child: ChildProcessByStdio<null, Readable, null>, signal: NodeJS.Signals): Promise<unknown> => {
    const exit = once(child, 'exit')
    child.kill(signal)
    return (await exit)[0]
  }

  it('is among the commands of the package', async () => {
    expect((await run('--help')).stdout).to.include('\n  simulate   Wix on this machine, for an app in any language\n')
  })

  describe('simulate', () => {
    it('prints what to start the app with, the same each time in a folder, until it is interrupted', async () => {
      const outputs: string[] = []
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const { child, output } = await start('--port', '0', '--plan', 'basic', '--plan', 'pro')
        const [, url = ''] = /^The simulator is ready: (\S+)\n/.exec(output) ?? []
        expect((await fetch(url)).status).to.equal(200)
        const environment = output.slice(output.indexOf('WIX_APP_ID'))
        expect(Object.keys(parseEnv(environment))).to.have.members([
          'WIX_APP_ID',
          'WIX_APP_SECRET',
          'WIX_PUBLIC_KEY',
          'WIX_API_URL',
          'WIX_INSTALLER_URL',
        ])
        expect(parseEnv(environment)).to.include({ WIX_API_URL: url, WIX_INSTALLER_URL: `${url}/app-installer` })
        expect(environment).to.include(await readFile(join(cwd, '.wix-simulator/env'), 'utf8'))
        expect(await stop(child, signal)).to.equal(0)
        outputs.push(environment.replaceAll(url, ''))
      }
      expect(outputs[1]).to.equal(outputs[0])
      expect(await readdir(cwd)).to.deep.equal(['.wix-simulator'])
    })

    /** In this process, which is much faster than in one of its own. */
    async function call(...args: string[]): Promise<Ended> {
      const [out, error] = [sinon.stub(console, 'log'), sinon.stub(console, 'error')]
      try {
        const code = await simulate(args)
        const printed = (stub: sinon.SinonStub): string => stub.args.map(([line]) => `${String(line)}\n`).join('')
        return { code, stdout: printed(out), stderr: printed(error) }
      } finally {
        sinon.restore()
      }
    }

    it('has a help with examples', async () => {
      const { code, stdout, stderr } = await call('--help')
      expect([code, stderr]).to.deep.equal([0, ''])
      for (const part of ['--app URL', '--webhooks URL', '(default: 4949)', 'Examples:'])
        expect(stdout).to.include(part)
    })

    it('says what is wrong with its arguments', async () => {
      const wrong: [args: string[], message: string][] = [
        [[], '--app is missing: the address of the dashboard page of your app; or start it with -- COMMAND'],
        [['--'], 'the command of your app is missing after --, for example: -- node server.mjs'],
        [['localhost:3000'], '"localhost:3000" belongs to no option: an address stands after --app'],
        [['3000'], '"3000" belongs to no option: an address stands after --app'],
        [['--app', APP, '--host', 'x'], '--host must be an IP address, such as 0.0.0.0, got "x"\n'],
        [['--app', APP, '--public-url', 'x'], '--public-url must be an origin, such as https://my-tunnel.example'],
        [
          ['dash\u0007'],
          `"dash?" belongs to no option: the command of your app stands after --, in quotes where PowerShell drops it: '--'`,
        ],
        [
          ['--app', 'http://example.com'],
          '--app must be an https URL without a password, or an http URL on this machine',
        ],
        [
          ['--app', 'x\u0007', '--webhooks', '/x'],
          '--app must be an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1]), got "x?"\n',
        ],
        [
          ['--app', 'https://me:canary@app.example'],
          '--app must be an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1])\n',
        ],
        [['--app', APP, '--webhooks', 'x'], '--webhooks must be an https URL'],
        [['--app', APP, '--plan', ''], '--plan must be a non-empty string\n'],
        ...['x', '', ' ', '65536', '0x50'].map((port): [string[], string] => [
          ['--app', APP, '--port', port],
          `--port must be an integer from 0 to 65535, got "${port}"\n`,
        ]),
        ...[
          ['3000', '3000'],
          ['http://localhost', '80'],
        ].map(([app = '', port = '']): [string[], string] => [
          ['--app', app, '--port', port],
          `your app and the dashboard cannot both have port ${port}: choose another one with --port\n`,
        ]),
        [['--app', APP, '--webhook', APP], "Unknown option '--webhook'; did you mean --webhooks?\n"],
      ]
      for (const [args, message] of wrong) {
        const { code, stdout, stderr } = await call(...args)
        expect([code, stdout]).to.deep.equal([2, ''])
        expect(stderr).to.include(`passport-wix-app simulate: ${message}`)
        expect(stderr.endsWith('\n\nTry: passport-wix-app simulate --help\n')).to.equal(true)
      }
    })

    it('says that the variable PORT is no port, and takes an empty one for none', async () => {
      const { PORT: before } = process.env
      try {
        for (const wrong of ['abc', '70000', '3000 ', '0', '3000/x', '/run/app.sock']) {
          process.env['PORT'] = wrong
          const { code, stderr } = await call('--', process.execPath)
          expect(code).to.equal(2)
          expect(stderr).to.include(
            'passport-wix-app simulate: the environment variable PORT must be the port of your app: a number from 1 to 65535\n',
          )
        }
        process.env['PORT'] = ''
        expect((await call('--webhooks', 'x', '--', process.execPath)).stderr).to.include(
          '--webhooks must be an https URL',
        )
      } finally {
        if (before === undefined) delete process.env['PORT']
        else process.env['PORT'] = before
      }
    })

    it('says that its keys cannot be read', async () => {
      await mkdir(join(cwd, '.wix-simulator'))
      await writeFile(join(cwd, '.wix-simulator/keys.json'), '{')
      expect(await run('simulate', '--app', APP)).to.deep.equal({
        code: 1,
        stdout: '',
        stderr: 'Error: .wix-simulator/keys.json does not hold the keys of a simulator: delete it to get new ones\n',
      })
    })

    it('says that a file of its folder is a link, and ends', async () => {
      await mkdir(join(cwd, '.wix-simulator'))
      await symlink('../elsewhere', join(cwd, '.wix-simulator/env'))
      expect(await run('simulate', '--app', APP, '--port', '0')).to.deep.equal({
        code: 1,
        stdout: '',
        stderr: 'Error: .wix-simulator/env is a link: delete it, and a file will be made in its place\n',
      })
      expect(await readdir(cwd)).to.deep.equal(['.wix-simulator'])
    })

    it('says that the port is taken', async () => {
      const other = createServer().listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      const taken = await run('simulate', '--app', APP, '--port', String(port))
      other.close()
      expect(taken).to.deep.equal({
        code: 1,
        stdout: '',
        stderr: `Port ${port} is in use, perhaps by another simulator: choose another one with --port\n`,
      })
    })
  })
})
