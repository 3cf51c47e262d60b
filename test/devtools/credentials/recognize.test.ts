import { expect } from 'chai'
import { type CredentialKind, decode, kindOf, NAMES } from '../../../devtools/credentials/recognize.ts'
import { looksLike } from '../../../lib/internal/hints.ts'
import {
  generateAppKeys,
  signDigest,
  signInstance,
  signServicePlugin,
  signWebhook,
} from '../../../devtools/testing/index.ts'
import { accessToken } from '../../support/access-token.ts'

const { privateKey } = generateAppKeys()

const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
const jwt = (claims: object, header: object = { alg: 'RS256' }): string => `${part(header)}.${part(claims)}.c`

/** A credential of each kind, alone, and the words of its hint in another strategy. */
const CREDENTIALS: ReadonlyArray<readonly [credential: string, kind: CredentialKind, hint: string | undefined]> = [
  [signInstance({ instanceId: 'site-1' }, 'secret'), 'instance', 'an instance: WixAppStrategy'],
  [accessToken(), 'access-token', 'an access token: WixAccessTokenStrategy'],
  [`OAUTH2.${jwt({})}`, 'access-token', 'an access token: WixAccessTokenStrategy'],
  [signWebhook({ instanceId: 'site-1', eventType: 'x' }, privateKey), 'webhook', 'a JWT: a webhook or a session?'],
  [
    signServicePlugin({ appId: 'app-1', metadata: { instanceId: 'site-1' } }, privateKey),
    'service-plugin',
    'a JWT: a webhook or a session?',
  ],
  [signDigest('{}', privateKey), 'digest', 'a Digest header: WixDigestStrategy'],
  [jwt({}, { typ: 'wix-session+jwt' }), 'session', 'a JWT: a webhook or a session?'],
  [`IST.${jwt({})}`, 'api-key', 'an API key, which belongs to an account and not to an app'],
  [`JWS.${jwt({})}`, 'refresh-token', 'a refresh token, which cannot sign a user in'],
  [jwt({}), 'jwt', 'a JWT: a webhook or a session?'],
  ['hello', 'unknown', undefined],
  ['https://app.example', 'unknown', undefined],
  ['Mozilla/5.0 (X11)', 'unknown', undefined],
]

describe('A credential', () => {
  it('is recognized by its form, the same by the commands and in hints', () => {
    for (const [credential, kind, hint] of CREDENTIALS) {
      expect(kindOf({ credential, from: null }), credential).to.equal(kind)
      expect(looksLike(credential), credential).to.equal(hint && `looks like ${hint}`)
    }
    expect(new Set(CREDENTIALS.map(([, kind]) => kind))).to.have.all.keys(Object.keys(NAMES))
  })

  it('is decoded as far as it can be read', () => {
    expect(decode(signInstance({ instanceId: 'site-1', signDate: undefined }, 'secret'))).to.deep.equal({
      payload: { instanceId: 'site-1' },
    })
    const content = { header: { alg: 'RS256' }, payload: { data: 'no JSON' } }
    for (const prefix of ['', 'JWT=', 'OauthNG.JWS.', 'OAUTH2.', 'IST.', 'JWS.'])
      expect(decode(prefix + jwt(content.payload)), prefix).to.deep.equal(content)
    expect(decode('OauthNG.JWS.a.MQ.c')).to.deep.equal({ header: undefined, payload: 1 })
    for (const text of ['', 'x', 'a.b.c.d', '.'.repeat(1_000_000)]) expect(decode(text)).to.deep.equal({})
  })
})
