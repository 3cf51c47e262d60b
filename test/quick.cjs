// The tests of `npm test`: those of `lib/` and `devtools/` that need nothing but Node. `npm run test:all` runs all.
const all = require('../.mocharc.json')

module.exports = {
  ...all,
  parallel: true,
  jobs: 2,
  reporter: 'dot',
  spec: ['test/**/*.test.ts'],
  ignore: [
    ...all.ignore,
    // They start somebody else's program: frameworks, runtimes, compilers, bundlers, npm.
    'test/hosts/**',
    'test/prisma/**',
    'test/tools/**',
    'test/api.test.ts',
    'test/docs.test.ts',
    'test/package.test.ts',
    'test/release.test.ts',
    // A browser.
    'test/devtools/newcomer.test.ts',
    'test/devtools/simulator/browser.test.ts',
    'test/devtools/simulator/troubles.test.ts',
    // A database.
    'test/middleware/deduplicate-postgres.test.ts',
    'test/middleware/deduplicate-redis.test.ts',
    // The example app, which is started again and again.
    'test/example-app/**',
    'test/devtools/simulate-app.test.ts',
    'test/devtools/simulate.test.ts',
    // Much input, many requests, many keys.
    'test/hostile/differential.test.ts',
    'test/hostile/doors.test.ts',
    'test/http/session-rotation.test.ts',
    'test/soak/**',
  ],
}
