import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isNonEmptyString, own } from '../../lib/internal/values.ts'
import { generateAppKeys } from '../testing/index.ts'

/** What Wix gives an app, and the private key that Wix keeps. */
export interface AppKeys {
  appId: string
  appSecret: string
  /** PEM. */
  publicKey: string
  /** PEM. */
  privateKey: string
}

export const generateKeys = (): AppKeys => ({ appId: randomUUID(), appSecret: randomUUID(), ...generateAppKeys() })

let other: AppKeys | undefined

/** The keys of another app. Made once: it takes a moment. */
export const otherKeys = (): AppKeys => (other ??= generateKeys())

const NAMES = ['appId', 'appSecret', 'publicKey', 'privateKey'] as const

function parseKeys(json: string, path: string): AppKeys {
  let keys: unknown
  try {
    keys = JSON.parse(json)
  } catch {
    // The message of the parser would quote a part of them.
  }
  if (NAMES.every((name) => isNonEmptyString(own(keys, name)))) return keys as AppKeys
  throw new Error(`${path} does not hold the keys of a simulator: delete it to get new ones`)
}

/** The keys of a folder: made at the first start, and the same ones from then on. No other user and no git sees them. */
export function keysIn(folder: string): AppKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  writeFileSync(join(folder, '.gitignore'), '*\n')
  const path = join(folder, 'keys.json')
  if (!existsSync(path)) {
    writeFileSync(path, `${JSON.stringify(generateKeys(), null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  }
  return parseKeys(readFileSync(path, 'utf8'), path)
}

/** The environment as `node --env-file`, a shell and Docker read it. */
export const envFile = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

export function writeEnvFile(folder: string, environment: Readonly<Record<string, string>>): void {
  writeFileSync(join(folder, 'env'), envFile(environment), { mode: 0o600 })
}
