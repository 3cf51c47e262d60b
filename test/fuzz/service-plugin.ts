// The door of service plugin calls: WixServicePluginStrategy and servicePluginVerifier.
import fc from 'fast-check'
import { servicePluginVerifier, type WixServicePluginRequest, WixServicePluginStrategy } from '../../lib/index.ts'
import { now } from '../support/build.ts'
import { APP_ID, PUBLIC_KEY } from '../support/jwt.ts'
import { runToEnd } from '../support/run.ts'
import { type Door, door, verdictOf, verdictOfOutcome, type Verdict } from './door.ts'
import { isFilled, objectIn } from './inputs.ts'
import { anyJwt, anyRequest, bodyOracle, claimsOf } from './jwt.ts'

export function servicePluginOracle(token: string): Verdict {
  if (token === '') return 'missing'
  const { aud, iss, data } = claimsOf(token) ?? {}
  const isForUs = [aud].flat().includes(APP_ID) && iss === 'wix.com'
  const { request, metadata } = objectIn(data) ?? {}
  const instanceId = objectIn(metadata)?.['instanceId']
  return isForUs && objectIn(request) !== undefined && isFilled(instanceId) ? `accepted ${instanceId}` : 'refused'
}

const options = { publicKey: PUBLIC_KEY, appId: APP_ID, now }
const verify = servicePluginVerifier(options)
const strategy = new WixServicePluginStrategy(options)
const found = (call: unknown): Verdict => `accepted ${(call as WixServicePluginRequest).instanceId}`

export const servicePluginDoor: Door = door<{ token: string } | { req: unknown }>({
  inputs: fc.oneof(
    { weight: 4, arbitrary: anyJwt.map((token) => ({ token })) },
    { weight: 1, arbitrary: anyRequest.map((req) => ({ req })) },
  ),
  ours: async (input) =>
    'token' in input
      ? verdictOf(() => verify(input.token), found)
      : verdictOfOutcome(await runToEnd(strategy, input.req), found),
  oracle: (input) => ('token' in input ? servicePluginOracle(input.token) : bodyOracle(input.req, servicePluginOracle)),
})
