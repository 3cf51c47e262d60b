import { expect } from 'chai'
import { decode } from '../../../devtools/simulator/decode.ts'
import { explain } from '../../../devtools/simulator/explain.ts'
import { generateKeys } from '../../../devtools/simulator/keys.ts'
import { signInstance } from '../../../devtools/testing/index.ts'

describe('The explanation of a refusal', () => {
  const keys = { ...generateKeys(), apiUrl: 'http://127.0.0.1:9' }

  it('has the code and the message of the check, and its hint where there is one', async () => {
    const value = signInstance({ instanceId: 'site-1', appDefId: 'another' }, keys.appSecret)
    const explanation = await explain({ kind: 'instance', value }, keys)
    expect(explanation).to.include({ code: 'claim_invalid' })
    expect(explanation?.message).to.include('check the app secret')
    expect(explanation?.hint ?? '').to.not.include(keys.appSecret)
    expect(await explain({ kind: 'webhook', value: 'x' }, keys)).to.include({ code: 'token_malformed' })
    expect(await explain({ kind: 'Digest', value: 'JWT=x' }, keys)).to.include({ code: 'token_malformed' })
  })

  it('is an error where the keys are wrong: nothing is known about the credential', async () => {
    const error = await explain({ kind: 'webhook', value: 'x' }, { ...keys, publicKey: 'x' }).catch(
      (error: unknown) => error,
    )
    expect(error).to.be.instanceOf(TypeError)
  })

  it('comes with what the credential says, as far as it can be read', () => {
    expect(decode(signInstance({ instanceId: 'site-1', signDate: undefined }, 'secret'))).to.deep.equal({
      instanceId: 'site-1',
    })
    for (const text of ['', 'x', 'a.b', 'a.b.c', 'OauthNG.JWS.a.MQ.c']) expect(decode(text)).to.deep.equal({})
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    expect(decode(`JWT=${part({ alg: 'RS256' })}.${part({ data: 'no JSON' })}.c`)).to.deep.equal({
      header: { alg: 'RS256' },
      claims: { data: 'no JSON' },
    })
  })
})
