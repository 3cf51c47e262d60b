import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { WixAccessTokenStrategy, WixUnavailableError } from '../../lib/index.ts'
import { accessToken, answering, askedFor } from '../support/access-token.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { EXPIRED, INVALID, MISSING, rejectedWith } from '../support/challenges.ts'
import { APP_ID } from '../support/jwt.ts'
import { request, runToEnd } from '../support/run.ts'
import { tokenInfoServer, whole } from '../support/token-info-server.ts'

interface Credential {
  name: string
  value: string
  expect_at_access_token_strategy: 'ask Token Info' | 'refuse' | 'missing'
}
interface Verdict {
  name: string
  status: number
  body: Record<string, unknown> | string
  verify_at: number
  app_id: string
  expect: 'accept' | 'refuse' | 'error'
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/access-token.json', import.meta.url), 'utf8')) as {
  credentials: Credential[]
  token_info: Verdict[]
}

const TOKEN = accessToken()
const createStrategy = (options: object): WixAccessTokenStrategy =>
  new WixAccessTokenStrategy({ appId: APP_ID, now, ...options }, (identity) => identity)

describe('the vectors of access-token.json', () => {
  watchForSecrets()
  it('are 10 credentials and 18 answers', () => {
    expect([vectors.credentials.length, vectors.token_info.length]).to.deep.equal([10, 18])
  })

  for (const { name, value, expect_at_access_token_strategy: verdict } of vectors.credentials) {
    it(`T-01: give the credential ${name} its verdict: ${verdict}`, async () => {
      const fetch = answering()
      const outcome = await runToEnd(createStrategy({ fetch }), request({}, { authorization: value }))
      if (verdict === 'ask Token Info') {
        expect(outcome).to.have.property('kind', 'success')
        expect(askedFor(fetch)).to.deep.equal([value.replace('Bearer ', '')])
        return
      }
      expect(outcome).to.include({ kind: 'fail', status: 401 })
      if (verdict === 'missing') expect(outcome).to.deep.equal(rejectedWith(MISSING))
      expect(askedFor(fetch)).to.deep.equal([])
    })
  }

  for (const { name, status, body, verify_at: at, app_id: appId, expect: verdict } of vectors.token_info) {
    it(`T-03: give the answer ${name} its verdict: ${verdict}`, async () => {
      const server = await tokenInfoServer(whole(body, status))
      try {
        const strategy = createStrategy({ appId, apiUrl: server.url, now: () => at * 1000 })
        const outcome = await runToEnd(strategy, request({}, { authorization: TOKEN }))
        expect(server.calls).to.have.length(1)
        expect(server.calls[0]).to.deep.include({
          method: 'POST',
          url: '/oauth2/token-info',
          body: JSON.stringify({ token: TOKEN }),
        })
        expect(server.calls[0]?.headers).to.include({ 'content-type': 'application/json', accept: 'application/json' })
        expect(server.calls[0]?.headers).to.not.have.property('authorization')
        if (verdict === 'refuse') {
          expect(outcome).to.deep.equal(rejectedWith(name === 'expired' ? EXPIRED : INVALID))
        } else if (verdict === 'error') {
          expect(outcome).to.have.property('kind', 'error')
          expect(outcome)
            .to.have.property('error')
            .that.is.instanceOf(WixUnavailableError)
            .and.includes({ status: 503 })
        } else {
          const said = body as Record<string, unknown>
          const identity = {
            subjectId: null,
            siteId: null,
            accountId: null,
            permissions: null,
            siteOwnerId: null,
            vendorProductId: null,
            ...said,
            active: true,
            iat: said['iat'] === null ? null : Number(said['iat']),
            exp: Number(said['exp']),
          }
          expect(outcome).to.deep.equal({ kind: 'success', user: identity, info: { identity } })
        }
      } finally {
        await server.close()
      }
    })
  }
})
