// The door of the command `inspect`: what somebody has pasted.
import fc from 'fast-check'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SECRET } from '../support/build.ts'
import { runInspect } from '../support/inspect.ts'
import { APP_ID, BODY, KEYS } from '../support/jwt.ts'
import { AUDIENCE, ISSUER, SESSION_KEYS, sessionTokens } from '../support/session.ts'
import { digestOracle } from './digest.ts'
import { type Door, door, type Verdict } from './door.ts'
import { anyInstance, instanceOracle } from './instance.ts'
import { anyJwt } from './jwt.ts'
import { servicePluginOracle } from './service-plugin.ts'
import { anySession, sessionOracle } from './session.ts'
import { webhookOracle } from './webhook.ts'

const KINDS = ['instance', 'webhook', 'service-plugin', 'digest', 'session'] as const
type Kind = (typeof KINDS)[number]

const ORACLES: Record<Kind, (credential: string) => Verdict> = {
  instance: (credential) => instanceOracle(credential),
  webhook: webhookOracle,
  'service-plugin': servicePluginOracle,
  digest: (credential) => digestOracle(credential, BODY),
  session: (credential) => sessionOracle(credential),
}

interface Input {
  kind: Kind
  before: string
  credential: string
  after: string
  json: boolean
  full: boolean
}

const anyCredential: Record<Kind, fc.Arbitrary<string>> = {
  instance: anyInstance,
  webhook: anyJwt,
  'service-plugin': anyJwt,
  digest: anyJwt.map((token) => `JWT=${token}`),
  session: anySession,
}
const credential = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  ...Object.values(anyCredential).map((arbitrary) => ({ weight: 1, arbitrary })),
)

/** What carries a credential, and leaves it what it is. */
const carriers: ReadonlyArray<[before: string, after: string]> = [
  ['', ''],
  [' ', '\r\n'],
  ['Bearer ', ''],
  ['Authorization: ', ''],
  ['"Authorization: ', '"'],
]

/** Of the kind that is expected, or of any. */
const sent = fc.oneof(
  { weight: 7, arbitrary: fc.constantFrom(...KINDS).chain((kind) => fc.tuple(fc.constant(kind), anyCredential[kind])) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...KINDS), credential) },
)
const inputs: fc.Arbitrary<Input> = fc
  .tuple(sent, fc.constantFrom(...carriers), fc.boolean(), fc.boolean())
  .map(([[kind, credential], [before, after], json, full]) => ({ kind, before, credential, after, json, full }))

const PRINTABLE = /^[\n\x20-\x7e]*$/
const ENV = { WIX_APP_SECRET: SECRET, WIX_PUBLIC_KEY: KEYS.publicKey, WIX_APP_ID: APP_ID }

let folder = ''

async function ours({ kind, before, credential, after, json, full }: Input): Promise<Verdict> {
  const args = ['--as', kind, ...(json ? ['--json'] : []), ...(full ? ['--full'] : [])]
  const files = ['--body-file', join(folder, 'body'), '--jwks', join(folder, 'keys.json')]
  const rules = ['--issuer', ISSUER, '--audience', AUDIENCE]
  const { code, stdout, stderr } = await runInspect([...args, ...files, ...rules, '-'], {
    env: ENV,
    input: [before + credential + after],
  })
  if (!PRINTABLE.test(stdout) || stderr !== '') throw new Error(`It printed ${JSON.stringify(stdout + stderr)}`)
  if (json) JSON.parse(stdout)
  // Of a whole credential nothing but ids and short values is printed.
  const parts = credential.split(/[.=]/).filter((part) => part.length > 60)
  if (parts.some((part) => stdout.includes(part))) throw new Error('It printed a part of the credential')
  if (code !== 0 && code !== 1) throw new Error(`It ended with ${code}`)
  return code === 0 ? 'accepted' : 'refused'
}

export const inspectDoor: Door = door<Input>({
  async open() {
    folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
    writeFileSync(join(folder, 'body'), BODY)
    const keys = [SESSION_KEYS.ES256, SESSION_KEYS.EdDSA, SESSION_KEYS.RS256]
    writeFileSync(join(folder, 'keys.json'), JSON.stringify(await sessionTokens({ keys }).jwks()))
  },
  close: () => rmSync(folder, { recursive: true }),
  inputs,
  ours,
  oracle: (input) => (ORACLES[input.kind](input.credential.trim()).startsWith('accepted') ? 'accepted' : 'refused'),
})
