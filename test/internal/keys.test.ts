import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { WixDigestStrategy, WixServicePluginStrategy, WixWebhookStrategy } from '../../lib/index.ts'
import {
  appSecrets,
  isEd25519,
  isP256,
  isSafeRsa,
  isSignature,
  mustNotBeAppId,
  SIGNATURE,
  wixPublicKeys,
} from '../../lib/internal/keys.ts'
import { now, OTHER_SECRET, SECRET } from '../support/build.ts'
import { APP_ID, BODY, digest, KEYS, OTHER_KEYS, refusalOf, servicePlugin, webhook } from '../support/jwt.ts'
import { optionsTable, type WrongOptions } from '../support/options-table.ts'
import { verifyDigest, verifyServicePlugin, verifyWebhook } from '../support/verify.ts'

const { keys } = JSON.parse(readFileSync(new URL('../vectors/webhook.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { forms: Record<string, string> }>
}

const pem = KEYS.publicKey
const spki = createPublicKey(pem).export({ format: 'der', type: 'spki' })
const base64 = spki.toString('base64')
const oneLine = pem.trim()
const cryptoKey = await crypto.subtle.importKey('spki', spki, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, [
  'verify',
])
const { privateKey: privateCryptoKey } = await crypto.subtle.generateKey(
  { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  true,
  ['sign'],
)
const pkcs1 = createPublicKey(pem).export({ format: 'der', type: 'pkcs1' })
const rsaPem = createPublicKey(pem).export({ format: 'pem', type: 'pkcs1' }).toString()
const withoutNull = Buffer.from(
  spki.toString('hex').replace('300d06092a864886f70d0101010500', '300b06092a864886f70d010101'),
  'hex',
)
withoutNull.writeUInt16BE(withoutNull.length - 4, 2)
const forms: Array<[string, unknown]> = [
  ['PEM', pem],
  ['PEM without a line end at the end', oneLine],
  ['PEM with CRLF', pem.replaceAll('\n', '\r\n')],
  ['PEM with CR', pem.replaceAll('\n', '\r')],
  ['PEM with the two characters \\n', pem.replaceAll('\n', '\\n')],
  ['PEM with the four characters \\r\\n', pem.replaceAll('\n', '\\r\\n')],
  ['PEM on one line with spaces', oneLine.replaceAll('\n', ' ')],
  ['PEM on one line with no line ends', pem.replaceAll('\n', '')],
  ['PEM with whitespace around it', `\n\t ${pem}\n `],
  ['the PEM in base64', Buffer.from(pem).toString('base64')],
  ['the PEM with CRLF in base64', Buffer.from(pem.replaceAll('\n', '\r\n')).toString('base64')],
  ['the PEM in base64 on several lines', Buffer.from(pem).toString('base64').replaceAll(/.{64}/g, '$&\n')],
  ['bare base64', base64],
  ['bare base64 on several lines', base64.replaceAll(/.{64}/g, '$&\n')],
  ['bare base64 with the two characters \\n', base64.replaceAll(/.{64}/g, '$&\\n')],
  ['PEM in quotes, as some readers of environment files leave it', `"${pem.replaceAll('\n', '\\n')}"`],
  ['a KeyObject', createPublicKey(pem)],
  ['a CryptoKey', cryptoKey],
  ['the bytes of the PEM, as readFileSync() returns them', Buffer.from(pem)],
  ['the bytes of the bare base64', new Uint8Array(Buffer.from(base64))],
  ['DER', spki],
  [
    'DER within other bytes',
    new Uint8Array(Buffer.concat([Buffer.from('xx'), spki, Buffer.from('yy')])).subarray(2, -2),
  ],
  ['PEM of PKCS #1', createPublicKey(pem).export({ format: 'pem', type: 'pkcs1' })],
  ['DER of PKCS #1', pkcs1],
  ['DER of PKCS #1 in base64', pkcs1.toString('base64')],
  ['DER that names no parameters of RSA, where others write a NULL', withoutNull],
  ['the bytes of a PEM with a byte order mark', Buffer.from(`\uFEFF${pem}`)],
  ['PEM with an escaped line end before it', `\\n${pem}`],
  ['PEM with line ends that were escaped twice', pem.replaceAll('\n', '\\\\n')],
  ['PEM in backquotes', `\`${pem}\``],
  ['SPKI in a PEM that is called one of RSA', pem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY')],
  ['PKCS #1 in a PEM that is called one of SPKI', rsaPem.replaceAll('RSA PUBLIC KEY', 'PUBLIC KEY')],
  ['bare base64url', spki.toString('base64url')],
  ['an ArrayBuffer, as crypto.subtle.exportKey() returns it', await crypto.subtle.exportKey('spki', cryptoKey)],
  ['an array', [OTHER_KEYS.publicKey, createPublicKey(pem)]],
]

const der = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64')
const rsa = (bits: number, exponent: number): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent }).publicKey
const exponentOf = (e: string): KeyObject =>
  createPublicKey({ key: { ...createPublicKey(pem).export({ format: 'jwk' }), e }, format: 'jwk' })

const certificate = '-----BEGIN CERTIFICATE-----\nMIIBcanary\n-----END CERTIFICATE-----\n'
const privatePkcs1 = createPrivateKey(KEYS.privateKey).export({ format: 'der', type: 'pkcs1' })
const guid = '07864c16-3a6f-4dd2-9973-028705762b2c'
const CUT = 'got a key of another kind, or one that was cut or changed'
// Without its first characters, which say what it is.
const PEM_OF_A_FORM = `${pem.slice(0, 60)} ${pem.slice(61)}`
const wrong: Array<[string, unknown, string]> = [
  ['undefined', undefined, 'got undefined (is an environment variable not set?)'],
  ['null', null, 'got null'],
  ['an empty string', '', 'got an empty string'],
  ['a blank string', ' \n', 'got an empty string'],
  ['nothing in quotes', ' "" ', 'got an empty string'],
  ['a blank in quotes', "' '", 'got an empty string'],
  ['an empty array', [], 'got an empty array'],
  ['an array with undefined', [pem, undefined], 'got undefined'],
  ['an array in an array', [[pem]], 'got an array'],
  ['a number', 7, 'got a number'],
  ['an object', { key: pem }, 'got a value of type object'],
  ['bytes of something else', Buffer.from('canary'), 'got a value that cannot be read as one'],
  ['bytes of a private key', Buffer.from(KEYS.privateKey), 'got a private key'],
  ['a promise', Promise.resolve('canary'), 'got a promise: await it, or pass a function'],
  ...['undefined', 'null', '[object Object]', 'NaN'].map((text): [string, unknown, string] => [
    `the word ${text}`,
    text,
    'got a string that JavaScript makes of a missing value',
  ]),
  ['a key of SSH', 'ssh-rsa AAAAcanary', 'got a key of SSH'],
  ['a JWK in JSON', '{"kty":"RSA","n":"canary"}', 'got JSON: of a JWK, createPublicKey({ key, format: "jwk" })'],
  ['the first line of a PEM, as a file of variables may cut it', '-----BEGIN PUBLIC KEY-----', 'got a part of a PEM'],
  ['a private CryptoKey', privateCryptoKey, 'got a private key'],
  ['a private key', KEYS.privateKey, 'got a private key'],
  ['a private key on one line', KEYS.privateKey.replaceAll('\n', ' '), 'got a private key'],
  ['a private key in base64', Buffer.from(KEYS.privateKey).toString('base64'), 'got a private key'],
  ['both keys', `${pem}${KEYS.privateKey}`, 'got a private key'],
  ['a private KeyObject', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'got a private key'],
  ['a secret KeyObject', createSecretKey(Buffer.from('canary')), 'got a secret key'],
  ['a certificate', certificate, 'got a certificate'],
  ['a certificate in base64', Buffer.from(certificate).toString('base64'), 'got a certificate'],
  ['the app secret or the app id', guid, 'got a GUID, which is what an app secret or an app ID looks like'],
  [
    'the app id with whitespace',
    ` ${guid.toUpperCase()}\n`,
    'got a GUID, which is what an app secret or an app ID looks like',
  ],
  ['a string of another kind', 'canary', 'got a value that cannot be read as one'],
  ['a path', './canary/public.pem', 'got the path of a file: read it'],
  ['a path with a space', '/my keys/canary.PEM', 'got the path of a file: read it'],
  ['what only contains a path', 'canary/ ./x.pem c:/x ~ x:// or so', 'got a value that cannot be read as one'],
  ...[
    '/run/secrets/canary',
    './canary',
    '../canary',
    '.\\canary',
    '..\\canary',
    '~/canary',
    'C:\\canary',
    'd:/canary',
  ].map((path): [string, unknown, string] => [
    `the path ${path.replace('canary', '')}`,
    path,
    'got the path of a file: read it',
  ]),
  ['the address of a file', 'file:///canary', 'got the path of a file: read it'],
  ['a PEM in UTF-16', Buffer.from(`\uFEFF${pem}`, 'utf16le'), 'got a string in UTF-16: save its file in UTF-8'],
  ['bytes of DER that was cut', spki.subarray(0, 100), 'got a value that cannot be read as one'],
  ['a private key in DER of PKCS #1', privatePkcs1, 'got a value that cannot be read as one'],
  ['the same in base64', privatePkcs1.toString('base64'), CUT],
  ['a PEM whose plus signs were decoded to spaces', PEM_OF_A_FORM, CUT],
  [
    'a JWK',
    createPublicKey(pem).export({ format: 'jwk' }),
    'got JSON: of a JWK, createPublicKey({ key, format: "jwk" })',
  ],
  ['an address', new URL('file:///canary'), 'got a value of type URL'],
  ['an ArrayBuffer of something else', new ArrayBuffer(8), 'got a value that cannot be read as one'],
  ['an empty one', new ArrayBuffer(0), 'got an empty string'],
  ['a request for a certificate', certificate.replaceAll('TE--', 'TE REQUEST--'), 'got a PEM of something else'],
  ['a placeholder', '${WIX_PUBLIC_KEY}', 'got a placeholder that nothing has replaced'],
  ['a PEM of PKCS #1 with text after it', `${rsaPem}canary`, 'got a PEM with something before or after it'],
  ['a PEM with something in it', pem.replace('MII', '...'), 'got a PEM that was changed, or several'],
  ['text before a path in quotes', 'canary"/public.pem"', 'got a value that cannot be read as one'],
  ['text after a brace in quotes', '"{"canary', 'got a value that cannot be read as one'],
  ['text before a PEM', `canary${pem}`, 'got a PEM with something before or after it: pass the PEM alone'],
  ['the name of the variable before a PEM', `KEY=${pem}`, 'got a PEM with something before or after it'],
  ['half a PEM', pem.slice(0, 200), 'got a part of a PEM'],
  ['half of the bare base64', base64.slice(0, 200), CUT],
  ['two PEMs in one string', pem + OTHER_KEYS.publicKey, 'got a PEM that was changed, or several: an array takes each'],
  ['a PEM without its first line', pem.slice(27), 'got a part of a PEM'],
  ['a PEM without its last line', pem.slice(0, -26), 'got a part of a PEM'],
  ['an RSA key of 1,024 bits', der(rsa(1024, 65_537)), 'got a key of 1024 bits'],
  ['an RSA key of 2,047 bits', rsa(2047, 65_537), 'got a key of 2047 bits'],
  ['an exponent of 1', der(exponentOf('AQ')), 'got a key with an unsafe exponent'],
  ['an exponent of 3', rsa(2048, 3), 'got a key with an unsafe exponent'],
  ['an exponent of 65,536', exponentOf('AQAA'), 'got a key with an unsafe exponent'],
  ['an even exponent', exponentOf('AQAC'), 'got a key with an unsafe exponent'],
  ['an EC key', der(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey), 'got a key of type ec'],
  ['an Ed25519 key', generateKeyPairSync('ed25519').publicKey, 'got a key of type ed25519'],
  [
    'an RSA-PSS key',
    der(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
    'got a key of type rsa-pss',
  ],
]

describe('J-02: the public key', () => {
  for (const [name, publicKey] of forms) {
    it(`may be ${name}`, async () => {
      const options = { publicKey: publicKey as string, now }
      expect(await verifyWebhook(webhook(), options)).to.have.property('instanceId', 'instance-1')
      expect(await verifyServicePlugin(servicePlugin(), { ...options, appId: APP_ID })).to.have.property('request')
      expect(await verifyDigest(digest(), BODY, options)).to.have.property('body')
    })
  }

  for (const [name, { forms: published }] of Object.entries(keys)) {
    it(`may have each form of the vector ${name}, and is the same key in each`, () => {
      const read = Object.values(published).map((form) => wixPublicKeys('test', form)[0])
      expect(read).to.have.length.of.at.least(6)
      for (const key of read) expect(key?.equals(read[0] as KeyObject)).to.equal(true)
    })
  }

  it('must not be anything else, and the error says what it is', async () => {
    for (const [name, publicKey, problem] of wrong) {
      const options = { publicKey: publicKey as string, now }
      const makers: Array<[string, () => unknown]> = [
        ['webhookVerifier', () => verifyWebhook(webhook(), options)],
        ['servicePluginVerifier', () => verifyServicePlugin(servicePlugin(), { ...options, appId: APP_ID })],
        ['digestVerifier', () => verifyDigest(digest(), BODY, options)],
        ['WixWebhookStrategy', async () => new WixWebhookStrategy(options)],
        ['WixServicePluginStrategy', async () => new WixServicePluginStrategy({ ...options, appId: APP_ID })],
        ['WixDigestStrategy', async () => new WixDigestStrategy(options)],
      ]
      for (const [owner, open] of makers) {
        const error: unknown = await Promise.resolve(open()).catch((reason: unknown) => reason)
        expect(error, name).to.be.instanceOf(TypeError)
        const { message } = error as TypeError
        expect(message.startsWith(`${owner}: option \`publicKey\` must be the public key of your app`), name).to.equal(
          true,
        )
        expect(message, name).to.include(problem)
        expect(message, name).to.include('Webhooks > Get public key, or More Actions > View ID & keys')
        // E-01: nothing of what was given, beside the paths of the stack.
        expect(inspect(error, { depth: 9 }).replaceAll(/^ *at .*$/gm, ''), name).to.not.match(
          /canary|MII|LS0t|07864c16/i,
        )
      }
    }
  })

  it('must not be left out', () => {
    expect(() => new WixWebhookStrategy({} as never)).to.throw(
      TypeError,
      '`publicKey` must be the public key of your app',
    )
  })

  it('may be rotated: each key of an array is tried', async () => {
    const publicKey = [OTHER_KEYS.publicKey, KEYS.publicKey]
    for (const { privateKey } of [KEYS, OTHER_KEYS]) {
      expect(await verifyWebhook(webhook({}, {}, privateKey), { publicKey, now })).to.have.property('instanceId')
    }
    expect(await refusalOf(verifyWebhook(webhook(), { publicKey: [OTHER_KEYS.publicKey], now }))).to.equal(
      'signature_invalid',
    )
  })

  it('that fits decides, of an array, also when it rejects for another reason', async () => {
    const publicKey = [KEYS.publicKey, OTHER_KEYS.publicKey]
    expect(await refusalOf(verifyWebhook(webhook({}, { exp: 1 }), { publicKey, now }))).to.equal('token_expired')
  })
})

const SHORT_PEM = '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n'

describe('I-06: an app secret', () => {
  const wrong: Array<[unknown, string]> = [
    [undefined, 'got undefined (is an environment variable not set?)'],
    [null, 'got null'],
    ['', 'got an empty string'],
    [' \t', 'got an empty string'],
    [[], 'got an empty array'],
    [[SECRET, undefined], 'got undefined'],
    [[SECRET, ''], 'got an empty string'],
    [7, 'got a number'],
    [{}, 'got a value of type object'],
    [[[SECRET]], 'got an array'],
    [`${SECRET}\n`, 'got one with leading or trailing whitespace'],
    [` ${SECRET}`, 'got one with leading or trailing whitespace'],
    [SHORT_PEM, 'got a key'],
    [Buffer.from(SHORT_PEM).toString('base64'), 'got a key'],
    [`MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A${'x'.repeat(100)}`, 'got a key'],
    ['{"kty":"oct","k":"c2VjcmV0"}', 'got a key'],
    ['true', 'got the word of a boolean'],
    ...['undefined', 'null', 'NaN', '[object Object]', ' undefined\n', '() => process.env.SECRET'].map(
      (text): [string, string] => [
        text,
        'got a string that JavaScript makes of a missing value (is an environment variable not set?)',
      ],
    ),
    [Promise.resolve('canary'), 'got a promise: await it, or pass a function'],
    [Buffer.from('canary'), 'got bytes'],
    [`"${SECRET}"`, 'got one in quotes'],
    [`"${guid}"`, 'got one in quotes'],
    [`${guid}\n`, 'got one with leading or trailing whitespace'],
    ...[`WIX_APP_SECRET=${guid}`, `${guid.toUpperCase()},`, `{"secret":"${guid}"}`, `[${guid}]`, `${guid}\u200b`].map(
      (text): [string, string] => [text, 'got one with something before or after it, such as its name, or another one'],
    ),
    [Buffer.from(SECRET, 'utf16le').toString(), 'got a string in UTF-16: save its file in UTF-8'],
    ['$WIX_APP_SECRET', 'got a placeholder that nothing has replaced (is an environment variable not set?)'],
    ['`undefined`', 'got one in quotes'],
    ...[
      'your-secret',
      'Your app secret',
      'YOUR_APP_SECRET',
      'changeme',
      'Change-Me',
      'CHANGE_ME',
      'CHANGEME',
      'TODO',
      'xxxxxxxx-xxxx-xxxx',
      'XX-X',
      '********',
      '...',
      '\u2026',
      'WIX_APP_SECRET',
      '[REDACTED]',
      '[app secret]',
      '__APP_SECRET__',
      '@APP_SECRET@',
      '#{APP_SECRET}',
      '#{APP_SECRET}#',
      ' TODO\n',
    ].map((text): [string, string] => [text, 'got an example of one (is an environment variable not set?)']),
    ...[
      './secret',
      '..\\secret',
      '~/secret',
      'C:\\secret',
      'd:/secret',
      'op://vault/wix/secret',
      'https://vault.example/wix',
      'arn:aws:secretsmanager:eu:1:secret:wix',
      'projects/wix/secrets/app/versions/latest',
      '/run/secrets/wix',
      '/etc/wix',
      '/var/run/wix',
      '/home/app/wix',
      '/mnt/secrets/wix',
      '/opt/wix',
      '/app/wix',
      '/tmp/wix',
    ].map((text): [string, string] => [text, 'got the path of a file or the address of a secret: read it']),
  ]
  const where = 'Find it in the dashboard of your app at Wix: OAuth, or More Actions > View ID & keys'
  optionsTable(
    { Owner: ({ secret }: { secret: unknown }) => appSecrets('Owner', secret) },
    wrong.map(([secret, problem]): WrongOptions => {
      const rest = problem === 'got a key' ? `${problem} (the public key of the app is for webhooks)` : problem
      const more = rest === 'got undefined' ? `${rest} (is an environment variable not set?)` : rest
      return [
        inspect(secret).slice(0, 40),
        { secret },
        `Owner: option \`secret\` must be the app secret, ${more}. ${where}`,
      ]
    }),
    { isWhole: true },
  )

  it('B48: is not the app ID, in any case', () => {
    expect(() => appSecrets('Owner', guid.toUpperCase(), guid)).to.throw(TypeError, ', got the app ID')
    expect(appSecrets('Owner', guid)).to.have.length(1)
  })

  it('may be any other string, such as one that looks like a part of a key', () => {
    for (const secret of [
      SECRET,
      'MIIB-short',
      'a{b',
      'x-----BEGIN',
      'two words',
      'ключ',
      'x"y"',
      '"x"y',
      `${guid.slice(1)}0`,
      `test-${guid}`,
      `${guid}-test`,
      `${guid}${guid}`,
      `${guid.slice(0, -1)}g`,
      'secret',
      'my-secret',
      'my your-secret',
      'yours',
      'your-',
      'TEST_SECRET',
      'wix_secret',
      'WIX',
      'MY_WIX_SECRET',
      'WIX_secret',
      'x',
      'xxx',
      'xx-y',
      'x*',
      'a...',
      '[a',
      'a]',
      '[a]b',
      '__a',
      'a__',
      '@a',
      'a@b',
      '#a',
      'a#{b}',
      'todo',
      'TODO list',
      'unchangeme',
      'change you',
      '/9j/4AAQSkZJRg==',
      '/tmpfile',
      'a/tmp/b',
      'a ./b',
      'arn',
      'my projects/a',
    ]) {
      const [key, ...rest] = appSecrets('Owner', secret)
      expect(rest).to.deep.equal([])
      expect(key?.equals(createSecretKey(Buffer.from(secret)))).to.equal(true)
    }
  })

  it('I-07: may be several, in their order', () => {
    const keys = appSecrets('Owner', [OTHER_SECRET, SECRET])
    expect(keys.map((key) => key.export().toString())).to.deep.equal([OTHER_SECRET, SECRET])
  })

  it('I-06: is not the app ID that a request names, in any case, wherever it is in the list', () => {
    const secrets = appSecrets('Owner', [SECRET, guid])
    for (const appId of [guid, guid.toUpperCase()]) {
      expect(() => mustNotBeAppId('Owner', secrets, appId)).to.throw(
        TypeError,
        /^Owner: option `secret` must be the app secret, got the app ID\. Find it/,
      )
    }
    expect(() => mustNotBeAppId('Owner', appSecrets('Owner', guid.toUpperCase()), guid)).to.throw(TypeError)
    expect(mustNotBeAppId('Owner', secrets, APP_ID)).to.equal(undefined)
  })
})

describe('A signature', () => {
  const secret = createSecretKey(Buffer.from(SECRET))
  const DATA = 'eyJpbnN0YW5jZUlkIjoiaSJ9'
  const right = createHmac('sha256', SECRET).update(DATA).digest('base64url')

  it('I-04: is the HMAC of the data by SHA-256, in base64url', () => {
    expect(isSignature(right, DATA, secret)).to.equal(true)
    expect(isSignature(right, `${DATA}x`, secret)).to.equal(false)
    expect(isSignature(right, DATA, createSecretKey(Buffer.from(OTHER_SECRET)))).to.equal(false)
    // RFC 4231 section 4.3.
    const hex = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    const vector = Buffer.from(hex, 'hex').toString('base64url')
    expect(isSignature(vector, 'what do ya want for nothing?', createSecretKey(Buffer.from('Jefe')))).to.equal(true)
  })

  it('I-04: is wrong with one character changed, wherever that is', () => {
    for (let at = 0; at < right.length; at++) {
      const other = right[at] === 'A' ? 'B' : 'A'
      expect(isSignature(right.slice(0, at) + other + right.slice(at + 1), DATA, secret)).to.equal(false)
    }
  })

  it('I-04: is wrong with a character left out or added, also right after the whole of it was compared', () => {
    for (const wrong of [right.slice(0, -1), right.slice(1), `${right}A`, `A${right}`, '']) {
      expect(isSignature(right, DATA, secret)).to.equal(true)
      expect(isSignature(wrong, DATA, secret)).to.equal(false)
    }
  })

  it('covers each character of the data as one byte', () => {
    const overBytes = createHmac('sha256', SECRET)
      .update(Buffer.from([0xe9]))
      .digest('base64url')
    expect(isSignature(overBytes, '\u{e9}', secret)).to.equal(true)
  })

  it('has one spelling: that of 32 bytes in base64url', () => {
    const pattern = new RegExp(`^${SIGNATURE}$`)
    for (let code = 0; code < 128; code++) {
      const spelling = right.slice(0, 42) + String.fromCharCode(code)
      const bytes = Buffer.from(spelling, 'base64url')
      expect(pattern.test(spelling)).to.equal(bytes.length === 32 && bytes.toString('base64url') === spelling)
    }
    expect(pattern.test(right.slice(1))).to.equal(false)
    expect(pattern.test(`A${right}`)).to.equal(false)
  })
})

describe('A key of a set', () => {
  const keys: Array<[string, KeyObject]> = [
    ['RSA of 2,048 bits', rsa(2048, 65_537)],
    ['RSA of 1,024 bits', rsa(1024, 65_537)],
    ['RSA with an exponent of 3', rsa(2048, 3)],
    ['RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
    ['a secret', createSecretKey(Buffer.from(SECRET))],
  ]
  const taken = (test: (key: KeyObject) => boolean): string[] =>
    keys.filter(([, key]) => test(key)).map(([name]) => name)

  it('is RSA of 2,048 bits or more with a safe exponent, P-256 or Ed25519, each for its own algorithm', () => {
    expect(taken(isSafeRsa)).to.deep.equal(['RSA of 2,048 bits'])
    expect(taken(isP256)).to.deep.equal(['P-256'])
    expect(taken(isEd25519)).to.deep.equal(['Ed25519'])
  })
})
