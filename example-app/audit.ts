import { subscribe } from 'node:diagnostics_channel'
import type { Request, RequestHandler, Response } from 'express'
import type { WixAuthenticateEvent } from 'passport-wix-app'
import { type AppDatabase, type AuditEntry, monthOf } from './database.ts'

/** The channel on which passport-wix-app publishes each of its decisions. */
export const CHANNEL = 'passport-wix-app:authenticate'

/** What the pages ask for by themselves, every two seconds: no act of a person. */
const POLLED = '/api/events'

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
  const { instanceId, refusal, isBilled } = res.locals as {
    instanceId?: string | null
    refusal?: string
    isBilled?: boolean // by billing.ts
  }
  const at = Date.now()
  const proof = (accepted ?? deciding).strategy
  return {
    at,
    instanceId: identity?.instanceId ?? instanceId ?? null,
    subjectType: identity?.subjectType ?? null,
    subjectId: identity?.subjectId ?? null,
    proof,
    method: req.method,
    path: pathOf(req),
    outcome,
    status: res.statusCode,
    code: code ?? refusal ?? null,
    month: isBilled && outcome === 'success' && res.statusCode < 400 ? monthOf(at) : null,
  }
}

// By request, since one channel serves all apps of a process.
const eventsOf = new WeakMap<object, WixAuthenticateEvent[]>()
subscribe(CHANNEL, (message) => {
  const event = message as WixAuthenticateEvent
  eventsOf.get(event.request as Request)?.push(event)
})

/**
 * Middleware for before all routes: stores an entry for the audit, which also counts the call for the bill of its site. The answer
 * waits for it, so that nothing is answered that is not on record while the database works. What nobody is known to have sent is only counted.
 */
export function auditing(database: AppDatabase): RequestHandler {
  return (req, res, next) => {
    const events: WixAuthenticateEvent[] = []
    eventsOf.set(req, events)
    const write = async (): Promise<void> => {
      const entry = entryOf(events, req, res)
      if (entry === undefined || (entry.outcome === 'success' && entry.path === POLLED)) return
      const { outcome, instanceId, code } = entry
      if (outcome !== 'success' && instanceId === null) return database.countRefusal(code ?? outcome)
      // A failure must end neither the process nor the answer: the entry is stored when the database is back.
      await database.audit(entry).catch((error: unknown) => console.error(error))
    }
    // As express-session stores a session: what ends the answer waits. It ends also where the caller has hung up, which is no end of
    // what was asked for: to write then would be too early.
    const end = res.end.bind(res) as (...args: unknown[]) => Response
    res.end = (...args: unknown[]) => {
      res.end = end
      void write().then(() => end(...args))
      return res
    }
    next()
  }
}
