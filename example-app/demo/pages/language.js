/** The words of the pages in German, by those in English. The server has the same file for its own pages. */
const german = await (await fetch('/german.json')).json()

/** That of the page now. */
export let language = 'en'

export const say = (words) => (language === 'de' && german[words]) || words

/** Translates everything on the page that is marked with `data-say`. Its English words are the key. */
export function speak(one) {
  language = one.startsWith('de') ? 'de' : 'en'
  document.documentElement.lang = language
  for (const marked of document.querySelectorAll('[data-say]')) {
    marked.dataset.say ||= marked.textContent.trim().replaceAll(/\s+/g, ' ')
    marked.textContent = say(marked.dataset.say)
  }
}
