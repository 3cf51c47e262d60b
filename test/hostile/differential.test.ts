import { expect } from 'chai'
import { compare, type Comparison, KINDS, LOOSER, PER_SEED, STRICTER } from '../fuzz/differential.ts'

const SEED = 20_260_304

describe('Compared with @wix/sdk, jose alone, version 1.0.8 and the recipe of Wix', function () {
  this.timeout(300_000)
  const seen = new Set<string>()

  for (const kind of KINDS) {
    it(`the check of the kind "${kind}" accepts what they accept, and is stricter only as listed`, async () => {
      const comparison: Comparison = new Map()
      await compare(kind, SEED, PER_SEED, comparison)
      expect(comparison.size).to.equal(2)
      for (const [name, { both, neither, stricter, looser, unlisted }] of comparison) {
        expect(unlisted, name).to.deep.equal([])
        expect(both, name).to.be.greaterThan(500)
        expect(neither, name).to.be.greaterThan(2000)
        for (const why of stricter.keys()) seen.add(why)
        for (const why of looser.keys()) seen.add(`${name}: ${why}`)
      }
    })
  }

  it('each reason that is listed occurs, or it need not be', () => {
    const listed = [
      ...STRICTER.map(({ why }) => why),
      ...Object.entries(LOOSER).flatMap(([name, reasons]) => reasons.map(({ why }) => `${name}: ${why}`)),
    ]
    expect([...seen].toSorted()).to.deep.equal([...new Set(listed)].toSorted())
  })
})
