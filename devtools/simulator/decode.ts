import { isObject } from '../../lib/internal/values.ts'

/** Properties that hold JSON as a string. */
const NESTED = new Set(['data', 'identity'])

/** JSON, with the JSON in its strings; undefined for anything else. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json, (name, value: unknown) =>
      NESTED.has(name) && typeof value === 'string' ? (parse(value) ?? value) : value,
    )
  } catch {
    return undefined
  }
}

const decodePart = (part: string): unknown => parse(Buffer.from(part, 'base64url').toString())

/** What a credential says, without a check: an instance, an access token, or a JWT with or without `JWT=`. */
export function decode(credential: string): object {
  const parts = credential.replace(/^(OauthNG\.JWS\.|JWT=)/, '').split('.')
  const [first = '', second = ''] = parts
  const payload = decodePart(second)
  if (!isObject(payload)) return {}
  return parts.length === 2 ? payload : { header: decodePart(first), claims: payload }
}
