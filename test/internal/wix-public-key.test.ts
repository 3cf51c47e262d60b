import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect } from 'chai'
import {
  verifyDigest,
  verifyServicePlugin,
  verifyWebhook,
  WixDigestStrategy,
  WixServicePluginStrategy,
  WixWebhookStrategy,
} from '../../lib/index.ts'
import { wixPublicKeys } from '../../lib/internal/wix-public-key.ts'
import { now } from '../support/build.ts'
import { APP_ID, BODY, digest, KEYS, OTHER_KEYS, refusalOf, servicePlugin, webhook } from '../support/jwt.ts'

const { keys } = JSON.parse(readFileSync(new URL('../vectors/webhook.json', import.meta.url), 'utf8')) as {
  keys: Record<string, { forms: Record<string, string> }>
}

const pem = KEYS.publicKey
const spki = createPublicKey(pem).export({ format: 'der', type: 'spki' })
const base64 = spki.toString('base64')
const oneLine = pem.trim()
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
  ['an array', [OTHER_KEYS.publicKey, createPublicKey(pem)]],
]

const der = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64')
const rsa = (bits: number, exponent: number): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent }).publicKey
const exponentOf = (e: string): KeyObject =>
  createPublicKey({ key: { ...createPublicKey(pem).export({ format: 'jwk' }), e }, format: 'jwk' })

const certificate = '-----BEGIN CERTIFICATE-----\nMIIBcanary\n-----END CERTIFICATE-----\n'
const guid = '07864c16-3a6f-4dd2-9973-028705762b2c'
const wrong: Array<[string, unknown, string]> = [
  ['undefined', undefined, 'got undefined (is an environment variable not set?)'],
  ['null', null, 'got null'],
  ['an empty string', '', 'got an empty string'],
  ['a blank string', ' \n', 'got an empty string'],
  ['an empty array', [], 'got an empty array'],
  ['an array with undefined', [pem, undefined], 'got undefined'],
  ['an array in an array', [[pem]], 'got an array'],
  ['a number', 7, 'got a number'],
  ['an object', { key: pem }, 'got a value of type object'],
  ['bytes', Buffer.from(pem), 'got a value of type object'],
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
  ['a path', './canary/public.pem', 'got a value that cannot be read as one'],
  ['half a PEM', pem.slice(0, 200), 'got a value that cannot be read as one'],
  ['half of the bare base64', base64.slice(0, 200), 'got a value that cannot be read as one'],
  ['two PEMs in one string', pem + OTHER_KEYS.publicKey, 'got a value that cannot be read as one'],
  ['a PEM of another form', pem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY'), 'got a value that cannot be read as one'],
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

  for (const [name, publicKey, problem] of wrong) {
    it(`must not be ${name}`, async () => {
      const options = { publicKey: publicKey as string, now }
      const makers: Array<[string, () => unknown]> = [
        ['verifyWebhook', () => verifyWebhook(webhook(), options)],
        ['verifyServicePlugin', () => verifyServicePlugin(servicePlugin(), { ...options, appId: APP_ID })],
        ['verifyDigest', () => verifyDigest(digest(), BODY, options)],
        ['WixWebhookStrategy', async () => new WixWebhookStrategy(options)],
        ['WixServicePluginStrategy', async () => new WixServicePluginStrategy({ ...options, appId: APP_ID })],
        ['WixDigestStrategy', async () => new WixDigestStrategy(options)],
      ]
      for (const [owner, open] of makers) {
        const error: unknown = await Promise.resolve(open()).catch((reason: unknown) => reason)
        expect(error).to.be.instanceOf(TypeError)
        const { message } = error as TypeError
        expect(message.startsWith(`${owner}: option \`publicKey\` must be the public key of your app`)).to.equal(true)
        expect(message).to.include(problem)
        expect(message).to.include('Webhooks > Get public key, or More Actions > View ID & keys')
        // E-01: nothing of what was given, beside the paths of the stack.
        expect(inspect(error, { depth: 9 }).replaceAll(/^ *at .*$/gm, '')).to.not.match(/canary|MII|LS0t|07864c16/i)
      }
    })
  }

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
