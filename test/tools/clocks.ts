/**
 * A module that takes a fake clock, whoever made it, and tells what each strategy says under it. With `authenticateRequest`, since a
 * server would wait for timers.
 */
export const CLOCKS = `
import { generateSessionKey, SessionTokens, WixAppStrategy, WixSessionStrategy, WixWebhookStrategy } from 'passport-wix-app'
import { authenticateRequest } from 'passport-wix-app/fetch'
import { generateAppKeys, signInstance, signWebhook } from 'passport-wix-app/testing'

const secret = 'my-secret'
const keys = generateAppKeys()
const issuer = 'https://your-backend.example'

const bearer = (value) => new Request('https://localhost/', { headers: { Authorization: value } })
const outcome = (request, strategy) =>
  authenticateRequest(request, strategy).then(() => 200, (error) => error.code ?? String(error))

export async function underAFakeClock(set, reset) {
  const key = await generateSessionKey()
  const made = () => {
    const tokens = new SessionTokens({ keys: [key], issuer, audience: 'api' })
    return {
      tokens,
      instance: new WixAppStrategy({ secret }, ({ instanceId }) => ({ instanceId })),
      session: new WixSessionStrategy({ tokens }),
      webhook: new WixWebhookStrategy({ publicKey: keys.publicKey }),
    }
  }
  const asks = async (signer) => {
    const value = signInstance({ instanceId: 'site-1', uid: 'me' }, secret)
    const { identity } = await authenticateRequest(bearer(value), signer.instance)
    const session = 'Bearer ' + (await signer.tokens.issue(identity))
    const event = signWebhook({ instanceId: 'site-1', eventType: 'AppInstalled', data: {} }, keys.privateKey)
    return async ({ instance, session: sessions, webhook }) => [
      await outcome(bearer(value), instance),
      await outcome(bearer(session), sessions),
      await outcome(new Request('https://localhost/', { method: 'POST', body: event }), webhook),
    ]
  }
  const before = made()
  const today = await asks(before)
  const told = { today: await today(before) }
  try {
    set(Date.now() + 10 * 24 * 3600_000)
    const after = made()
    told.tenDaysLater = [...(await today(before)), ...(await today(after))]
    const later = await asks(before)
    told.signedLater = [...(await later(before)), ...(await later(after))]
    set(Date.UTC(2025, 0, 1))
    const past = await asks(after)
    told.signedInThePast = [...(await past(before)), ...(await past(after)), ...(await past(made()))]
  } finally {
    reset()
  }
  const again = await asks(before)
  told.todayAgain = await again(before)
  return told
}
`

/** One test of a runner: by its own imports, and with its own fake clock. */
export const clockTest = (line: string, clock: Readonly<{ line: string; set: string; reset: string }>): string => `
import assert from 'node:assert/strict'
${line}
${clock.line}
import { underAFakeClock } from './clocks.mjs'

test('every credential ages by the fake clock', async () => {
  const told = await underAFakeClock((time) => { ${clock.set} }, () => { ${clock.reset} })
  const expired = Array(6).fill('token_expired')
  const ok = Array(9).fill(200)
  assert.deepEqual(told, {
    today: ok.slice(0, 3),
    tenDaysLater: expired,
    signedLater: ok.slice(0, 6),
    signedInThePast: ok,
    todayAgain: ok.slice(0, 3),
  })
})
`
