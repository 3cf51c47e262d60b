import { CHROMIUM, HOSTS, type Need, POSTGRES, PRISMA, REDIS, TOOLS } from './programs.ts'
import { VECTORS } from './third-party.ts'

/**
 * A `describe` of tests that need something beside Node; they get its path. On a machine that does not have it, one pending test says how
 * to install it. With the environment variable `CI` set, nothing may be left out, and that test fails.
 */
export function describeWith(need: Need, title: string, define: (this: Mocha.Suite, path: string) => void): void {
  const { name, path, install } = need
  describe(title, function () {
    if (path !== undefined) return define.call(this, path)
    if (!process.env['CI']) return void it(`need ${name}: ${install}`)
    it(`need ${name}, and CI leaves nothing out`, () => {
      throw new Error(`${name} is not here: ${install}`)
    })
  })
}

// Run as a program, at the end of `npm run test:all`.
if (process.argv[1] === import.meta.filename) {
  for (const { name, path, install } of [REDIS, POSTGRES, CHROMIUM, VECTORS, HOSTS, TOOLS, PRISMA]) {
    if (path === undefined) console.log(`Left out: the tests that need ${name}. To run them, too: ${install}`)
  }
}
