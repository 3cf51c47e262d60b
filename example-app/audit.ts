import { subscribe } from 'node:diagnostics_channel'
import type { Request, RequestHandler, Response } from 'express'
import type { WixAuthenticateEvent } from 'passport-wix-app'
import type { AppDatabase, AuditEntry } from './database.ts'

/** The channel on which passport-wix-app publishes each of its decisions. */
export const CHANNEL = 'passport-wix-app:authenticate'

/** What the pages ask for by themselves, every two seconds: neither an act of a person nor a call to pay for. */
const POLLED = '/api/events'
/** Wix itself calls with these. */
const FROM_WIX = new Set(['wix-webhook', 'wix-service-plugin', 'wix-digest'])

/** Without the query string, and without anything as long as a credential: both may be in a URL. */
export const pathOf = ({ originalUrl }: Request): string =>
  originalUrl
    .replace(/[?#].*/s, '')
    .replaceAll(/[^/]{41,}/g, '...')
    .slice(0, 200)

/** One entry for each request with a decision: who, with which proof, what came of it. Never a credential. */
function entryOf(events: readonly WixAuthenticateEvent[], req: Request, res: Response): AuditEntry | undefined {
  // In a chain, each strategy reports the credential of another one as missing.
  const deciding = events.findLast(({ code }) => code !== 'credentials_missing') ?? events[0]
  if (deciding === undefined) return undefined
  const { outcome, code, identity } = deciding
  const accepted = events.find((event) => event.outcome === 'success')
  // A Digest header names no site: the route knows it from the signed body. Why our own look-up refused, the sign-in knows.
  const { instanceId, refusal } = res.locals as { instanceId?: string | null; refusal?: string }
  return {
    at: Date.now(),
    instanceId: identity?.instanceId ?? instanceId ?? null,
    subjectType: identity?.subjectType ?? null,
    subjectId: identity?.subjectId ?? null,
    proof: (accepted ?? deciding).strategy,
    method: req.method,
    path: pathOf(req),
    outcome,
    status: res.statusCode,
    code: code ?? refusal ?? null,
  }
}

// By request, since one channel serves all apps of a process.
const eventsOf = new WeakMap<object, WixAuthenticateEvent[]>()
subscribe(CHANNEL, (message) => {
  const event = message as WixAuthenticateEvent
  eventsOf.get(event.request as Request)?.push(event)
})

/**
 * Middleware for before all routes: stores an entry for the audit, and counts the call for the bill of its site. Both are written
 * when the answer is ready and before it is sent, so that nothing is answered that is not on record.
 */
export function auditing(database: AppDatabase): RequestHandler {
  return (req, res, next) => {
    const events: WixAuthenticateEvent[] = []
    eventsOf.set(req, events)
    // `close` is for a caller who has hung up.
    const ends = ['prefinish', 'close']
    const write = (): void => {
      for (const name of ends) res.off(name, write)
      const entry = entryOf(events, req, res)
      if (entry === undefined || (entry.outcome === 'success' && entry.path === POLLED)) return
      const isBilled = entry.outcome === 'success' && res.statusCode < 400 && !FROM_WIX.has(entry.proof)
      try {
        database.audit(entry, isBilled)
      } catch (error) {
        // Must not end the process, nor the answer.
        console.error(error)
      }
    }
    for (const name of ends) res.once(name, write)
    next()
  }
}
