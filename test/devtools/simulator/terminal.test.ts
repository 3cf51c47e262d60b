import { expect } from 'chai'
import type { Entry } from '../../../devtools/simulator/log.ts'
import { exchangeJson } from '../../../devtools/simulator/terminal.ts'
import { startSimulator, terminalLine } from '../../../devtools/simulator/index.ts'
import { command, OWNER } from '../../support/dashboard.ts'
import { serve } from '../../support/serve.ts'

const ENTRY: Entry = {
  id: 1,
  title: 'Webhook wix.ecom.v1.order_created',
  time: '2026-01-01T00:00:00.000Z',
  request: { method: 'POST', url: 'http://localhost:3000/webhooks', headers: {} },
  credential: null,
  answer: { status: 200, headers: {}, body: '' },
  milliseconds: 12,
  verdict: { tone: 'good', text: '200: accepted', why: null },
  explanation: null,
  refusal: null,
}
const answered = (status: number): Entry['answer'] => ({ status, headers: {}, body: '' })

describe('An exchange in a terminal', () => {
  it('is one line with the status and the time', () => {
    expect(terminalLine(ENTRY)).to.equal('-> order_created  <- 200 12 ms')
    const again = { ...ENTRY, title: 'Webhook wix.ecom.v1.order_created, attempt 2 of 13', answer: null }
    const verdict = { tone: 'bad', text: 'no answer within 1250 ms', why: null } as const
    expect(terminalLine({ ...again, milliseconds: 1251, verdict })).to.equal(
      '-> order_created, attempt 2 of 13  <- 1251 ms  no answer within 1250 ms',
    )
    const verdictOfNote = { tone: 'neutral', text: 'genuine', why: null } as const
    const noted = { answer: null, milliseconds: null, verdict: verdictOfNote }
    expect(terminalLine({ ...ENTRY, ...noted, title: 'Opened the dashboard (owner)' })).to.equal(
      '-> Opened the dashboard (owner)  genuine',
    )
    const called = { title: 'Your app called /oauth2/token-info', verdict: noted.verdict }
    expect(terminalLine({ ...ENTRY, ...called, answer: answered(503), milliseconds: 1 })).to.equal(
      '<- Your app called /oauth2/token-info  -> 503 1 ms  genuine',
    )
  })

  it('has the reason below it', () => {
    const why = 'token_expired: signed 26 h ago'
    const verdict = { tone: 'good', text: '401: your app refused it, as it should', why } as const
    expect(terminalLine({ ...ENTRY, answer: answered(401), verdict })).to.equal(
      `-> order_created  <- 401 12 ms  your app refused it, as it should\n   ${why}`,
    )
  })

  it('is coloured where the terminal shows colours, and an app that lets in what it must refuse is the loudest', () => {
    const shown = (tone: Entry['verdict']['tone']): string =>
      terminalLine({ ...ENTRY, answer: answered(500), verdict: { tone, text: '500: x', why: null } }, true)
    expect(terminalLine(ENTRY, true)).to.equal('-> order_created  <- \u001B[32m200\u001B[0m 12 ms')
    expect(shown('bad')).to.equal('-> order_created  <- \u001B[31m500\u001B[0m 12 ms  \u001B[31mx\u001B[0m')
    expect(shown('neutral')).to.not.include('\u001B')
    expect(shown('warning')).to.include('\u001B[33m500')
    expect(shown('alarm')).to.include('\u001B[1;97;41mx\u001B[0m')
  })

  it('takes no control characters and no line breaks from the app, and at most 500 characters', () => {
    const why = `a\u001B[2J\r\nb\u202Ec\u2028${'x'.repeat(600)}`
    const title = 'Opened\u0007 \n\u009B2J Zoë'
    const line = terminalLine({ ...ENTRY, title, verdict: { tone: 'bad', text: 'x\ny', why } })
    const [first, second = '', ...more] = line.split('\n')
    expect(first).to.equal('-> Opened? ??2J Zoë  <- 200 12 ms  x?y')
    expect(second)
      .to.match(/^   a\?\[2J\?\?b\?c\?x+$/)
      .and.have.length(503)
    expect(more).to.deep.equal([])
  })

  it('is fields for a program, without what may be a credential or a secret', () => {
    const request = {
      method: 'POST',
      url: `http://localhost:3000/${'i'.repeat(40)}/${'s'.repeat(41)}?token=secret#x`,
      headers: {},
    } as const
    const refusal = { strategy: 's', status: 401, code: 'token_expired', hint: 'x' } as const
    const credential = { kind: 'a webhook', signedBy: 'x', decoded: { secret: 1 } }
    expect(exchangeJson({ ...ENTRY, request, refusal, credential })).to.deep.equal({
      type: 'exchange',
      id: 1,
      time: '2026-01-01T00:00:00.000Z',
      title: 'Webhook wix.ecom.v1.order_created',
      method: 'POST',
      url: `http://localhost:3000/${'i'.repeat(40)}/...`,
      credential: 'a webhook',
      status: 200,
      milliseconds: 12,
      tone: 'good',
      verdict: '200: accepted',
      code: 'token_expired',
      why: null,
    })
    expect(exchangeJson({ ...ENTRY, request: null, answer: null })).to.include({
      method: null,
      url: null,
      credential: null,
      status: null,
      code: null,
    })
  })

  it('is known to the program that started the simulator, once for each exchange, when it has ended', async () => {
    const app = await serve((_req, res) => res.writeHead(200).end())
    const lines: string[] = []
    const url = app.url.replace('127.0.0.1', 'localhost')
    const settled = (entry: Entry): void => void lines.push(terminalLine({ ...entry, milliseconds: 1 }))
    const simulator = await startSimulator({ app: url, webhooks: url, settled })
    await command(simulator, 'send', { ...OWNER, action: 'order' })
    await command(simulator, 'ask', OWNER)
    await simulator.close()
    await app.close()
    expect(lines).to.deep.equal(['-> order_created  <- 200 1 ms', '-> Asked for the dashboard (owner)  <- 200 1 ms'])
  })
})
