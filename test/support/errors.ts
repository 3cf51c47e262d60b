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
