#!/usr/bin/env node

const USAGE = `Usage: passport-wix-app <command> [options]

Commands:
  inspect    Say what a credential is, and why it is refused

passport-wix-app <command> --help tells the options.
`

const [name, ...args] = process.argv.slice(2)
if (name === 'inspect') {
  /* c8 ignore next -- tsx, which runs this file in the tests, adds a branch to each dynamic import */
  const { inspect } = await import('./inspect.ts')
  process.exitCode = await inspect(args)
} else if (name === '--help' || name === '-h') {
  process.stdout.write(USAGE)
} else {
  process.stderr.write(USAGE)
  process.exitCode = 2
}
