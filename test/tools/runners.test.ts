import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { blocksOf, filesOf } from '../support/docs-page.ts'
import { describeWith } from '../support/left-out.ts'
import { TOOLS } from '../support/programs.ts'
import { CLOCKS, clockTest } from './clocks.ts'
import { Consumer, type Ended, ROOT } from './consumer.ts'

const files = filesOf(blocksOf(await readFile(join(ROOT, 'docs/testing.md'), 'utf8')))
const page = await readFile(join(ROOT, 'docs/test-runners.md'), 'utf8')
const blocks = blocksOf(page)
const app = files.get('app.mjs') ?? ''
const tests = files.get('app.test.mjs') ?? ''
const titles = [...tests.matchAll(/^test\('(.*)'/gm)].map(([, title = '']) => title)

/** The line that the table of the page names for a runner. */
const importOf = (runner: string): string =>
  new RegExp(`^\\| ${runner} +\\| \`(import .*?)\``, 'm').exec(page)?.[1] ?? `no line for ${runner}`
/** A \`jest.config.json\` of the page: the one with this text. */
const configWith = (text: string): string =>
  blocks.find(({ language, code }) => language === 'json' && code.includes(text))?.code ?? 'no such block'

const STRICT = "import assert from 'node:assert/strict'"
const NODE_TEST = "import { after, before, test } from 'node:test'"
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')
/** Milliseconds for one test: where all cores are busy, the two to five seconds of the runners are not enough. */
const PATIENCE = '60000'
const FILES = ['app.test.mjs', 'clocks.test.mjs']
const OURS = ['express', 'passport', 'mocha', 'sinon']

/** How a runner is set up and started, on one file of tests or on all. */
interface Runner {
  tools?: readonly string[]
  files?: Readonly<Record<string, string>>
  /** What its imports are, in place of those of \`node:test\`. */
  line: string
  /** Sets the fake time to the milliseconds \`time\`, and what has to be imported for it. */
  clock: { line: string; set: string; reset: string }
  args: readonly string[]
  /** The files' own. Default: `mjs`. */
  extension?: string
  /** What else the page changes. */
  change?: (code: string) => string
}

const jest = (args: readonly string[], config: string, more: Partial<Runner>): Runner => ({
  line: importOf('Jest'),
  change: (code) => code.replace(STRICT, "import assert from 'node:assert'"),
  clock: {
    line: "import { jest } from '@jest/globals'",
    set: "jest.useFakeTimers({ now: time, doNotFake: ['performance'] })",
    reset: 'jest.useRealTimers()',
  },
  args: [...args, '--verbose', `--testTimeout=${PATIENCE}`],
  ...more,
  tools: ['jest', '@jest/globals', ...(more.tools ?? [])],
  files: { 'jest.config.json': config, ...more.files },
})

describeWith(TOOLS, 'The tests of docs/testing.md', function (packages) {
  this.timeout(120_000)
  const JEST = join(packages, 'jest/bin/jest.js')

  const runners: ReadonlyMap<string, Runner> = new Map<string, Runner>([
    [
      'node:test',
      {
        line: NODE_TEST,
        clock: {
          line: "import { mock } from 'node:test'",
          set: "mock.timers.reset(); mock.timers.enable({ apis: ['Date'], now: time })",
          reset: 'mock.timers.reset()',
        },
        args: ['--test', ...FILES],
      },
    ],
    [
      'mocha',
      {
        line: importOf('mocha'),
        clock: {
          line: "import sinon from 'sinon'\nlet clock",
          set: "clock?.restore(); clock = sinon.useFakeTimers({ now: time, toFake: ['Date'] })",
          reset: 'clock.restore()',
        },
        args: [MOCHA, '--timeout', PATIENCE, ...FILES],
      },
    ],
    [
      'Vitest',
      {
        line: importOf('Vitest'),
        tools: ['vitest'],
        clock: { line: "import { vi } from 'vitest'", set: 'vi.setSystemTime(time)', reset: 'vi.useRealTimers()' },
        args: [join(packages, 'vitest/vitest.mjs'), 'run', '--reporter=verbose', `--testTimeout=${PATIENCE}`],
      },
    ],
    ['Jest with ES modules', jest(['--experimental-vm-modules', JEST], configWith('"transform": {}'), {})],
    [
      'Jest with babel-jest',
      jest([JEST], configWith('babel-jest"'), {
        tools: ['babel-jest', '@babel/preset-env'],
        files: { 'babel.config.json': '{ "presets": [["@babel/preset-env", { "targets": { "node": "current" } }]] }' },
      }),
    ],
    ['Jest with ts-jest', jest([JEST], configWith('"ts-jest"'), { tools: ['ts-jest', 'typescript'], extension: 'js' })],
  ])

  for (const [name, runner] of runners) {
    describe(`with ${name}`, () => {
      let consumer: Consumer
      let ended: Ended
      before(async () => {
        const { line, clock, args, extension = 'mjs', change = (code) => code, tools = [], files: more } = runner
        const renamed = (code: string): string => code.replaceAll(".mjs'", `.${extension}'`)
        expect(tests).to.include(NODE_TEST).and.include(STRICT)
        const programs = {
          [`app.${extension}`]: app,
          [`app.test.${extension}`]: renamed(change(tests.replace(NODE_TEST, line))),
          [`clocks.${extension}`]: CLOCKS,
          [`clocks.test.${extension}`]: renamed(change(clockTest(line, clock))),
        }
        consumer = await Consumer.make(
          { 'package.json': '{ "private": true }', ...programs, ...more },
          {
            ours: OURS,
            tools,
          },
        )
        ended = await consumer.run(args)
      })
      after(() => consumer.close())

      /** The mark of each runner for a test that has passed. */
      const passed = (title: string): RegExp => new RegExp(`(✔|✓|√|ok \\d+ -).* ${title}`)

      it('pass, changed as the page says', () => {
        expect(titles).to.have.length.above(6)
        for (const title of titles) expect(ended.output, ended.output).to.match(passed(title))
      })

      it('pass with a fake clock, which ages what was made before it and after it', () => {
        expect(ended.output, ended.output).to.match(passed('every credential ages by the fake clock'))
        expect(ended.code, ended.output).to.equal(0)
      })
    })
  }
})
