import { expect } from 'chai'
import fc from 'fast-check'
import { WixAuthError } from '../../lib/index.ts'
import { verifyJwt } from '../../lib/internal/jwt.ts'
import { ownOptions } from '../../lib/internal/options.ts'
import { DOORS } from '../fuzz/doors.ts'
import { editedOf } from '../fuzz/inputs.ts'
import { GENUINE } from '../fuzz/jwt.ts'
import { now } from '../support/build.ts'
import { watchForSecrets } from '../support/canaries.ts'

const SEED = 20_260_304

/** How many inputs, and how many of them at least have which verdict, so that no check is without cases. */
const CASES: Record<keyof typeof DOORS, { runs: number; atLeast: Readonly<Record<string, number>> }> = {
  instance: { runs: 20_000, atLeast: { accepted: 2500, refused: 12_000, missing: 200, invalid: 200 } },
  webhook: { runs: 5000, atLeast: { accepted: 200, refused: 3500, missing: 50, error: 200 } },
  'service-plugin': { runs: 5000, atLeast: { accepted: 200, refused: 3500, missing: 50, error: 200 } },
  digest: { runs: 4000, atLeast: { accepted: 800, refused: 2000, missing: 50, invalid: 50, error: 20 } },
  'access-token': {
    runs: 4000,
    atLeast: { accepted: 400, refused: 1000, missing: 100, invalid: 100, error: 400 },
  },
  session: { runs: 8000, atLeast: { accepted: 1000, refused: 5000, missing: 100, invalid: 100 } },
  'key-set': { runs: 1000, atLeast: { accepted: 100, refused: 400, unavailable: 100 } },
  fetch: { runs: 4000, atLeast: { accepted: 400, refused: 2500 } },
  simulator: { runs: 4000, atLeast: { accepted: 100, inactive: 200, 403: 50, 404: 300, 413: 50, 421: 300 } },
  inspect: { runs: 1500, atLeast: { accepted: 80, refused: 1000 } },
}

describe('P-01, P-02, P-08: hostile input', function () {
  watchForSecrets()
  this.timeout(300_000)

  for (const [name, { runs, atLeast }] of Object.entries(CASES)) {
    it(`has one outcome at the door "${name}", which is that of an independent check`, async () => {
      const door = DOORS[name as keyof typeof DOORS]
      const seen = new Map<string, number>()
      await door.open()
      try {
        const failure = await door.run(SEED, runs, (verdict) => {
          const [kind = ''] = verdict.split(' ', 1)
          seen.set(kind, (seen.get(kind) ?? 0) + 1)
        })
        expect(failure?.report).to.equal(undefined)
      } finally {
        await door.close()
      }
      for (const [verdict, count] of Object.entries(atLeast))
        expect(seen.get(verdict) ?? 0, verdict).to.be.at.least(count)
    })
  }

  it('J-04: that is no JWT in its one spelling never reaches a key', async () => {
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
      fc.asyncProperty(editedOf(...GENUINE), async (token) => {
        passed += Number(wellFormed(token))
        expect(await code(token)).to.equal(wellFormed(token) ? 'signature_invalid' : 'token_malformed')
      }),
      { seed: SEED, numRuns: 50_000 },
    )
    expect(passed).to.be.within(5000, 45_000)
  })
})
