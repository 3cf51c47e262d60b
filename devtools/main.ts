#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { nearest } from './simulator/nearest.ts'

const USAGE = `Usage: passport-wix-app <command> [options]

Commands:
  inspect    Say what a credential is, and why it is refused
  simulate   Wix on this machine, for an app in any language
  trigger    Let a simulator that runs send an event, and say what the app answered

passport-wix-app <command> --help lists the options, passport-wix-app --version prints the version.
`

/** As in package.json. An old Node would end with a SyntaxError in what a command loads. */
const NODE = '^20.19.0 || >=22.12.0'

// Each command is loaded only when it is called. tsx, which runs this file in the tests, adds a branch to each dynamic import.
const [name, ...args] = process.argv.slice(2)
if (Number.parseInt(process.versions.node) < 20) {
  process.stderr.write(`passport-wix-app needs Node ${NODE}, and this is ${process.versions.node}\n`)
  process.exitCode = 1
} else if (name === 'inspect') {
  /* c8 ignore next */
  const { inspect } = await import('./inspect/inspect.ts')
  process.exitCode = await inspect(args)
} else if (name === 'simulate') {
  /* c8 ignore next */
  const { simulate } = await import('./simulate.ts')
  process.exitCode = await simulate(args)
} else if (name === 'trigger') {
  /* c8 ignore next */
  const { trigger } = await import('./trigger.ts')
  process.exitCode = await trigger(args)
} else if (name === '--help' || name === '-h') {
  process.stdout.write(USAGE)
} else if (name === '--version') {
  const content = readFileSync(new URL(import.meta.resolve('passport-wix-app/package.json')), 'utf8')
  const { version } = JSON.parse(content) as { version: string }
  process.stdout.write(`${version}\n`)
} else {
  // It is not repeated: it may be a credential.
  const guess = nearest(name, ['inspect', 'simulate', 'trigger'])
  const problem = `passport-wix-app: unknown command${guess === undefined ? '' : `; did you mean ${guess}?`}`
  process.stderr.write(name === undefined ? USAGE : `${problem}\n\n${USAGE}`)
  process.exitCode = 2
}
