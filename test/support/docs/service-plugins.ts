import { expect } from 'chai'
import { signDigest, signServicePlugin } from '../../../devtools/testing/index.ts'
import { APP_ID, APP_KEYS, type Page, type PageTest, type Running } from '../docs-page.ts'

const { privateKey } = APP_KEYS

const start = (page: Page): Promise<Running> => page.start('server.mjs')

const post = (server: Running, path: string, body: string, headers: Record<string, string> = {}) =>
  server.ask(path, { method: 'POST', headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body })

export default {
  implicitAny: true,
  claims: {
    'adds a fee to a cart, and takes nothing else': async (page) => {
      const server = await start(page)
      const path = '/plugins/fees/v1/calculate-additional-fees'
      const call = (request: object) =>
        signServicePlugin({ appId: APP_ID, request, metadata: { instanceId: 'site-1', currency: 'EUR' } }, privateKey)
      expect(await (await post(server, path, call({ lineItems: [{}] }))).json()).to.deep.equal({
        additionalFees: [{ code: 'wrapping', name: 'Gift wrapping', price: '1.50', taxDetails: { taxable: true } }],
        currency: 'EUR',
      })
      expect((await post(server, path, call({}))).status).to.equal(400)
    },
    'runs a tool for the site that calls, and takes no other input': async (page) => {
      const server = await start(page)
      const call = (request: object, instanceId = 'site-1') =>
        post(
          server,
          '/plugins/tools/v1/run-tool',
          signServicePlugin({ appId: APP_ID, request, metadata: { instanceId } }, privateKey),
        )
      const genuine = { methodName: 'trackParcel', payload: { number: 'RB1' } }
      expect(await (await call(genuine)).json()).to.deep.equal({ response: { status: 'in transit' } })
      expect(await (await call(genuine, 'site-2')).json()).to.deep.equal({ response: { status: 'unknown' } })
      for (const odd of [
        {},
        { ...genuine, methodName: 'constructor' },
        { ...genuine, payload: null },
        { ...genuine, payload: 'RB1' },
        { ...genuine, payload: { number: ['RB1'] } },
        { ...genuine, payload: { number: 'RB1 OR 1=1' } },
      ]) {
        expect((await call(odd)).status).to.equal(400)
      }
    },
    'refunds once, and takes nothing but a refund': async (page) => {
      const server = await start(page)
      const refund = async (body: string, digest = signDigest(body, privateKey)) =>
        post(server, '/payments/refund', body, { 'content-type': 'application/json', digest })
      const body = JSON.stringify({ wixRefundId: 'refund-of-ann' })
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await (await refund(body)).json()).to.deep.equal({ pluginRefundId: 'refund-1' })
      }
      expect((await refund('{}')).status).to.equal(400)
      expect((await refund('{}', signDigest(body, privateKey))).status).to.equal(401)
    },
    'says what a parser in front does with it': async (page) => {
      const code = page.files.get('server.mjs') ?? ''
      await page.write('parsed.mjs', code.replace('= express()', '= express()\napp.use(express.json())'))
      const server = await page.startWritten('parsed.mjs', 'server.mjs')
      const headers = { 'content-type': 'application/json', digest: signDigest('{}', privateKey) }
      expect((await post(server, '/payments/refund', '{}', headers)).status).to.equal(500)
    },
  },
} satisfies PageTest
