import type { RequestHandler } from 'express'

/** The origins of the dashboard of a Wix site: only they may embed our pages. */
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
    // The URL of the dashboard contains the instance: it must not become a referrer, and not be cached.
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  return (_req, res, next) => {
    res.set(headers)
    next()
  }
}
