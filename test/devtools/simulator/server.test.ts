import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import sinon from 'sinon'
import { Log } from '../../../devtools/simulator/log.ts'
import { type Simulator, startSimulator } from '../../../devtools/simulator/index.ts'
import { SimulatorServer } from '../../../devtools/simulator/server.ts'
import { command, OWNER } from '../../support/dashboard.ts'

interface Answer {
  status: number | undefined
  headers: IncomingMessage['headers']
  body: string
}

/** Unlike `fetch`, it sends any header and any path. */
async function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const req = request(url, { path, headers, method, agent: false }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const { statusCode: status } = res
  let body = ''
  for await (const chunk of res) body += String(chunk)
  return { status, headers: res.headers, body }
}

describe('The server of the simulator', () => {
  let simulator: Simulator
  let url: string
  let host: string

  before(async () => {
    simulator = await startSimulator({ app: 'http://localhost:9/dashboard', widget: 'https://widget.example/' })
    url = simulator.url
    host = new URL(url).host
  })
  after(() => simulator.close())
  afterEach(() => sinon.restore())

  it('serves its pages with a policy that lets no other page frame or script them', async () => {
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/dashboard.js', 'text/javascript'],
      ['/log.js', 'text/javascript'],
      ['/control.js', 'text/javascript'],
      ['/send.js', 'text/javascript'],
      ['/stream.js', 'text/javascript'],
      ['/app-installer?appId=x', 'text/html'],
      ['/installer.js', 'text/javascript'],
      ['/simulator.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
    ] as const) {
      const { status, headers } = await ask(url, path)
      expect([status, headers['content-type']]).to.deep.equal([200, `${type}; charset=utf-8`])
      expect(headers['content-security-policy']).to.equal(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
          "frame-src http://localhost:9 https://widget.example; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      expect(headers).to.include({
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      expect(headers).to.not.have.property('access-control-allow-origin')
    }
    expect((await ask(url, '/nothing')).status).to.equal(404)
    expect((await ask(url, '/', {}, 'PUT')).status).to.equal(404)
  })

  it('answers to the names of this machine only', async () => {
    const { port } = new URL(url)
    const others = ['attacker.example', `attacker.example:${port}`, `${host}.attacker.example`, `attacker.${host}`]
    for (const name of [...others, '127.0.0.1', 'localhost']) {
      for (const path of ['/', '/state', '/oauth2/token-info']) {
        const { status, body } = await ask(url, path, { Host: name })
        expect([status, JSON.parse(body)]).to.deep.equal([421, { message: `The simulator is at ${url}` }])
      }
    }
  })

  it('listens on the loopback address only', async () => {
    const other = url.replace('127.0.0.1', '127.0.0.2')
    expect(await fetch(other).catch((error: unknown) => error)).to.be.instanceOf(TypeError)
  })

  it('leads from its other name to the one on another site than the app, and nowhere else', async () => {
    const Host = host.replace('127.0.0.1', 'localhost')
    const lead = async (path: string) => (await ask(url, path, { Host })).headers.location
    expect(await lead('/app-installer?a=1')).to.equal(`${url}/app-installer?a=1`)
    expect(await lead('//attacker.example/x')).to.equal(`${url}/x`)
    expect((await ask(url, '/', { Host })).status).to.equal(307)
  })

  it('takes commands from its own pages only', async () => {
    for (const headers of [
      { Origin: 'http://localhost:9' },
      { Origin: url.replace('127.0.0.1', 'localhost') },
      { Origin: url.replace('http:', 'https:') },
      { Origin: `${url}/` },
      { Origin: 'null' },
      { 'Content-Type': 'text/plain' },
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      // Which a page anywhere may send without asking.
      { 'Content-Type': 'text/plain; application/json' },
    ]) {
      const response = await command(simulator, 'open', OWNER, headers)
      expect(response.status).to.equal(403)
      expect(await response.json()).to.deep.equal({ message: 'Only the dashboard of the simulator may send this' })
    }
    const noOrigin = { 'Content-Type': 'application/json' }
    expect((await ask(url, '/open', noOrigin, 'POST')).status).to.equal(403)
    const preflight = await ask(url, '/open', { Origin: 'http://localhost:9' }, 'OPTIONS')
    expect(preflight.status).to.equal(404)
    expect(preflight.headers).to.not.have.property('access-control-allow-origin')
  })

  it('shows its state to its own pages only', async () => {
    for (const site of ['cross-site', 'same-site', 'none']) {
      const { status, body } = await ask(url, '/state', { 'Sec-Fetch-Site': site })
      expect([status, JSON.parse(body)]).to.deep.equal([
        403,
        { message: 'Only the dashboard of the simulator may read this' },
      ])
    }
  })

  it('tells what has changed', async () => {
    const response = await fetch(`${url}/state`, { headers: { 'Sec-Fetch-Site': 'same-origin' } })
    const reader = response.body?.getReader()
    const next = async () => new TextDecoder().decode((await reader?.read())?.value)
    expect(await next()).to.include('"tokenInfo":"works"')
    await command(simulator, 'token-info', { mode: 'down' })
    expect(await next()).to.include('"tokenInfo":"down"')
    await reader?.cancel()
    await command(simulator, 'token-info', { mode: 'works' })
  })

  it('keeps for a page that does not read no more than the newest state', async () => {
    const httpServer = createServer().listen(0, '127.0.0.1')
    await once(httpServer, 'listening')
    const name = `127.0.0.1:${(httpServer.address() as AddressInfo).port}`
    const reach = { origin: `http://${name}`, hosts: [name], otherOrigins: [], keys: null, apiUrl: '' }
    const nothing = { frames: [], apiUrl: '', commands: new Map(), watched: () => {}, called: () => {} }
    let count = 0
    const state = (): object => ({ padding: 'x'.repeat(100_000), count })
    const server = new SimulatorServer({ ...nothing, reach, state })
    httpServer.on('request', (req, res) => void server.handle(req, res))
    try {
      const req = request(`${reach.origin}/state`).end()
      const [res] = (await once(req, 'response')) as [IncomingMessage]
      for (count = 1; count < 100; count++) server.tell()
      server.tell()
      let told = ''
      for await (const part of res.setEncoding('utf8')) {
        told += String(part)
        if (told.endsWith('"count":100}\n\n')) break
      }
      expect(told.match(/"count":/g)?.length).to.be.lessThan(5)
    } finally {
      httpServer.close()
    }
  })

  it('refuses commands that are unknown, no object, or too large', async () => {
    const answers = [
      [await command(simulator, 'constructor'), 404, 'Not found'],
      [await command(simulator, 'open', 'x'), 400, 'The simulator has nothing of that name'],
      [await command(simulator, 'open', 'x'.repeat(70_000)), 400, 'The body is larger than 64 KiB'],
      [await command(simulator, 'open', undefined), 400, 'The simulator has nothing of that name'],
    ] as const
    for (const [response, status, message] of answers) {
      expect([response.status, await response.json()]).to.deep.equal([status, { message }])
    }
    const { Origin, ...json } = { Origin: url, 'Content-Type': 'application/json' }
    const broken = await fetch(`${url}/open`, { method: 'POST', headers: { Origin, ...json }, body: '{' })
    expect(broken.status).to.equal(400)
  })

  it('passes on what the app asks Wix, under both of its names', async () => {
    const headers = { Host: host.replace('127.0.0.1', 'localhost') }
    expect((await ask(url, '/oauth2/token-info', headers)).status).to.equal(403)
    const ofPage = { method: 'POST', headers: { origin: 'http://evil.example' }, body: '{"token":"x"}' }
    expect((await fetch(`${url}/oauth2/token-info`, ofPage)).status).to.equal(403)
    const unknown = await fetch(`${url}/oauth2/token-info`, { method: 'POST', body: '{"token":"x"}' })
    expect(await unknown.json()).to.deep.equal({ active: false })
    const large = await fetch(`${url}/oauth2/token-info`, { method: 'POST', body: 'x'.repeat(70_000) })
    expect([large.status, await large.json()]).to.deep.equal([413, { message: 'The body is larger than 64 KiB' }])
  })

  it('prints what it cannot do, closes that connection, and goes on', async () => {
    const print = sinon.stub(console, 'error')
    const broken = new TypeError('broken')
    sinon.stub(Log.prototype, 'clear').throws(broken)
    const failed: unknown = await command(simulator, 'clear').catch((error: unknown) => error)
    expect(failed).to.have.nested.property('cause.code').that.is.oneOf(['ECONNRESET', 'UND_ERR_SOCKET'])
    sinon.assert.calledOnceWithExactly(print, broken)
    expect((await ask(url, '/')).status).to.equal(200)
  })

  it('lets no page anywhere print: what is no address is not found, and a token may be nested as deep as it likes', async () => {
    const print = sinon.stub(console, 'error')
    for (const path of ['//', '//user:password@host:99999/x']) expect((await ask(url, path)).status, path).to.equal(404)
    const nested = Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)).toString('base64url')
    const token = `OauthNG.JWS.e30.${nested}.x`
    const asked = await fetch(`${url}/oauth2/token-info`, { method: 'POST', body: JSON.stringify({ token }) })
    expect(await asked.json()).to.deep.equal({ active: false })
    expect((await ask(url, '/')).status).to.equal(200)
    sinon.assert.notCalled(print)
  })
})
