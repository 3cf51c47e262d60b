import { german } from './german.js'
import { api, element, get, locale, signIn } from './session.js'
import { accessToken, isSimulated } from './simulator.js'

/** Milliseconds between two requests. */
const INTERVAL = 2000
const LONGEST_INTERVAL = 60_000

const $ = (id) => document.getElementById(id)
const PROOFS = {
  'wix-app': 'Instance',
  'wix-access-token': 'Access token',
  'wix-session': 'Session token',
  'wix-webhook': 'Webhook',
  'wix-service-plugin': 'Service plugin',
  'wix-digest': 'Digest header',
  instance: 'Instance',
  'access token': 'Access token',
  'session token': 'Session token',
}
const ROLES = { owner: 'Owner', collaborator: 'Collaborator', user: 'User' }
const SUBJECTS = { MEMBER: 'Member', VISITOR: 'Visitor', APP: 'App', UNKNOWN: 'Unknown' }
const AUDIENCES = { me: 'Only me', site: 'All who run this site', public: 'Visitors, too' }

// Language

let language = 'en'
const say = (words) => (language === 'de' && german[words]) || words
const dateTime = (time) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(time)
const timeOf = (time) => element('time', { dateTime: new Date(time).toISOString() }, dateTime(time))
const number = (value) => new Intl.NumberFormat(language).format(value)

/** Everything on the page that does not come from the API. Its English words are the key. */
function translate() {
  document.documentElement.lang = language
  for (const one of document.querySelectorAll('[data-say]')) {
    one.dataset.say ||= one.textContent
    one.textContent = say(one.dataset.say)
  }
}

// Who you are

let me

function showMe() {
  const { identity, proof, account } = me
  const { role, site, user } = account
  language = user.language ?? (locale.startsWith('de') ? 'de' : 'en')
  translate()
  const greeting = say(user.visits > 1 ? 'Welcome back' : 'Welcome')
  $('greeting').textContent = `${greeting}, ${user.name || say(ROLES[role])}`
  const plan = `${say('Plan')}: ${site.plan ?? say('Free')}`
  $('who').replaceChildren(element('strong', { id: 'role' }, say(ROLES[role])), ` · ${plan}`)
  $('facts').replaceChildren(
    ...[
      [say('Proof'), say(PROOFS[proof.kind] ?? proof.kind)],
      [say('Traded for'), say(PROOFS[proof.tradedFor] ?? '')],
      [say('Issued'), dateTime(proof.iat * 1000)],
      [say('Expires'), dateTime(proof.exp * 1000)],
      [say('The API knows you as'), element('code', { id: 'my-id' }, identity.subjectId)],
      [say('Installation'), element('code', {}, identity.instanceId)],
      [say('Copied from'), site.originId && element('code', {}, site.originId)],
    ]
      .filter(([, value]) => value)
      .flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  )
  $('name').value = user.name ?? ''
  $('language').value = language
  $('title').value = site.title
  $('site-form').hidden = $('delete-all').hidden = role !== 'owner'
}

const isMe = (id) => id === me.identity.subjectId
const nameOf = (id) => (isMe(id) ? say('You') : id ? `${id.slice(0, 8)}…` : '–')

// Notes

function noteOf({ id, authorId, content, audience, createdAt }) {
  const button = (words, path, method, className = 'quiet') =>
    on(element('button', { type: 'button', className }, say(words)), 'click', () => api(path, { method }), showNotes)
  const isPublic = audience === 'public'
  const buttons = isMe(authorId) && [
    isPublic
      ? button('Withdraw', `notes/${id}/published`, 'DELETE')
      : button('Publish', `notes/${id}/published`, 'PUT'),
    button('Delete', `notes/${id}`, 'DELETE', 'quiet danger'),
  ]
  return element(
    'li',
    {},
    element('p', { className: 'content' }, content),
    element('p', { className: 'muted' }, nameOf(authorId), ' · ', timeOf(createdAt), ' · ', say(AUDIENCES[audience])),
    element('div', { className: 'buttons' }, ...(buttons || [])),
  )
}

const showNotes = async () => $('notes').replaceChildren(...(await get('notes')).map(noteOf))

// Activity

const OUTCOMES = { success: 'Accepted', fail: 'Refused', error: 'Error' }
let oldest

function entryOf({ at, subjectType, subjectId, proof, method, path, outcome, status, code }) {
  const who = subjectType === 'USER' ? nameOf(subjectId) : say(SUBJECTS[subjectType] ?? '–')
  const result = `${say(OUTCOMES[outcome])} · ${status}${code ? ` · ${code}` : ''}`
  return element(
    'tr',
    {},
    element('td', {}, timeOf(at)),
    element('td', { title: subjectId ?? '' }, who),
    element('td', {}, element('code', {}, `${method} ${path}`)),
    element('td', {}, say(PROOFS[proof] ?? proof)),
    element('td', { className: outcome }, result),
  )
}

async function showActivity(before = '') {
  const query = new URLSearchParams([...new FormData($('audit-filter')), ['before', before]])
  const entries = await get(`audit?${query}`)
  oldest = entries.at(-1)?.id
  $('older').hidden = entries.length < 50
  if (before !== '') return $('audit').append(...entries.map(entryOf))
  $('audit').replaceChildren(...entries.map(entryOf))
  const proofs = await get('proofs')
  $('proofs').replaceChildren(
    ...proofs.map(({ proof, accepted, refused, lastAt }) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, say(PROOFS[proof] ?? proof)),
        element('td', { className: 'number' }, number(accepted)),
        element('td', { className: 'number' }, number(refused)),
        element('td', {}, timeOf(lastAt)),
      ),
    ),
  )
  const known = new Set([...$('proof').options].map(({ value }) => value))
  for (const { proof } of proofs) {
    if (!known.has(proof)) $('proof').append(new Option(say(PROOFS[proof] ?? proof), proof))
  }
}

const eventOf = ({ kind, type, eventId, receivedAt }) =>
  element(
    'li',
    {},
    element('strong', {}, type),
    element(
      'p',
      { className: 'muted' },
      say(kind),
      ' · ',
      timeOf(receivedAt),
      eventId ? ` · ${eventId.slice(0, 8)}…` : '',
    ),
  )

// Usage

function svg(name, attributes, text = '') {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  made.textContent = text
  return made
}

/** The calls and people of twelve months, the latest first. Visitors are devices, and not people. */
function monthsOf(rows) {
  const now = new Date()
  return Array.from({ length: 12 }, (_, back) => {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back)).toISOString().slice(0, 7)
    const ofMonth = rows.filter((row) => row.month === month)
    const people = ofMonth.filter(({ subjectType }) => subjectType === 'USER' || subjectType === 'MEMBER').length
    return { month, people, calls: ofMonth.reduce((sum, { calls }) => sum + calls, 0) }
  })
}

async function showUsage() {
  const months = monthsOf(await get('usage'))
  const row = ({ month, people, calls }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, month),
      element('td', { className: 'number' }, number(people)),
      element('td', { className: 'number' }, number(calls)),
    )
  $('usage').replaceChildren(...months.filter(({ calls }) => calls > 0).map(row))
  const most = Math.max(1, ...months.map(({ calls }) => calls))
  $('chart').replaceChildren(
    ...months.toReversed().flatMap(({ month, calls }, index) => {
      const height = Math.round((calls / most) * 140)
      const x = 25 + index * 50
      return [
        svg('rect', { x: x - 15, y: 170 - height, width: 30, height, rx: 4 }),
        svg('text', { x, y: 162 - height }, number(calls)),
        svg('text', { x, y: 190 }, month.slice(2)),
      ]
    }),
  )
}

/** A link cannot send Authorization: the file comes from the API, and the browser saves it. */
async function download() {
  const url = URL.createObjectURL(await (await api('usage.csv')).blob())
  element('a', { href: url, download: 'usage.csv' }).click()
  URL.revokeObjectURL(url)
}

// Views

const VIEWS = { notes: showNotes, activity: showActivity, usage: showUsage, settings: async () => {} }
const viewNow = () => (Object.hasOwn(VIEWS, location.hash.slice(1)) ? location.hash.slice(1) : 'notes')

async function showView() {
  const view = viewNow()
  for (const one of document.querySelectorAll('[data-view]')) one.hidden = one.dataset.view !== view
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${view}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  await VIEWS[view]()
  if (me.account.user.view === view) return
  me.account.user.view = view
  await api('me', { method: 'PUT', body: { view } })
}

const NEEDS_PLAN = 'This needs a paid plan, or more rights than you have.'

/** Does something, then shows what has become of it. */
const act =
  (work, after = async () => {}) =>
  async (event) => {
    event?.preventDefault()
    $('problem').textContent = ''
    try {
      await work(event)
      await after()
    } catch ({ status, code, message }) {
      if (status === 401) showSignedOut(code)
      else $('problem').textContent = status === 403 ? say(NEEDS_PLAN) : message
    }
  }

function on(target, event, work, after) {
  target.addEventListener(event, act(work, after))
  return target
}

const loadMe = async () => {
  me = await get('me')
  showMe()
}
const bodyOf = (form) => Object.fromEntries(new FormData(form))

on(
  $('note-form'),
  'submit',
  async ({ target }) => {
    await api('notes', { method: 'POST', body: bodyOf(target) })
    target.reset()
  },
  showNotes,
)
on($('me-form'), 'submit', async ({ target }) => api('me', { method: 'PUT', body: bodyOf(target) }), loadMe)
on($('site-form'), 'submit', async ({ target }) => api('site', { method: 'PUT', body: bodyOf(target) }), loadMe)
on($('audit-filter'), 'change', () => showActivity())
on($('older'), 'click', () => showActivity(oldest))
on($('download'), 'click', download)
on(
  $('access-token'),
  'click',
  async () => {
    const credential = await accessToken()
    // The session that there is goes on where the token is refused.
    await signIn(credential).catch(({ status, message }) => {
      throw new Error(status === 503 ? say('Wix did not answer. You stay signed in.') : message)
    })
  },
  loadMe,
)
$('access-token').hidden = !isSimulated
on($('sign-out'), 'click', async () => {
  await api('me/sign-out', { method: 'POST' })
  showSignedOut('signed_out')
})
// Asks with a second click: a frame may not be allowed to open a dialog.
on($('delete-all'), 'click', async ({ currentTarget: button }) => {
  const isSure = button.textContent === say('Really delete all?')
  button.textContent = say(isSure ? 'Delete all notes' : 'Really delete all?')
  if (!isSure) return
  await api('notes', { method: 'DELETE' })
  await showNotes()
})
on(window, 'hashchange', showView)

// Live

let isSignedOut = false

function showLive(words, isProblem) {
  const now = say(words)
  if ($('live').textContent !== now) $('live').textContent = now
  $('live').classList.toggle('problem-now', isProblem)
}

const REASONS = {
  app_removed: ['The app was removed from this site', 'Install the app again on Wix.'],
  signed_out: ['You are signed out everywhere', 'Reload this page from Wix to sign in again.'],
}

function showSignedOut(code) {
  isSignedOut = true
  const [title, next] = REASONS[code] ?? ['You are signed out', 'Reload this page from Wix to sign in again.']
  $('greeting').textContent = say(title)
  $('who').textContent = say(next)
  $('signed-in').hidden = true
  showLive('Signed out', true)
}

let shown

async function start() {
  await loadMe()
  if (location.hash === '' && me.account.user.view) history.replaceState(null, '', `#${me.account.user.view}`)
  await showView()
  $('signed-in').hidden = false
}

/** @returns Milliseconds until the next request; nothing when the user is signed out. */
async function refresh() {
  if (isSignedOut) return undefined
  try {
    if ($('signed-in').hidden) await start()
    const events = await (await api('events')).text()
    if (events !== shown) $('events').replaceChildren(...JSON.parse(events).map(eventOf))
    shown = events
    showLive('Live', false)
  } catch ({ status, code, wait }) {
    if (status === 401 || status === 403) showSignedOut(code)
    if (isSignedOut) return undefined
    // An outage says nothing about the token.
    showLive('No answer, trying again', true)
    if (wait > INTERVAL) return Math.min(wait, LONGEST_INTERVAL)
  }
  return INTERVAL
}

const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const visible = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve()
    document.addEventListener('visibilitychange', resolve, { once: true })
  })

for (let wait = await refresh(); wait !== undefined; wait = await refresh()) {
  await after(wait)
  // No requests while the page is hidden.
  await visible()
}
