import { isLikeCredential } from '../../lib/internal/hints.ts'
import { CREDENTIAL_NAMES, namesIn } from '../../lib/read.ts'
import { isObject, own } from '../../lib/internal/values.ts'

/** The kinds that can be verified. */
export const KINDS = ['instance', 'access-token', 'webhook', 'service-plugin', 'digest', 'session'] as const
export type VerifiableKind = (typeof KINDS)[number]

/** What a string is. */
export type CredentialKind = VerifiableKind | 'api-key' | 'refresh-token' | 'jwt' | 'unknown'

/** What people call it. */
export const NAMES: Readonly<Record<CredentialKind, string>> = {
  instance: 'instance',
  'access-token': 'access token',
  webhook: 'webhook',
  'service-plugin': 'service plugin call',
  digest: 'Digest header',
  session: 'session token',
  'api-key': 'API key',
  'refresh-token': 'refresh token',
  jwt: 'JWT that is not from Wix',
  unknown: 'credential of an unknown kind',
}

/** A credential, and what carried it. */
export interface Carried {
  credential: string
  /** Null for a credential that came alone. */
  from: 'query' | 'Authorization header' | 'Digest header' | null
  /** Whether there is no other one beside it. */
  isAlone: boolean
  /** Why there is no credential, or where it is instead; null unless there is none in its place. */
  elsewhere: string | null
}

/** What an app would not find in an address. */
function elsewhereIn(address: string, query: URLSearchParams): string | null {
  const hash = new URLSearchParams(/#(.*)$/s.exec(address)?.[1])
  const inHash = CREDENTIAL_NAMES.find((name) => hash.has(name)) ?? namesIn(Object.fromEntries(hash))[0]
  if (inHash !== undefined) return `in the hash as \`${inHash}\`, which no browser sends to a server`
  const [name] = namesIn(Object.fromEntries(query))
  return name === undefined ? null : `in the query as \`${name}\`: fromQuery('${name}')`
}

const HEADER = /^["']?(authorization|digest)\s*:\s*(.*?)["']?$/is
const BEARER = /^bearer\s+/i
/** An address, or the first line of a request. */
const ADDRESS = /^(?:[A-Z]{3,7} )?[^\s?]*\?([^\s#]*)(?:#\S*)?(?: HTTP\/[\d.]+)?$/
const QUERY = new RegExp(`^(?:${CREDENTIAL_NAMES.join('|')})=\\S*$`)

/** The header, or what is in it: more than one pair, or the cookie of `express-session`. */
const COOKIES = /^(?:["']?(?:set-)?cookie\s*:|connect\.sid=|[\w.-]{1,60}=[^\s;&]*;)/i

const COMMAND = /^curl(?:\.exe)?\s/i
/** Characters: more are searched for longer than anybody waits. */
const MAX_COMMAND = 100_000
const ARGUMENT = /'([^']*)'|"([^"]*)"|[^\s'"]+/g

/** The only credential in a command line, as developer tools and the dashboard of the simulator copy it. */
function carriedBy(command: string): Carried | undefined {
  const all = Array.from(command.matchAll(ARGUMENT), ([word, single, double]) => carried(single ?? double ?? word))
  const [first, ...more] = all.filter(
    ({ credential, from, elsewhere }) =>
      isLikeCredential(credential) || (from !== null && (credential !== '' || elsewhere !== null)),
  )
  return first && { ...first, isAlone: first.isAlone && more.length === 0 }
}

/** Takes the credential out of the address, the query, the header line or the command line that carries it. */
export function carried(input: string): Carried {
  const trimmed = input.trim()
  const alone = { isAlone: true, elsewhere: null }
  if (COMMAND.test(trimmed) && trimmed.length < MAX_COMMAND)
    return carriedBy(trimmed) ?? { ...alone, credential: trimmed, from: null }
  if (COOKIES.test(trimmed))
    return { ...alone, credential: '', from: null, elsewhere: 'a cookie, which no strategy reads' }
  const [, header, value = ''] = HEADER.exec(trimmed) ?? []
  if (header?.toLowerCase() === 'digest') return { ...alone, credential: value.trim(), from: 'Digest header' }
  if (header !== undefined || BEARER.test(trimmed)) {
    const credential = (header === undefined ? trimmed : value).trim().replace(BEARER, '')
    return { ...alone, credential, from: 'Authorization header' }
  }
  const query = ADDRESS.exec(trimmed)?.[1] ?? QUERY.exec(trimmed)?.[0] ?? (/^https?:/i.test(trimmed) ? '' : undefined)
  // In quotes it is refused: a route that gets them refuses it, too.
  if (query === undefined) return { ...alone, credential: trimmed, from: null }
  const parameters = new URLSearchParams(query)
  const name = CREDENTIAL_NAMES.find((candidate) => parameters.has(candidate))
  const found = parameters.getAll(name ?? '')
  const missing = (): string | null =>
    name === undefined ? elsewhereIn(trimmed, parameters) : `\`${name}\` in the query is empty`
  return {
    credential: found[0] ?? '',
    from: 'query',
    isAlone: found.length < 2,
    elsewhere: found[0] ? null : missing(),
  }
}

/** What a part of a credential decodes to; undefined unless it is JSON. */
function decodedPart(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}

const PREFIXES: ReadonlyMap<string | undefined, CredentialKind> = new Map([
  ['IST.', 'api-key'],
  ['JWS.', 'refresh-token'],
  ['OauthNG.', 'access-token'],
  ['OAUTH2.', 'access-token'],
  ['JWT=', 'digest'],
])

/** The kind of a credential that has a prefix of Wix. */
const kindByPrefix = (credential: string): CredentialKind | undefined => PREFIXES.get(/^\w+[.=]/.exec(credential)?.[0])

/** The parts of a credential that anybody can read. Nothing of it is verified. */
export interface Decoded {
  header?: unknown
  payload?: unknown
}

/** Decodes an instance, or a JWT after any prefix. */
export function decode(credential: string): Decoded {
  const isPrefixed = kindByPrefix(credential) !== undefined
  const parts = isPrefixed ? credential.replace(/^JWT=/, '').split('.').slice(-3) : credential.split('.', 4)
  const [first = '', second = ''] = parts
  if (parts.length === 2) return { payload: decodedPart(second) }
  return parts.length === 3 ? { header: decodedPart(first), payload: decodedPart(second) } : {}
}

function kindOfJwt({ header, payload }: Decoded): CredentialKind {
  const data = own(payload, 'data')
  if (own(header, 'typ') === 'wix-session+jwt') return 'session'
  if (own(data, 'SHA256') !== undefined) return 'digest'
  const isEvent = typeof data === 'string' || own(data, 'eventType') !== undefined
  if (isEvent && own(payload, 'aud') === undefined) return 'webhook'
  return data === undefined && own(payload, 'iss') !== 'wix.com' ? 'jwt' : 'service-plugin'
}

/** The names under which Wix puts JSON into a string. */
export const CONTAINERS: ReadonlySet<string> = new Set(['data', 'instance', 'identity', 'metadata', 'accountInfo'])

/** What is under a name in a decoded part; where it is JSON in a string, what that says. */
export function opened(name: string, value: unknown): unknown {
  if (typeof value !== 'string' || !CONTAINERS.has(name)) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/** An instance, also one that was changed on its way; neither text nor an address. */
const TWO_PARTS = /^[^\s.:{}]*\.[^\s.:{}]*$/

/** What a credential is: by what carried it, by its prefix, by its form, and by what it says of itself. */
export function kindOf({ credential, from }: Pick<Carried, 'credential' | 'from'>): CredentialKind {
  if (from === 'Digest header') return 'digest'
  const kind = kindByPrefix(credential)
  if (kind !== undefined) return kind
  const decoded = decode(credential)
  if (isObject(decoded.header)) return kindOfJwt(decoded)
  return TWO_PARTS.test(credential) ? 'instance' : 'unknown'
}
