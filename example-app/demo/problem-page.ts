import { html } from './html.ts'
import { layout } from './layout.ts'

export interface Problem {
  status: number
  title: string
  text: string
  /** What the reader can do now. */
  steps: readonly string[]
  /** The code of the error, for developers. */
  code?: string
}

export const problemPage = ({ status, title, text, steps, code }: Problem): string =>
  layout(
    title,
    html`
      <div class="card problem">
        <p class="status">Error ${status}</p>
        <h1>${title}</h1>
        <p>${text}</p>
        ${
          steps.length > 0 &&
          html`<section>
            <h2>What you can do</h2>
            ${steps.map((step) => html`<p>${step}</p>`)}
          </section>`
        }
        ${code !== undefined && html`<p>For developers: <code>${code}</code></p>`}
      </div>
    `,
  )
