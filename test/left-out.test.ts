import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { findProgram, REDIS } from './support/programs.ts'
import { VECTORS } from './support/third-party.ts'

const root = join(import.meta.dirname, '..')

describe('Without Redis and the third-party vectors', function () {
  this.timeout(60_000)

  /** Runs Node with nothing on `PATH` and no vectors; returns the exit code and the output. */
  function run(args: string[], variables: NodeJS.ProcessEnv = {}): [code: number | null, output: string] {
    const { REDIS_SERVER: _, CHROMIUM: __, CI: ___, ...env } = process.env
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: root,
      env: { ...env, PATH: '', VECTORS_DIR: join(root, 'nowhere'), ...variables },
      encoding: 'utf8',
    })
    return [status, stdout]
  }
  const MOCHA = [
    'node_modules/mocha/bin/mocha.js',
    'test/middleware/deduplicate-redis.test.ts',
    'test/hostile/third-party-jwt.test.ts',
  ]

  it('the run ends with one line for each of them, which says how to install it', () => {
    const [code, output] = run(['--import', 'tsx', 'test/support/left-out.ts'])

    expect(output.split('\n')).to.include.members([
      `Left out: the tests that need Redis. To run them, too: ${REDIS.install}`,
      `Left out: the tests that need the third-party vectors. To run them, too: ${VECTORS.install}`,
    ])
    expect(code).to.equal(0)
  })

  it('the tests pass, and those that need them are pending', () => {
    const [code, output] = run(MOCHA)

    expect(output).to.include(`need Redis: ${REDIS.install}`).and.to.include('2 pending')
    expect(output).to.include(`need the third-party vectors: ${VECTORS.install}`)
    expect(code).to.equal(0)
  })

  it('the tests fail where CI is set', () => {
    const [code, output] = run(MOCHA, { CI: 'true' })

    expect(output).to.include(`Redis is not here: ${REDIS.install}`).and.to.include('2 failing')
    expect(output).to.not.include('pending')
    expect(code).to.equal(2)
  })
})

describe('A program that tests need', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'programs-'))
    for (const [path, mode] of Object.entries({
      'a/redis': 0o755,
      'b/redis': 0o755,
      'b/valkey': 0o755,
      'b/plain': 0o644,
    })) {
      await mkdir(join(folder, path, '..'), { recursive: true })
      await writeFile(join(folder, path), '', { mode })
    }
    await mkdir(join(folder, 'a/valkey'))
  })
  after(() => rm(folder, { recursive: true }))

  const at = (path: string): string => join(folder, path)
  const find = (names: string[], paths: string[] = [], variables: NodeJS.ProcessEnv = {}): string | undefined =>
    findProgram('PROGRAM', names, paths, { PATH: [at('a'), at('nowhere'), '', at('b')].join(delimiter), ...variables })

  it('is the first on PATH, by the order of its names and then of the folders', () => {
    expect(find(['redis', 'valkey'])).to.equal(at('a/redis'))
    expect(find(['valkey', 'redis'])).to.equal(at('b/valkey'))
    expect(find(['plain'])).to.equal(undefined)
    expect(findProgram('PROGRAM', ['redis'], [], {})).to.equal(undefined)
  })

  it('is looked for at its usual path when it is not on PATH', () => {
    expect(find(['chromium'], [at('nowhere'), at('b/redis')])).to.equal(at('b/redis'))
    expect(find(['redis'], [at('b/redis')])).to.equal(at('a/redis'))
  })

  it('is the one that the environment variable names, also when there is none', () => {
    expect(find(['redis'], [], { PROGRAM: at('b/valkey') })).to.equal(at('b/valkey'))
    expect(find(['redis'], [], { PROGRAM: at('nowhere') })).to.equal(at('nowhere'))
    expect(find(['redis'], [], { PROGRAM: '' })).to.equal(at('a/redis'))
  })
})
