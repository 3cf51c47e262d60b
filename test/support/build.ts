import { createHmac } from 'node:crypto'

export const SECRET = 'test-secret-of-app-one'
export const OTHER_SECRET = 'test-secret-of-app-two'

/** The moment at which the tests happen, in milliseconds. */
export const NOW: number = Date.parse('2026-03-04T05:06:07.000Z')
export const now = (): number => NOW

export const iso = (secondsFromNow: number): string => new Date(NOW + secondsFromNow * 1000).toISOString()

/** What Wix signs for the owner of a site; overrides replace, `undefined` leaves out. */
export const payload = (overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  instanceId: 'instance-1',
  appDefId: 'app-1',
  signDate: iso(-60),
  expirationDate: iso(4 * 3600 - 60),
  uid: 'user-1',
  permissions: 'OWNER',
  demoMode: false,
  siteOwnerId: 'user-1',
  ...overrides,
})

/** Signs any bytes or string, well-formed or not. */
export function signData(data: string | Buffer, secret: string = SECRET): string {
  const encoded = typeof data === 'string' ? data : data.toString('base64url')
  return `${createHmac('sha256', secret).update(encoded).digest('base64url')}.${encoded}`
}

export const sign = (content: unknown, secret: string = SECRET): string =>
  signData(Buffer.from(JSON.stringify(content)), secret)

/** A genuine instance. */
export const instance = (overrides: Readonly<Record<string, unknown>> = {}, secret: string = SECRET): string =>
  sign(payload(overrides), secret)
