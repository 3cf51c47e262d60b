import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import type { Report } from '../../../devtools/inspect/report.ts'
import { generateSessionKey, SessionTokens } from '../../../lib/index.ts'
import { accessToken } from '../../support/access-token.ts'
import { instance, iso, now, SECRET, sign, signData } from '../../support/build.ts'
import { runInspect } from '../../support/inspect.ts'
import { APP_ID, BODY, claims, digest, KEYS, rawJwt, servicePlugin, webhook } from '../../support/jwt.ts'
import { KeySetServer } from '../../support/key-set-server.ts'
import { AUDIENCE, ISSUER, rawSession, sessionClaims, sessionTokens, verifiedInstance } from '../../support/session.ts'

const GUID = 'c4a1f2b8-1111-4111-8111-111111111111'
const folder = mkdtempSync(join(tmpdir(), 'inspect-'))
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const SECRET_FILE = file('secret.txt', `other-secret\r\n${SECRET}\n`)
const KEY_FILE = file('key.pem', KEYS.publicKey)
const BODY_FILE = file('body.json', BODY)
const LIST_FILE = file('list.json', '[1]')
const ENV = { WIX_APP_SECRET: SECRET, WIX_PUBLIC_KEY: KEYS.publicKey, WIX_APP_ID: APP_ID }

const reported = async (...given: Parameters<typeof runInspect>): Promise<Report & { exit: number }> => {
  const { code, stdout, stderr } = await runInspect(['--json', ...given[0]], given[1])
  expect(stderr).to.equal('')
  return { ...(JSON.parse(stdout) as Report), exit: code }
}

describe('inspect', () => {
  after(() => rmSync(folder, { recursive: true }))

  it('prints what a credential is, what it says, and the verdict, and shortens ids', async () => {
    const credential = instance({ instanceId: GUID, uid: GUID, extra: 'extra' })
    const lines = [
      'This is an instance.',
      '',
      'Decoded (verified):',
      '  payload.instanceId      c4a1f2b8-...',
      '  payload.appDefId        app-1',
      `  payload.signDate        ${iso(-60)} (1 min ago)`,
      `  payload.expirationDate  ${iso(4 * 3600 - 60)} (in 3 h 59 min)`,
      '  payload.uid             c4a1f2b8-...',
      '  payload.permissions     OWNER',
      '  payload.demoMode        false',
      '  payload.siteOwnerId     user-1',
      '  payload.others          1, not shown',
      '  identity.instanceId     c4a1f2b8-...',
      '  identity.subjectType    USER',
      '  identity.subjectId      c4a1f2b8-...',
      '  identity.clientId       app-1',
      '  identity.siteId         null',
      '',
      'Verdict: good, for a route that uses WixAppStrategy',
      '',
    ]
    expect(await runInspect([credential], { env: ENV })).to.deep.equal({
      code: 0,
      stdout: lines.join('\n'),
      stderr: '',
    })
    const { stdout } = await runInspect(['--full', credential], { env: ENV })
    expect(stdout).to.include(`identity.instanceId     ${GUID}\n`).and.not.include('c4a1f2b8-...')
  })

  it('ends a refusal with the verdict, the hint and the cure, and marks what is decoded', async () => {
    const { code, stdout } = await runInspect([instance({ appDefId: GUID }, 'other')], { env: ENV })
    expect(code).to.equal(1)
    expect(stdout).to.include('\nDecoded (not verified):\n').and.not.include('identity')
    expect(stdout.split('\n').slice(-5)).to.deep.equal([
      '',
      'Verdict: refused, 401 signature_invalid',
      'Hint: the secret does not fit; the instance names app c4a1f2b8-... (not verified)',
      'Cure: Compare the secret with that of the app in its dashboard: More Actions > View ID & keys. Was the whole instance copied?',
      '',
    ])
  })

  it('prints the verdict in color on a terminal, unless NO_COLOR is set', async () => {
    const verdict = async (env: Record<string, string>, credential: string, isTerminal = true) => {
      const { stdout } = await runInspect([credential], { env, isTerminal })
      return /Verdict: (.*)$/m.exec(stdout)?.[1]
    }
    const route = ', for a route that uses WixAppStrategy'
    expect(await verdict(ENV, instance())).to.equal(`\x1b[32mgood\x1b[0m${route}`)
    expect(await verdict(ENV, 'hello')).to.equal('\x1b[31mrefused\x1b[0m, 401 token_malformed')
    expect(await verdict({}, instance())).to.equal(`\x1b[33mnot checked\x1b[0m${route}`)
    expect(await verdict({ ...ENV, NO_COLOR: '' }, instance())).to.equal(`\x1b[32mgood\x1b[0m${route}`)
    expect(await verdict({ ...ENV, NO_COLOR: '1' }, instance())).to.equal(`good${route}`)
    expect(await verdict(ENV, instance(), false)).to.equal(`good${route}`)
    const { stdout } = await runInspect(['--json', instance()], { env: ENV, isTerminal: true })
    expect(stdout).to.not.include('\x1b')
  })

  it('prints JSON for programs', async () => {
    expect(
      await reported([`https://app.example/?instance=${instance({ signDate: iso(-26 * 3600) })}`], { env: ENV }),
    ).to.deep.equal({
      kind: 'instance',
      from: 'query',
      decoded: {
        payload: {
          instanceId: 'instance-1',
          appDefId: 'app-1',
          signDate: iso(-26 * 3600),
          expirationDate: iso(4 * 3600 - 60),
          uid: 'user-1',
          permissions: 'OWNER',
          demoMode: false,
          siteOwnerId: 'user-1',
        },
      },
      verified: false,
      signature: 'right',
      verdict: 'refused',
      strategy: null,
      identity: null,
      code: 'token_expired',
      status: 401,
      hint: 'signed 26 h ago; maxAge is 24 h',
      cure: 'Get a new one, for example by reloading the page. If that is refused, too, set the clock.',
      exit: 1,
    })
  })

  it('says that the signature of a refused credential is right, where it is', async () => {
    const rows: ReadonlyArray<readonly [string, readonly string[], Report['signature'], Report['code']]> = [
      [instance(), [], 'right', null],
      [instance({ signDate: iso(-26 * 3600) }), [], 'right', 'token_expired'],
      [instance({ signDate: iso(26 * 3600) }), [], 'right', 'claim_invalid'],
      [signData('AAAA', SECRET), [], 'right', 'token_malformed'],
      [instance({}, 'other'), [], null, 'signature_invalid'],
      [instance().slice(1), [], null, 'token_malformed'],
      [webhook({}, { exp: 1 }), [], 'right', 'token_expired'],
      [servicePlugin({}, { aud: 'other' }), [], 'right', 'claim_invalid'],
      [digest('another'), ['--body-file', BODY_FILE], 'right', 'signature_invalid'],
      [accessToken(), [], null, null],
    ]
    for (const [credential, options, signature, code] of rows) {
      const report = await reported([...options, credential], { env: ENV })
      expect(report, credential).to.include({ signature, code, verified: report.verdict === 'good' })
    }
    const { stdout } = await runInspect([instance({ signDate: iso(-26 * 3600) })], { env: ENV })
    expect(stdout).to.include('\nDecoded (signature right):\n')
  })

  it('names the strategy of a credential that is good, or was not checked, and not that of a refused one', async () => {
    const tokens = sessionTokens()
    const keys = file('session-keys.json', JSON.stringify(await tokens.jwks()))
    const session = ['--jwks', keys, '--issuer', ISSUER, '--audience', AUDIENCE]
    const rows: ReadonlyArray<readonly [string, readonly string[], Report['strategy']]> = [
      [instance(), [], 'WixAppStrategy'],
      [webhook(), [], 'WixWebhookStrategy'],
      [servicePlugin(), [], 'WixServicePluginStrategy'],
      [digest(), ['--body-file', BODY_FILE], 'WixDigestStrategy'],
      [await tokens.issue(verifiedInstance()), session, 'WixSessionStrategy'],
    ]
    for (const [credential, options, strategy] of rows) {
      expect(await reported([...options, credential], { env: ENV })).to.include({ verdict: 'good', strategy })
      expect(await reported([credential])).to.include({ verdict: 'not checked', strategy })
      expect(await reported(['--as', 'webhook', credential])).to.include({ verdict: 'not checked', strategy })
    }
    const token = await runInspect([accessToken()], { env: ENV })
    expect(token.stdout).to.include(
      '\nVerdict: not checked, for a route that uses WixAccessTokenStrategy\nHint: only Wix ',
    )
    expect(await reported(['--as', 'webhook', 'hello'])).to.include({ verdict: 'not checked', strategy: null })
    expect(await reported(['--as', 'instance', webhook()], { env: ENV })).to.include({
      verdict: 'refused',
      strategy: null,
      hint: 'looks like a JWT: a webhook or a session?',
    })
  })

  it('says of an anonymous visitor, whom a route may refuse, that it is one, and not of the visitor of an event', async () => {
    const { code, stdout } = await runInspect([instance({ aid: 'visitor-1' })], { env: ENV })
    expect(code).to.equal(0)
    expect(stdout.split('\n').slice(-3)).to.deep.equal([
      'Verdict: good, for a route that uses WixAppStrategy',
      "Hint: an anonymous visitor: a rule such as requireIdentity({ subjectType: 'USER' }) answers 403",
      '',
    ])
    const event = await reported([webhook()], { env: ENV })
    expect(event).to.include({ verdict: 'good', hint: null })
    expect(event.identity).to.include({ subjectType: 'VISITOR' })
  })

  describe('finds the credential', () => {
    const credential = instance()
    const header = digest()
    const wrappings: ReadonlyArray<readonly [string, string, Report['from']]> = [
      ['alone', credential, null],
      ['with whitespace around it', ` ${credential}\r\n`, null],
      ['after a byte order mark', `\ufeff${credential}\n`, null],
      ['in an address', `https://app.example/dashboard?a=1&instance=${credential}#top`, 'query'],
      ['in a path', `/dashboard?instance=${credential}`, 'query'],
      ['in the first line of a request', `GET /dashboard?instance=${credential} HTTP/1.1`, 'query'],
      ['in a query', `instance=${credential}&a=1`, 'query'],
      ['under another name', `?token=${credential}`, 'query'],
      ['in a header line', `Authorization: ${credential}`, 'Authorization header'],
      ['in a header line after Bearer', `authorization: bearer ${credential}`, 'Authorization header'],
      ['in a header line in quotes', `'Authorization: Bearer ${credential}'`, 'Authorization header'],
      ['beside a token of the app', `/?token=mine&instance=${credential}`, 'query'],
      [
        'in a command line of developer tools',
        `curl 'https://app.example/api' \\\n  -H 'accept: */*' \\\n  -H 'authorization: ${credential}' \\\n  -H 'cookie: a=b; c=d' \\\n  -H 'user-agent: Mozilla/5.0 (X11)' --compressed`,
        'Authorization header',
      ],
      [
        'in a command line of the dashboard of the simulator',
        `curl -i -X GET 'http://localhost:3000/dashboard?instance=${credential}&locale=en' -H 'Accept: */*'`,
        'query',
      ],
      ['in a command line of Windows', `curl.exe "https://app.example/?instance=${credential}"`, 'query'],
      ['in a command line as its data', `curl https://app.example/ --data ${credential}`, null],
      ['after Bearer', `Bearer ${credential}`, 'Authorization header'],
    ]
    for (const [where, input, from] of wrappings) {
      it(where, async () => {
        for (const given of [
          reported([input], { env: ENV }),
          reported(['-'], { env: ENV, input: [input] }),
          reported([], { env: ENV, input: [Buffer.from(input.slice(0, 9)), Buffer.from(input.slice(9))] }),
        ])
          expect(await given).to.include({ exit: 0, kind: 'instance', from })
      })
    }

    it('in UTF-16, as older versions of PowerShell write a file', async () => {
      const input = [Buffer.from(`\ufeff${credential}\r\n`, 'utf16le')]
      expect(await reported([], { env: ENV, input })).to.include({ exit: 0, kind: 'instance', from: null })
    })

    it('in a Digest header', async () => {
      const options = ['--public-key-file', KEY_FILE, '--body-file', BODY_FILE]
      expect(await reported([...options, header])).to.include({ exit: 0, kind: 'digest', from: null, identity: null })
      expect(await reported([...options, `Digest: ${header}`])).to.include({ exit: 0, from: 'Digest header' })
      expect(await reported([...options, 'Digest: SHA-256=abc'])).to.include({
        exit: 1,
        kind: 'digest',
        hint: 'the header does not begin with `JWT=`',
      })
    })

    it('that begins with a dash', async () => {
      const signed = Array.from({ length: 1000 }, (_, index) => instance({ extra: index })).find((one) =>
        one.startsWith('-'),
      )
      expect(await reported([String(signed)], { env: ENV })).to.include({ exit: 0, kind: 'instance' })
    })

    it('only if there is one', async () => {
      expect(await reported([`/?instance=${credential}&instance=${credential}`], { env: ENV })).to.include({
        exit: 1,
        code: 'request_invalid',
        status: 400,
        hint: 'sent twice',
        cure: 'Send one credential, once, in one place.',
      })
      const both = `curl 'https://app.example/?instance=${credential}' -H 'Authorization: ${credential}'`
      expect(await reported([both], { env: ENV })).to.include({ exit: 1, code: 'request_invalid', hint: 'sent twice' })
      for (const input of ['https://app.example/dashboard', '/dashboard?a=1', 'Authorization:', '', ' \n'])
        expect(await reported([input], { env: ENV })).to.include({
          exit: 1,
          code: 'credentials_missing',
          hint: 'the input holds no credential',
        })
    })
  })

  it('refuses what a route would not find, or find in quotes, and says where it is', async () => {
    const credential = instance()
    for (const [input, code, hint] of [
      [`"${credential}"`, 'token_malformed', 'looks like a credential in quotes: send it without them'],
      [
        `https://app.example/dashboard#instance=${credential}`,
        'credentials_missing',
        'in the hash as `instance`, which no browser sends to a server',
      ],
      [
        `/dashboard?a=1#proof=${credential}`,
        'credentials_missing',
        'in the hash as `proof`, which no browser sends to a server',
      ],
      [
        `https://app.example/dashboard?inst=${credential}`,
        'credentials_missing',
        "in the query as `inst`: fromQuery('inst')",
      ],
      [
        `curl 'https://app.example/dashboard#instance=${credential}' -H 'Cookie: a=b'`,
        'credentials_missing',
        'in the hash as `instance`, which no browser sends to a server',
      ],
      ['https://app.example/dashboard?instance=&locale=en', 'credentials_missing', '`instance` in the query is empty'],
      ...[
        'Cookie: sid=1',
        `set-cookie: instance=${credential}`,
        'connect.sid=s%3Aabc.def',
        `a=1; instance=${credential}`,
      ].map((cookies): [string, string, string] => [
        cookies,
        'credentials_missing',
        'a cookie, which no strategy reads',
      ]),
      ['curl https://app.example/', 'token_malformed', 'looks like a command line: copy the credential out of it'],
      [
        `curl https://app.example/?instance=${credential}${' '.repeat(100_000)}x`,
        'token_malformed',
        'looks like a command line: copy the credential out of it',
      ],
    ] as const)
      expect(await reported([input], { env: ENV })).to.include({ exit: 1, verdict: 'refused', code, hint })
  })

  it('names the mistake of a front end that sends no credential at all', async () => {
    const unset = 'the word that JavaScript makes of a missing value: a variable of the front end was not set'
    const placeholder = 'a placeholder that nothing has replaced'
    for (const [input, hint] of [
      ['Bearer undefined', unset],
      ['Authorization: Bearer null', unset],
      ['https://app.example/dashboard?instance=None', unset],
      ['Authorization: Bearer ', 'a scheme alone: the variable of the front end behind it was empty'],
      ['Bearer [object Object]', 'an object in place of a string: is an `await` missing in the front end?'],
      ["curl https://app.example/ -H 'Authorization: Bearer $TOKEN'", placeholder],
      ['YOUR_ACCESS_TOKEN', placeholder],
    ])
      expect(await reported([String(input)], { env: ENV })).to.include({
        exit: 1,
        kind: 'unknown',
        code: 'token_malformed',
        hint: `looks like ${hint}`,
        cure: null,
      })
    expect(await reported(['hello'], { env: ENV })).to.include({
      hint: 'of no form that Wix sends',
      cure: 'Pass it on exactly as it came: whole, and not decoded, encoded or wrapped. Another kind of credential belongs to the strategy of its kind.',
    })
  })

  it('says of a good credential where its strategy would miss it', async () => {
    const body = webhook()
    for (const [input, hint] of [
      [body, null],
      [`Bearer ${body}`, 'from the Authorization header, but its strategy reads the body'],
      [`/?token=${body}`, 'from the query, but its strategy reads the body'],
      [`Authorization: ${servicePlugin()}`, 'from the Authorization header, but its strategy reads the body'],
      [`/?instance=${instance()}`, null],
      [`Bearer ${instance()}`, null],
    ] as const)
      expect(await reported([input.replace(/^-/, ' -')], { env: ENV })).to.include({ exit: 0, verdict: 'good', hint })
    const options = ['--public-key-file', KEY_FILE, '--body-file', BODY_FILE]
    expect(await reported([...options, `Bearer ${digest()}`])).to.include({
      exit: 0,
      hint: 'from the Authorization header, but its strategy reads the Digest header',
    })
  })

  describe('verifies', () => {
    it('an instance with the secrets of a file, for the app', async () => {
      expect(await reported(['--secret-file', SECRET_FILE, instance()])).to.include({ exit: 0, verdict: 'good' })
      expect(await reported(['--app-id', GUID, instance({ appDefId: GUID }, 'other')], { env: ENV })).to.include({
        exit: 1,
        hint: 'the secret does not fit; the instance names your app (not verified): does the secret belong to another app?',
      })
      expect(await reported(['--app-id', 'app-2', instance({ appDefId: GUID })], { env: ENV })).to.include({
        exit: 1,
        hint: "`appDefId` is another app's (c4a1f2b8-...)",
        cure: 'Compare the app ID, the issuer and the audience of your app with those of the credential.',
      })
    })

    it('an instance and a webhook by the age that the app allows', async () => {
      const old = instance({ signDate: iso(-7200), expirationDate: null })
      expect(await reported([old], { env: ENV })).to.include({ exit: 0 })
      expect(await reported(['--max-age', 'false', old], { env: ENV })).to.include({ exit: 0 })
      expect(await reported(['--max-age', '3600', old], { env: ENV })).to.include({
        hint: 'signed 2 h ago; maxAge is 1 h',
      })
      expect(await reported(['--max-age', '10', webhook()], { env: ENV })).to.include({
        hint: 'signed 1 min ago; maxAge is 10 s',
      })
    })

    it('a webhook', async () => {
      const report = await reported(['--public-key-file', KEY_FILE, webhook({ instanceId: GUID })])
      expect(report).to.deep.include({
        exit: 0,
        kind: 'webhook',
        identity: {
          instanceId: 'c4a1f2b8-...',
          subjectType: 'VISITOR',
          subjectId: 'visitor-1',
          clientId: null,
          siteId: 'site-1',
        },
      })
      expect(report.decoded.payload).to.have.nested.include({
        'data.data.slug': 'created',
        'data.data.others': '4, not shown',
        'data.identity.identityType': 'ANONYMOUS_VISITOR',
      })
    })

    it('a service plugin call', async () => {
      expect(await reported([servicePlugin()], { env: ENV })).to.include({ exit: 0, kind: 'service-plugin' })
      expect(await reported(['--app-id', 'app-2', servicePlugin()], { env: ENV })).to.include({
        exit: 1,
        hint: '`aud` is not what it should be: is `appId` that of your app, or for a session `audience` that of its issuer?',
      })
      expect(await reported(['--full', servicePlugin({}, { aud: GUID })], { env: ENV })).to.include({
        exit: 1,
        hint: `\`aud\` is not what it should be (${GUID}): is \`appId\` that of your app, or for a session \`audience\` that of its issuer?`,
      })
    })

    it('a webhook that is too large', async () => {
      const body = `${webhook()}${'a'.repeat(1024 * 1024)}`
      expect(await reported([], { env: ENV, input: [body] })).to.include({
        exit: 1,
        code: 'body_too_large',
        cure: 'Wix sends no body of this size: look at who does.',
      })
    })

    it('an access token, without sending it to Wix unless it is told to', async () => {
      const fetch = async (): Promise<Response> => expect.fail('sent')
      expect(await reported([accessToken()], { env: ENV, fetch })).to.include({
        exit: 3,
        kind: 'access-token',
        hint: 'only Wix can verify an access token',
        cure: 'Pass --ask-wix to send it to Wix.',
      })
    })

    describe('a session token', () => {
      const tokens = sessionTokens()
      const server = new KeySetServer(() => tokens.jwks())
      const rules = ['--issuer', ISSUER, '--audience', AUDIENCE]
      let keys: string
      before(async () => {
        await server.open()
        keys = file('jwks.json', JSON.stringify(await tokens.jwks()))
      })
      after(() => server.close())

      it('with a key set from a file or an address', async () => {
        const token = await tokens.issue(verifiedInstance())
        for (const jwks of [keys, server.url])
          expect(await reported(['--jwks', jwks, ...rules, token])).to.deep.include({
            exit: 0,
            kind: 'session',
            identity: {
              instanceId: 'instance-1',
              subjectType: 'USER',
              subjectId: 'user-1',
              clientId: 'app-1',
              siteId: null,
            },
          })
      })

      it('with the list of keys that the issuer signs with, of which it shows and uses no private half', async () => {
        const key = await generateSessionKey()
        const issuer = new SessionTokens({ keys: [key], issuer: ISSUER, audience: AUDIENCE, now })
        const token = await issuer.issue(verifiedInstance())
        for (const content of [[key], { keys: [key] }, await issuer.jwks()]) {
          const args = ['--jwks', file('keys.json', JSON.stringify(content)), ...rules]
          const { code, stdout, stderr } = await runInspect([...args, token])
          expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
          expect(stdout)
            .to.include('\nVerdict: good, for a route that uses WixSessionStrategy\n')
            .and.not.include(String(key['d']))
          expect(await reported([...args, rawSession()])).to.include({ exit: 1, code: 'signature_invalid' })
        }
      })

      it('and names its key when that is not in the set', async () => {
        expect(await reported(['--jwks', keys, ...rules, rawSession({ kid: 'abcdefgh' })])).to.include({
          exit: 1,
          hint: 'key abcd.. is not in the set of 1 keys',
          cure: 'Compare the key set with the keys of the issuer.',
        })
        const [header, claims] = rawSession().split('.')
        expect(await reported(['--jwks', keys, ...rules, `${header}.${claims}.AAAA`])).to.include({
          exit: 1,
          hint: 'the `kid` is known, but the signature was not made with that key',
        })
        expect(await reported(['--jwks', keys, ...rules, rawSession({ kid: undefined })])).to.include({
          hint: 'the header has no `kid`',
        })
      })

      it('not without the keys, the issuer and the audience', async () => {
        const token = rawSession()
        expect(await reported([token])).to.include({ exit: 3, hint: 'the key set of the issuer is missing' })
        expect(await reported(['--jwks', keys, token])).to.include({ exit: 3, cure: 'Pass --issuer.' })
        expect(await reported(['--jwks', keys, '--issuer', ISSUER, '--audience=', token])).to.include({
          exit: 3,
          cure: 'Pass --audience.',
        })
      })

      it('not when the key set cannot be read from its address', async () => {
        server.answer = (res) => res.writeHead(404).end()
        expect(await reported(['--jwks', server.url, ...rules, rawSession()])).to.include({
          exit: 3,
          hint: 'The key set is unavailable: status 404',
          cure: 'Check the address and the network, and try again.',
        })
        server.reset()
      })
    })

    it('nothing without what it takes', async () => {
      const missing: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
        [instance(), {}, 'Set WIX_APP_SECRET, or pass --secret-file.'],
        [instance(), { WIX_APP_SECRET: '' }, 'Set WIX_APP_SECRET, or pass --secret-file.'],
        [webhook(), {}, 'Set WIX_PUBLIC_KEY, or pass --public-key-file.'],
        [webhook(), { WIX_PUBLIC_KEY: '' }, 'Set WIX_PUBLIC_KEY, or pass --public-key-file.'],
        [servicePlugin(), { ...ENV, WIX_APP_ID: '' }, 'Set WIX_APP_ID, or pass --app-id.'],
        [digest(), ENV, 'Pass --body-file with the raw body.'],
      ]
      for (const [credential, env, cure] of missing)
        expect(await reported([credential], { env })).to.include({
          exit: 3,
          verdict: 'not checked',
          code: null,
          verified: false,
          cure,
        })
    })

    it('what is signed with another secret, and holds nothing to name', async () => {
      for (const credential of [sign([], 'other'), sign({}, 'other')])
        expect(await reported([credential], { env: ENV })).to.include({ exit: 1, hint: 'the secret does not fit' })
    })

    it('an instance that was cut anywhere, or has a character too many', async () => {
      const whole = instance({ appDefId: GUID })
      const cuts = Array.from({ length: whole.length - 45 }, (_, index) => whole.slice(0, index + 45))
      for (const credential of [...cuts, signData('AAAA', 'other')])
        expect(await reported([credential], { env: ENV })).to.include({
          exit: 1,
          code: 'signature_invalid',
          hint: 'the secret does not fit; the payload is not complete JSON: was it cut?',
          cure: 'Compare the secret with that of the app in its dashboard: More Actions > View ID & keys. Was the whole instance copied?',
        })
      const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      for (const extra of ['', 'a', 'aa'])
        for (const character of characters) {
          const { hint, cure } = await reported([`${instance({ extra })}${character}`], { env: ENV })
          expect(hint).to.match(
            /^the secret does not fit; the payload is not (complete JSON: was it cut|canonical base64url: was it cut or changed)\?$/,
          )
          expect(cure).to.match(/whole/)
        }
    })

    it('the form of an instance also without a secret', async () => {
      expect(await reported([instance().slice(1)])).to.include({
        exit: 1,
        hint: 'looks like an instance that was cut or changed',
      })
    })

    it('a JWT of the app as what the route expects, or as nothing', async () => {
      const token = rawJwt({ alg: 'HS256' }, { sub: 'me' })
      expect(await reported([token], { env: ENV })).to.include({
        exit: 1,
        kind: 'jwt',
        hint: 'a JWT, but none of the kinds that Wix signs',
      })
      expect(await reported(['--as', 'webhook', token], { env: ENV })).to.include({
        kind: 'jwt',
        hint: '`alg` is not RS256',
      })
      expect(await reported([rawJwt('text', 'text')], { env: ENV })).to.include({ kind: 'unknown', exit: 1 })
    })
  })

  describe('used in a wrong way', () => {
    const wrong: ReadonlyArray<readonly [string, readonly string[], string]> = [
      ['an unknown option', ['--wrong', 'x'], 'there is no option --wrong'],
      ['an option without its value', ['--app-id'], 'the option --app-id needs a value, or takes none'],
      ['a value too many', ['--json=yes', 'x'], 'the option --json needs a value, or takes none'],
      [
        'an unknown kind',
        ['--as', 'cookie', 'x'],
        '--as must be one of instance, access-token, webhook, service-plugin, digest, session',
      ],
      ['two arguments', ['Bearer', 'x'], 'there is more than one argument: put quotes around it'],
      [
        'a file that is not there',
        ['--secret-file', join(folder, 'none'), 'x'],
        'the file of --secret-file cannot be read (ENOENT)',
      ],
      [
        'a key set that is none',
        ['--jwks', BODY_FILE, 'x'],
        'the file of --jwks is neither a JSON Web Key Set nor an array of keys',
      ],
      [
        'keys that are none',
        ['--jwks', LIST_FILE, 'x'],
        'the file of --jwks is neither a JSON Web Key Set nor an array of keys',
      ],
      [
        'the name of a file',
        [BODY_FILE],
        'the argument is the name of a file: send its content to standard input, with < before it',
      ],
      [
        'an address that is not secure',
        ['--jwks', 'http://app.example/jwks', 'x'],
        '--jwks must be a file, or an https URL without a password, or an http URL on this machine (localhost, 127.0.0.1, [::1])',
      ],
      [
        'a secret that cannot be one',
        ['--secret-file', KEY_FILE, instance()],
        'instanceVerifier: option `secret` must be the app secret, got a key (the public key of the app is for webhooks). Find it in the dashboard of your app at Wix: OAuth, or More Actions > View ID & keys',
      ],
    ]
    for (const [title, args, problem] of wrong) {
      it(`answers ${title} with the problem, and with where the help is`, async () => {
        expect(await runInspect(args)).to.deep.equal({
          code: 2,
          stdout: '',
          stderr: `passport-wix-app inspect: ${problem}\n\nTry: passport-wix-app inspect --help\n`,
        })
      })
    }

    it('asks for a credential at a terminal, and takes no endless one', async () => {
      expect(await runInspect([], { isTerminal: true })).to.include({ code: 2 })
      const endless = await runInspect([], { input: Array.from({ length: 5 }, () => 'a'.repeat(1024 * 1024)) })
      expect(endless).to.include({ code: 2, stdout: '' })
      expect(endless.stderr).to.include('standard input is too long for a credential')
    })

    for (const option of ['--body-file', '--secret-file', '--public-key-file', '--jwks']) {
      it(`takes no endless ${option}, and none that is longer than 4 MiB`, async function () {
        const none = process.platform === 'win32' ? [] : ['/dev/zero']
        const long = file('long', Buffer.alloc(4 * 1024 * 1024 + 1, 'a'))
        for (const path of [...none, long]) {
          expect(await runInspect([option, path, 'JWT=a.b.c'])).to.deep.equal({
            code: 2,
            stdout: '',
            stderr: `passport-wix-app inspect: the file of ${option} is longer than 4 MiB\n\nTry: passport-wix-app inspect --help\n`,
          })
        }
      })
    }

    it('takes a file of 4 MiB', async () => {
      const longest = file('longest', Buffer.alloc(4 * 1024 * 1024, 'a'))
      const report = await reported(['--body-file', longest, digest(BODY)], { env: ENV })
      expect(report).to.include({ code: 'signature_invalid', signature: 'right' })
    })

    it('prints the help when it is asked for', async () => {
      for (const option of ['--help', '-h']) {
        const { code, stdout, stderr } = await runInspect([option])
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
        expect(stdout).to.match(/^Usage: passport-wix-app inspect /)
      }
    })

    it('says that it failed, and not why, when something else goes wrong', async () => {
      const stdin = (async function* (): AsyncGenerator<string> {
        yield 'a'
        throw Object.assign(new Error('canary'), { code: 'EIO' })
      })()
      expect(await runInspect([], { stdin })).to.deep.equal({
        code: 3,
        stdout: '',
        stderr: 'passport-wix-app inspect: failed (EIO)\n',
      })
    })
  })

  describe('S-07, E-01: shows no secret and no whole credential', () => {
    const CANARY = 'canary0123456789abcdef'
    const secret = `secret-${CANARY}`
    const options = { env: { ...ENV, WIX_APP_SECRET: secret } }
    const planted = {
      uid: CANARY,
      jti: 'short-jti',
      biToken: 'short-bi',
      ipAndPort: '192.0.2.1/80',
      vendorProductId: accessToken(),
      siteOwnerId: instance(),
      metaSiteId: webhook(),
      appId: digest(),
      permissions: `IST.${CANARY}`,
      email: 'me@example.com',
      [CANARY]: 1,
    }
    const data = JSON.stringify({ ...planted, instanceId: GUID, eventType: 'A', data: JSON.stringify(planted) })
    const token = `OauthNG.JWS.${rawJwt({ alg: 'HS256' }, { data: JSON.stringify({ instance: planted }) })}`
    const credentials: ReadonlyArray<readonly [string, string]> = [
      ['a good instance', instance(planted, secret)],
      ["another app's instance", instance(planted, 'other')],
      ['an old instance', instance({ ...planted, signDate: iso(-99_999) }, secret)],
      ['a wrong payload', sign(planted, secret)],
      ['a webhook', rawJwt({ alg: 'RS256', kid: CANARY, jku: CANARY }, claims({ ...planted, data }))],
      ['a service plugin call', servicePlugin(planted, planted)],
      ['a session', rawSession({ kid: CANARY }, sessionClaims({ ...planted, jti: CANARY }))],
      ['an access token', token],
      ['a header with JWT=', digest(BODY, planted)],
      ['a secret', secret],
      ['a list of tokens', rawJwt({ alg: 'RS256' }, { data: [CANARY], aud: [CANARY, token] })],
    ]
    for (const [name, credential] of credentials) {
      it(`of ${name}, in any form`, async () => {
        for (const input of [
          credential,
          `/?instance=${credential}`,
          `Bearer ${credential}`,
          `--${credential}`,
          credential.slice(5),
        ])
          for (const form of [
            [],
            ['--json'],
            ['--full'],
            ['--json', '--full'],
            ['--as', 'instance'],
            ['--as', 'webhook'],
          ])
            for (const args of [
              [...form, input],
              [...form, '--', input],
              [...form, '--secret-file', input],
              [...form, '--jwks', input, input],
            ]) {
              const { stdout, stderr } = await runInspect(args, {
                ...options,
                fetch: () => Promise.reject(new Error(CANARY)),
              })
              const output = stdout + stderr
              for (const hidden of [
                CANARY,
                'short-',
                '192.0.2',
                'me@',
                ...credential.split('.').filter((part) => part.length > 20),
              ])
                expect(output).to.not.include(hidden)
            }
      })
    }
  })

  describe('with any input', () => {
    const SEED = 20_260_304
    const EXPECTED = /^[\n\x20-\x7e]*$/
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    const parts = fc.array(text, { maxLength: 4 }).map((list) => list.join('.'))
    const json = fc
      .dictionary(
        fc.constantFrom('data', 'identity', 'uid', 'kid', 'alg', 'iat', 'signDate', 'aud', 'iss', '__proto__'),
        fc.jsonValue({ stringUnit: 'binary' }),
      )
      .map((value) => Object.assign(value, { instanceId: GUID }))
    const signed = fc.oneof(
      json.map((payload) => sign(payload, SECRET)),
      fc.tuple(json, json).map(([header, payload]) => rawJwt({ alg: 'RS256', ...header }, { exp: 1e10, ...payload })),
      fc
        .tuple(json, json)
        .map(([event, data]) =>
          rawJwt({ alg: 'RS256' }, { exp: 1e10, data: JSON.stringify({ ...event, data: JSON.stringify(data) }) }),
        ),
    )
    const prefix = fc.constantFrom(
      '',
      'Bearer ',
      'Authorization: ',
      'Digest: ',
      'JWT=',
      'OauthNG.JWS.',
      '/?instance=',
      'IST.',
      '"',
    )
    const input = fc.tuple(prefix, fc.oneof(text, parts, signed)).map(([before, rest]) => before + rest)
    const form = fc.constantFrom(
      [],
      ['--json'],
      ['--full'],
      ['--as', 'webhook'],
      ['--as', 'session'],
      ['--as', 'digest'],
    )

    it('ends with an exit code, and prints nothing that a terminal obeys', async () => {
      await fc.assert(
        fc.asyncProperty(input, form, async (credential, options) => {
          const { code, stdout, stderr } = await runInspect([...options, '--', credential], { env: ENV })
          expect(code).to.be.oneOf([0, 1, 3])
          expect(stdout).to.match(EXPECTED)
          expect(stderr).to.equal('')
          if (options[0] === '--json') expect(JSON.parse(stdout)).to.include.keys('kind', 'verdict')
        }),
        { seed: SEED, numRuns: 1500 },
      )
    })

    it('shows of a value neither escape sequences nor what looks like a credential', async () => {
      const payload = {
        uid: '\x1b[2Jme\r\n\u202e\x7f',
        permissions: 'IST.abc',
        aid: 'JWT=abc',
        vendorProductId: 'a'.repeat(101),
      }
      const shown = {
        uid: '?[2Jme????',
        permissions: '(7 characters)',
        aid: '(7 characters)',
        vendorProductId: '(101 characters)',
      }
      expect((await reported([instance(payload)], { env: ENV })).decoded.payload).to.include(shown)
      const { stdout } = await runInspect([instance(payload)], { env: ENV })
      expect(stdout).to.match(EXPECTED).and.include('payload.uid              ?[2Jme????\n')
    })

    it('ends with an exit code whatever the arguments are', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(text, fc.constantFrom('--as', '--json', '--app-id', '-', '--', '--body-file'))),
          async (args) => {
            const { code, stdout, stderr } = await runInspect(args, { env: ENV, input: ['hello'] })
            expect(code).to.be.oneOf([0, 1, 2, 3])
            expect(stdout + stderr).to.match(EXPECTED)
          },
        ),
        { seed: SEED, numRuns: 500 },
      )
    })

    it('also when it is nested deeply', async () => {
      const nested = (open: string, close: string) =>
        Buffer.from(`{"data":${open.repeat(50_000)}1${close.repeat(50_000)}}`).toString('base64url')
      for (const payload of [nested('[', ']'), nested('{"data":', '}')])
        for (const credential of [`eyJhbGciOiJSUzI1NiJ9.${payload}.AAAA`, `${'A'.repeat(43)}.${payload}`])
          expect((await runInspect([credential], { env: ENV })).code).to.equal(1)
    })
  })
})
