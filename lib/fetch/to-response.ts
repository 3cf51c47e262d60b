import { WixAuthError, WixUnavailableError } from '../errors.ts'
import { plain } from '../internal/values.ts'

/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type FetchResponse = globalThis.Response

/**
 * The answer to what `authenticateRequest`, `assertIdentity` and `handleOnce` throw: a refusal with its status, and its challenge if it has
 * one; 503 with `Retry-After`, where that is known, when something did not answer. The body is JSON: `{ code, message }`.
 *
 * @throws `error`, if it is anything else: a mistake in the setup, or an error of the app.
 */
export function toResponse(error: unknown): FetchResponse {
  let body: { code: string; message: string }
  if (error instanceof WixAuthError) body = { code: error.code, message: error.message }
  // Its message is for the log of the app.
  else if (error instanceof WixUnavailableError) body = { code: 'unavailable', message: 'Service Unavailable' }
  else throw error
  const headers = plain({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...error.headers })
  return new Response(JSON.stringify(body), plain({ status: error.status, headers }))
}
