import { expect } from 'chai'
import fc from 'fast-check'
import sinon from 'sinon'
import { generateSessionKey, type SessionKey, SessionTokens, WixSessionStrategy } from '../../lib/index.ts'
import { NOW } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'
import { serve, type Served } from '../support/serve.ts'
import { AUDIENCE, ISSUER, rawSession, SESSION_KEYS, sessionClaims, verifiedInstance } from '../support/session.ts'

const SEED = 20_260_304
/** Seconds for which a service uses a key set, and an issuer its keys. */
const CACHE_LIFE = 600
const RING_AGE = 5

// Of the same algorithm, so that they differ only in their `kid`.
const KEYS = { old: SESSION_KEYS.EdDSA, new: await generateSessionKey('EdDSA') }
/** A credential without an exp: its session tokens are valid for the whole ttl. */
const CREDENTIAL = verifiedInstance({ expirationDate: undefined })

/** From which second on these are the keys of the issuer. */
type Step = readonly [at: number, keys: ReadonlyArray<'old' | 'new'>]

/** At one second, an issuer issues a token, and a service gets one of the tokens issued so far. */
interface Event {
  at: number
  issuer: number
  service: number
  back: number
}

interface Plan {
  ttl: number
  clockTolerance: number
  steps: readonly Step[]
  /** When the old key is removed. */
  retired: number
  events: readonly Event[]
}

/** How often each case occurred, so that an empty simulation does not pass. */
interface Seen {
  good: number
  expired: number
  stolen: number
  retired: number
}

describe('S-04: the rotation of keys', function () {
  watchForSecrets()
  this.timeout(180_000)
  let issuers: readonly SessionTokens[] = []
  let reads = 0
  let served: Served
  let clock: sinon.SinonFakeTimers

  before(async () => {
    served = await serve((_req, res) => {
      // Published by either of two processes, each with its own cache of the keys.
      void issuers[reads++ % 2]?.jwks().then((set) => res.end(JSON.stringify(set)))
    })
  })
  after(() => served.close())
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date', 'performance'] })
  })
  afterEach(() => clock.restore())

  const outcomeOf = (strategy: WixSessionStrategy, token: string): Promise<string> =>
    new Promise((resolve) => {
      Object.assign(Object.create(strategy) as WixSessionStrategy, {
        success: () => resolve('success'),
        fail: () => resolve('fail'),
        error: (error: Error) => resolve(`error: ${error.message}`),
      }).authenticate({ headers: { authorization: `Bearer ${token}` } } as never)
    })

  /** Two processes of the issuer, and a second service that reads the key set. Returns everything that went wrong. */
  async function simulate({ ttl, clockTolerance, steps, retired, events }: Plan, seen?: Seen): Promise<string[]> {
    clock.setSystemTime(NOW)
    const wrong: string[] = []
    let keys: readonly SessionKey[] = []
    const options = { issuer: ISSUER, audience: AUDIENCE, clockTolerance }
    issuers = [0, 1].map(() => new SessionTokens({ ...options, ttl, keys: async () => keys }))
    const services = [
      ...issuers.map((tokens) => new WixSessionStrategy({ tokens })),
      new WixSessionStrategy({ ...options, jwksUri: served.url }),
    ]
    const issued: Array<{ token: string; exp: number }> = []

    for (const { at, issuer, service, back } of events.toSorted((one, other) => one.at - other.at)) {
      clock.tick(NOW + at * 1000 - Date.now())
      keys = (steps.findLast(([from]) => from <= at)?.[1] ?? []).map((name) => KEYS[name])
      const second = Math.floor(Date.now() / 1000)
      const strategy = services[service] as WixSessionStrategy
      const where = `${service === 2 ? 'in the second service' : `by issuer ${service}`} at ${at}`

      issued.push({ token: await (issuers[issuer] as SessionTokens).issue(CREDENTIAL), exp: second + ttl })
      const { token, exp } = issued[Math.max(0, issued.length - 1 - back)] as { token: string; exp: number }
      const outcome = await outcomeOf(strategy, token)
      const isGood = second < exp + clockTolerance
      if (outcome !== (isGood ? 'success' : 'fail')) wrong.push(`${isGood ? 'good' : 'expired'}: ${outcome} ${where}`)

      // A thief of the old key goes on signing with it.
      const times = { iat: second, exp: second + 3600, jti: String(at) }
      const stolen = await outcomeOf(strategy, rawSession({}, sessionClaims(times), KEYS.old))
      const isOver = at >= retired + RING_AGE + (service === 2 ? CACHE_LIFE : 0)
      if (isOver && stolen !== 'fail') wrong.push(`retired: ${stolen} ${where}`)
      if (at < retired && stolen !== 'success') wrong.push(`not yet retired: ${stolen} ${where}`)

      if (seen === undefined) continue
      seen[isGood ? 'good' : 'expired']++
      if (isOver) seen.retired++
      else seen.stolen++
    }
    return wrong
  }

  /** Random moments, many of them just before or after a step. */
  const eventsAround = (end: number, ...moments: number[]): fc.Arbitrary<Event[]> => {
    const later = moments.flatMap((moment) => [moment, moment + RING_AGE, moment + CACHE_LIFE, moment + 30])
    const at = fc.oneof(
      { weight: 2, arbitrary: fc.integer({ min: 0, max: end * 1000 }).map((millisecond) => millisecond / 1000) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(...later), fc.constantFrom(-30, -5, -1, -0.001, 0, 0.001, 1, 4.999))
          .map(([moment, offset]) => Math.max(0, moment + offset)),
      },
    )
    const event = fc.record({ at, issuer: fc.nat(1), service: fc.nat(2), back: fc.oneof(fc.nat(2), fc.nat(30)) })
    return fc.array(event, { minLength: 12, maxLength: 24, size: 'max' })
  }

  /** The three steps, each after the time that it must wait, or later. */
  const rotations = (
    publishing: number,
    retiring: (life: number) => number,
    more: fc.Arbitrary<number> = fc.oneof(fc.constant(0), fc.nat(900)),
  ): fc.Arbitrary<Plan> =>
    fc
      .record({
        ttl: fc.oneof(fc.integer({ min: 1, max: 900 }), fc.constantFrom(1, 600)),
        clockTolerance: fc.constantFrom(0, 1, 30),
        publish: fc.nat(700),
        before: more,
        after: more,
      })
      .chain(({ ttl, clockTolerance, publish, before, after }) => {
        const sign = publish + publishing + before
        const retire = sign + retiring(ttl + clockTolerance) + after
        const steps: Step[] = [
          [0, ['old']],
          [publish, ['old', 'new']],
          [sign, ['new', 'old']],
          [retire, ['new']],
        ]
        return eventsAround(retire + 1500, publish, sign, retire, sign + ttl).map((events) => ({
          ttl,
          clockTolerance,
          steps,
          retired: retire,
          events,
        }))
      })

  it('in three steps rejects no good token, and accepts no token of the old key after its removal (200 rotations)', async () => {
    const seen: Seen = { good: 0, expired: 0, stolen: 0, retired: 0 }
    await fc.assert(
      fc.asyncProperty(
        rotations(CACHE_LIFE + RING_AGE, (life) => life + RING_AGE),
        async (plan) => {
          expect(await simulate(plan, seen)).to.deep.equal([])
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
    for (const count of Object.values(seen)) expect(count).to.be.greaterThan(500)
    expect(reads).to.be.greaterThan(500)
  })

  const mistakes: Array<[string, fc.Arbitrary<Plan>, RegExp]> = [
    [
      'signs at once with a key that was just published',
      rotations(0, (life) => life + RING_AGE, fc.constant(0)),
      /^good/,
    ],
    ['removes a key as soon as it no longer signs', rotations(CACHE_LIFE + RING_AGE, () => 0, fc.constant(0)), /^good/],
    [
      'removes a key before its tokens have expired',
      rotations(CACHE_LIFE + RING_AGE, (life) => life / 2, fc.constant(0)),
      /^good/,
    ],
  ]
  for (const [name, plans, kind] of mistakes) {
    it(`that ${name} rejects good tokens, which the simulation detects`, async () => {
      const { failed, error } = await failureOf(plans, kind)
      expect(failed).to.equal(true)
      expect(error).to.match(kind)
    })
  }

  async function failureOf(plans: fc.Arbitrary<Plan>, kind: RegExp): Promise<{ failed: boolean; error: string }> {
    let first = ''
    const { failed } = await fc.check(
      fc.asyncProperty(plans, async (plan) => {
        const [wrong] = await simulate(plan)
        first ||= wrong ?? ''
        return wrong === undefined || !kind.test(wrong)
      }),
      { seed: SEED, numRuns: 250, endOnFailure: true },
    )
    return { failed, error: first }
  }

  it('that does not remove the old key accepts its tokens, which the simulation detects', async () => {
    // Without the last step.
    const forgetful = ({ steps, ...plan }: Plan): Plan => ({ steps: steps.slice(0, 3), ...plan })
    const plans = rotations(CACHE_LIFE + RING_AGE, (life) => life + RING_AGE, fc.constant(0)).map(forgetful)
    expect(await failureOf(plans, /^retired/)).to.have.property('failed', true)
  })

  it('in an emergency stops accepting the tokens of a key: in the issuing process within five seconds, elsewhere within ten minutes more', async () => {
    const emergencies = fc
      .record({ ttl: fc.integer({ min: 1, max: 3600 }), leak: fc.nat(2000), published: fc.boolean() })
      .chain(({ ttl, leak, published }) =>
        eventsAround(leak + 2000, leak).map((events): Plan => ({
          ttl,
          clockTolerance: 30,
          steps: [
            [0, published ? ['old', 'new'] : ['old']],
            [leak, ['new']],
          ],
          retired: leak,
          events,
        })),
      )
    let rejected = 0
    await fc.assert(
      fc.asyncProperty(emergencies, async (plan) => {
        const wrong = await simulate(plan)
        // The price: good tokens of the old key are rejected, and those of a new key that was not published before.
        const [prices, rest] = [
          wrong.filter((problem) => problem.startsWith('good: fail')),
          wrong.filter((problem) => !problem.startsWith('good: fail')),
        ]
        rejected += prices.length
        expect(rest).to.deep.equal([])
        for (const problem of prices) expect(Number(/[\d.]+$/.exec(problem)?.[0])).to.be.at.least(plan.retired)
      }),
      { seed: SEED, numRuns: 50 },
    )
    expect(rejected).to.be.greaterThan(20)
  })
})
