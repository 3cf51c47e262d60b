import { answerTo, refusalOf, WixUnavailableError } from '../errors.ts'
import { own, property, stringOrNull } from '../internal/values.ts'

/** What {@link errorHandler} needs of a response; those of Express and Node have it. */
export interface ErrorResponse {
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

type ErrorHandler = (error: unknown, req: object, res: ErrorResponse, next: (error?: unknown) => void) => void

/**
 * An Express error handler for this package; put it after the routes. It answers refusals, also those that come through
 * `failWithError: true`, and outages, with their status, their headers and `{ code, message }` as JSON. Everything else, such as your own
 * error or a wrong setup, goes to the next error handler. The reason for an outage is a process warning.
 *
 * @example
 * app.use(errorHandler())
 */
export function errorHandler(...uncalled: never[]): ErrorHandler {
  if (uncalled.length > 0)
    throw new TypeError('errorHandler: it was given a request, so it must be called first: app.use(errorHandler())')
  return (error, req, res, next) => {
    // Passport's own error has neither the code nor the message.
    const refusal = property(error, 'name') === 'AuthenticationError' ? refusalOf(req) : undefined
    const answer = answerTo(refusal ?? error)
    if (answer === undefined || res.headersSent) return next(error)
    // The caller does not learn which server, and nobody else would tell.
    if (error instanceof WixUnavailableError) {
      const detail = stringOrNull(own(error.cause, 'message'))
      process.emitWarning(error.message, { type: error.name, ...(detail !== null && { detail }) })
    }
    const { status, headers, body } = answer
    res.statusCode = status
    for (const [name, value] of Object.entries({
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      ...headers,
    }))
      res.setHeader(name, value)
    res.end(JSON.stringify(body))
  }
}
