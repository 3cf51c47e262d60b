import type { DemoLink } from '../demo.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'

const demo = (links: readonly DemoLink[]): Html => html`
  <h2 class="section">Come in as</h2>
  <ul class="doors">
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
    These links were signed a moment ago with a secret that this server made for itself; Wix is not involved. Start it
    with <code>WIX_APP_SECRET</code> set to see your own site here.
  </p>
`

const SET_UP = html`
  <section class="card">
    <h2>Open it from Wix</h2>
    <ol>
      <li>Make this server reachable over https, for example through a tunnel.</li>
      <li>
        In the dashboard of your app at Wix, add a dashboard page with the address
        <code>https://your-address/dashboard</code>.
      </li>
      <li>Install the app on a site, and open it from the dashboard of that site.</li>
    </ol>
  </section>
`

/** @param links Where there are none, Wix makes them. */
export const startPage = (links: readonly DemoLink[] | undefined): string =>
  layout(
    'Start',
    html`
      <div class="greeting">
        <h1>Wix knows who is calling. Now your backend does, too.</h1>
        <p>
          An embedded Wix app on Express, with a real database. It finds or creates the site and the user behind every
          verified visit, and keeps everybody else out.
        </p>
      </div>
      ${links === undefined ? SET_UP : demo(links)}
    `,
  )
