import { createHmac } from 'node:crypto'
import { got } from '../../lib/internal/options.ts'
import type { WixInstancePayload } from '../../lib/strategies/app-instance.ts'

/** The documented properties, and any others. */
type Payload = { readonly [Name in keyof WixInstancePayload]?: WixInstancePayload[Name] | undefined } & Readonly<
  Record<string, unknown>
>

/**
 * Signs an instance as Wix does, for tests and for development without a Wix account.
 *
 * @param payload `signDate` defaults to the current time; name it as `undefined` to leave it out.
 * @param secret The app secret that your strategy has in the test.
 * @returns The value of the query parameter `instance`.
 * @throws {TypeError} Without a secret.
 * @example
 * const instance = signInstance({ instanceId: 'site-1', uid: 'owner-1', permissions: 'OWNER' }, 'my-secret')
 * await fetch(`http://localhost:3000/dashboard?instance=${instance}`)
 */
export function signInstance(payload: Payload, secret: string): string {
  if (typeof secret !== 'string' || secret === '')
    throw new TypeError(`signInstance: its second argument must be the app secret${got(secret)}`)
  const signed = Object.hasOwn(payload, 'signDate') ? payload : { ...payload, signDate: new Date().toISOString() }
  const data = Buffer.from(JSON.stringify(signed)).toString('base64url')
  return `${createHmac('sha256', secret).update(data).digest('base64url')}.${data}`
}
