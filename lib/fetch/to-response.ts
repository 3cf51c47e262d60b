import { answerTo } from '../errors.ts'
import { plain } from '../internal/values.ts'

/** @ts-ignore Where the types of neither Node nor a browser are installed, it is `any`. */
export type FetchResponse = globalThis.Response

/**
 * The answer to what `authenticateRequest`, `assertIdentity` and `handleOnce` throw: a refusal with its status, and its challenge if it has
 * one; 503 with `Retry-After`, where that is known, when something did not answer. The body is JSON: `{ code, message }`.
 *
 * @throws `error`, if it is anything else: a mistake in the setup, or one of the app's own errors.
 * @example
 * const response = await authenticateRequest(request, strategy).then(({ user }) => Response.json(user), toResponse)
 */
export function toResponse(error: unknown): FetchResponse {
  const answer = answerTo(error)
  if (answer === undefined) throw error
  const { status, headers, body } = answer
  return new Response(
    JSON.stringify(body),
    plain({
      status,
      headers: plain({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers }),
    }),
  )
}
