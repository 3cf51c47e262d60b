import type { IncomingMessage, ServerResponse } from 'node:http'
import { channel } from 'node:diagnostics_channel'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Simulator, type SimulatorEntry, startSimulator } from '../../../devtools/simulator/index.ts'
import { command, OWNER, stateOf } from '../../support/dashboard.ts'
import { freePort } from '../../support/free-port.ts'
import { serve, type Served } from '../../support/serve.ts'

describe('The row of a page in the frame', () => {
  let served: Served
  let simulator: Simulator
  let settled: SimulatorEntry[]
  let paths: string[]
  let answer: (req: IncomingMessage, res: ServerResponse) => void

  beforeEach(async () => {
    settled = []
    paths = []
    // Of headers that are given to `writeHead` alone, nothing is known here: as if the app ran in another process.
    answer = (_req, res) => res.writeHead(200, { 'X-Frame-Options': 'DENY' }).end()
    served = await serve((req, res) => {
      paths.push(String(req.url))
      answer(req, res)
    })
    const app = `${served.url.replace('127.0.0.1', 'localhost')}/page`
    simulator = await startSimulator({ app, settled: (entry) => settled.push(entry) })
  })
  afterEach(async () => {
    sinon.restore()
    await simulator.close()
    await served.close()
  })

  const run = async (name: string, sent: object = {}): Promise<Record<string, unknown>> =>
    (await (await command(simulator, name, { ...OWNER, ...sent })).json()) as Record<string, unknown>
  const rows = async (): Promise<string[]> => (await stateOf(simulator)).log.map(({ verdict }) => verdict.text)
  const ends = (): string[] => settled.map(({ verdict }) => verdict.text)

  it('waits for the answer, and takes it from an app in this process without a request of its own', async () => {
    answer = (_req, res) => {
      res.setHeader('Content-Security-Policy', "frame-ancestors 'self'")
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      res.end()
    }
    const { id, url } = await run('open')
    expect([await rows(), ends()]).to.deep.equal([['waiting for your app'], []])
    await fetch(String(url))
    await run('loaded', { id, ask: true })
    expect([await rows(), ends()]).to.deep.equal([['blank: frame-ancestors'], ['blank: frame-ancestors']])
    expect(paths).to.have.length(1)
    expect(settled[0]?.answer?.headers).to.include({ 'set-cookie': 'a=1, b=2' })
    expect((await stateOf(simulator)).lastStatus).to.equal(200)
  })

  it('gets its end by asking the app once more when the frame has loaded it, once', async () => {
    const { id, url } = await run('open')
    await fetch(String(url))
    await run('loaded', { id, ask: true })
    await run('loaded', { id, ask: true })
    expect(ends()).to.deep.equal(['blank: X-Frame-Options'])
    expect(paths).to.have.length(2)
    expect(paths[0]).to.equal(paths[1])
  })

  it('says what is known where nobody may ask the app once more', async () => {
    const { id } = await run('open')
    await run('loaded', { id, ask: false })
    const forged = await run('open', { credential: 'forged' })
    await run('loaded', { id: forged['id'], ask: false })
    expect(ends()).to.deep.equal(['genuine', 'should be refused'])
    expect(settled[1]?.verdict.why).to.match(/^signature_invalid: the secret does not fit/)
    expect(paths).to.deep.equal([])
  })

  it('says what the app told of its refusal where nobody may ask it once more', async () => {
    const tell = (url: unknown, outcome: string, code: string | null): void => {
      const { pathname, search } = new URL(String(url))
      const request = { method: 'GET', url: pathname + search }
      const told = { strategy: 'wix-app', status: 401, hint: 'signed 26 h ago', identity: null, error: null }
      channel('passport-wix-app:authenticate').publish({ ...told, outcome, code, request })
    }
    const refused = await run('open')
    tell(refused['url'], 'fail', 'token_expired')
    await run('loaded', { id: refused['id'], ask: false })
    const accepted = await run('open')
    tell(accepted['url'], 'fail', 'token_expired')
    tell(accepted['url'], 'success', null)
    await run('loaded', { id: accepted['id'], ask: false })
    expect(settled.map(({ verdict: { text, why } }) => [text, why])).to.deep.equal([
      ['401: your app refused a genuine credential', 'token_expired: signed 26 h ago'],
      ['genuine', null],
    ])
  })

  it('says at once that nothing listens', async () => {
    const app = `http://localhost:${await freePort()}`
    const alone = await startSimulator({ app, settled: (entry) => settled.push(entry) })
    await command(alone, 'open', OWNER)
    await alone.close()
    expect(settled.map(({ verdict }) => verdict)).to.deep.equal([
      {
        tone: 'bad',
        text: `nothing listens at ${app}`,
        why: 'start your app, or give the simulator the address at which it listens: the frame follows',
      },
    ])
  })

  it('says that there was no answer where the frame has waited in vain', async () => {
    const { id } = await run('open')
    await run('loaded', { id, ask: false, isLate: true })
    await run('loaded', { id, ask: true })
    expect(settled.map(({ verdict, milliseconds }) => [verdict, milliseconds])).to.deep.equal([
      [
        {
          tone: 'bad',
          text: 'no answer within 10000 ms',
          why: 'what answers is missing: a call of done() or next(), or the answer?',
        },
        10_000,
      ],
    ])
    expect(paths).to.deep.equal([])
  })

  it('says what the app answers where the frame has waited for what never loads', async () => {
    answer = (_req, res) => res.writeHead(200, { 'Content-Disposition': 'attachment' }).end('<h1>Hello</h1>')
    const { id } = await run('open')
    await run('loaded', { id, ask: true, isLate: true })
    expect(ends()).to.deep.equal(['blank: Content-Disposition'])
    expect(paths).to.have.length(1)
  })

  it('has an end without an answer when 50 later ones wait', async () => {
    for (let index = 0; index < 51; index++) await run('open')
    // The first one is no longer in the log.
    expect(ends()).to.deep.equal([])
    const { id } = await run('open')
    await run('clear')
    await run('loaded', { id, ask: true })
    expect([await rows(), ends()]).to.deep.equal([[], []])
  })

  it('is not asked for again where an install leads back to: its state is good for once', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout'] })
    const { WIX_APP_ID: appId } = simulator.environment
    const postInstallationUrl = `${served.url.replace('127.0.0.1', 'localhost')}/installed`
    await run('install', { appId, postInstallationUrl })
    expect(ends()).to.deep.equal([])
    await clock.tickAsync(3000)
    expect(ends()).to.deep.equal(['genuine'])
    expect(paths).to.deep.equal([])
  })
})
