import { inspect, type System } from '../../devtools/inspect/inspect.ts'
import { now } from './build.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command in this process: without an environment, and with the clock of the tests. */
export async function runInspect(
  args: readonly string[],
  {
    input = [],
    isTerminal = false,
    ...system
  }: Partial<System> & { input?: Array<string | Uint8Array>; isTerminal?: boolean } = {},
): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const code = await inspect(args, {
    env: {},
    stdin: Object.assign(
      (async function* () {
        yield* input
      })(),
      { isTTY: isTerminal },
    ),
    stdout: { write: (output) => (written.stdout += output), isTTY: isTerminal },
    stderr: { write: (output) => (written.stderr += output) },
    now,
    ...system,
  })
  return { code, ...written }
}
