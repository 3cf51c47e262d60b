import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { DOORS } from '../fuzz/doors.ts'
import { type Door, door } from '../fuzz/door.ts'
import { fuzz } from '../fuzz/fuzz.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Runs the command of the script, as package.json has it. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = ['--expose-gc', '--import', 'tsx', 'test/fuzz/run.ts', ...args]
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, command, { cwd: ROOT })) }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

const LINE =
  /^(\S+) +60 inputs; [\d,]+\/s; [\d.]+ % genuine; heap [\d.]+ -> [\d.]+ MiB; genuine .+; hostile [\d.]+ ms each, [\d.]+ at most$/

describe('npm run fuzz', function () {
  this.timeout(120_000)

  it('tries each door, and says how many inputs a second, how many were genuine, and what they cost', async () => {
    const { code, stdout } = await run('--runs', '60')
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => LINE.exec(line)?.[1] ?? line)
    expect([code, names]).to.deep.equal([0, Object.keys(DOORS)])
  })

  it('compares with others where it is asked to', async () => {
    const { code, stdout } = await run('--differential', '--runs', '400', '--door', 'webhook')
    expect(code).to.equal(0)
    expect(stdout).to.match(/^webhook: 400 inputs; [\d,]+\/s\nwebhook and @wix\/sdk: both accept \d+, neither \d+, /)
    expect(stdout).to.match(/^webhook and jose alone: both accept \d+, neither \d+, only they \d+, only we 0$/m)
    expect(stdout).to.match(/^ +\d+ only they: it is not in its one spelling/m)
  })

  it('ends with 2 for an option that it cannot take', async () => {
    const { code, stderr } = await run('--door', 'window')
    expect([code, stderr]).to.deep.equal([2, `--door must be one of ${Object.keys(DOORS).join(', ')}\n`])
  })

  it('shrinks an input on which it fails, and prints the command that finds it again', async () => {
    const printed: string[] = []
    const wrong = (isOpen: { now: boolean }): Door =>
      door({
        open: () => void (isOpen.now = true),
        close: () => void (isOpen.now = false),
        inputs: fc.nat(1000),
        ours: (input) => (input < 990 ? 'refused' : 'accepted'),
        oracle: () => 'refused',
      })
    const isOpen = { now: false }
    const again = async (seed: number, runs: number): Promise<string> => {
      printed.length = 0
      const options = { seed, runs, command: 'npm run fuzz --', print: (line: string) => void printed.push(line) }
      expect(await fuzz([['wrong', wrong(isOpen)]], options)).to.equal(false)
      return printed.at(-1) ?? ''
    }
    const last = await again(1, 20_000)
    expect(isOpen.now).to.equal(false)
    expect(printed.join('\n')).to.include('Counterexample: [990]')
    expect(printed.join('\n')).to.include('The package says: accepted. The independent check: refused.')
    const [, seed, runs] = /^Again: npm run fuzz -- --door wrong --seed (\d+) --runs (\d+)$/.exec(last) ?? []
    expect(await again(Number(seed), Number(runs))).to.equal(last)
  })
})
