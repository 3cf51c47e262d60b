// Every vector that must be refused gets a hint that names its flaw, and every other one is good.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { System } from '../../../devtools/inspect/inspect.ts'
import type { Report } from '../../../devtools/inspect/report.ts'
import { runInspect } from '../../support/inspect.ts'

const AS_IT_CAME =
  'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped. Another kind of credential belongs to the strategy of its kind.'
const SECRET =
  'Compare the secret with that of the app in its dashboard: More Actions > View ID & keys. Was the whole instance copied?'
const WHOLE = 'Send the whole credential, where the strategy reads it.'
const NO_INSTALLATION = 'Keep refusing it: it does not belong to any installation.'
const NOT_OF_WIX = 'Keep refusing it: it is complete and signed, but it is not what Wix sends to an app.'
const CLOCK = 'Set the clock of this machine, or of the signer.'
const PUBLIC_KEY =
  'Compare the public key with that of the app in its dashboard (Webhooks > Get public key), or the key set with that of the issuer.'
const WRONG_KEY = 'the key does not fit: is it the public key of another app, or was the body changed on its way?'
const ALGORITHM = 'Keep refusing it: Wix does not sign like this.'
const OTHER_ROUTE = 'Send it to the route of its kind, or use the strategy of this kind here.'
const OTHER_APP = 'Compare the app ID, the issuer and the audience of your app with those of the credential.'
const RAW_BODY = 'Verify the raw body, byte for byte, before any parser.'
const INSTALLED = 'Get a new one: reload the page. Is the app still installed?'
const NEW = 'Get a new one, for example by reloading the page. If that is refused, too, set the clock.'
const NETWORK = 'Check the address and the network, and try again.'

const VISITOR = "an anonymous visitor: a rule such as requireIdentity({ subjectType: 'USER' }) answers 403"
const HAS_RULES = new Set(['instance', 'access-token'])
const STRATEGIES: Record<string, string> = {
  instance: 'WixAppStrategy',
  'access-token': 'WixAccessTokenStrategy',
  webhook: 'WixWebhookStrategy',
  'service-plugin': 'WixServicePluginStrategy',
  digest: 'WixDigestStrategy',
}

type Row = readonly [hint: string, cure: string]

const REFUSED: Record<string, Record<string, Row>> = {
  instance: {
    'wix-example-apps-2021-std-base64-padded': [
      'the payload is not canonical base64url: standard base64, or padding',
      AS_IT_CAME,
    ],
    'wix-hive-scala-precalculated-wrapped': [
      'the secret does not fit; the payload is not canonical base64url: it contains whitespace or a line break',
      SECRET,
    ],
    'wixinstance-py-owner-one-signature-char-changed': ['the secret does not fit', SECRET],
    'wixinstance-py-other-app-owner': ['the secret does not fit', SECRET],
    'wixinstance-py-random-with-dot': ['a part is not canonical base64url: was it cut or changed?', AS_IT_CAME],
    'wixinstance-py-random-without-dot': [
      '1 part between dots; an instance has 2, of which the first has 43 characters, and here 365',
      AS_IT_CAME,
    ],
    'wix-hive-node-2014-other-secret': ['the secret does not fit', SECRET],
    'malformed-wix-apps-ruby-text': [
      '1 part between dots; an instance has 2, of which the first has 43 characters, and here 24',
      AS_IT_CAME,
    ],
    'malformed-only-dot': [
      '2 parts between dots; an instance has 2, of which the first has 43 characters, and here 0',
      AS_IT_CAME,
    ],
    'malformed-no-dot': [
      '1 part between dots; an instance has 2, of which the first has 43 characters, and here 12',
      AS_IT_CAME,
    ],
    'malformed-not-json': [
      '2 parts between dots; an instance has 2, of which the first has 43 characters, and here 7',
      AS_IT_CAME,
    ],
    'malformed-foobar-signature': [
      '2 parts between dots; an instance has 2, of which the first has 43 characters, and here 6',
      AS_IT_CAME,
    ],
    'malformed-empty': ['the input holds no credential', WHOLE],
    'wixinstance-go-hmac-ok-payload-not-base64-json': [
      'a part is not canonical base64url: it contains whitespace or a line break',
      AS_IT_CAME,
    ],
    'derived-ruby-owner-payload-replaced': ['the secret does not fit', SECRET],
    'derived-ruby-owner-segments-swapped': ['looks like an instance with its two parts swapped', AS_IT_CAME],
    'derived-ruby-owner-signature-truncated': ['looks like an instance that was cut or changed', AS_IT_CAME],
    'derived-ruby-owner-signature-empty': [
      '2 parts between dots; an instance has 2, of which the first has 43 characters, and here 0',
      AS_IT_CAME,
    ],
    'derived-ruby-owner-third-segment': [
      '3 parts between dots; an instance has 2, of which the first has 43 characters, and here 43',
      AS_IT_CAME,
    ],
    'derived-ruby-owner-wrong-secret': ['the secret does not fit', SECRET],
    'derived-ruby-owner-mac-over-decoded-json': ['the secret does not fit', SECRET],
    'derived-ruby-owner-hex-secret-bytes': ['the secret does not fit', SECRET],
  },
  webhook: {
    'constructed-account-level-no-instanceId': [
      'the event has no `instanceId`: is it an account-level event?',
      NO_INSTALLATION,
    ],
    'constructed-no-exp': ['`exp` is missing', NOT_OF_WIX],
    'constructed-expired': ['`exp` was 4 d 15 h ago', NEW],
    'constructed-iat-in-future': ['`iat` is 23 h 59 min in the future: is the clock of this machine right?', CLOCK],
    'constructed-other-key': [WRONG_KEY, PUBLIC_KEY],
    'constructed-PS256': ['`alg` is not RS256', ALGORITHM],
    'constructed-RS512': ['`alg` is not RS256', ALGORITHM],
    'constructed-HS256-with-public-key-as-secret': ['`alg` is not RS256', ALGORITHM],
    'constructed-alg-none': ['`alg` is not RS256', ALGORITHM],
    'constructed-payload-changed': [WRONG_KEY, PUBLIC_KEY],
    'constructed-outer-data-is-not-json': ['`data` of the JWT is not an event, as JSON in a string', NOT_OF_WIX],
    'constructed-service-plugin-token-sent-to-webhook': [
      'a service plugin call: WixServicePluginStrategy',
      OTHER_ROUTE,
    ],
    'constructed-crit-header': [
      'the header asks for an extension (`crit`) or an algorithm that is not supported',
      NOT_OF_WIX,
    ],
  },
  'service-plugin': {
    'constructed-wrong-aud': [
      '`aud` is not what it should be: is `appId` that of your app, or for a session `audience` that of its issuer?',
      OTHER_APP,
    ],
    'constructed-no-aud': ['`aud` is missing', NOT_OF_WIX],
    'constructed-wrong-iss': ['`iss` is not what it should be', OTHER_APP],
    'constructed-no-iss': ['`iss` is missing', NOT_OF_WIX],
    'constructed-expired': ['`exp` was 51 s ago', NEW],
    'constructed-no-exp': ['`exp` is missing', NOT_OF_WIX],
    'constructed-iat-in-future': ['`iat` is 23 h 59 min in the future: is the clock of this machine right?', CLOCK],
    'constructed-webhook-token-sent-to-service-plugin': [
      '`iss` is missing, as in a webhook: WixWebhookStrategy',
      OTHER_ROUTE,
    ],
    'constructed-data-is-string': ['`data` is a string, as in a webhook: WixWebhookStrategy', OTHER_ROUTE],
    'constructed-no-metadata': ['`data.metadata` has no `instanceId`', NOT_OF_WIX],
    'constructed-other-key': ['the key does not fit; the JWT names app 22222222-... (not verified)', PUBLIC_KEY],
    'constructed-HS256': ['`alg` is not RS256', ALGORITHM],
    'wix-docs-hs256-sample': ['`alg` is not RS256', ALGORITHM],
  },
  digest: {
    'constructed-body-changed': ['the hash does not match the body; 29 bytes arrived here', RAW_BODY],
    'constructed-body-reserialised': ['the hash does not match the body; 36 bytes arrived here', RAW_BODY],
    'constructed-expired': ['`exp` was 11 min 41 s ago', NEW],
    'constructed-other-key': [WRONG_KEY, PUBLIC_KEY],
    'constructed-no-hash-claim': ['`data` of the JWT has no `SHA256` of 64 hex digits', NOT_OF_WIX],
    'constructed-unknown-hash-name': ['`data` of the JWT has no `SHA256` of 64 hex digits', NOT_OF_WIX],
    'constructed-prefix-missing': ['the header does not begin with `JWT=`', AS_IT_CAME],
    'constructed-other-digest-scheme': ['the header does not begin with `JWT=`', AS_IT_CAME],
  },
  credentials: {
    'api-key': ['looks like an API key, which belongs to an account and not to an app', AS_IT_CAME],
    'instance-raw': ['looks like an instance: WixAppStrategy', AS_IT_CAME],
    'velo-instance': ['looks like an instance for the code of a site, not for an app', AS_IT_CAME],
    'refresh-token': ['looks like a refresh token, which cannot sign a user in', AS_IT_CAME],
    'bare-jwt': ['looks like a JWT: a webhook or a session?', AS_IT_CAME],
    junk: ['1 part between dots; an access token has 4 or more', AS_IT_CAME],
    empty: ['the input holds no credential', WHOLE],
  },
  token_info: {
    'other-app': ["clientId is another app's (00000000-...)", OTHER_APP],
    'no-clientId': ['Token Info names no `clientId`', OTHER_APP],
    'no-instanceId': ['Token Info names no `instanceId`', NOT_OF_WIX],
    'inactive-boolean': ['Token Info does not report the credential as active', INSTALLED],
    'inactive-string': ['Token Info does not report the credential as active', INSTALLED],
    'active-missing': ['Token Info does not report the credential as active', INSTALLED],
    expired: ['`exp` was 1 s ago', NEW],
    'http-400': ['Token Info answered with status 400', INSTALLED],
    'http-401': ['Token Info answered with status 401', INSTALLED],
    'http-429': ['Token Info is unavailable: status 429', NETWORK],
    'http-500': ['Token Info is unavailable: status 500', NETWORK],
    'html-200': ['Token Info is unavailable: an answer that is not a complete JSON object', NETWORK],
  },
}

interface Vector {
  name: string
  expect?: string
  expect_at_access_token_strategy?: string
  verify_at?: number | null
  app_id?: string
  secret?: string
  instance?: string
  key?: string | null
  body?: unknown
  header_value?: string
  payload?: { signDate?: string } | null
  value?: string
  status?: number
}
interface Vectors {
  keys: Record<string, { pem?: string; forms?: { pem: string } }>
  vectors: Vector[]
  credentials: Vector[]
  token_info: Vector[]
}
const vectorsOf = (name: string): Vectors =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8')) as Vectors

/** How one vector is given to the command. */
interface Case {
  credential: string
  options: readonly string[]
  system: Partial<System>
}

const folder = mkdtempSync(join(tmpdir(), 'inspect-vectors-'))
const clock = (seconds: number) => (): number => seconds * 1000

function caseOf(file: string, { keys }: Vectors, vector: Vector): Case {
  const { verify_at, app_id: WIX_APP_ID } = vector
  if (file === 'instance') {
    const signed = Date.parse(vector.payload?.signDate ?? '2026-01-01T00:00:00Z') / 1000
    // One accepted instance has no date: an app that takes it has no limit.
    const options = vector.payload != null && vector.payload.signDate === undefined ? ['--max-age', 'false'] : []
    const system = { env: { WIX_APP_SECRET: vector.secret }, now: clock(verify_at ?? signed) }
    return { credential: String(vector.instance), options, system }
  }
  const key = keys[vector.key ?? 'constructed-a']
  const env = { WIX_PUBLIC_KEY: key?.pem ?? key?.forms?.pem, WIX_APP_ID: WIX_APP_ID ?? 'app-1' }
  const system = { env, now: clock(verify_at ?? 1_767_225_601) }
  if (file !== 'digest') return { credential: String(vector.body), options: [], system }
  const body = join(folder, vector.name)
  writeFileSync(body, String(vector.body))
  return { credential: String(vector.header_value), options: ['--body-file', body], system }
}

const tokens = vectorsOf('access-token')
const APP_ID = String(tokens.token_info[0]?.app_id)
const TOKEN = String(tokens.credentials[0]?.value)
const answering =
  (body: unknown, status = 200) =>
  async (): Promise<Response> =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })

const reportOf = async (
  { credential, options, system }: Case,
  more: readonly string[] = [],
): Promise<Report & { exit: number }> => {
  const { code, stdout, stderr } = await runInspect(['--json', ...more, ...options, '--', credential], system)
  expect(stderr).to.equal('')
  return { ...(JSON.parse(stdout) as Report), exit: code }
}

const expectRefusal = (
  file: string,
  name: string,
  { exit, verdict, hint, cure, verified, identity }: Report & { exit: number },
) => {
  expect([hint, cure]).to.deep.equal(REFUSED[file]?.[name])
  expect({ exit, verdict, verified, identity }).to.deep.equal({
    exit: 1,
    verdict: 'refused',
    verified: false,
    identity: null,
  })
}
const expectSuccess = (
  kind: string,
  { exit, verdict, verified, signature, strategy, identity, hint, cure, kind: found }: Report & { exit: number },
) =>
  expect({ exit, verdict, verified, signature, strategy, hint, cure, found }).to.deep.equal({
    exit: 0,
    verdict: 'good',
    verified: true,
    signature: kind === 'access-token' ? null : 'right',
    strategy: STRATEGIES[kind],
    hint: HAS_RULES.has(kind) && identity?.['subjectType'] === 'VISITOR' ? VISITOR : null,
    cure: null,
    found: kind,
  })

describe('inspect, for every vector', () => {
  after(() => rmSync(folder, { recursive: true }))

  it('has a row for each that is refused, and no other', () => {
    const names = (vectors: readonly Vector[], isRefused: (vector: Vector) => boolean) =>
      vectors.filter(isRefused).map(({ name }) => name)
    for (const file of ['instance', 'webhook', 'service-plugin', 'digest'])
      expect(Object.keys(REFUSED[file] ?? {}), file).to.have.members(
        names(vectorsOf(file).vectors, ({ expect }) => expect === 'refuse'),
      )
    expect(Object.keys(REFUSED['credentials'] ?? {})).to.have.members(
      names(tokens.credentials, (vector) => vector.expect_at_access_token_strategy !== 'ask Token Info'),
    )
    expect(Object.keys(REFUSED['token_info'] ?? {})).to.have.members(
      names(tokens.token_info, ({ expect }) => expect !== 'accept'),
    )
  })

  for (const file of ['instance', 'webhook', 'service-plugin', 'digest']) {
    const all = vectorsOf(file)
    for (const vector of all.vectors) {
      if (vector.expect === 'accept')
        it(`recognizes ${file} ${vector.name}, and calls it good`, async () => {
          expectSuccess(file, await reportOf(caseOf(file, all, vector)))
        })
      else
        it(`says why ${file} ${vector.name} is refused`, async () => {
          expectRefusal(file, vector.name, await reportOf(caseOf(file, all, vector), ['--as', file]))
        })
    }
  }

  for (const vector of tokens.credentials) {
    const system = {
      env: { WIX_APP_ID: APP_ID },
      fetch: answering(tokens.token_info[1]?.body),
      now: clock(1_715_081_700),
    }
    const given = { credential: String(vector.value), options: ['--ask-wix'], system }
    if (vector.expect_at_access_token_strategy === 'ask Token Info')
      it(`asks Wix about ${vector.name}`, async () => {
        expectSuccess('access-token', await reportOf(given))
      })
    else
      it(`says why ${vector.name} is no access token, and does not ask Wix`, async () => {
        const fetch = async (): Promise<Response> => expect.fail('Wix was asked')
        const report = await reportOf({ ...given, system: { ...system, fetch } }, ['--as', 'access-token'])
        expectRefusal('credentials', vector.name, report)
      })
  }

  for (const { name, body, status, verify_at, app_id, expect: expected } of tokens.token_info) {
    it(`tells what Token Info says: ${name}`, async () => {
      const system = { env: { WIX_APP_ID: app_id }, fetch: answering(body, status), now: clock(Number(verify_at)) }
      const report = await reportOf({ credential: TOKEN, options: ['--ask-wix'], system })
      if (expected === 'accept') return void expectSuccess('access-token', report)
      if (expected === 'refuse') return expectRefusal('token_info', name, report)
      const { exit, verdict, hint, cure } = report
      expect({ exit, verdict, row: [hint, cure] }).to.deep.equal({
        exit: 3,
        verdict: 'not checked',
        row: REFUSED['token_info']?.[name],
      })
    })
  }
})
