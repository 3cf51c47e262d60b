import { inspect } from 'node:util'
import { expect } from 'chai'
import { WixAuthError, WixUnavailableError } from '../../lib/index.ts'

/** The error that a promise is rejected with. A promise that is fulfilled fails the test. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error('accepted', { cause: value })
}

/**
 * What a WixUnavailableError says after the name of the server, and its headers. Anything else fails the test, also an error that holds
 * another one, in which there could be a credential.
 */
export async function unavailableOf(
  server: string,
  promise: Promise<unknown>,
): Promise<[why: string, headers: unknown]> {
  const error = await errorOf(promise)
  expect(error).to.be.instanceOf(WixUnavailableError).and.include({ status: 503, name: 'WixUnavailableError' })
  expect(error).to.not.have.property('cause')
  const { message, headers } = error as WixUnavailableError
  const start = `${server} is unavailable: `
  expect(message.slice(0, start.length)).to.equal(start)
  return [message.slice(start.length), headers]
}

/** Everything that may be read from an error, its hint included. */
export const everythingIn = (error: unknown): string =>
  inspect([error, error instanceof WixAuthError ? error.hint : undefined, error instanceof Error ? error.stack : ''], {
    depth: 9,
    showHidden: true,
  })
