// What counts as a violation, and the table.
import type { Call } from './callers.ts'
import type { Sample } from './server.ts'

export interface Answer {
  status: number
  text: string
}

/** How often each verdict was given. */
export type Counts = Record<Verdict, number>
/** `outage`: a 503 while Wix is out of order, or has just been, to a call that must ask Wix. */
export type Verdict = 'right' | 'outage' | 'refused' | 'let in' | 'unexpected'

export const NO_COUNTS: Readonly<Counts> = { right: 0, outage: 0, refused: 0, 'let in': 0, unexpected: 0 }

function holds(text: string, facts: Record<string, unknown>): boolean {
  const answer = JSON.parse(text) as Record<string, unknown>
  return Object.entries(facts).every(([name, value]) => answer[name] === value)
}

/**
 * @param isOutage Whether Wix was out of order at some time between the request and the answer, or a moment before.
 */
export function verdictOf(call: Call, { status, text }: Answer, isGenuine: boolean, isOutage: boolean): Verdict {
  if (status === call.status) return call.facts === undefined || holds(text, call.facts) ? 'right' : 'unexpected'
  if (isOutage && call.asksWix === true && status === 503) return 'outage'
  if (isGenuine) return 'refused'
  return status < 400 ? 'let in' : 'unexpected'
}

/** What a run has seen. */
export interface Report {
  seconds: number
  /** By door. */
  genuine: ReadonlyMap<string, Counts>
  hostile: ReadonlyMap<string, Counts>
  /** Answers that were none of what is right, as text. */
  surprises: readonly string[]
  /** Taken at even distances. */
  samples: readonly Sample[]
}

/** Bytes by which the heap may grow from the second tenth of a run to its last one. */
const GROWTH = 2e6
/** Milliseconds by which the work of the app may make its event loop late, in 99 of 100 turns. */
const DELAY = 50
/** Seconds: in a shorter run the compiler is not done with its work, and the caches are not full. Neither the heap nor time is judged. */
export const LONG_RUN = 60

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** The median of the heap in each tenth, in bytes. */
export const tenthsOf = (samples: readonly Sample[]): number[] =>
  Array.from({ length: 10 }, (_, tenth) => {
    const from = Math.floor((samples.length * tenth) / 10)
    return median(samples.slice(from, Math.floor((samples.length * (tenth + 1)) / 10)).map(({ heap }) => heap))
  })

const sum = (counts: Iterable<Counts>, verdict: Verdict): number =>
  [...counts].reduce((total, one) => total + one[verdict], 0)

const isWrong = (counts: Counts): boolean => counts.refused + counts['let in'] + counts.unexpected > 0

export function violationsOf({ seconds, genuine, hostile, surprises, samples }: Report): string[] {
  const all = [...genuine.values(), ...hostile.values()]
  const last = samples.at(-1)
  const heaps = tenthsOf(samples)
  const [, second = NaN] = heaps
  const delay = last?.ownDelay.p99 ?? NaN
  const growth = (heaps[9] ?? NaN) - second
  const violations = [
    [sum(all, 'refused'), 'genuine calls were refused'],
    [sum(all, 'let in'), 'hostile calls were let in'],
    [sum(all, 'unexpected'), 'answers were unexpected'],
    [all.some(isWrong) ? 0 : surprises.length, 'calls had no answer, or a wrong one'],
    [last?.problems.length ?? 1, 'errors and warnings were nowhere handled'],
  ] as const
  return [
    ...violations.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`),
    ...(seconds < LONG_RUN || growth <= GROWTH ? [] : [`the heap grew by ${(growth / 1e6).toFixed(1)} MB`]),
    ...(seconds < LONG_RUN || delay <= DELAY ? [] : [`the app made its event loop late by ${delay.toFixed(0)} ms`]),
  ]
}

const row = (name: string, cells: readonly unknown[]): string =>
  name.padEnd(24) + cells.map((cell) => String(cell).padStart(11)).join('')

/** The table of a run, and a line for each violation. */
export function linesOf(report: Report): string[] {
  const { seconds, genuine, hostile, samples, surprises } = report
  const rowOf = (name: string, [good = [], bad = []]: Counts[][]): string => {
    const total = (counts: Counts[]): number => counts.flatMap((one) => Object.values(one)).reduce((a, b) => a + b, 0)
    const both = [...good, ...bad]
    return row(name, [
      total(good),
      total(bad),
      sum(both, 'outage'),
      sum(both, 'refused'),
      sum(both, 'let in'),
      sum(both, 'unexpected'),
    ])
  }
  const of = (counts: ReadonlyMap<string, Counts>, name: string): Counts[] => [counts.get(name) ?? { ...NO_COUNTS }]
  const all = [[...genuine.values()], [...hostile.values()]]
  const requests = all
    .flat(1)
    .flatMap((one) => Object.values(one))
    .reduce((a, b) => a + b, 0)
  const megabytes = tenthsOf(samples).map((heap) => (heap / 1e6).toFixed(1))
  const last = samples.at(-1)
  return [
    row('', ['genuine', 'hostile', 'outage 503', 'refused', 'let in', 'unexpected']),
    ...[...genuine.keys()].map((name) => rowOf(name, [of(genuine, name), of(hostile, name)])),
    rowOf('all', all),
    '',
    `requests a second               ${Math.round(requests / seconds)}`,
    `  of processor time of the app  ${Math.round(requests / (last?.processor ?? NaN))}`,
    `heap in each tenth, in MB       ${megabytes.join(' ')}`,
    `delay of the event loop, in ms  p99 ${last?.delay.p99.toFixed(0)}, longest ${last?.delay.max.toFixed(0)}`,
    `  by the work of the app        p99 ${last?.ownDelay.p99.toFixed(0)}, longest ${last?.ownDelay.max.toFixed(0)}`,
    `errors that nothing handled     ${last?.problems.length}`,
    ...(last?.problems ?? []).map((problem) => `  ${problem}`),
    ...surprises.map((surprise) => `  ${surprise}`),
    ...violationsOf(report).map((violation) => `VIOLATION: ${violation}`),
  ]
}
