import { html, type Html } from './html.ts'
import { layout } from './layout.ts'
import type { Refusal } from './refusals.ts'
import type { DemoCommand, DemoLink } from './wix.ts'

export interface Start {
  links: readonly DemoLink[]
  commands: readonly DemoCommand[]
  refusals: readonly Refusal[]
}

const entry = ({ who, about, path }: DemoLink): Html => html`
  <li class="card">
    <h3><a href="${path}">${who}</a></h3>
    <p>${about}</p>
  </li>
`

const command = ({ what, about, curl }: DemoCommand): Html => html`
  <li>
    <details>
      <summary><strong>${what}</strong> ${about}</summary>
      <pre tabindex="0"><code>${curl}</code></pre>
    </details>
  </li>
`

const refusal = ({ at, strategy, request, code, hint }: Refusal): Html => html`
  <tr>
    <td>${new Date(at).toISOString().slice(11, 19)}</td>
    <td>${request}</td>
    <td>${strategy}</td>
    <td><code>${code}</code></td>
    <td>${hint}</td>
  </tr>
`

const refusalPanel = (refusals: readonly Refusal[]): Html => html`
  <section class="card" aria-labelledby="refusals">
    <h2 id="refusals">Last refusals</h2>
    <p class="muted">
      For you, the developer: why the app refused a request. It comes from the diagnostics channel, and no user ever
      sees it.
    </p>
    ${
      refusals.length === 0
        ? html`<p>None yet. Open the dashboard as a visitor, and reload this page.</p>`
        : html`
            <div class="scroll" role="group" aria-labelledby="refusals" tabindex="0">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Time (UTC)</th>
                    <th scope="col">Request</th>
                    <th scope="col">Strategy</th>
                    <th scope="col">Code</th>
                    <th scope="col">Hint</th>
                  </tr>
                </thead>
                <tbody>
                  ${refusals.map(refusal)}
                </tbody>
              </table>
            </div>
          `
    }
  </section>
`

export const startPage = ({ links, commands, refusals }: Start): string =>
  layout(
    'Start',
    html`
      <h1>Wix knows who is calling. Now your backend does, too.</h1>
      <p class="lead">
        An embedded Wix app on Express, with a real database. Open it as somebody, then send what Wix would send.
      </p>

      <h2>Open it as</h2>
      <ul class="entries">
        ${links.map(entry)}
      </ul>
      <p class="muted">
        These links were just signed with a secret that this server generated; Wix is not involved. They are valid for
        four hours: reload this page for new ones.
      </p>

      <section class="card" aria-labelledby="commands">
        <h2 id="commands">Send what Wix would send</h2>
        <p class="muted">
          Keep the dashboard open, and paste a command into a terminal on this machine. A webhook that was sent before
          is acknowledged, but not handled again: reload this page for a new one.
        </p>
        <ul class="rows">
          ${commands.map(command)}
        </ul>
      </section>

      ${refusalPanel(refusals)}
    `,
  )
