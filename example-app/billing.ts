import type { Request, RequestHandler } from 'express'
import { requireIdentity, WixAuthError } from 'passport-wix-app'
import { type AppDatabase, monthOf, type Site } from './database.ts'
import { accountOf } from './sign-in.ts'

/** What a site pays in a month, by its plan. These are examples: yours come here. */
export interface Tariff {
  /** Calls without a price. */
  included: number
  /** For each further call, in cents of a US dollar. Null: there are none. */
  centsPerCall: number | null
}

const FREE: Tariff = { included: 20, centsPerCall: null }
const PAID: Tariff = { included: 20, centsPerCall: 2 }

export interface Bill extends Tariff {
  /** Such as 2026-11. */
  month: string
  calls: number
  /** What they cost. */
  cents: number
}

/** The bill of this month until now. */
export async function billOf(site: Site, database: AppDatabase): Promise<Bill> {
  const tariff = site.plan === null ? FREE : PAID
  const month = monthOf(Date.now())
  const calls = await database.callsOf(site, month)
  return { ...tariff, month, calls, cents: Math.max(0, calls - tariff.included) * (tariff.centsPerCall ?? 0) }
}

/** A rule of the plan. Its refusal says so: it is not a matter of rights. */
function requirePlan(code: string, message: string, rule: (site: Site) => boolean | Promise<boolean>): RequestHandler {
  const guard = requireIdentity((_identity, req: Request) => rule(accountOf(req).site))
  return (req, res, next) =>
    guard(req, res, (error) =>
      next(
        error instanceof WixAuthError
          ? Object.assign(new Error(message), { status: error.status, code, expose: true })
          : error,
      ),
    )
}

/** Goes before what is for sites on a paid plan. */
export const paidPlan: RequestHandler = requirePlan(
  'plan_required',
  'This needs a paid plan',
  ({ plan }) => plan !== null,
)

/**
 * Goes before each route that a site pays for: what a person does there is a call, and what a page asks for by itself is none. The
 * calls of the free plan end at its limit; those that come at the same moment may pass it.
 */
export function billed(database: AppDatabase): RequestHandler {
  const withinLimit = requirePlan('limit_reached', 'The free plan has no more calls this month', async (site) => {
    const { calls, included, centsPerCall } = await billOf(site, database)
    return centsPerCall !== null || calls < included
  })
  return (req, res, next) =>
    withinLimit(req, res, (error?: unknown) => {
      res.locals['isBilled'] = error === undefined // audit.ts stores it with the answer
      next(error)
    })
}
