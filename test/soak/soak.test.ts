import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import type { Call } from './callers.ts'
import { linesOf, NO_COUNTS, type Report, type Verdict, verdictOf, violationsOf } from './judge.ts'
import type { Sample } from './server.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Runs the command of the script, as package.json has it. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = ['--import', 'tsx', 'test/soak/run.ts', ...args]
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, command, { cwd: ROOT })) }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

const sample = (heap: number, p99 = 1, problems: string[] = []): Sample => ({
  heap,
  delay: { p99, max: p99 },
  ownDelay: { p99, max: p99 },
  processor: 1,
  problems,
})
const flat = Array.from({ length: 20 }, () => sample(20e6))

const report = (changes: Partial<Report> = {}): Report => ({
  seconds: 60,
  genuine: new Map([['instance', { ...NO_COUNTS, right: 10 }]]),
  hostile: new Map([['instance', { ...NO_COUNTS, right: 20 }]]),
  surprises: [],
  samples: flat,
  ...changes,
})

describe('npm run soak', function () {
  this.timeout(120_000)

  it('calls all doors at once, genuinely and not, while Wix fails, and finds nothing wrong', async () => {
    const { code, stdout, stderr } = await run('--seconds', '10')
    const rows = [...stdout.matchAll(/^(\w.+?) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$/gm)].map(([, ...row]) => row)
    expect(
      rows.map(([name, , , , ...wrong]) => [name, ...wrong]),
      stderr,
    ).to.deep.equal(
      [
        'instance',
        'access token',
        'webhook',
        'service plugin',
        'Digest',
        'session, issued',
        'session',
        'session by the key set',
        'userinfo',
        'key set',
        'Fetch, instance',
        'Fetch, session',
        'Fetch, access token',
        'Fetch, webhook',
        'all',
      ].map((name) => [name, '0', '0', '0']),
    )
    for (const [name, genuine] of rows) expect(Number(genuine), name).to.be.above(0)
    expect([code, stdout.includes('VIOLATION')], stdout).to.deep.equal([0, false])
  })

  it('ends with 2 for a time that is none', async () => {
    const { code, stderr } = await run('--seconds', 'ten')
    expect([code, stderr]).to.deep.equal([2, '--seconds must be a whole number from 1 on\n'])
  })
})

describe('The soak test', () => {
  const call: Call = { path: '/', status: 200, facts: { instanceId: 'mine' } }
  const asksWix: Call = { ...call, asksWix: true }
  const hostile: Call = { path: '/', status: 401 }
  const mine = { status: 200, text: '{"instanceId":"mine","subjectId":null}' }
  const down = { status: 503, text: '' }

  const VERDICTS: ReadonlyArray<[title: string, given: Parameters<typeof verdictOf>, verdict: Verdict]> = [
    ['takes the right answer', [call, mine, true, false], 'right'],
    ['takes the right refusal', [hostile, { status: 401, text: '' }, false, true], 'right'],
    [
      'finds the identity of another caller',
      [call, { ...mine, text: '{"instanceId":"theirs"}' }, true, false],
      'unexpected',
    ],
    ['finds a genuine caller that is refused', [call, { status: 401, text: '' }, true, true], 'refused'],
    ['finds a genuine caller that junk has shut out', [asksWix, down, true, false], 'refused'],
    ['excuses a 503 while Wix is out of order', [asksWix, down, true, true], 'outage'],
    ['excuses it for those alone who ask Wix', [call, down, true, true], 'refused'],
    ['finds junk that is let in', [hostile, mine, false, false], 'let in'],
    ['finds junk that is an error of the server', [hostile, { status: 500, text: '' }, false, true], 'unexpected'],
  ]
  for (const [title, given, verdict] of VERDICTS) {
    it(title, () => expect(verdictOf(...given)).to.equal(verdict))
  }

  const VIOLATIONS: ReadonlyArray<[title: string, changes: Partial<Report>, violations: string[]]> = [
    ['finds none where all is right', {}, []],
    [
      'counts what was refused, let in, and unexpected',
      {
        genuine: new Map([['instance', { ...NO_COUNTS, refused: 2, unexpected: 1 }]]),
        hostile: new Map([['instance', { ...NO_COUNTS, 'let in': 3, unexpected: 1 }]]),
      },
      ['2 genuine calls were refused', '3 hostile calls were let in', '2 answers were unexpected'],
    ],
    [
      'counts connections that broke',
      { surprises: ['Error: socket hang up'] },
      ['1 calls had no answer, or a wrong one'],
    ],
    [
      'counts errors that nothing handled',
      { samples: [...flat, sample(20e6, 1, ['uncaught: oops'])] },
      ['1 errors and warnings were nowhere handled'],
    ],
    [
      'finds a heap that grows',
      { samples: flat.map((_, index) => sample(20e6 + index * 0.2e6)) },
      ['the heap grew by 3.2 MB'],
    ],
    [
      'finds an event loop that is held up',
      { samples: [...flat, sample(20e6, 51)] },
      ['the app made its event loop late by 51 ms'],
    ],
    ['judges neither in a short run', { seconds: 59, samples: flat.map((_, index) => sample(index * 1e6, 51)) }, []],
  ]
  for (const [title, changes, violations] of VIOLATIONS) {
    it(title, () => {
      const given = report(changes)
      expect(violationsOf(given)).to.deep.equal(violations)
      expect(linesOf(given).filter((line) => line.startsWith('VIOLATION'))).to.deep.equal(
        violations.map((violation) => `VIOLATION: ${violation}`),
      )
    })
  }
})
