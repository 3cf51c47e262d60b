import fc from 'fast-check'
import { WixAuthError } from '../../lib/index.ts'
import type { Outcome } from '../support/run.ts'

/** What came of an input: `accepted`, perhaps with what was found out, or in which way it was not. */
export type Verdict = string

interface Definition<Input> {
  /** Genuine credentials, edited ones, odd ones with a right signature, and anything else. */
  inputs: fc.Arbitrary<Input>
  /** What the package says. Throws where it does what it must do for no input: no outcome or two, or input in a message. */
  ours: (input: Input) => Verdict | Promise<Verdict>
  /** What must come of it, found out without any code of the package. */
  oracle: (input: Input) => Verdict
  open?: () => void | Promise<void>
  close?: () => void | Promise<void>
}

/** An input for which the package and the independent check disagree. */
export interface Failure {
  /** How many inputs it took. */
  runs: number
  /** The input, as small as it could be made, and the error. */
  report: string
}

/** Where hostile input comes in. */
export interface Door {
  /** What must be there before {@link Door.run}: a server, a clock. */
  open: () => void | Promise<void>
  close: () => void | Promise<void>
  /**
   * Tries inputs, the same ones for the same seed.
   *
   * @param seen Called for each, with the milliseconds that the package took.
   */
  run: (
    seed: number,
    runs: number,
    seen: (verdict: Verdict, milliseconds: number) => void,
  ) => Promise<Failure | undefined>
}

const nothing = (): void => {}

export const door = <Input>({ inputs, ours, oracle, open = nothing, close = nothing }: Definition<Input>): Door => ({
  open,
  close,
  async run(seed, numRuns, seen) {
    const property = fc.asyncProperty(inputs, async (input) => {
      const expected = oracle(input)
      const start = performance.now()
      const verdict = await ours(input)
      seen(verdict, performance.now() - start)
      if (verdict !== expected) throw new Error(`The package says: ${verdict}. The independent check: ${expected}.`)
    })
    const details = await fc.check(property, { seed, numRuns })
    if (!details.failed) return undefined
    const report = await fc.asyncDefaultReportMessage(details)
    return { runs: details.numRuns, report: `${report ?? ''}\n${String(details.errorInstance)}` }
  },
})

const PRINTABLE = /^[\x20-\x7e]*$/

/** Every challenge so far: they are constants, so that there are few. */
const challenges = new Set<string>()
const MAX_CHALLENGES = 16

/** Input in the line of a log or in a header could forge it. */
function checkShown(shown: string): void {
  if (!PRINTABLE.test(shown)) throw new Error(`Control characters in what is shown: ${JSON.stringify(shown)}`)
}

/** The verdict that belongs to the code of a refusal. */
const verdictOfCode = (code: unknown): Verdict =>
  code === 'credentials_missing' ? 'missing' : code === 'request_invalid' ? 'invalid' : 'refused'

/** The verdict of a verifier. Whatever is neither a result nor a refusal is thrown. */
export async function verdictOf<Result>(
  call: () => Promise<Result>,
  accepted: (result: Result) => Verdict = () => 'accepted',
): Promise<Verdict> {
  let result: Result
  try {
    result = await call()
  } catch (error) {
    if (!(error instanceof WixAuthError)) throw error
    checkShown([error.message, error.hint ?? '', error.cure, JSON.stringify(error.headers)].join(' '))
    return verdictOfCode(error.code)
  }
  return accepted(result)
}

/** The verdict of a strategy: `error` where it could not find out. */
export function verdictOfOutcome(outcome: Outcome, accepted: (user: unknown) => Verdict): Verdict {
  if (outcome.kind === 'success') return accepted(outcome.user)
  if (outcome.kind === 'error') {
    if (!(outcome.error instanceof Error)) throw new Error('An error that is none')
    return 'error'
  }
  const { challenge, status } = outcome
  const shown = typeof challenge === 'string' ? challenge : JSON.stringify(challenge)
  checkShown(shown)
  challenges.add(shown)
  if (challenges.size > MAX_CHALLENGES)
    throw new Error(`Challenges that are no constants: ${[...challenges].join('; ')}`)
  // A strategy of Bearer tokens has a challenge, without an error where there is no token; but for a 400.
  const isBearer = typeof challenge === 'string'
  if (isBearer && !challenge.startsWith('Bearer realm="Wix"')) throw new Error(`Another challenge: ${shown}`)
  const ofBearer = challenge === 'Bearer realm="Wix"' ? 'missing' : 'refused'
  const verdict = isBearer ? ofBearer : verdictOfCode((challenge as { code?: unknown }).code)
  if (status !== (verdict === 'invalid' ? 400 : 401)) throw new Error(`${verdict}, and the status ${String(status)}`)
  return verdict
}
