import { existsSync } from 'node:fs'

export const CHROMIUM = '/usr/bin/chromium'

export const CHROMIUM_OPTIONS: string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A `describe` that is skipped where Chromium is not installed. */
export const describeInBrowser: Mocha.SuiteFunction | Mocha.PendingSuiteFunction = existsSync(CHROMIUM)
  ? describe
  : describe.skip
