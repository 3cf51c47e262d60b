import { createReadStream, existsSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { refusal, signedAs, WixAuthError, WixUnavailableError } from '../../lib/errors.ts'
import { looksLike } from '../../lib/internal/hints.ts'
import { type Fetch, httpFetch } from '../../lib/internal/transport.ts'
import { keysIn, remoteKeySet } from '../../lib/internal/remote-key-set.ts'
import { secureUrl } from '../../lib/internal/url.ts'
import { isObject, own, systemCodeOf } from '../../lib/internal/values.ts'
import { type Carried, carried, decode, kindOf, KINDS, type VerifiableKind } from '../credentials/recognize.ts'
import { type Given, NotChecked, verify } from '../credentials/verify.ts'
import { textOf } from '../text.ts'
import { identityShown, printed, type Report, shownOf, STRATEGIES } from './report.ts'

const HELP = `Usage: passport-wix-app inspect [options] [credential]

Says what a credential of Wix is, decodes it, verifies it, and tells why it is refused. Takes an instance, an access
token, the body of a webhook or of a service plugin call, a Digest header, a session token, or the address, the header
line or the curl command that carries one. Without an argument it reads standard input, so that no credential stays in the history of
your shell. It prints no secret and no whole credential.

Options:
  --as KIND                What your route expects: ${KINDS.slice(0, 3).join(', ')},
                           ${KINDS.slice(3).join(', ')}. Default: what it looks like
  --secret-file FILE       The app secret, or several, one a line. Default: WIX_APP_SECRET
  --public-key-file FILE   The public key of the app. Default: WIX_PUBLIC_KEY
  --app-id ID              The app ID. Default: WIX_APP_ID
  --max-age SECONDS|false  The maxAge of your strategy. Default: the one of WixAppStrategy or WixWebhookStrategy
  --body-file FILE         The raw body that a Digest header was sent with
  --jwks URL|FILE          The key set of the issuer of a session token, or an array of keys, with
  --issuer ISSUER          its issuer, and
  --audience AUDIENCE      its audience
  --ask-wix                Send an access token to Wix, as only Wix can verify one
  --full                   Show whole ids
  --json                   Print JSON
  -h, --help               Print this

Exit codes: 0 good, 1 refused, 2 wrong use, 3 not checked, since something is missing or does not answer.

Examples:
  pbpaste | passport-wix-app inspect
  passport-wix-app inspect --secret-file secret.txt 'https://app.example/dashboard?instance=...'
  passport-wix-app inspect --as webhook --public-key-file key.pem --json < body.txt
  passport-wix-app inspect --body-file body.json 'Digest: JWT=...'
`

const OPTIONS = {
  as: { type: 'string' },
  'secret-file': { type: 'string' },
  'public-key-file': { type: 'string' },
  'app-id': { type: 'string' },
  'body-file': { type: 'string' },
  'max-age': { type: 'string' },
  jwks: { type: 'string' },
  issuer: { type: 'string' },
  audience: { type: 'string' },
  'ask-wix': { type: 'boolean' },
  full: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What the command uses of its process. */
export interface System {
  env: Readonly<Record<string, string | undefined>>
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  stdout: { write(output: string): unknown; isTTY?: boolean }
  stderr: { write(output: string): unknown }
  /** Default: `Date.now`. */
  now?: () => number
  /** Default: that of the strategies. */
  fetch?: Fetch
}

const EXIT_CODES = { good: 0, refused: 1, usage: 2, 'not checked': 3 } as const

/** The command was used in a wrong way. */
class UsageError extends Error {}

/** A `-` that begins an instance, one of 64, is no option. */
const isInstance = (arg: string): boolean => /^-[\w-]{42}\./.test(arg)

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values']

function parsed(args: readonly string[]): { values: Values; credentials: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: args.filter((arg) => !isInstance(arg)),
      options: OPTIONS,
      allowPositionals: true,
    })
    return { values, credentials: [...positionals, ...args.filter(isInstance)] }
  } catch (error) {
    // The message may quote what was put in the place of an option: a secret.
    const { message, code } = error as Error & { code?: string }
    const [name = 'one'] = /--?[a-z]+(?:-[a-z]+)*\b/.exec(message) ?? []
    const isUnknown = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
    throw new UsageError(isUnknown ? `there is no option ${name}` : `the option ${name} needs a value, or takes none`)
  }
}

/** Bytes: more than any credential, body or key has. */
const MAX_INPUT = 4 * 1024 * 1024

/** All that comes, and undefined as soon as that is too much: it may have no end. */
async function contentOf(source: AsyncIterable<Uint8Array | string>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    chunks.push(Buffer.from(chunk))
    size += chunk.length
    // To leave the loop closes the source.
    if (size > MAX_INPUT) return undefined
  }
  return Buffer.concat(chunks)
}

async function fileOf(option: string, path: string): Promise<Buffer> {
  try {
    const content = await contentOf(createReadStream(path))
    if (content !== undefined) return content
  } catch (error) {
    throw new UsageError(`the file of --${option} cannot be read${systemCodeOf(error)}`)
  }
  throw new UsageError(`the file of --${option} is longer than 4 MiB`)
}

async function read({ stdin }: System): Promise<string> {
  if (stdin.isTTY) throw new UsageError('there is no credential: pass one, or send it to standard input')
  const content = await contentOf(stdin)
  if (content === undefined) throw new UsageError('standard input is too long for a credential')
  return textOf(content)
}

/** What of a key may be in a key set (RFC 7517 section 4): an app may keep its session keys with their private halves. */
const PUBLIC_MEMBERS: ReadonlySet<string> = new Set(['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e'])

const publicHalf = (key: unknown): unknown =>
  isObject(key) ? Object.fromEntries(Object.entries(key).filter(([name]) => PUBLIC_MEMBERS.has(name))) : key

/** A key set of public keys, of a key set or an array of keys. */
function keySetOf(content: unknown): unknown {
  const keys = Array.isArray(content) ? content : own(content, 'keys')
  return Array.isArray(keys) ? { keys: keys.map(publicHalf) } : content
}

/** The keys of session tokens. */
async function keysOf(source: string): Promise<NonNullable<Given['keys']>> {
  if (/^https?:/i.test(source)) {
    const expected = secureUrl(source)
    if (expected !== undefined) throw new UsageError(`--jwks must be a file, or ${expected}`)
    return remoteKeySet(source)
  }
  const json = (await fileOf('jwks', source)).toString()
  try {
    const keys = keysIn(keySetOf(JSON.parse(json)))
    return () => keys
  } catch {
    throw new UsageError('the file of --jwks is neither a JSON Web Key Set nor an array of keys')
  }
}

/** What was given by options, else by the environment. An empty value is none. */
async function givenBy(values: Values, { env, fetch = httpFetch, now = Date.now }: System): Promise<Given> {
  const content = async (option: 'secret-file' | 'public-key-file' | 'body-file'): Promise<Buffer | undefined> =>
    values[option] === undefined ? undefined : fileOf(option, values[option])
  const { 'max-age': maxAge, jwks } = values
  const secrets = (await content('secret-file'))?.toString() ?? env['WIX_APP_SECRET'] ?? ''
  const lines = secrets.split(/\r?\n/).filter((line) => line !== '')
  return {
    secrets: lines.length > 0 ? lines : undefined,
    publicKey: ((await content('public-key-file'))?.toString() ?? env['WIX_PUBLIC_KEY']) || undefined,
    appId: (values['app-id'] ?? env['WIX_APP_ID']) || undefined,
    maxAge: maxAge === undefined ? undefined : maxAge !== 'false' && Number(maxAge),
    body: await content('body-file'),
    keys: jwks === undefined ? undefined : await keysOf(jwks),
    issuer: values.issuer || undefined,
    audience: values.audience || undefined,
    tokenInfo: values['ask-wix'] ? { fetch } : undefined,
    now,
  }
}

/** Why a credential is not checked where one of these is missing, and what to do. */
const MISSING: Readonly<Record<NotChecked['missing'], readonly [hint: string, cure: string]>> = {
  secrets: ['the app secret is missing', 'Set WIX_APP_SECRET, or pass --secret-file.'],
  publicKey: ['the public key is missing', 'Set WIX_PUBLIC_KEY, or pass --public-key-file.'],
  appId: ['the app ID is missing', 'Set WIX_APP_ID, or pass --app-id.'],
  body: ['the body that came with the header is missing', 'Pass --body-file with the raw body.'],
  keys: ['the key set of the issuer is missing', 'Pass --jwks, --issuer and --audience.'],
  issuer: ['the issuer is missing', 'Pass --issuer.'],
  audience: ['the audience is missing', 'Pass --audience.'],
  tokenInfo: ['only Wix can verify an access token', 'Pass --ask-wix to send it to Wix.'],
}

type Verdict = Pick<Report, 'signature' | 'verdict' | 'identity' | 'code' | 'status' | 'hint' | 'cure'>

const NOTHING = { signature: null, identity: null, code: null, status: null, hint: null, cure: null }

/** Calls of Wix itself: no route requires a subject of them. */
const isCallOfWix = (kind: Report['kind']): boolean => ['webhook', 'service-plugin', 'digest'].includes(kind)

/** Where the routes of each kind look. */
const PLACES: Readonly<Record<VerifiableKind, readonly [name: string, ...from: Carried['from'][]]>> = {
  instance: ['the query or the Authorization header', 'query', 'Authorization header'],
  'access-token': ['the Authorization header', 'Authorization header'],
  session: ['the Authorization header', 'Authorization header'],
  webhook: ['the body'],
  'service-plugin': ['the body'],
  digest: ['the Digest header', 'Digest header'],
}

/** What a route would miss, unless it has a reader of its own. */
function misplaced(kind: VerifiableKind, from: Carried['from']): string | null {
  const [place, ...places] = PLACES[kind]
  return from === null || places.includes(from) ? null : `from the ${from}, but its strategy reads ${place}`
}

const isKind = (value: string): value is VerifiableKind => KINDS.some((kind) => kind === value)

const VISITOR = "an anonymous visitor: a rule such as requireIdentity({ subjectType: 'USER' }) answers 403"

async function verdictOn(
  { credential, from, isAlone, elsewhere }: Carried,
  kind: Report['kind'],
  given: Given,
): Promise<Verdict> {
  // Only Wix can look at that of an access token.
  const signature = kind === 'access-token' ? null : 'right'
  try {
    if (!isAlone) throw refusal('request_invalid', 'sent twice')
    if (elsewhere !== null) throw refusal('credentials_missing', elsewhere)
    const identity = identityShown(await verify(kind, credential, given))
    const isVisitor = own(identity, 'subjectType') === 'VISITOR' && !isCallOfWix(kind)
    // Another kind is never good.
    const hint = misplaced(kind as VerifiableKind, from) ?? (isVisitor ? VISITOR : null)
    return { ...NOTHING, verdict: 'good', signature, identity, hint }
  } catch (error) {
    if (error instanceof WixAuthError) {
      const { code, status, hint = null, cure } = error
      const known = signedAs(error) === undefined ? null : signature
      // What is no credential at all has its cure in the hint, if it is known what it is.
      const isNamed = kind === 'unknown' && hint !== null && hint === looksLike(credential)
      return { ...NOTHING, verdict: 'refused', signature: known, code, status, hint, cure: isNamed ? null : cure }
    }
    const notChecked = (hint: string, cure: string): Verdict => ({ ...NOTHING, verdict: 'not checked', hint, cure })
    if (error instanceof NotChecked) return notChecked(...MISSING[error.missing])
    if (error instanceof WixUnavailableError)
      return notChecked(error.message, 'Check the address and the network, and try again.')
    throw error
  }
}

/** The kind that `--as` names. */
function expectedKind(value: string | undefined): VerifiableKind | undefined {
  if (value === undefined || isKind(value)) return value
  throw new UsageError(`--as must be one of ${KINDS.join(', ')}`)
}

async function run(args: readonly string[], system: System): Promise<number> {
  const { values, credentials } = parsed(args)
  const { env, stdout } = system
  if (values.help) {
    stdout.write(HELP)
    return EXIT_CODES.good
  }
  if (credentials.length > 1) throw new UsageError('there is more than one argument: put quotes around it')
  const expected = expectedKind(values.as)
  const given = await givenBy(values, system)
  const [argument] = credentials
  if (argument !== undefined && existsSync(argument) && statSync(argument).isFile())
    throw new UsageError('the argument is the name of a file: send its content to standard input, with < before it')
  const found = carried(argument === undefined || argument === '-' ? await read(system) : argument)
  const looks = kindOf(found)
  // A key that cannot sign a user in is refused whatever a route expects.
  const kind = looks === 'api-key' || looks === 'refresh-token' ? looks : (expected ?? looks)
  const verdict = await verdictOn(found, kind, given)
  const report: Report = {
    kind: looks,
    from: found.from,
    decoded: shownOf(decode(found.credential)),
    verified: verdict.verdict === 'good',
    strategy: verdict.verdict === 'refused' ? null : STRATEGIES[verdict.verdict === 'good' ? kind : looks],
    ...verdict,
  }
  const { json = false, full = false } = values
  stdout.write(printed(report, { json, full, color: stdout.isTTY === true && !env['NO_COLOR'], now: given.now() }))
  return EXIT_CODES[report.verdict]
}

/**
 * Says what a credential is, and why it is refused.
 *
 * @returns A promise of the exit code.
 */
export async function inspect(args: readonly string[], system: System = process): Promise<number> {
  try {
    return await run(args, system)
  } catch (error) {
    // A TypeError is a secret or a key that cannot be one. No message of this package holds its input; others may.
    const isUsage = error instanceof UsageError || error instanceof TypeError
    const problem = isUsage
      ? `${error.message}\n\nTry: passport-wix-app inspect --help\n`
      : `failed${systemCodeOf(error)}\n`
    system.stderr.write(`passport-wix-app inspect: ${problem}`)
    return isUsage ? EXIT_CODES.usage : EXIT_CODES['not checked']
  }
}
