import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'
import { OWNER } from '../support/dashboard.ts'
import { freePort } from '../support/free-port.ts'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'devtools/main.ts')
const TSX = import.meta.resolve('tsx')

/** A server of Node alone: what the package does in it is in its own tests. */
const APP = `
import { createServer } from 'node:http'
import passport from 'passport'
import { WixAppStrategy } from 'passport-wix-app'
passport.use(new WixAppStrategy({ secret: process.env.WIX_APP_SECRET }, ({ subjectType }) => subjectType === 'USER' && { id: 1 }))
const signIn = passport.authenticate('wix-app', { session: false })
createServer((req, res) => {
  req.query = Object.fromEntries(new URL(req.url, 'http://localhost').searchParams)
  if (req.url.startsWith('/crash')) process.exit(3)
  signIn(req, res, () => res.end('Hello'))
}).listen(process.env.PORT, () => console.error('listening'))
`

class Program {
  output = ''
  errors = ''
  readonly child: ChildProcess
  readonly ended: Promise<number>

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.on('data', (data) => (this.output += String(data)))
    child.stderr?.on('data', (data) => (this.errors += String(data)))
    this.ended = once(child, 'close').then(([code]) => Number(code))
  }

  async printed(text: RegExp, from: 'output' | 'errors' = 'output'): Promise<RegExpExecArray> {
    for (const end = Date.now() + 60_000; ;) {
      const found = text.exec(this[from])
      if (found !== null) return found
      if (Date.now() > end) throw new Error(`${text} is not in:\n${this.output}\n${this.errors}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

describe('passport-wix-app simulate -- COMMAND', function () {
  this.timeout(180_000)
  let cwd: string
  let port: string
  const programs: Program[] = []

  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
    await symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules'))
    await writeFile(join(cwd, 'server.mjs'), APP)
  })
  beforeEach(async () => {
    port = String(await freePort())
  })
  afterEach(async () => {
    // The second one kills what does not end.
    for (const { child, ended } of programs) {
      child.kill('SIGTERM')
      child.kill('SIGTERM')
      await ended
    }
    programs.length = 0
  })
  after(() => rm(cwd, { recursive: true, force: true }))

  const spawnIn = (file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program => {
    const { npm_command: _command, NODE_DEBUG: _debug, ...inherited } = process.env
    const child = spawn(file, args, { cwd, env: { ...inherited, PORT: port, NODE_V8_COVERAGE, ...env } })
    const program = new Program(child)
    programs.push(program)
    return program
  }
  const simulate = (args: readonly string[], env?: NodeJS.ProcessEnv): Program =>
    spawnIn(process.execPath, ['--import', TSX, MAIN, 'simulate', '--port', '0', ...args], env)
  const urlOf = async (program: Program): Promise<string> =>
    (await program.printed(/^The simulator is ready: (\S+)$/m))[1] ?? ''
  const ask = async (url: string, sent: object = {}): Promise<void> => {
    const headers = { Origin: url, 'Content-Type': 'application/json' }
    const body = JSON.stringify({ ...OWNER, view: 'dashboard', ...sent })
    expect((await fetch(`${url}/ask`, { method: 'POST', headers, body })).status).to.equal(200)
  }
  const isThere = (): Promise<boolean> =>
    fetch(`http://localhost:${port}/`).then(
      () => true,
      () => false,
    )

  it('starts the app with its environment, prints what it prints and each exchange, and ends it by a signal', async () => {
    const program = simulate(['--', process.execPath, 'server.mjs'])
    const url = await urlOf(program)
    await program.printed(/^listening$/m, 'errors')
    expect(program.output).to.equal(`The simulator is ready: ${url}
It opens http://localhost:${port}/dashboard as Wix does. Ctrl-C stops it and your app.
For more: --widget, --webhooks, --plugin, --tools, --payments, --install (see --help).

`)
    await ask(url)
    await program.printed(/^-> Asked for the dashboard \(owner\)  <- 200 \d+ ms$/m)
    await ask(url, { person: 'visitor' })
    // The hint is the one of the app: its look-up knows no visitors.
    await program.printed(/<- 401 \d+ ms.*\n +.*the verify callback found no user/)
    expect(program.errors).to.not.include('PASSPORT-WIX-APP')
    // What is no exchange of the simulator is printed as the app prints it.
    await fetch(`http://localhost:${port}/other?instance=forged`)
    await program.printed(/^PASSPORT-WIX-APP \d+: wix-app 401 .*GET \/other\)$/m, 'errors')
    expect(program.output).to.not.include('\u001B')

    program.child.kill('SIGTERM')
    expect(await program.ended).to.equal(0)
    expect(await isThere()).to.equal(false)
  })

  it('tells an app without a PORT the one of its address', async () => {
    const program = simulate(['--app', port, '--', process.execPath, 'server.mjs'], { PORT: '' })
    const url = await urlOf(program)
    await program.printed(/^listening$/m, 'errors')
    await ask(url)
    await program.printed(/^-> Asked for the dashboard \(owner\)  <- 200 \d+ ms$/m)
    expect(program.output).to.include(`It opens http://localhost:${port}/dashboard as Wix does.`)
  })

  it('stands by an app that restarts', async () => {
    await cp(join(cwd, 'server.mjs'), join(cwd, 'watched.mjs'))
    const program = simulate(['--', process.execPath, '--watch', 'watched.mjs'])
    const url = await urlOf(program)
    await program.printed(/listening/, 'errors')
    await fetch(`http://localhost:${port}/crash`).catch(() => undefined)
    await program.printed(/Failed running/, 'output')
    await ask(url)
    await program.printed(
      /^-> Asked for the dashboard \(owner\)  <- \d+ ms  nothing listens at http:\/\/localhost:\d+\n +start your app/m,
    )
    await writeFile(join(cwd, 'watched.mjs'), APP.replace("'listening'", "'listening again'"))
    await program.printed(/listening again/, 'errors')
    await ask(url)
    await program.printed(/<- 200 \d+ ms$/m)
    program.child.kill('SIGINT')
    expect(await program.ended).to.equal(0)
    expect(await isThere()).to.equal(false)
  })

  it('ends with the app, with its exit code, and says what to do', async () => {
    const cases: [command: string[], code: number, message: RegExp][] = [
      [['-e', 'setTimeout(() => process.exit(3), 100)'], 3, /^Your app has ended with the exit code 3: .*--watch/m],
      [['-e', 'process.kill(process.pid, "SIGKILL")'], 137, /^Your app was ended by the signal SIGKILL: .* why\.$/m],
      [['-e', ''], 0, /^Your app has ended by itself\. .* does it listen\?$/m],
      [['-e', 'console.error("[Errno 98] Address already in use"); process.exit(1)'], 1, /: its port is in use/],
    ]
    const ran = cases.map(async ([command, code, message]) => {
      const program = simulate(['--', process.execPath, ...command])
      expect(await program.ended, String(command)).to.equal(code)
      expect(program.errors).to.match(message)
    })
    await Promise.all(ran)
  })

  it('says that the port of the app is taken, or that there is no such program', async () => {
    const first = simulate(['--', process.execPath, 'server.mjs'])
    await first.printed(/listening/, 'errors')
    const second = simulate(['--', process.execPath, 'server.mjs'])
    expect(await second.ended).to.equal(1)
    expect(second.errors).to.match(
      new RegExp(`^Your app has ended: port ${port} is in use, perhaps by your app itself`, 'm'),
    )
    const none = simulate(['--', './no-such\u0007-program'])
    expect(await none.ended).to.equal(127)
    expect(none.errors).to.include('Your app did not start: there is no program "./no-such?-program" here')
    const quoted = simulate(['--', 'node server.mjs'])
    expect(await quoted.ended).to.equal(127)
    expect(quoted.errors).to.include(
      'there is no program "node server.mjs" here: write the command without quotes around the whole of it.',
    )
    const folder = simulate(['--', cwd])
    expect(await folder.ended).to.equal(127)
    expect(folder.errors).to.include(`Your app did not start: "${cwd}" may not be run as a program`)
    const within = simulate(['--', `${cwd}/server.mjs/x`])
    expect(await within.ended).to.equal(127)
    expect(within.errors).to.include('Your app did not start: ENOTDIR.\n')
    const variable = simulate(['--', 'PORT=3001', 'node', 'server.mjs'])
    expect(await variable.ended).to.equal(127)
    expect(variable.errors).to.include(
      'there is no program "PORT=3001" here: it is a variable, which stands before the whole command.\n',
    )
  })

  it('prints JSON for programs, without a credential or a secret, and keeps what the app prints apart', async () => {
    const app = `${APP}\nconsole.log('of the app', process.env.WIX_APP_SECRET)`
    await writeFile(join(cwd, 'talkative.mjs'), app)
    const program = simulate(['--json', '--', process.execPath, 'talkative.mjs'])
    const [, url = ''] = await program.printed(/"url":"(.*?)"/)
    const [, secret = 'none'] = await program.printed(/of the app (\S+)/, 'errors')
    await program.printed(/listening/, 'errors')
    await ask(url, { person: 'visitor' })
    await program.printed(/"type":"exchange".*\n/)
    const { pid } = program.child
    await fetch(`http://localhost:${port}/crash`).catch(() => undefined)
    expect([await program.ended, typeof pid]).to.deep.equal([3, 'number'])
    const lines = program.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ type }) => type)).to.deep.equal(['ready', 'exchange', 'ended'])
    expect(lines[0]).to.deep.equal({ type: 'ready', url, app: `http://localhost:${port}/dashboard` })
    expect(lines[1]).to.include({
      method: 'GET',
      url: `http://localhost:${port}/dashboard`,
      status: 401,
      why: 'the verify callback found no user: it returned boolean',
    })
    expect(lines[2]).to.deep.equal({ type: 'ended', code: 3 })
    expect(program.output)
      .to.not.include(secret)
      .and.not.match(/instance=|eyJ/)
  })

  it('prints the address with its key where others can reach it, and no key in JSON', async () => {
    const program = simulate(['--json', '--host', '0.0.0.0', '--', process.execPath, 'server.mjs'])
    const [, dashboard = '', key = ''] = await program.printed(/^The simulator is ready: (\S+\?key=(\S+))$/m, 'errors')
    const { origin } = new URL(dashboard)
    await program.printed(/"type":"ready"/)
    expect(program.output).to.include(`"url":"${origin}"`).and.not.include(key)
    expect((await fetch(origin)).status).to.equal(403)
    program.child.kill('SIGTERM')
    expect(await program.ended).to.equal(0)
  })

  it('ends all that the app has started, and at the second signal also what does not end', async () => {
    const stubborn = `${APP}\nprocess.on('SIGTERM', () => console.error('not yet'))`
    await writeFile(join(cwd, 'stubborn.mjs'), stubborn)
    const program = simulate(['--', 'sh', '-c', `${process.execPath} stubborn.mjs & wait`])
    await program.printed(/listening/, 'errors')
    program.child.kill('SIGTERM')
    await program.printed(/not yet/, 'errors')
    expect(await isThere()).to.equal(true)
    program.child.kill('SIGTERM')
    expect(await program.ended).to.equal(0)
    expect(await isThere()).to.equal(false)
  })

  it('is coloured in a terminal, but for NO_COLOR, and ends when the terminal is closed', async () => {
    const terminal = 'data:text/javascript,process.stdout.isTTY=true'
    for (const NO_COLOR of ['', '1']) {
      const args = [
        '--import',
        TSX,
        '--import',
        terminal,
        MAIN,
        'simulate',
        '--port',
        '0',
        '--app',
        'https://localhost',
      ]
      const program = spawnIn(process.execPath, [...args, '--', process.execPath, 'server.mjs'], { NO_COLOR })
      const url = await urlOf(program)
      await program.printed(/listening/, 'errors')
      await ask(url)
      await program.printed(/^-> Asked .*nothing listens at https:\/\/localhost.*$/m)
      expect(program.output.includes('\u001B[31m')).to.equal(NO_COLOR === '')
      program.child.kill('SIGHUP')
      expect(await program.ended).to.equal(0)
      expect(await isThere()).to.equal(false)
    }
  })

  it('ends when npx, which starts it in a shell, is killed', async () => {
    const all = ['widget', 'webhooks', 'plugin', 'tools', 'payments', 'install']
      .map((name) => `--${name} /${name}`)
      .join(' ')
    const line = `${process.execPath} --import ${TSX} ${MAIN} simulate --port 0 ${all} -- ${process.execPath} server.mjs; true`
    const shell = spawnIn('sh', ['-c', line], { npm_command: 'exec' })
    await shell.printed(/listening/, 'errors')
    expect(shell.output).to.include('Ctrl-C').and.not.include('For more')
    shell.child.kill('SIGKILL')
    // The output is open for as long as one of them runs.
    await shell.ended
    expect(await isThere()).to.equal(false)
  })
})
