import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { instanceVerifier, WixAppStrategy, WixAuthError } from '../../lib/index.ts'
import { instance, NOW, now, payload, SECRET, sign, signData } from '../support/build.ts'
import { request, runToEnd, settled, start } from '../support/run.ts'

const SEED = 20_260_304

/** Decides, in another way, whether an instance is good: HMAC over the data, one spelling, an object with an id, fresh. */
function isGood(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 8192) return false
  const parts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/.exec(value)
  if (parts?.[1] === undefined || parts[2] === undefined) return false
  if (createHmac('sha256', SECRET).update(parts[2]).digest('base64url') !== parts[1]) return false
  const json = Buffer.from(parts[2], 'base64url')
  if (json.toString('base64url') !== parts[2] || !Buffer.from(json.toString('utf8')).equals(json)) return false
  try {
    const content = JSON.parse(json.toString('utf8')) as Record<string, unknown> | null
    if (typeof content !== 'object' || content === null || Array.isArray(content)) return false
    const date = (value: unknown): number =>
      typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)
        ? Date.parse(value)
        : NaN
    const age = NOW - date(content['signDate'])
    const left = date(content['expirationDate']) - NOW
    const open = [undefined, null, ''].includes(content['expirationDate'] as undefined)
    const id = content['instanceId']
    return typeof id === 'string' && id !== '' && age <= 86_430_000 && age >= -30_000 && (open || left > -30_000)
  } catch {
    return false
  }
}

const verify = instanceVerifier({ secret: SECRET, now })
const accepts = async (value: string): Promise<boolean> => {
  try {
    await verify(value)
    return true
  } catch (error) {
    if (error instanceof WixAuthError) return false
    throw error
  }
}

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')
const character = fc.constantFrom(...base64url, '.', '=', '+', '/', ' ', '\n', '\0', '%', 'é', 'Ł', '\uD800')

/** One to three edits of a genuine instance. */
const edited = fc
  .tuple(
    fc.constantFrom(instance(), instance({ uid: 'ü' }), sign({ instanceId: 'i', signDate: payload()['signDate'] })),
    fc.array(fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'double'), fc.nat(), character), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([value, edits]) =>
    edits.reduce((result, [kind, where, put]) => {
      const at = where % (result.length + 1)
      if (kind === 'double') return result.slice(0, at) + result.slice(Math.max(0, at - 5))
      return result.slice(0, at) + (kind === 'remove' ? '' : put) + result.slice(kind === 'insert' ? at : at + 1)
    }, value),
  )

/** What Wix never signs, with a right signature. */
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '',
    null,
    0,
    false,
    'OWNER',
    '1.2.3.4/5',
    new Date(NOW).toISOString(),
    '2015-01-01T00:00:00Z',
  ),
)
const properties = [
  ...Object.keys(payload()),
  'aid',
  'siteMemberId',
  'ipAndPort',
  '__proto__',
  'constructor',
  'ext',
  'exp',
]
const signed = fc
  .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...properties), value))
  .map(([whole, content]) => sign(whole ? payload(content) : content))

const anyString = fc.oneof(
  fc.string(),
  fc.string({ unit: character }),
  edited,
  signed,
  fc.string().map((value) => signData(value)),
)

describe('any input', function () {
  this.timeout(120_000)

  it('P-01: is accepted by instanceVerifier if and only if an independent check accepts it (100,000 edits)', async () => {
    await fc.assert(
      fc.asyncProperty(edited, async (value) => {
        expect(await accepts(value)).to.equal(isGood(value))
      }),
      { seed: SEED, numRuns: 100_000 },
    )
  })

  it('is accepted by instanceVerifier if and only if an independent check accepts it (20,000 strings of all kinds)', async () => {
    let good = 0
    await fc.assert(
      fc.asyncProperty(anyString, async (value) => {
        expect(await accepts(value)).to.equal(isGood(value))
        good += Number(isGood(value))
      }),
      { seed: SEED, numRuns: 20_000 },
    )
    expect(good).to.be.greaterThan(500)
  })

  it('P-01: in the query and the headers has exactly one outcome, and success only when it is good', async () => {
    const strategy = new WixAppStrategy({ secret: SECRET, now }, (verified) => verified)
    const held = fc.oneof(anyString, fc.anything())
    const where = fc.oneof(fc.anything(), fc.record({ instance: held, authorization: held }, { requiredKeys: [] }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.anything(), fc.record({ query: where, headers: where })), async (req) => {
        const outcomes = start(strategy, req)
        await settled()
        expect(outcomes).to.have.length(1)
        if (outcomes[0]?.kind === 'success') {
          const { query, headers } = req as { query?: { instance?: unknown }; headers?: { authorization?: unknown } }
          expect(isGood(query?.instance) || isGood(headers?.authorization)).to.equal(true)
        } else {
          expect(outcomes[0]).to.include({ kind: 'fail' })
        }
      }),
      { seed: SEED, numRuns: 3000 },
    )
  })

  it('P-08: is never part of a challenge', async () => {
    const strategy = new WixAppStrategy({ secret: SECRET, now }, (verified) => verified)
    const challenges = new Set<string>()
    await fc.assert(
      fc.asyncProperty(anyString, async (value) => {
        const outcome = await runToEnd(strategy, request({ instance: value }))
        if (outcome.kind === 'fail') challenges.add(JSON.stringify(outcome.challenge))
      }),
      { seed: SEED, numRuns: 5000 },
    )
    expect(challenges.size).to.be.within(2, 6)
    for (const challenge of challenges) expect(challenge).to.match(/^[\x20-\x7e]+$/)
  })

  it('differs in one bit of the signature from what is accepted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(255), fc.dictionary(fc.string(), fc.jsonValue()), async (bit, extra) => {
        const [tag = '', data = ''] = instance(extra).split('.')
        const bytes = Buffer.from(tag, 'base64url')
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(await accepts(`${bytes.toString('base64url')}.${data}`)).to.equal(false)
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
