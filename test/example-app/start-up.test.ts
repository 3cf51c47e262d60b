import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import { signInstance } from '../../devtools/testing/index.ts'
import { SECRET } from '../support/build.ts'
import { describeOnEachDatabase, KEYS, owner, SESSION_KEYS, webhook } from '../support/example-app.ts'
import { firstOutput } from '../support/first-output.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/redis.ts'

let folder = ''
let count = 0
/** A file that no other test has. */
const newFile = (): string => join(folder, `${(count += 1)}.db`)

/** What the app needs in production. */
const PRODUCTION = {
  WIX_APP_SECRET: SECRET,
  WIX_APP_ID: 'my-app',
  WIX_PUBLIC_KEY: KEYS.publicKey,
  SESSION_KEYS: JSON.stringify(SESSION_KEYS),
}

interface Program {
  child: ChildProcessByStdio<null, Readable, Readable>
  output: string
  errors: string
  /** Its exit code, when all that it has printed is here. */
  ended: Promise<unknown>
}

describe('At start-up, the example app', function () {
  // Some start it ten times.
  this.timeout(120_000)
  const programs: Program[] = []

  const start = (
    program: string,
    variables: NodeJS.ProcessEnv,
    line: [command: string, ...args: string[]] = [process.execPath, '--import', 'tsx', `example-app/${program}`],
  ): Program => {
    const [command, ...args] = line
    const { WIX_APP_SECRET: _, SESSION_KEYS: __, ...env } = process.env
    const child = spawn(command, args, {
      env: { ...env, PORT: '0', DATABASE_URL: `file:${newFile()}`, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // From the start: it may end before anybody waits for it.
    const started: Program = { child, output: '', errors: '', ended: once(child, 'close').then(([code]) => code) }
    child.stdout.setEncoding('utf8').on('data', (chunk) => (started.output += String(chunk)))
    child.stderr.setEncoding('utf8').on('data', (chunk) => (started.errors += String(chunk)))
    programs.push(started)
    return started
  }
  /** The address that it prints first. */
  const urlOf = async (program: Program): Promise<string> => {
    if (program.output === '') await firstOutput(program.child)
    return /http:\/\/\S+/.exec(program.output)?.[0] ?? ''
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-app-'))
  })
  after(() => rm(folder, { recursive: true }))
  afterEach(async () => {
    for (const program of programs.splice(0)) {
      program.child.kill('SIGKILL')
      await program.ended
    }
  })

  describe('as the demonstration', () => {
    it('prints what it is, where it is, and how to stop it, then a line for each exchange', async () => {
      const demo = start('demo/start.ts', {})
      const url = await urlOf(demo)
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+$/)
      const response = await fetch(url)
      expect(response.status).to.equal(200)
      const [, app = ''] = /frame-src (\S+);/.exec(response.headers.get('content-security-policy') ?? '') ?? []
      const selection = { view: 'dashboard', site: 'bakery', person: 'owner', plan: '', language: 'en' }
      const opened = await fetch(`${url}/open`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: url },
        body: JSON.stringify({ ...selection, credential: 'genuine' }),
      })
      const frame = (await opened.json()) as { url: string; isThere: boolean }
      const page = await fetch(frame.url)

      expect(app).to.match(/^http:\/\/localhost:\d+$/)
      expect(frame.isThere).to.equal(true)
      expect(new URL(frame.url).origin).to.equal(app)
      expect([page.status, page.headers.get('content-security-policy')?.split('; ').at(-1)]).to.deep.equal([
        200,
        `frame-ancestors ${url}`,
      ])
      const front = await fetch(app, { redirect: 'manual' })
      expect([front.status, front.headers.get('location')]).to.deep.equal([302, url])
      await until(async () => demo.output.includes('Opened'))
      const [exchange = '', ...rest] = demo.output.split('\n').slice(6)
      expect(exchange).to.match(/^-> Opened the dashboard \(owner\) /)
      expect(rest.join('')).to.equal('')
      expect(demo.output.split('\n').slice(0, 6)).to.deep.equal([
        `The example app, in a simulator of Wix: open ${url}`,
        '',
        `  the app itself   ${app}`,
        `  its data         file:${join(folder, `${count}.db`)}`,
        '  to stop          Ctrl-C',
        '',
      ])
      expect(demo.errors).to.equal('')
    })

    it('takes any free port for the app where nobody asked for one and 3000 is in use', async () => {
      const others = createServer()
      const isMine = await once(others.listen(3000, '127.0.0.1'), 'listening').then(
        () => true,
        () => false, // somebody else has it
      )
      const demo = start('demo/start.ts', { PORT: undefined, SIMULATOR_PORT: '0' })
      await urlOf(demo)
      if (isMine) others.close()

      // Somebody else may have left it meanwhile.
      const free = isMine ? /^http:\/\/localhost:[1-9]\d{4}$/ : /^http:\/\/localhost:([1-9]\d{4}|3000)$/
      expect(/the app itself +(\S+)/.exec(demo.output)?.[1]).to.match(free)
    })

    it('does not start with a port that is none, or that another program has, and names the variable', async () => {
      const taken = createServer().listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const { port } = taken.address() as { port: number }
      const inUse = (name: string): string =>
        `Port ${port} is in use: set the environment variable ${name} to another one, such as ${port + 1} (PowerShell: $env:${name} = ${port + 1})\n`
      for (const [variables, message] of [
        [{ PORT: 'abc' }, 'PORT must be a number from 0 to 65535, got "abc"\n'],
        [{ SIMULATOR_PORT: 'abc' }, 'SIMULATOR_PORT must be a number from 0 to 65535, got "abc"\n'],
        [{ PORT: String(port), SIMULATOR_PORT: '0' }, inUse('PORT')],
        [{ SIMULATOR_PORT: String(port) }, inUse('SIMULATOR_PORT')],
      ] as const) {
        const demo = start('demo/start.ts', variables)
        expect(await demo.ended).to.equal(1)
        expect([demo.output, demo.errors]).to.deep.equal(['', message])
      }
      taken.close()
    })

    it('ends with its simulator at Ctrl-C and SIGTERM, also while a dashboard is open', async () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const demo = start('demo/start.ts', {})
        const url = await urlOf(demo)
        const events = await fetch(`${url}/state`)
        demo.child.kill(signal)

        expect(await demo.ended).to.equal(0)
        expect(await events.text().catch(() => 'gone')).to.equal('gone')
        expect(await fetch(url).catch(() => 'gone')).to.equal('gone')
      }
    })
  })

  it('ends at a signal that only npm gets', async () => {
    const npm = start('demo/start.ts', {}, ['npm', 'start', '--silent', '--workspace', 'example-app'])
    const url = await urlOf(npm)
    npm.child.kill('SIGTERM')
    await npm.ended

    // The output is the program's, too: it is closed when that has ended.
    expect(await fetch(url).catch(() => 'gone')).to.equal('gone')
  })

  describe('in production', () => {
    for (const program of ['server.ts', 'demo/start.ts']) {
      it(`accepts what Wix signs, and logs each request without credentials (${program})`, async () => {
        const server = start(program, PRODUCTION)
        const url = await urlOf(server)
        const instance = signInstance(owner(), SECRET)
        expect((await fetch(`${url}/dashboard?instance=${instance}`)).status).to.equal(200)
        expect((await fetch(`${url}/webhooks`, { method: 'POST', body: webhook('AppInstalled') })).status).to.equal(200)
        expect((await fetch(`${url}/`)).status).to.equal(404)
        server.child.kill('SIGTERM')

        expect(await server.ended).to.equal(0)
        const lines = server.output.trim().split('\n').slice(1)
        expect(lines.map((line) => line.split(' ').slice(1, 4).join(' '))).to.deep.equal([
          'GET /dashboard 200',
          'POST /webhooks 200',
          'GET / 404',
        ])
        expect(server.output + server.errors)
          .to.not.include(instance.slice(0, 20))
          .and.to.not.include('?')
      })
    }

    describeOnEachDatabase('in two processes', (newDatabase) => {
      it('starts once, replaces a process that dies, and ends with all of them', async () => {
        // Not 0: when all of them are dead, the next would get another port.
        const settings = { DATABASE_URL: await newDatabase(), PROCESSES: '2', PORT: String(await freePort()) }
        const server = start('server.ts', { ...PRODUCTION, ...settings })
        const url = await urlOf(server)
        const children = async (): Promise<number[]> => {
          const { pid } = server.child
          return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number)
        }
        expect(server.output).to.match(/^http:\/\/127\.0\.0\.1:\d+\n$/)
        const before = await children()
        for (const pid of before) process.kill(pid, 'SIGKILL')
        await until(async () => (await children()).filter((pid) => pid > 0 && !before.includes(pid)).length === 2)
        await until(() =>
          fetch(`${url}/health`).then(
            ({ ok }) => ok,
            () => false,
          ),
        )
        server.child.kill('SIGTERM')

        expect(await server.ended).to.equal(0)
        expect(server.errors).to.equal('')
        expect(await fetch(url).catch(() => 'gone')).to.equal('gone')
      })
    })

    it('lets a request in flight end before it ends, and takes no other', async () => {
      const server = start('server.ts', PRODUCTION)
      const url = await urlOf(server)
      const body = webhook('AppInstalled')
      const stream = new TransformStream<Uint8Array, Uint8Array>()
      const writer = stream.writable.getWriter()
      const answer = fetch(`${url}/webhooks`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: stream.readable,
        duplex: 'half',
      } as RequestInit)
      await writer.write(Buffer.from(body.slice(0, 100)))
      // Until the server has the head of the request, it would end at once.
      while (!(await fetch(`${url}/health`)).ok);
      server.child.kill('SIGTERM')
      while (
        await fetch(`${url}/health`).then(
          () => true,
          () => false,
        )
      );
      await writer.write(Buffer.from(body.slice(100)))
      await writer.close()

      const response = await answer
      expect([response.status, await response.text()]).to.deep.equal([200, 'OK'])
      expect(await server.ended).to.equal(0)
    })
  })

  const failed = async (
    variables: NodeJS.ProcessEnv,
    program = 'server.ts',
  ): Promise<[code: unknown, errors: string]> => {
    const server = start(program, { ...PRODUCTION, ...variables })
    // Only a server that starts prints anything here.
    server.child.stdout.once('data', () => server.child.kill())
    return [await server.ended, server.errors]
  }

  it('does not start with a PORT that is none, and says what it must be', async () => {
    for (const port of ['abc', '', '1e3', '3000.5', '-1', '65536']) {
      expect(await failed({ PORT: port }), port).to.deep.equal([
        1,
        `PORT must be a number from 0 to 65535, got "${port}"\n`,
      ])
    }
  })

  it('says so where a process is killed before all have started', async () => {
    const killed =
      'import cluster from "node:cluster"; if (cluster.worker?.id === 2) process.kill(process.pid, "SIGKILL")'
    expect(
      await failed({ PROCESSES: '2', NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(killed)}` }),
    ).to.deep.equal([1, 'A process was ended by SIGKILL before all had started\n'])
  })

  it('does not start on a port that is in use, and names another one', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const outcome = await failed({ PORT: String(port) })
    taken.close()

    expect(outcome).to.deep.equal([
      1,
      `Port ${port} is in use: set the environment variable PORT to another one, such as ${port + 1} (PowerShell: $env:PORT = ${port + 1})\n`,
    ])
  })

  it('does not start with a DATABASE_URL that it cannot write, and says what it must be', async () => {
    const junk = newFile()
    await writeFile(junk, 'This is not a database.')
    for (const url of [
      `file:${join(folder, 'nowhere/data.db')}`,
      `file:${folder}`,
      `file:${junk}`,
      'file:',
      '',
      junk,
    ]) {
      const [code, errors] = await failed({ DATABASE_URL: url })

      expect(errors, url).to.match(
        /^DATABASE_URL must be file: and a path that this server can write, or postgres:\/\/\.\.\.: .+\n$/,
      )
      expect(code).to.equal(1)
    }
  })

  it('does not start without its PostgreSQL, and says once why, without the password', async () => {
    const [code, errors] = await failed({ DATABASE_URL: `postgres://me:secret-part@127.0.0.1:${await freePort()}/app` })

    expect(errors)
      .to.match(/^DATABASE_URL: PostgreSQL cannot be used: .*ECONNREFUSED.*\n$/)
      .and.not.include('secret-part')
    expect(code).to.equal(1)
  })

  it('does not start with a variable that is wrong, and prints one line without a secret', async () => {
    for (const [name, value, words] of [
      ['WIX_APP_SECRET', undefined, /^WIX_APP_SECRET is not set: .+\n$/],
      ['WIX_APP_SECRET', '', /^WixAppStrategy: .*secret.+\n$/],
      ['WIX_APP_ID', undefined, /^WixServicePluginStrategy: .*appId.+\n$/],
      ['WIX_PUBLIC_KEY', 'secret-part', /^WixServicePluginStrategy: .*publicKey.+\n$/],
      ['WIX_API_URL', 'http://secret-part.example', /apiUrl.+\n$/],
      ['SESSION_KEYS', undefined, /^SESSION_KEYS is not set: .+\n$/],
      ['SESSION_KEYS', '', /^SESSION_KEYS is not JSON: .+\n$/],
      ['SESSION_KEYS', '[{"kid":"secret-part"', /^SESSION_KEYS is not JSON: .+\n$/],
      ['SESSION_KEYS', '[]', /^SessionTokens: .*keys.+\n$/],
      ['SESSION_KEYS', '{}', /^SessionTokens: .*keys.+\n$/],
      ['DATABASE_URL', 'mysql://me:secret-part@host', /^DATABASE_URL must be file: .+\n$/],
      ['DATABASE_URL', 'postgres://me:secret-part@:x/', /^DATABASE_URL: PostgreSQL cannot be used: .+\n$/],
      ['PROCESSES', '0', /^PROCESSES must be a number from 1 to 64, got "0"\n$/],
      ['AUDIT_DAYS', 'all', /^AUDIT_DAYS must be a number from 0 to 36500, got "all"\n$/],
    ] as const) {
      const [code, errors] = await failed({ [name]: value })

      expect(errors, name).to.match(words).and.to.not.include('secret-part').and.to.not.match(/\n./)
      expect(code, name).to.equal(1)
    }
  })
})
