/** @ts-ignore Where the types of Node are not installed, it is `any`. */
import type { KeyObject } from 'node:crypto'

export type { KeyObject }

/** RSA of 2,048 bits or more. jose takes any exponent: with 1, anybody can sign. */
export const isSafeRsa = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean => {
  const { modulusLength = 0, publicExponent = 0n } = { ...asymmetricKeyDetails }
  return asymmetricKeyType === 'rsa' && modulusLength >= 2048 && publicExponent >= 65_537n && publicExponent % 2n === 1n
}

export const isP256 = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'

export const isEd25519 = ({ asymmetricKeyType }: KeyObject): boolean => asymmetricKeyType === 'ed25519'
