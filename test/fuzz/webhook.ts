// The door of webhooks: WixWebhookStrategy and webhookVerifier.
import fc from 'fast-check'
import { webhookVerifier, type WixWebhookEvent, WixWebhookStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { PUBLIC_KEY, SECONDS } from '../support/jwt.ts'
import { runToEnd } from '../support/run.ts'
import { type Door, door, verdictOf, verdictOfOutcome, type Verdict } from './door.ts'
import { isFilled, objectIn } from './inputs.ts'
import { anyJwt, anyRequest, bodyOracle, claimsOf } from './jwt.ts'

const eventIn = (data: unknown): unknown => {
  try {
    return typeof data === 'string' ? JSON.parse(data) : data
  } catch {
    return undefined
  }
}

export function webhookOracle(token: string): Verdict {
  if (token === '') return 'missing'
  const claims = claimsOf(token)
  const data = claims?.['data']
  const isYoung = typeof claims?.['iat'] === 'number' && claims['iat'] >= SECONDS - 302_430
  const isOfOtherKind = objectIn(data)?.['metadata'] !== undefined || objectIn(data)?.['SHA256'] !== undefined
  const { instanceId, eventType } = objectIn(eventIn(data)) ?? {}
  return isYoung && !isOfOtherKind && isFilled(instanceId) && isFilled(eventType)
    ? `accepted ${instanceId} ${eventType}`
    : 'refused'
}

const options = { publicKey: PUBLIC_KEY, now }
const verify = webhookVerifier(options)
const strategy = new WixWebhookStrategy(options)
const found = (event: unknown): Verdict => {
  const { instanceId, eventType } = event as WixWebhookEvent
  return `accepted ${instanceId} ${eventType}`
}

export const webhookDoor: Door = door<{ token: string } | { req: unknown }>({
  inputs: fc.oneof(
    { weight: 4, arbitrary: anyJwt.map((token) => ({ token })) },
    { weight: 1, arbitrary: anyRequest.map((req) => ({ req })) },
  ),
  ours: async (input) =>
    'token' in input
      ? verdictOf(() => verify(input.token), found)
      : verdictOfOutcome(await runToEnd(strategy, input.req), found),
  oracle: (input) => ('token' in input ? webhookOracle(input.token) : bodyOracle(input.req, webhookOracle)),
})
