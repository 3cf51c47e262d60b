const list = document.querySelector('#log')
const template = document.querySelector('#entry')

const TONES = {
  good: 'As it should be',
  neutral: 'For your information',
  warning: 'Perhaps as it should be',
  bad: 'Look at this',
  alarm: 'Look at this first',
  pending: 'Not known yet',
}

function element(name, text, className) {
  const made = document.createElement(name)
  made.textContent = text
  if (className) made.className = className
  return made
}

/** A block of text that a keyboard can scroll. */
function block(text, label) {
  const made = element('pre', text)
  made.tabIndex = 0
  made.setAttribute('role', 'region')
  made.setAttribute('aria-label', label)
  return made
}

const headerLines = (headers) =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')

/** JSON with indentation, anything else as it is. */
function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

function why(reason, about) {
  const made = element('p', '', 'why')
  made.append(element('code', reason), ` ${about}`)
  return made
}

function* parts({ id, explanation, refusal, credential, request, answer }) {
  if (refusal) {
    const { strategy, status, code, hint } = refusal
    yield element('h3', status < 500 ? 'Why your app refused it' : 'Why your app failed')
    yield why([strategy, status, code].filter(Boolean).join(' '), hint ?? '')
  } else if (explanation) {
    const { code, message, hint } = explanation
    yield element('h3', 'Why it must be refused')
    yield why(code, hint ?? message)
  }
  if (answer) {
    const { status, headers, body } = answer
    yield element('h3', 'The answer')
    yield block(
      [status, headerLines(headers), body && `\n${readable(body)}`].filter(Boolean).join('\n'),
      `Answer ${id}`,
    )
  }
  if (credential) {
    yield element('h3', `The ${credential.kind}, decoded`)
    yield element('p', `Signed with ${credential.signedBy}.`, 'note')
    yield block(JSON.stringify(credential.decoded, null, 2), `Decoded credential of request ${id}`)
  }
  if (request) {
    const { method, url, headers, body } = request
    yield element('h3', 'The request')
    yield block(
      [`${method} ${url}`, headerLines(headers), body && `\n${readable(body)}`].filter(Boolean).join('\n'),
      `Request ${id}`,
    )
  }
}

function line(entry) {
  const { id, title, time, verdict, milliseconds } = entry
  const made = template.content.cloneNode(true).firstElementChild
  made.dataset.id = id
  made.dataset.tone = verdict.tone
  made.querySelector('.tone').title = TONES[verdict.tone]
  made.querySelector('.title').textContent = title
  made.querySelector('.verdict').textContent = verdict.text
  made.querySelector('.reason').textContent = verdict.why ?? ''
  const at = new Date(time).toLocaleTimeString()
  made.querySelector('.took').textContent = milliseconds === null ? at : `${milliseconds} ms, ${at}`
  // What nobody opens is not built.
  made.querySelector('details').addEventListener('toggle', ({ target }) => {
    const place = target.querySelector('.parts')
    if (target.open && place.childElementCount === 0) place.append(...parts(entry))
  })
  return made
}

/**
 * Entries never change: new ones are added at the top, and old ones fall off the end.
 *
 * @returns What has come of the requests to the app, if any is new: the calls of the app to Wix have no host, and the frame tells nothing.
 */
export function showLog(log) {
  const newest = Number(list.firstElementChild?.dataset.id ?? 0)
  const added = log.filter(({ id }) => id > newest)
  list.prepend(...added.map(line))
  // The end of a page comes later.
  for (const entry of log) {
    const item = list.querySelector(`[data-id="${entry.id}"]`)
    if (item.dataset.tone === 'pending' && entry.verdict.tone !== 'pending') item.replaceWith(line(entry))
  }
  const kept = new Set(log.map(({ id }) => String(id)))
  for (const item of list.querySelectorAll(':scope > li')) if (!kept.has(item.dataset.id)) item.remove()
  document.querySelector('#empty').hidden = log.length > 0
  return added
    .filter(({ request, milliseconds }) => milliseconds !== null && request.url.startsWith('http'))
    .map(({ title, verdict }) => `${title}: ${verdict.text}`)
    .join('. ')
}
