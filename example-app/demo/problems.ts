import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Request } from 'express'
import { refusalOf, type SubjectType } from 'passport-wix-app'
import { statusOf } from '../app.ts'
import type { SignInCode } from '../sign-in.ts'
import { type Problem, problemPage } from './problem-page.ts'
import { languageOf } from './words.ts'

type Explanation = Pick<Problem, 'title' | 'text' | 'steps'>

const OPEN_AGAIN = 'Go to the dashboard of your Wix site, and open the app from there.'

/** What is not here, or has no text, is told by its message: `claim_invalid` has several reasons, one of which is a wrong clock. */
const EXPLANATIONS: Partial<Record<SignInCode, Partial<Explanation>>> = {
  request_invalid: {
    title: 'This link is ambiguous',
    text: ['It must contain your credential once, in one place. This one contains it several times.'],
    steps: [OPEN_AGAIN],
  },
  credentials_missing: {
    title: 'Please open this page from Wix',
    text: ['There is no password here: Wix signs you in whenever you open the app from your dashboard.'],
    steps: [OPEN_AGAIN, 'Did you just reload this page? Reload the whole dashboard instead, or open the page again.'],
  },
  token_malformed: {
    title: 'This link is not complete',
    text: ['A part of it is missing or was changed, so the app cannot sign you in.'],
    steps: [OPEN_AGAIN],
  },
  token_expired: {
    title: 'This link has expired',
    text: ['For your security, a link from Wix is valid for a few hours only.'],
    steps: ['Reload the page in your Wix dashboard, which creates a new link.'],
  },
  signature_invalid: {
    title: 'This link does not open this app',
    text: ['It was changed, or it was created for another app.'],
    steps: [OPEN_AGAIN, 'Are you the developer? Compare WIX_APP_SECRET with the secret that Wix shows for this app.'],
  },
  claim_invalid: { title: 'This link cannot be used', steps: [OPEN_AGAIN] },
  user_unknown: {
    title: 'This link does not say who you are',
    text: ['It comes from Wix, but names no user, and this page counts the visits of each one.'],
    steps: ['Log in to Wix, go to the dashboard of your site, and open the app from there.'],
  },
  app_removed: {
    title: 'The app was removed from this site',
    text: ['Its users can no longer sign in. Their data are kept for a new installation.'],
    steps: [
      'Install the app again on your Wix site.',
      'Did you just do that? Open it again from Wix in a moment: the webhook of Wix is on its way.',
    ],
  },
  signed_out: {
    title: 'You signed out everywhere',
    text: ['So this link no longer signs you in. You are still logged in to Wix.'],
    steps: ['Reload the page in your Wix dashboard, which creates a new link.'],
  },
}

const WHO: Partial<Record<SubjectType, string>> = {
  VISITOR: 'You came as an anonymous visitor of the site.',
  MEMBER: 'You came as a member of the site.',
}

const forbidden = (subjectType: SubjectType | undefined): Explanation => ({
  title: 'This page is for the people who run the site',
  text: [
    (subjectType && WHO[subjectType]) ?? 'You are not one of them.',
    'The dashboard opens for the owner of the site and for collaborators.',
  ],
  steps: ['Is this your site? Log in to Wix, and open the app from the dashboard of the site.'],
})

/** Of the sign-in or of requireIdentity. */
const isRefusal = (error: unknown): error is Error & { code: SignInCode } =>
  error instanceof Error && 'expose' in error && error.expose === true && 'code' in error && error.code !== 'not_found'

/** For who came to the site, and can do nothing about it. */
const WIDGET: Explanation = {
  title: 'This is not available now',
  text: ['The rest of the page works. Please reload it, or come back later.'],
  steps: [],
}

function problemOf(error: unknown, { path, authInfo }: Request): Problem {
  const status = statusOf(error)
  const name = STATUS_CODES[status] ?? 'Error'
  if (isRefusal(error)) {
    const { code, message } = error
    const explanation = code === 'insufficient_scope' ? forbidden(authInfo?.identity?.subjectType) : EXPLANATIONS[code]
    const problem = { status, code, title: name, text: [message], steps: [OPEN_AGAIN], ...explanation }
    return path === '/widget' ? { ...problem, ...WIDGET } : problem
  }
  if (status < 500) return { status, title: name, text: ['There is no page at this URL.'], steps: [] }
  return {
    status,
    title: 'That went wrong on our side',
    text: ['You did nothing wrong, and nothing is lost.'],
    steps: ['Try again in a minute.'],
  }
}

/**
 * Explains every error on a page, in the language of the person. The details of an internal error are only logged.
 *
 * @param withHints Whether to show what is for the developer alone: where nobody else comes.
 */
export const problemPages =
  (withHints = false): ErrorRequestHandler =>
  (error: unknown, req, res, next) => {
    if (res.headersSent) return next(error)
    const problem = problemOf(error, req)
    if (problem.status >= 500) console.error(error)
    const { hint, cure } = (withHints && refusalOf(req)) || {}
    const hints = [hint, cure].filter((one) => one !== undefined)
    res.status(problem.status).send(problemPage({ ...problem, hints }, languageOf(req)))
  }
