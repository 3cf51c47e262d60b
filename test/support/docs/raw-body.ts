import { expect } from 'chai'
import { generateAppKeys, signWebhook } from '../../../devtools/testing/index.ts'
import { APP_KEYS, type PageTest } from '../docs-page.ts'

/** A program that calls the handler as a gateway does: once for each event in `EVENTS`. */
const GATEWAY = `
import { handler } from './handler.mjs'
for (const event of JSON.parse(process.env.EVENTS)) {
  const { statusCode, headers, body } = await handler(event)
  console.log(statusCode, headers['content-type'] ?? '', body)
}
`

export default {
  implicitAny: true,
  claims: {
    'verify the body that a gateway passes, as text or in base64, and handle it once': async (page) => {
      await page.write('gateway.mjs', GATEWAY)
      const call = (...events: object[]): Promise<string> =>
        page.execute('gateway.mjs', 'handler.mjs', { EVENTS: JSON.stringify(events) })
      const event = { instanceId: 'site-1', eventType: 'AppInstalled', data: {} }
      const body = signWebhook(event, APP_KEYS.privateKey)
      const base64 = Buffer.from(body).toString('base64')
      expect(await call({ body, isBase64Encoded: false }, { body: base64, isBase64Encoded: true }, { body })).to.equal(
        'AppInstalled site-1\n200  \n200  \n200  \n',
      )

      const forged = signWebhook(event, generateAppKeys().privateKey)
      const old = signWebhook(event, APP_KEYS.privateKey, { iat: 1 })
      const output = await call({ body: forged }, { body: old }, { body: null })
      const refusals = output.split('\n').filter((_line, index) => index % 2 === 1)
      expect(refusals.map((line) => line.replace(/,"message".*/, ''))).to.deep.equal([
        '401 application/json {"code":"signature_invalid"',
        '401 application/json {"code":"token_expired"',
        '401 application/json {"code":"credentials_missing"',
      ])
      expect(output).to.match(/^signature_invalid the key does not fit/)
      expect(output).to.include('credentials_missing the body is empty')
    },
  },
} satisfies PageTest
