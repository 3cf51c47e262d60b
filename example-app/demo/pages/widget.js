import { element, get, locale } from './session.js'

const $ = (id) => document.getElementById(id)

try {
  const { title, notes } = await get('board')
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })
  $('title').textContent = title
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
  $('live').textContent = 'The notes are not available now. Please reload the page.'
}
