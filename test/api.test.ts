import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import * as simulator from '../devtools/simulator/index.ts'
import * as testing from '../devtools/testing/index.ts'
import * as viaFetch from '../lib/fetch/index.ts'
import * as main from '../lib/index.ts'

const ROOT = join(import.meta.dirname, '..')
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')

/** The exported values of each entry point, by the names of their declarations: `Strategy` is `WixAppStrategy`. */
const NAMES = Object.entries({
  'passport-wix-app': main,
  'passport-wix-app/fetch': viaFetch,
  'passport-wix-app/testing': testing,
  'passport-wix-app/simulator': simulator,
}).map(([entry, values]) => ({
  entry,
  names: [...new Set(Object.values(values).map((value: { readonly name: string }) => value.name))],
}))

/** What the examples take for granted: the app, its requests, and what another example makes. */
const CONTEXT = `
import express from 'express'
import passport from 'passport'
import { Pool } from 'pg'
import { createClient } from 'redis'
${NAMES.map(({ entry, names }) => `import { ${names.join(', ')} } from '${entry}'`).join('\n')}
declare function it(title: string, check: () => unknown): void
declare function findUser(identity: import('passport-wix-app').WixIdentity): Promise<Express.User | undefined>
declare const app: express.Express
declare const req: express.Request
declare const res: express.Response
declare const request: Request
declare const error: unknown
declare const client: Pool
declare const secret: string
declare const privateKey: string
declare const instance: string
declare const token: string
declare const tokens: SessionTokens
declare const strategy: WixAppStrategy<Request>
declare const event: import('passport-wix-app').WixWebhookEvent
declare const store: import('passport-wix-app').DeliveryStore
`

/** The docstrings of the declarations that any file exports, by name; of a function with overloads there may be several. */
async function docstrings(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const house of ['lib', 'devtools']) {
    for (const file of await readdir(join(ROOT, house), { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      const source = await readFile(join(ROOT, house, file), 'utf8')
      const pattern = /\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport (?:async )?(?:function|class|const) (\w+)/g
      for (const [, comment = '', name = ''] of source.matchAll(pattern)) {
        found.set(name, [...(found.get(name) ?? []), comment.replaceAll(/^ *(\* ?)?/gm, '').trim()])
      }
    }
  }
  return found
}

const examplesIn = (docstring: string): string[] =>
  docstring
    .split(/^@/m)
    .filter((tag) => tag.startsWith('example\n'))
    .map((tag) => tag.slice('example\n'.length).trim())

describe('The API reference', () => {
  let documented: Map<string, string[]>
  before(async () => {
    documented = await docstrings()
  })

  for (const { entry, names } of NAMES) {
    for (const name of names) {
      it(`has a sentence and a short example for ${name} of ${entry}`, () => {
        const all = documented.get(name) ?? []
        expect(all).to.have.length.above(0)
        for (const docstring of all) {
          expect(docstring.split(/^@/m)[0]?.trim()).to.match(/^[A-Z`][^]*\.$/)
          expect(examplesIn(docstring)).to.have.lengthOf(1)
          expect(examplesIn(docstring)[0]?.split('\n')).to.have.lengthOf.within(1, 4)
        }
      })
    }
  }

  it('has only examples that compile in strict TypeScript', async function () {
    this.timeout(120_000)
    // In this folder, the names of the package and of its development dependencies are found.
    const folder = await mkdtemp(join(ROOT, 'test/.page-'))
    try {
      const programs = NAMES.flatMap(({ names }) => names)
        .flatMap((name) => documented.get(name) ?? [])
        .flatMap(examplesIn)
        .map((example) => `{\n${example}\n}\n`)
      expect(programs).to.have.length.above(45)
      await writeFile(join(folder, 'examples.mts'), `${CONTEXT}${programs.join('')}`)
      const compilerOptions = {
        target: 'es2022',
        module: 'nodenext',
        types: ['node'],
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: true,
      }
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['examples.mts'] }))
      const compiled = await promisify(execFile)(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder }).catch(
        (error: unknown) => error,
      )
      expect((compiled as { stdout: string }).stdout).to.equal('')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
