import { language, say, speak } from './language.js'
import { api, element, get, locale, signIn } from './session.js'
import { accessToken, isSimulated } from './simulator.js'
import { tour } from './tour.js'

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
  'wix-install': 'Install from the website',
  instance: 'Instance',
  'access token': 'Access token',
  'session token': 'Session token',
}
const ROLES = { owner: 'Owner', collaborator: 'Collaborator', user: 'User' }
const SUBJECTS = { MEMBER: 'Member', VISITOR: 'Visitor', APP: 'App', UNKNOWN: 'Unknown' }
const AUDIENCES = { me: 'Only me', site: 'All who run this site', public: 'Visitors, too' }

const dateTime = (time, dateStyle = 'medium') =>
  new Intl.DateTimeFormat(language, { dateStyle, timeStyle: 'short' }).format(time)
const timeOf = (time, dateStyle) =>
  element('time', { dateTime: new Date(time).toISOString() }, dateTime(time, dateStyle))
const number = (value) => new Intl.NumberFormat(language).format(value)
const money = (cents) => new Intl.NumberFormat(language, { style: 'currency', currency: 'USD' }).format(cents / 100)
/** `words` with the values in the places of `{}`. */
const fill = (words, ...values) => say(words).replaceAll('{}', () => values.shift())

// Who you are

let me
/** By their IDs. */
let names = new Map()

function showMe() {
  const { identity, proof, account } = me
  const { role, site, user } = account
  speak(user.language ?? locale)
  const greeting = say(user.visits > 1 ? 'Welcome back' : 'Welcome')
  $('greeting').textContent = `${greeting}, ${user.name || say(ROLES[role])}`
  const plan = `${say('Plan')}: ${site.plan ?? say('Free')}`
  $('who').replaceChildren(element('strong', { id: 'role' }, say(ROLES[role])), ` · ${plan}`)
  $('facts').replaceChildren(
    ...[
      [say('Signed in with'), say(PROOFS[proof.kind] ?? proof.kind)],
      [say('Traded for'), say(PROOFS[proof.tradedFor] ?? '')],
      [say('Issued'), dateTime(proof.iat * 1000)],
      [say('Expires'), dateTime(proof.exp * 1000)],
      [say('Your user ID'), ...copied(identity.subjectId, 'my-id')],
      [say('The ID of this installation'), ...copied(identity.instanceId)],
      [say('Copied from the installation'), ...copied(site.originId)],
    ]
      .filter(([, value]) => value)
      .flatMap(([term, ...values]) => [element('dt', {}, term), element('dd', {}, ...values)]),
  )
  $('name').value = user.name ?? ''
  $('language').value = language
  $('title').value = site.title
  $('site-form').hidden = role !== 'owner'
}

/** An ID, and a button that copies it. Nothing where there is none. */
function copied(id, name = '') {
  if (!id) return []
  const code = element('code', { id: name }, id)
  const button = element('button', { type: 'button', className: 'quiet' }, say('Copy'))
  button.addEventListener('click', () => {
    getSelection().selectAllChildren(code)
    // Not navigator.clipboard, for which the page around this frame would have to give permission.
    if (document.execCommand('copy')) button.textContent = say('Copied')
  })
  return [code, ' ', button]
}

const isMe = (id) => id === me.identity.subjectId
/** Of who runs the site. An ID is for those who have told no name. */
function nameOf(id) {
  if (isMe(id)) return say('You')
  if (!id) return '–'
  return names.get(id) ?? (id === me.account.site.ownerId ? say('Owner') : `${say('Collaborator')} ${id.slice(0, 8)}…`)
}

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

async function showNotes() {
  const notes = await get('notes')
  $('notes').replaceChildren(...notes.map(noteOf))
  $('delete-all').hidden = notes.length === 0 || me.account.role !== 'owner'
}

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
        element('td', {}, timeOf(lastAt, 'short')),
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

const monthName = (month) =>
  new Intl.DateTimeFormat(language, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(month))

/** The calls and people of each month, the latest first. */
function monthsOf(rows) {
  const months = Object.groupBy(rows, ({ month }) => month)
  return Object.entries(months)
    .map(([month, ofMonth]) => ({
      month,
      people: ofMonth.length,
      calls: ofMonth.reduce((sum, { calls }) => sum + calls, 0),
    }))
    .toSorted((one, other) => other.month.localeCompare(one.month))
}

function showBill({ calls, included, centsPerCall, cents }) {
  const isFree = centsPerCall === null
  $('bill').textContent = isFree ? fill('{} of {} calls', number(calls), number(included)) : money(cents)
  Object.assign($('used'), { max: Math.max(included, calls), high: included - 1, value: calls })
  $('used').textContent = number(calls)
  $('tariff').textContent = isFree
    ? fill('The free plan ends at {} calls a month.', number(included))
    : fill(
        '{} calls, {} of which are included. Each further one is {}.',
        number(calls),
        number(included),
        money(centsPerCall),
      )
}

async function showUsage() {
  const [bill, rows] = await Promise.all([get('bill'), get('usage')])
  showBill(bill)
  const months = monthsOf(rows)
  $('months').hidden = months.length === 0
  const most = Math.max(...months.map(({ calls }) => calls))
  $('usage').replaceChildren(
    ...months.map(({ month, people, calls }) => {
      const bar = element('span', { className: 'bar-of-chart' })
      bar.style.inlineSize = `${(100 * calls) / most}%`
      return element(
        'tr',
        {},
        element('th', { scope: 'row' }, monthName(month)),
        element('td', { className: 'number' }, number(people)),
        element('td', { className: 'number' }, number(calls)),
        element('td', { className: 'wide' }, bar),
      )
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

const showTour = async () => $('tour').replaceChildren(...tour())

const VIEWS = { notes: showNotes, activity: showActivity, usage: showUsage, settings: async () => {}, tour: showTour }
const viewNow = () => (Object.hasOwn(VIEWS, location.hash.slice(1)) ? location.hash.slice(1) : 'notes')

async function showView() {
  const view = viewNow()
  for (const one of document.querySelectorAll('[data-view]')) one.hidden = one.dataset.view !== view
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${view}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  await VIEWS[view]()
}

const REFUSALS = {
  plan_required: 'This needs a paid plan.',
  limit_reached: 'The free plan has no more calls this month. A paid plan goes on.',
  insufficient_scope: 'You may not do this: it is for the owner of the site, or for who wrote the note.',
}

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
      else $('problem').textContent = say(REFUSALS[code] ?? message)
    }
  }

function on(target, event, work, after) {
  target.addEventListener(event, act(work, after))
  return target
}

const loadMe = async () => {
  const [answer, people] = await Promise.all([get('me'), get('people')])
  me = answer
  names = new Map(people.map(({ userId, name }) => [userId, name]))
  showMe()
}
/** After a change of what is on the page in all views, such as its language. */
const reload = async () => {
  await loadMe()
  await showView()
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
on($('me-form'), 'submit', async ({ target }) => api('me', { method: 'PUT', body: bodyOf(target) }), reload)
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
    await signIn(credential).catch(({ status }) => {
      throw new Error(`Wix ${status === 503 ? 'did not answer' : 'refused the access token'}. You stay signed in.`)
    })
  },
  loadMe,
)
for (const one of document.querySelectorAll('.simulated')) one.hidden = !isSimulated
$('access-token').hidden = !isSimulated
on($('sign-out'), 'click', async () => {
  await api('me/sign-out', { method: 'POST' })
  showSignedOut('signed_out')
})
// Asks with a second click: a frame may not be allowed to open a dialog.
on($('delete-all'), 'click', async ({ currentTarget: button }) => {
  const isSure = button.textContent === say('Really delete all?')
  button.textContent = say(isSure ? 'Delete all notes' : 'Really delete all?')
  button.classList.toggle('danger', !isSure)
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
