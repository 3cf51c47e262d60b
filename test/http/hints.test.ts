// Each symptom of docs/troubleshooting.md that is a refusal, provoked over HTTP in an app of its own process.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { generateSessionKey, SessionTokens, type WixAuthErrorCode } from '../../lib/index.ts'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
  WixSimulator,
} from '../../devtools/testing/index.ts'
import { NODE_V8_COVERAGE } from '../support/coverage.ts'
import { verifyInstance } from '../support/verify.ts'

const APP_ID = '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725'
const OTHER_APP_ID = '00000000-8c7b-4e06-b1f8-d03a6c94e725'
const SITE = 'c4a1f2b8-6d3e-4f59-a7c0-1e8b5d92f364'
const SECRET = 'canary-secret-of-this-app'
const KEYS = generateAppKeys()
const HOUR = 3600_000
const UNSET = 'the word that JavaScript makes of a missing value: a variable of the front end was not set'

const at = (milliseconds: number): string => new Date(Date.now() + milliseconds).toISOString()
const seconds = (fromNow: number): number => Math.floor(Date.now() / 1000) + fromNow
const instance = (payload: object = {}, secret = SECRET): string =>
  signInstance({ instanceId: SITE, appDefId: APP_ID, uid: 'user-1', permissions: 'OWNER', ...payload }, secret)
const webhook = (claims = {}, key = KEYS.privateKey): string =>
  signWebhook({ instanceId: SITE, eventType: 'AppInstalled' }, key, claims)
const plugin = (claims = {}, key = KEYS.privateKey): string =>
  signServicePlugin({ appId: APP_ID, metadata: { instanceId: SITE } }, key, claims)

interface Case {
  /** The row of the page. */
  symptom?: string
  /** A path with `INSTANCE` in it gets a genuine one. A function where the hint says how long ago something was: made as it is sent. */
  path: string | (() => string)
  init?: RequestInit | (() => RequestInit)
  status: number
  code?: WixAuthErrorCode
  hint: string
  /** Whose event it is, where there are several. */
  strategy?: string
  /** What Token Info answers. */
  answer?: object
}

const header = (authorization: string): RequestInit => ({ headers: { authorization } })
const post = (body: BodyInit, headers: Record<string, string> = { 'content-type': 'text/plain' }): RequestInit => ({
  method: 'POST',
  headers,
  body,
})
const query = (value: string): string => `/app?instance=${encodeURIComponent(value)}`

describe('The hint of a refusal, over HTTP', () => {
  let wix: WixSimulator
  let app: ChildProcess
  let url: string
  const output: string[] = []
  const log: string[] = []
  let cases: Case[]

  before(async () => {
    wix = await WixSimulator.start({ appId: APP_ID, appSecret: SECRET })
    const sessionKey = await generateSessionKey()
    const elsewhere = new SessionTokens({ keys: [await generateSessionKey()], issuer: 'app', audience: 'api' })
    const foreignSession = await elsewhere.issue(await verifyInstance(instance(), { secret: SECRET }))
    const token = (subject = {}): string =>
      wix.accessToken({ instanceId: SITE, subjectType: 'USER', subjectId: 'user-1', ...subject })
    const body = '{"amount":5}'
    const noText = Buffer.from([0x22, 0xff, 0x22])

    cases = [
      {
        symptom: 'the browser shows only `Unauthorized`',
        path: '/app?instance=forged',
        status: 401,
        code: 'token_malformed',
        hint: '1 part between dots; an instance has 2, of which the first has 43 characters, and here 6',
      },
      {
        path: query(instance({}, 'another')),
        status: 401,
        code: 'signature_invalid',
        hint: `no secret of 2 fits; the instance names app ${APP_ID} (not verified)`,
      },
      {
        path: query(instance({}, 'another')).replace('/app', '/app-id'),
        status: 401,
        code: 'signature_invalid',
        hint: 'no secret of 2 fits; the instance names your app (not verified): does the secret belong to another app?',
      },
      {
        path: query(instance({ appDefId: 'mine' }, 'another')),
        status: 401,
        code: 'signature_invalid',
        hint: 'no secret of 2 fits',
      },
      {
        path: query(instance().slice(0, -40)),
        status: 401,
        code: 'signature_invalid',
        hint: 'no secret of 2 fits; the payload is not complete JSON: was it cut?',
      },
      {
        path: query(instance({ appDefId: OTHER_APP_ID })).replace('/app', '/app-id'),
        status: 401,
        code: 'claim_invalid',
        hint: `\`appDefId\` is another app's (${OTHER_APP_ID})`,
      },
      {
        symptom: '401 some hours after the page was opened',
        path: () => query(instance({ signDate: at(-26 * HOUR) })),
        status: 401,
        code: 'token_expired',
        hint: 'signed 26 h ago; maxAge is 24 h',
      },
      {
        path: query(instance({ signDate: undefined })),
        status: 401,
        code: 'token_expired',
        hint: 'no valid `signDate`',
      },
      {
        path: () => query(instance({ signDate: at(-6 * HOUR), expirationDate: at(-2 * HOUR) })),
        status: 401,
        code: 'token_expired',
        hint: '`expirationDate` was 2 h ago',
      },
      {
        path: query(instance({ expirationDate: 'soon' })),
        status: 401,
        code: 'token_expired',
        hint: '`expirationDate` is not a date',
      },
      {
        path: () => query(instance({ signDate: at(24 * HOUR - 5000) })),
        status: 401,
        code: 'claim_invalid',
        hint: 'signed 23 h 59 min in the future: is the clock of this machine right?',
      },
      {
        path: query(webhook()),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like a JWT: a webhook or a session?',
      },
      {
        path: query(token()),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like an access token: WixAccessTokenStrategy',
      },
      {
        path: query(instance().split('.').toReversed().join('.')),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like an instance with its two parts swapped',
      },
      {
        path: query(instance().slice(1)),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like an instance that was cut or changed',
      },
      {
        path: query(`${instance()}==`),
        status: 401,
        code: 'signature_invalid',
        hint: 'no secret of 2 fits; the payload is not canonical base64url: standard base64, or padding',
      },
      {
        path: query('{"instanceId":"x"}'),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like JSON: it must be sent as it was signed, not decoded',
      },
      {
        path: query(encodeURIComponent(`${instance()}=`)),
        status: 401,
        code: 'signature_invalid',
        hint: 'no secret of 2 fits; the payload is not canonical base64url: it contains characters that are not base64',
      },
      {
        path: query(`${instance()}${'A'.repeat(8000)}`),
        status: 401,
        code: 'token_malformed',
        hint: `${instance().length + 8000} characters; the limit is 8192`,
      },
      { path: '/app?instance=a&instance=b', status: 400, code: 'request_invalid', hint: 'sent twice' },
      {
        path: '/app?instance=a&instance=b&instance=c',
        status: 400,
        code: 'request_invalid',
        hint: 'sent as a list of 3',
      },
      {
        path: query(instance()),
        init: header(instance()),
        status: 400,
        code: 'request_invalid',
        hint: 'sent in two places at once',
      },
      {
        symptom: 'every call of `fetchWithAuth()` gets a 401',
        path: '/app',
        init: header(token()),
        status: 401,
        code: 'credentials_missing',
        hint: 'Authorization looks like an access token: WixAccessTokenStrategy',
      },
      {
        symptom: 'a site widget has no `instance`',
        path: '/app',
        status: 401,
        code: 'credentials_missing',
        hint: 'nothing in the query or the Authorization header',
      },
      {
        symptom: '401 to `OPTIONS`, and a CORS error in the browser',
        path: '/token',
        init: { method: 'OPTIONS' },
        status: 401,
        code: 'credentials_missing',
        hint: 'a CORS preflight (OPTIONS), which has no credential: answer it before authentication, for example with cors()',
      },
      {
        path: '/token',
        init: header('Bearer undefined'),
        status: 401,
        code: 'token_malformed',
        hint: `looks like ${UNSET}`,
      },
      { path: '/app?instance=null', status: 401, code: 'token_malformed', hint: `looks like ${UNSET}` },
      {
        path: '/app',
        init: header('Bearer undefined'),
        status: 401,
        code: 'credentials_missing',
        hint: `Authorization looks like ${UNSET}`,
      },
      {
        path: '/session',
        init: header('Bearer [object Object]'),
        status: 401,
        code: 'credentials_missing',
        hint: 'looks like an object in place of a string: is an `await` missing in the front end?',
      },
      {
        path: query(`"${instance()}"`),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like a credential in quotes: send it without them',
      },
      {
        path: query(`curl 'https://app.example/?instance=${instance()}'`),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like a command line: copy the credential out of it',
      },
      {
        path: '/token',
        init: header('OauthNG.JWS.abc'),
        status: 401,
        code: 'credentials_missing',
        hint: 'looks like an access token that was cut or changed',
      },
      {
        path: `/app?inst=${instance()}`,
        status: 401,
        code: 'credentials_missing',
        hint: "in the query as `inst`: fromQuery('inst')",
      },
      {
        path: '/app',
        init: { headers: { 'X-Wix-Instance': instance() } },
        status: 401,
        code: 'credentials_missing',
        hint: "in the header `x-wix-instance`: fromHeader('x-wix-instance')",
      },
      {
        path: '/app?locale=en&viewMode=site',
        status: 401,
        code: 'credentials_missing',
        hint: 'nothing in the query or the Authorization header; the query has `locale`, `viewMode`',
      },
      {
        path: '/form',
        init: post(JSON.stringify({ instance: instance() }), { 'content-type': 'application/json' }),
        status: 401,
        code: 'credentials_missing',
        hint: 'in the body, not in the query',
      },
      {
        path: `/app?signedInstance=${instance()}`,
        status: 401,
        code: 'credentials_missing',
        hint: 'in the query as `signedInstance`',
      },
      { path: '/app?instance=', status: 401, code: 'credentials_missing', hint: '`instance` in the query is empty' },
      { path: '/signed', status: 401, code: 'credentials_missing', hint: 'your reader found nothing' },
      {
        path: '/signed?instance=INSTANCE',
        status: 401,
        code: 'credentials_missing',
        hint: 'in the query as `instance`',
      },
      {
        path: '/app',
        init: header('Basic abc'),
        status: 401,
        code: 'credentials_missing',
        hint: 'Authorization holds something else',
      },
      {
        path: `/token?token=${token()}`,
        status: 401,
        code: 'credentials_missing',
        hint: 'in the query, not in the Authorization header',
      },
      {
        path: '/token',
        init: header(instance()),
        status: 401,
        code: 'credentials_missing',
        hint: 'looks like an instance: WixAppStrategy',
      },
      {
        path: '/token',
        init: header('ab.cd'),
        status: 401,
        code: 'credentials_missing',
        hint: 'a token of another kind',
      },
      {
        path: '/token',
        init: header('IST.a.b.c'),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like an API key, which belongs to an account and not to an app',
      },
      {
        path: '/token',
        init: header('JWS.a.b.c'),
        status: 401,
        code: 'token_malformed',
        hint: 'looks like a refresh token, which cannot sign a user in',
      },
      {
        path: '/token',
        init: header('junk'),
        status: 401,
        code: 'token_malformed',
        hint: '1 part between dots; an access token has 4 or more',
      },
      {
        path: '/token',
        init: header(token({ clientId: OTHER_APP_ID })),
        status: 401,
        code: 'claim_invalid',
        hint: `clientId is another app's (${OTHER_APP_ID})`,
      },
      {
        path: '/token',
        init: header(`${token()}A`),
        status: 401,
        code: 'token_inactive',
        hint: 'Token Info does not report the credential as active',
      },
      {
        symptom: 'every access token is refused as `token_inactive`',
        path: '/lost',
        init: header(token()),
        status: 401,
        code: 'token_inactive',
        hint: 'Token Info answered with status 404',
      },
      {
        path: '/remote?instance=INSTANCE',
        answer: { active: true, instanceId: 'another', clientId: APP_ID, exp: seconds(3600) },
        status: 401,
        code: 'claim_invalid',
        hint: 'Token Info and the instance name different installations or apps',
      },
      {
        path: '/members',
        init: header(token()),
        status: 403,
        code: 'insufficient_scope',
        hint: 'subjectType is USER; the rule wants MEMBER',
        strategy: 'requireIdentity',
      },
      {
        symptom: 'anonymous visitors get in',
        path: `/users?instance=${instance({ aid: 'visitor' })}`,
        status: 403,
        code: 'insufficient_scope',
        hint: 'subjectType is VISITOR; the rule wants USER',
        strategy: 'requireIdentity',
      },
      {
        symptom: 'a collaborator is taken for the owner',
        path: `/site-owner?instance=${instance({ siteOwnerId: 'user-2' })}`,
        status: 403,
        code: 'insufficient_scope',
        hint: 'the subject is not known to be the owner of the site',
        strategy: 'requireIdentity',
      },
      {
        path: '/plan?instance=INSTANCE',
        status: 403,
        code: 'insufficient_scope',
        hint: 'the site is not known to be on a plan that the rule allows',
        strategy: 'requireIdentity',
      },
      {
        path: '/rule?instance=INSTANCE',
        status: 403,
        code: 'insufficient_scope',
        hint: 'the predicate did not return true',
        strategy: 'requireIdentity',
      },
      {
        path: '/nobody?instance=INSTANCE',
        status: 401,
        hint: 'the verify callback found no user: it returned undefined',
      },
      {
        symptom: 'with several processes, half of the requests get a 401',
        path: '/session',
        init: header(`Bearer ${foreignSession}`),
        status: 401,
        code: 'signature_invalid',
        hint: `key ${kidOf(foreignSession).slice(0, 4)}.. is not in the list of 1 keys`,
      },
      {
        path: '/session',
        init: header(`Bearer ${instance()}`),
        status: 401,
        code: 'credentials_missing',
        hint: 'looks like an instance: WixAppStrategy',
      },
      { path: '/webhook', init: post(''), status: 401, code: 'credentials_missing', hint: 'the body is empty' },
      {
        path: '/webhook',
        init: post(webhook({}, generateAppKeys().privateKey)),
        status: 401,
        code: 'signature_invalid',
        hint: 'the key does not fit: is it the public key of another app, or was the body changed on its way?',
      },
      {
        path: '/webhook',
        init: () => post(webhook({ iat: seconds(-90 * 3600) })),
        status: 401,
        code: 'token_expired',
        hint: 'signed 3 d 18 h ago; maxAge is 3 d 12 h',
      },
      {
        symptom: 'the Test button of a webhook gets a 401',
        path: '/webhook',
        init: () => post(webhook({ exp: seconds(-7200) })),
        status: 401,
        code: 'token_expired',
        hint: '`exp` was 2 h ago',
      },
      {
        path: '/webhook',
        init: () => post(webhook({ iat: seconds(24 * 3600 + 59) })),
        status: 401,
        code: 'claim_invalid',
        hint: '`iat` is 24 h in the future: is the clock of this machine right?',
      },
      {
        path: '/webhook',
        init: () => post(webhook({ nbf: seconds(24 * 3600 + 59) })),
        status: 401,
        code: 'claim_invalid',
        hint: '`nbf` is 24 h in the future: is the clock of this machine right?',
      },
      {
        path: '/webhook',
        init: post(plugin()),
        status: 401,
        code: 'claim_invalid',
        hint: 'a service plugin call: WixServicePluginStrategy',
      },
      {
        path: '/webhook',
        init: post('x'.repeat(1024 * 1024 + 1)),
        status: 413,
        code: 'body_too_large',
        hint: '1048577 characters; the limit is 1048576',
      },
      {
        path: '/plugin',
        init: post(webhook({ iss: 'wix.com', aud: APP_ID })),
        status: 401,
        code: 'claim_invalid',
        hint: '`data` is a string, as in a webhook: WixWebhookStrategy',
      },
      {
        path: '/plugin',
        init: post(plugin({ aud: OTHER_APP_ID })),
        status: 401,
        code: 'claim_invalid',
        hint: `\`aud\` is not what it should be (${OTHER_APP_ID}): is \`appId\` that of your app, or for a session \`audience\` that of its issuer?`,
      },
      {
        path: '/plugin',
        init: post(plugin({ aud: OTHER_APP_ID }, generateAppKeys().privateKey)),
        status: 401,
        code: 'signature_invalid',
        hint: `the key does not fit; the JWT names app ${OTHER_APP_ID} (not verified)`,
      },
      { path: '/digest', init: post(body), status: 401, code: 'credentials_missing', hint: 'no `Digest` header' },
      {
        path: '/digest',
        init: post(`${body} `, { digest: signDigest(body, KEYS.privateKey) }),
        status: 401,
        code: 'signature_invalid',
        hint: 'the hash does not match the body; 13 bytes arrived here',
      },
      {
        symptom: 'every signed request gets a 500',
        path: '/parsed',
        init: post('{"a":1}', { 'content-type': 'application/json' }),
        status: 500,
        hint: 'a parser such as express.json() has read the body before',
      },
      {
        path: '/unread',
        init: post(webhook()),
        status: 500,
        hint: 'no parser has read the body (is express.raw() before the strategy, with `type`?)',
      },
      {
        path: '/decoded',
        init: post(noText, { 'content-type': 'text/plain', digest: signDigest(noText, KEYS.privateKey) }),
        status: 500,
        hint: 'the body is not bytes: use express.raw(), not express.text()',
      },
    ]

    const { NODE_OPTIONS: _options, ...env } = process.env
    app = spawn(process.execPath, ['--import', 'tsx/esm', join(import.meta.dirname, '../support/refusing-app.ts')], {
      env: {
        ...env,
        NODE_V8_COVERAGE,
        APP_ID,
        APP_SECRET: SECRET,
        OTHER_SECRET: 'canary-secret-before',
        PUBLIC_KEY: KEYS.publicKey,
        API_URL: wix.url,
        SESSION_KEYS: JSON.stringify([sessionKey]),
        NODE_DEBUG: 'passport-wix-app',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    createInterface(app.stderr ?? process.stdin).on('line', (line) => log.push(line))
    const lines = createInterface(app.stdout ?? process.stdin)
    ;[url] = (await once(lines, 'line')) as [string]
    lines.on('line', (line) => output.push(line))
  })

  after(async () => {
    app.kill()
    await once(app, 'exit')
    await wix.close()
  })

  function kidOf(jwt: string): string {
    return (JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
  }

  /** What the process has printed since, when it has handled all requests up to now. */
  async function printed(): Promise<{ events: Array<Record<string, unknown>>; lines: string[] }> {
    await fetch(`${url}/marker`)
    while (!output.some((line) => line.includes('"/marker"')) || !log.some((line) => line.includes('/marker'))) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const events = output.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>)
    return { events: events.slice(0, -1), lines: log.splice(0).slice(0, -1) }
  }

  it('is in the event and in the log, and not in the response', async () => {
    for (const { path: given, init = {}, status, code, hint, strategy, answer: body } of cases) {
      const path = typeof given === 'function' ? given() : given
      wix.fault('token-info', body === undefined ? null : { body })
      const response = await fetch(
        url + path.replace('INSTANCE', instance()),
        typeof init === 'function' ? init() : init,
      )
      const answer = `${JSON.stringify([...response.headers])} ${await response.text()}`
      expect([path.slice(0, 20), response.status], hint).to.deep.equal([path.slice(0, 20), status])
      // A mistake in the setup is told in the message, which Express sends outside of production.
      if (status !== 500) expect(answer, hint).to.not.include(hint)

      const { events, lines } = await printed()
      const name = strategy ?? path.slice(1).split('?')[0]
      const event = events.find(
        (one) => one['hint'] === hint || String(one['error']).includes(`: ${hint}. Keep it before`),
      )
      expect(event, `${hint}: ${JSON.stringify(events)}`).to.include({
        outcome: status === 500 ? 'error' : 'fail',
        status,
        code: code ?? null,
      })
      const ending = status === 500 ? '. Keep it before another parser reads it' : ' ('
      const line = lines.find((one) => one.includes(`: ${hint}${ending}`)) ?? ''
      expect(line, `${hint}: ${lines.join('\n')}`).to.match(/^PASSPORT-WIX-APP \d+: /)
      expect(line).to.include(`${[event?.['strategy'], status, code].filter(Boolean).join(' ')}: `)
      expect([
        name,
        'wix-app',
        'wix-access-token',
        'wix-session',
        'wix-webhook',
        'wix-service-plugin',
        'wix-digest',
      ]).to.include(event?.['strategy'])
      for (const shown of [...lines, ...events.map((one) => JSON.stringify(one))]) {
        expect(shown).to.not.match(/canary|eyJ|\.[\w-]{43}|BEGIN/)
      }
    }
  })

  it('is provoked for each symptom of the page that is a refusal or an error of this package', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8')
    const [, table = ''] = /## By symptom\n\n((?:\|.*\n)+)/.exec(page) ?? []
    const symptoms = [...table.matchAll(/^\| (.*?) +\|/gm)].map(([, symptom = '']) => symptom).slice(2)
    const elsewhere = [
      'a strategy has the options of another one',
      'a JWT library refuses an `instance`',
      'an `instance` cannot be decoded, or only in part',
      'the login is lost on each page',
      'the page stays blank in the Wix dashboard',
      'the request hangs after authentication',
      'a webhook gets 400 `... is not valid JSON`',
      '403 `Cross-site POST form submissions are forbidden`',
      'the same webhook arrives again and again',
      '431 before any middleware runs',
      '`Login sessions require session support`',
      '`Unknown authentication strategy`',
      '`done is not a function`',
      '`WixAppStrategy is not a constructor`',
      '`TS1295` with `verbatimModuleSyntax`',
      '`ERR_REQUIRE_ESM`, `TS1479`',
      '`Native module not found: node:crypto`',
    ]
    const provoked = cases.flatMap(({ symptom }) => symptom ?? [])
    expect([...provoked, ...elsewhere]).to.have.members(symptoms)
  })

  it('names the installation of an expired instance in the event and in the log', async () => {
    await fetch(`${url}${query(instance({ signDate: at(-26 * HOUR) }))}`)
    const { events, lines } = await printed()
    expect(events).to.have.lengthOf(1)
    expect(events[0]?.['identity']).to.deep.equal({
      instanceId: SITE,
      subjectType: 'USER',
      subjectId: 'user-1',
      clientId: APP_ID,
      siteId: null,
    })
    expect(lines[0]).to.match(
      /: wix-app 401 token_expired: signed 26 h ago; maxAge is 24 h \(instance c4a1f2b8-\S+, GET \/app\)$/,
    )
  })

  it('is in the log for a webhook that the route does not get, with the id of the event', async () => {
    const id = '11111111-6d3e-4f59-a7c0-1e8b5d92f364'
    for (const data of [{ id, entityFqdn: 'wix.a.v1.b' }, { id: 'canary', entityFqdn: 'wix.a.v1.b' }, { id }]) {
      const body = signWebhook({ instanceId: SITE, eventType: 'A', data }, KEYS.privateKey)
      for (let attempt = 0; attempt < 2; attempt++)
        expect((await fetch(`${url}/once?secret=canary`, post(body))).status).to.equal(200)
    }
    const { events, lines } = await printed()
    expect(events).to.have.lengthOf(6)
    expect(lines.map((line) => line.replace(/^.*?: /, '')).filter((line) => line.startsWith('dedup'))).to.deep.equal([
      `deduplicate 200: handled before (${id}) (instance ${SITE}, POST /once)`,
      `deduplicate 200: handled before (instance ${SITE}, POST /once)`,
      `deduplicate 200: handled before (instance ${SITE}, POST /once)`,
    ])
  })

  it('tells of a success, and of an error of the app in one line', async () => {
    await fetch(`${url}/app?instance=${instance()}`)
    await fetch(`${url}/broken?instance=${instance()}`)
    const { events, lines } = await printed()
    expect(events.map(({ outcome, status, error }) => [outcome, status, error])).to.deep.equal([
      ['success', 200, null],
      ['error', 500, 'the database is\ndown'],
    ])
    expect(lines.map((line) => line.replace(/^.*?: /, ''))).to.deep.equal([
      `wix-app 200 (instance ${SITE}, GET /app)`,
      `wix-app 500: the database is?down (instance ${SITE}, GET /broken)`,
    ])
  })
})
