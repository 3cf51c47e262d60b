import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect } from 'chai'
import { type Exchange, judge, type Judged, send, type Verdict } from '../../../devtools/simulator/exchange.ts'
import { serve } from '../../support/serve.ts'

const EXPLANATION = { code: 'signature_invalid', message: 'No', hint: null }

const PAGE = 'http://localhost:3000/page'
const PARENT = 'http://127.0.0.1:4949'

describe('What the simulator says about an exchange', () => {
  const ended = (status: number, headers: Record<string, string> = {}, milliseconds = 1): Exchange => ({
    answer: { status, headers, body: '' },
    problem: '',
    milliseconds,
  })
  const judged = (exchange: Exchange, isGenuine: boolean, more: Partial<Judged> = {}): Verdict =>
    judge(exchange, {
      request: { method: 'GET', url: `${PAGE}?instance=x`, headers: {} },
      kind: 'digest',
      explanation: isGenuine ? null : EXPLANATION,
      said: null,
      ...more,
    })
  const verdict = (...given: Parameters<typeof judged>): string[] => {
    const { tone, text } = judged(...given)
    return [tone, text]
  }

  it('depends on the credential and on the status', () => {
    for (const status of [200, 204]) {
      expect(verdict(ended(status), true)).to.deep.equal(['good', `${status}: accepted`])
      expect(verdict(ended(status), false)).to.deep.equal(['alarm', `${status}: your app accepted what it must refuse`])
    }
    for (const status of [400, 401]) {
      expect(verdict(ended(status), true)).to.deep.equal(['bad', `${status}: your app refused a genuine credential`])
      expect(verdict(ended(status), false)).to.deep.equal(['good', `${status}: your app refused it, as it should`])
    }
    for (const status of [413, 415, 429]) {
      expect(verdict(ended(status), true)).to.deep.equal(['bad', `${status}: your app refused the request`])
      expect(verdict(ended(status), false)).to.deep.equal(['good', `${status}: your app refused it, as it should`])
    }
    expect(verdict(ended(403), true)).to.deep.equal(['warning', '403: not allowed'])
    expect(verdict(ended(403), false)).to.deep.equal(['good', '403: your app refused it, as it should'])
    for (const isGenuine of [true, false]) {
      expect(verdict(ended(302), isGenuine)).to.deep.equal(['warning', '302: your app redirects'])
      expect(verdict(ended(404), isGenuine)).to.deep.equal(['bad', '404: your app has no such route'])
      expect(verdict(ended(405), isGenuine)).to.deep.equal(['bad', '405: your app has no such route'])
      expect(verdict(ended(503), isGenuine)).to.deep.equal(['bad', '503: your app failed'])
    }
    const none = { answer: null, problem: 'no connection (ECONNREFUSED)', milliseconds: 1 }
    expect(judged(none, true)).to.deep.equal({ tone: 'bad', text: 'no connection (ECONNREFUSED)', why: null })
    const problem = 'nothing listens at http://localhost:3000'
    for (const [kind, afterwards] of [
      ['instance', ': the frame follows'],
      ['webhook', ': Wix sends it again'],
      ['digest', ''],
    ] as const)
      expect(judged({ ...none, problem }, true, { kind })).to.deep.equal({
        tone: 'bad',
        text: problem,
        why: `start your app, or give the simulator the address at which it listens${afterwards}`,
      })
  })

  it('depends on what was sent, too', () => {
    const [webhook, instance] = [{ kind: 'webhook' }, { kind: 'instance', parent: PARENT }] as const
    expect(verdict(ended(200), true, webhook)).to.deep.equal(['good', '200: accepted'])
    expect(verdict(ended(204), true, webhook)).to.deep.equal(['bad', '204: Wix asks for 200'])
    expect(verdict(ended(200, {}, 1251), true, { ...webhook, limit: 1250 })).to.deep.equal([
      'bad',
      '200: too late, after 1251 ms',
    ])
    const headers = { 'x-frame-options': 'SAMEORIGIN' }
    expect(verdict(ended(200, headers), true, webhook)).to.deep.equal(['good', '200: accepted'])
    expect(verdict(ended(200, headers), true, instance)).to.deep.equal(['bad', 'blank: X-Frame-Options'])
    for (const status of [204, 205])
      expect(verdict(ended(status), true, instance)).to.deep.equal(['bad', 'blank: no content'])
    expect(verdict(ended(200, { 'content-length': '0' }), true, instance)).to.deep.equal(['bad', 'blank: no content'])
    expect(verdict(ended(200, { 'content-length': '10' }), true, instance)).to.deep.equal(['good', '200: accepted'])
    const saved = { 'content-disposition': 'attachment; filename="page.html"', 'content-length': '1' }
    expect(verdict(ended(200, saved), true, instance)).to.deep.equal(['bad', 'blank: Content-Disposition'])
    expect(verdict(ended(200, { ...saved, 'content-disposition': 'inline' }), true, instance)).to.deep.equal([
      'good',
      '200: accepted',
    ])
    expect(verdict(ended(200, { 'content-length': '0' }), true)).to.deep.equal(['good', '200: accepted'])
    expect(verdict(ended(200, saved), true)).to.deep.equal(['good', '200: accepted'])
    expect(verdict(ended(200), true, instance)).to.deep.equal(['good', '200: accepted'])
  })

  it('comes with the reason in one line: what the app said, or what is known, or what to do', () => {
    const why = (...given: Parameters<typeof judged>): string | null => judged(...given).why
    expect(why(ended(401), false, { said: 'signature_invalid: the key does not fit' })).to.equal(
      'signature_invalid: the key does not fit',
    )
    expect(why(ended(401), false)).to.equal('signature_invalid: No')
    expect(why(ended(200), false, { explanation: { ...EXPLANATION, hint: 'of another app' } })).to.equal(
      'signature_invalid: of another app',
    )
    expect(why(ended(401), true, { kind: 'instance' })).to.match(/^does your app have the WIX_APP_SECRET of the sim/)
    expect(why(ended(401), true)).to.match(/^does your app have the WIX_PUBLIC_KEY of the simulator\?/)
    expect(why(ended(403), true, { kind: 'instance' })).to.equal('NODE_DEBUG=passport-wix-app makes your app say why')
    expect(why(ended(403), true)).to.equal('Wix sends no Origin: a check against CSRF refuses that')
    expect(why(ended(413), true)).to.equal('Payload Too Large: look at its parsers and limits')
    expect(why(ended(499), true)).to.equal('unknown: look at its parsers and limits')
    expect(why(ended(302, { location: '/sign-in' }), true)).to.equal('/sign-in')
    expect(why(ended(302), true)).to.equal(null)
    // To add a slash, an app sends the browser on with the credential.
    const location = `https://app.example/${'x'.repeat(41)}/page/?instance=canary#instance=canary`
    expect(why(ended(308, { location }), true)).to.equal('https://app.example/.../page/')
    // Not the query, in which the credential is.
    expect(why(ended(404), true)).to.equal(`GET ${PAGE}`)
    expect(why(ended(200, { 'x-frame-options': 'deny' }), true, { parent: PARENT })).to.include(`allow ${PARENT} in`)
    const policy = { 'content-security-policy': "frame-ancestors 'none'" }
    expect(why(ended(200, policy), true, { parent: PARENT })).to.include(`name ${PARENT} in frame-ancestors`)
    const none = { answer: null, problem: 'nothing listens at http://localhost:3000', milliseconds: 0 }
    expect(why(none, true)).to.equal('start your app, or give the simulator the address at which it listens')
    const refused = { answer: null, problem: 'no connection (ECONNREFUSED)', milliseconds: 1 }
    expect(why(refused, true, { kind: 'webhook' })).to.equal('Wix sends it again')
    const late = { answer: null, problem: 'no answer within 1250 ms', milliseconds: 1250 }
    expect(why(late, true, { kind: 'instance' })).to.equal(
      'what answers is missing: a call of done() or next(), or the answer?',
    )
    expect(why(late, true, { kind: 'webhook' })).to.equal('Wix sends it again: answer first, and do the work later')
  })

  it('is said of one request: no redirect is followed, and the body is cut', async () => {
    const paths: (string | undefined)[] = []
    const app = await serve((req, res) => {
      paths.push(req.url)
      res.writeHead(307, { Location: '/elsewhere' }).end('x'.repeat(30_000))
    })
    const { answer } = await send({ method: 'GET', url: `${app.url}/page`, headers: {} }, 5000)
    await app.close()
    expect(answer?.headers['location']).to.equal('/elsewhere')
    expect(answer).to.include({ status: 307, body: 'x'.repeat(20_000) })
    expect(paths).to.deep.equal(['/page'])
  })

  it('is said of the beginning of an answer that does not end, and ends the connection', async () => {
    for (const chunk of ['x'.repeat(1000), 'x']) {
      let closed: Promise<unknown> | undefined
      const app = await serve((_req, res) => {
        closed = once(res, 'close')
        const more = (): void => {
          while (!res.destroyed && res.write(chunk));
        }
        res.on('drain', more)
        more()
      })
      const { answer, milliseconds } = await send({ method: 'GET', url: app.url, headers: {} }, 20_000)
      expect(answer).to.include({ status: 200, body: 'x'.repeat(20_000) })
      expect(milliseconds).to.be.below(20_000)
      await closed
      await app.close()
    }
  })

  it('is said of an answer without an end, too, whatever its headers ask for', async () => {
    const app = await serve((_req, res) => {
      res.writeHead(200, {
        'Content-Encoding': Array.from({ length: 7 }, () => 'gzip').join(', '),
        'Set-Cookie': ['a=1', 'b=2'],
      })
      res.write('x')
    })
    const { answer, problem } = await send({ method: 'GET', url: app.url, headers: {} }, 200)
    await app.close()
    expect([answer, problem]).to.deep.equal([null, 'no answer within 200 ms'])
  })

  it('is said of what is no answer in HTTP', async () => {
    const other = createServer((socket) => void socket.end('220 mail.example ready\r\n'))
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const { port } = other.address() as AddressInfo
    const { answer, problem } = await send({ method: 'GET', url: `http://127.0.0.1:${port}/`, headers: {} }, 5000)
    other.close()
    expect([answer, problem]).to.deep.equal([null, 'no answer in HTTP (HPE_INVALID_CONSTANT)'])
  })

  it('is said of an answer that is cut off', async () => {
    const app = await serve((_req, res) => {
      res.writeHead(200, { 'Content-Length': '10' })
      res.write('x', () => res.destroy())
    })
    const { answer, problem } = await send({ method: 'GET', url: app.url, headers: {} }, 5000)
    await app.close()
    expect([answer, problem]).to.deep.equal([null, 'your app closed the connection without a whole answer'])
  })

  it('is made of one request on a connection of its own, which asks for a plain answer', async () => {
    const seen: unknown[] = []
    const app = await serve((req, res) => {
      const { host: _, ...headers } = req.headers
      seen.push(req.method, headers)
      res.writeHead(201, 'Made', { 'Set-Cookie': ['a=1', 'b=2'], 'X-One': 'é' })
      req.pipe(res)
    })
    const request = {
      method: 'POST',
      url: `${app.url}/page`,
      headers: { 'Content-Type': 'text/plain' },
      body: 'é',
    } as const
    const { answer } = await send(request, 5000)
    await app.close()
    expect(seen).to.deep.equal([
      'POST',
      {
        accept: '*/*',
        'accept-encoding': 'identity',
        connection: 'close',
        'content-length': '2',
        'content-type': 'text/plain',
        'user-agent': 'passport-wix-app simulator',
      },
    ])
    const { date: _, ...headers } = answer?.headers ?? {}
    expect({ ...answer, headers }).to.deep.equal({
      status: 201,
      headers: { connection: 'close', 'set-cookie': 'a=1, b=2', 'transfer-encoding': 'chunked', 'x-one': 'é' },
      body: 'é',
    })
  })

  it('names the reason where there is no connection', async () => {
    const { answer, problem } = await send({ method: 'GET', url: 'http://127.0.0.1:9/page', headers: {} }, 5000)
    expect([answer, problem]).to.deep.equal([null, 'nothing listens at http://127.0.0.1:9'])
    const plain = await serve((_req, res) => res.end())
    const secure = { method: 'GET', url: plain.url.replace('http:', 'https:'), headers: {} } as const
    expect((await send(secure, 5000)).problem).to.match(/^no connection \((EPROTO|ERR_SSL_\w+)\)$/)
    await plain.close()
  })
})
