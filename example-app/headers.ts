import type { RequestHandler } from 'express'

/** Where the dashboard of a Wix site lives: nobody else may put our pages into a frame. */
export const WIX_DASHBOARD = 'https://manage.wix.com https://*.manage.wix.com'

/** @param frameAncestors The origins that may embed the app, with a space between them. */
export function securityHeaders(frameAncestors: string): RequestHandler {
  const headers = {
    'Content-Security-Policy': [
      "default-src 'none'",
      "style-src 'self'",
      "script-src 'self'",
      "connect-src 'self'",
      "img-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      `frame-ancestors ${frameAncestors}`,
    ].join('; '),
    // The address of the dashboard holds the instance: it must not travel on, nor stay in a cache.
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  return (_req, res, next) => {
    res.set(headers)
    next()
  }
}
