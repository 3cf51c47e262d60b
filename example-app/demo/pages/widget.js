import { language, say, speak } from './language.js'
import { element, get, locale } from './session.js'

const $ = (id) => document.getElementById(id)

speak(locale)
try {
  const { title, notes } = await get('board')
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' })
  // Until the owner has chosen another one.
  $('title').textContent = title === 'Notes' ? say(title) : title
  $('notes').replaceChildren(
    ...notes.map(({ content, createdAt }) =>
      element(
        'li',
        {},
        element('p', { className: 'content' }, content),
        element('time', { className: 'muted', dateTime: new Date(createdAt).toISOString() }, day.format(createdAt)),
      ),
    ),
  )
} catch {
  $('live').textContent = say('The notes are not available now. Please reload the page.')
}
