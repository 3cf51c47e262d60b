import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { WixAuthenticateEvent } from '../../lib/index.ts'
import { compare, type Comparison, type Kind, PER_SEED, type Tally } from './differential.ts'
import type { Door, Verdict } from './door.ts'

const CHANNEL = 'passport-wix-app:authenticate'

export interface FuzzOptions {
  /** For each door. */
  runs: number
  seed: number
  /** The command that repeats a run, without the options. */
  command: string
  print: (line: string) => void
}

/** Inputs between two looks at the heap. */
const CHUNK = 5000
/** Milliseconds. */
const BETWEEN_LINES = 10_000

/** How long the package took for inputs of one sort, in milliseconds. */
class Times {
  count = 0
  #sum = 0
  #longest = 0

  add(milliseconds: number): void {
    this.count++
    this.#sum += milliseconds
    this.#longest = Math.max(this.#longest, milliseconds)
  }

  get line(): string {
    if (this.count === 0) return 'none'
    return `${(this.#sum / this.count).toFixed(3)} ms each, ${this.#longest.toFixed(1)} at most`
  }
}

/** MiB in use, after garbage was collected where Node lets us ask for that. */
function heap(): string {
  globalThis.gc?.()
  return (process.memoryUsage().heapUsed / 2 ** 20).toFixed(1)
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US')

/** Tries one door, in chunks whose seeds follow each other. */
async function fuzzDoor(name: string, door: Door, { runs, seed, command, print }: FuzzOptions): Promise<boolean> {
  // What is loaded and compiled with the first inputs is no time of theirs.
  let failure = await door.run(seed, Math.min(runs, 500), () => {})
  const times = { genuine: new Times(), hostile: new Times() }
  const seen = (verdict: Verdict, milliseconds: number): void =>
    times[verdict.startsWith('accepted') ? 'genuine' : 'hostile'].add(milliseconds)
  const before = heap()
  const start = performance.now()
  let shown = start
  const line = (done: number): string =>
    [
      `${name.padEnd(14)} ${number(done)} inputs`,
      `${number(done / ((performance.now() - start) / 1000))}/s`,
      `${((times.genuine.count / Math.max(done, 1)) * 100).toFixed(1)} % genuine`,
      `heap ${before} -> ${heap()} MiB`,
      `genuine ${times.genuine.line}`,
      `hostile ${times.hostile.line}`,
    ].join('; ')

  let failedSeed = seed
  for (let done = 0; failure === undefined && done < runs;) {
    failedSeed = seed + done / CHUNK
    const size = Math.min(CHUNK, runs - done)
    failure = await door.run(failedSeed, size, seen)
    done += size
    const isLast = done === runs
    if (failure === undefined && (isLast || performance.now() - shown > BETWEEN_LINES)) {
      print(line(done))
      shown = performance.now()
    }
  }
  if (failure === undefined) return true
  print(`${name}: ${failure.report}`)
  print(`Again: ${command} --door ${name} --seed ${failedSeed} --runs ${failure.runs}`)
  return false
}

/** Whoever listens reads the hint of each refusal; none may forge a line of a log. */
function listen(): () => void {
  let forged: string | undefined
  const read = (message: unknown): void => {
    const { hint } = message as WixAuthenticateEvent
    if (hint !== null && !/^[\x20-\x7e]*$/.test(hint)) forged = hint
  }
  subscribe(CHANNEL, read)
  return () => {
    unsubscribe(CHANNEL, read)
    if (forged !== undefined) throw new Error(`A hint with control characters: ${JSON.stringify(forged)}`)
  }
}

/**
 * Tries doors, one after the other, to the end of each.
 *
 * @returns Whether none of them has failed.
 */
export async function fuzz(
  doors: ReadonlyArray<readonly [name: string, door: Door]>,
  options: FuzzOptions,
): Promise<boolean> {
  let isGood = true
  const stop = listen()
  for (const [name, door] of doors) {
    await door.open()
    try {
      if (!(await fuzzDoor(name, door, options))) isGood = false
    } finally {
      await door.close()
    }
  }
  stop()
  return isGood
}

const sum = (counts: Tally['stricter']): number => [...counts.values()].reduce((total, count) => total + count, 0)

function printTally(name: string, { both, neither, stricter, looser }: Tally, print: FuzzOptions['print']): void {
  const only = `only they ${number(sum(stricter))}, only we ${number(sum(looser))}`
  print(`${name}: both accept ${number(both)}, neither ${number(neither)}, ${only}`)
  for (const [who, counts] of [
    ['only they', stricter],
    ['only we', looser],
  ] as const)
    for (const [why, count] of [...counts].toSorted(([, one], [, other]) => other - one))
      print(`  ${number(count).padStart(9)} ${who}: ${why}`)
}

/**
 * Gives the same inputs to us and to others.
 *
 * @returns Whether we accept nothing that they refuse, and refuse nothing that they accept, but for a reason that is listed.
 */
export async function fuzzDifferences(
  kinds: readonly Kind[],
  { runs, seed, command, print }: FuzzOptions,
): Promise<boolean> {
  let isGood = true
  for (const kind of kinds) {
    const comparison: Comparison = new Map()
    const start = performance.now()
    for (let done = 0; done < runs; done += PER_SEED) {
      await compare(kind, seed + done / PER_SEED, Math.min(PER_SEED, runs - done), comparison)
    }
    print(`${kind}: ${number(runs)} inputs; ${number(runs / ((performance.now() - start) / 1000))}/s`)
    for (const [name, tally] of comparison) {
      printTally(`${kind} and ${name}`, tally, print)
      const [first] = tally.unlisted
      if (first === undefined) continue
      isGood = false
      print(`${number(tally.unlisted.length)} without a reason that is listed, such as ${JSON.stringify(first)}`)
      print(`Again: ${command} --door ${kind} --seed ${seed} --runs ${runs}`)
    }
  }
  return isGood
}
