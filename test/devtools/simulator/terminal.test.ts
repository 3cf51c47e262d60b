import { expect } from 'chai'
import type { Entry } from '../../../devtools/simulator/log.ts'
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
  verdict: { tone: 'good', text: '200: accepted' },
  explanation: null,
  refusal: null,
}
const answered = (status: number): Entry['answer'] => ({ status, headers: {}, body: '' })

describe('An exchange in a terminal', () => {
  it('is one line with the status and the time', () => {
    expect(terminalLine(ENTRY)).to.equal('-> order_created  <- 200 12 ms')
    const again = { ...ENTRY, title: 'Webhook wix.ecom.v1.order_created, attempt 2 of 13', answer: null }
    const verdict = { tone: 'bad', text: 'no answer within 1250 ms' } as const
    expect(terminalLine({ ...again, milliseconds: 1251, verdict })).to.equal(
      '-> order_created, attempt 2 of 13  <- 1251 ms  no answer within 1250 ms',
    )
    const noted = { answer: null, milliseconds: null, verdict: { tone: 'neutral', text: 'genuine' } } as const
    expect(terminalLine({ ...ENTRY, ...noted, title: 'Opened the dashboard (owner)' })).to.equal(
      '-> Opened the dashboard (owner)  genuine',
    )
    const called = { title: 'Your app called /oauth2/token-info', verdict: noted.verdict }
    expect(terminalLine({ ...ENTRY, ...called, answer: answered(503), milliseconds: 1 })).to.equal(
      '<- Your app called /oauth2/token-info  -> 503 1 ms  genuine',
    )
  })

  it('has the reason of a refusal below it: the one of the app, else why the credential must be refused', () => {
    const verdict = { tone: 'good', text: '401: your app refused it, as it should' } as const
    const refused = { ...ENTRY, answer: answered(401), verdict }
    const explanation = { code: 'token_expired', message: 'The credential has expired', hint: 'signed 26 h ago' }
    const line = '-> order_created  <- 401 12 ms  your app refused it, as it should'
    expect(terminalLine({ ...refused, explanation })).to.equal(`${line}\n   token_expired: signed 26 h ago`)
    expect(terminalLine({ ...refused, explanation: { ...explanation, hint: null } })).to.equal(
      `${line}\n   token_expired: The credential has expired`,
    )
    const refusal = { strategy: 'wix-app', status: 401, code: null, hint: 'the verify callback found no user' }
    expect(terminalLine({ ...refused, explanation, refusal })).to.equal(`${line}\n   the verify callback found no user`)
    expect(terminalLine({ ...refused, refusal: { ...refusal, hint: null } })).to.equal(line)
  })

  it('is coloured where the terminal shows colours, and an app that lets in what it must refuse is the loudest', () => {
    const bad = { ...ENTRY, answer: answered(500), verdict: { tone: 'bad', text: '500: your app failed' } } as const
    expect(terminalLine(ENTRY, true)).to.equal('-> order_created  <- \u001B[32m200\u001B[0m 12 ms')
    expect(terminalLine(bad, true)).to.include('<- \u001B[31m500\u001B[0m 12 ms  \u001B[31myour app failed\u001B[0m')
    expect(terminalLine({ ...bad, verdict: { tone: 'neutral', text: 'x' } }, true)).to.not.include('\u001B')
    const accepted = { tone: 'bad', text: '200: your app accepted what it must refuse' } as const
    const explanation = { code: 'token_expired', message: 'expired', hint: null }
    expect(terminalLine({ ...ENTRY, verdict: accepted, explanation }, true)).to.include(
      '\u001B[1;97;41myour app accepted what it must refuse\u001B[0m',
    )
    expect(terminalLine({ ...ENTRY, answer: answered(500), verdict: accepted, explanation }, true)).to.not.include(
      '41m',
    )
  })

  it('takes no control characters and no line breaks from the app, and at most 500 characters', () => {
    const refusal = { strategy: 's', status: 401, code: null, hint: `a\u001B[2J\r\nb\u202Ec\u2028${'x'.repeat(600)}` }
    const title = 'Opened\u0007 \n\u009B2J Zoë'
    const line = terminalLine({ ...ENTRY, title, refusal, verdict: { tone: 'bad', text: 'x\ny' } })
    const [first, second = '', ...more] = line.split('\n')
    expect(first).to.equal('-> Opened? ??2J Zoë  <- 200 12 ms  x?y')
    expect(second)
      .to.match(/^   a\?\[2J\?\?b\?c\?x+$/)
      .and.have.length(503)
    expect(more).to.deep.equal([])
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
