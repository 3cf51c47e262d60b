import { createSecretKey } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { appSecrets } from '../../lib/internal/app-secret.ts'
import { OTHER_SECRET, SECRET } from '../support/build.ts'
import { optionsTable, type WrongOptions } from '../support/options-table.ts'

const PEM = '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n'

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
    [PEM, 'got a key'],
    [Buffer.from(PEM).toString('base64'), 'got a key'],
    [`MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A${'x'.repeat(100)}`, 'got a key'],
    ['{"kty":"oct","k":"c2VjcmV0"}', 'got a key'],
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

  it('may be any other string, such as one that looks like a part of a key', () => {
    for (const secret of [SECRET, 'MIIB-short', 'a{b', 'x-----BEGIN', 'two words', 'ключ']) {
      const [key, ...rest] = appSecrets('Owner', secret)
      expect(rest).to.deep.equal([])
      expect(key?.equals(createSecretKey(Buffer.from(secret)))).to.equal(true)
    }
  })

  it('I-07: may be several, in their order', () => {
    const keys = appSecrets('Owner', [OTHER_SECRET, SECRET])
    expect(keys.map((key) => key.export().toString())).to.deep.equal([OTHER_SECRET, SECRET])
  })
})
