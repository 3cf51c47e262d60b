import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import express from 'express'
import sinon from 'sinon'
import { startSimulator } from '../../devtools/simulator/index.ts'
import { trigger } from '../../devtools/trigger.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'
import { freePort } from '../support/free-port.ts'
import { serve } from '../support/serve.ts'
import { type Simulated, simulate } from '../support/simulated-app.ts'

const MAIN = join(import.meta.dirname, '../../devtools/main.ts')

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** In this process, which is much faster than in one of its own. */
async function call(...args: string[]): Promise<Ended> {
  const [out, error] = [sinon.stub(console, 'log'), sinon.stub(console, 'error')]
  try {
    const code = await trigger(args)
    const printed = (stub: sinon.SinonStub): string => stub.args.map(([line]) => `${String(line)}\n`).join('')
    return { code, stdout: printed(out), stderr: printed(error) }
  } finally {
    out.restore()
    error.restore()
  }
}

describe('passport-wix-app trigger', () => {
  let simulated: Simulated
  let port: string
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
  })
  beforeEach(async () => {
    simulated = await simulate()
    port = new URL(simulated.simulator.url).port
  })
  afterEach(async () => {
    sinon.restore()
    await simulated.close()
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const write = async (name: string, content: string | Buffer): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, content)
    return path
  }

  it('has a help with examples, and is among the commands', async () => {
    const { code, stdout, stderr } = await call('--help')
    expect([code, stderr]).to.deep.equal([0, ''])
    for (const part of ['Usage: passport-wix-app trigger EVENT', '--times N', '(default: 4949)', 'Examples:'])
      expect(stdout).to.include(part)
  })

  it('lists the events, with examples in JSON, without a simulator', async () => {
    const { code, stdout } = await call('--list', '--port', '1')
    expect(code).to.equal(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).to.have.length(20)
    expect(lines).to.include('order_created                     An order comes in')
    expect(lines).to.include('app_tool                          Run a tool of the app (App Tools)')
    const listed = JSON.parse((await call('--list', '--json')).stdout) as Record<string, { data: object }>
    expect(Object.keys(listed)).to.have.length(20)
    expect(listed['order_created']?.data).to.have.nested.property('createdEvent.entity.number', '10042')
    expect(listed['paid_plan_purchased']?.data).to.include({ vendorProductId: 'premium' })
  })

  it('prints a line for each exchange, and ends with 0 where the app did as it should', async () => {
    const { code, stdout, stderr } = await call('order_created', '--port', port)
    expect([code, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(/^-> order_created  <- 200 \d+ ms\n$/)
    const refused = await call('order_created', '--port', port, '--flaw', 'forged')
    expect(refused.code).to.equal(0)
    expect(refused.stdout).to.match(
      /^-> order_created  <- 401 \d+ ms  your app refused it, as it should\n   signature_invalid: the key does not fit/,
    )
  })

  it('colours them in a terminal, unless it is told not to', async () => {
    const { isTTY } = process.stdout
    const { NO_COLOR: before } = process.env
    try {
      delete process.env['NO_COLOR']
      process.stdout.isTTY = true
      expect((await call('order_created', '--port', port)).stdout).to.include('<- \u001B[32m200\u001B[0m ')
      process.env['NO_COLOR'] = '1'
      expect((await call('order_created', '--port', port)).stdout).to.not.include('\u001B')
    } finally {
      process.stdout.isTTY = isTTY
      if (before === undefined) delete process.env['NO_COLOR']
      else process.env['NO_COLOR'] = before
    }
  })

  it('ends with 1 where the app did not, with each attempt', async () => {
    simulated.webhooks.status = 500
    const failed = await call('order_created', '--port', port, '--times', '3')
    expect(failed.code).to.equal(1)
    expect(failed.stdout.replaceAll(/\d+ ms/g, 'N ms').split('\n')).to.deep.equal([
      '-> order_created  <- 500 N ms  your app failed',
      '   the error is in the output of your app',
      '-> order_created, attempt 2 of 13  <- 500 N ms  your app failed',
      '   the error is in the output of your app',
      '-> order_created, attempt 3 of 13  <- 500 N ms  your app failed',
      '   the error is in the output of your app',
      '',
    ])
    const careless = await serve(express().use((_req, res) => void res.sendStatus(200)))
    const other = await startSimulator({ app: careless.url, webhooks: careless.url })
    // It is on localhost, since the app is on 127.0.0.1: the command finds it under both names.
    expect(new URL(other.url).hostname).to.equal('localhost')
    const accepted = await call('order_created', '--port', new URL(other.url).port, '--flaw', 'expired')
    await other.close()
    await careless.close()
    expect(accepted.code).to.equal(1)
    expect(accepted.stdout).to.match(/^-> order_created  <- 200 \d+ ms  your app accepted what it must refuse\n/)
  })

  it('ends with 1 where nothing was sent, since the app was removed from the site', async () => {
    expect((await call('app_removed', '--port', port)).code).to.equal(0)
    expect(await call('order_created', '--port', port)).to.deep.equal({
      code: 1,
      stdout: '-> order_created  not sent\n   the app was removed from this site\n',
      stderr: '',
    })
  })

  it('sends what a file says, for a site, a person, a plan and a language', async () => {
    const choice = ['--site', 'yoga', '--person', 'visitor', '--plan', 'premium', '--language', 'de']
    const { host } = new URL(simulated.simulator.url)
    // PowerShell writes a byte order mark, and in older versions UTF-16.
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const file = await write('cart.json', Buffer.from('\uFEFF{ "lineItems": [{ "productName": "Cup" }] }', encoding))
      const { stdout } = await call('service_plugin', '--data', file, ...choice, '--url', host, '--json')
      expectCup(stdout)
    }
  })

  function expectCup(stdout: string): void {
    const [answer] = JSON.parse(stdout) as { status: number; body: string }[]
    expect(answer).to.include({ status: 200, title: 'Service plugin call' })
    const received: unknown = JSON.parse(String(answer?.body))
    expect(received).to.have.deep.property('request', { lineItems: [{ productName: 'Cup' }] })
    expect(received).to.have.nested.property('metadata.languages').that.deep.equals(['de'])
    expect(received).to.have.property('subjectType', 'VISITOR')
  }

  it('says what is wrong with its arguments, and ends with 2', async () => {
    const broken = await write('broken.json', '{ "canary"')
    const list = await write('list.json', '[1]')
    const large = await write('large.json', JSON.stringify({ note: 'x'.repeat(70_000) }))
    const wrong: [args: string[], message: string][] = [
      [[], 'the event is missing: --list names them'],
      [['order_created', 'order_updated'], 'one event at a time'],
      [['order_created', '--planet', 'x'], "Unknown option '--planet'\n"],
      [
        ['order_created', '--times', '-1'],
        "Option '--times' argument is ambiguous. Did you forget to specify the option argument for '--times'? To specify",
      ],
      [['order_created', '--tims', '3'], "Unknown option '--tims'; did you mean --times?\n"],
      [
        ['order_crated'],
        'there is no event of this name (--list has all); did you mean order_created? Any other event needs its type in full',
      ],
      [['wix.stores.v3.product_created'], '--data is missing: only events of the catalogue have an example\n'],
      [
        ['OrderCreated'],
        '--data is missing: only events of the catalogue have an example; did you mean order_created?\n',
      ],
      [['order_created', '--plan', 'gold'], '--plan must be one of premium; without it, the free one\n'],
      [['order_created', '--site', 'x'], '--site must be one of bakery, yoga, copy'],
      [['order_created', '--times', '14'], '--times must be an integer from 1 to 13'],
      ...['x', '', '1.5', '0x2', ' 2'].map((times): [string[], string] => [
        ['order_created', '--times', times],
        '--times must be an integer from 1 to 13, got a',
      ]),
      [['service_plugin', '--times', '2'], '--times is for one webhook, and not for this'],
      [['order_created', '--data', join(folder, 'no.json')], '--data: the file cannot be read (ENOENT)\n'],
      [
        ['order_created', '--data', '{"number":"7"}'],
        '--data: the file cannot be read (ENOENT): to pass JSON itself, send it to the standard input of --data -\n',
      ],
      [
        ['order_created', '--data', `'{"number":7}'`],
        '--data: the file cannot be read (ENOENT): to pass JSON itself, send it to the standard input of --data -\n',
      ],
      [['order_created', '--data', large], 'The body is larger than 64 KiB\n'],
      [['order_created', '--data', broken], '--data: the file is not JSON\n'],
      [['order_created', '--data', list], '--data must be an object, got an array'],
      ...['x', '', '0', '65536', '80/x', '80@evil.example'].map((wrongPort): [string[], string] => [
        ['order_created', '--port', wrongPort],
        '--port must be an integer from 1 to 65535\n',
      ]),
      [['order_created', '--url', 'file:///etc/passwd'], '--url must be an http or https URL'],
      [['order_created', '--url', 'x'], '--url must be an http or https URL'],
    ]
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await call('--port', port, ...args)
      expect([code, stdout]).to.deep.equal([2, ''])
      expect(stderr).to.include(`passport-wix-app trigger: ${message}`)
      expect(stderr.endsWith('\n\nTry: passport-wix-app trigger --help\n')).to.equal(true)
    }
    const alone = await startSimulator({ app: 'http://localhost:9/' })
    const { code, stderr } = await call('order_created', '--url', alone.url)
    await alone.close()
    expect(code).to.equal(2)
    expect(stderr).to.include('the simulator was started without --webhooks, the address for it\n')
  })

  it('says that there is no simulator, also where something else listens, and ends with 1', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const said = (address: string) => ({
      code: 1,
      stdout: '',
      stderr: `There is no simulator at ${address}: start one with passport-wix-app simulate, or name its --port\n`,
    })
    expect(await call('order_created', '--url', nowhere)).to.deep.equal(said(nowhere))
    const whole = { title: 'x', status: 200, milliseconds: 1, verdict: { tone: 'good', text: 'x' }, hint: null }
    const hostile = ['title', 'status', 'milliseconds', 'verdict', 'hint'].map((name) => [{ ...whole, [name]: ['x'] }])
    for (const answer of ['<html>', [], [1], { message: 'x' }, ...hostile]) {
      const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
      const other = await serve(express().use((_req, res) => void res.type('json').send(body)))
      expect(await call('order_created', '--url', `${other.url}/`)).to.deep.equal(said(other.url))
      await other.close()
    }
    // What is sent may be the data of a person, which goes nowhere else.
    const elsewhere = await serve(express().use((_req, res) => void res.json([whole])))
    expect(await call('order_created', '--url', elsewhere.url)).to.have.property('code', 0)
    const leading = await serve(
      express().use((req, res) => (req.method === 'POST' ? res.redirect(307, elsewhere.url) : void res.end())),
    )
    expect(await call('order_created', '--url', leading.url)).to.deep.equal(said(leading.url))
    for (const server of [elsewhere, leading]) await server.close()
  })

  it('reaches a simulator with --host by the address with its key, and says so without it', async () => {
    const app = await serve(express().use((_req, res) => void res.sendStatus(200)))
    const url = app.url.replace('127.0.0.1', 'localhost')
    const exposed = await startSimulator({ app: url, webhooks: `${url}/webhooks`, host: '0.0.0.0' })
    const { origin } = new URL(exposed.url)
    const { code, stdout, stderr } = await call('order_created', '--url', exposed.dashboard)
    expect([code, stdout], stderr).to.deep.equal([0, stdout.match(/^-> .*<- 200 \d+ ms.*\n$/)?.[0]])
    for (const without of [origin, `${origin}/?key=forged`]) {
      const refused = await call('order_created', '--url', without)
      expect(refused.code).to.equal(2)
      expect(refused.stderr).to.include('--url must be the whole address that the terminal of the simulator shows')
    }
    await exposed.close()
    await app.close()
  })

  it('gives the key of another machine to no address that it leads to', async () => {
    for (const origin of ['https://tunnel.example', 'http://simulator.internal:4949']) {
      const fetch = sinon.stub(globalThis, 'fetch')
      fetch.callsFake(async () => new Response(null, { status: 307, headers: { Location: 'https://evil.example/' } }))
      const { code, stderr } = await call('order_created', '--url', `${origin}/?key=canary`)
      expect([code, stderr]).to.deep.equal([
        1,
        `There is no simulator at ${origin}: start one with passport-wix-app simulate, or name its --port\n`,
      ])
      expect(fetch.args.map(([url]) => url)).to.deep.equal([`${origin}/?key=canary`, `${origin}/trigger`])
      sinon.restore()
    }
  })

  it('prints nothing that moves the cursor, whoever has answered', async () => {
    const hostile = '\u001B[2J\nforged'
    const controls = '\u001B\u007F\u0085\u009B2J\u2028\u2029\u202E\u{E0001}'
    const answers = [
      { title: hostile, status: 200, milliseconds: 1, verdict: { tone: 'good', text: hostile }, hint: hostile },
    ]
    const other = await serve(express().use((_req, res) => void res.json(answers)))
    const { stdout } = await call('order_created', '--url', other.url)
    expect(stdout).to.equal('-> ?[2J?forged  <- 200 1 ms  ?[2J?forged\n   ?[2J?forged\n')
    answers[0] = { ...answers[0], hint: `${controls}Zoë` } as (typeof answers)[0]
    const json = (await call('order_created', '--url', other.url, '--json')).stdout
    expect(json).to.include(String.raw`"hint":"\u001b\u007f\u0085\u009b2J\u2028\u2029\u202e\udb40\udc01Zoë"`)
    expect(JSON.parse(json)).to.deep.equal(answers)
    await other.close()
    const refusing = await serve(express().use((_req, res) => void res.status(400).json({ message: hostile })))
    const { stderr } = await call('order_created', '--url', refusing.url)
    await refusing.close()
    expect(stderr).to.include('trigger: ?[2J?forged\n')
  })

  it('is a command of the package, and reads what it sends from the standard input', async () => {
    const { PATH } = process.env
    const args = ['--import', 'tsx', MAIN, 'trigger', 'payment', '--data', '-', '--port', port, '--json']
    const child = execFile(process.execPath, args, { env: { PATH, NODE_V8_COVERAGE } })
    let stdout = ''
    child.stdout?.on('data', (data) => (stdout += String(data)))
    child.stdin?.end('{ "wixRefundId": "r1" }')
    await once(child, 'close')
    expect(child.exitCode).to.equal(0)
    const [answer] = JSON.parse(stdout) as { body: string }[]
    expect(JSON.parse(String(answer?.body))).to.have.deep.property('body', { wixRefundId: 'r1' })
  }).timeout(20_000)
})
