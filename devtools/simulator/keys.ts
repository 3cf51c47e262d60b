import { randomUUID } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isUnset } from '../../lib/internal/options.ts'
import { own } from '../../lib/internal/values.ts'
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

// What a terminal, a shell and an environment file take as it is. A checkout may bring keys of its own making.
const WORD = /^[\w./+=-]{1,200}$/
const PEM = /^-----BEGIN [A-Z ]+-----\s[\w/+=\s]+-----END [A-Z ]+-----\s*$/
const FORMS: Readonly<Record<keyof AppKeys, RegExp>> = { appId: WORD, appSecret: WORD, publicKey: PEM, privateKey: PEM }

const isKeys = (value: unknown): value is AppKeys =>
  Object.entries(FORMS).every(([name, form]) => {
    const key = own(value, name)
    return typeof key === 'string' && form.test(key) && !isUnset(key)
  })

/** Bytes; keys have two thousand. */
const MAX_LENGTH = 16_384

const noKeys = (path: string): Error =>
  new Error(`${path} does not hold the keys of a simulator: delete it to get new ones`)

function parseKeys(json: string, path: string): AppKeys {
  let keys: unknown
  try {
    keys = JSON.parse(json)
  } catch {
    // The message of the parser would quote a part of them.
  }
  if (isKeys(keys)) return keys
  throw noKeys(path)
}

/** Git checks out links, too: what is written to one, or to a file in one, ends up anywhere. */
function refuseLink(path: string, what: 'file' | 'folder'): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new Error(`${path} is a link: delete it, and a ${what} will be made in its place`)
}

/** Makes a new file and puts it in the place of the old one, which may also be known under another name. */
function replaceFile(path: string, content: string): void {
  refuseLink(path, 'file')
  const made = `${path}.${randomUUID()}`
  try {
    writeFileSync(made, content, { mode: 0o600, flag: 'wx' })
    renameSync(made, path)
  } finally {
    rmSync(made, { force: true })
  }
}

/** The keys of a folder: made at the first start, and the same ones from then on. No other user and no git sees them. */
export function keysIn(folder: string): AppKeys {
  refuseLink(folder, 'folder')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  replaceFile(join(folder, '.gitignore'), '*\n')
  const path = join(folder, 'keys.json')
  refuseLink(path, 'file')
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined)
    writeFileSync(path, `${JSON.stringify(generateKeys(), null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  // Somebody else may have put a pipe there, which nobody writes to, or a file without an end.
  else if (!stats.isFile() || stats.size > MAX_LENGTH) throw noKeys(path)
  return parseKeys(readFileSync(path, 'utf8'), path)
}

/** The environment as `node --env-file`, a shell and Docker read it. */
export const envFile = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

export function writeEnvFile(folder: string, environment: Readonly<Record<string, string>>): void {
  replaceFile(join(folder, 'env'), envFile(environment))
}
