import { expect } from 'chai'
import type { PageTest } from '../docs-page.ts'

export default {
  notRun: { 'jest.js': 'test/tools/runners.test.ts runs the tests of the page with Jest, mocha and Vitest' },
  claims: {
    'pass as tests of an app': async (page) => {
      const output = await page.shell('node --test app.test.mjs')
      const names = [...(page.files.get('app.test.mjs') ?? '').matchAll(/^test\('(.*)'/gm)].map(([, name]) => name)
      expect(names).to.have.length.above(6)
      for (const name of names) expect(output).to.match(new RegExp(`(✔|ok \\d+ -) ${name}`))
    },
  },
} satisfies PageTest
