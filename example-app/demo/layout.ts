import { html, type Html } from './html.ts'
import type { Language } from './words.ts'

/** A whole page. */
export const layout = (language: Language, title: string, content: Html): string =>
  html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Passport for Wix Apps</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header class="bar">
          <span class="brand"><img src="/icon.svg" alt="" width="28" height="28" />Passport for Wix Apps</span>
        </header>
        <main>${content}</main>
      </body>
    </html> `.markup
