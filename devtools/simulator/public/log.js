import { element } from './control.js'

const list = document.querySelector('#log')
const template = document.querySelector('#entry')
const show = document.querySelector('#show')
const search = document.querySelector('#search')
const empty = document.querySelector('#empty')

const TONES = {
  good: 'As it should be',
  neutral: 'For your information',
  warning: 'Perhaps as it should be',
  bad: 'Look at this',
  alarm: 'Look at this first',
  pending: 'Not known yet',
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
    yield element('h3', code === 'unavailable' ? 'Why it cannot be checked' : 'Why it must be refused')
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

/** What it is about: a page, with what it is given, the app's call to Wix, which has no host, or what is sent, or would be. */
function kindOf({ request, credential }) {
  if (request === null) return credential ? 'page' : 'sent'
  if (request.method === 'GET') return 'page'
  return request.url.startsWith('http') ? 'sent' : 'wix'
}

const isTrouble = ({ verdict: { tone } }) => ['warning', 'bad', 'alarm'].includes(tone)

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`

function curlOf({ method, url, headers, body }) {
  const lines = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`)
  return ['curl -i', `-X ${method}`, quoted(url), ...lines, ...(body ? [`--data-binary ${quoted(body)}`] : [])].join(
    ' ',
  )
}

function copyButton(button, { title, request }) {
  button.hidden = !request?.url.startsWith('http')
  button.setAttribute('aria-label', `Copy as cURL: ${title}`)
  button.title = 'Copy as cURL'
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(curlOf(request))
      button.textContent = 'Copied'
    } catch {
      button.textContent = 'Not allowed'
    }
  })
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
  copyButton(made.querySelector('.copy'), entry)
  made.querySelector('.repeated').addEventListener('click', ({ target }) => {
    target.setAttribute('aria-expanded', String(target.getAttribute('aria-expanded') !== 'true'))
    arrange()
  })
  return made
}

/** What is shown, the newest first. */
let entries = []

/**
 * Hides what the filter leaves out, and folds what a page does each time it is opened: one line stands for all like it, until something
 * is sent in between.
 */
function arrange() {
  const wanted = search.value.trim().toLowerCase()
  let leaders = new Map()
  let isFound = false
  for (const entry of entries) {
    const item = list.querySelector(`[data-id="${entry.id}"]`)
    const kind = kindOf(entry)
    const isWanted =
      (show.value === '' || show.value === kind || (show.value === 'trouble' && isTrouble(entry))) &&
      JSON.stringify(entry).toLowerCase().includes(wanted)
    item.hidden = !isWanted
    isFound ||= isWanted
    const repeated = item.querySelector('.repeated')
    repeated.hidden = true
    if (kind === 'sent') leaders = new Map()
    if (!isWanted || kind === 'sent') continue
    const key = JSON.stringify([entry.title, entry.verdict])
    const leader = leaders.get(key)
    if (leader === undefined) {
      leaders.set(key, { repeated, count: 1 })
      continue
    }
    leader.count++
    leader.repeated.hidden = false
    leader.repeated.textContent = `×${leader.count}`
    leader.repeated.setAttribute('aria-label', `${leader.count} times: ${entry.title}`)
    item.hidden = leader.repeated.getAttribute('aria-expanded') !== 'true'
  }
  empty.textContent = entries.length === 0 ? 'Nothing yet.' : 'No request is like that.'
  empty.hidden = isFound
}

show.addEventListener('change', arrange)
search.addEventListener('input', arrange)

/** Where the last message was, so that each is told once; nothing is told of what was there before. */
let told

function tell(entry) {
  const { title, verdict } = entry
  const status = document.querySelector('#status')
  status.textContent = `${title}: ${verdict.text}`
  status.dataset.tone = verdict.tone
}

/** New entries are added at the top, old ones fall off the end, and what was pending gets its end. */
export function showLog(log) {
  const before = new Map([...list.children].map((item) => [item.dataset.id, item]))
  const items = log.map((entry) => {
    const old = before.get(String(entry.id))
    return old?.dataset.tone === entry.verdict.tone ? old : line(entry)
  })
  const isSame = items.length === before.size && items.every((item) => before.get(item.dataset.id) === item)
  entries = log
  if (!isSame) {
    // Only what is new moves: an open line, or one with the focus, stays as it is.
    for (const item of list.querySelectorAll(':scope > li')) if (!items.includes(item)) item.remove()
    for (const [index, item] of items.entries())
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null)
  }
  arrange()
  const newest = log.find(
    (entry) => entry.verdict.tone !== 'pending' && (kindOf(entry) === 'sent' || entry.answer !== null),
  )
  if (told !== undefined && newest !== undefined && newest.id > told) tell(newest)
  told = Math.max(told ?? 0, newest?.id ?? 0)
}
