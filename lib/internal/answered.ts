import { property } from './values.ts'

const ALREADY_ANSWERED: ReadonlySet<unknown> = new Set(['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP2_HEADERS_SENT'])

function isAnswered(req: unknown): boolean {
  try {
    return property(property(req, 'res'), 'writableEnded') === true
  } catch {
    return false
  }
}

/**
 * Calls one of Passport's actions, unless the app has already ended the response, for example at a response time limit: Passport would
 * write to it again. Where the response is out of sight, Node's error for a second answer ends here.
 */
export function unlessAnswered(req: unknown, action: () => void): void {
  if (isAnswered(req)) return
  try {
    action()
  } catch (error) {
    if (!ALREADY_ANSWERED.has(property(error, 'code'))) throw error
  }
}
