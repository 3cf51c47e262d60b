import { createHash, verify as verifySignature } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { WixAuthError, WixDigestStrategy, WixServicePluginStrategy, WixWebhookStrategy } from '../../lib/index.ts'
import { verifyJwt } from '../../lib/internal/jwt.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { now } from '../support/build.ts'
import {
  APP_ID,
  BODY,
  digest,
  PUBLIC_KEY as publicKey,
  rawJwt,
  SECONDS,
  servicePlugin,
  webhook,
} from '../support/jwt.ts'
import { runToEnd } from '../support/run.ts'
import { verifyDigest, verifyServicePlugin, verifyWebhook } from '../support/verify.ts'

const SEED = 20_260_304

/** Decides, in another way, whether a JWT is good: one spelling, the header, a right signature, an object, its times. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  const parts = /^([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{342})$/.exec(token)?.slice(1)
  if (parts === undefined) return undefined
  const [header, payload, signature] = parts.map((part) => Buffer.from(part, 'base64url')) as [Buffer, Buffer, Buffer]
  if ([header, payload, signature].some((bytes, at) => bytes.toString('base64url') !== parts[at])) return undefined
  const signed = token.slice(0, token.lastIndexOf('.'))
  if (!verifySignature('RSA-SHA256', Buffer.from(signed), publicKey, signature)) return undefined
  try {
    const { alg, ...rest } = JSON.parse(header.toString()) as Record<string, unknown>
    if (alg !== 'RS256' || ['crit', 'b64', 'zip'].some((name) => name in rest)) return undefined
    if (!Buffer.from(payload.toString()).equals(payload)) return undefined
    const claims = JSON.parse(payload.toString()) as Record<string, unknown>
    const { exp, iat, nbf } = claims
    if (typeof exp !== 'number' || !(exp > SECONDS - 30) || exp === Infinity) return undefined
    for (const time of [iat, nbf]) {
      if (time !== undefined && (typeof time !== 'number' || !(time <= SECONDS + 30))) return undefined
    }
    return iat === -Infinity ? undefined : claims
  } catch {
    return undefined
  }
}
const object = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
const json = (token: unknown): Record<string, unknown> | undefined => {
  try {
    return object(JSON.parse(String(typeof token === 'string' ? token : NaN)))
  } catch {
    return undefined
  }
}
const named = (value: unknown): boolean => typeof value === 'string' && value !== ''

const isWebhook = (token: string): boolean => {
  const claims = claimsOf(token)
  const data = object(claims?.['data'])
  const { instanceId, eventType } = json(claims?.['data']) ?? data ?? {}
  const young = typeof claims?.['iat'] === 'number' && claims['iat'] >= SECONDS - 302_430
  const isOfOtherKind = data?.['metadata'] !== undefined || data?.['SHA256'] !== undefined
  return young && named(instanceId) && named(eventType) && !isOfOtherKind
}
const isServicePlugin = (token: string): boolean => {
  const claims = claimsOf(token)
  const { aud, iss } = claims ?? {}
  const data = object(claims?.['data'])
  const ours = (Array.isArray(aud) ? aud : [aud]).includes(APP_ID) && iss === 'wix.com'
  return ours && object(data?.['request']) !== undefined && named(object(data?.['metadata'])?.['instanceId'])
}
const isDigest = (token: string): boolean => {
  if (!token.startsWith('JWT=') || token.length > 8192) return false
  const hash = object(claimsOf(token.slice(4))?.['data'])?.['SHA256']
  return typeof hash === 'string' && hash.toLowerCase() === createHash('sha256').update(BODY).digest('hex')
}

const accepts = (verdict: Promise<unknown>): Promise<boolean> =>
  verdict.then(
    () => true,
    (error: unknown) => {
      if (error instanceof WixAuthError) return false
      throw error
    },
  )

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
const character = fc.constantFrom(...base64url, '.', '=', '+', '/', ' ', '\n', '\0', '%', 'é', 'Ł', '\uD800')

/** One to three edits of one of these tokens. */
const editedOf = (...texts: string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'double'), fc.nat(), character), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([token, edits]) =>
      edits.reduce((result, [kind, where, put]) => {
        const at = where % (result.length + 1)
        if (kind === 'double') return result.slice(0, at) + result.slice(Math.max(0, at - 5))
        return result.slice(0, at) + (kind === 'remove' ? '' : put) + result.slice(kind === 'insert' ? at : at + 1)
      }, token),
    )

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('', null, 0, '{}', '[]', '{"identityType":"APP"}', 'wix.com', APP_ID, [APP_ID], {}, 'i'),
  fc.integer({ min: SECONDS - 400_000, max: SECONDS + 100 }),
)
const some = (...names: string[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 2 })

/** What Wix never signs, with a right signature. */
const signed = fc.oneof(
  fc
    .tuple(some('instanceId', 'eventType', 'data', 'identity', 'accountInfo', '__proto__'), some('iat', 'exp', 'nbf'))
    .map(([event, claims]) => {
      const usual = { instanceId: 'i', eventType: 'e', data: '{"id":"1"}' }
      return webhook({}, { data: JSON.stringify({ ...usual, ...event }), ...claims })
    }),
  fc
    .tuple(some('instanceId', 'identity', 'constructor'), some('iat', 'exp', 'iss', 'aud'))
    .map(([metadata, claims]) => servicePlugin(metadata, claims)),
  fc.tuple(some('SHA256', 'MD5'), some('iat', 'exp')).map(([data, claims]) => {
    const SHA256 = createHash('sha256').update(BODY).digest('hex')
    return digest(BODY, { data: { SHA256, ...data }, ...claims }).slice(4)
  }),
  fc
    .tuple(some('alg', 'crit', 'b64', 'zip', 'kid', 'jwk'), fc.oneof(fc.jsonValue(), some('data', 'exp')))
    .map(([header, payload]) => rawJwt({ alg: 'RS256', ...header }, payload)),
)

describe('any string, as a JWT,', function () {
  this.timeout(300_000)

  it('J-04: that is no JWT in its one spelling never reaches a key (100,000 edits)', async () => {
    // Without a key, whatever has the right form is rejected for its signature, and at no cost.
    const code = (token: string): Promise<string> =>
      verifyJwt(token, [], ownOptions({ now }), { algorithms: ['RS256'], toIdentity: ({ claims }) => claims }).then(
        () => 'accepted',
        (error: unknown) => (error instanceof WixAuthError ? error.code : String(error)),
      )
    const wellFormed = (token: string): boolean => {
      const parts = token.split('.')
      const canonical = (part: string): boolean =>
        /^[A-Za-z0-9_-]*$/.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part
      return parts.length === 3 && (parts[0] ?? '').length <= 2048 && parts.every(canonical)
    }
    let passed = 0
    await fc.assert(
      fc.asyncProperty(editedOf(webhook(), servicePlugin(), digest().slice(4)), async (token) => {
        passed += Number(wellFormed(token))
        expect(await code(token)).to.equal(wellFormed(token) ? 'signature_invalid' : 'token_malformed')
      }),
      { seed: SEED, numRuns: 100_000 },
    )
    expect(passed).to.be.within(10_000, 90_000)
  })

  const anyString = fc.oneof(
    { weight: 1, arbitrary: fc.string({ unit: character }) },
    { weight: 3, arbitrary: editedOf(webhook(), servicePlugin(), digest().slice(4)) },
    { weight: 4, arbitrary: signed },
    { weight: 1, arbitrary: fc.constantFrom(webhook(), servicePlugin(), digest().slice(4)) },
  )

  it('is accepted by each check if and only if an independent check accepts it (5,000 strings)', async () => {
    const options = { publicKey, now }
    const good = { webhook: 0, plugin: 0, digest: 0 }
    await fc.assert(
      fc.asyncProperty(anyString, async (token) => {
        const header = `JWT=${token}`
        const expected = { webhook: isWebhook(token), plugin: isServicePlugin(token), digest: isDigest(header) }
        expect({
          webhook: await accepts(verifyWebhook(token, options)),
          plugin: await accepts(verifyServicePlugin(token, { ...options, appId: APP_ID })),
          digest: await accepts(verifyDigest(header, BODY, options)),
        }).to.deep.equal(expected)
        good.webhook += Number(expected.webhook)
        good.plugin += Number(expected.plugin)
        good.digest += Number(expected.digest)
      }),
      { seed: SEED, numRuns: 5000 },
    )
    for (const count of Object.values(good)) expect(count).to.be.greaterThan(100)
  })

  it('P-01: or anything else, as a request, has exactly one outcome, and success only when it is good', async () => {
    const held = fc.oneof(
      anyString,
      anyString.map((token) => Buffer.from(token)),
      fc.anything(),
    )
    const headers = fc.oneof(
      fc.anything(),
      fc.record(
        { digest: anyString.map((token) => `JWT=${token}`), 'content-length': fc.anything(), 'content-type': held },
        { requiredKeys: [] },
      ),
    )
    const request = fc.oneof(fc.anything(), fc.record({ body: held, rawBody: held, headers }, { requiredKeys: [] }))
    const strategies = [
      new WixWebhookStrategy({ publicKey, now }),
      new WixServicePluginStrategy({ publicKey, appId: APP_ID, now }),
      new WixDigestStrategy({ publicKey, now }),
    ]
    await fc.assert(
      fc.asyncProperty(request, fc.nat(2), async (req, index) => {
        const outcome = await runToEnd(strategies[index] as WixWebhookStrategy, req)
        if (outcome.kind === 'success') {
          const { body, rawBody } = req as { body?: unknown; rawBody?: unknown }
          const token = String(rawBody ?? body)
          expect(isWebhook(token) || isServicePlugin(token) || index === 2).to.equal(true)
        } else if (outcome.kind === 'fail') {
          expect(JSON.stringify(outcome.challenge)).to.match(/^[\x20-\x7e]+$/)
        } else {
          expect(outcome).to.have.nested.property('error.message').that.includes('Wix signed the raw body')
        }
      }),
      { seed: SEED, numRuns: 3000 },
    )
  })
})
