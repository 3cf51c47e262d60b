// npm run fuzz -- [--runs N] [--seed S] [--door NAME], and npm run fuzz -- --differential [--runs N] [--seed S] [--door NAME]
import { parseArgs } from 'node:util'
import { DOORS } from './doors.ts'
import { fuzz, fuzzDifferences } from './fuzz.ts'
import { KINDS } from './differential.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '20260304' },
    door: { type: 'string' },
    differential: { type: 'boolean', default: false },
  },
})
function wrongUse(message: string): never {
  console.error(message)
  process.exit(2)
}

const numberOf = (name: 'runs' | 'seed'): number =>
  /^[1-9]\d{0,8}$/.test(values[name]) ? Number(values[name]) : wrongUse(`--${name} must be a whole number from 1 on`)

const options = {
  runs: numberOf('runs'),
  seed: numberOf('seed'),
  command: `npm run fuzz --${values.differential ? ' --differential' : ''}`,
  print: (line: string) => console.log(line),
}

/** Those that `--door` names: all, or one. */
function chosenOf<Name extends string>(names: readonly Name[]): Name[] {
  const chosen = names.filter((name) => values.door === undefined || values.door === name)
  return chosen.length > 0 ? chosen : wrongUse(`--door must be one of ${names.join(', ')}`)
}

const isGood = values.differential
  ? await fuzzDifferences(chosenOf(KINDS), options)
  : await fuzz(
      chosenOf(Object.keys(DOORS) as Array<keyof typeof DOORS>).map((name) => [name, DOORS[name]]),
      options,
    )
// What still waits, such as a listener of the SDK, is of no use any more.
process.exit(isGood ? 0 : 1)
