import { expect } from 'chai'
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
    expect(await explain({ kind: 'digest', value: 'JWT=x' }, keys)).to.include({ code: 'token_malformed' })
  })

  it('is an error where the keys are wrong: nothing is known about the credential', async () => {
    const error = await explain({ kind: 'webhook', value: 'x' }, { ...keys, publicKey: 'x' }).catch(
      (error: unknown) => error,
    )
    expect(error).to.be.instanceOf(TypeError)
  })
})
