import { curl, type DemoLink, type DemoRequest } from '../demo.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'

const demo = (links: readonly DemoLink[]): Html => html`
  <h2 class="section">Sign in as</h2>
  <ul class="entries">
    ${links.map(
      ({ who, about, path }) =>
        html` <li class="card">
          <span class="avatar ${who.toLowerCase()}" aria-hidden="true">${who.slice(0, 1)}</span>
          <h3><a href="${path}">${who}</a></h3>
          <p>${about}</p>
          <span class="arrow" aria-hidden="true">→</span>
        </li>`,
    )}
  </ul>
  <p class="hint">
    These links were just signed with a secret that this server generated; Wix is not involved. Start it with
    <code>WIX_APP_SECRET</code> set to see your own site here.
  </p>
`

const commands = (requests: readonly DemoRequest[], origin: string): Html => html`
  <h2 class="section next">Send what Wix would send</h2>
  <ul class="card commands">
    ${requests.map(
      (request) =>
        html`<li>
          <details>
            <summary><strong>${request.what}</strong> ${request.about}</summary>
            <pre tabindex="0"><code>${curl(request, origin)}</code></pre>
          </details>
        </li>`,
    )}
  </ul>
  <p class="hint">
    Keep the dashboard open, and paste a command into a terminal on the machine of this server: the event appears by
    itself. The responses to the last three are in the terminal. Reload this page for new commands; a webhook that was
    sent before is acknowledged, but not handled again.
  </p>
`

const WEBHOOKS_ON = html`
  <li>
    There, too, subscribe <code>https://your-address/webhooks</code> to the webhooks App Instance Installed and App
    Instance Removed. An additional fees plugin gets the URL <code>https://your-address/plugins/fees</code>.
  </li>
`

const WEBHOOKS_OFF = html`
  <li>
    This server accepts no webhooks, service plugin calls and payments yet: start it with
    <code>WIX_PUBLIC_KEY</code> and <code>WIX_APP_ID</code> set as well. Until then it does not learn that the app was
    removed from a site.
  </li>
`

const ACCESS_TOKENS_ON = html`
  <li>
    A page of the same origin that is built with the SDK of Wix can sign in at <code>/session</code>, or call
    <code>/api/me</code> and <code>/api/events</code>, with <code>fetchWithAuth()</code>: this server checks the access
    token with Wix.
  </li>
`

const ACCESS_TOKENS_OFF = html`
  <li>
    Sessions at <code>/session</code> are issued for instances only: start this server with <code>WIX_APP_ID</code> set
    as well for the access tokens of <code>fetchWithAuth()</code>.
  </li>
`

const setUp = ({ acceptsWebhooks, acceptsAccessTokens }: Start): Html => html`
  <section class="card">
    <h2>Open it from Wix</h2>
    <ol>
      <li>Make this server reachable over https, for example through a tunnel.</li>
      <li>
        In the dashboard of your app at Wix, add a dashboard page with the URL
        <code>https://your-address/dashboard</code>.
      </li>
      ${acceptsWebhooks ? WEBHOOKS_ON : WEBHOOKS_OFF} ${acceptsAccessTokens ? ACCESS_TOKENS_ON : ACCESS_TOKENS_OFF}
      <li>Install the app on a site, and open it from the dashboard of that site.</li>
    </ol>
  </section>
`

export interface Start {
  /** None when the app runs with Wix, which creates them. */
  links?: readonly DemoLink[] | undefined
  requests?: readonly DemoRequest[] | undefined
  /** The origin of this server on its own machine. */
  origin: string
  acceptsWebhooks: boolean
  acceptsAccessTokens: boolean
}

export function startPage(start: Start): string {
  const { links, requests, origin } = start
  return layout(
    'Start',
    html`
      <div class="greeting">
        <h1>Wix knows who is calling. Now your backend does, too.</h1>
        <p>
          An embedded Wix app on Express, with a real database. It finds or creates the site and the user behind every
          verified visit, and rejects all others.
        </p>
      </div>
      ${links === undefined ? setUp(start) : demo(links)} ${requests !== undefined && commands(requests, origin)}
    `,
  )
}
