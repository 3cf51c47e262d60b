import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import * as main from '../lib/index.ts'
import * as testing from '../devtools/testing/index.ts'
import { instance, SECRET } from './support/build.ts'
import { leakIn } from './support/canaries.ts'

const { generateAppKeys, WixSimulator } = testing
const canary = (): string => `canary-${randomBytes(12).toString('hex')}`

/** The lines of a PEM that would give it away. */
const linesOf = (pem: string): string[] => pem.split('\n').filter((line) => line.length > 40)

describe('S-07, E-01: no secret, key or token shows on an object', () => {
  const secret = canary()
  const [appSecret, appId] = [canary(), 'app-1']
  const { publicKey } = generateAppKeys()
  const hidden: string[] = [secret, appSecret, ...linesOf(publicKey)]
  const objects = new Map<string, object>()
  let simulator: testing.WixSimulator

  before(async () => {
    const key = await main.generateSessionKey()
    hidden.push(String(key['d']), String(key['x']))
    const tokens = new main.SessionTokens({ keys: [key], issuer: 'app', audience: 'api' })
    simulator = await WixSimulator.start({ appId, appSecret })
    const token = simulator.accessToken({ instanceId: 'i' })
    simulator.revoke(token)
    hidden.push(token)
    const found = (): null => null
    for (const object of [
      new main.WixAppStrategy({ secret: [secret], tokenInfo: { appId } }, found),
      new main.WixAccessTokenStrategy({ appId }, found),
      new main.WixWebhookStrategy({ publicKey }),
      new main.WixServicePluginStrategy({ publicKey, appId }),
      new main.WixDigestStrategy({ publicKey }),
      new main.WixSessionStrategy({ tokens }),
      tokens,
      new main.WixAuthError('signature_invalid'),
      new main.WixUnavailableError('down'),
      simulator,
    ])
      objects.set(object.constructor.name, object)
  })
  after(() => simulator.close())

  it('and every exported class is looked at', () => {
    const isClass = (value: unknown): boolean => typeof value === 'function' && String(value).startsWith('class')
    const classes = Object.values({ ...main, ...testing })
      .filter(isClass)
      .map((one) => (one as { name: string }).name)
    expect([...objects.keys()]).to.have.members([...new Set(classes)])
  })

  it('in util.inspect with everything that it can show', () => {
    for (const [name, object] of objects) {
      const shown = inspect(object, { depth: 10, showHidden: true })
      for (const part of hidden) expect(shown, name).to.not.include(part)
      expect(shown, name).to.not.match(/KeyObject|<Buffer/)
    }
  })

  it('in JSON.stringify', () => {
    for (const [name, object] of objects) {
      const shown = JSON.stringify(object)
      for (const part of hidden) expect(shown, name).to.not.include(part)
    }
  })
})

describe('E-01: the watch for secrets', () => {
  const credential = instance()
  const leakOf = (more: object): string | undefined => {
    const event = { strategy: 'wix-app', outcome: 'fail', status: 401, code: 'signature_invalid', error: null, ...more }
    const request = { query: { instance: credential } }
    return leakIn(Object.defineProperty(event, 'request', { value: request }) as never)
  }

  it('finds a secret, and the credential of the request, in a hint and in an error of this package', () => {
    expect(leakOf({ hint: 'no secret fits' })).to.equal(undefined)
    for (const said of [`the secret is ${SECRET}`, `got ${credential}`, `the data ${credential.slice(44)}`]) {
      expect(leakOf({ hint: said })).to.include('... in ')
      expect(leakOf({ outcome: 'error', error: new main.WixUnavailableError(said) })).to.include('... in ')
    }
  })
})
