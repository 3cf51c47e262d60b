import { html } from './html.ts'
import { layout } from './layout.ts'
import { type Language, say } from './words.ts'

/** All in English, which the page translates. */
export interface Problem {
  status: number
  title: string
  /** Sentences. */
  text: readonly string[]
  /** What the reader can do now. */
  steps: readonly string[]
  /** The code of the error, for developers. */
  code?: string
  /** More for developers, where only they see the page. It stays in English. */
  hints?: readonly string[]
}

export function problemPage({ status, title, text, steps, code, hints = [] }: Problem, language: Language): string {
  const words = (english: string): string => say(language, english)
  return layout(
    language,
    words(title),
    html`
      <div class="card problem">
        <p class="status">${words('Error')} ${status}</p>
        <h1>${words(title)}</h1>
        <p>${text.map((one) => words(one).replace(/[^.?!]$/, '$&.')).join(' ')}</p>
        ${
          steps.length > 0 &&
          html`<section>
            <h2>${words('What you can do')}</h2>
            ${steps.map((step) => html`<p>${words(step)}</p>`)}
          </section>`
        }
        ${
          code !== undefined &&
          html`<section class="muted developers">
            <p>${words('For developers:')} <code>${code}</code></p>
            ${hints.map((hint) => html`<p lang="en">${hint}</p>`)}
          </section>`
        }
      </div>
    `,
  )
}
