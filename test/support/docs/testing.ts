import { expect } from 'chai'
import type { PageTest } from '../docs-page.ts'

export default {
  implicitAny: true,
  claims: {
    'pass as tests of an app': async (page) => {
      const output = await page.shell('node --test app.test.mjs')
      const names = [...(page.files.get('app.test.mjs') ?? '').matchAll(/^test\('(.*)'/gm)].map(([, name]) => name)
      expect(names).to.have.length.above(6)
      for (const name of names) expect(output).to.match(new RegExp(`(✔|ok \\d+ -) ${name}`))
    },
  },
} satisfies PageTest
