/** @ts-ignore Where the types of Node are not installed, it is `any`. */
import type { KeyObject } from 'node:crypto'

export type { KeyObject }

/** Bits. */
export const MIN_RSA_LENGTH = 2048

/** Why an RSA key must not be used, to end a message with; undefined for a safe one. jose takes any exponent: with 1, anybody can sign. */
export function rsaProblem({ asymmetricKeyDetails }: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = { ...asymmetricKeyDetails }
  if (modulusLength < MIN_RSA_LENGTH) return `, got a key of ${modulusLength} bits`
  if (publicExponent < 65_537n || publicExponent % 2n === 0n) return ', got a key with an unsafe exponent'
  return undefined
}

export const isSafeRsa = (key: KeyObject): boolean => key.asymmetricKeyType === 'rsa' && rsaProblem(key) === undefined

export const isP256 = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'

export const isEd25519 = ({ asymmetricKeyType }: KeyObject): boolean => asymmetricKeyType === 'ed25519'
