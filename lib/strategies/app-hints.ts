import { duration, encodingHint, formHint, guidOf } from '../internal/hints.ts'
import type { KeyObject } from '../internal/keys.ts'
import { isSameId } from '../internal/options.ts'
import { own } from '../internal/values.ts'

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What a forged or changed instance, or one of another app, tells of itself. */
function unverifiedParts(data: string, secrets: readonly KeyObject[], appId: string | undefined): string {
  if (!/^[\w-]+$/.test(data)) return `; the payload is not canonical base64url: ${encodingHint(data)}`
  const json = Buffer.from(data, 'base64url')
  const payload = parsed(json.toString())
  // After the last brace Wix writes nothing: whitespace there is a character too many of base64url.
  if (payload === undefined || /\s$/.test(json.toString())) return '; the payload is not complete JSON: was it cut?'
  // A last character that decodes to nothing, or to less than it holds.
  if (json.toString('base64url') !== data) return `; the payload is not canonical base64url: ${encodingHint(data)}`
  const app = guidOf(own(payload, 'appDefId'))
  if (app === undefined) return ''
  if (secrets.some((secret) => isSameId(secret.export().toString(), app.toLowerCase())))
    return '; the secret is the ID of the app that the instance names: take the app secret in its place'
  return appId !== undefined && isSameId(app, appId)
    ? '; the instance names your app (not verified): does the secret belong to another app?'
    : `; the instance names app ${app} (not verified)`
}

/** Why no secret fits. */
export const signatureHint = (data: string, secrets: readonly KeyObject[], appId: string | undefined) => (): string =>
  (secrets.length === 1 ? 'the secret does not fit' : `no secret of ${secrets.length} fits`) +
  unverifiedParts(data, secrets, appId)

/** Why a string cannot be an instance. */
export function instanceFormHint(instance: string): string {
  const [signature = '', data, more] = instance.split('.', 3)
  if (signature.length === 43 && data !== undefined && more === undefined)
    return `a part is not canonical base64url: ${encodingHint(signature + data)}`
  return formHint(instance, `an instance has 2, of which the first has 43 characters, and here ${signature.length}`)()
}

/** @param seconds Since then; NaN where it is not a date. */
export const expiryHint = (seconds: number): string =>
  Number.isNaN(seconds) ? '`expirationDate` is not a date' : `\`expirationDate\` was ${duration(seconds)} ago`
