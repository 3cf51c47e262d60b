#!/usr/bin/env node
// Each command is loaded only when it is called. The tests run this through tsx, which adds a branch to such an import.
const [command = '', ...args] = process.argv.slice(2)

const HELP = `Usage: passport-wix-app COMMAND

  simulate   Wix on this machine, for an app in any language

passport-wix-app COMMAND --help describes it, with examples.`

if (command === 'simulate') {
  /* c8 ignore next */
  const { simulate } = await import('./simulate.ts')
  process.exitCode = await simulate(args)
} else if (['', '--help', '-h', 'help'].includes(command)) {
  console.log(HELP)
  process.exitCode = command === '' ? 2 : 0
} else {
  console.error(`passport-wix-app: unknown command\n\n${HELP}`)
  process.exitCode = 2
}
