#!/usr/bin/env node

const USAGE = `Usage: passport-wix-app <command> [options]

Commands:
  inspect    Say what a credential is, and why it is refused

passport-wix-app <command> --help tells the options.
`

/** Takes the arguments of the command, and resolves to the exit code. */
type Command = (args: readonly string[]) => Promise<number>

const COMMANDS: ReadonlyMap<string | undefined, () => Promise<Command>> = new Map([
  ['inspect', async (): Promise<Command> => (await import('./inspect.ts')).inspect],
])

const [name, ...args] = process.argv.slice(2)
const load = COMMANDS.get(name)
if (load !== undefined) process.exitCode = await (await load())(args)
else if (name === '--help' || name === '-h') process.stdout.write(USAGE)
else {
  process.stderr.write(USAGE)
  process.exitCode = 2
}
