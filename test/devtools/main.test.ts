import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { signInstance } from '../../devtools/testing/index.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'

const ROOT = join(import.meta.dirname, '../..')
const GUID = 'c4a1f2b8-1111-4111-8111-111111111111'
const SECRET = 'my-secret'

interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the program, with this environment alone. */
async function run(program: readonly string[], args: readonly string[], env: object = {}, input = ''): Promise<Ran> {
  // The coverage counts what the child runs.
  const { PATH } = process.env
  const child = execFile(process.execPath, [...program, ...args], { env: { PATH, NODE_V8_COVERAGE, ...env } })
  const written = { stdout: '', stderr: '' }
  child.stdout?.on('data', (data) => (written.stdout += String(data)))
  child.stderr?.on('data', (data) => (written.stderr += String(data)))
  child.stdin?.end(input)
  await once(child, 'close')
  return { code: child.exitCode, ...written }
}

const PROGRAMS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['dist/', [join(ROOT, 'dist/devtools/main.js')]],
  ['devtools/', ['--import', 'tsx', join(ROOT, 'devtools/main.ts')]],
]

for (const [from, program] of PROGRAMS) {
  describe(`passport-wix-app from ${from}`, function () {
    this.timeout(60_000)
    const instance = signInstance({ instanceId: GUID }, SECRET)
    const env = { WIX_APP_SECRET: SECRET }

    it('tells its commands', async () => {
      const usage = 'Usage: passport-wix-app <command> [options]\n'
      const help = await run(program, ['--help'])
      expect(help).to.include({ code: 0, stderr: '' })
      expect(help.stdout).to.include(usage).and.include('inspect')
      expect(await run(program, ['-h'])).to.deep.equal(help)
      expect(await run(program, [])).to.deep.equal({ code: 2, stdout: '', stderr: help.stdout })
      for (const [typed, said] of [
        ['simulat', 'unknown command; did you mean simulate?'],
        ['inspct', 'unknown command; did you mean inspect?'],
        // It may be a credential, and is not repeated.
        ['eyJhbGciOiJSUzI1NiJ9.e30.c2ln', 'unknown command'],
      ] as const) {
        const stderr = `passport-wix-app: ${said}\n\n${help.stdout}`
        expect(await run(program, [typed])).to.deep.equal({ code: 2, stdout: '', stderr })
      }
    })

    it('names the Node that it needs to an old one', async () => {
      const old = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '18.20.0' })"
      const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } }
      const stderr = `passport-wix-app needs Node ${engines.node}, and this is 18.20.0\n`
      const ran = await run([...program.slice(0, -1), '--import', old, ...program.slice(-1)], ['simulate'])
      expect(ran).to.deep.equal({ code: 1, stdout: '', stderr })
    })

    it('tells its version', async () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
      expect(await run(program, ['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' })
    })

    it('inspects a credential from standard input', async () => {
      const { code, stdout, stderr } = await run(program, ['inspect'], env, `${instance}\n`)
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(stdout).to.match(
        /^This is an instance\.\n\nDecoded \(verified\):\n  payload\.instanceId +c4a1f2b8-\.\.\.\n/,
      )
      expect(stdout).to.match(/\n\nVerdict: good, for a route that uses WixAppStrategy\n$/)
    })

    it('inspects a credential from its argument, with whole ids', async () => {
      const { code, stdout } = await run(program, ['inspect', '--full', instance], { ...env, NO_COLOR: '1' })
      expect(code).to.equal(0)
      expect(stdout).to.match(/identity\.instanceId +c4a1f2b8-1111-4111-8111-111111111111\n/)
    })

    it('ends with the exit code of a refusal, in JSON, too', async () => {
      const { code, stdout, stderr } = await run(program, ['inspect', '--json', instance], { WIX_APP_SECRET: 'other' })
      expect({ code, stderr }).to.deep.equal({ code: 1, stderr: '' })
      expect(JSON.parse(stdout)).to.include({ kind: 'instance', verdict: 'refused', hint: 'the secret does not fit' })
    })

    it('ends with another exit code for what it did not check, and for wrong use', async () => {
      expect(await run(program, ['inspect', instance])).to.include({ code: 3, stderr: '' })
      const wrong = await run(program, ['inspect', '--wrong'])
      expect(wrong).to.include({ code: 2, stdout: '' })
      expect(wrong.stderr).to.include('there is no option --wrong\n\nTry: passport-wix-app inspect --help\n')
    })
  })
}
