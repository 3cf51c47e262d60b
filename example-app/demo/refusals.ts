import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { WixAuthenticateEvent } from 'passport-wix-app'
import { CHANNEL } from '../audit.ts'

/** A request that was refused, and why: for the developer of the app, never for its users. */
export interface Refusal {
  at: number
  strategy: string
  request: string
  code: string
  hint: string | null
}

const LIMIT = 8

/** Keeps the last refusals of this process in memory. Call the result for them, the latest first. */
export function listenForRefusals(): () => readonly Refusal[] {
  const refusals: Refusal[] = []
  subscribe(CHANNEL, (message) => {
    const { outcome, strategy, code, hint, error, request } = message as WixAuthenticateEvent
    // In a chain, each strategy reports the credential of another one as missing.
    if (outcome === 'success' || code === 'credentials_missing') return
    const { method, url, originalUrl = url } = request as IncomingMessage & { originalUrl?: string }
    refusals.unshift({
      at: Date.now(),
      strategy,
      request: `${method} ${originalUrl?.split('?')[0]}`,
      code: code ?? error?.name ?? outcome,
      hint: hint ?? error?.message ?? null,
    })
    refusals.length = Math.min(refusals.length, LIMIT)
  })
  return () => refusals
}
