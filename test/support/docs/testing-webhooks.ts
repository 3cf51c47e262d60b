import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { peopleAndSites } from '../../../devtools/simulator/own.ts'
import { TRIGGERS } from '../../../devtools/simulator/triggers.ts'
import { blocksOf, type PageTest } from '../docs-page.ts'

const text = await readFile(join(import.meta.dirname, '../../../docs/testing-webhooks.md'), 'utf8')

export default {
  implicitAny: true,
  notRun: { 'npx passport-wix-app trigger': 'test/devtools/trigger.test.ts runs the command' },
  claims: {
    'pass as tests of an app, which handles a repeated webhook once': async (page) => {
      const output = await page.shell('node --test webhooks.test.mjs')
      const names = [...(page.files.get('webhooks.test.mjs') ?? '').matchAll(/^test\('(.*)'/gm)].map(([, name]) => name)
      expect(names).to.have.length(2)
      for (const name of names) expect(output).to.match(new RegExp(`(✔|ok \\d+ -) ${name}`))
    },
    'name everything that can be sent': async () => {
      for (const name of TRIGGERS) expect(text).to.include(`\`${name}\``)
    },
    'add sites and people': async () => {
      const folder = await mkdtemp(join(tmpdir(), 'passport-wix-app-'))
      const own = blocksOf(text).find(({ language }) => language === 'json')
      await writeFile(join(folder, 'own.json'), own?.code ?? '')
      const { sites, people } = peopleAndSites(folder)
      await rm(folder, { recursive: true })
      expect(sites['shop']).to.include({ name: 'My shop', instanceId: 'f0a1b2c3-0000-4000-8000-000000000001' })
      expect(people).to.have.nested.property('anna.subjectType', 'USER')
      expect(people).to.have.nested.property('ben.subjectType', 'MEMBER')
    },
  },
} satisfies PageTest
