import type { PageTest } from '../docs-page.ts'

export default {
  notRun: { 'jest.js': 'test/tools/runners.test.ts runs the tests of docs/testing.md with Jest, mocha and Vitest' },
  claims: {},
} satisfies PageTest
