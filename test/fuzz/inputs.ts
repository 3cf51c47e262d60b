import fc from 'fast-check'

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')

/** What a credential is made of, and what it is not. */
export const character: fc.Arbitrary<string> = fc.constantFrom(
  ...base64url,
  '.',
  '=',
  '+',
  '/',
  ' ',
  '\n',
  '\0',
  '%',
  'é',
  'Ł',
  '\uD800',
)

/** One of these texts, with one to three edits. */
export const editedOf = (...texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'double', 'swap'), fc.nat(), character), {
        minLength: 1,
        maxLength: 3,
      }),
    )
    .map(([text, edits]) =>
      edits.reduce((result, [kind, where, put]) => {
        const at = where % (result.length + 1)
        if (kind === 'double') return result.slice(0, at) + result.slice(Math.max(0, at - 5))
        if (kind === 'swap')
          return result.slice(0, at) + result.slice(at + 1, at + 2) + result.slice(at, at + 1) + result.slice(at + 2)
        return result.slice(0, at) + (kind === 'remove' ? '' : put) + result.slice(kind === 'insert' ? at : at + 1)
      }, text),
    )

/** Up to two of these properties, with odd values. */
export const someOf = (
  odd: fc.Arbitrary<unknown>,
  ...names: readonly string[]
): fc.Arbitrary<Record<string, unknown>> => fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 2 })

// For the independent checks: short, and none of the code of the package.

export type Json = Record<string, unknown>

export const isFilled = (value: unknown): value is string => typeof value === 'string' && value.length > 0

/** What counts as not sent. */
export const isNothing = (value: unknown): boolean => value === undefined || value === null || value === ''

export const ownOf = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name) ? (holder as Json)[name] : undefined

export const objectIn = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined

/** What the bytes say, in strict UTF-8; undefined unless that is a JSON object. */
export function jsonOf(bytes: Buffer): Json | undefined {
  if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) return undefined
  try {
    return objectIn(JSON.parse(bytes.toString('utf8')))
  } catch {
    return undefined
  }
}

/** The bytes of base64url in its one spelling. */
export function decoded(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return /^[A-Za-z0-9_-]*$/.test(part) && bytes.toString('base64url') === part ? bytes : undefined
}
