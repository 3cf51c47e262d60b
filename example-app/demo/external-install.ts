import { randomBytes } from 'node:crypto'
import { type Request, type RequestHandler, Router } from 'express'
import passport from 'passport'
import { fromQuery, requireIdentity, WixAppStrategy } from 'passport-wix-app'
import type { Simulator } from 'passport-wix-app/simulator'
import { signIn } from '../sign-in.ts'
import { html } from './html.ts'
import { layout } from './layout.ts'
import { languageOf, say, type Language } from './words.ts'

/** With https, as `__Host-install-state` and `secure`: this is for http on this machine. */
const COOKIE = 'install-state'
const cookie = { httpOnly: true, sameSite: 'lax', path: '/' } as const

const NOT_OURS = Object.assign(new Error('The install did not begin in this browser, or more than ten minutes ago.'), {
  status: 400,
  code: 'state_invalid',
  expose: true,
})

const installed = (language: Language): string =>
  layout(
    language,
    say(language, 'The app is installed'),
    html`
      <div class="card problem">
        <h1>${say(language, 'The app is installed')}</h1>
        <p>${say(language, 'Wix has signed for which site. Open the app from the dashboard of that site.')}</p>
      </div>
    `,
  )

/**
 * The website of the app in the demonstration: an install begins and ends there. Its front page leads to the simulator.
 *
 * @see https://github.com/maxkoryukov/passport-wix-app/blob/HEAD/docs/external-install.md
 */
export function externalInstall({ url, environment }: Simulator, origin: string): RequestHandler {
  const { WIX_APP_ID: appId, WIX_APP_SECRET: secret, WIX_INSTALLER_URL } = environment
  const authenticator = new passport.Passport()
  authenticator.use(
    new WixAppStrategy(
      { name: 'wix-install', secret, appId, instanceFromRequest: fromQuery('signedInstance'), maxAge: 600 },
      ({ instanceId }) => ({ instanceId }),
    ),
  )
  const router = Router()

  router.get('/', (_req, res) => {
    res.redirect(url)
  })
  router.get('/install', (_req, res) => {
    const state = randomBytes(32).toString('base64url')
    const installer = new URL(WIX_INSTALLER_URL)
    installer.searchParams.set('appId', appId)
    installer.searchParams.set('postInstallationUrl', `${origin}/installed?state=${state}`)
    res.cookie(COOKIE, state, { ...cookie, maxAge: 600_000 }).redirect(installer.href)
  })
  router.get(
    '/installed',
    (req, res, next) => {
      const [, expected] = /(?:^|; )install-state=([\w-]+)/.exec(req.headers.cookie ?? '') ?? []
      res.clearCookie(COOKIE, cookie) // a state is valid for one callback
      const isOurs = expected !== undefined && req.query['state'] === expected
      next(isOurs ? undefined : NOT_OURS)
    },
    signIn(authenticator, ['wix-install']),
    // Any visitor of a site has an instance of it, too.
    requireIdentity({ subjectType: 'USER' }),
    requireIdentity(({ instanceId }, req: Request) => req.query['instanceId'] === instanceId),
    (_req, res) => {
      res.redirect(303, '/welcome')
    },
  )
  router.get('/welcome', (req, res) => {
    res.send(installed(languageOf(req)))
  })
  return router
}
